//! What a payload says.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Mark, ReceiveOption};
use chatfold::{ConversationId, Event, FolderId, MessageId, Timestamp, UserId};

use crate::fault::{Fault, cut};

/// What an adapter made of a payload. [`Adapter::settle`](crate::Adapter::settle) makes of it what is to be appended.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Taken {
    /// What the server said, with its instant: every device that hears of it makes the same events.
    pub events: Vec<Event>,
    /// States that were found without an event or instant of the server behind them (R114). Each is written only where it differs
    /// from what the inbox shows.
    pub observations: Vec<Event>,
    /// Read markers of the owner that were found and may have gone back as well as forward. Each is a `conversation_read`; where it
    /// goes back, `marked_unread_from` the first message behind it takes its place.
    pub markers: Vec<Event>,
    /// What only the author of a message may say of it, where the server does not check who did. Each is written where the inbox holds
    /// the message and its author is the event's actor.
    pub claims: Vec<Event>,
    /// Lists that say of everything whether it is in them: what they do not name is no longer in them.
    pub whole: Vec<WholeList>,
    /// What has the wrong shape.
    pub faults: Vec<Fault>,
    /// How often the adapter met what it has no event for, by name.
    pub left_out: BTreeMap<String, u64>,
}

/// A list of which only what is in it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WholeList {
    /// When it was found.
    pub at: Timestamp,
    /// Of what.
    pub of: WholeListOf,
}

/// What a [`WholeList`] is of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WholeListOf {
    /// The conversations that are muted: of all others an option among these is taken back.
    Muted {
        /// The options that stand for being muted.
        options: Vec<ReceiveOption>,
        /// The conversations.
        conversations: BTreeSet<ConversationId>,
    },
    /// The reactions of somebody to a message.
    Reactions {
        /// The message's conversation.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
        /// Whose they are.
        actor: UserId,
        /// Their names.
        reactions: BTreeSet<String>,
    },
    /// The conversations in a folder.
    Folder {
        /// The folder.
        folder: FolderId,
        /// The conversations.
        conversations: BTreeSet<ConversationId>,
    },
    /// The marks of a conversation.
    MarksOf {
        /// The conversation.
        conversation: ConversationId,
        /// The marks.
        marks: Vec<Mark>,
    },
    /// The folders that hold a conversation, of those that the server knows.
    FoldersOf {
        /// The conversation.
        conversation: ConversationId,
        /// The folders.
        folders: BTreeSet<FolderId>,
        /// What stands before a folder's name in the text that its id is derived from: a folder of the owner's own making is none of
        /// the server's, and stays.
        prefix: &'static str,
    },
}

impl Taken {
    /// Returns every event made, under whatever condition it is to be written.
    pub fn all(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().chain(&self.claims).chain(&self.observations).chain(&self.markers)
    }

    pub(crate) fn leave_out(&mut self, name: &str) {
        *self.left_out.entry(cut(name)).or_default() += 1;
    }
}
