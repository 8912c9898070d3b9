//! One message as it shows.

use crate::inbox::conversation::shown::MessageStatus;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::state::Inbox;
use crate::inbox::timeline::arena::users;
use crate::inbox::timeline::entry::{Entry, Position, bits, timestamp};
use crate::inbox::timeline::rare_facts::Social;
use crate::model::event::{Mentions, MessageKind};
use crate::model::id::{ConversationKind, EventId, MessageId, UserId};
use crate::model::time::{Stamp, Timestamp};
use crate::register::lattice::shown;

/// A place in a conversation's history: pages go on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageCursor(pub(crate) Position);

#[cfg(feature = "serde")]
impl MessageCursor {
    /// Returns the position that it names, as numbers and an id.
    pub(crate) fn parts(self) -> (i64, u8, i64, MessageId) {
        let Position { first, rank, second, id } = self.0;
        (first, rank, second, id)
    }

    /// Returns the cursor of a position.
    pub(crate) fn of_parts(first: i64, rank: u8, second: i64, id: MessageId) -> Self {
        Self(Position { first, rank, second, id })
    }
}

/// Who recalled a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recall<'a> {
    /// Who.
    pub by: &'a UserId,
    /// What they are called: the owner's remark, else the nickname, else the id.
    pub name: &'a str,
    /// Why, if they said.
    pub reason: Option<&'a str>,
    /// When, and by which event: the earliest recall.
    pub stamp: Stamp,
}

/// A reaction and those who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reaction<'a> {
    /// The reaction's name.
    pub name: &'a str,
    /// Who gave it, by id.
    pub users: Vec<&'a UserId>,
}

/// An extension of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its value.
    pub value: &'a str,
    /// The server's number for the write.
    pub seq: u64,
}

/// One message of a conversation as it shows: a cheap handle into the inbox.
#[derive(Clone, Copy, Debug)]
pub struct MessageView<'a> {
    inbox: &'a Inbox,
    conversation: &'a Conversation,
    slot: u32,
    entry: Entry,
}

impl<'a> MessageView<'a> {
    pub(crate) fn new(inbox: &'a Inbox, conversation: &'a Conversation, slot: u32) -> Option<Self> {
        let entry = conversation.facts().arena.get(slot)?;
        Some(Self { inbox, conversation, slot, entry })
    }

    /// The same message, its entry as a member of a shared history sees it.
    pub(crate) fn with_entry(self, entry: Entry) -> Self {
        Self { entry, ..self }
    }

    /// The first field of its position.
    pub(crate) fn first_field(&self) -> i64 {
        self.entry.first
    }

    fn social(&self) -> Option<&'a Social> {
        self.conversation.facts().aside(self.slot)?.social.as_deref()
    }

    fn user(&self, number: u32) -> &'a UserId {
        self.inbox.users.name(number).unwrap_or(&self.inbox.owner)
    }

    /// The message's id.
    pub fn id(&self) -> MessageId {
        self.entry.id
    }

    /// Who wrote it.
    pub fn author(&self) -> &'a UserId {
        self.user(self.entry.author)
    }

    /// Whether the owner wrote it.
    pub fn is_own(&self) -> bool {
        self.entry.has(bits::OWN)
    }

    /// The time of its position: the server's once it has one.
    pub fn time(&self) -> Timestamp {
        timestamp(self.conversation.facts().time(&self.entry))
    }

    /// The sequence number of its position, 0 if it has none.
    pub fn seq(&self) -> u64 {
        self.conversation.facts().seq(&self.entry).unsigned_abs()
    }

    /// 0: the server gave the position; 1: imported; 2: queued or failed (R10).
    pub fn rank(&self) -> u8 {
        self.entry.rank()
    }

    /// Its place in the history.
    pub fn cursor(&self) -> MessageCursor {
        MessageCursor(self.entry.position())
    }

    /// The event that introduced it: the one that counts (R15).
    pub fn event(&self) -> EventId {
        self.entry.event
    }

    /// What element it carries.
    pub fn kind(&self) -> MessageKind {
        self.entry.kind()
    }

    /// What a preview shows, after edits; `None` without text or when recalled.
    pub fn text(&self) -> Option<&'a str> {
        self.conversation.facts().shown_content(self.slot, &self.entry).text
    }

    /// A custom element's payload, after edits; `None` when recalled.
    pub fn custom(&self) -> Option<&'a [u8]> {
        self.conversation.facts().shown_content(self.slot, &self.entry).custom
    }

    /// The data riding on it, after edits; `None` when recalled.
    pub fn cloud_custom(&self) -> Option<&'a [u8]> {
        self.conversation.facts().shown_content(self.slot, &self.entry).cloud_custom
    }

    /// Whom it mentions, after edits; of a recalled message, whom it mentioned first (R40).
    pub fn mentions(&self) -> Mentions {
        let edited = self.conversation.facts().edited_mentions(self.slot, &self.entry);
        edited.cloned().unwrap_or_else(|| self.mentions_at_first())
    }

    /// Whom it mentioned before any edit: nobody is notified anew (R40, R90).
    pub(crate) fn mentions_at_first(&self) -> Mentions {
        let content = self.conversation.facts().content(self.slot);
        Mentions { users: users(content.mentioned()), all: self.entry.has(bits::AT_ALL) }
    }

    /// Whom a targeted message is for; empty: everybody.
    pub fn recipients(&self) -> Vec<UserId> {
        users(self.conversation.facts().content(self.slot).recipients())
    }

    /// The message it answers.
    pub fn reply_to(&self) -> Option<MessageId> {
        self.conversation.facts().content(self.slot).reply_to
    }

    /// Its status.
    pub fn status(&self) -> MessageStatus {
        self.conversation.facts().status(self.slot, &self.entry)
    }

    /// Who recalled it, if anyone.
    pub fn recall(&self) -> Option<Recall<'a>> {
        let (stamp, fact) = self.conversation.facts().recall_of(self.slot)?;
        let name = self.inbox.name_of(&fact.by);
        Some(Recall { by: &fact.by, name, reason: fact.reason.as_deref(), stamp })
    }

    /// The greatest version of any edit.
    pub fn edit_version(&self) -> Option<u64> {
        Some(self.conversation.facts().aside(self.slot)?.edits.as_deref()?.version)
    }

    /// Why sending failed, if it did and somebody said.
    pub fn failure_reason(&self) -> Option<&'a str> {
        self.conversation.facts().failure(self.slot, &self.entry)?.1.map(|reason| &**reason)
    }

    /// Whether it is read: the owner's own, at or before the read marker, or read by name.
    pub fn is_read(&self) -> bool {
        self.is_own() || self.is_read_by_name() || self.entry.first <= self.conversation.row.marker
    }

    /// Whether it was read by name, wherever the read marker stands (R59).
    pub fn is_read_by_name(&self) -> bool {
        self.entry.has(bits::READ)
    }

    /// Whether the peer of a direct chat has read this own message; false in a group (R34).
    pub fn is_peer_read(&self) -> bool {
        self.conversation.is_peer_read(self.slot)
    }

    /// The members of a group who read it, by id, its author apart (R34).
    pub fn readers(&self) -> Vec<&'a UserId> {
        let Some(social) = self.social() else { return Vec::new() };
        let mut readers: Vec<_> = social
            .readers()
            .iter()
            .filter(|reader| **reader != self.entry.author)
            .map(|reader| self.user(*reader))
            .collect();
        readers.sort_unstable();
        readers
    }

    /// How many members read it.
    pub fn read_count(&self) -> u64 {
        let Some(social) = self.social() else { return 0 };
        (social.readers().len() - usize::from(social.readers().contains(&self.entry.author))) as u64
    }

    /// How many members have not read it yet; `None` where nobody said how many there were.
    pub fn unread_receipts(&self) -> Option<u64> {
        Some(self.members()?.saturating_sub(1).saturating_sub(self.read_count()))
    }

    /// The group's size when it was sent, if anybody said.
    pub fn members(&self) -> Option<u64> {
        self.conversation.facts().members(self.slot)
    }

    /// The reactions on it, by name (bytes).
    pub fn reactions(&self) -> Vec<Reaction<'a>> {
        let mut reactions: Vec<Reaction<'a>> = Vec::new();
        let Some(social) = self.social() else { return reactions };
        for ((name, actor), on) in social.reactions() {
            if on.get() != Some(&true) {
                continue;
            }
            let user = self.user(*actor);
            match reactions.last_mut().filter(|last| *last.name == **name) {
                Some(last) => last.users.push(user),
                None => reactions.push(Reaction { name, users: vec![user] }),
            }
        }
        reactions.iter_mut().for_each(|reaction| reaction.users.sort_unstable());
        reactions
    }

    /// The extensions that are neither deleted nor cleared, by key (bytes).
    pub fn extensions(&self) -> Vec<Extension<'a>> {
        let shown = self.social().into_iter().flat_map(Social::shown_extensions);
        shown.map(|(key, value, seq)| Extension { key, value, seq }).collect()
    }

    /// Whether it is pinned in its group.
    pub fn is_pinned(&self) -> bool {
        self.social().is_some_and(|social| social.pinned.get() == Some(&true))
    }

    /// Whether it was only for those online.
    pub fn is_online_only(&self) -> bool {
        self.entry.has(bits::ONLINE_ONLY)
    }

    /// Whether it never counts as unread.
    pub fn is_excluded_from_unread(&self) -> bool {
        self.entry.has(bits::EXCLUDED_FROM_UNREAD)
    }

    /// Whether it never becomes the last message.
    pub fn is_excluded_from_last(&self) -> bool {
        self.entry.has(bits::EXCLUDED_FROM_LAST)
    }

    /// Whether its author asks for receipts.
    pub fn need_receipt(&self) -> bool {
        self.entry.has(bits::NEED_RECEIPT)
    }

    /// Whether extensions may be set on it.
    pub fn supports_extensions(&self) -> bool {
        self.entry.has(bits::SUPPORTS_EXTENSIONS)
    }

    /// Whether it counts as unread now: after the read marker and everything else R23 asks.
    pub fn counts_as_unread(&self) -> bool {
        self.conversation.counts(self.slot, crate::inbox::timeline::order::contribution::Contribution::UNREAD)
            && self.conversation.lets_count(self.inbox.policy)
    }

    /// The author's own name, if known and not blank.
    pub fn nickname(&self) -> Option<&'a str> {
        shown(&self.inbox.profile(self.entry.author)?.nickname)
    }

    /// The owner's name for the author, if any.
    pub fn remark(&self) -> Option<&'a str> {
        shown(&self.inbox.profile(self.entry.author)?.remark)
    }

    /// Where the author's picture is, if known.
    pub fn face_url(&self) -> Option<&'a str> {
        shown(&self.inbox.profile(self.entry.author)?.face_url)
    }

    /// Whether the message stands in a group.
    pub fn in_group(&self) -> bool {
        self.conversation.facts().kind == ConversationKind::Group
    }
}
