//! Workloads drawn from a seed: the same events on every machine.

use std::iter;

#[cfg(feature = "jsonl")]
use crate::log::jsonl::encode_event;
use crate::model::event::{Edit, Envelope, Event, InvalidEvent, Mark, Message, Through, Watermark};
use crate::model::id::{ConversationId, EventId, GroupId, IdError, MessageId, UserId};
use crate::model::time::{Timestamp, TimestampError};
#[cfg(feature = "jsonl")]
use crate::store::StoredEvent;
#[cfg(feature = "jsonl")]
use crate::store::snapshot::LogPrefix;

/// A small generator of pseudo-random numbers (SplitMix64): fast, and the same for a seed for ever.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, 0 if that is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    /// A number from 0 to 1, 1 excluded.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// How events spread over conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Bursts of 16 events in a conversation; the n-th most frequent has a share of 1/n.
    Bursts,
    /// Every event in another conversation, with the same shares.
    Zipf,
    /// One group; a read every 20 messages; edits, recalls and deletes all over its history.
    Hall,
}

/// How many of a thousand events are of which kind; the rest are messages of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mix {
    /// Own messages.
    pub own: u64,
    /// Reads.
    pub reads: u64,
    /// Drafts, every other one cleared.
    pub drafts: u64,
    /// Pins and marks.
    pub pins: u64,
    /// Edits.
    pub edits: u64,
    /// Recalls.
    pub recalls: u64,
    /// Deletions of messages.
    pub deletes: u64,
}

impl Default for Mix {
    fn default() -> Self {
        Self { own: 50, reads: 50, drafts: 20, pins: 10, edits: 10, recalls: 10, deletes: 10 }
    }
}

/// A log to be generated.
///
/// ```
/// use chatfold::testing::Workload;
/// use chatfold::{Inbox, Policy};
/// let phone = Workload::phone().with_events(1_000);
/// let events: Vec<_> = phone.iter().collect();
/// let inbox = Inbox::replay(phone.owner(), Policy::default(), &events);
/// assert!(inbox.totals().unread > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Workload {
    /// Its name in reports.
    pub name: &'static str,
    /// How many conversations there are; a quarter of them is direct.
    pub conversations: u64,
    /// How many events.
    pub events: u64,
    /// How many people write in groups.
    pub senders: u64,
    /// How they spread.
    pub shape: Shape,
    /// Which kinds.
    pub mix: Mix,
    /// The seed of it all.
    pub seed: u64,
}

impl Workload {
    /// 200 conversations, 100,000 events in bursts: one person's phone.
    pub fn phone() -> Self {
        Self { name: "phone", conversations: 200, events: 100_000, senders: 1_000, ..Self::desk() }
    }

    /// 1,000 conversations, a million events in bursts, 5,000 senders: a busy workplace.
    pub fn desk() -> Self {
        Self {
            name: "desk",
            conversations: 1_000,
            events: 1_000_000,
            senders: 5_000,
            shape: Shape::Bursts,
            mix: Mix::default(),
            seed: 0x00c0_ffee,
        }
    }

    /// 100,000 conversations, ten million events hitting them at random: a shared support account.
    pub fn whale() -> Self {
        Self { name: "whale", conversations: 100_000, events: 10_000_000, shape: Shape::Zipf, ..Self::desk() }
    }

    /// One group of a million messages.
    pub fn hall() -> Self {
        let mix = Mix { edits: 17, recalls: 17, deletes: 17, ..Mix::default() };
        Self { name: "hall", conversations: 1, shape: Shape::Hall, mix, ..Self::desk() }
    }

    /// The same with another number of events.
    #[must_use]
    pub fn with_events(self, events: u64) -> Self {
        Self { events, ..self }
    }

    /// The same with another number of conversations.
    #[must_use]
    pub fn with_conversations(self, conversations: u64) -> Self {
        Self { conversations, ..self }
    }

    /// The owner of the log.
    pub fn owner(&self) -> UserId {
        user("owner")
    }

    /// The events in the order they happened. Constant memory beyond a few bytes a conversation.
    pub fn iter(&self) -> impl Iterator<Item = Event> + use<> {
        let mut state = State::new(*self);
        (0..self.events).map(move |n| state.event(n))
    }

    /// The same events as a store keeps them, each as its line of the text log, without commands.
    #[cfg(feature = "jsonl")]
    pub fn stored(&self) -> Vec<StoredEvent> {
        let mut prefix = LogPrefix::EMPTY;
        let stored = |event: Event| {
            let bytes = encode_event(&event).into_bytes();
            prefix.push(&bytes);
            StoredEvent::new(event.id(), None, prefix, bytes)
        };
        self.iter().map(stored).collect()
    }

    /// The same events fully shuffled, every tenth of them twice.
    pub fn storm(&self) -> Vec<Event> {
        let mut events: Vec<Event> = self.iter().collect();
        let twice: Vec<Event> = events.iter().step_by(10).cloned().collect();
        events.extend(twice);
        let mut random = Random::new(self.seed ^ 0x5702);
        for last in (1..events.len()).rev() {
            events.swap(last, random.below(last as u64 + 1) as usize);
        }
        events
    }
}

struct Chat {
    id: ConversationId,
    peer: Option<UserId>,
    /// How many messages it has.
    messages: u64,
    /// The time of the last one.
    last: Timestamp,
}

struct State {
    workload: Workload,
    random: Random,
    owner: UserId,
    senders: Vec<UserId>,
    chats: Vec<Chat>,
    current: usize,
}

/// Ids and times made here are always valid; what they could fail with would be a fault of this file.
fn valid<T>(made: Result<T, impl std::fmt::Debug>) -> T {
    match made {
        Ok(value) => value,
        Err(error) => unreachable!("a workload makes valid values only: {error:?}"),
    }
}

fn user(text: &str) -> UserId {
    valid::<_>(UserId::parse(text) as Result<_, IdError>)
}

fn time(n: u64) -> Timestamp {
    // From 2026-01-01, an event every second or so.
    valid(Timestamp::from_millis(1_767_225_600_000 + n as i64 * 997) as Result<_, TimestampError>)
}

fn bytes(a: u64, b: u64) -> [u8; 16] {
    let mut random = Random::new(a ^ b.rotate_left(32) ^ 0x6368_6174_666f_6c64);
    let (high, low) = (random.next(), random.next());
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

const WORDS: [&str; 24] = [
    "the", "build", "is", "green", "again", "lunch", "at", "noon", "who", "has", "seen", "my", "keys",
    "release", "tomorrow", "please", "review", "thanks", "sounds", "good", "see", "you", "there", "maybe",
];

impl State {
    fn new(workload: Workload) -> Self {
        let chat = |n: u64| {
            let direct = n % 4 == 3;
            let peer = direct.then(|| user(&format!("peer{n:06}")));
            let group = || valid::<_>(GroupId::parse(&format!("room{n:06}")) as Result<_, IdError>);
            let id = peer.as_ref().map_or_else(|| ConversationId::group(&group()), ConversationId::direct);
            Chat { id, peer, messages: 0, last: time(0) }
        };
        Self {
            workload,
            random: Random::new(workload.seed),
            owner: workload.owner(),
            senders: (0..workload.senders.max(1)).map(|n| user(&format!("user{n:05}"))).collect(),
            chats: (0..workload.conversations.max(1)).map(chat).collect(),
            current: 0,
        }
    }

    fn text(&mut self) -> String {
        let words = 2 + self.random.below(16);
        let words =
            (0..words).map(|_| WORDS.get(self.random.below(24) as usize).copied().unwrap_or_default());
        words.flat_map(|word| iter::once(" ").chain(iter::once(word))).skip(1).collect()
    }

    fn event(&mut self, n: u64) -> Event {
        let count = self.chats.len();
        match self.workload.shape {
            Shape::Bursts if !n.is_multiple_of(16) => {}
            _ => {
                let rank = (count as f64).powf(self.random.unit());
                self.current = (rank as usize).saturating_sub(1).min(count - 1);
            }
        }
        let draw = self.random.below(1_000);
        let event: Result<Event, InvalidEvent> = self.draw(n, draw);
        valid(event)
    }

    fn draw(&mut self, n: u64, draw: u64) -> Result<Event, InvalidEvent> {
        let mix = self.workload.mix;
        let has_messages = self.chats.get(self.current).is_some_and(|chat| chat.messages > 0);
        let mut below = 0;
        let mut falls = |share: u64| {
            below += share;
            draw < below
        };
        let own = falls(mix.own);
        if own || !has_messages {
            return self.message(n, own);
        }
        let kind = [mix.reads, mix.drafts, mix.pins, mix.edits, mix.recalls, mix.deletes];
        let Some(kind) = kind.into_iter().position(falls) else { return self.message(n, false) };
        let hall = self.workload.shape == Shape::Hall;
        let text = self.text();
        let Some(chat) = self.chats.get(self.current) else { return self.message(n, false) };
        // Most edits and recalls are of what was just said; in the hall of anything ever said.
        let back = if hall { chat.messages } else { chat.messages.min(20) };
        let target = chat.messages - 1 - self.random.below(back);
        let target = MessageId::from_bytes(bytes(self.current as u64, target));
        let by = Envelope::new(EventId::from_bytes(bytes(u64::MAX, n)), time(n), self.owner.clone());
        let id = chat.id.clone();
        let through = match chat.peer {
            Some(_) => Watermark::Time(chat.last),
            None => Watermark::Seq(chat.messages),
        };
        match kind {
            0 => by.conversation_read(id, Through::Watermark(through)),
            1 => by.draft_set(id, n.is_multiple_of(2).then_some(text), None),
            2 if n.is_multiple_of(2) => by.conversation_pinned(id, n.is_multiple_of(4)),
            2 => by.mark_set(id, Mark::STAR, n % 4 == 1),
            3 => {
                let edit = Edit { version: n, text: Some(text), ..Edit::default() };
                by.message_modified(id, target, edit)
            }
            4 => by.message_recalled(id, target, None),
            _ => by.messages_deleted(id, vec![target]),
        }
    }

    fn message(&mut self, n: u64, own: bool) -> Result<Event, InvalidEvent> {
        let text = self.text();
        let sender = self.random.below(self.senders.len() as u64) as usize;
        let mentions = self.random.below(100) == 0;
        let current = self.current as u64;
        let (Some(chat), Some(sender)) = (self.chats.get_mut(self.current), self.senders.get(sender)) else {
            unreachable!("a workload has chats and senders")
        };
        let mut message = Message::text(MessageId::from_bytes(bytes(current, chat.messages)), text);
        chat.messages += 1;
        chat.last = time(n);
        let author = match &chat.peer {
            _ if own => &self.owner,
            Some(peer) => peer,
            None => sender,
        };
        if chat.peer.is_none() {
            message.seq = Some(chat.messages);
            if mentions {
                message.mentions.users.push(self.owner.clone());
            }
        }
        Envelope::new(EventId::from_bytes(bytes(u64::MAX, n)), time(n), author.clone())
            .message_received(chat.id.clone(), message)
    }
}
