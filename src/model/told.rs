//! A sequence that a change set tells, which holds one thing as a rule.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

/// The things of one sort that a [`ChangeSet`](super::change::ChangeSet) tells: a slice, in the order the change set
/// promises. A single one, which is what an ordinary message makes, takes no allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct Told<T>(SmallVec<[T; 1]>);

impl<T> Told<T> {
    pub(crate) fn one(thing: T) -> Self {
        Self(SmallVec::from_buf([thing]))
    }

    /// The things as a slice.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for Told<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl<T> Deref for Told<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> FromIterator<T> for Told<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        Self(things.into_iter().collect())
    }
}

impl<'a, T> IntoIterator for &'a Told<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
