//! What does a frozen copy of the whole inbox cost, and a thousand of them kept along a log (P6)?
//!
//! The floor of a copy is one more count of a reference; that of a thousand kept is applying without any.
//! `-- --csv FILE` keeps the figures.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

mod floor;
mod percentiles;

use std::hint::black_box;
use std::sync::Arc;

use chatfold::testing::Workload;
use chatfold::time_travel::{History, HistoryPolicy};
use chatfold::{Event, Inbox, Policy};
use cpu_time::ThreadTime;

use self::floor::{Report, each};
use self::percentiles::{Percentiles, allocations, is_smoke};

fn main() {
    let smoke = is_smoke();
    let workload = if smoke { Workload::desk().with_events(2_000) } else { Workload::desk() };
    let events: Vec<Event> = workload.iter().collect();
    let every = (events.len() / 1_000).max(1);
    let owner = workload.owner();
    let inbox = Inbox::replay(owner.clone(), Policy::default(), &events);
    let expected = inbox.digest();

    let [mut taken, mut both, mut counted] = [(); 3].map(|()| Percentiles::new());
    let reference = Arc::new(0_u64);
    let mut copies = Vec::with_capacity(100);
    for _ in 0..if smoke { 10 } else { 1_000 } {
        taken.time_each(100, || copies.push(inbox.clone()));
        copies.clear();
        both.time_each(100, || inbox.clone());
        counted.time_each(100, || Arc::clone(black_box(&reference)));
    }
    let made = allocations(1, || drop(black_box(inbox.clone())));
    println!("{}", taken.line("a frozen copy", &made));
    println!("{}", both.line("a frozen copy, taken and let go", ""));
    let mut report = Report::new();
    let floor = Some(("a reference counted and let go", counted.median() as f64));
    report.row("desk", "a frozen copy (median)", taken.median() as f64, "ns", floor);
    report.row("desk", "a frozen copy taken and let go (median)", both.median() as f64, "ns", floor);

    // Half of the log is folded in bulk: both ways begin with a large inbox.
    let (front, back) = events.split_at(events.len() / 2);
    let half = Inbox::replay(owner.clone(), Policy::default(), front);
    let mut alone = half.clone();
    let started = ThreadTime::now();
    back.iter().for_each(|event| drop(alone.apply(event)));
    let without = started.elapsed();
    assert_eq!(alone.digest(), expected, "the work timed was done right");
    drop(alone);

    let mut kept = Vec::new();
    let mut live = half.clone();
    let started = ThreadTime::now();
    for chunk in back.chunks((every / 2).max(1)) {
        chunk.iter().for_each(|event| drop(live.apply(event)));
        kept.push(live.clone());
    }
    let with = started.elapsed();
    assert_eq!(live.digest(), expected);
    println!(
        "live apply of {} events: {:.0} ms alone, {:.0} ms with {} frozen copies kept: {:.2} times",
        back.len(),
        without.as_secs_f64() * 1e3,
        with.as_secs_f64() * 1e3,
        kept.len(),
        with.as_secs_f64() / without.as_secs_f64(),
    );
    let floor = Some(("none kept", each(without, back.len())));
    report.each("desk", &format!("live with {} copies kept", kept.len()), with, back.len(), floor);
    drop(kept);

    let copies = HistoryPolicy::new(every as u64, 1_000);
    let history = History::replay(owner, Policy::default(), copies, &events);
    let mut at = Percentiles::new();
    for n in 0..if smoke { 5 } else { 200 } {
        let position = (events.len() * n / 200) as u64;
        let tail = |range: std::ops::Range<u64>| &events[range.start as usize..range.end as usize];
        black_box(at.time(|| history.at(position, tail)).unwrap());
    }
    println!(
        "{}",
        at.line(
            &format!("any of {} positions, from {} copies", events.len(), history.positions().count()),
            ""
        )
    );
    report.finish();
}
