//! A JSON reader that knows where everything stands.
//!
//! A general JSON crate reports places of syntax only, takes the last of two equal keys and rounds numbers. Here
//! a line is checked against the grammar once, without allocating; after that a [`Value`] is a place in the line,
//! taken apart when a decoder asks for it, and any fault in it has a column.

mod scan;
pub(crate) mod value;

pub(crate) use self::scan::plain_len;
use self::scan::{MAX_DEPTH, Scanner};
use crate::log::jsonl::json::value::{Fault, Object, Parsed, Value, key_of, unescape};
use crate::log::jsonl::key::KeySet;

/// A line as text; a fault where it is not UTF-8.
pub(crate) fn text(line: &[u8]) -> Parsed<&str> {
    std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to();
        let byte = line.get(at).copied().unwrap_or_default();
        Fault::new(at, "UTF-8", format!("byte 0x{byte:02X}"))
    })
}

/// The object that a whole line is, and the object under its key `message`, if any: taken apart in one go, for
/// most lines have one. Both are filled in where they are, for they are too large to be handed about.
pub(crate) fn line<'a>(text: &'a str, object: &mut Object<'a>, message: &mut Object<'a>) -> Parsed<()> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    scanner.fill(object, Some(message))?;
    scanner.space();
    match scanner.peek() {
        None => Ok(()),
        Some(_) => Err(scanner.unexpected("the end of the line")),
    }
}

/// Where the object ends that begins at `at`; a fault where none that is whole does.
pub(crate) fn object_end(text: &str, at: usize) -> Parsed<usize> {
    let mut scanner = Scanner { text, at };
    scanner.object(|scanner, _| scanner.value(MAX_DEPTH).map(drop))?;
    Ok(scanner.at)
}

/// The text that is written so between quotes; `None` where what stands behind a backslash is no escape.
pub(crate) fn unescaped(written: &str) -> Option<String> {
    let mut scanner = Scanner { text: written, at: 0 };
    scanner.escapes().ok()?;
    if scanner.at < written.len() { None } else { unescape(written, 0).ok() }
}

impl<'a> Value<'a> {
    pub(crate) fn object(self, expected: &'static str) -> Parsed<Object<'a>> {
        self.expect_object(expected)?;
        let mut scanner = Scanner { text: self.line, at: self.start };
        let mut object = Object::new(self.line);
        scanner.fill(&mut object, None)?;
        Ok(object)
    }

    /// The names and values of an object whose names are free, by `each`, as they stand.
    pub(crate) fn members(
        self,
        expected: &'static str,
        mut each: impl FnMut(Value<'a>, Value<'a>) -> Parsed<()>,
    ) -> Parsed<()> {
        self.expect_object(expected)?;
        let mut scanner = Scanner { text: self.line, at: self.start };
        scanner.object(|scanner, name| {
            let start = scanner.at;
            let escaped = scanner.value(MAX_DEPTH)?;
            each(name, scanner.since(start, escaped))
        })
    }

    /// What `each` makes of the elements of an array.
    pub(crate) fn array<T>(
        self,
        expected: &'static str,
        mut each: impl FnMut(Value<'a>) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        if !self.is_array() {
            return Err(self.fault(expected));
        }
        let mut elements = Vec::new();
        let mut scanner = Scanner { text: self.line, at: self.start };
        scanner.array(MAX_DEPTH, |value| each(value).map(|element| elements.push(element)))?;
        Ok(elements)
    }
}

impl<'a> Object<'a> {
    /// A fault where a key of the format stands twice.
    pub(crate) fn once(&self) -> Parsed<()> {
        if self.twice { Err(self.odd_key(None)) } else { Ok(()) }
    }

    /// A fault where a key stands twice, or one is left: `what` does not have it.
    pub(crate) fn finish(&self, what: &str) -> Parsed<()> {
        if self.is_empty() { Ok(()) } else { Err(self.odd_key(Some(what))) }
    }

    /// The first key that stands twice or that `what` does not have.
    pub(crate) fn odd_key(&self, what: Option<&str>) -> Box<Fault> {
        let mut met = KeySet::default();
        let mut scanner = Scanner { text: self.line, at: self.start };
        let odd = scanner.object(|scanner, name| {
            scanner.value(MAX_DEPTH)?;
            let key = key_of(name);
            match (key, what) {
                (Some(key), _) if met.contains(key) => {
                    let found = format!("a second {}", name.excerpt());
                    return Err(Fault::new(name.start, "each key once", found));
                }
                (Some(key), Some(what)) if self.left.contains(key) => {
                    return Err(name.fault(format!("a key of {what}")));
                }
                (None, Some(what)) => return Err(name.fault(format!("a key of {what}"))),
                (Some(key), _) => met.set(key, true),
                (None, None) => {}
            }
            Ok(())
        });
        odd.err().unwrap_or_else(|| Fault::new(self.start, "other keys", "these"))
    }
}
