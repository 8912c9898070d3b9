//! What an operator sees: counters that say what was done, and spans and events that say when.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use chatfold::command::Role;
use chatfold::shared::StreamId;
use chatfold::snapshot::{LogPrefix, SnapshotPolicy};
use chatfold::store::{EventStore as _, MemoryStore, SnapshotStore as _, StoredSnapshot};
use chatfold::{Command, Context, Message, MessageId, Timestamp, UserId};
use chatfold_account::{Account, Options};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tracing_subscriber::fmt::format::FmtSpan;

fn alice() -> UserId {
    UserId::parse("alice").unwrap()
}

fn options() -> Options {
    Options { snapshots: SnapshotPolicy::default().with_every_events(Some(7)), ..Options::default() }
}

fn open(store: &MemoryStore) -> Account<MemoryStore> {
    Account::open(store.clone(), alice(), options()).unwrap()
}

/// A device sends its n-th message.
fn send(account: &mut Account<MemoryStore>, device: u8, n: u8) {
    let id = MessageId::from_bytes([device, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let message = Box::new(Message::text(id, "What is said takes some bytes of the log."));
    let command = Command::Send { conversation: "c2c_bob".parse().unwrap(), message };
    let time = Timestamp::from_millis(1_772_355_600_000 + i64::from(n)).unwrap();
    let context =
        Context::new(alice(), Role::Member, time, [device, n, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    account.execute(command, context).unwrap();
}

/// Two writers, each of whom the other comes before once; and a snapshot that is none is passed over.
fn work() {
    let mut store = MemoryStore::new();
    let (mut phone, mut laptop) = (open(&store), open(&store));
    (0..10).for_each(|n| send(&mut phone, 1, n));
    send(&mut laptop, 2, 0);
    // Given again it is known to have been done.
    send(&mut laptop, 2, 0);
    send(&mut phone, 1, 10);
    let head = store.head(&StreamId::from(alice())).unwrap().prefix;
    let rot = StoredSnapshot::new(LogPrefix { skipped: 0, ..head }, b"no snapshot".to_vec());
    assert!(store.save(&StreamId::from(alice()), &rot).unwrap());
    let reopened = Account::open(store, alice(), options()).unwrap();
    assert!(reopened.machine().restored_from().is_some(), "an older snapshot served");
}

/// Counters by name, labels behind it.
fn counted(act: impl FnOnce()) -> BTreeMap<String, u64> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        chatfold_account::describe_metrics();
        act();
    });
    let mut counters = BTreeMap::new();
    for (key, _, described, value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        let labels: Vec<_> = key.labels().map(|label| label.value().to_owned()).collect();
        assert!(described.is_some(), "{} is described", key.name());
        let name = [&[key.name().to_owned()], labels.as_slice()].concat().join(" ");
        match value {
            DebugValue::Counter(count) => counters.insert(name, count),
            DebugValue::Histogram(times) => counters.insert(name, times.len() as u64),
            DebugValue::Gauge(_) => None,
        };
    }
    counters
}

fn counters_say_what_was_done() {
    let counters = counted(work);
    let count = |name: &str| counters.get(name).copied().unwrap_or_default();
    assert_eq!(count("chatfold_loads_total log"), 2, "{counters:#?}");
    assert_eq!(count("chatfold_loads_total snapshot"), 1);
    assert_eq!(count("chatfold_conflicts_total"), 2, "the laptop's first and the phone's last");
    assert_eq!(count("chatfold_repeated_appends_total"), 0, "a command known to be done asks for no append");
    assert!(count("chatfold_appended_events_total") >= count("chatfold_appends_total"));
    assert_eq!(
        count("chatfold_request_seconds append"),
        count("chatfold_appends_total")
            + count("chatfold_conflicts_total")
            + count("chatfold_repeated_appends_total"),
    );
    assert!(count("chatfold_appended_bytes_total") > 100 * count("chatfold_appended_events_total"));
    assert!(
        count("chatfold_read_events_total") >= count("chatfold_appended_events_total"),
        "the laptop read"
    );
    assert!(count("chatfold_snapshots_kept_total") >= 1 && count("chatfold_snapshot_bytes_total") > 100);
    assert_eq!(count("chatfold_reports_total snapshot_unfit"), 1);
    assert!(!counters.keys().any(|name| name.contains("alice")), "nothing is labelled by inbox");
}

/// What was written to it, by every clone.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn spans_and_events_say_when() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    let told = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let lines =
        |parts: &[&str]| told.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count();
    assert_eq!(lines(&["DEBUG", "operation=\"execute\"", "inbox=\"alice\"", "close"]), 13, "{told}");
    assert_eq!(lines(&["DEBUG", "another writer came first", "execute"]), 2);
    assert_eq!(lines(&["WARN", "noticed", "was not used", "load"]), 1);
    assert!(lines(&["TRACE", "request=\"read\"", "the store answered"]) > 2);
    assert!(lines(&["DEBUG", "appended", "first=1", "last=1"]) >= 1);
}

/// One behind the other: whether anybody listens is the whole process's to know.
#[test]
fn an_operator_sees_what_accounts_do() {
    spans_and_events_say_when();
    counters_say_what_was_done();
}
