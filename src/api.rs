//! The public modules: a page each, which says when one needs it, and what it holds.
//!
//! Nothing is written here but pages and re-exports: the items live in the rooms below. Every public item has one public
//! path; the root of the crate has what every program needs, these modules have the rest.

pub mod change;
pub mod check;
pub mod command;
pub mod compact;
pub mod divergence;
pub mod event;
pub mod explain;
pub mod id;
pub mod list;
pub mod live;
pub mod notify;
pub mod redact;
pub mod retention;
pub mod snapshot;
pub mod time;
pub mod time_travel;
pub mod view;
