//! The list: its order, pages and totals.

use crate::inbox::list::ranking::{ListCursor, ListKey};
use crate::inbox::state::Inbox;
use crate::inbox::timeline::entry::timestamp;
use crate::inbox::views::conversation::ConversationView;
use crate::model::badge::Running;
use crate::model::change::Totals;
use crate::model::event::Membership;
use crate::model::filter::{Filter, Filtered};
use crate::model::id::{ConversationId, ConversationKind, FolderId};
use crate::model::time::Timestamp;

/// Some rows of the list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListPage<'a> {
    /// The rows, in list order.
    pub conversations: Vec<ConversationView<'a>>,
    /// Where the next page begins; `None` at the end of the list, and of a page of no rows.
    pub next: Option<ListCursor>,
}

impl Inbox {
    /// The listed conversations in list order: pinned first, then the most recently active, then by id (R50).
    pub fn conversations(&self) -> impl Iterator<Item = ConversationView<'_>> {
        self.list.iter().filter_map(|(_, number)| ConversationView::new(self, *number))
    }

    /// How many conversations are listed: O(1).
    pub fn listed(&self) -> usize {
        self.list.len()
    }

    /// Returns the latest activity (R35) of all listed conversations; `None` if none is listed. Of a restored inbox no
    /// conversation is loaded.
    ///
    /// Complexity: O(1).
    pub fn latest_activity(&self) -> Option<Timestamp> {
        let latest = self.list.firsts().map(|(key, _)| key.activity()).max();
        latest.map(|millis| timestamp(millis.cast_signed()))
    }

    /// Every conversation that an event with an effect named, listed or not, by id.
    pub fn known_conversations(&self) -> impl Iterator<Item = ConversationView<'_>> {
        let mut known: Vec<_> =
            (0..self.ids.len() as u32).filter_map(|number| ConversationView::new(self, number)).collect();
        known.sort_unstable_by(|a, b| a.id().cmp(b.id()));
        known.into_iter()
    }

    /// The conversation with this id, listed or not, if an event with an effect named it.
    pub fn conversation(&self, id: &ConversationId) -> Option<ConversationView<'_>> {
        ConversationView::new(self, self.ids.get(id)?)
    }

    /// Returns up to `limit` rows that pass `filter`, from just after `after` (R51, R52).
    ///
    /// Complexity: O(log n) to find the place, and every row from there on that does not pass is looked at.
    ///
    /// ```
    /// use chatfold::{Filter, Inbox, Policy, UserId};
    /// let inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
    /// let unread = Filter::default().with_has_unread(true);
    /// let mut cursor = None;
    /// loop {
    ///     let page = inbox.page(&unread, cursor.as_ref(), 20);
    ///     // … show page.conversations …
    ///     cursor = page.next;
    ///     if cursor.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), chatfold::id::IdError>(())
    /// ```
    pub fn page(&self, filter: &Filter, after: Option<&ListCursor>, limit: usize) -> ListPage<'_> {
        let mut rows = self.rows_after(filter, after);
        let conversations: Vec<_> = rows.by_ref().take(limit).collect();
        let more = conversations.last().filter(|_| rows.next().is_some());
        let next = more.map(ConversationView::cursor);
        ListPage { next, conversations }
    }

    /// The rows that pass `filter`, from just after `after`.
    pub(crate) fn rows_after(
        &self,
        filter: &Filter,
        after: Option<&ListCursor>,
    ) -> impl Iterator<Item = ConversationView<'_>> {
        let after = after.map(|cursor| ListKey::new(cursor.order_key, cursor.id.clone()));
        self.list
            .after(after.as_ref())
            .filter_map(|(_, number)| ConversationView::new(self, *number))
            .filter(|row| row.passes(filter))
    }

    /// Unread messages and the badge over the listed conversations that pass `filter` (R53, R55). Complexity: O(list); of a filter
    /// that is subscribed, O(1): see [`UnreadSubscriptions`](crate::live::UnreadSubscriptions).
    pub fn totals_of(&self, filter: &Filter) -> Totals {
        let mut sum = Running::default();
        for row in self.conversations().filter(|row| row.passes(filter)) {
            sum.add(&row.counted());
        }
        sum.totals
    }
}

impl ConversationView<'_> {
    /// Whether the conversation passes `filter` (R52).
    pub fn passes(&self, filter: &Filter) -> bool {
        filter.takes(self)
    }
}

impl Filtered for ConversationView<'_> {
    fn kind(&self) -> ConversationKind {
        ConversationView::kind(self)
    }

    fn unread(&self) -> u64 {
        self.unread_count()
    }

    fn is_mentioned(&self) -> bool {
        self.state().row.is_mentioned()
    }

    fn mark_bits(&self) -> u64 {
        ConversationView::mark_bits(self)
    }

    fn is_archived(&self) -> bool {
        ConversationView::is_archived(self)
    }

    fn membership(&self) -> Option<Membership> {
        ConversationView::membership(self)
    }

    fn is_in(&self, folder: Option<FolderId>) -> bool {
        folder.map_or_else(|| self.is_in_any_folder(), |folder| self.is_in_folder(folder))
    }
}
