//! Segments as rows: what the table says of each, its bytes, and its events, each held against what stands beside it.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use chatfold_layout::keys::of_events;
use chatfold_layout::segment::{self, Segment};
use lru::LruCache;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::rows::{self, signed};
use crate::session::{Session, Sql};

/// The table of segments, as errors name it.
pub(crate) const SEGMENT: &str = "chatfold_segment";

/// How many segments a store holds decoded: who reads a log page by page asks for each again.
const DECODED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// What the table says of segments, without their bytes.
pub(crate) const HEADS: Sql = Sql {
    text: "SELECT before, before_hash, last, last_hash, checksum FROM @chatfold_segment \
           WHERE inbox = $1 AND last > $2 ORDER BY last LIMIT $3",
    types: &[Type::TEXT, Type::INT8, Type::INT8],
};
/// The same with their bytes.
pub(crate) const WHOLE: Sql = Sql {
    text: "SELECT before, before_hash, last, last_hash, checksum, bytes FROM @chatfold_segment \
           WHERE inbox = $1 AND last > $2 ORDER BY last LIMIT $3",
    types: &[Type::TEXT, Type::INT8, Type::INT8],
};
const ONE: Sql = Sql {
    text: "SELECT before, before_hash, last, last_hash, checksum FROM @chatfold_segment \
           WHERE inbox = $1 AND last = $2",
    types: &[Type::TEXT, Type::INT8],
};
const BYTES: Sql = Sql {
    text: "SELECT bytes FROM @chatfold_segment WHERE inbox = $1 AND last = $2",
    types: &[Type::TEXT, Type::INT8],
};
pub(crate) const COUNT: Sql =
    Sql { text: "SELECT count(*) FROM @chatfold_segment WHERE inbox = $1", types: &[Type::TEXT] };
const INSERT: Sql = Sql {
    text: "INSERT INTO @chatfold_segment (inbox, last, before, before_hash, last_hash, checksum, bytes) \
           VALUES ($1, $2, $3, $4, $5, $6, $7)",
    types: &[Type::TEXT, Type::INT8, Type::INT8, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::BYTEA],
};

/// What the table says of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    /// The log before its first event, and up to its last.
    pub(crate) before: LogPrefix,
    pub(crate) last: LogPrefix,
    /// Of whose it is, these two, and its bytes.
    pub(crate) checksum: u128,
}

impl SegmentHead {
    pub(crate) fn of(row: &Row) -> Result<Self, PostgresError> {
        Ok(Self {
            before: rows::prefix_of(row, "before", "before_hash")?,
            last: rows::prefix_of(row, "last", "last_hash")?,
            checksum: rows::sixteen(row, "checksum")?,
        })
    }

    /// The position of its first event.
    pub(crate) fn first(&self) -> u64 {
        self.before.events + 1
    }

    /// The damage of it.
    pub(crate) fn damaged(&self, inbox: &StreamId, what: &'static str) -> PostgresError {
        damaged(inbox, SEGMENT, self.first(), what)
    }

    /// Whether bytes are what was written.
    pub(crate) fn verify(&self, inbox: &StreamId, bytes: &[u8]) -> Result<(), PostgresError> {
        if segment::checksum(inbox, self.before, self.last, bytes) == self.checksum {
            return Ok(());
        }
        Err(self.damaged(inbox, "the checksum of the segment does not fit"))
    }

    /// The events that bytes hold, which are held against the log before the first and up to the last.
    pub(crate) fn decode(&self, inbox: &StreamId, bytes: &[u8]) -> Result<Vec<StoredEvent>, PostgresError> {
        self.verify(inbox, bytes)?;
        let events = Segment::open(bytes).and_then(|segment| segment.events(inbox, self.before));
        events
            .filter(|events| events.last().is_some_and(|event| event.prefix == self.last))
            .ok_or_else(|| self.damaged(inbox, "the segment cannot be decoded"))
    }
}

/// The damage of a row.
pub(crate) fn damaged(
    inbox: &StreamId,
    table: &'static str,
    position: u64,
    what: &'static str,
) -> PostgresError {
    PostgresError::DamagedAt { inbox: inbox.clone(), table, position, what }
}

/// The segments that were decoded last. Their checksum, which names whose they are, is what they are found by.
pub(crate) struct Decoded(Mutex<LruCache<u128, Arc<[StoredEvent]>>>);

impl Default for Decoded {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(DECODED)))
    }
}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").finish_non_exhaustive()
    }
}

impl Decoded {
    fn get(&self, checksum: u128) -> Option<Arc<[StoredEvent]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&checksum).map(Arc::clone)
    }

    fn put(&self, checksum: u128, events: &Arc<[StoredEvent]>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(checksum, Arc::clone(events));
    }
}

/// The events of a segment.
pub(crate) async fn events_of(
    session: &Session<'_>,
    decoded: &Decoded,
    inbox: &StreamId,
    head: &SegmentHead,
) -> Result<Arc<[StoredEvent]>, PostgresError> {
    if let Some(events) = decoded.get(head.checksum) {
        return Ok(events);
    }
    let bytes = session.prepare(&BYTES).await?;
    let row = session.query_opt(&bytes, &[&inbox.key(), &signed(head.last.events)]).await?;
    let row = row.ok_or_else(|| head.damaged(inbox, "the segment is missing"))?;
    let events: Arc<[_]> = head.decode(inbox, row.try_get(0)?)?.into();
    decoded.put(head.checksum, &events);
    Ok(events)
}

/// What the table says of the segments that end with these positions; of one that is not there nothing.
pub(crate) async fn ending_at(
    session: &Session<'_>,
    owner: &str,
    last: &BTreeSet<u64>,
) -> Result<Vec<SegmentHead>, PostgresError> {
    let mut heads = Vec::new();
    let one = session.prepare(&ONE).await?;
    for last in last {
        let row = session.query_opt(&one, &[&owner, &signed(*last)]).await?;
        heads.extend(row.as_ref().map(SegmentHead::of).transpose()?);
    }
    Ok(heads)
}

/// The first so many segments that end behind a position.
pub(crate) async fn heads_behind(
    session: &Session<'_>,
    owner: &str,
    after: u64,
    limit: i64,
) -> Result<Vec<SegmentHead>, PostgresError> {
    let heads = session.prepare(&HEADS).await?;
    let rows = session.query(&heads, &[&owner, &signed(after), &limit]).await?;
    rows.iter().map(SegmentHead::of).collect()
}

/// A segment that is to be written.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) head: SegmentHead,
    pub(crate) bytes: Vec<u8>,
    /// Its keys, by which its events are found.
    pub(crate) keys: Vec<i64>,
}

impl Built {
    /// The segment of events that stand one behind the other, each of which is held against what is before it: what is
    /// damaged is never sealed as if it were sound. Blocks: about 10 µs an event.
    pub(crate) fn of(
        inbox: &StreamId,
        before: LogPrefix,
        events: &[StoredEvent],
    ) -> Result<Self, PostgresError> {
        let mut last = before;
        for event in events {
            if !event.follows(last) {
                let what = "the event does not follow what is before it";
                return Err(damaged(inbox, "chatfold_event", last.events + 1, what));
            }
            last = event.prefix;
        }
        let bytes = segment::encoded(inbox, before, events).ok_or_else(|| {
            damaged(inbox, SEGMENT, before.events + 1, "what was sealed cannot be read back")
        })?;
        let head = SegmentHead { before, last, checksum: segment::checksum(inbox, before, last, &bytes) };
        Ok(Self { head, bytes, keys: of_events(0, signed(last.events), events) })
    }

    /// Writes it within the transaction that is open.
    pub(crate) async fn write(&self, session: &Session<'_>, owner: &str) -> Result<(), PostgresError> {
        let SegmentHead { before, last, checksum } = self.head;
        let insert = session.prepare(&INSERT).await?;
        let hashes = [before.hash.to_be_bytes(), last.hash.to_be_bytes(), checksum.to_be_bytes()];
        let [before_hash, last_hash, checksum] = hashes.each_ref().map(|hash| hash.as_slice());
        let (last, before) = (signed(last.events), signed(before.events));
        session
            .execute(&insert, &[&owner, &last, &before, &before_hash, &last_hash, &checksum, &self.bytes])
            .await?;
        Ok(())
    }
}
