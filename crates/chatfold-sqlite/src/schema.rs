//! The tables, their migrations, and how a connection is set up.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use crate::error::SqliteError;
use crate::options::{Options, Synchronous};

/// Says in the file's header whose it is: `chfd`.
const APPLICATION_ID: i32 = 0x6368_6664;

/// Each brings the schema up by one; none is ever edited once it was released.
const MIGRATIONS: [&str; 4] = [
    "
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
",
    "
    CREATE TABLE head (
        owner TEXT PRIMARY KEY,
        inbox INTEGER NOT NULL,
        closed TEXT,
        moved_to TEXT,
        position INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO head
        SELECT owner, inbox.inbox, closed, moved_to, coalesce(position, 0), coalesce(hash, zeroblob(16))
        FROM inbox LEFT JOIN event ON event.inbox = inbox.inbox
            AND position = (SELECT max(e.position) FROM event AS e WHERE e.inbox = inbox.inbox);
",
    "
    CREATE TABLE segment (
        segment INTEGER PRIMARY KEY,
        inbox INTEGER NOT NULL,
        before INTEGER NOT NULL,
        before_hash BLOB NOT NULL,
        last INTEGER NOT NULL,
        last_hash BLOB NOT NULL,
        checksum BLOB NOT NULL,
        UNIQUE (inbox, last)
    ) STRICT;
    CREATE TABLE segment_bytes (
        segment INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE sealed (key INTEGER PRIMARY KEY) STRICT;
    DROP VIEW event_text;
",
    "
    DROP TABLE snapshot;
    CREATE TABLE kept_snapshot (
        inbox INTEGER NOT NULL,
        position INTEGER NOT NULL,
        hash BLOB NOT NULL,
        pages BLOB NOT NULL,
        checksum BLOB NOT NULL,
        UNIQUE (inbox, position)
    ) STRICT;
    CREATE TABLE snapshot_page (
        page INTEGER PRIMARY KEY AUTOINCREMENT,
        inbox INTEGER NOT NULL,
        hash BLOB NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE INDEX snapshot_page_hash ON snapshot_page (inbox, hash);
    CREATE TABLE stale_page (
        inbox INTEGER NOT NULL,
        page INTEGER NOT NULL,
        PRIMARY KEY (inbox, page)
    ) STRICT, WITHOUT ROWID;
",
];

/// The first schema that keeps snapshots by pages.
const BY_PAGES: usize = 4;

/// What stands for the table of heads while a file of schema 1 is read that may not be migrated: the last events, as
/// its version had it.
const HEADS_OF_SCHEMA_1: &str = "
    CREATE TEMP VIEW head AS
        SELECT owner, inbox.inbox AS inbox, closed, moved_to,
            coalesce(position, 0) AS position, coalesce(hash, zeroblob(16)) AS hash
        FROM inbox LEFT JOIN event ON event.inbox = inbox.inbox
            AND position = (SELECT max(e.position) FROM event AS e WHERE e.inbox = inbox.inbox);
";

/// What stands for the tables of segments while a file of an older schema is read that may not be migrated: none.
const NO_SEGMENTS: &str = "
    CREATE TEMP VIEW segment AS SELECT 0 AS segment, 0 AS inbox, 0 AS before, x'' AS before_hash, 0 AS last,
        x'' AS last_hash, x'' AS checksum WHERE 0;
    CREATE TEMP VIEW segment_bytes AS SELECT 0 AS segment, x'' AS bytes WHERE 0;
    CREATE TEMP VIEW sealed AS SELECT 0 AS key WHERE 0;
";

/// What stands for the tables of pages while a file of an older schema is read that may not be migrated: none.
const NO_PAGES: &str = "
    CREATE TEMP VIEW kept_snapshot AS SELECT 0 AS inbox, 0 AS position, x'' AS hash, x'' AS pages, x'' AS checksum
        WHERE 0;
    CREATE TEMP VIEW snapshot_page AS SELECT 0 AS page, 0 AS inbox, x'' AS hash, x'' AS bytes WHERE 0;
    CREATE TEMP VIEW stale_page AS SELECT 0 AS inbox, 0 AS page WHERE 0;
";

/// How snapshots lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snapshots {
    /// By pages.
    Paged,
    /// Each as one value: in a file of an older schema that may not be migrated.
    Whole,
}

/// Sets a connection up. Nothing of this is kept in the file but the journal's mode.
pub(crate) fn prepare(connection: &Connection, options: &Options) -> Result<(), SqliteError> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(64);
    let (application_id, tables) = claimed(connection)?;
    if application_id != APPLICATION_ID && (application_id != 0 || tables > 0) {
        return Err(SqliteError::Alien { application_id });
    }
    if !options.read_only {
        log_ahead(connection, options.busy_timeout)?;
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

/// Whose file this is and how many tables it has, as of one moment: another process may be making them just now.
fn claimed(connection: &Connection) -> Result<(i32, i64), SqliteError> {
    let moment = connection.unchecked_transaction()?;
    let application_id = moment.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables = moment.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    moment.commit()?;
    Ok((application_id, tables))
}

/// Sets WAL mode. SQLite refuses at once where another connection is just doing the same, without waiting as long as
/// it was told to: so the waiting is done here.
fn log_ahead(connection: &Connection, timeout: Duration) -> Result<(), SqliteError> {
    let began = Instant::now();
    let mode = loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) => break mode,
            Err(error) => {
                let error = SqliteError::from(error);
                if !error.is_busy() || began.elapsed() >= timeout {
                    return Err(error);
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
    };
    if mode.eq_ignore_ascii_case("wal") { Ok(()) } else { Err(SqliteError::NoWal(mode)) }
}

/// Brings the schema up to date, and returns how snapshots lie in the file; several processes may do so at once.
pub(crate) fn migrate(connection: &mut Connection, read_only: bool) -> Result<Snapshots, SqliteError> {
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
        return Ok(Snapshots::Paged);
    }
    match (read_only, found) {
        (true, 0) => return Err(SqliteError::Nothing),
        (true, found) => {
            if found < 2 {
                connection.execute_batch(HEADS_OF_SCHEMA_1)?;
            }
            if found < 3 {
                connection.execute_batch(NO_SEGMENTS)?;
            }
            if found >= BY_PAGES {
                return Ok(Snapshots::Paged);
            }
            connection.execute_batch(NO_PAGES)?;
            return Ok(Snapshots::Whole);
        }
        (false, _) => {}
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = judge(version(&transaction)?)?;
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(newest).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(Snapshots::Paged)
}
