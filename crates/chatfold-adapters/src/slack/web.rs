//! Answers of the Web API: what is found when one asks.

use chatfold::ConversationId;
use chatfold::event::{Fact, Membership, Meta, Through};
use chatfold::foreign::EventKey;
use chatfold::id::ConversationKind;

use super::channel::{META_CHANNEL, Session, Ts};
use super::events;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::{Report, Said, beginning, behind};

/// Takes an answer and what was asked.
pub(super) fn answer(session: &mut Session<'_>, payload: &At<'_, '_>) -> Result<(), Fault> {
    let response = payload.need("response")?;
    if !response.flag("ok")? {
        return Err(
            response.refused("an answer that is ok", response.text_if("error")?.unwrap_or("no reason"))
        );
    }
    match payload.text("method")? {
        "conversations.list" | "users.conversations" => each(session, &response, "channels", channel),
        "conversations.info" | "conversations.open" => channel(session, &response.need("channel")?),
        "conversations.history" => history(session, payload, &response),
        "users.list" => each(session, &response, "members", events::user),
        "users.info" => events::user(session, &response.need("user")?),
        "stars.list" => each(session, &response, "items", |session, item| events::star(session, item, true)),
        "pins.list" => each(session, &response, "items", pin),
        other => {
            session.maker.left_out(other);
            Ok(())
        }
    }
}

/// Takes each item, and keeps the fault of one.
fn each(
    session: &mut Session<'_>,
    response: &At<'_, '_>,
    key: &str,
    mut take: impl FnMut(&mut Session<'_>, &At<'_, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    response.need(key)?.items(|item| {
        let taken = take(session, item);
        session.maker.note(taken);
    })
}

/// Takes a channel: what it is called, whether one is in it, how far it is read, what is unread.
fn channel(session: &mut Session<'_>, channel: &At<'_, '_>) -> Result<(), Fault> {
    let conversation = if channel.flag("is_im")? {
        direct(session, channel)?
    } else {
        let conversation = session.conversation(channel, "id", None)?;
        let name = (channel.text_if("name")?, None);
        session.maker.group_profile(channel, &conversation, name, None)?;
        let owner = session.maker.owner().clone();
        let (state, user) = if channel.flag("is_archived")? {
            (Some(Membership::Dissolved), None)
        } else {
            (Some(Membership::Joined).filter(|_| channel.flag("is_member") == Ok(true)), Some(owner))
        };
        if let Some(state) = state {
            let key = EventKey::Membership { user: user.as_ref(), state, at: session.maker.received_at };
            session.maker.observe(
                channel,
                &conversation,
                &key,
                Fact::MembershipSet { state, user: user.clone() },
            )?;
        }
        conversation
    };
    let read = session.ts_if(channel, "last_read")?;
    let through = read.as_ref().map(|read| Through::Watermark(Session::position(&conversation, read)));
    if let (Some(through), Some(_)) = (through, read.filter(|read| read.number > 0)) {
        session.maker.observe_read(channel, &conversation, through)?;
    }
    report(session, channel, &conversation, through)
}

/// Returns the conversation that a direct channel is, and tells that it is open.
fn direct(session: &mut Session<'_>, channel: &At<'_, '_>) -> Result<ConversationId, Fault> {
    let id = channel.text("id")?;
    let user = session.maker.user(channel, "user")?;
    session.maker.group(&channel.need("id")?, id)?;
    session.maker.beside = Meta::from([(META_CHANNEL.to_owned(), id.to_owned())]);
    let conversation = ConversationId::direct(&user);
    if channel.flag("is_open")? {
        let key =
            EventKey::Other { type_name: "conversation_opened", parts: &[], at: session.maker.received_at };
        session.maker.observe(channel, &conversation, &key, Fact::Opened { group_type: None })?;
    }
    Ok(conversation)
}

/// Tells how many are unread, where the newest message is named too.
fn report(
    session: &mut Session<'_>,
    channel: &At<'_, '_>,
    conversation: &ConversationId,
    read: Option<Through>,
) -> Result<(), Fault> {
    // The count that is displayed leaves out notices, as this library does.
    let displayed = channel.count_if("unread_count_display")?;
    let Some(unread) = displayed.or(channel.count_if("unread_count")?) else { return Ok(()) };
    let latest = match channel.get("latest") {
        Some(latest) if latest.has("ts") => Some(session.ts(&latest, "ts")?),
        Some(_) => Some(session.ts(channel, "latest")?),
        None => None,
    };
    let Some(latest) = latest.filter(|latest| latest.number > 0) else {
        session.maker.left_out("unread_count without latest");
        return Ok(());
    };
    let report = Report {
        through: Session::position(conversation, &latest),
        unread,
        read,
        at_least: false,
        mentions: None,
        active_at: Some(latest.time),
    };
    session.maker.report(channel, conversation, report)
}

/// Takes a page of a history, and what it proves: everything from its oldest message to where it was asked from. One without a message that is not the
/// last proves nothing.
fn history(session: &mut Session<'_>, payload: &At<'_, '_>, response: &At<'_, '_>) -> Result<(), Fault> {
    let asked = payload.need("arguments")?;
    let conversation = session.conversation(&asked, "channel", None)?;
    let faults = session.maker.taken.faults.len();
    let (mut oldest, mut newest): (Option<Ts>, Option<Ts>) = (None, None);
    each(session, response, "messages", |session, message| {
        let ts = session.ts(message, "ts")?;
        if message.is("subtype", "tombstone") {
            session.maker.left_out("message/tombstone");
        } else {
            session.message(message, &conversation)?;
        }
        if oldest.as_ref().is_none_or(|oldest| ts.number < oldest.number) {
            oldest = Some(ts.clone());
        }
        if newest.as_ref().is_none_or(|newest| ts.number > newest.number) {
            newest = Some(ts);
        }
        Ok(())
    })?;
    if session.maker.taken.faults.len() > faults {
        // A page of which a message is missing proves nothing.
        return Ok(());
    }
    let latest = session.ts_if(&asked, "latest")?;
    // Whoever asks from a message on holds what stands in its millisecond.
    let Some(through) = latest.or(newest).map(|ts| Session::position(&conversation, &ts)) else {
        return Ok(());
    };
    let has_more = response.flag("has_more")?;
    if has_more && oldest.is_none() {
        return Ok(());
    }
    let from = if has_more { oldest } else { session.ts_if(&asked, "oldest")? };
    // Older messages may stand in the millisecond of the oldest.
    let from = from.map(|ts| behind(Session::position(&conversation, &ts)));
    let from = from.unwrap_or_else(|| beginning(&conversation));
    session.maker.complete(response, &conversation, from, through)
}

fn pin(session: &mut Session<'_>, item: &At<'_, '_>) -> Result<(), Fault> {
    if !item.is("type", "message") {
        session.maker.left_out("pin of what is no message");
        return Ok(());
    }
    let by = session.maker.user(item, "created_by")?;
    let conversation = session.conversation(item, "channel", Some(&by))?;
    if conversation.kind() == ConversationKind::Direct {
        session.maker.left_out("pin in a direct channel");
        return Ok(());
    }
    let said = Said { conversation, time: item.seconds("created")?, by };
    events::pinned(session, &item.need("message")?, &said, true)
}
