//! Taking another inbox in whole: what only it has is moved, not joined message by message.

use std::sync::Arc;

use super::Inbox;
use super::apply::Tracker;
use super::arena::Arena;
use super::aside::Social;
use super::conversation::Conversation;
use super::merge::{Map, MergeError};

impl Inbox {
    /// Takes in everything `other` has seen, like [`Inbox::merge`], but keeps what it can and tells nothing:
    /// conversations that only `other` has are moved over. This is the second half of folding on several cores:
    /// split the events by conversation, fold each part with a [`Replay`](crate::Replay) of its own, and let one
    /// inbox absorb the others (R04). Account-wide events may go to any part.
    ///
    /// What follows this inbox by change sets sees that it missed one.
    ///
    /// Complexity: for a conversation that only `other` has, a pass over its messages to number their authors as
    /// here, nothing if both number alike; otherwise as merging. What still lies in a snapshot is verified first.
    ///
    /// ```
    /// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
    /// let alice = UserId::new("alice")?;
    /// let from = |name: &str, n: u8| -> Result<_, Box<dyn std::error::Error>> {
    ///     let by = UserId::new(name)?;
    ///     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(1_000)?, by.clone());
    ///     let hello = Message::text(MessageId::from_bytes([n; 16]), "Hello!");
    ///     Ok(envelope.message_received(ConversationId::direct(&by), hello)?)
    /// };
    /// let (bob, carol) = (from("bob", 1)?, from("carol", 2)?);
    /// let [mut first, second] =
    ///     [&bob, &carol].map(|event| Inbox::replay(alice.clone(), Policy::default(), [event]));
    /// first.absorb(second)?;
    /// assert_eq!(first.digest(), Inbox::replay(alice, Policy::default(), [&bob, &carol]).digest());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn absorb(&mut self, mut other: Self) -> Result<(), MergeError> {
        self.check_joins(&other)?;
        let users = self.numbers_of_users(&other);
        let is_same = users.iter().enumerate().all(|(theirs, ours)| theirs == *ours as usize);
        let mut of_both = Vec::new();
        for theirs in 0..other.conversations.len() as u32 {
            let is_ours = other.ids.name(theirs).is_none_or(|id| self.ids.get(id).is_some());
            if is_ours {
                of_both.push(theirs);
            } else if let Some(conversation) = other.conversations.take(theirs) {
                self.adopt(conversation, (!is_same).then_some(&users));
            }
        }
        let map = Map { users, conversations: self.numbers_of_conversations(&other) };
        let mut tracker = Tracker::new(self);
        self.join(&other, of_both, &map, &mut tracker);
        self.settle_rows(&mut tracker);
        self.revision += 1;
        Ok(())
    }

    /// Makes a conversation that is not here yet one of ours; `users`: our numbers for its users.
    fn adopt(&mut self, mut conversation: Arc<Conversation>, users: Option<&Vec<u32>>) {
        if users.is_some() || conversation.restored.is_some() {
            let conversation = Arc::make_mut(&mut conversation);
            // It was loaded whole, and is sound.
            conversation.restored = None;
            if let Some(users) = users {
                conversation.renumber(&|user| users.get(user as usize).copied().unwrap_or(user));
            }
        }
        let number = self.ids.intern(&conversation.id);
        let row = conversation.row;
        if row.listed {
            self.totals.add(row.unread.into(), conversation.personal.receive_option());
        }
        if let Some(key) = row.key() {
            self.list.shift(&conversation.id, number, (None, Some(key)));
        }
        self.conversations.push_shared(conversation);
    }
}

impl Conversation {
    /// Gives its users other numbers; which these are never shows, so nothing derived changes.
    fn renumber(&mut self, number: &impl Fn(u32) -> u32) {
        self.peer = self.peer.map(number);
        if let Some(timeline) = self.timeline.get_mut() {
            timeline.facts.arena.renumber(number);
        }
    }
}

impl Arena {
    fn renumber(&mut self, number: &impl Fn(u32) -> u32) {
        self.for_each_chunk(|chunk| {
            chunk.entries.renumber(number);
            for (_, aside) in &mut chunk.asides {
                if let Some(social) = &aside.social {
                    let mut anew = Social::default();
                    anew.join(social, number);
                    Arc::make_mut(aside).social = Some(Box::new(anew));
                }
            }
        });
    }
}
