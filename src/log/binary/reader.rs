//! Reading a binary log from a stream.

use std::io::{self, Read};

use crate::log::binary::error::{FaultEnd, FaultReason, ReadError, RecordFault};
use crate::log::binary::frame::{self, BEFORE_HEADER_LEN_BYTES, CHECK_LEN_BYTES, HEAD_LEN_BYTES};
use crate::log::binary::header::{Header, LogHead};
use crate::log::binary::records::Record;
use crate::model::id::UserId;

/// Reads a binary log from a stream, one record in memory at a time.
///
/// A fault ends it: whether anything valid follows can only be told with all bytes at hand, by
/// [`Log`](crate::log::binary::Log).
///
/// ```
/// use chatfold::binary::{Header, Reader, Writer};
/// use chatfold::{Policy, Replay, UserId};
/// let alice = UserId::parse("alice")?;
/// let bytes = Writer::new(Vec::new(), &Header::new(alice))?.into_inner();
///
/// let mut reader = Reader::new(&bytes[..])?;
/// let mut replay = Replay::new(reader.owner().clone(), Policy::default());
/// while let Some(record) = reader.next_record()? {
///     record.fold(&mut replay)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    header: Header,
    head: LogHead,
    offset: u64,
    record: Vec<u8>,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`ReadError::Header`] if the input does not begin as a binary log, [`ReadError::Io`] if it cannot be read.
    pub fn new(mut input: R) -> Result<Self, ReadError> {
        let mut bytes = Vec::new();
        let failed = |source| ReadError::Io { offset: 0, source };
        fill(&mut input, &mut bytes, BEFORE_HEADER_LEN_BYTES).map_err(failed)?;
        let len = frame::header_len(&bytes)?;
        fill(&mut input, &mut bytes, len).map_err(failed)?;
        let (header, end, check) = frame::header(&bytes)?;
        Ok(Self::resume(input, header, LogHead { events: 0, check }, end as u64))
    }

    /// Goes on with a log of this header, of which `head` was read: `input` begins with its byte `offset`, at which the
    /// next record does. That the log is the one which was read is the caller's to know: the checksum of `head` stands in
    /// the eight bytes before `offset`. Nothing is read yet: O(1).
    ///
    /// ```
    /// use chatfold::binary::{Header, Reader, Writer};
    /// use chatfold::{Envelope, EventId, Timestamp, UserId};
    /// let alice = UserId::parse("alice")?;
    /// let mut writer = Writer::new(Vec::new(), &Header::new(alice.clone()))?;
    /// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, alice);
    /// let head = writer.head();
    /// writer.write_event(&envelope.conversation_pinned("c2c_bob".parse()?, true)?)?;
    /// writer.flush()?;
    /// let bytes = writer.into_inner();
    ///
    /// let read = Reader::new(&bytes[..])?;
    /// let (header, offset) = (read.header().clone(), read.offset());
    /// let mut reader = Reader::resume(&bytes[offset as usize..], header, head, offset);
    /// assert!(reader.next_record()?.is_some_and(|record| record.place().offset == offset));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume(input: R, header: Header, head: LogHead, offset: u64) -> Self {
        Self { input, header, head, offset, record: Vec::new(), ended: false }
    }

    /// Whose log it is.
    pub fn owner(&self) -> &UserId {
        &self.header.owner
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What was read so far.
    pub fn head(&self) -> LogHead {
        self.head
    }

    /// Where the next record begins, as a byte of the log; behind an error, where the faulty one did.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// After a fault, what was read of the faulty record, and the rest of the stream: whoever holds both can read on
    /// with [`Log::behind`](super::Log::behind). Otherwise no bytes, and the rest.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        (if self.ended { self.record } else { Vec::new() }, self.input)
    }

    /// The next record, verified; `None` at the end of the log, and after an error.
    ///
    /// # Errors
    ///
    /// [`ReadError::Record`] where a record is not sound, [`ReadError::Io`] if the input cannot be read.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        self.ended = true;
        let (offset, position) = (self.offset, self.head.events);
        let fault = |reason| RecordFault {
            offset,
            len_bytes: 0,
            position,
            reason,
            unproven: 0,
            after: FaultEnd::Unknown,
        };
        let failed = |source| ReadError::Io { offset, source };
        self.record.clear();
        fill(&mut self.input, &mut self.record, HEAD_LEN_BYTES).map_err(failed)?;
        if self.record.is_empty() {
            return Ok(None);
        }
        let head = frame::RecordHead::read(&self.record).map_err(fault)?;
        let len = HEAD_LEN_BYTES + head.len as usize + CHECK_LEN_BYTES;
        fill(&mut self.input, &mut self.record, len).map_err(failed)?;
        let frame = frame::record(&self.record, 0).map_err(fault)?;
        if (head.position, head.previous) != (self.head.events, self.head.check) {
            return Err(fault(FaultReason::Chain { position: head.position }).into());
        }
        let payload = self.record.get(frame.payload.clone()).unwrap_or_default();
        let record = Record::new(offset, &frame, payload)?;
        self.head = LogHead { events: head.position + u64::from(head.events), check: frame.check };
        self.offset = self.offset.saturating_add(len as u64);
        self.ended = false;
        Ok(Some(record))
    }
}

/// Reads until `bytes` has `len` bytes or the input ends: no more is allocated than comes.
fn fill(input: &mut impl Read, bytes: &mut Vec<u8>, len: usize) -> io::Result<()> {
    let missing = len.saturating_sub(bytes.len());
    input.take(missing as u64).read_to_end(bytes).map(|_| ())
}
