//! Reading, going back, clearing, deleting: the greatest position known, never the clock (R66).

use chatfold::command::{ReadScope, ReadUpTo, Rejection, Role};
use chatfold::event::{Body, Fact, InvalidEvent, Mark, Through, Watermark};
use chatfold::{Command, ConversationId, Message, Timestamp};

use super::kit::{alice, at, by, conversation, event, id, in_alices, received, received_as};

const GROUP: &str = "group_dev";
const CHAT: &str = "c2c_bob";

fn read(to: &str, up_to: ReadUpTo) -> Command {
    Command::MarkRead { conversation: conversation(to), up_to }
}

fn has_read(to: &str, through: Watermark) -> Vec<Body> {
    let fact = Fact::Read { through: Through::Watermark(through) };
    vec![Body::Conversation(conversation(to), fact)]
}

/// When [`received`] message `n` came.
fn time(n: i64) -> Timestamp {
    at(-1_000_000 + n * 1_000)
}

#[test]
fn r66_reading_names_the_newest_delivered_message_not_the_clock() {
    let fast = by("alice", Role::Member, 3_600_000);
    let events = || (1..=3).map(|n| received(n, "bob", GROUP));
    in_alices(events())
        .when(&read(GROUP, ReadUpTo::Newest), &fast)
        .then(has_read(GROUP, Watermark::Seq(3)))
        .and_again_nothing();
    let queue = Command::Send {
        conversation: conversation(CHAT),
        message: Box::new(Message::text(id(900), "mine, not delivered")),
    };
    in_alices([received(1, "bob", CHAT)])
        .when(&queue, &fast)
        .then_events(1)
        .when(&read(CHAT, ReadUpTo::Newest), &fast)
        .then(has_read(CHAT, Watermark::Time(time(1))))
        .and_again_nothing();
}

#[test]
fn r66_a_second_is_covered_whole() {
    let message = |n: usize, millis: i64| {
        event(n as u8, "bob", millis, |envelope| {
            envelope.message_received(conversation(CHAT), Message::text(id(n), "hi"))
        })
    };
    let events = || [message(1, 0), message(2, 999), message(3, 1_000)];
    let second = at(0).as_secs().unsigned_abs();
    let through = has_read(CHAT, Watermark::Time(at(999)));
    in_alices(events())
        .when(&read(CHAT, ReadUpTo::Second(second)), &alice())
        .then(through)
        .and_again_nothing();
    in_alices(events()).when(&read(CHAT, ReadUpTo::Second(second - 1)), &alice()).then_nothing();
    let all = has_read(CHAT, Watermark::Time(at(1_000)));
    in_alices(events()).when(&read(CHAT, ReadUpTo::Second(u64::MAX)), &alice()).then(all);
}

#[test]
fn r66_up_to_a_position_or_a_message_between() {
    let events = || [2, 4, 6].map(|n| received(n, "bob", GROUP));
    for (up_to, seq) in [
        (ReadUpTo::Position(Watermark::Seq(5)), 4),
        (ReadUpTo::Position(Watermark::Seq(6)), 6),
        (ReadUpTo::Position(Watermark::Seq(99)), 6),
        (ReadUpTo::Message(id(2)), 2),
        (ReadUpTo::Message(id(4)), 4),
    ] {
        let said = has_read(GROUP, Watermark::Seq(seq));
        in_alices(events()).when(&read(GROUP, up_to), &alice()).then(said).and_again_nothing();
    }
    in_alices(events()).when(&read(GROUP, ReadUpTo::Position(Watermark::Seq(1))), &alice()).then_nothing();
    let unknown = Rejection::UnknownMessage { message: id(3) };
    in_alices(events()).when(&read(GROUP, ReadUpTo::Message(id(3))), &alice()).then(unknown);
    let other = Rejection::Invalid(InvalidEvent::NotInGroup { what: "a time watermark" });
    in_alices(events()).when(&read(GROUP, ReadUpTo::Second(7)), &alice()).then(other);
    let other = Rejection::Invalid(InvalidEvent::NotInDirect { what: "a seq watermark" });
    in_alices([]).when(&read(CHAT, ReadUpTo::Position(Watermark::Seq(7))), &alice()).then(other);
}

#[test]
fn r66_reading_or_clearing_an_empty_conversation_is_a_no_op() {
    let opened = || event(1, "alice", -9, |envelope| envelope.conversation_opened(conversation(CHAT), None));
    let clear = Command::ClearHistory { conversation: conversation(CHAT) };
    for command in [read(CHAT, ReadUpTo::Newest), clear] {
        in_alices([opened()]).when(&command, &alice()).then_nothing();
        in_alices([]).when(&command, &alice()).then_nothing();
    }
}

#[test]
fn r66_everything_read_is_a_watermark_for_each_conversation() {
    let chats = [GROUP, "group_meeting", CHAT, "c2c_carol"];
    let events = || chats.map(|to| received(3, to.strip_prefix("c2c_").unwrap_or("bob"), to));
    for (scope, count) in [(ReadScope::Direct, 2), (ReadScope::Groups, 2), (ReadScope::Everything, 4)] {
        let command = Command::MarkAllRead { scope };
        let done = in_alices(events()).when(&command, &alice()).then_events(count).and_again_nothing();
        assert_eq!(done.inbox().totals().unread, 4 - count as u64);
    }
}

#[test]
fn r65_reading_and_going_back_win_over_each_other_with_a_slow_clock() {
    let slow = by("alice", Role::Member, -7_200_000);
    let back = Command::MarkUnreadFrom { conversation: conversation(GROUP), message: id(2) };
    let done = in_alices((1..=3).map(|n| received(n, "bob", GROUP)))
        .when(&back, &alice())
        .then_nothing()
        .when(&read(GROUP, ReadUpTo::Newest), &alice())
        .then_events(1)
        .when(&back, &slow)
        .then_events(1)
        .and_again_nothing();
    assert_eq!(done.inbox().totals().unread, 2);
    let done = done.when(&read(GROUP, ReadUpTo::Newest), &slow).then_events(1).and_again_nothing();
    assert_eq!(done.inbox().totals().unread, 0);
    let unknown = Command::MarkUnreadFrom { conversation: conversation(GROUP), message: id(9) };
    done.when(&unknown, &alice()).then(Rejection::UnknownMessage { message: id(9) });
}

/// What waits for its message was seen too: it does not undo the command when the message comes.
#[test]
fn r65_reading_and_going_back_win_over_each_other_that_wait() {
    let slow = by("alice", Role::Member, -7_200_000);
    let mark = event(1, "alice", 60_000, |envelope| envelope.marked_unread_from(conversation(GROUP), id(2)));
    let done = in_alices([mark, received(3, "bob", GROUP)])
        .when(&read(GROUP, ReadUpTo::Newest), &slow)
        .then_events(1);
    let mut inbox = done.inbox().clone();
    inbox.apply(&received(2, "bob", GROUP));
    assert_eq!(inbox.totals().unread, 0);

    let through = Through::Message(id(9));
    let waiting =
        event(1, "alice", 60_000, |envelope| envelope.conversation_read(conversation(GROUP), through));
    let back = Command::MarkUnreadFrom { conversation: conversation(GROUP), message: id(3) };
    let done = in_alices([waiting, received(2, "bob", GROUP), received(3, "bob", GROUP)])
        .when(&read(GROUP, ReadUpTo::Newest), &slow)
        .then_events(1)
        .when(&back, &slow)
        .then_events(1);
    let mut inbox = done.inbox().clone();
    inbox.apply(&received(9, "bob", GROUP));
    assert_eq!(inbox.totals().unread, 2, "messages 3 and 9");
}

#[test]
fn r66_clearing_takes_what_is_queued_and_leaves_what_comes() {
    let queue = Command::Send {
        conversation: conversation(GROUP),
        message: Box::new(Message::text(id(900), "mine, not delivered")),
    };
    let clear = Command::ClearHistory { conversation: conversation(GROUP) };
    let slow = by("alice", Role::Member, -7_200_000);
    let cleared = in_alices([received(3, "bob", GROUP)])
        .when(&queue, &alice())
        .then_events(1)
        .when(&clear, &slow)
        .then(vec![Body::Conversation(
            conversation(GROUP),
            Fact::HistoryCleared { through: Watermark::Seq(3), also: vec![id(900)] },
        )])
        .and_again_nothing();
    let view = cleared.inbox().conversation(&conversation(GROUP)).unwrap();
    assert!(view.is_listed() && view.last_message().is_none());
    let mut again = Message::text(id(901), "after the clearing");
    again.kind = chatfold::event::MessageKind::Face;
    let send = Command::Send { conversation: conversation(GROUP), message: Box::new(again) };
    let sent = cleared.when(&send, &slow).then_events(1);
    let view = sent.inbox().conversation(&conversation(GROUP)).unwrap();
    assert_eq!(view.last_message().map(|message| message.id()), Some(id(901)));
}

fn delete(ids: &[&str], keep_messages: bool) -> Command {
    let conversations: Vec<ConversationId> = ids.iter().map(|id| conversation(id)).collect();
    Command::DeleteConversations { conversations, keep_messages }
}

#[test]
fn r66_deleting_an_empty_conversation_writes_seq_0_or_the_epoch() {
    let opened = |n, to: &str| {
        event(n, "alice", 9_000, |envelope| envelope.conversation_opened(conversation(to), None))
    };
    let said = |to: &str, through| {
        Body::Conversation(
            conversation(to),
            Fact::Deleted { through, keep_messages: false, also: Vec::new() },
        )
    };
    let done = in_alices([opened(1, GROUP), opened(2, CHAT)])
        .when(&delete(&[GROUP, CHAT], false), &alice())
        .then(vec![said(GROUP, Watermark::Seq(0)), said(CHAT, Watermark::Time(Timestamp::EPOCH))])
        .and_again_nothing();
    assert_eq!(done.inbox().conversations().count(), 0, "R65: though both were opened later");
}

#[test]
fn r37_deleting_with_and_without_the_messages() {
    let events = || [received(2, "bob", GROUP), received_as("bob", CHAT, Message::text(id(1), "hi"))];
    let kept = in_alices(events()).when(&delete(&[GROUP], true), &alice()).then_events(1).and_again_nothing();
    let history = |then: &chatfold::testing::Then| {
        let view = then.inbox().conversation(&conversation(GROUP)).unwrap();
        view.messages(chatfold::view::Direction::OldestFirst, None, 9).messages.len()
    };
    assert_eq!((history(&kept), kept.inbox().totals().unread), (1, 1));
    let gone = kept.when(&delete(&[GROUP], false), &alice()).then_events(1).and_again_nothing();
    assert_eq!(history(&gone), 0);
    let when = in_alices(events()).when(&delete(&[CHAT, "group_never"], false), &alice());
    let decision = when.decision().clone().unwrap();
    let unknown = Rejection::UnknownConversation { conversation: conversation("group_never") };
    assert_eq!((decision.events.len(), decision.refused.len()), (1, 1));
    assert_eq!(decision.refused[0].rejection, unknown);
}

#[test]
fn r66_reading_wholly_takes_the_unread_mark_off() {
    let context = by("alice", Role::Member, 0);
    let marked = |chat: &'static str| {
        event(200, "alice", -5_000, |envelope| envelope.mark_set(conversation(chat), Mark::UNREAD, true))
    };
    let off =
        |chat: &str| Body::Conversation(conversation(chat), Fact::MarkSet { mark: Mark::UNREAD, on: false });
    let mut both = has_read(GROUP, Watermark::Seq(2));
    both.push(off(GROUP));
    in_alices([received(1, "bob", GROUP), received(2, "bob", GROUP), marked(GROUP)])
        .when(&read(GROUP, ReadUpTo::Position(Watermark::Seq(1))), &context)
        .then(has_read(GROUP, Watermark::Seq(1)))
        .when(&read(GROUP, ReadUpTo::Newest), &context)
        .then(both)
        .and_again_nothing();
    in_alices([marked(CHAT)])
        .when(&read(CHAT, ReadUpTo::Newest), &context)
        .then(vec![off(CHAT)])
        .and_again_nothing();
    in_alices([received(1, "bob", GROUP), marked(GROUP)])
        .when(&Command::MarkAllRead { scope: ReadScope::Groups }, &context)
        .then_events(2)
        .and_again_nothing();
}
