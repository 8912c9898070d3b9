//! A log replayed in stretches, shared out by conversation, finished in parts and absorbed is the log replayed (R04):
//! whatever the cuts, the order of the events, what is doubled, how many parts there are and which absorbs which.

use std::num::NonZero;

use chatfold::testing::Workload;
use chatfold::view::Direction;
use chatfold::{
    ConversationId, Envelope, Event, EventId, GroupId, Inbox, Message, MessageId, Policy, Replay, Timestamp,
    UserId,
};

use crate::harness::{FEW, MANY, MIX, cases, ensure, hold, replay, same, same_digest, shuffled};
use crate::histories::{History, Rng};
use crate::model;
use crate::shown::{Names, shown};
use crate::snapshot::restored;

fn parts(count: usize) -> NonZero<usize> {
    NonZero::new(count).unwrap()
}

/// The events in so many stretches, cut anywhere; some may be empty.
fn stretches<'e>(events: &'e [Event], count: usize, rng: &mut Rng) -> Vec<&'e [Event]> {
    let mut cuts: Vec<usize> = (1..count).map(|_| rng.below(events.len() + 1)).collect();
    cuts.extend([0, events.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &events[cut[0]..cut[1]]).collect()
}

/// A replay of each stretch; of some, nothing waits any more.
fn replays(history: &History, stretches: &[&[Event]], rng: &mut Rng) -> Vec<Replay> {
    let replay = |stretch: &&[Event]| {
        let mut replay = Replay::new(history.owner.clone(), history.policy);
        for event in *stretch {
            replay.push(event);
            if rng.percent(5) {
                replay.flush();
            }
        }
        replay
    };
    stretches.iter().map(replay).collect()
}

fn shared_out(replays: Vec<Replay>, count: usize) -> Result<Vec<Replay>, String> {
    let shared = Replay::share_out(replays, parts(count)).map_err(|error| error.to_string())?;
    ensure(shared.len() == count, || format!("{} parts instead of {count}", shared.len()))?;
    Ok(shared)
}

/// One inbox of all parts, which absorb each other in an order drawn.
fn joined(parts: Vec<Replay>, rng: &mut Rng) -> Result<Inbox, String> {
    let mut inboxes: Vec<Inbox> = parts.into_iter().map(Replay::finish).collect();
    inboxes.iter().try_for_each(Inbox::audit).map_err(|fault| format!("a part: {fault}"))?;
    rng.shuffle(&mut inboxes);
    while inboxes.len() > 1 {
        let other = inboxes.pop().ok_or("none")?;
        let at = rng.below(inboxes.len());
        inboxes[at].absorb(other).map_err(|error| error.to_string())?;
        inboxes[at].audit().map_err(|fault| format!("absorbed: {fault}"))?;
    }
    inboxes.pop().ok_or_else(|| "no inbox".to_owned())
}

/// The inbox shows what the model makes of the history, and is the inbox of its replay.
fn is_whole(what: &str, history: &History, inbox: &Inbox) -> Result<(), String> {
    let names = Names::of(&history.events);
    let model = model::shown(&history.owner, history.policy, &history.events).without_void();
    let whole = replay(history, &history.events);
    same(what, &model, &shown(inbox, &names))?;
    same_digest(what, &whole, inbox)?;
    for view in whole.known_conversations() {
        let (expected, found) = (whole.explain(view.id()), inbox.explain(view.id()));
        ensure(expected == found, || format!("{what}: {}: {expected:?}\n{found:?}", view.id()))?;
    }
    inbox.audit().map_err(|fault| format!("{what}: {fault}"))
}

/// One way of cutting and sharing out, drawn from `salt`.
fn holds_in_a_way(history: &History, salt: u64) -> Result<(), String> {
    let mut rng = Rng::new(history.seed ^ salt << 56);
    let mut events = history.events.clone();
    if !salt.is_multiple_of(3) {
        events = shuffled(&events, history.seed ^ salt);
        // Doubled, mostly in other stretches.
        events.extend(
            shuffled(&history.events, !history.seed ^ salt).into_iter().take(rng.below(events.len() + 1)),
        );
    }
    let stretches = stretches(&events, 1 + rng.below(4), &mut rng);
    let count = 1 + rng.below(4);
    let what = format!("way {salt}: {} stretches, {count} parts", stretches.len());
    let mut shares = shared_out(replays(history, &stretches, &mut rng), count)?;
    if rng.percent(40) {
        // Whatever came since goes to any part, and may be of a conversation that another has.
        for event in shuffled(&history.events, salt).iter().take(10) {
            let at = rng.below(shares.len());
            shares[at].push(event);
        }
    }
    if rng.percent(30) {
        rng.shuffle(&mut shares);
        shares = shared_out(shares, 1 + rng.below(3))?;
    }
    let mut inbox = joined(shares, &mut rng)?;
    is_whole(&what, history, &inbox)?;
    same_digest(&format!("{what}, and kept"), &inbox, &restored(&inbox)?)?;
    // It goes on like every other.
    let changes = inbox.apply_batch(&history.events);
    ensure(changes.is_empty(), || format!("{what}: everything once more told {changes:?}"))?;
    is_whole(&format!("{what}, and everything once more"), history, &inbox)
}

#[test]
fn r04_stretches_shared_out_are_the_whole_log() {
    hold("R03, R04", MIX, cases(500), &|history| (0..4).try_for_each(|salt| holds_in_a_way(history, salt)));
    hold("R03, R04", FEW, cases(250), &|history| (4..7).try_for_each(|salt| holds_in_a_way(history, salt)));
}

#[test]
fn r04_stretches_of_many_messages_are_the_whole_log() {
    hold("R04", MANY, cases(8), &|history| (0..3).try_for_each(|salt| holds_in_a_way(history, salt)));
}

/// What a part has not seen yet goes on from there: live, with change sets, and in the order of the list.
#[test]
fn r03_a_shared_out_inbox_goes_on_live() {
    hold("R03", MIX, cases(250), &|history| {
        let mut rng = Rng::new(history.seed);
        let (before, after) = history.events.split_at(history.events.len() / 2);
        let stretches = stretches(before, 3, &mut rng);
        let mut inbox = joined(shared_out(replays(history, &stretches, &mut rng), 2)?, &mut rng)?;
        for event in after {
            inbox.apply(event);
            inbox.audit().map_err(|fault| format!("went on: {fault}"))?;
        }
        is_whole("went on", history, &inbox)
    });
}

/// Messages of a few groups, in the order of their seqs, with facts that name some of them long after.
fn long_log(count: u64, groups: u64) -> Vec<Event> {
    let owner = UserId::parse("owner").unwrap();
    let id = |n: u64| u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
    let message_id = |n: u64| MessageId::from_bytes(id(n));
    let event = |n: u64| {
        let at = Timestamp::from_millis(n as i64 * 10).unwrap();
        let envelope =
            |by: UserId, salt: u64| Envelope::new(EventId::from_bytes(id(n + (salt << 40))), at, by);
        let group = |n: u64| ConversationId::group(&GroupId::parse(&format!("g{}", n % groups)).unwrap());
        let by = UserId::parse(&format!("u{}", n * n % 997)).unwrap();
        let message = Message::text(message_id(n), format!("message {n}")).with_seq(n / groups + 1);
        let mut events = vec![envelope(by.clone(), 1).message_received(group(n), message).unwrap()];
        if n % 7 == 3 {
            let target = n / 2;
            events.push(envelope(by, 2).message_recalled(group(target), message_id(target), None).unwrap());
        }
        if n % 31 == 5 {
            let reader = UserId::parse(&format!("reader{}", n % 50)).unwrap();
            let read = vec![message_id(n / 3)];
            events.push(envelope(reader, 3).message_read_by(group(n / 3), read).unwrap());
        }
        if n % 41 == 1 {
            let mark = chatfold::event::Watermark::Seq(n / groups / 2);
            let read = envelope(owner.clone(), 4)
                .conversation_read(group(n), chatfold::event::Through::Watermark(mark));
            events.push(read.unwrap());
        }
        events
    };
    (0..count).flat_map(event).collect()
}

/// More messages than a window or a chunk holds, in every stretch: in order, overlapping, backwards.
#[test]
fn r04_stretches_of_more_than_a_window_join_in_any_order() {
    let events = long_log(60_000, 3);
    let owner = UserId::parse("owner").unwrap();
    let whole = Inbox::replay(owner.clone(), Policy::default(), &events);
    let len = events.len();
    let stretch = |from: usize, to: usize| {
        let mut replay = Replay::new(owner.clone(), Policy::default());
        events[len * from / 100..len * to / 100].iter().for_each(|event| replay.push(event));
        replay
    };
    type Cuts = &'static [(usize, usize)];
    let ways: [Cuts; 5] = [
        &[(0, 50), (50, 100)],
        &[(0, 33), (33, 34), (34, 34), (34, 100)],
        &[(0, 60), (40, 100)],
        &[(50, 100), (0, 50)],
        &[(0, 100), (0, 100)],
    ];
    for cuts in ways {
        for count in [1, 2, 5] {
            let replays = cuts.iter().map(|(from, to)| stretch(*from, *to)).collect();
            let inbox = joined(shared_out(replays, count).unwrap(), &mut Rng::new(7)).unwrap();
            assert_eq!(inbox.digest(), whole.digest(), "{cuts:?} to {count}");
            assert_eq!(inbox.totals(), whole.totals());
            let last = |inbox: &Inbox| -> Vec<_> {
                let row = |view: chatfold::ConversationView<'_>| {
                    (view.id().clone(), view.unread_count(), view.last_message().map(|m| m.id()))
                };
                inbox.conversations().map(row).collect()
            };
            assert_eq!(last(&inbox), last(&whole));
        }
    }
}

/// Many conversations: their rows enter the list together, or one by one where the other has nearly all.
#[test]
fn r50_rows_of_many_conversations_enter_the_list_in_order() {
    let workload = Workload::phone().with_conversations(700).with_events(6_000);
    let events: Vec<Event> = workload.iter().collect();
    let whole = Inbox::replay(workload.owner(), Policy::default(), &events);
    let ids = |inbox: &Inbox| -> Vec<_> { inbox.conversations().map(|row| row.id().clone()).collect() };
    for count in [2, 3, 40] {
        let replay = |stretch: &[Event]| {
            let mut replay = Replay::new(workload.owner(), Policy::default());
            stretch.iter().for_each(|event| replay.push(event));
            replay
        };
        let shares = Replay::share_out(events.chunks(2_000).map(replay), parts(count)).unwrap();
        let inbox = joined(shares, &mut Rng::new(count as u64)).unwrap();
        assert_eq!((ids(&inbox), inbox.totals()), (ids(&whole), whole.totals()));
        assert_eq!(inbox.digest(), whole.digest());
    }
}

/// The largest conversation does not share its part with more than it must.
#[test]
fn parts_have_about_as_much() {
    let workload = Workload::desk().with_conversations(100).with_events(20_000);
    let events: Vec<Event> = workload.iter().collect();
    let mut replay = Replay::new(workload.owner(), Policy::default());
    events.iter().for_each(|event| replay.push(event));
    let messages = |inbox: &Inbox| -> usize {
        inbox
            .conversations()
            .map(|view| view.messages(Direction::OldestFirst, None, usize::MAX).messages.len())
            .sum()
    };
    let parts: Vec<usize> = Replay::share_out([replay], parts(3))
        .unwrap()
        .into_iter()
        .map(|part| messages(&part.finish()))
        .collect();
    let (least, most) = (parts.iter().min().unwrap(), parts.iter().max().unwrap());
    assert!(most - least < most / 10, "{parts:?}");
}

#[test]
fn r04_replays_of_unlike_owner_or_policy_are_not_shared_out() {
    let new = |owner: &str, policy| Replay::new(UserId::parse(owner).unwrap(), policy);
    let policy = Policy::default().with_meeting_unread(true);
    let unlike = [new("alice", Policy::default()), new("bob", Policy::default())];
    assert!(matches!(Replay::share_out(unlike, parts(2)), Err(chatfold::check::MergeError::Owner { .. })));
    let unlike = [new("alice", Policy::default()), new("alice", policy)];
    assert!(matches!(Replay::share_out(unlike, parts(2)), Err(chatfold::check::MergeError::Policy { .. })));
    assert!(Replay::share_out([], parts(2)).unwrap().is_empty());
}
