//! The archive of an inbox: a binary log of it from its first event on, in a file of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::{fs, vec};

use chatfold::binary::{Header, Reader, Writer};
use chatfold::jsonl::{LoggedEvent, encode_event};
use chatfold::snapshot::LogPrefix;
use chatfold::{EventId, UserId};

use crate::SqliteError;

/// The error of an archive.
pub(crate) fn failed(path: &Path, what: impl Into<String>) -> SqliteError {
    SqliteError::Archive { path: path.to_owned(), what: what.into() }
}

fn unwritten(path: &Path) -> impl Fn(io::Error) -> SqliteError {
    move |error| failed(path, format!("it cannot be written: {error}"))
}

/// The events of an archive, one record of them in memory at a time.
#[derive(Debug)]
pub(crate) struct Archived {
    path: PathBuf,
    reader: Reader<BufReader<File>>,
    record: vec::IntoIter<LoggedEvent>,
    /// The log up to the last event that was read.
    pub(crate) prefix: LogPrefix,
}

impl Archived {
    /// Opens the archive of an inbox.
    pub(crate) fn open(path: &Path, owner: &UserId) -> Result<Self, SqliteError> {
        let file = File::open(path).map_err(|error| failed(path, format!("it cannot be opened: {error}")))?;
        let reader = Reader::new(BufReader::new(file)).map_err(|error| failed(path, error.to_string()))?;
        if reader.owner() != owner {
            return Err(failed(path, format!("it is the log of {}, not of {owner}", reader.owner())));
        }
        Ok(Self { path: path.to_owned(), reader, record: Vec::new().into_iter(), prefix: LogPrefix::EMPTY })
    }

    /// The next event: its id, its line, and itself; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(EventId, Vec<u8>, LoggedEvent)>, SqliteError> {
        let failed = |error: String| failed(&self.path, error);
        let logged = loop {
            if let Some(logged) = self.record.next() {
                break logged;
            }
            let record = self.reader.next_record().map_err(|error| failed(error.to_string()))?;
            let Some(record) = record else { return Ok(None) };
            let events: Result<Vec<_>, _> = record.events().collect();
            self.record = events.map_err(|error| failed(error.to_string()))?.into_iter();
        };
        let (id, line) = match &logged {
            LoggedEvent::Known(event) => (Some(event.id()), encode_event(event).into_bytes()),
            LoggedEvent::Skipped(line) => (line.id(), line.raw().as_bytes().to_vec()),
        };
        self.prefix.push(&line);
        let position = self.prefix.events;
        let id = id.ok_or_else(|| failed(format!("its event at position {position} has no id")))?;
        Ok(Some((id, line, logged)))
    }

    /// Reads up to a position, or the end before it, and returns the log up to there.
    pub(crate) fn skip_to(&mut self, events: u64) -> Result<LogPrefix, SqliteError> {
        while self.prefix.events < events && self.next()?.is_some() {}
        Ok(self.prefix)
    }
}

/// An archive that is written beside the one that may be there, and takes its place once all of it is on the disk.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    /// Its file until then, which is removed if it does not come so far.
    beside: PathBuf,
    writer: Writer<BufWriter<File>>,
    kept: bool,
}

impl Draft {
    /// Begins the archive of an inbox.
    pub(crate) fn begin(path: &Path, owner: &UserId) -> Result<Self, SqliteError> {
        let mut name = path.file_name().ok_or_else(|| failed(path, "it is no name of a file"))?.to_owned();
        name.push(".chatfold-draft");
        let beside = path.with_file_name(name);
        let file = File::create(&beside).map_err(unwritten(&beside))?;
        let header = Header::new(owner.clone());
        let writer = Writer::new(BufWriter::new(file), &header).map_err(unwritten(&beside))?;
        Ok(Self { path: path.to_owned(), beside, writer, kept: false })
    }

    /// Writes an event behind the others.
    pub(crate) fn write(&mut self, event: &LoggedEvent) -> Result<(), SqliteError> {
        self.writer.write(event).map_err(unwritten(&self.beside))
    }

    /// Syncs the file, reads it back, holds it against the log that it is to be, and gives it its name, synced too.
    pub(crate) fn keep(mut self, owner: &UserId, log: LogPrefix) -> Result<(), SqliteError> {
        let beside = self.beside.clone();
        let unwritten = unwritten(&beside);
        self.writer.flush().map_err(&unwritten)?;
        let file = OpenOptions::new().write(true).open(&beside).map_err(&unwritten)?;
        file.sync_all().map_err(&unwritten)?;
        let mut again = Archived::open(&beside, owner)?;
        if again.skip_to(u64::MAX)? != log {
            return Err(failed(&beside, "what was read back is not what was written"));
        }
        fs::rename(&beside, &self.path).map_err(&unwritten)?;
        self.kept = true;
        sync_folder(&self.path).map_err(unwritten)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody looks at it; the next one takes its place.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// Makes the name of a file durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Elsewhere folders cannot be synced: renaming is as durable as the system makes it.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
