//! What makes an event well-formed.

use crate::model::event::{AccountFact, Body, Fact, MAX_SEQ, QuietHours, Through, Watermark};
use crate::model::id::ConversationKind;

/// Why a body does not make an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEvent {
    /// An event type, key or watermark that belongs to groups, in a direct chat.
    #[error("{what} belongs to groups, this is a direct chat")]
    NotInDirect {
        /// What belongs to groups.
        what: &'static str,
    },
    /// An event type or watermark that belongs to direct chats, in a group.
    #[error("{what} belongs to direct chats, this is a group")]
    NotInGroup {
        /// What belongs to direct chats.
        what: &'static str,
    },
    /// A group message without its sequence number.
    #[error("a message in a group needs a seq")]
    MissingSeq,
    /// A delivered group message with sequence number 0.
    #[error("a message delivered in a group has a seq of at least 1")]
    ZeroSeq,
    /// A sequence number over [`MAX_SEQ`].
    #[error("a seq is at most 2^53, this one is {found}")]
    SeqTooLarge {
        /// The number.
        found: u64,
    },
    /// An edit with version 0.
    #[error("the version of an edit is at least 1")]
    ZeroVersion,
    /// Quiet hours that do not fit a day.
    #[error("quiet hours start within a day, last less than a day and lie less than a day from UTC")]
    QuietHours,
}

impl Body {
    /// Whether the body fits its conversation, its numbers their bounds.
    pub(crate) fn validate(&self) -> Result<(), InvalidEvent> {
        match self {
            Self::Conversation(id, fact) => fact.validate(id.kind()),
            Self::Account(AccountFact::QuietHoursSet {
                hours: Some(QuietHours::Daily { start_s, duration_s, utc_offset_s }),
            }) => {
                let day = 86_400;
                if *start_s < day && *duration_s < day && utc_offset_s.unsigned_abs() < day {
                    Ok(())
                } else {
                    Err(InvalidEvent::QuietHours)
                }
            }
            Self::Account(_) => Ok(()),
        }
    }
}

impl Fact {
    pub(crate) fn validate(&self, kind: ConversationKind) -> Result<(), InvalidEvent> {
        match self {
            Self::Opened { group_type: Some(_) } => groups_only("group_type", kind),
            Self::MessageReceived(message) => delivered_seq(message.seq, kind),
            Self::MessageQueued(message) | Self::MessageImported { message, .. } => match message.seq {
                Some(seq) => small_seq(seq),
                None if kind == ConversationKind::Group => Err(InvalidEvent::MissingSeq),
                None => Ok(()),
            },
            Self::MessageSent { seq, .. } => delivered_seq(*seq, kind),
            Self::MessageModified { edit, .. } if edit.version == 0 => Err(InvalidEvent::ZeroVersion),
            Self::MessageReadBy { .. } => groups_only("message_read_by", kind),
            Self::MessagePinned { .. } => groups_only("message_pinned", kind),
            Self::PeerRead { .. } if kind == ConversationKind::Group => {
                Err(InvalidEvent::NotInGroup { what: "peer_read" })
            }
            Self::PeerRead { through } | Self::Read { through } => match through {
                Through::Watermark(watermark) => fitting(*watermark, kind),
                Through::Message(_) => Ok(()),
            },
            Self::HistoryCleared { through } | Self::Deleted { through, .. } => fitting(*through, kind),
            Self::ExtensionSet { seq, .. } | Self::ExtensionsCleared { seq, .. } => small_seq(*seq),
            _ => Ok(()),
        }
    }
}

fn groups_only(what: &'static str, kind: ConversationKind) -> Result<(), InvalidEvent> {
    match kind {
        ConversationKind::Group => Ok(()),
        ConversationKind::Direct => Err(InvalidEvent::NotInDirect { what }),
    }
}

fn small_seq(seq: u64) -> Result<(), InvalidEvent> {
    if seq <= MAX_SEQ { Ok(()) } else { Err(InvalidEvent::SeqTooLarge { found: seq }) }
}

fn delivered_seq(seq: Option<u64>, kind: ConversationKind) -> Result<(), InvalidEvent> {
    match (seq, kind) {
        (None, ConversationKind::Group) => Err(InvalidEvent::MissingSeq),
        (Some(0), ConversationKind::Group) => Err(InvalidEvent::ZeroSeq),
        (Some(seq), _) => small_seq(seq),
        (None, ConversationKind::Direct) => Ok(()),
    }
}

fn fitting(watermark: Watermark, kind: ConversationKind) -> Result<(), InvalidEvent> {
    match watermark {
        Watermark::Seq(seq) if watermark.fits(kind) => small_seq(seq),
        Watermark::Time(_) if watermark.fits(kind) => Ok(()),
        Watermark::Seq(_) => Err(InvalidEvent::NotInDirect { what: "a seq watermark" }),
        Watermark::Time(_) => Err(InvalidEvent::NotInGroup { what: "a time watermark" }),
    }
}
