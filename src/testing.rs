//! For tests and benchmarks (feature `testing`): seeded workloads.

mod workload;

pub use self::workload::{Mix, Random, Shape, Workload};
