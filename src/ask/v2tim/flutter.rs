//! Rows as the Flutter class `V2TimConversation` has them.

use serde::Serialize;

use crate::ask::v2tim::dialect::{AT_ALL, Beside, DataForm, read_marker, user_and_group};
use crate::inbox::{ConversationView, Mention, MessageStatus, MessageView};
use crate::model::event::MessageKind;

/// One conversation, key by key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FlutterRow<'a> {
    #[serde(rename = "conversationID")]
    conversation_id: &'a str,
    r#type: u8,
    #[serde(rename = "userID")]
    user_id: Option<&'a str>,
    #[serde(rename = "groupID")]
    group_id: Option<&'a str>,
    show_name: &'a str,
    face_url: Option<&'a str>,
    group_type: Option<&'static str>,
    unread_count: u64,
    last_message: Option<FlutterMessage<'a>>,
    draft_text: Option<&'a str>,
    draft_timestamp: i64,
    is_pinned: bool,
    recv_opt: u8,
    group_at_info_list: Vec<AtInfo>,
    orderkey: u64,
    mark_list: Vec<u64>,
    custom_data: Option<String>,
    conversation_group_list: Vec<String>,
    #[serde(rename = "c2cReadTimestamp")]
    c2c_read_timestamp: i64,
    group_read_sequence: u64,
    #[serde(flatten)]
    beside: Beside,
}

impl<'a> FlutterRow<'a> {
    pub(crate) fn of(conversation: ConversationView<'a>, data: DataForm, all_keys: bool) -> Self {
        let (user_id, group_id) = user_and_group(conversation);
        let draft = conversation.draft();
        let (c2c_read_timestamp, group_read_sequence) = read_marker(conversation);
        let at_info = |mention: Mention| AtInfo { seq: mention.seq.to_string(), at_type: mention.kind as u8 };
        Self {
            conversation_id: conversation.id().as_str(),
            r#type: if group_id.is_some() { 2 } else { 1 },
            user_id,
            group_id,
            show_name: conversation.show_name(),
            face_url: conversation.face_url(),
            group_type: conversation.group_type().map(|group_type| group_type.as_str()),
            unread_count: conversation.unread_count(),
            last_message: conversation
                .last_message()
                .map(|message| FlutterMessage::of(conversation, message, data)),
            draft_text: draft.as_ref().map(|draft| draft.text),
            draft_timestamp: draft.as_ref().map_or(0, |draft| draft.stamp.at.as_secs()),
            is_pinned: conversation.is_pinned(),
            recv_opt: conversation.receive_option() as u8,
            group_at_info_list: conversation.mentions().into_iter().map(at_info).collect(),
            orderkey: conversation.order_key(),
            mark_list: conversation.marks().into_iter().map(|mark| mark.bits()).collect(),
            custom_data: conversation.custom_data().map(|bytes| data.text_of(bytes)),
            conversation_group_list: conversation.folders().into_iter().map(|folder| folder.name).collect(),
            c2c_read_timestamp,
            group_read_sequence,
            beside: Beside::of(conversation, all_keys),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AtInfo {
    seq: String,
    at_type: u8,
}

/// The last message, key by key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FlutterMessage<'a> {
    #[serde(rename = "msgID")]
    msg_id: String,
    timestamp: i64,
    sender: &'a str,
    nick_name: Option<&'a str>,
    friend_remark: Option<&'a str>,
    face_url: Option<&'a str>,
    status: u8,
    elem_type: u8,
    text_elem: Option<TextElem<'a>>,
    custom_elem: Option<CustomElem>,
    cloud_custom_data: Option<String>,
    #[serde(rename = "groupID")]
    group_id: Option<&'a str>,
    #[serde(rename = "userID")]
    user_id: Option<&'a str>,
    seq: String,
    is_self: bool,
    is_peer_read: bool,
    group_at_user_list: Vec<String>,
    is_excluded_from_unread_count: bool,
    is_excluded_from_last_message: bool,
    /// Left out unless recalled, null without a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoke_reason: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoker_info: Option<RevokerInfo<'a>>,
}

#[derive(Debug, Serialize)]
struct TextElem<'a> {
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct CustomElem {
    data: String,
}

#[derive(Debug, Serialize)]
struct RevokerInfo<'a> {
    #[serde(rename = "userID")]
    user_id: &'a str,
}

impl<'a> FlutterMessage<'a> {
    fn of(conversation: ConversationView<'a>, message: MessageView<'a>, data: DataForm) -> Self {
        let (user_id, group_id) = user_and_group(conversation);
        let mentions = message.mentions();
        let mut group_at_user_list: Vec<String> = mentions.users.iter().map(ToString::to_string).collect();
        if mentions.all {
            group_at_user_list.push(AT_ALL.to_owned());
        }
        // The content of a recalled message is no longer shown; the view leaves it out, and so does this.
        let recalled = message.status() == MessageStatus::Recalled;
        let custom = message.custom().filter(|_| !recalled && message.kind() == MessageKind::Custom);
        let cloud_custom = message.cloud_custom().filter(|_| !recalled);
        let recall = message.recall();
        Self {
            msg_id: message.id().to_string(),
            timestamp: message.time().as_secs(),
            sender: message.author().as_str(),
            nick_name: message.nickname(),
            friend_remark: message.remark(),
            face_url: message.face_url(),
            status: message.status() as u8,
            elem_type: elem_type(message.kind()),
            text_elem: message.text().filter(|_| !recalled).map(|text| TextElem { text }),
            custom_elem: custom.map(|bytes| CustomElem { data: data.text_of(bytes) }),
            cloud_custom_data: cloud_custom.map(|bytes| data.text_of(bytes)),
            group_id,
            user_id,
            seq: message.seq().to_string(),
            is_self: message.is_own(),
            is_peer_read: message.is_peer_read(),
            group_at_user_list,
            is_excluded_from_unread_count: message.is_excluded_from_unread(),
            is_excluded_from_last_message: message.is_excluded_from_last(),
            revoke_reason: recall.as_ref().map(|recall| recall.reason),
            revoker_info: recall.as_ref().map(|recall| RevokerInfo { user_id: recall.by.as_str() }),
        }
    }
}

/// Each kind of message with the number of its element in the class.
pub(crate) const ELEM_TYPES: [(MessageKind, u8); 10] = [
    (MessageKind::Text, 1),
    (MessageKind::Custom, 2),
    (MessageKind::Image, 3),
    (MessageKind::Sound, 4),
    (MessageKind::Video, 5),
    (MessageKind::File, 6),
    (MessageKind::Location, 7),
    (MessageKind::Face, 8),
    (MessageKind::GroupTips, 9),
    (MessageKind::Merger, 10),
];

fn elem_type(kind: MessageKind) -> u8 {
    ELEM_TYPES.iter().find(|(known, _)| *known == kind).map_or(0, |(_, number)| *number)
}
