//! The store on SQLite: the laws of every store, and what a file can suffer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod batches;
mod busy;
mod damage;
mod files;
mod killed;
mod laws;
mod outbox;
mod pages;
mod schemas;
mod segments;
mod sharing;
mod trimming;
#[cfg(unix)]
mod wal;
