//! The JSON of what is shown: rows, messages, totals, and the frames of a live connection.

use chatfold::event::{GroupType, Membership, ReceiveOption};
use chatfold::list::Totals as Sums;
use chatfold::shared::{Member, MemberMessage};
use serde::{Deserialize, Serialize};

/// A message as one account sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, which its author chose.
    pub id: MessageIdText,
    /// Its author.
    pub by: String,
    /// The author's name, as the account knows it.
    pub name: String,
    /// When the server took it, in milliseconds since 1970.
    pub at_ms: i64,
    /// Its number in the conversation, one more than that of the message before.
    pub seq: u64,
    /// What it says; nothing once it was recalled.
    pub text: Option<String>,
    /// Whether it was recalled.
    pub recalled: bool,
    /// How often it was edited.
    pub edits: u64,
    /// The message that it answers.
    pub reply_to: Option<MessageIdText>,
    /// Whether the account wrote it.
    pub own: bool,
    /// Whether the other of a direct chat has read it, of an own one.
    pub read_by_peer: bool,
    /// Its reactions, and how many gave each.
    pub reactions: Vec<Reaction>,
}

/// A message's id, as a UUID in text.
pub type MessageIdText = String;

/// A reaction to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// Its name.
    pub name: String,
    /// How many gave it.
    pub count: usize,
}

impl Message {
    /// What a message shows.
    pub fn of(message: &MemberMessage<'_>) -> Self {
        let recalled = message.recall().is_some();
        let author = message.author().as_str();
        let reactions = message.reactions();
        let reactions = reactions
            .iter()
            .map(|reaction| Reaction { name: reaction.name.to_owned(), count: reaction.users.len() });
        Self {
            id: message.id().to_string(),
            by: author.to_owned(),
            name: message.remark().or(message.nickname()).unwrap_or(author).to_owned(),
            at_ms: message.time().as_millis(),
            seq: message.seq(),
            text: message.text().filter(|_| !recalled).map(str::to_owned),
            recalled,
            edits: message.edit_version().unwrap_or_default(),
            reply_to: message.reply_to().map(|id| id.to_string()),
            own: message.is_own(),
            read_by_peer: message.is_peer_read(),
            reactions: reactions.collect(),
        }
    }
}

/// What an account is writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// Which draft it is: who saves another one names the one that its editor held.
    pub id: String,
}

/// A conversation in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// `c2c_` and a user, or `group_` and a group.
    pub id: String,
    /// What to call it.
    pub name: String,
    /// Its picture.
    pub face_url: Option<String>,
    /// How many messages are unread.
    pub unread: u64,
    /// How many of these mention the account.
    pub mentions: u64,
    /// Its last message.
    pub last: Option<Message>,
    /// What the account is writing there.
    pub draft: Option<Draft>,
    /// Whether it stands on top.
    pub pinned: bool,
    /// Whether new messages make no noise.
    pub muted: bool,
    /// Whether it is put away, until the next message.
    pub archived: bool,
    /// Whether the account is a member of the group; true of a direct chat.
    pub member: bool,
    /// By which the list is sorted, the greatest first, and then by id.
    pub order_key: u64,
}

impl Row {
    /// What a conversation shows.
    pub fn of(member: &Member<'_>) -> Self {
        Self {
            id: member.id().to_string(),
            name: member.show_name().to_owned(),
            face_url: member.face_url().map(str::to_owned),
            unread: member.unread_count(),
            mentions: member.mention_count(),
            last: member.last_message().as_ref().map(Message::of),
            draft: member
                .draft()
                .map(|draft| Draft { text: draft.text.to_owned(), id: draft.stamp.event.to_string() }),
            pinned: member.is_pinned(),
            muted: member.receive_option() != ReceiveOption::Receive,
            archived: member.is_archived(),
            member: member.membership().is_none_or(|state| state == Membership::Joined),
            order_key: member.order_key(),
        }
    }
}

/// Unread messages over the whole list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Of conversations that are not muted.
    pub unread: u64,
    /// Of all.
    pub unread_all: u64,
}

impl From<Sums> for Totals {
    fn from(sums: Sums) -> Self {
        Self { unread: sums.unread, unread_all: sums.unread_all }
    }
}

/// A part of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Its rows, in their order.
    pub rows: Vec<Row>,
    /// What to ask for the next part with, if there is more.
    pub next: Option<String>,
    /// The account's totals.
    pub totals: Totals,
}

/// A part of a history, the newest message first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Its messages.
    pub messages: Vec<Message>,
    /// What to ask for older ones with, if there are any.
    pub next: Option<String>,
}

/// What changed of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Its row now.
    pub row: Row,
    /// The messages of which something else shows than before.
    pub messages: Vec<Message>,
}

/// What a live connection says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Frame {
    /// The beginning of the list. It is the first frame, and comes again where more happened than the connection took.
    List(List),
    /// Conversations changed.
    Changed {
        /// Which, as they show now.
        changed: Vec<Changed>,
        /// Those that left the list.
        gone: Vec<String>,
        /// The account's totals now.
        totals: Totals,
    },
}

/// What came of a message that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its id.
    pub id: MessageIdText,
    /// Its number in the conversation.
    pub seq: Option<u64>,
    /// It was there already.
    pub repeated: bool,
}

/// Which kind of group.
pub(crate) fn group_type(name: &str) -> Option<GroupType> {
    Some(match name {
        "work" => GroupType::Work,
        "public" => GroupType::Public,
        "community" => GroupType::Community,
        _ => return None,
    })
}
