//! The messages of a conversation in order of arrival: one small entry each, content beside it.
//!
//! An entry's slot never changes, so everything else names a message by its slot. Writing after a clone copies one
//! chunk, never the history.

use crate::inbox::effects::Class;
use crate::model::event::MessageKind;
use crate::model::event::tables::{KINDS, value_of};
use crate::model::id::{EventId, MessageId};
use crate::model::time::Timestamp;

/// A message's place in its conversation: `(first, rank, second, id)`, where first and second are seq and
/// time in a group, time and seq in a direct chat (R10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) first: i64,
    pub(crate) rank: u8,
    pub(crate) second: i64,
    pub(crate) id: MessageId,
}

impl Position {
    /// Nothing with this first field stands after it.
    pub(crate) const fn end_of(first: i64) -> Self {
        Self { first, rank: u8::MAX, second: i64::MAX, id: MessageId::from_bytes([u8::MAX; 16]) }
    }
}

/// The bits of an entry.
pub(crate) mod bits {
    /// Targeted at others: known to the log, unknown to this inbox (R18).
    pub(crate) const HIDDEN: u32 = 1 << 2;
    pub(crate) const OWN: u32 = 1 << 3;
    pub(crate) const ONLINE_ONLY: u32 = 1 << 4;
    pub(crate) const EXCLUDED_FROM_UNREAD: u32 = 1 << 5;
    pub(crate) const EXCLUDED_FROM_LAST: u32 = 1 << 6;
    pub(crate) const NEED_RECEIPT: u32 = 1 << 7;
    pub(crate) const SUPPORTS_EXTENSIONS: u32 = 1 << 8;
    pub(crate) const TARGETED: u32 = 1 << 9;
    pub(crate) const AT_ME: u32 = 1 << 10;
    pub(crate) const AT_ALL: u32 = 1 << 11;
    /// The introduction gave a seq.
    pub(crate) const HAS_SEQ: u32 = 1 << 12;
    pub(crate) const HAS_TEXT: u32 = 1 << 13;
    /// The content is more than a text.
    pub(crate) const RICH: u32 = 1 << 14;
    /// Placed by an acknowledgement: the introduction's own time and seq lie aside.
    pub(crate) const ACKNOWLEDGED: u32 = 1 << 15;
    pub(crate) const DELETED: u32 = 1 << 16;
    pub(crate) const RECALLED: u32 = 1 << 17;
    /// Rare facts lie aside.
    pub(crate) const ASIDE: u32 = 1 << 18;
    /// A read, a peer read or a mark names it.
    pub(crate) const NAMED: u32 = 1 << 19;
    /// Read by name (R59).
    pub(crate) const READ: u32 = 1 << 24;
    /// Named by a clearing, or by a deletion that takes the messages (R37).
    pub(crate) const CLEARED: u32 = 1 << 25;
    /// Named by a deletion of the conversation (R37).
    pub(crate) const UNLISTED: u32 = 1 << 26;
    /// An edit says whom it mentions (R40), which the next two sum up; the edit itself lies aside.
    pub(crate) const MENTIONS_EDITED: u32 = 1 << 27;
    pub(crate) const EDITED_AT_ME: u32 = 1 << 28;
    pub(crate) const EDITED_AT_ALL: u32 = 1 << 29;
    /// Somebody said whether it is read by name: the register lies in the chunk.
    pub(crate) const READ_SAID: u32 = 1 << 30;
    /// Put away in any of these ways: when first, lies in the chunk.
    pub(crate) const PUT_AWAY: u32 = DELETED | CLEARED | UNLISTED;
    /// A received message without any of these bits is ordinary.
    pub(crate) const ODD: u32 = HIDDEN
        | ONLINE_ONLY
        | EXCLUDED_FROM_UNREAD
        | EXCLUDED_FROM_LAST
        | TARGETED
        | AT_ME
        | AT_ALL
        | ACKNOWLEDGED
        | DELETED
        | RECALLED
        | ASIDE
        | READ
        | CLEARED
        | UNLISTED;
    /// What depends on who looks.
    pub(crate) const VIEWER: u32 = HIDDEN | OWN | AT_ME;
    pub(crate) const CLASS: u32 = 0b11;
    pub(crate) const KIND_SHIFT: u32 = 20;
    pub(crate) const KIND: u32 = 0b1111 << KIND_SHIFT;
    /// What belongs to the message, not to its introduction.
    pub(crate) const KEPT: u32 = DELETED
        | RECALLED
        | ASIDE
        | NAMED
        | READ
        | CLEARED
        | UNLISTED
        | MENTIONS_EDITED
        | EDITED_AT_ME
        | EDITED_AT_ALL
        | READ_SAID;
    /// What is so often set later that a packed entry has room for it.
    pub(crate) const ROOM: u32 = DELETED | RECALLED | ASIDE | NAMED;
}

/// One message, its content apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) id: MessageId,
    /// The introduction that counts.
    pub(crate) event: EventId,
    pub(crate) first: i64,
    pub(crate) second: i64,
    pub(crate) author: u32,
    pub(crate) bits: u32,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Entry {
    /// A message that nothing introduced yet.
    pub(crate) const fn unknown(id: MessageId) -> Self {
        let event = EventId::from_bytes([0; 16]);
        Self { id, event, first: 0, second: 0, author: 0, bits: 0, offset: 0, len: 0 }
    }

    pub(crate) fn has(&self, bit: u32) -> bool {
        self.bits & bit != 0
    }

    pub(crate) fn class(&self) -> Class {
        match self.bits & bits::CLASS {
            0 => Class::Unknown,
            1 => Class::Queued,
            2 => Class::Imported,
            _ => Class::Received,
        }
    }

    /// Nothing at all: the slot of a message that turned out to have another already.
    pub(crate) fn is_void(&self) -> bool {
        self.bits == 0
    }

    /// Received, and nothing more is to be said of it: whatever is counted of it is counted in the plainest way.
    pub(crate) fn is_ordinary(&self) -> bool {
        self.bits & (bits::ODD | bits::CLASS) == Class::Received as u32
    }

    /// Introduced, and not targeted at others.
    pub(crate) fn is_known(&self) -> bool {
        self.bits & bits::CLASS != 0 && !self.has(bits::HIDDEN)
    }

    pub(crate) fn rank(&self) -> u8 {
        match self.class() {
            Class::Received => 0,
            _ if self.has(bits::ACKNOWLEDGED) => 0,
            Class::Imported => 1,
            Class::Queued | Class::Unknown => 2,
        }
    }

    pub(crate) fn position(&self) -> Position {
        Position { first: self.first, rank: self.rank(), second: self.second, id: self.id }
    }

    /// Whether it mentions the owner, and whether everybody: as introduced, or as an edit says (R40).
    pub(crate) fn mentions(&self) -> (bool, bool) {
        match self.has(bits::MENTIONS_EDITED) {
            true => (self.has(bits::EDITED_AT_ME), self.has(bits::EDITED_AT_ALL)),
            false => (self.has(bits::AT_ME), self.has(bits::AT_ALL)),
        }
    }

    /// Whether it is out of the history wherever it stands: deleted, or cleared away by name.
    pub(crate) fn is_gone(&self) -> bool {
        self.has(bits::DELETED | bits::CLEARED)
    }

    pub(crate) fn kind(&self) -> MessageKind {
        kind_of((self.bits & bits::KIND) >> bits::KIND_SHIFT)
    }
}

fn kind_of(number: u32) -> MessageKind {
    value_of(&KINDS, number as u8).unwrap_or_default()
}

/// A stored instant as a timestamp; it was one when it was stored.
pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap_or(Timestamp::EPOCH)
}
