//! Old versions of the text log, brought to the current one as they are read: a step a version.
//!
//! Only a log whose header is of an old version holds old lines; in any other they are faults. Reading a log and
//! writing it back makes it one of the current version.

use super::json::{Object, Parsed};
use super::key::Key;

/// The oldest version that is still read.
pub(super) const OLDEST: u64 = 0;

/// The keys of a line's object as the current version names them. Values stay where they are, so a fault in one
/// is told with its place in the old line.
pub(super) fn upcast(version: u64, object: &mut Object<'_>) -> Parsed<()> {
    if version == 0 {
        actor_became_by(object)?;
    }
    Ok(())
}

/// Version 0 → 1: the actor of an event stood under `actor`.
fn actor_became_by(object: &mut Object<'_>) -> Parsed<()> {
    object.rename(Key::Actor, Key::By)
}
