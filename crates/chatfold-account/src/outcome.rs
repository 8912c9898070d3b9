//! What comes of what an account was asked.

use chatfold::command::Refusal;
use chatfold::snapshot::{HistoryFault, LogPrefix, SnapshotError};
use chatfold::{ChangeSet, ConversationId, Event};

/// What became visible, of one's own events and of other writers', since something was last told. What a failure kept
/// from being told comes with the next answer.
///
/// ```
/// use chatfold::command::Role;
/// use chatfold::live::{ListView, Window};
/// use chatfold::store::MemoryStore;
/// use chatfold::{Command, Filter, UserId};
/// use chatfold_account::{Account, Options, system_context};
///
/// let (alice, store) = (UserId::parse("alice")?, MemoryStore::new());
/// let mut phone = Account::open(store.clone(), alice.clone(), Options::default())?;
/// let mut laptop = Account::open(store, alice.clone(), Options::default())?;
/// let mut screen = ListView::new(laptop.inbox(), Filter::default(), Window::First(20));
/// for name in ["c2c_bob", "c2c_carol"] {
///     let pin = Command::Pin { conversation: name.parse()?, on: true };
///     phone.execute(pin, system_context(alice.clone(), Role::Member)?)?;
/// }
/// let open = Command::Open { conversation: "c2c_dave".parse()?, group_type: None };
/// let changes = laptop.execute(open, system_context(alice, Role::Member)?)?.changes;
/// let steps = screen.follow(laptop.inbox(), &changes.set);
/// assert_eq!((changes.events, steps.len(), screen.len()), (3, 3, 3), "the other's and its own, each row once");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// How many events were taken in.
    pub events: u64,
    /// What they changed, all in one: it stands between the inbox after the answer before and the inbox now, so a view, a
    /// subscription or a [`LiveInbox`](chatfold::live::LiveInbox) follows it to [`Account::inbox`](crate::Account::inbox) without a gap.
    pub set: ChangeSet,
    /// The inbox was loaded anew, so the set tells nothing: draw all of it again (R61). What follows by change sets
    /// does so by itself, since the inbox has a revision that nothing followed to.
    pub reset: bool,
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Executed {
    /// The first and last position of its events in the log; `None` if its outcome was true already.
    pub positions: Option<(u64, u64)>,
    /// Its events, as appended. Empty if it was carried out before.
    pub events: Vec<Event>,
    /// Of a command over many conversations, those that were refused.
    pub refused: Vec<Refusal>,
    /// It had been carried out before, and nothing was appended now.
    pub repeated: bool,
    /// What changed, other writers' events included.
    pub changes: Changes,
}

/// Something that an account noticed and dealt with. Nothing of it is fatal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Report {
    /// A snapshot does not verify; an older one or the whole log was taken instead.
    #[error("the snapshot at position {position} was not used: {error}")]
    Snapshot {
        /// What it claims to stand for.
        position: u64,
        /// What is wrong with it.
        error: SnapshotError,
    },
    /// A snapshot is of another log than this one.
    #[error("the snapshot at position {position} is not of this log")]
    AlienSnapshot {
        /// What it claims to stand for.
        position: u64,
    },
    /// The store could not read a snapshot.
    #[error("a snapshot could not be read: {0}")]
    SnapshotUnreadable(String),
    /// A snapshot could not be made or kept.
    #[error("a snapshot was not kept: {0}")]
    NotSaved(String),
    /// Part of a snapshot turned out corrupt when it was first touched; the log was replayed.
    #[error("the history of {conversation} was corrupt: {fault}")]
    Corrupt {
        /// Whose history.
        conversation: ConversationId,
        /// Its fault.
        fault: HistoryFault,
    },
    /// The log is another one than before: redacted, erased, put back from a backup, or taken over by a standby that had
    /// not received all of it. It was loaded anew.
    #[error("the log is not the one that was read up to position {}", known.events)]
    LogReplaced {
        /// The log as it was known.
        known: LogPrefix,
    },
}
