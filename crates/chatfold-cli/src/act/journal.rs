//! A log open for appending: locked, its torn end set aside, written once and synced.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use chatfold::binary::{self, Header, LogHead};
use chatfold::jsonl::{LoggedEvent, ReadError, Reader, Writer, is_whole_line};
use chatfold::{Event, Inbox, Policy, Replay, UserId};

use crate::atomic_file::sync_folder;
use crate::failure::Failure;
use crate::input::{Packing, Source};
use crate::log::Form;
use crate::sidecar_files::{append_beside, is_at};

/// How every header begins.
const HEADER: &[u8] = b"{\"log\":\"chatfold\"";

/// How much is read at a time when looking back for the last line.
const STEP_LEN_BYTES: u64 = 64 * 1024;

/// How long a lock that another process holds is left alone before it is tried again.
const LOCK_STEP: Duration = Duration::from_millis(10);

/// A log, locked while this lives.
pub struct Journal {
    path: PathBuf,
    place: String,
    /// Absent in a dry run without a log.
    file: Option<File>,
    owner: Option<UserId>,
    /// The log's whole lines end here.
    sound_len: u64,
    /// The last whole line has no line feed.
    open_end: bool,
    is_new: bool,
    /// What stands behind the whole lines or records.
    torn: Option<Vec<u8>>,
    form: Form,
    /// Where a binary log ends.
    head: Option<(Header, LogHead)>,
    /// How long the lock is waited for; absent: as long as it takes.
    patience: Option<Duration>,
}

impl Journal {
    /// Opens and locks the log at `path`; makes it for `owner` if it is not there, unless in a dry run.
    pub fn open(path: &Path, owner: Option<&UserId>, dry_run: bool) -> Result<Self, Failure> {
        Self::prepare(path, owner, None)?.begin(dry_run)
    }

    /// Opens and locks the log at `path`, which is there and belongs to `owner`, for who has folded it before;
    /// gives up where another process holds the lock for longer than that.
    pub fn reopen(path: &Path, owner: &UserId, patience: Duration) -> Result<Self, Failure> {
        let mut journal = Self::prepare(path, None, Some(patience))?.begin(false)?;
        journal.owner = Some(owner.clone());
        Ok(journal)
    }

    fn prepare(path: &Path, owner: Option<&UserId>, patience: Option<Duration>) -> Result<Self, Failure> {
        let source = Source::from(path);
        if source == Source::Stdin {
            let text = "events cannot be appended to standard input (-): name a file";
            return Err(Failure::Usage(text.to_owned()));
        }
        let place = source.to_string();
        let (path, owner) = (path.to_owned(), owner.cloned());
        let form = Form::of_name(&path).unwrap_or(Form::Text);
        Ok(Self {
            path,
            place,
            file: None,
            owner,
            sound_len: 0,
            open_end: false,
            is_new: true,
            torn: None,
            form,
            head: None,
            patience,
        })
    }

    fn begin(self, dry_run: bool) -> Result<Self, Failure> {
        let there = self.path.try_exists().map_err(|error| self.failed("cannot be read", error))?;
        if !there && self.owner.is_none() {
            let text = format!("{}: there is no such log (--as OWNER makes it)", self.place);
            return Err(Failure::Usage(text));
        }
        if !there && dry_run {
            return Ok(self);
        }
        self.lock(!there, dry_run)
    }

    fn lock(mut self, create: bool, dry_run: bool) -> Result<Self, Failure> {
        if self.path.is_dir() {
            return Err(Failure::Usage(format!("{}: is a directory, not a log", self.place)));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(!dry_run).create(create).truncate(false);
        let deadline = self.patience.map(|patience| Instant::now() + patience);
        let mut file = loop {
            let file = options.open(&self.path).map_err(|error| self.failed("cannot be opened", error))?;
            let locked = match deadline {
                Some(deadline) => lock_until(&file, deadline),
                None if dry_run => file.lock_shared(),
                None => file.lock(),
            };
            locked.map_err(|error| self.failed("cannot be locked", error))?;
            // While the lock was waited for, another file may have got the name.
            if is_at(&file, &self.path).map_err(|error| self.failed("cannot be read", error))? {
                break file;
            }
        };
        self.torn = self.examine(&mut file)?;
        self.is_new = self.sound_len == 0;
        if self.is_new && self.owner.is_none() {
            let text = format!("{}: the log is empty (--as OWNER begins it)", self.place);
            return Err(Failure::Usage(text));
        }
        self.file = Some(file);
        Ok(self)
    }

    /// Finds where the whole lines end. Returns what stands behind them, if anything.
    fn examine(&mut self, file: &mut File) -> Result<Option<Vec<u8>>, Failure> {
        let failed = |error| self.failed("cannot be read", error);
        let len = file.metadata().map_err(failed)?.len();
        let mut head = Vec::with_capacity(8);
        (&*file).take(8).read_to_end(&mut head).map_err(failed)?;
        if !head.is_empty() {
            let begun = !head.starts_with(b"{") && self.form == Form::Binary;
            self.form = if binary::is_binary_log(&head) || begun { Form::Binary } else { Form::Text };
        }
        let packing = Packing::of(head.get(..4).unwrap_or(&head));
        if self.form == Form::Binary && packing == Packing::Plain {
            return self.examine_records(file);
        }
        if packing != Packing::Plain {
            let text = format!("{}: events cannot be appended to a {} log", self.place, packing.name());
            return Err(Failure::Usage(text));
        }
        self.sound_len = len;
        let start = last_line(file, len).map_err(|error| self.failed("cannot be read", error))?;
        let mut line = Vec::new();
        file.seek(SeekFrom::Start(start)).map_err(|error| self.failed("cannot be read", error))?;
        file.read_to_end(&mut line).map_err(|error| self.failed("cannot be read", error))?;
        // What ends in a line feed was written whole, whatever it says; the rest is whole by the reader's grammar.
        let is_whole = line.ends_with(b"\n") || is_whole_line(&line);
        if line.is_empty() || is_whole {
            self.open_end = !line.is_empty() && !line.ends_with(b"\n");
            return Ok(None);
        }
        // A first line that is not the beginning of a header is another file than a log, not the end of one.
        if start == 0 && !(HEADER.starts_with(&line) || line.starts_with(HEADER)) {
            return Ok(None);
        }
        self.sound_len = start;
        Ok(Some(line))
    }

    /// Finds where the whole records of a binary log end. Returns what stands behind them, if anything.
    fn examine_records(&mut self, file: &mut File) -> Result<Option<Vec<u8>>, Failure> {
        let mut bytes = self.bytes(file, u64::MAX)?;
        let fault = |what: String| Failure::Fault { place: self.place.clone(), what };
        let log = match binary::Log::open(&bytes) {
            Ok(log) => log,
            // A header that was not wholly written: nothing stands behind it.
            Err(binary::HeaderError::Short { .. }) if holds_no_record(&bytes) => {
                self.sound_len = 0;
                return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
            }
            Err(error) => return Err(fault(error.to_string())),
        };
        let mut records = log.records();
        let mut sound_len = bytes.len() as u64;
        for record in records.by_ref() {
            match record {
                Ok(_) => {}
                Err(torn) if torn.is_torn_tail() => sound_len = torn.offset,
                Err(error) => return Err(fault(error.to_string())),
            }
        }
        self.head = Some((log.header().clone(), records.head()));
        self.sound_len = sound_len;
        let torn = bytes.split_off(usize::try_from(sound_len).unwrap_or(usize::MAX).min(bytes.len()));
        Ok(Some(torn).filter(|torn| !torn.is_empty()))
    }

    /// The first so many bytes of the log.
    fn bytes(&self, file: &mut File, len_bytes: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read =
            file.seek(SeekFrom::Start(0)).and_then(|_| (&*file).take(len_bytes).read_to_end(&mut bytes));
        read.map_err(|error| self.failed("cannot be read", error))?;
        Ok(bytes)
    }

    /// What is to be said where nothing is appended: that the end is torn, if it is, and was left so.
    pub fn left(&self) -> Option<String> {
        let torn = self.torn.as_ref()?;
        Some(format!("{}: it is left there, since nothing is appended", self.found(torn)))
    }

    /// Where the whole lines or records end.
    pub fn sound_len_bytes(&self) -> u64 {
        self.sound_len
    }

    fn found(&self, torn: &[u8]) -> String {
        let what = match self.form {
            Form::Text => "line",
            Form::Binary => "record",
        };
        format!("{}: the last {what} is torn, {} bytes from byte {}", self.place, torn.len(), self.sound_len)
    }

    /// Moves the torn end to `LOG.torn`, synced there before it goes here. Returns what is to be said of it.
    fn set_aside(&mut self) -> Result<Option<String>, Failure> {
        let (Some(torn), Some(file)) = (self.torn.take(), &self.file) else { return Ok(None) };
        let mut name: OsString = self.path.as_os_str().to_owned();
        name.push(".torn");
        let aside = PathBuf::from(name);
        let to = Source::File(aside.clone());
        let moved = || -> io::Result<()> {
            let mut kept = append_beside(&aside, file)?;
            let mut bytes = torn.clone();
            if self.form == Form::Text && !bytes.ends_with(b"\n") {
                bytes.push(b'\n');
            }
            kept.write_all(&bytes)?;
            kept.sync_all()?;
            file.set_len(self.sound_len)?;
            file.sync_all()
        };
        moved().map_err(|error| self.failed(&format!("its torn end cannot be moved to {to}"), error))?;
        Ok(Some(format!("{}: they are in {to} now", self.found(&torn))))
    }

    /// Folds the log up to where its whole lines or records end.
    pub fn fold(&mut self) -> Result<Inbox, Failure> {
        let (inbox, owner) = match (self.form, self.is_new) {
            (Form::Binary, false) => self.fold_records()?,
            _ => self.fold_lines()?,
        };
        if self.owner.as_ref().is_some_and(|wanted| *wanted != owner) {
            let text = format!("{}: the log belongs to {owner}: leave --as out", self.place);
            return Err(Failure::Usage(text));
        }
        self.owner = Some(owner);
        Ok(inbox)
    }

    fn fold_records(&mut self) -> Result<(Inbox, UserId), Failure> {
        let Some(mut file) = self.file.take() else { return self.fold_lines() };
        let bytes = self.bytes(&mut file, self.sound_len)?;
        self.file = Some(file);
        let fault = |what: String| Failure::Fault { place: self.place.clone(), what };
        let log = binary::Log::open(&bytes).map_err(|error| fault(error.to_string()))?;
        let mut replay = Replay::new(log.owner().clone(), Policy::default());
        log.fold(&mut replay).map_err(|error| fault(error.to_string()))?;
        Ok((replay.finish(), log.owner().clone()))
    }

    fn fold_lines(&mut self) -> Result<(Inbox, UserId), Failure> {
        let (Some(file), false) = (&mut self.file, self.is_new) else {
            let owner =
                self.owner.clone().ok_or_else(|| Failure::Usage("--as OWNER is missing".to_owned()))?;
            return Ok((Inbox::new(owner.clone(), Policy::default()), owner));
        };
        let place = self.place.clone();
        let failure = |error: ReadError| match error {
            ReadError::Io { line, source } => Failure::Input {
                place: place.clone(),
                what: format!("line {line}: cannot be read"),
                source: Some(source),
            },
            fault => Failure::Fault { place: place.clone(), what: fault.to_string() },
        };
        let rewound = file.seek(SeekFrom::Start(0)).map_err(|source| ReadError::Io { line: 1, source });
        rewound.map_err(&failure)?;
        let lines = BufReader::with_capacity(64 * 1024, (&*file).take(self.sound_len));
        let mut reader = Reader::new(lines).map_err(&failure)?;
        let owner = reader.owner().clone();
        let mut replay = Replay::new(owner.clone(), Policy::default());
        while let Some(record) = reader.next_record() {
            if let LoggedEvent::Known(event) = record.map_err(&failure)?.event {
                replay.push(&event);
            }
        }
        Ok((replay.finish(), owner))
    }

    /// Appends `events` in one write and syncs them, a torn end set aside before; takes back what a failed write
    /// left. What is to be said of a torn end.
    pub fn append(&mut self, events: &[Event]) -> Result<Option<String>, Failure> {
        if events.is_empty() {
            return Ok(self.left());
        }
        let note = self.set_aside()?;
        let (Some(file), Some(owner)) = (&self.file, &self.owner) else { return Ok(note) };
        let written = || -> io::Result<()> {
            let bytes = self.encoded(events, owner)?;
            let mut end = file;
            end.seek(SeekFrom::Start(self.sound_len))?;
            end.write_all(&bytes)?;
            file.sync_all()?;
            if self.is_new { sync_folder(&self.path) } else { Ok(()) }
        };
        let is_here = || is_at(file, &self.path);
        written().map_err(|error| {
            // What is left of a failed write would be a torn end: the next command finds it if this fails too.
            let _ = file.set_len(self.sound_len);
            let aside = note.as_deref().map(|note| format!("; {note}")).unwrap_or_default();
            self.failed(&format!("cannot be written{aside}"), error)
        })?;
        // Who replaces a log without its lock takes the events with it.
        if !is_here().map_err(|error| self.failed("cannot be read", error))? {
            let what =
                "was replaced while events were appended to it: they are not in the log now".to_owned();
            return Err(Failure::Input { place: self.place.clone(), what, source: None });
        }
        Ok(note)
    }

    /// What is appended.
    fn encoded(&self, events: &[Event], owner: &UserId) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.form == Form::Binary {
            let mut writer = match self.head.as_ref().filter(|_| !self.is_new) {
                Some((header, head)) => binary::Writer::resume(bytes, header, *head),
                None => binary::Writer::new(bytes, &Header::new(owner.clone()))?,
            };
            events.iter().try_for_each(|event| writer.write_event(event))?;
            writer.flush()?;
            return Ok(writer.into_inner());
        }
        if self.open_end {
            bytes.push(b'\n');
        }
        let mut writer =
            if self.is_new { Writer::new(&mut bytes, owner)? } else { Writer::append(&mut bytes) };
        events.iter().try_for_each(|event| writer.write_event(event))?;
        Ok(bytes)
    }

    fn failed(&self, what: &str, error: io::Error) -> Failure {
        Failure::Input { place: self.place.clone(), what: what.to_owned(), source: Some(error) }
    }
}

/// Locks a file, or gives up.
fn lock_until(file: &File, deadline: Instant) -> io::Result<()> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds the lock"));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_STEP),
        }
    }
}

/// Where the last line of a file of `len` bytes begins, its own line feed apart.
fn last_line(file: &mut File, len: u64) -> io::Result<u64> {
    let mut end = len.saturating_sub(1);
    let mut buffer = Vec::new();
    while end > 0 {
        let from = end.saturating_sub(STEP_LEN_BYTES);
        file.seek(SeekFrom::Start(from))?;
        buffer.clear();
        (&*file).take(end - from).read_to_end(&mut buffer)?;
        if let Some(at) = buffer.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// Whether no valid record stands in the bytes of a binary log.
fn holds_no_record(bytes: &[u8]) -> bool {
    UserId::parse("-")
        .is_ok_and(|nobody| binary::Log::without_header(bytes, nobody).records().next().is_none())
}
