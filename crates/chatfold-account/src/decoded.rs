//! Events as a log has them, decoded.

use chatfold::jsonl::{LoggedEvent, decode_line};
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
