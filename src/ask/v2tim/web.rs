//! Rows as the client for the browser has them.
//!
//! Strings and lists are never null here, nor is `lastMessage`: without a message it is the client's own empty one. What an
//! element carries beside its text is not in a log, so the `payload` of what is neither text nor custom is an empty object.

use serde::Serialize;

use crate::ask::v2tim::dialect::{Beside, DataForm, Language};
use crate::inbox::{ConversationView, Mention, MessageStatus, MessageView};
use crate::model::event::{GroupType, MessageKind, ReceiveOption};
use crate::model::id::ConversationKind;
use crate::model::time::Timestamp;

/// One conversation, key by key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebRow<'a> {
    #[serde(rename = "conversationID")]
    conversation_id: String,
    r#type: &'static str,
    sub_type: &'static str,
    unread_count: u64,
    last_message: WebMessage<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_profile: Option<GroupProfile<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_profile: Option<UserProfile<'a>>,
    group_at_info_list: Vec<AtInfo<'a>>,
    remark: &'a str,
    is_pinned: bool,
    message_remind_type: &'static str,
    mark_list: Vec<u64>,
    custom_data: String,
    conversation_group_list: Vec<String>,
    draft_text: String,
    peer_read_time: i64,
    #[serde(flatten)]
    beside: Beside,
}

#[derive(Debug, Serialize)]
struct GroupProfile<'a> {
    #[serde(rename = "groupID")]
    group_id: &'a str,
    name: &'a str,
    avatar: &'a str,
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
struct UserProfile<'a> {
    #[serde(rename = "userID")]
    user_id: &'a str,
    nick: &'a str,
    avatar: &'a str,
}

/// A mention; of a message that is not held nobody says who wrote it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AtInfo<'a> {
    from: &'a str,
    #[serde(rename = "groupID")]
    group_id: &'a str,
    message_sequence: u64,
    at_type_array: [u8; 1],
}

impl<'a> WebRow<'a> {
    pub(crate) fn of(conversation: ConversationView<'a>, language: Language, all_keys: bool) -> Self {
        let target = conversation.id().target();
        let group = conversation.kind() == ConversationKind::Group;
        let sub_type = conversation.group_type().filter(|_| group).map_or("", group_type);
        let avatar = conversation.face_url().unwrap_or_default();
        let at_info = |mention: Mention| AtInfo {
            from: mention
                .message
                .and_then(|message| conversation.message(message))
                .map_or("", |message| message.author().as_str()),
            group_id: target,
            message_sequence: mention.seq,
            at_type_array: [mention.kind as u8],
        };
        Self {
            conversation_id: format!("{}{target}", if group { "GROUP" } else { "C2C" }),
            r#type: if group { "GROUP" } else { "C2C" },
            sub_type,
            unread_count: conversation.unread_count(),
            last_message: conversation
                .last_message()
                .map_or_else(WebMessage::none, |message| WebMessage::of(message, language)),
            group_profile: group.then(|| GroupProfile {
                group_id: target,
                name: conversation.group_name().unwrap_or_default(),
                avatar,
                r#type: sub_type,
            }),
            user_profile: (!group).then(|| UserProfile {
                user_id: target,
                nick: conversation.peer_nickname().unwrap_or_default(),
                avatar,
            }),
            group_at_info_list: conversation.mentions().into_iter().map(at_info).collect(),
            remark: conversation.peer_remark().unwrap_or_default(),
            is_pinned: conversation.is_pinned(),
            message_remind_type: remind_type(conversation.receive_option()),
            mark_list: conversation.marks().into_iter().map(|mark| mark.bits()).collect(),
            custom_data: conversation
                .custom_data()
                .map(|data| DataForm::Text.text_of(data))
                .unwrap_or_default(),
            conversation_group_list: conversation.folders().into_iter().map(|folder| folder.name).collect(),
            draft_text: conversation.draft().map(|draft| draft_text(draft.text)).unwrap_or_default(),
            peer_read_time: conversation.peer_read_marker().map_or(0, Timestamp::as_secs),
            beside: Beside::of(conversation, all_keys),
        }
    }
}

/// The draft as the client keeps it: JSON with what goes into an editor as HTML, and what the list shows.
fn draft_text(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    serde_json::json!({ "html": html, "abstract": text }).to_string()
}

/// The last message, key by key.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct WebMessage<'a> {
    last_time: i64,
    last_sequence: u64,
    from_account: &'a str,
    r#type: &'static str,
    payload: Option<Payload<'a>>,
    message_for_show: &'a str,
    is_revoked: bool,
    revoker: Option<&'a str>,
    is_peer_read: bool,
    nick: &'a str,
    name_card: &'static str,
    cloud_custom_data: String,
    online_only_flag: bool,
    version: u64,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Text { text: &'a str },
    Custom { data: String, description: &'static str, extension: &'static str },
    Other {},
}

impl<'a> WebMessage<'a> {
    /// The client's own message where there is none.
    fn none() -> Self {
        Self::default()
    }

    fn of(message: MessageView<'a>, language: Language) -> Self {
        // The content of a recalled message is no longer shown.
        let recalled = message.status() == MessageStatus::Recalled;
        let kind = message.kind();
        let text = message.text().filter(|_| !recalled);
        let data = |bytes: Option<&[u8]>| {
            bytes.filter(|_| !recalled).map(|bytes| DataForm::Text.text_of(bytes)).unwrap_or_default()
        };
        Self {
            last_time: message.time().as_secs(),
            last_sequence: message.seq(),
            from_account: message.author().as_str(),
            r#type: elem_type(kind),
            payload: Some(match kind {
                MessageKind::Text => Payload::Text { text: text.unwrap_or_default() },
                MessageKind::Custom => {
                    Payload::Custom { data: data(message.custom()), description: "", extension: "" }
                }
                _ => Payload::Other {},
            }),
            message_for_show: text.unwrap_or_else(|| words_for(kind, language)),
            is_revoked: recalled,
            revoker: message.recall().map(|recall| recall.by.as_str()),
            is_peer_read: message.is_peer_read(),
            nick: message.nickname().unwrap_or_default(),
            name_card: "",
            cloud_custom_data: data(message.cloud_custom()),
            online_only_flag: message.is_online_only(),
            version: message.edit_version().unwrap_or_default(),
        }
    }
}

fn group_type(group_type: GroupType) -> &'static str {
    match group_type {
        GroupType::Work => "Private",
        GroupType::Meeting => "ChatRoom",
        GroupType::Public | GroupType::AvChatRoom | GroupType::Community => group_type.as_str(),
    }
}

fn remind_type(option: ReceiveOption) -> &'static str {
    match option {
        ReceiveOption::Receive => "AcceptAndNotify",
        ReceiveOption::NotReceive => "Discard",
        ReceiveOption::ReceiveNotNotify => "AcceptNotNotify",
        ReceiveOption::NotNotifyExceptAt => "AcceptNotNotifyExceptAt",
        ReceiveOption::NotReceiveExceptAt => "NotReceiveMsgExceptAt",
    }
}

fn elem_type(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "TIMTextElem",
        MessageKind::Image => "TIMImageElem",
        MessageKind::Sound => "TIMSoundElem",
        MessageKind::Video => "TIMVideoFileElem",
        MessageKind::File => "TIMFileElem",
        MessageKind::Location => "TIMLocationElem",
        MessageKind::Face => "TIMFaceElem",
        MessageKind::Custom => "TIMCustomElem",
        MessageKind::GroupTips => "TIMGroupTipElem",
        MessageKind::Merger => "TIMRelayElem",
    }
}

/// The client's own words for a message of this kind that says nothing by itself.
fn words_for(kind: MessageKind, language: Language) -> &'static str {
    let (chinese, english) = match kind {
        MessageKind::Text => ("", ""),
        MessageKind::Image => ("[图片]", "[Image]"),
        MessageKind::Sound => ("[语音]", "[Voice]"),
        MessageKind::Video => ("[视频]", "[Video]"),
        MessageKind::File => ("[文件]", "[File]"),
        MessageKind::Location => ("[位置]", "[Location]"),
        MessageKind::Face => ("[动画表情]", "[Animated Sticker]"),
        MessageKind::Custom => ("[自定义消息]", "[Custom Messages]"),
        MessageKind::GroupTips => ("[群提示消息]", "[Group Notification]"),
        MessageKind::Merger => ("[聊天记录]", "[Chat Record]"),
    };
    match language {
        Language::Chinese => chinese,
        Language::English => english,
    }
}
