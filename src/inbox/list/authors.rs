//! Who wrote the last message of which conversation, so that a changed profile is told where it shows.

/// The authors of last messages, by conversation and by user, each by number. There is none before a profile first
/// changes in an inbox that tells of it: then every conversation is looked at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastAuthors {
    of: im::OrdMap<u32, u32>,
    by: im::OrdSet<(u32, u32)>,
}

impl LastAuthors {
    /// The last message of a conversation is of this author now.
    pub(crate) fn note(&mut self, conversation: u32, author: Option<u32>) {
        let old = self.of.get(&conversation).copied();
        if old == author {
            return;
        }
        if let Some(old) = old {
            self.by.remove(&(old, conversation));
            self.of.remove(&conversation);
        }
        if let Some(author) = author {
            self.by.insert((author, conversation));
            self.of.insert(conversation, author);
        }
    }

    /// The conversations whose last message a user wrote.
    pub(crate) fn conversations_of(&self, user: u32) -> impl Iterator<Item = u32> + '_ {
        self.by.range((user, 0)..=(user, u32::MAX)).map(|(_, conversation)| *conversation)
    }
}
