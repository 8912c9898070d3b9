//! Other bytes in the place of events, and whatever hangs on their hashes.

use std::collections::BTreeMap;

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Head, OutboxChange, RewriteError, StoredEvent};
use chatfold_layout::segment;
use futures_util::future::try_join_all;
use tokio::task::spawn_blocking;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::outbox::Told;
use crate::pool::PostgresStore;
use crate::rows::{self, AT, CLOSED, HEAD, READ, signed};
use crate::segments::{Built, SEGMENT, SegmentHead, WHOLE, damaged};
use crate::session::{Session, Sql};
use crate::store::{commit, drop_snapshots};

/// How many rows are held at once while the hashes of a log are computed anew.
const CHUNK: i64 = 4_000;

/// How many segments are.
const SEGMENTS: i64 = 8;

const CHANGE: Sql = Sql {
    text: "UPDATE @chatfold_event AS e SET hash = n.hash, encoded = coalesce(n.encoded, e.encoded) \
           FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS n (position, hash, encoded) \
           WHERE e.inbox = $1 AND e.position = n.position",
    types: &[Type::TEXT, Type::INT8_ARRAY, Type::BYTEA_ARRAY, Type::BYTEA_ARRAY],
};
/// The bytes of segments that hold no changed event stay as they are, and are not written anew.
const MOVE: Sql = Sql {
    text: "UPDATE @chatfold_segment AS s SET before_hash = n.before, last_hash = n.after, checksum = n.checksum \
           FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[]) AS n (last, before, after, checksum) \
           WHERE s.inbox = $1 AND s.last = n.last",
    types: &[Type::TEXT, Type::INT8_ARRAY, Type::BYTEA_ARRAY, Type::BYTEA_ARRAY, Type::BYTEA_ARRAY],
};
const REPLACE: Sql = Sql {
    text: "UPDATE @chatfold_segment SET bytes = $3 WHERE inbox = $1 AND last = $2",
    types: &[Type::TEXT, Type::INT8, Type::BYTEA],
};
/// Whoever sees the database as it was before is told that the inbox was changed.
const TOUCH: Sql =
    Sql { text: "UPDATE @chatfold_inbox SET sealed = sealed WHERE inbox = $1", types: &[Type::TEXT] };

/// What is to stand in the place of events, by position.
type Changes<'a> = BTreeMap<u64, &'a [u8]>;

/// The log up to some position: as it was, and as it will be.
#[derive(Clone, Copy, Debug)]
struct Both {
    old: LogPrefix,
    new: LogPrefix,
}

impl PostgresStore {
    /// Puts other bytes in the place of events and drops all snapshots. See
    /// [`EventStore::rewrite`](chatfold::store::EventStore::rewrite).
    ///
    /// Segments and rows that hold a changed event are written anew; of those behind only the hashes. All from the first
    /// changed event on is read and held against its hashes before, since hashes computed anew would make damage sound.
    ///
    /// # Errors
    ///
    /// [`RewriteError::NoSuchEvent`] if a position has no event, [`RewriteError::Store`] if the store failed or what is
    /// there is damaged. Nothing is changed then.
    pub async fn rewrite(
        &self,
        inbox: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<PostgresError>> {
        self.bounded(async {
            let (taken, outbox) = self.begin(inbox).await?;
            let session = &taken.session()?;
            let owner = inbox.key();
            let prepared = futures_util::future::try_join(session.prepare(&CLOSED), session.prepare(&HEAD));
            let (closed, head) = prepared.await.map_err(PostgresError::from)?;
            let closed = session.query_opt(&closed, &[&owner]).await.map_err(PostgresError::from)?;
            let head = session.query_opt(&head, &[&owner]).await.map_err(PostgresError::from)?;
            let (head, sealed) = rows::standing(closed.as_ref(), head.as_ref())?;
            let there = 1..=head.prefix.events;
            if let Some((position, _)) = events.iter().find(|(at, _)| !there.contains(at)) {
                return Err(RewriteError::NoSuchEvent { position: *position });
            }
            let changes: Changes<'_> = events.iter().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
            if let Some((first, _)) = changes.first_key_value() {
                session.execute_once(&TOUCH, &[&owner]).await.map_err(PostgresError::from)?;
                hash_anew(session, inbox, (*first, sealed, head.prefix), &changes).await?;
            }
            drop_snapshots(session, owner).await?;
            let change = OutboxChange::of_rewriting(changes.keys().copied());
            Told::of(inbox, change).write(session, outbox).await?;
            let head = commit(taken, inbox).await?;
            self.tell(inbox, u64::MAX);
            Ok(head)
        })
        .await
    }
}

/// Changes events and computes the hashes of a log anew from position `first` on: its segments, then its rows.
async fn hash_anew(
    session: &Session<'_>,
    inbox: &StreamId,
    (first, sealed, head): (u64, u64, LogPrefix),
    changes: &Changes<'_>,
) -> Result<(), PostgresError> {
    let mut both = None;
    let mut after = first - 1;
    while after < sealed {
        after = rewrite_segments(session, inbox, &mut both, after, changes).await?;
    }
    let mut both = match both {
        Some(both) => both,
        None => {
            let before = before_row(session, inbox, first - 1).await?;
            Both { old: before, new: before }
        }
    };
    rewrite_rows(session, inbox, &mut both, changes).await?;
    if both.old == head {
        return Ok(());
    }
    let what = "the log does not end where its head says";
    Err(damaged(inbox, "chatfold_event", both.old.events + 1, what))
}

/// The log up to the position before the first changed row: a row, or the last segment.
async fn before_row(
    session: &Session<'_>,
    inbox: &StreamId,
    position: u64,
) -> Result<LogPrefix, PostgresError> {
    if position == 0 {
        return Ok(LogPrefix::EMPTY);
    }
    let at = session.prepare(&AT).await?;
    if let Some(row) = session.query_opt(&at, &[&inbox.key(), &signed(position)]).await? {
        return rows::prefix(&row);
    }
    let last = [position].into();
    let heads = crate::segments::ending_at(session, inbox.key(), &last).await?;
    heads.first().map(|head| head.last).ok_or_else(|| {
        damaged(inbox, "chatfold_event", position, "the event before the first that is changed is missing")
    })
}

/// Rewrites some segments from the one on that holds the event behind a position. Returns the position of the last event of
/// them.
async fn rewrite_segments(
    session: &Session<'_>,
    inbox: &StreamId,
    both: &mut Option<Both>,
    after: u64,
    changes: &Changes<'_>,
) -> Result<u64, PostgresError> {
    let (owner, whole) = (inbox.key(), session.prepare(&WHOLE).await?);
    let rows = session.query(&whole, &[&owner, &signed(after), &SEGMENTS]).await?;
    let mut decoding = Vec::new();
    for row in rows {
        let (head, bytes) = (SegmentHead::of(&row)?, row.try_get::<_, Vec<u8>>("bytes")?);
        let inbox = inbox.clone();
        decoding
            .push(spawn_blocking(move || head.decode(&inbox, &bytes).map(|events| (head, bytes, events))));
    }
    let ended = |error: tokio::task::JoinError| PostgresError::Pool(error.to_string());
    let segments = try_join_all(decoding).await.map_err(ended)?;
    let mut moved = Moved::default();
    let mut last = None;
    for segment in segments {
        let (head, bytes, mut events) = segment?;
        let both = both.get_or_insert(Both { old: head.before, new: head.before });
        if head.before != both.old {
            return Err(head.damaged(inbox, "the segment does not follow what is before it"));
        }
        let before = both.new;
        let rewritten = change(&mut events, &mut both.new, changes);
        both.old = head.last;
        let position = signed(head.last.events);
        let checksum = if rewritten {
            let built = Built::of(inbox, before, &events)?;
            let replace = session.prepare(&REPLACE).await?;
            session.execute(&replace, &[&owner, &position, &built.bytes]).await?;
            built.head.checksum
        } else {
            segment::checksum(inbox, before, both.new, &bytes)
        };
        moved.push(position, [before.hash, both.new.hash, checksum]);
        last = Some(head.last.events);
    }
    let last = last.ok_or_else(|| damaged(inbox, SEGMENT, after + 1, "a segment is missing"))?;
    moved.write(session, owner).await?;
    Ok(last)
}

/// Puts other bytes in the place of events and hashes all anew. Returns whether any was changed.
fn change(events: &mut [StoredEvent], prefix: &mut LogPrefix, changes: &Changes<'_>) -> bool {
    let mut changed = false;
    for event in events {
        if let Some(bytes) = changes.get(&event.position()) {
            event.bytes = bytes.to_vec();
            changed = true;
        }
        prefix.push(&event.bytes);
        event.prefix = *prefix;
    }
    changed
}

/// Where segments stand now, by column.
#[derive(Debug, Default)]
struct Moved {
    last: Vec<i64>,
    before: Vec<Vec<u8>>,
    after: Vec<Vec<u8>>,
    checksums: Vec<Vec<u8>>,
}

impl Moved {
    fn push(&mut self, last: i64, hashes: [u128; 3]) {
        let [before, after, checksum] = hashes.map(|hash| hash.to_be_bytes().to_vec());
        self.last.push(last);
        self.before.push(before);
        self.after.push(after);
        self.checksums.push(checksum);
    }

    async fn write(&self, session: &Session<'_>, owner: &str) -> Result<(), PostgresError> {
        let Self { last, before, after, checksums } = self;
        let moved = session.prepare(&MOVE).await?;
        session.execute(&moved, &[&owner, last, before, after, checksums]).await?;
        Ok(())
    }
}

/// Rewrites the rows behind a position, page by page.
async fn rewrite_rows(
    session: &Session<'_>,
    inbox: &StreamId,
    both: &mut Both,
    changes: &Changes<'_>,
) -> Result<(), PostgresError> {
    let owner = inbox.key();
    let (read, change) = (session.prepare(&READ).await?, session.prepare(&CHANGE).await?);
    loop {
        let events = session.query(&read, &[&owner, &signed(both.old.events), &CHUNK]).await?;
        if events.is_empty() {
            return Ok(());
        }
        let (mut positions, mut hashes, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for row in &events {
            let event = rows::event(row)?;
            if !event.follows(both.old) {
                let what = "the event does not follow what is before it";
                return Err(damaged(inbox, "chatfold_event", both.old.events + 1, what));
            }
            both.old = event.prefix;
            let other = changes.get(&event.position()).copied();
            both.new.push(other.unwrap_or(&event.bytes));
            positions.push(signed(event.position()));
            hashes.push(both.new.hash.to_be_bytes().to_vec());
            others.push(other);
        }
        session.execute(&change, &[&owner, &positions, &hashes, &others]).await?;
    }
}
