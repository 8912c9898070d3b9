//! The adapters as one test binary: stories of each system, their laws, and input that is no such thing.

#![allow(clippy::unwrap_used)]

mod claimed;
mod cost;
mod edges;
mod laws;
mod malformed;
mod mutated;
mod pages;
mod settled;
mod size;
mod story;
mod v2tim;
mod waiting;
mod xmpp;
