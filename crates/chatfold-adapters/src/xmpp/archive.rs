//! Payloads: stanzas one by one, and pages of archives.

use chatfold::{ConversationId, Timestamp};

use super::jid::{bare, instant};
use super::message::{Archived, message};
use super::room;
use super::session::Session;
use super::stanza::{attribute, child, delay, is, needed};
use crate::fault::{Fault, cut};
use crate::json::At;
use crate::maker::{Report, at_instant, beginning, behind};

/// What a page of an archive has.
#[derive(Debug, Default)]
struct Page {
    /// Its earliest and latest stamp.
    span: Option<(Timestamp, Timestamp)>,
    /// Whether it reaches the beginning; `None` until its end was seen.
    complete: Option<bool>,
    /// The room whose archive it is.
    room: Option<String>,
}

/// Takes a payload.
pub(super) fn payload(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    let mut page = Page::default();
    let faults = session.maker.taken.faults.len();
    let (with, through) = if at.is_array() {
        at.items(|item| one(session, item, &mut page))?;
        (None, None)
    } else if at.has("stanzas") {
        at.each("stanzas", |item| one(session, item, &mut page))?;
        (at.text_if("with")?, at.text_if("through")?)
    } else if is(at, "page", "") {
        at.children().filter(|child| child.has("name")).for_each(|item| one(session, &item, &mut page));
        (attribute(at, "with")?, attribute(at, "through")?)
    } else {
        stanza(session, at, &mut page)?;
        (None, None)
    };
    if session.maker.taken.faults.len() > faults {
        // A page of which a message is missing proves nothing.
        return Ok(());
    }
    let through = match through {
        Some(text) => Some(instant(text).ok_or_else(|| at.refused("an instant in through", cut(text)))?),
        None => None,
    };
    let conversation = match (&page.room, with) {
        (Some(room), _) => session.maker.group(at, room)?,
        (None, Some(with)) => ConversationId::direct(&session.maker.user_named(at, bare(with))?),
        (None, None) => return Ok(()),
    };
    proves(session, at, &page, &conversation, through)
}

/// Takes a stanza, and keeps its fault.
fn one(session: &mut Session<'_>, at: &At<'_, '_>, page: &mut Page) {
    let taken = stanza(session, at, page);
    session.maker.note(taken);
}

fn stanza(session: &mut Session<'_>, at: &At<'_, '_>, page: &mut Page) -> Result<(), Fault> {
    match at.text("name")? {
        "message" => delivered(session, at, page),
        "presence" => room::presence(session, at),
        "iq" => {
            if let Some(fin) = child(at, "fin", "urn:xmpp:mam:2") {
                page.complete = Some(matches!(attribute(&fin, "complete")?, Some("true" | "1")));
                let of = bare(attribute(at, "from")?.unwrap_or(session.account()));
                page.room = Some(of.to_owned()).filter(|of| of != session.account());
            } else {
                session.maker.left_out("iq");
            }
            Ok(())
        }
        _ => Err(at.need("name")?.fault("message, presence or iq")),
    }
}

/// Takes a message that came by itself, or as what an archive, a carbon or PubSub holds. Only the account's own server may hand these on.
fn delivered(session: &mut Session<'_>, at: &At<'_, '_>, page: &mut Page) -> Result<(), Fault> {
    let own = session.account().to_owned();
    let from = attribute(at, "from")?.unwrap_or(&own);
    if let Some(result) = child(at, "result", "urn:xmpp:mam:2") {
        let (forwarded, inner) = ("forwarded", "message");
        let forwarded = child(&result, forwarded, "urn:xmpp:forward:0");
        let forwarded = forwarded.ok_or_else(|| result.refused("an element forwarded", "none"))?;
        let inner = child(&forwarded, inner, "").ok_or_else(|| forwarded.refused("a message", "none"))?;
        let is_rooms = bare(attribute(&inner, "from")?.unwrap_or_default()) == from
            && attribute(&inner, "type")? == Some("groupchat");
        if bare(from) != own && !is_rooms {
            return Err(at.refused("an archive of the account or of the room", cut(from)));
        }
        let stamp = delay(&forwarded)?.ok_or_else(|| forwarded.refused("an element delay", "none"))?;
        let archived = Archived { id: needed(&result, "id")?, is_rooms, stamp };
        page.span = Some(match page.span {
            Some((first, last)) => (first.min(stamp), last.max(stamp)),
            None => (stamp, stamp),
        });
        return message(session, &inner, Some(archived));
    }
    for carbon in ["sent", "received"] {
        let Some(carbon) = child(at, carbon, "urn:xmpp:carbons:2") else { continue };
        if from != own {
            return Err(at.refused("a carbon from the account itself", cut(from)));
        }
        let forwarded = child(&carbon, "forwarded", "urn:xmpp:forward:0");
        let forwarded = forwarded.ok_or_else(|| carbon.refused("an element forwarded", "none"))?;
        let inner = child(&forwarded, "message", "").ok_or_else(|| forwarded.refused("a message", "none"))?;
        return message(session, &inner, None);
    }
    if let Some(event) = child(at, "event", "http://jabber.org/protocol/pubsub#event") {
        if from != own {
            session.maker.left_out("event of PubSub");
            return Ok(());
        }
        return room::displayed(session, &event, delay(at)?);
    }
    message(session, at, None)
}

/// Tells what a page proves: everything from its earliest message, or from the beginning, to where it was asked from. A page without a
/// message proves nothing, unless the server says that the archive ends with it.
fn proves(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    page: &Page,
    conversation: &ConversationId,
    through: Option<Timestamp>,
) -> Result<(), Fault> {
    let Some(complete) = page.complete else { return Ok(()) };
    let Some(newest) = through.or(page.span.map(|(_, last)| last)) else { return Ok(()) };
    let through = at_instant(conversation, newest);
    let from = match page.span {
        _ if complete => beginning(conversation),
        // Earlier messages may stand in the same millisecond.
        Some((first, _)) => behind(at_instant(conversation, first)),
        None => return Ok(()),
    };
    session.maker.complete(at, conversation, from, through)?;
    if complete {
        return Ok(());
    }
    // The server says nothing of unread messages, and of those before the page nothing is known.
    let report =
        Report { through, unread: 0, read: None, at_least: true, mentions: None, active_at: Some(newest) };
    session.maker.report(at, conversation, report)
}
