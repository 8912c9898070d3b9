//! A segment: many events in a row as one value, in the columns of the binary log, each coming back byte for byte.
//!
//! ```text
//! u8 form (1)
//! uint count; for each event that no column holds: uint events since the one before, 16 bytes id, uint length, bytes
//! uint count; for each run of events of one command: uint events since the run before, uint length, 16 bytes command
//! records of a binary log: all other events, in order
//! ```
//!
//! An event lies in the columns if what is read from there is what was appended: the line that this library writes of
//! it and the id that it says. Whatever else a store is given (no text at all, other white space, a line of a newer
//! version whose id stands elsewhere) is kept as it is. A `uint` is an unsigned LEB128.

use std::collections::VecDeque;

use chatfold::EventId;
use chatfold::binary::{Header, Log, LogHead, Writer};
use chatfold::id::CommandId;
use chatfold::jsonl::{LoggedEvent, decode_line, encode_event};
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;

use crate::uint::{self, take, uint};

/// The form of segments that this version writes and reads.
const FORM: u8 = 1;

/// What the first record of a segment follows: a segment is read alone, its checksum ties it to the log.
const START: LogHead = LogHead { events: 0, check: 0 };

/// What a segment says that no event of the log's columns says.
#[derive(Clone, Debug, Default)]
pub struct Segment<'a> {
    /// Events that lie in no column, by index within the segment.
    loose: VecDeque<(u64, EventId, &'a [u8])>,
    /// Runs of events of one command: index of the first, how many, which.
    commands: Vec<(u64, u64, CommandId)>,
    /// The records of the others.
    records: &'a [u8],
}

/// Returns the checksum of a segment: of whose it is, what it stands between, and its bytes.
pub fn checksum(stream: &StreamId, before: LogPrefix, last: LogPrefix, bytes: &[u8]) -> u128 {
    let mut hash = LogPrefix::EMPTY;
    hash.push(stream.key().as_bytes());
    for prefix in [before, last] {
        hash.push(&prefix.events.to_be_bytes());
        hash.push(&prefix.hash.to_be_bytes());
    }
    hash.push(bytes);
    hash.hash
}

/// Whether a line that can be read is taken for one that this library writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// It is: whoever reads the segment back sees whether it was.
    Trusted,
    /// Each is written again and compared.
    Compared,
}

/// Returns events that stand one behind the other as a segment that was read back; `None` if it is not what they are.
pub fn encoded(stream: &StreamId, before: LogPrefix, events: &[StoredEvent]) -> Option<Vec<u8>> {
    // Nearly every log is lines of this library, and then each is written once; where one is not, all are compared.
    [Lines::Trusted, Lines::Compared].into_iter().find_map(|lines| {
        let bytes = encode(stream, events, lines);
        let again = Segment::open(&bytes)?.events(stream, before)?;
        (again == events).then_some(bytes)
    })
}

/// Returns events that stand one behind the other as a segment.
pub fn encode(stream: &StreamId, events: &[StoredEvent], lines: Lines) -> Vec<u8> {
    columns(stream, events, lines).unwrap_or_else(|| all_loose(events))
}

/// The events as a segment; `None` if one is larger than a record may be.
fn columns(stream: &StreamId, events: &[StoredEvent], lines: Lines) -> Option<Vec<u8>> {
    let writer = Writer::resume(Vec::new(), &Header::new(stream.columns_owner()), START);
    #[cfg(feature = "zstd")]
    let writer = writer.with_packing(chatfold::binary::Packing::Zstd);
    let (mut writer, mut loose) = (writer, Vec::new());
    for (index, event) in events.iter().enumerate() {
        match in_columns(event, lines) {
            Some(logged) => writer.write(&logged).ok()?,
            None => loose.push((index, event)),
        }
    }
    writer.flush().ok()?;
    Some(assembled(&loose, events, &writer.into_inner()))
}

/// The events as a segment without a column.
fn all_loose(events: &[StoredEvent]) -> Vec<u8> {
    assembled(&events.iter().enumerate().collect::<Vec<_>>(), events, &[])
}

fn assembled(loose: &[(usize, &StoredEvent)], events: &[StoredEvent], records: &[u8]) -> Vec<u8> {
    let mut out = vec![FORM];
    put(&mut out, loose.len());
    let mut behind = 0;
    for (index, event) in loose {
        put(&mut out, index - behind);
        behind = index + 1;
        out.extend_from_slice(event.id.as_bytes());
        put(&mut out, event.bytes.len());
        out.extend_from_slice(&event.bytes);
    }
    let runs: Vec<_> = runs(events).collect();
    put(&mut out, runs.len());
    let mut behind = 0;
    for (first, len, command) in runs {
        put(&mut out, first - behind);
        put(&mut out, len);
        behind = first + len;
        out.extend_from_slice(command.as_bytes());
    }
    out.extend_from_slice(records);
    out
}

/// The runs of events of one command: index of the first, how many, which.
pub fn runs(events: &[StoredEvent]) -> impl Iterator<Item = (usize, usize, CommandId)> {
    let mut first = 0;
    events.chunk_by(|a, b| a.command == b.command).filter_map(move |run| {
        let at = first;
        first += run.len();
        run.first()?.command.map(|command| (at, run.len(), command))
    })
}

/// The event as the log's columns hold it, if they give back exactly its bytes and its id.
pub fn in_columns(event: &StoredEvent, lines: Lines) -> Option<LoggedEvent> {
    let logged = decode_line(&event.bytes).ok()?;
    let same = match &logged {
        LoggedEvent::Known(known) => {
            let written = || encode_event(known).as_bytes() == event.bytes;
            known.id() == event.id && (lines == Lines::Trusted || written())
        }
        LoggedEvent::Skipped(line) => line.id() == Some(event.id) && line.raw().as_bytes() == event.bytes,
    };
    same.then_some(logged)
}

fn put(out: &mut Vec<u8>, value: usize) {
    uint::put(out, value as u64);
}

fn sixteen(from: &mut &[u8]) -> Option<[u8; 16]> {
    take(from, 16)?.try_into().ok()
}

impl<'a> Segment<'a> {
    /// Reads what stands before the records; `None` if it is no segment of this form.
    pub fn open(mut from: &'a [u8]) -> Option<Self> {
        if take(&mut from, 1)? != [FORM] {
            return None;
        }
        let mut segment = Self::default();
        let mut behind = 0_u64;
        for _ in 0..uint(&mut from)? {
            let index = behind.checked_add(uint(&mut from)?)?;
            let id = EventId::from_bytes(sixteen(&mut from)?);
            let len = usize::try_from(uint(&mut from)?).ok()?;
            segment.loose.push_back((index, id, take(&mut from, len)?));
            behind = index.checked_add(1)?;
        }
        let mut behind = 0_u64;
        for _ in 0..uint(&mut from)? {
            let first = behind.checked_add(uint(&mut from)?)?;
            let len = uint(&mut from)?;
            let command = CommandId::from_bytes(sixteen(&mut from)?);
            segment.commands.push((first, len, command));
            behind = first.checked_add(len)?;
        }
        segment.records = from;
        Some(segment)
    }

    /// The records, if all events lie in them.
    pub fn records(&self) -> Option<&'a [u8]> {
        self.loose.is_empty().then_some(self.records)
    }

    /// The events, as they were appended behind `before`; `None` where one cannot be read.
    pub fn events(mut self, stream: &StreamId, before: LogPrefix) -> Option<Vec<StoredEvent>> {
        let mut events = Vec::new();
        let mut prefix = before;
        let mut commands = self.commands.iter().peekable();
        let mut rows = Log::behind(self.records, stream.columns_owner(), START).events();
        for index in 0.. {
            let (id, bytes) = match self.loose.front() {
                Some((at, ..)) if *at == index => {
                    let (_, id, bytes) = self.loose.pop_front()?;
                    (id, bytes.to_vec())
                }
                _ => match rows.next() {
                    Some(Ok(LoggedEvent::Known(event))) => (event.id(), encode_event(&event).into_bytes()),
                    Some(Ok(LoggedEvent::Skipped(line))) => (line.id()?, line.raw().as_bytes().to_vec()),
                    Some(Err(_)) => return None,
                    None => break,
                },
            };
            commands.next_if(|(first, len, _)| first + len <= index);
            let command = commands.peek().filter(|(first, ..)| *first <= index).map(|(.., command)| *command);
            prefix.push(&bytes);
            events.push(StoredEvent::new(id, command, prefix, bytes));
        }
        self.loose.is_empty().then_some(events)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chatfold::jsonl::encode_event;
    use chatfold::testing::Workload;

    use super::*;

    /// Events of every sort that a store is given: lines of this library, lines of others, no lines at all.
    fn mixed(workload: &Workload) -> Vec<StoredEvent> {
        let mut prefix = LogPrefix::EMPTY;
        let mut events = Vec::new();
        for (n, event) in workload.iter().enumerate() {
            let line = encode_event(&event);
            let (id, bytes) = match n % 7 {
                // Key order is free, white space too: read as the same event, and another line.
                1 => (event.id(), line.replacen("{\"v\":1,", "{ \"v\": 1, ", 1).into_bytes()),
                2 => (event.id(), line.replacen("\"v\":1", "\"v\":9", 1).into_bytes()),
                // Another id beside it than in it.
                3 => (EventId::from_bytes([n as u8; 16]), line.into_bytes()),
                4 => (event.id(), vec![0xff, 0, n as u8]),
                5 => (event.id(), Vec::new()),
                _ => (event.id(), line.into_bytes()),
            };
            prefix.push(&bytes);
            let command = (n % 5 < 3).then(|| CommandId::from_bytes([(n / 10) as u8; 16]));
            events.push(StoredEvent::new(id, command, prefix, bytes));
        }
        events
    }

    #[test]
    fn every_event_comes_back_byte_for_byte() {
        let workload = Workload::phone().with_events(700);
        let owner = StreamId::from(workload.owner());
        let events = mixed(&workload);
        for (from, until) in [(0, 700), (0, 1), (3, 4), (4, 5), (100, 300), (5, 5)] {
            let part = &events[from..until];
            let before = events[..from].last().map_or(LogPrefix::EMPTY, |event| event.prefix);
            let bytes = encode(&owner, part, Lines::Compared);
            let segment = Segment::open(&bytes).unwrap();
            assert_eq!(segment.events(&owner, before).unwrap(), part, "{from}..{until}");
            let bytes = all_loose(part);
            assert_eq!(Segment::open(&bytes).unwrap().events(&owner, before).unwrap(), part);
        }
    }

    #[test]
    fn lines_of_this_library_lie_in_columns() {
        let workload = Workload::desk().with_events(2_000);
        let mut prefix = LogPrefix::EMPTY;
        let stored = |event: chatfold::Event| {
            let bytes = encode_event(&event).into_bytes();
            prefix.push(&bytes);
            StoredEvent::new(event.id(), None, prefix, bytes)
        };
        let events: Vec<_> = workload.iter().map(stored).collect();
        let bytes = encode(&workload.owner().into(), &events, Lines::Trusted);
        let lines: usize = events.iter().map(|event| event.bytes.len()).sum();
        assert!(bytes.len() * 3 < lines * 2, "{} bytes of lines take {}", lines, bytes.len());
        assert!(Segment::open(&bytes).unwrap().records().is_some());
    }

    #[test]
    fn no_bytes_make_it_panic_or_allocate() {
        let workload = Workload::phone().with_events(60);
        let owner = StreamId::from(workload.owner());
        let bytes = encode(&owner, &mixed(&workload), Lines::Compared);
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                if let Some(segment) = Segment::open(&damaged) {
                    let _ = segment.events(&owner, LogPrefix::EMPTY);
                }
            }
            if let Some(segment) = Segment::open(&bytes[..at]) {
                let _ = segment.events(&owner, LogPrefix::EMPTY);
            }
        }
    }
}
