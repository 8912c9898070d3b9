//! Which callback says what.

use serde_json::Value;

use super::say::{Recalled, Session};
use super::{native, web};
use crate::fault::Fault;
use crate::json::At;

/// Puts the JSON that a text argument of a callback of the interface in C is in its place.
pub(super) fn unpack(payload: &mut Value) {
    let of_c = payload.get("callback").and_then(Value::as_str).is_some_and(|name| name.starts_with("TIM"));
    let Some(args) = payload.get_mut("args").and_then(Value::as_array_mut).filter(|_| of_c) else { return };
    for arg in args {
        let parsed = arg.as_str().filter(|text| text.starts_with(['[', '{'])).map(serde_json::from_str);
        if let Some(Ok(parsed)) = parsed {
            *arg = parsed;
        }
    }
}

/// Takes what a callback was called with.
pub(super) fn take(session: &mut Session<'_>, payload: &At<'_, '_>) -> Result<(), Fault> {
    let name = payload.text("callback")?;
    let args = payload.need("args")?;
    if !args.is_array() {
        return Err(args.fault("an array"));
    }
    match name {
        "onRecvNewMessage" | "TIMRecvNewMsgCallback" => {
            each(session, &args, 0, |session, message| native::message(session, message).map(drop))
        }
        "onRecvMessageModified" | "TIMMsgUpdateCallback" => each(session, &args, 0, native::modified),
        "onRecvMessageRevoked" => revoked(session, &args),
        "onRecvC2CReadReceipt" | "onRecvMessageReadReceipts" | "TIMMsgReadedReceiptCallback" => {
            each(session, &args, 0, native::receipt)
        }
        "onNewConversation" => rows(session, &args, 0, true),
        "onConversationChanged" => rows(session, &args, 0, false),
        "TIMConvEventCallback" => match argument(&args, 0)?.as_integer()? {
            0 => rows(session, &args, 1, true),
            2 => rows(session, &args, 1, false),
            _ => {
                session.maker.left_out("events of conversations that say nothing of one");
                Ok(())
            }
        },
        "onConversationGroupCreated" | "onConversationsAddedToGroup" => members(session, &args, true),
        "onConversationsDeletedFromGroup" => members(session, &args, false),
        "onConversationGroupDeleted" => {
            let at = argument(&args, 0)?;
            session.no_folder(&at, at.as_text()?)
        }
        "onConversationGroupNameChanged" => {
            let (old, new) = (argument(&args, 0)?, argument(&args, 1)?);
            session.folder(&new, new.as_text()?)?;
            session.no_folder(&old, old.as_text()?)
        }
        "onFriendInfoChanged" | "onFriendListAdded" | "onUserInfoChanged" | "onSelfInfoUpdated" => {
            each(session, &args, 0, native::profile)
        }
        other => of_web(session, other, &args),
    }
}

/// Takes what a listener of the package was called with: the event, or its data.
fn of_web(session: &mut Session<'_>, name: &str, args: &At<'_, '_>) -> Result<(), Fault> {
    match name {
        "onMessageReceived" | "onMessageRevoked" => {
            each(session, args, 0, |session, message| web::message(session, message, false))
        }
        "onMessageModified" => {
            each(session, args, 0, |session, message| web::message(session, message, true))
        }
        "onMessageReadByPeer" => each(session, args, 0, web::read_by_peer),
        "onMessageReadReceiptReceived" => each(session, args, 0, web::receipt),
        "onConversationListUpdated" => each(session, args, 0, web::row),
        "onProfileUpdated" | "onFriendListUpdated" => each(session, args, 0, web::profile),
        "onGroupListUpdated" => each(session, args, 0, web::group),
        "onConversationGroupListUpdated" => {
            each(session, args, 0, |session, name| session.folder(name, name.as_text()?).map(drop))
        }
        "onConversationInGroupUpdated" => {
            let first = argument(args, 0)?;
            let data = first.get("data");
            let of = data.as_ref().unwrap_or(&first);
            let folder = session.folder(&of.need("groupName")?, of.text("groupName")?)?;
            let mut held = std::collections::BTreeSet::new();
            of.try_each("conversationList", |item| {
                if let Some(conversation) = web::conversation(session, item)? {
                    session.maker.observe_folder_member(item, &conversation, folder, true)?;
                    held.insert(conversation);
                }
                Ok(())
            })?;
            session.whole_folder(folder, held);
            Ok(())
        }
        other => {
            session.maker.left_out(other);
            Ok(())
        }
    }
}

fn argument<'v, 'q>(args: &'q At<'v, '_>, index: usize) -> Result<At<'v, 'q>, Fault> {
    args.item(index).ok_or_else(|| args.fault(format!("an argument at {index}")))
}

/// Takes each item of a list, or the one thing that stands in its place; a fault in one loses no other.
fn each(
    session: &mut Session<'_>,
    args: &At<'_, '_>,
    index: usize,
    mut take: impl FnMut(&mut Session<'_>, &At<'_, '_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let arg = argument(args, index)?;
    // The package hands over an event with its name.
    let data = arg.get("data").filter(|_| arg.has("name"));
    let list = data.as_ref().unwrap_or(&arg);
    let mut one = |item: &At<'_, '_>| {
        let taken = take(session, item);
        session.maker.note(taken);
    };
    if list.is_array() {
        return list.items(&mut one);
    }
    one(list);
    Ok(())
}

fn rows(session: &mut Session<'_>, args: &At<'_, '_>, index: usize, is_new: bool) -> Result<(), Fault> {
    each(session, args, index, |session, row| native::row(session, row, is_new))
}

/// Takes conversations that are put into a folder, or taken out.
fn members(session: &mut Session<'_>, args: &At<'_, '_>, on: bool) -> Result<(), Fault> {
    let name = argument(args, 0)?;
    let folder = session.folder(&name, name.as_text()?)?;
    each(session, args, 1, |session, row| match native::conversation_of_row(session, row)? {
        Some(conversation) => session.maker.observe_folder_member(row, &conversation, folder, on),
        None => Ok(()),
    })
}

/// Takes the recall of a message: its id, and where that is said who recalled it and why.
fn revoked(session: &mut Session<'_>, args: &At<'_, '_>) -> Result<(), Fault> {
    let id = argument(args, 0)?;
    let user = args.item(1);
    let by = user.map(|user| session.maker.user(&user, "user_profile_identifier")).transpose()?;
    let reason = args.item(2).map(|reason| reason.as_text()).transpose()?;
    let reason = reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
    session.recall_of_learned(&id, id.as_text()?, &Recalled { by, reason })
}
