//! `chatfold store trim` and `unarchive`: older events in an archive, and back.

use std::io::Write as _;

use chatfold::UserId;

use super::{Store, StoreAddress};
use crate::args::{StoreTrimArgs, StoreUnarchiveArgs};
use crate::failure::{Failure, Verdict};
use crate::log::count;
use crate::output::stdout;

/// Runs `store trim`.
pub fn run(args: &StoreTrimArgs) -> Result<Verdict, Failure> {
    let place = StoreAddress::of_store(&args.store)?;
    let (mut store, owner) = place.open_to_move()?;
    said(&place, &store.trim(&place, &owner, args)?)
}

/// Runs `store unarchive`.
pub fn put_back(args: &StoreUnarchiveArgs) -> Result<Verdict, Failure> {
    let place = StoreAddress::of_store(&args.store)?;
    let (mut store, owner) = place.open_to_move()?;
    let events = store.restore_archive(&place, &owner, args)?;
    let archive = args.archive.display();
    said(
        &place,
        &match events {
            0 => "nothing of it is in an archive".to_owned(),
            events => format!("{} put back from {archive}, which stays", count(events, "event")),
        },
    )
}

fn said(place: &StoreAddress, what: &str) -> Result<Verdict, Failure> {
    let mut out = stdout();
    writeln!(out, "{place}: {what}")?;
    out.flush()?;
    Ok(Verdict::Sound)
}

impl StoreAddress {
    /// Opens an inbox that is there, to be written.
    fn open_to_move(&self) -> Result<(Store, UserId), Failure> {
        let (_, owner, _) = self.open_there()?;
        Ok((self.open(true)?, owner))
    }

    /// Only one kind of store has archives.
    fn has_no_archive(&self) -> Failure {
        Failure::Usage(format!(
            "{self}: only an inbox in SQLite has an archive: it is named sqlite:PATH#OWNER"
        ))
    }
}

#[cfg(feature = "sqlite")]
impl Store {
    fn trim(
        &mut self,
        place: &StoreAddress,
        owner: &UserId,
        args: &StoreTrimArgs,
    ) -> Result<String, Failure> {
        let Self::Sqlite(store) = self else { return Err(place.has_no_archive()) };
        let trimmed = store.trim(owner, args.through, &args.archive).map_err(|error| match error {
            chatfold_sqlite::SqliteError::Unverified { .. } => Failure::Refused(format!("{place}: {error}")),
            error => place.failed("cannot be trimmed", error.into()),
        })?;
        let rests = match trimmed.through {
            0 => "; no segment of it is older than a snapshot".to_owned(),
            through => format!(
                "; those through position {through} are in an archive, and the snapshot at position {} stands for them",
                trimmed.base
            ),
        };
        let moved = count(trimmed.events, "event");
        Ok(format!("{moved} moved to {}{rests}", args.archive.display()))
    }

    fn restore_archive(
        &mut self,
        place: &StoreAddress,
        owner: &UserId,
        args: &StoreUnarchiveArgs,
    ) -> Result<u64, Failure> {
        let Self::Sqlite(store) = self else { return Err(place.has_no_archive()) };
        let restored = store.restore_archive(owner, &args.archive);
        restored.map_err(|error| place.failed("the archive cannot be put back", error.into()))
    }
}

#[cfg(not(feature = "sqlite"))]
impl Store {
    fn trim(&mut self, place: &StoreAddress, _: &UserId, _: &StoreTrimArgs) -> Result<String, Failure> {
        Err(place.has_no_archive())
    }

    fn restore_archive(
        &mut self,
        place: &StoreAddress,
        _: &UserId,
        _: &StoreUnarchiveArgs,
    ) -> Result<u64, Failure> {
        Err(place.has_no_archive())
    }
}
