//! What a snapshot has of the way from ids to slots: pairs of a hash and a slot, sorted by hash, in levels.
//!
//! A table into which ids fall at random changes everywhere with a few messages, and the next snapshot would have to write
//! nearly all of it again. So the slots of a history are divided by their number alone into ranges, the first ones the
//! longest; each has a level, which is not written to. As a history grows, eight ranges of a length become one of the next: the
//! long ones stay what they were from one snapshot to the next.

use std::ops::Range;

use crate::inbox::containers::paged::PagedVec;
use crate::inbox::timeline::leaf::{Leaf, partition_point};
use crate::model::id::MessageId;

/// A hash and a slot. Whether the id is really the one asked for, the arena says.
pub(crate) type Pair = (u32, u32);

/// How many bits a hash has: enough to tell buckets and their entries apart, and three bytes in a snapshot.
pub(crate) const HASH_BITS: u32 = 24;

/// Of one hash no more than these are looked at one after the other.
pub(crate) const ALIKE: usize = 8;

/// How many slots the shortest range has.
pub(crate) const UNIT: u32 = 256;

/// About how many pairs a leaf has at most, unless their ids were made for it.
const LEAF: u32 = 512;

/// Ranges of one length are joined once there are two to the power of this many.
const JOIN_BITS: u32 = 3;

/// The pairs of a range of slots, in leaves by the low bits of their hashes. The other bits are the key in a leaf; slots are
/// counted from the first of the range. More than [`ALIKE`] pairs of one key are in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) slots: Range<u32>,
    pub(crate) leaves: PagedVec<Leaf>,
}

/// The ranges into which the first of so many slots are divided, in order. Those behind them, fewer than [`UNIT`], have no
/// level.
pub(crate) fn ranges(slots: u32) -> impl Iterator<Item = Range<u32>> {
    let (units, mut end) = (slots / UNIT, 0);
    (0..=u32::BITS / JOIN_BITS).rev().filter_map(move |digit| {
        let shift = digit * JOIN_BITS;
        let of_digit = (units >> shift & ((1 << JOIN_BITS) - 1)) << shift;
        let from = end;
        end += of_digit * UNIT;
        (from < end).then_some(from..end)
    })
}

/// How many low bits of a hash say which leaf of a range it is in.
pub(crate) fn leaf_bits(slots: &Range<u32>) -> u32 {
    let leaves = (slots.end - slots.start).div_ceil(LEAF);
    leaves.max(1).next_power_of_two().trailing_zeros().min(HASH_BITS)
}

/// Which leaf a hash is in, and its key there.
fn leaf_and_key(hash: u32, leaf_bits: u32) -> (u32, u32) {
    (hash & ((1 << leaf_bits) - 1), hash >> leaf_bits)
}

impl Level {
    /// The level of a range from the pairs of its slots, in whatever order. Complexity: O(n log n), sorted leaf by leaf.
    pub(crate) fn of(slots: Range<u32>, pairs: &[Pair], id_of: &impl Fn(u32) -> Option<MessageId>) -> Self {
        let leaf_bits = leaf_bits(&slots);
        let mut ends = vec![0usize; 1 << leaf_bits];
        for (hash, _) in pairs {
            if let Some(count) = ends.get_mut(leaf_and_key(*hash, leaf_bits).0 as usize) {
                *count += 1;
            }
        }
        let mut begin = 0;
        for end in &mut ends {
            begin += std::mem::replace(end, begin);
        }
        // A key above the slot beside it: sorted as one number.
        let mut sorted = vec![0u64; pairs.len()];
        for (hash, slot) in pairs {
            let (leaf, key) = leaf_and_key(*hash, leaf_bits);
            let end = ends.get_mut(leaf as usize);
            let place = end.and_then(|end| {
                *end += 1;
                sorted.get_mut(*end - 1)
            });
            if let Some(place) = place {
                *place = u64::from(key) << 32 | u64::from(slot.wrapping_sub(slots.start));
            }
        }
        let mut rest = sorted.as_mut_slice();
        let mut from = 0;
        let leaf = |end: usize| {
            let (leaf, behind) = std::mem::take(&mut rest).split_at_mut(end - from);
            (from, rest) = (end, behind);
            leaf.sort_unstable();
            for alike in leaf.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
                if alike.len() > ALIKE {
                    alike.sort_by_cached_key(|pair| id_of(slots.start + *pair as u32));
                }
            }
            Leaf::of(leaf).into()
        };
        let leaves = ends.into_iter().map(leaf).collect();
        Self { slots, leaves }
    }

    /// The slot with this id, whose hash this is. Complexity: O(log n), and of ids that collide as many are looked at.
    pub(crate) fn find(
        &self,
        id: MessageId,
        hash: u32,
        id_of: &impl Fn(u32) -> Option<MessageId>,
    ) -> Option<u32> {
        let (leaf, key) = leaf_and_key(hash, leaf_bits(&self.slots));
        let leaf = self.leaves.get(leaf as usize)?;
        let alike = leaf.of_key(key);
        let slot = |at: usize| self.slots.start.wrapping_add(leaf.slot(at));
        let is_it = |slot: &u32| id_of(*slot) == Some(id);
        if alike.len() > ALIKE {
            let at = partition_point(alike.clone(), |at| id_of(slot(at)) < Some(id));
            return Some(at).filter(|at| *at < alike.end).map(slot).filter(is_it);
        }
        alike.map(slot).find(is_it)
    }

    /// All pairs, in no order that means anything.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = Pair> + '_ {
        let leaf_bits = leaf_bits(&self.slots);
        (0..).zip(self.leaves.iter()).flat_map(move |(at, leaf)| {
            leaf.pairs().map(move |(key, slot)| (key << leaf_bits | at, self.slots.start.wrapping_add(slot)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_by_the_number_of_slots_and_long_ones_stay() {
        assert_eq!(ranges(255).count(), 0);
        let of = |slots| ranges(slots).collect::<Vec<_>>();
        assert_eq!(of(256 * 9 + 17), [0..2_048, 2_048..2_304]);
        assert!(ranges(256 * 64).eq(std::iter::once(0..16_384)));
        assert_eq!(ranges(u32::MAX).last().map(|range| range.end), Some(u32::MAX - 255));
        let mut before = Vec::new();
        for slots in (0..200_000).step_by(256) {
            let now = of(slots);
            assert!(now.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert_eq!(now.last().map_or(0, |range| range.end), slots);
            // What was a range is one still, or part of a longer one.
            let within =
                |old: &Range<u32>| now.iter().any(|new| new.start <= old.start && old.end <= new.end);
            assert!(before.iter().all(within), "{before:?} {now:?}");
            before = now;
        }
    }

    #[test]
    fn every_pair_is_found_and_none_else() {
        let id = |n: u32| MessageId::from_bytes(u128::from(n).to_be_bytes());
        for (range, modulo) in [(0..256, u32::MAX), (512..2_304, u32::MAX), (0..4_096, 5), (256..512, 1)] {
            // As few hashes as `modulo` says: those ids collide.
            let hash = |slot: u32| (slot % modulo).wrapping_mul(0x9e37_79b1) & ((1 << HASH_BITS) - 1);
            let id_of = |slot: u32| Some(id(slot.wrapping_mul(2_654_435_761)));
            let pairs: Vec<Pair> = range.clone().rev().map(|slot| (hash(slot), slot)).collect();
            let level = Level::of(range.clone(), &pairs, &id_of);
            for slot in range.clone() {
                assert_eq!(id_of(slot).and_then(|id| level.find(id, hash(slot), &id_of)), Some(slot));
                assert_eq!(level.find(id(slot.wrapping_mul(2_654_435_761) + 1), hash(slot), &id_of), None);
            }
            let mut all: Vec<Pair> = level.pairs().collect();
            all.sort_by_key(|(_, slot)| std::cmp::Reverse(*slot));
            assert_eq!(all, pairs);
        }
    }
}
