//! What becomes of a conversation whose history turns out corrupt (R99).

use crate::inbox::conversation::state::Conversation;
use crate::inbox::state::{Inbox, MergeError};

impl Inbox {
    /// Takes every faulty conversation from `replayed`, an inbox folded from the log, and applies the events
    /// that waited; how many conversations were healed.
    ///
    /// Every history is looked at first. Everything else `replayed` has seen is merged too, as by
    /// [`Inbox::merge`].
    ///
    /// # Errors
    ///
    /// [`MergeError`] if the inboxes belong to two owners or have unlike policies, or if a part of `replayed` is corrupt.
    /// Nothing is changed then.
    pub fn heal(&mut self, replayed: &Self) -> Result<usize, MergeError> {
        self.conversations.iter().for_each(|conversation| conversation.load_all());
        let faulty = self.corrupt();
        let (mut healed, mut waiting) = (self.clone(), Vec::new());
        for number in &faulty {
            let Some(conversation) = healed.conversations.get(*number).cloned() else { continue };
            let restored = conversation.restored.iter();
            waiting.extend(restored.flat_map(|restored| restored.waiting().iter().cloned()));
            let peer = conversation.id.peer().map(|peer| healed.users.intern(&peer));
            healed.replace(*number, Conversation::new(conversation.id.clone(), peer, true));
        }
        healed.merge(replayed)?;
        healed.apply_batch(&waiting);
        *self = healed;
        Ok(faulty.len())
    }
}
