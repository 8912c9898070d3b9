//! The store in a file of an application's own: what the application writes and what is appended commit together, and
//! nothing of the application's is touched.

use std::env;
use std::path::Path;
use std::process::{self, Command, Stdio};

use chatfold::store::{Append, AppendError, EventStore, Received, SnapshotStore, StoredSnapshot};
use chatfold::testing::check_store;
use chatfold_sqlite::{Options, Sharing, SqliteError, SqliteStore};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::laws::{alice, append, event, log};
use crate::pages::noise;

/// An application's file: its own tables, of names that older schemas had too, and settings of its own.
fn application(path: &Path, journal: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    let mode: String =
        connection.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |row| row.get(0)).unwrap();
    assert!(mode.eq_ignore_ascii_case(journal) || path == Path::new(":memory:"), "{mode}");
    connection
        .execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA synchronous = NORMAL;
             PRAGMA application_id = 7; PRAGMA user_version = 77;
             CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, what TEXT NOT NULL);
             CREATE TABLE IF NOT EXISTS inbox (inbox INTEGER REFERENCES event (id) ON DELETE CASCADE);
             CREATE TABLE IF NOT EXISTS sync (token INTEGER);
             CREATE INDEX IF NOT EXISTS event_id ON event (what);
             CREATE TRIGGER IF NOT EXISTS again AFTER UPDATE ON sync BEGIN
                 UPDATE sync SET token = new.token WHERE token <> new.token; END;
             INSERT OR IGNORE INTO event VALUES (1, 'of the application');
             INSERT INTO sync SELECT 0 WHERE NOT EXISTS (SELECT * FROM sync);",
        )
        .unwrap();
    connection
}

/// Everything of the application's that a store must leave alone.
fn of_the_application(connection: &Connection) -> Vec<String> {
    let text = |sql: &str| {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        format!("{sql}: {:?}", rows.map(Result::unwrap).collect::<Vec<_>>())
    };
    [
        r"SELECT sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'chatfold\_%' ESCAPE '\' AND name NOT LIKE 'sqlite%'
          ORDER BY name",
        "SELECT what FROM event",
        "SELECT inbox FROM inbox",
        "SELECT token FROM sync",
        "PRAGMA application_id",
        "PRAGMA user_version",
        "PRAGMA journal_mode",
        "PRAGMA synchronous",
        "PRAGMA foreign_keys",
        "PRAGMA recursive_triggers",
        "PRAGMA cache_size",
        "PRAGMA trusted_schema",
        "PRAGMA busy_timeout",
    ]
    .map(text)
    .to_vec()
}

fn token(connection: &Connection) -> i64 {
    connection.query_row("SELECT token FROM sync", [], |row| row.get(0)).unwrap()
}

fn immediate(store: &mut SqliteStore) -> Transaction<'_> {
    store.connection_mut().transaction_with_behavior(TransactionBehavior::Immediate).unwrap()
}

fn options(seal_events: usize) -> Options {
    Options { seal_events, ..Options::default() }
}

#[test]
fn it_obeys_the_laws_of_stores_in_an_applications_file() {
    for journal in ["WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        drop(application(&path, journal));
        check_store(|| SqliteStore::share(Connection::open(&path).unwrap(), &options(3)).unwrap());
        let mut store = SqliteStore::open(&path, &options(3)).unwrap();
        assert_eq!(store.check().unwrap(), [], "it is opened by its path too");
        let found: String =
            store.connection().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        // That a journal is kept in another mode than DELETE or WAL is a setting of a connection, not of the file.
        assert_eq!(found == "wal", journal == "WAL", "the file keeps its mode");
    }
}

#[test]
fn a_database_in_memory_keeps_a_store() {
    for connection in [Connection::open_in_memory().unwrap(), Connection::open("").unwrap()] {
        let mut store = SqliteStore::share(connection, &options(4)).unwrap();
        for n in 0..10 {
            append(&mut store, &alice(), &[event(1, n)]);
        }
        let prefix = store.head(&alice()).unwrap().prefix;
        let snapshot = StoredSnapshot::new(prefix, noise(1, 100_000));
        assert!(store.save(&alice(), &snapshot).unwrap());
        let found = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
        assert_eq!(found.source.read(7_000..50_000).unwrap(), &snapshot.bytes[7_000..50_000]);
        assert_eq!(store.check().unwrap(), []);
        let mut store = SqliteStore::share(store.into_connection(), &options(4)).unwrap();
        assert_eq!(log(&mut store, &alice()).len(), 10);
    }
}

#[test]
fn nothing_of_the_applications_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    for (name, journal) in [("one.db", "WAL"), ("two.db", "DELETE")] {
        let path = folder.path().join(name);
        let connection = application(&path, journal);
        let before = of_the_application(&connection);
        let mut store = SqliteStore::share(connection, &options(4)).unwrap();
        for n in 0..11 {
            append(&mut store, &alice(), &[event(1, n)]);
        }
        let events: Vec<_> = (20..60).map(|n| event(1, n)).collect();
        append(&mut store, &alice(), &events);
        let prefix = store.head(&alice()).unwrap().prefix;
        assert!(store.save(&alice(), &StoredSnapshot::new(prefix, noise(2, 50_000))).unwrap());
        assert!(store.open_latest(&alice(), u64::MAX).unwrap().unwrap().source.read(3..9).is_ok());
        store.rewrite(&alice(), &[(3, b"-".to_vec())]).unwrap();
        assert_eq!(store.check().unwrap(), []);
        assert_eq!(store.repair(&alice()).unwrap(), []);
        assert_eq!(of_the_application(store.connection()), before);
        store.erase(&alice()).unwrap();
        assert_eq!(of_the_application(store.connection()), before);
        // A fault of an application's own table is none of the store's.
        store
            .connection()
            .execute_batch(
                "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE sync (token INTEGER CHECK (token > 5))'
                 WHERE name = 'sync'; PRAGMA writable_schema = RESET",
            )
            .unwrap();
        assert_eq!(store.check().unwrap(), []);
    }
}

#[test]
fn what_cannot_be_rolled_back_is_refused_and_so_is_what_is_to_be_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let connection = application(&path, "DELETE");
    connection.execute_batch("PRAGMA journal_mode = OFF").unwrap();
    let error = SqliteStore::share(connection, &options(4)).unwrap_err();
    assert!(matches!(error, SqliteError::NoJournal), "{error}");
    let leave = Options { migrate: false, ..options(4) };
    let error = SqliteStore::share(Connection::open(&path).unwrap(), &leave).unwrap_err();
    assert!(matches!(error, SqliteError::Nothing), "{error}");
    let error = SqliteStore::open(&path, &options(4)).unwrap_err();
    assert!(
        matches!(error, SqliteError::Alien { application_id: 7 }),
        "tables are made by sharing only: {error}"
    );
    let mut connection = Connection::open(&path).unwrap();
    let error = Sharing::new(&connection.transaction().unwrap(), &options(4)).unwrap_err();
    assert!(matches!(error, SqliteError::Nothing), "{error}");
    drop(connection);
    drop(SqliteStore::share(Connection::open(&path).unwrap(), &options(4)).unwrap());
    Connection::open(&path).unwrap().execute_batch("UPDATE chatfold_schema SET version = 99").unwrap();
    let error = SqliteStore::share(Connection::open(&path).unwrap(), &options(4)).unwrap_err();
    assert!(matches!(error, SqliteError::NewerSchema { found: 99, .. }), "{error}");
}

/// In the midst of a transaction: a token, events that are sealed, events received, a snapshot.
fn in_the_midst(transaction: &Transaction<'_>, round: u32) {
    transaction.execute("UPDATE sync SET token = token + 1", []).unwrap();
    let mut sharing = Sharing::new(transaction, &options(4)).unwrap();
    let expected = sharing.head(&alice()).unwrap().prefix.events;
    let events: Vec<_> = (0..5).map(|n| event(1, round * 100 + n)).collect();
    sharing.append(&alice(), &Append::new(expected, &events)).unwrap();
    let more = [event(2, round), events[0].clone()];
    let received = sharing.receive(&alice(), &more).unwrap();
    assert!(!matches!(received, Received::Known), "{received:?}");
    let page = sharing.read(&alice(), expected, 100).unwrap();
    assert_eq!(page.events.len(), 6, "what is written is read within the transaction");
    assert!(sharing.find(&alice(), events[1].id).unwrap().is_some());
    let snapshot = StoredSnapshot::new(page.head.prefix, noise(u64::from(round), 30_000));
    assert!(sharing.save(&alice(), &snapshot).unwrap());
}

#[test]
fn a_token_and_events_commit_together_and_roll_back_together() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("app.db"), ":memory:".into()] {
        let mut store = SqliteStore::share(application(&path, "WAL"), &options(4)).unwrap();
        let mut expected = Vec::new();
        for round in 0..12 {
            let transaction = immediate(&mut store);
            in_the_midst(&transaction, round);
            if round % 3 == 1 {
                transaction.rollback().unwrap();
                // What has the numbers of the segments that were rolled back now is something else.
                let transaction = immediate(&mut store);
                in_the_midst(&transaction, round + 50);
                transaction.rollback().unwrap();
            } else {
                transaction.commit().unwrap();
                expected.extend((0..5).map(|n| event(1, round * 100 + n)));
                expected.push(event(2, round));
            }
            assert_eq!(log(&mut store, &alice()), expected, "{round}");
            assert_eq!(token(store.connection()) as usize * 6, expected.len());
            let newest = store.latest(&alice(), u64::MAX).unwrap().unwrap();
            assert_eq!(newest.prefix, store.head(&alice()).unwrap().prefix);
            for event in &expected {
                assert!(store.find(&alice(), event.id).unwrap().is_some());
            }
            assert_eq!(store.check().unwrap(), []);
        }
    }
}

#[test]
fn what_fails_in_a_transaction_leaves_the_rest_of_it() {
    let mut store = SqliteStore::share(application(Path::new(":memory:"), "MEMORY"), &options(4)).unwrap();
    append(&mut store, &alice(), &[event(1, 1), event(1, 2)]);
    let transaction = immediate(&mut store);
    let mut sharing = Sharing::new(&transaction, &options(4)).unwrap();
    transaction.execute("UPDATE sync SET token = 5", []).unwrap();
    let conflict = sharing.append(&alice(), &Append::new(7, &[event(1, 3)]));
    assert!(matches!(conflict, Err(AppendError::Conflict { .. })), "{conflict:?}");
    // Refused by SQLite at the third row, when two are written.
    transaction
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON chatfold_event WHEN new.position = 5
             BEGIN SELECT raise(ABORT, 'no room'); END",
        )
        .unwrap();
    let three: Vec<_> = (10..13).map(|n| event(1, n)).collect();
    let failed = sharing.append(&alice(), &Append::new(2, &three));
    assert!(matches!(failed, Err(AppendError::Store(SqliteError::Sqlite(_)))), "{failed:?}");
    assert_eq!(sharing.head(&alice()).unwrap().prefix.events, 2);
    assert_eq!(sharing.read(&alice(), 0, 9).unwrap().events.len(), 2, "nothing is half there");
    sharing.append(&alice(), &Append::new(2, &three[..2])).unwrap();
    transaction.execute_batch("DROP TRIGGER full").unwrap();
    transaction.commit().unwrap();
    assert_eq!(token(store.connection()), 5);
    assert_eq!(log(&mut store, &alice()), [event(1, 1), event(1, 2), event(1, 10), event(1, 11)]);
    assert_eq!(store.check().unwrap(), []);
}

/// Tells the process that ends in the middle where its file is.
const FILE: &str = "CHATFOLD_SHARED_FILE";

#[test]
#[ignore = "the process that ends before it commits"]
fn child() {
    let Ok(path) = env::var(FILE) else { return };
    let mut store = SqliteStore::share(application(path.as_ref(), "WAL"), &options(4)).unwrap();
    let transaction = immediate(&mut store);
    in_the_midst(&transaction, 0);
    transaction.commit().unwrap();
    let transaction = immediate(&mut store);
    in_the_midst(&transaction, 1);
    // What does not fit into memory is in the file already, and still nothing of it counts.
    transaction.execute_batch("PRAGMA shrink_memory").unwrap();
    process::abort();
}

#[test]
fn a_crash_before_the_commit_takes_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let ended = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "sharing::child"])
        .env(FILE, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!ended.success());
    let mut store = SqliteStore::share(Connection::open(&path).unwrap(), &options(4)).unwrap();
    assert_eq!(token(store.connection()), 1, "what was committed is there");
    assert_eq!(log(&mut store, &alice()).len(), 6);
    assert_eq!(store.latest(&alice(), u64::MAX).unwrap().unwrap().prefix.events, 6);
    assert_eq!(store.check().unwrap(), []);
}
