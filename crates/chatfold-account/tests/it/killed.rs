//! A process that appends in a loop is killed at random moments (SIGKILL): everything it acknowledged is there, once
//! and in order, and the inbox is the reference model's.
//!
//! `CHATFOLD_KILLS` says how often; the child is this very test binary, in the test `child`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use chatfold::testing::Random;
use chatfold_account::{Account, AccountError};
use chatfold_sqlite::{Options, SqliteStore, Synchronous};

use crate::support::{alice, command, context, is_of, log, options, sent};

/// Whose commands these are, where there is but one.
pub(crate) const WRITER: u64 = 7;

/// This binary, as the process that appends: commands of a writer from `from` on, `count` of them.
pub(crate) fn child_process(
    path: &Path,
    writer: u64,
    (from, count): (u64, u64),
    synchronous: &str,
) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::child", "--ignored", "--nocapture"]);
    command.env("CHATFOLD_CHILD", path).env("CHATFOLD_CHILD_FROM", from.to_string());
    command.env("CHATFOLD_CHILD_WRITER", writer.to_string());
    command.env("CHATFOLD_CHILD_COUNT", count.to_string()).env("CHATFOLD_CHILD_SYNCHRONOUS", synchronous);
    command
}

#[test]
#[ignore = "the process that the tests kill"]
fn child() {
    let Some(path) = std::env::var_os("CHATFOLD_CHILD") else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (from, count) = (number("CHATFOLD_CHILD_FROM"), number("CHATFOLD_CHILD_COUNT"));
    let writer = number("CHATFOLD_CHILD_WRITER");
    let normal = std::env::var("CHATFOLD_CHILD_SYNCHRONOUS").is_ok_and(|value| value == "normal");
    let synchronous = if normal { Synchronous::Normal } else { Synchronous::Full };
    // Sealing is under way, as often as not.
    let options_of_file = Options { synchronous, seal_events: 3, ..Options::default() };
    let store = SqliteStore::open(path, &options_of_file).unwrap();
    let mut account = Account::open(store, alice(), options()).unwrap();
    let mut stdout = std::io::stdout();
    for n in from..from.saturating_add(count) {
        let executed = loop {
            match account.execute(command(writer, n), context(writer, n)) {
                Err(AccountError::Contention { .. }) => {}
                executed => break executed.unwrap(),
            }
        };
        let (first, last) = executed.positions.unwrap_or((1, 0));
        stdout.write_all(format!("ack {n} {first} {last}\n").as_bytes()).unwrap();
    }
}

/// What was acknowledged: the command's number, and the positions of its events.
fn acknowledged(output: &[u8]) -> Vec<(u64, u64, u64)> {
    let text = String::from_utf8_lossy(output);
    // The runner of tests writes before the first line; a last line may be cut short.
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines
        .filter_map(|line| {
            let (_, told) = line.split_once("ack ")?;
            let mut numbers = told.split_whitespace().map(|number| number.parse().unwrap());
            Some((numbers.next()?, numbers.next()?, numbers.next()?))
        })
        .collect()
}

#[test]
fn whatever_was_acknowledged_is_there() {
    let kills: u64 = std::env::var("CHATFOLD_KILLS").map_or(25, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut random = Random::new(kills);
    let (mut next, mut version, mut with_acks) = (0, 0, 0);
    for kill in 0..kills {
        let mut child = child_process(&path, WRITER, (next, u64::MAX), "full")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From before the file is made to the middle of many appends.
        thread::sleep(Duration::from_micros(random.below(60_000)));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.code().is_none(), "it was killed, and did not end by itself");
        let acknowledged = acknowledged(&output.stdout);
        with_acks += u64::from(!acknowledged.is_empty());

        let store = SqliteStore::open(&path, &Options::default()).unwrap();
        let mut account = Account::open(store, alice(), options()).unwrap();
        assert_eq!(account.take_reports(), [], "no snapshot was left half written");
        let log = log(&mut account);
        for (n, first, last) in &acknowledged {
            assert_eq!(*n, next, "one after the other");
            next += 1;
            if first <= last {
                // The command of a killed process may be there, unacknowledged; given again it is known.
                assert!(
                    *first == version + 1 || *last <= version,
                    "positions go on: {first} after {version}"
                );
                version = version.max(*last);
            }
        }
        let there = log.len() as u64;
        assert!(there >= version, "kill {kill}: acknowledged up to {version}, there are {there}");
        // The one command under way when it was killed is there whole or not at all.
        let commands: std::collections::BTreeSet<_> =
            log.iter().skip(version as usize).map(|event| event.command).collect();
        assert!(commands.len() <= 1, "kill {kill}: no more than the command under way");
        version = there;
        let mut expected: Vec<_> = (0..next).filter(|n| n % 3 == 0).collect();
        let sent = sent(&log, WRITER);
        if sent.len() > expected.len() {
            expected.push(next);
        }
        assert_eq!(sent, expected, "kill {kill}: each message once, in order");
        if kill % 20 == 0 || kill + 1 == kills {
            is_of(account.inbox(), &log);
        }
        assert!(
            account.store().check().is_ok_and(|damage| damage.is_empty()),
            "kill {kill}: the file is sound"
        );
    }
    assert!(with_acks * 3 > kills, "only {with_acks} of {kills} processes came to append");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let count =
        |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned();
    let (sealed, rows) =
        (count("SELECT max(last) FROM chatfold_segment"), count("SELECT count(*) FROM chatfold_event"));
    assert_eq!(sealed + rows, version, "every event lies in one place");
    assert!(rows < 3, "rows are sealed by threes");
}

#[test]
fn several_processes_on_one_file_lose_nothing() {
    const EACH: u64 = 60;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    // They make the file at the same time, too.
    let children: Vec<_> = (0..3)
        .map(|writer| child_process(&path, writer, (0, EACH), "full").stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    let mut events = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let acknowledged = acknowledged(&output.stdout);
        assert_eq!(acknowledged.len() as u64, EACH);
        events += acknowledged.iter().map(|(_, first, last)| (last + 1).saturating_sub(*first)).sum::<u64>();
    }
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    let mut account = Account::open(store, alice(), options()).unwrap();
    let log = log(&mut account);
    assert_eq!(log.len() as u64, events, "what is there was acknowledged, once");
    for writer in 0..3 {
        assert_eq!(sent(&log, writer), (0..EACH).filter(|n| n % 3 == 0).collect::<Vec<_>>());
    }
    is_of(account.inbox(), &log);
}
