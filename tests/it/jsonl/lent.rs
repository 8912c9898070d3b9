//! A line that lies whole in the input's buffer is read where it lies, another one is put together first. Nobody can tell.

use std::io::{self, BufRead, BufReader, Read};

use chatfold::jsonl::{LogLine, LoggedEvent, Reader, decode_line};

use super::{CANONICAL, line};

const HEADER: &str = r#"{"log":"chatfold","v":1,"owner":"alice"}"#;

/// What a reader gives, its errors as they are told.
fn records<R: BufRead>(reader: &mut Reader<R>) -> Vec<Result<LogLine, String>> {
    reader.map(|record| record.map_err(|error| error.to_string())).collect()
}

/// Lines of every type, and such as are nearly lines, each read on its own.
fn log() -> (Vec<u8>, Vec<Result<LoggedEvent, String>>) {
    let mut lines: Vec<Vec<u8>> = CANONICAL.iter().map(|short| line(short).into_bytes()).collect();
    let received = line(r#"G "message_received","message":{"id":#a,"seq":1,"text":"Lunch?"}"#).into_bytes();
    let with =
        |from: &str, to: &str| String::from_utf8(received.clone()).unwrap().replace(from, to).into_bytes();
    lines.extend([
        [&received[..], b"\r"].concat(),
        [&received[..], b" "].concat(),
        [&received[..], b"}"].concat(),
        [&received[..], &received].concat(),
        received[..received.len() - 1].to_vec(),
        Vec::new(),
        with("Lunch?", "李 雷"),
        with("Lunch?", "\\n"),
        with("Lunch?", "\t"),
        b"\xff".to_vec(),
    ]);
    // Conversations of which one is what the other begins with, and one whose id is escaped.
    for id in
        ["group_x", "group_xy", "group_x", "group_", "group_x\\\"", "group_x\\\"", "group_x\"", "group_x"]
    {
        let id = format!(r#""conversation":"{id}""#);
        lines.push(with(r#""conversation":"group_g""#, &id));
    }
    lines.push(received);
    let expected = lines.iter().map(|line| decode_line(line).map_err(|error| error.to_string())).collect();
    let log = [HEADER.as_bytes()].into_iter().chain(lines.iter().map(Vec::as_slice));
    (log.collect::<Vec<_>>().join(&b'\n'), expected)
}

/// The same of a whole log, whose lines have numbers.
fn numbered(expected: &[Result<LoggedEvent, String>]) -> Vec<String> {
    let told = |(number, read): (u64, &Result<LoggedEvent, String>)| match read {
        Ok(event) => format!("{number} {event:?}"),
        Err(error) => error.replacen("line 1", &format!("line {number}"), 1),
    };
    (2..).zip(expected).map(told).collect()
}

fn told(records: &[Result<LogLine, String>]) -> Vec<String> {
    let told = |record: &Result<LogLine, String>| match record {
        Ok(LogLine { line, event, .. }) => format!("{line} {event:?}"),
        Err(error) => error.clone(),
    };
    records.iter().map(told).collect()
}

#[test]
fn r99_lines_are_the_same_however_the_input_is_cut() {
    let (log, expected) = log();
    let expected = numbered(&expected);
    for log in [log.clone(), [&log[..], b"\n"].concat()] {
        assert_eq!(told(&records(&mut Reader::new(&log[..]).unwrap())), expected);
        for capacity in (1..=400).chain([1_000, 4_000]) {
            let input = BufReader::with_capacity(capacity, &log[..]);
            assert_eq!(told(&records(&mut Reader::new(input).unwrap())), expected, "{capacity} bytes");
        }
    }
}

#[test]
fn r99_what_is_behind_the_lines_that_were_read_is_left_in_the_input() {
    let (log, expected) = log();
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    for read in 0..expected.len() {
        let mut reader = Reader::new(&log[..]).unwrap();
        assert_eq!(reader.by_ref().take(read).count(), read);
        let (rest, number) = reader.into_rest();
        assert_eq!((rest, number), (&lines[read + 1..].concat()[..], read as u64 + 1));
    }
}

#[test]
fn r99_a_line_as_long_as_the_limit_is_read_and_no_longer_one() {
    let lines =
        [r#"G "message_received","message":{"id":#a,"seq":1,"text":"Lunch?"}"#, r#"D "conversation_opened""#];
    for line in lines.map(line) {
        for end in ["", "\n", "\r\n", "\nmore"] {
            for limit in [line.len() - 1, line.len(), line.len() + 1, usize::MAX] {
                let log = format!("{HEADER}\n{line}{end}");
                for capacity in [7, 1_000] {
                    let input = BufReader::with_capacity(capacity, log.as_bytes());
                    let mut reader = Reader::with_line_limit(input, limit).unwrap();
                    let fits = line.len() + usize::from(end.starts_with('\r')) <= limit;
                    let record = reader.next_record().unwrap();
                    assert_eq!(record.is_ok(), fits, "{line}{end} {limit}");
                    assert_eq!(reader.count(), usize::from(end == "\nmore"));
                }
            }
        }
    }
}

/// Gives its parts one by one, with what may go wrong between them.
struct Parts {
    parts: Vec<io::Result<Vec<u8>>>,
}

impl Read for Parts {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        unreachable!("a log is read from the buffer")
    }
}

impl BufRead for Parts {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.parts.first() {
            Some(Err(_)) => Err(self.parts.remove(0).unwrap_err()),
            _ => Ok(self.parts.first().map_or(&[], |part| part.as_ref().map_or(&[], Vec::as_slice))),
        }
    }

    fn consume(&mut self, len: usize) {
        if let Some(Ok(part)) = self.parts.first_mut() {
            part.drain(..len);
            if part.is_empty() {
                drop(self.parts.remove(0));
            }
        }
    }
}

#[test]
fn r99_an_input_that_fails_ends_the_log_and_one_that_is_interrupted_does_not() {
    let line = line(r#"G "message_received","message":{"id":#a,"seq":1,"text":"Lunch?"}"#) + "\n";
    let bytes = line.as_bytes();
    for cut in [0, 1, 100, bytes.len() - 1, bytes.len()] {
        let (begin, end) = bytes.split_at(cut);
        let parts = |kind: io::ErrorKind| {
            let parts = [HEADER.as_bytes(), b"\n", bytes, begin].map(|part| Ok(part.to_vec()));
            let parts = parts.into_iter().chain([Err(kind.into()), Ok(end.to_vec()), Ok(bytes.to_vec())]);
            let parts = parts.filter(|part| part.as_ref().map_or(true, |part| !part.is_empty())).collect();
            records(&mut Reader::new(Parts { parts }).unwrap())
        };
        assert!(matches!(
            &parts(io::ErrorKind::Interrupted)[..],
            [Ok(_), Ok(_), Ok(LogLine { line: 4, .. })]
        ));
        let whole = usize::from(cut == bytes.len());
        let failed = parts(io::ErrorKind::TimedOut);
        assert_eq!(failed.len(), 2 + whole);
        assert_eq!(failed[1 + whole], Err(format!("reading line {} failed", 3 + whole)));
    }
}
