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

    /// Takes in a batch of events and says nothing: for an inbox that nobody follows yet, on its way from a snapshot to the
    /// end of its log. Whoever followed it by change sets all the same reads it anew, as its revision is another.
    ///
    /// The state is the same as after [`Inbox::apply_batch`]. Complexity: what rows, order and totals take; what showed
    /// before is not looked at, so less is loaded of an inbox that was restored.
    ///
    /// ```
    /// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
    ///
    /// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
    /// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, bob.clone());
    /// let message = Message::text(MessageId::from_bytes([2; 16]), "hello");
    /// let event = envelope.message_received(ConversationId::direct(&bob), message)?;
    /// let (mut told, mut untold) = (Inbox::new(alice.clone(), Policy::default()), Inbox::new(alice, Policy::default()));
    /// told.apply_batch([&event]);
    /// untold.catch_up([&event]);
    /// assert_eq!((untold.totals().unread, untold.digest()), (1, told.digest()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn catch_up<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) {
        let source = self.conversations.source().cloned();
        let mut events = Some(events.into_iter());
        let mut work = || {
            if let Some(events) = events.take() {
                self.take_in_untold(events);
            }
        };
        if let Some(source) = source {
            source.together(&mut work);
        }
        // Without a source, and where one did not do it.
        work();
        self.keep_to_bound();
    }

    fn take_in_untold<'a>(&mut self, events: impl Iterator<Item = &'a Event>) {
        let mut tracker = Tracker::untold();
        for event in events {
            self.take_in(event, &mut tracker);
        }
        self.settle_rows(&mut tracker);
        self.revision += 1;
    }
}
