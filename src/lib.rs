//! The conversation list of a chat product, as a pure fold over an append-only log of events.
//!
//! Every chat client and server keeps a list of conversations: the last message, how many are unread, who
//! mentioned me, what is pinned, my draft, mute, marks, folders, what was recalled or deleted, in which order.
//! Kept as counters in tables these drift: after a recall, a late or doubled delivery, a read on another
//! device, a reinstall. Here nothing is counted. An [`Inbox`] is folded from [`Event`]s, and every value it
//! shows is derived from what events said. Events may come late, twice and in any order; two inboxes that have
//! seen the same events show the same list, and merging two inboxes is folding the events of both.
//!
//! ```
//! use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
//!
//! let (alice, bob) = (UserId::new("alice")?, UserId::new("bob")?);
//! let chat = ConversationId::direct(&bob);
//! let by_bob = |n: u8, second: i64| -> Result<Envelope, Box<dyn std::error::Error>> {
//!     let at = Timestamp::from_millis(second * 1_000)?;
//!     Ok(Envelope::new(EventId::from_bytes([n; 16]), at, bob.clone()))
//! };
//! let lunch = Message::text(MessageId::from_bytes([1; 16]), "Lunch?");
//! let received = by_bob(1, 10)?.message_received(chat.clone(), lunch)?;
//! let recalled = by_bob(2, 20)?.message_recalled(chat, MessageId::from_bytes([1; 16]), None)?;
//!
//! let mut phone = Inbox::new(alice.clone(), Policy::default());
//! phone.apply(&received);
//! assert_eq!(phone.totals().unread, 1);
//! phone.apply(&recalled);
//! assert_eq!(phone.totals().unread, 0);
//!
//! // Another device hears of the recall first, and of everything twice: it shows the same.
//! let laptop = Inbox::replay(alice, Policy::default(), [&recalled, &received, &recalled, &received]);
//! assert_eq!(laptop.digest(), phone.digest());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to begin
//!
//! - [`Envelope`] makes events, one constructor a type; [`jsonl`] reads and writes them as text.
//! - [`Inbox`] folds them: [`Inbox::apply`] live, [`Replay`] in bulk, [`Inbox::merge`] two inboxes.
//! - [`ConversationView`] and [`MessageView`] are what shows; [`Filter`] and [`ListPage`] the list in parts.
//! - [`decide()`] judges a [`Command`] in its [`Context`]: events to append, or a [`Rejection`].
//! - [`Inbox::snapshot`] and [`Inbox::restore`] start cold, whatever the history; [`SnapshotPolicy`] says when.
//! - [`binary`] keeps a log in a third of the bytes, checked and chained; [`Redaction`] erases what people wrote.
//! - [`ChangeSet`] says what a batch changed, [`Explanation`] why a value is what it is; [`ListView`] keeps a screen.
//! - [`live`] brackets catch-ups and has every callback of the reference; [`History`] travels in time.
//! - [`store`] has the ports that durable stores fill; `chatfold-account` keeps an inbox over one.
//! - [`v2tim`] is the list as JSON in the shape of the class `V2TimConversation`.
//!
//! Rules are cited by number (`R23` is what counts as unread); ARCHITECTURE.md tells how it is built.
//!
//! # What this crate never does
//!
//! It performs no input or output, reads no clock, draws no randomness, starts no thread and contains no
//! `unsafe`. The fold never fails and never panics.
//!
//! # Features
//!
//! - `jsonl` (default): the text log and the JSON view, which need serde, serde_json and base64.
//! - `binary` (default): the binary log, which keeps what it does not know as lines of the text log.
//! - `zstd`: binary logs whose segments are packed.
//! - `testing`: given, when, then for commands, seeded workloads, the suite that every store passes.

mod ask;
mod decide;
mod follow;
pub mod foreign;
mod inbox;
mod log;
mod model;
mod register;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use ask::divergence::difference::{Difference, MessageDivergence};
pub use ask::divergence::*;
pub use ask::notify::{
    Notification, NotificationReason, notification, notification_reason, notification_reason_in_zone,
};
pub use ask::retention::*;
#[cfg(feature = "jsonl")]
pub use ask::v2tim;
pub use decide::command::*;
pub use decide::decision::{Decision, Refusal};
pub use decide::limits::Limits;
pub use decide::{Action, Rejection, decide};
pub use follow::list_view::{ListDiff, ListView, Window};
pub use follow::session as live;
pub use follow::session::{LiveInbox, Notice};
pub use follow::subscription::{FilterTotals, UnreadSubscriptions};
pub use follow::time_travel::{History, HistoryError, HistoryPolicy, Moment};
pub use inbox::*;
#[cfg(feature = "binary")]
pub use log::binary;
#[cfg(feature = "jsonl")]
pub use log::jsonl;
pub use log::redact::Redaction;
pub use model::badge::BadgeRule;
pub use model::change::*;
pub use model::event::*;
pub use model::filter::{ArchiveFilter, Filter, FolderFilter, MarkFilter, MembershipFilter};
pub use model::id::*;
pub use model::policy::Policy;
pub use model::time::{Stamp, Timestamp, TimestampError};
pub use model::told::Told;
pub use store::snapshot::frame::is_snapshot;
pub use store::snapshot::*;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
