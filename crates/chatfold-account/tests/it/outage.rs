//! Snapshots of which a part cannot be read when it is needed: the account loads anew, and nothing is lost or wrong.

use std::path::Path;

use chatfold::shared::StreamId;
use chatfold::snapshot::SnapshotPolicy;
use chatfold::store::SnapshotStore as _;
use chatfold::testing::Workload;
use chatfold::{Event, Inbox, Policy};
use chatfold_account::{Account, Options, Report};
use chatfold_sqlite::SqliteStore;

/// Snapshots only where the tests say so.
fn opened(path: &Path, workload: &Workload) -> Account<SqliteStore> {
    let store = SqliteStore::open(path, &chatfold_sqlite::Options::default()).unwrap();
    let options = Options { snapshots: SnapshotPolicy::default(), ..Options::default() };
    Account::open(store, workload.owner(), options).unwrap()
}

/// A log whose snapshots have many pages.
fn log() -> (Workload, Vec<Event>) {
    let workload = Workload::phone().with_events(9_000);
    let events = workload.iter().collect();
    (workload, events)
}

/// An account is the fold of events.
fn is_fold(account: &Account<SqliteStore>, events: &[Event]) {
    let inbox = Inbox::replay(account.owner().clone(), Policy::default(), events);
    assert_eq!(account.inbox().digest(), inbox.digest());
    assert_eq!(account.inbox().outage(), None, "what shows is whole");
    assert_eq!(account.inbox().audit(), Ok(()));
}

fn unreadable(account: &mut Account<SqliteStore>) -> usize {
    let reports = account.take_reports();
    for report in &reports {
        assert!(matches!(report, Report::SnapshotUnreadable(_)), "{report}");
    }
    reports.len()
}

/// While one device rests, another one keeps so many snapshots that pages of the first one's are gone.
#[test]
fn an_account_whose_snapshot_was_replaced_goes_on_from_a_newer_one() {
    let (workload, events) = log();
    for read_first in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        let mut writer = opened(&path, &workload);
        writer.receive(&events[..5_000]).unwrap();
        writer.save().unwrap();
        let mut resting = opened(&path, &workload);
        assert_eq!(resting.machine().restored_from(), Some(5_000));
        for until in [6_000, 7_000, 8_000] {
            writer.receive(&events[until - 1_000..until]).unwrap();
            writer.save().unwrap();
        }
        assert_eq!(writer.take_reports(), []);
        // Whoever reads finds it out, or what comes next does.
        if read_first {
            let digest = resting.inbox().digest();
            assert!(resting.inbox().outage().is_some() && resting.inbox().faults().all(|(_, f)| f.outage));
            assert_ne!(digest, Inbox::replay(workload.owner(), Policy::default(), &events[..5_000]).digest());
        }
        resting.receive(&events[8_000..]).unwrap();
        assert!(unreadable(&mut resting) > 0 || read_first, "some pages were gone");
        assert!(resting.machine().restored_from() > Some(5_000), "it went on from a newer one");
        is_fold(&resting, &events);
        writer.follow().unwrap();
        is_fold(&writer, &events);
        assert_eq!(resting.store().check().unwrap(), []);
    }
}

/// Where no snapshot can be read, the log is.
#[test]
fn without_the_pages_of_any_snapshot_the_log_is_replayed() {
    let (workload, events) = log();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mut writer = opened(&path, &workload);
    writer.receive(&events[..8_000]).unwrap();
    writer.save().unwrap();
    // The pages go after the front was read.
    let mut account = opened(&path, &workload);
    rusqlite::Connection::open(&path).unwrap().execute_batch("DELETE FROM chatfold_snapshot_page").unwrap();
    account.receive(&events[8_000..]).unwrap();
    assert!(unreadable(&mut account) > 0);
    assert_eq!(account.machine().restored_from(), None, "all events were read");
    is_fold(&account, &events);
    account.save().unwrap();
    let kept = account.store().latest(&StreamId::from(workload.owner()), u64::MAX).unwrap();
    assert_eq!(kept.map(|kept| kept.prefix.events), Some(9_000), "the next one is kept as any other");
    is_fold(&opened(&path, &workload), &events);
}
