//! A persistent vector of parts, in trays of a fixed number, each loaded when it is first touched.

use std::sync::Arc;

use crate::inbox::containers::lazy::{Lazy, Part};
use crate::inbox::containers::sparse::Few;

/// How many parts a tray holds.
pub(crate) const TRAY_LEN: usize = 64;

/// Some parts in a row.
#[derive(Debug)]
pub(crate) struct Tray<T: ?Sized> {
    pub(crate) parts: Vec<Lazy<T>>,
}

impl<T: ?Sized> Clone for Tray<T> {
    fn clone(&self) -> Self {
        Self { parts: self.parts.clone() }
    }
}

/// Parts by number. A clone is O(1); writing after it copies a tray and a part.
#[derive(Debug)]
pub(crate) struct PagedVec<T: ?Sized> {
    pub(crate) trays: Few<Lazy<Tray<T>>>,
    pub(crate) len: usize,
}

impl<T: ?Sized> Clone for PagedVec<T> {
    fn clone(&self) -> Self {
        Self { trays: self.trays.clone(), len: self.len }
    }
}

impl<T: ?Sized> Default for PagedVec<T> {
    fn default() -> Self {
        Self { trays: Few::default(), len: 0 }
    }
}

impl<T: Part + ?Sized> PagedVec<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn lazy(&self, at: usize) -> Option<&Lazy<T>> {
        self.trays.get(at / TRAY_LEN)?.get().parts.get(at % TRAY_LEN)
    }

    /// Where a part lies, to be written.
    pub(crate) fn lazy_mut(&mut self, at: usize) -> Option<&mut Lazy<T>> {
        self.trays.get_mut(at / TRAY_LEN)?.get_mut()?.parts.get_mut(at % TRAY_LEN)
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.lazy(at).map(Lazy::get)
    }

    pub(crate) fn push(&mut self, part: Lazy<T>) {
        if self.len.is_multiple_of(TRAY_LEN) {
            self.trays.push(Lazy::new(Tray { parts: vec![part] }));
        } else if let Some(tray) = self.trays.get_mut(self.len / TRAY_LEN).and_then(Lazy::get_mut) {
            tray.parts.push(part);
        }
        self.len += 1;
    }

    /// Puts the parts of another behind these.
    pub(crate) fn append(&mut self, other: Self) {
        for tray in other.trays.iter() {
            tray.get().parts.iter().for_each(|part| self.push(part.clone()));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.trays.iter().flat_map(|tray| &tray.get().parts).map(Lazy::get)
    }
}

impl<T: Part + Clone> PagedVec<T> {
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.lazy_mut(at)?.get_mut()
    }
}

impl<T: ?Sized> PagedVec<T> {
    /// Lets go of what was loaded and not written.
    pub(crate) fn release(&mut self) {
        self.trays.for_each_own(|tray| {
            tray.release(|tray| tray.parts.iter_mut().for_each(|part| part.release(|_| {})));
        });
    }
}

impl<T: ?Sized> FromIterator<Arc<T>> for PagedVec<T> {
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(parts: I) -> Self {
        let mut parts = parts.into_iter().map(Lazy::Warm).peekable();
        let mut paged = Self::default();
        while parts.peek().is_some() {
            let mut tray: Vec<_> = parts.by_ref().take(TRAY_LEN).collect();
            tray.shrink_to_fit();
            paged.len += tray.len();
            paged.trays.push(Lazy::new(Tray { parts: tray }));
        }
        paged
    }
}
