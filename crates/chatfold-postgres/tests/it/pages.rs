//! Snapshots by pages: what is read is what was kept, what did not change is not written, what nobody names goes, and damage
//! is told.

use std::time::Duration;

use chatfold::jsonl::encode_event;
use chatfold::snapshot::{SnapshotSource, read_later};
use chatfold::store::{NewEvent, StoredSnapshot};
use chatfold::testing::{Random, Workload};
use chatfold::{Event, Inbox, Policy};
use chatfold_postgres::{Damage, Layout, Options, PostgresError, PostgresStore};
use postgres_scratch::Server;

use crate::laws::{alice, append};
use crate::schemas::open_with;

async fn open(server: &Server, schema: &str) -> PostgresStore {
    let options = Options { layout: Layout::Partitioned(2), seal_events: 500, ..Options::default() };
    open_with(server, schema, options).await.unwrap()
}

/// A log in the tables, and its inbox.
struct Kept {
    store: PostgresStore,
    events: Vec<Event>,
    inbox: Inbox,
    at: usize,
}

impl Kept {
    async fn new(store: PostgresStore, events: u64) -> Self {
        let workload = Workload::phone().with_events(events).with_conversations(40);
        let events: Vec<_> = workload.iter().collect();
        let inbox = Inbox::new(workload.owner(), Policy::default());
        Self { store, events, inbox, at: 0 }
    }

    /// Appends some events and returns the snapshot of all so far.
    async fn advance(&mut self, events: usize) -> StoredSnapshot {
        let some = &self.events[self.at..self.at + events];
        some.iter().for_each(|event| drop(self.inbox.apply(event)));
        let line = |event: &Event| NewEvent::new(event.id(), encode_event(event).into_bytes());
        append(&self.store, &alice(), &some.iter().map(line).collect::<Vec<_>>()).await.unwrap();
        self.at += events;
        let prefix = self.store.head(&alice()).await.unwrap().prefix;
        StoredSnapshot::new(prefix, self.inbox.snapshot(prefix).unwrap())
    }

    async fn keep(&mut self, events: usize) -> StoredSnapshot {
        let snapshot = self.advance(events).await;
        assert!(self.store.save(&alice(), &snapshot).await.unwrap());
        snapshot
    }
}

/// Reads a snapshot by ranges, in whatever order.
fn holds(source: &dyn SnapshotSource, bytes: &[u8], seed: u64) {
    assert_eq!(source.len_bytes(), bytes.len() as u64);
    let mut random = Random::new(seed);
    for n in 0..200 {
        let from = (random.next() % (bytes.len() as u64 + 1)) as usize;
        let until = (from + (random.next() % 30_000) as usize).min(bytes.len());
        let range = if n == 0 { 0..bytes.len() } else { from..until };
        let read = source.read(range.start as u64..range.end as u64).unwrap();
        assert_eq!(read, &bytes[range.clone()], "{range:?}");
    }
    assert!(source.read(0..bytes.len() as u64 + 1).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_is_what_was_kept_and_what_did_not_change_is_not_written() {
    let Some(server) = postgres_scratch::server() else { return };
    let mut kept = Kept::new(open(&server, "paged").await, 9_000).await;
    let pages = "SELECT count(*) FROM paged.chatfold_snapshot_page";
    let newest = "SELECT coalesce(max(page), 0) FROM paged.chatfold_snapshot_page";
    let first = kept.keep(8_000).await;
    let (all, last): (i64, i64) = (server.sql(pages).parse().unwrap(), server.sql(newest).parse().unwrap());
    assert!(all > 40, "{all} pages");
    let second = kept.keep(20).await;
    let written = server.sql(newest).parse::<i64>().unwrap() - last;
    assert!(written * 3 < all, "{written} of {all} pages were written again");
    for snapshot in [&second, &first] {
        let through = snapshot.prefix.events;
        assert_eq!(kept.store.latest(&alice(), through).await.unwrap().as_ref(), Some(snapshot));
        let opened = kept.store.open_latest(&alice(), through).await.unwrap().unwrap();
        assert_eq!(opened.prefix, snapshot.prefix);
        let later = read_later(&snapshot.bytes).unwrap();
        let later = later.start as u64..later.end as u64;
        assert!(opened.pages.is_at_hand(later.end..opened.pages.len_bytes()));
        assert!(!opened.pages.is_at_hand(later.clone()));
        assert!(opened.pages.held_len_bytes() < snapshot.bytes.len() as u64 / 2);
        // What was fetched needs no thread; what was not is fetched by one.
        let some = later.start..later.start + 50_000;
        opened.pages.fetch(std::slice::from_ref(&some)).await.unwrap();
        assert!(opened.pages.is_at_hand(some));
        holds(&*opened.pages, &snapshot.bytes, through);
        let (inbox, _) = Inbox::restore_from(opened.pages, kept.inbox.owner(), Policy::default()).unwrap();
        assert_eq!(inbox.verify(), Ok(()));
    }
    for _ in 0..5 {
        kept.keep(30).await;
    }
    assert_eq!(server.sql("SELECT count(*) FROM paged.chatfold_snapshot"), "2");
    assert_eq!(kept.store.check().await.unwrap(), [], "no page is of no snapshot");
    // What was opened before and dropped since is an outage and no damage.
    kept.store.erase(&alice()).await.unwrap();
    assert_eq!(server.sql(pages), "0");
}

/// Flips a byte in the middle of a page, of the front or of a list.
fn flip(server: &Server, table: &str, column: &str, which: &str) {
    server.sql(&format!(
        "UPDATE broken.{table} SET {column} = set_byte({column}, length({column}) / 2, \
         get_byte({column}, length({column}) / 2) # 8) WHERE {which}"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_is_told_passed_over_and_mended() {
    let Some(server) = postgres_scratch::server() else { return };
    let mut kept = Kept::new(open(&server, "broken").await, 5_000).await;
    let newest = "page = (SELECT max(page) FROM broken.chatfold_snapshot_page)";
    let list = "position = (SELECT max(position) FROM broken.chatfold_snapshot)";
    let parts = [
        ("chatfold_snapshot_page", "bytes", newest),
        ("chatfold_snapshot_page", "hash", newest),
        ("chatfold_snapshot", "pages", list),
        ("chatfold_snapshot", "bytes", list),
        ("chatfold_snapshot", "checksum", list),
    ];
    for (table, column, which) in parts {
        let older = kept.keep(300).await;
        let newer = kept.keep(300).await;
        flip(&server, table, column, which);
        let found = kept.store.check().await.unwrap();
        let position = newer.prefix.events;
        assert!(
            found.iter().any(|damage| matches!(damage, Damage::Page { inbox, table: told, position: at, .. }
                if *inbox == alice() && *told == table && *at == position)),
            "{table}.{column}: {found:?}"
        );
        assert_eq!(kept.store.latest(&alice(), u64::MAX).await.unwrap(), Some(older.clone()), "{column}");
        // Read by range, from a store that knows of nothing.
        let fresh = open(&server, "broken").await;
        let opened = fresh.open_latest(&alice(), u64::MAX).await.unwrap().unwrap();
        if table == "chatfold_snapshot" {
            assert_eq!(opened.prefix, older.prefix, "a list is passed over at once");
        } else {
            let read = opened.pages.read(0..opened.pages.len_bytes()).unwrap_err();
            assert!(read.to_string().contains("do not have its hash"), "{read}");
            let later = read_later(&newer.bytes).unwrap();
            let later = later.start as u64..later.end as u64;
            let fetched = opened.pages.fetch(std::slice::from_ref(&later)).await;
            assert!(matches!(fetched, Err(PostgresError::DamagedAt { .. })), "{fetched:?}");
        }
        let mended = fresh.repair(&alice()).await.unwrap();
        assert!(!mended.is_empty());
        assert_eq!(fresh.check().await.unwrap(), [], "{column}");
        assert_eq!(fresh.latest(&alice(), u64::MAX).await.unwrap(), Some(older));
        // Without mending, the next snapshot that is kept relies on nothing that is there.
        kept.keep(50).await;
        flip(&server, table, column, which);
        let _ = kept.store.latest(&alice(), u64::MAX).await;
        let next = kept.keep(50).await;
        assert_eq!(kept.store.latest(&alice(), u64::MAX).await.unwrap(), Some(next));
        assert_eq!(kept.store.check().await.unwrap(), [], "{column}");
    }
    server.sql("DELETE FROM broken.chatfold_snapshot_page WHERE page % 2 = 0");
    let none = kept.store.latest(&alice(), u64::MAX).await.unwrap_err();
    assert!(matches!(none, PostgresError::DamagedAt { table: "chatfold_snapshot_page", .. }), "{none}");
    kept.store.repair(&alice()).await.unwrap();
    assert_eq!(kept.store.latest(&alice(), u64::MAX).await.unwrap(), None);
    // Keys that are missing would let an event in twice; they follow from the log.
    server.sql("DELETE FROM broken.chatfold_sealed WHERE slice % 3 = 0");
    let found = kept.store.check().await.unwrap();
    assert!(matches!(&found[..], [Damage::Keys { position: 1, missing, .. }] if *missing > 100), "{found:?}");
    assert_eq!(kept.store.repair(&alice()).await.unwrap(), found);
    assert_eq!(kept.store.check().await.unwrap(), []);
    for event in &kept.events[..kept.at] {
        assert!(kept.store.find(&alice(), event.id()).await.unwrap().is_some());
    }
    flip(&server, "chatfold_segment", "bytes", "last = 500");
    let found = kept.store.check().await.unwrap();
    assert!(
        matches!(&found[..], [Damage::Event { table: "chatfold_segment", position: 1, .. }]),
        "{found:?}"
    );
    assert!(kept.store.repair(&alice()).await.unwrap_err().is_damaged(), "nothing mends a log");
}

/// Two keep snapshots at once, of one inbox, again and again: none names a page that the other has removed.
#[tokio::test(flavor = "multi_thread")]
async fn two_that_keep_snapshots_at_once_leave_whole_ones() {
    let Some(server) = postgres_scratch::server() else { return };
    let mut kept = Kept::new(open(&server, "twice").await, 4_000).await;
    let other = open(&server, "twice").await;
    for _ in 0..12 {
        let one = kept.advance(150).await;
        let two = kept.advance(150).await;
        let owner = alice();
        let (first, second) =
            futures_util::future::join(kept.store.save(&owner, &two), other.save(&owner, &one)).await;
        assert!(first.unwrap() && second.unwrap());
        assert_eq!(other.check().await.unwrap(), []);
        assert_eq!(other.latest(&owner, u64::MAX).await.unwrap(), Some(two));
    }
}

/// The server dies while a snapshot is kept: the older one is whole, or the newer.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_while_a_snapshot_is_kept_leaves_whole_ones() {
    let Some(server) = postgres_scratch::server() else { return };
    let mut kept = Kept::new(open(&server, "dies").await, 6_000).await;
    let mut sound = vec![kept.keep(4_000).await];
    for round in 0..6 {
        let next = kept.advance(200).await;
        let saving = tokio::spawn({
            let (store, next) = (kept.store.clone(), next.clone());
            async move { store.save(&alice(), &next).await }
        });
        tokio::time::sleep(Duration::from_millis(3 * round)).await;
        tokio::task::block_in_place(|| {
            server.down("immediate");
            server.up();
        });
        let saved = saving.await.unwrap();
        sound.push(next);
        let latest = loop {
            match kept.store.latest(&alice(), u64::MAX).await {
                Ok(latest) => break latest.unwrap(),
                // Connections that broke are replaced.
                Err(error) => assert!(!error.is_damaged(), "{error}"),
            }
        };
        assert!(sound.contains(&latest));
        assert!(saved.is_err() || latest == *sound.last().unwrap(), "what was acknowledged is there");
        assert_eq!(kept.store.check().await.unwrap(), []);
    }
}
