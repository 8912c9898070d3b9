//! One conversation: its timeline, the registers that all see, the registers of the owner alone, and what is derived.
//!
//! Everything shown can be recounted from the registers (`Inbox::audit`). Uses the timeline and below.

pub(crate) mod appearance;
pub(crate) mod boundary;
pub(crate) mod bounds;
pub(crate) mod derive;
pub(crate) mod indexes;
pub(crate) mod join;
pub(crate) mod ledger;
pub(crate) mod personal;
pub(crate) mod report;
pub(crate) mod reported;
pub(crate) mod resolved;
pub(crate) mod restored;
pub(crate) mod row;
pub(crate) mod shared;
pub(crate) mod shown;
pub(crate) mod state;
