//! chatfold's logs and snapshots in PostgreSQL, or a distributed engine that speaks its protocol: the store of a server.
//!
//! [`PostgresStore`] has the methods of the ports in [`chatfold::store`], async, and obeys the same laws. It is a pool
//! of connections; a clone is the same pool. `chatfold-account` keeps inboxes over it. [`Blocking`] fills the ports themselves.
//!
//! ```no_run
//! use chatfold::store::{Append, NewEvent};
//! use chatfold::{EventId, UserId};
//! use chatfold_postgres::{Options, PostgresStore};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = "host=db.example user=chatfold dbname=chat".parse()?;
//! let store = PostgresStore::open(config, tokio_postgres::NoTls, Options::default()).await?;
//! let events = [NewEvent { id: EventId::from_bytes([1; 16]), bytes: b"{}".to_vec() }];
//! let alice = UserId::new("alice")?;
//! store.append(&alice, &Append { expected: 0, command: None, events: &events, snapshot: None }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The tables
//!
//! `chatfold_inbox` says which logs are closed; `chatfold_event` has, by inbox and position, the event's id, its
//! command, the hash of the log up to it and its bytes; `chatfold_snapshot` the newest snapshots. The view
//! `chatfold_event_text` shows events as text. They are made when a store is opened, in the first schema of the
//! connection's search path.
//!
//! # How two writers meet
//!
//! An append looks up the head of the log, judges by it, and inserts its events at the next positions. Of two that do
//! so at once the primary key (inbox, position) lets one pass; the other looks again, and finds that it conflicts, or
//! that it was done before. No lock keeps writers of one inbox apart, and those of different inboxes never meet. A
//! share lock on the inbox's row keeps an append apart from what concerns the whole log: fencing, rewriting, erasing.
//!
//! # Where it runs
//!
//! Used are tables, primary keys and unique constraints that begin with the inbox, single-row inserts by primary key,
//! reads by a prefix of a key, `ON CONFLICT`, `FOR SHARE` and `FOR UPDATE` on one row, and transactions that touch one
//! inbox. Not used are sequences, triggers, foreign keys, stored procedures, temporary tables and advisory locks. So:
//!
//! - **PostgreSQL**: [`Layout::Partitioned`] spreads the inboxes by hash over partitions; every key has the partition
//!   key in it, as partitioned tables ask.
//! - **Citus**: [`Layout::Plain`], then `create_distributed_table('chatfold_event', 'inbox')`, and the same for the
//!   other two, before the first append. All three are distributed by the same column, so a transaction runs on one
//!   worker; unique constraints hold because each has that column.
//! - **YugabyteDB**: [`Layout::Plain`]; the first column of a primary key is its hash key there, so the inbox decides
//!   the tablet. Transactions that meet fail with `40001`, which is tried again.
//! - **CockroachDB**: [`Layout::Plain`]; ranges are split by the primary key, which begins with the inbox. All
//!   transactions are serializable there, so the share lock is not even needed; `40001` is tried again.
//!
//! Notifications ([`PostgresStore::listen`]) are PostgreSQL's alone: set [`Options::notify`] to false elsewhere and
//! let followers ask for the head ([`PostgresStore::head`]) now and then. Tested is PostgreSQL, in both layouts; the
//! other engines are chosen for by the features above, and have not been run.
//!
//! # Durability
//!
//! An append returned when its transaction was committed, which PostgreSQL syncs unless `synchronous_commit` is off.
//! If the connection breaks in the middle, whether it was committed is not known: append the same again.
//!
//! # Erasing
//!
//! Rewriting and erasing delete rows; PostgreSQL overwrites them when it vacuums, and keeps them in the write-ahead log
//! and in backups for as long as those are kept.

mod append;
mod blocking;
mod error;
mod follow;
mod moving;
mod rows;
mod schema;
mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chatfold::UserId;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio::sync::mpsc;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

pub use self::blocking::Blocking;
pub use self::error::PostgresError;
pub use self::follow::Listener;
pub use self::moving::MoveError;

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

/// Logs and snapshots in PostgreSQL.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Pool,
    options: Options,
    listen: Arc<dyn follow::Connect>,
    teller: Option<mpsc::UnboundedSender<UserId>>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("options", &self.options).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens a store, making its tables if they are not there. Several may do so at once.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, or a newer version of this crate made the tables.
    pub async fn open<T>(mut config: Config, tls: T, options: Options) -> Result<Self, PostgresError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        bound(&mut config, &options);
        let listen = Arc::new(follow::Endpoint { config: config.clone(), tls: tls.clone() });
        // Whether a connection is closed is known without asking the server.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, tls, recycling);
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(options.connect_timeout))
            .wait_timeout(Some(options.connect_timeout))
            .build()
            .map_err(|error| PostgresError::Pool(error.to_string()))?;
        let teller = options.notify.then(|| follow::begin_telling(pool.clone()));
        let store = Self { pool, options, listen, teller };
        store.bounded(schema::prepare(&store)).await?;
        Ok(store)
    }

    /// Waits for an answer no longer than [`Options::answer_timeout`]. What is given up closes its connection.
    async fn bounded<T, E: From<PostgresError>>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let bound = self.options.answer_timeout;
        let answered = tokio::time::timeout(bound, answer).await;
        answered.unwrap_or_else(|_| Err(PostgresError::NoAnswer(bound).into()))
    }

    async fn client(&self) -> Result<Taken, PostgresError> {
        match self.pool.get().await {
            Ok(object) => Ok(Taken(Some(object))),
            Err(deadpool_postgres::PoolError::Backend(error)) => Err(error.into()),
            Err(error) => Err(PostgresError::Pool(error.to_string())),
        }
    }
}

/// Sets the bounds of a connection where the address has set none of its own.
fn bound(config: &mut Config, options: &Options) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(options.connect_timeout);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(options.network_timeout);
    }
    if config.get_keepalives_idle() > options.network_timeout {
        config.keepalives_idle(options.network_timeout);
    }
}

/// A connection taken from the pool for one transaction. It goes back only when that ended well: one that was given
/// up in the middle (an error, a dropped future) is closed, and the server rolls back.
struct Taken(Option<Object>);

impl Taken {
    fn client(&self) -> Result<&deadpool_postgres::ClientWrapper, PostgresError> {
        self.0.as_deref().ok_or_else(|| PostgresError::Pool("the connection was given back".into()))
    }

    /// The transaction ended: the connection serves others.
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
