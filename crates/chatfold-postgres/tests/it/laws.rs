//! The laws of every store, in both layouts; many writers; listeners; making the tables at once.

use std::time::Duration;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Append, AppendError, NewEvent, Page};
use chatfold::testing::check_store;
use chatfold_postgres::{Blocking, CHANNELS, Heard, Layout, Options, PostgresError, PostgresStore};
use tokio::runtime::Runtime;

use crate::schemas::{open, open_with};

pub(crate) fn alice() -> StreamId {
    StreamId::from_key("alice").unwrap()
}

pub(crate) fn event(writer: u8, n: u32) -> NewEvent {
    let mut id = [writer; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    NewEvent::new(EventId::from_bytes(id), format!("{writer}:{n}").into_bytes())
}

/// Appends at the end, as often as others come first.
pub(crate) async fn append(
    store: &PostgresStore,
    inbox: &StreamId,
    events: &[NewEvent],
) -> Result<(), AppendError<PostgresError>> {
    let mut expected = store.head(inbox).await.map_err(AppendError::Store)?.prefix.events;
    loop {
        match store.append(inbox, &Append::new(expected, events)).await {
            Ok(_) => return Ok(()),
            Err(AppendError::Conflict { actual, .. }) => expected = actual,
            Err(error) => return Err(error),
        }
    }
}

/// The whole log; its hashes verified.
pub(crate) async fn log(store: &PostgresStore, inbox: &StreamId) -> Vec<NewEvent> {
    verified(store.read(inbox, 0, usize::MAX).await.unwrap())
}

/// The events of a whole log; its hashes verified.
pub(crate) fn verified(page: Page) -> Vec<NewEvent> {
    let mut prefix = LogPrefix::EMPTY;
    for event in &page.events {
        assert!(event.follows(prefix));
        prefix = event.prefix;
    }
    assert_eq!(page.head.prefix, prefix);
    page.events.into_iter().map(|event| NewEvent::new(event.id, event.bytes)).collect()
}

#[test]
fn it_obeys_the_laws_of_stores_in_both_layouts() {
    let Some(server) = postgres_scratch::server() else { return };
    let runtime = Runtime::new().unwrap();
    for (layout, name) in [(Layout::Partitioned(5), "spread"), (Layout::Plain, "plain")] {
        // Where every event but the newest is sealed, where some are, and where none is.
        for seal_events in [1, 2, 3, usize::MAX] {
            let options = Options { layout, seal_events, ..Options::default() };
            check_store(|| {
                let schema = format!("{name}{seal_events}");
                let opened = open_with(&server, &schema, options.clone());
                Blocking::new(runtime.block_on(opened).unwrap(), runtime.handle().clone())
            });
            let segments = format!("SELECT count(*) > 0 FROM {name}{seal_events}.chatfold_segment");
            assert_eq!(server.sql(&segments), if seal_events < 4 { "t" } else { "f" });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_the_same_tables_at_once() {
    let Some(server) = postgres_scratch::server() else { return };
    let opened = (0..8).map(|_| open(&server, "once", Layout::Partitioned(4)));
    let stores = futures_util::future::join_all(opened).await;
    append(&stores[0], &alice(), &[event(1, 1)]).await.unwrap();
    assert_eq!(log(&stores[7], &alice()).await, [event(1, 1)]);
    let team = StreamId::from_key("\tc:group_team").unwrap();
    for shared in [&team, &StreamId::Directory] {
        append(&stores[1], shared, &[event(1, 1)]).await.unwrap();
    }
    let owners = stores[3].inboxes(None, 10).await.unwrap();
    assert_eq!(owners, [alice().account().unwrap().clone()], "what accounts share is nobody's inbox");
    assert_eq!(stores[3].inboxes(owners.first(), 10).await.unwrap(), []);
    let streams = [team, StreamId::Directory, alice()];
    assert_eq!(stores[3].streams(None, 10).await.unwrap(), streams);
    assert_eq!(stores[3].streams(streams.first(), 1).await.unwrap(), streams[1..2]);
    assert_eq!(stores[3].check().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_writers_lose_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "many", Layout::Partitioned(4)).await;
    const EACH: u32 = 25;
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    append(&store, &alice(), &[event(writer, 2 * n), event(writer, 2 * n + 1)])
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let log = log(&store, &alice()).await;
    for writer in 0..16 {
        let mark = format!("{writer}:").into_bytes();
        let own: Vec<_> = log.iter().filter(|event| event.bytes.starts_with(&mark)).cloned().collect();
        assert_eq!(own, (0..2 * EACH).map(|n| event(writer, n)).collect::<Vec<_>>(), "once, and in order");
    }
}

/// Whether it was alice's inbox that was heard of.
pub(crate) fn is_of_alice(heard: &Heard) -> bool {
    matches!(heard, Heard::Inbox { inbox, .. } if *inbox == alice())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_every_append() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "heard", Layout::Plain).await;
    let mut listener = store.listen().await.unwrap();
    for n in 0..3 {
        append(&store, &alice(), &[event(1, 2 * n), event(1, 2 * n + 1)]).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_secs(60), listener.next()).await.unwrap();
        assert_eq!(heard.unwrap(), Heard::Inbox { inbox: alice(), events: 2 * u64::from(n) + 2 });
    }
    let channel = PostgresStore::channel_of(&alice());
    let mut part = store.listen_to(vec![channel]).await.unwrap();
    let mut rest = store.listen_to((0..CHANNELS).filter(|other| *other != channel).collect()).await.unwrap();
    store.fence(&alice(), "elsewhere").await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(60), part.next()).await.unwrap();
    assert_eq!(heard.unwrap(), Heard::Inbox { inbox: alice(), events: u64::MAX });
    let elsewhere = tokio::time::timeout(Duration::from_millis(50), rest.next()).await;
    assert!(elsewhere.is_err(), "it is told on one channel: {elsewhere:?}");
    assert!(is_of_alice(&listener.next().await.unwrap()));
    server.down("immediate");
    let ended = tokio::time::timeout(Duration::from_secs(60), listener.next()).await.unwrap();
    assert!(ended.is_err(), "a lost connection is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_notifications_works_the_same() {
    let Some(server) = postgres_scratch::server() else { return };
    let options = Options { notify: false, layout: Layout::Plain, ..Options::default() };
    let store = open_with(&server, "quiet", options).await.unwrap();
    append(&store, &alice(), &[event(1, 1)]).await.unwrap();
    append(&store, &alice(), &[event(1, 2), event(1, 3)]).await.unwrap();
    assert_eq!(log(&store, &alice()).await.len(), 3);
}
