//! Folding a log on several cores: split by conversation, fold each part, let one inbox absorb the others.
//!
//! The library starts no threads. Order means nothing to the fold and merging is folding the events of both (R03,
//! R04), so any split will do; split by conversation, joining the parts is moving them. A group's profile goes with
//! its conversation, other account-wide events (users' profiles, folders) go to the first part.
//!
//! `cargo run --release --features testing --example replay_parallel [EVENTS] [--csv FILE]` folds the workload `desk`
//! on one core and on all, checks that both inboxes are the same, and prints the times: on the wall, and of the
//! processor, which other work on the machine does not disturb.
#![allow(clippy::print_stdout)]

use std::cmp::Reverse;
use std::error::Error;
use std::hash::BuildHasher;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use chatfold::testing::Workload;
use chatfold::{AccountFact, Body, ConversationId, Event, Inbox, Policy, Replay, UserId};
use cpu_time::ThreadTime;
use rustc_hash::FxBuildHasher;

/// Many more parts than threads, so that every thread gets as much to do: a few conversations have most events.
const PARTS: usize = 64;

/// The part of each of some events.
type Parts = Vec<u8>;

fn part_of(event: &Event) -> usize {
    // The high bits: the low ones of this hash are weak.
    let part = |id: &ConversationId| (FxBuildHasher.hash_one(id.as_str()) >> 32) as usize % PARTS;
    match event.body() {
        Body::Conversation(id, _) => part(id),
        Body::Account(AccountFact::GroupProfileChanged { group, .. }) => part(&ConversationId::group(group)),
        _ => 0,
    }
}

fn split(events: &[Event]) -> Parts {
    // Chats come in bursts: the last conversation is the likeliest, and a reader gives its id at the same address.
    let (mut last, mut part) = (None, 0);
    let part_of = |event| {
        let conversation = Event::conversation(event).map(|id| id.as_str().as_ptr());
        if conversation.is_none() || conversation != last {
            (last, part) = (conversation, part_of(event) as u8);
        }
        part
    };
    events.iter().map(part_of).collect()
}

/// Of each of so many threads, whether it folds a part: the largest goes to whoever has least.
fn shares(parts: &[Parts], threads: usize) -> Vec<[bool; PARTS]> {
    let mut sizes: [(usize, usize); PARTS] = std::array::from_fn(|part| (0, part));
    parts.iter().flatten().for_each(|part| sizes[usize::from(*part)].0 += 1);
    sizes.sort_unstable_by_key(|size| Reverse(*size));
    let mut shares = vec![(0, [false; PARTS]); threads];
    for (len, part) in sizes {
        if let Some((events, share)) = shares.iter_mut().min_by_key(|(events, _)| *events) {
            *events += len;
            share[part] = true;
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

/// Folds a thread's share, in the order of the events: they lie in memory so.
fn fold(owner: &UserId, events: &[Event], parts: &[Parts], share: &[bool; PARTS]) -> Inbox {
    let mut replay = Replay::new(owner.clone(), Policy::default());
    for (event, part) in events.iter().zip(parts.iter().flatten()) {
        if share[usize::from(*part)] {
            replay.push(event);
        }
    }
    replay.finish()
}

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

/// The parts of an inbox, folded by so many threads, and the processor time of the slowest way through.
fn fold_parts(
    owner: &UserId,
    events: &[Event],
    threads: usize,
) -> Result<(Vec<Inbox>, Duration), Box<dyn Error>> {
    let slices = events.chunks(events.len().div_ceil(threads).max(1));
    let (parts, splitting) = on_threads(slices, split)?;
    let (inboxes, folding) =
        on_threads(shares(&parts, threads), |share| fold(owner, events, &parts, &share))?;
    Ok((inboxes, splitting + folding))
}

/// An inbox folded in parts, and the processor time of the slowest way through and of joining.
fn replay_parallel(
    owner: &UserId,
    events: &[Event],
    threads: usize,
) -> Result<(Inbox, [Duration; 2]), Box<dyn Error>> {
    let (inboxes, folding) = fold_parts(owner, events, threads)?;
    let started = ThreadTime::now();
    let mut inboxes = inboxes.into_iter();
    let mut inbox = inboxes.next().ok_or("there is at least one part")?;
    for other in inboxes {
        inbox.absorb(other)?;
    }
    Ok((inbox, [folding, started.elapsed()]))
}

/// Both ways once: on the wall, and of the processor.
fn once(owner: &UserId, events: &[Event], threads: usize) -> Result<[Duration; 5], Box<dyn Error>> {
    let wall = Instant::now();
    // On a thread of its own too: what is allocated there costs the same then.
    let (ones, alone) = on_threads([()], |()| Inbox::replay(owner.clone(), Policy::default(), events))?;
    let (one, wall_alone) = (ones.into_iter().next().ok_or("nothing folded")?, wall.elapsed());
    let wall = Instant::now();
    let (inbox, [folding, joining]) = replay_parallel(owner, events, threads)?;
    let wall_together = wall.elapsed();
    assert_eq!(one.digest(), inbox.digest(), "both have seen the same events");
    assert_eq!((inbox.audit(), inbox.totals()), (Ok(()), one.totals()));
    assert!(one.conversations().map(|row| row.id()).eq(inbox.conversations().map(|row| row.id())));
    Ok([wall_alone, wall_together, alone, folding, joining])
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let workload = Workload::desk().with_events(count);
    let (owner, events) = (workload.owner(), workload.iter().collect::<Vec<Event>>());
    let threads = thread::available_parallelism().map_or(2, NonZero::get).max(2);

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
    let (mut inboxes, _) = fold_parts(&owner, &events, 2)?;
    let (other, mut merged) = (inboxes.pop().ok_or("no part")?, inboxes.pop().ok_or("no part")?);
    let started = ThreadTime::now();
    let told = merged.merge(&other)?;
    let spent = started.elapsed();
    assert_eq!(merged.audit(), Ok(()));
    println!("merging two halves instead, with {} changes told: {:.1} ms", told.messages.len(), ms(spent));
    Ok(())
}
