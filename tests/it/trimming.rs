//! The suite that every store passes that trims: the one in memory does, and one with any one fault does not.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{
    Append, AppendError, Appended, EventStore, Head, MemoryStore, NewEvent, Page, Received, RewriteError,
    SnapshotStore, StoredEvent, StoredSnapshot, Trim, Trimmed,
};
use chatfold::testing::{TrimmingError, TrimmingStore, check_store, check_trimming};
use chatfold::{EventId, Policy, Replay, UserId};

/// The store in memory that trims, with one thing wrong.
#[derive(Clone)]
struct Wrong {
    store: TrimmingStore,
    fault: Fault,
    /// The archive that was named last.
    archive: Arc<Mutex<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    ReadsNothing,
    ReadsWhatIsBehind,
    TellsOfAnOutage,
    FindsNothing,
    TakesDoublesForNew,
    ReceivesDoubles,
    MovesTheHead,
    TrustsEverySnapshot,
    PassesTheSnapshotThatIsNamed,
    CountsAllAsMoved,
    TellsAnotherPosition,
    TakesAnyArchiveToGoOn,
    LosesTheSnapshot,
    FindsOlderSnapshots,
    RewritesNothing,
    PutsNothingBack,
    PutsBackFromAnyArchive,
    KeepsWhatWasErased,
}

const FAULTS: [Fault; 18] = [
    Fault::ReadsNothing,
    Fault::ReadsWhatIsBehind,
    Fault::TellsOfAnOutage,
    Fault::FindsNothing,
    Fault::TakesDoublesForNew,
    Fault::ReceivesDoubles,
    Fault::MovesTheHead,
    Fault::TrustsEverySnapshot,
    Fault::PassesTheSnapshotThatIsNamed,
    Fault::CountsAllAsMoved,
    Fault::TellsAnotherPosition,
    Fault::TakesAnyArchiveToGoOn,
    Fault::LosesTheSnapshot,
    Fault::FindsOlderSnapshots,
    Fault::RewritesNothing,
    Fault::PutsNothingBack,
    Fault::PutsBackFromAnyArchive,
    Fault::KeepsWhatWasErased,
];

type Outcome<T> = Result<T, TrimmingError>;

impl Wrong {
    fn new(fault: Fault) -> Self {
        let store = TrimmingStore::new(MemoryStore::new(), 7);
        Self { store, fault, archive: Arc::default() }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn cut(&mut self, inbox: &StreamId) -> u64 {
        let Some(owner) = inbox.account() else { return 0 };
        self.store.trimmed_prefix(owner).unwrap().events
    }

    /// Keeps a snapshot that is what the events say, in the place of whatever is kept.
    fn save_a_true_one(&mut self, owner: &UserId) {
        let inbox = &StreamId::from(owner);
        let Some(kept) = self.store.latest(inbox, u64::MAX).unwrap() else { return };
        let events = self.store.read(inbox, 0, kept.prefix.events as usize).unwrap().events;
        let mut replay = Replay::new(owner.clone(), Policy::default());
        for stored in &events {
            if let LoggedEvent::Known(event) = decode_line(&stored.bytes).unwrap() {
                replay.push(&event);
            }
        }
        let bytes = replay.finish().snapshot(kept.prefix).unwrap();
        assert!(self.store.save(inbox, &StoredSnapshot::new(kept.prefix, bytes)).unwrap());
    }
}

impl EventStore for Wrong {
    type Error = TrimmingError;

    fn append(
        &mut self,
        inbox: &StreamId,
        append: &Append<'_>,
    ) -> Result<Appended, AppendError<TrimmingError>> {
        let mut appended = self.store.append(inbox, append)?;
        appended.repeated &= !(self.is(Fault::TakesDoublesForNew) && appended.first <= self.cut(inbox));
        Ok(appended)
    }

    fn import(
        &mut self,
        inbox: &StreamId,
        events: &[StoredEvent],
    ) -> Result<Head, AppendError<TrimmingError>> {
        self.store.import(inbox, events)
    }

    fn receive_many(&mut self, inboxes: &[StreamId], events: &[NewEvent]) -> Outcome<Vec<Received>> {
        let received = self.store.receive_many(inboxes, events)?;
        match self.fault {
            Fault::ReceivesDoubles => Ok(vec![Received::Appended { first: 1, last: 1 }; received.len()]),
            _ => Ok(received),
        }
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Outcome<Page> {
        let cut = self.cut(inbox);
        match self.fault {
            Fault::ReadsNothing if after < cut => self.store.read(inbox, cut, 0),
            Fault::ReadsWhatIsBehind => self.store.read(inbox, after.max(cut), limit),
            Fault::MovesTheHead if cut > 0 => {
                let mut page = self.store.read(inbox, after, limit)?;
                page.head.prefix.hash ^= 1;
                Ok(page)
            }
            _ => self.store.read(inbox, after, limit),
        }
    }

    fn is_trimmed(&self, error: &TrimmingError) -> bool {
        !self.is(Fault::TellsOfAnOutage) && self.store.is_trimmed(error)
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Outcome<Option<StoredEvent>> {
        match self.store.find(inbox, id) {
            Err(_) if self.is(Fault::FindsNothing) => Ok(None),
            found => found,
        }
    }

    fn rewrite(
        &mut self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<TrimmingError>> {
        match self.store.rewrite(inbox, events) {
            Err(_) if self.is(Fault::RewritesNothing) => Ok(self.store.head(inbox).unwrap()),
            rewritten => rewritten,
        }
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Outcome<Head> {
        self.store.fence(inbox, to)
    }

    fn erase(&mut self, inbox: &StreamId) -> Outcome<Head> {
        self.store.erase(inbox)
    }

    fn reopen(&mut self, inbox: &StreamId) -> Outcome<Head> {
        self.store.reopen(inbox)
    }
}

impl SnapshotStore for Wrong {
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Outcome<Option<StoredSnapshot>> {
        let found = self.store.latest(inbox, through)?;
        let cut = self.cut(inbox);
        match self.fault {
            Fault::LosesTheSnapshot if cut > 0 => {
                let newest = self.store.latest(inbox, u64::MAX)?.map(|kept| kept.prefix);
                Ok(found.filter(|found| Some(found.prefix) == newest))
            }
            Fault::FindsOlderSnapshots if cut > 0 && through < cut => self.store.latest(inbox, u64::MAX),
            _ => Ok(found),
        }
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Outcome<bool> {
        self.store.save(inbox, snapshot)
    }
}

impl Trim for Wrong {
    type Archive = String;

    fn trim(&mut self, owner: &UserId, through: u64, archive: &String) -> Outcome<Trimmed> {
        let before = std::mem::replace(&mut *self.archive.lock().unwrap(), archive.clone());
        if self.is(Fault::TrustsEverySnapshot) && self.cut(&owner.into()) == 0 {
            self.save_a_true_one(owner);
        }
        let through = if self.is(Fault::PassesTheSnapshotThatIsNamed) { u64::MAX } else { through };
        let mut trimmed = match self.store.trim(owner, through, archive) {
            Err(TrimmingError::Archive { .. }) if self.is(Fault::TakesAnyArchiveToGoOn) => {
                self.store.trim(owner, through, &before)?
            }
            trimmed => trimmed?,
        };
        match self.fault {
            Fault::CountsAllAsMoved => trimmed.events = trimmed.through,
            Fault::TellsAnotherPosition => trimmed.through -= 1,
            _ => {}
        }
        Ok(trimmed)
    }

    fn trimmed_prefix(&mut self, owner: &UserId) -> Outcome<LogPrefix> {
        let prefix = self.store.trimmed_prefix(owner)?;
        let erased = prefix == LogPrefix::EMPTY && self.store.head(&owner.into())?.closed.is_some();
        match self.fault {
            Fault::KeepsWhatWasErased if erased => Ok(LogPrefix { events: 7, ..prefix }),
            _ => Ok(prefix),
        }
    }

    fn restore_archive(&mut self, owner: &UserId, archive: &String) -> Outcome<u64> {
        if self.is(Fault::PutsNothingBack) {
            return Ok(self.cut(&owner.into()));
        }
        match self.store.restore_archive(owner, archive) {
            Err(_) if self.is(Fault::PutsBackFromAnyArchive) => {
                let last = self.archive.lock().unwrap().clone();
                self.store.restore_archive(owner, &last)
            }
            restored => restored,
        }
    }
}

#[test]
fn the_store_in_memory_that_trims_obeys() {
    for seal_events in [1, 7, 30] {
        let store = TrimmingStore::new(MemoryStore::new(), seal_events);
        check_trimming(|| store.clone(), str::to_owned);
        check_store(|| store.clone());
    }
}

#[test]
fn the_suite_finds_every_fault_of_trimming() {
    let quiet = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let undetected: Vec<_> = FAULTS
        .into_iter()
        .filter(|fault| {
            let store = Wrong::new(*fault);
            let checked = || check_trimming(|| store.clone(), str::to_owned);
            panic::catch_unwind(AssertUnwindSafe(checked)).is_ok()
        })
        .collect();
    panic::set_hook(quiet);
    assert_eq!(undetected, []);
}
