//! The store as the ports know it: blocking, for tools and tests. A server has no use for it.

use chatfold::shared::StreamId;
use chatfold::store::{
    Append, AppendError, Appended, EventStore, FoundSnapshot, Head, NewEvent, Page, Received, RewriteError,
    SealedPage, SnapshotStore, StoredEvent, StoredSnapshot,
};
use chatfold::{EventId, UserId};
use tokio::runtime::Handle;

use crate::check::Damage;
use crate::error::PostgresError;
use crate::heard::Heard;
use crate::pool::PostgresStore;
use crate::sealing;

/// A store whose every call waits for its answer.
///
/// Must not be called from within the runtime that it waits on.
#[derive(Clone, Debug)]
pub struct Blocking {
    store: PostgresStore,
    runtime: Handle,
}

impl Blocking {
    /// This store, its futures run by this runtime.
    pub fn new(mut store: PostgresStore, runtime: Handle) -> Self {
        // A tool may end right after its append, so listeners are told before that returns.
        store.teller = None;
        // Nor would it wait for a task that seals.
        store.sealer = None;
        Self { store, runtime }
    }

    /// The owners of the inboxes after `after`, in order, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub fn inboxes(&self, after: Option<&UserId>, limit: usize) -> Result<Vec<UserId>, PostgresError> {
        self.wait(self.store.inboxes(after, limit))
    }

    /// [`PostgresStore::streams`], blocking.
    ///
    /// # Errors
    ///
    /// As of that.
    pub fn streams(&self, after: Option<&StreamId>, limit: usize) -> Result<Vec<StreamId>, PostgresError> {
        self.wait(self.store.streams(after, limit))
    }

    /// Looks at all inboxes. See [`PostgresStore::check`].
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::check`].
    pub fn check(&self) -> Result<Vec<Damage>, PostgresError> {
        self.wait(self.store.check())
    }

    /// Looks at one inbox. See [`PostgresStore::check_inbox`].
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::check`].
    pub fn check_inbox(&self, inbox: &StreamId) -> Result<Vec<Damage>, PostgresError> {
        self.wait(self.store.check_inbox(inbox))
    }

    /// Mends what follows from the log of an inbox. See [`PostgresStore::repair`].
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::repair`].
    pub fn repair(&self, inbox: &StreamId) -> Result<Vec<Damage>, PostgresError> {
        self.wait(self.store.repair(inbox))
    }

    /// Seals what an append has made enough of. What is not sealed now is with a later append.
    fn seal(&self, inbox: &StreamId, before: u64, last: u64) {
        if sealing::is_due(before, last, self.store.seal_events()) {
            let _ = self.wait(self.store.seal(inbox));
        }
    }

    /// Tells listeners. What was done is done, whether they can be told or not.
    fn tell(&self, told: &[Heard]) {
        if self.store.options.notify && !told.is_empty() {
            let _ = self.wait(self.store.tell_all(told));
        }
    }

    /// Tells listeners that an inbox was rewritten, closed, opened or put there: whatever number of events it has.
    fn tell_of<T, E>(&self, inbox: &StreamId, done: Result<T, E>) -> Result<T, E> {
        if done.is_ok() {
            self.tell(&[Heard::Inbox { inbox: inbox.clone(), events: u64::MAX }]);
        }
        done
    }

    /// The store that is waited for.
    pub(crate) fn store(&self) -> &PostgresStore {
        &self.store
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl EventStore for Blocking {
    type Error = PostgresError;

    fn append(
        &mut self,
        inbox: &StreamId,
        append: &Append<'_>,
    ) -> Result<Appended, AppendError<PostgresError>> {
        let appended = self.wait(self.store.append(inbox, append))?;
        self.tell(&[Heard::Inbox { inbox: inbox.clone(), events: appended.last }]);
        self.seal(inbox, appended.first.saturating_sub(1), appended.last);
        Ok(appended)
    }

    fn import(
        &mut self,
        inbox: &StreamId,
        events: &[StoredEvent],
    ) -> Result<Head, AppendError<PostgresError>> {
        self.tell_of(inbox, self.wait(self.store.import(inbox, events)))
    }

    fn receive_many(
        &mut self,
        inboxes: &[StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, PostgresError> {
        let received = self.wait(self.store.receive_many(inboxes, events))?;
        let written = inboxes.iter().zip(&received).filter_map(|(inbox, received)| match received {
            Received::Appended { last, .. } => Some(Heard::Inbox { inbox: inbox.clone(), events: *last }),
            _ => None,
        });
        self.tell(&written.collect::<Vec<_>>());
        for (inbox, received) in inboxes.iter().zip(&received) {
            if let Received::Appended { first, last } = received {
                self.seal(inbox, first.saturating_sub(1), *last);
            }
        }
        Ok(received)
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, PostgresError> {
        self.wait(self.store.read(inbox, after, limit))
    }

    fn read_sealed(&mut self, inbox: &StreamId, after: u64) -> Result<Option<SealedPage>, PostgresError> {
        self.wait(self.store.read_sealed(inbox, after))
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, PostgresError> {
        self.wait(self.store.find(inbox, id))
    }

    fn rewrite(
        &mut self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<PostgresError>> {
        self.tell_of(inbox, self.wait(self.store.rewrite(inbox, events)))
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Result<Head, PostgresError> {
        self.tell_of(inbox, self.wait(self.store.fence(inbox, to)))
    }

    fn erase(&mut self, inbox: &StreamId) -> Result<Head, PostgresError> {
        self.tell_of(inbox, self.wait(self.store.erase(inbox)))
    }

    fn reopen(&mut self, inbox: &StreamId) -> Result<Head, PostgresError> {
        self.tell_of(inbox, self.wait(self.store.reopen(inbox)))
    }
}

impl SnapshotStore for Blocking {
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, PostgresError> {
        self.wait(self.store.latest(inbox, through))
    }

    fn open_latest(
        &mut self,
        inbox: &StreamId,
        through: u64,
    ) -> Result<Option<FoundSnapshot>, PostgresError> {
        Ok(self.wait(self.store.open_latest(inbox, through))?.map(FoundSnapshot::from))
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, PostgresError> {
        self.wait(self.store.save(inbox, snapshot))
    }
}
