//! One conversation as it shows, and its history.

use crate::inbox::conversation::state::Conversation;
use crate::inbox::list::folders::Folder;
use crate::inbox::list::ranking::ListCursor;
use crate::inbox::state::Inbox;
use crate::inbox::timeline::entry::{bits, timestamp};
use crate::inbox::timeline::order::contribution::{Contribution, Look};
use crate::inbox::views::message::{MessageCursor, MessageView};
use crate::model::badge::{BadgeRule, Counted};
use crate::model::event::{GroupType, Mark, Membership, ReceiveOption, Watermark};
use crate::model::id::{ConversationId, ConversationKind, EventId, FolderId, MessageId};
use crate::model::time::{Stamp, Timestamp};
use crate::register::lattice::shown;
use crate::store::snapshot::HistoryFault;

/// An unread message that mentions the owner (R26).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mention {
    /// The message; `None`: it is not held, a server listed it (R47).
    pub message: Option<MessageId>,
    /// Its sequence number.
    pub seq: u64,
    /// Whom it mentions.
    pub kind: MentionKind,
}

/// Whom a mention is for, with V2TIM's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MentionKind {
    /// The owner.
    Me = 1,
    /// Everybody.
    All = 2,
    /// The owner and everybody.
    Both = 3,
}

impl MentionKind {
    /// The kind with this number; an unknown one is for both.
    fn of_number(number: u8) -> Self {
        match number {
            1 => Self::Me,
            2 => Self::All,
            _ => Self::Both,
        }
    }
}

/// A draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Draft<'a> {
    /// The text, not empty.
    pub text: &'a str,
    /// When it was written, and by which event.
    pub stamp: Stamp,
    /// The draft its writer saw and replaced.
    pub replaces: Option<EventId>,
}

/// Which way a history is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The oldest message first.
    OldestFirst,
    /// The newest message first.
    NewestFirst,
}

/// Some messages of a history.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessagePage<'a> {
    /// The messages, in the direction asked for.
    pub messages: Vec<MessageView<'a>>,
    /// Where the next page begins; `None` at the end of the history, and of a page of no messages.
    pub next: Option<MessageCursor>,
}

/// One conversation as it shows: a cheap handle into the inbox.
#[derive(Clone, Copy, Debug)]
pub struct ConversationView<'a> {
    inbox: &'a Inbox,
    conversation: &'a Conversation,
    number: u32,
}

impl Conversation {}

impl<'a> ConversationView<'a> {
    pub(crate) fn new(inbox: &'a Inbox, number: u32) -> Option<Self> {
        let conversation = inbox.conversations.get(number)?;
        Some(Self { inbox, conversation, number })
    }

    pub(crate) fn view(&self, slot: u32) -> Option<MessageView<'a>> {
        MessageView::new(self.inbox, self.conversation, slot)
    }

    pub(crate) fn state(&self) -> &'a Conversation {
        self.conversation
    }

    /// The conversation's id.
    pub fn id(&self) -> &'a ConversationId {
        &self.conversation.id
    }

    /// Whether it is direct or a group's.
    pub fn kind(&self) -> ConversationKind {
        self.id().kind()
    }

    /// Whether it is in the list (R36).
    pub fn is_listed(&self) -> bool {
        self.conversation.row.listed
    }

    /// The name to show: a group's name, else its id; a friend's remark, else nickname, else user id (R21).
    pub fn show_name(&self) -> &'a str {
        let name = match self.conversation.peer {
            None => shown(&self.conversation.shared.name),
            Some(peer) => {
                self.inbox.profile(peer).and_then(|p| shown(&p.remark).or_else(|| shown(&p.nickname)))
            }
        };
        name.unwrap_or_else(|| self.id().target())
    }

    /// The group's own name, if known and not blank; of a direct chat none.
    #[cfg(feature = "jsonl")]
    pub(crate) fn group_name(&self) -> Option<&'a str> {
        self.conversation.peer.map_or_else(|| shown(&self.conversation.shared.name), |_| None)
    }

    /// The peer's own name, if known and not blank; of a group none.
    #[cfg(feature = "jsonl")]
    pub(crate) fn peer_nickname(&self) -> Option<&'a str> {
        shown(&self.inbox.profile(self.conversation.peer?)?.nickname)
    }

    /// The owner's name for the peer, if any; of a group none.
    #[cfg(feature = "jsonl")]
    pub(crate) fn peer_remark(&self) -> Option<&'a str> {
        shown(&self.inbox.profile(self.conversation.peer?)?.remark)
    }

    /// Where the picture of the group or the peer is (R22).
    pub fn face_url(&self) -> Option<&'a str> {
        match self.conversation.peer {
            None => shown(&self.conversation.shared.face_url),
            Some(peer) => self.inbox.profile(peer).and_then(|p| shown(&p.face_url)),
        }
    }

    /// The group's type, if anybody said (R20).
    pub fn group_type(&self) -> Option<GroupType> {
        self.conversation.group_type()
    }

    /// The number of unread messages (R23), or the least that it may be (R46): O(1).
    pub fn unread_count(&self) -> u64 {
        self.conversation.row.unread.into()
    }

    /// The last message that may show (R25): O(1).
    pub fn last_message(&self) -> Option<MessageView<'a>> {
        self.view(self.conversation.row.last?)
    }

    /// The unread mentions of the owner, in position order (R26): of messages held, and those that a server listed of
    /// messages that are not (R47).
    pub fn mentions(&self) -> Vec<Mention> {
        let mut mentions = self.held_mentions();
        let listed = self
            .rule()
            .filter(|_| self.conversation.lets_mention())
            .map(|rule| rule.listed())
            .unwrap_or_default();
        if !listed.is_empty() {
            mentions.extend(listed.into_iter().map(|(seq, at_type)| Mention {
                message: None,
                seq: seq.unsigned_abs(),
                kind: MentionKind::of_number(at_type),
            }));
            // What is held and what is not stand at unlike seqs.
            mentions.sort_by_key(|mention| mention.seq);
        }
        mentions
    }

    fn held_mentions(&self) -> Vec<Mention> {
        self.mention_slots()
            .filter_map(|slot| {
                let entry = self.conversation.facts().arena.get(slot)?;
                let kind = match entry.mentions() {
                    (true, true) => MentionKind::Both,
                    (true, false) => MentionKind::Me,
                    _ => MentionKind::All,
                };
                Some(Mention { message: Some(entry.id), seq: entry.first.unsigned_abs(), kind })
            })
            .collect()
    }

    fn mention_slots(&self) -> impl Iterator<Item = u32> + use<'a> {
        let conversation = self.conversation;
        let order =
            conversation.order().filter(|_| conversation.derived.mentions > 0 && conversation.lets_mention());
        order.into_iter().flat_map(|order| {
            order.with_after(Contribution::MENTION, conversation.derived.floor(), conversation.facts())
        })
    }

    /// How many unread mentions there are, or the least that it may be (R47): O(1).
    pub fn mention_count(&self) -> u64 {
        self.conversation.row.mentions.into()
    }

    /// The draft that shows (R27).
    pub fn draft(&self) -> Option<Draft<'a>> {
        let draft = self.conversation.personal.drafts.current()?;
        Some(Draft { text: &draft.text, stamp: draft.stamp, replaces: draft.replaces })
    }

    /// All drafts later than the latest clearing, by stamp: those that lost to a concurrent write too (R27).
    pub fn drafts_kept(&self) -> Vec<Draft<'a>> {
        let kept = self.conversation.personal.drafts.kept.iter();
        kept.map(|d| Draft { text: &d.text, stamp: d.stamp, replaces: d.replaces }).collect()
    }

    /// Whether it is pinned (R28).
    pub fn is_pinned(&self) -> bool {
        self.conversation.personal.is_pinned()
    }

    /// How the owner wants to be told of its messages (R24).
    pub fn receive_option(&self) -> ReceiveOption {
        self.conversation.row.option
    }

    /// What it gives to the badge by a rule of the reader's own (R55): 0 where it is not listed.
    pub fn badge(&self, rule: BadgeRule) -> u64 {
        if self.is_listed() { self.counted().badge(rule) } else { 0 }
    }

    /// What totals follow from, if it is listed.
    pub(crate) fn counted(&self) -> Counted {
        self.conversation.row.counted()
    }

    /// When an event is to end the receive option, where it was set for a time (R57); the option stands until one does.
    pub fn receive_option_until(&self) -> Option<Timestamp> {
        self.conversation.personal.option_setting().until
    }

    /// Whether it is archived (R56): it was put into the archive, and no later message took it out, unless it is to
    /// [stay](Self::stays_archived) there. Its place, its counts and whether it is listed are what they would be otherwise.
    pub fn is_archived(&self) -> bool {
        self.conversation.row.archived
    }

    /// Whether it is archived and new messages leave it so.
    pub fn stays_archived(&self) -> bool {
        self.conversation.personal.stays_archived()
    }

    /// What became of the owner as a member of the group, if anybody said (R58).
    pub fn membership(&self) -> Option<Membership> {
        self.conversation.personal.membership.get().copied()
    }

    pub(crate) fn mark_bits(&self) -> u64 {
        self.conversation.personal.mark_bits()
    }

    /// The marks on it, ascending (R29).
    pub fn marks(&self) -> Vec<Mark> {
        let bits = self.mark_bits();
        (0..u64::BITS).filter_map(|bit| Mark::from_bits(bits & (1 << bit))).collect()
    }

    /// The custom data, if any (R30).
    pub fn custom_data(&self) -> Option<&'a [u8]> {
        self.conversation.personal.custom_data()
    }

    /// The live folders that hold it, by name (bytes) and id (R31).
    pub fn folders(&self) -> Vec<Folder> {
        let held = self.inbox.folders.holding(self.number);
        let mut held: Vec<_> = held.map(|(id, name)| Folder { name: name.to_string(), id }).collect();
        held.sort_unstable();
        held
    }

    /// The live folders that hold it, by id.
    pub(crate) fn folder_ids(&self) -> impl Iterator<Item = FolderId> + use<'a> {
        self.inbox.folders.holding(self.number).map(|(id, _)| id)
    }

    pub(crate) fn is_in_folder(&self, folder: FolderId) -> bool {
        let state = self.inbox.folders.get(folder);
        state.is_some_and(|state| state.shown().is_some() && state.holds(self.number))
    }

    pub(crate) fn is_in_any_folder(&self) -> bool {
        self.inbox.folders.holding(self.number).next().is_some()
    }

    /// How far the owner has read (R32, R42); `None` where not at all.
    pub fn read_marker(&self) -> Option<Watermark> {
        let marker = self.conversation.row.marker;
        (marker >= 0).then(|| self.watermark(marker))
    }

    /// How far the peer of a direct chat has read (R34).
    pub fn peer_read_marker(&self) -> Option<Timestamp> {
        let marker = self.conversation.derived.peer_read;
        (marker >= 0).then(|| timestamp(marker))
    }

    pub(crate) fn watermark(&self, first: i64) -> Watermark {
        match self.kind() {
            ConversationKind::Direct => Watermark::Time(timestamp(first)),
            ConversationKind::Group => Watermark::Seq(first.unsigned_abs()),
        }
    }

    /// When it was last active (R35); the epoch if never.
    pub fn activity(&self) -> Timestamp {
        timestamp(self.conversation.row.activity)
    }

    /// Its key in the list's order: activity in milliseconds, plus 2^52 when pinned (R33). Descending by it,
    /// ties ascending by id, is the list.
    pub fn order_key(&self) -> u64 {
        self.conversation.row.order_key
    }

    /// Its place in the list.
    pub fn cursor(&self) -> ListCursor {
        ListCursor { order_key: self.order_key(), id: self.id().clone() }
    }

    /// A message, if it is known and neither deleted nor cleared away.
    pub fn message(&self, id: MessageId) -> Option<MessageView<'a>> {
        let slot = self.conversation.facts().slot(id)?;
        if self.conversation.is_visible(slot) { self.view(slot) } else { None }
    }

    fn in_history(&self, slot: u32) -> bool {
        let entry = self.conversation.facts().arena.get(slot);
        entry.is_some_and(|e| !e.has(bits::ONLINE_ONLY)) && self.conversation.is_visible(slot)
    }

    fn history(
        &self,
        direction: Direction,
        from: Option<MessageCursor>,
    ) -> Box<dyn Iterator<Item = MessageView<'a>> + 'a> {
        let view = *self;
        let Some(order) = self.conversation.order() else { return Box::new(std::iter::empty()) };
        let facts = self.conversation.facts();
        let after = from.map(|cursor| cursor.0);
        let slots: Box<dyn Iterator<Item = u32>> = match direction {
            Direction::OldestFirst => Box::new(order.forwards(after, facts)),
            Direction::NewestFirst => Box::new(order.backwards(after, facts)),
        };
        let rest = slots.skip_while(move |slot| after == Some(facts.position(*slot)));
        Box::new(rest.filter(move |slot| view.in_history(*slot)).filter_map(move |slot| view.view(slot)))
    }

    /// Returns up to `limit` messages of the history from just after `from`, in `direction`.
    ///
    /// The history holds every known message that is neither deleted, nor cleared away, nor online-only.
    /// Recalled ones stay.
    ///
    /// Complexity: O(log n) to find the place, and every message from there on that is not in the history is looked at.
    pub fn messages(
        &self,
        direction: Direction,
        from: Option<&MessageCursor>,
        limit: usize,
    ) -> MessagePage<'a> {
        let mut rest = self.history(direction, from.copied());
        let messages: Vec<_> = rest.by_ref().take(limit).collect();
        let more = messages.last().filter(|_| rest.next().is_some());
        let next = more.map(MessageView::cursor);
        MessagePage { next, messages }
    }

    /// A message of the history with up to `before` older and `after` newer ones around it, oldest first.
    pub fn messages_around(
        &self,
        id: MessageId,
        before: usize,
        after: usize,
    ) -> Option<Vec<MessageView<'a>>> {
        let slot = self.conversation.facts().slot(id).filter(|slot| self.in_history(*slot))?;
        let middle = self.view(slot)?;
        let mut around: Vec<_> =
            self.history(Direction::NewestFirst, Some(middle.cursor())).take(before).collect();
        around.reverse();
        around.push(middle);
        around.extend(self.history(Direction::OldestFirst, Some(middle.cursor())).take(after));
        Some(around)
    }

    /// Whether messages count as unread in a conversation of its type.
    pub(crate) fn counts_unread(&self) -> bool {
        self.conversation.lets_count(self.inbox.policy)
    }

    /// The messages held that count as unread, oldest first.
    pub fn unread(&self) -> impl Iterator<Item = MessageView<'a>> + use<'a> {
        let view = *self;
        let conversation = self.conversation;
        let order = conversation.order().filter(|_| conversation.derived.unread > 0 && self.counts_unread());
        order
            .into_iter()
            .flat_map(|order| {
                order.with_after(Contribution::UNREAD, conversation.derived.floor(), conversation.facts())
            })
            .filter_map(move |slot| view.view(slot))
    }

    /// The oldest unread mention of the owner after a message, or the oldest of all.
    pub fn next_mention(&self, after: Option<MessageId>) -> Option<MessageView<'a>> {
        let facts = self.conversation.facts();
        let after = match after {
            Some(id) => Some(facts.arena.get(facts.slot(id)?)?.position()),
            None => None,
        };
        let slot = self.mention_slots().find(|slot| Some(facts.position(*slot)) > after)?;
        self.view(slot)
    }

    /// The messages of the history that are pinned in the group, oldest first.
    pub fn pinned_messages(&self) -> Vec<MessageView<'a>> {
        let pinned = self.conversation.facts().pinned.iter().copied();
        let mut pinned: Vec<_> =
            pinned.filter(|slot| self.in_history(*slot)).filter_map(|slot| self.view(slot)).collect();
        pinned.sort_unstable_by_key(MessageView::cursor);
        pinned
    }
}

impl ConversationView<'_> {
    /// The fault found in the history, if it was restored from a snapshot and part of it is corrupt (R99).
    pub fn fault(&self) -> Option<HistoryFault> {
        self.state().fault()
    }

    /// How many events wait because the history is faulty.
    pub fn waiting_events(&self) -> usize {
        self.state().restored.as_ref().map_or(0, |restored| restored.waiting().len())
    }
}
