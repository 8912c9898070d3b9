//! A page of values, each decoded when it is first asked for.

use std::sync::{Arc, OnceLock};

/// A value that somebody asked for, or `None` where there is none.
pub(crate) type Cell<T> = OnceLock<Option<T>>;

/// Cells next to each other, made when somebody asks for one of them: opening a snapshot makes none.
///
/// Clones share the cells, and what is decoded for one is decoded for all, until one of them is written.
#[derive(Clone, Debug)]
pub(crate) struct Cells<T, const LEN: usize>(OnceLock<Arc<[Cell<T>; LEN]>>);

impl<T, const LEN: usize> Cells<T, LEN> {
    pub(crate) fn new() -> Self {
        Self(OnceLock::new())
    }

    fn made(&self) -> &Arc<[Cell<T>; LEN]> {
        self.0.get_or_init(|| Arc::new(std::array::from_fn(|_| Cell::new())))
    }

    /// Returns the cell at a place; `None` behind the last.
    pub(crate) fn get(&self, at: usize) -> Option<&Cell<T>> {
        self.made().get(at)
    }

    /// Returns what the cell at a place holds, if somebody asked for it.
    pub(crate) fn seen(&self, at: usize) -> Option<&Option<T>> {
        self.0.get()?.get(at)?.get()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cell<T>> {
        self.made().iter()
    }
}

impl<T, const LEN: usize> Cells<T, LEN> {
    /// Returns the values that somebody asked for, to be written; none where others hold the page too.
    pub(crate) fn own(&mut self) -> impl Iterator<Item = &mut T> {
        let cells = self.0.get_mut().and_then(Arc::get_mut);
        cells.into_iter().flatten().filter_map(|cell| cell.get_mut()?.as_mut())
    }
}

impl<T: Clone, const LEN: usize> Cells<T, LEN> {
    /// Returns the cell at a place to be written, of a page that is no other's.
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Cell<T>> {
        self.made();
        Arc::make_mut(self.0.get_mut()?).get_mut(at)
    }
}
