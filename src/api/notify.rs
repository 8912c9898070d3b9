//! Whether a message notifies, arrives in silence, or does not arrive (R90).
//!
//! You need this module where a push or a sound is to be made.
//!
//! ```
//! use chatfold::notify::{Notification, NotificationReason};
//! use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId, notify};
//!
//! let bob = UserId::parse("bob")?;
//! let (chat, lunch) = (ConversationId::direct(&bob), MessageId::from_bytes([2; 16]));
//! let mut inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
//! let now = Timestamp::from_millis(1_000)?;
//! let envelope = Envelope::new(EventId::from_bytes([1; 16]), now, bob);
//! inbox.apply(&envelope.message_received(chat.clone(), Message::text(lunch, "Lunch?"))?);
//! assert_eq!(notify::judge(&inbox, &chat, lunch, now), Notification::Push);
//! assert_eq!(notify::explain(&inbox, &chat, lunch, now), NotificationReason::Notifies);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::ask::notify::{Notification, NotificationReason, explain, explain_in_zone, judge};
