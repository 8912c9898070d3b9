//! A primary that is killed and a standby that takes its place: what the same accounts, over the same store, keep.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chatfold::store::StoredEvent;
use chatfold::{EventId, UserId};
use chatfold_account::postgres::{Account, Accounts};
use chatfold_account::{AccountError, Report};
use chatfold_postgres::{Options, PostgresStore};
use postgres_scratch::Server;
use tokio_postgres::{Config, NoTls};

use crate::support::{alice, command, context, is_of, options, sent};

/// Long enough for a slow machine.
const LONGEST: Duration = Duration::from_secs(120);

/// Both hosts; whichever takes writes is used.
async fn open(primary: &Server, standby: &Server) -> PostgresStore {
    let (one, other) = (primary.socket_folder().display(), standby.socket_folder().display());
    let config = format!(
        "host={one},{other} port={},{} user=chatfold dbname=postgres application_name=clients \
         target_session_attrs=read-write",
        primary.port(),
        standby.port()
    );
    PostgresStore::open(config.parse::<Config>().unwrap(), NoTls, Options::default()).await.unwrap()
}

/// Does it again after each failure of the store, until it is done. Anything else than such a failure fails the test.
macro_rules! until_done {
    ($attempt:expr) => {
        loop {
            match $attempt.await {
                Ok(done) => break done,
                Err(AccountError::Store(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
}

async fn log(account: &Account) -> Vec<StoredEvent> {
    let events = until_done!(account.events(0, usize::MAX));
    let mut prefix = chatfold::snapshot::LogPrefix::EMPTY;
    for event in &events {
        assert!(event.follows(prefix), "the hash at {} fits", event.position());
        prefix = event.prefix;
    }
    events
}

/// How often each event is in a log.
fn counted(log: &[StoredEvent]) -> BTreeMap<EventId, usize> {
    let mut counts = BTreeMap::new();
    for event in log {
        *counts.entry(event.id).or_default() += 1;
    }
    counts
}

/// What writers share with the test.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicU64,
    failures: AtomicU64,
    enough: AtomicBool,
}

impl Progress {
    async fn goes_on(&self, by: u64) {
        let until = self.acknowledged.load(Ordering::Relaxed) + by;
        let further = async {
            while self.acknowledged.load(Ordering::Relaxed) < until {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(LONGEST, further).await.expect("the writers go on");
    }

    async fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Gives commands, each until it is acknowledged. Returns the account, how many were, and which events they made.
async fn gives(store: PostgresStore, writer: u64, progress: Arc<Progress>) -> (Account, u64, Vec<EventId>) {
    let mut account = Account::open(store, alice(), options()).await.unwrap();
    let (mut n, mut ids) = (0, Vec::new());
    while !progress.enough.load(Ordering::Relaxed) {
        match account.execute(command(writer, n), context(writer, n)).await {
            Ok(executed) => {
                ids.extend(executed.events.iter().map(chatfold::Event::id));
                n += 1;
                progress.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(AccountError::Contention { .. }) => {}
            Err(AccountError::Store(_)) => progress.failed().await,
            Err(error) => panic!("{error}"),
        }
    }
    (account, n, ids)
}

/// Receives what happened elsewhere, each until it is acknowledged. Returns the account and how many were.
async fn receives(store: PostgresStore, owner: UserId, progress: Arc<Progress>) -> (Account, u64) {
    let mut account = Account::open(store, owner, options()).await.unwrap();
    let mut n = 0;
    while !progress.enough.load(Ordering::Relaxed) {
        match account.receive(&[crate::receiving::said(n)]).await {
            Ok(_) => {
                n += 1;
                progress.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(AccountError::Store(_)) => progress.failed().await,
            Err(error) => panic!("{error}"),
        }
    }
    (account, n)
}

/// Keeps accounts of another process up to date, beginning again whenever the connection is lost.
fn keeps_up(accounts: &Accounts) -> tokio::task::JoinHandle<()> {
    let accounts = accounts.clone();
    tokio::spawn(async move {
        loop {
            let _ = accounts.keep_up(|_, _| {}).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

async fn hears(accounts: &Accounts, digest: chatfold::check::Digest) {
    let heard = async {
        while accounts.inbox(&alice()).await.unwrap().digest() != digest {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONGEST, heard).await.expect("the listener hears of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_to_a_synchronous_standby_loses_nothing() {
    let Some(primary) = postgres_scratch::server() else { return };
    let standby = tokio::task::block_in_place(|| {
        let standby = primary.standby();
        primary.wait_for_standby();
        standby
    });
    let store = open(&primary, &standby).await;
    let elsewhere = Accounts::new(open(&primary, &standby).await, options(), 8 << 20);
    elsewhere.inbox(&alice()).await.unwrap();
    let following = keeps_up(&elsewhere);
    let progress = Arc::new(Progress::default());
    let givers: Vec<_> =
        (1..=3).map(|writer| tokio::spawn(gives(store.clone(), writer, progress.clone()))).collect();
    let bob = UserId::parse("bob").unwrap();
    let receiver = tokio::spawn(receives(store.clone(), bob.clone(), progress.clone()));
    progress.goes_on(60).await;
    tokio::task::block_in_place(|| {
        primary.kill();
        standby.promote();
    });
    progress.goes_on(60).await;
    progress.enough.store(true, Ordering::Relaxed);
    let mut accounts = Vec::new();
    for (giver, writer) in givers.into_iter().zip(1..) {
        let (account, given, ids) = tokio::time::timeout(LONGEST, giver).await.unwrap().unwrap();
        accounts.push((writer, account, given, ids));
    }
    assert!(progress.failures.load(Ordering::Relaxed) > 0, "the primary was missed");
    let events = log(&accounts[0].1).await;
    let counts = counted(&events);
    assert!(counts.values().all(|count| *count == 1));
    for (writer, account, given, ids) in &mut accounts {
        let expected: Vec<_> = (0..*given).filter(|n| n % 3 == 0).collect();
        assert_eq!(sent(&events, *writer), expected, "writer {writer}: all, once, in order");
        assert!(ids.iter().all(|id| counts.contains_key(id)), "writer {writer}: all that was acknowledged");
        account.follow().await.unwrap();
        is_of(account.inbox(), &events);
        let told = account.take_reports();
        let replaced = told.iter().any(|report| matches!(report, Report::LogReplaced { .. }));
        assert!(!replaced, "the log went on as it was: {told:?}");
    }
    let (mut receiver, received) = tokio::time::timeout(LONGEST, receiver).await.unwrap().unwrap();
    let brought = counted(&log(&receiver).await);
    assert_eq!(brought.len() as u64, received);
    assert!((0..received).all(|n| brought.get(&crate::receiving::said(n).id()) == Some(&1)));
    receiver.follow().await.unwrap();
    assert_eq!(receiver.inbox().totals().unread, received);
    // Whoever listens goes on at the new primary: first with what it missed, then with what comes.
    let account = &mut accounts[0].1;
    hears(&elsewhere, account.inbox().digest()).await;
    account.execute(command(9, 0), context(9, 0)).await.unwrap();
    hears(&elsewhere, account.inbox().digest()).await;
    following.abort();
    let there = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'clients'";
    assert_eq!(standby.sql(there), "t", "the pool is connected to the new primary");
}

/// What an account knows that is not in the log any more, and how long the log is by the time it looks.
#[derive(Clone, Copy, Debug)]
enum After {
    /// Shorter than it is known.
    Shorter,
    /// As long, with other events.
    SameLength,
    /// Longer, with other events.
    Longer,
}

/// The standby has not received the last of what was acknowledged: that is what asynchronous replication may lose.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_ahead_of_what_an_asynchronous_standby_has_notices() {
    let Some(primary) = postgres_scratch::server() else { return };
    let standby = tokio::task::block_in_place(|| primary.standby());
    let store = open(&primary, &standby).await;
    const KEPT: u64 = 12;
    const LOST: u64 = 5;
    let cases = [After::Shorter, After::SameLength, After::Longer];
    let owners = ["shorter", "same", "longer"].map(|name| UserId::parse(name).unwrap());
    let mut aheads = Vec::new();
    for owner in &owners {
        let mut account = Account::open(store.clone(), owner.clone(), options()).await.unwrap();
        for n in 0..KEPT {
            account.receive(&[crate::receiving::said(n)]).await.unwrap();
        }
        account.snapshot_kept().await;
        aheads.push(account);
    }
    tokio::task::block_in_place(|| {
        primary.standby_has_all();
        standby.stop_receiving();
    });
    for account in &mut aheads {
        for n in KEPT..KEPT + LOST {
            account.receive(&[crate::receiving::said(n)]).await.unwrap();
        }
        account.snapshot_kept().await;
    }
    tokio::task::block_in_place(|| {
        primary.kill();
        standby.promote();
    });
    for ((case, owner), mut ahead) in cases.into_iter().zip(&owners).zip(aheads) {
        let mut other = until_done!(Account::open(store.clone(), owner.clone(), options()));
        assert_eq!(other.prefix().events, KEPT, "{case:?}: the acknowledged rest is lost");
        let others = match case {
            After::Shorter => 0,
            After::SameLength => LOST,
            After::Longer => LOST + 3,
        };
        for n in 100..100 + others {
            until_done!(other.receive(&[crate::receiving::said(n)]));
        }
        assert_eq!(ahead.prefix().events, KEPT + LOST);
        // Appending on what it believes, or looking first.
        let changes = until_done!(ahead.receive(&[crate::receiving::said(200)]));
        assert!(changes.reset, "{case:?}: the list is to be drawn again");
        let told = ahead.take_reports();
        let replaced = told.iter().filter_map(|report| match report {
            Report::LogReplaced { known } => Some(known.events),
            _ => None,
        });
        assert_eq!(replaced.collect::<Vec<_>>(), [KEPT + LOST], "{case:?}: {told:?}");
        assert_eq!(log(&ahead).await.len() as u64, KEPT + others + 1, "{case:?}");
        assert_eq!(ahead.inbox().totals().unread, KEPT + others + 1, "{case:?}: no lost message is shown");
        until_done!(other.follow());
        assert_eq!(ahead.inbox().digest(), other.inbox().digest(), "{case:?}");
        let mut replayed = until_done!(Account::open(store.clone(), owner.clone(), options()));
        until_done!(replayed.heal());
        assert_eq!(ahead.inbox().digest(), replayed.inbox().digest(), "{case:?}: the fold of the log");
        // What was lost and is brought again is there once.
        let again: Vec<_> = (KEPT..KEPT + LOST).map(crate::receiving::said).collect();
        assert_eq!(until_done!(ahead.receive(&again)).events, LOST, "{case:?}");
        assert_eq!(until_done!(ahead.receive(&again)).events, 0, "{case:?}");
    }
}
