//! Appending within a transaction of the caller's own, beside tables of the caller's own.

use std::time::Duration;

use chatfold::id::CommandId;
use chatfold::store::{Append, AppendError};
use chatfold_postgres::{Layout, Options, PostgresError, PostgresStore};
use postgres_scratch::Server;
use tokio_postgres::{Client, Config, IsolationLevel, NoTls};

use crate::laws::{alice, append, event, log};

async fn client(server: &Server) -> Client {
    let config: Config = server.config().parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A store in a schema that the search path of nobody else knows, and the caller's table of tokens.
async fn beside(server: &Server) -> (PostgresStore, Client) {
    let options = Options {
        schema: Some("Chat \"box\" @1".into()),
        layout: Layout::Partitioned(2),
        ..Options::default()
    };
    let store = PostgresStore::open(server.config().parse().unwrap(), NoTls, options).await.unwrap();
    let client = client(server).await;
    client.batch_execute("CREATE TABLE sync (token text); INSERT INTO sync VALUES ('0')").await.unwrap();
    (store, client)
}

async fn token(client: &Client) -> String {
    client.query_one("SELECT token FROM sync", &[]).await.unwrap().get(0)
}

const ADVANCE: &str = "UPDATE sync SET token = (token::integer + 1)::text";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_its_events_are_there_together_or_not_at_all() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, mut caller) = beside(&server).await;
    let mut listener = store.listen().await.unwrap();
    for is_kept in [false, true] {
        let transaction = caller.transaction().await.unwrap();
        transaction.batch_execute(ADVANCE).await.unwrap();
        let events = [event(1, 1), event(1, 2)];
        let appended = store.append_in(&transaction, &alice(), &Append::new(0, &events)).await.unwrap();
        assert_eq!((appended.first, appended.last, appended.repeated), (1, 2, false));
        assert_eq!(store.head(&alice()).await.unwrap().prefix.events, 0, "not before the commit");
        if is_kept {
            transaction.commit().await.unwrap();
            store.announce(&alice());
        } else {
            transaction.rollback().await.unwrap();
        }
        assert_eq!(token(&caller).await, if is_kept { "1" } else { "0" });
        let expected = if is_kept { events.to_vec() } else { vec![] };
        assert_eq!(log(&store, &alice()).await, expected);
    }
    let heard = tokio::time::timeout(Duration::from_secs(60), listener.next()).await.unwrap();
    assert_eq!(heard.unwrap(), alice());
    assert_eq!(server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1", "but sync");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_the_transaction_as_it_was() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, mut caller) = beside(&server).await;
    append(&store, &alice(), &[event(1, 1)]).await.unwrap();
    let transaction = caller.transaction().await.unwrap();
    transaction.batch_execute(ADVANCE).await.unwrap();
    let (known, new) = ([event(1, 1), event(1, 2)], [event(1, 2)]);
    let refused = store.append_in(&transaction, &alice(), &Append::new(0, &new)).await;
    assert!(matches!(refused, Err(AppendError::Conflict { actual: 1, .. })), "{refused:?}");
    let refused = store.append_in(&transaction, &alice(), &Append::new(1, &known)).await;
    assert!(matches!(refused, Err(AppendError::Known { .. })), "{refused:?}");
    let command = Some(CommandId::from_bytes([7; 16]));
    let new = Append::new(1, &new).with_command(command);
    for repeated in [false, true] {
        let appended = store.append_in(&transaction, &alice(), &new).await.unwrap();
        assert_eq!((appended.first, appended.last, appended.repeated), (2, 2, repeated));
    }
    transaction.commit().await.unwrap();
    assert_eq!(token(&caller).await, "1");
    assert_eq!(log(&store, &alice()).await, [event(1, 1), event(1, 2)]);
    store.fence(&alice(), "elsewhere").await.unwrap();
    let transaction = caller.transaction().await.unwrap();
    let refused = store.append_in(&transaction, &alice(), &Append::new(2, &[event(1, 3)])).await;
    assert!(matches!(refused, Err(AppendError::Closed(_))), "{refused:?}");
}

/// Other appends to the inbox wait for the transaction, and are judged by what it left.
#[tokio::test(flavor = "multi_thread")]
async fn others_wait_for_the_transaction() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, mut caller) = beside(&server).await;
    let transaction = caller.transaction().await.unwrap();
    store.append_in(&transaction, &alice(), &Append::new(0, &[event(1, 1)])).await.unwrap();
    let other = tokio::spawn({
        let store = store.clone();
        async move { store.append(&alice(), &Append::new(0, &[event(2, 1)])).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    while server.sql(waits) != "1" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    transaction.commit().await.unwrap();
    let refused = other.await.unwrap();
    assert!(matches!(refused, Err(AppendError::Conflict { actual: 1, .. })), "{refused:?}");
}

/// A transaction that sees the database as it was does not see who came in between: all of it is to be done again.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_another_came_before_is_ended_and_done_again() {
    let Some(server) = postgres_scratch::server() else { return };
    let (store, mut caller) = beside(&server).await;
    append(&store, &alice(), &[event(1, 1)]).await.unwrap();
    let events = [event(2, 1)];
    let mut expected = 1;
    for attempt in 0..2 {
        let isolated = caller.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let transaction = isolated.start().await.unwrap();
        transaction.batch_execute(ADVANCE).await.unwrap();
        if attempt == 0 {
            append(&store, &alice(), &[event(1, 2)]).await.unwrap();
        }
        match store.append_in(&transaction, &alice(), &Append::new(expected, &events)).await {
            Ok(_) => transaction.commit().await.unwrap(),
            Err(AppendError::Store(PostgresError::Aborted(_))) if attempt == 0 => {
                let refused = transaction.batch_execute("SELECT 1").await;
                assert!(refused.is_err(), "the transaction has ended");
                transaction.rollback().await.unwrap();
                assert_eq!(token(&caller).await, "0", "with all that it wrote");
                expected = store.head(&alice()).await.unwrap().prefix.events;
            }
            Err(error) => panic!("attempt {attempt}: {error}"),
        }
    }
    assert_eq!(token(&caller).await, "1");
    assert_eq!(log(&store, &alice()).await, [event(1, 1), event(1, 2), event(2, 1)]);
}
