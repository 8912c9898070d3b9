//! Why a value is what it is: the messages and events behind it (R43).

use crate::inbox::conversation::personal::{Personal, reach};
use crate::inbox::conversation::state::Conversation;
use crate::inbox::list::folders::Folder;
use crate::inbox::state::Inbox;
use crate::inbox::timeline::entry::{Entry, Position, bits};
use crate::inbox::timeline::facts::Facts;
use crate::inbox::timeline::order::contribution::Contribution;
use crate::inbox::views::conversation::ConversationView;
use crate::inbox::views::message::MessageView;
use crate::inbox::views::partial::ReportReason;
use crate::model::event::{GroupType, Mark};
use crate::model::id::{ConversationId, EventId, FolderId, MessageId};
use crate::model::policy::Policy;
use crate::model::time::Stamp;
use crate::register::lattice::Front;

/// A message that counts, and the event that introduced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Because {
    /// The message.
    pub message: MessageId,
    /// The event that introduced it.
    pub event: EventId,
}

/// What set the read marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadReason {
    /// A read of the owner's.
    Read(EventId),
    /// An own message, where the policy takes it as a read.
    OwnMessage,
    /// The owner marked it unread from a message on.
    MarkedUnread(EventId),
}

/// What makes the last message look as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastMessageReason {
    /// The message.
    pub message: MessageId,
    /// The event that introduced it.
    pub introduced: EventId,
    /// The earliest acknowledgement of an own message.
    pub acknowledged: Option<EventId>,
    /// The failure that counts.
    pub failed: Option<EventId>,
    /// The edits whose fields show.
    pub edits: Vec<EventId>,
    /// The recall that counts.
    pub recalled: Option<EventId>,
}

/// Something that keeps a conversation in the list or moved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// A message.
    Message {
        /// The message.
        message: MessageId,
        /// The event: its introduction, or for an activity its acknowledgement or another delivery of it.
        event: EventId,
    },
    /// The draft.
    Draft(EventId),
    /// The pin.
    Pin(EventId),
    /// The owner's opening.
    Opening(EventId),
    /// What a server reported of messages that are not held (R48).
    Report(EventId),
}

/// The messages and events behind every shown value of a conversation (R43).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The messages that count as unread, oldest first.
    pub unread: Vec<Because>,
    /// The type of the group, where it is why nothing counts as unread.
    pub uncounted: Option<GroupType>,
    /// The messages that mention the owner, oldest first.
    pub mentions: Vec<Because>,
    /// The messages that would count as unread or mention the owner if they were not read by name, oldest first, and
    /// the events that say so (R59).
    pub read_by_name: Vec<Because>,
    /// What a server reported, and what became of it (R45–R47).
    pub report: Option<ReportReason>,
    /// What set the read marker.
    pub read_marker: Vec<ReadReason>,
    /// What makes the last message look as it does.
    pub last_message: Option<LastMessageReason>,
    /// What moved the conversation last, and so decides where it stands.
    pub activity: Option<Reason>,
    /// What keeps it in the list.
    pub listed: Vec<Reason>,
    /// The event that pinned it, or unpinned it last.
    pub pinned: Option<EventId>,
    /// The event that wrote the draft.
    pub draft: Option<EventId>,
    /// The clearing, or deletion with messages, that reaches furthest.
    pub cleared: Option<EventId>,
    /// The deletion that reaches furthest.
    pub deleted: Option<EventId>,
    /// The event that set the receive option.
    pub receive_option: Option<EventId>,
    /// The event that put it into the archive or took it out last. Whether it still shows as archived is told by
    /// [`ConversationView::is_archived`]: a later message may have taken it out (R56).
    pub archived: Option<EventId>,
    /// The event that says what became of the owner as a member of the group (R58).
    pub membership: Option<EventId>,
    /// The event that set the custom data.
    pub custom_data: Option<EventId>,
    /// The events that set the marks it bears.
    pub marks: Vec<(Mark, EventId)>,
    /// The events that put it into the live folders it is in.
    pub folders: Vec<(FolderId, EventId)>,
    /// The event that gave its name.
    pub show_name: Option<EventId>,
    /// The event that gave its picture.
    pub face_url: Option<EventId>,
    /// The event that gave the group's type.
    pub group_type: Option<EventId>,
}

impl Inbox {
    /// Why a conversation shows what it shows; `None` where no event with an effect named it (R43).
    ///
    /// Complexity: the messages of the conversation are looked at.
    pub fn explain(&self, id: &ConversationId) -> Option<Explanation> {
        let view = self.conversation(id)?;
        let conversation = view.state();
        let personal = &conversation.personal;
        let because = |message: MessageView<'_>| Because { message: message.id(), event: message.event() };
        let mentions = view.mentions();
        let mut explanation = Explanation {
            unread: view.unread().map(because).collect(),
            uncounted: uncounted(conversation.group_type(), self.policy),
            mentions: mentions.iter().filter_map(|m| view.message(m.message?)).map(because).collect(),
            read_by_name: conversation.reads_by_name(),
            report: view.report_reason(),
            read_marker: conversation.read_reasons(),
            last_message: conversation.last_reason(),
            activity: conversation.activity_reason(),
            listed: conversation.listed_reasons(),
            membership: personal.membership.stamp().map(|s| s.event),
            folders: self.ids.get(id).map(|number| self.folder_reasons(number)).unwrap_or_default(),
            group_type: conversation.shared.group_type.stamp().map(|s| s.event),
            ..Explanation::of_personal(personal)
        };
        (explanation.show_name, explanation.face_url) = self.name_reasons(&view);
        Some(explanation)
    }

    /// The events that put a conversation into the live folders that it is in.
    pub(crate) fn folder_reasons(&self, number: u32) -> Vec<(FolderId, EventId)> {
        let reason = |folder: Folder| {
            let on = self.folders.get(folder.id)?.members().get(&number)?;
            Some((folder.id, on.stamp()?.event))
        };
        self.folders_holding(number).into_iter().filter_map(reason).collect()
    }

    fn name_reasons(&self, view: &ConversationView<'_>) -> (Option<EventId>, Option<EventId>) {
        let conversation = view.state();
        let shown = |register: &crate::register::lattice::Lww<std::sync::Arc<str>>| {
            crate::register::lattice::shown(register).and(register.stamp()).map(|stamp| stamp.event)
        };
        match conversation.peer {
            None => (shown(&conversation.shared.name), shown(&conversation.shared.face_url)),
            Some(peer) => match self.profile(peer) {
                Some(p) => (shown(&p.remark).or_else(|| shown(&p.nickname)), shown(&p.face_url)),
                None => (None, None),
            },
        }
    }
}

/// What set the marker, given the reads and marks that no other dominates, and the read that a report knows.
pub(crate) fn read_reasons(reads: &Front, marks: &Front, reported: Option<(i64, Stamp)>) -> Vec<ReadReason> {
    let read = |stamp: Stamp| match stamp.event.uuid().is_nil() {
        true => ReadReason::OwnMessage,
        false => ReadReason::Read(stamp.event),
    };
    // Beside a report whose read is known, that and what is later counts (R45).
    let counts = |stamp: Stamp| reported.is_none_or(|(_, since)| stamp > since);
    let greatest = match reported {
        None => reads.greatest(),
        Some((_, since)) => reads.greatest_after(since).max(reported),
    };
    let mark = marks
        .iter()
        .filter(|(_, stamp)| counts(*stamp))
        .map(|(negated, stamp)| {
            let later = reads.greatest_after(stamp);
            (later.map_or(-1, |(first, _)| first).max(-negated - 1), stamp, later)
        })
        .min_by_key(|(first, stamp, _)| (*first, *stamp));
    match (greatest, mark) {
        (Some((first, _)), Some((back, stamp, later))) if back < first => {
            let mut reasons = vec![ReadReason::MarkedUnread(stamp.event)];
            reasons.extend(later.filter(|(first, _)| *first == back).map(|(_, stamp)| read(stamp)));
            reasons
        }
        (Some((_, stamp)), _) => vec![read(stamp)],
        (None, _) => Vec::new(),
    }
}

/// What makes a message look as it does, given its entry.
pub(crate) fn message_reason(facts: &Facts, slot: u32, entry: &Entry) -> LastMessageReason {
    let edits = facts.aside(slot).and_then(|a| a.edits.as_deref()).filter(|_| !entry.has(bits::RECALLED));
    let mut edits: Vec<EventId> = edits
        .map(|e| {
            let text = e.text.as_ref().map(|(_, stamp, _)| stamp.event);
            let custom = e.custom.as_deref().map(|(_, stamp, _)| stamp.event);
            let cloud_custom = e.cloud_custom.as_deref().map(|(_, stamp, _)| stamp.event);
            let mentions = e.mentioned.as_deref().map(|edit| edit.stamp.event);
            [text, custom, cloud_custom, mentions].into_iter().flatten().collect()
        })
        .unwrap_or_default();
    edits.sort_unstable();
    edits.dedup();
    let sent = facts.delivery(slot).and_then(|d| d.sent.entry());
    LastMessageReason {
        message: entry.id,
        introduced: entry.event,
        acknowledged: sent.map(|(stamp, _)| stamp.event),
        failed: facts.failure(slot, entry).map(|(stamp, _)| stamp.event),
        edits,
        recalled: facts.recall_of(slot).map(|(stamp, _)| stamp.event),
    }
}

/// The draft, the pin and the opening that stand, each with the instant that it moves a conversation to.
pub(crate) fn standing(
    personal: &Personal,
    opening: Option<Stamp>,
) -> impl Iterator<Item = (i64, Reason)> + use<> {
    let draft = personal.drafts.current().map(|d| (d.stamp, Reason::Draft(d.stamp.event)));
    let pin = personal.pinned.stamp().filter(|_| personal.is_pinned());
    let pin = pin.map(|stamp| (stamp, Reason::Pin(stamp.event)));
    let opening = opening.map(|stamp| (stamp, Reason::Opening(stamp.event)));
    [draft, pin, opening].into_iter().flatten().map(|(stamp, reason)| (stamp.at.as_millis(), reason))
}

/// The group's type, where it is why nothing counts as unread.
pub(crate) fn uncounted(group_type: Option<GroupType>, policy: Policy) -> Option<GroupType> {
    group_type.filter(|kind| match kind {
        GroupType::AvChatRoom => true,
        GroupType::Meeting => !policy.meeting_unread,
        _ => false,
    })
}

impl Explanation {
    /// What the owner's own registers of a conversation explain, whoever holds its messages.
    pub(crate) fn of_personal(personal: &Personal) -> Self {
        let event = |stamp: Option<Stamp>| stamp.map(|stamp| stamp.event);
        Self {
            pinned: event(personal.pinned.stamp()),
            draft: personal.drafts.current().map(|d| d.stamp.event),
            cleared: personal.cleared.map(|(_, s)| s.event),
            deleted: personal.deleted.map(|(_, s)| s.event),
            receive_option: event(personal.receive_option.stamp()),
            archived: event(personal.archived.stamp()),
            custom_data: event(personal.custom_data.stamp()),
            marks: personal
                .marks
                .iter()
                .filter(|(_, on)| on.get() == Some(&true))
                .filter_map(|(mark, on)| Some((*mark, on.stamp()?.event)))
                .collect(),
            ..Self::default()
        }
    }
}

impl Conversation {
    fn read_reasons(&self) -> Vec<ReadReason> {
        let (reads, marks) = self.derived.fronts();
        read_reasons(&reads, &marks, self.rule().and_then(|rule| rule.reported_read()))
    }

    fn reads_by_name(&self) -> Vec<Because> {
        let (facts, floor) = (self.facts(), self.derived.floor());
        let behind = Some(Position::end_of(floor));
        let slots = self.order().into_iter().flat_map(|order| order.forwards(behind, facts));
        let read = slots.filter_map(|slot| {
            let entry = facts.arena.get(slot).filter(|entry| entry.has(bits::READ))?;
            let unread = Entry { bits: entry.bits & !bits::READ, ..entry };
            let counts = Contribution::UNREAD | Contribution::MENTION;
            let said = facts.arena.named_read(slot)?.stamp()?;
            let would = facts.contribution_of(slot, &unread).has(counts);
            would.then_some(Because { message: entry.id, event: said.event })
        });
        read.collect()
    }

    fn last_reason(&self) -> Option<LastMessageReason> {
        let slot = self.row.last?;
        let facts = self.facts();
        Some(message_reason(facts, slot, &facts.arena.get(slot)?))
    }

    fn standing(&self) -> impl Iterator<Item = (i64, Reason)> {
        standing(&self.personal, self.personal.opening())
    }

    fn activity_reason(&self) -> Option<Reason> {
        let facts = self.facts();
        let messages =
            facts.arena.iter().filter(|(_, entry)| entry.is_known()).filter_map(|(slot, entry)| {
                let (at, event) = facts.activity(slot, &entry)?;
                Some((at, Reason::Message { message: entry.id, event }))
            });
        let moving = self.standing().filter(|(_, reason)| !matches!(reason, Reason::Pin(_)));
        let told = self.personal.reported.active_at;
        let told = told.map(|(at, event)| (at.as_millis(), Reason::Report(event)));
        messages.chain(moving).chain(told).max().map(|(_, reason)| reason)
    }

    fn listed_reasons(&self) -> Vec<Reason> {
        let facts = self.facts();
        let newest = self.order().and_then(|order| {
            order.backwards(None, facts).find(|&slot| {
                let Some(entry) = facts.arena.get(slot) else { return false };
                !entry.has(bits::ONLINE_ONLY) && !self.is_deleted(slot, &entry)
            })
        });
        let message = newest.and_then(|slot| facts.arena.get(slot));
        let message = message.map(|entry| Reason::Message { message: entry.id, event: entry.event });
        let told = &self.personal.reported;
        let listing = told.report.as_ref().filter(|_| told.lists(reach(&self.personal.deleted)));
        let report = listing.map(|report| Reason::Report(report.stamp.event));
        message.into_iter().chain(self.standing().map(|(_, reason)| reason)).chain(report).collect()
    }
}
