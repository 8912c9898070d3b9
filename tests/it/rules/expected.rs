//! The expected list as text, and what an inbox shows said in the same words.
//!
//! ```text
//! total 1/3
//! group_dev unread=1 last=m2 last.text='Now?' marker=#3
//!   m1 status=recalled text=none
//! unlisted c2c_bob draft=none
//! ```
//!
//! Every line of a conversation says that it is listed, in this order and no other; `unlisted` says that it is
//! not. A line below it is one of its messages, `gone` where it can no longer be seen. Only the attributes named
//! are compared. `total` is the unread of those that notify and of all.

use chatfold::event::{GroupType, ReceiveOption, Watermark};
use chatfold::time::Stamp;
use chatfold::{ConversationId, EventId, MessageId, Timestamp, UserId};

use super::notation::{conversation, lines, message_id, name, words};
use crate::model::badge::{self, rules};
use crate::model::shown::{Begins, Line, Row, Shown};

/// Everything in which `shown` is not as `expected`, a line each.
pub fn differences(expected: &str, shown: &Shown) -> Vec<String> {
    let mut found = Vec::new();
    let mut list = Vec::new();
    let mut current: Option<ConversationId> = None;
    for line in lines(expected) {
        let mut words = words(line);
        let mut head = words.pop_front().unwrap();
        let unlisted = head == "unlisted";
        if unlisted {
            head = words.pop_front().unwrap();
        }
        let mut compare = |what: &str, key: &str, expected: &str, shown: String| {
            if shown != expected {
                found.push(format!("{what} {key}: expected {expected}, shown {shown}"));
            }
        };
        if head == "total" {
            let shown = format!("{}/{}", shown.unread, shown.unread_all);
            compare("", "total", &words[0], shown);
        } else if head == "folders" {
            compare("", "folders", &words[0], folders(&shown.folders));
        } else if head.starts_with("c2c_") || head.starts_with("group_") {
            let id = conversation(&head);
            if unlisted {
                compare(&head, "listed", "no", yes(shown.list.contains(&id)));
            } else {
                list.push(id.clone());
            }
            for word in &words {
                let (key, value) = word.split_once('=').expect(line);
                compare(&head, key, value, of_row(shown.rows.get(&id), key));
            }
            current = Some(id);
        } else {
            let row = current.as_ref().and_then(|id| shown.rows.get(id));
            let message = row.and_then(|row| line_of(row, message_id(&head)));
            for word in &words {
                let (key, value) = word.split_once('=').unwrap_or((word, "yes"));
                let shown = match message {
                    _ if key == "gone" => yes(message.is_none()),
                    Some(message) => of_line(message, key),
                    None => "a message that cannot be seen".to_owned(),
                };
                compare(&head, key, value, shown);
            }
        }
    }
    if list != shown.list {
        found.push(format!("listed: expected {list:?}, shown {:?}", shown.list));
    }
    found
}

fn line_of(row: &Row, id: MessageId) -> Option<&Line> {
    row.history.iter().chain(&row.online_only).find(|line| line.id == id)
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn or_none<T>(value: Option<T>, shown: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "none".to_owned(), shown)
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}

fn bytes(bytes: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(bytes))
}

fn id(id: MessageId) -> String {
    name(id.as_bytes())
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(" "))
}

fn users(users: &[UserId]) -> String {
    list(users.iter().map(ToString::to_string))
}

fn folders(folders: &[(chatfold::FolderId, String)]) -> String {
    list(folders.iter().map(|(_, name)| quoted(name)))
}

fn seconds(time: Timestamp) -> String {
    match time.as_millis() % 1000 {
        0 => time.as_secs().to_string(),
        millis => format!("{}.{millis:03}", time.as_secs()),
    }
}

/// `'text'@time`, and `/name` of the draft it replaces if it says so.
fn draft((stamp, text, replaces): &(Stamp, String, Option<EventId>)) -> String {
    let replaces = replaces.map_or_else(String::new, |draft| format!("/{}", name(draft.as_bytes())));
    format!("'{text}'@{}{replaces}", seconds(stamp.at))
}

fn watermark(watermark: Watermark) -> String {
    match watermark {
        Watermark::Seq(seq) => format!("#{seq}"),
        Watermark::Time(time) => seconds(time),
    }
}

fn group_type(kind: GroupType) -> String {
    kind.as_str().to_lowercase()
}

fn option(option: ReceiveOption) -> String {
    match option {
        ReceiveOption::Receive => "receive",
        ReceiveOption::NotReceive => "not_receive",
        ReceiveOption::ReceiveNotNotify => "receive_not_notify",
        ReceiveOption::NotNotifyExceptAt => "not_notify_except_at",
        ReceiveOption::NotReceiveExceptAt => "not_receive_except_at",
        other => panic!("the notation does not know {other:?}"),
    }
    .to_owned()
}

/// A number, with a plus where it is a lower bound.
fn counted(number: u64, is_lower_bound: bool) -> String {
    format!("{number}{}", if is_lower_bound { "+" } else { "" })
}

/// A gap, with an exclamation mark where it touches a number.
fn gap((from, to, touches): &(i64, i64, bool)) -> String {
    format!("{from}..{to}{}", if *touches { "!" } else { "" })
}

fn mention((_, seq, kind): &(Option<MessageId>, u64, u8)) -> String {
    let whom = ["nobody", "me", "all", "both"][usize::from(*kind)];
    format!("#{seq}:{whom}")
}

/// One attribute of a conversation; of one that shows nothing at all, what an empty one shows.
fn of_row(row: Option<&Row>, key: &str) -> String {
    let Some(row) = row else {
        return match key {
            "unread" | "mentions" | "activity" | "key" => "0",
            "at" | "gaps" | "kept" | "marks" | "in" | "history" | "pins" => "[]",
            "pinned" | "archived" | "older" => "no",
            "option" => "receive",
            _ => "none",
        }
        .to_owned();
    };
    match key {
        "name" => quoted(&row.show_name),
        "face" => or_none(row.face_url.as_deref(), quoted),
        "type" => or_none(row.group_type, group_type),
        "unread" => counted(row.unread_count, row.unread_is_lower_bound),
        "mentions" => counted(row.mention_count, row.mention_is_lower_bound),
        "older" => yes(row.last_is_older),
        "gaps" => list(row.gaps.iter().map(gap)),
        "first" => or_none(row.first_unread, |first| match first {
            Begins::Message(message) => id(message),
            Begins::Within(from, to, touches) => gap(&(from, to, touches)),
        }),
        "last" => or_none(row.last.as_ref(), |line| id(line.id)),
        "option" => option(row.receive_option),
        "badge" => rules().map(|rule| badge::of(row, rule))[0].to_string(),
        "until" => or_none(row.receive_option_until, seconds),
        "archived" if row.stays_archived => "stays".to_owned(),
        "archived" => yes(row.archived),
        "membership" => or_none(row.membership, |state| state.as_str().to_owned()),
        "at" => list(row.mentions.iter().map(mention)),
        "draft" => or_none(row.draft.as_ref(), draft),
        "kept" => list(row.drafts_kept.iter().map(draft)),
        "pinned" => yes(row.pinned),
        "marks" => list(row.marks.iter().map(ToString::to_string)),
        "data" => or_none(row.custom_data.as_deref(), bytes),
        "in" => folders(&row.folders),
        "marker" => or_none(row.read_marker, watermark),
        "peer" => or_none(row.peer_read_marker, seconds),
        "activity" => seconds(row.activity),
        "key" => row.order_key.to_string(),
        "history" => list(row.history.iter().map(|line| id(line.id))),
        "pins" => list(row.pinned_messages.iter().map(|message| id(*message))),
        _ => match key.strip_prefix("last.") {
            Some(key) => or_none(row.last.as_ref(), |line| of_line(line, key)),
            None => panic!("a conversation has no {key}"),
        },
    }
}

fn status(status: u8) -> &'static str {
    match status {
        1 => "sending",
        2 => "sent",
        3 => "failed",
        5 => "imported",
        6 => "recalled",
        _ => "unknown",
    }
}

/// One attribute of a message.
fn of_line(line: &Line, key: &str) -> String {
    let reaction = |(name, actors): &(String, Vec<UserId>)| {
        format!("{name}:{}", actors.iter().map(UserId::as_str).collect::<Vec<_>>().join(","))
    };
    let extension = |(key, value, seq): &(String, String, u64)| format!("{key}:'{value}'#{seq}");
    let recall = line.recall.as_ref();
    match key {
        "by" => line.author.to_string(),
        "own" => yes(line.own),
        "time" => seconds(line.time),
        "seq" => line.seq.to_string(),
        "rank" => line.rank.to_string(),
        "kind" => format!("{:?}", line.kind).to_lowercase(),
        "text" => or_none(line.text.as_deref(), quoted),
        "custom" => or_none(line.custom.as_deref(), bytes),
        "cloud" => or_none(line.cloud_custom.as_deref(), bytes),
        "mentions" => users(&line.mentions.users),
        "to" => users(&line.recipients),
        "re" => or_none(line.reply_to, id),
        "status" => status(line.status).to_owned(),
        "recalled-by" => or_none(recall, |(by, ..)| by.to_string()),
        "recalled-at" => or_none(recall, |(.., stamp)| seconds(stamp.at)),
        "why" => or_none(recall.and_then(|(_, why, _)| why.as_deref()), quoted),
        "version" => or_none(line.edit_version, |version| version.to_string()),
        "failure" => or_none(line.failure_reason.as_deref(), quoted),
        "read" => yes(line.read),
        "read-by-name" => yes(line.read_by_name),
        "peer-read" => yes(line.peer_read),
        "readers" => users(&line.readers),
        "waiting-for" => or_none(line.unread_receipts, |left| left.to_string()),
        "members" => or_none(line.members, |members| members.to_string()),
        "reactions" => list(line.reactions.iter().map(reaction)),
        "extensions" => list(line.extensions.iter().map(extension)),
        "pinned" => yes(line.pinned),
        "event" => name(line.event.as_bytes()),
        "nickname" => or_none(line.nickname.as_deref(), quoted),
        "remark" => or_none(line.remark.as_deref(), quoted),
        "face" => or_none(line.face_url.as_deref(), quoted),
        _ => panic!("a message has no {key}"),
    }
}
