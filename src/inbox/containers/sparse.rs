//! Values that most conversations lack, and lists that mostly hold one: what is absent takes a pointer.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// What a value is while nobody wrote it.
pub(crate) trait Absent: Clone + Default + PartialEq + 'static {
    fn absent() -> &'static Self;
}

/// A value behind one pointer, which is absent until it is written for the first time. Whoever reads it sees no
/// difference between an absent value and a default one. A clone is O(1).
#[derive(Debug)]
pub(crate) struct Rare<T>(Option<Arc<T>>);

impl<T> Rare<T> {
    /// The value, if anybody wrote it.
    pub(crate) fn written(&self) -> Option<&T> {
        self.0.as_deref()
    }
}

impl<T> Clone for Rare<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Absent> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Absent + Eq> Eq for Rare<T> {}

impl<T: Absent> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Self((value != *T::absent()).then(|| Arc::new(value)))
    }
}

impl<T: Absent> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => T::absent(),
        }
    }
}

impl<T: Absent> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

/// A persistent map that is nearly always empty or holds one value, which then lies here. A clone is O(1), a change
/// O(log n).
#[derive(Clone)]
pub(crate) struct FewByKey<K, V> {
    /// The first that was written; its key may be any of all.
    first: Option<(K, V)>,
    others: im::OrdMap<K, V>,
}

impl<K: Copy + Ord + fmt::Debug, V: Clone + Default + fmt::Debug> fmt::Debug for FewByKey<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K, V> Default for FewByKey<K, V> {
    fn default() -> Self {
        Self { first: None, others: im::OrdMap::new() }
    }
}

impl<K: Copy + Ord, V: Clone + Default> FewByKey<K, V> {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The value of a key, which has one from now on.
    pub(crate) fn value(&mut self, key: K) -> &mut V {
        match self.first.get_or_insert_with(|| (key, V::default())) {
            (first, value) if *first == key => value,
            _ => self.others.entry(key).or_default(),
        }
    }

    /// All, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        let key = self.first.as_ref().map(|(key, _)| *key);
        let before = self.others.iter().take_while(move |(other, _)| Some(**other) < key);
        let behind = self.others.iter().skip_while(move |(other, _)| Some(**other) < key);
        let first = self.first.iter().map(|(key, value)| (key, value));
        before.chain(first).chain(behind).map(|(key, value)| (*key, value))
    }
}

impl<K: Copy + Ord, V: Clone + Default + PartialEq> PartialEq for FewByKey<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Copy + Ord, V: Clone + Default + Eq> Eq for FewByKey<K, V> {}

impl<K: Copy + Ord, V: Clone + Default> FromIterator<(K, V)> for FewByKey<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(all: T) -> Self {
        let mut few = Self::default();
        for (key, value) in all {
            *few.value(key) = value;
        }
        few
    }
}

/// A persistent vector that is nearly always empty or holds one value, which then lies here. A clone is O(1).
#[derive(Clone, Debug, Default)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    Many(Arc<im::Vector<T>>),
}

impl<T: Clone> Few<T> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Many(values) => values.len(),
        }
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        match self {
            Self::One(value) if at == 0 => Some(value),
            Self::Many(values) => values.get(at),
            Self::None | Self::One(_) => None,
        }
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match self {
            Self::One(value) if at == 0 => Some(value),
            Self::Many(values) => Arc::make_mut(values).get_mut(at),
            Self::None | Self::One(_) => None,
        }
    }

    /// Shows each value, to be written, if nobody else holds them.
    pub(crate) fn for_each_own(&mut self, act: impl FnMut(&mut T)) {
        match self {
            Self::None => {}
            Self::One(value) => std::iter::once(value).for_each(act),
            Self::Many(values) => {
                if let Some(values) = Arc::get_mut(values) {
                    values.iter_mut().for_each(act);
                }
            }
        }
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.get(self.len().checked_sub(1)?)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(value) => (Some(value), None),
            Self::Many(values) => (None, Some(values)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|values| values.iter()))
    }

    /// Puts a value before the one at `at`, or at the end.
    pub(crate) fn insert(&mut self, at: usize, value: T) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(value),
            Self::One(other) => {
                let mut values = im::Vector::unit(other);
                values.insert(at.min(1), value);
                Self::Many(Arc::new(values))
            }
            Self::Many(mut values) => {
                let all = Arc::make_mut(&mut values);
                all.insert(at.min(all.len()), value);
                Self::Many(values)
            }
        };
    }

    pub(crate) fn push(&mut self, value: T) {
        match self {
            Self::Many(values) => Arc::make_mut(values).push_back(value),
            Self::None | Self::One(_) => self.insert(1, value),
        }
    }

    pub(crate) fn remove(&mut self, at: usize) {
        match self {
            Self::Many(values) if at < values.len() => {
                Arc::make_mut(values).remove(at);
            }
            Self::One(_) if at == 0 => *self = Self::None,
            _ => {}
        }
    }
}

impl<T: Clone> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut few = Self::default();
        values.into_iter().for_each(|value| few.push(value));
        few
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_a_vector_like_any() {
        for count in 0..4 {
            let few: Few<usize> = (0..count).collect();
            let all: Vec<usize> = (0..count).collect();
            assert!(few.iter().eq(&all) && few.iter().rev().eq(all.iter().rev()));
            assert_eq!((few.len(), few.last(), few.get(count)), (count, all.last(), None));
            for at in 0..=count {
                let (mut few, mut all) = (few.clone(), all.clone());
                few.insert(at, 7);
                all.insert(at, 7);
                assert!(few.iter().eq(&all), "{few:?} {all:?}");
                few.remove(at);
                all.remove(at);
                few.remove(count);
                assert!(few.iter().eq(&all), "{few:?} {all:?}");
                if let Some(value) = few.get_mut(at) {
                    *value += 1;
                    all[at] += 1;
                }
                assert!(few.iter().eq(&all), "{few:?} {all:?}");
            }
        }
    }

    impl Absent for u8 {
        fn absent() -> &'static Self {
            &0
        }
    }

    #[test]
    fn a_rare_value_is_absent_until_it_is_written() {
        let mut rare = Rare::<u8>::default();
        assert_eq!((*rare, rare.written()), (0, None));
        let before = rare.clone();
        *rare = 5;
        assert_eq!((*rare, rare.written(), *before), (5, Some(&5), 0));
        assert_eq!((Rare::from(0u8).written(), Rare::from(1u8).written()), (None, Some(&1)));
    }
}
