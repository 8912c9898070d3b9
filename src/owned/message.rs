//! A message as it shows.

use serde::{Deserialize, Serialize};

use crate::inbox::MessageView;
use crate::owned::cursor::MessageCursor;
use crate::owned::values::{MessageKind, MessageStatus, Stamp, each, ms, texts};
use crate::{event, view};

/// Whom a message mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mentions {
    /// Users by id.
    pub users: Vec<String>,
    /// Whether it mentions everybody.
    pub all: bool,
}

impl From<event::Mentions> for Mentions {
    fn from(event::Mentions { users, all }: event::Mentions) -> Self {
        Self { users: texts(users), all }
    }
}

/// Who recalled a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recall {
    /// Who.
    pub by: String,
    /// What they are called.
    pub name: String,
    /// Why, if they said.
    pub reason: Option<String>,
    /// When, and by which event.
    pub stamp: Stamp,
}

impl From<view::Recall<'_>> for Recall {
    fn from(view::Recall { by, name, reason, stamp }: view::Recall<'_>) -> Self {
        Self {
            by: by.to_string(),
            name: name.to_owned(),
            reason: reason.map(str::to_owned),
            stamp: stamp.into(),
        }
    }
}

/// A reaction and those who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reaction {
    /// The reaction's name.
    pub name: String,
    /// Who gave it, by id.
    pub users: Vec<String>,
}

impl From<view::Reaction<'_>> for Reaction {
    fn from(view::Reaction { name, users }: view::Reaction<'_>) -> Self {
        Self { name: name.to_owned(), users: texts(users) }
    }
}

/// An extension of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Extension {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The server's number for the write.
    pub seq: u64,
}

impl From<view::Extension<'_>> for Extension {
    fn from(view::Extension { key, value, seq }: view::Extension<'_>) -> Self {
        Self { key: key.to_owned(), value: value.to_owned(), seq }
    }
}

/// A message as it shows: every field is what the method of its name says of a [`MessageView`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// Whether the owner wrote it.
    pub is_own: bool,
    /// When it was sent or, once known, when the server got it.
    pub time_ms: i64,
    /// Its sequence number.
    pub seq: u64,
    /// Its rank among messages of one position.
    pub rank: u8,
    /// Its place in the history.
    pub cursor: MessageCursor,
    /// The event that introduced it.
    pub event: String,
    /// What kind of element it carries.
    pub kind: MessageKind,
    /// Its text, if it shows.
    pub text: Option<String>,
    /// The payload of a custom element.
    pub custom: Option<Vec<u8>>,
    /// The data riding on it.
    pub cloud_custom: Option<Vec<u8>>,
    /// Whom it mentions.
    pub mentions: Mentions,
    /// The users it is for, if it is for some only.
    pub recipients: Vec<String>,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// What became of it.
    pub status: MessageStatus,
    /// Who recalled it.
    pub recall: Option<Recall>,
    /// The greatest version that an edit made.
    pub edit_version: Option<u64>,
    /// Why sending failed, if somebody said.
    pub failure_reason: Option<String>,
    /// Whether the owner has read it.
    pub is_read: bool,
    /// Whether the owner has read it by name.
    pub is_read_by_name: bool,
    /// Whether the peer of a direct chat has read it.
    pub is_peer_read: bool,
    /// The members who have read it.
    pub readers: Vec<String>,
    /// How many have read it.
    pub read_count: u64,
    /// How many of its members have not, if it asks for receipts.
    pub unread_receipts: Option<u64>,
    /// How many members the group had.
    pub members: Option<u64>,
    /// The reactions to it.
    pub reactions: Vec<Reaction>,
    /// Its extensions.
    pub extensions: Vec<Extension>,
    /// Whether it is pinned in the group.
    pub is_pinned: bool,
    /// Whether it was for those online only.
    pub is_online_only: bool,
    /// Whether it never counts as unread.
    pub is_excluded_from_unread: bool,
    /// Whether it never is the last message.
    pub is_excluded_from_last: bool,
    /// Whether it asks for receipts.
    pub need_receipt: bool,
    /// Whether it may have extensions.
    pub supports_extensions: bool,
    /// Whether it counts as unread.
    pub counts_as_unread: bool,
    /// The author's nickname.
    pub nickname: Option<String>,
    /// What the owner calls the author.
    pub remark: Option<String>,
    /// Where the author's picture is.
    pub face_url: Option<String>,
    /// Whether it stands in a group.
    pub in_group: bool,
}

impl From<MessageView<'_>> for Message {
    fn from(view: MessageView<'_>) -> Self {
        Self {
            id: view.id().to_string(),
            author: view.author().to_string(),
            is_own: view.is_own(),
            time_ms: ms(view.time()),
            seq: view.seq(),
            rank: view.rank(),
            cursor: view.cursor().into(),
            event: view.event().to_string(),
            kind: view.kind().into(),
            text: view.text().map(str::to_owned),
            custom: view.custom().map(<[u8]>::to_vec),
            cloud_custom: view.cloud_custom().map(<[u8]>::to_vec),
            mentions: view.mentions().into(),
            recipients: texts(view.recipients()),
            reply_to: view.reply_to().map(|id| id.to_string()),
            status: view.status().into(),
            recall: view.recall().map(Recall::from),
            edit_version: view.edit_version(),
            failure_reason: view.failure_reason().map(str::to_owned),
            is_read: view.is_read(),
            is_read_by_name: view.is_read_by_name(),
            is_peer_read: view.is_peer_read(),
            readers: texts(view.readers()),
            read_count: view.read_count(),
            unread_receipts: view.unread_receipts(),
            members: view.members(),
            reactions: each(view.reactions()),
            extensions: each(view.extensions()),
            is_pinned: view.is_pinned(),
            is_online_only: view.is_online_only(),
            is_excluded_from_unread: view.is_excluded_from_unread(),
            is_excluded_from_last: view.is_excluded_from_last(),
            need_receipt: view.need_receipt(),
            supports_extensions: view.supports_extensions(),
            counts_as_unread: view.counts_as_unread(),
            nickname: view.nickname().map(str::to_owned),
            remark: view.remark().map(str::to_owned),
            face_url: view.face_url().map(str::to_owned),
            in_group: view.in_group(),
        }
    }
}
