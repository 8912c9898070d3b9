//! Schemas: each file of an older one is migrated, or read as it stands, or refused by name.

use std::fs;
use std::path::{Path, PathBuf};

use chatfold::store::{Append, EventStore, Outbox, OutboxChange, OutboxError};
use chatfold_sqlite::{MIGRATIONS, Options, SqliteError, SqliteStore};
use rusqlite::Connection;

use crate::laws::{alice, event, open, sealing};
use crate::segments::{execute, holds_the_fixture};

fn fixture(folder: &Path, version: usize) -> PathBuf {
    let name = format!("schema{version}.db");
    let path = folder.join(&name);
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name), &path).unwrap();
    path
}

/// The schema of a file, statement by statement, without the marks that renaming puts around names.
fn schema(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let words = |sql: String| sql.replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ");
    rows.map(|row| words(row.unwrap())).collect()
}

fn pragma(path: &Path, name: &str) -> i64 {
    Connection::open(path).unwrap().query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_new_file_has_the_schema_that_migrating_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new.db");
    drop(open(&new));
    // As if it were made by the first program: each migration in turn.
    let stepwise = folder.path().join("stepwise.db");
    let connection = Connection::open(&stepwise).unwrap();
    for (n, migration) in (1..).zip(MIGRATIONS) {
        assert_eq!(migration.version, n);
        assert!(migration.name.starts_with(&format!("{n:04}-")));
        connection.execute_batch(migration.sql).unwrap();
    }
    assert_eq!(schema(&stepwise), schema(&new));
    assert!(schema(&new).iter().all(|sql| sql.contains("chatfold_")));
    for version in 1..=6 {
        let path = fixture(folder.path(), version);
        assert_eq!(SqliteStore::schema_of(&path, &Options::default()).unwrap(), version as i64);
        drop(open(&path));
        assert_eq!(schema(&path), schema(&new), "from schema {version}");
        // A program of schema 4 looks at these two, and refuses what is newer.
        assert_eq!(pragma(&path, "application_id"), 0x6368_6664);
        assert_eq!(pragma(&path, "user_version"), 7);
        assert_eq!(SqliteStore::schema_of(&path, &Options::default()).unwrap(), 7);
    }
}

#[test]
fn a_file_of_schema_4_is_read_and_migrated_with_its_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let path = fixture(folder.path(), 4);
    let before = fs::read(&path).unwrap();
    let read_only = Options { read_only: true, ..Options::default() };
    let mut store = SqliteStore::open(&path, &read_only).unwrap();
    holds_the_fixture(&mut store, 0, false);
    let events = [event(1, 1)];
    assert!(store.append(&alice(), &Append::new(60, &events)).is_err());
    drop(store);
    assert_eq!(fs::read(&path).unwrap(), before, "who only reads changes nothing");
    let mut store = sealing(&path, 10);
    holds_the_fixture(&mut store, 0, false);
    store.append(&alice(), &Append::new(60, &events)).unwrap();
    holds_the_fixture(&mut store, 1, false);
}

#[test]
fn a_file_of_schema_5_is_read_and_migrated_and_its_outbox_can_be_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = fixture(folder.path(), 5);
    let before = fs::read(&path).unwrap();
    let read_only = Options { read_only: true, ..Options::default() };
    let mut store = SqliteStore::open(&path, &read_only).unwrap();
    holds_the_fixture(&mut store, 0, false);
    assert!(matches!(store.outbox_status(None), Err(OutboxError::Off)));
    assert!(store.outbox_on().is_err(), "nothing is made by who only reads");
    drop(store);
    assert_eq!(fs::read(&path).unwrap(), before, "who only reads changes nothing");
    let mut store = sealing(&path, 10);
    holds_the_fixture(&mut store, 0, false);
    let beginning = store.outbox_on().unwrap();
    store.append(&alice(), &Append::new(60, &[event(1, 1)])).unwrap();
    holds_the_fixture(&mut store, 1, false);
    let entries = store.outbox_after(&beginning, 9).unwrap().entries;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].change, OutboxChange::Appended { first: 61, last: 61 });
}

#[test]
fn an_older_schema_is_refused_where_it_is_not_to_be_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let leave = Options { migrate: false, ..Options::default() };
    for version in 1..=6 {
        let path = fixture(folder.path(), version);
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open(&path, &leave).unwrap_err();
        let expected = version as i64;
        assert!(matches!(error, SqliteError::OldSchema { found, newest: 7 } if found == expected), "{error}");
        assert!(error.to_string().contains("chatfold store migrate"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
        drop(open(&path));
        drop(SqliteStore::open(&path, &leave).unwrap());
    }
    let path = folder.path().join("none.db");
    assert!(SqliteStore::open(&path, &leave).is_err());
    assert!(!path.exists(), "no file is made");
    fs::write(&path, "").unwrap();
    let error = SqliteStore::open(&path, &leave).unwrap_err();
    assert!(matches!(error, SqliteError::Nothing), "{error}");
}

#[test]
fn a_file_that_lost_its_version_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    drop(open(&path));
    execute(&path, "DELETE FROM chatfold_schema");
    assert!(SqliteStore::open(&path, &Options::default()).unwrap_err().is_damaged());
}

/// Permissions hold for whoever is not the system's administrator: as one, the test runs itself as somebody else.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_refused_before_anything_is_attempted() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    const AGAIN: &str = "CHATFOLD_SCHEMAS_FOLDER";
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if let Ok(folder) = std::env::var(AGAIN) {
        for version in 1..=6 {
            for folder in [Path::new(&folder).join("file"), Path::new(&folder).join("folder")] {
                let path = folder.join(format!("schema{version}.db"));
                let before = fs::read(&path).unwrap();
                let error = SqliteStore::open(&path, &Options::default()).unwrap_err();
                let expected = version as i64;
                assert!(
                    matches!(error, SqliteError::CannotMigrate { found, newest: 7 } if found == expected),
                    "{path:?}: {error:?}"
                );
                let read_only = Options { read_only: true, ..Options::default() };
                let mut store = SqliteStore::open(&path, &read_only).unwrap();
                holds_the_fixture(&mut store, 0, false);
                assert_eq!(fs::read(&path).unwrap(), before);
            }
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let probe = folder.path().join("probe");
    fs::write(&probe, "").unwrap();
    mode(&probe, 0o444);
    let administrator = fs::OpenOptions::new().append(true).open(&probe).is_ok();
    for (name, of_file, of_folder) in [("file", 0o444, 0o777), ("folder", 0o666, 0o555)] {
        let inner = folder.path().join(name);
        fs::create_dir(&inner).unwrap();
        for version in 1..=6 {
            let path = fixture(&inner, version);
            execute(&path, "PRAGMA journal_mode = DELETE");
            mode(&path, of_file);
        }
        mode(&inner, of_folder);
    }
    mode(folder.path(), 0o755);
    let name = "schemas::a_file_that_may_not_be_written_is_refused_before_anything_is_attempted";
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    mode(&program, 0o755);
    let mut again = Command::new(&program);
    again.args(["--exact", name]).env(AGAIN, folder.path()).current_dir("/");
    if administrator {
        again.uid(65_534);
    }
    let ran = again.output().unwrap();
    // What was made read-only is removed with the folder.
    mode(&folder.path().join("folder"), 0o755);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
}
