//! The store on a PostgreSQL that the tests start themselves: the laws of every store, and what a server can suffer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod failover;
mod faults;
mod joining;
mod laws;
mod limits;
mod migrations;
mod moving;
mod outbox;
mod pages;
mod pooler;
mod schemas;
mod sealing;
#[cfg(feature = "rustls")]
mod tls;
mod within;
