//! A chat server over shared histories in PostgreSQL (feature `postgres`): one log a conversation, one an account.
//!
//! [`Desk`] is what a server needs of it. A message to a group is one event in the conversation's stream, folded once a node
//! into a [`Timeline`](chatfold::shared::Timeline), and told to those members who are connected; everybody else costs nothing.
//!
//! - **A sequencer a conversation** takes messages and all else that members share from many tasks, numbers them (`seq` is one
//!   more than the greatest) and appends what waits in one append. Whoever sent hears of it once that is durable. Several nodes
//!   may have the same conversation: whoever comes second reads what came, and decides anew.
//! - **Nothing is done twice.** A message is known by its id, all else by the seed of its context; given again it returns the
//!   first outcome, also after a restart and from another node. What goes to two streams (a message, and the clearing of its
//!   author's draft) is two appends, each of which is given again so: give the whole again until it is done.
//! - **A queue that is full refuses** ([`SharedError::Overloaded`]), and a session that takes its deliveries too slowly is told so
//!   ([`Told::Lagged`]) and reads its list anew; neither grows.
//! - **What belongs to a shared stream is refused in an account's** ([`SharedError::Misplaced`], R121).
//!
//! **Ask before an account says something of a group that is its own** ([`Desk::execute`] of a pin, an option or a draft,
//! [`Desk::append_own`]): without a window it sees all of what it names (R123), so refuse who has no view of the group
//! ([`Desk::member`]). What members share is refused here to everybody else, and reads, clearings and deletions of what an account
//! never had change nothing.
//!
//! Not there: limits on what a message says (R77), and a cut for who left (R124), as in [`chatfold::shared`].

mod desk;
mod error;
mod groups;
mod line;
mod options;
mod personal;
mod sequencer;
mod sessions;
mod writes;

pub use self::desk::{Connection, Desk};
pub use self::error::SharedError;
pub use self::groups::History;
pub use self::options::DeskOptions;
pub use self::sessions::{Deliveries, Told};
pub use self::writes::Written;
