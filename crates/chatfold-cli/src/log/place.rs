//! A place in a log: told while the log is read, and found again without reading the events before it.

use std::cell::RefCell;
use std::io::{self, BufRead, Cursor, Read};
use std::rc::Rc;

use chatfold::UserId;
use chatfold::binary::{self, LogHead, is_binary_log};
use chatfold::jsonl::{DEFAULT_LINE_LIMIT_BYTES, LogBytes, Reader};
use chatfold::snapshot::{LogPlace, LogPrefix};

use crate::input::{Input, Packing, Source, Watch};

/// How long the checksum is that a record of a binary log ends with.
const CHECK_LEN_BYTES: u64 = 8;

/// The bytes of a text log on their way to whoever reads it. What was taken of them is told by what was taken: not what
/// waits in buffers.
pub(super) struct Told {
    inner: Box<dyn BufRead>,
    taken: Rc<RefCell<LogBytes>>,
}

impl Told {
    /// The bytes behind `head`, which is taken already.
    pub(super) fn new(inner: Box<dyn BufRead>, head: &[u8]) -> Self {
        let mut taken = LogBytes::new();
        taken.push(head);
        Self { inner, taken: Rc::new(RefCell::new(taken)) }
    }

    /// What was taken, up to any later moment.
    pub(super) fn taken(&self) -> Rc<RefCell<LogBytes>> {
        Rc::clone(&self.taken)
    }
}

impl Read for Told {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.taken.borrow_mut().push(buffer.get(..len).unwrap_or_default());
        Ok(len)
    }
}

impl BufRead for Told {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, len: usize) {
        // What is taken lies in the buffer: nothing is read for it.
        if let Ok(bytes) = self.inner.fill_buf() {
            self.taken.borrow_mut().push(bytes.get(..len).unwrap_or(bytes));
        }
        self.inner.consume(len);
    }
}

/// A log behind a place.
pub(super) struct Behind {
    pub(super) owner: UserId,
    pub(super) watch: Watch,
    pub(super) rest: Rest,
}

/// What is behind the place.
pub(super) enum Rest {
    Text {
        reader: Box<Reader<Box<dyn BufRead>>>,
        /// The line of the log's header.
        header: Vec<u8>,
    },
    Binary(Box<binary::Reader<Box<dyn BufRead>>>),
}

impl Behind {
    /// Finds the place again at which `prefix` of a log ended. `None` where the log is another, was written anew since, or
    /// cannot be read: whoever reads it from its beginning finds out why.
    ///
    /// Of a binary log the header and the checksum before the place are read, of a text log all bytes before it.
    pub(super) fn find(source: &Source, prefix: LogPrefix, place: LogPlace) -> Option<Self> {
        // Every event takes some bytes.
        if prefix.events > place.offset {
            return None;
        }
        let (mut bytes, watch) = Input::open(source).ok()?.into_parts();
        let mut head = Vec::with_capacity(8);
        bytes.by_ref().take(8).read_to_end(&mut head).ok()?;
        let is_binary = is_binary_log(&head);
        let bytes: Box<dyn BufRead> = Box::new(Cursor::new(head).chain(bytes));
        if is_binary {
            Self::find_binary(source, prefix, place, (bytes, watch))
        } else {
            Self::find_text(place, bytes, watch)
        }
    }

    fn find_binary(
        source: &Source,
        prefix: LogPrefix,
        place: LogPlace,
        (bytes, watch): (Box<dyn BufRead>, Watch),
    ) -> Option<Self> {
        let log = binary::Reader::new(bytes).ok()?;
        let (header, begin, first) = (log.header().clone(), log.offset(), log.head());
        let head = LogHead { events: prefix.events, check: place.check };
        let (bytes, watch) = if place.offset == begin {
            ((first == head).then(|| log.into_rest().1)?, watch)
        } else {
            let before = place.offset.checked_sub(CHECK_LEN_BYTES).filter(|before| *before >= begin)?;
            let (mut bytes, watch) = match watch.packing() {
                Packing::Plain => Input::open_at(source, before).ok()??.into_parts(),
                _ => (passed(log.into_rest().1, before - begin)?, watch),
            };
            let mut check = [0; 8];
            bytes.read_exact(&mut check).ok()?;
            ((u64::from_le_bytes(check) == place.check).then_some(bytes)?, watch)
        };
        let owner = header.owner.clone();
        let reader = binary::Reader::resume(bytes, header, head, place.offset);
        Some(Self { owner, watch, rest: Rest::Binary(Box::new(reader)) })
    }

    fn find_text(place: LogPlace, mut bytes: Box<dyn BufRead>, watch: Watch) -> Option<Self> {
        let (mut header, mut before) = (Vec::new(), LogBytes::new());
        let limit = place.offset.min(u64::try_from(DEFAULT_LINE_LIMIT_BYTES).unwrap_or(u64::MAX));
        bytes.by_ref().take(limit).read_until(b'\n', &mut header).ok()?;
        before.push(&header);
        let reader = Reader::new(&*header).ok()?;
        let mut rest = bytes.by_ref().take(place.offset - before.len_bytes());
        loop {
            let here = rest.fill_buf().ok()?;
            let len = here.len();
            if len == 0 {
                break;
            }
            before.push(here);
            rest.consume(len);
        }
        let fits = (before.len_bytes(), before.check()) == (place.offset, place.check);
        if !fits || !before.is_whole_lines() {
            return None;
        }
        let owner = reader.owner().clone();
        let reader = Box::new(reader.resume(bytes, before.lines()));
        Some(Self { owner, watch, rest: Rest::Text { reader, header } })
    }
}

/// The same bytes behind so many of them.
fn passed(mut bytes: Box<dyn BufRead>, len_bytes: u64) -> Option<Box<dyn BufRead>> {
    let passed = io::copy(&mut bytes.by_ref().take(len_bytes), &mut io::sink()).ok()?;
    (passed == len_bytes).then_some(bytes)
}
