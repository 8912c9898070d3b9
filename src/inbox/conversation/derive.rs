//! What is derived from a conversation's facts and kept: never the truth, always to be recounted.

use std::ops::Range;

use crate::inbox::conversation::personal::{Coverage, covers, reach};
use crate::inbox::conversation::state::{Conversation, own_read};
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::facts::Timeline;
use crate::inbox::timeline::order::{Order, Share, Sum};
use crate::model::event::GroupType;
use crate::model::policy::Policy;
use crate::model::time::Stamp;
use crate::register::lattice::{Front, raise};

/// 2^52: what a pin adds to the order key; activities stay below it, and the sum is exact in a double (R33).
pub(crate) const PINNED: u64 = 1 << 52;

/// Caches between the facts and the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Derived {
    /// All reads that resolve: by number, by message, and own messages where the policy says so.
    pub(crate) reads: Front,
    /// All marks whose target is known, first fields negated.
    pub(crate) marks: Front,
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

impl Derived {
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
        let greatest = self.reads.greatest().map_or(-1, |(first, _)| first);
        self.marks
            .iter()
            .map(|(negated, stamp)| {
                let later = self.reads.greatest_after(stamp).map_or(-1, |(first, _)| first);
                later.max(-negated - 1)
            })
            .fold(greatest, i64::min)
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
        derived.reads = self.reads.own.clone();
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
        derived.marks.clear();
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
        let Timeline { facts, order: Some(order) } = self.timeline.get() else { return };
        let personal = &self.personal;
        let draft = personal.drafts.current().map(|d| d.stamp);
        let opening = personal.opening();
        let at = |stamp: Option<Stamp>| stamp.map_or(-1, |s| s.at.as_millis());
        let activity = order.activity().max(at(draft)).max(at(opening)).max(0);
        let pinned = personal.is_pinned();
        let top = order.last().and_then(|slot| Some((slot, facts.arena.get(slot)?)));
        let top = top.filter(|(_, entry)| entry.is_known());
        let top = top.map(|(slot, entry)| (slot, entry, facts.share_of(slot, &entry)));
        let present = || last_uncovered(order, facts, top, Share::PRESENT, &personal.deleted).is_some();
        let (unread, mentions, mention_sig) = self.counts_shown(policy);
        self.row = Row {
            listed: pinned || draft.is_some() || opening.is_some() || present(),
            order_key: activity.unsigned_abs() + if pinned { PINNED } else { 0 },
            activity,
            unread,
            mentions,
            mention_sig,
            marker: self.derived.marker(),
            last: last_uncovered(order, facts, top, Share::SHOWN, &personal.cleared),
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
    order: &Order,
    facts: &crate::inbox::timeline::facts::Facts,
    top: Option<(u32, Entry, Share)>,
    flag: u8,
    coverage: &Coverage,
) -> Option<u32> {
    // Nearly always it is the very last message.
    if let Some((slot, entry, share)) = top
        && share.has(flag)
        && !covers(coverage, entry.position(), || facts.stamp(slot, &entry))
    {
        return Some(slot);
    }
    for slot in order.last_with(flag, facts) {
        let entry = facts.arena.get(slot)?;
        let position: Position = entry.position();
        if !covers(coverage, position, || facts.stamp(slot, &entry)) {
            return Some(slot);
        }
        if coverage.is_some_and(|(through, _)| position.first < through) {
            return None;
        }
    }
    None
}
