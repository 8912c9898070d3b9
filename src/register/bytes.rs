//! Values as bytes and back: integers as LEB128 (signed ones zigzag), texts and lists behind their length, an
//! absent value as a zero byte.
//!
//! Reading never allocates more than the bytes at hand can stand for, and answers `None` where they end early
//! or say what no writer writes.

use std::sync::Arc;

use crate::model::id::EventId;
use crate::model::time::{Stamp, Timestamp};
use crate::register::lattice::{Earliest, Lww};

/// Where values are written to.
#[derive(Debug, Default)]
pub(crate) struct Out(pub(crate) Vec<u8>);

impl Out {
    #[inline]
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(crate) fn flag(&mut self, on: bool) -> &mut Self {
        self.u8(u8::from(on))
    }

    /// An integer. Most take one byte, nearly all others two or three.
    #[inline]
    pub(crate) fn uint(&mut self, value: impl Into<u64>) -> &mut Self {
        let value = value.into();
        let [first, second, third] = [value as u8, (value >> 7) as u8, (value >> 14) as u8];
        match value {
            ..0x80 => self.u8(first),
            0x80..0x4000 => self.raw(&[first | 0x80, second]),
            0x4000..0x20_0000 => self.raw(&[first | 0x80, second | 0x80, third]),
            _ => self.wide_uint(value),
        }
    }

    fn wide_uint(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8)
    }

    pub(crate) fn len(&mut self, value: usize) -> &mut Self {
        self.uint(value as u64)
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.uint((value << 1 ^ value >> 63).cast_unsigned())
    }

    /// Eight bytes, for hashes.
    pub(crate) fn fixed(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// Four bytes, for numbers in a table.
    pub(crate) fn fixed32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.len(bytes.len()).raw(bytes)
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Returns a hash of everything written.
    pub(crate) fn hash128(&self) -> u128 {
        xxhash_rust::xxh3::xxh3_128(&self.0)
    }

    pub(crate) fn stamp(&mut self, stamp: Stamp) -> &mut Self {
        self.int(stamp.at.as_millis()).raw(stamp.event.as_bytes())
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.flag(value.is_some());
        if let Some(value) = value {
            put(self, value);
        }
        self
    }

    pub(crate) fn lww<T: Ord>(&mut self, register: &Lww<T>, put: impl FnOnce(&mut Self, &T)) -> &mut Self {
        self.option(register.entry(), |out, (stamp, value)| put(out.stamp(stamp), value))
    }

    pub(crate) fn earliest<T: Ord>(
        &mut self,
        register: &Earliest<T>,
        put: impl FnOnce(&mut Self, &T),
    ) -> &mut Self {
        self.option(register.entry(), |out, (stamp, value)| put(out.stamp(stamp), value))
    }

    pub(crate) fn lww_text(&mut self, register: &Lww<Arc<str>>) -> &mut Self {
        self.lww(register, |out, text| {
            out.bytes(text.as_bytes());
        })
    }

    pub(crate) fn lww_flag(&mut self, register: &Lww<bool>) -> &mut Self {
        self.lww(register, |out, on| {
            out.flag(*on);
        })
    }
}

/// The signed integer that an unsigned one stands for.
#[inline]
pub(crate) fn signed(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Where values are read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct In<'a>(pub(crate) &'a [u8]);

impl<'a> In<'a> {
    /// Nothing is left.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    pub(crate) fn raw(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// An integer.
    #[inline]
    pub(crate) fn uint(&mut self) -> Option<u64> {
        let (value, rest) = self.uint_and_rest()?;
        self.0 = rest;
        Some(value)
    }

    /// An integer and what is behind it. Most take one byte, most others two. By value, so that what is read from need
    /// not lie in memory.
    #[inline(always)]
    fn uint_and_rest(self) -> Option<(u64, &'a [u8])> {
        match self.0 {
            [first @ ..0x80, rest @ ..] => Some((u64::from(*first), rest)),
            [first, second @ ..0x80, rest @ ..] => {
                Some((u64::from(first & 0x7f) | u64::from(*second) << 7, rest))
            }
            _ => self.wide_uint(),
        }
    }

    /// Up to eight bytes at once: the last of the number is the first without its high bit. Returns what is behind, too.
    fn wide_uint(self) -> Option<(u64, &'a [u8])> {
        let Some(&chunk) = self.0.first_chunk() else { return self.long_uint() };
        let word = u64::from_le_bytes(chunk);
        let ends = !word & 0x8080_8080_8080_8080;
        if ends == 0 {
            return self.long_uint();
        }
        let rest = self.0.get(ends.trailing_zeros() as usize / 8 + 1..)?;
        let own = word & (ends ^ (ends - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
        // Groups of seven bits are moved together: in pairs, in fours, in eights.
        let pairs = own & 0x007f_007f_007f_007f | (own & 0x7f00_7f00_7f00_7f00) >> 1;
        let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
        Some((fours & 0x0000_0000_0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4, rest))
    }

    fn long_uint(mut self) -> Option<(u64, &'a [u8])> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return None;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Some((value, self.0));
            }
        }
        None
    }

    pub(crate) fn number(&mut self) -> Option<u32> {
        u32::try_from(self.uint()?).ok()
    }

    #[inline]
    pub(crate) fn int(&mut self) -> Option<i64> {
        self.uint().map(signed)
    }

    /// A column of integers: at most so many, up to the first that is malformed.
    #[cfg(feature = "binary")]
    pub(crate) fn uints(&mut self, most: usize) -> Vec<u64> {
        self.uints_as(most, Some)
    }

    /// The same, and as what each of them is taken, up to the first that cannot be. That one is read no more.
    #[cfg(feature = "binary")]
    #[inline]
    pub(crate) fn uints_as<T>(&mut self, most: usize, mut taken: impl FnMut(u64) -> Option<T>) -> Vec<T> {
        // An integer takes at least a byte.
        let most = most.min(self.0.len());
        let mut values = Vec::with_capacity(most);
        let mut from = *self;
        for _ in 0..most {
            let Some((value, rest)) = from.uint_and_rest() else { break };
            let Some(value) = taken(value) else { break };
            values.push(value);
            from = In(rest);
        }
        *self = from;
        values
    }

    /// A first field or an instant: what a log can name, or -1 for none.
    pub(crate) fn place(&mut self) -> Option<i64> {
        self.int().filter(|value| (-1..=1 << 60).contains(value))
    }

    pub(crate) fn fixed(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of items of at least `least` bytes each, which must fit into what is left.
    pub(crate) fn count(&mut self, least: usize) -> Option<usize> {
        let count = usize::try_from(self.uint()?).ok()?;
        (count.checked_mul(least)? <= self.0.len()).then_some(count)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.count(1)?;
        self.raw(len)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn event(&mut self) -> Option<EventId> {
        self.array().map(EventId::from_bytes)
    }

    pub(crate) fn stamp(&mut self) -> Option<Stamp> {
        let at = Timestamp::from_millis(self.int()?).ok()?;
        Some(Stamp::new(at, self.event()?))
    }

    /// `Some(None)` for an absent value.
    pub(crate) fn option<T>(&mut self, get: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { get(self).map(Some) } else { Some(None) }
    }

    pub(crate) fn lww<T: Ord>(&mut self, get: impl FnOnce(&mut Self) -> Option<T>) -> Option<Lww<T>> {
        let mut register = Lww::default();
        if let Some((stamp, value)) = self.option(|from| Some((from.stamp()?, get(from)?)))? {
            register.set(stamp, value);
        }
        Some(register)
    }

    pub(crate) fn earliest<T: Ord>(
        &mut self,
        get: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Earliest<T>> {
        let mut register = Earliest::default();
        if let Some((stamp, value)) = self.option(|from| Some((from.stamp()?, get(from)?)))? {
            register.set(stamp, value);
        }
        Some(register)
    }

    pub(crate) fn lww_text(&mut self) -> Option<Lww<Arc<str>>> {
        self.lww(|from| from.text().map(Arc::from))
    }

    pub(crate) fn lww_flag(&mut self) -> Option<Lww<bool>> {
        self.lww(Self::flag)
    }

    /// A list of items of at least `least` bytes each.
    pub(crate) fn list<T, C: FromIterator<T>>(
        &mut self,
        least: usize,
        mut get: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<C> {
        let count = self.count(least)?;
        (0..count).map(|_| get(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_and_nothing_else_is_read_as_one() {
        let values = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        for value in values {
            let mut out = Out::default();
            out.uint(value).int(value.cast_signed()).int(-(value >> 1).cast_signed());
            let mut from = In(&out.0);
            assert_eq!(from.uint(), Some(value));
            assert_eq!(from.int(), Some(value.cast_signed()));
            assert_eq!(from.int(), Some(-(value >> 1).cast_signed()));
            assert!(from.end().is_some());
            for cut in 0..out.0.len() {
                let mut from = In(&out.0[..cut]);
                assert!((|| Some((from.uint()?, from.int()?, from.int()?)))().is_none());
            }
        }
        assert_eq!(In(&[0xff; 11]).uint(), None, "more than 64 bits");
        assert_eq!(In(&[0xff, 0xff, 0xff, 0xff, 0x7f]).count(1), None, "more items than bytes");
        assert_eq!(In(&[2]).flag(), None);
    }
}
