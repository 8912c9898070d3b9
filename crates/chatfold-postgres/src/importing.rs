//! Taking over events as another store kept them: what is enough for segments never becomes rows.

use std::collections::BTreeSet;

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::store::{AppendError, Head, OutboxChange, StoredEvent, plan_import};
use chatfold_layout::keys::{MAX_SEGMENT, Wanted};
use futures_util::future::{try_join, try_join3};

use crate::append::{IDS, Tried, insert_rows};
use crate::error::{AppendResult, PostgresError};
use crate::keys::{self, Question};
use crate::outbox::Told;
use crate::pool::PostgresStore;
use crate::rows::{self, HEAD, LOCK, READ, signed};
use crate::sealing::{self, Sealing, full};
use crate::session::Session;

/// From so many ids a sealed event on all keys of an inbox are read at once, where otherwise each id is looked for.
const SEALED_FOR_EACH: u64 = 500;

impl PostgresStore {
    /// Takes over events as another store kept them. See
    /// [`EventStore::import`](chatfold::store::EventStore::import).
    ///
    /// # Errors
    ///
    /// [`AppendError`]: by which law it is refused, or that the store failed.
    pub async fn import(&self, inbox: &StreamId, events: &[StoredEvent]) -> AppendResult<Head> {
        self.until_done(inbox, || self.try_import(inbox, events)).await
    }

    async fn try_import(&self, inbox: &StreamId, events: &[StoredEvent]) -> AppendResult<Tried<Head>> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        let (mut head, sealed, outbox) = match begin_import(session, inbox.key()).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(taken.roll_back(Tried::NoInbox).await?),
            Err(error) => return Ok(taken.again(error).await?),
        };
        if let Err(refused) = plan_import(&head, events) {
            return taken.roll_back(Err(refused)).await?;
        }
        let known = match self.known_ids(session, inbox, sealed, events).await {
            Ok(known) => known,
            Err(error) => return Ok(taken.again(error).await?),
        };
        if !known.is_empty() {
            return taken.roll_back(Err(AppendError::Known { known })).await?;
        }
        if let Err(error) = self.take_over(session, inbox, (head.prefix.events, sealed, outbox), events).await
        {
            return Ok(taken.again(error).await?);
        }
        taken.give_back();
        self.tell(inbox, events.last().map_or(u64::MAX, StoredEvent::position));
        head.prefix = events.last().map_or(head.prefix, |event| event.prefix);
        Ok(Tried::Done(head))
    }

    /// Writes events as another store kept them behind a log that ends with `head` and is sealed up to `sealed`, and
    /// commits. What is enough for segments, with the rows that are there, becomes segments and never rows.
    async fn take_over(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
        (head, sealed, outbox): (u64, u64, bool),
        events: &[StoredEvent],
    ) -> Result<(), PostgresError> {
        let (owner, seal) = (inbox.key(), self.seal_events());
        let (rows, last) = (head - sealed, head + events.len() as u64);
        let mut left = events;
        if full(rows + events.len() as u64, seal) > 0 && signed(last) <= MAX_SEGMENT {
            let read = session.prepare(&READ).await?;
            let there = session.query(&read, &[&owner, &signed(sealed), &i64::MAX]).await?;
            let mut all = there.iter().map(rows::event).collect::<Result<Vec<_>, _>>()?;
            all.extend_from_slice(events);
            // The newest stays a row. All others are shared out evenly, so that none becomes a row for a while.
            all.pop();
            let segments = usize::try_from(all.len() as u64 / seal).unwrap_or(usize::MAX).max(1);
            let seal = all.len() / segments;
            let sealing =
                Sealing::of(session, inbox, sealing::sealed(session, owner).await?, &all, seal).await?;
            if !sealing.advance(session, owner).await? {
                return Err(PostgresError::Damaged(format!(
                    "where {inbox:#} is sealed is not where segments end"
                )));
            }
            sealing.write(session, owner).await?;
            let from = events.partition_point(|event| event.position() <= sealing.last().events);
            left = events.get(from..).unwrap_or_default();
        }
        let new: Vec<_> = left
            .iter()
            .map(|event| (event.id, event.command, event.prefix, event.bytes.as_slice()))
            .collect();
        insert_rows(session, inbox, &new).await?;
        let ends = events.first().zip(events.last()).map(|(first, last)| (first.position(), last.position()));
        let change = ends.map(|(first, last)| OutboxChange::Appended { first, last });
        Told::of(inbox, change).write(session, outbox).await?;
        Ok(session.batch_execute("COMMIT").await?)
    }

    /// Those of the ids of events that a log has, which is sealed up to a position.
    async fn known_ids(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
        sealed: u64,
        events: &[StoredEvent],
    ) -> Result<Vec<EventId>, PostgresError> {
        let (owner, by_id) = (inbox.key(), session.prepare(&IDS).await?);
        let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
        let uuids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
        let mut known = Vec::new();
        for row in session.query(&by_id, &[&owner, &uuids]).await? {
            known.push(EventId::new(row.try_get(0)?));
        }
        if sealed == 0 {
            return Ok(known);
        }
        let wanted = ids.iter().map(|id| Wanted::Event(*id));
        let segments = if sealed < SEALED_FOR_EACH * ids.len() as u64 {
            keys::among_all(session, owner, wanted).await?
        } else {
            let question = Question::new(wanted);
            let rows = keys::rows(session, &keys::prepare(session).await?, owner, &question).await?;
            keys::segments(&question, &rows)?
        };
        let sealed = self.known_sealed(session, inbox, &segments, |event| ids.contains(&event.id)).await?;
        known.extend(sealed.iter().map(|event| event.id));
        Ok(known)
    }
}

/// Begins a transaction that keeps appends away, and tells where the log stands and up to where it is sealed; `None` if
/// nobody wrote the inbox.
async fn begin_import(
    session: &Session<'_>,
    owner: &str,
) -> Result<Option<(Head, u64, bool)>, PostgresError> {
    let (lock, head) = try_join(session.prepare(&LOCK), session.prepare(&HEAD)).await?;
    let ((), inbox, head) = try_join3(
        session.batch_execute("BEGIN"),
        session.query_opt(&lock, &[&owner]),
        session.query_opt(&head, &[&owner]),
    )
    .await?;
    let Some(locked) = &inbox else { return Ok(None) };
    let outbox = locked.try_get("outbox")?;
    let (head, sealed) = rows::standing(inbox.as_ref(), head.as_ref())?;
    Ok(Some((head, sealed, outbox)))
}
