//! Which parts of a shared history a member may see (R123).

use smallvec::SmallVec;

use crate::inbox::containers::sparse::FewByKey;
use crate::inbox::timeline::order::range::Range;
use crate::register::lattice::Lww;

/// The parts of a history that a member may see, ascending, none touching another. Nearly always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Windows(SmallVec<[Range; 1]>);

impl Windows {
    /// What the registers say; everything where they say nothing.
    pub(crate) fn of(registers: &FewByKey<i64, Lww<Option<i64>>>) -> Self {
        if registers.is_empty() {
            return Self(SmallVec::from_elem(Range::ALL, 1));
        }
        let mut windows = SmallVec::<[Range; 1]>::new();
        for (after, through) in registers.iter() {
            let through = through.get().copied().flatten().unwrap_or(i64::MAX);
            let range = Range { after, through };
            match windows.last_mut() {
                Some(last) if last.through >= range.after => last.through = last.through.max(through),
                _ => windows.push(range),
            }
        }
        windows.retain(|range| !range.is_empty());
        Self(windows)
    }

    /// The first field behind which all that is to come is seen; the greatest where nothing is.
    pub(crate) fn open_after(&self) -> i64 {
        self.0.last().filter(|range| range.through == i64::MAX).map_or(i64::MAX, |range| range.after)
    }

    pub(crate) fn contain(&self, first: i64) -> bool {
        self.0.iter().any(|range| range.contains(first))
    }

    /// What of them stands behind a first field, ascending.
    pub(crate) fn behind(&self, floor: i64) -> impl DoubleEndedIterator<Item = Range> + '_ {
        self.0.iter().map(move |range| range.behind(floor)).filter(|range| !range.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::EventId;
    use crate::model::time::{Stamp, Timestamp};

    fn windows(of: &[(i64, Option<i64>)]) -> Vec<(i64, i64)> {
        let mut registers: FewByKey<i64, Lww<Option<i64>>> = FewByKey::default();
        for (at, (after, through)) in of.iter().enumerate() {
            let at = Timestamp::from_millis(at as i64).unwrap();
            let stamp = Stamp::new(at, EventId::from_bytes([1; 16]));
            registers.value(*after).set(stamp, *through);
        }
        Windows::of(&registers).0.iter().map(|range| (range.after, range.through)).collect()
    }

    #[test]
    fn r123_windows_join_and_close() {
        assert_eq!(windows(&[]), [(-1, i64::MAX)]);
        assert_eq!(windows(&[(4, None)]), [(4, i64::MAX)]);
        assert_eq!(windows(&[(4, None), (4, Some(9))]), [(4, 9)], "left");
        assert_eq!(windows(&[(4, Some(9)), (20, None)]), [(4, 9), (20, i64::MAX)], "joined again");
        assert_eq!(windows(&[(4, Some(9)), (9, Some(12)), (10, Some(11))]), [(4, 12)], "touching");
        assert_eq!(windows(&[(4, Some(4))]), [], "joined and left at once");
        assert_eq!(windows(&[(4, Some(9)), (4, None)]), [(4, i64::MAX)], "the last writer counts");
    }
}
