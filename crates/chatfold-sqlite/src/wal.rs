//! Whether the write-ahead log that a file needs is beside it.
//!
//! A process that was killed leaves `PATH-wal`, which holds what was committed since the last checkpoint, and `PATH-shm`, an
//! index of it. If somebody removes the former, SQLite takes the file as it is for whole: it is the store as of the last
//! checkpoint, and what was acknowledged since is gone without a word. The index still tells that there was more. It
//! is made after the log and removed before it, so it never stands alone while all is well.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::SqliteError;

/// Where the header of the index says how many frames the log has, and where how many of them are in the file.
/// <https://www.sqlite.org/walformat.html#the_wal_index_file_format>
const FRAMES_AT: usize = 16;
const CHECKPOINTED_AT: usize = 96;

/// Whether the header was written.
const IS_INIT_AT: usize = 12;

/// How long the header is, with what is known of checkpoints.
const HEADER_LEN: usize = 136;

/// How often both are looked at, some time apart, before the log is taken for lost: another process may be making them,
/// or removing them in order, just now.
const LOOKS: usize = 3;

/// The name of what SQLite keeps beside a file.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// How many frames the index tells of that are not in the file, and the index; `None` if there are none, or no index.
fn missing_frames(index: &Path) -> Option<(u32, Vec<u8>)> {
    let mut header = Vec::new();
    File::open(index).ok()?.take(HEADER_LEN as u64).read_to_end(&mut header).ok()?;
    let number = |at: usize| Some(u32::from_ne_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let (frames, checkpointed) = (number(FRAMES_AT)?, number(CHECKPOINTED_AT)?);
    let missing = frames.checked_sub(checkpointed).filter(|missing| *missing > 0)?;
    (header.get(IS_INIT_AT) == Some(&1)).then_some((missing, header))
}

/// Refuses a file whose write-ahead log was removed, as far as that can be told.
pub(crate) fn is_there(path: &Path) -> Result<(), SqliteError> {
    let (log, index) = (beside(path, "-wal"), beside(path, "-shm"));
    let gone = || !log.exists() && fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let mut before = None;
    for look in 0..LOOKS {
        if !gone() {
            return Ok(());
        }
        let Some(found) = missing_frames(&index) else { return Ok(()) };
        if before.as_ref().is_some_and(|before| *before != found) || !gone() {
            return Ok(());
        }
        before = Some(found);
        if look + 1 < LOOKS {
            thread::sleep(Duration::from_millis(2));
        }
    }
    match before {
        Some((frames, _)) => Err(SqliteError::WalMissing { log, index, frames }),
        None => Ok(()),
    }
}
