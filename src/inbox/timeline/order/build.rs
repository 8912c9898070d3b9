//! An order made at once, of slots that come sorted.

use std::sync::Arc;

use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::order::block::{Block, Slots};
use crate::inbox::timeline::order::contribution::{Contribution, Sum};
use crate::inbox::timeline::order::tree::{BLOCK, GROUP, Group, Order};

/// Builds an order from slots that come sorted by position.
#[derive(Debug)]
pub(crate) struct Builder {
    blocks: Vec<Block>,
    /// The block being filled: its first position, its totals, its slots.
    min: Position,
    sum: Sum,
    slots: Slots,
    last: Option<Position>,
}

impl Default for Builder {
    fn default() -> Self {
        let (min, sum, slots) = (Position::end_of(-1), Sum::ZERO, Slots::default());
        Self { blocks: Vec::new(), min, sum, slots, last: None }
    }
}

impl Builder {
    /// Adds a slot. Returns whether it stands after all before it, as it must.
    pub(crate) fn push(&mut self, slot: u32, contribution: &Contribution) -> bool {
        let Some(position) = contribution.position else { return false };
        let ascends = self.place(slot, position);
        if ascends {
            self.sum.add(contribution);
        }
        ascends
    }

    /// Adds the first of these messages, in slots one after the other, that count in the plainest way and stand each
    /// after the one before by its first field. Returns how many those were. It costs a few instructions a message, where
    /// [`Builder::push`] takes some tens.
    pub(crate) fn push_run(&mut self, slot: u32, entries: &[Entry], time: impl Fn(&Entry) -> i64) -> usize {
        if self.slots.len() >= BLOCK {
            self.close();
        }
        let room = entries.get(..BLOCK - self.slots.len()).unwrap_or(entries);
        let mut last = self.last.map_or(i64::MIN, |last| last.first);
        let (mut own, mut activity) = (0, self.sum.activity);
        let ends = room.iter().position(|entry| {
            let fits = entry.is_ordinary() && entry.first > last;
            last = entry.first;
            if fits {
                own += u32::from(entry.has(bits::OWN));
                activity = activity.max(time(entry));
            }
            !fits
        });
        let run = room.get(..ends.unwrap_or(room.len())).unwrap_or_default();
        let Some((first, last)) = run.first().zip(run.last()) else { return 0 };
        if self.slots.len() == 0 {
            self.min = first.position();
        }
        self.last = Some(last.position());
        let len = run.len() as u32;
        self.slots.push_run(slot, len);
        self.sum.unread += len - own;
        self.sum.shown += len;
        self.sum.present += len;
        self.sum.activity = activity;
        run.len()
    }

    #[inline]
    fn place(&mut self, slot: u32, position: Position) -> bool {
        if self.last.is_some_and(|last| last >= position) {
            return false;
        }
        if self.slots.len() >= BLOCK {
            self.close();
        }
        if self.slots.len() == 0 {
            self.min = position;
        }
        self.last = Some(position);
        self.slots.push(slot);
        true
    }

    fn close(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        if slots.len() > 0 {
            if let Slots::List(slots) = &mut slots {
                slots.shrink_to_fit();
            }
            let sum = std::mem::replace(&mut self.sum, Sum::ZERO);
            self.blocks.push(Block { min: self.min, sum, slots: slots.into() });
        }
    }

    pub(crate) fn finish(mut self) -> Order {
        self.close();
        let tail = self.blocks.pop().unwrap_or_default();
        let groups = self.blocks.chunks(GROUP).filter_map(|b| Group::of(b.to_vec())).map(Arc::new).collect();
        let mut order = Order { groups, tail, activity: 0 };
        order.activity = order.sum().activity;
        order
    }
}
