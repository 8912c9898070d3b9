//! The ports, filled.

use chatfold::id::CommandId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{
    Append, AppendError, Appended, Closed, EventStore, Head, Known, LogCursor, Page, Plan, RewriteError,
    SNAPSHOTS_KEPT, SnapshotStore, StoredEvent, StoredSnapshot, plan_import,
};
use chatfold::{EventId, UserId};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::rows::{self, Number, signed};
use crate::{SqliteError, SqliteStore};

/// How many events are held at once while the hashes of a log are computed anew.
const CHUNK: usize = 1_000;

type AppendResult<T> = Result<T, AppendError<SqliteError>>;

/// Every error of SQLite is the store's.
fn sqlite<E: From<SqliteError>>(error: rusqlite::Error) -> E {
    SqliteError::from(error).into()
}

impl SqliteStore {
    /// Begins a transaction that has the file for writing from the start, so that what it looks up still holds when
    /// it writes.
    fn begin(&mut self) -> Result<Transaction<'_>, SqliteError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// Changes whether a log is closed.
    fn close(&mut self, inbox: &UserId, closed: Option<&Closed>, erase: bool) -> Result<Head, SqliteError> {
        let transaction = self.begin()?;
        // A log that lacks its end can still be erased.
        let known = if erase { rows::find(&transaction, inbox)? } else { None };
        let (number, mut head) = known.map_or_else(|| rows::find_or_make(&transaction, inbox), Ok)?;
        // A log that has moved stays moved when it is erased here.
        let kept = head.closed.take().filter(|_| erase);
        head.closed = kept.or_else(|| closed.cloned());
        rows::set_closed(&transaction, inbox, head.closed.as_ref())?;
        if erase {
            transaction.prepare_cached("DELETE FROM event WHERE inbox = ?")?.execute([number])?;
            transaction.prepare_cached("DELETE FROM snapshot WHERE inbox = ?")?.execute([number])?;
            head.prefix = LogPrefix::EMPTY;
            rows::set_prefix(&transaction, inbox, head.prefix)?;
        }
        transaction.commit()?;
        if erase {
            self.empty_write_ahead_log()?;
        }
        Ok(head)
    }

    /// What was overwritten in the file still stands in the write-ahead log until that is emptied. Readers may keep
    /// it from being so; a later checkpoint then does it.
    fn empty_write_ahead_log(&self) -> Result<(), SqliteError> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

fn known(
    connection: &Connection,
    number: Number,
    head: Head,
    append: &Append<'_>,
) -> Result<Known, SqliteError> {
    let mut command = None;
    if let Some(id) = append.command {
        let sql = "SELECT min(position), max(position) FROM event WHERE inbox = ? AND command = ?";
        let range: (Option<i64>, Option<i64>) = connection
            .prepare_cached(sql)?
            .query_row(params![number, id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if let (Some(first), Some(last)) = range {
            command = Some((first.unsigned_abs(), last.unsigned_abs()));
        }
    }
    let mut ids: Vec<(EventId, u64)> = Vec::new();
    let mut statement = connection.prepare_cached("SELECT position FROM event WHERE inbox = ? AND id = ?")?;
    for event in append.events {
        let found = statement.query_row(params![number, event.id.as_bytes()], |row| row.get::<_, i64>(0));
        if let Some(position) = found.optional()? {
            ids.push((event.id, position.unsigned_abs()));
        }
    }
    Ok(Known::new(head).with_command(command).with_ids(ids))
}

fn insert(
    connection: &Connection,
    number: Number,
    (id, command): (EventId, Option<CommandId>),
    prefix: LogPrefix,
    bytes: &[u8],
) -> Result<(), SqliteError> {
    let sql = "INSERT INTO event (inbox, position, id, command, hash, bytes) VALUES (?, ?, ?, ?, ?, ?)";
    let hash = prefix.hash.to_be_bytes();
    let command = command.as_ref().map(CommandId::as_bytes);
    let row = params![number, signed(prefix.events), id.as_bytes(), command, hash, bytes];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn keep(connection: &Connection, number: Number, snapshot: &StoredSnapshot) -> Result<(), SqliteError> {
    let StoredSnapshot { prefix, bytes } = snapshot;
    let sql = "INSERT OR REPLACE INTO snapshot (inbox, position, hash, bytes) VALUES (?, ?, ?, ?)";
    let row = params![number, signed(prefix.events), prefix.hash.to_be_bytes(), bytes];
    connection.prepare_cached(sql)?.execute(row)?;
    let sql = "DELETE FROM snapshot WHERE inbox = ?1 AND position NOT IN \
               (SELECT position FROM snapshot WHERE inbox = ?1 ORDER BY position DESC LIMIT ?2)";
    connection.prepare_cached(sql)?.execute(params![number, SNAPSHOTS_KEPT as i64])?;
    Ok(())
}

impl EventStore for SqliteStore {
    type Error = SqliteError;

    fn append(&mut self, inbox: &UserId, append: &Append<'_>) -> AppendResult<Appended> {
        let transaction = self.begin()?;
        let (number, head) = rows::find_or_make(&transaction, inbox)?;
        let known = known(&transaction, number, head, append)?;
        let (prefixes, keep_snapshot) = match append.plan(&known)? {
            Plan::Repeat { first, last } => {
                return Ok(Appended::repeated(first, last, known.head.prefix));
            }
            Plan::Write { prefixes, keep_snapshot } => (prefixes, keep_snapshot),
        };
        let mut prefix = known.head.prefix;
        for (event, after) in append.events.iter().zip(prefixes) {
            insert(&transaction, number, (event.id, append.command), after, &event.bytes)?;
            prefix = after;
        }
        rows::set_prefix(&transaction, inbox, prefix)?;
        if let Some(snapshot) = append.snapshot.filter(|_| keep_snapshot) {
            keep(&transaction, number, snapshot)?;
        }
        transaction.commit().map_err(sqlite::<SqliteError>)?;
        Ok(Appended::written(append.expected + 1, prefix.events, prefix))
    }

    fn import(&mut self, inbox: &UserId, events: &[StoredEvent]) -> AppendResult<Head> {
        let transaction = self.begin()?;
        let (number, mut head) = rows::find_or_make(&transaction, inbox)?;
        plan_import(&head, events)?;
        for event in events {
            insert(&transaction, number, (event.id, event.command), event.prefix, &event.bytes)?;
            head.prefix = event.prefix;
        }
        rows::set_prefix(&transaction, inbox, head.prefix)?;
        transaction.commit().map_err(sqlite::<SqliteError>)?;
        Ok(head)
    }

    fn read(&mut self, inbox: &UserId, after: u64, limit: usize) -> Result<Page, SqliteError> {
        // One transaction, so that head and events are of one moment.
        let transaction = self.connection.transaction()?;
        let Some((number, head)) = rows::find(&transaction, inbox)? else {
            return Ok(Page::new(Head::EMPTY, Vec::new()));
        };
        let events = rows::events(&transaction, number, after, limit)?;
        Ok(Page::new(head, events))
    }

    fn find(&mut self, inbox: &UserId, id: EventId) -> Result<Option<StoredEvent>, SqliteError> {
        let transaction = self.connection.transaction()?;
        let Some((number, _)) = rows::find(&transaction, inbox)? else { return Ok(None) };
        let sql = "SELECT position, id, command, hash, bytes FROM event WHERE inbox = ? AND id = ?";
        let mut statement = transaction.prepare_cached(sql)?;
        let mut rows = statement.query(params![number, id.as_bytes()])?;
        rows.next()?.map(rows::event).transpose()
    }

    fn rewrite(
        &mut self,
        inbox: &UserId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<SqliteError>> {
        let transaction = self.begin()?;
        let (number, mut head) = rows::find_or_make(&transaction, inbox)?;
        let first = events.iter().map(|(position, _)| *position).min().unwrap_or(u64::MAX);
        let before = rows::prefix_at(&transaction, number, first.saturating_sub(1))?;
        if let Some(before) = before {
            // Hashes computed anew would make damage sound.
            verify(&transaction, number, before, &head)?;
        }
        for (position, bytes) in events {
            let changed = transaction
                .prepare_cached("UPDATE event SET bytes = ? WHERE inbox = ? AND position = ?")
                .and_then(|mut statement| statement.execute(params![bytes, number, signed(*position)]))
                .map_err(sqlite::<SqliteError>)?;
            if changed == 0 {
                return Err(RewriteError::NoSuchEvent { position: *position });
            }
        }
        if let Some(before) = before {
            head.prefix = hash_anew(&transaction, number, before)?;
            rows::set_prefix(&transaction, inbox, head.prefix)?;
        }
        transaction
            .execute("DELETE FROM snapshot WHERE inbox = ?", [number])
            .and_then(|_| transaction.commit())
            .map_err(sqlite::<SqliteError>)?;
        self.empty_write_ahead_log()?;
        Ok(head)
    }

    fn fence(&mut self, inbox: &UserId, to: &str) -> Result<Head, SqliteError> {
        self.close(inbox, Some(&Closed::Moved { to: to.to_owned() }), false)
    }

    fn erase(&mut self, inbox: &UserId) -> Result<Head, SqliteError> {
        self.close(inbox, Some(&Closed::Erased), true)
    }

    fn reopen(&mut self, inbox: &UserId) -> Result<Head, SqliteError> {
        self.close(inbox, None, false)
    }
}

/// Holds the events behind `before` against their hashes and the head.
fn verify(
    connection: &Connection,
    number: Number,
    before: LogPrefix,
    head: &Head,
) -> Result<(), SqliteError> {
    let mut cursor = LogCursor::after(before);
    loop {
        let events = rows::events(connection, number, cursor.position(), CHUNK)?;
        let page = Page::new(head.clone(), events);
        if cursor.take_in(&page).map_err(|damage| SqliteError::Damaged(damage.to_string()))? {
            return Ok(());
        }
    }
}

/// Computes the hashes of a log anew behind `prefix`, and returns it to its end.
fn hash_anew(
    connection: &Connection,
    number: Number,
    mut prefix: LogPrefix,
) -> Result<LogPrefix, SqliteError> {
    loop {
        let events = rows::events(connection, number, prefix.events, CHUNK)?;
        if events.is_empty() {
            return Ok(prefix);
        }
        let sql = "UPDATE event SET hash = ? WHERE inbox = ? AND position = ?";
        let mut statement = connection.prepare_cached(sql)?;
        for event in events {
            prefix.push(&event.bytes);
            statement.execute(params![prefix.hash.to_be_bytes(), number, signed(prefix.events)])?;
        }
    }
}

impl SnapshotStore for SqliteStore {
    fn latest(&mut self, inbox: &UserId, through: u64) -> Result<Option<StoredSnapshot>, SqliteError> {
        let transaction = self.connection.transaction()?;
        let Some((number, _)) = rows::find(&transaction, inbox)? else { return Ok(None) };
        let sql = "SELECT position, hash, bytes FROM snapshot \
                   WHERE inbox = ? AND position <= ? ORDER BY position DESC LIMIT 1";
        let mut statement = transaction.prepare_cached(sql)?;
        let mut rows = statement.query([number, signed(through)])?;
        rows.next()?.map(rows::snapshot).transpose()
    }

    fn save(&mut self, inbox: &UserId, snapshot: &StoredSnapshot) -> Result<bool, SqliteError> {
        let transaction = self.begin()?;
        let Some((number, _)) = rows::find(&transaction, inbox)? else { return Ok(false) };
        if rows::prefix_at(&transaction, number, snapshot.prefix.events)? != Some(snapshot.prefix) {
            return Ok(false);
        }
        keep(&transaction, number, snapshot)?;
        transaction.commit()?;
        Ok(true)
    }
}
