//! How fast does a log replay? Decoded events through the fold, beside the floor: the loop that only looks up
//! the conversation and counts.
#![allow(missing_docs)]

use std::collections::HashMap;
use std::hint::black_box;

use chatfold::testing::Workload;
use chatfold::{Event, Inbox, Policy};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rustc_hash::FxBuildHasher;

/// No semantics at all: what the memory and a hash map allow.
fn floor(events: &[Event]) -> u64 {
    let mut counts: HashMap<&str, u64, FxBuildHasher> = HashMap::default();
    for event in events {
        if let Some(id) = event.conversation() {
            *counts.entry(id.as_str()).or_default() += 1;
        }
    }
    counts.values().sum()
}

fn replay(c: &mut Criterion) {
    // A smoke run checks that everything runs; real runs take the whole workload.
    let smoke = std::env::args().any(|arg| arg == "--test");
    for workload in [Workload::phone(), Workload::desk(), Workload::hall()] {
        let workload = if smoke { workload.with_events(2_000) } else { workload };
        let events: Vec<Event> = workload.iter().collect();
        bench(c, &workload, workload.name, &events);
        if workload.name == "desk" {
            bench(c, &workload, "storm", &workload.storm());
        }
    }
}

fn bench(c: &mut Criterion, workload: &Workload, name: &str, events: &[Event]) {
    let inbox = Inbox::replay(workload.owner(), Policy::default(), events);
    assert_eq!(inbox.audit(), Ok(()), "the work to be timed was done right");
    let mut group = c.benchmark_group(format!("replay/{name}"));
    group.sample_size(10).throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("floor", |b| b.iter(|| floor(black_box(events))));
    group.bench_function("decoded", |b| {
        b.iter_batched(
            || workload.owner(),
            |owner| Inbox::replay(owner, Policy::default(), black_box(events)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
