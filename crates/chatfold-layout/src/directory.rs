//! The list of a snapshot's pages, in order, as a value of few bytes.
//!
//! ```text
//! u8 form (1)
//! for each page: uint zigzag of its number less that of the page before; uint length; u16 of its hash, little endian
//! ```
//!
//! Neighbours mostly have numbers one behind the other, so a page takes about five bytes. The two bytes of the hash tell
//! where damage put another page in the place of the one that is named: a number alone would lead to sound bytes of the
//! wrong page.

use std::ops::Range;

use crate::uint::{put, take, uint};

/// The form of lists that this version writes and reads.
const FORM: u8 = 1;

/// A page as a snapshot names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its number, which no other page of the file ever had or will have.
    pub page: i64,
    /// The bytes of the snapshot that it holds: where they begin and end.
    pub start: u64,
    /// See `start`.
    pub end: u64,
    /// The lowest bits of its hash.
    pub mark: u16,
}

/// The pages of a snapshot, in order: dense from byte 0, none without bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory(Vec<Named>);

impl Directory {
    /// Names a page behind those that are named.
    pub fn push(&mut self, page: i64, len: usize, hash: u128) {
        let start = self.len_bytes();
        self.0.push(Named { page, start, end: start + len as u64, mark: hash as u16 });
    }

    /// How many bytes the snapshot has.
    pub fn len_bytes(&self) -> u64 {
        self.0.last().map_or(0, |page| page.end)
    }

    /// All pages.
    pub fn pages(&self) -> &[Named] {
        &self.0
    }

    /// The pages that hold the bytes of a range, with the index of the first.
    pub fn covering(&self, range: &Range<u64>) -> (usize, &[Named]) {
        let from = self.0.partition_point(|page| page.end <= range.start);
        let to = self.0.partition_point(|page| page.start < range.end);
        (from, self.0.get(from..to).unwrap_or_default())
    }

    /// The list as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        let mut before = 0_i64;
        for Named { page, start, end, mark } in &self.0 {
            let step = page.wrapping_sub(before);
            put(&mut out, (step.wrapping_shl(1) ^ (step >> 63)).cast_unsigned());
            put(&mut out, end - start);
            out.extend_from_slice(&mark.to_le_bytes());
            before = *page;
        }
        out
    }

    /// The list of these bytes; `None` if they are none of this form.
    pub fn decode(mut from: &[u8]) -> Option<Self> {
        if take(&mut from, 1)? != [FORM] {
            return None;
        }
        let mut pages = Vec::new();
        let (mut page, mut start) = (0_i64, 0_u64);
        while !from.is_empty() {
            let step = uint(&mut from)?;
            page = page.wrapping_add((step >> 1).cast_signed() ^ -(step & 1).cast_signed());
            let end = uint(&mut from).filter(|len| *len > 0).and_then(|len| start.checked_add(len))?;
            let mark = u16::from_le_bytes(take(&mut from, 2)?.try_into().ok()?);
            pages.push(Named { page, start, end, mark });
            start = end;
        }
        Some(Self(pages))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn some() -> Directory {
        let mut directory = Directory::default();
        let pages = [(7, 100), (8, 1), (i64::MAX, 40_000), (1, 8_192), (i64::MIN, 2)];
        pages.iter().for_each(|(page, len)| directory.push(*page, *len, *len as u128 * 0x1_0001));
        directory
    }

    #[test]
    fn a_list_comes_back_and_no_bytes_make_it_panic() {
        for directory in [some(), Directory::default()] {
            let bytes = directory.encode();
            assert_eq!(Directory::decode(&bytes), Some(directory));
            for at in 0..bytes.len() {
                for flip in [1, 0x80, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= flip;
                    let _ = Directory::decode(&damaged);
                }
                let _ = Directory::decode(&bytes[..at]);
            }
        }
    }

    #[test]
    fn ten_thousand_pages_take_no_sixty_kilobytes() {
        let mut directory = Directory::default();
        let page = |n: i64| if n % 20 == 7 { 1_000_000 + n } else { 40_000 + n };
        (0..10_000).for_each(|n| directory.push(page(n), 2_048 + (n as usize * 7_919) % 16_000, 1));
        assert!(directory.encode().len() < 60_000, "{}", directory.encode().len());
    }

    #[test]
    fn a_range_is_covered_by_the_pages_that_hold_it() {
        let directory = some();
        let numbers = |range: Range<u64>| {
            let (first, pages) = directory.covering(&range);
            (first, pages.iter().map(|page| page.page).collect::<Vec<_>>())
        };
        assert_eq!(numbers(0..100), (0, vec![7]));
        assert_eq!(numbers(99..101), (0, vec![7, 8]));
        assert_eq!(numbers(100..102), (1, vec![8, i64::MAX]));
        assert_eq!(numbers(101..48_294).1, [i64::MAX, 1, i64::MIN]);
        assert_eq!(directory.len_bytes(), 48_295);
    }
}
