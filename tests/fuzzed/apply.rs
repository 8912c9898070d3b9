//! The fold on any events: the laws above all rules (R01–R08).

use chatfold::jsonl::{LoggedEvent, decode_line, encode_event};
use chatfold::snapshot::LogPrefix;
use chatfold::{ChangeSet, Event, Inbox};

use super::events::{History, history};

/// Holds the laws against the history that the bytes stand for.
pub fn check(data: &[u8]) {
    let Some(history) = history(data) else { return };
    let told = || {
        let lines: Vec<String> = history.events.iter().map(encode_event).collect();
        format!(
            "owner {}, {:?}, cut at {}:\n{}",
            history.owner,
            history.policy,
            history.cut,
            lines.join("\n")
        )
    };
    if let Err(broken) = holds(&history) {
        panic!("{broken}\n{}", told());
    }
}

fn holds(history: &History) -> Result<(), String> {
    let replay = |events: &[Event]| Inbox::replay(history.owner.clone(), history.policy, events);
    let applied = |events: &[Event]| {
        let mut inbox = Inbox::new(history.owner.clone(), history.policy);
        inbox.apply_batch(events);
        inbox
    };
    let events = &history.events;
    let whole = replay(events);
    let same = |what: &str, inbox: &Inbox| {
        inbox.audit().map_err(|error| format!("{what}: {error}"))?;
        let equal = inbox.digest() == whole.digest() && inbox.totals() == whole.totals();
        let listed = |inbox: &Inbox| inbox.conversations().map(|row| row.id().clone()).collect::<Vec<_>>();
        if equal && listed(inbox) == listed(&whole) { Ok(()) } else { Err(format!("{what}: not the same")) }
    };
    let none = |what: &str, changes: &ChangeSet| {
        if changes.is_empty() { Ok(()) } else { Err(format!("{what}: told {changes:?}")) }
    };
    same("replayed", &whole)?;

    let mut live = Inbox::new(history.owner.clone(), history.policy);
    for event in events {
        live.apply(event);
        none("applied again", &live.apply(event))?;
    }
    same("applied one by one", &live)?;

    // Shuffled, and some of it twice.
    let mut shuffled = events.clone();
    shuffled.extend(events.iter().take(history.cut).cloned());
    shuffle(&mut shuffled, &history.order);
    same("replayed shuffled", &replay(&shuffled))?;
    same("applied shuffled", &applied(&shuffled))?;

    let (front, back) = events.split_at(history.cut);
    let (first, second) = (applied(front), applied(back));
    let mut merged = first.clone();
    merged.merge(&second).map_err(|error| error.to_string())?;
    same("merged", &merged)?;
    let mut other = second;
    other.merge(&first).map_err(|error| error.to_string())?;
    same("merged the other way", &other)?;
    none("merged again", &merged.merge(&other).map_err(|error| error.to_string())?)?;

    let bytes = first.snapshot(LogPrefix::EMPTY).map_err(|error| error.to_string())?;
    let restored = Inbox::restore(bytes.clone(), &history.owner, history.policy);
    let (mut restored, _) = restored.map_err(|error| error.to_string())?;
    if restored.snapshot(LogPrefix::EMPTY).as_ref() != Ok(&bytes) {
        return Err("a snapshot of what was restored is another".to_owned());
    }
    for event in back {
        restored.apply(event);
    }
    same("restored and gone on", &restored)?;

    for event in events {
        let line = encode_event(event);
        if decode_line(line.as_bytes()) != Ok(LoggedEvent::Known(event.clone())) {
            return Err(format!("does not come back: {line}"));
        }
    }
    Ok(())
}

fn shuffle(events: &mut [Event], order: &[u8]) {
    let mut state =
        order.iter().fold(1u64, |state, byte| state.wrapping_mul(257).wrapping_add(u64::from(*byte)));
    for last in (1..events.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        events.swap(last, (state >> 33) as usize % (last + 1));
    }
}
