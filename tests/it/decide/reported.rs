//! Commands beside a server's report (R45, R66): what is written must take effect over it, and what it speaks of without
//! being held cannot be named.

use chatfold::command::{ReadUpTo, Rejection};
use chatfold::event::{Body, Fact, Through, UnreadReport, Watermark};
use chatfold::{Command, Event, Inbox, Policy, Timestamp, decide};

use super::kit::{at, conversation, event, id, in_alices, limited, received, user};

const GROUP: &str = "group_dev";

/// How far the server's clock is ahead of ours, in milliseconds.
const AHEAD: i64 = 5_000;

/// Four messages, the third of them alice's own, of ten that a server knows: five are unread behind the fourth, which the
/// report says is read.
fn history() -> Vec<Event> {
    history_read(Some(Through::Watermark(Watermark::Seq(4))))
}

/// The same where the server says so of what is read.
fn history_read(read: Option<Through>) -> Vec<Event> {
    let report = UnreadReport {
        through: Watermark::Seq(10),
        unread: 5,
        read,
        at_least: false,
        mentions: None,
        active_at: None,
    };
    let reported =
        event(99, "alice", AHEAD, |envelope| envelope.unread_reported(conversation(GROUP), report));
    let mut events =
        [(3, "bob"), (4, "bob"), (5, "alice"), (6, "bob")].map(|(n, by)| received(n, by, GROUP)).to_vec();
    events.push(reported);
    events
}

#[test]
fn r66_whatever_takes_effect_over_a_report_is_later_than_it() {
    let inbox = Inbox::replay(user("alice"), Policy::default(), &history());
    let context = limited(|limits| limits.recall_s = 1_000_000);
    let of = || conversation(GROUP);
    for command in [
        Command::MarkRead { conversation: of(), up_to: ReadUpTo::Newest },
        Command::ReadMessages { conversation: of(), messages: vec![id(6)], on: true },
        Command::MarkUnreadFrom { conversation: of(), message: id(3) },
        Command::Recall { conversation: of(), message: id(5), reason: None },
        Command::DeleteMessages { conversation: of(), messages: vec![id(4)] },
        Command::ClearHistory { conversation: of() },
        Command::DeleteConversations { conversations: vec![of()], keep_messages: false },
    ] {
        let mut inbox = inbox.clone();
        let decided = decide(&inbox, &command, &context).unwrap();
        assert!(!decided.events.is_empty(), "{command:?}");
        for event in &decided.events {
            assert!(event.at() > at(AHEAD), "{command:?}: {event:?}");
        }
        inbox.apply_batch(&decided.events);
        let again = decide(&inbox, &command, &context).unwrap();
        assert!(again.events.is_empty(), "{command:?} is done: {:?}", again.events);
    }
}

#[test]
fn r66_a_mark_is_later_than_a_report_that_knows_no_read() {
    let mut events = history_read(None);
    events.push(event(98, "alice", 0, |envelope| {
        let fact = Fact::Read { through: Through::Watermark(Watermark::Seq(6)) };
        Event::new(envelope, Body::Conversation(conversation(GROUP), fact))
    }));
    let inbox = Inbox::replay(user("alice"), Policy::default(), &events);
    let command = Command::MarkUnreadFrom { conversation: conversation(GROUP), message: id(4) };
    let decided = decide(&inbox, &command, &limited(|_| ())).unwrap();
    assert!(!decided.events.is_empty());
    assert!(decided.events.iter().all(|event| event.at() > at(AHEAD)), "{:?}", decided.events);
}

#[test]
fn r66_a_read_reaches_no_further_than_what_is_known() {
    let through = |seq| {
        vec![Body::Conversation(
            conversation(GROUP),
            Fact::Read { through: Through::Watermark(Watermark::Seq(seq)) },
        )]
    };
    let context = limited(|_| ());
    for (up_to, seq) in [
        (ReadUpTo::Newest, 10),
        (ReadUpTo::Position(Watermark::Seq(10)), 10),
        (ReadUpTo::Position(Watermark::Seq(500)), 10),
    ] {
        let read = Command::MarkRead { conversation: conversation(GROUP), up_to };
        in_alices(history()).when(&read, &context).then(through(seq)).and_again_nothing();
    }
}

#[test]
fn r48_r66_a_message_that_is_not_held_is_to_be_fetched_first() {
    let context = limited(|_| ());
    let expected =
        |message| Rejection::NotHeld { message, from: Watermark::Seq(7), through: Watermark::Seq(10) };
    for command in [
        Command::MarkUnreadFrom { conversation: conversation(GROUP), message: id(7) },
        Command::Recall { conversation: conversation(GROUP), message: id(7), reason: None },
    ] {
        in_alices(history()).when(&command, &context).then(expected(id(7)));
    }
    // Where all that the report speaks of is held, it is not known at all.
    let whole = event(97, "alice", AHEAD, |envelope| {
        envelope.history_complete(conversation(GROUP), Watermark::Seq(0), Watermark::Seq(10))
    });
    let command = Command::MarkUnreadFrom { conversation: conversation(GROUP), message: id(7) };
    let events = history().into_iter().chain([whole]);
    in_alices(events).when(&command, &context).then(Rejection::UnknownMessage { message: id(7) });
}

/// A report that comes after a clearing counts what was cleared, and one may speak of the very first instant: both are taken
/// back by whoever clears or reads.
#[test]
fn r66_what_a_report_counts_of_what_was_cleared_or_of_the_first_instant_is_read() {
    let report = |through| UnreadReport {
        through,
        unread: 3,
        read: None,
        at_least: false,
        mentions: None,
        active_at: None,
    };
    let chat = "c2c_bob";
    let first = Timestamp::EPOCH;
    let cleared = event(1, "alice", 0, |e| e.history_cleared(conversation(GROUP), Watermark::Seq(8)));
    let after = event(2, "alice", 10, |e| e.unread_reported(conversation(GROUP), report(Watermark::Seq(8))));
    let of_old =
        event(3, "alice", 0, |e| e.unread_reported(conversation(chat), report(Watermark::Time(first))));
    let inbox = Inbox::replay(user("alice"), Policy::default(), &[cleared, after, of_old]);
    let context = limited(|_| {});
    for (of, command) in [
        (GROUP, Command::ClearHistory { conversation: conversation(GROUP) }),
        (GROUP, Command::MarkRead { conversation: conversation(GROUP), up_to: ReadUpTo::Newest }),
        (chat, Command::MarkRead { conversation: conversation(chat), up_to: ReadUpTo::Newest }),
        (chat, Command::ClearHistory { conversation: conversation(chat) }),
    ] {
        let mut inbox = inbox.clone();
        assert_eq!(inbox.conversation(&conversation(of)).unwrap().unread_count(), 3);
        let decided = decide(&inbox, &command, &context).unwrap();
        inbox.apply_batch(&decided.events);
        assert_eq!(inbox.conversation(&conversation(of)).unwrap().unread_count(), 0, "{command:?}");
        assert!(decide(&inbox, &command, &context).unwrap().events.is_empty(), "{command:?}");
    }
}
