//! The list: the order of its rows, the folders, and the names of users.

pub(crate) mod authors;
pub(crate) mod folders;
pub(crate) mod profile;
pub(crate) mod ranking;
