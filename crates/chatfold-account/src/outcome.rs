//! What comes of what an account was asked.

use chatfold::command::Refusal;
use chatfold::snapshot::{HistoryFault, LogPrefix, SnapshotError};
use chatfold::{ChangeSet, ConversationId, Event};

/// What became visible, of one's own events and of other writers'.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// How many events were taken in.
    pub events: u64,
    /// What they changed, in order; empty ones left out.
    pub sets: Vec<ChangeSet>,
    /// The inbox was loaded anew, so the sets do not tell everything: draw all of it again (R61).
    pub reset: bool,
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Executed {
    /// The first and last position of its events in the log; `None` if its outcome was true already.
    pub positions: Option<(u64, u64)>,
    /// Its events, as appended. Empty if it was carried out before.
    pub events: Vec<Event>,
    /// Of a command over many conversations, those that were refused.
    pub refused: Vec<Refusal>,
    /// It had been carried out before, and nothing was appended now.
    pub repeated: bool,
    /// What changed, other writers' events included.
    pub changes: Changes,
}

/// Something that an account noticed and dealt with. Nothing of it is fatal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Report {
    /// A snapshot does not verify; an older one or the whole log was taken instead.
    #[error("the snapshot at position {position} was not used: {error}")]
    Snapshot {
        /// What it claims to stand for.
        position: u64,
        /// What is wrong with it.
        error: SnapshotError,
    },
    /// A snapshot is of another log than this one.
    #[error("the snapshot at position {position} is not of this log")]
    AlienSnapshot {
        /// What it claims to stand for.
        position: u64,
    },
    /// The store could not read a snapshot.
    #[error("a snapshot could not be read: {0}")]
    SnapshotUnreadable(String),
    /// A snapshot could not be made or kept.
    #[error("a snapshot was not kept: {0}")]
    NotSaved(String),
    /// Part of a snapshot turned out corrupt when it was first touched; the log was replayed.
    #[error("the history of {conversation} was corrupt: {fault}")]
    Corrupt {
        /// Whose history.
        conversation: ConversationId,
        /// Its fault.
        fault: HistoryFault,
    },
    /// The log is another one than before: redacted, erased, or put back from a backup. It was loaded anew.
    #[error("the log is not the one that was read up to position {}", known.events)]
    LogReplaced {
        /// The log as it was known.
        known: LogPrefix,
    },
}
