//! What a batch of events changed.

use serde::{Deserialize, Serialize};

use crate::owned::filter::Filter;
use crate::owned::values::{Attribute, ChangeKind, MessageChangeKind, RemovalReason, each, texts};
use crate::{change, list, live};

/// Unread messages of the whole list, and the badge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// In conversations whose receive option is `receive`.
    pub unread: u64,
    /// In all listed conversations.
    pub unread_all: u64,
    /// The badge by the default rule.
    pub badge: u64,
    /// `unread` may be more.
    pub unread_is_lower_bound: bool,
    /// `unread_all` may be more.
    pub unread_all_is_lower_bound: bool,
    /// `badge` may be more.
    pub badge_is_lower_bound: bool,
}

impl From<list::Totals> for Totals {
    fn from(totals: list::Totals) -> Self {
        // Without `..`, so that the compiler asks for a new field.
        #[rustfmt::skip]
        let list::Totals {
            unread, unread_all, badge, unread_is_lower_bound, unread_all_is_lower_bound, badge_is_lower_bound,
        } = totals;
        #[rustfmt::skip]
        let totals = Self {
            unread, unread_all, badge, unread_is_lower_bound, unread_all_is_lower_bound, badge_is_lower_bound,
        };
        totals
    }
}

/// The totals before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TotalsChange {
    /// Before the batch.
    pub before: Totals,
    /// After it.
    pub after: Totals,
}

impl From<change::TotalsChange> for TotalsChange {
    fn from(change::TotalsChange { before, after }: change::TotalsChange) -> Self {
        Self { before: before.into(), after: after.into() }
    }
}

/// The order key of a conversation before and after a batch; none where it is not in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderKeys {
    /// Its key before.
    pub before: Option<u64>,
    /// Its key now.
    pub after: Option<u64>,
}

impl From<change::OrderKeys> for OrderKeys {
    fn from(change::OrderKeys { before, after }: change::OrderKeys) -> Self {
        Self { before, after }
    }
}

/// The revisions of an inbox between which a change set tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Revisions {
    /// The revision before.
    pub before: u64,
    /// The revision after.
    pub after: u64,
}

impl From<change::Revisions> for Revisions {
    fn from(change::Revisions { before, after }: change::Revisions) -> Self {
        Self { before, after }
    }
}

/// What happened to a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConversationChange {
    /// The conversation.
    pub id: String,
    /// Whether it came, changed or left.
    pub kind: ChangeKind,
    /// Which attributes differ from before.
    pub attributes: Vec<Attribute>,
    /// Its order key before and after.
    pub order_keys: OrderKeys,
}

impl From<&change::ConversationChange> for ConversationChange {
    fn from(change: &change::ConversationChange) -> Self {
        let change::ConversationChange { id, kind, attributes, order_keys } = change;
        Self {
            id: id.to_string(),
            kind: (*kind).into(),
            attributes: each(attributes.iter()),
            order_keys: (*order_keys).into(),
        }
    }
}

/// What happened to a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FolderChange {
    /// It is there now.
    Created {
        /// The folder.
        folder: String,
        /// Its name.
        name: String,
    },
    /// It has another name.
    Renamed {
        /// The folder.
        folder: String,
        /// The name before.
        from: String,
        /// The name now.
        to: String,
    },
    /// It is gone.
    Deleted {
        /// The folder.
        folder: String,
        /// The name it had.
        name: String,
    },
    /// Conversations were put into it.
    MembersAdded {
        /// The folder.
        folder: String,
        /// The conversations.
        conversations: Vec<String>,
    },
    /// Conversations were taken out of it.
    MembersRemoved {
        /// The folder.
        folder: String,
        /// The conversations.
        conversations: Vec<String>,
        /// Why.
        reason: RemovalReason,
    },
}

impl From<&change::FolderChange> for FolderChange {
    fn from(change: &change::FolderChange) -> Self {
        use change::FolderChange as Change;
        match change {
            Change::Created { folder, name } => {
                Self::Created { folder: folder.to_string(), name: name.clone() }
            }
            Change::Renamed { folder, from, to } => {
                Self::Renamed { folder: folder.to_string(), from: from.clone(), to: to.clone() }
            }
            Change::Deleted { folder, name } => {
                Self::Deleted { folder: folder.to_string(), name: name.clone() }
            }
            Change::MembersAdded { folder, conversations } => {
                Self::MembersAdded { folder: folder.to_string(), conversations: texts(conversations) }
            }
            Change::MembersRemoved { folder, conversations, reason } => Self::MembersRemoved {
                folder: folder.to_string(),
                conversations: texts(conversations),
                reason: (*reason).into(),
            },
        }
    }
}

/// What happened to one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageChange {
    /// Its conversation.
    pub conversation: String,
    /// The message.
    pub message: String,
    /// What happened.
    pub kind: MessageChangeKind,
}

impl From<&change::MessageChange> for MessageChange {
    fn from(change::MessageChange { conversation, message, kind }: &change::MessageChange) -> Self {
        Self { conversation: conversation.to_string(), message: message.to_string(), kind: (*kind).into() }
    }
}

/// Everything observable that a batch of events changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeSet {
    /// Conversations that came into the list, changed in it, or left it.
    pub conversations: Vec<ConversationChange>,
    /// The totals before and after, where they differ.
    pub totals: Option<TotalsChange>,
    /// What happened to folders.
    pub folders: Vec<FolderChange>,
    /// Messages that appeared, changed or went one by one.
    pub messages: Vec<MessageChange>,
    /// Users whose shown nickname, remark or face changed.
    pub profiles: Vec<String>,
    /// Whether the quiet hours changed.
    pub quiet_hours: bool,
    /// The revisions of the inbox before and after.
    pub revisions: Revisions,
}

impl From<&crate::ChangeSet> for ChangeSet {
    fn from(changes: &crate::ChangeSet) -> Self {
        let crate::ChangeSet {
            conversations,
            totals,
            folders,
            messages,
            profiles,
            quiet_hours,
            revisions: _,
        } = changes;
        Self {
            conversations: each(conversations),
            totals: totals.map(TotalsChange::from),
            folders: each(folders),
            messages: each(messages),
            profiles: texts(profiles),
            quiet_hours: *quiet_hours,
            revisions: changes.revisions().into(),
        }
    }
}

/// The totals of a subscribed filter before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FilterTotals {
    /// The filter.
    pub filter: Filter,
    /// Before the batch.
    pub before: Totals,
    /// After it.
    pub after: Totals,
}

impl From<&live::FilterTotals> for FilterTotals {
    fn from(live::FilterTotals { filter, before, after }: &live::FilterTotals) -> Self {
        Self { filter: filter.into(), before: (*before).into(), after: (*after).into() }
    }
}

/// What a live inbox has to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notice {
    /// A catch-up has begun.
    SyncStarted,
    /// This changed.
    Changed(ChangeSet),
    /// The totals of subscribed filters changed.
    UnreadByFilter(Vec<FilterTotals>),
    /// The catch-up is complete.
    SyncFinished,
    /// The catch-up broke off.
    SyncFailed {
        /// Why, in the caller's words.
        reason: String,
    },
    /// Anything may be otherwise: read the list anew.
    Reset,
}

impl From<&live::Notice> for Notice {
    fn from(notice: &live::Notice) -> Self {
        use live::Notice as Told;
        match notice {
            Told::SyncStarted => Self::SyncStarted,
            Told::Changed(changes) => Self::Changed(changes.into()),
            Told::UnreadByFilter(totals) => Self::UnreadByFilter(each(totals)),
            Told::SyncFinished => Self::SyncFinished,
            Told::SyncFailed { reason } => Self::SyncFailed { reason: reason.clone() },
            Told::Reset => Self::Reset,
        }
    }
}
