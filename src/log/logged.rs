//! What a log holds beside events: what was written by a newer program, kept as it is.

use crate::model::event::Event;

/// The version of the text log that this library reads and writes.
pub(crate) const TEXT_VERSION: u64 = 1;

/// What an event line holds: an event, or something written by a newer program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedEvent {
    /// An event of a known type.
    Known(Event),
    /// A line kept as it is, for a reader that knows more.
    Skipped(SkippedEvent),
}

impl LoggedEvent {
    /// The event; `None` for a skipped line.
    pub fn known(&self) -> Option<&Event> {
        match self {
            Self::Known(event) => Some(event),
            Self::Skipped(_) => None,
        }
    }
}

/// An event line of an unknown type or a newer version, kept byte for byte.
///
/// Only reading makes one, so it always is a single line of valid JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedEvent {
    pub(crate) raw: Box<str>,
    pub(crate) reason: SkipReason,
}

impl SkippedEvent {
    /// The line exactly as it was read, without its `\n`.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Why it is skipped.
    pub fn reason(&self) -> &SkipReason {
        &self.reason
    }
}

/// Why an event line is skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// A type that version 1 does not name.
    #[error("unknown type {0:?}")]
    UnknownType(String),
    /// A version of the text log greater than this library's.
    #[error("version {0}, newer than {TEXT_VERSION}")]
    NewerVersion(u64),
}
