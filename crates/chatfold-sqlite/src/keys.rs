//! Which segments hold an id or a command: a hash of it and the segment's number in one integer, which is the whole row.
//!
//! ```text
//! 36 bits of hash | 28 bits of segment
//! ```
//!
//! A row takes about 14 bytes, where a unique index of ids takes 30. Hashes may collide: what a row names is looked into
//! before it counts, so a collision costs a look and nothing else.

use std::collections::HashSet;

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use rusqlite::Connection;

use crate::SqliteError;
use crate::rows::Number;

/// The bits that name a segment.
pub(crate) const SEGMENT_BITS: u32 = 28;

/// No segment has a greater number: what would have one stays as rows.
pub(crate) const MAX_SEGMENT: i64 = (1 << SEGMENT_BITS) - 1;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Event(EventId),
    Command(CommandId),
}

/// The key of what is wanted in an inbox, without a segment.
fn key(inbox: Number, wanted: Wanted) -> i64 {
    let (kind, id) = match wanted {
        Wanted::Event(id) => (0_u128, *id.as_bytes()),
        Wanted::Command(id) => (1, *id.as_bytes()),
    };
    let mut hash = LogPrefix { hash: u128::from(inbox.cast_unsigned()) << 1 | kind, ..LogPrefix::EMPTY };
    hash.push(&id);
    // Truncation is meant: any bits of the hash do.
    (hash.hash as u64 >> SEGMENT_BITS << SEGMENT_BITS).cast_signed()
}

/// The keys of the events of a segment, each once.
pub(crate) fn of_events(inbox: Number, segment: i64, events: &[StoredEvent]) -> Vec<i64> {
    let ids = events.iter().map(|event| event.id);
    of_ids(inbox, segment, ids, events.iter().filter_map(|event| event.command))
}

/// The keys of ids and commands of a segment, each once.
pub(crate) fn of_ids(
    inbox: Number,
    segment: i64,
    ids: impl Iterator<Item = EventId>,
    commands: impl Iterator<Item = CommandId>,
) -> Vec<i64> {
    let wanted = ids.map(Wanted::Event).chain(commands.map(Wanted::Command));
    let mut keys: Vec<_> = wanted.map(|wanted| key(inbox, wanted) | segment).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Writes keys, which are best in order: neighbours lie on one page.
pub(crate) fn insert(connection: &Connection, keys: &[i64]) -> Result<(), SqliteError> {
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO chatfold_sealed (key) VALUES (?)")?;
    for key in keys {
        insert.execute([key])?;
    }
    Ok(())
}

/// The segments that may hold what is wanted, in ascending order: of one inbox or, where hashes collide, of others.
pub(crate) fn segments(
    connection: &Connection,
    inbox: Number,
    wanted: Wanted,
) -> Result<Vec<i64>, SqliteError> {
    let first = key(inbox, wanted);
    let mut find = connection.prepare_cached("SELECT key FROM chatfold_sealed WHERE key BETWEEN ? AND ?")?;
    let found = find.query_map([first, first | MAX_SEGMENT], |row| row.get::<_, i64>(0))?;
    found.map(|key| Ok(key? & MAX_SEGMENT)).collect()
}

/// Those of these ids that a segment may hold: of the others it is certain that none does.
pub(crate) fn maybe_sealed(
    connection: &Connection,
    inbox: Number,
    ids: &[EventId],
) -> Result<HashSet<EventId>, SqliteError> {
    let mut wanted: Vec<_> = ids.iter().map(|id| (key(inbox, Wanted::Event(*id)), *id)).collect();
    // In order, so that neighbours are looked up one behind the other.
    wanted.sort_unstable();
    let mut find =
        connection.prepare_cached("SELECT 1 FROM chatfold_sealed WHERE key BETWEEN ? AND ? LIMIT 1")?;
    let mut maybe = HashSet::new();
    for (first, id) in wanted {
        if find.exists([first, first | MAX_SEGMENT])? {
            maybe.insert(id);
        }
    }
    Ok(maybe)
}

/// How many of these keys are missing.
pub(crate) fn missing(connection: &Connection, keys: &[i64]) -> Result<usize, SqliteError> {
    let mut find = connection.prepare_cached("SELECT 1 FROM chatfold_sealed WHERE key = ?")?;
    let mut missing = 0;
    for key in keys {
        missing += usize::from(!find.exists([key])?);
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leaves_room_for_the_segment_and_tells_kinds_and_inboxes_apart() {
        let (id, command) = (EventId::from_bytes([7; 16]), CommandId::from_bytes([7; 16]));
        let keys = [
            key(1, Wanted::Event(id)),
            key(1, Wanted::Command(command)),
            key(2, Wanted::Event(id)),
            key(1, Wanted::Event(EventId::from_bytes([8; 16]))),
        ];
        for (n, one) in keys.iter().enumerate() {
            assert_eq!(one & MAX_SEGMENT, 0);
            assert!(keys.iter().skip(n + 1).all(|other| other != one));
            // A greater number of a segment never leaves the range of its hash.
            assert!(*one <= one | MAX_SEGMENT && (one | MAX_SEGMENT) >> SEGMENT_BITS == one >> SEGMENT_BITS);
        }
    }
}
