//! What of a line has not been read, where it stands as this library writes it.

use crate::log::jsonl::json::{plain_len, unescaped};
use crate::model::id::uuid_bytes;
use crate::model::time::{TIMESTAMP_LEN_BYTES, Timestamp};

/// How a UUID stands, in bytes.
pub(super) const UUID_LEN_BYTES: usize = 36;

/// How a time stands, in bytes.
pub(super) const TIME_LEN_BYTES: usize = TIMESTAMP_LEN_BYTES;

/// How many digits of a number are read at most: every number of so many fits its type.
const MAX_DIGITS: usize = 16;

/// What of a line has not been read.
pub(crate) struct Rest<'a>(pub(crate) &'a [u8]);

impl<'a> Rest<'a> {
    /// Goes past what has to stand here.
    #[inline]
    pub(super) fn pass(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// So many bytes.
    #[inline]
    pub(super) fn chunk<const LEN: usize>(&mut self) -> Option<&'a [u8; LEN]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(chunk)
    }

    #[inline]
    pub(super) fn uuid<T>(&mut self, id: impl FnOnce([u8; 16]) -> T) -> Option<T> {
        uuid_bytes(self.chunk::<UUID_LEN_BYTES>()?).map(id)
    }

    #[inline]
    pub(super) fn time(&mut self) -> Option<Timestamp> {
        Timestamp::parse_bytes(self.chunk()?).ok()
    }

    /// The bytes up to the quote that ends a text, where nothing in it is escaped; the quote is left, and has to stand
    /// there: they end before a backslash or a control character as well.
    #[inline]
    pub(super) fn plain(&mut self) -> Option<&'a [u8]> {
        let (plain, rest) = self.0.split_at_checked(plain_len(self.0))?;
        self.0 = rest;
        Some(plain)
    }

    /// A text, and the quote that ends it.
    #[inline]
    pub(super) fn text(&mut self) -> Option<String> {
        let len = plain_len(self.0);
        if self.0.get(len) != Some(&b'"') {
            return self.escaped_text(len);
        }
        let text = owned_text(self.0, len)?;
        self.0 = self.0.get(len + 1..)?;
        Some(text)
    }

    /// The same where something is escaped behind so many bytes.
    #[inline(never)]
    fn escaped_text(&mut self, plain_len_bytes: usize) -> Option<String> {
        let mut len = plain_len_bytes;
        while self.0.get(len) == Some(&b'\\') {
            // What is escaped may be a quote.
            len += 2;
            len += plain_len(self.0.get(len..)?);
        }
        let (written, rest) = self.0.split_at_checked(len)?;
        let text = unescaped(std::str::from_utf8(written).ok()?)?;
        self.0 = rest;
        self.pass(b"\"")?;
        Some(text)
    }

    /// A number of at most [`MAX_DIGITS`] digits.
    #[inline]
    pub(super) fn number(&mut self) -> Option<u64> {
        let (mut number, mut len) = (0, 0);
        for byte in self.0 {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            if len == MAX_DIGITS {
                return None;
            }
            number = number * 10 + u64::from(digit);
            len += 1;
        }
        let (digits, rest) = self.0.split_at_checked(len)?;
        if len == 0 || (len > 1 && digits.first() == Some(&b'0')) {
            return None;
        }
        self.0 = rest;
        Some(number)
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        match self.pass(b"true") {
            Some(()) => Some(true),
            None => self.pass(b"false").map(|()| false),
        }
    }

    /// The texts of a list that is not empty, behind the bracket that begins it and up to the one that ends it; `element`
    /// gets what stands behind the quote that begins a text, and leaves the one that ends it.
    pub(super) fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut elements = Vec::new();
        loop {
            self.pass(b"\"")?;
            elements.push(element(self)?);
            self.pass(b"\"")?;
            if self.pass(b"]").is_some() {
                return Some(elements);
            }
            self.pass(b",")?;
        }
    }
}

/// The text that the first `len` of these bytes are; `None` where they are none.
///
/// Whether bytes are text is looked at sixteen bytes at a time only where they are aligned and there are as many. So
/// they are copied first, into memory that is aligned, and what of the line stands behind them is copied too.
#[inline]
fn owned_text(bytes: &[u8], len: usize) -> Option<String> {
    const STEP: usize = 16;
    if let Some(padded) = bytes.get(..len.next_multiple_of(STEP))
        && let Ok(mut text) = String::from_utf8(padded.to_vec())
        && text.is_char_boundary(len)
    {
        text.truncate(len);
        return Some(text);
    }
    std::str::from_utf8(bytes.get(..len)?).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_is_whatever_stands_behind_it() {
        let texts = ["", "a", "李", "é and 😀", "sixteen bytes ab", "fifteen bytes a", "seventeen bytes a"];
        let behinds: [&[u8]; 7] =
            [b"", b"\"", b"\"}}\n{\"v\":1,\"id\":\"", b"\"\xff", b"\xbf", "\"李".as_bytes(), b"\"\xe6\x9d"];
        for (text, behind) in texts.iter().flat_map(|text| behinds.map(|behind| (text, behind))) {
            for repeats in 0..5 {
                let text = text.repeat(repeats);
                let bytes = [text.as_bytes(), behind].concat();
                assert_eq!(owned_text(&bytes, text.len()).as_deref(), Some(&text[..]), "{behind:?}");
                for len in 0..=bytes.len() {
                    let expected = std::str::from_utf8(&bytes[..len]).ok();
                    assert_eq!(owned_text(&bytes, len).as_deref(), expected, "{text} {behind:?} {len}");
                }
            }
        }
    }

    #[test]
    fn numbers_have_one_form_and_sixteen_digits_at_most() {
        for (text, number, behind) in [
            ("0}", Some(0), "}"),
            ("7", Some(7), ""),
            ("1234567890,", Some(1_234_567_890), ","),
            ("9999999999999999\"", Some(9_999_999_999_999_999), "\""),
            ("10000000000000000}", None, ""),
            ("00}", None, ""),
            ("01}", None, ""),
            ("-1}", None, ""),
            ("/}", None, ""),
            (":}", None, ""),
            ("1.0}", Some(1), ".0}"),
            ("1e3}", Some(1), "e3}"),
            ("", None, ""),
        ] {
            let mut rest = Rest(text.as_bytes());
            assert_eq!(rest.number(), number, "{text}");
            if number.is_some() {
                assert_eq!(rest.0, behind.as_bytes(), "{text}");
            }
        }
    }
}
