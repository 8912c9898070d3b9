//! From a message's id to its slot.

use std::ops::Range;
use std::sync::Arc;

use im::ordmap::Entry;
use smallvec::SmallVec;

use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::paged::PagedVec;
use crate::inbox::timeline::index_levels::{ALIKE, HASH_BITS, Level, Pair, ranges};
use crate::model::id::MessageId;
use crate::model::impossible::impossible;

/// The mean number of entries a bucket holds before the table grows.
const LOAD: usize = 32;

/// Ids made so that their hashes collide crowd one bucket: it takes no more pairs than this, which chance never puts
/// into one. Nor does it take more than [`ALIKE`] of one hash.
const CROWD: usize = 8 * LOAD;

/// By how many pairs a full bucket grows.
const STEP: usize = 8;

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

/// The pairs of a bucket on their way: nearly always few enough to need no allocation.
pub(crate) type Pairs = SmallVec<[Pair; 2 * LOAD]>;

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

/// What a bucket knows of a hash.
enum Looked {
    Found(u32),
    /// There is no such id. `crowded` says whether the bucket takes no more of this hash.
    Missing {
        crowded: bool,
    },
}

/// The first slot beside this hash that `is_it`.
fn look_for(bucket: &Bucket, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Looked {
    let (len, hashes, slots) = columns(bucket);
    let crowded = len >= CROWD;
    let hashes = hashes.get(..len).unwrap_or_default();
    // Whether any is equal is told of several at once; nearly always none is.
    if !hashes.iter().fold(false, |any, other| any | (*other == hash)) {
        return Looked::Missing { crowded };
    }
    let mut alike = 0;
    for (_, slot) in hashes.iter().zip(slots).filter(|&(other, _)| *other == hash) {
        if is_it(*slot) {
            return Looked::Found(*slot);
        }
        alike += 1;
    }
    Looked::Missing { crowded: crowded || alike >= ALIKE }
}

/// Adds a pair; a full bucket becomes another with room for more.
fn push(bucket: &mut Arc<Bucket>, (hash, slot): Pair) {
    let (len, hashes, slots) = columns(bucket);
    if len >= hashes.len() {
        let more = grown(len, hashes, slots);
        *bucket = more;
    }
    let Some((count, rest)) = Arc::make_mut(bucket).split_first_mut() else {
        impossible!("a bucket begins with the number of its pairs");
        return;
    };
    let (hashes, slots) = rest.split_at_mut(rest.len() / 2);
    if let Some((hash_at, slot_at)) = hashes.get_mut(len).zip(slots.get_mut(len)) {
        (*hash_at, *slot_at) = (hash, slot);
        *count += 1;
    }
}

/// Keeps the pairs whose hash `stays`. Returns the others.
fn retain(bucket: &mut Bucket, stays: impl Fn(u32) -> bool) -> Pairs {
    let mut gone = SmallVec::new();
    let Some((count, rest)) = bucket.split_first_mut() else {
        impossible!("a bucket begins with the number of its pairs");
        return gone;
    };
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
///
/// What came from a snapshot stays in the levels that it has there, and the table has what came since.
///
/// The hash has no key, so anybody can make ids that collide. What a bucket is too crowded for stands in an ordered map.
/// Snapshots of versions 5 and 6 have all of it in buckets: one that comes from there too large is put right when it is
/// first written to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    buckets: PagedVec<Bucket>,
    /// How many pairs the table has.
    len: usize,
    overflow: Option<Arc<Overflow>>,
    levels: Option<Arc<Vec<Level>>>,
}

/// Ids that found their bucket crowded, and their slots.
type Overflow = im::OrdMap<MessageId, u32>;

/// A bucket as it is filled, its pairs among those of all.
struct Filling {
    /// A bit for every hash in it, so that it is searched only where it may hold an equal one.
    seen: [u64; 4],
    range: Range<u32>,
}

impl Filling {
    /// Whether it may hold this hash. From now on it may.
    #[inline]
    fn saw(&mut self, hash: u32) -> bool {
        // The highest bits of it: the lowest are alike in a bucket.
        let kind = hash >> (HASH_BITS - 8);
        let Some(seen) = self.seen.get_mut((kind >> 6) as usize & 3) else { return true };
        let bit = 1 << (kind & 63);
        let saw = *seen & bit != 0;
        *seen |= bit;
        saw
    }

    fn places(&self) -> Range<usize> {
        self.range.start as usize..self.range.end as usize
    }
}

/// Which of `count` buckets a hash falls into: its low bits, one bit more where that bucket has split already.
fn bucket(count: usize, hash: u32) -> usize {
    let level = usize::BITS - count.leading_zeros();
    let wide = hash as usize & ((1 << level) - 1);
    if wide < count { wide } else { hash as usize & ((1 << (level - 1)) - 1) }
}

impl Index {
    /// The index of all messages by slot, given by the hashes of their ids, in the table that inserting them would
    /// have made, at a fraction of the cost. Of equal ids, which `id` tells by slot, the first slot is kept; the later
    /// ones come back beside it.
    pub(crate) fn of(hashes: &[u32], id: impl Fn(u32) -> Option<MessageId>) -> (Self, Vec<(u32, u32)>) {
        let count = hashes.len().div_ceil(LOAD).max(1);
        let mut sizes = vec![0u32; count];
        for hash in hashes {
            if let Some(size) = sizes.get_mut(bucket(count, *hash)) {
                *size += 1;
            }
        }
        let mut begin = 0;
        let place = |size: u32| {
            let from = begin;
            begin += size;
            Filling { seen: [0; 4], range: from..from }
        };
        let mut buckets: Vec<Filling> = sizes.into_iter().map(place).collect();
        let mut all: Vec<Pair> = vec![(0, 0); hashes.len()];
        let mut doubles = Vec::new();
        let mut overflow = Overflow::new();
        let mut len = 0;
        for (slot, &hash) in (0u32..).zip(hashes) {
            let Some(filling) = buckets.get_mut(bucket(count, hash)) else { continue };
            let mut crowded = filling.range.len() >= CROWD;
            if filling.saw(hash)
                && let Some(pairs) = all.get(filling.places())
            {
                let mut alike = 0;
                let mut alike_pairs =
                    pairs.iter().filter(|(other, _)| *other == hash).inspect(|_| alike += 1);
                if let Some(&(_, first)) = alike_pairs.find(|(_, first)| id(*first) == id(slot)) {
                    doubles.push((first, slot));
                    continue;
                }
                crowded = crowded || alike >= ALIKE;
            }
            if crowded {
                match id(slot).map(|id| overflow.entry(id)) {
                    Some(Entry::Occupied(first)) => doubles.push((*first.get(), slot)),
                    Some(Entry::Vacant(place)) => {
                        place.insert(slot);
                        len += 1;
                    }
                    None => {}
                }
                continue;
            }
            if let Some(place) = all.get_mut(filling.range.end as usize) {
                *place = (hash, slot);
            }
            filling.range.end += 1;
            len += 1;
        }
        let pairs = |filling: &Filling| bucket_of(all.get(filling.places()).unwrap_or_default());
        let buckets = buckets.iter().map(pairs).collect();
        let overflow = (!overflow.is_empty()).then(|| Arc::new(overflow));
        (Self { buckets, len, overflow, levels: None }, doubles)
    }

    /// Adds the later slots of equal ids beside the first, as [`Index::of`] gives them, of so few messages that comparing
    /// each with each is as fast.
    pub(crate) fn doubles_of_few(
        hashes: &[u32],
        id: impl Fn(u32) -> Option<MessageId>,
        doubles: &mut Vec<(u32, u32)>,
    ) {
        for (slot, hash) in (0u32..).zip(hashes) {
            let before = (0u32..).zip(hashes.iter().take(slot as usize));
            let mut alike = before.filter(|(_, other)| *other == hash);
            doubles.extend(alike.find(|(first, _)| id(*first) == id(slot)).map(|(first, _)| (first, slot)));
        }
    }

    /// The index of a snapshot: its levels, and the pairs of the slots behind them.
    pub(crate) fn restored(levels: Vec<Level>, pairs: &[Pair]) -> Self {
        let count = pairs.len().div_ceil(LOAD);
        let mut buckets = vec![Pairs::new(); count];
        for pair in pairs {
            if let Some(place) = buckets.get_mut(bucket(count, pair.0)) {
                place.push(*pair);
            }
        }
        let buckets = buckets.iter().map(|pairs| bucket_of(pairs)).collect();
        let levels = (!levels.is_empty()).then(|| Arc::new(levels));
        Self { buckets, len: pairs.len(), overflow: None, levels }
    }

    /// The index of a snapshot of version 5 or 6.
    pub(crate) fn of_buckets(buckets: PagedVec<Bucket>, len: usize) -> Self {
        Self { buckets, len, overflow: None, levels: None }
    }

    /// Whether it was not made: a history of few messages needs none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0 && self.levels.is_none()
    }

    fn levels(&self) -> &[Level] {
        self.levels.as_deref().map_or(&[], Vec::as_slice)
    }

    /// What a snapshot has of so many slots: the levels of their ranges, and the pairs behind those, in ascending order of
    /// slots. A level that came from a snapshot and is one of these is it still.
    pub(crate) fn for_snapshot(
        &self,
        slots: u32,
        id_of: impl Fn(u32) -> Option<MessageId>,
    ) -> (Vec<Level>, Vec<Pair>) {
        let ranges: Vec<Range<u32>> = ranges(slots).collect();
        let mut pairs_of: Vec<Vec<Pair>> = vec![Vec::new(); ranges.len() + 1];
        let stays = |level: &&Level| ranges.contains(&level.slots);
        let joined = self.levels().iter().filter(|level| !stays(level)).flat_map(Level::pairs);
        let overflow = self.overflow.iter().flat_map(|overflow| overflow.iter());
        let table = self.buckets.iter().flat_map(pairs).chain(overflow.map(|(id, slot)| (hash(*id), *slot)));
        for pair in joined.chain(table) {
            if let Some(pairs) = pairs_of.get_mut(ranges.partition_point(|range| range.end <= pair.1)) {
                pairs.push(pair);
            }
        }
        let mut behind = pairs_of.pop().unwrap_or_default();
        behind.sort_unstable_by_key(|(_, slot)| *slot);
        let level = |(range, pairs): (Range<u32>, Vec<Pair>)| {
            let old = self.levels().iter().find(|level| level.slots == range);
            old.cloned().unwrap_or_else(|| Level::of(range, &pairs, &id_of))
        };
        (ranges.into_iter().zip(pairs_of).map(level).collect(), behind)
    }

    /// Lets go of what was loaded from a snapshot and not written.
    pub(crate) fn release(&mut self) {
        self.buckets.release();
        if let Some(levels) = self.levels.as_mut().and_then(Arc::get_mut) {
            levels.iter_mut().for_each(|level| level.leaves.release());
        }
    }

    /// Loads every part of it.
    pub(crate) fn load_all(&self) {
        self.buckets.iter().for_each(drop);
        self.levels().iter().for_each(|level| level.leaves.iter().for_each(drop));
    }

    /// The slot with this id, given the ids by slot.
    #[inline]
    pub(crate) fn find(&self, id: MessageId, id_of: impl Fn(u32) -> Option<MessageId>) -> Option<u32> {
        let hash = hash(id);
        self.find_in_table(id, hash, &id_of).or_else(|| self.find_in_levels(id, hash, &id_of))
    }

    #[inline]
    fn find_in_table(
        &self,
        id: MessageId,
        hash: u32,
        id_of: &impl Fn(u32) -> Option<MessageId>,
    ) -> Option<u32> {
        let count = self.buckets.len();
        let bucket = if count == 0 { None } else { self.buckets.get(bucket(count, hash)) }?;
        match look_for(bucket, hash, |slot| id_of(slot) == Some(id)) {
            Looked::Found(slot) => Some(slot),
            Looked::Missing { .. } => self.overflow.as_ref()?.get(&id).copied(),
        }
    }

    /// Messages of late are asked for most.
    fn find_in_levels(
        &self,
        id: MessageId,
        hash: u32,
        id_of: &impl Fn(u32) -> Option<MessageId>,
    ) -> Option<u32> {
        self.levels().iter().rev().find_map(|level| level.find(id, hash, id_of))
    }

    /// Adds an id that is not there yet.
    pub(crate) fn insert(&mut self, id: MessageId, slot: u32, id_of: impl Fn(u32) -> Option<MessageId>) {
        self.find_or_insert(id, slot, id_of);
    }

    /// The slot with this id; without one the id is added with `slot`.
    pub(crate) fn find_or_insert(
        &mut self,
        id: MessageId,
        slot: u32,
        id_of: impl Fn(u32) -> Option<MessageId>,
    ) -> Option<u32> {
        let hash = hash(id);
        if self.levels.is_some()
            && let Some(known) = self.find_in_levels(id, hash, &id_of)
        {
            return Some(known);
        }
        if self.buckets.len() == 0 {
            self.buckets.push(Lazy::Warm(bucket_of(&[])));
        }
        let bucket = self.buckets.lazy_mut(bucket(self.buckets.len(), hash))?;
        // One that lies in a snapshot stays there unless something is put into it.
        if bucket.place().is_some()
            && let Looked::Found(known) = look_for(bucket.get(), hash, |slot| id_of(slot) == Some(id))
        {
            return Some(known);
        }
        let bucket = bucket.part_mut()?;
        if columns(bucket).0 > CROWD {
            shed(bucket, &mut self.overflow, &id_of);
        }
        let crowded = match look_for(bucket, hash, |slot| id_of(slot) == Some(id)) {
            Looked::Found(known) => return Some(known),
            Looked::Missing { crowded } => crowded,
        };
        if let Some(known) = self.overflow.as_ref().and_then(|overflow| overflow.get(&id)) {
            return Some(*known);
        }
        if crowded {
            Arc::make_mut(self.overflow.get_or_insert_default()).insert(id, slot);
        } else {
            push(bucket, (hash, slot));
        }
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
        // A corrupt part of a snapshot stands here without its buckets (R99).
        let Some(old) = self.buckets.lazy_mut(turn).and_then(Lazy::part_mut) else { return };
        let go = retain(Arc::make_mut(old), |hash| bucket(count + 1, hash) == turn);
        self.buckets.push(Lazy::Warm(bucket_of(&go)));
    }
}

/// Moves what a bucket of a snapshot has too much of, to where it is found soon.
#[cold]
fn shed(
    bucket: &mut Arc<Bucket>,
    overflow: &mut Option<Arc<Overflow>>,
    id_of: impl Fn(u32) -> Option<MessageId>,
) {
    let mut sorted: Vec<Pair> = pairs(bucket).collect();
    // Those of one hash beside each other, each in the order in which they came.
    sorted.sort_by_key(|(hash, _)| *hash);
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for alike in sorted.chunk_by(|a, b| a.0 == b.0) {
        let room = ALIKE.min(CROWD - kept.len()).min(alike.len());
        let (stay, go) = alike.split_at(room);
        kept.extend_from_slice(stay);
        gone.extend_from_slice(go);
    }
    kept.sort_unstable_by_key(|(_, slot)| *slot);
    let overflow = Arc::make_mut(overflow.get_or_insert_default());
    overflow.extend(gone.iter().filter_map(|(_, slot)| Some((id_of(*slot)?, *slot))));
    *bucket = bucket_of(&kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> MessageId {
        MessageId::from_bytes(((u128::from(n) << 70) | u128::from(n)).to_be_bytes())
    }

    fn fill(mut index: Index, from: u32, to: u32) -> Index {
        let id_of = |slot| Some(id(slot));
        for n in from..to {
            assert_eq!(index.find(id(n), id_of), None);
            index.insert(id(n), n, id_of);
            for probe in [0, n / 3, n / 2, n] {
                assert_eq!(index.find(id(probe), id_of), Some(probe));
            }
        }
        index
    }

    #[test]
    fn every_id_is_found_again_at_every_size() {
        let index = fill(Index::default(), 0, 20_000);
        let longest = index.buckets.iter().map(|b| pairs(b).count()).max();
        assert!(longest < Some(6 * LOAD) && index.overflow.is_none(), "{longest:?}");
    }

    #[test]
    fn an_index_made_at_once_goes_on_as_if_it_had_always_been() {
        for turn in [0, 1, LOAD as u32, 777, 10_000] {
            let hashes: Vec<u32> = (0..turn).map(|n| hash(id(n))).collect();
            let (index, doubles) = Index::of(&hashes, |slot| Some(id(slot)));
            assert!(doubles.is_empty());
            let index = fill(index, turn, turn + 3_000);
            for n in 0..turn + 3_000 {
                assert_eq!(index.find(id(n), |slot| Some(id(slot))), Some(n));
            }
        }
    }

    #[test]
    fn equal_ids_come_back_beside_their_first_slot() {
        let ids = [5, 6, 5, 7, 6, 5];
        let id_of = |slot: u32| Some(id(ids[slot as usize]));
        let (index, doubles) = Index::of(&ids.map(|n| hash(id(n))), id_of);
        assert_eq!(doubles, [(0, 2), (1, 4), (0, 5)]);
        let mut of_few = Vec::new();
        Index::doubles_of_few(&ids.map(|n| hash(id(n))), id_of, &mut of_few);
        assert_eq!(of_few, doubles);
        assert_eq!((index.len, index.find(id(6), id_of)), (3, Some(1)));
    }

    #[test]
    fn an_index_out_of_a_snapshot_goes_on_and_its_old_levels_stay() {
        let id_of = |slot| Some(id(slot));
        let mut index = Index::default();
        let mut kept: Vec<Level> = Vec::new();
        let mut stayed = 0;
        for (from, to) in
            [(0, 100), (100, 2_500), (2_500, 2_570), (2_570, 2_900), (2_900, 9_000), (9_000, 9_001)]
        {
            index = fill(index, from, to);
            let (levels, behind) = index.for_snapshot(to, id_of);
            let pairs = levels.iter().flat_map(Level::pairs).chain(behind.iter().copied());
            let mut slots: Vec<u32> = pairs.map(|(_, slot)| slot).collect();
            slots.sort_unstable();
            assert!(slots.into_iter().eq(0..to));
            let is_kept = |level: &Level| kept.iter().any(|old| old.slots == level.slots);
            stayed += levels.iter().filter(|level| is_kept(level)).count();
            index = Index::restored(levels.clone(), &behind);
            assert_eq!(index.is_empty(), to == 0);
            assert!((0..to).all(|n| index.find(id(n), id_of) == Some(n)));
            kept = levels;
        }
        assert!(stayed > 3, "{stayed}");
    }

    /// Ids all of one hash, or of hashes of one bucket.
    fn colliding(n: u32) -> MessageId {
        let spread = u64::from(n % 3) << 60;
        let high = spread ^ u64::from(n).rotate_left(29);
        MessageId::from_bytes((u128::from(high) << 64 | u128::from(n)).to_be_bytes())
    }

    #[test]
    fn ids_that_collide_are_found_and_crowd_no_bucket() {
        let id_of = |slot: u32| Some(colliding(slot / 2));
        let count = 4_000;
        let mut one_by_one = Index::default();
        let found: Vec<_> = (0..count)
            .filter_map(|n| Some((one_by_one.find_or_insert(colliding(n / 2), n, id_of)?, n)))
            .collect();
        let hashes: Vec<u32> = (0..count).map(|n| hash(colliding(n / 2))).collect();
        let (at_once, doubles) = Index::of(&hashes, id_of);
        assert_eq!(doubles, found);
        // As snapshots of version 6 had it, all of them in their buckets, and as they have it now.
        let mut by_bucket = vec![Vec::new(); 60];
        for n in 0..count / 2 {
            by_bucket[bucket(60, hash(colliding(n)))].push((hash(colliding(n)), 2 * n));
        }
        let buckets = by_bucket.iter().map(|pairs| bucket_of(pairs)).collect();
        let mut of_buckets = Index::of_buckets(buckets, count as usize / 2);
        let (levels, behind) = one_by_one.for_snapshot(count, id_of);
        let mut restored = Index::restored(levels, &behind);
        let holds = |index: &Index| {
            assert!((0..count / 2).all(|n| index.find(colliding(n), id_of) == Some(2 * n)));
            assert_eq!(index.find(colliding(count), id_of), None);
        };
        [&one_by_one, &at_once, &of_buckets, &restored].into_iter().for_each(holds);
        for index in [&mut of_buckets, &mut restored] {
            assert!((0..count / 2).all(|n| index.find_or_insert(colliding(n), 0, id_of) == Some(2 * n)));
        }
        [&one_by_one, &at_once, &of_buckets, &restored].into_iter().for_each(|index| {
            holds(index);
            assert!(index.buckets.iter().all(|b| pairs(b).count() <= CROWD));
        });
    }
}
