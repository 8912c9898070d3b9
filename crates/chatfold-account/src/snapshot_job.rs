//! A snapshot that is due, to be made and kept beside the account.

use std::fmt;

use chatfold::snapshot::LogPrefix;
use chatfold::store::{SnapshotStore, StoredSnapshot};
use chatfold::{Inbox, UserId};

use crate::outcome::Report;
use crate::telemetry;

/// A snapshot to make and to keep, on any thread: a frozen inbox, and the prefix of the log that it is.
///
/// It needs no account, and an account needs to hear nothing of it ([`Machine::snapshot_job`]). A clone of the inbox is
/// what it holds, so it costs next to nothing until it is run.
///
/// ```
/// use chatfold::command::Role;
/// use chatfold::snapshot::SnapshotPolicy;
/// use chatfold::store::{MemoryStore, SnapshotStore};
/// use chatfold::{Command, UserId};
/// use chatfold_account::{Account, Keep, Options, system_context};
///
/// let (alice, mut store) = (UserId::parse("alice")?, MemoryStore::new());
/// let snapshots = SnapshotPolicy::default().with_every_events(Some(1));
/// let options = Options { snapshots, keep: Keep::ByCaller, ..Options::default() };
/// let mut account = Account::open(store.clone(), alice.clone(), options)?;
/// let pin = Command::Pin { conversation: "c2c_bob".parse()?, on: true };
/// account.execute(pin, system_context(alice.clone(), Role::Member)?)?;
/// let job = account.snapshot_job().expect("one is due after every event");
/// let mut other = store.clone();
/// std::thread::spawn(move || job.run(&mut other)).join().expect("it ran")?;
/// assert_eq!(store.latest(&alice.into(), u64::MAX)?.map(|kept| kept.prefix), Some(account.prefix()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Machine::snapshot_job`]: crate::machine::Machine::snapshot_job
#[derive(Clone)]
pub struct SnapshotJob {
    owner: UserId,
    inbox: Inbox,
    prefix: LogPrefix,
    skipped: u64,
}

impl fmt::Debug for SnapshotJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("SnapshotJob");
        f.field("owner", &self.owner).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl SnapshotJob {
    pub(crate) fn new(owner: UserId, inbox: Inbox, prefix: LogPrefix, skipped: u64) -> Self {
        Self { owner, inbox, prefix, skipped }
    }

    /// Returns whose snapshot it is.
    pub fn owner(&self) -> &UserId {
        &self.owner
    }

    /// Returns the prefix of the log that the snapshot stands for.
    pub fn prefix(&self) -> LogPrefix {
        self.prefix
    }

    /// Makes the snapshot, without a store. Complexity: the inbox.
    ///
    /// # Errors
    ///
    /// [`Report::NotSaved`] if a history of the inbox is corrupt.
    pub fn make(&self) -> Result<StoredSnapshot, Report> {
        made(&self.inbox, self.prefix, self.skipped)
    }

    /// Makes the snapshot, then keeps it in a transaction of its own.
    ///
    /// # Errors
    ///
    /// [`Report::NotSaved`] if it cannot be made, if the store fails, or if the log is another one by now: it was
    /// redacted or erased, and holds nothing of the snapshot any more.
    pub fn run<S: SnapshotStore>(&self, store: &mut S) -> Result<(), Report> {
        let snapshot = self.make()?;
        kept(store.save(&self.owner().into(), &snapshot))
    }
}

/// What came of keeping a snapshot.
pub(crate) fn kept<E: fmt::Display>(kept: Result<bool, E>) -> Result<(), Report> {
    match kept {
        Ok(true) => {
            telemetry::kept();
            Ok(())
        }
        Ok(false) => Err(Report::NotSaved("it is not one of this log any more".into())),
        Err(error) => Err(Report::NotSaved(error.to_string())),
    }
}

/// An inbox as a snapshot.
pub(crate) fn made(inbox: &Inbox, prefix: LogPrefix, skipped: u64) -> Result<StoredSnapshot, Report> {
    let inside = LogPrefix { skipped, ..prefix };
    let bytes = inbox.snapshot(inside).map_err(|error| Report::NotSaved(error.to_string()))?;
    telemetry::made(bytes.len());
    Ok(StoredSnapshot::new(prefix, bytes))
}
