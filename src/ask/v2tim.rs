//! The inbox as JSON, its rows shaped like the Flutter class `V2TimConversation`.
//!
//! For a client written against V2TIM, and for looking at an inbox with other tools. What is made here are views
//! that borrow the inbox: write one with a serializer (`serde_json::to_writer` streams, row by row), or with
//! [`Display`](std::fmt::Display) as one line of JSON.
//!
//! Lists are never null and absent strings always are; times are whole seconds, rounded down; bytes
//! (`customData`, `cloudCustomData`, the data of a `customElem`) are base64 in the standard alphabet.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeSeq, SerializeStruct, Serializer};

use crate::inbox::{ConversationView, Inbox, Mention, MessageStatus, MessageView};
use crate::model::badge::BadgeRule;
use crate::model::event::{Membership, MessageKind, Watermark};
use crate::model::filter::Filter;
use crate::model::id::ConversationKind;
use crate::model::time::Timestamp;

/// How V2TIM spells, in a list of mentioned users, that everybody is mentioned.
pub const AT_ALL: &str = "__kImSDK_MesssageAtALL__";

/// Rows taken from the list at a time while writing.
const PAGE_LEN: usize = 256;

/// An inbox as one JSON object: `owner`, `totalUnreadCount`, `totalUnreadCountAll`, `skippedEvents`, `digest` and
/// `conversationList`.
///
/// The list holds the conversations that fit `filter`, in list order. The totals and the digest are those of the
/// whole inbox, whatever the filter: `totalUnreadCount` over the conversations with receive option `Receive`,
/// `totalUnreadCountAll` over all. Where messages are not held, and only there, rows have `unreadIsLowerBound`,
/// `mentionIsLowerBound` with `mentionCount`, and `lastMessageIsOlder`, each if it is true, and the head
/// `totalUnreadIsLowerBound` and `totalUnreadAllIsLowerBound` likewise (R46–R48). `skipped_events` is what the reader of the log counted: lines of an unknown
/// type or a newer version.
///
/// ```
/// use chatfold::{Filter, Inbox, Policy, UserId, v2tim};
/// let inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
/// let json = v2tim::InboxJson::new(&inbox, 0, &Filter::default()).to_string();
/// assert!(json.starts_with(r#"{"owner":"alice","totalUnreadCount":0,"totalUnreadCountAll":0,"skippedEvents":0,"#));
/// assert!(json.ends_with(r#""conversationList":[]}"#));
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InboxJson<'a> {
    inbox: &'a Inbox,
    skipped_events: u64,
    filter: &'a Filter,
    limit: usize,
    all_keys: bool,
}

impl<'a> InboxJson<'a> {
    /// Returns the JSON view of `inbox` with the conversations that fit `filter`; `skipped_events` is what the reader of
    /// the log counted.
    pub fn new(inbox: &'a Inbox, skipped_events: u64, filter: &'a Filter) -> Self {
        Self { inbox, skipped_events, filter, limit: usize::MAX, all_keys: false }
    }

    /// The same with at most `rows` conversations, the first of the list; totals and digest stay those of all.
    #[must_use]
    pub fn with_limit(self, rows: usize) -> Self {
        Self { limit: rows, ..self }
    }

    /// The same with what the reference has no key for: in each row `archived`, `membership` (null where nobody said),
    /// `recvOptUntil` (seconds, 0 where it does not end), `badge` (R55, by the default rule) and `mentionCount`; beside the
    /// totals `badgeCount`.
    #[must_use]
    pub fn with_all_keys(self) -> Self {
        Self { all_keys: true, ..self }
    }
}

/// A conversation as a JSON object with exactly the keys of `V2TimConversation`.
#[derive(Clone, Copy, Debug)]
pub struct ConversationJson<'a> {
    conversation: ConversationView<'a>,
    all_keys: bool,
}

impl<'a> ConversationJson<'a> {
    /// Returns the JSON view of a conversation.
    pub fn new(conversation: ConversationView<'a>) -> Self {
        Self { conversation, all_keys: false }
    }

    /// The same with what the reference has no key for: see [`InboxJson::with_all_keys`].
    #[must_use]
    pub fn with_all_keys(self) -> Self {
        Self { all_keys: true, ..self }
    }
}

impl fmt::Display for InboxJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, f)
    }
}

impl fmt::Display for ConversationJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_json(self, f)
    }
}

fn write_json(value: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(value).map_err(|_| fmt::Error)?)
}

impl Serialize for InboxJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let totals = self.inbox.totals();
        let keys = 6 + usize::from(self.all_keys);
        let keys =
            keys + usize::from(totals.unread_is_lower_bound) + usize::from(totals.unread_all_is_lower_bound);
        let mut object = serializer.serialize_struct("Inbox", keys)?;
        object.serialize_field("owner", self.inbox.owner().as_str())?;
        object.serialize_field("totalUnreadCount", &totals.unread)?;
        object.serialize_field("totalUnreadCountAll", &totals.unread_all)?;
        if self.all_keys {
            object.serialize_field("badgeCount", &totals.badge)?;
        }
        if totals.unread_is_lower_bound {
            object.serialize_field("totalUnreadIsLowerBound", &true)?;
        }
        if totals.unread_all_is_lower_bound {
            object.serialize_field("totalUnreadAllIsLowerBound", &true)?;
        }
        object.serialize_field("skippedEvents", &self.skipped_events)?;
        object.serialize_field("digest", &self.inbox.digest().to_string())?;
        object.serialize_field("conversationList", &Rows(self))?;
        object.end()
    }
}

impl Serialize for ConversationJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RowJson::of(self.conversation, self.all_keys).serialize(serializer)
    }
}

/// The list, a page at a time.
struct Rows<'a>(&'a InboxJson<'a>);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let InboxJson { inbox, filter, limit, all_keys, .. } = *self.0;
        let mut list = serializer.serialize_seq(None)?;
        let mut after = None;
        let mut left = limit;
        loop {
            let page = inbox.page(filter, after.as_ref(), PAGE_LEN.min(left));
            left -= page.conversations.len();
            for conversation in page.conversations {
                list.serialize_element(&RowJson::of(conversation, all_keys))?;
            }
            after = page.next;
            if after.is_none() || left == 0 {
                return list.end();
            }
        }
    }
}

/// One conversation, key by key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowJson<'a> {
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
    last_message: Option<LastMessage<'a>>,
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
    // What the reference has no key for: each is left out unless all keys are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    archived: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<Option<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recv_opt_until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    badge: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mention_count: Option<u64>,
    // What is known of messages that are not held: each only where it is so.
    #[serde(skip_serializing_if = "is_not")]
    unread_is_lower_bound: bool,
    #[serde(skip_serializing_if = "is_not")]
    mention_is_lower_bound: bool,
    #[serde(skip_serializing_if = "is_not")]
    last_message_is_older: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_not(flag: &bool) -> bool {
    !*flag
}

impl<'a> RowJson<'a> {
    fn of(conversation: ConversationView<'a>, all_keys: bool) -> Self {
        let (user_id, group_id) = user_and_group(conversation);
        let draft = conversation.draft();
        let (c2c_read_timestamp, group_read_sequence) = match conversation.read_marker() {
            Some(Watermark::Time(time)) => (time.as_secs(), 0),
            Some(Watermark::Seq(seq)) => (0, seq),
            None => (0, 0),
        };
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
            last_message: conversation.last_message().map(|message| LastMessage::of(conversation, message)),
            draft_text: draft.as_ref().map(|draft| draft.text),
            draft_timestamp: draft.as_ref().map_or(0, |draft| draft.stamp.at.as_secs()),
            is_pinned: conversation.is_pinned(),
            recv_opt: conversation.receive_option() as u8,
            group_at_info_list: conversation.mentions().into_iter().map(at_info).collect(),
            orderkey: conversation.order_key(),
            mark_list: conversation.marks().into_iter().map(|mark| mark.bits()).collect(),
            custom_data: conversation.custom_data().map(|data| STANDARD.encode(data)),
            conversation_group_list: conversation.folders().into_iter().map(|folder| folder.name).collect(),
            c2c_read_timestamp,
            group_read_sequence,
            archived: all_keys.then(|| conversation.is_archived()),
            membership: all_keys.then(|| conversation.membership().map(Membership::as_str)),
            recv_opt_until: all_keys
                .then(|| conversation.receive_option_until().map_or(0, Timestamp::as_secs)),
            badge: all_keys.then(|| conversation.badge(BadgeRule::default())),
            mention_count: (all_keys || conversation.mention_is_lower_bound())
                .then(|| conversation.mention_count()),
            unread_is_lower_bound: conversation.unread_is_lower_bound(),
            mention_is_lower_bound: conversation.mention_is_lower_bound(),
            last_message_is_older: conversation.last_message_is_older(),
        }
    }
}

/// The peer of a direct conversation, or the group.
fn user_and_group(conversation: ConversationView<'_>) -> (Option<&str>, Option<&str>) {
    let id = conversation.id();
    match id.kind() {
        ConversationKind::Direct => (Some(id.target()), None),
        ConversationKind::Group => (None, Some(id.target())),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AtInfo {
    seq: String,
    at_type: u8,
}

/// The last message, key by key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LastMessage<'a> {
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

#[derive(Serialize)]
struct TextElem<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct CustomElem {
    data: String,
}

#[derive(Serialize)]
struct RevokerInfo<'a> {
    #[serde(rename = "userID")]
    user_id: &'a str,
}

impl<'a> LastMessage<'a> {
    fn of(conversation: ConversationView<'a>, message: MessageView<'a>) -> Self {
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
            custom_elem: custom.map(|data| CustomElem { data: STANDARD.encode(data) }),
            cloud_custom_data: cloud_custom.map(|data| STANDARD.encode(data)),
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

/// The number of V2TIM for an element of this kind.
fn elem_type(kind: MessageKind) -> u8 {
    match kind {
        MessageKind::Text => 1,
        MessageKind::Custom => 2,
        MessageKind::Image => 3,
        MessageKind::Sound => 4,
        MessageKind::Video => 5,
        MessageKind::File => 6,
        MessageKind::Location => 7,
        MessageKind::Face => 8,
        MessageKind::GroupTips => 9,
        MessageKind::Merger => 10,
    }
}
