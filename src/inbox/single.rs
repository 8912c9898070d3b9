//! One event for one conversation: what nearly every live event is.
//!
//! The same steps as a batch takes, with the conversation at hand from the first to the last.

use std::sync::Arc;

use super::Inbox;
use super::conversation::{Around, Touches};
use super::glance::is_detail;
use super::route::{Route, route};
use crate::change::{ChangeSet, TotalsChange};
use crate::event::Event;

impl Inbox {
    /// Takes in an event that concerns one conversation, all of which is at hand; `None`, and nothing was done, where
    /// the event is another or a history may turn out rotten.
    pub(super) fn apply_one(&mut self, event: &Event) -> Option<ChangeSet> {
        let Some(Route::Conversation(id, fact)) = route(&self.owner, event) else { return None };
        if self.conversations.source().is_some() && !self.rotten().is_empty() {
            return None;
        }
        let number = self.number(id);
        let Self { owner, policy, users, conversations, totals, list, .. } = self;
        let conversation = conversations.get_mut(number).filter(|c| c.restored.is_none())?;
        let conversation = Arc::make_mut(conversation);
        let totals_before = *totals;
        let mut before = conversation.glimpse();
        if is_detail(fact) {
            before.look_closer(conversation);
        }
        let mut touched = Touches::new();
        let (cleared, trace) = (before.cleared, Some(&mut touched));
        let mut around = Around { owner, policy: *policy, users, number, cleared, trace };
        conversation.fold(&mut around, event.by(), event.stamp(), fact);
        conversation.settle(number, &before, *policy, (totals, list));

        touched.sort_by_key(|t| t.slot);
        touched.dedup_by_key(|t| t.slot);
        let mut messages: Vec<_> = match &*touched {
            [] => Vec::new(),
            [one] => conversation.message_change(one).into_iter().collect(),
            all => all.iter().filter_map(|t| conversation.message_change(t)).collect(),
        };
        messages.sort_unstable_by_key(|change| change.message);
        let change = conversation.row_change(&before, &touched).told(&conversation.id);
        let after = *totals;
        let totals = (totals_before != after).then_some(TotalsChange { before: totals_before, after });
        let conversations = change.into_iter().collect();
        let mut changes = ChangeSet { conversations, messages, totals, ..ChangeSet::default() };
        let revision = self.revision;
        self.revision += u64::from(!changes.is_empty());
        changes.revisions = (revision, self.revision);
        Some(changes)
    }
}
