//! From a message's id to its slot.

use super::lazy::Lazy;
use super::shelf::Shelf;
use crate::id::MessageId;

/// The mean number of entries a bucket holds before the table grows.
const LOAD: usize = 32;

/// By how many pairs a full bucket grows.
const STEP: usize = 8;

/// Pairs of a hash and a slot. Whether the id is really the one asked for, the arena says.
pub(crate) type Pair = (u32, u32);

/// How many bits a hash has: enough to tell buckets and their entries apart, and three bytes in a snapshot.
const HASH_BITS: u32 = 24;

/// Mixes all bits of an id into [`HASH_BITS`].
#[inline]
pub(crate) fn hash(id: MessageId) -> u32 {
    let bits = u128::from_be_bytes(*id.as_bytes());
    let folded = (bits >> 64) as u64 ^ (bits as u64).rotate_left(29);
    let product = u128::from(folded ^ 0x9e37_79b9_7f4a_7c15) * u128::from(0xd6e8_feb8_6659_fd93_u64);
    ((product >> 64) as u64 ^ product as u64) as u32 & ((1 << HASH_BITS) - 1)
}

/// The pairs of one bucket.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) pairs: Vec<Pair>,
}

impl Clone for Bucket {
    /// It is copied to be added to: there is room for more at once.
    fn clone(&self) -> Self {
        let mut pairs = Vec::with_capacity(self.pairs.len() + STEP);
        pairs.extend_from_slice(&self.pairs);
        Self { pairs }
    }
}

/// Linear hashing: a table of small buckets of which one splits at a time, so no insert ever pays for a whole
/// rehash, and writing after a clone copies one bucket. Eight bytes a message, and the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) buckets: Shelf<Bucket>,
    pub(crate) len: usize,
}

/// Which of `count` buckets a hash falls into: its low bits, one bit more where that bucket has split already.
fn bucket(count: usize, hash: u32) -> usize {
    let level = usize::BITS - count.leading_zeros();
    let wide = hash as usize & ((1 << level) - 1);
    if wide < count { wide } else { hash as usize & ((1 << (level - 1)) - 1) }
}

impl Index {
    /// The index of all messages by slot, given by the hashes of their ids, in the table that inserting them would
    /// have made, at a fraction of the cost. Of equal ids, which `same` tells by their slots, the first slot is kept;
    /// the later ones come back beside it.
    pub(crate) fn of(hashes: &[u32], same: impl Fn(u32, u32) -> bool) -> (Self, Vec<(u32, u32)>) {
        let count = hashes.len().div_ceil(LOAD).max(1);
        let mut sizes = vec![0u32; count];
        for hash in hashes {
            if let Some(size) = sizes.get_mut(bucket(count, *hash)) {
                *size += 1;
            }
        }
        // Beside each bucket a bit for every hash in it: a bucket is searched only where it may hold an equal one.
        let with_room = |size: u32| (0u64, Vec::with_capacity(size as usize));
        let mut buckets: Vec<(u64, Vec<Pair>)> = sizes.into_iter().map(with_room).collect();
        let mut doubles = Vec::new();
        let mut len = 0;
        for (slot, &hash) in (0u32..).zip(hashes) {
            let Some((seen, pairs)) = buckets.get_mut(bucket(count, hash)) else { continue };
            let bit = 1 << (hash >> (HASH_BITS - 6));
            if *seen & bit != 0
                && let Some(&(_, first)) = pairs.iter().find(|&&(h, first)| h == hash && same(first, slot))
            {
                doubles.push((first, slot));
                continue;
            }
            *seen |= bit;
            pairs.push((hash, slot));
            len += 1;
        }
        (Self { buckets: buckets.into_iter().map(|(_, pairs)| Bucket { pairs }).collect(), len }, doubles)
    }

    /// The slot with this id, asking `is_it` of every candidate.
    pub(crate) fn find(&self, id: MessageId, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let hash = hash(id);
        let count = self.buckets.len();
        let bucket = if count == 0 { None } else { self.buckets.get(bucket(count, hash)) }?;
        bucket.pairs.iter().find(|&&(h, slot)| h == hash && is_it(slot)).map(|&(_, slot)| slot)
    }

    /// Adds an id that is not there yet.
    pub(crate) fn insert(&mut self, id: MessageId, slot: u32) {
        self.find_or_insert(id, slot, |_| false);
    }

    /// The slot with this id, asking `is_it` of every candidate; without one the id is added with `slot`.
    pub(crate) fn find_or_insert(
        &mut self,
        id: MessageId,
        slot: u32,
        mut is_it: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let hash = hash(id);
        if self.buckets.len() == 0 {
            self.buckets.push(Lazy::default());
        }
        let Bucket { pairs } = self.buckets.get_mut(bucket(self.buckets.len(), hash))?;
        if let Some(&(_, known)) = pairs.iter().find(|&&(h, slot)| h == hash && is_it(slot)) {
            return Some(known);
        }
        if pairs.len() == pairs.capacity() {
            pairs.reserve_exact(STEP);
        }
        pairs.push((hash, slot));
        self.len += 1;
        if self.len > self.buckets.len() * LOAD {
            self.split();
        }
        None
    }

    /// Splits the next bucket in turn in two.
    fn split(&mut self) {
        let count = self.buckets.len();
        let turn = count - (1 << (usize::BITS - 1 - count.leading_zeros()));
        let Some(old) = self.buckets.get_mut(turn) else { return };
        let mut go = Vec::with_capacity(old.pairs.len() / 2 + STEP);
        old.pairs.retain(|&(hash, slot)| {
            let stays = bucket(count + 1, hash) == turn;
            if !stays {
                go.push((hash, slot));
            }
            stays
        });
        self.buckets.push(Lazy::new(Bucket { pairs: go }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> MessageId {
        MessageId::from_bytes(((u128::from(n) << 70) | u128::from(n)).to_be_bytes())
    }

    fn fill(mut index: Index, from: u32, to: u32) -> Index {
        for n in from..to {
            assert_eq!(index.find(id(n), |slot| slot == n), None);
            index.insert(id(n), n);
            for probe in [0, n / 3, n / 2, n] {
                assert_eq!(index.find(id(probe), |slot| slot == probe), Some(probe));
            }
        }
        index
    }

    #[test]
    fn every_id_is_found_again_at_every_size() {
        let index = fill(Index::default(), 0, 20_000);
        let longest = index.buckets.iter().map(|b| b.pairs.len()).max();
        assert!(longest < Some(6 * LOAD), "{longest:?}");
    }

    #[test]
    fn an_index_made_at_once_goes_on_as_if_it_had_always_been() {
        for turn in [0, 1, LOAD as u32, 777, 10_000] {
            let hashes: Vec<u32> = (0..turn).map(|n| hash(id(n))).collect();
            let (index, doubles) = Index::of(&hashes, |_, _| false);
            assert!(doubles.is_empty());
            let index = fill(index, turn, turn + 3_000);
            for n in 0..turn + 3_000 {
                assert_eq!(index.find(id(n), |slot| slot == n), Some(n));
            }
        }
    }

    #[test]
    fn equal_ids_come_back_beside_their_first_slot() {
        let ids = [5, 6, 5, 7, 6, 5];
        let same = |a: u32, b: u32| ids[a as usize] == ids[b as usize];
        let (index, doubles) = Index::of(&ids.map(|n| hash(id(n))), same);
        assert_eq!(doubles, [(0, 2), (1, 4), (0, 5)]);
        assert_eq!((index.len, index.find(id(6), |_| true)), (3, Some(1)));
    }
}
