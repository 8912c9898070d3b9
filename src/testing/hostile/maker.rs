//! Making the events of a hostile log one after the other.

use crate::model::event::{Envelope, Event, InvalidEvent, Message};
use crate::model::id::{ConversationId, EventId, FolderId, MessageId, UserId};
use crate::model::time::{Timestamp, TimestampError};

/// What can go wrong while a log is made: nothing, as every test shows.
pub(super) type Fault = Box<dyn std::error::Error>;

/// An instant that is later than what most events say.
pub(super) const FUTURE: i64 = 10_000_000_000;

pub(super) struct Maker {
    pub(super) count: usize,
    pub(super) events: Vec<Event>,
    pub(super) owner: UserId,
    pub(super) peer: UserId,
    pub(super) group: ConversationId,
    pub(super) direct: ConversationId,
}

/// A message id of this number, and no other kind's.
pub(super) fn id(n: u64) -> MessageId {
    MessageId::from_bytes(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

pub(super) fn folder(n: u64) -> FolderId {
    FolderId::from_bytes(u128::from(n).to_be_bytes())
}

pub(super) fn time(ms: i64) -> Result<Timestamp, TimestampError> {
    Timestamp::from_millis(ms)
}

/// A message of a group.
pub(super) fn at_seq(n: u64, seq: u64) -> Message {
    Message::text(id(n), "x").with_seq(seq)
}

impl Maker {
    /// A part of the events to be made.
    pub(super) fn part(&self, of: usize) -> u64 {
        (self.count / of) as u64
    }

    /// The next event, at this instant.
    pub(super) fn say_at(
        &mut self,
        at: i64,
        by: &UserId,
        make: impl FnOnce(Envelope) -> Result<Event, InvalidEvent>,
    ) -> Result<(), Fault> {
        let event = EventId::from_bytes((self.events.len() as u128 + 1).to_be_bytes());
        self.events.push(make(Envelope::new(event, time(at)?, by.clone()))?);
        Ok(())
    }

    /// The next event, a millisecond after the last.
    pub(super) fn say(
        &mut self,
        by: &UserId,
        make: impl FnOnce(Envelope) -> Result<Event, InvalidEvent>,
    ) -> Result<(), Fault> {
        self.say_at(self.events.len() as i64 + 1, by, make)
    }

    pub(super) fn own(
        &mut self,
        make: impl FnOnce(Envelope, ConversationId) -> Result<Event, InvalidEvent>,
    ) -> Result<(), Fault> {
        let (owner, group) = (self.owner.clone(), self.group.clone());
        self.say(&owner, |e| make(e, group))
    }

    pub(super) fn other(
        &mut self,
        make: impl FnOnce(Envelope, ConversationId) -> Result<Event, InvalidEvent>,
    ) -> Result<(), Fault> {
        let (peer, group) = (self.peer.clone(), self.group.clone());
        self.say(&peer, |e| make(e, group))
    }

    /// A message in the group, of another.
    pub(super) fn message(&mut self, n: u64) -> Result<(), Fault> {
        self.other(|e, group| e.message_received(group, at_seq(n, n)))
    }

    pub(super) fn messages(&mut self, numbers: std::ops::Range<u64>) -> Result<(), Fault> {
        numbers.into_iter().try_for_each(|n| self.message(n))
    }

    /// The message introduced again and again, each time earlier and somewhere else.
    pub(super) fn move_about(
        &mut self,
        n: u64,
        times: u64,
        by: &UserId,
        id: ConversationId,
    ) -> Result<(), Fault> {
        for turn in 0..times {
            let (at, message) = (FUTURE - turn as i64, at_seq(n, 1 + turn * 7_919 % (2 * times)));
            self.say_at(at, by, |e| e.message_received(id.clone(), message))?;
        }
        Ok(())
    }
}
