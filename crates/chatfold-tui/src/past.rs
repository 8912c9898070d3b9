//! A log and the inbox at one position of it, which can be moved.

use chatfold::binary::RecordPlace;
use chatfold::time_travel::{History, HistoryPolicy};
use chatfold::{ChangeSet, Event, EventId, Inbox, Policy, Replay, Timestamp, UserId};

use crate::kept::{Kept, RecordSource};

/// Frozen copies close enough that a step back folds at most about 2 / `most` of the log, and a few hundred
/// events at least.
const COPIES: HistoryPolicy = HistoryPolicy::new(500, 512);

/// How many events are folded one after the other rather than jumped over, so that it is known what they change.
const NEAR: usize = 4_096;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A step along the log. Every step moves, but those at an end of the log and into events that cannot be read.
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
/// The frozen inboxes are made when somebody first leaves the end, which folds the log once more; whoever only looks at
/// the end, and follows it, has none. Moving then costs O(copies) and a live apply of the events between the nearest
/// copy and the position.
#[derive(Debug)]
pub struct Past {
    events: Kept,
    /// The latest time of the events up to and including each: it never falls, so it can be searched.
    clock: Vec<Timestamp>,
    history: Option<History>,
    present: Inbox,
    position: usize,
    inbox: Inbox,
}

/// A log that is being read, event by event: [`Opening::finish`] stands at its end.
#[derive(Debug)]
pub struct Opening {
    events: Kept,
    clock: Vec<Timestamp>,
    replay: Replay,
}

impl Opening {
    /// Begins with no events of `owner`'s log.
    pub fn new(owner: UserId, policy: Policy) -> Self {
        Self { events: Kept::new(owner.clone()), clock: Vec::new(), replay: Replay::new(owner, policy) }
    }

    /// Takes the next event. Complexity: as [`Replay::push`].
    pub fn push(&mut self, event: Event) {
        self.replay.push(&event);
        keep(&mut self.events, &mut self.clock, event);
    }

    /// Returns the log with the inbox at its end.
    pub fn finish(self) -> Past {
        let (present, position) = (self.replay.finish(), self.events.len());
        let inbox = present.clone();
        Past { events: self.events, clock: self.clock, history: None, present, position, inbox }
    }
}

/// Keeps an event that follows, and the latest time so far.
fn keep(events: &mut Kept, clock: &mut Vec<Timestamp>, event: Event) {
    let latest = clock.last().copied().unwrap_or(Timestamp::EPOCH);
    clock.push(latest.max(event.at()));
    events.push(event);
}

impl Past {
    /// Folds `events` and stands at their end.
    pub fn new(owner: UserId, policy: Policy, events: impl IntoIterator<Item = Event>) -> Self {
        let mut opening = Opening::new(owner, policy);
        events.into_iter().for_each(|event| opening.push(event));
        opening.finish()
    }

    /// Stands at the end of a binary log, given its records, the inbox that its events make, and the time of each. The log
    /// must be sound and all of its events known. Records are read when somebody looks at the past: where one cannot be
    /// read then, nothing behind it is shown but the end, whose inbox is at hand.
    pub fn of_binary_log(
        log: Box<dyn RecordSource>,
        records: Vec<RecordPlace>,
        inbox: Inbox,
        mut times: Vec<Timestamp>,
    ) -> Self {
        let mut latest = Timestamp::EPOCH;
        for time in &mut times {
            latest = latest.max(*time);
            *time = latest;
        }
        let (clock, events) = (times, Kept::of_log(inbox.owner().clone(), log, records));
        let position = events.len();
        Self { events, clock, history: None, present: inbox.clone(), position, inbox }
    }

    /// Takes note that these events followed. The position stays.
    pub fn append(&mut self, events: Vec<Event>) {
        let mut end = self.end() as u64;
        for chunk in events.chunks(COPIES.every as usize) {
            self.present.apply_batch(chunk);
            // A history that ends before events that could not be read has none of what is behind them.
            if let Some(history) = self.history.as_mut().filter(|history| history.end() == end) {
                history.record(chunk, &self.present);
            }
            end += chunk.len() as u64;
        }
        events.into_iter().for_each(|event| keep(&mut self.events, &mut self.clock, event));
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
    pub fn event(&self, position: usize) -> Option<Event> {
        self.events.get(position.checked_sub(1)?)
    }

    /// Looks at the events up to the position in order, each with the position it makes.
    pub fn for_each_so_far(&self, mut look: impl FnMut(usize, &Event)) {
        self.events.for_each(self.position, |index, event| look(index + 1, event));
    }

    /// Where events of the log up to the position are; those that are not there are left out.
    pub fn places(&self, wanted: &[EventId]) -> Vec<(EventId, usize)> {
        let mut found = Vec::new();
        self.for_each_so_far(|position, event| {
            if wanted.contains(&event.id()) {
                found.push((event.id(), position));
            }
        });
        found
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

    /// Moves to a position, or the end if there are not so many events; where an event on the way there
    /// cannot be read, to before that one. Returns what that changed, where the inbox went on from where it stood; `None`
    /// where it is another inbox than before.
    pub fn go(&mut self, position: usize) -> Option<ChangeSet> {
        let (target, end) = (position.min(self.end()), self.end());
        if self.position <= target && target - self.position <= NEAR {
            let events = self.events.read(self.position..target);
            let is_whole = events.len() == target - self.position;
            if is_whole || target < end {
                let changes = self.inbox.apply_batch(&events);
                self.position += events.len();
                if self.position == end {
                    // The same inbox as any other way there (R04); what follows is told of this one.
                    self.present = self.inbox.clone();
                }
                return Some(changes);
            }
        }
        (self.inbox, self.position) =
            if target == end { (self.present.clone(), end) } else { self.jump(target)? };
        None
    }

    /// Returns the inbox at a position before the end, and that position; where an event on the way there cannot be read,
    /// those before that one.
    fn jump(&mut self, target: usize) -> Option<(Inbox, usize)> {
        let (events, present) = (&self.events, &self.present);
        let history = self.history.get_or_insert_with(|| frozen(events, present));
        let (copy, range) = history.start((target as u64).min(history.end())).ok()?;
        let begin = usize::try_from(range.start).unwrap_or(usize::MAX);
        // From here, where no copy is nearer.
        let is_near = begin <= self.position && self.position <= target;
        let (mut inbox, begin) =
            if is_near { (self.inbox.clone(), self.position) } else { (copy.clone(), begin) };
        let events = self.events.read(begin..target);
        inbox.apply_batch(&events);
        Some((inbox, begin + events.len()))
    }
}

/// Folds all events once more and keeps frozen inboxes along them, up to the first that cannot be read. Complexity: a
/// live apply of every event, in batches.
fn frozen(events: &Kept, present: &Inbox) -> History {
    let (owner, policy) = (present.owner().clone(), present.policy());
    let mut inbox = Inbox::new(owner.clone(), policy);
    let mut history = History::new(owner, policy, COPIES);
    let every = COPIES.every as usize;
    for from in (0..events.len()).step_by(every) {
        let batch = events.read(from..from + every);
        inbox.apply_batch(&batch);
        history.record(&batch, &inbox);
        if batch.len() < every {
            break;
        }
    }
    history
}
