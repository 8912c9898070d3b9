//! Shared histories: one timeline of a conversation for all its members, and what is each member's own (R120–R128).
//!
//! You need this module on a server. An [`Inbox`](crate::Inbox) holds everything that one account sees, so a message to a
//! group of a thousand is an event in a thousand logs. Here it is one event in the conversation's stream, folded once into a
//! [`Timeline`]; what is each account's own, a few registers, is folded from its personal stream into [`Memberships`]; names
//! and faces are in a [`Directory`]. A [`Member`] is an account's view of a timeline.
//!
//! **The law** (R120): a member's view shows what an inbox would that was folded from the account's personal stream, the
//! directory, and of the shared streams all that the account may see. [`streams_of`] says which stream an event goes to.
//!
//! What a member may see are windows of the history, written by the server as the member's own events (`history_window`,
//! R123); without one, all of it. Outside of them a message is unknown to the member; facts about a message that is seen count
//! whenever they were written.
//!
//! Not there: own messages as reads (R39), messages that only a device knows (queued, failed, imported), reports of messages that
//! are not held, and a row that stays frozen while one is no member (R124): it goes on showing what becomes of the messages
//! in its windows.

pub(crate) mod decide;
pub(crate) mod directory;
pub(crate) mod explain;
pub(crate) mod hub;
pub(crate) mod lists;
pub(crate) mod member;
pub(crate) mod memberships;
pub(crate) mod notify;
pub(crate) mod people;
pub(crate) mod ranked;
pub(crate) mod row;
pub(crate) mod snapshot;
pub(crate) mod stream;
pub(crate) mod taken;
pub(crate) mod timeline;
pub(crate) mod windows;

pub use self::directory::{Directory, DirectoryChange};
pub use self::hub::delivery::{AccountChange, Delivery};
pub use self::hub::{Hub, MemberList, Session};
pub use self::member::{Member, MemberMessage, MemberPage};
pub use self::memberships::{Memberships, OwnMessagesRead};
pub use self::stream::{Unplaced, streams_of};
pub use self::timeline::{Timeline, TimelineChange};
pub use crate::model::stream::{SharedId, StreamId};
