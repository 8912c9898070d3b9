//! The outbox: its laws, within transactions of an application's, beside trimming, and under kills.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use chatfold::shared::StreamId;
use chatfold::store::{
    Append, AppendError, EventStore, Outbox, OutboxChange, OutboxCursor, OutboxEntry, OutboxError,
};
use chatfold::testing::check_outbox;
use chatfold_sqlite::{Options, Sharing, SqliteStore, Synchronous};
use rusqlite::{Connection, TransactionBehavior};

use crate::damage::Rng;
use crate::laws::{alice, append, event, open, sealing};
use crate::segments::execute;
use crate::trimming::Desk;

fn changes(entries: &[OutboxEntry]) -> Vec<OutboxChange> {
    entries.iter().map(|entry| entry.change).collect()
}

#[test]
fn it_obeys_the_laws_of_outboxes() {
    for seal_events in [1, 3, 2_048] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let options = Options { synchronous: Synchronous::Normal, seal_events, ..Options::default() };
        check_outbox(|| SqliteStore::open(&path, &options).unwrap());
        assert_eq!(open(&path).check().unwrap(), []);
    }
}

#[test]
fn an_entry_is_there_if_and_when_the_applications_transaction_is() {
    let options = Options::default();
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE sync (token TEXT)").unwrap();
    let mut store = SqliteStore::share(connection, &options).unwrap();
    let beginning = store.outbox_on().unwrap();
    for is_kept in [false, true] {
        let connection = store.connection_mut();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        transaction.execute("INSERT INTO sync VALUES ('s1')", []).unwrap();
        let mut within = Sharing::new(&transaction, &options).unwrap();
        within.append(&alice(), &Append::new(0, &[event(1, 1), event(1, 2)])).unwrap();
        within.receive(&alice(), &[event(1, 2), event(1, 3)]).unwrap();
        assert!(within.append(&alice(), &Append::new(0, &[event(1, 9)])).is_err());
        drop(within);
        if is_kept {
            transaction.commit().unwrap()
        } else {
            transaction.rollback().unwrap()
        }
        let entries = store.outbox_after(&beginning, 9).unwrap().entries;
        let [two, one] = [(1, 2), (3, 3)].map(|(first, last)| OutboxChange::Appended { first, last });
        assert_eq!(changes(&entries), if is_kept { vec![two, one] } else { vec![] });
    }
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn trimming_and_putting_back_are_no_news() {
    let desk = Desk::new(60);
    let mut store = desk.open();
    let beginning = store.outbox_on().unwrap();
    desk.write(&mut store, 60);
    desk.save(&mut store, 60);
    let all = store.outbox_after(&beginning, 1_000).unwrap();
    assert_eq!(all.entries.len(), 20);
    let trimmed = store.trim(desk.owner.account().unwrap(), u64::MAX, desk.archive()).unwrap();
    assert!(trimmed.events > 0);
    assert_eq!(store.outbox_after(&beginning, 1_000).unwrap(), all, "what happened stays told");
    let OutboxChange::Appended { first, last } = all.entries[0].change else { panic!("{all:?}") };
    let moved = store.read(&desk.owner, first - 1, (last - first + 1) as usize).unwrap_err();
    assert!(store.is_trimmed(&moved), "a consumer that is behind is told where the events are: {moved}");
    store.restore_archive(desk.owner.account().unwrap(), desk.archive()).unwrap();
    assert_eq!(store.outbox_after(&all.next, 1_000).unwrap().entries, []);
    assert_eq!(store.read(&desk.owner, first - 1, 1).unwrap().events[0].position(), first);
    assert_eq!(store.check().unwrap(), []);
}

#[test]
fn entries_that_were_damaged_are_told_and_never_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    for damage in [
        "UPDATE chatfold_outbox SET inbox = 77 WHERE number = 2",
        "UPDATE chatfold_outbox SET change = 'apended' WHERE number = 2",
        "UPDATE chatfold_outbox SET last = 0 WHERE number = 2",
        "UPDATE chatfold_outbox SET first = -1 WHERE number = 2",
        "UPDATE chatfold_outbox_switch SET forgotten = 99",
        "UPDATE chatfold_outbox_switch SET mark = x'00'",
    ] {
        let _ = fs::remove_file(&path);
        let mut store = open(&path);
        let beginning = store.outbox_on().unwrap();
        (0..3).for_each(|n| append(&mut store, &alice(), &[event(1, n)]));
        assert_eq!(store.check().unwrap(), []);
        drop(store);
        execute(&path, damage);
        let mut store = open(&path);
        let damaged = store.check();
        assert!(damaged.is_err() || damaged.unwrap().len() == 1, "{damage}");
        let found = store.outbox_after(&beginning, 9);
        let told = match &found {
            Err(OutboxError::Store(error)) => error.is_damaged(),
            Err(OutboxError::Forgotten { .. }) => damage.contains("forgotten"),
            _ => false,
        };
        assert!(told, "{damage}: {found:?}");
    }
}

#[test]
fn a_cursor_of_a_file_that_was_put_back_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("chat.db"), folder.path().join("copy.db"));
    let mut store = open(&path);
    let beginning = store.outbox_on().unwrap();
    append(&mut store, &alice(), &[event(1, 1)]);
    drop(store);
    fs::copy(&path, &copy).unwrap();
    let mut store = open(&path);
    append(&mut store, &alice(), &[event(1, 2)]);
    let taken = store.outbox_after(&beginning, 9).unwrap().next;
    drop(store);
    fs::copy(&copy, &path).unwrap();
    let refused = open(&path).outbox_after(&taken, 9);
    assert!(matches!(refused, Err(OutboxError::Ahead { .. })), "{refused:?}");
}

/// Tells a process that is killed where its file is, and where to write what was acknowledged.
const FILE: &str = "CHATFOLD_OUTBOX_FILE";
const WRITER: &str = "CHATFOLD_OUTBOX_WRITER";

fn owner(n: usize) -> StreamId {
    StreamId::from_key(&format!("owner{n}")).unwrap()
}

#[test]
#[ignore = "the process that the test kills"]
fn child() {
    let (Ok(path), Ok(writer)) = (env::var(FILE), env::var(WRITER)) else { return };
    let mut acknowledged =
        File::options().create(true).append(true).open(format!("{path}.{writer}")).unwrap();
    let (writer, mut n) = (writer.parse::<u8>().unwrap(), 0);
    let mut store = sealing(path.as_ref(), 8);
    let mut rng = Rng(u64::from(writer));
    loop {
        let inbox = owner(rng.below(3));
        let events = [event(writer, n), event(writer, n + 1)];
        n += 2;
        let mut expected = store.head(&inbox).unwrap().prefix.events;
        let appended = loop {
            match store.append(&inbox, &Append::new(expected, &events)) {
                Ok(appended) => break appended,
                Err(AppendError::Conflict { actual, .. }) => expected = actual,
                Err(error) => panic!("{error}"),
            }
        };
        writeln!(acknowledged, "{inbox} {} {} .", appended.first, appended.last).unwrap();
    }
}

fn begin(path: &Path, writer: u8) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "outbox::child"])
        .env(FILE, path)
        .env(WRITER, writer.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What writers were told: inbox, first and last position. A line that was cut by the kill was acknowledged to nobody.
fn acknowledged(path: &Path, writers: u8) -> Vec<(String, u64, u64)> {
    let said = (0..writers).map(|writer| fs::read_to_string(format!("{}.{writer}", path.display())));
    let said: Vec<String> = said.map(Result::unwrap_or_default).collect();
    let parsed = |line: &str| match line.split(' ').collect::<Vec<_>>().as_slice() {
        [inbox, first, last, "."] => {
            Some(((*inbox).to_owned(), first.parse().unwrap(), last.parse().unwrap()))
        }
        _ => None,
    };
    said.iter().flat_map(|said| said.lines().filter_map(parsed)).collect()
}

/// Writers are killed at any moment, and so is the consumer, which keeps its cursor: every append that was acknowledged is
/// delivered, each event once, in the order of each log.
#[test]
fn what_was_acknowledged_is_delivered_whoever_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut cursor = open(&path).outbox_on().unwrap().to_string();
    let mut delivered: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    let mut take = |cursor: &mut String| {
        let mut store = open(&path);
        loop {
            let page = store.outbox_after(&cursor.parse::<OutboxCursor>().unwrap(), 7).unwrap();
            for entry in &page.entries {
                let OutboxChange::Appended { first, last } = entry.change else { panic!("{entry:?}") };
                delivered.entry(entry.stream.to_string()).or_default().push((first, last));
            }
            *cursor = page.next.to_string();
            if page.entries.is_empty() {
                return;
            }
        }
    };
    let (mut rng, mut writers) = (Rng(5), 0);
    for _ in 0..8 {
        let children: Vec<_> = (writers..writers + 2).map(|writer| begin(&path, writer)).collect();
        writers += 2;
        for mut child in children {
            thread::sleep(Duration::from_millis(60 + rng.below(120) as u64));
            take(&mut cursor);
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    take(&mut cursor);
    let acknowledged = acknowledged(&path, writers);
    assert!(acknowledged.len() > 20, "only {} appends came so far", acknowledged.len());
    for (inbox, first, last) in &acknowledged {
        let seen =
            delivered.get(inbox).map_or(0, |seen| seen.iter().filter(|at| **at == (*first, *last)).count());
        assert_eq!(seen, 1, "{inbox} from {first} to {last} was acknowledged");
    }
    let mut store = open(&path);
    for inbox in (0..3).map(owner) {
        let mut next = 1;
        for (first, last) in delivered.get(inbox.to_string().as_str()).into_iter().flatten() {
            assert_eq!(*first, next, "each position once and in order, also what nobody was told of");
            next = last + 1;
        }
        assert_eq!(store.head(&inbox).unwrap().prefix.events, next - 1);
    }
    assert_eq!(store.check().unwrap(), []);
}
