//! The ways to fold one log that have to give one inbox.

use chatfold::{Event, Inbox, Policy, Replay, UserId};

use super::kept::Kept;
use crate::progress::Progress;

/// Up to this many events the live fold takes one at a time; beyond, [`LIVE_BATCH_LEN`] at a time.
const LIVE_LIMIT: usize = 1_000_000;
const LIVE_BATCH_LEN: usize = 1_000;

/// Into how many stretches the log is cut, and into how many overlapping parts its events are dealt: while one of them is
/// merged, both it and all before it are in memory.
const PIECES: usize = 8;

/// One log, to be folded in many ways.
#[derive(Clone, Copy, Debug)]
pub struct Ways<'a> {
    owner: &'a UserId,
    policy: Policy,
    events: &'a Kept,
    seed: u64,
}

/// One way to fold.
pub struct Way<'a> {
    /// What it is called, such as `shuffled, seed 7`.
    pub name: String,
    fold: Box<dyn Fn(&str) -> Inbox + 'a>,
}

impl Way<'_> {
    /// Folds the log in this way; the inbox lacks events where [`Kept::were_read`] gives an error.
    pub fn fold(&self) -> Inbox {
        (self.fold)(&self.name)
    }
}

impl<'a> Ways<'a> {
    /// The ways to fold `events`; what is random in them follows from `seed`.
    pub fn new(owner: &'a UserId, policy: Policy, events: &'a Kept, seed: u64) -> Self {
        Self { owner, policy, events, seed }
    }

    /// The reference: in bulk, as the log stands.
    pub fn forwards(self) -> Inbox {
        self.replay("forwards", self.events.len(), self.events.forwards())
    }

    /// All the others.
    pub fn others(self) -> Vec<Way<'a>> {
        let way = |name: String, fold: fn(Self, &str) -> Inbox| Way {
            name,
            fold: Box::new(move |name| fold(self, name)),
        };
        let live = if self.events.len() <= LIVE_LIMIT {
            "live, one by one".to_owned()
        } else {
            format!("live, {LIVE_BATCH_LEN} at a time")
        };
        vec![
            way(live, Self::live),
            way("backwards".to_owned(), |ways, name| {
                ways.replay(name, ways.events.len(), ways.events.backwards())
            }),
            way(format!("shuffled, seed {}", self.seed), Self::shuffled),
            way("doubled".to_owned(), Self::doubled),
            way(format!("{PIECES} stretches merged"), Self::stretches),
            way(format!("{PIECES} parts merged"), |ways, name| ways.parts(name, false)),
            way(format!("{PIECES} parts, other way"), |ways, name| ways.parts(name, true)),
        ]
    }

    fn replay(self, name: &str, count: usize, events: impl Iterator<Item = Event>) -> Inbox {
        let mut progress = Progress::steps(name.to_owned(), count as u64);
        let mut replay = Replay::new(self.owner.clone(), self.policy);
        for (done, event) in (1u64..).zip(events) {
            replay.push(&event);
            if done.is_multiple_of(4096) {
                progress.tick(done);
            }
        }
        replay.finish()
    }

    fn live(self, name: &str) -> Inbox {
        let mut progress = Progress::steps(name.to_owned(), self.events.len() as u64);
        let mut inbox = Inbox::new(self.owner.clone(), self.policy);
        let (mut events, mut done) = (self.events.forwards(), 0);
        loop {
            let batch: Vec<Event> = events.by_ref().take(LIVE_BATCH_LEN).collect();
            if batch.is_empty() {
                return inbox;
            }
            if self.events.len() <= LIVE_LIMIT {
                for event in &batch {
                    inbox.apply(event);
                }
            } else {
                inbox.apply_batch(&batch);
            }
            done += batch.len() as u64;
            progress.tick(done);
        }
    }

    fn shuffled(self, name: &str) -> Inbox {
        let random = fastrand::Rng::with_seed(self.seed);
        self.replay(name, self.events.len(), self.events.shuffled(random))
    }

    fn doubled(self, name: &str) -> Inbox {
        let twice = self.events.forwards().chain(self.events.forwards());
        self.replay(name, 2 * self.events.len(), twice)
    }

    fn stretches(self, name: &str) -> Inbox {
        // Each is a little longer than an eighth, so that the last one is the shorter.
        let len = self.events.len().div_ceil(PIECES).max(1);
        let mut events = self.events.forwards();
        self.merged((0..PIECES).map(|_| self.replay(name, len, events.by_ref().take(len))))
    }

    /// Deals every event to one part at random, and every fourth to a second one too; merges the parts in one
    /// order or in the other. One part at a time is in memory.
    fn parts(self, name: &str, other_way: bool) -> Inbox {
        self.merged((0..PIECES).map(|index| {
            let part = if other_way { PIECES - 1 - index } else { index };
            let mut random = fastrand::Rng::with_seed(self.seed);
            let dealt = self.events.forwards().filter(move |_| {
                let one = random.usize(..PIECES);
                let two = if random.u8(..4) == 0 { random.usize(..PIECES) } else { one };
                part == one || part == two
            });
            self.replay(name, self.events.len() / PIECES, dealt)
        }))
    }

    fn merged(self, parts: impl IntoIterator<Item = Inbox>) -> Inbox {
        let mut inbox = Inbox::new(self.owner.clone(), self.policy);
        for part in parts {
            // Same owner, same policy: merging is refused for nothing else. Were it refused, the result would
            // lack a part, and the comparison would say so.
            let _ = inbox.merge(&part);
        }
        inbox
    }
}
