//! Reads, marks and peer reads that name messages, where a message that one names has moved.
//!
//! While what resolves only grows, the fronts in [`Derived`](super::row::Derived) are all there has to be. A
//! position that changes takes back what it gave, and what a front dropped for it counts again: from then on every one
//! that resolves is kept, and the greatest are asked for.

use crate::inbox::conversation::personal::Personal;
use crate::inbox::conversation::shared::Shared;
use crate::inbox::timeline::entry::{Position, bits, timestamp};
use crate::inbox::timeline::facts::Facts;
use crate::inbox::timeline::order::contribution::{Contribution, Look as _};
use crate::model::id::{ConversationKind, EventId};
use crate::model::policy::Policy;
use crate::model::time::Stamp;
use crate::register::lattice::Front;
use crate::register::max_tree::MaxTree;

/// Values by stamp and slot.
type Values = MaxTree<(Stamp, u32), (i64, Stamp)>;

/// Everything that resolves, reads by number apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    /// The first fields of messages read by name.
    named: Values,
    /// Those of own messages, where the policy takes them for reads.
    own: Values,
    /// Those of messages marked unread, negated.
    marks: Values,
    /// Those of messages that the peer has read by name.
    peer: im::OrdSet<(i64, u32)>,
}

/// What one message gives, at one position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gives {
    read: Option<(i64, Stamp)>,
    own: Option<(i64, Stamp)>,
    mark: Option<(i64, Stamp)>,
    peer: Option<i64>,
}

impl Gives {
    /// What the message at `slot` gives, given what it adds to the totals.
    pub(crate) fn of(
        slot: u32,
        contribution: &Contribution,
        kind: ConversationKind,
        policy: Policy,
        (personal, shared): (&Personal, &Shared),
    ) -> Self {
        let Some(Position { first, rank, second, .. }) = contribution.position else {
            return Self::default();
        };
        let placed = rank == 0;
        let time = if kind == ConversationKind::Direct { first } else { second };
        let own = policy.own_message_reads && contribution.has(Contribution::OWN_READ);
        let stamped = |stamp: Option<&Stamp>, value: i64| stamp.map(|stamp| (value, *stamp));
        Self {
            read: stamped(personal.named_reads.get(&slot).filter(|_| placed), first),
            own: own.then(|| (first, own_read(time))),
            mark: stamped(personal.unread_marks.get(&slot), -first),
            peer: (placed && shared.named_peer_reads.contains(&slot)).then_some(first),
        }
    }

    /// What a read and a mark give that name a message at this first field, where it resolves for each.
    pub(crate) fn named(read: Option<(i64, Stamp)>, mark: Option<(i64, Stamp)>) -> Self {
        let mark = mark.map(|(first, stamp)| (-first, stamp));
        Self { read, mark, ..Self::default() }
    }

    /// Whether nothing of it is taken back where `new` comes in its place.
    pub(crate) fn only_grows(&self, new: &Self) -> bool {
        fn grows<T: PartialEq>(old: Option<T>, new: Option<T>) -> bool {
            old.is_none() || old == new
        }
        grows(self.read, new.read)
            && grows(self.own, new.own)
            && grows(self.mark, new.mark)
            && grows(self.peer, new.peer)
    }

    /// Adds it to fronts; the peer's greatest read apart.
    pub(crate) fn add_to(&self, reads: &mut Front, marks: &mut Front) {
        for (first, stamp) in self.read.into_iter().chain(self.own) {
            reads.insert(first, stamp);
        }
        if let Some((negated, stamp)) = self.mark {
            marks.insert(negated, stamp);
        }
    }

    pub(crate) fn peer(&self) -> Option<i64> {
        self.peer
    }
}

impl Resolved {
    /// All that resolves now.
    pub(crate) fn of(facts: &Facts, policy: Policy, said: (&Personal, &Shared)) -> Self {
        let mut all = Self::default();
        let (personal, shared) = said;
        let named = personal.named_reads.keys().chain(personal.unread_marks.keys());
        let mut slots: Vec<u32> = named.chain(shared.named_peer_reads.iter()).copied().collect();
        if policy.own_message_reads {
            let own = facts.arena.iter().filter(|(_, entry)| entry.has(bits::OWN) && entry.rank() == 0);
            slots.extend(own.map(|(slot, _)| slot));
        }
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let contribution = facts.contribution(slot);
            all.change(slot, &Gives::default(), &Gives::of(slot, &contribution, facts.kind, policy, said));
        }
        all
    }

    /// Puts what a message gives now in the place of what it gave.
    pub(crate) fn change(&mut self, slot: u32, old: &Gives, new: &Gives) {
        let write = |values: &mut Values, old: Option<(i64, Stamp)>, new: Option<(i64, Stamp)>| {
            if old != new {
                old.into_iter().for_each(|(_, stamp)| values.remove(&(stamp, slot)));
                new.into_iter().for_each(|(value, stamp)| values.insert((stamp, slot), (value, stamp)));
            }
        };
        write(&mut self.named, old.read, new.read);
        write(&mut self.own, old.own, new.own);
        write(&mut self.marks, old.mark, new.mark);
        if old.peer != new.peer {
            if let Some(first) = old.peer {
                self.peer.remove(&(first, slot));
            }
            self.peer.extend(new.peer.map(|first| (first, slot)));
        }
    }

    /// The greatest first field that the peer has read by name.
    pub(crate) fn peer(&self) -> Option<i64> {
        self.peer.get_max().map(|(first, _)| *first)
    }

    pub(crate) fn greatest_read(&self) -> Option<(i64, Stamp)> {
        self.named.greatest().max(self.own.greatest()).copied()
    }

    pub(crate) fn greatest_read_after(&self, stamp: Stamp) -> Option<(i64, Stamp)> {
        let after = |values: &Values| values.greatest_where(|(s, _)| *s > stamp);
        after(&self.named).max(after(&self.own))
    }

    /// How far the marks that count set back, given the greatest read after a stamp: see [`set_back`].
    pub(crate) fn set_back(
        &self,
        counts: impl Fn(Stamp) -> bool,
        later: impl Fn(Stamp) -> i64,
    ) -> Option<i64> {
        set_back(&self.marks, |(stamp, _)| counts(*stamp), |(stamp, _)| later(*stamp))
    }

    /// Adds all that resolves to fronts.
    pub(crate) fn add_to(&self, reads: &mut Front, marks: &mut Front) {
        for (_, (first, stamp)) in self.named.backwards().chain(self.own.backwards()) {
            reads.insert(*first, *stamp);
        }
        for (_, (negated, stamp)) in self.marks.backwards() {
            marks.insert(*negated, *stamp);
        }
    }
}

/// The least, over all marks that count, as every one behind one that does, of the greater of two: the first field just before its message, and the greatest read
/// `later` than it. Marks are held by stamp, first fields negated. From mark to mark the least first field of it and
/// those after it rises and the greatest later read falls, so the least of all is where the two meet: O(log² n).
pub(crate) fn set_back<K: Ord + Clone>(
    marks: &MaxTree<K, (i64, Stamp)>,
    counts: impl Fn(&K) -> bool,
    later: impl Fn(&K) -> i64,
) -> Option<i64> {
    let mut met = None;
    let [before, _] = marks.split_by_greatest(|mark, (negated, _)| {
        let before_message = -negated - 1;
        let is_behind = counts(mark) && before_message >= later(mark);
        if is_behind {
            met = Some(before_message);
        }
        is_behind
    });
    let before = before.filter(|(mark, _)| counts(mark)).map(|(mark, _)| later(mark));
    met.into_iter().chain(before).min()
}

/// The same of a front of marks.
pub(crate) fn set_back_by(
    marks: &Front,
    counts: impl Fn(Stamp) -> bool,
    later: impl Fn(Stamp) -> i64,
) -> Option<i64> {
    match marks {
        Front::Few(few) => {
            let counted = few.iter().filter(|(_, stamp)| counts(*stamp));
            counted.map(|(negated, stamp)| later(*stamp).max(-negated - 1)).min()
        }
        Front::Many(many) => set_back(many, |stamp| counts(*stamp), |stamp| later(*stamp)),
    }
}

/// The stamp of the read that an own message is (R39): its time, and the nil id.
pub(crate) fn own_read(time: i64) -> Stamp {
    Stamp::new(timestamp(time), EventId::from_bytes([0; 16]))
}
