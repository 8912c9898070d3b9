//! A log and the inbox at one position of it, which can be moved.

use chatfold::{Event, EventId, History, HistoryPolicy, Inbox, Policy, Timestamp, UserId};

/// Frozen copies close enough that a step back folds at most about 2 / `most` of the log, and a few hundred
/// events at least.
const COPIES: HistoryPolicy = HistoryPolicy { every: 500, most: 1_024 };

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A step along the log. Every step but those at an end of the log moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To before the event before.
    EventBack,
    /// To after the next event.
    EventOn,
    /// To the beginning of the hour (UTC) of the event before.
    HourBack,
    /// To the end of the hour of the next event.
    HourOn,
    /// To the beginning of the day (UTC) of the event before.
    DayBack,
    /// To the end of the day of the next event.
    DayOn,
    /// To before the first event.
    Start,
    /// To after the last event.
    End,
}

/// A log in memory, frozen inboxes along it, and the inbox at one position: after so many events.
///
/// Moving costs O(copies) and a live apply of the events between the nearest copy and the position.
#[derive(Debug)]
pub struct Past {
    events: Vec<Event>,
    /// The latest time of the events up to and including each: it never falls, so it can be searched.
    clock: Vec<Timestamp>,
    history: History,
    present: Inbox,
    position: usize,
    inbox: Inbox,
}

impl Past {
    /// Folds `events` and stands at their end.
    pub fn new(owner: UserId, policy: Policy, events: Vec<Event>) -> Self {
        let inbox = Inbox::new(owner.clone(), policy);
        let mut past = Self {
            events: Vec::new(),
            clock: Vec::new(),
            history: History::new(owner, policy, COPIES),
            present: inbox.clone(),
            position: 0,
            inbox,
        };
        past.append(events);
        past.go(past.end());
        past
    }

    /// Takes note that these events followed. The position stays.
    pub fn append(&mut self, events: Vec<Event>) {
        for chunk in events.chunks(COPIES.every as usize) {
            self.present.apply_batch(chunk);
            self.history.record(chunk, &self.present);
        }
        for event in &events {
            let latest = self.clock.last().copied().unwrap_or(Timestamp::EPOCH);
            self.clock.push(latest.max(event.at()));
        }
        self.events.extend(events);
    }

    /// The inbox at the position.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The inbox at the end of the log.
    pub fn present(&self) -> &Inbox {
        &self.present
    }

    /// After how many events it stands.
    pub fn position(&self) -> usize {
        self.position
    }

    /// How many events there are.
    pub fn end(&self) -> usize {
        self.events.len()
    }

    /// Whether it stands at the end: only there can one act.
    pub fn is_present(&self) -> bool {
        self.position == self.end()
    }

    /// The latest time of the events up to the position; `None` before the first.
    pub fn now(&self) -> Option<Timestamp> {
        self.time_at(self.position)
    }

    /// The latest time of the first so many events.
    pub fn time_at(&self, position: usize) -> Option<Timestamp> {
        self.clock.get(position.checked_sub(1)?).copied()
    }

    /// The time of the first event and the latest of all.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((*self.clock.first()?, *self.clock.last()?))
    }

    /// How many events come before `time`, as the log orders them.
    pub fn before(&self, time: i64) -> usize {
        self.clock.partition_point(|at| at.as_millis() < time)
    }

    /// The event that makes this position from the one before.
    pub fn event(&self, position: usize) -> Option<&Event> {
        self.events.get(position.checked_sub(1)?)
    }

    /// The events up to the position, each with the position it makes.
    pub fn so_far(&self) -> impl Iterator<Item = (usize, &Event)> {
        self.events.iter().take(self.position).enumerate().map(|(index, event)| (index + 1, event))
    }

    /// Where events of the log up to the position are; those that are not there are left out.
    pub fn places(&self, wanted: &[EventId]) -> Vec<(EventId, usize)> {
        let found = self.so_far().filter(|(_, event)| wanted.contains(&event.id()));
        found.map(|(position, event)| (event.id(), position)).collect()
    }

    /// Where a step leads from here.
    pub fn target(&self, step: Step) -> usize {
        let back = |ms: i64| match self.now() {
            Some(now) => {
                self.before(now.as_millis().div_euclid(ms) * ms).min(self.position.saturating_sub(1))
            }
            None => 0,
        };
        let on = |ms: i64| match self.time_at(self.position + 1) {
            Some(next) => self.before((next.as_millis().div_euclid(ms) + 1) * ms),
            None => self.end(),
        };
        match step {
            Step::EventBack => self.position.saturating_sub(1),
            Step::EventOn => (self.position + 1).min(self.end()),
            Step::HourBack => back(HOUR_MS),
            Step::HourOn => on(HOUR_MS),
            Step::DayBack => back(DAY_MS),
            Step::DayOn => on(DAY_MS),
            Step::Start => 0,
            Step::End => self.end(),
        }
    }

    /// Moves to a position, or the end if there are not so many events.
    pub fn go(&mut self, position: usize) {
        let target = position.min(self.end());
        if target == self.end() {
            // The same inbox as any other way there (R04), without the way.
            self.inbox = self.present.clone();
            self.position = target;
            return;
        }
        let Ok((copy, range)) = self.history.start(target as u64) else { return };
        let begin = usize::try_from(range.start).unwrap_or(usize::MAX);
        // From here, where no copy is nearer.
        let is_near = begin <= self.position && self.position <= target;
        let (mut inbox, begin) =
            if is_near { (self.inbox.clone(), self.position) } else { (copy.clone(), begin) };
        inbox.apply_batch(self.events.get(begin..target).unwrap_or_default());
        self.inbox = inbox;
        self.position = target;
    }
}
