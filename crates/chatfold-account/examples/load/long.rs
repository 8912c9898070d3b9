//! One long log in PostgreSQL: taken over, folded, kept, and one message of it redacted.

use std::time::{Duration, Instant};

use chatfold::binary::{Header, Log, Writer};
use chatfold::event::{Body, Fact};
use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::redact::Redaction;
use chatfold::shared::StreamId;
use chatfold::testing::Workload;
use chatfold::{Policy, Replay, UserId};
use chatfold_account::postgres;
use postgres_scratch::Server;

use crate::{Scale, connect, never, rate};

/// How many bytes all tables take with their indexes.
fn tables_len_bytes(server: &Server) -> u64 {
    let sql = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class \
               WHERE relname LIKE 'chatfold%' AND relkind = 'r'";
    server.sql(sql).parse().unwrap()
}

/// A long log is taken over, folded, and kept: how fast, and in how many bytes.
pub(crate) async fn one_long_log(server: &Server, scale: Scale) {
    let workload = Workload::phone().with_events(scale.redacted);
    let store = connect(server).await;
    let owner = UserId::parse("long").unwrap();
    let events = workload.stored();
    let before = tables_len_bytes(server);
    println!("\n| one log of {} events | |\n|---|---|", events.len());
    let began = Instant::now();
    for page in events.chunks(10_000) {
        store.import(&StreamId::from(&owner), page).await.unwrap();
    }
    let rate = events.len() as f64 / began.elapsed().as_secs_f64();
    println!("| PostgreSQL, `import` | {rate:.0} events/s |");
    let mut writer = Writer::new(Vec::new(), &Header::new(owner.clone())).unwrap();
    workload.iter().for_each(|event| writer.write(&LoggedEvent::Known(event)).unwrap());
    writer.flush().unwrap();
    let log = writer.into_inner();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &log).unwrap();
    let fold = || {
        let bytes = std::fs::read(file.path()).unwrap();
        let mut replay = Replay::new(owner.clone(), Policy::default());
        Log::open(&bytes).unwrap().fold(&mut replay).unwrap();
        replay.finish()
    };
    let folded = rate_of(scale.each, fold);
    let mut times = 0;
    let began = Instant::now();
    while times == 0 || began.elapsed() < scale.each {
        postgres::Account::open(store.clone(), owner.clone(), never()).await.unwrap();
        times += 1;
    }
    let loaded = f64::from(times) / began.elapsed().as_secs_f64();
    println!("| a binary log folded from a file | {folded:.2}/s |");
    println!("| PostgreSQL, loaded by replay | {loaded:.2}/s, {:.2} of it |", loaded / folded);
    let mut account = postgres::Account::open(store.clone(), owner.clone(), never()).await.unwrap();
    account.save().await.unwrap();
    let snapshot = store.latest(&StreamId::from(&owner), u64::MAX).await.unwrap().unwrap().bytes.len();
    let tables = tables_len_bytes(server) - before;
    println!(
        "| PostgreSQL, bytes | {tables}: {:.2} of binary log ({}) and snapshot ({snapshot}) |",
        tables as f64 / (log.len() + snapshot) as f64,
        log.len()
    );
    assert_eq!(account.inbox().digest(), fold().digest());
}

/// How often a second something is done, in a while.
fn rate_of<T>(each: Duration, act: impl Fn() -> T) -> f64 {
    rate(each, || drop(act()))
}

/// One message is redacted in a long log: what the account does in all, and the store's part of it.
pub(crate) async fn one_redaction(server: &Server, scale: Scale) {
    let workload = Workload::phone().with_events(scale.redacted);
    let store = connect(server).await;
    let owner = UserId::parse("redacted").unwrap();
    let events = workload.stored();
    for page in events.chunks(10_000) {
        store.import(&StreamId::from(&owner), page).await.unwrap();
    }
    println!("\n| one redaction of {} events | s |\n|---|---|", scale.redacted);
    for (name, position) in
        [("the first event", 1), ("one in the middle", scale.redacted / 2), ("the last", scale.redacted)]
    {
        let bytes = events[position as usize - 1].bytes.clone();
        let began = Instant::now();
        store.rewrite(&StreamId::from(&owner), &[(position, bytes)]).await.unwrap();
        println!("| PostgreSQL, `rewrite` of {name} | {:.2} |", began.elapsed().as_secs_f64());
    }
    let mut account = postgres::Account::open(store.clone(), owner.clone(), never()).await.unwrap();
    let last = events.iter().rev().find_map(|event| match decode_line(&event.bytes).unwrap() {
        LoggedEvent::Known(event) => match event.body() {
            Body::Conversation(chat, Fact::MessageReceived(message)) => Some((chat.clone(), message.id)),
            _ => None,
        },
        LoggedEvent::Skipped(_) => None,
    });
    let mut redaction = Redaction::default();
    let (conversation, message) = last.unwrap();
    redaction.choose_message(conversation, message);
    let began = Instant::now();
    let changes = account.redact(redaction).await.unwrap();
    let took = began.elapsed().as_secs_f64();
    println!(
        "| PostgreSQL, `Account::redact` of the last message, {} event(s) | {took:.2} |",
        changes.events
    );
}
