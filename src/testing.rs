//! For tests and benchmarks (feature `testing`): scenarios of commands, seeded workloads.

mod scenario;
mod workload;

pub use self::scenario::{Expected, Given, Then, When, given};
pub use self::workload::{Mix, Random, Shape, Workload};
