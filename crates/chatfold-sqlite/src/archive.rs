//! The archive of an inbox: a binary log of it from its first event on, in a file of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek as _};
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
        Self::over(file, path, owner)
    }

    /// The same over a file that is open.
    fn over(file: File, path: &Path, owner: &UserId) -> Result<Self, SqliteError> {
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
///
/// Its file is new and nobody else's, locked while this lives, and removed if it does not come so far. Those that a
/// process that was killed left are removed when another begins.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    beside: PathBuf,
    /// What the writer writes to, to be read back.
    file: File,
    writer: Writer<BufWriter<File>>,
    kept: bool,
}

impl Draft {
    /// Begins the archive of an inbox. It gets the mode of the archive that it replaces, else of the store's file as far as
    /// the user's mask leaves it.
    pub(crate) fn begin(path: &Path, owner: &UserId, store: Option<&Path>) -> Result<Self, SqliteError> {
        let name = path.file_name().ok_or_else(|| failed(path, "it is no name of a file"))?;
        sweep(path, &name.to_string_lossy());
        for number in 0_u64.. {
            let mut name = name.to_owned();
            name.push(format!("{DRAFT}-{number}"));
            let beside = path.with_file_name(name);
            let file = match create(&beside, path, store) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(unwritten(&beside)(error)),
            };
            // Where files cannot be locked, nobody takes this one for what a killed process left either.
            let _ = file.lock();
            if !is_at(&file, &beside).map_err(unwritten(&beside))? {
                continue;
            }
            let header = Header::new(owner.clone());
            let written = file.try_clone().map_err(unwritten(&beside))?;
            let writer = Writer::new(BufWriter::new(written), &header).map_err(unwritten(&beside))?;
            return Ok(Self { path: path.to_owned(), beside, file, writer, kept: false });
        }
        Err(failed(path, "every name for a draft of it is taken"))
    }

    /// Writes an event behind the others.
    pub(crate) fn write(&mut self, event: &LoggedEvent) -> Result<(), SqliteError> {
        self.writer.write(event).map_err(unwritten(&self.beside))
    }

    /// Syncs the file, reads it back, and holds it against the log that it is to be.
    pub(crate) fn verify(&mut self, owner: &UserId, log: LogPrefix) -> Result<(), SqliteError> {
        let unwritten = unwritten(&self.beside);
        self.writer.flush().map_err(&unwritten)?;
        self.file.sync_all().map_err(&unwritten)?;
        // Over the handle that holds the lock: on some systems no other one may read what is locked.
        let mut file = self.file.try_clone().map_err(&unwritten)?;
        file.rewind().map_err(&unwritten)?;
        let mut again = Archived::over(file, &self.beside, owner)?;
        if again.skip_to(u64::MAX)? != log {
            return Err(failed(&self.beside, "what was read back is not what was written"));
        }
        Ok(())
    }

    /// Gives the file, which was verified, the archive's name, synced too.
    pub(crate) fn keep(mut self) -> Result<(), SqliteError> {
        let unwritten = unwritten(&self.beside);
        fs::rename(&self.beside, &self.path).map_err(&unwritten)?;
        self.kept = true;
        sync_folder(&self.path).map_err(unwritten)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody looks at it; who begins another one removes it.
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// What a draft's name has behind the archive's, before a number.
const DRAFT: &str = ".chatfold-draft";

/// Removes the drafts of an archive of this name whose writers were killed: whoever writes one holds its lock.
fn sweep(path: &Path, name: &str) {
    let prefix = format!("{name}{DRAFT}");
    let Ok(entries) = fs::read_dir(folder(path)) else { return };
    for entry in entries.filter_map(Result::ok) {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let number = found.strip_prefix(&prefix).map(|rest| rest.strip_prefix('-').unwrap_or(rest));
        let is_draft = number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_draft || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // The lock is held until the file is gone: who has just made it and not locked it yet sees that it is gone.
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes a new file with the mode of the one it is to replace, else of the store's as far as the user's mask leaves it.
fn create(path: &Path, replaced: &Path, store: Option<&Path>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let mode = |path: &Path| Some(fs::metadata(path).ok()?.permissions().mode());
        let replaced = mode(replaced).map(|mode| mode & 0o777);
        let like_store = store.and_then(mode).map(|mode| mode & 0o666);
        options.mode(replaced.or(like_store).unwrap_or(0o666));
        let file = options.open(path)?;
        if let Some(mode) = replaced {
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    {
        let _ = (replaced, store);
        options.open(path)
    }
}

/// Whether the open file is the one that bears the name. Where files have no number it is taken to be.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let file = file.metadata()?;
        match fs::metadata(path) {
            Ok(here) => Ok((here.dev(), here.ino()) == (file.dev(), file.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

/// The folder that a file of this name lies in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the name of a file durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// Elsewhere folders cannot be synced: renaming is as durable as the system makes it.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
