//! The hub of a desk, and the queues in which connected sessions hear of what changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chatfold::Event;
use chatfold::change::{ConversationChange, FolderChange, TotalsChange};
use chatfold::shared::{Delivery, Directory, Hub, Memberships, Session, SharedId, Timeline};
use chatfold::{MessageId, UserId};
use tokio::sync::mpsc;

use super::error::SharedError;
use super::line::Own;

/// What a session hears.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Told {
    /// A row changed. What it shows now, [`Desk::member`](super::Desk::member) says.
    Row {
        /// What of it changed.
        change: Box<ConversationChange>,
        /// The account's totals, where they are others.
        totals: Option<TotalsChange>,
        /// The messages of the conversation of which something else shows than before, whoever may see them.
        messages: Arc<[MessageId]>,
    },
    /// Folders or quiet hours of the account changed.
    Account {
        /// What happened to folders.
        folders: Vec<FolderChange>,
        /// Whether the quiet hours are others.
        quiet_hours: bool,
    },
    /// More happened than was taken: read the list anew. What was told before this may be old.
    Lagged,
}

/// What a session is told, in order. It holds a bounded number; what comes beyond that is told as [`Told::Lagged`].
#[derive(Debug)]
pub struct Deliveries {
    told: mpsc::Receiver<Told>,
    lags: Arc<AtomicBool>,
}

impl Deliveries {
    /// The next, once there is one; `None` after the session has ended.
    pub async fn next(&mut self) -> Option<Told> {
        match self.try_next() {
            Some(told) => Some(told),
            None => self.told.recv().await,
        }
    }

    /// Holds nothing from now on: for a session that is only asked. It then hears that it lags, and nothing else.
    pub fn close(&mut self) {
        self.told.close();
        while self.told.try_recv().is_ok() {}
    }

    /// The next, if there is one already.
    pub fn try_next(&mut self) -> Option<Told> {
        // What was lost is told once all that was held has been taken.
        let lags = || self.lags.swap(false, Ordering::AcqRel).then_some(Told::Lagged);
        self.told.try_recv().ok().or_else(lags)
    }
}

/// Where a session is told.
#[derive(Debug)]
struct Queue {
    tell: mpsc::Sender<Told>,
    lags: Arc<AtomicBool>,
}

impl Queue {
    fn put(&self, told: Told) {
        if self.tell.try_send(told).is_err() {
            self.lags.store(true, Ordering::Release);
            // Wakes a session that has taken everything in between.
            let _ = self.tell.try_send(Told::Lagged);
        }
    }
}

/// The hub, and who is told of it.
#[derive(Default)]
pub(crate) struct Sessions {
    pub(crate) hub: Hub,
    queues: HashMap<Session, Queue>,
    of: BTreeMap<UserId, Connected>,
}

/// A connected account.
struct Connected {
    /// Its own stream, held as long as it is connected.
    own: Own,
    sessions: Vec<Session>,
}

impl Sessions {
    pub(crate) fn new(directory: Directory) -> Self {
        Self { hub: Hub::new(directory), ..Self::default() }
    }

    /// Opens a session, with room for so many deliveries, and returns which timelines it needs.
    pub(crate) fn connect(
        &mut self,
        (memberships, own): (&Memberships, &Own),
        room: usize,
    ) -> Result<(Session, Deliveries, Vec<SharedId>), SharedError> {
        let owner = memberships.owner();
        let session = match self.hub.join(owner) {
            Some(session) => session,
            // An account that is not connected is under no other policy.
            None => self.hub.connect(memberships.clone()).map_err(|_| SharedError::Gone)?,
        };
        let (tell, told) = mpsc::channel(room.max(1));
        let lags = Arc::new(AtomicBool::new(false));
        self.queues.insert(session, Queue { tell, lags: Arc::clone(&lags) });
        let new = || Connected { own: Arc::clone(own), sessions: Vec::new() };
        self.of.entry(owner.clone()).or_insert_with(new).sessions.push(session);
        let missing = |id: &SharedId| self.hub.timeline(id).is_none();
        let needs = memberships.conversations().filter(missing).collect();
        Ok((session, Deliveries { told, lags }, needs))
    }

    pub(crate) fn disconnect(&mut self, session: Session, owner: &UserId) {
        self.hub.disconnect(session);
        self.queues.remove(&session);
        if let Some(connected) = self.of.get_mut(owner) {
            connected.sessions.retain(|other| *other != session);
            if connected.sessions.is_empty() {
                self.of.remove(owner);
            }
        }
    }

    /// The own stream of an account, if it is connected.
    pub(crate) fn own(&self, owner: &UserId) -> Option<Own> {
        self.of.get(owner).map(|connected| Arc::clone(&connected.own))
    }

    /// The own streams of all connected accounts, by owner.
    pub(crate) fn connected(&self) -> Vec<UserId> {
        self.of.keys().cloned().collect()
    }

    /// Takes in what was appended to a conversation, and tells those who see it.
    pub(crate) fn shared(&mut self, id: &SharedId, events: &[Event]) {
        let delivery = self.hub.shared(id, events);
        self.deliver(delivery, None);
    }

    /// Takes a timeline, and tells those who see it.
    pub(crate) fn provide(&mut self, timeline: Timeline) {
        let delivery = self.hub.provide(timeline);
        self.deliver(delivery, None);
    }

    /// Takes a timeline of another log in the place of the one that is there. Those who see it read it anew: any message may say
    /// something else.
    pub(crate) fn replace_timeline(&mut self, timeline: Timeline) {
        let id = timeline.id().clone();
        self.provide(timeline);
        self.hub.seeing(&id).for_each(|owner| self.lagged(owner));
    }

    /// Takes an account's own facts, of another log, in the place of those that are there. Returns the conversations whose timelines
    /// are lacking since.
    pub(crate) fn replace_own(&mut self, memberships: &Memberships) -> Vec<SharedId> {
        if !self.hub.replace(memberships.clone()) {
            return Vec::new();
        }
        self.lagged(memberships.owner());
        memberships.conversations().filter(|id| self.hub.timeline(id).is_none()).collect()
    }

    /// Takes a directory of another log in the place of the one that is there.
    pub(crate) fn replace_directory(&mut self, directory: Directory) {
        self.hub.replace_directory(directory);
        self.of.keys().for_each(|owner| self.lagged(owner));
    }

    /// Takes in what was appended to an account's stream. Returns the conversations whose timelines are lacking since.
    pub(crate) fn personal(&mut self, owner: &UserId, events: &[Event]) -> Vec<SharedId> {
        if !self.of.contains_key(owner) {
            return Vec::new();
        }
        let delivery = self.hub.personal(owner, events);
        self.deliver(delivery, Some(owner));
        let named = events.iter().filter_map(Event::conversation).map(|id| SharedId::of(owner, id));
        named.filter(|id| self.hub.timeline(id).is_none()).collect()
    }

    /// Takes in a profile.
    pub(crate) fn profile(&mut self, event: &Event) {
        let delivery = self.hub.profile(event);
        self.deliver(delivery, None);
    }

    /// All sessions of an account read their lists anew.
    pub(crate) fn lagged(&self, owner: &UserId) {
        for queue in self.queues_of(owner) {
            queue.put(Told::Lagged);
        }
    }

    fn queues_of(&self, owner: &UserId) -> impl Iterator<Item = &Queue> {
        let sessions = self.of.get(owner).into_iter().flat_map(|connected| &connected.sessions);
        sessions.filter_map(|session| self.queues.get(session))
    }

    fn deliver(&self, delivery: Delivery, owner: Option<&UserId>) {
        let messages: Arc<[MessageId]> = delivery.messages.into();
        for change in delivery.changes {
            for queue in self.queues_of(&change.account) {
                queue.put(Told::Row {
                    change: Box::new(change.change.clone()),
                    totals: change.totals,
                    messages: Arc::clone(&messages),
                });
            }
        }
        if let Some(owner) = owner.filter(|_| !delivery.folders.is_empty() || delivery.quiet_hours) {
            for queue in self.queues_of(owner) {
                let folders = delivery.folders.clone();
                queue.put(Told::Account { folders, quiet_hours: delivery.quiet_hours });
            }
        }
    }
}
