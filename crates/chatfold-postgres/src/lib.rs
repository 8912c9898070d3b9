//! chatfold's logs and snapshots in PostgreSQL, or a distributed engine that speaks its protocol: the store of a server.
//!
//! [`PostgresStore`] has the methods of the ports in [`chatfold::store`], async, and obeys the same laws. It is a pool
//! of connections; a clone is the same pool. `chatfold-account` keeps inboxes over it. [`Blocking`] fills the ports themselves.
//!
//! ```no_run
//! use chatfold::store::{Append, NewEvent};
//! use chatfold::EventId;
//! use chatfold::shared::StreamId;
//! use chatfold_postgres::{Options, PostgresStore};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = "host=db.example user=chatfold dbname=chat".parse()?;
//! let store = PostgresStore::open(config, tokio_postgres::NoTls, Options::default()).await?;
//! let events = [NewEvent::new(EventId::from_bytes([1; 16]), b"{}".to_vec())];
//! let alice = StreamId::from_key("alice")?;
//! store.append(&alice, &Append::new(0, &events)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The tables
//!
//! `chatfold_inbox` says which logs are closed and up to where each is sealed; `chatfold_event` has the newest events of each, by
//! inbox and position: an event's id, its command, the hash of the log up to it and its bytes. All before them lie in segments
//! of [`Options::seal_events`] events, in the columns of the binary log (`chatfold_segment`), and are found by id and command
//! through keys of 8 bytes (`chatfold_sealed`), which are looked into before they count. `chatfold_snapshot` has of the newest
//! snapshots what opening one reads and the list of its pages, `chatfold_snapshot_page` the pages, each once for an inbox, and
//! `chatfold_paging` the number of the next. The view `chatfold_event_text` shows the events that are rows as text. In the
//! column `inbox` stands a stream's key: of an account its id, of what accounts share a text that begins with a tab. Keys are compared
//! as bytes (`COLLATE "C"`), whatever the locale of the database.
//!
//! They are made when a store is opened, in the schema that [`Options::schema`] names, else in the first of the
//! connection's search path, and those of an older version are brought to this one, in one transaction. Where the role
//! that a server runs as may not do that, or [`Options::migrate`] is false, opening is refused with
//! [`PostgresError::MigrationNeeded`]: run `chatfold store migrate`, or [`PostgresStore::migrate`], as the owner of the
//! tables ([`PostgresStore::pending`] shows the statements), and give the server's role what it needs:
//!
//! ```text
//! GRANT USAGE ON SCHEMA chat TO server;
//! GRANT SELECT ON chat.chatfold_schema TO server;
//! GRANT SELECT, INSERT, UPDATE, DELETE ON chat.chatfold_inbox, chat.chatfold_event, chat.chatfold_segment,
//!     chat.chatfold_sealed, chat.chatfold_snapshot, chat.chatfold_snapshot_page, chat.chatfold_paging,
//!     chat.chatfold_outbox, chat.chatfold_outbox_switch, chat.chatfold_outbox_forgotten TO server;
//! ```
//!
//! The statements are in the folder `migrations` of this crate: `tables.sql` for a new database, and a numbered file for
//! each version after the first. A migration gives tables that are new the owner and the rights that `chatfold_event` has. A
//! server of a version before 3 that is running when its tables are migrated reads and writes no more events (PostgreSQL
//! refuses its statements): it knows nothing of segments. Stop it before, and start the newer one after.
//!
//! # Sealing
//!
//! Once appends have made rows enough for a segment, a task of the store seals them, in a transaction of its own that no append
//! is part of: rows are read and made into a segment while commands go on; then segment and keys take the place of the rows, for
//! which appends to this one inbox wait some 20 ms, once every 4,096 events. A crash in between leaves rows. Rows that
//! an older version has written are sealed so with the next append that makes a segment full, all of them; or by
//! [`PostgresStore::seal`]. [`PostgresStore::import`] writes segments at once. The newest event always stays a row: where a log
//! ends is one look into one index.
//!
//! Rows are held against their hashes before they are sealed, and a segment is read back, so that damage is never sealed as if
//! it were sound. A checksum over owner, hashes at both ends and bytes tells a segment that is not what was written
//! ([`PostgresError::DamagedAt`] names inbox, table and position); [`PostgresStore::check`] looks at all of it, and
//! [`PostgresStore::repair`] mends what follows from a sound log.
//!
//! With the feature `zstd` segments are packed; a build without it cannot read those.
//!
//! # Snapshots by pages
//!
//! A snapshot is cut where its content says, so that the next one writes what changed. [`PostgresStore::open_latest`] brings what
//! shows the list in one round trip and serves the rest by ranges ([`SnapshotPages`]): fetched before it is needed by whoever
//! knows what that will be, as accounts do for their own commands, and otherwise when it is read, over one connection more than
//! [`Options::connections`] on a thread of the store's own, which is begun when it is first needed. About a mebibyte of pages is held for a snapshot.
//!
//! # Beside other tables
//!
//! With [`Options::schema`] every statement names the schema, so neither the search path nor tables of others in the same
//! database matter. [`PostgresStore::append_in`] appends within a transaction of the caller's own, so that events and,
//! say, the token up to which a foreign server was read are there together or not at all.
//!
//! # How two writers meet
//!
//! An append looks up the head of the log, judges by it, and inserts its events at the next positions. Of two that do
//! so at once the primary key (inbox, position) lets one pass; the other looks again, and finds that it conflicts, or
//! that it was done before. No lock keeps writers of one inbox apart unless they are joined with others. A
//! share lock on the inbox's row keeps an append apart from what concerns the whole log: sealing, fencing, rewriting, erasing.
//!
//! # Many appends at once
//!
//! A server spends several times as long on the statements and the commit of an append as on its rows. So where many append, they
//! share transactions: an append that comes while fewer than [`Options::appending`] are under way has its own and waits for
//! nobody; others wait until one ends. Are they eight or more then, they are written by one transaction, up to 64 of them, each to
//! another inbox; fewer go on alone. On two processors 32 writers append four times as much as without this, and eight writers about
//! as much as without it.
//! Each append is judged by the same laws. A joined transaction
//! locks the rows of the inboxes that nobody else holds, so nobody waits for another one's inbox; an append whose inbox is held or
//! has no row, one that does not go on from the end of its log, and one that may be there already, is then done alone, as is one of more
//! than sixteen events, of more than 64 KiB or with a snapshot. A caller that is dropped while it waits is not written.
//! A joined transaction touches several inboxes: where the engine spreads them over servers, set [`Options::appending`] to `usize::MAX`,
//! so that each append stays on one. An engine that refuses the statements is asked once.
//!
//! [`PostgresStore::receive_many`] writes to hundreds of inboxes in a transaction and locks the rows of all of them
//! first, in the order of their owners' ids: appends to these inboxes wait for it, and of two whose inboxes overlap one
//! waits for the other.
//!
//! # How many connections
//!
//! A store has [`Options::connections`] at most, and makes them as they are needed. While all are in use,
//! [`Options::waiting`] callers wait for one, no longer than [`Options::connect_timeout`]. Whoever comes beyond that is
//! refused at once ([`PostgresError::Overloaded`]), and whoever waited in vain is told so ([`PostgresError::PoolTimeout`]);
//! neither has written anything (but that [`PostgresStore::receive_many`] may have brought events to the inboxes it came
//! to before), and neither is a fault of the server: answer that it is busy. A
//! server that cannot be reached is [`PostgresError::Pool`] or [`PostgresError::Postgres`]. An account passes all of them on
//! as `AccountError::Store`.
//!
//! # Behind PgBouncer
//!
//! In session mode nothing changes. In transaction mode, where each transaction may be on another connection of the
//! server, set [`Options::pooled`]: statements are then sent whole each time, in the same number of round trips, and parsed
//! anew. (PgBouncer 1.21 and later can keep prepared statements itself, with `max_prepared_statements`; `pooled` is right
//! there as well. Tested is 1.18.) Nothing else of a session is used: no temporary tables, no settings but for one transaction, no advisory locks.
//!
//! - Listening is of a session, so it does not work through it: [`Options::listen`] names the server itself for that, else
//!   [`PostgresStore::listen`] is refused ([`PostgresError::CannotListen`]). Telling (`pg_notify`) works through it.
//! - `options=-c …` in the address is refused by PgBouncer, unless `ignore_startup_parameters` has it and it is ignored:
//!   name the schema with [`Options::schema`], and set `synchronous_commit` for the role.
//! - PgBouncer leads to one server: for a failover, `target_session_attrs=read-write` over two of them, one before each server,
//!   does as without it.
//!
//! # The outbox
//!
//! [`PostgresStore::outbox_on`] (or `chatfold store outbox postgres://… --on`) has every append, import, rewriting, fencing,
//! reopening and erasing write a row into `chatfold_outbox` in its own transaction, also in one of the caller's;
//! [`PostgresStore::outbox_after`] gives them to a consumer in one order, page by page. The laws are those of
//! [`Outbox`](chatfold::store::Outbox), which [`Blocking`] fills. It is off unless switched on, and then costs a look at a row.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use chatfold::store::{OutboxChange, OutboxCursor};
//! # use chatfold_postgres::PostgresStore;
//! # async fn example(store: PostgresStore, kept: String) -> Result<(), Box<dyn std::error::Error>> {
//! let mut listener = store.listen().await?;
//! let mut cursor: OutboxCursor = kept.parse()?;
//! loop {
//!     let page = store.outbox_after(&cursor, 500).await?;
//!     for entry in &page.entries {
//!         if let OutboxChange::Appended { first, last } = entry.change {
//!             let events = store.read(&entry.stream, first - 1, (last - first + 1) as usize).await?.events;
//!             // … deliver them
//!         }
//!     }
//!     cursor = page.next; // … and keep it
//!     if page.entries.is_empty() {
//!         // Whoever dies between commit and telling wakes nobody: so not for ever.
//!         let _ = tokio::time::timeout(Duration::from_secs(1), listener.next()).await;
//!     }
//! }
//! # }
//! ```
//!
//! - **A gap or late?** No row is shown while any transaction is under way, of whomever in the whole server, that could still
//!   write one before it. What is missing between those that are shown was rolled back, and will not come.
//! - **So a transaction that stays open holds the outbox back**, and nothing else: appends go on. `held` of
//!   [`PostgresStore::outbox_status`] counts the rows that wait; watch it, and `idle_in_transaction_session_timeout` bounds it. Who it
//!   is says `SELECT pid, xact_start, query FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start`; a
//!   transaction that was prepared and forgotten stands in `pg_prepared_xacts`.
//! - **Order.** Two appends, of which one began after the other had returned, stand in that order; so do all to one inbox, in
//!   the order of their positions.
//! - **Failover.** Rows stand in the timeline of their server, which a standby that is promoted raises. A consumer goes on with
//!   the same cursor and misses nothing that is written there, although transaction ids may be given again;
//!   [`OutboxCursor::history`](chatfold::store::OutboxCursor::history) of the next page is greater. With asynchronous replication
//!   it may have taken what was lost: it then holds what it has against the logs, by their hashes.
//! - **Another server** that was given the tables by `pg_dump` or `pg_upgrade` counts transactions anew: cursors are refused there
//!   ([`OutboxError::Other`](chatfold::store::OutboxError)) until the outbox is switched on, which begins it anew.
//! - **Moving** ([`PostgresStore::move_to`]) tells of the events as appended at the new place, and of the old one as fenced.
//! - **Switching on** waits for the transactions that are writing to an inbox, ten seconds at most, and others wait meanwhile; a
//!   caller's transaction that sees the database as it was before (`REPEATABLE READ`) is ended
//!   ([`PostgresError::Aborted`]). Servers of a version that knows no outbox write nothing to it: switch it on once none of them runs.
//!
//! It needs PostgreSQL itself: transaction ids and timelines, one sequence, and the identity of the server.
//!
//! # Where it runs
//!
//! Used are tables, text columns of the collation `"C"`, primary keys and unique constraints that begin with the inbox, a
//! partial index, inserts by primary key, reads by a prefix of a key, `position` of bytes in bytes, `ON CONFLICT`, `FOR SHARE` and
//! `FOR UPDATE` on one row, and transactions that touch one inbox; [`PostgresStore::receive_many`] and joined appends alone
//! touch many, which is a distributed transaction where the engine spreads them, and joined appends use `SKIP LOCKED`. Not used, but by the outbox, are sequences; not used are triggers, foreign keys, stored procedures, temporary tables and advisory locks. So:
//!
//! - **PostgreSQL**: [`Layout::Plain`], or [`Layout::Partitioned`], which spreads the inboxes by hash over partitions; every key has
//!   the partition key in it, as partitioned tables ask.
//! - **Citus**: [`Layout::Plain`], then `create_distributed_table('chatfold_event', 'inbox')`, and the same for the
//!   other six, before the first append. All are distributed by the same column, so a transaction runs on one
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
//! An append returned when its transaction was committed. What that is worth is what `synchronous_commit` says, on the
//! server, for the role or in the address (`options=-c synchronous_commit=…`):
//!
//! | `synchronous_commit` | the server crashes and restarts | the server is lost, a standby takes its place |
//! |---|---|---|
//! | `off` | the last moments are lost (three times `wal_writer_delay`, 0.6 s by default) | they are lost, and what the standby had not received |
//! | `local`, or no `synchronous_standby_names` | nothing is lost | what the standby had not received is lost |
//! | `remote_write` | nothing is lost | nothing is lost, unless the standby's machine crashed too |
//! | `on` with `synchronous_standby_names` | nothing is lost | nothing is lost |
//! | `remote_apply` with `synchronous_standby_names` | nothing is lost | nothing is lost, and reads of the standby see it at once |
//!
//! If the connection breaks in the middle, whether an append was committed is not known: append the same again, and it
//! is done once. That it is found then is acknowledged by a commit, which waits for standbys as the first one did. A
//! read does not wait: it may show what a standby does not have yet, if the wait of its writer was cut short (by
//! `pg_terminate_backend`, say, or a restart), and an account that has read it goes on from there.
//!
//! # Failover
//!
//! Name all hosts in the address, and ask for one that takes writes:
//!
//! ```text
//! host=db1.example,db2.example user=chatfold dbname=chat target_session_attrs=read-write
//! ```
//!
//! A connection begins at the host that let the last one in. One that is a standby, refuses or says nothing for
//! [`Options::connect_timeout`] is passed over. Calls fail while nobody takes writes, with connections that broke or a
//! server that cannot be reached: the caller gives the same again until it succeeds. A store, its accounts and its
//! listeners need no restart: a connection that broke is replaced, and where a server answers that it is read-only
//! (`25006`), the connection is closed, and with it all that nobody uses just then. A [`Listener`] ends with its
//! connection: listen anew, and take in first what was missed, as `chatfold_account`'s `Accounts::keep_up` does.
//!
//! See to it that the old primary does not come back as one: two servers that take writes are two logs, and whoever
//! starts anew would take the first of the address. With `synchronous_standby_names` set it acknowledges nothing without a
//! standby, which is one more reason for it.
//!
//! A standby that was promoted has copied `synchronous_standby_names` from the old primary where it was made by
//! `pg_basebackup`: without standbys of its own, empty the setting, or every commit waits for ever.
//!
//! **What asynchronous replication lost is missing from the log**, although it was acknowledged. An account that has it
//! notices with its next call, by the hash of the log up to where it knows it, whether the log is shorter now, as long
//! or longer: it reports that the log was replaced, and loads it anew, so that it never shows what is not in the log. What was
//! brought in from elsewhere may be brought again; commands that were lost are not known to anybody but their clients.
//!
//! # Encrypted connections
//!
//! [`PostgresStore::open`] takes whatever encrypts for the driver. With the feature `rustls` the module `tls` has it: a
//! server's certificate is verified, by the authorities of a file or of the system, with the name of its host.
//!
//! # Features
//!
//! - `zstd`: segments are packed. It needs a C compiler.
//! - `rustls`: the module `tls`. It needs a C compiler.
//!
//! # Erasing
//!
//! Rewriting replaces the segment or row that holds an event, and of all behind it the hashes alone. Rewriting and erasing delete rows; PostgreSQL overwrites them when it vacuums, and keeps them in the write-ahead log
//! and in backups for as long as those are kept.

mod append;
mod append_in;
mod blocking;
mod channel;
mod check;
mod connect;
mod encrypt;
mod error;
mod fetching;
mod follow;
mod heard;
mod importing;
mod joiner;
mod joining;
mod keys;
mod listen;
mod migrating;
mod moving;
mod open;
mod options;
mod outbox;
mod pages;
mod pool;
mod reading;
mod receiving;
mod rewriting;
mod rows;
mod script;
mod sealing;
mod segments;
mod session;
mod snapshots;
mod source;
mod store;
#[cfg(feature = "rustls")]
pub mod tls;

pub use self::blocking::Blocking;
pub use self::channel::CHANNELS;
pub use self::check::Damage;
pub use self::encrypt::Encrypt;
pub use self::error::{PostgresError, TlsFault};
pub use self::heard::Heard;
pub use self::listen::Listener;
pub use self::migrating::{Migrated, Pending};
pub use self::moving::MoveError;
pub use self::options::{Layout, Options};
pub use self::pool::PostgresStore;
pub use self::snapshots::OpenedSnapshot;
pub use self::source::SnapshotPages;
