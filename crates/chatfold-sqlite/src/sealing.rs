//! Writing to a log: rows, and segments made of them.

use chatfold::id::CommandId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use chatfold_layout::keys::{MAX_SEGMENT, of_events};
use chatfold_layout::segment;
use rusqlite::{Connection, params};

use crate::SqliteError;
use crate::keys;
use crate::log::{Log, SEGMENT, SegmentHead};
use crate::rows::{self, Number, signed};

/// How many segments one append makes of rows that a file of an older schema has, besides those of its own events.
const SEALED_AT_ONCE: usize = 2;

/// A batch that fills a segment by itself takes up to so many segments of older rows along; with more of them, they
/// are left to later appends and the batch lies as rows for now.
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
    /// Writes events behind the end of the log: as rows, and once there are `seal` of them as segments. What fills a
    /// segment by itself never becomes rows.
    pub(crate) fn add(&mut self, new: &[StoredEvent], seal: usize) -> Result<(), SqliteError> {
        let Some(first) = new.first() else { return Ok(()) };
        let seal = seal.max(1);
        let sealed = self.sealed()?;
        let rows = usize::try_from(first.position() - 1 - sealed.events).unwrap_or(usize::MAX);
        if new.len() < seal || rows / seal > TAKEN_ALONG {
            for event in new {
                insert(self.connection, self.number, event)?;
            }
            if rows.saturating_add(new.len()) >= seal {
                self.seal(seal, SEALED_AT_ONCE)?;
            }
            return Ok(());
        }
        // What fills no segment with older rows becomes one with the new.
        let mut pending = self.take_rows(sealed, rows)?;
        pending.extend_from_slice(new);
        let mut before = sealed;
        let mut keys = Vec::new();
        let whole = pending.chunks_exact(seal);
        let rest = whole.remainder();
        for events in whole {
            let Some(made) = self.write_segment(before, events)? else { break };
            keys.extend(made);
            before = events.last().map_or(before, |event| event.prefix);
        }
        // All at once, in order, so that neighbours are written once.
        keys.sort_unstable();
        keys::insert_sealed(self.connection, &keys)?;
        let left = pending.iter().filter(|event| event.position() > before.events);
        debug_assert!(left.clone().count() >= rest.len());
        left.into_iter().try_for_each(|event| insert(self.connection, self.number, event))
    }

    /// Seals rows, the oldest first, in at most so many segments of `seal` events. Returns whether there are enough
    /// rows left for another one.
    pub(crate) fn seal(&mut self, seal: usize, segments: usize) -> Result<bool, SqliteError> {
        for _ in 0..segments {
            let before = self.sealed()?;
            let events = rows::events(self.connection, self.number, before.events, seal)?;
            if events.len() < seal {
                return Ok(false);
            }
            self.hold(before, &events)?;
            let Some(keys) = self.write_segment(before, &events)? else { return Ok(false) };
            keys::insert_sealed(self.connection, &keys)?;
            self.delete_rows(events.last().map_or(0, StoredEvent::position))?;
        }
        let next = rows::events(self.connection, self.number, self.sealed()?.events + seal as u64 - 1, 1)?;
        Ok(!next.is_empty())
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

    /// The rows behind what is sealed, which are that many; they are no rows any more.
    fn take_rows(&mut self, sealed: LogPrefix, rows: usize) -> Result<Vec<StoredEvent>, SqliteError> {
        if rows == 0 {
            return Ok(Vec::new());
        }
        let events = rows::events(self.connection, self.number, sealed.events, rows)?;
        self.hold(sealed, &events)?;
        self.delete_rows(i64::MAX.cast_unsigned())?;
        Ok(events)
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
