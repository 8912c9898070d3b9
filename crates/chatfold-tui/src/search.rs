//! Searching in names and shown text.

use std::collections::HashSet;

use chatfold::view::Direction;
use chatfold::{ConversationId, ConversationView, Inbox, MessageId, MessageView};

/// How many messages are fetched at a time.
const PAGE: usize = 256;

/// What is searched for. While it is typed, names, previews and drafts are searched; once it is entered, the
/// histories too.
#[derive(Debug, Default)]
pub(crate) struct Search {
    text: String,
    /// The same in lower case.
    wanted: String,
    /// The conversations of whose history a message has it, once that was asked for.
    within: HashSet<ConversationId>,
}

impl Search {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Searches for another text.
    pub(crate) fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.wanted = text.trim().to_lowercase();
        self.within.clear();
    }

    /// Searches the histories. Complexity: every message that shows is looked at.
    pub(crate) fn enter(&mut self, inbox: &Inbox) {
        self.within.clear();
        if !self.is_empty() {
            let found =
                inbox.conversations().filter(|row| self.find(*row, None, Direction::NewestFirst).is_some());
            self.within = found.map(|row| row.id().clone()).collect();
        }
    }

    fn is_in(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.wanted)
    }

    /// Whether a message shows what is searched for.
    pub(crate) fn finds(&self, message: &MessageView<'_>) -> bool {
        !self.is_empty() && message.text().is_some_and(|text| self.is_in(text))
    }

    /// Whether a row of the list stays.
    pub(crate) fn passes(&self, row: &ConversationView<'_>) -> bool {
        self.is_empty()
            || self.is_in(row.show_name())
            || row.draft().is_some_and(|draft| self.is_in(draft.text))
            || row.last_message().is_some_and(|message| self.finds(&message))
            || self.within.contains(row.id())
    }

    /// The next message that shows it, from just after `from` in a direction.
    pub(crate) fn find(
        &self,
        row: ConversationView<'_>,
        from: Option<MessageId>,
        direction: Direction,
    ) -> Option<MessageId> {
        let mut cursor = from.and_then(|id| row.message(id)).map(|message| message.cursor());
        loop {
            let page = row.messages(direction, cursor.as_ref(), PAGE);
            if let Some(found) = page.messages.iter().find(|message| self.finds(message)) {
                return Some(found.id());
            }
            cursor = Some(page.next?);
        }
    }
}
