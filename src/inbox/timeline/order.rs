//! The known messages of a conversation in order of position, as a counted tree of fixed depth.
//!
//! Groups of blocks of slots, each with totals over what it holds, so that "how many count after this
//! watermark" and "the last one that may be shown" skip what they need not look at: O(√n) at worst with a
//! tiny factor, O(1) at the tail where chats live. A block is the unit of sharing between clones.

pub(crate) mod block;
pub(crate) mod build;
pub(crate) mod contribution;
pub(crate) mod range;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
