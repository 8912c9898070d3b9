//! What belongs to commands: their parts, the bounds that are enforced, and refusals.
//!
//! You need this module to give commands that take options, to tighten [`Limits`], and to tell a user why a command was
//! refused. [`decide`](crate::decide()) judges a [`Command`](crate::Command) in its [`Context`](crate::Context).
//!
//! ```
//! use chatfold::command::{Rejection, Role};
//! use chatfold::{Command, Context, FolderId, Inbox, Policy, Timestamp, UserId, decide};
//!
//! let alice = UserId::parse("alice")?;
//! let inbox = Inbox::new(alice.clone(), Policy::default());
//! let context = Context::new(alice, Role::Member, Timestamp::from_millis(1_000)?, [7; 16]);
//! let folder = FolderId::from_bytes([1; 16]);
//! let refused = decide(&inbox, &Command::RenameFolder { folder, name: "Work".into() }, &context);
//! assert_eq!(refused, Err(Rejection::UnknownFolder { folder }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::decide::command::{ExtensionWrite, ReadScope, ReadUpTo, Replaces, Role};
pub use crate::decide::decision::Refusal;
pub use crate::decide::limits::Limits;
pub use crate::decide::{Action, Rejection};
