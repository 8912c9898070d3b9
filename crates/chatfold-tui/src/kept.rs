//! The events of a log, kept in a quarter of the memory that they take as values.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use chatfold::binary::{Header, Log, LogHead, RecordFault, RecordPlace, Writer};
use chatfold::jsonl::LoggedEvent;
use chatfold::{Event, UserId};

/// How many events a block holds: one is decoded in less than a millisecond.
const BLOCK: usize = 1_024;

/// The bytes of a binary log, wherever they lie.
pub trait RecordSource: fmt::Debug {
    /// Returns the bytes of the record at a place; `None` if they cannot be had.
    fn record(&self, place: RecordPlace) -> Option<Vec<u8>>;
}

/// A log in memory.
impl RecordSource for Vec<u8> {
    fn record(&self, place: RecordPlace) -> Option<Vec<u8>> {
        let begin = usize::try_from(place.offset).ok()?;
        let end = begin.checked_add(usize::try_from(place.len_bytes).ok()?)?;
        self.get(begin..end).map(<[u8]>::to_vec)
    }
}

/// Events by their index in the log, in blocks of the binary log's form but for the last ones.
#[derive(Debug)]
pub(crate) struct Kept {
    owner: UserId,
    /// The binary log of which some blocks are records.
    log: Box<dyn RecordSource>,
    blocks: Vec<Block>,
    /// The events behind the blocks, fewer than a block of our own has.
    open: Vec<Event>,
    /// The index of the first of them.
    open_first: usize,
    /// The block that was decoded last, by its index: whoever steps stays in one.
    decoded: RefCell<Option<(usize, Vec<Event>)>>,
}

/// Some events in a row.
#[derive(Debug)]
struct Block {
    /// The index of the first.
    first: usize,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// A record of the log.
    Record(RecordPlace),
    /// A binary log of their own.
    Encoded(Vec<u8>),
    /// They had no other form.
    Plain(Vec<Event>),
}

impl Kept {
    /// Keeps the events of `owner`'s log, of which there are none yet.
    pub(crate) fn new(owner: UserId) -> Self {
        let (log, blocks, open) = (Box::new(Vec::new()), Vec::new(), Vec::new());
        Self { owner, log, blocks, open, open_first: 0, decoded: RefCell::new(None) }
    }

    /// Takes the events of a sound binary log, all of which are known, from these records of it.
    pub(crate) fn of_log(owner: UserId, log: Box<dyn RecordSource>, places: Vec<RecordPlace>) -> Self {
        let end = places.last().map_or(0, |last| last.position + u64::from(last.events));
        let record = |place: RecordPlace| Block { first: index(place.position), form: Form::Record(place) };
        let blocks = places.into_iter().filter(|place| place.events > 0).map(record).collect();
        Self { log, blocks, open_first: index(end), ..Self::new(owner) }
    }

    pub(crate) fn len(&self) -> usize {
        self.open_first + self.open.len()
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.open.push(event);
        if self.open.len() == BLOCK {
            let events = std::mem::replace(&mut self.open, Vec::with_capacity(BLOCK));
            let form = match encoded(&self.owner, &events) {
                Some(bytes) => Form::Encoded(bytes),
                None => Form::Plain(events),
            };
            self.blocks.push(Block { first: self.open_first, form });
            self.open_first += BLOCK;
        }
    }

    /// Returns the event at an index, or `None` behind the last.
    pub(crate) fn get(&self, index: usize) -> Option<Event> {
        self.with_block_of(index, |first, events| events.get(index - first).cloned())
    }

    /// Returns the events of a range as far as there are any, and as far as they can be read: fewer than the range has
    /// end before a block that cannot. Complexity: the blocks that the range touches.
    pub(crate) fn read(&self, range: Range<usize>) -> Vec<Event> {
        let end = range.end.min(self.len());
        let mut read = Vec::with_capacity(end.saturating_sub(range.start));
        let mut at = range.start;
        while at < end {
            let taken = self.with_block_of(at, |first, events| {
                let part = events.get(at - first..events.len().min(end - first)).unwrap_or_default();
                read.extend_from_slice(part);
                part.len()
            });
            // A block that cannot be decoded has none.
            if taken == 0 {
                break;
            }
            at += taken;
        }
        read
    }

    /// Looks at the first so many events in order, each with its index.
    pub(crate) fn for_each(&self, count: usize, mut look: impl FnMut(usize, &Event)) {
        let firsts = self.blocks.iter().map(|block| block.first).chain([self.open_first]);
        for first in firsts.take_while(|first| *first < count) {
            self.with_block_of(first, |first, events| {
                (first..).zip(events).take(count - first).for_each(|(index, event)| look(index, event));
            });
        }
    }

    /// Returns the events of a record of the log, if it still is the one that was there.
    fn events_of(&self, mut place: RecordPlace) -> Option<Vec<Event>> {
        let bytes = self.log.record(place)?;
        let expected = (place.position, place.events);
        place.offset = 0;
        let log = Log::behind(&bytes, self.owner.clone(), LogHead { events: place.position, check: 0 });
        let record = log.record_at(place).ok()?;
        let found = record.place();
        ((found.position, found.events) == expected).then(|| known(record.events()))?
    }

    /// Hands on the events of the block that an index is in, decoded where they are not, and the index of the first.
    fn with_block_of<T>(&self, index: usize, look: impl FnOnce(usize, &[Event]) -> T) -> T {
        if index >= self.open_first {
            return look(self.open_first, &self.open);
        }
        let at = self.blocks.partition_point(|block| block.first <= index).saturating_sub(1);
        let Some(Block { first, form }) = self.blocks.get(at) else { return look(index, &[]) };
        let mut decoded = self.decoded.borrow_mut();
        match (form, &*decoded) {
            (Form::Plain(events), _) => look(*first, events),
            (_, Some((last, events))) if *last == at => look(*first, events),
            (Form::Encoded(bytes), _) => {
                let events = Log::open(bytes).ok().and_then(|log| known(log.events())).unwrap_or_default();
                look(*first, &decoded.insert((at, events)).1)
            }
            (Form::Record(place), _) => match self.events_of(*place) {
                Some(events) => look(*first, &decoded.insert((at, events)).1),
                // It may be read another time.
                None => look(*first, &[]),
            },
        }
    }
}

/// Returns a position of the log as an index.
fn index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// Returns the events as a binary log, if it gives them back as they are.
fn encoded(owner: &UserId, events: &[Event]) -> Option<Vec<u8>> {
    let mut writer = Writer::new(Vec::new(), &Header::new(owner.clone())).ok()?;
    events.iter().try_for_each(|event| writer.write_event(event)).ok()?;
    writer.flush().ok()?;
    let mut bytes = writer.into_inner();
    bytes.shrink_to_fit();
    debug_assert_eq!(
        Log::open(&bytes).ok().and_then(|log| known(log.events())).as_deref(),
        Some(events),
        "a binary log gives back what was written"
    );
    Some(bytes)
}

/// Returns the events, or `None` if one cannot be decoded or is not known.
fn known(events: impl Iterator<Item = Result<LoggedEvent, RecordFault>>) -> Option<Vec<Event>> {
    events.map(|event| event.ok()?.known().cloned()).collect()
}
