//! Slack: payloads of the Web API and of events.
//!
//! The network is `slack/` and the workspace's id in lower case. Taken are
//!
//! - events, bare (`{"type":"message",…}`) or in the wrapper of the Events API (`{"type":"event_callback","event":{…}}`);
//! - answers of the Web API together with what was asked, since an answer alone does not say of which channel it is:
//!   `{"method":"conversations.history","arguments":{"channel":"C061"},"response":{"ok":true,…}}`.
//!
//! Page through a history by `latest`, the `ts` of the oldest message held, rather than by a cursor: only so does a page say up to where it
//! proves the history.
//!
//! # Direct channels
//!
//! `D…` is the conversation with its other user, `c2c_U…`, but what is said in it names the channel alone. The adapter learns which user it is
//! from events of messages, which carry the channel as `slack_channel` in their meta, or is told with [`Slack::with_direct`].
//! In a direct channel that it has not learned, messages of the other are taken and everything else is a fault.
//!
//! # What becomes of what
//!
//! | Slack | here | |
//! |---|---|---|
//! | `message` of a user or bot, `me_message`, `file_share`, `thread_broadcast`, `conversations.history` | `message_received` at `ts`; `<@U…>`, `<!here>`, `<!channel>`, `<!everyone>` mention | mapped |
//! | a reply in a thread | the same, never counted, never the last; `reply_to` its parent | approximated: threads have read states of their own |
//! | notices that somebody joined, left, renamed … | the same of kind `group_tips`, never counted | mapped |
//! | `message_changed` with `edited`, a message that comes `edited` | `message_modified`, version `edited.ts` | mapped |
//! | `message_deleted` | `message_recalled` by its author | approximated: Slack does not say who deleted |
//! | `reaction_added`, `reaction_removed` | `reaction_set` | mapped |
//! | `channel_marked`, `im_marked`, `group_marked`, `mpim_marked` | a marker: `conversation_read`, or `marked_unread_from` where it goes back | mapped |
//! | `conversations.list`, `.info`, `users.conversations`: `last_read`; `unread_count` and `latest` | `conversation_read`; `unread_reported` | mapped; a count without `latest` is left out |
//! | a page of `conversations.history` | `history_complete` | mapped, to the millisecond |
//! | `member_joined_channel`, `member_left_channel` of the owner, `channel_joined`, `channel_left`, `is_member` | `membership_set` | mapped; of others it is left out |
//! | `channel_archive`, `channel_deleted`, `is_archived`; `channel_unarchive` | `membership_set` dissolved; joined | approximated: a channel's archive closes it for all |
//! | `channel_rename`, names in lists; `user_change`, `users.list`, `users.info` | `profile_changed` | mapped |
//! | `star_added`, `star_removed`, `stars.list` of a channel | `conversation_pinned` | mapped; stars of messages are left out |
//! | `pin_added`, `pin_removed`, `pins.list` | `message_pinned` | mapped in channels |
//! | `pref_change` of `muted_channels` | `receive_option_set` not_notify_except_at | mapped |
//! | `im_open`, `is_open` of a direct channel | `conversation_opened` | mapped |
//! | unread threads, drafts, presence, typing, sidebar sections, reads of others | | left out: Slack does not say them |

mod channel;
mod events;
mod web;

use std::collections::BTreeMap;

use chatfold::id::ConversationKind;
use chatfold::{Event, Timestamp, UserId};
use serde_json::Value;

use self::channel::{META_CHANNEL, Session};
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Maker;
use crate::scope::Scope;
use crate::settle::Adapter;
use crate::taken::Taken;

/// The adapter of Slack; see its [module](self).
#[derive(Clone, Debug)]
pub struct Slack {
    scope: Scope,
    /// The other users of direct channels.
    directs: BTreeMap<String, UserId>,
}

impl Slack {
    /// Returns an adapter that knows no direct channel yet.
    pub fn new(scope: Scope) -> Self {
        Self { scope, directs: BTreeMap::new() }
    }

    /// The same, told that the direct channel is the one with this user, as Slack calls both.
    ///
    /// # Errors
    ///
    /// [`chatfold::foreign::ForeignError`], if the user's id is none.
    pub fn with_direct(mut self, channel: &str, user: &str) -> Result<Self, chatfold::foreign::ForeignError> {
        let user = self.scope.network().user(user)?.id;
        self.directs.insert(channel.to_owned(), user);
        Ok(self)
    }
}

impl Adapter for Slack {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn take(&self, payload: &[u8], received_at: Timestamp) -> Result<Taken, Fault> {
        let value: Value = serde_json::from_slice(payload).map_err(|error| Fault::of_json(&error))?;
        let payload = At::root(&value);
        let mut session = Session { maker: Maker::new(&self.scope, received_at), directs: &self.directs };
        if payload.has("method") {
            web::answer(&mut session, &payload)?;
        } else if payload.is("type", "event_callback") {
            events::event(&mut session, &payload.need("event")?)?;
        } else {
            events::event(&mut session, &payload)?;
        }
        Ok(session.maker.taken)
    }

    /// Learns with whom a direct channel is.
    fn learn(&mut self, event: &Event) {
        let Some(conversation) = event.conversation().filter(|id| id.kind() == ConversationKind::Direct)
        else {
            return;
        };
        if let (Some(channel), Some(peer)) = (event.meta().get(META_CHANNEL), conversation.peer()) {
            self.directs.entry(channel.clone()).or_insert(peer);
        }
    }
}
