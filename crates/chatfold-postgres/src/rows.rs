//! Rows to values and back.

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Closed, Head, StoredEvent};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::session::Sql;

/// Whether the outbox is on, for a statement that locks the row of an inbox: `outbox`. Where each statement sees what was
/// committed before it, a look is enough, since the lock waits for who switches it on. A transaction that sees the database as it
/// was when it began would see what the switch was then: it locks its row, and is ended if that has changed since.
macro_rules! is_on {
    () => {
        "coalesce((SELECT is_on FROM @chatfold_outbox_switch \
         WHERE current_setting('transaction_isolation') <> 'read committed' FOR SHARE), \
         (SELECT is_on FROM @chatfold_outbox_switch)) AS outbox"
    };
}
pub(crate) use is_on;

/// Whether an inbox is closed and how much of it is sealed, its row locked against what concerns the whole log, and whether the
/// outbox is on.
pub(crate) const INBOX: Sql = Sql {
    text: concat!(
        "SELECT closed, moved_to, sealed, ",
        is_on!(),
        " FROM @chatfold_inbox WHERE inbox = $1 FOR SHARE"
    ),
    types: &[Type::TEXT],
};
/// Where the log of an inbox ends: its newest event is never sealed.
pub(crate) const HEAD: Sql = Sql {
    text: "SELECT position, hash FROM @chatfold_event WHERE inbox = $1 ORDER BY position DESC LIMIT 1",
    types: &[Type::TEXT],
};
/// Whether an inbox is closed, and how much of it is sealed.
pub(crate) const CLOSED: Sql = Sql {
    text: "SELECT closed, moved_to, sealed FROM @chatfold_inbox WHERE inbox = $1",
    types: &[Type::TEXT],
};
/// Rows of events behind a position.
pub(crate) const READ: Sql = Sql {
    text: "SELECT position, id, command, hash, encoded FROM @chatfold_event \
           WHERE inbox = $1 AND position > $2 ORDER BY position LIMIT $3",
    types: &[Type::TEXT, Type::INT8, Type::INT8],
};
/// The row of the event at a position: where the log stood.
pub(crate) const AT: Sql = Sql {
    text: "SELECT position, hash FROM @chatfold_event WHERE inbox = $1 AND position = $2",
    types: &[Type::TEXT, Type::INT8],
};

/// Makes the row of an inbox that has none.
pub(crate) const MAKE: Sql = Sql {
    text: "INSERT INTO @chatfold_inbox (inbox) VALUES ($1) ON CONFLICT DO NOTHING",
    types: &[Type::TEXT],
};
/// Locks the row of an inbox against all that concerns it, and tells whether it is closed, how much of it is sealed, and whether
/// the outbox is on.
pub(crate) const LOCK: Sql = Sql {
    text: concat!(
        "SELECT closed, moved_to, sealed, ",
        is_on!(),
        " FROM @chatfold_inbox WHERE inbox = $1 FOR UPDATE"
    ),
    types: &[Type::TEXT],
};

/// A position as PostgreSQL counts; beyond what it can count there is nothing.
pub(crate) fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(position: i64) -> Result<u64, PostgresError> {
    u64::try_from(position)
        .map_err(|_| PostgresError::Damaged(format!("expected a position, found {position}")))
}

/// A number of sixteen bytes.
pub(crate) fn sixteen(row: &Row, column: &str) -> Result<u128, PostgresError> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes =
        bytes.try_into().map_err(|_| PostgresError::Damaged(format!("expected 16 bytes as {column}")))?;
    Ok(u128::from_be_bytes(bytes))
}

/// The log up to an event, from the columns of its position and of its hash.
pub(crate) fn prefix_of(row: &Row, position: &str, hash: &str) -> Result<LogPrefix, PostgresError> {
    let events = unsigned(row.try_get(position)?)?;
    Ok(LogPrefix { events, skipped: 0, hash: sixteen(row, hash)? })
}

pub(crate) fn prefix(row: &Row) -> Result<LogPrefix, PostgresError> {
    prefix_of(row, "position", "hash")
}

/// Where the log of an inbox stands, by its own row and that of its newest event.
///
/// # Errors
///
/// If events are sealed and none lies behind them: the newest never is.
pub(crate) fn standing(inbox: Option<&Row>, newest: Option<&Row>) -> Result<(Head, u64), PostgresError> {
    let Some(inbox) = inbox else { return Ok((Head::EMPTY, 0)) };
    let prefix = newest.map_or(Ok(LogPrefix::EMPTY), prefix)?;
    let sealed = unsigned(inbox.try_get("sealed")?)?;
    if sealed > 0 && prefix.events <= sealed {
        return Err(PostgresError::Damaged(format!(
            "there is no event behind position {sealed}, which is sealed"
        )));
    }
    Ok((Head::new(prefix, closed(inbox)?), sealed))
}

pub(crate) fn event(row: &Row) -> Result<StoredEvent, PostgresError> {
    let id = EventId::new(row.try_get("id")?);
    let command = row.try_get::<_, Option<_>>("command")?.map(CommandId::new);
    Ok(StoredEvent::new(id, command, prefix(row)?, row.try_get("encoded")?))
}

pub(crate) fn closed(row: &Row) -> Result<Option<Closed>, PostgresError> {
    let to: Option<String> = row.try_get("moved_to")?;
    match row.try_get::<_, Option<&str>>("closed")? {
        None => Ok(None),
        Some("moved") => Ok(Some(Closed::Moved { to: to.unwrap_or_default() })),
        Some("erased") => Ok(Some(Closed::Erased)),
        Some(other) => Err(PostgresError::Damaged(format!("a log is closed as {other:?}"))),
    }
}
