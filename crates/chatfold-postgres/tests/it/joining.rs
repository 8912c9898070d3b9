//! Appends that are joined: what one transaction writes for many callers is what each would have written alone.

use std::pin::Pin;
use std::time::Duration;

use chatfold::id::CommandId;
use chatfold::shared::StreamId;
use chatfold::store::{Append, AppendError, Appended, EventStore, MemoryStore, NewEvent};
use chatfold_postgres::{Layout, Options, PostgresError, PostgresStore};
use futures_util::FutureExt;
use tokio_postgres::{Client, Config, NoTls};

use crate::laws::{event, log, verified};
use crate::schemas::open_with;

fn inbox(name: &str) -> StreamId {
    StreamId::from_key(name).unwrap()
}

async fn connect(server: &postgres_scratch::Server) -> Client {
    let config: Config = server.config().parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// How many events are rows, and how many transactions wrote them.
fn transactions(server: &postgres_scratch::Server, schema: &str) -> (u64, u64) {
    let sql = format!("SELECT count(*) || ' ' || count(DISTINCT xmin::text) FROM {schema}.chatfold_event");
    let counted = server.sql(&sql);
    let (events, transactions) = counted.split_once(' ').unwrap();
    (events.parse().unwrap(), transactions.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_share_transactions_and_each_log_is_as_if_alone() {
    let Some(server) = postgres_scratch::server() else { return };
    const WRITERS: u8 = 24;
    const EACH: u32 = 20;
    for (layout, schema) in [(Layout::Partitioned(5), "spread"), (Layout::Plain, "plain")] {
        for (appending, seal_events) in [(1, usize::MAX), (2, 7)] {
            let schema = format!("{schema}{appending}");
            let options = Options { layout, appending, seal_events, ..Options::default() };
            let store = open_with(&server, &schema, options).await.unwrap();
            store.outbox_on().await.unwrap();
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        let own = inbox(&format!("owner{writer}"));
                        for n in 0..EACH {
                            let events = [event(writer, 2 * n), event(writer, 2 * n + 1)];
                            let command = CommandId::from_bytes(*events[0].id.as_bytes());
                            let append = Append::new(u64::from(2 * n), &events).with_command(Some(command));
                            let first = store.append(&own, &append).await.unwrap();
                            assert!(!first.repeated);
                            let again = store.append(&own, &append).await.unwrap();
                            assert!(again.repeated, "a command is carried out once");
                            assert_eq!((again.first, again.last), (first.first, first.last));
                        }
                    })
                })
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }
            for writer in 0..WRITERS {
                let expected: Vec<_> = (0..2 * EACH).map(|n| event(writer, n)).collect();
                assert_eq!(log(&store, &inbox(&format!("owner{writer}"))).await, expected);
            }
            assert_eq!(store.check().await.unwrap(), []);
            if seal_events == usize::MAX {
                let (events, transactions) = transactions(&server, &schema);
                assert!(transactions * 2 < events, "{events} events by {transactions} transactions");
            } else {
                let sealed = format!("SELECT count(*) > 0 FROM {schema}.chatfold_segment");
                assert_eq!(server.sql(&sealed), "t");
            }
            let told = store.outbox_status(None).await;
            let told = told.unwrap();
            assert_eq!(told.behind + told.held, u64::from(WRITERS) * u64::from(EACH), "each is told once");
        }
    }
}

/// What is appended, by whom, and what for.
struct Case {
    inbox: StreamId,
    expected: u64,
    command: Option<u8>,
    events: Vec<NewEvent>,
}

impl Case {
    fn new(name: &str, expected: u64, events: &[NewEvent]) -> Self {
        Self { inbox: inbox(name), expected, command: None, events: events.to_vec() }
    }

    fn by(self, command: u8) -> Self {
        Self { command: Some(command), ..self }
    }

    fn append(&self) -> Append<'_> {
        let command = self.command.map(|command| CommandId::from_bytes([command; 16]));
        Append::new(self.expected, &self.events).with_command(command)
    }
}

/// What the logs hold before, and what then waits at the same time.
fn cases() -> (Vec<Case>, Vec<Case>) {
    let before = vec![
        Case::new("fits", 0, &[event(1, 1)]),
        Case::new("stale", 0, &[event(2, 1), event(2, 2)]),
        Case::new("command", 0, &[event(3, 1), event(3, 2)]).by(3),
        Case::new("known", 0, &[event(4, 1), event(4, 2)]),
        Case::new("last", 0, &[event(5, 1)]),
        Case::new("closed", 0, &[event(6, 1)]),
        Case::new("doubled", 0, &[event(7, 1)]),
        Case::new("early", 0, &[event(8, 1)]),
        Case::new("part", 0, &[event(9, 1)]),
        Case::new("held", 0, &[event(10, 1)]),
        Case::new("gone", 0, &[event(11, 1)]),
        Case::new("far", 0, &[event(22, 2)]),
        Case::new("sealed", 0, &(0..9).map(|n| event(12, n)).collect::<Vec<_>>()).by(12),
        Case::new("resealed", 0, &(0..9).map(|n| event(13, n)).collect::<Vec<_>>()).by(13),
    ];
    let then = vec![
        Case::new("fits", 1, &[event(1, 2), event(1, 3)]).by(1),
        Case::new("stale", 1, &[event(2, 3)]),
        Case::new("command", 2, &[event(3, 3)]).by(3),
        Case::new("known", 2, &[event(4, 1), event(4, 2)]),
        Case::new("last", 1, &[event(5, 1)]),
        Case::new("closed", 1, &[event(6, 2)]),
        Case::new("doubled", 1, &[event(7, 2), event(7, 2)]),
        Case::new("early", 7, &[event(8, 2)]),
        Case::new("part", 1, &[event(9, 2), event(9, 1)]),
        Case::new("far", u64::MAX, &[event(22, 1)]),
        Case::new("new", 0, &[event(20, 1)]),
        Case::new("new ahead", 3, &[event(21, 1)]),
        Case::new("sealed", 9, &[event(12, 9)]).by(14),
        Case::new("resealed", 9, &[event(13, 2)]),
        Case::new("empty", 0, &[]),
    ];
    (before, then)
}

type Answer = Result<Appended, AppendError<PostgresError>>;

/// An append that has begun and waits.
fn enter<'a>(
    store: &'a PostgresStore,
    case: &'a Case,
    append: &'a Append<'a>,
) -> Pin<Box<dyn Future<Output = Answer> + 'a>> {
    let mut waiting = Box::pin(store.append(&case.inbox, append));
    assert!(waiting.as_mut().now_or_never().is_none(), "it waits");
    waiting
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_waits_together_is_judged_as_by_the_store_in_memory() {
    let Some(server) = postgres_scratch::server() else { return };
    // Nobody loses patience here, however slow the day.
    let answer_timeout = Duration::from_secs(24 * 3600);
    let options =
        Options { layout: Layout::Plain, appending: 1, seal_events: 4, answer_timeout, ..Options::default() };
    let store = open_with(&server, "public", options).await.unwrap();
    let mut model = MemoryStore::new();
    let (before, then) = cases();
    for case in &before {
        store.append(&case.inbox, &case.append()).await.unwrap();
        model.append(&case.inbox, &case.append()).unwrap();
        store.seal(&case.inbox).await.unwrap();
    }
    store.fence(&inbox("closed"), "elsewhere").await.unwrap();
    model.fence(&inbox("closed"), "elsewhere").unwrap();
    let (blocker, holder) = (connect(&server).await, connect(&server).await);
    holder
        .batch_execute("BEGIN; SELECT 1 FROM chatfold_inbox WHERE inbox = 'held' FOR UPDATE")
        .await
        .unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE chatfold_event IN EXCLUSIVE MODE").await.unwrap();
    // The one transaction that may append waits for the table.
    let (first, new) = (inbox("first"), [event(30, 1)]);
    let first_append = Append::new(0, &new);
    let mut first = Box::pin(store.append(&first, &first_append));
    assert!(first.as_mut().now_or_never().is_none());
    let appends: Vec<_> = then.iter().map(Case::append).collect();
    let waiting: Vec<_> =
        then.iter().zip(&appends).map(|(case, append)| enter(&store, case, append)).collect();
    let held = Case::new("held", 1, &[event(10, 2)]);
    let append = held.append();
    let mut held_waits = enter(&store, &held, &append);
    // Whoever gives up before it is written is not written.
    let gone = Case::new("gone", 1, &[event(11, 2)]);
    let append = gone.append();
    drop(enter(&store, &gone, &append));
    blocker.batch_execute("COMMIT").await.unwrap();
    first.await.unwrap();
    let outcomes = futures_util::future::join_all(waiting).await;
    for (case, outcome) in then.iter().zip(outcomes) {
        let expected = model.append(&case.inbox, &case.append());
        let outcome = outcome.map_err(|error| error.refusal().unwrap());
        let expected = expected.map_err(|error| error.refusal().unwrap());
        assert_eq!(outcome, expected, "{}", case.inbox.key());
    }
    assert!(held_waits.as_mut().now_or_never().is_none(), "it waits for its own inbox, and nobody else does");
    holder.batch_execute("COMMIT").await.unwrap();
    held_waits.await.unwrap();
    assert_eq!(log(&store, &gone.inbox).await, [event(11, 1)]);
    assert_eq!(log(&store, &held.inbox).await, [event(10, 1), event(10, 2)]);
    assert_eq!(store.check().await.unwrap(), []);
    // Those that were new and went on from the end of their logs shared a transaction.
    let shared = "SELECT count(DISTINCT xmin::text) FROM chatfold_event WHERE (inbox, position) IN \
                  (('fits', 2), ('fits', 3), ('sealed', 10))";
    assert_eq!(server.sql(shared), "1");
}

/// The connection breaks while appends are being written together: each is there at most once, and those that were
/// acknowledged are there.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_the_middle_loses_nothing_that_was_acknowledged() {
    let Some(server) = postgres_scratch::server() else { return };
    let options = Options {
        appending: 1,
        answer_timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(5),
        ..Options::default()
    };
    let store = open_with(&server, "public", options).await.unwrap();
    for round in 0..4_u32 {
        let writers: Vec<_> = (0..16_u8)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move { until_refused(&store, writer, round).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(60)).await;
        server.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
        for (writer, acknowledged) in writers.into_iter().enumerate() {
            let acknowledged = acknowledged.await.unwrap();
            let own = inbox(&format!("round{round} {writer}"));
            // A connection of the pool may be about to be found closed.
            let page = loop {
                if let Ok(page) = store.read(&own, 0, usize::MAX).await {
                    break page;
                }
            };
            let log = verified(page);
            let expected: Vec<_> = (0..log.len() as u32).map(|n| event(writer as u8, n)).collect();
            assert_eq!(log, expected);
            assert!(log.len() as u32 >= acknowledged && log.len() as u32 <= acknowledged + 1);
        }
    }
}

/// Appends until the store fails, or for a while; how many were acknowledged.
async fn until_refused(store: &PostgresStore, writer: u8, round: u32) -> u32 {
    let own = inbox(&format!("round{round} {writer}"));
    for n in 0..300 {
        let events = [event(writer, n)];
        match store.append(&own, &Append::new(u64::from(n), &events)).await {
            Ok(_) => {}
            Err(AppendError::Store(_)) => return n,
            Err(other) => panic!("{other}"),
        }
    }
    300
}

/// Both transactions that may append wait for locks on inboxes: others go on without them.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_inbox_of_another() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open_with(&server, "public", Options::default()).await.unwrap();
    let held = [inbox("held1"), inbox("held2")];
    for own in &held {
        store.append(own, &Append::new(0, &[event(1, 1)])).await.unwrap();
    }
    let holder = connect(&server).await;
    holder.batch_execute("BEGIN; SELECT 1 FROM chatfold_inbox FOR UPDATE").await.unwrap();
    let new = [event(1, 2)];
    let append = Append::new(1, &new);
    let mut waiting: Vec<_> = held.iter().map(|own| Box::pin(store.append(own, &append))).collect();
    for held in &mut waiting {
        assert!(held.as_mut().now_or_never().is_none());
    }
    let others: Vec<_> = (0..20).map(|n| inbox(&format!("other{n}"))).collect();
    let first = Append::new(0, &new);
    let done = futures_util::future::join_all(others.iter().map(|own| store.append(own, &first)));
    let mut done = Box::pin(done);
    let all = futures_util::future::poll_fn(|context| {
        waiting.iter_mut().for_each(|held| assert!(held.as_mut().poll(context).is_pending()));
        done.as_mut().poll(context)
    });
    assert!(all.await.iter().all(Result::is_ok));
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(futures_util::future::join_all(waiting).await.iter().all(Result::is_ok));
}
