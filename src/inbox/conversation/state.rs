//! One conversation: its timeline (shared facts), what is the owner's alone, and the row derived from both.

use std::sync::{Arc, LazyLock};

use smallvec::SmallVec;

use crate::inbox::containers::interner::Interner;
use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::sparse::{Absent, Rare};
use crate::inbox::conversation::derive::{Derived, Row};
use crate::inbox::conversation::personal::{Coverage, Personal, covers};
use crate::inbox::conversation::resolved::Gives;
use crate::inbox::merge::heal::Restored;
use crate::inbox::timeline::entry::{bits, timestamp};
use crate::inbox::timeline::facts::{Facts, Pushed, Timeline};
use crate::inbox::timeline::introduction::{Introduction, introduced};
use crate::inbox::timeline::order::{Look, Order, Share};
use crate::inbox::timeline::rare_facts::{ReasonText, RecallFact, SentFact};
use crate::model::event::{Fact, GroupType, Through};
use crate::model::id::{ConversationId, ConversationKind, EventId, MessageId, UserId};
use crate::model::policy::Policy;
use crate::model::time::Stamp;
use crate::register::lattice::{Front, Lww, raise};

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

/// What all members share about a conversation, its messages and how far the peer has read apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) group_type: Lww<GroupType>,
    pub(crate) name: Lww<Arc<str>>,
    pub(crate) face_url: Lww<Arc<str>>,
    /// The messages that the peer has read by name.
    pub(crate) named_peer_reads: im::OrdSet<u32>,
}

impl Absent for Shared {
    fn absent() -> &'static Self {
        static ABSENT: LazyLock<Shared> = LazyLock::new(Shared::default);
        &ABSENT
    }
}

/// How far a conversation was read by number, of which nearly every one knows something.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    /// The owner's.
    pub(crate) own: Front,
    /// The greatest first field that the peer has read, -1 for none.
    pub(crate) peer: i64,
}

impl Default for Reads {
    fn default() -> Self {
        Self { own: Front::default(), peer: -1 }
    }
}

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

/// Whether a fact names messages, which only an index can find.
pub(crate) fn names_messages(fact: &Fact) -> bool {
    match fact {
        Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessageReadBy { .. }
        | Fact::ReactionSet { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::MessagePinned { .. }
        | Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::MarkedUnreadFrom { .. }
        | Fact::MessagesRead { .. } => true,
        Fact::HistoryCleared { also, .. } | Fact::Deleted { also, .. } => !also.is_empty(),
        Fact::Read { through } | Fact::PeerRead { through } => matches!(through, Through::Message(_)),
        // No `_` here: whoever adds a type must say, or a replay would look for messages before they are there.
        Fact::Opened { .. }
        | Fact::MessageReceived(_)
        | Fact::MessageQueued(_)
        | Fact::MessageImported { .. }
        | Fact::MembershipSet { .. }
        | Fact::Pinned { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::Archived { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. } => false,
    }
}

/// Whether folding a fact that names messages gives its author a number.
pub(crate) fn numbers_author(fact: &Fact) -> bool {
    matches!(fact, Fact::MessageReadBy { .. } | Fact::ReactionSet { .. })
}

/// Whether a fact has any effect in the inbox of `owner` (R17).
pub(crate) fn has_effect(owner: &UserId, id: &ConversationId, by: &UserId, fact: &Fact) -> bool {
    let direct = id.kind() == ConversationKind::Direct;
    let is_party = |author: &UserId| !direct || author == owner || author.as_str() == id.target();
    match fact {
        Fact::MessageReceived(_) => is_party(by),
        Fact::MessageImported { sender, .. } => by == owner && is_party(sender.as_ref().unwrap_or(by)),
        Fact::Opened { group_type } => by == owner || group_type.is_some(),
        Fact::PeerRead { .. } => by.as_str() == id.target(),
        Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessageReadBy { .. }
        | Fact::ReactionSet { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::MessagePinned { .. } => true,
        Fact::MembershipSet { user, .. } => user.as_ref().is_none_or(|user| user == owner),
        Fact::MessageQueued(_)
        | Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::HistoryCleared { .. }
        | Fact::Read { .. }
        | Fact::MarkedUnreadFrom { .. }
        | Fact::Pinned { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::MessagesRead { .. }
        | Fact::Archived { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::Deleted { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. } => by == owner,
    }
}

impl Conversation {
    /// A conversation nothing is known of; `live` keeps it in order from the start.
    pub(crate) fn new(id: ConversationId, peer: Option<u32>, live: bool) -> Self {
        let kind = id.kind();
        Self {
            id,
            peer,
            timeline: Lazy::new(if live { Timeline::new(kind) } else { Timeline::bulk(kind) }),
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
                    self.touch_id(around, *target, |facts, slot| facts.set_bit(slot, bits::DELETED));
                }
            }
            Fact::HistoryCleared { through, .. } => {
                self.clear_again(through.first_field());
                raise(&mut self.personal.cleared, Some((through.first_field(), stamp)));
            }
            Fact::Deleted { through, keep_messages, .. } => {
                self.clear_again(through.first_field());
                self.personal.delete(through.first_field(), stamp, *keep_messages);
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
            Fact::ReceiveOptionSet { option, .. } => {
                self.personal.receive_option.set(stamp, *option);
            }
            Fact::FolderMemberSet { .. } => {}
            _ => self.fold_about_message(around, by, stamp, fact),
        }
    }

    /// Takes in a fact that names messages and concerns only them.
    fn fold_about_message(&mut self, around: &mut Around<'_>, by: &UserId, stamp: Stamp, fact: &Fact) {
        match fact {
            Fact::MessageModified { target, edit } => {
                self.touch_id(around, *target, |facts, slot| facts.edit(slot, stamp, edit));
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
                self.after(around.policy, slot, &Share::NONE);
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
    pub(crate) fn before(&self, around: &mut Around<'_>, slot: u32) -> Share {
        if let Some(trace) = &mut around.trace {
            let before = self.shown_hash(slot, &around.cleared);
            trace.push(Touched { conversation: around.number, slot, before });
        }
        if self.order().is_some() { self.facts().share(slot) } else { Share::NONE }
    }

    /// Carries a slot's change over to order and totals; a bulk replay does that once at the end.
    pub(crate) fn after(&mut self, policy: Policy, slot: u32, before: &Share) {
        let Timeline { facts, order: Some(_) } = self.timeline.get() else { return };
        let after = facts.share(slot);
        if self.derived.edges.cleared.is_some() || self.derived.edges.deleted.is_some() {
            self.note_at_edges(slot);
        }
        let Some(Timeline { facts, order: Some(order) }) = self.timeline.get_mut() else { return };
        if after == *before {
            return;
        }
        order.update(slot, before, &after, facts);
        self.derived.account(before, &after);
        let own_read = (before.flags | after.flags) & Share::OWN_READ;
        if before.position == after.position && before.flags & own_read == after.flags & own_read {
            return;
        }
        let named = facts.arena.get(slot).is_some_and(|entry| entry.has(bits::NAMED));
        if named || policy.own_message_reads && own_read != 0 {
            self.note_move(policy, slot, before, &after);
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
        let (share, kind, policy) = (facts.share(slot), facts.kind, Policy::default());
        let old = Gives::of(slot, &share, kind, policy, (&self.personal, &self.shared));
        write(&mut self.personal, &mut self.shared, slot);
        let new = Gives::of(slot, &share, kind, policy, (&self.personal, &self.shared));
        self.derived.change(&self.reads, slot, &old, &new);
    }

    /// Whether a message can be looked at: known, neither deleted nor cleared away.
    pub(crate) fn is_visible(&self, slot: u32) -> bool {
        self.was_visible(slot, &self.personal.cleared)
    }

    /// Whether it could when only `cleared` was cleared away.
    pub(crate) fn was_visible(&self, slot: u32, cleared: &Coverage) -> bool {
        let facts = self.facts();
        facts.arena.get(slot).is_some_and(|entry| {
            let there = entry.is_known() && !entry.has(bits::DELETED);
            there && !covers(cleared, entry.position(), || facts.stamp(slot, &entry))
        })
    }

    /// The group's type as far as anyone said.
    pub(crate) fn group_type(&self) -> Option<GroupType> {
        self.shared.group_type.get().copied()
    }
}

/// The stamp of the read that an own message is (R39): its time, and the nil id.
pub(crate) fn own_read(time: i64) -> Stamp {
    Stamp::new(timestamp(time), EventId::from_bytes([0; 16]))
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
