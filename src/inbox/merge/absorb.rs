//! Taking another inbox in whole: what only it has is moved, not joined message by message.

use std::sync::Arc;

use crate::inbox::apply::tracker::Tracker;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::list::ranking::{ListKey, Ranking};
use crate::inbox::merge::union::Map;
use crate::inbox::state::{Inbox, MergeError};
use crate::inbox::timeline::arena::Arena;

/// One in so many rows are few: inserting each costs less than making the list anew.
const FEW_OF: usize = 16;

impl Inbox {
    /// Takes in everything `other` has seen, like [`Inbox::merge`], but keeps what it can and tells nothing:
    /// conversations that only `other` has are moved over. This is the end of folding on several cores: replay the log
    /// in stretches, [share out](crate::Replay::share_out) what they have by conversation, finish each part, and let
    /// one inbox absorb the others (R04). Parts that were split by conversation in any other way are absorbed as well.
    ///
    /// What follows this inbox by change sets sees that it missed one.
    ///
    /// Complexity: for a conversation that only `other` has, a pass over its messages to number their authors as
    /// here, nothing if both number alike, as what was shared out does; otherwise as merging. The rows of many
    /// conversations make the list anew, those of few are inserted. What still lies in a snapshot is verified first.
    ///
    /// ```
    /// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
    /// let alice = UserId::parse("alice")?;
    /// let from = |name: &str, n: u8| -> Result<_, Box<dyn std::error::Error>> {
    ///     let by = UserId::parse(name)?;
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
    ///
    /// # Errors
    ///
    /// [`MergeError`] if the inboxes belong to two owners, have unlike policies, or one of them is corrupt in a part.
    /// Nothing is changed then.
    pub fn absorb(&mut self, mut other: Self) -> Result<(), MergeError> {
        self.check_joins(&other)?;
        self.last_authors = None;
        let continues = self.users.continues(&other.users);
        let users =
            if continues { (0..other.users.len() as u32).collect() } else { self.numbers_of_users(&other) };
        let is_same = continues || users.iter().enumerate().all(|(theirs, ours)| theirs == *ours as usize);
        let mut of_both = Vec::new();
        let mut rows = Vec::new();
        for theirs in 0..other.conversations.len() as u32 {
            let is_ours = other.ids.name(theirs).is_none_or(|id| self.ids.get(id).is_some());
            if is_ours {
                of_both.push(theirs);
            } else if let Some(conversation) = other.conversations.take(theirs) {
                rows.extend(self.adopt(conversation, (!is_same).then_some(&users)));
            }
        }
        self.rank(rows);
        let map = Map { users, conversations: self.numbers_of_conversations(&other) };
        let mut tracker = Tracker::new(self);
        self.join(&other, of_both, &map, &mut tracker);
        self.settle_rows(&mut tracker);
        self.revision += 1;
        Ok(())
    }

    /// Makes a conversation that is not here yet one of ours. Returns its row, if it is listed. `users`: our numbers for its
    /// users.
    fn adopt(
        &mut self,
        mut conversation: Arc<Conversation>,
        users: Option<&Vec<u32>>,
    ) -> Option<(ListKey, u32)> {
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
            self.sums.add(&row.counted());
        }
        let row = row.key().map(|key| (ListKey::new(key, conversation.id.clone()), number));
        self.conversations.push_shared(conversation);
        row
    }

    /// Puts rows that are not there yet into the list: one by one, or all at once where they are many.
    fn rank(&mut self, mut rows: Vec<(ListKey, u32)>) {
        if rows.len() < self.list.len() / FEW_OF {
            for (key, number) in rows {
                self.list.shift(key.id(), number, (None, Some(key.order_key())));
            }
            return;
        }
        // Both lists are long runs of what is sorted, which this finds.
        rows.sort();
        rows.extend(self.list.iter().cloned());
        rows.sort();
        self.list = Ranking::of(rows);
    }
}

impl Conversation {}

impl Arena {}
