//! Why a value is what it is: the messages and events behind each shown value of a conversation (R43).
//!
//! You need this module where somebody asks why a conversation counts as unread, why it stands where it stands, or why it
//! shows this message. [`Inbox::explain`](crate::Inbox::explain) answers.
//!
//! ```
//! use chatfold::explain::Reason;
//! use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
//!
//! let bob = UserId::parse("bob")?;
//! let chat = ConversationId::direct(&bob);
//! let mut inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
//! let (event, message) = (EventId::from_bytes([1; 16]), MessageId::from_bytes([2; 16]));
//! let envelope = Envelope::new(event, Timestamp::from_millis(1_000)?, bob);
//! inbox.apply(&envelope.message_received(chat.clone(), Message::text(message, "Lunch?"))?);
//! let why = inbox.explain(&chat).expect("it is known");
//! assert_eq!((why.unread[0].message, why.unread[0].event), (message, event));
//! assert_eq!(why.activity, Some(Reason::Message { message, event }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::inbox::{Because, Explanation, LastMessageReason, ReadReason, Reason, ReportReason};
