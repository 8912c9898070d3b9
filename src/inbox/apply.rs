//! The live path: events in, change sets out.
//!
//! A batch and a single event mean the same; the latter is cheaper.

pub(crate) mod batch;
pub(crate) mod one;
pub(crate) mod span;
