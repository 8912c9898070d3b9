//! Totals and slots between two first fields: what a window of a shared history holds.

use crate::inbox::timeline::entry::Position;
use crate::inbox::timeline::order::block::Block;
use crate::inbox::timeline::order::contribution::{Look, Sum};
use crate::inbox::timeline::order::tree::Order;

/// First fields behind `after`, up to `through`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) after: i64,
    pub(crate) through: i64,
}

impl Range {
    /// Everything.
    pub(crate) const ALL: Self = Self { after: -1, through: i64::MAX };

    pub(crate) fn contains(self, first: i64) -> bool {
        self.after < first && first <= self.through
    }

    /// What of it stands behind `floor`.
    pub(crate) fn behind(self, floor: i64) -> Self {
        Self { after: self.after.max(floor), ..self }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.after >= self.through
    }

    /// Whether all between a lower bound and the lower bound of what follows lies in it; `None` follows: nothing is known.
    pub(crate) fn covers(self, min: Position, next: Option<Position>) -> bool {
        let ends_within = next.map_or(self.through == i64::MAX, |next| next.first <= self.through);
        self.after < min.first && ends_within
    }

    /// Whether something between a lower bound and that of what follows may lie in it.
    pub(crate) fn may_touch(self, min: Position, next: Option<Position>) -> bool {
        min.first <= self.through && next.is_none_or(|next| next.first > self.after)
    }
}

impl Order {
    /// Totals over a range, the greatest activity among them. Complexity: O(log n) and a group's blocks.
    pub(crate) fn sum_within(&self, range: Range, look: &impl Look) -> Sum {
        let mut sum = Sum::ZERO;
        if range.is_empty() {
            return sum;
        }
        let tail_min = (self.tail.len() > 0).then_some(self.tail.min);
        let mut groups = self.groups.iter().peekable();
        while let Some(group) = groups.next() {
            let next = groups.peek().map(|group| group.min).or(tail_min);
            if range.covers(group.min, next) {
                sum.add_sum(&group.sum);
            } else if range.may_touch(group.min, next) {
                let mut blocks = group.lazy().get().0.iter().peekable();
                while let Some(block) = blocks.next() {
                    let next = blocks.peek().map(|block| block.min).or(next);
                    block.add_within(range, next, look, &mut sum);
                }
            }
        }
        if tail_min.is_some() {
            self.tail.add_within(range, None, look, &mut sum);
        }
        sum
    }

    /// The slots with `flag` in a range, last first; whole blocks without one are skipped.
    pub(crate) fn last_within<'a>(
        &'a self,
        flag: u8,
        range: Range,
        look: &'a impl Look,
    ) -> impl Iterator<Item = u32> + 'a {
        let groups = self.groups.iter().rev();
        let groups =
            groups.filter(move |group| group.sum.count(flag) > 0 && group.min.first <= range.through);
        let blocks =
            std::iter::once(&self.tail).chain(groups.flat_map(|group| group.lazy().get().0.iter().rev()));
        let blocks =
            blocks.filter(move |block| block.sum.count(flag) > 0 && block.min.first <= range.through);
        let slots = blocks.flat_map(|block| block.slots().rev());
        let slots = slots.skip_while(move |slot| look.position(*slot).first > range.through);
        let slots = slots.take_while(move |slot| look.position(*slot).first > range.after);
        slots.filter(move |slot| look.contribution(*slot).has(flag))
    }

    /// The slots with `flag` in a range, first first; whole blocks without one are skipped.
    pub(crate) fn first_within<'a>(
        &'a self,
        flag: u8,
        range: Range,
        look: &'a impl Look,
    ) -> impl Iterator<Item = u32> + 'a {
        let slots = self.with_after(flag, range.after, look);
        slots.take_while(move |slot| look.position(*slot).first <= range.through)
    }
}

impl Block {
    /// Adds to `sum` what of this block lies in a range, given the lower bound of what follows.
    fn add_within(&self, range: Range, next: Option<Position>, look: &impl Look, sum: &mut Sum) {
        if range.covers(self.min, next) {
            sum.add_sum(&self.sum);
        } else if range.may_touch(self.min, next) {
            for slot in self.slots().rev() {
                let contribution = look.contribution(slot);
                match contribution.position {
                    Some(position) if position.first <= range.after => break,
                    Some(position) if position.first <= range.through => sum.add(&contribution),
                    _ => {}
                }
            }
        }
    }
}
