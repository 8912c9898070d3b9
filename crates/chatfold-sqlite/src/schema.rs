//! The tables, their migrations, and how a connection is set up.

use rusqlite::{Connection, TransactionBehavior};

use crate::{Options, SqliteError, Synchronous};

/// Says in the file's header whose it is: `chfd`.
const APPLICATION_ID: i32 = 0x6368_6664;

/// Each brings the schema up by one; none is ever edited once it was released.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE inbox (
        inbox INTEGER PRIMARY KEY,
        owner TEXT NOT NULL UNIQUE,
        closed TEXT,
        moved_to TEXT
    ) STRICT;
    CREATE TABLE event (
        inbox INTEGER NOT NULL,
        position INTEGER NOT NULL,
        id BLOB NOT NULL,
        command BLOB,
        hash BLOB NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (inbox, position)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX event_id ON event (inbox, id);
    CREATE INDEX event_command ON event (inbox, command) WHERE command IS NOT NULL;
    CREATE TABLE snapshot (
        inbox INTEGER NOT NULL,
        position INTEGER NOT NULL,
        hash BLOB NOT NULL,
        bytes BLOB NOT NULL,
        UNIQUE (inbox, position)
    ) STRICT;
    CREATE VIEW event_text AS
        SELECT owner, position, lower(hex(id)) AS id, CAST(bytes AS TEXT) AS line
        FROM event JOIN inbox USING (inbox);
"];

/// Sets a connection up. Nothing of this is kept in the file but the journal's mode.
pub(crate) fn prepare(connection: &Connection, options: &Options) -> Result<(), SqliteError> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(64);
    let application_id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application_id != APPLICATION_ID && (application_id != 0 || tables > 0) {
        return Err(SqliteError::Alien { application_id });
    }
    if !options.read_only {
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(SqliteError::NoWal(mode));
        }
    }
    let synchronous = match options.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // What is removed is overwritten; damage is looked for; a schema may call nothing.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}

/// Brings the schema up to date; several processes may do so at once.
pub(crate) fn migrate(connection: &mut Connection, read_only: bool) -> Result<(), SqliteError> {
    let version = |connection: &Connection| -> Result<i64, SqliteError> {
        Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
    };
    let newest = MIGRATIONS.len();
    let judge = |found: i64| match usize::try_from(found) {
        Ok(found) if found <= newest => Ok(found),
        _ => Err(SqliteError::NewerSchema { newest, found }),
    };
    let found = judge(version(connection)?)?;
    if found == newest {
        return Ok(());
    }
    if read_only {
        return Err(SqliteError::Nothing);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = judge(version(&transaction)?)?;
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(newest).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(())
}
