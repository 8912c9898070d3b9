//! Snapshots by pages: what is read is what was kept, what did not change is not written, what nobody names goes.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chatfold::jsonl::encode_event;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Append, EventStore, NewEvent, SnapshotStore, StoredSnapshot};
use chatfold::testing::Workload;
use chatfold::{Inbox, Policy};
use chatfold_sqlite::{Damage, Options, SqliteError, SqliteStore};
use rusqlite::Connection;

use crate::damage::Rng;
use crate::laws::{alice, append, event, open, sealing};
use crate::segments::{count, execute, holds_the_fixture};

/// Bytes that look drawn.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng(seed);
    (0..len.div_ceil(8)).flat_map(|_| (rng.below(usize::MAX) as u64).to_le_bytes()).take(len).collect()
}

/// Appends one event and keeps these bytes as the snapshot of the log.
fn keep(store: &mut SqliteStore, inbox: &StreamId, bytes: Vec<u8>) -> StoredSnapshot {
    let version = store.head(inbox).unwrap().prefix.events;
    append(store, inbox, &[event(7, version as u32)]);
    let snapshot = StoredSnapshot::new(store.head(inbox).unwrap().prefix, bytes);
    assert!(store.save(inbox, &snapshot).unwrap());
    snapshot
}

fn latest(store: &mut SqliteStore) -> Option<StoredSnapshot> {
    store.latest(&alice(), u64::MAX).unwrap()
}

/// How many bytes pages take.
fn pages_len_bytes(path: &Path) -> usize {
    let sql = "SELECT coalesce(sum(length(bytes)), 0) FROM chatfold_snapshot_page";
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize
}

#[test]
fn a_file_of_schema_3_is_read_and_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema3.db"), &path).unwrap();
    let before = fs::read(&path).unwrap();
    let read_only = Options { read_only: true, ..Options::default() };
    let mut store = SqliteStore::open(&path, &read_only).unwrap();
    holds_the_fixture(&mut store, 0, false);
    let prefix = store.head(&alice()).unwrap().prefix;
    let refused = store.save(&alice(), &StoredSnapshot::new(prefix, vec![1])).unwrap_err();
    assert!(refused.is_read_only(), "{refused}");
    drop(store);
    assert_eq!(fs::read(&path).unwrap(), before, "who only reads changes nothing");
    let mut store = sealing(&path, 10);
    holds_the_fixture(&mut store, 0, true);
    assert_eq!(
        (count(&path, "chatfold_segment"), count(&path, "chatfold_event")),
        (6, 2),
        "what was sealed stays"
    );
    let kept = keep(&mut store, &alice(), noise(1, 50_000));
    assert_eq!(latest(&mut store), Some(kept));
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn a_file_for_reading_is_read_by_range() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let kept = keep(&mut open(&path), &alice(), noise(1, 50_000));
    let read_only = Options { read_only: true, ..Options::default() };
    let found =
        SqliteStore::open(&path, &read_only).unwrap().open_latest(&alice(), u64::MAX).unwrap().unwrap();
    // The store is gone, its source reads on.
    assert_eq!(found.source.read(100..40_000).unwrap(), &kept.bytes[100..40_000]);
}

#[test]
fn ranges_are_the_bytes_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("chat.db"));
    assert!(store.open_latest(&alice(), u64::MAX).unwrap().is_none());
    let mut rng = Rng(3);
    // The last is longer than what a source holds.
    for len in [0, 1, 1_023, 1_024, 40_000, 300_000, 6_000_000] {
        let mut bytes = noise(len as u64, len);
        bytes[len / 3..len / 2].fill(7);
        let kept = keep(&mut store, &alice(), bytes);
        assert_eq!(latest(&mut store).as_ref(), Some(&kept));
        let found = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
        assert_eq!((found.prefix, found.source.len_bytes()), (kept.prefix, len as u64));
        assert_eq!(found.source.read(0..len as u64).unwrap(), kept.bytes);
        for _ in 0..400 {
            let (a, b) = (rng.below(len + 1), rng.below(len + 1));
            let (from, to) = (a.min(b), if a % 2 == 0 { a.max(b) } else { len.min(a.min(b) + b % 5_000) });
            let read = found.source.read(from as u64..to as u64).unwrap();
            assert!(*read == kept.bytes[from..to], "{from}..{to} of {len}");
        }
        assert!(found.source.read(0..len as u64 + 1).is_err());
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = found.source.read(1..0);
        assert!(reversed.is_err());
        assert!(found.source.read(len as u64..len as u64).unwrap().is_empty());
    }
    let older = store.open_latest(&alice(), 6).unwrap().unwrap();
    assert_eq!((older.prefix.events, older.source.len_bytes()), (6, 300_000));
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn what_did_not_change_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let workload = Workload::desk().with_events(40_000);
    let owner = workload.owner();
    let events: Vec<_> = workload.iter().collect();
    let (first, last) = events.split_at(39_600);
    let mut inbox = Inbox::replay(owner.clone(), Policy::default(), first);
    let mut store = open(&path);
    let mut prefix = LogPrefix::EMPTY;
    let mut taken = |events: &[chatfold::Event], inbox: &Inbox| {
        let line = |event: &chatfold::Event| NewEvent::new(event.id(), encode_event(event).into_bytes());
        let lines: Vec<_> = events.iter().map(line).collect();
        let version = prefix.events;
        lines.iter().for_each(|line| prefix.push(&line.bytes));
        let snapshot = StoredSnapshot::new(prefix, inbox.snapshot(prefix).unwrap());
        let before = pages_len_bytes(&path);
        let append = Append::new(version, &lines).with_snapshot(Some(&snapshot));
        store.append(&StreamId::from(&owner), &append).unwrap();
        assert_eq!(store.latest(&StreamId::from(&owner), u64::MAX).unwrap().as_ref(), Some(&snapshot));
        (snapshot.bytes.len(), pages_len_bytes(&path) - before)
    };
    assert!(matches!(taken(first, &inbox), (len, written) if written <= len));
    for event in last {
        inbox.apply(event);
    }
    let (len, written) = taken(last, &inbox);
    assert!(written * 4 < len, "{written} bytes written of {len}");
    let found = store.open_latest(&StreamId::from(&owner), u64::MAX).unwrap().unwrap();
    let bytes = found.source.read(0..len as u64).unwrap().into_owned();
    let (restored, _) = Inbox::restore(bytes, &owner, Policy::default()).unwrap();
    assert_eq!(restored.digest(), inbox.digest());
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn bytes_that_moved_are_the_pages_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = open(&path);
    let bytes = noise(5, 400_000);
    keep(&mut store, &alice(), bytes.clone());
    let before = pages_len_bytes(&path);
    assert_eq!(before, 400_000);
    keep(&mut store, &alice(), [&noise(6, 777), &bytes[..100_000], &bytes[100_123..]].concat());
    let written = pages_len_bytes(&path) - before;
    assert!(written < 80_000, "{written}");
    // The same everywhere is one page; another inbox has its own.
    let bob = StreamId::from_key("bob").unwrap();
    keep(&mut store, &bob, vec![7; 16_384 * 20]);
    let sql = "SELECT count(*) FROM chatfold_snapshot_page WHERE inbox = 2";
    let pages: i64 = Connection::open(&path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(pages, 1);
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn pages_that_no_snapshot_names_are_removed_some_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = open(&path);
    let large = noise(1, 8_000_000);
    keep(&mut store, &alice(), large.clone());
    assert_eq!(count(&path, "chatfold_stale_page"), 0, "what was written ahead is named");
    let all = count(&path, "chatfold_snapshot_page");
    keep(&mut store, &alice(), noise(2, 5_000));
    keep(&mut store, &alice(), noise(3, 5_000));
    let mut left = count(&path, "chatfold_stale_page");
    assert!(left > 0 && left < all, "{left} of {all}: a bounded number at once");
    assert_eq!(store.check().unwrap(), [], "what waits is no damage");
    // What comes back before it is removed stays.
    let again = keep(&mut store, &alice(), large[4_000_000..].to_vec());
    assert_eq!(latest(&mut store), Some(again));
    let mut rng = Rng(4);
    for n in 0.. {
        let (from, cut) = (rng.below(4_000_000), rng.below(20_000));
        let kept = keep(&mut store, &alice(), large[from..from + cut].to_vec());
        assert_eq!(latest(&mut store), Some(kept));
        assert_eq!(store.check().unwrap(), []);
        let now = count(&path, "chatfold_stale_page");
        if now == 0 && n > 2 {
            break;
        }
        assert!(n < 60, "{now} of {left} after {n}");
        left = now;
    }
    assert_eq!(count(&path, "chatfold_kept_snapshot"), 2);
    assert!(pages_len_bytes(&path) < 100_000, "exactly what two small snapshots name");
}

#[test]
fn what_is_read_together_is_of_one_moment_and_whoever_opens_another_sees_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let (mut store, mut other) = (open(&path), open(&path));
    let kept = keep(&mut other, &alice(), noise(1, 200_000));
    let source = store.open_latest(&alice(), u64::MAX).unwrap().unwrap().source;
    let mut done = 0;
    source.together(&mut || {
        assert!(*source.read(0..9_000).unwrap() == kept.bytes[..9_000]);
        // Pages that nobody names any more are removed, and were there when this began.
        for seed in 2..8 {
            keep(&mut other, &alice(), noise(seed, 200_000));
        }
        assert!(*source.read(100_000..109_000).unwrap() == kept.bytes[100_000..109_000]);
        // It may begin within itself, and ends with whoever began first.
        source.together(&mut || done += 1);
        assert!(*source.read(60_000..61_000).unwrap() == kept.bytes[60_000..61_000]);
        let newest = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
        assert_eq!(newest.prefix, other.head(&alice()).unwrap().prefix);
        assert!(*newest.source.read(0..9_000).unwrap() == noise(7, 200_000)[..9_000]);
        done += 1;
    });
    assert_eq!(done, 2);
    assert!(source.read(150_000..159_000).is_err(), "its pages are not there any more");
    // Nothing holds the file: all of the log beside it is taken over.
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy = Connection::open(&path).unwrap().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(busy, 0);
}

#[test]
fn who_reads_on_while_newer_ones_are_kept_reads_the_same_or_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut bytes = noise(1, 300_000);
    bytes[..8].fill(0);
    let kept = keep(&mut open(&path), &alice(), bytes.clone());
    let done = AtomicBool::new(false);
    // The first is read to the end and beyond, and a newer one is opened now and then.
    let mut store = open(&path);
    let first = store.open_latest(&alice(), 1).unwrap().unwrap();
    let (right, told) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut right, mut told, mut rng) = (0, HashSet::new(), Rng(9));
            while !done.load(Ordering::Relaxed) {
                let newest = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
                let version = newest.prefix.events;
                for _ in 0..20 {
                    let from = rng.below(290_000) as u64;
                    match first.source.read(from..from + 9_000) {
                        Ok(read) => {
                            assert!(*read == kept.bytes[from as usize..from as usize + 9_000], "wrong bytes");
                            right += 1;
                        }
                        Err(error) => drop(told.insert(error.to_string())),
                    }
                    // Where it is the version's own byte, it says which snapshot this is.
                    match newest.source.read(0..8) {
                        Ok(read) => assert_eq!(u64::from_le_bytes(read[..].try_into().unwrap()), version - 1),
                        Err(error) => drop(told.insert(error.to_string())),
                    }
                }
            }
            (right, told)
        });
        let mut store = open(&path);
        let mut rng = Rng(2);
        for n in 1..60_u64 {
            bytes[..8].copy_from_slice(&n.to_le_bytes());
            for _ in 0..8 {
                bytes[8 + rng.below(299_000)] ^= 0x55;
            }
            keep(&mut store, &alice(), bytes.clone());
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(right > 0);
    assert!(told.iter().all(|what| what.contains("not there any more")), "{told:?}");
    assert_eq!(open(&path).check().unwrap(), []);
    // What is in nobody's cache, and was replaced for certain.
    let mut store = open(&path);
    let found = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
    (0..3).for_each(|n| drop(keep(&mut store, &alice(), noise(70 + n, 1_000))));
    let error = found.source.read(0..10).unwrap_err().to_string();
    assert!(error.contains("a newer snapshot has taken the place"), "{error}");
}

#[test]
fn two_writers_share_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    drop(open(&path));
    let base = noise(1, 3_000_000);
    thread::scope(|scope| {
        for writer in 0..2_u64 {
            let (path, base) = (&path, &base);
            scope.spawn(move || {
                let mut store = open(path);
                for n in 0..12 {
                    let mut bytes = base[n * 10_000..].to_vec();
                    bytes.extend(noise(writer << 32 | n as u64, 2_500_000 * (n % 2)));
                    append(&mut store, &alice(), &[event(writer as u8, n as u32)]);
                    let prefix = store.head(&alice()).unwrap().prefix;
                    store.save(&alice(), &StoredSnapshot::new(prefix, bytes.clone())).unwrap();
                    let found = store.latest(&alice(), u64::MAX).unwrap().unwrap();
                    assert!(found.prefix != prefix || found.bytes.ends_with(&bytes[bytes.len() - 9_000..]));
                }
            });
        }
    });
    let mut store = open(&path);
    assert_eq!(store.check().unwrap(), []);
    assert!(latest(&mut store).is_some());
}

/// Two snapshots whose ends differ: `(older, newer)`.
fn two(path: &Path) -> (StoredSnapshot, StoredSnapshot) {
    let mut store = open(path);
    let bytes = noise(1, 60_000);
    let older = keep(&mut store, &alice(), bytes.clone());
    let newer = keep(&mut store, &alice(), [bytes, noise(2, 40_000)].concat());
    (older, newer)
}

#[test]
fn damage_of_every_kind_is_told_and_mended() {
    let last = "(SELECT max(page) FROM chatfold_snapshot_page)";
    for (sql, table, word) in [
        (
            format!("UPDATE chatfold_snapshot_page SET bytes = zeroblob(length(bytes)) WHERE page = {last}"),
            "chatfold_snapshot_page",
            "hash",
        ),
        (
            format!("UPDATE chatfold_snapshot_page SET hash = zeroblob(16) WHERE page = {last}"),
            "chatfold_snapshot_page",
            "hash",
        ),
        // Sound bytes under another page's number.
        (
            format!(
                "UPDATE chatfold_snapshot_page SET (hash, bytes) = (SELECT hash, bytes FROM chatfold_snapshot_page ORDER BY page LIMIT 1) \
                 WHERE page = {last}"
            ),
            "chatfold_snapshot_page",
            "hash",
        ),
        (
            format!("DELETE FROM chatfold_snapshot_page WHERE page = {last}"),
            "chatfold_snapshot_page",
            "missing",
        ),
        (
            "UPDATE chatfold_kept_snapshot SET pages = substr(pages, 1, 40) WHERE position = 2".into(),
            "chatfold_kept_snapshot",
            "list",
        ),
        (
            "UPDATE chatfold_kept_snapshot SET checksum = zeroblob(16) WHERE position = 2".into(),
            "chatfold_kept_snapshot",
            "list",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let (older, newer) = two(&path);
        execute(&path, &sql);
        let mut store = open(&path);
        assert_eq!(latest(&mut store).as_ref(), Some(&older), "a damaged snapshot is passed over: {sql}");
        let found = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
        if table == "chatfold_kept_snapshot" {
            assert_eq!(found.prefix, older.prefix);
        } else {
            let error = found.source.read(0..newer.bytes.len() as u64).unwrap_err().to_string();
            let told = if word == "hash" { "the file is damaged" } else { "not there any more" };
            assert!(error.contains(told), "{error}");
            assert_eq!(
                found.source.read(5..50_000).unwrap(),
                &newer.bytes[5..50_000],
                "what is sound is read"
            );
        }
        let damage = store.check().unwrap();
        let [Damage::Page { inbox, table: at, position: 2, what, .. }, ..] = &damage[..] else {
            panic!("{sql}: {damage:?}")
        };
        assert_eq!((inbox, *at), (&alice(), table));
        assert!(what.contains(word), "{what}");
        assert_eq!(store.repair(&alice()).unwrap(), damage);
        assert_eq!(store.check().unwrap(), []);
        assert_eq!(latest(&mut store), Some(older));
        assert_eq!((count(&path, "chatfold_kept_snapshot"), pages_len_bytes(&path)), (1, 60_000));
    }
}

#[test]
fn pages_of_no_snapshot_are_found_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let (older, newer) = two(&path);
    let next = count(&path, "chatfold_snapshot_page").unsigned_abs() + 1;
    execute(
        &path,
        "INSERT INTO chatfold_snapshot_page (inbox, hash, bytes) VALUES (1, zeroblob(16), x'01'), (1, x'02', x'03')",
    );
    let mut store = open(&path);
    let damage = [Damage::Unnamed { inbox: alice(), table: "chatfold_snapshot_page", first: next, pages: 2 }];
    assert_eq!(store.check().unwrap(), damage);
    assert_eq!(store.repair(&alice()).unwrap(), damage);
    assert_eq!(store.check().unwrap(), []);
    assert_eq!(latest(&mut store), Some(newer));
    assert_eq!(store.latest(&alice(), 1).unwrap(), Some(older));
}

/// A page that is damaged is shared by each snapshot that has its content: once it was found, it is written anew.
#[test]
fn damage_heals_with_the_next_snapshot() {
    for by_range in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let (_, newer) = two(&path);
        execute(&path, "UPDATE chatfold_snapshot_page SET bytes = zeroblob(length(bytes)) WHERE page = 2");
        let mut store = open(&path);
        if by_range {
            let found = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
            assert!(found.source.read(0..60_000).is_err());
        } else {
            match store.latest(&alice(), u64::MAX) {
                Err(SqliteError::DamagedAt { table: "chatfold_snapshot_page", position: 2, .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        let mut bytes = newer.bytes;
        bytes.push(1);
        let kept = keep(&mut store, &alice(), bytes.clone());
        assert_eq!(latest(&mut store), Some(kept));
        bytes.push(1);
        let kept = keep(&mut open(&path), &alice(), bytes);
        assert_eq!(latest(&mut open(&path)), Some(kept), "and is known from then on");
        keep(&mut store, &alice(), vec![1]);
        assert_eq!(store.check().unwrap(), [], "the damaged page went with those that named it");
    }
}

#[test]
fn what_is_erased_or_rewritten_leaves_no_page() {
    let secret = b"what nobody may read any more, said twice";
    for erase in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let mut store = open(&path);
        let bob = StreamId::from_key("bob").unwrap();
        let of_bob = keep(&mut store, &bob, noise(1, 50_000));
        for n in 0..3 {
            keep(&mut store, &alice(), [noise(1, 50_000), secret.to_vec(), noise(n, 3_000_000)].concat());
        }
        keep(&mut store, &alice(), secret.to_vec());
        keep(&mut store, &alice(), secret.to_vec());
        let found = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
        assert_eq!(found.source.read(0..4).unwrap(), &b"what"[..]);
        let held = store.open_latest(&alice(), u64::MAX).unwrap().unwrap();
        assert!(count(&path, "chatfold_stale_page") > 0);
        if erase {
            store.erase(&alice()).unwrap();
        } else {
            store.rewrite(&alice(), &[(2, b"-".to_vec())]).unwrap();
        }
        assert!(held.source.read(0..4).is_err());
        assert_eq!((count(&path, "chatfold_kept_snapshot"), count(&path, "chatfold_stale_page")), (1, 0));
        assert_eq!(pages_len_bytes(&path), 50_000, "bob's are there");
        assert_eq!(store.latest(&bob, u64::MAX).unwrap().as_ref(), Some(&of_bob));
        for entry in fs::read_dir(folder.path()).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
        assert_eq!(store.check().unwrap(), []);
    }
}

/// Pages are written ahead of the transaction that names them, and only for a log that they are a snapshot of.
#[test]
fn nothing_comes_back_into_a_log_that_was_erased_or_rewritten() {
    for erase in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let mut store = open(&path);
        append(&mut store, &alice(), &[event(1, 1), event(1, 2)]);
        let mut prefix = store.head(&alice()).unwrap().prefix;
        let of_two = StoredSnapshot::new(prefix, noise(1, 4_000_000));
        let events = [event(1, 3)];
        prefix.push(&events[0].bytes);
        let of_three = StoredSnapshot::new(prefix, noise(2, 4_000_000));
        if erase {
            open(&path).erase(&alice()).unwrap();
        } else {
            open(&path).rewrite(&alice(), &[(1, b"-".to_vec())]).unwrap();
        }
        assert!(!store.save(&alice(), &of_two).unwrap());
        let append = Append::new(2, &events).with_snapshot(Some(&of_three));
        assert_eq!(store.append(&alice(), &append).is_err(), erase);
        assert_eq!((pages_len_bytes(&path), count(&path, "chatfold_stale_page")), (0, 0));
    }
}

/// A disk that runs full stops a snapshot anywhere: the one before is whole, and later ones go on.
#[test]
fn a_snapshot_that_stops_half_way_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = open(&path);
    let small = keep(&mut store, &alice(), noise(1, 20_000));
    append(&mut store, &alice(), &[event(1, 1)]);
    let large = StoredSnapshot::new(store.head(&alice()).unwrap().prefix, noise(2, 6_000_000));
    let pages: i64 =
        Connection::open(&path).unwrap().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let mut stopped = 0;
    for room in (1..).step_by(150) {
        store.limit_pages(pages + room).unwrap();
        match store.save(&alice(), &large) {
            Ok(kept) => {
                assert!(kept);
                break;
            }
            Err(error) => assert!(error.is_full(), "{error}"),
        }
        stopped += 1;
        assert_eq!(latest(&mut store).as_ref(), Some(&small));
        assert_eq!(open(&path).check().unwrap(), [], "what was written ahead waits to be named or removed");
    }
    assert!(stopped > 5, "{stopped}");
    assert_eq!(latest(&mut store), Some(large));
    assert_eq!((count(&path, "chatfold_stale_page"), pages_len_bytes(&path)), (0, 6_020_000));
    assert_eq!(store.check().unwrap(), []);
}
