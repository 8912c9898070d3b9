//! The suite that every outbox passes: the reference store's does, and one with any one fault does not.

use std::convert::Infallible;
use std::panic::{self, AssertUnwindSafe};

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::store::{
    Append, AppendError, Appended, EventStore, Head, MemoryStore, NewEvent, Outbox, OutboxCursor,
    OutboxError, OutboxPage, OutboxStatus, Page, Received, RewriteError, SnapshotStore, StoredEvent,
    StoredSnapshot,
};
use chatfold::testing::check_outbox;

/// The reference store with one thing wrong with its outbox.
#[derive(Clone)]
struct Wrong {
    store: MemoryStore,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    PassesOneOver,
    ShowsOneTwice,
    SwapsTwo,
    ReadsOneTooMany,
    EndsAPageTooFar,
    PassesOverWhatWasForgotten,
    TakesCursorsOfOthers,
    TakesCursorsAhead,
    StaysOn,
    BeginsAnewEachTime,
    BeginsWithTheNewest,
    ForgetsAll,
    ForgetsNothing,
    CountsOneTooFew,
    TellsNothingOfReceiving,
    TellsNothingOfErasing,
    TellsOfWhatIsRepeated,
}

const FAULTS: [Fault; 17] = [
    Fault::PassesOneOver,
    Fault::ShowsOneTwice,
    Fault::SwapsTwo,
    Fault::ReadsOneTooMany,
    Fault::EndsAPageTooFar,
    Fault::PassesOverWhatWasForgotten,
    Fault::TakesCursorsOfOthers,
    Fault::TakesCursorsAhead,
    Fault::StaysOn,
    Fault::BeginsAnewEachTime,
    Fault::BeginsWithTheNewest,
    Fault::ForgetsAll,
    Fault::ForgetsNothing,
    Fault::CountsOneTooFew,
    Fault::TellsNothingOfReceiving,
    Fault::TellsNothingOfErasing,
    Fault::TellsOfWhatIsRepeated,
];

type AppendResult<T> = Result<T, AppendError<Infallible>>;
type OutboxResult<T> = Result<T, OutboxError<Infallible>>;

impl Wrong {
    /// Does something of which the outbox is not told: as another store that has the same logs would.
    fn untold<T>(&mut self, what: impl FnOnce(&mut MemoryStore) -> T) -> T {
        let Ok(first) = self.store.outbox_status(None).map(|status| status.first) else {
            return what(&mut self.store);
        };
        let done = what(&mut self.store);
        // What came since is taken back by forgetting all, so the consumer is told something else or nothing.
        if let Ok(page) = self.store.outbox_after(&first, usize::MAX) {
            let _ = self.store.outbox_forget(&page.next);
        }
        done
    }
}

impl EventStore for Wrong {
    type Error = Infallible;

    fn append(&mut self, inbox: &StreamId, append: &Append<'_>) -> AppendResult<Appended> {
        let appended = self.store.append(inbox, append)?;
        if appended.repeated && self.fault == Fault::TellsOfWhatIsRepeated {
            self.store.reopen(inbox)?;
        }
        Ok(appended)
    }

    fn import(&mut self, inbox: &StreamId, events: &[StoredEvent]) -> AppendResult<Head> {
        self.store.import(inbox, events)
    }

    fn receive_many(
        &mut self,
        inboxes: &[StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, Infallible> {
        match self.fault {
            Fault::TellsNothingOfReceiving => self.untold(|store| store.receive_many(inboxes, events)),
            _ => self.store.receive_many(inboxes, events),
        }
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, Infallible> {
        self.store.read(inbox, after, limit)
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
        match self.fault {
            Fault::TellsNothingOfErasing => self.untold(|store| store.erase(inbox)),
            _ => self.store.erase(inbox),
        }
    }

    fn reopen(&mut self, inbox: &StreamId) -> Result<Head, Infallible> {
        self.store.reopen(inbox)
    }
}

impl SnapshotStore for Wrong {
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Infallible> {
        self.store.latest(inbox, through)
    }

    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Infallible> {
        self.store.save(inbox, snapshot)
    }
}

impl Outbox for Wrong {
    fn outbox_on(&mut self) -> Result<OutboxCursor, Infallible> {
        if self.fault == Fault::BeginsAnewEachTime {
            self.store.outbox_off()?;
        }
        let first = self.store.outbox_on()?;
        let newest = self.store.outbox_after(&first, usize::MAX);
        Ok(match self.fault {
            Fault::BeginsWithTheNewest => newest.map_or(first, |page| page.next),
            _ => first,
        })
    }

    fn outbox_off(&mut self) -> Result<(), Infallible> {
        if self.fault == Fault::StaysOn { Ok(()) } else { self.store.outbox_off() }
    }

    fn outbox_after(&mut self, after: &OutboxCursor, limit: usize) -> OutboxResult<OutboxPage> {
        let limit = limit.saturating_add(usize::from(self.fault == Fault::ReadsOneTooMany));
        let found = self.store.outbox_after(after, limit);
        let elsewhere = match (&found, self.fault) {
            (Err(OutboxError::Forgotten { first }), Fault::PassesOverWhatWasForgotten) => Some(*first),
            (Err(OutboxError::Other), Fault::TakesCursorsOfOthers) => {
                Some(self.store.outbox_status(None)?.first)
            }
            (Err(OutboxError::Ahead { end }), Fault::TakesCursorsAhead) => Some(*end),
            _ => None,
        };
        let mut page = match elsewhere {
            Some(cursor) => self.store.outbox_after(&cursor, limit)?,
            None => found?,
        };
        match self.fault {
            Fault::PassesOneOver if page.entries.len() > 2 => drop(page.entries.remove(1)),
            Fault::ShowsOneTwice if page.entries.len() == 3 => page.next = page.entries[1].cursor,
            Fault::SwapsTwo if page.entries.len() > 1 => page.entries.swap(0, 1),
            Fault::EndsAPageTooFar if page.entries.len() > 3 => drop(page.entries.pop()),
            _ => {}
        }
        Ok(page)
    }

    fn outbox_forget(&mut self, through: &OutboxCursor) -> OutboxResult<u64> {
        let forgotten = match self.fault {
            Fault::ForgetsNothing => return Ok(0),
            _ => self.store.outbox_forget(through)?,
        };
        if self.fault == Fault::ForgetsAll {
            let page = self.store.outbox_after(through, usize::MAX)?;
            self.store.outbox_forget(&page.next)?;
        }
        Ok(forgotten)
    }

    fn outbox_status(&mut self, after: Option<&OutboxCursor>) -> OutboxResult<OutboxStatus> {
        let mut status = self.store.outbox_status(after)?;
        status.behind -= u64::from(self.fault == Fault::CountsOneTooFew && status.behind > 0);
        Ok(status)
    }
}

#[test]
fn the_reference_outbox_obeys() {
    let store = MemoryStore::new();
    check_outbox(|| store.clone());
}

#[test]
fn the_suite_finds_every_fault_of_an_outbox() {
    let quiet = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let undetected: Vec<_> = FAULTS
        .into_iter()
        .filter(|fault| {
            let store = MemoryStore::new();
            let open = || Wrong { store: store.clone(), fault: *fault };
            panic::catch_unwind(AssertUnwindSafe(|| check_outbox(open))).is_ok()
        })
        .collect();
    panic::set_hook(quiet);
    assert_eq!(undetected, []);
}
