//! The values that owned forms are made of.

use serde::{Deserialize, Serialize};

use crate::model::time::Timestamp;
use crate::{change, event, id, time, view};

/// Writes an enumeration with the values of one of the library's. The match has no `_`, so a new value there is asked for
/// here.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident of $source:path { $($value:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("As the value `", stringify!($value), "` of [`", stringify!($source), "`].")]
                $value,
            )+
        }

        impl From<$source> for $name {
            fn from(value: $source) -> Self {
                use $source as Source;
                match value {
                    $(Source::$value => Self::$value,)+
                }
            }
        }

        impl From<$name> for $source {
            fn from(value: $name) -> Self {
                use $source as Source;
                match value {
                    $($name::$value => Source::$value,)+
                }
            }
        }
    };
}

mirror! {
    /// Whether a conversation is direct or a group's.
    ConversationKind of id::ConversationKind { Direct, Group }
}

mirror! {
    /// A group's type.
    GroupType of event::GroupType { Work, Public, Meeting, AvChatRoom, Community }
}

mirror! {
    /// How the owner wants to be told of a conversation's messages.
    ReceiveOption of event::ReceiveOption {
        Receive, NotReceive, ReceiveNotNotify, NotNotifyExceptAt, NotReceiveExceptAt,
    }
}

mirror! {
    /// What became of the owner as a member of a group.
    Membership of event::Membership { Joined, Invited, Left, Removed, Dissolved }
}

mirror! {
    /// What kind of element a message carries.
    MessageKind of event::MessageKind {
        Text, Custom, Image, Sound, Video, File, Location, Face, GroupTips, Merger,
    }
}

mirror! {
    /// The status of a message.
    MessageStatus of view::MessageStatus { Sending, Sent, Failed, Imported, Recalled }
}

mirror! {
    /// Whom a mention is for.
    MentionKind of view::MentionKind { Me, All, Both }
}

mirror! {
    /// How a conversation changed.
    ChangeKind of change::ChangeKind { New, Changed, Removed, Unlisted }
}

mirror! {
    /// What one can see of a conversation.
    Attribute of change::Attribute {
        ShowName, FaceUrl, GroupType, UnreadCount, ReceiveOption, LastMessage, Mentions, Draft, Pinned, Marks,
        CustomData, Folders, ReadMarker, PeerRead, Activity, History, Fault, Archived, Membership, Gaps,
    }
}

mirror! {
    /// How a message changed.
    MessageChangeKind of change::MessageChangeKind { Added, Changed, Removed }
}

mirror! {
    /// Why conversations are no longer in a folder that is still there.
    RemovalReason of change::RemovalReason { TakenOut, MadeRoom }
}

/// When and by which event a fact was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stamp {
    /// When the event happened.
    pub at_ms: i64,
    /// The event.
    pub event: String,
}

impl From<time::Stamp> for Stamp {
    fn from(time::Stamp { at, event }: time::Stamp) -> Self {
        Self { at_ms: at.as_millis(), event: event.to_string() }
    }
}

/// How far a conversation was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Watermark {
    /// In a group: up to this sequence number.
    Seq(u64),
    /// In a direct chat: up to this instant.
    TimeMs(i64),
}

impl From<event::Watermark> for Watermark {
    fn from(watermark: event::Watermark) -> Self {
        match watermark {
            event::Watermark::Seq(seq) => Self::Seq(seq),
            event::Watermark::Time(time) => Self::TimeMs(time.as_millis()),
        }
    }
}

/// The owned form of [`view::Bounds`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The least that the number may be.
    pub least: u64,
    /// The most that it may be; none where nothing bounds it.
    pub most: Option<u64>,
}

impl From<view::Bounds> for Bounds {
    fn from(view::Bounds { least, most }: view::Bounds) -> Self {
        Self { least, most }
    }
}

/// Returns a time in milliseconds.
pub(super) fn ms(time: Timestamp) -> i64 {
    time.as_millis()
}

/// Returns things as texts, in the same order.
pub(super) fn texts(things: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    things.into_iter().map(|thing| thing.to_string()).collect()
}

/// Returns the owned forms of things, in the same order.
pub(super) fn each<T, O: From<T>>(things: impl IntoIterator<Item = T>) -> Vec<O> {
    things.into_iter().map(O::from).collect()
}
