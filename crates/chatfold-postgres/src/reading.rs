//! Reading a log: what is sealed in segments, and the rows behind them.

use std::collections::BTreeSet;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Head, Page, SealedPage, StoredEvent};
use chatfold_layout::keys::Wanted;
use chatfold_layout::segment::Segment;
use futures_util::future::{try_join, try_join3, try_join5};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::keys::{self, Question};
use crate::pool::PostgresStore;
use crate::rows::{self, AT, CLOSED, HEAD, READ, signed};
use crate::segments::{self, SEGMENT, SegmentHead, WHOLE, damaged};
use crate::session::{Session, Sql};

/// Rows behind a position, if none of what is behind it is sealed: otherwise they are not what comes next.
const READ_BEHIND: Sql = Sql {
    text: "SELECT position, id, command, hash, encoded FROM @chatfold_event WHERE inbox = $1 AND position > $2 \
           AND $2 >= (SELECT sealed FROM @chatfold_inbox WHERE inbox = $1) ORDER BY position LIMIT $3",
    types: &[Type::TEXT, Type::INT8, Type::INT8],
};
const FIND: Sql = Sql {
    text: "SELECT position, id, command, hash, encoded FROM @chatfold_event WHERE inbox = $1 AND id = $2",
    types: &[Type::TEXT, Type::UUID],
};

/// How the transaction of a read begins: all that is read is of one moment.
const MOMENT: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How many segments are looked up at once.
const HEADS_AT_ONCE: i64 = 16;

impl PostgresStore {
    /// At most `limit` events after position `after`, and where the log stood at that moment. See
    /// [`EventStore::read`](chatfold::store::EventStore::read). One round trip where the events are rows, and two more for
    /// those that are sealed, unless they were read just before.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses;
    /// [`PostgresError::DamagedAt`] where a segment is not what was written.
    pub async fn read(&self, inbox: &StreamId, after: u64, limit: usize) -> Result<Page, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            let prepared =
                try_join3(session.prepare(&CLOSED), session.prepare(&HEAD), session.prepare(&READ_BEHIND));
            let (closed, head, read) = prepared.await?;
            let (owner, from, most) = (inbox.key(), signed(after), i64::try_from(limit).unwrap_or(i64::MAX));
            // Head and events are of one moment.
            let ((), closed, head, events, ()) = try_join5(
                session.batch_execute(MOMENT),
                session.query_opt(&closed, &[&owner]),
                session.query_opt(&head, &[&owner]),
                session.query(&read, &[&owner, &from, &most]),
                session.batch_execute("COMMIT"),
            )
            .await?;
            let (head, sealed) = rows::standing(closed.as_ref(), head.as_ref())?;
            if after < sealed && limit > 0 {
                let page = self.read_sealed_too(session, inbox, after, limit).await?;
                taken.give_back();
                return Ok(page);
            }
            taken.give_back();
            let events = events.iter().map(rows::event).collect::<Result<Vec<StoredEvent>, _>>()?;
            Ok(Page::new(head, events))
        })
        .await
    }

    /// The same where segments have to be read.
    async fn read_sealed_too(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
        after: u64,
        limit: usize,
    ) -> Result<Page, PostgresError> {
        let (head, sealed) = begin(session, inbox).await?;
        let (mut events, mut at) = (Vec::new(), after);
        'all: while at < sealed && events.len() < limit {
            let heads = segments::heads_behind(session, inbox.key(), at, HEADS_AT_ONCE).await?;
            if heads.is_empty() {
                return Err(damaged(inbox, SEGMENT, at + 1, "a segment is missing"));
            }
            for head in heads {
                let skip = at.checked_sub(head.before.events);
                let skip = skip.ok_or_else(|| damaged(inbox, SEGMENT, at + 1, "a segment is missing"))?;
                let sealed = segments::events_of(session, &self.decoded, inbox, &head).await?;
                let skip = usize::try_from(skip).unwrap_or(usize::MAX);
                events.extend(sealed.iter().skip(skip).take(limit - events.len()).cloned());
                at = head.last.events;
                if events.len() == limit {
                    break 'all;
                }
            }
        }
        if events.len() < limit {
            let read = session.prepare(&READ).await?;
            let rest = i64::try_from(limit - events.len()).unwrap_or(i64::MAX);
            for row in session.query(&read, &[&inbox.key(), &signed(at), &rest]).await? {
                events.push(rows::event(&row)?);
            }
        }
        session.batch_execute("COMMIT").await?;
        Ok(Page::new(head, events))
    }

    /// The events of the segment that begins right behind position `after`, as columns, if there is such a one and all of them
    /// lie so. See [`EventStore::read_sealed`](chatfold::store::EventStore::read_sealed). One round trip.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::read`].
    pub async fn read_sealed(
        &self,
        inbox: &StreamId,
        after: u64,
    ) -> Result<Option<SealedPage>, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            let prepared =
                try_join3(session.prepare(&CLOSED), session.prepare(&HEAD), session.prepare(&WHOLE));
            let (closed, head, whole) = prepared.await?;
            let owner = inbox.key();
            let ((), closed, head, segment, ()) = try_join5(
                session.batch_execute(MOMENT),
                session.query_opt(&closed, &[&owner]),
                session.query_opt(&head, &[&owner]),
                session.query_opt(&whole, &[&owner, &signed(after), &1_i64]),
                session.batch_execute("COMMIT"),
            )
            .await?;
            taken.give_back();
            let (head, _) = rows::standing(closed.as_ref(), head.as_ref())?;
            segment.as_ref().map_or(Ok(None), |row| in_columns(inbox, after, head, row))
        })
        .await
    }

    /// The event of this id, as the store has it; `None` where the log has none. See
    /// [`EventStore::find`](chatfold::store::EventStore::find). One round trip, and two more for one that is sealed.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::read`].
    pub async fn find(&self, inbox: &StreamId, id: EventId) -> Result<Option<StoredEvent>, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            let owner = inbox.key();
            let (find, sealed) = try_join(session.prepare(&FIND), keys::prepare(session)).await?;
            let question = Question::new([Wanted::Event(id)]);
            // Rows first: what is sealed in between is found by its key.
            let (row, keys) = try_join(
                session.query_opt(&find, &[&owner, &id.uuid()]),
                keys::rows(session, &sealed, owner, &question),
            )
            .await?;
            let mut found = row.as_ref().map(rows::event).transpose()?;
            if found.is_none() {
                let last = keys::segments(&question, &keys)?;
                let events = self.known_sealed(session, inbox, &last, |event| event.id == id).await?;
                found = events.into_iter().next();
            }
            taken.give_back();
            Ok(found)
        })
        .await
    }

    /// The events that are wanted of the segments that end with these positions.
    pub(crate) async fn known_sealed(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
        last: &BTreeSet<u64>,
        is_wanted: impl Fn(&StoredEvent) -> bool,
    ) -> Result<Vec<StoredEvent>, PostgresError> {
        let mut found = Vec::new();
        for head in segments::ending_at(session, inbox.key(), last).await? {
            let events = segments::events_of(session, &self.decoded, inbox, &head).await?;
            found.extend(events.iter().filter(|event| is_wanted(event)).cloned());
        }
        Ok(found)
    }

    /// The log up to its event at a position, if it has one.
    pub(crate) async fn prefix_at(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
        position: u64,
    ) -> Result<Option<LogPrefix>, PostgresError> {
        let Some(before) = position.checked_sub(1) else { return Ok(Some(LogPrefix::EMPTY)) };
        let at = session.prepare(&AT).await?;
        if let Some(row) = session.query_opt(&at, &[&inbox.key(), &signed(position)]).await? {
            return rows::prefix(&row).map(Some);
        }
        let heads = segments::heads_behind(session, inbox.key(), before, 1).await?;
        match heads.first() {
            Some(head) if head.last.events == position => Ok(Some(head.last)),
            Some(head) => {
                let events = segments::events_of(session, &self.decoded, inbox, head).await?;
                let event = events.iter().find(|event| event.position() == position);
                Ok(event.map(|event| event.prefix))
            }
            None => Ok(None),
        }
    }
}

/// Begins the transaction of a read, and tells where the log stands and up to where it is sealed.
async fn begin(session: &Session<'_>, inbox: &StreamId) -> Result<(Head, u64), PostgresError> {
    let (closed, head) = try_join(session.prepare(&CLOSED), session.prepare(&HEAD)).await?;
    let owner = inbox.key();
    let ((), closed, head) = try_join3(
        session.batch_execute(MOMENT),
        session.query_opt(&closed, &[&owner]),
        session.query_opt(&head, &[&owner]),
    )
    .await?;
    rows::standing(closed.as_ref(), head.as_ref())
}

/// A segment as a page of columns, if it begins right behind a position and all of it lies in columns.
fn in_columns(
    inbox: &StreamId,
    after: u64,
    log: Head,
    row: &Row,
) -> Result<Option<SealedPage>, PostgresError> {
    let head = SegmentHead::of(row)?;
    if head.before.events != after {
        return Ok(None);
    }
    let bytes: &[u8] = row.try_get("bytes")?;
    head.verify(inbox, bytes)?;
    let segment = Segment::open(bytes).ok_or_else(|| head.damaged(inbox, "the segment cannot be decoded"))?;
    Ok(segment.records().map(|records| SealedPage::new(log, head.before, head.last, records.to_vec())))
}
