//! An order made at once, of slots that come sorted.

use std::sync::Arc;

use super::{BLOCK, Block, GROUP, Group, Order, Share, Slots, Sum};
use crate::inbox::arena::Position;

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
    /// Adds a slot; whether it stands after all before it, as it must.
    pub(crate) fn push(&mut self, slot: u32, share: &Share) -> bool {
        let Some(position) = share.position else { return false };
        let ascends = self.place(slot, position);
        if ascends {
            self.sum.add(share);
        }
        ascends
    }

    /// The same of a message that counts in the plainest way: shown, present, unread or the owner's own.
    #[inline]
    pub(crate) fn push_ordinary(&mut self, slot: u32, position: Position, own: bool, activity: i64) -> bool {
        let ascends = self.place(slot, position);
        if ascends {
            // A block is small.
            self.sum.unread += u32::from(!own);
            self.sum.shown += 1;
            self.sum.present += 1;
            self.sum.activity = self.sum.activity.max(activity);
        }
        ascends
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
