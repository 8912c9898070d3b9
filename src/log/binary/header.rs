//! Whose log a file is, and where it ends.

use crate::model::id::UserId;

/// The newest version of the format.
pub(crate) const VERSION: u16 = 2;

/// What the header of a binary log says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Whose log it is.
    pub owner: UserId,
    /// The head of the log that this one was made of by leaving out content, if it was.
    pub redacted_from: Option<LogHead>,
    /// The version of the format: 2, or 1 for a log that older programs are to read.
    pub version: u16,
}

impl Header {
    /// The header of `owner`'s log, of the newest version.
    pub fn new(owner: UserId) -> Self {
        Self { owner, redacted_from: None, version: VERSION }
    }
}

/// Where a binary log ends: how many events it has, and the checksum of its last record, which stands for all
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogHead {
    /// How many events, skipped ones too.
    pub events: u64,
    /// The checksum that the next record is chained on.
    pub check: u64,
}
