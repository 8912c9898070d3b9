//! An inbox frozen to bytes and back.
//!
//! The histories lie first, each a tree of parts with their own checksums, and behind each the registers of its
//! conversation; then the front: ids, profiles, folders, the list, and of every conversation its row. The front is
//! verified when a snapshot is opened and read in place: what is asked for is decoded. Registers are verified and
//! decoded when their conversation is first looked at, a history part by part when it is first touched.
//! `docs/FORMAT.md` has it byte by byte.

pub(crate) mod history_parts;
pub(crate) mod register_bytes;

use std::sync::Arc;

use crate::inbox::containers::dense_table::{DenseTable, Recorded};
use crate::inbox::containers::interner::Interner;
use crate::inbox::containers::lazy::{Bytes, Extent, Lazy, PartPlace, Source};
use crate::inbox::containers::tables::{self, ConversationRecord, Sealed, Tables};
use crate::inbox::conversation::restored::Restored;
use crate::inbox::conversation::shared::Reads;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::list::folders::Folders;
use crate::inbox::list::profile::Profile;
use crate::inbox::list::ranking::Ranking;
use crate::inbox::registers;
use crate::inbox::snapshot::register_bytes as reg;
use crate::inbox::state::Inbox;
use crate::model::id::{ConversationId, FolderId, UserId};
use crate::model::policy::Policy;
use crate::register::bytes::{In, Out};
use crate::store::snapshot::frame::{self, Opened};
use crate::store::snapshot::source::SnapshotSource;
use crate::store::snapshot::{LogPlace, LogPrefix, SnapshotError, SnapshotInfo};

impl Inbox {
    /// The inbox as bytes: a snapshot of what the events of `prefix` made (R06).
    ///
    /// [`Inbox::restore`] makes the inbox again. What was restored and never touched since is copied as it lies
    /// in the snapshot it came from. An error if part of a history is known to be corrupt: replay the log.
    ///
    /// Complexity: everything is written once.
    ///
    /// ```
    /// use chatfold::snapshot::LogPrefix;
    /// use chatfold::{Inbox, Policy, UserId};
    /// let alice = UserId::parse("alice")?;
    /// let inbox = Inbox::new(alice.clone(), Policy::default());
    /// let bytes = inbox.snapshot(LogPrefix::EMPTY)?;
    /// let (restored, prefix) = Inbox::restore(bytes, &alice, Policy::default())?;
    /// assert_eq!((restored.digest(), prefix.events), (inbox.digest(), 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Faulty`] if a part of the inbox is corrupt: heal it first. [`SnapshotError::Unavailable`] if a
    /// part of the snapshot that it came from could not be read: restore it again.
    pub fn snapshot(&self, prefix: LogPrefix) -> Result<Vec<u8>, SnapshotError> {
        self.written(prefix, None)
    }

    /// The same of a log that lies in a file, with the place at which `prefix` ends there: whoever has that file need not
    /// look at the events before it.
    ///
    /// # Errors
    ///
    /// As [`Inbox::snapshot`].
    pub fn snapshot_at(&self, prefix: LogPrefix, place: LogPlace) -> Result<Vec<u8>, SnapshotError> {
        self.written(prefix, Some(place))
    }

    fn written(&self, prefix: LogPrefix, place: Option<LogPlace>) -> Result<Vec<u8>, SnapshotError> {
        self.is_whole()?;
        let info = SnapshotInfo { owner: self.owner.clone(), policy: self.policy, prefix, place };
        let mut bytes = frame::begin(&info)?;
        let first = bytes.len();
        let mut records = tables::Records::default();
        for number in 0..self.conversations.len() as u32 {
            let history_at = (bytes.len() - first) as u64;
            let untouched = self.conversations.untouched(number);
            let lying = untouched.and_then(|source| {
                let record = source.record(number)?;
                Some((source.region(number, &record)?, record))
            });
            if let Some((region, record)) = lying {
                bytes.extend_from_slice(&region);
                records.put(history_at, [record.root, record.registers], record.bytes);
            } else if let Some(conversation) = self.conversations.get(number) {
                let Extent { head_len, check, .. } =
                    history_parts::put_history(&conversation.timeline, &mut bytes);
                let root = Sealed { len: head_len, check };
                let registers = put_registers(conversation).0;
                bytes.extend_from_slice(&registers);
                // Far below 4 GiB: a line of a log is, and only what few said stays.
                let len = u32::try_from(registers.len()).unwrap_or(u32::MAX);
                let registers = Sealed { len, check: xxhash_rust::xxh3::xxh3_64(&registers) };
                let mut record = Out::default();
                put_row(&mut record, conversation);
                records.put(history_at, [root, registers], &record.0);
            }
        }
        // What was copied may not have been to be had.
        self.is_whole()?;
        frame::end(&mut bytes, &self.front(&records));
        // Some keep it in memory as it is.
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// Whether nothing of it is known to be corrupt or was not to be had.
    fn is_whole(&self) -> Result<(), SnapshotError> {
        if let Some(outage) = self.outage() {
            return Err(SnapshotError::Unavailable(outage.clone()));
        }
        match self.faults().next() {
            Some((conversation, fault)) => {
                Err(SnapshotError::Faulty { conversation: conversation.clone(), fault })
            }
            None => Ok(()),
        }
    }

    /// The inbox of a snapshot, and the prefix of the log that it stands for: apply the events after it (R06).
    ///
    /// Verified before anything is used are the header, the length, and the checksum of the list, the rows and the
    /// table of histories; the registers of a conversation and each part of its history are verified when they are
    /// first touched (see [`Inbox::faults`]). Any mismatch is a [`SnapshotError`] with its reason, and calls for a
    /// replay of the log. Checksums guard against accidents, not against someone who can rewrite the file.
    ///
    /// `bytes` are kept as they are as long as parts of histories lie in them: a `Vec<u8>`, or a mapped file.
    ///
    /// Complexity: every byte of ids and rows is verified, whatever the histories; what is decoded of them is a row
    /// in 64 of the list.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]: why the bytes are no snapshot that can be used here. A replay of the log takes its place.
    pub fn restore(
        bytes: impl AsRef<[u8]> + Send + Sync + 'static,
        owner: &UserId,
        policy: Policy,
    ) -> Result<(Self, LogPrefix), SnapshotError> {
        let Opened { info, histories, front } = frame::open(&bytes, |info| is_of(info, owner, policy))?;
        let undecodable = SnapshotError::Undecodable { offset: histories.end };
        let tables = Tables::open(&front, histories.clone()).ok_or(undecodable.clone())?;
        let front_at = usize::try_from(histories.end).ok();
        let front = front_at.map(|at| at..at + front.len()).ok_or(undecodable.clone())?;
        let source = Arc::new(Source::new(Bytes::Held(Arc::new(bytes), front), tables));
        Self::of_front(source, &info).map(|inbox| (inbox, info.prefix)).ok_or(undecodable)
    }

    /// The same as [`Inbox::restore`], from a snapshot that is read by range: its header and front now, the registers of a
    /// conversation and each part of its history when they are first touched.
    ///
    /// Where the source does not answer then, the conversation keeps its verified row, what is asked of its history finds
    /// nothing, its events wait, and [`Inbox::outage`] says why: such an inbox is given up and restored again. What was
    /// read is kept as long as the inbox, unless a bound is set ([`Inbox::with_parts_bound`]) or it is let go of
    /// ([`Inbox::release_parts`]).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use chatfold::snapshot::LogPrefix;
    /// use chatfold::{Inbox, Policy, UserId};
    /// let alice = UserId::parse("alice")?;
    /// // Bytes at hand are a source too; a store serves its own.
    /// let source = Arc::new(Inbox::new(alice.clone(), Policy::default()).snapshot(LogPrefix::EMPTY)?);
    /// let (inbox, _) = Inbox::restore_from(source, &alice, Policy::default())?;
    /// assert_eq!((inbox.totals().unread, inbox.outage()), (0, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Complexity: as [`Inbox::restore`]; header, front and trailer are read, by three reads.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Unavailable`] if the source does not answer: try again. Any other: why the bytes are no snapshot
    /// that can be used here. A replay of the log takes its place.
    pub fn restore_from(
        source: Arc<dyn SnapshotSource>,
        owner: &UserId,
        policy: Policy,
    ) -> Result<(Self, LogPrefix), SnapshotError> {
        let Opened { info, histories, front } = frame::open(&*source, |info| is_of(info, owner, policy))?;
        let undecodable = SnapshotError::Undecodable { offset: histories.end };
        let front = front.into_owned();
        let tables = Tables::open(&front, histories).ok_or(undecodable.clone())?;
        let source = Arc::new(Source::new(Bytes::Served(front, source), tables));
        Self::of_front(source, &info).map(|inbox| (inbox, info.prefix)).ok_or(undecodable)
    }

    fn front(&self, records: &tables::Records) -> Vec<u8> {
        let mut account = Out::default();
        reg::put_sums(&mut account, &self.sums);
        account.len(self.folders.len());
        for (id, folder) in self.folders.iter() {
            reg::put_folder(account.raw(id.as_bytes()), folder);
        }
        registers::put_quiet_hours(&mut account, &self.quiet_hours);
        let profiles = self.profiles.numbered().map(|(user, profile)| {
            let mut out = Out::default();
            registers::put_profile(&mut out, profile);
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
        let mut from = In(source.tables().account(source.front())?);
        let sums = reg::take_sums(&mut from)?;
        let mut folders = Folders::default();
        let _: Vec<()> = from.list(19, |from| {
            let id = FolderId::from_bytes(from.array()?);
            reg::take_folder(from, id, &mut folders)
        })?;
        let quiet_hours = reg::take_quiet_hours(&mut from)?;
        from.end()?;
        let Tables { users, ids, .. } = source.tables();
        Some(Self {
            owner: info.owner.clone(),
            policy: info.policy,
            conversations: DenseTable::cold(Arc::clone(&source), ids.len()),
            profiles: DenseTable::cold(Arc::clone(&source), users.len()),
            users: Interner::cold(Arc::clone(&source)),
            ids: Interner::cold(Arc::clone(&source)),
            folders,
            quiet_hours,
            list: Ranking::cold(&source)?,
            last_authors: None,
            sums,
            faults_told: im::OrdSet::new(),
            revision: 0,
            parts_bound_len_bytes: u64::MAX,
        })
    }
}

/// Whether a snapshot is one of this owner and policy.
fn is_of(info: &SnapshotInfo, owner: &UserId, policy: Policy) -> Result<(), SnapshotError> {
    if info.owner != *owner {
        return Err(SnapshotError::Owner { expected: owner.clone(), found: info.owner.clone() });
    }
    if info.policy != policy {
        return Err(SnapshotError::Policy { expected: policy, found: info.policy });
    }
    Ok(())
}

/// What the list, its totals and its filters say of a conversation.
fn put_row(out: &mut Out, conversation: &Conversation) {
    out.uint(conversation.peer.map_or(0, |peer| u64::from(peer) + 1));
    reg::put_row(out, &conversation.row);
}

/// Everything else of a conversation but its history.
fn put_registers(conversation: &Conversation) -> Out {
    let mut out = Out::default();
    reg::put_derived(&mut out, &conversation.derived);
    reg::put_shared(&mut out, &conversation.shared, conversation.reads.peer);
    reg::put_personal(&mut out, &conversation.personal, &conversation.reads.own);
    out
}

/// A conversation as its verified row has it. Without its registers it is a placeholder, and marked.
fn take_conversation(
    source: &Arc<Source>,
    number: u32,
    record: &ConversationRecord<'_>,
    id: &ConversationId,
) -> Option<Conversation> {
    let mut from = In(record.bytes);
    let peer = u32::try_from(from.uint()?).ok()?.checked_sub(1);
    let row = reg::take_row(&mut from)?;
    from.end()?;
    let mut conversation = Conversation::new(id.clone(), peer, true);
    conversation.row = row;
    conversation.restored = Some(Restored::new(Arc::clone(source), number));
    // Whoever finds no registers marks the conversation.
    let Some(registers) = source.registers(number, record) else { return Some(conversation) };
    if conversation.take_registers(&registers).is_none() {
        let reason = "the checksum of its registers fits, but they cannot be decoded";
        source.mark_corrupt(number, record.registers_at, reason);
        return Some(conversation);
    }
    let Sealed { len: head_len, check } = record.root;
    let (offset, len) = (record.history.start, record.history.end - record.history.start);
    if !history_parts::is_nothing(Extent { head_len, len, check }) {
        let place = PartPlace { source: Arc::clone(source), number, offset, head_len, len, check };
        conversation.timeline = Lazy::cold(place);
    }
    Some(conversation)
}

impl Conversation {
    fn take_registers(&mut self, bytes: &[u8]) -> Option<()> {
        let mut from = In(bytes);
        let derived = reg::take_derived(&mut from)?;
        let (shared, peer) = reg::take_shared(&mut from)?;
        let (personal, own) = reg::take_personal(&mut from)?;
        from.end()?;
        (self.derived, self.reads) = (derived, Reads { own, peer });
        (self.shared, self.personal) = (shared.into(), personal.into());
        Some(())
    }
}

impl Recorded for Conversation {
    /// One whose registers are corrupt is there, faulty, with its verified row and nothing else; one whose row cannot be
    /// decoded, though its checksum fits, is empty (R99).
    fn load(source: &Arc<Source>, number: u32) -> Option<Self> {
        let id = source.id(number)?;
        let record = source.record(number);
        let taken = record.as_ref().and_then(|record| take_conversation(source, number, record, &id));
        taken.or_else(|| {
            let offset = record.map_or(0, |record| record.offset);
            source.mark_corrupt(number, offset, "its checksum fits, but it cannot be decoded");
            let restored = Some(Restored::new(Arc::clone(source), number));
            Some(Self { restored, ..Self::new(id, None, true) })
        })
    }
}

impl Recorded for Profile {
    fn load(source: &Arc<Source>, user: u32) -> Option<Self> {
        let mut from = In(source.tables().profile(source.front(), user)?);
        let profile = reg::take_profile(&mut from)?;
        from.end().map(|()| profile)
    }
}
