//! What a [`ChangeSet`](crate::ChangeSet) is made of: what a batch of events changed of what shows.
//!
//! You need this module to keep a screen, a badge or a cache up to date without reading the list anew.
//! [`Inbox::apply`](crate::Inbox::apply) and [`Inbox::merge`](crate::Inbox::merge) return change sets; an event that
//! changes nothing observable returns an empty one.
//!
//! ```
//! use chatfold::change::{Attribute, ChangeKind};
//! use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
//!
//! let bob = UserId::parse("bob")?;
//! let mut inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
//! let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(1_000)?, bob.clone());
//! let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?");
//! let event = envelope.message_received(ConversationId::direct(&bob), lunch)?;
//! let changes = inbox.apply(&event);
//! let change = &changes.conversations[0];
//! assert_eq!(change.kind, ChangeKind::New);
//! assert!(change.attributes.contains(Attribute::UnreadCount));
//! assert!(inbox.apply(&event).is_empty(), "it says nothing new");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::inbox::ChangeSpan;
pub use crate::model::change::{
    Attribute, Attributes, ChangeKind, ConversationChange, FolderChange, MessageChange, MessageChangeKind,
    OrderKeys, RemovalReason, Revisions, TotalsChange,
};
pub use crate::model::told::Told;
