//! Owned, serialisable forms of what shows (feature `serde`): rows, messages, change sets, list steps, totals, reasons.
//!
//! You need this module to hand what an inbox shows over a boundary: to another language, another process, a file. Each
//! form is made of a view or a value by `From`, borrows nothing, and derives serde's traits. The views themselves and the
//! fold's own types derive nothing, so their layout stays free.
//!
//! Ids are texts, instants are milliseconds since 1970 and end in `_ms`, enumerations are named in `snake_case`, bytes are
//! lists of numbers. A form has every field that its view has; a list that is empty stands there as an empty one. The forms
//! may get fields with a version: they are for passing on, and what is kept for ever is the log.
//!
//! ```
//! use chatfold::{ConversationId, Envelope, EventId, Filter, Inbox, Message, MessageId, Policy, Timestamp, UserId, owned};
//!
//! let bob = UserId::parse("bob")?;
//! let mut inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
//! let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob.clone());
//! let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?");
//! let changes = inbox.apply(&envelope.message_received(ConversationId::direct(&bob), lunch)?);
//!
//! let told = serde_json::to_value(owned::ChangeSet::from(&changes))?;
//! assert_eq!(told["conversations"][0]["kind"], "new");
//! let page = owned::ListPage::from(&inbox.page(&Filter::default(), None, 20));
//! assert_eq!((page.conversations[0].show_name.as_str(), page.conversations[0].unread_count), ("bob", 1));
//! let again: owned::ListPage = serde_json::from_str(&serde_json::to_string(&page)?)?;
//! assert_eq!(again, page);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod change;
mod conversation;
mod cursor;
mod explanation;
mod filter;
mod list;
mod message;
mod values;

pub use self::change::{
    ChangeSet, ConversationChange, FilterTotals, FolderChange, MessageChange, Notice, OrderKeys, Revisions,
    Totals, TotalsChange,
};
pub use self::conversation::{Conversation, Draft, Fault, FirstUnread, Folder, Gap, Mention};
pub use self::cursor::{CursorError, ListCursor, MessageCursor};
pub use self::explanation::{
    Because, Explanation, FolderReason, LastMessageReason, MarkReason, ReadReason, Reason, ReportReason,
};
pub use self::filter::{ArchiveFilter, Filter, FilterError, FolderFilter, MarkFilter, MembershipFilter};
pub use self::list::{Expiries, Expiry, ListDiff, ListPage, MessagePage};
pub use self::message::{Extension, Mentions, Message, Reaction, Recall};
pub use self::values::{
    Attribute, Bounds, ChangeKind, ConversationKind, GroupType, Membership, MentionKind, MessageChangeKind,
    MessageKind, MessageStatus, ReceiveOption, RemovalReason, Stamp, Watermark,
};
