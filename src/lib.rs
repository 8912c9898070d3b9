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

mod bytes;
mod change;
mod command;
mod decide;
mod divergence;
mod event;
mod filter;
mod history;
mod id;
mod inbox;
mod lattice;
mod limits;
mod list_view;
pub mod live;
mod log;
mod notify;
mod policy;
mod redact;
mod retention;
mod snapshot;
pub mod store;
mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(feature = "jsonl")]
pub mod v2tim;

pub use change::*;
pub use command::*;
pub use decide::{Action, Decision, Refusal, Rejection, decide};
pub use divergence::*;
pub use event::*;
pub use filter::{Filter, FolderFilter, MarkFilter};
pub use history::{History, HistoryError, HistoryPolicy, Moment};
pub use id::*;
pub use inbox::*;
pub use limits::Limits;
pub use list_view::{ListDiff, ListView, Window};
pub use live::{LiveInbox, Notice};
#[cfg(feature = "binary")]
pub use log::binary;
#[cfg(feature = "jsonl")]
pub use log::jsonl;
pub use notify::{Notification, notification};
pub use policy::Policy;
pub use redact::Redaction;
pub use retention::*;
pub use snapshot::*;
pub use subscription::{FilterTotals, UnreadSubscriptions};
pub use time::{Stamp, Timestamp, TimestampError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
