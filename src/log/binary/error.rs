//! What is wrong with a binary log, and where.

use crate::model::id::UserId;

/// Why the header of a binary log is refused: without it nobody knows whose log it is (R99).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// It does not begin as a binary log does.
    #[error("byte 0: expected the magic of a binary log, found something else")]
    Magic,
    /// It was written by a newer program.
    #[error("byte 8: expected format version {expected}, found {found}")]
    Version {
        /// The version this library reads and writes.
        expected: u16,
        /// The version found.
        found: u16,
    },
    /// The log ends within its header.
    #[error("byte 0: expected a header of {expected} bytes, found the end of the log after {found}")]
    Short {
        /// How long the header is, as far as is known.
        expected: u64,
        /// How many bytes there are.
        found: u64,
    },
    /// The header's checksum does not fit.
    #[error("byte 0: the checksum of the header does not fit")]
    Checksum,
    /// The checksum fits, but the header says what no writer writes.
    #[error("byte 14: the header cannot be decoded, though its checksum fits")]
    Undecodable,
    /// The log is another account's.
    #[error("byte 14: expected the log of {expected}, found that of {found}")]
    Owner {
        /// Whose was asked for.
        expected: UserId,
        /// Whose it is.
        found: UserId,
    },
}

/// A place in a binary log where no valid record follows the one before (R99).
///
/// Checksums guard against accidents, not against someone who can rewrite the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}, event {position}: expected {}, found {reason}{}", self.expected(), self.aftermath())]
#[non_exhaustive]
pub struct RecordFault {
    /// Where it begins.
    pub offset: u64,
    /// How many bytes from there on belong to no valid record; 0 where the fault is that a valid record does
    /// not follow the one before.
    pub len_bytes: u64,
    /// The index of the event that should begin there.
    pub position: u64,
    /// What is wrong.
    pub reason: FaultReason,
    /// How many whole records stand in these bytes that nothing proves to be this log's; they are not read. Where
    /// looking at all of them would take more than linear time, the rest of their heads count as records.
    pub unproven: u64,
    /// What stands behind it.
    pub after: FaultEnd,
}

/// What stands behind a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultEnd {
    /// A valid record, whose first event has this index: the fault is corruption in the middle.
    Record {
        /// The index of the first event behind the fault.
        position: u64,
    },
    /// Nothing valid: a torn tail, as a crash during an append leaves one.
    Torn,
    /// Nothing that is proven to be this log's, and yet whole records: neither can it be read on, nor is it a torn
    /// tail.
    Unproven,
    /// It is not known: a stream is not read beyond its first fault.
    Unknown,
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultReason {
    /// The log ends within the record.
    #[error("the end of the log after {found} of its {expected} bytes")]
    Short {
        /// How long the record is, as far as is known.
        expected: u64,
        /// How many bytes of it are there.
        found: u64,
    },
    /// No record begins there.
    #[error("bytes that begin no record")]
    Mark,
    /// The checksum of the record's head does not fit.
    #[error("a head whose checksum does not fit")]
    Head,
    /// The checksum of the record does not fit.
    #[error("a record whose checksum does not fit")]
    Checksum,
    /// A valid record that does not follow the one before: one was removed, repeated or moved.
    #[error("one that follows another record and begins with event {position}")]
    Chain {
        /// The index of the first event of the record that stands there.
        position: u64,
    },
    /// A record of a kind or packing that this library, as it was built, cannot read.
    #[error("{0}")]
    Unreadable(&'static str),
    /// The checksums fit, but an event in the record cannot be decoded.
    #[error("an event ({index} of the record) that cannot be decoded, though the checksum fits")]
    Undecodable {
        /// Its index in the record, the first being 0.
        index: u64,
    },
}

impl RecordFault {
    /// Whether it is a torn tail: nothing valid stands behind it.
    pub fn is_torn_tail(&self) -> bool {
        self.after == FaultEnd::Torn
    }

    fn expected(&self) -> &'static str {
        match self.reason {
            FaultReason::Chain { .. } => "the record that follows the one before",
            FaultReason::Undecodable { .. } => "an event",
            _ => "a record",
        }
    }

    fn aftermath(&self) -> String {
        let Self { offset, len_bytes, position, .. } = self;
        let aside = match self.unproven {
            0 => String::new(),
            1 => "; 1 whole record stands before that which nothing proves to be this log's".to_owned(),
            n => format!("; {n} whole records stand before that which nothing proves to be this log's"),
        };
        match self.after {
            FaultEnd::Torn => format!("; nothing valid follows: a torn tail of {len_bytes} bytes"),
            FaultEnd::Record { position: next } if *len_bytes > 0 => {
                let lost = next.saturating_sub(*position);
                let next = offset + len_bytes;
                format!("; the next valid record begins at byte {next}, {lost} events on{aside}")
            }
            FaultEnd::Unproven => {
                let n = self.unproven;
                format!("; {n} whole records follow, and nothing proves that they are this log's")
            }
            FaultEnd::Record { .. } | FaultEnd::Unknown => String::new(),
        }
    }
}

/// Why a binary log cannot be opened or read on from a stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The header is refused.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A record is faulty.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// The input failed.
    #[error("byte {offset}: reading failed")]
    Io {
        /// Where the bytes begin that could not be read.
        offset: u64,
        /// What the input reported.
        source: std::io::Error,
    },
}
