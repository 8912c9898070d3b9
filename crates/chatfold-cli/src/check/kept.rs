//! The events of a log at hand, as small binary logs one behind the other: in memory while they are few, in a file that has no
//! name beyond.

use std::cell::{OnceCell, RefCell};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use chatfold::binary::{Header, Log, Writer};
use chatfold::jsonl::LoggedEvent;
use chatfold::{Event, UserId};
use tempfile::{SpooledTempFile, spooled_tempfile};

/// How many events are decoded at once.
const PIECE_EVENTS: usize = 2_048;

/// Out of how many events the next of a shuffled log is drawn.
const POOL_LEN: usize = 32_768;

/// Up to so many bytes lie in memory; few in the tests here, so that a file is used.
const IN_MEMORY_BYTES: usize = if cfg!(test) { 1 << 16 } else { 16 << 20 };

/// Takes events in, in the order of their log.
pub struct Keeper {
    header: Header,
    piece: Writer<Vec<u8>>,
    kept: Kept,
}

impl Keeper {
    /// Of `owner`'s log, none yet.
    ///
    /// # Errors
    ///
    /// Whatever keeps the owner from being named.
    pub fn new(owner: UserId) -> io::Result<Self> {
        let header = Header::new(owner);
        let kept = Kept {
            spool: RefCell::new(spooled_tempfile(IN_MEMORY_BYTES)),
            ends: vec![0],
            events: 0,
            failed: OnceCell::new(),
        };
        Ok(Self { piece: Writer::new(Vec::new(), &header)?, header, kept })
    }

    /// Takes the next one in.
    ///
    /// # Errors
    ///
    /// An event that is larger than a record may be, or a temporary file that cannot be written.
    pub fn push(&mut self, event: &Event) -> io::Result<()> {
        self.piece.write_event(event)?;
        self.kept.events += 1;
        if self.kept.events.is_multiple_of(PIECE_EVENTS) { self.put_away() } else { Ok(()) }
    }

    /// Puts the events since the last time behind the others.
    fn put_away(&mut self) -> io::Result<()> {
        self.piece.flush()?;
        let next = Writer::new(Vec::new(), &self.header)?;
        let bytes = std::mem::replace(&mut self.piece, next).into_inner();
        self.kept.spool.get_mut().write_all(&bytes)?;
        let before = self.kept.ends.last().copied().unwrap_or_default();
        self.kept.ends.push(before + bytes.len() as u64);
        Ok(())
    }

    /// Returns all that were taken in.
    ///
    /// # Errors
    ///
    /// As of [`Keeper::push`].
    pub fn finish(mut self) -> io::Result<Kept> {
        self.put_away()?;
        Ok(self.kept)
    }
}

/// Events in the order of their log.
#[derive(Debug)]
pub struct Kept {
    spool: RefCell<SpooledTempFile>,
    /// Where each piece ends, behind the beginning of the first.
    ends: Vec<u64>,
    events: usize,
    /// Why some could not be read back: the events that were given then are not all.
    failed: OnceCell<String>,
}

impl Kept {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.events
    }

    /// Whether all could be read back so far.
    ///
    /// # Errors
    ///
    /// Why some could not be read back: what was made of the events may lack these.
    pub fn were_read(&self) -> io::Result<()> {
        self.failed.get().map_or(Ok(()), |why| Err(io::Error::other(why.clone())))
    }

    /// All of them in order.
    pub fn forwards(&self) -> impl Iterator<Item = Event> {
        self.pieces().flat_map(|piece| self.at(piece))
    }

    /// All of them, the last one first.
    pub fn backwards(&self) -> impl Iterator<Item = Event> {
        self.pieces().rev().flat_map(|piece| self.at(piece).into_iter().rev())
    }

    /// All of them in an order that `random` draws: pieces in any order, and of several at a time the events in any order.
    pub fn shuffled(&self, mut random: fastrand::Rng) -> impl Iterator<Item = Event> {
        let (mut pieces, mut pool): (Vec<_>, _) = (self.pieces().collect(), Vec::new());
        random.shuffle(&mut pieces);
        std::iter::from_fn(move || {
            while pool.len() < POOL_LEN
                && let Some(piece) = pieces.pop()
            {
                pool.extend(self.at(piece));
            }
            (!pool.is_empty()).then(|| pool.swap_remove(random.usize(..pool.len())))
        })
    }

    /// Where the pieces lie.
    fn pieces(&self) -> impl DoubleEndedIterator<Item = Range<u64>> + '_ {
        self.ends.iter().zip(self.ends.iter().skip(1)).map(|(from, to)| *from..*to)
    }

    /// The events of a piece; none, and a reason in `failed`, where they cannot be read back.
    fn at(&self, piece: Range<u64>) -> Vec<Event> {
        self.read(piece).unwrap_or_else(|error| {
            self.failed.get_or_init(|| error.to_string());
            Vec::new()
        })
    }

    fn read(&self, piece: Range<u64>) -> io::Result<Vec<Event>> {
        let mut bytes = Vec::new();
        let mut spool = self.spool.borrow_mut();
        spool.seek(SeekFrom::Start(piece.start))?;
        (&mut *spool).take(piece.end - piece.start).read_to_end(&mut bytes)?;
        drop(spool);
        let log = Log::open(&bytes).map_err(io::Error::other)?;
        let events = log.events().map(|event| event.map_err(io::Error::other));
        events.filter_map(|event| event.map(known).transpose()).collect()
    }
}

fn known(event: LoggedEvent) -> Option<Event> {
    match event {
        LoggedEvent::Known(event) => Some(event),
        LoggedEvent::Skipped(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test panics")]
mod tests {
    use chatfold::{Envelope, EventId, Timestamp};

    use super::*;

    /// Each order has every event once.
    #[test]
    fn every_order_has_every_event_once() {
        let alice = UserId::parse("alice").unwrap();
        for count in [0, 1, 2_047, 2_048, 2_049, 70_000_u64] {
            let event = |number: u64| {
                let id = EventId::from_bytes(u128::from(number).to_be_bytes());
                let envelope = Envelope::new(id, Timestamp::EPOCH, alice.clone());
                envelope.conversation_pinned("c2c_bob".parse().unwrap(), number.is_multiple_of(2)).unwrap()
            };
            let mut keeper = Keeper::new(alice.clone()).unwrap();
            (0..count).for_each(|number| keeper.push(&event(number)).unwrap());
            let kept = keeper.finish().unwrap();
            let all: Vec<Event> = (0..count).map(event).collect();
            assert_eq!((kept.len() as u64, kept.forwards().collect::<Vec<_>>()), (count, all.clone()));
            let mut backwards: Vec<Event> = kept.backwards().collect();
            backwards.reverse();
            assert_eq!(backwards, all);
            let mut shuffled: Vec<Event> = kept.shuffled(fastrand::Rng::with_seed(7)).collect();
            let again: Vec<Event> = kept.shuffled(fastrand::Rng::with_seed(7)).collect();
            assert!(
                shuffled == again && (count < 3 || shuffled != all),
                "{count} events, in an order that the seed gives"
            );
            shuffled.sort_by_key(Event::id);
            assert_eq!(shuffled, all);
        }
    }
    /// What a full disk or a failing one took is not passed over in silence.
    #[test]
    fn what_cannot_be_read_back_is_told() {
        let alice = UserId::parse("alice").unwrap();
        let mut keeper = Keeper::new(alice.clone()).unwrap();
        for number in 0..5_000_u64 {
            let id = EventId::from_bytes(u128::from(number).to_be_bytes());
            let pinned = Envelope::new(id, Timestamp::EPOCH, alice.clone());
            keeper.push(&pinned.conversation_pinned("c2c_bob".parse().unwrap(), true).unwrap()).unwrap();
        }
        let mut kept = keeper.finish().unwrap();
        assert_eq!((kept.forwards().count(), kept.were_read().is_ok()), (5_000, true));
        let second = kept.ends[1] + 100;
        let spool = kept.spool.get_mut();
        spool.seek(SeekFrom::Start(second)).unwrap();
        spool.write_all(&[0xff; 64]).unwrap();
        assert!(kept.forwards().count() < 5_000);
        assert!(kept.were_read().is_err());
    }
}
