//! The inbox as it was at any moment of its log.
//!
//! You need this module to step back through a log (a bug report, an audit, a replay on a screen) without folding it from
//! the beginning for every step. [`History`] keeps frozen copies along the log and folds on from the nearest.
//!
//! ```
//! use chatfold::time_travel::{History, HistoryPolicy};
//! use chatfold::{Envelope, EventId, Policy, Timestamp, UserId};
//!
//! let alice = UserId::parse("alice")?;
//! let mut log = Vec::new();
//! for (n, on) in [(1, true), (2, false), (3, true)] {
//!     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, alice.clone());
//!     log.push(envelope.conversation_pinned("c2c_bob".parse()?, on)?);
//! }
//! let history = History::replay(alice, Policy::default(), HistoryPolicy::default(), &log);
//! let events = |range: std::ops::Range<u64>| &log[range.start as usize..range.end as usize];
//! let pinned = |position: u64| history.at(position, events).map(|inbox| inbox.conversations().any(|row| row.is_pinned()));
//! assert_eq!((pinned(1)?, pinned(2)?, pinned(3)?), (true, false, true));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::follow::time_travel::{History, HistoryError, HistoryPolicy, Moment};
