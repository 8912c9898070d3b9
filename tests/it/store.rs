//! The suite that every store passes: the reference store does, and a store with any one fault does not.

use std::convert::Infallible;
use std::panic::{self, AssertUnwindSafe};

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::store::{
    Append, AppendError, Appended, EventStore, Head, MemoryStore, Page, RewriteError, SnapshotStore,
    StoredEvent, StoredSnapshot,
};
use chatfold::testing::check_store;

/// The reference store with one thing wrong.
#[derive(Clone)]
struct Wrong {
    store: MemoryStore,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NeverConflicts,
    LooksAtTheVersionFirst,
    ForgetsCommands,
    SaysNothingIsRepeated,
    DropsTheSnapshotOfAnAppend,
    KeepsAlienSnapshots,
    ReadsOneTooMany,
    ReadsFromTheStart,
    FindsNothing,
    FindsAnything,
    ForgetsBytes,
    MixesInboxes,
    RewritesNothing,
    KeepsSnapshotsOfWhatWasRewritten,
    FencesNothing,
    ErasesNothing,
    ImportsAnything,
    SeesNoOneElse,
}

const FAULTS: [Fault; 18] = [
    Fault::NeverConflicts,
    Fault::LooksAtTheVersionFirst,
    Fault::ForgetsCommands,
    Fault::SaysNothingIsRepeated,
    Fault::DropsTheSnapshotOfAnAppend,
    Fault::KeepsAlienSnapshots,
    Fault::ReadsOneTooMany,
    Fault::ReadsFromTheStart,
    Fault::FindsNothing,
    Fault::FindsAnything,
    Fault::ForgetsBytes,
    Fault::MixesInboxes,
    Fault::RewritesNothing,
    Fault::KeepsSnapshotsOfWhatWasRewritten,
    Fault::FencesNothing,
    Fault::ErasesNothing,
    Fault::ImportsAnything,
    Fault::SeesNoOneElse,
];

impl Wrong {
    fn inbox(&self, inbox: &StreamId) -> StreamId {
        let text = inbox.key();
        match self.fault {
            Fault::MixesInboxes => {
                StreamId::from_key(&text[..text.len().min(9)]).unwrap_or(StreamId::Directory)
            }
            _ => inbox.clone(),
        }
    }
}

type AppendResult<T> = Result<T, AppendError<Infallible>>;

impl EventStore for Wrong {
    type Error = Infallible;

    fn append(&mut self, inbox: &StreamId, append: &Append<'_>) -> AppendResult<Appended> {
        let inbox = self.inbox(inbox);
        let mut append = *append;
        let actual = self.store.head(&inbox)?.prefix.events;
        match self.fault {
            Fault::NeverConflicts => append.expected = actual,
            Fault::LooksAtTheVersionFirst if append.expected != actual => {
                return Err(AppendError::Conflict { expected: append.expected, actual });
            }
            Fault::ForgetsCommands => append.command = None,
            Fault::DropsTheSnapshotOfAnAppend => append.snapshot = None,
            _ => {}
        }
        let mut appended = self.store.append(&inbox, &append)?;
        appended.repeated &= self.fault != Fault::SaysNothingIsRepeated;
        Ok(appended)
    }

    fn import(&mut self, inbox: &StreamId, events: &[StoredEvent]) -> AppendResult<Head> {
        if self.fault == Fault::ImportsAnything {
            let _ = self.store.import(inbox, events);
            return Ok(self.store.head(inbox)?);
        }
        self.store.import(&self.inbox(inbox), events)
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, Infallible> {
        let inbox = self.inbox(inbox);
        let (after, limit) = match self.fault {
            Fault::ReadsOneTooMany => (after, limit.saturating_add(1)),
            Fault::ReadsFromTheStart => (0, limit),
            _ => (after, limit),
        };
        let mut page = self.store.read(&inbox, after, limit)?;
        if self.fault == Fault::ForgetsBytes {
            page.events.iter_mut().for_each(|event| event.bytes.truncate(2));
        }
        Ok(page)
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, Infallible> {
        let found = self.store.find(&self.inbox(inbox), id)?;
        Ok(match self.fault {
            Fault::FindsNothing => None,
            // As if the first event of the log had been remembered for whoever asks.
            Fault::FindsAnything => found.or(self.store.read(inbox, 0, 1)?.events.pop()),
            _ => found,
        })
    }

    fn rewrite(
        &mut self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<Infallible>> {
        match self.fault {
            Fault::RewritesNothing => Ok(self.store.head(inbox)?),
            _ => self.store.rewrite(&self.inbox(inbox), events),
        }
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Result<Head, Infallible> {
        match self.fault {
            Fault::FencesNothing => self.store.head(inbox),
            _ => self.store.fence(&self.inbox(inbox), to),
        }
    }

    fn erase(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
        match self.fault {
            Fault::ErasesNothing => self.store.fence(inbox, "nowhere"),
            _ => self.store.erase(&self.inbox(inbox)),
        }
    }

    fn reopen(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
        self.store.reopen(&self.inbox(inbox))
    }
}

impl SnapshotStore for Wrong {
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Infallible> {
        if self.fault == Fault::KeepsSnapshotsOfWhatWasRewritten && through == u64::MAX {
            // As if the newest had been remembered beside the store.
            let prefix = self.store.head(inbox)?.prefix;
            let bytes = vec![prefix.events as u8; 70_000];
            return Ok((prefix.events > 0).then_some(StoredSnapshot::new(prefix, bytes)));
        }
        self.store.latest(&self.inbox(inbox), through)
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Infallible> {
        let kept = self.store.save(&self.inbox(inbox), snapshot)?;
        Ok(kept || self.fault == Fault::KeepsAlienSnapshots)
    }
}

#[test]
fn the_reference_store_obeys() {
    let store = MemoryStore::new();
    check_store(|| store.clone());
}

#[test]
fn the_suite_finds_every_fault() {
    let quiet = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let undetected: Vec<_> = FAULTS
        .into_iter()
        .filter(|fault| {
            let store = MemoryStore::new();
            let open = || match fault {
                Fault::SeesNoOneElse => Wrong { store: MemoryStore::new(), fault: *fault },
                _ => Wrong { store: store.clone(), fault: *fault },
            };
            panic::catch_unwind(AssertUnwindSafe(|| check_store(open))).is_ok()
        })
        .collect();
    panic::set_hook(quiet);
    assert_eq!(undetected, []);
}
