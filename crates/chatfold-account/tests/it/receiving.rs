//! Events brought to many inboxes at once: the same as brought to each by itself, whoever else writes.

use std::thread;

use chatfold::shared::StreamId;
use chatfold::store::{Closed, EventStore, MemoryStore, NewEvent, Received, SnapshotStore, StoredEvent};
use chatfold::testing::Random;
use chatfold::{ConversationId, Envelope, Event, EventId, Message, MessageId, Timestamp, UserId};
use chatfold_account::{Account, AccountError, encode, receive_many};
use chatfold_sqlite::{Options, SqliteStore};

use crate::support::{log, options};

pub(crate) fn member(n: u64) -> UserId {
    UserId::parse(&format!("member{n}")).unwrap()
}

/// The n-th message of a group; each has its own id.
pub(crate) fn said(n: u64) -> Event {
    let bytes = |kind: u8| {
        let mut bytes = [kind; 16];
        bytes[8..].copy_from_slice(&n.to_be_bytes());
        bytes
    };
    let at = Timestamp::from_millis(1_772_355_600_000 + n as i64).unwrap();
    let envelope = Envelope::new(EventId::from_bytes(bytes(1)), at, UserId::parse("carol").unwrap());
    let message = Message::text(MessageId::from_bytes(bytes(2)), format!("said {n}")).with_seq(n + 1);
    envelope.message_received(ConversationId::group(&"dev".parse().unwrap()), message).unwrap()
}

fn said_all(numbers: impl IntoIterator<Item = u64>) -> Vec<NewEvent> {
    numbers.into_iter().map(|n| encode(&said(n))).collect()
}

/// Some of the messages, in any order, now and then one twice.
fn draw(random: &mut Random) -> Vec<NewEvent> {
    let count = random.below(4);
    said_all((0..count).map(|_| random.below(12)).collect::<Vec<_>>())
}

/// What an account that loads its inbox makes of the same.
fn one_by_one<S: SnapshotStore>(store: S, owner: &UserId, events: Vec<NewEvent>) -> Received {
    let mut account = Account::open(store, owner.clone(), options()).unwrap();
    let before = account.prefix().events;
    match account.receive_encoded(events) {
        Ok(_) if account.prefix().events == before => Received::Known,
        Ok(_) => Received::Appended { first: before + 1, last: account.prefix().events },
        Err(AccountError::Closed(closed)) => Received::Closed(closed),
        Err(error) => panic!("{error}"),
    }
}

fn whole<S: EventStore>(store: &mut S, owner: &UserId) -> Vec<StoredEvent> {
    store.read(&StreamId::from(owner), 0, usize::MAX).unwrap().events
}

/// The law on a store, held against one in memory whose accounts receive one by one.
fn equals_one_by_one<S: SnapshotStore>(mut store: S, seeds: std::ops::Range<u64>) {
    const OWNERS: u64 = 8;
    let (mut appended, mut known, mut closed) = (0, 0, 0);
    for seed in seeds {
        let mut random = Random::new(seed);
        let mut other = MemoryStore::new();
        let owners: Vec<_> = (0..OWNERS).map(|n| member(seed * OWNERS + n)).collect();
        for _ in 0..12 {
            let to = random.below(OWNERS) as usize;
            let (owner, close) = (&owners[to], random.below(12));
            if close == 0 {
                store.fence(&StreamId::from(owner), "elsewhere").unwrap();
                other.fence(&StreamId::from(owner), "elsewhere").unwrap();
            } else if close == 1 {
                store.reopen(&StreamId::from(owner)).unwrap();
                other.reopen(&StreamId::from(owner)).unwrap();
            }
            // Some twice, and in any order.
            let chosen: Vec<_> = (0..random.below(2 * OWNERS))
                .map(|_| owners[random.below(OWNERS) as usize].clone())
                .collect();
            let events = draw(&mut random);
            let together = receive_many(&mut store, &chosen, events.clone()).unwrap();
            let apart: Vec<_> =
                chosen.iter().map(|owner| one_by_one(other.clone(), owner, events.clone())).collect();
            assert_eq!(together, apart, "seed {seed}");
            for received in together {
                match received {
                    Received::Appended { .. } => appended += 1,
                    Received::Known => known += 1,
                    Received::Closed(Closed::Moved { .. }) => closed += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        for owner in &owners {
            assert_eq!(whole(&mut store, owner), whole(&mut other, owner), "seed {seed}: {owner}");
            assert_eq!(
                store.head(&StreamId::from(owner)).unwrap(),
                other.head(&StreamId::from(owner)).unwrap()
            );
        }
    }
    assert!(appended > 10 && known > 10 && closed > 3, "{appended} {known} {closed}");
}

/// Writers that bring overlapping events to the same inboxes, each in another order, and one that writes to one of them.
fn bring_at_once<S: SnapshotStore + Send>(open: impl Fn() -> S + Sync, rounds: u64) {
    const OWNERS: u64 = 40;
    thread::scope(|scope| {
        for writer in 0..3 {
            let open = &open;
            scope.spawn(move || {
                let mut random = Random::new(writer);
                let mut store = open();
                for round in 0..rounds {
                    let mut owners: Vec<_> = (0..OWNERS).map(member).collect();
                    for at in (1..owners.len()).rev() {
                        owners.swap(at, random.below(at as u64 + 1) as usize);
                    }
                    // One of its own, and one that all of them bring.
                    let events = said_all([1_000 * (writer + 1) + round, round]);
                    for received in receive_many(&mut store, &owners, events).unwrap() {
                        assert!(matches!(received, Received::Appended { .. }), "{received:?}");
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut account = Account::open(open(), member(7), options()).unwrap();
            for n in 0..rounds {
                account.receive([&said(9_000 + n)]).unwrap();
            }
        });
    });
    for n in 0..OWNERS {
        let mut account = Account::open(open(), member(n), options()).unwrap();
        let events = log(&mut account);
        let expected = if n == 7 { 5 * rounds } else { 4 * rounds };
        assert_eq!(events.len() as u64, expected, "{n}: each event is there once");
        assert_eq!(account.inbox().totals().unread, expected);
    }
}

#[test]
fn brought_to_many_is_brought_to_each_in_memory() {
    equals_one_by_one(MemoryStore::new(), 0..60);
    let store = MemoryStore::new();
    bring_at_once(|| store.clone(), 20);
}

#[test]
fn brought_to_many_is_brought_to_each_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    // Sealing is under way.
    let options =
        Options { synchronous: chatfold_sqlite::Synchronous::Normal, seal_events: 3, ..Options::default() };
    let open = || SqliteStore::open(&path, &options).unwrap();
    equals_one_by_one(open(), 0..25);
    assert_eq!(open().check().unwrap(), []);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let open = || SqliteStore::open(&path, &options).unwrap();
    bring_at_once(open, 10);
    assert_eq!(open().check().unwrap(), []);
}

#[cfg(feature = "postgres")]
#[test]
fn brought_to_many_is_brought_to_each_on_postgres() {
    let Some(server) = postgres_scratch::server() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(async {
        let mut config: tokio_postgres::Config = server.config().parse().unwrap();
        config.options("-c synchronous_commit=off");
        let options = chatfold_postgres::Options::default();
        chatfold_postgres::PostgresStore::open(config, tokio_postgres::NoTls, options).await.unwrap()
    });
    let open = || chatfold_postgres::Blocking::new(store.clone(), runtime.handle().clone());
    equals_one_by_one(open(), 1_000..1_025);
    bring_at_once(open, 10);
}

/// A store that has the ports' own way alone.
#[derive(Debug)]
struct Plain(MemoryStore);

mod plain {
    use chatfold::shared::StreamId;
    use chatfold::store::{
        Append, AppendError, Appended, EventStore, Head, Page, RewriteError, SnapshotStore, StoredEvent,
        StoredSnapshot,
    };
    use std::convert::Infallible;

    use super::Plain;

    impl EventStore for Plain {
        type Error = Infallible;

        fn append(
            &mut self,
            inbox: &StreamId,
            append: &Append<'_>,
        ) -> Result<Appended, AppendError<Infallible>> {
            self.0.append(inbox, append)
        }

        fn import(
            &mut self,
            inbox: &StreamId,
            events: &[StoredEvent],
        ) -> Result<Head, AppendError<Infallible>> {
            self.0.import(inbox, events)
        }

        fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, Infallible> {
            self.0.read(inbox, after, limit)
        }

        fn find(
            &mut self,
            inbox: &StreamId,
            id: chatfold::EventId,
        ) -> Result<Option<StoredEvent>, Infallible> {
            self.0.find(inbox, id)
        }

        fn rewrite(
            &mut self,
            inbox: &StreamId,
            events: &[(u64, Vec<u8>)],
        ) -> Result<Head, RewriteError<Infallible>> {
            self.0.rewrite(inbox, events)
        }

        fn fence(&mut self, inbox: &StreamId, to: &str) -> Result<Head, Infallible> {
            self.0.fence(inbox, to)
        }

        fn erase(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
            self.0.erase(inbox)
        }

        fn reopen(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
            self.0.reopen(inbox)
        }
    }

    impl SnapshotStore for Plain {
        fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Infallible> {
            self.0.latest(inbox, through)
        }

        fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Infallible> {
            self.0.save(inbox, snapshot)
        }
    }
}

#[test]
fn a_store_with_appends_alone_can_be_brought_events() {
    equals_one_by_one(Plain(MemoryStore::new()), 0..30);
    let store = MemoryStore::new();
    chatfold::testing::check_store(|| Plain(store.clone()));
    let store = MemoryStore::new();
    bring_at_once(|| Plain(store.clone()), 10);
}

#[test]
fn what_cannot_be_read_is_brought_to_nobody() {
    let mut store = MemoryStore::new();
    let owners = [member(1), member(2)];
    let good = encode(&said(1));
    let wrong = NewEvent::new(EventId::from_bytes([9; 16]), good.bytes.clone());
    let refused = receive_many(&mut store, &owners, vec![good.clone(), wrong]);
    assert_eq!(refused, Err(AccountError::Damaged { position: 2 }), "another event's id");
    let garbage = NewEvent::new(EventId::from_bytes([9; 16]), b"nonsense".to_vec());
    let refused = receive_many(&mut store, &owners, vec![good, garbage]);
    assert!(matches!(refused, Err(AccountError::Undecodable { position: 2, .. })), "{refused:?}");
    assert!(owners.iter().all(|owner| whole(&mut store, owner).is_empty()));
}
