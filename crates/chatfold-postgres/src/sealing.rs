//! Sealing: rows become segments, in a transaction of their own after the appends that wrote them.
//!
//! Rows are read and made into a segment while appends go on. The transaction that then takes their place changes the
//! inbox's row first, which waits for appends under way and makes later ones wait; it looks whether the rows still end in the
//! hash that was read, which stands for all bytes up to there, and so for rows that nobody rewrote. Since it is the row that every
//! append locks, nobody has looked where the log ends and not yet written behind that while rows go; and one that sees the
//! database as it was before (`REPEATABLE READ`) is told by the server that the row was changed.
//!
//! The newest event stays a row, so that where a log ends is one look into one index.

use std::sync::Arc;

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use chatfold_layout::keys::MAX_SEGMENT;
use futures_util::future::{try_join, try_join_all, try_join3};
use tokio::task::spawn_blocking;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::heard::{Heard, Queue, Teller};
use crate::keys;
use crate::pool::PostgresStore;
use crate::rows::{self, AT, HEAD, READ, signed, unsigned};
use crate::segments::{Built, COUNT};
use crate::session::{Session, Sql};

/// How often it is looked again because another transaction came in between.
const ATTEMPTS: u32 = 20;

/// How many segments one transaction makes.
const AT_ONCE: u64 = 8;

const SEALED: Sql = Sql {
    text: "SELECT i.sealed, s.last_hash FROM @chatfold_inbox AS i LEFT JOIN @chatfold_segment AS s \
           ON s.inbox = i.inbox AND s.last = i.sealed WHERE i.inbox = $1",
    types: &[Type::TEXT],
};
const ADVANCE: Sql = Sql {
    text: "UPDATE @chatfold_inbox SET sealed = $3 WHERE inbox = $1 AND sealed = $2",
    types: &[Type::TEXT, Type::INT8, Type::INT8],
};
const DELETE: Sql = Sql {
    text: "DELETE FROM @chatfold_event WHERE inbox = $1 AND position <= $2",
    types: &[Type::TEXT, Type::INT8],
};

/// How many segments of `seal` events each can be made of so many rows, of which the last stays one.
pub(crate) fn full(rows: u64, seal: u64) -> u64 {
    rows.saturating_sub(1) / seal
}

/// Whether the log of an inbox that ended with `before` and now ends with `last` has rows for another segment.
pub(crate) fn is_due(before: u64, last: u64, seal: u64) -> bool {
    full(last, seal) > full(before, seal)
}

/// The log up to the last event that is sealed, and how many segments there are.
pub(crate) async fn sealed(session: &Session<'_>, owner: &str) -> Result<(LogPrefix, u64), PostgresError> {
    let (sealed, count) = try_join(session.prepare(&SEALED), session.prepare(&COUNT)).await?;
    let (sealed, count) =
        try_join(session.query_opt(&sealed, &[&owner]), session.query_opt(&count, &[&owner])).await?;
    let segments = count.map_or(Ok(0), |row| row.try_get(0))?;
    let Some(row) = sealed else { return Ok((LogPrefix::EMPTY, 0)) };
    let prefix = match unsigned(row.try_get("sealed")?)? {
        0 => LogPrefix::EMPTY,
        events => LogPrefix { events, skipped: 0, hash: rows::sixteen(&row, "last_hash")? },
    };
    Ok((prefix, unsigned(segments)?))
}

/// What is to be written where rows, or events that never were rows, become segments.
#[derive(Debug)]
pub(crate) struct Sealing {
    before: LogPrefix,
    segments: Vec<Built>,
    keys: keys::Change,
}

impl Sealing {
    /// Makes segments of so many events each, of all that stand behind `before` and are enough for one; what is left over is
    /// none.
    pub(crate) async fn of(
        session: &Session<'_>,
        inbox: &StreamId,
        (before, segments): (LogPrefix, u64),
        events: &[StoredEvent],
        seal: usize,
    ) -> Result<Self, PostgresError> {
        let (mut from, mut building) = (before, Vec::new());
        for events in events.chunks_exact(seal) {
            let last = events.last().map_or(from, |event| event.prefix);
            let (inbox, events) = (inbox.clone(), events.to_vec());
            building.push(spawn_blocking(move || Built::of(&inbox, from, &events)));
            from = last;
        }
        let ended = |error: tokio::task::JoinError| PostgresError::Pool(error.to_string());
        let built = try_join_all(building).await.map_err(ended)?;
        let built = built.into_iter().collect::<Result<Vec<_>, _>>()?;
        let new: Vec<_> = built.iter().map(|built| built.keys.clone()).collect();
        let keys = keys::Change::read(session, inbox.key(), segments, &new).await?;
        Ok(Self { before, segments: built, keys })
    }

    /// The log up to the last event that is sealed then.
    pub(crate) fn last(&self) -> LogPrefix {
        self.segments.last().map_or(self.before, |built| built.head.last)
    }

    /// Takes the place of the rows within the transaction that is open; `false` if others have sealed some meanwhile, and
    /// nothing was written.
    pub(crate) async fn advance(&self, session: &Session<'_>, owner: &str) -> Result<bool, PostgresError> {
        let advance = session.prepare(&ADVANCE).await?;
        let (before, last) = (signed(self.before.events), signed(self.last().events));
        Ok(session.execute(&advance, &[&owner, &before, &last]).await? == 1)
    }

    /// Writes segments and keys, and removes the rows that lie in them.
    pub(crate) async fn write(&self, session: &Session<'_>, owner: &str) -> Result<(), PostgresError> {
        let delete = session.prepare(&DELETE).await?;
        let last = signed(self.last().events);
        let segments = try_join_all(self.segments.iter().map(|built| built.write(session, owner)));
        let deleted = async { Ok(session.execute(&delete, &[&owner, &last]).await?) };
        try_join3(segments, self.keys.write(session, owner), deleted).await?;
        Ok(())
    }
}

impl PostgresStore {
    /// How many events a segment has.
    pub(crate) fn seal_events(&self) -> u64 {
        self.options.seal_events.max(1) as u64
    }

    /// Has rows sealed, soon, if an append that led from one position to another made enough of them.
    pub(crate) fn seal_if_due(&self, inbox: &StreamId, before: u64, last: u64) {
        if let Some(sealer) = &self.sealer
            && is_due(before, last, self.seal_events())
        {
            sealer.tell(inbox, last);
        }
    }

    /// Seals all rows of an inbox that are enough for a segment, but for the newest event, which stays a row. Returns how many
    /// events were sealed.
    ///
    /// A store does so by itself, in a task, when appends have made rows enough ([`Options::seal_events`]); of a log that
    /// an older version of this crate has written, with the first append that does. Appends to the inbox wait while a segment
    /// takes the place of its rows, about 20 ms.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses;
    /// [`PostgresError::DamagedAt`] where a row is not what was appended, which is never sealed.
    ///
    /// [`Options::seal_events`]: crate::Options::seal_events
    pub async fn seal(&self, inbox: &StreamId) -> Result<u64, PostgresError> {
        let (mut events, mut attempts) = (0, 0);
        while let Some(sealed) = self.bounded(self.seal_some(inbox)).await? {
            events += sealed;
            attempts += u32::from(sealed == 0);
            if attempts == ATTEMPTS {
                return Err(PostgresError::Contention(ATTEMPTS));
            }
        }
        Ok(events)
    }

    /// Seals some rows; `None` if there are not enough for a segment.
    async fn seal_some(&self, inbox: &StreamId) -> Result<Option<u64>, PostgresError> {
        let owner = inbox.key();
        let seal = self.options.seal_events.max(1);
        let taken = self.client_whoever_waits().await?;
        let session = &taken.session()?;
        session.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let (before, segments) = sealed(session, owner).await?;
        let (head, read) = try_join(session.prepare(&HEAD), session.prepare(&READ)).await?;
        let head = session.query_opt(&head, &[&owner]).await?;
        let last = head.as_ref().map(rows::prefix).transpose()?.map_or(0, |head| head.events);
        if full(last.saturating_sub(before.events), seal as u64) == 0 {
            session.batch_execute("COMMIT").await?;
            taken.give_back();
            return Ok(None);
        }
        let limit = (seal as u64).saturating_mul(AT_ONCE).saturating_add(1);
        let rows = session.query(&read, &[&owner, &signed(before.events), &signed(limit)]).await?;
        let mut events = rows.iter().map(rows::event).collect::<Result<Vec<_>, _>>()?;
        drop(rows);
        // The newest stays, and what no key could name.
        events.pop();
        events.retain(|event| signed(event.position()) <= MAX_SEGMENT);
        let sealing = Sealing::of(session, inbox, (before, segments), &events, seal).await?;
        session.batch_execute("COMMIT").await?;
        let last = sealing.last();
        if last == before {
            taken.give_back();
            return Ok(None);
        }
        let at = session.prepare(&AT).await?;
        session.batch_execute("BEGIN").await?;
        let advanced = sealing.advance(session, owner).await?;
        let row = session.query_opt(&at, &[&owner, &signed(last.events)]).await?;
        let is_same = row.as_ref().map(rows::prefix).transpose()? == Some(last);
        if !(advanced && is_same) {
            // Somebody sealed or rewrote them meanwhile: look again.
            session.batch_execute("ROLLBACK").await?;
            taken.give_back();
            return Ok(Some(0));
        }
        let written = async {
            sealing.write(session, owner).await?;
            Ok::<_, PostgresError>(session.batch_execute("COMMIT").await?)
        };
        match written.await {
            Ok(()) => taken.give_back(),
            Err(error) => {
                taken.again::<()>(error).await?;
                return Ok(Some(0));
            }
        }
        Ok(Some(last.events - before.events))
    }
}

/// Begins a task that seals rows, one inbox after the other. It ends with the last store.
pub(crate) fn begin_sealing(store: PostgresStore) -> Arc<Teller> {
    let queue = Arc::new(Queue::default());
    let due = Arc::clone(&queue);
    tokio::spawn(async move {
        while let Some(Ok(heard)) = due.next().await {
            // What is not sealed now is when the log has grown by another segment.
            if let Heard::Inbox { inbox, .. } = heard {
                let _ = store.seal(&inbox).await;
            }
        }
    });
    Arc::new(Teller::new(queue))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_due_once_there_is_a_row_behind_it() {
        assert!(!is_due(0, 4, 4) && is_due(4, 5, 4) && !is_due(5, 8, 4) && is_due(3, 9, 4));
        assert_eq!((full(0, 1), full(1, 1), full(3, 1)), (0, 0, 2));
    }
}
