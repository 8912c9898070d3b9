//! The store in a file of an application's own: over the caller's connection, and within the caller's transactions.

use std::fmt;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::store::{
    Append, AppendError, Appended, Head, NewEvent, Page, Received, StoredEvent, StoredSnapshot,
};
use rusqlite::{Connection, Transaction};

use crate::log::{Cache, Log};
use crate::pages::{Cut, Known};
use crate::schema::{self, Claim, Found};
use crate::store::{AppendResult, append_within, save_within};
use crate::{Options, SqliteError, SqliteStore, receiving};

impl SqliteStore {
    /// Keeps the store in the database of a connection of the caller's: an application's own file, or one in memory.
    ///
    /// Tables are made whose names all begin with `chatfold_`; no other table, neither `application_id` nor `user_version`
    /// and no setting of the connection is changed, but that `secure_delete` is on from then on (see the crate's chapter
    /// on erasing), also for the application's own tables, and that the connection keeps more prepared statements. Switch on
    /// `SQLITE_DBCONFIG_ENABLE_QPSG`, as [`SqliteStore::open`] does: where SQLite was built with `STAT4` it compiles statements anew
    /// at each run otherwise, and an append takes twice as long. Of the
    /// options, `seal_events`, `read_only` and `migrate` count, and the key for the second connection (below).
    ///
    /// What `journal_mode` and `synchronous` of the connection promise, an append keeps, no more:
    ///
    /// - `WAL` with `synchronous = FULL`, and `DELETE`, `TRUNCATE` or `PERSIST` with `FULL` or `EXTRA`: what was
    ///   acknowledged survives a loss of power. In the latter three modes readers and writers wait for each other, and what
    ///   was erased may stand in the journal until another transaction overwrites it.
    /// - `synchronous = NORMAL`: in `WAL` a loss of power may take the last appends, in the others it may, rarely, damage
    ///   the file. `OFF`: it may damage the file.
    /// - `MEMORY`, which databases in memory have: a crash in the middle of a transaction damages a file.
    /// - `OFF` is refused: what fails in the middle would stay half done.
    ///
    /// Snapshots are read by range over a second connection, which writes nothing, where the database is a file in `WAL`
    /// mode that this process opens again by its path and the options' key; else, in memory for instance, they are read
    /// whole over the one there is.
    ///
    /// [`Sharing`] writes within a transaction of the caller's. The same file may be opened by its path with
    /// [`SqliteStore::open`], by the command line for instance, which then leaves the mode of its journal alone.
    ///
    /// # Errors
    ///
    /// If a newer version of this crate made the tables, if its transactions cannot be rolled back, if one is under way, or
    /// if tables cannot be made. The connection is closed then.
    pub fn share(mut connection: Connection, options: &Options) -> Result<Self, SqliteError> {
        schema::adopt(&connection)?;
        connection.set_prepared_statement_cache_capacity(128);
        let snapshots = schema::migrate(&mut connection, options, Claim::Shared)?;
        Ok(Self::over(connection, options, snapshots, true))
    }

    /// Returns the connection, for the caller's own tables.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the connection, to begin a transaction that [`Sharing`] takes part in.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Returns the connection; the store is closed.
    pub fn into_connection(self) -> Connection {
        self.connection
    }
}

/// The store within a transaction of the caller's: what is appended, received and saved is there if the caller commits,
/// and nothing of it if the caller rolls back or the process ends before.
///
/// ```
/// use chatfold::store::{Append, EventStore, NewEvent};
/// use chatfold::EventId;
/// use chatfold::shared::StreamId;
/// use chatfold_sqlite::{Options, Sharing, SqliteStore};
/// use rusqlite::{Connection, TransactionBehavior};
///
/// let mut connection = Connection::open_in_memory()?;
/// connection.execute_batch("CREATE TABLE sync (token TEXT)")?;
/// let options = Options::default();
/// let mut store = SqliteStore::share(connection, &options)?;
///
/// let alice = StreamId::from_key("alice")?;
/// let events = [NewEvent::new(EventId::from_bytes([1; 16]), b"{}".to_vec())];
/// let transaction = store.connection_mut().transaction_with_behavior(TransactionBehavior::Immediate)?;
/// transaction.execute("INSERT INTO sync (token) VALUES ('s72594_4483')", [])?;
/// Sharing::new(&transaction, &options)?.append(&alice, &Append::new(0, &events))?;
/// transaction.commit()?;
/// assert_eq!(store.head(&alice)?.prefix.events, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The transaction is best begun `IMMEDIATE`: one that reads first and writes later is refused by SQLite, as busy, where
/// another connection wrote in between. Each call happens whole or not at all, whatever becomes of the transaction: one
/// that fails can be tried again within it, and what the caller wrote before stays. Where SQLite itself ends the
/// transaction (on a full disk it may), everything in it is gone, and `commit` says so.
///
/// Nothing that is held here outlives it: a transaction that is rolled back leaves no memory of what was in it.
pub struct Sharing<'t> {
    transaction: &'t Transaction<'t>,
    cache: Cache,
    seal_events: usize,
}

impl fmt::Debug for Sharing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sharing").finish_non_exhaustive()
    }
}

impl<'t> Sharing<'t> {
    /// Takes part in a transaction, on a connection whose `secure_delete` is on from then on and to a database that [`SqliteStore::share`] or
    /// [`SqliteStore::open`] made the tables in. Of the options `seal_events` counts.
    ///
    /// # Errors
    ///
    /// [`SqliteError::Nothing`], [`SqliteError::OldSchema`] or [`SqliteError::NewerSchema`] if there are no such tables, or
    /// not of this version; [`SqliteError::NoJournal`] if the transaction could not be rolled back.
    pub fn new(transaction: &'t Transaction<'_>, options: &Options) -> Result<Self, SqliteError> {
        Found::look_within(transaction)?.newest()?;
        schema::adopt(transaction)?;
        Ok(Self { transaction, cache: Cache::default(), seal_events: options.seal_events.max(1) })
    }

    /// Does something that happens whole or not at all within the transaction.
    fn whole<T, E: From<SqliteError>>(
        &mut self,
        what: impl FnOnce(&Connection, &mut Cache) -> Result<T, E>,
    ) -> Result<T, E> {
        let execute = |sql: &str| self.transaction.execute_batch(sql).map_err(SqliteError::from);
        execute("SAVEPOINT chatfold")?;
        match what(self.transaction, &mut self.cache) {
            Ok(done) => {
                execute("RELEASE chatfold")?;
                Ok(done)
            }
            Err(error) => {
                // Where SQLite has ended the transaction there is no savepoint, and nothing left to undo.
                let _ = execute("ROLLBACK TO chatfold; RELEASE chatfold");
                Err(error)
            }
        }
    }

    /// Returns where the log of an inbox ends, as [`EventStore::head`](chatfold::store::EventStore::head) does.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is damaged.
    pub fn head(&mut self, inbox: &StreamId) -> Result<Head, SqliteError> {
        let found = Log::find_inbox(self.transaction, &mut self.cache, inbox)?;
        Ok(found.map_or(Head::EMPTY, |(_, head)| head))
    }

    /// Returns events of an inbox, as [`EventStore::read`](chatfold::store::EventStore::read) does.
    ///
    /// # Errors
    ///
    /// If they cannot be read or are damaged.
    pub fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, SqliteError> {
        match Log::find_inbox(self.transaction, &mut self.cache, inbox)? {
            Some((mut log, head)) => Ok(Page::new(head, log.events(after, limit)?)),
            None => Ok(Page::new(Head::EMPTY, Vec::new())),
        }
    }

    /// Returns an event by its id, as [`EventStore::find`](chatfold::store::EventStore::find) does.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is damaged.
    pub fn find(&mut self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, SqliteError> {
        match Log::find_inbox(self.transaction, &mut self.cache, inbox)? {
            Some((mut log, _)) => log.find(id),
            None => Ok(None),
        }
    }

    /// Appends, as [`EventStore::append`](chatfold::store::EventStore::append) does; a snapshot that comes with it is kept in
    /// the same transaction, however large.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn append(
        &mut self,
        inbox: &StreamId,
        append: &Append<'_>,
    ) -> Result<Appended, AppendError<SqliteError>> {
        let cut = append.snapshot.map(Cut::new);
        let seal_events = self.seal_events;
        self.whole(|connection, cache| -> AppendResult<Appended> {
            let snapshot = cut.as_ref().map(|cut| (cut, Known::default()));
            append_within((connection, cache), seal_events, inbox, append, snapshot)
        })
    }

    /// Brings events to an inbox as [`EventStore::receive_many`](chatfold::store::EventStore::receive_many)
    /// does: those that it does not have are appended, whatever its version.
    ///
    /// # Errors
    ///
    /// If it cannot be written or is damaged.
    pub fn receive(&mut self, inbox: &StreamId, events: &[NewEvent]) -> Result<Received, SqliteError> {
        let seal_events = self.seal_events;
        self.whole(|connection, cache| {
            let ids: Vec<_> = events.iter().map(|event| event.id).collect();
            receiving::receive_within((connection, cache), seal_events, inbox, (&ids, events))
        })
    }

    /// Keeps a snapshot, as [`SnapshotStore::save`](chatfold::store::SnapshotStore::save) does, and returns whether it is one of the log.
    ///
    /// # Errors
    ///
    /// If it cannot be written or is damaged.
    pub fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, SqliteError> {
        let cut = Cut::new(snapshot);
        self.whole(|connection, cache| save_within((connection, cache), inbox, &cut, Known::default()))
    }
}
