//! `chatfold store check`: is a store what was written, and what of it follows from its logs anew?

use std::io::Write as _;

use chatfold::Inbox;
use chatfold::shared::{StreamId, Timeline};
use chatfold::snapshot::{LogPrefix, SnapshotError, SnapshotInfo};
use chatfold::store::{EventStore as _, Head, LogCursor, SnapshotStore as _, StoredSnapshot};

use super::{Store, StoreAddress, StoreError};
use crate::args::StoreCheckArgs;
use crate::failure::{Failure, Verdict};
use crate::log::count;
use crate::output::stdout;

/// How many events are read at once.
const CHUNK: usize = 1_000;

/// What was looked at, and what is wrong, a sentence each.
#[derive(Default)]
struct Found {
    inboxes: u64,
    damage: Vec<String>,
}

/// Runs the command.
pub fn run(args: &StoreCheckArgs) -> Result<Verdict, Failure> {
    let place = StoreAddress::of_store(&args.store)?;
    let failed = |error| place.failed("cannot be checked", error);
    let stream = place.stream()?;
    let mut store = place.open(false)?;
    if let Some(stream) = &stream
        && store.head(stream).is_ok_and(|head| head == Head::EMPTY)
        && !store.streams().map_err(failed)?.contains(stream)
    {
        return Err(place.unknown());
    }
    let found = look(&mut store, stream.as_ref()).map_err(failed)?;
    drop(store);
    let mut out = stdout();
    for damage in &found.damage {
        writeln!(out, "{place}: {damage}")?;
    }
    let mut left = found.damage.len() as u64;
    if args.repair && left > 0 {
        let mut store = place.open(true)?;
        for mended in store.repair(&place, stream.clone())? {
            writeln!(out, "{place}: mended: {mended}")?;
        }
        left = look(&mut store, stream.as_ref()).map_err(failed)?.damage.len() as u64;
    }
    let inboxes = count(found.inboxes, "inbox");
    match left {
        0 => writeln!(out, "{place}: sound, {inboxes}")?,
        left => writeln!(out, "{place}: {} in {inboxes}", count(left, "fault"))?,
    }
    out.flush()?;
    Ok(Verdict::of(left == 0))
}

/// Looks at all of a store, or at one inbox if one is named.
fn look(store: &mut Store, named: Option<&StreamId>) -> Result<Found, StoreError> {
    let mut found = Found::default();
    if let Some(owner) = named {
        let own = store.own_check_of(owner)?;
        let damage = if own.is_empty() { inbox(store, owner)? } else { own };
        return Ok(Found { inboxes: 1, damage });
    }
    if let Some(damage) = store.own_check()? {
        found.inboxes = store.streams().map_or(0, |streams| streams.len() as u64);
        found.damage = damage;
        return Ok(found);
    }
    for stream in store.streams()? {
        found.inboxes += 1;
        found.damage.extend(inbox(store, &stream)?);
    }
    Ok(found)
}

/// Looks at one stream: every event against the hash beside it, and the newest snapshot against the log.
fn inbox(store: &mut Store, owner: &StreamId) -> Result<Vec<String>, StoreError> {
    let snapshot = store.latest(owner, u64::MAX)?;
    let (mut cursor, mut damage) = (LogCursor::after(store.beginning(owner)?), Vec::new());
    // An empty log has a snapshot too, and a trimmed one may have one of where it begins here.
    let mut stands_for = snapshot.as_ref().is_none_or(|snapshot| snapshot.prefix == cursor.prefix());
    loop {
        let page = store.read(owner, cursor.position(), CHUNK)?;
        let taken = cursor.take_in(&page);
        let kept = snapshot.as_ref().map(|snapshot| snapshot.prefix);
        stands_for |= page.events.iter().any(|event| Some(event.prefix) == kept);
        match taken {
            Ok(false) => {}
            Ok(true) => break,
            Err(broken) => {
                damage.push(format!("the log of {owner:#}: {broken}"));
                break;
            }
        }
    }
    if let Some(snapshot) = snapshot {
        let position = snapshot.prefix.events;
        if !stands_for && damage.is_empty() {
            damage.push(format!("the snapshot of {owner:#} at position {position} is not of this log"));
        }
        damage.extend(
            wrong(snapshot, owner)
                .map(|what| format!("the snapshot of {owner:#} at position {position}: {what}")),
        );
    }
    Ok(damage)
}

/// What is wrong with the bytes of a snapshot. One that another version wrote is not: it will not be used.
fn wrong(snapshot: StoredSnapshot, stream: &StreamId) -> Option<String> {
    let restored = match stream {
        StreamId::Account(owner) => SnapshotInfo::read(&snapshot.bytes)
            .and_then(|info| Inbox::restore(snapshot.bytes, owner, info.policy))
            .map(|(inbox, _)| inbox.verify().err().map(|fault| fault.to_string())),
        StreamId::Conversation(id) => Timeline::restore(snapshot.bytes, id).map(|_| None),
        StreamId::Directory => Ok(None),
    };
    match restored {
        Err(SnapshotError::Version { .. } | SnapshotError::Schema { .. }) => None,
        Err(error) => Some(error.to_string()),
        Ok(fault) => fault,
    }
}

impl Store {
    /// Where the log of an inbox begins in the store: behind what was moved to an archive.
    fn beginning(&mut self, owner: &StreamId) -> Result<LogPrefix, StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => Ok(store.trimmed(owner)?.map_or(LogPrefix::EMPTY, |(prefix, _)| prefix)),
            _ => {
                let _ = owner;
                Ok(LogPrefix::EMPTY)
            }
        }
    }

    /// What the store itself finds wrong with all that it keeps; `None` for one that has no such check.
    fn own_check(&mut self) -> Result<Option<Vec<String>>, StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => {
                let damage = store.check()?;
                Ok(Some(damage.iter().map(ToString::to_string).collect()))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres { store, .. } => {
                let damage = store.check()?;
                Ok(Some(damage.iter().map(ToString::to_string).collect()))
            }
            Self::Absent(never) => match *never {},
        }
    }

    /// What the store itself finds wrong with one inbox: what it would find of it in all that it keeps.
    fn own_check_of(&mut self, owner: &StreamId) -> Result<Vec<String>, StoreError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => Ok(store.check_inbox(owner)?.iter().map(ToString::to_string).collect()),
            #[cfg(feature = "postgres")]
            Self::Postgres { store, .. } => {
                Ok(store.check_inbox(owner)?.iter().map(ToString::to_string).collect())
            }
            Self::Absent(never) => {
                let _ = owner;
                match *never {}
            }
        }
    }

    /// Mends what follows from the logs, of all inboxes or of the one that is named. Returns what was mended.
    fn repair(&mut self, place: &StoreAddress, named: Option<StreamId>) -> Result<Vec<String>, Failure> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(store) => {
                let failed =
                    |error: chatfold_sqlite::SqliteError| place.failed("cannot be mended", error.into());
                let streams = match named {
                    Some(stream) => vec![stream],
                    None => store.streams().map_err(failed)?,
                };
                let mut mended = Vec::new();
                for stream in streams {
                    mended.extend(store.repair(&stream).map_err(failed)?.iter().map(ToString::to_string));
                }
                Ok(mended)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres { store, .. } => {
                let failed =
                    |error: chatfold_postgres::PostgresError| place.failed("cannot be mended", error.into());
                let streams = match named {
                    Some(stream) => vec![stream],
                    None => store.streams(None, usize::MAX).map_err(failed)?,
                };
                let mut mended = Vec::new();
                for stream in streams {
                    mended.extend(store.repair(&stream).map_err(failed)?.iter().map(ToString::to_string));
                }
                Ok(mended)
            }
            Self::Absent(never) => {
                let _ = (place, named);
                match *never {}
            }
        }
    }
}
