//! A persistent balanced map each of whose subtrees knows its greatest value.

use std::cmp::Ordering;
use std::sync::Arc;

/// A map that finds the greatest value of all keys behind any key in O(log n), whatever is added and removed in
/// whatever order. A clone is O(1); a change after it copies O(log n) nodes.
///
/// The tree is balanced by weight, so its shape follows from what it holds and from the order of changes, never from
/// hashes or chance.
#[derive(Debug)]
pub(crate) struct MaxTree<K, V>(Link<K, V>);

type Link<K, V> = Option<Arc<Node<K, V>>>;

#[derive(Clone, Debug)]
struct Node<K, V> {
    left: Link<K, V>,
    right: Link<K, V>,
    len: u32,
    key: K,
    value: V,
    /// The greatest value of this subtree.
    greatest: V,
}

/// How many times heavier than the other one side may be …
const DELTA: u32 = 3;
/// … and how many times heavier the inner part of the heavy side must be to be lifted by itself.
const RATIO: u32 = 2;

impl<K, V> Clone for MaxTree<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for MaxTree<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

fn len<K, V>(link: &Link<K, V>) -> u32 {
    link.as_ref().map_or(0, |node| node.len)
}

fn greatest<K, V>(link: &Link<K, V>) -> Option<&V> {
    link.as_ref().map(|node| &node.greatest)
}

fn join<K, V: Ord + Clone>(left: Link<K, V>, (key, value): (K, V), right: Link<K, V>) -> Arc<Node<K, V>> {
    let len = len(&left) + len(&right) + 1;
    let below = greatest(&left).max(greatest(&right));
    let greatest = below.map_or(&value, |below| below.max(&value)).clone();
    Arc::new(Node { left, right, len, key, value, greatest })
}

impl<K: Ord + Clone, V: Ord + Clone> Node<K, V> {
    fn entry(&self) -> (K, V) {
        (self.key.clone(), self.value.clone())
    }
}

/// Joins two sides, of which one may have become too heavy by one entry.
fn balance<K: Ord + Clone, V: Ord + Clone>(
    left: Link<K, V>,
    entry: (K, V),
    right: Link<K, V>,
) -> Arc<Node<K, V>> {
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

fn insert<K: Ord + Clone, V: Ord + Clone>(link: &Link<K, V>, entry: (K, V)) -> Arc<Node<K, V>> {
    let Some(node) = link else { return join(None, entry, None) };
    match entry.0.cmp(&node.key) {
        Ordering::Less => balance(Some(insert(&node.left, entry)), node.entry(), node.right.clone()),
        Ordering::Greater => balance(node.left.clone(), node.entry(), Some(insert(&node.right, entry))),
        Ordering::Equal => join(node.left.clone(), entry, node.right.clone()),
    }
}

/// The tree without the first entry, and that.
fn take_first<K: Ord + Clone, V: Ord + Clone>(node: &Node<K, V>) -> ((K, V), Link<K, V>) {
    match &node.left {
        None => (node.entry(), node.right.clone()),
        Some(left) => {
            let (first, rest) = take_first(left);
            (first, Some(balance(rest, node.entry(), node.right.clone())))
        }
    }
}

fn remove<K: Ord + Clone, V: Ord + Clone>(link: &Link<K, V>, key: &K) -> Link<K, V> {
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

impl<K: Ord + Clone, V: Ord + Clone> MaxTree<K, V> {
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

    /// The greatest value of all.
    pub(crate) fn greatest(&self) -> Option<&V> {
        greatest(&self.0)
    }

    /// The greatest value of the keys that are `behind`, as every key after one that is must be.
    pub(crate) fn greatest_where(&self, behind: impl Fn(&K) -> bool) -> Option<&V> {
        let (mut link, mut found) = (&self.0, None);
        while let Some(node) = link {
            if behind(&node.key) {
                found = found.max(Some(&node.value)).max(greatest(&node.right));
                link = &node.left;
            } else {
                link = &node.right;
            }
        }
        found
    }

    /// The last entry that is not `behind`, and the first that is, asked with the greatest value of this entry and all
    /// behind it. Whatever stands behind one that is must be, too.
    pub(crate) fn split(&self, mut behind: impl FnMut(&K, &V) -> bool) -> [Option<(&K, &V)>; 2] {
        let (mut link, mut later) = (&self.0, None::<&V>);
        let (mut before, mut after) = (None, None);
        while let Some(node) = link {
            let with_right = later.max(greatest(&node.right));
            let from_here = with_right.map_or(&node.value, |right| right.max(&node.value));
            if behind(&node.key, from_here) {
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
    pub(crate) fn backwards(&self) -> Backwards<'_, K, V> {
        let mut all = Backwards(Vec::new());
        all.descend(&self.0);
        all
    }

    /// All entries but those of the keys that are `behind`, the last key first.
    pub(crate) fn backwards_from(&self, behind: impl Fn(&K) -> bool) -> Backwards<'_, K, V> {
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
}

/// Entries, the last key first.
#[derive(Debug)]
pub(crate) struct Backwards<'a, K, V>(Vec<&'a Node<K, V>>);

impl<'a, K, V> Backwards<'a, K, V> {
    fn descend(&mut self, mut link: &'a Link<K, V>) {
        while let Some(node) = link {
            self.0.push(node);
            link = &node.right;
        }
    }
}

impl<'a, K, V> Iterator for Backwards<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let node = self.0.pop()?;
        self.descend(&node.left);
        Some((&node.key, &node.value))
    }
}

impl<K: Ord + Clone, V: Ord + Clone> FromIterator<(K, V)> for MaxTree<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut tree = Self::default();
        entries.into_iter().for_each(|(key, value)| tree.insert(key, value));
        tree
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The height of a tree, which every subtree's weights and greatest value are checked on the way to.
    fn height(link: &Link<u32, u32>) -> u32 {
        let Some(node) = link else { return 0 };
        let (l, r) = (len(&node.left), len(&node.right));
        assert!(l + r <= 1 || l <= DELTA * r && r <= DELTA * l, "{l} beside {r}");
        assert_eq!(node.len, l + r + 1);
        let below = greatest(&node.left).max(greatest(&node.right));
        assert_eq!(node.greatest, below.map_or(node.value, |below| *below.max(&node.value)));
        1 + height(&node.left).max(height(&node.right))
    }

    #[test]
    fn it_finds_what_a_plain_map_finds() {
        let mut seed = 0x2545_f491_u64;
        let mut draw = |below: u32| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % u64::from(below)) as u32
        };
        for keys in [4, 50, 1_000] {
            let (mut tree, mut plain) = (MaxTree::default(), BTreeMap::new());
            for turn in 0..4_000 {
                let (key, value) = (draw(keys), draw(1_000));
                if draw(3) == 0 {
                    tree.remove(&key);
                    plain.remove(&key);
                } else {
                    tree.insert(key, value);
                    plain.insert(key, value);
                }
                let at = draw(keys);
                assert_eq!(tree.greatest_where(|k| *k > at), plain.range(at + 1..).map(|(_, v)| v).max());
                assert_eq!((tree.get(&at), len(&tree.0)), (plain.get(&at), plain.len() as u32));
                assert!(tree.backwards_from(|k| *k >= at).eq(plain.range(..at).rev()));
                if turn % keys > 20 {
                    continue;
                }
                // The greatest value from a key on falls along the keys.
                let least = draw(1_000);
                let from = |key: &u32| plain.range(*key..).map(|(_, v)| v).max();
                let after = plain.iter().find(|(key, _)| from(key) < Some(&least));
                let before = plain.iter().rev().find(|(key, _)| from(key) >= Some(&least));
                assert_eq!(tree.split(|_, greatest| *greatest < least), [before, after]);
            }
            assert!(tree.backwards().eq(plain.iter().rev()));
            assert!(height(&tree.0) <= 20);
        }
    }

    #[test]
    fn keys_in_order_make_no_list_of_it() {
        let tree: MaxTree<u32, u32> = (0..10_000).map(|n| (n, n)).collect();
        let falling: MaxTree<u32, u32> = (0..10_000).rev().map(|n| (n, n)).collect();
        assert!(height(&tree.0) <= 24 && height(&falling.0) <= 24);
    }
}
