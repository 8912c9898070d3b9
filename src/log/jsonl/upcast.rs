//! Old versions of the text log, brought to the current one as they are read: a step a version.
//!
//! Only a log whose header is of an old version holds old lines; in any other they are faults. Reading a log and
//! writing it back makes it one of the current version.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::log::jsonl::json::value::{Object, Parsed};
use crate::log::jsonl::key::Key;
use crate::log::jsonl::{VERSION, json};

/// The oldest version that is still read.
pub(crate) const OLDEST: u64 = 0;

/// The keys of a line's object as the current version names them. Values stay where they are, so a fault in one
/// is told with its place in the old line.
pub(crate) fn upcast(version: u64, object: &mut Object<'_>) -> Parsed<()> {
    if version == 0 {
        actor_became_by(object)?;
    }
    Ok(())
}

/// Version 0 → 1: the actor of an event stood under `actor`.
fn actor_became_by(object: &mut Object<'_>) -> Parsed<()> {
    object.rename(Key::Actor, Key::By)
}

/// A whole line of an old version, of a type that is not known, as one of this version: its values as they stand.
/// Kept as it is, it could be read in an old log only.
pub(crate) fn upcast_line(version: u64, line: &str) -> Parsed<String> {
    let mut keys: BTreeMap<String, &RawValue> = serde_json::from_str(line).map_err(|error| {
        json::value::Fault::new(error.column().saturating_sub(1), "an object", error.to_string())
    })?;
    if version == 0
        && let Some(actor) = keys.remove(Key::Actor.name())
    {
        keys.insert(Key::By.name().to_owned(), actor);
    }
    keys.remove(Key::V.name());
    let mut new = format!("{{\"v\":{VERSION}");
    for (name, value) in keys {
        new.push(',');
        crate::model::json_text::push_text(&mut new, &name);
        new.push(':');
        new.push_str(value.get());
    }
    new.push('}');
    Ok(new)
}
