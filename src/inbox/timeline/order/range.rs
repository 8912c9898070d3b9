//! Totals and slots between two first fields: what a window of a shared history holds.

use crate::inbox::timeline::entry::Position;
use crate::inbox::timeline::order::block::Block;
use crate::inbox::timeline::order::contribution::{Contribution, Look, Sum};
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
    /// Totals over a range, but for the greatest activity. Complexity: O(log n) and a group's blocks.
    pub(crate) fn counts_within(&self, range: Range, look: &impl Look) -> Sum {
        let counts =
            |block: &Block, range, next, sum: &mut Sum| block.add_counts_within(range, next, look, sum);
        Sum { activity: -1, ..self.within(range, counts) }
    }

    /// The greatest activity in a range, -1 for none. Complexity: as of [`Order::counts_within`].
    pub(crate) fn activity_within(&self, range: Range, look: &impl Look) -> i64 {
        let all = |block: &Block, range, next, sum: &mut Sum| block.add_within(range, next, look, sum);
        self.within(range, all).activity
    }

    /// Totals over a range, where `add` adds what of a block lies in it, given the lower bound of what follows.
    fn within(&self, range: Range, add: impl Fn(&Block, Range, Option<Position>, &mut Sum)) -> Sum {
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
                    add(block, range, next, &mut sum);
                }
            }
        }
        if tail_min.is_some() {
            add(&self.tail, range, None, &mut sum);
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
        let held = slots.map(move |slot| (slot, look.contribution(slot)));
        // Of all that stands in the order the position is known.
        let first = |contribution: &Contribution| contribution.position.map(|position| position.first);
        let held = held.skip_while(move |(_, held)| first(held) > Some(range.through));
        let held = held.take_while(move |(_, held)| first(held) > Some(range.after));
        held.filter(move |(_, held)| held.has(flag)).map(|(slot, _)| slot)
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
    /// The same as [`Block::add_within`], but for the activity, which may stay as it is.
    fn add_counts_within(&self, range: Range, next: Option<Position>, look: &impl Look, sum: &mut Sum) {
        let touches_in_part = !range.covers(self.min, next) && range.may_touch(self.min, next);
        match self.each_counts().filter(|_| touches_in_part) {
            Some(each) => {
                let through =
                    if range.through == i64::MAX { self.len() } else { self.through(range.through, look) };
                let count = through.saturating_sub(self.through(range.after, look));
                sum.add_sum(&each.times(u32::try_from(count).unwrap_or(u32::MAX)));
            }
            None => self.add_within(range, next, look, sum),
        }
    }

    /// What each message of this block counts, where all count the same and none mentions: nearly always so.
    fn each_counts(&self) -> Option<Sum> {
        let (len, sum) = (u32::try_from(self.len()).ok()?, &self.sum);
        let counts = [sum.unread, sum.shown, sum.present];
        let all_or_none = counts.iter().all(|count| *count == 0 || *count == len);
        let is_plain = all_or_none && len > 0 && sum.mentions == 0 && sum.mention_sig == 0;
        is_plain.then(|| {
            let [unread, shown, present] = counts.map(|count| count / len);
            Sum { unread, shown, present, ..Sum::ZERO }
        })
    }

    /// How many messages of this block stand at or before a first field. Numbers of a group's messages have few gaps, so the
    /// place that they would give without one is tried first. Complexity: O(log n).
    fn through(&self, first: i64, look: &impl Look) -> usize {
        let is_through = |at: usize| self.slot(at).is_some_and(|slot| look.position(slot).first <= first);
        let (mut low, mut high) = (0, self.len());
        let guess = usize::try_from(first.saturating_sub(self.min.first)).unwrap_or_default();
        for at in [guess, guess.saturating_add(1)] {
            if low <= at && at < high {
                if is_through(at) { low = at + 1 } else { high = at }
            }
        }
        while low < high {
            let middle = low.midpoint(high);
            if is_through(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }

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
