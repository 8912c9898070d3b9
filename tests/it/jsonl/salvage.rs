//! Whether a line is whole, and what is taken out of one that is faulty.

use chatfold::jsonl::{LoggedEvent, Reader, decode_line, is_whole_line};

use super::{CANONICAL, line};

const HEADER: &str = r#"{"log":"chatfold","v":1,"owner":"alice"}"#;

/// What a salvaging reader gives: lines of events, and lines of faults.
fn salvaged(log: &[u8]) -> (Vec<(u64, LoggedEvent)>, Vec<String>) {
    let (mut events, mut faults) = (Vec::new(), Vec::new());
    for record in Reader::salvaging(log).unwrap() {
        match record {
            Ok(record) => events.push((record.line, record.event)),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    (events, faults)
}

fn event(n: usize) -> String {
    line(CANONICAL[n % CANONICAL.len()])
}

fn decoded(lines: &[String]) -> Vec<LoggedEvent> {
    lines.iter().map(|line| decode_line(line.as_bytes()).unwrap()).collect()
}

#[test]
fn r99_what_the_reader_reads_is_whole_and_nothing_cut_off_it_is() {
    let nested = format!(r#"{{"v":2,"k":{}{}}}"#, "[".repeat(127), "]".repeat(127));
    let lines = [
        r#"{"v":2,"id":"x","k":1e400}"#.to_owned(),
        r#"{"v":2,"id":"x","k":"\ud800"}"#.to_owned(),
        format!(r#"{{"v":2,"id":"x","k":{}}}"#, "9".repeat(400)),
        nested,
        event(0),
    ];
    for line in lines {
        decode_line(line.as_bytes()).unwrap();
        assert!(is_whole_line(line.as_bytes()) && is_whole_line(format!("{line}\n").as_bytes()), "{line}");
        for cut in 0..line.len() {
            assert!(!is_whole_line(&line.as_bytes()[..cut]), "{line} cut at {cut}");
        }
    }
    assert!(is_whole_line(br#"{"what":"no event"}"#), "what it says is another question");
    assert!(!is_whole_line(b"[]") && !is_whole_line(b"\0\0") && !is_whole_line(b"\n"));
}

#[test]
fn r99_whole_events_of_a_faulty_line_are_salvaged_up_to_what_is_not_whole() {
    let events: Vec<String> = (0..8).map(event).collect();
    let [a, b, c, d, e, f, g, h] = &events[..] else { panic!() };
    let log = format!(
        "{HEADER}\n{a}\n{b}{c}\n\0\0\0\0{d}\n\0{e}\0\0 {f}\0\n{g}{{\"v\":1,\"id\n{{\"v\":2,\"k\":[{h}\n{h}\n{HEADER}{h}\n"
    );
    let (read, faults) = salvaged(log.as_bytes());
    let lines: Vec<u64> = read.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 3, 4, 5, 5, 6, 8, 9]);
    let read: Vec<_> = read.into_iter().map(|(_, event)| event).collect();
    assert_eq!(read[..7], decoded(&events[..7]));
    assert_eq!(read[7..], decoded(&[h.clone(), h.clone()]));
    let told: Vec<_> = faults.iter().map(|fault| fault.split(',').next().unwrap().to_owned()).collect();
    assert_eq!(told, ["line 3", "line 4", "line 5", "line 6", "line 7", "line 9"]);
    // A header is taken out of its line in the same way.
    for first in [format!("\0\0{HEADER}\n"), format!("{HEADER}{a}\n")] {
        let (read, faults) = salvaged(format!("{first}{b}\n").as_bytes());
        assert_eq!(read.last().map(|(line, _)| *line), Some(2));
        assert_eq!((read.len(), faults.len()), (if first.starts_with('\0') { 1 } else { 2 }, 1));
    }
    assert!(Reader::salvaging(&b"\0\0"[..]).is_err() && Reader::salvaging(&b""[..]).is_err());
    // Nothing of a sound log is given twice, and nothing of what is faulty is made up.
    let sound = format!("{HEADER}\n{}\n", events.join("\n"));
    assert_eq!(salvaged(sound.as_bytes()).0.len(), 8);
    let wrong = format!("{HEADER}\n{}\n", a.replace("\"v\":1", "\"v\":\"1\""));
    assert_eq!(salvaged(wrong.as_bytes()).0.len(), 0);
}

/// A line of many objects is not looked through once for each of them.
#[test]
fn r99_a_line_of_many_events_takes_linear_time() {
    let log = format!("{HEADER}\n{}\n", event(0).repeat(40_000));
    assert_eq!(salvaged(log.as_bytes()).0.len(), 40_000);
}
