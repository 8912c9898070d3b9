//! A log taken over into a store, whole or not at all.

use std::collections::HashSet;
use std::io::Write as _;

use chatfold::EventId;
use chatfold::jsonl::LoggedEvent;
use chatfold::snapshot::{LogPrefix, SnapshotPolicy};
use chatfold::store::{AppendError, EventStore as _, NewEvent, StoredEvent};
use chatfold_account::{Account, Options, encode};

use crate::args::ConvertArgs;
use crate::failure::{Failure, Verdict};
use crate::log::{OpenLog, count};
use crate::output::{say, stdout};
use crate::store::account::failure;
use crate::store::{StoreAddress, StoreError};

/// The event as a store keeps it. A line of a newer version may have no id this version finds: then its id follows
/// from its bytes, so that it is the same wherever it is taken over.
fn stored(event: &LoggedEvent) -> NewEvent {
    match event {
        LoggedEvent::Known(event) => encode(event),
        LoggedEvent::Skipped(line) => {
            let (line, named) = (line.raw(), line.id());
            let mut hash = LogPrefix::EMPTY;
            hash.push(line.as_bytes());
            let id = named.unwrap_or(EventId::from_bytes(hash.hash.to_be_bytes()));
            NewEvent::new(id, line.as_bytes().to_vec())
        }
    }
}

/// Why the events were not taken.
fn refused(place: &StoreAddress, error: AppendError<StoreError>) -> Failure {
    match error {
        AppendError::Store(error) => place.failed("failed", error),
        // Somebody else wrote there after it was found empty.
        other => Failure::Input { place: place.to_string(), what: other.to_string(), source: None },
    }
}

/// Converts into the inbox at `place`, which must not be there yet.
pub fn convert(args: &ConvertArgs, place: &StoreAddress, log: OpenLog) -> Result<Verdict, Failure> {
    if args.writing.force || args.writing.pack || args.writing.to.is_some() {
        return Err(Failure::Usage(format!("{place}: --force, --to and --pack are for files")));
    }
    let owner = place.owner()?;
    if *log.owner() != owner {
        let found = log.owner();
        return Err(Failure::Usage(format!(
            "{place}: the log is {found}'s (--as {owner} makes it {owner}'s)"
        )));
    }
    let mut store = place.open(true)?;
    let head = store.head(&(&owner).into()).map_err(|error| place.failed("cannot be read", error))?;
    if head.prefix != LogPrefix::EMPTY {
        return Err(Failure::Usage(format!("{place}: is there already")));
    }
    let (mut events, mut seen, mut doubles) = (Vec::new(), HashSet::new(), 0);
    let mut prefix = LogPrefix::EMPTY;
    let tally = log.read(|_, event| {
        let NewEvent { id, bytes, .. } = stored(&event);
        if seen.insert(id) {
            prefix.push(&bytes);
            events.push(StoredEvent::new(id, None, prefix, bytes));
        } else {
            doubles += 1;
        }
    })?;
    drop(seen);
    let written = events.len() as u64;
    if written > 0 {
        store.import(&(&owner).into(), &events).map_err(|error| refused(place, error))?;
        drop(events);
        // The snapshot is kept once, below, however many events there are.
        let options = Options { snapshots: SnapshotPolicy::default(), ..Options::default() };
        let account = Account::open(store, owner, options);
        let mut account = account.map_err(|error| failure(place, error))?;
        account.save().map_err(|error| failure(place, error))?;
    }
    if doubles > 0 {
        say(&format!("{place}: {} with an id that an earlier one has, left out", count(doubles, "event")));
    }
    let mut out = stdout();
    writeln!(out, "{place}: {}", count(written, "event"))?;
    out.flush()?;
    Ok(tally.verdict())
}
