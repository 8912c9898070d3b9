//! The laws of every store, and several hands on one file.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Append, AppendError, EventStore, NewEvent, SnapshotStore};
use chatfold::testing::{check_store, check_trimming};
use chatfold_sqlite::{Options, SqliteStore, Synchronous};

pub(crate) fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &Options::default()).unwrap()
}

/// Opens a store that seals so many events into a segment.
pub(crate) fn sealing(path: &Path, seal_events: usize) -> SqliteStore {
    SqliteStore::open(path, &Options { seal_events, ..Options::default() }).unwrap()
}

pub(crate) fn alice() -> StreamId {
    StreamId::from_key("alice").unwrap()
}

pub(crate) fn event(writer: u8, n: u32) -> NewEvent {
    let mut id = [writer; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    NewEvent::new(EventId::from_bytes(id), format!("{writer}:{n}").into_bytes())
}

/// Appends at the end, as often as others come first.
pub(crate) fn append(store: &mut SqliteStore, inbox: &StreamId, events: &[NewEvent]) {
    let mut expected = store.head(inbox).unwrap().prefix.events;
    loop {
        match store.append(inbox, &Append::new(expected, events)) {
            Ok(_) => return,
            Err(AppendError::Conflict { actual, .. }) => expected = actual,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The whole log; its hashes verified.
pub(crate) fn log(store: &mut SqliteStore, inbox: &StreamId) -> Vec<NewEvent> {
    let mut prefix = LogPrefix::EMPTY;
    let events = store.read(inbox, 0, usize::MAX).unwrap().events;
    for event in &events {
        assert!(event.follows(prefix));
        prefix = event.prefix;
    }
    events.into_iter().map(|event| NewEvent::new(event.id, event.bytes)).collect()
}

#[test]
fn it_obeys_the_laws_of_stores() {
    use Synchronous::{Full, Normal};
    for (synchronous, seal_events) in [(Full, 2_048), (Normal, 2_048), (Normal, 1), (Normal, 2), (Normal, 3)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let options = Options { synchronous, seal_events, ..Options::default() };
        check_store(|| SqliteStore::open(&path, &options).unwrap());
        assert_eq!(open(&path).check().unwrap(), []);
    }
}

#[test]
fn it_obeys_the_laws_of_trimming() {
    for seal_events in [1, 7, 10, 30] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let options = Options { synchronous: Synchronous::Normal, seal_events, ..Options::default() };
        let archive = |name: &str| folder.path().join(format!("{name}.chatfold"));
        check_trimming(|| SqliteStore::open(&path, &options).unwrap(), archive);
        assert_eq!(open(&path).check().unwrap(), []);
    }
}

#[test]
fn eight_connections_lose_nothing_while_readers_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let open = |path: &Path| sealing(path, 32);
    drop(open(&path));
    const EACH: u32 = 40;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut store, mut most, mut reads) = (open(&path), 0, 0_u32);
            while !done.load(Ordering::Relaxed) || reads == 0 {
                let found = log(&mut store, &alice()).len();
                assert!(found >= most, "what was there once stays");
                (most, reads) = (found, reads + 1);
            }
        });
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let path = &path;
                scope.spawn(move || {
                    let mut store = open(path);
                    (0..EACH).for_each(|n| append(&mut store, &alice(), &[event(writer, n)]));
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    let mut store = open(&path);
    let log = log(&mut store, &alice());
    for writer in 0..8 {
        let own: Vec<_> = log.iter().filter(|event| event.bytes[0] == b'0' + writer).cloned().collect();
        let expected: Vec<_> = (0..EACH).map(|n| event(writer, n)).collect();
        assert_eq!(own, expected, "all of a writer's events, once, in order");
    }
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    append(&mut open(&path), &alice(), &[event(1, 1)]);
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE chatfold_event SET bytes = x'00'").unwrap();
    let no_wait = Options { busy_timeout: std::time::Duration::ZERO, ..Options::default() };
    let mut store = SqliteStore::open(&path, &no_wait).unwrap();
    assert_eq!(log(&mut store, &alice()), [event(1, 1)], "the reader sees what was committed");
    let events = [event(1, 2)];
    let append = Append::new(1, &events);
    match store.append(&alice(), &append) {
        Err(AppendError::Store(error)) => assert!(error.is_busy(), "{error}"),
        other => panic!("a second writer must wait: {other:?}"),
    }
    writer.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.append(&alice(), &append).unwrap().first, 2);
}

#[test]
fn a_follower_sees_that_others_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let (mut one, mut other) = (open(&path), open(&path));
    let before = one.data_version().unwrap();
    append(&mut one, &alice(), &[event(1, 1)]);
    assert_eq!(one.data_version().unwrap(), before, "its own writes are no news");
    append(&mut other, &alice(), &[event(1, 2)]);
    assert_ne!(one.data_version().unwrap(), before);
    let team = StreamId::from_key("\tc:group_team").unwrap();
    for shared in [&team, &StreamId::Directory] {
        append(&mut other, shared, &[event(1, 3)]);
    }
    assert_eq!(one.inboxes().unwrap(), [alice().account().unwrap().clone()]);
    assert_eq!(one.streams().unwrap(), [team, StreamId::Directory, alice()]);
    assert_eq!(one.check().unwrap(), []);
    assert_eq!(one.latest(&alice(), u64::MAX).unwrap(), None);
}
