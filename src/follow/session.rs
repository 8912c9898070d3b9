//! A live inbox: what streams in, told in order; sync sessions around a large catch-up.

use std::num::NonZeroUsize;

use crate::follow::subscription::{FilterTotals, UnreadSubscriptions};
use crate::inbox::{ChangeSpan, Inbox, MergeError};
use crate::model::change::{ChangeSet, Revisions, Totals};
use crate::model::event::Event;
use crate::model::filter::Filter;

/// What a live inbox has to tell, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "notices are handed on one by one and never kept")]
#[non_exhaustive]
pub enum Notice {
    /// A catch-up has begun.
    SyncStarted,
    /// This changed; never empty.
    Changed(ChangeSet),
    /// The totals of these subscribed filters changed; never empty, and told after the change set they follow.
    UnreadByFilter(Vec<FilterTotals>),
    /// The catch-up is complete; everything it changed was told before.
    SyncFinished,
    /// The catch-up broke off. What had come in by then stays and was told before.
    SyncFailed {
        /// Why, in the caller's words.
        reason: String,
    },
    /// Anything may be otherwise: what follows by change sets must read the list anew. Told when an inbox was
    /// healed, and when [`LiveInbox::follow`] missed something.
    Reset,
}

/// An inbox that streams: batches of events in, [`Notice`]s out, in order.
///
/// While a **sync session** is open, what comes in is folded and can be read at once, but told together: one change
/// set for all of it when the session ends, the very one that a single batch of the same events would have told,
/// or one after every so many events. So a catch-up of a hundred thousand events does not make a screen redraw a
/// hundred thousand times.
///
/// It has no thread, queue or clock of its own: every call returns what there is to tell, and the caller carries it
/// to wherever it listens. The page of its module has the table of the reference's callbacks.
///
/// ```
/// use chatfold::live::{LiveInbox, Notice};
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let message = |n: u8| -> Result<_, Box<dyn std::error::Error>> {
///     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, bob.clone());
///     let text = Message::text(MessageId::from_bytes([n; 16]), "hello again");
///     Ok(envelope.message_received(ConversationId::direct(&bob), text)?)
/// };
/// let mut live = LiveInbox::new(Inbox::new(alice, Policy::default()));
/// assert_eq!(live.begin_sync(None), [Notice::SyncStarted]);
/// for n in 1..=100 {
///     assert!(live.apply([&message(n)?]).is_empty());
///     assert_eq!(live.inbox().totals().unread, u64::from(n), "meanwhile the list can be read");
/// }
/// let told = live.finish_sync();
/// let [Notice::Changed(changes), Notice::SyncFinished] = told.as_slice() else { panic!("{told:?}") };
/// assert_eq!((changes.conversations.len(), changes.messages.len()), (1, 100));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LiveInbox {
    inbox: Inbox,
    subscriptions: UnreadSubscriptions,
    session: Option<Session>,
    /// The revision up to which the last change set or reset told.
    told: u64,
}

/// An open sync session.
#[derive(Clone, Debug)]
struct Session {
    span: ChangeSpan,
    slice: Option<NonZeroUsize>,
    /// Events taken in since the last slice was told.
    since: usize,
}

impl LiveInbox {
    /// Lets go of what was loaded from a snapshot and not written since: see [`Inbox::release_parts`]. Nothing is told.
    pub fn release_parts(&mut self) {
        self.inbox.release_parts();
    }

    /// A live inbox that goes on from `inbox`.
    pub fn new(inbox: Inbox) -> Self {
        let subscriptions = UnreadSubscriptions::new(&inbox);
        let told = inbox.revision();
        Self { inbox, subscriptions, session: None, told }
    }

    /// The inbox as it is now, up to date in a session too. Clone it to read it elsewhere: O(1).
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The inbox; what an open session has not told yet is never told.
    pub fn into_inbox(self) -> Inbox {
        self.inbox
    }

    /// Whether a sync session is open.
    pub fn is_syncing(&self) -> bool {
        self.session.is_some()
    }

    /// Asks for the unread totals of a filter to be told when they change. Returns them as last told.
    pub fn subscribe(&mut self, filter: Filter) -> Totals {
        self.subscriptions.subscribe(filter)
    }

    /// Lets go of a filter. Returns whether somebody else still holds it.
    pub fn unsubscribe(&mut self, filter: &Filter) -> bool {
        self.subscriptions.unsubscribe(filter)
    }

    /// The subscribed filters and their totals as last told.
    pub fn subscriptions(&self) -> &UnreadSubscriptions {
        &self.subscriptions
    }

    /// Takes in a batch of events. Outside a session what changed is told at once, in one change set; in a session
    /// when a slice is full.
    pub fn apply<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) -> Vec<Notice> {
        let mut notices = Vec::new();
        let Some(session) = &mut self.session else {
            let changes = self.inbox.apply_batch(events);
            self.tell(changes, &mut notices);
            return notices;
        };
        let Some(slice) = session.slice else {
            self.inbox.apply_untold(events, &mut session.span);
            return notices;
        };
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            let Some(session) = &mut self.session else { break };
            let room = slice.get().saturating_sub(session.since).max(1);
            let mut taken = 0;
            let some = events.by_ref().take(room).inspect(|_| taken += 1);
            self.inbox.apply_untold(some, &mut session.span);
            session.since += taken;
            if session.since >= slice.get() {
                self.tell_slice(&mut notices);
            }
        }
        notices
    }

    /// Opens a sync session: from now on what changes is told when it ends, or after every `slice` events.
    ///
    /// Where one is open already it goes on, with `slice` from now on, and nothing is told.
    pub fn begin_sync(&mut self, slice: Option<NonZeroUsize>) -> Vec<Notice> {
        if let Some(session) = &mut self.session {
            session.slice = slice;
            return Vec::new();
        }
        self.session = Some(Session { span: ChangeSpan::new(&self.inbox), slice, since: 0 });
        vec![Notice::SyncStarted]
    }

    /// Ends the session: tells what changed since it began, or since its last slice, and that it is complete.
    /// Nothing where none is open.
    pub fn finish_sync(&mut self) -> Vec<Notice> {
        self.end_sync(Notice::SyncFinished)
    }

    /// Ends the session because the catch-up broke off. Events are facts: what came in stays, and is told first.
    /// Nothing where none is open.
    pub fn fail_sync(&mut self, reason: impl Into<String>) -> Vec<Notice> {
        self.end_sync(Notice::SyncFailed { reason: reason.into() })
    }

    fn end_sync(&mut self, last: Notice) -> Vec<Notice> {
        let mut notices = Vec::new();
        if self.session.is_some() {
            self.tell_slice(&mut notices);
            self.session = None;
            notices.push(last);
        }
        notices
    }

    /// Joins another inbox in, as [`Inbox::merge`]. In a session what came before is told first.
    ///
    /// # Errors
    ///
    /// [`MergeError`] if the inboxes belong to two owners, have unlike policies, or one of them is corrupt in a part.
    pub fn merge(&mut self, other: &Inbox) -> Result<Vec<Notice>, MergeError> {
        let mut merged = self.inbox.clone();
        let changes = merged.merge(other)?;
        let mut notices = Vec::new();
        self.tell_slice(&mut notices);
        self.go_on_from(merged);
        self.tell(changes, &mut notices);
        Ok(notices)
    }

    /// Heals faulty histories from a replay, as [`Inbox::heal`], and tells a [`Notice::Reset`]. In a session what
    /// came before is told first.
    ///
    /// # Errors
    ///
    /// [`MergeError`] if the inboxes belong to two owners or have unlike policies.
    pub fn heal(&mut self, replayed: &Inbox) -> Result<Vec<Notice>, MergeError> {
        let mut healed = self.inbox.clone();
        let count = healed.heal(replayed)?;
        let mut notices = Vec::new();
        self.tell_slice(&mut notices);
        if count > 0 || healed.revision() != self.inbox.revision() {
            // What was corrupt may have shown nothing, and shows nothing now: views come to another state all the same.
            let healed = healed.in_place_of(&self.inbox);
            self.go_on_from(healed);
            self.told = self.inbox.revision();
            notices.push(Notice::Reset);
            self.tell(ChangeSet::default(), &mut notices);
        }
        Ok(notices)
    }

    /// Follows an inbox that somebody else keeps, an account's, to where it stands right after `changes`, and tells
    /// what changed: a [`Notice::Reset`] where a change set between was missed or the inbox is another. It is told in a
    /// session too, as a slice of it, because the other inbox has taken in everything already.
    ///
    /// Complexity: as [`UnreadSubscriptions::follow`].
    pub fn follow(&mut self, inbox: &Inbox, changes: &ChangeSet) -> Vec<Notice> {
        let mut notices = Vec::new();
        let Revisions { before: from, after: to } = changes.revisions();
        if inbox.revision() != self.inbox.revision() {
            let missed = (from, to) != (self.inbox.revision(), inbox.revision());
            self.go_on_from(inbox.clone());
            let totals = self.subscriptions.follow(&self.inbox, changes);
            if missed {
                self.told = self.inbox.revision();
                notices.push(Notice::Reset);
            } else {
                notices.extend(self.changed(changes.clone()));
            }
            notices.extend((!totals.is_empty()).then_some(Notice::UnreadByFilter(totals)));
        }
        notices
    }

    /// Tells what the session at hand has not told yet, if there is one.
    fn tell_slice(&mut self, notices: &mut Vec<Notice>) {
        let Some(session) = &self.session else { return };
        let changes = self.inbox.told_since(&session.span);
        self.go_on_from(self.inbox.clone());
        self.tell(changes, notices);
    }

    /// Goes on from `inbox`; an open session begins its next slice there.
    fn go_on_from(&mut self, inbox: Inbox) {
        self.inbox = inbox;
        if let Some(session) = &mut self.session {
            (session.span, session.since) = (ChangeSpan::new(&self.inbox), 0);
        }
    }

    fn tell(&mut self, changes: ChangeSet, notices: &mut Vec<Notice>) {
        let totals = self.subscriptions.follow(&self.inbox, &changes);
        notices.extend(self.changed(changes));
        notices.extend((!totals.is_empty()).then_some(Notice::UnreadByFilter(totals)));
    }

    /// Tells a change set, if anything changed. One before in which nothing did, which was not told, belongs to it: whoever
    /// follows what is told has missed none.
    fn changed(&mut self, mut changes: ChangeSet) -> Option<Notice> {
        if changes.is_empty() {
            return None;
        }
        let after = changes.revisions().after;
        changes.revisions.0 = std::mem::replace(&mut self.told, after);
        Some(Notice::Changed(changes))
    }
}
