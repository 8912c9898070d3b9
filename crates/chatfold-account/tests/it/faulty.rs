//! A store that fails at the n-th call, before or after it did what was asked, for every n.

use std::cell::Cell;
use std::rc::Rc;

use chatfold::EventId;
use chatfold::redact::Redaction;
use chatfold::shared::StreamId;
use chatfold::store::{
    Append, AppendError, Appended, EventStore, Head, MemoryStore, Page, RewriteError, SnapshotStore,
    StoredEvent, StoredSnapshot,
};
use chatfold_account::{Account, AccountError};

use crate::following::Followers;
use crate::support::{alice, command, context, is_of, log, options, sent};

/// When the store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Nothing was done.
    Before,
    /// It was done, but nobody heard of it.
    After,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
enum Outage {
    #[error("planned outage")]
    Planned,
    #[error("of the store beneath: {0}")]
    Beneath(std::convert::Infallible),
}

impl From<std::convert::Infallible> for Outage {
    fn from(never: std::convert::Infallible) -> Self {
        Self::Beneath(never)
    }
}

/// Fails at one call and works at all others.
#[derive(Clone)]
struct Faulty {
    store: MemoryStore,
    calls: Rc<Cell<u32>>,
    fails_at: u32,
    when: When,
}

impl Faulty {
    fn call<T, E: From<Outage>>(
        &mut self,
        act: impl FnOnce(&mut MemoryStore) -> Result<T, E>,
    ) -> Result<T, E> {
        self.calls.set(self.calls.get() + 1);
        let fails = self.calls.get() == self.fails_at;
        if fails && self.when == When::Before {
            return Err(Outage::Planned.into());
        }
        let done = act(&mut self.store);
        if fails { Err(Outage::Planned.into()) } else { done }
    }
}

impl EventStore for Faulty {
    type Error = Outage;

    fn append(&mut self, inbox: &StreamId, append: &Append<'_>) -> Result<Appended, AppendError<Outage>> {
        self.call(|store| store.append(inbox, append).map_err(|error| error.map_store(Outage::from)))
    }

    fn import(&mut self, _: &StreamId, _: &[StoredEvent]) -> Result<Head, AppendError<Outage>> {
        unreachable!("no account imports")
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, Outage> {
        self.call(|store| Ok(store.read(inbox, after, limit)?))
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, Outage> {
        self.call(|store| Ok(store.find(inbox, id)?))
    }

    fn rewrite(&mut self, inbox: &StreamId, events: &[(u64, Vec<u8>)]) -> Result<Head, RewriteError<Outage>> {
        self.call(|store| store.rewrite(inbox, events).map_err(|error| error.map_store(Outage::from)))
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Result<Head, Outage> {
        self.call(|store| Ok(store.fence(inbox, to)?))
    }

    fn erase(&mut self, inbox: &StreamId) -> Result<Head, Outage> {
        self.call(|store| Ok(store.erase(inbox)?))
    }

    fn reopen(&mut self, inbox: &StreamId) -> Result<Head, Outage> {
        self.call(|store| Ok(store.reopen(inbox)?))
    }
}

impl SnapshotStore for Faulty {
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Outage> {
        self.call(|store| Ok(store.latest(inbox, through)?))
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Outage> {
        self.call(|store| Ok(store.save(inbox, snapshot)?))
    }
}

const COMMANDS: u64 = 20;

/// Two accounts take turns; each is now and then loaded anew. After a failure the same is asked again, in the same
/// context. Returns how many calls the store got.
fn run(fails_at: u32, when: When) -> u32 {
    let store = Faulty { store: MemoryStore::new(), calls: Rc::default(), fails_at, when };
    let open = || loop {
        match Account::open(store.clone(), alice(), options()) {
            Ok(account) => return account,
            Err(AccountError::Store(_)) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let mut accounts = [open(), open()];
    // Whatever fails: who follows each answer shows what the inbox shows.
    let mut followers = [0, 1].map(|writer: usize| Followers::new(accounts[writer].inbox()));
    for n in 0..COMMANDS {
        let writer = n % 2;
        if n % 7 == 6 {
            accounts[writer as usize] = open();
            followers[writer as usize] = Followers::new(accounts[writer as usize].inbox());
        }
        let account = &mut accounts[writer as usize];
        loop {
            match account.execute(command(writer, n), context(writer, n)) {
                Ok(executed) => {
                    followers[writer as usize].follow(account.inbox(), &executed.changes);
                    break;
                }
                Err(AccountError::Rejected(_)) => break,
                Err(AccountError::Store(Outage::Planned)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    // Redact, as one more thing that may fail.
    let redact = |account: &mut Account<Faulty>| {
        let mut redaction = Redaction::default();
        redaction.choose_author(alice());
        account.redact(redaction)
    };
    while let Err(error) = redact(&mut accounts[0]) {
        assert!(matches!(error, AccountError::Store(_)), "{error}");
    }
    for (account, followers) in accounts.iter_mut().zip(&mut followers) {
        let mut changes = loop {
            match account.follow() {
                Ok(changes) => break changes,
                Err(error) => assert!(matches!(error, AccountError::Store(_)), "{error}"),
            }
        };
        // The first told of its redaction in the answer to that.
        changes.reset = true;
        followers.follow(account.inbox(), &changes);
    }
    let calls = store.calls.get();
    let log = log(&mut Account::open(store.store.clone(), alice(), options()).unwrap());
    for (writer, account) in accounts.iter().enumerate() {
        is_of(account.inbox(), &log);
        let writer = writer as u64;
        let expected: Vec<_> = (0..COMMANDS).filter(|n| n % 2 == writer && n % 3 == 0).collect();
        assert_eq!(sent(&log, writer), expected, "{when:?} {fails_at}: each sent once, in order");
    }
    calls
}

#[test]
fn a_failure_at_any_call_loses_nothing_and_does_nothing_twice() {
    let calls = run(0, When::Before);
    assert!(calls > 40, "the workload makes {calls} calls");
    for fails_at in 1..=calls {
        for when in [When::Before, When::After] {
            run(fails_at, when);
        }
    }
}
