//! How large is a log, and how fast is it read and folded? Text, binary, and rows for comparison, beside the
//! floors: the loop that only reads the bytes, and the one that only decodes rows with bincode.
//!
//! Times are the thread's own processor time, the best of some runs. Every inbox is checked equal to the
//! replay of the decoded events before its time is printed.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use bincode::{BorrowDecode, Encode};
use chatfold::binary::{Header, Log, Writer};
use chatfold::jsonl::{self, encode_event};
use chatfold::testing::Workload;
use chatfold::{Body, Event, Fact, Inbox, Policy, Replay};
use cpu_time::ThreadTime;

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

/// The rows of the messages among `events`, a length before each.
fn rows(events: &[Event]) -> (Vec<u8>, usize) {
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

fn decode_rows(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (row, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        let (row, _) = bincode::borrow_decode_from_slice::<Row<'_>, _>(row, config()).unwrap();
        black_box((
            row.id,
            row.at,
            row.by,
            row.conversation,
            row.kind,
            row.message,
            row.seq,
            row.flags,
            row.text,
        ));
        bytes = rest;
        count += 1;
    }
    count
}

/// The best time of some runs.
fn best<T>(runs: usize, mut run: impl FnMut() -> T) -> (Duration, T) {
    let mut once = || {
        let started = ThreadTime::now();
        let value = run();
        (started.elapsed(), value)
    };
    let first = once();
    (1..runs).fold(first, |best, _| {
        let next = once();
        if next.0 < best.0 { next } else { best }
    })
}

fn binary(workload: &Workload, events: &[Event], each: bool) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Header::new(workload.owner())).unwrap();
    for event in events {
        writer.write_event(event).unwrap();
        if each {
            writer.flush().unwrap();
        }
    }
    writer.flush().unwrap();
    writer.into_inner()
}

fn measure(name: &str, workload: &Workload, runs: usize) {
    let events: Vec<Event> = workload.iter().collect();
    let count = events.len() as f64;
    let (folding, inbox) = best(runs, || Inbox::replay(workload.owner(), Policy::default(), &events));
    let content: usize = events
        .iter()
        .map(|event| match event.body() {
            Body::Conversation(_, Fact::MessageReceived(m)) => 32 + m.text.as_deref().map_or(0, str::len),
            _ => 16,
        })
        .sum();
    let mut text =
        format!("{{\"log\":\"chatfold\",\"v\":1,\"owner\":\"{}\"}}\n", workload.owner()).into_bytes();
    events.iter().for_each(|event| {
        text.extend_from_slice(encode_event(event).as_bytes());
        text.push(b'\n');
    });
    let (rows, messages) = rows(&events);
    let (writing, bytes) = best(runs, || binary(workload, &events, false));
    let single = binary(workload, &events, true).len();
    drop(events);

    let line = |what: &str, len: usize, spent: Duration, per: f64| {
        println!(
            "{name:>9} {what:<34} {:>9.1} MiB {:>7.1} B/event {:>8.1} ns/event",
            len as f64 / f64::from(1 << 20),
            len as f64 / per,
            spent.as_nanos() as f64 / per,
        );
    };
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_add(u64::from(*byte)));
    let (spent, _) = best(runs, || black_box(sum(black_box(&bytes))));
    line("floor: sum of the binary log's bytes", bytes.len(), spent, count);
    let (spent, decoded) = best(runs, || decode_rows(&rows));
    assert_eq!(decoded, messages);
    line("floor: rows decoded with bincode", rows.len(), spent, messages as f64);
    line("decoded events, folded", 0, folding, count);
    let (spent, folded) = best(runs, || {
        let log = Log::open(&bytes).unwrap();
        let mut replay = Replay::new(log.owner().clone(), Policy::default());
        log.fold(&mut replay).unwrap();
        replay.finish()
    });
    assert_eq!(folded.digest(), inbox.digest());
    line("binary log, folded", bytes.len(), spent, count);
    let (spent, _) = best(runs, || Log::open(&bytes).unwrap().verify().unwrap());
    line("binary log, verified", bytes.len(), spent, count);
    let (spent, decoded) = best(1, || Log::open(&bytes).unwrap().events().filter(Result::is_ok).count());
    assert_eq!(decoded as f64, count);
    line("binary log, decoded to events", bytes.len(), spent, count);
    line("binary log, written", bytes.len(), writing, count);
    println!(
        "{name:>9} binary log beyond text and ids {:>31.1} B/event",
        (bytes.len() - content) as f64 / count
    );
    line("binary log, a record an event", single, Duration::ZERO, count);
    let (spent, folded) = best(1, || {
        let reader = jsonl::Reader::new(&text[..]).unwrap();
        let mut replay = Replay::new(reader.owner().clone(), Policy::default());
        reader.for_each(|record| replay.push(record.unwrap().event.known().unwrap()));
        replay.finish()
    });
    assert_eq!(folded.digest(), inbox.digest());
    line("text log, folded", text.len(), spent, count);
}

fn main() {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    let (smoke, whale) = (has("--test"), has("--whale"));
    let tenth = Workload::whale().with_events(1_000_000);
    let mut workloads = vec![("phone", Workload::phone()), ("desk", Workload::desk()), ("whale/10", tenth)];
    if whale {
        workloads.push(("whale", Workload::whale()));
    }
    for (name, workload) in workloads {
        let workload = if smoke { workload.with_events(2_000) } else { workload };
        measure(name, &workload, if smoke { 1 } else { 3 });
    }
}
