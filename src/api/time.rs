//! What belongs to instants: the order of writes, and why a text or number is no instant.
//!
//! You need this module to compare writes as the fold does, by [`Stamp`], and to handle a refused
//! [`Timestamp`](crate::Timestamp).
//!
//! ```
//! use chatfold::time::Stamp;
//! use chatfold::{EventId, Timestamp};
//!
//! let at = Timestamp::from_millis(1_000)?;
//! let [first, second] = [1, 2].map(|n| Stamp::new(at, EventId::from_bytes([n; 16])));
//! assert!(first < second, "of two events of one instant the one with the greater id is later");
//! # Ok::<(), chatfold::time::TimestampError>(())
//! ```

pub use crate::model::time::{Stamp, TimestampError};
