//! Flipped bits: whatever is read is what was written, or it is said that it is damaged.

use std::fs;

use chatfold::LogPrefix;
use chatfold::store::{EventStore, NewEvent, SnapshotStore, StoredSnapshot};
use chatfold_sqlite::{Damage, Options, SqliteStore};

use crate::laws::{alice, append, event, open};

/// Reads all of the log as an account does: up to where the hashes fit.
fn sound(store: &mut SqliteStore) -> (Vec<NewEvent>, bool) {
    let (mut events, mut prefix) = (Vec::new(), LogPrefix::EMPTY);
    let Ok(page) = store.read(&alice(), 0, usize::MAX) else { return (events, true) };
    for event in page.events {
        if !event.follows(prefix) {
            return (events, true);
        }
        prefix = event.prefix;
        events.push(NewEvent { id: event.id, bytes: event.bytes });
    }
    (events, page.head.prefix != prefix)
}

#[test]
fn no_flipped_bit_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let events: Vec<_> = (0..40).map(|n| event(1, n)).collect();
    {
        let mut store = open(&path);
        append(&mut store, &alice(), &events);
        let prefix = store.head(&alice()).unwrap().prefix;
        assert!(store.save(&alice(), &StoredSnapshot { prefix, bytes: vec![7; 5_000] }).unwrap());
    }
    let whole = fs::read(&path).unwrap();
    let (mut told, mut harmless, mut lost) = (0, 0, 0);
    // Every seventh byte, each with another bit: some thousand flips in all.
    for (at, bit) in (0..whole.len()).step_by(7).zip((0..8).cycle()) {
        let flipped = folder.path().join("flipped.db");
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        fs::write(&flipped, bytes).unwrap();
        match SqliteStore::open(&flipped, &Options::default()) {
            Ok(mut store) => {
                let known = store.inboxes().is_ok_and(|owners| owners == [alice()]);
                let (found, damaged) = sound(&mut store);
                let complete = found.len() == events.len();
                let checked = store.check();
                let checked = checked.map_or(true, |found| !found.is_empty());
                for (found, written) in found.iter().zip(&events) {
                    assert_eq!(
                        found.bytes, written.bytes,
                        "byte {at} bit {bit}: what is read is what was written"
                    );
                    // The hash does not cover the id beside an event: the check does, and an account knows it from
                    // the event itself.
                    assert!(
                        found.id == written.id || checked,
                        "byte {at} bit {bit}: another id, and nothing said"
                    );
                }
                match (complete && known, damaged || checked) {
                    (true, false) => harmless += 1,
                    (_, true) => told += 1,
                    (false, false) => lost += 1,
                }
            }
            Err(_) => told += 1,
        }
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(folder.path().join(format!("flipped.db{suffix}")));
        }
    }
    assert!(told > 100 && harmless > 0, "told {told}, harmless {harmless}");
    // A bit of the owner's name makes another account of it; of the count of rows nothing else is left to tell.
    assert!(lost <= 2, "lost without a word: {lost}");
}

#[test]
fn the_check_names_the_first_damaged_position() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    append(&mut open(&path), &alice(), &(0..10).map(|n| event(1, n)).collect::<Vec<_>>());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE event SET bytes = x'00' WHERE position = 4").unwrap();
    let damage = |position| vec![Damage::Event { inbox: alice(), position }];
    assert_eq!(open(&path).check().unwrap(), damage(4), "changed");
    connection.execute_batch("DELETE FROM event WHERE position = 3").unwrap();
    assert_eq!(open(&path).check().unwrap(), damage(3), "missing");
}
