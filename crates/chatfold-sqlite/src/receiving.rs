//! Events that are brought to many inboxes: many of them in one transaction, which is synced once.

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::store::{NewEvent, Received, StoredEvent, plan_receive};
use rusqlite::Connection;

use crate::log::{Cache, Log};
use crate::schema::begin;
use crate::{SqliteError, SqliteStore, outbox, rows};

/// How many inboxes are written in one transaction: other writers of the file wait for it.
const CHUNK: usize = 256;

/// Brings events, and their ids, to an inbox within a transaction.
pub(crate) fn receive_within(
    (connection, cache): (&Connection, &mut Cache),
    seal_events: usize,
    inbox: &StreamId,
    (ids, events): (&[EventId], &[NewEvent]),
) -> Result<Received, SqliteError> {
    if events.is_empty() {
        return Ok(Received::Known);
    }
    let (mut log, head) = Log::to_write(connection, cache, inbox)?;
    let known: Vec<_> = match head.prefix.events {
        0 => Vec::new(),
        _ => log.known_ids(ids, head.prefix)?,
    };
    let known: Vec<_> = known.into_iter().map(|(id, _)| id).collect();
    let (new, outcome) = plan_receive(&head, &known, events);
    let stored =
        |(event, prefix): (&NewEvent, _)| StoredEvent::new(event.id, None, prefix, event.bytes.clone());
    let new: Vec<_> = new.into_iter().map(stored).collect();
    if let Some(last) = new.last() {
        log.add(&new, seal_events)?;
        rows::set_prefix(connection, inbox, last.prefix)?;
        outbox::tell(connection, log.number, outbox::appended(head.prefix.events + 1, last.position()))?;
    }
    Ok(outcome)
}

impl SqliteStore {
    /// Brings events to inboxes, a transaction for every [`CHUNK`] of them.
    pub(crate) fn receive_in_chunks(
        &mut self,
        inboxes: &[StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, SqliteError> {
        if events.is_empty() {
            return Ok(vec![Received::Known; inboxes.len()]);
        }
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        let mut outcomes = Vec::with_capacity(inboxes.len());
        for chunk in inboxes.chunks(CHUNK) {
            let transaction = begin(&mut self.connection)?;
            for inbox in chunk {
                let within = (&*transaction, &mut self.cache);
                outcomes.push(receive_within(within, self.options.seal_events, inbox, (&ids, events))?);
            }
            transaction.commit()?;
        }
        Ok(outcomes)
    }
}
