//! Folding a log on several cores: each thread replays a stretch of it, what they have is shared out by conversation,
//! each thread finishes a share, and one inbox absorbs the others.
//!
//! The library starts no threads. Order means nothing to the fold and merging is folding the events of both (R03,
//! R04), so any split will do; stretches that follow each other are joined at next to no cost.
//!
//! `cargo run --release --features testing --example replay_parallel [EVENTS] [--csv FILE]` folds the workload `desk`
//! on one core and on all, checks that both inboxes are the same, and prints the times: on the wall, and of the
//! processor, which other work on the machine does not disturb.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use chatfold::check::Digest;
use chatfold::list::Totals;
use chatfold::testing::Workload;
use chatfold::{ConversationId, Event, Inbox, Policy, Replay, UserId};
use cpu_time::ThreadTime;

/// The system's allocator would ask for the memory of a thread page by page, and threads would wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What each thread made, and the processor time of the one that took longest.
fn on_threads<I: Send, T: Send>(
    inputs: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> T + Sync,
) -> Result<(Vec<T>, Duration), Box<dyn Error>> {
    let work = &work;
    let timed = move |input| {
        let started = ThreadTime::now();
        (work(input), started.elapsed())
    };
    let made: Result<Vec<_>, _> = thread::scope(|scope| {
        let started: Vec<_> = inputs.into_iter().map(|input| scope.spawn(move || timed(input))).collect();
        started.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let (made, spent): (Vec<_>, Vec<_>) = made.map_err(|_| "a thread panicked")?.into_iter().unzip();
    Ok((made, spent.into_iter().max().unwrap_or_default()))
}

/// An inbox folded by so many threads, and the processor time of the slowest way through and of what one does alone.
fn replay_parallel(
    owner: &UserId,
    events: &[Event],
    threads: NonZero<usize>,
) -> Result<(Inbox, [Duration; 2]), Box<dyn Error>> {
    let stretches = events.chunks(events.len().div_ceil(threads.get()).max(1));
    let (replays, folding) = on_threads(stretches, |stretch| {
        let mut replay = Replay::new(owner.clone(), Policy::default());
        stretch.iter().for_each(|event| replay.push(event));
        replay.flush();
        replay
    })?;
    let started = ThreadTime::now();
    let parts = Replay::share_out(replays, threads)?;
    let sharing = started.elapsed();
    let (inboxes, finishing) = on_threads(parts, Replay::finish)?;
    let started = ThreadTime::now();
    let mut inboxes = inboxes.into_iter();
    let mut inbox = inboxes.next().ok_or("there is at least one part")?;
    for other in inboxes {
        inbox.absorb(other)?;
    }
    Ok((inbox, [folding + finishing, sharing + started.elapsed()]))
}

/// What two inboxes of the same events have in common.
fn summary(inbox: &Inbox) -> (Digest, Totals, Vec<ConversationId>) {
    let list = inbox.conversations().map(|row| row.id().clone());
    (inbox.digest(), inbox.totals(), list.collect())
}

/// Both ways once: on the wall, and of the processor.
fn once(owner: &UserId, events: &[Event], threads: NonZero<usize>) -> Result<[Duration; 5], Box<dyn Error>> {
    let wall = Instant::now();
    // On a thread of its own too: what is allocated there costs the same then.
    let (ones, alone) = on_threads([()], |()| Inbox::replay(owner.clone(), Policy::default(), events))?;
    let wall_alone = wall.elapsed();
    // Each way finds the memory that the other gave back.
    let one = summary(&ones.into_iter().next().ok_or("nothing folded")?);
    let wall = Instant::now();
    let (inbox, [folding, joining]) = replay_parallel(owner, events, threads)?;
    let wall_together = wall.elapsed();
    assert_eq!(summary(&inbox), one, "both have seen the same events");
    assert_eq!(inbox.audit(), Ok(()));
    Ok([wall_alone, wall_together, alone, folding, joining])
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let workload = Workload::desk().with_events(count);
    let (owner, events) = (workload.owner(), workload.iter().collect::<Vec<Event>>());
    let threads = thread::available_parallelism()?.max(NonZero::new(2).ok_or("two")?);

    let mut least = [Duration::MAX; 5];
    for _ in 0..5 {
        let times = once(&owner, &events, threads)?;
        least.iter_mut().zip(times).for_each(|(least, time)| *least = time.min(*least));
    }
    let [wall_alone, wall_together, alone, folding, joining] = least;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let times = |one: Duration, many: Duration| one.as_secs_f64() / many.as_secs_f64();
    println!("{count} events of {}, {threads} threads, the least of five runs", workload.name);
    println!(
        "on the wall: one core {:.1} ms, on {threads} {:.1} ms: {:.2} times as fast",
        ms(wall_alone),
        ms(wall_together),
        times(wall_alone, wall_together)
    );
    println!(
        "processor time: one core {:.1} ms, the slowest thread {:.1} ms and joining {:.1} ms: {:.2} times as fast",
        ms(alone),
        ms(folding),
        ms(joining),
        times(alone, folding + joining)
    );

    let args: Vec<String> = std::env::args().collect();
    if let Some(path) = args.iter().position(|arg| arg == "--csv").and_then(|at| args.get(at + 1)) {
        let row = |what: &str, one: Duration, many: Duration| {
            format!("{what},{:.1},{:.1},{:.2}\n", ms(one), ms(many), times(one, many))
        };
        let rows = row("on the wall", wall_alone, wall_together)
            + &row("processor time of the slowest thread and of joining", alone, folding + joining);
        std::fs::write(path, format!("time,one core (ms),{threads} threads (ms),times as fast\n{rows}"))?;
    }

    // What joining costs where the parts are kept and every change is told.
    let (first, second) = events.split_at(events.len() / 2);
    let [mut merged, other] =
        [first, second].map(|half| Inbox::replay(owner.clone(), Policy::default(), half));
    let started = ThreadTime::now();
    let told = merged.merge(&other)?;
    let spent = started.elapsed();
    assert_eq!(merged.audit(), Ok(()));
    println!("merging two halves instead, with {} changes told: {:.1} ms", told.messages.len(), ms(spent));
    Ok(())
}
