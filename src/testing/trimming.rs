//! The store in memory, trimmed as files are: what an archive holds is told to be elsewhere.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::log::jsonl::{LoggedEvent, decode_line};
use crate::model::id::{EventId, UserId};
use crate::model::stream::StreamId;
use crate::store::snapshot::{LogPrefix, SnapshotInfo};
use crate::store::{
    Append, AppendError, Appended, EventStore, Head, MemoryStore, NewEvent, Page, Received, RewriteError,
    SnapshotStore, StoredEvent, StoredSnapshot, Trim, Trimmed,
};
use crate::{Inbox, Replay};

/// The [store in memory](MemoryStore) with [trimming](Trim): archives are named by any text and lie beside it, and what was
/// moved to one is refused as a durable store refuses it. For tests of whatever reads from a store that was trimmed. It
/// spares no memory, for which reason the store in memory itself does not trim: its logs are still whole within. A clone is
/// another handle of the same store.
///
/// ```
/// use chatfold::store::{EventStore, MemoryStore, SnapshotStore, StoredSnapshot, Trim};
/// use chatfold::shared::StreamId;
/// use chatfold::testing::{TrimmingStore, Workload};
/// use chatfold::{Policy, Replay};
///
/// let workload = Workload::phone().with_events(50);
/// let mut store = TrimmingStore::new(MemoryStore::new(), 8);
/// let inbox = StreamId::from(workload.owner());
/// let head = store.import(&inbox, &workload.stored())?;
/// let mut replay = Replay::new(workload.owner(), Policy::default());
/// workload.iter().for_each(|event| replay.push(&event));
/// let bytes = replay.finish().snapshot(head.prefix)?;
/// assert!(store.save(&inbox, &StoredSnapshot::new(head.prefix, bytes))?);
///
/// let trimmed = store.trim(&workload.owner(), u64::MAX, &"older".to_owned())?;
/// assert_eq!((trimmed.events, trimmed.through, trimmed.base), (48, 48, 50));
/// let refused = store.read(&inbox, 0, 10).unwrap_err();
/// assert!(store.is_trimmed(&refused));
/// assert_eq!(store.restore_archive(&workload.owner(), &"older".to_owned())?, 48);
/// assert_eq!(store.read(&inbox, 0, 100)?.events, workload.stored());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrimmingStore {
    store: MemoryStore,
    seal_events: u64,
    moved: Arc<Mutex<Moved>>,
}

#[derive(Debug, Default)]
struct Moved {
    cuts: BTreeMap<StreamId, Cut>,
    archives: BTreeMap<String, (UserId, Vec<StoredEvent>)>,
}

/// Where a log was cut.
#[derive(Clone, Debug)]
struct Cut {
    prefix: LogPrefix,
    base: StoredSnapshot,
}

/// Why a [`TrimmingStore`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrimmingError {
    /// What is asked for was moved to an archive.
    #[error("the events of {inbox} through position {through} are in an archive")]
    Trimmed {
        /// Whose they are.
        inbox: StreamId,
        /// The position of the last that was moved.
        through: u64,
    },
    /// There is no snapshot of no more than so many events that is what the events say.
    #[error("no snapshot of {owner} through position {through} is what the events say")]
    Unverified {
        /// Whose it would be.
        owner: UserId,
        /// Of no more than these events.
        through: u64,
    },
    /// The archive holds no such events, or others.
    #[error("archive {name:?} does not hold the events of {owner}")]
    Archive {
        /// Whose events are asked for.
        owner: UserId,
        /// Its name.
        name: String,
    },
}

type Outcome<T> = Result<T, TrimmingError>;

/// The same as of a store that never fails by itself.
fn inner<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl TrimmingStore {
    /// Returns the same store, which moves events by segments of so many, at least one.
    pub fn new(store: MemoryStore, seal_events: u64) -> Self {
        Self { store, seal_events: seal_events.max(1), moved: Arc::default() }
    }

    fn moved(&self) -> MutexGuard<'_, Moved> {
        // Nothing in it is ever half written.
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self, inbox: &StreamId) -> Option<Cut> {
        self.moved().cuts.get(inbox).cloned()
    }

    /// Refuses what lies through a position, if it was moved.
    fn refuse(&self, inbox: &StreamId, is_moved: impl FnOnce(&Cut) -> bool) -> Outcome<()> {
        match self.cut(inbox).filter(is_moved) {
            Some(cut) => Err(TrimmingError::Trimmed { inbox: inbox.clone(), through: cut.prefix.events }),
            None => Ok(()),
        }
    }

    /// Whether a snapshot is what its events say.
    fn is_verified(owner: &UserId, snapshot: &StoredSnapshot, events: &[StoredEvent]) -> bool {
        let Ok(info) = SnapshotInfo::read(&snapshot.bytes) else { return false };
        let Ok((restored, _)) = Inbox::restore(snapshot.bytes.clone(), owner, info.policy) else {
            return false;
        };
        let mut replay = Replay::new(owner.clone(), info.policy);
        for stored in events {
            if let Ok(LoggedEvent::Known(event)) = decode_line(&stored.bytes) {
                replay.push(&event);
            }
        }
        restored.verify().is_ok() && replay.finish().digest() == restored.digest()
    }
}

impl EventStore for TrimmingStore {
    type Error = TrimmingError;

    fn append(
        &mut self,
        inbox: &StreamId,
        append: &Append<'_>,
    ) -> Result<Appended, AppendError<TrimmingError>> {
        self.store.append(inbox, append).map_err(|error| error.map_store(|never| match never {}))
    }

    fn import(
        &mut self,
        inbox: &StreamId,
        events: &[StoredEvent],
    ) -> Result<Head, AppendError<TrimmingError>> {
        self.store.import(inbox, events).map_err(|error| error.map_store(|never| match never {}))
    }

    fn receive_many(&mut self, inboxes: &[StreamId], events: &[NewEvent]) -> Outcome<Vec<Received>> {
        Ok(inner(self.store.receive_many(inboxes, events)))
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Outcome<Page> {
        self.refuse(inbox, |cut| limit > 0 && after < cut.prefix.events)?;
        Ok(inner(self.store.read(inbox, after, limit)))
    }

    fn is_trimmed(&self, error: &TrimmingError) -> bool {
        matches!(error, TrimmingError::Trimmed { .. })
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Outcome<Option<StoredEvent>> {
        let found = inner(self.store.find(inbox, id));
        let position = found.as_ref().map_or(u64::MAX, StoredEvent::position);
        self.refuse(inbox, |cut| position <= cut.prefix.events)?;
        Ok(found)
    }

    fn rewrite(
        &mut self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<TrimmingError>> {
        let first = events.iter().map(|(position, _)| *position).min().unwrap_or(u64::MAX);
        self.refuse(inbox, |cut| first <= cut.base.prefix.events)?;
        self.store.rewrite(inbox, events).map_err(|error| match error {
            RewriteError::NoSuchEvent { position } => RewriteError::NoSuchEvent { position },
            RewriteError::Store(never) => match never {},
        })
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Outcome<Head> {
        Ok(inner(self.store.fence(inbox, to)))
    }

    fn erase(&mut self, inbox: &StreamId) -> Outcome<Head> {
        self.moved().cuts.remove(inbox);
        Ok(inner(self.store.erase(inbox)))
    }

    fn reopen(&mut self, inbox: &StreamId) -> Outcome<Head> {
        Ok(inner(self.store.reopen(inbox)))
    }
}

impl SnapshotStore for TrimmingStore {
    /// The snapshot that stands for what was moved is none of those that the store in memory counts.
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Outcome<Option<StoredSnapshot>> {
        let cut = self.cut(inbox);
        let at_least = cut.as_ref().map_or(0, |cut| cut.prefix.events);
        let found = inner(self.store.latest(inbox, through));
        let found = found.filter(|kept| kept.prefix.events >= at_least);
        let base = cut.map(|cut| cut.base).filter(|base| base.prefix.events <= through);
        Ok(found.into_iter().chain(base).max_by_key(|kept| kept.prefix.events))
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Outcome<bool> {
        let at = snapshot.prefix.events;
        if let Some(cut) = self.cut(inbox)
            && (at < cut.prefix.events || at == cut.base.prefix.events)
        {
            return Ok(at >= cut.prefix.events && snapshot.prefix == cut.base.prefix);
        }
        Ok(inner(self.store.save(inbox, snapshot)))
    }
}

impl Trim for TrimmingStore {
    type Archive = String;

    fn trim(&mut self, owner: &UserId, through: u64, archive: &String) -> Outcome<Trimmed> {
        let inbox = &StreamId::from(owner);
        let unverified = || TrimmingError::Unverified { owner: owner.clone(), through };
        let other = || TrimmingError::Archive { owner: owner.clone(), name: archive.clone() };
        let base = self.latest(inbox, through)?.ok_or_else(unverified)?;
        let before = self.cut(inbox);
        let moved = before.as_ref().map_or(0, |cut| cut.prefix.events);
        let end = base.prefix.events / self.seal_events * self.seal_events;
        if end <= moved {
            return Ok(Trimmed::new(0, moved, before.map_or(0, |cut| cut.base.prefix.events)));
        }
        let count = |events| usize::try_from(events).unwrap_or(usize::MAX);
        let mut events = inner(self.store.read(inbox, 0, count(base.prefix.events))).events;
        if !Self::is_verified(owner, &base, &events) {
            return Err(unverified());
        }
        events.truncate(count(end));
        let prefix = events.last().map_or(LogPrefix::EMPTY, |event| event.prefix);
        let mut all = self.moved();
        match all.archives.get(archive) {
            Some((of, held)) if of != owner || !events.starts_with(held) => return Err(other()),
            Some((_, held)) if held.len() < count(moved) => return Err(other()),
            None if moved > 0 => return Err(other()),
            _ => {}
        }
        let trimmed = Trimmed::new(end - moved, end, base.prefix.events);
        all.archives.insert(archive.clone(), (owner.clone(), events));
        all.cuts.insert(inbox.clone(), Cut { prefix, base });
        Ok(trimmed)
    }

    fn trimmed_prefix(&mut self, owner: &UserId) -> Outcome<LogPrefix> {
        Ok(self.cut(&StreamId::from(owner)).map_or(LogPrefix::EMPTY, |cut| cut.prefix))
    }

    fn restore_archive(&mut self, owner: &UserId, archive: &String) -> Outcome<u64> {
        let inbox = &StreamId::from(owner);
        let Some(cut) = self.cut(inbox) else { return Ok(0) };
        let moved = cut.prefix.events;
        let expected = inner(self.store.read(inbox, 0, usize::try_from(moved).unwrap_or(usize::MAX))).events;
        let mut all = self.moved();
        let holds = |(of, held): &(UserId, Vec<StoredEvent>)| of == owner && held.starts_with(&expected);
        if !all.archives.get(archive).is_some_and(holds) {
            return Err(TrimmingError::Archive { owner: owner.clone(), name: archive.clone() });
        }
        all.cuts.remove(inbox);
        drop(all);
        inner(self.store.save(inbox, &cut.base));
        Ok(moved)
    }
}
