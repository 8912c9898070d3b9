//! The live path: events in, change sets out.
//!
//! A batch and a single event mean the same; the latter is cheaper.

pub(crate) mod change_span;
pub(crate) mod many_events;
pub(crate) mod one_event;
pub(crate) mod tracker;

use crate::inbox::apply::tracker::Tracker;
use crate::inbox::state::Inbox;
use crate::model::change::ChangeSet;
use crate::model::event::Event;

impl Inbox {
    /// Takes in one event and says what changed (R60). Applied again it changes nothing (R02).
    ///
    /// Complexity: O(log n) in conversations and messages, for events that concern one conversation; a profile
    /// or folder event looks at every conversation it may concern.
    pub fn apply(&mut self, event: &Event) -> ChangeSet {
        let changes = self.apply_one(event);
        let changes = changes.unwrap_or_else(|| self.apply_batch(std::iter::once(event)));
        self.keep_to_bound();
        changes
    }

    /// Takes in a batch of events and says once, coalesced, what changed from before to after (R60).
    pub fn apply_batch<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) -> ChangeSet {
        let mut tracker = Tracker::new(self);
        for event in events {
            self.take_in(event, &mut tracker);
        }
        let changes = self.settle(tracker);
        self.keep_to_bound();
        changes
    }
}
