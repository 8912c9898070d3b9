//! The binary log, version 2: the same events as the text log in a third of the bytes, checked and chained.
//!
//! A header names the owner. Behind it stand records, each a **segment**: some thousands of events in columns
//! (one column a field, times and sequence numbers as differences), with a dictionary of the users and
//! conversations they name. Each record carries a checksum over its length, kind, position and payload, and the
//! checksum of the record before it, so that a removed, repeated or moved record is seen. An event's
//! **position** is its index in the log, the first being 0. docs/FORMAT.md has every byte.
//!
//! - [`Writer`] gathers events and writes them in records, with explicit boundaries ([`Writer::flush`]).
//! - [`Log`] reads a log that is at hand as bytes. [`Log::fold`] replays it without copying a text;
//!   [`Log::records`] gives record after record and goes on behind faults; [`Log::index`] and
//!   [`Log::record_at`] reach any position without reading what is before it; [`Log::stretches`] are folded on
//!   several cores.
//! - [`Reader`] reads from a stream and holds one record in memory.
//! - [`recover`] writes what is valid of a damaged log as a new one, [`redact`] a log without some of its content.
//!
//! # Faults
//!
//! Opening refuses a file without a valid header ([`HeaderError`]). A [`RecordFault`] says where the next
//! record should begin, which event that is, what was found, and what follows (R99): with a valid record
//! behind it, it is corruption, and reading may go on there; with nothing valid behind it, it is a **torn
//! tail**, as a crash in the middle of an append leaves one. Nothing is ever cut off or mended in place.
//!
//! A damaged record holds bytes that strangers chose, whole records among them. What stands behind a fault is
//! believed only where a chain proves it: a record that begins where a damaged one with a sound head ends, that
//! follows the last record before the fault, that belongs to the chain that ends with the log's last byte, or that
//! names the checksum which what lies between has once its head is put right. Other whole records are left where
//! they are and counted ([`RecordFault::unproven`]); with one of them behind it a fault is no torn tail
//! ([`FaultEnd::Unproven`]). [`Log::taking_unproven`] reads them too, for who knows where they come from. All of
//! this takes time linear in the log, whatever stands in it.
//!
//! Checksums are xxh3 with 64 bits. They guard against accidents, not against someone who can rewrite the file.
//!
//! # What is not known
//!
//! Lines of a newer text log are kept in a segment byte for byte, and given back as
//! [`LoggedEvent::Skipped`](crate::jsonl::LoggedEvent), or as an event once the library knows their type. A
//! newer version of this format is refused with its number. Version 1 is read for ever; a log of that version is
//! appended to as one, and holds what version 1 has no form for as lines.

mod body;
mod columns;
mod error;
mod frame;
pub(crate) mod header;
mod packing;
mod reader;
mod records;
mod recover;
mod redact;
mod scan;
mod segment;
mod writer;

pub use self::error::{FaultEnd, FaultReason, HeaderError, ReadError, RecordFault};
pub use self::header::{Header, LogHead};
pub use self::packing::Packing;
pub use self::reader::Reader;
pub use self::records::{Log, Record, RecordPlace, Records};
pub use self::recover::{Recovered, recover};
pub use self::redact::{RedactError, Redacted, redact};
pub use self::segment::Folded;
pub use self::writer::Writer;

/// Whether bytes begin as a binary log does.
pub fn is_binary_log(head: &[u8]) -> bool {
    head.starts_with(&frame::MAGIC)
}

/// Appends a record of this kind that follows `head`, whatever it claims. Returns its checksum.
#[cfg(feature = "testing")]
pub(crate) fn seal_record(
    out: &mut Vec<u8>,
    head: LogHead,
    (kind, flags): (u8, u8),
    events: u32,
    payload: &[u8],
) -> u64 {
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let head = frame::RecordHead { kind, flags, len, events, position: head.events, previous: head.check };
    let mut record = vec![0; frame::HEAD_LEN_BYTES];
    record.extend_from_slice(payload);
    let check = frame::seal_record(&mut record, &head);
    out.extend_from_slice(&record);
    check
}
