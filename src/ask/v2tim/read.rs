//! A JSON value at its place: what is read from it is of the right type, or an error that says where it stands.

use std::fmt;

use serde_json::Value;

/// The longest text that is told of what was found, in bytes.
const MAX_TOLD_LEN_BYTES: usize = 64;

/// Why a row could not be read back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadError {
    /// Where.
    pub place: ReadPlace,
    /// What was expected there.
    pub expected: String,
    /// What was found, cut where it is long.
    pub found: String,
}

/// Where in a text a row could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadPlace {
    /// A JSON pointer (RFC 6901); the empty one is the whole value.
    Pointer(String),
    /// A place in a text that is no JSON.
    Text {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            ReadPlace::Pointer(pointer) if pointer.is_empty() => f.write_str("the whole value")?,
            ReadPlace::Pointer(pointer) => f.write_str(pointer)?,
            ReadPlace::Text { line, column } => write!(f, "line {line}, column {column}")?,
        }
        write!(f, ": expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for ReadError {}

/// Returns the value that a text is.
pub(crate) fn parse(text: &str) -> Result<Value, ReadError> {
    serde_json::from_str(text).map_err(|error| ReadError {
        place: ReadPlace::Text { line: error.line().max(1), column: error.column().max(1) },
        expected: "JSON".to_owned(),
        found: error.to_string(),
    })
}

/// A value and the way to it.
#[derive(Debug)]
pub(crate) struct At<'v> {
    value: &'v Value,
    pointer: String,
}

impl<'v> At<'v> {
    pub(crate) fn root(value: &'v Value) -> Self {
        Self { value, pointer: String::new() }
    }

    fn step(&self, value: &'v Value, step: &str) -> Self {
        Self { value, pointer: format!("{}/{step}", self.pointer) }
    }

    pub(crate) fn error(&self, expected: impl Into<String>) -> ReadError {
        let found = match self.value {
            Value::Array(_) => "an array".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            other => cut(other.to_string()),
        };
        ReadError { place: ReadPlace::Pointer(self.pointer.clone()), expected: expected.into(), found }
    }

    /// Returns what stands under the key; `None` where nothing or null does.
    pub(crate) fn get(&self, key: &str) -> Result<Option<Self>, ReadError> {
        let object = self.value.as_object().ok_or_else(|| self.error("an object"))?;
        Ok(object.get(key).filter(|value| !value.is_null()).map(|value| self.step(value, key)))
    }

    /// Returns what stands under the key, null too.
    pub(crate) fn need(&self, key: &str) -> Result<Self, ReadError> {
        let object = self.value.as_object().ok_or_else(|| self.error("an object"))?;
        object.get(key).map(|value| self.step(value, key)).ok_or_else(|| ReadError {
            place: ReadPlace::Pointer(format!("{}/{key}", self.pointer)),
            expected: "a value".to_owned(),
            found: "nothing".to_owned(),
        })
    }

    /// Returns what stands under the key, `None` where null does; it is an error where nothing does.
    pub(crate) fn nullable(&self, key: &str) -> Result<Option<Self>, ReadError> {
        Ok(Some(self.need(key)?).filter(|at| !at.value.is_null()))
    }

    pub(crate) fn text(&self) -> Result<&'v str, ReadError> {
        self.value.as_str().ok_or_else(|| self.error("a text"))
    }

    pub(crate) fn flag(&self) -> Result<bool, ReadError> {
        self.value.as_bool().ok_or_else(|| self.error("true or false"))
    }

    pub(crate) fn number(&self) -> Result<u64, ReadError> {
        self.value.as_u64().ok_or_else(|| self.error("a number"))
    }

    pub(crate) fn integer(&self) -> Result<i64, ReadError> {
        self.value.as_i64().ok_or_else(|| self.error("an integer"))
    }

    /// Returns the number that a text is.
    pub(crate) fn number_in_text(&self) -> Result<u64, ReadError> {
        self.parsed("a number as text")
    }

    /// Returns what a text says.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, expected: &str) -> Result<T, ReadError> {
        self.text()?.parse().map_err(|_| self.error(expected))
    }

    /// Returns the value that a table has for this number.
    pub(crate) fn of_table<T: Copy>(&self, table: &[(T, u8)], expected: &str) -> Result<T, ReadError> {
        let number = self.number()?;
        let found = table.iter().find(|(_, known)| u64::from(*known) == number);
        found.map(|(value, _)| *value).ok_or_else(|| self.error(expected))
    }

    /// Returns what each item of the array says.
    pub(crate) fn each<T>(&self, read: impl Fn(&Self) -> Result<T, ReadError>) -> Result<Vec<T>, ReadError> {
        self.items()?.iter().map(read).collect()
    }

    /// Returns each item of the array.
    pub(crate) fn items(&self) -> Result<Vec<Self>, ReadError> {
        let items = self.value.as_array().ok_or_else(|| self.error("an array"))?.iter();
        Ok(items.enumerate().map(|(index, item)| self.step(item, &index.to_string())).collect())
    }
}

fn cut(text: String) -> String {
    if text.len() <= MAX_TOLD_LEN_BYTES {
        return text;
    }
    let end = (0..=MAX_TOLD_LEN_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}
