//! What is known about a message beside what it says.

use chatfold::id::ConversationKind;
use chatfold::view::MessageStatus;
use chatfold::{ConversationView, MessageView, UserId};

use crate::text::{Look, cut, escape, one_line};
use crate::words;

/// A quoted message is cut to this many cells.
const MAX_QUOTE: usize = 40;

/// What is to be said of `message`, each part on one line: what it answers, its status, edits, reactions, receipts.
pub fn remarks(
    look: Look,
    conversation: ConversationView<'_>,
    message: &MessageView<'_>,
    owner: &str,
) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(target) = message.reply_to() {
        remarks.push(match conversation.message(target) {
            Some(answered) => {
                let quote = words::content(&answered, owner);
                let quote = cut(&quote, MAX_QUOTE, look.ellipsis());
                format!("answers {}: {quote}", words::author(&answered))
            }
            None => format!("answers {target}, which is not there"),
        });
    }
    match message.status() {
        MessageStatus::Sent | MessageStatus::Recalled => {}
        MessageStatus::Failed => {
            let why = message.failure_reason().map(|why| format!(": {}", one_line(words::head(why))));
            remarks.push(format!("failed{}", why.unwrap_or_default()));
        }
        other => remarks.push(words::status(other).to_owned()),
    }
    if !message.is_read() && message.recall().is_none() {
        let counted = message.counts_as_unread();
        remarks.push(if counted { "unread" } else { "unread, not counted" }.to_owned());
    }
    remarks.extend(message.is_read_by_name().then(|| "read by name".to_owned()));
    let mentions = message.mentions();
    let mut whom: Vec<String> = mentions.users.iter().map(|user| format!("@{}", user_id(user))).collect();
    whom.extend(mentions.all.then(|| "@all".to_owned()));
    remarks.extend((!whom.is_empty()).then(|| format!("mentions {}", whom.join(" "))));
    let recipients: Vec<UserId> = message.recipients();
    remarks.extend((!recipients.is_empty()).then(|| format!("only for {}", users(&recipients))));
    let edited = message.edit_version().filter(|_| message.recall().is_none());
    remarks.extend(edited.map(|version| format!("edited, version {version}")));
    remarks.extend(message.is_pinned().then(|| "pinned".to_owned()));
    for reaction in message.reactions() {
        remarks.push(format!("{} {}", one_line(reaction.name), users(reaction.users)));
    }
    for extension in message.extensions() {
        remarks.push(format!("{}={}", one_line(extension.key), one_line(words::head(extension.value))));
    }
    remarks.extend(receipts(conversation, message));
    remarks
}

fn receipts(conversation: ConversationView<'_>, message: &MessageView<'_>) -> Option<String> {
    if conversation.kind() == ConversationKind::Direct {
        return message.is_peer_read().then(|| "read by the peer".to_owned());
    }
    let readers = message.readers();
    let missing = message.unread_receipts().filter(|_| message.need_receipt() || !readers.is_empty());
    match (readers.is_empty(), missing) {
        (true, None) => None,
        (true, Some(missing)) => Some(format!("read by nobody, {missing} to go")),
        (false, None) => Some(format!("read by {}", users(readers))),
        (false, Some(missing)) => Some(format!("read by {}, {missing} to go", users(readers))),
    }
}

fn users<U: AsRef<str>>(users: impl IntoIterator<Item = U>) -> String {
    let users: Vec<String> = users.into_iter().map(|user| user_id(user)).collect();
    users.join(", ")
}

fn user_id(user: impl AsRef<str>) -> String {
    escape(user.as_ref()).into_owned()
}
