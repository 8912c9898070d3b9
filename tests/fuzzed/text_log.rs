//! The text log: what decodes, encodes and decodes to the same, and reading goes on after faults.

use chatfold::jsonl::{LogLine, LoggedEvent, ReadError, Reader, Writer, decode_line, encode_event};
use chatfold::{Event, Inbox, Policy};

/// A line that stands behind all others, to be read whatever they are.
const LAST: &str = r#"{"v":1,"id":"018f0e2a-0000-7000-8000-00000000ffff","at":"2026-03-01T09:00:00.000Z","by":"a","conversation":"c2c_b","type":"conversation_pinned","on":true}"#;

/// Holds the laws against any bytes.
pub fn check(data: &[u8]) {
    if let Ok(event) = decode_line(data) {
        comes_back(&event);
    }
    let mut log = data.to_vec();
    log.extend_from_slice(b"\n");
    log.extend_from_slice(LAST.as_bytes());
    let Ok(reader) = Reader::new(log.as_slice()) else { return };
    let owner = reader.owner().clone();
    let mut last_line = 1;
    let mut records: Vec<LoggedEvent> = Vec::new();
    let mut at_end = false;
    for record in reader {
        let line = match &record {
            Ok(LogLine { line, .. }) => *line,
            Err(ReadError::Decode(fault)) => fault.line,
            Err(error) => panic!("a slice cannot fail: {error}"),
        };
        assert!(line > last_line, "line {line} after {last_line}");
        last_line = line;
        at_end = matches!(&record, Ok(record) if encoded(&record.event) == LAST);
        records.extend(record.map(|record| record.event));
    }
    let lines = log.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    assert!(at_end && last_line == lines, "the last of {lines} lines is read, not {last_line}");
    records.iter().for_each(comes_back);

    let mut writer = Writer::new(Vec::new(), &owner).unwrap();
    records.iter().for_each(|event| writer.write(event).unwrap());
    let written = writer.into_inner();
    let again = Reader::new(written.as_slice()).unwrap();
    assert_eq!(again.owner(), &owner);
    let again: Vec<LoggedEvent> = again.map(|record| record.unwrap().event).collect();
    assert_eq!(again, records, "written and read again");

    let events: Vec<Event> = records.iter().filter_map(|event| event.known().cloned()).collect();
    Inbox::replay(owner, Policy::default(), &events).audit().unwrap();
}

fn encoded(event: &LoggedEvent) -> String {
    match event {
        LoggedEvent::Known(event) => encode_event(event),
        LoggedEvent::Skipped(skipped) => skipped.raw().to_owned(),
    }
}

fn comes_back(event: &LoggedEvent) {
    let line = encoded(event);
    assert_eq!(decode_line(line.as_bytes()).as_ref(), Ok(event), "{line}");
}
