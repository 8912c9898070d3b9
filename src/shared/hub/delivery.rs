//! What is told of connected accounts.

use crate::model::change::{ConversationChange, FolderChange, TotalsChange};
use crate::model::id::{MessageId, UserId};

/// What events changed of the rows of connected accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The version of the timeline, where it is one timeline's events.
    pub version: u64,
    /// The messages of the timeline of which something else shows than before, those targeted at some among them; whether an
    /// account may see one, its [`Member`](crate::shared::Member) says.
    pub messages: Vec<MessageId>,
    /// The rows that changed, an account each and, of one account, a conversation each.
    pub changes: Vec<AccountChange>,
    /// What happened to folders, where it is one account's events.
    pub folders: Vec<FolderChange>,
    /// Whether its quiet hours are others.
    pub quiet_hours: bool,
}

/// A row that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountChange {
    /// Whose.
    pub account: UserId,
    /// What of it.
    pub change: ConversationChange,
    /// The account's totals, where they are others.
    pub totals: Option<TotalsChange>,
}

impl Delivery {
    /// Whether nobody sees anything else than before.
    pub fn is_empty(&self) -> bool {
        let Self { version: _, messages, changes, folders, quiet_hours } = self;
        messages.is_empty() && changes.is_empty() && folders.is_empty() && !quiet_hours
    }
}
