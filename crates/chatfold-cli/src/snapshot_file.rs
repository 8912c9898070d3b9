//! A snapshot in a file, of which what is asked for is read.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chatfold::snapshot::{SnapshotSource, SourceError};

/// The header of any snapshot is shorter.
const HEAD_LEN_BYTES: u64 = 4_096;

/// An open snapshot.
pub struct SnapshotFile {
    file: Mutex<File>,
    len_bytes: u64,
}

impl SnapshotFile {
    /// Opens a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len_bytes = file.metadata()?.len();
        Ok(Self { file: Mutex::new(file), len_bytes })
    }

    /// The bytes that it begins with, its header among them.
    pub fn head(&self) -> io::Result<Vec<u8>> {
        self.bytes(0..self.len_bytes.min(HEAD_LEN_BYTES))
    }

    fn bytes(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        if range.end > self.len_bytes || range.start > range.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let len = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        // Whoever panicked while it read left nothing but a place in the file.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![0; len];
        read_at(&mut file, &mut bytes, range.start)?;
        Ok(bytes)
    }
}

/// Fills the buffer from this byte of a file on.
#[cfg(unix)]
fn read_at(file: &mut File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(not(unix))]
fn read_at(file: &mut File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read as _, Seek as _};
    file.seek(io::SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}

impl SnapshotSource for SnapshotFile {
    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        self.bytes(range).map(Cow::Owned).map_err(SourceError::new)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn ranges_are_read_and_nothing_beyond_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.snapshot");
        fs::write(&path, b"abcdef").unwrap();
        let source = SnapshotFile::open(&path).unwrap();
        assert_eq!((source.len_bytes(), source.head().unwrap()), (6, b"abcdef".to_vec()));
        assert_eq!(source.read(2..4).unwrap(), &b"cd"[..]);
        assert_eq!(source.read(6..6).unwrap(), &b""[..]);
        assert!(source.read(4..7).is_err());
        fs::write(&path, b"abc").unwrap();
        assert!(source.read(2..4).is_err(), "it was cut short meanwhile");
    }
}
