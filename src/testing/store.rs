//! What every store must do: the laws of `crate::store`, one by one, on whatever store is brought.

mod layout;
mod outbox;
mod support;
#[cfg(feature = "binary")]
mod trimming;

pub use self::outbox::check_outbox;
use self::support::{
    Outcome, append, beside, command, emptied, event, events, holds, kinds, prefix, snapshot, valid, whole,
};
#[cfg(feature = "binary")]
pub use self::trimming::check_trimming;
use crate::model::id::{EventId, UserId};
use crate::model::stream::StreamId;
use crate::store::snapshot::LogPrefix;
use crate::store::{
    Append, AppendError, Appended, Closed, Head, Received, RewriteError, SNAPSHOTS_KEPT, SnapshotStore,
    StoredEvent,
};
use std::collections::BTreeSet;

/// Holds the laws of [`store`](crate::store) against a store, each on a stream of every kind: an account's, a group's, a direct
/// chat's and the directory's. The store may hold other streams already, but the directory is erased, as are the streams of laws.
///
/// `open` opens another handle of the same store; for a durable one, as after a restart.
///
/// # Panics
///
/// Where a law does not hold, naming it.
///
/// ```
/// use chatfold::store::MemoryStore;
/// let store = MemoryStore::new();
/// chatfold::testing::check_store(|| store.clone());
/// ```
pub fn check_store<S: SnapshotStore>(mut open: impl FnMut() -> S) {
    #[cfg(feature = "binary")]
    law(&mut open, "columns", layout::columns);
    let laws: [(&str, Law<S>); 16] = [
        ("nobody-wrote", nobody_wrote),
        ("positions", positions),
        ("whole", whole_or_not),
        ("conflict", conflict),
        ("repeat-command", repeat_by_command),
        ("repeat-ids", repeat_by_ids),
        ("known", known_in_part),
        ("malformed", malformed),
        ("apart", streams_apart),
        ("snapshots", snapshots),
        ("with-snapshot", snapshot_with_append),
        ("rewrite", rewrite),
        ("closed", closed),
        ("import", import),
        ("receive", receive),
        ("ranges", layout::ranges),
    ];
    for (name, what) in laws {
        law(&mut open, name, what);
    }
}

fn law<S: SnapshotStore>(open: &mut dyn FnMut() -> S, name: &str, what: Law<S>) {
    for stream in kinds(&format!("law-{name}")) {
        emptied(&mut open(), &stream);
        what(open, &stream);
        emptied(&mut open(), &stream);
    }
}

/// Holds one law against a store, on a stream of its own, which is empty before.
type Law<S> = fn(&mut dyn FnMut() -> S, &StreamId);

fn nobody_wrote<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    assert_eq!(valid(store.head(stream)), Head::EMPTY, "a log that nobody wrote is empty and open");
    assert_eq!(valid(store.read(stream, 0, 10)).events, [], "and has no events");
    assert_eq!(valid(store.find(stream, EventId::from_bytes([1; 16]))), None, "and none is found");
    assert_eq!(valid(store.latest(stream, u64::MAX)), None, "and no snapshot");
    assert_eq!(valid(store.read(stream, u64::MAX, usize::MAX)).events, [], "however far one reads");
}

fn positions<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    let first = valid(append(&mut store, stream, 0, 1, &[1, 2, 3]));
    let expected = Appended { first: 1, last: 3, prefix: prefix(&events(&[1, 2, 3])), repeated: false };
    assert_eq!(first, expected, "positions are dense from 1");
    assert_eq!(valid(append(&mut store, stream, 3, 0, &[4])).first, 4, "and go on where they ended");
    let page = valid(store.read(stream, 1, 2));
    assert_eq!(page.events.iter().map(StoredEvent::position).collect::<Vec<_>>(), [2, 3], "after, and limit");
    assert_eq!(page.events.first().and_then(|e| e.command), Some(command(1)), "an event knows its command");
    assert_eq!(page.head.prefix.events, 4, "a page says where the log stood");
    drop(store);
    let mut store = open();
    holds(&mut store, stream, &[1, 2, 3, 4]);
    assert_eq!(whole(&mut store, stream).last().and_then(|event| event.command), None, "or that it has none");
}

fn whole_or_not<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    valid(append(&mut store, stream, 0, 1, &[1]));
    assert!(append(&mut store, stream, 1, 2, &[2, 3, 1]).is_err(), "its last id is known");
    holds(&mut store, stream, &[1]);
    valid(append(&mut store, stream, 1, 2, &[2, 3]));
    holds(&mut store, stream, &[1, 2, 3]);
}

fn conflict<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let (mut one, mut other) = (open(), open());
    valid(append(&mut one, stream, 0, 1, &[1]));
    for (expected, actual) in [(0, 1), (2, 1)] {
        let found = append(&mut other, stream, expected, 2, &[2]);
        let conflict = matches!(found, Err(AppendError::Conflict { expected: e, actual: a }) if (e, a) == (expected, actual));
        assert!(conflict, "at version 1, expecting {expected}: {found:?}");
    }
    holds(&mut other, stream, &[1]);
    valid(append(&mut other, stream, 1, 2, &[2]));
    holds(&mut one, stream, &[1, 2]);
}

fn repeat_by_command<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    valid(append(&mut store, stream, 0, 1, &[1, 2]));
    let log = valid(append(&mut store, stream, 2, 2, &[3])).prefix;
    drop(store);
    let mut store = open();
    let first = Appended { first: 1, last: 2, prefix: log, repeated: true };
    for (expected, numbers) in [(0, &[1, 2][..]), (3, &[1, 2]), (9, &[1, 2]), (0, &[8, 9])] {
        let again = valid(append(&mut store, stream, expected, 1, numbers));
        assert_eq!(
            again, first,
            "a command given again returns its first outcome, before the version is looked at"
        );
    }
    holds(&mut store, stream, &[1, 2, 3]);
}

fn repeat_by_ids<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    valid(append(&mut store, stream, 0, 0, &[1, 2]));
    let log = valid(append(&mut store, stream, 2, 0, &[3])).prefix;
    drop(store);
    let mut store = open();
    let again = valid(append(&mut store, stream, 0, 0, &[1, 2]));
    let first = Appended { first: 1, last: 2, prefix: log, repeated: true };
    assert_eq!(again, first, "events given again return their first positions");
    assert_eq!(valid(append(&mut store, stream, 7, 9, &[2, 3])).first, 2, "also under another command");
    holds(&mut store, stream, &[1, 2, 3]);
}

fn known_in_part<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    valid(append(&mut store, stream, 0, 1, &[1, 2, 3]));
    for (numbers, known) in
        [(&[4, 2][..], &[2][..]), (&[2, 1], &[2, 1]), (&[1, 3], &[1, 3]), (&[1, 4, 2], &[1, 2])]
    {
        let found = append(&mut store, stream, 3, 2, numbers);
        let ids: Vec<_> = known.iter().map(|n| event(*n).id).collect();
        let told = matches!(&found, Err(AppendError::Known { known }) if *known == ids);
        assert!(told, "of {numbers:?} known are {known:?}, in the batch's order: {found:?}");
    }
    holds(&mut store, stream, &[1, 2, 3]);
}

fn malformed<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    let found = append(&mut store, stream, 0, 1, &[]);
    assert!(matches!(found, Err(AppendError::Empty)), "a batch has events: {found:?}");
    let found = append(&mut store, stream, 0, 1, &[1, 2, 1]);
    assert!(matches!(found, Err(AppendError::Doubled { id }) if id == event(1).id), "each once: {found:?}");
    assert_eq!(valid(store.head(stream)), Head::EMPTY);
}

fn streams_apart<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    let other = beside(stream, "LÄW'\"%_ and another");
    valid(append(&mut store, stream, 0, 1, &[1, 2]));
    valid(append(&mut store, &other, 0, 1, &[2, 1]));
    holds(&mut store, stream, &[1, 2]);
    holds(&mut store, &other, &[2, 1]);
    // Accounts may be called as other streams are told of.
    let alike = [stream.to_string(), format!("{stream:#}"), stream.key().replace('\t', "")];
    let alike: BTreeSet<_> =
        alike.iter().filter_map(|name| UserId::parse(name).ok()).map(StreamId::from).collect();
    for (n, account) in (3..).zip(alike.iter().filter(|account| *account != stream)) {
        valid(append(&mut store, account, 0, 1, &[n, 1]));
        holds(&mut store, account, &[n, 1]);
        holds(&mut store, stream, &[1, 2]);
        emptied(&mut store, account);
    }
    valid(store.erase(&other));
    holds(&mut store, stream, &[1, 2]);
    emptied(&mut store, &other);
}

fn snapshots<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    valid(append(&mut store, stream, 0, 1, &[1, 2, 3, 4]));
    let at: Vec<_> = whole(&mut store, stream).iter().map(|event| event.prefix).collect();
    for prefix in &at {
        assert!(valid(store.save(stream, &snapshot(*prefix))), "a snapshot of this log is kept");
    }
    let alien = LogPrefix { events: 3, skipped: 0, hash: 1 };
    assert!(!valid(store.save(stream, &snapshot(alien))), "one of another log is not");
    let ahead = LogPrefix { events: 5, skipped: 0, hash: 1 };
    assert!(!valid(store.save(stream, &snapshot(ahead))), "nor one of more events than there are");
    drop(store);
    let mut store = open();
    let mut found = Vec::new();
    let mut through = u64::MAX;
    while let Some(kept) = valid(store.latest(stream, through)) {
        assert_eq!(kept, snapshot(kept.prefix), "it comes back as it was");
        through = kept.prefix.events - 1;
        found.push(kept.prefix);
    }
    let newest: Vec<_> = at.iter().rev().take(SNAPSHOTS_KEPT).copied().collect();
    assert_eq!(found, newest, "the newest are kept, newest first");
}

fn snapshot_with_append<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    let (two, one) = (events(&[1, 2]), events(&[3]));
    let of_two = snapshot(prefix(&two));
    let first = Append { expected: 0, command: None, events: &two, snapshot: Some(&of_two) };
    valid(store.append(stream, &first));
    let alien = snapshot(LogPrefix { events: 3, skipped: 0, hash: 1 });
    valid(store.append(stream, &Append { expected: 2, command: None, events: &one, snapshot: Some(&alien) }));
    assert_eq!(
        valid(store.latest(stream, u64::MAX)),
        Some(of_two),
        "kept with its events; one of another log is not"
    );
    holds(&mut store, stream, &[1, 2, 3]);
    let refused = Append { expected: 0, command: None, events: &events(&[4]), snapshot: Some(&alien) };
    assert!(store.append(stream, &refused).is_err());
}

fn rewrite<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    valid(append(&mut store, stream, 0, 1, &[1, 2, 3]));
    let before = valid(store.head(stream)).prefix;
    assert!(valid(store.save(stream, &snapshot(before))));
    let missing = store.rewrite(stream, &[(2, vec![7]), (4, vec![7])]);
    assert!(matches!(missing, Err(RewriteError::NoSuchEvent { position: 4 })), "all or nothing: {missing:?}");
    holds(&mut store, stream, &[1, 2, 3]);
    let head = valid(store.rewrite(stream, &[(2, vec![7])]));
    drop(store);
    let mut store = open();
    let log = whole(&mut store, stream);
    assert_eq!(
        log.iter().map(|event| event.id).collect::<Vec<_>>(),
        [1, 2, 3].map(|n| event(n).id),
        "ids stay"
    );
    assert_eq!(log.get(1).map(|event| &event.bytes), Some(&vec![7]), "the bytes are the new ones");
    assert_eq!(log.last().map(|event| event.prefix), Some(head.prefix), "hashes are computed anew");
    assert_ne!(head.prefix.hash, before.hash, "so whoever holds the old log sees it");
    assert_eq!(valid(store.latest(stream, u64::MAX)), None, "no snapshot outlives what was rewritten");
    assert!(!valid(store.save(stream, &snapshot(before))), "nor does one of the old log come back");
    let again = valid(append(&mut store, stream, 0, 0, &[1, 2, 3]));
    assert!(again.repeated, "what was rewritten is still known by its id");
    valid(append(&mut store, stream, 3, 2, &[4]));
    assert_eq!(whole(&mut store, stream).len(), 4);
}

fn closed<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    let to = "elsewhere".to_owned();
    let refused = |found: Outcome<S>, why: &Closed| {
        assert!(matches!(&found, Err(AppendError::Closed(closed)) if closed == why), "{why}: {found:?}");
    };
    valid(append(&mut store, stream, 0, 1, &[1]));
    let head = valid(store.fence(stream, &to));
    let moved = Closed::Moved { to };
    assert_eq!((head.prefix.events, head.closed.as_ref()), (1, Some(&moved)));
    drop(store);
    let mut store = open();
    refused(append(&mut store, stream, 1, 2, &[2]), &moved);
    assert!(valid(append(&mut store, stream, 0, 1, &[1])).repeated, "what was done before is still told");
    holds(&mut store, stream, &[1]);
    assert_eq!(valid(store.erase(stream)).closed, Some(moved.clone()), "erased here, it is still elsewhere");
    refused(append(&mut store, stream, 0, 2, &[2]), &moved);
    valid(store.reopen(stream));
    valid(append(&mut store, stream, 0, 1, &[1]));
    assert!(valid(store.save(stream, &snapshot(prefix(&events(&[1]))))));
    let head = valid(store.erase(stream));
    assert_eq!(head, Head { prefix: LogPrefix::EMPTY, closed: Some(Closed::Erased) });
    assert_eq!(valid(store.latest(stream, u64::MAX)), None, "erasing takes the snapshots along");
    refused(append(&mut store, stream, 0, 1, &[1]), &Closed::Erased);
    valid(store.reopen(stream));
    assert_eq!(valid(append(&mut store, stream, 0, 1, &[1])).first, 1, "reopened, it begins anew");
}

fn import<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    let to = beside(stream, "to");
    valid(append(&mut store, stream, 0, 1, &[1, 2]));
    valid(append(&mut store, stream, 2, 2, &[3]));
    let log = whole(&mut store, stream);
    let (begin, rest) = log.split_at(1);
    valid(store.import(&to, begin));
    let mut broken = rest.to_vec();
    broken.iter_mut().for_each(|event| event.bytes.push(0));
    let found = store.import(&to, &broken);
    assert!(matches!(found, Err(AppendError::Broken { position: 2 })), "it must follow: {found:?}");
    let head = valid(store.import(&to, rest));
    assert_eq!(head, valid(store.head(stream)), "the same log has the same hash elsewhere");
    assert_eq!(whole(&mut store, &to), log, "with the same commands");
    let found = store.import(&to, rest);
    assert!(matches!(found, Err(AppendError::Conflict { expected: 1, actual: 3 })), "once: {found:?}");
    assert!(valid(append(&mut store, &to, 0, 2, &[3])).repeated, "commands are known where they moved to");
}

/// Events brought to several streams: each gets what it lacks, by itself.
fn receive<S: SnapshotStore>(open: &mut dyn FnMut() -> S, stream: &StreamId) {
    let mut store = open();
    let named = |name: &str| beside(stream, name);
    let [new, some, all, closed, had] = ["new", "some", "all", "closed", "had"].map(named);
    valid(append(&mut store, &some, 0, 1, &[7, 2]));
    valid(append(&mut store, &all, 0, 1, &[3, 1, 2]));
    for fenced in [&closed, &had] {
        valid(append(&mut store, fenced, 0, 1, if fenced == &had { &[1, 2, 3] } else { &[1] }));
        valid(store.fence(fenced, "elsewhere"));
    }
    let streams: Vec<_> = [&new, &some, &all, &closed, &had, &new].map(Clone::clone).into();
    let moved = Received::Closed(Closed::Moved { to: "elsewhere".into() });
    let first = [
        Received::Appended { first: 1, last: 3 },
        Received::Appended { first: 3, last: 4 },
        Received::Known,
        moved.clone(),
        Received::Known,
        Received::Known,
    ];
    let brought = events(&[1, 2, 3, 1]);
    assert_eq!(valid(store.receive_many(&streams, &brought)), first, "each gets what it lacks");
    let again = [Received::Known, Received::Known, Received::Known, moved, Received::Known, Received::Known];
    assert_eq!(valid(store.receive_many(&streams, &brought)), again, "brought again nothing is written");
    assert_eq!(valid(store.receive_many(&[], &brought)), [], "to nobody");
    assert_eq!(
        valid(store.receive_many(streams.get(..1).unwrap_or_default(), &[])),
        [Received::Known],
        "nothing"
    );
    drop(store);
    let mut store = open();
    let logs: [(&StreamId, &[u8]); 5] =
        [(&new, &[1, 2, 3]), (&some, &[7, 2, 1, 3]), (&all, &[3, 1, 2]), (&closed, &[1]), (&had, &[1, 2, 3])];
    for (stream, numbers) in logs {
        holds(&mut store, stream, numbers);
    }
    assert_eq!(
        whole(&mut store, &new).last().and_then(|event| event.command),
        None,
        "they are of no command"
    );
    valid(append(&mut store, &some, 4, 2, &[8]));
    holds(&mut store, &some, &[7, 2, 1, 3, 8]);
}
