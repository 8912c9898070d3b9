//! The messages of one conversation: entries in order of arrival, the index of their ids, their order by position.
//!
//! A slot never changes its message; totals over blocks are caches. Uses the containers only.

pub(crate) mod arena;
pub(crate) mod by_name;
pub(crate) mod chunk;
pub(crate) mod content;
pub(crate) mod entry;
pub(crate) mod facts;
pub(crate) mod id_index;
pub(crate) mod index_levels;
pub(crate) mod introduction;
pub(crate) mod kept;
pub(crate) mod leaf;
pub(crate) mod order;
pub(crate) mod packed;
pub(crate) mod rare_facts;
