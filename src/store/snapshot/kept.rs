//! A snapshot as a store keeps it, and one that a store has found.

use std::fmt;
use std::sync::Arc;

use crate::store::snapshot::LogPrefix;
use crate::store::snapshot::source::SnapshotSource;

/// A snapshot as a store keeps it: all of it, so that the compiler asks a store of each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The prefix of the log that it stands for.
    pub prefix: LogPrefix,
    /// The snapshot.
    pub bytes: Vec<u8>,
}

impl StoredSnapshot {
    /// Returns a snapshot and the prefix of the log that it stands for.
    pub fn new(prefix: LogPrefix, bytes: Vec<u8>) -> Self {
        Self { prefix, bytes }
    }
}

/// A snapshot that a store has found, to be read by range.
#[derive(Clone)]
pub struct FoundSnapshot {
    /// The prefix of the log that it stands for.
    pub prefix: LogPrefix,
    /// Its bytes.
    pub source: Arc<dyn SnapshotSource>,
}

impl fmt::Debug for FoundSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundSnapshot").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl From<StoredSnapshot> for FoundSnapshot {
    fn from(snapshot: StoredSnapshot) -> Self {
        Self { prefix: snapshot.prefix, source: Arc::new(snapshot.bytes) }
    }
}
