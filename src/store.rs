//! Where logs and snapshots are kept: the ports that stores fill, and the store in memory that shows what they mean.
//!
//! A store holds encoded bytes and knows nothing of what they say. A [stream](crate::shared::StreamId), which is what an account
//! calls its inbox or what accounts share, is kept as a log with dense positions from 1, and beside each event the hash of the log
//! up to it ([`LogPrefix`]), so that whoever reads sees whether anything was changed, lost or swapped, and a snapshot is held
//! against the log by one comparison.
//!
//! The laws, which `testing::check_store` holds against a store:
//!
//! - **Positions** are dense: the first event has 1, the next one more. The position of the last is the log's version.
//! - **An append is whole or not there**, with the snapshot that it brings. Once it returned, it is durable.
//! - **It names the version that its writer saw.** Where the log has gone on, [`AppendError::Conflict`], and nothing
//!   is written. So of two that decided on the same state one decides again.
//! - **Given again it returns the first outcome**, for ever and after a restart: known by its command or, without one,
//!   by the ids of its events, which then stand one behind the other. That is looked at before the version.
//! - **An id stands once in a log.** A batch of which ids are known in any other way is refused whole and told
//!   which they are ([`AppendError::Known`]): leave those out and append the rest.
//! - **What is brought to many logs** ([`EventStore::receive_many`]) goes to each that lacks it, at the positions after
//!   its head, and to none twice.
//! - **A snapshot is kept only if it is one of this very log**: its prefix has the log's hash at its position.
//! - **Rewriting** (what a person's right to erasure asks) changes the bytes of events, keeps their ids, computes
//!   the hashes after them anew and drops every snapshot. Whoever holds a state of the old log sees other hashes.
//! - **A closed log** ([`Closed`]) refuses appends; what it still holds can be read.
//! - **Trimming** ([`Trim`]), where a store can do it, moves events that a verified snapshot stands for to an archive.
//! - **The outbox** ([`Outbox`]), if it is switched on, tells of every change in one order, each once and without gaps.
//!
//! [`Append::plan`] judges an append by these laws from what a store has looked up, so that no store has an opinion
//! of its own. The traits block; an async store has the same methods by the same names, and plans with the same plan.

mod cursor;
mod import;
mod memory;
mod memory_log;
mod outbox;
mod receive;
mod rewrite;
mod sealed;
pub(crate) mod snapshot;
mod trim;

use std::convert::Infallible;

pub use self::cursor::{DamagedLog, LogCursor};
pub use self::import::plan_import;
pub use self::memory::MemoryStore;
pub use self::outbox::{
    Outbox, OutboxChange, OutboxCursor, OutboxCursorError, OutboxEntry, OutboxError, OutboxPage, OutboxStatus,
};
pub use self::receive::{Received, Receiving, plan_receive};
pub use self::rewrite::RewriteError;
pub use self::sealed::SealedPage;
pub use self::snapshot::kept::{FoundSnapshot, StoredSnapshot};
pub use self::trim::{Trim, Trimmed};
use crate::model::id::{CommandId, EventId};
use crate::model::stream::StreamId;
use crate::store::snapshot::LogPrefix;

/// An event to append: its id, and its bytes as the application encodes it.
///
/// This library's own encoding is the event's line in the text log, without its line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewEvent {
    /// The event's id.
    pub id: EventId,
    /// The event, encoded.
    pub bytes: Vec<u8>,
}

/// An event as a store keeps it: all of it, so that the compiler asks a store of each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event's id.
    pub id: EventId,
    /// The command that it came of, if its append named one.
    pub command: Option<CommandId>,
    /// The log up to this event: its position, and the hash of all events up to it. A store does not know what
    /// is skipped, so it counts none.
    pub prefix: LogPrefix,
    /// The event, encoded.
    pub bytes: Vec<u8>,
}

impl NewEvent {
    /// Returns an event to append.
    pub fn new(id: EventId, bytes: Vec<u8>) -> Self {
        Self { id, bytes }
    }
}

impl StoredEvent {
    /// Returns an event as a store keeps it.
    pub fn new(id: EventId, command: Option<CommandId>, prefix: LogPrefix, bytes: Vec<u8>) -> Self {
        Self { id, command, prefix, bytes }
    }

    /// Its position, the first event having 1.
    pub fn position(&self) -> u64 {
        self.prefix.events
    }

    /// Whether it is what follows `before`: the next position, and the hash that its bytes make.
    ///
    /// ```
    /// use chatfold::snapshot::LogPrefix;
    /// use chatfold::store::StoredEvent;
    /// use chatfold::EventId;
    /// let mut prefix = LogPrefix::EMPTY;
    /// prefix.push(b"{}");
    /// let id = EventId::from_bytes([1; 16]);
    /// let mut event = StoredEvent::new(id, None, prefix, b"{}".to_vec());
    /// assert!(event.follows(LogPrefix::EMPTY));
    /// event.bytes = b"[]".to_vec();
    /// assert!(!event.follows(LogPrefix::EMPTY), "other bytes have another hash");
    /// ```
    pub fn follows(&self, mut before: LogPrefix) -> bool {
        before.push(&self.bytes);
        before == self.prefix
    }
}

/// Where a log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// All of it: its version, which is the position of its last event, and its hash.
    pub prefix: LogPrefix,
    /// Whether it refuses appends.
    pub closed: Option<Closed>,
}

impl Head {
    /// The head of a log that nobody has written yet.
    pub const EMPTY: Self = Self { prefix: LogPrefix::EMPTY, closed: None };

    /// Returns the head of a log: all of it, and whether it refuses appends.
    pub fn new(prefix: LogPrefix, closed: Option<Closed>) -> Self {
        Self { prefix, closed }
    }
}

/// Why a log refuses appends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// It is kept elsewhere from now on.
    #[error("it has moved to {to}")]
    Moved {
        /// Where, in the words of whoever moved it.
        to: String,
    },
    /// The account was deleted, and its events with it.
    #[error("it was erased")]
    Erased,
}

/// Events of a log, and where the log stood when they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Where the log stood.
    pub head: Head,
    /// The events, in order of position.
    pub events: Vec<StoredEvent>,
}

impl Page {
    /// Returns a page of events, and where the log stood when they were read.
    pub fn new(head: Head, events: Vec<StoredEvent>) -> Self {
        Self { head, events }
    }
}

/// An append: what is to be written, and on what understanding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Append<'a> {
    /// The version of the log that its writer saw.
    pub expected: u64,
    /// What it is known by when it is given again; `None`: the ids of its events.
    pub command: Option<CommandId>,
    /// The events: at least one, each id once.
    pub events: &'a [NewEvent],
    /// A snapshot of the log with these events, kept in the same transaction. One of another log is left out.
    pub snapshot: Option<&'a StoredSnapshot>,
}

/// What came of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// The position of its first event.
    pub first: u64,
    /// The position of its last event.
    pub last: u64,
    /// Where the log stands now.
    pub prefix: LogPrefix,
    /// It had been done before: nothing was written, and the positions are those of the first time.
    pub repeated: bool,
}

impl Appended {
    /// Returns the outcome of an append that was written just now, from the position of its first event to that of its
    /// last.
    pub fn written(first: u64, last: u64, prefix: LogPrefix) -> Self {
        Self { first, last, prefix, repeated: false }
    }

    /// Returns the outcome of an append that had been done before.
    pub fn repeated(first: u64, last: u64, prefix: LogPrefix) -> Self {
        Self { first, last, prefix, repeated: true }
    }
}

/// What is to be done about an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: it was done before, at these positions.
    Repeat {
        /// The position of its first event.
        first: u64,
        /// The position of its last event.
        last: u64,
    },
    /// Write its events, with these prefixes.
    Write {
        /// One for each event, in order.
        prefixes: Vec<LogPrefix>,
        /// Whether its snapshot is one of this log, and to be kept.
        keep_snapshot: bool,
    },
}

/// What a store has looked up about an append before it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// Where the log stands.
    pub head: Head,
    /// First and last position of the events of its command, if there are any.
    pub command: Option<(u64, u64)>,
    /// Those of its ids that the log has, with their positions, in any order.
    pub ids: Vec<(EventId, u64)>,
}

impl Known {
    /// Returns what is known of an append where neither its command nor any of its ids is.
    pub fn new(head: Head) -> Self {
        Self { head, command: None, ids: Vec::new() }
    }

    /// Returns the same with the positions of the events of its command.
    #[must_use]
    pub fn with_command(mut self, positions: Option<(u64, u64)>) -> Self {
        self.command = positions;
        self
    }

    /// Returns the same with those of its ids that the log has.
    #[must_use]
    pub fn with_ids(mut self, ids: Vec<(EventId, u64)>) -> Self {
        self.ids = ids;
        self
    }
}

impl<'a> Append<'a> {
    /// Returns an append of `events` to a log whose version its writer saw as `expected`, without a command and a snapshot.
    pub fn new(expected: u64, events: &'a [NewEvent]) -> Self {
        Self { expected, command: None, events, snapshot: None }
    }

    /// Returns the same, known by `command` when it is given again.
    #[must_use]
    pub fn with_command(mut self, command: Option<CommandId>) -> Self {
        self.command = command;
        self
    }

    /// Returns the same with a snapshot to keep.
    #[must_use]
    pub fn with_snapshot(mut self, snapshot: Option<&'a StoredSnapshot>) -> Self {
        self.snapshot = snapshot;
        self
    }
}

impl Append<'_> {
    /// Judges it by the laws of this module: what to write, or why not.
    ///
    /// What was looked up must still hold when the events are written: both belong into one transaction that no
    /// other writer of the stream gets into.
    ///
    /// # Errors
    ///
    /// [`AppendError`] of every kind but [`AppendError::Store`]: by which law the append is refused.
    pub fn plan<E>(&self, known: &Known) -> Result<Plan, AppendError<E>> {
        self.well_formed()?;
        if let Some((first, last)) = known.command {
            return Ok(Plan::Repeat { first, last });
        }
        if !known.ids.is_empty() {
            return self.again(known);
        }
        let Head { mut prefix, closed } = known.head.clone();
        if let Some(closed) = closed {
            return Err(AppendError::Closed(closed));
        }
        if prefix.events != self.expected {
            return Err(AppendError::Conflict { expected: self.expected, actual: prefix.events });
        }
        let prefixes = self.events.iter().map(|event| {
            prefix.push(&event.bytes);
            prefix
        });
        let prefixes: Vec<_> = prefixes.collect();
        Ok(Plan::Write { prefixes, keep_snapshot: self.snapshot.is_some_and(|s| s.prefix == prefix) })
    }

    fn well_formed<E>(&self) -> Result<(), AppendError<E>> {
        let mut ids: Vec<_> = self.events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        if let Some(double) = ids.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(AppendError::Doubled {
                id: double.first().copied().unwrap_or(EventId::from_bytes([0; 16])),
            });
        }
        if ids.is_empty() { Err(AppendError::Empty) } else { Ok(()) }
    }

    /// Some of its ids are known: all, one behind the other as here, or it is another append.
    fn again<E>(&self, known: &Known) -> Result<Plan, AppendError<E>> {
        let at = |id| known.ids.iter().find(|(found, _)| *found == id).map(|(_, position)| *position);
        let positions: Vec<_> = self.events.iter().filter_map(|event| at(event.id)).collect();
        let dense = positions.windows(2).all(|pair| matches!(pair, [a, b] if a + 1 == *b));
        match (positions.first(), positions.last()) {
            (Some(first), Some(last)) if dense && positions.len() == self.events.len() => {
                Ok(Plan::Repeat { first: *first, last: *last })
            }
            _ => {
                let known = self.events.iter().map(|event| event.id).filter(|id| at(*id).is_some());
                Err(AppendError::Known { known: known.collect() })
            }
        }
    }
}

/// Why nothing was appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError<E> {
    /// The log is not at the version that the writer saw: read what came, decide again.
    #[error("the log is at version {actual}, expected {expected}")]
    Conflict {
        /// The version that the writer saw.
        expected: u64,
        /// The version the log has.
        actual: u64,
    },
    /// Some of the ids are in the log already, and not as this very append.
    #[error("{} of its events are in the log already, the first being {}", known.len(), first(known))]
    Known {
        /// Which, in the batch's order.
        known: Vec<EventId>,
    },
    /// The batch has an id twice.
    #[error("the batch has event {id} twice")]
    Doubled {
        /// The id.
        id: EventId,
    },
    /// The batch has no events.
    #[error("the batch has no events")]
    Empty,
    /// The log refuses appends.
    #[error("the log is closed: {0}")]
    Closed(Closed),
    /// What is to be imported does not go on from what is there: an event was changed, lost or swapped.
    #[error("the event at position {position} does not follow what is before it")]
    Broken {
        /// Where.
        position: u64,
    },
    /// The store failed. Whether anything was written is not known: append the same again.
    #[error("the store failed")]
    Store(#[from] E),
}

impl<E> AppendError<E> {
    /// Tells a refusal from an outage: the same without a store's error, or that error.
    ///
    /// # Errors
    ///
    /// The store's error, if it was one.
    pub fn refusal(self) -> Result<AppendError<Infallible>, E> {
        self.try_map_store(Err)
    }

    /// The same with another store's error in the place of this one's.
    pub fn map_store<F>(self, into: impl FnOnce(E) -> F) -> AppendError<F> {
        match self.try_map_store(|error| Ok::<_, Infallible>(into(error))) {
            Ok(error) => error,
            Err(never) => match never {},
        }
    }

    fn try_map_store<F, G>(self, into: impl FnOnce(E) -> Result<F, G>) -> Result<AppendError<F>, G> {
        Ok(match self {
            Self::Conflict { expected, actual } => AppendError::Conflict { expected, actual },
            Self::Known { known } => AppendError::Known { known },
            Self::Doubled { id } => AppendError::Doubled { id },
            Self::Empty => AppendError::Empty,
            Self::Closed(closed) => AppendError::Closed(closed),
            Self::Broken { position } => AppendError::Broken { position },
            Self::Store(error) => AppendError::Store(into(error)?),
        })
    }
}

fn first(known: &[EventId]) -> String {
    known.first().map(ToString::to_string).unwrap_or_default()
}

/// Keeps logs. The laws are the module's.
///
/// A store is one handle (a connection); another thread or process opens another one.
pub trait EventStore {
    /// An outage: the store cannot be reached, or cannot read or write.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Appends a batch, whole or not at all; durable when it returns.
    ///
    /// # Errors
    ///
    /// [`AppendError`]: by which law it is refused, or that the store failed.
    fn append(
        &mut self,
        stream: &StreamId,
        append: &Append<'_>,
    ) -> Result<Appended, AppendError<Self::Error>>;

    /// Takes over events as another store kept them, with their commands; they must follow what is there.
    ///
    /// # Errors
    ///
    /// [`AppendError`]: by which law it is refused, or that the store failed.
    fn import(&mut self, stream: &StreamId, events: &[StoredEvent])
    -> Result<Head, AppendError<Self::Error>>;

    /// Brings events to many streams, whatever else their logs hold: each gets those that it does not have. Returns
    /// what came of each, in the order of `streams`; durable when it returns.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written. Some of the streams may have the events then:
    /// bring them again.
    fn receive_many(
        &mut self,
        streams: &[StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, Self::Error> {
        let receive = |stream: &StreamId| {
            let mut receiving = Receiving::new(events.iter().cloned(), RECEIVE_ATTEMPTS);
            while let Some(append) = receiving.append() {
                let answer = match self.append(stream, &append) {
                    Ok(appended) => Ok(appended),
                    Err(error) => Err(error.refusal()?),
                };
                receiving.appended(answer);
            }
            Ok(receiving.into_outcome().unwrap_or(Received::Known))
        };
        streams.iter().map(receive).collect()
    }

    /// At most `limit` events after position `after`, and where the log stood at that moment.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn read(&mut self, stream: &StreamId, after: u64, limit: usize) -> Result<Page, Self::Error>;

    /// The events behind position `after` that the store keeps in columns, if there are such and all of them lie so:
    /// for whoever folds a whole log, several times faster than from lines. `None` is always right: whoever asks reads
    /// on with [`EventStore::read`], which gives these events too.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn read_sealed(&mut self, stream: &StreamId, after: u64) -> Result<Option<SealedPage>, Self::Error> {
        let _ = (stream, after);
        Ok(None)
    }

    /// Where the columns end in whose middle a position is: whoever reads up to there goes on with
    /// [`EventStore::read_sealed`]. `None` where it is in the middle of none, and always right.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn sealed_end(&mut self, stream: &StreamId, after: u64) -> Result<Option<u64>, Self::Error> {
        let _ = (stream, after);
        Ok(None)
    }

    /// Whether a read failed because the events asked for were moved elsewhere, and a snapshot stands for them here: whoever
    /// knows an older state begins anew from the newest snapshot. `false` is right for a store that keeps all events.
    fn is_trimmed(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }

    /// The event of this id; `None` where the log has none. It is as the store has it: whoever must know that it is what
    /// was appended holds it against the event before it ([`StoredEvent::follows`]). Complexity: O(log n).
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn find(&mut self, stream: &StreamId, id: EventId) -> Result<Option<StoredEvent>, Self::Error>;

    /// Where the log stands; [`Head::EMPTY`] for one that nobody has written.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn head(&mut self, stream: &StreamId) -> Result<Head, Self::Error> {
        self.read(stream, u64::MAX, 0).map(|page| page.head)
    }

    /// Puts other bytes in the place of events, by position, and drops all snapshots: all or nothing.
    ///
    /// Complexity: the log from the first rewritten event on, whose hashes are computed anew.
    ///
    /// # Errors
    ///
    /// [`RewriteError::NoSuchEvent`] if a position has no event, [`RewriteError::Store`] if the store failed. Nothing
    /// is changed then.
    fn rewrite(
        &mut self,
        stream: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<Self::Error>>;

    /// Refuses appends from now on, because the log is kept elsewhere. An append that is under way is either in
    /// the head this returns, or refused. On a closed log only `to` changes.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn fence(&mut self, stream: &StreamId, to: &str) -> Result<Head, Self::Error>;

    /// Erases the events and all snapshots. A log that has moved stays moved, any other is closed as erased.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn erase(&mut self, stream: &StreamId) -> Result<Head, Self::Error>;

    /// Takes appends again: a log that was erased begins anew.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn reopen(&mut self, stream: &StreamId) -> Result<Head, Self::Error>;
}

/// Keeps snapshots beside the logs. A few newest are enough: each is a cache of the log.
pub trait SnapshotStore: EventStore {
    /// The newest snapshot that stands for no more than `through` events.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn latest(&mut self, stream: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Self::Error>;

    /// The same snapshot as [`SnapshotStore::latest`], to be read by range: a store that keeps snapshots by pages serves
    /// those that are asked for, without reading the others. Where a newer snapshot takes its place while it is read, a
    /// read may fail: then the newest is asked for again.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn open_latest(&mut self, stream: &StreamId, through: u64) -> Result<Option<FoundSnapshot>, Self::Error> {
        Ok(self.latest(stream, through)?.map(FoundSnapshot::from))
    }

    /// Keeps a snapshot, if it is one of this log as it stands. Returns whether it was kept.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn save(&mut self, stream: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Self::Error>;
}

/// How many snapshots of a stream a store keeps: the newest, and one to fall back to if that is damaged.
pub const SNAPSHOTS_KEPT: usize = 2;

/// How often an append of [`EventStore::receive_many`] is tried anew because other writers came first.
const RECEIVE_ATTEMPTS: u32 = 512;
