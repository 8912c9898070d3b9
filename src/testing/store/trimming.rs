//! The laws of trimming.

use super::support::{command, valid, whole};
use crate::log::jsonl::{LoggedEvent, decode_line, encode_event};
use crate::model::id::{EventId, UserId};
use crate::model::stream::StreamId;
use crate::store::snapshot::LogPrefix;
use crate::store::{
    Append, AppendError, Head, NewEvent, Received, RewriteError, SNAPSHOTS_KEPT, StoredEvent, StoredSnapshot,
    Trim, Trimmed,
};
use crate::testing::workload::Workload;
use crate::{Policy, Replay};

/// How many events the log of a law has.
const EVENTS: usize = 90;

/// How many events the first snapshot stands for.
const BASE: usize = 60;

/// How many events a batch has.
const BATCH: usize = 3;

/// Holds the laws of [`Trim`] against a store, which may hold inboxes already. It must lay out what it trims in segments
/// of no more than thirty events, so that there is something to move.
///
/// `open` opens another handle of the same store; for a durable one, as after a restart. `archive` returns the archive of a
/// name that nobody else uses.
///
/// # Panics
///
/// Where a law does not hold, naming it.
///
/// ```
/// use chatfold::store::MemoryStore;
/// use chatfold::testing::{TrimmingStore, check_trimming};
/// let store = TrimmingStore::new(MemoryStore::new(), 10);
/// check_trimming(|| store.clone(), str::to_owned);
/// ```
pub fn check_trimming<S: Trim>(mut open: impl FnMut() -> S, mut archive: impl FnMut(&str) -> S::Archive) {
    let laws: [(&str, Law<S>); 8] = [
        ("unverified", only_what_is_verified_is_moved),
        ("moved", what_is_moved_is_told_to_be_elsewhere),
        ("doubles", doubles_are_told),
        ("twice", nothing_is_moved_twice),
        ("base", the_snapshot_that_stands_for_it_is_kept),
        ("rewrite", what_it_stands_for_is_not_rewritten),
        ("back", putting_back_is_whole_or_not_done),
        ("erase", erasing_forgets),
    ];
    for (name, law) in laws {
        let owner = |name: &str| valid(UserId::parse(&format!("trimming-{name}")));
        let (inbox, other) = (owner(name), owner(&format!("{name}-other")));
        let archives = [archive(name), archive(&format!("{name}-other"))];
        law(&mut Given { open: &mut open, stream: (&inbox).into(), inbox, other, archives, lines: lines() });
    }
}

/// What a law is held with.
struct Given<'a, S: Trim> {
    open: &'a mut dyn FnMut() -> S,
    inbox: UserId,
    /// Its log.
    stream: StreamId,
    other: UserId,
    /// One for each of both.
    archives: [S::Archive; 2],
    lines: Vec<NewEvent>,
}

type Law<S> = fn(&mut Given<'_, S>);

/// Lines of a workload, as they are appended.
fn lines() -> Vec<NewEvent> {
    let workload = Workload::phone().with_events(EVENTS as u64).with_conversations(6);
    workload.iter().map(|event| NewEvent::new(event.id(), encode_event(&event).into_bytes())).collect()
}

/// A snapshot of a log of so many lines, which is what the first `folded` of them say.
fn snapshot(owner: &UserId, lines: &[NewEvent], events: usize, folded: usize) -> StoredSnapshot {
    let (mut prefix, mut replay) = (LogPrefix::EMPTY, Replay::new(owner.clone(), Policy::default()));
    for (n, line) in lines.iter().take(events).enumerate() {
        prefix.push(&line.bytes);
        if let LoggedEvent::Known(event) = valid(decode_line(&line.bytes))
            && n < folded
        {
            replay.push(&event);
        }
    }
    StoredSnapshot::new(prefix, valid(replay.finish().snapshot(prefix)))
}

/// The command of the batch that begins behind so many events, if it has one.
fn by(before: usize) -> Option<crate::id::CommandId> {
    before.is_multiple_of(2).then(|| command(before as u8))
}

impl<S: Trim> Given<'_, S> {
    /// A store whose log has the lines up to a position, in batches of which every second is of a command, and a true
    /// snapshot of the first so many.
    fn with(&mut self, through: usize, base: usize) -> S {
        let mut store = (self.open)();
        self.write(&mut store, 0, through);
        self.save(&mut store, base);
        store
    }

    fn write(&self, store: &mut S, from: usize, through: usize) {
        let batches = self.lines.get(from..through).unwrap_or_default().chunks(BATCH);
        for (batch, before) in batches.zip((from..).step_by(BATCH)) {
            let append = Append::new(before as u64, batch).with_command(by(before));
            valid(store.append(&self.stream, &append));
        }
    }

    fn save(&self, store: &mut S, events: usize) {
        let snapshot = snapshot(&self.inbox, &self.lines, events, events);
        assert!(valid(store.save(&self.stream, &snapshot)), "a snapshot of the log is kept");
    }

    fn trim(&self, store: &mut S) -> Result<Trimmed, S::Error> {
        store.trim(&self.inbox, u64::MAX, &self.archives[0])
    }

    fn prefix(&self, events: u64) -> LogPrefix {
        let mut prefix = LogPrefix::EMPTY;
        self.lines.iter().take(events as usize).for_each(|line| prefix.push(&line.bytes));
        prefix
    }

    /// All events are there, as they were appended, with their commands.
    fn is_whole(&self, store: &mut S, end: usize) {
        assert_eq!(valid(store.trimmed_prefix(&self.inbox)), LogPrefix::EMPTY, "nothing is elsewhere");
        let log = whole(store, &self.stream);
        assert_eq!(log.len(), end, "all events are there");
        for (n, (stored, line)) in log.iter().zip(&self.lines).enumerate() {
            assert_eq!((stored.id, &stored.bytes), (line.id, &line.bytes), "each as it was appended");
            assert_eq!(stored.command, by(n / BATCH * BATCH), "with its command");
            assert_eq!(valid(store.find(&self.stream, line.id)).as_ref(), Some(stored), "found by its id");
        }
    }

    /// The error says that what was asked for is elsewhere.
    fn is_elsewhere<T: std::fmt::Debug>(&self, store: &S, found: Result<T, S::Error>) {
        match found {
            Err(error) => assert!(store.is_trimmed(&error), "it is told to be elsewhere: {error:?}"),
            Ok(found) => panic!("what was moved is told to be elsewhere, found {found:?}"),
        }
    }

    /// What stands before the cut is told to be elsewhere, and what stands behind it goes on from there to the same head.
    fn is_cut(&self, store: &mut S, through: u64, end: usize) {
        let head = Head::new(self.prefix(end as u64), None);
        assert_eq!(valid(store.head(&self.stream)), head, "the log is as long as it was, with the same hash");
        let cut = valid(store.trimmed_prefix(&self.inbox));
        assert_eq!(cut, self.prefix(through), "it is cut where that is told, at a prefix of the log");
        for after in 0..through {
            let found = store.read(&self.stream, after, 1);
            self.is_elsewhere(store, found);
        }
        let sealed = store.read_sealed(&self.stream, 0);
        if let Ok(Some(_)) | Err(_) = sealed {
            self.is_elsewhere(store, sealed);
        }
        let page = valid(store.read(&self.stream, through, usize::MAX));
        let mut prefix = cut;
        for event in &page.events {
            assert!(event.follows(prefix), "positions and hashes go on behind the cut");
            prefix = event.prefix;
        }
        assert_eq!((prefix, &page.head), (head.prefix, &head), "up to the head");
        for (line, position) in self.lines.iter().take(end).zip(1..) {
            let found = store.find(&self.stream, line.id);
            if position <= through {
                self.is_elsewhere(store, found);
            } else {
                assert_eq!(valid(found).as_ref().map(StoredEvent::position), Some(position));
            }
        }
    }
}

fn only_what_is_verified_is_moved<S: Trim>(given: &mut Given<'_, S>) {
    let mut store = (given.open)();
    given.write(&mut store, 0, EVENTS);
    assert!(given.trim(&mut store).is_err(), "without a snapshot nothing is moved");
    let false_one = snapshot(&given.inbox, &given.lines, BASE, BASE - 12);
    assert!(valid(store.save(&given.stream, &false_one)), "a store does not read snapshots");
    assert!(given.trim(&mut store).is_err(), "a snapshot that is not what the events say stands for none");
    given.is_whole(&mut store, EVENTS);
    let true_one = snapshot(&given.inbox, &given.lines, BASE, BASE);
    assert!(valid(store.save(&given.stream, &true_one)));
    let trimmed = store.trim(&given.inbox, BASE as u64 - 1, &given.archives[0]);
    assert!(trimmed.is_err(), "a snapshot of more events than are named is none of them: {trimmed:?}");
    given.is_whole(&mut store, EVENTS);
}

fn what_is_moved_is_told_to_be_elsewhere<S: Trim>(given: &mut Given<'_, S>) {
    let mut store = given.with(EVENTS, BASE);
    let trimmed = valid(given.trim(&mut store));
    assert_eq!(trimmed.base, BASE as u64, "the newest snapshot stands for what was moved");
    assert!(trimmed.events > 0, "there is something to move: {trimmed:?}");
    assert_eq!(trimmed.events, trimmed.through, "it is the beginning of the log");
    assert!(trimmed.through <= trimmed.base, "nothing is moved that no snapshot stands for");
    given.is_cut(&mut store, trimmed.through, EVENTS);
    drop(store);
    let mut store = (given.open)();
    given.is_cut(&mut store, trimmed.through, EVENTS);
}

fn doubles_are_told<S: Trim>(given: &mut Given<'_, S>) {
    let mut store = given.with(EVENTS, BASE);
    let trimmed = valid(given.trim(&mut store));
    drop(store);
    let mut store = (given.open)();
    let version = EVENTS as u64;
    let never = NewEvent::new(EventId::from_bytes([0xee; 16]), b"{}".to_vec());
    for (batch, before) in given.lines.chunks(BATCH).zip((0..).step_by(BATCH)) {
        let first = before as u64 + 1;
        let again = valid(store.append(&given.stream, &Append::new(version, batch)));
        assert_eq!((again.repeated, again.first), (true, first), "events given again are known by their ids");
        let last = first + batch.len() as u64 - 1;
        if let Some(command) = by(before) {
            let append = Append::new(0, std::slice::from_ref(&never)).with_command(Some(command));
            let again = valid(store.append(&given.stream, &append));
            assert_eq!((again.repeated, again.first, again.last), (true, first, last), "or by their command");
        }
        let mut more = batch.to_vec();
        more.push(never.clone());
        let known = store.append(&given.stream, &Append::new(version, &more));
        let ids: Vec<_> = batch.iter().map(|event| event.id).collect();
        let told = matches!(&known, Err(AppendError::Known { known }) if *known == ids);
        assert!(told, "those that are known are told: {known:?}");
    }
    let received = valid(store.receive_many(std::slice::from_ref(&given.stream), &given.lines));
    assert_eq!(received, [Received::Known], "brought again nothing is written");
    given.is_cut(&mut store, trimmed.through, EVENTS);
    let appended = valid(store.append(&given.stream, &Append::new(version, std::slice::from_ref(&never))));
    assert_eq!((appended.first, appended.repeated), (version + 1, false), "what is new goes on at the end");
}

fn nothing_is_moved_twice<S: Trim>(given: &mut Given<'_, S>) {
    let mut store = given.with(BASE + BATCH, BASE);
    let first = valid(given.trim(&mut store));
    let again = valid(given.trim(&mut store));
    assert_eq!(again, Trimmed::new(0, first.through, first.base), "what was moved is not moved again");
    given.is_cut(&mut store, first.through, BASE + BATCH);
    given.write(&mut store, BASE + BATCH, EVENTS);
    given.save(&mut store, EVENTS);
    let elsewhere = store.trim(&given.inbox, u64::MAX, &given.archives[1]);
    assert!(
        elsewhere.is_err(),
        "an archive holds all that was moved, from the first event on: {elsewhere:?}"
    );
    let more = valid(given.trim(&mut store));
    assert_eq!(more.events, more.through - first.through, "what came behind it is");
    assert!(more.events > 0 && more.base == EVENTS as u64, "before the newer snapshot: {more:?}");
    given.is_cut(&mut store, more.through, EVENTS);
    assert_eq!(valid(store.restore_archive(&given.inbox, &given.archives[0])), more.through);
    given.is_whole(&mut store, EVENTS);
}

fn the_snapshot_that_stands_for_it_is_kept<S: Trim>(given: &mut Given<'_, S>) {
    let mut store = given.with(EVENTS, BASE);
    let trimmed = valid(given.trim(&mut store));
    for newer in 1..=SNAPSHOTS_KEPT + 2 {
        given.save(&mut store, BASE + newer * BATCH);
    }
    drop(store);
    let mut store = (given.open)();
    let base = snapshot(&given.inbox, &given.lines, BASE, BASE);
    let found = valid(store.latest(&given.stream, BASE as u64));
    assert_eq!(found, Some(base), "however many are kept behind it");
    let newest = valid(store.latest(&given.stream, u64::MAX)).map(|kept| kept.prefix.events as usize);
    assert_eq!(newest, Some(BASE + (SNAPSHOTS_KEPT + 2) * BATCH), "which are found as always");
    let before = valid(store.latest(&given.stream, trimmed.through.saturating_sub(1)));
    assert_eq!(before, None, "no snapshot is found whose events behind it are elsewhere");
}

fn what_it_stands_for_is_not_rewritten<S: Trim>(given: &mut Given<'_, S>) {
    let mut store = given.with(EVENTS, BASE);
    let trimmed = valid(given.trim(&mut store));
    for position in [1, trimmed.through, BASE as u64] {
        let other = given.lines.last().map(|line| line.bytes.clone()).unwrap_or_default();
        let refused = store.rewrite(&given.stream, &[(position, other)]);
        let is_refused = matches!(refused, Err(RewriteError::Store(_)));
        assert!(is_refused, "an event that the snapshot stands for is not rewritten: {refused:?}");
    }
    given.is_cut(&mut store, trimmed.through, EVENTS);
}

fn putting_back_is_whole_or_not_done<S: Trim>(given: &mut Given<'_, S>) {
    let mut store = given.with(EVENTS, BASE);
    assert_eq!(valid(store.restore_archive(&given.inbox, &given.archives[0])), 0, "nothing was moved");
    let trimmed = valid(given.trim(&mut store));
    let none = store.restore_archive(&given.inbox, &given.archives[1]);
    assert!(none.is_err(), "there is no such archive: {none:?}");
    // The archive of another inbox with the very same events.
    let other = given.other.clone();
    let log = valid(store.restore_archive(&given.inbox, &given.archives[0]));
    assert_eq!(log, trimmed.events);
    let events = whole(&mut store, &given.stream);
    valid(store.import(&StreamId::from(&other), &events));
    assert!(valid(store.save(&StreamId::from(&other), &snapshot(&other, &given.lines, BASE, BASE))));
    valid(store.trim(&other, u64::MAX, &given.archives[1]));
    let trimmed = valid(given.trim(&mut store));
    let alien = store.restore_archive(&given.inbox, &given.archives[1]);
    assert!(alien.is_err(), "it holds the events of another owner: {alien:?}");
    given.is_cut(&mut store, trimmed.through, EVENTS);
    assert_eq!(valid(store.restore_archive(&given.inbox, &given.archives[0])), trimmed.events);
    drop(store);
    let mut store = (given.open)();
    given.is_whole(&mut store, EVENTS);
}

fn erasing_forgets<S: Trim>(given: &mut Given<'_, S>) {
    let mut store = given.with(EVENTS, BASE);
    valid(given.trim(&mut store));
    valid(store.erase(&given.stream));
    assert_eq!(valid(store.trimmed_prefix(&given.inbox)), LogPrefix::EMPTY, "nothing is elsewhere any more");
    assert_eq!(valid(store.latest(&given.stream, u64::MAX)), None, "and nothing stands for it");
    valid(store.reopen(&given.stream));
    given.write(&mut store, 0, BATCH);
    given.is_whole(&mut store, BATCH);
}
