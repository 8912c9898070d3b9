//! From a message back to what its server calls it (R112): what both kinds of account share of it.

use chatfold::foreign::{META_FOREIGN, read_id};
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;
use chatfold::{ConversationId, Event, EventId, Inbox, MessageId};

use crate::decoded::{decode, known};
use crate::error::{AccountError, Failure};

/// Where the server's id of a message is told.
pub(crate) enum WayBack {
    /// The message is not known, or not shown any more.
    Unknown,
    /// The message's id tells it.
    Told(String),
    /// The meta of this event has it.
    In(EventId),
}

/// Returns where the server's id of a message is told.
pub(crate) fn way_back(inbox: &Inbox, conversation: &ConversationId, message: MessageId) -> WayBack {
    let view = inbox.conversation(conversation);
    match view.as_ref().and_then(|view| view.message(message)) {
        None => WayBack::Unknown,
        Some(view) => read_id(message).map_or(WayBack::In(view.event()), WayBack::Told),
    }
}

/// Returns the position after which an event is read again to be verified together with the one before it.
pub(crate) fn before(event: &StoredEvent) -> u64 {
    event.position().saturating_sub(2)
}

/// Returns the event that a store found, once it is held against the event before it in `around`; `None` where its type
/// or version is not known here.
///
/// # Errors
///
/// [`AccountError::Damaged`] if it is not what was appended, [`AccountError::Undecodable`] if it cannot be decoded.
pub(crate) fn verified<E>(
    found: &StoredEvent,
    around: &[StoredEvent],
) -> Result<Option<Event>, AccountError<E>> {
    let position = found.position();
    let prefix = match around {
        _ if position == 1 => Some(LogPrefix::EMPTY),
        [before, ..] if before.position() + 1 == position => Some(before.prefix),
        _ => None,
    };
    if !prefix.is_some_and(|prefix| found.follows(prefix)) {
        return Err(AccountError::Damaged { position });
    }
    decode(found.id, &found.bytes, position).map(known).map_err(Failure::widen)
}

/// Returns the server's id that an event keeps.
pub(crate) fn kept(event: Option<Event>) -> Option<String> {
    event?.meta().get(META_FOREIGN).cloned()
}
