//! One conversation as JSON.

use chatfold::time::Stamp;
use chatfold::{ConversationView, Inbox, MessageView, UserId, v2tim};
use serde_json::{Value, json};

use super::why;
use crate::words;

/// The conversation as in the list, its last messages, and why each value is what it is.
pub fn conversation(
    inbox: &Inbox,
    conversation: ConversationView<'_>,
    messages: &[MessageView<'_>],
    dialect: v2tim::Dialect,
) -> Value {
    json!({
        "owner": inbox.owner().as_str(),
        "conversation": v2tim::ConversationJson::new(conversation).with_dialect(dialect).with_all_keys(),
        "listed": conversation.is_listed(),
        "peerReadTime": conversation.peer_read_marker().map(|time| time.to_string()),
        "drafts": conversation
            .drafts_kept()
            .iter()
            .map(|draft| json!({"text": draft.text, "stamp": stamp(draft.stamp)}))
            .collect::<Vec<_>>(),
        "pinnedMessages": ids(conversation.pinned_messages()),
        "messages": messages.iter().map(message).collect::<Vec<_>>(),
        "explanation": inbox.explain(conversation.id()).map(|explanation| why::json(&explanation)),
    })
}

fn ids(messages: Vec<MessageView<'_>>) -> Vec<String> {
    messages.iter().map(|message| message.id().to_string()).collect()
}

fn users<'a>(users: impl IntoIterator<Item = &'a UserId>) -> Vec<&'a str> {
    users.into_iter().map(UserId::as_str).collect()
}

fn stamp(stamp: Stamp) -> Value {
    json!({"at": stamp.at.to_string(), "event": stamp.event.to_string()})
}

fn message(message: &MessageView<'_>) -> Value {
    let mentions = message.mentions();
    let reactions = message.reactions().into_iter();
    let extensions = message.extensions().into_iter();
    json!({
        "msgID": message.id().to_string(),
        "event": message.event().to_string(),
        "sender": message.author().as_str(),
        "isSelf": message.is_own(),
        "time": message.time().to_string(),
        "seq": message.seq(),
        "status": words::status(message.status()),
        "failureReason": message.failure_reason(),
        "kind": words::message_kind(message.kind()),
        "text": message.text(),
        "isRead": message.is_read(),
        "isReadByName": message.is_read_by_name(),
        "countsAsUnread": message.counts_as_unread(),
        "isPeerRead": message.is_peer_read(),
        "isPinned": message.is_pinned(),
        "mentions": {"users": users(&mentions.users), "all": mentions.all},
        "recipients": users(&message.recipients()),
        "replyTo": message.reply_to().map(|id| id.to_string()),
        "editVersion": message.edit_version(),
        "recall": message
            .recall()
            .map(|recall| json!({"by": recall.by.as_str(), "reason": recall.reason, "stamp": stamp(recall.stamp)})),
        "reactions": reactions
            .map(|reaction| json!({"reaction": reaction.name, "users": users(reaction.users)}))
            .collect::<Vec<_>>(),
        "extensions": extensions
            .map(|extension| json!({"key": extension.key, "value": extension.value, "seq": extension.seq}))
            .collect::<Vec<_>>(),
        "readers": users(message.readers()),
        "unreadReceipts": message.unread_receipts(),
    })
}
