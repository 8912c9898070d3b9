//! What a batch of events changed.

use crate::model::id::{ConversationId, FolderId, MessageId, UserId};
use crate::model::told::Told;

/// Everything observable that a batch of events changed, each thing once (R60).
///
/// Empty when nothing observable changed. In a fixed order: conversations and messages by id, folders by id.
/// Two are equal when they tell the same, whatever the revisions between which they tell it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ChangeSet {
    /// Conversations that came into the list, changed in it, or left it.
    pub conversations: Told<ConversationChange>,
    /// The totals before and after, where they differ.
    pub totals: Option<TotalsChange>,
    /// What happened to folders.
    pub folders: Vec<FolderChange>,
    /// Messages that appeared, changed or went one by one. What a clearing or the deletion of a conversation
    /// takes away at once is told by [`Attribute::History`] of the conversation instead, and what the read
    /// markers change by [`Attribute::ReadMarker`] and [`Attribute::PeerRead`].
    pub messages: Told<MessageChange>,
    /// Users whose shown nickname, remark or face changed.
    pub profiles: Vec<UserId>,
    /// Whether the quiet hours changed.
    pub quiet_hours: bool,
    pub(crate) revisions: (u64, u64),
}

impl ChangeSet {
    /// Whether nothing observable changed.
    pub fn is_empty(&self) -> bool {
        let Self { conversations, totals, folders, messages, profiles, quiet_hours, revisions: _ } = self;
        conversations.is_empty()
            && totals.is_none()
            && folders.is_empty()
            && messages.is_empty()
            && profiles.is_empty()
            && !quiet_hours
    }

    /// The revisions of the inbox before and after: see [`Inbox::revision`](crate::Inbox::revision).
    pub fn revisions(&self) -> Revisions {
        let (before, after) = self.revisions;
        Revisions { before, after }
    }
}

/// The revisions of an inbox between which a change set tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revisions {
    /// The revision before.
    pub before: u64,
    /// The revision after.
    pub after: u64,
}

impl PartialEq for ChangeSet {
    fn eq(&self, other: &Self) -> bool {
        let Self { conversations, totals, folders, messages, profiles, quiet_hours, revisions: _ } = self;
        *conversations == other.conversations
            && *totals == other.totals
            && *folders == other.folders
            && *messages == other.messages
            && *profiles == other.profiles
            && *quiet_hours == other.quiet_hours
    }
}

impl Eq for ChangeSet {}

/// What happened to a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationChange {
    /// The conversation.
    pub id: ConversationId,
    /// Whether it came, changed or left.
    pub kind: ChangeKind,
    /// Which attributes differ from before.
    pub attributes: Attributes,
    /// Its order key before and after.
    pub order_keys: OrderKeys,
}

impl ConversationChange {
    /// Whether its place in the list is another than before: it came, left, or has another order key.
    pub fn moved(&self) -> bool {
        self.order_keys.before != self.order_keys.after
    }
}

/// The order key of a conversation before and after a batch: see
/// [`ConversationView::order_key`](crate::ConversationView::order_key).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrderKeys {
    /// Its key before; `None` where it was not in the list.
    pub before: Option<u64>,
    /// Its key now; `None` where it is not in the list.
    pub after: Option<u64>,
}

/// How a conversation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It came into the list.
    New,
    /// It is in the list as before, with other attributes.
    Changed,
    /// It left the list.
    Removed,
    /// It is not in the list, nor was it, but an attribute changed.
    Unlisted,
}

/// What one can see of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Attribute {
    /// Its name.
    ShowName,
    /// Its picture.
    FaceUrl,
    /// The group's type.
    GroupType,
    /// The number of unread messages, or whether it is a lower bound.
    UnreadCount,
    /// Its receive option, or when an event is to end it.
    ReceiveOption,
    /// The last message, what shows of it, or whether there may be a newer one.
    LastMessage,
    /// The unread mentions of the owner, their number, or whether that is a lower bound.
    Mentions,
    /// The draft, or one that it superseded.
    Draft,
    /// Whether it is pinned.
    Pinned,
    /// Its marks.
    Marks,
    /// The custom data.
    CustomData,
    /// The live folders that hold it, or their names.
    Folders,
    /// How far the owner has read.
    ReadMarker,
    /// How far the peer has read.
    PeerRead,
    /// When it was last active, which orders the list.
    Activity,
    /// The history was cleared up to another point.
    History,
    /// The history turned out corrupt in the snapshot that it was restored from; its events wait (R99).
    Fault,
    /// Whether it is archived, or whether new messages leave it so (R56).
    Archived,
    /// What became of the owner as a member of the group (R58).
    Membership,
    /// Which stretches are not held, whether one touches the number, or in which the first unread message may be (R48).
    Gaps,
}

const ATTRIBUTES: [Attribute; 20] = [
    Attribute::ShowName,
    Attribute::FaceUrl,
    Attribute::GroupType,
    Attribute::UnreadCount,
    Attribute::ReceiveOption,
    Attribute::LastMessage,
    Attribute::Mentions,
    Attribute::Draft,
    Attribute::Pinned,
    Attribute::Marks,
    Attribute::CustomData,
    Attribute::Folders,
    Attribute::ReadMarker,
    Attribute::PeerRead,
    Attribute::Activity,
    Attribute::History,
    Attribute::Fault,
    Attribute::Archived,
    Attribute::Membership,
    Attribute::Gaps,
];

/// A set of [`Attribute`]s.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Attributes(u32);

impl Attributes {
    /// Whether `attribute` is in the set.
    pub const fn contains(self, attribute: Attribute) -> bool {
        self.0 & 1 << attribute as u8 != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The attributes in the set, in the order of [`Attribute`].
    pub fn iter(self) -> impl Iterator<Item = Attribute> {
        ATTRIBUTES.into_iter().filter(move |a| self.contains(*a))
    }

    /// Adds what another set has.
    pub(crate) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// What both sets have.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn insert_if(&mut self, attribute: Attribute, differs: bool) {
        if differs {
            self.0 |= 1 << attribute as u8;
        }
    }
}

impl FromIterator<Attribute> for Attributes {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        let mut set = Self::default();
        attributes.into_iter().for_each(|a| set.insert_if(a, true));
        set
    }
}

impl std::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Unread messages of the whole list (R53), and the badge (R55).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// In conversations whose receive option is `Receive`.
    pub unread: u64,
    /// In all listed conversations.
    pub unread_all: u64,
    /// The badge by the default rule (R55). By any other rule it is [`Inbox::badge`](crate::Inbox::badge), which can
    /// only have changed where a change set tells of a conversation.
    pub badge: u64,
    /// `unread` may be more: it sums a conversation whose unread messages are not all held (R46, R48).
    pub unread_is_lower_bound: bool,
    /// The same of `unread_all`.
    pub unread_all_is_lower_bound: bool,
    /// The same of `badge`.
    pub badge_is_lower_bound: bool,
}

/// The totals before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotalsChange {
    /// Before the batch.
    pub before: Totals,
    /// After it.
    pub after: Totals,
}

/// What happened to a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderChange {
    /// It is there now; its members, if any, are told as added.
    Created {
        /// The folder.
        folder: FolderId,
        /// Its name.
        name: String,
    },
    /// It has another name.
    Renamed {
        /// The folder.
        folder: FolderId,
        /// The name before.
        from: String,
        /// The name now.
        to: String,
    },
    /// It is gone.
    Deleted {
        /// The folder.
        folder: FolderId,
        /// The name it had.
        name: String,
    },
    /// Conversations were put into a live folder.
    MembersAdded {
        /// The folder.
        folder: FolderId,
        /// The conversations, by id.
        conversations: Vec<ConversationId>,
    },
    /// Conversations were taken out of a live folder.
    MembersRemoved {
        /// The folder.
        folder: FolderId,
        /// The conversations, by id.
        conversations: Vec<ConversationId>,
        /// Why.
        reason: RemovalReason,
    },
}

/// Why conversations are no longer in a folder that is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RemovalReason {
    /// The owner took them out.
    TakenOut,
    /// They made room for others: a folder that would hold too many loses those that it held longest (R71).
    /// Told from the events: what goes has the very instant of what came.
    MadeRoom,
}

/// What happened to one message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageChange {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
    /// What happened.
    pub kind: MessageChangeKind,
}

/// How a message changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageChangeKind {
    /// It can be seen now.
    Added,
    /// It shows something else, or stands elsewhere.
    Changed,
    /// It can no longer be seen.
    Removed,
}
