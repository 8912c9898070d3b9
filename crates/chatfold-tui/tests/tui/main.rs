//! The terminal inbox: its state, its screens, and the terminal it leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test panics")]

mod acting;
mod guard;
mod mouse;
mod picture;
mod screens;
mod state;
mod support;
