//! Weighted points by place and stamp, of which sums are asked over places up to one and stamps behind one.

use std::sync::Arc;

use crate::model::time::Stamp;

/// How many points wait before they are put in order.
const RECENT: usize = 32;

/// Weights by place and stamp.
///
/// Adding a point costs O(log² n), taken over many; a sum O(log² n), whatever stamp it is asked for. Points that add up
/// to nothing are forgotten some time. A clone copies at most [`RECENT`] points and shares the rest.
#[derive(Clone, Debug)]
pub(crate) struct Plane<const N: usize> {
    /// Points in no order, few.
    recent: Vec<Point<N>>,
    /// The others, in parts of which each is more than twice as large as the next.
    parts: Vec<Arc<Part<N>>>,
}

#[derive(Clone, Copy, Debug)]
struct Point<const N: usize> {
    place: i64,
    stamp: Stamp,
    weights: [i32; N],
}

/// Points in order.
#[derive(Debug)]
struct Part<const N: usize> {
    /// By place and stamp.
    points: Vec<Point<N>>,
    /// Their stamps, ascending.
    stamps: Vec<Stamp>,
    /// For each power of two, the points in blocks of so many: each block from its latest stamp on, every point with the
    /// number of its stamp and the sum of the block up to itself.
    sums: Vec<Vec<(u32, [i32; N])>>,
}

fn add<const N: usize>(sum: &mut [i32; N], weights: &[i32; N]) {
    sum.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
}

impl<const N: usize> Default for Plane<N> {
    fn default() -> Self {
        Self { recent: Vec::new(), parts: Vec::new() }
    }
}

impl<const N: usize> Plane<N> {
    /// Adds weights to a place from before a stamp on: they count where a sum is asked behind an earlier one.
    pub(crate) fn add(&mut self, place: i64, stamp: Stamp, weights: [i32; N]) {
        self.recent.push(Point { place, stamp, weights });
        if self.recent.len() >= RECENT {
            self.put_in_order();
        }
    }

    /// Takes the recent points and smaller parts together to a larger one.
    fn put_in_order(&mut self) {
        let mut points = std::mem::take(&mut self.recent);
        while let Some(last) = self.parts.pop_if(|last| last.points.len() <= 2 * points.len()) {
            points.extend_from_slice(&last.points);
        }
        points.sort_by_key(|point| (point.place, point.stamp));
        points.dedup_by(|later, earlier| {
            let same = (later.place, later.stamp) == (earlier.place, earlier.stamp);
            if same {
                add(&mut earlier.weights, &later.weights);
            }
            same
        });
        points.retain(|point| point.weights != [0; N]);
        if !points.is_empty() {
            self.parts.push(Arc::new(Part::of(points)));
        }
    }

    /// The sum of what lies up to a place, itself included, and behind a stamp.
    pub(crate) fn sum(&self, through: i64, since: Stamp) -> [i32; N] {
        let mut sum = [0; N];
        let recent = self.recent.iter().filter(|point| point.place <= through && point.stamp > since);
        recent.for_each(|point| add(&mut sum, &point.weights));
        self.parts.iter().for_each(|part| part.add_to(&mut sum, through, since));
        sum
    }
}

impl<const N: usize> Part<N> {
    fn of(points: Vec<Point<N>>) -> Self {
        let mut stamps: Vec<Stamp> = points.iter().map(|point| point.stamp).collect();
        stamps.sort_unstable();
        stamps.dedup();
        let number = |stamp: Stamp| stamps.partition_point(|other| *other < stamp) as u32;
        let mut blocks: Vec<_> = points.iter().map(|point| (number(point.stamp), point.weights)).collect();
        let (mut sums, mut width) = (vec![blocks.clone()], 2);
        while width <= blocks.len() {
            for block in blocks.chunks_mut(width) {
                // Of two halves that are in order already.
                block.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
            }
            let mut summed = blocks.clone();
            for block in summed.chunks_mut(width) {
                let mut sum = [0; N];
                for (_, weights) in block {
                    add(&mut sum, weights);
                    *weights = sum;
                }
            }
            sums.push(summed);
            width *= 2;
        }
        Self { points, stamps, sums }
    }

    /// Adds what lies up to a place and behind a stamp: of one block of each power of two that makes up the number of points
    /// up to there.
    fn add_to(&self, sum: &mut [i32; N], through: i64, since: Stamp) {
        let count = self.points.partition_point(|point| point.place <= through);
        let later = self.stamps.partition_point(|stamp| *stamp <= since) as u32;
        let mut from = 0;
        for (power, sums) in self.sums.iter().enumerate().rev() {
            let width = 1 << power;
            if count & width == 0 {
                continue;
            }
            let block = sums.get(from..from + width).unwrap_or_default();
            let behind = block.partition_point(|(number, _)| *number >= later);
            if let Some((_, weights)) = behind.checked_sub(1).and_then(|last| block.get(last)) {
                add(sum, weights);
            }
            from += width;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::EventId;
    use crate::model::time::Timestamp;

    fn stamp(n: u64) -> Stamp {
        Stamp::new(Timestamp::from_millis(n as i64).unwrap(), EventId::from_bytes([7; 16]))
    }

    #[test]
    fn sums_are_those_of_all_points() {
        let mut state = 3_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut plane, mut plain) = (Plane::<2>::default(), Vec::new());
        for turn in 0..4_000 {
            let place = if draw(9) == 0 { i64::MIN } else { draw(60) as i64 };
            let (at, weights) = (draw(50), [draw(5) as i32 - 2, draw(3) as i32 - 1]);
            plane.add(place, stamp(at), weights);
            plain.push((place, at, weights));
            // Some points take back what others gave.
            if draw(3) == 0 {
                plane.add(place, stamp(at), weights.map(|weight| -weight));
                plain.push((place, at, weights.map(|weight| -weight)));
            }
            if turn % 7 == 0 {
                let (through, since) = (draw(64) as i64 - 2, draw(52));
                let mut expected = [0; 2];
                let within = plain.iter().filter(|(place, at, _)| *place <= through && *at > since);
                within.for_each(|(_, _, weights)| add(&mut expected, weights));
                assert_eq!(plane.sum(through, stamp(since)), expected, "turn {turn}");
                assert_eq!(plane.clone().sum(i64::MIN, stamp(since)), {
                    let unknown = plain.iter().filter(|(place, at, _)| *place == i64::MIN && *at > since);
                    unknown.fold([0; 2], |mut sum, (_, _, weights)| {
                        add(&mut sum, weights);
                        sum
                    })
                });
            }
        }
        let sizes: Vec<usize> = plane.parts.iter().map(|part| part.points.len()).collect();
        assert!(sizes.windows(2).all(|pair| pair[0] > 2 * pair[1]), "few parts: {sizes:?}");
    }

    #[test]
    fn what_adds_up_to_nothing_is_forgotten() {
        let mut plane = Plane::<1>::default();
        for turn in 0..100_000_u64 {
            plane.add(5, stamp(turn), [1]);
            plane.add(5, stamp(turn), [-1]);
        }
        let held: usize = plane.parts.iter().map(|part| part.points.len()).sum();
        assert!(held <= RECENT, "{held}");
    }
}
