//! The frame of a binary log: its header, and the head and checksum around each record.

use std::ops::Range;

use bincode::{Decode, Encode};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::log::binary::error::{FaultReason, HeaderError};
use crate::log::binary::header::{Header, LogHead, VERSION};
use crate::model::id::UserId;

/// What every binary log begins with.
pub(crate) const MAGIC: [u8; 8] = *b"CFOLDLOG";

/// The oldest version that is read, and appended to in its own layout.
pub(crate) const OLDEST: u16 = 1;

/// No header is longer: an owner's id has at most 128 bytes.
const HEADER_LIMIT_LEN_BYTES: usize = 256;

/// Every version has its length and checksum at these places: what is damaged can be told from what is newer.
const OTHER_LIMIT_LEN_BYTES: usize = 64 << 10;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<HEADER_LIMIT_LEN_BYTES>,
> = bincode::config::standard().with_limit::<HEADER_LIMIT_LEN_BYTES>();

/// Magic, version and length of the header.
pub(crate) const BEFORE_HEADER_LEN_BYTES: usize = 14;
pub(crate) const CHECK_LEN_BYTES: usize = 8;

#[derive(Encode, Decode)]
struct Wire {
    owner: String,
    redacted: Option<(u64, u64)>,
}

/// The bytes of a header.
pub(crate) fn put_header(header: &Header) -> std::io::Result<Vec<u8>> {
    let wire = Wire {
        owner: header.owner.as_str().to_owned(),
        redacted: header.redacted_from.map(|head| (head.events, head.check)),
    };
    let failed = |error: bincode::error::EncodeError| std::io::Error::other(error.to_string());
    let wire = bincode::encode_to_vec(wire, CONFIG).map_err(failed)?;
    let len = u32::try_from(wire.len()).map_err(std::io::Error::other)?;
    let mut bytes = MAGIC.to_vec();
    if !(OLDEST..=VERSION).contains(&header.version) {
        return Err(std::io::Error::other(format!("there is no version {} of a binary log", header.version)));
    }
    bytes.extend_from_slice(&header.version.to_le_bytes());
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&wire);
    bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    Ok(bytes)
}

/// How many bytes the header takes, told by its first [`BEFORE_HEADER_LEN_BYTES`].
pub(crate) fn header_len(bytes: &[u8]) -> Result<usize, HeaderError> {
    let known = bytes.len().min(MAGIC.len());
    if bytes.get(..known) != MAGIC.get(..known) {
        return Err(HeaderError::Magic);
    }
    let Some([v0, v1, l0, l1, l2, l3]) = bytes.get(MAGIC.len()..BEFORE_HEADER_LEN_BYTES) else {
        let expected = (BEFORE_HEADER_LEN_BYTES + CHECK_LEN_BYTES) as u64;
        return Err(HeaderError::Short { expected, found: bytes.len() as u64 });
    };
    let version = u16::from_le_bytes([*v0, *v1]);
    let limit =
        if (OLDEST..=VERSION).contains(&version) { HEADER_LIMIT_LEN_BYTES } else { OTHER_LIMIT_LEN_BYTES };
    let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
    if len > limit {
        return Err(HeaderError::Checksum);
    }
    Ok(BEFORE_HEADER_LEN_BYTES + len + CHECK_LEN_BYTES)
}

/// The header, verified, where it ends, and its checksum, on which the first record is chained.
pub(crate) fn header(bytes: &[u8]) -> Result<(Header, usize, u64), HeaderError> {
    let end = header_len(bytes)?;
    let short = || HeaderError::Short { expected: end as u64, found: bytes.len() as u64 };
    let covered = bytes.get(..end - CHECK_LEN_BYTES).ok_or_else(short)?;
    let check = number(bytes, end - CHECK_LEN_BYTES).ok_or_else(short)?;
    if check != xxh3_64(covered) {
        return Err(HeaderError::Checksum);
    }
    let found = covered.get(MAGIC.len()..).and_then(|rest| rest.first_chunk());
    let version = found.map(|found| u16::from_le_bytes(*found)).ok_or(HeaderError::Undecodable)?;
    if !(OLDEST..=VERSION).contains(&version) {
        return Err(HeaderError::Version { expected: VERSION, found: version });
    }
    let wire = covered.get(BEFORE_HEADER_LEN_BYTES..).unwrap_or_default();
    let Ok((Wire { owner, redacted }, used)) = bincode::decode_from_slice::<Wire, _>(wire, CONFIG) else {
        return Err(HeaderError::Undecodable);
    };
    let owner = UserId::parse(&owner).ok().filter(|_| used == wire.len()).ok_or(HeaderError::Undecodable)?;
    let redacted_from = redacted.map(|(events, check)| LogHead { events, check });
    Ok((Header { owner, redacted_from, version }, end, check))
}

/// The number of eight bytes that stands at `at`.
pub(crate) fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// What every record begins with, so that the next valid one can be found behind a fault.
pub(crate) const MARK: [u8; 4] = [0xc4, b'F', b'R', 0x0a];

/// The kinds of records there are, each a segment of events in columns: laid out as version 1 has it, and version 2.
pub(crate) const SEGMENT_1: u8 = 1;
pub(crate) const SEGMENT_2: u8 = 2;

/// The kind of the records of a log of this version.
pub(crate) fn segment_of(version: u16) -> u8 {
    if version < 2 { SEGMENT_1 } else { SEGMENT_2 }
}

/// The payload is packed with zstd, its unpacked length before it.
pub(crate) const PACKED: u8 = 1;

/// The length of a record's head: mark, kind, flags, two zero bytes, length of the payload, number of events,
/// index of the first, checksum of the record before, and the checksum of these.
pub(crate) const HEAD_LEN_BYTES: usize = 36;
const HEAD_CHECK_AT: usize = 32;

/// No payload is longer.
pub(crate) const MAX_PAYLOAD_LEN_BYTES: usize = 64 << 20;

/// What a record's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHead {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) len: u32,
    pub(crate) events: u32,
    pub(crate) position: u64,
    /// The checksum of the record before, or of the header.
    pub(crate) previous: u64,
}

impl RecordHead {
    fn put(&self) -> [u8; HEAD_LEN_BYTES] {
        let mut bytes = [0; HEAD_LEN_BYTES];
        let parts: [&[u8]; 6] = [
            &MARK,
            &[self.kind, self.flags, 0, 0],
            &self.len.to_le_bytes(),
            &self.events.to_le_bytes(),
            &self.position.to_le_bytes(),
            &self.previous.to_le_bytes(),
        ];
        for (place, byte) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *place = *byte;
        }
        let check = head_check(&bytes).to_le_bytes();
        for (place, byte) in bytes.iter_mut().skip(HEAD_CHECK_AT).zip(check) {
            *place = byte;
        }
        bytes
    }

    /// Reads the head at the beginning of `bytes`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, FaultReason> {
        let known = bytes.len().min(MARK.len());
        if bytes.get(..known) != MARK.get(..known) {
            return Err(FaultReason::Mark);
        }
        let short = FaultReason::Short { expected: HEAD_LEN_BYTES as u64, found: bytes.len() as u64 };
        let head: &[u8; HEAD_LEN_BYTES] = bytes.first_chunk().ok_or(short)?;
        let [_, _, _, _, kind, flags, zero, zero_too, rest @ ..] = head;
        let u32_at = |at: usize| rest.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let fields = (u32_at(0), u32_at(4), number(rest, 8), number(rest, 16), u32_at(24));
        let (Some(len), Some(events), Some(position), Some(previous), Some(check)) = fields else {
            return Err(FaultReason::Head);
        };
        if check != head_check(head) {
            return Err(FaultReason::Head);
        }
        if !(SEGMENT_1..=SEGMENT_2).contains(kind) || *flags & !PACKED != 0 || (*zero, *zero_too) != (0, 0) {
            return Err(FaultReason::Unreadable("a record of a kind that this version does not know"));
        }
        if len as usize > MAX_PAYLOAD_LEN_BYTES || position.checked_add(u64::from(events)).is_none() {
            return Err(FaultReason::Unreadable("a record larger than any writer makes"));
        }
        Ok(Self { kind: *kind, flags: *flags, len, events, position, previous })
    }
}

fn head_check(head: &[u8; HEAD_LEN_BYTES]) -> u32 {
    // Truncation is meant: any bits of the hash do.
    xxh3_64(head.get(..HEAD_CHECK_AT).unwrap_or_default()) as u32
}

/// Completes a record of which `out` has the payload behind [`HEAD_LEN_BYTES`] of any bytes: writes its head and appends
/// its checksum, which it returns.
pub(crate) fn seal_record(out: &mut Vec<u8>, head: &RecordHead) -> u64 {
    if let Some(room) = out.first_chunk_mut() {
        *room = head.put();
    }
    let check = xxh3_64(out);
    out.extend_from_slice(&check.to_le_bytes());
    check
}

/// The checksum that a record of this head and payload has.
pub(crate) fn check_of(head: &RecordHead, payload: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&head.put());
    hash.update(payload);
    hash.digest()
}

/// A record at some place of a log, its own checksums verified.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) head: RecordHead,
    pub(crate) payload: Range<usize>,
    pub(crate) check: u64,
    pub(crate) end: usize,
}

/// The record that begins at `at`; its head and payload are verified, not its place in the chain.
pub(crate) fn record(bytes: &[u8], at: usize) -> Result<Frame, FaultReason> {
    let rest = bytes.get(at..).unwrap_or_default();
    let head = RecordHead::read(rest)?;
    let len = head.len as usize;
    let short = || {
        let expected = (HEAD_LEN_BYTES + len + CHECK_LEN_BYTES) as u64;
        FaultReason::Short { expected, found: rest.len() as u64 }
    };
    let covered = rest.get(..HEAD_LEN_BYTES + len).ok_or_else(short)?;
    let check = number(rest, covered.len()).ok_or_else(short)?;
    if check != xxh3_64(covered) {
        return Err(FaultReason::Checksum);
    }
    let payload = at + HEAD_LEN_BYTES..at + HEAD_LEN_BYTES + len;
    Ok(Frame { head, check, end: payload.end + CHECK_LEN_BYTES, payload })
}

/// The checksum of the record that ends at `end`, as it stands there.
pub(crate) fn check_before(bytes: &[u8], end: usize) -> Option<u64> {
    number(bytes, end.checked_sub(CHECK_LEN_BYTES)?)
}
