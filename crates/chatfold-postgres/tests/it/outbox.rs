//! The outbox: its laws, concurrent writers of which some give up, transactions held open, switching, another server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatfold::shared::StreamId;
use chatfold::store::{Append, AppendError, NewEvent, OutboxChange, OutboxCursor, OutboxEntry, OutboxError};
use chatfold::testing::{Random, check_outbox};
use chatfold_postgres::{Blocking, Layout, Options, PostgresError, PostgresStore};
use postgres_scratch::Server;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, IsolationLevel, NoTls};

use crate::laws::{append, event, is_of_alice};
use crate::schemas::open;

fn owner(n: usize) -> StreamId {
    StreamId::from_key(&["alice", "bob", "carol", "dave"][n % 4].repeat(1 + n / 4)).unwrap()
}

pub(crate) fn appended(entries: &[OutboxEntry]) -> Vec<(StreamId, u64, u64)> {
    let told = |entry: &OutboxEntry| match entry.change {
        OutboxChange::Appended { first, last } => (entry.stream.clone(), first, last),
        other => panic!("expected an append, found {other:?}"),
    };
    entries.iter().map(told).collect()
}

/// A store whose tables anybody finds, and the beginning of its outbox.
async fn switched_on(server: &Server) -> (PostgresStore, OutboxCursor) {
    let options = Options { layout: Layout::Partitioned(3), ..Options::default() };
    let store = PostgresStore::open(server.config().parse().unwrap(), NoTls, options).await.unwrap();
    let beginning = store.outbox_on().await.unwrap();
    (store, beginning)
}

async fn client(server: &Server) -> Client {
    let config: Config = server.config().parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[test]
fn it_obeys_the_laws_of_outboxes_in_both_layouts() {
    let Some(server) = postgres_scratch::server() else { return };
    let runtime = Runtime::new().unwrap();
    for (schema, layout) in [("spread", Layout::Partitioned(5)), ("plain", Layout::Plain)] {
        check_outbox(|| {
            let store = runtime.block_on(open(&server, schema, layout));
            Blocking::new(store, runtime.handle().clone())
        });
    }
}

#[test]
fn it_obeys_the_laws_of_outboxes_through_a_pooler() {
    let Some(server) = postgres_scratch::server() else { return };
    let Some(pooler) = server.pooler() else { return };
    let runtime = Runtime::new().unwrap();
    check_outbox(|| {
        let options = Options { layout: Layout::Plain, pooled: true, ..Options::default() };
        let store = PostgresStore::open(pooler.config().parse().unwrap(), NoTls, options);
        Blocking::new(runtime.block_on(store).unwrap(), runtime.handle().clone())
    });
}

/// Appends a batch at the end within a transaction of its own, which is then committed or not.
async fn append_and_decide(
    store: &PostgresStore,
    client: &mut Client,
    inbox: &StreamId,
    events: &[NewEvent],
    keep: bool,
) -> bool {
    let expected = store.head(inbox).await.unwrap().prefix.events;
    let transaction = client.transaction().await.unwrap();
    match store.append_in(&transaction, inbox, &Append::new(expected, events)).await {
        Ok(_) if keep => {
            tokio::task::yield_now().await;
            transaction.commit().await.unwrap();
            true
        }
        Ok(_) | Err(AppendError::Conflict { .. }) => {
            transaction.rollback().await.unwrap();
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// A writer in each of three ways, of which one gives up now and then after having written. Returns how many events it
/// was told are there.
async fn write(server: &Server, store: &PostgresStore, writer: u8) -> u64 {
    let mut random = Random::new(u64::from(writer));
    let (mut own, mut written) = (client(server).await, 0);
    for n in 0..40_u32 {
        let inbox = owner(random.below(4) as usize);
        let events = [event(writer, 3 * n), event(writer, 3 * n + 1)];
        written += match random.below(4) {
            0 => {
                let keep = random.below(2) == 0;
                2 * u64::from(append_and_decide(store, &mut own, &inbox, &events, keep).await)
            }
            1 => {
                let inboxes = [0, 1, 2, 3].map(owner);
                store.receive_many(&inboxes, &events[..1]).await.unwrap();
                4
            }
            2 => {
                append(store, &inbox, &events[..1]).await.unwrap();
                1
            }
            _ => {
                append(store, &inbox, &events).await.unwrap();
                2
            }
        };
    }
    written
}

/// Writers of the same inboxes in all ways, some of which roll back, and a consumer that polls meanwhile: it sees each event
/// that was committed once, and those of each inbox in the order of their positions.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_of_whom_some_give_up_lose_and_double_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, beginning) = switched_on(&server).await;
    let (server, done) = (Arc::new(server), Arc::new(AtomicBool::new(false)));
    let consumer = tokio::spawn({
        let (store, done) = (store.clone(), Arc::clone(&done));
        async move {
            let (mut all, mut cursor, mut pages) = (Vec::new(), beginning, 0);
            loop {
                let last = done.load(Ordering::Relaxed);
                let page = store.outbox_after(&cursor, 5).await.unwrap();
                cursor = page.next.to_string().parse().unwrap();
                pages += u32::from(!last && !page.entries.is_empty());
                if last && page.entries.is_empty() {
                    return (all, pages);
                }
                all.extend(page.entries);
            }
        }
    });
    let writers = (0..8).map(|writer| {
        let (server, store) = (Arc::clone(&server), store.clone());
        tokio::spawn(async move { write(&server, &store, writer).await })
    });
    let mut written = 0;
    for writer in writers.collect::<Vec<_>>() {
        written += writer.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let (entries, pages) = consumer.await.unwrap();
    assert!(pages > 5, "it read while they wrote: {pages} pages");
    assert!(entries.is_sorted_by(|one, other| one.cursor < other.cursor));
    let mut next: BTreeMap<StreamId, u64> = BTreeMap::new();
    for (inbox, first, last) in appended(&entries) {
        let next = next.entry(inbox.clone()).or_insert(1);
        assert_eq!(first, *next, "the positions of {inbox} are told once and in order");
        *next = last + 1;
    }
    let mut delivered = 0;
    for inbox in [0, 1, 2, 3].map(owner) {
        let head = store.head(&inbox).await.unwrap().prefix.events;
        assert_eq!(next.get(&inbox), Some(&(head + 1)), "{inbox}");
        delivered += head;
    }
    assert_eq!(delivered, written, "what was acknowledged, and nothing of who gave up");
}

/// What an open transaction holds back is counted, and comes in order once that ends, however it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_held_open_holds_back_and_loses_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, mut cursor) = switched_on(&server).await;
    let mut own = client(&server).await;
    let [alice, bob] = [0, 1].map(owner);
    for (round, is_kept) in [(0, false), (1, true)] {
        append(&store, &bob, &[event(1, 9 * round)]).await.unwrap();
        let expected = store.head(&alice).await.unwrap().prefix.events;
        let transaction = own.transaction().await.unwrap();
        store.append_in(&transaction, &alice, &Append::new(expected, &[event(2, round)])).await.unwrap();
        for n in 1..=3 {
            append(&store, &bob, &[event(1, 9 * round + n)]).await.unwrap();
        }
        let before = store.outbox_after(&cursor, 9).await.unwrap();
        let bobs = u64::from(4 * round);
        assert_eq!(appended(&before.entries), [(bob.clone(), bobs + 1, bobs + 1)], "what was there before");
        let again = store.outbox_after(&before.next, 9).await.unwrap();
        assert_eq!((again.entries.len(), again.next), (0, before.next), "the rest waits");
        let status = store.outbox_status(Some(&before.next)).await.unwrap();
        assert_eq!((status.behind, status.held), (0, 3), "and is counted");
        if is_kept {
            transaction.commit().await.unwrap()
        } else {
            transaction.rollback().await.unwrap()
        }
        let after = store.outbox_after(&before.next, 9).await.unwrap();
        let of_alice = is_kept.then(|| (alice.clone(), expected + 1, expected + 1));
        let of_bob = (bobs + 2..bobs + 5).map(|at| (bob.clone(), at, at));
        assert_eq!(appended(&after.entries), of_alice.into_iter().chain(of_bob).collect::<Vec<_>>());
        let status = store.outbox_status(Some(&after.next)).await.unwrap();
        assert_eq!((status.behind, status.held), (0, 0));
        cursor = after.next;
    }
    // One that wrote nothing here holds back as well: nobody can know that it will not.
    let transaction = own.transaction().await.unwrap();
    transaction.execute("SELECT pg_current_xact_id()", &[]).await.unwrap();
    append(&store, &bob, &[event(3, 1)]).await.unwrap();
    assert_eq!(store.outbox_after(&cursor, 9).await.unwrap().entries, []);
    transaction.rollback().await.unwrap();
    let page = store.outbox_after(&cursor, 9).await.unwrap();
    assert_eq!(page.entries.len(), 1);
    // One that began first and wrote last stands behind what it saw, and is shown as soon as it has ended.
    let transaction = own.transaction().await.unwrap();
    transaction.execute("SELECT pg_current_xact_id()", &[]).await.unwrap();
    append(&store, &bob, &[event(3, 2)]).await.unwrap();
    let (alices, bobs) = (store.head(&alice).await.unwrap(), store.head(&bob).await.unwrap());
    let events = [event(3, 3)];
    let late = Append::new(alices.prefix.events, &events);
    let late = store.append_in(&transaction, &alice, &late).await.unwrap().last;
    transaction.commit().await.unwrap();
    let page = store.outbox_after(&page.next, 9).await.unwrap();
    let bobs = bobs.prefix.events;
    assert_eq!(appended(&page.entries), [(bob, bobs, bobs), (alice, late, late)]);
}

/// An entry is of the very transaction that wrote its events, also where statements are not ready yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_written_in_the_transaction_of_its_events() {
    let Some(server) = postgres_scratch::server() else { return };
    let (_, beginning) = switched_on(&server).await;
    for n in 0..6 {
        let options = Options { pooled: n % 2 == 0, connections: 1, notify: false, ..Options::default() };
        let store = PostgresStore::open(server.config().parse().unwrap(), NoTls, options).await.unwrap();
        match n / 2 {
            0 => append(&store, &owner(0), &[event(1, n)]).await.unwrap(),
            1 => append(&store, &owner(0), &[event(1, n), event(2, n)]).await.unwrap(),
            _ => drop(store.receive_many(&[owner(0), owner(1)], &[event(1, n)]).await.unwrap()),
        }
        assert!(!store.outbox_after(&beginning, 99).await.unwrap().entries.is_empty());
    }
    let told = "SELECT count(*), count(*) FILTER (WHERE o.xmin <> e.xmin) FROM chatfold_event AS e \
                JOIN chatfold_outbox AS o ON o.inbox = e.inbox AND e.position BETWEEN o.first AND o.last";
    assert_eq!(server.sql(told), "10|0");
}

/// What the server refuses has no entry, also where its connection is new.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_not_told() {
    let Some(server) = postgres_scratch::server() else { return };
    let (_, beginning) = switched_on(&server).await;
    server.sql("ALTER TABLE chatfold_event ADD CHECK (length(encoded) < 100)");
    for pooled in [false, true] {
        let options = Options { pooled, connections: 1, notify: false, ..Options::default() };
        let store = PostgresStore::open(server.config().parse().unwrap(), NoTls, options).await.unwrap();
        let refused = NewEvent::new(event(1, 1).id, vec![0; 100]);
        for events in [&[refused.clone()][..], &[event(1, 2), refused.clone()]] {
            let failed = store.append(&owner(0), &Append::new(0, events)).await;
            assert!(matches!(failed, Err(AppendError::Store(_))), "{failed:?}");
        }
        assert!(store.receive_many(&[owner(0)], &[refused]).await.is_err());
        let page = store.outbox_after(&beginning, 9).await.unwrap();
        assert_eq!(page.entries, [], "pooled: {pooled}");
    }
}

async fn until_one_waits(server: &Server) {
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let one = async {
        while tokio::task::block_in_place(|| server.sql(waits)) != "1" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), one).await.expect("one waits for another");
}

/// A writer that was under way when the outbox was switched on is either waited for, or ended.
#[tokio::test(flavor = "multi_thread")]
async fn switching_on_misses_nothing_that_is_acknowledged_later() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "chat", Layout::Plain).await;
    let [alice, bob] = [0, 1].map(owner);
    let (mut own, mut old) = (client(&server).await, client(&server).await);
    for client in [&own, &old] {
        client.batch_execute("SET search_path = chat").await.unwrap();
    }
    append(&store, &bob, &[event(2, 1)]).await.unwrap();
    // This one sees the database as it is now, and has not written yet.
    let repeatable = old.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    let old = repeatable.start().await.unwrap();
    old.execute("SELECT 1 FROM chatfold_schema", &[]).await.unwrap();
    let transaction = own.transaction().await.unwrap();
    store.append_in(&transaction, &alice, &Append::new(0, &[event(1, 1)])).await.unwrap();
    let on = tokio::spawn({
        let store = store.clone();
        async move { store.outbox_on().await }
    });
    until_one_waits(&server).await;
    assert!(!on.is_finished(), "it waits for the append that is under way");
    transaction.commit().await.unwrap();
    let beginning = on.await.unwrap().unwrap();
    let ended = store.append_in(&old, &bob, &Append::new(1, &[event(2, 2)])).await;
    let aborted = matches!(ended, Err(AppendError::Store(PostgresError::Aborted(_))));
    assert!(aborted, "who sees the switch as it was is to do it again: {ended:?}");
    drop(old);
    append(&store, &alice, &[event(1, 2)]).await.unwrap();
    let page = store.outbox_after(&beginning, 9).await.unwrap();
    assert_eq!(appended(&page.entries), [(alice, 2, 2)], "what was committed since");
    // Such a transaction that began since is no worse than any other.
    let mut own = client(&server).await;
    own.batch_execute("SET search_path = chat").await.unwrap();
    let repeatable = own.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    let transaction = repeatable.start().await.unwrap();
    store.append_in(&transaction, &bob, &Append::new(1, &[event(2, 2)])).await.unwrap();
    transaction.commit().await.unwrap();
    let page = store.outbox_after(&page.next, 9).await.unwrap();
    assert_eq!(appended(&page.entries), [(bob, 2, 2)]);
}

/// A consumer sleeps until something is told, and then reads on from where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_woken() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, mut cursor) = switched_on(&server).await;
    let mut listener = store.listen().await.unwrap();
    for n in 0..3 {
        append(&store, &owner(0), &[event(1, n)]).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_secs(60), listener.next()).await.unwrap();
        assert!(is_of_alice(&heard.unwrap()));
        let page = store.outbox_after(&cursor, 9).await.unwrap();
        assert_eq!(appended(&page.entries), [(owner(0), u64::from(n) + 1, u64::from(n) + 1)]);
        cursor = page.next;
    }
}

/// The tables in another server: its transactions are counted anew, so entries and cursors of before are of no use there.
#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_was_brought_to_another_server_is_told() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, beginning) = switched_on(&server).await;
    append(&store, &owner(0), &[event(1, 1)]).await.unwrap();
    server.sql("UPDATE chatfold_outbox_switch SET server = server + 1");
    let refused = store.outbox_after(&beginning, 9).await;
    assert!(matches!(refused, Err(OutboxError::Other)), "{refused:?}");
    let anew = store.outbox_on().await.unwrap();
    assert_ne!(anew, beginning);
    append(&store, &owner(0), &[event(1, 2)]).await.unwrap();
    let page = store.outbox_after(&anew, 9).await.unwrap();
    assert_eq!(appended(&page.entries), [(owner(0), 2, 2)]);
}

/// A standby that had not received everything takes the place of the primary, and gives transactions the same ids again: the
/// consumer misses nothing that is written there, and sees that it stands in another history.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_goes_on_after_a_failover_that_lost_what_it_had_taken() {
    let Some(primary) = postgres_scratch::server() else { return };
    let (store, beginning) = switched_on(&primary).await;
    let standby = tokio::task::block_in_place(|| primary.standby());
    append(&store, &owner(0), &[event(1, 1)]).await.unwrap();
    tokio::task::block_in_place(|| {
        primary.standby_has_all();
        standby.stop_receiving();
    });
    for n in 2..30 {
        append(&store, &owner(1), &[event(1, n)]).await.unwrap();
    }
    let taken = store.outbox_after(&beginning, 99).await.unwrap();
    assert_eq!(taken.entries.len(), 29);
    tokio::task::block_in_place(|| {
        primary.down("immediate");
        standby.promote();
    });
    let options = Options { notify: false, ..Options::default() };
    let store = PostgresStore::open(standby.config().parse().unwrap(), NoTls, options).await.unwrap();
    let quiet = store.outbox_after(&taken.next, 99).await.unwrap();
    assert_eq!(quiet.entries, []);
    assert!(quiet.next.history() > taken.next.history(), "it is told at once: {}", quiet.next);
    append(&store, &owner(2), &[event(1, 50)]).await.unwrap();
    for after in [taken.next, quiet.next] {
        let page = store.outbox_after(&after, 99).await.unwrap();
        assert_eq!(appended(&page.entries), [(owner(2), 1, 1)]);
        let entry = &page.entries[0].cursor;
        assert!(entry.transaction() <= taken.next.transaction(), "ids are given again: {entry}");
    }
    let all = store.outbox_after(&beginning, 99).await.unwrap();
    assert_eq!(appended(&all.entries), [(owner(0), 1, 1), (owner(2), 1, 1)], "what was lost is not there");
}
