//! The reference store: in memory, refusing as the durable ones do.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::id::EventId;
use crate::model::stream::StreamId;
use crate::store::memory_log::Log;
use crate::store::{
    Append, AppendError, Appended, Closed, EventStore, Head, NewEvent, Outbox, OutboxChange, OutboxCursor,
    OutboxEntry, OutboxError, OutboxPage, OutboxStatus, Page, Received, RewriteError, SnapshotStore,
    StoredEvent, StoredSnapshot, plan_import,
};

/// Keeps logs and snapshots in memory. It conflicts, knows what it was given before, and refuses exactly as the
/// durable stores do, so tests on it mean something. A clone is another handle of the same store.
///
/// ```
/// use chatfold::store::{Append, AppendError, EventStore, MemoryStore, NewEvent};
/// use chatfold::id::CommandId;
/// use chatfold::shared::StreamId;
/// use chatfold::{EventId, UserId};
///
/// let (alice, mut store) = (StreamId::from(UserId::parse("alice")?), MemoryStore::new());
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
    kept: Arc<Mutex<Kept>>,
}

/// All that a store keeps.
#[derive(Debug, Default)]
struct Kept {
    logs: BTreeMap<StreamId, Log>,
    outbox: Entries,
}

/// The outbox: what happened since it was switched on, but for what was forgotten.
#[derive(Debug, Default)]
struct Entries {
    is_on: bool,
    /// How often it was switched on, which marks its cursors.
    mark: u128,
    entries: Vec<(StreamId, OutboxChange)>,
    /// How many entries were removed before those.
    forgotten: u64,
}

impl Entries {
    fn put(&mut self, stream: &StreamId, change: OutboxChange) {
        if self.is_on {
            self.entries.push((stream.clone(), change));
        }
    }

    fn cursor(&self, number: u64) -> OutboxCursor {
        OutboxCursor::new(self.mark, 0, 0, number)
    }

    fn first(&self) -> OutboxCursor {
        self.cursor(self.forgotten)
    }

    /// How many of the entries that are kept stand up to this cursor.
    fn taken(&self, through: &OutboxCursor) -> Result<usize, OutboxError<Infallible>> {
        if !self.is_on {
            return Err(OutboxError::Off);
        }
        let end = self.cursor(self.forgotten + self.entries.len() as u64);
        through.judge(&self.first(), &end)?;
        Ok(usize::try_from(through.number() - self.forgotten).unwrap_or(usize::MAX))
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn all(&self) -> MutexGuard<'_, Kept> {
        // A log is never left half written, so one that a panicking thread held is as good as any.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, stream: &StreamId, act: impl FnOnce(&mut Log) -> T) -> T {
        act(self.all().logs.entry(stream.clone()).or_default())
    }

    /// Does what changes a log, and tells the outbox of the change that `told` makes of what came of it.
    fn change<T>(
        &self,
        stream: &StreamId,
        act: impl FnOnce(&mut Log) -> T,
        told: impl FnOnce(&T) -> Option<OutboxChange>,
    ) -> T {
        let mut all = self.all();
        let done = act(all.logs.entry(stream.clone()).or_default());
        if let Some(change) = told(&done) {
            all.outbox.put(stream, change);
        }
        done
    }

    /// Changes whether a log is closed.
    fn close(&self, stream: &StreamId, change: OutboxChange, act: impl FnOnce(&mut Log)) -> Head {
        let done = |log: &mut Log| {
            act(log);
            log.head()
        };
        self.change(stream, done, |_| Some(change))
    }
}

impl EventStore for MemoryStore {
    type Error = Infallible;

    fn append(
        &mut self,
        stream: &StreamId,
        append: &Append<'_>,
    ) -> Result<Appended, AppendError<Infallible>> {
        self.change(
            stream,
            |log| log.append(append),
            |appended| match appended {
                Ok(Appended { first, last, repeated: false, .. }) => {
                    Some(OutboxChange::Appended { first: *first, last: *last })
                }
                _ => None,
            },
        )
    }

    fn import(&mut self, stream: &StreamId, events: &[StoredEvent]) -> Result<Head, AppendError<Infallible>> {
        let import = |log: &mut Log| {
            plan_import(&log.head(), events)?;
            events.iter().for_each(|event| log.push(event.clone()));
            Ok(log.head())
        };
        self.change(stream, import, |imported| {
            let (first, last) = (events.first()?.position(), events.last()?.position());
            imported.is_ok().then_some(OutboxChange::Appended { first, last })
        })
    }

    fn receive_many(
        &mut self,
        streams: &[StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, Infallible> {
        let receive = |stream| {
            self.change(
                stream,
                |log| log.receive(events),
                |received| match received {
                    Received::Appended { first, last } => {
                        Some(OutboxChange::Appended { first: *first, last: *last })
                    }
                    _ => None,
                },
            )
        };
        Ok(streams.iter().map(receive).collect())
    }

    fn read(&mut self, stream: &StreamId, after: u64, limit: usize) -> Result<Page, Infallible> {
        self.with(stream, |log| {
            let after = usize::try_from(after).unwrap_or(usize::MAX);
            let events = log.events.iter().skip(after).take(limit).cloned().collect();
            Ok(Page { head: log.head(), events })
        })
    }

    fn find(&mut self, stream: &StreamId, id: EventId) -> Result<Option<StoredEvent>, Infallible> {
        Ok(self.with(stream, |log| {
            let position = usize::try_from(*log.positions.get(&id)?).ok()?;
            log.events.get(position.checked_sub(1)?).cloned()
        }))
    }

    fn rewrite(
        &mut self,
        stream: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<Infallible>> {
        let positions = events.iter().map(|(position, _)| *position);
        self.change(
            stream,
            |log| log.rewrite(events),
            |rewritten| rewritten.as_ref().ok().and_then(|_| OutboxChange::of_rewriting(positions)),
        )
    }

    fn fence(&mut self, stream: &StreamId, to: &str) -> Result<Head, Infallible> {
        let moved = Closed::Moved { to: to.to_owned() };
        Ok(self.close(stream, OutboxChange::Fenced, |log| log.closed = Some(moved)))
    }

    fn erase(&mut self, stream: &StreamId) -> Result<Head, Infallible> {
        Ok(self.close(stream, OutboxChange::Erased, |log| {
            let closed = log.closed.take().or(Some(Closed::Erased));
            *log = Log { closed, ..Log::default() };
        }))
    }

    fn reopen(&mut self, stream: &StreamId) -> Result<Head, Infallible> {
        Ok(self.close(stream, OutboxChange::Reopened, |log| log.closed = None))
    }
}

impl SnapshotStore for MemoryStore {
    fn latest(&mut self, stream: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Infallible> {
        self.with(stream, |log| {
            Ok(log.snapshots.iter().rev().find(|kept| kept.prefix.events <= through).cloned())
        })
    }

    fn save(&mut self, stream: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Infallible> {
        self.with(stream, |log| {
            let fits = log.prefix(snapshot.prefix.events) == Some(snapshot.prefix);
            if fits {
                log.keep(snapshot);
            }
            Ok(fits)
        })
    }
}

impl Outbox for MemoryStore {
    fn outbox_on(&mut self) -> Result<OutboxCursor, Infallible> {
        let outbox = &mut self.all().outbox;
        if !outbox.is_on {
            *outbox = Entries { is_on: true, mark: outbox.mark + 1, ..Entries::default() };
        }
        Ok(outbox.first())
    }

    fn outbox_off(&mut self) -> Result<(), Infallible> {
        let outbox = &mut self.all().outbox;
        *outbox = Entries { mark: outbox.mark, ..Entries::default() };
        Ok(())
    }

    fn outbox_after(
        &mut self,
        after: &OutboxCursor,
        limit: usize,
    ) -> Result<OutboxPage, OutboxError<Infallible>> {
        let outbox = &self.all().outbox;
        let kept = outbox.entries.iter().skip(outbox.taken(after)?).take(limit);
        let entry = |((stream, change), number): (&(StreamId, _), _)| {
            OutboxEntry::new(outbox.cursor(number), stream.clone(), *change)
        };
        let entries: Vec<_> = kept.zip(after.number() + 1..).map(entry).collect();
        let next = entries.last().map_or(*after, |last| last.cursor);
        Ok(OutboxPage::new(entries, next))
    }

    fn outbox_forget(&mut self, through: &OutboxCursor) -> Result<u64, OutboxError<Infallible>> {
        let outbox = &mut self.all().outbox;
        let taken = match outbox.taken(through) {
            Err(OutboxError::Forgotten { .. }) => 0,
            taken => taken?,
        };
        outbox.entries.drain(..taken);
        outbox.forgotten += taken as u64;
        Ok(taken as u64)
    }

    fn outbox_status(
        &mut self,
        after: Option<&OutboxCursor>,
    ) -> Result<OutboxStatus, OutboxError<Infallible>> {
        let outbox = &self.all().outbox;
        let first = outbox.first();
        let taken = outbox.taken(after.unwrap_or(&first))?;
        Ok(OutboxStatus::new(first, (outbox.entries.len() - taken) as u64, 0))
    }
}
