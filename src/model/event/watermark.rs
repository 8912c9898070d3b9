//! Positions in a conversation, as numbers.

use std::fmt;

use crate::model::id::ConversationKind;
use crate::model::time::Timestamp;

/// An inclusive position in a conversation's order, in numbers (R14).
///
/// As text it is `seq 17`, or the instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watermark {
    /// In a group: up to this sequence number.
    Seq(u64),
    /// In a direct chat: up to this time.
    Time(Timestamp),
}

impl Watermark {
    /// The watermark as a message's first field: the sequence number, or the time in milliseconds.
    pub fn first_field(self) -> i64 {
        match self {
            Self::Seq(seq) => i64::try_from(seq).unwrap_or(i64::MAX),
            Self::Time(time) => time.as_millis(),
        }
    }

    pub(super) fn fits(self, kind: ConversationKind) -> bool {
        match self {
            Self::Seq(_) => kind == ConversationKind::Group,
            Self::Time(_) => kind == ConversationKind::Direct,
        }
    }
}

impl fmt::Display for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seq(seq) => write!(f, "seq {seq}"),
            Self::Time(time) => time.fmt(f),
        }
    }
}
