//! What holds an inbox against itself and others: the digest, and the recount of every cache.

pub(crate) mod audit;
pub(crate) mod digest;
