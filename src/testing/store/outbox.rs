//! The laws of outboxes.

use super::support::{append, emptied, event, kinds, valid};
use crate::model::stream::StreamId;
use crate::store::{
    EventStore, Outbox, OutboxChange, OutboxCursor, OutboxEntry, OutboxError, Received, RewriteError,
    SnapshotStore,
};
use crate::testing::workload::Random;

/// How many random histories are told and followed.
const HISTORIES: u64 = 12;

/// How many changes are tried in each.
const CHANGES: u64 = 60;

/// Holds the laws of [`Outbox`] against a store, which may hold streams already; of these the
/// directory's is erased. Its outbox is switched off in the end,
/// and off and on meanwhile.
///
/// `open` opens another handle of the same store; for a durable one, as after a restart.
///
/// # Panics
///
/// Where a law does not hold, naming it, with the seed of the history.
///
/// ```
/// use chatfold::store::MemoryStore;
/// let store = MemoryStore::new();
/// chatfold::testing::check_outbox(|| store.clone());
/// ```
pub fn check_outbox<S: Outbox + SnapshotStore>(mut open: impl FnMut() -> S) {
    let open: &mut dyn FnMut() -> S = &mut open;
    valid(open().outbox_off());
    switched(open);
    forgotten(open);
    let mut counted = Counted::default();
    for seed in 0..HISTORIES {
        counted.add(&history(open, seed));
    }
    counted.each_occurred();
    valid(open().outbox_off());
}

/// A stream that begins anew, of every kind in turn.
fn stream<S: EventStore>(store: &mut S, law: &str, n: u64) -> StreamId {
    let kinds = kinds(&format!("outbox-{law}-{n}"));
    let stream = kinds.into_iter().nth((n % 4) as usize).unwrap_or(StreamId::Directory);
    emptied(store, &stream);
    stream
}

/// The entries behind a cursor, read in pages of so many; and the cursor behind the last.
fn follow<S: Outbox>(store: &mut S, after: OutboxCursor, limit: usize) -> (Vec<OutboxEntry>, OutboxCursor) {
    let (mut all, mut next) = (Vec::new(), after);
    loop {
        // Whoever else uses the store may hold some back for a moment, even if it writes nothing here.
        let held = valid(store.outbox_status(Some(&next))).held;
        let page = valid(store.outbox_after(&next, limit));
        assert!(page.entries.len() <= limit, "a page has no more entries than asked for");
        assert!(page.next >= next, "a consumer never goes back");
        for entry in &page.entries {
            assert!(entry.cursor > next, "entries stand behind the cursor, in order: {entry:?}");
            next = entry.cursor;
        }
        assert!(page.next >= next, "the next page begins behind the last entry");
        next = page.next;
        if page.entries.is_empty() && held == 0 {
            return (all, next);
        }
        all.extend(page.entries);
    }
}

/// A cursor as a consumer has it back from where it kept it.
fn kept(cursor: OutboxCursor) -> OutboxCursor {
    valid(cursor.to_string().parse())
}

fn told(entries: &[OutboxEntry]) -> Vec<(StreamId, OutboxChange)> {
    entries.iter().map(|entry| (entry.stream.clone(), entry.change)).collect()
}

fn switched<S: Outbox + SnapshotStore>(open: &mut dyn FnMut() -> S) {
    let (mut store, mut other) = (open(), open());
    let stream = stream(&mut store, "switched", 1);
    let nowhere = OutboxCursor::new(u128::MAX, 0, 0, 0);
    let off = |found: &dyn std::fmt::Debug| format!("switched off there is nothing to read: {found:?}");
    let found = store.outbox_after(&nowhere, 1);
    assert!(matches!(found, Err(OutboxError::Off)), "{}", off(&found));
    let found = store.outbox_forget(&nowhere);
    assert!(matches!(found, Err(OutboxError::Off)), "{}", off(&found));
    let found = store.outbox_status(None);
    assert!(matches!(found, Err(OutboxError::Off)), "{}", off(&found));
    valid(append(&mut store, &stream, 0, 1, &[1]));
    let beginning = valid(store.outbox_on());
    valid(append(&mut other, &stream, 1, 2, &[2, 3]));
    assert_eq!(valid(other.outbox_on()), beginning, "it is on for all handles, and stays so");
    drop((store, other));
    let mut store = open();
    let appended = (stream.clone(), OutboxChange::Appended { first: 2, last: 3 });
    let (found, next) = follow(&mut store, beginning, 1);
    assert_eq!(told(&found), [appended], "all since it was switched on, and nothing before");
    let none = valid(store.outbox_after(&beginning, 0));
    assert_eq!((none.entries.len(), none.next), (0, beginning), "a page of none goes on where it was");
    let ahead = OutboxCursor::new(next.mark(), next.history(), u64::MAX >> 1, next.number() + 1);
    let refused = store.outbox_after(&ahead, 1);
    assert!(matches!(refused, Err(OutboxError::Ahead { .. })), "it has not come so far: {refused:?}");
    assert!(store.outbox_forget(&ahead).is_err(), "nor can that be forgotten");
    valid(store.outbox_off());
    let refused = store.outbox_after(&next, 1);
    assert!(matches!(refused, Err(OutboxError::Off)), "{}", off(&refused));
    valid(append(&mut store, &stream, 3, 3, &[4]));
    let anew = valid(store.outbox_on());
    let (found, _) = follow(&mut store, anew, 9);
    assert_eq!(found, [], "nothing is kept of before, and nothing was written while it was off");
    for old in [beginning, next] {
        let refused = store.outbox_after(&old, 1);
        assert!(matches!(refused, Err(OutboxError::Other)), "cursors are of one switching on: {refused:?}");
    }
}

fn forgotten<S: Outbox + SnapshotStore>(open: &mut dyn FnMut() -> S) {
    let mut store = open();
    // That its stream begins anew is not to be told.
    valid(store.outbox_off());
    let stream = stream(&mut store, "forgotten", 2);
    let beginning = valid(store.outbox_on());
    for n in 0..6 {
        valid(append(&mut store, &stream, u64::from(n), 0, &[n + 1]));
    }
    let (all, end) = follow(&mut store, beginning, 4);
    let [_, second, third, .., last] = all.as_slice() else { panic!("six entries, found {all:?}") };
    let behind = |store: &mut S, after: Option<&OutboxCursor>| {
        let status = valid(store.outbox_status(after));
        (status.behind, status.held)
    };
    assert_eq!(behind(&mut store, None), (6, 0), "how far behind who has taken nothing is");
    assert_eq!(valid(store.outbox_forget(&second.cursor)), 2, "the entries up to the cursor are removed");
    drop(store);
    let mut store = open();
    let status = valid(store.outbox_status(Some(&third.cursor)));
    assert_eq!((status.behind, status.held), (3, 0), "how far behind who has taken three is");
    assert_eq!(status.first, second.cursor, "what is kept begins behind what was forgotten");
    assert_eq!(valid(store.outbox_on()), second.cursor, "and so does who begins now");
    for cursor in [beginning, second.cursor] {
        let found = store.outbox_after(&cursor, 9);
        if cursor == second.cursor {
            assert_eq!(told(&valid(found).entries), told(all.get(2..).unwrap_or_default()), "the rest stays");
        } else {
            let first = second.cursor;
            let told = matches!(found, Err(OutboxError::Forgotten { first: f }) if f == first);
            assert!(told, "who is behind is told, and from where there are entries: {found:?}");
        }
    }
    assert_eq!(valid(store.outbox_forget(&beginning)), 0, "of what was forgotten before nothing is left");
    assert_eq!(valid(store.outbox_forget(&last.cursor)), 4);
    assert_eq!(valid(store.outbox_after(&end, 9)).entries, [], "who has taken all goes on");
    valid(append(&mut store, &stream, 6, 0, &[7]));
    let (found, _) = follow(&mut store, kept(end), 9);
    assert_eq!(told(&found), [(stream, OutboxChange::Appended { first: 7, last: 7 })]);
    assert_eq!(behind(&mut store, Some(&end)), (1, 0));
}

/// What a history made of the changes that were tried.
#[derive(Default)]
struct Counted {
    appended: u64,
    rewritten: u64,
    closed: u64,
    erased: u64,
    /// Refused, or done before.
    nothing: u64,
    imported: u64,
    received: u64,
}

impl Counted {
    fn add(&mut self, other: &Self) {
        self.appended += other.appended;
        self.rewritten += other.rewritten;
        self.closed += other.closed;
        self.erased += other.erased;
        self.nothing += other.nothing;
        self.imported += other.imported;
        self.received += other.received;
    }

    fn each_occurred(&self) {
        let Self { appended, rewritten, closed, erased, nothing, imported, received } = self;
        let all = [appended, rewritten, closed, erased, nothing, imported, received];
        assert!(all.iter().all(|count| **count > 0), "each kind of change occurred: {all:?}");
    }
}

/// Random changes of a few streams by two handles, and a consumer that is now and then begun anew from where it was: it
/// sees what the store said of each change, in that order.
fn history<S: Outbox + SnapshotStore>(open: &mut dyn FnMut() -> S, seed: u64) -> Counted {
    let mut random = Random::new(seed);
    let mut streams = [0, 1, 2].map(|n| stream(&mut open(), "history", seed * 3 + n));
    streams.sort();
    let mut handles = [open(), open()];
    let mut cursor = valid(open().outbox_on());
    let (mut expected, mut found, mut counted) = (Vec::new(), Vec::new(), Counted::default());
    (_, cursor) = follow(&mut open(), cursor, 50);
    for n in 0..CHANGES {
        let [one, other] = &mut handles;
        let store = if random.below(2) == 0 { one } else { other };
        let index = random.below(3) as usize;
        let Some(stream) = streams.get(index) else { continue };
        expected.extend(change(store, (stream, &streams), n as u8, &mut random, &mut counted));
        if random.below(6) == 0 {
            let (page, next) = follow(&mut open(), kept(cursor), 1 + random.below(4) as usize);
            found.extend(told(&page));
            cursor = next;
        }
    }
    let (page, _) = follow(&mut open(), kept(cursor), 3);
    found.extend(told(&page));
    assert_eq!(found, expected, "a consumer sees each change once, in order (seed {seed})");
    counted
}

/// Tries a change, and returns what the outbox should tell of it, by what the store says came of it.
fn change<S: Outbox + SnapshotStore>(
    store: &mut S,
    (stream, streams): (&StreamId, &[StreamId]),
    n: u8,
    random: &mut Random,
    counted: &mut Counted,
) -> Vec<(StreamId, OutboxChange)> {
    let of_stream = |change| vec![(stream.clone(), change)];
    let head = valid(store.head(stream)).prefix.events;
    match random.below(16) {
        0 => {
            valid(store.fence(stream, "elsewhere"));
            counted.closed += 1;
            of_stream(OutboxChange::Fenced)
        }
        1 => {
            valid(store.erase(stream));
            counted.erased += 1;
            of_stream(OutboxChange::Erased)
        }
        2 | 3 => {
            valid(store.reopen(stream));
            of_stream(OutboxChange::Reopened)
        }
        4 | 5 => {
            let positions = [1 + random.below(head + 1), 1 + random.below(head.max(1))];
            let changes = positions.map(|position| (position, vec![n; 5]));
            match store.rewrite(stream, &changes) {
                Ok(_) => {
                    counted.rewritten += 1;
                    OutboxChange::of_rewriting(positions).map_or(Vec::new(), of_stream)
                }
                Err(RewriteError::NoSuchEvent { .. }) => Vec::new(),
                Err(error) => panic!("expected to rewrite, found {error:?}"),
            }
        }
        6 | 7 => received(store, streams, n, counted),
        8 => imported(store, stream, streams, counted),
        _ => {
            let expected = head.saturating_sub(u64::from(random.below(5) == 0));
            let numbers: &[u8] = if random.below(3) == 0 { &[n + 1, n + 2] } else { &[n + 1] };
            let command = if random.below(2) == 0 { 0 } else { n / 2 + 1 };
            match append(store, stream, expected, command, numbers) {
                Ok(done) if !done.repeated => {
                    counted.appended += 1;
                    of_stream(OutboxChange::Appended { first: done.first, last: done.last })
                }
                _ => {
                    counted.nothing += 1;
                    Vec::new()
                }
            }
        }
    }
}

/// Events brought to all streams, which are named in the order of their bytes, as every store writes them.
fn received<S: Outbox + SnapshotStore>(
    store: &mut S,
    streams: &[StreamId],
    n: u8,
    counted: &mut Counted,
) -> Vec<(StreamId, OutboxChange)> {
    let outcomes = valid(store.receive_many(streams, &[event(100 + n % 50), event(160 + n % 70)]));
    let told = streams.iter().zip(outcomes).filter_map(|(stream, outcome)| match outcome {
        Received::Appended { first, last } => Some((stream.clone(), OutboxChange::Appended { first, last })),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    counted.received += told.len() as u64;
    told
}

/// What a stream lacks of another one's log, taken over if it follows.
fn imported<S: Outbox + SnapshotStore>(
    store: &mut S,
    stream: &StreamId,
    streams: &[StreamId],
    counted: &mut Counted,
) -> Vec<(StreamId, OutboxChange)> {
    let empty = valid(store.head(stream)).prefix.events == 0;
    let longest = streams
        .iter()
        .find(|other| *other != stream && matches!(store.head(other), Ok(head) if head.prefix.events > 0));
    let Some(from) = longest.filter(|_| empty) else { return Vec::new() };
    let events = valid(store.read(from, 0, 3)).events;
    match store.import(stream, &events) {
        Ok(head) => {
            counted.imported += 1;
            vec![(stream.clone(), OutboxChange::Appended { first: 1, last: head.prefix.events })]
        }
        Err(_) => Vec::new(),
    }
}
