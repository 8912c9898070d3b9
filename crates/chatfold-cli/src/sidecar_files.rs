//! Files made beside a log, and the log's own name: who holds it, what mode it has, what a killed command left.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::output::{named, say};

/// The device and number of a file, by which it is known again under any name; `None` where the system has none.
pub fn number(metadata: &Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

/// Whether this open file is the one that bears the name now. Where files have no number an open one cannot be
/// replaced, so that any file of the name is this one.
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(here) => Ok(number(&here) == number(&file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Locks the file that bears a name which is about to be given to another, so that no command that appends to it
/// loses what it has acknowledged: it waits, sees that the name belongs to another file, and opens that. `None` where
/// none bears it.
///
/// # Errors
///
/// Where something that is no plain file bears the name: a device or a folder is never replaced.
pub fn lock(path: &Path) -> io::Result<Option<File>> {
    loop {
        match fs::metadata(path) {
            Ok(there) if there.is_file() => {}
            Ok(_) => return Err(no_plain_file()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        file.lock()?;
        if is_at(&file, path)? {
            return Ok(Some(file));
        }
    }
}

fn no_plain_file() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "something that is no plain file bears this name")
}

/// Opens a file beside a log to append to it, with the log's mode. It is never reached over a symbolic link.
pub fn append_beside(path: &Path, log: &File) -> io::Result<File> {
    let is_plain = |path: &Path| match fs::symlink_metadata(path) {
        Ok(there) => Ok(there.is_file()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    };
    if !is_plain(path)? {
        return Err(no_plain_file());
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(log.metadata()?.permissions().mode() & 0o777);
    }
    let file = options.open(path)?;
    // A link may have been put there in between.
    if !is_plain(path)? || !is_at(&file, path)? {
        return Err(no_plain_file());
    }
    file.set_permissions(log.metadata()?.permissions())?;
    Ok(file)
}

/// Makes the file in which one of this name is written: locked, with its mode, and removed when a signal ends the
/// program. The mode is that of the file it replaces, else of the one it is made of as far as the user's mask leaves it.
pub fn temporary(
    path: &Path,
    folder: &Path,
    replaced: Option<&File>,
    like: Option<&Path>,
) -> io::Result<NamedTempFile> {
    let (prefix, suffix) = temporary_name(path);
    let mut new = tempfile::Builder::new();
    new.prefix(&prefix).suffix(suffix);
    #[cfg(unix)]
    let mode = mode(replaced, like);
    #[cfg(unix)]
    new.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = like;
    loop {
        let file = new.tempfile_in(folder)?;
        guard::set(Some(file.path().to_owned()));
        file.as_file().lock()?;
        // Until it was locked, it could pass for what a killed command left.
        if !is_at(file.as_file(), file.path())? {
            continue;
        }
        #[cfg(unix)]
        if replaced.is_some() {
            let exactly = std::os::unix::fs::PermissionsExt::from_mode(mode);
            file.as_file().set_permissions(exactly)?;
        }
        return Ok(file);
    }
}

#[cfg(unix)]
fn mode(replaced: Option<&File>, like: Option<&Path>) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let of = |metadata: io::Result<fs::Metadata>| Some(metadata.ok()?.permissions().mode() & 0o777);
    let replaced = replaced.and_then(|file| of(file.metadata()));
    replaced.or_else(|| of(fs::metadata(like?)).map(|mode| mode & 0o666)).unwrap_or(0o666)
}

/// How the temporary files begin and end in which a file of this name is written.
fn temporary_name(path: &Path) -> (String, &'static str) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    (format!(".{name}.chatfold-"), ".tmp")
}

/// Removes what commands that were killed left of a file of this name, and says so. Who still writes one holds its
/// lock.
pub fn sweep(path: &Path, folder: &Path) {
    let (prefix, suffix) = temporary_name(path);
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_temporary = name.starts_with(&prefix) && name.ends_with(suffix);
        if !is_temporary || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // The lock is held until the file is gone: who has just made one and not locked it yet sees that it is gone.
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() && fs::remove_file(entry.path()).is_ok() {
            say(&format!("{}: removed what a command that was killed left", named(&entry.path())));
        }
    }
}

/// Removes a temporary file where a signal ends the program before it got its name.
#[cfg(unix)]
pub mod guard {
    use std::fs;
    use std::path::PathBuf;
    use std::sync::{Mutex, Once, PoisonError};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    static TEMPORARY: Mutex<Option<PathBuf>> = Mutex::new(None);
    static WATCHED: Once = Once::new();

    /// Names the temporary file, or none any more.
    pub fn set(path: Option<PathBuf>) {
        *TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner) = path;
        WATCHED.call_once(|| {
            // Where the system refuses, the next command removes the file.
            let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGTERM]) else { return };
            std::thread::spawn(move || {
                for signal in signals.forever() {
                    if let Some(path) = &*TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner) {
                        let _ = fs::remove_file(path);
                    }
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            });
        });
    }
}

/// Elsewhere nothing of the kind is done.
#[cfg(not(unix))]
pub mod guard {
    use std::path::PathBuf;

    /// Does nothing.
    pub fn set(_path: Option<PathBuf>) {}
}
