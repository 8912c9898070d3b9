//! Reading a log record by record, with the choices every command offers.

mod cores;
mod place;
mod tally;

use std::cell::RefCell;
use std::io::{self, BufRead, Cursor, Read as _};
use std::path::Path;
use std::rc::Rc;

#[cfg(feature = "tui")]
use chatfold::Timestamp;
#[cfg(feature = "tui")]
use chatfold::binary::RecordPlace;
use chatfold::binary::{self, LogHead, is_binary_log};
use chatfold::jsonl::{DEFAULT_LINE_LIMIT_BYTES, LogBytes, LoggedEvent, ReadError, Reader, decode_line};
use chatfold::snapshot::{LogPlace, LogPrefix};
use chatfold::{Inbox, Policy, Replay, UserId};

use self::place::{Behind, Rest, Told};
pub use self::tally::{Choice, Tally, count};
use crate::failure::Failure;
use crate::input::{Input, Packing, Source, Watch};
use crate::output::say;
use crate::progress::Progress;

/// How many records pass between two looks at the clock.
const RECORDS_PER_TICK: u64 = 4096;

/// How the first line of a text log begins, whatever its version.
const HEADER: &[u8] = b"{\"log\":\"chatfold\"";

/// The form of a log, told by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON Lines.
    Text,
    /// The binary log.
    Binary,
}

impl Form {
    /// The form that a file of this name has: `.chatfold` is binary, `.jsonl` text.
    pub fn of_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "chatfold" => Some(Self::Binary),
            "jsonl" => Some(Self::Text),
            _ => None,
        }
    }
}

/// A log whose header has been read.
pub struct OpenLog {
    source: Source,
    choice: Choice,
    owner: UserId,
    content: Content,
    watch: Watch,
    tally: Tally,
    /// What was taken of a text log, if that is to be told.
    taken: Option<Rc<RefCell<LogBytes>>>,
}

/// A sound binary log that was folded, all of whose events are known.
#[cfg(feature = "tui")]
pub struct KeptLog {
    /// Where its records lie in the file.
    pub records: Vec<RecordPlace>,
    pub inbox: Inbox,
    /// The time of each event.
    pub times: Vec<Timestamp>,
    pub tally: Tally,
}

/// What is behind the header.
enum Content {
    Text {
        reader: Box<Reader<Box<dyn BufRead>>>,
        /// The header's line.
        header: Vec<u8>,
        /// The first line, where it is an event because the header is missing and that was passed over.
        headless: Option<Box<LoggedEvent>>,
    },
    /// A binary log. It is read by record, and taken whole only from its first fault on: what stands behind a fault can
    /// only be told with everything at hand.
    Binary(Box<RecordReader>),
    /// All of a binary log whose header may be lost.
    Salvaged(Vec<u8>),
}

impl OpenLog {
    /// Opens the log and reads its header. Without one nobody knows whose log it is, so that is a failure
    /// unless [`Choice`] names an owner and passes faults over.
    pub fn open(source: &Source, choice: &Choice) -> Result<Self, Failure> {
        let (mut bytes, watch) = Input::open(source)?.into_parts();
        let mut head = Vec::with_capacity(8);
        bytes.by_ref().take(8).read_to_end(&mut head).map_err(|error| watch.judge(1, error))?;
        // With its owner named, a log is read though its header is lost.
        let headless = choice.keep_going && choice.owner.is_some() && !head.starts_with(b"{");
        let named_binary = matches!(source, Source::File(path) if Form::of_name(path) == Some(Form::Binary));
        let is_binary = is_binary_log(&head) || headless && named_binary;
        if is_binary {
            return Self::binary(source, choice, Box::new(Cursor::new(head).chain(bytes)), watch);
        }
        let mut taken = None;
        if choice.placed {
            let told = Told::new(bytes, &head);
            taken = Some(told.taken());
            bytes = Box::new(told);
        }
        let log = Self::text(source, choice, Box::new(Cursor::new(head).chain(bytes)), watch)?;
        Ok(Self { taken, ..log })
    }

    /// Opens a log behind the place where `prefix` of it ends, which counts as read. Returns `None` where the log is
    /// another, or is not as it was.
    pub fn behind(source: &Source, choice: &Choice, prefix: LogPrefix, place: LogPlace) -> Option<Self> {
        let Behind { owner, watch, rest } = Behind::find(source, prefix, place)?;
        let content = match rest {
            Rest::Text { reader, header } => Content::Text { reader, header, headless: None },
            Rest::Binary(reader) => Content::Binary(reader),
        };
        let tally = Tally { newest: place.newest, ..Tally::of(prefix) };
        let (source, choice) = (source.clone(), choice.clone());
        Some(Self { source, choice, owner, content, watch, tally, taken: None })
    }

    fn binary(
        source: &Source,
        choice: &Choice,
        mut bytes: Box<dyn BufRead>,
        watch: Watch,
    ) -> Result<Self, Failure> {
        let may_lack_header = choice.keep_going && choice.owner.is_some();
        if !may_lack_header {
            let reader = binary::Reader::new(bytes).map_err(|error| match error {
                binary::ReadError::Io { source, .. } => watch.judge_bytes(0, source),
                fault => Failure::Fault { place: source.to_string(), what: fault.to_string() },
            })?;
            let owner = choice.owner.clone().unwrap_or_else(|| reader.owner().clone());
            let content = Content::Binary(Box::new(reader));
            let (source, choice) = (source.clone(), choice.clone());
            return Ok(Self { source, choice, owner, content, watch, tally: Tally::default(), taken: None });
        }
        let mut whole = Vec::new();
        // Room for all of it at once, where there is that much; reading asks for more by itself.
        let _ =
            whole.try_reserve_exact(watch.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(0));
        let mut tally = Tally::default();
        if let Err(error) = bytes.read_to_end(&mut whole) {
            let failure = watch.judge_bytes(whole.len(), error);
            if !choice.keep_going || !matches!(failure, Failure::Fault { .. }) {
                return Err(failure);
            }
            // What could be unpacked before the damage is read.
            tally.faults += 1;
            say(&failure.describe());
        }
        let owner = match (binary::Log::open(&whole), &choice.owner) {
            (Ok(log), None) => log.owner().clone(),
            (Ok(_), Some(owner)) => owner.clone(),
            (Err(fault), Some(owner))
                if choice.keep_going && !matches!(fault, binary::HeaderError::Version { .. }) =>
            {
                tally.faults += 1;
                say(&format!("{source}: {fault}"));
                owner.clone()
            }
            (Err(fault), _) => {
                return Err(Failure::Fault { place: source.to_string(), what: fault.to_string() });
            }
        };
        let (source, choice) = (source.clone(), choice.clone());
        let content = Content::Salvaged(whole);
        Ok(Self { source, choice, owner, content, watch, tally, taken: None })
    }

    fn text(
        source: &Source,
        choice: &Choice,
        mut bytes: Box<dyn BufRead>,
        watch: Watch,
    ) -> Result<Self, Failure> {
        let mut tally = Tally::default();
        let mut headless = None;
        if let (true, Some(owner)) = (choice.keep_going, &choice.owner) {
            let first = first_line(&mut bytes).map_err(|error| watch.judge(1, error))?;
            let head = match Reader::salvaging(first.as_slice()) {
                Ok(_) => first,
                Err(fault) => {
                    tally.faults += 1;
                    say(&format!("{source}: {fault}"));
                    headless = decode_line(&first).ok().map(Box::new);
                    header(owner)
                }
            };
            bytes = Box::new(Cursor::new(head).chain(bytes));
        }
        let first = first_line(&mut bytes).map_err(|error| watch.judge(1, error))?;
        let is_log = first.starts_with(HEADER);
        let header = first.clone();
        let bytes: Box<dyn BufRead> = Box::new(Cursor::new(first).chain(bytes));
        let reader = if choice.keep_going { Reader::salvaging(bytes) } else { Reader::new(bytes) };
        let reader = reader.map_err(|error| match failure(source, &watch, error) {
            Failure::Fault { place, what } if !is_log => Failure::NoLog { place, what },
            failure => failure,
        })?;
        let owner = choice.owner.clone().unwrap_or_else(|| reader.owner().clone());
        let (source, choice) = (source.clone(), choice.clone());
        Ok(Self {
            source,
            choice,
            owner,
            content: Content::Text { reader: Box::new(reader), header, headless },
            watch,
            tally,
            taken: None,
        })
    }

    /// The owner: the one that was chosen, else the header's.
    pub fn owner(&self) -> &UserId {
        &self.owner
    }

    /// The line of a text log's header; nothing for another form.
    #[cfg(feature = "tui")]
    pub fn header(&self) -> &[u8] {
        if let Content::Text { header, .. } = &self.content { header } else { &[] }
    }

    /// What its records are counted in.
    pub fn unit(&self) -> &'static str {
        match self.form() {
            Form::Text => "line",
            Form::Binary => "event",
        }
    }

    /// The head of the log that a binary one was redacted from, if it was.
    pub fn redacted_from(&self) -> Option<LogHead> {
        match &self.content {
            Content::Text { .. } => None,
            Content::Binary(reader) => reader.header().redacted_from,
            Content::Salvaged(bytes) => binary::Log::open(bytes).ok()?.header().redacted_from,
        }
    }

    /// Whether it is packed.
    pub fn is_packed(&self) -> bool {
        self.watch.packing() != Packing::Plain
    }

    /// Its form.
    pub fn form(&self) -> Form {
        match self.content {
            Content::Text { .. } => Form::Text,
            Content::Binary(_) | Content::Salvaged(_) => Form::Binary,
        }
    }

    /// Reads the log to its end and hands every chosen record on, with the number of its line in a text log, of
    /// its event in a binary one, both from 1.
    pub fn read(self, mut sink: impl FnMut(u64, LoggedEvent)) -> Result<Tally, Failure> {
        let Self { source, choice, owner, content, watch, tally, taken } = self;
        let mut reading = Reading::new(source, choice, watch, tally);
        match content {
            Content::Text { reader, headless, .. } => reading.text(*reader, headless, sink)?,
            Content::Binary(reader) => {
                reading.binary(*reader, owner, |reading, record| reading.record(record, &mut sink))?;
            }
            Content::Salvaged(bytes) => reading.salvage(&bytes, owner, sink)?,
        }
        if let Some(taken) = taken.as_ref().map(|taken| taken.borrow()).filter(|taken| taken.is_whole_lines())
        {
            reading.tally.place = Some(LogPlace::new(taken.len_bytes(), taken.check()));
        }
        Ok(reading.end())
    }

    /// Folds the log: a long text log on several cores.
    pub fn fold(self, policy: Policy) -> Result<(Inbox, Tally), Failure> {
        let cores = cores::cores(self.watch.size().unwrap_or(0));
        let all = self.choice.first.is_none() && !self.choice.keep_going;
        match self.content {
            Content::Text { reader, header, headless: None } if all && cores.get() > 1 => {
                let Self { source, choice, owner, watch, .. } = self;
                let (input, before) = reader.into_rest();
                let text =
                    cores::Text { input, header: &header, before, owner: &owner, policy, choice: &choice };
                let mut progress = Progress::bytes(format!("reading {source}"), watch.size());
                let folded = text.fold(cores, || progress.tick(watch.bytes_read()));
                let panicked = || Failure::unread(&source, io::Error::other("a thread panicked"));
                let folded = folded.ok_or_else(panicked)?;
                let (inbox, tally) = folded.map_err(|error| failure(&source, &watch, error))?;
                Ok((inbox, Reading::new(source, choice, watch, tally).end()))
            }
            content => Self { content, ..self }.fold_on_one(policy),
        }
    }

    /// Folds the log on this thread.
    fn fold_on_one(self, policy: Policy) -> Result<(Inbox, Tally), Failure> {
        let mut replay = Replay::new(self.owner.clone(), policy);
        let tally = match self.by_record() {
            Ok((mut reading, owner, reader)) => {
                reading.binary(*reader, owner, |reading, record| reading.fold(record, &mut replay))?;
                reading.end()
            }
            Err(log) => log.read(|_, event| {
                if let LoggedEvent::Known(event) = &event {
                    replay.push(event);
                }
            })?,
        };
        Ok((replay.finish(), tally))
    }

    /// Folds a binary log and remembers where its records lie and when its events happened. Returns `None` unless it is
    /// sound, all of its events are known, and all of them are chosen.
    #[cfg(feature = "tui")]
    pub fn fold_kept(self, policy: Policy) -> Option<KeptLog> {
        let is_packed = self.is_packed();
        let (mut reading, owner, reader) = self.by_record().ok().filter(|_| !is_packed)?;
        let mut replay = Replay::new(owner.clone(), policy);
        let (mut records, mut times, mut has_times) = (Vec::new(), Vec::new(), true);
        let take = |reading: &mut Reading, record: &binary::Record<'_>| {
            records.push(record.place());
            match record.times() {
                Some(more) => times.extend(more),
                None => has_times = false,
            }
            reading.fold(record, &mut replay)
        };
        reading.binary(*reader, owner, take).ok()?;
        let tally = reading.end();
        let is_whole = has_times && tally.faults == 0 && tally.skipped == 0;
        is_whole.then(|| KeptLog { records, inbox: replay.finish(), times, tally })
    }

    /// Begins to read a binary log of which every event is chosen: its records need not be taken apart.
    ///
    /// # Errors
    ///
    /// The log as it was, if it is another.
    fn by_record(self) -> Result<(Reading, UserId, Box<RecordReader>), Box<Self>> {
        if self.choice.first.is_some() || self.choice.until.is_some() {
            return Err(Box::new(self));
        }
        match self.content {
            Content::Binary(reader) => {
                let Self { source, choice, owner, watch, tally, .. } = self;
                Ok((Reading::new(source, choice, watch, tally), owner, reader))
            }
            content => Err(Box::new(Self { content, ..self })),
        }
    }
}

/// A binary log as it is read from a file.
type RecordReader = binary::Reader<Box<dyn BufRead>>;

/// A log being read.
struct Reading {
    source: Source,
    choice: Choice,
    watch: Watch,
    tally: Tally,
    progress: Progress,
    /// The byte of a binary log at which what is being read begins.
    begin_byte: u64,
}

impl Reading {
    fn new(source: Source, choice: Choice, watch: Watch, tally: Tally) -> Self {
        let progress = Progress::bytes(format!("reading {source}"), watch.size());
        Self { source, choice, watch, tally, progress, begin_byte: 0 }
    }

    fn wants_more(&self) -> bool {
        self.choice.first.is_none_or(|first| self.tally.lines < first)
    }

    fn take(&mut self, line: u64, event: LoggedEvent, sink: &mut impl FnMut(u64, LoggedEvent)) {
        self.tally.take(&self.choice, line, event, sink);
        if self.tally.lines.is_multiple_of(RECORDS_PER_TICK) {
            self.progress.tick(self.watch.bytes_read());
        }
    }

    /// Passes a fault over, or ends with it.
    fn pass(&mut self, failure: Failure) -> Result<(), Failure> {
        if !self.choice.keep_going || !matches!(failure, Failure::Fault { .. }) {
            return Err(failure);
        }
        self.tally.faults += 1;
        if !self.choice.silent {
            self.progress.aside(|| say(&failure.describe()));
        }
        Ok(())
    }

    fn text(
        &mut self,
        mut reader: Reader<Box<dyn BufRead>>,
        headless: Option<Box<LoggedEvent>>,
        mut sink: impl FnMut(u64, LoggedEvent),
    ) -> Result<(), Failure> {
        if let Some(event) = headless {
            self.take(1, *event, &mut sink);
        }
        while self.wants_more() {
            match reader.next_record() {
                None => {
                    #[cfg(feature = "tui")]
                    self.tally.is_at_line(reader.into_rest().1);
                    break;
                }
                Some(Ok(record)) => self.take(record.line, record.event, &mut sink),
                Some(Err(error)) => {
                    let over = matches!(error, ReadError::Io { .. });
                    self.pass(failure(&self.source, &self.watch, error))?;
                    self.tally.lines += u64::from(!over);
                    if over {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// What was read.
    fn end(mut self) -> Tally {
        self.tally.len_bytes = self.watch.bytes_read();
        self.tally.unchecked_frames = self.watch.unchecked_frames();
        let is_all = self.choice.placed && self.tally.faults == 0 && self.tally.later == 0;
        let newest = self.tally.newest;
        self.tally.place = self.tally.place.filter(|_| is_all).map(|place| place.with_newest(newest));
        if self.tally.unchecked_frames > 0 && !self.choice.silent {
            let frames = count(self.tally.unchecked_frames, "zstd frame");
            let what = "without a checksum: damage to them may not be noticed";
            self.progress.aside(|| say(&format!("{}: {frames} {what}", self.source)));
        }
        self.tally
    }

    /// Reads what is at hand of a log whose header may be lost.
    fn salvage(
        &mut self,
        bytes: &[u8],
        owner: UserId,
        mut sink: impl FnMut(u64, LoggedEvent),
    ) -> Result<(), Failure> {
        let log = binary::Log::open(bytes).unwrap_or_else(|_| binary::Log::without_header(bytes, owner));
        self.records(log, 0, &mut |reading, record| reading.record(record, &mut sink))
    }

    /// Reads a log by record, and from its first fault on with the rest at hand.
    fn binary(
        &mut self,
        mut reader: RecordReader,
        owner: UserId,
        mut take: impl FnMut(&mut Self, &binary::Record<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let failed = loop {
            if !self.wants_more() {
                break None;
            }
            match reader.next_record() {
                Ok(Some(record)) => take(self, &record)?,
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let (head, offset) = (reader.head(), reader.offset());
        match failed {
            None => {
                self.tally.head = Some(head).filter(|_| self.tally.faults == 0 && self.wants_more());
                // What is behind the last event that was chosen may be in the same record.
                let place = LogPlace::new(offset, head.check);
                self.tally.place = Some(place).filter(|_| head.events == self.tally.lines);
            }
            Some(binary::ReadError::Io { source, .. }) => {
                self.pass(self.watch.judge_bytes(usize::try_from(offset).unwrap_or(usize::MAX), source))?;
            }
            Some(_) => {
                let (mut rest, mut input) = reader.into_rest();
                let ended = input.read_to_end(&mut rest);
                self.records(binary::Log::behind(&rest, owner, head), offset, &mut take)?;
                if let Err(error) = ended {
                    let at = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(rest.len());
                    self.pass(self.watch.judge_bytes(at, error))?;
                }
            }
        }
        Ok(())
    }

    /// Reads what is at hand of a log, which begins at this byte of it.
    fn records(
        &mut self,
        log: binary::Log<'_>,
        offset: u64,
        take: &mut impl FnMut(&mut Self, &binary::Record<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let log = if self.choice.unproven { log.taking_unproven() } else { log };
        let mut records = log.records();
        self.begin_byte = offset;
        for record in records.by_ref() {
            if !self.wants_more() {
                return Ok(());
            }
            match record {
                Ok(record) => take(self, &record)?,
                Err(fault) => {
                    let lost = match fault.after {
                        binary::FaultEnd::Record { position } => position.saturating_sub(fault.position),
                        _ => 1,
                    };
                    self.pass_record(fault, lost)?;
                }
            }
        }
        self.tally.head = Some(records.head()).filter(|_| self.tally.faults == 0);
        Ok(())
    }

    /// Passes a fault over by which so many events are lost, or ends with it.
    fn pass_record(&mut self, mut fault: binary::RecordFault, lost: u64) -> Result<(), Failure> {
        fault.offset += self.begin_byte;
        self.tally.lines += lost;
        self.pass(Failure::Fault { place: self.source.to_string(), what: fault.to_string() })
    }

    /// Folds the events of a record, all of which are chosen.
    fn fold(&mut self, record: &binary::Record<'_>, replay: &mut Replay) -> Result<(), Failure> {
        match record.fold(replay) {
            Ok(folded) if folded.skipped == 0 => {
                self.tally.lines += folded.events;
                self.tally.events += folded.events;
                self.tally.newest = self.tally.newest.max(folded.newest);
                self.progress.tick(self.watch.bytes_read());
                Ok(())
            }
            // What is wrong or not known is told event by event. Those folded already are folded once more, which changes
            // nothing (R04).
            _ => self.record(record, &mut |_, event| {
                if let LoggedEvent::Known(event) = &event {
                    replay.push(event);
                }
            }),
        }
    }

    /// Hands on the events of a record.
    fn record(
        &mut self,
        record: &binary::Record<'_>,
        sink: &mut impl FnMut(u64, LoggedEvent),
    ) -> Result<(), Failure> {
        let mut number = record.place().position;
        for event in record.events() {
            if !self.wants_more() {
                break;
            }
            number += 1;
            match event {
                Ok(event) => self.take(number, event, sink),
                Err(fault) => self.pass_record(fault, 1)?,
            }
        }
        Ok(())
    }
}

/// Folds a log as it is read.
pub fn fold_whole(source: &Source, choice: &Choice, policy: Policy) -> Result<(Inbox, Tally), Failure> {
    let (inbox, tally) = OpenLog::open(source, choice)?.fold(policy)?;
    if choice.verbose {
        say(&format!("{source}: read {}, {}", count(tally.lines, "event"), count(tally.len_bytes, "byte")));
    }
    Ok((inbox, tally))
}

/// The first line with its end, and no more memory than any other line may take.
fn first_line(bytes: &mut Box<dyn BufRead>) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let limit = u64::try_from(DEFAULT_LINE_LIMIT_BYTES).unwrap_or(u64::MAX).saturating_add(2);
    bytes.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if line.len() as u64 == limit && line.last() != Some(&b'\n') {
        bytes.skip_until(b'\n')?;
    }
    Ok(line)
}

/// The header that stands in for a missing one.
fn header(owner: &UserId) -> Vec<u8> {
    format!("{}\n", serde_json::json!({"log": "chatfold", "v": 1, "owner": owner.as_str()})).into_bytes()
}

fn failure(source: &Source, watch: &Watch, error: ReadError) -> Failure {
    match error {
        ReadError::Io { line, source, .. } => watch.judge(line, source),
        fault => Failure::Fault { place: source.to_string(), what: fault.to_string() },
    }
}
