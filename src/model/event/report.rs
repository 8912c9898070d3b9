//! What a server says of the unread messages that are not all held here.

use crate::model::event::{Through, Watermark};
use crate::model::time::Timestamp;

/// What `unread_reported` says: of the messages up to [`through`](Self::through), so many are unread.
///
/// Its instant is the server's of the answer, not the device's. `Ord` is the fixed total order of values that settles
/// ties between equal stamps (R07); it has no other meaning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnreadReport {
    /// The newest position that the server knows, ≥ 1 in a group: what the report speaks of ends there.
    pub through: Watermark,
    /// How many messages up to there are unread, at most 2^53.
    pub unread: u64,
    /// The read marker that they were counted for; `None`: unknown.
    pub read: Option<Through>,
    /// The numbers are floors: it may be more.
    pub at_least: bool,
    /// The unread mentions among them, in a group.
    pub mentions: Option<ReportedMentions>,
    /// The time of the newest message that is neither online-only nor excluded from being the last.
    pub active_at: Option<Timestamp>,
}

/// The unread mentions that a server reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportedMentions {
    /// How many there are, at most 2^53.
    Count(u64),
    /// Where they stand, by strictly rising seq.
    At(Vec<ReportedMention>),
}

/// A mention that a server reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportedMention {
    /// The seq of the message.
    pub seq: u64,
    /// Whom it mentions: 1 the owner, 2 everybody, 3 both.
    pub at_type: u8,
}
