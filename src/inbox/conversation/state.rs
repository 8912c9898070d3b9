//! One conversation: its timeline (shared facts), what is the owner's alone, and the row derived from both.

use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use crate::inbox::containers::interner::Interner;
use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::sparse::Rare;
use crate::inbox::conversation::boundary::{Boundary, boundary_of};
use crate::inbox::conversation::indexes::Indexes;
use crate::inbox::conversation::personal::{Archiving, Coverage, OptionSetting, Personal};
use crate::inbox::conversation::resolved::{Gives, Resolved};
use crate::inbox::conversation::restored::Restored;
use crate::inbox::conversation::row::{Derived, Row};
use crate::inbox::conversation::shared::{Reads, Shared};
use crate::inbox::effects::introduced;
use crate::inbox::timeline::entry::{Position, bits};
use crate::inbox::timeline::facts::{Facts, Pushed, Timeline, load_all};
use crate::inbox::timeline::introduction::Introduction;
use crate::inbox::timeline::order::contribution::{Contribution, Look};
use crate::inbox::timeline::order::tree::Order;
use crate::inbox::timeline::rare_facts::{ReasonText, RecallFact, SentFact};
use crate::model::event::{Event, Fact, GroupType, Through};
use crate::model::id::{ConversationId, ConversationKind, MessageId, UserId};
use crate::model::policy::Policy;
use crate::model::time::Stamp;
use crate::register::lattice::{Lww, raise};
use crate::store::snapshot::HistoryFault;

/// What folding one conversation needs of the inbox around it.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    pub(crate) owner: &'a UserId,
    pub(crate) policy: Policy,
    pub(crate) users: &'a mut Interner<UserId>,
    /// The number of the conversation.
    pub(crate) number: u32,
    /// What was cleared away when the batch began.
    pub(crate) cleared: Coverage,
    /// The messages touched; absent in a bulk replay.
    pub(crate) trace: Option<&'a mut Touches>,
}

/// A message that some fact touched, with a hash of what showed of it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Touched {
    pub(crate) conversation: u32,
    pub(crate) slot: u32,
    pub(crate) before: Option<u64>,
}

/// The messages that a batch touched: few, where it is one event.
pub(crate) type Touches = SmallVec<[Touched; 2]>;

#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) id: ConversationId,
    /// The number of the peer of a direct chat.
    pub(crate) peer: Option<u32>,
    pub(crate) timeline: Lazy<Timeline>,
    pub(crate) shared: Rare<Shared>,
    pub(crate) personal: Rare<Personal>,
    pub(crate) reads: Reads,
    pub(crate) derived: Derived,
    pub(crate) row: Row,
    /// Present while part of it may lie, unverified, in a snapshot.
    pub(crate) restored: Option<Restored>,
}

/// A timeline without messages, the same for all conversations that have none.
fn no_messages(kind: ConversationKind) -> Arc<Timeline> {
    static DIRECT: OnceLock<Arc<Timeline>> = OnceLock::new();
    static GROUP: OnceLock<Arc<Timeline>> = OnceLock::new();
    let place = if kind == ConversationKind::Group { &GROUP } else { &DIRECT };
    Arc::clone(place.get_or_init(|| Arc::new(Timeline::new(kind))))
}

impl Conversation {
    /// A conversation nothing is known of; `live` keeps it in order from the start.
    pub(crate) fn new(id: ConversationId, peer: Option<u32>, live: bool) -> Self {
        let kind = id.kind();
        Self {
            id,
            peer,
            timeline: match live {
                true => Lazy::shared(no_messages(kind)),
                false => Lazy::new(Timeline::bulk(kind)),
            },
            shared: Rare::default(),
            personal: Rare::default(),
            reads: Reads::default(),
            derived: Derived::default(),
            row: Row::default(),
            restored: None,
        }
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.timeline.get().facts
    }

    pub(crate) fn order(&self) -> Option<&Order> {
        self.timeline.get().order.as_ref()
    }

    /// Takes in a fact that [`has_effect`]. The row is not derived anew: see [`Conversation::refresh`].
    pub(crate) fn fold(&mut self, around: &mut Around<'_>, by: &UserId, stamp: Stamp, fact: &Fact) {
        match fact {
            Fact::Opened { group_type } => {
                if let Some(group_type) = group_type {
                    self.shared.group_type.set(stamp, *group_type);
                }
                if by == around.owner {
                    raise(&mut self.personal.opened, Some(stamp));
                }
            }
            Fact::MessageReceived(_) | Fact::MessageQueued(_) | Fact::MessageImported { .. } => {
                let Some((class, author, message)) = introduced(fact) else { return };
                let author = author.unwrap_or(by);
                let author = (author, around.users.intern(author));
                self.introduce(around, &Introduction::of(around.owner, class, stamp, author, message));
            }
            Fact::Read { through } => self.read(stamp, *through),
            Fact::PeerRead { through } => self.peer_read(*through),
            Fact::MarkedUnreadFrom { target } => self.mark_unread_from(stamp, *target),
            Fact::MessagesDeleted { targets } => {
                for target in targets {
                    self.touch_id(around, *target, |facts, slot| facts.put_away(slot, stamp, bits::DELETED));
                }
            }
            Fact::HistoryCleared { through, also } => {
                self.clear_again(through.first_field());
                raise(&mut self.personal.cleared, Some((through.first_field(), stamp)));
                self.take_by_name(around, stamp, also, bits::CLEARED);
            }
            Fact::Deleted { through, keep_messages, also } => {
                self.clear_again(through.first_field());
                self.personal.delete(through.first_field(), stamp, *keep_messages);
                let cleared = if *keep_messages { 0 } else { bits::CLEARED };
                self.take_by_name(around, stamp, also, bits::UNLISTED | cleared);
            }
            Fact::Pinned { on } => {
                self.personal.pinned.set(stamp, *on);
            }
            Fact::DraftSet { text, replaces } => {
                let deleted = self.personal.deleted_at;
                self.personal.drafts.set(stamp, text.as_deref(), *replaces, deleted);
            }
            Fact::MarkSet { mark, on } => {
                self.personal.marks.entry(*mark).or_default().set(stamp, *on);
            }
            Fact::CustomDataSet { data } => {
                self.personal.custom_data.set(stamp, data.as_slice().into());
            }
            Fact::ReceiveOptionSet { option, until } => {
                self.personal.receive_option.set(stamp, OptionSetting { option: *option, until: *until });
            }
            Fact::Archived { on, stay } => {
                self.personal.archived.set(stamp, Archiving { on: *on, stay: *stay });
            }
            Fact::MembershipSet { state, .. } => {
                self.personal.membership.set(stamp, *state);
            }
            Fact::UnreadReported(report) => {
                if let Some(read) = report.read {
                    self.read(stamp, read);
                }
                self.personal.reported.report(stamp, report);
            }
            Fact::HistoryComplete { from, through } => {
                let (first, last) = (from.first_field(), through.first_field());
                self.personal.reported.complete.add(first, last);
                self.personal.change_ledger(|ledger, _| ledger.complete(first, last));
            }
            Fact::HistoryWindow { after, through } => {
                let through = through.map(|through| through.first_field());
                self.personal.windows.value(after.first_field()).set(stamp, through);
            }
            Fact::FolderMemberSet { .. } => {}
            _ => self.fold_about_message(around, by, stamp, fact),
        }
    }

    /// Takes in a fact that names messages and concerns only them.
    fn fold_about_message(&mut self, around: &mut Around<'_>, by: &UserId, stamp: Stamp, fact: &Fact) {
        match fact {
            Fact::MessageModified { target, edit } => {
                let owner = around.owner;
                self.touch_id(around, *target, |facts, slot| facts.edit(slot, stamp, edit, owner));
            }
            Fact::MessagesRead { targets, on } => {
                let mut said = Lww::default();
                said.set(stamp, *on);
                for target in targets {
                    self.touch_id(around, *target, |facts, slot| facts.join_named_read(slot, &said));
                }
            }
            Fact::MessageRecalled { target, reason } => {
                let recall = RecallFact { by: by.clone(), reason: reason.as_deref().map(ReasonText::from) };
                self.touch_id(around, *target, |facts, slot| facts.recall(slot, stamp, recall));
            }
            Fact::MessageReadBy { targets } => {
                let reader = around.users.intern(by);
                for target in targets {
                    self.touch_id(around, *target, |facts, slot| {
                        facts.change_social(slot, |social| {
                            social.read_by(reader);
                        });
                    });
                }
            }
            Fact::ReactionSet { target, reaction, on } => {
                let actor = around.users.intern(by);
                self.touch_id(around, *target, |facts, slot| {
                    facts.change_social(slot, |social| social.react(reaction, actor, stamp, *on));
                });
            }
            Fact::ExtensionSet { target, key, value, seq } => {
                let (key, value) = (key.as_str().into(), value.as_deref().map(Arc::from));
                self.touch_id(around, *target, |facts, slot| {
                    facts.change_social(slot, |social| social.set_extension(&key, (*seq, stamp, value)));
                });
            }
            Fact::ExtensionsCleared { target, seq } => {
                self.touch_id(around, *target, |facts, slot| {
                    facts.change_social(slot, |social| social.clear_extensions(*seq));
                });
            }
            Fact::MessagePinned { target, on } => {
                self.touch_id(around, *target, |facts, slot| facts.pin(slot, stamp, *on));
            }
            Fact::MessageSent { target, sent_at, seq, members } => {
                let sent = SentFact { sent_at: sent_at.as_millis(), seq: *seq, members: *members };
                self.touch_id(around, *target, |facts, slot| facts.acknowledge(slot, stamp, sent));
            }
            Fact::MessageFailed { target, reason } => {
                let reason = reason.as_deref().map(ReasonText::from);
                self.touch_id(around, *target, |facts, slot| facts.fail(slot, stamp, reason));
            }
            _ => {}
        }
    }

    /// A clearing or deletion takes messages wherever they stand, known or not (R37).
    fn take_by_name(&mut self, around: &mut Around<'_>, stamp: Stamp, messages: &[MessageId], bits: u32) {
        for message in messages {
            self.touch_id(around, *message, |facts, slot| facts.put_away(slot, stamp, bits));
        }
    }

    /// Adds an introduction of a message.
    pub(crate) fn introduce(&mut self, around: &mut Around<'_>, intro: &Introduction<'_>) {
        let Some(timeline) = self.timeline.get_mut() else { return };
        match timeline.facts.slot_or_push(intro) {
            Pushed::Known(slot) => {
                let before = self.before(around, slot);
                if let Some(timeline) = self.timeline.get_mut() {
                    timeline.facts.introduce(slot, intro, around.users);
                }
                self.after(around.policy, slot, &before);
            }
            Pushed::New(slot) => {
                if let Some(trace) = &mut around.trace {
                    trace.push(Touched { conversation: around.number, slot, before: None });
                }
                self.after(around.policy, slot, &Contribution::NONE);
            }
        }
    }

    /// Changes what is known of message `id`, which need not be known itself.
    pub(crate) fn touch_id(
        &mut self,
        around: &mut Around<'_>,
        id: MessageId,
        change: impl FnOnce(&mut Facts, u32),
    ) {
        let Some(timeline) = self.timeline.get_mut() else { return };
        let slot = timeline.facts.slot_or_new(id);
        let before = self.before(around, slot);
        if let Some(timeline) = self.timeline.get_mut() {
            change(&mut timeline.facts, slot);
        }
        self.after(around.policy, slot, &before);
    }

    /// What a slot adds to the totals before it changes; notes what shows of it.
    pub(crate) fn before(&self, around: &mut Around<'_>, slot: u32) -> Contribution {
        if let Some(trace) = &mut around.trace {
            let before = self.shown_hash(slot, &around.cleared);
            trace.push(Touched { conversation: around.number, slot, before });
        }
        if self.order().is_some() { self.facts().contribution(slot) } else { Contribution::NONE }
    }

    /// Carries a slot's change over to order and totals; a bulk replay does that once at the end.
    pub(crate) fn after(&mut self, policy: Policy, slot: u32, before: &Contribution) {
        let Timeline { facts, order: Some(_) } = self.timeline.get() else { return };
        let after = facts.contribution(slot);
        if self.derived.indexes.written().is_some() || self.has_ledger() {
            self.note_in_indexes(policy, slot, before, &after);
        } else if after != *before {
            self.carry_over(policy, slot, before, &after);
        }
    }

    fn has_ledger(&self) -> bool {
        self.personal.written().is_some_and(Personal::has_ledger)
    }

    /// Carries a slot's change over to order, totals and indexes.
    fn note_in_indexes(&mut self, policy: Policy, slot: u32, before: &Contribution, after: &Contribution) {
        if self.derived.indexes.written().is_some() {
            self.note_at_edges(slot);
        }
        if after != before {
            self.carry_over(policy, slot, before, after);
        }
        self.note_in_ledger(slot, before.position);
    }

    /// Carries a slot's change over to order and totals.
    #[inline]
    fn carry_over(&mut self, policy: Policy, slot: u32, before: &Contribution, after: &Contribution) {
        let Some(Timeline { facts, order: Some(order) }) = self.timeline.get_mut() else { return };
        order.update(slot, before, after, facts);
        self.derived.account(before, after);
        let own_read = (before.flags | after.flags) & Contribution::OWN_READ;
        if before.position == after.position && before.flags & own_read == after.flags & own_read {
            return;
        }
        let named = facts.arena.get(slot).is_some_and(|entry| entry.has(bits::NAMED));
        if named || policy.own_message_reads && own_read != 0 {
            self.note_move(policy, slot, before, after);
        }
    }

    fn read(&mut self, stamp: Stamp, through: Through) {
        match through {
            Through::Watermark(watermark) => {
                self.reads.own.insert(watermark.first_field(), stamp);
                self.derived.read(watermark.first_field(), stamp);
            }
            Through::Message(id) => {
                self.name(id, |personal, _, slot| raise_stamp(&mut personal.named_reads, slot, stamp));
            }
        }
    }

    fn peer_read(&mut self, through: Through) {
        match through {
            Through::Watermark(watermark) => {
                raise(&mut self.reads.peer, watermark.first_field());
                raise(&mut self.derived.peer_read, watermark.first_field());
            }
            Through::Message(id) => self.name(id, |_, shared, slot| {
                if !shared.named_peer_reads.contains(&slot) {
                    shared.named_peer_reads.insert(slot);
                }
            }),
        }
    }

    fn mark_unread_from(&mut self, stamp: Stamp, target: MessageId) {
        self.name(target, |personal, _, slot| raise_stamp(&mut personal.unread_marks, slot, stamp));
    }

    /// Writes a read or mark that names a message, known or not. In a bulk replay all are resolved at its end.
    fn name(&mut self, id: MessageId, write: impl FnOnce(&mut Rare<Personal>, &mut Rare<Shared>, u32)) {
        let Some(timeline) = self.timeline.get_mut() else { return };
        let facts = &mut timeline.facts;
        let slot = facts.slot_or_new(id);
        facts.set_bit(slot, bits::NAMED);
        if timeline.order.is_none() {
            return write(&mut self.personal, &mut self.shared, slot);
        }
        // What own messages give is no other for it.
        let (contribution, kind, policy) = (facts.contribution(slot), facts.kind, Policy::default());
        let old = Gives::of(slot, &contribution, kind, policy, (&self.personal, &self.shared));
        write(&mut self.personal, &mut self.shared, slot);
        let new = Gives::of(slot, &contribution, kind, policy, (&self.personal, &self.shared));
        self.derived.change(&self.reads, slot, &old, &new);
        self.note_in_ledger(slot, contribution.position);
    }

    /// Carries what a message is now over to the ledger of a report, if there is one; where it stood before.
    fn note_in_ledger(&mut self, slot: u32, before: Option<Position>) {
        let timeline = self.timeline.get();
        self.personal.change_ledger(|ledger, said| ledger.note(slot, before, timeline, said));
    }

    /// Carries over to reads, marks and peer reads that a message moved.
    pub(crate) fn note_move(
        &mut self,
        policy: Policy,
        slot: u32,
        before: &Contribution,
        after: &Contribution,
    ) {
        let facts = &self.timeline.get().facts;
        let said: (&Personal, &Shared) = (&self.personal, &self.shared);
        let [old, new] =
            [before, after].map(|contribution| Gives::of(slot, contribution, facts.kind, policy, said));
        if old == new {
            return;
        }
        if self.derived.resolved.is_none() && !old.only_grows(&new) {
            let resolved = Resolved::of(facts, policy, said);
            self.derived.resolve(&self.reads, resolved);
        } else {
            self.derived.change(&self.reads, slot, &old, &new);
        }
    }

    /// Tells the boundaries that are kept what a message is now.
    pub(crate) fn note_at_edges(&mut self, slot: u32) {
        let facts = &self.timeline.get().facts;
        let Indexes { cleared, deleted, .. } = &mut *self.derived.indexes;
        for boundary in cleared.iter_mut().chain(deleted) {
            Arc::make_mut(boundary).note(slot, facts);
        }
    }

    /// Where a clearing comes that ends where another did, what it takes away is looked for along the edge.
    pub(crate) fn clear_again(&mut self, through: i64) {
        let timeline = self.timeline.get();
        if timeline.order.is_some() && self.personal.cleared.is_some_and(|(old, _)| old == through) {
            boundary_of(&mut self.derived.indexes.cleared, through, timeline);
        }
    }

    /// The edge at which the clearing ended before and ends now, if it is known and the same.
    pub(crate) fn edge_between(&self, before: &Coverage) -> Option<(&Boundary, Stamp, Stamp)> {
        let ((old, from), (new, to)) = ((*before)?, self.personal.cleared?);
        let boundary = self.derived.indexes.cleared.as_deref()?;
        (old == new && boundary.through == new).then_some((boundary, from, to))
    }

    /// Whether a message can be looked at: known, neither deleted nor cleared away.
    pub(crate) fn is_visible(&self, slot: u32) -> bool {
        self.was_visible(slot, &self.personal.cleared)
    }

    /// Whether it could when only `cleared` was cleared away.
    pub(crate) fn was_visible(&self, slot: u32, cleared: &Coverage) -> bool {
        self.facts().is_visible(slot, cleared)
    }

    /// A hash of all that shows of a message: see [`Facts::shown_hash`].
    pub(crate) fn shown_hash(&self, slot: u32, cleared: &Coverage) -> Option<u64> {
        self.facts().shown_hash(slot, cleared)
    }

    /// The group's type as far as anyone said.
    pub(crate) fn group_type(&self) -> Option<GroupType> {
        self.shared.group_type.get().copied()
    }
}

pub(crate) fn raise_stamp(map: &mut im::OrdMap<u32, Stamp>, slot: u32, stamp: Stamp) {
    match map.get_mut(&slot) {
        Some(old) => {
            raise(old, stamp);
        }
        None => {
            map.insert(slot, stamp);
        }
    }
}

/// All of a conversation but its history.
pub(crate) type VerifiedParts = (Rare<Shared>, Rare<Personal>, Reads, Derived, Row);

impl Conversation {
    /// The fault of its history, if one was found.
    pub(crate) fn fault(&self) -> Option<HistoryFault> {
        self.restored.as_ref().and_then(Restored::fault)
    }

    /// Keeps an event for when the conversation was replayed.
    pub(crate) fn wait(&mut self, event: &Event) {
        if let Some(restored) = &mut self.restored {
            restored.wait(event);
        }
    }

    /// What is put back if a fault is found: everything that was verified.
    pub(crate) fn front(&self) -> VerifiedParts {
        (self.shared.clone(), self.personal.clone(), self.reads.clone(), self.derived.clone(), self.row)
    }

    pub(crate) fn put_back(&mut self, front: VerifiedParts) {
        (self.shared, self.personal, self.reads, self.derived, self.row) = front;
    }

    /// Loads all of a history, so that what is corrupt in it is known.
    pub(crate) fn load_all(&self) {
        if self.restored.is_some() {
            load_all(self.timeline.get());
        }
    }
}

impl Conversation {
    /// Gives its users other numbers; which these are never shows, so nothing derived changes.
    pub(crate) fn renumber(&mut self, number: &impl Fn(u32) -> u32) {
        self.peer = self.peer.map(number);
        if let Some(timeline) = self.timeline.get_mut() {
            timeline.facts.arena.renumber(number);
        }
    }
}
