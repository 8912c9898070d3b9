//! Files of others, of newer versions, that may only be read, and that run full.

use std::fs;
use std::sync::Barrier;
use std::thread;

use chatfold::store::{Append, AppendError, EventStore, SnapshotStore, StoredSnapshot};
use chatfold_sqlite::{Options, SqliteError, SqliteStore};
use rusqlite::Connection;

use crate::laws::{alice, append, event, log, open, sealing};

fn read_only() -> Options {
    Options { read_only: true, ..Options::default() }
}

#[test]
fn another_applications_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE event (x); PRAGMA journal_mode = DELETE")
        .unwrap();
    let before = fs::read(&path).unwrap();
    let error = SqliteStore::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, SqliteError::Alien { application_id: 0 }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::write(&path, "{\"log\":\"chatfold\",\"v\":1,\"owner\":\"alice\"}\n".repeat(100)).unwrap();
    let error = SqliteStore::open(&path, &Options::default()).unwrap_err();
    assert!(error.is_damaged(), "a text log is no database: {error}");
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    drop(open(&path));
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 77").unwrap();
    let error = SqliteStore::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, SqliteError::NewerSchema { found: 77, .. }), "{error}");
}

/// Makes a file as schema 1 had it: without heads, and every table under its older name.
pub(crate) fn to_schema_1(path: &std::path::Path) {
    Connection::open(path)
        .unwrap()
        .execute_batch(
            "ALTER TABLE chatfold_inbox RENAME TO inbox; ALTER TABLE chatfold_event RENAME TO event;
             DROP INDEX chatfold_event_id; DROP INDEX chatfold_event_command;
             CREATE UNIQUE INDEX event_id ON event (inbox, id);
             CREATE INDEX event_command ON event (inbox, command) WHERE command IS NOT NULL;
             DROP TABLE chatfold_head; DROP TABLE chatfold_segment; DROP TABLE chatfold_segment_bytes;
             DROP TABLE chatfold_sealed; DROP TABLE chatfold_sealed_new;
             DROP TABLE chatfold_sealed_newest; DROP TABLE chatfold_batch; DROP TABLE chatfold_kept_snapshot; DROP TABLE chatfold_snapshot_page;
             DROP TABLE chatfold_stale_page; DROP TABLE chatfold_trimmed; DROP TABLE chatfold_trimmed_ids;
             DROP TABLE chatfold_schema; DROP TABLE chatfold_outbox; DROP TABLE chatfold_outbox_switch;
             CREATE TABLE snapshot (inbox INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
                 bytes BLOB NOT NULL, UNIQUE (inbox, position)) STRICT;
             CREATE VIEW event_text AS SELECT 1; PRAGMA user_version = 1",
        )
        .unwrap();
}

#[test]
fn a_file_of_schema_1_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let bob = chatfold::shared::StreamId::from_key("bob").unwrap();
    let heads = {
        let mut store = open(&path);
        append(&mut store, &alice(), &[event(1, 1), event(1, 2)]);
        store.fence(&alice(), "elsewhere").unwrap();
        append(&mut store, &bob, &[event(1, 3)]);
        store.erase(&bob).unwrap();
        [store.head(&alice()).unwrap(), store.head(&bob).unwrap()]
    };
    to_schema_1(&path);
    // For reading it is read as it stands.
    let mut store = SqliteStore::open(&path, &read_only()).unwrap();
    assert_eq!([store.head(&alice()).unwrap(), store.head(&bob).unwrap()], heads);
    assert_eq!(store.streams().unwrap(), [alice(), bob.clone()]);
    assert_eq!(log(&mut store, &alice()), [event(1, 1), event(1, 2)]);
    assert_eq!(store.check().unwrap(), []);
    drop(store);
    let version = |path| {
        let connection = Connection::open(path).unwrap();
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(version(&path), 1);
    let mut store = open(&path);
    assert_eq!(version(&path), 7);
    assert_eq!([store.head(&alice()).unwrap(), store.head(&bob).unwrap()], heads);
    assert_eq!(store.check().unwrap(), []);
    store.reopen(&alice()).unwrap();
    append(&mut store, &alice(), &[event(1, 4)]);
    assert_eq!(log(&mut store, &alice()).len(), 3);
}

/// What SQLite lays beside a file may be read by those who may read the file.
#[cfg(unix)]
#[test]
fn what_lies_beside_a_file_has_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    drop(open(&path));
    for mode in [0o600, 0o640, 0o644] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let mut store = open(&path);
        append(&mut store, &alice(), &[event(1, mode)]);
        for suffix in ["", "-wal", "-shm"] {
            let beside = format!("{}{suffix}", path.display());
            let found = fs::metadata(&beside).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{beside}: {found:o}");
        }
    }
}

#[test]
fn an_interrupted_making_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    fs::write(&path, "").unwrap();
    let error = SqliteStore::open(&path, &read_only()).unwrap_err();
    assert!(matches!(error, SqliteError::Nothing), "{error}");
    append(&mut open(&path), &alice(), &[event(1, 1)]);
    assert_eq!(log(&mut open(&path), &alice()), [event(1, 1)]);
}

#[test]
fn many_may_make_one_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let path = folder.path().join(format!("{round}.db"));
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for writer in 0..8 {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    append(&mut open(path), &alice(), &[event(writer, 1)]);
                });
            }
        });
        assert_eq!(log(&mut open(&path), &alice()).len(), 8);
    }
}

#[test]
fn a_file_for_reading_refuses_to_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    append(&mut open(&path), &alice(), &[event(1, 1)]);
    let mut store = SqliteStore::open(&path, &read_only()).unwrap();
    assert_eq!(log(&mut store, &alice()), [event(1, 1)]);
    let events = [event(1, 2)];
    let append = Append::new(1, &events);
    match store.append(&alice(), &append) {
        Err(AppendError::Store(error)) => assert!(error.is_read_only(), "{error}"),
        other => panic!("{other:?}"),
    }
    let snapshot = StoredSnapshot::new(store.head(&alice()).unwrap().prefix, vec![1]);
    assert!(store.save(&alice(), &snapshot).unwrap_err().is_read_only());
    assert_eq!(log(&mut store, &alice()), [event(1, 1)]);
}

#[test]
fn a_full_disk_takes_nothing_half() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = sealing(&path, 7);
    append(&mut store, &alice(), &[event(1, 0)]);
    // The file may not grow beyond this: what SQLite does then is what it does on a full disk.
    let pages: i64 =
        Connection::open(&path).unwrap().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    store.limit_pages(pages + 2).unwrap();
    let mut n = 0;
    let full = loop {
        n += 1;
        let mut big = [event(1, n), event(2, n)];
        big.iter_mut().for_each(|event| event.bytes.resize(3_000, b'x'));
        let expected = store.head(&alice()).unwrap().prefix.events;
        match store.append(&alice(), &Append::new(expected, &big)) {
            Ok(_) => assert!(n < 100, "the bound is never reached"),
            Err(AppendError::Store(error)) => break error,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(full.is_full(), "{full}");
    let there = log(&mut store, &alice()).len();
    assert_eq!(there, 1 + 2 * (n as usize - 1), "batches are there whole or not at all");
    store.limit_pages(1 << 20).unwrap();
    append(&mut store, &alice(), &[event(3, n)]);
    assert_eq!(log(&mut store, &alice()).len(), there + 1, "with room again it works again");
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn what_is_rewritten_or_erased_is_nowhere_in_the_file() {
    for seal_events in [2_048, 2, 1] {
        is_nowhere_in_the_file(seal_events);
    }
}

fn is_nowhere_in_the_file(seal_events: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let (secret, kept) = (b"what nobody may read any more".to_vec(), b"what stays".to_vec());
    let mut store = sealing(&path, seal_events);
    let mut events = [event(1, 1), event(1, 2)];
    events[0].bytes.clone_from(&secret);
    events[1].bytes.clone_from(&kept);
    append(&mut store, &alice(), &events);
    let prefix = store.head(&alice()).unwrap().prefix;
    assert!(store.save(&alice(), &StoredSnapshot::new(prefix, secret.clone())).unwrap());
    let holds = |what: &[u8]| {
        let files =
            fs::read_dir(folder.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.into_iter().any(|bytes| bytes.windows(what.len()).any(|window| window == what))
    };
    assert!(holds(&secret) && holds(&kept));
    store.rewrite(&alice(), &[(1, b"-".to_vec())]).unwrap();
    assert!(!holds(&secret) && holds(&kept));
    store.erase(&alice()).unwrap();
    assert!(!holds(&kept));
}

#[cfg(feature = "sqlcipher")]
#[test]
fn an_encrypted_file_opens_with_its_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let with =
        |key: &str| Options { key: Some(chatfold_sqlite::Key::new(key.to_owned())), ..Options::default() };
    let mut events = [event(1, 1)];
    events[0].bytes = b"what nobody may read".to_vec();
    let mut store = SqliteStore::open(&path, &with("it's \"secret\"")).unwrap();
    append(&mut store, &alice(), &events);
    let prefix = store.head(&alice()).unwrap().prefix;
    assert!(store.save(&alice(), &StoredSnapshot::new(prefix, events[0].bytes.clone())).unwrap());
    let found = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
    assert_eq!(found.source.read(5..11).unwrap(), &b"nobody"[..], "the reader's connection has the key too");
    for entry in fs::read_dir(folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(20).any(|window| window == b"what nobody may read"));
        assert!(!bytes.starts_with(b"SQLite format"));
    }
    drop(store);
    for wrong in [Options::default(), with("another")] {
        assert!(SqliteStore::open(&path, &wrong).unwrap_err().is_damaged());
    }
    assert_eq!(log(&mut SqliteStore::open(&path, &with("it's \"secret\"")).unwrap(), &alice()), events);
    assert!(!format!("{:?}", with("hidden")).contains("hidden"));
}
