//! Eight writers on one inbox with 10,000 commands: no lost update, no duplicate.

use std::path::Path;
use std::thread;

use chatfold::Command;
use chatfold::snapshot::SnapshotPolicy;
use chatfold::store::{MemoryStore, SnapshotStore};
use chatfold_account::{Account, AccountError, Options};
use chatfold_sqlite::{SqliteStore, Synchronous};

use crate::support::{alice, command, context, is_of, log, sent};

const WRITERS: u64 = 8;

/// Snapshots as in service: not after every few events.
fn options() -> Options {
    let snapshots = SnapshotPolicy::default().with_every_events(Some(500));
    Options { snapshots, ..Options::default() }
}

/// Every writer gives its share of the commands; who comes second too often gives the command again.
fn race<S: SnapshotStore>(open: impl Fn() -> S + Sync, commands: u64) {
    let counts: Vec<(u64, u64)> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let open = &open;
                scope.spawn(move || {
                    let mut account = Account::open(open(), alice(), options()).unwrap();
                    let (mut events, mut nothing) = (0, 0);
                    for n in 0..commands / WRITERS {
                        loop {
                            match account.execute(command(writer, n), context(writer, n)) {
                                Ok(executed) => {
                                    assert!(!executed.repeated);
                                    let count =
                                        executed.positions.map_or(0, |(first, last)| last - first + 1);
                                    events += count;
                                    nothing += u64::from(count == 0);
                                    break;
                                }
                                Err(AccountError::Contention { .. }) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                    (events, nothing)
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let mut account = Account::open(open(), alice(), options()).unwrap();
    let log = log(&mut account);
    let acknowledged: u64 = counts.iter().map(|(events, _)| events).sum();
    assert_eq!(log.len() as u64, acknowledged, "what is there was acknowledged, once");
    for writer in 0..WRITERS {
        let expected: Vec<_> = (0..commands / WRITERS).filter(|n| n % 3 == 0).collect();
        assert_eq!(sent(&log, writer), expected, "writer {writer}: all of its messages, once, in order");
    }
    is_of(account.inbox(), &log);
    let without = account.heal().unwrap();
    assert!(without.reset);
    is_of(account.inbox(), &log);
}

fn sqlite(path: &Path) -> SqliteStore {
    // What is proved is that no update is lost, not that it is synced, which costs a minute.
    let options = chatfold_sqlite::Options { synchronous: Synchronous::Normal, ..Default::default() };
    SqliteStore::open(path, &options).unwrap()
}

#[test]
fn eight_writers_in_memory() {
    let store = MemoryStore::new();
    race(|| store.clone(), 10_000);
}

#[test]
fn eight_writers_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    race(|| sqlite(&path), 10_000);
    assert_eq!(sqlite(&path).check().unwrap(), []);
}

#[test]
fn a_limit_holds_whoever_else_writes() {
    let store = MemoryStore::new();
    let pinned: usize = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = store.clone();
                scope.spawn(move || {
                    let mut account = Account::open(store, alice(), options()).unwrap();
                    let mut pinned = 0;
                    for n in 0..20 {
                        let conversation = format!("c2c_{writer}-{n}").parse().unwrap();
                        match account.execute(Command::Pin { conversation, on: true }, context(writer, n)) {
                            Ok(_) => pinned += 1,
                            Err(AccountError::Rejected(_)) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                    pinned
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    let account = Account::open(store, alice(), options()).unwrap();
    let shown = account.inbox().conversations().filter(|row| row.is_pinned()).count();
    assert_eq!((pinned, shown), (50, 50), "as many as the limit allows (R70), and no more");
}
