//! Updates of TDLib.

use chatfold::Timestamp;
use chatfold::event::{Fact, Mark, ReceiveOption, ReportedMentions, Through};
use chatfold::foreign::EventKey;

use super::bot::user;
use super::chat::{Chat, Session, chat_of_supergroup, membership};
use super::content;
use super::history::{Number, message, server_number};
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{MessageName, Report, Said, beginning};

/// Whoever is muted for longer is muted for ever: this is how apps of Telegram see it.
const FOR_EVER_S: u64 = 366 * 86_400;

/// Takes something that is said of a chat.
type Take = fn(&mut Session<'_>, &At<'_, '_>, &Chat) -> Result<(), Fault>;

/// What updates say of a chat and the chat itself says under a key.
const OF_CHAT: [(&str, &str, Take); 5] = [
    ("updateChatReadOutbox", "last_read_outbox_message_id", peer_read),
    ("updateChatNotificationSettings", "notification_settings", notifications),
    ("updateChatDraftMessage", "draft_message", draft),
    ("updateChatIsMarkedAsUnread", "is_marked_as_unread", marked),
    ("updateChatPosition", "position", |session, at, of| position(session, &at.need("position")?, of)),
];

/// Takes an update, or a chat.
pub(super) fn update(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    match update.text("@type")? {
        "updateNewMessage" => message(session, &update.need("message")?).map(drop),
        "updateMessageSendSucceeded" => sent(session, update),
        "updateMessageSendFailed" => failed(session, update),
        "updateMessageContent" => changed(session, update),
        "updateDeleteMessages" => deleted(session, update),
        "updateNewChat" => chat(session, &update.need("chat")?),
        "chat" => chat(session, update),
        "updateChatTitle" => title(session, update, "chat_id"),
        "updateChatLastMessage" => {
            if let Some(last) = update.get("last_message") {
                message(session, &last)?;
            }
            let of = session.chat(update, "chat_id")?;
            positions(session, update, &of)
        }
        "updateChatReadInbox" => read(session, update),
        "updateUser" => user(session, &update.need("user")?).map(drop),
        "updateSupergroup" => group(session, &update.need("supergroup")?, chat_of_supergroup),
        "updateBasicGroup" => group(session, &update.need("basic_group")?, i64::checked_neg),
        "updateChatFolders" => session.each(&update.need("chat_folders")?, folder),
        name => match OF_CHAT.iter().find(|(update, ..)| *update == name) {
            Some((_, _, take)) => {
                let of = session.chat(update, "chat_id")?;
                take(session, update, &of)
            }
            None => session.maker.nothing_of(name),
        },
    }
}

/// Returns what a message was called before the server had it; `None` where it had another name of the server's.
fn local(session: &Session<'_>, update: &At<'_, '_>) -> Result<Option<MessageName>, Fault> {
    let Some(Number::Local { whole, .. }) = Number::of(&update.need("old_message_id")?)? else {
        return Ok(None);
    };
    session.local_message(update, whole).map(Some)
}

/// The server has a message that was queued: it is received, and the queued one is gone (R118).
fn sent(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    let sent = update.need("message")?;
    message(session, &sent)?;
    let Some(MessageName { id, key, .. }) = local(session, update)? else { return Ok(()) };
    let conversation = session.chat(&sent, "chat_id")?.conversation;
    let said = Said { conversation, time: sent.seconds("date")?, by: session.maker.owner().clone() };
    let event = EventKey::Deleted { targets: &[&key], at: said.time };
    session.maker.say(update, &said, &event, Fact::MessagesDeleted { targets: vec![id] })
}

fn failed(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    let conversation = session.chat(&update.need("message")?, "chat_id")?.conversation;
    let Some(MessageName { id, key, .. }) = local(session, update)? else { return Ok(()) };
    let error = update.get("error");
    let reason = error.as_ref().map(|error| error.text_if("message")).transpose()?.flatten();
    let fact = Fact::MessageFailed { target: id, reason: reason.map(str::to_owned) };
    session.maker.observe_of_parts(update, &conversation, &[&key, reason.unwrap_or_default()], fact)
}

/// A message says something else, and neither who changed it nor when is known.
fn changed(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    let of = session.chat(update, "chat_id")?;
    let Some(number) = server_number(update, "message_id")? else { return Ok(()) };
    let name = session.message_of(update, number)?;
    let content = content::of_tdlib(session, &update.need("new_content")?)?;
    let edit = content.edit(session.maker.received_at.as_secs().unsigned_abs().max(1));
    let fact = Fact::MessageModified { target: name.id, edit };
    let text = content.text.as_deref().unwrap_or_default();
    session.maker.observe_of_parts(update, &of.conversation, &[&name.key, text], fact)
}

fn deleted(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    let of = session.chat(update, "chat_id")?;
    if update.flag("from_cache")? || !update.flag("is_permanent")? {
        return session.maker.nothing_of("messages that only a cache forgets");
    }
    let (mut targets, mut names) = (Vec::new(), Vec::new());
    session.each(&update.need("message_ids")?, |session, item| {
        if let Some(number) = Number::of(item)?.and_then(Number::of_server) {
            let name = session.message_of(item, number)?;
            targets.push(name.id);
            names.push(name.key);
        }
        Ok(())
    })?;
    if targets.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let key = EventKey::Deleted { targets: &names, at: session.maker.received_at };
    session.maker.observe(update, &of.conversation, &key, Fact::MessagesDeleted { targets })
}

/// Takes a chat with everything that it says, and the report that it makes.
fn chat(session: &mut Session<'_>, chat: &At<'_, '_>) -> Result<(), Fault> {
    let of = session.chat(chat, "id")?;
    title(session, chat, "id")?;
    let last = chat.get("last_message");
    let last = last.map(|last| message(session, &last)).transpose()?.flatten();
    let read = if chat.has("last_read_inbox_message_id") {
        Some(match server_number(chat, "last_read_inbox_message_id")? {
            Some(number) => of.through(number, &session.message_of(chat, number)?),
            None => Through::Watermark(beginning(&of.conversation)),
        })
    } else {
        None
    };
    let unread = chat.count_if("unread_count")?;
    if last.is_none() && unread > Some(0) {
        session.maker.left_out("unread_count without last_message");
    }
    if let (Some((number, time)), Some(unread)) = (last, unread) {
        let mentions = chat.count_if("unread_mention_count")?.filter(|_| !of.is_direct());
        let mentions = mentions.map(ReportedMentions::Count);
        let through = of.position(number, time);
        let report = Report { through, unread, read, at_least: false, mentions, active_at: Some(time) };
        session.maker.report(chat, &of.conversation, report)?;
    }
    for (_, _, take) in OF_CHAT.iter().filter(|(_, key, _)| chat.has(key)) {
        take(session, chat, &of)?;
    }
    positions(session, chat, &of)
}

fn marked(session: &mut Session<'_>, at: &At<'_, '_>, of: &Chat) -> Result<(), Fault> {
    session.maker.observe_mark(at, &of.conversation, Mark::UNREAD, at.flag("is_marked_as_unread")?)
}

/// Takes what a chat is called: of a private chat the user, else the group.
fn title(session: &mut Session<'_>, at: &At<'_, '_>, key: &str) -> Result<(), Fault> {
    let of = session.chat(at, key)?;
    let title = at.text_if("title")?.filter(|title| !title.is_empty());
    if of.is_direct() {
        let user = session.speaker(at, key)?;
        session.maker.user_profile(at, &user, (title, None), None)
    } else {
        session.maker.group_profile(at, &of.conversation, (title, None), None)
    }
}

fn read(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    let of = session.chat(update, "chat_id")?;
    if update.count_if("unread_count")? > Some(0) {
        session.maker.left_out("unread_count without last_message");
    }
    let Some(number) = server_number(update, "last_read_inbox_message_id")? else { return Ok(()) };
    let through = of.through(number, &session.message_of(update, number)?);
    session.maker.observe_read(update, &of.conversation, through)
}

/// The other of a private chat has read up to there.
fn peer_read(session: &mut Session<'_>, at: &At<'_, '_>, of: &Chat) -> Result<(), Fault> {
    let Some(number) = server_number(at, "last_read_outbox_message_id")? else { return Ok(()) };
    let Some(peer) = of.conversation.peer() else {
        return session.maker.nothing_of("read by some of a group");
    };
    let through = Through::Message(session.message_of(at, number)?.id);
    let said = Said { by: peer.clone(), ..session.maker.found(&of.conversation) };
    let key = EventKey::PeerRead { actor: &peer, through, at: said.time };
    session.maker.observe_of(at, &said, &key, Fact::PeerRead { through })
}

/// A draft has the second in which it was written; that there is none is merely found.
fn draft(session: &mut Session<'_>, at: &At<'_, '_>, of: &Chat) -> Result<(), Fault> {
    let Some(draft) = at.get("draft_message") else {
        return session.maker.draft(at, &of.conversation, None, None);
    };
    let input = draft.get("input_message_text").or(draft.get("content"));
    let Some(text) = input.as_ref().and_then(|input| input.get("text")) else {
        return session.maker.nothing_of("draft without text");
    };
    session.maker.draft(&draft, &of.conversation, Some(text.text("text")?), Some(draft.seconds("date")?))
}

/// Takes the places of a chat in all lists that have it.
fn positions(session: &mut Session<'_>, at: &At<'_, '_>, of: &Chat) -> Result<(), Fault> {
    let mut is_archived = false;
    let Some(positions) = at.get("positions") else { return Ok(()) };
    session.each(&positions, |session, item| {
        is_archived |= item.get("list").is_some_and(|list| list.is("@type", "chatListArchive"));
        position(session, item, of)
    })?;
    if is_archived { Ok(()) } else { archived(session, at, of, false) }
}

/// Takes the place of a chat in one list; order 0 is none.
fn position(session: &mut Session<'_>, position: &At<'_, '_>, of: &Chat) -> Result<(), Fault> {
    let list = position.need("list")?;
    let is_in = position.long("order")? != 0;
    let is_pinned = position.flag("is_pinned")?;
    match list.text("@type")? {
        "chatListMain" => session.maker.observe_pin(position, &of.conversation, is_in && is_pinned),
        "chatListArchive" => archived(session, position, of, is_in),
        "chatListFolder" => {
            let id = list.integer("chat_folder_id")?;
            let folder = session.maker.folder(&list, &format!("chat {id}"))?;
            session.maker.observe_folder_member(position, &of.conversation, folder, is_in)
        }
        other => session.maker.nothing_of(other),
    }
}

/// Telegram itself takes a chat out of the archive and says so, so no message does.
fn archived(session: &mut Session<'_>, at: &At<'_, '_>, of: &Chat, on: bool) -> Result<(), Fault> {
    let key = EventKey::Archived { on, stay: on, at: session.maker.received_at };
    session.maker.observe(at, &of.conversation, &key, Fact::Archived { on, stay: on })
}

fn notifications(session: &mut Session<'_>, at: &At<'_, '_>, of: &Chat) -> Result<(), Fault> {
    let settings = &at.need("notification_settings")?;
    let muted = settings.get("mute_for").map(|at| at.as_count().map_err(|_| at.fault("seconds from 0 on")));
    let seconds = muted.transpose()?.unwrap_or(0);
    if settings.flag("use_default_mute_for")? || seconds == 0 {
        return session.maker.observe_option(settings, &of.conversation, ReceiveOption::Receive, None);
    }
    let mentions_notify = !of.is_direct() && !settings.flag("disable_mention_notifications")?;
    let option =
        if mentions_notify { ReceiveOption::NotNotifyExceptAt } else { ReceiveOption::ReceiveNotNotify };
    let until = session.maker.received_at.as_millis().saturating_add_unsigned(seconds.saturating_mul(1_000));
    let until = Timestamp::from_millis(until).ok().filter(|_| seconds <= FOR_EVER_S);
    session.maker.observe_option(settings, &of.conversation, option, until)
}

/// Takes what became of the owner in a group, whose chat has a number made of the group's.
fn group(session: &mut Session<'_>, group: &At<'_, '_>, chat: fn(i64) -> Option<i64>) -> Result<(), Fault> {
    let id = group.need("id")?;
    let number = chat(id.as_integer()?).ok_or_else(|| id.fault("the number of a group"))?;
    let of = session.chat_of(&id, number)?;
    if of.is_direct() {
        return Err(id.fault("the number of a group"));
    }
    let status = group.need("status")?;
    let state = membership(&status, "@type")?;
    let owner = session.maker.owner().clone();
    let key = EventKey::Membership { user: Some(&owner), state, at: session.maker.received_at };
    let fact = Fact::MembershipSet { state, user: Some(owner.clone()) };
    session.maker.observe(group, &of.conversation, &key, fact)
}

fn folder(session: &mut Session<'_>, item: &At<'_, '_>) -> Result<(), Fault> {
    let id = item.integer("id")?;
    let folder = session.maker.folder(item, &format!("chat {id}"))?;
    // The name was plain text once, and is formatted text today.
    let formatted = item.get("name");
    let formatted = formatted.as_ref().and_then(|name| name.get("text"));
    let formatted = formatted.as_ref().filter(|text| text.has("text"));
    let name = formatted.map_or_else(|| item.text("title"), |text| text.text("text"))?;
    session.maker.observe_folder(folder, name);
    Ok(())
}
