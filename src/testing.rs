//! For tests and benchmarks (feature `testing`): scenarios of commands, seeded workloads, the
//! suite that every store passes.

mod hostile;
mod scenario;
#[cfg(feature = "binary")]
mod sealed;
mod store;
mod workload;

pub use self::hostile::Hostile;
pub use self::scenario::{Expected, Given, Then, When, given};
#[cfg(feature = "binary")]
pub use self::sealed::{Claim, sealed_log};
pub use self::store::{check_outbox, check_store};
pub use self::workload::{Mix, Random, Shape, Workload};
