//! Many accounts in bounded memory.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use chatfold::redact::Redaction;
use chatfold::shared::StreamId;
use chatfold::store::Received;
use chatfold::{Command, Context, ConversationId, Event, Inbox, UserId};
use chatfold_postgres::{CHANNELS, Heard, PostgresError, PostgresStore};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;

use super::Account;
use super::saving::Turns;
use crate::error::AccountError;
use crate::machine::Options;
use crate::outcome::{Changes, Executed};
use crate::telemetry;

/// Weights are counted in these, so that a cache may be larger than what its counter could hold in bytes.
const UNIT_LEN_BYTES: u64 = 1_024;

/// What an account weighs that has nothing in it.
const BARE_LEN_BYTES: u64 = 2_048;

/// How many accounts take in at once what was brought to many.
const TAKING_IN: usize = 8;

/// Accounts of a server: loaded when first asked for, the least recently used given up when they take more memory
/// than they may.
///
/// Of several that ask for one account at once, one loads it and all get it. What is given up is in the store; so is
/// what another server appends, which [`Accounts::keep_up`] takes in as it comes. Two servers may have the same
/// account: each command is judged on the newest state, wherever it was appended.
///
/// A clone is the same cache.
#[derive(Clone)]
pub struct Accounts {
    cache: Cache<UserId, Arc<Slot>>,
    store: PostgresStore,
    options: Options,
    loads: Arc<AtomicU64>,
    /// How often something heard made an account read its log.
    reads: Arc<AtomicU64>,
    turns: Turns,
}

/// What came of events that were brought to one of many accounts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivered {
    /// What came of it in the log.
    pub received: Received,
    /// What the account took in, if it is held here and there was something to take in: the events, and what else it had
    /// not heard of. An error says why it could not; the events are in the log all the same.
    pub changes: Option<Result<Changes, AccountsError>>,
}

struct Slot {
    account: Mutex<Account>,
    /// What the cache was last told it weighs.
    weight: AtomicU32,
}

/// What a cache of accounts holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// How many accounts.
    pub accounts: u64,
    /// About how many bytes they take: those of their snapshots and of the events since.
    pub len_bytes: u64,
    /// How often one was loaded from the store.
    pub loads: u64,
    /// How often one read its log because of what [`Accounts::keep_up`] heard.
    pub reads: u64,
}

/// Why an account of many could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// It could not be loaded: told to all that waited for it.
    #[error("the account could not be loaded: {0}")]
    Load(#[source] Arc<AccountError<PostgresError>>),
    /// It was loaded, and could not do it.
    #[error(transparent)]
    Account(Arc<AccountError<PostgresError>>),
}

impl From<AccountError<PostgresError>> for AccountsError {
    fn from(error: AccountError<PostgresError>) -> Self {
        Self::Account(Arc::new(error))
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Accounts {
    /// A cache that holds about `limit_len_bytes` at most.
    pub fn new(store: PostgresStore, options: Options, limit_len_bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(limit_len_bytes / UNIT_LEN_BYTES)
            .weigher(|_: &UserId, slot: &Arc<Slot>| slot.weight.load(Ordering::Relaxed))
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { cache, store, options, loads: Arc::default(), reads: Arc::default(), turns: Turns::default() }
    }

    /// The inbox as this server knows it: a frozen copy. [`Accounts::keep_up`] or [`Accounts::follow`] make it the
    /// newest. Looking into a conversation that nobody has looked into, if only at its row, waits for the store, unless
    /// [`Accounts::prefetch`] has fetched it.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Load`] if the account cannot be loaded.
    pub async fn inbox(&self, owner: &UserId) -> Result<Inbox, AccountsError> {
        let slot = self.slot(owner).await?;
        let account = slot.account.lock().await;
        Ok(account.inbox().clone())
    }

    /// Fetches what the histories of conversations hold, so that looking into them waits for nothing. See
    /// [`Account::prefetch`].
    ///
    /// # Errors
    ///
    /// [`AccountsError`]: the account cannot be loaded, or as [`Account::prefetch`].
    pub async fn prefetch(
        &self,
        owner: &UserId,
        conversations: &[ConversationId],
    ) -> Result<(), AccountsError> {
        let slot = self.slot(owner).await?;
        let account = slot.account.lock().await;
        let fetched = account.prefetch(conversations).await;
        self.weigh(&slot, account).await;
        Ok(fetched?)
    }

    /// Carries out a command. See [`crate::Account::execute`].
    ///
    /// # Errors
    ///
    /// [`AccountsError`]: the account cannot be loaded, or as [`crate::Account::execute`].
    pub async fn execute(
        &self,
        owner: &UserId,
        command: Command,
        context: Context,
    ) -> Result<Executed, AccountsError> {
        let slot = self.slot(owner).await?;
        let mut account = slot.account.lock().await;
        let executed = account.execute(command, context).await;
        self.weigh(&slot, account).await;
        Ok(executed?)
    }

    /// Takes in events that happened elsewhere. See [`crate::Account::receive`].
    ///
    /// An account that is not held here is not loaded for it: its log gets what it lacks, and nothing is told to have
    /// changed but how many events that were.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Account`] as [`crate::Account::receive`].
    pub async fn receive(&self, owner: &UserId, events: &[Event]) -> Result<Changes, AccountsError> {
        if let Some(slot) = self.cache.get(owner).await {
            let mut account = slot.account.lock().await;
            let changes = account.receive(events).await;
            self.weigh(&slot, account).await;
            return Ok(changes?);
        }
        let delivered = self.receive_many(std::slice::from_ref(owner), events).await?.pop();
        let Some(Delivered { received, changes }) = delivered else { return Ok(Changes::default()) };
        match (received, changes) {
            (Received::Closed(closed), _) => Err(AccountError::Closed(closed).into()),
            (Received::Contended { attempts }, _) => Err(AccountError::Contention { attempts }.into()),
            // It was loaded meanwhile.
            (_, Some(changes)) => changes,
            (Received::Appended { first, last }, None) => {
                Ok(Changes { events: last + 1 - first, ..Changes::default() })
            }
            (_, None) => Ok(Changes::default()),
        }
    }

    /// Brings events to many accounts, in few round trips and without loading one: the logs get what they lack, and the
    /// accounts held here take it in. Returns what came of each owner, in the order of `owners`. See
    /// [`crate::receive_many`].
    ///
    /// # Errors
    ///
    /// [`AccountsError::Account`]: an event cannot be decoded and nothing was written, or the store failed. Some of the
    /// logs may have the events then: bring them again.
    pub async fn receive_many(
        &self,
        owners: &[UserId],
        events: &[Event],
    ) -> Result<Vec<Delivered>, AccountsError> {
        let events: Vec<_> = events.iter().map(crate::encode).collect();
        let received = super::receive_many(&self.store, owners, events).await?;
        let mut delivered: Vec<_> =
            received.into_iter().map(|received| Delivered { received, changes: None }).collect();
        let mut taking = JoinSet::new();
        for (at, owner) in owners.iter().enumerate() {
            let outcome = delivered.get(at).map(|delivered| &delivered.received);
            if !matches!(outcome, Some(Received::Appended { .. })) {
                continue;
            }
            let Some(slot) = self.cache.get(owner).await else { continue };
            if taking.len() >= TAKING_IN
                && let Some(Ok((at, changes))) = taking.join_next().await
            {
                note(&mut delivered, at, changes);
            }
            let accounts = self.clone();
            taking.spawn(async move { (at, accounts.follow_slot(&slot).await) });
        }
        while let Some(taken) = taking.join_next().await {
            if let Ok((at, changes)) = taken {
                note(&mut delivered, at, changes);
            }
        }
        Ok(delivered)
    }

    async fn follow_slot(&self, slot: &Arc<Slot>) -> Result<Changes, AccountsError> {
        self.follow_locked(slot, slot.account.lock().await).await
    }

    async fn follow_locked(
        &self,
        slot: &Arc<Slot>,
        mut account: MutexGuard<'_, Account>,
    ) -> Result<Changes, AccountsError> {
        let changes = account.follow().await;
        self.weigh(slot, account).await;
        Ok(changes?)
    }

    /// Takes in what other writers have appended.
    ///
    /// # Errors
    ///
    /// [`AccountsError`]: the account cannot be loaded, or as [`crate::Account::follow`].
    pub async fn follow(&self, owner: &UserId) -> Result<Changes, AccountsError> {
        let slot = self.slot(owner).await?;
        self.follow_slot(&slot).await
    }

    /// Redacts events of an account. See [`crate::Account::redact`]. Other servers notice with their next read.
    ///
    /// # Errors
    ///
    /// [`AccountsError`]: the account cannot be loaded, or as [`crate::Account::redact`].
    pub async fn redact(&self, owner: &UserId, redaction: Redaction) -> Result<Changes, AccountsError> {
        let slot = self.slot(owner).await?;
        let mut account = slot.account.lock().await;
        let changes = account.redact(redaction).await;
        self.weigh(&slot, account).await;
        Ok(changes?)
    }

    /// Erases an account: log and snapshots in the store, and from this cache.
    ///
    /// # Errors
    ///
    /// [`AccountsError`]: the account cannot be loaded, or as [`crate::Account::erase`].
    pub async fn erase(&self, owner: &UserId) -> Result<(), AccountsError> {
        let slot = self.slot(owner).await?;
        let erased = slot.account.lock().await.erase().await;
        self.cache.invalidate(owner).await;
        Ok(erased?)
    }

    /// Gives an account up, if it is here; whoever uses it just now goes on.
    pub async fn forget(&self, owner: &UserId) {
        self.cache.invalidate(owner).await;
    }

    /// What is held. With the feature `metrics` asking sets the gauges of it.
    pub async fn usage(&self) -> Usage {
        self.cache.run_pending_tasks().await;
        let (accounts, len_bytes) = (self.cache.entry_count(), self.cache.weighted_size() * UNIT_LEN_BYTES);
        telemetry::holds(accounts, len_bytes);
        let (loads, reads) = (self.loads.load(Ordering::Relaxed), self.reads.load(Ordering::Relaxed));
        Usage { accounts, len_bytes, loads, reads }
    }

    /// Takes in what other servers append to the accounts held here, as it happens, until the connection is lost.
    ///
    /// Run it beside everything else and begin it again after an error: it takes in first what was missed. `changed`
    /// hears of each account that changed, before an error is returned too; whoever drops the future instead reads its
    /// lists anew, since what was taken in just then is told to nobody. An account that has as many events as were told of reads nothing, so what
    /// this server itself appends is not read back. What is heard while accounts are busy waits, each inbox once.
    ///
    /// # Errors
    ///
    /// [`AccountsError`] when the connection is lost, or an account cannot be read.
    pub async fn keep_up(&self, changed: impl FnMut(&UserId, Changes)) -> Result<Infallible, AccountsError> {
        self.keep_up_on((0..CHANNELS).collect(), changed).await
    }

    /// The same for the inboxes of some [channels](PostgresStore::channel_of): of servers that share the inboxes among
    /// them by channel, each hears of its own alone.
    ///
    /// # Errors
    ///
    /// As [`Accounts::keep_up`].
    pub async fn keep_up_on(
        &self,
        channels: Vec<u16>,
        mut changed: impl FnMut(&UserId, Changes),
    ) -> Result<Infallible, AccountsError> {
        let store = |error| AccountsError::from(AccountError::Store(error));
        let mut listener = self.store.listen_to(channels.clone()).await.map_err(store)?;
        let mut keeping = Keeping::new(self.clone(), channels);
        keeping.all();
        let mut tell = |owner: &UserId, changes: Changes| {
            if changes != Changes::default() {
                changed(owner, changes);
            }
        };
        let failed = loop {
            tokio::select! {
                heard = listener.next(), if keeping.has_room() => match heard {
                    Ok(Heard::Inbox { inbox: StreamId::Account(owner), events }) => keeping.heard(owner, events),
                    // Streams that accounts share are no account's log.
                    Ok(Heard::Inbox { .. }) => {}
                    Ok(_) => keeping.all(),
                    Err(error) => break store(error),
                },
                Some((owner, changes)) = keeping.next() => match changes {
                    Ok(changes) => tell(&owner, changes),
                    Err(error) => break error,
                },
            }
        };
        // What is taken in by now nobody else would tell.
        while let Some((owner, changes)) = keeping.finished().await {
            if let Ok(changes) = changes {
                tell(&owner, changes);
            }
        }
        Err(failed)
    }

    /// Takes in what an account lacks of so many events, if it is held here.
    async fn take_in(&self, owner: &UserId, events: u64) -> Result<Changes, AccountsError> {
        let Some(slot) = self.cache.get(owner).await else { return Ok(Changes::default()) };
        let account = slot.account.lock().await;
        if account.machine().is_loaded() && account.prefix().events >= events {
            return Ok(Changes::default());
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.follow_locked(&slot, account).await
    }

    async fn slot(&self, owner: &UserId) -> Result<Arc<Slot>, AccountsError> {
        let is_new = AtomicBool::new(false);
        let load = async {
            is_new.store(true, Ordering::Relaxed);
            self.loads.fetch_add(1, Ordering::Relaxed);
            let (store, turns) = (self.store.clone(), self.turns.clone());
            let account = Account::open_with(store, owner.clone(), self.options, turns).await?;
            let weight = AtomicU32::new(weight(&account));
            Ok(Arc::new(Slot { account: Mutex::new(account), weight }))
        };
        let slot = self.cache.try_get_with_by_ref(owner, load).await.map_err(AccountsError::Load)?;
        telemetry::asked(!is_new.load(Ordering::Relaxed));
        if is_new.load(Ordering::Relaxed) {
            // What was appended after its last read and told before it was held, nobody took in.
            self.follow_slot(&slot).await?;
        }
        Ok(slot)
    }

    /// Tells the cache what an account weighs, if that is another weight by an eighth or more.
    async fn weigh(&self, slot: &Arc<Slot>, account: MutexGuard<'_, Account>) {
        let (before, now) = (slot.weight.load(Ordering::Relaxed), weight(&account));
        let owner = account.owner().clone();
        drop(account);
        if before.abs_diff(now) > before / 8 {
            slot.weight.store(now, Ordering::Relaxed);
            // Only if it has not been given up meanwhile.
            if self.cache.get(&owner).await.is_some_and(|held| Arc::ptr_eq(&held, slot)) {
                self.cache.insert(owner, Arc::clone(slot)).await;
            }
        }
    }
}

/// Accounts that take in what was heard of them, some at once and each once at a time.
struct Keeping {
    accounts: Accounts,
    channels: Vec<u16>,
    tasks: JoinSet<(UserId, Result<Changes, AccountsError>)>,
    /// Those that a task is busy with, and what was heard of them meanwhile.
    busy: HashMap<UserId, Option<u64>>,
    /// Those that wait for a task.
    waiting: VecDeque<(UserId, u64)>,
}

impl Keeping {
    fn new(accounts: Accounts, channels: Vec<u16>) -> Self {
        Self { accounts, channels, tasks: JoinSet::new(), busy: HashMap::new(), waiting: VecDeque::new() }
    }

    /// Whether more may be heard: otherwise it waits in the listener, where each inbox waits once.
    fn has_room(&self) -> bool {
        self.waiting.is_empty() && self.tasks.len() < TAKING_IN
    }

    /// Any account held here may have changed.
    fn all(&mut self) {
        let held = self.accounts.cache.iter().map(|(owner, _)| UserId::clone(&owner));
        let held: Vec<_> =
            held.filter(|owner| self.channels.contains(&PostgresStore::channel_of(&owner.into()))).collect();
        held.into_iter().for_each(|owner| self.heard(owner, u64::MAX));
    }

    /// An inbox has so many events.
    fn heard(&mut self, owner: UserId, events: u64) {
        if let Some(heard) = self.busy.get_mut(&owner) {
            *heard = Some(events).max(*heard);
        } else if self.tasks.len() < TAKING_IN {
            self.begin(owner, events);
        } else {
            self.waiting.push_back((owner, events));
        }
    }

    fn begin(&mut self, owner: UserId, events: u64) {
        self.busy.insert(owner.clone(), None);
        let accounts = self.accounts.clone();
        self.tasks.spawn(async move {
            let changes = accounts.take_in(&owner, events).await;
            (owner, changes)
        });
    }

    /// What one of them took in; `None` if none is busy. No other is begun.
    async fn finished(&mut self) -> Option<(UserId, Result<Changes, AccountsError>)> {
        match self.tasks.join_next().await? {
            Ok(done) => Some(done),
            // None is ever given up.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// What one of them took in; `None` if none is busy. Those that wait are begun.
    async fn next(&mut self) -> Option<(UserId, Result<Changes, AccountsError>)> {
        let (owner, changes) = self.finished().await?;
        if let Some(Some(events)) = self.busy.remove(&owner) {
            self.begin(owner.clone(), events);
        }
        while self.tasks.len() < TAKING_IN
            && let Some((waiting, events)) = self.waiting.pop_front()
        {
            self.heard(waiting, events);
        }
        Some((owner, changes))
    }
}

/// Puts what an account took in beside what came of it in the log.
fn note(delivered: &mut [Delivered], at: usize, changes: Result<Changes, AccountsError>) {
    if let Some(delivered) = delivered.get_mut(at) {
        delivered.changes = Some(changes);
    }
}

fn weight(account: &Account) -> u32 {
    u32::try_from((BARE_LEN_BYTES + account.machine().len_bytes()) / UNIT_LEN_BYTES).unwrap_or(u32::MAX)
}
