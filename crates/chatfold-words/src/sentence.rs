//! What an event says and why a command was refused, in words.

use chatfold::command::Rejection;
use chatfold::event::{AccountFact, Body, Fact, Through};
use chatfold::{ConversationId, Event, Inbox};

use crate::text::one_line;
use crate::words;

/// One event as a sentence, such as `pinned group_dev`.
pub fn sentence(event: &Event, inbox: &Inbox) -> String {
    match event.body() {
        Body::Conversation(id, fact) => about(fact, id, inbox),
        Body::Account(fact) => account(fact),
        _ => event.type_name().to_owned(),
    }
}

/// Why a command was refused, with the reference's error code where it has one.
pub fn refusal(rejection: &Rejection) -> String {
    let code = rejection.code().map(|code| format!(" (code {code})")).unwrap_or_default();
    format!("refused: {rejection}{code}")
}

fn about(fact: &Fact, id: &ConversationId, inbox: &Inbox) -> String {
    let quoted = |text: &str| format!("{:?}", one_line(words::head(text)));
    match fact {
        Fact::Opened { .. } => format!("opened {id}"),
        Fact::MessageQueued(message) => {
            let text = message.text.as_deref().map(quoted).unwrap_or_default();
            format!("queued {text} for {id} as {}", message.id)
        }
        Fact::MessageImported { message, .. } => format!("imported {} into {id}", message.id),
        Fact::MessageSent { target, .. } => format!("{target} in {id} was sent"),
        Fact::MessageFailed { target, .. } => format!("{target} in {id} could not be sent"),
        Fact::MessageModified { target, edit } => {
            format!("edited {target} in {id}, version {}", edit.version)
        }
        Fact::MessageRecalled { target, .. } => format!("recalled {target} in {id}"),
        Fact::MessagesDeleted { targets } => format!("deleted {} in {id}", list(targets)),
        Fact::MessageReadBy { targets } => format!("sent receipts for {} in {id}", list(targets)),
        Fact::HistoryCleared { through, also } => {
            format!("cleared {id} up to {through}{}", besides(also.len()))
        }
        Fact::MessagesRead { targets, on: true } => format!("read {} in {id}", list(targets)),
        Fact::MessagesRead { targets, on: false } => {
            format!("took back that {} in {id} were read one by one", list(targets))
        }
        Fact::Read { through } => format!("read {id} up to {}", self::through(*through)),
        Fact::MarkedUnreadFrom { target } => format!("made {id} unread from {target} on"),
        Fact::Pinned { on } => format!("{} {id}", if *on { "pinned" } else { "unpinned" }),
        Fact::DraftSet { text, .. } => match text.as_deref().filter(|text| !text.is_empty()) {
            Some(text) => format!("wrote the draft {} for {id}", quoted(text)),
            None => format!("cleared the draft of {id}"),
        },
        Fact::MarkSet { mark, on } => {
            let mark = words::mark(*mark);
            if *on { format!("marked {id} with {mark}") } else { format!("took the mark {mark} from {id}") }
        }
        Fact::CustomDataSet { data } => format!("set the custom data of {id}, {} bytes", data.len()),
        Fact::ReceiveOptionSet { option, until } => {
            let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
            format!("set the receive option of {id} to {}{until}", words::receive_option(*option))
        }
        Fact::Archived { on: true, stay } => {
            format!("archived {id}{}", if *stay { ", where it stays" } else { "" })
        }
        Fact::Archived { on: false, .. } => format!("took {id} out of the archive"),
        Fact::MembershipSet { state, user } => match user {
            Some(user) => format!("{user} in {id}: {}", state.as_str()),
            None => format!("{id} was dissolved"),
        },
        Fact::FolderMemberSet { folder, on } => {
            let folders = inbox.folders();
            let name = folders.iter().find(|one| one.id == *folder).map(|one| quoted(&one.name));
            let name = name.unwrap_or_else(|| folder.to_string());
            if *on { format!("put {id} into {name}") } else { format!("took {id} out of {name}") }
        }
        Fact::Deleted { keep_messages, also, .. } => {
            let kept = if *keep_messages { ", its messages are kept" } else { "" };
            format!("deleted {id}{}{kept}", besides(also.len()))
        }
        Fact::ReactionSet { target, reaction, on } => {
            let verb = if *on { "put" } else { "took" };
            format!(
                "{verb} the reaction {} {} {target} in {id}",
                quoted(reaction),
                if *on { "on" } else { "from" }
            )
        }
        Fact::ExtensionSet { target, key, .. } => {
            format!("set the extension {} of {target} in {id}", quoted(key))
        }
        Fact::ExtensionsCleared { target, .. } => format!("cleared the extensions of {target} in {id}"),
        Fact::MessagePinned { target, on } => {
            format!("{} {target} in {id}", if *on { "pinned" } else { "unpinned" })
        }
        other => format!("{} in {id}", other.type_name()),
    }
}

/// That so many messages are taken besides.
fn besides(messages: usize) -> String {
    match messages {
        0 => String::new(),
        1 => " and 1 message besides".to_owned(),
        more => format!(" and {more} messages besides"),
    }
}

fn list(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn through(through: Through) -> String {
    match through {
        Through::Watermark(watermark) => watermark.to_string(),
        Through::Message(id) => id.to_string(),
    }
}

fn account(fact: &AccountFact) -> String {
    match fact {
        AccountFact::FolderCreated { folder, name } => format!("created the folder {name:?}, {folder}"),
        AccountFact::FolderRenamed { folder, name } => format!("renamed the folder {folder} to {name:?}"),
        AccountFact::FolderDeleted { folder } => format!("deleted the folder {folder}"),
        AccountFact::QuietHoursSet { hours: None } => "turned the quiet hours off".to_owned(),
        AccountFact::QuietHoursSet { hours: Some(_) } => "set the quiet hours".to_owned(),
        AccountFact::UserProfileChanged { user, remark: Some(remark), .. } => {
            format!("called {user} {remark:?}")
        }
        other => other.type_name().to_owned(),
    }
}
