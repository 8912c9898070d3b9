//! The blocking driver: an account over any store that fills the ports.

use std::thread;

use chatfold::redact::Redaction;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{NewEvent, RewriteError, SnapshotStore, StoredEvent};
use chatfold::{Command, Context, ConversationId, Event, EventId, Inbox, MessageId, UserId};

use crate::background::Background;
use crate::encode;
use crate::error::{AccountError, Failure};
use crate::foreign_id::{WayBack, before, kept, verified, way_back};
use crate::machine::{Keep, Machine, Options, Request};
use crate::outcome::{Changes, Executed, Report};
use crate::snapshot_job::SnapshotJob;
use crate::telemetry::{self, Operation, Step};

type Outcome<T, S> = Result<T, AccountError<<S as chatfold::store::EventStore>::Error>>;

/// One owner's inbox over a durable store.
///
/// Several accounts of one inbox, in other threads, processes or machines, may write at once: each command is judged
/// on the newest state, and no event is lost or there twice.
///
/// ```
/// use chatfold::store::MemoryStore;
/// use chatfold::command::Role;
/// use chatfold::{Command, UserId};
/// use chatfold_account::{Account, Options, system_context};
///
/// let (alice, store) = (UserId::parse("alice")?, MemoryStore::new());
/// let mut phone = Account::open(store.clone(), alice.clone(), Options::default())?;
/// let mut laptop = Account::open(store, alice.clone(), Options::default())?;
///
/// let pin = Command::Pin { conversation: "c2c_bob".parse()?, on: true };
/// let done = phone.execute(pin.clone(), system_context(alice.clone(), Role::Member)?)?;
/// assert_eq!(done.positions, Some((1, 1)));
/// assert_eq!(laptop.follow()?.events, 1);
/// assert_eq!(laptop.inbox().digest(), phone.inbox().digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Account<S> {
    machine: Machine,
    store: S,
    background: Option<Background>,
}

impl<S: SnapshotStore> Account<S> {
    /// Loads an inbox: the newest snapshot that verifies, and the events after it.
    ///
    /// A snapshot that does not verify costs a replay, is reported, and is never fatal.
    ///
    /// # Errors
    ///
    /// If the store fails, or the log itself is damaged.
    pub fn open(store: S, owner: UserId, options: Options) -> Outcome<Self, S> {
        let mut account = Self { machine: Machine::new(owner, options), store, background: None };
        account.machine.set_blocking();
        account.machine.load();
        account.changes("load")?;
        telemetry::loaded(account.prefix().events, account.machine.restored_from());
        Ok(account)
    }

    /// Has snapshots that are due made and kept on a thread of its own, through another handle of the same store, so that
    /// no command waits for one. They are due as [`Options::snapshots`] says, one at a time; dropping the account waits
    /// for the one that is being kept.
    ///
    /// # Errors
    ///
    /// Where the system starts no thread.
    pub fn with_background(mut self, other: S) -> std::io::Result<Self>
    where
        S: Send + 'static,
    {
        self.background = Some(Background::start(other)?);
        self.machine.set_keep(Keep::ByCaller);
        Ok(self)
    }

    /// The snapshot that is due, to be run by the caller. See [`Machine::snapshot_job`]; with [`Keep::ByCaller`] nobody
    /// else makes it.
    pub fn snapshot_job(&mut self) -> Option<SnapshotJob> {
        self.machine.snapshot_job()
    }

    /// The inbox as far as it is known. A clone is O(1), for a reader on another thread.
    pub fn inbox(&self) -> &Inbox {
        self.machine.inbox()
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

    /// The store.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// The store, and the end of this account.
    pub fn into_store(self) -> S {
        self.store
    }

    /// What was noticed and dealt with since this was last asked.
    pub fn take_reports(&mut self) -> Vec<Report> {
        self.is_background_busy();
        self.machine.take_reports()
    }

    /// Carries out a command: decides on the newest state, appends, applies; decides again if another writer came
    /// first. When this returns the events are durable.
    ///
    /// If the store failed, give the same command in the same context again: it is done once, even if the failure
    /// came after the write.
    ///
    /// # Errors
    ///
    /// [`AccountError::Rejected`] if the newest state refuses it; others leave nothing written, except
    /// [`AccountError::Store`], which leaves that open.
    pub fn execute(&mut self, command: Command, context: Context) -> Outcome<Executed, S> {
        self.machine.execute(command, context);
        self.run("execute")?;
        self.machine.take_executed().map_err(Failure::widen)
    }

    /// Takes in what other writers have appended.
    ///
    /// # Errors
    ///
    /// [`AccountError::Store`] if the store fails, [`AccountError::Damaged`] or [`AccountError::Undecodable`] if the
    /// log is not what was appended.
    pub fn follow(&mut self) -> Outcome<Changes, S> {
        self.machine.follow();
        self.changes("follow")
    }

    /// Takes in events that happened elsewhere: a server's deliveries, another device's log. Those the log has
    /// already are left out.
    ///
    /// # Errors
    ///
    /// [`AccountError::Closed`] if the log takes no more events; otherwise as [`Account::follow`].
    pub fn receive<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) -> Outcome<Changes, S> {
        self.receive_encoded(events.into_iter().map(encode).collect())
    }

    /// The same for events as a store has them, those of unknown types too.
    ///
    /// # Errors
    ///
    /// [`AccountError::Closed`] if the log takes no more events; otherwise as [`Account::follow`].
    pub fn receive_encoded(&mut self, events: Vec<NewEvent>) -> Outcome<Changes, S> {
        self.machine.receive(events).map_err(Failure::widen)?;
        self.changes("receive")
    }

    /// At most `limit` events after position `after`, as the store has them.
    ///
    /// # Errors
    ///
    /// [`AccountError::Store`] if the store fails.
    pub fn events(&mut self, after: u64, limit: usize) -> Outcome<Vec<StoredEvent>, S> {
        let page =
            self.store.read(&self.machine.owner().into(), after, limit).map_err(AccountError::Store)?;
        Ok(page.events)
    }

    /// The event of this id, verified; `None` where the log has none, or one of a type or version that this version does
    /// not know. Complexity: O(log n).
    ///
    /// # Errors
    ///
    /// [`AccountError::Damaged`] if the event is not what was appended, [`AccountError::Undecodable`] if it cannot be
    /// decoded, [`AccountError::Store`] if the store fails.
    pub fn find(&mut self, id: EventId) -> Outcome<Option<Event>, S> {
        let owner = &StreamId::from(self.machine.owner());
        let Some(found) = self.store.find(owner, id).map_err(AccountError::Store)? else { return Ok(None) };
        let around = self.store.read(owner, before(&found), 1).map_err(AccountError::Store)?;
        verified(&found, &around.events)
    }

    /// What its server calls a message (R112): the number or UUID that its id holds, or what the event that introduced it
    /// keeps as `foreign`. `None` where the message is not known or not shown any more, or its writer kept nothing.
    ///
    /// # Errors
    ///
    /// As [`Account::find`].
    pub fn foreign_id(
        &mut self,
        conversation: &ConversationId,
        message: MessageId,
    ) -> Outcome<Option<String>, S> {
        match way_back(self.machine.inbox(), conversation, message) {
            WayBack::Unknown => Ok(None),
            WayBack::Told(foreign) => Ok(Some(foreign)),
            WayBack::In(event) => self.find(event).map(kept),
        }
    }

    /// Keeps a snapshot now, whatever the policy says.
    ///
    /// # Errors
    ///
    /// As [`Account::follow`].
    pub fn save(&mut self) -> Outcome<(), S> {
        self.machine.save();
        self.changes("save").map(|_| ())
    }

    /// Loads the inbox from the log alone: what a history found corrupt on touch calls for
    /// ([`Inbox::faults`]).
    ///
    /// # Errors
    ///
    /// As [`Account::follow`].
    pub fn heal(&mut self) -> Outcome<Changes, S> {
        self.machine.heal();
        self.changes("heal")
    }

    /// Redacts: what the redaction chooses is left out of the log, snapshots are dropped, and this inbox is made
    /// anew. Other accounts of the inbox notice with their next read.
    ///
    /// [`Changes::events`] counts the events that were rewritten. Complexity: reads the log once, twice where an author is
    /// chosen, and computes the hashes of the log anew from the first rewritten event on.
    ///
    /// # Errors
    ///
    /// As [`Account::follow`].
    pub fn redact(&mut self, redaction: Redaction) -> Outcome<Changes, S> {
        self.machine.redact(redaction);
        self.changes("redact")
    }

    /// Erases the account: log and snapshots in the store, and this inbox. From now on every account of it finds
    /// the log closed.
    ///
    /// # Errors
    ///
    /// [`AccountError::Store`] if the store fails.
    pub fn erase(&mut self) -> Outcome<(), S> {
        self.machine.erase();
        self.changes("erase").map(|_| ())
    }

    fn changes(&mut self, operation: &'static str) -> Outcome<Changes, S> {
        self.run(operation)?;
        self.machine.take_changes().map_err(Failure::widen)
    }

    /// Carries out what the machine asks, until it asks nothing more.
    fn run(&mut self, operation: &'static str) -> Outcome<(), S> {
        let operation = Operation::begin(operation, self.machine.owner());
        let reports = self.machine.reports().len();
        let result = operation.within(|| self.answers());
        match result {
            Ok(()) => self.hand_over(),
            Err(_) => self.machine.failed(),
        }
        operation.noticed(self.machine.reports().get(reports..).unwrap_or_default());
        result.map_err(AccountError::Store)
    }

    fn is_background_busy(&mut self) -> bool {
        let Self { machine, background, .. } = self;
        background.as_mut().is_some_and(|background| background.is_busy(|report| machine.report(report)))
    }

    /// Gives a snapshot that is due to the thread, if there is one and it has none in hand.
    fn hand_over(&mut self) {
        if self.is_background_busy() {
            return;
        }
        if let Some(background) = &mut self.background
            && let Some(job) = self.machine.snapshot_job()
        {
            background.give(job);
        }
    }

    fn answers(&mut self) -> Result<(), S::Error> {
        while let Some(request) = self.machine.request() {
            let step = Step::begin(request.name());
            let answered = self.answer();
            step.end(answered.as_ref().err());
            answered?;
        }
        Ok(())
    }

    /// Carries out the one request that the machine has.
    fn answer(&mut self) -> Result<(), S::Error> {
        let Self { machine, store, .. } = self;
        let owner = StreamId::from(machine.owner());
        match machine.request() {
            None => {}
            Some(Request::Snapshot { through }) => {
                let found = store.open_latest(&owner, *through).map_err(|error| error.to_string());
                machine.snapshot_found(found);
            }
            Some(Request::Read { after, limit }) => {
                let mut limit = *limit;
                if machine.looks_for_columns()
                    && let Some(end) = store.sealed_end(&owner, *after)?
                {
                    limit = limit.min(usize::try_from(end.saturating_sub(*after)).unwrap_or(limit).max(1));
                }
                let page = match store.read(&owner, *after, limit) {
                    Ok(page) => page,
                    Err(error) if store.is_trimmed(&error) && machine.trimmed() => return Ok(()),
                    Err(error) => return Err(error),
                };
                telemetry::read(&page.events);
                machine.page_read(page);
            }
            Some(Request::Sealed { after }) => {
                let sealed = store.read_sealed(&owner, *after)?;
                sealed.iter().for_each(|page| telemetry::read_sealed(page.events(), page.records.len()));
                machine.sealed_read(sealed);
            }
            // Sources of a blocking store fetch what is read when it is read.
            Some(Request::Fetch(_)) => machine.fetched(),
            Some(Request::Append(batch)) => {
                let answer = match store.append(&owner, &batch.as_append()) {
                    Ok(appended) => Ok(appended),
                    Err(error) => Err(error.refusal()?),
                };
                telemetry::appended(&batch.events, &answer);
                machine.appended(answer);
            }
            Some(Request::Save(snapshot)) => {
                let kept = store.save(&owner, snapshot).map_err(|error| error.to_string());
                machine.saved(kept);
            }
            Some(Request::Wait(pause)) => {
                thread::sleep(*pause);
                machine.waited();
            }
            Some(Request::Rewrite(changes)) => {
                let answer = match store.rewrite(&owner, changes) {
                    Ok(_) => Ok(()),
                    Err(RewriteError::NoSuchEvent { position }) => Err(position),
                    Err(RewriteError::Store(error)) => return Err(error),
                };
                machine.rewritten(answer);
            }
            Some(Request::Erase) => {
                store.erase(&owner)?;
                machine.erased();
            }
        }
        Ok(())
    }
}
