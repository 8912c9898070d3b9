//! An inbox frozen to bytes and back.
//!
//! The histories lie first, each a tree of parts with their own checksums; then the front: ids, profiles,
//! folders, the list, and of every conversation its registers and its row. The front is verified when a
//! snapshot is opened and read in place: what is asked for is decoded. A history is verified and decoded part by
//! part when it is first touched. `docs/FORMAT.md` has it byte by byte.

mod fault;
mod parts;
mod registers;
mod tables;

use std::sync::Arc;

pub(crate) use self::fault::{Front, Restored};
use self::registers as reg;
pub(crate) use self::tables::{NameTable, Record, Root, Tables};
use super::Inbox;
use super::conversation::{Conversation, Reads};
use super::lazy::{Extent, Lazy, Place, Source};
use super::names::Interner;
use super::profile::Profile;
use super::ranking::Ranking;
use super::seats::{Seated, Seats};
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
        let first = bytes.len();
        let mut records = tables::Records::default();
        for number in 0..self.conversations.len() as u32 {
            let history_at = (bytes.len() - first) as u64;
            let untouched = self.conversations.untouched(number);
            let lying = untouched.and_then(|source| source.record(number).zip(source.history(number)));
            if let Some((record, history)) = lying {
                bytes.extend_from_slice(history);
                records.put(history_at, record.root, record.bytes);
            } else if let Some(conversation) = self.conversations.get(number) {
                let Extent { head_len, check, .. } = parts::put_history(&conversation.timeline, &mut bytes);
                let mut record = Out::default();
                put_conversation(&mut record, conversation);
                records.put(history_at, Root { head_len, check }, &record.0);
            }
        }
        frame::end(&mut bytes, &self.front(&records));
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
    /// Complexity: every byte of ids, rows and registers is verified, whatever the histories; what is decoded of
    /// them is a row in 64 of the list.
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
        let undecodable = SnapshotError::Undecodable { offset: histories.end };
        let tables = Tables::open(bytes.as_ref(), histories, front).ok_or(undecodable.clone())?;
        let source = Arc::new(Source::new(Arc::new(bytes), tables));
        Self::of_front(source, &info).map(|inbox| (inbox, info.prefix)).ok_or(undecodable)
    }

    fn front(&self, records: &tables::Records) -> Vec<u8> {
        let mut account = Out::default();
        account.uint(self.totals.unread).uint(self.totals.unread_all);
        account.len(self.folders.len());
        for (id, folder) in &self.folders {
            reg::put_folder(account.raw(id.as_bytes()), folder);
        }
        reg::put_quiet_hours(&mut account, &self.quiet_hours);
        let profiles = self.profiles.numbered().map(|(user, profile)| {
            let mut out = Out::default();
            reg::put_profile(&mut out, profile);
            (user, out.0)
        });
        tables::put(tables::Parts {
            users: self.users.texts(),
            ids: self.ids.texts(),
            records,
            profiles,
            list: self.list.iter().map(|(key, number)| (key.order_key(), *number)),
            account: &account,
        })
    }

    /// The inbox of a verified front, of which nothing is decoded but the account's own.
    fn of_front(source: Arc<Source>, info: &SnapshotInfo) -> Option<Self> {
        let mut from = In(source.tables().account(source.bytes())?);
        let totals = Totals { unread: from.uint()?, unread_all: from.uint()? };
        let folders = from.list(19, |from| {
            let id = FolderId::from_bytes(from.array()?);
            Some((id, Arc::new(reg::take_folder(from)?)))
        })?;
        let quiet_hours = reg::take_quiet_hours(&mut from)?;
        from.end()?;
        let Tables { users, ids, .. } = source.tables();
        Some(Self {
            owner: info.owner.clone(),
            policy: info.policy,
            conversations: Seats::cold(Arc::clone(&source), ids.len()),
            profiles: Seats::cold(Arc::clone(&source), users.len()),
            users: Interner::cold(Arc::clone(&source)),
            ids: Interner::cold(Arc::clone(&source)),
            folders,
            quiet_hours,
            list: Ranking::cold(&source)?,
            totals,
            faults_told: im::OrdSet::new(),
            revision: 0,
        })
    }
}

fn put_conversation(out: &mut Out, conversation: &Conversation) {
    out.uint(conversation.peer.map_or(0, |peer| u64::from(peer) + 1));
    reg::put_row(out, &conversation.row);
    reg::put_derived(out, &conversation.derived);
    reg::put_shared(out, &conversation.shared, conversation.reads.peer);
    reg::put_personal(out, &conversation.personal, &conversation.reads.own);
}

fn take_conversation(source: &Arc<Source>, number: u32, id: &ConversationId) -> Option<Conversation> {
    let record = source.record(number)?;
    let mut from = In(record.bytes);
    let peer = u32::try_from(from.uint()?).ok()?.checked_sub(1);
    let row = reg::take_row(&mut from)?;
    let derived = reg::take_derived(&mut from)?;
    let (shared, peer_read) = reg::take_shared(&mut from)?;
    let (personal, own) = reg::take_personal(&mut from)?;
    let reads = Reads { own, peer: peer_read };
    from.end()?;
    let Root { head_len, check } = record.root;
    let (offset, len) = (record.history.start, record.history.end - record.history.start);
    let place = Place { source: Arc::clone(source), number, offset, head_len, len, check };
    let restored = Some(Restored::new(Arc::clone(source), number));
    let timeline = Lazy::cold(place);
    let (shared, personal) = (shared.into(), personal.into());
    Some(Conversation { id: id.clone(), peer, timeline, shared, personal, reads, derived, row, restored })
}

impl Seated for Conversation {
    /// One that cannot be decoded, though its checksum fits, is there, faulty and empty (R99).
    fn load(source: &Arc<Source>, number: u32) -> Option<Self> {
        let id = source.id(number)?;
        Some(take_conversation(source, number, &id).unwrap_or_else(|| {
            let offset = source.record(number).map_or(0, |record| record.offset);
            source.rot(number, offset, "its checksum fits, but it cannot be decoded");
            let restored = Some(Restored::new(Arc::clone(source), number));
            Self { restored, ..Self::new(id, None, true) }
        }))
    }
}

impl Seated for Profile {
    fn load(source: &Arc<Source>, user: u32) -> Option<Self> {
        let mut from = In(source.tables().profile(source.bytes(), user)?);
        let profile = reg::take_profile(&mut from)?;
        from.end().map(|()| profile)
    }
}
