//! Joining two inboxes, and healing one by another.

pub(crate) mod absorb;
pub(crate) mod heal;
pub(crate) mod union;
