//! The registers the inbox is made of: each a join-semilattice.
//!
//! A register only ever grows in its own order, so joining the same fact twice, or facts in another order,
//! ends in the same value. That, and nothing else, is why inboxes converge (R02–R04).

use std::sync::Arc;

use crate::model::blank_text::is_blank;
use crate::model::time::Stamp;
use crate::register::max_tree::MaxTree;

/// A value that can take in another of its kind: commutative, associative, idempotent.
pub(crate) trait Join {
    /// Takes in `other`. Returns whether that changed anything.
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
    /// Writes `value` at `stamp`. Returns whether that changed anything.
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
    /// Writes `value` at `stamp`. Returns whether that changed anything.
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

/// Raises `old` to `new` if that is greater. Returns whether it was.
pub(crate) fn raise<T: Ord>(old: &mut T, new: T) -> bool {
    let greater = new > *old;
    if greater {
        *old = new;
    }
    greater
}

/// Reads or marks that no other dominates: none has both a later-or-equal stamp and a greater-or-equal value
/// (R42). Values ascend, so stamps descend. A front is tiny in practice; one that is not, as a stranger may make it,
/// costs O(log n) a read or mark all the same.
#[derive(Clone, Debug)]
pub(crate) enum Front {
    /// By value.
    Few(Vec<(i64, Stamp)>),
    Many(Stamped),
}

/// Values by stamp: each value with its stamp, so that of equal values the latest is the greatest.
pub(crate) type Stamped = MaxTree<Stamp, (i64, Stamp)>;

/// How many values are looked through one by one.
const FEW: usize = 16;

impl Default for Front {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl PartialEq for Front {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Front {}

impl Front {
    /// Adds `value` at `stamp`. Returns whether that changed anything.
    pub(crate) fn insert(&mut self, value: i64, stamp: Stamp) -> bool {
        match self {
            Self::Few(few) => {
                if few.iter().any(|&(v, s)| v >= value && s >= stamp) {
                    return false;
                }
                few.retain(|&(v, s)| v > value || s > stamp);
                let at = few.partition_point(|&(v, _)| v < value);
                // Nearly all fronts have one value for ever.
                if few.is_empty() {
                    few.reserve_exact(1);
                }
                few.insert(at, (value, stamp));
                if few.len() > FEW {
                    *self = Self::Many(few.iter().map(|&(value, stamp)| (stamp, (value, stamp))).collect());
                }
                true
            }
            Self::Many(many) => insert_among_many(many, value, stamp),
        }
    }

    /// The greatest value.
    pub(crate) fn greatest(&self) -> Option<(i64, Stamp)> {
        match self {
            Self::Few(few) => few.last().copied(),
            Self::Many(many) => many.greatest().copied(),
        }
    }

    /// The greatest value written later than `stamp`.
    pub(crate) fn greatest_after(&self, stamp: Stamp) -> Option<(i64, Stamp)> {
        match self {
            Self::Few(few) => few.iter().rev().find(|&&(_, s)| s > stamp).copied(),
            Self::Many(many) => many.greatest_where(|s| *s > stamp),
        }
    }

    /// All, by value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, Stamp)> + '_ {
        let (few, many) = match self {
            Self::Few(few) => (Some(few.iter()), None),
            Self::Many(many) => (None, Some(many.backwards())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten().map(|(_, value)| value)).copied()
    }
}

fn insert_among_many(many: &mut Stamped, value: i64, stamp: Stamp) -> bool {
    if many.greatest_where(|s| *s >= stamp).is_some_and(|(v, _)| v >= value) {
        return false;
    }
    // Each that goes came once.
    let dominated = |many: &Stamped| {
        let (last, (v, _)) = many.backwards_from(|s| *s > stamp).next()?;
        (*v <= value).then_some(*last)
    };
    while let Some(gone) = dominated(many) {
        many.remove(&gone);
    }
    many.insert(stamp, (value, stamp));
    true
}

impl Join for Front {
    fn join(&mut self, other: &Self) -> bool {
        other.iter().fold(false, |changed, (value, stamp)| self.insert(value, stamp) | changed)
    }
}

/// A text that shows something (R21).
pub(crate) fn shown(register: &Lww<Arc<str>>) -> Option<&str> {
    register.get().map(|text| &**text).filter(|text| !is_blank(text))
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

    /// A front of hundreds is what one looked through value by value would be.
    #[test]
    fn r42_a_large_front_is_as_a_small_one() {
        let mut seed = 0x1234_5678_u64;
        let mut draw = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below) as i64
        };
        for spread in [3, 40, 400] {
            let (mut front, mut plain) = (Front::default(), Vec::<(i64, Stamp)>::new());
            let mut longest = 0;
            for turn in 0..1_500 {
                // Mostly falling as stamps rise, so that many stay.
                let at = draw(1_000);
                let (value, stamp) = (1_000 - at + draw(spread), stamp(at, (turn % 7) as u8));
                let is_new = !plain.iter().any(|&(v, s)| v >= value && s >= stamp);
                assert_eq!(front.insert(value, stamp), is_new);
                if is_new {
                    plain.retain(|&(v, s)| v > value || s > stamp);
                    plain.push((value, stamp));
                    plain.sort_unstable();
                }
                assert!(front.iter().eq(plain.iter().copied()));
                assert_eq!(front.greatest(), plain.last().copied());
                let after = plain.iter().rev().find(|(_, s)| *s > stamp).copied();
                assert_eq!(front.greatest_after(stamp), after);
                longest = longest.max(plain.len());
            }
            assert!(spread > 3 || longest > 10 * FEW, "{longest}");
        }
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
