//! Snapshots that are read by range: what is read is little, what they show is the same, and a source that does not
//! answer is another thing than damage.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chatfold::snapshot::{LogPrefix, SnapshotError, SnapshotSource, SourceError};
use chatfold::view::Direction;
use chatfold::{Filter, Inbox, Policy, UserId};

use crate::harness::{MANY, MIX, cases, ensure, hold, replay, same_digest};
use crate::histories::{History, USUAL, history};
use crate::shown::{Names, shown};
use crate::snapshot::{PREFIX, alice, group, hall, message_id, spoken};

/// Never.
const NEVER: u64 = u64::MAX;

/// A snapshot that counts what is read of it, and does not answer the reads of some numbers.
struct Served {
    bytes: Vec<u8>,
    reads: AtomicU64,
    len_bytes_read: AtomicU64,
    /// The reads that fail, from the first to before the last; by fewer bytes instead of an error if `short`.
    fails: Range<u64>,
    short: bool,
}

impl Served {
    fn new(bytes: Vec<u8>, fails: Range<u64>, short: bool) -> Arc<Self> {
        let (reads, len_bytes_read) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { bytes, reads, len_bytes_read, fails, short })
    }

    fn sound(bytes: Vec<u8>) -> Arc<Self> {
        Self::new(bytes, NEVER..NEVER, false)
    }

    fn read_so_far(&self) -> (u64, u64) {
        (self.reads.load(Ordering::Relaxed), self.len_bytes_read.load(Ordering::Relaxed))
    }
}

impl SnapshotSource for Served {
    fn together(&self, work: &mut dyn FnMut()) {
        // Never, once, or twice: it is done once.
        (0..self.reads.load(Ordering::Relaxed) % 3).for_each(|_| work());
    }

    fn len_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let fails = self.fails.contains(&self.reads.fetch_add(1, Ordering::Relaxed));
        self.len_bytes_read.fetch_add(range.end - range.start, Ordering::Relaxed);
        if fails && !self.short {
            return Err(SourceError::new("the disk is away"));
        }
        let end = if fails { range.end.saturating_sub(1).max(range.start) } else { range.end };
        Ok(Cow::Owned(self.bytes[range.start as usize..end as usize].to_vec()))
    }
}

type Restored = Result<(Inbox, LogPrefix), SnapshotError>;

fn restored(source: &Arc<Served>, owner: &UserId, policy: Policy) -> Restored {
    Inbox::restore_from(Arc::clone(source) as Arc<dyn SnapshotSource>, owner, policy)
}

/// R06 at one cut: served by range it is what it is with its bytes at hand.
fn holds_at(history: &History, cut: usize) -> Result<(), String> {
    let (front, back) = history.events.split_at(cut);
    let names = Names::of(&history.events);
    let before = replay(history, front);
    let bytes = before.snapshot(PREFIX).map_err(|error| error.to_string())?;
    let source = Served::sound(bytes.clone());
    let (mut served, prefix) =
        restored(&source, &history.owner, history.policy).map_err(|error| error.to_string())?;
    ensure(prefix == PREFIX, || format!("stands for {prefix:?}"))?;
    let (mut held, _) = Inbox::restore(bytes.clone(), &history.owner, history.policy).unwrap();
    // One that keeps nothing from one event to the next.
    let bounded = restored(&Served::sound(bytes), &history.owner, history.policy);
    let mut bounded = bounded.map_err(|error| error.to_string())?.0.with_parts_bound(0);
    // One that nobody follows on its way to the end.
    let mut unfollowed = served.clone();
    back.chunks(5).for_each(|some| unfollowed.catch_up(some));
    same_digest(&format!("unfollowed from {cut}"), &replay(history, &history.events), &unfollowed)?;
    ensure(unfollowed.audit().is_ok(), || format!("unfollowed from {cut} a cache is stale"))?;
    ensure(shown(&served, &names) == shown(&before, &names), || format!("at {cut} it shows something else"))?;
    for (number, event) in back.iter().enumerate() {
        let (ours, theirs) = (served.apply(event), held.apply(event));
        ensure(ours == theirs, || format!("at {cut} it tells {ours:?}, expected {theirs:?}"))?;
        let told = bounded.apply(event);
        ensure(told == theirs, || format!("at {cut} with a bound it tells {told:?}, expected {theirs:?}"))?;
        let loaded = bounded.loaded_len_bytes();
        ensure(loaded == 0, || format!("at {cut} it holds {loaded} bytes of parts"))?;
        if number % 7 == 3 {
            // What it lets go of it loads again, and says the same.
            served.release_parts();
        }
    }
    served.release_parts();
    same_digest(&format!("served at {cut}"), &replay(history, &history.events), &served)?;
    ensure(served.outage().is_none(), || "every read was answered".into())?;
    same_digest(&format!("bounded at {cut}"), &served, &bounded)?;
    let snapshot = held.snapshot(PREFIX).ok();
    let same = served.snapshot(PREFIX).ok() == snapshot && bounded.snapshot(PREFIX).ok() == snapshot;
    ensure(same, || format!("at {cut} it makes another snapshot"))
}

#[test]
fn r06_served_by_range_it_is_the_same_inbox() {
    hold("R06", MIX, cases(60), &|history| {
        let len = history.events.len();
        [0, len / 2, len - len / 8, len].into_iter().try_for_each(|cut| holds_at(history, cut))
    });
    hold("R06", MANY, cases(1), &|history| holds_at(history, history.events.len() / 2));
}

/// Whatever read is not answered, it is told, nothing wrong is kept, and restored again all is there.
#[test]
fn r99_a_source_that_does_not_answer_is_an_outage_and_no_damage() {
    let (mut refused, mut told, mut unharmed) = (0, 0, 0);
    for seed in 0..6 {
        let history = history(seed, USUAL);
        let (front, back) = history.events.split_at(history.events.len() / 2);
        let before = replay(&history, front);
        let bytes = before.snapshot(PREFIX).unwrap();
        let whole = replay(&history, &history.events);
        let all = Served::sound(bytes.clone());
        let (mut inbox, _) = restored(&all, &history.owner, history.policy).unwrap();
        back.iter().for_each(|event| drop(inbox.apply(event)));
        let reads = all.read_so_far().0;
        assert!(reads > 5, "there is something to fail");
        for at in 0..reads + 2 {
            // One read alone, all from one on, and one that is answered by too little.
            for (fails, short) in [(at..at + 1, false), (at..NEVER, false), (at..at + 1, true)] {
                let source = Served::new(bytes.clone(), fails, short);
                let mut inbox = match restored(&source, &history.owner, history.policy) {
                    Err(SnapshotError::Unavailable(error)) => {
                        assert_eq!(error.to_string().contains("the disk is away"), !short, "{error}");
                        refused += 1;
                        continue;
                    }
                    Err(error) => panic!("seed {seed}, read {at}: {error} is no outage"),
                    Ok((inbox, _)) => inbox,
                };
                let frozen = inbox.clone();
                back.iter().for_each(|event| drop(inbox.apply(event)));
                // The digest reads what nothing has touched.
                let digest = inbox.digest();
                let Some(outage) = inbox.outage().cloned() else {
                    assert_eq!(digest, whole.digest(), "seed {seed}, read {at}");
                    unharmed += 1;
                    continue;
                };
                assert!(
                    inbox
                        .faults()
                        .all(|(_, fault)| fault.outage && fault.to_string().contains("cannot be read"))
                );
                assert!(inbox.faults().count() > 0, "seed {seed}, read {at}: the conversation is named");
                assert_eq!(inbox.snapshot(PREFIX), Err(SnapshotError::Unavailable(outage.clone())));
                assert_eq!(frozen.outage(), Some(&outage), "its clones tell it too");
                told += 1;
            }
        }
    }
    assert!(
        refused > 10 && told > 100 && unharmed > 10,
        "{refused} refused, {told} told, {unharmed} unharmed"
    );
}

/// The list and the totals need the front alone, and an event into a long history a few parts of it.
#[test]
fn p08_what_is_read_follows_what_is_touched() {
    let (_, inbox) = hall(100_000);
    let bytes = inbox.snapshot(PREFIX).unwrap();
    let source = Served::sound(bytes.clone());
    let (mut served, _) = restored(&source, &alice(), Policy::default()).unwrap();
    let rows = served.page(&Filter::default(), None, 20).conversations.len();
    assert_eq!((rows, served.totals()), (2, inbox.totals()));
    let (reads, front) = source.read_so_far();
    assert!(reads <= 5 && front < 8 << 10, "{reads} reads of {front} bytes for the list");
    served.apply(&spoken(100_000));
    let (reads, len) = source.read_so_far();
    assert!(reads <= 20 && len < 256 << 10, "{reads} reads of {len} bytes of {}", bytes.len());
    assert!(served.conversation(&group()).is_some_and(|hall| hall.fault().is_none()));
}

/// What was loaded and not written is let go of, a part of what was written too, and loaded again by who looks there.
#[test]
fn p08_loaded_parts_are_let_go_of() {
    let (_, inbox) = hall(100_000);
    let source = Served::sound(inbox.snapshot(PREFIX).unwrap());
    let (mut served, _) = restored(&source, &alice(), Policy::default()).unwrap();
    let read_for = |inbox: &Inbox| {
        let (_, before) = source.read_so_far();
        assert!(inbox.verify().is_ok());
        source.read_so_far().1 - before
    };
    let all = read_for(&served);
    assert!(all > 1 << 20, "{all} bytes lie in histories");
    assert_eq!(read_for(&served), 0, "what was loaded stays");
    let clone = served.clone();
    served.release_parts();
    assert_eq!(read_for(&served), 0, "what a clone holds too is at hand");
    drop(clone);
    served.release_parts();
    let histories = read_for(&served);
    assert!(histories <= all && histories + 1_024 > all, "{histories} of {all} bytes: all but registers");
    served.apply(&spoken(100_000));
    served.release_parts();
    let again = read_for(&served);
    assert!(again > all / 2 && again < all, "{again} of {all} bytes where a little was written");
    let mut whole = inbox.clone();
    whole.apply(&spoken(100_000));
    assert_eq!(served.digest(), whole.digest());
    served.release_parts();
    assert_eq!(served.snapshot(PREFIX), whole.snapshot(PREFIX), "it makes the snapshot that it made before");
}

/// With a bound no more stays loaded than that, what a clone holds is tried again once there is more, and what is read
/// without an event is let go of by whoever reads.
#[test]
fn p08_a_bound_holds_whatever_is_touched() {
    const BOUND: u64 = 64 << 10;
    let (_, inbox) = hall(100_000);
    let bytes = inbox.snapshot(PREFIX).unwrap();
    let (served, _) = restored(&Served::sound(bytes), &alice(), Policy::default()).unwrap();
    let mut served = served.with_parts_bound(BOUND);
    let page = |inbox: &Inbox, before: u64| {
        let hall = inbox.conversation(&group()).unwrap();
        let oldest = hall.message(message_id(before)).unwrap().cursor();
        hall.messages(Direction::NewestFirst, Some(&oldest), 300).messages.len()
    };
    let mut most = 0;
    for n in 0..200 {
        assert_eq!(page(&served, 99_000 - 450 * n), 300);
        most = most.max(served.loaded_len_bytes());
        served.apply(&spoken(100_000 + n));
        assert!(served.loaded_len_bytes() <= BOUND, "{} bytes at {n}", served.loaded_len_bytes());
    }
    assert!(most > BOUND, "{most} bytes were never too many");
    // Without a bound all of it stays.
    let mut unbounded = served.clone().with_parts_bound(u64::MAX);
    for n in 0..200 {
        page(&unbounded, 99_000 - 450 * n);
        unbounded.apply(&spoken(200_000 + n));
    }
    let all = unbounded.loaded_len_bytes();
    assert!(all > 20 * BOUND, "{all} bytes");
    let clone = unbounded.clone();
    unbounded.release_parts_beyond(BOUND);
    assert_eq!(unbounded.loaded_len_bytes(), all, "a clone holds it");
    drop((clone, served));
    let all = unbounded.loaded_len_bytes();
    unbounded.release_parts_beyond(all);
    assert_eq!(unbounded.loaded_len_bytes(), all, "it is not beyond");
    unbounded.release_parts_beyond(BOUND);
    assert_eq!(unbounded.loaded_len_bytes(), 0);
    assert_eq!(unbounded.audit(), Ok(()));
}

/// Damage in what a source serves stays damage.
#[test]
fn r99_rot_that_is_served_is_no_outage() {
    let (_, inbox) = hall(2_000);
    let mut corrupt = inbox.snapshot(PREFIX).unwrap();
    let needle = b"message 1998";
    let at = corrupt.windows(needle.len()).rposition(|window| window == needle).unwrap();
    corrupt[at] ^= 0x40;
    let (mut served, _) = restored(&Served::sound(corrupt), &alice(), Policy::default()).unwrap();
    let unread = served.totals();
    let mut unfollowed = served.clone();
    unfollowed.catch_up([&spoken(2_000)]);
    served.apply(&spoken(2_000));
    for inbox in [&served, &unfollowed] {
        let hall = inbox.conversation(&group()).unwrap();
        assert_eq!((hall.waiting_events(), inbox.totals()), (1, unread));
    }
    let fault = served.faults().next().unwrap().1;
    assert!(!fault.outage && fault.to_string().contains("is corrupt"), "{fault}");
    assert_eq!(served.outage(), None);
    assert!(matches!(served.snapshot(PREFIX), Err(SnapshotError::Faulty { .. })));
}
