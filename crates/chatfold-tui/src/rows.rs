//! The rows of the list that pass filter and search, kept up to date by what changes.

use chatfold::live::{ListView, Window};
use chatfold::{ChangeSet, ConversationId, Filter, Inbox};

use crate::search::Search;

/// The rows that are shown, in list order.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The rows that pass the filter.
    view: ListView,
    /// Those of them that pass the search too, where there is one.
    found: Option<Vec<ConversationId>>,
}

impl Rows {
    /// Reads the rows that pass. Complexity: all rows of the list.
    pub(crate) fn read(inbox: &Inbox, filter: &Filter, search: &Search) -> Self {
        let view = ListView::new(inbox, *filter, Window::Whole);
        let found = found(&view, inbox, search);
        Self { view, found }
    }

    /// Follows a change set to the inbox as it is right after it. Complexity: as [`ListView::follow`]; all rows while
    /// there is a search.
    pub(crate) fn follow(&mut self, inbox: &Inbox, changes: &ChangeSet, search: &Search) {
        self.view.follow(inbox, changes);
        debug_assert!(
            self.view.ids().eq(ListView::new(inbox, *self.view.filter(), Window::Whole).ids()),
            "the rows kept are the rows read anew (R61)"
        );
        self.found = found(&self.view, inbox, search);
    }

    pub(crate) fn len(&self) -> usize {
        self.found.as_ref().map_or(self.view.len(), Vec::len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns at most so many rows from an index on.
    pub(crate) fn window(&self, from: usize, most: usize) -> Vec<&ConversationId> {
        match &self.found {
            Some(found) => found.iter().skip(from).take(most).collect(),
            None => self.view.ids_from(from).take(most).collect(),
        }
    }

    /// Returns the row at an index.
    pub(crate) fn get(&self, index: usize) -> Option<&ConversationId> {
        self.window(index, 1).pop()
    }

    /// Returns the index of a conversation among the rows, given the inbox that they were read from or followed last.
    pub(crate) fn index(&self, inbox: &Inbox, id: &ConversationId) -> Option<usize> {
        match &self.found {
            Some(found) => found.iter().position(|row| row == id),
            None => self.view.index_of(&inbox.conversation(id)?.cursor()),
        }
    }
}

/// Returns the rows of a view that pass a search, or `None` if nothing is searched for.
fn found(view: &ListView, inbox: &Inbox, search: &Search) -> Option<Vec<ConversationId>> {
    let passes = |id: &&ConversationId| inbox.conversation(id).is_some_and(|row| search.passes(&row));
    (!search.is_empty()).then(|| view.ids().filter(passes).cloned().collect())
}
