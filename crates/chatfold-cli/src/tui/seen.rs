//! What was read of a log before reading broke off.

use chatfold::Event;

use crate::failure::Failure;

/// Returns the events that were read. Why no more could be read is told when there are none: who looks again reads on
/// from where that is.
pub fn seen(read: Result<(), Failure>, unseen: &mut Vec<Event>) -> Result<Vec<Event>, Failure> {
    match read {
        Err(failure) if unseen.is_empty() => Err(failure),
        _ => Ok(std::mem::take(unseen)),
    }
}
