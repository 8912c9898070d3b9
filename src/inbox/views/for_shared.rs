//! What the rooms of shared histories read of an inbox: the one conversation of a timeline, and what is a member's own.

use crate::inbox::containers::dense_table::Once;
use crate::inbox::containers::interner::Interner;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::list::folders::Folder;
use crate::inbox::state::Inbox;
use crate::inbox::views::conversation::ConversationView;
use crate::inbox::views::message::MessageView;
use crate::model::id::{ConversationId, UserId};

impl Inbox {
    /// The conversation with this number.
    pub(crate) fn numbered(&self, number: u32) -> Option<&Conversation> {
        self.conversations.get(number).map(|conversation| &**conversation)
    }

    /// The same, to be looked at once: where it still lies in a snapshot alone it stays there.
    pub(crate) fn numbered_once(&self, number: u32) -> Option<Once<'_, Conversation>> {
        self.conversations.once(number)
    }

    /// The id of the conversation with this number.
    pub(crate) fn id_of(&self, number: u32) -> Option<&ConversationId> {
        self.ids.name(number)
    }

    /// The number of a conversation, if an event with an effect named it.
    pub(crate) fn number_of(&self, id: &ConversationId) -> Option<u32> {
        self.ids.get(id)
    }

    /// How many conversations have numbers.
    pub(crate) fn numbers(&self) -> u32 {
        self.conversations.len() as u32
    }

    /// A conversation, and the numbers of users, which reading it may add to.
    pub(crate) fn with_users(&mut self, number: u32) -> Option<(&Conversation, &mut Interner<UserId>)> {
        let conversation = self.conversations.get(number)?;
        Some((conversation, &mut self.users))
    }

    /// The users that events named.
    pub(crate) fn users_named(&self) -> impl Iterator<Item = &UserId> {
        (0..self.users.len() as u32).filter_map(|number| self.users.name(number))
    }

    /// The number of a user that an event named.
    pub(crate) fn user_number(&self, user: &UserId) -> Option<u32> {
        self.users.get(user)
    }

    /// The live folders that hold the conversation with this number, by name (bytes) and id.
    pub(crate) fn folders_holding(&self, number: u32) -> Vec<Folder> {
        ConversationView::new(self, number).map(|view| view.folders()).unwrap_or_default()
    }

    /// The message at `slot` of a conversation.
    pub(crate) fn message_at(&self, number: u32, slot: u32) -> Option<MessageView<'_>> {
        MessageView::new(self, self.numbered(number)?, slot)
    }
}
