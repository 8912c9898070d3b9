//! Snapshots: restored they are the inbox they were taken of, and what is corrupt in them never shows.

use std::sync::Arc;

use chatfold::change::{Attribute, ChangeKind};
use chatfold::check::MergeError;
use chatfold::command::{ReadScope, Rejection, Replaces, Role};
use chatfold::snapshot::{LogPrefix, SnapshotError, SnapshotInfo, SnapshotPolicy};
use chatfold::testing::Workload;
use chatfold::view::Direction;
use chatfold::{
    Command, Context, ConversationId, Envelope, Event, EventId, Inbox, Message, MessageId, Policy, Timestamp,
    UserId, decide,
};

use crate::fuzzed::mend;
use crate::harness::{FEW, MANY, MIX, cases, ensure, hold, replay, same_digest};
use crate::histories::{History, Rng, USUAL, history};
use crate::shown::{Names, shown};

pub const PREFIX: LogPrefix = LogPrefix { events: 7, skipped: 2, hash: 0x0123_4567_89ab_cdef };

pub fn restored(inbox: &Inbox) -> Result<Inbox, String> {
    let bytes = inbox.snapshot(PREFIX).map_err(|error| error.to_string())?;
    let (restored, prefix) =
        Inbox::restore(bytes, inbox.owner(), inbox.policy()).map_err(|error| error.to_string())?;
    ensure(prefix == PREFIX, || format!("stands for {prefix:?}"))?;
    Ok(restored)
}

/// What a handful of commands decide, as text.
fn decided(inbox: &Inbox) -> Vec<String> {
    let time = Timestamp::from_millis(1_900_000_000_000).unwrap();
    let context = Context::new(inbox.owner().clone(), Role::Member, time, [9; 16]);
    let mut commands = vec![Command::MarkAllRead { scope: ReadScope::Everything }];
    for row in inbox.conversations() {
        let conversation = row.id().clone();
        let (text, replaces) = ("draft".to_owned(), Replaces::Shown);
        commands.push(Command::ClearHistory { conversation: conversation.clone() });
        commands.push(Command::Pin { conversation: conversation.clone(), on: !row.is_pinned() });
        commands.push(Command::SetDraft { conversation: conversation.clone(), text, replaces });
        let message = Message::text(MessageId::from_bytes([0xaa; 16]), "after");
        commands.push(Command::Send { conversation: conversation.clone(), message: Box::new(message) });
        if let Some(message) = row.last_message().map(|m| m.id()) {
            commands.push(Command::Recall { conversation: conversation.clone(), message, reason: None });
            commands.push(Command::PinMessage { conversation, message, on: true });
        }
    }
    commands.into_iter().map(|command| format!("{:?}", decide(inbox, &command, &context))).collect()
}

/// R06 at one cut: restored and fed with the rest, one by one, it is the replay of all.
fn holds_at(history: &History, cut: usize) -> Result<(), String> {
    let (front, back) = history.events.split_at(cut);
    let names = Names::of(&history.events);
    let before = replay(history, front);
    let mut inbox = restored(&before)?;
    let frozen = inbox.clone();
    ensure(shown(&inbox, &names) == shown(&before, &names), || format!("at {cut} it shows something else"))?;
    let mut live = before.clone();
    for event in back {
        let (ours, theirs) = (inbox.apply(event), live.apply(event));
        ensure(ours == theirs, || format!("at {cut} it tells {ours:?}, expected {theirs:?}"))?;
    }
    let whole = replay(history, &history.events);
    same_digest(&format!("restored at {cut}"), &whole, &inbox)?;
    inbox.audit().map_err(|error| format!("restored at {cut}: {error}"))?;
    ensure(decided(&inbox) == decided(&whole), || format!("at {cut} something else is decided"))?;
    same_digest("the copy frozen when it was restored", &before, &frozen)?;
    let mut again = restored(&inbox)?;
    same_digest("restored once more", &whole, &again)?;
    ensure(again.merge(&before) == Ok(chatfold::ChangeSet::default()), || {
        "merging the past changed it".into()
    })
}

#[test]
fn r06_restored_at_every_cut_of_a_short_history() {
    hold("R06", FEW, cases(75), &|history| {
        (0..=history.events.len()).try_for_each(|cut| holds_at(history, cut))
    });
}

#[test]
fn r06_restored_at_some_cuts_of_any_history() {
    hold("R06", MIX, cases(250), &|history| {
        let len = history.events.len();
        [0, len / 3, len / 2, len - len / 8, len].into_iter().try_for_each(|cut| holds_at(history, cut))
    });
}

#[test]
fn r06_restored_with_thousands_of_messages() {
    hold("R06", MANY, cases(2), &|history| {
        let len = history.events.len();
        [len / 3, len.saturating_sub(40)].into_iter().try_for_each(|cut| holds_at(history, cut))
    });
}

pub fn group() -> ConversationId {
    "group_hall".parse().unwrap()
}

pub fn alice() -> UserId {
    UserId::parse("alice").unwrap()
}

pub fn message_id(n: u64) -> MessageId {
    MessageId::from_bytes((u128::from(n) << 64 | 0xfeed).to_be_bytes())
}

pub fn envelope(n: u64, by: &str) -> Envelope {
    let at = Timestamp::from_millis(1_700_000_000_000 + n as i64 * 1_000).unwrap();
    Envelope::new(EventId::from_bytes((u128::from(n) + 1).to_be_bytes()), at, UserId::parse(by).unwrap())
}

/// Message `n` of a great hall.
pub fn spoken(n: u64) -> Event {
    let message = Message::text(message_id(n), format!("message {n}")).with_seq(n + 1);
    envelope(n, "bob").message_received(group(), message).unwrap()
}

/// A hall of so many messages and a small chat beside it.
pub fn hall(messages: u64) -> (Vec<Event>, Inbox) {
    let mut events: Vec<Event> = (0..messages).map(spoken).collect();
    let chat: ConversationId = "c2c_carol".parse().unwrap();
    let hello = Message::text(MessageId::from_bytes([3; 16]), "hello");
    events.push(envelope(1 << 30, "carol").message_received(chat, hello).unwrap());
    let inbox = Inbox::replay(alice(), Policy::default(), &events);
    (events, inbox)
}

/// The events of a hall, and its inbox restored from a snapshot in which the history of the hall is corrupt.
pub fn corrupt_hall() -> (Vec<Event>, Inbox) {
    let (events, inbox) = hall(20_000);
    let mut corrupt = inbox.snapshot(PREFIX).unwrap();
    // The text of the message before the last lies in the last chunk.
    let needle = b"message 19998";
    let at = corrupt.windows(needle.len()).rposition(|window| window == needle).unwrap();
    corrupt[at] ^= 0x40;
    (events, Inbox::restore(corrupt, &alice(), Policy::default()).unwrap().0)
}

/// Bytes with several owners.
#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[test]
fn what_was_not_touched_is_copied_as_it_lies() {
    let (_, inbox) = hall(20_000);
    let bytes = inbox.snapshot(PREFIX).unwrap();
    let (restored, _) = Inbox::restore(bytes.clone(), &alice(), Policy::default()).unwrap();
    assert!(restored.snapshot(PREFIX).unwrap() == bytes, "nothing was touched, nothing differs");
    restored.conversations().for_each(|row| assert!(row.last_message().is_some()));
    assert!(restored.snapshot(PREFIX).unwrap() == bytes, "looking changes nothing");
    restored.verify().unwrap();
    assert!(restored.snapshot(PREFIX).unwrap() == bytes, "nor does looking at everything");
}

#[test]
fn a_history_restored_from_trays_goes_on_like_any_other() {
    let (mut events, inbox) = hall(20_000);
    let mut cold = restored(&inbox).unwrap();
    // The first message anew, one never seen, recalls deep in the history, a read half way.
    let mut tail = vec![spoken(0), spoken(20_000), spoken(20_001)];
    for n in [3, 9_999, 19_998] {
        let recall = envelope(30_000 + n, "bob").message_recalled(group(), message_id(n), None);
        tail.push(recall.unwrap());
    }
    let half = chatfold::event::Through::Watermark(chatfold::event::Watermark::Seq(10_000));
    tail.push(envelope(60_000, "alice").conversation_read(group(), half).unwrap());
    for event in &tail {
        cold.apply(event);
    }
    events.extend(tail);
    let whole = Inbox::replay(alice(), Policy::default(), &events);
    assert_eq!(cold.totals(), whole.totals());
    assert_eq!(cold.digest(), whole.digest());
    cold.audit().unwrap();
    let again = restored(&cold).unwrap();
    assert_eq!(again.digest(), whole.digest());
}

/// R99: a part found corrupt when it is touched harms its conversation alone.
#[test]
fn r99_rot_in_a_history_waits_for_a_replay() {
    let (mut events, inbox) = hall(20_000);
    let healthy = inbox.snapshot(PREFIX).unwrap();
    // The text of the message before the last lies in the last chunk.
    let needle = b"message 19998";
    let at = healthy.windows(needle.len()).rposition(|window| window == needle).unwrap();
    let mut corrupt = healthy.clone();
    corrupt[at] ^= 0x40;
    let (mut inbox, _) = Inbox::restore(corrupt.clone(), &alice(), Policy::default()).unwrap();
    let fresh = inbox.clone();
    assert_eq!(inbox.totals().unread, 20_001, "the list was verified");
    assert_eq!(inbox.faults().count(), 0, "nobody has looked yet");

    let next = spoken(20_000);
    let told = inbox.apply(&next);
    assert!(told.messages.is_empty() && told.totals.is_none(), "its events wait: {told:?}");
    let [change] = told.conversations.as_slice() else { panic!("one row is told of: {told:?}") };
    assert_eq!((&change.id, change.kind, change.moved()), (&group(), ChangeKind::Changed, false));
    assert_eq!(change.attributes.iter().collect::<Vec<_>>(), [Attribute::Fault]);
    assert!(inbox.apply(&next).is_empty(), "told once");
    let view = inbox.conversation(&group()).unwrap();
    assert!(view.fault().is_some() && view.last_message().is_none());
    assert_eq!((view.waiting_events(), view.unread_count()), (2, 20_000));
    assert!(inbox.totals().unread == 20_001 && inbox.conversations().count() == 2);
    let refused = inbox.snapshot(PREFIX);
    assert!(matches!(refused, Err(SnapshotError::Faulty { conversation, .. }) if conversation == group()));
    assert!(inbox.verify().is_err() && inbox.audit().is_err());
    let mut other = Inbox::new(alice(), Policy::default());
    assert!(matches!(other.merge(&inbox), Err(MergeError::Faulty { .. })));

    // The chat beside it goes on.
    let chat: ConversationId = "c2c_carol".parse().unwrap();
    let more = Message::text(MessageId::from_bytes([4; 16]), "still there?");
    let more = envelope(1 << 31, "carol").message_received(chat, more).unwrap();
    assert!(!inbox.apply(&more).is_empty());

    let replayed = Inbox::replay(alice(), Policy::default(), &events);
    assert_eq!(inbox.heal(&replayed), Ok(1));
    events.extend([next, more]);
    let whole = Inbox::replay(alice(), Policy::default(), &events);
    assert!(inbox.digest() == whole.digest() && inbox.totals() == whole.totals());
    inbox.audit().unwrap();
    inbox.snapshot(PREFIX).unwrap();
    // A copy frozen before anybody looked shares the bytes, and so the fault.
    assert!(fresh.digest() != replayed.digest() && fresh.faults().count() == 1);
}

/// R99: corruption found in the middle of a batch undoes the whole batch in that conversation.
#[test]
fn r99_rot_found_half_way_shows_nothing_of_the_batch() {
    let (events, inbox) = hall(20_000);
    let mut corrupt = inbox.snapshot(PREFIX).unwrap();
    // Deep in the history: only the recall will look there.
    let needle = b"message 5000";
    let at = corrupt.windows(needle.len()).position(|window| window == needle).unwrap();
    corrupt[at] ^= 1;
    let (mut inbox, _) = Inbox::restore(corrupt, &alice(), Policy::default()).unwrap();
    let draft = envelope(40_000, "alice").draft_set(group(), Some("soon".into()), None).unwrap();
    let recall = envelope(40_001, "bob").message_recalled(group(), message_id(5_000), None).unwrap();
    let batch = [spoken(20_000), draft, recall];
    let told = inbox.apply_batch(&batch);
    let only = told.conversations.first().map(|change| change.attributes.iter().collect::<Vec<_>>());
    assert_eq!(only, Some(vec![Attribute::Fault]), "{told:?}");
    assert!(told.messages.is_empty() && told.totals.is_none() && told.conversations.len() == 1);
    let view = inbox.conversation(&group()).unwrap();
    assert!(view.fault().is_some() && view.draft().is_none(), "the draft waits too");
    assert_eq!((view.unread_count(), view.waiting_events()), (20_000, 3));
    let replayed = Inbox::replay(alice(), Policy::default(), &events);
    assert_eq!(inbox.heal(&replayed), Ok(1));
    let whole = Inbox::replay(alice(), Policy::default(), events.iter().chain(&batch));
    assert_eq!(inbox.digest(), whole.digest());
}

/// R99: whatever concerns a corrupt history is refused, be the corruption known before or found while judging.
#[test]
fn r99_commands_for_a_corrupt_history_are_refused() {
    let (_, inbox) = hall(20_000);
    let mut corrupt = inbox.snapshot(PREFIX).unwrap();
    let needle = b"message 5000";
    let at = corrupt.windows(needle.len()).position(|window| window == needle).unwrap();
    corrupt[at] ^= 1;
    let (inbox, _) = Inbox::restore(corrupt, &alice(), Policy::default()).unwrap();
    let context =
        Context::new(alice(), Role::Owner, Timestamp::from_millis(1_900_000_000_000).unwrap(), [9; 16]);
    let pin = Command::Pin { conversation: group(), on: true };
    assert!(decide(&inbox, &pin, &context).is_ok(), "nobody has looked where it is corrupt");
    let recall = Command::Recall { conversation: group(), message: message_id(5_000), reason: None };
    let refused = |refusal: &Rejection| {
        matches!(refusal, Rejection::FaultyHistory { conversation, fault } if *conversation == group()
            && fault.offset > 0 && refusal.to_string().contains("the history of group_hall is faulty"))
    };
    for command in [&recall, &pin] {
        let rejection = decide(&inbox, command, &context).expect_err("a corrupt history");
        assert!(refused(&rejection), "{command:?}: {rejection}");
    }
    let chat: ConversationId = "c2c_carol".parse().unwrap();
    let both = Command::MarkAllRead { scope: ReadScope::Everything };
    let decision = decide(&inbox, &both, &context).unwrap();
    assert!(decision.events.len() == 1 && decision.events[0].conversation() == Some(&chat), "{decision:?}");
    assert!(decision.refused.len() == 1 && refused(&decision.refused[0].rejection));
}

/// R99: a fault that a reader came upon is told by the next change set, whatever that is about.
#[test]
fn r99_a_fault_that_a_reader_found_is_told_once() {
    let (_, inbox) = hall(300);
    let mut corrupt = inbox.snapshot(PREFIX).unwrap();
    let needle = b"message 299";
    let at = corrupt.windows(needle.len()).position(|window| window == needle).unwrap();
    corrupt[at] ^= 1;
    let (mut inbox, _) = Inbox::restore(corrupt, &alice(), Policy::default()).unwrap();
    let row = inbox.conversation(&group()).unwrap();
    assert!(row.last_message().is_none() && row.fault().is_some());
    let chat: ConversationId = "c2c_carol".parse().unwrap();
    let pin = envelope(1 << 31, "alice").conversation_pinned(chat, true).unwrap();
    let told = inbox.apply(&pin);
    assert!(told.conversations.iter().any(|c| c.id == group() && c.attributes.contains(Attribute::Fault)));
    assert!(inbox.apply(&pin).is_empty());
}

/// A small history with something of everything.
fn small() -> (History, Vec<u8>) {
    let history = history(5, USUAL);
    let bytes = replay(&history, &history.events).snapshot(PREFIX).unwrap();
    (history, bytes)
}

#[test]
fn r99_every_flipped_bit_is_told_or_harmless() {
    let (history, bytes) = small();
    let whole = replay(&history, &history.events);
    let (mut refused, mut faulty) = (0, 0);
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        match Inbox::restore(flipped, &history.owner, history.policy) {
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
            Ok((inbox, _)) => {
                assert_eq!(inbox.totals(), whole.totals(), "bit {at}");
                match inbox.verify() {
                    Err(fault) => {
                        assert!(fault.offset <= at as u64 / 8, "bit {at}: {fault}");
                        assert_ne!(inbox.digest(), whole.digest(), "bit {at}");
                        faulty += 1;
                    }
                    Ok(()) => assert_eq!(inbox.digest(), whole.digest(), "bit {at}"),
                }
            }
        }
    }
    assert!(refused > 1_000 && faulty > 1_000, "{refused} refused, {faulty} found when touched");
    assert_eq!(refused + faulty, bytes.len() * 8, "there is no byte that no checksum covers");
}

/// Whoever writes checksums that fit can make an inbox show anything, but never make it panic (R01).
#[test]
fn r01_a_lie_with_fitting_checksums_never_panics() {
    let (history, bytes) = small();
    let mut rng = Rng::new(11);
    let mut opened = 0;
    for _ in 0..cases(2_000) {
        let mut lying = bytes.clone();
        for _ in 0..=rng.below(3) {
            let at = 60 + rng.below(bytes.len() - 92);
            lying[at] = if rng.percent(30) { 0xff } else { rng.below(256) as u8 };
        }
        mend(&mut lying);
        let Ok((mut inbox, _)) = Inbox::restore(lying, &history.owner, history.policy) else { continue };
        opened += 1;
        decided(&inbox);
        inbox.digest();
        inbox.apply_batch(&history.events);
        for row in inbox.conversations() {
            row.messages(Direction::NewestFirst, None, 50);
        }
        let _ = inbox.audit();
        if inbox.heal(&replay(&history, &history.events)).is_ok() {
            assert_eq!(inbox.faults().count(), 0, "healed");
        }
    }
    assert!(opened > 100, "{opened} lies were told so that they could be opened");
    let mut mended = bytes.clone();
    mend(&mut mended);
    assert!(mended == bytes, "nothing was to be mended");
}

/// R99: corrupt registers are found when their conversation is first looked at; what was verified stays, totals and
/// list are right before and after it is healed.
#[test]
fn r99_corrupt_registers_are_found_when_looked_at_and_healed() {
    let (mut events, _) = hall(300);
    events.push(envelope(1_000, "alice").draft_set(group(), Some("a draft so far".into()), None).unwrap());
    let quiet = chatfold::event::ReceiveOption::ReceiveNotNotify;
    events.push(envelope(1_001, "alice").receive_option_set(group(), quiet).unwrap());
    let whole = Inbox::replay(alice(), Policy::default(), &events);
    let mut corrupt = whole.snapshot(PREFIX).unwrap();
    let needle = b"a draft so far";
    let at = corrupt.windows(needle.len()).position(|window| window == needle).unwrap();
    corrupt[at] ^= 1;
    let (mut inbox, _) = Inbox::restore(corrupt, &alice(), Policy::default()).unwrap();
    assert_eq!((inbox.faults().count(), inbox.totals()), (0, whole.totals()), "nobody has looked yet");
    let view = inbox.conversation(&group()).unwrap();
    let fault = view.fault().expect("looked at");
    assert!(fault.offset <= at as u64 && fault.to_string().contains("registers"), "{fault}");
    assert!(view.draft().is_none() && view.last_message().is_none(), "nothing that was not verified");
    assert!(view.messages(Direction::NewestFirst, None, 5).messages.is_empty());
    assert_eq!((view.unread_count(), view.receive_option()), (300, quiet), "the row was verified");
    let next = spoken(300);
    let told = inbox.apply(&next);
    let only = told.conversations.first().map(|change| change.attributes.iter().collect::<Vec<_>>());
    assert_eq!((only, inbox.totals()), (Some(vec![Attribute::Fault]), whole.totals()), "{told:?}");
    assert!(inbox.snapshot(PREFIX).is_err() && inbox.verify().is_err());
    assert_eq!(inbox.heal(&whole), Ok(1));
    events.push(next);
    let whole = Inbox::replay(alice(), Policy::default(), &events);
    assert_eq!((inbox.digest(), inbox.totals()), (whole.digest(), whole.totals()));
    inbox.audit().unwrap();
}

/// R99: what cannot heal changes nothing: what was verified still shows, and what waits still waits.
#[test]
fn r99_healing_from_what_does_not_fit_changes_nothing() {
    let (mut events, mut inbox) = corrupt_hall();
    let next = spoken(20_000);
    assert!(inbox.verify().is_err());
    inbox.apply(&next);
    let shown = inbox.totals();
    let strangers = Inbox::new(UserId::parse("mallory").unwrap(), Policy::default());
    let other = Inbox::new(alice(), Policy::default().with_meeting_unread(true));
    for cannot in [&strangers, &other, &corrupt_hall().1] {
        let before = inbox.revision();
        assert!(inbox.heal(cannot).is_err());
        assert_eq!((inbox.totals(), inbox.faults().count(), inbox.revision()), (shown, 1, before));
        assert!(inbox.snapshot(PREFIX).is_err());
    }
    assert_eq!(inbox.heal(&Inbox::replay(alice(), Policy::default(), &events)), Ok(1));
    events.push(next);
    assert_eq!(inbox.digest(), Inbox::replay(alice(), Policy::default(), &events).digest());
}

/// R99: a history that two conversations claim would be decoded twice; such a table is refused.
#[test]
fn r99_a_history_belongs_to_one_conversation() {
    let (_, inbox) = hall(300);
    let bytes = inbox.snapshot(PREFIX).unwrap();
    let number = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let front_at = number(&bytes, bytes.len() - 32) as usize;
    let records = front_at + 40 + (number(&bytes, front_at) + number(&bytes, front_at + 8)) as usize;
    let mut lying = bytes.clone();
    // The first history begins where the second does, or after it.
    assert!(number(&lying, records) == 0 && number(&lying, records + 40) > 0);
    lying[records..records + 8].copy_from_slice(&(number(&bytes, records + 40) + 1).to_le_bytes());
    mend(&mut lying);
    let refused = Inbox::restore(lying, &alice(), Policy::default()).err();
    assert_eq!(refused, Some(SnapshotError::Undecodable { offset: front_at as u64 }));
}

#[test]
fn r99_cut_at_every_byte_it_is_refused() {
    let (history, bytes) = small();
    for len in 0..bytes.len() {
        let cut = Inbox::restore(bytes[..len].to_vec(), &history.owner, history.policy);
        let error = cut.expect_err("a snapshot that ends early");
        assert!(!matches!(error, SnapshotError::Undecodable { .. }), "{len} bytes: {error}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Inbox::restore(longer, &history.owner, history.policy).is_err());
}

#[test]
fn r99_what_does_not_fit_is_told_with_its_reason() {
    let (history, bytes) = small();
    let bob = UserId::parse("nobody").unwrap();
    let restore = |bytes: &[u8], owner: &UserId, policy| Inbox::restore(bytes.to_vec(), owner, policy).err();
    let other = history.policy.with_meeting_unread(!history.policy.meeting_unread);
    assert!(matches!(restore(&bytes, &bob, history.policy), Some(SnapshotError::Owner { .. })));
    assert!(matches!(restore(&bytes, &history.owner, other), Some(SnapshotError::Policy { .. })));
    assert_eq!(restore(b"{\"log\":\"chatfold\"}", &bob, other), Some(SnapshotError::Magic));
    let mut newer = bytes.clone();
    newer[8] += 2;
    let error = restore(&newer, &history.owner, history.policy).unwrap();
    assert_eq!(error, SnapshotError::Version { expected: 8, found: 9 });
    assert_eq!(error.to_string(), "format version 9, expected 8");
    let info = SnapshotInfo::read(&bytes).unwrap();
    assert_eq!((info.owner, info.policy, info.prefix), (history.owner, history.policy, PREFIX));
}

#[test]
fn r41_the_policy_and_r99_the_prefix_travel_with_it() {
    let mut prefix = LogPrefix::EMPTY;
    prefix.push(b"a");
    let one = prefix;
    prefix.push(b"b");
    let mut swapped = LogPrefix::EMPTY;
    swapped.push(b"b");
    swapped.push(b"a");
    assert!(prefix.events == 2 && prefix.hash != swapped.hash && prefix.hash != one.hash);
}

#[test]
fn a_snapshot_is_due_by_events_or_bytes() {
    let never = SnapshotPolicy::default();
    assert!(!never.due(u64::MAX, u64::MAX));
    let by_events = SnapshotPolicy::default().with_every_events(Some(3));
    assert!(!by_events.due(2, u64::MAX) && by_events.due(3, 0));
    let either = SnapshotPolicy::default().with_every_events(Some(3)).with_every_len_bytes(Some(100));
    assert!(either.due(1, 100) && either.due(3, 1) && !either.due(2, 99));
    let always = SnapshotPolicy::default().with_every_events(Some(0));
    assert!(!always.due(0, 0) && always.due(1, 0), "nothing happened, nothing is due");
    let share = by_events.with_one_in_events(Some(10));
    assert!(!share.due_in(20, 2, 0) && share.due_in(39, 3, 0), "a short log has them as often as events say");
    assert!(!share.due_in(1_000, 99, u64::MAX) && share.due_in(1_000, 100, 0));
    assert!(either.due_in(u64::MAX, 3, 0), "without a share the length says nothing");
}

/// A snapshot is a cache: one of an older version is refused with its reason, and made again from the log.
#[test]
fn r99_snapshots_of_older_versions_are_refused_with_their_reason() {
    for (folder, found) in [("v1", 1), ("v2", 2), ("v3", 3), ("v4", 4)] {
        let kept = std::fs::read(kept_snapshots(folder).join("phone.snapshot")).unwrap();
        let restored = Inbox::restore(kept.clone(), &Workload::phone().owner(), Policy::default());
        assert_eq!(restored.err(), Some(SnapshotError::Version { expected: 8, found }));
        assert!(SnapshotInfo::read(&kept).is_err() && chatfold::snapshot::is_snapshot(&kept));
    }
}

pub fn kept_snapshots(version: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join("snapshots").join(version)
}

/// Its histories are long enough for an index.
fn kept_workload() -> Workload {
    Workload::phone().with_events(1_000).with_conversations(2)
}

/// A snapshot of the current version, kept for ever: written again it has the same bytes, and it restores for ever.
pub fn stays(version: &str, inbox: &Inbox, written: &[u8]) {
    let path = kept_snapshots(version).join("phone.snapshot");
    if !path.exists() && std::env::var("CHATFOLD_BLESS").is_ok_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, written).unwrap();
    }
    let kept = std::fs::read(&path).unwrap();
    let owner = Workload::phone().owner();
    let (restored, prefix) = Inbox::restore(kept.clone(), &owner, Policy::default()).unwrap();
    assert_eq!((restored.digest(), prefix), (inbox.digest(), PREFIX));
    restored.verify().unwrap();
    assert!(written == kept, "{} bytes written, {} kept", written.len(), kept.len());
    let mut other = kept;
    other[100] ^= 1;
    assert_ne!(other, written, "the comparison can fail");
}

#[test]
fn the_snapshot_of_version_7_is_written_and_read_for_ever() {
    let workload = kept_workload();
    let events: Vec<Event> = workload.iter().collect();
    let inbox = Inbox::replay(workload.owner(), Policy::default(), &events);
    stays("v7", &inbox, &inbox.snapshot(PREFIX).unwrap());
}

/// Versions 5 and 6, whose indexes are tables, are read for ever, and go on: what was written since has its own form in
/// the next snapshot, what was not is copied as it lies.
#[test]
fn snapshots_of_versions_5_and_6_are_read_for_ever() {
    let small = Workload::phone().with_events(300).with_conversations(12);
    let kept = [("v5", "phone", small), ("v6", "phone", small), ("v5", "indexed", kept_workload())];
    for (folder, name, workload) in kept {
        let path = kept_snapshots(folder).join(name).with_extension("snapshot");
        let events: Vec<Event> = workload.iter().collect();
        let whole = Inbox::replay(workload.owner(), Policy::default(), &events);
        let bytes = std::fs::read(path).unwrap();
        let (mut restored, _) = Inbox::restore(bytes, &workload.owner(), Policy::default()).unwrap();
        for round in 0..2 {
            assert_eq!((restored.digest(), restored.totals()), (whole.digest(), whole.totals()));
            restored.verify().unwrap();
            // Every event again: each message is found where it is.
            assert!(restored.apply_batch(&events).is_empty(), "{folder} {name} {round}");
            restored.audit().unwrap();
            let bytes = restored.snapshot(PREFIX).unwrap();
            (restored, _) = Inbox::restore(bytes, &workload.owner(), Policy::default()).unwrap();
        }
        let more: Vec<Event> = workload.with_events(events.len() as u64 + 900).iter().collect();
        let mut longer = whole.clone();
        more.iter().for_each(|event| {
            longer.apply(event);
            restored.apply(event);
        });
        assert_eq!((restored.digest(), restored.totals()), (longer.digest(), longer.totals()));
        let bytes = restored.snapshot(PREFIX).unwrap();
        let (again, _) = Inbox::restore(bytes, &workload.owner(), Policy::default()).unwrap();
        assert_eq!(again.digest(), longer.digest());
        again.audit().unwrap();
    }
}

/// The index of a history is written by levels: from one snapshot to the next, the bytes of the long ones stay.
#[test]
fn few_messages_more_change_few_bytes_of_a_snapshot() {
    let (events, mut inbox) = hall(20_100);
    let before = inbox.snapshot(PREFIX).unwrap();
    let known: std::collections::HashSet<&[u8]> = before.windows(64).collect();
    for n in events.len()..events.len() + 40 {
        inbox.apply(&spoken(n as u64));
    }
    let after = inbox.snapshot(PREFIX).unwrap();
    let new = after.chunks(256).filter(|chunk| !chunk.windows(64).any(|bytes| known.contains(bytes))).count();
    assert!(new * 256 < 40_000 && new > 5, "{new} of {} stretches of 256 bytes are new", after.len() / 256);
    let (restored, _) = Inbox::restore(after, &alice(), Policy::default()).unwrap();
    restored.audit().unwrap();
}

/// The bytes may be anybody's: a mapped file, or shared with other readers.
#[test]
fn the_bytes_are_kept_where_they_are() {
    let (_, inbox) = hall(2_000);
    let shared = Shared(Arc::new(inbox.snapshot(PREFIX).unwrap()));
    let (restored, _) = Inbox::restore(shared.clone(), &alice(), Policy::default()).unwrap();
    assert!(Arc::strong_count(&shared.0) == 2, "borrowed, not copied");
    assert_eq!(restored.digest(), inbox.digest());
    drop(restored);
    assert_eq!(Arc::strong_count(&shared.0), 1);
}
