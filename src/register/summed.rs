//! A persistent balanced map each of whose subtrees knows a summary of what it holds.

use std::cmp::Ordering;
use std::sync::Arc;

/// What is known of some entries that stand one behind the other.
pub(crate) trait Summary<K, V>: Clone {
    /// Of one entry.
    fn of(key: &K, value: &V) -> Self;

    /// Of these entries and those of `later`, which stand behind all of these.
    fn followed_by(&self, later: &Self) -> Self;
}

/// A map that answers for all keys before or behind any key in O(log n), whatever is added and removed in whatever
/// order. A clone is O(1); a change after it copies O(log n) nodes.
///
/// The tree is balanced by weight, so its shape follows from what it holds and from the order of changes, never from
/// hashes or chance.
#[derive(Debug)]
pub(crate) struct Summed<K, V, S>(Link<K, V, S>);

type Link<K, V, S> = Option<Arc<Node<K, V, S>>>;

#[derive(Clone, Debug)]
struct Node<K, V, S> {
    left: Link<K, V, S>,
    right: Link<K, V, S>,
    len: u32,
    key: K,
    value: V,
    /// Of this subtree.
    summary: S,
}

/// How many times heavier than the other one side may be …
const DELTA: u32 = 3;
/// … and how many times heavier the inner part of the heavy side must be to be lifted by itself.
const RATIO: u32 = 2;

impl<K, V, S> Clone for Summed<K, V, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V, S> Default for Summed<K, V, S> {
    fn default() -> Self {
        Self(None)
    }
}

fn len<K, V, S>(link: &Link<K, V, S>) -> u32 {
    link.as_ref().map_or(0, |node| node.len)
}

/// The summary of what stands before and that of what stands behind it, where there is any.
pub(crate) fn both<K, V, S: Summary<K, V>>(before: Option<S>, behind: Option<S>) -> Option<S> {
    match (before, behind) {
        (Some(before), Some(behind)) => Some(before.followed_by(&behind)),
        (before, behind) => before.or(behind),
    }
}

type Built<K, V, S> = Arc<Node<K, V, S>>;

fn join<K, V, S: Summary<K, V>>(
    left: Link<K, V, S>,
    (key, value): (K, V),
    right: Link<K, V, S>,
) -> Built<K, V, S> {
    let len = len(&left) + len(&right) + 1;
    let mut summary = S::of(&key, &value);
    if let Some(left) = &left {
        summary = left.summary.followed_by(&summary);
    }
    if let Some(right) = &right {
        summary = summary.followed_by(&right.summary);
    }
    Arc::new(Node { left, right, len, key, value, summary })
}

impl<K: Clone, V: Clone, S> Node<K, V, S> {
    fn entry(&self) -> (K, V) {
        (self.key.clone(), self.value.clone())
    }
}

/// Joins two sides, of which one may have become too heavy by one entry.
fn balance<K: Clone, V: Clone, S: Summary<K, V>>(
    left: Link<K, V, S>,
    entry: (K, V),
    right: Link<K, V, S>,
) -> Built<K, V, S> {
    let (l, r) = (len(&left), len(&right));
    if l + r > 1
        && r > DELTA * l
        && let Some(heavy) = &right
    {
        let (inner, outer) = (&heavy.left, &heavy.right);
        if len(inner) >= RATIO * len(outer)
            && let Some(middle) = inner
        {
            let low = join(left, entry, middle.left.clone());
            let high = join(middle.right.clone(), heavy.entry(), outer.clone());
            return join(Some(low), middle.entry(), Some(high));
        }
        let low = join(left, entry, inner.clone());
        return join(Some(low), heavy.entry(), outer.clone());
    }
    if l + r > 1
        && l > DELTA * r
        && let Some(heavy) = &left
    {
        let (outer, inner) = (&heavy.left, &heavy.right);
        if len(inner) >= RATIO * len(outer)
            && let Some(middle) = inner
        {
            let low = join(outer.clone(), heavy.entry(), middle.left.clone());
            let high = join(middle.right.clone(), entry, right);
            return join(Some(low), middle.entry(), Some(high));
        }
        let high = join(inner.clone(), entry, right);
        return join(outer.clone(), heavy.entry(), Some(high));
    }
    join(left, entry, right)
}

fn insert<K: Ord + Clone, V: Clone, S: Summary<K, V>>(link: &Link<K, V, S>, entry: (K, V)) -> Built<K, V, S> {
    let Some(node) = link else { return join(None, entry, None) };
    match entry.0.cmp(&node.key) {
        Ordering::Less => balance(Some(insert(&node.left, entry)), node.entry(), node.right.clone()),
        Ordering::Greater => balance(node.left.clone(), node.entry(), Some(insert(&node.right, entry))),
        Ordering::Equal => join(node.left.clone(), entry, node.right.clone()),
    }
}

/// The tree without the first entry, and that.
fn take_first<K: Clone, V: Clone, S: Summary<K, V>>(node: &Node<K, V, S>) -> ((K, V), Link<K, V, S>) {
    match &node.left {
        None => (node.entry(), node.right.clone()),
        Some(left) => {
            let (first, rest) = take_first(left);
            (first, Some(balance(rest, node.entry(), node.right.clone())))
        }
    }
}

fn remove<K: Ord + Clone, V: Clone, S: Summary<K, V>>(link: &Link<K, V, S>, key: &K) -> Link<K, V, S> {
    let node = link.as_ref()?;
    match key.cmp(&node.key) {
        Ordering::Less => Some(balance(remove(&node.left, key), node.entry(), node.right.clone())),
        Ordering::Greater => Some(balance(node.left.clone(), node.entry(), remove(&node.right, key))),
        Ordering::Equal => match &node.right {
            None => node.left.clone(),
            Some(right) => {
                let (next, rest) = take_first(right);
                Some(balance(node.left.clone(), next, rest))
            }
        },
    }
}

impl<K: Ord + Clone, V: Clone, S: Summary<K, V>> Summed<K, V, S> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let mut link = &self.0;
        while let Some(node) = link {
            link = match key.cmp(&node.key) {
                Ordering::Less => &node.left,
                Ordering::Greater => &node.right,
                Ordering::Equal => return Some(&node.value),
            };
        }
        None
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0 = Some(insert(&self.0, (key, value)));
    }

    /// Takes a key out, if it is there.
    pub(crate) fn remove(&mut self, key: &K) {
        if self.get(key).is_some() {
            self.0 = remove(&self.0, key);
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u32 {
        len(&self.0)
    }

    /// The summary of all; `None` where there is none.
    pub(crate) fn whole(&self) -> Option<&S> {
        self.0.as_ref().map(|node| &node.summary)
    }

    /// How many keys are not `behind`, as every key after one that is must be.
    pub(crate) fn count_before(&self, behind: impl Fn(&K) -> bool) -> u32 {
        let (mut link, mut count) = (&self.0, 0);
        while let Some(node) = link {
            if behind(&node.key) {
                link = &node.left;
            } else {
                count += len(&node.left) + 1;
                link = &node.right;
            }
        }
        count
    }

    /// The summary of the keys that are not `behind`.
    pub(crate) fn before(&self, behind: impl Fn(&K) -> bool) -> Option<S> {
        let (mut link, mut found) = (&self.0, None);
        while let Some(node) = link {
            if behind(&node.key) {
                link = &node.left;
            } else {
                let left = node.left.as_ref().map(|left| left.summary.clone());
                found = both(both(found, left), Some(S::of(&node.key, &node.value)));
                link = &node.right;
            }
        }
        found
    }

    /// The summary of the keys that are `behind`.
    pub(crate) fn behind(&self, behind: impl Fn(&K) -> bool) -> Option<S> {
        let (mut link, mut found) = (&self.0, None);
        while let Some(node) = link {
            if behind(&node.key) {
                let right = node.right.as_ref().map(|right| right.summary.clone());
                found = both(Some(S::of(&node.key, &node.value)), both(right, found));
                link = &node.left;
            } else {
                link = &node.right;
            }
        }
        found
    }

    /// The last entry that is not `behind`, and the first that is, asked with the summary of this entry and all behind
    /// it. Whatever stands behind one that is must be, too.
    pub(crate) fn split(&self, mut behind: impl FnMut(&K, &S) -> bool) -> [Option<(&K, &V)>; 2] {
        let (mut link, mut later) = (&self.0, None::<S>);
        let (mut before, mut after) = (None, None);
        while let Some(node) = link {
            let own = S::of(&node.key, &node.value);
            let with_right = both(node.right.as_ref().map(|right| right.summary.clone()), later.clone());
            let from_here = with_right.map_or_else(|| own.clone(), |right| own.followed_by(&right));
            if behind(&node.key, &from_here) {
                (after, later) = (Some((&node.key, &node.value)), Some(from_here));
                link = &node.left;
            } else {
                before = Some((&node.key, &node.value));
                link = &node.right;
            }
        }
        [before, after]
    }

    /// All entries, the last key first.
    pub(crate) fn backwards(&self) -> Backwards<'_, K, V, S> {
        let mut all = Backwards(Vec::new());
        all.descend(&self.0);
        all
    }

    /// All entries but those of the keys that are `behind`, the last key first.
    pub(crate) fn backwards_from(&self, behind: impl Fn(&K) -> bool) -> Backwards<'_, K, V, S> {
        let mut rest = Backwards(Vec::new());
        let mut link = &self.0;
        while let Some(node) = link {
            if behind(&node.key) {
                link = &node.left;
            } else {
                rest.0.push(node);
                link = &node.right;
            }
        }
        rest
    }

    /// The first of the entries whose keys are `behind`.
    pub(crate) fn first_behind(&self, behind: impl Fn(&K) -> bool) -> Option<(&K, &V)> {
        let (mut link, mut found) = (&self.0, None);
        while let Some(node) = link {
            if behind(&node.key) {
                found = Some((&node.key, &node.value));
                link = &node.left;
            } else {
                link = &node.right;
            }
        }
        found
    }
}

/// Entries, the last key first.
#[derive(Debug)]
pub(crate) struct Backwards<'a, K, V, S>(Vec<&'a Node<K, V, S>>);

impl<'a, K, V, S> Backwards<'a, K, V, S> {
    fn descend(&mut self, mut link: &'a Link<K, V, S>) {
        while let Some(node) = link {
            self.0.push(node);
            link = &node.right;
        }
    }
}

impl<'a, K, V, S> Iterator for Backwards<'a, K, V, S> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let node = self.0.pop()?;
        self.descend(&node.left);
        Some((&node.key, &node.value))
    }
}

impl<K: Ord + Clone, V: Clone, S: Summary<K, V>> FromIterator<(K, V)> for Summed<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut tree = Self::default();
        entries.into_iter().for_each(|(key, value)| tree.insert(key, value));
        tree
    }
}

#[cfg(test)]
impl<K: Ord + Clone, V: Clone, S: Summary<K, V> + PartialEq + std::fmt::Debug> Summed<K, V, S> {
    /// The height, on the way to which every subtree's weight and summary are checked.
    pub(crate) fn height(&self) -> u32 {
        fn of<K: Ord + Clone, V: Clone, S: Summary<K, V> + PartialEq + std::fmt::Debug>(
            link: &Link<K, V, S>,
        ) -> u32 {
            let Some(node) = link else { return 0 };
            let (l, r) = (len(&node.left), len(&node.right));
            assert!(l + r <= 1 || l <= DELTA * r && r <= DELTA * l, "{l} beside {r}");
            assert_eq!(node.len, l + r + 1);
            let entry = (node.key.clone(), node.value.clone());
            assert_eq!(node.summary, join(node.left.clone(), entry, node.right.clone()).summary);
            1 + of(&node.left).max(of(&node.right))
        }
        of(&self.0)
    }
}
