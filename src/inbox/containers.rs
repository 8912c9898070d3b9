//! Containers that know nothing of conversations: ids and their numbers, tables and vectors whose parts are loaded from a
//! snapshot when they are first touched, values that most conversations lack. Every room of the inbox may use them; they
//! use none.

pub(crate) mod cells;
pub(crate) mod dense_table;
pub(crate) mod id_map;
pub(crate) mod interner;
pub(crate) mod lazy;
pub(crate) mod paged;
pub(crate) mod sparse;
pub(crate) mod tables;
