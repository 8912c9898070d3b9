//! The known messages of a conversation in order of position, as a counted tree of fixed depth.
//!
//! Groups of blocks of slots, each with totals over what it holds, so that "how many count after this
//! watermark" and "the last one that may be shown" skip what they need not look at: O(√n) at worst with a
//! tiny factor, O(1) at the tail where chats live. A block is the unit of sharing between clones.

mod build;

use std::sync::Arc;

pub(crate) use self::build::Builder;

use super::arena::Position;
use super::few::Few;
use super::lazy::Lazy;

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

/// A block's slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slots {
    /// So many, one after the other, from the first: nearly always the messages came in order.
    Run {
        first: u32,
        len: u32,
    },
    List(Vec<u32>),
}

impl Default for Slots {
    fn default() -> Self {
        Self::Run { first: 0, len: 0 }
    }
}

impl Slots {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Run { len, .. } => *len as usize,
            Self::List(slots) => slots.len(),
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        let (run, list) = match self {
            Self::Run { first, len } => (*first..first.saturating_add(*len), &[][..]),
            Self::List(slots) => (0..0, slots.as_slice()),
        };
        run.chain(list.iter().copied())
    }

    /// Adds a slot at the end.
    #[inline]
    pub(crate) fn push(&mut self, slot: u32) {
        match self {
            Self::Run { first, len: len @ 0 } => (*first, *len) = (slot, 1),
            Self::Run { first, len } if first.checked_add(*len) == Some(slot) => *len += 1,
            other => other.change(|slots| slots.push(slot)),
        }
    }

    /// Adds so many slots at the end, one after the other from this one.
    fn push_run(&mut self, slot: u32, count: u32) {
        match self {
            Self::Run { first, len: len @ 0 } => (*first, *len) = (slot, count),
            Self::Run { first, len } if first.checked_add(*len) == Some(slot) => *len += count,
            other => other.change(|slots| slots.extend(slot..slot + count)),
        }
    }

    /// Moves slots about.
    fn change(&mut self, change: impl FnOnce(&mut Vec<u32>)) {
        let mut list = match std::mem::take(self) {
            Self::List(slots) => slots,
            run @ Self::Run { .. } => run.iter().collect(),
        };
        change(&mut list);
        *self = Self::List(list);
    }
}

impl FromIterator<u32> for Slots {
    fn from_iter<I: IntoIterator<Item = u32>>(slots: I) -> Self {
        let mut all = Self::default();
        slots.into_iter().for_each(|slot| all.push(slot));
        all
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// No slot of this block stands before it, none of the blocks before stands at or after it.
    pub(crate) min: Position,
    pub(crate) sum: Sum,
    slots: Held,
}

/// Where a block has its slots: a run, as nearly all are, lies here.
#[derive(Clone, Debug)]
enum Held {
    Run { first: u32, len: u32 },
    Apart(Lazy<Slots>),
}

impl From<Slots> for Held {
    fn from(slots: Slots) -> Self {
        match slots {
            Slots::Run { first, len } => Self::Run { first, len },
            list @ Slots::List(_) => Self::Apart(Lazy::new(list)),
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
    pub(crate) groups: Few<Arc<Group>>,
    /// The greatest activity of all groups, so that no event looks at every one of them.
    activity: i64,
}

impl Default for Order {
    fn default() -> Self {
        Self { groups: Few::default(), activity: Sum::ZERO.activity }
    }
}

impl Block {
    pub(crate) fn new(min: Position, sum: Sum, slots: Lazy<Slots>) -> Self {
        Self { min, sum, slots: Held::Apart(slots) }
    }

    fn of(slots: Slots, look: &impl Look) -> Option<Self> {
        let min = look.position(slots.iter().next()?);
        let mut sum = Sum::ZERO;
        for slot in slots.iter() {
            sum.add(&look.share(slot));
        }
        Some(Self { min, sum, slots: slots.into() })
    }

    pub(crate) fn slots(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        let (run, list) = match &self.slots {
            Held::Run { first, len } => (Some(*first..first.saturating_add(*len)), None),
            Held::Apart(slots) => (None, Some(slots.get().iter())),
        };
        run.into_iter().flatten().chain(list.into_iter().flatten())
    }

    fn len(&self) -> usize {
        match &self.slots {
            Held::Run { len, .. } => *len as usize,
            Held::Apart(slots) => slots.get().len(),
        }
    }

    /// Changes which slots it holds.
    fn change(&mut self, change: impl FnOnce(&mut Slots)) {
        match &mut self.slots {
            Held::Run { first, len } => {
                let mut slots = Slots::Run { first: *first, len: *len };
                change(&mut slots);
                self.slots = slots.into();
            }
            Held::Apart(slots) => {
                slots.get_mut().map(change);
            }
        }
    }

    /// The slots as a part of a snapshot.
    pub(crate) fn lazy(&self) -> Lazy<Slots> {
        match &self.slots {
            Held::Run { first, len } => Lazy::new(Slots::Run { first: *first, len: *len }),
            Held::Apart(slots) => slots.clone(),
        }
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
    pub(crate) fn of(groups: Few<Arc<Group>>) -> Self {
        let mut order = Self { groups, activity: 0 };
        order.activity = order.sum().activity;
        order
    }

    /// The greatest activity of all: O(1).
    pub(crate) fn activity(&self) -> i64 {
        self.activity
    }

    /// Totals over all.
    pub(crate) fn sum(&self) -> Sum {
        let mut sum = Sum::ZERO;
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
        let at = self.group_of(position);
        let Some(group) = self.groups.get_mut(at).map(Arc::make_mut) else { return };
        let at = group.block_of(position);
        let Some(blocks) = group.blocks.get_mut() else { return };
        let Some(block) = blocks.0.get_mut(at) else { return };
        block.sum.sub_counts(before);
        block.sum.add(after);
        group.sum.sub_counts(before);
        group.sum.add(after);
        if after.activity < before.activity {
            lower_activity(group, at, before.activity, look);
        }
    }

    fn remove(&mut self, slot: u32, position: Position, before: &Share, look: &impl Look) {
        let group_at = self.group_of(position);
        let Some(group) = self.groups.get_mut(group_at).map(Arc::make_mut) else { return };
        let at = group.block_of(position);
        group.sum.sub_counts(before);
        let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
        let Some(block) = blocks.get_mut(at) else { return };
        // The slot has moved already, so it is found by number, not by position.
        block.change(|slots| slots.change(|slots| slots.retain(|&s| s != slot)));
        block.sum.sub_counts(before);
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
        if self.groups.len() == 0 {
            let block = Block::of(Slots::Run { first: slot, len: 1 }, look);
            self.groups = Group::of(block.into_iter().collect()).map(Arc::new).into_iter().collect();
            return;
        }
        let group_at = self.group_of(position);
        let last_group = group_at + 1 == self.groups.len();
        let Some(group) = self.groups.get_mut(group_at).map(Arc::make_mut) else { return };
        let at = group.block_of(position);
        group.sum.add(after);
        group.min = group.min.min(position);
        let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
        insert_into(blocks, at, last_group, slot, (position, after), look);
        if blocks.len() > GROUP {
            let keep = if last_group { GROUP } else { GROUP / 2 };
            let back = Group::of(blocks.split_off(keep)).map(Arc::new);
            if let Some(front) = Group::of(std::mem::take(blocks)) {
                *group = front;
            }
            if let Some(back) = back {
                self.groups.insert(group_at + 1, back);
            }
        }
    }

    /// Totals over what stands after `floor`; the activity of it is not looked at.
    pub(crate) fn sum_after(&self, floor: i64, look: &impl Look) -> Sum {
        let mut sum = Sum::ZERO;
        for group in self.groups.iter().rev() {
            if group.min.first > floor {
                sum.add_sum(&group.sum);
                continue;
            }
            for block in group.blocks().iter().rev() {
                if block.min.first > floor {
                    sum.add_sum(&block.sum);
                    continue;
                }
                for slot in block.slots().rev() {
                    let share = look.share(slot);
                    if !share.is_after(floor) {
                        return sum;
                    }
                    sum.add(&share);
                }
                return sum;
            }
        }
        sum
    }

    /// The last slot of all.
    pub(crate) fn last(&self) -> Option<u32> {
        self.groups.last()?.blocks().last()?.slots().next_back()
    }

    /// The slots with `flag`, last first; whole blocks without one are skipped.
    pub(crate) fn last_with<'a>(&'a self, flag: u8, look: &'a impl Look) -> impl Iterator<Item = u32> + 'a {
        let groups = self.groups.iter().rev().filter(move |g| g.sum.count(flag) > 0);
        let blocks = groups.flat_map(move |g| g.blocks().iter().rev().filter(move |b| b.sum.count(flag) > 0));
        blocks.flat_map(|b| b.slots().rev()).filter(move |&slot| look.share(slot).has(flag))
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
            g.blocks().iter().skip(from).filter(move |b| b.sum.count(flag) > 0)
        });
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
        let start = from.map_or(0, |from| self.group_of(from));
        self.groups
            .iter()
            .skip(start)
            .flat_map(move |g| {
                let skip = from.map_or(0, |from| g.block_of(from));
                g.blocks().iter().skip(skip)
            })
            .flat_map(|b| b.slots())
            .skip_while(move |&slot| from.is_some_and(|from| look.position(slot) < from))
    }

    /// The slots at or before `from`, last first.
    pub(crate) fn backwards<'a>(
        &'a self,
        from: Option<Position>,
        look: &'a impl Look,
    ) -> impl Iterator<Item = u32> + 'a {
        let end = from.map_or(self.groups.len(), |from| self.group_of(from) + 1);
        (0..end)
            .rev()
            .filter_map(|at| self.groups.get(at))
            .flat_map(move |g| {
                let take = from.map_or(g.blocks().len(), |from| g.block_of(from) + 1);
                g.blocks().iter().take(take).rev()
            })
            .flat_map(|b| b.slots().rev())
            .skip_while(move |&slot| from.is_some_and(|from| look.position(slot) > from))
    }
}

/// Puts a slot into the block at `at`, which splits when it is full.
fn insert_into(
    blocks: &mut Vec<Block>,
    at: usize,
    last_group: bool,
    slot: u32,
    (position, after): (Position, &Share),
    look: &impl Look,
) {
    let last_block = last_group && at + 1 == blocks.len();
    let Some(block) = blocks.get_mut(at) else { return };
    let appends = block.slots().next_back().is_none_or(|last| look.position(last) < position);
    if appends && last_block && block.len() >= BLOCK {
        let mut sum = Sum::ZERO;
        sum.add(after);
        let slots = Held::Run { first: slot, len: 1 };
        blocks.push(Block { min: position, sum, slots });
        return;
    }
    block.change(|slots| {
        if appends {
            slots.push(slot);
        } else {
            slots.change(|slots| slots.insert(slots.partition_point(|&s| look.position(s) < position), slot));
        }
    });
    block.min = block.min.min(position);
    block.sum.add(after);
    if block.len() > BLOCK {
        let front = Block::of(block.slots().take(BLOCK / 2).collect(), look);
        let back = Block::of(block.slots().skip(BLOCK / 2).collect(), look);
        blocks.splice(at..=at, front.into_iter().chain(back));
    }
}

/// Finds the greatest activity of a block and its group anew, where it may have been `old`.
fn lower_activity(group: &mut Group, at: usize, old: i64, look: &impl Look) {
    let Some(Blocks(blocks)) = group.blocks.get_mut() else { return };
    if let Some(block) = blocks.get_mut(at)
        && block.sum.activity <= old
    {
        let activities = block.slots().map(|slot| look.share(slot).activity);
        block.sum.activity = activities.max().unwrap_or(-1);
    }
    if group.sum.activity <= old {
        group.sum.activity = blocks.iter().map(|b| b.sum.activity).max().unwrap_or(-1);
    }
}
