//! What a [`ConversationView`](crate::ConversationView) and a [`MessageView`](crate::MessageView) show beside plain values.
//!
//! You need this module to show a conversation: pages of its messages, what became of each, its draft, who mentioned the
//! owner, reactions.
//!
//! ```
//! use chatfold::view::{Direction, MessageStatus};
//! use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
//!
//! let bob = UserId::parse("bob")?;
//! let chat = ConversationId::direct(&bob);
//! let mut inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
//! for n in 1..=3 {
//!     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, bob.clone());
//!     inbox.apply(&envelope.message_received(chat.clone(), Message::text(MessageId::from_bytes([n; 16]), "hello"))?);
//! }
//! let row = inbox.conversation(&chat).expect("a message is in it");
//! let page = row.messages(Direction::NewestFirst, None, 2);
//! let times: Vec<_> = page.messages.iter().map(|message| message.time().as_millis()).collect();
//! assert_eq!((times, page.next.is_some()), (vec![3, 2], true));
//! assert!(page.messages.iter().all(|message| message.status() == MessageStatus::Sent));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::inbox::{
    Bounds, Direction, Draft, Extension, FirstUnread, Gap, Mention, MentionKind, MessageCursor, MessagePage,
    MessageStatus, Reaction, Recall,
};
