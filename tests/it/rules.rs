//! A test for every rule, named by its number: a few lines of log, and the list that the rule says they make.
//!
//! What is expected comes from the rules. Every case is folded in many ways (in bulk and one by one, forwards,
//! backwards, doubled, merged from halves), each of which must show the same, and is held against the reference
//! model too.

mod beside;
mod by_name;
mod clearing;
mod expected;
mod folders;
mod law;
mod list;
mod messages;
pub mod notation;
mod order;
mod partial;
mod personal;
mod reading;
mod receipts;
mod shown;

use std::collections::BTreeMap;

use chatfold::{Event, Inbox};

use self::expected::differences;
use self::notation::{Given, OWNER, given, user};
use crate::model;
use crate::shown::{Names, shown as look};

/// The log `given` makes the list `expected`, however it arrives.
#[track_caller]
fn check(given: &str, expected: &str) {
    if let Err(fault) = verdict(given, expected) {
        panic!("given\n{given}\nexpected\n{expected}\nbut\n{fault}");
    }
}

/// Both logs show the same.
#[track_caller]
fn check_same(left: &str, right: &str) {
    let (left_given, right_given) = (given(left), given(right));
    let names = Names::of(left_given.events.iter().chain(&right_given.events));
    let show = |given: &Given| look(&folded(given), &names);
    let (left_shown, right_shown) = (show(&left_given), show(&right_given));
    let differences = left_shown.differences(&right_shown);
    assert!(differences.is_empty(), "left{left}\nright{right}\ndiffer in\n{}", differences.join("\n"));
}

/// The inbox of a log.
fn folded(given: &Given) -> Inbox {
    Inbox::replay(user(OWNER), given.policy, &given.events)
}

/// The inbox of a log in the notation.
fn inbox(text: &str) -> Inbox {
    folded(&given(text))
}

/// `Err` with what is not as expected, and in which ways of folding.
fn verdict(text: &str, expected: &str) -> Result<(), String> {
    let given = given(text);
    let names = Names::of(&given.events);
    let model = model::shown(&user(OWNER), given.policy, &given.events).without_void();
    let digest = folded(&given).digest();
    let mut faults: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for fault in differences(expected, &model) {
        faults.entry(fault).or_default().push("the model");
    }
    for (way, inbox) in folds(&given) {
        let mut found = differences(expected, &look(&inbox, &names));
        if inbox.digest() != digest {
            found.push(format!("digest {}, in order {digest}", inbox.digest()));
        }
        found.extend(inbox.audit().err().map(|fault| fault.to_string()));
        for fault in found {
            faults.entry(fault).or_default().push(way);
        }
    }
    if let Err(fault) = applied(&given) {
        faults.entry(fault).or_default().push("apply");
    }
    let told = faults.into_iter().map(|(fault, ways)| format!("{fault} ({})", ways.join(", ")));
    let told: Vec<String> = told.collect();
    if told.is_empty() { Ok(()) } else { Err(told.join("\n")) }
}

/// The same events folded in every way that must not matter (R02, R03, R04).
fn folds(given: &Given) -> Vec<(&'static str, Inbox)> {
    let Given { policy, events } = given;
    let replay = |events: &[Event]| Inbox::replay(user(OWNER), *policy, events);
    let apply = |events: &[Event]| {
        let mut inbox = Inbox::new(user(OWNER), *policy);
        events.iter().for_each(|event| drop(inbox.apply(event)));
        inbox
    };
    let merged = |left: &[Event], right: &[Event]| {
        let mut inbox = replay(left);
        inbox.merge(&apply(right)).unwrap();
        inbox
    };
    let backwards: Vec<Event> = events.iter().rev().cloned().collect();
    let doubled: Vec<Event> = events.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
    let again: Vec<Event> = events.iter().chain(&backwards).cloned().collect();
    let (front, back) = events.split_at(events.len() / 2);
    let every = |odd: usize| -> Vec<Event> { events.iter().skip(odd).step_by(2).cloned().collect() };
    let mut batch = Inbox::new(user(OWNER), *policy);
    batch.apply_batch(events);
    vec![
        ("replay", replay(events)),
        ("replay backwards", replay(&backwards)),
        ("replay doubled", replay(&doubled)),
        ("apply", apply(events)),
        ("apply backwards", apply(&backwards)),
        ("apply doubled", apply(&doubled)),
        ("apply forwards and backwards", apply(&again)),
        ("apply as a batch", batch),
        ("merge of halves", merged(front, back)),
        ("merge of halves, swapped", merged(back, front)),
        ("merge of every other event", merged(&every(0), &every(1))),
        ("merge of overlapping parts", merged(events, &every(1))),
        ("merge with nothing", merged(&[], events)),
    ]
}

/// After every single event: totals are the sum over the list (R53), and the event again changes nothing (R02).
fn applied(given: &Given) -> Result<(), String> {
    let mut inbox = Inbox::new(user(OWNER), given.policy);
    for (index, event) in given.events.iter().enumerate() {
        inbox.apply(event);
        let sum = crate::pages::totals(inbox.conversations());
        if sum != inbox.totals() {
            return Err(format!("after event {}: totals {:?}, sum {sum:?}", index + 1, inbox.totals()));
        }
        let again = inbox.apply(event);
        if !again.is_empty() {
            return Err(format!("event {} again: {again:?}", index + 1));
        }
    }
    Ok(())
}
