//! What is derived from a conversation's facts and kept: never the truth, always to be recounted.

use std::ops::Range;
use std::sync::Arc;

use crate::inbox::containers::sparse::Rare;
use crate::inbox::conversation::boundary::{self, Boundary, boundary_of};
use crate::inbox::conversation::bounds::Rule;
use crate::inbox::conversation::indexes::Indexes;
use crate::inbox::conversation::ledger::{Ledger, Number};
use crate::inbox::conversation::personal::{Coverage, Personal, covers, reach};
use crate::inbox::conversation::reported::Reported;
use crate::inbox::conversation::resolved::own_read;
use crate::inbox::conversation::row::{Derived, PINNED, Row};
use crate::inbox::conversation::state::Conversation;
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::facts::Timeline;
use crate::inbox::timeline::order::contribution::{Contribution, Look as _, Sum};
use crate::model::event::{GroupType, Mark};
use crate::model::id::ConversationKind;
use crate::model::impossible::impossible;
use crate::model::policy::Policy;
use crate::model::time::Stamp;
use crate::register::canonical_form::hash_of_two;
use crate::register::lattice::{Front, raise};

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
        self.derived.indexes = Rare::default();
        if self.personal.written().is_some_and(Personal::has_ledger) {
            self.personal.forget_ledger();
        }
        self.resolve_reads(policy);
        self.follow_report();
        let floor = self.floor();
        self.recount(floor);
        self.derive_row(policy);
    }

    /// Derives the row anew after some facts were folded in.
    pub(crate) fn refresh(&mut self, policy: Policy) {
        if self.derived.stale {
            self.resolve_reads(policy);
        }
        self.follow_report();
        let floor = self.floor();
        if floor != self.derived.floor {
            self.recount(floor);
        }
        self.derive_row(policy);
    }

    fn floor(&self) -> i64 {
        let personal = &self.personal;
        self.marker().max(reach(&personal.deleted)).max(reach(&personal.cleared))
    }

    /// Has the ledger, if there is one, follow the report that counts now.
    fn follow_report(&mut self) {
        let Some(said) = self.personal.written().and_then(Personal::said) else { return };
        if self.personal.reported.ledger.0.get().is_some_and(|ledger| !ledger.is_for(said.report)) {
            self.personal.change_ledger(|ledger, said| ledger.follow(said.report));
        }
    }

    /// The rules of partial histories, where a report stands (R46).
    pub(crate) fn rule(&self) -> Option<Rule<'_>> {
        let said = self.personal.written()?.said()?;
        let timeline = self.timeline.get();
        let ledger = self.personal.reported.ledger.0.get_or_init(|| Box::new(Ledger::of(timeline, said)));
        Some(Rule::new(said.report, ledger, timeline, &self.derived, &self.personal))
    }

    /// The stretches that are not held, the newest first: their ends, and whether they touch the number (R48).
    pub(crate) fn gaps(&self) -> impl Iterator<Item = (i64, i64, bool)> + use<'_> {
        let (cleared, bounded) = (reach(&self.personal.cleared), self.row.unread_bounded);
        let gaps = self.rule().into_iter().flat_map(move |rule| rule.gaps(cleared));
        gaps.map(move |(first, last, behind)| (first, last, behind && bounded))
    }

    /// What tells the gaps apart from others, and that of the first unread message, for comparing two moments of one
    /// inbox; 0 without a report.
    pub(crate) fn gaps_hash(&self) -> u64 {
        let Some(rule) = self.rule() else { return 0 };
        let bounded = self.row.unread_bounded;
        let gaps = rule.gaps_hash(reach(&self.personal.cleared), bounded);
        let Some((first, last)) = self.first_gap() else { return gaps };
        gaps.wrapping_add(hash_of_two(!first, 2 * last + i64::from(bounded)))
    }

    /// The gap in which the first unread message may be, or behind it: one before every held message that counts (R48).
    pub(crate) fn first_gap(&self) -> Option<(i64, i64)> {
        let rule = self.rule()?;
        if self.row.has_none_unread() {
            return None;
        }
        let gap = rule.oldest_gap(rule.m().max(reach(&self.personal.cleared)))?;
        let (facts, floor) = (self.facts(), self.derived.floor());
        let order = self.order().filter(|_| self.derived.unread > 0);
        let first = order.and_then(|order| order.with_after(Contribution::UNREAD, floor, facts).next());
        first.is_none_or(|slot| facts.position(slot).first >= gap.0).then_some(gap)
    }

    /// The read marker that shows (R42, R45).
    fn marker(&self) -> i64 {
        match self.rule() {
            Some(rule) if rule.knows_read() => rule.shown_marker(),
            _ => self.derived.marker(),
        }
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
        let Timeline { facts, order: Some(order) } = timeline else {
            impossible!("a row is derived once the order is there");
            return;
        };
        let personal = &self.personal;
        let draft = personal.drafts.current().map(|d| d.stamp);
        let opening = personal.opening();
        let at = |stamp: Option<Stamp>| stamp.map_or(-1, |s| s.at.as_millis());
        let told = personal.reported.written();
        let active = order.activity().max(told.map_or(-1, Reported::active_ms));
        let activity = active.max(at(draft)).max(at(opening)).max(0);
        let pinned = personal.is_pinned();
        let top = order.last().and_then(|slot| Some((slot, facts.arena.get(slot)?)));
        let top = top.filter(|(_, entry)| entry.is_known());
        let top = top.map(|(slot, entry)| (slot, entry, facts.contribution_of(slot, &entry)));
        let mut indexes = std::mem::take(&mut self.derived.indexes);
        let mut last = |flag, coverage, boundary: BoundaryOf| {
            last_uncovered(timeline, top, (flag, coverage), (&mut indexes, boundary))
        };
        let shown = last(Contribution::SHOWN, &personal.cleared, |indexes| &mut indexes.cleared);
        let stands = pinned || draft.is_some() || opening.is_some();
        let listed = stands
            || last(Contribution::PRESENT, &personal.deleted, |indexes| &mut indexes.deleted).is_some()
            || told.is_some_and(|told| told.lists(reach(&personal.deleted)));
        let (unread, mentions, mention_sig) = self.counts_shown(policy);
        self.derived.indexes = indexes;
        let row = Row {
            listed,
            archived: personal.is_archived(active),
            option: personal.option_setting().option,
            hidden: personal.has_mark(Mark::HIDE),
            marked: personal.has_mark(Mark::UNREAD),
            order_key: activity.unsigned_abs() + if pinned { PINNED } else { 0 },
            activity,
            unread,
            mentions,
            mention_sig,
            marker: self.marker(),
            last: shown,
            unread_bounded: false,
            mentions_bounded: false,
            last_is_older: false,
        };
        self.row = row;
        if told.is_some() {
            self.bound_row(policy);
        }
    }

    /// Puts what a report says into the row (R46–R48).
    fn bound_row(&mut self, policy: Policy) {
        let mut row = self.row;
        let Some(rule) = self.rule() else { return };
        if self.lets_count(policy) {
            (row.unread, row.unread_bounded) = rule.interval(Number::Unread).shown();
        }
        if self.lets_mention() {
            (row.mentions, row.mentions_bounded) = rule.interval(Number::Mentions).shown();
            row.mention_sig = row.mention_sig.wrapping_add(rule.listed_signature());
        }
        let last = row.last.and_then(|slot| self.facts().arena.get(slot)).map_or(-1, |entry| entry.first);
        row.last_is_older = rule.unheld_to_report(last.max(reach(&self.personal.cleared))) > 0;
        self.row = row;
    }

    /// Whether messages mention anybody in a conversation of its type (R26).
    pub(crate) fn lets_mention(&self) -> bool {
        self.id.kind() == ConversationKind::Group && self.group_type() != Some(GroupType::AvChatRoom)
    }

    /// Whether messages count as unread in a conversation of its type (R23).
    pub(crate) fn lets_count(&self, policy: Policy) -> bool {
        match self.group_type() {
            Some(GroupType::AvChatRoom) => false,
            Some(GroupType::Meeting) => policy.meeting_unread,
            _ => true,
        }
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
        // A message never brings one into the archive.
        let archived = self.row.archived && self.personal.is_archived(at);
        let row = &mut self.row;
        row.archived = archived;
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

/// Which of the two edges.
type BoundaryOf = fn(&mut Indexes) -> &mut Option<Arc<Boundary>>;

/// The last message with `flag` that `coverage` does not cover, where `top` is the last of all.
fn last_uncovered(
    timeline: &Timeline,
    top: Option<(u32, Entry, Contribution)>,
    (flag, coverage): (u8, &Coverage),
    (indexes, boundary): (&mut Rare<Indexes>, BoundaryOf),
) -> Option<u32> {
    let Timeline { facts, order: Some(order) } = timeline else {
        impossible!("a row is derived once the order is there");
        return None;
    };
    // Nearly always it is the very last message.
    if let Some((slot, entry, contribution)) = top
        && contribution.has(flag)
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
        if turn >= boundary::FEW {
            return boundary_of(boundary(indexes), through, timeline).last_after(stamp, flag);
        }
    }
    None
}

impl Conversation {
    /// Whether a deletion of the conversation covers a message, by where it stands or by name (R37).
    pub(crate) fn is_deleted(&self, slot: u32, entry: &Entry) -> bool {
        let stamp = || self.facts().stamp(slot, entry);
        entry.has(bits::UNLISTED) || covers(&self.personal.deleted, entry.position(), stamp)
    }

    /// Whether a message has `flag` and stands after the read marker and what was deleted or cleared.
    pub(crate) fn counts(&self, slot: u32, flag: u8) -> bool {
        let contribution = self.facts().contribution(slot);
        contribution.has(flag) && contribution.is_after(self.derived.floor())
    }
}
