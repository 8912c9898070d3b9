//! Responses: rooms with their timelines, receipts and counts, and pages of a history.

use std::collections::BTreeMap;

use chatfold::event::{Fact, Membership, ReportedMentions, Through};
use chatfold::foreign::EventKey;
use chatfold::{ConversationId, Timestamp};

use super::account;
use super::room::{Session, Span, instant};
use super::timeline::{self, is_message};
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{Report, Said, at_instant, beginning, behind};

/// Takes a response of `/sync`.
pub(super) fn response(session: &mut Session<'_>, response: &At<'_, '_>) -> Result<(), Fault> {
    if let Some(rooms) = response.get("rooms") {
        for kind in ["join", "leave", "invite"] {
            rooms.entries(kind, |id, room| {
                let taken = session.room(room, id).and_then(|conversation| match kind {
                    "invite" => invited(session, room, &conversation),
                    _ => joined(session, room, &conversation),
                });
                session.maker.note(taken);
            })?;
        }
        rooms.entries("knock", |_, _| session.maker.left_out("knock"))?;
    }
    if let Some(data) = response.get("account_data") {
        data.each("events", |event| {
            let taken = account::of_account(session, event);
            session.maker.note(taken);
        })?;
    }
    Ok(())
}

/// Takes a room that the owner is in, or has left. What has the wrong shape in one part of it loses no other part.
fn joined(session: &mut Session<'_>, room: &At<'_, '_>, conversation: &ConversationId) -> Result<(), Fault> {
    if let Some(state) = room.get("state") {
        timeline::note(session, &state, "events", conversation);
        let taken = each(session, &state, |session, event| timeline::event(session, event, conversation));
        session.maker.note(taken);
    }
    let mut read = None;
    if let Some(ephemeral) = room.get("ephemeral") {
        let taken =
            each(session, &ephemeral, |session, event| receipts(session, event, conversation, &mut read));
        session.maker.note(taken);
    }
    if let Some(data) = room.get("account_data") {
        let taken = each(session, &data, |session, event| account::of_room(session, event, conversation));
        session.maker.note(taken);
    }
    let taken = heroes(session, room, conversation);
    session.maker.note(taken);
    let Some(timeline) = room.get("timeline") else { return Ok(()) };
    let (span, is_whole) = events(session, &timeline, "events", conversation)?;
    if !timeline.flag("limited")? {
        // What came since is all held: no count of a server says it better.
        return Ok(());
    }
    let Some((first, last)) = span.events else {
        session.maker.left_out("limited timeline without an event");
        return Ok(());
    };
    let through = at_instant(conversation, last);
    // Without a batch before it the room begins in this timeline.
    let begins = !timeline.has("prev_batch");
    if is_whole {
        let from = if begins { beginning(conversation) } else { behind(at_instant(conversation, first)) };
        session.maker.complete(&timeline, conversation, from, through)?;
    }
    let counts = room.get("unread_notifications");
    let count = |key| counts.as_ref().map_or(Ok(None), |counts| counts.count_if(key));
    let (unread, mentions) = (count("notification_count")?.unwrap_or(0), count("highlight_count")?);
    if is_whole && begins {
        return Ok(());
    }
    let report = Report {
        through,
        unread,
        read: read.map(|(_, read)| read),
        at_least: true,
        mentions: mentions.map(ReportedMentions::Count),
        active_at: span.message,
    };
    session.maker.report(&timeline, conversation, report)
}

/// Takes each event under `events`, and keeps the fault of one.
fn each(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    mut take: impl FnMut(&mut Session<'_>, &At<'_, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    at.each("events", |event| {
        let taken = take(session, event);
        session.maker.note(taken);
    })
}

/// Takes the events of a timeline or page; returns over which time they are, and whether none had a fault.
fn events(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    key: &str,
    conversation: &ConversationId,
) -> Result<(Span, bool), Fault> {
    let mut span = Span::default();
    let faults = session.maker.taken.faults.len();
    timeline::note(session, at, key, conversation);
    at.each(key, |event| {
        let taken = timeline::event(session, event, conversation);
        if let (Ok(()), Ok(time)) = (&taken, instant(event))
            && !session.is_ahead(time)
        {
            span.reach(time, event.text("type").is_ok_and(is_message));
        }
        session.maker.note(taken);
    })?;
    Ok((span, session.maker.taken.faults.len() == faults))
}

/// Takes receipts; `newest` becomes the newest of the owner's own.
fn receipts(
    session: &mut Session<'_>,
    event: &At<'_, '_>,
    conversation: &ConversationId,
    newest: &mut Option<(Timestamp, Through)>,
) -> Result<(), Fault> {
    if !event.is("type", "m.receipt") {
        session.maker.left_out(event.text("type")?);
        return Ok(());
    }
    event.entries("content", |id, kinds| {
        let name = match session.event_named(kinds, id) {
            Ok(name) => name,
            Err(fault) => return session.maker.note(Err(fault)),
        };
        for kind in ["m.read", "m.read.private"] {
            let taken = kinds.entries(kind, |user, receipt| {
                let taken = receipt_of(session, receipt, conversation, user, &name, newest);
                session.maker.note(taken);
            });
            session.maker.note(taken);
        }
    })
}

fn receipt_of(
    session: &mut Session<'_>,
    receipt: &At<'_, '_>,
    conversation: &ConversationId,
    user: &str,
    name: &crate::maker::MessageName,
    newest: &mut Option<(Timestamp, Through)>,
) -> Result<(), Fault> {
    if receipt.text_if("thread_id")?.is_some_and(|thread| thread != "main") {
        session.maker.left_out("receipt of a thread");
        return Ok(());
    }
    let by = session.maker.user_named(receipt, user)?;
    let said = Said { conversation: conversation.clone(), time: receipt.millis("ts")?, by: by.clone() };
    let through = Through::Message(name.id);
    if by == *session.maker.owner() {
        *newest = (*newest).max(Some((said.time, through)));
        let key = EventKey::Read { actor: &by, through, at: said.time };
        return session.maker.say(receipt, &said, &key, Fact::Read { through });
    }
    let parts = [by.as_str(), name.key.as_str()];
    let key = EventKey::Other { type_name: "message_read_by", parts: &parts, at: said.time };
    session.maker.say(receipt, &said, &key, Fact::MessageReadBy { targets: vec![name.id] })
}

/// Names a room without a name after the members whom the server lists.
fn heroes(session: &mut Session<'_>, room: &At<'_, '_>, conversation: &ConversationId) -> Result<(), Fault> {
    let Some(summary) = room.get("summary").filter(|summary| summary.has("m.heroes")) else { return Ok(()) };
    let mut members = BTreeMap::new();
    for part in ["state", "timeline"] {
        let Some(part) = room.get(part) else { continue };
        part.each("events", |event| {
            let content = event.get("content").filter(|_| event.is("type", "m.room.member"));
            if let (Some(content), Ok(user)) = (content, event.text("state_key")) {
                let text = |key| content.text_if(key).ok().flatten();
                members.insert(user, (text("displayname"), text("avatar_url")));
            }
        })?;
    }
    let mut names = Vec::new();
    let mut faces = Vec::new();
    summary.try_each("m.heroes", |hero| {
        let user = hero.as_text()?;
        let (name, face) = members.get(user).copied().unwrap_or_default();
        names.push(name.unwrap_or(user));
        faces.push(face);
        Ok(())
    })?;
    if names.is_empty() {
        return Ok(());
    }
    let face = faces.first().copied().flatten().filter(|_| faces.len() == 1);
    session.maker.group_profile(&summary, conversation, (Some(&names.join(", ")), face), None)
}

/// Takes an invitation: its events say neither their ids nor when they were sent.
fn invited(session: &mut Session<'_>, room: &At<'_, '_>, conversation: &ConversationId) -> Result<(), Fault> {
    let Some(state) = room.get("invite_state") else { return Ok(()) };
    each(session, &state, |session, event| {
        let content = event.object("content")?;
        match event.text("type")? {
            "m.room.name" => {
                session.maker.group_profile(event, conversation, (content.text_if("name")?, None), None)
            }
            "m.room.member" if content.is("membership", "invite") => {
                let user = session.maker.user(event, "state_key")?;
                if user != *session.maker.owner() {
                    return Ok(());
                }
                let by = session.maker.user(event, "sender")?;
                let said = Said { by, ..session.maker.found(conversation) };
                let state = Membership::Invited;
                let key = EventKey::Membership { user: Some(&user), state, at: said.time };
                let fact = Fact::MembershipSet { state, user: Some(user.clone()) };
                session.maker.observe_of(event, &said, &key, fact)
            }
            _ => Ok(()),
        }
    })
}

/// Takes a page of a history, and what it proves.
pub(super) fn page(session: &mut Session<'_>, payload: &At<'_, '_>) -> Result<(), Fault> {
    let inner = payload.get("response");
    let response = inner.as_ref().unwrap_or(payload);
    let room = if payload.has("room_id") {
        payload.text("room_id")?
    } else {
        let mut rooms = Vec::new();
        response.try_each("chunk", |event| {
            rooms.push(event.text("room_id")?);
            Ok(())
        })?;
        let Some(room) = rooms.pop() else { return Ok(()) };
        if rooms.iter().any(|other| *other != room) {
            return Err(response.need("chunk")?.refused("events of one room", "several"));
        }
        room
    };
    let conversation = session.room(payload, room)?;
    response.each("state", |event| {
        let taken = timeline::event(session, event, &conversation);
        session.maker.note(taken);
    })?;
    let (span, is_whole) = events(session, response, "chunk", &conversation)?;
    let through = if payload.has("through") { Some(payload.millis("through")?) } else { None };
    let Some(through) = through.or(span.events.map(|(_, last)| last)).filter(|_| is_whole) else {
        return Ok(());
    };
    let from = match span.events {
        // Without an end the room begins in this page.
        Some((first, _)) if response.has("end") => behind(at_instant(&conversation, first)),
        // An empty page with an end proves nothing.
        None if response.has("end") => return Ok(()),
        _ => beginning(&conversation),
    };
    session.maker.complete(response, &conversation, from, at_instant(&conversation, through))
}
