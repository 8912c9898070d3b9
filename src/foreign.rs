//! Ids and positions of other systems (R110–R117): what a writer that stands before another system's server makes of
//! its ids, so that every device of an account makes the same of them.
//!
//! A log of this library names messages and events by UUID and orders a group by `seq`. Few servers have either. Here
//! are the derivations that take their place. They are pure and fixed for ever: two writers that hear of the same
//! server events, in whatever order, write the same lines, and nobody keeps a table of ids.
//!
//! - [`Network`] says where ids are unique, and makes [users](Network::user) and [groups](Network::group) of its ids.
//! - [`Network::message_id`] makes a message id of the server's id. A number is [embedded](read_number) and can be
//!   read back; a UUID is taken as it is; any other text is hashed, and the event that introduces the message then
//!   carries the text as [`META_FOREIGN`].
//! - [`EventKey`] makes an event's id of what the server said.
//! - [`derive_seq`], [`SlackTs`] and [`read_snowflake_time`] tell where a message stands in a group that has no `seq`.
//! - [`observe`] writes down a state that was merely found, where no event of the server stands behind it.
//!
//! **A writer that derives an event's id derives all of the event** from what the server said: instant, actor, meta and
//! text; never its own clock, device or locale (R114). Else two devices write two facts under one id.
//!
//! # The way back
//!
//! [`read_id`] gives what a message id holds, a number or a UUID. For a hashed one, [`MessageView::event`](crate::MessageView::event)
//! names the event that introduced it, [`EventStore::find`](crate::store::EventStore::find) finds that event in a
//! store, and its [meta](crate::Event::meta) has the server's id. `Account::foreign_id` of `chatfold-account` does all three.
//!
//! ```
//! use chatfold::foreign::{EventKey, META_FOREIGN, Network, SlackTs, derive_seq};
//! use chatfold::{ConversationId, Envelope, Message};
//!
//! let slack = Network::parse("slack/t024")?;
//! let ts: SlackTs = "1700000000.000100".parse()?;
//! let conversation = ConversationId::group(&slack.group("C061")?.id);
//! let message_id = slack.message_id(&ts.number().to_string())?;
//! let id = EventKey::Introduced(ts.as_str()).id(&slack, Some(&conversation));
//! let mut envelope = Envelope::new(id, ts.time()?, slack.user("U061")?.id);
//! if let Some(text) = message_id.keep {
//!     envelope.meta.insert(META_FOREIGN.to_owned(), text.into());
//! }
//! let mut message = Message::text(message_id.id, "Lunch?");
//! message.seq = Some(derive_seq(ts.time()?));
//! let event = envelope.message_received(conversation, message)?;
//! assert_eq!(event.meta().len(), 0, "a number needs no way back");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod event_key;
mod network;
mod observation;
mod position;

pub use self::event_key::{EventKey, Profile, ReactionKey};
pub use self::network::{
    Foreign, ForeignError, MAX_FOREIGN_LEN_BYTES, META_FOREIGN, META_FOREIGN_EVENT, Network, read_id,
    read_number,
};
pub use self::observation::observe;
pub use self::position::{DISCORD_EPOCH_MS, SlackTs, SlackTsError, derive_seq, read_snowflake_time};
