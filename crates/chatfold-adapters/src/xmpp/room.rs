//! Presence in rooms, and what the account's other devices have displayed.

use chatfold::event::{Fact, Membership, Through};
use chatfold::foreign::EventKey;
use chatfold::{ConversationId, Timestamp};

use super::jid::bare;
use super::session::Session;
use super::stanza::{attribute, child, delay, is, needed};
use crate::fault::Fault;
use crate::json::At;

const USER_OF_ROOM: &str = "http://jabber.org/protocol/muc#user";
const DISPLAYED: &str = "urn:xmpp:mds:displayed:0";

/// Takes the owner's own presence in a room.
pub(super) fn presence(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    let user = child(at, "x", USER_OF_ROOM);
    let has_status = |code: &str| {
        let mut children = user.iter().flat_map(|user| user.children());
        children.any(|child| is(&child, "status", "") && attribute(&child, "code") == Ok(Some(code)))
    };
    if !has_status("110") {
        session.maker.left_out("presence");
        return Ok(());
    }
    let state = match attribute(at, "type")? {
        Some("unavailable") if ["301", "307", "321", "322"].into_iter().any(has_status) => {
            Membership::Removed
        }
        // Who goes offline stays a member.
        Some("unavailable") => return Ok(()),
        _ => Membership::Joined,
    };
    let conversation = session.maker.group(at, bare(needed(at, "from")?))?;
    let owner = session.maker.owner().clone();
    let key = EventKey::Membership { user: Some(&owner), state, at: session.maker.received_at };
    let fact = Fact::MembershipSet { state, user: Some(owner.clone()) };
    session.maker.observe(at, &conversation, &key, fact)
}

/// Takes what is said to have been displayed (XEP-0490), an item a conversation. `late` is when it was published, where it is delivered late,
/// as the last item is to who comes online.
pub(super) fn displayed(
    session: &mut Session<'_>,
    event: &At<'_, '_>,
    late: Option<Timestamp>,
) -> Result<(), Fault> {
    let Some(items) = child(event, "items", "") else { return Ok(()) };
    if attribute(&items, "node")? != Some(DISPLAYED) {
        session.maker.left_out("event of PubSub");
        return Ok(());
    }
    for item in items.children().filter(|child| is(child, "item", "")) {
        let taken = displayed_in(session, &item, late);
        session.maker.note(taken);
    }
    Ok(())
}

fn displayed_in(session: &mut Session<'_>, item: &At<'_, '_>, late: Option<Timestamp>) -> Result<(), Fault> {
    let jid = bare(needed(item, "id")?);
    let displayed = child(item, "displayed", DISPLAYED);
    let id = displayed.as_ref().and_then(|displayed| child(displayed, "stanza-id", "urn:xmpp:sid:0"));
    let id = id.ok_or_else(|| item.refused("an element displayed with a stanza-id", "none"))?;
    let archive = bare(needed(&id, "by")?);
    let conversation = if archive == jid {
        session.maker.group(item, jid)?
    } else if archive == session.account() {
        ConversationId::direct(&session.maker.user_named(item, jid)?)
    } else {
        return Err(id.refused("an id by the account or the room", crate::fault::cut(archive)));
    };
    let through = Through::Message(session.by_archive_id(&id, needed(&id, "id")?)?.id);
    let mut said = session.maker.found(&conversation);
    // What is delivered late was published then, and never later than it came.
    said.time = delay(item)?.or(late).unwrap_or(said.time).min(said.time);
    let key = EventKey::Read { actor: session.maker.owner(), through, at: said.time };
    session.maker.observe_of(item, &said, &key, Fact::Read { through })
}
