//! All messages of one conversation by slot.

use crate::inbox::timeline::entry::bits;
use std::ops::Range;
use std::sync::Arc;

use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::paged::PagedVec;
use crate::inbox::timeline::chunk::{CHUNK, Chunk, Entries};
use crate::inbox::timeline::content::{self, Content};
use crate::inbox::timeline::entry::Entry;
use crate::inbox::timeline::introduction::Introduction;
use crate::inbox::timeline::packed::{Step, Unfinished};
use crate::inbox::timeline::rare_facts::{Aside, Social};
use crate::model::event::Message;
use crate::model::id::{MessageId, UserId};
use crate::model::time::Stamp;
use crate::register::lattice::Lww;

/// All messages of one conversation by slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    pub(crate) full: PagedVec<Chunk>,
    /// The chunk being filled.
    pub(crate) tail: Lazy<Chunk>,
    packing: Packing,
}

/// The full chunk that is being packed while others are added to the next, and how far that came. Every clone begins anew,
/// since it may be written to.
#[derive(Debug, Default)]
struct Packing(Option<Box<(usize, Unfinished)>>);

impl Clone for Packing {
    fn clone(&self) -> Self {
        Self(self.0.as_ref().map(|packing| Box::new((packing.0, Unfinished::default()))))
    }
}

impl Arena {
    /// The messages of these chunks.
    pub(crate) fn of(full: PagedVec<Chunk>, tail: Lazy<Chunk>) -> Self {
        Self { full, tail, packing: Packing::default() }
    }

    fn chunk(&self, slot: u32) -> Option<&Chunk> {
        let at = slot as usize / CHUNK;
        if at == self.full.len() { Some(self.tail.get()) } else { self.full.get(at) }
    }

    fn chunk_mut(&mut self, slot: u32) -> Option<&mut Chunk> {
        let at = slot as usize / CHUNK;
        if let Some(packing) = self.packing.0.as_mut().filter(|packing| packing.0 == at) {
            // What was packed of it may soon be otherwise.
            packing.1 = Unfinished::default();
        }
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

    /// Who last said whether a message is read by name.
    pub(crate) fn named_read(&self, slot: u32) -> Option<&Lww<bool>> {
        let said = self.get(slot)?.has(bits::READ_SAID);
        if said { self.chunk(slot)?.named_read(in_chunk(slot)) } else { None }
    }

    /// Joins what was said of that. Returns whether the message is read by name now.
    pub(crate) fn join_named_read(&mut self, slot: u32, said: &Lww<bool>) -> bool {
        self.chunk_mut(slot).is_some_and(|chunk| chunk.join_named_read(in_chunk(slot), said))
    }

    /// When a message was first put away: deleted, or named by a clearing.
    pub(crate) fn put_away_at(&self, slot: u32) -> Option<Stamp> {
        let is_away = self.get(slot)?.has(bits::PUT_AWAY);
        if is_away { self.chunk(slot)?.put_away_at(in_chunk(slot)) } else { None }
    }

    /// A message was put away; `again` says whether it had been before.
    pub(crate) fn put_away(&mut self, slot: u32, stamp: Stamp, again: bool) {
        let old =
            if again { self.chunk(slot).and_then(|chunk| chunk.put_away_at(in_chunk(slot))) } else { None };
        if old.is_none_or(|old| stamp < old)
            && let Some(chunk) = self.chunk_mut(slot)
        {
            chunk.put_away(in_chunk(slot), stamp);
        }
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
        self.packing = Packing::default();
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
            self.begin();
        } else if self.packing.0.is_some() {
            self.pack_on();
        }
        let before = (self.full.len() * CHUNK) as u32;
        self.tail.get_mut().map(|tail| (before, tail))
    }

    /// Begins another chunk to be filled, and to pack the one that is full.
    fn begin(&mut self) {
        // One that was written to all the time is packed at last.
        if let Some(packing) = self.packing.0.take()
            && let Some(chunk) = self.full.get_mut(packing.0)
        {
            chunk.entries.pack();
        }
        let next = self.tail.get().successor();
        let mut full = std::mem::replace(&mut self.tail, Lazy::new(next));
        if let Some(full) = full.get_mut() {
            // Cutting off a little costs more than it saves.
            if full.bytes.room() > full.bytes.len() / 8 {
                full.bytes.end().shrink_to_fit();
            }
        }
        self.packing = Packing(Some(Box::new((self.full.len(), Unfinished::default()))));
        self.full.push(full);
    }

    /// Packs some more of the chunk that is being packed.
    fn pack_on(&mut self) {
        let Some((at, unfinished)) = self.packing.0.as_deref_mut() else { return };
        let entries = self.full.get(*at).and_then(|chunk| chunk.entries.as_open());
        let packed = match entries.map(|entries| unfinished.step(entries)) {
            Some(Step::More) => return,
            Some(Step::Done(packed)) => packed,
            None => None,
        };
        if let Some(packed) = packed
            && let Some(chunk) = self.full.get_mut(*at)
        {
            chunk.entries.replace(packed);
        }
        self.packing = Packing::default();
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
        // A corrupt part of a snapshot stands here without its entries (R99).
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
    pub(crate) fn bytes(&self, slot: u32) -> &[u8] {
        let place = self.chunk(slot).and_then(|c| Some((c, c.entries.get(slot as usize % CHUNK)?)));
        place.map(|(chunk, entry)| chunk.content_of(&entry)).unwrap_or_default()
    }

    /// The introduction's message, as its event brought it; `seq` is the introduction's own.
    pub(crate) fn message(&self, slot: u32, seq: i64) -> Message {
        let content = self.content(slot);
        let mut message = Message::new(MessageId::from_bytes([0; 16]));
        // A corrupt part of a snapshot stands here without its entries (R99).
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
pub(crate) fn in_chunk(slot: u32) -> u8 {
    (slot as usize % CHUNK) as u8
}

/// The ids in a content's list; they were ids when they were written.
pub(crate) fn users<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<UserId> {
    ids.filter_map(|id| UserId::parse(id).ok()).collect()
}

impl Arena {
    pub(crate) fn renumber(&mut self, number: &impl Fn(u32) -> u32) {
        self.for_each_chunk(|chunk| {
            chunk.entries.renumber(number);
            for (_, aside) in &mut chunk.asides {
                if let Some(social) = &aside.social {
                    let mut anew = Social::default();
                    anew.join(social, number);
                    Arc::make_mut(aside).social = Some(Box::new(anew));
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> MessageId {
        MessageId::from_bytes((n as u128 * 0x9e37_79b9_7f4a_7c15).to_be_bytes())
    }

    fn is_packed(arena: &Arena, at: usize) -> bool {
        arena.full.get(at).unwrap().entries.as_open().is_none()
    }

    /// Chunks are packed while others are filled, however often they are written to and clones are taken meanwhile.
    #[test]
    fn full_chunks_are_packed_step_by_step_and_stay_what_they_are() {
        for (every, clones) in [(usize::MAX, false), (usize::MAX, true), (29, false), (3, true), (1, false)] {
            let (mut arena, mut plain, mut held) = (Arena::default(), Vec::new(), Vec::new());
            for n in 0..5 * CHUNK + 70 {
                assert_eq!(arena.push_unknown(id(n)) as usize, n);
                plain.push((id(n), 0));
                // One of the chunk before is written to.
                if n % every == 0 && n >= CHUNK {
                    let at = n - CHUNK;
                    arena.update(at as u32, |entry| entry.offset = n as u32);
                    plain[at].1 = n as u32;
                }
                if clones && n % 50 == 7 {
                    held.push((arena.clone(), plain.clone()));
                }
            }
            held.push((arena.clone(), plain));
            for (arena, plain) in held {
                assert!(arena.iter().map(|(_, entry)| (entry.id, entry.offset)).eq(plain));
            }
            assert!((0..4).all(|at| is_packed(&arena, at)));
            assert_eq!(
                is_packed(&arena, 4),
                every > CHUNK,
                "one that is written to all the time is packed last"
            );
        }
    }
}
