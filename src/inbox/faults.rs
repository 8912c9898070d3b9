//! Which conversations turned out corrupt (R99).

use std::ops::Range;
use std::sync::Arc;

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

    /// Lets go of parts as [`Inbox::release_parts`] does, if more than so many bytes of them are loaded
    /// ([`Inbox::loaded_len_bytes`]). Where clones hold them, it is tried again once half as much more was loaded.
    ///
    /// Complexity: O(1) where there is nothing to be done.
    pub fn release_parts_beyond(&mut self, len_bytes: u64) {
        let Some(source) = self.conversations.source().filter(|source| source.is_beyond(len_bytes)) else {
            return;
        };
        let source = Arc::clone(source);
        self.release_parts();
        source.let_go(len_bytes);
    }

    /// Returns the same inbox with a bound: whenever it has taken something in, it lets go of the loaded parts if they are
    /// more than so many bytes of its snapshot ([`Inbox::loaded_len_bytes`]). Clones have the same bound.
    ///
    /// You need it where an inbox of a long history lives long: without a bound all that was ever touched stays. A batch may
    /// load as much as it touches before it is done, and reading, which has no way to let go, as much as is read until the
    /// next event; whoever only reads calls [`Inbox::release_parts_beyond`] now and then. The bound knows nothing of what
    /// stays in any case: the front, the registers of each conversation looked at, and whatever was written since the
    /// snapshot, until the inbox is restored from a newer one. Loaded parts take about as much memory as they have bytes in
    /// the snapshot, those of few messages up to half as much more.
    ///
    /// Complexity: letting go costs what is at hand, so a bound of less than what a screen and its events touch makes each
    /// event cost that.
    ///
    /// ```
    /// use chatfold::snapshot::LogPrefix;
    /// use chatfold::{ConversationId, Envelope, EventId, Inbox, Message, MessageId, Policy, Timestamp, UserId};
    ///
    /// let (alice, bob) = (UserId::parse("alice")?, UserId::parse("bob")?);
    /// let said = |n: u8| {
    ///     let envelope = Envelope::new(EventId::from_bytes([n; 16]), Timestamp::from_millis(n.into())?, bob.clone());
    ///     let message = Message::text(MessageId::from_bytes([n; 16]), "hello");
    ///     Ok::<_, Box<dyn std::error::Error>>(envelope.message_received(ConversationId::direct(&bob), message)?)
    /// };
    /// let mut inbox = Inbox::new(alice.clone(), Policy::default());
    /// inbox.apply(&said(1)?);
    /// let (restored, _) = Inbox::restore(inbox.snapshot(LogPrefix::EMPTY)?, &alice, Policy::default())?;
    /// let mut restored = restored.with_parts_bound(8 << 20);
    /// restored.apply(&said(2)?);
    /// assert!(restored.loaded_len_bytes() <= 8 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_parts_bound(mut self, len_bytes: u64) -> Self {
        self.parts_bound_len_bytes = len_bytes;
        self
    }

    /// How many bytes, as they lie in the snapshot that the inbox was restored from, the parts of histories have that are
    /// loaded and were not written since, whichever of its clones holds them: O(1).
    pub fn loaded_len_bytes(&self) -> u64 {
        self.conversations.source().map_or(0, |source| source.loaded_len_bytes())
    }

    /// Keeps to the bound, where one is set.
    #[inline]
    pub(crate) fn keep_to_bound(&mut self) {
        if self.parts_bound_len_bytes < u64::MAX {
            self.release_parts_beyond(self.parts_bound_len_bytes);
        }
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
