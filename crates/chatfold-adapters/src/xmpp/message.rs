//! Messages: what is said, corrected, retracted, reacted to and displayed.

use std::collections::BTreeSet;

use chatfold::event::{Fact, Meta, Through};
use chatfold::foreign::{EventKey, ReactionKey};
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, Timestamp, UserId};

use super::jid::{bare, resource};
use super::session::{META_SENDERS_ID, ReactionsOf, Sender, Session, Target};
use super::stanza::{attribute, child, child_text, delay_by, is, needed, stamp, text};
use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{As, MessageName, Said};
use crate::taken::{WholeList, WholeListOf};

const MARKERS: &str = "urn:xmpp:chat-markers:0";
const USER_OF_ROOM: &str = "http://jabber.org/protocol/muc#user";

/// The longest id of a sender that is learned, in bytes.
const MAX_SENDERS_ID: usize = 256;

/// What an archive says of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Archived<'v> {
    pub(super) id: &'v str,
    /// It is a room's archive of a message to the room; else it is the account's.
    pub(super) is_rooms: bool,
    pub(super) stamp: Timestamp,
}

/// A message, who wrote it and what names it.
struct Heard<'v> {
    said: Said,
    /// The id that the conversation's archive gave it.
    id: Option<&'v str>,
    /// How its instant is known; `None` where the conversation's archive says it.
    known: Option<&'static str>,
    is_room: bool,
}

/// Takes a message: of an archive, or live.
pub(super) fn message(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    archived: Option<Archived<'_>>,
) -> Result<(), Fault> {
    let Some(heard) = heard(session, at, archived)? else { return Ok(()) };
    if let Some((target, reason)) = retraction(at)? {
        return retracted(session, at, &heard, target, reason.as_deref());
    }
    if let Some(reactions) = child(at, "reactions", "urn:xmpp:reactions:0") {
        return reacted(session, &reactions, &heard);
    }
    if let Some(marker) = child(at, "displayed", MARKERS) {
        return displayed(session, &marker, &heard);
    }
    let body = child_text(at, "body");
    if let Some(replace) = child(at, "replace", "urn:xmpp:message-correct:0") {
        return corrected(session, at, &replace, &heard, body);
    }
    if let (Some(tombstone), Some(id), None) = (tombstone(at), heard.id, heard.known) {
        return was_retracted(session, at, &heard, (&tombstone, id));
    }
    let (Some(body), Some(id)) = (body, heard.id) else {
        let encrypted = child(at, "encryption", "urn:xmpp:eme:0").is_some();
        let what = match (child_text(at, "body").is_some(), encrypted) {
            (true, _) => "message without stanza-id",
            (false, true) => "encrypted message",
            (false, false) => "message without body",
        };
        session.maker.left_out(what);
        return Ok(());
    };
    let content = Content { text: Some(body), mentions: mentions(session, at)?, ..Content::default() };
    let state = heard.known.map_or(As::Written, As::Changed);
    introduced(session, at, &heard, id, (state, content)).map(drop)
}

/// Introduces a message, and learns its names.
fn introduced(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    heard: &Heard<'_>,
    id: &str,
    (state, content): (As<'_>, Content),
) -> Result<MessageName, Fault> {
    let senders_id = attribute(at, "id")?.filter(|id| (1..=MAX_SENDERS_ID).contains(&id.len()));
    let meta = senders_id.map(|id| (META_SENDERS_ID.to_owned(), id.to_owned()));
    let name = session.named(at, id)?;
    session.maker.introduce(at, &heard.said, &name, (None, state), content, Meta::from_iter(meta))?;
    session.here.insert(&heard.said.conversation, &heard.said.by, id, senders_id);
    Ok(name)
}

/// Returns what an archive has in the place of a message that was retracted, today's or that of version 0 of XEP-0424.
fn tombstone<'v, 'q>(at: &'q At<'v, '_>) -> Option<At<'v, 'q>> {
    let versions = ["urn:xmpp:message-retract:1", "urn:xmpp:message-retract:0"];
    versions.iter().find_map(|version| child(at, "retracted", version))
}

/// Takes a message that was retracted before the archive was asked: what it said is gone, and its author or a moderator recalled it.
fn was_retracted(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    heard: &Heard<'_>,
    (tombstone, id): (&At<'_, '_>, &str),
) -> Result<(), Fault> {
    let name = introduced(session, at, heard, id, (As::Changed("retracted"), Content::default()))?;
    let mut said = heard.said.clone();
    if attribute(tombstone, "stamp")?.is_some() {
        said.time = stamp(tombstone)?;
    }
    if heard.is_room && child(tombstone, "moderated", "").is_some() {
        said.by = session.maker.user_named(at, said.conversation.target())?;
    }
    let reason = child_text(tombstone, "reason");
    let parts = [id, "retracted", reason.as_deref().unwrap_or_default()];
    let fact = Fact::MessageRecalled { target: name.id, reason: reason.clone() };
    session.maker.say_of_parts(at, &said, &parts, fact)
}

/// Returns where a message was heard and by whom; `None` for one that says nothing to a person.
fn heard<'v>(
    session: &mut Session<'_>,
    at: &At<'v, '_>,
    archived: Option<Archived<'v>>,
) -> Result<Option<Heard<'v>>, Fault> {
    let kind = attribute(at, "type")?.unwrap_or("normal");
    if matches!(kind, "error" | "headline") {
        session.maker.left_out(&format!("message of type {kind}"));
        return Ok(None);
    }
    let is_room = kind == "groupchat";
    if !is_room && child(at, "x", USER_OF_ROOM).is_some() {
        session.maker.left_out("private message or invitation of a room");
        return Ok(None);
    }
    let own = session.account().to_owned();
    let from = attribute(at, "from")?.unwrap_or(&own);
    let (conversation, by, archive) = if is_room {
        let room = bare(from);
        (session.maker.group(at, room)?, occupant(session, at, from)?, room)
    } else {
        let to = bare(attribute(at, "to")?.unwrap_or(&own));
        let peer = if bare(from) == own { to } else { bare(from) };
        let conversation = ConversationId::direct(&session.maker.user_named(at, peer)?);
        (conversation, session.maker.user_named(at, bare(from))?, own.as_str())
    };
    if let Some(Archived { id, stamp, .. }) = archived.filter(|archived| archived.is_rooms == is_room) {
        let said = Said { conversation, time: stamp, by };
        return Ok(Some(Heard { said, id: Some(id), known: None, is_room }));
    }
    let server = own.rsplit('@').next().unwrap_or_default();
    let late = delay_by(at, &[archive, &own, server])?;
    let (time, known) = match (archived, late) {
        // The account's archive has what rooms said, under ids of its own.
        (Some(archived), _) => (archived.stamp, Some("copied")),
        (None, Some(stamp)) => (stamp.min(session.maker.received_at), Some("delayed")),
        (None, None) => (session.maker.received_at, Some("live")),
    };
    let id = session.archive_id(at, archive)?;
    Ok(Some(Heard { said: Said { conversation, time, by }, id, known, is_room }))
}

/// Returns who an occupant of a room is.
fn occupant(session: &Session<'_>, at: &At<'_, '_>, from: &str) -> Result<UserId, Fault> {
    let room = bare(from);
    let id = child(at, "occupant-id", "urn:xmpp:occupant-id:0");
    let id = id.as_ref().map(|id| needed(id, "id")).transpose()?;
    let nick = resource(from);
    let told = session.occupants.get(room);
    let is_own = |name: Option<&str>| name.is_some_and(|name| told.is_some_and(|names| names.contains(name)));
    let user = child(at, "x", USER_OF_ROOM);
    let item = user.as_ref().and_then(|user| child(user, "item", ""));
    let jid = item.as_ref().map(|item| attribute(item, "jid")).transpose()?.flatten();
    if is_own(id) || (id.is_none() && is_own(nick)) || jid.map(bare) == Some(session.account()) {
        return Ok(session.maker.owner().clone());
    }
    let name = match (id, nick) {
        (Some(id), _) => format!("{room}#{id}"),
        (None, Some(nick)) => format!("{room}/{nick}"),
        // The room itself, as when it says that a moderator retracted.
        (None, None) => room.to_owned(),
    };
    session.maker.user_named(at, &name)
}

/// Finds whom a message mentions (XEP-0372).
fn mentions(session: &Session<'_>, at: &At<'_, '_>) -> Result<chatfold::event::Mentions, Fault> {
    let mut mentions = chatfold::event::Mentions::default();
    let mut seen = BTreeSet::new();
    for child in at.children().filter(|child| is(child, "reference", "urn:xmpp:reference:0")) {
        let uri = attribute(&child, "uri")?.and_then(|uri| uri.strip_prefix("xmpp:"));
        if attribute(&child, "type")? == Some("mention")
            && let Some(jid) = uri.map(|uri| bare(uri.split('?').next().unwrap_or_default()))
            && seen.insert(jid)
        {
            mentions.users.push(session.maker.user_named(&child, jid)?);
        }
    }
    Ok(mentions)
}

/// Returns the id of the message that is retracted, in the form of today or of version 0 of XEP-0424, and why.
fn retraction<'v>(at: &At<'v, '_>) -> Result<Option<(&'v str, Option<String>)>, Fault> {
    let today = child(at, "retract", "urn:xmpp:message-retract:1");
    if let Some(retract) = &today {
        return Ok(Some((needed(retract, "id")?, child_text(retract, "reason"))));
    }
    let Some(fastening) = child(at, "apply-to", "urn:xmpp:fasten:0") else { return Ok(None) };
    let before = child(&fastening, "retract", "urn:xmpp:message-retract:0");
    before.map(|_| Ok((needed(&fastening, "id")?, None))).transpose()
}

fn retracted(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    heard: &Heard<'_>,
    id: &str,
    reason: Option<&str>,
) -> Result<(), Fault> {
    let Said { conversation, by, .. } = &heard.said;
    let target = if heard.is_room {
        let is_moderator = session.maker.user_named(at, conversation.target()).as_ref() == Ok(by);
        match session.author_of(conversation, id) {
            _ if is_moderator => {}
            Some(author) if author == by => {}
            Some(_) => return Err(at.refused("a retraction by the author", "one by another")),
            None => return Err(at.refused("the id of a message that was learned", crate::fault::cut(id))),
        }
        session.by_archive_id(at, id)?
    } else {
        session.by_senders_id(at, conversation, id, Sender::Is(by))?
    };
    let fact = Fact::MessageRecalled { target: target.id, reason: reason.map(str::to_owned) };
    said(
        session,
        at,
        heard,
        &EventKey::Recalled(&target.key),
        &[&target.key, reason.unwrap_or_default()],
        fact,
    )
}

/// Makes an event of what was said about a message: under the key where an archive says when, else under one of its own.
fn said(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    heard: &Heard<'_>,
    key: &EventKey<'_>,
    parts: &[&str],
    fact: Fact,
) -> Result<(), Fault> {
    let type_name = fact.type_name();
    let parts: Vec<&str> = parts.iter().copied().chain([heard.said.by.as_str()]).collect();
    let other = EventKey::Other { type_name, parts: &parts, at: heard.said.time };
    session.maker.say(at, &heard.said, if heard.known.is_none() { key } else { &other }, fact)
}

fn corrected(
    session: &mut Session<'_>,
    message: &At<'_, '_>,
    at: &At<'_, '_>,
    heard: &Heard<'_>,
    body: Option<String>,
) -> Result<(), Fault> {
    let Said { conversation, by, time } = &heard.said;
    let target = session.by_senders_id(at, conversation, needed(at, "id")?, Sender::Is(by))?;
    let version = time.as_millis().unsigned_abs().max(1);
    let content = Content { text: body, mentions: mentions(session, message)?, ..Content::default() };
    let fact = Fact::MessageModified { target: target.id, edit: content.edit(version) };
    let text = content.text.as_deref().unwrap_or_default();
    said(session, at, heard, &EventKey::Edited(&target.key, version), &[&target.key, text], fact)
}

/// Takes all reactions of somebody to a message; what is not among them is taken away. Where a newer list was learned, what is not in that one was
/// taken away by it.
fn reacted(session: &mut Session<'_>, at: &At<'_, '_>, heard: &Heard<'_>) -> Result<(), Fault> {
    let Said { conversation, by, time } = heard.said.clone();
    let target = named(session, at, heard)?;
    let listed = at.children().filter(|child| is(child, "reaction", "")).map(|child| text(&child));
    let reactions: BTreeSet<String> = listed.filter(|reaction| !reaction.is_empty()).collect();
    let of = (conversation, target.id, by);
    let newer = session.later_reactions(&of, time);
    let instant = time.as_millis().to_string();
    let event = heard.id.filter(|_| heard.known.is_none()).unwrap_or(&instant);
    for reaction in &reactions {
        match newer.as_ref().filter(|newer| !newer.names.contains(reaction)) {
            Some(newer) => unreacted(session, at, &of, reaction, newer.at)?,
            None => {
                let key = ReactionKey { message: &target.key, reaction, actor: &of.2, on: true, event };
                let fact = Fact::ReactionSet { target: target.id, reaction: reaction.clone(), on: true };
                session.maker.say(at, &heard.said, &EventKey::Reacted(key), fact)?;
            }
        }
    }
    if newer.is_some() {
        return Ok(());
    }
    if reactions.is_empty() {
        // Whoever learns from the log finds this list too.
        unreacted(session, at, &of, "", time)?;
    }
    session.here.reacted(of.clone(), time, reactions.iter().cloned());
    let (conversation, message, actor) = of;
    let of = WholeListOf::Reactions { conversation, message, actor, reactions };
    session.maker.taken.whole.push(WholeList { at: time, of });
    Ok(())
}

/// Tells that a reaction was taken away by a list of this instant: the same event as settling the list makes.
fn unreacted(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    (conversation, target, by): &ReactionsOf,
    reaction: &str,
    time: Timestamp,
) -> Result<(), Fault> {
    let (message, event) = (target.to_string(), time.as_millis().to_string());
    let key = ReactionKey { message: &message, reaction, actor: by, on: false, event: &event };
    let fact = Fact::ReactionSet { target: *target, reaction: reaction.to_owned(), on: false };
    let said = Said { conversation: conversation.clone(), time, by: by.clone() };
    session.maker.say(at, &said, &EventKey::Reacted(key), fact)
}

/// Returns the message that the element names: in a room by the archive's id, else by the one that its sender chose, who is the other of the chat
/// where both chose it.
fn named(session: &Session<'_>, at: &At<'_, '_>, heard: &Heard<'_>) -> Result<Target, Fault> {
    let id = needed(at, "id")?;
    if heard.is_room {
        session.by_archive_id(at, id)
    } else {
        session.by_senders_id(at, &heard.said.conversation, id, Sender::RatherNot(&heard.said.by))
    }
}

/// Somebody has read up to a message.
fn displayed(session: &mut Session<'_>, at: &At<'_, '_>, heard: &Heard<'_>) -> Result<(), Fault> {
    let Said { conversation, by, time } = &heard.said;
    let target = named(session, at, heard)?;
    let through = Through::Message(target.id);
    if by == session.maker.owner() {
        let key = EventKey::Read { actor: by, through, at: *time };
        return session.maker.say(at, &heard.said, &key, Fact::Read { through });
    }
    if conversation.kind() == ConversationKind::Direct {
        let key = EventKey::PeerRead { actor: by, through, at: *time };
        return session.maker.say(at, &heard.said, &key, Fact::PeerRead { through });
    }
    let parts = [by.as_str(), target.key.as_str()];
    let key = EventKey::Other { type_name: "message_read_by", parts: &parts, at: *time };
    session.maker.say(at, &heard.said, &key, Fact::MessageReadBy { targets: vec![target.id] })
}
