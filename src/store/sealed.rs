//! Events that a store keeps in columns, given without making lines of them.

use crate::store::Head;
use crate::store::snapshot::LogPrefix;

/// Events of a log as records of a binary log, in the place of their lines, and where the log stood when they were read:
/// what [`EventStore::read_sealed`](crate::store::EventStore::read_sealed) gives.
///
/// The hash beside an event is one of its line, and there is no line here. A store that gives this has held the bytes
/// against a checksum which covers them and the two prefixes; who reads on holds [`before`](Self::before) against what
/// it knows, as [`LogCursor`](crate::store::LogCursor) does with the hashes of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedPage {
    /// Where the log stood.
    pub head: Head,
    /// The log before the first of the events.
    pub before: LogPrefix,
    /// The log up to the last of them.
    pub last: LogPrefix,
    /// Records of a binary log, of which the first follows a head of no events and checksum 0.
    pub records: Vec<u8>,
}

impl SealedPage {
    /// Returns events of a log between two prefixes of it, and where it stood when they were read.
    pub fn new(head: Head, before: LogPrefix, last: LogPrefix, records: Vec<u8>) -> Self {
        Self { head, before, last, records }
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.last.events.saturating_sub(self.before.events)
    }
}
