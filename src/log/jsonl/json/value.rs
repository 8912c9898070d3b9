//! A value of valid JSON in its line, the members of an object, and faults with their place.

use std::borrow::Cow;
use std::str::FromStr;

use crate::log::jsonl::key::{Key, KeySet};

/// The length in characters after which what was found is cut.
pub(crate) const MAX_FOUND_LEN_CHARS: usize = 60;

/// What is wrong with a line, and where: the byte offset.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) expected: Cow<'static, str>,
    pub(crate) found: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(
        at: usize,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Box<Self> {
        Box::new(Self { at, expected: expected.into(), found: found.into() })
    }
}

/// A fault is rare and large: boxed, it leaves results small.
pub(crate) type Parsed<T> = Result<T, Box<Fault>>;

/// A place in a line that holds a value of valid JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    pub(crate) line: &'a str,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// A string in which something is escaped.
    pub(crate) escaped: bool,
}

impl<'a> Value<'a> {
    /// Its offset in the line.
    pub(crate) fn start(self) -> usize {
        self.start
    }

    /// The value as it is written.
    pub(crate) fn raw(self) -> &'a str {
        self.line.get(self.start..self.end).unwrap_or_default()
    }

    /// This value is not what was expected.
    pub(crate) fn fault(self, expected: impl Into<Cow<'static, str>>) -> Box<Fault> {
        Fault::new(self.start, expected, self.excerpt())
    }

    /// The value as it is written, cut to a readable length.
    pub(crate) fn excerpt(self) -> String {
        excerpt(self.raw())
    }

    pub(crate) fn is_null(self) -> bool {
        self.raw() == "null"
    }

    pub(crate) fn is_array(self) -> bool {
        self.raw().starts_with('[')
    }

    /// The text of a string; borrowed where nothing in it is escaped.
    pub(crate) fn text(self, expected: &'static str) -> Parsed<Cow<'a, str>> {
        let inner = self.raw().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match inner {
            Some(inner) if !self.escaped => Ok(Cow::Borrowed(inner)),
            Some(inner) => unescape(inner, self.start.saturating_add(1)).map(Cow::Owned),
            None => Err(self.fault(expected)),
        }
    }

    /// A string in the form that `T` parses.
    pub(crate) fn parse<T: FromStr>(self, expected: &'static str) -> Parsed<T> {
        self.text(expected)?.parse().map_err(|_| self.fault(expected))
    }

    /// An integer within the bounds of `T`.
    pub(crate) fn integer<T: FromStr>(self, expected: &'static str) -> Parsed<T> {
        // Grammar has been checked: what has neither fraction nor exponent, and is no string, is an integer.
        self.raw().parse().map_err(|_| self.fault(expected))
    }

    pub(crate) fn boolean(self) -> Parsed<bool> {
        match self.raw() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.fault("true or false")),
        }
    }

    /// A fault where this is no object.
    pub(crate) fn expect_object(self, expected: &'static str) -> Parsed<()> {
        if self.raw().starts_with('{') { Ok(()) } else { Err(self.fault(expected)) }
    }
}

/// Where the members of an object stand, those that have not been taken yet.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub(crate) line: &'a str,
    pub(crate) start: usize,
    /// Start of the value under each key that is left, and its end: twice that, and one more where the value is a
    /// string with escapes.
    pub(crate) places: [(usize, usize); Key::COUNT],
    /// The keys that are left.
    pub(crate) left: KeySet,
    /// Whether a name is none of the format's, or comes a second time.
    pub(crate) unknown: bool,
    pub(crate) twice: bool,
}

impl<'a> Object<'a> {
    /// An object of which nothing is known.
    pub(crate) fn new(line: &'a str) -> Self {
        Self {
            line,
            start: 0,
            places: [(0, 0); Key::COUNT],
            left: KeySet::default(),
            unknown: false,
            twice: false,
        }
    }

    pub(crate) fn put(&mut self, key: Option<Key>, value: Value<'a>) {
        match key {
            None => self.unknown = true,
            Some(key) if self.left.contains(key) => self.twice = true,
            Some(key) => {
                self.left.set(key, true);
                if let Some(place) = self.places.get_mut(key as usize) {
                    *place = (value.start, value.end * 2 + usize::from(value.escaped));
                }
            }
        }
    }

    /// Puts the value under one key under another, which must not be there.
    pub(crate) fn rename(&mut self, from: Key, to: Key) -> Parsed<()> {
        if let Some(value) = self.take(to) {
            let expected = format!("the key {:?}, as this version names {:?}", from.name(), to.name());
            return Err(value.fault(expected));
        }
        match self.take(from) {
            Some(value) => self.put(Some(to), value),
            None => return Err(self.missing(format!("the key {:?}", from.name()))),
        }
        Ok(())
    }

    /// Whether this key is left.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.left.contains(key)
    }

    /// The value under this key, which is no longer left.
    pub(crate) fn take(&mut self, key: Key) -> Option<Value<'a>> {
        if !self.left.contains(key) {
            return None;
        }
        self.left.set(key, false);
        let (start, end) = self.places.get(key as usize).copied().unwrap_or_default();
        Some(Value { line: self.line, start, end: end / 2, escaped: end % 2 == 1 })
    }

    /// The value under this key; a fault where there is none.
    pub(crate) fn need(&mut self, key: Key) -> Parsed<Value<'a>> {
        match self.take(key) {
            Some(value) => Ok(value),
            None => Err(self.missing(format!("the key {:?}", key.name()))),
        }
    }

    /// A key is missing.
    pub(crate) fn missing(&self, expected: impl Into<Cow<'static, str>>) -> Box<Fault> {
        Fault::new(self.start, expected, "an object without it")
    }

    /// Whether nothing is left and nothing was amiss.
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty() && !self.unknown && !self.twice
    }
}

/// What was found, cut to a readable length.
pub(crate) fn excerpt(found: &str) -> String {
    match found.char_indices().nth(MAX_FOUND_LEN_CHARS) {
        None => found.to_owned(),
        Some((cut, _)) => {
            let shown = found.get(..cut).unwrap_or_default();
            format!("{shown}… ({} bytes)", found.len())
        }
    }
}

/// The key a name is.
pub(crate) fn key_of(name: Value<'_>) -> Option<Key> {
    Key::of(&name.text("a key").ok()?)
}

/// The text of a string whose escapes are grammatical; `at` is its offset in the line.
pub(crate) fn unescape(written: &str, at: usize) -> Parsed<String> {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let Some((character, len)) = unicode_escape(escape) else {
                    let here = at + (written.len() - escape.len()) - 1;
                    let found = written.get(written.len() - escape.len() - 1..).unwrap_or_default();
                    return Err(Fault::new(here, "two surrogates that belong together", excerpt(found)));
                };
                text.push(character);
                chars = escape.get(len..).unwrap_or_default().chars();
            }
            Some(itself) => text.push(itself),
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    Ok(text)
}

/// The character written as `uXXXX` or `uXXXX\uXXXX`, and the length of that.
pub(crate) fn unicode_escape(escape: &str) -> Option<(char, usize)> {
    let unit = |from: usize| u16::from_str_radix(escape.get(from..from + 4)?, 16).ok();
    let first = unit(1)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Some((character, 5));
    }
    let second = if escape.get(5..7) == Some("\\u") { unit(7)? } else { return None };
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    Some((character, 11))
}
