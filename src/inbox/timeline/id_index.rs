//! From a message's id to its slot.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::paged::Shelf;
use crate::model::id::MessageId;

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

/// The pairs of one bucket in one piece of memory: how many they are, then the hashes, which are what is looked through,
/// then the slots; behind each the room for more.
pub(crate) type Bucket = [u32];

/// How many pairs a bucket has, its hashes, its slots, each with the room for more.
fn columns(bucket: &Bucket) -> (usize, &[u32], &[u32]) {
    let (len, rest) = bucket.split_first().unwrap_or((&0, &[]));
    let (hashes, slots) = rest.split_at(rest.len() / 2);
    (*len as usize, hashes, slots)
}

/// The pairs of a bucket.
pub(crate) fn pairs(bucket: &Bucket) -> impl Iterator<Item = Pair> + '_ {
    let (len, hashes, slots) = columns(bucket);
    hashes.iter().copied().zip(slots.iter().copied()).take(len)
}

/// Words of a bucket as it is made: nearly all fit.
type Words = SmallVec<[u32; 4 * LOAD]>;

/// The bucket of these pairs.
pub(crate) fn bucket_of(pairs: &[Pair]) -> Arc<Bucket> {
    let room = pairs.len().next_multiple_of(STEP);
    let mut words = Words::from_elem(0, 1 + 2 * room);
    if let Some((count, rest)) = words.split_first_mut() {
        *count = pairs.len() as u32;
        let (hashes, slots) = rest.split_at_mut(room);
        for ((hash_at, slot_at), &(hash, slot)) in hashes.iter_mut().zip(slots).zip(pairs) {
            (*hash_at, *slot_at) = (hash, slot);
        }
    }
    words.as_slice().into()
}

/// A full bucket with room for more.
fn grown(len: usize, hashes: &[u32], slots: &[u32]) -> Arc<Bucket> {
    let mut words = Words::new();
    words.push(len as u32);
    for column in [hashes, slots] {
        words.extend_from_slice(column);
        words.extend_from_slice(&[0; STEP]);
    }
    words.as_slice().into()
}

/// The first slot beside this hash that `is_it`.
fn look_for(bucket: &Bucket, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
    let (len, hashes, slots) = columns(bucket);
    let hashes = hashes.get(..len)?;
    // Whether any is equal is told of several at once; nearly always none is.
    if !hashes.iter().fold(false, |any, other| any | (*other == hash)) {
        return None;
    }
    hashes.iter().zip(slots).find(|&(other, slot)| *other == hash && is_it(*slot)).map(|(_, slot)| *slot)
}

/// Adds a pair; a full bucket becomes another with room for more.
fn push(bucket: &mut Arc<Bucket>, (hash, slot): Pair) {
    let (len, hashes, slots) = columns(bucket);
    if len >= hashes.len() {
        let more = grown(len, hashes, slots);
        *bucket = more;
    }
    let Some((count, rest)) = Arc::make_mut(bucket).split_first_mut() else { return };
    let (hashes, slots) = rest.split_at_mut(rest.len() / 2);
    if let Some((hash_at, slot_at)) = hashes.get_mut(len).zip(slots.get_mut(len)) {
        (*hash_at, *slot_at) = (hash, slot);
        *count += 1;
    }
}

/// Keeps the pairs whose hash `stays`; the others come back.
fn retain(bucket: &mut Bucket, stays: impl Fn(u32) -> bool) -> SmallVec<[Pair; 2 * LOAD]> {
    let mut gone = SmallVec::new();
    let Some((count, rest)) = bucket.split_first_mut() else { return gone };
    let (hashes, slots) = rest.split_at_mut(rest.len() / 2);
    let mut kept = 0;
    for at in 0..*count as usize {
        let Some((&hash, &slot)) = hashes.get(at).zip(slots.get(at)) else { break };
        if !stays(hash) {
            gone.push((hash, slot));
        } else if let Some((hash_at, slot_at)) = hashes.get_mut(kept).zip(slots.get_mut(kept)) {
            (*hash_at, *slot_at) = (hash, slot);
            kept += 1;
        }
    }
    *count = kept as u32;
    gone
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
        // Of each bucket a bit for every hash in it, and where its pairs lie among all: a bucket is searched only where
        // it may hold an equal one.
        let mut begin = 0;
        let place = |size: u32| {
            let from = begin;
            begin += size as usize;
            (0u64, from..from)
        };
        let mut buckets: Vec<(u64, Range<usize>)> = sizes.into_iter().map(place).collect();
        let mut all: Vec<Pair> = vec![(0, 0); hashes.len()];
        let mut doubles = Vec::new();
        let mut len = 0;
        for (slot, &hash) in (0u32..).zip(hashes) {
            let Some((seen, range)) = buckets.get_mut(bucket(count, hash)) else { continue };
            let bit = 1 << (hash >> (HASH_BITS - 6));
            if *seen & bit != 0
                && let Some(pairs) = all.get(range.clone())
                && let Some(&(_, first)) = pairs.iter().find(|&&(h, first)| h == hash && same(first, slot))
            {
                doubles.push((first, slot));
                continue;
            }
            *seen |= bit;
            if let Some(place) = all.get_mut(range.end) {
                *place = (hash, slot);
            }
            range.end += 1;
            len += 1;
        }
        let pairs = |range: Range<usize>| bucket_of(all.get(range).unwrap_or_default());
        (Self { buckets: buckets.into_iter().map(|(_, range)| pairs(range)).collect(), len }, doubles)
    }

    /// The slot with this id, asking `is_it` of every candidate.
    pub(crate) fn find(&self, id: MessageId, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let hash = hash(id);
        let count = self.buckets.len();
        let bucket = if count == 0 { None } else { self.buckets.get(bucket(count, hash)) }?;
        look_for(bucket, hash, is_it)
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
        is_it: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let hash = hash(id);
        if self.buckets.len() == 0 {
            self.buckets.push(Lazy::Warm(bucket_of(&[])));
        }
        let bucket = self.buckets.lazy_mut(bucket(self.buckets.len(), hash))?.part_mut()?;
        if let Some(known) = look_for(bucket, hash, is_it) {
            return Some(known);
        }
        push(bucket, (hash, slot));
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
        let Some(old) = self.buckets.lazy_mut(turn).and_then(Lazy::part_mut) else { return };
        let go = retain(Arc::make_mut(old), |hash| bucket(count + 1, hash) == turn);
        self.buckets.push(Lazy::Warm(bucket_of(&go)));
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
        let longest = index.buckets.iter().map(|b| pairs(b).count()).max();
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
