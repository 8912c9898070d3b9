//! Floors: what the machine takes for the part of the work that nobody can leave out; and reports of figures beside
//! them.
#![allow(dead_code, unreachable_pub, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use bincode::{BorrowDecode, Encode};
use chatfold::Event;
use chatfold::event::{Body, Fact};
use cpu_time::ThreadTime;
use rustc_hash::FxBuildHasher;

/// Whether a flag was given: `--test` only looks whether everything runs, `--whale` takes ten million events.
pub fn has(flag: &str) -> bool {
    std::env::args().any(|arg| arg == flag)
}

/// The least processor time of some runs, and what the last one made.
pub fn least<T>(runs: usize, mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut once = || {
        let started = ThreadTime::now();
        let made = black_box(run());
        (started.elapsed(), made)
    };
    let (mut least, mut made) = once();
    for _ in 1..runs {
        drop(made);
        let next = once();
        (least, made) = (least.min(next.0), next.1);
    }
    (least, made)
}

/// No semantics at all: looking up the conversation in a hash map and counting.
pub fn count(events: &[Event]) -> u64 {
    let mut counts: HashMap<&str, u64, FxBuildHasher> = HashMap::default();
    for event in events {
        if let Some(id) = event.conversation() {
            *counts.entry(id.as_str()).or_default() += 1;
        }
    }
    counts.values().sum()
}

/// Counters, and the order of a list kept after every event: a hash map and an ordered map.
#[derive(Default)]
pub struct Ordered<'a> {
    counts: HashMap<&'a str, (u64, i64), FxBuildHasher>,
    order: BTreeMap<(i64, &'a str), u64>,
}

impl<'a> Ordered<'a> {
    pub fn apply(&mut self, event: &'a Event) {
        let Some(id) = event.conversation() else { return };
        let (count, at) = self.counts.entry(id.as_str()).or_default();
        self.order.remove(&(*at, id.as_str()));
        *count += 1;
        *at = -event.at().as_millis();
        self.order.insert((*at, id.as_str()), *count);
    }
}

/// Reading every byte once.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}

/// An event as a row of its own: what a log without columns or dictionary would hold.
#[derive(Encode, BorrowDecode)]
struct Row<'a> {
    id: [u8; 16],
    at: i64,
    by: &'a str,
    conversation: &'a str,
    kind: u8,
    message: [u8; 16],
    seq: u64,
    flags: u32,
    text: &'a str,
}

const LIMIT: usize = 1 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LIMIT>()
}

/// The rows of the messages among `events`, a length before each, and how many they are.
pub fn rows(events: &[Event]) -> (Vec<u8>, usize) {
    let (mut bytes, mut count) = (Vec::new(), 0);
    for event in events {
        let Body::Conversation(conversation, Fact::MessageReceived(message)) = event.body() else { continue };
        let row = Row {
            id: *event.id().as_bytes(),
            at: event.at().as_millis(),
            by: event.by().as_str(),
            conversation: conversation.as_str(),
            kind: 1,
            message: *message.id.as_bytes(),
            seq: message.seq.unwrap_or_default(),
            flags: 0,
            text: message.text.as_deref().unwrap_or_default(),
        };
        let row = bincode::encode_to_vec(row, config()).unwrap();
        bytes.extend_from_slice(&u32::try_from(row.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&row);
        count += 1;
    }
    (bytes, count)
}

/// Decoding the rows with bincode and nothing else; how many they were.
pub fn decode_rows(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (row, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        let (row, _) = bincode::borrow_decode_from_slice::<Row<'_>, _>(row, config()).unwrap();
        black_box((row.id, row.at, row.by, row.conversation, row.kind, row.message));
        black_box((row.seq, row.flags, row.text));
        bytes = rest;
        count += 1;
    }
    count
}

/// The bytes that no form of these events can leave out: texts, and random ids.
pub fn content(events: &[Event]) -> usize {
    let of = |event: &Event| match event.body() {
        Body::Conversation(_, Fact::MessageReceived(message)) => {
            32 + message.text.as_deref().map_or(0, str::len)
        }
        _ => 16,
    };
    events.iter().map(of).sum()
}

/// Figures as they are taken: printed, and kept as CSV with `--csv FILE`.
pub struct Report(String);

impl Report {
    pub fn new() -> Self {
        Self("workload,what,value,unit,x floor,floor,the floor itself\n".to_owned())
    }

    /// A figure, beside its floor.
    pub fn row(&mut self, workload: &str, what: &str, value: f64, unit: &str, floor: Option<(&str, f64)>) {
        let told = floor.map_or(String::new(), |(name, floor)| {
            format!("   {:>8.2} x floor ({name}: {})", value / floor, number(floor))
        });
        println!("{workload:>12}  {what:<52} {:>9} {unit:<13}{told}", number(value));
        let (times, name, floor) = floor.map_or_else(Default::default, |(name, floor)| {
            (format!("{:.2}", value / floor), name.replace(',', ""), number(floor))
        });
        let (workload, what, value) = (workload.replace(',', ""), what.replace(',', ""), number(value));
        writeln!(self.0, "{workload},{what},{value},{unit},{times},{name},{floor}").unwrap();
    }

    /// Nanoseconds of each of so many.
    pub fn each(
        &mut self,
        workload: &str,
        what: &str,
        spent: Duration,
        count: usize,
        floor: Option<(&str, f64)>,
    ) {
        self.row(workload, what, each(spent, count), "ns an event", floor);
    }

    pub fn finish(self) {
        let args: Vec<String> = std::env::args().collect();
        if let Some(path) = args.iter().position(|arg| arg == "--csv").and_then(|at| args.get(at + 1)) {
            std::fs::write(path, self.0).unwrap();
        }
    }
}

pub fn each(spent: Duration, count: usize) -> f64 {
    spent.as_nanos() as f64 / count.max(1) as f64
}

fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
