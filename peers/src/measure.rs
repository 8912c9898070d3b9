//! What is measured of a peer, and the answer it must give.

use std::error::Error;
use std::time::{Duration, Instant};

use chatfold::{Event, Inbox, Policy, UserId};
use cpu_time::ThreadTime;
use serde::{Deserialize, Serialize};

/// The result of anything here.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A row of the list: id, unread, the text shown of the last message.
pub type Row = (String, u64, Option<String>);

/// The events a peer is given.
#[derive(Debug)]
pub struct Work {
    /// Whose list it is.
    pub owner: UserId,
    /// The events, in the order they come.
    pub events: Vec<Event>,
}

/// What a peer did.
#[derive(Debug)]
pub struct Done {
    /// Folding all events.
    pub fold: Spent,
    /// How many they were.
    pub events: usize,
    /// Reading the first twenty rows: the median of some calls.
    pub page: Duration,
    /// From nothing in memory to the first page, where the peer keeps anything to start from.
    pub cold: Option<Duration>,
    /// The most memory held beyond what was held before, in bytes.
    pub peak_bytes: u64,
    /// Its list, in order.
    pub list: Vec<Row>,
    /// What it should be.
    pub expected: Vec<Row>,
}

/// Time spent: of the processor by this thread, and on the wall.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Processor time of this thread.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
}

/// Times `work`.
pub fn spent<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Spent)> {
    let (wall, cpu) = (Instant::now(), ThreadTime::now());
    let made = work()?;
    Ok((made, Spent { cpu: cpu.elapsed(), wall: wall.elapsed() }))
}

/// The least of the wall times of some cold starts, and what the last one made.
pub fn least_cold<T>(mut start: impl FnMut() -> Outcome<T>) -> Outcome<(T, Duration)> {
    let mut once = || {
        let started = Instant::now();
        let made = start()?;
        Ok::<_, Box<dyn Error + Send + Sync>>((made, started.elapsed()))
    };
    let (mut made, mut least) = once()?;
    for _ in 1..9 {
        let (next, spent) = once()?;
        (made, least) = (next, least.min(spent));
    }
    Ok((made, least))
}

/// The median of the wall times of some calls.
pub fn median<T>(mut call: impl FnMut() -> Outcome<T>) -> Outcome<Duration> {
    let mut times = Vec::new();
    for _ in 0..201 {
        let started = Instant::now();
        std::hint::black_box(call()?);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// The most memory of this process from here on. Of the whole process, because a database in C allocates past
/// any allocator of ours.
#[derive(Debug)]
pub struct Peak {
    before: u64,
}

impl Peak {
    /// Forgets the greatest so far.
    pub fn start() -> Outcome<Self> {
        std::fs::write("/proc/self/clear_refs", "5")?;
        Ok(Self { before: status("VmRSS:")? })
    }

    /// The most since, in bytes beyond what was held at the start.
    pub fn bytes(&self) -> Outcome<u64> {
        Ok(status("VmHWM:")?.saturating_sub(self.before))
    }
}

fn status(key: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)).ok_or("no such line in the status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// What chatfold shows after these events.
pub fn expected<'a>(owner: &UserId, policy: Policy, events: impl IntoIterator<Item = &'a Event>) -> Vec<Row> {
    rows(&Inbox::replay(owner.clone(), policy, events))
}

/// The whole list of an inbox.
pub fn rows(inbox: &Inbox) -> Vec<Row> {
    let last = |row: &chatfold::ConversationView<'_>| {
        row.last_message().and_then(|message| message.text().map(str::to_owned))
    };
    inbox.conversations().map(|row| (row.id().to_string(), row.unread_count(), last(&row))).collect()
}

impl Work {
    /// What chatfold shows after all events.
    pub fn expected(&self) -> Vec<Row> {
        expected(&self.owner, Policy::default(), &self.events)
    }
}
