//! Words for histories and contexts that tests of commands share. The owner is alice, at 10:00:00.

use chatfold::command::{Limits, Role};
use chatfold::event::InvalidEvent;
use chatfold::testing::{Given, given};
use chatfold::{Context, ConversationId, Envelope, Event, EventId, Message, MessageId, Timestamp, UserId};

use crate::histories::message_id;

/// 10:00:00 of some day, in milliseconds.
pub const NOW: i64 = 1_772_359_200_000;

pub fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub fn conversation(id: &str) -> ConversationId {
    id.parse().unwrap()
}

pub fn id(n: usize) -> MessageId {
    message_id(n)
}

/// So many milliseconds after [`NOW`].
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW + millis).unwrap()
}

/// An event of `by`, so many milliseconds after [`NOW`]; `n` is its id.
pub fn event(
    n: u8,
    by: &str,
    millis: i64,
    make: impl FnOnce(Envelope) -> Result<Event, InvalidEvent>,
) -> Event {
    make(Envelope::new(EventId::from_bytes([n; 16]), at(millis), user(by))).unwrap()
}

/// Message `n` of `by` in a conversation, with `seq` n, `n` seconds before [`NOW`] counted from 1,000.
pub fn received(n: usize, by: &str, to: &str) -> Event {
    received_as(by, to, Message::text(id(n), format!("message {n}")).with_seq(n as u64))
}

/// The same of a message made by the test, at `seq` − 1,000 seconds.
pub fn received_as(by: &str, to: &str, message: Message) -> Event {
    let seq = message.seq.unwrap_or(1);
    let mut bytes = [0xbb; 16];
    bytes[8..].copy_from_slice(&seq.to_be_bytes());
    let envelope = Envelope::new(EventId::from_bytes(bytes), at(-1_000_000 + seq as i64 * 1_000), user(by));
    envelope.message_received(conversation(to), message).unwrap()
}

/// Alice as a member, at [`NOW`].
pub fn alice() -> Context {
    by("alice", Role::Member, 0)
}

pub fn by(actor: &str, role: Role, millis: i64) -> Context {
    Context::new(user(actor), role, at(millis), [7; 16])
}

/// Alice with other limits.
pub fn limited(change: impl FnOnce(&mut Limits)) -> Context {
    let mut limits = Limits::default();
    change(&mut limits);
    alice().with_limits(limits)
}

/// A history in alice's inbox.
pub fn in_alices(events: impl IntoIterator<Item = Event>) -> Given {
    given(events).owned_by(user("alice"))
}
