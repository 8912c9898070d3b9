//! The registers that state is made of, and their bytes.
//!
//! Joining registers is commutative, associative and idempotent (R02–R04). Imports `model` only.

pub(crate) mod bytes;
pub(crate) mod canonical_form;
pub(crate) mod lattice;
pub(crate) mod max_tree;
pub(crate) mod plane;
pub(crate) mod runs;
pub(crate) mod summed;
