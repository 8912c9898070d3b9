//! What a cloud that forgets still holds of an inbox (R95).
//!
//! You need this module to know what a fresh device could still load, and to warn before something is gone.
//!
//! ```
//! use chatfold::retention::{RetentionPolicy, view_cloud};
//! use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
//!
//! let bob = UserId::parse("bob")?;
//! let mut inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
//! let sent: Timestamp = "2026-03-01T09:00:00.000Z".parse()?;
//! let envelope = Envelope::new(EventId::from_bytes([1; 16]), sent, bob.clone());
//! let lunch = Message::text(MessageId::from_bytes([2; 16]), "Lunch?");
//! inbox.apply(&envelope.message_received(ConversationId::direct(&bob), lunch)?);
//! let month = RetentionPolicy::default().with_idle_s(30 * 86_400);
//! let in_april = "2026-04-01T09:00:00.000Z".parse()?;
//! assert_eq!(view_cloud(&inbox, &month, in_april).evicted.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::ask::retention::{
    CloudConversation, CloudView, DirectUnread, Evicted, Eviction, RetentionPolicy, view_cloud,
};
