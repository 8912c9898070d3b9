//! Erasing what people wrote from a log, for a person's right to erasure.
//!
//! You need this module to rewrite a log without the content of chosen messages or authors. [`Redaction`] chooses the
//! content and says how an event looks without it; rewriting the log is the caller's or the store's.
//!
//! ```
//! use chatfold::redact::Redaction;
//! use chatfold::{ConversationId, Envelope, EventId, Message, MessageId, Timestamp, UserId};
//!
//! let bob = UserId::parse("bob")?;
//! let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, bob.clone());
//! let secret = Message::text(MessageId::from_bytes([2; 16]), "my address");
//! let log = [envelope.message_received(ConversationId::direct(&bob), secret)?];
//! let mut redaction = Redaction::default();
//! redaction.choose_author(bob);
//! log.iter().for_each(|event| redaction.note(event));
//! let rewritten: Vec<_> = log.iter().map(|event| redaction.redact(event).unwrap_or(event.clone())).collect();
//! assert!(!format!("{rewritten:?}").contains("address"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::log::redact::Redaction;
