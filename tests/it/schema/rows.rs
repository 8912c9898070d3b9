//! The schemas of an inbox in each dialect, out of one table a class of objects.

use serde_json::{Map, Value, json};

/// The keys of an object: `?` behind one that may be absent, behind the colon what stands there: a word of [`word`], or
/// another object of the dialect. `*` before it: a list of such; `|null` behind it: or null.
type Table = &'static [(&'static str, &'static str)];

/// What a dialect has beside [`HEAD`] and [`BESIDE`].
pub struct Of {
    pub name: &'static str,
    title: &'static str,
    tables: Table,
    /// Words of this dialect alone.
    words: fn() -> Value,
}

const HEAD: &str = "owner:text totalUnreadCount:count totalUnreadCountAll:count badgeCount?:count totalUnreadIsLowerBound?:true \
    totalUnreadAllIsLowerBound?:true skippedEvents:count digest:digest conversationList:*row";

const BESIDE: &str = "archived?:flag membership?:membership|null recvOptUntil?:time badge?:count mentionCount?:count \
    unreadIsLowerBound?:true mentionIsLowerBound?:true lastMessageIsOlder?:true";

pub const DIALECTS: [Of; 3] = [
    Of {
        name: "flutter",
        title: "An inbox with rows of V2TimConversation, the class of the Flutter plugin",
        tables: &[
            (
                "row",
                "conversationID:conversation type:type userID:text|null groupID:text|null showName:text faceUrl:text|null \
                groupType:group_type|null unreadCount:count lastMessage:message|null draftText:text|null draftTimestamp:time isPinned:flag \
                recvOpt:option groupAtInfoList:*at_info orderkey:count markList:*mark customData:text|null conversationGroupList:*text \
                c2cReadTimestamp:time groupReadSequence:count",
            ),
            (
                "message",
                "msgID:uuid timestamp:time sender:text nickName:text|null friendRemark:text|null faceUrl:text|null status:status \
                elemType:elem_type textElem:text_elem|null customElem:custom_elem|null cloudCustomData:text|null groupID:text|null \
                userID:text|null seq:number_as_text isSelf:flag isPeerRead:flag groupAtUserList:*text isExcludedFromUnreadCount:flag \
                isExcludedFromLastMessage:flag revokeReason?:text|null revokerInfo?:revoker",
            ),
            ("at_info", "seq:number_as_text atType:at_type"),
            ("text_elem", "text:text"),
            ("custom_elem", "data:text"),
            ("revoker", "userID:text"),
        ],
        words: || {
            json!({
                "conversation": {"type": "string", "pattern": "^(c2c|group)_."},
                "group_type": {"enum": ["Work", "Public", "Meeting", "AVChatRoom", "Community"]},
                "elem_type": {"type": "integer", "minimum": 1, "maximum": 10},
            })
        },
    },
    Of {
        name: "native",
        title: "An inbox with rows of ConvInfo, as the interface in C writes them",
        tables: &[
            (
                "row",
                "conv_id:text conv_type:type conv_show_name:text conv_face_url?:text conv_group_type?:group_type conv_unread_num:count \
                conv_is_pinned:flag conv_recv_opt:option conv_active_time:count conv_is_has_lastmsg:flag conv_last_msg?:message \
                conv_is_has_draft:flag conv_draft?:draft conv_group_at_info_array:*at_info conv_custom_data?:text conv_mark_array:*mark \
                conv_conversation_group_array:*text conv_c2c_read_timestamp:time conv_group_read_sequence:count",
            ),
            (
                "message",
                "message_msg_id:uuid message_conv_id:text message_conv_type:type message_sender:text message_is_from_self:flag \
                message_client_time:time message_server_time:time message_seq:count message_status:status message_is_peer_read:flag \
                message_is_online_msg:flag message_need_read_receipt:flag message_support_message_extension:flag \
                message_is_excluded_from_unread_count:flag message_excluded_from_last_message:flag message_risk_type_identified:zero \
                message_cloud_custom_str?:text message_group_at_user_array:*text message_target_group_member_array:*text \
                message_sender_profile:profile message_revoker_user_id?:text message_revoke_reason?:text message_elem_array:*elem",
            ),
            ("draft", "draft_msg:draft_message draft_edit_time:time draft_user_define:text"),
            (
                "draft_message",
                "message_conv_id:text message_conv_type:type message_is_from_self:flag message_risk_type_identified:zero \
                message_elem_array:*text_elem",
            ),
            ("at_info", "conv_group_at_info_seq:count conv_group_at_info_at_type:at_type"),
            (
                "profile",
                "user_profile_identifier:text user_profile_nick_name?:text user_profile_face_url?:text user_profile_friend_remark?:text",
            ),
            ("elem", "elem_type:elem_type text_elem_content?:text custom_elem_data?:text"),
            ("text_elem", "elem_type:zero text_elem_content:text"),
        ],
        words: || {
            json!({
                "group_type": {"enum": [0, 1, 2, 4, 5]},
                "elem_type": {"enum": [0, 1, 2, 3, 4, 5, 6, 7, 9, 12]},
                "zero": {"const": 0},
            })
        },
    },
    Of {
        name: "web",
        title: "An inbox with rows of Conversation, the interface of the npm package @tencentcloud/chat 3",
        tables: &[
            (
                "row",
                "conversationID:conversation type:kind subType:group_type unreadCount:count lastMessage:message groupProfile?:group_profile \
                userProfile?:user_profile groupAtInfoList:*at_info remark:text isPinned:flag messageRemindType:remind_type markList:*mark \
                customData:text conversationGroupList:*text draftText:text peerReadTime:time",
            ),
            (
                "message",
                "lastTime:time lastSequence:count fromAccount:text type:elem_type payload:payload|null messageForShow:text isRevoked:flag \
                revoker:text|null isPeerRead:flag nick:text nameCard:text cloudCustomData:text onlineOnlyFlag:flag version:count",
            ),
            ("at_info", "from:text groupID:text messageSequence:count atTypeArray:*at_type"),
            ("group_profile", "groupID:text name:text avatar:text type:group_type"),
            ("user_profile", "userID:text nick:text avatar:text"),
            ("payload", "text?:text data?:text description?:text extension?:text"),
        ],
        words: || {
            json!({
                "conversation": {"type": "string", "pattern": "^(C2C|GROUP)."},
                "kind": {"enum": ["C2C", "GROUP"]},
                "group_type": {"enum": ["", "Private", "Public", "ChatRoom", "AVChatRoom", "Community"]},
                "remind_type": {"enum": ["AcceptAndNotify", "Discard", "AcceptNotNotify", "AcceptNotNotifyExceptAt", "NotReceiveMsgExceptAt"]},
                "elem_type": {"enum": ["", "TIMTextElem", "TIMImageElem", "TIMSoundElem", "TIMVideoFileElem", "TIMFileElem", "TIMLocationElem",
                    "TIMFaceElem", "TIMCustomElem", "TIMGroupTipElem", "TIMRelayElem"]},
            })
        },
    },
];

fn object(keys: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for key in keys.split_whitespace() {
        let (key, says) = key.split_once(':').unwrap();
        let (list, says) = says.strip_prefix('*').map_or((false, says), |says| (true, says));
        let (word, or_null) = says.strip_suffix("|null").map_or((says, false), |word| (word, true));
        let is = json!({"$ref": format!("#/$defs/{word}")});
        let is = if or_null { json!({"anyOf": [is, {"type": "null"}]}) } else { is };
        let name = key.strip_suffix('?').unwrap_or_else(|| {
            required.push(key);
            key
        });
        properties.insert(name.to_owned(), if list { json!({"type": "array", "items": is}) } else { is });
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The words that all dialects have.
fn words() -> Value {
    let marks: Vec<u64> = (0..64).map(|bit| 1 << bit).collect();
    json!({
        "text": {"type": "string"},
        "flag": {"type": "boolean"},
        "true": {"const": true},
        "count": {"type": "integer", "minimum": 0, "maximum": u64::MAX},
        "time": {"type": "integer", "minimum": 0, "maximum": 253_370_764_799_u64},
        "type": {"enum": [1, 2]},
        "option": {"enum": [0, 1, 2, 3, 4]},
        "at_type": {"enum": [1, 2, 3]},
        "status": {"enum": [1, 2, 3, 5, 6]},
        "mark": {"enum": marks},
        "membership": {"enum": ["joined", "invited", "left", "removed", "dissolved"]},
        "digest": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "uuid": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        "number_as_text": {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"},
    })
}

/// The schema of a dialect.
pub fn schema(of: &Of) -> Value {
    let mut schema = object(HEAD);
    let mut defs = words();
    for (name, table) in of.tables {
        defs[*name] = object(&if *name == "row" { format!("{table} {BESIDE}") } else { (*table).to_owned() });
    }
    for (name, word) in (of.words)().as_object().unwrap() {
        defs[name] = word.clone();
    }
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(of.title);
    schema["description"] = json!(format!("What `chatfold inbox LOG --json --dialect {}` writes.", of.name));
    schema["$defs"] = defs;
    schema
}
