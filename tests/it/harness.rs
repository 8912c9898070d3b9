//! Runs a law over many histories; a history that breaks it is made as small as it gets and told in full.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use chatfold::{Event, Inbox};

use crate::histories::{DENSE, History, LONG, Rng, SHORT, Shape, USUAL, history};
use crate::model::Shown;

/// A law: `Err` tells how the history breaks it.
pub type Law<'a> = &'a dyn Fn(&History) -> Result<(), String>;

/// How many histories a law of weight `per_thousand` is proven on: thousands of `CHATFOLD_CASES`, 4000 if unset.
pub fn cases(per_thousand: u64) -> u64 {
    let thousand = std::env::var("CHATFOLD_CASES").ok().map_or(4_000, |cases| cases.parse().unwrap());
    (thousand * per_thousand / 1_000).max(1)
}

/// The first seed: `CHATFOLD_SEED`, 1 if unset, so that a run tells the same every time.
pub fn first_seed() -> u64 {
    std::env::var("CHATFOLD_SEED").ok().map_or(1, |seed| seed.parse().unwrap())
}

/// Holds `law` against the histories that once broke one, which are kept for ever as logs in `regressions/` (a seed
/// would mean another history once the generator changes), and `cases` new ones of each of `shapes` in turn.
pub fn hold(name: &str, shapes: &[Shape], cases: u64, law: Law<'_>) {
    for kept in crate::regressions::histories() {
        hold_one(name, "a kept log", &kept, law);
    }
    for seed in (first_seed()..).take(cases as usize) {
        let shape = shapes[seed as usize % shapes.len()];
        hold_one(name, &format!("{shape:?}"), &history(seed, shape), law);
    }
}

fn hold_one(name: &str, origin: &str, history: &History, law: Law<'_>) {
    let Err(first) = check(history, law) else { return };
    let small = shrunk(history, law);
    let broken = check(&small, law).err().unwrap_or(first);
    panic!(
        "{name} is broken by seed {} of {origin} (CHATFOLD_SEED={} CHATFOLD_CASES=1 repeats it)\n\
         owner {}, {:?}, {} of {} events left:\n{}\n{broken}\n",
        history.seed,
        history.seed,
        small.owner,
        small.policy,
        small.events.len(),
        history.events.len(),
        told(&small.events),
    );
}

/// The events as lines of the text log.
pub fn told(events: &[Event]) -> String {
    #[cfg(feature = "jsonl")]
    let line = |event: &Event| chatfold::jsonl::encode_event(event) + "\n";
    #[cfg(not(feature = "jsonl"))]
    let line = |event: &Event| format!("{event:?}\n");
    events.iter().map(line).collect()
}

/// The law's verdict; a panic is one too (R01).
fn check(history: &History, law: Law<'_>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| law(history))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// Shrinking panics again and again; one at a time is enough to read.
static SHRINKING: Mutex<()> = Mutex::new(());

/// The history without every event that the law is broken without too.
fn shrunk(history: &History, law: Law<'_>) -> History {
    let _one = SHRINKING.lock();
    let mut small = history.clone();
    let mut chunk = small.events.len().div_ceil(2);
    while chunk > 0 {
        let mut at = 0;
        while at < small.events.len() {
            let mut without = small.clone();
            without.events.drain(at..(at + chunk).min(small.events.len()));
            if check(&without, law).is_err() {
                small = without;
            } else {
                at += chunk;
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    // Once more, one at a time, until nothing can go.
    loop {
        let before = small.events.len();
        for at in (0..before).rev() {
            let mut without = small.clone();
            without.events.remove(at);
            if check(&without, law).is_err() {
                small = without;
            }
        }
        if small.events.len() == before {
            return small;
        }
    }
}

/// `Err` with every difference, unless both show the same.
pub fn same(what: &str, model: &Shown, engine: &Shown) -> Result<(), String> {
    if model == engine {
        return Ok(());
    }
    Err(format!("{what} (left: expected, right: found)\n  {}", model.differences(engine).join("\n  ")))
}

/// `Err` unless both have the same digest.
pub fn same_digest(what: &str, left: &Inbox, right: &Inbox) -> Result<(), String> {
    ensure(left.digest() == right.digest(), || {
        format!("{what}: digests {} and {}", left.digest(), right.digest())
    })
}

/// `Err` with `else_told` unless `holds`.
pub fn ensure(holds: bool, else_told: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(else_told()) }
}

/// The inbox of the history's events in this order, in bulk.
pub fn replay(history: &History, events: &[Event]) -> Inbox {
    Inbox::replay(history.owner.clone(), history.policy, events)
}

/// The inbox of the history's events in this order, one by one.
pub fn apply_each(history: &History, events: &[Event]) -> Inbox {
    let mut inbox = Inbox::new(history.owner.clone(), history.policy);
    for event in events {
        inbox.apply(event);
    }
    inbox
}

/// A number drawn from the event itself, so that a history made smaller keeps its subsets and orders.
fn lot(event: &Event, salt: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (salt, format!("{event:?}")).hash(&mut hasher);
    hasher.finish()
}

/// A subset drawn with chance `percent` an event; another with every salt.
pub fn subset(events: &[Event], salt: u64, percent: usize) -> Vec<Event> {
    events.iter().filter(|event| Rng::new(lot(event, salt)).percent(percent)).cloned().collect()
}

/// The events in another order; another with every salt.
pub fn shuffled(events: &[Event], salt: u64) -> Vec<Event> {
    let mut drawn: Vec<(u64, &Event)> = events.iter().map(|event| (lot(event, salt), event)).collect();
    drawn.sort_by_key(|(lot, _)| *lot);
    drawn.into_iter().map(|(_, event)| event.clone()).collect()
}

/// Shapes in the usual mix.
pub const MIX: &[Shape] = &[USUAL, DENSE, SHORT, DENSE];
/// Histories over several conversations, so that rows change places.
pub const SPREAD: &[Shape] = &[USUAL, SHORT, USUAL];
/// Histories of few events.
pub const FEW: &[Shape] = &[SHORT, Shape { messages: 5, conversations: 1, ..SHORT }];
/// Histories of thousands of messages.
pub const MANY: &[Shape] = &[LONG];
