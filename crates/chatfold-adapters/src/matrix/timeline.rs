//! Events of a room's timeline and state.

use std::collections::BTreeSet;

use chatfold::event::{Fact, Membership, MessageKind, Meta};
use chatfold::foreign::{EventKey, META_FOREIGN_EVENT, ReactionKey};
use chatfold::{ConversationId, Event};

use super::room::{GivenReaction, Session};
use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{As, MessageName, Said};

/// Whether events of this type are messages.
pub(super) fn is_message(kind: &str) -> bool {
    matches!(kind, "m.room.message" | "m.room.encrypted" | "m.sticker" | "m.poll.start")
}

/// Notes the events under the key that are no messages: a redaction among them, or beside them, may name one.
pub(super) fn note(session: &mut Session<'_>, at: &At<'_, '_>, key: &str, room: &ConversationId) {
    let noted = at.each(key, |event| {
        let content = event.get("content");
        let relation = content.as_ref().and_then(|content| content.get("m.relates_to"));
        let is_edit = relation.is_some_and(|relation| relation.is("rel_type", "m.replace"));
        if let (Ok(kind), Ok(id)) = (event.text("type"), event.text("event_id"))
            && (is_edit || !is_message(kind))
        {
            session.here.others.insert((room.clone(), id.to_owned()));
        }
    });
    // What is no list is told where its events are taken.
    noted.unwrap_or_default();
}

/// Takes an event of a timeline or of a room's state.
pub(super) fn event(
    session: &mut Session<'_>,
    event: &At<'_, '_>,
    room: &ConversationId,
) -> Result<(), Fault> {
    let kind = event.text("type")?;
    // What was redacted comes back without its content, and with who redacted it.
    if (is_message(kind) || kind == "m.reaction")
        && let Some(unsigned) = event.get("unsigned")
        && let Some(redaction) = unsigned.get("redacted_because")
    {
        let name = session.event(event, "event_id")?;
        redacted(session, &redaction, room, &name)?;
    }
    match kind {
        _ if is_message(kind) => message(session, event, room),
        "m.reaction" => reaction(session, event, room),
        "m.room.redaction" => {
            let content = event.get("content");
            let inner = content.as_ref().filter(|content| content.has("redacts"));
            let name = session.event(inner.unwrap_or(event), "redacts")?;
            redacted(session, event, room, &name)
        }
        "m.room.member" => member(session, event, room),
        "m.room.name" | "m.room.avatar" => {
            let content = event.object("content")?;
            let name = content.text_if("name")?.filter(|_| kind == "m.room.name");
            let face = content.text_if("url")?.filter(|_| kind == "m.room.avatar");
            let said = session.said(event, room)?;
            session.maker.group_profile(event, room, (name, face), Some(&said))
        }
        "m.room.tombstone" => {
            let said = session.said(event, room)?;
            session.maker.membership(event, &said, Membership::Dissolved, None)
        }
        "m.room.pinned_events" => pinned(session, event, room),
        other => {
            session.maker.left_out(other);
            Ok(())
        }
    }
}

fn message(session: &mut Session<'_>, event: &At<'_, '_>, room: &ConversationId) -> Result<(), Fault> {
    let said = session.said(event, room)?;
    let name = session.event(event, "event_id")?;
    let content = event.object("content")?;
    if let Some(relation) = content.get("m.relates_to")
        && relation.is("rel_type", "m.replace")
    {
        let target = session.event(&relation, "event_id")?;
        return edit(session, event, &content, &said, &target);
    }
    let is_redacted = event.get("unsigned").is_some_and(|unsigned| unsigned.has("redacted_because"));
    if is_redacted && session.is_other(&(room.clone(), name.key.clone())) {
        // Without its content it looks like a message.
        return session.maker.nothing_of("edit that was redacted");
    }
    let state = if is_redacted { As::Changed("redacted") } else { As::Written };
    let written = written(session, event, &content)?;
    session.maker.introduce(event, &said, &name, (None, state), written, Meta::new())?;
    // The newest edit comes with the message where a page holds only this.
    let Some(unsigned) = event.get("unsigned") else { return Ok(()) };
    let Some(relations) = unsigned.get("m.relations") else { return Ok(()) };
    match relations.get("m.replace").filter(|replacement| replacement.has("content")) {
        Some(replacement) => {
            let said = session.said(&replacement, room)?;
            edit(session, &replacement, &replacement.object("content")?, &said, &name)
        }
        None => Ok(()),
    }
}

/// Returns what a message says.
fn written(session: &Session<'_>, event: &At<'_, '_>, content: &At<'_, '_>) -> Result<Content, Fault> {
    let mut written = Content { text: content.text_if("body")?.map(str::to_owned), ..Content::default() };
    let kind = content.text_if("msgtype")?.unwrap_or_default();
    written.kind = match (event.text("type")?, kind) {
        ("m.sticker", _) => MessageKind::Face,
        ("m.room.encrypted" | "m.poll.start", _) => MessageKind::Custom,
        (_, "m.text" | "m.emote" | "m.notice" | "") => MessageKind::Text,
        (_, "m.image") => MessageKind::Image,
        (_, "m.audio") => MessageKind::Sound,
        (_, "m.video") => MessageKind::Video,
        (_, "m.file") => MessageKind::File,
        (_, "m.location") => MessageKind::Location,
        _ => MessageKind::Custom,
    };
    written.excluded_from_unread = kind == "m.notice";
    mentions(session, content, &mut written)?;
    if let Some(relation) = content.get("m.relates_to") {
        let answered = relation.get("m.in_reply_to");
        if let Some(answered) = answered.filter(|answered| answered.has("event_id")) {
            written.reply_to = Some(session.event(&answered, "event_id")?.id);
        } else if relation.is("rel_type", "m.thread") {
            written.reply_to = Some(session.event(&relation, "event_id")?.id);
        }
    }
    Ok(written)
}

fn mentions(session: &Session<'_>, content: &At<'_, '_>, written: &mut Content) -> Result<(), Fault> {
    let Some(mentions) = content.get("m.mentions") else { return Ok(()) };
    written.mentions.all = mentions.flag("room")?;
    let mut seen = BTreeSet::new();
    mentions.try_each("user_ids", |user| {
        let id = user.as_text()?;
        if seen.insert(id) {
            written.mentions.users.push(session.maker.user_named(user, id)?);
        }
        Ok(())
    })
}

/// Edits a message, if it is the author who does: servers do not check it.
fn edit(
    session: &mut Session<'_>,
    event: &At<'_, '_>,
    content: &At<'_, '_>,
    said: &Said,
    target: &MessageName,
) -> Result<(), Fault> {
    let Some(new) = content.get("m.new_content") else {
        session.maker.left_out("edit without new content");
        return Ok(());
    };
    let mut written = Content { text: new.text_if("body")?.map(str::to_owned), ..Content::default() };
    mentions(session, &new, &mut written)?;
    let version = said.time.as_millis().unsigned_abs().max(1);
    let fact = Fact::MessageModified { target: target.id, edit: written.edit(version) };
    let id = event.text_if("event_id")?.map(|id| (META_FOREIGN_EVENT.to_owned(), id.to_owned()));
    let before = session.maker.taken.events.len();
    let key = EventKey::Edited(&target.key, version);
    session.maker.say_with(event, said, &key, fact, Meta::from_iter(id))?;
    let claims: Vec<Event> = session.maker.taken.events.drain(before..).collect();
    session.maker.taken.claims.extend(claims);
    Ok(())
}

fn reaction(session: &mut Session<'_>, event: &At<'_, '_>, room: &ConversationId) -> Result<(), Fault> {
    let content = event.object("content")?;
    let Some(relation) =
        content.get("m.relates_to").filter(|relation| relation.is("rel_type", "m.annotation"))
    else {
        session.maker.left_out("reaction that was redacted");
        return Ok(());
    };
    let said = session.said(event, room)?;
    let target = session.event(&relation, "event_id")?;
    let reaction = relation.text("key")?;
    let id = session.event(event, "event_id")?;
    let key = ReactionKey { message: &target.key, reaction, actor: &said.by, on: true, event: &id.key };
    let meta = Meta::from([(META_FOREIGN_EVENT.to_owned(), id.key.clone())]);
    let fact = Fact::ReactionSet { target: target.id, reaction: reaction.to_owned(), on: true };
    session.maker.say_with(event, &said, &EventKey::Reacted(key), fact, meta)?;
    let given = GivenReaction { target: target.id, reaction: reaction.to_owned(), by: said.by };
    session.here.reactions.insert((room.clone(), id.key), given);
    Ok(())
}

/// Takes that an event was redacted: a reaction that was learned, or else a message. Of what is known to be no message it says nothing, since a recall of
/// a message that is not held counts against the number that a server reports.
fn redacted(
    session: &mut Session<'_>,
    redaction: &At<'_, '_>,
    room: &ConversationId,
    name: &MessageName,
) -> Result<(), Fault> {
    let said = session.said(redaction, room)?;
    let of = (room.clone(), name.key.clone());
    if let Some(given) = session.reaction(&of) {
        // It is taken away from whoever gave it.
        let said = Said { by: given.by, ..said };
        let parts = [name.key.as_str(), "redacted"];
        let key = EventKey::Other { type_name: "reaction_set", parts: &parts, at: said.time };
        let fact = Fact::ReactionSet { target: given.target, reaction: given.reaction, on: false };
        return session.maker.say(redaction, &said, &key, fact);
    }
    if session.is_other(&of) {
        return session.maker.nothing_of("redaction of what is no message");
    }
    let content = redaction.get("content");
    let reason = content.as_ref().map(|content| content.text_if("reason")).transpose()?.flatten();
    session.maker.recall(redaction, &said, name, reason)
}

fn member(session: &mut Session<'_>, event: &At<'_, '_>, room: &ConversationId) -> Result<(), Fault> {
    let said = session.said(event, room)?;
    let user = session.maker.user(event, "state_key")?;
    let content = event.object("content")?;
    let became = content.text("membership")?;
    if became == "join" && user == said.by {
        let (name, face) = (content.text_if("displayname")?, content.text_if("avatar_url")?);
        session.maker.user_profile(event, &user, (name, face), Some(said.time))?;
    }
    if user != *session.maker.owner() {
        session.maker.left_out("membership of others");
        return Ok(());
    }
    let state = match became {
        "join" => Membership::Joined,
        "invite" => Membership::Invited,
        "leave" if user == said.by => Membership::Left,
        "leave" | "ban" => Membership::Removed,
        "knock" => {
            session.maker.left_out("knock");
            return Ok(());
        }
        _ => return Err(content.need("membership")?.fault("join, invite, leave, ban or knock")),
    };
    session.maker.membership(event, &said, state, Some(&user))
}

/// Pins the events that are listed, and unpins those that were listed before.
fn pinned(session: &mut Session<'_>, event: &At<'_, '_>, room: &ConversationId) -> Result<(), Fault> {
    let said = session.said(event, room)?;
    let listed = |at: &At<'_, '_>| {
        let mut names = Vec::new();
        at.try_each("pinned", |item| {
            names.push(session.event_named(item, item.as_text()?)?);
            Ok(())
        })?;
        Ok::<_, Fault>(names)
    };
    let now = listed(&event.object("content")?)?;
    let unsigned = event.get("unsigned");
    let previous =
        [unsigned.as_ref(), Some(event)].into_iter().flatten().find_map(|at| at.get("prev_content"));
    let before = previous.as_ref().map(listed).transpose()?.unwrap_or_default();
    let kept: BTreeSet<_> = now.iter().map(|name| name.id).collect();
    let gone = before.iter().filter(|name| !kept.contains(&name.id)).map(|name| (name, false));
    for (name, on) in now.iter().map(|name| (name, true)).chain(gone) {
        let parts = [name.key.as_str(), if on { "true" } else { "false" }];
        let key = EventKey::Other { type_name: "message_pinned", parts: &parts, at: said.time };
        session.maker.say(event, &said, &key, Fact::MessagePinned { target: name.id, on })?;
    }
    Ok(())
}
