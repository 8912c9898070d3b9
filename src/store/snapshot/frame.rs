//! The frame of a snapshot: its header, and the trailer that says where the front lies.

use std::borrow::Cow;
use std::ops::Range;

use bincode::{Decode, Encode};
use xxhash_rust::xxh3::xxh3_64;

use crate::model::id::UserId;
use crate::model::policy::Policy;
use crate::model::time::Timestamp;
use crate::store::snapshot::source::{SnapshotSource, exactly};
use crate::store::snapshot::{LogPlace, LogPrefix, SnapshotError, SnapshotInfo, frame};

/// What every snapshot begins with.
pub(crate) const MAGIC: [u8; 8] = *b"CFOLDSNP";

/// The version of the format of a snapshot without a place in its log.
const UNPLACED: u16 = 7;

/// The version of one with a place, which stands at the end of its header: the newest.
const PLACED: u16 = 8;

/// The oldest that is read: 5 and 6 are 7 and 8 but for the index of a history, which says itself of which kind it is.
const OLDEST: u16 = 5;

/// What the state is made of. Whoever changes a field of it changes this text, and with it the hash in every
/// header.
const SCHEMA: &str = "entry id event bits author first second content; aside delivery recall edits social, by name reads put-away; \
    bucket hash slot; block min sum slots; timeline chunks tail index pinned groups; \
    users ids histories row, registers derived shared personal with archived membership until told; profile nickname remark face; list; sums; \
    folder alive name members; quiet hours";

/// No header is longer: an owner's id has at most 128 bytes.
const HEADER_LIMIT_LEN_BYTES: usize = 256;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<HEADER_LIMIT_LEN_BYTES>,
> = bincode::config::standard().with_limit::<HEADER_LIMIT_LEN_BYTES>();

/// Magic, version and length of the header.
const BEFORE_HEADER_LEN_BYTES: usize = 14;
const CHECK_LEN_BYTES: usize = 8;
/// Where the front begins and its checksum, the length of all, and the checksum of these.
const TRAILER_LEN_BYTES: usize = 32;

#[derive(Encode, Decode)]
pub(crate) struct Header {
    schema: u64,
    owner: String,
    meeting_unread: bool,
    own_message_reads: bool,
    events: u64,
    skipped: u64,
    hash: u128,
}

/// The header of versions 6 and 8.
#[derive(Encode, Decode)]
struct PlacedHeader {
    header: Header,
    offset: u64,
    check: u64,
    newest: Option<i64>,
}

/// The bytes of a snapshot up to its first history.
pub(crate) fn begin(info: &SnapshotInfo) -> Result<Vec<u8>, SnapshotError> {
    let header = Header {
        schema: xxh3_64(SCHEMA.as_bytes()),
        owner: info.owner.as_str().to_owned(),
        meeting_unread: info.policy.meeting_unread,
        own_message_reads: info.policy.own_message_reads,
        events: info.prefix.events,
        skipped: info.prefix.skipped,
        hash: info.prefix.hash,
    };
    let failed = |error: &dyn std::fmt::Display| SnapshotError::Header(error.to_string());
    let (version, header) = match info.place {
        None => (UNPLACED, bincode::encode_to_vec(header, CONFIG)),
        Some(LogPlace { offset, check, newest }) => {
            let newest = newest.map(Timestamp::as_millis);
            (PLACED, bincode::encode_to_vec(PlacedHeader { header, offset, check, newest }, CONFIG))
        }
    };
    let header = header.map_err(|error| failed(&error))?;
    let len = u32::try_from(header.len()).map_err(|error| failed(&error))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    Ok(bytes)
}

/// Appends front and trailer behind the histories.
pub(crate) fn end(bytes: &mut Vec<u8>, front: &[u8]) {
    let front_at = bytes.len() as u64;
    bytes.extend_from_slice(front);
    let trailer = bytes.len();
    bytes.extend_from_slice(&front_at.to_le_bytes());
    bytes.extend_from_slice(&xxh3_64(front).to_le_bytes());
    bytes.extend_from_slice(&((trailer + TRAILER_LEN_BYTES) as u64).to_le_bytes());
    let check = xxh3_64(bytes.get(trailer..).unwrap_or_default());
    bytes.extend_from_slice(&check.to_le_bytes());
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// The header, verified, and where it ends.
pub(crate) fn header(bytes: &[u8]) -> Result<(SnapshotInfo, usize), SnapshotError> {
    let short =
        |expected: usize| SnapshotError::Length { expected: expected as u64, found: bytes.len() as u64 };
    let magic = bytes.get(..MAGIC.len()).ok_or_else(|| short(BEFORE_HEADER_LEN_BYTES))?;
    if magic != MAGIC {
        return Err(SnapshotError::Magic);
    }
    let Some([v0, v1, l0, l1, l2, l3]) = bytes.get(MAGIC.len()..BEFORE_HEADER_LEN_BYTES) else {
        return Err(short(BEFORE_HEADER_LEN_BYTES));
    };
    let found = u16::from_le_bytes([*v0, *v1]);
    if !(OLDEST..=PLACED).contains(&found) {
        return Err(SnapshotError::Version { expected: PLACED, found });
    }
    let checksum = SnapshotError::Checksum { part: "header", offset: 0 };
    let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
    if len > HEADER_LIMIT_LEN_BYTES {
        return Err(checksum);
    }
    let end = BEFORE_HEADER_LEN_BYTES + len;
    let covered = bytes.get(..end).ok_or_else(|| short(end + CHECK_LEN_BYTES))?;
    let check = number(bytes, end).ok_or_else(|| short(end + CHECK_LEN_BYTES))?;
    if check != xxh3_64(covered) {
        return Err(checksum);
    }
    let undecodable = SnapshotError::Undecodable { offset: BEFORE_HEADER_LEN_BYTES as u64 };
    let header = covered.get(BEFORE_HEADER_LEN_BYTES..).unwrap_or_default();
    // Those of even numbers have a place.
    let decoded = if found.is_multiple_of(2) { placed(header) } else { unplaced(header) };
    let (header, place, used) = decoded.ok_or(undecodable.clone())?;
    let expected = xxh3_64(SCHEMA.as_bytes());
    if header.schema != expected {
        return Err(SnapshotError::Schema { expected, found: header.schema });
    }
    let owner = UserId::of_owner(&header.owner).filter(|_| used == len).ok_or(undecodable)?;
    let policy =
        Policy { meeting_unread: header.meeting_unread, own_message_reads: header.own_message_reads };
    let prefix = LogPrefix { events: header.events, skipped: header.skipped, hash: header.hash };
    Ok((SnapshotInfo { owner, policy, prefix, place }, end + CHECK_LEN_BYTES))
}

/// A header of version 5, and how many bytes it takes.
fn unplaced(bytes: &[u8]) -> Option<(Header, Option<LogPlace>, usize)> {
    let (header, used) = bincode::decode_from_slice::<Header, _>(bytes, CONFIG).ok()?;
    Some((header, None, used))
}

/// The same of version 6.
fn placed(bytes: &[u8]) -> Option<(Header, Option<LogPlace>, usize)> {
    let (placed, used) = bincode::decode_from_slice::<PlacedHeader, _>(bytes, CONFIG).ok()?;
    let PlacedHeader { header, offset, check, newest } = placed;
    let newest = newest.map(Timestamp::from_millis).transpose().ok()?;
    Some((header, Some(LogPlace { offset, check, newest }), used))
}

/// How many bytes the longest header has with what stands before and behind it.
const HEAD_LEN_BYTES: u64 = (BEFORE_HEADER_LEN_BYTES + HEADER_LIMIT_LEN_BYTES + CHECK_LEN_BYTES) as u64;

/// What a snapshot says of itself, where its histories lie, and the front behind these, which is verified.
pub(crate) struct Opened<'a> {
    pub(crate) info: SnapshotInfo,
    pub(crate) histories: Range<u64>,
    pub(crate) front: Cow<'a, [u8]>,
}

/// Reads the header, the trailer and the front of a snapshot, and nothing else; no more than the header of one that
/// `judge` refuses.
pub(crate) fn open(
    source: &dyn SnapshotSource,
    judge: impl FnOnce(&SnapshotInfo) -> Result<(), SnapshotError>,
) -> Result<Opened<'_>, SnapshotError> {
    let len = source.len_bytes();
    let (info, histories_at) = header(&exactly(source, 0..len.min(HEAD_LEN_BYTES))?)?;
    judge(&info)?;
    let (histories_at, trailer_len) = (histories_at as u64, TRAILER_LEN_BYTES as u64);
    let least = histories_at + trailer_len;
    let trailer_at = len.checked_sub(trailer_len).filter(|at| *at >= histories_at);
    let trailer_at = trailer_at.ok_or(SnapshotError::Length { expected: least, found: len })?;
    let trailer = exactly(source, trailer_at..len)?;
    let field = |index: usize| number(&trailer, 8 * index).unwrap_or_default();
    if field(3) != xxh3_64(trailer.get(..24).unwrap_or_default()) {
        return Err(SnapshotError::Checksum { part: "trailer", offset: trailer_at });
    }
    if field(2) != len {
        return Err(SnapshotError::Length { expected: field(2), found: len });
    }
    let front_at = field(0);
    if front_at < histories_at || front_at > trailer_at {
        return Err(SnapshotError::Undecodable { offset: trailer_at });
    }
    let front = exactly(source, front_at..trailer_at)?;
    if field(1) != xxh3_64(&front) {
        return Err(SnapshotError::Checksum { part: "list and rows", offset: front_at });
    }
    Ok(Opened { info, histories: histories_at..front_at, front })
}

impl SnapshotInfo {
    /// Reads and verifies the header of a snapshot, and nothing behind it: O(1).
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]: why the bytes are no snapshot of this version.
    pub fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        frame::header(bytes).map(|(info, _)| info)
    }
}

/// Which bytes of a snapshot opening it does not read: the histories, but for the first few bytes behind the header. `None`
/// of what is no snapshot of this version, as far as header and trailer tell. For a store that keeps what is read at once
/// by itself, and everything else by pages. Complexity: O(1).
///
/// ```
/// use chatfold::snapshot::{LogPrefix, read_later};
/// use chatfold::{Inbox, Policy, UserId};
/// let bytes = Inbox::new(UserId::parse("alice")?, Policy::default()).snapshot(LogPrefix::EMPTY)?;
/// assert_eq!(read_later(&bytes).map(|range| range.len()), Some(0), "nobody has said anything");
/// assert_eq!(read_later(b"something else"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_later(bytes: &[u8]) -> Option<Range<usize>> {
    let (_, histories_at) = frame::header(bytes).ok()?;
    let trailer_at = bytes.len().checked_sub(TRAILER_LEN_BYTES)?;
    let front_at = usize::try_from(number(bytes, trailer_at)?).ok()?;
    let is_front = (histories_at..=trailer_at).contains(&front_at);
    is_front.then(|| front_at.min(HEAD_LEN_BYTES as usize)..front_at)
}

/// Whether bytes begin as a snapshot does.
pub fn is_snapshot(head: &[u8]) -> bool {
    head.starts_with(&frame::MAGIC)
}
