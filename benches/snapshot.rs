//! How large is a snapshot, and how fast is a cold start from one?
//!
//! Times are the thread's own processor time, of a cold start the least of several. The floor of a cold start is
//! hashing the bytes that have to be verified: all of the snapshot but the histories. What is restored is checked
//! against what was kept before anything is printed. `-- --whale` adds ten million events, `-- --csv FILE` keeps the
//! figures.
//!
//! The inbox that was replayed is let go before a cold start is timed: a process that starts has replayed nothing, and
//! one that has gives its allocator a heap full of holes, which costs more the more was replayed.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

mod floor;

use std::hint::black_box;
use std::sync::Arc;

use chatfold::snapshot::LogPrefix;
use chatfold::testing::Workload;
use chatfold::{ConversationView, Filter, Inbox, Policy, Replay};
use cpu_time::ThreadTime;

use self::floor::{Report, has, least};

/// Bytes with several owners: a restored inbox keeps them, so that a second can be restored.
#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Each cold start is tried so often, and the least time told: what it costs, not what disturbed it.
const STARTS: usize = 5;

/// The last messages of the first page.
fn first_texts(inbox: &Inbox) -> Vec<Option<String>> {
    let page = inbox.page(&Filter::default(), None, 20);
    let text = |row: &ConversationView<'_>| row.last_message().and_then(|m| m.text()).map(str::to_owned);
    page.conversations.iter().map(text).collect()
}

fn measure(report: &mut Report, name: &str, workload: &Workload) {
    let owner = workload.owner();
    let mut replay = Replay::new(owner.clone(), Policy::default());
    let mut log_len_bytes = 0;
    let mut folding = std::time::Duration::ZERO;
    // Many at a time: reading the clock costs more than an event.
    let (mut events, mut some) = (workload.iter(), Vec::new());
    loop {
        some.clear();
        some.extend(events.by_ref().take(100_000));
        if some.is_empty() {
            break;
        }
        let len_bytes = |event| chatfold::jsonl::encode_event(event).len() + 1;
        log_len_bytes += some.iter().map(len_bytes).sum::<usize>();
        let started = ThreadTime::now();
        some.iter().for_each(|event| replay.push(event));
        folding += started.elapsed();
    }
    drop((events, some));
    let started = ThreadTime::now();
    let inbox = replay.finish();
    folding += started.elapsed();

    let started = ThreadTime::now();
    let bytes = Shared(Arc::new(inbox.snapshot(LogPrefix::EMPTY).unwrap()));
    let writing = started.elapsed();

    let (expected, totals) = (first_texts(&inbox), inbox.totals());
    let conversations = inbox.known_conversations().count();
    drop(inbox);
    let mut opening = std::time::Duration::MAX;
    for _ in 0..STARTS {
        let started = ThreadTime::now();
        let (cold, _) = Inbox::restore(bytes.clone(), &owner, Policy::default()).unwrap();
        let first = (first_texts(&cold), cold.totals());
        opening = opening.min(started.elapsed());
        assert!(first == (expected.clone(), totals) && cold.faults().count() == 0);
    }
    // Where the front begins stands 32 bytes before the end.
    let (front_at, _) = bytes.0[bytes.0.len() - 32..].split_first_chunk().unwrap();
    let front = &bytes.0[u64::from_le_bytes(*front_at) as usize..];
    let (hashing, _) = least(STARTS, || xxhash_rust::xxh3::xxh3_64(black_box(front)));
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let mib = |len_bytes: usize| len_bytes as f64 / f64::from(1 << 20);
    let mut row = |what: &str, value: f64, unit: &str, floor: Option<(&str, f64)>| {
        report.row(name, what, value, unit, floor);
    };
    row("conversations", conversations as f64, "", None);
    let hashing = Some(("hashing what has to be verified", ms(hashing)));
    row("cold start to first page and totals", ms(opening), "ms", hashing);
    row("replay of the same", ms(folding), "ms", Some(("the cold start", ms(opening))));
    row("snapshot", mib(bytes.0.len()), "MiB", Some(("the text log", mib(log_len_bytes))));
    row("snapshot written", ms(writing), "ms", None);
}

fn main() {
    // A smoke run checks that everything runs; `--whale` takes ten million events twice and some gigabytes.
    let mut report = Report::new();
    let (smoke, whale) = (has("--test"), has("--whale"));
    let tenth = Workload::whale().with_events(1_000_000);
    let mut workloads = vec![("phone", Workload::phone()), ("desk", Workload::desk()), ("whale/10", tenth)];
    if whale {
        workloads.push(("whale", Workload::whale()));
        // Ten times the messages in as many conversations must not cost more than 1.2 times as much.
        let fifth = Workload::whale().with_conversations(20_000);
        workloads.extend([("a fifth/10", fifth.with_events(1_000_000)), ("a fifth", fifth)]);
    }
    for (name, workload) in workloads {
        measure(&mut report, name, &if smoke { workload.with_events(2_000) } else { workload });
    }
    report.finish();
}
