//! Integration tests of the library, in one binary: a file a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(unreachable_pub, missing_debug_implementations)]

mod absorb;
#[cfg(feature = "binary")]
mod binary;
mod changes;
mod compact;
mod connect;
mod decide;
#[cfg(feature = "jsonl")]
mod dialects;
mod digest;
mod divergence;
#[cfg(feature = "jsonl")]
mod fixtures;
#[cfg(feature = "jsonl")]
mod foreign;
mod fuzzed;
mod harness;
mod histories;
mod history;
mod hostile;
mod house;
#[cfg(feature = "jsonl")]
mod jsonl;
#[cfg(feature = "binary")]
mod laid_out;
mod laws;
mod live;
#[cfg(feature = "jsonl")]
mod log_page;
mod mirror;
mod model;
mod notify;
#[cfg(feature = "jsonl")]
mod oracles;
mod outbox;
#[cfg(all(feature = "serde", feature = "jsonl"))]
mod owned;
mod pages;
mod partial;
#[cfg(feature = "jsonl")]
mod real;
mod reasons;
mod redact;
mod regressions;
mod retention;
mod rooms;
mod rulebook;
mod rules;
#[cfg(feature = "jsonl")]
mod schema;
mod served;
mod share_out;
mod shared;
mod shown;
mod snapshot;
#[cfg(feature = "binary")]
mod snapshot_place;
mod store;
mod subscriptions;
mod tokens;
#[cfg(feature = "binary")]
mod trimming;
#[cfg(feature = "jsonl")]
mod v2tim;
