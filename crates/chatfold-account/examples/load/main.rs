//! How much do the stores carry? Prints the tables of BENCHMARKS.md.
//!
//! ```text
//! cargo run --release -p chatfold-account --features postgres --example load            # about four minutes
//! cargo run --release -p chatfold-account --features postgres --example load -- quick   # seconds: does it run
//! cargo run --release -p chatfold-account --features postgres --example load -- many    # one message to many inboxes,
//!                                          # how long commands wait where snapshots are due, one redaction: these alone
//! cargo run --release -p chatfold-account --features postgres --example load -- writers # in how many transactions
//!                                          # PostgreSQL appends at once: this alone
//! ```
//!
//! SQLite lies in the folder for temporary files, PostgreSQL is one that this program starts there. Every append is
//! durable when it is counted. The bare loop beside it inserts rows of the same bytes, one transaction each, with the
//! same connections and the same durability, and does nothing else.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod long;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chatfold::command::Role;
use chatfold::id::CommandId;
use chatfold::shared::StreamId;
use chatfold::snapshot::SnapshotPolicy;
use chatfold::store::{Append, EventStore, NewEvent};
use chatfold::testing::{Random, Workload};
use chatfold::{Command, Context, Envelope, Event, EventId, Message, MessageId, Timestamp, UserId};
use chatfold_account::postgres::{self, Accounts};
use chatfold_account::{Account, Keep, Options, receive_many};
use chatfold_postgres::{Layout, PostgresStore};
use chatfold_sqlite::SqliteStore;
use postgres_scratch::Server;
use tokio_postgres::{Config, NoTls};

/// The head of the table of writers.
const WRITERS: &str = "| store | writers | bare inserts/s | appends/s | commands/s |\n|---|---|---|---|---|";

/// How large everything is.
#[derive(Clone, Copy)]
struct Scale {
    each: Duration,
    large: u64,
    inboxes: u64,
    /// To how many inboxes one message goes.
    members: u64,
    /// How many commands are timed one by one.
    timed: u64,
    /// How long the log is that one message is redacted in.
    redacted: u64,
}

fn owner(n: u64) -> UserId {
    UserId::parse(&format!("owner{n}")).unwrap()
}

fn sixteen(writer: u64, n: u64) -> [u8; 16] {
    let mut random = Random::new(writer << 40 ^ n);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.next().to_be_bytes());
    bytes[8..].copy_from_slice(&random.next().to_be_bytes());
    bytes
}

/// A row of 200 bytes, about what a message takes.
fn event(writer: u64, n: u64) -> NewEvent {
    NewEvent::new(EventId::from_bytes(sixteen(writer, n)), vec![b'x'; 200])
}

/// Every second command sends a message, the others read.
fn command(writer: u64, n: u64) -> (Command, Context) {
    let conversation = format!("c2c_peer{}", n % 50).parse().unwrap();
    let message = Box::new(Message::text(
        MessageId::from_bytes(sixteen(writer, n)),
        "A line of some length, as people write them.",
    ));
    let command = match n % 2 {
        0 => Command::Send { conversation, message },
        _ => Command::Pin { conversation, on: n % 4 == 1 },
    };
    let time = Timestamp::from_millis(1_772_355_600_000 + n as i64).unwrap();
    (command, Context::new(owner(writer), Role::Member, time, sixteen(writer ^ 0xff, n)))
}

/// Runs `act` in so many threads for a while: how often a second in all. Each has its number and makes its own state.
fn threads<S>(
    writers: u64,
    each: Duration,
    make: impl Fn(u64) -> S + Sync,
    act: impl Fn(&mut S, u64, u64) + Sync,
) -> f64 {
    let done = AtomicU64::new(0);
    let began = thread::scope(|scope| {
        let began = Instant::now();
        for writer in 0..writers {
            let (make, act, done) = (&make, &act, &done);
            scope.spawn(move || {
                let mut state = make(writer);
                let mut n = 0;
                while began.elapsed() < each {
                    act(&mut state, writer, n);
                    n += 1;
                }
                done.fetch_add(n, Ordering::Relaxed);
            });
        }
        began
    });
    done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

fn sqlite(path: &Path) -> SqliteStore {
    let options = chatfold_sqlite::Options { busy_timeout: Duration::from_secs(600), ..Default::default() };
    SqliteStore::open(path, &options).unwrap()
}

fn sqlite_row(folder: &Path, writers: u64, scale: Scale) {
    let bare = folder.join(format!("bare{writers}.db"));
    let connect = |_: u64| {
        let connection = rusqlite::Connection::open(&bare).unwrap();
        connection.busy_timeout(Duration::from_secs(600)).unwrap();
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        connection.pragma_update(None, "synchronous", "FULL").unwrap();
        connection
    };
    let table =
        "CREATE TABLE bare (writer INTEGER, n INTEGER, bytes BLOB, PRIMARY KEY (writer, n)) WITHOUT ROWID";
    connect(0).execute_batch(table).unwrap();
    let bare = threads(writers, scale.each, connect, |connection, writer, n| {
        let mut insert = connection.prepare_cached("INSERT INTO bare VALUES (?, ?, ?)").unwrap();
        insert.execute(rusqlite::params![writer as i64, n as i64, vec![b'x'; 200]]).unwrap();
    });
    let path = folder.join(format!("appends{writers}.db"));
    drop(sqlite(&path));
    let appends = threads(
        writers,
        scale.each,
        |_| sqlite(&path),
        |store, writer, n| {
            let command = Some(CommandId::from_bytes(sixteen(writer, n)));
            let events = [event(writer, n)];
            store
                .append(&StreamId::from(owner(writer)), &Append::new(n, &events).with_command(command))
                .unwrap();
        },
    );
    let path = folder.join(format!("commands{writers}.db"));
    drop(sqlite(&path));
    let open = |writer| Account::open(sqlite(&path), owner(writer), Options::default()).unwrap();
    let commands = threads(writers, scale.each, open, |account, writer, n| {
        let (command, context) = command(writer, n);
        account.execute(command, context).unwrap();
    });
    println!("| SQLite | {writers} | {bare:.0} | {appends:.0} | {commands:.0} |");
}

async fn connect(server: &Server) -> PostgresStore {
    connect_with(server, chatfold_postgres::Options::default().appending, Layout::Plain).await
}

/// A store of which so many transactions append at once, in a schema for each layout.
async fn connect_with(server: &Server, appending: usize, layout: Layout) -> PostgresStore {
    let config: Config = server.config().parse().unwrap();
    let schema = (layout != Layout::Plain).then(|| "spread".to_owned());
    let options =
        chatfold_postgres::Options { connections: 64, appending, layout, schema, ..Default::default() };
    PostgresStore::open(config, NoTls, options).await.unwrap()
}

/// Runs so many tasks for a while: how often a second in all.
async fn tasks<F: Future<Output = u64> + Send + 'static>(
    writers: u64,
    task: impl Fn(u64, Instant) -> F,
) -> f64 {
    let began = Instant::now();
    let tasks: Vec<_> = (0..writers).map(|writer| tokio::spawn(task(writer, began))).collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    done as f64 / began.elapsed().as_secs_f64()
}

/// Rows of the same bytes, one transaction each, without a store: how many a second.
async fn postgres_bare(server: &Server, writers: u64, each: Duration) -> f64 {
    let config: Config = server.config().parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let table = "DROP TABLE IF EXISTS bare; \
                 CREATE TABLE bare (writer bigint, n bigint, bytes bytea, PRIMARY KEY (writer, n))";
    client.batch_execute(table).await.unwrap();
    let bare = tasks(writers, |writer, began| {
        let config = config.clone();
        async move {
            let (client, connection) = config.connect(NoTls).await.unwrap();
            let driver = tokio::spawn(connection);
            let insert = client.prepare("INSERT INTO bare VALUES ($1, $2, $3)").await.unwrap();
            let mut n = 0;
            while began.elapsed() < each {
                client.execute(&insert, &[&(writer as i64), &(n as i64), &vec![b'x'; 200]]).await.unwrap();
                n += 1;
            }
            drop(client);
            driver.await.unwrap().unwrap();
            n
        }
    })
    .await;
    drop(client);
    driver.await.unwrap().unwrap();
    bare
}

/// Appends of one event, each to an inbox of the writer's own, the first of them of this number: how many a second.
async fn postgres_appends(store: &PostgresStore, writers: u64, first: u64, each: Duration) -> f64 {
    tasks(writers, |writer, began| {
        let (store, writer) = (store.clone(), first + writer);
        async move {
            let mut n = 0;
            while began.elapsed() < each {
                let (events, command) = ([event(writer, n)], Some(CommandId::from_bytes(sixteen(writer, n))));
                let append = Append::new(n, &events).with_command(command);
                store.append(&StreamId::from(owner(writer)), &append).await.unwrap();
                n += 1;
            }
            n
        }
    })
    .await
}

/// Commands of as many accounts, likewise.
async fn postgres_commands(store: &PostgresStore, writers: u64, first: u64, each: Duration) -> f64 {
    tasks(writers, |writer, began| {
        let (store, writer) = (store.clone(), first + writer);
        async move {
            let mut account =
                postgres::Account::open(store, owner(writer), Options::default()).await.unwrap();
            let mut n = 0;
            while began.elapsed() < each {
                let (command, context) = command(writer, n);
                account.execute(command, context).await.unwrap();
                n += 1;
            }
            n
        }
    })
    .await
}

/// A row for each number of writers, of the transactions in which a store appends at once, and each layout.
async fn postgres_rows(server: &Server, rows: &[(u64, usize, Layout)], scale: Scale) {
    for (number, (writers, appending, layout)) in rows.iter().enumerate() {
        let bare = postgres_bare(server, *writers, scale.each).await;
        let store = connect_with(server, *appending, *layout).await;
        let first = 1_000 * (number as u64 + 1);
        let appends = postgres_appends(&store, *writers, first, scale.each).await;
        let commands = postgres_commands(&store, *writers, first + 500, scale.each).await;
        let how = match *appending {
            usize::MAX => "each append alone".to_owned(),
            appending => format!("{appending} at once"),
        };
        let tables = match layout {
            Layout::Plain => "",
            Layout::Partitioned(_) => ", over 16 partitions",
        };
        println!("| PostgreSQL, {how}{tables} | {writers} | {bare:.0} | {appends:.0} | {commands:.0} |");
    }
}

/// No snapshot is ever made.
fn never() -> Options {
    Options { snapshots: SnapshotPolicy::default(), ..Options::default() }
}

/// How often a second something is done, in a while.
fn rate(each: Duration, mut act: impl FnMut()) -> f64 {
    let (began, mut times) = (Instant::now(), 0);
    while times == 0 || began.elapsed() < each {
        act();
        times += 1;
    }
    f64::from(times) / began.elapsed().as_secs_f64()
}

fn sqlite_loads(folder: &Path, events: u64, scale: Scale) {
    let workload = Workload::phone().with_events(events);
    let path = folder.join(format!("loads{events}.db"));
    let mut store = sqlite(&path);
    for page in workload.stored().chunks(10_000) {
        store.import(&StreamId::from(workload.owner()), page).unwrap();
    }
    let load = || drop(Account::open(sqlite(&path), workload.owner(), never()).unwrap());
    let replayed = rate(scale.each, load);
    Account::open(store, workload.owner(), never()).unwrap().save().unwrap();
    let restored = rate(scale.each, load);
    println!("| SQLite | {events} | {replayed:.1} | {restored:.0} |");
}

async fn postgres_loads(server: &Server, events: u64, scale: Scale) {
    let workload = Workload::phone().with_events(events);
    let store = connect(server).await;
    let owner = UserId::parse(&format!("owner-{events}")).unwrap();
    for page in workload.stored().chunks(10_000) {
        store.import(&StreamId::from(&owner), page).await.unwrap();
    }
    let mut rates = Vec::new();
    for _ in 0..2 {
        let (began, mut times) = (Instant::now(), 0);
        while times == 0 || began.elapsed() < scale.each {
            postgres::Account::open(store.clone(), owner.clone(), never()).await.unwrap();
            times += 1;
        }
        rates.push(f64::from(times) / began.elapsed().as_secs_f64());
        postgres::Account::open(store.clone(), owner.clone(), never()).await.unwrap().save().await.unwrap();
    }
    println!("| PostgreSQL | {events} | {:.1} | {:.0} |", rates[0], rates[1]);
}

async fn many_inboxes(server: &Server, scale: Scale) {
    let store = connect(server).await;
    let began = Instant::now();
    let size = |n: u64| (20_000 / (n % 1_000 + 1)).clamp(10, 5_000);
    let fill = tasks(8, |worker, _| {
        let store = store.clone();
        async move {
            let mut events = 0;
            for n in (worker..scale.inboxes).step_by(8) {
                let mut workload = Workload::phone().with_events(size(n)).with_conversations(20);
                workload.seed = n;
                store.import(&StreamId::from(owner(1_000_000 + n)), &workload.stored()).await.unwrap();
                events += size(n);
            }
            events
        }
    })
    .await;
    let total: u64 = (0..scale.inboxes).map(size).sum();
    println!(
        "\n{} inboxes of 10 to 5,000 events, {total} in all, imported in {:.0} s ({fill:.0} events/s).\n",
        scale.inboxes,
        began.elapsed().as_secs_f64()
    );
    println!("| cache | tasks | commands/s | of them loaded first |\n|---|---|---|---|");
    for limit_mib in [8_u64, 256] {
        let accounts = Accounts::new(store.clone(), Options::default(), limit_mib << 20);
        let until = scale.each * 4;
        let commands = tasks(32, |writer, began| {
            let accounts = accounts.clone();
            async move {
                let mut random = Random::new(writer ^ limit_mib);
                let mut n = 0;
                while began.elapsed() < until {
                    // Some are asked for far more often than others.
                    let share = random.unit();
                    let inbox = owner(1_000_000 + (share * share * share * scale.inboxes as f64) as u64);
                    let (command, mut context) = command(writer ^ limit_mib << 8, n);
                    context.actor = inbox.clone();
                    accounts.execute(&inbox, command, context).await.unwrap();
                    n += 1;
                }
                n
            }
        })
        .await;
        let loads = accounts.usage().await.loads as f64;
        let share = 100.0 * loads / (commands * until.as_secs_f64());
        println!("| {limit_mib} MiB | 32 | {commands:.0} | {share:.0} % |");
    }
}

/// A message of a group, as its server delivers it to each member.
fn delivery(n: u64) -> Event {
    let at = Timestamp::from_millis(1_772_355_600_000 + n as i64).unwrap();
    let envelope = Envelope::new(EventId::from_bytes(sixteen(77, n)), at, UserId::parse("carol").unwrap());
    let text = "A line of some length, as people write them.";
    let message = Message::text(MessageId::from_bytes(sixteen(78, n)), text).with_seq(n + 1);
    envelope.message_received("group_all".parse().unwrap(), message).unwrap()
}

/// One message to many inboxes that nobody has loaded, each with a history of 100 events.
async fn one_to_many(server: &Server, scale: Scale) {
    let store = connect(server).await;
    let members: Vec<UserId> = (0..scale.members).map(|n| owner(2_000_000 + n)).collect();
    let mut workload = Workload::phone().with_events(100).with_conversations(10);
    workload.seed = 7;
    let history = workload.stored();
    tasks(8, |worker, _| {
        let (store, history, members) = (store.clone(), history.clone(), members.clone());
        async move {
            for member in members.iter().skip(worker as usize).step_by(8) {
                store.import(&StreamId::from(member), &history).await.unwrap();
            }
            0
        }
    })
    .await;
    println!("\n| one message to {} cold inboxes | how | s |\n|---|---|---|", members.len());
    let began = Instant::now();
    tasks(16, |worker, _| {
        let (store, members) = (store.clone(), members.clone());
        async move {
            for member in members.iter().skip(worker as usize).step_by(16) {
                let mut account =
                    postgres::Account::open(store.clone(), member.clone(), never()).await.unwrap();
                account.receive(&[delivery(0)]).await.unwrap();
            }
            0
        }
    })
    .await;
    println!("| PostgreSQL | each is loaded, 16 tasks | {:.2} |", began.elapsed().as_secs_f64());
    let accounts = Accounts::new(store.clone(), Options::default(), 256 << 20);
    let began = Instant::now();
    tasks(16, |worker, _| {
        let (accounts, members) = (accounts.clone(), members.clone());
        async move {
            for member in members.iter().skip(worker as usize).step_by(16) {
                accounts.receive(member, &[delivery(1)]).await.unwrap();
            }
            0
        }
    })
    .await;
    println!("| PostgreSQL | `Accounts::receive`, 16 tasks | {:.2} |", began.elapsed().as_secs_f64());
    for n in 2..5 {
        let began = Instant::now();
        accounts.receive_many(&members, &[delivery(n)]).await.unwrap();
        println!("| PostgreSQL | `Accounts::receive_many` | {:.2} |", began.elapsed().as_secs_f64());
    }
    let began = Instant::now();
    accounts.receive_many(&members, &[delivery(4)]).await.unwrap();
    println!("| PostgreSQL | the same again | {:.2} |", began.elapsed().as_secs_f64());
    assert_eq!(accounts.usage().await.loads, 0);
}

/// The same for one SQLite file.
fn one_to_many_sqlite(folder: &Path, scale: Scale) {
    let mut store = sqlite(&folder.join("members.db"));
    let members: Vec<UserId> = (0..scale.members).map(owner).collect();
    for n in 0..2 {
        let began = Instant::now();
        receive_many(&mut store, &members, vec![chatfold_account::encode(&delivery(n))]).unwrap();
        println!("| SQLite | `receive_many` | {:.2} |", began.elapsed().as_secs_f64());
    }
}

/// A row of the table of waits: the median, the 99th percentile and the longest, in milliseconds.
fn waits(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("| {name} | {:.1} | {:.1} | {:.0} |", at(0.5), at(0.99), at(1.0));
}

/// How long commands wait on a long log, a snapshot being due after every 1,000 of their events.
fn waits_sqlite(folder: &Path, scale: Scale) {
    let workload = Workload::phone().with_events(scale.large);
    for (name, keep, background) in [
        ("SQLite, `WithAppend`", Keep::WithAppend, false),
        ("SQLite, `AfterAppend`", Keep::AfterAppend, false),
        ("SQLite, on a thread", Keep::AfterAppend, true),
    ] {
        let path = folder.join(format!("waits{keep:?}{background}.db"));
        let mut store = sqlite(&path);
        for page in workload.stored().chunks(10_000) {
            store.import(&StreamId::from(workload.owner()), page).unwrap();
        }
        let options = Options { keep, ..Options::default() };
        let mut account = Account::open(store, workload.owner(), options).unwrap();
        if background {
            account = account.with_background(sqlite(&path)).unwrap();
        }
        let times = (0..scale.timed).map(|n| {
            let (command, mut context) = command(1, 2 * n);
            context.actor = workload.owner();
            let began = Instant::now();
            account.execute(command, context).unwrap();
            began.elapsed()
        });
        waits(name, times.collect());
    }
}

/// The same on PostgreSQL.
async fn waits_postgres(server: &Server, scale: Scale) {
    let workload = Workload::phone().with_events(scale.large);
    let store = connect(server).await;
    for (name, keep) in
        [("PostgreSQL, `WithAppend`", Keep::WithAppend), ("PostgreSQL, `AfterAppend`", Keep::AfterAppend)]
    {
        let owner = UserId::parse(&format!("waits-{keep:?}")).unwrap();
        for page in workload.stored().chunks(10_000) {
            store.import(&StreamId::from(&owner), page).await.unwrap();
        }
        let options = Options { keep, ..Options::default() };
        let mut account = postgres::Account::open(store.clone(), owner.clone(), options).await.unwrap();
        account.snapshot_kept().await;
        let mut times = Vec::new();
        for n in 0..scale.timed {
            let (command, mut context) = command(1, 2 * n);
            context.actor = owner.clone();
            let began = Instant::now();
            account.execute(command, context).await.unwrap();
            times.push(began.elapsed());
        }
        account.snapshot_kept().await;
        assert!(
            store.latest(&StreamId::from(&owner), u64::MAX).await.unwrap().is_some() || scale.timed < 1_000
        );
        waits(name, times);
    }
}

fn main() {
    let argument = std::env::args().nth(1);
    let quick = argument.as_deref() == Some("quick");
    let scale = if quick {
        Scale {
            each: Duration::from_millis(50),
            large: 2_000,
            inboxes: 40,
            members: 200,
            timed: 60,
            redacted: 3_000,
        }
    } else {
        Scale {
            each: Duration::from_secs(4),
            large: 100_000,
            inboxes: 10_000,
            members: 5_000,
            timed: 4_000,
            redacted: 223_000,
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = postgres_scratch::server();
    if argument.as_deref() == Some("writers") {
        println!("{WRITERS}");
        let one_table = [1, 2, 4, usize::MAX].map(|appending| (appending, Layout::Plain));
        let spread = [2, usize::MAX].map(|appending| (appending, Layout::Partitioned(16)));
        let stores = [one_table.as_slice(), &spread].concat();
        let rows = [8, 16, 32].map(|writers| {
            let row = |(appending, layout): &(usize, Layout)| (writers, *appending, *layout);
            stores.iter().map(row).collect::<Vec<_>>()
        });
        let rows = rows.concat();
        return server.iter().for_each(|server| runtime.block_on(postgres_rows(server, &rows, scale)));
    }
    if argument.as_deref() != Some("many") {
        rates(folder.path(), server.as_ref(), &runtime, scale);
    }
    if let Some(server) = &server {
        runtime.block_on(one_to_many(server, scale));
    }
    one_to_many_sqlite(folder.path(), scale);
    println!(
        "\n| a command on {} events | median ms | p99 ms | longest ms |\n|---|---|---|---|",
        scale.large
    );
    waits_sqlite(folder.path(), scale);
    if let Some(server) = &server {
        runtime.block_on(long::one_long_log(server, scale));
        runtime.block_on(waits_postgres(server, scale));
        runtime.block_on(long::one_redaction(server, scale));
    }
}

/// Writers and transactions at once, as rows: what a store does unless told otherwise beside each append alone.
fn joined() -> Vec<(u64, usize, Layout)> {
    let appending = chatfold_postgres::Options::default().appending;
    let both = |writers| [(writers, usize::MAX, Layout::Plain), (writers, appending, Layout::Plain)];
    [1, 8, 32].into_iter().flat_map(both).collect()
}

/// How much is carried in a while.
fn rates(folder: &Path, server: Option<&Server>, runtime: &tokio::runtime::Runtime, scale: Scale) {
    println!("{WRITERS}");
    for writers in [1, 8, 32] {
        sqlite_row(folder, writers, scale);
    }
    if let Some(server) = server {
        runtime.block_on(postgres_rows(server, &joined(), scale));
    }
    println!("\n| store | events | loads/s by replay | loads/s from a snapshot |\n|---|---|---|---|");
    for events in [1_000, scale.large] {
        sqlite_loads(folder, events, scale);
    }
    if let Some(server) = server {
        for events in [1_000, scale.large] {
            runtime.block_on(postgres_loads(server, events, scale));
        }
        runtime.block_on(many_inboxes(server, scale));
    }
}
