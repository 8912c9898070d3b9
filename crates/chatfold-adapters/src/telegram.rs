//! Telegram: updates of the Bot API, and updates of TDLib as JSON.
//!
//! The network is `telegram`, the owner is the number of the account or bot. Taken are
//!
//! - updates of the Bot API, bare or as an answer of `getUpdates`;
//! - updates of TDLib, and its `chat` objects;
//! - pages of a history together with what was asked: `{"request":{"@type":"getChatHistory",…},"response":{"@type":"messages",…}}`, and where
//!   messages stand by time beside these `"through"`, the instant in milliseconds of the newest message that the page may have: the
//!   upper end of the gap that it is to fill.
//!
//! # Where messages stand
//!
//! A message's number is embedded in its id. In a supergroup or channel it is also its `seq`. Basic groups and private chats number
//! messages by account, so there the instant decides, which Telegram says in seconds.
//!
//! # What becomes of what
//!
//! | Telegram | here | |
//! |---|---|---|
//! | private chat; basic group, supergroup, channel, secret chat | `c2c_<user>`; `group_<chat>` | mapped; a supergroup that a group became is a new conversation |
//! | `message`, `channel_post`; `updateNewMessage`, `updateChatLastMessage`, `getChatHistory` | `message_received`; entities mention | mapped; of reactions to a message only those of `message_reaction` |
//! | `edited_message`, `edited_channel_post`, a message with `edit_date` | `message_modified`, version `edit_date` | mapped |
//! | `updateMessageContent` | `message_modified`, version the second in which it came | approximated: it has no version |
//! | `updateDeleteMessages` | `messages_deleted` | approximated: neither who nor when is said |
//! | a message that is being sent; `updateMessageSendSucceeded`, `updateMessageSendFailed` | `message_queued`; received and the queued one deleted; `message_failed` | mapped (R118), by the name of the [device](Telegram::with_device) |
//! | `message_reaction` | `reaction_set` for what came and went | mapped |
//! | `updateChatReadInbox`; `updateChatReadOutbox` of a private chat | `conversation_read`; `peer_read` | mapped |
//! | `chat` with `unread_count` and `last_message` | `unread_reported`, with `unread_mention_count` in a group | mapped |
//! | `unread_count` of `updateChatReadInbox`, `updateChatUnreadMentionCount` | | left out: they do not say up to which message they count; take the `chat` that `getChat` then returns, from memory |
//! | a page of `getChatHistory` | `history_complete` | mapped, in supergroups and channels to the message, else to the second |
//! | `updateChatDraftMessage` | `draft_set` | mapped, as text |
//! | `updateChatPosition`, `positions` | `conversation_pinned`, `conversation_archived` (until Telegram says otherwise), `folder_member_set` | mapped |
//! | `updateChatFolders` | `folder_created` | mapped |
//! | `updateChatNotificationSettings` | `receive_option_set`, until `mute_for` is over; receive where the default holds | approximated: defaults are not asked |
//! | `updateChatIsMarkedAsUnread` | the mark UNREAD | mapped |
//! | `updateNewChat`, `updateChatTitle`, `new_chat_title`, `updateUser`, `from` | `profile_changed` | mapped |
//! | `my_chat_member`, members who come and go, `updateSupergroup`, `updateBasicGroup`, `migrate_to_chat_id` | `membership_set` of the owner | mapped; of others it is left out |
//! | `pinned_message` | `message_pinned` | mapped |
//! | topics, stories, secret content, calls, business messages, polls' votes, counts of reactions and views | | left out |

mod bot;
mod chat;
mod content;
mod history;
mod tdlib;

use chatfold::Timestamp;
use serde_json::Value;

use self::chat::Session;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Maker;
use crate::scope::Scope;
use crate::settle::Adapter;
use crate::taken::Taken;

/// The adapter of Telegram; see its [module](self).
#[derive(Clone, Debug)]
pub struct Telegram {
    scope: Scope,
    username: Option<String>,
    device: Option<String>,
}

impl Telegram {
    /// Returns an adapter that knows of no username, for the one device that the log is of.
    pub fn new(scope: Scope) -> Self {
        Self { scope, username: None, device: None }
    }

    /// The same for an account with this username (without `@`), so that its mentions are known. It must stay the same for a log.
    #[must_use]
    pub fn with_username(mut self, username: &str) -> Self {
        self.username = Some(username.to_owned());
        self
    }

    /// The same on the device of this name. Devices number what they have not sent yet each by itself, so those that share a log need a name each;
    /// without one the ids of such messages are those of the number alone. It must stay the same for a log.
    #[must_use]
    pub fn with_device(mut self, device: &str) -> Self {
        self.device = Some(device.to_owned());
        self
    }
}

impl Adapter for Telegram {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn take(&self, payload: &[u8], received_at: Timestamp) -> Result<Taken, Fault> {
        let value: Value = serde_json::from_slice(payload).map_err(|error| Fault::of_json(&error))?;
        let payload = At::root(&value);
        let (maker, username) = (Maker::new(&self.scope, received_at), self.username.as_deref());
        let mut session = Session { maker, username, device: self.device.as_deref() };
        if payload.has("request") {
            history::page(&mut session, &payload)?;
        } else if payload.has("update_id") {
            bot::update(&mut session, &payload)?;
        } else if payload.has("result") {
            session.each(&payload.need("result")?, bot::update)?;
        } else {
            tdlib::update(&mut session, &payload)?;
        }
        Ok(session.maker.taken)
    }
}
