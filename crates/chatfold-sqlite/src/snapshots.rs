//! The port of snapshots, filled.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chatfold::shared::StreamId;
use chatfold::store::{FoundSnapshot, Head, SnapshotStore, StoredSnapshot};
use chatfold_layout::pages::Fault;
use rusqlite::Connection;

use crate::log::Log;
use crate::pages::{self, Cut, Known};
use crate::rows::{self, signed};
use crate::schema::{self, Claim, Found, Snapshots, begin};
use crate::source::{Paged, Reader};
use crate::store::save_within;
use crate::{Options, SqliteError, SqliteStore};

impl SqliteStore {
    /// Looks up which pages of a snapshot the file has. Where many are missing, they are written in transactions of
    /// their own, so that no other writer waits long for one: each only if `is_due` of the log as it then stands, since of a
    /// log that was erased or rewritten meanwhile nothing may come back.
    pub(crate) fn write_ahead(
        &mut self,
        inbox: &StreamId,
        cut: &Cut<'_>,
        mut is_due: impl FnMut(&mut Log<'_>, Head) -> Result<bool, SqliteError>,
    ) -> Result<Known, SqliteError> {
        let suspect = self.suspect.swap(false, Ordering::Relaxed);
        let moment = self.connection.transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(Known::default()) };
        let mut known = Known::read(&moment, number, suspect)?;
        moment.commit()?;
        let missing = cut.missing(&known);
        if missing.len() <= pages::AT_ONCE || self.options.read_only {
            return Ok(known);
        }
        for some in missing.chunks(pages::AT_ONCE) {
            let transaction = begin(&mut self.connection)?;
            let Some((mut log, head)) = Log::find_inbox(&transaction, &mut self.cache, inbox)? else { break };
            if !is_due(&mut log, head)? {
                break;
            }
            known = known.refreshed(&transaction, number)?;
            known.write_ahead(&transaction, (inbox, number), cut, some)?;
            transaction.commit()?;
        }
        Ok(known)
    }

    /// Whether a snapshot is one of the log as it stands.
    fn is_of_log(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, SqliteError> {
        let moment = self.connection.transaction()?;
        let Some((mut log, _)) = Log::find_inbox(&moment, &mut self.cache, inbox)? else {
            return Ok(false);
        };
        Ok(log.prefix_at(snapshot.prefix.events)? == Some(snapshot.prefix))
    }

    /// The connection that snapshots are read by range over, opened now if it was not before; `None` if the database is
    /// in no file.
    fn reader(&mut self) -> Result<Option<Arc<Reader>>, SqliteError> {
        if self.reader.is_none() {
            let Some(path) = self.connection.path().filter(|path| !path.is_empty()) else { return Ok(None) };
            if self.shared {
                let reader = self.reader_of_shared(path);
                self.reader = reader.map(|reader| Arc::new(Reader::new(reader, Arc::clone(&self.suspect))));
                return Ok(self.reader.clone());
            }
            // It is opened as the store is, so that the last connection to the file tidies up, whichever it is; but
            // it writes nothing.
            let mut connection = Self::connect(path.as_ref(), &self.options)?;
            if self.options.read_only {
                // A file of an older schema has the names of the newest for this connection too.
                schema::migrate(&mut connection, &self.options, Claim::Alone)?;
            }
            connection.pragma_update(None, "query_only", true)?;
            self.reader = Some(Arc::new(Reader::new(connection, Arc::clone(&self.suspect))));
        }
        Ok(self.reader.clone())
    }

    /// A second connection to the file of a connection of the caller's; `None` where there can be none that reads while
    /// the first has a transaction under way.
    fn reader_of_shared(&self, path: &str) -> Option<Connection> {
        let pragma = |sql| self.connection.query_row(sql, [], |row| row.get::<_, String>(0)).ok();
        let unlocked = pragma("PRAGMA main.locking_mode")?.eq_ignore_ascii_case("normal");
        if !unlocked || !schema::journal(&self.connection).ok()?.eq_ignore_ascii_case("wal") {
            return None;
        }
        let read_only = Options { read_only: true, ..self.options.clone() };
        let connection = Self::connect(path.as_ref(), &read_only).ok()?;
        let found = Found::look(&connection).ok()?;
        found.newest().ok().map(|()| connection)
    }

    /// The newest snapshot of a file whose schema keeps each as one value.
    fn latest_whole(&self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, SqliteError> {
        let moment = self.connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(None) };
        let sql = "SELECT position, hash, bytes FROM snapshot \
                   WHERE inbox = ? AND position <= ? ORDER BY position DESC LIMIT 1";
        let mut statement = moment.prepare_cached(sql)?;
        let mut rows = statement.query([number, signed(through)])?;
        rows.next()?.map(rows::snapshot).transpose()
    }

    /// The error of a snapshot that cannot be read.
    fn damaged_snapshot(&self, inbox: &StreamId, position: i64, fault: Fault) -> SqliteError {
        self.suspect.store(true, Ordering::Relaxed);
        let position = position.unsigned_abs();
        SqliteError::DamagedAt {
            inbox: inbox.clone(),
            table: pages::table(fault),
            position,
            what: fault.what(),
        }
    }
}

impl SnapshotStore for SqliteStore {
    /// A snapshot of which a page is damaged is passed over; that is told where no other is left.
    fn latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, SqliteError> {
        self.look_again()?;
        if self.snapshots == Snapshots::Whole {
            return self.latest_whole(inbox, through);
        }
        let moment = self.connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(None) };
        let mut damaged = None;
        for kept in pages::kept(&moment, inbox, number, through)? {
            let read = match &kept.list {
                Some((prefix, directory)) => {
                    pages::whole(&moment, number, directory)?.map(|bytes| StoredSnapshot::new(*prefix, bytes))
                }
                None => Err(Fault::List),
            };
            match read {
                Ok(snapshot) => return Ok(Some(snapshot)),
                Err(fault) => damaged = damaged.or(Some(self.damaged_snapshot(inbox, kept.position, fault))),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// Pages are read when they are asked for, over a connection that is opened with the first snapshot and shared by
    /// all, and held against their hash. A page that is damaged fails each read of it: [`SnapshotStore::latest`] passes
    /// over such a snapshot, and the next one kept brings the page anew.
    fn open_latest(&mut self, inbox: &StreamId, through: u64) -> Result<Option<FoundSnapshot>, SqliteError> {
        self.look_again()?;
        let reader = if self.snapshots == Snapshots::Paged { self.reader()? } else { None };
        let Some(reader) = reader else {
            return Ok(self.latest(inbox, through)?.map(FoundSnapshot::from));
        };
        // List and pages are read over one connection: they are of one file, whatever became of its name.
        let connection = reader.connection_of_now();
        let moment = connection.unchecked_transaction()?;
        let Some((number, _)) = rows::find(&moment, inbox)? else { return Ok(None) };
        let kept = pages::kept_until(&moment, inbox, number, through, |kept| kept.list.is_some())?;
        moment.commit()?;
        drop(connection);
        let damaged = kept.first().map(|kept| kept.position);
        match kept.into_iter().find_map(|kept| kept.list) {
            Some((prefix, directory)) => {
                let source = Arc::new(Paged::new(reader, number, directory));
                Ok(Some(FoundSnapshot { prefix, source }))
            }
            None => match damaged {
                Some(position) => Err(self.damaged_snapshot(inbox, position, Fault::List)),
                None => Ok(None),
            },
        }
    }

    /// Cuts and hashes before it has the file for writing; what it writes then is the pages that no snapshot of the inbox
    /// has yet.
    fn save(&mut self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, SqliteError> {
        if !self.is_of_log(inbox, snapshot)? {
            return Ok(false);
        }
        if self.snapshots == Snapshots::Whole {
            // Its tables of pages are views that stand for nothing: what refuses is that it may only be read.
            return Err(SqliteError::read_only());
        }
        let cut = Cut::new(snapshot);
        let is_due = |log: &mut Log<'_>, _| Ok(log.prefix_at(cut.prefix.events)? == Some(cut.prefix));
        let known = self.write_ahead(inbox, &cut, is_due)?;
        let transaction = begin(&mut self.connection)?;
        let kept = save_within((&transaction, &mut self.cache), inbox, &cut, known)?;
        transaction.commit()?;
        Ok(kept)
    }
}
