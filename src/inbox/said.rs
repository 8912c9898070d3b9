//! What an event says when it introduces a message, borrowed from wherever the event lies.

use std::borrow::Cow;

use super::arena::{Class, KINDS, bits};
use super::content;
use crate::event::Message;
use crate::id::MessageId;
use crate::time::Stamp;

/// A message as its introduction gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    /// All of it.
    Whole(&'a Message),
    /// A text and nothing else, as nearly all messages are: it need not be owned to be folded.
    Text { id: MessageId, seq: Option<u64>, text: &'a str },
}

impl Said<'_> {
    pub(crate) fn id(&self) -> MessageId {
        match self {
            Self::Whole(message) => message.id,
            Self::Text { id, .. } => *id,
        }
    }

    /// Its seq as a field of a position: 0 where it gives none.
    pub(crate) fn seq(&self) -> i64 {
        let (Self::Whole(Message { seq, .. }) | Self::Text { seq, .. }) = self;
        seq.map_or(0, |seq| i64::try_from(seq).unwrap_or(i64::MAX))
    }

    /// The message, made if only parts of it are at hand.
    pub(crate) fn message(&self) -> Cow<'_, Message> {
        match self {
            Self::Whole(message) => Cow::Borrowed(message),
            Self::Text { id, seq, text } => Cow::Owned(Message { seq: *seq, ..Message::text(*id, *text) }),
        }
    }

    /// Appends what it carries.
    pub(super) fn put_content(&self, out: &mut Vec<u8>) {
        match self {
            Self::Whole(message) => content::encode(message, out),
            Self::Text { text, .. } => out.extend_from_slice(text.as_bytes()),
        }
    }

    fn bits(&self) -> u32 {
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        let message = match self {
            Self::Whole(message) => message,
            Self::Text { seq, .. } => return bits::HAS_TEXT | flag(seq.is_some(), bits::HAS_SEQ),
        };
        let kind = KINDS.iter().position(|k| *k == message.kind).unwrap_or(0) as u32;
        kind << bits::KIND_SHIFT
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
}

/// An introduction: what a received, imported or queued event says of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduction<'a> {
    pub(crate) class: Class,
    pub(crate) stamp: Stamp,
    pub(crate) author: u32,
    pub(crate) said: Said<'a>,
    /// Bits that depend on who looks: own, hidden, mentioned.
    pub(crate) viewer_bits: u32,
}

impl Introduction<'_> {
    pub(super) fn bits(&self) -> u32 {
        self.class as u32 | self.viewer_bits | self.said.bits()
    }

    /// Whether its event moves the conversation (R35).
    pub(crate) fn is_active(&self) -> bool {
        match self.said {
            Said::Whole(message) => !message.online_only && !message.excluded_from_last,
            Said::Text { .. } => true,
        }
    }
}
