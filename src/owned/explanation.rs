//! Why a value is what it is.

use serde::{Deserialize, Serialize};

use crate::explain;
use crate::model::id::EventId;
use crate::owned::values::{Bounds, GroupType, Watermark, each, texts};

/// A message that counts, and the event that introduced it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Because {
    /// The message.
    pub message: String,
    /// The event that introduced it.
    pub event: String,
}

impl From<&explain::Because> for Because {
    fn from(explain::Because { message, event }: &explain::Because) -> Self {
        Self { message: message.to_string(), event: event.to_string() }
    }
}

/// What set the read marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReadReason {
    /// A read of the owner's.
    Read(String),
    /// An own message, where the policy takes it as a read.
    OwnMessage,
    /// The owner marked it unread from a message on.
    MarkedUnread(String),
}

impl From<&explain::ReadReason> for ReadReason {
    fn from(reason: &explain::ReadReason) -> Self {
        match reason {
            explain::ReadReason::Read(event) => Self::Read(event.to_string()),
            explain::ReadReason::OwnMessage => Self::OwnMessage,
            explain::ReadReason::MarkedUnread(event) => Self::MarkedUnread(event.to_string()),
        }
    }
}

/// What makes the last message look as it does, by the ids of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LastMessageReason {
    /// The message.
    pub message: String,
    /// What introduced it.
    pub introduced: String,
    /// The earliest acknowledgement of an own message.
    pub acknowledged: Option<String>,
    /// The failure that counts.
    pub failed: Option<String>,
    /// The edits whose fields show.
    pub edits: Vec<String>,
    /// The recall that counts.
    pub recalled: Option<String>,
}

impl From<&explain::LastMessageReason> for LastMessageReason {
    fn from(reason: &explain::LastMessageReason) -> Self {
        let explain::LastMessageReason { message, introduced, acknowledged, failed, edits, recalled } =
            reason;
        Self {
            message: message.to_string(),
            introduced: introduced.to_string(),
            acknowledged: text(acknowledged),
            failed: text(failed),
            edits: texts(edits),
            recalled: text(recalled),
        }
    }
}

/// Something that keeps a conversation in the list or moved it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A message.
    Message {
        /// The message.
        message: String,
        /// The event.
        event: String,
    },
    /// The event of the draft.
    Draft(String),
    /// The event of the pin.
    Pin(String),
    /// The event of the owner's opening.
    Opening(String),
    /// The event of a server's report.
    Report(String),
}

impl From<&explain::Reason> for Reason {
    fn from(reason: &explain::Reason) -> Self {
        match reason {
            explain::Reason::Message { message, event } => {
                Self::Message { message: message.to_string(), event: event.to_string() }
            }
            explain::Reason::Draft(event) => Self::Draft(event.to_string()),
            explain::Reason::Pin(event) => Self::Pin(event.to_string()),
            explain::Reason::Opening(event) => Self::Opening(event.to_string()),
            explain::Reason::Report(event) => Self::Report(event.to_string()),
        }
    }
}

/// What a server reported of a conversation, and what became of it since: each field as in
/// [`ReportReason`](explain::ReportReason), events and messages by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReportReason {
    /// The event of the report.
    pub event: String,
    /// Up to where it speaks.
    pub through: Watermark,
    /// How many unread messages it told of.
    pub unread: u64,
    /// Whether its numbers are floors.
    pub at_least: bool,
    /// The read that it was counted for, where it is known.
    pub read: Option<Watermark>,
    /// Behind here counts what it said.
    pub counted_after: Option<Watermark>,
    /// Messages held that are taken from the number.
    pub left: Vec<String>,
    /// Messages that are not held and may be taken from it.
    pub may_have_left: Vec<String>,
    /// Messages for which a read or a mark waits.
    pub waits_for: Vec<String>,
    /// The least and the most unread messages.
    pub unread_bounds: Bounds,
    /// The same of mentions.
    pub mention_bounds: Bounds,
    /// Server and messages contradict each other.
    pub is_contradicted: bool,
}

impl From<&explain::ReportReason> for ReportReason {
    fn from(reason: &explain::ReportReason) -> Self {
        // Without `..`, so that the compiler asks for a new field.
        #[rustfmt::skip]
        let explain::ReportReason {
            event, through, unread, at_least, read, counted_after, left, may_have_left, waits_for, unread_bounds,
            mention_bounds, is_contradicted,
        } = reason;
        Self {
            event: event.to_string(),
            through: (*through).into(),
            unread: *unread,
            at_least: *at_least,
            read: read.map(Watermark::from),
            counted_after: counted_after.map(Watermark::from),
            left: texts(left),
            may_have_left: texts(may_have_left),
            waits_for: texts(waits_for),
            unread_bounds: (*unread_bounds).into(),
            mention_bounds: (*mention_bounds).into(),
            is_contradicted: *is_contradicted,
        }
    }
}

/// A mark that a conversation bears, and the event that set it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MarkReason {
    /// The mark, a single bit.
    pub mark: u64,
    /// The event.
    pub event: String,
}

/// A folder that a conversation is in, and the event that put it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FolderReason {
    /// The folder.
    pub folder: String,
    /// The event.
    pub event: String,
}

/// The messages and events behind every shown value of a conversation: each field as in
/// [`Explanation`](explain::Explanation), events and messages by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The messages that count as unread, oldest first.
    pub unread: Vec<Because>,
    /// The type of the group, where it is why nothing counts as unread.
    pub uncounted: Option<GroupType>,
    /// The messages that mention the owner, oldest first.
    pub mentions: Vec<Because>,
    /// The messages that would count if they were not read by name, and the events that say so.
    pub read_by_name: Vec<Because>,
    /// What a server reported, and what became of it.
    pub report: Option<ReportReason>,
    /// What set the read marker.
    pub read_marker: Vec<ReadReason>,
    /// What makes the last message look as it does.
    pub last_message: Option<LastMessageReason>,
    /// What moved the conversation last.
    pub activity: Option<Reason>,
    /// What keeps it in the list.
    pub listed: Vec<Reason>,
    /// What pinned it, or unpinned it last.
    pub pinned: Option<String>,
    /// What wrote the draft.
    pub draft: Option<String>,
    /// The clearing, or deletion with messages, that reaches furthest.
    pub cleared: Option<String>,
    /// The deletion that reaches furthest.
    pub deleted: Option<String>,
    /// What set the receive option.
    pub receive_option: Option<String>,
    /// What put it into the archive or took it out last.
    pub archived: Option<String>,
    /// What says what became of the owner as a member of the group.
    pub membership: Option<String>,
    /// What set the custom data.
    pub custom_data: Option<String>,
    /// What set the marks it bears.
    pub marks: Vec<MarkReason>,
    /// What put it into the live folders it is in.
    pub folders: Vec<FolderReason>,
    /// What gave its name.
    pub show_name: Option<String>,
    /// What gave its picture.
    pub face_url: Option<String>,
    /// What gave the group's type.
    pub group_type: Option<String>,
}

impl From<&explain::Explanation> for Explanation {
    fn from(why: &explain::Explanation) -> Self {
        // Without `..`, so that the compiler asks for a new field.
        let explain::Explanation {
            unread,
            uncounted,
            mentions,
            read_by_name,
            report,
            read_marker,
            last_message,
            activity,
            listed,
            pinned,
            draft,
            cleared,
            deleted,
            receive_option,
            archived,
            membership,
            custom_data,
            marks,
            folders,
            show_name,
            face_url,
            group_type,
        } = why;
        let mark = |(mark, event): &(crate::event::Mark, EventId)| MarkReason {
            mark: mark.bits(),
            event: event.to_string(),
        };
        let folder = |(folder, event): &(crate::FolderId, EventId)| FolderReason {
            folder: folder.to_string(),
            event: event.to_string(),
        };
        Self {
            unread: each(unread),
            uncounted: uncounted.map(GroupType::from),
            mentions: each(mentions),
            read_by_name: each(read_by_name),
            report: report.as_ref().map(ReportReason::from),
            read_marker: each(read_marker),
            last_message: last_message.as_ref().map(LastMessageReason::from),
            activity: activity.as_ref().map(Reason::from),
            listed: each(listed),
            pinned: text(pinned),
            draft: text(draft),
            cleared: text(cleared),
            deleted: text(deleted),
            receive_option: text(receive_option),
            archived: text(archived),
            membership: text(membership),
            custom_data: text(custom_data),
            marks: marks.iter().map(mark).collect(),
            folders: folders.iter().map(folder).collect(),
            show_name: text(show_name),
            face_url: text(face_url),
            group_type: text(group_type),
        }
    }
}

fn text(event: &Option<EventId>) -> Option<String> {
    event.map(|event| event.to_string())
}
