//! What an event says when it introduces a message, borrowed from wherever the event lies.

use crate::inbox::effects::Class;
use crate::inbox::timeline::content::{self};
use crate::inbox::timeline::entry::{Entry, bits};
use crate::model::event::Message;
use crate::model::event::tables::{KINDS, number_of};
use crate::model::id::UserId;
use crate::model::time::Stamp;

/// An introduction: what a received, imported or queued event says of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduction<'a> {
    pub(crate) class: Class,
    pub(crate) stamp: Stamp,
    pub(crate) author: u32,
    pub(crate) message: &'a Message,
    /// Bits that depend on who looks: own, hidden, mentioned.
    pub(crate) viewer_bits: u32,
}

impl<'a> Introduction<'a> {
    /// As `owner` sees it; `number` is the author's.
    pub(crate) fn of(
        owner: &UserId,
        class: Class,
        stamp: Stamp,
        (author, number): (&UserId, u32),
        message: &'a Message,
    ) -> Self {
        let own = author == owner;
        let hidden = !message.recipients.is_empty() && !own && !message.recipients.contains(owner);
        let mentioned = message.mentions.users.contains(owner);
        let viewer_bits = flag(own, bits::OWN) | flag(hidden, bits::HIDDEN) | flag(mentioned, bits::AT_ME);
        Self { class, stamp, author: number, message, viewer_bits }
    }

    /// The message's seq as a field of a position: 0 where it gives none.
    pub(crate) fn seq(&self) -> i64 {
        self.message.seq.map_or(0, |seq| i64::try_from(seq).unwrap_or(i64::MAX))
    }

    pub(crate) fn bits(&self) -> u32 {
        let message = self.message;
        let kind = u32::from(number_of(&KINDS, &message.kind));
        self.class as u32
            | self.viewer_bits
            | kind << bits::KIND_SHIFT
            | flag(message.online_only, bits::ONLINE_ONLY)
            | flag(message.excluded_from_unread, bits::EXCLUDED_FROM_UNREAD)
            | flag(message.excluded_from_last, bits::EXCLUDED_FROM_LAST)
            | flag(message.need_receipt, bits::NEED_RECEIPT)
            | flag(message.supports_extensions, bits::SUPPORTS_EXTENSIONS)
            | flag(!message.recipients.is_empty(), bits::TARGETED)
            | flag(message.mentions.all, bits::AT_ALL)
            | flag(message.seq.is_some(), bits::HAS_SEQ)
            | flag(message.text.is_some(), bits::HAS_TEXT)
            | flag(content::is_rich(message), bits::RICH)
    }

    /// Whether its event moves the conversation (R35).
    pub(crate) fn is_active(&self) -> bool {
        !self.message.online_only && !self.message.excluded_from_last
    }
}

fn flag(on: bool, bit: u32) -> u32 {
    if on { bit } else { 0 }
}

impl Entry {
    /// A message with its first introduction, placed at `(first, second)`; where its content lies is not said.
    pub(crate) fn introduced(intro: &Introduction<'_>, (first, second): (i64, i64)) -> Self {
        let (id, event, author) = (intro.message.id, intro.stamp.event, intro.author);
        Self { id, event, first, second, author, bits: intro.bits(), offset: 0, len: 0 }
    }
}
