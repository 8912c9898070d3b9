//! A server that restarts, and connections that are cut in the middle.

use std::time::Duration;

use chatfold::id::CommandId;
use chatfold::store::{Append, AppendError};
use chatfold_postgres::{Layout, PostgresStore};
use postgres_scratch::Server;
use tokio::sync::mpsc;
use tokio_postgres::NoTls;

use crate::laws::{alice, event, log, verified};
use crate::schemas::open;

/// Appends events 0, 1, 2 … of a writer, each until it is acknowledged: after any failure the same again. Returns
/// how many were acknowledged, how many failures it met, and how many turned out to have been written.
async fn writer(store: PostgresStore, number: u8, until: u32) -> (u32, u32, u32) {
    let (mut failures, mut written) = (0, 0);
    for n in 0..until {
        let events = [event(number, n)];
        let mut command = [number; 16];
        command[..4].copy_from_slice(&n.to_be_bytes());
        let (mut expected, command) = (0, Some(CommandId::from_bytes(command)));
        let mut failed = false;
        loop {
            let append = Append::new(expected, &events).with_command(command);
            match store.append(&alice(), &append).await {
                Ok(appended) => {
                    assert!(failed || !appended.repeated, "only what failed can have been done before");
                    written += u32::from(appended.repeated);
                    break;
                }
                Err(AppendError::Conflict { actual, .. }) => expected = actual,
                Err(AppendError::Store(_)) => {
                    (failed, failures) = (true, failures + 1);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    (until, failures, written)
}

/// Runs four writers while `disturb` goes on; everything acknowledged must be there, once, in order.
async fn survives(store: PostgresStore, each: u32, disturb: impl AsyncFn()) -> u32 {
    let (tell, mut done) = mpsc::channel(4);
    for number in 0..4 {
        let (store, tell) = (store.clone(), tell.clone());
        tokio::spawn(async move { tell.send(writer(store, number, each).await).await.unwrap() });
    }
    drop(tell);
    let (mut ended, mut failures) = (0, 0);
    while ended < 4 {
        tokio::select! {
            outcome = done.recv() => {
                failures += outcome.expect("a writer ended without saying so").1;
                ended += 1;
            }
            () = disturb() => {}
        }
    }
    // A connection that was cut at last may be found cut only now.
    let log = loop {
        match store.read(&alice(), 0, usize::MAX).await {
            Ok(page) => break verified(page),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    for number in 0..4 {
        let mark = format!("{number}:").into_bytes();
        let own: Vec<_> = log.iter().filter(|event| event.bytes.starts_with(&mark)).cloned().collect();
        assert_eq!(own, (0..each).map(|n| event(number, n)).collect::<Vec<_>>(), "all, once, in order");
    }
    failures
}

async fn cut_connections(server: &Server) {
    let mut config: tokio_postgres::Config = server.config().parse().unwrap();
    let (client, connection) = config.application_name("cuts").connect(NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    // One that was given up in the middle may still be at it: it must not cut this one.
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE application_name <> 'cuts' AND backend_type = 'client backend'";
    client.execute(sql, &[]).await.unwrap();
    drop(client);
    driver.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_in_the_middle_lose_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "cut", Layout::Partitioned(3)).await;
    let failures = survives(store, 120, async || {
        tokio::time::sleep(Duration::from_millis(15)).await;
        cut_connections(&server).await;
    })
    .await;
    assert!(failures > 0, "no connection was cut in the middle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_and_restarts_loses_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "crash", Layout::Plain).await;
    let failures = survives(store, 150, async || {
        tokio::time::sleep(Duration::from_millis(60)).await;
        tokio::task::block_in_place(|| {
            server.down("immediate");
            server.up();
        });
    })
    .await;
    assert!(failures > 0, "the server was never missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_append_leaves_no_open_transaction() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "dropped", Layout::Plain).await;
    let inbox = alice();
    for n in 0..40 {
        let events = [event(1, n)];
        let append = Append::new(u64::from(n), &events);
        let given_up =
            tokio::time::timeout(Duration::from_micros(100 * u64::from(n)), store.append(&inbox, &append));
        let _ = given_up.await;
        // Whatever became of it, the same again ends well.
        store.append(&inbox, &append).await.unwrap();
    }
    assert_eq!(log(&store, &alice()).await, (0..40).map(|n| event(1, n)).collect::<Vec<_>>());
}

/// A host that takes the connection and says nothing, as behind a network that swallows packets.
#[tokio::test]
async fn a_host_that_never_answers_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = format!("host=127.0.0.1 port={port} user=chatfold").parse().unwrap();
    let bound = Duration::from_millis(300);
    let options = chatfold_postgres::Options { connect_timeout: bound, ..Default::default() };
    let opened =
        tokio::time::timeout(Duration::from_secs(30), PostgresStore::open(config, NoTls, options)).await;
    let error = opened.expect("it ends by itself").expect_err("nobody is there");
    assert!(matches!(error, chatfold_postgres::PostgresError::Pool(_)), "{error}");
}
