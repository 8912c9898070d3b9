//! For tests and benchmarks (feature `testing`): scenarios of commands, seeded workloads.

mod scenario;
#[cfg(feature = "binary")]
mod sealed;
mod workload;

pub use self::scenario::{Expected, Given, Then, When, given};
#[cfg(feature = "binary")]
pub use self::sealed::{Claim, sealed_log};
pub use self::workload::{Mix, Random, Shape, Workload};
