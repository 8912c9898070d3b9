//! Every question at once on a small workload, by criterion: each beside its floor, with a report in
//! `target/criterion/report/index.html`. The other benches answer the same on large workloads, by processor time.
#![allow(missing_docs, clippy::unwrap_used)]

mod floor;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use chatfold::binary::{Header, Log, Writer};
use chatfold::jsonl::{Reader, encode_event};
use chatfold::snapshot::LogPrefix;
use chatfold::testing::Workload;
use chatfold::{Event, Filter, Inbox, Policy, Replay};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use self::floor::Ordered;

/// Bytes with several owners: a restored inbox keeps them.
#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

struct Small {
    workload: Workload,
    events: Vec<Event>,
    inbox: Inbox,
}

fn small() -> Small {
    let workload = Workload::phone().with_events(20_000);
    let events: Vec<Event> = workload.iter().collect();
    let inbox = Inbox::replay(workload.owner(), Policy::default(), &events);
    assert_eq!(inbox.audit(), Ok(()), "the work to be timed is done right");
    Small { workload, events, inbox }
}

fn replay(c: &mut Criterion) {
    let Small { workload, events, inbox } = small();
    let owner = workload.owner();
    let mut writer = Writer::new(Vec::new(), &Header::new(owner.clone())).unwrap();
    events.iter().for_each(|event| writer.write_event(event).unwrap());
    writer.flush().unwrap();
    let binary = writer.into_inner();
    let mut text = format!("{{\"log\":\"chatfold\",\"v\":1,\"owner\":\"{owner}\"}}\n");
    events.iter().for_each(|event| text.extend([encode_event(event).as_str(), "\n"]));
    let (rows, _) = floor::rows(&events);
    let decoded = || Inbox::replay(owner.clone(), Policy::default(), black_box(&events));
    let from_binary = || {
        let log = Log::open(black_box(&binary)).unwrap();
        let mut replay = Replay::new(log.owner().clone(), Policy::default());
        log.fold(&mut replay).unwrap();
        replay.finish()
    };
    let from_text = || {
        let reader = Reader::new(black_box(text.as_bytes())).unwrap();
        let mut replay = Replay::new(reader.owner().clone(), Policy::default());
        reader.for_each(|record| replay.push(record.unwrap().event.known().unwrap()));
        replay.finish()
    };
    assert_eq!([from_binary().digest(), from_text().digest()], [inbox.digest(); 2]);
    let mut group = c.benchmark_group("replay");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("floor: counting", |b| b.iter(|| floor::count(black_box(&events))));
    group.bench_function("decoded", |b| b.iter_with_large_drop(decoded));
    group.bench_function("floor: decoding rows", |b| b.iter(|| floor::decode_rows(black_box(&rows))));
    group.bench_function("binary", |b| b.iter_with_large_drop(from_binary));
    group.bench_function("floor: reading the text", |b| b.iter(|| floor::sum(black_box(text.as_bytes()))));
    group.bench_function("text", |b| b.iter_with_large_drop(from_text));
    group.finish();
}

fn live(c: &mut Criterion) {
    let Small { workload, events, inbox } = small();
    let (before, after) = events.split_at(events.len() / 2);
    let start = || Inbox::replay(workload.owner(), Policy::default(), before);
    let apply = |mut inbox: Inbox| {
        after.iter().for_each(|event| drop(black_box(inbox.apply(event))));
        inbox
    };
    assert_eq!(apply(start()).digest(), inbox.digest());
    let mut group = c.benchmark_group("live");
    group.throughput(Throughput::Elements(after.len() as u64));
    group.bench_function("floor: counters and an ordered map", |b| {
        b.iter(|| {
            let mut ordered = Ordered::default();
            after.iter().for_each(|event| ordered.apply(event));
            ordered
        });
    });
    group.bench_function("apply", |b| b.iter_batched(start, apply, BatchSize::PerIteration));
    group.finish();
}

fn reading(c: &mut Criterion) {
    let Small { workload, inbox, .. } = small();
    let all = Filter::default();
    let shown: Vec<(String, u64)> =
        inbox.conversations().map(|row| (row.show_name().to_owned(), row.unread_count())).collect();
    assert_eq!(shown.iter().map(|row| row.1).sum::<u64>(), inbox.totals().unread_all);
    let mut group = c.benchmark_group("page");
    group.bench_function("floor: 20 rows of a slice", |b| {
        b.iter(|| {
            black_box(&shown).iter().take(20).map(|(name, unread)| name.len() as u64 + unread).sum::<u64>()
        });
    });
    group.bench_function("first 20 rows", |b| {
        b.iter(|| inbox.page(black_box(&all), None, 20).conversations.len())
    });
    group.finish();

    let counted = Arc::new(0_u64);
    let mut group = c.benchmark_group("frozen");
    group.bench_function("floor: a reference counted", |b| b.iter(|| Arc::clone(black_box(&counted))));
    group.bench_function("copy", |b| b.iter(|| black_box(&inbox).clone()));
    group.finish();

    let bytes = Shared(Arc::new(inbox.snapshot(LogPrefix::EMPTY).unwrap()));
    let restore = || Inbox::restore(bytes.clone(), &workload.owner(), Policy::default()).unwrap().0;
    assert_eq!(restore().digest(), inbox.digest());
    let mut group = c.benchmark_group("cold start");
    group.bench_function("floor: hashing the snapshot", |b| {
        b.iter(|| xxhash_rust::xxh3::xxh3_64(black_box(&bytes.0)));
    });
    group.bench_function("to the first page", |b| {
        b.iter(|| {
            let cold = restore();
            cold.page(&all, None, 20).conversations.len() as u64 + cold.totals().unread
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = replay, live, reading
}
criterion_main!(benches);
