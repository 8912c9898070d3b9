//! Time travel: the inbox at any moment is the replay of the events up to it, however few copies are kept.

use std::ops::Range;

use chatfold::time_travel::{History, HistoryError, HistoryPolicy, Moment};
use chatfold::{Event, Inbox, Timestamp};

use crate::harness::{FEW, MANY, MIX, cases, ensure, hold, replay, same_digest};
use crate::histories;

fn some(events: &[Event], range: Range<u64>) -> &[Event] {
    &events[range.start as usize..range.end as usize]
}

/// At this position, and at the time of the event before it.
fn holds_at(history: &histories::History, travel: &History, position: usize) -> Result<(), String> {
    let events = &history.events;
    let at = |moment: Moment| {
        let mut asked = 0;
        let found = travel.at(moment, |range| {
            asked = range.end - range.start;
            some(events, range)
        });
        found.map(|inbox| (inbox, asked)).map_err(|error| error.to_string())
    };
    let (found, asked) = at(Moment::Position(position as u64))?;
    same_digest(&format!("at {position}"), &replay(history, &events[..position]), &found)?;
    found.audit().map_err(|error| format!("at {position}: {error}"))?;
    let nearest = travel.positions().filter(|kept| *kept <= position as u64).max();
    ensure(nearest == Some(position as u64 - asked), || format!("at {position} it asked for {asked}"))?;
    let Some(time) = events.get(position).map(Event::at) else { return Ok(()) };
    let until: Vec<Event> = events.iter().filter(|event| event.at() <= time).cloned().collect();
    same_digest(&format!("at {time}"), &replay(history, &until), &at(Moment::Time(time))?.0)
}

#[test]
fn every_position_and_time_is_the_replay_of_what_was_before() {
    hold("history", FEW, cases(125), &|history| {
        for (every, most) in [(1, 100), (1, 3), (3, 2), (0, 0)] {
            let copies = HistoryPolicy::new(every, most);
            let travel = History::replay(history.owner.clone(), history.policy, copies, &history.events);
            let kept = travel.positions().count();
            ensure(kept <= most.max(2), || format!("{kept} copies where {most} were allowed"))?;
            (0..=history.events.len()).try_for_each(|position| holds_at(history, &travel, position))?;
        }
        Ok(())
    });
    hold("history", MIX, cases(50), &|history| {
        let copies = HistoryPolicy::new(4, 5);
        let travel = History::replay(history.owner.clone(), history.policy, copies, &history.events);
        (0..=history.events.len()).step_by(3).try_for_each(|position| holds_at(history, &travel, position))
    });
    hold("history", MANY, cases(2), &|history| {
        let copies = HistoryPolicy::new(50, 8);
        let travel = History::replay(history.owner.clone(), history.policy, copies, &history.events);
        (0..=history.events.len()).step_by(97).try_for_each(|position| holds_at(history, &travel, position))
    });
}

/// Copies taken along a live inbox, in batches and now and then out of turn.
#[test]
fn a_history_grows_with_a_live_inbox() {
    hold("history", MIX, cases(50), &|history| {
        let copies = HistoryPolicy::new(5, 4);
        let mut inbox = Inbox::new(history.owner.clone(), history.policy);
        let mut travel = History::new(history.owner.clone(), history.policy, copies);
        for (n, batch) in history.events.chunks(3).enumerate() {
            inbox.apply_batch(batch);
            travel.record(batch, &inbox);
            if n % 4 == 3 {
                travel.keep(&inbox);
            }
            let kept = travel.positions().count();
            ensure(kept <= 4, || format!("{kept} copies where 4 were allowed"))?;
        }
        ensure(travel.end() == history.events.len() as u64, || "events went uncounted".into())?;
        (0..=history.events.len()).try_for_each(|position| holds_at(history, &travel, position))
    });
}

#[test]
fn a_history_can_begin_where_a_snapshot_stands() {
    hold("history", MIX, cases(25), &|history| {
        let half = history.events.len() / 2;
        let (before, after) = history.events.split_at(half);
        let mut inbox = replay(history, before);
        let latest = before.iter().map(Event::at).max().unwrap_or(Timestamp::EPOCH);
        let copies = HistoryPolicy::new(7, 3);
        let mut travel = History::starting_at(inbox.clone(), half as u64, latest, copies);
        for event in after {
            inbox.apply(event);
            travel.record([event], &inbox);
        }
        for position in half..=history.events.len() {
            let events = |range| some(&history.events, range);
            let found = travel.at(position as u64, events).map_err(|error| error.to_string())?;
            same_digest(&format!("at {position}"), &replay(history, &history.events[..position]), &found)?;
        }
        let earlier = (half as u64).checked_sub(1).map(|p| travel.start(p).map(|_| ()));
        let refused = Err(HistoryError::Before {
            asked: Moment::Position(half as u64 - u64::from(half > 0)),
            begin: half as u64,
        });
        ensure(earlier.is_none_or(|found| found == refused), || "a time before it began was shown".into())?;
        let all = history.events.iter().map(Event::at).max().unwrap_or(Timestamp::EPOCH);
        let found =
            travel.at(all, |range| some(&history.events, range)).map_err(|error| error.to_string())?;
        same_digest("at the end of all time", &inbox, &found)
    });
}

#[test]
fn what_cannot_be_shown_is_refused_with_its_reason() {
    let history = histories::history(3, histories::USUAL);
    let end = history.events.len() as u64;
    let copies = HistoryPolicy::new(4, 3);
    let travel = History::replay(history.owner.clone(), history.policy, copies, &history.events);
    let all = |range| some(&history.events, range);
    let beyond = travel.at(end + 1, all).unwrap_err();
    assert_eq!(beyond, HistoryError::Beyond { asked: end + 1, end });
    let (_, range) = travel.start(end - 1).unwrap();
    assert!(range.end - range.start > 0, "{range:?}");
    let short = travel.at(end - 1, |range| some(&history.events, range.start..range.end - 1)).unwrap_err();
    assert_eq!(short, HistoryError::Tail { range: range.clone(), found: range.end - range.start - 1 });
    assert!(short.to_string().starts_with(&format!("expected the {} events", range.end - range.start)));
}
