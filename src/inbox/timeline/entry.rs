//! The messages of a conversation in order of arrival: one small entry each, content beside it.
//!
//! An entry's slot never changes, so everything else names a message by its slot. Writing after a clone copies one
//! chunk, never the history.

use std::ops::Range;
use std::sync::Arc;

use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::paged::Shelf;
use crate::inbox::timeline::chunk::{CHUNK, Chunk, Entries};
use crate::inbox::timeline::content::{self, Content};
use crate::inbox::timeline::introduction::Introduction;
use crate::inbox::timeline::rare_facts::Aside;
use crate::model::event::{Message, MessageKind};
use crate::model::id::{EventId, MessageId, UserId};
use crate::model::time::Timestamp;
use crate::register::canon::Canon;

/// A message's place in its conversation: `(first, rank, second, id)`, where first and second are seq and
/// time in a group, time and seq in a direct chat (R10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) first: i64,
    pub(crate) rank: u8,
    pub(crate) second: i64,
    pub(crate) id: MessageId,
}

impl Position {
    /// Nothing with this first field stands after it.
    pub(crate) const fn end_of(first: i64) -> Self {
        Self { first, rank: u8::MAX, second: i64::MAX, id: MessageId::from_bytes([u8::MAX; 16]) }
    }
}

/// By which class of event a message is known; the greatest counts (R15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Only facts about it have come so far.
    Unknown = 0,
    Queued = 1,
    Imported = 2,
    Received = 3,
}

/// The bits of an entry.
pub(crate) mod bits {
    /// Targeted at others: known to the log, unknown to this inbox (R18).
    pub(crate) const HIDDEN: u32 = 1 << 2;
    pub(crate) const OWN: u32 = 1 << 3;
    pub(crate) const ONLINE_ONLY: u32 = 1 << 4;
    pub(crate) const EXCLUDED_FROM_UNREAD: u32 = 1 << 5;
    pub(crate) const EXCLUDED_FROM_LAST: u32 = 1 << 6;
    pub(crate) const NEED_RECEIPT: u32 = 1 << 7;
    pub(crate) const SUPPORTS_EXTENSIONS: u32 = 1 << 8;
    pub(crate) const TARGETED: u32 = 1 << 9;
    pub(crate) const AT_ME: u32 = 1 << 10;
    pub(crate) const AT_ALL: u32 = 1 << 11;
    /// The introduction gave a seq.
    pub(crate) const HAS_SEQ: u32 = 1 << 12;
    pub(crate) const HAS_TEXT: u32 = 1 << 13;
    /// The content is more than a text.
    pub(crate) const RICH: u32 = 1 << 14;
    /// Placed by an acknowledgement: the introduction's own time and seq lie aside.
    pub(crate) const ACKNOWLEDGED: u32 = 1 << 15;
    pub(crate) const DELETED: u32 = 1 << 16;
    pub(crate) const RECALLED: u32 = 1 << 17;
    /// Rare facts lie aside.
    pub(crate) const ASIDE: u32 = 1 << 18;
    /// A read, a peer read or a mark names it.
    pub(crate) const NAMED: u32 = 1 << 19;
    /// Without any of these, and received, a message is one like nearly all.
    pub(crate) const ODD: u32 = HIDDEN
        | ONLINE_ONLY
        | EXCLUDED_FROM_UNREAD
        | EXCLUDED_FROM_LAST
        | TARGETED
        | AT_ME
        | AT_ALL
        | ACKNOWLEDGED
        | DELETED
        | RECALLED
        | ASIDE;
    /// What depends on who looks.
    pub(crate) const VIEWER: u32 = HIDDEN | OWN | AT_ME;
    pub(in crate::inbox) const CLASS: u32 = 0b11;
    pub(in crate::inbox) const KIND_SHIFT: u32 = 20;
    pub(crate) const KIND: u32 = 0b1111 << KIND_SHIFT;
    /// What belongs to the message, not to its introduction.
    pub(in crate::inbox) const KEPT: u32 = DELETED | RECALLED | ASIDE | NAMED;
}

/// One message, its content apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) id: MessageId,
    /// The introduction that counts.
    pub(crate) event: EventId,
    pub(crate) first: i64,
    pub(crate) second: i64,
    pub(crate) author: u32,
    pub(crate) bits: u32,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Entry {
    /// A message that nothing introduced yet.
    pub(crate) const fn unknown(id: MessageId) -> Self {
        let event = EventId::from_bytes([0; 16]);
        Self { id, event, first: 0, second: 0, author: 0, bits: 0, offset: 0, len: 0 }
    }

    /// A message with its first introduction, placed at `(first, second)`; where its content lies is not said.
    pub(crate) fn introduced(intro: &Introduction<'_>, (first, second): (i64, i64)) -> Self {
        let (id, event, author) = (intro.message.id, intro.stamp.event, intro.author);
        Self { id, event, first, second, author, bits: intro.bits(), offset: 0, len: 0 }
    }

    pub(crate) fn has(&self, bit: u32) -> bool {
        self.bits & bit != 0
    }

    pub(crate) fn class(&self) -> Class {
        match self.bits & bits::CLASS {
            0 => Class::Unknown,
            1 => Class::Queued,
            2 => Class::Imported,
            _ => Class::Received,
        }
    }

    /// Nothing at all: the slot of a message that turned out to have another already.
    pub(crate) fn is_void(&self) -> bool {
        self.bits == 0
    }

    /// Received, and nothing more is to be said of it: whatever is counted of it is counted in the plainest way.
    pub(crate) fn is_ordinary(&self) -> bool {
        self.bits & (bits::ODD | bits::CLASS) == Class::Received as u32
    }

    /// Introduced, and not targeted at others.
    pub(crate) fn is_known(&self) -> bool {
        self.bits & bits::CLASS != 0 && !self.has(bits::HIDDEN)
    }

    pub(crate) fn rank(&self) -> u8 {
        match self.class() {
            Class::Received => 0,
            _ if self.has(bits::ACKNOWLEDGED) => 0,
            Class::Imported => 1,
            Class::Queued | Class::Unknown => 2,
        }
    }

    pub(crate) fn position(&self) -> Position {
        Position { first: self.first, rank: self.rank(), second: self.second, id: self.id }
    }

    pub(crate) fn kind(&self) -> MessageKind {
        kind_of((self.bits & bits::KIND) >> bits::KIND_SHIFT)
    }
}

pub(crate) const KINDS: [MessageKind; 10] = [
    MessageKind::Text,
    MessageKind::Custom,
    MessageKind::Image,
    MessageKind::Sound,
    MessageKind::Video,
    MessageKind::File,
    MessageKind::Location,
    MessageKind::Face,
    MessageKind::GroupTips,
    MessageKind::Merger,
];

fn kind_of(number: u32) -> MessageKind {
    KINDS.get(number as usize).copied().unwrap_or_default()
}

/// All messages of one conversation by slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    pub(crate) full: Shelf<Chunk>,
    /// The chunk being filled.
    pub(crate) tail: Lazy<Chunk>,
}

impl Arena {
    fn chunk(&self, slot: u32) -> Option<&Chunk> {
        let at = slot as usize / CHUNK;
        if at == self.full.len() { Some(self.tail.get()) } else { self.full.get(at) }
    }

    fn chunk_mut(&mut self, slot: u32) -> Option<&mut Chunk> {
        let at = slot as usize / CHUNK;
        if at == self.full.len() { self.tail.get_mut() } else { self.full.get_mut(at) }
    }

    /// Every chunk, to be written.
    pub(crate) fn for_each_chunk(&mut self, mut write: impl FnMut(&mut Chunk)) {
        for at in 0..=self.full.len() {
            if let Some(chunk) = self.chunk_mut((at * CHUNK) as u32) {
                write(chunk);
            }
        }
    }

    /// What lies aside of an entry.
    pub(crate) fn aside(&self, slot: u32) -> Option<&Aside> {
        let asides = &self.chunk(slot)?.asides;
        let at = asides.binary_search_by_key(&in_chunk(slot), |(place, _)| *place).ok()?;
        asides.get(at).map(|(_, aside)| &**aside)
    }

    /// What lies aside of an entry, to be written; `None` without such an entry.
    pub(crate) fn aside_mut(&mut self, slot: u32) -> Option<&mut Aside> {
        let asides = &mut self.chunk_mut(slot)?.asides;
        let at = match asides.binary_search_by_key(&in_chunk(slot), |(place, _)| *place) {
            Ok(at) => at,
            Err(at) => {
                asides.insert(at, (in_chunk(slot), Arc::default()));
                at
            }
        };
        asides.get_mut(at).map(|(_, aside)| Arc::make_mut(aside))
    }

    pub(crate) fn get(&self, slot: u32) -> Option<Entry> {
        self.chunk(slot)?.entries.get(slot as usize % CHUNK)
    }

    pub(crate) fn id(&self, slot: u32) -> Option<MessageId> {
        self.chunk(slot)?.entries.id(slot as usize % CHUNK)
    }

    /// The entries in runs, each with the slot of its first.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (u32, &Entries)> + '_ {
        let chunks = self.full.iter().chain(std::iter::once_with(|| self.tail.get()));
        (0u32..).step_by(CHUNK).zip(chunks.map(|chunk| &chunk.entries))
    }

    /// The entries of a run of slots, by chunk: the first slot, the chunk's entries, and which places of it.
    pub(crate) fn parts(&self, run: Range<u32>) -> impl Iterator<Item = (u32, &Entries, Range<usize>)> + '_ {
        let mut at = run.start;
        std::iter::from_fn(move || {
            let first = at;
            let entries = &self.chunk(first).filter(|_| first < run.end)?.entries;
            let from = first as usize % CHUNK;
            let to = entries.len().min(from + (run.end - first) as usize);
            at += (to - from) as u32;
            (to > from).then_some((first, entries, from..to))
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, Entry)> + '_ {
        self.runs().flat_map(|(first, entries)| (first..).zip(entries.iter()))
    }

    /// Gives back the room that most conversations of a long log never need.
    pub(crate) fn pack(&mut self) {
        self.for_each_chunk(Chunk::pack);
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.full.len() * CHUNK + self.tail.get().entries.len()
    }

    /// Adds a chunk that was filled elsewhere, in a bulk replay.
    pub(crate) fn push_full(&mut self, chunk: Chunk) {
        self.full.push(Lazy::new(chunk));
    }

    /// Adds an entry that nothing introduced yet.
    pub(crate) fn push_unknown(&mut self, id: MessageId) -> u32 {
        let Some((before, tail)) = self.room() else { return 0 };
        tail.push(Entry::unknown(id));
        before + tail.entries.len() as u32 - 1
    }

    /// The chunk that takes the next entry, and how many entries stand before it.
    fn room(&mut self) -> Option<(u32, &mut Chunk)> {
        if self.tail.get().is_full() {
            let next = self.tail.get().successor();
            let mut full = std::mem::replace(&mut self.tail, Lazy::new(next));
            if let Some(full) = full.get_mut() {
                full.entries.pack();
                // Cutting off a little costs more than it saves.
                if full.bytes.capacity() - full.bytes.len() > full.bytes.len() / 8 {
                    full.bytes.shrink_to_fit();
                }
            }
            self.full.push(full);
        }
        let before = (self.full.len() * CHUNK) as u32;
        self.tail.get_mut().map(|tail| (before, tail))
    }

    pub(crate) fn update(&mut self, slot: u32, change: impl FnOnce(&mut Entry)) {
        if let Some(chunk) = self.chunk_mut(slot) {
            chunk.entries.update(slot as usize % CHUNK, change);
        }
    }

    /// Adds a message with its first introduction, placed at these fields.
    pub(crate) fn push_introduced(&mut self, intro: &Introduction<'_>, fields: (i64, i64)) -> u32 {
        let Some((before, tail)) = self.room() else { return 0 };
        tail.push_introduced(intro, fields);
        before + tail.entries.len() as u32 - 1
    }

    /// Makes `intro` the introduction that counts, placed at `(first, second)`.
    pub(crate) fn introduce(&mut self, slot: u32, intro: &Introduction<'_>, first: i64, second: i64) {
        let Some(chunk) = self.chunk_mut(slot) else { return };
        let (offset, len) = chunk.put(intro.message);
        chunk.entries.update(slot as usize % CHUNK, |entry| {
            (entry.offset, entry.len) = (offset, len);
            entry.event = intro.stamp.event;
            entry.author = intro.author;
            (entry.first, entry.second) = (first, second);
            entry.bits = entry.bits & bits::KEPT | intro.bits();
        });
    }

    /// What the entry's introduction carries.
    pub(crate) fn content(&self, slot: u32) -> Content<'_> {
        match self.get(slot) {
            Some(entry) if entry.has(bits::RICH) => content::decode(self.bytes(slot)),
            Some(entry) if entry.has(bits::HAS_TEXT) => Content::plain(self.bytes(slot)),
            _ => Content::default(),
        }
    }

    /// The bytes of the text that the entry's introduction carries.
    pub(crate) fn raw_text(&self, slot: u32) -> Option<&[u8]> {
        match self.get(slot) {
            Some(entry) if entry.has(bits::RICH) => content::raw_text(self.bytes(slot)),
            Some(entry) if entry.has(bits::HAS_TEXT) => Some(self.bytes(slot)),
            _ => None,
        }
    }

    /// Whether two slots bear the same introduction of the same message.
    pub(crate) fn is_same(&self, a: u32, b: u32) -> bool {
        let key = |slot: u32| {
            let entry = self.get(slot)?;
            let said = entry.bits & !bits::KEPT;
            Some((entry.id, entry.event, entry.first, entry.second, entry.author, said, self.bytes(slot)))
        };
        key(a) == key(b)
    }

    /// What the entry's introduction carries, in its one form.
    fn bytes(&self, slot: u32) -> &[u8] {
        let place = self.chunk(slot).and_then(|c| Some((c, c.entries.get(slot as usize % CHUNK)?)));
        place.map(|(chunk, entry)| chunk.content_of(&entry)).unwrap_or_default()
    }

    /// Appends what the entry's introduction carries, in its one form.
    pub(crate) fn put_content(&self, slot: u32, canon: &mut Canon) {
        canon.bytes(self.bytes(slot));
    }

    /// The introduction's message, as its event brought it; `seq` is the introduction's own.
    pub(crate) fn message(&self, slot: u32, seq: i64) -> Message {
        let content = self.content(slot);
        let mut message = Message::new(MessageId::from_bytes([0; 16]));
        let Some(entry) = self.get(slot) else { return message };
        message.id = entry.id;
        message.seq = entry.has(bits::HAS_SEQ).then(|| seq.unsigned_abs());
        message.kind = entry.kind();
        message.text = content.text.map(str::to_owned);
        message.custom = content.custom.map(<[u8]>::to_vec);
        message.cloud_custom = content.cloud_custom.map(<[u8]>::to_vec);
        message.mentions.users = users(content.mentioned());
        message.mentions.all = entry.has(bits::AT_ALL);
        message.recipients = users(content.recipients());
        message.reply_to = content.reply_to;
        message.online_only = entry.has(bits::ONLINE_ONLY);
        message.excluded_from_unread = entry.has(bits::EXCLUDED_FROM_UNREAD);
        message.excluded_from_last = entry.has(bits::EXCLUDED_FROM_LAST);
        message.need_receipt = entry.has(bits::NEED_RECEIPT);
        message.supports_extensions = entry.has(bits::SUPPORTS_EXTENSIONS);
        message.members = content.members;
        message
    }
}

/// The place of a slot in its chunk.
fn in_chunk(slot: u32) -> u8 {
    (slot as usize % CHUNK) as u8
}

/// The ids in a content's list; they were ids when they were written.
pub(crate) fn users<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<UserId> {
    ids.filter_map(|id| UserId::new(id).ok()).collect()
}

/// A stored instant as a timestamp; it was one when it was stored.
pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap_or(Timestamp::EPOCH)
}
