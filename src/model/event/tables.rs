//! The values of the enumerations that formats number and name, each with its name in the text log.
//!
//! The numbers stand in binary logs and snapshots, the names in text logs: a new value goes to the end of its table.

use crate::model::event::message::MessageKind;
use crate::model::event::{GroupType, Membership, ReceiveOption};

pub(crate) const KINDS: [(MessageKind, &str); 10] = [
    (MessageKind::Text, "text"),
    (MessageKind::Custom, "custom"),
    (MessageKind::Image, "image"),
    (MessageKind::Sound, "sound"),
    (MessageKind::Video, "video"),
    (MessageKind::File, "file"),
    (MessageKind::Location, "location"),
    (MessageKind::Face, "face"),
    (MessageKind::GroupTips, "group_tips"),
    (MessageKind::Merger, "merger"),
];

pub(crate) const GROUP_TYPES: [(GroupType, &str); 5] = [
    (GroupType::Work, "work"),
    (GroupType::Public, "public"),
    (GroupType::Meeting, "meeting"),
    (GroupType::AvChatRoom, "avchatroom"),
    (GroupType::Community, "community"),
];

pub(crate) const RECEIVE_OPTIONS: [(ReceiveOption, &str); 5] = [
    (ReceiveOption::Receive, "receive"),
    (ReceiveOption::NotReceive, "not_receive"),
    (ReceiveOption::ReceiveNotNotify, "receive_not_notify"),
    (ReceiveOption::NotNotifyExceptAt, "not_notify_except_at"),
    (ReceiveOption::NotReceiveExceptAt, "not_receive_except_at"),
];

pub(crate) const MEMBERSHIPS: [(Membership, &str); 5] = [
    (Membership::Joined, Membership::Joined.as_str()),
    (Membership::Invited, Membership::Invited.as_str()),
    (Membership::Left, Membership::Left.as_str()),
    (Membership::Removed, Membership::Removed.as_str()),
    (Membership::Dissolved, Membership::Dissolved.as_str()),
];

/// The number of a value in its table, which holds every value.
pub(crate) fn number_of<T: PartialEq>(table: &[(T, &str)], value: &T) -> u8 {
    let number = table.iter().position(|(other, _)| other == value);
    debug_assert!(number.is_some(), "a table holds every value");
    number.unwrap_or_default() as u8
}

/// The value with this number, if there is one.
pub(crate) fn value_of<T: Copy>(table: &[(T, &str)], number: u8) -> Option<T> {
    table.get(usize::from(number)).map(|(value, _)| *value)
}

/// The name of a value in the text log.
pub(crate) fn name_of<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.get(usize::from(number_of(table, value))).map_or("", |(_, name)| name)
}

/// The value that the text log names so, if there is one.
#[cfg(feature = "jsonl")]
pub(crate) fn named<T: Copy>(table: &[(T, &str)], name: &str) -> Option<T> {
    table.iter().find(|(_, other)| *other == name).map(|(value, _)| *value)
}
