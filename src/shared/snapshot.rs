//! Snapshots of timelines: the inbox that nobody owns, and beside it the registers of single users.

use xxhash_rust::xxh3::xxh3_64;

use crate::inbox::Inbox;
use crate::model::id::UserId;
use crate::model::policy::Policy;
use crate::model::stream::SharedId;
use crate::register::bytes::{In, Out};
use crate::shared::people::People;
use crate::shared::timeline::Timeline;
use crate::store::snapshot::{LogPrefix, SnapshotError};

/// What every snapshot of a timeline begins with.
const MAGIC: [u8; 8] = *b"chatfldT";
const VERSION: u16 = 1;
/// Magic, version, and the length of the inbox's snapshot behind them.
const HEAD_LEN_BYTES: usize = 18;
const CHECK_LEN_BYTES: usize = 8;

impl Timeline {
    /// The timeline as bytes, from which it starts without its stream; `prefix` is what of the stream it stands for.
    ///
    /// The bytes name no account as their owner. Complexity: everything is written once.
    ///
    /// ```
    /// use chatfold::shared::{SharedId, Timeline};
    /// use chatfold::snapshot::LogPrefix;
    /// use chatfold::GroupId;
    /// let team = SharedId::group(&GroupId::parse("team")?);
    /// let bytes = Timeline::new(&team).snapshot(LogPrefix::EMPTY)?;
    /// let (timeline, prefix) = Timeline::restore(bytes, &team)?;
    /// assert_eq!((timeline.id(), prefix), (&team, LogPrefix::EMPTY));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]: why the timeline cannot be written, as of [`Inbox::snapshot`].
    pub fn snapshot(&self, prefix: LogPrefix) -> Result<Vec<u8>, SnapshotError> {
        let inbox = self.inbox().snapshot(prefix)?;
        let mut bytes = Vec::with_capacity(HEAD_LEN_BYTES + inbox.len() + CHECK_LEN_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(inbox.len() as u64).to_le_bytes());
        let mut people = Out::default();
        self.people.put(&mut people);
        let check = check(&bytes, &people.0);
        bytes.extend_from_slice(&inbox);
        bytes.extend_from_slice(&people.0);
        bytes.extend_from_slice(&check.to_le_bytes());
        Ok(bytes)
    }

    /// The timeline of a snapshot, and what of its stream that stands for: apply the events after it.
    ///
    /// Everything is verified. Complexity: O(n log n), since the lists of single users are made from the messages.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]: why the bytes are no sound snapshot of this timeline; replay the stream then.
    pub fn restore(bytes: impl AsRef<[u8]>, id: &SharedId) -> Result<(Self, LogPrefix), SnapshotError> {
        let bytes = bytes.as_ref();
        let found = bytes.len() as u64;
        let short = |expected: usize| SnapshotError::Length { expected: expected as u64, found };
        let (head, rest) = bytes.split_at_checked(HEAD_LEN_BYTES).ok_or_else(|| short(HEAD_LEN_BYTES))?;
        let Some((magic, numbers)) = head.split_first_chunk::<8>() else { return Err(SnapshotError::Magic) };
        if *magic != MAGIC {
            return Err(SnapshotError::Magic);
        }
        let (version, len) = numbers.split_first_chunk::<2>().ok_or(SnapshotError::Magic)?;
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(SnapshotError::Version { expected: VERSION, found: version });
        }
        let len = len.first_chunk::<8>().map_or(0, |len| u64::from_le_bytes(*len));
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let least = len.saturating_add(HEAD_LEN_BYTES + CHECK_LEN_BYTES);
        let (inbox, rest) = rest.split_at_checked(len).ok_or_else(|| short(least))?;
        let (people, written) = rest.split_last_chunk::<CHECK_LEN_BYTES>().ok_or_else(|| short(least))?;
        if u64::from_le_bytes(*written) != check(head, people) {
            let offset = (HEAD_LEN_BYTES + len) as u64;
            return Err(SnapshotError::Checksum { part: "registers of users", offset });
        }
        let undecodable = SnapshotError::Undecodable { offset: (HEAD_LEN_BYTES + len) as u64 };
        let mut from = In(people);
        let people = People::take(&mut from).filter(|_| from.0.is_empty()).ok_or(undecodable)?;
        let nobody = UserId::nobody(id.lesser());
        let (inbox, prefix) = Inbox::restore(inbox.to_vec(), &nobody, Policy::default())?;
        let timeline = Self::of(id, inbox, people);
        if let Some(conversation) = timeline.conversation() {
            conversation.load_all();
        }
        if let Some((conversation, fault)) = timeline.inbox().faults().next() {
            return Err(SnapshotError::Faulty { conversation: conversation.clone(), fault });
        }
        Ok((timeline.at_version(prefix.events), prefix))
    }
}

/// A checksum of the head and of the registers of users.
fn check(head: &[u8], people: &[u8]) -> u64 {
    xxh3_64(&[head, people].concat())
}
