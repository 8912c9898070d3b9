//! Events: what happens while one is connected.

use std::collections::BTreeSet;

use chatfold::event::{Fact, Membership, ReceiveOption, Through};
use chatfold::foreign::{EventKey, ReactionKey};
use chatfold::id::ConversationKind;

use super::channel::{Session, is_notice};
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Said;
use crate::taken::{WholeList, WholeListOf};

/// The option that stands for a muted channel: its mentions still notify.
const MUTED: ReceiveOption = ReceiveOption::NotNotifyExceptAt;

/// Takes one event.
pub(super) fn event(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let kind = event.text("type")?;
    match kind {
        "message" => message(session, event),
        "reaction_added" => reaction(session, event, true),
        "reaction_removed" => reaction(session, event, false),
        "channel_marked" | "group_marked" | "im_marked" | "mpim_marked" => marked(session, event),
        "member_joined_channel" => member(session, event, Membership::Joined),
        "member_left_channel" => member(session, event, Membership::Left),
        "channel_joined" | "group_joined" => own_membership(session, event, Membership::Joined),
        "channel_left" | "group_left" => own_membership(session, event, Membership::Left),
        "channel_archive" | "group_archive" | "channel_deleted" | "group_deleted" => {
            closed(session, event, true)
        }
        "channel_unarchive" | "group_unarchive" => closed(session, event, false),
        "channel_rename" | "group_rename" => renamed(session, event),
        "user_change" | "team_join" => user(session, &event.need("user")?),
        "star_added" => star(session, &event.need("item")?, true),
        "star_removed" => star(session, &event.need("item")?, false),
        "pin_added" => pin(session, event, true),
        "pin_removed" => pin(session, event, false),
        "pref_change" => preference(session, event),
        "im_open" => opened(session, event),
        other => {
            session.maker.left_out(other);
            Ok(())
        }
    }
}

fn message(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let subtype = event.text_if("subtype")?.unwrap_or_default();
    match subtype {
        "message_changed" => changed(session, event),
        "message_deleted" => deleted(session, event),
        "" | "me_message" | "bot_message" | "file_share" | "thread_broadcast" => spoken(session, event),
        notice if is_notice(notice) => spoken(session, event),
        other => {
            session.maker.left_out(&format!("message/{other}"));
            Ok(())
        }
    }
}

fn spoken(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let by = session.author(event)?;
    let conversation = session.conversation(event, "channel", Some(&by))?;
    session.message(event, &conversation)
}

fn changed(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let message = event.need("message")?;
    if !message.has("edited") {
        session.maker.left_out("message_changed without an edit");
        return Ok(());
    }
    let ts = session.ts(&message, "ts")?;
    let by = session.author(&message)?;
    let conversation = session.conversation(event, "channel", Some(&by))?;
    let content = session.content(&message, &ts)?;
    session.edit(&message, &Said { conversation, time: ts.time, by }, &ts, &content)
}

fn deleted(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let ts = session.ts(event, "deleted_ts")?;
    let when = session.ts(event, if event.has("event_ts") { "event_ts" } else { "ts" })?;
    let by = session.author(&event.need("previous_message")?)?;
    let conversation = session.conversation(event, "channel", Some(&by))?;
    session.maker.recall(event, &Said { conversation, time: when.time, by }, &ts.name, None)
}

fn reaction(session: &mut Session<'_>, event: &At<'_, '_>, on: bool) -> Result<(), Fault> {
    let item = event.need("item")?;
    if !item.is("type", "message") {
        session.maker.left_out("reaction to what is no message");
        return Ok(());
    }
    let by = session.maker.user(event, "user")?;
    let conversation = session.conversation(&item, "channel", Some(&by))?;
    let ts = session.ts(&item, "ts")?;
    let when = session.ts(event, "event_ts")?;
    let reaction = event.text("reaction")?;
    let key = EventKey::Reacted(ReactionKey {
        message: &ts.name.key,
        reaction,
        actor: &by,
        on,
        event: &when.name.key,
    });
    let fact = Fact::ReactionSet { target: ts.name.id, reaction: reaction.to_owned(), on };
    session.maker.say(event, &Said { conversation, time: when.time, by: by.clone() }, &key, fact)
}

/// A marker of the owner's was moved, forward or back.
fn marked(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let conversation = session.conversation(event, "channel", None)?;
    let ts = session.ts(event, "ts")?;
    let through = Through::Watermark(Session::position(&conversation, &ts));
    let maker = &mut session.maker;
    let before = maker.taken.observations.len();
    maker.observe_read(event, &conversation, through)?;
    let marker = maker.taken.observations.drain(before..);
    maker.taken.markers.extend(marker);
    Ok(())
}

fn member(session: &mut Session<'_>, event: &At<'_, '_>, state: Membership) -> Result<(), Fault> {
    let user = session.maker.user(event, "user")?;
    let conversation = session.conversation(event, "channel", None)?;
    if user != *session.maker.owner() {
        session.maker.left_out("membership of others");
        return Ok(());
    }
    let when = session.ts(event, "event_ts")?;
    let said = Said { conversation, time: when.time, by: user.clone() };
    session.maker.membership(event, &said, state, Some(&user))
}

fn own_membership(session: &mut Session<'_>, event: &At<'_, '_>, state: Membership) -> Result<(), Fault> {
    let conversation = session.conversation(event, "channel", None)?;
    let owner = session.maker.owner().clone();
    let key = EventKey::Membership { user: Some(&owner), state, at: session.maker.received_at };
    let fact = Fact::MembershipSet { state, user: Some(owner.clone()) };
    session.maker.observe(event, &conversation, &key, fact)
}

fn closed(session: &mut Session<'_>, event: &At<'_, '_>, on: bool) -> Result<(), Fault> {
    let conversation = session.conversation(event, "channel", None)?;
    let owner = session.maker.owner().clone();
    let (state, user) = if on { (Membership::Dissolved, None) } else { (Membership::Joined, Some(&owner)) };
    if !event.has("event_ts") {
        let key = EventKey::Membership { user, state, at: session.maker.received_at };
        let fact = Fact::MembershipSet { state, user: user.cloned() };
        return session.maker.observe(event, &conversation, &key, fact);
    }
    let when = session.ts(event, "event_ts")?;
    let by = if event.has("user") { session.maker.user(event, "user")? } else { owner.clone() };
    session.maker.membership(event, &Said { conversation, time: when.time, by }, state, user)
}

fn renamed(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let conversation = session.conversation(event, "channel", None)?;
    let channel = event.need("channel")?;
    let name = (Some(channel.text("name")?), None);
    if !event.has("event_ts") {
        return session.maker.group_profile(&channel, &conversation, name, None);
    }
    let when = session.ts(event, "event_ts")?;
    let said =
        Said { conversation: conversation.clone(), time: when.time, by: session.maker.owner().clone() };
    session.maker.group_profile(&channel, &conversation, name, Some(&said))
}

/// A user as Slack describes one.
pub(super) fn user(session: &mut Session<'_>, user: &At<'_, '_>) -> Result<(), Fault> {
    let id = session.maker.user(user, "id")?;
    let mut name = None;
    let mut face = None;
    if let Some(profile) = user.get("profile") {
        for key in ["display_name", "real_name"] {
            name = name.or(profile.text_if(key)?.filter(|name| !name.is_empty()));
        }
        face = profile.text_if("image_72")?;
    }
    for key in ["real_name", "name"] {
        name = name.or(user.text_if(key)?.filter(|name| !name.is_empty()));
    }
    session.maker.user_profile(user, &id, (name, face), None)
}

/// A star on a channel is a pin of the conversation.
pub(super) fn star(session: &mut Session<'_>, item: &At<'_, '_>, on: bool) -> Result<(), Fault> {
    if !matches!(item.text("type")?, "channel" | "im" | "group") {
        session.maker.left_out("star of what is no channel");
        return Ok(());
    }
    let key = if item.has("channel") { "channel" } else { "group" };
    let conversation = session.conversation(item, key, None)?;
    session.maker.observe_pin(item, &conversation, on)
}

/// A message pinned in its channel, by whoever is named.
fn pin(session: &mut Session<'_>, event: &At<'_, '_>, on: bool) -> Result<(), Fault> {
    let item = event.need("item")?;
    if !item.is("type", "message") {
        session.maker.left_out("pin of what is no message");
        return Ok(());
    }
    let by = session.maker.user(event, "user")?;
    let conversation = session.conversation(event, "channel_id", Some(&by))?;
    let when = session.ts(event, "event_ts")?;
    pinned(session, &item.need("message")?, &Said { conversation, time: when.time, by }, on)
}

pub(super) fn pinned(
    session: &mut Session<'_>,
    message: &At<'_, '_>,
    said: &Said,
    on: bool,
) -> Result<(), Fault> {
    if said.conversation.kind() == ConversationKind::Direct {
        session.maker.left_out("pin in a direct channel");
        return Ok(());
    }
    let ts = session.ts(message, "ts")?;
    let parts = [ts.name.key.as_str(), if on { "true" } else { "false" }];
    let key = EventKey::Other { type_name: "message_pinned", parts: &parts, at: said.time };
    session.maker.say(message, said, &key, Fact::MessagePinned { target: ts.name.id, on })
}

fn preference(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let name = event.text("name")?;
    if name != "muted_channels" {
        session.maker.left_out(&format!("pref_change/{name}"));
        return Ok(());
    }
    let at = event.need("value")?;
    let mut muted = BTreeSet::new();
    for channel in at.as_text()?.split(',').filter(|channel| !channel.is_empty()) {
        match session.channel(&at, channel, None) {
            Ok(conversation) => drop(muted.insert(conversation)),
            Err(fault) => session.maker.note(Err(fault)),
        }
    }
    session.maker.beside.clear();
    for conversation in &muted {
        session.maker.observe_option(&at, conversation, MUTED, None)?;
    }
    let of = WholeListOf::Muted { options: vec![MUTED], conversations: muted };
    session.maker.taken.whole.push(WholeList { at: session.maker.received_at, of });
    Ok(())
}

fn opened(session: &mut Session<'_>, event: &At<'_, '_>) -> Result<(), Fault> {
    let user = session.maker.user(event, "user")?;
    let conversation = session.conversation(event, "channel", Some(&user))?;
    let key = EventKey::Other { type_name: "conversation_opened", parts: &[], at: session.maker.received_at };
    session.maker.observe(event, &conversation, &key, Fact::Opened { group_type: None })
}
