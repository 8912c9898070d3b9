//! V2TIM (Tencent Cloud Chat): what its listeners are called with, as the client for the browser or the interface in C writes it.
//!
//! The network is `tim`, the owner is the account's user id. A payload is `{"callback": NAME, "args": [...]}`: what a listener or a callback
//! was called with, in order. `NAME` is an event of the npm package `@tencentcloud/chat` (its one argument is the event, or its `data`), a
//! method of V2TIM's listeners, or a callback type of the interface in C, whose arguments may be texts of JSON. Messages and conversations have the
//! keys of the package, or those of the interface in C (`message_…`, `conv_…`), which the Flutter plugin writes too from version 8.5 on.
//!
//! # Where messages stand
//!
//! A message's id is derived from its `msgID`. In a group the server's number is its `seq`; in a direct chat the second decides, and in it the sender's
//! number. A marker in seconds reaches to the end of its second.
//!
//! # What becomes of what
//!
//! | V2TIM | here | |
//! |---|---|---|
//! | `onRecvNewMessage`, `TIMRecvNewMsgCallback`, `onMessageReceived`; `conv_last_msg` | `message_received` | mapped; of several elements the first is the kind, the first text the text; being sent, failed or imported they are left out |
//! | `onRecvMessageModified`, `TIMMsgUpdateCallback`, `onMessageModified` | `message_modified`, by its version | approximated: nobody says who changed it or when, so it is its author at its instant; without a version it is when the payload came |
//! | `onRecvMessageRevoked`, `onMessageRevoked`; a message that was recalled | `message_recalled` | approximated: at the message's instant; where only the id is said, the message has to be [learned](crate::Adapter::learn) |
//! | `onRecvC2CReadReceipt`, `TIMMsgReadedReceiptCallback`, `onMessageReadByPeer`, `onMessageReadReceiptReceived` | `peer_read` | mapped in direct chats; of groups only numbers are said |
//! | `onNewConversation`, `onConversationChanged`, `TIMConvEventCallback`, `onConversationListUpdated` | see below | |
//! | unread number, read marker, mentions, last message | `unread_reported` up to the last message | mapped; the package has no marker: where nothing is unread it is the last message; without a last message of the server only the marker counts, as `conversation_read` |
//! | pinned, receive option, custom data, marks | `conversation_pinned`, `receive_option_set`, `custom_data_set`, `mark_set` | mapped; marks that are not listed are taken away |
//! | groups of conversations of a conversation | `folder_created`, `folder_member_set` | mapped; a folder is known by its name |
//! | draft | `draft_set` | mapped with its instant; the package says none, nor does it say when one was cleared |
//! | a group's name, face and type; a peer's nickname, face and the owner's remark | `profile_changed` | mapped; the interface in C says one name of a peer: the last message's profile says which it is, else it is the nickname |
//! | a new conversation without a message | `conversation_opened` | mapped |
//! | `onConversationGroupCreated`, `…Deleted`, `onConversationsAddedToGroup`, `…DeletedFromGroup`, `onConversationGroupListUpdated`, `onConversationInGroupUpdated` | `folder_created`, `folder_deleted`, `folder_member_set` | mapped |
//! | `onConversationGroupNameChanged` | the old folder deleted, the new one created | approximated: what was in it comes with the conversations, which are told of as changed |
//! | `onFriendInfoChanged`, `onFriendListAdded`, `onFriendListUpdated`, `onUserInfoChanged`, `onSelfInfoUpdated`, `onProfileUpdated` | `profile_changed` | mapped |
//! | `onGroupListUpdated` | `profile_changed` | mapped |
//! | `onConversationDeleted`, and other deletions | | left out: they do not say up to where |
//! | receipts of groups, reactions, extensions, pinned messages, members, topics, totals, typing, status, signalling | | left out |
//!
//! The repository's `docs/V2TIM.md` lists what each callback does not carry.

mod callback;
mod native;
mod row;
mod say;
mod web;

use std::collections::BTreeMap;

use chatfold::event::{Body, Fact};
use chatfold::foreign::{META_FOREIGN, read_id};
use chatfold::{ConversationId, Event, Timestamp, UserId};
use serde_json::Value;

use self::say::{Known, Session};
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Maker;
use crate::scope::Scope;
use crate::settle::Adapter;
use crate::taken::Taken;

/// The adapter of V2TIM; see its [module](self).
#[derive(Clone, Debug)]
pub struct V2tim {
    scope: Scope,
    /// Where the message with this id of the server is, who wrote it, and when.
    messages: BTreeMap<String, Known>,
}

impl V2tim {
    /// Returns an adapter that has learned of no message yet.
    pub fn new(scope: Scope) -> Self {
        Self { scope, messages: BTreeMap::new() }
    }
}

impl Adapter for V2tim {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn take(&self, payload: &[u8], received_at: Timestamp) -> Result<Taken, Fault> {
        let mut value: Value = serde_json::from_slice(payload).map_err(|error| Fault::of_json(&error))?;
        callback::unpack(&mut value);
        let mut session = Session { maker: Maker::new(&self.scope, received_at), messages: &self.messages };
        callback::take(&mut session, &At::root(&value))?;
        Ok(session.maker.taken)
    }

    /// Learns where a message is, so that a recall that only says its id finds it.
    fn learn(&mut self, event: &Event) {
        if let Body::Conversation(conversation, Fact::MessageReceived(message)) = event.body() {
            let foreign = event.meta().get(META_FOREIGN).cloned().or_else(|| read_id(message.id));
            if let Some(foreign) = foreign {
                self.messages.insert(foreign, known(conversation, event.at(), event.by()));
            }
        }
    }
}

fn known(conversation: &ConversationId, time: Timestamp, author: &UserId) -> Known {
    Known { conversation: conversation.clone(), time, author: author.clone() }
}
