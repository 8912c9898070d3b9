//! Where two inboxes of one account differ, and which events each lacks (R96).
//!
//! You need this module to find out why two devices show different lists. [`compare`] compares what two inboxes show,
//! [`compare_logs`] compares two logs. Handing the lacking events over, or [merging](crate::Inbox::merge), ends it.
//!
//! ```
//! use chatfold::divergence::compare_logs;
//! use chatfold::{Envelope, EventId, Inbox, Policy, Timestamp, UserId, divergence};
//!
//! let alice = UserId::parse("alice")?;
//! let pin = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, alice.clone());
//! let pin = pin.conversation_pinned("group_dev".parse()?, true)?;
//! let phone = Inbox::new(alice.clone(), Policy::default());
//! let laptop = Inbox::replay(alice, Policy::default(), [&pin]);
//! assert_eq!(divergence::compare(&phone, &laptop).conversations.len(), 1);
//! assert_eq!(compare_logs([], [&pin]).left, [&pin], "the phone's log lacks it");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::ask::divergence::difference::{Difference, MessageDivergence};
pub use crate::ask::divergence::{
    ConversationDivergence, Divergence, EventsLacked, UserDivergence, compare, compare_logs,
};
