//! How large is a snapshot, and how fast is a cold start from one?
//!
//! Times are the thread's own processor time, of a cold start the least of several. What is restored is checked against what was kept before
//! anything is printed.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::sync::Arc;

use chatfold::testing::Workload;
use chatfold::{ConversationView, Filter, Inbox, LogPrefix, Policy, Replay};
use cpu_time::ThreadTime;

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

fn measure(name: &str, workload: &Workload) {
    let owner = workload.owner();
    let mut replay = Replay::new(owner.clone(), Policy::default());
    let mut log_len_bytes = 0;
    let mut folding = std::time::Duration::ZERO;
    for event in workload.iter() {
        log_len_bytes += chatfold::jsonl::encode_event(&event).len() + 1;
        let started = ThreadTime::now();
        replay.push(&event);
        folding += started.elapsed();
    }
    let started = ThreadTime::now();
    let inbox = replay.finish();
    folding += started.elapsed();

    let started = ThreadTime::now();
    let bytes = Shared(Arc::new(inbox.snapshot(LogPrefix::EMPTY).unwrap()));
    let writing = started.elapsed();

    let expected = first_texts(&inbox);
    let mut opening = std::time::Duration::MAX;
    for _ in 0..STARTS {
        let started = ThreadTime::now();
        let (cold, _) = Inbox::restore(bytes.clone(), &owner, Policy::default()).unwrap();
        let (texts, totals) = (first_texts(&cold), cold.totals());
        opening = opening.min(started.elapsed());
        assert!(texts == expected && totals == inbox.totals() && cold.faults().count() == 0);
    }
    println!(
        "{name:>10}: {:>9} events, {:>6} conversations, text log {:>8.1} MiB, snapshot {:>7.1} MiB written in {:>7.1} ms; cold start to \
         first page and totals {:>7.2} ms, replay {:>8.1} ms",
        workload.events,
        inbox.known_conversations().count(),
        log_len_bytes as f64 / f64::from(1 << 20),
        bytes.0.len() as f64 / f64::from(1 << 20),
        writing.as_secs_f64() * 1e3,
        opening.as_secs_f64() * 1e3,
        folding.as_secs_f64() * 1e3,
    );
}

fn main() {
    // A smoke run checks that everything runs; `--whale` takes ten million events twice and some gigabytes.
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
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
        measure(name, &if smoke { workload.with_events(2_000) } else { workload });
    }
}
