//! The row that a conversation has in the list, and the caches between it and the facts: never the truth, always to be recounted.

use std::sync::Arc;

use crate::inbox::containers::sparse::Rare;
use crate::inbox::conversation::indexes::Indexes;
use crate::inbox::conversation::resolved::{Gives, Resolved, set_back_by};
use crate::inbox::conversation::shared::Reads;
use crate::inbox::timeline::order::contribution::{Contribution, Sum};
use crate::model::badge::Counted;
use crate::model::event::ReceiveOption;
use crate::model::time::Stamp;
use crate::register::lattice::{Front, raise};

/// 2^52: what a pin adds to the order key; activities stay below it, and the sum is exact in a double (R33).
pub(crate) const PINNED: u64 = 1 << 52;

/// Caches between the facts and the row.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    /// All reads that resolve: by number, by message, and own messages where the policy says so. Once a message that
    /// gave one has moved, those by number.
    pub(crate) reads: Front,
    /// All marks whose target is known, first fields negated. Once a message that gave one has moved, none.
    pub(crate) marks: Front,
    /// All that resolve, those by number apart, once a message that gave one has moved.
    pub(crate) resolved: Option<Arc<Resolved>>,
    pub(crate) indexes: Rare<Indexes>,
    /// The greatest first field the peer has read, -1 for none.
    pub(crate) peer_read: i64,
    /// Reads, marks and peer reads must be resolved anew.
    pub(crate) stale: bool,
    pub(crate) floor: i64,
    pub(crate) unread: u32,
    pub(crate) mentions: u32,
    pub(crate) mention_sig: u64,
}

impl Default for Derived {
    fn default() -> Self {
        Self {
            reads: Front::default(),
            marks: Front::default(),
            resolved: None,
            indexes: Rare::default(),
            peer_read: -1,
            stale: false,
            floor: -1,
            unread: 0,
            mentions: 0,
            mention_sig: 0,
        }
    }
}

/// One line of the list, as far as the conversation alone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) listed: bool,
    /// Whether it shows as archived (R56).
    pub(crate) archived: bool,
    /// The receive option, and whether it bears the marks HIDE and UNREAD: totals follow from these.
    pub(crate) option: ReceiveOption,
    pub(crate) hidden: bool,
    pub(crate) marked: bool,
    pub(crate) order_key: u64,
    pub(crate) activity: i64,
    pub(crate) unread: u32,
    pub(crate) mentions: u32,
    pub(crate) mention_sig: u64,
    /// The read marker as a first field, -1 for none.
    pub(crate) marker: i64,
    /// The slot of the last message.
    pub(crate) last: Option<u32>,
    /// The unread messages, or the mentions, may be more (R46, R47).
    pub(crate) unread_bounded: bool,
    pub(crate) mentions_bounded: bool,
    /// There may be a message behind the last that is held (R48).
    pub(crate) last_is_older: bool,
}

impl Row {
    /// Its order key, if it is listed.
    pub(crate) fn key(&self) -> Option<u64> {
        self.listed.then_some(self.order_key)
    }

    /// Whether surely no message is unread.
    pub(crate) fn has_none_unread(&self) -> bool {
        self.unread == 0 && !self.unread_bounded
    }

    /// Whether totals differ by nothing but its numbers of messages, which are exact.
    #[inline]
    pub(crate) fn is_counted_like(&self, other: &Self) -> bool {
        self.listed == other.listed
            && self.option == other.option
            && self.archived == other.archived
            && self.hidden == other.hidden
            && self.marked == other.marked
            && !(self.unread_bounded | self.mentions_bounded | other.unread_bounded | other.mentions_bounded)
    }

    /// Whether a mention shows or is counted: a server may list one that may have been taken back since (R47).
    pub(crate) fn is_mentioned(&self) -> bool {
        self.mentions > 0 || self.mention_sig != 0
    }

    /// What totals follow from.
    #[inline]
    pub(crate) fn counted(&self) -> Counted {
        let Self { unread, mentions, option, archived, hidden, marked, .. } = *self;
        let Self { unread_bounded, mentions_bounded, .. } = *self;
        #[rustfmt::skip]
        let counted = Counted {
            unread, mentions, option, archived, hidden, marked, mentioned: self.is_mentioned(), unread_bounded, mentions_bounded,
        };
        counted
    }
}

impl Default for Row {
    fn default() -> Self {
        Self {
            listed: false,
            archived: false,
            option: ReceiveOption::default(),
            hidden: false,
            marked: false,
            order_key: 0,
            activity: 0,
            unread: 0,
            mentions: 0,
            mention_sig: 0,
            marker: -1,
            last: None,
            unread_bounded: false,
            mentions_bounded: false,
            last_is_older: false,
        }
    }
}

impl PartialEq for Derived {
    fn eq(&self, other: &Self) -> bool {
        let counts = |d: &Self| (d.peer_read, d.stale, d.floor, d.unread, d.mentions, d.mention_sig);
        counts(self) == counts(other) && self.fronts() == other.fronts()
    }
}

impl Derived {
    /// What a snapshot says: see [`Derived::fronts`].
    pub(crate) fn of_fronts(reads: Front, marks: Front) -> Self {
        Self { reads, marks, ..Self::default() }
    }

    /// The reads and the marks that resolve and that no other dominates.
    pub(crate) fn fronts(&self) -> (Front, Front) {
        let (mut reads, mut marks) = (self.reads.clone(), self.marks.clone());
        self.resolved.iter().for_each(|resolved| resolved.add_to(&mut reads, &mut marks));
        (reads, marks)
    }

    /// Adds a read by number.
    pub(crate) fn read(&mut self, first: i64, stamp: Stamp) {
        self.reads.insert(first, stamp);
    }

    /// Keeps from now on all that resolve.
    pub(crate) fn resolve(&mut self, reads: &Reads, resolved: Resolved) {
        (self.reads, self.marks) = (reads.own.clone(), Front::default());
        self.peer_read = resolved.peer().unwrap_or(-1).max(reads.peer);
        self.resolved = Some(Arc::new(resolved));
    }

    /// Takes other reads by number, where all that resolve are kept.
    pub(crate) fn rebase(&mut self, reads: &Reads) {
        self.reads = reads.own.clone();
    }

    /// Puts what a message gives now in the place of what it gave.
    pub(crate) fn change(&mut self, reads: &Reads, slot: u32, old: &Gives, new: &Gives) {
        match &mut self.resolved {
            None => {
                new.add_to(&mut self.reads, &mut self.marks);
                raise(&mut self.peer_read, new.peer().unwrap_or(-1));
            }
            Some(resolved) => {
                let resolved = Arc::make_mut(resolved);
                resolved.change(slot, old, new);
                self.peer_read = resolved.peer().unwrap_or(-1).max(reads.peer);
            }
        }
    }

    /// The greatest read that resolves.
    pub(crate) fn greatest_read(&self) -> Option<(i64, Stamp)> {
        self.reads.greatest().max(self.resolved.as_ref().and_then(|resolved| resolved.greatest_read()))
    }

    /// The greatest read later than a stamp.
    pub(crate) fn greatest_read_after(&self, stamp: Stamp) -> Option<(i64, Stamp)> {
        let named = self.resolved.as_ref().and_then(|resolved| resolved.greatest_read_after(stamp));
        self.reads.greatest_after(stamp).max(named)
    }

    /// Carries one message's change over to the counts.
    pub(crate) fn account(&mut self, before: &Contribution, after: &Contribution) {
        if before.is_after(self.floor) {
            self.unread = self.unread.saturating_sub(u32::from(before.has(Contribution::UNREAD)));
            self.mentions = self.mentions.saturating_sub(u32::from(before.has(Contribution::MENTION)));
            self.mention_sig = self.mention_sig.wrapping_sub(before.mention_sig);
        }
        if after.is_after(self.floor) {
            self.unread = self.unread.saturating_add(u32::from(after.has(Contribution::UNREAD)));
            self.mentions = self.mentions.saturating_add(u32::from(after.has(Contribution::MENTION)));
            self.mention_sig = self.mention_sig.wrapping_add(after.mention_sig);
        }
    }

    /// The read marker: the greatest read, unless a mark set it back (R42).
    pub(crate) fn marker(&self) -> i64 {
        let first = |read: Option<(i64, Stamp)>| read.map_or(-1, |(first, _)| first);
        let greatest = first(self.greatest_read());
        let later = |stamp: Stamp| first(self.greatest_read_after(stamp));
        let back = match &self.resolved {
            None => set_back_by(&self.marks, |_| true, later),
            Some(resolved) => resolved.set_back(|_| true, later),
        };
        back.map_or(greatest, |back| back.min(greatest))
    }

    /// How far the marks written since a stamp set back, given the greatest read later than a stamp; `None` without
    /// such a mark.
    pub(crate) fn set_back_since(&self, since: Stamp, later: impl Fn(Stamp) -> i64) -> Option<i64> {
        let counts = |stamp: Stamp| stamp > since;
        match &self.resolved {
            None => set_back_by(&self.marks, counts, later),
            Some(resolved) => resolved.set_back(counts, later),
        }
    }

    /// Whether a mark that resolves was written since a stamp.
    pub(crate) fn has_mark_since(&self, since: Stamp) -> bool {
        self.set_back_since(since, |_| -1).is_some()
    }

    /// Nothing at or before this first field counts as unread or mention.
    pub(crate) fn floor(&self) -> i64 {
        self.floor
    }

    pub(crate) fn set_counts(&mut self, floor: i64, sum: &Sum) {
        self.floor = floor;
        self.unread = sum.unread;
        self.mentions = sum.mentions;
        self.mention_sig = sum.mention_sig;
    }
}
