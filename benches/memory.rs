//! How large is an inbox in memory, and how much processor time does an event cost?
//!
//! Bytes are counted by the allocator, time is the thread's own processor time, so that other work on the
//! machine disturbs neither.
#![allow(missing_docs, clippy::print_stdout)]

use chatfold::testing::Workload;
use chatfold::{Body, Event, Fact, Inbox, Policy};
use cpu_time::ThreadTime;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The messages among `events`, and the bytes of what they carry.
fn content(events: &[Event]) -> (usize, usize) {
    let texts = events.iter().filter_map(|event| match event.body() {
        Body::Conversation(_, Fact::MessageReceived(message)) => Some(message.text.as_deref()),
        _ => None,
    });
    texts.fold((0, 0), |(count, bytes), text| (count + 1, bytes + text.map_or(0, str::len)))
}

fn measure(name: &str, workload: &Workload, events: &[Event]) {
    let (messages, bytes) = content(events);
    let before = MEMORY.current_usage();
    let started = ThreadTime::now();
    let inbox = Inbox::replay(workload.owner(), Policy::default(), events);
    let spent = started.elapsed();
    let held = MEMORY.current_usage() - before;
    let each = held.saturating_sub(bytes) as f64 / messages.max(1) as f64;
    println!(
        "{name:>6}: {:>8} events in {:>7.1} ms, {:>6.1} ns each; {messages} messages held in {:.1} MiB, {each:.1} \
         bytes each beyond their content",
        events.len(),
        spent.as_secs_f64() * 1e3,
        spent.as_nanos() as f64 / events.len().max(1) as f64,
        held as f64 / f64::from(1 << 20),
    );
    assert!(messages < 50_000 || each <= 150.0, "{each} bytes a message");
    drop(inbox);
}

fn main() {
    // A smoke run checks that everything runs; real runs take the whole workload.
    let smoke = std::env::args().any(|arg| arg == "--test");
    for workload in [Workload::phone(), Workload::desk(), Workload::hall()] {
        let workload = if smoke { workload.with_events(2_000) } else { workload };
        let events: Vec<Event> = workload.iter().collect();
        measure(workload.name, &workload, &events);
        drop(events);
        if workload.name == "desk" {
            measure("storm", &workload, &workload.storm());
        }
    }
}
