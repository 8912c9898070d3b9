//! Containers that know nothing of conversations: numbered ids, tables that may lie in a snapshot until asked for,
//! vectors by page, values that most lack. Every room of the inbox may use them; they use none.

pub(crate) mod dense_table;
pub(crate) mod id_map;
pub(crate) mod interner;
pub(crate) mod lazy;
pub(crate) mod paged;
pub(crate) mod sparse;
pub(crate) mod tables;
