//! What everything speaks of: ids, instants, events, the policy, filters and change sets, as plain values.
//!
//! A value of these types is valid by construction, so nothing above checks it again. Imports nothing of the crate.

pub(crate) mod badge;
pub(crate) mod blank_text;
pub(crate) mod change;
pub(crate) mod digits;
pub(crate) mod event;
pub(crate) mod filter;
pub(crate) mod id;
pub(crate) mod impossible;
pub(crate) mod json_text;
pub(crate) mod policy;
pub(crate) mod setters;
pub(crate) mod stream;
pub(crate) mod time;
pub(crate) mod told;
