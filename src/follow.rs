//! What follows an inbox as it changes: live lists, unread subscriptions, sync sessions, time travel.
//!
//! Everything here reads an inbox through its public face and the change sets that it returns.

pub(crate) mod list_view;
pub(crate) mod session;
pub(crate) mod subscription;
pub(crate) mod time_travel;
