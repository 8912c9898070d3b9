//! Lists of messages in one sorted, counted set: each list in order of position, with totals over any stretch of one.
//!
//! An element names the list that it is of and the message's slot. Blocks of some hundred elements lie in groups of some
//! dozen blocks, each with a lower bound and totals, as the order of a timeline has them. A clone is O(1); writing after
//! it copies a block and the references of a group.

use std::sync::Arc;

use crate::inbox::timeline::entry::Position;
use crate::inbox::timeline::order::contribution::{Contribution, Sum};
use crate::inbox::timeline::order::range::Range;
use crate::model::id::MessageId;

/// Elements of a block before it is split.
const BLOCK: usize = 256;

/// Blocks of a group before it is split.
const GROUP: usize = 64;

/// Where an element stands: by list, then by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) list: u64,
    pub(crate) position: Position,
}

impl Key {
    /// Nothing of the list with this first field, or a lesser one, stands after it.
    fn end_of(list: u64, first: i64) -> Self {
        Self { list, position: Position::end_of(first) }
    }

    /// Nothing of the list stands before it.
    pub(crate) fn start_of(list: u64) -> Self {
        let id = MessageId::from_bytes([0; 16]);
        Self { list, position: Position { first: i64::MIN, rank: 0, second: i64::MIN, id } }
    }
}

/// How a set asks what an element is.
pub(crate) trait Elements<E> {
    fn key(&self, element: E) -> Key;
    /// The slot of its message.
    fn slot(&self, element: E) -> u32;
    /// What it adds to the totals of its list.
    fn contribution(&self, element: E) -> Contribution;
}

#[derive(Clone, Debug)]
struct Block<E> {
    /// Lower bound: `earlier blocks < min <= this block`.
    min: Key,
    sum: Sum,
    elements: Arc<Vec<E>>,
}

#[derive(Clone, Debug)]
struct Group<E> {
    min: Key,
    sum: Sum,
    blocks: Vec<Block<E>>,
}

/// A sorted set of elements.
#[derive(Clone, Debug)]
pub(crate) struct Ranked<E>(Arc<Vec<Arc<Group<E>>>>);

impl<E> Default for Ranked<E> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<E: Copy> Block<E> {
    fn of(elements: Vec<E>, look: &impl Elements<E>) -> Option<Self> {
        let min = look.key(*elements.first()?);
        let mut block = Self { min, sum: Sum::ZERO, elements: Arc::new(elements) };
        block.recount(look);
        Some(block)
    }

    fn recount(&mut self, look: &impl Elements<E>) {
        self.sum = Sum::ZERO;
        for element in self.elements.iter() {
            self.sum.add(&look.contribution(*element));
        }
    }

    /// Finds the greatest activity anew; that of the message at `slot`, which is being taken out, does not count.
    fn recount_activity(&mut self, slot: u32, look: &impl Elements<E>) {
        let others = self.elements.iter().filter(|other| look.slot(**other) != slot);
        let activities = others.map(|other| look.contribution(*other).activity);
        self.sum.activity = activities.max().unwrap_or(Sum::ZERO.activity);
    }
}

impl<E: Copy> Group<E> {
    fn of(blocks: Vec<Block<E>>) -> Option<Self> {
        let mut group = Self { min: blocks.first()?.min, sum: Sum::ZERO, blocks };
        group.recount();
        Some(group)
    }

    fn recount(&mut self) {
        self.sum = Sum::ZERO;
        for block in &self.blocks {
            self.sum.add_sum(&block.sum);
        }
    }

    /// The block where `key` stands or would stand.
    fn block_of(&self, key: Key) -> usize {
        self.blocks.partition_point(|block| block.min <= key).saturating_sub(1)
    }
}

impl<E: Copy + PartialEq> Ranked<E> {
    /// The set of these elements, in order. Complexity: O(n).
    pub(crate) fn of(elements: &[E], look: &impl Elements<E>) -> Self {
        // Room for what is inserted, so that the first insertions split nothing.
        let blocks = elements.chunks(BLOCK * 3 / 4).filter_map(|part| Block::of(part.to_vec(), look));
        let blocks: Vec<_> = blocks.collect();
        let groups = blocks.chunks(GROUP * 3 / 4).filter_map(|part| Group::of(part.to_vec()).map(Arc::new));
        Self(Arc::new(groups.collect()))
    }

    /// How many elements there are. Complexity: O(n / 256).
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.iter().flat_map(|group| &group.blocks).map(|block| block.elements.len()).sum()
    }

    fn group_of(&self, key: Key) -> usize {
        self.0.partition_point(|group| group.min <= key).saturating_sub(1)
    }

    /// Adds an element. Complexity: O(log n) and a block.
    pub(crate) fn insert(&mut self, element: E, look: &impl Elements<E>) {
        let (key, contribution) = (look.key(element), look.contribution(element));
        let at = self.group_of(key);
        let groups = Arc::make_mut(&mut self.0);
        let Some(group) = groups.get_mut(at).map(Arc::make_mut) else {
            let first = Block::of(vec![element], look).and_then(|block| Group::of(vec![block]));
            groups.extend(first.map(Arc::new));
            return;
        };
        group.min = group.min.min(key);
        group.sum.add(&contribution);
        let at_block = group.block_of(key);
        let Some(block) = group.blocks.get_mut(at_block) else { return };
        block.min = block.min.min(key);
        block.sum.add(&contribution);
        let elements = Arc::make_mut(&mut block.elements);
        elements.insert(elements.partition_point(|other| look.key(*other) < key), element);
        if elements.len() > BLOCK {
            let back = elements.split_off(BLOCK / 2);
            block.recount(look);
            group.blocks.splice(at_block + 1..at_block + 1, Block::of(back, look));
        }
        if group.blocks.len() > GROUP {
            let back = group.blocks.split_off(GROUP / 2);
            group.recount();
            groups.splice(at + 1..at + 1, Group::of(back).map(Arc::new));
        }
    }

    /// Removes an element that stood at `key` and added `contribution`, wherever its message stands now. Of a message all
    /// elements are removed before one is inserted anew.
    pub(crate) fn remove(
        &mut self,
        element: E,
        key: Key,
        contribution: &Contribution,
        look: &impl Elements<E>,
    ) {
        let at = self.group_of(key);
        let groups = Arc::make_mut(&mut self.0);
        let Some(group) = groups.get_mut(at).map(Arc::make_mut) else { return };
        let at_block = group.block_of(key);
        let Some(block) = group.blocks.get_mut(at_block) else { return };
        Arc::make_mut(&mut block.elements).retain(|other| *other != element);
        block.sum.sub_counts(contribution);
        if contribution.activity >= block.sum.activity {
            block.recount_activity(look.slot(element), look);
        }
        if block.elements.is_empty() {
            group.blocks.remove(at_block);
        }
        match contribution.activity >= group.sum.activity {
            true => group.recount(),
            false => group.sum.sub_counts(contribution),
        }
        if group.blocks.is_empty() {
            groups.remove(at);
        }
    }

    /// Totals over what of a list lies in a range. Complexity: O(log n), a block at each end, and a group for each 64
    /// blocks of the list between.
    pub(crate) fn sum_within(&self, list: u64, range: Range, look: &impl Elements<E>) -> Sum {
        let mut sum = Sum::ZERO;
        let (from, to) = (Key::end_of(list, range.after), Key::end_of(list, range.through));
        if range.is_empty() {
            return sum;
        }
        let first = self.group_of(from);
        for (at, group) in self.0.iter().enumerate().skip(first) {
            if group.min > to {
                break;
            }
            let next = self.0.get(at + 1).map(|next| next.min);
            if group.min > from && next.is_some_and(|next| next <= to) {
                sum.add_sum(&group.sum);
                continue;
            }
            for (at, block) in group.blocks.iter().enumerate().skip(group.block_of(from)) {
                if block.min > to {
                    break;
                }
                let next = group.blocks.get(at + 1).map(|next| next.min).or(next);
                if block.min > from && next.is_some_and(|next| next <= to) {
                    sum.add_sum(&block.sum);
                    continue;
                }
                let start = block.elements.partition_point(|element| look.key(*element) <= from);
                let rest = block.elements.iter().skip(start);
                rest.take_while(|element| look.key(**element) <= to)
                    .for_each(|element| sum.add(&look.contribution(*element)));
            }
        }
        sum
    }

    /// What of a list lies in a range, first first.
    pub(crate) fn within<'a>(
        &'a self,
        list: u64,
        range: Range,
        look: impl Elements<E> + Copy + 'a,
    ) -> impl Iterator<Item = E> + 'a {
        let from = if range.after < 0 { Key::start_of(list) } else { Key::end_of(list, range.after) };
        let to = Key::end_of(list, range.through);
        let first = self.group_of(from);
        let groups = self.0.iter().enumerate().skip(first);
        let blocks = groups.flat_map(move |(at, group)| {
            let skip = if at == first { group.block_of(from) } else { 0 };
            group.blocks.iter().skip(skip)
        });
        let elements = blocks.flat_map(|block| block.elements.iter().copied());
        elements
            .skip_while(move |element| look.key(*element) <= from)
            .take_while(move |element| look.key(*element) <= to)
    }

    /// What of a list with `flag` lies in a range, last first; whole blocks without one are skipped.
    pub(crate) fn last_within<'a>(
        &'a self,
        list: u64,
        flag: u8,
        range: Range,
        look: impl Elements<E> + Copy + 'a,
    ) -> impl Iterator<Item = E> + 'a {
        let (from, to) = (Key::end_of(list, range.after), Key::end_of(list, range.through));
        let last = self.group_of(to);
        let groups = self.0.iter().take(last + 1).rev().filter(move |group| group.sum.count(flag) > 0);
        let blocks = groups.flat_map(|group| group.blocks.iter().rev());
        let blocks = blocks.filter(move |block| block.sum.count(flag) > 0 && block.min <= to);
        let elements = blocks.flat_map(|block| block.elements.iter().rev().copied());
        elements
            .skip_while(move |element| look.key(*element) > to)
            .take_while(move |element| look.key(*element) > from)
            .filter(move |element| look.contribution(*element).has(flag))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Element = (u64, u32);

    /// Where the message of each slot stands and what it adds.
    struct Messages(BTreeMap<u32, Contribution>);

    impl Elements<Element> for &Messages {
        fn key(&self, (list, slot): Element) -> Key {
            Key { list, position: self.0[&slot].position.unwrap() }
        }

        fn slot(&self, (_, slot): Element) -> u32 {
            slot
        }

        fn contribution(&self, (_, slot): Element) -> Contribution {
            self.0[&slot]
        }
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }
    }

    fn contribution(random: &mut Random, slot: u32) -> Contribution {
        let id = MessageId::from_bytes(u128::from(slot).to_be_bytes());
        let position = Position { first: random.below(400) as i64, rank: 0, second: 0, id };
        let flags = random.below(16) as u8;
        let activity = random.below(1_000) as i64 - 1;
        Contribution { position: Some(position), flags, mention_sig: random.below(9), activity }
    }

    fn check(set: &Ranked<Element>, plain: &[Element], messages: &Messages, random: &mut Random) {
        assert_eq!(set.len(), plain.len());
        for _ in 0..30 {
            let list = random.below(4);
            let after = random.below(402) as i64 - 1;
            let range = Range { after, through: after + random.below(300) as i64 };
            let range = if random.below(5) == 0 { Range::ALL } else { range };
            let mut inside: Vec<Element> = plain
                .iter()
                .copied()
                .filter(|element| {
                    element.0 == list && range.contains((&messages).key(*element).position.first)
                })
                .collect();
            inside.sort_by_key(|element| messages.key(*element));
            let mut sum = Sum::ZERO;
            inside.iter().for_each(|element| sum.add(&messages.contribution(*element)));
            assert_eq!(set.sum_within(list, range, &messages), sum, "{list} {range:?}");
            assert!(set.within(list, range, messages).eq(inside.iter().copied()), "{list} {range:?}");
            for flag in [Contribution::UNREAD, Contribution::SHOWN] {
                let last = inside.iter().rev().copied().filter(|e| messages.contribution(*e).has(flag));
                assert!(set.last_within(list, flag, range, messages).eq(last), "{list} {range:?}");
            }
        }
    }

    /// Whatever is inserted, moved and removed, the set answers as a plain list does, and so does every clone of before.
    #[test]
    fn a_set_answers_as_a_plain_list() {
        for seed in 1..=6 {
            let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
            let mut messages = Messages(BTreeMap::new());
            let (mut set, mut plain) = (Ranked::default(), Vec::new());
            let mut frozen = None;
            for turn in 0..4_000u32 {
                if random.below(4) < 3 || plain.is_empty() {
                    let fresh = contribution(&mut random, turn);
                    messages.0.insert(turn, fresh);
                    for list in (0..4).filter(|list| *list == 0 || u64::from(turn) % (list + 2) == 0) {
                        set.insert((list, turn), &&messages);
                        plain.push((list, turn));
                    }
                } else {
                    let slot = plain[random.below(plain.len() as u64) as usize].1;
                    let elements: Vec<_> = plain.iter().copied().filter(|e| e.1 == slot).collect();
                    let before = messages.0[&slot];
                    let after = contribution(&mut random, slot);
                    messages.0.insert(slot, after);
                    for element in &elements {
                        let key = Key { list: element.0, position: before.position.unwrap() };
                        set.remove(*element, key, &before, &&messages);
                    }
                    for element in elements {
                        if random.below(2) == 0 {
                            set.insert(element, &&messages);
                        } else {
                            plain.retain(|other| *other != element);
                        }
                    }
                }
                if turn == 2_000 {
                    frozen = Some((set.clone(), plain.clone(), Messages(messages.0.clone())));
                }
                if turn % 500 == 499 {
                    check(&set, &plain, &messages, &mut random);
                }
            }
            let mut sorted = plain.clone();
            sorted.sort_by_key(|element| (&messages).key(*element));
            check(&Ranked::of(&sorted, &&messages), &plain, &messages, &mut random);
            if let Some((set, plain, messages)) = frozen {
                check(&set, &plain, &messages, &mut random);
            }
        }
    }
}
