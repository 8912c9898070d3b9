//! Judging what another store kept.

use crate::store::{AppendError, Head, StoredEvent};

/// Judges whether `events`, as another store kept them, are what follows `head`.
///
/// # Errors
///
/// [`AppendError::Closed`], [`AppendError::Empty`], [`AppendError::Conflict`], [`AppendError::Broken`], or
/// [`AppendError::Doubled`] if two have one id. Whether the log has any of the ids is the store's to know.
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
    let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
    ids.sort_unstable();
    match ids.windows(2).find_map(|pair| matches!(pair, [a, b] if a == b).then(|| pair.first().copied())) {
        Some(Some(id)) => Err(AppendError::Doubled { id }),
        _ => Ok(()),
    }
}
