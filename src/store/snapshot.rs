//! What is known of a snapshot beside its inbox: what it stands for, when one is due, why one is refused.

pub(crate) mod frame;
pub(crate) mod kept;
pub(crate) mod source;

use crate::model::id::{ConversationId, UserId};
use crate::model::policy::Policy;
use crate::model::setters::setters;
use crate::model::time::Timestamp;
use crate::store::snapshot::source::SourceError;

/// A prefix of a log: how many events it has, and a hash of them.
///
/// The hash runs over each event's one-line form in order, so it is the same however the log is kept. It guards
/// against accidents (another log, an event lost), not against someone who can rewrite the log.
///
/// ```
/// use chatfold::snapshot::LogPrefix;
/// let mut prefix = LogPrefix::EMPTY;
/// prefix.push(b"{}");
/// prefix.push_skipped(b"{\"v\":9}");
/// assert_eq!((prefix.events, prefix.skipped), (2, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogPrefix {
    /// How many events it has, skipped ones too.
    pub events: u64,
    /// How many of them were skipped: of a newer version or an unknown type, so the state knows nothing of them.
    pub skipped: u64,
    /// The running hash of all.
    pub hash: u128,
}

impl LogPrefix {
    /// The prefix of no events.
    pub const EMPTY: Self = Self { events: 0, skipped: 0, hash: 0 };

    /// Takes in a line that the reader skipped, as it stands.
    pub fn push_skipped(&mut self, line: &[u8]) {
        self.push(line);
        self.skipped += 1;
    }

    /// Takes in the next event, in the form that `jsonl::encode_event` gives it.
    pub fn push(&mut self, line: &[u8]) {
        self.events += 1;
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(&self.hash.to_le_bytes());
        hasher.update(line);
        self.hash = hasher.digest128();
    }
}

/// Where, in the very file of the log that a snapshot was made from, what it does not stand for begins.
///
/// It spares whoever has that file a look at every event before it. It is no more than a hint: where the file does not
/// fit it, because it is another log or was written anew, the events are held against the [`LogPrefix`] instead. Like
/// that it guards against accidents, not against someone who can rewrite the log.
///
/// ```
/// use chatfold::snapshot::{LogPlace, LogPrefix, SnapshotInfo};
/// use chatfold::{Inbox, Policy, UserId};
/// let inbox = Inbox::new(UserId::parse("alice")?, Policy::default());
/// let place = LogPlace::new(41, 7);
/// let bytes = inbox.snapshot_at(LogPrefix::EMPTY, place)?;
/// assert_eq!(SnapshotInfo::read(&bytes)?.place, Some(place));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LogPlace {
    /// The first byte of the log that the snapshot does not stand for; of a packed log, of what it unpacks to.
    pub offset: u64,
    /// What tells that the log before the offset is still the same. Of a binary log the checksum of the record that ends
    /// there, or of the header, which `binary::LogHead` calls `check`: it is chained on all before and stands right before
    /// the offset, so nothing else of the log has to be read, and damage to what is before is not noticed. Of a text log
    /// a hash of all bytes before the offset, as `jsonl::LogBytes` makes it.
    pub check: u64,
    /// The instant of the latest event before the offset, of those whose type is known.
    pub newest: Option<Timestamp>,
}

impl LogPlace {
    /// Returns the place at a byte of a log, with what tells that the log before it is the same.
    pub fn new(offset: u64, check: u64) -> Self {
        Self { offset, check, newest: None }
    }
}

setters!(LogPlace {
    /// Returns the same with [`newest`](LogPlace::newest) as given.
    with_newest: newest: Option<Timestamp>,
});

/// When a snapshot is due: a value, judged by a pure function.
///
/// ```
/// use chatfold::snapshot::SnapshotPolicy;
/// let policy = SnapshotPolicy::default().with_every_events(Some(10_000)).with_every_len_bytes(Some(4 << 20));
/// assert!(!policy.due(9_999, 1_000));
/// assert!(policy.due(10_000, 1_000) && policy.due(3, 4 << 20));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SnapshotPolicy {
    /// After so many events; `None`: however many.
    pub every_events: Option<u64>,
    /// After so many bytes of log; `None`: however many.
    pub every_len_bytes: Option<u64>,
    /// No sooner than after one in so many of the events of the log; `None`: however long it is. All snapshots of a
    /// log of n events are then about this number times ln n, where every so many events make n of them: what is written
    /// for snapshots stays in proportion to the log, and what is replayed behind one to what a snapshot spares.
    pub one_in_events: Option<u64>,
}

setters!(SnapshotPolicy {
    /// Returns the same with [`every_events`](SnapshotPolicy::every_events) as given.
    with_every_events: every_events: Option<u64>,
    /// Returns the same with [`every_len_bytes`](SnapshotPolicy::every_len_bytes) as given.
    with_every_len_bytes: every_len_bytes: Option<u64>,
    /// Returns the same with [`one_in_events`](SnapshotPolicy::one_in_events) as given.
    with_one_in_events: one_in_events: Option<u64>,
});

impl SnapshotPolicy {
    /// Whether a snapshot is due, so many events and bytes of log after the last one. With both bounds set,
    /// whichever is reached first; never before the first event.
    pub fn due(&self, events: u64, len_bytes: u64) -> bool {
        let reached = |bound: Option<u64>, now: u64| bound.is_some_and(|bound| now >= bound);
        events > 0 && (reached(self.every_events, events) || reached(self.every_len_bytes, len_bytes))
    }

    /// Whether a snapshot is due in a log of `total` events, so many events and bytes of log after the last one: as
    /// [`due`](Self::due), and not before [`one_in_events`](Self::one_in_events) says.
    pub fn due_in(&self, total: u64, events: u64, len_bytes: u64) -> bool {
        let is_share = self.one_in_events.is_none_or(|share| events >= total / share.max(1));
        is_share && self.due(events, len_bytes)
    }
}

/// What a snapshot says of itself: whose it is and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotInfo {
    /// The owner of the inbox.
    pub owner: UserId,
    /// The policy it was folded with.
    pub policy: Policy,
    /// The prefix of the log that it stands for.
    pub prefix: LogPrefix,
    /// Where that ends in the file that it was made from, if it was made from a file and says so.
    pub place: Option<LogPlace>,
}

/// Why a snapshot is not used, or not made. Replay the log instead: it is never fatal (R99).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It does not begin as a snapshot does.
    #[error("not a snapshot: it does not begin with its magic")]
    Magic,
    /// It was written by a newer program, or by one older than any this library reads.
    #[error("format version {found}, expected {expected}")]
    Version {
        /// The newest version this library reads.
        expected: u16,
        /// The version found.
        found: u16,
    },
    /// Its state is made of other fields than this library's.
    #[error("its state has schema {found:016x}, this library's is {expected:016x}")]
    Schema {
        /// The hash of this library's schema.
        expected: u64,
        /// The hash found.
        found: u64,
    },
    /// It ends early, or goes on too long.
    #[error("expected {expected} bytes, found {found}")]
    Length {
        /// How many there should be, as far as is known.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A checksum does not fit the bytes before it.
    #[error("the checksum of the {part} at byte {offset} does not fit")]
    Checksum {
        /// Of what.
        part: &'static str,
        /// Where that begins.
        offset: u64,
    },
    /// The checksums fit, but it says what no writer writes.
    #[error("what begins at byte {offset} cannot be decoded, though its checksum fits")]
    Undecodable {
        /// Where it begins.
        offset: u64,
    },
    /// It belongs to another account.
    #[error("the snapshot is {found}'s, expected {expected}'s")]
    Owner {
        /// Whose was asked for.
        expected: UserId,
        /// Whose it is.
        found: UserId,
    },
    /// It was folded with another policy (R41).
    #[error("it was folded with {found:?}, expected {expected:?}")]
    Policy {
        /// The policy asked for.
        expected: Policy,
        /// The policy found.
        found: Policy,
    },
    /// It cannot be made: a history is corrupt in the snapshot that the inbox came from.
    #[error("the history of {conversation} is faulty: {fault}")]
    Faulty {
        /// The conversation.
        conversation: ConversationId,
        /// Its fault.
        fault: HistoryFault,
    },
    /// Whatever keeps it does not answer. The snapshot may be sound: try again.
    #[error(transparent)]
    Unavailable(#[from] SourceError),
    /// It cannot be made: the owner's name does not fit into a header.
    #[error("the header cannot be written: {0}")]
    Header(String),
}

/// Why nothing more can be shown of a conversation's history: a part of the snapshot that it was restored from
/// is corrupt (R99), which a replay of the log heals, or could not be read when it was needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the part of the snapshot at byte {offset} {}: {reason}", if *outage { "cannot be read" } else { "is corrupt" })]
#[non_exhaustive]
pub struct HistoryFault {
    /// Where the part begins in the snapshot.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: &'static str,
    /// Whether it could not be read, so that nothing is known of it ([`Inbox::outage`](crate::Inbox::outage) has the
    /// reason); `false`: it is corrupt.
    pub outage: bool,
}
