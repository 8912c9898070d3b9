//! A row of the list.

use serde::{Deserialize, Serialize};

use crate::inbox::ConversationView;
use crate::owned::cursor::ListCursor;
use crate::owned::message::Message;
use crate::owned::values::{
    Bounds, ConversationKind, GroupType, Membership, MentionKind, ReceiveOption, Stamp, Watermark, each, ms,
};
use crate::{list, snapshot, view};

/// An unread message that mentions the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mention {
    /// The message; none where it is not held.
    pub message: Option<String>,
    /// Its sequence number.
    pub seq: u64,
    /// Whom it mentions.
    pub kind: MentionKind,
}

impl From<view::Mention> for Mention {
    fn from(view::Mention { message, seq, kind }: view::Mention) -> Self {
        Self { message: message.map(|message| message.to_string()), seq, kind: kind.into() }
    }
}

/// A stretch that is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// Where it begins, itself part of it.
    pub from: Watermark,
    /// Where it ends, itself part of it.
    pub through: Watermark,
    /// The number of unread messages is a lower bound, and what lies in this gap may be among them.
    pub touches_number: bool,
}

impl From<view::Gap> for Gap {
    fn from(view::Gap { from, through, touches_number }: view::Gap) -> Self {
        Self { from: from.into(), through: through.into(), touches_number }
    }
}

/// Where the unread messages begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FirstUnread {
    /// With this message, by id.
    Message(String),
    /// With a message that is not held, in this gap or behind it.
    Within(Gap),
}

impl From<view::FirstUnread<'_>> for FirstUnread {
    fn from(first: view::FirstUnread<'_>) -> Self {
        match first {
            view::FirstUnread::Message(message) => Self::Message(message.id().to_string()),
            view::FirstUnread::Within(gap) => Self::Within(gap.into()),
        }
    }
}

/// A draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Draft {
    /// The text, not empty.
    pub text: String,
    /// When it was written, and by which event.
    pub stamp: Stamp,
    /// The event of the draft that its writer saw and replaced.
    pub replaces: Option<String>,
}

impl From<view::Draft<'_>> for Draft {
    fn from(view::Draft { text, stamp, replaces }: view::Draft<'_>) -> Self {
        Self { text: text.to_owned(), stamp: stamp.into(), replaces: replaces.map(|id| id.to_string()) }
    }
}

/// A live folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Folder {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl From<list::Folder> for Folder {
    fn from(list::Folder { id, name }: list::Folder) -> Self {
        Self { id: id.to_string(), name }
    }
}

/// Why nothing more can be shown of a conversation's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// Where the corrupt part begins in the snapshot.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl From<snapshot::HistoryFault> for Fault {
    fn from(snapshot::HistoryFault { offset, reason, .. }: snapshot::HistoryFault) -> Self {
        Self { offset, reason: reason.to_owned() }
    }
}

/// A conversation as it shows: every field is what the method of its name says of a [`ConversationView`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// Whether it is direct or a group's.
    pub kind: ConversationKind,
    /// Whether it is in the list.
    pub is_listed: bool,
    /// The name to show.
    pub show_name: String,
    /// Where its picture is.
    pub face_url: Option<String>,
    /// The group's type, if anybody said.
    pub group_type: Option<GroupType>,
    /// The number of unread messages.
    pub unread_count: u64,
    /// Whether it may be more.
    pub unread_is_lower_bound: bool,
    /// The least and the most that it may be.
    pub unread_bounds: Bounds,
    /// The last message that may show.
    pub last_message: Option<Message>,
    /// Whether there may be a newer one that is not held.
    pub last_message_is_older: bool,
    /// The unread mentions of the owner, in position order.
    pub mentions: Vec<Mention>,
    /// How many unread mentions there are.
    pub mention_count: u64,
    /// Whether there may be more.
    pub mention_is_lower_bound: bool,
    /// The least and the most that there may be.
    pub mention_bounds: Bounds,
    /// The stretches that are not held, the newest first.
    pub gaps: Vec<Gap>,
    /// The draft that shows.
    pub draft: Option<Draft>,
    /// All drafts that are kept, by stamp.
    pub drafts_kept: Vec<Draft>,
    /// The drafts that lost to a concurrent write, by stamp.
    pub drafts_lost: Vec<Draft>,
    /// Whether it is pinned.
    pub is_pinned: bool,
    /// How the owner wants to be told of its messages.
    pub receive_option: ReceiveOption,
    /// When an event is to end the receive option.
    pub receive_option_until_ms: Option<i64>,
    /// Whether it is archived.
    pub is_archived: bool,
    /// Whether new messages leave it archived.
    pub stays_archived: bool,
    /// What became of the owner as a member of the group.
    pub membership: Option<Membership>,
    /// The marks on it, each a single bit, ascending.
    pub marks: Vec<u64>,
    /// The custom data.
    pub custom_data: Option<Vec<u8>>,
    /// The live folders that hold it, by name and id.
    pub folders: Vec<Folder>,
    /// How far the owner has read.
    pub read_marker: Option<Watermark>,
    /// How far the peer of a direct chat has read.
    pub peer_read_marker_ms: Option<i64>,
    /// When it was last active; 0 if never.
    pub activity_ms: i64,
    /// Its key in the list's order.
    pub order_key: u64,
    /// Its place in the list.
    pub cursor: ListCursor,
    /// The messages that are pinned in the group, by id, oldest first.
    pub pinned_messages: Vec<String>,
    /// Where the unread messages begin.
    pub first_unread: Option<FirstUnread>,
    /// The fault found in the history, if part of it is corrupt.
    pub fault: Option<Fault>,
    /// How many events wait because the history is corrupt.
    pub waiting_events: usize,
}

impl From<ConversationView<'_>> for Conversation {
    fn from(view: ConversationView<'_>) -> Self {
        Self {
            id: view.id().to_string(),
            kind: view.kind().into(),
            is_listed: view.is_listed(),
            show_name: view.show_name().to_owned(),
            face_url: view.face_url().map(str::to_owned),
            group_type: view.group_type().map(GroupType::from),
            unread_count: view.unread_count(),
            unread_is_lower_bound: view.unread_is_lower_bound(),
            unread_bounds: view.unread_bounds().into(),
            last_message: view.last_message().map(Message::from),
            last_message_is_older: view.last_message_is_older(),
            mentions: each(view.mentions()),
            mention_count: view.mention_count(),
            mention_is_lower_bound: view.mention_is_lower_bound(),
            mention_bounds: view.mention_bounds().into(),
            gaps: each(view.gaps()),
            draft: view.draft().map(Draft::from),
            drafts_kept: each(view.drafts_kept()),
            drafts_lost: each(view.drafts_lost()),
            is_pinned: view.is_pinned(),
            receive_option: view.receive_option().into(),
            receive_option_until_ms: view.receive_option_until().map(ms),
            is_archived: view.is_archived(),
            stays_archived: view.stays_archived(),
            membership: view.membership().map(Membership::from),
            marks: view.marks().into_iter().map(|mark| mark.bits()).collect(),
            custom_data: view.custom_data().map(<[u8]>::to_vec),
            folders: each(view.folders()),
            read_marker: view.read_marker().map(Watermark::from),
            peer_read_marker_ms: view.peer_read_marker().map(ms),
            activity_ms: ms(view.activity()),
            order_key: view.order_key(),
            cursor: view.cursor().into(),
            pinned_messages: view.pinned_messages().iter().map(|message| message.id().to_string()).collect(),
            first_unread: view.first_unread().map(FirstUnread::from),
            fault: view.fault().map(Fault::from),
            waiting_events: view.waiting_events(),
        }
    }
}
