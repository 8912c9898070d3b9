//! An account over a durable store: load, decide, append, apply, follow.
//!
//! The core of chatfold is pure; a store keeps bytes. Between them stands an [`Account`]: one owner's inbox, loaded
//! from the newest snapshot that verifies and the events after it, kept up to date, and written through
//! [`execute`](Account::execute). An application should need no more than one to be safe:
//!
//! - **Nothing acknowledged is lost.** `execute` returns when the events are durable.
//! - **Nothing is written on a state that is not the newest.** The append names the version it was decided on; if
//!   another writer came first, the new events are taken in and the command is judged anew. Refusals and outcomes
//!   that are true already are final only on the newest state.
//! - **Nothing is done twice.** A command is known by the seed of its context; given again after a failure it is done
//!   once, also if the failure came after the write.
//! - **Nothing damaged is believed.** Each event read is held against the hash beside it. A snapshot that does not
//!   verify costs a replay and a [`Report`]; a damaged log is told with its position.
//! - **No append waits for a snapshot.** It is made and kept once the events that make it due are durable, in a transaction of
//!   its own: [`Keep`] says by whom.
//!
//! Each answer tells what changed in one change set ([`Changes::set`]), which a screen's list follows. For an inbox that
//! nobody has open, [`receive_many`] brings events to its log without loading it, and to thousands of them at once.
//!
//! [`machine::Machine`] is all of that without input or output; two thin drivers carry out what it asks:
//! [`Account`] blocks, over [`chatfold_sqlite`](https://docs.rs/chatfold-sqlite) or any other store that fills the
//! ports; `postgres::Account` (feature `postgres`) is async, and `postgres::Accounts` keeps many of them for a server. These load
//! the front of a snapshot and fetch of conversations those that a command names; `prefetch` does so for who shows them.
//!
//! # A desktop client, complete
//!
//! `examples/desktop.rs`:
//!
//! ```
#![doc = include_str!("../examples/desktop.rs")]
//! ```
//!
//! # A server, complete
//!
//! `examples/server.rs`; it needs the feature `postgres` and a PostgreSQL:
//!
//! ```no_run
#![cfg_attr(feature = "postgres", doc = include_str!("../examples/server.rs"))]
//! ```
//!
//! # A chat server over shared histories
//!
//! Where a message to a group shall be one event, and not one in the log of every member, the module `shared` (feature `postgres`) is the server: its page
//! says what holds.
//!
//! # Features
//!
//! - `sqlite` (default): [`Account::wait`] for other writers of a file.
//! - `postgres`: the async driver, the cache of many accounts, and shared histories.
//! - `tracing`: what an account is asked is a span at level debug (`account`, with `operation` and `inbox`); within it stand
//!   appends, conflicts and loads (debug), each request to the store (trace), and at level warn what the store failed
//!   at and what an account [noticed](Report).
//! - `metrics`: counters and times under names that begin with `chatfold_`; [`describe_metrics`] tells a recorder what
//!   each means. Nothing is labelled by inbox.

mod background;
mod blocking;
mod context;
mod decoded;
mod error;
mod foreign_id;
pub mod machine;
mod outcome;
#[cfg(feature = "postgres")]
pub mod postgres;
mod receiving;
#[cfg(feature = "postgres")]
pub mod shared;
mod snapshot_job;
#[cfg(feature = "sqlite")]
mod sqlite;
mod telemetry;

use chatfold::Event;
use chatfold::jsonl::encode_event;
use chatfold::store::NewEvent;

pub use self::blocking::Account;
pub use self::context::{ContextError, system_context};
pub use self::error::{AccountError, Failure};
pub use self::machine::{Keep, Options};
pub use self::outcome::{Changes, Executed, Report};
pub use self::receiving::receive_many;
pub use self::snapshot_job::SnapshotJob;

/// Tells the recorder that is installed what each metric of this crate means, and in what unit it is: once, when a program
/// starts.
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    telemetry::describe();
}

/// An event as stores keep it: its id, and its line in the text log.
pub fn encode(event: &Event) -> NewEvent {
    NewEvent::new(event.id(), encode_event(event).into_bytes())
}
