//! What belongs to the list: pages, the parts of a [`Filter`](crate::Filter), folders, totals, badges.
//!
//! You need this module to show the list page by page, folder by folder, and to count over it.
//! [`Inbox::page`](crate::Inbox::page) reads rows and [`Inbox::totals_of`](crate::Inbox::totals_of) counts them. A screen
//! that stays open is kept by [`ListView`](crate::live::ListView) instead.
//!
//! ```
//! use chatfold::list::ArchiveFilter;
//! use chatfold::{Envelope, EventId, Filter, Inbox, Policy, Timestamp, UserId};
//!
//! let alice = UserId::parse("alice")?;
//! let mut inbox = Inbox::new(alice.clone(), Policy::default());
//! for (n, conversation) in (1..).zip(["c2c_bob", "group_dev", "group_ops"]) {
//!     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, alice.clone());
//!     inbox.apply(&envelope.conversation_pinned(conversation.parse()?, true)?);
//! }
//! let page = inbox.page(&Filter::default(), None, 2);
//! let rows: Vec<_> = page.conversations.iter().map(|row| row.id().as_str()).collect();
//! assert_eq!(rows, ["c2c_bob", "group_dev"]);
//! let rest = inbox.page(&Filter::default(), page.next.as_ref(), 2);
//! assert_eq!((rest.conversations.len(), rest.next), (1, None));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::inbox::{Expiries, Expiry, Folder, ListCursor, ListPage};
pub use crate::model::badge::BadgeRule;
pub use crate::model::change::Totals;
pub use crate::model::filter::{ArchiveFilter, FolderFilter, MarkFilter, MembershipFilter};
