//! Messages, conversations and profiles with the keys of the interface in C.

use chatfold::event::{GroupType, Mark, MessageKind, ReceiveOption, ReportedMention, Watermark};
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, Timestamp, UserId};

use super::row::{Draft, Last, Read, Row, RowLooks};
use super::say::{Looks, Recalled, Session, Spoken, end_of};
use crate::content::Content;
use crate::fault::Fault;
use crate::json::At;
use crate::maker::Said;

const KINDS: [(u64, MessageKind); 10] = [
    (0, MessageKind::Text),
    (1, MessageKind::Image),
    (2, MessageKind::Sound),
    (3, MessageKind::Custom),
    (4, MessageKind::File),
    (5, MessageKind::GroupTips),
    (6, MessageKind::Face),
    (7, MessageKind::Location),
    (9, MessageKind::Video),
    (12, MessageKind::Merger),
];

const GROUP_TYPES: [(u64, GroupType); 5] = [
    (0, GroupType::Public),
    (1, GroupType::Work),
    (2, GroupType::Meeting),
    (4, GroupType::AvChatRoom),
    (5, GroupType::Community),
];

pub(super) const OPTIONS: [ReceiveOption; 5] = [
    ReceiveOption::Receive,
    ReceiveOption::NotReceive,
    ReceiveOption::ReceiveNotNotify,
    ReceiveOption::NotNotifyExceptAt,
    ReceiveOption::NotReceiveExceptAt,
];

/// Returns the conversation that an object names; `None` where it is none between people.
fn conversation(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
    [id, kind]: [&str; 2],
) -> Result<Option<ConversationId>, Fault> {
    let of = at.need(kind)?;
    let kind = match of.as_integer()? {
        1 => ConversationKind::Direct,
        2 => ConversationKind::Group,
        _ => {
            session.maker.left_out("conversations of the system");
            return Ok(None);
        }
    };
    let id = at.need(id)?;
    session.conversation(&id, kind, id.as_text()?).map(Some)
}

fn text_if(at: &At<'_, '_>, key: &str) -> Result<Option<String>, Fault> {
    Ok(at.text_if(key)?.filter(|text| !text.is_empty()).map(str::to_owned))
}

fn bytes_if(at: &At<'_, '_>, key: &str) -> Result<Option<Vec<u8>>, Fault> {
    Ok(text_if(at, key)?.map(String::into_bytes))
}

/// Takes a message in.
pub(super) fn message(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<Option<Looks>, Fault> {
    let status = at.count_if("message_status")?.unwrap_or(2);
    if !matches!(status, 2 | 6) {
        session.maker.left_out("messages that no server has");
        return Ok(None);
    }
    let Some(conversation) = conversation(session, at, ["message_conv_id", "message_conv_type"])? else {
        return Ok(None);
    };
    let id = at.need("message_msg_id")?;
    let name = session.maker.message(&id, id.as_text()?, id.as_text()?)?;
    let by = session.maker.user(at, "message_sender")?;
    let time = at.seconds("message_server_time")?;
    let version = at.count_if("message_version")?.unwrap_or(0);
    let profile = match at.get("message_sender_profile") {
        Some(profile) => looks(&profile)?,
        None => Looks::default(),
    };
    let recalled = (status == 6).then(|| {
        Ok(Recalled {
            by: at
                .get("message_revoker_user_id")
                .map(|_| session.maker.user(at, "message_revoker_user_id"))
                .transpose()?,
            reason: text_if(at, "message_revoke_reason")?,
        })
    });
    let spoken = Spoken {
        name,
        content: content(session, at, conversation.kind())?,
        said: Said { conversation, time, by },
        seq: at.count_if("message_seq")?.unwrap_or(0),
        version,
        is_modified: version > 0,
        recalled: recalled.transpose()?,
        profile: profile.clone(),
    };
    session.message(at, spoken)?;
    Ok(Some(profile))
}

/// The same for a message that is known to have been modified.
pub(super) fn modified(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    if at.count_if("message_version")?.unwrap_or(0) > 0 {
        return message(session, at).map(drop);
    }
    let Some(conversation) = conversation(session, at, ["message_conv_id", "message_conv_type"])? else {
        return Ok(());
    };
    let id = at.need("message_msg_id")?;
    let name = session.maker.message(&id, id.as_text()?, id.as_text()?)?;
    let by = session.maker.user(at, "message_sender")?;
    let content = content(session, at, conversation.kind())?;
    let time = at.seconds("message_server_time")?;
    let spoken = Spoken {
        name,
        content,
        said: Said { conversation, time, by },
        seq: at.count_if("message_seq")?.unwrap_or(0),
        version: 0,
        is_modified: true,
        recalled: None,
        profile: Looks::default(),
    };
    session.message(at, spoken)
}

fn content(session: &Session<'_>, at: &At<'_, '_>, kind: ConversationKind) -> Result<Content, Fault> {
    let mut content = Content {
        cloud_custom: bytes_if(at, "message_cloud_custom_str")?,
        mentions: session.mentions(at, "message_group_at_user_array", kind)?,
        recipients: session.users(at, "message_target_group_member_array")?,
        online_only: at.flag("message_is_online_msg")?,
        need_receipt: at.flag("message_need_read_receipt")?,
        supports_extensions: at.flag("message_support_message_extension")?,
        excluded_from_unread: at.flag("message_is_excluded_from_unread_count")?,
        excluded_from_last: at.flag("message_excluded_from_last_message")?,
        ..Content::default()
    };
    let mut first = true;
    at.try_each("message_elem_array", |elem| {
        if first {
            let number = elem.need("elem_type")?.as_count()?;
            let known = KINDS.iter().find(|(known, _)| *known == number);
            content.kind = known.map_or(MessageKind::GroupTips, |(_, kind)| *kind);
            content.custom =
                bytes_if(elem, "custom_elem_data")?.filter(|_| content.kind == MessageKind::Custom);
            first = false;
        }
        if content.text.is_none() {
            content.text = text_if(elem, "text_elem_content")?;
        }
        Ok(())
    })?;
    Ok(content)
}

/// Returns what a profile says.
pub(super) fn looks(at: &At<'_, '_>) -> Result<Looks, Fault> {
    Ok(Looks {
        nickname: text_if(at, "user_profile_nick_name")?,
        face_url: text_if(at, "user_profile_face_url")?,
        remark: text_if(at, "user_profile_friend_remark")?,
    })
}

/// Takes the profile of a user, or of a friend.
pub(super) fn profile(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    let friend = at.has("friend_profile_identifier");
    let key = if friend { "friend_profile_identifier" } else { "user_profile_identifier" };
    let user: UserId = session.maker.user(at, key)?;
    let inner = at.get("friend_profile_user_profile");
    let mut looks = looks(inner.as_ref().unwrap_or(at))?;
    if friend && at.has("friend_profile_remark") {
        // An empty one takes the remark away.
        looks.remark = at.text_if("friend_profile_remark")?.map(str::to_owned);
    }
    session.looks(at, &user, &looks)
}

/// Returns the conversation that a row is of.
pub(super) fn conversation_of_row(
    session: &mut Session<'_>,
    at: &At<'_, '_>,
) -> Result<Option<ConversationId>, Fault> {
    conversation(session, at, ["conv_id", "conv_type"])
}

/// Takes a conversation in.
pub(super) fn row(session: &mut Session<'_>, at: &At<'_, '_>, is_new: bool) -> Result<(), Fault> {
    let Some(conversation) = conversation(session, at, ["conv_id", "conv_type"])? else { return Ok(()) };
    let mut last = None;
    let mut sender = None;
    if let Some(message) = at.get("conv_last_msg") {
        let profile = self::message(session, &message)?;
        if profile.is_some() {
            let second = message.seconds("message_server_time")?;
            last = Some(Last { second, seq: message.count_if("message_seq")?.unwrap_or(0) });
            sender = profile.zip(Some(session.maker.user(&message, "message_sender")?));
        }
    }
    let looks = looks_of_row(at, &conversation, sender)?;
    let read = match conversation.kind() {
        ConversationKind::Direct => match at.get("conv_c2c_read_timestamp") {
            Some(_) => Read::Through(Watermark::Time(end_of(at.seconds("conv_c2c_read_timestamp")?))),
            None => Read::Unsaid,
        },
        ConversationKind::Group => match at.count_if("conv_group_read_sequence")? {
            Some(seq) => Read::Through(Watermark::Seq(seq)),
            None => Read::Unsaid,
        },
    };
    let row = Row {
        looks,
        group_type: group_type(at, conversation.kind())?,
        unread: at.count_if("conv_unread_num")?.unwrap_or(0),
        last,
        read,
        mentions: mentions(at, conversation.kind())?,
        is_pinned: at.flag("conv_is_pinned")?,
        option: option(at)?,
        draft: draft(at)?,
        custom_data: at.text_if("conv_custom_data")?.map(|text| text.as_bytes().to_vec()),
        marks: marks(at, "conv_mark_array")?,
        folders: names(at, "conv_conversation_group_array")?,
        conversation,
    };
    session.row(at, row, is_new)
}

fn looks_of_row(
    at: &At<'_, '_>,
    conversation: &ConversationId,
    sender: Option<(Looks, UserId)>,
) -> Result<RowLooks, Fault> {
    let (name, face_url) = (text_if(at, "conv_show_name")?, text_if(at, "conv_face_url")?);
    // A name that is the id says nothing.
    let name = name.filter(|name| name != conversation.target());
    let Some(peer) = conversation.peer() else { return Ok(RowLooks::Group { name, face_url }) };
    let of_peer = sender.filter(|(_, by)| *by == peer).map(|(looks, _)| looks);
    let is_told = of_peer.is_some_and(|looks| looks.nickname.is_some() || looks.remark.is_some());
    let nickname = name.filter(|_| !is_told);
    Ok(RowLooks::Peer(Looks { nickname, face_url, remark: None }))
}

fn group_type(at: &At<'_, '_>, kind: ConversationKind) -> Result<Option<GroupType>, Fault> {
    let Some(of) = at.get("conv_group_type").filter(|_| kind == ConversationKind::Group) else {
        return Ok(None);
    };
    let number = of.as_count()?;
    let known = GROUP_TYPES.iter().find(|(known, _)| *known == number);
    known.map(|(_, group_type)| Some(*group_type)).ok_or_else(|| of.fault("the number of a type of groups"))
}

fn mentions(at: &At<'_, '_>, kind: ConversationKind) -> Result<Option<Vec<ReportedMention>>, Fault> {
    if kind == ConversationKind::Direct || !at.has("conv_group_at_info_array") {
        return Ok(None);
    }
    let mut mentions = Vec::new();
    at.try_each("conv_group_at_info_array", |item| {
        let seq = item.need("conv_group_at_info_seq")?.as_count()?;
        let kind = item.need("conv_group_at_info_at_type")?;
        mentions.push(mention(&kind, seq)?);
        Ok(())
    })?;
    Ok(Some(mentions))
}

/// Returns a mention of the kind that stands there.
pub(super) fn mention(kind: &At<'_, '_>, seq: u64) -> Result<ReportedMention, Fault> {
    match kind.as_count()? {
        number @ 1..=3 => Ok(ReportedMention { seq, at_type: number as u8 }),
        _ => Err(kind.fault("a number from 1 to 3")),
    }
}

fn option(at: &At<'_, '_>) -> Result<Option<ReceiveOption>, Fault> {
    let Some(of) = at.get("conv_recv_opt") else { return Ok(None) };
    let option = usize::try_from(of.as_count()?).ok().and_then(|number| OPTIONS.get(number));
    option.map(|option| Some(*option)).ok_or_else(|| of.fault("a number from 0 to 4"))
}

fn draft(at: &At<'_, '_>) -> Result<Option<Draft>, Fault> {
    if !at.has("conv_is_has_draft") {
        return Ok(None);
    }
    if !at.flag("conv_is_has_draft")? {
        return Ok(Some(Draft { text: None, second: None }));
    }
    let draft = at.object("conv_draft")?;
    let mut text = None;
    draft.object("draft_msg")?.try_each("message_elem_array", |elem| {
        text = text.take().or(text_if(elem, "text_elem_content")?);
        Ok(())
    })?;
    let second: Option<Timestamp> =
        if draft.has("draft_edit_time") { Some(draft.seconds("draft_edit_time")?) } else { None };
    Ok(Some(Draft { text, second }))
}

/// Returns the marks under the key, a number with one bit each.
pub(super) fn marks(at: &At<'_, '_>, key: &str) -> Result<Option<Vec<Mark>>, Fault> {
    if !at.has(key) {
        return Ok(None);
    }
    let mut marks = Vec::new();
    at.try_each(key, |item| {
        let mark = item.value().as_u64().and_then(Mark::from_bits);
        marks.push(mark.ok_or_else(|| item.fault("a number with one bit"))?);
        Ok(())
    })?;
    Ok(Some(marks))
}

/// Returns the names under the key.
pub(super) fn names(at: &At<'_, '_>, key: &str) -> Result<Option<Vec<String>>, Fault> {
    if !at.has(key) {
        return Ok(None);
    }
    let mut names = Vec::new();
    at.try_each(key, |item| {
        names.push(item.as_text()?.to_owned());
        Ok(())
    })?;
    Ok(Some(names))
}

/// Takes a receipt.
pub(super) fn receipt(session: &mut Session<'_>, at: &At<'_, '_>) -> Result<(), Fault> {
    let keys = ["msg_receipt_conv_id", "msg_receipt_conv_type"];
    let Some(conversation) = conversation(session, at, keys)? else { return Ok(()) };
    if at.has("msg_receipt_msg_id") {
        if at.flag("msg_receipt_is_peer_read")? {
            let id = at.need("msg_receipt_msg_id")?;
            let name = session.maker.message(&id, id.as_text()?, id.as_text()?)?;
            return session.peer_has_read(at, &conversation, &name);
        }
        session.maker.left_out("how many of a group have read");
        return Ok(());
    }
    session.peer_read(at, &conversation, at.seconds("msg_receipt_time_stamp")?)
}
