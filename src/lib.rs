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
//! let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
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
//! # Data model
//!
//! An [`Event`] is a fact that has happened: an [`Envelope`] (id, instant, author) around a [body](event::Body). An
//! envelope has one constructor a type of event, and an event is valid by construction. A **log** is a list of events that
//! is only ever appended to. An [`Inbox`] is one owner's state, folded from a log: [`Inbox::apply`] takes events in live,
//! [`Replay`] in bulk. What shows is read from it: [`ConversationView`] is a row of the list, [`MessageView`] a message,
//! a [`Filter`] and a [page](list::ListPage) the list in parts, [`v2tim`] all of it as JSON in the shape of a known class.
//!
//! # Order and conflicts
//!
//! Events are ordered by their [stamp](time::Stamp): instant, then id. Every value that can be written twice has a rule for
//! which write counts, and the order of arrival is in none of them. So two inboxes that have taken in the same events are
//! equal, [`Inbox::merge`] is the same as folding the events of both, and [`Inbox::digest`] tells whether two agree.
//! [`divergence`] says where they do not and which events are missing; [`explain`] says which events made a value.
//!
//! # Unread
//!
//! The unread count of a conversation is the number of messages after the read marker that count (R23), and no counter is
//! stored. A recall, a late message or a read on another device needs no correction. [`Inbox::totals`] sums over the list,
//! a [badge rule](list::BadgeRule) makes the number on an icon of it, [`notify`] says whether a message makes a sound.
//!
//! # Commands
//!
//! [`decide()`] judges a [`Command`] in its [`Context`]: it returns the events to append, or a
//! [rejection](command::Rejection) that names what is wrong. It is pure; a command whose outcome is already true yields
//! no events.
//!
//! # Live lists
//!
//! Taking events in returns a [`ChangeSet`]: what changed of what shows. A [`ListView`](live::ListView) keeps the rows of a
//! screen by single steps, a [`LiveInbox`](live::LiveInbox) brackets catch-ups and has every callback of the reference;
//! [`time_travel`] shows the list as it was at any moment.
//!
//! # Persistence
//!
//! [`jsonl`] reads and writes a log as text, [`binary`] in a third of the bytes, checked and chained; [`redact`] erases what
//! people wrote, [`compact`] makes a log smaller that shows the same. [`Inbox::snapshot`] and [`Inbox::restore`] start cold, whatever the history ([`snapshot`]). [`store`] has
//! the ports that durable stores fill; `chatfold-account` keeps an inbox over one. [`foreign`] derives ids of what other
//! systems' servers say; the page docs/CONNECT.md tells how a server is connected, with a complete client.
//!
//! Rules are cited by number (`R23` is what counts as unread): the page docs/RULES.md lists them, ARCHITECTURE.md tells how
//! the crate is built.
//!
//! # One history, many owners
//!
//! A server keeps a conversation once: [`shared`] folds its stream into a timeline, and gives each member the rows that an inbox of
//! its own would show.
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
//! - `zones`: the offsets of named time zones, for quiet hours.
//! - `serde`: [`owned`] forms of what shows, for bindings and other processes.
//! - `testing`: given, when, then for commands, seeded workloads, the suite that every store passes.

mod api;
mod ask;
mod decide;
mod follow;
pub mod foreign;
mod inbox;
mod log;
mod model;
#[cfg(feature = "serde")]
pub mod owned;
mod register;
pub mod shared;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

#[doc(inline)]
pub use api::{
    change, check, command, compact, divergence, event, explain, id, list, live, notify, redact, retention,
    snapshot, time, time_travel, view,
};
#[cfg(feature = "jsonl")]
pub use ask::v2tim;
pub use decide::command::{Command, Context};
pub use decide::decide;
pub use decide::decision::Decision;
pub use inbox::{ConversationView, Inbox, MessageView, Replay};
#[cfg(feature = "binary")]
pub use log::binary;
#[cfg(feature = "jsonl")]
pub use log::jsonl;
pub use model::change::ChangeSet;
pub use model::event::{Envelope, Event, Message};
pub use model::filter::Filter;
pub use model::id::{ConversationId, EventId, FolderId, GroupId, MessageId, UserId};
pub use model::policy::Policy;
pub use model::time::Timestamp;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
