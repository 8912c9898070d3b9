//! What events say: the body of an [`Event`](crate::Event), its parts, and why a body is refused.
//!
//! You need this module to write events with more than the defaults (a group's type, a receive option, an edit), and to
//! read what an event of a log says. Events themselves are made by [`Envelope`](crate::Envelope), one constructor a type,
//! and are valid by construction.
//!
//! ```
//! use chatfold::event::{Body, Fact, ReceiveOption};
//! use chatfold::{Envelope, EventId, Timestamp, UserId};
//!
//! let alice = UserId::parse("alice")?;
//! let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, alice);
//! let event = envelope.receive_option_set("group_dev".parse()?, ReceiveOption::ReceiveNotNotify)?;
//! let Body::Conversation(conversation, Fact::ReceiveOptionSet { option, .. }) = event.body() else { panic!("{event:?}") };
//! assert_eq!((conversation.as_str(), *option), ("group_dev", ReceiveOption::ReceiveNotNotify));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::model::event::{
    AccountFact, Body, Edit, Fact, GroupType, InvalidEvent, MAX_MESSAGE_LEN_BYTES, MAX_SEQ, Mark, Membership,
    Mentions, MessageKind, Meta, QuietHours, ReceiveOption, ReportedMention, ReportedMentions, Through,
    UnreadReport, Watermark, ZoneName, ZoneNameError,
};
