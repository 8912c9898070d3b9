//! Accounts over a log whose older events were moved to an archive: shown from the snapshot, or refused, never a wrong list.

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::EventStore;
use chatfold_account::{Account, AccountError};
use chatfold_sqlite::{Options, SqliteError, SqliteStore};

use crate::support::{alice, command, context, is_of, log, options};

/// How many commands are carried out before the log is trimmed.
const BEFORE: u64 = 40;

fn sealing(path: &std::path::Path) -> SqliteStore {
    SqliteStore::open(path, &Options { seal_events: 3, ..Options::default() }).unwrap()
}

fn open(path: &std::path::Path) -> Account<SqliteStore> {
    Account::open(sealing(path), alice(), options()).unwrap()
}

fn carry_out(account: &mut Account<SqliteStore>, numbers: std::ops::Range<u64>) {
    for n in numbers {
        account.execute(command(1, n), context(1, n)).unwrap();
    }
}

#[test]
fn accounts_go_on_over_a_trimmed_log() {
    let folder = tempfile::tempdir().unwrap();
    let (path, archive) = (folder.path().join("chat.db"), folder.path().join("alice.chatfold"));
    let mut account = open(&path);
    // Two that know an older state: one follows, the other executes.
    let (mut follower, mut writer) = (open(&path), open(&path));
    carry_out(&mut account, 0..BEFORE);
    let before = log(&mut account);
    let trimmed = sealing(&path).trim(&alice(), u64::MAX, &archive).unwrap();
    assert!(trimmed.through > 10, "{trimmed:?}");

    let changes = follower.follow().unwrap();
    assert!(changes.reset, "{changes:?}");
    is_of(follower.inbox(), &before);
    writer.execute(command(2, 0), context(2, 0)).unwrap();
    // What was carried out before the cut is known to be, whoever gives it again, and events are found to be there.
    for n in 0..BEFORE {
        writer.execute(command(1, n), context(1, n)).unwrap();
    }
    carry_out(&mut account, BEFORE..BEFORE + 20);
    follower.follow().unwrap();
    writer.follow().unwrap();
    let mut store = sealing(&path);
    let after = store.read(&StreamId::from(alice()), before.len() as u64, usize::MAX).unwrap();
    let whole = [before.clone(), after.events].concat();
    for account in [&follower, &account, &writer, &open(&path)] {
        is_of(account.inbox(), &whole);
    }
    let error = account.events(0, 10).unwrap_err();
    assert!(matches!(error, AccountError::Store(SqliteError::Trimmed { .. })), "{error}");

    // Without a snapshot that can be used it is an error, at once and each time, until the events are back.
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE chatfold_snapshot_page SET bytes = zeroblob(length(bytes))").unwrap();
    for _ in 0..2 {
        match Account::open(sealing(&path), alice(), options()) {
            Err(AccountError::Store(SqliteError::Trimmed { through, .. })) => {
                assert_eq!(through, trimmed.through)
            }
            other => panic!("{:?}", other.map(|account| account.prefix())),
        }
    }
    sealing(&path).restore_archive(&alice(), &archive).unwrap();
    let mut account = open(&path);
    assert_eq!(log(&mut account), whole);
    is_of(account.inbox(), &whole);
    assert_ne!(account.prefix(), LogPrefix::EMPTY);
}
