//! Frozen inboxes along a log: time travel.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;

use crate::inbox::Inbox;
use crate::model::event::Event;
use crate::model::id::UserId;
use crate::model::policy::Policy;
use crate::model::time::Timestamp;

/// How many frozen copies a [`History`] keeps, and how far apart: its bound on memory.
///
/// A copy costs nothing when it is taken, and then holds what was written after it: one conversation's head and
/// one block of its history for every conversation touched, never whole histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HistoryPolicy {
    /// A copy is due so many events after the last one; 0 counts as 1.
    pub every: u64,
    /// How many copies are kept, that of the beginning among them; less than 2 counts as 2. Where there would be
    /// more, every other one goes and the distance doubles: from a copy to any moment it is then about
    /// 2 / `most` of the log at most.
    pub most: usize,
}

impl HistoryPolicy {
    /// Returns the policy of a copy every so many events, and at most so many copies.
    pub const fn new(every: u64, most: usize) -> Self {
        Self { every, most }
    }
}

impl Default for HistoryPolicy {
    /// A copy every 1,000 events, 256 in all.
    fn default() -> Self {
        Self { every: 1_000, most: 256 }
    }
}

/// A moment of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Moment {
    /// When so many events of the log had been folded.
    Position(u64),
    /// By the clock: every event of the log up to and including that time, wherever it stands in the log.
    Time(Timestamp),
}

impl From<u64> for Moment {
    fn from(position: u64) -> Self {
        Self::Position(position)
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(f, "position {position}"),
            Self::Time(time) => write!(f, "time {time}"),
        }
    }
}

/// Why a moment cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The history begins after it.
    #[error("{asked} lies before position {begin}, where this history begins")]
    Before {
        /// The moment asked for.
        asked: Moment,
        /// The position where the history begins.
        begin: u64,
    },
    /// Not so many events have been recorded.
    #[error("position {asked} lies beyond the {end} events recorded")]
    Beyond {
        /// The position asked for.
        asked: u64,
        /// How many events the log has.
        end: u64,
    },
    /// The caller gave another number of events than it was asked for.
    #[error("expected the {} events at positions {} to {}, was given {found}", range.end - range.start, range.start, range.end)]
    Tail {
        /// The positions asked for.
        range: Range<u64>,
        /// How many events came.
        found: u64,
    },
}

/// A frozen copy, and what is known of the times around it.
#[derive(Clone, Debug)]
struct Frozen {
    position: u64,
    inbox: Inbox,
    /// The latest time of all events before it; none where there are none.
    latest: Option<Timestamp>,
    /// The earliest time of the events between it and the next copy.
    earliest_after: Option<Timestamp>,
}

/// Frozen inboxes along a log, from which the inbox at any moment of it is made: the nearest copy and the events
/// after it.
///
/// It keeps copies, not events: those stay where the caller keeps its log, and are asked for by position. Copies
/// are taken as the log grows ([`History::record`]) or of a whole log at once ([`History::replay`]). Any number of
/// readers may look into it, and what they get are inboxes of their own.
///
/// ```
/// use chatfold::time_travel::{History, HistoryPolicy};
/// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
///
/// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
/// let mut log = Vec::new();
/// for n in 1..=100u8 {
///     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, bob.clone());
///     let message = Message::text(MessageId::from_bytes([n; 16]), "again");
///     log.push(envelope.message_received(ConversationId::direct(&bob), message)?);
/// }
/// let copies = HistoryPolicy::new(10, 8);
/// let history = History::replay(alice, Policy::default(), copies, &log);
///
/// let events = |range: std::ops::Range<u64>| &log[range.start as usize..range.end as usize];
/// assert_eq!(history.at(42, events)?.totals().unread, 42);
/// assert_eq!(history.at(Timestamp::from_millis(17)?, events)?.totals().unread, 17);
/// assert!(history.at(101, events).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct History {
    policy: HistoryPolicy,
    /// How far apart copies are now.
    distance: u64,
    /// By position; never empty.
    frozen: Vec<Frozen>,
    /// How many events the log has.
    end: u64,
    latest: Option<Timestamp>,
}

impl History {
    /// The history of a log that begins with nothing.
    pub fn new(owner: UserId, policy: Policy, copies: HistoryPolicy) -> Self {
        Self::beginning(Inbox::new(owner, policy), 0, None, copies)
    }

    /// The history of a log from `position` on, where the inbox was `inbox`, as restored from a snapshot: the
    /// latest time of the events before it is `latest`. What was before cannot be shown.
    pub fn starting_at(inbox: Inbox, position: u64, latest: Timestamp, copies: HistoryPolicy) -> Self {
        Self::beginning(inbox, position, Some(latest), copies)
    }

    fn beginning(inbox: Inbox, position: u64, latest: Option<Timestamp>, policy: HistoryPolicy) -> Self {
        let policy = HistoryPolicy { every: policy.every.max(1), most: policy.most.max(2) };
        let frozen = vec![Frozen { position, inbox, latest, earliest_after: None }];
        Self { policy, distance: policy.every, frozen, end: position, latest }
    }

    /// Folds a whole log and keeps copies along it.
    ///
    /// Complexity: as applying the events live, in batches as long as the copies are apart.
    pub fn replay<'a>(
        owner: UserId,
        policy: Policy,
        copies: HistoryPolicy,
        log: impl IntoIterator<Item = &'a Event>,
    ) -> Self {
        let mut inbox = Inbox::new(owner.clone(), policy);
        let mut history = Self::new(owner, policy, copies);
        let mut log = log.into_iter();
        loop {
            let events: Vec<&Event> =
                log.by_ref().take(usize::try_from(history.due_after()).unwrap_or(usize::MAX)).collect();
            if events.is_empty() {
                return history;
            }
            inbox.apply_batch(events.iter().copied());
            history.record(events, &inbox);
        }
    }

    /// Takes note that these events followed in the log and made `inbox`; keeps a copy of it if one is due.
    ///
    /// Complexity: O(1) an event.
    pub fn record<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>, inbox: &Inbox) {
        let mut earliest = self.frozen.last().and_then(|last| last.earliest_after);
        for event in events {
            self.end += 1;
            self.latest = self.latest.max(Some(event.at()));
            earliest = Some(earliest.map_or(event.at(), |earliest| earliest.min(event.at())));
        }
        if let Some(last) = self.frozen.last_mut() {
            last.earliest_after = earliest;
        }
        if self.due_after() == 0 {
            self.keep(inbox);
        }
    }

    /// Keeps a copy of `inbox` as it is at the end of the log now, whether one is due or not.
    pub fn keep(&mut self, inbox: &Inbox) {
        if self.frozen.last().is_some_and(|last| last.position == self.end) {
            return;
        }
        while self.frozen.len() >= self.policy.most {
            self.thin();
        }
        let (position, inbox) = (self.end, inbox.clone());
        self.frozen.push(Frozen { position, inbox, latest: self.latest, earliest_after: None });
    }

    /// Lets every other copy go; those that stay are at least twice as far apart as before.
    fn thin(&mut self) {
        self.distance = self.distance.saturating_mul(2);
        let mut kept: Vec<Frozen> = Vec::with_capacity(self.policy.most);
        for copy in std::mem::take(&mut self.frozen) {
            match kept.last_mut() {
                Some(last) if copy.position - last.position < self.distance => {
                    let earliest = [last.earliest_after, copy.earliest_after];
                    last.earliest_after = earliest.into_iter().flatten().min();
                }
                _ => kept.push(copy),
            }
        }
        self.frozen = kept;
    }

    /// How many events may follow until a copy is due.
    fn due_after(&self) -> u64 {
        let last = self.frozen.last().map_or(self.end, |last| last.position);
        last.saturating_add(self.distance).saturating_sub(self.end)
    }

    /// How many events the log has: the greatest position there is.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The positions of the copies kept, ascending.
    pub fn positions(&self) -> impl Iterator<Item = u64> {
        self.frozen.iter().map(|copy| copy.position)
    }

    /// From which copy the inbox at a moment is made, and the positions of the events that lead there; of these,
    /// where the moment is a time, those later than it do not count.
    ///
    /// Complexity: O(copies), whatever the log.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Before`] or [`HistoryError::Beyond`] if the moment lies outside of what was recorded.
    pub fn start(&self, moment: impl Into<Moment>) -> Result<(&Inbox, Range<u64>), HistoryError> {
        let moment = moment.into();
        let begin = self.frozen.first().map_or(0, |first| first.position);
        let from = match moment {
            Moment::Position(asked) if asked > self.end => {
                return Err(HistoryError::Beyond { asked, end: self.end });
            }
            Moment::Position(position) => self.frozen.partition_point(|copy| copy.position <= position),
            Moment::Time(time) => self.frozen.partition_point(|copy| copy.latest <= Some(time)),
        };
        let from = from.checked_sub(1).and_then(|from| self.frozen.get(from));
        let from = from.ok_or(HistoryError::Before { asked: moment, begin })?;
        let to = match moment {
            Moment::Position(position) => position,
            Moment::Time(time) => self.last_at(time).max(from.position),
        };
        Ok((&from.inbox, from.position..to))
    }

    /// A position after which every event is later than `time`.
    fn last_at(&self, time: Timestamp) -> u64 {
        let reaches = |copy: &Frozen| copy.earliest_after.is_some_and(|earliest| earliest <= time);
        let Some(last) = self.frozen.iter().rposition(reaches) else { return 0 };
        self.frozen.get(last + 1).map_or(self.end, |next| next.position)
    }

    /// The inbox at a moment of the log: at a position, exactly what folding so many events makes; at a time,
    /// what folding every event not later than it makes.
    ///
    /// `tail` is asked once for the events at some positions of the log, in any order.
    ///
    /// Complexity: O(copies), and a live apply for each event between the nearest copy and the moment.
    ///
    /// # Errors
    ///
    /// As [`History::start`].
    pub fn at<I>(
        &self,
        moment: impl Into<Moment>,
        tail: impl FnOnce(Range<u64>) -> I,
    ) -> Result<Inbox, HistoryError>
    where
        I: IntoIterator<Item: Borrow<Event>>,
    {
        let moment = moment.into();
        let (from, range) = self.start(moment)?;
        let mut inbox = from.clone();
        if range.is_empty() {
            return Ok(inbox);
        }
        let events: Vec<_> = tail(range.clone()).into_iter().collect();
        let found = events.len() as u64;
        if found != range.end - range.start {
            return Err(HistoryError::Tail { range, found });
        }
        let counts = |event: &&Event| match moment {
            Moment::Position(_) => true,
            Moment::Time(time) => event.at() <= time,
        };
        inbox.apply_batch(events.iter().map(Borrow::borrow).filter(counts));
        Ok(inbox)
    }
}
