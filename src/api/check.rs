//! Whether two inboxes agree, and whether one is sound.
//!
//! You need this module to compare devices by [`Digest`], to handle a refused [merge](crate::Inbox::merge), and to check
//! that every value kept ready is what the events say ([`Inbox::audit`](crate::Inbox::audit)).
//!
//! ```
//! use chatfold::check::MergeError;
//! use chatfold::{Inbox, Policy, UserId};
//!
//! let [alice, bob] = [UserId::parse("alice")?, UserId::parse("bob")?];
//! let mut ours = Inbox::new(alice.clone(), Policy::default());
//! let theirs = Inbox::new(bob.clone(), Policy::default());
//! assert_ne!(ours.digest(), theirs.digest());
//! assert_eq!(ours.merge(&theirs), Err(MergeError::Owner { ours: alice, theirs: bob }));
//! assert_eq!(ours.audit(), Ok(()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::inbox::{AuditError, Digest, MergeError};
