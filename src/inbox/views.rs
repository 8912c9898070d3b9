//! What is read from an inbox: pages, conversations, messages, the events behind each value.

pub(crate) mod conversation;
pub(crate) mod expiries;
pub(crate) mod explain;
pub(crate) mod for_compaction;
pub(crate) mod for_decide;
pub(crate) mod for_queries;
pub(crate) mod for_shared;
pub(crate) mod message;
pub(crate) mod page;
pub(crate) mod partial;
