//! An order beside a plain map.

use std::collections::BTreeMap;

use crate::inbox::timeline::entry::Position;
use crate::inbox::timeline::order::share::{Look, Share, Sum};
use crate::inbox::timeline::order::tree::Order;
use crate::model::id::MessageId;

struct Random(u64);

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
struct Shares(Vec<Share>);

impl Look for Shares {
    fn share(&self, slot: u32) -> Share {
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

fn share(random: &mut Random, position: Position) -> Share {
    let flags = random.below(16) as u8;
    let mention_sig = if flags & Share::MENTION == 0 { 0 } else { random.next() };
    Share { position: Some(position), flags, mention_sig, activity: random.below(1_000) as i64 - 1 }
}

/// An order and a plain map of positions to slots hold the same.
fn holds(order: &Order, plain: &BTreeMap<Position, u32>, shares: &Shares, random: &mut Random) {
    let slots = || plain.values().copied();
    let sum = |slots: &mut dyn Iterator<Item = u32>| {
        slots.fold(Sum::ZERO, |mut sum, slot| {
            sum.add(&shares.share(slot));
            sum
        })
    };
    assert!(order.forwards(None, shares).eq(slots()) && order.backwards(None, shares).eq(slots().rev()));
    assert_eq!((order.sum(), order.activity()), (sum(&mut slots()), sum(&mut slots()).activity));
    assert_eq!(order.last(), slots().next_back());
    for _ in 0..5 {
        let from = position(random.below(1 << 20) as i64 - 1, random.below(9) as u32);
        assert!(order.forwards(Some(from), shares).eq(plain.range(from..).map(|(_, slot)| *slot)));
        assert!(order.backwards(Some(from), shares).eq(plain.range(..=from).rev().map(|(_, slot)| *slot)));
        let is_behind = plain.last_key_value().is_none_or(|(last, _)| *last < from);
        assert_eq!(order.is_behind_all(from, shares), is_behind);
        let after = || slots().filter(|slot| shares.position(*slot).first > from.first);
        let expected = Sum { activity: 0, ..sum(&mut after()) };
        assert_eq!(Sum { activity: 0, ..order.sum_after(from.first, shares) }, expected);
        for flag in [Share::UNREAD, Share::MENTION, Share::SHOWN] {
            let has = |slot: &u32| shares.share(*slot).has(flag);
            assert!(order.with_after(flag, from.first, shares).eq(after().filter(has)));
            assert!(order.last_with(flag, shares).eq(slots().rev().filter(has)));
        }
    }
}

/// Messages that come in order and late, move, go and count otherwise, across the bounds of blocks and groups and through
/// the form that a snapshot has.
#[test]
fn it_orders_as_a_plain_map_does() {
    for (seed, in_order) in [(1, 20_000), (2, 900), (3, 3_000)] {
        let mut random = Random(0x9e37_79b9 + seed);
        let (mut order, mut plain, mut shares) = (Order::default(), BTreeMap::new(), Shares(Vec::new()));
        let mut greatest = 0;
        for turn in 0..in_order + 3_000 {
            let slot = shares.0.len() as u32;
            let draw = if turn < in_order { 0 } else { random.below(8) };
            if let (1..=4, false) = (draw, plain.is_empty()) {
                let moved = random.below(shares.0.len() as u64) as u32;
                let (before, at) = (shares.share(moved), position(random.below(greatest + 9) as i64, moved));
                let after = match (draw, before.position) {
                    (1, _) | (_, None) => Share::NONE,
                    (2, _) => share(&mut random, at),
                    (_, Some(old)) => share(&mut random, old),
                };
                shares.0[moved as usize] = after;
                before.position.map(|old| plain.remove(&old));
                after.position.map(|new| plain.insert(new, moved));
                order.update(moved, &before, &after, &shares);
            } else {
                let late = draw == 5;
                greatest += random.below(50);
                let first = if late { random.below(greatest + 1) } else { greatest };
                let at = position(first as i64, slot);
                shares.0.push(share(&mut random, at));
                plain.insert(at, slot);
                let added = shares.share(slot);
                if draw == 6 && order.is_behind_all(at, &shares) {
                    order.append(slot, at, &added);
                } else {
                    order.update(slot, &Share::NONE, &added, &shares);
                }
            }
            if turn % 997 == 0 {
                holds(&order, &plain, &shares, &mut random);
                let kept = order.clone();
                order = Order::of(order.into_groups());
                holds(&order, &plain, &shares, &mut random);
                holds(&kept, &plain, &shares, &mut random);
            }
        }
        holds(&order, &plain, &shares, &mut random);
        let slots: Vec<u32> = plain.values().copied().collect();
        for slot in slots {
            order.update(slot, &shares.share(slot), &Share::NONE, &shares);
        }
        assert_eq!((order.last(), order.sum(), order.groups().count()), (None, Sum::ZERO, 0));
    }
}
