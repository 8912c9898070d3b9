//! Updates of the Bot API.

use std::collections::BTreeSet;

use chatfold::event::{Fact, Membership, Meta};
use chatfold::foreign::{EventKey, ReactionKey};

use super::chat::{Chat, Session};
use super::content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{As, Said};

/// Takes an update.
pub(super) fn update(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    for key in update.keys().filter(|key| *key != "update_id") {
        let inner = update.need(key)?;
        match key {
            "message" | "channel_post" => message(session, &inner)?,
            "edited_message" | "edited_channel_post" => edited(session, &inner)?,
            "message_reaction" => reactions(session, &inner)?,
            "my_chat_member" | "chat_member" => member(session, &inner)?,
            other => session.maker.left_out(other),
        }
    }
    Ok(())
}

/// Returns in which chat a message was written, when and by whom, and observes what both are called.
fn said(session: &mut Session<'_>, message: &At<'_, '_>) -> Result<(Chat, Said), Fault> {
    let in_chat = message.need("chat")?;
    let chat = session.chat(&in_chat, "id")?;
    let by = match (message.get("sender_chat"), message.get("from")) {
        (Some(sender), _) => session.speaker(&sender, "id")?,
        (None, Some(from)) => {
            let user = session.speaker(&from, "id")?;
            let name = full_name(&from)?;
            session.maker.user_profile(&from, &user, (name.as_deref(), None), None)?;
            user
        }
        (None, None) => session.speaker(&in_chat, "id")?,
    };
    if let Some(title) = in_chat.text_if("title")? {
        session.maker.group_profile(&in_chat, &chat.conversation, (Some(title), None), None)?;
    }
    let time = message.seconds("date")?;
    Ok((chat.clone(), Said { conversation: chat.conversation, time, by }))
}

/// Returns the name of a user, first and last.
pub(super) fn full_name(user: &At<'_, '_>) -> Result<Option<String>, Fault> {
    let parts = [user.text_if("first_name")?, user.text_if("last_name")?];
    let name: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    Ok(Some(name.join(" ")).filter(|name| !name.is_empty()))
}

fn message(session: &mut Session<'_>, message: &At<'_, '_>) -> Result<(), Fault> {
    let (chat, said) = said(session, message)?;
    let number = session.number(message, "message_id")?;
    let name = session.message_of(message, number)?;
    let content = content::of_bot(session, message)?;
    let changed = edit(session, message, &chat, &said, number)?;
    let state = changed.as_deref().map_or(As::Written, As::Changed);
    session.maker.introduce(message, &said, &name, (chat.seq(number), state), content, Meta::new())?;
    notice(session, message, &said)
}

fn edited(session: &mut Session<'_>, message: &At<'_, '_>) -> Result<(), Fault> {
    let (chat, said) = said(session, message)?;
    let number = session.number(message, "message_id")?;
    message.need("edit_date")?;
    edit(session, message, &chat, &said, number).map(drop)
}

/// Makes the edit that a message says was its last, and says which.
fn edit(
    session: &mut Session<'_>,
    message: &At<'_, '_>,
    chat: &Chat,
    written: &Said,
    number: u64,
) -> Result<Option<String>, Fault> {
    if !message.has("edit_date") {
        return Ok(None);
    }
    let time = message.seconds("edit_date")?;
    let content = content::of_bot(session, message)?;
    let name = session.message_of(message, number)?;
    let said = Said { conversation: chat.conversation.clone(), time, by: written.by.clone() };
    let version = time.as_secs().unsigned_abs();
    session.maker.edit(message, &said, &name, version, &content)?;
    Ok(Some(version.to_string()))
}

/// Takes what a notice says of the chat.
fn notice(session: &mut Session<'_>, message: &At<'_, '_>, said: &Said) -> Result<(), Fault> {
    let owner = session.maker.owner().clone();
    let mut came = false;
    let mut others = 0;
    message.each("new_chat_members", |member| match session.speaker(member, "id") {
        Ok(user) if user == owner => came = true,
        Ok(_) => others += 1,
        Err(_) => {}
    })?;
    (0..others).for_each(|_| session.maker.left_out("membership of others"));
    if came {
        session.maker.membership(message, said, Membership::Joined, Some(&owner))?;
    }
    if let Some(member) = message.get("left_chat_member") {
        if session.speaker(&member, "id")? == owner {
            let state = if said.by == owner { Membership::Left } else { Membership::Removed };
            session.maker.membership(message, said, state, Some(&owner))?;
        } else {
            session.maker.left_out("membership of others");
        }
    }
    if message.has("migrate_to_chat_id") {
        session.maker.membership(message, said, Membership::Dissolved, None)?;
    }
    if let Some(title) = message.text_if("new_chat_title")? {
        session.maker.group_profile(message, &said.conversation, (Some(title), None), Some(said))?;
    }
    match message.get("pinned_message") {
        Some(pinned) if said.conversation.kind() == chatfold::id::ConversationKind::Group => {
            let number = session.number(&pinned, "message_id")?;
            let name = session.message_of(&pinned, number)?;
            let parts = [name.key.as_str(), "true"];
            let key = EventKey::Other { type_name: "message_pinned", parts: &parts, at: said.time };
            session.maker.say(message, said, &key, Fact::MessagePinned { target: name.id, on: true })
        }
        _ => Ok(()),
    }
}

/// Takes which reactions of somebody to a message came and went.
fn reactions(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    let chat = session.chat(&update.need("chat")?, "id")?;
    let actor = update.get("actor_chat");
    let by = match &actor {
        Some(chat) => session.speaker(chat, "id")?,
        None => session.speaker(&update.need("user")?, "id")?,
    };
    let time = update.seconds("date")?;
    let number = session.number(update, "message_id")?;
    let name = session.message_of(update, number)?;
    let (old, new) = (names_of(update, "old_reaction")?, names_of(update, "new_reaction")?);
    let said = Said { conversation: chat.conversation, time, by: by.clone() };
    let event = time.as_millis().to_string();
    for reaction in old.symmetric_difference(&new) {
        let on = new.contains(reaction);
        let key =
            EventKey::Reacted(ReactionKey { message: &name.key, reaction, actor: &by, on, event: &event });
        let fact = Fact::ReactionSet { target: name.id, reaction: (*reaction).to_owned(), on };
        session.maker.say(update, &said, &key, fact)?;
    }
    Ok(())
}

fn names_of<'v>(update: &At<'v, '_>, key: &str) -> Result<BTreeSet<&'v str>, Fault> {
    let mut names = BTreeSet::new();
    update.try_each(key, |reaction| {
        names.insert(match reaction.text("type")? {
            "emoji" => reaction.text("emoji")?,
            "custom_emoji" => reaction.text("custom_emoji_id")?,
            other => other,
        });
        Ok(())
    })?;
    Ok(names)
}

/// Takes what became of a member.
fn member(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    let (chat, said) = said(session, update)?;
    let became = update.need("new_chat_member")?;
    let user = session.speaker(&became.need("user")?, "id")?;
    if user != *session.maker.owner() {
        session.maker.left_out("membership of others");
        return Ok(());
    }
    let state = match became.text("status")? {
        "creator" | "administrator" | "member" => Membership::Joined,
        "restricted" if became.flag("is_member")? => Membership::Joined,
        "restricted" | "left" => Membership::Left,
        "kicked" => Membership::Removed,
        _ => return Err(became.need("status")?.fault("the status of a member")),
    };
    if chat.is_direct() {
        session.maker.left_out("a bot that was blocked or started again");
        return Ok(());
    }
    session.maker.membership(update, &said, state, Some(&user))
}
