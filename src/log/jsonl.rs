//! The log as text: JSON Lines, version 1. The page docs/LOG.md describes every type and key with examples, the
//! page docs/RULES.md what the events mean.
//!
//! One line, one JSON object. The first line is the header and names the owner; every other line is an event:
//! the envelope (`v`, `id`, `at`, `by`, `conversation`, `type`), the keys of its type, and `meta`.
//!
//! ```text
//! {"log":"chatfold","v":1,"owner":"alice"}
//! {"v":1,"id":"018f0e2a-0000-7000-8000-000000000001","at":"2026-03-01T09:00:00.000Z","by":"bob","conversation":"c2c_bob","type":"message_received","message":{"id":"018f0e2a-0000-7000-8000-0000000000a1","text":"Lunch?"}}
//! ```
//!
//! # What decodes
//!
//! What decodes today decodes for ever, and decoding is strict: it never guesses. Refused are a missing key, an
//! unknown key inside a known type, a key twice in one object, a value of another JSON type (`1.0` is not an
//! integer, `null` stands only for a cleared draft and a deleted extension), a type or watermark in the wrong
//! kind of conversation, a mark of two bits, times and ids in another form than the one this library writes, and
//! base64 in another alphabet or without padding. Key order is free; an absent optional key equals its default,
//! which may also be written out.
//!
//! A line of a greater `v` or, within version 1, of an unknown `type` is kept byte for byte and skipped
//! ([`LoggedEvent::Skipped`]). Of a newer line nothing is asked but that it be an object and repeat no key known
//! here; one of an unknown type must have a valid envelope too.
//!
//! A second header of the same owner, as in two logs concatenated, is passed over; one of another owner or of a
//! newer version is refused. Blank lines are refused. `\r\n` ends a line too, and the last line may end without
//! either.
//!
//! # Older versions
//!
//! A log whose header has version 0 may hold lines of version 0, which named the actor of an event `actor`; they
//! are read as if they said `by`. Writing makes them lines of version 1, those of unknown type too.
//!
//! # Faults
//!
//! A [`DecodeError`] says where, what was expected and what was found (R99). It costs one line: reading goes on
//! with the next, so a log can be read for all that is valid in it, or for all its faults. Memory stays within a
//! small multiple of the longest line, and lines have a limit ([`Reader::with_line_limit`]).
//!
//! A line that ends in `\n` was written whole; only a last line without one may be torn, and it is if it is not JSON
//! ([`is_whole_line`]). Of a faulty line [`Reader::salvaging`] gives the whole events that stand one behind the other
//! at its beginning, with NULs before and between them, as a crash or two writers leave them. What stands behind the
//! first thing that is no whole object is not believed: it may be part of another event.
//!
//! # Writing
//!
//! [`Writer`] and [`encode_event`] write keys in one fixed order and leave defaults out. Reading and writing back
//! changes nothing but key order, whitespace and written-out defaults.

mod cache;
mod decode;
mod encode;
mod error;
mod json;
mod key;
mod log_bytes;
mod reader;
mod upcast;
mod writer;

pub use self::decode::{decode_line, is_whole_line};
pub use self::encode::encode_event;
pub use self::error::{DecodeError, ReadError};
pub use self::log_bytes::LogBytes;
pub use self::reader::{DEFAULT_LINE_LIMIT_BYTES, Reader};
pub use self::writer::Writer;
pub use crate::log::logged::{LoggedEvent, SkipReason, SkippedEvent};

/// The version of the format that this module reads and writes.
pub const VERSION: u64 = 1;

/// The name in every header: `{"log":"chatfold",…}`.
const LOG_NAME: &str = "chatfold";

/// One event line of a log and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// The number of its line, the first line of the log being 1.
    pub line: u64,
    /// What the line holds.
    pub event: LoggedEvent,
}
