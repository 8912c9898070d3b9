//! Judging what another store kept.

use crate::store::{AppendError, Head, StoredEvent};

/// Judges whether `events`, as another store kept them, are what follows `head`.
///
/// # Errors
///
/// [`AppendError::Closed`], [`AppendError::Empty`], [`AppendError::Conflict`] or [`AppendError::Broken`].
pub fn plan_import<E>(head: &Head, events: &[StoredEvent]) -> Result<(), AppendError<E>> {
    if let Some(closed) = &head.closed {
        return Err(AppendError::Closed(closed.clone()));
    }
    let expected = events.first().ok_or(AppendError::Empty)?.position().saturating_sub(1);
    let mut prefix = head.prefix;
    if prefix.events != expected {
        return Err(AppendError::Conflict { expected, actual: prefix.events });
    }
    for event in events {
        if !event.follows(prefix) {
            return Err(AppendError::Broken { position: event.position() });
        }
        prefix = event.prefix;
    }
    Ok(())
}
