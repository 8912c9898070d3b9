//! What reading a log can meet: corruption and outages, apart.

use std::borrow::Cow;
use std::io;

use crate::log::jsonl::json::value::Fault;

/// A line that is not part of a valid log: where, what was expected there, what was found.
///
/// ```
/// let fault = chatfold::jsonl::decode_line(br#"{"v":1,"id":17}"#).unwrap_err();
/// assert_eq!(fault.to_string(), "line 1, column 13: expected the id of an event, a lower-case hyphenated UUID, found 17");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
#[non_exhaustive]
pub struct DecodeError {
    /// The number of the line, the first being 1.
    pub line: u64,
    /// Where the fault begins: the number of its byte within the line, the first being 1. A missing key is
    /// reported where the object that lacks it begins.
    pub column: u64,
    /// What a valid log has there.
    pub expected: Cow<'static, str>,
    /// What is there instead, cut to a readable length.
    pub found: Cow<'static, str>,
}

impl DecodeError {
    pub(crate) fn new(line: u64, fault: Fault) -> Self {
        let column = u64::try_from(fault.at).unwrap_or(u64::MAX).saturating_add(1);
        Self { line, column, expected: fault.expected, found: fault.found }
    }
}

/// Why the next record could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The line is malformed. Reading may go on with the next.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The input failed. Nothing more will be read.
    #[error("reading line {line} failed")]
    Io {
        /// The line that was being read, the first being 1.
        line: u64,
        /// What the input reported.
        source: io::Error,
    },
}
