//! Writing a binary log: events gathered into segments, each written as one record.

use std::io::{self, Write};

use crate::log::binary::Packing;
use crate::log::binary::columns::Columns;
use crate::log::binary::frame::{self, HEAD_LEN_BYTES, MAX_PAYLOAD_LEN_BYTES, PACKED, RecordHead};
use crate::log::binary::header::{Header, LogHead};
use crate::log::logged::LoggedEvent;
use crate::model::event::Event;

/// A longer record than this is not held room for once it is flushed.
const KEPT_LEN_BYTES: usize = 64 << 10;

/// Writes a binary log.
///
/// Events are gathered in memory until a segment is full or [`flush`](Self::flush) is called; each segment is one
/// record and one call of `write_all`. What was pushed and not flushed is lost with the writer: flush where an
/// append has to stand. Few events a flush make a larger log (about 100 bytes a record); writing it anew, as
/// `chatfold convert` does, makes it dense again.
///
/// ```
/// use chatfold::binary::{Header, Log, Writer};
/// use chatfold::{Envelope, EventId, FolderId, Inbox, Policy, Replay, Timestamp, UserId};
/// let alice = UserId::parse("alice")?;
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, alice.clone());
/// let event = envelope.folder_created(FolderId::from_bytes([2; 16]), "Work".to_owned())?;
///
/// let mut writer = Writer::new(Vec::new(), &Header::new(alice.clone()))?;
/// writer.write_event(&event)?;
/// writer.flush()?;
/// let bytes = writer.into_inner();
///
/// let log = Log::open(&bytes)?;
/// let mut replay = Replay::new(log.owner().clone(), Policy::default());
/// log.fold(&mut replay)?;
/// assert_eq!(replay.finish().folders().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    columns: Columns,
    /// Where a record is put together.
    record: Vec<u8>,
    /// The log as it was written so far.
    head: LogHead,
    packing: Packing,
    /// A write failed: what is in the output is not known.
    failed: bool,
}

impl<W: Write> Writer<W> {
    /// Begins a log: writes its header.
    ///
    /// # Errors
    ///
    /// An error of the output.
    pub fn new(mut output: W, header: &Header) -> io::Result<Self> {
        let bytes = frame::put_header(header)?;
        output.write_all(&bytes)?;
        let check = frame::header(&bytes).map_err(io::Error::other)?.2;
        Ok(Self::resume(output, header, LogHead { events: 0, check }))
    }

    /// Goes on with a log of this header that ends with `head`, as [`Log::verify`](crate::log::binary::Log::verify) gives it:
    /// writes nothing yet. `output` appends right behind the log's last valid record.
    ///
    /// A log of version 1 stays one: what that version has no form for is written as a line of the text log, which
    /// older programs keep.
    pub fn resume(output: W, header: &Header, head: LogHead) -> Self {
        let columns = Columns::new(header.version);
        Self { output, columns, record: Vec::new(), head, packing: Packing::Plain, failed: false }
    }

    /// The same, packing segments so.
    #[must_use]
    pub fn with_packing(mut self, packing: Packing) -> Self {
        self.packing = packing;
        self
    }

    /// Writes a record as it was read; what was skipped is kept byte for byte.
    ///
    /// # Errors
    ///
    /// An error of the output.
    pub fn write(&mut self, event: &LoggedEvent) -> io::Result<()> {
        self.columns.push(event);
        self.seal_if_full()
    }

    /// Writes an event.
    ///
    /// # Errors
    ///
    /// An error of the output.
    pub fn write_event(&mut self, event: &Event) -> io::Result<()> {
        self.columns.push_event(event);
        self.seal_if_full()
    }

    /// Writes what was gathered as a record and flushes the output: a boundary that an append after a crash
    /// goes on from. With nothing gathered it only flushes.
    ///
    /// # Errors
    ///
    /// Whatever the output reports. The writer is then of no more use, since it is not known how much was
    /// written: it refuses everything after. Verify the log and [`resume`](Self::resume).
    pub fn flush(&mut self) -> io::Result<()> {
        self.seal()?;
        // Between flushes that write little, what would hold a whole segment is not kept.
        if self.record.capacity() > KEPT_LEN_BYTES {
            self.columns = Columns::new(self.columns.version());
            self.record = Vec::new();
        }
        self.output.flush().inspect_err(|_| self.failed = true)
    }

    /// How many events there are, those not yet flushed too: the position of the next one.
    pub fn position(&self) -> u64 {
        self.head.events + self.columns.events() as u64
    }

    /// The head of what was flushed.
    pub fn head(&self) -> LogHead {
        self.head
    }

    /// The output. What was not flushed is lost.
    pub fn into_inner(self) -> W {
        self.output
    }

    fn seal_if_full(&mut self) -> io::Result<()> {
        if self.columns.is_full(self.packing.full_len_bytes()) { self.seal() } else { Ok(()) }
    }

    fn seal(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed: verify the log and resume"));
        }
        if self.columns.events() == 0 {
            return Ok(());
        }
        self.failed = true;
        let kind = frame::segment_of(self.columns.version());
        let events = self.columns.events() as u32;
        self.record.clear();
        self.record.resize(HEAD_LEN_BYTES, 0);
        self.columns.put_payload(&mut self.record);
        self.columns.clear();
        let payload = self.record.get(HEAD_LEN_BYTES..).unwrap_or_default();
        let flags = match self.packing.pack(payload)? {
            Some(packed) => {
                self.record.truncate(HEAD_LEN_BYTES);
                self.record.extend_from_slice(&packed);
                PACKED
            }
            None => 0,
        };
        let too_large =
            || io::Error::new(io::ErrorKind::InvalidInput, "an event is larger than a record may be");
        let len_bytes = self.record.len() - HEAD_LEN_BYTES;
        let len = u32::try_from(len_bytes).ok().filter(|_| len_bytes <= MAX_PAYLOAD_LEN_BYTES);
        let len = len.ok_or_else(too_large)?;
        let head =
            RecordHead { kind, flags, len, events, position: self.head.events, previous: self.head.check };
        let check = frame::seal_record(&mut self.record, &head);
        self.output.write_all(&self.record)?;
        self.failed = false;
        self.head = LogHead { events: self.head.events + u64::from(events), check };
        Ok(())
    }
}
