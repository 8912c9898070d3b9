//! What few conversations keep beside their order, so that no event looks through all messages: made where it is needed,
//! and never the truth.

use std::sync::{Arc, LazyLock};

use crate::inbox::containers::sparse::Absent;
use crate::inbox::conversation::boundary::Boundary;

/// The indexes that a conversation has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Indexes {
    /// Where the clearing ends.
    pub(crate) cleared: Option<Arc<Boundary>>,
    /// Where the deletion ends.
    pub(crate) deleted: Option<Arc<Boundary>>,
}

/// No part of any value: two that differ in it alone are equal.
impl PartialEq for Indexes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Absent for Indexes {
    fn absent() -> &'static Self {
        static ABSENT: LazyLock<Indexes> = LazyLock::new(Indexes::default);
        &ABSENT
    }
}
