//! What happened to all logs of a store, in one order: the transactional outbox.

use std::fmt;
use std::str::FromStr;

use crate::model::stream::StreamId;
use crate::store::EventStore;

/// Tells what happened to the logs of a store in one order, which a consumer follows by a cursor.
///
/// An entry is written in the transaction of what it tells of, so a crash between an append and its delivery loses nothing:
/// the consumer keeps its cursor, in the same place and transaction as what it made of the entries, and goes on from it.
/// The laws, which `testing::check_outbox` holds against a store:
///
/// - **Switched on** it is a fact of the store and not of a handle: from when [`outbox_on`](Self::outbox_on) returned, every
///   change that any process is told of has its entry. Off, as it is at first, nothing is written.
/// - **Each once.** A consumer that goes from page to page, by [`OutboxPage::next`], sees each entry exactly once, however
///   many write meanwhile and whatever fails; from a cursor that it kept it sees those behind it again, and none twice.
/// - **No gaps.** What was rolled back has no entry. No entry is shown before all that stand before it can be, so a page that
///   ends early is no gap: what is held back comes later, behind the cursor.
/// - **The order** contradicts no other: of two changes the one that began after the other had returned stands behind it, and
///   the appends to a stream stand in the order of their positions.
/// - **Forgotten** is what every consumer has taken. One that is behind is told so, and so is one whose cursor is of another
///   outbox or from the future of a store that was put back: never is there a page that looks like the next one.
///
/// Who begins after events were appended switches it on, reads all logs, and then follows from the cursor that it was
/// given; entries of positions that it has read already tell it nothing new.
///
/// ```
/// use chatfold::store::{Append, EventStore, MemoryStore, NewEvent, Outbox, OutboxChange, OutboxCursor};
/// use chatfold::shared::StreamId;
/// use chatfold::{EventId, UserId};
///
/// let (alice, mut store) = (StreamId::from(UserId::parse("alice")?), MemoryStore::new());
/// let beginning = store.outbox_on()?;
/// let events = [1, 2].map(|n| NewEvent::new(EventId::from_bytes([n; 16]), vec![n]));
/// store.append(&alice, &Append::new(0, &events))?;
///
/// let page = store.outbox_after(&beginning, 100)?;
/// let [entry] = page.entries.as_slice() else { panic!("an append has one entry") };
/// assert_eq!(entry.change, OutboxChange::Appended { first: 1, last: 2 });
/// let kept = page.next.to_string();
///
/// let kept: OutboxCursor = kept.parse()?;
/// assert!(store.outbox_after(&kept, 100)?.entries.is_empty(), "all of it was taken");
/// store.outbox_forget(&kept)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Outbox: EventStore {
    /// Switches it on and returns the cursor before the oldest entry that is kept; where it is on already, nothing else.
    ///
    /// Changes under way are waited for, so that none is acknowledged later and has no entry.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn outbox_on(&mut self) -> Result<OutboxCursor, Self::Error>;

    /// Switches it off and removes all entries: cursors of it are of no use any more, also if it is switched on again.
    ///
    /// # Errors
    ///
    /// The store's own error where it cannot be reached, read or written.
    fn outbox_off(&mut self) -> Result<(), Self::Error>;

    /// At most `limit` entries behind `after`, in their order, and where to go on. Complexity: O(limit + log n).
    ///
    /// # Errors
    ///
    /// [`OutboxError`]: why there is nothing behind this cursor, or that the store failed.
    fn outbox_after(
        &mut self,
        after: &OutboxCursor,
        limit: usize,
    ) -> Result<OutboxPage, OutboxError<Self::Error>>;

    /// Removes all entries up to this cursor and the one that it names, and returns how many: once every consumer has taken
    /// them. Complexity: those that are removed.
    ///
    /// # Errors
    ///
    /// [`OutboxError`]: why the cursor is none of this outbox, or that the store failed. Of an older cursor than one that
    /// was forgotten before, nothing is left to remove.
    fn outbox_forget(&mut self, through: &OutboxCursor) -> Result<u64, OutboxError<Self::Error>>;

    /// How far a consumer is behind; without a cursor, one that has taken nothing. Complexity: the entries behind it.
    ///
    /// # Errors
    ///
    /// [`OutboxError`]: why there is nothing behind this cursor, or that the store failed.
    fn outbox_status(
        &mut self,
        after: Option<&OutboxCursor>,
    ) -> Result<OutboxStatus, OutboxError<Self::Error>>;
}

/// A place in the outbox of a store, behind an entry: kept by a consumer wherever it likes, as text.
///
/// Of two cursors of one outbox the greater one is further on; between those of two outboxes the order says nothing.
///
/// Syntax: 32 hexadecimal digits and three decimal numbers, all separated by dots. What they are is the store's business.
///
/// ```
/// use chatfold::store::OutboxCursor;
/// let cursor = OutboxCursor::new(7, 1, 800, 3);
/// assert_eq!(cursor.to_string(), "00000000000000000000000000000007.1.800.3");
/// assert_eq!(cursor.to_string().parse(), Ok(cursor));
/// assert!(cursor < OutboxCursor::new(7, 1, 801, 1));
/// assert!("7.1.800.3".parse::<OutboxCursor>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxCursor {
    mark: u128,
    history: u64,
    transaction: u64,
    number: u64,
}

impl OutboxCursor {
    /// Returns a cursor, for stores: what marks the outbox since it was switched on, which history of the store it stands in
    /// (a server that takes the place of another begins one), and, within that, transaction and number of the entry. A
    /// store that has no use for one of them gives 0.
    pub const fn new(mark: u128, history: u64, transaction: u64, number: u64) -> Self {
        Self { mark, history, transaction, number }
    }

    /// Returns what marks the outbox: another one each time it is switched on.
    pub const fn mark(&self) -> u128 {
        self.mark
    }

    /// Returns the history of the store that it stands in. Where a page's [`next`](OutboxPage::next) stands in a later one than the
    /// cursor before it, another server has taken the place of the one that was read from: if that lost what had been
    /// acknowledged (with asynchronous replication it may), some of what was taken before is not in the logs any more.
    pub const fn history(&self) -> u64 {
        self.history
    }

    /// Returns the transaction of the entry, as the store counts.
    pub const fn transaction(&self) -> u64 {
        self.transaction
    }

    /// Returns the number of the entry.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Judges whether what stands behind it can be read, for stores: `first` is the cursor before the oldest entry that is
    /// kept, `end` no smaller than any that a consumer can have been given.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Other`], [`OutboxError::Forgotten`] or [`OutboxError::Ahead`].
    pub fn judge<E>(&self, first: &Self, end: &Self) -> Result<(), OutboxError<E>> {
        if self.mark != first.mark {
            return Err(OutboxError::Other);
        }
        if self < first {
            return Err(OutboxError::Forgotten { first: *first });
        }
        if self > end { Err(OutboxError::Ahead { end: *end }) } else { Ok(()) }
    }
}

impl fmt::Display for OutboxCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mark, history, transaction, number } = self;
        write!(f, "{mark:032x}.{history}.{transaction}.{number}")
    }
}

/// A text is no cursor of an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no cursor of an outbox: 32 hexadecimal digits and three numbers, separated by dots")]
pub struct OutboxCursorError;

impl FromStr for OutboxCursor {
    type Err = OutboxCursorError;

    fn from_str(text: &str) -> Result<Self, OutboxCursorError> {
        let mut parts = text.splitn(4, '.');
        let mark = parts.next().and_then(|mark| u128::from_str_radix(mark, 16).ok());
        let mut number = || parts.next()?.parse::<u64>().ok();
        let numbers = (mark, number(), number(), number());
        let (Some(mark), Some(history), Some(transaction), Some(number)) = numbers else {
            return Err(OutboxCursorError);
        };
        let cursor = Self::new(mark, history, transaction, number);
        // No other text is the same cursor.
        if cursor.to_string() == text { Ok(cursor) } else { Err(OutboxCursorError) }
    }
}

/// What happened to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutboxChange {
    /// Events were appended, imported or received, at these positions. They are read with
    /// [`EventStore::read`](crate::store::EventStore::read), or were rewritten, erased or moved to an archive since.
    Appended {
        /// The position of the first of them.
        first: u64,
        /// The position of the last of them.
        last: u64,
    },
    /// Other bytes stand in the place of events between these positions, and from the first on hashes are others: whoever
    /// has copies of them takes them anew.
    Rewritten {
        /// The position of the first that was rewritten.
        first: u64,
        /// The position of the last that was rewritten.
        last: u64,
    },
    /// The log is kept elsewhere from then on.
    Fenced,
    /// The log takes appends again; one that was erased begins anew.
    Reopened,
    /// All events and snapshots were erased: whoever has copies removes them.
    Erased,
}

impl OutboxChange {
    /// Returns it as stores keep it: a word and two positions, 0 where there are none.
    pub const fn parts(&self) -> (&'static str, u64, u64) {
        match *self {
            Self::Appended { first, last } => ("appended", first, last),
            Self::Rewritten { first, last } => ("rewritten", first, last),
            Self::Fenced => ("fenced", 0, 0),
            Self::Reopened => ("reopened", 0, 0),
            Self::Erased => ("erased", 0, 0),
        }
    }

    /// Returns the change of these [parts](Self::parts); `None` if they are of none.
    ///
    /// ```
    /// use chatfold::store::OutboxChange;
    /// let change = OutboxChange::Rewritten { first: 2, last: 9 };
    /// let (word, first, last) = change.parts();
    /// assert_eq!(OutboxChange::of_parts(word, first, last), Some(change));
    /// assert_eq!(OutboxChange::of_parts("appended", 3, 2), None);
    /// ```
    pub fn of_parts(word: &str, first: u64, last: u64) -> Option<Self> {
        let change = match word {
            "appended" => Self::Appended { first, last },
            "rewritten" => Self::Rewritten { first, last },
            "fenced" => Self::Fenced,
            "reopened" => Self::Reopened,
            "erased" => Self::Erased,
            _ => return None,
        };
        let there = match change {
            Self::Appended { .. } | Self::Rewritten { .. } => 0 < first && first <= last,
            Self::Fenced | Self::Reopened | Self::Erased => (first, last) == (0, 0),
        };
        there.then_some(change)
    }

    /// Returns what tells of a rewriting of events at these positions; `None` of none.
    pub fn of_rewriting(positions: impl IntoIterator<Item = u64>) -> Option<Self> {
        let both = |(first, last): (u64, u64), position: u64| (first.min(position), last.max(position));
        let range = positions
            .into_iter()
            .map(|position| (position, position))
            .reduce(|range, (at, _)| both(range, at));
        range.map(|(first, last)| Self::Rewritten { first, last })
    }
}

/// What happened to one log, in the order of all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxEntry {
    /// Where it stands: a consumer that keeps this has taken it.
    pub cursor: OutboxCursor,
    /// Which log.
    pub stream: StreamId,
    /// What happened to it.
    pub change: OutboxChange,
}

impl OutboxEntry {
    /// Returns an entry.
    pub fn new(cursor: OutboxCursor, stream: StreamId, change: OutboxChange) -> Self {
        Self { cursor, stream, change }
    }
}

/// Entries of an outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxPage {
    /// The entries, in their order.
    pub entries: Vec<OutboxEntry>,
    /// Where to go on: behind the last of them.
    pub next: OutboxCursor,
}

impl OutboxPage {
    /// Returns a page of entries, and where to go on.
    pub fn new(entries: Vec<OutboxEntry>, next: OutboxCursor) -> Self {
        Self { entries, next }
    }
}

/// How far a consumer is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxStatus {
    /// The cursor before the oldest entry that is kept.
    pub first: OutboxCursor,
    /// How many entries it may read now.
    pub behind: u64,
    /// How many are written and not shown yet, because a transaction that began before theirs is still under way. A number that
    /// grows says that somebody holds a transaction open.
    pub held: u64,
}

impl OutboxStatus {
    /// Returns how far a consumer is behind.
    pub fn new(first: OutboxCursor, behind: u64, held: u64) -> Self {
        Self { first, behind, held }
    }
}

/// Why an outbox gives nothing behind a cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError<E> {
    /// It is switched off.
    #[error("the outbox is switched off")]
    Off,
    /// The cursor is of another outbox: of another store, or it was switched off and on. Read all logs and begin anew.
    #[error("the cursor is of another outbox: it was switched on anew since, or is another store's")]
    Other,
    /// Entries behind the cursor were forgotten. Read all logs and go on from `first`.
    #[error("entries behind the cursor were forgotten, up to {first}")]
    Forgotten {
        /// The cursor before the oldest entry that is kept.
        first: OutboxCursor,
    },
    /// The cursor is ahead of the outbox: the store was put back to an older state, or does not know yet what the cursor is
    /// of. What was taken before may not be in the logs.
    #[error(
        "the cursor is ahead of the outbox, which has come to {end}: the store was put back to an older state"
    )]
    Ahead {
        /// A cursor that no entry stands behind.
        end: OutboxCursor,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] E),
}

impl<E> OutboxError<E> {
    /// The same with another store's error in the place of this one's.
    pub fn map_store<F>(self, into: impl FnOnce(E) -> F) -> OutboxError<F> {
        match self {
            Self::Off => OutboxError::Off,
            Self::Other => OutboxError::Other,
            Self::Forgotten { first } => OutboxError::Forgotten { first },
            Self::Ahead { end } => OutboxError::Ahead { end },
            Self::Store(error) => OutboxError::Store(into(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_is_one_cursor() {
        let cursor = OutboxCursor::new(u128::MAX, u64::MAX, 0, 12);
        let text = cursor.to_string();
        assert_eq!(text.parse(), Ok(cursor));
        for other in [
            text.replace("12", "012"),
            text.replace("12", "+12"),
            text.to_uppercase(),
            format!("{text}.1"),
            format!("{text} "),
            text.replace(".0.12", ".0"),
            text.replace(".0.", "..0."),
            String::new(),
        ] {
            assert_eq!(other.parse::<OutboxCursor>(), Err(OutboxCursorError), "{other}");
        }
    }

    #[test]
    fn cursors_are_judged_by_mark_and_bounds() {
        let cursor = |mark, number| OutboxCursor::new(mark, 0, 0, number);
        let judge = |of: OutboxCursor| of.judge::<()>(&cursor(5, 3), &cursor(5, 9));
        assert_eq!([3, 9].map(|number| judge(cursor(5, number))), [Ok(()), Ok(())]);
        assert_eq!(judge(cursor(5, 2)), Err(OutboxError::Forgotten { first: cursor(5, 3) }));
        assert_eq!(judge(cursor(5, 10)), Err(OutboxError::Ahead { end: cursor(5, 9) }));
        assert_eq!(
            [4, 6].map(|mark| judge(cursor(mark, 5))),
            [Err(OutboxError::Other), Err(OutboxError::Other)]
        );
    }

    #[test]
    fn a_rewriting_is_told_from_its_first_to_its_last_position() {
        assert_eq!(OutboxChange::of_rewriting([]), None);
        let told = OutboxChange::of_rewriting([5, 2, 9, 2]);
        assert_eq!(told, Some(OutboxChange::Rewritten { first: 2, last: 9 }));
    }
}
