//! What stays of segments whose events were moved to an archive: where the log was cut, the snapshot that stands for what
//! is before it, and the ids and commands, by which doubles are still told.
//!
//! ```text
//! u8 form (1)
//! uint count of events; for each 16 bytes id
//! uint count of runs of events of one command; for each: uint events since the run before, uint length, 16 bytes command
//! ```

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use chatfold_layout::segment;
use chatfold_layout::uint::{self, take, uint};
use rusqlite::{Connection, params};

use crate::SqliteError;
use crate::rows::{self, Number, signed};

/// The table of ids, as errors name it.
pub(crate) const IDS: &str = "chatfold_trimmed_ids";

/// The form of ids that this version writes and reads.
const FORM: u8 = 1;

/// Ids as bytes, and the checksum of the segment that they are of.
pub(crate) type Written = (Vec<u8>, u128);

/// Where a log was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The log up to the last event that was moved.
    pub(crate) prefix: LogPrefix,
    /// What the snapshot stands for that was held against the events when they were moved.
    pub(crate) base: LogPrefix,
    /// Where they were moved to, as it was named then.
    pub(crate) archive: String,
}

/// Where the log of an inbox was cut, if it was.
pub(crate) fn cut(connection: &Connection, number: Number) -> Result<Option<Cut>, SqliteError> {
    let sql = "SELECT position, hash, base, base_hash, archive FROM chatfold_trimmed WHERE inbox = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let base: i64 = row.get("base")?;
    let hash = u128::from_be_bytes(rows::sixteen(row, "base_hash")?);
    let base = LogPrefix { events: base.unsigned_abs(), skipped: 0, hash };
    Ok(Some(Cut { prefix: rows::prefix(row)?, base, archive: row.get("archive")? }))
}

/// Writes where a log is cut now.
pub(crate) fn set_cut(connection: &Connection, number: Number, cut: &Cut) -> Result<(), SqliteError> {
    let Cut { prefix, base, archive } = cut;
    let sql = "INSERT OR REPLACE INTO chatfold_trimmed (inbox, position, hash, base, base_hash, archive) \
               VALUES (?, ?, ?, ?, ?, ?)";
    let (hash, base_hash) = (prefix.hash.to_be_bytes(), base.hash.to_be_bytes());
    let row = params![number, signed(prefix.events), hash, signed(base.events), base_hash, archive];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Writes the ids of a segment.
pub(crate) fn set_ids(
    connection: &Connection,
    segment: i64,
    (ids, checksum): &Written,
) -> Result<(), SqliteError> {
    let sql = "INSERT OR REPLACE INTO chatfold_trimmed_ids (segment, ids, checksum) VALUES (?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![segment, ids, checksum.to_be_bytes()])?;
    Ok(())
}

/// The ids of a segment as they were written; `None` if there are none.
pub(crate) fn ids(connection: &Connection, segment: i64) -> Result<Option<Written>, SqliteError> {
    let sql = "SELECT ids, checksum FROM chatfold_trimmed_ids WHERE segment = ?";
    let mut find = connection.prepare_cached(sql)?;
    let mut rows = find.query([segment])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((row.get("ids")?, u128::from_be_bytes(rows::sixteen(row, "checksum")?))))
}

/// Removes what says that the log of an inbox was cut.
pub(crate) fn clear(connection: &Connection, number: Number) -> Result<(), SqliteError> {
    for sql in [
        "DELETE FROM chatfold_trimmed_ids \
         WHERE segment IN (SELECT segment FROM chatfold_segment WHERE inbox = ?)",
        "DELETE FROM chatfold_trimmed WHERE inbox = ?",
    ] {
        connection.prepare_cached(sql)?.execute([number])?;
    }
    Ok(())
}

/// The ids and commands of the events of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    ids: Vec<EventId>,
    /// Runs of events of one command: index of the first, how many, which.
    commands: Vec<(u64, u64, CommandId)>,
}

impl Ids {
    /// Those of events that stand one behind the other.
    pub(crate) fn of_events(events: &[StoredEvent]) -> Self {
        let runs = segment::runs(events).map(|(first, len, command)| (first as u64, len as u64, command));
        Self { ids: events.iter().map(|event| event.id).collect(), commands: runs.collect() }
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// All ids, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = EventId> {
        self.ids.iter().copied()
    }

    /// All commands, in order, one that stands in several runs more than once.
    pub(crate) fn commands(&self) -> impl Iterator<Item = CommandId> {
        self.commands.iter().map(|(.., command)| *command)
    }

    /// The index of an id.
    pub(crate) fn index_of(&self, id: EventId) -> Option<u64> {
        self.ids.iter().position(|known| *known == id).map(|index| index as u64)
    }

    /// The indices of the first and the last event of a command.
    pub(crate) fn of_command(&self, command: CommandId) -> Option<(u64, u64)> {
        let mut runs = self.commands.iter().filter(|(.., of)| *of == command);
        let first = runs.next()?;
        let last = runs.next_back().unwrap_or(first);
        Some((first.0, last.0 + last.1 - 1))
    }

    /// The command of the event of an index, if it had one.
    pub(crate) fn command_at(&self, index: u64) -> Option<CommandId> {
        let run = self.commands.iter().find(|(first, len, _)| (*first..first + len).contains(&index));
        run.map(|(.., command)| *command)
    }

    /// As bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        uint::put(&mut out, self.ids.len() as u64);
        self.ids.iter().for_each(|id| out.extend_from_slice(id.as_bytes()));
        uint::put(&mut out, self.commands.len() as u64);
        let mut behind = 0;
        for (first, len, command) in &self.commands {
            uint::put(&mut out, first - behind);
            uint::put(&mut out, *len);
            behind = first + len;
            out.extend_from_slice(command.as_bytes());
        }
        out
    }

    /// The ids of these bytes; `None` if they are none of this form.
    pub(crate) fn decode(mut from: &[u8]) -> Option<Self> {
        if take(&mut from, 1)? != [FORM] {
            return None;
        }
        let mut all = Self::default();
        for _ in 0..uint(&mut from)? {
            all.ids.push(EventId::from_bytes(take(&mut from, 16)?.try_into().ok()?));
        }
        let mut behind = 0_u64;
        for _ in 0..uint(&mut from)? {
            let first = behind.checked_add(uint(&mut from)?)?;
            let len = uint(&mut from)?.max(1);
            let command = CommandId::from_bytes(take(&mut from, 16)?.try_into().ok()?);
            behind = first.checked_add(len)?;
            all.commands.push((first, len, command));
        }
        from.is_empty().then_some(all)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_no_bytes_make_it_panic() {
        let event = |n: u8| {
            let command = (!n.is_multiple_of(4)).then(|| CommandId::from_bytes([n / 12; 16]));
            StoredEvent::new(EventId::from_bytes([n; 16]), command, LogPrefix::EMPTY, Vec::new())
        };
        let events: Vec<_> = (0..40).map(event).collect();
        let ids = Ids::of_events(&events);
        let bytes = ids.encode();
        assert_eq!(Ids::decode(&bytes), Some(ids.clone()));
        for (index, event) in (0..).zip(&events) {
            assert_eq!(ids.index_of(event.id), Some(index));
            assert_eq!(ids.command_at(index), event.command);
        }
        assert_eq!(ids.of_command(CommandId::from_bytes([1; 16])), Some((13, 23)));
        assert_eq!(ids.of_command(CommandId::from_bytes([9; 16])), None);
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                if let Some(ids) = Ids::decode(&damaged) {
                    let ranges = ids.commands().filter_map(|command| ids.of_command(command));
                    assert!(ranges.count() <= ids.commands().count());
                }
            }
            assert_eq!(Ids::decode(&bytes[..at]), None);
        }
    }
}
