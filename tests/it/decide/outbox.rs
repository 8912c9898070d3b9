//! The outbox: queued, sent or failed, retried; one message whatever comes doubled, late or not at all (R13, R15).

use chatfold::command::{Rejection, Role};
use chatfold::event::{Body, Fact, Watermark};
use chatfold::view::MessageStatus;
use chatfold::{Command, Event, Inbox, Message, Policy, decide};

use super::kit::{alice, at, by, conversation, event, id, in_alices, received, user};

const TO: &str = "group_dev";

fn send(n: usize) -> Command {
    Command::Send { conversation: conversation(TO), message: Box::new(Message::text(id(n), "hi")) }
}

fn acknowledge(n: usize, seq: u64) -> Command {
    let conversation = conversation(TO);
    Command::Acknowledge { conversation, message: id(n), sent_at: at(70), seq: Some(seq), members: None }
}

fn fail(n: usize) -> Command {
    Command::Fail { conversation: conversation(TO), message: id(n), reason: Some("offline".to_owned()) }
}

fn retry(n: usize) -> Command {
    Command::Retry { conversation: conversation(TO), message: id(n) }
}

fn statuses(inbox: &Inbox) -> Vec<(MessageStatus, u64)> {
    let view = inbox.conversation(&conversation(TO)).unwrap();
    let page = view.messages(chatfold::view::Direction::OldestFirst, None, 100);
    page.messages.iter().map(|message| (message.status(), message.seq())).collect()
}

#[test]
fn r15_sending_failed_retried_sent() {
    use MessageStatus::{Failed, Sending, Sent};
    let base = || in_alices([received(7, "bob", TO)]);
    let sending = base().when(&send(900), &alice()).then_events(1).and_again_nothing();
    assert_eq!(statuses(sending.inbox()), [(Sent, 7), (Sending, 7)], "R12: after the highest seq known");
    let failed = sending.when(&fail(900), &by("alice", Role::Member, 10)).then_events(1).and_again_nothing();
    assert_eq!(statuses(failed.inbox()), [(Sent, 7), (Failed, 7)]);
    let view = failed.inbox().conversation(&conversation(TO)).unwrap();
    assert_eq!(view.last_message().unwrap().failure_reason(), Some("offline"));
    let retried = failed.when(&retry(900), &by("alice", Role::Member, 20)).then_events(1).and_again_nothing();
    assert_eq!(statuses(retried.inbox()), [(Sent, 7), (Sending, 7)]);
    let sent = retried.when(&acknowledge(900, 9), &by("alice", Role::Member, 30)).then_events(1);
    let sent = sent.and_again_nothing();
    assert_eq!(statuses(sent.inbox()), [(Sent, 7), (Sent, 9)]);
    let late = sent.when(&fail(900), &by("alice", Role::Member, 40));
    let late = late.then(Rejection::NotQueued { message: id(900) });
    late.when(&retry(900), &by("alice", Role::Member, 50)).then_nothing();
}

/// A retry that the clock puts before the failure wins all the same (R65).
#[test]
fn r65_retrying_with_a_slow_clock_wins_over_the_failure() {
    let slow = by("alice", Role::Member, -3_600_000);
    in_alices([])
        .when(&send(900), &alice())
        .then_events(1)
        .when(&fail(900), &slow)
        .then_events(1)
        .and_again_nothing()
        .when(&retry(900), &slow)
        .then_events(1)
        .and_again_nothing();
}

/// Every order, doubling and loss of echo and acknowledgement leaves one message.
#[test]
fn r13_echo_and_acknowledgement_in_any_order_leave_one_message() {
    let empty = Inbox::new(user("alice"), Policy::default());
    let queued = decide(&empty, &send(900), &alice()).unwrap().events.remove(0);
    let mut inbox = empty.clone();
    inbox.apply(&queued);
    let sent = decide(&inbox, &acknowledge(900, 1), &alice()).unwrap().events.remove(0);
    let echo = event(8, "alice", 70, |envelope| {
        envelope.message_received(conversation(TO), Message::text(id(900), "hi").with_seq(1))
    });
    let orders: [Vec<&Event>; 8] = [
        vec![&queued, &sent, &echo],
        vec![&queued, &echo, &sent],
        vec![&echo, &queued, &sent],
        vec![&sent, &echo, &queued],
        vec![&queued, &queued, &echo, &sent, &sent, &echo],
        vec![&queued, &sent],
        vec![&queued, &echo],
        vec![&echo],
    ];
    for order in orders {
        let inbox = Inbox::replay(user("alice"), Policy::default(), order.iter().copied());
        assert_eq!(statuses(&inbox), [(MessageStatus::Sent, 1)], "{order:?}");
        assert_eq!(decide(&inbox, &send(900), &alice()).unwrap().events, [], "R13: sent once");
    }
}

#[test]
fn a_message_id_is_taken_by_the_message_that_has_it() {
    let taken = Rejection::MessageIdTaken { message: id(7) };
    in_alices([received(7, "bob", TO)]).when(&send(7), &alice()).then(taken);
    in_alices([received(7, "alice", TO)]).when(&send(7), &alice()).then_nothing();
    let unknown = Rejection::UnknownMessage { message: id(7) };
    for command in [acknowledge(7, 9), fail(7), retry(7)] {
        in_alices([]).when(&command, &alice()).then(unknown.clone());
    }
    for command in [acknowledge(7, 9), fail(7), retry(7)] {
        let refused = Rejection::NotQueued { message: id(7) };
        in_alices([received(7, "bob", TO)]).when(&command, &alice()).then(refused);
    }
}

#[test]
fn an_acknowledgement_in_a_group_needs_its_seq() {
    let conversation = conversation(TO);
    let command =
        Command::Acknowledge { conversation, message: id(900), sent_at: at(5), seq: None, members: None };
    let refused = Rejection::Invalid(chatfold::event::InvalidEvent::MissingSeq);
    in_alices([]).when(&send(900), &alice()).then_events(1).when(&command, &alice()).then(refused);
}

#[test]
fn r65_what_is_sent_stands_after_the_newest_message_and_what_was_cleared() {
    let chat = conversation("c2c_bob");
    let newest = event(1, "bob", 5_000, |envelope| {
        envelope.message_received(chat.clone(), Message::text(id(1), "from the future"))
    });
    let send = Command::Send { conversation: chat.clone(), message: Box::new(Message::text(id(900), "hi")) };
    let sent = in_alices([newest.clone()]).when(&send, &alice()).then_events(1);
    let view = sent.inbox().conversation(&chat).unwrap();
    assert_eq!(view.last_message().unwrap().time(), at(5_001));
    let cleared = event(2, "alice", 9_000, |envelope| {
        envelope.history_cleared(chat.clone(), Watermark::Time(at(8_000)))
    });
    let sent = in_alices([newest, cleared]).when(&send, &alice()).then_events(1);
    let view = sent.inbox().conversation(&chat).unwrap();
    assert_eq!(view.last_message().unwrap().time(), at(9_001), "after the stamp of the clearing");
}

#[test]
fn r65_past_the_year_9998_there_is_no_time() {
    let chat = conversation("c2c_bob");
    let last = chatfold::Timestamp::MAX;
    let envelope = chatfold::Envelope::new(chatfold::EventId::from_bytes([1; 16]), last, user("alice"));
    let pinned = envelope.conversation_pinned(chat.clone(), true).unwrap();
    let unpin = Command::Pin { conversation: chat, on: false };
    in_alices([pinned]).when(&unpin, &alice()).then(Rejection::EndOfTime { limit: last });
}

#[test]
fn forwarded_one_by_one_they_keep_their_order_and_merged_they_are_one() {
    let events = || (1..=3).map(|n| received(n, "bob", TO));
    let (from, to) = (conversation(TO), conversation("c2c_carol"));
    let messages = vec![id(3), id(1)];
    let forward = Command::Forward { from: from.clone(), messages: messages.clone(), to: to.clone() };
    let done = in_alices(events()).when(&forward, &alice()).then_events(2).and_again_nothing();
    let view = done.inbox().conversation(&to).unwrap();
    let page = view.messages(chatfold::view::Direction::OldestFirst, None, 9).messages;
    let texts: Vec<_> = page.iter().map(|message| message.text().unwrap()).collect();
    assert_eq!(texts, ["message 3", "message 1"]);
    let text = "Chat history".to_owned();
    let merge = Command::ForwardMerged { from, messages, to: to.clone(), text, custom: Some(vec![1]) };
    let done = in_alices(events()).when(&merge, &alice()).then_events(1).and_again_nothing();
    let last = done.inbox().conversation(&to).unwrap().last_message().unwrap();
    assert_eq!(last.kind(), chatfold::event::MessageKind::Merger);
    assert_eq!((last.text(), last.custom()), (Some("Chat history"), Some(&[1][..])));
}

#[test]
fn r78_only_what_was_sent_is_forwarded() {
    let (from, to) = (conversation(TO), conversation("c2c_carol"));
    let forward = Command::Forward { from, messages: vec![id(900)], to };
    in_alices([])
        .when(&send(900), &alice())
        .then_events(1)
        .when(&forward, &alice())
        .then(Rejection::NotSent { message: id(900), status: MessageStatus::Sending });
    in_alices([]).when(&forward, &alice()).then(Rejection::UnknownMessage { message: id(900) });
}

#[test]
fn r12_an_import_stands_after_the_highest_seq_known_and_never_comes_twice() {
    let message = Box::new(Message::text(id(800), "old").with_seq(3));
    let import = Command::Import {
        conversation: conversation(TO),
        sender: Some(user("bob")),
        message: message.clone(),
    };
    let said = Body::Conversation(
        conversation(TO),
        Fact::MessageImported { sender: Some(user("bob")), message: Box::new(message.with_seq(7)) },
    );
    in_alices([received(7, "bob", TO)]).when(&import, &alice()).then(vec![said]).and_again_nothing();
    let stranger = Command::Import {
        conversation: conversation("c2c_bob"),
        sender: Some(user("carol")),
        message: Box::new(Message::text(id(800), "old")),
    };
    let refused = Rejection::NotAParty { user: user("carol"), conversation: conversation("c2c_bob") };
    in_alices([]).when(&stranger, &alice()).then(refused);
}
