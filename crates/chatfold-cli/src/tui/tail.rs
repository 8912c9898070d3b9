//! What is appended to a log after it was read.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use chatfold::binary::{self, FaultReason, LogHead, RecordFault};
use chatfold::jsonl::{LoggedEvent, Reader, decode_line};
use chatfold::{Event, UserId};

use crate::failure::Failure;
use crate::input::Source;
use crate::log::{Form, Tally};
use crate::sidecar_files::number;

/// A log that was read up to a place, and goes on being read from there.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    place: String,
    form: Form,
    owner: UserId,
    /// How many bytes were read.
    read_len: u64,
    /// Where what was read of a binary log ends.
    head: LogHead,
    identity: Identity,
}

/// How many of the last bytes that were read are looked at again.
const IDENTITY_LEN_BYTES: u64 = 64;

impl Tail {
    /// Goes on behind what was read.
    pub fn new(path: &Path, form: Form, owner: UserId, tally: &Tally) -> Self {
        let place = Source::from(path).to_string();
        let head = tally.head.unwrap_or(LogHead { events: tally.lines, check: 0 });
        let read_len = tally.len_bytes;
        // What cannot be read now is told when it is followed.
        let identity = File::open(path).and_then(|file| Identity::of(&file, read_len)).unwrap_or_default();
        Self { path: path.to_owned(), place, form, owner, read_len, head, identity }
    }

    /// The events that were appended since, as far as they were written whole.
    pub fn news(&mut self) -> Result<Vec<Event>, Failure> {
        self.read(None)
    }

    /// The events up to a byte that is known to end a line or record.
    pub fn news_up_to(&mut self, end: u64) -> Result<Vec<Event>, Failure> {
        self.read(Some(end))
    }

    fn read(&mut self, end: Option<u64>) -> Result<Vec<Event>, Failure> {
        let place = self.place.clone();
        let failed = |error| Failure::Input {
            place: place.clone(),
            what: "cannot be read".to_owned(),
            source: Some(error),
        };
        let mut file = File::open(&self.path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let to = end.unwrap_or(len);
        if to < self.read_len {
            let what = format!("had {} bytes and has {len} now: open it anew", self.read_len);
            return Err(Failure::Fault { place: self.place.clone(), what });
        }
        if Identity::of(&file, self.read_len).map_err(failed)? != self.identity {
            let what = "was replaced by another: open it anew".to_owned();
            return Err(Failure::Fault { place: self.place.clone(), what });
        }
        if to == self.read_len {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read_len)).map_err(failed)?;
        (&file).take(to - self.read_len).read_to_end(&mut bytes).map_err(failed)?;
        let events = match self.form {
            Form::Text => self.lines(&bytes, end.is_some()),
            Form::Binary => self.records(&bytes),
        }?;
        self.identity = Identity::of(&file, self.read_len).map_err(failed)?;
        Ok(events)
    }

    fn fault(&self, at: usize, what: &impl ToString) -> Failure {
        let what = format!("byte {}: {}", self.read_len + at as u64, what.to_string());
        Failure::Fault { place: self.place.clone(), what }
    }

    /// Whole lines; the last one without a line feed waits for more unless it is known to be whole.
    fn lines(&mut self, bytes: &[u8], is_whole: bool) -> Result<Vec<Event>, Failure> {
        let last = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let len = if is_whole { bytes.len() } else { last };
        let (mut events, mut at) = (Vec::new(), 0);
        for line in bytes.get(..len).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            match decode_line(text) {
                // The line feed of what was read, which came only now.
                _ if text.is_empty() && at == 0 && self.identity.end.last() != Some(&b'\n') => {}
                Ok(event) => events.extend(event.known().cloned()),
                // A header may stand in the middle, where a log was put behind another.
                Err(_) if Reader::new(text).is_ok() => {}
                Err(fault) => return Err(self.fault(at, &fault)),
            }
            at += line.len();
        }
        self.read_len += len as u64;
        Ok(events)
    }

    /// Whole records; one that is still being written waits for more.
    fn records(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Failure> {
        let log = binary::Log::behind(bytes, self.owner.clone(), self.head);
        let mut records = log.records();
        let mut events = Vec::new();
        for record in records.by_ref() {
            let record = match record {
                Ok(record) => record,
                Err(fault) if is_being_written(&fault) => break,
                Err(fault) => return Err(self.record_fault(fault)),
            };
            for event in record.events() {
                if let LoggedEvent::Known(event) = event.map_err(|fault| self.record_fault(fault))? {
                    events.push(event);
                }
            }
        }
        self.read_len += records.offset();
        self.head = records.head();
        Ok(events)
    }

    fn record_fault(&self, mut fault: RecordFault) -> Failure {
        fault.offset += self.read_len;
        Failure::Fault { place: self.place.clone(), what: fault.to_string() }
    }
}

/// Whether the log ends within a record, as it does while one is written.
fn is_being_written(fault: &RecordFault) -> bool {
    fault.is_torn_tail() && matches!(fault.reason, FaultReason::Short { .. })
}

/// The file that a log is read from, to be known again: another one may get its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Identity {
    /// Device and number, where the system has them.
    file: Option<(u64, u64)>,
    /// The last bytes that were read.
    end: Vec<u8>,
}

impl Identity {
    fn of(file: &File, read_len: u64) -> io::Result<Self> {
        let mut end = Vec::new();
        let mut input = file;
        input.seek(SeekFrom::Start(read_len.saturating_sub(IDENTITY_LEN_BYTES)))?;
        input.take(read_len.min(IDENTITY_LEN_BYTES)).read_to_end(&mut end)?;
        Ok(Self { file: number(&file.metadata()?), end })
    }
}
