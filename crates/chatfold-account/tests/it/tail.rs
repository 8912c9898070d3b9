//! An account goes on from a snapshot wherever that ends: between segments, in the middle of one, of a batch, among rows.

use chatfold::jsonl::encode_event;
use chatfold::shared::StreamId;
use chatfold::snapshot::{LogPrefix, SnapshotPolicy};
use chatfold::store::{Append, EventStore, NewEvent, SnapshotStore, StoredSnapshot};
use chatfold::testing::Workload;
use chatfold::{Event, Inbox, Policy};
use chatfold_account::{Account, Options};
use chatfold_sqlite::SqliteStore;

/// Every so manieth event is one of a newer version, which is kept and skipped.
const NEWER: usize = 29;

fn line(n: usize, event: &Event) -> NewEvent {
    let line = encode_event(event);
    let line = if n.is_multiple_of(NEWER) { line.replacen("\"v\":1", "\"v\":9", 1) } else { line };
    NewEvent::new(event.id(), line.into_bytes())
}

#[test]
fn whatever_lies_behind_a_snapshot_is_taken_in() {
    let workload = Workload::phone().with_events(330).with_conversations(9);
    let (owner, stream) = (workload.owner(), StreamId::from(workload.owner()));
    let events: Vec<Event> = workload.iter().collect();
    let lines: Vec<_> = events.iter().enumerate().map(|(n, event)| line(n, event)).collect();
    let known = |events: &[Event]| {
        let known = events
            .iter()
            .enumerate()
            .filter(|(n, _)| !n.is_multiple_of(NEWER))
            .map(|(_, event)| event.clone());
        Inbox::replay(owner.clone(), Policy::default(), &known.collect::<Vec<_>>())
    };
    let whole = known(&events);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let open = || {
        let options = chatfold_sqlite::Options { seal_events: 64, ..Default::default() };
        SqliteStore::open(&path, &options).unwrap()
    };
    let mut store = open();
    // What comes together lies in columns at once, what comes alone as rows until a segment is full.
    let mut version = 0;
    for together in [100, 100, 30, 40].into_iter().chain([1; 60]) {
        let some = &lines[version..version + together];
        store.append(&stream, &Append::new(version as u64, some)).unwrap();
        version += together;
    }
    assert_eq!(version, events.len());
    let stored = store.read(&stream, 0, usize::MAX).unwrap();
    let mut in_columns = 0;
    let mut cuts: Vec<usize> = (1..=events.len()).step_by(9).chain([64, 128, 192, 230, 270, 330]).collect();
    cuts.sort_unstable();
    for cut in cuts {
        let prefix = stored.events[cut - 1].prefix;
        let skipped = (0..cut).filter(|n: &usize| n.is_multiple_of(NEWER)).count() as u64;
        let bytes = known(&events[..cut]).snapshot(LogPrefix { skipped, ..prefix }).unwrap();
        in_columns += usize::from(store.read_sealed(&stream, prefix.events).unwrap().is_some());
        assert!(store.save(&stream, &StoredSnapshot::new(prefix, bytes)).unwrap());
        for page_len in [7, 1_000] {
            let options = Options { snapshots: SnapshotPolicy::default(), page_len, ..Options::default() };
            let mut account = Account::open(open(), owner.clone(), options).unwrap();
            assert_eq!(account.machine().restored_from(), Some(cut as u64));
            assert_eq!(account.take_reports(), [], "from {cut}");
            assert_eq!((account.prefix(), account.inbox().audit()), (stored.head.prefix, Ok(())));
            assert_eq!(account.machine().skipped_events(), 12, "from {cut}");
            assert_eq!(account.inbox().digest(), whole.digest(), "from {cut} by {page_len}");
        }
    }
    assert!(in_columns > 1, "some snapshots end where a segment begins");
}
