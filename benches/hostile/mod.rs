//! What hostile and odd logs cost, in time and in memory: each at n and at 4 n events, on every way in.
//!
//! Time is the thread's own processor time, the best of some runs, without what a log of no length costs, over that of
//! the harmless log of as many events: a slow day slows both. Memory is the most that the allocator held. The exponent
//! says how a cost grows: 1 for twice the cost of twice the events, 2 for four times. A time that is above the limit is
//! measured again, since chance adds to times and never takes away, and a cost that stays above it once more at four
//! times the length: steps, such as a table that doubles or a block that fills, even out. A time above it there too may
//! still be what caches and other work add, so that in the end instructions are counted at that length, under valgrind.
#![allow(unreachable_pub)]

use std::hint::black_box;
use std::process::ExitCode;

use chatfold::event::Watermark;
use chatfold::id::ConversationKind;
use chatfold::list::FolderFilter;
use chatfold::live::{ListView, UnreadSubscriptions, Window};
use chatfold::shared::{Directory, Hub, Memberships, SharedId, StreamId, Timeline, streams_of};
use chatfold::snapshot::LogPrefix;
use chatfold::testing::{Hostile, Random};
use chatfold::{Envelope, Event, EventId, Filter, Inbox, Policy, Timestamp, UserId, v2tim};
use cpu_time::ThreadTime;
use peak_alloc::PeakAlloc;

use crate::callgrind;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The greatest exponent of cost, in time and in memory.
const LIMIT: f64 = 1.2;

/// The most memory that an event may take while its log is folded: 4 KiB, where a harmless one takes a tenth.
const MEMORY_LIMIT_BYTES: f64 = 4_096.0;

/// The same on a server, where an event may begin a conversation, which is a timeline of its own.
const SHARED_MEMORY_LIMIT_BYTES: f64 = 16_384.0;

/// How often a time above the limit is measured again.
const AGAIN: usize = 6;

/// The argument by which this program runs itself to have the instructions of one fold counted.
pub const CHILD: &str = "--child";

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
        unread.subscribe(Filter::default().with_folder(FolderFilter::InNone));
        for batch in after.chunks(16) {
            let changes = inbox.apply_batch(batch);
            black_box((view.follow(&inbox, &changes), unread.follow(&inbox, &changes)));
        }
        for conversation in inbox.conversations() {
            black_box((inbox.explain(conversation.id()), conversation.drafts_lost()));
            black_box(serde_json::to_string(&v2tim::ConversationJson::new(conversation)).unwrap());
        }
        inbox
    }

    /// What a server does for one connected account: each event goes to its stream, and the hub keeps the account's rows.
    fn shared(&self) -> Inbox {
        let owner = &self.owner;
        // A policy that shared histories do not know.
        let Ok(member) = Memberships::new(owner.clone(), self.policy) else { return self.replay([]) };
        let mut hub = Hub::new(Directory::new());
        let session = hub.connect(member).unwrap();
        for event in &self.events {
            for (stream, event) in streams_of(owner, event).unwrap_or_default() {
                match stream {
                    StreamId::Account(_) => drop(black_box(hub.personal(owner, &[event]))),
                    StreamId::Conversation(id) => {
                        if hub.timeline(&id).is_none() {
                            hub.personal(owner, &[window(owner, &id)]);
                            hub.provide(Timeline::new(&id));
                        }
                        black_box(hub.shared(&id, &[event]));
                    }
                    StreamId::Directory => drop(black_box(hub.profile(&event))),
                }
            }
        }
        let list = hub.list(session, &Filter::default(), None, usize::MAX).unwrap();
        list.members.iter().for_each(|member| drop(black_box((member.explain(), member.mentions()))));
        hub.memberships(session).unwrap().inbox().clone()
    }
}

/// The whole history of a conversation, given to an account.
fn window(owner: &UserId, id: &SharedId) -> Event {
    let seen = id.as_seen_by(owner).unwrap();
    let after = match seen.kind() {
        ConversationKind::Direct => Watermark::Time(Timestamp::EPOCH),
        ConversationKind::Group => Watermark::Seq(0),
    };
    let envelope = Envelope::new(EventId::from_bytes([0xfe; 16]), Timestamp::EPOCH, owner.clone());
    envelope.history_window(seen, after, None).unwrap()
}

type Way = (&'static str, fn(&Case) -> Inbox);

const WAYS: [Way; 5] = [
    ("bulk", Case::bulk),
    ("live", Case::live),
    ("check", Case::check),
    ("read", Case::read),
    ("shared", Case::shared),
];

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

/// The most bytes that were held at once, beyond the events.
fn peak(case: &Case, fold: fn(&Case) -> Inbox) -> f64 {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    drop(black_box(fold(case)));
    (MEMORY.peak_usage() - before) as f64
}

/// Logs of one kind: of next to no events, of n and of 4 n.
struct Series([Case; 3]);

impl Series {
    fn of(kind: &Hostile, count: usize) -> Self {
        Self([0, count, 4 * count].map(|count| Case::of(kind, count)))
    }

    /// What those of n and of 4 n cost beyond the empty one, by a measure of one.
    fn beyond(&self, cost: impl Fn(&Case) -> f64) -> [f64; 2] {
        let [empty, small, large] = &self.0;
        let fixed = cost(empty);
        [small, large].map(|case| (cost(case) - fixed).max(1.0))
    }

    fn time(&self, fold: fn(&Case) -> Inbox, runs: usize) -> [f64; 2] {
        self.beyond(|case| least(case, fold, runs))
    }

    fn memory(&self, fold: fn(&Case) -> Inbox) -> [f64; 2] {
        self.beyond(|case| peak(case, fold))
    }
}

/// How a cost grows.
fn growth(cost: [f64; 2]) -> f64 {
    (cost[1] / cost[0]).log(4.0)
}

/// Harmless logs of some length, and what they cost on every way.
struct Harmless {
    count: usize,
    times: [[f64; 2]; WAYS.len()],
}

impl Harmless {
    fn of(count: usize) -> Option<Self> {
        let series = Series::of(Hostile::ALL.first()?, count);
        Some(Self { count, times: WAYS.map(|(_, fold)| series.time(fold, 5)) })
    }

    /// The exponent of a kind's time on the way of this number, and how many times that of the harmless log it is.
    fn judge(&self, series: &Series, way: usize) -> Option<(f64, f64)> {
        let (harmless, (_, fold)) = (self.times.get(way)?, WAYS.get(way)?);
        let mut time = series.time(*fold, 2);
        let exponent = |time: [f64; 2]| 1.0 + growth(time) - growth(*harmless);
        for _ in 0..AGAIN {
            if exponent(time) <= LIMIT {
                break;
            }
            let again = series.time(*fold, 1);
            time = [time[0].min(again[0]), time[1].min(again[1])];
        }
        Some((exponent(time), time[1] / harmless[1]))
    }
}

/// What a kind of log costs on one way.
struct Verdict {
    time: f64,
    times_harmless: f64,
    memory: f64,
    each_bytes: f64,
    limit_bytes: f64,
}

impl Verdict {
    fn of(harmless: &Harmless, series: &Series, way: usize) -> Option<Self> {
        let ((time, times_harmless), (name, fold)) = (harmless.judge(series, way)?, WAYS.get(way)?);
        let memory = series.memory(*fold);
        let each_bytes = memory[1] / (4 * harmless.count) as f64;
        let limit_bytes = if *name == "shared" { SHARED_MEMORY_LIMIT_BYTES } else { MEMORY_LIMIT_BYTES };
        Some(Self { time, times_harmless, memory: growth(memory), each_bytes, limit_bytes })
    }

    fn is_above(&self) -> bool {
        self.time > LIMIT || self.memory > LIMIT || self.each_bytes > self.limit_bytes
    }
}

/// How the instructions of a fold grow, counted: neither chance nor caches add to them.
fn exponent_of_instructions(kind: &Hostile, way: &str, count: usize) -> f64 {
    let counted = |count: usize| {
        let args = [CHILD, kind.name, way, &count.to_string()];
        callgrind::count(&format!("{} {way} {count}", kind.name), &args).0 as f64
    };
    let fixed = counted(0);
    growth([count, 4 * count].map(|count| counted(count) - fixed))
}

/// Folds one log: the arguments are the name of its kind, the way and the number of events.
pub fn child(args: &[String]) -> ExitCode {
    let [name, way, count, ..] = args else { return ExitCode::FAILURE };
    let kind = Hostile::ALL.iter().find(|kind| kind.name == name);
    let fold = WAYS.into_iter().find(|(name, _)| name == way);
    let (Some(kind), Some((_, fold))) = (kind, fold) else { return ExitCode::FAILURE };
    let case = Case::of(kind, count.parse().unwrap());
    callgrind::measured(|| fold(&case));
    ExitCode::SUCCESS
}

/// Measures every kind of log whose name contains `only`; a failure where one costs more than its length. The table is
/// also written to `csv`, if that is a file's name.
pub fn run(count: usize, only: &str, csv: Option<&String>) -> ExitCode {
    let Some(harmless) = Harmless::of(count) else { return ExitCode::FAILURE };
    let mut longer = None;
    println!("exponent of time, times the harmless log, bytes of memory an event, at {} events", 4 * count);
    println!("{:<42}{}", "", WAYS.map(|(name, _)| format!("{name:>22}")).concat());
    let mut table = "log".to_owned();
    WAYS.iter().for_each(|(name, _)| table += &format!(",{name},x harmless,bytes an event"));
    let mut above = Vec::new();
    for kind in Hostile::ALL.iter().skip(1).filter(|kind| kind.name.contains(only)) {
        let series = Series::of(kind, count);
        let mut line = String::new();
        table += &format!("\n\"{}\"", kind.name);
        for (at, (way, _)) in WAYS.iter().enumerate() {
            let Some(mut verdict) = Verdict::of(&harmless, &series, at) else { continue };
            // With few events chance says more than growth does.
            if verdict.is_above() && count >= 500 {
                let longer = longer.get_or_insert_with(|| Harmless::of(4 * count));
                let again = longer.as_ref().and_then(|h| Verdict::of(h, &Series::of(kind, 4 * count), at));
                verdict = again.unwrap_or(verdict);
                if verdict.time > LIMIT {
                    verdict.time = exponent_of_instructions(kind, way, 4 * count);
                }
                if verdict.is_above() {
                    let (Verdict { time, memory, each_bytes, .. }, name) = (&verdict, kind.name);
                    above.push(format!(
                        "{name} ({way}): time {time:.2}, memory {memory:.2}, {each_bytes:.0} B"
                    ));
                }
            }
            let Verdict { time, times_harmless, each_bytes, .. } = verdict;
            line += &format!("{time:>7.2} {times_harmless:>5.1}x {each_bytes:>6.0} B");
            table += &format!(",{time:.2},{times_harmless:.1},{each_bytes:.0}");
        }
        println!("{:<42}{line}", kind.name);
    }
    if let Some(csv) = csv {
        std::fs::write(csv, table + "\n").unwrap();
    }
    if above.is_empty() {
        return ExitCode::SUCCESS;
    }
    let limits = format!("{MEMORY_LIMIT_BYTES} bytes an event, {SHARED_MEMORY_LIMIT_BYTES} shared");
    println!("\nabove n to the {LIMIT}, or {limits}:\n  {}", above.join("\n  "));
    ExitCode::FAILURE
}
