//! Ids seen lately, so that an id that comes again costs no allocation.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Slots in a cache: a power of two, 256 KiB.
const SLOTS: usize = 16_384;

/// A table with one slot for each hash: bounded, and nobody can make it slow by choosing ids.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    /// Empty until used where a single line is decoded.
    slots: Vec<Option<T>>,
}

impl<T: Clone + AsRef<str>> Cache<T> {
    /// A cache that remembers.
    pub(crate) fn new() -> Self {
        Self { slots: vec![None; SLOTS] }
    }

    /// A cache that remembers nothing and costs nothing.
    pub(crate) fn none() -> Self {
        Self { slots: Vec::new() }
    }

    /// The id with this text: the one remembered, or a new one.
    pub(crate) fn get<E>(&mut self, text: &str, new: impl FnOnce(&str) -> Result<T, E>) -> Result<T, E> {
        let Some(slot) = self.slots.get_mut(slot_of(text.as_bytes())) else {
            return new(text);
        };
        match slot {
            Some(id) if (*id).as_ref() == text => Ok(id.clone()),
            _ => {
                let id = new(text)?;
                *slot = Some(id.clone());
                Ok(id)
            }
        }
    }

    /// The same for bytes that may be no text: nothing if they are none, or no id.
    #[inline]
    pub(crate) fn of_bytes<E>(&mut self, bytes: &[u8], new: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match self.slots.get(slot_of(bytes)) {
            Some(Some(id)) if id.as_ref().as_bytes() == bytes => Some(id.clone()),
            _ => self.get(std::str::from_utf8(bytes).ok()?, new).ok(),
        }
    }
}

fn slot_of(text: &[u8]) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write(text);
    // Truncation is meant: any bits of the hash do.
    hasher.finish() as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{IdError, UserId};

    #[test]
    fn what_is_remembered_is_shared_and_what_is_not_is_made() -> Result<(), IdError> {
        for (mut cache, shared) in [(Cache::new(), true), (Cache::none(), false)] {
            let first = cache.get("bob", UserId::parse)?;
            let again = cache.get("bob", UserId::parse)?;
            assert_eq!(first, again);
            assert_eq!(std::ptr::eq(first.as_str(), again.as_str()), shared);
            assert!(cache.get("", UserId::parse).is_err());
            for n in 0..10_000 {
                let text = format!("user-{n}");
                assert_eq!(cache.get(&text, UserId::parse)?.as_str(), text);
            }
        }
        Ok(())
    }
}
