//! What hostile and odd logs cost: each at n and at 4 n events, on every way in.
//!
//! A cost is own-thread processor time, the best of some runs, over that of the harmless log of as many events. So a
//! slow day slows both. The exponent says how it grows: 1 for twice the cost of twice the events, 2 for four times.
//! What is above the limit is measured again, several times, before it counts: chance adds to times and never takes
//! away. Memory is not measured.
#![allow(unreachable_pub)]

use std::hint::black_box;
use std::process::ExitCode;

use chatfold::testing::{Hostile, Random};
use chatfold::{
    Event, Filter, FolderFilter, Inbox, ListView, LogPrefix, Policy, UnreadSubscriptions, UserId, Window,
    v2tim,
};
use cpu_time::ThreadTime;

/// The greatest exponent of cost.
const LIMIT: f64 = 1.2;

/// How often a cost above the limit is measured again.
const AGAIN: usize = 6;

/// Whose inbox, how it folds, and the log.
struct Case {
    owner: UserId,
    policy: Policy,
    events: Vec<Event>,
}

impl Case {
    fn of(kind: &Hostile, count: usize) -> Self {
        Self { owner: Hostile::owner().unwrap(), policy: kind.policy, events: kind.events(count).unwrap() }
    }

    fn replay<'a>(&self, events: impl IntoIterator<Item = &'a Event>) -> Inbox {
        Inbox::replay(self.owner.clone(), self.policy, events)
    }

    fn bulk(&self) -> Inbox {
        self.replay(&self.events)
    }

    fn live(&self) -> Inbox {
        let mut inbox = Inbox::new(self.owner.clone(), self.policy);
        self.events.iter().for_each(|event| drop(black_box(inbox.apply(event))));
        inbox
    }

    /// As the command line's `check` folds, one by one apart.
    fn check(&self) -> Inbox {
        let reference = self.bulk();
        let digest = reference.digest();
        let same = |inbox: Inbox| assert_eq!(inbox.digest(), digest);
        same(self.replay(self.events.iter().rev()));
        let mut shuffled: Vec<&Event> = self.events.iter().collect();
        let mut random = Random::new(7);
        (1..shuffled.len()).rev().for_each(|at| shuffled.swap(at, random.below(at as u64 + 1) as usize));
        same(self.replay(shuffled));
        same(self.replay(self.events.iter().chain(&self.events)));
        let (older, newer) = self.events.split_at(self.events.len() / 2);
        let mut merged = self.replay(newer);
        merged.merge(&self.replay(older)).unwrap();
        same(merged);
        assert_eq!(reference.audit(), Ok(()));
        reference
    }

    /// What shows, asked for in every way, of an inbox that was frozen to bytes and goes on; and what follows it.
    fn read(&self) -> Inbox {
        let (before, after) = self.events.split_at(self.events.len() / 2);
        let bytes = self.replay(before).snapshot(LogPrefix::EMPTY).unwrap();
        let (mut inbox, _) = Inbox::restore(bytes, &self.owner, self.policy).unwrap();
        let mut view = ListView::new(&inbox, Filter::default(), Window::First(20));
        let mut unread = UnreadSubscriptions::new(&inbox);
        unread.subscribe(Filter { folder: FolderFilter::InNone, ..Filter::default() });
        for batch in after.chunks(16) {
            let changes = inbox.apply_batch(batch);
            black_box((view.follow(&inbox, &changes), unread.follow(&inbox, &changes)));
        }
        for conversation in inbox.conversations() {
            black_box((inbox.explain(conversation.id()), conversation.drafts_lost()));
            black_box(serde_json::to_string(&v2tim::conversation_json(conversation)).unwrap());
        }
        inbox
    }
}

type Way = (&'static str, fn(&Case) -> Inbox);

const WAYS: [Way; 4] =
    [("bulk", Case::bulk), ("live", Case::live), ("check", Case::check), ("read", Case::read)];

/// The least processor time of some runs, in nanoseconds.
fn least(case: &Case, fold: fn(&Case) -> Inbox, runs: usize) -> f64 {
    let once = || {
        let started = ThreadTime::now();
        let made = black_box(fold(case));
        let spent = started.elapsed().as_nanos() as f64;
        drop(made);
        spent
    };
    (0..runs).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// Two logs of one kind, of n and of 4 n events.
struct Pair([Case; 2]);

impl Pair {
    fn of(kind: &Hostile, count: usize) -> Self {
        Self([count, 4 * count].map(|count| Case::of(kind, count)))
    }

    /// What both cost.
    fn cost(&self, fold: fn(&Case) -> Inbox, runs: usize) -> [f64; 2] {
        let [small, large] = &self.0;
        [least(small, fold, runs), least(large, fold, runs)]
    }
}

/// How the cost of a log grows, given what harmless ones of as many events cost.
fn exponent(cost: [f64; 2], harmless: [f64; 2]) -> f64 {
    1.0 + ((cost[1] / cost[0]) / (harmless[1] / harmless[0])).log(4.0)
}

/// Measures every kind of log whose name contains `only`; a failure where one costs more than its length.
pub fn run(count: usize, only: &str) -> ExitCode {
    let [first, kinds @ ..] = Hostile::ALL else { return ExitCode::FAILURE };
    let harmless = Pair::of(first, count);
    let of_harmless = WAYS.map(|(_, fold)| harmless.cost(fold, 5));
    println!("{:<46} {:>7}  exponent and times harmless at {}", "", "events", 4 * count);
    let heads = WAYS.map(|(name, _)| format!("{name:>16}")).concat();
    println!("{:<46} {:>7} {heads}", "", "");
    let mut above = Vec::new();
    for kind in kinds.iter().filter(|kind| kind.name.contains(only)) {
        let pair = Pair::of(kind, count);
        let mut line = String::new();
        for ((way, fold), harmless) in WAYS.iter().zip(of_harmless) {
            let mut cost = pair.cost(*fold, 2);
            let mut tries = 0;
            while exponent(cost, harmless) > LIMIT && tries < AGAIN {
                let again = pair.cost(*fold, 1);
                cost = [cost[0].min(again[0]), cost[1].min(again[1])];
                tries += 1;
            }
            let exponent = exponent(cost, harmless);
            line += &format!("{exponent:>9.2} {:>5.1}x", cost[1] / harmless[1]);
            if exponent > LIMIT {
                above.push(format!("{} ({way}): {exponent:.2}", kind.name));
            }
        }
        println!("{:<46} {:>7} {line}", kind.name, pair.0[1].events.len());
    }
    // With few events chance says more than growth does.
    if above.is_empty() || count < 500 {
        return ExitCode::SUCCESS;
    }
    println!("\nabove n to the {LIMIT}:\n  {}", above.join("\n  "));
    ExitCode::FAILURE
}
