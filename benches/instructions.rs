//! How many instructions does an event cost? Counted under valgrind, so that no other work on the machine is seen.
//!
//! `cargo bench --bench instructions` counts the main work on the main workloads, compares each with the figure kept
//! in `benches/instructions.txt` and fails where one is more than 5 % above it. `-- --renew` writes the figures
//! anew; `-- NAME` counts the rows whose name begins so.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

mod callgrind;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chatfold::binary::{Header, Log, Writer};
use chatfold::jsonl::{self, Reader, encode_event};
use chatfold::snapshot::LogPrefix;
use chatfold::testing::Workload;
use chatfold::{Event, Filter, Inbox, Policy, Replay, UserId};

use self::callgrind::measured;

/// How far above its figure a count may be, in percent.
const TOLERANCE: u64 = 5;

/// What is done to a workload's events.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Replayed as decoded events.
    Decoded,
    /// Replayed from the bytes of a binary log.
    Binary,
    /// Replayed from the bytes of a text log.
    Text,
    /// Applied one by one.
    Live,
    /// Written as a binary log.
    WriteBinary,
    /// Written as a text log.
    WriteText,
    /// Restored from a snapshot up to the first page and the totals: counted by conversation.
    Cold,
}

const ROWS: [(&str, &str, usize, Work); 12] = [
    ("phone/decoded", "phone", 50_000, Work::Decoded),
    ("desk/decoded", "desk", 100_000, Work::Decoded),
    ("hall/decoded", "hall", 100_000, Work::Decoded),
    ("storm/decoded", "storm", 100_000, Work::Decoded),
    ("whale/decoded", "whale", 100_000, Work::Decoded),
    ("desk/binary", "desk", 100_000, Work::Binary),
    ("hall/binary", "hall", 100_000, Work::Binary),
    ("desk/text", "desk", 30_000, Work::Text),
    ("desk/live", "desk", 30_000, Work::Live),
    ("desk/write-binary", "desk", 100_000, Work::WriteBinary),
    ("desk/write-text", "desk", 30_000, Work::WriteText),
    ("whale/cold", "whale", 50_000, Work::Cold),
];

fn workload(name: &str, events: usize) -> (Workload, Vec<Event>) {
    let workload = match name {
        "phone" => Workload::phone(),
        "hall" => Workload::hall(),
        "whale" => Workload::whale(),
        _ => Workload::desk(),
    };
    let workload = workload.with_events(events as u64);
    let events = if name == "storm" { workload.storm() } else { workload.iter().collect() };
    (workload, events)
}

/// The events as a binary log.
fn binary(owner: UserId, events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Header::new(owner)).unwrap();
    events.iter().for_each(|event| writer.write_event(event).unwrap());
    writer.flush().unwrap();
    writer.into_inner()
}

/// A binary log, replayed.
fn folded(bytes: &[u8], policy: Policy) -> Inbox {
    let log = Log::open(bytes).unwrap();
    let mut replay = Replay::new(log.owner().clone(), policy);
    log.fold(&mut replay).unwrap();
    replay.finish()
}

/// A text log, replayed.
fn read(text: &[u8], owner: UserId, policy: Policy) -> Inbox {
    let mut replay = Replay::new(owner, policy);
    let reader = Reader::new(text).unwrap();
    reader.for_each(|record| replay.push(record.unwrap().event.known().unwrap()));
    replay.finish()
}

/// Does the work of a row; by how many things its instructions are divided.
fn child(name: &str, events: usize, work: Work) -> u64 {
    let (workload, events) = workload(name, events);
    let (owner, policy) = (workload.owner(), Policy::default());
    let count = events.len() as u64;
    let expected = Inbox::replay(owner.clone(), policy, &events);
    let inbox = match work {
        Work::Decoded => measured(|| Inbox::replay(owner, policy, &events)),
        Work::Binary => {
            let bytes = binary(owner, &events);
            measured(|| folded(&bytes, policy))
        }
        Work::Text => {
            let mut text = format!("{{\"log\":\"chatfold\",\"v\":1,\"owner\":\"{owner}\"}}\n");
            events.iter().for_each(|event| writeln!(text, "{}", encode_event(event)).unwrap());
            measured(|| read(text.as_bytes(), owner, policy))
        }
        Work::WriteBinary => folded(&measured(|| binary(owner, &events)), policy),
        Work::WriteText => {
            let text = measured(|| {
                let mut writer = jsonl::Writer::new(Vec::new(), &owner).unwrap();
                events.iter().for_each(|event| writer.write_event(event).unwrap());
                writer.into_inner()
            });
            read(&text, owner, policy)
        }
        Work::Live => measured(|| {
            let mut inbox = Inbox::new(owner, policy);
            events.iter().for_each(|event| drop(black_box(inbox.apply(event))));
            inbox
        }),
        Work::Cold => {
            let bytes = expected.snapshot(LogPrefix::EMPTY).unwrap();
            let inbox = measured(|| {
                let (inbox, _) = Inbox::restore(bytes, &owner, policy).unwrap();
                black_box(inbox.page(&Filter::default(), None, 20).conversations.len());
                inbox
            });
            assert_eq!(inbox.digest(), expected.digest());
            return inbox.conversations().count() as u64;
        }
    };
    assert_eq!(inbox.digest(), expected.digest(), "the work that was counted was done right");
    count
}

/// The instructions of a row, and by what they are divided.
fn count(name: &str) -> (u64, u64) {
    let (instructions, divisor) = callgrind::count(name, &["--child", name]);
    (instructions, divisor.trim().parse().unwrap())
}

fn figures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt")
}

fn kept() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(figures()).unwrap_or_default();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| line.split_once(' ').map(|(name, n)| (name.to_owned(), n.trim().parse().unwrap())))
        .collect()
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let row = |name: &str| ROWS.into_iter().find(|row| row.0 == name).expect("a row of this name");
    if let Some(at) = args.iter().position(|arg| arg == "--child") {
        let (_, workload, events, work) = row(&args[at + 1]);
        println!("{}", child(workload, events, work));
        return ExitCode::SUCCESS;
    }
    if args.iter().any(|arg| arg == "--test") {
        // A smoke run checks that the work is done right; nothing is counted.
        for (_, workload, _, work) in ROWS {
            child(workload, 500, work);
        }
        return ExitCode::SUCCESS;
    }
    let renew = args.iter().any(|arg| arg == "--renew");
    let chosen = args.iter().find(|arg| !arg.starts_with("--"));
    let (mut figures_now, mut failed) = (kept(), false);
    for (name, ..) in ROWS.iter().filter(|row| chosen.is_none_or(|chosen| row.0.starts_with(chosen))) {
        let (instructions, divisor) = count(name);
        let each = instructions / divisor;
        match figures_now.get(*name).copied() {
            Some(figure) => {
                let above = each * 100 > figure * (100 + TOLERANCE);
                failed |= above;
                let verdict = if above { ": MORE THAN 5 % ABOVE" } else { "" };
                println!("{name:<16} {each:>7} instructions each, the figure is {figure}{verdict}");
            }
            None => {
                failed = true;
                println!("{name:<16} {each:>7} instructions each, and there is no figure");
            }
        }
        if renew {
            figures_now.insert((*name).to_owned(), each);
        }
    }
    if renew {
        let mut text = "# Instructions an event (cold: a conversation), by `cargo bench --bench instructions -- --renew`.\n".to_owned();
        figures_now.iter().for_each(|(name, each)| writeln!(text, "{name} {each}").unwrap());
        std::fs::write(figures(), text).unwrap();
        return ExitCode::SUCCESS;
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
