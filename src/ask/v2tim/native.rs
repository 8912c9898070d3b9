//! Rows as the interface in C writes them, and back.
//!
//! Keys of what is absent are left out: a name, a face, data, a draft, a last message. `message_risk_type_identified` says
//! nothing here and is 0: the Flutter plugin takes a message without it for a fault.

use serde::Serialize;

use crate::ask::v2tim::dialect::{Beside, DataForm, read_marker};
use crate::inbox::{ConversationView, Mention, MessageStatus, MessageView};
use crate::model::event::{GroupType, MessageKind};
use crate::model::id::ConversationKind;

/// How the interface in C spells, in a list of mentioned users, that everybody is mentioned.
pub(crate) const AT_ALL: &str = "__kImSDK_MessageAtALL__";

/// One conversation, key by key.
#[derive(Debug, Serialize)]
pub(crate) struct NativeRow<'a> {
    conv_id: &'a str,
    conv_type: u8,
    conv_show_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conv_face_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conv_group_type: Option<u8>,
    conv_unread_num: u64,
    conv_is_pinned: bool,
    conv_recv_opt: u8,
    conv_active_time: u64,
    conv_is_has_lastmsg: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    conv_last_msg: Option<NativeMessage<'a>>,
    conv_is_has_draft: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    conv_draft: Option<NativeDraft<'a>>,
    conv_group_at_info_array: Vec<AtInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conv_custom_data: Option<String>,
    conv_mark_array: Vec<u64>,
    conv_conversation_group_array: Vec<String>,
    conv_c2c_read_timestamp: i64,
    conv_group_read_sequence: u64,
    #[serde(flatten)]
    beside: Beside,
}

impl<'a> NativeRow<'a> {
    pub(crate) fn of(conversation: ConversationView<'a>, all_keys: bool) -> Self {
        let group = conversation.kind() == ConversationKind::Group;
        let last = conversation.last_message();
        let draft = conversation.draft();
        let (conv_c2c_read_timestamp, conv_group_read_sequence) = read_marker(conversation);
        let at_info = |mention: Mention| AtInfo {
            conv_group_at_info_seq: mention.seq,
            conv_group_at_info_at_type: mention.kind as u8,
        };
        Self {
            conv_id: conversation.id().target(),
            conv_type: conv_type(conversation),
            conv_show_name: conversation.show_name(),
            conv_face_url: conversation.face_url(),
            conv_group_type: conversation.group_type().filter(|_| group).map(group_type),
            conv_unread_num: conversation.unread_count(),
            conv_is_pinned: conversation.is_pinned(),
            conv_recv_opt: conversation.receive_option() as u8,
            conv_active_time: conversation.order_key(),
            conv_is_has_lastmsg: last.is_some(),
            conv_last_msg: last.map(|message| NativeMessage::of(conversation, message)),
            conv_is_has_draft: draft.is_some(),
            conv_draft: draft.map(|draft| NativeDraft {
                draft_msg: DraftMessage {
                    message_conv_id: conversation.id().target(),
                    message_conv_type: conv_type(conversation),
                    message_is_from_self: true,
                    message_risk_type_identified: 0,
                    message_elem_array: [Elem::text(draft.text)],
                },
                draft_edit_time: draft.stamp.at.as_secs(),
                draft_user_define: "",
            }),
            conv_group_at_info_array: conversation.mentions().into_iter().map(at_info).collect(),
            conv_custom_data: conversation.custom_data().map(|data| DataForm::Text.text_of(data)),
            conv_mark_array: conversation.marks().into_iter().map(|mark| mark.bits()).collect(),
            conv_conversation_group_array: conversation
                .folders()
                .into_iter()
                .map(|folder| folder.name)
                .collect(),
            conv_c2c_read_timestamp,
            conv_group_read_sequence,
            beside: Beside::of(conversation, all_keys),
        }
    }
}

fn conv_type(conversation: ConversationView<'_>) -> u8 {
    match conversation.kind() {
        ConversationKind::Direct => 1,
        ConversationKind::Group => 2,
    }
}

#[derive(Debug, Serialize)]
struct AtInfo {
    conv_group_at_info_seq: u64,
    conv_group_at_info_at_type: u8,
}

#[derive(Debug, Serialize)]
struct NativeDraft<'a> {
    draft_msg: DraftMessage<'a>,
    draft_edit_time: i64,
    draft_user_define: &'static str,
}

/// The message that a draft would become.
#[derive(Debug, Serialize)]
struct DraftMessage<'a> {
    message_conv_id: &'a str,
    message_conv_type: u8,
    message_is_from_self: bool,
    message_risk_type_identified: u8,
    message_elem_array: [Elem<'a>; 1],
}

/// The last message, key by key.
#[derive(Debug, Serialize)]
struct NativeMessage<'a> {
    message_msg_id: String,
    message_conv_id: &'a str,
    message_conv_type: u8,
    message_sender: &'a str,
    message_is_from_self: bool,
    message_client_time: i64,
    /// 0 where no server has the message yet.
    message_server_time: i64,
    message_seq: u64,
    message_status: u8,
    message_is_peer_read: bool,
    message_is_online_msg: bool,
    message_need_read_receipt: bool,
    message_support_message_extension: bool,
    message_is_excluded_from_unread_count: bool,
    message_excluded_from_last_message: bool,
    message_risk_type_identified: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_cloud_custom_str: Option<String>,
    message_group_at_user_array: Vec<String>,
    message_target_group_member_array: Vec<String>,
    message_sender_profile: Profile<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_revoker_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_revoke_reason: Option<&'a str>,
    message_elem_array: [Elem<'a>; 1],
}

#[derive(Debug, Serialize)]
struct Profile<'a> {
    user_profile_identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_profile_nick_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_profile_face_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_profile_friend_remark: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Elem<'a> {
    elem_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_elem_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_elem_data: Option<String>,
}

impl<'a> Elem<'a> {
    fn text(text: &'a str) -> Self {
        Self {
            elem_type: elem_type(MessageKind::Text),
            text_elem_content: Some(text),
            custom_elem_data: None,
        }
    }
}

impl<'a> NativeMessage<'a> {
    fn of(conversation: ConversationView<'a>, message: MessageView<'a>) -> Self {
        let mentions = message.mentions();
        let mut at_users: Vec<String> = mentions.users.iter().map(ToString::to_string).collect();
        at_users.extend(mentions.all.then(|| AT_ALL.to_owned()));
        // The content of a recalled message is no longer shown.
        let recalled = message.status() == MessageStatus::Recalled;
        let custom = message.custom().filter(|_| !recalled && message.kind() == MessageKind::Custom);
        let cloud_custom = message.cloud_custom().filter(|_| !recalled);
        let recall = message.recall();
        let on_its_way = matches!(message.status(), MessageStatus::Sending | MessageStatus::Failed);
        Self {
            message_msg_id: message.id().to_string(),
            message_conv_id: conversation.id().target(),
            message_conv_type: conv_type(conversation),
            message_sender: message.author().as_str(),
            message_is_from_self: message.is_own(),
            message_client_time: message.time().as_secs(),
            message_server_time: if on_its_way { 0 } else { message.time().as_secs() },
            message_seq: message.seq(),
            message_status: message.status() as u8,
            message_is_peer_read: message.is_peer_read(),
            message_is_online_msg: message.is_online_only(),
            message_need_read_receipt: message.need_receipt(),
            message_support_message_extension: message.supports_extensions(),
            message_is_excluded_from_unread_count: message.is_excluded_from_unread(),
            message_excluded_from_last_message: message.is_excluded_from_last(),
            message_risk_type_identified: 0,
            message_cloud_custom_str: cloud_custom.map(|data| DataForm::Text.text_of(data)),
            message_group_at_user_array: at_users,
            message_target_group_member_array: message.recipients().iter().map(ToString::to_string).collect(),
            message_sender_profile: Profile {
                user_profile_identifier: message.author().as_str(),
                user_profile_nick_name: message.nickname(),
                user_profile_face_url: message.face_url(),
                user_profile_friend_remark: message.remark(),
            },
            message_revoker_user_id: recall.as_ref().map(|recall| recall.by.as_str()),
            message_revoke_reason: recall.as_ref().and_then(|recall| recall.reason),
            message_elem_array: [Elem {
                elem_type: elem_type(message.kind()),
                text_elem_content: message.text().filter(|_| !recalled),
                custom_elem_data: custom.map(|data| DataForm::Text.text_of(data)),
            }],
        }
    }
}

/// Each type of a group with its number in C.
pub(crate) const GROUP_TYPES: [(GroupType, u8); 5] = [
    (GroupType::Public, 0),
    (GroupType::Work, 1),
    (GroupType::Meeting, 2),
    (GroupType::AvChatRoom, 4),
    (GroupType::Community, 5),
];

fn group_type(group_type: GroupType) -> u8 {
    GROUP_TYPES.iter().find(|(known, _)| *known == group_type).map_or(0, |(_, number)| *number)
}

/// Each kind of message with the number of its element in C.
pub(crate) const ELEM_TYPES: [(MessageKind, u8); 10] = [
    (MessageKind::Text, 0),
    (MessageKind::Image, 1),
    (MessageKind::Sound, 2),
    (MessageKind::Custom, 3),
    (MessageKind::File, 4),
    (MessageKind::GroupTips, 5),
    (MessageKind::Face, 6),
    (MessageKind::Location, 7),
    (MessageKind::Video, 9),
    (MessageKind::Merger, 12),
];

fn elem_type(kind: MessageKind) -> u8 {
    ELEM_TYPES.iter().find(|(known, _)| *known == kind).map_or(0, |(_, number)| *number)
}
