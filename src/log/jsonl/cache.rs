//! Ids seen lately, so that an id that comes again costs no allocation.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Slots in a cache: a power of two, 256 KiB.
const SLOTS: usize = 16_384;

/// A table with two slots for each hash: bounded, and nobody can make it slow by choosing ids.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    /// Empty until used where a single line is decoded. An id is in the slot of its hash or in the one beside it.
    slots: Vec<[Option<T>; 2]>,
}

impl<T: Clone + AsRef<str>> Cache<T> {
    /// A cache that remembers.
    pub(crate) fn new() -> Self {
        Self { slots: vec![[None, None]; SLOTS / 2] }
    }

    /// A cache that remembers nothing and costs nothing.
    pub(crate) fn none() -> Self {
        Self { slots: Vec::new() }
    }

    /// The id with this text: the one remembered, or a new one.
    pub(crate) fn get<E>(&mut self, text: &str, new: impl FnOnce(&str) -> Result<T, E>) -> Result<T, E> {
        let slots = self.slots.get_mut(slots_of(text.as_bytes()));
        match slots.as_ref().and_then(|slots| remembered(slots, text.as_bytes())) {
            Some(id) => Ok(id),
            None => put(slots, text, new),
        }
    }

    /// The same for bytes that may be no text: nothing if they are none, or no id.
    #[inline]
    pub(crate) fn of_bytes<E>(&mut self, bytes: &[u8], new: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let slots = self.slots.get_mut(slots_of(bytes));
        match slots.as_ref().and_then(|slots| remembered(slots, bytes)) {
            Some(id) => Some(id),
            None => put(slots, std::str::from_utf8(bytes).ok()?, new).ok(),
        }
    }
}

#[inline]
fn remembered<T: Clone + AsRef<str>>([first, second]: &[Option<T>; 2], text: &[u8]) -> Option<T> {
    match first {
        Some(id) if id.as_ref().as_bytes() == text => Some(id.clone()),
        _ => second.as_ref().filter(|id| (*id).as_ref().as_bytes() == text).cloned(),
    }
}

/// Makes an id and remembers it in place of the one that was made longest ago.
#[inline(never)]
fn put<T: Clone, E>(
    slots: Option<&mut [Option<T>; 2]>,
    text: &str,
    new: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, E> {
    let id = new(text)?;
    if let Some([first, second]) = slots {
        *second = first.replace(id.clone());
    }
    Ok(id)
}

fn slots_of(text: &[u8]) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write(text);
    // Truncation is meant: any bits of the hash do.
    hasher.finish() as usize % (SLOTS / 2)
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
