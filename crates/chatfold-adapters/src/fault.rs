//! What is wrong with a payload, and where.

use std::fmt;

use serde_json::Value;

/// The longest text of a stranger that is told, in bytes: a payload of faults must not print more than it holds.
const MAX_TOLD_LEN_BYTES: usize = 64;

/// Something in a payload that has the wrong shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What was expected there.
    pub expected: String,
    /// What was found, cut where it is long.
    pub found: String,
}

/// Where in a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON pointer (RFC 6901) into the payload; the empty one is the payload itself. Long keys are cut. Of stanzas in XML it is
    /// the pointer into their JSON form.
    Pointer(String),
    /// A place in the text of a payload that is neither JSON nor XML.
    Text {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
}

impl Fault {
    pub(crate) fn new(place: Place, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { place, expected: expected.into(), found: found.into() }
    }

    /// Returns the fault of a text that is no JSON.
    pub(crate) fn of_json(error: &serde_json::Error) -> Self {
        let place = Place::Text { line: error.line().max(1), column: error.column().max(1) };
        Self::new(place, "JSON", error.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(pointer) if pointer.is_empty() => f.write_str("the payload"),
            Self::Pointer(pointer) => f.write_str(pointer),
            Self::Text { line, column } => write!(f, "line {line}, column {column}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.place, self.expected, self.found)
    }
}

impl std::error::Error for Fault {}

/// Returns the text, cut on the boundary of a character where it is long.
pub(crate) fn cut(text: &str) -> String {
    if text.len() <= MAX_TOLD_LEN_BYTES {
        return text.to_owned();
    }
    let end = (0..=MAX_TOLD_LEN_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// Returns what a value is, in words.
pub(crate) fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => cut(&number.to_string()),
        Value::String(text) => format!("{:?}", cut(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
