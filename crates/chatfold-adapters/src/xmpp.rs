//! XMPP: stanzas of a client's stream and of archives.
//!
//! The network is `xmpp`, the owner is the account's bare JID. A payload is
//!
//! - a stanza or several, as XML;
//! - the same as JSON, in the form that libraries for JavaScript give them: `{"name":"message","attrs":{"from":…},"children":[…]}`, a child being an
//!   element or a text; several as an array;
//! - a page of an archive together with whose it is: `{"with":"bob@example.org","stanzas":[…]}`, the results and the `iq` with `fin`; beside these
//!   `"through"`, the instant (XEP-0082) of the newest message that the page may have, the upper end of the gap that it is to fill. As XML: `<page with="…" through="…">…</page>`.
//!   Pages are asked for backwards (RSM's `before`), so that `complete` says that the history begins in it.
//!
//! # Names of messages
//!
//! A message is named by the `stanza-id` of its archive, never by an id that its sender chose. But corrections, markers and reactions name messages by the latter, and
//! a retraction counts only from the author. So events that introduce a message carry the sender's id as `xmpp_id` in their meta, and the adapter
//! learns from them. Of a client's log the newest events do, as far back as people still correct. In rooms, what names a `stanza-id` needs nothing
//! learned, retractions excepted.
//!
//! Who changes reactions sends all of them anew. Archives are read backwards, so the adapter learns the newest list of somebody's reactions to a
//! message too, and what an older list has beyond it is told as taken away. A list without any is told as the reaction without a name taken away.
//!
//! # Instants
//!
//! A `delay` counts where the room, the account or its server says it, and never for later than when the payload came: everybody can write one.
//!
//! # What becomes of what
//!
//! | XMPP | here | |
//! |---|---|---|
//! | chat with a bare JID; room (XEP-0045) | `c2c_<jid>`; `group_<jid>` | mapped |
//! | a result of an archive (XEP-0313) | `message_received` at its stamp | mapped |
//! | a live message, a carbon (XEP-0280), one delivered late (XEP-0203), a room's in the own archive, with a `stanza-id` of the own archive or the room's | `message_received` at its delay's stamp, else when it came; the archive's stamp decides if it is earlier | approximated: no server says when |
//! | an occupant of a room | `<room>#<occupant-id>` (XEP-0421), else `<room>/<nick>`; the owner by [`Xmpp::with_occupant`] | approximated without occupant ids |
//! | a message without `stanza-id` | | left out: nothing names it for all devices |
//! | correction (XEP-0308) by its author | `message_modified`, version the stamp in ms | mapped |
//! | retraction (XEP-0424) by its author, by a moderator (XEP-0425); what an archive has in the place of a retracted message | `message_recalled` | mapped |
//! | reactions (XEP-0444) | `reaction_set`; who takes one away sends the rest, which `settle` holds against the inbox | mapped |
//! | own marker `displayed` (XEP-0333); displayed synchronisation (XEP-0490) | `conversation_read` up to the message | mapped |
//! | marker of another: in a chat; in a room | `peer_read`; `message_read_by` | mapped; in a room of that message alone |
//! | mentions by reference (XEP-0372) | `mentions` | mapped, of bare JIDs |
//! | a page of an archive | `history_complete`; where it is not the beginning `unread_reported` 0 `at_least` | mapped, to the millisecond |
//! | own presence in a room | `membership_set` | mapped |
//! | presence, typing, receipts (XEP-0184), subjects, private messages of rooms, PubSub, encrypted payloads | | left out |

mod archive;
mod jid;
mod message;
mod room;
mod session;
mod stanza;

use chatfold::event::{Body, Fact};
use chatfold::foreign::{META_FOREIGN, read_id};
use chatfold::{Event, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use self::session::{META_SENDERS_ID, Named, Session};
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Maker;
use crate::scope::Scope;
use crate::settle::Adapter;
use crate::taken::Taken;
use crate::xml;

/// The adapter of XMPP; see its [module](self).
#[derive(Clone, Debug)]
pub struct Xmpp {
    scope: Scope,
    named: Named,
    /// The owner as an occupant of rooms: room, and occupant id or nick.
    occupants: BTreeMap<String, BTreeSet<String>>,
}

impl Xmpp {
    /// Returns an adapter that has learned of no message yet. The owner of the scope is the bare JID of the account.
    pub fn new(scope: Scope) -> Self {
        Self { scope, named: Named::default(), occupants: BTreeMap::new() }
    }

    /// The same, told by which occupant id (or, where the room gives none, nick) the owner is known in a room.
    #[must_use]
    pub fn with_occupant(mut self, room: &str, occupant: &str) -> Self {
        self.occupants.entry(room.to_owned()).or_default().insert(occupant.to_owned());
        self
    }
}

impl Adapter for Xmpp {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn take(&self, payload: &[u8], received_at: Timestamp) -> Result<Taken, Fault> {
        let begins = payload.iter().find(|byte| !byte.is_ascii_whitespace());
        let value: Value = if begins == Some(&b'<') {
            xml::parse(payload)?
        } else {
            serde_json::from_slice(payload).map_err(|error| Fault::of_json(&error))?
        };
        let mut session = Session {
            maker: Maker::new(&self.scope, received_at),
            learned: &self.named,
            here: Named::default(),
            occupants: &self.occupants,
        };
        archive::payload(&mut session, &At::root(&value))?;
        Ok(session.maker.taken)
    }

    /// Learns by which names others refer to a message, who wrote it, and which reactions of somebody to it are the newest.
    fn learn(&mut self, event: &Event) {
        match event.body() {
            Body::Conversation(conversation, Fact::MessageReceived(message)) => {
                let foreign = event.meta().get(META_FOREIGN).cloned().or_else(|| read_id(message.id));
                if let Some(foreign) = foreign {
                    let senders = event.meta().get(META_SENDERS_ID);
                    self.named.insert(conversation, event.by(), &foreign, senders.map(String::as_str));
                }
            }
            Body::Conversation(conversation, Fact::ReactionSet { target, reaction, on }) => {
                let of = (conversation.clone(), *target, event.by().clone());
                self.named.reacted(of, event.at(), on.then(|| reaction.clone()));
            }
            _ => {}
        }
    }
}
