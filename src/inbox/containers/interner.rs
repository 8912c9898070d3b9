//! Maps each id to a dense `u32`, in order of arrival.
//!
//! Numbers are given in order of arrival and must never show (R05): whatever is ordered or hashed uses the
//! ids themselves.

use std::borrow::Borrow;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use crate::inbox::containers::cells::Cells;
use crate::inbox::containers::id_map::{IdMap, SharedIdMap};
use crate::inbox::containers::lazy::Source;
use crate::inbox::containers::tables::NameTable;
use crate::model::id::{Address, ConversationId, UserId};

/// Ids that are numbered: users or conversations.
pub(crate) trait Name: Clone + Debug + Ord + Hash + Address + Borrow<str> + AsRef<str> {
    fn parse(text: &str) -> Option<Self>;

    /// Where a snapshot has them.
    fn table(source: &Source) -> &NameTable;
}

impl Name for UserId {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn table(source: &Source) -> &NameTable {
        &source.tables().users
    }
}

impl Name for ConversationId {
    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn table(source: &Source) -> &NameTable {
        &source.tables().ids
    }
}

/// Ids and their numbers. It only grows; a clone is one count of a reference, and O(1) to write to once
/// [`Interner::share`] was called.
#[derive(Clone, Debug)]
pub(crate) struct Interner<T: Name>(Arc<Names<T>>);

#[derive(Clone, Debug)]
struct Names<T: Name> {
    /// Those of the snapshot that it was restored from, if it was: the first numbers are theirs.
    cold: Option<Arc<SnapshotNames<T>>>,
    /// The others.
    ids: im::Vector<T>,
    numbers: Numbers<T>,
}

/// How many ids have their cells made at once.
const IDS_PER_PAGE: usize = 64;

/// Ids in a snapshot, each parsed when it is first asked for by number.
#[derive(Debug)]
struct SnapshotNames<T> {
    source: Arc<Source>,
    len: u32,
    parsed: Vec<Cells<T, IDS_PER_PAGE>>,
}

impl<T: Name> SnapshotNames<T> {
    fn text(&self, number: u32) -> Option<&str> {
        T::table(&self.source).text(self.source.front(), number)
    }

    fn name(&self, number: u32) -> Option<&T> {
        let cell = self.parsed.get(number as usize / IDS_PER_PAGE)?.get(number as usize % IDS_PER_PAGE)?;
        cell.get_or_init(|| T::parse(self.text(number)?)).as_ref()
    }
}

/// While a log is replayed nobody holds a copy: a plain map is several times faster than a persistent one.
#[derive(Clone, Debug)]
enum Numbers<T: Name> {
    Plain(IdMap<T>, Recent<T>),
    /// What was there when copies began to be held, and what came since.
    Shared(Arc<IdMap<T>>, SharedIdMap<T>),
}

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
        // A replay of few events, or of a log's segments, never needs them.
        if self.0.is_empty() {
            self.0.resize(Self::PLACES, None);
        }
        if let Some(place) = self.0.get_mut(Self::place(id)) {
            // Held, so that no other id can come to lie there.
            *place = Some((id.clone(), number));
        }
    }
}

impl<T: Name> Interner<T> {
    /// An empty interner for a bulk replay.
    pub(crate) fn plain() -> Self {
        Self::of(None, Numbers::Plain(IdMap::default(), Recent(Vec::new())))
    }

    /// An empty interner whose clones share.
    pub(crate) fn shared() -> Self {
        Self::of(None, Numbers::Shared(Arc::default(), SharedIdMap::default()))
    }

    fn of(cold: Option<Arc<SnapshotNames<T>>>, numbers: Numbers<T>) -> Self {
        Self(Arc::new(Names { cold, ids: im::Vector::new(), numbers }))
    }

    /// The ids of a snapshot with its numbers.
    pub(crate) fn cold(source: Arc<Source>) -> Self {
        let len = T::table(&source).len();
        let parsed = std::iter::repeat_with(Cells::new).take((len as usize).div_ceil(IDS_PER_PAGE)).collect();
        Self::of(
            Some(Arc::new(SnapshotNames { source, len, parsed })),
            Numbers::Shared(Arc::default(), SharedIdMap::default()),
        )
    }

    /// All ids by number, as text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len() as u32).map(|number| self.0.text(number).unwrap_or_default())
    }

    /// The same ids and numbers, clones of which share.
    pub(crate) fn share(self) -> Self {
        let Names { cold, ids, numbers } = Arc::unwrap_or_clone(self.0);
        let numbers = match numbers {
            Numbers::Plain(map, _) => Numbers::Shared(Arc::new(map), SharedIdMap::default()),
            shared @ Numbers::Shared(..) => shared,
        };
        Self(Arc::new(Names { cold, ids, numbers }))
    }

    /// The number of `id`, if it was seen.
    pub(crate) fn get(&self, id: impl AsRef<str>) -> Option<u32> {
        let id = id.as_ref();
        let warm = match &self.0.numbers {
            Numbers::Plain(map, _) => map.get(id),
            Numbers::Shared(map, added) => map.get(id).or_else(|| added.get(id)),
        };
        warm.or_else(|| {
            let source = &self.0.cold.as_ref()?.source;
            T::table(source).find(source.front(), id)
        })
    }

    /// The numbers of many ids at once, each if it was seen: in a bulk replay faster than one after the other.
    #[cfg(feature = "binary")]
    pub(crate) fn get_all<'i>(&self, ids: &[&'i str], mut tell: impl FnMut(&'i str, Option<u32>)) {
        match &self.0.numbers {
            Numbers::Plain(map, _) if self.0.cold.is_none() => map.get_all(ids, tell),
            _ => ids.iter().for_each(|id| tell(id, self.get(id))),
        }
    }

    /// The number of `id`, a new one if it was not seen.
    pub(crate) fn intern(&mut self, id: &T) -> u32 {
        if let Numbers::Plain(_, recent) = &self.0.numbers
            && let Some(number) = recent.get(id)
        {
            return number;
        }
        let number = self.intern_once(id);
        // Where copies are held there is nothing to remember, and so nothing to write.
        if matches!(self.0.numbers, Numbers::Plain(..)) {
            Arc::make_mut(&mut self.0).remember(id, number);
        }
        number
    }

    /// The same of an id that is not soon asked for again at the same address.
    pub(crate) fn intern_once(&mut self, id: &T) -> u32 {
        self.get(id.as_ref()).unwrap_or_else(|| Arc::make_mut(&mut self.0).add(id))
    }

    /// The id with this number.
    pub(crate) fn name(&self, number: u32) -> Option<&T> {
        match number.checked_sub(self.0.first()) {
            Some(at) => self.0.ids.get(at as usize),
            None => self.0.cold.as_ref()?.name(number),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The numbers that its ids have in another, which gives new ones where it must.
    pub(crate) fn numbers_in(&self, other: &mut Self) -> Vec<u32> {
        (0..self.len() as u32).filter_map(|number| self.name(number)).map(|id| other.intern(id)).collect()
    }

    /// Whether it is known to give all ids of `other` the same numbers, without comparing any: both grew from one,
    /// and `other` not since.
    pub(crate) fn continues(&self, other: &Self) -> bool {
        let is_warm = |names: &Self| names.0.cold.is_none();
        match (&self.0.numbers, &other.0.numbers) {
            (Numbers::Shared(ours, _), Numbers::Shared(theirs, added)) => {
                Arc::ptr_eq(ours, theirs) && added.is_empty() && is_warm(self) && is_warm(other)
            }
            _ => false,
        }
    }
}

impl<T: Name> Names<T> {
    /// The number of the first id that no snapshot has.
    fn first(&self) -> u32 {
        self.cold.as_ref().map_or(0, |cold| cold.len)
    }

    fn len(&self) -> usize {
        self.first() as usize + self.ids.len()
    }

    fn text(&self, number: u32) -> Option<&str> {
        match number.checked_sub(self.first()) {
            Some(at) => self.ids.get(at as usize).map(T::as_ref),
            None => self.cold.as_ref()?.text(number),
        }
    }

    fn add(&mut self, id: &T) -> u32 {
        let number = u32::try_from(self.len()).unwrap_or(u32::MAX);
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
