//! chatfold: the conversation list of a chat product, folded from an append-only log of events.

mod change;
mod event;
mod filter;
mod id;
mod inbox;
mod lattice;
mod log;
mod policy;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "jsonl")]
pub mod v2tim;

pub use change::*;
pub use event::*;
pub use filter::{Filter, FolderFilter, MarkFilter};
pub use id::*;
pub use inbox::*;
#[cfg(feature = "jsonl")]
pub use log::jsonl;
pub use policy::Policy;
pub use time::{Stamp, Timestamp, TimestampError};
