//! The registers the inbox is made of: each a join-semilattice.
//!
//! A register only ever grows in its own order, so joining the same fact twice, or facts in another order,
//! ends in the same value. That, and nothing else, is why inboxes converge (R02–R04).

use crate::model::time::Stamp;

/// A value that can take in another of its kind: commutative, associative, idempotent.
pub(crate) trait Join {
    /// Takes in `other`; whether that changed anything.
    fn join(&mut self, other: &Self) -> bool;
}

/// Last writer wins: the value of the greatest `(stamp, value)` (R07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lww<T>(Option<(Stamp, T)>);

impl<T> Default for Lww<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord> Lww<T> {
    /// Writes `value` at `stamp`; whether that changed anything.
    pub(crate) fn set(&mut self, stamp: Stamp, value: T) -> bool {
        let later = match &self.0 {
            None => true,
            Some((old, _)) if stamp != *old => stamp > *old,
            Some((_, old)) => value > *old,
        };
        if later {
            self.0 = Some((stamp, value));
        }
        later
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.0.as_ref().map(|(stamp, _)| *stamp)
    }

    pub(crate) fn entry(&self) -> Option<(Stamp, &T)> {
        self.0.as_ref().map(|(stamp, value)| (*stamp, value))
    }
}

impl<T: Ord + Clone> Join for Lww<T> {
    fn join(&mut self, other: &Self) -> bool {
        match &other.0 {
            Some((stamp, value)) => self.set(*stamp, value.clone()),
            None => false,
        }
    }
}

/// First writer wins: the value of the least stamp; of equal stamps the greater value (R07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Earliest<T>(Option<(Stamp, T)>);

impl<T> Default for Earliest<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord> Earliest<T> {
    /// Writes `value` at `stamp`; whether that changed anything.
    pub(crate) fn set(&mut self, stamp: Stamp, value: T) -> bool {
        let earlier = match &self.0 {
            None => true,
            Some((old, _)) if stamp != *old => stamp < *old,
            Some((_, old)) => value > *old,
        };
        if earlier {
            self.0 = Some((stamp, value));
        }
        earlier
    }

    pub(crate) fn entry(&self) -> Option<(Stamp, &T)> {
        self.0.as_ref().map(|(stamp, value)| (*stamp, value))
    }
}

impl<T: Ord + Clone> Join for Earliest<T> {
    fn join(&mut self, other: &Self) -> bool {
        match &other.0 {
            Some((stamp, value)) => self.set(*stamp, value.clone()),
            None => false,
        }
    }
}

/// Raises `old` to `new` if that is greater; whether it was.
pub(crate) fn raise<T: Ord>(old: &mut T, new: T) -> bool {
    let greater = new > *old;
    if greater {
        *old = new;
    }
    greater
}

/// Reads or marks that no other dominates: none has both a later-or-equal stamp and a greater-or-equal value
/// (R42). Values ascend, so stamps descend; a front is tiny in practice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Front(Vec<(i64, Stamp)>);

impl Front {
    /// Adds `value` at `stamp`; whether that changed anything.
    pub(crate) fn insert(&mut self, value: i64, stamp: Stamp) -> bool {
        if self.0.iter().any(|&(v, s)| v >= value && s >= stamp) {
            return false;
        }
        self.0.retain(|&(v, s)| v > value || s > stamp);
        let at = self.0.partition_point(|&(v, _)| v < value);
        // Nearly all fronts have one value for ever.
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        self.0.insert(at, (value, stamp));
        true
    }

    /// The greatest value.
    pub(crate) fn greatest(&self) -> Option<(i64, Stamp)> {
        self.0.last().copied()
    }

    /// The greatest value written later than `stamp`.
    pub(crate) fn greatest_after(&self, stamp: Stamp) -> Option<(i64, Stamp)> {
        self.0.iter().rev().find(|&&(_, s)| s > stamp).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, Stamp)> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Join for Front {
    fn join(&mut self, other: &Self) -> bool {
        other.iter().fold(false, |changed, (value, stamp)| self.insert(value, stamp) | changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::EventId;
    use crate::model::time::Timestamp;

    fn stamp(at: i64, id: u8) -> Stamp {
        Stamp::new(Timestamp::from_millis(at).unwrap(), EventId::from_bytes([id; 16]))
    }

    /// Commutative, associative, idempotent, over every triple of `values`.
    fn laws<T: Join + Clone + PartialEq + std::fmt::Debug>(values: &[T]) {
        let join = |a: &T, b: &T| {
            let mut joined = a.clone();
            let changed = joined.join(b);
            assert_eq!(changed, joined != *a, "{a:?} joined with {b:?} reports its change");
            joined
        };
        for a in values {
            assert_eq!(join(a, a), *a);
            for b in values {
                assert_eq!(join(a, b), join(b, a));
                for c in values {
                    assert_eq!(join(&join(a, b), c), join(a, &join(b, c)));
                }
            }
        }
    }

    #[test]
    fn every_register_is_a_semilattice() {
        let writes: Vec<(Stamp, u8)> = [(1, 1, 0), (1, 1, 5), (1, 2, 3), (2, 1, 0), (2, 1, 9)]
            .map(|(a, i, v)| (stamp(a, i), v))
            .to_vec();
        let mut lww = vec![Lww::default()];
        let mut earliest = vec![Earliest::default()];
        for (s, v) in &writes {
            lww.push(Lww(Some((*s, *v))));
            earliest.push(Earliest(Some((*s, *v))));
        }
        laws(&lww);
        laws(&earliest);
        let mut fronts = vec![Front::default()];
        for i in 0..writes.len() {
            for j in 0..writes.len() {
                let mut front = Front::default();
                front.insert(i64::from(writes[i].1), writes[i].0);
                front.insert(i64::from(writes[j].1), writes[j].0);
                fronts.push(front);
            }
        }
        laws(&fronts);
    }

    #[test]
    fn r07_equal_stamps_take_the_greater_value() {
        let mut last = Lww::default();
        assert!(last.set(stamp(5, 1), 3) && !last.set(stamp(5, 1), 2) && last.set(stamp(5, 1), 4));
        assert!(!last.set(stamp(4, 9), 100) && last.set(stamp(5, 2), 0));
        let mut first = Earliest::default();
        assert!(first.set(stamp(5, 1), 3) && !first.set(stamp(5, 1), 2) && first.set(stamp(5, 1), 4));
        assert!(!first.set(stamp(6, 0), 100) && first.set(stamp(4, 2), 0));
    }

    #[test]
    fn r42_a_front_keeps_what_nothing_dominates() {
        let mut front = Front::default();
        assert!(front.insert(5, stamp(10, 0)));
        assert!(!front.insert(4, stamp(9, 0)), "earlier and lower");
        assert!(front.insert(9, stamp(3, 0)), "earlier but higher");
        assert!(front.insert(2, stamp(20, 0)), "lower but later");
        assert_eq!(front.iter().map(|(v, _)| v).collect::<Vec<_>>(), [2, 5, 9]);
        assert_eq!(front.greatest_after(stamp(3, 0)), Some((5, stamp(10, 0))));
        assert!(front.insert(9, stamp(21, 0)));
        assert_eq!(front.iter().count(), 1, "later and higher than all");
    }
}
