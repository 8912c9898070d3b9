//! The report of a server that counts (R45).

use std::sync::Arc;

use crate::model::event::UnreadReport;
use crate::model::time::Stamp;

/// A report: how far it reaches, when it was made, and what it says. The greatest counts, in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Report {
    /// The first field up to which it speaks: T.
    pub(crate) through: i64,
    pub(crate) stamp: Stamp,
    pub(crate) said: Arc<UnreadReport>,
}
