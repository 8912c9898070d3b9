//! The counted tree: groups of blocks of slots.

use crate::inbox::timeline::order::block::Block;
use crate::inbox::timeline::order::contribution::Contribution;
use crate::inbox::timeline::order::contribution::Look;
use crate::inbox::timeline::order::contribution::Sum;
use std::sync::Arc;

use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::sparse::Few;
use crate::inbox::timeline::entry::Position;
use crate::model::impossible::impossible;

pub(crate) const BLOCK: usize = 256;

pub(crate) const GROUP: usize = 64;

/// The blocks of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks(pub(crate) Vec<Block>);

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) min: Position,
    pub(crate) sum: Sum,
    blocks: Lazy<Blocks>,
}

/// Slots in order of position.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) groups: Few<Arc<Group>>,
    /// The last block, which lies here because chats live in it. Without slots where there is none, or where it still
    /// lies in the last group, as a snapshot has it.
    pub(crate) tail: Block,
    /// The greatest activity of all, so that no event looks at every group.
    pub(crate) activity: i64,
}

impl Default for Order {
    fn default() -> Self {
        Self { groups: Few::default(), tail: Block::default(), activity: Sum::ZERO.activity }
    }
}

impl Group {
    pub(crate) fn new(min: Position, sum: Sum, blocks: Lazy<Blocks>) -> Self {
        Self { min, sum, blocks }
    }

    pub(crate) fn of(blocks: Vec<Block>) -> Option<Self> {
        let min = blocks.first()?.min;
        let mut sum = Sum::ZERO;
        for block in &blocks {
            sum.add_sum(&block.sum);
        }
        Some(Self { min, sum, blocks: Lazy::new(Blocks(blocks)) })
    }

    fn blocks(&self) -> &[Block] {
        &self.blocks.get().0
    }

    /// The blocks, wherever they lie.
    pub(crate) fn lazy(&self) -> &Lazy<Blocks> {
        &self.blocks
    }

    /// Lets go of what was loaded and not written.
    fn release(&mut self) {
        self.blocks.release(|blocks| blocks.0.iter_mut().for_each(Block::release));
    }

    /// The block where `position` stands or would stand.
    fn block_of(&self, position: Position) -> usize {
        let blocks = self.blocks();
        if blocks.last().is_none_or(|last| last.min <= position) {
            return blocks.len().saturating_sub(1);
        }
        blocks.partition_point(|b| b.min <= position).saturating_sub(1)
    }
}

impl Order {
    /// Lets go of what was loaded and not written.
    pub(crate) fn release(&mut self) {
        self.groups.for_each_own(|group| {
            if let Some(group) = Arc::get_mut(group) {
                group.release();
            }
        });
        self.tail.release();
    }

    /// The order of a snapshot.
    pub(crate) fn of(groups: Few<Arc<Group>>) -> Self {
        let mut order = Self { groups, ..Self::default() };
        order.activity = order.sum().activity;
        order
    }

    /// The groups as a snapshot has them: the last block is in the last of them.
    pub(crate) fn into_groups(mut self) -> Few<Arc<Group>> {
        self.close();
        self.groups
    }

    /// The groups, of which a snapshot may still have parts.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().map(|group| &**group)
    }

    /// The greatest activity of all: O(1).
    pub(crate) fn activity(&self) -> i64 {
        self.activity
    }

    /// Totals over all.
    pub(crate) fn sum(&self) -> Sum {
        let mut sum = self.tail.sum;
        for group in self.groups.iter() {
            sum.add_sum(&group.sum);
        }
        sum
    }

    /// Moves a slot from where it stood to where it stands now.
    pub(crate) fn update(
        &mut self,
        slot: u32,
        before: &Contribution,
        after: &Contribution,
        look: &impl Look,
    ) {
        match (before.position, after.position) {
            (Some(old), Some(new)) if old == new => self.recount(old, before, after, look),
            (old, new) => {
                if let Some(old) = old {
                    self.remove(slot, old, before, look);
                }
                if let Some(new) = new {
                    self.insert(slot, new, after, look);
                }
            }
        }
        if after.activity >= self.activity {
            self.activity = after.activity;
        } else if before.activity >= self.activity {
            self.activity = self.sum().activity;
        }
    }

    /// Whether a message at this position would stand behind all others.
    pub(crate) fn is_behind_all(&self, position: Position, look: &impl Look) -> bool {
        self.last().is_none_or(|last| look.position(last) < position)
    }

    /// Adds a slot that [stands behind all others](Order::is_behind_all).
    #[inline]
    pub(crate) fn append(&mut self, slot: u32, position: Position, contribution: &Contribution) {
        self.open();
        if self.tail.len() >= BLOCK {
            self.close();
        }
        if self.tail.len() == 0 {
            self.tail.min = position;
        }
        self.tail.push(slot, contribution);
        self.activity = self.activity.max(contribution.activity);
    }

    /// Takes the last block out of the last group, if it lies there.
    #[inline]
    fn open(&mut self) {
        if self.tail.len() == 0 && self.groups.len() > 0 {
            self.take_tail();
        }
    }

    fn take_tail(&mut self) {
        let at = self.groups.len().saturating_sub(1);
        let Some(group) = self.groups.get_mut(at).map(Arc::make_mut) else {
            impossible!("an order whose last block is taken out has a group");
            return;
        };
        let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
        let last = blocks.pop();
        match Group::of(std::mem::take(blocks)) {
            Some(left) => *group = left,
            None => self.groups.remove(at),
        }
        self.tail = last.map(Block::at_hand).unwrap_or_default();
    }

    /// Puts the last block into the last group, or a new one.
    fn close(&mut self) {
        let block = std::mem::take(&mut self.tail);
        if block.len() > 0 {
            self.push(block);
        }
    }

    fn push(&mut self, block: Block) {
        let last = self.groups.len().checked_sub(1).and_then(|at| self.groups.get_mut(at));
        if let Some(group) = last.map(Arc::make_mut)
            && let Some(Blocks(blocks)) = group.blocks.get_mut()
            && blocks.len() < GROUP
        {
            group.sum.add_sum(&block.sum);
            blocks.push(block);
        } else if let Some(group) = Group::of(vec![block]) {
            self.groups.push(Arc::new(group));
        }
    }

    /// Whether `position` stands in the last block, or would.
    fn is_in_tail(&mut self, position: Position) -> bool {
        self.open();
        self.groups.len() == 0 || self.tail.min <= position
    }

    fn group_of(&self, position: Position) -> usize {
        if self.groups.last().is_none_or(|last| last.min <= position) {
            return self.groups.len().saturating_sub(1);
        }
        let (mut low, mut high) = (0, self.groups.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.groups.get(middle).is_some_and(|g| g.min <= position) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.saturating_sub(1)
    }

    fn recount(&mut self, position: Position, before: &Contribution, after: &Contribution, look: &impl Look) {
        let is_lower = after.activity < before.activity;
        if self.is_in_tail(position) {
            self.tail.recount(before, after);
            if is_lower {
                self.tail.lower_activity(before.activity, look);
            }
            return;
        }
        let at = self.group_of(position);
        let Some(group) = self.groups.get_mut(at).map(Arc::make_mut) else {
            impossible!("a position that is not in the last block is in a group");
            return;
        };
        let at = group.block_of(position);
        let Some(blocks) = group.blocks.get_mut() else { return };
        // A corrupt part of a snapshot stands here without its blocks (R99).
        let Some(block) = blocks.0.get_mut(at) else { return };
        block.recount(before, after);
        group.sum.sub_counts(before);
        group.sum.add(after);
        if is_lower {
            lower_activity(group, at, before.activity, look);
        }
    }

    fn remove(&mut self, slot: u32, position: Position, before: &Contribution, look: &impl Look) {
        if self.is_in_tail(position) {
            self.tail.remove(slot, before);
            match self.tail.len() {
                0 => self.tail = Block::default(),
                _ => self.tail.lower_activity(before.activity, look),
            }
            return;
        }
        let group_at = self.group_of(position);
        let Some(group) = self.groups.get_mut(group_at).map(Arc::make_mut) else {
            impossible!("a position that is not in the last block is in a group");
            return;
        };
        let at = group.block_of(position);
        group.sum.sub_counts(before);
        let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
        // A corrupt part of a snapshot stands here without its blocks (R99).
        let Some(block) = blocks.get_mut(at) else { return };
        block.remove(slot, before);
        if block.len() > 0 {
            lower_activity(group, at, before.activity, look);
            return;
        }
        blocks.remove(at);
        match Group::of(std::mem::take(blocks)) {
            Some(left) => *group = left,
            None => {
                self.groups.remove(group_at);
            }
        }
    }

    fn insert(&mut self, slot: u32, position: Position, after: &Contribution, look: &impl Look) {
        if self.is_in_tail(position) {
            return self.insert_into_tail(slot, position, after, look);
        }
        let group_at = self.group_of(position);
        let Some(group) = self.groups.get_mut(group_at).map(Arc::make_mut) else {
            impossible!("a position that is not in the last block is in a group");
            return;
        };
        let at = group.block_of(position);
        group.sum.add(after);
        group.min = group.min.min(position);
        let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
        // A corrupt part of a snapshot stands here without its blocks (R99).
        let Some(block) = blocks.get_mut(at) else { return };
        block.insert(slot, (position, after), look);
        if block.len() > BLOCK {
            let halves = block.halves(look);
            blocks.splice(at..=at, halves.into_iter().flatten());
        }
        if blocks.len() > GROUP {
            let back = Group::of(blocks.split_off(GROUP / 2)).map(Arc::new);
            if let Some(front) = Group::of(std::mem::take(blocks)) {
                *group = front;
            }
            if let Some(back) = back {
                self.groups.insert(group_at + 1, back);
            }
        }
    }

    fn insert_into_tail(&mut self, slot: u32, position: Position, after: &Contribution, look: &impl Look) {
        if self.tail.last().is_none_or(|last| look.position(last) < position) {
            return self.append(slot, position, after);
        }
        self.tail.insert(slot, (position, after), look);
        if self.tail.len() > BLOCK {
            let [front, back] = self.tail.halves(look);
            self.tail = back.unwrap_or_default();
            front.into_iter().for_each(|block| self.push(block));
        }
    }

    /// Totals over what stands after `floor`; the activity of it is not looked at.
    pub(crate) fn sum_after(&self, floor: i64, look: &impl Look) -> Sum {
        let mut sum = Sum::ZERO;
        if self.tail.len() > 0 && !self.tail.add_after(floor, look, &mut sum) {
            return sum;
        }
        for group in self.groups.iter().rev() {
            if group.min.first > floor {
                sum.add_sum(&group.sum);
            } else if !group.blocks().iter().rev().all(|block| block.add_after(floor, look, &mut sum)) {
                return sum;
            }
        }
        sum
    }

    /// The last slot of all.
    pub(crate) fn last(&self) -> Option<u32> {
        self.tail.last().or_else(|| self.groups.last()?.blocks().last()?.last())
    }

    /// The slots with `flag`, last first; whole blocks without one are skipped.
    pub(crate) fn last_with<'a>(&'a self, flag: u8, look: &'a impl Look) -> impl Iterator<Item = u32> + 'a {
        let groups = self.groups.iter().rev().filter(move |g| g.sum.count(flag) > 0);
        let blocks = std::iter::once(&self.tail).chain(groups.flat_map(|g| g.blocks().iter().rev()));
        let slots = blocks.filter(move |b| b.sum.count(flag) > 0).flat_map(|b| b.slots().rev());
        slots.filter(move |&slot| look.contribution(slot).has(flag))
    }

    /// The slots with `flag` after `floor`, first first; whole blocks without one are skipped.
    pub(crate) fn with_after<'a>(
        &'a self,
        flag: u8,
        floor: i64,
        look: &'a impl Look,
    ) -> impl Iterator<Item = u32> + 'a {
        let mut start = self.groups.iter().take_while(|g| g.min.first <= floor).count().saturating_sub(1);
        // Several groups may begin at the same first field; none before `start` reaches past the floor.
        start = start.min(self.groups.len());
        let groups = self.groups.iter().skip(start).filter(move |g| g.sum.count(flag) > 0);
        let blocks = groups.flat_map(move |g| {
            let from = g.blocks().partition_point(|b| b.min.first <= floor).saturating_sub(1);
            g.blocks().iter().skip(from)
        });
        let blocks = blocks.chain(std::iter::once(&self.tail)).filter(move |b| b.sum.count(flag) > 0);
        blocks.flat_map(|b| b.slots()).filter(move |&slot| {
            let contribution = look.contribution(slot);
            contribution.has(flag) && contribution.is_after(floor)
        })
    }

    /// The slots at or after `from`, first first.
    pub(crate) fn forwards<'a>(
        &'a self,
        from: Option<Position>,
        look: &'a impl Look,
    ) -> impl Iterator<Item = u32> + 'a {
        // Of what stands in the last block the groups hold nothing.
        let in_tail = from.is_some_and(|from| self.tail.len() > 0 && self.tail.min <= from);
        let start = if in_tail { self.groups.len() } else { from.map_or(0, |from| self.group_of(from)) };
        let blocks = self.groups.iter().skip(start).flat_map(move |g| {
            let skip = from.map_or(0, |from| g.block_of(from));
            g.blocks().iter().skip(skip)
        });
        let slots = blocks.chain(std::iter::once(&self.tail)).flat_map(|b| b.slots());
        slots.skip_while(move |&slot| from.is_some_and(|from| look.position(slot) < from))
    }

    /// The slots at or before `from`, last first.
    pub(crate) fn backwards<'a>(
        &'a self,
        from: Option<Position>,
        look: &'a impl Look,
    ) -> impl Iterator<Item = u32> + 'a {
        let end = from.map_or(self.groups.len(), |from| self.group_of(from) + 1);
        let tail = std::iter::once(&self.tail).filter(move |tail| from.is_none_or(|from| tail.min <= from));
        let groups = (0..end).rev().filter_map(|at| self.groups.get(at));
        let blocks = groups.flat_map(move |g| {
            let take = from.map_or(g.blocks().len(), |from| g.block_of(from) + 1);
            g.blocks().iter().take(take).rev()
        });
        let slots = tail.chain(blocks).flat_map(|b| b.slots().rev());
        slots.skip_while(move |&slot| from.is_some_and(|from| look.position(slot) > from))
    }
}

/// Finds the greatest activity of a block and its group anew, where it may have been `old`.
pub(crate) fn lower_activity(group: &mut Group, at: usize, old: i64, look: &impl Look) {
    let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
    if let Some(block) = blocks.get_mut(at) {
        block.lower_activity(old, look);
    }
    if group.sum.activity <= old {
        group.sum.activity = blocks.iter().map(|b| b.sum.activity).max().unwrap_or(-1);
    }
}
