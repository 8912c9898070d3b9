//! What makes an event well-formed.

use crate::model::event::{
    AccountFact, Body, Fact, MAX_MESSAGE_LEN_BYTES, MAX_SEQ, Membership, Message, QuietHours, ReceiveOption,
    ReportedMentions, Through, UnreadReport, Watermark,
};
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
    /// A message that carries more than [`MAX_MESSAGE_LEN_BYTES`], counted as its text, its payloads, its users with 8
    /// bytes more each, and 128 bytes for the rest.
    #[error("a message carries at most {MAX_MESSAGE_LEN_BYTES} bytes, this one {found}")]
    TooLarge {
        /// How many bytes it carries.
        found: usize,
    },
    /// An edit with version 0.
    #[error("the version of an edit is at least 1")]
    ZeroVersion,
    /// Quiet hours that do not fit a day.
    #[error("quiet hours start within a day, last less than a day and lie less than a day from UTC")]
    QuietHours,
    /// An end of a receive option that has none.
    #[error("the option receive has no end")]
    UntilOfReceive,
    /// A membership that names nobody, or a dissolved group that names somebody.
    #[error("a membership names its user, a dissolved group names none")]
    MembershipUser,
    /// A report about no message.
    #[error("an unread report reaches to a seq of at least 1")]
    EmptyReport,
    /// A number of messages over [`MAX_SEQ`].
    #[error("a number of messages is at most 2^53, this one is {found}")]
    CountTooLarge {
        /// The number.
        found: u64,
    },
    /// Mentions of a report out of order, behind its end, or of no type.
    #[error("reported mentions have rising seqs from 1 up to the report's end and a type from 1 to 3")]
    ReportedMentions,
    /// A stretch that ends before it begins.
    #[error("a complete stretch does not end before it begins")]
    EmptyStretch,
    /// A window of a shared history that ends before it begins.
    #[error("a window does not end before it begins")]
    EmptyWindow,
}

impl Body {
    /// Whether the body fits its conversation, its numbers their bounds.
    pub(crate) fn validate(&self) -> Result<(), InvalidEvent> {
        match self {
            Self::Conversation(id, fact) => fact.validate(id.kind()),
            Self::Account(AccountFact::QuietHoursSet { hours: Some(hours) }) => hours.validate(),
            Self::Account(_) => Ok(()),
        }
    }
}

impl QuietHours {
    fn validate(&self) -> Result<(), InvalidEvent> {
        let day = 86_400;
        let (start_s, duration_s, offset_s) = match self {
            Self::Daily { start_s, duration_s, utc_offset_s } => (*start_s, *duration_s, *utc_offset_s),
            Self::DailyIn { start_s, duration_s, zone: _ } => (*start_s, *duration_s, 0),
            Self::Once { .. } => return Ok(()),
        };
        let fits = start_s < day && duration_s < day && offset_s.unsigned_abs() < day;
        if fits { Ok(()) } else { Err(InvalidEvent::QuietHours) }
    }
}

impl Fact {
    pub(crate) fn validate(&self, kind: ConversationKind) -> Result<(), InvalidEvent> {
        match self {
            Self::Opened { group_type: Some(_) } => groups_only("group_type", kind),
            Self::MessageReceived(message) => message.validate_received(kind),
            Self::MessageQueued(message) | Self::MessageImported { message, .. } => {
                message.validate_len()?;
                match message.seq {
                    Some(seq) => small_seq(seq),
                    None if kind == ConversationKind::Group => Err(InvalidEvent::MissingSeq),
                    None => Ok(()),
                }
            }
            Self::MessageSent { seq, .. } => delivered_seq(*seq, kind),
            Self::MessageModified { edit, .. } if edit.version == 0 => Err(InvalidEvent::ZeroVersion),
            Self::MessageReadBy { .. } => groups_only("message_read_by", kind),
            Self::MessagePinned { .. } => groups_only("message_pinned", kind),
            Self::PeerRead { .. } if kind == ConversationKind::Group => {
                Err(InvalidEvent::NotInGroup { what: "peer_read" })
            }
            Self::PeerRead { through } | Self::Read { through } => fitting_or_message(*through, kind),
            Self::HistoryCleared { through, .. } | Self::Deleted { through, .. } => fitting(*through, kind),
            Self::ReceiveOptionSet { option: ReceiveOption::Receive, until: Some(_) } => {
                Err(InvalidEvent::UntilOfReceive)
            }
            Self::MembershipSet { state, user } => {
                groups_only("membership_set", kind)?;
                let names_none = *state == Membership::Dissolved;
                if names_none == user.is_none() { Ok(()) } else { Err(InvalidEvent::MembershipUser) }
            }
            Self::UnreadReported(report) => report.validate(kind),
            Self::HistoryComplete { from, through } => {
                fitting(*from, kind)?;
                fitting(*through, kind)?;
                if from > through { Err(InvalidEvent::EmptyStretch) } else { Ok(()) }
            }
            Self::HistoryWindow { after, through } => {
                fitting(*after, kind)?;
                let Some(through) = through else { return Ok(()) };
                fitting(*through, kind)?;
                if after > through { Err(InvalidEvent::EmptyWindow) } else { Ok(()) }
            }
            Self::ExtensionSet { seq, .. } | Self::ExtensionsCleared { seq, .. } => small_seq(*seq),
            _ => Ok(()),
        }
    }
}

impl Message {
    /// Whether a message that was delivered fits its conversation.
    #[inline]
    pub(crate) fn validate_received(&self, kind: ConversationKind) -> Result<(), InvalidEvent> {
        self.validate_len()?;
        delivered_seq(self.seq, kind)
    }

    #[inline]
    fn validate_len(&self) -> Result<(), InvalidEvent> {
        match self.content_len_bytes() {
            0..=MAX_MESSAGE_LEN_BYTES => Ok(()),
            found => Err(InvalidEvent::TooLarge { found }),
        }
    }
}

impl UnreadReport {
    fn validate(&self, kind: ConversationKind) -> Result<(), InvalidEvent> {
        fitting(self.through, kind)?;
        if self.through == Watermark::Seq(0) {
            return Err(InvalidEvent::EmptyReport);
        }
        self.read.map_or(Ok(()), |read| fitting_or_message(read, kind))?;
        let counted = match &self.mentions {
            Some(ReportedMentions::Count(count)) => *count,
            _ => 0,
        };
        let found = self.unread.max(counted);
        if found > MAX_SEQ {
            return Err(InvalidEvent::CountTooLarge { found });
        }
        if self.mentions.is_some() {
            groups_only("mentions", kind)?;
        }
        if let (Some(ReportedMentions::At(places)), Watermark::Seq(last)) = (&self.mentions, self.through) {
            let rise = places.is_sorted_by(|a, b| a.seq < b.seq);
            let fit =
                places.iter().all(|one| (1..=last).contains(&one.seq) && (1..=3).contains(&one.at_type));
            if !rise || !fit {
                return Err(InvalidEvent::ReportedMentions);
            }
        }
        Ok(())
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

fn fitting_or_message(through: Through, kind: ConversationKind) -> Result<(), InvalidEvent> {
    match through {
        Through::Watermark(watermark) => fitting(watermark, kind),
        Through::Message(_) => Ok(()),
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
