//! Events that are brought to logs whatever else these hold: judged by one plan, or appended with what appends answer.

use std::collections::BTreeSet;
use std::convert::Infallible;

use crate::model::id::EventId;
use crate::store::snapshot::LogPrefix;
use crate::store::{Append, AppendError, Appended, Closed, Head, NewEvent};

/// What came of events that were brought to a stream ([`EventStore::receive_many`](crate::store::EventStore::receive_many)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// Those that the log did not have were appended, in their order.
    Appended {
        /// The position of the first of them.
        first: u64,
        /// The position of the last of them.
        last: u64,
    },
    /// The log has all of them already, and nothing was written.
    Known,
    /// The log lacks some of them and takes no more events. Nothing was written.
    Closed(Closed),
    /// Other writers came first, time after time. Nothing was written; bring the events again.
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
}

/// Judges what is to be written of events that are brought to a log which has those of `known`: returns the others,
/// each with the log up to it, and what came of it once they are written. Of two events of one id the first counts.
///
/// What was looked up must still hold when they are written: both belong into one transaction that no other writer of
/// the stream gets into.
///
/// ```
/// use chatfold::store::{Head, NewEvent, Received, plan_receive};
/// use chatfold::EventId;
/// let events = [1, 2].map(|n| NewEvent::new(EventId::from_bytes([n; 16]), vec![n]));
/// let (rows, outcome) = plan_receive(&Head::EMPTY, &[events[0].id], &events);
/// assert_eq!((rows.len(), rows[0].0.id), (1, events[1].id));
/// assert_eq!(outcome, Received::Appended { first: 1, last: 1 });
/// ```
pub fn plan_receive<'a>(
    head: &Head,
    known: &[EventId],
    events: &'a [NewEvent],
) -> (Vec<(&'a NewEvent, LogPrefix)>, Received) {
    let mut seen: BTreeSet<EventId> = known.iter().copied().collect();
    let new: Vec<&NewEvent> = events.iter().filter(|event| seen.insert(event.id)).collect();
    if new.is_empty() {
        return (Vec::new(), Received::Known);
    }
    if let Some(closed) = &head.closed {
        return (Vec::new(), Received::Closed(closed.clone()));
    }
    let mut prefix = head.prefix;
    let first = prefix.events + 1;
    let rows = new.into_iter().map(|event| {
        prefix.push(&event.bytes);
        (event, prefix)
    });
    let rows: Vec<_> = rows.collect();
    (rows, Received::Appended { first, last: prefix.events })
}

/// Events on their way to a log of which nothing is known: appends until they are there, without a look at the log. It
/// does no I/O, so that stores that block and stores that wait share it.
///
/// The first append names the empty log; the answers say what the log has already, and where it stands.
///
/// ```
/// use chatfold::store::{EventStore, MemoryStore, NewEvent, Received, Receiving};
/// use chatfold::shared::StreamId;
/// use chatfold::{EventId, UserId};
///
/// let (alice, mut store) = (StreamId::from(UserId::parse("alice")?), MemoryStore::new());
/// let event = NewEvent::new(EventId::from_bytes([1; 16]), b"{}".to_vec());
/// let mut receiving = Receiving::new([event], 16);
/// while let Some(append) = receiving.append() {
///     let answer = store.append(&alice, &append);
///     receiving.appended(answer);
/// }
/// assert_eq!(receiving.into_outcome(), Some(Received::Appended { first: 1, last: 1 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Receiving {
    /// Those that the log may lack.
    events: Vec<NewEvent>,
    expected: u64,
    attempts: u32,
    limit: u32,
    outcome: Option<Received>,
}

impl Receiving {
    /// Returns the start of it, to be given up after so many attempts. Of two events of one id the first counts.
    pub fn new(events: impl IntoIterator<Item = NewEvent>, attempts: u32) -> Self {
        let mut seen = BTreeSet::new();
        let events: Vec<_> = events.into_iter().filter(|event| seen.insert(event.id)).collect();
        let outcome = events.is_empty().then_some(Received::Known);
        Self { events, expected: 0, attempts: 0, limit: attempts.max(1), outcome }
    }

    /// Returns what to append next; `None` once the outcome is there.
    pub fn append(&self) -> Option<Append<'_>> {
        self.outcome.is_none().then(|| Append::new(self.expected, &self.events))
    }

    /// Takes the answer to what was to be appended.
    pub fn appended(&mut self, answer: Result<Appended, AppendError<Infallible>>) {
        match answer {
            Ok(Appended { repeated: true, .. }) => self.outcome = Some(Received::Known),
            Ok(Appended { first, last, .. }) => self.outcome = Some(Received::Appended { first, last }),
            Err(AppendError::Closed(closed)) => self.outcome = Some(Received::Closed(closed)),
            Err(AppendError::Known { known }) => {
                self.events.retain(|event| !known.contains(&event.id));
                if self.events.is_empty() {
                    self.outcome = Some(Received::Known);
                } else {
                    self.again();
                }
            }
            Err(AppendError::Conflict { actual, .. }) => {
                self.expected = actual;
                self.again();
            }
            // No store that obeys the laws says so of such an append.
            Err(AppendError::Doubled { .. } | AppendError::Empty | AppendError::Broken { .. }) => {
                self.again();
            }
            Err(AppendError::Store(never)) => match never {},
        }
    }

    fn again(&mut self) {
        self.attempts += 1;
        if self.attempts >= self.limit {
            self.outcome = Some(Received::Contended { attempts: self.attempts });
        }
    }

    /// Returns what came of it; `None` if it was not carried to its end.
    pub fn into_outcome(self) -> Option<Received> {
        self.outcome
    }
}
