//! Batches: events that came together lie in columns from the start, until they are sealed with others.
//!
//! A row is written with its place in an index of ids, which may be any page of it, and both are overwritten when the row is
//! sealed. A batch takes half the bytes and has no index: beside it stand four bytes of the hash of each id and
//! command, in order, and who looks for one goes through the batches of the inbox, of which there are few: beyond
//! [`ALL`] events, what comes lies as rows. Four bytes may agree by chance: what they name is looked into before it counts.

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use chatfold_layout::keys::{Wanted, key};
use chatfold_layout::segment;
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteError;
use crate::heads::{SegmentHead, head};
use crate::rows::{Number, signed};

/// What comes in fewer events lies as rows: of smaller batches there would be too many to go through.
pub(crate) const LEAST: usize = 32;

/// What comes in more events lies in several, and no more rows are taken along: a batch is decoded whole.
pub(crate) const MOST: usize = 2_048;

/// What comes in more bytes lies in several, too.
pub(crate) const MOST_LEN_BYTES: usize = 4 << 20;

/// Once so many events lie in batches, what comes lies as rows until they are sealed: each append goes through all batches.
pub(crate) const ALL: u64 = 4_096;

const HEADS: &str = "SELECT 0 AS segment, before, before_hash, last, last_hash, checksum \
    FROM chatfold_batch WHERE inbox = ?";

const HEADS_AND_KEYS: &str = "SELECT 0 AS segment, before, before_hash, last, last_hash, checksum, keys \
    FROM chatfold_batch WHERE inbox = ? ORDER BY last";

/// What stands beside a batch of an id or a command.
fn hash(inbox: Number, wanted: Wanted) -> [u8; 4] {
    let [a, b, c, d, ..] = key(inbox, wanted).to_be_bytes();
    [a, b, c, d]
}

/// What stands beside a batch of its events, in order, each once.
fn hashes(inbox: Number, events: &[StoredEvent]) -> Vec<[u8; 4]> {
    let ids = events.iter().map(|event| Wanted::Event(event.id));
    let commands = events.iter().filter_map(|event| event.command.map(Wanted::Command));
    let mut hashes: Vec<_> = ids.chain(commands).map(|wanted| hash(inbox, wanted)).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// The hashes of a batch; bytes that are none count for nothing, which a check tells.
fn of_blob(blob: &[u8]) -> &[[u8; 4]] {
    blob.as_chunks().0
}

/// The first batch that ends behind this position.
pub(crate) fn behind(
    connection: &Connection,
    inbox: Number,
    after: u64,
) -> Result<Option<SegmentHead>, SqliteError> {
    let mut find = connection.prepare_cached(&format!("{HEADS} AND last > ? ORDER BY last LIMIT 1"))?;
    let mut rows = find.query([inbox, signed(after)])?;
    rows.next()?.map(head).transpose()
}

/// The last batch.
pub(crate) fn last(connection: &Connection, inbox: Number) -> Result<Option<SegmentHead>, SqliteError> {
    let mut find = connection.prepare_cached(&format!("{HEADS} ORDER BY last DESC LIMIT 1"))?;
    let mut rows = find.query([inbox])?;
    rows.next()?.map(head).transpose()
}

/// The batches that may hold some of what is wanted, the oldest first, each with that.
pub(crate) fn holding(
    connection: &Connection,
    inbox: Number,
    wanted: &[Wanted],
) -> Result<Vec<(SegmentHead, Vec<Wanted>)>, SqliteError> {
    let mut find = connection.prepare_cached(HEADS_AND_KEYS)?;
    let mut rows = find.query([inbox])?;
    let (mut hashes, mut holding) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        if hashes.is_empty() {
            hashes = wanted.iter().map(|wanted| (hash(inbox, *wanted), *wanted)).collect();
        }
        let there = of_blob(row.get_ref("keys")?.as_blob().unwrap_or_default());
        let held = hashes.iter().filter(|(hash, _)| there.binary_search(hash).is_ok());
        let held: Vec<_> = held.map(|(_, wanted)| *wanted).collect();
        if !held.is_empty() {
            holding.push((head(row)?, held));
        }
    }
    Ok(holding)
}

/// The bytes of the batch that ends at this position, as they stand there, if it is there.
pub(crate) fn bytes(
    connection: &Connection,
    inbox: Number,
    last: LogPrefix,
) -> Result<Option<Vec<u8>>, SqliteError> {
    let sql = "SELECT bytes FROM chatfold_batch WHERE inbox = ? AND last = ?";
    let key = [inbox, signed(last.events)];
    Ok(connection.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?)
}

/// Writes events, which stand behind `before` and have these bytes, as a batch.
pub(crate) fn write(
    connection: &Connection,
    (owner, inbox): (&StreamId, Number),
    before: LogPrefix,
    events: &[StoredEvent],
    bytes: &[u8],
) -> Result<(), SqliteError> {
    let Some(last) = events.last().map(|event| event.prefix) else { return Ok(()) };
    let sql = "INSERT INTO chatfold_batch (inbox, last, last_hash, before, before_hash, checksum, keys, bytes) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let checksum = segment::checksum(owner, before, last, bytes);
    connection.prepare_cached(sql)?.execute(params![
        inbox,
        signed(last.events),
        last.hash.to_be_bytes(),
        signed(before.events),
        before.hash.to_be_bytes(),
        checksum.to_be_bytes(),
        hashes(inbox, events).as_flattened(),
        bytes
    ])?;
    Ok(())
}

/// Writes where a batch stands now, and its bytes.
pub(crate) fn replace(
    connection: &Connection,
    (owner, inbox): (&StreamId, Number),
    (before, last): (LogPrefix, LogPrefix),
    bytes: &[u8],
) -> Result<(), SqliteError> {
    let checksum = segment::checksum(owner, before, last, bytes).to_be_bytes();
    let sql = "UPDATE chatfold_batch SET before_hash = ?, last_hash = ?, checksum = ?, bytes = ? \
               WHERE inbox = ? AND last = ?";
    let (before, hash) = (before.hash.to_be_bytes(), last.hash.to_be_bytes());
    let row = params![before, hash, checksum, bytes, inbox, signed(last.events)];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Removes the batches that end no later than this position: their events lie elsewhere now.
pub(crate) fn delete(connection: &Connection, inbox: Number, through: u64) -> Result<(), SqliteError> {
    let sql = "DELETE FROM chatfold_batch WHERE inbox = ? AND last <= ?";
    connection.prepare_cached(sql)?.execute([inbox, signed(through)])?;
    Ok(())
}

/// How many of the hashes of a batch are missing beside it; with `mend` all are written if one is.
pub(crate) fn missing(
    connection: &Connection,
    inbox: Number,
    events: &[StoredEvent],
    mend: bool,
) -> Result<usize, SqliteError> {
    let hashes = hashes(inbox, events);
    let last = signed(events.last().map_or(0, StoredEvent::position));
    let sql = "SELECT keys FROM chatfold_batch WHERE inbox = ? AND last = ?";
    let blob: Vec<u8> = connection.prepare_cached(sql)?.query_row([inbox, last], |row| row.get(0))?;
    let missing = hashes.iter().filter(|hash| of_blob(&blob).binary_search(hash).is_err()).count();
    if missing > 0 && mend {
        let sql = "UPDATE chatfold_batch SET keys = ? WHERE inbox = ? AND last = ?";
        connection.prepare_cached(sql)?.execute(params![hashes.as_flattened(), inbox, last])?;
    }
    Ok(missing)
}
