//! The bulk path: events and segments of a log, folded before anything is derived.

pub(crate) mod events;
pub(crate) mod pending;
#[cfg(feature = "binary")]
pub(crate) mod segment;
pub(crate) mod share_out;
pub(crate) mod stretch_parts;
