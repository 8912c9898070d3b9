//! The events of a log, kept in a quarter of the memory that they take as values.

use std::cell::RefCell;
use std::ops::Range;

use chatfold::binary::{Header, Log, Writer};
use chatfold::{Event, UserId};

/// How many events a block holds: one is decoded in less than a millisecond.
const BLOCK: usize = 1_024;

/// Events by their index in the log, in blocks of the binary log's form but for the last ones.
#[derive(Debug)]
pub(crate) struct Kept {
    owner: UserId,
    blocks: Vec<Block>,
    /// The events behind the blocks, fewer than a block has.
    open: Vec<Event>,
    /// The block that was decoded last, by its index: whoever steps stays in one.
    decoded: RefCell<Option<(usize, Vec<Event>)>>,
}

/// So many events as a block has.
#[derive(Debug)]
enum Block {
    Encoded(Vec<u8>),
    /// They had no other form.
    Plain(Vec<Event>),
}

impl Kept {
    /// Keeps the events of `owner`'s log, of which there are none yet.
    pub(crate) fn new(owner: UserId) -> Self {
        Self { owner, blocks: Vec::new(), open: Vec::new(), decoded: RefCell::new(None) }
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len() * BLOCK + self.open.len()
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.open.push(event);
        if self.open.len() == BLOCK {
            let events = std::mem::replace(&mut self.open, Vec::with_capacity(BLOCK));
            self.blocks.push(match encoded(&self.owner, &events) {
                Some(bytes) => Block::Encoded(bytes),
                None => Block::Plain(events),
            });
        }
    }

    /// Returns the event at an index, or `None` behind the last.
    pub(crate) fn get(&self, index: usize) -> Option<Event> {
        self.with_block(index / BLOCK, |events| events.get(index % BLOCK).cloned())
    }

    /// Returns the events of a range as far as there are any. Complexity: the blocks that the range touches.
    pub(crate) fn read(&self, range: Range<usize>) -> Vec<Event> {
        let end = range.end.min(self.len());
        let mut read = Vec::with_capacity(end.saturating_sub(range.start));
        let mut at = range.start;
        while at < end {
            let (block, from) = (at / BLOCK, at % BLOCK);
            let to = (end - block * BLOCK).min(BLOCK);
            self.with_block(block, |events| read.extend_from_slice(events.get(from..to).unwrap_or_default()));
            at = block * BLOCK + to;
        }
        read
    }

    /// Looks at the first so many events in order, each with its index.
    pub(crate) fn for_each(&self, count: usize, mut look: impl FnMut(usize, &Event)) {
        for block in 0..count.min(self.len()).div_ceil(BLOCK) {
            let first = block * BLOCK;
            self.with_block(block, |events| {
                (first..).zip(events).take(count - first).for_each(|(index, event)| look(index, event));
            });
        }
    }

    /// Hands on the events of a block, decoded where they are not.
    fn with_block<T>(&self, block: usize, look: impl FnOnce(&[Event]) -> T) -> T {
        match self.blocks.get(block) {
            None if block == self.blocks.len() => look(&self.open),
            None => look(&[]),
            Some(Block::Plain(events)) => look(events),
            Some(Block::Encoded(bytes)) => {
                let mut decoded = self.decoded.borrow_mut();
                match &*decoded {
                    Some((at, events)) if *at == block => look(events),
                    _ => look(&decoded.insert((block, decode(bytes).unwrap_or_default())).1),
                }
            }
        }
    }
}

/// Returns the events as a binary log, if it gives them back as they are.
fn encoded(owner: &UserId, events: &[Event]) -> Option<Vec<u8>> {
    let mut writer = Writer::new(Vec::new(), &Header::new(owner.clone())).ok()?;
    events.iter().try_for_each(|event| writer.write_event(event)).ok()?;
    writer.flush().ok()?;
    let mut bytes = writer.into_inner();
    bytes.shrink_to_fit();
    debug_assert_eq!(decode(&bytes).as_deref(), Some(events), "a binary log gives back what was written");
    Some(bytes)
}

/// Returns the events of a binary log, or `None` if it is damaged.
fn decode(bytes: &[u8]) -> Option<Vec<Event>> {
    Log::open(bytes).ok()?.events().map(|event| event.ok()?.known().cloned()).collect()
}
