//! A write-ahead log that is removed after a kill: what can be told is told, and no list is ever a wrong one.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use chatfold::shared::StreamId;
use chatfold::store::{Append, EventStore, NewEvent, SnapshotStore, StoredSnapshot};
use chatfold_sqlite::{Options, SqliteError, SqliteStore};
use rusqlite::Connection;

use crate::busy::{archive, listed, workload};
use crate::laws::sealing;
use crate::trimming::folded;

/// Tells the process where its file is.
const FILE: &str = "CHATFOLD_WAL_FILE";

/// How many events are in the file when it is checkpointed, and in the end.
const CHECKPOINTED: usize = 200;
const EVENTS: usize = 330;

#[test]
#[ignore = "the process that ends without closing its file"]
fn child() {
    let Ok(path) = env::var(FILE) else { return };
    let path = Path::new(&path);
    let (owner, events) = workload();
    let mut store = sealing(path, 32);
    for at in (0..EVENTS).step_by(10) {
        store.append(&owner, &Append::new(at as u64, &events[at..at + 10])).unwrap();
        if at % 50 == 0 || at + 10 == CHECKPOINTED {
            let prefix = store.head(&owner).unwrap().prefix;
            let bytes = folded(&owner, &events[..at + 10]).snapshot(prefix).unwrap();
            assert!(store.save(&owner, &StoredSnapshot::new(prefix, bytes)).unwrap());
        }
        if at + 10 == CHECKPOINTED {
            Connection::open(path).unwrap().query_row("PRAGMA wal_checkpoint", [], |_| Ok(())).unwrap();
        }
        if at == 280 {
            assert!(store.trim(owner.account().unwrap(), u64::MAX, archive(path)).unwrap().events > 0);
        }
    }
    std::process::abort();
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", path.display()).into()
}

/// What a process leaves that is killed.
fn left(folder: &Path) -> (PathBuf, StreamId, Vec<NewEvent>) {
    let path = folder.join("chat.db");
    let ended = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "wal::child"])
        .env(FILE, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.signal().is_some(), "it ended by itself: {ended}");
    let (owner, events) = workload();
    (path, owner, events)
}

/// Whether an inbox is what it was at some time; returns its version, `None` if it is refused.
fn is_of_the_past(path: &Path, owner: &StreamId, events: &[NewEvent]) -> Option<usize> {
    let mut store = SqliteStore::open(path, &Options::default()).ok()?;
    let (inbox, at) = listed(&mut store, owner)?;
    assert_eq!(inbox.digest(), folded(owner, &events[..at as usize]).digest(), "no list is a wrong one");
    Some(at as usize)
}

#[test]
fn a_log_ahead_that_was_removed_alone_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (path, owner, events) = left(folder.path());
    let (log, index) = (beside(&path, "-wal"), beside(&path, "-shm"));
    let kept = fs::read(&log).unwrap();
    fs::remove_file(&log).unwrap();
    for options in [Options::default(), Options { read_only: true, ..Options::default() }] {
        let error = SqliteStore::open(&path, &options).unwrap_err();
        assert!(error.is_damaged());
        assert!(
            matches!(&error, SqliteError::WalMissing { log: gone, frames, .. } if *gone == log && *frames > 0),
            "{error}"
        );
        assert!(SqliteStore::schema_of(&path, &options).is_err());
        assert!(!log.exists(), "nothing was begun in its place");
    }
    // It is put back, and everything is there.
    fs::write(&log, kept).unwrap();
    assert_eq!(is_of_the_past(&path, &owner, &events), Some(EVENTS));
    assert!(!log.exists() && !index.exists(), "closed, all of it is in the file");
    assert_eq!(is_of_the_past(&path, &owner, &events), Some(EVENTS));
}

#[test]
fn without_both_it_is_the_store_of_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (path, owner, events) = left(folder.path());
    fs::remove_file(beside(&path, "-wal")).unwrap();
    fs::remove_file(beside(&path, "-shm")).unwrap();
    // Nothing can tell that there was more: it is sound, and what it was then.
    assert_eq!(is_of_the_past(&path, &owner, &events), Some(CHECKPOINTED));
    let mut store = sealing(&path, 32);
    assert_eq!(store.check().unwrap(), []);
    // What comes again is taken as news, so that whoever has it can bring it.
    store.receive_many(std::slice::from_ref(&owner), &events[..EVENTS]).unwrap();
    drop(store);
    assert_eq!(is_of_the_past(&path, &owner, &events), Some(EVENTS));
}

/// The newest version of each page that a write-ahead log holds.
fn pages(log: &[u8]) -> BTreeMap<usize, &[u8]> {
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let page_len = number(8);
    let frames = (32..log.len()).step_by(24 + page_len).take_while(|at| at + 24 + page_len <= log.len());
    // Frames of the log before this one lie behind it, under other salts.
    let of_this = frames.take_while(|at| log[at + 8..at + 16] == log[16..24]);
    of_this.map(|at| (number(at), &log[at + 24..at + 24 + page_len])).collect()
}

#[test]
fn a_file_that_is_partly_newer_shows_no_wrong_list() {
    let folder = tempfile::tempdir().unwrap();
    let (path, owner, events) = left(folder.path());
    let (file, log) = (fs::read(&path).unwrap(), fs::read(beside(&path, "-wal")).unwrap());
    let pages = pages(&log);
    assert!(pages.len() > 10, "{}", pages.len());
    let mixed = folder.path().join("mixed.db");
    let (mut refused, mut shown) = (0, BTreeMap::new());
    for count in 0..=pages.len() {
        for backwards in [false, true] {
            let mut bytes = file.clone();
            let mut order: Vec<_> = pages.iter().collect();
            if backwards {
                order.reverse();
            }
            // A checkpoint writes the newest version of each page in order; a disk may do so in any.
            for (page, content) in order.into_iter().take(count) {
                let end = page * content.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[end - content.len()..end].copy_from_slice(content);
            }
            fs::write(&mixed, &bytes).unwrap();
            for suffix in ["-wal", "-shm"] {
                let _ = fs::remove_file(beside(&mixed, suffix));
            }
            match is_of_the_past(&mixed, &owner, &events) {
                Some(version) => *shown.entry(version).or_insert(0) += 1,
                None => refused += 1,
            }
        }
    }
    assert!(shown.contains_key(&CHECKPOINTED) && shown.contains_key(&EVENTS), "{shown:?}");
    assert!(refused > 0, "{shown:?}");
}
