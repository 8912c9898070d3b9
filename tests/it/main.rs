//! Integration tests of the library, in one binary: a file a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(unreachable_pub, missing_debug_implementations)]

mod changes;
mod digest;
mod harness;
mod histories;
#[cfg(feature = "jsonl")]
mod jsonl;
mod laws;
mod model;
#[cfg(feature = "jsonl")]
mod oracles;
mod pages;
#[cfg(feature = "jsonl")]
mod real;
mod reasons;
mod regressions;
mod shown;
#[cfg(feature = "jsonl")]
mod v2tim;
