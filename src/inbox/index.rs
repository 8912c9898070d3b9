//! From a message's id to its slot.

use std::sync::Arc;

use crate::id::MessageId;

/// The mean number of entries a bucket holds before the table grows.
const LOAD: usize = 24;

/// Pairs of a hash and a slot. Whether the id is really the one asked for, the arena says.
type Pair = (u32, u32);

/// Which slots may hold an id.
#[derive(Clone, Debug)]
pub(crate) enum Index {
    /// While a log is replayed nobody holds a copy: a flat table is several times faster.
    Flat(Flat),
    /// A table whose clones share.
    Shared(Shared),
}

/// Mixes all bits of an id into 32.
fn hash(id: MessageId) -> u32 {
    let bits = u128::from_be_bytes(*id.as_bytes());
    let folded = (bits >> 64) as u64 ^ (bits as u64).rotate_left(29);
    let product = u128::from(folded ^ 0x9e37_79b9_7f4a_7c15) * u128::from(0xd6e8_feb8_6659_fd93_u64);
    ((product >> 64) as u64 ^ product as u64) as u32
}

impl Index {
    /// An empty index; `live` for one whose clones share.
    pub(crate) fn new(live: bool) -> Self {
        if live { Self::Shared(Shared::default()) } else { Self::Flat(Flat::default()) }
    }

    /// The slot with this id, asking `is_it` of every candidate.
    pub(crate) fn find(&self, id: MessageId, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        match self {
            Self::Flat(flat) => flat.find(hash(id), is_it),
            Self::Shared(shared) => shared.find(hash(id), is_it),
        }
    }

    /// Adds an id that is not there yet.
    pub(crate) fn insert(&mut self, id: MessageId, slot: u32) {
        match self {
            Self::Flat(flat) => flat.insert((hash(id), slot)),
            Self::Shared(shared) => shared.insert((hash(id), slot)),
        }
    }

    /// Makes clones share from now on.
    pub(crate) fn share(&mut self) {
        if let Self::Flat(flat) = self {
            *self = Self::Shared(Shared::of(flat));
        }
    }
}

/// Open addressing in one array of a power of two; empty places bear the slot [`Flat::EMPTY`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Flat {
    pairs: Vec<Pair>,
    len: usize,
}

impl Flat {
    const EMPTY: Pair = (0, u32::MAX);

    /// The places of `hash` in the order in which they are tried.
    fn places(&self, hash: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.pairs.len().wrapping_sub(1);
        (0..self.pairs.len()).map(move |n| (hash as usize).wrapping_add(n) & mask)
    }

    fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let pairs = self.places(hash).map_while(|at| self.pairs.get(at));
        let mut full = pairs.take_while(|pair| **pair != Self::EMPTY);
        full.find(|&&(h, slot)| h == hash && is_it(slot)).map(|&(_, slot)| slot)
    }

    fn insert(&mut self, pair: Pair) {
        if self.len * 4 >= self.pairs.len() * 3 {
            let wider = (self.pairs.len() * 2).max(8);
            let old = std::mem::replace(&mut self.pairs, vec![Self::EMPTY; wider]);
            old.into_iter().filter(|pair| *pair != Self::EMPTY).for_each(|pair| self.put(pair));
        }
        self.put(pair);
        self.len += 1;
    }

    fn put(&mut self, pair: Pair) {
        let free = self.places(pair.0).find(|&at| self.pairs.get(at) == Some(&Self::EMPTY));
        if let Some(place) = free.and_then(|at| self.pairs.get_mut(at)) {
            *place = pair;
        }
    }
}

/// Linear hashing: a table of small buckets of which one splits at a time, so no insert ever pays for a whole
/// rehash, and writing after a clone copies one bucket. Eight bytes a message, and the table.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    buckets: im::Vector<Arc<Vec<Pair>>>,
    len: usize,
}

impl Default for Shared {
    fn default() -> Self {
        Self { buckets: im::Vector::unit(Arc::default()), len: 0 }
    }
}

/// Which of `count` buckets a hash falls into: its low bits, one bit more where that bucket has split already.
fn bucket(count: usize, hash: u32) -> usize {
    let level = usize::BITS - count.leading_zeros();
    let wide = hash as usize & ((1 << level) - 1);
    if wide < count { wide } else { hash as usize & ((1 << (level - 1)) - 1) }
}

impl Shared {
    /// The same pairs, in the table that inserting them would have made.
    fn of(flat: &Flat) -> Self {
        let count = flat.len.div_ceil(LOAD).max(1);
        let mut buckets = vec![Vec::new(); count];
        for pair in flat.pairs.iter().filter(|pair| **pair != Flat::EMPTY) {
            if let Some(bucket) = buckets.get_mut(bucket(count, pair.0)) {
                bucket.push(*pair);
            }
        }
        Self { buckets: buckets.into_iter().map(Arc::new).collect(), len: flat.len }
    }

    fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let bucket = self.buckets.get(bucket(self.buckets.len(), hash))?;
        bucket.iter().find(|&&(h, slot)| h == hash && is_it(slot)).map(|&(_, slot)| slot)
    }

    fn insert(&mut self, pair: Pair) {
        let at = bucket(self.buckets.len(), pair.0);
        if let Some(bucket) = self.buckets.get_mut(at) {
            Arc::make_mut(bucket).push(pair);
        }
        self.len += 1;
        if self.len > self.buckets.len() * LOAD {
            self.split();
        }
    }

    /// Splits the next bucket in turn in two.
    fn split(&mut self) {
        let count = self.buckets.len();
        let turn = count - (1 << (usize::BITS - 1 - count.leading_zeros()));
        let old = self.buckets.get(turn).cloned().unwrap_or_default();
        let (stay, go) = old.iter().copied().partition(|&(h, _)| bucket(count + 1, h) == turn);
        if let Some(bucket) = self.buckets.get_mut(turn) {
            *bucket = Arc::new(stay);
        }
        self.buckets.push_back(Arc::new(go));
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
        let Index::Shared(shared) = fill(Index::new(true), 0, 20_000) else { panic!("it shares") };
        let longest = shared.buckets.iter().map(|b| b.len()).max();
        assert!(longest < Some(6 * LOAD), "{longest:?}");
    }

    #[test]
    fn a_flat_index_turned_shared_goes_on_as_if_it_had_always_been() {
        for turn in [0, 1, LOAD as u32, 777, 10_000] {
            let mut index = fill(Index::new(false), 0, turn);
            index.share();
            let index = fill(index, turn, turn + 3_000);
            for n in 0..turn + 3_000 {
                assert_eq!(index.find(id(n), |slot| slot == n), Some(n));
            }
        }
    }
}
