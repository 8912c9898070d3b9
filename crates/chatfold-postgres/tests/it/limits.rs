//! A pool whose connections are all in use: who waits, who is refused, and that neither has written anything.

use std::time::Duration;

use chatfold::store::{Append, AppendError};
use chatfold_postgres::{Heard, Layout, Options, PostgresError, PostgresStore};
use futures_util::FutureExt;
use tokio_postgres::{Config, NoTls};

use crate::laws::{alice, append, event, log};

#[tokio::test(flavor = "multi_thread")]
async fn callers_beyond_the_limit_are_refused_at_once_and_others_wait_no_longer_than_they_may() {
    let Some(server) = postgres_scratch::server() else { return };
    let config: Config = server.config().parse().unwrap();
    let options = Options {
        layout: Layout::Plain,
        connections: 1,
        waiting: 3,
        notify: false,
        connect_timeout: Duration::from_secs(2),
        ..Options::default()
    };
    let store = PostgresStore::open(config.clone(), NoTls, options).await.unwrap();
    append(&store, &alice(), &[event(1, 0)]).await.unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE chatfold_event IN EXCLUSIVE MODE").await.unwrap();
    // The only connection waits for the lock.
    let holding = tokio::spawn({
        let store = store.clone();
        async move { store.append(&alice(), &Append::new(1, &[event(1, 1)])).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    while server.sql(waits) != "1" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let inbox = alice();
    let new: Vec<_> = (2..6).map(|n| [event(1, n)]).collect();
    let appends: Vec<_> = new.iter().map(|events| Append::new(1, events)).collect();
    let mut waiting: Vec<_> =
        appends.iter().take(3).map(|append| Box::pin(store.append(&inbox, append))).collect();
    for caller in &mut waiting {
        assert!(caller.as_mut().now_or_never().is_none(), "it may wait");
    }
    for _ in 0..5 {
        let refused = store.append(&inbox, &appends[3]).now_or_never().expect("at once");
        let Err(AppendError::Store(PostgresError::Overloaded { waiting, limit })) = refused else {
            panic!("expected that it is too much, found {refused:?}")
        };
        assert_eq!((waiting, limit), (3, 3));
    }
    // Whoever gives up waiting makes room.
    drop(waiting.pop());
    let mut next = Box::pin(store.append(&inbox, &appends[3]));
    assert!(next.as_mut().now_or_never().is_none(), "it may wait now");
    waiting.push(next);
    for refused in futures_util::future::join_all(waiting).await {
        let Err(AppendError::Store(PostgresError::PoolTimeout { connections, .. })) = refused else {
            panic!("expected that no connection comes free, found {refused:?}")
        };
        assert_eq!(connections, 1);
    }
    client.batch_execute("COMMIT").await.unwrap();
    assert!(holding.await.unwrap().is_ok());
    assert_eq!(log(&store, &alice()).await, [event(1, 0), event(1, 1)], "nothing else was written");
    for n in 2..6 {
        append(&store, &alice(), &[event(1, n)]).await.unwrap();
    }
    drop(client);
    driver.await.unwrap().unwrap();
}

/// Whoever writes may be refused, and what was written is told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_told_however_many_wait() {
    let Some(server) = postgres_scratch::server() else { return };
    let config: Config = server.config().parse().unwrap();
    let options = Options { layout: Layout::Plain, connections: 1, waiting: 0, ..Options::default() };
    let store = PostgresStore::open(config.clone(), NoTls, options).await.unwrap();
    let mut listener = store.listen().await.unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let owners: Vec<_> =
        (0..6).map(|n| chatfold::shared::StreamId::from_key(&format!("owner{n}")).unwrap()).collect();
    for pair in owners.chunks(2) {
        store.append(&pair[0], &Append::new(0, &[event(1, 1)])).await.unwrap();
        client.batch_execute("BEGIN; LOCK TABLE chatfold_event IN EXCLUSIVE MODE").await.unwrap();
        // Whoever is first has the connection: what tells of the first append, or the second one.
        let (second, owner) = (store.clone(), pair[1].clone());
        let holding = tokio::spawn(async move {
            loop {
                match second.append(&owner, &Append::new(0, &[event(1, 1)])).await {
                    Err(AppendError::Store(PostgresError::Overloaded { .. })) => {
                        tokio::task::yield_now().await
                    }
                    other => break other,
                }
            }
        });
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        while server.sql(waits) != "1" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        client.batch_execute("COMMIT").await.unwrap();
        holding.await.unwrap().unwrap();
        let mut heard = std::collections::BTreeSet::new();
        while heard.len() < 2 {
            let next = tokio::time::timeout(Duration::from_secs(60), listener.next()).await.unwrap();
            if let Heard::Inbox { inbox, .. } = next.unwrap() {
                heard.insert(inbox);
            }
        }
        assert!(pair.iter().all(|owner| heard.contains(owner)), "{heard:?}");
        // The connection is free again once it has told.
        while store.head(&pair[0]).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    drop(client);
    driver.await.unwrap().unwrap();
}

/// As many as the pool has connections wait for nothing, whatever the limit.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_while_connections_are_free() {
    let Some(server) = postgres_scratch::server() else { return };
    let options = Options { connections: 4, waiting: 0, notify: false, ..Options::default() };
    let config: Config = server.config().parse().unwrap();
    let store = PostgresStore::open(config, NoTls, options).await.unwrap();
    let inbox = alice();
    for _ in 0..20 {
        futures_util::future::try_join_all((0..4).map(|_| store.head(&inbox))).await.unwrap();
    }
    // What one caller does on several connections takes no more than there are.
    let owners: Vec<_> =
        (0..1_300).map(|n| chatfold::shared::StreamId::from_key(&format!("owner{n}")).unwrap()).collect();
    store.receive_many(&owners, &[event(1, 1)]).await.unwrap();
}
