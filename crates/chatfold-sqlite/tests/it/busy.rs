//! A process that appends, seals, keeps snapshots, trims, puts back and migrates is killed at any moment: what it
//! acknowledged is there, once, and the list is that of a replay.
//!
//! `CHATFOLD_KILLS` says how often; the process is this very test binary, in the tests that are ignored.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use chatfold::binary::Log;
use chatfold::jsonl::{LoggedEvent, decode_line, encode_event};
use chatfold::shared::StreamId;
use chatfold::store::{Append, EventStore, LogCursor, NewEvent, SnapshotStore, StoredSnapshot};
use chatfold::testing::Workload;
use chatfold::{Inbox, Policy};
use chatfold_sqlite::{Options, SqliteStore};

use crate::damage::Rng;
use crate::files::to_schema_1;
use crate::laws::{append, sealing};
use crate::trimming::{folded, lines};

/// Tells the process where its file is.
const FILE: &str = "CHATFOLD_BUSY_FILE";

/// How many events its log has in the end.
const EVENTS: usize = 4_000;

/// How many of them lie in the file that is migrated.
const OLD_EVENTS: usize = 3_000;

/// How many events a segment has.
const SEAL: usize = 16;

/// How many it has in every other process, which has batches too.
const SEAL_BATCHES: usize = 90;

fn kills() -> usize {
    env::var("CHATFOLD_KILLS").map_or(25, |kills| kills.parse().unwrap())
}

pub(crate) fn workload() -> (StreamId, Vec<NewEvent>) {
    let workload = Workload::phone().with_events(EVENTS as u64);
    (workload.owner().into(), lines(&workload))
}

pub(crate) fn archive(path: &Path) -> PathBuf {
    path.with_extension("archive")
}

fn tell(what: &str, number: u64) {
    let mut out = std::io::stdout();
    out.write_all(format!("{what} {number}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn apply(inbox: &mut Inbox, events: &[NewEvent]) {
    for event in events {
        if let Ok(LoggedEvent::Known(event)) = decode_line(&event.bytes) {
            inbox.apply(&event);
        }
    }
}

#[test]
#[ignore = "the process that the tests kill"]
fn child() {
    let Ok(path) = env::var(FILE) else { return };
    let (owner, events) = workload();
    tell("begun", 0);
    let path = Path::new(&path);
    let mut store = sealing(path, if std::process::id().is_multiple_of(2) { SEAL } else { SEAL_BATCHES });
    let head = store.head(&owner).unwrap().prefix;
    tell("opened", head.events);
    let mut inbox = folded(&owner, &events[..head.events as usize]);
    let mut at = head.events as usize;
    for round in 0_usize.. {
        let batch = &events[at..events.len().min(at + 1 + round % 40)];
        if !batch.is_empty() {
            store.append(&owner, &Append::new(at as u64, batch)).unwrap();
            apply(&mut inbox, batch);
            at += batch.len();
        }
        tell("ack", at as u64);
        let prefix = store.head(&owner).unwrap().prefix;
        if round % 3 == 0 {
            let bytes = inbox.snapshot(prefix).unwrap();
            assert!(store.save(&owner, &StoredSnapshot::new(prefix, bytes)).unwrap());
            tell("kept", prefix.events);
        }
        if round % 5 == 4 {
            let trimmed = store.trim(owner.account().unwrap(), u64::MAX, archive(path)).unwrap();
            tell("trimmed", trimmed.through);
        }
        if round % 11 == 10 {
            tell("restored", store.restore_archive(owner.account().unwrap(), archive(path)).unwrap());
        }
    }
}

fn spawned(path: &Path) -> std::process::Child {
    Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "busy::child"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs the process until it tells something, and for some time on, and kills it. Returns what it told.
fn killed(path: &Path, until: &str, further: Duration) -> String {
    let mut child = spawned(path);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    while !told.contains(until) {
        let read = out.read_line(&mut told).unwrap();
        assert!(read > 0, "it ended by itself: {told}");
    }
    thread::sleep(further);
    child.kill().unwrap();
    out.read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().code().is_none(), "it was killed, and did not end by itself: {told}");
    told
}

/// The last number that was told of something, on a line that is whole.
fn last(told: &str, what: &str) -> Option<u64> {
    let whole = told.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter_map(|line| line.split_once(&format!("{what} "))?.1.trim().parse().ok()).next_back()
}

/// The list of an inbox as an account makes it: the newest snapshot that can be used, and the events behind it.
pub(crate) fn listed(store: &mut SqliteStore, owner: &StreamId) -> Option<(Inbox, u64)> {
    let mut through = u64::MAX;
    loop {
        let found = store.latest(owner, through).ok()?;
        let (mut inbox, mut cursor) = match &found {
            Some(found) => {
                let (inbox, _) =
                    Inbox::restore(found.bytes.clone(), owner.account().unwrap(), Policy::default()).unwrap();
                (inbox, LogCursor::after(found.prefix))
            }
            None => (Inbox::new(owner.account().unwrap().clone(), Policy::default()), LogCursor::default()),
        };
        loop {
            let page = store.read(owner, cursor.position(), 500).ok()?;
            match cursor.take_in(&page) {
                Ok(end) => {
                    let new = page.events.iter().map(|event| NewEvent::new(event.id, event.bytes.clone()));
                    apply(&mut inbox, &new.collect::<Vec<_>>());
                    if end {
                        return Some((inbox, cursor.position()));
                    }
                }
                // The snapshot is of another log: an older one may be of this.
                Err(_) => break,
            }
        }
        through = found?.prefix.events.checked_sub(1)?;
    }
}

/// Everything that is there: sound, each event once, those that were trimmed in the archive, the list that of a replay.
fn is_whole(path: &Path, owner: &StreamId, events: &[NewEvent]) -> usize {
    let mut store = sealing(path, SEAL);
    assert_eq!(store.check().unwrap(), []);
    let cut = store.trimmed(owner).unwrap().map_or(0, |(prefix, _)| prefix.events as usize);
    let there = store.read(owner, cut as u64, usize::MAX).unwrap();
    let end = there.head.prefix.events as usize;
    let found = there.events.into_iter().map(|event| NewEvent::new(event.id, event.bytes));
    assert!(found.eq(events[cut..end].iter().cloned()), "each event once, in order");
    if cut > 0 {
        let bytes = fs::read(archive(path)).unwrap();
        let log = Log::open_for(&bytes, owner.account().unwrap()).unwrap();
        let lines = log.events().take(cut).map(|event| match event.unwrap() {
            LoggedEvent::Known(event) => encode_event(&event).into_bytes(),
            LoggedEvent::Skipped(line) => line.raw().as_bytes().to_vec(),
        });
        assert!(lines.eq(events[..cut].iter().map(|event| event.bytes.clone())), "the others are archived");
    }
    let known = store.receive_many(std::slice::from_ref(owner), &events[..end]).unwrap();
    assert_eq!(known, [chatfold::store::Received::Known], "no double is taken for news");
    let (inbox, at) = listed(&mut store, owner).unwrap();
    assert_eq!(at as usize, end);
    assert_eq!(inbox.digest(), folded(owner, &events[..end]).digest(), "the list is that of a replay");
    end
}

#[test]
fn whatever_is_under_way_when_it_is_killed_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (owner, events) = workload();
    let (mut rng, mut runs, mut trimmed, mut back) = (Rng(3), 0, 0, 0);
    let mut path = PathBuf::new();
    let mut acknowledged = 0;
    for kill in 0..kills() {
        if kill == 0 || acknowledged == events.len() {
            // Its log is as long as it gets: begin another.
            runs += 1;
            (path, acknowledged) = (folder.path().join(format!("{runs}.db")), 0);
        }
        let until = ["ack ", "kept ", "trimmed ", "restored "][kill % 4];
        let told = killed(&path, until, Duration::from_micros(rng.below(30_000) as u64));
        acknowledged = acknowledged.max(last(&told, "ack").unwrap_or_default() as usize);
        trimmed += usize::from(last(&told, "trimmed").is_some_and(|through| through > 0));
        back += usize::from(last(&told, "restored").is_some_and(|events| events > 0));
        let there = is_whole(&path, &owner, &events);
        assert!(there >= acknowledged, "kill {kill}: {acknowledged} were acknowledged, {there} are there");
        acknowledged = there;
        // All of it comes back from the archive as it is now, in a copy.
        if kill % 5 == 0 && archive(&path).exists() {
            let copy = folder.path().join("copy.db");
            fs::copy(&path, &copy).unwrap();
            fs::copy(archive(&path), archive(&copy)).unwrap();
            sealing(&copy, SEAL).restore_archive(owner.account().unwrap(), archive(&copy)).unwrap();
            assert_eq!(is_whole(&copy, &owner, &events), there);
            assert_eq!(sealing(&copy, SEAL).trimmed(&owner).unwrap(), None);
        }
    }
    assert!(trimmed * 3 > kills() && back > 0, "{trimmed} were trimmed, {back} put back");
}

#[test]
fn a_file_that_is_killed_while_it_is_migrated_is_of_one_schema() {
    let folder = tempfile::tempdir().unwrap();
    let (owner, events) = workload();
    let old = folder.path().join("old.db");
    let mut store = sealing(&old, usize::MAX);
    // Few at a time, so that they lie as rows.
    events[..OLD_EVENTS].chunks(20).for_each(|some| append(&mut store, &owner, some));
    drop(store);
    to_schema_1(&old);
    let (mut further, mut before, mut after) = (Duration::from_micros(500), 0, 0);
    for kill in 0..kills() {
        let path = folder.path().join(format!("{kill}.db"));
        fs::copy(&old, &path).unwrap();
        let told = killed(&path, "begun", further);
        let acknowledged = last(&told, "ack").unwrap_or(OLD_EVENTS as u64) as usize;
        // It stays near the moment when it is migrated, however fast the machine is.
        match SqliteStore::schema_of(&path, &Options::default()).unwrap() {
            1 => (before, further) = (before + 1, further.mul_f64(1.3) + Duration::from_micros(10)),
            7 => (after, further) = (after + 1, further.mul_f64(0.75)),
            other => panic!("schema {other}"),
        }
        let read_only = Options { read_only: true, ..Options::default() };
        let mut store = SqliteStore::open(&path, &read_only).unwrap();
        assert!(store.head(&owner).unwrap().prefix.events as usize >= acknowledged);
        drop(store);
        assert!(is_whole(&path, &owner, &events) >= acknowledged, "kill {kill}");
        assert_eq!(SqliteStore::schema_of(&path, &Options::default()).unwrap(), 7);
    }
    assert!(kills() < 20 || (before > 0 && after > 0), "{before} were killed before it, {after} after");
}
