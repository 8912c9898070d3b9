//! Tests that drive the program itself: what it prints, and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failing test panics"
)]
#![allow(unreachable_pub, reason = "a test has no API")]

mod act;
mod bad_input;
mod bombs;
mod check;
mod compact;
mod cores;
mod damage;
mod devices;
mod disk;
mod endings;
mod import;
mod inbox;
mod json;
mod planted;
mod reading;
mod resume;
mod rewrite;
mod show;
mod snapshot;
mod stats;
mod store_files;
mod stores;
mod support;
