//! Ids become small integers at the door.
//!
//! Numbers are given in order of arrival and must never show (R05): whatever is ordered or hashed uses the
//! ids themselves.

use std::borrow::Borrow;
use std::hash::Hash;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// Ids and their numbers. It only grows; a clone is O(1) once [`Interner::share`] was called.
#[derive(Clone, Debug)]
pub(crate) struct Interner<T: Clone + Eq + Hash> {
    ids: im::Vector<T>,
    numbers: Numbers<T>,
}

/// While a log is replayed nobody holds a copy: a plain map is several times faster than a persistent one.
#[derive(Clone, Debug)]
enum Numbers<T: Clone + Eq + Hash> {
    Plain(FxHashMap<T, u32>),
    Shared(im::GenericHashMap<T, u32, FxBuildHasher, im::shared_ptr::DefaultSharedPtr>),
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// An empty interner for a bulk replay.
    pub(crate) fn plain() -> Self {
        Self { ids: im::Vector::new(), numbers: Numbers::Plain(FxHashMap::default()) }
    }

    /// An empty interner whose clones share.
    pub(crate) fn shared() -> Self {
        Self { ids: im::Vector::new(), numbers: Numbers::Shared(im::GenericHashMap::default()) }
    }

    /// The same ids and numbers, clones of which share.
    pub(crate) fn share(self) -> Self {
        match self.numbers {
            Numbers::Plain(map) => {
                Self { ids: self.ids, numbers: Numbers::Shared(map.into_iter().collect()) }
            }
            Numbers::Shared(_) => self,
        }
    }

    /// The number of `id`, if it was seen.
    pub(crate) fn get<Q>(&self, id: &Q) -> Option<u32>
    where
        T: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        match &self.numbers {
            Numbers::Plain(map) => map.get(id).copied(),
            Numbers::Shared(map) => map.get(id).copied(),
        }
    }

    /// The number of `id`, a new one if it was not seen.
    pub(crate) fn intern(&mut self, id: &T) -> u32 {
        if let Some(number) = self.get(id) {
            return number;
        }
        let number = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.push_back(id.clone());
        match &mut self.numbers {
            Numbers::Plain(map) => {
                map.insert(id.clone(), number);
            }
            Numbers::Shared(map) => {
                map.insert(id.clone(), number);
            }
        }
        number
    }

    /// The id with this number.
    pub(crate) fn name(&self, number: u32) -> Option<&T> {
        self.ids.get(number as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}
