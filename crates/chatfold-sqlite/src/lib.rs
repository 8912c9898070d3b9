//! chatfold's logs and snapshots in one SQLite file: the store of a desktop or mobile client.
//!
//! [`SqliteStore`] fills the ports [`EventStore`](chatfold::store::EventStore) and
//! [`SnapshotStore`](chatfold::store::SnapshotStore), whose laws are theirs; `chatfold-account` keeps an inbox over it.
//!
//! ```
//! use chatfold::store::{Append, EventStore, NewEvent};
//! use chatfold::EventId;
//! use chatfold::shared::StreamId;
//! use chatfold_sqlite::{Options, SqliteStore};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("chat.db");
//! let alice = StreamId::from_key("alice")?;
//! let mut store = SqliteStore::open(&path, &Options::default())?;
//! let events = [NewEvent::new(EventId::from_bytes([1; 16]), b"{}".to_vec())];
//! store.append(&alice, &Append::new(0, &events))?;
//! drop(store);
//!
//! let mut store = SqliteStore::open(&path, &Options::default())?;
//! assert_eq!(store.head(&alice)?.prefix.events, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Durability
//!
//! The file is in WAL mode. With [`Synchronous::Full`], the default, the write-ahead log is synced before an append
//! returns: what was acknowledged is there after a crash of the process, of the system and of the power supply, as
//! far as the disk keeps its promises. With [`Synchronous::Normal`] a loss of power may take the last appends, never
//! their order and never the file; a crash of the process alone takes nothing.
//!
//! # One file, many hands
//!
//! A handle is one connection and crosses threads; open one for each thread. Readers never wait for a writer. Writers,
//! of this process or another, wait for each other up to [`Options::busy_timeout`], and an append that waited longer
//! fails without having written. A file holds any number of inboxes. The snapshots that a handle gives to be read by range
//! share a second connection, which writes nothing and is closed with the last of them and the handle. A handle that has
//! imported segments holds up to 32 MiB of the file from then on, before up to 2 MiB, and up to 16 MiB within a transaction that changes as much.
//!
//! # An application's own file
//!
//! The store can stand in the application's own database: [`SqliteStore::share`] takes the application's connection, and
//! [`Sharing`] appends within a transaction of the application's, so that a sync token, say, and the events that came with
//! it are there together or not at all. All tables have names of our own, and nothing else of the file is touched;
//! [`SqliteStore::check`] looks at them alone.
//!
//! # The tables
//!
//! The name of every table and index begins with `chatfold_`, which is left out here.
//!
//! `inbox` numbers the owners; `head` says, by owner, the number again and where the log ends. The newest events of an
//! inbox lie in `event`, a row each: by inbox and position the event's id, its command, the hash of the log up to it and
//! its bytes. What comes in 32 events or more is a `batch` from the start, with the rows before it: in the columns of a segment,
//! and beside them four bytes of the hash of each id and command, which are gone through to find one (4,096 events lie so at most). A hundred events
//! so are written once, in half the bytes; as rows they are written with an index of ids of which they touch every page.
//! Once there are [`Options::seal_events`] of both, the append that brings the last **seals** them in its own
//! transaction: they become a segment, and lie nowhere else any more. What fills segments by itself (an import) becomes
//! neither.
//!
//! `segment` says between which hashes of which log a segment stands, and its checksum; `segment_bytes` has the events,
//! in the columns of the [binary log](chatfold::binary), from which every line comes back byte for byte; bytes that are
//! no line of this library lie there as they are. `sealed` finds them: each row is an integer, a hash of an event's or a
//! command's id with the number of a segment, about 14 bytes. What it names is looked into before it counts. The keys of the
//! very last segments are in `sealed_newest` and those of the last in `sealed_new`, from which they are moved slice by slice, so
//! that a segment writes few pages of the larger tables.
//!
//! With the feature `zstd` segments are packed; a build without it cannot read those.
//!
//! `kept_snapshot` has the two newest snapshots of an inbox: what each stands for, and in `pages` the list of its pages,
//! about five bytes a page under a checksum. `snapshot_page` has the pages. A snapshot is cut where its content says so,
//! into pages of about 4 KiB, so that bytes that merely moved make the pages they made before; a page is known by the
//! 128-bit hash of its content, and is there once for all snapshots of its inbox. (Inboxes share none: erasing one then
//! leaves nothing of it, whoever else said the same.) So keeping a snapshot writes the pages that no other has. Pages
//! that are named no more are put down in `stale_page` and removed by later snapshots: as many as these write, whose room they
//! give, and a few more.
//! The number of a page is never given again, so who reads a snapshot while newer ones take its place
//! ([`open_latest`](chatfold::store::SnapshotStore::open_latest)) finds the page that was there or none. A large
//! snapshot that is new is written in transactions of two megabytes, each waiting to be named: other writers get in
//! between, and a crash leaves the older snapshot whole.
//!
//! Events as text are the command line's to show: `chatfold convert sqlite:chat.db#alice alice.jsonl`.
//!
//! `schema` has one row, the version of the schema. It is version 7, which brought batches; version 6 brought the outbox, version 5 the names,
//! version 4 pages, version 3 segments, version 2 `head`. A file of ours alone says the version and whose it is in its header too
//! (`user_version`, `application_id`), by which older programs refuse it. A file of an older version is migrated when it
//! is opened for writing, in one transaction that moves no event, by the files in `migrations` ([`MIGRATIONS`]); opened
//! for reading only, it is read as it stands, and where it is not to be migrated ([`Options::migrate`]) or cannot be, it
//! is refused before anything is attempted. Snapshots of versions before 4 are dropped: they are caches, and the next one
//! kept is by pages. Each append then seals two segments of the older rows, until there are none, or [`SqliteStore::seal`] does.
//! What that frees is used again; `VACUUM` makes the file smaller. Programs of an older version must not have it open
//! meanwhile, and refuse it afterwards, as a file of a newer schema is refused here.
//!
//! # The outbox
//!
//! Switched on ([`Outbox::outbox_on`](chatfold::store::Outbox::outbox_on), or `chatfold store outbox sqlite:PATH --on`), each
//! append, import, rewriting, fencing, reopening and erasing writes a row into `outbox` in its own transaction, also within
//! one of an application's ([`Sharing`]). As one writer at a time has the file, the numbers of the rows are the order in which
//! they were committed, and nothing is ever held back. `outbox_switch` has the mark of the cursors and how far
//! consumers have let it be forgotten. Trimming, sealing and putting back change no event and are not told. It costs an
//! append some microseconds and one page of the write-ahead log (`examples/outbox.rs` measures it). A consumer polls
//! ([`SqliteStore::data_version`] is cheap to ask).
//!
//! A file that was put back to an older state tells a consumer that is ahead of it, until it has written as much again as it
//! lost: who puts a file back switches the outbox off and on.
//!
//! ```
//! use chatfold::store::{Append, EventStore, NewEvent, Outbox, OutboxChange};
//! use chatfold::EventId;
//! use chatfold::shared::StreamId;
//! use chatfold_sqlite::{Options, SqliteStore};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("chat.db");
//! let alice = StreamId::from_key("alice")?;
//! let mut store = SqliteStore::open(&path, &Options::default())?;
//! let mut kept = store.outbox_on()?.to_string();
//! let events = [NewEvent::new(EventId::from_bytes([1; 16]), b"{}".to_vec())];
//! store.append(&alice, &Append::new(0, &events))?;
//!
//! // A consumer, another process perhaps, that kept its cursor.
//! let mut store = SqliteStore::open(&path, &Options::default())?;
//! let page = store.outbox_after(&kept.parse()?, 100)?;
//! for entry in &page.entries {
//!     if let OutboxChange::Appended { first, last } = entry.change {
//!         let events = store.read(&entry.stream, first - 1, (last - first + 1) as usize)?.events;
//!         // … and delivers them, before it keeps:
//!         assert_eq!(events.len(), 1);
//!     }
//! }
//! kept = page.next.to_string();
//! store.outbox_forget(&kept.parse()?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Trimming
//!
//! [`SqliteStore::trim`] moves the sealed events that a snapshot stands for to an archive, a binary log in a file of its
//! own, after the snapshot was held against all of them, and [`SqliteStore::restore_archive`] puts them back. `trimmed`
//! says up to where, on which snapshot, and where to; of a segment without events stay its row in `segment`, its keys and,
//! in `trimmed_ids`, its ids and commands, so that a double of any age is told. The snapshot is kept beside the two newest
//! until the events are back: it is all that is left here of them, so damage in it is told as such
//! ([`Damage::Base`]), and the archive is worth a copy.
//!
//! # Erasing
//!
//! Rewriting writes the segments, batches and rows anew that hold a changed event, and of all behind them the hashes alone. It
//! drops all snapshots of the inbox and all of their pages, as erasing does. Rewriting and erasing overwrite what they
//! remove (`secure_delete`) and empty the write-ahead log afterwards. While another connection reads, that last step
//! waits until a later checkpoint. What the disk itself keeps of overwritten blocks is out of reach; the feature
//! `sqlcipher` and its key are the remedy.
//!
//! # The write-ahead log
//!
//! While a store is open, and after a process was killed, `PATH-wal` is part of the file: it holds what was committed since
//! the last checkpoint. A copy of a store is a copy of both, made while nobody has it open, or made by SQLite. Of a
//! `PATH-wal` that is removed, this can be told and this cannot:
//!
//! - Removed alone after a kill: `PATH-shm` tells that it held more, and the file is refused
//!   ([`SqliteError::WalMissing`]) until it is put back, or `PATH-shm` is removed too.
//! - Removed with `PATH-shm`: the file is the store as of the last checkpoint. Nothing in it can tell that there was more,
//!   since whatever could was in what was removed. It is whole as of then: log, head, snapshots, and in an
//!   application's own file whatever the application wrote in the same transactions, its sync token for one, so that
//!   the server sends again what is missing. An account that is open and knew more reports that the log was replaced.
//! - Removed with `PATH-shm` after a kill in the middle of a checkpoint: the file is partly of then and partly newer. Nobody
//!   reads a wrong log from it: what is read is held against hashes and heads, and does not fit, or is an older state.
//! - Removed while a process has the store open: that process goes on with it, and SQLite tells nobody; what it commits is
//!   seen by no other process and gone if it is killed. If it closes the store, all of it is in the file.
//!
//! # Damage
//!
//! SQLite has no checksums of its own; the hash beside each event is one, as is a segment's checksum, and the head in a
//! table of its own tells of events that are missing at the end. Who reads with a
//! [`LogCursor`](chatfold::store::LogCursor) sees both; an append to a log that does not end at its head is refused,
//! rows that are not what was appended are never sealed, and a damaged segment is told with inbox, table and position
//! ([`SqliteError::DamagedAt`]). A page of a snapshot is held against its hash whenever it is read; a snapshot with a
//! damaged page is passed over, and the next one kept by the same handle writes that page anew. [`SqliteStore::check`]
//! looks at all of it, [`SqliteStore::repair`] mends what follows from a sound log.

mod archive;
mod batches;
mod check;
mod error;
mod heads;
mod keys;
mod log;
mod options;
mod outbox;
mod pages;
mod receiving;
mod rewriting;
mod rows;
mod schema;
mod sealing;
mod sharing;
mod snapshots;
mod source;
mod store;
mod trimmed;
mod trimming;
mod wal;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chatfold::UserId;
use chatfold::shared::StreamId;
use rusqlite::{Connection, OpenFlags};

pub use self::check::Damage;
pub use self::error::SqliteError;
#[cfg(feature = "sqlcipher")]
pub use self::options::Key;
pub use self::options::{Options, Synchronous};
use self::schema::{Claim, Found, Snapshots};
pub use self::schema::{MIGRATIONS, Migration};
pub use self::sharing::Sharing;
pub use chatfold::store::Trimmed;

/// Logs and snapshots in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    cache: log::Cache,
    options: Options,
    snapshots: Snapshots,
    /// A page of a snapshot was found damaged: the next snapshot holds every page that it shares against its hash.
    suspect: Arc<AtomicBool>,
    /// What snapshots are read by range over, once one was opened.
    reader: Option<Arc<source::Reader>>,
    /// The connection is the caller's: nothing of it is changed that the caller would notice.
    shared: bool,
    /// The schema of a file that may only be read and is read as it stands.
    stands_in: Option<i64>,
}

impl SqliteStore {
    /// Opens a file, making it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// If it cannot be opened or is no SQLite file, if it belongs to another application, or if a newer version of
    /// this crate wrote it.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self, SqliteError> {
        let mut connection = Self::connect(path.as_ref(), options)?;
        let snapshots = schema::migrate(&mut connection, options, Claim::Alone)?;
        let stands_in = if options.read_only { schema::standing_in(&connection)? } else { None };
        Ok(Self { stands_in, ..Self::over(connection, options, snapshots, false) })
    }

    /// Looks at the tables as they are now, if a file of an older schema that is read as it stands was migrated meanwhile.
    fn look_again(&mut self) -> Result<(), SqliteError> {
        if self.stands_in.is_some() && schema::standing_in(&self.connection)? != self.stands_in {
            schema::stand_down(&self.connection)?;
            self.snapshots = schema::migrate(&mut self.connection, &self.options, Claim::Alone)?;
            self.stands_in = schema::standing_in(&self.connection)?;
            self.reader = None;
            self.cache.clear();
        }
        Ok(())
    }

    fn over(connection: Connection, options: &Options, snapshots: Snapshots, shared: bool) -> Self {
        Self {
            connection,
            cache: log::Cache::default(),
            options: Options { seal_events: options.seal_events.max(1), ..options.clone() },
            snapshots,
            suspect: Arc::default(),
            reader: None,
            shared,
            stands_in: None,
        }
    }

    /// Returns the schema of the store in a file, which is opened for reading only; 0 if it holds none. What is older than
    /// the last of [`MIGRATIONS`] is brought up to date when it is opened for writing.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, is no SQLite file, or belongs to another application.
    pub fn schema_of(path: impl AsRef<Path>, options: &Options) -> Result<i64, SqliteError> {
        let read_only = Options { read_only: true, ..options.clone() };
        let connection = Self::connect(path.as_ref(), &read_only)?;
        Ok(Found::look(&connection)?.version)
    }

    /// A connection that is set up, to a file whose schema may be any.
    fn connect(path: &Path, options: &Options) -> Result<Connection, SqliteError> {
        let mode = if options.read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            let create = OpenFlags::SQLITE_OPEN_CREATE;
            OpenFlags::SQLITE_OPEN_READ_WRITE | if options.migrate { create } else { OpenFlags::empty() }
        };
        wal::is_there(path)?;
        let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        #[cfg(feature = "sqlcipher")]
        if let Some(Key(key)) = &options.key {
            connection.pragma_update(None, "key", key)?;
        }
        schema::prepare(&connection, options)?;
        Ok(connection)
    }

    /// The owners of the inboxes in the file, in order of bytes: whoever has a stream of its own. Streams that accounts share
    /// are no inboxes; [`SqliteStore::streams`] has them too.
    ///
    /// # Errors
    ///
    /// If the file is damaged: the two places that name them differ, or one is no id.
    pub fn inboxes(&mut self) -> Result<Vec<UserId>, SqliteError> {
        Ok(self.streams()?.iter().filter_map(StreamId::account).cloned().collect())
    }

    /// The streams in the file, in order of the bytes of their keys.
    ///
    /// # Errors
    ///
    /// If the file is damaged: the two places that name them differ, or one is no key.
    pub fn streams(&mut self) -> Result<Vec<StreamId>, SqliteError> {
        let moment = self.connection.unchecked_transaction()?;
        let (owners, again) = (self.owners("chatfold_inbox")?, self.owners("chatfold_head")?);
        moment.commit()?;
        if owners != again {
            return Err(SqliteError::Damaged("the owners that it names in two places differ".into()));
        }
        owners.iter().map(|owner| stream_of(owner)).collect()
    }

    /// The keys of streams that one of two tables names, in order of bytes.
    fn owners(&self, table: &str) -> Result<Vec<String>, SqliteError> {
        let sql = format!("SELECT owner FROM {table} ORDER BY owner");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let owners = statement.query_map([], |row| row.get(0))?;
        Ok(owners.collect::<Result<_, _>>()?)
    }

    /// A number that is another one once another connection has written to the file: cheap to ask, so that a
    /// follower may ask often.
    ///
    /// # Errors
    ///
    /// [`SqliteError`] if the file cannot be read.
    pub fn data_version(&self) -> Result<i64, SqliteError> {
        Ok(self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
    }

    /// Bounds the file to so many pages (of 4 KiB, unless it was made otherwise) for this connection: appends beyond
    /// it fail as on a full disk, and leave nothing written.
    ///
    /// # Errors
    ///
    /// [`SqliteError`] if SQLite refuses.
    pub fn limit_pages(&self, pages: i64) -> Result<(), SqliteError> {
        Ok(self.connection.pragma_update(None, "max_page_count", pages)?)
    }
}

fn stream_of(owner: &str) -> Result<StreamId, SqliteError> {
    StreamId::from_key(owner).map_err(|_| SqliteError::Damaged(format!("{owner:?} is no owner's id")))
}
