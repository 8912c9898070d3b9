//! Where the bytes of a snapshot are read from: all at hand, or range by range from a store.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// The bytes of one snapshot, read by range.
///
/// The bytes never change: what one read returns, every later read of the same range returns too, or it fails. Whatever
/// holds all of them is a source (`Vec<u8>`, a mapped file); a store serves those that it keeps by pages.
pub trait SnapshotSource: Send + Sync {
    /// How many bytes there are.
    fn len_bytes(&self) -> u64;

    /// The bytes of a range: exactly as many as it is long.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if they cannot be had now, or not any more.
    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError>;

    /// Whether a read of a range just now would have nothing to wait for. `true` is right for a source that cannot fetch
    /// bytes before they are read.
    fn is_at_hand(&self, range: Range<u64>) -> bool {
        let _ = range;
        true
    }

    /// Has something done that reads many ranges one after the other, which reads for less where the source holds a
    /// transaction, or whatever else every read needs, for as long. What others read meanwhile is answered as ever.
    fn together(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// About how many bytes of memory it takes by now, with what was read of it: all of it, unless a source that lies
    /// elsewhere knows better.
    fn held_len_bytes(&self) -> u64 {
        self.len_bytes()
    }
}

/// Why bytes of a snapshot cannot be had: an outage of whatever keeps them, not damage of what it keeps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot cannot be read: {0}")]
pub struct SourceError(String);

impl SourceError {
    /// Returns the error of a source, in its words.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }

    fn beyond(range: &Range<u64>, len: usize) -> Self {
        Self(format!("the bytes {} to {} were asked for, and there are {len}", range.start, range.end))
    }
}

/// Reads a range, whole.
pub(crate) fn exactly(source: &dyn SnapshotSource, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
    let len = range.end.saturating_sub(range.start);
    let bytes = source.read(range)?;
    if bytes.len() as u64 == len {
        return Ok(bytes);
    }
    Err(SourceError::new(format_args!("{len} bytes were asked for, and {} came", bytes.len())))
}

impl<T: AsRef<[u8]> + Send + Sync + ?Sized> SnapshotSource for T {
    fn len_bytes(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let bytes = self.as_ref();
        let at = |end: u64| usize::try_from(end).ok();
        let found = at(range.start).zip(at(range.end)).and_then(|(from, to)| bytes.get(from..to));
        found.map(Cow::Borrowed).ok_or_else(|| SourceError::beyond(&range, bytes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_at_hand_are_read_by_range_and_not_beyond() {
        let bytes = b"abcdef".to_vec();
        assert_eq!(bytes.len_bytes(), 6);
        assert_eq!(bytes.read(1..3).unwrap(), &b"bc"[..]);
        assert_eq!(bytes.read(6..6).unwrap(), &b""[..]);
        let refused = bytes.read(4..7).unwrap_err().to_string();
        assert_eq!(refused, "the snapshot cannot be read: the bytes 4 to 7 were asked for, and there are 6");
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = bytes.read(3..1);
        assert!(reversed.is_err());
    }
}
