//! Accounts over stores: what they promise, and what they keep when everything around them fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod accounts;
mod devices;
#[cfg(feature = "postgres")]
mod failover;
mod faulty;
mod following;
mod killed;
mod outage;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod prefetch;
mod receiving;
mod snapshots;
mod support;
mod synced;
mod tail;
mod trimmed;
mod writers;

/// The library's reference model and what compares it with an inbox: the same files.
#[path = "../../../../tests/it"]
#[allow(dead_code, unused_imports, unreachable_pub, missing_docs)]
mod reference {
    pub(crate) mod model;
    pub(crate) mod shown;
}
use reference::{model, shown};
