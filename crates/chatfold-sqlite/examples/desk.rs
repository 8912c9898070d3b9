//! A busy workplace in a file: how fast it is imported, how large it is, what a snapshot writes, how fast it is loaded.
//!
//! `cargo run --release -p chatfold-sqlite --example desk -- [EVENTS] [APPENDED] [CONVERSATIONS] [FOLDER]`: a million events in a thousand
//! conversations unless said otherwise, and a tenth of them appended in hundreds. The files are left in the folder, which is
//! there, or removed if none is named. Times are of the clock, disk and all, and behind them of
//! the processor; bytes written are what the process handed to the system (`/proc/self/io`, so on Linux only).
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use chatfold::binary::{Header, Log, LogHead, Writer};
use chatfold::jsonl::{LoggedEvent, decode_line, encode_event};
use chatfold::shared::StreamId;
use chatfold::snapshot::{LogPrefix, SnapshotPolicy};
use chatfold::store::{Append, EventStore, NewEvent, SnapshotStore, StoredEvent, StoredSnapshot};
use chatfold::testing::Workload;
use chatfold::{Filter, Inbox, Policy, Replay};
use chatfold_sqlite::{Options, SqliteStore};
use cpu_time::ProcessTime;

/// How many events are appended between two snapshots.
const BETWEEN: usize = 1_000;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &Options::default()).unwrap()
}

fn mib(len_bytes: u64) -> f64 {
    len_bytes as f64 / f64::from(1 << 20)
}

/// How long something took.
#[derive(Clone, Copy)]
struct Took {
    clock: Duration,
    processor: Duration,
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1?} ({:.1?})", self.clock, self.processor)
    }
}

fn timed<T>(act: impl FnOnce() -> T) -> (Took, T) {
    let (began, processor) = (Instant::now(), ProcessTime::now());
    let done = act();
    (Took { clock: began.elapsed(), processor: processor.elapsed() }, done)
}

/// The least time of some runs.
fn least<T>(mut act: impl FnMut() -> T) -> (Took, T) {
    (0..4).fold(timed(&mut act), |(least, _), _| {
        let (time, done) = timed(&mut act);
        let (clock, processor) = (least.clock.min(time.clock), least.processor.min(time.processor));
        (Took { clock, processor }, done)
    })
}

/// How many bytes this process has written so far, to files of any kind.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_default()
}

/// One number of the file, over a connection of its own.
fn number(path: &Path, sql: &str) -> u64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
}

/// The inbox of a log, from the columns and the rows behind them.
fn load(store: &mut SqliteStore, workload: &Workload) -> Inbox {
    let owner = workload.owner();
    let (mut replay, mut after) = (Replay::new(owner.clone(), Policy::default()), 0);
    while let Some(page) = store.read_sealed(&StreamId::from(&owner), after).unwrap() {
        let log = Log::behind(&page.records, owner.clone(), LogHead { events: 0, check: 0 });
        log.fold(&mut replay).unwrap();
        after = page.last.events;
    }
    for stored in store.read(&StreamId::from(&owner), after, usize::MAX).unwrap().events {
        if let LoggedEvent::Known(event) = decode_line(&stored.bytes).unwrap() {
            replay.push(&event);
        }
    }
    replay.finish()
}

/// The first page of the list and its totals.
fn first_page(inbox: &Inbox) -> (usize, chatfold::list::Totals) {
    (inbox.page(&Filter::default(), None, 20).conversations.len(), inbox.totals())
}

/// The binary log of a workload, in a file.
fn binary(path: &Path, workload: &Workload) -> u64 {
    let file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    let mut writer = Writer::new(file, &Header::new(workload.owner())).unwrap();
    workload.iter().for_each(|event| writer.write_event(&event).unwrap());
    writer.flush().unwrap();
    drop(writer);
    fs::metadata(path).unwrap().len()
}

fn snapshots(path: &Path, workload: &Workload, last: &[StoredEvent], log_len_bytes: u64) {
    let owner = workload.owner();
    let mut store = open(path);
    let mut inbox = load(&mut store, workload);
    let save = |inbox: &Inbox, store: &mut SqliteStore| {
        let bytes = inbox.snapshot(store.head(&StreamId::from(&owner)).unwrap().prefix).unwrap();
        let snapshot = StoredSnapshot::new(store.head(&StreamId::from(&owner)).unwrap().prefix, bytes);
        let before = number(path, "SELECT coalesce(max(page), 0) FROM chatfold_snapshot_page");
        let (time, kept) = timed(|| store.save(&StreamId::from(&owner), &snapshot).unwrap());
        assert!(kept);
        let sql = |what: &str| {
            format!("SELECT coalesce({what}, 0) FROM chatfold_snapshot_page WHERE page > {before}")
        };
        let new = number(path, &sql("sum(length(bytes))"));
        let pages = number(path, &sql("count(*)"));
        let len_bytes = snapshot.bytes.len() as u64;
        println!(
            "snapshot of {:.1} MiB kept in {time}: {pages} pages of {:.2} MiB written, {:.2} % of it",
            mib(len_bytes),
            mib(new),
            100.0 * new as f64 / len_bytes as f64
        );
        len_bytes
    };
    let mut len_bytes = save(&inbox, &mut store);
    let rest = |path: &Path| number(path, "PRAGMA freelist_count") * 4_096;
    drop(store);
    let file = fs::metadata(path).unwrap().len();
    println!(
        "file with one snapshot: {:.1} MiB ({:.1} of them free), {:.2} x (binary log + snapshot)",
        mib(file),
        mib(rest(path)),
        file as f64 / (log_len_bytes + len_bytes) as f64
    );
    let mut store = open(path);
    for events in last.chunks(BETWEEN) {
        store.import(&StreamId::from(&owner), events).unwrap();
        for stored in events {
            if let LoggedEvent::Known(event) = decode_line(&stored.bytes).unwrap() {
                inbox.apply(&event);
            }
        }
        len_bytes = save(&inbox, &mut store);
    }
    drop((inbox, store));
    let file = fs::metadata(path).unwrap().len();
    println!(
        "file with two snapshots: {:.1} MiB ({:.1} of them free), {:.2} x (binary log + snapshot); list of {} pages: {:.1} KiB",
        mib(file),
        mib(rest(path)),
        file as f64 / (log_len_bytes + len_bytes) as f64,
        number(path, "SELECT count(*) FROM chatfold_snapshot_page"),
        number(path, "SELECT max(length(pages)) FROM chatfold_kept_snapshot") as f64 / 1024.0,
    );
}

fn loads(path: &Path, binary_path: &Path, workload: &Workload) {
    let owner = workload.owner();
    let (time, page) = least(|| {
        let found = open(path).latest(&StreamId::from(&owner), u64::MAX).unwrap().unwrap();
        first_page(&Inbox::restore(found.bytes, &owner, Policy::default()).unwrap().0)
    });
    println!("from opening the file to the first page and totals, all of the snapshot read: {time}");
    let (time, _) = least(|| {
        let mut store = open(path);
        let found = store.open_latest(&StreamId::from(&owner), u64::MAX).unwrap().unwrap();
        let end = found.source.len_bytes();
        found.source.read(end.saturating_sub(300_000)..end).unwrap().len()
    });
    println!("from opening the file to the last 300 kB of the snapshot by range: {time}");
    let (replayed, inbox) = least(|| load(&mut open(path), workload));
    assert_eq!(first_page(&inbox), page);
    let (folded, from_file) = least(|| {
        let bytes = fs::read(binary_path).unwrap();
        let mut replay = Replay::new(owner.clone(), Policy::default());
        Log::open(&bytes).unwrap().fold(&mut replay).unwrap();
        replay.finish()
    });
    assert_eq!(inbox.digest(), from_file.digest());
    let ratio = folded.processor.as_secs_f64() / replayed.processor.as_secs_f64();
    println!("load by replay {replayed}, the binary log folded {folded}: {ratio:.2} of its speed");
}

/// Appends in hundreds, with the snapshots that an account keeps unless told otherwise, or with none: what is written
/// for a byte of log.
fn appends(path: &Path, workload: &Workload, with_snapshots: bool) {
    let owner = workload.owner();
    let events: Vec<_> = workload.iter().collect();
    let mut store = open(path);
    let mut inbox = Inbox::new(owner.clone(), Policy::default());
    let (mut prefix, mut log_len_bytes, mut snapshots_len_bytes) = (LogPrefix::EMPTY, 0, 0);
    let (before, began) = (written(), Instant::now());
    let policy =
        SnapshotPolicy::default().with_every_events(Some(BETWEEN as u64)).with_one_in_events(Some(64));
    let (mut slowest, mut since, mut snapshots) = (Duration::ZERO, 0, 0);
    for some in events.chunks(100) {
        let lines: Vec<_> =
            some.iter().map(|event| NewEvent::new(event.id(), encode_event(event).into_bytes())).collect();
        let version = prefix.events;
        for (event, line) in some.iter().zip(&lines) {
            prefix.push(&line.bytes);
            log_len_bytes += line.bytes.len() as u64 + 1;
            inbox.apply(event);
        }
        since += some.len() as u64;
        let due = with_snapshots && policy.due_in(prefix.events, since, 0);
        if due {
            (since, snapshots) = (0, snapshots + 1);
        }
        let snapshot = due.then(|| StoredSnapshot::new(prefix, inbox.snapshot(prefix).unwrap()));
        snapshots_len_bytes += snapshot.as_ref().map_or(0, |snapshot| snapshot.bytes.len() as u64);
        let append = Append::new(version, &lines).with_snapshot(snapshot.as_ref());
        let (time, _) = timed(|| store.append(&StreamId::from(&owner), &append).unwrap());
        slowest = slowest.max(time.clock);
    }
    let took = began.elapsed();
    drop(store);
    let written = written() - before;
    let pages = number(
        path,
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'chatfold_snapshot_page'",
    );
    println!(
        "{} events appended in hundreds in {took:.1?}, slowest append {slowest:.1?}: {:.1} MiB of log, \
         {snapshots} snapshots of {:.1} MiB, {pages} pages of them new; {:.1} MiB written, {:.2} a byte of log",
        events.len(),
        mib(log_len_bytes),
        mib(snapshots_len_bytes),
        mib(written),
        written as f64 / log_len_bytes as f64
    );
}

fn main() {
    let argument = |n| std::env::args().nth(n).and_then(|count| count.parse().ok());
    let desk = Workload::desk();
    let conversations = argument(3).unwrap_or(desk.conversations);
    let workload = desk.with_events(argument(1).unwrap_or(1_000_000)).with_conversations(conversations);
    let appended = argument(2).unwrap_or(workload.events / 10);
    let temporary = tempfile::tempdir().unwrap();
    let named = std::env::args().nth(4).map(std::path::PathBuf::from);
    let folder = named.as_deref().unwrap_or(temporary.path());
    let (path, binary_path) = (folder.join("desk.db"), folder.join("desk.cflog"));
    let log_len_bytes = binary(&binary_path, &workload);
    let events = workload.stored();
    let (events, last) = events.split_at(events.len().saturating_sub(3 * BETWEEN));
    for (name, batch) in [("paged", 10_000), ("desk", usize::MAX)] {
        let mut store = open(&folder.join(format!("{name}.db")));
        let (time, ()) = timed(|| {
            for some in events.chunks(batch) {
                store.import(&StreamId::from(workload.owner()), some).unwrap();
            }
        });
        let (count, calls) = (events.len(), events.len().div_ceil(batch));
        let rate = count as f64 / time.clock.as_secs_f64();
        println!("{count} events imported by {calls} calls in {time}: {rate:.0} a second");
    }
    let file = fs::metadata(&path).unwrap().len();
    println!("binary log {:.1} MiB, file without a snapshot {:.1} MiB", mib(log_len_bytes), mib(file));
    snapshots(&path, &workload, last, log_len_bytes);
    loads(&path, &binary_path, &workload);
    appends(&folder.join("bare.db"), &workload.with_events(appended), false);
    appends(&folder.join("appends.db"), &workload.with_events(appended), true);
}
