//! From an event to its line.

use std::fmt::{Display, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::log::jsonl::{LOG_NAME, VERSION};
use crate::model::event::tables::{GROUP_TYPES, KINDS, RECEIVE_OPTIONS, name_of};
use crate::model::event::{
    AccountFact, Body, Event, Fact, GroupType, Mentions, Message, MessageKind, QuietHours, ReportedMentions,
    Through, UnreadReport, Watermark,
};
use crate::model::id::{MessageId, UserId};
use crate::model::json_text::push_text;

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
    let mut line = String::new();
    push_event(&mut line, event);
    line
}

/// The header of `owner`'s log, at the end of `line`.
pub(crate) fn push_header(line: &mut String, owner: &UserId) {
    object(line, |keys| {
        keys.text("log", LOG_NAME);
        keys.plain("v", VERSION);
        keys.text("owner", owner.as_str());
    });
}

/// An event, at the end of `line`.
pub(crate) fn push_event(line: &mut String, event: &Event) {
    object(line, |keys| {
        keys.plain("v", VERSION);
        keys.quoted("id", event.id());
        keys.quoted("at", event.at());
        keys.text("by", event.by().as_str());
        if let Some(conversation) = event.conversation() {
            keys.text("conversation", conversation.as_str());
        }
        keys.quoted("type", event.type_name());
        match event.body() {
            Body::Conversation(_, fact) => push_fact(keys, fact),
            Body::Account(fact) => push_account_fact(keys, fact),
        }
        if !event.meta().is_empty() {
            keys.object("meta", |keys| event.meta().iter().for_each(|(name, value)| keys.text(name, value)));
        }
    });
}

fn push_fact(keys: &mut Keys<'_>, fact: &Fact) {
    match fact {
        Fact::Opened { group_type } => push_group_type(keys, *group_type),
        Fact::MessageReceived(message) | Fact::MessageQueued(message) => push_message(keys, message, None),
        Fact::MessageImported { sender, message } => push_message(keys, message, sender.as_ref()),
        Fact::MessageModified { target, edit } => {
            keys.quoted("target", target);
            keys.plain("version", edit.version);
            keys.optional_text("text", edit.text.as_deref());
            keys.optional_base64("custom", edit.custom.as_deref());
            keys.optional_base64("cloud_custom", edit.cloud_custom.as_deref());
            if let Some(mentions) = &edit.mentions {
                push_mentions(keys, mentions);
            }
        }
        Fact::MessageRecalled { target, reason } | Fact::MessageFailed { target, reason } => {
            keys.quoted("target", target);
            keys.optional_text("reason", reason.as_deref());
        }
        Fact::MessageReadBy { targets } | Fact::MessagesDeleted { targets } => push_targets(keys, targets),
        Fact::PeerRead { through } | Fact::Read { through } => push_through(keys, *through),
        Fact::HistoryCleared { through, also } => {
            push_watermark(keys, "through", *through);
            push_also(keys, also);
        }
        Fact::Deleted { through, keep_messages, also } => {
            push_watermark(keys, "through", *through);
            keys.flag("keep_messages", *keep_messages);
            push_also(keys, also);
        }
        Fact::MessagesRead { targets, on } => {
            push_targets(keys, targets);
            keys.plain("on", on);
        }
        Fact::MembershipSet { state, user } => {
            keys.quoted("state", state.as_str());
            keys.optional_text("user", user.as_ref().map(UserId::as_str));
        }
        Fact::Archived { on, stay } => {
            keys.plain("on", on);
            keys.flag("stay", *stay);
        }
        Fact::UnreadReported(report) => push_report(keys, report),
        Fact::HistoryComplete { from, through } => {
            push_watermark(keys, "from", *from);
            push_watermark(keys, "through", *through);
        }
        Fact::HistoryWindow { after, through } => {
            push_watermark(keys, "after", *after);
            if let Some(through) = through {
                push_watermark(keys, "through", *through);
            }
        }
        Fact::ReactionSet { target, reaction, on } => {
            keys.quoted("target", target);
            keys.text("reaction", reaction);
            keys.plain("on", on);
        }
        Fact::ExtensionSet { target, key, value, seq } => {
            keys.quoted("target", target);
            keys.text("key", key);
            keys.nullable_text("value", value.as_deref());
            keys.plain("seq", seq);
        }
        Fact::ExtensionsCleared { target, seq } => {
            keys.quoted("target", target);
            keys.plain("seq", seq);
        }
        Fact::MessagePinned { target, on } => {
            keys.quoted("target", target);
            keys.plain("on", on);
        }
        Fact::MessageSent { target, sent_at, seq, members } => {
            keys.quoted("target", target);
            keys.quoted("sent_at", sent_at);
            keys.optional("seq", *seq);
            keys.optional("members", *members);
        }
        Fact::MarkedUnreadFrom { target } => keys.quoted("target", target),
        Fact::Pinned { on } => keys.plain("on", on),
        Fact::DraftSet { text, replaces } => {
            keys.nullable_text("text", text.as_deref());
            if let Some(event) = replaces {
                keys.quoted("replaces", event);
            }
        }
        Fact::MarkSet { mark, on } => {
            keys.plain("mark", mark.bits());
            keys.plain("on", on);
        }
        Fact::CustomDataSet { data } => keys.optional_base64("data", Some(data)),
        Fact::ReceiveOptionSet { option, until } => {
            keys.quoted("option", name_of(&RECEIVE_OPTIONS, option));
            if let Some(until) = until {
                keys.quoted("until", until);
            }
        }
        Fact::FolderMemberSet { folder, on } => {
            keys.quoted("folder", folder);
            keys.plain("on", on);
        }
    }
}

fn push_account_fact(keys: &mut Keys<'_>, fact: &AccountFact) {
    match fact {
        AccountFact::UserProfileChanged { user, nickname, remark, face_url } => {
            keys.text("user", user.as_str());
            keys.optional_text("nickname", nickname.as_deref());
            keys.optional_text("remark", remark.as_deref());
            keys.optional_text("face_url", face_url.as_deref());
        }
        AccountFact::GroupProfileChanged { group, name, face_url, group_type } => {
            keys.text("group", group.as_str());
            keys.optional_text("name", name.as_deref());
            keys.optional_text("face_url", face_url.as_deref());
            push_group_type(keys, *group_type);
        }
        AccountFact::FolderCreated { folder, name } | AccountFact::FolderRenamed { folder, name } => {
            keys.quoted("folder", folder);
            keys.text("name", name);
        }
        AccountFact::FolderDeleted { folder } => keys.quoted("folder", folder),
        AccountFact::QuietHoursSet { hours } => {
            if let Some(hours) = hours {
                push_quiet_hours(keys, hours);
            }
        }
    }
}

fn push_quiet_hours(keys: &mut Keys<'_>, hours: &QuietHours) {
    let push_daily = |keys: &mut Keys<'_>, start_s: u32, duration_s: u32| {
        let (minutes, seconds) = (start_s / 60, start_s % 60);
        keys.quoted("start", format_args!("{:02}:{:02}:{seconds:02}", minutes / 60, minutes % 60));
        keys.plain("duration_s", duration_s);
    };
    match hours {
        QuietHours::Daily { start_s, duration_s, utc_offset_s } => keys.object("daily", |keys| {
            push_daily(keys, *start_s, *duration_s);
            keys.plain("utc_offset_s", utc_offset_s);
        }),
        QuietHours::DailyIn { start_s, duration_s, zone } => keys.object("daily", |keys| {
            push_daily(keys, *start_s, *duration_s);
            keys.quoted("zone", zone);
        }),
        QuietHours::Once { start, duration_s } => keys.object("once", |keys| {
            keys.quoted("start", start);
            keys.plain("duration_s", duration_s);
        }),
    }
}

fn push_report(keys: &mut Keys<'_>, report: &UnreadReport) {
    push_watermark(keys, "through", report.through);
    keys.plain("unread", report.unread);
    if let Some(read) = report.read {
        push_place(keys, "read", read);
    }
    keys.flag("at_least", report.at_least);
    match &report.mentions {
        Some(ReportedMentions::Count(count)) => keys.plain("mentions", count),
        Some(ReportedMentions::At(places)) => keys.array("mentions", places, |out, place| {
            object(out, |keys| {
                keys.plain("seq", place.seq);
                keys.plain("type", place.at_type);
            });
        }),
        None => {}
    }
    if let Some(time) = report.active_at {
        keys.quoted("active_at", time);
    }
}

fn push_message(keys: &mut Keys<'_>, message: &Message, sender: Option<&UserId>) {
    keys.object("message", |keys| {
        keys.quoted("id", message.id);
        keys.optional_text("sender", sender.map(UserId::as_str));
        keys.optional("seq", message.seq);
        if message.kind != MessageKind::default() {
            keys.quoted("kind", name_of(&KINDS, &message.kind));
        }
        keys.optional_text("text", message.text.as_deref());
        keys.optional_base64("custom", message.custom.as_deref());
        keys.optional_base64("cloud_custom", message.cloud_custom.as_deref());
        if !message.mentions.is_empty() {
            push_mentions(keys, &message.mentions);
        }
        if !message.recipients.is_empty() {
            keys.texts("recipients", &message.recipients);
        }
        if let Some(target) = message.reply_to {
            keys.quoted("reply_to", target);
        }
        keys.flag("online_only", message.online_only);
        keys.flag("excluded_from_unread", message.excluded_from_unread);
        keys.flag("excluded_from_last", message.excluded_from_last);
        keys.flag("need_receipt", message.need_receipt);
        keys.flag("supports_extensions", message.supports_extensions);
        keys.optional("members", message.members);
    });
}

fn push_mentions(keys: &mut Keys<'_>, mentions: &Mentions) {
    keys.object("mentions", |keys| {
        if !mentions.users.is_empty() {
            keys.texts("users", &mentions.users);
        }
        keys.flag("all", mentions.all);
    });
}

fn push_targets(keys: &mut Keys<'_>, targets: &[MessageId]) {
    keys.array("targets", targets, |out, target| push_quoted(out, target));
}

fn push_also(keys: &mut Keys<'_>, also: &[MessageId]) {
    if !also.is_empty() {
        keys.array("also", also, |out, target| push_quoted(out, target));
    }
}

fn push_watermark(keys: &mut Keys<'_>, name: &str, watermark: Watermark) {
    push_place(keys, name, Through::Watermark(watermark));
}

fn push_through(keys: &mut Keys<'_>, through: Through) {
    push_place(keys, "through", through);
}

fn push_place(keys: &mut Keys<'_>, name: &str, place: Through) {
    keys.object(name, |keys| match place {
        Through::Watermark(Watermark::Seq(seq)) => keys.plain("seq", seq),
        Through::Watermark(Watermark::Time(time)) => keys.quoted("time", time),
        Through::Message(message) => keys.quoted("message", message),
    });
}

fn push_group_type(keys: &mut Keys<'_>, group_type: Option<GroupType>) {
    if let Some(group_type) = group_type {
        keys.quoted("group_type", name_of(&GROUP_TYPES, &group_type));
    }
}

/// An object, at the end of `out`.
fn object(out: &mut String, fill: impl FnOnce(&mut Keys<'_>)) {
    out.push('{');
    let mut keys = Keys { out, first: true };
    fill(&mut keys);
    out.push('}');
}

/// An object being written.
struct Keys<'a> {
    out: &'a mut String,
    first: bool,
}

impl Keys<'_> {
    fn key(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        push_text(self.out, name);
        self.out.push(':');
        self.out
    }

    fn text(&mut self, name: &str, value: &str) {
        push_text(self.key(name), value);
    }

    fn optional_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn nullable_text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.key(name).push_str("null"),
        }
    }

    /// A string in which nothing needs an escape.
    fn quoted(&mut self, name: &str, value: impl Display) {
        push_quoted(self.key(name), value);
    }

    /// A number or boolean.
    fn plain(&mut self, name: &str, value: impl Display) {
        push_display(self.key(name), value);
    }

    fn optional(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.plain(name, value);
        }
    }

    fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.plain(name, value);
        }
    }

    fn optional_base64(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            let out = self.key(name);
            out.push('"');
            STANDARD.encode_string(value, out);
            out.push('"');
        }
    }

    fn texts(&mut self, name: &str, values: &[UserId]) {
        self.array(name, values, |out, value| push_text(out, value.as_str()));
    }

    fn array<T>(&mut self, name: &str, values: &[T], push: impl Fn(&mut String, &T)) {
        let out = self.key(name);
        let mut separator = '[';
        for value in values {
            out.push(separator);
            push(out, value);
            separator = ',';
        }
        out.push_str(if values.is_empty() { "[]" } else { "]" });
    }

    fn object(&mut self, name: &str, fill: impl FnOnce(&mut Keys<'_>)) {
        object(self.key(name), fill);
    }
}

fn push_display(out: &mut String, value: impl Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

fn push_quoted(out: &mut String, value: impl Display) {
    out.push('"');
    push_display(out, value);
    out.push('"');
}
