//! R49: a compacted log shows what the whole one does, then and as it goes on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use chatfold::compact::{CompactError, Compaction, compact};
use chatfold::event::{Body, Fact, Through, Watermark};
use chatfold::id::ConversationKind;
use chatfold::view::Bounds;
use chatfold::{
    ConversationId, Envelope, Event, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};

use crate::harness::{MIX, apply_each, cases, ensure, hold, replay, same, same_digest, shuffled};
use crate::histories::{History, Rng};
use crate::model::Shown;
use crate::shown::{Names, shown};

/// What a report may change: which messages are held, and so the gaps, where the first unread one may be, and whether a
/// marker at the beginning is one.
fn without_held(mut shown: Shown, conversation: &ConversationId) -> Shown {
    if let Some(row) = shown.rows.get_mut(conversation) {
        row.gaps.clear();
        row.unread.clear();
        row.history.clear();
        row.online_only.clear();
        row.pinned_messages.clear();
        row.first_unread = None;
        row.read_marker = row.read_marker.filter(|marker| marker.first_field() > 0);
        row.mentions.iter_mut().for_each(|mention| mention.0 = None);
        // Of what is given up there may be more, never less (`goes_on`).
        (row.unread_at_most, row.mentions_at_most) = (None, None);
    }
    shown
}

/// A conversation of the history and a position in it, mostly one of a message.
fn choice(history: &History, inbox: &Inbox) -> Option<(ConversationId, Watermark)> {
    let mut rng = Rng::new(history.seed ^ 0xc0_ac7);
    let known: Vec<_> = inbox.known_conversations().map(|view| view.id().clone()).collect();
    if known.is_empty() {
        return None;
    }
    let conversation = rng.pick(&known).clone();
    let view = inbox.conversation(&conversation)?;
    let positions: Vec<Watermark> = crate::shown::history(view, 50)
        .iter()
        .map(|line| match conversation.kind() {
            ConversationKind::Group => Watermark::Seq(line.seq),
            ConversationKind::Direct => Watermark::Time(line.time),
        })
        .collect();
    if positions.is_empty() { None } else { Some((conversation, *rng.pick(&positions))) }
}

/// The instant an hour later, and an id of another hundred.
fn later(event: &Event) -> Event {
    let mut envelope = event.envelope().clone();
    envelope.at = Timestamp::from_millis(envelope.at.as_millis() + 3_600_000).unwrap();
    let mut id = *envelope.id.as_bytes();
    id[0] ^= 0x80;
    envelope.id = EventId::from_bytes(id);
    let body = match event.body().clone() {
        Body::Conversation(id, Fact::MessageSent { target, sent_at, seq, members }) => {
            let sent_at = Timestamp::from_millis(sent_at.as_millis() + 3_600_000).unwrap();
            Body::Conversation(id, Fact::MessageSent { target, sent_at, seq, members })
        }
        body => body,
    };
    Event::new(envelope, body).unwrap()
}

/// The least and the most of both numbers.
fn bounds(inbox: &Inbox, conversation: &ConversationId) -> [Bounds; 2] {
    let view = inbox.conversation(conversation).unwrap();
    [view.unread_bounds(), view.mention_bounds()]
}

fn is_within(inner: Bounds, outer: Bounds) -> bool {
    let most = |bounds: Bounds| bounds.most.unwrap_or(u64::MAX);
    outer.least <= inner.least && most(inner) <= most(outer)
}

/// Whether what a later event says of a conversation may be followed with a report of what is given up: no message comes
/// to stand in the part that the report sums up, and no server speaks.
fn can_follow(event: &Event, conversation: &ConversationId, gone: &BTreeSet<MessageId>) -> bool {
    let Body::Conversation(id, fact) = event.body() else { return true };
    let names_gone = crate::model::message::named(fact).iter().any(|message| gone.contains(message));
    id != conversation
        || match fact {
            Fact::MessageReceived(_)
            | Fact::MessageSent { .. }
            | Fact::MessageImported { .. }
            | Fact::MessageQueued(_)
            | Fact::UnreadReported(_)
            | Fact::HistoryComplete { .. } => false,
            _ => !names_gone,
        }
}

/// The laws of one compaction; returns what was given up.
fn law(history: &History, conversation: &ConversationId, through: Watermark) -> Result<usize, String> {
    let events = &history.events;
    let compacted = |log: &[Event]| compact(&history.owner, history.policy, log, conversation, through);
    let log = compacted(events).map_err(|error| format!("refused: {error:?}"))?;
    let told = || format!("{conversation} through {through} becomes\n{}", crate::harness::told(&log));
    let names = Names::of(events);
    let (before, after) = (replay(history, events), replay(history, &log));
    after.audit().map_err(|fault| format!("{fault}\n{}", told()))?;
    let seen = |inbox: &Inbox| without_held(shown(inbox, &names), conversation);
    same(&told(), &seen(&before), &seen(&after))?;
    ensure(compacted(&log).as_ref() == Ok(&log), || format!("compacting again changes it\n{}", told()))?;
    for salt in 0..3 {
        let other = shuffled(&log, salt);
        same_digest("in another order", &after, &apply_each(history, &other))?;
    }
    // With the log that holds the messages it is whole again.
    let mut whole = before.clone();
    whole.merge(&after).map_err(|error| error.to_string())?;
    same(&format!("merged: {}", told()), &seen(&before), &seen(&whole))?;
    goes_on(history, conversation, &log)?;
    Ok(if log == *events { 0 } else { events.len() + 1 - log.len() })
}

/// The whole log and the compacted one, as both go on: numbers of the one lie within those of the other.
fn goes_on(history: &History, conversation: &ConversationId, log: &[Event]) -> Result<(), String> {
    let held = |log: &[Event]| -> BTreeSet<MessageId> {
        let inbox = replay(history, log);
        let names = Names::of(&history.events);
        let all: Vec<_> = names.messages(conversation).collect();
        let view = inbox.conversation(conversation).unwrap();
        all.into_iter().filter(|id| view.message(*id).is_some()).collect()
    };
    let introduced = |event: &Event| match event.body() {
        Body::Conversation(id, fact) if id == conversation => crate::model::message::named(fact),
        _ => Vec::new(),
    };
    let kept: BTreeSet<MessageId> = log.iter().flat_map(introduced).collect();
    let named: BTreeSet<MessageId> = history.events.iter().flat_map(introduced).collect();
    let mut gone: BTreeSet<MessageId> = named.difference(&kept).copied().collect();
    gone.extend(held(&history.events).difference(&held(log)));
    let (mut whole, mut part) = (replay(history, &history.events), replay(history, log));
    for event in shuffled(&history.events, 9).iter().map(later) {
        if !can_follow(&event, conversation, &gone) {
            continue;
        }
        whole.apply(&event);
        part.apply(&event);
        // Where messages contradict the server nothing bounds the number, and so nothing can be compared.
        let explained = whole.explain(conversation).and_then(|explained| explained.report);
        if explained.is_some_and(|report| report.is_contradicted) {
            continue;
        }
        let (found, expected) = (bounds(&part, conversation), bounds(&whole, conversation));
        for (found, expected) in found.into_iter().zip(expected) {
            ensure(is_within(expected, found), || {
                let log = crate::harness::told(log);
                let event = crate::harness::told(std::slice::from_ref(&event));
                format!("{conversation} is {expected:?}, compacted {found:?}, after\n{event}of\n{log}")
            })?;
        }
    }
    part.audit().map_err(|fault| fault.to_string())
}

fn kind(error: &CompactError) -> &'static str {
    match error {
        CompactError::NotHeld { .. } => "not held",
        CompactError::ReportReachesFurther { .. } => "a report reaches further",
        CompactError::UnknownRead => "unknown read",
        CompactError::Waiting => "waiting",
        CompactError::Contradicted => "contradicted",
        CompactError::ShowsOtherwise => "shows otherwise",
        _ => "else",
    }
}

#[test]
fn r49_a_compacted_log_shows_the_same_and_goes_on_as_the_whole_one_does() {
    let tally: RefCell<BTreeMap<&'static str, u64>> = RefCell::default();
    hold("compaction", MIX, cases(1_500), &|history| {
        let inbox = replay(history, &history.events);
        let Some((conversation, through)) = choice(history, &inbox) else { return Ok(()) };
        let count = |what| *tally.borrow_mut().entry(what).or_default() += 1;
        match compact(&history.owner, history.policy, &history.events, &conversation, through) {
            Err(error) => count(kind(&error)),
            Ok(_) => match law(history, &conversation, through)? {
                0 => count("nothing given up"),
                _ => count("given up"),
            },
        }
        Ok(())
    });
    let tally = tally.into_inner();
    for what in ["given up", "nothing given up", "a report reaches further", "unknown read", "waiting"] {
        assert!(tally.get(what).is_some_and(|count| *count > 20), "{what}: {tally:?}");
    }
    let refused = tally.get("shows otherwise").copied().unwrap_or(0);
    assert!(refused * 20 < tally["given up"], "rarely is there no report that says it all: {tally:?}");
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

/// A group of `count` messages by bob, and what alice did.
fn team(count: u16) -> (ConversationId, Vec<Event>) {
    let team: ConversationId = "group_team".parse().unwrap();
    let received = |n: u16| {
        let mut message = Message::text(message_id(n), "something that is said in a team");
        message.seq = Some(n.into());
        at(n.into(), "bob").message_received(team.clone(), message).unwrap()
    };
    (team.clone(), (1..=count).map(received).collect())
}

fn message_id(n: u16) -> MessageId {
    MessageId::from_bytes(u128::from(n).to_be_bytes())
}

fn at(ms: i64, by: &str) -> Envelope {
    let id = EventId::from_bytes((((by.len() as u128) << 64) + ms as u128).to_be_bytes());
    Envelope::new(id, Timestamp::from_millis(ms).unwrap(), user(by))
}

fn compacted(log: &[Event], conversation: &ConversationId, through: u64) -> Result<Vec<Event>, CompactError> {
    compact(&user("alice"), Policy::default(), log, conversation, Watermark::Seq(through))
}

#[test]
fn r49_a_long_history_becomes_a_report_of_it() {
    let (team, mut log) = team(5_000);
    log.push(
        at(6_000, "alice")
            .conversation_read(team.clone(), Through::Watermark(Watermark::Seq(4_900)))
            .unwrap(),
    );
    let smaller = compacted(&log, &team, 4_990).unwrap();
    assert_eq!(smaller.len(), 12, "ten messages, the read and the report");
    let inbox = Inbox::replay(user("alice"), Policy::default(), &smaller);
    let row = inbox.conversation(&team).unwrap();
    assert_eq!((row.unread_count(), row.unread_is_lower_bound()), (100, false));
    let gaps: Vec<_> = row.gaps().map(|gap| (gap.from, gap.through)).collect();
    assert_eq!(gaps, [(Watermark::Seq(1), Watermark::Seq(4_990))]);
    // A page of what was given up comes back, and what was said of it is no longer asked where all of it is there.
    let mut again = smaller.clone();
    again.extend_from_slice(&log[4_900..4_990]);
    let again = Inbox::replay(user("alice"), Policy::default(), &again);
    assert_eq!(again.conversation(&team).unwrap().unread_count(), 100);
    // A compaction further on gives up what the first one kept.
    assert_eq!(
        compacted(&smaller, &team, 5_000).unwrap().len(),
        4,
        "the last message, the read, two reports"
    );
}

#[test]
fn r49_what_cannot_be_given_up_is_refused() {
    let (team, log) = team(9);
    let nobody: ConversationId = "group_nobody".parse().unwrap();
    assert_eq!(compacted(&log, &nobody, 3), Err(CompactError::UnknownConversation(nobody)));
    let newest = Some(Watermark::Seq(9));
    assert_eq!(compacted(&log, &team, 10), Err(CompactError::NotHeld { newest }));
    let time = Watermark::Time(Timestamp::EPOCH);
    let found = compact(&user("alice"), Policy::default(), &log, &team, time);
    assert_eq!(found, Err(CompactError::WrongPosition(team.clone(), "a seq")));
    let with = |event: Event, through| {
        let log: Vec<Event> = log.iter().cloned().chain([event]).collect();
        compacted(&log, &team, through)
    };
    let read = |message| {
        at(20, "alice").conversation_read(team.clone(), Through::Message(message_id(message))).unwrap()
    };
    assert_eq!(with(read(77), 9), Err(CompactError::Waiting));
    assert!(with(read(5), 9).is_ok());
    let mark = at(20, "alice").marked_unread_from(team.clone(), message_id(77)).unwrap();
    assert_eq!(with(mark, 9), Err(CompactError::Waiting));
    let report = |through, read| {
        let said = chatfold::event::UnreadReport {
            through: Watermark::Seq(through),
            unread: 2,
            read,
            at_least: false,
            mentions: None,
            active_at: None,
        };
        at(20, "alice").unread_reported(team.clone(), said).unwrap()
    };
    let known = Some(Through::Watermark(Watermark::Seq(3)));
    let through = Watermark::Seq(8);
    assert_eq!(with(report(8, known), 7), Err(CompactError::ReportReachesFurther { through }));
    assert_eq!(with(report(12, None), 12), Err(CompactError::UnknownRead));
    assert!(with(report(8, known), 8).is_ok());
    // Two unread behind the seventh of nine, of which the last are held: one of them at most is where the server says.
    let lied = report(8, Some(Through::Watermark(Watermark::Seq(7))));
    let gap: Vec<Event> =
        log.iter().filter(|event| event.at().as_millis() != 8).cloned().chain([lied]).collect();
    assert_eq!(compacted(&gap, &team, 8), Err(CompactError::Contradicted));
    let last = Envelope::new(EventId::from_bytes([7; 16]), Timestamp::MAX, user("alice"));
    assert_eq!(with(last.conversation_pinned(team.clone(), true).unwrap(), 8), Err(CompactError::EndOfTime));
}

#[test]
fn r49_what_later_events_may_need_stays() {
    let (team, mut log) = team(6);
    let mut fact = |ms: i64, make: &dyn Fn(Envelope) -> Event| log.push(make(at(ms, "alice")));
    let ids = |all: &[u16]| all.iter().map(|n| message_id(*n)).collect::<Vec<_>>();
    fact(20, &|by| by.messages_deleted(team.clone(), ids(&[1, 2])).unwrap());
    fact(21, &|by| by.messages_deleted(team.clone(), ids(&[3, 5])).unwrap());
    fact(22, &|by| by.messages_read(team.clone(), ids(&[4]), true).unwrap());
    fact(23, &|by| by.marked_unread_from(team.clone(), message_id(2)).unwrap());
    fact(24, &|by| by.history_complete(team.clone(), Watermark::Seq(0), Watermark::Seq(5)).unwrap());
    fact(25, &|by| by.history_complete(team.clone(), Watermark::Seq(1), Watermark::Seq(3)).unwrap());
    let smaller = compacted(&log, &team, 4).unwrap();
    let told: Vec<_> = smaller.iter().map(|event| (event.type_name(), event.at().as_millis())).collect();
    let expected = [
        ("message_received", 5),
        ("message_received", 6),
        ("messages_deleted", 21),
        ("marked_unread_from", 23),
        ("history_complete", 24),
        ("unread_reported", 26),
    ];
    assert_eq!(told, expected);
    let complete = smaller[4].body().clone();
    let clipped = Fact::HistoryComplete { from: Watermark::Seq(5), through: Watermark::Seq(5) };
    assert_eq!(complete, Body::Conversation(team.clone(), clipped));
    assert!(log.iter().all(|event| event.id() != smaller[4].id()), "another stretch has another id");
}

#[test]
fn r49_the_plan_tells_of_each_event_and_leaves_other_conversations_alone() {
    let (team, mut log) = team(6);
    let other: ConversationId = "c2c_bob".parse().unwrap();
    log.push(at(30, "bob").message_received(other.clone(), Message::text(message_id(1), "hello")).unwrap());
    let mut compaction = Compaction::new(user("alice"), Policy::default(), team, Watermark::Seq(6));
    log.iter().for_each(|event| compaction.note(event));
    let plan = compaction.plan().unwrap();
    assert_eq!((plan.given_up(), plan.through()), (5, Watermark::Seq(6)));
    let kept: Vec<_> = log.iter().filter(|event| plan.rewrite(event).is_some()).collect();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[1].conversation(), Some(&other));
    assert_eq!(plan.report().map(|event| event.by().as_str()), Some("alice"));
}

#[test]
fn r49_what_a_report_cannot_tell_of_stays() {
    // The message that the peer has read up to.
    let chat: ConversationId = "c2c_bob".parse().unwrap();
    let own = |n: u16| {
        at(n.into(), "alice").message_received(chat.clone(), Message::text(message_id(n), "hello")).unwrap()
    };
    let mut log: Vec<Event> = (1..=4).map(own).collect();
    log.push(at(9, "bob").peer_read(chat.clone(), Through::Message(message_id(2))).unwrap());
    let end = Watermark::Time(Timestamp::from_millis(4).unwrap());
    let smaller = compact(&user("alice"), Policy::default(), &log, &chat, end).unwrap();
    assert_eq!(smaller.len(), 4, "two messages, what the peer read, the report");
    // Messages at one seq, which is one place to a report.
    let (team, mut log) = team(3);
    let mut double = Message::text(message_id(20), "at the same seq");
    double.seq = Some(2);
    log.push(at(20, "bob").message_received(team.clone(), double).unwrap());
    assert_eq!(compacted(&log, &team, 3).unwrap().len(), 4, "all but the first, and the report");
    // A report through a message that a deletion names would bring the conversation back into the list.
    let deleted =
        Fact::Deleted { through: Watermark::Seq(1), keep_messages: true, also: vec![message_id(2)] };
    log.truncate(2);
    log.push(Event::new(at(30, "alice"), Body::Conversation(team.clone(), deleted)).unwrap());
    let smaller = compacted(&log, &team, 2).unwrap();
    assert_eq!(smaller.len(), 3, "the last message, the deletion, the report");
    let inbox = Inbox::replay(user("alice"), Policy::default(), &smaller);
    assert_eq!(inbox.conversations().count(), 0);
}
