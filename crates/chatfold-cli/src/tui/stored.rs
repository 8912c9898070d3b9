//! An inbox in a store at the terminal: an account acts, and what any writer appended is read behind what was read.

use chatfold::command::Role;
use chatfold::jsonl::{DecodeError, decode_line};
use chatfold::snapshot::LogPrefix;
use chatfold::store::{DamagedLog, EventStore as _, LogCursor};
use chatfold::{Context, Decision, Event, UserId};
use chatfold_account::{Account, AccountError, Options};
use chatfold_tui::{Done, Wish};

use super::commands::command;
use super::seen::seen;
use crate::act::{now, seed};
use crate::failure::Failure;
use crate::store::account::failure;
use crate::store::{Store, StoreAddress};

/// How many events are read at once.
const PAGE: usize = 1_000;

/// An inbox in a store.
pub struct StoreDesk {
    place: StoreAddress,
    owner: UserId,
    role: Role,
    /// Whom events are read from: opened for reading alone.
    store: Store,
    /// Opened when somebody first acts.
    account: Option<Account<Store>>,
    /// What was read.
    prefix: LogPrefix,
    /// What was read, be it before an error, and was not returned yet.
    unseen: Vec<Event>,
}

impl StoreDesk {
    /// Goes on behind the first so many events. Why one cannot act, if the log takes no appends.
    pub fn open(place: &StoreAddress, role: Role, events: u64) -> Result<(Self, Option<String>), Failure> {
        let owner = place.owner()?;
        let mut store = place.open(false)?;
        let prefix = match events.checked_sub(1) {
            None => LogPrefix::EMPTY,
            Some(before) => {
                let page = store
                    .read(&(&owner).into(), before, 1)
                    .map_err(|error| place.failed("cannot be read", error))?;
                page.events
                    .first()
                    .map(|event| event.prefix)
                    .ok_or_else(|| changed(place, DamagedLog { position: events }))?
            }
        };
        let head = store.head(&(&owner).into()).map_err(|error| place.failed("cannot be read", error))?;
        let closed = head.closed.map(|closed| closed.to_string());
        Ok((
            Self { place: place.clone(), owner, role, store, account: None, prefix, unseen: Vec::new() },
            closed,
        ))
    }

    /// The events behind what was read; each is held against the hash beside it.
    pub fn look(&mut self) -> Result<Vec<Event>, Failure> {
        let read = self.read_on();
        seen(read, &mut self.unseen)
    }

    /// Reads to the end of the log, or up to what cannot be read.
    fn read_on(&mut self) -> Result<(), Failure> {
        loop {
            let page = self.store.read(&(&self.owner).into(), self.prefix.events, PAGE);
            let page = page.map_err(|error| self.place.failed("cannot be read", error))?;
            let taken = LogCursor::after(self.prefix).take_in(&page);
            for event in &page.events {
                if !event.follows(self.prefix) {
                    break;
                }
                let known = decode_line(&event.bytes).map_err(|fault| {
                    let DecodeError { column, expected, found, .. } = fault;
                    let position = event.position();
                    let what =
                        format!("event {position}, column {column}: expected {expected}, found {found}");
                    Failure::Fault { place: self.place.to_string(), what }
                })?;
                self.unseen.extend(known.known().cloned());
                self.prefix = event.prefix;
            }
            if taken.map_err(|damage| changed(&self.place, damage))? {
                return Ok(());
            }
        }
    }

    /// Judges a wish on the newest state and appends what is decided, then reads that back.
    pub fn act(&mut self, wish: &Wish) -> Result<Done, Failure> {
        let mut account = match self.account.take() {
            Some(account) => account,
            None => {
                let store = self.place.open(true)?;
                let account = Account::open(store, self.owner.clone(), Options::default());
                account.map_err(|error| failure(&self.place, error))?
            }
        };
        let context = Context::new(self.owner.clone(), self.role, now()?, seed()?);
        let executed = account.execute(command(wish, &context), context);
        let reports: Vec<String> = account.take_reports().iter().map(ToString::to_string).collect();
        self.account = Some(account);
        let judged = match executed {
            Ok(executed) => Ok(Decision { events: executed.events, refused: executed.refused }),
            Err(AccountError::Rejected(rejection)) => Err(rejection),
            Err(error) => return Err(failure(&self.place, error)),
        };
        let note = (!reports.is_empty()).then(|| reports.join("; "));
        Ok(Done { events: self.look()?, judged, note })
    }
}

fn changed(place: &StoreAddress, DamagedLog { position }: DamagedLog) -> Failure {
    let what = format!(
        "the log is not the one that was read, or it is damaged, at position {position}: open it anew"
    );
    Failure::Fault { place: place.to_string(), what }
}
