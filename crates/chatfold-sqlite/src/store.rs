//! The ports, filled.

use std::collections::{HashMap, HashSet};

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{
    Append, AppendError, Appended, Closed, EventStore, Head, Known, NewEvent, OutboxChange, Page, Plan,
    Received, RewriteError, SealedPage, StoredEvent, plan_import,
};
use rusqlite::{Connection, params};

use crate::log::{Cache, Log};
use crate::pages::{self, Cut};
use crate::schema::begin;
use crate::{SqliteError, SqliteStore};
use crate::{keys, outbox, rows};

/// How much of the file a handle holds once it has imported segments. Before it is what SQLite usually holds, 2 MiB.
const IMPORT_CACHE_KIB: i64 = 32 << 10;

pub(crate) type AppendResult<T> = Result<T, AppendError<SqliteError>>;

/// Every error of SQLite is the store's.
fn sqlite<E: From<SqliteError>>(error: rusqlite::Error) -> E {
    SqliteError::from(error).into()
}

impl<'t> Log<'t> {
    /// The log of an inbox and where it ends; `None` if nobody wrote it.
    pub(crate) fn find_inbox(
        connection: &'t Connection,
        cache: &'t mut Cache,
        owner: &'t StreamId,
    ) -> Result<Option<(Self, Head)>, SqliteError> {
        let known = rows::find(connection, owner)?;
        Ok(known.map(|(number, head)| (Self { connection, cache, owner, number }, head)))
    }

    /// The log of an inbox, made now if nobody wrote it before, and where it ends, for whoever writes to it.
    ///
    /// # Errors
    ///
    /// If the last event is not the one that the head names: events are missing at the end.
    pub(crate) fn to_write(
        connection: &'t Connection,
        cache: &'t mut Cache,
        owner: &'t StreamId,
    ) -> Result<(Self, Head), SqliteError> {
        match rows::find(connection, owner)? {
            Some((number, head)) => {
                let log = Self { connection, cache, owner, number };
                if log.last()? != head.prefix {
                    return Err(SqliteError::Damaged(format!(
                        "the log of {owner} does not end at position {} as its head says",
                        head.prefix.events
                    )));
                }
                Ok((log, head))
            }
            None => {
                let number = rows::make(connection, owner)?;
                Ok((Self { connection, cache, owner, number }, Head::EMPTY))
            }
        }
    }

    /// What is known of an append.
    fn known(&mut self, head: Head, append: &Append<'_>) -> Result<Known, SqliteError> {
        if head.prefix.events == 0 {
            return Ok(Known::new(head));
        }
        let command = append.command.map(|command| self.of_command(command)).transpose()?;
        let ids: Vec<_> = append.events.iter().map(|event| event.id).collect();
        let ids = self.known_ids(&ids, head.prefix)?;
        Ok(Known::new(head).with_command(command.flatten()).with_ids(ids))
    }

    /// First and last position of the events of a command.
    fn of_command(&mut self, command: CommandId) -> Result<Option<(u64, u64)>, SqliteError> {
        let sql = "SELECT min(position), max(position) FROM chatfold_event WHERE inbox = ? AND command = ?";
        let range: (Option<i64>, Option<i64>) = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![self.number, command.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let sealed = self.sealed_of_command(command)?;
        let (Some(first), Some(last)) = range else { return Ok(sealed) };
        let (first, last) = (first.unsigned_abs(), last.unsigned_abs());
        // A command's events may stand on both sides of where a segment ends.
        Ok(Some((sealed.map_or(first, |(before, _)| before), last)))
    }

    /// Those of these ids that the log, which ends here, has, with their positions.
    pub(crate) fn known_ids(
        &mut self,
        ids: &[EventId],
        last: LogPrefix,
    ) -> Result<Vec<(EventId, u64)>, SqliteError> {
        let sealed = self.sealed()?;
        let batched = self.batched_behind(sealed)?;
        let rows = last.events.saturating_sub(batched.events);
        let in_rows = rows::positions(self.connection, self.number, ids, rows)?;
        let in_batches = match batched.events.saturating_sub(sealed.events) {
            0 => HashMap::new(),
            _ => self.in_batches(ids)?,
        };
        let maybe_sealed = match sealed.events {
            0 => HashSet::new(),
            _ => keys::maybe_sealed(self.connection, self.number, ids)?,
        };
        let mut known = Vec::new();
        for id in ids {
            if let Some(position) = in_rows.get(id).or_else(|| in_batches.get(id)) {
                known.push((*id, *position));
            } else if maybe_sealed.contains(id) {
                known.extend(self.sealed_position(*id)?.map(|position| (*id, position)));
            }
        }
        Ok(known)
    }
}

impl SqliteStore {
    /// Changes whether a log is closed.
    fn close(&mut self, inbox: &StreamId, closed: Option<&Closed>, erase: bool) -> Result<Head, SqliteError> {
        let change = match (closed, erase) {
            (_, true) => OutboxChange::Erased,
            (Some(_), false) => OutboxChange::Fenced,
            (None, false) => OutboxChange::Reopened,
        };
        let transaction = begin(&mut self.connection)?;
        // A log that lacks its end can still be erased.
        let known = erase && rows::find(&transaction, inbox)?.is_some();
        let found = match known {
            true => Log::find_inbox(&transaction, &mut self.cache, inbox)?,
            false => Some(Log::to_write(&transaction, &mut self.cache, inbox)?),
        };
        let Some((log, mut head)) = found else { return Ok(Head::EMPTY) };
        // A log that has moved stays moved when it is erased here.
        let kept = head.closed.take().filter(|_| erase);
        head.closed = kept.or_else(|| closed.cloned());
        rows::set_closed(&transaction, inbox, head.closed.as_ref())?;
        if erase {
            log.erase()?;
            head.prefix = LogPrefix::EMPTY;
            rows::set_prefix(&transaction, inbox, head.prefix)?;
        }
        outbox::tell(&transaction, log.number, Some(change))?;
        transaction.commit()?;
        if erase {
            self.empty_write_ahead_log()?;
        }
        Ok(head)
    }

    /// What was overwritten in the file still stands in the write-ahead log until that is emptied. Readers may keep
    /// it from being so; a later checkpoint then does it.
    fn empty_write_ahead_log(&self) -> Result<(), SqliteError> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    /// Seals older rows of an inbox, at most so many segments of them, and returns whether there are enough left for
    /// another: a file of an older schema is sealed by its appends little by little, or by this at once.
    ///
    /// # Errors
    ///
    /// [`SqliteError`] if the file cannot be written, or a row is not what was appended.
    pub fn seal(&mut self, inbox: &StreamId, segments: usize) -> Result<bool, SqliteError> {
        let seal_events = self.options.seal_events;
        let transaction = begin(&mut self.connection)?;
        let Some((mut log, _)) = Log::find_inbox(&transaction, &mut self.cache, inbox)? else {
            return Ok(false);
        };
        let more = log.seal(seal_events, segments)?;
        transaction.commit()?;
        Ok(more)
    }
}

fn stored(append: &Append<'_>, prefixes: Vec<LogPrefix>) -> Vec<StoredEvent> {
    let stored = |(event, prefix): (&NewEvent, _)| {
        StoredEvent::new(event.id, append.command, prefix, event.bytes.clone())
    };
    append.events.iter().zip(prefixes).map(stored).collect()
}

/// Appends within a transaction, and keeps a snapshot that is due, cut and with the pages that are known of it.
pub(crate) fn append_within(
    (connection, cache): (&Connection, &mut Cache),
    seal_events: usize,
    inbox: &StreamId,
    append: &Append<'_>,
    snapshot: Option<(&Cut<'_>, pages::Known)>,
) -> AppendResult<Appended> {
    let (mut log, head) = Log::to_write(connection, cache, inbox)?;
    let known = log.known(head, append)?;
    let (prefixes, keep_snapshot) = match append.plan(&known)? {
        Plan::Repeat { first, last } => return Ok(Appended::repeated(first, last, known.head.prefix)),
        Plan::Write { prefixes, keep_snapshot } => (prefixes, keep_snapshot),
    };
    let prefix = prefixes.last().copied().unwrap_or(known.head.prefix);
    log.add(&stored(append, prefixes), seal_events)?;
    rows::set_prefix(connection, inbox, prefix)?;
    if let Some((cut, pages)) = snapshot.filter(|_| keep_snapshot) {
        pages::keep(connection, (inbox, log.number), cut, pages)?;
    }
    let first = append.expected + 1;
    outbox::tell(connection, log.number, outbox::appended(first, prefix.events))?;
    Ok(Appended::written(first, prefix.events, prefix))
}

/// Keeps a snapshot within a transaction; returns whether it is one of the log as it stands.
pub(crate) fn save_within(
    (connection, cache): (&Connection, &mut Cache),
    inbox: &StreamId,
    cut: &Cut<'_>,
    known: pages::Known,
) -> Result<bool, SqliteError> {
    let Some((mut log, _)) = Log::find_inbox(connection, cache, inbox)? else { return Ok(false) };
    if log.prefix_at(cut.prefix.events)? != Some(cut.prefix) {
        return Ok(false);
    }
    pages::keep(connection, (inbox, log.number), cut, known)?;
    Ok(true)
}

impl EventStore for SqliteStore {
    type Error = SqliteError;

    fn append(&mut self, inbox: &StreamId, append: &Append<'_>) -> AppendResult<Appended> {
        let cut = append.snapshot.map(Cut::new);
        let is_due = |_: &mut Log<'_>, head| {
            let plan = append.plan::<SqliteError>(&Known::new(head));
            Ok(matches!(plan, Ok(Plan::Write { keep_snapshot: true, .. })))
        };
        let pages = cut.as_ref().map(|cut| self.write_ahead(inbox, cut, is_due)).transpose()?;
        let transaction = begin(&mut self.connection)?;
        let within = (&*transaction, &mut self.cache);
        let snapshot = cut.as_ref().zip(pages);
        let appended = append_within(within, self.options.seal_events, inbox, append, snapshot)?;
        if !appended.repeated {
            transaction.commit().map_err(sqlite::<SqliteError>)?;
        }
        Ok(appended)
    }

    fn import(&mut self, inbox: &StreamId, events: &[StoredEvent]) -> AppendResult<Head> {
        if !self.shared && events.len() >= self.options.seal_events {
            // Keys are hashes: each batch touches most of their pages, and the next one does again.
            let update = self.connection.pragma_update(None, "cache_size", -IMPORT_CACHE_KIB);
            update.map_err(sqlite::<SqliteError>)?;
        }
        let transaction = begin(&mut self.connection)?;
        let (mut log, mut head) = Log::to_write(&transaction, &mut self.cache, inbox)?;
        plan_import(&head, events)?;
        if head.prefix.events > 0 {
            let ids: Vec<_> = events.iter().map(|event| event.id).collect();
            let known = log.known_ids(&ids, head.prefix)?;
            if !known.is_empty() {
                return Err(AppendError::Known { known: known.into_iter().map(|(id, _)| id).collect() });
            }
        }
        log.add(events, self.options.seal_events)?;
        let first = head.prefix.events + 1;
        head.prefix = events.last().map_or(head.prefix, |event| event.prefix);
        rows::set_prefix(&transaction, inbox, head.prefix)?;
        outbox::tell(&transaction, log.number, outbox::appended(first, head.prefix.events))?;
        transaction.commit().map_err(sqlite::<SqliteError>)?;
        Ok(head)
    }

    fn receive_many(
        &mut self,
        inboxes: &[StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, SqliteError> {
        self.receive_in_chunks(inboxes, events)
    }

    fn read(&mut self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, SqliteError> {
        self.look_again()?;
        // One transaction, so that head and events are of one moment.
        let transaction = self.connection.transaction()?;
        let Some((mut log, head)) = Log::find_inbox(&transaction, &mut self.cache, inbox)? else {
            return Ok(Page::new(Head::EMPTY, Vec::new()));
        };
        let events = log.events(after, limit)?;
        Ok(Page::new(head, events))
    }

    fn read_sealed(&mut self, inbox: &StreamId, after: u64) -> Result<Option<SealedPage>, SqliteError> {
        self.look_again()?;
        let transaction = self.connection.transaction()?;
        let Some((log, head)) = Log::find_inbox(&transaction, &mut self.cache, inbox)? else {
            return Ok(None);
        };
        Ok(log.records(after)?.map(|(before, last, records)| SealedPage::new(head, before, last, records)))
    }

    fn sealed_end(&mut self, inbox: &StreamId, after: u64) -> Result<Option<u64>, SqliteError> {
        self.look_again()?;
        let transaction = self.connection.transaction()?;
        let Some((log, _)) = Log::find_inbox(&transaction, &mut self.cache, inbox)? else {
            return Ok(None);
        };
        let head = log.segment_behind(after)?.filter(|head| head.before.events < after);
        Ok(head.map(|head| head.last.events))
    }

    fn is_trimmed(&self, error: &SqliteError) -> bool {
        matches!(error, SqliteError::Trimmed { .. })
    }

    fn find(&mut self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, SqliteError> {
        self.look_again()?;
        let transaction = self.connection.transaction()?;
        match Log::find_inbox(&transaction, &mut self.cache, inbox)? {
            Some((mut log, _)) => log.find(id),
            None => Ok(None),
        }
    }

    fn rewrite(
        &mut self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<SqliteError>> {
        let transaction = begin(&mut self.connection)?;
        let (mut log, mut head) = Log::to_write(&transaction, &mut self.cache, inbox)?;
        head.prefix = log.rewrite(head.prefix, events)?;
        rows::set_prefix(&transaction, inbox, head.prefix)?;
        log.drop_snapshots()?;
        let positions = events.iter().map(|(position, _)| *position);
        outbox::tell(&transaction, log.number, OutboxChange::of_rewriting(positions))?;
        transaction.commit().map_err(sqlite::<SqliteError>)?;
        self.cache.clear();
        self.empty_write_ahead_log()?;
        Ok(head)
    }

    fn fence(&mut self, inbox: &StreamId, to: &str) -> Result<Head, SqliteError> {
        self.close(inbox, Some(&Closed::Moved { to: to.to_owned() }), false)
    }

    fn erase(&mut self, inbox: &StreamId) -> Result<Head, SqliteError> {
        self.close(inbox, Some(&Closed::Erased), true)
    }

    fn reopen(&mut self, inbox: &StreamId) -> Result<Head, SqliteError> {
        self.close(inbox, None, false)
    }
}
