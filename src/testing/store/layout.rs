//! How a store may lay out what it keeps: events given as columns, snapshots given by range. Both say what is said of the
//! same otherwise, or nothing.

#[cfg(feature = "binary")]
use super::support::whole;
use super::support::{append, events, prefix, valid};
#[cfg(feature = "binary")]
use crate::log::binary::{Log, header::LogHead};
#[cfg(feature = "binary")]
use crate::log::jsonl::{LoggedEvent, encode_event};
use crate::model::stream::StreamId;
#[cfg(feature = "binary")]
use crate::store::snapshot::LogPrefix;
#[cfg(feature = "binary")]
use crate::store::{Append, NewEvent, StoredEvent};
use crate::store::{SnapshotStore, StoredSnapshot};
use crate::testing::workload::Random;
#[cfg(feature = "binary")]
use crate::testing::workload::Workload;

/// Lines of a workload, as they are appended.
#[cfg(feature = "binary")]
fn lines(many: u64) -> Vec<NewEvent> {
    let workload = Workload::phone().with_events(many);
    workload.iter().map(|event| NewEvent::new(event.id(), encode_event(&event).into_bytes())).collect()
}

/// What a store gives as columns are the events that it gives as lines, between the same prefixes, from wherever it is asked:
/// all of a log but its end, or none of it.
#[cfg(feature = "binary")]
pub(super) fn columns<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    assert_eq!(valid(store.read_sealed(stream, 0)), None, "a log that nobody wrote has no columns");
    let (mut version, lines) = (0, lines(40));
    for batch in lines.chunks(7) {
        version = valid(store.append(stream, &Append::new(version, batch))).last;
    }
    drop(store);
    let mut store = open();
    let log = whole(&mut store, stream);
    let head = valid(store.head(stream));
    for after in (0..=head.prefix.events).chain([u64::MAX]) {
        let Some(page) = valid(store.read_sealed(stream, after)) else { continue };
        let before = log.iter().map(|event| event.prefix).rfind(|at| at.events <= after);
        assert_eq!(page.head, head, "columns say where the log stood");
        assert_eq!(page.before.events, after, "they begin right behind what was asked for");
        assert_eq!(before.unwrap_or(LogPrefix::EMPTY), page.before);
        assert!(page.events() > 0, "there are events in them");
        let events: Vec<&StoredEvent> = log
            .iter()
            .filter(|event| event.position() > after && event.position() <= page.last.events)
            .collect();
        assert_eq!(
            events.last().map(|event| event.prefix),
            Some(page.last),
            "and end at a prefix of the log"
        );
        let records = Log::behind(&page.records, stream.columns_owner(), LogHead { events: 0, check: 0 });
        let decoded: Vec<LoggedEvent> = records.events().map(valid).collect();
        let told: Vec<Vec<u8>> = decoded.iter().map(line).collect();
        let expected: Vec<&[u8]> = events.iter().map(|event| event.bytes.as_slice()).collect();
        assert_eq!(told, expected, "columns are the events that the lines say");
    }
}

/// An event of columns as its line.
#[cfg(feature = "binary")]
fn line(logged: &LoggedEvent) -> Vec<u8> {
    match logged {
        LoggedEvent::Known(event) => encode_event(event).into_bytes(),
        other => panic!("expected an event of this version, found {other:?}"),
    }
}

/// Bytes that do not repeat.
fn bytes(len: u64) -> Vec<u8> {
    let mut random = Random::new(len);
    (0..len).map(|_| random.next() as u8).collect()
}

/// A snapshot by range is the same as the whole one, byte for byte: what was asked for exactly, or an error. A read that fails
/// changes nothing, so what fails is tried until it does not.
pub(super) fn ranges<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    assert!(valid(store.open_latest(stream, u64::MAX)).is_none(), "there is none to be read by range");
    let lens = [0, 1, 4_096, 70_001, 150_000];
    for (n, len) in (1..).zip(lens) {
        valid(append(&mut store, stream, n - 1, 0, &[n as u8]));
        let numbers: Vec<u8> = (1..=n as u8).collect();
        let kept = StoredSnapshot::new(prefix(&events(&numbers)), bytes(len));
        assert!(valid(store.save(stream, &kept)), "a snapshot of this log is kept");
        drop(store);
        store = open();
        let found = valid(store.open_latest(stream, u64::MAX));
        let Some(found) = found else { panic!("the newest snapshot is found by range") };
        assert_eq!((found.prefix, found.source.len_bytes()), (kept.prefix, len), "it is the newest");
        let read = |from: u64, to: u64| {
            let again = || found.source.read(from..to).ok().map(std::borrow::Cow::into_owned);
            // Whatever keeps it may not answer at once.
            (0..ATTEMPTS).find_map(|_| again())
        };
        let mut random = Random::new(len);
        for _ in 0..40 {
            let (a, b) = (random.below(len + 1), random.below(len + 1));
            let (from, to) = (a.min(b), a.max(b));
            let expected = kept.bytes.get(from as usize..to as usize).map(<[u8]>::to_vec);
            assert_eq!(read(from, to), expected, "the bytes {from} to {to} of {len}");
        }
        assert_eq!(read(0, len), Some(kept.bytes), "all of it is a range");
        assert_eq!(read(len, len), Some(Vec::new()), "and nothing at its end");
        assert_eq!(read(0, len + 1), None, "what goes beyond it is refused");
    }
    let older = valid(store.open_latest(stream, lens.len() as u64 - 1)).map(|found| found.source.len_bytes());
    assert_eq!(older, Some(70_001), "an older one is found by what it stands for");
}

/// How often a read is tried that fails.
const ATTEMPTS: u32 = 8;
