//! Through PgBouncer in transaction mode: each transaction may be on another connection of the server.

use std::time::Duration;

use chatfold::testing::check_store;
use chatfold_postgres::{Blocking, Layout, Options, PostgresError, PostgresStore};
use tokio::runtime::Runtime;
use tokio_postgres::{Config, NoTls};

use crate::laws::{alice, append, event, is_of_alice, log};

fn options(schema: &str, layout: Layout) -> Options {
    Options { schema: Some(schema.into()), layout, pooled: true, ..Options::default() }
}

async fn open(config: &str, options: Options) -> PostgresStore {
    PostgresStore::open(config.parse().unwrap(), NoTls, options).await.unwrap()
}

#[test]
fn it_obeys_the_laws_of_stores_through_a_pooler() {
    let Some(server) = postgres_scratch::server() else { return };
    let Some(pooler) = server.pooler() else { return };
    let runtime = Runtime::new().unwrap();
    for (schema, layout) in [("spread", Layout::Partitioned(3)), ("plain", Layout::Plain)] {
        check_store(|| {
            let store = runtime.block_on(open(&pooler.config(), options(schema, layout)));
            Blocking::new(store, runtime.handle().clone())
        });
    }
    let prepared = runtime.block_on(async {
        let (client, connection) = pooler.config().parse::<Config>().unwrap().connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let rows = client.simple_query("SELECT count(*) FROM pg_prepared_statements").await.unwrap();
        rows.iter().find_map(|row| match row {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
    });
    assert_eq!(prepared.as_deref(), Some("0"), "no statement stays on a connection of the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_and_listeners_through_a_pooler() {
    let Some(server) = postgres_scratch::server() else { return };
    let Some(pooler) = server.pooler() else { return };
    let store = open(&pooler.config(), options("chat", Layout::Partitioned(2))).await;
    let refused = store.listen().await;
    assert!(matches!(refused, Err(PostgresError::CannotListen)), "{refused:?}");
    let listen = Some(server.config().parse().unwrap());
    let aside = open(&pooler.config(), Options { listen, ..options("chat", Layout::Plain) }).await;
    let mut listener = aside.listen().await.unwrap();
    const EACH: u32 = 15;
    let writers = (0..6).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..EACH {
                append(&store, &alice(), &[event(writer, 2 * n), event(writer, 2 * n + 1)]).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let heard = tokio::time::timeout(Duration::from_secs(60), listener.next()).await.unwrap();
    assert!(is_of_alice(&heard.unwrap()));
    let log = log(&aside, &alice()).await;
    for writer in 0..6 {
        let mark = format!("{writer}:").into_bytes();
        let own: Vec<_> = log.iter().filter(|event| event.bytes.starts_with(&mark)).cloned().collect();
        assert_eq!(own, (0..2 * EACH).map(|n| event(writer, n)).collect::<Vec<_>>(), "once, and in order");
    }
    let owners: Vec<_> =
        (0..700).map(|n| chatfold::shared::StreamId::from_key(&format!("owner{n}")).unwrap()).collect();
    store.receive_many(&owners, &[event(9, 1), event(9, 2)]).await.unwrap();
    assert_eq!(store.head(&owners[699]).await.unwrap().prefix.events, 2);
}
