//! The tables, their migrations, and how a connection is set up.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use crate::error::SqliteError;
use crate::options::{Options, Synchronous};

/// Says in the file's header whose it is: `chfd`.
const APPLICATION_ID: i32 = 0x6368_6664;

/// After how many pages of the write-ahead log, 16 MiB of them, they are moved to the file: rows that are sealed before then
/// never reach it, and a page that many appends write to reaches it once.
const CHECKPOINT_PAGES: i32 = 4_000;

/// How many pages a transaction changes, 16 MiB of them, before some are written early: who keeps a snapshot removes pages and
/// fills their room, which would be written twice.
const SPILL_PAGES: i32 = 4_096;

/// A step from one schema to the next, which is run as it stands in the file of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// The schema that it leads to; the one before it, that it starts from.
    pub version: i64,
    /// The name of its file in `migrations`, without `.sql`.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../migrations/", $name, ".sql")),
        }
    };
}

/// The migrations, the oldest first: each brings the schema up by one, and none is ever edited once it was released.
///
/// [`SqliteStore::open`](crate::SqliteStore::open) runs those that a file needs, in one transaction, with
/// `application_id` and `user_version` of the file's header; so does `chatfold store migrate`.
pub const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001-rows"),
    migration!(2, "0002-heads"),
    migration!(3, "0003-segments"),
    migration!(4, "0004-snapshots-by-pages"),
    migration!(5, "0005-names-of-our-own"),
    migration!(6, "0006-outbox"),
    migration!(7, "0007-batches"),
];

/// The newest schema.
pub(crate) const NEWEST: i64 = 7;

/// Makes all tables of a schema where there are none, which later migrations bring on: in a file of an application's own no
/// table may be made under a name that an application has, as those of the first four schemas were.
const NEW: Migration = migration!(5, "new-0005");

/// What stands for the table of heads while a file of schema 1 is read that may not be migrated: the last events, as
/// its version had it.
const HEADS_OF_SCHEMA_1: &str = "
    CREATE TEMP VIEW chatfold_head AS
        SELECT owner, inbox.inbox AS inbox, closed, moved_to,
            coalesce(position, 0) AS position, coalesce(hash, zeroblob(16)) AS hash
        FROM main.inbox LEFT JOIN main.event ON event.inbox = inbox.inbox
            AND position = (SELECT max(e.position) FROM main.event AS e WHERE e.inbox = inbox.inbox);
";

/// What stands for the tables of segments while a file of an older schema is read that may not be migrated: none.
const NO_SEGMENTS: &str = "
    CREATE TEMP VIEW chatfold_segment AS SELECT 0 AS segment, 0 AS inbox, 0 AS before, x'' AS before_hash,
        0 AS last, x'' AS last_hash, x'' AS checksum WHERE 0;
    CREATE TEMP VIEW chatfold_segment_bytes AS SELECT 0 AS segment, x'' AS bytes WHERE 0;
    CREATE TEMP VIEW chatfold_sealed AS SELECT 0 AS key WHERE 0;
";

/// What stands for the table of new keys while a file of an older schema is read that may not be migrated: none.
const NO_NEW_KEYS: &str = "CREATE TEMP VIEW chatfold_sealed_new AS SELECT 0 AS key WHERE 0;";

/// What stands for the tables of pages while a file of an older schema is read that may not be migrated: none.
const NO_PAGES: &str = "
    CREATE TEMP VIEW chatfold_kept_snapshot AS SELECT 0 AS inbox, 0 AS position, x'' AS hash, x'' AS pages,
        x'' AS checksum WHERE 0;
    CREATE TEMP VIEW chatfold_snapshot_page AS SELECT 0 AS page, 0 AS inbox, x'' AS hash, x'' AS bytes WHERE 0;
    CREATE TEMP VIEW chatfold_stale_page AS SELECT 0 AS inbox, 0 AS page WHERE 0;
";

/// What stands for the tables of trimmed logs while a file of an older schema is read that may not be migrated: none.
const NOTHING_TRIMMED: &str = "
    CREATE TEMP VIEW chatfold_trimmed AS SELECT 0 AS inbox, 0 AS position, x'' AS hash, 0 AS base,
        x'' AS base_hash, '' AS archive WHERE 0;
    CREATE TEMP VIEW chatfold_trimmed_ids AS SELECT 0 AS segment, x'' AS ids, x'' AS checksum WHERE 0;
";

/// What stands for the tables of the outbox while a file of an older schema is read that may not be migrated: it is off.
const NO_OUTBOX: &str = "
    CREATE TEMP VIEW chatfold_outbox_switch AS SELECT x'' AS mark, 0 AS forgotten WHERE 0;
    CREATE TEMP VIEW chatfold_outbox AS SELECT 0 AS number, 0 AS inbox, '' AS change, 0 AS first, 0 AS last WHERE 0;
";

/// What stands for the tables of batches while a file of an older schema is read that may not be migrated: none.
const NO_BATCHES: &str = "
    CREATE TEMP VIEW chatfold_batch AS SELECT 0 AS inbox, 0 AS last, x'' AS last_hash, 0 AS before, x'' AS before_hash,
        x'' AS checksum, x'' AS keys, x'' AS bytes WHERE 0;
    CREATE TEMP VIEW chatfold_sealed_newest AS SELECT 0 AS key WHERE 0;
";

/// How snapshots lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snapshots {
    /// By pages.
    Paged,
    /// Each as one value: in a file of an older schema that may not be migrated.
    Whole,
}

/// What a database holds, as of one moment: another process may be making the tables just now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    application_id: i32,
    /// How many tables, indices and views it has, of whomever.
    tables: i64,
    /// The schema of the store in it; 0 if it holds none.
    pub(crate) version: i64,
    /// Whether the store stands in a file of an application's own.
    pub(crate) shared: bool,
}

impl Found {
    /// Looks.
    pub(crate) fn look(connection: &Connection) -> Result<Self, SqliteError> {
        let moment = connection.unchecked_transaction()?;
        let found = Self::look_within(&moment)?;
        moment.commit()?;
        Ok(found)
    }

    /// Looks within a transaction.
    pub(crate) fn look_within(connection: &Connection) -> Result<Self, SqliteError> {
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let application_id = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let tables = number("SELECT count(*) FROM main.sqlite_schema")?;
        let said = number("PRAGMA user_version")?;
        let of_table = version_of_table(connection)?;
        let alone = application_id == APPLICATION_ID;
        let version = match of_table {
            // What an older program made of the header counts too, and what a newer one will.
            Some(version) if alone => version.max(said),
            Some(version) => version,
            None if alone => said,
            None => 0,
        };
        Ok(Self { application_id, tables, version, shared: of_table.is_some() && !alone })
    }

    /// The schema, which is one that this version knows.
    fn known(self) -> Result<i64, SqliteError> {
        match self.version {
            0..=NEWEST => Ok(self.version),
            found => Err(SqliteError::NewerSchema { newest: NEWEST, found }),
        }
    }

    /// Holds the schema against the newest: for whoever cannot migrate.
    pub(crate) fn newest(self) -> Result<(), SqliteError> {
        match self.known()? {
            NEWEST => Ok(()),
            0 => Err(SqliteError::Nothing),
            found => Err(SqliteError::OldSchema { found, newest: NEWEST }),
        }
    }
}

/// The version as the table has it; `None` if there is no such table.
fn version_of_table(connection: &Connection) -> Result<Option<i64>, SqliteError> {
    let sql = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'chatfold_schema'";
    if connection.query_row(sql, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    let sql = "SELECT max(version) FROM main.chatfold_schema";
    let version: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    let missing = || SqliteError::Damaged("table chatfold_schema names no version".to_owned());
    version.map(Some).ok_or_else(missing)
}

/// Sets a connection up to a file that it was opened for. Nothing of this is kept in the file but the journal's mode, and
/// not even that in a file of an application's own.
pub(crate) fn prepare(connection: &Connection, options: &Options) -> Result<(), SqliteError> {
    connection.busy_timeout(options.busy_timeout)?;
    // Otherwise a statement is compiled anew whenever a value is bound to it that its plan might follow: at each run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    let found = Found::look(connection)?;
    let Found { application_id, tables, shared, .. } = found;
    if application_id != APPLICATION_ID && !shared && (application_id != 0 || tables > 0) {
        return Err(SqliteError::Alien { application_id });
    }
    if !options.read_only {
        may_migrate(connection, found, options)?;
        if !shared {
            let failed = |error| cannot_migrate(found.version, error);
            log_ahead(connection, options.busy_timeout).map_err(failed)?;
            connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            connection.pragma_update(None, "cache_spill", SPILL_PAGES)?;
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
    if !shared {
        connection.pragma_update(None, "trusted_schema", false)?;
    }
    Ok(())
}

/// Sets a connection of the caller's up. All that is changed is that what is removed is overwritten: rows that are removed
/// when they are sealed would otherwise be in the file after an erasing.
///
/// # Errors
///
/// If its transactions cannot be rolled back.
pub(crate) fn adopt(connection: &Connection) -> Result<(), SqliteError> {
    if journal(connection)?.eq_ignore_ascii_case("off") {
        return Err(SqliteError::NoJournal);
    }
    // Asked first: setting it takes a lock that another connection may hold.
    let secure: i64 = connection.query_row("PRAGMA secure_delete", [], |row| row.get(0))?;
    if secure != 1 {
        connection.pragma_update(None, "secure_delete", true)?;
    }
    Ok(())
}

/// The mode of a connection's journal, as SQLite calls it.
pub(crate) fn journal(connection: &Connection) -> Result<String, SqliteError> {
    Ok(connection.query_row("PRAGMA main.journal_mode", [], |row| row.get(0))?)
}

/// Whether a file may be brought up to date, if it has to be. Nothing is attempted before this is known.
fn may_migrate(connection: &Connection, found: Found, options: &Options) -> Result<(), SqliteError> {
    let version = found.known()?;
    if version == NEWEST {
        return Ok(());
    }
    if !options.migrate {
        return found.newest();
    }
    if version > 0 && connection.is_readonly("main")? {
        return Err(SqliteError::CannotMigrate { found: version, newest: NEWEST });
    }
    Ok(())
}

/// The error of a file of an older schema that turned out not to be writable.
fn cannot_migrate(found: i64, error: SqliteError) -> SqliteError {
    let older = 0 < found && found < NEWEST;
    if older && (error.is_read_only() || error.cannot_open()) {
        SqliteError::CannotMigrate { found, newest: NEWEST }
    } else {
        error
    }
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

/// Begins a transaction that has the file for writing from the start, so that what it looks up still holds when it
/// writes.
pub(crate) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, SqliteError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Whose the database is that tables are made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The store's alone: the file's header says so.
    Alone,
    /// An application's: nothing of it is changed but tables of our own.
    Shared,
}

/// Brings the schema up to date, and returns how snapshots lie in the file; several processes may do so at once.
pub(crate) fn migrate(
    connection: &mut Connection,
    options: &Options,
    claim: Claim,
) -> Result<Snapshots, SqliteError> {
    let found = Found::look(connection)?;
    let version = found.known()?;
    if version == NEWEST {
        return Ok(Snapshots::Paged);
    }
    if options.read_only {
        return stand_in(connection, version);
    }
    may_migrate(connection, found, options)?;
    migrate_from(connection, claim).map_err(|error| cannot_migrate(version, error))?;
    Ok(Snapshots::Paged)
}

fn migrate_from(connection: &mut Connection, claim: Claim) -> Result<(), SqliteError> {
    let transaction = begin(connection)?;
    let found = Found::look_within(&transaction)?;
    let mut version = found.known()?;
    if version == 0 {
        transaction.execute_batch(NEW.sql)?;
        version = NEW.version;
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > version) {
        transaction.execute_batch(migration.sql)?;
    }
    let alone = found.application_id == APPLICATION_ID || (found.version == 0 && claim == Claim::Alone);
    if alone {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        // Programs that know no table of the version refuse the file by this.
        transaction.pragma_update(None, "user_version", NEWEST)?;
    }
    transaction.commit()?;
    Ok(())
}

/// The schema of a file that is read as it stands; `None` of a file of the newest.
pub(crate) fn standing_in(connection: &Connection) -> Result<Option<i64>, SqliteError> {
    let version = Found::look(connection)?.version;
    Ok((version != NEWEST).then_some(version))
}

/// Removes what stands for the tables of the newest schema: the file was migrated meanwhile, and has them.
pub(crate) fn stand_down(connection: &Connection) -> Result<(), SqliteError> {
    let sql = "SELECT name FROM temp.sqlite_schema WHERE type = 'view' AND name LIKE 'chatfold%'";
    let names: Vec<String> =
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    names.iter().try_for_each(|name| connection.execute_batch(&format!("DROP VIEW temp.{name}")))?;
    Ok(())
}

/// Lets a file of an older schema be read as it stands: views of this connection have the names of the tables.
fn stand_in(connection: &Connection, found: i64) -> Result<Snapshots, SqliteError> {
    if found == 0 {
        return Err(SqliteError::Nothing);
    }
    connection.execute_batch(NO_BATCHES)?;
    if found == 6 {
        return Ok(Snapshots::Paged);
    }
    connection.execute_batch(NO_OUTBOX)?;
    if found == 5 {
        return Ok(Snapshots::Paged);
    }
    let same = |tables: &[&str]| {
        let view = |table: &&str| {
            connection
                .execute_batch(&format!("CREATE TEMP VIEW chatfold_{table} AS SELECT * FROM main.{table}"))
        };
        tables.iter().try_for_each(view)
    };
    same(&["inbox", "event"])?;
    match found {
        1 => connection.execute_batch(HEADS_OF_SCHEMA_1)?,
        _ => same(&["head"])?,
    }
    match found {
        1 | 2 => connection.execute_batch(NO_SEGMENTS)?,
        _ => same(&["segment", "segment_bytes", "sealed"])?,
    }
    connection.execute_batch(NO_NEW_KEYS)?;
    connection.execute_batch(NOTHING_TRIMMED)?;
    if found < 4 {
        connection.execute_batch(NO_PAGES)?;
        return Ok(Snapshots::Whole);
    }
    same(&["kept_snapshot", "snapshot_page", "stale_page"])?;
    Ok(Snapshots::Paged)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// Compiling took three quarters of an append before this was seen to.
    #[test]
    fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::SqliteStore::open(folder.path().join("chat.db"), &Options::default()).unwrap();
        for sql in [
            "SELECT segment FROM chatfold_segment WHERE inbox = ? AND last > ? ORDER BY last LIMIT 1",
            "SELECT position FROM chatfold_event WHERE inbox = ? AND position > ? ORDER BY position LIMIT 9",
            "SELECT bytes FROM chatfold_snapshot_page WHERE page = ? AND inbox = ?",
        ] {
            let mut statement = store.connection().prepare(sql).unwrap();
            for n in 0..5 {
                assert!(!statement.exists([n, 7 * n]).unwrap());
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }
}
