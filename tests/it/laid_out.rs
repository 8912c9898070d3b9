//! What the suite asks of columns and of snapshots by range: a store that is laid out so obeys, and one with a fault does not.

use std::borrow::Cow;
use std::convert::Infallible;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::snapshot::{LogPrefix, SnapshotSource, SourceError};
use chatfold::store::{
    Append, AppendError, Appended, EventStore, FoundSnapshot, Head, MemoryStore, Page, RewriteError,
    SealedPage, SnapshotStore, StoredEvent, StoredSnapshot,
};
use chatfold::testing::{LaidOutStore, check_outbox, check_store};

/// A store laid out as files are, with one thing wrong.
#[derive(Clone)]
struct Wrong {
    store: LaidOutStore,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    ColumnsOfAnotherPlace,
    ColumnsThatEndLater,
    ColumnsBehindAnotherPrefix,
    ColumnsOfNothing,
    NoSnapshotByRange,
    TheOldestByRange,
    OtherBytes,
    FewerBytes,
    BytesBeyondTheEnd,
    NeverAnswers,
}

const FAULTS: [Fault; 10] = [
    Fault::ColumnsOfAnotherPlace,
    Fault::ColumnsThatEndLater,
    Fault::ColumnsBehindAnotherPrefix,
    Fault::ColumnsOfNothing,
    Fault::NoSnapshotByRange,
    Fault::TheOldestByRange,
    Fault::OtherBytes,
    Fault::FewerBytes,
    Fault::BytesBeyondTheEnd,
    Fault::NeverAnswers,
];

/// A source with something wrong.
struct WrongSource {
    source: Arc<dyn SnapshotSource>,
    fault: Fault,
}

impl SnapshotSource for WrongSource {
    fn len_bytes(&self) -> u64 {
        self.source.len_bytes()
    }

    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let range = match self.fault {
            Fault::BytesBeyondTheEnd => range.start..range.end.min(self.len_bytes()),
            _ => range,
        };
        let mut bytes = self.source.read(range)?.into_owned();
        match (self.fault, bytes.last_mut()) {
            (Fault::NeverAnswers, _) => return Err(SourceError::new("never")),
            (Fault::OtherBytes, Some(last)) => *last ^= 1,
            (Fault::FewerBytes, Some(_)) => drop(bytes.pop()),
            _ => {}
        }
        Ok(Cow::Owned(bytes))
    }
}

type AppendResult<T> = Result<T, AppendError<Infallible>>;

impl EventStore for Wrong {
    type Error = Infallible;

    fn append(&mut self, inbox: &StreamId, append: &Append<'_>) -> AppendResult<Appended> {
        self.store.append(inbox, append)
    }

    fn import(&mut self, inbox: &StreamId, events: &[StoredEvent]) -> AppendResult<Head> {
        self.store.import(inbox, events)
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, Infallible> {
        self.store.read(inbox, after, limit)
    }

    fn read_sealed(&mut self, inbox: &StreamId, after: u64) -> Result<Option<SealedPage>, Infallible> {
        let found = self.store.read_sealed(inbox, after)?;
        let head = self.store.head(inbox)?;
        if found.is_none() && self.fault == Fault::ColumnsOfNothing {
            return Ok(Some(SealedPage::new(head, LogPrefix::EMPTY, LogPrefix::EMPTY, Vec::new())));
        }
        let next = self.store.read_sealed(inbox, after + 3)?;
        Ok(found.map(|mut page| {
            match self.fault {
                Fault::ColumnsOfAnotherPlace => page.records = next.map_or(Vec::new(), |next| next.records),
                Fault::ColumnsThatEndLater => page.last = next.map_or(page.last, |next| next.last),
                Fault::ColumnsBehindAnotherPrefix => page.before.hash ^= 1,
                _ => {}
            }
            page
        }))
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, Infallible> {
        self.store.find(inbox, id)
    }

    fn rewrite(
        &mut self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<Infallible>> {
        self.store.rewrite(inbox, events)
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Result<Head, Infallible> {
        self.store.fence(inbox, to)
    }

    fn erase(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
        self.store.erase(inbox)
    }

    fn reopen(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
        self.store.reopen(inbox)
    }
}

impl SnapshotStore for Wrong {
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Infallible> {
        self.store.latest(inbox, through)
    }

    fn open_latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<FoundSnapshot>, Infallible> {
        let newest = self.store.latest(inbox, through)?.map_or(0, |kept| kept.prefix.events);
        let through = match self.fault {
            Fault::NoSnapshotByRange => return Ok(None),
            Fault::TheOldestByRange => newest.saturating_sub(1),
            _ => through,
        };
        let found = self.store.open_latest(inbox, through)?;
        Ok(found.map(|FoundSnapshot { prefix, source }| {
            let source = Arc::new(WrongSource { source, fault: self.fault });
            FoundSnapshot { prefix, source }
        }))
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Infallible> {
        self.store.save(inbox, snapshot)
    }
}

#[test]
fn a_store_laid_out_as_files_are_obeys_whatever_fails() {
    for (seal_events, failure_every) in [(1, 0), (3, 2), (7, 3)] {
        let store = LaidOutStore::new(MemoryStore::new(), seal_events).with_failure_every(failure_every);
        check_store(|| store.clone());
        check_outbox(|| store.clone());
        assert!(store.pages_read() > 0);
    }
}

#[test]
fn the_suite_finds_every_fault_of_columns_and_ranges() {
    let quiet = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let undetected: Vec<_> = FAULTS
        .into_iter()
        .filter(|fault| {
            let store = LaidOutStore::new(MemoryStore::new(), 3);
            let open = || Wrong { store: store.clone(), fault: *fault };
            panic::catch_unwind(AssertUnwindSafe(|| check_store(open))).is_ok()
        })
        .collect();
    panic::set_hook(quiet);
    assert_eq!(undetected, []);
}
