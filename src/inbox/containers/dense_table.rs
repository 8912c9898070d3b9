//! A dense table: values by number, each decoded from the front of a snapshot when it is first read.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::inbox::containers::cells::{Cell, Cells};
use crate::inbox::containers::lazy::Source;
use crate::model::impossible::impossible;

/// What has a record in the front of a snapshot.
pub(crate) trait Recorded: Sized {
    /// The value with this number, if the snapshot has one.
    fn load(source: &Arc<Source>, number: u32) -> Option<Self>;
}

/// How many cells are made at once.
const CELLS_PER_PAGE: usize = 32;

/// Values by number. A clone is O(1); writing after it copies a few dozen references and one value.
///
/// A cell not yet looked at is filled from the snapshot for all clones that still share it.
#[derive(Clone, Debug)]
pub(crate) struct DenseTable<T> {
    pages: im::Vector<Cells<Arc<T>, CELLS_PER_PAGE>>,
    len: usize,
    source: Option<Arc<Source>>,
}

impl<T> Default for DenseTable<T> {
    fn default() -> Self {
        Self { pages: im::Vector::new(), len: 0, source: None }
    }
}

/// A value that is looked at once.
#[derive(Debug)]
pub(crate) enum Once<'a, T> {
    Held(&'a T),
    Decoded(T),
}

impl<T> Deref for Once<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Held(value) => value,
            Self::Decoded(value) => value,
        }
    }
}

fn open<'a, T: Recorded>(
    cell: &'a Cell<Arc<T>>,
    source: Option<&Arc<Source>>,
    number: usize,
) -> Option<&'a Arc<T>> {
    if let Some(value) = cell.get() {
        return value.as_ref();
    }
    let source = source?;
    let load = || T::load(source, u32::try_from(number).ok()?).map(Arc::new);
    cell.get_or_init(load).as_ref()
}

impl<T: Recorded + Clone> DenseTable<T> {
    /// So many cells, which the snapshot fills.
    pub(crate) fn cold(source: Arc<Source>, len: u32) -> Self {
        let len = len as usize;
        let pages = (0..len.div_ceil(CELLS_PER_PAGE)).map(|_| Cells::new()).collect();
        Self { pages, len, source: Some(source) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn cell(&self, number: u32) -> Option<&Cell<Arc<T>>> {
        let at = Some(number as usize).filter(|at| *at < self.len)?;
        self.pages.get(at / CELLS_PER_PAGE)?.get(at % CELLS_PER_PAGE)
    }

    /// Its value, if somebody asked for it.
    fn seen(&self, number: u32) -> Option<&Option<Arc<T>>> {
        let at = number as usize;
        self.pages.get(at / CELLS_PER_PAGE)?.seen(at % CELLS_PER_PAGE)
    }

    /// A cell to be written, of a page that is no other's.
    fn cell_mut(&mut self, number: u32) -> Option<&mut Cell<Arc<T>>> {
        let at = Some(number as usize).filter(|at| *at < self.len)?;
        self.pages.get_mut(at / CELLS_PER_PAGE)?.get_mut(at % CELLS_PER_PAGE)
    }

    /// One cell more, which nobody asked for.
    fn grow(&mut self) {
        if self.len.is_multiple_of(CELLS_PER_PAGE) {
            self.pages.push_back(Cells::new());
        }
        self.len += 1;
    }

    /// The snapshot that it came from, if it came from one.
    pub(crate) fn source(&self) -> Option<&Arc<Source>> {
        self.source.as_ref()
    }

    /// The snapshot that still has all there is of a value: nobody looked at it.
    pub(crate) fn untouched(&self, number: u32) -> Option<&Arc<Source>> {
        let touched = number as usize >= self.len || self.seen(number).is_some();
        self.source.as_ref().filter(|_| !touched)
    }

    /// Whether both are known to be one and the same without looking into them.
    pub(crate) fn is_same(&self, ours: u32, other: &Self, theirs: u32) -> bool {
        match (self.seen(ours), other.seen(theirs)) {
            (Some(Some(ours)), Some(Some(theirs))) => Arc::ptr_eq(ours, theirs),
            (None, None) => match (self.untouched(ours), other.untouched(theirs)) {
                (Some(source), Some(other)) => ours == theirs && Arc::ptr_eq(source, other),
                _ => false,
            },
            _ => false,
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Arc<T>> {
        open(self.cell(number)?, self.source.as_ref(), number as usize)
    }

    /// A value to be looked at once: one that still lies in the snapshot alone is decoded and not kept.
    pub(crate) fn once(&self, number: u32) -> Option<Once<'_, T>> {
        match self.untouched(number) {
            Some(source) => T::load(source, number).map(Once::Decoded),
            None => self.get(number).map(|value| Once::Held(&**value)),
        }
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Arc<T>> {
        // What lies in the snapshot is decoded for all clones.
        if self.source.is_some() {
            self.get(number)?;
        }
        self.cell_mut(number)?.get_mut()?.as_mut()
    }

    pub(crate) fn push(&mut self, value: T) {
        self.push_shared(Arc::new(value));
    }

    pub(crate) fn push_shared(&mut self, value: Arc<T>) {
        let number = self.len as u32;
        self.grow();
        match self.cell_mut(number) {
            Some(cell) => *cell = OnceLock::from(Some(value)),
            None => impossible!("a table that grew has the cell it grew by"),
        }
    }

    /// Shows each value that is at hand, to be written, of those that nobody else holds.
    pub(crate) fn for_each_own(&mut self, mut act: impl FnMut(&mut T)) {
        for page in self.pages.iter_mut() {
            page.own().filter_map(Arc::get_mut).for_each(&mut act);
        }
    }

    /// The value with this number, which is not here any more afterwards.
    pub(crate) fn take(&mut self, number: u32) -> Option<Arc<T>> {
        self.get_mut(number)?;
        let cell = self.cell_mut(number)?;
        std::mem::replace(cell, OnceLock::from(None)).into_inner().flatten()
    }

    /// All values by number. Complexity: what still lies in the snapshot is decoded.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, &Arc<T>)> {
        let cells = self.pages.iter().flat_map(Cells::iter).take(self.len).enumerate();
        cells.filter_map(|(number, cell)| Some((number as u32, open(cell, self.source.as_ref(), number)?)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.numbered().map(|(_, value)| value)
    }
}

impl<T: Recorded + Clone + Default> DenseTable<T> {
    /// The value with this number, a new one if there is none. Always `Some`.
    pub(crate) fn get_or_default(&mut self, number: u32) -> Option<&mut T> {
        while self.len <= number as usize {
            self.grow();
        }
        if self.get(number).is_none() {
            *self.cell_mut(number)? = OnceLock::from(Some(Arc::default()));
        }
        self.cell_mut(number)?.get_mut()?.as_mut().map(Arc::make_mut)
    }
}
