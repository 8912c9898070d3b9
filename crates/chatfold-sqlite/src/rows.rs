//! Rows to values and back. Whatever is not what this crate writes is told as damage.

use chatfold::store::{Closed, Head, StoredEvent, StoredSnapshot};
use chatfold::{CommandId, EventId, LogPrefix, UserId};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::SqliteError;

/// The number of an inbox in its file.
pub(crate) type Number = i64;

fn sixteen(row: &Row<'_>, column: &str) -> Result<[u8; 16], SqliteError> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => bytes.try_into().ok(),
        _ => None,
    }
    .ok_or_else(|| SqliteError::Damaged(format!("expected 16 bytes as {column}")))
}

fn prefix(row: &Row<'_>) -> Result<LogPrefix, SqliteError> {
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
    Ok(StoredEvent { id, command, prefix: prefix(row)?, bytes: row.get("bytes")? })
}

pub(crate) fn snapshot(row: &Row<'_>) -> Result<StoredSnapshot, SqliteError> {
    Ok(StoredSnapshot { prefix: prefix(row)?, bytes: row.get("bytes")? })
}

/// A position as SQLite counts; beyond what it can count there is nothing.
pub(crate) fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// The number of an inbox and whether it is closed; `None` if nobody wrote it.
pub(crate) fn find(
    connection: &Connection,
    inbox: &UserId,
) -> Result<Option<(Number, Option<Closed>)>, SqliteError> {
    let sql = "SELECT inbox, closed, moved_to FROM inbox WHERE owner = :owner";
    let row = connection.prepare_cached(sql)?.query_row(named_params! { ":owner": inbox.as_str() }, |row| {
        Ok((row.get(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, Option<String>>(2)?))
    });
    let Some((number, closed, to)) = row.optional()? else { return Ok(None) };
    let closed = match closed.as_deref() {
        None => None,
        Some("moved") => Some(Closed::Moved { to: to.unwrap_or_default() }),
        Some("erased") => Some(Closed::Erased),
        Some(other) => return Err(SqliteError::Damaged(format!("{inbox} is closed as {other:?}"))),
    };
    Ok(Some((number, closed)))
}

/// The number of an inbox, given to it now if nobody wrote it before, and whether it is closed.
pub(crate) fn find_or_make(
    connection: &Connection,
    inbox: &UserId,
) -> Result<(Number, Option<Closed>), SqliteError> {
    if let Some(found) = find(connection, inbox)? {
        return Ok(found);
    }
    let sql = "INSERT INTO inbox (owner) VALUES (:owner)";
    connection.prepare_cached(sql)?.execute(named_params! { ":owner": inbox.as_str() })?;
    Ok((connection.last_insert_rowid(), None))
}

pub(crate) fn head(
    connection: &Connection,
    number: Number,
    closed: Option<Closed>,
) -> Result<Head, SqliteError> {
    let sql = "SELECT position, hash FROM event WHERE inbox = ? ORDER BY position DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number])?;
    let prefix = rows.next()?.map_or(Ok(LogPrefix::EMPTY), prefix)?;
    Ok(Head { prefix, closed })
}

/// The prefix of so many events, if the log has them.
pub(crate) fn prefix_at(
    connection: &Connection,
    number: Number,
    events: u64,
) -> Result<Option<LogPrefix>, SqliteError> {
    if events == 0 {
        return Ok(Some(LogPrefix::EMPTY));
    }
    let sql = "SELECT position, hash FROM event WHERE inbox = ? AND position = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number, signed(events)])?;
    rows.next()?.map(prefix).transpose()
}

/// At most `limit` events after position `after`.
pub(crate) fn events(
    connection: &Connection,
    number: Number,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, SqliteError> {
    let sql = "SELECT position, id, command, hash, bytes FROM event \
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
