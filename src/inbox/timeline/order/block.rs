//! Blocks of slots with their totals, and how a block holds its slots.

use crate::inbox::containers::lazy::Lazy;
use crate::inbox::timeline::entry::Position;
use crate::inbox::timeline::order::contribution::{Contribution, Look, Sum};

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
            Self::List(slots) => slots.push(slot),
            run @ Self::Run { .. } => run.change(|slots| slots.push(slot)),
        }
    }

    /// Adds so many slots at the end, one after the other from this one.
    pub(crate) fn push_run(&mut self, slot: u32, count: u32) {
        match self {
            Self::Run { first, len: len @ 0 } => (*first, *len) = (slot, count),
            Self::Run { first, len } if first.checked_add(*len) == Some(slot) => *len += count,
            other => other.change(|slots| slots.extend(slot..slot + count)),
        }
    }

    /// Moves slots about.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Vec<u32>)) {
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
    /// Lower bound: `earlier blocks < min <= this block`.
    pub(crate) min: Position,
    pub(crate) sum: Sum,
    pub(crate) slots: BlockSlots,
}

/// Where a block has its slots: a run, as nearly all are, lies here.
#[derive(Clone, Debug)]
pub(crate) enum BlockSlots {
    Run { first: u32, len: u32 },
    Apart(Lazy<Slots>),
}

impl From<Slots> for BlockSlots {
    fn from(slots: Slots) -> Self {
        match slots {
            Slots::Run { first, len } => Self::Run { first, len },
            list @ Slots::List(_) => Self::Apart(Lazy::new(list)),
        }
    }
}

impl Default for Block {
    /// One that holds nothing.
    fn default() -> Self {
        Self { min: Position::end_of(-1), sum: Sum::ZERO, slots: BlockSlots::Run { first: 0, len: 0 } }
    }
}

impl Block {
    pub(crate) fn new(min: Position, sum: Sum, slots: Lazy<Slots>) -> Self {
        Self { min, sum, slots: BlockSlots::Apart(slots) }
    }

    pub(crate) fn of(slots: Slots, look: &impl Look) -> Option<Self> {
        let min = look.position(slots.iter().next()?);
        let mut sum = Sum::ZERO;
        for slot in slots.iter() {
            sum.add(&look.contribution(slot));
        }
        Some(Self { min, sum, slots: slots.into() })
    }

    /// Lets go of slots that were loaded and not written.
    pub(crate) fn release(&mut self) {
        if let BlockSlots::Apart(slots) = &mut self.slots {
            slots.release(|_| {});
        }
    }

    pub(crate) fn slots(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        let (run, list) = match &self.slots {
            BlockSlots::Run { first, len } => (Some(*first..first.saturating_add(*len)), None),
            BlockSlots::Apart(slots) => (None, Some(slots.get().iter())),
        };
        run.into_iter().flatten().chain(list.into_iter().flatten())
    }

    pub(crate) fn len(&self) -> usize {
        match &self.slots {
            BlockSlots::Run { len, .. } => *len as usize,
            BlockSlots::Apart(slots) => slots.get().len(),
        }
    }

    /// The slot at a place among them.
    pub(crate) fn slot(&self, at: usize) -> Option<u32> {
        let of_run = |first: u32, len: u32| {
            let at = u32::try_from(at).ok().filter(|at| *at < len)?;
            first.checked_add(at)
        };
        match &self.slots {
            BlockSlots::Run { first, len } => of_run(*first, *len),
            BlockSlots::Apart(slots) => match slots.get() {
                Slots::Run { first, len } => of_run(*first, *len),
                Slots::List(slots) => slots.get(at).copied(),
            },
        }
    }

    /// The last slot.
    pub(crate) fn last(&self) -> Option<u32> {
        match &self.slots {
            BlockSlots::Run { first, len } => Some(first.saturating_add(len.checked_sub(1)?)),
            BlockSlots::Apart(slots) => slots.get().iter().next_back(),
        }
    }

    /// The same block with its slots here if they are a run, wherever a snapshot has them.
    pub(crate) fn at_hand(self) -> Self {
        let slots = match self.slots {
            BlockSlots::Apart(slots) => slots.get().clone().into(),
            run @ BlockSlots::Run { .. } => run,
        };
        Self { slots, ..self }
    }

    /// Adds a slot behind all others of it.
    #[inline]
    pub(crate) fn push(&mut self, slot: u32, contribution: &Contribution) {
        match &mut self.slots {
            BlockSlots::Run { first, len } if first.checked_add(*len) == Some(slot) => *len += 1,
            _ => self.change(|slots| slots.push(slot)),
        }
        self.sum.add(contribution);
    }

    /// Puts a slot where it stands.
    pub(crate) fn insert(
        &mut self,
        slot: u32,
        (position, contribution): (Position, &Contribution),
        look: &impl Look,
    ) {
        self.change(|slots| {
            slots.change(|slots| {
                slots.insert(slots.partition_point(|&s| look.position(s) < position), slot);
            });
        });
        self.min = self.min.min(position);
        self.sum.add(contribution);
    }

    /// Takes out a slot, which may have moved already: it is found by number, not by position.
    pub(crate) fn remove(&mut self, slot: u32, before: &Contribution) {
        self.change(|slots| slots.change(|slots| slots.retain(|&s| s != slot)));
        self.sum.sub_counts(before);
    }

    /// Carries a slot's change over to the totals.
    pub(crate) fn recount(&mut self, before: &Contribution, after: &Contribution) {
        self.sum.sub_counts(before);
        self.sum.add(after);
    }

    /// Finds the greatest activity anew, where it may have been `old`.
    pub(crate) fn lower_activity(&mut self, old: i64, look: &impl Look) {
        if self.sum.activity <= old {
            let activities = self.slots().map(|slot| look.contribution(slot).activity);
            self.sum.activity = activities.max().unwrap_or(-1);
        }
    }

    /// Both halves of a block that holds too many.
    pub(crate) fn halves(&self, look: &impl Look) -> [Option<Self>; 2] {
        let half = self.len() / 2;
        let (front, back) = (self.slots().take(half).collect(), self.slots().skip(half).collect());
        [Self::of(front, look), Self::of(back, look)]
    }

    /// Adds to `sum` what stands after `floor`. Returns whether what stands before this block may, too.
    pub(crate) fn add_after(&self, floor: i64, look: &impl Look, sum: &mut Sum) -> bool {
        if self.min.first > floor {
            sum.add_sum(&self.sum);
            return true;
        }
        self.all_backwards(|slot| {
            let contribution = look.contribution(slot);
            let counts = contribution.is_after(floor);
            if counts {
                sum.add(&contribution);
            }
            counts
        });
        false
    }

    /// Whether all slots are such, asked of the last first.
    fn all_backwards(&self, mut such: impl FnMut(u32) -> bool) -> bool {
        let mut run = |first: u32, len: u32| (first..first.saturating_add(len)).rev().all(&mut such);
        match &self.slots {
            BlockSlots::Run { first, len } => run(*first, *len),
            BlockSlots::Apart(slots) => match slots.get() {
                Slots::Run { first, len } => run(*first, *len),
                Slots::List(slots) => slots.iter().rev().all(|slot| such(*slot)),
            },
        }
    }

    /// Changes which slots it holds.
    fn change(&mut self, change: impl FnOnce(&mut Slots)) {
        match &mut self.slots {
            BlockSlots::Run { first, len } => {
                let mut slots = Slots::Run { first: *first, len: *len };
                change(&mut slots);
                self.slots = slots.into();
            }
            BlockSlots::Apart(slots) => {
                slots.get_mut().map(change);
            }
        }
    }

    /// The slots as a part of a snapshot.
    pub(crate) fn lazy(&self) -> Lazy<Slots> {
        match &self.slots {
            BlockSlots::Run { first, len } => Lazy::new(Slots::Run { first: *first, len: *len }),
            BlockSlots::Apart(slots) => slots.clone(),
        }
    }
}
