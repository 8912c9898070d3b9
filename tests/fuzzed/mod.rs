//! What fuzzers assert, a file a target: each takes any bytes and panics where a law is broken.
//!
//! The targets in `fuzz/` call these, and so do the tests of every stable run, with all inputs kept in
//! `tests/it/regressions` and a few random ones. A new target is one more file here, one in `fuzz/fuzz_targets`
//! and a row in `tests/it/fuzzed.rs`.

pub mod apply;
pub mod binary_log;
pub mod events;
pub mod mend;
pub mod snapshot;
pub mod text_log;
