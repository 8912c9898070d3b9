//! Reading a log line by line.

use std::io::{self, BufRead};
use std::ops::Range;

use crate::log::jsonl::decode::{Decoder, Header, Line, Rest};
use crate::log::jsonl::error::{DecodeError, ReadError};
use crate::log::jsonl::json;
use crate::log::jsonl::json::value::{Fault, Parsed};
use crate::log::jsonl::{LogLine, LoggedEvent};
use crate::model::event::MAX_MESSAGE_LEN_BYTES;
use crate::model::id::UserId;

/// The longest line a [`Reader`] takes unless told otherwise: 187 MiB. The line of every message that may be has room:
/// each of its bytes stands as six at most (`\u0001`), and what is beside the message takes less than a mebibyte.
pub const DEFAULT_LINE_LIMIT_BYTES: usize = 6 * MAX_MESSAGE_LEN_BYTES + (1 << 20);

/// How much of a faulty line is looked at for a whole object at first.
const FIRST_LOOK_LEN_BYTES: usize = 4 << 10;

/// Reads the records of a text log, one line at a time.
///
/// An iterator over [`LogLine`]s. After [`ReadError::Decode`] it goes on with the next line; after
/// [`ReadError::Io`] it ends. It holds one line in memory; reading from a file wants a
/// [`BufReader`](std::io::BufReader).
///
/// ```
/// use chatfold::jsonl::{LoggedEvent, Reader};
/// let log = r#"{"log":"chatfold","v":1,"owner":"alice"}
/// {"v":1,"id":"018f0e2a-0000-7000-8000-000000000001","at":"2026-03-01T09:00:00.000Z","by":"bob","conversation":"c2c_bob","type":"message_received","message":{"id":"018f0e2a-0000-7000-8000-0000000000a1","text":"Lunch?"}}
/// {"v":1,"id":"018f0e2a-0000-7000-8000-000000000002","at":"2026-03-01T09:00:05.000Z","by":"bob","type":"mood_set"}
/// {"v":1,"id":"not a UUID"}
/// "#;
/// let mut reader = Reader::new(log.as_bytes())?;
/// assert_eq!(reader.owner().as_str(), "alice");
///
/// let first = reader.next_record().unwrap()?;
/// assert_eq!((first.line, first.event.known().unwrap().type_name()), (2, "message_received"));
/// let second = reader.next_record().unwrap()?;
/// assert!(matches!(second.event, LoggedEvent::Skipped(_)));
/// let fault = reader.next_record().unwrap().unwrap_err();
/// assert!(fault.to_string().starts_with("line 4, column 13: expected the id of an event"));
/// assert!(reader.next_record().is_none());
/// # Ok::<(), chatfold::jsonl::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    decoder: Decoder,
    owner: UserId,
    /// Whether events are taken out of faulty lines.
    salvages: bool,
    /// Where in the current line, which is faulty, more of them may stand.
    rest: Option<usize>,
    /// What is wrong with the first line, if its header could be taken out of it.
    first: Option<Box<Fault>>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header of a log; an error where the first line is none of this version.
    ///
    /// # Errors
    ///
    /// [`ReadError::Decode`] if the first line is no header, [`ReadError::Io`] if the input cannot be read.
    pub fn new(input: R) -> Result<Self, ReadError> {
        Self::with_line_limit(input, DEFAULT_LINE_LIMIT_BYTES)
    }

    /// The same for lines of at most `limit_bytes` bytes, their ends not counted. A longer line is a
    /// [`DecodeError`]; it is passed over without being held in memory.
    ///
    /// # Errors
    ///
    /// As [`Reader::new`].
    pub fn with_line_limit(input: R, limit_bytes: usize) -> Result<Self, ReadError> {
        let mut lines = Lines { input, line: Vec::new(), number: 0, limit_bytes, split: false, ended: false };
        let mut decoder = Decoder::new();
        let header = match lines.next()? {
            Some(read) => read.and_then(|()| decoder.header(lines.line())),
            None => Err(Fault::new(0, "the header of a log", "the end of the input")),
        };
        match header {
            Ok(header) => {
                let owner = header.owner;
                Ok(Self { lines, decoder, owner, salvages: false, rest: None, first: None })
            }
            Err(fault) => Err(DecodeError::new(1, *fault).into()),
        }
    }

    /// The same, and of every faulty line the whole events are given that stand one behind the other at its
    /// beginning, with NULs before and between them: behind its fault, with its number. The header is taken out of a
    /// faulty first line in the same way.
    ///
    /// ```
    /// use chatfold::jsonl::Reader;
    /// let event = |n: u8| format!(r#"{{"v":1,"id":"018f0e2a-0000-7000-8000-00000000000{n}","at":"2026-03-01T09:00:00.000Z","by":"alice","conversation":"c2c_bob","type":"conversation_pinned","on":true}}"#);
    /// let header = r#"{"log":"chatfold","v":1,"owner":"alice"}"#;
    /// let log = format!("{header}\n{}{}\n\0\0\0{}\n", event(1), event(2), event(3));
    /// let mut reader = Reader::salvaging(log.as_bytes())?;
    /// assert_eq!(reader.by_ref().filter(Result::is_err).count(), 2);
    /// assert_eq!(Reader::salvaging(log.as_bytes())?.filter(Result::is_ok).count(), 3);
    /// # Ok::<(), chatfold::jsonl::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Reader::new`].
    pub fn salvaging(input: R) -> Result<Self, ReadError> {
        let limit_bytes = DEFAULT_LINE_LIMIT_BYTES;
        let mut lines = Lines { input, line: Vec::new(), number: 0, limit_bytes, split: false, ended: false };
        let mut decoder = Decoder::new();
        let fault = match lines.next()? {
            Some(read) => match read.and_then(|()| decoder.header(lines.line())) {
                Ok(Header { owner, .. }) => {
                    return Ok(Self { lines, decoder, owner, salvages: true, rest: None, first: None });
                }
                Err(fault) => fault,
            },
            None => Fault::new(0, "the header of a log", "the end of the input"),
        };
        if let Some(range) = object_from(&lines.line, 0) {
            let rest = Some(range.end);
            let object = lines.line.get(range).unwrap_or_default();
            if let Ok(Header { owner, .. }) = decoder.header(object) {
                return Ok(Self { lines, decoder, owner, salvages: true, rest, first: Some(fault) });
            }
        }
        Err(DecodeError::new(1, *fault).into())
    }

    /// The next event of the rest of a faulty line.
    fn salvaged(&mut self) -> Option<LogLine> {
        while let Some(range) = self.rest.and_then(|at| object_from(&self.lines.line, at)) {
            self.rest = Some(range.end);
            let object = self.lines.line.get(range).unwrap_or_default();
            if let Ok(Line::Event(event)) = self.decoder.line(object) {
                return Some(LogLine { line: self.lines.number, event });
            }
        }
        self.rest = None;
        None
    }

    /// Whose log this is, by its header.
    pub fn owner(&self) -> &UserId {
        &self.owner
    }

    /// Returns the input behind the lines that were read, and how many lines those are, so that somebody else may read
    /// on: several threads, each a block of whole lines.
    pub fn into_rest(self) -> (R, u64) {
        (self.lines.input, self.lines.number)
    }

    /// Reads on from another input, which begins behind so many lines of the same log: its header is this one's. Nothing is
    /// read yet: O(1).
    ///
    /// ```
    /// use chatfold::jsonl::Reader;
    /// let header = r#"{"log":"chatfold","v":1,"owner":"alice"}"#;
    /// let mut reader = Reader::new(header.as_bytes())?.resume(&b"no event\n"[..], 7);
    /// let fault = reader.next_record().unwrap().unwrap_err();
    /// assert!(fault.to_string().starts_with("line 8, column 1"));
    /// # Ok::<(), chatfold::jsonl::ReadError>(())
    /// ```
    pub fn resume<S: BufRead>(self, input: S, lines: u64) -> Reader<S> {
        let Self { lines: Lines { limit_bytes, .. }, decoder, owner, salvages, .. } = self;
        let lines = Lines { input, line: Vec::new(), number: lines, limit_bytes, split: false, ended: false };
        Reader { lines, decoder, owner, salvages, rest: None, first: None }
    }

    /// The next record; `None` at the end of the log.
    ///
    /// # Errors
    ///
    /// [`ReadError::Decode`] for a malformed line, which is then behind the reader; [`ReadError::Io`] where the
    /// input fails, which ends the log.
    #[inline]
    pub fn next_record(&mut self) -> Option<Result<LogLine, ReadError>> {
        // Nearly every line stands as this library writes it, whole in the input's buffer, and is read where it lies.
        if self.first.is_none() && self.rest.is_none() && !self.lines.ended {
            let lines = &mut self.lines;
            match lines.input.fill_buf() {
                Ok([]) => return lines.end(None).map(Err),
                Ok(here) => {
                    let here = here.get(..=lines.limit_bytes).unwrap_or(here);
                    let (mut behind, line) = (Rest(here), lines.number + 1);
                    let made = |event| Ok(LogLine { line, event: LoggedEvent::Known(event) });
                    let record = self.decoder.canonical(&mut behind, b"}\n", made);
                    if record.is_some() {
                        let len = here.len() - behind.0.len();
                        debug_assert!(same(here.get(..len), record.as_ref(), &mut self.decoder));
                        lines.input.consume(len);
                        lines.number = line;
                        return record;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return lines.end(Some(error)).map(Err),
            }
        }
        self.next_in_whatever_form()
    }

    /// The same for a line in whatever form it stands.
    #[inline(never)]
    fn next_in_whatever_form(&mut self) -> Option<Result<LogLine, ReadError>> {
        if let Some(fault) = self.first.take() {
            return Some(Err(DecodeError::new(1, *fault).into()));
        }
        if let Some(record) = self.salvaged() {
            return Some(Ok(record));
        }
        loop {
            let read = match self.lines.next() {
                Ok(Some(read)) => read,
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            };
            let (line, decoder) = (self.lines.line(), &mut self.decoder);
            // One that lay whole in the buffer has been tried as this library writes it.
            let decode = |()| if self.lines.split { decoder.line(line) } else { decoder.general(line) };
            let fault = match read.and_then(decode) {
                Ok(Line::Event(event)) => return Some(Ok(LogLine { line: self.lines.number, event })),
                Ok(Line::Header(Header { owner, .. })) if owner == self.owner => continue,
                Ok(Line::Header(Header { owner, at, .. })) => {
                    Fault::new(at, format!("{:?}, the owner of this log", self.owner), format!("{owner:?}"))
                }
                Err(fault) => fault,
            };
            self.rest = self.salvages.then_some(0);
            return Some(Err(DecodeError::new(self.lines.number, *fault).into()));
        }
    }
}

/// Whether a record is what its line says in whatever form it stands.
fn same(line: Option<&[u8]>, record: Option<&Result<LogLine, ReadError>>, decoder: &mut Decoder) -> bool {
    let event = record.and_then(|record| record.as_ref().ok()?.event.known());
    let line = line.and_then(|line| line.strip_suffix(b"\n"));
    line.zip(event).is_some_and(|(line, event)| decoder.says(line, event))
}

/// Where the whole object stands that begins at `at` in a line, NULs and whitespace apart.
fn object_from(line: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = line.get(at..)?;
    let begin = at + rest.iter().position(|byte| !matches!(byte, 0 | b' ' | b'\t' | b'\r'))?;
    let rest = line.get(begin..)?;
    // What is looked at doubles, so that a line of many objects is not looked through once for each.
    let mut len = FIRST_LOOK_LEN_BYTES;
    loop {
        let look = rest.get(..len).unwrap_or(rest);
        let text = match std::str::from_utf8(look) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(look.get(..error.valid_up_to())?).ok()?,
        };
        match json::object_end(text, 0) {
            Ok(end) => return Some(begin..begin + end),
            Err(_) if len < rest.len() => len = len.saturating_mul(2),
            Err(_) => return None,
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<LogLine, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_record()
    }
}

/// Lines of bounded length, in one buffer.
#[derive(Debug)]
struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    limit_bytes: usize,
    /// Whether the last line did not lie whole in the input's buffer.
    split: bool,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line. Whether it keeps to the limit: the fault of being too long.
    fn next(&mut self) -> Result<Option<Parsed<()>>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        self.number += 1;
        let read = self.read();
        self.ended = !matches!(read, Ok(Some(_)));
        match read {
            Ok(None) => Ok(None),
            Ok(Some(true)) => Ok(Some(Ok(()))),
            Ok(Some(false)) => {
                let expected = format!("a line of at most {} bytes, the limit", self.limit_bytes);
                Ok(Some(Err(Fault::new(self.limit_bytes, expected, "a longer one"))))
            }
            Err(source) => Err(ReadError::Io { line: self.number, source }),
        }
    }

    /// The line that was read, without its `\n`.
    fn line(&self) -> &[u8] {
        self.line.strip_suffix(b"\n").unwrap_or(&self.line)
    }

    /// Ends where a line would begin: with nothing, or because the input failed.
    #[cold]
    fn end(&mut self, failed: Option<io::Error>) -> Option<ReadError> {
        self.number += 1;
        self.ended = true;
        failed.map(|source| ReadError::Io { line: self.number, source })
    }

    /// Reads a line up to and including its `\n`. Returns whether it keeps to the limit.
    fn read(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let limit = self.limit_bytes.saturating_add(1);
        let mut taken = 0;
        loop {
            let here = match self.input.fill_buf() {
                Ok(here) => here,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let here = here.get(..limit - taken).unwrap_or(here);
            let end = memchr::memchr(b'\n', here).map(|at| at + 1);
            self.split = taken > 0 || end.is_none();
            let len = end.unwrap_or(here.len());
            self.line.extend_from_slice(here.get(..len).unwrap_or(here));
            self.input.consume(len);
            taken += len;
            if end.is_some() || len == 0 || taken == limit {
                break;
            }
        }
        if taken == 0 {
            return Ok(None);
        }
        if taken <= self.limit_bytes || self.line.ends_with(b"\n") {
            return Ok(Some(true));
        }
        self.input.skip_until(b'\n')?;
        Ok(Some(false))
    }
}
