//! How a store is opened.

use std::time::Duration;

/// How the tables are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Over so many partitions by the inbox's hash: plain PostgreSQL. The number is fixed when the tables are made.
    Partitioned(u16),
    /// Not by the schema: the engine spreads them itself.
    Plain,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How the tables are spread if they have yet to be made.
    pub layout: Layout,
    /// How many connections are kept at most.
    pub connections: usize,
    /// Whether listeners are told of appends.
    pub notify: bool,
    /// How long it may take until a connection is there: to be reached, to be let in, and to come free in the pool.
    /// 10 s unless another is set.
    pub connect_timeout: Duration,
    /// How long a host may leave bytes unacknowledged until the connection is given up, and how long an idle one is
    /// silent before it is probed; the operating system's part. 30 s unless another is set.
    pub network_timeout: Duration,
    /// How long one call waits for its answer, whatever it asks. 120 s unless another is set: rewriting a long log takes
    /// its time.
    pub answer_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            layout: Layout::Partitioned(16),
            connections: 16,
            notify: true,
            connect_timeout: Duration::from_secs(10),
            network_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(120),
        }
    }
}
