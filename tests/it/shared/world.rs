//! Worlds of a few accounts and the streams they share.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chatfold::event::{Body, Fact, Watermark};
use chatfold::shared::{SharedId, StreamId, streams_of};
use chatfold::time::Stamp;
use chatfold::{Envelope, Event, EventId, MessageId, Policy, Timestamp, UserId};

use crate::histories::{DENSE, Rng, SHORT, USERS, USUAL, history_of};
use crate::model::distinct;

/// Accounts and their streams.
#[derive(Clone)]
pub struct World {
    pub policy: Policy,
    pub members: Vec<(UserId, Vec<Event>)>,
    pub shared: BTreeMap<SharedId, Vec<Event>>,
    pub directory: Vec<Event>,
}

impl World {
    /// The world of `seed`: what three or four accounts have in logs of their own, put into the streams it goes to.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let shape = [DENSE, USUAL, SHORT][seed as usize % 3];
        let mut world = Self {
            policy: Policy::default().with_meeting_unread(rng.percent(30)),
            members: Vec::new(),
            shared: BTreeMap::new(),
            directory: Vec::new(),
        };
        for (at, owner) in USERS.iter().take(3 + rng.below(2)).enumerate() {
            // One seed, so that they meet in the same conversations.
            let history = history_of(owner, seed << 3 | at as u64 & rng.next() & 1, shape);
            world.members.push((history.owner.clone(), Vec::new()));
            for event in &history.events {
                world.place(&history.owner, event);
            }
            world.windows(&mut rng, &history.owner);
        }
        world
    }

    /// Every stream, by name.
    pub fn streams(&self) -> impl Iterator<Item = (String, &[Event])> {
        let members = self.members.iter().map(|(owner, events)| (format!("a:{owner}"), &events[..]));
        let shared = self.shared.iter().map(|(id, events)| (format!("c:{id}"), &events[..]));
        members.chain(shared).chain([("d".to_owned(), &self.directory[..])])
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.streams().map(|(_, events)| events.len()).sum()
    }

    /// The same without the event of this number.
    pub fn without(&self, mut at: usize) -> Self {
        let mut less = self.clone();
        let members = less.members.iter_mut().map(|(_, events)| events);
        let streams = members.chain(less.shared.values_mut()).chain([&mut less.directory]);
        for events in streams {
            if at < events.len() {
                events.remove(at);
                break;
            }
            at -= events.len();
        }
        less
    }

    fn place(&mut self, owner: &UserId, event: &Event) {
        for (stream, event) in streams_of(owner, event).unwrap_or_default() {
            match stream {
                StreamId::Account(_) => self.members.last_mut().unwrap().1.push(event),
                StreamId::Conversation(id) => self.shared.entry(id).or_default().push(event),
                StreamId::Directory => self.directory.push(event),
            }
        }
    }

    /// Members joined late, left and joined again.
    fn windows(&mut self, rng: &mut Rng, owner: &UserId) {
        let ids: Vec<SharedId> = self.shared.keys().cloned().collect();
        for (at, shared) in ids.iter().enumerate() {
            let Some(id) = shared.as_seen_by(owner).filter(|_| rng.percent(45)) else { continue };
            let group = id.peer().is_none();
            let place = |n: usize| match group {
                true => Watermark::Seq(n as u64),
                false => Watermark::Time(Timestamp::from_millis(n as i64 * 1_000).unwrap()),
            };
            let mut from = 0;
            for turn in 0..1 + rng.below(3) {
                from += rng.below(3);
                let through = from + rng.below(5);
                let ends = rng.percent(60);
                let mut bytes = [0xee; 16];
                bytes[0] = (at * 8 + turn) as u8;
                let at = Timestamp::from_millis(turn as i64).unwrap();
                let envelope = Envelope::new(EventId::from_bytes(bytes), at, owner.clone());
                let event = envelope.history_window(id.clone(), place(from), ends.then(|| place(through)));
                self.members.last_mut().unwrap().1.push(event.unwrap());
                from = through;
            }
        }
    }
}

/// First fields behind the first of each pair, up to the second.
type Windows = Vec<(i64, i64)>;

/// The windows of a member in a conversation, by definition: of each beginning what was written last; everything where
/// nothing was.
fn windows(personal: &[&Event], id: &chatfold::ConversationId, owner: &UserId) -> Windows {
    let mut written: BTreeMap<i64, Vec<(Stamp, Option<i64>)>> = BTreeMap::new();
    for event in personal {
        if let Body::Conversation(of, Fact::HistoryWindow { after, through }) = event.body()
            && of == id
            && event.by() == owner
        {
            let through = through.map(|through| through.first_field());
            written.entry(after.first_field()).or_default().push((event.stamp(), through));
        }
    }
    if written.is_empty() {
        return vec![(-1, i64::MAX)];
    }
    let last = |of: Vec<(Stamp, Option<i64>)>| of.into_iter().max().and_then(|(_, through)| through);
    written.into_iter().map(|(after, of)| (after, last(of).unwrap_or(i64::MAX))).collect()
}

/// The messages of a stream whose counting introduction (R15: the earliest reception, of equal stamps the greater value) stands
/// in none of the windows.
fn unseen(stream: &[&Event], group: bool, windows: &Windows) -> BTreeSet<MessageId> {
    let mut counting = BTreeMap::new();
    for event in stream {
        if let Body::Conversation(_, Fact::MessageReceived(message)) = event.body() {
            let value = (event.stamp(), Reverse((message, event.by())));
            let first = if group { message.seq.unwrap() as i64 } else { event.at().as_millis() };
            let least = counting.entry(message.id).or_insert((value, first));
            if value < least.0 {
                *least = (value, first);
            }
        }
    }
    let seen = |first: i64| windows.iter().any(|(after, through)| *after < first && first <= *through);
    counting.into_iter().filter(|(_, (_, first))| !seen(*first)).map(|(id, _)| id).collect()
}

/// The log that an inbox of the member's own would be folded from (R120, R123).
pub fn union(world: &World, member: usize) -> Vec<Event> {
    let (owner, personal) = &world.members[member];
    let mut all: Vec<Event> = personal.iter().chain(&world.directory).cloned().collect();
    let personal = distinct(personal);
    for (shared, stream) in &world.shared {
        let Some(id) = shared.as_seen_by(owner) else { continue };
        // Among authors of a direct chat only its two count (R17).
        let two = shared.pair();
        let writes =
            |event: &&Event| two.as_ref().is_none_or(|(one, other)| event.by() == one || event.by() == other);
        let stream = distinct(stream);
        let counting: Vec<&Event> = stream.iter().copied().filter(writes).collect();
        let unseen = unseen(&counting, two.is_none(), &windows(&personal, &id, owner));
        let introduces_unseen = |event: &Event| match event.body() {
            Body::Conversation(_, Fact::MessageReceived(message)) => unseen.contains(&message.id),
            _ => false,
        };
        let seen = stream.iter().filter(|event| !introduces_unseen(event));
        all.extend(seen.map(|event| {
            let Body::Conversation(_, fact) = event.body() else { panic!("a stream of a conversation") };
            Event::new(event.envelope().clone(), Body::Conversation(id.clone(), fact.clone())).unwrap()
        }));
    }
    all
}
