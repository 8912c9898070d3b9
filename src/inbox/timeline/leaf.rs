//! Some pairs of the index of message ids in as few bytes as a snapshot has of them, read as they lie there.
//!
//! Keys ascend and are kept by the code of Elias and Fano: of each pair the low bits of its key and its slot lie in a number
//! of bits that is the same for all; what is above the low bits lies behind them as one set bit for each pair, at the sum of
//! its value and of how many came before.

use std::ops::Range;

use crate::register::bytes::{In, Out};

/// How many bits a key may have.
const KEY_BITS: u32 = 24;

/// Pairs of a key and a slot, in ascending order of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The own bytes of the part.
    bytes: Box<[u8]>,
    len: usize,
    low_bits: u32,
    slot_bits: u32,
    /// Where the fields begin, and where the set bits do.
    fields_at: usize,
    high_at: usize,
}

/// How many bits a number has.
fn width(value: u32) -> u32 {
    u32::BITS - value.leading_zeros()
}

/// So many of the lowest bits.
fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// The eight bytes from `at` on, the first the lowest; what is not there is zero.
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(whole) = rest.first_chunk() {
        return u64::from_le_bytes(*whole);
    }
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Writes numbers of a few bits each behind one another, the lowest bits first: at most 56 bits at once.
#[derive(Default)]
struct Packer {
    bytes: Vec<u8>,
    word: u64,
    filled: u32,
}

impl Packer {
    fn put(&mut self, value: u64, bits: u32) {
        self.word |= value << self.filled;
        self.filled += bits;
        while self.filled >= 8 {
            self.bytes.push(self.word as u8);
            self.word >>= 8;
            self.filled -= 8;
        }
    }

    fn end(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.push(self.word as u8);
        }
        self.bytes
    }
}

impl Leaf {
    /// The leaf of these pairs, each a key above 32 bits of a slot, in ascending order of keys.
    pub(crate) fn of(pairs: &[u64]) -> Self {
        let (key, slot) = (|pair: u64| (pair >> 32) as u32, |pair: u64| pair as u32);
        let (count, last) = (pairs.len() as u32, pairs.last().map_or(0, |pair| key(*pair)));
        let low_bits = width(last).saturating_sub(width(count));
        let slot_bits = width(pairs.iter().map(|pair| slot(*pair)).max().unwrap_or(0));
        let mut fields = Packer::default();
        let mut high = vec![0u8; ((last >> low_bits) + count).div_ceil(8) as usize];
        for (before, pair) in (0..).zip(pairs) {
            let (key, slot) = (key(*pair), slot(*pair));
            fields.put(u64::from(key) & mask(low_bits) | u64::from(slot) << low_bits, low_bits + slot_bits);
            let at = (key >> low_bits) + before;
            if let Some(byte) = high.get_mut(at as usize / 8) {
                *byte |= 1 << (at % 8);
            }
        }
        let mut out = Out::default();
        out.uint(count).u8(low_bits as u8).u8(slot_bits as u8).raw(&fields.end()).raw(&high);
        Self::read(&out.0).unwrap_or_default()
    }

    /// The leaf with these bytes: `None` if no writer writes them. That keys and slots are those that were written, the
    /// checksum says.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut from = In(bytes);
        let (count, low_bits, slot_bits) = (from.number()?, u32::from(from.u8()?), u32::from(from.u8()?));
        if low_bits > KEY_BITS || slot_bits > u32::BITS {
            return None;
        }
        let fields_at = bytes.len() - from.0.len();
        let bits = u64::from(count) * u64::from(low_bits + slot_bits);
        from.raw(usize::try_from(bits.div_ceil(8)).ok()?)?;
        let high = from.0;
        let set: u64 = (0..high.len()).step_by(8).map(|at| u64::from(word(high, at).count_ones())).sum();
        // The highest bit is that of the last pair, and its place says the key.
        let ends = match high.last() {
            Some(last) => {
                let places = high.len() as u64 * 8 - u64::from(last.leading_zeros());
                *last != 0 && places.checked_sub(u64::from(count))? << low_bits <= mask(KEY_BITS)
            }
            None => true,
        };
        if set != u64::from(count) || !ends {
            return None;
        }
        let (len, high_at) = (count as usize, bytes.len() - high.len());
        Some(Self { bytes: bytes.into(), len, low_bits, slot_bits, fields_at, high_at })
    }

    /// Its bytes, as it is read from them; one without pairs may have none.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        if self.bytes.is_empty() { &[0, 0, 0] } else { &self.bytes }
    }

    fn high(&self) -> &[u8] {
        self.bytes.get(self.high_at..).unwrap_or_default()
    }

    /// The low bits of the key of a pair, and its slot above them.
    fn field(&self, at: usize) -> u64 {
        let bit = at * (self.low_bits + self.slot_bits) as usize;
        word(&self.bytes, self.fields_at + bit / 8) >> (bit % 8)
    }

    fn low(&self, at: usize) -> u64 {
        self.field(at) & mask(self.low_bits)
    }

    /// The slot of a pair.
    pub(crate) fn slot(&self, at: usize) -> u32 {
        (self.field(at) >> self.low_bits & mask(self.slot_bits)) as u32
    }

    /// The pairs of this key. Complexity: O(n / 64), and O(log n) where many keys are alike.
    pub(crate) fn of_key(&self, key: u32) -> Range<usize> {
        let alike = self.of_high(key >> self.low_bits);
        let low = u64::from(key) & mask(self.low_bits);
        let from = partition_point(alike.clone(), |at| self.low(at) < low);
        if from < alike.end && self.low(from) == low {
            from..partition_point(from..alike.end, |at| self.low(at) <= low)
        } else {
            from..from
        }
    }

    /// The pairs whose keys have these high bits.
    fn of_high(&self, high: u32) -> Range<usize> {
        let bits = self.high();
        let mut from = 0;
        // Behind so many bits that are not set they begin.
        if let Some(mut others) = high.checked_sub(1) {
            let mut at = 0;
            loop {
                if at >= bits.len() {
                    return self.len..self.len;
                }
                let mut unset = !word(bits, at);
                let count = unset.count_ones();
                if others < count {
                    for _ in 0..others {
                        unset &= unset - 1;
                    }
                    from = at * 8 + unset.trailing_zeros() as usize + 1;
                    break;
                }
                others -= count;
                at += 8;
            }
        }
        let mut end = from;
        loop {
            let set = (word(bits, end / 8) >> (end % 8)).trailing_ones();
            end += set as usize;
            if set == 0 {
                break;
            }
        }
        let before = high as usize;
        from.saturating_sub(before).min(self.len)..end.saturating_sub(before).min(self.len)
    }

    /// All pairs, a key and a slot.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let bits = self.high();
        let places =
            (0..bits.len() * 8).filter(|at| bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1));
        (0..self.len).zip(places).map(|(at, place)| {
            let high = (place - at) as u32;
            (high << self.low_bits | self.low(at) as u32, self.slot(at))
        })
    }
}

/// The first place of a range at which `is_before` does not hold, given that it holds of those before and of none behind.
pub(crate) fn partition_point(mut places: Range<usize>, is_before: impl Fn(usize) -> bool) -> usize {
    while !places.is_empty() {
        let middle = places.start + places.len() / 2;
        if is_before(middle) {
            places.start = middle + 1;
        } else {
            places.end = middle;
        }
    }
    places.start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(keys: &[u32], slots: &[u32]) -> (Vec<u64>, Leaf) {
        let pairs: Vec<u64> =
            keys.iter().zip(slots).map(|(key, slot)| u64::from(*key) << 32 | u64::from(*slot)).collect();
        let leaf = Leaf::of(&pairs);
        (pairs, leaf)
    }

    #[test]
    fn every_pair_is_where_its_key_says_whatever_keys_and_slots() {
        let mut random = 7u64;
        let mut below = |bound: u32| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (random >> 33) as u32 % bound
        };
        for count in [0, 1, 2, 7, 100, 256, 3_000] {
            for (key_bound, slot_bound) in [(1, 1), (2, 256), (1 << 24, 1_000), (1 << 24, u32::MAX), (300, 7)]
            {
                let mut keys: Vec<u32> = (0..count).map(|_| below(key_bound)).collect();
                keys.sort_unstable();
                let slots: Vec<u32> = keys.iter().map(|_| below(slot_bound)).collect();
                let (pairs, leaf) = leaf(&keys, &slots);
                assert!(leaf.pairs().eq(keys.iter().copied().zip(slots.iter().copied())));
                for key in keys.iter().copied().chain([0, key_bound / 2, key_bound - 1, (1 << 24) - 1]) {
                    let expected = keys.partition_point(|k| *k < key)..keys.partition_point(|k| *k <= key);
                    let found = leaf.of_key(key);
                    assert!(found == expected || found.is_empty() && expected.is_empty(), "{key}");
                    assert!(found.clone().all(|at| leaf.slot(at) == slots[at]));
                }
                let bytes = leaf.as_bytes();
                assert_eq!(Leaf::read(bytes).map(|read| read.pairs().count()), Some(pairs.len()));
                // Cut short, or with something behind it, it is none.
                assert!(count == 0 || Leaf::read(&bytes[..bytes.len() - 1]).is_none());
                assert_eq!(Leaf::read(&[bytes, &[0]].concat()), None);
                assert_eq!(Leaf::read(&[bytes, &[1]].concat()), None);
            }
        }
    }

    #[test]
    fn a_leaf_takes_few_bytes() {
        let keys: Vec<u32> = (0..256u32).map(|n| n * 16_411).collect();
        let slots: Vec<u32> = (0..256).map(|n| n * 4).collect();
        let len_bytes = leaf(&keys, &slots).1.as_bytes().len();
        assert!(len_bytes < 256 * 27 / 8, "{len_bytes}");
    }

    #[test]
    fn no_bytes_make_a_leaf_of_more_pairs_than_they_can_stand_for() {
        // Four billion pairs of no bits, of which none is there.
        assert_eq!(Leaf::read(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]), None);
        assert_eq!(Leaf::read(&[1, 25, 0, 0, 0, 0, 0, 1]), None, "more low bits than a key has");
        assert_eq!(Leaf::read(&[1, 0, 33, 0, 0, 0, 0, 0, 1]), None, "more bits than a slot has");
        assert_eq!(Leaf::read(&[0, 0]), None);
        let above = [[1, 24, 0].as_slice(), &[0xff; 3], &[2]].concat();
        assert_eq!(Leaf::read(&above), None, "a key that is no hash");
    }
}
