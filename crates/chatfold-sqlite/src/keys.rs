//! Which segments hold an id or a command: an integer ([`chatfold_layout::keys`]), which is the whole row.
//!
//! A row takes about 14 bytes, where a unique index of ids takes 30. Hashes may collide: what a row names is looked into
//! before it counts, so a collision costs a look and nothing else.
//!
//! Hashes fall anywhere, so that the keys of one segment would dirty every page of a table of all keys. They go into a small
//! table of the newest first (`chatfold_sealed_newest`). With each segment one slice of the range of hashes is moved from there
//! to a larger one (`chatfold_sealed_new`), and one, which is narrower, from there to the table of all others: what a segment
//! writes follows the pages of the small table and of one slice of each other.

use std::collections::HashSet;

use chatfold::EventId;
use chatfold_layout::keys::{MAX_SEGMENT, Wanted, key};
use rusqlite::Connection;

use crate::SqliteError;
use crate::rows::Number;

/// Into how many slices the range of hashes is cut, a power of two: a segment moves one of them to the table of all others,
/// so that the table of new keys holds those of half as many segments.
const SLICES: i64 = 128;

/// Into how many slices it is cut for what is moved from the newest keys to the new ones.
const NEWEST_SLICES: i64 = 8;

/// Writes the keys of new segments, which are best in order: neighbours lie on one page.
pub(crate) fn insert_sealed(connection: &Connection, keys: &[i64]) -> Result<(), SqliteError> {
    let segments: HashSet<_> = keys.iter().map(|key| key & MAX_SEGMENT).collect();
    match segments.len() as i64 {
        // They would all be moved at once.
        SLICES.. => return insert_into("chatfold_sealed", connection, keys),
        NEWEST_SLICES.. => insert_into("chatfold_sealed_new", connection, keys)?,
        _ => insert(connection, keys)?,
    }
    for segment in segments {
        move_slice(connection, ["chatfold_sealed_newest", "chatfold_sealed_new"], segment, NEWEST_SLICES)?;
        move_slice(connection, ["chatfold_sealed_new", "chatfold_sealed"], segment, SLICES)?;
    }
    Ok(())
}

/// Writes keys, those that are there already again.
fn insert(connection: &Connection, keys: &[i64]) -> Result<(), SqliteError> {
    insert_into("chatfold_sealed_newest", connection, keys)
}

fn insert_into(table: &str, connection: &Connection, keys: &[i64]) -> Result<(), SqliteError> {
    let mut insert = connection.prepare_cached(&format!("INSERT OR IGNORE INTO {table} (key) VALUES (?)"))?;
    for key in keys {
        insert.execute([key])?;
    }
    Ok(())
}

/// Moves the keys of one of so many slices of the range of hashes, which follows from the number of a segment.
fn move_slice(
    connection: &Connection,
    [from, to]: [&str; 2],
    segment: i64,
    slices: i64,
) -> Result<(), SqliteError> {
    let bits = i64::BITS - slices.trailing_zeros();
    let first = (segment & (slices - 1)) << bits;
    let range = [first, first | ((1 << bits) - 1)];
    // Read and written one by one: a statement that writes many rows keeps every page as it was in a journal of its own.
    let keys: Vec<i64> = {
        let sql = format!("SELECT key FROM {from} WHERE key BETWEEN ? AND ? ORDER BY key");
        let mut find = connection.prepare_cached(&sql)?;
        let keys = find.query_map(range, |row| row.get(0))?;
        keys.collect::<Result<_, _>>()?
    };
    insert_into(to, connection, &keys)?;
    let sql = format!("DELETE FROM {from} WHERE key BETWEEN ? AND ?");
    connection.prepare_cached(&sql)?.execute(range)?;
    Ok(())
}

/// The segments that may hold what is wanted, in ascending order: of one inbox or, where hashes collide, of others.
pub(crate) fn segments(
    connection: &Connection,
    inbox: Number,
    wanted: Wanted,
) -> Result<Vec<i64>, SqliteError> {
    let first = key(inbox, wanted);
    let mut find = connection.prepare_cached(
        "SELECT key FROM chatfold_sealed WHERE key BETWEEN ?1 AND ?2 \
         UNION SELECT key FROM chatfold_sealed_new WHERE key BETWEEN ?1 AND ?2 \
         UNION SELECT key FROM chatfold_sealed_newest WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
    )?;
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
    let mut find = connection.prepare_cached(
        "SELECT 1 FROM chatfold_sealed WHERE key BETWEEN ?1 AND ?2 \
         UNION ALL SELECT 1 FROM chatfold_sealed_new WHERE key BETWEEN ?1 AND ?2 \
         UNION ALL SELECT 1 FROM chatfold_sealed_newest WHERE key BETWEEN ?1 AND ?2 LIMIT 1",
    )?;
    let mut maybe = HashSet::new();
    for (first, id) in wanted {
        if find.exists([first, first | MAX_SEGMENT])? {
            maybe.insert(id);
        }
    }
    Ok(maybe)
}

/// How many of the keys of a segment are missing; with `mend` all are written if one is.
pub(crate) fn missing(connection: &Connection, keys: &[i64], mend: bool) -> Result<usize, SqliteError> {
    let mut find = connection.prepare_cached(
        "SELECT 1 FROM chatfold_sealed WHERE key = ?1 UNION ALL SELECT 1 FROM chatfold_sealed_new WHERE key = ?1 \
         UNION ALL SELECT 1 FROM chatfold_sealed_newest WHERE key = ?1",
    )?;
    let mut missing = 0;
    for key in keys {
        missing += usize::from(!find.exists([key])?);
    }
    if missing > 0 && mend {
        insert(connection, keys)?;
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use chatfold_layout::keys::of_ids;

    use super::*;

    #[test]
    fn every_key_is_in_one_of_the_tables_and_the_new_ones_stay_few() {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE chatfold_sealed (key INTEGER PRIMARY KEY) STRICT;
                      CREATE TABLE chatfold_sealed_newest (key INTEGER PRIMARY KEY) STRICT;
                      CREATE TABLE chatfold_sealed_new (key INTEGER PRIMARY KEY) STRICT";
        connection.execute_batch(tables).unwrap();
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        let id = |segment: i64, n: i64| {
            EventId::from_bytes((i128::from(segment) << 64 | i128::from(n)).to_be_bytes())
        };
        let of = |segment: i64| of_ids(1, segment, (0..50).map(|n| id(segment, n)), std::iter::empty());
        for segment in 1..=300 {
            insert_sealed(&connection, &of(segment)).unwrap();
            let (new, newest) = (count("chatfold_sealed_new"), count("chatfold_sealed_newest"));
            assert_eq!(count("chatfold_sealed") + new + newest, 50 * segment);
            assert!(newest < 50 * NEWEST_SLICES, "{newest} of the newest after {segment} segments");
            assert!(new < 50 * SLICES, "{new} after {segment} segments");
        }
        for many in [301..340, 340..500] {
            insert_sealed(&connection, &many.flat_map(of).collect::<Vec<_>>()).unwrap();
        }
        for segment in 1..500 {
            assert_eq!(missing(&connection, &of(segment), false).unwrap(), 0);
            let found = segments(&connection, 1, Wanted::Event(id(segment, 7))).unwrap();
            assert!(found.contains(&segment) && found.is_sorted());
        }
        assert_eq!(missing(&connection, &of(500), false).unwrap(), 50);
    }
}
