//! One wrong clock (R65, R66): messages that are ahead of the actor's clock are named, and nothing reaches up to them.

use chatfold::command::{ReadUpTo, Rejection, Role};
use chatfold::event::{Body, Fact, Through, Watermark};
use chatfold::{Command, Context, Event, Message, MessageId, Policy, Timestamp};

use super::kit::{alice, at, by, conversation, event, id, in_alices, limited, received};

const GROUP: &str = "group_dev";
const CHAT: &str = "c2c_bob";
const HOUR: i64 = 3_600_000;

/// Message `n`, which came in the direct chat so many milliseconds after now.
fn from_bob(n: u8, millis: i64) -> Event {
    event(n, "bob", millis, |envelope| {
        envelope.message_received(conversation(CHAT), Message::text(id(n.into()), "hi"))
    })
}

/// Message `n` in the group, whose seqs are milliseconds, so many of them after now.
fn in_group(n: u8, millis: i64) -> Event {
    let seq = at(millis).as_millis() as u64;
    event(n, "bob", millis, |envelope| {
        envelope.message_received(conversation(GROUP), Message::text(id(n.into()), "hi").with_seq(seq))
    })
}

fn read(to: &str, up_to: ReadUpTo) -> Command {
    Command::MarkRead { conversation: conversation(to), up_to }
}

fn said(to: &str, fact: Fact) -> Body {
    Body::Conversation(conversation(to), fact)
}

fn has_read(millis: i64) -> Body {
    said(CHAT, Fact::Read { through: Through::Watermark(Watermark::Time(at(millis))) })
}

fn names(messages: &[usize], on: bool) -> Body {
    said(CHAT, Fact::MessagesRead { targets: ids(messages), on })
}

fn ids(messages: &[usize]) -> Vec<MessageId> {
    messages.iter().map(|n| id(*n)).collect()
}

#[test]
fn r66_a_read_names_outliers_instead() {
    let events = || [from_bob(1, -5_000), from_bob(2, 120_000), from_bob(3, 120_001), from_bob(4, HOUR)];
    let done = in_alices(events())
        .when(&read(CHAT, ReadUpTo::Newest), &alice())
        .then(vec![has_read(120_000), names(&[3, 4], true)])
        .and_again_nothing();
    assert_eq!(done.inbox().totals().unread, 0);
    let mut inbox = done.inbox().clone();
    inbox.apply(&from_bob(9, 121_000));
    assert_eq!(inbox.totals().unread, 1, "what comes is unread");
    in_alices([from_bob(4, HOUR)])
        .when(&read(CHAT, ReadUpTo::Newest), &alice())
        .then(vec![names(&[4], true)])
        .and_again_nothing();
    let all = Command::MarkAllRead { scope: chatfold::command::ReadScope::Everything };
    in_alices(events()).when(&all, &alice()).then(vec![has_read(120_000), names(&[3, 4], true)]);
}

#[test]
fn r66_the_tolerance_is_a_limit() {
    let strict = limited(|limits| limits.clock_tolerance_s = 0);
    in_alices([from_bob(1, 0), from_bob(2, 1)])
        .when(&read(CHAT, ReadUpTo::Newest), &strict)
        .then(vec![has_read(0), names(&[2], true)]);
    let wide = limited(|limits| limits.clock_tolerance_s = u64::MAX);
    in_alices([from_bob(1, 0), from_bob(2, HOUR)])
        .when(&read(CHAT, ReadUpTo::Newest), &wide)
        .then(vec![has_read(HOUR)]);
}

#[test]
fn r66_a_read_up_to_an_outlier_is_cut_and_names_the_rest_up_to_it() {
    let events =
        || [from_bob(1, -5_000), from_bob(2, 0), from_bob(3, HOUR), from_bob(4, HOUR), from_bob(5, 2 * HOUR)];
    let cut = || vec![has_read(0), names(&[3, 4], true)];
    for up_to in [ReadUpTo::Message(id(3)), ReadUpTo::Position(Watermark::Time(at(2 * HOUR - 1)))] {
        in_alices(events()).when(&read(CHAT, up_to), &alice()).then(cut()).and_again_nothing();
    }
    // A second is covered whole, an outlier's too.
    let second = ReadUpTo::Second(at(HOUR).as_secs() as u64);
    in_alices([from_bob(1, HOUR), from_bob(2, HOUR + 999), from_bob(3, HOUR + 1_000)])
        .when(&read(CHAT, second), &alice())
        .then(vec![names(&[1, 2], true)])
        .and_again_nothing();
    in_alices(events()).when(&read(CHAT, ReadUpTo::Message(id(1))), &alice()).then(vec![has_read(-5_000)]);
}

#[test]
fn r66_outliers_are_named_a_few_at_a_time_own_and_gone_ones_left_out() {
    let own = event(201, "alice", HOUR, |envelope| {
        envelope.message_received(conversation(CHAT), Message::text(id(201), "mine"))
    });
    let deleted = event(202, "alice", 0, |envelope| envelope.messages_deleted(conversation(CHAT), ids(&[3])));
    let many = (0..450).map(|n| {
        let envelope = chatfold::Envelope::new(
            chatfold::EventId::from_bytes((1_000 + n as u128).to_be_bytes()),
            at(HOUR + n),
            super::kit::user("bob"),
        );
        envelope.message_received(conversation(CHAT), Message::text(id(1_000 + n as usize), "hi")).unwrap()
    });
    let events = many.chain([own, from_bob(3, HOUR), deleted]);
    let when = in_alices(events).when(&read(CHAT, ReadUpTo::Newest), &alice());
    let decision = when.decision().clone().unwrap();
    let sizes: Vec<usize> = decision
        .events
        .iter()
        .map(|event| match event.body() {
            Body::Conversation(_, Fact::MessagesRead { targets, on: true }) => targets.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [200, 200, 50]);
    when.then_events(3).and_again_nothing();
}

#[test]
fn r66_seqs_that_are_instants_have_outliers_too() {
    let events = || [in_group(1, 0), in_group(2, HOUR)];
    let through = |millis: i64| Through::Watermark(Watermark::Seq(at(millis).as_millis() as u64));
    let plain = said(GROUP, Fact::Read { through: through(HOUR) });
    in_alices(events()).when(&read(GROUP, ReadUpTo::Newest), &alice()).then(vec![plain]);
    let instants = alice().with_seqs_as_instants();
    let named = said(GROUP, Fact::MessagesRead { targets: ids(&[2]), on: true });
    in_alices(events())
        .when(&read(GROUP, ReadUpTo::Newest), &instants)
        .then(vec![said(GROUP, Fact::Read { through: through(0) }), named])
        .and_again_nothing();
    let queued = in_alices(events()).when(&send(GROUP, 900), &instants);
    let Body::Conversation(_, Fact::MessageQueued(message)) =
        queued.decision().clone().unwrap().events[0].body().clone()
    else {
        panic!("no queueing")
    };
    assert_eq!(message.seq, Some(at(0).as_millis() as u64), "behind the newest that is no outlier");
}

fn send(to: &str, n: usize) -> Command {
    Command::Send { conversation: conversation(to), message: Box::new(Message::text(id(n), "mine")) }
}

#[test]
fn r65_queueing_stands_behind_the_newest_that_is_no_outlier() {
    let stamped = |events: Vec<Event>, context: &Context| {
        let when = in_alices(events).when(&send(CHAT, 900), context);
        let decision = when.decision().clone().unwrap();
        when.then_events(1).and_again_nothing();
        decision.events[0].at()
    };
    assert_eq!(stamped(vec![from_bob(1, 60_000), from_bob(2, HOUR)], &alice()), at(60_001));
    assert_eq!(stamped(vec![from_bob(1, HOUR)], &alice()), at(0));
    assert_eq!(stamped(vec![from_bob(1, -1)], &alice()), at(0));
}

#[test]
fn r66_clearing_and_deleting_name_what_they_also_take() {
    let queued = event(7, "alice", -8_000, |envelope| {
        envelope.message_queued(conversation(CHAT), Message::text(id(7), "on its way"))
    });
    let imported = event(8, "alice", 30_000, |envelope| {
        envelope.message_imported(conversation(CHAT), None, Message::text(id(8), "old"))
    });
    let events =
        || [from_bob(1, -9_000), from_bob(2, 0), from_bob(3, HOUR), queued.clone(), imported.clone()];
    let (through, also) = (Watermark::Time(at(0)), ids(&[7, 8, 3]));
    let clear = Command::ClearHistory { conversation: conversation(CHAT) };
    let cleared = in_alices(events())
        .when(&clear, &alice())
        .then(vec![said(CHAT, Fact::HistoryCleared { through, also: also.clone() })])
        .and_again_nothing();
    let mut inbox = cleared.inbox().clone();
    let sent = event(9, "alice", 4_000, |envelope| {
        envelope.message_sent(conversation(CHAT), id(7), at(3_000), None, None)
    });
    inbox.apply_batch([&sent, &from_bob(5, 1_000)]);
    let view = inbox.conversation(&conversation(CHAT)).unwrap();
    let shown: Vec<_> = view
        .messages(chatfold::view::Direction::OldestFirst, None, 9)
        .messages
        .iter()
        .map(|m| m.id())
        .collect();
    assert_eq!((shown, view.unread_count()), (ids(&[5]), 1), "what comes shows, what was on its way is gone");

    for keep_messages in [false, true] {
        let delete = Command::DeleteConversations { conversations: vec![conversation(CHAT)], keep_messages };
        let deleted = in_alices(events())
            .when(&delete, &alice())
            .then(vec![said(CHAT, Fact::Deleted { through, keep_messages, also: also.clone() })])
            .and_again_nothing();
        let mut inbox = deleted.inbox().clone();
        assert_eq!(inbox.conversations().count(), 0);
        inbox.apply_batch([&sent]);
        assert_eq!(inbox.conversations().count(), 0, "an acknowledgement brings nothing back");
        inbox.apply(&from_bob(5, 1_000));
        assert_eq!((inbox.conversations().count(), inbox.totals().unread), (1, 1));
    }
}

#[test]
fn r66_a_conversation_of_outliers_alone_is_cleared_by_name() {
    let clear = Command::ClearHistory { conversation: conversation(CHAT) };
    let through = Watermark::Time(Timestamp::EPOCH);
    in_alices([from_bob(1, HOUR)])
        .when(&clear, &alice())
        .then(vec![said(CHAT, Fact::HistoryCleared { through, also: ids(&[1]) })])
        .and_again_nothing();
}

#[test]
fn r59_messages_are_read_by_name_and_that_is_taken_back() {
    let by_name = |messages: &[usize], on: bool| Command::ReadMessages {
        conversation: conversation(CHAT),
        messages: ids(messages),
        on,
    };
    let slow = by("alice", Role::Member, -HOUR);
    let done = in_alices([from_bob(1, -5_000), from_bob(2, -4_000), from_bob(3, -3_000)])
        .when(&by_name(&[3, 2, 3], true), &alice())
        .then(vec![names(&[3, 2], true)])
        .and_again_nothing()
        .when(&by_name(&[2], false), &slow)
        .then(vec![names(&[2], false)])
        .and_again_nothing();
    assert_eq!(done.inbox().totals().unread, 2);
    let done = done.when(&by_name(&[1, 3], true), &slow).then(vec![names(&[1], true)]);
    done.when(&by_name(&[1, 9], true), &alice()).then(Rejection::UnknownMessage { message: id(9) });
    // What the marker covers is read.
    in_alices([from_bob(1, -5_000)])
        .when(&read(CHAT, ReadUpTo::Newest), &alice())
        .then_events(1)
        .when(&by_name(&[1], true), &alice())
        .then_nothing();
}

#[test]
fn r42_r59_marking_unread_writes_off_what_was_read_by_name_from_there_on() {
    let events = || [from_bob(1, -5_000), from_bob(2, -4_000), from_bob(3, HOUR), from_bob(4, HOUR + 1)];
    let back = |n: usize| Command::MarkUnreadFrom { conversation: conversation(CHAT), message: id(n) };
    let mark = |n: usize| said(CHAT, Fact::MarkedUnreadFrom { target: id(n) });
    let done = in_alices(events())
        .when(&read(CHAT, ReadUpTo::Newest), &alice())
        .then_events(2)
        .when(&back(4), &alice())
        .then(vec![names(&[4], false)])
        .and_again_nothing()
        .when(&back(2), &alice())
        .then(vec![mark(2), names(&[3], false)])
        .and_again_nothing();
    assert_eq!(done.inbox().totals().unread, 3);
}

/// With the policy, an own message of a clock that is ahead is a read with its own stamp, which going back overtakes.
#[test]
fn r39_r65_going_back_overtakes_the_read_of_an_own_outlier() {
    let own = event(9, "alice", HOUR, |envelope| {
        envelope.message_received(conversation(CHAT), Message::text(id(9), "mine"))
    });
    let back = Command::MarkUnreadFrom { conversation: conversation(CHAT), message: id(1) };
    let policy = Policy::default().with_own_message_reads(true);
    let when = in_alices([from_bob(1, -5_000), own]).with_policy(policy).when(&back, &alice());
    assert_eq!(when.decision().clone().unwrap().events[0].at(), at(HOUR + 1));
    let done = when.then_events(1).and_again_nothing();
    assert_eq!(done.inbox().totals().unread, 1);
}

/// In groups whose seqs are the server's no time is an outlier.
#[test]
fn r66_the_servers_seqs_have_no_outliers() {
    let late = by("alice", Role::Member, -10 * HOUR);
    let through = Through::Watermark(Watermark::Seq(3));
    in_alices((1..=3).map(|n| received(n, "bob", GROUP)))
        .when(&read(GROUP, ReadUpTo::Newest), &late)
        .then(vec![said(GROUP, Fact::Read { through })]);
}
