//! Bytes in one fixed form, for hashing: equal states have equal bytes, whatever order built them.

use crate::model::id::EventId;
use crate::model::time::Stamp;

/// Returns a hash of two numbers, never 0. Sums of such hashes are compared, and 0 is the sum of none, so every bit of it
/// depends on both numbers.
pub(crate) fn hash_of_two(first: i64, second: i64) -> u64 {
    let mut both = [0; 16];
    let (low, high) = both.split_at_mut(8);
    low.copy_from_slice(&first.to_le_bytes());
    high.copy_from_slice(&second.to_le_bytes());
    xxhash_rust::xxh3::xxh3_64(&both).max(1)
}

/// A buffer that values are appended to unambiguously: fixed widths, or a length first.
#[derive(Debug, Default)]
pub(crate) struct CanonicalBytes(Vec<u8>);

impl CanonicalBytes {
    /// One with room for so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn hash64(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.0)
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn i64(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u64(bytes.len() as u64).raw(bytes)
    }

    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn event(&mut self, event: EventId) -> &mut Self {
        self.raw(event.as_bytes())
    }

    pub(crate) fn stamp(&mut self, stamp: Stamp) -> &mut Self {
        self.i64(stamp.at.as_millis()).event(stamp.event)
    }

    /// One byte for whether there is a value, then the value.
    pub(crate) fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            Some(value) => put(self.u8(1), value),
            None => {
                self.u8(0);
            }
        }
        self
    }

    /// A number of items, then each.
    pub(crate) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut put: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.u64(items.len() as u64);
        for item in items {
            put(self, item);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::hash_of_two;

    /// Sums of few hashes of small numbers, as gaps and listed mentions have them: unlike sets have unlike sums.
    #[test]
    fn sums_of_hashes_tell_sets_of_pairs_apart() {
        let pairs: Vec<(i64, i64)> =
            (0..24).flat_map(|first| (1..4).map(move |second| (first, second))).collect();
        let mut sums: BTreeMap<u64, [(i64, i64); 2]> = BTreeMap::new();
        for (at, one) in pairs.iter().enumerate() {
            assert_ne!(hash_of_two(one.0, one.1), 0);
            for other in pairs.iter().skip(at + 1) {
                let sum = hash_of_two(one.0, one.1).wrapping_add(hash_of_two(other.0, other.1));
                let before = sums.insert(sum, [*one, *other]);
                assert_eq!(before, None, "and {one:?}, {other:?}");
            }
        }
    }
}
