//! What the reference model shows, in the dialects of the C interface and of the browser's client: written down a second
//! time, so that the library's own rows are held against something.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chatfold::event::{GroupType, MessageKind, Watermark};
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, Event, Policy, UserId};
use serde_json::{Map, Value, json};

use crate::model::shown::{Line, Row};
use crate::model::{self, Profile, Shown};

/// What the model knows of an inbox.
pub struct Modelled {
    pub shown: Shown,
    profiles: BTreeMap<UserId, Profile>,
    groups: BTreeMap<ConversationId, Option<String>>,
}

impl Modelled {
    pub fn of(owner: &UserId, policy: Policy, events: &[Event]) -> Self {
        Self {
            shown: model::shown(owner, policy, events),
            profiles: model::profiles(owner, events),
            groups: model::group_names(owner, events),
        }
    }

    /// The rows of the list, as `row` writes them.
    pub fn rows(&self, row: impl Fn(&Self, &Row) -> Value) -> Vec<Value> {
        self.shown.list.iter().map(|id| row(self, &self.shown.rows[id])).collect()
    }
}

/// Text where the bytes are, else base64.
fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| STANDARD.encode(bytes))
}

/// What lower bounds add to a row.
fn with_bounds(row: &Row, mut object: Value) -> Value {
    for (key, flag) in [
        ("unreadIsLowerBound", row.unread_is_lower_bound),
        ("mentionIsLowerBound", row.mention_is_lower_bound),
        ("lastMessageIsOlder", row.last_is_older),
    ] {
        if flag {
            object[key] = json!(true);
        }
    }
    if row.mention_is_lower_bound {
        object["mentionCount"] = json!(row.mention_count);
    }
    object
}

/// An object without the keys whose value is null.
fn present<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}

fn secs(time: chatfold::Timestamp) -> i64 {
    time.as_millis().div_euclid(1000)
}

pub fn native(_: &Modelled, row: &Row) -> Value {
    let (conv_type, target) = (1 + u8::from(row.kind == ConversationKind::Group), row.id.target());
    let (time, seq) = match row.read_marker {
        Some(Watermark::Time(time)) => (secs(time), 0),
        Some(Watermark::Seq(seq)) => (0, seq),
        None => (0, 0),
    };
    let group_type = row.group_type.map(|group_type| match group_type {
        GroupType::Public => 0,
        GroupType::Work => 1,
        GroupType::Meeting => 2,
        GroupType::AvChatRoom => 4,
        GroupType::Community => 5,
        other => panic!("{other:?}"),
    });
    let draft = row.draft.as_ref().map(|(stamp, text, _)| {
        json!({
            "draft_msg": {
                "message_conv_id": target, "message_conv_type": conv_type, "message_is_from_self": true,
                "message_risk_type_identified": 0,
                "message_elem_array": [{"elem_type": 0, "text_elem_content": text}],
            },
            "draft_edit_time": secs(stamp.at), "draft_user_define": "",
        })
    });
    let at = |(_, seq, kind): &(_, u64, u8)| json!({"conv_group_at_info_seq": seq, "conv_group_at_info_at_type": kind});
    let object = present([
        ("conv_id", json!(target)),
        ("conv_type", json!(conv_type)),
        ("conv_show_name", json!(row.show_name)),
        ("conv_face_url", json!(row.face_url)),
        ("conv_group_type", json!(group_type)),
        ("conv_unread_num", json!(row.unread_count)),
        ("conv_is_pinned", json!(row.pinned)),
        ("conv_recv_opt", json!(row.receive_option as u8)),
        ("conv_active_time", json!(row.order_key)),
        ("conv_is_has_lastmsg", json!(row.last.is_some())),
        ("conv_last_msg", json!(row.last.as_ref().map(|line| native_message(conv_type, target, line)))),
        ("conv_is_has_draft", json!(row.draft.is_some())),
        ("conv_draft", json!(draft)),
        ("conv_group_at_info_array", row.mentions.iter().map(at).collect()),
        ("conv_custom_data", json!(row.custom_data.as_deref().map(text))),
        ("conv_mark_array", json!(row.marks)),
        ("conv_conversation_group_array", row.folders.iter().map(|(_, name)| json!(name)).collect()),
        ("conv_c2c_read_timestamp", json!(time)),
        ("conv_group_read_sequence", json!(seq)),
    ]);
    with_bounds(row, object)
}

fn native_message(conv_type: u8, target: &str, line: &Line) -> Value {
    let elem_type = match line.kind {
        MessageKind::Image => 1,
        MessageKind::Sound => 2,
        MessageKind::Custom => 3,
        MessageKind::File => 4,
        MessageKind::GroupTips => 5,
        MessageKind::Face => 6,
        MessageKind::Location => 7,
        MessageKind::Video => 9,
        MessageKind::Merger => 12,
        _ => 0,
    };
    let custom = line.custom.as_deref().filter(|_| line.kind == MessageKind::Custom);
    let all = line.mentions.all.then_some("__kImSDK_MessageAtALL__");
    let (by, reason) =
        line.recall.as_ref().map_or((None, None), |(by, reason, _)| (Some(by.as_str()), reason.clone()));
    let at_users: Vec<&str> = line.mentions.users.iter().map(UserId::as_str).chain(all).collect();
    let recipients: Vec<&str> = line.recipients.iter().map(UserId::as_str).collect();
    let acknowledged = line.status != 1 && line.status != 3;
    present([
        ("message_msg_id", json!(line.id.to_string())),
        ("message_conv_id", json!(target)),
        ("message_conv_type", json!(conv_type)),
        ("message_sender", json!(line.author.as_str())),
        ("message_is_from_self", json!(line.own)),
        ("message_client_time", json!(secs(line.time))),
        ("message_server_time", json!(if acknowledged { secs(line.time) } else { 0 })),
        ("message_seq", json!(line.seq)),
        ("message_status", json!(line.status)),
        ("message_is_peer_read", json!(line.peer_read)),
        ("message_is_online_msg", json!(line.online_only)),
        ("message_need_read_receipt", json!(line.need_receipt)),
        ("message_support_message_extension", json!(line.supports_extensions)),
        ("message_is_excluded_from_unread_count", json!(line.excluded_from_unread)),
        ("message_excluded_from_last_message", json!(line.excluded_from_last)),
        ("message_risk_type_identified", json!(0)),
        ("message_cloud_custom_str", json!(line.cloud_custom.as_deref().map(text))),
        ("message_group_at_user_array", json!(at_users)),
        ("message_target_group_member_array", json!(recipients)),
        (
            "message_sender_profile",
            present([
                ("user_profile_identifier", json!(line.author.as_str())),
                ("user_profile_nick_name", json!(line.nickname)),
                ("user_profile_face_url", json!(line.face_url)),
                ("user_profile_friend_remark", json!(line.remark)),
            ]),
        ),
        ("message_revoker_user_id", json!(by)),
        ("message_revoke_reason", json!(reason)),
        (
            "message_elem_array",
            json!([present([
                ("elem_type", json!(elem_type)),
                ("text_elem_content", json!(line.text)),
                ("custom_elem_data", json!(custom.map(text))),
            ])]),
        ),
    ])
}

pub fn web(of: &Modelled, row: &Row) -> Value {
    let (group, target) = (row.kind == ConversationKind::Group, row.id.target());
    let kind = if group { "GROUP" } else { "C2C" };
    let sub_type = row.group_type.map_or("", |group_type| match group_type {
        GroupType::Public => "Public",
        GroupType::Work => "Private",
        GroupType::Meeting => "ChatRoom",
        GroupType::AvChatRoom => "AVChatRoom",
        GroupType::Community => "Community",
        other => panic!("{other:?}"),
    });
    let peer = UserId::parse(target).ok().filter(|_| !group);
    let peer = peer.and_then(|peer| of.profiles.get(&peer).cloned()).unwrap_or_default();
    let avatar = row.face_url.as_deref().unwrap_or("");
    let profile = if group {
        let name = of.groups.get(&row.id).cloned().flatten().unwrap_or_default();
        ("groupProfile", json!({"groupID": target, "name": name, "avatar": avatar, "type": sub_type}))
    } else {
        let nick = peer.nickname.unwrap_or_default();
        ("userProfile", json!({"userID": target, "nick": nick, "avatar": avatar}))
    };
    let at = |(message, seq, kind): &(Option<_>, u64, u8)| {
        let line = row.history.iter().find(|line| Some(line.id) == *message);
        let from = line.map_or("", |line| line.author.as_str());
        json!({"from": from, "groupID": target, "messageSequence": seq, "atTypeArray": [kind]})
    };
    let draft = row.draft.as_ref().map_or(String::new(), |(_, text, _)| {
        let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let html = html.replace('"', "&quot;").replace('\'', "&#39;");
        json!({"html": html, "abstract": text}).to_string()
    });
    let remind =
        ["AcceptAndNotify", "Discard", "AcceptNotNotify", "AcceptNotNotifyExceptAt", "NotReceiveMsgExceptAt"];
    let mut object = present([
        ("conversationID", json!(format!("{kind}{target}"))),
        ("type", json!(kind)),
        ("subType", json!(sub_type)),
        ("unreadCount", json!(row.unread_count)),
        ("lastMessage", web_message(row.last.as_ref())),
        ("groupAtInfoList", row.mentions.iter().map(at).collect()),
        ("remark", json!(peer.remark.unwrap_or_default())),
        ("isPinned", json!(row.pinned)),
        ("messageRemindType", json!(remind[row.receive_option as usize])),
        ("markList", json!(row.marks)),
        ("customData", json!(row.custom_data.as_deref().map_or(String::new(), text))),
        ("conversationGroupList", row.folders.iter().map(|(_, name)| json!(name)).collect()),
        ("draftText", json!(draft)),
        ("peerReadTime", json!(row.peer_read_marker.map_or(0, secs))),
    ]);
    object[profile.0] = profile.1;
    with_bounds(row, object)
}

fn web_message(line: Option<&Line>) -> Value {
    let Some(line) = line else {
        return json!({
            "lastTime": 0, "lastSequence": 0, "fromAccount": "", "type": "", "payload": null, "messageForShow": "",
            "isRevoked": false, "revoker": null, "isPeerRead": false, "nick": "", "nameCard": "",
            "cloudCustomData": "", "onlineOnlyFlag": false, "version": 0,
        });
    };
    let (elem, word) = match line.kind {
        MessageKind::Image => ("TIMImageElem", "[图片]"),
        MessageKind::Sound => ("TIMSoundElem", "[语音]"),
        MessageKind::Video => ("TIMVideoFileElem", "[视频]"),
        MessageKind::File => ("TIMFileElem", "[文件]"),
        MessageKind::Location => ("TIMLocationElem", "[位置]"),
        MessageKind::Face => ("TIMFaceElem", "[动画表情]"),
        MessageKind::Custom => ("TIMCustomElem", "[自定义消息]"),
        MessageKind::GroupTips => ("TIMGroupTipElem", "[群提示消息]"),
        MessageKind::Merger => ("TIMRelayElem", "[聊天记录]"),
        _ => ("TIMTextElem", ""),
    };
    let data = line.custom.as_deref().map_or(String::new(), text);
    json!({
        "lastTime": secs(line.time),
        "lastSequence": line.seq,
        "fromAccount": line.author.as_str(),
        "type": elem,
        "payload": match line.kind {
            MessageKind::Text => json!({"text": line.text.as_deref().unwrap_or("")}),
            MessageKind::Custom => json!({"data": data, "description": "", "extension": ""}),
            _ => json!({}),
        },
        "messageForShow": line.text.as_deref().unwrap_or(word),
        "isRevoked": line.status == 6,
        "revoker": line.recall.as_ref().map(|(by, ..)| by.as_str()),
        "isPeerRead": line.peer_read,
        "nick": line.nickname.as_deref().unwrap_or(""),
        "nameCard": "",
        "cloudCustomData": line.cloud_custom.as_deref().map_or(String::new(), text),
        "onlineOnlyFlag": line.online_only,
        "version": line.edit_version.unwrap_or(0),
    })
}
