//! The bytes of a log up to some place, none of which is read as a line.

use xxhash_rust::xxh3::Xxh3;

/// The bytes of a text log from its first on: hashed, and their lines counted. None of them is held, and none read as JSON.
///
/// It tells whether a log still begins as it did, at the speed of memory, for a
/// [`LogPlace`](crate::snapshot::LogPlace).
///
/// ```
/// use chatfold::jsonl::LogBytes;
/// let mut bytes = LogBytes::new();
/// bytes.push(b"{\"log\":\"chatfold\",\"v\":1,\"ow");
/// assert!(!bytes.is_whole_lines());
/// bytes.push(b"ner\":\"alice\"}\n");
/// assert!(bytes.is_whole_lines());
/// assert_eq!((bytes.len_bytes(), bytes.lines()), (41, 1));
///
/// let mut again = LogBytes::new();
/// again.push(b"{\"log\":\"chatfold\",\"v\":1,\"owner\":\"alice\"}\n");
/// assert_eq!(again.check(), bytes.check());
/// ```
#[derive(Clone)]
pub struct LogBytes {
    hash: Xxh3,
    len_bytes: u64,
    lines: u64,
    is_whole: bool,
}

impl LogBytes {
    /// No bytes.
    pub fn new() -> Self {
        Self { hash: Xxh3::new(), len_bytes: 0, lines: 0, is_whole: true }
    }

    /// Takes in the bytes that follow. Complexity: O(bytes).
    pub fn push(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.hash.update(bytes);
        self.len_bytes += bytes.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.is_whole = *last == b'\n';
    }

    /// How many bytes there are.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// How many lines end in them.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether the last of them ends a line, or there are none.
    pub fn is_whole_lines(&self) -> bool {
        self.is_whole
    }

    /// The hash of them, xxh3-64: the same however they were taken in. O(1).
    pub fn check(&self) -> u64 {
        self.hash.digest()
    }
}

impl Default for LogBytes {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for LogBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { len_bytes, lines, .. } = self;
        f.debug_struct("LogBytes").field("len_bytes", len_bytes).field("lines", lines).finish_non_exhaustive()
    }
}
