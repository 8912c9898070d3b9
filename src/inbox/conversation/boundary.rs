//! Messages whose first field is the one at which a clearing or deletion ends, and that were not delivered. Their
//! introductions decide which of them it covers (R38). There are few of them as a rule; where there are many, they are kept
//! by introduction here, so that none is looked at twice.

use std::ops::Bound;
use std::sync::Arc;

use crate::inbox::timeline::entry::Position;
use crate::inbox::timeline::facts::{Facts, Timeline};
use crate::inbox::timeline::order::contribution::{Contribution, Look as _};
use crate::model::impossible::impossible;
use crate::model::time::Stamp;
use crate::register::max_tree::MaxTree;

/// So many messages are looked at one by one.
pub(crate) const FEW: usize = 64;

/// The messages of rank 1 and 2 at one first field, by introduction.
#[derive(Clone, Debug)]
pub(crate) struct Boundary {
    pub(crate) through: i64,
    /// When each was introduced.
    introduced: im::OrdMap<u32, Stamp>,
    all: im::OrdSet<(Stamp, u32)>,
    /// Those that may be the last message, and where they stand.
    shown: MaxTree<(Stamp, u32), (Position, u32)>,
    /// Those that keep a conversation in the list.
    present: im::OrdSet<(Stamp, u32)>,
}

impl Boundary {
    fn of(through: i64, timeline: &Timeline) -> Self {
        let mut boundary = Self {
            through,
            introduced: im::OrdMap::new(),
            all: im::OrdSet::new(),
            shown: MaxTree::default(),
            present: im::OrdSet::new(),
        };
        let Timeline { facts, order: Some(order) } = timeline else {
            impossible!("what a clearing covers is asked once the order is there");
            return boundary;
        };
        let slots = order.backwards(Some(Position::end_of(through)), facts);
        for slot in slots.take_while(|slot| facts.position(*slot).first == through) {
            boundary.note(slot, facts);
        }
        boundary
    }

    /// Takes note of what a message is now.
    pub(crate) fn note(&mut self, slot: u32, facts: &Facts) {
        if let Some(old) = self.introduced.remove(&slot) {
            let key = (old, slot);
            self.all.remove(&key);
            self.present.remove(&key);
            self.shown.remove(&key);
        }
        let contribution = facts.contribution(slot);
        let at_edge = |position: &Position| position.first == self.through && position.rank != 0;
        let Some(position) = contribution.position.filter(at_edge) else { return };
        // A forged snapshot may name slots that are not there (R99).
        let Some(entry) = facts.arena.get(slot) else { return };
        let stamp = facts.stamp(slot, &entry);
        let key = (stamp, slot);
        self.introduced.insert(slot, stamp);
        self.all.insert(key);
        if contribution.has(Contribution::PRESENT) {
            self.present.insert(key);
        }
        if contribution.has(Contribution::SHOWN) {
            self.shown.insert(key, (position, slot));
        }
    }

    /// The last of those introduced later than a stamp that has a flag: [`Contribution::SHOWN`]; of others, any.
    pub(crate) fn last_after(&self, stamp: Stamp, flag: u8) -> Option<u32> {
        if flag == Contribution::SHOWN {
            return self.shown.greatest_where(|(s, _)| *s > stamp).map(|(_, slot)| slot);
        }
        self.present.get_next(&(stamp, u32::MAX)).map(|(_, slot)| *slot)
    }

    /// Those introduced later than one stamp and not later than another.
    pub(crate) fn between(&self, from: Stamp, to: Stamp) -> impl Iterator<Item = u32> + '_ {
        let (from, to) = ((from, u32::MAX), (to.max(from), u32::MAX));
        self.all.range((Bound::Excluded(from), Bound::Included(to))).map(|(_, slot)| *slot)
    }
}

/// The edge of a coverage, which is made if there is none there.
pub(crate) fn boundary_of<'a>(
    place: &'a mut Option<Arc<Boundary>>,
    through: i64,
    timeline: &Timeline,
) -> &'a Boundary {
    if place.as_ref().is_none_or(|boundary| boundary.through != through) {
        *place = None;
    }
    place.get_or_insert_with(|| Arc::new(Boundary::of(through, timeline)))
}
