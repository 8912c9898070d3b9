//! The grammar of JSON.

use std::borrow::Cow;

use crate::log::jsonl::json::value::{Fault, Object, Parsed, Value, key_of};
use crate::log::jsonl::key::Key;

/// Arrays and objects within each other, at most; a valid event has four.
pub(crate) const MAX_DEPTH: usize = 128;

/// Reads forward through a line, checking the grammar.
pub(crate) struct Scanner<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What stands here is not what was expected.
    pub(crate) fn unexpected(&self, expected: &'static str) -> Box<Fault> {
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => Cow::Owned(format!("{found:?}")),
            None => Cow::Borrowed("the end of the line"),
        };
        Fault::new(self.at, expected, found)
    }

    /// Past whitespace; a line feed is none, for it ends a line.
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes past `byte` if it stands here.
    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// An object: notes where its members stand, and where those of the object under `message` do.
    pub(crate) fn fill(
        &mut self,
        object: &mut Object<'a>,
        mut message: Option<&mut Object<'a>>,
    ) -> Parsed<()> {
        object.start = self.at;
        self.object(|scanner, name| {
            let key = key_of(name);
            let start = scanner.at;
            let value = match &mut message {
                Some(message) if key == Some(Key::Message) && scanner.peek() == Some(b'{') => {
                    scanner.fill(message, None)?;
                    scanner.since(start, false)
                }
                _ => {
                    let escaped = scanner.value(MAX_DEPTH)?;
                    scanner.since(start, escaped)
                }
            };
            object.put(key, value);
            Ok(())
        })
    }

    /// An object; `member` gets each name and goes past its value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Value<'a>) -> Parsed<()>,
    ) -> Parsed<()> {
        if !self.eat(b'{') {
            return Err(self.unexpected("an object"));
        }
        self.space();
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key"));
            }
            let start = self.at;
            let escaped = self.string()?;
            let name = self.since(start, escaped);
            self.space();
            if !self.eat(b':') {
                return Err(self.unexpected("':'"));
            }
            self.space();
            member(self, name)?;
            self.space();
            if self.eat(b'}') {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err(self.unexpected("',' or '}'"));
            }
            self.space();
        }
    }

    /// An array; `element` gets each element.
    pub(crate) fn array(
        &mut self,
        depth: usize,
        mut element: impl FnMut(Value<'a>) -> Parsed<()>,
    ) -> Parsed<()> {
        if !self.eat(b'[') {
            return Err(self.unexpected("an array"));
        }
        self.space();
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            let start = self.at;
            let escaped = self.value(depth)?;
            element(self.since(start, escaped))?;
            self.space();
            if self.eat(b']') {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err(self.unexpected("',' or ']'"));
            }
            self.space();
        }
    }

    /// The value that began at `start` and ends here.
    pub(crate) fn since(&self, start: usize, escaped: bool) -> Value<'a> {
        Value { line: self.text, start, end: self.at, escaped }
    }

    /// Goes past any value, with `depth` levels within it at most. Returns whether it is a string with escapes.
    pub(crate) fn value(&mut self, depth: usize) -> Parsed<bool> {
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') if depth == 0 => {
                return Err(self.unexpected("less nesting: 128 levels at most"));
            }
            Some(b'{') => self.object(|scanner, _| scanner.value(depth - 1).map(drop))?,
            Some(b'[') => self.array(depth - 1, |_| Ok(()))?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            _ => return Err(self.unexpected("a value")),
        }
        Ok(false)
    }

    fn word(&mut self, word: &'static str) -> Parsed<()> {
        if self.rest().starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.unexpected("a value"))
        }
    }

    fn number(&mut self) -> Parsed<()> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Parsed<()> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(self.unexpected("a digit"));
        }
        self.at += digits;
        Ok(())
    }

    /// Goes past a string. Returns whether anything in it is escaped.
    fn string(&mut self) -> Parsed<bool> {
        self.at += 1;
        let escaped = self.escapes()?;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(escaped)
            }
            Some(_) => Err(self.unexpected("no raw control character in a string")),
            None => Err(self.unexpected("the end of a string")),
        }
    }

    /// Goes on within a string up to what is neither part of it nor an escape. Returns whether anything is escaped.
    pub(crate) fn escapes(&mut self) -> Parsed<bool> {
        let mut escaped = false;
        loop {
            self.at += plain_len(self.rest());
            if self.peek() != Some(b'\\') {
                return Ok(escaped);
            }
            escaped = true;
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Parsed<()> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.unexpected("four hexadecimal digits"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.unexpected("one of \"\\/bfnrtu after a backslash")),
        }
        Ok(())
    }
}

/// How many bytes from here on stand for themselves in a string: up to a quote, a backslash or a control
/// character. Eight at a time.
#[inline]
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotes = (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
        let backslashes = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        let controls = word.wrapping_sub(ONES * 0x20);
        // The high bit of each byte where it stops is set, and that of each byte of a text that is not ASCII. Above the
        // lowest byte where it stops perhaps others are too, which does not matter here.
        let high = (quotes | backslashes | controls) & HIGHS;
        if high != 0 {
            let stops = high & !word;
            if stops != 0 {
                return index * 8 + stops.trailing_zeros() as usize / 8;
            }
        }
    }
    let stop = tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    words.len() * 8 + stop.unwrap_or(tail.len())
}
