//! The outbox: a row a change, written in the transaction of that change.

use chatfold::store::{
    Outbox, OutboxChange, OutboxCursor, OutboxEntry, OutboxError, OutboxPage, OutboxStatus,
};
use rusqlite::{Connection, Row, params};

use crate::rows::{Number, signed, sixteen};
use crate::schema::begin;
use crate::{SqliteError, SqliteStore, stream_of};

/// The table of entries, as errors name it.
pub(crate) const TABLE: &str = "chatfold_outbox";

/// The outbox while it is switched on.
#[derive(Clone, Copy, Debug)]
struct Switch {
    mark: u128,
    /// Up to which number entries were forgotten.
    forgotten: u64,
}

impl Switch {
    /// Looks whether it is on.
    fn look(connection: &Connection) -> Result<Option<Self>, SqliteError> {
        let mut look = connection.prepare_cached("SELECT mark, forgotten FROM chatfold_outbox_switch")?;
        let mut rows = look.query([])?;
        let on = |row: &Row<'_>| {
            let mark = u128::from_be_bytes(sixteen(row, "mark")?);
            Ok::<_, SqliteError>(Self { mark, forgotten: unsigned(row, "forgotten")? })
        };
        rows.next()?.map(on).transpose()
    }

    fn cursor(&self, number: u64) -> OutboxCursor {
        OutboxCursor::new(self.mark, 0, 0, number)
    }

    fn first(&self) -> OutboxCursor {
        self.cursor(self.forgotten)
    }
}

fn unsigned(row: &Row<'_>, column: &str) -> Result<u64, SqliteError> {
    let number: i64 = row.get(column)?;
    let damaged = |_| SqliteError::Damaged(format!("expected no number below zero as {column} in {TABLE}"));
    u64::try_from(number).map_err(damaged)
}

/// The greatest number that an entry ever had: the newest one is never removed.
fn last_number(connection: &Connection) -> Result<u64, SqliteError> {
    let sql = "SELECT max(number) FROM chatfold_outbox";
    let last: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(last.map_or(0, i64::unsigned_abs))
}

/// Writes what happened to a log within the transaction of what happened, if the outbox is on.
pub(crate) fn tell(
    connection: &Connection,
    number: Number,
    change: Option<OutboxChange>,
) -> Result<(), SqliteError> {
    let Some(change) = change else { return Ok(()) };
    let on = "SELECT 1 FROM chatfold_outbox_switch";
    if !connection.prepare_cached(on)?.exists([])? {
        return Ok(());
    }
    let (word, first, last) = change.parts();
    let sql = "INSERT INTO chatfold_outbox (inbox, change, first, last) VALUES (?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![number, word, signed(first), signed(last)])?;
    Ok(())
}

/// At most `limit` entries behind a number, as they are.
fn entries(
    connection: &Connection,
    switch: Switch,
    after: u64,
    limit: usize,
) -> Result<Vec<OutboxEntry>, SqliteError> {
    let sql = "SELECT number, owner, change, first, last FROM chatfold_outbox AS entry \
               LEFT JOIN chatfold_inbox ON chatfold_inbox.inbox = entry.inbox \
               WHERE number > ? ORDER BY number LIMIT ?";
    let mut read = connection.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = read.query([signed(after), limit])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let number = unsigned(row, "number")?;
        let (owner, word): (Option<String>, String) = (row.get("owner")?, row.get("change")?);
        let change = OutboxChange::of_parts(&word, unsigned(row, "first")?, unsigned(row, "last")?);
        let damaged = |what| SqliteError::Damaged(format!("entry {number} of {TABLE} {what}"));
        let owner = owner.ok_or_else(|| damaged("names no inbox"))?;
        let change = change.ok_or_else(|| damaged("tells of no change that there is"))?;
        entries.push(OutboxEntry::new(switch.cursor(number), stream_of(&owner)?, change));
    }
    Ok(entries)
}

/// How many entries the check reads at once.
const CHUNK: usize = 1_000;

/// Reads all entries, for whoever looks for damage.
pub(crate) fn check(connection: &Connection) -> Result<(), SqliteError> {
    let Some(switch) = Switch::look(connection)? else { return Ok(()) };
    let mut after = switch.forgotten;
    if after > last_number(connection)? {
        return Err(SqliteError::Damaged(format!("{TABLE} has given fewer numbers than were forgotten")));
    }
    while let Some(last) = entries(connection, switch, after, CHUNK)?.last() {
        after = last.cursor.number();
    }
    Ok(())
}

impl SqliteStore {
    /// Reads within one moment, from a cursor that something may stand behind.
    fn behind<T>(
        &self,
        after: Option<&OutboxCursor>,
        read: impl FnOnce(&Connection, Switch, OutboxCursor) -> Result<T, SqliteError>,
    ) -> Result<T, OutboxError<SqliteError>> {
        let moment = self.connection.unchecked_transaction().map_err(SqliteError::from)?;
        let switch = Switch::look(&moment)?.ok_or(OutboxError::Off)?;
        let first = switch.first();
        let after = after.copied().unwrap_or(first);
        after.judge(&first, &switch.cursor(last_number(&moment)?))?;
        Ok(read(&moment, switch, after)?)
    }
}

impl Outbox for SqliteStore {
    fn outbox_on(&mut self) -> Result<OutboxCursor, SqliteError> {
        // A look alone writes nothing.
        if let Some(switch) = Switch::look(&self.connection)? {
            return Ok(switch.first());
        }
        let transaction = begin(&mut self.connection)?;
        let switch = match Switch::look(&transaction)? {
            Some(switch) => switch,
            None => {
                let sql = "INSERT INTO chatfold_outbox_switch (mark, forgotten) VALUES (randomblob(16), 0)";
                transaction.execute(sql, [])?;
                let missing = || SqliteError::Damaged("what was switched on is off".to_owned());
                Switch::look(&transaction)?.ok_or_else(missing)?
            }
        };
        transaction.commit()?;
        Ok(switch.first())
    }

    fn outbox_off(&mut self) -> Result<(), SqliteError> {
        let transaction = begin(&mut self.connection)?;
        transaction.execute_batch("DELETE FROM chatfold_outbox_switch; DELETE FROM chatfold_outbox;")?;
        Ok(transaction.commit()?)
    }

    fn outbox_after(
        &mut self,
        after: &OutboxCursor,
        limit: usize,
    ) -> Result<OutboxPage, OutboxError<SqliteError>> {
        self.behind(Some(after), |moment, switch, after| {
            let entries = entries(moment, switch, after.number(), limit)?;
            let next = entries.last().map_or(after, |last| last.cursor);
            Ok(OutboxPage::new(entries, next))
        })
    }

    fn outbox_forget(&mut self, through: &OutboxCursor) -> Result<u64, OutboxError<SqliteError>> {
        let transaction = begin(&mut self.connection)?;
        let switch = Switch::look(&transaction)?.ok_or(OutboxError::Off)?;
        match through.judge(&switch.first(), &switch.cursor(last_number(&transaction)?)) {
            Err(OutboxError::Forgotten { .. }) => return Ok(0),
            judged => judged?,
        }
        let number = signed(through.number());
        let forget = || {
            let sql = "SELECT count(*) FROM chatfold_outbox WHERE number > ? AND number <= ?";
            let range = [signed(switch.forgotten), number];
            let forgotten: i64 = transaction.query_row(sql, range, |row| row.get(0))?;
            let sql = "DELETE FROM chatfold_outbox WHERE number <= ? AND number < \
                       (SELECT max(number) FROM chatfold_outbox)";
            transaction.execute(sql, [number])?;
            transaction.execute("UPDATE chatfold_outbox_switch SET forgotten = ?", [number])?;
            transaction.commit()?;
            Ok::<_, rusqlite::Error>(forgotten)
        };
        Ok(forget().map_err(SqliteError::from)?.unsigned_abs())
    }

    fn outbox_status(
        &mut self,
        after: Option<&OutboxCursor>,
    ) -> Result<OutboxStatus, OutboxError<SqliteError>> {
        self.behind(after, |moment, switch, after| {
            let sql = "SELECT count(*) FROM chatfold_outbox WHERE number > ?";
            let behind: i64 =
                moment.prepare_cached(sql)?.query_row([signed(after.number())], |row| row.get(0))?;
            Ok(OutboxStatus::new(switch.first(), behind.unsigned_abs(), 0))
        })
    }
}

/// What tells of events at these positions.
pub(crate) fn appended(first: u64, last: u64) -> Option<OutboxChange> {
    Some(OutboxChange::Appended { first, last })
}
