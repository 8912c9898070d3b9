//! For tests and benchmarks (feature `testing`): scenarios of commands, seeded workloads, the
//! suite that every store passes.

mod hostile;
#[cfg(feature = "binary")]
mod laid_out;
mod scenario;
#[cfg(feature = "binary")]
mod sealed;
mod store;
#[cfg(feature = "binary")]
mod trimming;
mod workload;

pub use self::hostile::Hostile;
#[cfg(feature = "binary")]
pub use self::laid_out::LaidOutStore;
pub use self::scenario::{Expected, Given, Then, When, given};
#[cfg(feature = "binary")]
pub use self::sealed::{Claim, sealed_log};
#[cfg(feature = "binary")]
pub use self::store::check_trimming;
pub use self::store::{check_outbox, check_store};
#[cfg(feature = "binary")]
pub use self::trimming::{TrimmingError, TrimmingStore};
pub use self::workload::{Mix, Random, Shape, Workload};
