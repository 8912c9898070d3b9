//! The inbox as JSON, its rows shaped like those that a client of V2TIM knows, and rows read back.
//!
//! For a client written against V2TIM, and for looking at an inbox with other tools. What is made here are views
//! that borrow the inbox: write one with a serializer (`serde_json::to_writer` streams, row by row), or with
//! [`Display`](std::fmt::Display) as one line of JSON. [`Dialect`] says whose classes the rows are shaped like; without a word
//! they are those of Flutter's `V2TimConversation`. [`Row`] is what a row says, read back or taken from an inbox. The folder
//! `schema/` of the repository has a JSON Schema of each dialect.
//!
//! In Flutter's rows lists are never null and absent strings always are; times are whole seconds, rounded down; bytes
//! (`customData`, `cloudCustomData`, the data of a `customElem`) are base64 in the standard alphabet, or as [`DataForm`] says.

mod back;
mod dialect;
mod flutter;
mod native;
mod read;
mod row;
mod web;

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeSeq, SerializeStruct, Serializer};

use self::flutter::FlutterRow;
use self::native::NativeRow;
use self::web::WebRow;
use crate::inbox::{ConversationView, Inbox};
use crate::model::filter::Filter;

pub use self::dialect::{AT_ALL, DataForm, Dialect, Language};
pub use self::read::{ReadError, ReadPlace};
pub use self::row::{LastMessage, OnlyNative, Row, RowBounds, RowDraft, RowMention, RowRecall};

/// Rows taken from the list at a time while writing.
const PAGE_LEN: usize = 256;

/// An inbox as one JSON object: `owner`, `totalUnreadCount`, `totalUnreadCountAll`, `skippedEvents`, `digest` and
/// `conversationList`.
///
/// The list holds the conversations that fit `filter`, in list order. The totals and the digest are those of the
/// whole inbox, whatever the filter: `totalUnreadCount` over the conversations with receive option `Receive`,
/// `totalUnreadCountAll` over all. Where messages are not held, and only there, rows have `unreadIsLowerBound`,
/// `mentionIsLowerBound` with `mentionCount`, and `lastMessageIsOlder`, each if it is true, and the head
/// `totalUnreadIsLowerBound` and `totalUnreadAllIsLowerBound` likewise (R46–R48). `skipped_events` is what the reader of the log counted: lines of an unknown
/// type or a newer version.
///
/// ```
/// use chatfold::{Filter, Inbox, Policy, UserId, v2tim};
/// let inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
/// let json = v2tim::InboxJson::new(&inbox, 0, &Filter::default()).to_string();
/// assert!(json.starts_with(r#"{"owner":"alice","totalUnreadCount":0,"totalUnreadCountAll":0,"skippedEvents":0,"#));
/// assert!(json.ends_with(r#""conversationList":[]}"#));
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InboxJson<'a> {
    inbox: &'a Inbox,
    skipped_events: u64,
    filter: &'a Filter,
    limit: usize,
    dialect: Dialect,
    all_keys: bool,
}

impl<'a> InboxJson<'a> {
    /// Returns the JSON view of `inbox` with the conversations that fit `filter`; `skipped_events` is what the reader of
    /// the log counted.
    pub fn new(inbox: &'a Inbox, skipped_events: u64, filter: &'a Filter) -> Self {
        Self {
            inbox,
            skipped_events,
            filter,
            limit: usize::MAX,
            dialect: Dialect::default(),
            all_keys: false,
        }
    }

    /// The same with at most `rows` conversations, the first of the list; totals and digest stay those of all.
    #[must_use]
    pub fn with_limit(self, rows: usize) -> Self {
        Self { limit: rows, ..self }
    }

    /// The same with rows in this dialect. What stands around the list is the same in each.
    #[must_use]
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// The same with what the reference has no key for: in each row `archived`, `membership` (null where nobody said),
    /// `recvOptUntil` (seconds, 0 where it does not end), `badge` (R55, by the default rule) and `mentionCount`; beside the
    /// totals `badgeCount`.
    #[must_use]
    pub fn with_all_keys(self) -> Self {
        Self { all_keys: true, ..self }
    }
}

/// A conversation as a JSON object with exactly the keys of its [`Dialect`]: without a word `V2TimConversation`'s.
#[derive(Clone, Copy, Debug)]
pub struct ConversationJson<'a> {
    conversation: ConversationView<'a>,
    dialect: Dialect,
    all_keys: bool,
}

impl<'a> ConversationJson<'a> {
    /// Returns the JSON view of a conversation.
    pub fn new(conversation: ConversationView<'a>) -> Self {
        Self { conversation, dialect: Dialect::default(), all_keys: false }
    }

    /// The same in this dialect.
    #[must_use]
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// The same with what the reference has no key for: see [`InboxJson::with_all_keys`].
    #[must_use]
    pub fn with_all_keys(self) -> Self {
        Self { all_keys: true, ..self }
    }
}

impl fmt::Display for InboxJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, f)
    }
}

impl fmt::Display for ConversationJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, f)
    }
}

fn write_json(value: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(value).map_err(|_| fmt::Error)?)
}

impl Serialize for InboxJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let totals = self.inbox.totals();
        let keys = 6 + usize::from(self.all_keys);
        let keys =
            keys + usize::from(totals.unread_is_lower_bound) + usize::from(totals.unread_all_is_lower_bound);
        let mut object = serializer.serialize_struct("Inbox", keys)?;
        object.serialize_field("owner", self.inbox.owner().as_str())?;
        object.serialize_field("totalUnreadCount", &totals.unread)?;
        object.serialize_field("totalUnreadCountAll", &totals.unread_all)?;
        if self.all_keys {
            object.serialize_field("badgeCount", &totals.badge)?;
        }
        if totals.unread_is_lower_bound {
            object.serialize_field("totalUnreadIsLowerBound", &true)?;
        }
        if totals.unread_all_is_lower_bound {
            object.serialize_field("totalUnreadAllIsLowerBound", &true)?;
        }
        object.serialize_field("skippedEvents", &self.skipped_events)?;
        object.serialize_field("digest", &self.inbox.digest().to_string())?;
        object.serialize_field("conversationList", &Rows(self))?;
        object.end()
    }
}

impl Serialize for ConversationJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { conversation, dialect, all_keys } = *self;
        match dialect {
            Dialect::Flutter(data) => FlutterRow::of(conversation, data, all_keys).serialize(serializer),
            Dialect::Native => NativeRow::of(conversation, all_keys).serialize(serializer),
            Dialect::Web(language) => WebRow::of(conversation, language, all_keys).serialize(serializer),
        }
    }
}

/// The list, a page at a time.
struct Rows<'a>(&'a InboxJson<'a>);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let InboxJson { inbox, filter, limit, dialect, all_keys, .. } = *self.0;
        let mut list = serializer.serialize_seq(None)?;
        let mut after = None;
        let mut left = limit;
        loop {
            let page = inbox.page(filter, after.as_ref(), PAGE_LEN.min(left));
            left -= page.conversations.len();
            for conversation in page.conversations {
                list.serialize_element(&ConversationJson { conversation, dialect, all_keys })?;
            }
            after = page.next;
            if after.is_none() || left == 0 {
                return list.end();
            }
        }
    }
}
