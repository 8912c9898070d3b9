//! Who keeps snapshots, and when: no append waits for one unless it is asked to.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::thread;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::snapshot::SnapshotPolicy;
use chatfold::store::{
    Append, AppendError, Appended, EventStore, Head, MemoryStore, Page, RewriteError, SnapshotStore,
    StoredEvent, StoredSnapshot,
};
use chatfold_account::{Account, Keep, Options, Report};
use chatfold_sqlite::SqliteStore;

use crate::support::{alice, command, context, is_of, log, options};

/// What a store was asked to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Append { with_snapshot: bool },
    Save,
}

/// Notes what it is asked to write.
#[derive(Clone, Default)]
struct Noting {
    store: MemoryStore,
    writes: Rc<RefCell<Vec<Write>>>,
}

impl EventStore for Noting {
    type Error = Infallible;

    fn append(&mut self, inbox: &StreamId, append: &Append<'_>) -> Result<Appended, AppendError<Infallible>> {
        self.writes.borrow_mut().push(Write::Append { with_snapshot: append.snapshot.is_some() });
        self.store.append(inbox, append)
    }

    fn import(&mut self, inbox: &StreamId, events: &[StoredEvent]) -> Result<Head, AppendError<Infallible>> {
        self.store.import(inbox, events)
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, Infallible> {
        self.store.read(inbox, after, limit)
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, Infallible> {
        self.store.find(inbox, id)
    }

    fn rewrite(
        &mut self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<Infallible>> {
        self.store.rewrite(inbox, events)
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Result<Head, Infallible> {
        self.store.fence(inbox, to)
    }

    fn erase(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
        self.store.erase(inbox)
    }

    fn reopen(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
        self.store.reopen(inbox)
    }
}

impl SnapshotStore for Noting {
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Infallible> {
        self.store.latest(inbox, through)
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Infallible> {
        self.writes.borrow_mut().push(Write::Save);
        self.store.save(inbox, snapshot)
    }
}

/// What is written by commands until there are `events`.
fn written(keep: Keep, events: u64) -> (Vec<Write>, Account<Noting>) {
    let store = Noting::default();
    let mut account = Account::open(store.clone(), alice(), Options { keep, ..options() }).unwrap();
    let mut n = 0;
    while account.prefix().events < events {
        account.execute(command(3, n), context(3, n)).unwrap();
        n += 1;
    }
    let writes = store.writes.borrow().clone();
    (writes, account)
}

#[test]
fn a_snapshot_is_kept_after_the_append_that_makes_it_due() {
    let plain = Write::Append { with_snapshot: false };
    let (writes, mut account) = written(Keep::AfterAppend, 7);
    assert_eq!(writes.last_chunk(), Some(&[plain, Write::Save]), "once the events are there: {writes:?}");
    assert_eq!(writes.iter().filter(|write| **write == Write::Save).count(), 1);
    let kept = account.store().latest(&StreamId::from(alice()), u64::MAX).unwrap().unwrap();
    assert_eq!(kept.prefix, account.prefix());
    let (writes, _) = written(Keep::WithAppend, 7);
    assert_eq!(writes.last(), Some(&Write::Append { with_snapshot: true }));
    assert!(!writes.contains(&Write::Save));
    let (writes, mut account) = written(Keep::ByCaller, 30);
    assert!(writes.iter().all(|write| *write == plain));
    assert_eq!(account.store().latest(&StreamId::from(alice()), u64::MAX).unwrap(), None);
    assert!(account.machine().due_snapshot());
    account.snapshot_job().unwrap().run(&mut account.store().clone()).unwrap();
    assert!(!account.machine().due_snapshot() && account.snapshot_job().is_none());
    let kept = account.store().latest(&StreamId::from(alice()), u64::MAX).unwrap().unwrap();
    assert_eq!(kept.prefix, account.prefix());
}

/// Two writers' jobs, run late and in any order while both go on.
#[test]
fn jobs_of_two_writers_do_not_disturb_each_other() {
    let store = MemoryStore::new();
    let by_caller = Options { keep: Keep::ByCaller, ..options() };
    let open = || Account::open(store.clone(), alice(), by_caller).unwrap();
    let mut accounts = [open(), open()];
    let mut jobs = Vec::new();
    for n in 0..60 {
        let writer = n % 2;
        let account = &mut accounts[writer as usize];
        account.execute(command(writer, n), context(writer, n)).unwrap();
        jobs.extend(account.snapshot_job());
    }
    assert!(jobs.len() > 6, "{}", jobs.len());
    let newest = jobs.iter().map(|job| job.prefix().events).max().unwrap();
    thread::scope(|scope| {
        for half in jobs.chunks(jobs.len().div_ceil(2)).rev() {
            let mut store = store.clone();
            scope.spawn(move || half.iter().rev().for_each(|job| job.run(&mut store).unwrap()));
        }
    });
    let kept = store.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap().unwrap();
    assert_eq!(kept.prefix.events, newest, "the newest is kept, whichever came last");
    let mut cold = open();
    assert_eq!(cold.take_reports(), []);
    let log = log(&mut cold);
    is_of(cold.inbox(), &log);
    // One of a log that was redacted meanwhile is not kept.
    let account = &mut accounts[0];
    account.follow().unwrap();
    for n in 100..120 {
        account.execute(command(0, n), context(0, n)).unwrap();
    }
    let late = account.snapshot_job().unwrap();
    let mut redaction = chatfold::redact::Redaction::default();
    redaction.choose_author(alice());
    account.redact(redaction).unwrap();
    assert!(matches!(late.run(&mut store.clone()), Err(Report::NotSaved(_))));
    assert_eq!(store.clone().latest(&StreamId::from(alice()), u64::MAX).unwrap(), None);
}

#[test]
fn a_thread_keeps_snapshots_beside_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let store = || SqliteStore::open(&path, &chatfold_sqlite::Options::default()).unwrap();
    let mut account = Account::open(store(), alice(), options()).unwrap().with_background(store()).unwrap();
    for n in 0..60 {
        account.execute(command(3, n), context(3, n)).unwrap();
    }
    assert_eq!(account.take_reports(), []);
    let digest = account.inbox().digest();
    drop(account);
    let kept = store().latest(&StreamId::from(alice()), u64::MAX).unwrap();
    assert!(kept.is_some_and(|kept| kept.prefix.events >= 7), "dropping waits for the one under way");
    let mut cold = Account::open(store(), alice(), options()).unwrap();
    assert_eq!((cold.take_reports(), cold.inbox().digest()), (vec![], digest));
    assert_eq!(cold.store().check().unwrap(), []);
}

#[test]
fn a_snapshot_that_is_refused_is_not_tried_with_each_command() {
    let store = MemoryStore::new();
    let snapshots = SnapshotPolicy::default().with_every_events(Some(5));
    let options = Options { snapshots, keep: Keep::ByCaller, ..options() };
    let mut account = Account::open(store, alice(), options).unwrap();
    let mut jobs = 0;
    for n in 0..60 {
        account.execute(command(3, n), context(3, n)).unwrap();
        jobs += u64::from(account.snapshot_job().is_some());
    }
    assert!(jobs <= account.prefix().events / 5, "whatever became of the jobs");
}
