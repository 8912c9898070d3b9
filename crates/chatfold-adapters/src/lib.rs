//! What the servers of other systems say, as events of a chatfold log.
//!
//! An adapter is made from a [`Scope`]: whose inbox it is, and in which network ids are unique. It takes payloads of the
//! system, in the JSON (or XML) in which they came, and returns what is to be appended. It opens no connection, reads no
//! clock and draws no randomness: the same payload at the same instant gives the same events, so payloads may come in any order,
//! twice, and cut into pages, and every device of an account derives the same log (R110–R117 of the library's rules).
//!
//! ```
//! # #[cfg(feature = "telegram")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use chatfold::{Inbox, Policy, Timestamp};
//! use chatfold_adapters::{Adapter, Scope, telegram::Telegram};
//!
//! let telegram = Telegram::new(Scope::new("4001", "telegram")?);
//! let update = br#"{"update_id":1,"message":{"message_id":7,"date":1700000000,"text":"Lunch?",
//!     "chat":{"id":5002,"type":"private"},"from":{"id":5002,"first_name":"Bob"}}}"#;
//! let taken = telegram.take(update, Timestamp::from_millis(1_700_000_001_000)?)?;
//! assert!(taken.faults.is_empty());
//!
//! let mut inbox = Inbox::new(telegram.scope().owner().clone(), Policy::default());
//! let to_append = telegram.settle(taken, &inbox);
//! inbox.apply_batch(&to_append);
//! assert_eq!(inbox.totals().unread, 1);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "telegram"))]
//! # fn main() {}
//! ```
//!
//! # What is taken
//!
//! [`Taken`] has what a payload says in parts, because they are written under different conditions:
//!
//! - [`events`](Taken::events): what the server said, with its instant. Append them as they are.
//! - [`observations`](Taken::observations), [`markers`](Taken::markers) and [`whole`](Taken::whole): states that were merely found. They are
//!   written where they differ from what the inbox shows (R114), or from what waits in it for a message that is not held or a folder that is
//!   not there. [`Adapter::settle`] holds them against an inbox.
//! - [`faults`](Taken::faults): what in the payload has the wrong shape, each with its place. A fault in one event loses no other.
//! - [`left_out`](Taken::left_out): what the adapter knows of and has no event for, by name.
//!
//! # References by names that are no ids
//!
//! Some systems refer to things by names from which no id can be derived: Slack's direct channels, Matrix's reaction events,
//! the ids that senders of XMPP choose, messages of V2TIM without their conversation. The adapter keeps no table of them beside the log: events that introduce such a thing
//! carry the name in their meta, and [`Adapter::learn`] reads it from there. Let an adapter learn from the log once when it is made
//! (every event may be shown to it), and from what it took. A reference that it has not learned is a fault of that payload, which may be taken again.
//!
//! # Features
//!
//! `matrix`, `slack`, `telegram`, `v2tim`, `xmpp`: a system each, all of them by default.

#![cfg_attr(
    not(all(
        feature = "matrix",
        feature = "slack",
        feature = "telegram",
        feature = "v2tim",
        feature = "xmpp"
    )),
    allow(dead_code, reason = "what adapters share is more than each of them uses")
)]

mod content;
mod fault;
mod json;
mod maker;
mod scope;
mod settle;
mod taken;
mod waiting;
#[cfg(feature = "xmpp")]
mod xml;

#[cfg(feature = "matrix")]
pub mod matrix;
#[cfg(feature = "slack")]
pub mod slack;
#[cfg(feature = "telegram")]
pub mod telegram;
#[cfg(feature = "v2tim")]
pub mod v2tim;
#[cfg(feature = "xmpp")]
pub mod xmpp;

pub use self::fault::{Fault, Place};
pub use self::scope::{Scope, ScopeError};
pub use self::settle::Adapter;
pub use self::taken::{Taken, WholeList, WholeListOf};
