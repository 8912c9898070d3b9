//! The events of a log in memory, as the columns of a binary log: a quarter of what they take one by one.

use std::io;

use chatfold::binary::{Header, Log, RecordPlace, Writer};
use chatfold::jsonl::LoggedEvent;
use chatfold::{Event, UserId};

/// How many events are decoded at once.
const RECORD_EVENTS: usize = 2_048;

/// Out of how many events the next of a shuffled log is drawn.
const POOL_LEN: usize = 32_768;

/// Takes events in, in the order of their log.
pub struct Keeper {
    writer: Writer<Vec<u8>>,
    events: usize,
}

impl Keeper {
    /// Of `owner`'s log, none yet.
    ///
    /// # Errors
    ///
    /// Whatever keeps the owner from being named.
    pub fn new(owner: UserId) -> io::Result<Self> {
        Ok(Self { writer: Writer::new(Vec::new(), &Header::new(owner))?, events: 0 })
    }

    /// Takes the next one in.
    ///
    /// # Errors
    ///
    /// An event that is larger than a record may be.
    pub fn push(&mut self, event: &Event) -> io::Result<()> {
        self.writer.write_event(event)?;
        self.events += 1;
        if self.events.is_multiple_of(RECORD_EVENTS) { self.writer.flush() } else { Ok(()) }
    }

    /// Returns all that were taken in.
    ///
    /// # Errors
    ///
    /// As of [`Keeper::push`].
    pub fn finish(mut self) -> io::Result<Kept> {
        self.writer.flush()?;
        Ok(Kept { events: self.events, bytes: self.writer.into_inner() })
    }
}

/// Events in the order of their log.
#[derive(Debug)]
pub struct Kept {
    bytes: Vec<u8>,
    events: usize,
}

impl Kept {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.events
    }

    /// All of them in order.
    pub fn forwards(&self) -> impl Iterator<Item = Event> {
        self.log().flat_map(|log| log.events()).filter_map(|event| event.ok().and_then(known))
    }

    /// All of them, the last one first.
    pub fn backwards(&self) -> impl Iterator<Item = Event> {
        let places = self.places().into_iter().rev();
        places.flat_map(|place| {
            let mut events = self.at(place);
            events.reverse();
            events
        })
    }

    /// All of them in an order that `random` draws: records in any order, and of several at a time the events in any order.
    pub fn shuffled(&self, mut random: fastrand::Rng) -> impl Iterator<Item = Event> {
        let (mut places, mut pool) = (self.places(), Vec::new());
        random.shuffle(&mut places);
        std::iter::from_fn(move || {
            while pool.len() < POOL_LEN
                && let Some(place) = places.pop()
            {
                pool.extend(self.at(place));
            }
            (!pool.is_empty()).then(|| pool.swap_remove(random.usize(..pool.len())))
        })
    }

    /// What was written a moment ago can be read.
    fn log(&self) -> impl Iterator<Item = Log<'_>> {
        Log::open(&self.bytes).into_iter()
    }

    fn places(&self) -> Vec<RecordPlace> {
        self.log().flat_map(|log| log.index()).collect()
    }

    fn at(&self, place: RecordPlace) -> Vec<Event> {
        let record = self.log().next().and_then(|log| log.record_at(place).ok());
        let Some(record) = record else { return Vec::new() };
        record.events().filter_map(|event| event.ok().and_then(known)).collect()
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
}
