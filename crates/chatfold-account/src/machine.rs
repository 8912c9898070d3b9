//! The account as a state machine without input or output: what to read, what to write, what to do with the answer.
//!
//! A driver begins something ([`Machine::load`], [`Machine::execute`] …), carries out what [`Machine::request`] asks
//! until it asks nothing more, tells each answer, and takes the outcome. If the store fails it calls
//! [`Machine::failed`]: what is known stays, and the next thing begins from there.
//!
//! ```
//! use chatfold::store::{EventStore, MemoryStore, SnapshotStore};
//! use chatfold::UserId;
//! use chatfold::shared::StreamId;
//! use chatfold_account::machine::{Machine, Request};
//! use chatfold_account::Options;
//!
//! let mut store = MemoryStore::new();
//! let mut machine = Machine::new(UserId::parse("alice")?, Options::default());
//! machine.load();
//! let owner = StreamId::from(machine.owner());
//! while let Some(request) = machine.request() {
//!     match request {
//!         Request::Snapshot { through } => {
//!             let found = store.open_latest(&owner, *through)?;
//!             machine.snapshot_found(Ok(found));
//!         }
//!         Request::Sealed { after } => {
//!             let sealed = store.read_sealed(&owner, *after)?;
//!             machine.sealed_read(sealed);
//!         }
//!         Request::Read { after, limit } => {
//!             let page = store.read(&owner, *after, *limit)?;
//!             machine.page_read(page);
//!         }
//!         _ => unreachable!("loading an empty log writes nothing"),
//!     }
//! }
//! machine.take_changes()?;
//! assert!(machine.inbox().totals().unread == 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fetching;
mod goals;
mod redacting;
mod request;
mod state;

use std::fmt;
use std::mem;

use chatfold::change::ChangeSpan;
use chatfold::id::CommandId;
use chatfold::redact::Redaction;
use chatfold::snapshot::{LogPrefix, SnapshotError, SnapshotPolicy};
use chatfold::store::{FoundSnapshot, NewEvent, Page, SealedPage, StoredEvent};
use chatfold::{Command, Context, Inbox, Policy, UserId};

use self::redacting::Redacting;
pub use self::request::{Batch, Request};
use self::state::{Candidate, Loading, State, Trouble};
use crate::decoded::checked;
use crate::error::Failure;
use crate::outcome::{Changes, Executed, Report};
use crate::snapshot_job::SnapshotJob;

/// How often the newest snapshot is asked for again because part of it could not be read, before the log is replayed.
const OUTAGES: u32 = 2;

/// How an account is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The fold's policy: the same for all writers of an inbox, for ever (R41).
    pub policy: Policy,
    /// When a snapshot is due: unless set otherwise after 1,000 events or 4 MiB of log, and where the log is longer
    /// than 64,000 events after a 64th of it.
    pub snapshots: SnapshotPolicy,
    /// Who keeps a snapshot that is due, and when.
    pub keep: Keep,
    /// How often a command is judged anew because other writers came first, with waits of up to 256 ms in between, of
    /// another length for each writer. 512 unless another is set, which is about a minute.
    pub attempts: u32,
    /// How many events are read at once.
    pub page_len: usize,
    /// How many bytes of histories that were loaded from the snapshot and not written since stay loaded between two
    /// operations, counted as they lie there: beyond that they are let go of and loaded again when they are next touched
    /// ([`Inbox::release_parts_beyond`]). 8 MiB unless set otherwise; `u64::MAX` for no bound. While somebody holds a clone
    /// of the inbox, what it shares stays. Where newer snapshots have taken the place of the one that the inbox came from, a
    /// part that is let go of may be gone, and the account loads anew when it is touched.
    pub parts_len_bytes: u64,
}

/// Who keeps a snapshot that is due, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Keep {
    /// The account, in the transaction of the events that make it due: these wait until it is made and written.
    WithAppend,
    /// The account, once the events are durable, in a transaction of its own. The async account does it in a task beside
    /// its commands, the blocking one before it answers or, [with another handle of the
    /// store](crate::Account::with_background), on a thread of its own.
    #[default]
    AfterAppend,
    /// Whoever has the account: [`Machine::snapshot_job`] says what is due.
    ByCaller,
}

impl Default for Options {
    fn default() -> Self {
        let snapshots = SnapshotPolicy::default()
            .with_every_events(Some(1_000))
            .with_every_len_bytes(Some(4 << 20))
            .with_one_in_events(Some(64));
        Self {
            policy: Policy::default(),
            snapshots,
            keep: Keep::default(),
            attempts: 512,
            page_len: 1_000,
            parts_len_bytes: 8 << 20,
        }
    }
}

/// What was begun.
enum Goal {
    /// To be up to date.
    Follow,
    /// To be up to date from a replay of the whole log.
    Heal,
    Execute(Box<Wish>),
    Receive(Vec<NewEvent>),
    Redact(Box<Redacting>),
    Erase,
    Save,
}

/// What goes on once ranges of the snapshot were fetched.
#[derive(Debug)]
enum Waiting {
    /// The command is judged.
    Judge,
    /// The page is taken in.
    Page(Page),
    /// What was received is proposed.
    Received,
}

/// A command on its way.
#[derive(Debug)]
struct Wish {
    command: Command,
    context: Context,
    /// Whether the state has been the newest since it was begun: only then nothing and no are final.
    fresh: bool,
}

/// An account without input or output. See the [module](self).
pub struct Machine {
    owner: UserId,
    options: Options,
    state: State,
    /// The state is not known to be one of the log: it is loaded before anything else.
    reload: bool,
    loading: Option<Loading>,
    goal: Option<Goal>,
    request: Option<Request>,
    /// What goes on once ranges of the snapshot were fetched.
    waiting: Option<Waiting>,
    /// They were fetched just now: whatever is still lacking is read when it is needed.
    fetched: bool,
    /// What the state becomes if the append that is asked for succeeds.
    candidate: Option<Candidate>,
    attempts: u32,
    /// How often part of a snapshot could not be read since it was begun.
    outages: u32,
    /// The events of the snapshot that the inbox was restored from.
    restored_from: Option<u64>,
    /// What came of a command, but for what changed.
    executed: Executed,
    untold: Untold,
    failure: Option<Failure>,
    reports: Vec<Report>,
    /// See [`Machine::set_blocking`].
    is_blocking: bool,
}

/// What became visible and no answer has told yet; what a failure kept from being told comes with the next answer.
#[derive(Debug, Default)]
struct Untold {
    events: u64,
    span: Option<ChangeSpan>,
    reset: bool,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Machine");
        f.field("owner", &self.owner).field("prefix", &self.state.prefix).finish_non_exhaustive()
    }
}

impl Machine {
    /// An account of which nothing is known yet.
    pub fn new(owner: UserId, options: Options) -> Self {
        Self {
            state: State::empty(&owner, options.policy),
            reload: true,
            owner,
            options,
            loading: None,
            goal: None,
            request: None,
            waiting: None,
            fetched: false,
            candidate: None,
            attempts: 0,
            outages: 0,
            restored_from: None,
            executed: Executed::default(),
            untold: Untold::default(),
            failure: None,
            reports: Vec::new(),
            is_blocking: false,
        }
    }

    /// Whose account it is.
    pub fn owner(&self) -> &UserId {
        &self.owner
    }

    /// The inbox as far as it is known: empty before it was loaded.
    pub fn inbox(&self) -> &Inbox {
        &self.state.inbox
    }

    /// Whether the inbox is known to be that of the log. Otherwise whatever is begun next loads it first.
    pub fn is_loaded(&self) -> bool {
        !self.reload
    }

    /// How far the log is known.
    pub fn prefix(&self) -> LogPrefix {
        self.state.prefix
    }

    /// How many events the snapshot stood for that the inbox was restored from; `None` where all events were read.
    pub fn restored_from(&self) -> Option<u64> {
        self.restored_from
    }

    /// How many events of unknown type or newer version the log has: they are kept, and the inbox knows nothing of
    /// them.
    pub fn skipped_events(&self) -> u64 {
        self.state.skipped
    }

    /// About how many bytes the inbox takes: those of the snapshot it came from, as far as they are held here, and of the
    /// events since.
    pub fn len_bytes(&self) -> u64 {
        let held = self.state.source.as_ref().map_or(0, |source| source.held_len_bytes());
        self.state.len_bytes.saturating_add(held)
    }

    /// Something was noticed outside.
    pub(crate) fn report(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// What was noticed and nobody has asked for.
    pub(crate) fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Each request is answered at once, and costs no way to a server: what is read in columns is asked for so.
    pub(crate) fn set_blocking(&mut self) {
        self.is_blocking = true;
    }

    /// Has snapshots kept by others than before. Returns who kept them until now.
    pub(crate) fn set_keep(&mut self, keep: Keep) -> Keep {
        mem::replace(&mut self.options.keep, keep)
    }

    /// What was noticed since this was last asked.
    pub fn take_reports(&mut self) -> Vec<Report> {
        mem::take(&mut self.reports)
    }

    /// Begins to load the inbox: the newest snapshot that verifies, and the events after it.
    pub fn load(&mut self) {
        self.reload = true;
        self.begin(Goal::Follow);
    }

    /// Begins to take in what other writers have appended.
    pub fn follow(&mut self) {
        self.begin(Goal::Follow);
    }

    /// Begins to load the inbox from the log alone, whatever snapshots there are.
    pub fn heal(&mut self) {
        self.begin(Goal::Heal);
    }

    /// Begins to carry out a command: decide, append, apply.
    pub fn execute(&mut self, command: Command, context: Context) {
        self.begin(Goal::Execute(Box::new(Wish { command, context, fresh: false })));
    }

    /// Begins to take in encoded events that happened elsewhere; those the log has already are left out.
    ///
    /// An error, before anything is asked, if one cannot be decoded.
    ///
    /// # Errors
    ///
    /// [`Failure::Undecodable`](crate::AccountError::Undecodable) or
    /// [`Failure::Damaged`](crate::AccountError::Damaged) if an event is not what its id says.
    pub fn receive(&mut self, events: Vec<NewEvent>) -> Result<(), Failure> {
        self.begin(Goal::Receive(checked(events)?));
        Ok(())
    }

    /// Begins to rewrite events: all of the log is read, and what the redaction changes is replaced.
    pub fn redact(&mut self, redaction: Redaction) {
        let redacting = Redacting::new(&self.owner, self.options.policy, redaction);
        self.begin(Goal::Redact(Box::new(redacting)));
    }

    /// Begins to erase the account.
    pub fn erase(&mut self) {
        self.begin(Goal::Erase);
    }

    /// Begins to keep a snapshot of the inbox as it is known.
    pub fn save(&mut self) {
        self.begin(Goal::Save);
    }

    /// What is to be done next; `None`: the outcome is there.
    pub fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    /// The store failed: what was begun is given up, what is known stays.
    pub fn failed(&mut self) {
        self.goal = None;
        self.request = None;
        self.loading = None;
        self.candidate = None;
        (self.waiting, self.fetched) = (None, false);
    }

    /// What changed in the course of what was begun, and before it since something was last told.
    ///
    /// # Errors
    ///
    /// Why it could not be done. What changed nonetheless is told by the next answer.
    pub fn take_changes(&mut self) -> Result<Changes, Failure> {
        self.take_executed().map(|executed| executed.changes)
    }

    /// What came of a command.
    ///
    /// # Errors
    ///
    /// As [`Machine::take_changes`].
    pub fn take_executed(&mut self) -> Result<Executed, Failure> {
        let executed = mem::take(&mut self.executed);
        let outcome = match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(Executed { changes: self.tell(), ..executed }),
        };
        // Until it is told, what showed before is kept too, and shares its parts.
        self.state.inbox.release_parts_beyond(self.options.parts_len_bytes);
        outcome
    }

    fn tell(&mut self) -> Changes {
        let Untold { events, span, reset } = mem::take(&mut self.untold);
        let span = span.filter(|_| !reset);
        let set = span.map(|span| self.state.inbox.told_since(&span)).unwrap_or_default();
        Changes { events, set, reset }
    }

    /// Whether a snapshot is due.
    pub fn due_snapshot(&self) -> bool {
        !self.reload && self.state.is_due(self.options.snapshots)
    }

    /// Takes the snapshot that is due, to be made and kept by whoever calls this: `None` where none is due. The next one
    /// is due as if this one was kept; whether it was needs no telling, since without it loading takes longer and no
    /// more. It does not go away because of what is begun later, and no store keeps one of a log that was redacted or
    /// erased since.
    pub fn snapshot_job(&mut self) -> Option<SnapshotJob> {
        if !self.due_snapshot() {
            return None;
        }
        let job = self.state.job(&self.owner);
        self.state.counted();
        Some(job)
    }

    fn begin(&mut self, goal: Goal) {
        self.failed();
        (self.attempts, self.outages) = (0, 0);
        // Somebody who read it found that a part is not to be had.
        self.reload |= self.state.inbox.outage().is_some();
        self.executed = Executed::default();
        self.failure = None;
        self.goal = Some(goal);
        self.start();
    }

    fn read(&mut self, after: u64) {
        self.request = Some(Request::Read { after, limit: self.options.page_len.max(1) });
    }

    fn done(&mut self) {
        self.goal = None;
        self.request = None;
    }

    fn fail(&mut self, failure: Failure) {
        self.failed();
        self.failure = Some(failure);
    }

    /// Takes the answer to [`Request::Snapshot`]; an error costs no more than a replay.
    pub fn snapshot_found(&mut self, found: Result<Option<FoundSnapshot>, String>) {
        let Some(Request::Snapshot { .. }) = self.request.take() else { return };
        let loading = match found {
            Ok(None) => Loading::whole(&self.owner, self.options.policy),
            Ok(Some(snapshot)) => {
                let position = snapshot.prefix.events;
                match Loading::restore(snapshot, &self.owner, self.options.policy) {
                    Ok(loading) => loading,
                    Err(Report::Snapshot { error: SnapshotError::Unavailable(outage), .. }) => {
                        return self.unreadable(outage.to_string());
                    }
                    Err(report) => {
                        self.reports.push(report);
                        return self.older_snapshot(position);
                    }
                }
            }
            Err(error) => {
                self.reports.push(Report::SnapshotUnreadable(error));
                Loading::whole(&self.owner, self.options.policy)
            }
        };
        self.load_on(loading);
    }

    /// Goes on loading: asks for what comes next.
    fn load_on(&mut self, mut loading: Loading) {
        loading.release_parts_beyond(self.options.parts_len_bytes);
        let after = loading.prefix().events;
        // Columns say nothing of commands, and whether one was carried out before is to be seen.
        let takes_columns = loading.is_whole() || self.is_blocking && loading.takes_columns();
        if takes_columns && !matches!(self.goal, Some(Goal::Execute(_))) {
            self.request = Some(Request::Sealed { after });
        } else {
            self.read(after);
        }
        self.loading = Some(loading);
    }

    /// Whether what is read now had better end where columns do, to go on in columns from there.
    pub(crate) fn looks_for_columns(&self) -> bool {
        let loading = self.loading.as_ref();
        loading.is_some_and(Loading::takes_columns) && !matches!(self.goal, Some(Goal::Execute(_)))
    }

    fn older_snapshot(&mut self, position: u64) {
        match position.checked_sub(1) {
            Some(through) => self.request = Some(Request::Snapshot { through }),
            None => self.load_on(Loading::whole(&self.owner, self.options.policy)),
        }
    }

    /// Takes the answer to [`Request::Sealed`].
    pub fn sealed_read(&mut self, sealed: Option<SealedPage>) {
        let Some(Request::Sealed { after }) = self.request.take() else { return };
        if let Some(Goal::Redact(_)) = self.goal {
            return self.scan_sealed(sealed.as_ref());
        }
        let Some(sealed) = sealed else { return self.read(after) };
        let Some(mut loading) = self.loading.take() else { return };
        let taken = loading.take_in_sealed(&sealed, &self.owner);
        self.load_behind(loading, taken);
    }

    /// Part of the snapshot could not be read: a newer one may have taken its place, so the newest is asked for again, and
    /// the log alone after some times.
    fn unreadable(&mut self, reason: String) {
        self.reports.push(Report::SnapshotUnreadable(reason));
        self.outages += 1;
        if self.outages > OUTAGES {
            return self.replay();
        }
        self.load_newest();
    }

    fn loaded(&mut self, loading: Loading) {
        self.restored_from = loading.snapshot();
        self.become_other(loading.finish());
        self.reload = false;
        self.caught_up();
    }

    /// Takes the answer to [`Request::Read`].
    pub fn page_read(&mut self, page: Page) {
        let Some(Request::Read { .. }) = self.request.take() else { return };
        if let Some(Goal::Redact(_)) = self.goal {
            return self.scan(&page);
        }
        self.take_page(page);
    }

    fn take_page(&mut self, page: Page) {
        let Some(page) = self.fetches_before_page(page) else { return };
        if self.loading.is_some() {
            return self.load_page(page);
        }
        self.follow_page(page);
    }

    fn load_page(&mut self, page: Page) {
        let Some(mut loading) = self.loading.take() else { return };
        let taken = loading.take_in(&page);
        if let Ok(true) = taken {
            self.note_command(&page.events);
        }
        self.load_behind(loading, taken);
    }

    /// Goes on loading behind what was taken in: whether the log ended there.
    fn load_behind(&mut self, loading: Loading, taken: Result<bool, Trouble>) {
        match taken {
            Ok(false) => self.load_on(loading),
            Ok(true) => self.loaded(loading),
            Err(Trouble::Failure(Failure::Damaged { position })) => match loading.snapshot() {
                // It may be the snapshot that is of another log.
                Some(at) => {
                    self.reports.push(Report::AlienSnapshot { position: at });
                    self.older_snapshot(at);
                }
                None => self.fail(Failure::Damaged { position }),
            },
            Err(trouble) => self.trouble(trouble),
        }
    }

    /// Takes another state in the place of the one that is known.
    fn become_other(&mut self, mut state: State) {
        state.inbox = state.inbox.in_place_of(&self.state.inbox);
        self.state = state;
        self.untold.span = None;
    }

    fn follow_page(&mut self, page: Page) {
        let Untold { events, span, .. } = &mut self.untold;
        let before = self.state.prefix.events;
        let span = span.get_or_insert_with(|| ChangeSpan::new(&self.state.inbox));
        let taken = self.state.take_in(&page, Some(span));
        *events += self.state.prefix.events - before;
        if taken.is_ok() {
            self.note_command(&page.events);
        }
        match taken {
            Ok(true) => self.caught_up(),
            Ok(false) => self.read(self.prefix().events),
            Err(Trouble::Failure(Failure::Damaged { .. })) => self.replaced(),
            Err(trouble) => self.trouble(trouble),
        }
    }

    /// Notes that the command on its way is in the log already.
    fn note_command(&mut self, events: &[StoredEvent]) {
        let Some(Goal::Execute(wish)) = &self.goal else { return };
        let id = CommandId::from_bytes(wish.context.seed);
        for event in events.iter().filter(|event| event.command == Some(id)) {
            let position = event.position();
            let (first, _) = self.executed.positions.unwrap_or((position, position));
            self.executed.positions = Some((first, position));
            self.executed.repeated = true;
        }
    }

    /// The log is not the one that was known: forget, and load it anew.
    fn replaced(&mut self) {
        self.reports.push(Report::LogReplaced { known: self.prefix() });
        self.load_newest();
    }

    /// Loads anew, from the newest snapshot.
    fn load_newest(&mut self) {
        self.forget();
        self.request = Some(Request::Snapshot { through: u64::MAX });
    }

    /// Loads anew, from the log alone.
    fn replay(&mut self) {
        self.forget();
        self.load_on(Loading::whole(&self.owner, self.options.policy));
    }

    /// What is known is no state of the log any more, and neither is what followed from it.
    fn forget(&mut self) {
        self.reload = true;
        self.candidate = None;
        self.loading = None;
        self.untold.reset = true;
    }
}
