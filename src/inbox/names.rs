//! Ids become small integers at the door.
//!
//! Numbers are given in order of arrival and must never show (R05): whatever is ordered or hashed uses the
//! ids themselves.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::id::Address;

/// Ids and their numbers. It only grows; a clone is one count of a reference, and O(1) to write to once
/// [`Interner::share`] was called.
#[derive(Clone, Debug)]
pub(crate) struct Interner<T: Clone + Eq + Hash>(Arc<Names<T>>);

#[derive(Clone, Debug)]
struct Names<T: Clone + Eq + Hash> {
    ids: im::Vector<T>,
    numbers: Numbers<T>,
}

/// While a log is replayed nobody holds a copy: a plain map is several times faster than a persistent one.
#[derive(Clone, Debug)]
enum Numbers<T: Clone + Eq + Hash> {
    Plain(FxHashMap<T, u32>, Recent<T>),
    /// What was there when copies began to be held, and what came since.
    Shared(Arc<FxHashMap<T, u32>>, Added<T>),
}

type Added<T> = im::GenericHashMap<T, u32, FxBuildHasher, im::shared_ptr::DefaultSharedPtr>;

/// Ids seen lately by where their text lies: a reader gives the same id at the same address again and again,
/// and then neither hashing nor comparing its text is needed.
#[derive(Clone, Debug)]
struct Recent<T>(Vec<Option<(T, u32)>>);

impl<T: Clone + Address> Recent<T> {
    const PLACES: usize = 16_384;

    fn place(id: &T) -> usize {
        (id.address() >> 4).wrapping_mul(0x9e37_79b9) >> 12 & (Self::PLACES - 1)
    }

    fn get(&self, id: &T) -> Option<u32> {
        let (seen, number) = self.0.get(Self::place(id))?.as_ref()?;
        (seen.address() == id.address()).then_some(*number)
    }

    fn put(&mut self, id: &T, number: u32) {
        if let Some(place) = self.0.get_mut(Self::place(id)) {
            // Held, so that no other id can come to lie there.
            *place = Some((id.clone(), number));
        }
    }
}

impl<T: Clone + Eq + Hash + Address> Interner<T> {
    /// An empty interner for a bulk replay.
    pub(crate) fn plain() -> Self {
        let numbers = Numbers::Plain(FxHashMap::default(), Recent(vec![None; Recent::<T>::PLACES]));
        Self(Arc::new(Names { ids: im::Vector::new(), numbers }))
    }

    /// An empty interner whose clones share.
    pub(crate) fn shared() -> Self {
        let numbers = Numbers::Shared(Arc::default(), Added::default());
        Self(Arc::new(Names { ids: im::Vector::new(), numbers }))
    }

    /// The interner that numbers these ids in this order; `None` if two are equal.
    pub(crate) fn of(ids: im::Vector<T>) -> Option<Self> {
        let mut map = FxHashMap::with_capacity_and_hasher(ids.len(), FxBuildHasher);
        for (number, id) in ids.iter().enumerate() {
            map.insert(id.clone(), u32::try_from(number).ok()?);
        }
        let whole = map.len() == ids.len();
        let numbers = Numbers::Shared(Arc::new(map), Added::default());
        whole.then(|| Self(Arc::new(Names { ids, numbers })))
    }

    /// All ids by number.
    pub(crate) fn ids(&self) -> &im::Vector<T> {
        &self.0.ids
    }

    /// The same ids and numbers, clones of which share.
    pub(crate) fn share(self) -> Self {
        let Names { ids, numbers } = Arc::unwrap_or_clone(self.0);
        let numbers = match numbers {
            Numbers::Plain(map, _) => Numbers::Shared(Arc::new(map), Added::default()),
            shared @ Numbers::Shared(..) => shared,
        };
        Self(Arc::new(Names { ids, numbers }))
    }

    /// The number of `id`, if it was seen.
    pub(crate) fn get<Q>(&self, id: &Q) -> Option<u32>
    where
        T: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        match &self.0.numbers {
            Numbers::Plain(map, _) => map.get(id).copied(),
            Numbers::Shared(map, added) => map.get(id).or_else(|| added.get(id)).copied(),
        }
    }

    /// The number of `id`, a new one if it was not seen.
    pub(crate) fn intern(&mut self, id: &T) -> u32 {
        if let Numbers::Plain(_, recent) = &self.0.numbers
            && let Some(number) = recent.get(id)
        {
            return number;
        }
        let number = self.get(id).unwrap_or_else(|| Arc::make_mut(&mut self.0).add(id));
        // Where copies are held there is nothing to remember, and so nothing to write.
        if matches!(self.0.numbers, Numbers::Plain(..)) {
            Arc::make_mut(&mut self.0).remember(id, number);
        }
        number
    }

    /// The id with this number.
    pub(crate) fn name(&self, number: u32) -> Option<&T> {
        self.0.ids.get(number as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.ids.len()
    }
}

impl<T: Clone + Eq + Hash + Address> Names<T> {
    fn add(&mut self, id: &T) -> u32 {
        let number = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.push_back(id.clone());
        match &mut self.numbers {
            Numbers::Plain(map, _) => {
                map.insert(id.clone(), number);
            }
            Numbers::Shared(_, added) => {
                added.insert(id.clone(), number);
            }
        }
        number
    }

    fn remember(&mut self, id: &T, number: u32) {
        if let Numbers::Plain(_, recent) = &mut self.numbers {
            recent.put(id, number);
        }
    }
}
