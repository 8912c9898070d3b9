//! Accounts over a PostgreSQL that the tests start themselves, and the cache of many.

use std::sync::Arc;
use std::time::Duration;

use chatfold::redact::Redaction;
use chatfold::shared::StreamId;
use chatfold::snapshot::{LogPrefix, SnapshotPolicy};
use chatfold::store::{Closed, Received, StoredEvent};
use chatfold::{Command, Inbox, Message, Policy, UserId};
use chatfold_account::postgres::{Account, Accounts, AccountsError};
use chatfold_account::{AccountError, Options};
use chatfold_postgres::{Heard, PostgresStore};
use postgres_scratch::Server;
use tokio_postgres::{Config, NoTls};

use crate::support::{alice, command, context, is_of, message_id, options, sent};

async fn open(server: &Server, settings: &str) -> PostgresStore {
    let mut config: Config = server.config().parse().unwrap();
    config.options(settings);
    PostgresStore::open(config, NoTls, chatfold_postgres::Options::default()).await.unwrap()
}

async fn log(account: &Account) -> Vec<StoredEvent> {
    let events = account.events(0, usize::MAX).await.unwrap();
    let mut prefix = LogPrefix::EMPTY;
    for event in &events {
        assert!(event.follows(prefix));
        prefix = event.prefix;
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_over_postgres_is_one_over_any_store() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "").await;
    let mut phone = Account::open(store.clone(), alice(), options()).await.unwrap();
    let mut laptop = Account::open(store.clone(), alice(), options()).await.unwrap();
    for n in 0..40 {
        let account = if n % 3 == 0 { &mut laptop } else { &mut phone };
        account.execute(command(3, n), context(3, n)).await.unwrap();
    }
    phone.follow().await.unwrap();
    laptop.follow().await.unwrap();
    let events = log(&phone).await;
    is_of(phone.inbox(), &events);
    assert_eq!(phone.inbox().digest(), laptop.inbox().digest());
    phone.snapshot_kept().await;
    laptop.snapshot_kept().await;
    assert_eq!((phone.take_reports(), laptop.take_reports()), (vec![], vec![]));
    assert!(
        store.latest(&StreamId::from(alice()), u64::MAX).await.unwrap().is_some(),
        "snapshots were kept meanwhile"
    );
    let cold = Account::open(store.clone(), alice(), options()).await.unwrap();
    assert_eq!(cold.inbox().digest(), phone.inbox().digest());
    // A snapshot that does not verify.
    let mut bad = store.latest(&StreamId::from(alice()), u64::MAX).await.unwrap().unwrap();
    bad.bytes.truncate(100);
    assert!(store.save(&StreamId::from(alice()), &bad).await.unwrap());
    let mut cold = Account::open(store.clone(), alice(), options()).await.unwrap();
    assert_eq!(cold.take_reports().len(), 1);
    assert_eq!(cold.inbox().digest(), phone.inbox().digest());
    // Redacting and erasing reach the other's cache.
    let mut redaction = Redaction::default();
    redaction.choose_author(alice());
    assert!(phone.redact(redaction).await.unwrap().reset);
    assert!(laptop.follow().await.unwrap().reset);
    assert_eq!(phone.inbox().digest(), laptop.inbox().digest());
    phone.erase().await.unwrap();
    let refused = laptop.execute(command(3, 900), context(3, 900)).await;
    assert!(matches!(refused, Err(AccountError::Closed(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_with_ten_thousand_commands() {
    let Some(server) = postgres_scratch::server() else { return };
    // What is proved is that no update is lost, not that it is synced, which costs a minute.
    let store = open(&server, "-c synchronous_commit=off").await;
    const EACH: u64 = 1_250;
    let snapshots = SnapshotPolicy::default().with_every_events(Some(500));
    let options = Options { snapshots, ..Options::default() };
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut account = Account::open(store, alice(), options).await.unwrap();
                let mut events = 0;
                for n in 0..EACH {
                    loop {
                        match account.execute(command(writer, n), context(writer, n)).await {
                            Ok(executed) => {
                                events += executed.positions.map_or(0, |(first, last)| last - first + 1);
                                break;
                            }
                            Err(AccountError::Contention { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                events
            })
        })
        .collect();
    let mut acknowledged = 0;
    for writer in writers {
        acknowledged += writer.await.unwrap();
    }
    let account = Account::open(store, alice(), options).await.unwrap();
    let events = log(&account).await;
    assert_eq!(events.len() as u64, acknowledged, "what is there was acknowledged, once");
    for writer in 0..8 {
        let expected: Vec<_> = (0..EACH).filter(|n| n % 3 == 0).collect();
        assert_eq!(sent(&events, writer), expected, "writer {writer}: all, once, in order");
    }
    is_of(account.inbox(), &events);
}

/// The process of a busy writer gives commands until it is killed.
#[test]
#[ignore = "the process that a test starts"]
fn busy_writer() {
    let Ok(address) = std::env::var("CHATFOLD_BUSY_ADDRESS") else { return };
    let writer = std::env::var("CHATFOLD_BUSY_WRITER").unwrap().parse().unwrap();
    give_commands(&address, writer, 0..u64::MAX);
}

/// Gives the commands of these numbers, one after the other; none of them may be refused.
fn give_commands(address: &str, writer: u64, numbers: std::ops::Range<u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config: Config = address.parse().unwrap();
        config.options("-c synchronous_commit=off");
        let options_of_store = chatfold_postgres::Options::default();
        let store = PostgresStore::open(config, NoTls, options_of_store).await.unwrap();
        let mut account = Account::open(store, alice(), options()).await.unwrap();
        for n in numbers {
            account.execute(command(writer, n), context(writer, n)).await.unwrap();
        }
    });
}

/// Ends the process when the test ends, however it ends.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two processes that write without a pause, and this one that gives a command now and then: none of its commands is
/// refused, however often the others come first.
#[test]
fn a_command_between_two_busy_processes_is_carried_out() {
    const OURS: u64 = 2;
    let Some(server) = postgres_scratch::server() else { return };
    let address = server.config();
    let start = |writer: u64| {
        let mut program = std::process::Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "postgres::busy_writer", "--ignored"]);
        program.env("CHATFOLD_BUSY_ADDRESS", &address).env("CHATFOLD_BUSY_WRITER", writer.to_string());
        program.stdout(std::process::Stdio::null());
        Running(program.spawn().unwrap())
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let events = || {
        runtime.block_on(async {
            let account = Account::open(open(&server, "").await, alice(), options()).await.unwrap();
            log(&account).await
        })
    };
    // How many messages each of them has sent.
    let wrote = || {
        let events = events();
        [0, 1].map(|writer| sent(&events, writer).len())
    };
    let busy = [0, 1].map(start);
    while wrote().contains(&0) {
        std::thread::sleep(Duration::from_millis(50));
    }
    // As many as it takes until they have written meanwhile; which of the two is first is left to chance.
    let (before, mut given) = (wrote(), 0);
    while given < 12 || wrote() == before {
        give_commands(&address, OURS, given..given + 6);
        given += 6;
    }
    drop(busy);
    let expected: Vec<u64> = (0..given).filter(|n| n % 3 == 0).collect();
    assert_eq!(sent(&events(), OURS), expected, "all of ours, once, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_under_accounts_loses_nothing() {
    let Some(server) = postgres_scratch::server() else { return };
    let server = Arc::new(server);
    let store = open(&server, "").await;
    let crashes = Arc::clone(&server);
    let crashing = tokio::task::spawn_blocking(move || {
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(150));
            crashes.down("immediate");
            crashes.up();
        }
    });
    let mut account = Account::open(store, alice(), options()).await.unwrap();
    let (mut n, mut outages) = (0, 0);
    while n < 60 || !crashing.is_finished() {
        match account.execute(command(1, n), context(1, n)).await {
            Ok(_) => n += 1,
            Err(AccountError::Store(_)) => {
                outages += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    crashing.await.unwrap();
    assert!(outages > 0);
    let events = log(&account).await;
    assert_eq!(sent(&events, 1), (0..n).filter(|n| n % 3 == 0).collect::<Vec<_>>());
    is_of(account.inbox(), &events);
}

fn owner(n: u64) -> UserId {
    UserId::parse(&format!("owner{n}")).unwrap()
}

fn note(n: u64) -> Command {
    let message = Box::new(Message::text(message_id(5, n), "x".repeat(400)));
    Command::Send { conversation: "c2c_self".parse().unwrap(), message }
}

fn context_of(owner: &UserId, n: u64) -> chatfold::Context {
    let mut context = context(5, n);
    context.actor = owner.clone();
    context
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_is_bounded_and_loads_once() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "-c synchronous_commit=off").await;
    const LIMIT_LEN_BYTES: u64 = 64 << 10;
    let accounts = Accounts::new(store.clone(), Options::default(), LIMIT_LEN_BYTES);
    // Each grows to about 7 KiB while it is held: what grows is weighed anew.
    for n in 0..30 {
        for m in 0..8 {
            accounts.execute(&owner(n), note(m), context_of(&owner(n), 100 * n + m)).await.unwrap();
        }
        // The first is used all the time, and stays.
        accounts.inbox(&owner(0)).await.unwrap();
        let usage = accounts.usage().await;
        assert!(usage.len_bytes <= LIMIT_LEN_BYTES, "{usage:?}");
    }
    let usage = accounts.usage().await;
    assert!((4..20).contains(&usage.accounts), "{usage:?}");
    assert_eq!(usage.loads, 30, "whoever is used is not given up: {usage:?}");
    accounts.inbox(&owner(0)).await.unwrap();
    assert_eq!(accounts.usage().await.loads, 30);
    let given_up = accounts.inbox(&owner(1)).await.unwrap();
    assert_eq!(accounts.usage().await.loads, 31);
    let whole = Account::open(store.clone(), owner(1), Options::default()).await.unwrap();
    assert_eq!(given_up.digest(), whole.inbox().digest(), "what was given up is in the store");
    // Many ask for one at once: it is loaded once.
    let fresh = Accounts::new(store, Options::default(), LIMIT_LEN_BYTES);
    let asked = (0..50).map(|_| {
        let fresh = fresh.clone();
        tokio::spawn(async move { fresh.inbox(&owner(2)).await.unwrap().digest() })
    });
    let asked: Vec<_> = asked.collect();
    for digest in asked {
        assert_ne!(digest.await.unwrap(), Inbox::new(owner(2), Policy::default()).digest());
    }
    assert_eq!(fresh.usage().await.loads, 1);
    // A failure to load is told to whoever asked, and tried again by the next.
    server.down("immediate");
    assert!(matches!(fresh.inbox(&owner(3)).await, Err(AccountsError::Load(_))));
    server.up();
    while fresh.inbox(&owner(3)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_keep_up_with_each_other() {
    let Some(server) = postgres_scratch::server() else { return };
    let one = Accounts::new(open(&server, "").await, Options::default(), 1 << 20);
    let other = Accounts::new(open(&server, "").await, Options::default(), 1 << 20);
    other.inbox(&owner(1)).await.unwrap();
    let (tell, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let following = {
        let other = other.clone();
        tokio::spawn(async move {
            let told = |owner: &UserId, changes: chatfold_account::Changes| {
                tell.send((owner.clone(), changes.events)).unwrap();
            };
            other.keep_up(told).await
        })
    };
    // Whether it listens already or not: what was missed is taken in first.
    one.execute(&owner(1), note(1), context_of(&owner(1), 1)).await.unwrap();
    one.execute(&owner(9), note(1), context_of(&owner(9), 2)).await.unwrap();
    let first = tokio::time::timeout(Duration::from_secs(60), heard.recv()).await.unwrap();
    assert_eq!(first, Some((owner(1), 1)), "of the account that is held here, and only of that");
    assert_eq!(other.inbox(&owner(1)).await.unwrap().digest(), one.inbox(&owner(1)).await.unwrap().digest());
    // What a server itself appends it does not read back; it may have begun to listen after the first append.
    let own = {
        let one = one.clone();
        tokio::spawn(
            async move { one.keep_up(|owner, _| panic!("{owner} changed by its own appends")).await },
        )
    };
    for n in 10..40 {
        one.execute(&owner(1), note(n), context_of(&owner(1), n)).await.unwrap();
    }
    let mut events = 0;
    while events < 30 {
        events += tokio::time::timeout(Duration::from_secs(60), heard.recv()).await.unwrap().unwrap().1;
    }
    assert!(one.usage().await.reads <= 2, "{:?}", one.usage().await);
    assert!(!own.is_finished());
    own.abort();
    one.erase(&owner(1)).await.unwrap();
    let refused = other.execute(&owner(1), note(2), context_of(&owner(1), 3)).await;
    assert!(refused.is_err(), "{refused:?}");
    server.down("immediate");
    let ended = tokio::time::timeout(Duration::from_secs(60), following).await.unwrap().unwrap();
    assert!(ended.is_err(), "a lost connection is told");
}

fn said(n: u64) -> chatfold::Event {
    crate::receiving::said(n)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_nobody_holds_receives_without_being_loaded() {
    let Some(server) = postgres_scratch::server() else { return };
    let accounts = Accounts::new(open(&server, "").await, Options::default(), 1 << 20);
    let changes = accounts.receive(&owner(1), &[said(1), said(2)]).await.unwrap();
    assert_eq!((changes.events, changes.set.is_empty(), changes.reset), (2, true, false));
    assert_eq!(accounts.receive(&owner(1), &[said(2), said(3)]).await.unwrap().events, 1);
    assert_eq!(accounts.receive(&owner(1), &[said(3)]).await.unwrap().events, 0);
    assert_eq!((accounts.usage().await.loads, accounts.usage().await.accounts), (0, 0));
    assert_eq!(accounts.inbox(&owner(1)).await.unwrap().totals().unread, 3);
    // From here on it is held, and takes in what it receives.
    let changes = accounts.receive(&owner(1), &[said(4)]).await.unwrap();
    assert_eq!((changes.events, changes.set.conversations.len()), (1, 1));
    accounts.erase(&owner(1)).await.unwrap();
    let refused = accounts.receive(&owner(1), &[said(5)]).await;
    let Err(AccountsError::Account(error)) = refused else { panic!("{refused:?}") };
    assert!(matches!(*error, AccountError::Closed(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_brought_to_many_is_told_to_those_who_are_held() {
    let Some(server) = postgres_scratch::server() else { return };
    let accounts = Accounts::new(open(&server, "").await, Options::default(), 8 << 20);
    let elsewhere = Accounts::new(open(&server, "").await, Options::default(), 8 << 20);
    // More than one transaction; every hundredth is held here, and one has been erased.
    let owners: Vec<_> = (0..1_500).map(owner).collect();
    for held in owners.iter().step_by(100) {
        accounts.inbox(held).await.unwrap();
    }
    elsewhere.erase(&owners[150]).await.unwrap();
    elsewhere.inbox(&owners[3]).await.unwrap();
    let mut heard = tokio::time::timeout(Duration::from_secs(60), open(&server, "").await.listen())
        .await
        .unwrap()
        .unwrap();
    let delivered = accounts.receive_many(&owners, &[said(1), said(2)]).await.unwrap();
    for (n, delivered) in delivered.iter().enumerate() {
        match &delivered.received {
            Received::Closed(Closed::Erased) => assert_eq!(n, 150),
            received => assert_eq!(*received, Received::Appended { first: 1, last: 2 }),
        }
        let told = delivered.changes.as_ref().map(|changes| changes.as_ref().unwrap().events);
        assert_eq!(told, (n % 100 == 0).then_some(2), "owner {n}");
    }
    assert_eq!(accounts.usage().await.loads, 15, "nobody was loaded for it");
    assert_eq!(accounts.inbox(&owners[700]).await.unwrap().totals().unread, 2);
    assert_eq!(elsewhere.follow(&owners[3]).await.unwrap().events, 2);
    let mut told = std::collections::BTreeSet::new();
    while told.len() < owners.len() - 1 {
        let heard = tokio::time::timeout(Duration::from_secs(60), heard.next()).await.unwrap().unwrap();
        if let Heard::Inbox { inbox, .. } = heard {
            told.insert(inbox);
        }
    }
    let again = accounts.receive_many(&owners, &[said(2), said(1)]).await.unwrap();
    assert!(again.iter().all(|delivered| delivered.changes.is_none()));
    let known = again.iter().filter(|delivered| delivered.received == Received::Known).count();
    assert_eq!(known, owners.len() - 1);
}

/// No command waits for a snapshot: while nobody can write one, commands are answered; then it gets there.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_answered_while_its_snapshot_cannot_be_kept() {
    let Some(server) = postgres_scratch::server() else { return };
    let store = open(&server, "").await;
    let accounts = Accounts::new(store.clone(), options(), 8 << 20);
    let (client, connection) = server.config().parse::<Config>().unwrap().connect(NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE chatfold_snapshot IN EXCLUSIVE MODE").await.unwrap();
    let commands = async {
        for n in 0..40 {
            accounts.execute(&alice(), command(3, n), context(3, n)).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), commands).await.expect("no command waits");
    assert_eq!(store.latest(&StreamId::from(alice()), u64::MAX).await.unwrap(), None);
    client.batch_execute("COMMIT").await.unwrap();
    let kept = async {
        while store.latest(&StreamId::from(alice()), u64::MAX).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), kept).await.expect("the snapshot gets there");
    let mut cold = Account::open(store, alice(), options()).await.unwrap();
    assert_eq!(cold.inbox().digest(), accounts.inbox(&alice()).await.unwrap().digest());
    assert_eq!(cold.take_reports(), []);
    drop(client);
    driver.await.unwrap().unwrap();
}

/// A full pool is told as what it is, and what was refused is done once when it is given again.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_says_that_the_pool_is_full() {
    let Some(server) = postgres_scratch::server() else { return };
    let config: Config = server.config().parse().unwrap();
    let settings = chatfold_postgres::Options {
        connections: 1,
        waiting: 0,
        notify: false,
        ..chatfold_postgres::Options::default()
    };
    let store = PostgresStore::open(config.clone(), NoTls, settings).await.unwrap();
    let mut account = Account::open(store.clone(), alice(), Options::default()).await.unwrap();
    let mut busy = Account::open(store, owner(1), Options::default()).await.unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE chatfold_event IN EXCLUSIVE MODE").await.unwrap();
    let holding = tokio::spawn(async move { busy.receive(&[said(1)]).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    while server.sql(waits) != "1" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = account.execute(command(1, 0), context(1, 0)).await;
    let Err(AccountError::Store(chatfold_postgres::PostgresError::Overloaded { .. })) = refused else {
        panic!("expected that the pool is full, found {refused:?}")
    };
    client.batch_execute("COMMIT").await.unwrap();
    holding.await.unwrap().unwrap();
    let done = account.execute(command(1, 0), context(1, 0)).await.unwrap();
    assert!(!done.repeated, "nothing was written when it was refused");
    assert_eq!(sent(&log(&account).await, 1), [0]);
    drop(client);
    driver.await.unwrap().unwrap();
}
