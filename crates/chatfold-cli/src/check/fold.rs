//! The ways to fold one log that have to give one inbox.

use chatfold::{Event, Inbox, Policy, UserId};

use crate::progress::Progress;

/// Up to this many events the live fold takes one at a time; beyond, [`LIVE_BATCH_LEN`] at a time.
const LIVE_LIMIT: usize = 1_000_000;
const LIVE_BATCH_LEN: usize = 1_000;

/// Into how many overlapping parts the events are dealt.
const PARTS: usize = 3;

/// One log, to be folded in many ways.
#[derive(Clone, Copy, Debug)]
pub struct Ways<'a> {
    owner: &'a UserId,
    policy: Policy,
    events: &'a [Event],
    seed: u64,
}

/// One way to fold.
pub struct Way<'a> {
    /// What it is called, such as `shuffled, seed 7`.
    pub name: String,
    fold: Box<dyn Fn(&str) -> Inbox + 'a>,
}

impl Way<'_> {
    /// Folds the log in this way.
    pub fn fold(&self) -> Inbox {
        (self.fold)(&self.name)
    }
}

impl<'a> Ways<'a> {
    /// The ways to fold `events`; what is random in them follows from `seed`.
    pub fn new(owner: &'a UserId, policy: Policy, events: &'a [Event], seed: u64) -> Self {
        Self { owner, policy, events, seed }
    }

    /// The reference: in bulk, as the log stands.
    pub fn forwards(self) -> Inbox {
        self.replay("forwards", self.events.iter())
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
            way("backwards".to_owned(), |ways, name| ways.replay(name, ways.events.iter().rev())),
            way(format!("shuffled, seed {}", self.seed), Self::shuffled),
            way("doubled".to_owned(), |ways, name| ways.replay(name, ways.events.iter().chain(ways.events))),
            way("two halves merged".to_owned(), Self::halves),
            way(format!("{PARTS} parts merged"), |ways, name| ways.parts(name, false)),
            way(format!("{PARTS} parts, other way"), |ways, name| ways.parts(name, true)),
        ]
    }

    fn replay<'e>(self, name: &str, events: impl Iterator<Item = &'e Event>) -> Inbox {
        let mut progress = Progress::steps(name.to_owned(), events.size_hint().0 as u64);
        let mut done = 0u64;
        let events = events.inspect(|_| {
            done += 1;
            if done.is_multiple_of(4096) {
                progress.tick(done);
            }
        });
        Inbox::replay(self.owner.clone(), self.policy, events)
    }

    fn live(self, name: &str) -> Inbox {
        let mut progress = Progress::steps(name.to_owned(), self.events.len() as u64);
        let mut inbox = Inbox::new(self.owner.clone(), self.policy);
        let mut done = 0u64;
        for batch in self.events.chunks(LIVE_BATCH_LEN) {
            if self.events.len() <= LIVE_LIMIT {
                for event in batch {
                    inbox.apply(event);
                }
            } else {
                inbox.apply_batch(batch);
            }
            done += batch.len() as u64;
            progress.tick(done);
        }
        inbox
    }

    fn shuffled(self, name: &str) -> Inbox {
        let mut order: Vec<&Event> = self.events.iter().collect();
        fastrand::Rng::with_seed(self.seed).shuffle(&mut order);
        self.replay(name, order.into_iter())
    }

    fn halves(self, name: &str) -> Inbox {
        let (older, newer) = self.events.split_at(self.events.len() / 2);
        self.merged([self.replay(name, older.iter()), self.replay(name, newer.iter())])
    }

    /// Deals every event to one part at random, and every fourth to a second one too; merges the parts in one
    /// order or in the other.
    fn parts(self, name: &str, other_way: bool) -> Inbox {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut parts: [Vec<&Event>; PARTS] = Default::default();
        for event in self.events {
            let one = random.usize(..PARTS);
            let two = if random.u8(..4) == 0 { random.usize(..PARTS) } else { one };
            for (index, part) in parts.iter_mut().enumerate() {
                if index == one || index == two {
                    part.push(event);
                }
            }
        }
        if other_way {
            parts.reverse();
        }
        self.merged(parts.map(|part| self.replay(name, part.into_iter())))
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
