//! What belongs to snapshots: the prefix of the log that one stands for, when one is due, why one is refused.
//!
//! You need this module to start cold without folding the whole log. [`Inbox::snapshot`](crate::Inbox::snapshot) writes an
//! inbox to bytes, [`Inbox::restore`](crate::Inbox::restore) reads it back and says which events are still to be applied.
//! A snapshot is a cache: whatever is wrong with one, the log is replayed instead.
//!
//! ```
//! use chatfold::snapshot::{LogPrefix, SnapshotError};
//! use chatfold::{Inbox, Policy, UserId};
//!
//! let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
//! let bytes = Inbox::new(alice.clone(), Policy::default()).snapshot(LogPrefix::EMPTY)?;
//! let refused = Inbox::restore(bytes, &bob, Policy::default()).map(|_| ());
//! assert_eq!(refused, Err(SnapshotError::Owner { expected: bob, found: alice }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::store::snapshot::frame::{is_snapshot, read_later};
pub use crate::store::snapshot::source::{SnapshotSource, SourceError};
pub use crate::store::snapshot::{
    HistoryFault, LogPlace, LogPrefix, SnapshotError, SnapshotInfo, SnapshotPolicy,
};
