//! The known messages of a conversation in order of position, as a counted tree of fixed depth.
//!
//! Groups of blocks of slots, each with totals over what it holds, so that "how many count after this
//! watermark" and "the last one that may be shown" skip what they need not look at: O(√n) at worst with a
//! tiny factor, O(1) at the tail where chats live. A block is the unit of sharing between clones.

mod block;
mod build;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use self::block::{Block, Slots};
pub(crate) use self::build::Builder;

use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::sparse::Few;
use crate::inbox::timeline::entry::Position;

const BLOCK: usize = 256;
const GROUP: usize = 64;

/// What a message adds to its conversation's totals, deletions and clearings aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// `None`: not known.
    pub(crate) position: Option<Position>,
    pub(crate) flags: u8,
    /// Tells lists of mentions apart: 0 unless [`Share::MENTION`].
    pub(crate) mention_sig: u64,
    /// The greatest instant at which it moved the conversation (R35), -1 for none.
    pub(crate) activity: i64,
}

impl Share {
    /// Counts as unread after the read marker (R23).
    pub(crate) const UNREAD: u8 = 1;
    /// Mentions the owner after the read marker (R26).
    pub(crate) const MENTION: u8 = 2;
    /// May be the last message (R25).
    pub(crate) const SHOWN: u8 = 4;
    /// Lists its conversation (R36).
    pub(crate) const PRESENT: u8 = 8;

    /// Is a read of its position where the policy says so (R39).
    pub(crate) const OWN_READ: u8 = 16;

    pub(crate) const NONE: Self = Self { position: None, flags: 0, mention_sig: 0, activity: -1 };

    /// What an ordinary message adds, written by the owner or another.
    #[inline]
    pub(crate) fn ordinary(position: Position, own: bool, activity: i64) -> Self {
        let counted = if own { Self::OWN_READ } else { Self::UNREAD };
        let flags = counted | Self::SHOWN | Self::PRESENT;
        Self { position: Some(position), flags, mention_sig: 0, activity }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Known, with a first field after `floor`.
    pub(crate) fn is_after(&self, floor: i64) -> bool {
        self.position.is_some_and(|p| p.first > floor)
    }
}

/// How the tree asks what a slot holds.
pub(crate) trait Look {
    fn share(&self, slot: u32) -> Share;
    fn position(&self, slot: u32) -> Position;
}

/// Totals over some messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) unread: u32,
    pub(crate) mentions: u32,
    pub(crate) shown: u32,
    pub(crate) present: u32,
    pub(crate) mention_sig: u64,
    pub(crate) activity: i64,
}

impl Sum {
    pub(crate) const ZERO: Self =
        Self { unread: 0, mentions: 0, shown: 0, present: 0, mention_sig: 0, activity: -1 };

    pub(crate) fn add(&mut self, share: &Share) {
        self.unread = self.unread.saturating_add(u32::from(share.has(Share::UNREAD)));
        self.mentions = self.mentions.saturating_add(u32::from(share.has(Share::MENTION)));
        self.shown = self.shown.saturating_add(u32::from(share.has(Share::SHOWN)));
        self.present = self.present.saturating_add(u32::from(share.has(Share::PRESENT)));
        self.mention_sig = self.mention_sig.wrapping_add(share.mention_sig);
        self.activity = self.activity.max(share.activity);
    }

    /// Takes `share` out of all but the activity, which is a maximum: see [`Sum::activity`].
    fn sub_counts(&mut self, share: &Share) {
        // Saturating: the sums of a snapshot may lie, and the fold never fails (R01).
        self.unread = self.unread.saturating_sub(u32::from(share.has(Share::UNREAD)));
        self.mentions = self.mentions.saturating_sub(u32::from(share.has(Share::MENTION)));
        self.shown = self.shown.saturating_sub(u32::from(share.has(Share::SHOWN)));
        self.present = self.present.saturating_sub(u32::from(share.has(Share::PRESENT)));
        self.mention_sig = self.mention_sig.wrapping_sub(share.mention_sig);
    }

    fn add_sum(&mut self, other: &Self) {
        self.unread = self.unread.saturating_add(other.unread);
        self.mentions = self.mentions.saturating_add(other.mentions);
        self.shown = self.shown.saturating_add(other.shown);
        self.present = self.present.saturating_add(other.present);
        self.mention_sig = self.mention_sig.wrapping_add(other.mention_sig);
        self.activity = self.activity.max(other.activity);
    }

    fn count(&self, flag: u8) -> u32 {
        match flag {
            Share::UNREAD => self.unread,
            Share::MENTION => self.mentions,
            Share::SHOWN => self.shown,
            _ => self.present,
        }
    }
}

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
    groups: Few<Arc<Group>>,
    /// The last block, which lies here because chats live in it. Without slots where there is none, or where it still
    /// lies in the last group, as a snapshot has it.
    tail: Block,
    /// The greatest activity of all, so that no event looks at every group.
    activity: i64,
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

    fn of(blocks: Vec<Block>) -> Option<Self> {
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
    pub(crate) fn update(&mut self, slot: u32, before: &Share, after: &Share, look: &impl Look) {
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
    pub(crate) fn append(&mut self, slot: u32, position: Position, share: &Share) {
        self.open();
        if self.tail.len() >= BLOCK {
            self.close();
        }
        if self.tail.len() == 0 {
            self.tail.min = position;
        }
        self.tail.push(slot, share);
        self.activity = self.activity.max(share.activity);
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
        let Some(group) = self.groups.get_mut(at).map(Arc::make_mut) else { return };
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

    fn recount(&mut self, position: Position, before: &Share, after: &Share, look: &impl Look) {
        let is_lower = after.activity < before.activity;
        if self.is_in_tail(position) {
            self.tail.recount(before, after);
            if is_lower {
                self.tail.lower_activity(before.activity, look);
            }
            return;
        }
        let at = self.group_of(position);
        let Some(group) = self.groups.get_mut(at).map(Arc::make_mut) else { return };
        let at = group.block_of(position);
        let Some(blocks) = group.blocks.get_mut() else { return };
        let Some(block) = blocks.0.get_mut(at) else { return };
        block.recount(before, after);
        group.sum.sub_counts(before);
        group.sum.add(after);
        if is_lower {
            lower_activity(group, at, before.activity, look);
        }
    }

    fn remove(&mut self, slot: u32, position: Position, before: &Share, look: &impl Look) {
        if self.is_in_tail(position) {
            self.tail.remove(slot, before);
            match self.tail.len() {
                0 => self.tail = Block::default(),
                _ => self.tail.lower_activity(before.activity, look),
            }
            return;
        }
        let group_at = self.group_of(position);
        let Some(group) = self.groups.get_mut(group_at).map(Arc::make_mut) else { return };
        let at = group.block_of(position);
        group.sum.sub_counts(before);
        let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
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

    fn insert(&mut self, slot: u32, position: Position, after: &Share, look: &impl Look) {
        if self.is_in_tail(position) {
            return self.insert_into_tail(slot, position, after, look);
        }
        let group_at = self.group_of(position);
        let Some(group) = self.groups.get_mut(group_at).map(Arc::make_mut) else { return };
        let at = group.block_of(position);
        group.sum.add(after);
        group.min = group.min.min(position);
        let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
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

    fn insert_into_tail(&mut self, slot: u32, position: Position, after: &Share, look: &impl Look) {
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
        slots.filter(move |&slot| look.share(slot).has(flag))
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
            let share = look.share(slot);
            share.has(flag) && share.is_after(floor)
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
fn lower_activity(group: &mut Group, at: usize, old: i64, look: &impl Look) {
    let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
    if let Some(block) = blocks.get_mut(at) {
        block.lower_activity(old, look);
    }
    if group.sum.activity <= old {
        group.sum.activity = blocks.iter().map(|b| b.sum.activity).max().unwrap_or(-1);
    }
}
