//! Hostile and odd logs (R01): whatever they cost, they mean what the rules say. `benches/growth.rs` has what they cost.

use chatfold::event::Watermark;
use chatfold::snapshot::LogPrefix;
use chatfold::testing::Hostile;
use chatfold::{ConversationId, Event, Inbox, Message, MessageId, Policy, UserId};

use crate::harness::{same, same_digest, shuffled};
use crate::model;
use crate::shown::{Names, shown};
use crate::snapshot::envelope;

/// Every kind of log, at two lengths: one for what is looked at one by one, one for what is not.
fn each(check: impl Fn(&Hostile, &UserId, &[Event]) -> Result<(), String>) {
    for kind in Hostile::ALL {
        for count in [40, 200] {
            let (owner, events) = (Hostile::owner().unwrap(), kind.events(count).unwrap());
            if let Err(fault) = check(kind, &owner, &events) {
                panic!("{}, {count} events: {fault}", kind.name);
            }
        }
    }
}

#[test]
fn r01_hostile_logs_show_what_the_model_shows() {
    each(|kind, owner, events| {
        let names = Names::of(events);
        let expected = model::shown(owner, kind.policy, events).without_void();
        let replay = |events: &[Event]| Inbox::replay(owner.clone(), kind.policy, events);
        let live = |events: &[Event]| {
            let mut inbox = Inbox::new(owner.clone(), kind.policy);
            events.iter().for_each(|event| drop(inbox.apply(event)));
            inbox
        };
        let reference = replay(events);
        let is_right = |what: &str, inbox: &Inbox| {
            same(what, &expected, &shown(inbox, &names))?;
            same_digest(what, &reference, inbox)?;
            inbox.audit().map_err(|fault| format!("{what}: {fault}"))
        };
        is_right("replayed", &reference)?;
        is_right("applied one by one", &live(events))?;
        let mixed = shuffled(events, 7);
        is_right("replayed shuffled", &replay(&mixed))?;
        is_right("applied shuffled", &live(&mixed))?;
        let backwards: Vec<Event> = events.iter().rev().cloned().collect();
        is_right("applied backwards", &live(&backwards))?;
        let (older, newer) = events.split_at(events.len() / 2);
        let mut merged = live(newer);
        merged.merge(&live(older)).map_err(|fault| fault.to_string())?;
        is_right("merged", &merged)?;
        let bytes = live(older).snapshot(LogPrefix::EMPTY).map_err(|fault| fault.to_string())?;
        let (mut restored, _) =
            Inbox::restore(bytes, owner, kind.policy).map_err(|fault| fault.to_string())?;
        newer.iter().for_each(|event| drop(restored.apply(event)));
        is_right("restored in the middle", &restored)
    });
}

/// An event that changes nothing tells nothing, and one batch tells what the events one by one come to (R60).
#[test]
fn r60_hostile_logs_told_twice_tell_nothing() {
    each(|kind, owner, events| {
        let mut inbox = Inbox::new(owner.clone(), kind.policy);
        inbox.apply_batch(events);
        for event in events {
            let changes = inbox.apply(event);
            if !changes.is_empty() {
                return Err(format!("{event:?} once more told {changes:?}"));
            }
        }
        Ok(())
    });
}

/// Among many messages that were imported at the very edge of a deletion, those introduced after it list the
/// conversation again; one that is only for who is online does not.
#[test]
fn an_online_message_at_the_edge_of_a_deletion_lists_nothing() {
    let group: ConversationId = "group_hall".parse().unwrap();
    let (owner, edge) = (UserId::parse("alice").unwrap(), 101);
    let at_edge =
        |n: u64| Message::text(MessageId::from_bytes(u128::from(n).to_be_bytes()), "x").with_seq(edge);
    let import = |n: u64, message: Message| {
        envelope(n, "alice").message_imported(group.clone(), None, message).unwrap()
    };
    let mut events: Vec<Event> = (1..=100).map(|n| import(n, at_edge(n))).collect();
    let through = Watermark::Seq(edge);
    events.push(envelope(500, "alice").conversation_deleted(group.clone(), through, false).unwrap());
    let mut online = at_edge(600);
    online.online_only = true;
    events.push(import(600, online));
    let is_right = |events: &[Event], listed: usize| {
        let expected = model::shown(&owner, Policy::default(), events).without_void();
        let mut live = Inbox::new(owner.clone(), Policy::default());
        events.iter().for_each(|event| drop(live.apply(event)));
        for inbox in [live, Inbox::replay(owner.clone(), Policy::default(), events)] {
            same("at the edge", &expected, &shown(&inbox, &Names::of(events))).unwrap();
            assert_eq!((inbox.listed(), inbox.audit()), (listed, Ok(())));
        }
    };
    is_right(&events, 0);
    events.push(import(601, at_edge(601)));
    is_right(&events, 1);
}
