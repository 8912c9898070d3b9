//! What is derived from a conversation's facts and kept: never the truth, always to be recounted.

use std::ops::Range;
use std::sync::Arc;

use crate::inbox::conversation::edge::{self, Edge, Edges, edge_of};
use crate::inbox::conversation::personal::{Coverage, covers, reach};
use crate::inbox::conversation::resolved::{Gives, Resolved, set_back_by};
use crate::inbox::conversation::state::{Conversation, Reads, own_read};
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::facts::Timeline;
use crate::inbox::timeline::order::{Share, Sum};
use crate::model::event::GroupType;
use crate::model::policy::Policy;
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
    pub(crate) edges: Edges,
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
            edges: Edges::default(),
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
    pub(crate) order_key: u64,
    pub(crate) activity: i64,
    pub(crate) unread: u32,
    pub(crate) mentions: u32,
    pub(crate) mention_sig: u64,
    /// The read marker as a first field, -1 for none.
    pub(crate) marker: i64,
    /// The slot of the last message.
    pub(crate) last: Option<u32>,
}

impl Row {
    /// Its order key, if it is listed.
    pub(crate) fn key(&self) -> Option<u64> {
        self.listed.then_some(self.order_key)
    }
}

impl Default for Row {
    fn default() -> Self {
        Self {
            listed: false,
            order_key: 0,
            activity: 0,
            unread: 0,
            mentions: 0,
            mention_sig: 0,
            marker: -1,
            last: None,
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
    pub(crate) fn account(&mut self, before: &Share, after: &Share) {
        if before.is_after(self.floor) {
            self.unread = self.unread.saturating_sub(u32::from(before.has(Share::UNREAD)));
            self.mentions = self.mentions.saturating_sub(u32::from(before.has(Share::MENTION)));
            self.mention_sig = self.mention_sig.wrapping_sub(before.mention_sig);
        }
        if after.is_after(self.floor) {
            self.unread = self.unread.saturating_add(u32::from(after.has(Share::UNREAD)));
            self.mentions = self.mentions.saturating_add(u32::from(after.has(Share::MENTION)));
            self.mention_sig = self.mention_sig.wrapping_add(after.mention_sig);
        }
    }

    /// The read marker: the greatest read, unless a mark set it back (R42).
    fn marker(&self) -> i64 {
        let first = |read: Option<(i64, Stamp)>| read.map_or(-1, |(first, _)| first);
        let greatest = first(self.greatest_read());
        let later = |stamp: Stamp| first(self.greatest_read_after(stamp));
        let back = match &self.resolved {
            None => set_back_by(&self.marks, later),
            Some(resolved) => resolved.set_back(later),
        };
        back.map_or(greatest, |back| back.min(greatest))
    }

    /// Nothing at or before this first field counts as unread or mention.
    pub(crate) fn floor(&self) -> i64 {
        self.floor
    }

    fn set_counts(&mut self, floor: i64, sum: &Sum) {
        self.floor = floor;
        self.unread = sum.unread;
        self.mentions = sum.mentions;
        self.mention_sig = sum.mention_sig;
    }
}

impl Conversation {
    /// Builds order and caches from the facts alone, and the row from them.
    pub(crate) fn rebuild(&mut self, policy: Policy) {
        self.rebuild_along(policy, &[]);
    }

    /// The same where the messages came in these runs of slots, one after the other; without one, in that of slots.
    pub(crate) fn rebuild_along(&mut self, policy: Policy, runs: &[Range<u32>]) {
        if let Some(timeline) = self.timeline.get_mut() {
            timeline.build_order(runs);
        }
        self.derived.edges = Edges::default();
        self.resolve_reads(policy);
        let floor = self.floor();
        self.recount(floor);
        self.derive_row(policy);
    }

    /// Derives the row anew after some facts were folded in.
    pub(crate) fn refresh(&mut self, policy: Policy) {
        if self.derived.stale {
            self.resolve_reads(policy);
        }
        let floor = self.floor();
        if floor != self.derived.floor {
            self.recount(floor);
        }
        self.derive_row(policy);
    }

    fn floor(&self) -> i64 {
        let personal = &self.personal;
        self.derived.marker().max(reach(&personal.deleted)).max(reach(&personal.cleared))
    }

    fn recount(&mut self, floor: i64) {
        let Timeline { facts, order } = self.timeline.get();
        let sum = order.as_ref().map_or(Sum::ZERO, |order| order.sum_after(floor, facts));
        self.derived.set_counts(floor, &sum);
    }

    /// Resolves every read, mark and peer read from nothing.
    fn resolve_reads(&mut self, policy: Policy) {
        let facts = &self.timeline.get().facts;
        let derived = &mut self.derived;
        derived.stale = false;
        (derived.reads, derived.marks, derived.resolved) = (self.reads.own.clone(), Front::default(), None);
        for (slot, stamp) in &self.personal.named_reads {
            if let Some(first) = facts.read_target(*slot) {
                derived.reads.insert(first, *stamp);
            }
        }
        if policy.own_message_reads {
            for (_, entry) in facts.arena.iter() {
                if entry.has(bits::OWN) && entry.is_known() && entry.rank() == 0 {
                    derived.reads.insert(entry.first, own_read(facts.time(&entry)));
                }
            }
        }
        for (slot, stamp) in &self.personal.unread_marks {
            if let Some(first) = facts.known_first(*slot) {
                derived.marks.insert(-first, *stamp);
            }
        }
        derived.peer_read = self.reads.peer;
        for slot in &self.shared.named_peer_reads {
            if let Some(first) = facts.read_target(*slot) {
                raise(&mut derived.peer_read, first);
            }
        }
    }

    fn derive_row(&mut self, policy: Policy) {
        let timeline = self.timeline.get();
        let Timeline { facts, order: Some(order) } = timeline else { return };
        let personal = &self.personal;
        let draft = personal.drafts.current().map(|d| d.stamp);
        let opening = personal.opening();
        let at = |stamp: Option<Stamp>| stamp.map_or(-1, |s| s.at.as_millis());
        let activity = order.activity().max(at(draft)).max(at(opening)).max(0);
        let pinned = personal.is_pinned();
        let top = order.last().and_then(|slot| Some((slot, facts.arena.get(slot)?)));
        let top = top.filter(|(_, entry)| entry.is_known());
        let top = top.map(|(slot, entry)| (slot, entry, facts.share_of(slot, &entry)));
        let mut edges = std::mem::take(&mut self.derived.edges);
        let last = |flag, coverage, edge| last_uncovered(timeline, top, (flag, coverage), edge);
        let shown = last(Share::SHOWN, &personal.cleared, &mut edges.cleared);
        let stands = pinned || draft.is_some() || opening.is_some();
        let listed = stands || last(Share::PRESENT, &personal.deleted, &mut edges.deleted).is_some();
        let (unread, mentions, mention_sig) = self.counts_shown(policy);
        self.derived.edges = edges;
        self.row = Row {
            listed,
            order_key: activity.unsigned_abs() + if pinned { PINNED } else { 0 },
            activity,
            unread,
            mentions,
            mention_sig,
            marker: self.derived.marker(),
            last: shown,
        };
    }

    /// Unread, mentions and what tells these apart, as far as the group's type lets them count.
    fn counts_shown(&self, policy: Policy) -> (u32, u32, u64) {
        let Derived { unread, mentions, mention_sig, .. } = self.derived;
        match self.group_type() {
            Some(GroupType::AvChatRoom) => (0, 0, 0),
            Some(GroupType::Meeting) if !policy.meeting_unread => (0, mentions, mention_sig),
            _ => (unread, mentions, mention_sig),
        }
    }

    /// Derives the row anew after nothing but an ordinary message was added, behind all others and whatever covers any.
    pub(crate) fn append_row(&mut self, policy: Policy, slot: u32, at: i64) {
        let (unread, mentions, mention_sig) = self.counts_shown(policy);
        let row = &mut self.row;
        row.activity = row.activity.max(at);
        row.order_key = row.activity.unsigned_abs() + if row.order_key >= PINNED { PINNED } else { 0 };
        (row.unread, row.mentions, row.mention_sig) = (unread, mentions, mention_sig);
        (row.listed, row.last) = (true, Some(slot));
        if cfg!(debug_assertions) {
            let appended = self.row;
            self.refresh(policy);
            debug_assert_eq!(appended, self.row, "an ordinary message changes a row in the plainest way");
        }
    }
}

/// The last message with `flag` that `coverage` does not cover, where `top` is the last of all.
fn last_uncovered(
    timeline: &Timeline,
    top: Option<(u32, Entry, Share)>,
    (flag, coverage): (u8, &Coverage),
    edge: &mut Option<Arc<Edge>>,
) -> Option<u32> {
    let Timeline { facts, order: Some(order) } = timeline else { return None };
    // Nearly always it is the very last message.
    if let Some((slot, entry, share)) = top
        && share.has(flag)
        && !covers(coverage, entry.position(), || facts.stamp(slot, &entry))
    {
        return Some(slot);
    }
    for (turn, slot) in order.last_with(flag, facts).enumerate() {
        let entry = facts.arena.get(slot)?;
        let position: Position = entry.position();
        if !covers(coverage, position, || facts.stamp(slot, &entry)) {
            return Some(slot);
        }
        let (through, stamp) = (*coverage)?;
        if position.first < through {
            return None;
        }
        // Covered, at the very edge: so is all that stands there but what was introduced later.
        if turn >= edge::FEW {
            return edge_of(edge, through, timeline).last_after(stamp, flag);
        }
    }
    None
}
