//! Segments: random histories against a store in memory, whoever comes in between, damage, and a server that dies.

use std::collections::BTreeMap;
use std::time::Duration;

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::jsonl::encode_event;
use chatfold::shared::StreamId;
use chatfold::store::{
    Append, AppendError, EventStore, LogCursor, MemoryStore, NewEvent, SnapshotStore, StoredSnapshot,
};
use chatfold::testing::{Random, Workload};
use chatfold_postgres::{Blocking, Layout, Options, PostgresError, PostgresStore};
use postgres_scratch::Server;
use tokio::runtime::Runtime;
use tokio_postgres::IsolationLevel;

use crate::laws::{alice, append, event, log};
use crate::schemas::open_with;

fn owner(n: u64) -> StreamId {
    StreamId::from_key(&format!("owner{n}")).unwrap()
}

async fn open(server: &Server, schema: &str, seal_events: usize) -> PostgresStore {
    let options = Options { seal_events, layout: Layout::Partitioned(3), ..Options::default() };
    open_with(server, schema, options).await.unwrap()
}

/// Lines of this library, other bytes, and the same ids again now and then.
struct Source {
    random: Random,
    lines: Vec<NewEvent>,
    given: BTreeMap<u64, Vec<NewEvent>>,
}

impl Source {
    fn new(seed: u64) -> Self {
        let line = |event: chatfold::Event| NewEvent::new(event.id(), encode_event(&event).into_bytes());
        let lines = Workload::phone().with_events(4_000).iter().map(line).collect();
        Self { random: Random::new(seed), lines, given: BTreeMap::new() }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.next() % bound
    }

    /// Some events for an inbox, of which some were given to it before.
    fn events(&mut self, inbox: u64, most: u64) -> Vec<NewEvent> {
        let mut events: Vec<NewEvent> = Vec::new();
        for _ in 0..=self.below(most) {
            let given = self.given.get(&inbox).cloned().unwrap_or_default();
            let event = match self.below(9) {
                0 if !given.is_empty() => given[self.below(given.len() as u64) as usize].clone(),
                1 => {
                    let id = self.random.next();
                    NewEvent::new(
                        EventId::from_bytes(u128::from(id).to_be_bytes()),
                        id.to_le_bytes()[..id as usize % 8].to_vec(),
                    )
                }
                _ => match self.lines.pop() {
                    Some(line) => line,
                    None => continue,
                },
            };
            if events.iter().all(|other| other.id != event.id) {
                events.push(event);
            }
        }
        self.given.entry(inbox).or_default().extend(events.clone());
        events
    }
}

/// What another store has of an inbox, taken over behind what is here.
fn take_over(source: &mut Source, store: &mut Blocking, model: &mut MemoryStore, n: u64) {
    let (inbox, mut other) = (owner(n), MemoryStore::new());
    let here = model.read(&inbox, 0, usize::MAX).unwrap().events;
    if !here.is_empty() {
        other.import(&inbox, &here).unwrap();
    }
    let mut events = source.events(n, 30);
    events.retain(|event| !here.iter().any(|there| there.id == event.id));
    let append = Append::new(here.len() as u64, &events);
    if let Ok(appended) = other.append(&inbox, &append) {
        let page = other.read(&inbox, appended.first - 1, usize::MAX).unwrap();
        let ours = store.import(&inbox, &page.events).unwrap();
        assert_eq!(ours, model.import(&inbox, &page.events).unwrap());
    }
}

/// One step of a history, taken by both stores; what they say is the same.
fn step(source: &mut Source, store: &mut Blocking, model: &mut MemoryStore) {
    let n = source.below(3);
    let inbox = owner(n);
    let head = model.head(&inbox).unwrap();
    let version = head.prefix.events;
    match source.below(12) {
        0..=4 => {
            let expected = if source.below(12) == 0 { version / 2 } else { version };
            let command = (source.below(2) == 0).then(|| CommandId::from_bytes([source.below(60) as u8; 16]));
            let events = source.events(n, 7);
            let append = Append::new(expected, &events).with_command(command);
            let (ours, theirs) = (store.append(&inbox, &append), model.append(&inbox, &append));
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
        }
        5 => {
            let (inboxes, events) = ([owner(0), owner(1), owner(2), owner(1)], source.events(n, 4));
            let ours = store.receive_many(&inboxes, &events).unwrap();
            assert_eq!(ours, model.receive_many(&inboxes, &events).unwrap());
        }
        6 if version > 0 => {
            let mut changes = BTreeMap::new();
            for _ in 0..=source.below(3) {
                let position = 1 + source.below(version);
                changes.insert(position, position.to_be_bytes().to_vec());
            }
            let changes: Vec<_> = changes.into_iter().collect();
            let ours = store.rewrite(&inbox, &changes).unwrap();
            assert_eq!(ours, model.rewrite(&inbox, &changes).unwrap());
        }
        7 => {
            take_over(source, store, model, n);
        }
        8 if version > 0 => {
            let position = source.below(version + 1);
            let prefix = match position.checked_sub(1) {
                Some(before) => model.read(&inbox, before, 1).unwrap().events[0].prefix,
                None => chatfold::snapshot::LogPrefix::EMPTY,
            };
            let bytes = vec![position as u8; source.below(60_000) as usize];
            let snapshot = StoredSnapshot::new(prefix, bytes);
            let ours = store.save(&inbox, &snapshot).unwrap();
            assert_eq!(ours, model.save(&inbox, &snapshot).unwrap());
        }
        9 => {
            let id = source.given.get(&n).and_then(|given| given.first()).map(|event| event.id);
            let id = id.unwrap_or(EventId::from_bytes([9; 16]));
            assert_eq!(store.find(&inbox, id).unwrap(), model.find(&inbox, id).unwrap());
        }
        10 if source.below(20) == 0 => {
            assert_eq!(store.erase(&inbox).unwrap(), model.erase(&inbox).unwrap());
            assert_eq!(store.reopen(&inbox).unwrap(), model.reopen(&inbox).unwrap());
            source.given.remove(&n);
        }
        _ => {
            let (after, limit) = (source.below(version + 3), source.below(40) as usize);
            let (ours, theirs) = (store.read(&inbox, after, limit), model.read(&inbox, after, limit));
            assert_eq!(ours.unwrap(), theirs.unwrap(), "{limit} after {after}");
            let through = source.below(version + 2);
            assert_eq!(store.latest(&inbox, through).unwrap(), model.latest(&inbox, through).unwrap());
        }
    }
}

/// Held against the store in memory step by step, with segments of few events, so that there are many of them.
#[test]
fn random_histories_are_what_a_store_in_memory_makes_of_them() {
    let Some(server) = postgres_scratch::server() else { return };
    let runtime = Runtime::new().unwrap();
    for (seed, seal) in [(1, 1), (2, 2), (3, 7), (4, 40)] {
        let schema = format!("seed{seed}");
        let store = runtime.block_on(open(&server, &schema, seal));
        let mut store = Blocking::new(store, runtime.handle().clone());
        let (mut model, mut source) = (MemoryStore::new(), Source::new(seed));
        for _ in 0..260 {
            step(&mut source, &mut store, &mut model);
        }
        for n in 0..3 {
            let ours = store.read(&owner(n), 0, usize::MAX).unwrap();
            assert_eq!(ours, model.read(&owner(n), 0, usize::MAX).unwrap());
            for event in &ours.events {
                assert_eq!(store.find(&owner(n), event.id).unwrap().as_ref(), Some(event));
            }
            // Page by page, as columns where it lies so.
            let mut cursor = LogCursor::default();
            while !cursor.take_in(&store.read(&owner(n), cursor.position(), 11).unwrap()).unwrap() {
                let sealed = store.read_sealed(&owner(n), cursor.position()).unwrap();
                assert!(
                    sealed.is_none_or(|page| page.before == cursor.prefix() && page.events() >= seal as u64)
                );
            }
        }
        let count = |table: &str| server.sql(&format!("SELECT count(*) FROM {schema}.{table}"));
        assert_ne!(count("chatfold_segment"), "0");
        let rows = format!(
            "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM {schema}.chatfold_event GROUP BY inbox) AS t"
        );
        assert!(server.sql(&rows).parse::<usize>().unwrap() <= 2 * seal + 8, "what is enough is sealed");
    }
}

/// What is not known of sealed events is not known for good: the same is refused or repeated as it was before.
#[tokio::test(flavor = "multi_thread")]
async fn doubles_are_told_whatever_is_sealed() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "doubles", 3).await;
    let command = |n: u32| Some(CommandId::from_bytes([n as u8; 16]));
    for n in 0..200 {
        let events = [event(1, n)];
        let append = Append::new(u64::from(n), &events).with_command(command(n));
        assert!(!store.append(&alice(), &append).await.unwrap().repeated);
    }
    store.seal(&alice()).await.unwrap();
    assert_eq!(server.sql("SELECT count(*), max(last) FROM doubles.chatfold_segment"), "66|198");
    // 66 segments are a run of 64 and two.
    assert_eq!(server.sql("SELECT count(DISTINCT (slice >> 24, run)) FROM doubles.chatfold_sealed"), "3");
    for n in 0..200 {
        let events = [event(1, n)];
        let append = Append::new(7, &events).with_command(command(n));
        let again = store.append(&alice(), &append).await.unwrap();
        assert_eq!((again.first, again.last, again.repeated), (u64::from(n) + 1, u64::from(n) + 1, true));
        let others = [event(1, n), event(2, n)];
        let refused = store.append(&alice(), &Append::new(200, &others)).await;
        assert!(matches!(refused, Err(AppendError::Known { known }) if known == [others[0].id]));
        let received = store.receive_many(&[alice()], &events).await.unwrap();
        assert_eq!(received, [chatfold::store::Received::Known]);
    }
    // What is taken over is looked for as well, one by one and by all keys.
    let head = store.head(&alice()).await.unwrap().prefix;
    for known in [1, 100, 197] {
        for others in [0, 900] {
            let mut prefix = head;
            let events = (0..others).map(|n| event(3, n)).chain([event(1, known)]).map(|event| {
                prefix.push(&event.bytes);
                chatfold::store::StoredEvent::new(event.id, None, prefix, event.bytes)
            });
            let refused = store.import(&alice(), &events.collect::<Vec<_>>()).await;
            assert!(
                matches!(refused, Err(AppendError::Known { known: told }) if told == [event(1, known).id])
            );
        }
    }
    assert_eq!(log(&store, &alice()).await, (0..200).map(|n| event(1, n)).collect::<Vec<_>>());
}

/// A transaction that sees the database as it was before rows were sealed, or a log rewritten, writes nothing behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_before_is_ended_where_rows_were_sealed_or_rewritten() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "before", 1_000).await;
    let sealing = open(&server, "before", 2).await;
    let config: tokio_postgres::Config = server.config().parse().unwrap();
    let (mut caller, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    caller.batch_execute("SET search_path = before").await.unwrap();
    append(&store, &alice(), &[event(1, 0)]).await.unwrap();
    for (attempt, is_rewritten) in [(1_u32, false), (2, true)] {
        let isolated = caller.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let transaction = isolated.start().await.unwrap();
        transaction.batch_execute("SELECT count(*) FROM before.chatfold_event").await.unwrap();
        let expected = store.head(&alice()).await.unwrap().prefix.events;
        if is_rewritten {
            store.rewrite(&alice(), &[(1, b"other".to_vec())]).await.unwrap();
        } else {
            // What came in between is sealed away, so that no row stands in the way.
            append(&store, &alice(), &[event(1, 1), event(1, 2), event(1, 3)]).await.unwrap();
            sealing.seal(&alice()).await.unwrap();
            assert_eq!(server.sql("SELECT sealed FROM before.chatfold_inbox"), "2");
        }
        let events = [event(9, attempt)];
        let refused = store.append_in(&transaction, &alice(), &Append::new(expected, &events)).await;
        assert!(matches!(refused, Err(AppendError::Store(PostgresError::Aborted(_)))), "{refused:?}");
        transaction.rollback().await.unwrap();
    }
    assert_eq!(log(&store, &alice()).await.len(), 4);
}

/// Appends go on while rows are sealed, from two processes' stores at once.
#[tokio::test(flavor = "multi_thread")]
async fn writers_lose_nothing_while_rows_are_sealed() {
    let Some(server) = postgres_scratch::server() else { return };
    let stores = [open(&server, "busy", 5).await, open(&server, "busy", 5).await];
    const EACH: u32 = 60;
    let writers: Vec<_> = (0..8_u8)
        .map(|writer| {
            let store = stores[usize::from(writer) % 2].clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    append(&store, &alice(), &[event(writer, n)]).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    stores[0].seal(&alice()).await.unwrap();
    let log = log(&stores[1], &alice()).await;
    assert_eq!(log.len(), 8 * EACH as usize);
    for writer in 0..8 {
        let own = log.iter().filter(|event| event.bytes.starts_with(format!("{writer}:").as_bytes()));
        assert!(own.eq((0..EACH).map(|n| event(writer, n)).collect::<Vec<_>>().iter()), "once, and in order");
    }
    let rows: u64 = server.sql("SELECT count(*) FROM busy.chatfold_event").parse().unwrap();
    assert!(rows <= 5, "{rows} rows");
}

/// The server dies again and again while rows are sealed: what was acknowledged is there, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_while_rows_are_sealed_loses_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "dies", 4).await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 0..300 {
                let events = [event(1, n)];
                let append = Append::new(u64::from(n), &events);
                while let Err(error) = store.append(&alice(), &append).await {
                    assert!(matches!(error, AppendError::Store(_)), "{error}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    });
    while !writer.is_finished() {
        tokio::time::sleep(Duration::from_millis(90)).await;
        tokio::task::block_in_place(|| {
            server.down("immediate");
            server.up();
        });
    }
    writer.await.unwrap();
    store.seal(&alice()).await.unwrap();
    assert_eq!(log(&store, &alice()).await, (0..300).map(|n| event(1, n)).collect::<Vec<_>>());
    for n in 0..300 {
        assert!(store.find(&alice(), event(1, n).id).await.unwrap().is_some());
    }
}

/// A byte of a segment, or of what stands beside it, that is another one: every read that touches it says so.
#[tokio::test(flavor = "multi_thread")]
async fn damage_of_a_segment_is_told_and_never_shown() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "damaged", 10).await;
    let line = |event: chatfold::Event| NewEvent::new(event.id(), encode_event(&event).into_bytes());
    let events: Vec<_> = Workload::phone().with_events(45).iter().map(line).collect();
    append(&store, &alice(), &events).await.unwrap();
    store.seal(&alice()).await.unwrap();
    let flipped = |column: &str| {
        format!("set_byte({column}, length({column}) / 2, get_byte({column}, length({column}) / 2) # 1)")
    };
    let table = "damaged.chatfold_segment";
    for column in ["bytes", "checksum", "before_hash", "last_hash"] {
        let flip = format!("UPDATE {table} SET {column} = {} WHERE last = 20", flipped(column));
        server.sql(&flip);
        // A store that has read nothing yet.
        let fresh = open(&server, "damaged", 10).await;
        let told = |error: PostgresError| {
            assert!(
                matches!(&error, PostgresError::DamagedAt { inbox, table: "chatfold_segment", position: 11, .. }
                    if *inbox == alice()),
                "{column}: {error}"
            );
        };
        told(fresh.read(&alice(), 10, 3).await.unwrap_err());
        told(fresh.read(&alice(), 0, usize::MAX).await.unwrap_err());
        told(fresh.read_sealed(&alice(), 10).await.unwrap_err());
        told(fresh.find(&alice(), events[13].id).await.unwrap_err());
        let rewritten = fresh.rewrite(&alice(), &[(2, b"other".to_vec())]).await.unwrap_err();
        assert!(matches!(rewritten, chatfold::store::RewriteError::Store(PostgresError::DamagedAt { .. })));
        assert_eq!(fresh.read(&alice(), 20, 30).await.unwrap().events.len(), 25, "what is behind is sound");
        server.sql(&flip);
    }
    assert_eq!(log(&store, &alice()).await, events, "each was put back");
    server.sql(&format!("DELETE FROM {table} WHERE last = 30"));
    let missing = store.read(&alice(), 20, 5).await.unwrap_err();
    assert!(matches!(missing, PostgresError::DamagedAt { position: 21, .. }), "{missing}");
    server.sql("DELETE FROM damaged.chatfold_event");
    let missing = store.head(&alice()).await.unwrap_err();
    assert!(matches!(missing, PostgresError::Damaged(_)), "the newest event is never sealed: {missing}");
}
