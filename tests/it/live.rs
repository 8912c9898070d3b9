//! Sync sessions: one change set for a catch-up, the very one that a single batch would have told, in order.

use std::num::NonZeroUsize;

use chatfold::change::{FolderChange, RemovalReason};
use chatfold::live::{ListDiff, ListView, LiveInbox, Notice, Window};
use chatfold::{
    ChangeSet, Envelope, Event, EventId, Filter, FolderId, Inbox, Message, MessageId, Policy, Timestamp,
    UserId,
};

use crate::harness::{MANY, MIX, SPREAD, cases, ensure, hold, replay, same_digest, subset};
use crate::histories::{History, Rng};
use crate::mirror::batches;
use crate::pages::any_filter;
use crate::snapshot::{self, restored};

/// The change sets among the notices.
fn changes(notices: &[Notice]) -> Vec<&ChangeSet> {
    let changes = notices.iter().filter_map(|notice| match notice {
        Notice::Changed(changes) => Some(changes),
        _ => None,
    });
    changes.collect()
}

/// What batches of `len` events tell, the silent ones left out.
fn in_batches(inbox: &mut Inbox, events: &[Event], len: usize) -> Vec<ChangeSet> {
    let told = events.chunks(len.max(1)).map(|batch| inbox.apply_batch(batch));
    told.filter(|changes| !changes.is_empty()).collect()
}

/// A session over the rest of the history tells what batches would.
fn session(history: &History, mut before: Inbox, events: &[Event]) -> Result<(), String> {
    let mut rng = Rng::new(history.seed ^ 0x5e);
    let slice = rng.percent(50).then(|| 1 + rng.below(9));
    let mut live = LiveInbox::new(before.clone());
    let filters: Vec<Filter> = (0..3).map(|_| any_filter(&mut rng)).collect();
    for filter in &filters {
        live.subscribe(*filter);
    }
    let mut view = ListView::new(live.inbox(), filters[0], Window::First(2));
    let mut screen: Vec<_> = view.ids().cloned().collect();

    let mut notices = live.begin_sync(slice.and_then(NonZeroUsize::new));
    ensure(live.begin_sync(slice.and_then(NonZeroUsize::new)).is_empty(), || "began twice".into())?;
    let mut done = 0;
    for batch in batches(events, 60) {
        notices.extend(live.apply(batch));
        done += batch.len();
        // Meanwhile the list can be read, and is right.
        live.inbox().audit().map_err(|fault| format!("after {done}: {fault}"))?;
        if rng.percent(15) {
            let mut meanwhile = before.clone();
            meanwhile.apply_batch(&events[..done]);
            same_digest("in a session", &meanwhile, live.inbox())?;
            ensure(meanwhile.totals() == live.inbox().totals(), || "totals in a session".into())?;
        }
    }
    let fails = rng.percent(30);
    notices.extend(if fails { live.fail_sync("offline") } else { live.finish_sync() });
    ensure(live.finish_sync().is_empty() && live.fail_sync("").is_empty(), || "ended twice".into())?;

    let expected = in_batches(&mut before, events, slice.unwrap_or(events.len()));
    let found = changes(&notices);
    ensure(found.iter().copied().eq(&expected), || {
        format!("by {slice:?}: expected {expected:#?}\ntold {found:#?}")
    })?;
    let last = if fails { Notice::SyncFailed { reason: "offline".into() } } else { Notice::SyncFinished };
    let ends = notices.first() == Some(&Notice::SyncStarted) && notices.last() == Some(&last);
    ensure(ends, || format!("not in order: {notices:?}"))?;
    same_digest("after a session", &before, live.inbox())?;
    for filter in &filters {
        let found = live.subscriptions().totals(filter);
        ensure(found == Some(before.totals_of(filter)), || format!("{filter:?}: {found:?}"))?;
    }
    // Whoever follows at the end sees the list, by steps if one change set led there.
    let [.., last] = found.as_slice() else { return Ok(()) };
    for diff in view.follow(live.inbox(), last) {
        diff.apply_to(&mut screen, Clone::clone);
    }
    let page = before.page(&filters[0], None, 2);
    ensure(page.conversations.iter().map(|row| row.id()).eq(&screen), || format!("the screen: {screen:?}"))
}

#[test]
fn r60_a_sync_session_tells_what_one_batch_tells() {
    hold("sync", SPREAD, cases(500), &|history| {
        let (front, back) = history.events.split_at(history.events.len() / 3);
        session(history, replay(history, front), back)
    });
    hold("sync", MIX, cases(125), &|history| {
        let (front, back) = history.events.split_at(history.events.len() / 2);
        session(history, restored(&replay(history, front))?, back)
    });
    hold("sync", MANY, cases(2), &|history| {
        let (front, back) = history.events.split_at(history.events.len() / 2);
        session(history, replay(history, front), back)
    });
}

#[test]
fn r61_a_view_made_in_a_session_is_reset_when_it_ends() {
    hold("sync", MIX, cases(125), &|history| {
        let mut rng = Rng::new(history.seed ^ 0x5f);
        let mut live = LiveInbox::new(Inbox::new(history.owner.clone(), history.policy));
        live.begin_sync(None);
        let (front, back) = history.events.split_at(history.events.len() / 2);
        live.apply(front);
        let filter = any_filter(&mut rng);
        let mut view = ListView::new(live.inbox(), filter, Window::Whole);
        live.apply(back);
        let notices = live.finish_sync();
        for told in changes(&notices) {
            let diffs = view.follow(live.inbox(), told);
            let reset = matches!(diffs.as_slice(), [ListDiff::Reset { .. }]);
            ensure(reset || back.is_empty(), || format!("told {diffs:?}"))?;
            let rows = live.inbox().page(&filter, None, usize::MAX).conversations;
            ensure(rows.iter().map(|row| row.id()).eq(view.ids()), || "other rows".into())?;
        }
        Ok(())
    });
}

#[test]
fn a_merge_in_a_session_is_told_on_its_own() {
    hold("sync", MIX, cases(125), &|history| {
        let one = subset(&history.events, history.seed, 60);
        let two = replay(history, &subset(&history.events, !history.seed, 60));
        let mut live = LiveInbox::new(Inbox::new(history.owner.clone(), history.policy));
        let mut batch = live.inbox().clone();
        let mut notices = live.begin_sync(None);
        notices.extend(live.apply(&one));
        let stranger = Inbox::new(UserId::parse("stranger").unwrap(), history.policy);
        ensure(live.merge(&stranger).is_err(), || "merged a stranger's".into())?;
        notices.extend(live.merge(&two).map_err(|error| error.to_string())?);
        notices.extend(live.finish_sync());
        let expected = [batch.apply_batch(&one), batch.merge(&two).map_err(|error| error.to_string())?];
        let expected: Vec<_> = expected.into_iter().filter(|changes| !changes.is_empty()).collect();
        ensure(changes(&notices).into_iter().eq(&expected), || format!("told {notices:?}"))?;
        same_digest("merged in a session", &batch, live.inbox())
    });
}

fn alice(n: u8, second: i64) -> Envelope {
    let at = Timestamp::from_millis(second * 1_000).unwrap();
    Envelope::new(EventId::from_bytes([n; 16]), at, UserId::parse("alice").unwrap())
}

#[test]
fn outside_a_session_every_batch_is_told_at_once() {
    let mut live = LiveInbox::new(Inbox::new(UserId::parse("alice").unwrap(), Policy::default()));
    live.subscribe(Filter::default());
    let bob = UserId::parse("bob").unwrap();
    let mut by_bob = alice(1, 1);
    by_bob.by = bob.clone();
    let message = Message::text(MessageId::from_bytes([1; 16]), "hi");
    let event = by_bob.message_received(chatfold::ConversationId::direct(&bob), message).unwrap();
    let told = live.apply([&event]);
    let [Notice::Changed(_), Notice::UnreadByFilter(totals)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((totals.len(), totals[0].after.unread), (1, 1));
    assert_eq!(live.apply([&event]), [], "applied again it changes nothing");
    assert!(!live.is_syncing() && live.finish_sync().is_empty());
}

/// R71: a full folder loses what it held longest, and says why.
#[test]
fn members_say_why_they_left_a_folder() {
    let folder = FolderId::from_bytes([7; 16]);
    let chat = |n: usize| format!("c2c_u{n}").parse::<chatfold::ConversationId>().unwrap();
    let mut inbox = Inbox::new(UserId::parse("alice").unwrap(), Policy::default());
    inbox.apply(&alice(1, 1).folder_created(folder, "work".to_owned()).unwrap());
    for n in 1..=2 {
        inbox.apply(&alice(1 + n, 1 + i64::from(n)).folder_member_set(chat(n.into()), folder, true).unwrap());
    }
    let reason = |changes: &ChangeSet| match changes.folders.as_slice() {
        [.., FolderChange::MembersRemoved { conversations, reason, .. }] => {
            Some((conversations.clone(), *reason))
        }
        _ => None,
    };
    // The third comes and the first goes, by one decision at one instant.
    let coming = alice(9, 9).folder_member_set(chat(3), folder, true).unwrap();
    let going = alice(10, 9).folder_member_set(chat(1), folder, false).unwrap();
    assert_eq!(reason(&inbox.apply(&coming)), None);
    assert_eq!(reason(&inbox.apply(&going)), Some((vec![chat(1)], RemovalReason::MadeRoom)));
    let taken = alice(11, 11).folder_member_set(chat(2), folder, false).unwrap();
    assert_eq!(reason(&inbox.apply(&taken)), Some((vec![chat(2)], RemovalReason::TakenOut)));
}

/// R99: what a healed history shows cannot be told as changes; whoever listens reads anew.
#[test]
fn r99_healing_tells_a_reset() {
    let (events, inbox) = snapshot::corrupt_hall();
    let mut live = LiveInbox::new(inbox);
    let totals = live.subscribe(Filter::default());
    let waits = snapshot::spoken(20_000);
    live.begin_sync(None);
    assert_eq!(live.apply([&waits]), []);
    assert_eq!(live.subscriptions().totals(&Filter::default()), Some(totals), "its events wait");
    let replayed = Inbox::replay(snapshot::alice(), Policy::default(), &events);
    let told = live.heal(&replayed).unwrap();
    let [Notice::Changed(fault), Notice::Reset, Notice::UnreadByFilter(told)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        fault.conversations.iter().all(|row| row.attributes.contains(chatfold::change::Attribute::Fault))
    );
    assert_eq!((told[0].before, told[0].after.unread), (totals, totals.unread + 1));
    assert_eq!(live.finish_sync(), [Notice::SyncFinished], "all was told before");
    assert_eq!(live.heal(&replayed), Ok(Vec::new()), "nothing is left to heal");
    assert_eq!(live.into_inbox().faults().count(), 0);
}

/// R60: a catch-up in which nothing changed is not told, and whoever follows what is told has missed nothing.
#[test]
fn a_silent_catch_up_makes_no_list_read_anew() {
    let (chat, bob) = ("c2c_bob".parse::<chatfold::ConversationId>().unwrap(), UserId::parse("bob").unwrap());
    let received = |n: u8| {
        let mut envelope = alice(n, n.into());
        envelope.by = bob.clone();
        let message = Message::text(MessageId::from_bytes([n; 16]), "hi");
        envelope.message_received(chat.clone(), message).unwrap()
    };
    let first = received(1);
    let mut live = LiveInbox::new(Inbox::new(UserId::parse("alice").unwrap(), Policy::default()));
    live.apply([&first]);
    let mut view = ListView::new(live.inbox(), Filter::default(), Window::Whole);
    for slice in [None, NonZeroUsize::new(1)] {
        live.begin_sync(slice);
        assert_eq!(live.apply([&first, &first]), []);
        assert_eq!(live.finish_sync(), [Notice::SyncFinished]);
    }
    let told = live.apply([&received(2)]);
    let [Notice::Changed(changes)] = told.as_slice() else { panic!("{told:?}") };
    let steps = view.follow(live.inbox(), changes);
    assert!(matches!(steps.as_slice(), [ListDiff::Update { .. }]), "{steps:?}");
    // The same where another keeps the inbox.
    let mut kept = live.inbox().clone();
    let mut span = chatfold::change::ChangeSpan::new(&kept);
    kept.apply_untold([&first], &mut span);
    let silent = kept.told_since(&span);
    assert_eq!(live.follow(&kept, &silent), []);
    let changes = kept.apply(&received(3));
    let told = live.follow(&kept, &changes);
    let [Notice::Changed(changes)] = told.as_slice() else { panic!("{told:?}") };
    let steps = view.follow(live.inbox(), changes);
    assert!(matches!(steps.as_slice(), [ListDiff::Update { .. }]), "{steps:?}");
}

/// R99: a conversation of which nothing shows, as one with messages to others alone, is healed like any.
#[test]
fn r99_what_shows_nothing_is_healed_too() {
    let carol = UserId::parse("carol").unwrap();
    let whispered = |n: u64| {
        let mut message = Message::text(snapshot::message_id(n), format!("message {n}")).with_seq(n + 1);
        message.recipients = vec![carol.clone()];
        snapshot::envelope(n, "bob").message_received(snapshot::group(), message).unwrap()
    };
    let events: Vec<Event> = (0..2_000).map(whispered).collect();
    let whole = Inbox::replay(snapshot::alice(), Policy::default(), &events);
    let mut corrupt = whole.snapshot(snapshot::PREFIX).unwrap();
    let needle = b"message 1998";
    let at = corrupt.windows(needle.len()).rposition(|window| window == needle).unwrap();
    corrupt[at] ^= 0x40;
    let (inbox, _) = Inbox::restore(corrupt, &snapshot::alice(), Policy::default()).unwrap();
    let mut live = LiveInbox::new(inbox);
    assert!(live.heal(&whole).unwrap().contains(&Notice::Reset));
    assert_eq!(live.inbox().faults().count(), 0);
    assert_eq!(live.inbox().digest(), whole.digest());
    assert!(live.inbox().snapshot(snapshot::PREFIX).is_ok());
}
