//! How fast does a log replay? Decoded events, the segments of a binary log, its bytes and a text log's, over all
//! workloads, each beside a floor: only counting in a hash map, only decoding rows, only reading the bytes.
//!
//! Decoded events are owned: some 600 bytes of memory each. Segments are events as a log lends them: columns in its
//! bytes and a dictionary of ids, of which the checksums are verified before the time is taken.
//!
//! Times are the thread's own processor time, the least of some runs; every inbox is checked equal to the replay of
//! the decoded events before its time is told. `-- --whale` adds the ten million events of the whale, `-- NAME` takes
//! only the workloads whose name begins so, `-- --csv FILE` keeps the table. The workload `real` is the histories in
//! the folder `data` of the one that `CHATFOLD_SHARED` names.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

mod floor;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use chatfold::binary::{Header, Log, Record as LogRecord, Writer};
use chatfold::jsonl::{LogLine, Reader, encode_event};
use chatfold::testing::Workload;
use chatfold::{Event, Inbox, Policy, Replay, UserId};
use cpu_time::ThreadTime;

use self::floor::{Report, each, has, least};

const COUNTING: &str = "counting in a hash map";
const DECODING: &str = "decoding rows with bincode";
const READING: &str = "reading the bytes";

fn binary(owner: &UserId, events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Header::new(owner.clone())).unwrap();
    events.iter().for_each(|event| writer.write_event(event).unwrap());
    writer.flush().unwrap();
    writer.into_inner()
}

fn text(owner: &UserId, events: &[Event]) -> Vec<u8> {
    let mut text = format!("{{\"log\":\"chatfold\",\"v\":1,\"owner\":\"{owner}\"}}\n").into_bytes();
    for event in events {
        text.extend_from_slice(encode_event(event).as_bytes());
        text.push(b'\n');
    }
    text
}

fn fold_binary(bytes: &[u8]) -> Inbox {
    let log = Log::open(bytes).unwrap();
    let mut replay = Replay::new(log.owner().clone(), Policy::default());
    log.fold(&mut replay).unwrap();
    replay.finish()
}

/// The segments of a log, verified.
fn segments(bytes: &[u8]) -> (UserId, Vec<LogRecord<'_>>) {
    let log = Log::open(bytes).unwrap();
    (log.owner().clone(), log.records().collect::<Result<_, _>>().unwrap())
}

fn fold_segments(owner: &UserId, segments: &[LogRecord<'_>]) -> Inbox {
    let mut replay = Replay::new(owner.clone(), Policy::default());
    for segment in segments {
        segment.fold(&mut replay).unwrap();
    }
    replay.finish()
}

fn fold_text(text: &[u8]) -> Inbox {
    let reader = Reader::new(text).unwrap();
    let mut replay = Replay::new(reader.owner().clone(), Policy::default());
    reader.for_each(|record| replay.push(record.unwrap().event.known().unwrap()));
    replay.finish()
}

fn measure(report: &mut Report, name: &str, owner: &UserId, events: &[Event], runs: usize) {
    let count = events.len();
    let (counting, counted) = least(runs, || floor::count(black_box(events)));
    assert_eq!(counted as usize, events.iter().filter(|event| event.conversation().is_some()).count());
    let counting = (COUNTING, each(counting, count));
    let (spent, inbox) = least(runs, || Inbox::replay(owner.clone(), Policy::default(), black_box(events)));
    assert_eq!(inbox.audit(), Ok(()), "the work that was timed was done right");
    report.each(name, "decoded events", spent, count, Some(counting));

    let (rows, messages) = floor::rows(events);
    let (decoding, decoded) = least(runs, || floor::decode_rows(black_box(&rows)));
    assert_eq!(decoded, messages);
    let decoding = (DECODING, each(decoding, messages));
    drop(rows);
    let bytes = binary(owner, events);
    let (of, lent) = segments(&bytes);
    let (spent, folded) = least(runs, || fold_segments(&of, black_box(&lent)));
    assert_eq!(folded.digest(), inbox.digest());
    report.each(name, "segments of a log", spent, count, Some(counting));
    let (spent, folded) = least(runs, || fold_binary(black_box(&bytes)));
    assert_eq!(folded.digest(), inbox.digest());
    report.each(name, "a binary log", spent, count, Some(decoding));
    let (reading, _) = least(runs, || floor::sum(black_box(&bytes)));
    report.each(name, "a binary log", spent, count, Some((READING, each(reading, count))));

    // The text of a million events is read twice: it takes long enough to be told.
    let (bytes, runs) = (text(owner, events), if count < 200_000 { runs } else { runs.min(2) });
    let (reading, _) = least(runs, || floor::sum(black_box(&bytes)));
    let (spent, folded) = least(runs, || fold_text(black_box(&bytes)));
    assert_eq!(folded.digest(), inbox.digest());
    report.each(name, "a text log", spent, count, Some((READING, each(reading, count))));
    let (decoding, decoded) = least(runs, || Reader::new(&bytes[..]).unwrap().filter(Result::is_ok).count());
    assert_eq!(decoded, count);
    report.each(name, "a text log", spent, count, Some(("decoding its lines", each(decoding, count))));
}

/// Decoded events of which no more than some are in memory, and their log: the whale's ten million.
fn stream(report: &mut Report, name: &str, workload: &Workload, runs: usize) {
    let mut writer = Writer::new(Vec::new(), &Header::new(workload.owner())).unwrap();
    let (mut replay, mut counts) = (Replay::new(workload.owner(), Policy::default()), 0);
    let (mut folding, mut counting, mut some) = (Duration::ZERO, Duration::ZERO, Vec::new());
    let mut events = workload.iter();
    loop {
        some.clear();
        some.extend(events.by_ref().take(100_000));
        if some.is_empty() {
            break;
        }
        let started = ThreadTime::now();
        counts += floor::count(black_box(&some));
        counting += started.elapsed();
        let started = ThreadTime::now();
        some.iter().for_each(|event| replay.push(event));
        folding += started.elapsed();
        some.iter().for_each(|event| writer.write_event(event).unwrap());
    }
    let started = ThreadTime::now();
    let inbox = replay.finish();
    folding += started.elapsed();
    assert_eq!((counts, inbox.audit()), (workload.events, Ok(())));
    let count = workload.events as usize;
    let counting = Some((COUNTING, each(counting, count)));
    report.each(name, "decoded events as they are read", folding, count, counting);
    let digest = inbox.digest();
    drop((inbox, some));
    writer.flush().unwrap();
    let bytes = writer.into_inner();
    let (spent, folded) = least(runs, || fold_binary(black_box(&bytes)));
    assert_eq!(folded.digest(), digest);
    drop(folded);
    let (reading, _) = least(runs, || floor::sum(black_box(&bytes)));
    report.each(name, "a binary log", spent, count, Some((READING, each(reading, count))));
}

/// The histories that lie outside the repository.
fn real(report: &mut Report, runs: usize, is_smoke: bool) {
    let Some(shared) = std::env::var_os("CHATFOLD_SHARED") else {
        println!("real: skipped, CHATFOLD_SHARED names no folder with histories");
        return;
    };
    let entries = std::fs::read_dir(Path::new(&shared).join("data")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.to_string_lossy().ends_with(".jsonl.zst")) {
        let file = std::io::BufReader::new(zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap());
        let reader = Reader::new(file).unwrap();
        let owner = reader.owner().clone();
        let most = if is_smoke { 1_000 } else { usize::MAX };
        let known = |record: Result<LogLine, _>| record.unwrap().event.known().unwrap().clone();
        let events: Vec<Event> = reader.take(most).map(known).collect();
        let name = path.file_name().unwrap().to_string_lossy();
        let name = name.split(['_', '.']).next().unwrap_or_default();
        measure(report, &format!("real/{name}"), &owner, &events, runs);
    }
}

fn main() {
    let is_smoke = has("--test");
    let runs = if is_smoke { 1 } else { 3 };
    let csv = std::env::args().skip_while(|arg| arg != "--csv").nth(1);
    let chosen = std::env::args().skip(1).find(|arg| !arg.starts_with("--") && Some(arg) != csv.as_ref());
    let is_chosen = |name: &str| chosen.as_deref().is_none_or(|chosen| name.starts_with(chosen));
    let sized = |workload: Workload| if is_smoke { workload.with_events(2_000) } else { workload };
    let mut report = Report::new();
    let desk = Workload::desk();
    for (name, workload) in [
        ("phone", Workload::phone()),
        ("desk", desk),
        ("storm", desk),
        ("hall", Workload::hall()),
        ("whale/10", Workload::whale().with_events(1_000_000)),
    ] {
        if is_chosen(name) {
            let workload = sized(workload);
            let events = if name == "storm" { workload.storm() } else { workload.iter().collect() };
            measure(&mut report, name, &workload.owner(), &events, runs);
        }
    }
    if is_chosen("real") {
        real(&mut report, runs, is_smoke);
    }
    if is_smoke || has("--whale") && is_chosen("whale") {
        stream(&mut report, "whale", &sized(Workload::whale()), runs);
    }
    report.finish();
}
