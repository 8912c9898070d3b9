//! Where a log comes from: a file or standard input, plain or compressed, always as a stream.

mod frames;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::OnceLock;

use flate2::bufread::MultiGzDecoder;

use self::frames::Frames;
use crate::failure::Failure;
use crate::store::StoreAddress;
use crate::text::escape;

/// The size of each buffer between a file and its lines.
const BUFFER_LEN_BYTES: usize = 64 * 1024;

/// Where a log comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input, written `-`.
    Stdin,
    /// A file.
    File(PathBuf),
    /// An inbox in a store, written `sqlite:PATH#OWNER` or `postgres://…#OWNER`.
    Store(StoreAddress),
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        match StoreAddress::of_name(path) {
            Some(place) => Self::Store(place),
            None if path.as_os_str() == "-" => Self::Stdin,
            None => Self::File(path.to_owned()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => f.write_str(&escape(&path.to_string_lossy())),
            Self::Store(place) => f.write_str(&escape(&place.to_string())),
        }
    }
}

/// How the bytes of a log are packed, told by how they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// Gzip, one member or many.
    Gzip,
    /// Zstandard, one frame or many.
    Zstd,
}

impl Packing {
    /// What begins with `head`, its first four bytes.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            // A skippable frame, which may stand before the first that holds data.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// What a packed log may unpack to at least, unless `--max-unpacked` says otherwise.
const FREE_UNPACKED_LEN_BYTES: u64 = 64 << 20;

/// What a packed log may unpack to beyond that, for each of its bytes. Logs of chats pack 5 to 20 times; what packs a
/// hundred times says next to nothing, or was made to fill a memory.
const UNPACKED_PER_BYTE: u64 = 100;

static MAX_UNPACKED_LEN_BYTES: OnceLock<u64> = OnceLock::new();

/// Sets what any packed log may unpack to, in place of a bound in proportion to its length. Only the first call counts.
pub fn set_max_unpacked(len_bytes: u64) {
    // A command line names it once.
    let _ = MAX_UNPACKED_LEN_BYTES.set(len_bytes);
}

/// A packed log unpacks to more than it may.
#[derive(Debug, thiserror::Error)]
#[error(
    "it unpacks to more than {may} bytes, the bound for {packed} packed ones: --max-unpacked allows more"
)]
struct UnpacksTooMuch {
    may: u64,
    packed: u64,
}

/// Unpacked bytes up to a bound.
struct Bounded<R> {
    inner: R,
    unpacked: u64,
    meter: Rc<Meter>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.unpacked = self.unpacked.saturating_add(count as u64);
        let packed = self.meter.bytes.get();
        let usual = FREE_UNPACKED_LEN_BYTES.saturating_add(packed.saturating_mul(UNPACKED_PER_BYTE));
        let may = MAX_UNPACKED_LEN_BYTES.get().copied().unwrap_or(usual);
        if self.unpacked > may { Err(io::Error::other(UnpacksTooMuch { may, packed })) } else { Ok(count) }
    }
}

/// What the innermost reader has seen, shared with whoever holds the [`Input`].
#[derive(Debug, Default)]
struct Meter {
    bytes: Cell<u64>,
    failed: Cell<bool>,
    frames: RefCell<Option<Frames>>,
}

/// A reader that counts, and remembers that it was the system that failed and not a decoder above it.
struct Metered<R> {
    inner: R,
    meter: Rc<Meter>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buffer);
        match &result {
            Ok(count) => {
                self.meter.bytes.set(self.meter.bytes.get() + *count as u64);
                if let Some(frames) = &mut *self.meter.frames.borrow_mut() {
                    frames.pass(buffer.get(..*count).unwrap_or_default())?;
                }
            }
            Err(error) => self.meter.failed.set(error.kind() != io::ErrorKind::Interrupted),
        }
        result
    }
}

/// An open log: its bytes, unpacked.
pub struct Input {
    reader: Box<dyn BufRead>,
    watch: Watch,
}

/// What can be told about an [`Input`] while somebody else reads it.
#[derive(Clone, Debug)]
pub struct Watch {
    source: Source,
    packing: Packing,
    size: Option<u64>,
    meter: Rc<Meter>,
}

impl Input {
    /// Opens `source` and looks at its first bytes.
    pub fn open(source: &Source) -> Result<Self, Failure> {
        let failed = |error| Failure::unread(source, error);
        match source {
            Source::Stdin => Self::unpack(source, None, io::stdin().lock()),
            Source::Store(place) => Self::unpack(source, None, place.read()?),
            Source::File(path) => {
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                if metadata.is_dir() {
                    let what = "is a directory, not a log".to_owned();
                    return Err(Failure::Input { place: source.to_string(), what, source: None });
                }
                let size = metadata.is_file().then_some(metadata.len());
                Self::unpack(source, size, file)
            }
        }
    }

    /// Opens a file that is not packed, from this byte on: `None` of whatever else it is, and of one that is shorter.
    pub fn open_at(source: &Source, offset: u64) -> Result<Option<Self>, Failure> {
        let Source::File(path) = source else { return Ok(None) };
        let failed = |error| Failure::unread(source, error);
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let Some(size) = metadata.len().checked_sub(offset).filter(|_| metadata.is_file()) else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let meter = Rc::new(Meter::default());
        let raw = Metered { inner: file, meter: Rc::clone(&meter) };
        let reader = Box::new(BufReader::with_capacity(BUFFER_LEN_BYTES, raw));
        let watch = Watch { source: source.clone(), packing: Packing::Plain, size: Some(size), meter };
        Ok(Some(Self { reader, watch }))
    }

    fn unpack(source: &Source, size: Option<u64>, raw: impl Read + 'static) -> Result<Self, Failure> {
        let failed = |error| Failure::unread(source, error);
        let meter = Rc::new(Meter::default());
        let mut raw = Metered { inner: raw, meter: Rc::clone(&meter) };
        let mut head = Vec::with_capacity(4);
        raw.by_ref().take(4).read_to_end(&mut head).map_err(failed)?;
        let packing = Packing::of(&head);
        if packing == Packing::Zstd {
            let mut frames = Frames::default();
            frames.pass(&head)?;
            *meter.frames.borrow_mut() = Some(frames);
        }
        let whole = BufReader::with_capacity(BUFFER_LEN_BYTES, Cursor::new(head).chain(raw));
        let reader: Box<dyn BufRead> = match packing {
            Packing::Plain => Box::new(whole),
            // Both read on through the next member or frame until the file ends.
            Packing::Gzip => bounded(MultiGzDecoder::new(whole), &meter),
            #[cfg(feature = "zstd")]
            Packing::Zstd => {
                bounded(zstd::stream::read::Decoder::with_buffer(whole).map_err(failed)?, &meter)
            }
            #[cfg(not(feature = "zstd"))]
            Packing::Zstd => return Err(Failure::not_built("zstd", "zstd")),
        };
        Ok(Self { reader, watch: Watch { source: source.clone(), packing, size, meter } })
    }

    /// The bytes, and what can be told about them meanwhile.
    pub fn into_parts(self) -> (Box<dyn BufRead>, Watch) {
        (self.reader, self.watch)
    }
}

fn bounded(inner: impl Read + 'static, meter: &Rc<Meter>) -> Box<dyn BufRead> {
    let bounded = Bounded { inner, unpacked: 0, meter: Rc::clone(meter) };
    Box::new(BufReader::with_capacity(BUFFER_LEN_BYTES, bounded))
}

impl Watch {
    /// How many zstd frames without a checksum were read: a bit that is flipped in one may not be noticed.
    pub fn unchecked_frames(&self) -> u64 {
        self.meter.frames.borrow().as_ref().map_or(0, Frames::unchecked)
    }

    /// How many bytes have been read, as they stand in the file.
    pub fn bytes_read(&self) -> u64 {
        self.meter.bytes.get()
    }

    /// How its bytes are packed.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// The file's size, if it has one.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// What an error while reading `line` means: the system failed, or what is compressed is damaged or cut
    /// short, which is a fault of the input.
    pub fn judge(&self, line: u64, error: io::Error) -> Failure {
        self.judge_at(&format!("line {line}"), error)
    }

    /// The same for an error behind so many bytes of a binary log.
    pub fn judge_bytes(&self, len_bytes: usize, error: io::Error) -> Failure {
        self.judge_at(&format!("byte {len_bytes}"), error)
    }

    fn judge_at(&self, at: &str, error: io::Error) -> Failure {
        let place = self.source.to_string();
        if error.get_ref().is_some_and(|error| error.is::<UnpacksTooMuch>()) {
            return Failure::Input { place, what: format!("{at}: not read on"), source: Some(error) };
        }
        if self.packing == Packing::Plain && error.kind() == io::ErrorKind::InvalidData {
            let what = format!("{at}: {error}");
            return Failure::Fault { place, what };
        }
        if self.packing == Packing::Plain || self.meter.failed.get() {
            let what = format!("{at}: cannot be read");
            return Failure::Input { place, what, source: Some(error) };
        }
        let name = self.packing.name();
        let what =
            format!("{at}: expected more of the {name} stream, found it damaged or cut short ({error})");
        Failure::Fault { place, what }
    }
}

#[cfg(feature = "zstd")]
pub use self::frames::OURS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_told_by_content() {
        assert_eq!(Packing::of(&[0x1f, 0x8b, 8, 0]), Packing::Gzip);
        assert_eq!(Packing::of(&[0x28, 0xb5, 0x2f, 0xfd]), Packing::Zstd);
        assert_eq!(Packing::of(&[0x50, 0x2a, 0x4d, 0x18]), Packing::Zstd);
        for plain in [&b""[..], b"{", b"{\"lo", &[0x28, 0xb5, 0x2f]] {
            assert_eq!(Packing::of(plain), Packing::Plain);
        }
    }
}
