//! Snapshots by pages: cut where their content says, each page known by its hash.
//!
//! A snapshot is cut by content-defined chunking, so that bytes that merely moved make the same pages as before. The next
//! snapshot of an inbox then writes the pages that changed and a list of all.

use std::collections::HashSet;
use std::fmt;

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use fastcdc::v2020::FastCDC;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::directory::Named;

/// How many bytes pages have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// No page but the last is shorter.
    pub min_len_bytes: usize,
    /// About what most have.
    pub average_len_bytes: usize,
    /// None is longer.
    pub max_len_bytes: usize,
}

/// Bytes cut into pages, and the hash of each.
#[derive(Clone, Debug)]
pub struct Cut<'a> {
    pages: Vec<(u128, &'a [u8])>,
}

impl<'a> Cut<'a> {
    /// Cuts bytes into pages and hashes each. Complexity: the bytes.
    pub fn new(bytes: &'a [u8], lengths: Lengths) -> Self {
        let Lengths { min_len_bytes, average_len_bytes, max_len_bytes } = lengths;
        let cuts = FastCDC::new(bytes, min_len_bytes, average_len_bytes, max_len_bytes);
        let pages = cuts.filter_map(|cut| bytes.get(cut.offset..cut.offset + cut.length));
        Self { pages: pages.map(|page| (xxh3_128(page), page)).collect() }
    }

    /// Returns the pages in order, each with its hash.
    pub fn pages(&self) -> &[(u128, &'a [u8])] {
        &self.pages
    }

    /// Returns the pages whose hashes are not known, each once.
    pub fn missing(&self, is_known: impl Fn(u128) -> bool) -> Vec<(u128, &'a [u8])> {
        let mut seen = HashSet::new();
        let new = |(hash, _): &&(u128, _)| !is_known(*hash) && seen.insert(*hash);
        self.pages.iter().filter(new).copied().collect()
    }
}

/// Returns the hash that a page is known by.
pub fn hash(page: &[u8]) -> u128 {
    xxh3_128(page)
}

/// Whether bytes are the page that a list names, and have the hash that stands beside them.
pub fn is_named(named: &Named, hash_beside: &[u8], bytes: &[u8]) -> bool {
    let found = xxh3_128(bytes);
    hash_beside == found.to_be_bytes()
        && named.mark == found as u16
        && bytes.len() as u64 == named.end - named.start
}

/// Returns the checksum of the list of a snapshot's pages: of whose it is, what it stands for, and its bytes.
pub fn list_checksum(stream: &StreamId, prefix: LogPrefix, list: &[u8]) -> u128 {
    let mut hash = Xxh3::new();
    for part in [stream.key().as_bytes(), &[0], &prefix.events.to_be_bytes(), &prefix.hash.to_be_bytes()] {
        hash.update(part);
    }
    hash.update(list);
    hash.digest128()
}

/// Why a page of a snapshot cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The list of pages is not what was written.
    List,
    /// It is not there.
    Missing,
    /// It is there, and its bytes do not have its hash.
    Altered,
}

impl Fault {
    /// Returns what is wrong, in words.
    pub fn what(self) -> &'static str {
        match self {
            Self::List => "the list of the snapshot's pages is not what was written",
            Self::Missing => "a page of the snapshot is missing",
            Self::Altered => "the bytes of a page of the snapshot do not have its hash",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

#[cfg(test)]
mod tests {
    use chatfold::testing::Random;

    use super::*;

    const LENGTHS: Lengths =
        Lengths { min_len_bytes: 1 << 10, average_len_bytes: 4 << 10, max_len_bytes: 16 << 10 };

    #[test]
    fn bytes_that_moved_make_the_pages_they_were() {
        let mut random = Random::new(7);
        let bytes: Vec<u8> = (0..400_000).map(|_| random.next() as u8).collect();
        let cut = Cut::new(&bytes, LENGTHS);
        let again: Vec<u8> = cut.pages().iter().flat_map(|(_, page)| page.iter().copied()).collect();
        assert_eq!(again, bytes, "nothing is lost and nothing stands twice");
        let known: HashSet<u128> = cut.pages().iter().map(|(hash, _)| *hash).collect();
        assert!(cut.missing(|hash| known.contains(&hash)).is_empty());
        let mut moved = b"something before".to_vec();
        moved.extend_from_slice(&bytes);
        let other = Cut::new(&moved, LENGTHS);
        let missing = other.missing(|hash| known.contains(&hash)).len();
        assert!(missing * 10 < other.pages().len(), "{missing} of {} pages are new", other.pages().len());
    }

    #[test]
    fn a_page_is_what_is_named_or_it_is_not() {
        let bytes = vec![3; 100];
        let mut named = Named { page: 1, start: 50, end: 150, mark: hash(&bytes) as u16 };
        let beside = hash(&bytes).to_be_bytes();
        assert!(is_named(&named, &beside, &bytes));
        assert!(!is_named(&named, &beside, &[4; 100]) && !is_named(&named, &[0; 16], &bytes));
        named.mark ^= 1;
        assert!(!is_named(&named, &beside, &bytes), "another page's sound bytes");
    }
}
