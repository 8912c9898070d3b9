//! What is appended to a log after it was read.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use chatfold::binary::{self, FaultReason, LogHead, RecordFault};
use chatfold::jsonl::{LoggedEvent, ReadError, Reader};
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
    /// The line of a text log's header: it says whose log goes on, whoever was chosen as its owner.
    header: Vec<u8>,
    /// How many lines of a text log were read.
    lines: u64,
    /// How many bytes were read.
    read_len: u64,
    /// Where what was read of a binary log ends.
    head: LogHead,
    identity: Identity,
}

/// How many of the last bytes that were read are looked at again.
const IDENTITY_LEN_BYTES: u64 = 64;

impl Tail {
    /// Goes on behind what was read of a log of this form, with this line for a header if it is text.
    pub fn new(path: &Path, (form, header): (Form, Vec<u8>), owner: UserId, tally: &Tally) -> Self {
        let place = Source::from(path).to_string();
        let head = tally.head.unwrap_or(LogHead { events: tally.lines, check: 0 });
        let (read_len, lines) = (tally.len_bytes, tally.text_lines);
        // What cannot be read now is told when it is followed.
        let identity = File::open(path).and_then(|file| Identity::of(&file, read_len)).unwrap_or_default();
        Self { path: path.to_owned(), place, form, owner, header, lines, read_len, head, identity }
    }

    /// Adds the events that were appended since, as far as they were written whole.
    ///
    /// # Errors
    ///
    /// What cannot be read. The events before it were added and are behind the tail, which stays before it.
    pub fn news(&mut self, events: &mut Vec<Event>) -> Result<(), Failure> {
        self.read(None, events)
    }

    /// Adds the events up to a byte that is known to end a line or record. Its errors are those of [`Tail::news`].
    pub fn news_up_to(&mut self, end: u64, events: &mut Vec<Event>) -> Result<(), Failure> {
        self.read(Some(end), events)
    }

    fn read(&mut self, end: Option<u64>, events: &mut Vec<Event>) -> Result<(), Failure> {
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
            return Ok(());
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read_len)).map_err(failed)?;
        (&file).take(to - self.read_len).read_to_end(&mut bytes).map_err(failed)?;
        let read = match self.form {
            Form::Text => self.lines(&bytes, end.is_some(), events),
            Form::Binary => self.records(&bytes, events),
        };
        self.identity = Identity::of(&file, self.read_len).map_err(failed)?;
        read
    }

    fn fault(&self, what: String) -> Failure {
        Failure::Fault { place: self.place.clone(), what }
    }

    /// Whole lines; the last one without a line feed waits for more unless it is known to be whole.
    fn lines(&mut self, bytes: &[u8], is_whole: bool, events: &mut Vec<Event>) -> Result<(), Failure> {
        let last = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let bytes = bytes.get(..if is_whole { bytes.len() } else { last }).unwrap_or_default();
        let mut behind = bytes;
        if !bytes.is_empty() && self.identity.end.last() != Some(&b'\n') {
            // The line feed of what was read comes only now.
            behind = bytes.strip_prefix(b"\n").ok_or_else(|| {
                self.fault(format!("line {} was read and goes on now: open it anew", self.lines))
            })?;
        }
        let header = Reader::new(self.header.as_slice()).map_err(|fault| self.fault(fault.to_string()))?;
        let mut reader = header.resume(behind, self.lines);
        let fault = loop {
            match reader.next_record() {
                None => break None,
                Some(Ok(record)) => events.extend(record.event.known().cloned()),
                Some(Err(fault)) => break Some(fault),
            }
        };
        let sound = match &fault {
            Some(ReadError::Decode(fault)) => fault.line.saturating_sub(self.lines + 1),
            _ => u64::MAX,
        };
        self.read_len += (bytes.len() - behind.len()) as u64;
        let sound = usize::try_from(sound).unwrap_or(usize::MAX);
        for line in behind.split_inclusive(|byte| *byte == b'\n').take(sound) {
            self.read_len += line.len() as u64;
            self.lines += 1;
        }
        fault.map_or(Ok(()), |fault| Err(self.fault(fault.to_string())))
    }

    /// Whole records; one that is still being written waits for more.
    fn records(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Failure> {
        let log = binary::Log::behind(bytes, self.owner.clone(), self.head);
        let mut records = log.records();
        let (mut end, mut head) = (0, self.head);
        let fault = loop {
            let logged = match records.next() {
                None => break None,
                Some(Ok(record)) => record.events().collect::<Result<Vec<_>, _>>(),
                Some(Err(fault)) if is_being_written(&fault) => break None,
                Some(Err(fault)) => Err(fault),
            };
            match logged {
                Ok(logged) => events.extend(logged.into_iter().filter_map(known)),
                Err(fault) => break Some(self.record_fault(fault)),
            }
            (end, head) = (records.offset(), records.head());
        };
        self.read_len += end;
        self.head = head;
        fault.map_or(Ok(()), Err)
    }

    fn record_fault(&self, mut fault: RecordFault) -> Failure {
        fault.offset += self.read_len;
        Failure::Fault { place: self.place.clone(), what: fault.to_string() }
    }
}

/// The event, if this version knows it.
fn known(logged: LoggedEvent) -> Option<Event> {
    match logged {
        LoggedEvent::Known(event) => Some(event),
        LoggedEvent::Skipped(_) => None,
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
