//! A set of whole numbers, kept as its maximal runs: what a log holds without a gap.

use crate::register::canonical_form::hash_of_two;
use crate::register::summed::{Summary, Summed};

/// What is known of some runs that stand one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: i64,
    last: i64,
    /// How many numbers are in the runs.
    numbers: i64,
    /// The sum of the hashes of the gaps between them.
    gaps: u64,
}

impl Summary<i64, i64> for Span {
    fn of(first: &i64, last: &i64) -> Self {
        Self { first: *first, last: *last, numbers: last - first + 1, gaps: 0 }
    }

    fn followed_by(&self, later: &Self) -> Self {
        let between = hash_of_two(self.last + 1, later.first - 1);
        let gaps = self.gaps.wrapping_add(later.gaps).wrapping_add(between);
        let numbers = self.numbers + later.numbers;
        Self { first: self.first, last: later.last, numbers, gaps }
    }
}

/// A set of numbers that a log can name. Runs that touch are one, so that equal sets have equal runs.
///
/// Every question costs O(log n) in the number of runs, whatever was added and taken out; a clone is O(1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Summed<i64, i64, Span>);

impl PartialEq for Runs {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.backwards().eq(other.backwards())
    }
}

impl Eq for Runs {}

impl Runs {
    /// How many runs there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len() as usize
    }

    /// The runs, the last first.
    pub(crate) fn backwards(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.backwards().map(|(first, last)| (*first, *last))
    }

    /// The run that holds a number.
    pub(crate) fn run_of(&self, number: i64) -> Option<(i64, i64)> {
        let (first, last) = self.0.backwards_from(|first| *first > number).next()?;
        (*last >= number).then_some((*first, *last))
    }

    pub(crate) fn contains(&self, number: i64) -> bool {
        self.run_of(number).is_some()
    }

    /// Adds the numbers from one to another, both included; whether any was not there. Each run that is joined came
    /// once, so that n additions cost O(n log n).
    pub(crate) fn add(&mut self, first: i64, last: i64) -> bool {
        if first > last || self.run_of(first).is_some_and(|(_, end)| end >= last) {
            return false;
        }
        let (mut from, mut to) = (first, last);
        while let Some((start, end)) = self.run_touching(from, to) {
            (from, to) = (from.min(start), to.max(end));
            self.0.remove(&start);
        }
        self.0.insert(from, to);
        true
    }

    /// A run that holds any of these numbers, or one just beside them.
    fn run_touching(&self, first: i64, last: i64) -> Option<(i64, i64)> {
        let (start, end) = self.0.backwards_from(|start| *start > last + 1).next()?;
        (*end >= first - 1).then_some((*start, *end))
    }

    /// Takes one number out.
    pub(crate) fn take_out(&mut self, number: i64) {
        let Some((first, last)) = self.run_of(number) else { return };
        self.0.remove(&first);
        if first < number {
            self.0.insert(first, number - 1);
        }
        if number < last {
            self.0.insert(number + 1, last);
        }
    }

    /// How many numbers after `after` and up to `through` are in the set.
    pub(crate) fn count(&self, after: i64, through: i64) -> i64 {
        if after >= through {
            return 0;
        }
        let up_to = |number: i64| {
            let Some(span) = self.0.before(|first| *first > number) else { return 0 };
            span.numbers - (span.last - number).max(0)
        };
        up_to(through) - up_to(after)
    }

    /// The least number after `after` that is not in the set.
    pub(crate) fn next_gap(&self, after: i64) -> i64 {
        self.run_of(after + 1).map_or(after + 1, |(_, last)| last + 1)
    }

    /// The greatest number up to `through` that is not in the set.
    pub(crate) fn last_gap(&self, through: i64) -> i64 {
        self.run_of(through).map_or(through, |(first, _)| first - 1)
    }

    /// The gap that holds a number, bounded to what stands after `after` and up to `through`; `None` where the number is
    /// in the set or not between these.
    pub(crate) fn gap_of(&self, number: i64, after: i64, through: i64) -> Option<(i64, i64)> {
        if number <= after || number > through || self.contains(number) {
            return None;
        }
        let before = self.0.backwards_from(|first| *first > number).next();
        let behind = self.0.first_behind(|first| *first > number);
        let first = before.map_or(after, |(_, last)| *last).max(after) + 1;
        let last = behind.map_or(through, |(first, _)| first - 1).min(through);
        Some((first, last))
    }

    /// The maximal gaps after `after` and up to `through`, both ends of each belonging to it, the last first.
    pub(crate) fn gaps(&self, after: i64, through: i64) -> impl Iterator<Item = (i64, i64)> + '_ {
        let mut at = through;
        std::iter::from_fn(move || {
            let gap = self.gap_of(self.last_gap(at), after, through)?;
            at = gap.0 - 1;
            Some(gap)
        })
    }

    /// A sum of hashes of these gaps: equal gaps have equal sums. Complexity: O(log n), however many they are.
    pub(crate) fn gaps_hash(&self, after: i64, through: i64) -> u64 {
        let Some((first, last)) = self.gap_of(self.next_gap(after), after, through) else { return 0 };
        let mut sum = hash_of_two(first, last);
        let Some(newest) = self.gap_of(self.last_gap(through), after, through) else { return sum };
        if newest.0 > first {
            sum = sum.wrapping_add(hash_of_two(newest.0, newest.1));
            // Between the two lie runs alone: those after the first gap and before the newest.
            let before = |number: i64| self.0.before(|start| *start > number).map_or(0, |span| span.gaps);
            // The gap before the first of these runs is the first gap, unbounded, which belongs to neither sum.
            let outer = self.outer_gap(first);
            sum = sum.wrapping_add(before(newest.0).wrapping_sub(before(first)).wrapping_sub(outer));
        }
        sum
    }

    /// The hash of the gap that holds a number, as the runs beside it bound it; 0 where none stands on one side.
    fn outer_gap(&self, number: i64) -> u64 {
        let before = self.0.backwards_from(|first| *first > number).next();
        let behind = self.0.first_behind(|first| *first > number);
        before.zip(behind).map_or(0, |((_, last), (first, _))| hash_of_two(last + 1, first - 1))
    }
}

impl FromIterator<(i64, i64)> for Runs {
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(runs: I) -> Self {
        let mut all = Self::default();
        runs.into_iter().for_each(|(first, last)| {
            all.add(first, last);
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// The maximal gaps of a plain set, the last first.
    fn plain_gaps(plain: &BTreeSet<i64>, after: i64, through: i64) -> Vec<(i64, i64)> {
        let mut gaps: Vec<(i64, i64)> = Vec::new();
        for number in (after + 1..=through).filter(|number| !plain.contains(number)) {
            match gaps.last_mut() {
                Some((_, last)) if *last == number - 1 => *last = number,
                _ => gaps.push((number, number)),
            }
        }
        gaps.reverse();
        gaps
    }

    #[test]
    fn runs_are_a_set_of_numbers() {
        let mut seed = 0x2545_f491_u64;
        let mut draw = |below: i64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below.cast_unsigned()).cast_signed()
        };
        let mut hashes: BTreeMap<Vec<(i64, i64)>, u64> = BTreeMap::new();
        for (numbers, longest) in [(12, 3), (60, 2), (60, 20), (400, 3)] {
            let (mut runs, mut plain) = (Runs::default(), BTreeSet::new());
            for _ in 0..3_000 {
                let first = draw(numbers);
                if draw(3) == 0 {
                    runs.take_out(first);
                    plain.remove(&first);
                } else {
                    let last = first + draw(longest);
                    let before = plain.len();
                    plain.extend(first..=last);
                    assert_eq!(runs.add(first, last), plain.len() > before);
                }
                let (after, through) = (draw(numbers) - 1, draw(numbers + 5));
                let within = plain.iter().filter(|number| **number > after && **number <= through);
                assert_eq!(runs.count(after, through), within.count() as i64);
                assert_eq!(runs.contains(first), plain.contains(&first));
                let gaps = plain_gaps(&plain, after, through);
                assert!(runs.gaps(after, through).eq(gaps.iter().copied()));
                let hash = runs.gaps_hash(after, through);
                assert_eq!(*hashes.entry(gaps).or_insert(hash), hash, "equal gaps, equal hashes");
                let next = (after + 1..).find(|number| !plain.contains(number));
                assert_eq!(Some(runs.next_gap(after)), next);
                let last = (-1..=through).rev().find(|number| !plain.contains(number));
                assert_eq!(Some(runs.last_gap(through)), last);
            }
            // Touching runs are one.
            let all: Vec<_> = runs.backwards().collect();
            assert!(all.windows(2).all(|pair| pair[1].1 + 1 < pair[0].0), "{all:?}");
            assert_eq!(all.iter().copied().collect::<Runs>(), runs);
        }
        let distinct: BTreeSet<u64> = hashes.values().copied().collect();
        assert_eq!(distinct.len(), hashes.len(), "unlike gaps, unlike hashes");
    }

    #[test]
    fn runs_by_the_million_are_joined() {
        let mut runs = Runs::default();
        for at in 0..1_000_000 {
            runs.add(2 * at, 2 * at);
        }
        assert_eq!((runs.len(), runs.count(-1, 2_000_000)), (1_000_000, 1_000_000));
        for at in 0..1_000_000 {
            runs.add(2 * at + 1, 2 * at + 1);
        }
        assert_eq!((runs.len(), runs.count(-1, 2_000_000)), (1, 2_000_000));
        assert_eq!(runs.next_gap(-1), 2_000_000);
    }
}
