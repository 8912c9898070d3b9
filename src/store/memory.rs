//! The reference store: in memory, refusing as the durable ones do.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::id::{CommandId, EventId, UserId};
use crate::store::snapshot::LogPrefix;
use crate::store::{
    Append, AppendError, Appended, Closed, EventStore, Head, Known, NewEvent, Page, Plan, Received,
    RewriteError, SNAPSHOTS_KEPT, SnapshotStore, StoredEvent, StoredSnapshot, plan_import, plan_receive,
};

/// Keeps logs and snapshots in memory. It conflicts, knows what it was given before, and refuses exactly as the
/// durable stores do, so tests on it mean something. A clone is another handle of the same store.
///
/// ```
/// use chatfold::store::{Append, AppendError, EventStore, MemoryStore, NewEvent};
/// use chatfold::id::CommandId;
/// use chatfold::{EventId, UserId};
///
/// let (alice, mut store) = (UserId::parse("alice")?, MemoryStore::new());
/// let event = |n| NewEvent::new(EventId::from_bytes([n; 16]), vec![n]);
/// let (one, two) = ([event(1)], [event(2)]);
/// let append = |events, n| Append::new(0, events).with_command(Some(CommandId::from_bytes([n; 16])));
/// assert_eq!(store.append(&alice, &append(&one, 1))?.last, 1);
/// assert!(store.append(&alice, &append(&one, 1))?.repeated, "given again, done once");
/// let late = store.append(&alice, &append(&two, 2));
/// assert_eq!(late, Err(AppendError::Conflict { expected: 0, actual: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    logs: Arc<Mutex<BTreeMap<UserId, Log>>>,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<StoredEvent>,
    positions: BTreeMap<EventId, u64>,
    commands: BTreeMap<CommandId, (u64, u64)>,
    snapshots: Vec<StoredSnapshot>,
    closed: Option<Closed>,
}

impl Log {
    fn head(&self) -> Head {
        let prefix = self.events.last().map_or(LogPrefix::EMPTY, |event| event.prefix);
        Head { prefix, closed: self.closed.clone() }
    }

    fn known(&self, append: &Append<'_>) -> Known {
        let known = |event: &NewEvent| Some((event.id, *self.positions.get(&event.id)?));
        Known {
            head: self.head(),
            command: append.command.and_then(|command| self.commands.get(&command).copied()),
            ids: append.events.iter().filter_map(known).collect(),
        }
    }

    fn push(&mut self, event: StoredEvent) {
        let position = event.position();
        self.positions.insert(event.id, position);
        if let Some(command) = event.command {
            self.commands.entry(command).or_insert((position, position)).1 = position;
        }
        self.events.push(event);
    }

    /// The prefix of so many events.
    fn prefix(&self, events: u64) -> Option<LogPrefix> {
        match usize::try_from(events).ok()?.checked_sub(1) {
            None => Some(LogPrefix::EMPTY),
            Some(last) => self.events.get(last).map(|event| event.prefix),
        }
    }

    fn keep(&mut self, snapshot: &StoredSnapshot) {
        self.snapshots.retain(|kept| kept.prefix.events != snapshot.prefix.events);
        self.snapshots.push(snapshot.clone());
        self.snapshots.sort_unstable_by_key(|kept| kept.prefix.events);
        let excess = self.snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        self.snapshots.drain(..excess);
    }

    fn append(&mut self, append: &Append<'_>) -> Result<Appended, AppendError<Infallible>> {
        let known = self.known(append);
        match append.plan(&known)? {
            Plan::Repeat { first, last } => {
                Ok(Appended { first, last, prefix: known.head.prefix, repeated: true })
            }
            Plan::Write { prefixes, keep_snapshot } => {
                for (event, prefix) in append.events.iter().zip(prefixes) {
                    let (id, bytes) = (event.id, event.bytes.clone());
                    self.push(StoredEvent { id, command: append.command, prefix, bytes });
                }
                if let Some(snapshot) = append.snapshot.filter(|_| keep_snapshot) {
                    self.keep(snapshot);
                }
                let prefix = self.head().prefix;
                Ok(Appended { first: append.expected + 1, last: prefix.events, prefix, repeated: false })
            }
        }
    }

    fn receive(&mut self, events: &[NewEvent]) -> Received {
        let ids = events.iter().map(|event| event.id);
        let known: Vec<_> = ids.filter(|id| self.positions.contains_key(id)).collect();
        let (rows, outcome) = plan_receive(&self.head(), &known, events);
        for (event, prefix) in rows {
            self.push(StoredEvent { id: event.id, command: None, prefix, bytes: event.bytes.clone() });
        }
        outcome
    }

    fn rewrite(&mut self, changes: &[(u64, Vec<u8>)]) -> Result<Head, RewriteError<Infallible>> {
        let index = |position: u64| usize::try_from(position).ok()?.checked_sub(1);
        let there = |position| index(position).is_some_and(|at| at < self.events.len());
        if let Some((position, _)) = changes.iter().find(|(position, _)| !there(*position)) {
            return Err(RewriteError::NoSuchEvent { position: *position });
        }
        for (position, bytes) in changes {
            if let Some(event) = index(*position).and_then(|at| self.events.get_mut(at)) {
                event.bytes.clone_from(bytes);
            }
        }
        let mut prefix = LogPrefix::EMPTY;
        for event in &mut self.events {
            prefix.push(&event.bytes);
            event.prefix = prefix;
        }
        self.snapshots.clear();
        Ok(self.head())
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, inbox: &UserId, act: impl FnOnce(&mut Log) -> T) -> T {
        // A log is never left half written, so one that a panicking thread held is as good as any.
        let mut logs: MutexGuard<'_, _> = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        act(logs.entry(inbox.clone()).or_default())
    }
}

impl EventStore for MemoryStore {
    type Error = Infallible;

    fn append(&mut self, inbox: &UserId, append: &Append<'_>) -> Result<Appended, AppendError<Infallible>> {
        self.with(inbox, |log| log.append(append))
    }

    fn import(&mut self, inbox: &UserId, events: &[StoredEvent]) -> Result<Head, AppendError<Infallible>> {
        self.with(inbox, |log| {
            plan_import(&log.head(), events)?;
            events.iter().for_each(|event| log.push(event.clone()));
            Ok(log.head())
        })
    }

    fn receive_many(&mut self, inboxes: &[UserId], events: &[NewEvent]) -> Result<Vec<Received>, Infallible> {
        Ok(inboxes.iter().map(|inbox| self.with(inbox, |log| log.receive(events))).collect())
    }

    fn read(&mut self, inbox: &UserId, after: u64, limit: usize) -> Result<Page, Infallible> {
        self.with(inbox, |log| {
            let after = usize::try_from(after).unwrap_or(usize::MAX);
            let events = log.events.iter().skip(after).take(limit).cloned().collect();
            Ok(Page { head: log.head(), events })
        })
    }

    fn find(&mut self, inbox: &UserId, id: EventId) -> Result<Option<StoredEvent>, Infallible> {
        Ok(self.with(inbox, |log| {
            let position = usize::try_from(*log.positions.get(&id)?).ok()?;
            log.events.get(position.checked_sub(1)?).cloned()
        }))
    }

    fn rewrite(
        &mut self,
        inbox: &UserId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<Infallible>> {
        self.with(inbox, |log| log.rewrite(events))
    }

    fn fence(&mut self, inbox: &UserId, to: &str) -> Result<Head, Infallible> {
        self.with(inbox, |log| {
            log.closed = Some(Closed::Moved { to: to.to_owned() });
            Ok(log.head())
        })
    }

    fn erase(&mut self, inbox: &UserId) -> Result<Head, Infallible> {
        self.with(inbox, |log| {
            let closed = log.closed.take().or(Some(Closed::Erased));
            *log = Log { closed, ..Log::default() };
            Ok(log.head())
        })
    }

    fn reopen(&mut self, inbox: &UserId) -> Result<Head, Infallible> {
        self.with(inbox, |log| {
            log.closed = None;
            Ok(log.head())
        })
    }
}

impl SnapshotStore for MemoryStore {
    fn latest(&mut self, inbox: &UserId, through: u64) -> Result<Option<StoredSnapshot>, Infallible> {
        self.with(inbox, |log| {
            Ok(log.snapshots.iter().rev().find(|kept| kept.prefix.events <= through).cloned())
        })
    }

    fn save(&mut self, inbox: &UserId, snapshot: &StoredSnapshot) -> Result<bool, Infallible> {
        self.with(inbox, |log| {
            let fits = log.prefix(snapshot.prefix.events) == Some(snapshot.prefix);
            if fits {
                log.keep(snapshot);
            }
            Ok(fits)
        })
    }
}
