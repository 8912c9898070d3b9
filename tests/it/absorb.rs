//! An inbox that absorbs another is the one that merged it (R04): split by conversation or in any other way, folded
//! or restored from a snapshot, with copies held or without, and not at all where a history is corrupt.

use std::collections::BTreeSet;

use chatfold::check::MergeError;
use chatfold::{ConversationId, Event, Inbox, Policy, UserId};

use crate::harness::{FEW, MIX, cases, ensure, hold, replay, same, same_digest, subset};
use crate::histories::History;
use crate::model;
use crate::shown::{Names, shown};
use crate::snapshot::{PREFIX, restored};

/// The history's events in parts, each conversation in one of them; account-wide events go to any.
fn split(events: &[Event], parts: usize) -> Vec<Vec<&Event>> {
    let conversations: BTreeSet<_> = events.iter().filter_map(Event::conversation).collect();
    let ids: Vec<_> = conversations.into_iter().collect();
    let place = |id: &ConversationId| ids.iter().position(|other| *other == id).unwrap_or_default();
    let mut split = vec![Vec::new(); parts];
    for event in events {
        let part = event.conversation().map_or(event.id().as_bytes()[15].into(), place) % parts;
        split[part].push(event);
    }
    split
}

/// The inbox as it is, or restored from its snapshot.
fn maybe_restored(inbox: Inbox, is_restored: bool) -> Result<Inbox, String> {
    if is_restored { restored(&inbox) } else { Ok(inbox) }
}

fn absorbed(into: &mut Inbox, other: Inbox) -> Result<(), String> {
    let revision = into.revision();
    into.absorb(other).map_err(|error| error.to_string())?;
    ensure(into.revision() != revision, || "whoever follows it must see that".to_owned())?;
    into.audit().map_err(|fault| format!("absorbed: {fault}"))
}

/// One way of splitting and absorbing; the bits of `way` say which sides are restored and of which copies are held.
fn holds_in_a_way(history: &History, cut: usize, way: u64) -> Result<(), String> {
    let names = Names::of(&history.events);
    let (before, after) = history.events.split_at(cut);
    let whole = replay(history, before);
    let has = |bit: u64| way >> bit & 1 == 1;
    let mut parts = Vec::new();
    for (n, events) in (0..).zip(split(before, 3)) {
        let folded = Inbox::replay(history.owner.clone(), history.policy, events);
        parts.push(maybe_restored(folded, has(n))?);
    }
    let held: Vec<_> = parts.iter().filter(|_| has(3)).map(|part| (part.clone(), part.digest())).collect();
    let mut parts = parts.into_iter();
    let mut inbox = parts.next().ok_or("no parts")?;
    for part in parts {
        absorbed(&mut inbox, part)?;
    }
    let what = format!("absorbed in way {way:b}, cut at {cut}");
    let model = |events| model::shown(&history.owner, history.policy, events).without_void();
    same(&what, &model(before), &shown(&inbox, &names))?;
    same_digest(&what, &whole, &inbox)?;
    same_digest(&format!("{what}, and kept"), &whole, &restored(&inbox)?)?;
    // What was moved goes on like everything else, and is nobody else's.
    after.iter().for_each(|event| drop(inbox.apply(event)));
    inbox.audit().map_err(|fault| format!("{what}, and went on: {fault}"))?;
    same(&format!("{what}, and went on"), &model(&history.events), &shown(&inbox, &names))?;
    same_digest(&format!("{what}, and went on"), &replay(history, &history.events), &inbox)?;
    held.iter().try_for_each(|(copy, digest)| {
        copy.audit().map_err(|fault| format!("{what}, a copy held: {fault}"))?;
        ensure(copy.digest() == *digest, || format!("{what}: a copy held is another"))
    })
}

#[test]
fn r04_absorbing_a_split_by_conversation_is_the_whole() {
    hold("R04", FEW, cases(500), &|history| {
        let whole = history.events.len();
        holds_in_a_way(history, whole, 0)?;
        holds_in_a_way(history, whole / 2, history.seed % 16)?;
        holds_in_a_way(history, whole * 2 / 3, !history.seed % 16)
    });
}

/// Any split, overlapping or not: what both have is joined, what one has is moved.
#[test]
fn r04_absorbing_is_merging_whatever_each_has_seen() {
    hold("R04", MIX, cases(400), &|history| {
        let [one, two] = [1, 2].map(|salt| {
            let percent = 20 + history.seed.wrapping_mul(salt) % 70;
            replay(history, &subset(&history.events, history.seed ^ salt << 60, percent as usize))
        });
        for way in 0..4 {
            let ours = maybe_restored(one.clone(), way & 1 != 0)?;
            let theirs = maybe_restored(two.clone(), way & 2 != 0)?;
            let mut merged = one.clone();
            merged.merge(&two).map_err(|error| error.to_string())?;
            let mut inbox = ours.clone();
            absorbed(&mut inbox, theirs.clone())?;
            same_digest(&format!("way {way}"), &merged, &inbox)?;
            ensure(merged.totals() == inbox.totals(), || format!("way {way}: other totals"))?;
            let ids =
                |inbox: &Inbox| -> Vec<_> { inbox.conversations().map(|row| row.id().clone()).collect() };
            ensure(ids(&merged) == ids(&inbox), || format!("way {way}: another list"))?;
            // Its own copy, and one forked from it, change nothing.
            let copy = inbox.clone();
            absorbed(&mut inbox, copy)?;
            absorbed(&mut inbox, ours)?;
            same_digest(&format!("way {way}, again"), &merged, &inbox)?;
            same_digest(&format!("way {way}, the other"), &two, &theirs)?;
        }
        Ok(())
    });
}

/// The inbox restored from a snapshot in whose histories one bit is wrong, if that leaves one to be restored.
fn corrupt(inbox: &Inbox, seed: u64) -> Option<Inbox> {
    let mut bytes = inbox.snapshot(PREFIX).ok()?;
    let front_at = bytes.len().checked_sub(32)?;
    let front_at = u64::from_le_bytes(bytes.get(front_at..front_at + 8)?.try_into().ok()?) as usize;
    let first = bytes.len().min(60);
    let at =
        first + (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16) as usize % front_at.checked_sub(first)?;
    bytes[at] ^= 1 << (seed % 8);
    let restored = Inbox::restore(bytes, inbox.owner(), inbox.policy()).ok()?.0;
    restored.clone().verify().is_err().then_some(restored)
}

#[test]
fn r99_what_is_corrupt_is_not_absorbed() {
    let refused = std::cell::Cell::new(0);
    hold("R99", FEW, cases(300), &|history| {
        let parts = split(&history.events, 2);
        let [one, two] =
            [0, 1].map(|n| Inbox::replay(history.owner.clone(), history.policy, parts[n].iter().copied()));
        let Some(theirs) = corrupt(&two, history.seed) else { return Ok(()) };
        let mut inbox = one.clone();
        let (digest, revision) = (inbox.digest(), inbox.revision());
        let faulty = theirs.faults().next().map(|(id, _)| id.clone());
        let told = inbox.absorb(theirs.clone());
        ensure(
            matches!(&told, Err(MergeError::Faulty { conversation, .. }) if Some(conversation) == faulty.as_ref()),
            || format!("absorbed what is corrupt: {told:?}"),
        )?;
        ensure(inbox.digest() == digest && inbox.revision() == revision, || {
            "what is refused changes nothing".to_owned()
        })?;
        inbox.audit().map_err(|fault| format!("refused: {fault}"))?;
        refused.set(refused.get() + 1);
        // Healed, it is.
        let whole = replay(history, &history.events);
        let mut healed = theirs.clone();
        healed.heal(&two).map_err(|error| error.to_string())?;
        absorbed(&mut inbox, healed)?;
        same_digest("healed and absorbed", &whole, &inbox)?;
        // A corrupt history of its own, which the other does not have, does not stand in its way. (A group's profile
        // is enough to have it.)
        if faulty.is_some_and(|id| one.conversation(&id).is_some()) {
            return Ok(());
        }
        let mut theirs = theirs;
        theirs.absorb(one).map_err(|error| error.to_string())?;
        ensure(theirs.faults().count() > 0, || "its own fault is forgotten".to_owned())?;
        theirs.heal(&whole).map_err(|error| error.to_string())?;
        same_digest("absorbed and healed", &whole, &theirs)
    });
    assert!(refused.get() > 30, "only {} were corrupt", refused.get());
}

#[test]
fn r04_inboxes_of_unlike_owner_or_policy_are_not_absorbed() {
    let alice = UserId::parse("alice").unwrap();
    let mut inbox = Inbox::new(alice.clone(), Policy::default());
    let before = inbox.digest();
    let other_owner = Inbox::new(UserId::parse("bob").unwrap(), Policy::default());
    let other_policy = Inbox::new(alice, Policy::default().with_meeting_unread(true));
    assert!(matches!(inbox.absorb(other_owner), Err(MergeError::Owner { .. })));
    assert!(matches!(inbox.absorb(other_policy), Err(MergeError::Policy { .. })));
    assert_eq!((inbox.digest(), inbox.revision()), (before, 0));
}
