//! How does cost grow: ten and a hundred times the events, ten and a hundred times the conversations?
//!
//! Times are the thread's own processor time, the best of some runs, beside the floor: the loop that only looks up
//! the conversation in a hash map and counts. Every inbox timed is audited first. `-- --csv FILE` also writes the
//! table as CSV.
//!
//! `-- hostile` measures instead what hostile and odd logs cost, and fails where one costs more than its length;
//! `-- hostile NAME` those whose name contains that.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod callgrind;
mod floor;
mod hostile;

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;

use chatfold::binary::{Header, Log, Writer};
use chatfold::testing::Workload;
use chatfold::{Event, Inbox, Policy, Replay};
use cpu_time::ThreadTime;

use self::floor::{count as floor, has};

/// The least processor time of some runs, in nanoseconds an event.
fn each<T>(events: usize, runs: usize, mut run: impl FnMut() -> T) -> f64 {
    let mut once = || {
        let started = ThreadTime::now();
        let made = black_box(run());
        let spent = started.elapsed().as_nanos() as f64;
        drop(made);
        spent
    };
    (0..runs).map(|_| once()).fold(f64::INFINITY, f64::min) / events as f64
}

struct Row {
    replay: f64,
    binary: f64,
    live: f64,
    floor: f64,
}

fn measure(workload: &Workload, runs: usize) -> Row {
    let events: Vec<Event> = workload.iter().collect();
    let (owner, policy, count) = (workload.owner(), Policy::default(), events.len());
    let mut writer = Writer::new(Vec::new(), &Header::new(owner.clone())).unwrap();
    events.iter().for_each(|event| writer.write_event(event).unwrap());
    writer.flush().unwrap();
    let bytes = writer.into_inner();
    let from_log = || {
        let log = Log::open(&bytes).unwrap();
        let mut replay = Replay::new(log.owner().clone(), policy);
        log.fold(&mut replay).unwrap();
        replay.finish()
    };
    let inbox = Inbox::replay(owner.clone(), policy, &events);
    assert_eq!(inbox.audit(), Ok(()), "the work to be timed is done right");
    assert_eq!(from_log().digest(), inbox.digest());
    // The last events, one by one, onto the inbox of those before.
    let last = (count / 2).min(20_000);
    let (before, after) = events.split_at(count - last);
    let mut live = Inbox::replay(owner.clone(), policy, before);
    let live_ns = each(last, 1, || after.iter().for_each(|event| drop(black_box(live.apply(event)))));
    assert_eq!(live.digest(), inbox.digest());
    drop((live, inbox));
    Row {
        replay: each(count, runs, || Inbox::replay(owner.clone(), policy, &events)),
        binary: each(count, runs, from_log),
        live: live_ns,
        floor: each(count, runs, || floor(black_box(&events))),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let smoke = has("--test");
    let csv = args.iter().position(|arg| arg == "--csv").and_then(|at| args.get(at + 1));
    if let Some(at) = args.iter().position(|arg| arg == hostile::CHILD) {
        return hostile::child(&args[at + 1..]);
    }
    if let Some(at) = args.iter().position(|arg| arg == "hostile") {
        let only = args.get(at + 1).filter(|name| !name.starts_with('-'));
        return hostile::run(if smoke { 50 } else { 4_000 }, only.map_or("", String::as_str), csv);
    }
    let mut table = "conversations,events,replay,x floor,binary log,x floor,live,floor\n".to_owned();
    println!(
        "{:>13} {:>9} {:>10} {:>8} {:>10} {:>8} {:>8} {:>8}   ns an event",
        "conversations", "events", "replay", "x floor", "binary", "x floor", "live", "floor"
    );
    // Events grow at a thousand conversations, then conversations grow at a million events.
    let sizes = [
        (1_000, 20_000),
        (1_000, 200_000),
        (1_000, 2_000_000),
        (100, 1_000_000),
        (1_000, 1_000_000),
        (10_000, 1_000_000),
        (100_000, 1_000_000),
    ];
    for (conversations, events) in sizes {
        let (conversations, events) =
            if smoke { (conversations / 50, events / 1_000) } else { (conversations, events) };
        let workload = Workload::desk().with_conversations(conversations).with_events(events);
        let row = measure(&workload, if smoke { 1 } else { 3 });
        let Row { replay, binary, live, floor } = row;
        println!(
            "{conversations:>13} {events:>9} {replay:>10.1} {:>8.2} {binary:>10.1} {:>8.2} {live:>8.0} {floor:>8.1}",
            replay / floor,
            binary / floor
        );
        let (times, binary_times) = (replay / floor, binary / floor);
        writeln!(
            table,
            "{conversations},{events},{replay:.1},{times:.2},{binary:.1},{binary_times:.2},{live:.0},{floor:.1}"
        )
        .unwrap();
    }
    if let Some(csv) = csv {
        std::fs::write(csv, table).unwrap();
    }
    ExitCode::SUCCESS
}
