//! Maps from ids to numbers that nobody can make slow: the hash has no key, so that numbers are the same in every run,
//! and ids that collide in it stand in ordered maps.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

/// An id that can be a key, asked for by its text.
pub(crate) trait Key: Clone + Debug + Ord + Hash + Borrow<str> {}

impl<T: Clone + Debug + Ord + Hash + Borrow<str>> Key for T {}

/// How many places in a row an id may stand in. At a load of a half chance hardly ever fills that many.
const WINDOW: usize = 16;

/// A table for a bulk replay, while nobody holds a copy. A look-up costs at most [`WINDOW`] places and a look into an
/// ordered map.
#[derive(Clone, Debug)]
pub(crate) struct IdMap<T> {
    /// As many as a power of two says, half of them free; an id stands at its hash or in the places behind.
    places: Vec<Option<Occupant<T>>>,
    len: usize,
    /// Ids all of whose places were taken.
    overflow: BTreeMap<T, u32>,
}

#[derive(Clone, Debug)]
struct Occupant<T> {
    id: T,
    number: u32,
    /// Bits of the hash that do not say where it stands.
    tag: u32,
}

impl<T> Default for IdMap<T> {
    fn default() -> Self {
        Self { places: Vec::new(), len: 0, overflow: BTreeMap::new() }
    }
}

/// The place that the hash of an id says, and the tag.
#[inline]
fn split(id: &str) -> (usize, u32) {
    let hash = FxBuildHasher.hash_one(id);
    (hash as usize, (hash >> u32::BITS) as u32)
}

/// Whether two ids are one. Those that lie at one address are not read: that they are read in memory costs most.
#[inline]
fn is_same(a: &str, b: &str) -> bool {
    std::ptr::eq(a, b) || a == b
}

/// How many ids are looked for at once.
#[cfg(feature = "binary")]
const AT_ONCE: usize = 16;

impl<T: Key> IdMap<T> {
    #[inline]
    pub(crate) fn get(&self, id: &str) -> Option<u32> {
        if self.places.is_empty() { None } else { self.find(id) }
    }

    fn find(&self, id: &str) -> Option<u32> {
        self.find_from(id, split(id))
    }

    /// The same, given its place and its tag.
    fn find_from(&self, id: &str, (at, tag): (usize, u32)) -> Option<u32> {
        let mask = self.places.len().checked_sub(1)?;
        for step in 0..WINDOW {
            let place = self.places.get(at.wrapping_add(step) & mask)?.as_ref()?;
            if place.tag == tag && is_same(place.id.borrow(), id) {
                return Some(place.number);
            }
        }
        if self.overflow.is_empty() { None } else { self.overflow.get(id).copied() }
    }

    /// Tells of each of many ids its number, if it is there. The places of several are read before any id is compared,
    /// so that one waits for the memory of all.
    #[cfg(feature = "binary")]
    pub(crate) fn get_all<'i>(&self, ids: &[&'i str], mut tell: impl FnMut(&'i str, Option<u32>)) {
        let mask = self.places.len().saturating_sub(1);
        for some in ids.chunks(AT_ONCE) {
            let (mut splits, mut tags) = ([(0, 0); AT_ONCE], 0);
            for (id, place) in some.iter().zip(&mut splits) {
                *place = split(id);
                let stands = self.places.get(place.0 & mask).and_then(Option::as_ref);
                tags ^= stands.map_or(0, |stands| stands.tag);
            }
            // The value is not used: reading it brings the memory of all.
            std::hint::black_box(tags);
            some.iter().zip(splits).for_each(|(id, split)| tell(id, self.find_from(id, split)));
        }
    }

    /// Adds an id that is not there.
    pub(crate) fn insert(&mut self, id: T, number: u32) {
        if (self.len + 1) * 2 > self.places.len() {
            let room = (self.places.len() * 2).max(4 * WINDOW);
            let places = std::mem::replace(&mut self.places, vec![None; room]);
            let overflow = std::mem::take(&mut self.overflow);
            places.into_iter().flatten().for_each(|place| self.put(place.id, place.number));
            overflow.into_iter().for_each(|(id, number)| self.put(id, number));
        }
        self.put(id, number);
        self.len += 1;
    }

    fn put(&mut self, id: T, number: u32) {
        let mask = self.places.len() - 1;
        let (at, tag) = split(id.borrow());
        let free = (0..WINDOW).map(|step| at.wrapping_add(step) & mask);
        let free = free.into_iter().find(|at| self.places.get(*at).is_some_and(Option::is_none));
        match free.and_then(|at| self.places.get_mut(at)) {
            Some(place) => *place = Some(Occupant { id, number, tag }),
            None => {
                self.overflow.insert(id, number);
            }
        }
    }
}

/// The same whose clones share. A look-up costs a walk down a tree by the hash and a look into an ordered map.
#[derive(Clone, Debug)]
pub(crate) struct SharedIdMap<T: Key>(
    im::GenericHashMap<u32, Bin<T>, BuildHasherDefault<AsIs>, im::shared_ptr::DefaultSharedPtr>,
);

/// The ids of one hash.
#[derive(Clone, Debug)]
enum Bin<T: Key> {
    One(T, u32),
    Many(Arc<im::OrdMap<T, u32>>),
}

/// Takes a hash for its own hash.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u32(&mut self, hash: u32) {
        self.0 = hash.into();
    }
}

impl<T: Key> Default for SharedIdMap<T> {
    fn default() -> Self {
        Self(im::GenericHashMap::new())
    }
}

fn short_hash(id: &str) -> u32 {
    FxBuildHasher.hash_one(id) as u32
}

impl<T: Key> SharedIdMap<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn get(&self, id: &str) -> Option<u32> {
        match self.0.get(&short_hash(id))? {
            Bin::One(other, number) => is_same(other.borrow(), id).then_some(*number),
            Bin::Many(many) => many.get(id).copied(),
        }
    }

    /// Adds an id that is not there.
    pub(crate) fn insert(&mut self, id: T, number: u32) {
        self.insert_hashed(short_hash(id.borrow()), id, number);
    }

    fn insert_hashed(&mut self, hash: u32, id: T, number: u32) {
        // Nearly always nothing has this hash: one walk down the tree then.
        let Some(old) = self.0.insert(hash, Bin::One(id.clone(), number)) else { return };
        let mut many = match old {
            Bin::One(other, other_number) => Arc::new(im::OrdMap::unit(other, other_number)),
            Bin::Many(many) => many,
        };
        Arc::make_mut(&mut many).insert(id, number);
        self.0.insert(hash, Bin::Many(many));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that all want the same places, as long as the table is not larger than this.
    fn colliding(count: usize) -> Vec<String> {
        let names = (0u32..).map(|n| format!("{n:x}"));
        names.filter(|name| FxBuildHasher.hash_one(name.as_str()) & 0xff == 7).take(count).collect()
    }

    #[test]
    fn what_was_inserted_is_found_and_nothing_else() {
        for names in [colliding(100), (0..3_000).map(|n| format!("name{}", n * 7)).collect()] {
            let (mut table, mut shared) = (IdMap::default(), SharedIdMap::default());
            for (name, number) in names.iter().zip(0..) {
                assert_eq!((table.get(name), shared.get(name)), (None, None));
                table.insert(name.clone(), number);
                shared.insert(name.clone(), number);
            }
            for (name, number) in names.iter().zip(0..) {
                assert_eq!((table.get(name), shared.get(name)), (Some(number), Some(number)));
            }
            assert!(table.places.len() >= 2 * names.len());
        }
        assert_eq!(IdMap::<String>::default().get("a"), None);
    }

    #[test]
    fn names_that_chance_gives_fill_no_window() {
        let mut table = IdMap::default();
        (0..20_000).for_each(|n| table.insert(format!("user{n}"), n));
        assert!(table.overflow.len() < 200, "{}", table.overflow.len());
        let mut crowded = IdMap::default();
        colliding(200).into_iter().zip(0..).for_each(|(name, n)| crowded.insert(name, n));
        assert!(crowded.overflow.len() > 50);
    }

    #[test]
    fn names_of_one_hash_are_told_apart() {
        let mut shared = SharedIdMap::default();
        (0..500).for_each(|n| shared.insert_hashed(short_hash("x1"), format!("x{n}"), n));
        assert_eq!((shared.get("x1"), shared.get("y")), (Some(1), None));
        let Some(Bin::Many(many)) = shared.0.get(&short_hash("x1")) else { panic!("one bin has all") };
        assert_eq!(many.len(), 500);
    }
}
