//! Events as a log has them, decoded.

use std::collections::BTreeSet;

use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::store::NewEvent;
use chatfold::{Event, EventId};

use crate::error::Failure;

/// The event, if its type is known.
pub(crate) fn known(event: LoggedEvent) -> Option<Event> {
    match event {
        LoggedEvent::Known(event) => Some(event),
        LoggedEvent::Skipped(_) => None,
    }
}

/// An event, decoded, its id compared with the one beside it.
pub(crate) fn decode(id: EventId, bytes: &[u8], position: u64) -> Result<LoggedEvent, Failure> {
    let event = decode_line(bytes).map_err(|error| Failure::Undecodable { position, error })?;
    match event.known() {
        Some(known) if known.id() != id => Err(Failure::Damaged { position }),
        _ => Ok(event),
    }
}

/// Events that happened elsewhere, each what its id says, of two of one id the first. A fault names the place in `events`.
pub(crate) fn checked(events: Vec<NewEvent>) -> Result<Vec<NewEvent>, Failure> {
    for (event, place) in events.iter().zip(1..) {
        decode(event.id, &event.bytes, place)?;
    }
    let mut seen = BTreeSet::new();
    Ok(events.into_iter().filter(|event| seen.insert(event.id)).collect())
}
