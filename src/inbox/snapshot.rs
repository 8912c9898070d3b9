//! An inbox frozen to bytes and back.
//!
//! The histories lie first, each a tree of parts with their own checksums; then the front: ids, profiles,
//! folders, and of every conversation its registers and its row. The front is verified and decoded when a
//! snapshot is opened, a history part by part when it is first touched. `docs/FORMAT.md` has it byte by byte.

mod fault;
mod parts;
mod registers;

use std::sync::Arc;

pub(crate) use self::fault::{Front, Restored};
use self::registers as reg;
use super::Inbox;
use super::conversation::Conversation;
use super::lazy::{Extent, Lazy, Place, Source};
use super::list::ListKey;
use super::names::Interner;
use crate::bytes::{In, Out};
use crate::change::Totals;
use crate::id::{ConversationId, FolderId, UserId};
use crate::policy::Policy;
use crate::snapshot::{LogPrefix, SnapshotError, SnapshotInfo, frame};

impl Inbox {
    /// The inbox as bytes: a snapshot of what the events of `prefix` made (R06).
    ///
    /// [`Inbox::restore`] makes the inbox again. What was restored and never touched since is copied as it lies
    /// in the snapshot it came from. An error if part of a history is known to be rotten: replay the log.
    ///
    /// Complexity: everything is written once.
    ///
    /// ```
    /// use chatfold::{Inbox, LogPrefix, Policy, UserId};
    /// let alice = UserId::new("alice")?;
    /// let inbox = Inbox::new(alice.clone(), Policy::default());
    /// let bytes = inbox.snapshot(LogPrefix::EMPTY)?;
    /// let (restored, prefix) = Inbox::restore(bytes, &alice, Policy::default())?;
    /// assert_eq!((restored.digest(), prefix.events), (inbox.digest(), 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn snapshot(&self, prefix: LogPrefix) -> Result<Vec<u8>, SnapshotError> {
        if let Some((conversation, fault)) = self.faults().next() {
            return Err(SnapshotError::Faulty { conversation: conversation.clone(), fault });
        }
        let info = SnapshotInfo { owner: self.owner.clone(), policy: self.policy, prefix };
        let mut bytes = frame::begin(&info)?;
        let histories: Vec<Extent> = self
            .conversations
            .iter()
            .map(|conversation| parts::put_history(&conversation.timeline, &mut bytes))
            .collect();
        let mut front = Out::default();
        self.put_front(&mut front, &histories);
        frame::end(&mut bytes, &front.0);
        Ok(bytes)
    }

    /// The inbox of a snapshot, and the prefix of the log that it stands for: apply the events after it (R06).
    ///
    /// Verified before anything is used are the header, the length, and the checksum of the list, the
    /// registers and the table of histories; each part of a history is verified when it is first touched (see
    /// [`Inbox::faults`]). Any mismatch is a [`SnapshotError`] with its reason, and calls for a replay of the
    /// log. Checksums guard against accidents, not against someone who can rewrite the file.
    ///
    /// `bytes` are kept as they are as long as parts of histories lie in them: a `Vec<u8>`, or a mapped file.
    ///
    /// Complexity: proportional to the conversations and users, whatever their histories.
    pub fn restore(
        bytes: impl AsRef<[u8]> + Send + Sync + 'static,
        owner: &UserId,
        policy: Policy,
    ) -> Result<(Self, LogPrefix), SnapshotError> {
        let info = SnapshotInfo::read(bytes.as_ref())?;
        if info.owner != *owner {
            return Err(SnapshotError::Owner { expected: owner.clone(), found: info.owner });
        }
        if info.policy != policy {
            return Err(SnapshotError::Policy { expected: policy, found: info.policy });
        }
        let (histories, front) = frame::open(bytes.as_ref())?;
        let (histories, front_at) = (histories.clone(), histories.end);
        let front = front.to_vec();
        Self::take_front(In(&front), &info, Arc::new(bytes), histories)
            .map(|inbox| (inbox, info.prefix))
            .ok_or(SnapshotError::Undecodable { offset: front_at })
    }

    fn put_front(&self, out: &mut Out, histories: &[Extent]) {
        out.len(self.users.len());
        for user in self.users.ids() {
            out.bytes(user.as_str().as_bytes());
        }
        out.len(self.conversations.len());
        for conversation in &self.conversations {
            out.bytes(conversation.id.as_str().as_bytes());
        }
        for (conversation, history) in self.conversations.iter().zip(histories) {
            out.uint(conversation.peer.map_or(0, |peer| u64::from(peer) + 1));
            reg::put_row(out, &conversation.row);
            reg::put_derived(out, &conversation.derived);
            reg::put_shared(out, &conversation.shared);
            reg::put_personal(out, &conversation.personal);
            out.extent(*history);
        }
        out.len(self.profiles.len());
        for (user, profile) in &self.profiles {
            reg::put_profile(out.uint(*user), profile);
        }
        out.len(self.folders.len());
        for (id, folder) in &self.folders {
            reg::put_folder(out.raw(id.as_bytes()), folder);
        }
        reg::put_quiet_hours(out, &self.quiet_hours);
        // In list order, so that the list is built from sorted rows.
        out.len(self.list.len());
        for number in self.list.values() {
            out.uint(*number);
        }
    }

    fn take_front(
        mut from: In<'_>,
        info: &SnapshotInfo,
        bytes: super::lazy::Bytes,
        histories: std::ops::Range<u64>,
    ) -> Option<Self> {
        let users: im::Vector<UserId> = from.list(2, |from| UserId::new(from.text()?).ok())?;
        let ids: im::Vector<ConversationId> = from.list(6, |from| ConversationId::new(from.text()?).ok())?;
        let source = Arc::new(Source::new(bytes, ids.clone()));
        let mut inbox = Self::new(info.owner.clone(), info.policy);
        let mut at = histories.start;
        for (number, id) in ids.iter().enumerate() {
            let number = u32::try_from(number).ok()?;
            let conversation = take_conversation(&mut from, &source, number, id, &mut at)?;
            inbox.conversations.push_back(Arc::new(conversation));
        }
        inbox.users = Interner::of(users)?;
        inbox.ids = Interner::of(ids)?;
        inbox.profiles = from.list(4, |from| Some((from.number()?, Arc::new(reg::take_profile(from)?))))?;
        inbox.folders = from.list(19, |from| {
            let id = FolderId::from_bytes(from.array()?);
            Some((id, Arc::new(reg::take_folder(from)?)))
        })?;
        inbox.quiet_hours = reg::take_quiet_hours(&mut from)?;
        let listed: Vec<u32> = from.list(1, In::number)?;
        from.end()?;
        let mut totals = Totals::default();
        let rows = listed.iter().map(|number| {
            let conversation = inbox.conversations.get(*number as usize).filter(|c| c.row.listed)?;
            totals.add(conversation.row.unread.into(), conversation.personal.receive_option());
            Some((ListKey::new(conversation.row.order_key, conversation.id.clone()), *number))
        });
        inbox.list = rows.collect::<Option<_>>()?;
        inbox.totals = totals;
        let all = inbox.conversations.iter().filter(|c| c.row.listed).count();
        (at == histories.end && inbox.list.len() == all).then_some(inbox)
    }
}

fn take_conversation(
    from: &mut In<'_>,
    source: &Arc<Source>,
    number: u32,
    id: &ConversationId,
    at: &mut u64,
) -> Option<Conversation> {
    let peer = u32::try_from(from.uint()?).ok()?.checked_sub(1);
    let row = reg::take_row(from)?;
    let derived = reg::take_derived(from)?;
    let shared = reg::take_shared(from)?;
    let personal = reg::take_personal(from)?;
    let Extent { head_len, len, check } = from.extent()?;
    let place = Place { source: Arc::clone(source), number, offset: *at, head_len, len, check };
    *at = at.checked_add(len)?;
    let restored = Restored::new(Arc::clone(source), number);
    let timeline = Lazy::cold(place);
    Some(Conversation {
        id: id.clone(),
        peer,
        timeline,
        shared,
        personal,
        derived,
        row,
        restored: Some(restored),
    })
}
