//! What the laws of stores are told with.

use std::fmt::Debug;

use crate::model::id::{CommandId, EventId, GroupId, UserId};
use crate::model::stream::{SharedId, StreamId};
use crate::store::snapshot::LogPrefix;
use crate::store::{Append, AppendError, Appended, EventStore, NewEvent, StoredEvent, StoredSnapshot};

pub(super) fn valid<T, E: Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("expected success, found {error:?}"),
    }
}

/// An event whose bytes are no text, and no two of them alike.
pub(super) fn event(n: u8) -> NewEvent {
    let bytes = [0xff, 0x00, n].iter().copied().cycle().take(usize::from(n) + 3).collect();
    NewEvent { id: EventId::from_bytes([n; 16]), bytes }
}

/// A stream of every kind, by a name of which each has its own.
pub(super) fn kinds(name: &str) -> [StreamId; 4] {
    let user = |name: &str| valid(UserId::parse(name));
    let peer = user(&format!("{name}-peer"));
    [
        user(name).into(),
        SharedId::group(&valid(GroupId::parse(name))).into(),
        SharedId::direct(&peer, &user(name)).into(),
        StreamId::Directory,
    ]
}

/// Another stream of the same kind; beside the directory, which is the only one, that of a group.
pub(super) fn beside(stream: &StreamId, name: &str) -> StreamId {
    let group = |of: &str| StreamId::from(SharedId::group(&valid(GroupId::parse(&format!("{of}-{name}")))));
    match stream {
        StreamId::Account(user) => valid(UserId::parse(&format!("{user}-{name}"))).into(),
        StreamId::Conversation(id) => match id.pair() {
            Some((one, other)) => {
                SharedId::direct(&one, &valid(UserId::parse(&format!("{other}-{name}")))).into()
            }
            None => group(id.conversation().target()),
        },
        StreamId::Directory => group("directory"),
    }
}

/// Has a log begin anew.
pub(super) fn emptied<S: EventStore>(store: &mut S, stream: &StreamId) {
    valid(store.erase(stream));
    valid(store.reopen(stream));
}

pub(super) fn events(numbers: &[u8]) -> Vec<NewEvent> {
    numbers.iter().copied().map(event).collect()
}

pub(super) fn command(n: u8) -> CommandId {
    CommandId::from_bytes([n; 16])
}

pub(super) type Outcome<S> = Result<Appended, AppendError<<S as EventStore>::Error>>;

/// Appends the events of these numbers; command 0 is none.
pub(super) fn append<S: EventStore>(
    store: &mut S,
    stream: &StreamId,
    expected: u64,
    by: u8,
    numbers: &[u8],
) -> Outcome<S> {
    let events = events(numbers);
    let command = (by > 0).then(|| command(by));
    store.append(stream, &Append { expected, command, events: &events, snapshot: None })
}

pub(super) fn prefix(events: &[NewEvent]) -> LogPrefix {
    let mut prefix = LogPrefix::EMPTY;
    events.iter().for_each(|event| prefix.push(&event.bytes));
    prefix
}

/// The whole log, read in pages of two; the hashes verified.
pub(super) fn whole<S: EventStore>(store: &mut S, stream: &StreamId) -> Vec<StoredEvent> {
    let mut all: Vec<StoredEvent> = Vec::new();
    loop {
        let before = all.last().map_or(LogPrefix::EMPTY, |event| event.prefix);
        let page = valid(store.read(stream, before.events, 2));
        assert!(page.events.len() <= 2, "a page has no more events than asked for");
        if page.events.is_empty() {
            assert_eq!(page.head.prefix, before, "the head is the last event's prefix");
            return all;
        }
        for event in page.events {
            let before = all.last().map_or(LogPrefix::EMPTY, |event| event.prefix);
            assert!(event.follows(before), "positions are dense and hashes chained at {}", event.position());
            all.push(event);
        }
    }
}

pub(super) fn holds<S: EventStore>(store: &mut S, stream: &StreamId, numbers: &[u8]) {
    let log = whole(store, stream);
    let found: Vec<_> =
        log.iter().map(|event| NewEvent { id: event.id, bytes: event.bytes.clone() }).collect();
    assert_eq!(found, events(numbers), "the log holds exactly what was appended, in order");
    for event in log {
        let id = event.id;
        assert_eq!(valid(store.find(stream, id)), Some(event), "an event is found by its id, as it stands");
    }
    let never = EventId::from_bytes([0xee; 16]);
    assert_eq!(valid(store.find(stream, never)), None, "an id that nobody appended is not found");
}

pub(super) fn snapshot(of: LogPrefix) -> StoredSnapshot {
    StoredSnapshot { prefix: of, bytes: vec![of.events as u8; 70_000] }
}
