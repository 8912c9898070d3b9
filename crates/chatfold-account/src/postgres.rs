//! The async driver over PostgreSQL, and many accounts in bounded memory (feature `postgres`).

mod accounts;
mod saving;

use std::sync::Arc;

use chatfold::redact::Redaction;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{FoundSnapshot, NewEvent, Received, RewriteError, SealedPage, StoredEvent};
use chatfold::{Command, Context, ConversationId, Event, EventId, Inbox, MessageId, UserId};
use chatfold_postgres::{PostgresError, PostgresStore, SnapshotPages};
use tokio::task::JoinSet;

pub use self::accounts::{Accounts, AccountsError, Delivered, Usage};
use self::saving::{Saving, Turns};
use crate::decoded::checked;
use crate::encode;
use crate::error::{AccountError, Failure};
use crate::foreign_id::{WayBack, before, kept, verified, way_back};
use crate::machine::{Keep, Machine, Options, Request};
use crate::outcome::{Changes, Executed, Report};
use crate::snapshot_job::SnapshotJob;
use crate::telemetry::{self, Operation, Step};

type Outcome<T> = Result<T, AccountError<PostgresError>>;

/// Brings events to the logs of many inboxes without loading any. See [`crate::receive_many`]; it takes two round trips to
/// the server for five hundred inboxes.
///
/// # Errors
///
/// As [`crate::receive_many`].
pub async fn receive_many(
    store: &PostgresStore,
    owners: &[UserId],
    events: Vec<NewEvent>,
) -> Outcome<Vec<Received>> {
    let events = checked(events).map_err(Failure::widen)?;
    let streams: Vec<_> = owners.iter().map(StreamId::from).collect();
    store.receive_many(&streams, &events).await.map_err(AccountError::Store)
}

/// One owner's inbox over PostgreSQL: the same as [`crate::Account`], async.
///
/// A future that is dropped in the middle leaves what is known as it was; whether its write is there is then as open
/// as after a failure, and the same command in the same context is done once.
#[derive(Debug)]
pub struct Account {
    machine: Machine,
    store: PostgresStore,
    /// The snapshot that the inbox was restored from, of which ranges are fetched before they are needed.
    pages: Option<Arc<SnapshotPages>>,
    /// Columns that a task reads while those before them are folded, and the position that they are behind.
    ahead: Option<Ahead>,
    /// How snapshots are kept in tasks, if they are.
    turns: Option<Turns>,
    saving: Option<Saving>,
}

/// A task that reads columns. It is given up with this.
#[derive(Debug)]
struct Ahead {
    after: u64,
    task: JoinSet<Result<Option<SealedPage>, PostgresError>>,
}

impl Ahead {
    fn begin(store: PostgresStore, stream: StreamId, after: u64) -> Self {
        let mut task = JoinSet::new();
        task.spawn(async move { store.read_sealed(&stream, after).await });
        Self { after, task }
    }

    async fn read(mut self) -> Result<Option<SealedPage>, PostgresError> {
        match self.task.join_next().await {
            Some(Ok(read)) => read,
            // None is ever given up but with the account.
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => Ok(None),
        }
    }
}

impl Account {
    /// Loads an inbox: the newest snapshot that verifies, and the events after it.
    ///
    /// # Errors
    ///
    /// If the store fails, or the log itself is damaged.
    pub async fn open(store: PostgresStore, owner: UserId, options: Options) -> Outcome<Self> {
        Self::open_with(store, owner, options, Turns::default()).await
    }

    /// The same, taking turns with other accounts to make snapshots.
    async fn open_with(store: PostgresStore, owner: UserId, options: Options, turns: Turns) -> Outcome<Self> {
        let mut machine = Machine::new(owner, options);
        let turns = (options.keep == Keep::AfterAppend).then_some(turns);
        if turns.is_some() {
            machine.set_keep(Keep::ByCaller);
        }
        let mut account = Self { machine, store, pages: None, ahead: None, turns, saving: None };
        account.machine.load();
        account.changes("load").await?;
        telemetry::loaded(account.prefix().events, account.machine.restored_from());
        Ok(account)
    }

    /// The inbox as far as it is known. A clone is O(1). Totals and the order of the list are at hand; whoever looks into a
    /// conversation that nobody has looked into, if only at its row, waits for the store, unless [`Account::prefetch`] has fetched it.
    pub fn inbox(&self) -> &Inbox {
        self.machine.inbox()
    }

    /// Fetches what the histories of conversations hold, so that looking into them in [`Account::inbox`] waits for nothing.
    ///
    /// An inbox that was loaded from a snapshot has totals and the order of its list at hand, and of conversations what was looked
    /// into. All else is fetched when somebody looks, and whoever does so waits for the store: a round trip, on a connection of its own, in which
    /// the thread does nothing else. What the account itself does fetches the conversations that it names before it
    /// looks. About 128 KiB of a conversation are
    /// fetched, the newest, and no more than a mebibyte is held of what nobody has looked into.
    ///
    /// # Errors
    ///
    /// [`AccountError::Store`] where the store fails.
    pub async fn prefetch(&self, conversations: &[ConversationId]) -> Outcome<()> {
        let lacking = self.machine.lacking(conversations);
        match &self.pages {
            Some(pages) => pages.fetch(&lacking).await.map_err(AccountError::Store),
            None => Ok(()),
        }
    }

    /// Whose it is.
    pub fn owner(&self) -> &UserId {
        self.machine.owner()
    }

    /// How far the log is known.
    pub fn prefix(&self) -> LogPrefix {
        self.machine.prefix()
    }

    /// The machine, for what else it tells.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// What was noticed and dealt with since this was last asked.
    pub fn take_reports(&mut self) -> Vec<Report> {
        self.is_saving();
        self.machine.take_reports()
    }

    /// The snapshot that is due, to be run by the caller. See [`Machine::snapshot_job`]; with [`Keep::ByCaller`] nobody
    /// else makes it.
    pub fn snapshot_job(&mut self) -> Option<SnapshotJob> {
        self.machine.snapshot_job()
    }

    /// Waits until the snapshot is kept that a task is making, if there is one: before a program ends, say.
    pub async fn snapshot_kept(&mut self) {
        if let Some(saving) = self.saving.take()
            && let Err(report) = saving.outcome().await
        {
            self.machine.report(report);
        }
    }

    fn is_saving(&mut self) -> bool {
        match self.saving.as_mut().and_then(Saving::poll) {
            Some(outcome) => {
                self.saving = None;
                if let Err(report) = outcome {
                    self.machine.report(report);
                }
                false
            }
            None => self.saving.is_some(),
        }
    }

    /// Begins a task for a snapshot that is due, unless there is one already.
    fn hand_over(&mut self) {
        if self.is_saving() {
            return;
        }
        if let Some(turns) = &self.turns
            && let Some(job) = self.machine.snapshot_job()
        {
            self.saving = Some(turns.begin(job, self.store.clone()));
        }
    }

    /// Carries out a command. See [`crate::Account::execute`].
    ///
    /// # Errors
    ///
    /// As [`crate::Account::execute`].
    pub async fn execute(&mut self, command: Command, context: Context) -> Outcome<Executed> {
        self.machine.execute(command, context);
        self.run("execute").await?;
        self.machine.take_executed().map_err(Failure::widen)
    }

    /// Takes in what other writers have appended.
    ///
    /// # Errors
    ///
    /// As [`crate::Account::follow`].
    pub async fn follow(&mut self) -> Outcome<Changes> {
        self.machine.follow();
        self.changes("follow").await
    }

    /// Takes in events that happened elsewhere; those the log has already are left out.
    ///
    /// # Errors
    ///
    /// As [`crate::Account::receive`].
    pub async fn receive(&mut self, events: &[Event]) -> Outcome<Changes> {
        self.receive_encoded(events.iter().map(encode).collect()).await
    }

    /// The same for events as a store has them, those of unknown types too.
    ///
    /// # Errors
    ///
    /// As [`crate::Account::receive_encoded`].
    pub async fn receive_encoded(&mut self, events: Vec<NewEvent>) -> Outcome<Changes> {
        self.machine.receive(events).map_err(Failure::widen)?;
        self.changes("receive").await
    }

    /// At most `limit` events after position `after`, as the store has them.
    ///
    /// # Errors
    ///
    /// As [`crate::Account::events`].
    pub async fn events(&self, after: u64, limit: usize) -> Outcome<Vec<StoredEvent>> {
        let page = self.store.read(&self.machine.owner().into(), after, limit).await;
        page.map(|page| page.events).map_err(AccountError::Store)
    }

    /// The event of this id, verified. See [`crate::Account::find`].
    ///
    /// # Errors
    ///
    /// As [`crate::Account::find`].
    pub async fn find(&self, id: EventId) -> Outcome<Option<Event>> {
        let owner = &StreamId::from(self.machine.owner());
        let found = self.store.find(owner, id).await.map_err(AccountError::Store)?;
        let Some(found) = found else { return Ok(None) };
        let around = self.store.read(owner, before(&found), 1).await.map_err(AccountError::Store)?;
        verified(&found, &around.events)
    }

    /// What its server calls a message. See [`crate::Account::foreign_id`].
    ///
    /// # Errors
    ///
    /// As [`crate::Account::foreign_id`].
    pub async fn foreign_id(
        &self,
        conversation: &ConversationId,
        message: MessageId,
    ) -> Outcome<Option<String>> {
        match way_back(self.machine.inbox(), conversation, message) {
            WayBack::Unknown => Ok(None),
            WayBack::Told(foreign) => Ok(Some(foreign)),
            WayBack::In(event) => self.find(event).await.map(kept),
        }
    }

    /// Keeps a snapshot now, whatever the policy says.
    ///
    /// # Errors
    ///
    /// As [`crate::Account::save`].
    pub async fn save(&mut self) -> Outcome<()> {
        self.machine.save();
        self.changes("save").await.map(|_| ())
    }

    /// Loads the inbox from the log alone. See [`crate::Account::heal`].
    ///
    /// # Errors
    ///
    /// As [`crate::Account::heal`].
    pub async fn heal(&mut self) -> Outcome<Changes> {
        self.machine.heal();
        self.changes("heal").await
    }

    /// Redacts events. See [`crate::Account::redact`].
    ///
    /// # Errors
    ///
    /// As [`crate::Account::redact`].
    pub async fn redact(&mut self, redaction: Redaction) -> Outcome<Changes> {
        self.machine.redact(redaction);
        self.changes("redact").await
    }

    /// Erases the account. See [`crate::Account::erase`].
    ///
    /// # Errors
    ///
    /// As [`crate::Account::erase`].
    pub async fn erase(&mut self) -> Outcome<()> {
        self.machine.erase();
        self.changes("erase").await.map(|_| ())
    }

    async fn changes(&mut self, operation: &'static str) -> Outcome<Changes> {
        self.run(operation).await?;
        self.machine.take_changes().map_err(Failure::widen)
    }

    /// Carries out what the machine asks, until it asks nothing more.
    async fn run(&mut self, operation: &'static str) -> Outcome<()> {
        let operation = Operation::begin(operation, self.machine.owner());
        let reports = self.machine.reports().len();
        let result = operation.within_async(self.answers()).await;
        match result {
            Ok(()) => self.hand_over(),
            Err(_) => self.machine.failed(),
        }
        operation.noticed(self.machine.reports().get(reports..).unwrap_or_default());
        result.map_err(AccountError::Store)
    }

    async fn answers(&mut self) -> Result<(), PostgresError> {
        while let Some(request) = self.machine.request() {
            let step = Step::begin(request.name());
            let answered = self.answer().await;
            step.end(answered.as_ref().err());
            answered?;
        }
        Ok(())
    }

    /// Carries out the one request that the machine has.
    async fn answer(&mut self) -> Result<(), PostgresError> {
        let Self { machine, store, pages, ahead, .. } = self;
        let owner = StreamId::from(machine.owner());
        match machine.request() {
            None => {}
            Some(Request::Snapshot { through }) => {
                let found = store.open_latest(&owner, *through).await.map_err(|error| error.to_string());
                if let Ok(found) = &found {
                    *pages = found.as_ref().map(|found| Arc::clone(&found.pages));
                }
                machine.snapshot_found(found.map(|found| found.map(FoundSnapshot::from)));
            }
            Some(Request::Read { after, limit }) => {
                let page = store.read(&owner, *after, *limit).await?;
                telemetry::read(&page.events);
                machine.page_read(page);
            }
            Some(Request::Sealed { after }) => {
                let sealed = match ahead.take().filter(|ahead| ahead.after == *after) {
                    Some(ahead) => ahead.read().await?,
                    None => store.read_sealed(&owner, *after).await?,
                };
                if let Some(page) = sealed.as_ref().filter(|page| page.last.events < page.head.prefix.events)
                {
                    *ahead = Some(Ahead::begin(store.clone(), owner, page.last.events));
                }
                sealed.iter().for_each(|page| telemetry::read_sealed(page.events(), page.records.len()));
                machine.sealed_read(sealed);
            }
            Some(Request::Fetch(ranges)) => {
                if let Some(pages) = pages {
                    match pages.fetch(ranges).await {
                        // A damaged page is told by whoever comes to need it.
                        Ok(()) | Err(PostgresError::DamagedAt { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                machine.fetched();
            }
            Some(Request::Append(batch)) => {
                let answer = match store.append(&owner, &batch.as_append()).await {
                    Ok(appended) => Ok(appended),
                    Err(error) => Err(error.refusal()?),
                };
                telemetry::appended(&batch.events, &answer);
                machine.appended(answer);
            }
            Some(Request::Save(snapshot)) => {
                let kept = store.save(&owner, snapshot).await.map_err(|error| error.to_string());
                machine.saved(kept);
            }
            Some(Request::Wait(pause)) => {
                tokio::time::sleep(*pause).await;
                machine.waited();
            }
            Some(Request::Rewrite(changes)) => {
                let answer = match store.rewrite(&owner, changes).await {
                    Ok(_) => Ok(()),
                    Err(RewriteError::NoSuchEvent { position }) => Err(position),
                    Err(RewriteError::Store(error)) => return Err(error),
                };
                machine.rewritten(answer);
            }
            Some(Request::Erase) => {
                store.erase(&owner).await?;
                machine.erased();
            }
        }
        Ok(())
    }
}
