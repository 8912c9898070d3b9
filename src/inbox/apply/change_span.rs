//! Several batches told as one.

use std::collections::{BTreeMap, BTreeSet};

use crate::inbox::apply::tracker::{Tracker, Written, note_written};
use crate::inbox::conversation::appearance::Appearance;
use crate::inbox::conversation::state::{Conversation, Touched};
use crate::inbox::state::Inbox;
use crate::model::change::ChangeSet;
use crate::model::event::Event;
use crate::model::id::FolderId;

/// What a run of batches touched since the span began: several batches told as one, as a single batch of all their
/// events would have been.
///
/// You need it where events come page by page and what follows the inbox is to hear of them together. A span belongs to
/// the inbox that it began with and to its clones; it holds a frozen copy of it.
///
/// ```
/// use chatfold::change::ChangeSpan;
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let mut inbox = Inbox::new(alice, Policy::default());
/// let mut span = ChangeSpan::new(&inbox);
/// for n in 1..=3 {
///     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, bob.clone());
///     let message = Message::text(MessageId::from_bytes([n; 16]), "hello");
///     let event = envelope.message_received(ConversationId::direct(&bob), message)?;
///     inbox.apply_untold([&event], &mut span);
/// }
/// let changes = inbox.told_since(&span);
/// assert_eq!((changes.conversations.len(), changes.messages.len()), (1, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ChangeSpan {
    before: Inbox,
    conversations: BTreeSet<u32>,
    /// Messages by conversation and slot; a slot never changes.
    messages: BTreeSet<(u32, u32)>,
    users: BTreeSet<u32>,
    folders: BTreeMap<FolderId, Written>,
}

impl ChangeSpan {
    /// Returns one that begins with `inbox` as it is: O(1).
    pub fn new(inbox: &Inbox) -> Self {
        Self {
            before: inbox.clone(),
            conversations: BTreeSet::new(),
            messages: BTreeSet::new(),
            users: BTreeSet::new(),
            folders: BTreeMap::new(),
        }
    }

    fn note(&mut self, tracker: &Tracker<'_>) {
        self.conversations.extend(tracker.appearances.iter().map(|(number, _)| number));
        self.messages.extend(tracker.touched.iter().map(|t| (t.conversation, t.slot)));
        self.users.extend(tracker.profiles.iter().flat_map(|(_, users)| users));
        let folders = tracker.folders.iter().flat_map(|(_, folders)| folders);
        folders.for_each(|(folder, written)| note_written(&mut self.folders, *folder, written));
    }

    /// A tracker as one batch over all of it would have filled it.
    fn tracker(&self, now: &Inbox) -> Tracker<'static> {
        let mut tracker = Tracker::new(&self.before);
        for number in &self.conversations {
            if let Some(appearance) = self.appearance(*number, now) {
                tracker.appearances.get_or(*number, || appearance);
            }
        }
        let touched = |(conversation, slot): &(u32, u32)| {
            let before = self.before.conversations.get(*conversation);
            let before = before.and_then(|before| before.shown_hash(*slot, &before.personal.cleared));
            Touched { conversation: *conversation, slot: *slot, before }
        };
        tracker.touched = self.messages.iter().map(touched).collect();
        if !self.users.is_empty() {
            tracker.profiles = Some((self.before.profiles.clone(), self.users.clone()));
        }
        if !self.folders.is_empty() {
            tracker.folders = Some((self.before.folders.clone(), self.folders.clone()));
        }
        tracker
    }

    /// What showed of a conversation before; nothing yet of one that is new.
    fn appearance(&self, number: u32, now: &Inbox) -> Option<Appearance> {
        match self.before.conversations.get(number) {
            Some(before) => Some(before.appearance()),
            None => {
                let now = now.conversations.get(number)?;
                Some(Conversation::new(now.id.clone(), now.peer, true).appearance())
            }
        }
    }
}

impl Inbox {
    /// Takes in a batch and tells nothing yet: everything is up to date, and `span`, which began with this inbox, knows
    /// what was touched.
    pub fn apply_untold<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>, span: &mut ChangeSpan) {
        let mut tracker = Tracker::new(self);
        for event in events {
            self.take_in(event, &mut tracker);
        }
        self.settle_rows(&mut tracker);
        span.note(&tracker);
        self.revision += 1;
        self.keep_to_bound();
    }

    /// Returns what one batch over the whole span would have told; between what was taken in with the span there must
    /// have been nothing else.
    ///
    /// Complexity: what was touched.
    pub fn told_since(&self, span: &ChangeSpan) -> ChangeSet {
        let mut changes = self.tell(&span.tracker(self));
        changes.revisions = (span.before.revision, self.revision);
        changes
    }
}
