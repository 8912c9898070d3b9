//! Reading a log page by page to its end, and telling an end from a gap.

use crate::store::snapshot::LogPrefix;
use crate::store::{Head, Page, StoredEvent};

/// How far a log was read, for whoever reads it page by page.
///
/// A page without events is not the end of a log: it is one only where what was read is all that the page's head
/// tells of. Whoever reads in any other way takes a log with a gap for a shorter one. It does no I/O, so that readers
/// that block and readers that wait share it.
///
/// ```
/// use chatfold::store::{Append, EventStore, LogCursor, MemoryStore, NewEvent};
/// use chatfold::shared::StreamId;
/// use chatfold::{EventId, UserId};
///
/// let (alice, mut store) = (StreamId::from(UserId::parse("alice")?), MemoryStore::new());
/// let events = [1, 2, 3].map(|n| NewEvent::new(EventId::from_bytes([n; 16]), vec![n]));
/// store.append(&alice, &Append::new(0, &events))?;
///
/// let mut cursor = LogCursor::default();
/// let mut page = store.read(&alice, cursor.position(), 2)?;
/// assert!(!cursor.take_in(&page)?, "there is more");
/// page = store.read(&alice, cursor.position(), 2)?;
/// assert!(cursor.take_in(&page)?, "this was the last page");
/// page.events.clear();
/// let gap = LogCursor::default().take_in(&page).unwrap_err();
/// assert_eq!(gap.position, 1, "the head tells of events that are not there");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCursor {
    prefix: LogPrefix,
}

impl Default for LogCursor {
    /// Returns a cursor before the first event.
    fn default() -> Self {
        Self::after(LogPrefix::EMPTY)
    }
}

/// A log is not what was appended: an event was changed, lost or swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is damaged at position {position}")]
pub struct DamagedLog {
    /// The first position that does not follow what is before it, or where the log and its head part.
    pub position: u64,
}

impl LogCursor {
    /// Returns a cursor behind what was read and verified before.
    pub fn after(prefix: LogPrefix) -> Self {
        Self { prefix: LogPrefix { skipped: 0, ..prefix } }
    }

    /// Returns the log up to the cursor, no event counted as skipped.
    pub fn prefix(&self) -> LogPrefix {
        self.prefix
    }

    /// Returns the position of the last event that was taken in, 0 before the first: what to read after.
    pub fn position(&self) -> u64 {
        self.prefix.events
    }

    /// Moves on over the events of the next page, read after [`LogCursor::position`] with a limit above zero, and
    /// returns whether the log ends there. On an error the cursor stays where it was.
    ///
    /// Complexity: hashes the bytes of the events.
    ///
    /// # Errors
    ///
    /// If an event does not follow the one before it, if the page is empty although the head tells of more events,
    /// or if the head is not what was read: it tells of fewer events, or of another hash.
    pub fn take_in(&mut self, page: &Page) -> Result<bool, DamagedLog> {
        let mut prefix = self.prefix;
        for event in &page.events {
            prefix = next(event, prefix)?;
        }
        let Head { prefix: head, .. } = page.head;
        let end = head.events <= prefix.events;
        if (end && head != prefix) || (!end && page.events.is_empty()) {
            return Err(DamagedLog { position: prefix.events.min(head.events) + 1 });
        }
        self.prefix = prefix;
        Ok(end)
    }
}

/// Returns the log up to `event`, if it follows `before`.
fn next(event: &StoredEvent, before: LogPrefix) -> Result<LogPrefix, DamagedLog> {
    if event.follows(before) { Ok(event.prefix) } else { Err(DamagedLog { position: before.events + 1 }) }
}
