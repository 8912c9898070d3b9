//! Rows read back: what Flutter's dialect and the native one wrote.
//!
//! Keys that no dialect of this library writes are passed over, since the clients' own classes have more of them.

use serde_json::Value;

use crate::ask::v2tim::dialect::AT_ALL;
use crate::ask::v2tim::read::{At, ReadError, parse};
use crate::ask::v2tim::row::{LastMessage, OnlyNative, Row, RowBounds, RowDraft, RowMention, RowRecall};
use crate::ask::v2tim::{flutter, native};
use crate::inbox::{MentionKind, MessageStatus};
use crate::model::event::{GroupType, ReceiveOption};
use crate::model::id::{ConversationId, ConversationKind, GroupId, UserId};

const STATUSES: [(MessageStatus, u8); 5] = [
    (MessageStatus::Sending, 1),
    (MessageStatus::Sent, 2),
    (MessageStatus::Failed, 3),
    (MessageStatus::Imported, 5),
    (MessageStatus::Recalled, 6),
];

const RECEIVE_OPTIONS: [(ReceiveOption, u8); 5] = [
    (ReceiveOption::Receive, 0),
    (ReceiveOption::NotReceive, 1),
    (ReceiveOption::ReceiveNotNotify, 2),
    (ReceiveOption::NotNotifyExceptAt, 3),
    (ReceiveOption::NotReceiveExceptAt, 4),
];

const MENTION_KINDS: [(MentionKind, u8); 3] =
    [(MentionKind::Me, 1), (MentionKind::All, 2), (MentionKind::Both, 3)];

const KINDS: [(ConversationKind, u8); 2] = [(ConversationKind::Direct, 1), (ConversationKind::Group, 2)];

impl Row {
    /// Reads a row of Flutter's dialect.
    ///
    /// # Errors
    ///
    /// [`ReadError`], where the text is no JSON, or none of this dialect's: where, what was expected, what was found.
    pub fn from_flutter(json: &str) -> Result<Self, ReadError> {
        flutter_row(&At::root(&parse(json)?))
    }

    /// Reads a row of the native dialect.
    ///
    /// # Errors
    ///
    /// As of [`from_flutter`](Self::from_flutter).
    pub fn from_native(json: &str) -> Result<Self, ReadError> {
        native_row(&At::root(&parse(json)?))
    }

    /// Reads the rows of an inbox that was written in Flutter's dialect.
    ///
    /// # Errors
    ///
    /// As of [`from_flutter`](Self::from_flutter).
    pub fn list_from_flutter(json: &str) -> Result<Vec<Self>, ReadError> {
        list(&parse(json)?, flutter_row)
    }

    /// Reads the rows of an inbox that was written in the native dialect.
    ///
    /// # Errors
    ///
    /// As of [`from_flutter`](Self::from_flutter).
    pub fn list_from_native(json: &str) -> Result<Vec<Self>, ReadError> {
        list(&parse(json)?, native_row)
    }
}

fn list(inbox: &Value, row: impl Fn(&At<'_>) -> Result<Row, ReadError>) -> Result<Vec<Row>, ReadError> {
    At::root(inbox).need("conversationList")?.each(row)
}

fn optional_text(at: Option<At<'_>>) -> Result<Option<String>, ReadError> {
    at.map(|at| at.text().map(str::to_owned)).transpose()
}

fn texts(at: &At<'_>) -> Result<Vec<String>, ReadError> {
    at.each(|item| item.text().map(str::to_owned))
}

/// Returns the users mentioned, and whether everybody is.
fn mentioned(at: &At<'_>, everybody: &str) -> Result<(Vec<String>, bool), ReadError> {
    let (all, users): (Vec<String>, Vec<String>) = texts(at)?.into_iter().partition(|user| user == everybody);
    Ok((users, !all.is_empty()))
}

fn bounds(row: &At<'_>) -> Result<RowBounds, ReadError> {
    let flag = |key| row.get(key)?.map_or(Ok(false), |at| at.flag());
    let mention_is_lower_bound = flag("mentionIsLowerBound")?;
    Ok(RowBounds {
        unread_is_lower_bound: flag("unreadIsLowerBound")?,
        mention_is_lower_bound,
        last_message_is_older: flag("lastMessageIsOlder")?,
        mention_count: match row.get("mentionCount")?.filter(|_| mention_is_lower_bound) {
            Some(at) => Some(at.number()?),
            None => None,
        },
    })
}

fn flutter_row(row: &At<'_>) -> Result<Row, ReadError> {
    let id = row.need("conversationID")?;
    let conversation: ConversationId = id.parsed("the id of a conversation")?;
    let kind = row.need("type")?;
    if kind.of_table(&KINDS, "1 or 2")? != conversation.kind() {
        return Err(kind.error("the type that the conversation's id has"));
    }
    parties(row, &conversation)?;
    let group_type = row.nullable("groupType")?.map(|at| named_group_type(&at)).transpose()?;
    let draft = row.nullable("draftText")?;
    let draft_time = row.need("draftTimestamp")?.integer()?;
    Ok(Row {
        show_name: row.need("showName")?.text()?.to_owned(),
        face_url: optional_text(row.nullable("faceUrl")?)?,
        group_type,
        unread_count: row.need("unreadCount")?.number()?,
        last_message: row
            .nullable("lastMessage")?
            .map(|message| flutter_message(&message, &conversation))
            .transpose()?,
        draft: draft
            .map(|at| at.text().map(|text| RowDraft { text: text.to_owned(), time_s: draft_time }))
            .transpose()?,
        is_pinned: row.need("isPinned")?.flag()?,
        receive_option: row.need("recvOpt")?.of_table(&RECEIVE_OPTIONS, "a number from 0 to 4")?,
        mentions: row.need("groupAtInfoList")?.each(|item| {
            let kind = item.need("atType")?.of_table(&MENTION_KINDS, "a number from 1 to 3")?;
            Ok(RowMention { seq: item.need("seq")?.number_in_text()?, kind })
        })?,
        order_key: row.need("orderkey")?.number()?,
        marks: row.need("markList")?.each(At::number)?,
        custom_data: optional_text(row.nullable("customData")?)?,
        folders: texts(&row.need("conversationGroupList")?)?,
        read_time_s: row.need("c2cReadTimestamp")?.integer()?,
        read_seq: row.need("groupReadSequence")?.number()?,
        bounds: bounds(row)?,
        conversation,
    })
}

/// Holds the two keys that name a conversation's peer or group against its id.
fn parties(at: &At<'_>, conversation: &ConversationId) -> Result<(), ReadError> {
    let target = Some(conversation.target());
    let (user, group) = match conversation.kind() {
        ConversationKind::Direct => (target, None),
        ConversationKind::Group => (None, target),
    };
    for (key, expected) in [("userID", user), ("groupID", group)] {
        let found = at.need(key)?;
        if at.nullable(key)?.map(|at| at.text()).transpose()? != expected {
            return Err(found.error(match expected {
                Some(_) => "what the conversation's id names",
                None => "null",
            }));
        }
    }
    Ok(())
}

fn named_group_type(at: &At<'_>) -> Result<GroupType, ReadError> {
    let name = at.text()?;
    let known = native::GROUP_TYPES.iter().find(|(group_type, _)| group_type.as_str() == name);
    known.map(|(group_type, _)| *group_type).ok_or_else(|| at.error("the type of a group"))
}

fn flutter_message(message: &At<'_>, conversation: &ConversationId) -> Result<LastMessage, ReadError> {
    parties(message, conversation)?;
    let (at_users, at_all) = mentioned(&message.need("groupAtUserList")?, AT_ALL)?;
    let in_elem = |elem: &str, key: &str| -> Result<Option<String>, ReadError> {
        message.nullable(elem)?.map(|elem| Ok(elem.need(key)?.text()?.to_owned())).transpose()
    };
    let recall = message.get("revokerInfo")?.map(|revoker| {
        Ok(RowRecall {
            by: revoker.need("userID")?.parsed("the id of a user")?,
            reason: optional_text(message.get("revokeReason")?)?,
        })
    });
    Ok(LastMessage {
        id: message.need("msgID")?.parsed("the id of a message, a UUID")?,
        time_s: message.need("timestamp")?.integer()?,
        sender: message.need("sender")?.parsed("the id of a user")?,
        nickname: optional_text(message.nullable("nickName")?)?,
        remark: optional_text(message.nullable("friendRemark")?)?,
        face_url: optional_text(message.nullable("faceUrl")?)?,
        status: message.need("status")?.of_table(&STATUSES, "1, 2, 3, 5 or 6")?,
        kind: message.need("elemType")?.of_table(&flutter::ELEM_TYPES, "a number from 1 to 10")?,
        text: in_elem("textElem", "text")?,
        custom: in_elem("customElem", "data")?,
        cloud_custom: optional_text(message.nullable("cloudCustomData")?)?,
        seq: message.need("seq")?.number_in_text()?,
        is_own: message.need("isSelf")?.flag()?,
        is_peer_read: message.need("isPeerRead")?.flag()?,
        at_users,
        at_all,
        is_excluded_from_unread: message.need("isExcludedFromUnreadCount")?.flag()?,
        is_excluded_from_last: message.need("isExcludedFromLastMessage")?.flag()?,
        recall: recall.transpose()?,
        only_native: None,
    })
}

fn native_row(row: &At<'_>) -> Result<Row, ReadError> {
    let kind = row.need("conv_type")?.of_table(&KINDS, "1 or 2")?;
    let id = row.need("conv_id")?;
    let conversation = match kind {
        ConversationKind::Direct => ConversationId::direct(&id.parsed::<UserId>("the id of a user")?),
        ConversationKind::Group => ConversationId::group(&id.parsed::<GroupId>("the id of a group")?),
    };
    let has = |flag: &str, key: &str| -> Result<Option<At<'_>>, ReadError> {
        if row.need(flag)?.flag()? { row.need(key).map(Some) } else { Ok(None) }
    };
    let draft = has("conv_is_has_draft", "conv_draft")?.map(|draft| {
        let message = draft.need("draft_msg")?;
        Ok(RowDraft {
            text: elem(&message)?.need("text_elem_content")?.text()?.to_owned(),
            time_s: draft.need("draft_edit_time")?.integer()?,
        })
    });
    let group_type = row.get("conv_group_type")?;
    Ok(Row {
        show_name: row.need("conv_show_name")?.text()?.to_owned(),
        face_url: optional_text(row.get("conv_face_url")?)?,
        group_type: group_type
            .map(|at| at.of_table(&native::GROUP_TYPES, "the number of a type of groups"))
            .transpose()?,
        unread_count: row.need("conv_unread_num")?.number()?,
        last_message: has("conv_is_has_lastmsg", "conv_last_msg")?
            .map(|message| native_message(&message, &conversation))
            .transpose()?,
        draft: draft.transpose()?,
        is_pinned: row.need("conv_is_pinned")?.flag()?,
        receive_option: row.need("conv_recv_opt")?.of_table(&RECEIVE_OPTIONS, "a number from 0 to 4")?,
        mentions: row.need("conv_group_at_info_array")?.each(|item| {
            let at_type = item.need("conv_group_at_info_at_type")?;
            let kind = at_type.of_table(&MENTION_KINDS, "a number from 1 to 3")?;
            Ok(RowMention { seq: item.need("conv_group_at_info_seq")?.number()?, kind })
        })?,
        order_key: row.need("conv_active_time")?.number()?,
        marks: row.need("conv_mark_array")?.each(At::number)?,
        custom_data: optional_text(row.get("conv_custom_data")?)?,
        folders: texts(&row.need("conv_conversation_group_array")?)?,
        read_time_s: row.need("conv_c2c_read_timestamp")?.integer()?,
        read_seq: row.need("conv_group_read_sequence")?.number()?,
        bounds: bounds(row)?,
        conversation,
    })
}

/// Returns the one element of a message.
fn elem<'v>(message: &At<'v>) -> Result<At<'v>, ReadError> {
    let elems = message.need("message_elem_array")?;
    let mut items = elems.items()?;
    match (items.pop(), items.is_empty()) {
        (Some(elem), true) => Ok(elem),
        _ => Err(elems.error("an array of one element")),
    }
}

fn native_message(message: &At<'_>, conversation: &ConversationId) -> Result<LastMessage, ReadError> {
    let of = message.need("message_conv_id")?;
    if of.text()? != conversation.target() {
        return Err(of.error("the id of the conversation"));
    }
    let of = message.need("message_conv_type")?;
    if of.of_table(&KINDS, "1 or 2")? != conversation.kind() {
        return Err(of.error("the type of the conversation"));
    }
    let (at_users, at_all) = mentioned(&message.need("message_group_at_user_array")?, native::AT_ALL)?;
    let elem = elem(message)?;
    let profile = message.need("message_sender_profile")?;
    let server_time = message.need("message_server_time")?.integer()?;
    let client_time = message.need("message_client_time")?.integer()?;
    let recall = message.get("message_revoker_user_id")?.map(|by| {
        Ok(RowRecall {
            by: by.parsed("the id of a user")?,
            reason: optional_text(message.get("message_revoke_reason")?)?,
        })
    });
    let flag = |key: &str| message.need(key)?.flag();
    Ok(LastMessage {
        id: message.need("message_msg_id")?.parsed("the id of a message, a UUID")?,
        time_s: if server_time > 0 { server_time } else { client_time },
        sender: message.need("message_sender")?.parsed("the id of a user")?,
        nickname: optional_text(profile.get("user_profile_nick_name")?)?,
        remark: optional_text(profile.get("user_profile_friend_remark")?)?,
        face_url: optional_text(profile.get("user_profile_face_url")?)?,
        status: message.need("message_status")?.of_table(&STATUSES, "1, 2, 3, 5 or 6")?,
        kind: elem.need("elem_type")?.of_table(&native::ELEM_TYPES, "the number of an element")?,
        text: optional_text(elem.get("text_elem_content")?)?,
        custom: optional_text(elem.get("custom_elem_data")?)?,
        cloud_custom: optional_text(message.get("message_cloud_custom_str")?)?,
        seq: message.need("message_seq")?.number()?,
        is_own: flag("message_is_from_self")?,
        is_peer_read: flag("message_is_peer_read")?,
        at_users,
        at_all,
        is_excluded_from_unread: flag("message_is_excluded_from_unread_count")?,
        is_excluded_from_last: flag("message_excluded_from_last_message")?,
        recall: recall.transpose()?,
        only_native: Some(OnlyNative {
            is_online_only: flag("message_is_online_msg")?,
            need_receipt: flag("message_need_read_receipt")?,
            supports_extensions: flag("message_support_message_extension")?,
            recipients: texts(&message.need("message_target_group_member_array")?)?,
        }),
    })
}
