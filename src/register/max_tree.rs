//! A persistent balanced map each of whose subtrees knows its greatest value.

use crate::register::summed::{Summary, Summed};

/// The greatest of some values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Greatest<V>(V);

impl<K, V: Ord + Clone> Summary<K, V> for Greatest<V> {
    fn of(_: &K, value: &V) -> Self {
        Self(value.clone())
    }

    fn followed_by(&self, later: &Self) -> Self {
        Self((&self.0).max(&later.0).clone())
    }
}

/// A map that finds the greatest value of all keys behind any key in O(log n).
pub(crate) type MaxTree<K, V> = Summed<K, V, Greatest<V>>;

impl<K: Ord + Clone, V: Ord + Clone> MaxTree<K, V> {
    /// The greatest value of all.
    pub(crate) fn greatest(&self) -> Option<&V> {
        self.whole().map(|Greatest(value)| value)
    }

    /// The greatest value of the keys that are `behind`, as every key after one that is must be.
    pub(crate) fn greatest_where(&self, behind: impl Fn(&K) -> bool) -> Option<V> {
        self.behind(behind).map(|Greatest(value)| value)
    }

    /// The last entry that is not `behind`, and the first that is, asked with the greatest value of this entry and all
    /// behind it. Whatever stands behind one that is must be, too.
    pub(crate) fn split_by_greatest(&self, mut behind: impl FnMut(&K, &V) -> bool) -> [Option<(&K, &V)>; 2] {
        self.split(|key, Greatest(value)| behind(key, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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
                assert_eq!(tree.greatest_where(|k| *k > at), plain.range(at + 1..).map(|(_, v)| *v).max());
                assert_eq!((tree.get(&at), tree.len()), (plain.get(&at), plain.len() as u32));
                assert_eq!(tree.count_before(|k| *k > at), plain.range(..=at).count() as u32);
                assert_eq!(tree.first_behind(|k| *k > at), plain.range(at + 1..).next());
                let before = tree.before(|k| *k > at).map(|Greatest(value)| value);
                assert_eq!(before, plain.range(..=at).map(|(_, v)| *v).max());
                assert!(tree.backwards_from(|k| *k >= at).eq(plain.range(..at).rev()));
                if turn % keys > 20 {
                    continue;
                }
                // The greatest value from a key on falls along the keys.
                let least = draw(1_000);
                let from = |key: &u32| plain.range(*key..).map(|(_, v)| v).max();
                let after = plain.iter().find(|(key, _)| from(key) < Some(&least));
                let before = plain.iter().rev().find(|(key, _)| from(key) >= Some(&least));
                assert_eq!(tree.split_by_greatest(|_, greatest| *greatest < least), [before, after]);
            }
            assert!(tree.backwards().eq(plain.iter().rev()));
            assert!(tree.height() <= 20);
        }
    }

    #[test]
    fn keys_in_order_make_no_list_of_it() {
        let tree: MaxTree<u32, u32> = (0..10_000).map(|n| (n, n)).collect();
        let falling: MaxTree<u32, u32> = (0..10_000).rev().map(|n| (n, n)).collect();
        assert!(tree.height() <= 24 && falling.height() <= 24);
    }
}
