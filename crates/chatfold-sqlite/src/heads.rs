//! What stands beside events in columns, be they a segment or a batch.

use chatfold::snapshot::LogPrefix;
use rusqlite::Row;

use crate::SqliteError;
use crate::rows;

/// The table of segments, as errors name it.
pub(crate) const SEGMENT: &str = "chatfold_segment";

/// The table of batches, as errors name it.
pub(crate) const BATCH: &str = "chatfold_batch";

/// What the table of segments says of one, or the table of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    /// Its number; 0, which no segment has, of a batch.
    pub(crate) number: i64,
    /// The log before its first event, and up to its last.
    pub(crate) before: LogPrefix,
    pub(crate) last: LogPrefix,
    pub(crate) checksum: u128,
}

impl SegmentHead {
    /// Whether it is a batch.
    pub(crate) fn is_batch(&self) -> bool {
        self.number == 0
    }

    /// The table that it stands in, as errors name it.
    pub(crate) fn table(&self) -> &'static str {
        if self.is_batch() { BATCH } else { SEGMENT }
    }
}

/// What a row of the table of segments says, or one of the batches.
pub(crate) fn head(row: &Row<'_>) -> Result<SegmentHead, SqliteError> {
    let prefix = |position: &str, hash: &str| {
        let events: i64 = row.get(position)?;
        let hash = u128::from_be_bytes(rows::sixteen(row, hash)?);
        Ok::<_, SqliteError>(LogPrefix { events: events.cast_unsigned(), skipped: 0, hash })
    };
    Ok(SegmentHead {
        number: row.get("segment")?,
        before: prefix("before", "before_hash")?,
        last: prefix("last", "last_hash")?,
        checksum: u128::from_be_bytes(rows::sixteen(row, "checksum")?),
    })
}
