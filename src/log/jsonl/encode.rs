//! From an event to its line.
//!
//! Bytes are appended to what is there, each key together with the comma before it: every object but three begins with a
//! member that it always has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::log::jsonl::{LOG_NAME, VERSION};
use crate::model::digits::{self, push_uint};
use crate::model::event::tables::{GROUP_TYPES, KINDS, RECEIVE_OPTIONS, name_of};
use crate::model::event::{
    AccountFact, Body, Event, Fact, GroupType, Mentions, Message, MessageKind, QuietHours, ReportedMentions,
    Through, UnreadReport, Watermark,
};
use crate::model::id::{MessageId, UserId};
use crate::model::json_text::put_text;
use crate::model::time::Timestamp;

/// A key with the comma before it and the colon behind it.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

/// The line of an event in a text log, without the `\n` that ends it.
///
/// Keys in their fixed order, defaults left out; no raw line feed is in it.
///
/// ```
/// use chatfold::jsonl::encode_event;
/// use chatfold::{ConversationId, Envelope, EventId, Timestamp, UserId};
/// let alice = Envelope::new(EventId::from_bytes([0; 16]), Timestamp::EPOCH, UserId::parse("alice")?);
/// let event = alice.conversation_pinned("c2c_bob".parse()?, true)?;
/// assert_eq!(
///     encode_event(&event),
///     r#"{"v":1,"id":"00000000-0000-0000-0000-000000000000","at":"1970-01-01T00:00:00.000Z","by":"alice","conversation":"c2c_bob","type":"conversation_pinned","on":true}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode_event(event: &Event) -> String {
    let mut line = Vec::with_capacity(LINE_LEN_BYTES + text_len_bytes(event));
    put_event(&mut line, event);
    // Only text was written.
    String::from_utf8(line).unwrap_or_default()
}

/// About what a line takes beside a long text.
const LINE_LEN_BYTES: usize = 320;

fn text_len_bytes(event: &Event) -> usize {
    match event.body() {
        Body::Conversation(_, Fact::MessageReceived(message)) => message.text.as_ref().map_or(0, String::len),
        _ => 0,
    }
}

/// The header of `owner`'s log, at the end of `line`.
pub(crate) fn put_header(line: &mut Vec<u8>, owner: &UserId) {
    raw(line, "{\"log\":");
    put_text(line, LOG_NAME);
    uint(line, key!("v"), VERSION);
    text(line, key!("owner"), owner.as_str());
    line.push(b'}');
}

/// An event, at the end of `line`.
pub(crate) fn put_event(line: &mut Vec<u8>, event: &Event) {
    const { assert!(VERSION == 1, "the line begins with it") };
    raw(line, "{\"v\":1,\"id\":\"");
    line.extend_from_slice(&digits::uuid(event.id().as_bytes()));
    raw(line, "\",\"at\":\"");
    line.extend_from_slice(&event.at().to_text());
    raw(line, "\",\"by\":");
    put_text(line, event.by().as_str());
    if let Some(conversation) = event.conversation() {
        text(line, key!("conversation"), conversation.as_str());
    }
    name(line, key!("type"), event.type_name());
    match event.body() {
        Body::Conversation(_, fact) => put_fact(line, fact),
        Body::Account(fact) => put_account_fact(line, fact),
    }
    if !event.meta().is_empty() {
        raw(line, key!("meta"));
        let mut separator = b'{';
        for (name, value) in event.meta() {
            line.push(separator);
            put_text(line, name);
            line.push(b':');
            put_text(line, value);
            separator = b',';
        }
        line.push(b'}');
    }
    line.push(b'}');
}

fn put_fact(out: &mut Vec<u8>, fact: &Fact) {
    match fact {
        Fact::Opened { group_type } => put_group_type(out, *group_type),
        Fact::MessageReceived(message) | Fact::MessageQueued(message) => put_message(out, message, None),
        Fact::MessageImported { sender, message } => put_message(out, message, sender.as_ref()),
        Fact::MessageModified { target, edit } => {
            uuid(out, key!("target"), target.as_bytes());
            uint(out, key!("version"), edit.version);
            optional_text(out, key!("text"), edit.text.as_deref());
            optional_base64(out, key!("custom"), edit.custom.as_deref());
            optional_base64(out, key!("cloud_custom"), edit.cloud_custom.as_deref());
            if let Some(mentions) = &edit.mentions {
                put_mentions(out, mentions);
            }
        }
        Fact::MessageRecalled { target, reason } | Fact::MessageFailed { target, reason } => {
            uuid(out, key!("target"), target.as_bytes());
            optional_text(out, key!("reason"), reason.as_deref());
        }
        Fact::MessageReadBy { targets } | Fact::MessagesDeleted { targets } => put_targets(out, targets),
        Fact::PeerRead { through } | Fact::Read { through } => put_place(out, key!("through"), *through),
        Fact::HistoryCleared { through, also } => {
            put_watermark(out, key!("through"), *through);
            put_also(out, also);
        }
        Fact::Deleted { through, keep_messages, also } => {
            put_watermark(out, key!("through"), *through);
            flag(out, key!("keep_messages"), *keep_messages);
            put_also(out, also);
        }
        Fact::MessagesRead { targets, on } => {
            put_targets(out, targets);
            boolean(out, key!("on"), *on);
        }
        Fact::MembershipSet { state, user } => {
            name(out, key!("state"), state.as_str());
            optional_text(out, key!("user"), user.as_ref().map(UserId::as_str));
        }
        Fact::Archived { on, stay } => {
            boolean(out, key!("on"), *on);
            flag(out, key!("stay"), *stay);
        }
        Fact::UnreadReported(report) => put_report(out, report),
        Fact::HistoryComplete { from, through } => {
            put_watermark(out, key!("from"), *from);
            put_watermark(out, key!("through"), *through);
        }
        Fact::HistoryWindow { after, through } => {
            put_watermark(out, key!("after"), *after);
            if let Some(through) = through {
                put_watermark(out, key!("through"), *through);
            }
        }
        Fact::ReactionSet { target, reaction, on } => {
            uuid(out, key!("target"), target.as_bytes());
            text(out, key!("reaction"), reaction);
            boolean(out, key!("on"), *on);
        }
        Fact::ExtensionSet { target, key, value, seq } => {
            uuid(out, key!("target"), target.as_bytes());
            text(out, key!("key"), key);
            nullable_text(out, key!("value"), value.as_deref());
            uint(out, key!("seq"), *seq);
        }
        Fact::ExtensionsCleared { target, seq } => {
            uuid(out, key!("target"), target.as_bytes());
            uint(out, key!("seq"), *seq);
        }
        Fact::MessagePinned { target, on } => {
            uuid(out, key!("target"), target.as_bytes());
            boolean(out, key!("on"), *on);
        }
        Fact::MessageSent { target, sent_at, seq, members } => {
            uuid(out, key!("target"), target.as_bytes());
            time(out, key!("sent_at"), *sent_at);
            optional(out, key!("seq"), *seq);
            optional(out, key!("members"), *members);
        }
        Fact::MarkedUnreadFrom { target } => uuid(out, key!("target"), target.as_bytes()),
        Fact::Pinned { on } => boolean(out, key!("on"), *on),
        Fact::DraftSet { text, replaces } => {
            nullable_text(out, key!("text"), text.as_deref());
            if let Some(event) = replaces {
                uuid(out, key!("replaces"), event.as_bytes());
            }
        }
        Fact::MarkSet { mark, on } => {
            uint(out, key!("mark"), mark.bits());
            boolean(out, key!("on"), *on);
        }
        Fact::CustomDataSet { data } => optional_base64(out, key!("data"), Some(data)),
        Fact::ReceiveOptionSet { option, until } => {
            name(out, key!("option"), name_of(&RECEIVE_OPTIONS, option));
            if let Some(until) = until {
                time(out, key!("until"), *until);
            }
        }
        Fact::FolderMemberSet { folder, on } => {
            uuid(out, key!("folder"), folder.as_bytes());
            boolean(out, key!("on"), *on);
        }
    }
}

fn put_account_fact(out: &mut Vec<u8>, fact: &AccountFact) {
    match fact {
        AccountFact::UserProfileChanged { user, nickname, remark, face_url } => {
            text(out, key!("user"), user.as_str());
            optional_text(out, key!("nickname"), nickname.as_deref());
            optional_text(out, key!("remark"), remark.as_deref());
            optional_text(out, key!("face_url"), face_url.as_deref());
        }
        AccountFact::GroupProfileChanged { group, name, face_url, group_type } => {
            text(out, key!("group"), group.as_str());
            optional_text(out, key!("name"), name.as_deref());
            optional_text(out, key!("face_url"), face_url.as_deref());
            put_group_type(out, *group_type);
        }
        AccountFact::FolderCreated { folder, name } | AccountFact::FolderRenamed { folder, name } => {
            uuid(out, key!("folder"), folder.as_bytes());
            text(out, key!("name"), name);
        }
        AccountFact::FolderDeleted { folder } => uuid(out, key!("folder"), folder.as_bytes()),
        AccountFact::QuietHoursSet { hours } => {
            if let Some(hours) = hours {
                put_quiet_hours(out, hours);
            }
        }
    }
}

fn put_quiet_hours(out: &mut Vec<u8>, hours: &QuietHours) {
    match hours {
        QuietHours::Daily { start_s, duration_s, utc_offset_s } => {
            put_daily(out, *start_s, *duration_s);
            raw(out, key!("utc_offset_s"));
            if utc_offset_s.is_negative() {
                out.push(b'-');
            }
            push_uint(out, utc_offset_s.unsigned_abs().into());
        }
        QuietHours::DailyIn { start_s, duration_s, zone } => {
            put_daily(out, *start_s, *duration_s);
            name(out, key!("zone"), zone.as_str());
        }
        QuietHours::Once { start, duration_s } => {
            time(out, concat!(key!("once"), "{\"start\":"), *start);
            uint(out, key!("duration_s"), *duration_s);
        }
    }
    out.push(b'}');
}

fn put_daily(out: &mut Vec<u8>, start_s: u32, duration_s: u32) {
    let [hour, minute, second] = [start_s / 3_600, start_s / 60 % 60, start_s % 60].map(digits::two);
    raw(out, concat!(key!("daily"), "{\"start\":\""));
    out.extend_from_slice(&hour);
    out.push(b':');
    out.extend_from_slice(&minute);
    out.push(b':');
    out.extend_from_slice(&second);
    out.push(b'"');
    uint(out, key!("duration_s"), duration_s);
}

fn put_report(out: &mut Vec<u8>, report: &UnreadReport) {
    put_watermark(out, key!("through"), report.through);
    uint(out, key!("unread"), report.unread);
    if let Some(read) = report.read {
        put_place(out, key!("read"), read);
    }
    flag(out, key!("at_least"), report.at_least);
    match &report.mentions {
        Some(ReportedMentions::Count(count)) => uint(out, key!("mentions"), *count),
        Some(ReportedMentions::At(places)) => array(out, key!("mentions"), places, |out, place| {
            uint(out, "{\"seq\":", place.seq);
            uint(out, key!("type"), place.at_type);
            out.push(b'}');
        }),
        None => {}
    }
    if let Some(at) = report.active_at {
        time(out, key!("active_at"), at);
    }
}

fn put_message(out: &mut Vec<u8>, message: &Message, sender: Option<&UserId>) {
    uuid(out, concat!(key!("message"), "{\"id\":"), message.id.as_bytes());
    optional_text(out, key!("sender"), sender.map(UserId::as_str));
    optional(out, key!("seq"), message.seq);
    if message.kind != MessageKind::default() {
        name(out, key!("kind"), name_of(&KINDS, &message.kind));
    }
    optional_text(out, key!("text"), message.text.as_deref());
    optional_base64(out, key!("custom"), message.custom.as_deref());
    optional_base64(out, key!("cloud_custom"), message.cloud_custom.as_deref());
    if !message.mentions.is_empty() {
        put_mentions(out, &message.mentions);
    }
    if !message.recipients.is_empty() {
        put_users(out, key!("recipients"), &message.recipients);
    }
    if let Some(target) = message.reply_to {
        uuid(out, key!("reply_to"), target.as_bytes());
    }
    flag(out, key!("online_only"), message.online_only);
    flag(out, key!("excluded_from_unread"), message.excluded_from_unread);
    flag(out, key!("excluded_from_last"), message.excluded_from_last);
    flag(out, key!("need_receipt"), message.need_receipt);
    flag(out, key!("supports_extensions"), message.supports_extensions);
    optional(out, key!("members"), message.members);
    out.push(b'}');
}

fn put_mentions(out: &mut Vec<u8>, mentions: &Mentions) {
    raw(out, concat!(key!("mentions"), "{"));
    match (mentions.users.is_empty(), mentions.all) {
        (true, false) => {}
        (true, true) => raw(out, "\"all\":true"),
        (false, all) => {
            put_users(out, "\"users\":", &mentions.users);
            flag(out, key!("all"), all);
        }
    }
    out.push(b'}');
}

fn put_targets(out: &mut Vec<u8>, targets: &[MessageId]) {
    put_ids(out, key!("targets"), targets);
}

fn put_also(out: &mut Vec<u8>, also: &[MessageId]) {
    if !also.is_empty() {
        put_ids(out, key!("also"), also);
    }
}

fn put_ids(out: &mut Vec<u8>, key: &str, ids: &[MessageId]) {
    array(out, key, ids, |out, id| uuid(out, "", id.as_bytes()));
}

fn put_users(out: &mut Vec<u8>, key: &str, users: &[UserId]) {
    array(out, key, users, |out, user| put_text(out, user.as_str()));
}

fn put_watermark(out: &mut Vec<u8>, key: &str, watermark: Watermark) {
    put_place(out, key, Through::Watermark(watermark));
}

fn put_place(out: &mut Vec<u8>, key: &str, place: Through) {
    raw(out, key);
    match place {
        Through::Watermark(Watermark::Seq(seq)) => uint(out, "{\"seq\":", seq),
        Through::Watermark(Watermark::Time(at)) => time(out, "{\"time\":", at),
        Through::Message(message) => uuid(out, "{\"message\":", message.as_bytes()),
    }
    out.push(b'}');
}

fn put_group_type(out: &mut Vec<u8>, group_type: Option<GroupType>) {
    if let Some(group_type) = group_type {
        name(out, key!("group_type"), name_of(&GROUP_TYPES, &group_type));
    }
}

// Members: what stands before the value, and the value. They are inlined, so that the length of a key is known where it
// is copied.

#[inline]
fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

#[inline]
fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    raw(out, key);
    put_text(out, value);
}

#[inline]
fn optional_text(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        text(out, key, value);
    }
}

#[inline]
fn nullable_text(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    raw(out, key);
    match value {
        Some(value) => put_text(out, value),
        None => raw(out, "null"),
    }
}

/// A text in which nothing needs an escape.
#[inline]
fn name(out: &mut Vec<u8>, key: &str, value: &str) {
    raw(out, key);
    out.push(b'"');
    raw(out, value);
    out.push(b'"');
}

#[inline]
fn uuid(out: &mut Vec<u8>, key: &str, bytes: &[u8; 16]) {
    raw(out, key);
    out.push(b'"');
    out.extend_from_slice(&digits::uuid(bytes));
    out.push(b'"');
}

#[inline]
fn time(out: &mut Vec<u8>, key: &str, at: Timestamp) {
    raw(out, key);
    out.push(b'"');
    out.extend_from_slice(&at.to_text());
    out.push(b'"');
}

#[inline]
fn uint(out: &mut Vec<u8>, key: &str, number: impl Into<u64>) {
    raw(out, key);
    push_uint(out, number.into());
}

#[inline]
fn optional(out: &mut Vec<u8>, key: &str, number: Option<u64>) {
    if let Some(number) = number {
        uint(out, key, number);
    }
}

#[inline]
fn boolean(out: &mut Vec<u8>, key: &str, on: bool) {
    raw(out, key);
    raw(out, if on { "true" } else { "false" });
}

/// A boolean that is left out unless it is set.
#[inline]
fn flag(out: &mut Vec<u8>, key: &str, on: bool) {
    if on {
        boolean(out, key, on);
    }
}

fn optional_base64(out: &mut Vec<u8>, key: &str, value: Option<&[u8]>) {
    let Some(value) = value else { return };
    raw(out, key);
    out.push(b'"');
    // Three bytes become four characters.
    let begin = out.len();
    out.resize(begin + value.len().div_ceil(3) * 4, 0);
    // There is room for exactly what is written.
    let written = STANDARD.encode_slice(value, out.get_mut(begin..).unwrap_or_default()).unwrap_or_default();
    out.truncate(begin + written);
    out.push(b'"');
}

fn array<T>(out: &mut Vec<u8>, key: &str, values: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    raw(out, key);
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        put(out, value);
    }
    out.push(b']');
}
