//! Logs by segments: what is sealed is found, read, rewritten and checked as rows are.

use std::fs;
use std::path::Path;

use chatfold::binary::{Log, LogHead};
use chatfold::id::CommandId;
use chatfold::jsonl::{LoggedEvent, encode_event};
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{
    Append, AppendError, EventStore, NewEvent, SnapshotStore, StoredEvent, StoredSnapshot,
};
use chatfold::testing::Workload;
use chatfold::{EventId, Inbox, Policy, Replay};
use chatfold_sqlite::{Damage, Options, SqliteError, SqliteStore};
use rusqlite::Connection;

use crate::laws::{alice, append, event, log, sealing};

pub(crate) fn count(path: &Path, what: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {what}");
    Connection::open(path).unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
}

pub(crate) fn execute(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

pub(crate) fn command(n: u32) -> CommandId {
    CommandId::from_bytes([n as u8; 16])
}

/// Appends 25 events with a command each, sealed by tens.
fn twenty_five(path: &Path) -> Vec<NewEvent> {
    let mut store = sealing(path, 10);
    let events: Vec<_> = (0..25).map(|n| event(1, n)).collect();
    for (n, one) in (0..).zip(events.chunks(1)) {
        let append = Append::new(u64::from(n), one).with_command(Some(command(n)));
        store.append(&alice(), &append).unwrap();
    }
    events
}

#[test]
fn what_is_sealed_is_known_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let events = twenty_five(&path);
    assert_eq!((count(&path, "chatfold_segment"), count(&path, "chatfold_event")), (2, 5));
    let mut store = sealing(&path, 10);
    assert_eq!(log(&mut store, &alice()), events);
    let whole = store.read(&alice(), 0, usize::MAX).unwrap().events;
    for (n, stored) in (0..).zip(&whole) {
        assert_eq!(store.find(&alice(), stored.id).unwrap().as_ref(), Some(stored));
        assert_eq!(stored.command, Some(command(n)));
        let snapshot = StoredSnapshot::new(stored.prefix, vec![1]);
        assert!(store.save(&alice(), &snapshot).unwrap(), "the hash at every position is known");
        let alien = LogPrefix { hash: stored.prefix.hash ^ 1, ..stored.prefix };
        assert!(!store.save(&alice(), &StoredSnapshot::new(alien, vec![1])).unwrap());
        let one = [events[n as usize].clone()];
        let other = [event(9, n)];
        for again in [Append::new(0, &one), Append::new(0, &other).with_command(Some(command(n)))] {
            let appended = store.append(&alice(), &again).unwrap();
            assert!(appended.repeated, "{n}");
            assert_eq!((appended.first, appended.last), (u64::from(n) + 1, u64::from(n) + 1));
        }
        let known = store.append(&alice(), &Append::new(25, &[event(9, n), events[n as usize].clone()]));
        assert!(matches!(known, Err(AppendError::Known { known }) if known == [stored.id]), "{n}");
    }
    for (after, limit) in [(0, 3), (8, 4), (9, 1), (10, 11), (19, 3), (20, 9), (24, 1), (25, 1)] {
        let page = store.read(&alice(), after, limit).unwrap().events;
        assert_eq!(page, whole[after as usize..whole.len().min(after as usize + limit)], "{after} {limit}");
    }
    assert_eq!(store.find(&alice(), EventId::from_bytes([0xee; 16])).unwrap(), None);
    assert_eq!(store.check().unwrap(), []);
}

/// A command whose events are sealed in part is known from its first to its last.
#[test]
fn a_command_on_both_sides_of_an_end_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = sealing(&path, 4);
    let events: Vec<_> = (0..6).map(|n| event(1, n)).collect();
    for (expected, part) in [(0, &events[..3]), (3, &events[3..])] {
        let append = Append::new(expected, part).with_command(Some(command(expected as u32)));
        store.append(&alice(), &append).unwrap();
    }
    assert_eq!((count(&path, "chatfold_segment"), count(&path, "chatfold_event")), (1, 2));
    let again = Append::new(0, &events[..1]).with_command(Some(command(3)));
    let appended = store.append(&alice(), &again).unwrap();
    assert_eq!((appended.first, appended.last, appended.repeated), (4, 6, true));
    append(&mut store, &alice(), &[event(2, 1), event(2, 2)]);
    assert_eq!((count(&path, "chatfold_segment"), count(&path, "chatfold_event")), (2, 0));
    let appended = store.append(&alice(), &again).unwrap();
    assert_eq!((appended.first, appended.last, appended.repeated), (4, 6, true));
}

/// Where hashes of ids collide, whatever a key names is looked into before it counts.
#[test]
fn a_key_that_names_other_segments_too_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let events = twenty_five(&path);
    append(&mut sealing(&path, 10), &StreamId::from_key("bob").unwrap(), &events[..20]);
    execute(
        &path,
        "INSERT OR IGNORE INTO chatfold_sealed SELECT key FROM chatfold_sealed_new;
         INSERT OR IGNORE INTO chatfold_sealed SELECT key FROM chatfold_sealed_newest;
         INSERT OR IGNORE INTO chatfold_sealed SELECT (key & ~0xfffffff) | segment FROM chatfold_sealed, chatfold_segment;
         INSERT INTO chatfold_sealed SELECT DISTINCT (key & ~0xfffffff) | 77 FROM chatfold_sealed",
    );
    let mut store = sealing(&path, 10);
    for (n, one) in (0..).zip(events.chunks(1)) {
        let position = store.find(&alice(), one[0].id).unwrap().map(|event| event.position());
        assert_eq!(position, Some(n + 1));
        let again = Append::new(0, &one[..1]).with_command(Some(command(n as u32)));
        assert_eq!(store.append(&alice(), &again).unwrap().first, n + 1);
    }
    append(&mut store, &alice(), &[event(3, 1)]);
    assert_eq!(log(&mut store, &alice()).len(), 26);
}

#[test]
fn a_batch_that_fills_segments_never_becomes_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = sealing(&path, 10);
    let events: Vec<_> = (0..57).map(|n| event(1, n)).collect();
    append(&mut store, &alice(), &events[..3]);
    append(&mut store, &alice(), &events[3..48]);
    assert_eq!(
        (count(&path, "chatfold_segment"), count(&path, "chatfold_event")),
        (4, 8),
        "older rows are taken along"
    );
    let stored = store.read(&alice(), 0, usize::MAX).unwrap().events;
    let bob = StreamId::from_key("bob").unwrap();
    store.import(&bob, &stored[..21]).unwrap();
    assert_eq!((count(&path, "chatfold_segment"), count(&path, "chatfold_event")), (6, 9));
    let mut doubled = stored[21..40].to_vec();
    doubled[7] = StoredEvent { prefix: doubled[7].prefix, ..doubled[6].clone() };
    assert!(store.import(&bob, &doubled).is_err(), "an id stands once in an inbox");
    // The same event again, as if it followed: known, although its hash fits.
    let mut prefix = stored[20].prefix;
    prefix.push(&stored[2].bytes);
    let again = [StoredEvent { prefix, ..stored[2].clone() }];
    let found = store.import(&bob, &again);
    assert!(matches!(found, Err(AppendError::Known { known }) if known == [stored[2].id]));
    store.import(&bob, &stored[21..]).unwrap();
    append(&mut store, &alice(), &events[48..]);
    append(&mut store, &bob, &events[48..]);
    for inbox in [alice(), bob] {
        assert_eq!(log(&mut store, &inbox), events);
    }
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn a_whole_log_is_folded_from_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let workload = Workload::phone().with_events(3_500);
    let owner = workload.owner();
    let mut store = sealing(&path, 1_000);
    let lines: Vec<_> =
        workload.iter().map(|event| NewEvent::new(event.id(), encode_event(&event).into_bytes())).collect();
    // What fills no segment lies in columns too, as a batch, and what comes in few events behind it as rows.
    append(&mut store, &StreamId::from(&owner), &lines[..3_470]);
    append(&mut store, &StreamId::from(&owner), &lines[3_470..]);
    let (mut replay, mut known) = (Replay::new(owner.clone(), Policy::default()), LogPrefix::EMPTY);
    while let Some(page) = store.read_sealed(&StreamId::from(&owner), known.events).unwrap() {
        let expected = if known.events < 3_000 { 1_000 } else { 470 };
        assert_eq!((page.before, page.events()), (known, expected));
        let log = Log::behind(&page.records, owner.clone(), LogHead { events: 0, check: 0 });
        assert_eq!(log.fold(&mut replay).unwrap().events, expected);
        known = page.last;
        assert_eq!(page.head, store.head(&StreamId::from(&owner)).unwrap());
    }
    let rest = store.read(&StreamId::from(&owner), known.events, usize::MAX).unwrap().events;
    assert_eq!(rest.len(), 30);
    for stored in &rest {
        let LoggedEvent::Known(event) = chatfold::jsonl::decode_line(&stored.bytes).unwrap() else {
            panic!()
        };
        replay.push(&event);
    }
    let events: Vec<_> = workload.iter().collect();
    assert_eq!(replay.finish().digest(), Inbox::replay(owner, Policy::default(), &events).digest());
}

#[test]
fn a_flipped_byte_is_told_with_inbox_table_and_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let events = twenty_five(&path);
    let bob = StreamId::from_key("bob").unwrap();
    append(&mut sealing(&path, 10), &bob, &events);
    for (sql, table) in [
        (
            "UPDATE chatfold_segment_bytes SET bytes = CAST(substr(bytes, 1, 40) || x'00' || substr(bytes, 42) AS BLOB) \
          WHERE segment = 2",
            "chatfold_segment",
        ),
        ("DELETE FROM chatfold_segment_bytes WHERE segment = 2", "chatfold_segment_bytes"),
    ] {
        execute(&path, sql);
        let mut store = sealing(&path, 10);
        match store.read(&alice(), 5, 10).unwrap_err() {
            SqliteError::DamagedAt { inbox, table: found, position, .. } => {
                assert_eq!((inbox, found, position), (alice(), table, 11));
            }
            other => panic!("{other}"),
        }
        assert_eq!(store.read(&alice(), 0, 10).unwrap().events.len(), 10, "what is before it is sound");
        assert_eq!(store.check().unwrap(), [Damage::Event { inbox: alice(), position: 11 }]);
        assert!(store.repair(&alice()).unwrap_err().is_damaged(), "nothing mends a log");
        assert_eq!(log(&mut store, &bob), events);
    }
    let mut store = sealing(&path, 10);
    execute(&path, "UPDATE chatfold_segment SET last_hash = zeroblob(16) WHERE segment = 1");
    let Err(SqliteError::DamagedAt { position: 1, .. }) = store.read(&alice(), 0, 1) else { panic!() };
    store.erase(&alice()).unwrap();
    assert_eq!(store.check().unwrap(), []);
    assert_eq!((count(&path, "chatfold_segment"), count(&path, "chatfold_event")), (2, 5), "bob's are there");
}

#[test]
fn keys_that_are_missing_are_found_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    twenty_five(&path);
    let keys = |path| {
        count(
            path,
            "(SELECT key FROM chatfold_sealed UNION SELECT key FROM chatfold_sealed_new UNION SELECT key FROM chatfold_sealed_newest)",
        )
    };
    let before = keys(&path);
    for table in ["chatfold_sealed", "chatfold_sealed_new", "chatfold_sealed_newest"] {
        execute(&path, &format!("DELETE FROM {table} WHERE key & 0xfffffff = 2"));
    }
    let mut store = sealing(&path, 10);
    let lost = Damage::Keys { inbox: alice(), position: 11, missing: 20 };
    assert_eq!(store.check().unwrap(), std::slice::from_ref(&lost));
    let alien = "INSERT INTO chatfold_kept_snapshot (inbox, position, hash, pages, checksum) VALUES (1, 7, zeroblob(16), x'01', x'')";
    execute(&path, alien);
    let mended = store.repair(&alice()).unwrap();
    assert_eq!(mended[..2], [lost, Damage::Snapshot { inbox: alice(), position: 7 }]);
    assert!(
        matches!(&mended[2..], [Damage::Page { table: "chatfold_kept_snapshot", position: 7, .. }]),
        "{mended:?}"
    );
    assert_eq!(store.check().unwrap(), []);
    assert_eq!(keys(&path), before);
}

#[test]
fn rewriting_touches_what_it_must() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = sealing(&path, 10);
    let mut events: Vec<_> = (0..45).map(|n| event(1, n)).collect();
    append(&mut store, &alice(), &events);
    let bytes = |segment: i64| -> Vec<u8> {
        let sql = "SELECT bytes FROM chatfold_segment_bytes WHERE segment = ?";
        Connection::open(&path).unwrap().query_row(sql, [segment], |row| row.get(0)).unwrap()
    };
    let before: Vec<_> = (1..=4).map(bytes).collect();
    let old = store.read(&alice(), 0, usize::MAX).unwrap().events;
    let changes = [(15, b"-".to_vec()), (44, b"--".to_vec())];
    let head = store.rewrite(&alice(), &changes).unwrap();
    (events[14].bytes, events[43].bytes) = (b"-".to_vec(), b"--".to_vec());
    let mut store = sealing(&path, 10);
    assert_eq!(log(&mut store, &alice()), events, "hashes follow each other");
    assert_eq!(store.head(&alice()).unwrap(), head);
    assert_eq!(store.check().unwrap(), []);
    let after: Vec<_> = (1..=4).map(bytes).collect();
    let same: Vec<_> = before.iter().zip(&after).map(|(before, after)| before == after).collect();
    assert_eq!(same, [true, false, true, true], "only the segment of a changed event is written anew");
    let new = store.read(&alice(), 0, usize::MAX).unwrap().events;
    let same = old.iter().zip(&new).filter(|(old, new)| old.prefix == new.prefix).count();
    assert_eq!(same, 14, "every hash behind is another");
    assert_eq!(store.find(&alice(), events[14].id).unwrap().unwrap().bytes, b"-");
}

/// What the program of an older schema wrote, event by event: see `tests/fixtures/README.md`.
pub(crate) fn of_fixture(n: u32) -> NewEvent {
    let id = format!("{n:08x}-0000-4000-8000-000000000000");
    let bytes = match n % 10 {
        7 => format!(r#"{{"v":9,"id":"{id}","news":{n}}}"#),
        8 => format!("no line {n}"),
        _ => format!(
            r#"{{"v":1,"id":"{id}","at":"2026-03-01T09:00:{:02}.000Z","by":"bob","conversation":"c2c_bob","type":"message_received","message":{{"id":"{n:08x}-0000-4000-8000-0000000000a1","text":"Message {n}"}}}}"#,
            n % 60
        ),
    };
    NewEvent::new(id.parse().unwrap(), bytes.into_bytes())
}

/// `migrated`: snapshots, which are caches, are dropped by the schema that keeps them by pages.
pub(crate) fn holds_the_fixture(store: &mut SqliteStore, more: usize, migrated: bool) {
    let events: Vec<_> = (0..60).map(of_fixture).collect();
    let found = log(store, &alice());
    assert_eq!(&found[..60], events);
    assert_eq!(found.len(), 60 + more);
    let snapshot = store.latest(&alice(), u64::MAX).unwrap();
    let snapshot = snapshot.map(|snapshot| (snapshot.prefix.events, snapshot.bytes));
    assert_eq!(snapshot, (!migrated).then(|| (48, b"a snapshot".to_vec())));
    let found = store.open_latest(&alice(), u64::MAX).unwrap();
    let found = found.map(|found| found.source.read(2..10).unwrap().into_owned());
    assert_eq!(found, (!migrated).then(|| b"snapshot".to_vec()));
    for (n, event) in (0..).zip(store.read(&alice(), 0, 60).unwrap().events) {
        let batch = n / 3 * 3;
        assert_eq!(event.command, (batch % 2 == 0).then(|| command(batch)), "{n}");
        assert_eq!(store.find(&alice(), event.id).unwrap(), Some(event));
    }
    let closed =
        |name: &str, store: &mut SqliteStore| store.head(&StreamId::from_key(name).unwrap()).unwrap();
    assert!(closed("bob", store).closed.is_some_and(|closed| closed.to_string().contains("elsewhere")));
    assert_eq!(closed("carol", store).prefix, LogPrefix::EMPTY);
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn files_of_older_schemas_are_read_migrated_and_sealed() {
    for name in ["schema1.db", "schema2.db"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name), &path).unwrap();
        let before = fs::read(&path).unwrap();
        let read_only = Options { read_only: true, ..Options::default() };
        holds_the_fixture(&mut SqliteStore::open(&path, &read_only).unwrap(), 0, false);
        assert_eq!(fs::read(&path).unwrap(), before, "who only reads changes nothing");
        let mut store = sealing(&path, 10);
        holds_the_fixture(&mut store, 0, true);
        assert_eq!(
            (count(&path, "chatfold_segment"), count(&path, "chatfold_event")),
            (0, 62),
            "opening seals nothing"
        );
        // Each append seals two segments of what lay there, no more.
        for (n, (segments, rows)) in (0..).zip([(2, 41), (4, 22), (6, 3), (6, 4)]) {
            append(&mut store, &alice(), &[event(1, n)]);
            assert_eq!(
                (count(&path, "chatfold_segment"), count(&path, "chatfold_event")),
                (segments, rows + 2),
                "{n}"
            );
            holds_the_fixture(&mut store, n as usize + 1, true);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema2.db"), &path).unwrap();
    let mut store = sealing(&path, 10);
    assert!(store.seal(&alice(), 4).unwrap(), "there is more");
    assert!(!store.seal(&alice(), 4).unwrap());
    assert_eq!((count(&path, "chatfold_segment"), count(&path, "chatfold_event")), (6, 2));
    holds_the_fixture(&mut store, 0, true);
}

/// Rows that are not what was appended are not sealed as if they were.
#[test]
fn damage_is_not_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = sealing(&path, 10);
    append(&mut store, &alice(), &(0..8).map(|n| event(1, n)).collect::<Vec<_>>());
    execute(&path, "UPDATE chatfold_event SET bytes = x'00' WHERE position = 4");
    append(&mut store, &alice(), &[event(2, 1)]);
    for batch in [vec![event(2, 2)], (3..15).map(|n| event(2, n)).collect()] {
        match store.append(&alice(), &Append::new(9, &batch)) {
            Err(AppendError::Store(SqliteError::DamagedAt {
                table: "chatfold_event", position: 4, ..
            })) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(count(&path, "chatfold_segment"), 0);
    assert_eq!(store.head(&alice()).unwrap().prefix.events, 9, "nothing was written");
}
