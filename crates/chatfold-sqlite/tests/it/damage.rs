//! Damaged files: whatever is read is what was written, or it is said that it is damaged.

use std::fs;
use std::path::Path;

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{
    Append, AppendError, Closed, DamagedLog, EventStore, LogCursor, RewriteError, SnapshotStore, StoredEvent,
    StoredSnapshot,
};
use chatfold_sqlite::{Damage, Options, SqliteError, SqliteStore};

use crate::laws::{alice, append, event, open, sealing};
use crate::pages::noise;

/// How many events the file has that is damaged: enough for inner pages in its trees.
const EVENTS: u32 = 419;

/// How long its snapshot is: some pages.
const SNAPSHOT_LEN: usize = 20_000;

/// How many inputs are tried, unless `CHATFOLD_CASES` says so.
const USUAL_CASES: usize = 1_200;

/// Numbers that look drawn, the same in every run (SplitMix64).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

fn cases() -> usize {
    std::env::var("CHATFOLD_CASES").map_or(USUAL_CASES, |cases| cases.parse().unwrap())
}

/// Reads all of the log page by page, as everybody does; `None` if it was refused.
fn whole_log(store: &mut SqliteStore) -> Option<Vec<StoredEvent>> {
    let (mut cursor, mut events) = (LogCursor::default(), Vec::new());
    loop {
        let page = store.read(&alice(), cursor.position(), 50).ok()?;
        let end = cursor.take_in(&page).ok()?;
        events.extend(page.events);
        if end {
            return Some(events);
        }
    }
}

/// One way to damage a file: what is left of it, and what was done.
fn damaged(whole: &[u8], case: usize, rng: &mut Rng) -> (Vec<u8>, String) {
    const PAGE: usize = 4_096;
    let mut bytes = whole.to_vec();
    let pages = bytes.len() / PAGE;
    match case % 16 {
        // Three quarters are single bytes, the headers of pages among them more often than by chance.
        0..12 => {
            let mut at = rng.below(bytes.len());
            if case.is_multiple_of(4) {
                at = at / PAGE * PAGE + at % 32;
            }
            let flip = if case.is_multiple_of(2) { 1 << rng.below(8) } else { 1 + rng.below(255) as u8 };
            bytes[at] ^= flip;
            (bytes, format!("byte {at} ^ {flip:#x}"))
        }
        12 => {
            let (at, len) = (rng.below(bytes.len() - 64), 1 + rng.below(64));
            bytes[at..at + len].fill(0);
            (bytes, format!("{len} zeros at byte {at}"))
        }
        13 => {
            let (at, len) = (rng.below(bytes.len() - 64), 1 + rng.below(64));
            (0..len).for_each(|n| bytes[at + n] = rng.below(256) as u8);
            (bytes, format!("{len} random bytes at byte {at}"))
        }
        14 => {
            let (from, to) = (1 + rng.below(pages - 1), 1 + rng.below(pages - 1));
            bytes.copy_within(from * PAGE..(from + 1) * PAGE, to * PAGE);
            (bytes, format!("page {from} in the place of page {to}"))
        }
        _ => {
            let len = rng.below(bytes.len());
            bytes.truncate(len);
            (bytes, format!("cut to {len} bytes"))
        }
    }
}

/// The file of one damaged store and what SQLite lays beside it.
fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", path.display()));
    }
}

/// A store of `EVENTS` events of one inbox, a few of another, and a snapshot; as bytes, and the log.
fn sound_file(path: &Path, seal_events: usize) -> (Vec<u8>, Vec<StoredEvent>) {
    let mut store = sealing(path, seal_events);
    for first in (0..EVENTS).step_by(20) {
        let mut events: Vec<_> = (first..EVENTS.min(first + 20)).map(|n| event(1, n)).collect();
        events.iter_mut().for_each(|event| event.bytes.resize(200, b'.'));
        append(&mut store, &alice(), &events);
    }
    append(&mut store, &StreamId::from_key("bob").unwrap(), &[event(2, 1), event(2, 2)]);
    let prefix = store.head(&alice()).unwrap().prefix;
    assert!(store.save(&alice(), &StoredSnapshot { prefix, bytes: noise(7, SNAPSHOT_LEN) }).unwrap());
    let events = whole_log(&mut store).unwrap();
    assert_eq!(events.len(), EVENTS as usize);
    drop(store);
    (fs::read(path).unwrap(), events)
}

/// Damages a file in one way after another. Of each, every reader has the log as it was written, or is refused: a
/// shorter one is never read, nor another event, nor is an append taken.
#[test]
fn an_adversary_over_the_files_of_stores() {
    adversary(2_048);
}

/// The same where nearly all of the log lies in segments.
#[test]
fn an_adversary_over_sealed_logs() {
    adversary(40);
}

/// Whole or by range, a snapshot is the one that was kept, or it is refused.
fn reads_no_other_snapshot(store: &mut SqliteStore, what: &str) {
    let kept = noise(7, SNAPSHOT_LEN);
    if let Ok(Some(found)) = store.latest(&alice(), u64::MAX) {
        assert!(found.bytes == kept, "{what}: another snapshot");
    }
    let Ok(Some(found)) = store.open_latest(&alice(), u64::MAX) else { return };
    assert_eq!(found.source.len_bytes(), kept.len() as u64, "{what}");
    for from in (0..SNAPSHOT_LEN).step_by(1_000) {
        if let Ok(read) = found.source.read(from as u64..from as u64 + 1_000) {
            assert!(read[..] == kept[from..from + 1_000], "{what}: other bytes from {from} on");
        }
    }
}

#[allow(clippy::print_stdout, reason = "the counts are for whoever runs it long")]
fn adversary(seal_events: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (whole, events) = sound_file(&folder.path().join("chat.db"), seal_events);
    let path = folder.path().join("damaged.db");
    let (mut unopened, mut refused, mut found, mut harmless) = (0, 0, 0, 0);
    let mut rng = Rng(15);
    for case in 0..cases() {
        let (bytes, what) = damaged(&whole, case, &mut rng);
        let changed = bytes != whole;
        fs::write(&path, bytes).unwrap();
        let Ok(mut store) = SqliteStore::open(&path, &Options::default()) else {
            unopened += 1;
            remove(&path);
            continue;
        };
        let read = whole_log(&mut store);
        reads_no_other_snapshot(&mut store, &what);
        let checked = store.check().map_or(true, |found| !found.is_empty());
        match read {
            Some(read) => {
                assert_eq!(read.len(), events.len(), "case {case}, {what}: a log of another length");
                for (read, written) in read.iter().zip(&events) {
                    assert_eq!(read.bytes, written.bytes, "case {case}, {what}: another event");
                    // The hash does not cover id and command beside an event: the check does.
                    let same = (read.id, read.command) == (written.id, written.command);
                    assert!(same || checked, "case {case}, {what}: another id, and nothing said");
                }
                if checked { found += 1 } else { harmless += 1 }
            }
            None => {
                assert!(changed && checked, "case {case}, {what}: refused, and the check finds nothing");
                refused += 1;
            }
        }
        drop(store);
        remove(&path);
    }
    println!(
        "{unopened} not opened, {refused} refused, {found} read whole and found by the check, {harmless} harmless"
    );
    assert!(unopened > 0 && refused > 0 && found > 0 && harmless > 0);
}

/// What damage leaves of a log, `erase` alone may still write to: an append would stand behind a gap, a rewrite would
/// compute hashes that make it sound.
#[test]
fn a_log_without_its_end_is_refused_by_who_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut store = open(&path);
    append(&mut store, &alice(), &(0..10).map(|n| event(1, n)).collect::<Vec<_>>());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("DELETE FROM chatfold_event WHERE position > 7").unwrap();
    assert_eq!(whole_log(&mut store), None, "the end is missing");
    assert_eq!(store.check().unwrap(), [Damage::Event { inbox: alice(), position: 8 }]);
    for expected in [7, 10] {
        let events = [event(1, 99)];
        let append = Append::new(expected, &events);
        match store.append(&alice(), &append) {
            Err(AppendError::Store(error)) => assert!(error.is_damaged(), "{error}"),
            other => panic!("{other:?}"),
        }
    }
    match store.rewrite(&alice(), &[(3, b"-".to_vec())]) {
        Err(RewriteError::Store(error)) => assert!(error.is_damaged(), "{error}"),
        other => panic!("{other:?}"),
    }
    assert!(store.fence(&alice(), "elsewhere").unwrap_err().is_damaged());
    assert_eq!(store.erase(&alice()).unwrap().closed, Some(Closed::Erased));
    assert_eq!(store.check().unwrap(), []);
}

/// The two places that name an inbox are held against each other: neither alone makes one that is not there, or open.
#[test]
fn an_inbox_is_what_both_places_say() {
    for change in [
        "UPDATE chatfold_inbox SET owner = 'alicf'",
        "UPDATE chatfold_head SET owner = 'alicf'",
        "DELETE FROM chatfold_head",
        "DELETE FROM chatfold_inbox",
        "UPDATE chatfold_inbox SET closed = NULL",
        "UPDATE chatfold_head SET inbox = 2",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let mut store = open(&path);
        append(&mut store, &alice(), &[event(1, 1)]);
        store.fence(&alice(), "elsewhere").unwrap();
        rusqlite::Connection::open(&path).unwrap().execute_batch(change).unwrap();
        assert!(store.head(&alice()).unwrap_err().is_damaged(), "{change}");
        assert!(!store.check().unwrap().is_empty(), "{change}");
        let named = change.contains("owner") || change.starts_with("DELETE");
        assert_eq!(matches!(store.inboxes(), Err(SqliteError::Damaged(_))), named, "{change}");
    }
}

#[test]
fn the_check_names_the_first_damaged_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    append(&mut open(&path), &alice(), &(0..10).map(|n| event(1, n)).collect::<Vec<_>>());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE chatfold_event SET bytes = x'00' WHERE position = 4").unwrap();
    let damage = |position| vec![Damage::Event { inbox: alice(), position }];
    assert_eq!(open(&path).check().unwrap(), damage(4), "changed");
    connection.execute_batch("DELETE FROM chatfold_event WHERE position = 3").unwrap();
    assert_eq!(open(&path).check().unwrap(), damage(3), "missing");
}

#[test]
fn a_page_without_events_before_the_head_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("chat.db"));
    append(&mut store, &alice(), &(0..5).map(|n| event(1, n)).collect::<Vec<_>>());
    let mut cursor = LogCursor::default();
    let mut ends = Vec::new();
    for limit in [2, 2, 2, 2] {
        let page = store.read(&alice(), cursor.position(), limit).unwrap();
        ends.push((cursor.take_in(&page).unwrap(), cursor.position()));
    }
    assert_eq!(ends, [(false, 2), (false, 4), (true, 5), (true, 5)], "the end is told at once, and again");

    // What a damaged tree answers: the head by one way, no events by the other.
    let mut cursor = LogCursor::default();
    cursor.take_in(&store.read(&alice(), 0, 2).unwrap()).unwrap();
    let mut page = store.read(&alice(), 2, 2).unwrap();
    page.events.clear();
    assert_eq!((cursor.take_in(&page), cursor.position()), (Err(DamagedLog { position: 3 }), 2));
    // The next event is missing, and a head that is behind what was read.
    let later = store.read(&alice(), 3, 2).unwrap();
    assert_eq!(cursor.take_in(&later), Err(DamagedLog { position: 3 }));
    let mut page = store.read(&alice(), 2, 3).unwrap();
    page.head.prefix = LogPrefix::EMPTY;
    assert_eq!(cursor.take_in(&page), Err(DamagedLog { position: 1 }));
    assert_eq!(cursor.position(), 2, "an error leaves it where it was");
}
