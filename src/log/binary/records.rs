//! Reading a binary log that is at hand as bytes.

use std::borrow::Cow;
use std::num::NonZero;

use crate::inbox::Replay;
use crate::log::binary::error::{FaultEnd, FaultReason, HeaderError, RecordFault};
use crate::log::binary::frame::{self, Frame};
use crate::log::binary::header::{Header, LogHead};
use crate::log::binary::packing::unpack;
use crate::log::binary::scan::{Behind, Scan};
use crate::log::binary::segment::{Folded, Rows, Segment, Undecodable};
use crate::log::logged::LoggedEvent;
use crate::model::id::UserId;
use crate::model::time::Timestamp;

/// A binary log at hand as bytes. Nothing behind the header is read before it is asked for.
#[derive(Clone, Debug)]
pub struct Log<'a> {
    bytes: &'a [u8],
    header: Header,
    /// Where the records begin.
    begin: usize,
    /// What the first record follows: the header, or what was read before.
    head: LogHead,
    take_unproven: bool,
}

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordPlace {
    /// The first of its bytes.
    pub offset: u64,
    /// How many bytes it takes.
    pub len_bytes: u64,
    /// The index of its first event.
    pub position: u64,
    /// How many events it holds.
    pub events: u32,
}

impl<'a> Log<'a> {
    /// Reads the header. Complexity: O(1).
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if the bytes do not begin as a binary log that this version reads.
    pub fn open(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let (header, begin, check) = frame::header(bytes)?;
        let head = LogHead { events: 0, check };
        Ok(Self { bytes, header, begin, head, take_unproven: false })
    }

    /// The same, if the log is `owner`'s.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if the bytes do not begin as a binary log that this version reads.
    pub fn open_for(bytes: &'a [u8], owner: &UserId) -> Result<Self, HeaderError> {
        let log = Self::open(bytes)?;
        if log.owner() == owner {
            Ok(log)
        } else {
            Err(HeaderError::Owner { expected: owner.clone(), found: log.header.owner })
        }
    }

    /// A log whose header is lost, known to be `owner`'s: it begins where the header ends, if its length can still be
    /// told and a valid record stands there; else with the chain of records that ends with the last byte. With
    /// neither, whole records are no more than [unproven](RecordFault::unproven). Complexity: O(bytes).
    pub fn without_header(bytes: &'a [u8], owner: UserId) -> Self {
        let mut header = Header::new(owner);
        let told = frame::header_len(bytes).ok();
        let usual = frame::put_header(&header).ok().map(|header| header.len());
        let places = [told, usual].into_iter().flatten();
        let begin =
            places.into_iter().find(|at| frame::record(bytes, *at).is_ok_and(|r| r.head.position == 0));
        let begin = begin.unwrap_or_else(|| Scan::new(bytes, 0, false).begin());
        // What the first record follows is lost with the header.
        let first = frame::record(bytes, begin);
        let check = first.as_ref().map_or(0, |frame| frame.head.previous);
        header.version = first.map_or(header.version, |frame| frame.head.kind.into());
        Self { bytes, header, begin, head: LogHead { events: 0, check }, take_unproven: false }
    }

    /// What was appended to `owner`'s log behind `head`, as whoever read it up to there goes on.
    pub fn behind(bytes: &'a [u8], owner: UserId, head: LogHead) -> Self {
        let mut header = Header::new(owner);
        header.version = frame::record(bytes, 0).map_or(header.version, |frame| frame.head.kind.into());
        Self { bytes, header, begin: 0, head, take_unproven: false }
    }

    /// Reads whole records behind a fault too which nothing proves to be this log's: they may have come within a
    /// message.
    #[must_use]
    pub fn taking_unproven(mut self) -> Self {
        self.take_unproven = true;
        self
    }

    /// Whose log it is.
    pub fn owner(&self) -> &UserId {
        &self.header.owner
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The records in order, each verified when it is reached.
    pub fn records(&self) -> Records<'a> {
        Records {
            bytes: self.bytes,
            at: self.begin,
            end: self.begin,
            until: self.bytes.len(),
            head: self.head,
            pending: None,
            scan: None,
            take_unproven: self.take_unproven,
        }
    }

    /// The records in so many stretches of about as many bytes, or fewer where there are not as many records, so that
    /// each can be [folded](Records::fold_into) on a thread of its own: see [`Replay::share_out`]. Each verifies its
    /// records, and that the first follows the last of the stretch before. Complexity: O(records).
    ///
    /// What [`Log::fold`] tells of a damaged log is the first fault of the first stretch that has one.
    ///
    /// ```
    /// use std::num::NonZero;
    ///
    /// use chatfold::binary::{Header, Log, Writer};
    /// use chatfold::{Inbox, Policy, Replay, UserId};
    /// let alice = UserId::parse("alice")?;
    /// let bytes = Writer::new(Vec::new(), &Header::new(alice.clone()))?.into_inner(); // and what was appended since
    ///
    /// let threads = NonZero::new(2).ok_or("two")?;
    /// let mut replays = Vec::new();
    /// for stretch in Log::open_for(&bytes, &alice)?.stretches(threads) {
    ///     let mut replay = Replay::new(alice.clone(), Policy::default()); // on a thread of its own
    ///     stretch.fold_into(&mut replay)?;
    ///     replay.flush();
    ///     replays.push(replay);
    /// }
    /// let mut inbox = Inbox::new(alice, Policy::default());
    /// for part in Replay::share_out(replays, threads)? {
    ///     inbox.absorb(part.finish())?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stretches(&self, count: NonZero<usize>) -> Vec<Records<'a>> {
        let len = (self.bytes.len().saturating_sub(self.begin)).div_ceil(count.get()).max(1);
        let mut stretches = vec![self.records()];
        let places = self.index();
        for (last, first) in places.iter().zip(places.iter().skip(1)) {
            let begin = usize::try_from(first.offset).unwrap_or(usize::MAX);
            let Some(stretch) = stretches.last_mut() else { break };
            // Without a valid record before, its checksum is no record's: whoever comes to it sees that.
            let Some(check) = frame::check_before(self.bytes, begin).filter(|_| begin - stretch.at >= len)
            else {
                continue;
            };
            let until = std::mem::replace(&mut stretch.until, begin);
            let head = LogHead { events: last.position.saturating_add(last.events.into()), check };
            stretches.push(Records { at: begin, end: begin, until, head, ..self.records() });
        }
        stretches
    }

    /// The events in order. After an error the next call goes on behind it, where anything valid follows.
    pub fn events(&self) -> impl Iterator<Item = Result<LoggedEvent, RecordFault>> + use<'a> {
        self.records().flat_map(|record| match record {
            Ok(record) => record.into_events(),
            Err(fault) => RecordEvents::fault(fault),
        })
    }

    /// Replays the log.
    ///
    /// The same as pushing every event, several times faster: the ids of a segment are looked up once, and a text
    /// is copied once, into the inbox.
    ///
    /// # Errors
    ///
    /// The first fault; everything before it has been folded.
    pub fn fold(&self, replay: &mut Replay) -> Result<Folded, RecordFault> {
        self.records().fold_into(replay)
    }

    /// Verifies every record and decodes nothing. Returns where the log ends.
    ///
    /// # Errors
    ///
    /// [`RecordFault`]: the first record that is not sound.
    pub fn verify(&self) -> Result<LogHead, RecordFault> {
        let mut records = self.records();
        for record in records.by_ref() {
            record?;
        }
        Ok(records.head)
    }

    /// Where the records lie, told by their heads alone: payloads are neither read nor verified. It ends at the
    /// first head that is not valid. Complexity: O(records).
    pub fn index(&self) -> Vec<RecordPlace> {
        let mut places = Vec::new();
        let mut at = self.begin;
        while let Some(Ok(head)) = self.bytes.get(at..).map(frame::RecordHead::read) {
            let len = frame::HEAD_LEN_BYTES + head.len as usize + frame::CHECK_LEN_BYTES;
            let (offset, len_bytes) = (at as u64, len as u64);
            places.push(RecordPlace { offset, len_bytes, position: head.position, events: head.events });
            at = at.saturating_add(len);
        }
        places
    }

    /// The record at a place of the [`index`](Self::index), verified by itself; not whether it follows the
    /// one before.
    ///
    /// # Errors
    ///
    /// [`RecordFault`] if the record there is not sound.
    pub fn record_at(&self, place: RecordPlace) -> Result<Record<'a>, RecordFault> {
        let at = usize::try_from(place.offset).unwrap_or(usize::MAX);
        match frame::record(self.bytes, at) {
            Ok(frame) => Record::of(self.bytes, at, &frame),
            Err(reason) => Err(RecordFault {
                offset: place.offset,
                len_bytes: place.len_bytes,
                position: place.position,
                reason,
                unproven: 0,
                after: FaultEnd::Unknown,
            }),
        }
    }
}

/// The records of a log, or of a stretch of it, in order: see [`Log::records`].
///
/// Where no valid record follows, a [`RecordFault`] is given, once, and after it the next valid record if there
/// is one: a reader may stop at the first fault, or read everything that is valid.
#[derive(Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the last valid record that was read ends.
    end: usize,
    /// Where no record of them begins any more.
    until: usize,
    /// What was read so far.
    head: LogHead,
    /// A valid record that stands behind a fault which was told already.
    pending: Option<Frame>,
    /// What may stand behind faults, since there was one.
    scan: Option<Box<Scan<'a>>>,
    take_unproven: bool,
}

impl<'a> Records<'a> {
    /// Where the log ends, as far as it was read.
    pub fn head(&self) -> LogHead {
        self.head
    }

    /// Where the last valid record that was read ends, as a byte of the log: with nothing but a torn tail behind it,
    /// the place where an append goes on.
    pub fn offset(&self) -> u64 {
        self.end as u64
    }

    /// Folds the events of all that are left into `replay`.
    ///
    /// # Errors
    ///
    /// The first fault; everything before it has been folded.
    pub fn fold_into(self, replay: &mut Replay) -> Result<Folded, RecordFault> {
        let mut folded = Folded::default();
        for record in self {
            let part = record?.fold(replay)?;
            folded.events += part.events;
            folded.skipped += part.skipped;
            folded.newest = folded.newest.max(part.newest);
        }
        Ok(folded)
    }

    fn take(&mut self, frame: &Frame) -> Result<Record<'a>, RecordFault> {
        let record = Record::of(self.bytes, self.at, frame);
        self.at = frame.end;
        self.end = frame.end;
        let events = frame.head.position + u64::from(frame.head.events);
        self.head = LogHead { events, check: frame.check };
        record
    }

    fn fault(&mut self, reason: FaultReason) -> RecordFault {
        let offset = self.at;
        let bytes = self.bytes;
        let scan = self.scan.get_or_insert_with(|| Box::new(Scan::new(bytes, offset, self.take_unproven)));
        let Behind { found, unproven } = scan.behind(offset, self.head);
        let (end, after) = match found {
            Some((at, frame)) => {
                let position = frame.head.position;
                self.pending = Some(frame);
                (at, FaultEnd::Record { position })
            }
            None if unproven > 0 => (bytes.len(), FaultEnd::Unproven),
            None => (bytes.len(), FaultEnd::Torn),
        };
        self.at = end;
        let (offset, len_bytes) = (offset as u64, (end - offset) as u64);
        RecordFault { offset, len_bytes, position: self.head.events, reason, unproven, after }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.until {
            return None;
        }
        if let Some(frame) = self.pending.take() {
            return Some(self.take(&frame));
        }
        let frame = match frame::record(self.bytes, self.at) {
            Ok(frame) => frame,
            Err(reason) => return Some(Err(self.fault(reason))),
        };
        let head = frame.head;
        if (head.position, head.previous) == (self.head.events, self.head.check) {
            return Some(self.take(&frame));
        }
        let position = head.position;
        self.pending = Some(frame);
        Some(Err(RecordFault {
            offset: self.at as u64,
            len_bytes: 0,
            position: self.head.events,
            reason: FaultReason::Chain { position },
            unproven: 0,
            after: FaultEnd::Record { position },
        }))
    }
}

/// A record whose checksum was verified: some events in a row.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    place: RecordPlace,
    /// The version whose layout it has.
    version: u16,
    payload: Cow<'a, [u8]>,
}

impl<'a> Record<'a> {
    fn of(bytes: &'a [u8], at: usize, frame: &Frame) -> Result<Self, RecordFault> {
        let payload = bytes.get(frame.payload.clone()).unwrap_or_default();
        Self::new(at as u64, frame, payload)
    }

    /// The record that begins at `offset`, of whose frame this is the payload.
    pub(crate) fn new(offset: u64, frame: &Frame, payload: &'a [u8]) -> Result<Self, RecordFault> {
        let len_bytes = (frame::HEAD_LEN_BYTES + payload.len() + frame::CHECK_LEN_BYTES) as u64;
        let (position, events) = (frame.head.position, frame.head.events);
        let place = RecordPlace { offset, len_bytes, position, events };
        match unpack(frame.head.flags, payload) {
            Ok(payload) => Ok(Self { place, version: frame.head.kind.into(), payload }),
            Err(reason) => Err(RecordFault { reason, ..Self::undecodable(place, 0) }),
        }
    }

    /// Where it lies.
    pub fn place(&self) -> RecordPlace {
        self.place
    }

    /// Its events in order. One that cannot be decoded is a fault; so are those behind it, as one, unless it is a
    /// line kept for a newer program.
    pub fn events(&self) -> impl Iterator<Item = Result<LoggedEvent, RecordFault>> {
        let place = self.place;
        match Segment::open(&self.payload, self.version, place.events) {
            Some(segment) => RecordEvents::of(place, segment),
            None => RecordEvents::fault(Self::undecodable(place, 0)),
        }
    }

    fn into_events(self) -> RecordEvents<'a> {
        let Self { place, version, payload } = self;
        match payload {
            Cow::Borrowed(payload) => match Segment::open(payload, version, place.events) {
                Some(segment) => RecordEvents::of(place, segment),
                None => RecordEvents::fault(Self::undecodable(place, 0)),
            },
            // What was packed lives no longer than this call, and is small.
            Cow::Owned(payload) => {
                let record = Record { place, version, payload: Cow::Owned(payload) };
                let least = place.events.min(record.payload.len() as u32 / LEAST_EVENT_LEN_BYTES);
                let mut events = Vec::with_capacity(least as usize);
                events.extend(record.events());
                RecordEvents { place, index: 0, rows: None, ready: events.into_iter() }
            }
        }
    }

    /// Returns the instants of its events in order, without decoding anything else of them; `None` where one of them is
    /// kept as a line, or where the columns are not sound.
    pub fn times(&self) -> Option<Vec<Timestamp>> {
        Segment::open(&self.payload, self.version, self.place.events)?.times()
    }

    /// Folds its events into `replay`. On a fault those before it have been folded.
    ///
    /// # Errors
    ///
    /// [`RecordFault`]: the first record that is not sound. Those before it were folded.
    pub fn fold(&self, replay: &mut Replay) -> Result<Folded, RecordFault> {
        let segment = Segment::open(&self.payload, self.version, self.place.events);
        let segment = segment.ok_or_else(|| Self::undecodable(self.place, 0))?;
        segment.fold(replay).map_err(|index| Self::undecodable(self.place, index))
    }

    fn undecodable(place: RecordPlace, index: u64) -> RecordFault {
        RecordFault {
            offset: place.offset,
            len_bytes: place.len_bytes,
            position: place.position + index,
            reason: FaultReason::Undecodable { index },
            unproven: 0,
            after: FaultEnd::Unknown,
        }
    }
}

/// No event takes fewer bytes of a payload, kept lines apart.
const LEAST_EVENT_LEN_BYTES: u32 = 21;

/// The events of a record.
struct RecordEvents<'a> {
    place: RecordPlace,
    index: u64,
    rows: Option<Rows<'a>>,
    /// What is given before the rows, or in their place.
    ready: std::vec::IntoIter<Result<LoggedEvent, RecordFault>>,
}

impl<'a> RecordEvents<'a> {
    fn of(place: RecordPlace, segment: Segment<'a>) -> Self {
        Self { place, index: 0, rows: Some(segment.into_rows()), ready: Vec::new().into_iter() }
    }

    fn fault(fault: RecordFault) -> Self {
        let place = RecordPlace { offset: 0, len_bytes: 0, position: 0, events: 0 };
        Self { place, index: 0, rows: None, ready: vec![Err(fault)].into_iter() }
    }
}

impl Iterator for RecordEvents<'_> {
    type Item = Result<LoggedEvent, RecordFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(ready) = self.ready.next() {
            return Some(ready);
        }
        let rows = self.rows.as_mut()?;
        let index = self.index;
        self.index += 1;
        let event = match rows.tag() {
            Some(tag) => rows.event(tag),
            None if rows.end().is_some() => {
                self.rows = None;
                return None;
            }
            None => Err(Undecodable::Rest),
        };
        Some(event.map_err(|undecodable| {
            if undecodable == Undecodable::Rest {
                self.rows = None;
            }
            Record::undecodable(self.place, index)
        }))
    }
}
