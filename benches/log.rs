//! How large is a log, and how fast is it written, verified and decoded? Text and binary, beside the floors: the
//! bytes that no form can leave out, and the loop that only reads the bytes.
//!
//! Times are the thread's own processor time, the least of some runs. What folding a log costs is told by
//! `benches/replay.rs`. `-- --whale` adds ten million events, `-- --csv FILE` keeps the figures.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod floor;

use std::hint::black_box;

use chatfold::binary::{Header, Log, Writer};
use chatfold::jsonl;
use chatfold::snapshot::LogPrefix;
use chatfold::testing::Workload;
use chatfold::{Event, Inbox, Policy};

use self::floor::{Report, each, has, least};

fn binary(workload: &Workload, events: &[Event], is_each_flushed: bool) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Header::new(workload.owner())).unwrap();
    for event in events {
        writer.write_event(event).unwrap();
        if is_each_flushed {
            writer.flush().unwrap();
        }
    }
    writer.flush().unwrap();
    writer.into_inner()
}

fn text(workload: &Workload, events: &[Event]) -> Vec<u8> {
    let mut writer = jsonl::Writer::new(Vec::new(), &workload.owner()).unwrap();
    events.iter().for_each(|event| writer.write_event(event).unwrap());
    writer.into_inner()
}

fn measure(report: &mut Report, name: &str, workload: &Workload, runs: usize) {
    let events: Vec<Event> = workload.iter().collect();
    let count = events.len();
    let per_event = |len_bytes: usize| len_bytes as f64 / count as f64;
    let content = Some(("texts and random ids", per_event(floor::content(&events))));
    let (encoding, text) = least(runs, || text(workload, &events));
    let (lines, _) =
        least(runs, || events.iter().for_each(|event| drop(black_box(jsonl::encode_event(event)))));
    let (writing, bytes) = least(runs, || binary(workload, &events, false));
    let single = binary(workload, &events, true).len();
    let packed = zstd::encode_all(&text[..], 3).unwrap().len();
    let inbox = Inbox::replay(workload.owner(), Policy::default(), &events);
    let snapshot = inbox.snapshot(LogPrefix::EMPTY).unwrap().len();
    drop((inbox, events));
    for (what, len_bytes) in [
        ("text log", text.len()),
        ("text log, packed with zstd", packed),
        ("binary log, a record an event", single),
        ("binary log", bytes.len()),
        ("snapshot", snapshot),
    ] {
        report.row(name, what, per_event(len_bytes), "bytes an event", content);
    }
    let (reading, _) = least(runs, || floor::sum(black_box(&bytes)));
    let reading = Some(("reading the bytes", each(reading, count)));
    let (spent, _) = least(runs, || Log::open(&bytes).unwrap().verify().unwrap());
    report.each(name, "binary log verified", spent, count, reading);
    let (spent, decoded) = least(1, || Log::open(&bytes).unwrap().events().filter(Result::is_ok).count());
    assert_eq!(decoded, count);
    report.each(name, "binary log decoded to events", spent, count, reading);
    report.each(name, "binary log written", writing, count, reading);
    let (reading, _) = least(runs, || floor::sum(black_box(&text)));
    let reading = Some(("reading the bytes", each(reading, count)));
    report.each(name, "text log written", encoding, count, reading);
    report.each(name, "lines made, each a text of its own", lines, count, reading);
}

fn main() {
    let is_smoke = has("--test");
    let tenth = Workload::whale().with_events(1_000_000);
    let mut workloads = vec![("phone", Workload::phone()), ("desk", Workload::desk()), ("whale/10", tenth)];
    if has("--whale") {
        workloads.push(("whale", Workload::whale()));
    }
    let mut report = Report::new();
    for (name, workload) in workloads {
        let workload = if is_smoke { workload.with_events(2_000) } else { workload };
        measure(&mut report, name, &workload, if is_smoke { 1 } else { 3 });
    }
    report.finish();
}
