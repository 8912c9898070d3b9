//! An order beside a plain map.

use std::collections::BTreeMap;

use crate::inbox::timeline::entry::Position;
use crate::inbox::timeline::order::contribution::{Contribution, Look, Sum};
use crate::inbox::timeline::order::range::Range;
use crate::inbox::timeline::order::tree::Order;
use crate::model::id::MessageId;

struct Random(u64);

/// What an ordinary message counts.
const ORDINARY: u8 = Contribution::UNREAD | Contribution::SHOWN | Contribution::PRESENT;

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What each slot adds.
struct Shares(Vec<Contribution>);

impl Look for Shares {
    fn contribution(&self, slot: u32) -> Contribution {
        self.0[slot as usize]
    }

    fn position(&self, slot: u32) -> Position {
        self.0[slot as usize].position.unwrap()
    }
}

fn position(first: i64, slot: u32) -> Position {
    let id = MessageId::from_bytes(u128::from(slot).to_be_bytes());
    Position { first, rank: 0, second: 0, id }
}

/// What some message adds; one in so many is no ordinary one.
fn contribution(random: &mut Random, odd_in: u64, position: Position) -> Contribution {
    let flags = if random.below(odd_in) > 0 { ORDINARY } else { random.below(16) as u8 };
    let mention_sig = if flags & Contribution::MENTION == 0 { 0 } else { random.next() };
    Contribution { position: Some(position), flags, mention_sig, activity: random.below(1_000) as i64 - 1 }
}

/// An order and a plain map of positions to slots hold the same.
fn holds(order: &Order, plain: &BTreeMap<Position, u32>, contributions: &Shares, random: &mut Random) {
    let slots = || plain.values().copied();
    let sum = |slots: &mut dyn Iterator<Item = u32>| {
        slots.fold(Sum::ZERO, |mut sum, slot| {
            sum.add(&contributions.contribution(slot));
            sum
        })
    };
    assert!(
        order.forwards(None, contributions).eq(slots())
            && order.backwards(None, contributions).eq(slots().rev())
    );
    assert_eq!((order.sum(), order.activity()), (sum(&mut slots()), sum(&mut slots()).activity));
    assert_eq!(order.last(), slots().next_back());
    for _ in 0..5 {
        let from = position(random.below(1 << 20) as i64 - 1, random.below(9) as u32);
        assert!(order.forwards(Some(from), contributions).eq(plain.range(from..).map(|(_, slot)| *slot)));
        assert!(
            order.backwards(Some(from), contributions).eq(plain.range(..=from).rev().map(|(_, slot)| *slot))
        );
        let is_behind = plain.last_key_value().is_none_or(|(last, _)| *last < from);
        assert_eq!(order.is_behind_all(from, contributions), is_behind);
        let after = || slots().filter(|slot| contributions.position(*slot).first > from.first);
        let expected = Sum { activity: 0, ..sum(&mut after()) };
        assert_eq!(Sum { activity: 0, ..order.sum_after(from.first, contributions) }, expected);
        let through = [i64::MAX, from.first + random.below(3_000) as i64][random.below(2) as usize];
        let range = Range { after: from.first, through };
        let within = || slots().filter(|slot| range.contains(contributions.position(*slot).first));
        let expected = sum(&mut within());
        assert_eq!(order.activity_within(range, contributions), expected.activity);
        assert_eq!(order.counts_within(range, contributions), Sum { activity: -1, ..expected });
        for flag in [Contribution::UNREAD, Contribution::MENTION, Contribution::SHOWN] {
            let has = |slot: &u32| contributions.contribution(*slot).has(flag);
            assert!(order.with_after(flag, from.first, contributions).eq(after().filter(has)));
            assert!(order.last_with(flag, contributions).eq(slots().rev().filter(has)));
            let mut last: Vec<_> = within().filter(has).collect();
            last.reverse();
            assert!(order.last_within(flag, range, contributions).eq(last));
        }
    }
}

/// Messages that come in order and late, move, go and count otherwise, across the bounds of blocks and groups and through
/// the form that a snapshot has.
#[test]
fn it_orders_as_a_plain_map_does() {
    for (seed, in_order, odd_in) in
        [(1, 20_000, 1), (2, 900, 1), (3, 3_000, 1), (4, 9_000, 700), (5, 900, 3_000)]
    {
        let mut random = Random(0x9e37_79b9 + seed);
        let (mut order, mut plain, mut contributions) =
            (Order::default(), BTreeMap::new(), Shares(Vec::new()));
        let mut greatest = 0;
        for turn in 0..in_order + 3_000 {
            let slot = contributions.0.len() as u32;
            let draw = if turn < in_order { 0 } else { random.below(8) };
            if let (1..=4, false) = (draw, plain.is_empty()) {
                let moved = random.below(contributions.0.len() as u64) as u32;
                let (before, at) =
                    (contributions.contribution(moved), position(random.below(greatest + 9) as i64, moved));
                let after = match (draw, before.position) {
                    (1, _) | (_, None) => Contribution::NONE,
                    (2, _) => contribution(&mut random, odd_in, at),
                    (_, Some(old)) => contribution(&mut random, odd_in, old),
                };
                contributions.0[moved as usize] = after;
                before.position.map(|old| plain.remove(&old));
                after.position.map(|new| plain.insert(new, moved));
                order.update(moved, &before, &after, &contributions);
            } else {
                let late = draw == 5;
                greatest += random.below(50);
                let first = if late { random.below(greatest + 1) } else { greatest };
                let at = position(first as i64, slot);
                contributions.0.push(contribution(&mut random, odd_in, at));
                plain.insert(at, slot);
                let added = contributions.contribution(slot);
                if draw == 6 && order.is_behind_all(at, &contributions) {
                    order.append(slot, at, &added);
                } else {
                    order.update(slot, &Contribution::NONE, &added, &contributions);
                }
            }
            if turn % 997 == 0 {
                holds(&order, &plain, &contributions, &mut random);
                let kept = order.clone();
                order = Order::of(order.into_groups());
                holds(&order, &plain, &contributions, &mut random);
                holds(&kept, &plain, &contributions, &mut random);
            }
        }
        holds(&order, &plain, &contributions, &mut random);
        let slots: Vec<u32> = plain.values().copied().collect();
        for slot in slots {
            order.update(slot, &contributions.contribution(slot), &Contribution::NONE, &contributions);
        }
        assert_eq!((order.last(), order.sum(), order.groups().count()), (None, Sum::ZERO, 0));
    }
}
