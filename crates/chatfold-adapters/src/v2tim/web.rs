//! Messages, conversations and profiles as the npm package `@tencentcloud/chat` has them.

use chatfold::event::{GroupType, MessageKind, ReceiveOption, ReportedMention};
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, UserId};
use serde_json::Value;

use super::native::{OPTIONS, marks, mention, names};
use super::row::{Draft, Last, Read, Row, RowLooks};
use super::say::{Looks, Recalled, Session, Spoken};
use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Said;

const KINDS: [(&str, MessageKind); 10] = [
    ("TIMTextElem", MessageKind::Text),
    ("TIMImageElem", MessageKind::Image),
    ("TIMSoundElem", MessageKind::Sound),
    ("TIMVideoFileElem", MessageKind::Video),
    ("TIMFileElem", MessageKind::File),
    ("TIMLocationElem", MessageKind::Location),
    ("TIMFaceElem", MessageKind::Face),
    ("TIMCustomElem", MessageKind::Custom),
    ("TIMGroupTipElem", MessageKind::GroupTips),
    ("TIMRelayElem", MessageKind::Merger),
];

const GROUP_TYPES: [(&str, GroupType); 5] = [
    ("Private", GroupType::Work),
    ("Public", GroupType::Public),
    ("ChatRoom", GroupType::Meeting),
    ("AVChatRoom", GroupType::AvChatRoom),
    ("Community", GroupType::Community),
];

const REMIND_TYPES: [&str; 5] =
    ["AcceptAndNotify", "Discard", "AcceptNotNotify", "AcceptNotNotifyExceptAt", "NotReceiveMsgExceptAt"];

/// Returns the conversation whose id stands there; `None` where it is none between people.
pub(super) fn conversation(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
) -> Result<Option<ConversationId>, Fault> {
    let id = at.need("conversationID")?;
    let text = id.as_text()?;
    if let Some(target) = text.strip_prefix("C2C") {
        session.conversation(&id, ConversationKind::Direct, target).map(Some)
    } else if let Some(target) = text.strip_prefix("GROUP") {
        session.conversation(&id, ConversationKind::Group, target).map(Some)
    } else if text.starts_with('@') || text.starts_with("TOPIC") {
        session.maker.left_out("conversations of the system");
        Ok(None)
    } else {
        Err(id.fault("the id of a conversation, C2C or GROUP before what it is with"))
    }
}

fn text_if(at: &At<'_, '_>, key: &str) -> Result<Option<String>, Fault> {
    Ok(at.text_if(key)?.filter(|text| !text.is_empty()).map(str::to_owned))
}

/// Takes a message in; `modified` where the listener says that it was.
pub(super) fn message(session: &mut Session<'_>, at: &At<'_, '_>, modified: bool) -> Result<(), Fault> {
    if matches!(at.text_if("status")?, Some("unSend" | "fail")) {
        session.maker.left_out("messages that no server has");
        return Ok(());
    }
    let Some(conversation) = conversation(session, at)? else { return Ok(()) };
    let id = at.need("ID")?;
    let name = session.maker.message(&id, id.as_text()?, id.as_text()?)?;
    let by = session.maker.user(at, "from")?;
    let recalled = if at.flag("isRevoked")? { Some(recalled(session, at)?) } else { None };
    let version = at.count_if("version")?.unwrap_or(0);
    let spoken = Spoken {
        name,
        content: content(session, at, conversation.kind())?,
        said: Said { conversation, time: at.seconds("time")?, by },
        seq: at.count_if("sequence")?.unwrap_or(0),
        version,
        is_modified: modified || version > 0 || at.flag("isModified")?,
        recalled,
        profile: Looks { nickname: text_if(at, "nick")?, face_url: text_if(at, "avatar")?, remark: None },
    };
    session.message(at, spoken)
}

fn recalled(session: &Session<'_>, at: &At<'_, '_>) -> Result<Recalled, Fault> {
    let said = text_if(at, "revoker")?.is_some();
    let by = if said { Some(session.maker.user(at, "revoker")?) } else { None };
    Ok(Recalled { by, reason: text_if(at, "revokeReason")? })
}

fn content(session: &Session<'_>, at: &At<'_, '_>, kind: ConversationKind) -> Result<Content, Fault> {
    let name = at.text("type")?;
    let known = KINDS.iter().find(|(known, _)| *known == name);
    let mut content = Content {
        kind: known.map_or(MessageKind::GroupTips, |(_, kind)| *kind),
        cloud_custom: text_if(at, "cloudCustomData")?.map(String::into_bytes),
        mentions: session.mentions(at, "atUserList", kind)?,
        recipients: session.users(at, "receiverList")?,
        online_only: at.flag("_onlineOnlyFlag")?,
        need_receipt: at.flag("needReadReceipt")?,
        supports_extensions: at.flag("isSupportExtension")?,
        excluded_from_unread: at.flag("_isExcludedFromUnreadCount")?,
        excluded_from_last: at.flag("_isExcludedFromLastMessage")?,
        ..Content::default()
    };
    if let Some(payload) = at.get("payload") {
        match content.kind {
            MessageKind::Text => content.text = text_if(&payload, "text")?,
            MessageKind::Custom => content.custom = text_if(&payload, "data")?.map(String::into_bytes),
            _ => {}
        }
    }
    Ok(content)
}

/// Takes a message that the peer has read.
pub(super) fn read_by_peer(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    let Some(conversation) = conversation(session, at)? else { return Ok(()) };
    let id = at.need("ID")?;
    let name = session.maker.message(&id, id.as_text()?, id.as_text()?)?;
    session.peer_has_read(at, &conversation, &name)
}

/// Takes a receipt of one message.
pub(super) fn receipt(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    if !at.has("userID") || !at.flag("isPeerRead")? {
        session.maker.left_out("how many of a group have read");
        return Ok(());
    }
    let conversation = ConversationId::direct(&session.maker.user(at, "userID")?);
    let id = at.need("messageID")?;
    let name = session.maker.message(&id, id.as_text()?, id.as_text()?)?;
    session.peer_has_read(at, &conversation, &name)
}

/// Takes the profile of a user, or of a friend.
pub(super) fn profile(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    let user: UserId = session.maker.user(at, "userID")?;
    let inner = at.get("profile");
    let mut looks = peer(inner.as_ref().unwrap_or(at))?;
    // An empty one takes the remark away.
    looks.remark = at.text_if("remark")?.map(str::to_owned);
    session.looks(at, &user, &looks)
}

fn peer(at: &At<'_, '_>) -> Result<Looks, Fault> {
    Ok(Looks { nickname: text_if(at, "nick")?, face_url: text_if(at, "avatar")?, remark: None })
}

/// Takes the profile of a group.
pub(super) fn group(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    let id = at.need("groupID")?;
    let group = session.maker.group(&id, id.as_text()?)?;
    let (name, face_url) = (text_if(at, "name")?, text_if(at, "avatar")?);
    session.maker.group_profile(at, &group, (name.as_deref(), face_url.as_deref()), None)?;
    match group_type(at)? {
        Some(group_type) => session.maker.group_type(at, &group, group_type),
        None => Ok(()),
    }
}

fn group_type(profile: &At<'_, '_>) -> Result<Option<GroupType>, Fault> {
    let Some(name) = text_if(profile, "type")? else { return Ok(None) };
    let known = GROUP_TYPES.iter().find(|(known, _)| *known == name);
    Ok(known.map(|(_, group_type)| *group_type))
}

/// Takes a conversation in.
pub(super) fn row(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    let Some(conversation) = conversation(session, at)? else { return Ok(()) };
    let of_group = at.get("groupProfile");
    let looks = match conversation.kind() {
        ConversationKind::Direct => {
            let profile = at.get("userProfile");
            let looks = profile.map(|profile| peer(&profile)).transpose()?.unwrap_or_default();
            RowLooks::Peer(Looks { remark: at.text_if("remark")?.map(str::to_owned), ..looks })
        }
        ConversationKind::Group => {
            let text = |key| of_group.as_ref().map_or(Ok(None), |profile| text_if(profile, key));
            RowLooks::Group { name: text("name")?, face_url: text("avatar")? }
        }
    };
    let row = Row {
        looks,
        group_type: of_group.as_ref().map_or(Ok(None), group_type)?,
        unread: at.count_if("unreadCount")?.unwrap_or(0),
        last: last(at)?,
        read: Read::Unsaid,
        mentions: mentions(at, conversation.kind())?,
        is_pinned: at.flag("isPinned")?,
        option: option(at)?,
        draft: draft(at)?,
        custom_data: at.text_if("customData")?.map(|text| text.as_bytes().to_vec()),
        marks: marks(at, "markList")?,
        folders: names(at, "conversationGroupList")?,
        conversation,
    };
    session.row(at, row, false)
}

/// Returns where the last message stands; the package does not say its id.
fn last(at: &At<'_, '_>) -> Result<Option<Last>, Fault> {
    let Some(message) = at.get("lastMessage") else { return Ok(None) };
    if message.count_if("lastTime")?.unwrap_or(0) == 0 {
        return Ok(None);
    }
    let seq = message.count_if("lastSequence")?.unwrap_or(0);
    Ok(Some(Last { second: message.seconds("lastTime")?, seq }))
}

fn mentions(at: &At<'_, '_>, kind: ConversationKind) -> Result<Option<Vec<ReportedMention>>, Fault> {
    if kind == ConversationKind::Direct || !at.has("groupAtInfoList") {
        return Ok(None);
    }
    let mut mentions = Vec::new();
    at.try_each("groupAtInfoList", |item| {
        let seq = item.need("messageSequence")?.as_count()?;
        let kinds = item.need("atTypeArray")?;
        let kind = kinds.item(0).ok_or_else(|| kinds.fault("a list of one number"))?;
        mentions.push(mention(&kind, seq)?);
        Ok(())
    })?;
    Ok(Some(mentions))
}

fn option(at: &At<'_, '_>) -> Result<Option<ReceiveOption>, Fault> {
    let Some(name) = text_if(at, "messageRemindType")? else { return Ok(None) };
    let known = REMIND_TYPES.iter().zip(OPTIONS).find(|(known, _)| **known == name);
    known.map(|(_, option)| Some(option)).ok_or_else(|| {
        let of = at.get("messageRemindType");
        of.as_ref().unwrap_or(at).fault("how messages remind, such as AcceptAndNotify")
    })
}

/// Returns the draft: what its list shows where it is JSON of the UI kit's, else the text.
fn draft(at: &At<'_, '_>) -> Result<Option<Draft>, Fault> {
    let Some(text) = at.text_if("draftText")? else { return Ok(None) };
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    let shown = parsed.as_ref().and_then(|draft| draft.get("abstract")).and_then(Value::as_str);
    let text = Some(shown.unwrap_or(text).to_owned()).filter(|text| !text.is_empty());
    Ok(Some(Draft { text, second: None }))
}
