//! How a store is opened.

use std::time::Duration;

use tokio_postgres::Config;

/// How the tables are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Over so many partitions by the inbox's hash. The number is fixed when the tables are made.
    ///
    /// Worth it on PostgreSQL for tables of hundreds of gigabytes, whose parts are vacuumed, indexed and backed up each by itself. The
    /// server plans and locks every partition for every statement: with sixteen of them an append takes it up to twice as long.
    Partitioned(u16),
    /// Not by the schema: one table each, which an engine that spreads tables spreads itself.
    Plain,
}

/// How a store is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How the tables are spread if they have yet to be made; not at all unless said otherwise. Tables that are there stay
    /// as they were made.
    pub layout: Layout,
    /// The schema that the tables are in, by its name as it is, not quoted: it is made with them if it is not there. `None`,
    /// which is the default: the first of the connection's search path.
    pub schema: Option<String>,
    /// Whether opening makes the tables, or brings those of an older version to this one. Where it is false, or the role
    /// may not do it, a store without them is refused ([`PostgresError::MigrationNeeded`](crate::PostgresError)). True
    /// unless set otherwise.
    pub migrate: bool,
    /// How many connections are kept at most.
    pub connections: usize,
    /// How many callers may wait at once for a connection to come free; whoever comes then is refused at once
    /// ([`PostgresError::Overloaded`](crate::PostgresError)). A [`receive_many`](crate::PostgresStore::receive_many) waits
    /// as up to four. As many as come unless another is set.
    pub waiting: usize,
    /// In how many transactions the store appends at once where many do. While as many are under way, further appends of few
    /// events wait until one of them ends; are they eight or more then, they are written together, up to 64 inboxes by one
    /// transaction, which spares the server most of what an append costs it, and fewer go on each alone. One that comes while
    /// fewer are under way waits for nobody, and nobody waits longer than a thousandth of [`Options::answer_timeout`]
    /// before a transaction begins with it. At least 1; where it is as many as there are connections, or `usize::MAX`, each
    /// append has a transaction of its own. 2 unless another is set: more for a server with many processors. What is brought
    /// to many inboxes at once does not count.
    pub appending: usize,
    /// Whether the address leads to a pooler that gives each transaction another connection, as PgBouncer's transaction
    /// mode does: statements are sent whole each time, since none stays prepared. False unless set otherwise.
    pub pooled: bool,
    /// How many events of an inbox lie as rows before they are sealed into a segment, which is so long too: at least 1. A
    /// larger one makes smaller tables and faster replays, and appends wait longer while a segment takes the place of its rows.
    /// 4,096 unless another is set; tables may be opened with another one at any time.
    pub seal_events: usize,
    /// Whether listeners are told of appends.
    pub notify: bool,
    /// Where to listen, if that is elsewhere than where everything else is asked: at the server itself, past a pooler.
    pub listen: Option<Config>,
    /// How long it may take until a connection is there: for one host to be reached and to let it in, and for one to come
    /// free in the pool ([`PostgresError::PoolTimeout`](crate::PostgresError)). 10 s unless another is set.
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
            layout: Layout::Plain,
            schema: None,
            migrate: true,
            connections: 16,
            waiting: usize::MAX,
            appending: 2,
            pooled: false,
            seal_events: 4_096,
            notify: true,
            listen: None,
            connect_timeout: Duration::from_secs(10),
            network_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(120),
        }
    }
}
