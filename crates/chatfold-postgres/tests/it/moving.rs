//! An inbox moves elsewhere while writers go on: nothing acknowledged is lost.

use std::time::Duration;

use chatfold::snapshot::LogPrefix;
use chatfold::store::{AppendError, Closed, StoredSnapshot};
use chatfold_postgres::{Layout, MoveError};

use crate::laws::{alice, append, event, log};
use crate::schemas::open;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_writes_go_on() {
    let Some(server) = postgres_scratch::server() else { return };
    let old = open(&server, "old", Layout::Partitioned(3)).await;
    let new = open(&server, "new", Layout::Plain).await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let old = old.clone();
            tokio::spawn(async move {
                let mut acknowledged = 0;
                loop {
                    match append(&old, &alice(), &[event(writer, acknowledged)]).await {
                        Ok(()) => acknowledged += 1,
                        Err(AppendError::Closed(closed)) => return (writer, acknowledged, closed),
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    while old.head(&alice()).await.unwrap().prefix.events < 60 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let moved = old.move_to(&alice(), &new, "the new place").await.unwrap();
    let (before, after) = (log(&old, &alice()).await, log(&new, &alice()).await);
    assert_eq!(before, after, "the same log, event by event");
    let mut all = 0;
    for writer in writers {
        let (writer, acknowledged, closed) = writer.await.unwrap();
        assert_eq!(closed, Closed::Moved { to: "the new place".into() });
        let mark = format!("{writer}:").into_bytes();
        let there: Vec<_> = after.iter().filter(|event| event.bytes.starts_with(&mark)).cloned().collect();
        assert_eq!(there, (0..acknowledged).map(|n| event(writer, n)).collect::<Vec<_>>());
        all += u64::from(acknowledged);
    }
    assert_eq!(moved.prefix.events, all, "nothing is there that was not acknowledged");
    append(&new, &alice(), &[event(9, 1)]).await.unwrap();
    let again = old.move_to(&alice(), &new, "the new place").await;
    assert!(matches!(again, Err(MoveError::Differs(_))), "the new place has gone on: {again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_was_interrupted_goes_on() {
    let Some(server) = postgres_scratch::server() else { return };
    let old = open(&server, "old", Layout::Plain).await;
    let new = open(&server, "new", Layout::Partitioned(2)).await;
    for n in 0..10 {
        append(&old, &alice(), &[event(1, n)]).await.unwrap();
    }
    let head = old.head(&alice()).await.unwrap().prefix;
    assert!(old.save(&alice(), &StoredSnapshot { prefix: head, bytes: vec![1; 100] }).await.unwrap());
    // As far as it had come: some of the events, and the fence.
    let begun = old.read(&alice(), 0, 4).await.unwrap().events;
    new.import(&alice(), &begun).await.unwrap();
    old.fence(&alice(), "new").await.unwrap();
    let moved = old.move_to(&alice(), &new, "new").await.unwrap();
    assert_eq!((moved.prefix, moved.closed), (head, None));
    assert_eq!(new.latest(&alice(), u64::MAX).await.unwrap().map(|snapshot| snapshot.prefix), Some(head));
    old.erase(&alice()).await.unwrap();
    let left = old.head(&alice()).await.unwrap();
    assert_eq!((left.prefix, left.closed), (LogPrefix::EMPTY, Some(Closed::Moved { to: "new".into() })));
}
