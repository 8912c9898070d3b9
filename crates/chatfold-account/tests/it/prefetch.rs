//! Accounts over PostgreSQL whose snapshots are read by pages: what they hold is the fold of their log, whatever was fetched
//! before and whatever could not be read.

use std::time::Duration;

use chatfold::command::Role;
use chatfold::event::ReceiveOption;
use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::shared::StreamId;
use chatfold::snapshot::SnapshotPolicy;
use chatfold::testing::{Random, Workload};
use chatfold::{
    Command, Context, ConversationId, Event, Inbox, Message, MessageId, Policy, Timestamp, UserId,
};
use chatfold_account::postgres::{Account, Accounts};
use chatfold_account::{AccountError, Options, Report};
use chatfold_postgres::{Layout, PostgresStore};
use postgres_scratch::Server;
use tokio_postgres::NoTls;

/// A store whose connections are told from others by a name.
async fn store(server: &Server, name: &str) -> PostgresStore {
    let mut config: tokio_postgres::Config = server.config().parse().unwrap();
    config.application_name(name);
    let options = chatfold_postgres::Options {
        layout: Layout::Partitioned(2),
        // Who only reads has no task that seals.
        seal_events: if name == "writing" { 400 } else { usize::MAX },
        connections: 4,
        notify: false,
        ..Default::default()
    };
    PostgresStore::open(config, NoTls, options).await.unwrap()
}

/// No snapshot but those that the tests keep.
fn options() -> Options {
    Options { snapshots: SnapshotPolicy::default(), ..Options::default() }
}

fn sixteen(random: &mut Random) -> [u8; 16] {
    (u128::from(random.next()) << 64 | u128::from(random.next())).to_be_bytes()
}

/// The whole log, folded by nothing but the fold.
async fn folded(store: &PostgresStore, owner: &UserId) -> Inbox {
    let page = store.read(&StreamId::from(owner), 0, usize::MAX).await.unwrap();
    let known = |line: &[u8]| match decode_line(line).unwrap() {
        LoggedEvent::Known(event) => Some(event),
        LoggedEvent::Skipped(_) => None,
    };
    let events: Vec<Event> = page.events.iter().filter_map(|event| known(&event.bytes)).collect();
    Inbox::replay(owner.clone(), Policy::default(), &events)
}

async fn is_fold(account: &Account, store: &PostgresStore) {
    let folded = folded(store, account.owner()).await;
    assert_eq!(account.inbox().digest(), folded.digest());
    assert_eq!((account.inbox().audit(), account.inbox().outage()), (Ok(()), None));
}

/// A workload whose first events a store has, and a snapshot of them.
async fn kept(
    store: &PostgresStore,
    events: u64,
    conversations: u64,
    first: usize,
) -> (UserId, Vec<Event>, Account) {
    let workload = Workload::phone().with_events(events).with_conversations(conversations);
    let (owner, events) = (workload.owner(), workload.iter().collect::<Vec<_>>());
    let mut writer = Account::open(store.clone(), owner.clone(), options()).await.unwrap();
    writer.receive(&events[..first]).await.unwrap();
    writer.save().await.unwrap();
    (owner, events, writer)
}

/// A command about one or two of the conversations that there are, or a new one.
fn command(inbox: &Inbox, random: &mut Random) -> Command {
    let known: Vec<ConversationId> = inbox.known_conversations().map(|view| view.id().clone()).collect();
    let mut any = || known[random.next() as usize % known.len()].clone();
    let (conversation, other) = (any(), any());
    let id = MessageId::from_bytes(sixteen(random));
    let on = random.next().is_multiple_of(2);
    match random.next() % 8 {
        1 => Command::ClearHistory { conversation },
        2 => Command::Archive { conversations: vec![conversation, other], on, stay: on },
        3 => Command::SetReceiveOption {
            conversations: vec![conversation],
            option: ReceiveOption::ReceiveNotNotify,
            until: None,
        },
        4 => Command::Open { conversation: "c2c_somebody_new".parse().unwrap(), group_type: None },
        _ => Command::Send { conversation, message: Box::new(Message::text(id, "words")) },
    }
}

fn context(owner: &UserId, random: &mut Random, n: u64) -> Context {
    let time = Timestamp::from_millis(1_900_000_000_000 + n as i64).unwrap();
    Context::new(owner.clone(), Role::Member, time, sixteen(random))
}

/// How many connections a store has just now.
fn connections(server: &Server, name: &str) -> String {
    server.sql(&format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}'"))
}

#[tokio::test(flavor = "multi_thread")]
async fn cold_accounts_that_fetch_before_they_look_are_the_fold_of_their_logs() {
    let Some(server) = postgres_scratch::server() else { return };
    let writing = store(&server, "writing").await;
    let (owner, events, mut writer) = kept(&writing, 6_000, 60, 4_000).await;
    let (mut random, mut n, mut at) = (Random::new(7), 0, 4_000);
    for round in 0..8 {
        let name = format!("reading{round}");
        let reading = store(&server, &name).await;
        let mut account = Account::open(reading.clone(), owner.clone(), options()).await.unwrap();
        assert!(account.machine().restored_from().is_some());
        for _ in 0..6 {
            let command = command(writer.inbox(), &mut random);
            account.execute(command, context(&owner, &mut random, n)).await.unwrap();
            n += 1;
            if random.next().is_multiple_of(3) {
                account.receive(&events[at..at + 20]).await.unwrap();
                at += 20;
            }
            writer.follow().await.unwrap();
        }
        // Of another inbox: whoever goes through all conversations looks into each.
        let peers: Vec<_> = writer.inbox().known_conversations().map(|view| view.id().clone()).collect();
        account.prefetch(&peers[..5]).await.unwrap();
        let held = account.machine().len_bytes();
        // One connection does it all, and none beside it was needed: nobody waited for a page.
        assert_eq!(connections(&server, &name), "1", "round {round}");
        // Whoever looks into everything waits, and sees everything.
        is_fold(&account, &writing).await;
        assert_eq!(connections(&server, &name), "2", "round {round}");
        assert!(account.machine().len_bytes() > held, "what was looked into is counted");
        assert_eq!(account.take_reports(), []);
        if round % 2 == 0 {
            account.save().await.unwrap();
        }
    }
    is_fold(&writer, &writing).await;
    assert_eq!(writing.check().await.unwrap(), []);
}

/// Reads that fail halfway are told by type, change nothing, and may be tried again.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_reads_fail_halfway_is_the_fold_of_its_log_afterwards() {
    let Some(server) = postgres_scratch::server() else { return };
    let writing = store(&server, "writing").await;
    let (owner, events, _) = kept(&writing, 6_000, 60, 4_000).await;
    let (mut random, mut failures) = (Random::new(11), 0);
    for round in 0..6_u64 {
        let mut account = loop {
            match Account::open(writing.clone(), owner.clone(), options()).await {
                Ok(account) => break account,
                Err(error) => assert!(matches!(error, AccountError::Store(_)), "{error}"),
            }
        };
        let before = (account.prefix(), account.inbox().totals());
        server.down("immediate");
        let command = command(&folded_offline(&events), &mut random);
        let context = context(&owner, &mut random, round);
        let failed = account.execute(command.clone(), context.clone()).await;
        assert!(matches!(failed, Err(AccountError::Store(_))), "{failed:?}");
        assert_eq!((account.prefix(), account.inbox().totals()), before, "nothing changed");
        if round % 2 == 1 {
            // Somebody looks into a history that cannot be had: it says so, and shows nothing that was not verified.
            let faulty = account.inbox().verify();
            assert!(faulty.is_err() && account.inbox().outage().is_some());
        }
        server.up();
        loop {
            match account.execute(command.clone(), context.clone()).await {
                Ok(_) => break,
                Err(AccountError::Store(_)) => failures += 1,
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(failures < 1_000, "it succeeds once the server is back");
        }
        is_fold(&account, &writing).await;
        for report in account.take_reports() {
            assert!(matches!(report, Report::SnapshotUnreadable(_)), "{report}");
        }
        if round == 3 {
            account.save().await.unwrap();
        }
    }
    assert_eq!(writing.check().await.unwrap(), []);
}

/// An inbox with the conversations of these events.
fn folded_offline(events: &[Event]) -> Inbox {
    Inbox::replay(Workload::phone().owner(), Policy::default(), &events[..4_000])
}

/// A damaged page is no wrong list: the log is replayed, and the next snapshot relies on nothing that was there.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_damaged_page_is_replayed() {
    let Some(server) = postgres_scratch::server() else { return };
    let writing = store(&server, "writing").await;
    let (owner, events, _) = kept(&writing, 5_000, 60, 4_000).await;
    server.sql(
        "UPDATE chatfold_snapshot_page SET bytes = set_byte(bytes, length(bytes) / 2, \
         get_byte(bytes, length(bytes) / 2) # 1)",
    );
    let mut account = Account::open(writing.clone(), owner.clone(), options()).await.unwrap();
    account.receive(&events[4_000..4_400]).await.unwrap();
    is_fold(&account, &writing).await;
    assert_eq!(account.machine().restored_from(), None, "all events were read");
    assert!(!account.take_reports().is_empty());
    account.save().await.unwrap();
    assert_eq!(writing.check().await.unwrap(), []);
    let account = Account::open(writing.clone(), owner.clone(), options()).await.unwrap();
    assert_eq!(account.machine().restored_from(), Some(4_400));
    is_fold(&account, &writing).await;
}

/// A server with many accounts holds fewer bytes of each than its snapshot has.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_cache_of_accounts_holds_is_what_was_looked_into() {
    let Some(server) = postgres_scratch::server() else { return };
    let writing = store(&server, "writing").await;
    let (owner, ..) = kept(&writing, 6_000, 20, 6_000).await;
    let whole = writing.latest(&StreamId::from(&owner), u64::MAX).await.unwrap().unwrap().bytes.len() as u64;
    let accounts = Accounts::new(writing.clone(), options(), 64 << 20);
    let conversation =
        accounts.inbox(&owner).await.unwrap().known_conversations().next().unwrap().id().clone();
    let cold = accounts.usage().await.len_bytes;
    assert!(cold * 2 < whole, "{cold} bytes of {whole} are held");
    accounts.prefetch(&owner, &[conversation]).await.unwrap();
    assert!(accounts.inbox(&owner).await.unwrap().verify().is_ok());
    accounts.follow(&owner).await.unwrap();
    let warm = accounts.usage().await.len_bytes;
    assert!(warm > cold && warm < 2 * whole + (2 << 20), "{cold}, then {warm} of {whole}");
}
