//! What is asked of an inbox and changes nothing: where two differ, whether to notify, what the cloud keeps, the list
//! as JSON.

pub(crate) mod divergence;
pub(crate) mod notify;
pub(crate) mod retention;
#[cfg(feature = "jsonl")]
pub mod v2tim;
