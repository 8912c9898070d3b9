//! Writing to a log: batches and rows, and segments made of them.

use chatfold::id::CommandId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use chatfold_layout::keys::{MAX_SEGMENT, of_events};
use chatfold_layout::segment;
use rusqlite::{Connection, params};

use crate::SqliteError;
use crate::batches;
use crate::heads::{BATCH, SEGMENT, SegmentHead};
use crate::keys;
use crate::log::Log;
use crate::rows::{self, Number, signed};

/// How many segments one append makes of rows that a file of an older schema has, besides those of its own events.
const SEALED_AT_ONCE: usize = 2;

/// What fills a segment by itself takes up to so many segments of older rows along; with more of them, they are left to
/// later appends and the new events lie as rows for now.
const TAKEN_ALONG: usize = 16;

/// Inserts an event as a row.
pub(crate) fn insert(
    connection: &Connection,
    number: Number,
    event: &StoredEvent,
) -> Result<(), SqliteError> {
    let sql =
        "INSERT INTO chatfold_event (inbox, position, id, command, hash, bytes) VALUES (?, ?, ?, ?, ?, ?)";
    let hash = event.prefix.hash.to_be_bytes();
    let command = event.command.as_ref().map(CommandId::as_bytes);
    let row = params![number, signed(event.position()), event.id.as_bytes(), command, hash, event.bytes];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

impl Log<'_> {
    /// Writes events behind the end of the log: as a batch or as rows, and once there are `seal` of them as segments. What
    /// fills a segment, with those that wait for it, never becomes either.
    pub(crate) fn add(&mut self, new: &[StoredEvent], seal: usize) -> Result<(), SqliteError> {
        let Some(first) = new.first() else { return Ok(()) };
        let seal = seal.max(1);
        let sealed = self.sealed()?;
        let waiting =
            usize::try_from(first.position().saturating_sub(1 + sealed.events)).unwrap_or(usize::MAX);
        let all = waiting.saturating_add(new.len());
        let many_wait = waiting / seal > TAKEN_ALONG || (new.len() < seal && waiting >= seal);
        if all < seal || many_wait {
            self.add_unsealed(new)?;
            if all >= seal {
                self.seal(seal, SEALED_AT_ONCE)?;
            }
            return Ok(());
        }
        // What fills no segment with older events becomes one with the new.
        let mut pending = self.waiting(sealed, waiting)?;
        self.delete_waiting(i64::MAX.cast_unsigned())?;
        pending.extend_from_slice(new);
        let mut before = sealed;
        let mut keys = Vec::new();
        for events in pending.chunks_exact(seal) {
            let Some(made) = self.write_segment(before, events)? else { break };
            keys.extend(made);
            before = events.last().map_or(before, |event| event.prefix);
        }
        // All at once, in order, so that neighbours are written once.
        keys.sort_unstable();
        keys::insert_sealed(self.connection, &keys)?;
        let behind = usize::try_from(before.events - sealed.events).unwrap_or(usize::MAX);
        self.add_unsealed(pending.get(behind..).unwrap_or_default())
    }

    /// Writes events behind the end of the log: as batches, the first with the rows before it, if there are enough, and as
    /// rows otherwise.
    fn add_unsealed(&mut self, new: &[StoredEvent]) -> Result<(), SqliteError> {
        let mut rest = new;
        while !rest.is_empty() {
            let mut len_bytes = 0;
            let fits = |event: &&StoredEvent| {
                len_bytes += event.bytes.len();
                len_bytes <= batches::MOST_LEN_BYTES
            };
            let len = rest.iter().take(batches::MOST).take_while(fits).count().max(1);
            let (some, behind) = rest.split_at(len);
            self.add_few(some)?;
            rest = behind;
        }
        Ok(())
    }

    fn add_few(&mut self, new: &[StoredEvent]) -> Result<(), SqliteError> {
        let as_rows = || new.iter().try_for_each(|event| insert(self.connection, self.number, event));
        let Some(first) = new.first().filter(|_| new.len() >= batches::LEAST) else { return as_rows() };
        let sealed = self.sealed()?;
        let batched = self.batched_behind(sealed)?;
        let rows = first.position().saturating_sub(1 + batched.events);
        if rows > batches::MOST as u64 || batched.events.saturating_sub(sealed.events) >= batches::ALL {
            return as_rows();
        }
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        if rows == 0 {
            return self.write_batch(batched, new);
        }
        let mut events = rows::events(self.connection, self.number, batched.events, rows)?;
        self.hold(batched, &events)?;
        self.delete_rows(i64::MAX.cast_unsigned())?;
        events.extend_from_slice(new);
        self.write_batch(batched, &events)
    }

    /// Writes events, which stand behind `before`, as a batch.
    fn write_batch(&self, before: LogPrefix, events: &[StoredEvent]) -> Result<(), SqliteError> {
        let bytes = segment::encoded(self.owner, before, events)
            .ok_or_else(|| self.damaged(BATCH, before.events + 1, "what came cannot be read back"))?;
        batches::write(self.connection, (self.owner, self.number), before, events, &bytes)
    }

    /// Seals what waits for it, the oldest first, in at most so many segments of `seal` events, or a few more where a batch
    /// ends. Returns whether there are enough left for another one.
    pub(crate) fn seal(&mut self, seal: usize, segments: usize) -> Result<bool, SqliteError> {
        for _ in 0..segments {
            let before = self.sealed()?;
            let events = self.waiting(before, seal)?;
            if events.len() < seal {
                return Ok(false);
            }
            let Some(keys) = self.write_segment(before, &events)? else { return Ok(false) };
            keys::insert_sealed(self.connection, &keys)?;
            self.delete_waiting(events.last().map_or(0, StoredEvent::position))?;
        }
        Ok(self.last()?.events.saturating_sub(self.sealed()?.events) >= seal as u64)
    }

    /// The events behind what is sealed, held against the log before each: `len` of them, or as many as there are, or a few
    /// more where a batch ends.
    fn waiting(&mut self, sealed: LogPrefix, len: usize) -> Result<Vec<StoredEvent>, SqliteError> {
        let (mut events, mut before) = (Vec::new(), sealed);
        while events.len() < len
            && let Some(head) = batches::behind(self.connection, self.number, before.events)?
        {
            if head.before != before {
                let what = "the batch does not follow what is before it";
                return Err(self.damaged(BATCH, before.events + 1, what));
            }
            events.extend_from_slice(&self.events_of(&head)?);
            before = head.last;
        }
        if events.len() < len {
            let rows = rows::events(self.connection, self.number, before.events, len - events.len())?;
            self.hold(before, &rows)?;
            events.extend(rows);
        }
        Ok(events)
    }

    /// Holds rows against the log before them: what is damaged is never sealed as if it were sound.
    fn hold(&self, mut before: LogPrefix, events: &[StoredEvent]) -> Result<(), SqliteError> {
        for event in events {
            if !event.follows(before) {
                let what = "the event does not follow what is before it";
                return Err(self.damaged("chatfold_event", before.events + 1, what));
            }
            before = event.prefix;
        }
        Ok(())
    }

    /// Removes batches and rows up to this position: their events are written elsewhere.
    fn delete_waiting(&self, through: u64) -> Result<(), SqliteError> {
        batches::delete(self.connection, self.number, through)?;
        self.delete_rows(through)
    }

    fn delete_rows(&self, through: u64) -> Result<(), SqliteError> {
        let mut delete =
            self.connection.prepare_cached("DELETE FROM chatfold_event WHERE inbox = ? AND position <= ?")?;
        delete.execute([self.number, signed(through)])?;
        Ok(())
    }

    /// Writes events as a segment, and returns their keys, which are still to be written; `None` if there is no number
    /// left for it.
    fn write_segment(
        &mut self,
        before: LogPrefix,
        events: &[StoredEvent],
    ) -> Result<Option<Vec<i64>>, SqliteError> {
        let last = events.last().map_or(before, |event| event.prefix);
        let bytes = segment::encoded(self.owner, before, events)
            .ok_or_else(|| self.damaged(SEGMENT, before.events + 1, "what was sealed cannot be read back"))?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO chatfold_segment (inbox, before, before_hash, last, last_hash, checksum) VALUES (?, ?, ?, ?, ?, ?)",
        )?;
        let checksum = segment::checksum(self.owner, before, last, &bytes).to_be_bytes();
        insert.execute(params![
            self.number,
            signed(before.events),
            before.hash.to_be_bytes(),
            signed(last.events),
            last.hash.to_be_bytes(),
            checksum
        ])?;
        let number = self.connection.last_insert_rowid();
        if number > MAX_SEGMENT {
            self.connection.execute("DELETE FROM chatfold_segment WHERE segment = ?", [number])?;
            return Ok(None);
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO chatfold_segment_bytes (segment, bytes) VALUES (?, ?)")?;
        insert.execute(params![number, bytes])?;
        Ok(Some(of_events(self.number, number, events)))
    }

    /// Writes where a segment stands now and, if they are others, its bytes.
    pub(crate) fn replace_segment(
        &self,
        head: &SegmentHead,
        (before, last): (LogPrefix, LogPrefix),
        (bytes, rewritten): (&[u8], bool),
    ) -> Result<(), SqliteError> {
        if head.is_batch() {
            return batches::replace(self.connection, (self.owner, self.number), (before, last), bytes);
        }
        let checksum = segment::checksum(self.owner, before, last, bytes).to_be_bytes();
        let sql =
            "UPDATE chatfold_segment SET before_hash = ?, last_hash = ?, checksum = ? WHERE segment = ?";
        let (before, last) = (before.hash.to_be_bytes(), last.hash.to_be_bytes());
        self.connection.prepare_cached(sql)?.execute(params![before, last, checksum, head.number])?;
        if rewritten {
            let sql = "UPDATE chatfold_segment_bytes SET bytes = ? WHERE segment = ?";
            self.connection.prepare_cached(sql)?.execute(params![bytes, head.number])?;
        }
        Ok(())
    }
}
