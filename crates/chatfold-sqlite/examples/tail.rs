//! A file whose newest snapshot has events behind it, to measure a cold process with:
//!
//! `cargo run --release -p chatfold-sqlite --example tail -- FILE [EVENTS] [BEHIND] [TOGETHER]`: a million events of a busy
//! workplace unless said otherwise, the last 6,800 of them appended behind the snapshot, a hundred together.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Append, EventStore, NewEvent, SnapshotStore, StoredSnapshot};
use chatfold::testing::Workload;
use chatfold::{Policy, Replay};
use chatfold_sqlite::{Options, SqliteStore};

fn main() {
    let path = std::env::args().nth(1).map(PathBuf::from).expect("the file to be made");
    let argument = |n, usual| std::env::args().nth(n).map_or(usual, |count| count.parse().expect("a number"));
    let (events, behind, together) = (argument(2, 1_000_000), argument(3, 6_800), argument(4, 100));
    let workload = Workload::desk().with_events(events);
    let (owner, stream) = (workload.owner(), StreamId::from(workload.owner()));
    let mut store = SqliteStore::open(&path, &Options::default()).unwrap();
    let stored = workload.stored();
    let (before, tail) = stored.split_at(stored.len().saturating_sub(usize::try_from(behind).unwrap()));
    store.import(&stream, before).unwrap();
    let mut replay = Replay::new(owner.clone(), Policy::default());
    workload.iter().take(before.len()).for_each(|event| replay.push(&event));
    let prefix = before.last().map_or(LogPrefix::EMPTY, |event| event.prefix);
    let bytes = replay.finish().snapshot(prefix).unwrap();
    assert!(store.save(&stream, &StoredSnapshot::new(prefix, bytes)).unwrap());
    for some in tail.chunks(usize::try_from(together).unwrap()) {
        let version = some.first().map_or(0, |event| event.position() - 1);
        let lines: Vec<_> = some.iter().map(|event| NewEvent::new(event.id, event.bytes.clone())).collect();
        store.append(&stream, &Append::new(version, &lines)).unwrap();
    }
    println!("sqlite:{}#{}", path.display(), owner);
}
