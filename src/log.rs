//! Logs: an account's events at rest.
//!
//! An event of a type or version that this library does not know is kept as it stands, skipped by the fold,
//! counted, and written back unchanged.

#[cfg(feature = "binary")]
pub mod binary;
pub(crate) mod compact;
#[cfg(feature = "jsonl")]
pub mod jsonl;
#[cfg(feature = "jsonl")]
mod logged;
pub(crate) mod redact;
