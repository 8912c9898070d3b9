//! Which conversations turned out corrupt (R99).

use std::ops::Range;

use crate::inbox::state::Inbox;
use crate::inbox::timeline::facts::Timeline;
use crate::model::id::ConversationId;
use crate::store::snapshot::HistoryFault;
use crate::store::snapshot::source::SourceError;

impl Inbox {
    /// The conversations part of whose history or registers, restored from a snapshot, turned out corrupt (R99), or could
    /// not be read ([`Inbox::outage`]), when they were first touched.
    ///
    /// The list keeps their rows as they were verified, their histories show only what was verified, and
    /// their events wait: [`Inbox::heal`] takes them from a replay of the log. Only what was touched is known:
    /// [`Inbox::verify`] touches everything. The next change set tells of each once, by
    /// [`Attribute::Fault`](crate::change::Attribute::Fault).
    pub fn faults(&self) -> impl Iterator<Item = (&ConversationId, HistoryFault)> {
        let conversations = self.corrupt().into_iter().filter_map(|number| self.conversations.get(number));
        conversations.filter_map(|conversation| Some((&conversation.id, conversation.fault()?)))
    }

    /// Why a part of the snapshot that the inbox was restored from could not be read when it was needed; `None` where
    /// that never happened. It is no damage: give the inbox up, restore it again and apply what came since. Until then it
    /// makes no snapshot, and what it says of the conversations among [`Inbox::faults`] is what their rows had.
    ///
    /// Clones of one restored inbox share it: what one of them could not read, all tell.
    pub fn outage(&self) -> Option<&SourceError> {
        self.conversations.source()?.outage()
    }

    /// The bytes of the snapshot that the inbox was restored from that hold the history and the registers of a conversation
    /// which nobody has touched since; `None` of any other. Whoever reads snapshots from elsewhere can fetch them before
    /// they are needed ([`SnapshotSource::is_at_hand`](crate::snapshot::SnapshotSource::is_at_hand)). Complexity: O(log n).
    pub fn untouched(&self, conversation: &ConversationId) -> Option<Range<u64>> {
        let number = self.ids.get(conversation)?;
        let record = self.conversations.untouched(number)?.record(number)?;
        let end = record.registers_at.checked_add(u64::from(record.registers.len))?;
        Some(record.history.start..end)
    }

    /// Lets go of what was loaded of histories from the snapshot that the inbox was restored from and not written since:
    /// whoever looks there again loads it again, and nothing that the inbox says changes. Without it an inbox keeps all that
    /// was ever touched. What clones of the inbox share with it stays, as does what a row shows.
    ///
    /// Loading again takes a snapshot that can still be read: where that lies elsewhere and a newer one may have taken its
    /// place, it may be an [outage](Inbox::outage) by then. Complexity: O(what is at hand).
    ///
    /// ```
    /// use chatfold::snapshot::LogPrefix;
    /// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
    ///
    /// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
    /// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, bob.clone());
    /// let message = Message::text(MessageId::from_bytes([2; 16]), "hello");
    /// let chat = ConversationId::direct(&bob);
    /// let mut inbox = Inbox::new(alice.clone(), Policy::default());
    /// inbox.apply(&envelope.message_received(chat.clone(), message)?);
    ///
    /// let bytes = inbox.snapshot(LogPrefix::EMPTY)?;
    /// let (mut restored, _) = Inbox::restore(bytes, &alice, Policy::default())?;
    /// restored.verify()?;
    /// restored.release_parts();
    /// assert_eq!(restored.digest(), inbox.digest(), "it is loaded again");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release_parts(&mut self) {
        // What is corrupt stays as it was found: its conversation was undone from what was verified.
        self.conversations.for_each_own(|conversation| {
            if conversation.fault().is_none() {
                conversation.timeline.release(Timeline::release);
            }
        });
    }

    /// The numbers of the conversations among the faults.
    pub(crate) fn corrupt(&self) -> Vec<u32> {
        let mut numbers = self.conversations.source().map(|source| source.faulty()).unwrap_or_default();
        numbers.retain(|number| self.conversations.get(*number).is_some_and(|c| c.fault().is_some()));
        numbers
    }

    /// Notes the conversations found corrupt by now, whoever touched them, so that each is told of once.
    pub(crate) fn note_corrupt(&mut self) {
        let corrupt = self.corrupt();
        if !corrupt.is_empty() {
            self.faults_told.extend(corrupt);
        }
    }

    /// Loads and verifies all registers and histories that were restored from a snapshot. Returns the first fault, if there is
    /// one.
    ///
    /// Complexity: everything that lies in the snapshot is decoded.
    ///
    /// # Errors
    ///
    /// [`HistoryFault`]: the first part that is corrupt.
    pub fn verify(&self) -> Result<(), HistoryFault> {
        self.conversations.iter().for_each(|conversation| conversation.load_all());
        self.faults().next().map_or(Ok(()), |(_, fault)| Err(fault))
    }
}
