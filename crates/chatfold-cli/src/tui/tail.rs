//! What is appended to a log after it was read.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use chatfold::jsonl::{LoggedEvent, Reader, decode_line};
use chatfold::{Event, UserId, binary};

use crate::failure::Failure;
use crate::input::Source;
use crate::log::{Form, Tally};

/// A log that was read up to a place, and goes on being read from there.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    place: String,
    form: Form,
    owner: UserId,
    /// How many bytes were read.
    read_len: u64,
    /// How many events were read, skipped ones too.
    events: u64,
}

impl Tail {
    /// Goes on behind what was read.
    pub fn new(path: &Path, form: Form, owner: UserId, tally: &Tally) -> Self {
        let place = Source::from(path).to_string();
        Self { path: path.to_owned(), place, form, owner, read_len: tally.len_bytes, events: tally.lines }
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
        let failed = |error| Failure::Input {
            place: self.place.clone(),
            what: "cannot be read".to_owned(),
            source: Some(error),
        };
        let mut file = File::open(&self.path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let to = end.unwrap_or(len);
        if to == self.read_len {
            return Ok(Vec::new());
        }
        if to < self.read_len {
            let what = format!("had {} bytes and has {len} now: open it anew", self.read_len);
            return Err(Failure::Fault { place: self.place.clone(), what });
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read_len)).map_err(failed)?;
        file.take(to - self.read_len).read_to_end(&mut bytes).map_err(failed)?;
        match self.form {
            Form::Text => self.lines(&bytes, end.is_some()),
            Form::Binary => self.records(&bytes),
        }
    }

    fn fault(&self, at: usize, what: &impl ToString) -> Failure {
        let what = format!("byte {}: {}", self.read_len + at as u64, what.to_string());
        Failure::Fault { place: self.place.clone(), what }
    }

    /// Whole lines; the last one without a line feed waits for more unless it is known to be whole.
    fn lines(&mut self, bytes: &[u8], is_whole: bool) -> Result<Vec<Event>, Failure> {
        let last = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let len = if is_whole { bytes.len() } else { last };
        let (mut events, mut lines, mut at) = (Vec::new(), 0, 0);
        for line in bytes.get(..len).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            match decode_line(text) {
                _ if text.is_empty() => {}
                Ok(event) => {
                    lines += 1;
                    events.extend(event.known().cloned());
                }
                // A header may stand in the middle, where a log was put behind another.
                Err(_) if Reader::new(text).is_ok() => {}
                Err(fault) => return Err(self.fault(at, &fault)),
            }
            at += line.len();
        }
        self.read_len += len as u64;
        self.events += lines;
        Ok(events)
    }

    /// Whole records; one that is still being written waits for more.
    fn records(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Failure> {
        let log = binary::Log::without_header(bytes, self.owner.clone());
        let (mut events, mut at, mut position) = (Vec::new(), 0, self.events);
        for place in log.index() {
            let end = place.offset.saturating_add(place.len_bytes);
            if end > bytes.len() as u64 {
                break;
            }
            if (place.offset, place.position) != (at, position) {
                let what = format!("expected event {position}, found event {}", place.position);
                return Err(self.fault(usize::try_from(at).unwrap_or(usize::MAX), &what));
            }
            let record = log.record_at(place).map_err(|fault| self.fault(0, &fault))?;
            for event in record.events() {
                if let LoggedEvent::Known(event) = event.map_err(|fault| self.fault(0, &fault))? {
                    events.push(event);
                }
            }
            (at, position) = (end, position + u64::from(place.events));
        }
        self.read_len += at;
        self.events = position;
        Ok(events)
    }
}
