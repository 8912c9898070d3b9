//! Events that came together lie in columns at once: read, found, rewritten, sealed and checked as rows are.

use std::fs;
use std::path::Path;

use chatfold::shared::StreamId;
use chatfold::store::{Append, EventStore, MemoryStore, NewEvent};
use chatfold::testing::Random;
use chatfold_sqlite::{Damage, SqliteError};
use rusqlite::Connection;

use crate::laws::{alice, append, event, log, sealing};
use crate::segments::{command, count, execute};

fn lying(path: &Path) -> [i64; 3] {
    ["chatfold_segment", "chatfold_batch", "chatfold_event"].map(|table| count(path, table))
}

#[test]
fn what_comes_together_is_a_batch_until_it_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = sealing(&path, 200);
    let events: Vec<_> = (0..260).map(|n| event(1, n)).collect();
    let mut at = 0;
    for (len, expected) in [
        (31, [0, 0, 31]),
        (32, [0, 1, 0]),
        (5, [0, 1, 5]),
        (60, [0, 2, 0]),
        (40, [0, 3, 0]),
        (31, [0, 3, 31]),
        // It fills a segment: what is left of it is a row.
        (2, [1, 0, 1]),
        (59, [1, 1, 0]),
    ] {
        append(&mut store, &alice(), &events[at..at + len]);
        at += len;
        assert_eq!(lying(&path), expected, "after {at} events");
    }
    assert_eq!(log(&mut store, &alice()), events);
    assert_eq!(store.check().unwrap(), []);
    // Another one may ask for shorter segments: what waits is sealed, a few more at a time where a batch ends.
    assert!(!sealing(&path, 50).seal(&alice(), 9).unwrap());
    assert_eq!(lying(&path), [2, 0, 0]);
    assert_eq!(log(&mut store, &alice()), events);
    assert_eq!(store.check().unwrap(), []);
}

fn below(random: &mut Random, bound: usize) -> usize {
    random.below(bound as u64) as usize
}

/// Whatever is appended, rewritten and asked in whatever order, the answers are those of the store in memory.
#[test]
fn it_answers_as_the_store_in_memory() {
    let runs = std::env::var("CHATFOLD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(20);
    for seed in 0..runs {
        let mut random = Random::new(seed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let (mut memory, mut written) = (MemoryStore::new(), 0);
        let inboxes = [alice(), StreamId::from_key("bob").unwrap()];
        for step in 0..40 {
            // Opened with another one at any time.
            let mut store = sealing(&path, [40, 90, 200][below(&mut random, 3)]);
            let inbox = &inboxes[usize::from(below(&mut random, 4) == 0)];
            let head = memory.head(inbox).unwrap();
            assert_eq!(store.head(inbox).unwrap(), head, "{seed} {step}");
            let len = [1, 2, 31, 32, 33, 70, 130][below(&mut random, 7)];
            // Some of them are known already, or are another command's.
            let from =
                if random.below(5) == 0 { below(&mut random, written as usize + 1) as u32 } else { written };
            written = written.max(from + len);
            let events: Vec<_> = (from..from + len).map(|n| event(1, n)).collect();
            let of = (random.below(2) == 0).then(|| command(random.below(200) as u32));
            let append = Append::new(head.prefix.events, &events).with_command(of);
            let answers = [
                format!("{:?}", store.append(inbox, &append)),
                format!("{:?}", memory.append(inbox, &append)),
            ];
            assert_eq!(answers[0], answers[1], "{seed} {step}");
            let end = memory.head(inbox).unwrap().prefix.events;
            if end > 0 && random.below(6) == 0 {
                let at = |random: &mut Random| random.below(end) + 1;
                let changes: Vec<_> = (0..1 + random.below(3))
                    .map(|n| (at(&mut random), format!("other {n}").into_bytes()))
                    .collect();
                let answers = [
                    format!("{:?}", store.rewrite(inbox, &changes)),
                    format!("{:?}", memory.rewrite(inbox, &changes)),
                ];
                assert_eq!(answers[0], answers[1], "{seed} {step}");
            }
            if random.below(25) == 0 {
                assert_eq!(store.erase(inbox).unwrap(), memory.erase(inbox).unwrap());
                assert_eq!(store.reopen(inbox).unwrap(), memory.reopen(inbox).unwrap());
            }
            let after = random.below(end + 1);
            let limit = below(&mut random, 150);
            let page = memory.read(inbox, after, limit).unwrap();
            assert_eq!(store.read(inbox, after, limit).unwrap(), page, "{seed} {step} {after} {limit}");
            let id = event(1, random.below(u64::from(written) + 5) as u32).id;
            assert_eq!(store.find(inbox, id).unwrap(), memory.find(inbox, id).unwrap(), "{seed} {step}");
        }
        let mut store = sealing(&path, 90);
        assert_eq!(store.check().unwrap(), [], "{seed}");
        for inbox in &inboxes {
            assert_eq!(log(&mut store, inbox), of_memory(&mut memory, inbox), "{seed}");
        }
    }
}

fn of_memory(memory: &mut MemoryStore, inbox: &StreamId) -> Vec<NewEvent> {
    let events = memory.read(inbox, 0, usize::MAX).unwrap().events;
    events.into_iter().map(|event| NewEvent::new(event.id, event.bytes)).collect()
}

#[test]
fn a_damaged_batch_is_told_with_inbox_table_and_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let events: Vec<_> = (0..90).map(|n| event(1, n)).collect();
    let mut store = sealing(&path, 200);
    append(&mut store, &alice(), &events[..50]);
    append(&mut store, &alice(), &events[50..]);
    drop(store);
    let sound = fs::read(&path).unwrap();
    let flip = "UPDATE chatfold_batch SET bytes = CAST(substr(bytes, 1, 40) || x'00' || substr(bytes, 42) AS BLOB) \
                WHERE last = 90";
    let hash = "UPDATE chatfold_batch SET last_hash = zeroblob(16) WHERE last = 50";
    for (sql, position) in [(flip, 51), (hash, 1)] {
        fs::write(&path, &sound).unwrap();
        execute(&path, sql);
        let mut store = sealing(&path, 200);
        match store.read(&alice(), position - 1, 90).unwrap_err() {
            SqliteError::DamagedAt { inbox, table, position: at, .. } => {
                assert_eq!((inbox, table, at), (alice(), "chatfold_batch", position));
            }
            other => panic!("{other}"),
        }
        assert_eq!(store.check().unwrap(), [Damage::Event { inbox: alice(), position }]);
        assert!(store.repair(&alice()).unwrap_err().is_damaged(), "nothing mends a log");
        let new: Vec<_> = (0..150).map(|n| event(2, n)).collect();
        let refused = store.append(&alice(), &Append::new(90, &new));
        assert!(refused.is_err(), "what is damaged is not sealed as if it were sound");
    }
    for (sql, position) in [
        ("DELETE FROM chatfold_batch WHERE last = 50", 1),
        ("DELETE FROM chatfold_batch WHERE last = 90", 51),
    ] {
        fs::write(&path, &sound).unwrap();
        execute(&path, sql);
        let mut store = sealing(&path, 200);
        let found = store.check().unwrap();
        assert!(found.contains(&Damage::Event { inbox: alice(), position }), "{sql}: {found:?}");
    }
    // What finds its events is mended by the events.
    fs::write(&path, &sound).unwrap();
    for keys in ["x''", "CAST(substr(keys, 5) AS BLOB)", "x'000102'", "randomblob(200)"] {
        execute(&path, &format!("UPDATE chatfold_batch SET keys = {keys} WHERE last = 50"));
        let mut store = sealing(&path, 200);
        let found = store.check().unwrap();
        assert!(matches!(found[..], [Damage::Keys { position: 1, .. }]), "{keys}: {found:?}");
        assert_eq!(store.repair(&alice()).unwrap(), found);
        assert_eq!(store.check().unwrap(), []);
        let again = store.append(&alice(), &Append::new(90, &events[7..9])).unwrap();
        assert!(again.repeated);
    }
}

#[test]
fn what_a_batch_said_is_gone_once_it_is_erased_or_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let said = |word: &str| {
        let everywhere = ["chat.db", "chat.db-wal"].map(|name| fs::read(folder.path().join(name)));
        everywhere
            .iter()
            .flatten()
            .any(|bytes| bytes.windows(word.len()).any(|bytes| bytes == word.as_bytes()))
    };
    let events: Vec<_> = (0..40)
        .map(|n| NewEvent::new(event(1, n).id, format!("a word of {n} to nobody").into_bytes()))
        .collect();
    let mut store = sealing(&path, 200);
    append(&mut store, &alice(), &events);
    assert_eq!(lying(&path), [0, 1, 0]);
    assert!(said("word of 7 to"));
    store.rewrite(&alice(), &[(8, b"nothing".to_vec())]).unwrap();
    assert!(!said("word of 7 to") && said("word of 8 to"));
    assert_eq!(lying(&path), [0, 1, 0]);
    // What is sealed leaves nothing where it lay before.
    append(&mut store, &alice(), &(40..200).map(|n| event(1, n)).collect::<Vec<_>>());
    assert_eq!(lying(&path), [1, 0, 0]);
    store.erase(&alice()).unwrap();
    assert!(!said("to nobody"));
    assert_eq!(store.check().unwrap(), []);
    let keys = "SELECT count(*) FROM chatfold_sealed_newest";
    let left: i64 = Connection::open(&path).unwrap().query_row(keys, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

/// Who reads an older file as it stands reads on once another has migrated it.
#[test]
fn who_reads_an_older_file_sees_what_comes_after_it_was_migrated() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for version in 1..=6 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        fs::copy(fixtures.join(format!("schema{version}.db")), &path).unwrap();
        let options = chatfold_sqlite::Options { read_only: true, ..Default::default() };
        let mut reader = chatfold_sqlite::SqliteStore::open(&path, &options).unwrap();
        assert_eq!(log(&mut reader, &alice()).len(), 60);
        let mut store = sealing(&path, 200);
        let new: Vec<_> = (0..40).map(|n| event(7, n)).collect();
        store.append(&alice(), &Append::new(60, &new)).unwrap();
        assert_eq!(log(&mut reader, &alice()).len(), 100, "schema {version}");
        assert_eq!(reader.find(&alice(), new[5].id).unwrap().unwrap().position(), 66);
        assert_eq!(reader.check().unwrap(), []);
    }
}

/// However many events may wait, an append goes through few batches.
#[test]
fn what_is_not_sealed_for_long_lies_as_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = sealing(&path, 100_000);
    let events: Vec<_> = (0..9_000).map(|n| event(1, n)).collect();
    events.chunks(100).for_each(|some| append(&mut store, &alice(), some));
    let [segments, batches, rows] = lying(&path);
    assert_eq!((segments, batches, rows), (0, 41, 9_000 - 4_100));
    append(&mut store, &StreamId::from_key("bob").unwrap(), &events);
    assert_eq!(lying(&path), [0, 41 + 2, rows + 9_000 - 2 * 2_048]);
    // Known ones are found wherever they lie, many at once too.
    let known: Vec<_> = events.iter().step_by(3).cloned().collect();
    let found = store.append(&alice(), &Append::new(9_000, &known));
    assert!(
        matches!(found, Err(chatfold::store::AppendError::Known { known: ids }) if ids.len() == known.len())
    );
    assert!(!sealing(&path, 2_048).seal(&alice(), 99).unwrap());
    assert_eq!(log(&mut store, &alice()), events);
    assert_eq!(store.check().unwrap(), []);
}
