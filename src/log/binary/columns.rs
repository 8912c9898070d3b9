//! A segment being written: events taken apart into columns.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::log::binary::body::extended::{self, needs_version_2};
use crate::log::binary::body::values::BodyContext;
use crate::log::binary::body::{code, put_account_fact, put_fact, put_message};
use crate::log::jsonl::encode_event;
use crate::log::logged::LoggedEvent;
use crate::model::event::{Body, Event, Fact, Message, MessageKind};
use crate::model::id::{ConversationId, ConversationKind, UserId};
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
    texts: Out,
}

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Self { numbers: FxHashMap::default(), texts: Out::default() }
    }
}

impl<T: Clone + Eq + Hash + AsRef<str>> Dictionary<T> {
    fn number(&mut self, id: &T) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(id.clone(), number);
        self.texts.bytes(id.as_ref().as_bytes());
        number
    }
}

/// The columns of a segment.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    version: u16,
    users: Dictionary<UserId>,
    conversations: Dictionary<ConversationId>,
    /// By number of the conversation: the seq named last.
    last_seqs: Vec<i64>,
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

    /// What was gathered; nothing is left.
    pub(crate) fn take(&mut self) -> Self {
        let empty = Self::new(self.version);
        std::mem::replace(self, empty)
    }

    pub(crate) fn events(&self) -> usize {
        self.tags.len()
    }

    /// Whether the segment is to be sealed before another event.
    pub(crate) fn is_full(&self, full_len_bytes: usize) -> bool {
        self.events() >= FULL_EVENTS
            || self.users.numbers.len() >= FULL_USERS
            || self.len_bytes() >= full_len_bytes
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
        if index >= self.last_seqs.len() {
            self.last_seqs.resize(index + 1, 0);
        }
        let last_seq = self.last_seqs.get(index).copied().unwrap_or_default();
        let kind = id.kind();
        let place = BodyContext { version: self.version, kind, at, last_seq };
        tag |= put_fact(&mut self.rest, place, fact);
        match fact {
            Fact::MessageReceived(message) | Fact::MessageQueued(message) => {
                tag |= self.push_message(kind, index, last_seq, None, message);
            }
            Fact::MessageImported { sender, message } => {
                tag |= self.push_message(kind, index, last_seq, Some(sender.as_ref()), message);
            }
            _ => {}
        }
        tag
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
        if let (Some(seq), Some(last)) = (seq, self.last_seqs.get_mut(conversation)) {
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

    /// The payload of the record.
    pub(crate) fn payload(&self) -> Vec<u8> {
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
        let mut out = Out(Vec::with_capacity(self.len_bytes() + 64));
        out.len(self.users.numbers.len()).len(self.conversations.numbers.len());
        columns.iter().for_each(|column| {
            out.len(column.len());
        });
        columns.iter().for_each(|column| {
            out.raw(column);
        });
        out.0
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
