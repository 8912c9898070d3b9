//! Events that are brought to many inboxes: many of them in one transaction, which is synced once.

use chatfold::UserId;
use chatfold::store::{NewEvent, Received, StoredEvent, plan_receive};

use crate::log::Log;
use crate::store::begin;
use crate::{SqliteError, SqliteStore, rows};

/// How many inboxes are written in one transaction: other writers of the file wait for it.
const CHUNK: usize = 256;

impl SqliteStore {
    /// Brings events to inboxes, a transaction for every [`CHUNK`] of them.
    pub(crate) fn receive_in_chunks(
        &mut self,
        inboxes: &[UserId],
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
                let (mut log, head) = Log::to_write(&transaction, &mut self.cache, inbox)?;
                let known: Vec<_> = match head.prefix.events {
                    0 => Vec::new(),
                    _ => log.known_ids(&ids)?,
                };
                let known: Vec<_> = known.into_iter().map(|(id, _)| id).collect();
                let (new, outcome) = plan_receive(&head, &known, events);
                let stored = |(event, prefix): (&NewEvent, _)| {
                    StoredEvent::new(event.id, None, prefix, event.bytes.clone())
                };
                let new: Vec<_> = new.into_iter().map(stored).collect();
                if let Some(last) = new.last() {
                    log.add(&new, self.options.seal_events)?;
                    rows::set_prefix(&transaction, inbox, last.prefix)?;
                }
                outcomes.push(outcome);
            }
            transaction.commit()?;
        }
        Ok(outcomes)
    }
}
