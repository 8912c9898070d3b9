//! Fetching what a step looks into before it looks: for snapshots that lie elsewhere and are read by ranges.
//!
//! Where it is not fetched, because the step looks into more than is known before or because the ranges are long, the
//! source is asked for it when it is needed, and whoever folds waits. So what is fetched is never more than a time saved.

use std::ops::Range;

use chatfold::ConversationId;
use chatfold::store::{Page, StoredEvent};

use super::state::State;
use super::{Goal, Machine, Request, Waiting};
use crate::decoded::{decode, known};

/// How many bytes of a conversation are fetched at most: the last ones, where what is newest and what names all else lie.
const MOST_LEN_BYTES: u64 = 128 << 10;

/// How many are fetched at most before one step.
const MOST_AT_ONCE_LEN_BYTES: u64 = 768 << 10;

impl State {
    /// The ranges of the snapshot that folding or judging what concerns these conversations reads first, if they are not
    /// at hand.
    pub(super) fn lacking<'a>(
        &self,
        conversations: impl IntoIterator<Item = &'a ConversationId>,
    ) -> Vec<Range<u64>> {
        let Some(source) = &self.source else { return Vec::new() };
        let untouched = conversations.into_iter().filter_map(|id| self.inbox.untouched(id));
        let end = untouched.map(|range| range.start.max(range.end.saturating_sub(MOST_LEN_BYTES))..range.end);
        let mut lacking: Vec<_> = end.filter(|range| !source.is_at_hand(range.clone())).collect();
        lacking.sort_unstable_by_key(|range| range.start);
        lacking.dedup();
        let mut len_bytes = 0;
        lacking.retain(|range| {
            len_bytes += range.end - range.start;
            len_bytes <= MOST_AT_ONCE_LEN_BYTES
        });
        lacking
    }

    /// The same for events as a store has them.
    fn lacking_for(&self, events: &[StoredEvent]) -> Vec<Range<u64>> {
        if self.is_at_hand() {
            return Vec::new();
        }
        // What cannot be decoded is told when it is taken in.
        let decoded = events.iter().filter_map(|event| decode(event.id, &event.bytes, event.position()).ok());
        let conversations: Vec<_> =
            decoded.filter_map(known).filter_map(|event| event.conversation().cloned()).collect();
        self.lacking(&conversations)
    }
}

impl Machine {
    /// The ranges of the snapshot that hold what nobody has looked into of these conversations, as far as they are not at
    /// hand: to be fetched by a driver before somebody looks. Empty where all of the snapshot is.
    pub fn lacking(&self, conversations: &[ConversationId]) -> Vec<Range<u64>> {
        self.state.lacking(conversations)
    }

    /// Asks for ranges before a step, unless they were asked for just now. Returns whether it did.
    fn fetch_before(&mut self, lacking: Vec<Range<u64>>, waiting: Waiting) -> Result<(), Waiting> {
        if std::mem::take(&mut self.fetched) || lacking.is_empty() {
            return Err(waiting);
        }
        self.request = Some(Request::Fetch(lacking));
        self.waiting = Some(waiting);
        Ok(())
    }

    /// Whether what the command on its way looks into is asked for first.
    pub(super) fn fetches_before_judging(&mut self) -> bool {
        let Some(Goal::Execute(wish)) = &self.goal else { return false };
        let lacking = self.state.lacking(wish.command.conversations());
        self.fetch_before(lacking, Waiting::Judge).is_ok()
    }

    /// Whether what events that were received look into is asked for first.
    pub(super) fn fetches_before_proposing(&mut self, conversations: &[ConversationId]) -> bool {
        let lacking = self.state.lacking(conversations);
        self.fetch_before(lacking, Waiting::Received).is_ok()
    }

    /// The page, unless what it looks into is asked for first.
    pub(super) fn fetches_before_page(&mut self, page: Page) -> Option<Page> {
        let state = self.loading.as_ref().map_or(Some(&self.state), |loading| loading.tail());
        let lacking = state.map(|state| state.lacking_for(&page.events)).unwrap_or_default();
        match self.fetch_before(lacking, Waiting::Page(page)) {
            Err(Waiting::Page(page)) => Some(page),
            _ => None,
        }
    }

    /// Takes the answer to [`Request::Fetch`]: what could be fetched was. What was not is read when it is needed.
    pub fn fetched(&mut self) {
        let Some(Request::Fetch(_)) = self.request.take() else { return };
        self.fetched = true;
        match self.waiting.take() {
            Some(Waiting::Judge) => self.judge(),
            Some(Waiting::Page(page)) => self.take_page(page),
            Some(Waiting::Received) => self.append_received(),
            None => self.done(),
        }
        self.fetched = false;
    }
}
