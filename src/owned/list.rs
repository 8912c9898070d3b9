//! Pages, and the steps of a kept list.

use serde::{Deserialize, Serialize};

use crate::inbox::{ConversationView, MessageView};
use crate::owned::conversation::Conversation;
use crate::owned::cursor::{ListCursor, MessageCursor};
use crate::owned::message::Message;
use crate::owned::values::{Attribute, each, ms, texts};
use crate::{list, live, view};

/// Some rows of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListPage {
    /// The rows, in list order.
    pub conversations: Vec<Conversation>,
    /// Where the next page begins; none at the end of the list.
    pub next: Option<ListCursor>,
}

impl From<&list::ListPage<'_>> for ListPage {
    fn from(list::ListPage { conversations, next }: &list::ListPage<'_>) -> Self {
        let rows = conversations.iter().copied();
        Self {
            conversations: each::<ConversationView<'_>, _>(rows),
            next: next.clone().map(ListCursor::from),
        }
    }
}

/// Some messages of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessagePage {
    /// The messages, in the direction asked for.
    pub messages: Vec<Message>,
    /// Where the next page begins; none at the end of the history.
    pub next: Option<MessageCursor>,
}

impl From<&view::MessagePage<'_>> for MessagePage {
    fn from(view::MessagePage { messages, next }: &view::MessagePage<'_>) -> Self {
        let shown = messages.iter().copied();
        Self { messages: each::<MessageView<'_>, _>(shown), next: next.map(MessageCursor::from) }
    }
}

/// A receive option that is to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Expiry {
    /// When it is to end.
    pub until_ms: i64,
    /// Its conversation.
    pub conversation: String,
}

/// Which receive options are due, and when to look again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Expiries {
    /// The options that are due.
    pub due: Vec<Expiry>,
    /// When the next of the others is due.
    pub next_ms: Option<i64>,
}

impl From<&list::Expiry> for Expiry {
    fn from(list::Expiry { until, conversation }: &list::Expiry) -> Self {
        Self { until_ms: ms(*until), conversation: conversation.to_string() }
    }
}

impl From<&list::Expiries> for Expiries {
    fn from(list::Expiries { due, next }: &list::Expiries) -> Self {
        Self { due: each(due), next_ms: next.map(ms) }
    }
}

/// One step from the rows a view showed to those it shows now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ListDiff {
    /// A row came.
    Insert {
        /// Where it stands now.
        index: usize,
        /// Its conversation.
        id: String,
    },
    /// A row was taken out and put in elsewhere.
    Move {
        /// Where it stood.
        from: usize,
        /// Where it stands now, counted once it was taken out.
        to: usize,
        /// Its conversation.
        id: String,
        /// What else differs from before.
        attributes: Vec<Attribute>,
    },
    /// A row shows something else and stands where it stood.
    Update {
        /// Where it stands.
        index: usize,
        /// Its conversation.
        id: String,
        /// What differs from before.
        attributes: Vec<Attribute>,
    },
    /// A row went.
    Remove {
        /// Where it stood.
        index: usize,
        /// Its conversation.
        id: String,
    },
    /// The list is another: these are its rows.
    Reset {
        /// The rows, in list order.
        ids: Vec<String>,
    },
}

impl From<&live::ListDiff> for ListDiff {
    fn from(step: &live::ListDiff) -> Self {
        use live::ListDiff as Step;
        match step {
            Step::Insert { index, id } => Self::Insert { index: *index, id: id.to_string() },
            Step::Move { from, to, id, attributes } => {
                Self::Move { from: *from, to: *to, id: id.to_string(), attributes: each(attributes.iter()) }
            }
            Step::Update { index, id, attributes } => {
                Self::Update { index: *index, id: id.to_string(), attributes: each(attributes.iter()) }
            }
            Step::Remove { index, id } => Self::Remove { index: *index, id: id.to_string() },
            Step::Reset { ids } => Self::Reset { ids: texts(ids) },
        }
    }
}
