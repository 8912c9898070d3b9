//! The inbox of a log or of a store, folded and printed. A store's begins with its newest snapshot, of which what is
//! shown is read, and the events behind it.

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::path::Path;

use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::snapshot::{LogPrefix, SnapshotPolicy};
use chatfold::store::EventStore as _;
use chatfold::{Inbox, Policy, Timestamp, UserId};
use chatfold_account::{Account, Options};

use crate::failure::{Failure, Verdict};
use crate::input::Source;
use crate::log::{Choice, Tally, count, fold_whole};
use crate::output::{say, stdout};
use crate::snapshot;
use crate::store::account::failure;
use crate::store::{Store, StoreAddress};

/// Folds a log: that of a store, if all of it is chosen, from its newest snapshot on. What such an inbox shows has to be
/// printed by [`print`], which tells a snapshot that is corrupt.
pub fn fold(source: &Source, choice: &Choice, policy: Policy) -> Result<(Inbox, Tally), Failure> {
    match source {
        Source::Store(place) if choice.is_all() => fold_stored(place, choice, policy),
        _ => fold_whole(source, choice, policy),
    }
}

/// Folds an inbox of a store all of whose events are chosen.
fn fold_stored(place: &StoreAddress, choice: &Choice, policy: Policy) -> Result<(Inbox, Tally), Failure> {
    let (store, owner, _) = place.open_there()?;
    // Nothing is written while somebody reads.
    let options = Options { policy, snapshots: SnapshotPolicy::default(), ..Options::default() };
    let mut account = Account::open(store, owner.clone(), options).map_err(|error| failure(place, error))?;
    for report in account.take_reports() {
        say(&format!("{place}: {report}"));
    }
    let (inbox, prefix) = (account.inbox().clone(), account.prefix());
    if choice.verbose {
        let behind = |events: u64| count(prefix.events - events, "event");
        say(&match account.machine().restored_from() {
            Some(events) => format!(
                "{place}: read the snapshot of {} and {} behind it",
                count(events, "event"),
                behind(events)
            ),
            None => format!("{place}: read {}, as there is no snapshot", behind(0)),
        });
    }
    let mut tally = Tally::of(LogPrefix { skipped: account.machine().skipped_events(), ..prefix });
    let last = last_instant(account.store(), &owner, prefix, place)?;
    tally.newest = inbox.latest_activity().max(last);
    Ok((inbox, tally))
}

/// When the last event of a log happened, if this version knows its type.
fn last_instant(
    store: &mut Store,
    owner: &UserId,
    prefix: LogPrefix,
    place: &StoreAddress,
) -> Result<Option<Timestamp>, Failure> {
    let before = prefix.events.saturating_sub(1);
    let page = match store.read(&owner.into(), before, 1) {
        // The snapshot stands for all there is, and the events are in an archive.
        Err(error) if store.is_trimmed(&error) => return Ok(None),
        page => page.map_err(|error| place.failed("cannot be read", error))?,
    };
    Ok(page.events.last().and_then(|event| match decode_line(&event.bytes) {
        Ok(LoggedEvent::Known(event)) => Some(event.at()),
        _ => None,
    }))
}

/// What was asked to be shown.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The log, store or snapshot.
    pub source: &'a Source,
    /// The snapshot of the log that was gone on from.
    pub snapshot: Option<&'a Path>,
    pub choice: &'a Choice,
    pub policy: Policy,
}

/// Prints what `render` makes of an inbox. Where that touched a part of a snapshot that is corrupt or cannot be read,
/// nothing of it is printed. One that has its log, in a store or beside it: the reason is told, the whole log is folded,
/// and what that renders is printed.
pub fn print(
    asked: Asked<'_>,
    (inbox, tally): (Inbox, Tally),
    render: impl Fn(&mut dyn Write, &Inbox, &Tally) -> Result<(), Failure>,
) -> Result<Verdict, Failure> {
    let Asked { source, snapshot, choice, policy } = asked;
    // The process ends with what is printed, and the system takes all memory back at once.
    let inbox = ManuallyDrop::new(inbox);
    let mut out = stdout();
    let is_stored = matches!(source, Source::Store(_));
    if !is_stored && snapshot.is_none() && !snapshot::is_one(source) {
        render(&mut out, &inbox, &tally)?;
        out.flush()?;
        return Ok(tally.verdict());
    }
    let mut shown = Vec::new();
    let rendered = render(&mut shown, &inbox, &tally);
    let (rendered, tally) = match inbox.faults().next() {
        None => (rendered, tally),
        Some((_, fault)) => {
            let why = inbox.outage().map_or_else(|| fault.to_string(), ToString::to_string);
            let (inbox, tally) = match snapshot {
                Some(snapshot) => snapshot::refold(source, (snapshot, &why), choice, policy)?,
                None if is_stored => {
                    say(&format!("{source}: its snapshot is not used: {why}; folding the whole log"));
                    fold_whole(source, choice, policy)?
                }
                None => {
                    return Err(match inbox.outage() {
                        Some(error) => Failure::unread(source, io::Error::other(error.clone())),
                        None => Failure::Fault { place: source.to_string(), what: fault.to_string() },
                    });
                }
            };
            shown.clear();
            (render(&mut shown, &inbox, &tally), tally)
        }
    };
    rendered?;
    out.write_all(&shown)?;
    out.flush()?;
    Ok(tally.verdict())
}
