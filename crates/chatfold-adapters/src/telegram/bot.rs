//! Updates of the Bot API.

use std::collections::BTreeSet;

use chatfold::UserId;
use chatfold::event::{Fact, Membership};
use chatfold::foreign::{EventKey, ReactionKey};

use super::chat::{Chat, Session, membership};
use super::content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Said;

/// Takes an update.
pub(super) fn update(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    for key in update.keys().filter(|key| *key != "update_id") {
        let inner = update.need(key)?;
        match key {
            "message" | "channel_post" => message(session, &inner, true)?,
            "edited_message" | "edited_channel_post" => message(session, &inner, false)?,
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
        (None, Some(from)) => user(session, &from)?,
        (None, None) => session.speaker(&in_chat, "id")?,
    };
    if let Some(title) = in_chat.text_if("title")? {
        session.maker.group_profile(&in_chat, &chat.conversation, (Some(title), None), None)?;
    }
    let time = message.seconds("date")?;
    Ok((chat.clone(), Said { conversation: chat.conversation, time, by }))
}

/// Returns a user, and observes what they are called, first and last.
pub(super) fn user(session: &mut Session<'_>, user: &At<'_, '_>) -> Result<UserId, Fault> {
    let id = session.speaker(user, "id")?;
    let parts = [user.text_if("first_name")?, user.text_if("last_name")?];
    let name: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let name = Some(name.join(" ")).filter(|name| !name.is_empty());
    session.maker.user_profile(user, &id, (name.as_deref(), None), None)?;
    Ok(id)
}

/// Takes a message, or where it is not `new` only how it was edited.
fn message(session: &mut Session<'_>, message: &At<'_, '_>, new: bool) -> Result<(), Fault> {
    let (chat, said) = said(session, message)?;
    let number = session.number(message, "message_id")?;
    let content = content::of_bot(session, message)?;
    if !new {
        message.need("edit_date")?;
    }
    session.written(message, (&chat, &said, number), content, new)?;
    if new { notice(session, message, &said) } else { Ok(()) }
}

/// Takes what a notice says of the chat.
fn notice(session: &mut Session<'_>, message: &At<'_, '_>, said: &Said) -> Result<(), Fault> {
    if let Some(members) = message.get("new_chat_members") {
        session
            .each(&members, |session, member| became(session, member, (message, said), Membership::Joined))?;
    }
    if let Some(member) = message.get("left_chat_member") {
        let is_own = said.by == *session.maker.owner();
        let state = if is_own { Membership::Left } else { Membership::Removed };
        became(session, &member, (message, said), state)?;
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
            let fact = Fact::MessagePinned { target: name.id, on: true };
            session.maker.say_of_parts(message, said, &[&name.key, "true"], fact)
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

/// Takes what became of a member, if that is the owner.
fn became(
    session: &mut Session<'_>,
    member: &At<'_, '_>,
    (at, said): (&At<'_, '_>, &Said),
    state: Membership,
) -> Result<(), Fault> {
    let user = session.speaker(member, "id")?;
    if user == *session.maker.owner() {
        return session.maker.membership(at, said, state, Some(&user));
    }
    session.maker.nothing_of("membership of others")
}

/// Takes an update that says what became of a member.
fn member(session: &mut Session<'_>, update: &At<'_, '_>) -> Result<(), Fault> {
    let (chat, said) = said(session, update)?;
    if chat.is_direct() {
        return session.maker.nothing_of("a bot that was blocked or started again");
    }
    let member = update.need("new_chat_member")?;
    became(session, &member.need("user")?, (update, &said), membership(&member, "status")?)
}
