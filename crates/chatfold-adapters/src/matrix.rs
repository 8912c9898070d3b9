//! Matrix: responses of `/sync` and `/messages` of the client-server API.
//!
//! The network is `matrix`, the owner the account's user id. A payload is
//!
//! - a response of `/sync`;
//! - a response of `/messages`, asked for backwards, whose events have their `room_id`; or together with what the response does not say:
//!   `{"room_id":"!r:hs","response":{"chunk":[…],…}}`, and beside these `"through"`, the instant in milliseconds of the newest message that the page
//!   may have: the upper end of the gap that it is to fill. The page begins at the `prev_batch` of the timeline behind the gap.
//!
//! Structures of the specification are read directly, and no more of them than is mapped: a fault in one event is told with its place and loses
//! no other, which a parser of whole responses cannot do. Encrypted events are taken as they are; decrypt before, if the client can.
//!
//! # Order and clocks
//!
//! Every room is a group, direct ones too, and its messages stand at `origin_server_ts`, the clock of the sender's server, the same for
//! all devices. Reports and intervals leave out events that are more than two minutes ahead of the response: one wrong clock must not hold all
//! that comes for reported already.
//!
//! # What becomes of what
//!
//! | Matrix | here | |
//! |---|---|---|
//! | `m.room.message`, `m.sticker`, `m.room.encrypted`; `m.mentions` | `message_received`; notices never count, as they do not notify | mapped |
//! | `m.replace`, also where it is bundled with the message | `message_modified`, version its ms: a claim, since servers do not check who edits | mapped |
//! | `m.annotation` | `reaction_set` | mapped |
//! | `m.room.redaction` of a message; of a reaction that was [learned](crate::Adapter::learn) | `message_recalled`; `reaction_set` off | mapped; of an edit that was learned, and of any other event that the same payload has, it is nothing |
//! | `m.thread`, `m.in_reply_to` | `reply_to` | approximated: receipts of threads are left out |
//! | own `m.read`, `m.read.private`; `m.fully_read` | `conversation_read` up to the message | mapped; private ones like public ones |
//! | `m.read` of others | `message_read_by` of that message | approximated: it means all before, too |
//! | `unread_notifications` of a limited timeline | `unread_reported`, at least so many (push rules say what notifies), `highlight_count` as mentions | approximated |
//! | a limited timeline, a page of `/messages` | `history_complete` over its span; what lies before `prev_batch` is a gap, and without one the room begins there and no count is asked | approximated: the order is the servers', the span the clocks' |
//! | `m.room.member` of the owner, invitations | `membership_set` | mapped; of others it is left out |
//! | `m.room.member` of who joins | `profile_changed` | approximated: one name in all rooms |
//! | `m.room.name`, `m.room.avatar`; heroes of a room without a name | `profile_changed` of the group | mapped |
//! | `m.room.tombstone` | `membership_set` dissolved | approximated; its successor is a new conversation |
//! | `m.room.pinned_events` | `message_pinned`, off where `prev_content` had more | mapped |
//! | `m.tag`: `m.favourite`; others | `conversation_pinned`; folders | mapped; orders in a tag are left out |
//! | `m.direct` | a folder of direct messages | mapped |
//! | `m.push_rules`: of a room; overrides that silence one | `receive_option_set` not_notify_except_at; receive_not_notify | mapped; other rules are left out |
//! | `m.marked_unread` | the mark UNREAD | mapped |
//! | spaces, polls' votes, presence, typing, devices, keys, calls | | left out |

mod account;
mod room;
mod sync;
mod timeline;

use chatfold::event::{Body, Fact};
use chatfold::foreign::META_FOREIGN_EVENT;
use chatfold::{Event, Timestamp};
use serde_json::Value;

use self::room::{GivenReaction, Named, Session};
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Maker;
use crate::scope::Scope;
use crate::settle::Adapter;
use crate::taken::Taken;

/// The adapter of Matrix; see its [module](self).
#[derive(Clone, Debug)]
pub struct Matrix {
    scope: Scope,
    named: Named,
}

impl Matrix {
    /// Returns an adapter that has learned of no reaction and no edit yet. The owner of the scope is the account's user id, such as `@alice:example.org`.
    pub fn new(scope: Scope) -> Self {
        Self { scope, named: Named::default() }
    }
}

impl Adapter for Matrix {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn take(&self, payload: &[u8], received_at: Timestamp) -> Result<Taken, Fault> {
        let value: Value = serde_json::from_slice(payload).map_err(|error| Fault::of_json(&error))?;
        let payload = At::root(&value);
        let (maker, here) = (Maker::new(&self.scope, received_at), Named::default());
        let mut session = Session { maker, learned: &self.named, here };
        if payload.has("response") || payload.has("chunk") {
            sync::page(&mut session, &payload)?;
        } else {
            payload.need("next_batch")?;
            sync::response(&mut session, &payload)?;
        }
        Ok(session.maker.taken)
    }

    /// Learns which reaction an event gave, so that its redaction takes it away, and which events were edits, so that theirs recall nothing.
    fn learn(&mut self, event: &Event) {
        let Body::Conversation(conversation, fact) = event.body() else { return };
        let Some(id) = event.meta().get(META_FOREIGN_EVENT) else { return };
        let of = (conversation.clone(), id.clone());
        match fact {
            Fact::ReactionSet { target, reaction, on: true } => {
                let (target, reaction, by) = (*target, reaction.clone(), event.by().clone());
                self.named.reactions.insert(of, GivenReaction { target, reaction, by });
            }
            Fact::MessageModified { .. } => {
                self.named.others.insert(of);
            }
            _ => {}
        }
    }
}
