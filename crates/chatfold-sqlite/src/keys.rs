//! Which segments hold an id or a command: an integer ([`chatfold_layout::keys`]), which is the whole row.
//!
//! A row takes about 14 bytes, where a unique index of ids takes 30. Hashes may collide: what a row names is looked into
//! before it counts, so a collision costs a look and nothing else.
//!
//! Hashes fall anywhere, so that the keys of one segment would dirty every page of a table of all keys. They go into a small
//! table of new ones first (`chatfold_sealed_new`), and with each segment one slice of the range of hashes is moved from there
//! to the large one: what a segment writes follows the pages of one slice and of the small table.

use std::collections::HashSet;

use chatfold::EventId;
use chatfold_layout::keys::{MAX_SEGMENT, Wanted, key};
use rusqlite::Connection;

use crate::SqliteError;
use crate::rows::Number;

/// Into how many slices the range of hashes is cut, a power of two: a segment moves one of them, so that the table of new
/// keys holds those of half as many segments.
const SLICES: i64 = 32;

/// Writes the keys of new segments, which are best in order: neighbours lie on one page.
pub(crate) fn insert_sealed(connection: &Connection, keys: &[i64]) -> Result<(), SqliteError> {
    let segments: HashSet<_> = keys.iter().map(|key| key & MAX_SEGMENT).collect();
    if segments.len() as i64 >= SLICES {
        // They would all be moved at once.
        return insert_into("chatfold_sealed", connection, keys);
    }
    insert(connection, keys)?;
    segments.into_iter().try_for_each(|segment| move_slice(connection, segment & (SLICES - 1)))
}

/// Writes keys, those that are there already again.
pub(crate) fn insert(connection: &Connection, keys: &[i64]) -> Result<(), SqliteError> {
    insert_into("chatfold_sealed_new", connection, keys)
}

fn insert_into(table: &str, connection: &Connection, keys: &[i64]) -> Result<(), SqliteError> {
    let mut insert = connection.prepare_cached(&format!("INSERT OR IGNORE INTO {table} (key) VALUES (?)"))?;
    for key in keys {
        insert.execute([key])?;
    }
    Ok(())
}

/// Moves the new keys of a slice of the range of hashes to all others.
fn move_slice(connection: &Connection, slice: i64) -> Result<(), SqliteError> {
    let bits = i64::BITS - SLICES.trailing_zeros();
    let first = slice << bits;
    let range = [first, first | ((1 << bits) - 1)];
    for sql in [
        "INSERT OR IGNORE INTO chatfold_sealed SELECT key FROM chatfold_sealed_new WHERE key BETWEEN ? AND ?",
        "DELETE FROM chatfold_sealed_new WHERE key BETWEEN ? AND ?",
    ] {
        connection.prepare_cached(sql)?.execute(range)?;
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
    let mut find = connection.prepare_cached(
        "SELECT key FROM chatfold_sealed WHERE key BETWEEN ?1 AND ?2 \
         UNION SELECT key FROM chatfold_sealed_new WHERE key BETWEEN ?1 AND ?2 ORDER BY key",
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
         UNION ALL SELECT 1 FROM chatfold_sealed_new WHERE key BETWEEN ?1 AND ?2 LIMIT 1",
    )?;
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
    let mut find = connection.prepare_cached(
        "SELECT 1 FROM chatfold_sealed WHERE key = ?1 UNION ALL SELECT 1 FROM chatfold_sealed_new WHERE key = ?1",
    )?;
    let mut missing = 0;
    for key in keys {
        missing += usize::from(!find.exists([key])?);
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use chatfold_layout::keys::of_ids;

    use super::*;

    #[test]
    fn every_key_is_in_one_of_both_tables_and_the_new_ones_stay_few() {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE chatfold_sealed (key INTEGER PRIMARY KEY) STRICT;
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
        for segment in 1..=200 {
            insert_sealed(&connection, &of(segment)).unwrap();
            let new = count("chatfold_sealed_new");
            assert_eq!(count("chatfold_sealed") + new, 50 * segment);
            assert!(new < 50 * SLICES, "{new} after {segment} segments");
        }
        let many: Vec<_> = (201..300).flat_map(of).collect();
        insert_sealed(&connection, &many).unwrap();
        for segment in 1..300 {
            assert_eq!(missing(&connection, &of(segment)).unwrap(), 0);
            let found = segments(&connection, 1, Wanted::Event(id(segment, 7))).unwrap();
            assert!(found.contains(&segment) && found.is_sorted());
        }
        assert_eq!(missing(&connection, &of(300)).unwrap(), 50);
    }
}
