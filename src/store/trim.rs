//! Trimming: older events are moved out of a store, and a snapshot stands for them.

use crate::model::id::UserId;
use crate::store::SnapshotStore;
use crate::store::snapshot::LogPrefix;

/// Moves the older events of an account's log to an archive and puts them back: what a store can do beside the other ports whose logs
/// would outgrow the place that they lie in.
///
/// The laws, which `testing::check_trimming` holds against a store:
///
/// - **Only what a snapshot stands for is moved**, and that snapshot is held against the events first: one that is not what
///   they say moves nothing. It is kept until the events are back, however many newer ones are kept.
/// - **The log stays what it was**: its head, its positions and the hashes behind the cut. What is appended goes on where it
///   ended.
/// - **What is asked for before the cut is told to be elsewhere**, by an error that
///   [`EventStore::is_trimmed`](crate::store::EventStore::is_trimmed) knows, and never by an event that is missing.
/// - **Doubles are told for ever**, by id and by command, those of events that were moved as well.
/// - **Nothing is moved twice.** Trimming again moves what has come to stand before a newer snapshot, to the same archive.
/// - **Events that the snapshot stands for are not rewritten**: it would still say what they said.
/// - **Putting back is whole or not done**: each event is held against the log, and an archive that holds others, or of
///   another owner, changes nothing. Then all is as if nothing had been moved.
/// - **Erasing** forgets what was moved; the archive is the caller's to remove.
pub trait Trim: SnapshotStore {
    /// What names an archive: a path, for a store in files.
    type Archive;

    /// Moves events that the newest snapshot of no more than `through` events stands for to an archive, as many as the
    /// store moves at once and no others: a store may leave those that it has not laid out for it yet.
    ///
    /// Complexity: replays the log up to the snapshot.
    ///
    /// # Errors
    ///
    /// The store's own error where there is no such snapshot, where it is not what the events say, or where the archive
    /// cannot be written or holds something else. Nothing was moved then.
    fn trim(&mut self, owner: &UserId, through: u64, archive: &Self::Archive)
    -> Result<Trimmed, Self::Error>;

    /// The log up to the last event that was moved; [`LogPrefix::EMPTY`] where none was.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached or read.
    fn trimmed_prefix(&mut self, owner: &UserId) -> Result<LogPrefix, Self::Error>;

    /// Puts the events that were moved back from an archive that holds them, and returns how many that were; 0 where
    /// nothing was moved.
    ///
    /// Complexity: reads the archive and writes what it holds.
    ///
    /// # Errors
    ///
    /// The store's own error where the archive cannot be read or does not hold the events. Nothing was put back then.
    fn restore_archive(&mut self, owner: &UserId, archive: &Self::Archive) -> Result<u64, Self::Error>;
}

/// What came of trimming a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trimmed {
    /// How many events were moved to the archive, besides those that were there before.
    pub events: u64,
    /// The position of the last event that is in the archive and not in the store any more; 0 if there is none.
    pub through: u64,
    /// How many events the snapshot stands for that takes their place, and that was held against them; 0 if there is none.
    pub base: u64,
}

impl Trimmed {
    /// Returns what came of trimming: how many events were moved, the position of the last that is in the archive, and how
    /// many events the snapshot stands for.
    pub fn new(events: u64, through: u64, base: u64) -> Self {
        Self { events, through, base }
    }
}
