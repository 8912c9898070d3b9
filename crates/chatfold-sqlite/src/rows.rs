//! Rows to values and back. Whatever is not what this crate writes is told as damage.

use std::collections::HashMap;

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Closed, Head, StoredEvent, StoredSnapshot};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use crate::SqliteError;

/// The number of an inbox in its file.
pub(crate) type Number = i64;

pub(crate) fn sixteen(row: &Row<'_>, column: &str) -> Result<[u8; 16], SqliteError> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => bytes.try_into().ok(),
        _ => None,
    }
    .ok_or_else(|| SqliteError::Damaged(format!("expected 16 bytes as {column}")))
}

pub(crate) fn prefix(row: &Row<'_>) -> Result<LogPrefix, SqliteError> {
    let position: i64 = row.get("position")?;
    let events = u64::try_from(position)
        .map_err(|_| SqliteError::Damaged(format!("expected a position, found {position}")))?;
    Ok(LogPrefix { events, skipped: 0, hash: u128::from_be_bytes(sixteen(row, "hash")?) })
}

pub(crate) fn event(row: &Row<'_>) -> Result<StoredEvent, SqliteError> {
    let command = match row.get_ref("command")? {
        ValueRef::Null => None,
        _ => Some(CommandId::from_bytes(sixteen(row, "command")?)),
    };
    let id = EventId::from_bytes(sixteen(row, "id")?);
    Ok(StoredEvent::new(id, command, prefix(row)?, row.get("bytes")?))
}

pub(crate) fn snapshot(row: &Row<'_>) -> Result<StoredSnapshot, SqliteError> {
    Ok(StoredSnapshot::new(prefix(row)?, row.get("bytes")?))
}

/// A position as SQLite counts; beyond what it can count there is nothing.
pub(crate) fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// What one of the two tables says of an inbox: its number, and how and for where it is closed.
type Entry = (Number, Option<String>, Option<String>);

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok((row.get("inbox")?, row.get("closed")?, row.get("moved_to")?))
}

/// Returns the number of an inbox and where its log stands; `None` if nobody wrote it.
///
/// # Errors
///
/// If the two tables that say so differ: one of them is damaged, or lacks the inbox.
pub(crate) fn find(connection: &Connection, inbox: &StreamId) -> Result<Option<(Number, Head)>, SqliteError> {
    let owner = named_params! { ":owner": inbox.key() };
    let sql = "SELECT inbox, closed, moved_to FROM chatfold_inbox WHERE owner = :owner";
    let known = connection.prepare_cached(sql)?.query_row(owner, entry).optional()?;
    let sql = "SELECT inbox, closed, moved_to, position, hash FROM chatfold_head WHERE owner = :owner";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(owner)?;
    let head = rows.next()?.map(|row| Ok::<_, SqliteError>((entry(row)?, prefix(row)?))).transpose()?;
    let ((number, closed, to), prefix) = match (known, head) {
        (None, None) => return Ok(None),
        (Some(known), Some((entry, prefix))) if known == entry => (entry, prefix),
        _ => return Err(SqliteError::Damaged(format!("what it says of {inbox:#} in two places differs"))),
    };
    let closed = match closed.as_deref() {
        None => None,
        Some("moved") => Some(Closed::Moved { to: to.unwrap_or_default() }),
        Some("erased") => Some(Closed::Erased),
        Some(other) => return Err(SqliteError::Damaged(format!("{inbox:#} is closed as {other:?}"))),
    };
    Ok(Some((number, Head::new(prefix, closed))))
}

/// Gives a number to an inbox that nobody wrote before.
pub(crate) fn make(connection: &Connection, inbox: &StreamId) -> Result<Number, SqliteError> {
    let owner = named_params! { ":owner": inbox.key() };
    connection.prepare_cached("INSERT INTO chatfold_inbox (owner) VALUES (:owner)")?.execute(owner)?;
    let number = connection.last_insert_rowid();
    let sql = "INSERT INTO chatfold_head (owner, inbox, position, hash) VALUES (?, ?, 0, zeroblob(16))";
    connection.prepare_cached(sql)?.execute(params![inbox.key(), number])?;
    Ok(number)
}

/// Returns the log up to its last row, if it has any.
pub(crate) fn last(connection: &Connection, number: Number) -> Result<Option<LogPrefix>, SqliteError> {
    let sql = "SELECT position, hash FROM chatfold_event WHERE inbox = ? ORDER BY position DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number])?;
    rows.next()?.map(prefix).transpose()
}

/// Writes where a log stands now.
pub(crate) fn set_prefix(
    connection: &Connection,
    inbox: &StreamId,
    prefix: LogPrefix,
) -> Result<(), SqliteError> {
    let row = params![signed(prefix.events), prefix.hash.to_be_bytes(), inbox.key()];
    connection
        .prepare_cached("UPDATE chatfold_head SET position = ?, hash = ? WHERE owner = ?")?
        .execute(row)?;
    Ok(())
}

/// Writes whether a log is closed.
pub(crate) fn set_closed(
    connection: &Connection,
    inbox: &StreamId,
    closed: Option<&Closed>,
) -> Result<(), SqliteError> {
    let (word, to) = match closed {
        None => (None, None),
        Some(Closed::Moved { to }) => (Some("moved"), Some(to)),
        Some(Closed::Erased) => (Some("erased"), None),
    };
    for sql in [
        "UPDATE chatfold_inbox SET closed = ?, moved_to = ? WHERE owner = ?",
        "UPDATE chatfold_head SET closed = ?, moved_to = ? WHERE owner = ?",
    ] {
        connection.prepare_cached(sql)?.execute(params![word, to, inbox.key()])?;
    }
    Ok(())
}

/// The prefix of so many events, if the last of them is a row.
pub(crate) fn prefix_at(
    connection: &Connection,
    number: Number,
    events: u64,
) -> Result<Option<LogPrefix>, SqliteError> {
    let sql = "SELECT position, hash FROM chatfold_event WHERE inbox = ? AND position = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number, signed(events)])?;
    rows.next()?.map(prefix).transpose()
}

/// Those of these ids that are rows, with their positions. Where more are asked for than there are rows, the rows are
/// gone through.
pub(crate) fn positions(
    connection: &Connection,
    number: Number,
    ids: &[EventId],
    rows: u64,
) -> Result<HashMap<EventId, u64>, SqliteError> {
    let mut found = HashMap::new();
    if ids.len() as u64 > rows {
        let sql = "SELECT id, position FROM chatfold_event WHERE inbox = ?";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([number])?;
        while let Some(row) = rows.next()? {
            found.insert(
                EventId::from_bytes(sixteen(row, "id")?),
                row.get::<_, i64>("position")?.unsigned_abs(),
            );
        }
        return Ok(found);
    }
    let mut find =
        connection.prepare_cached("SELECT position FROM chatfold_event WHERE inbox = ? AND id = ?")?;
    for id in ids {
        let row = find.query_row(params![number, id.as_bytes()], |row| row.get::<_, i64>(0));
        found.extend(row.optional()?.map(|position| (*id, position.unsigned_abs())));
    }
    Ok(found)
}

/// At most `limit` rows after position `after`.
pub(crate) fn events(
    connection: &Connection,
    number: Number,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, SqliteError> {
    let sql = "SELECT position, id, command, hash, bytes FROM chatfold_event \
               WHERE inbox = ? AND position > ? ORDER BY position LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query([number, signed(after), limit])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(event(row)?);
    }
    Ok(events)
}
