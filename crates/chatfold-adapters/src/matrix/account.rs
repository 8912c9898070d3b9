//! Account data: of a room and of the account.

use std::collections::BTreeSet;

use chatfold::ConversationId;
use chatfold::event::{Mark, ReceiveOption, Through};

use super::room::Session;
use crate::fault::Fault;
use crate::json::At;
use crate::taken::{WholeList, WholeListOf};

/// The folder of direct messages: what it is derived from, and its name.
const DIRECT: (&str, &str) = ("direct", "Direct messages");

/// What stands before a folder's name in what a tag's folder is derived from.
const TAGS: &str = "tag ";

/// Takes account data of a room.
pub(super) fn of_room(
    session: &mut Session<'_>,
    event: &At<'_, '_>,
    room: &ConversationId,
) -> Result<(), Fault> {
    match event.text("type")? {
        "m.fully_read" => {
            let name = session.event(&event.object("content")?, "event_id")?;
            session.maker.observe_read(event, room, Through::Message(name.id))
        }
        "m.tag" => tags(session, &event.object("content")?, room),
        "m.marked_unread" | "com.famedly.marked_unread" => {
            let on = event.object("content")?.flag("unread")?;
            session.maker.observe_mark(event, room, Mark::UNREAD, on)
        }
        other => {
            session.maker.left_out(other);
            Ok(())
        }
    }
}

/// Takes account data of the account.
pub(super) fn of_account(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    match event.text("type")? {
        "m.direct" => direct(session, event),
        "m.push_rules" => push_rules(session, &event.object("content")?),
        other => {
            session.maker.left_out(other);
            Ok(())
        }
    }
}

/// A favourite is pinned; every other tag is a folder. Tags that are not listed are gone.
fn tags(session: &mut Session<'_>, content: &At<'_, '_>, room: &ConversationId) -> Result<(), Fault> {
    let mut folders = BTreeSet::new();
    let mut is_pinned = false;
    content.entries("tags", |tag, at| {
        let name = match tag {
            "m.favourite" => return is_pinned = true,
            "m.lowpriority" => "Low priority",
            _ => match tag.strip_prefix("u.") {
                Some(name) if !name.is_empty() => name,
                _ => return session.maker.left_out(tag),
            },
        };
        let taken = session.maker.folder(at, &format!("{TAGS}{name}")).and_then(|folder| {
            session.maker.observe_folder(folder, name);
            folders.insert(folder);
            session.maker.observe_folder_member(at, room, folder, true)
        });
        session.maker.note(taken);
    })?;
    session.maker.observe_pin(content, room, is_pinned)?;
    let of = WholeListOf::FoldersOf { conversation: room.clone(), folders, prefix: TAGS };
    session.maker.taken.whole.push(WholeList { at: session.maker.received_at, of });
    Ok(())
}

/// Puts the rooms that are direct into a folder.
fn direct(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let (from, name) = DIRECT;
    let folder = session.maker.folder(event, from)?;
    session.maker.observe_folder(folder, name);
    let mut rooms = BTreeSet::new();
    event.entries("content", |_, listed| {
        let taken = listed.items(|room| {
            let taken = room.as_text().and_then(|id| session.room(room, id));
            match taken {
                Ok(conversation) if !rooms.contains(&conversation) => {
                    let taken = session.maker.observe_folder_member(room, &conversation, folder, true);
                    session.maker.note(taken);
                    rooms.insert(conversation);
                }
                Ok(_) => {}
                Err(fault) => session.maker.note(Err(fault)),
            }
        });
        session.maker.note(taken);
    })?;
    let of = WholeListOf::Folder { folder, conversations: rooms };
    session.maker.taken.whole.push(WholeList { at: session.maker.received_at, of });
    Ok(())
}

/// Takes which rooms are silenced: by a rule of their own, all but mentions; by an override, wholly.
fn push_rules(session: &mut Session<'_>, content: &At<'_, '_>) -> Result<(), Fault> {
    let global = content.need("global")?;
    let mut muted = BTreeSet::new();
    let silenced =
        [("override", ReceiveOption::ReceiveNotNotify), ("room", ReceiveOption::NotNotifyExceptAt)];
    for (kind, option) in silenced {
        global.each(kind, |rule| {
            let taken = room_of(rule, kind).and_then(|room| {
                let Some(id) = room.filter(|id| id.starts_with('!')) else { return Ok(()) };
                let room = session.room(rule, id)?;
                // An override comes first.
                if notifies(rule)? || !muted.insert(room.clone()) {
                    return Ok(());
                }
                session.maker.observe_option(rule, &room, option, None)
            });
            session.maker.note(taken);
        })?;
    }
    let options = silenced.map(|(_, option)| option).to_vec();
    let of = WholeListOf::Muted { options, conversations: muted };
    session.maker.taken.whole.push(WholeList { at: session.maker.received_at, of });
    Ok(())
}

/// Returns the room that a rule is about, if it is enabled and about one room alone.
fn room_of<'v>(rule: &At<'v, '_>, kind: &str) -> Result<Option<&'v str>, Fault> {
    if rule.has("enabled") && !rule.flag("enabled")? {
        return Ok(None);
    }
    if kind == "room" {
        return rule.text("rule_id").map(Some);
    }
    let mut rooms = Vec::new();
    let mut conditions = 0;
    rule.try_each("conditions", |condition| {
        conditions += 1;
        if condition.is("kind", "event_match") && condition.is("key", "room_id") {
            rooms.push(condition.text("pattern")?);
        }
        Ok(())
    })?;
    Ok(rooms.pop().filter(|_| conditions == 1))
}

fn notifies(rule: &At<'_, '_>) -> Result<bool, Fault> {
    let mut notifies = false;
    rule.each("actions", |action| notifies |= action.as_text() == Ok("notify"))?;
    Ok(notifies)
}
