//! A process that is killed while it keeps snapshots: the file is sound, and the newest snapshot that it has is whole.

use std::env;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use chatfold::store::{EventStore, SnapshotStore, StoredSnapshot};

use crate::damage::Rng;
use crate::laws::{alice, append, event, open};
use crate::pages::noise;

/// Tells the process that is killed where its file is.
const FILE: &str = "CHATFOLD_KILLED_FILE";

/// The snapshot of so many events: some of it as in all others, some of it new, sometimes enough to be written ahead.
fn bytes(base: &[u8], events: u64) -> Vec<u8> {
    let from = events as usize % 7 * 50_000;
    [&base[from..], &noise(events, 1_500_000 * (events as usize % 3))].concat()
}

#[test]
#[ignore = "the process that the test kills"]
fn child() {
    let Ok(path) = env::var(FILE) else { return };
    let mut store = open(path.as_ref());
    let base = noise(1, 1_000_000);
    loop {
        let events = store.head(&alice()).unwrap().prefix.events;
        append(&mut store, &alice(), &[event(1, events as u32)]);
        let prefix = store.head(&alice()).unwrap().prefix;
        let snapshot = StoredSnapshot::new(prefix, bytes(&base, prefix.events));
        assert!(store.save(&alice(), &snapshot).unwrap());
    }
}

#[test]
fn a_killed_process_leaves_a_whole_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let base = noise(1, 1_000_000);
    let (mut rng, mut newest) = (Rng(8), 0);
    for _ in 0..12 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "killed::child"])
            .env(FILE, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(100 + rng.below(200) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut store = open(&path);
        assert_eq!(store.check().unwrap(), []);
        let Some(found) = store.latest(&alice(), u64::MAX).unwrap() else { continue };
        assert!(found.prefix.events >= newest, "what was kept stays until another is");
        assert!(found.bytes == bytes(&base, found.prefix.events), "{}", found.prefix.events);
        newest = found.prefix.events;
    }
    assert!(newest > 0, "no process came so far");
}
