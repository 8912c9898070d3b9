//! Compacting: a smaller log that shows the same, where a report takes the place of old messages (R49).
//!
//! You need this module where a device has no room for a whole history. [`compact()`] makes a new log of one that is at
//! hand, [`Compaction`] tells of each event what becomes of it, for logs that are read from a stream. The list shows what
//! it showed: numbers, last message, place, mentions, marker. What is given up is a gap from then on, which a server may
//! fill again.
//!
//! Left out are delivered messages up to the position, and what is about nothing but them. These stay wherever they stand:
//! the last message, the one that the peer has read up to, messages at one seq (one place to a report), and mentions that a
//! report cannot tell of. Reads, marks, clearings and deletions stay too; being older than the report, reads and marks no
//! longer count. Merging with a log that holds the messages brings them back: they are facts. What arrives later and is
//! older than the report is taken as counted in, so a device compacts once it has heard from the others.
//!
//! A personal deletion of a message that is given up goes with it: fetched again from a server that does not know of it,
//! the message is there again.
//!
//! ```
//! use chatfold::compact::compact;
//! use chatfold::event::Watermark;
//! use chatfold::{ConversationId, Envelope, EventId, Message, MessageId, Policy, Timestamp, UserId};
//!
//! let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
//! let chat = ConversationId::direct(&bob);
//! let mut log = Vec::new();
//! for n in 1..=9 {
//!     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, bob.clone());
//!     log.push(envelope.message_received(chat.clone(), Message::text(MessageId::from_bytes([n; 16]), "hello"))?);
//! }
//! let end = Watermark::Time(Timestamp::from_millis(9)?);
//! let smaller = compact(&alice, Policy::default(), &log, &chat, end)?;
//! assert_eq!(smaller.len(), 2, "the last message and the report");
//! assert_eq!(compact(&alice, Policy::default(), &smaller, &chat, end)?, smaller);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::log::compact::{CompactError, Compacted, Compaction, compact};
