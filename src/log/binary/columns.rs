//! A segment being written: events taken apart into columns.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::log::binary::body::extended::{self, needs_version_2};
use crate::log::binary::body::values::BodyContext;
use crate::log::binary::body::{code, put_account_fact, put_fact, put_message};
use crate::log::jsonl::encode_event;
use crate::log::logged::LoggedEvent;
use crate::model::event::{Body, Event, Fact, Message, MessageKind};
use crate::model::id::{Address, ConversationId, ConversationKind, UserId};
use crate::register::bytes::Out;

/// The bits of a tag beside the number of its type.
pub(crate) mod tag {
    pub(in crate::log::binary) const TYPE: u8 = 0b1_1111;
    /// In the same conversation as the event before that has one.
    pub(in crate::log::binary) const SAME: u8 = 1 << 5;
    /// A message that is a text and nothing else, with a seq in a group and without one in a direct chat.
    pub(in crate::log::binary) const PLAIN: u8 = 1 << 6;
    pub(in crate::log::binary) const META: u8 = 1 << 7;
}

/// When a segment is full: after so many events …
const FULL_EVENTS: usize = 16_384;
/// … or users, which leaves room for the actor of one more event in two bytes.
const FULL_USERS: usize = 32_768;

/// A number below 65,536: the users that act and the conversations of a segment are fewer.
fn short(number: u32) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}

/// Ids of a segment by number, in order of their first use.
#[derive(Debug)]
struct Dictionary<T> {
    numbers: FxHashMap<T, u32>,
    /// The ids by number.
    ids: Vec<T>,
    texts: Out,
    /// By address of an id: the number of one that lies at an address like it, or any number. Empty until there are
    /// [`FEW`] ids.
    lately: Vec<u32>,
}

/// Among so few, an id is found by its text about as soon as by where it lies.
const FEW: usize = 16;
const LATELY: usize = 4_096;

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Self { numbers: FxHashMap::default(), ids: Vec::new(), texts: Out::default(), lately: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash + AsRef<str> + Address> Dictionary<T> {
    /// The number of an id. One that lies where an id of this segment does is that one, since those live.
    #[inline]
    fn number(&mut self, id: &T) -> u32 {
        if let Some(number) = self.lately.get(place_of(id)).copied()
            && self.ids.get(number as usize).is_some_and(|other| other.address() == id.address())
        {
            return number;
        }
        self.number_by_text(id)
    }

    #[inline(never)]
    fn number_by_text(&mut self, id: &T) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.ids.len() as u32;
        self.numbers.insert(id.clone(), number);
        self.ids.push(id.clone());
        self.texts.bytes(id.as_ref().as_bytes());
        if self.lately.is_empty() && self.ids.len() > FEW {
            self.lately.resize(LATELY, 0);
        }
        if let Some(place) = self.lately.get_mut(place_of(id)) {
            *place = number;
        }
        number
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn clear(&mut self) {
        let Self { numbers, ids, texts, lately: _ } = self;
        numbers.clear();
        ids.clear();
        texts.0.clear();
    }
}

/// Where what lies at the address of an id is remembered.
#[inline]
fn place_of(id: &impl Address) -> usize {
    // What is allocated lies at multiples of sixteen.
    (id.address() as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> (usize::BITS - LATELY.ilog2())
}

/// The columns of a segment.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    version: u16,
    users: Dictionary<UserId>,
    conversations: Dictionary<ConversationId>,
    /// By number of the conversation: its kind and the seq named last.
    states: Vec<(ConversationKind, i64)>,
    tags: Vec<u8>,
    places: Vec<u8>,
    actors: Vec<u8>,
    times: Out,
    ids: Vec<u8>,
    message_ids: Vec<u8>,
    seqs: Out,
    lens: Out,
    texts: Vec<u8>,
    rest: Out,
    /// The instant of the event before.
    at: i64,
    conversation: Option<u32>,
}

impl Columns {
    /// Nothing yet, laid out as this version has it.
    pub(crate) fn new(version: u16) -> Self {
        Self { version, ..Self::default() }
    }

    pub(crate) fn version(&self) -> u16 {
        self.version
    }

    /// Forgets what was gathered and keeps the room for as much.
    pub(crate) fn clear(&mut self) {
        let Self { version: _, users, conversations, states, at, conversation, .. } = self;
        users.clear();
        conversations.clear();
        states.clear();
        (*at, *conversation) = (0, None);
        let Self { tags, places, actors, times, ids, message_ids, seqs, lens, texts, rest, .. } = self;
        let columns = [tags, places, actors, ids, message_ids, texts];
        let numbers = [times, seqs, lens, rest].map(|column| &mut column.0);
        columns.into_iter().chain(numbers).for_each(Vec::clear);
    }

    pub(crate) fn events(&self) -> usize {
        self.tags.len()
    }

    /// Whether the segment is to be sealed before another event.
    pub(crate) fn is_full(&self, full_len_bytes: usize) -> bool {
        self.events() >= FULL_EVENTS || self.users.len() >= FULL_USERS || self.len_bytes() >= full_len_bytes
    }

    /// About how long the payload will be.
    pub(crate) fn len_bytes(&self) -> usize {
        let columns = [&self.tags, &self.places, &self.actors, &self.times.0, &self.ids, &self.message_ids];
        let more = [&self.seqs.0, &self.lens.0, &self.texts, &self.rest.0];
        let dictionaries = self.users.texts.0.len() + self.conversations.texts.0.len();
        columns.into_iter().chain(more).map(Vec::len).sum::<usize>() + dictionaries
    }

    pub(crate) fn push(&mut self, event: &LoggedEvent) {
        match event {
            LoggedEvent::Known(event) => self.push_event(event),
            LoggedEvent::Skipped(skipped) => self.push_line(skipped.raw()),
        }
    }

    /// A line that is kept as it stands.
    fn push_line(&mut self, line: &str) {
        self.tags.push(code::MORE);
        if self.version >= 2 {
            self.rest.u8(extended::LINE);
        }
        self.rest.bytes(line.as_bytes());
    }

    pub(crate) fn push_event(&mut self, event: &Event) {
        if self.version < 2 && needs_version_2(event.body()) {
            self.push_line(&encode_event(event));
            return;
        }
        let at = event.at().as_millis();
        self.times.int(at.wrapping_sub(self.at));
        self.at = at;
        self.ids.extend_from_slice(event.id().as_bytes());
        self.actors.extend_from_slice(&short(self.users.number(event.by())));
        let mut tag = match event.body() {
            Body::Conversation(conversation, fact) => self.push_fact(conversation, at, fact),
            Body::Account(fact) => put_account_fact(&mut self.rest, fact),
        };
        if !event.meta().is_empty() {
            tag |= tag::META;
            self.rest.len(event.meta().len());
            for (name, value) in event.meta() {
                self.rest.bytes(name.as_bytes()).bytes(value.as_bytes());
            }
        }
        self.tags.push(tag);
    }

    fn push_fact(&mut self, id: &ConversationId, at: i64, fact: &Fact) -> u8 {
        let number = self.conversations.number(id);
        let index = number as usize;
        let mut tag = 0;
        if self.conversation == Some(number) {
            tag |= tag::SAME;
        } else {
            self.conversation = Some(number);
            self.places.extend_from_slice(&short(number));
        }
        // Numbers are given one after the other.
        if index == self.states.len() {
            self.states.push((id.kind(), 0));
        }
        let state = self.states.get(index).copied();
        let (kind, last_seq) = state.unwrap_or((ConversationKind::Direct, 0));
        match fact {
            Fact::MessageReceived(message) => {
                tag | code::RECEIVED | self.push_message(kind, index, last_seq, None, message)
            }
            Fact::MessageQueued(message) => {
                tag | code::QUEUED | self.push_message(kind, index, last_seq, None, message)
            }
            Fact::MessageImported { sender, message } => {
                let sender = Some(sender.as_ref());
                tag | code::IMPORTED | self.push_message(kind, index, last_seq, sender, message)
            }
            _ => {
                let place = BodyContext { version: self.version, kind, at, last_seq };
                tag | put_fact(&mut self.rest, place, fact)
            }
        }
    }

    /// Writes a message; [`tag::PLAIN`] if it needs no more than its columns.
    fn push_message(
        &mut self,
        kind: ConversationKind,
        conversation: usize,
        last_seq: i64,
        imported: Option<Option<&UserId>>,
        message: &Message,
    ) -> u8 {
        self.message_ids.extend_from_slice(message.id.as_bytes());
        let seq = message.seq.map(u64::cast_signed);
        if let (Some(seq), Some((_, last))) = (seq, self.states.get_mut(conversation)) {
            *last = seq;
        }
        let Some(text) = plain_text(kind, message).filter(|_| imported.is_none()) else {
            let number = |user: &UserId| self.users.number(user);
            put_message(&mut self.rest, number, imported.flatten(), message);
            return 0;
        };
        if let Some(seq) = seq {
            self.seqs.int(seq.wrapping_sub(last_seq));
        }
        self.lens.len(text.len());
        self.texts.extend_from_slice(text.as_bytes());
        tag::PLAIN
    }

    /// Appends the payload of the record.
    pub(crate) fn put_payload(&self, to: &mut Vec<u8>) {
        let columns: [&[u8]; 12] = [
            &self.users.texts.0,
            &self.conversations.texts.0,
            &self.tags,
            &self.places,
            &self.actors,
            &self.times.0,
            &self.ids,
            &self.message_ids,
            &self.seqs.0,
            &self.lens.0,
            &self.texts,
            &self.rest.0,
        ];
        // The checksum comes behind it.
        to.reserve_exact(self.len_bytes() + 64);
        let mut out = Out(std::mem::take(to));
        out.len(self.users.len()).len(self.conversations.len());
        columns.iter().for_each(|column| {
            out.len(column.len());
        });
        columns.iter().for_each(|column| {
            out.raw(column);
        });
        *to = out.0;
    }
}

/// The text of a message that is nothing but that.
fn plain_text(kind: ConversationKind, message: &Message) -> Option<&str> {
    let Message {
        id: _,
        seq,
        kind: MessageKind::Text,
        text: Some(text),
        custom: None,
        cloud_custom: None,
        mentions,
        recipients,
        reply_to: None,
        online_only: false,
        excluded_from_unread: false,
        excluded_from_last: false,
        need_receipt: false,
        supports_extensions: false,
        members: None,
    } = message
    else {
        return None;
    };
    let seq_fits = seq.is_some() == (kind == ConversationKind::Group);
    (seq_fits && mentions.is_empty() && recipients.is_empty()).then_some(text)
}
