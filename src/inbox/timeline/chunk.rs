//! Entries in a row, what they carry, and what lies aside of few of them: the unit of sharing between frozen copies.

use std::sync::Arc;

use crate::inbox::effects::Class;
use crate::inbox::timeline::content;
use crate::inbox::timeline::entry::Entry;
use crate::inbox::timeline::introduction::Introduction;
use crate::inbox::timeline::kept::Kept;
use crate::inbox::timeline::packed::Packed;
use crate::inbox::timeline::rare_facts::Aside;
use crate::model::event::{MAX_MESSAGE_LEN_BYTES, Message};
use crate::model::id::MessageId;
use crate::model::impossible::impossible;
use crate::model::time::Stamp;
use crate::register::lattice::{Join as _, Lww};

/// How many entries a chunk holds.
pub(crate) const CHUNK: usize = 128;

/// The contents of a chunk take no more, since places in them have four bytes.
const MAX_CONTENTS_LEN_BYTES: usize = u32::MAX as usize;

// So that all messages of a chunk fit, whatever they carry.
const _: () = assert!(CHUNK * MAX_MESSAGE_LEN_BYTES <= MAX_CONTENTS_LEN_BYTES);

/// What packing fewer would save is less than what it takes to tell how they are packed.
const FEW: usize = 8;

/// The entries of a chunk: open while it grows, packed when it is not expected to. What comes nevertheless stands open
/// behind the packed ones, so that the first message after a replay unpacks nothing.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    packed: Option<Box<Packed>>,
    /// Those behind the packed ones.
    open: Vec<Entry>,
}

impl Clone for Entries {
    /// Open ones are copied to be added to: there is room for more at once.
    fn clone(&self) -> Self {
        let more = if self.grows_no_more() { 0 } else { self.more() };
        let mut open = Vec::with_capacity(self.open.len() + more);
        open.extend_from_slice(&self.open);
        Self { open, packed: self.packed.clone() }
    }
}

impl From<Vec<Entry>> for Entries {
    fn from(open: Vec<Entry>) -> Self {
        Self { open, packed: None }
    }
}

impl Entries {
    /// How many are packed.
    fn packed_len(&self) -> usize {
        self.packed.as_ref().map_or(0, |packed| packed.len())
    }

    /// Whether all are packed.
    fn grows_no_more(&self) -> bool {
        self.packed.is_some() && self.open.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.packed_len() + self.open.len()
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<Entry> {
        match &self.packed {
            None => self.open.get(at).copied(),
            Some(packed) => match at.checked_sub(packed.len()) {
                None => packed.get(at),
                Some(at) => self.open.get(at).copied(),
            },
        }
    }

    /// The id of an entry, without reading the rest of it.
    pub(crate) fn id(&self, at: usize) -> Option<MessageId> {
        let open = |at: usize| self.open.get(at).map(|entry| entry.id);
        match &self.packed {
            None => open(at),
            Some(packed) => at.checked_sub(packed.len()).map_or_else(|| packed.id(at), open),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// The entries as they lie, while none is packed.
    pub(crate) fn as_open(&self) -> Option<&[Entry]> {
        self.packed.is_none().then_some(&self.open)
    }

    /// The entries, to be added to or changed at will.
    pub(crate) fn open(&mut self) -> &mut Vec<Entry> {
        if self.packed.is_some() {
            let mut all = Vec::with_capacity(self.len());
            all.extend(self.iter());
            (self.open, self.packed) = (all, None);
        }
        &mut self.open
    }

    fn push(&mut self, entry: Entry) {
        if self.open.len() == self.open.capacity() {
            let more = self.more();
            self.open.reserve_exact(more);
        }
        self.open.push(entry);
    }

    /// For how many entries there is room.
    fn room(&self) -> usize {
        self.open.capacity() - self.open.len()
    }

    /// For how many entries room is made when there is none: never for more than a chunk takes.
    fn more(&self) -> usize {
        self.open.len().min(CHUNK.saturating_sub(self.len())).max(4)
    }

    /// Changes an entry, wherever it lies.
    pub(crate) fn update(&mut self, at: usize, change: impl FnOnce(&mut Entry)) {
        if let Some(at) = at.checked_sub(self.packed_len()) {
            if let Some(entry) = self.open.get_mut(at) {
                change(entry);
            }
            return;
        }
        let Some(packed) = &mut self.packed else {
            impossible!("entries before the open ones are packed");
            return;
        };
        let Some(mut entry) = packed.get(at) else {
            impossible!("as many entries are packed as the packed length says");
            return;
        };
        change(&mut entry);
        if !packed.set(at, &entry) {
            if let Some(place) = self.open().get_mut(at) {
                *place = entry;
            }
            self.pack();
        }
    }

    /// Gives the authors of known messages other numbers.
    pub(crate) fn renumber(&mut self, number: &impl Fn(u32) -> u32) {
        let were_packed = self.packed.is_some();
        let fit = self.packed.as_mut().is_none_or(|packed| packed.renumber(number));
        // What does not fit is still as it was.
        let rest = if fit { &mut self.open } else { self.open() };
        for entry in rest.iter_mut().filter(|entry| entry.class() != Class::Unknown) {
            entry.author = number(entry.author);
        }
        if were_packed && !fit {
            self.pack();
        }
    }

    /// Puts the entries, packed, in place of those that stand open: they are the same.
    pub(crate) fn replace(&mut self, packed: Packed) {
        debug_assert!(self.packed.is_none() && self.open.len() == packed.len());
        (self.packed, self.open) = (Some(Box::new(packed)), Vec::new());
    }

    /// Each takes no more than it needs from now on.
    pub(crate) fn pack(&mut self) {
        if !self.open.is_empty() {
            self.open();
        }
        if self.packed.is_none() {
            let worth_it = self.open.len() >= FEW;
            self.packed = worth_it.then(|| Packed::of(&self.open)).flatten().map(Box::new);
            if self.packed.is_some() {
                self.open = Vec::new();
            }
            self.open.shrink_to_fit();
        }
    }
}

/// Entries in a row, what they carry, and what lies aside of few of them.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) entries: Entries,
    pub(crate) bytes: Kept,
    /// By place in the chunk, ascending.
    pub(crate) asides: Vec<(u8, Arc<Aside>)>,
    /// What was said of messages by name. Nearly no chunk has any.
    pub(crate) by_name: Option<Box<ByName>>,
}

/// What was said of the messages of a chunk by name: each by place in the chunk, ascending.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByName {
    /// The last writer of those that were read, or no longer are (R59).
    pub(crate) reads: Vec<(u8, Lww<bool>)>,
    /// The earliest deletion, or clearing that names it, of those that were put away.
    pub(crate) put_away: Vec<(u8, Stamp)>,
}

impl Clone for Chunk {
    /// What grows is copied to be added to: there is room for more at once.
    fn clone(&self) -> Self {
        let more = if self.entries.grows_no_more() { 0 } else { self.likely() };
        Self {
            entries: self.entries.clone(),
            bytes: self.bytes.copy(more),
            asides: self.asides.clone(),
            by_name: self.by_name.clone(),
        }
    }
}

impl Chunk {
    /// Appends the content of a message. Returns its offset and length.
    pub(crate) fn put(&mut self, message: &Message) -> (u32, u32) {
        // Any message fits below this: its length need not be asked for.
        if self.bytes.len() > MAX_CONTENTS_LEN_BYTES - MAX_MESSAGE_LEN_BYTES {
            self.leave_out_unused(message.content_len_bytes(), MAX_CONTENTS_LEN_BYTES);
        }
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.make_room(message.text.as_deref().map_or(0, str::len));
        content::encode(message, self.bytes.end());
        (offset, u32::try_from(self.bytes.len()).unwrap_or(u32::MAX).saturating_sub(offset))
    }

    /// Leaves out the contents that no entry carries any more, where so many bytes more would not fit otherwise: what
    /// entries carry always fits, because no message carries more than an event may.
    fn leave_out_unused(&mut self, more: usize, limit: usize) {
        if self.bytes.len() + more <= limit {
            return;
        }
        let (mut bytes, mut entries) = (Vec::new(), Vec::with_capacity(self.entries.len()));
        for entry in self.entries.iter() {
            let offset = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(self.content_of(&entry));
            entries.push(Entry { offset, ..entry });
        }
        (self.entries, self.bytes) = (entries.into(), bytes.into());
    }

    /// Makes room for another content of this length and for those that are likely to follow: doubling would, in a
    /// chunk that is nearly full, be copied for nothing. A share of what is there is added always, because messages of a
    /// full chunk may be introduced anew any number of times, and each would copy all contents otherwise.
    fn make_room(&mut self, len: usize) {
        if self.bytes.room() < len {
            self.bytes.set_apart();
            self.bytes.reserve(len + self.likely().max(self.bytes.len() / 16));
        }
    }

    /// How much the contents are likely to take that are still to come, if not many.
    fn likely(&self) -> usize {
        let len = self.entries.len();
        CHUNK.saturating_sub(len).min(len) * (self.bytes.len() / len.max(1))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= CHUNK
    }

    /// An empty chunk with room for a little more than this one holds: the next will be much like it.
    pub(crate) fn successor(&self) -> Self {
        let (entries, bytes) = (Vec::with_capacity(CHUNK).into(), self.bytes.len() + self.bytes.len() / 16);
        Self { entries, bytes: Vec::with_capacity(bytes).into(), asides: Vec::new(), by_name: None }
    }

    /// Gives back the room that it may never need.
    pub(crate) fn pack(&mut self) {
        self.entries.pack();
        self.bytes.whole().shrink_to_fit();
        self.asides.shrink_to_fit();
    }

    /// Who last said whether the message at a place is read by name.
    pub(crate) fn named_read(&self, at: u8) -> Option<&Lww<bool>> {
        let reads = &self.by_name.as_deref()?.reads;
        let at = reads.binary_search_by_key(&at, |(place, _)| *place).ok()?;
        reads.get(at).map(|(_, read)| read)
    }

    /// Joins what was said of that. Returns whether the message is read by name now.
    pub(crate) fn join_named_read(&mut self, at: u8, said: &Lww<bool>) -> bool {
        let reads = &mut self.by_name.get_or_insert_default().reads;
        let found = reads.binary_search_by_key(&at, |(place, _)| *place);
        let at = found.unwrap_or_else(|free| {
            reads.insert(free, (at, Lww::default()));
            free
        });
        reads.get_mut(at).is_some_and(|(_, read)| {
            read.join(said);
            read.get() == Some(&true)
        })
    }

    /// When the message at a place was first put away.
    pub(crate) fn put_away_at(&self, at: u8) -> Option<Stamp> {
        let put_away = &self.by_name.as_deref()?.put_away;
        let at = put_away.binary_search_by_key(&at, |(place, _)| *place).ok()?;
        put_away.get(at).map(|(_, stamp)| *stamp)
    }

    /// The message at a place was put away: the earliest time counts.
    pub(crate) fn put_away(&mut self, at: u8, stamp: Stamp) {
        let put_away = &mut self.by_name.get_or_insert_default().put_away;
        match put_away.binary_search_by_key(&at, |(place, _)| *place) {
            Err(free) => put_away.insert(free, (at, stamp)),
            Ok(at) => put_away.get_mut(at).into_iter().for_each(|(_, old)| *old = stamp.min(*old)),
        }
    }

    /// Adds an entry that carries nothing.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Appends a message with its first introduction, placed at these fields.
    pub(crate) fn push_introduced(&mut self, intro: &Introduction<'_>, fields: (i64, i64)) {
        let (offset, len) = self.put(intro.message);
        self.entries.push(Entry { offset, len, ..Entry::introduced(intro, fields) });
    }

    /// Makes room for so many messages more, or as many as there can be.
    pub(crate) fn reserve(&mut self, more: usize) {
        let room = CHUNK.saturating_sub(self.entries.len());
        self.entries.open().reserve(more.min(room));
    }

    /// Appends messages whose contents lie one behind the other, until it is full. Returns those left.
    pub(crate) fn extend<'e>(&mut self, entries: &'e [Entry], contents: Contents<'_>) -> &'e [Entry] {
        let room = CHUNK.saturating_sub(self.entries.len());
        let (now, later) = entries.split_at(entries.len().min(room));
        let Some((first, last)) = now.first().zip(now.last()) else { return later };
        let contents = contents.get(first.offset as usize, last.offset as usize + last.len as usize);
        self.leave_out_unused(contents.unwrap_or_default().len(), MAX_CONTENTS_LEN_BYTES);
        let moved = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX).wrapping_sub(first.offset);
        self.make_room_for(now.len(), contents.map_or(0, <[u8]>::len));
        self.bytes.end().extend_from_slice(contents.unwrap_or_default());
        let placed = now.iter().map(|entry| Entry { offset: entry.offset.wrapping_add(moved), ..*entry });
        self.entries.open().extend(placed);
        later
    }

    /// Makes room for the contents of so many messages more. They grow when the entries do, so that of both only a few
    /// sizes are ever asked for: by what as many messages more as there are would take, at most, and by half at least.
    fn make_room_for(&mut self, more: usize, len: usize) {
        if self.bytes.room() < len {
            let count = self.entries.len() + more;
            // Few messages say little of those to come: one of them may be as long as all others together.
            let left = self.entries.room().saturating_sub(more).min(count);
            let mean = (self.bytes.len() + len) / count.max(1);
            let expected = len + left * (mean + mean / 8);
            self.bytes.reserve(expected.max(self.bytes.len() / 2));
        }
    }

    /// What the next messages are written behind. Where it is read of several chunks before any of them is written to,
    /// their memory comes at once and not one after the other.
    pub(crate) fn end(&self) -> u32 {
        let entry = self.entries.open.last().map_or(0, |entry| entry.bits);
        self.bytes.last().map_or(entry, |byte| entry ^ u32::from(byte))
    }

    /// What an entry of this chunk carries.
    pub(crate) fn content_of(&self, entry: &Entry) -> &[u8] {
        self.bytes.get(entry.offset as usize, entry.len as usize)
    }
}

/// The contents of messages: those lent by a segment that is folded at once, and those that were copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contents<'w> {
    pub(crate) lent: &'w [u8],
    pub(crate) copied: &'w [u8],
}

impl<'w> Contents<'w> {
    /// Those of messages that stand in a chunk.
    pub(crate) fn of(chunk: &'w [u8]) -> Self {
        Self { lent: chunk, copied: &[] }
    }

    /// Returns the offset of the first copied byte. Leaves a gap of one byte behind the lent ones, so that runs never join
    /// across them.
    pub(crate) fn base(lent: usize) -> usize {
        if lent == 0 { 0 } else { lent + 1 }
    }

    pub(crate) fn get(self, from: usize, to: usize) -> Option<&'w [u8]> {
        let base = Self::base(self.lent.len());
        match from.checked_sub(base) {
            Some(from) => self.copied.get(from..to.checked_sub(base)?),
            None => self.lent.get(from..to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::EventId;

    fn entry(n: u32) -> Entry {
        let (id, event) = (u128::from(n).to_be_bytes(), u128::from(n + 1).to_be_bytes());
        let (id, event) = (MessageId::from_bytes(id), EventId::from_bytes(event));
        Entry { event, first: n.into(), second: 7, author: n % 5, bits: 3, ..Entry::unknown(id) }
    }

    fn words(entry: &Entry) -> (MessageId, EventId, i64, i64, u32, u32) {
        (entry.id, entry.event, entry.first, entry.second, entry.author, entry.bits)
    }

    fn holds(entries: &Entries, plain: &[Entry]) {
        assert!(entries.iter().map(|entry| words(&entry)).eq(plain.iter().map(words)));
        assert_eq!((entries.len(), entries.get(plain.len()).is_none()), (plain.len(), true));
        assert!((0..plain.len()).all(|at| entries.id(at) == Some(plain[at].id)));
    }

    /// A long text behind many short ones makes no room for others as long.
    #[test]
    fn a_long_text_takes_little_more_than_itself() {
        let mut chunk = Chunk::default();
        let short: Vec<_> = (0..CHUNK as u32).map(|n| Entry { offset: n, len: 1, ..entry(n) }).collect();
        assert!(chunk.extend(&short, Contents::of(&[b'x'; CHUNK])).is_empty());
        let (mut next, long) = (chunk.successor(), vec![b'x'; 1 << 20]);
        let len = long.len() as u32;
        assert!(next.extend(&[Entry { offset: 0, len, ..entry(9) }], Contents::of(&long)).is_empty());
        assert!(next.bytes.room() <= 2 * long.len(), "{}", next.bytes.room());
        assert_eq!(next.content_of(&next.entries.get(0).unwrap()), long);
    }

    /// Contents that were replaced make room for others; a lower limit stands for 4 GiB.
    #[test]
    fn contents_that_no_entry_carries_make_room() {
        let message = |n: u8| {
            Message::text(MessageId::from_bytes([n; 16]), char::from(b'a' + n).to_string().repeat(100))
        };
        let mut chunk = Chunk::default();
        for n in 0..10 {
            let (offset, len) = chunk.put(&message(n));
            chunk.push(Entry { offset, len, ..entry(n.into()) });
        }
        let carried = |chunk: &Chunk, n: usize| chunk.content_of(&chunk.entries.get(n).unwrap()).to_vec();
        let expected: Vec<_> = (0..10).map(|n| carried(&chunk, n)).collect();
        // The third is introduced by an earlier event again and again.
        for _ in 0..50 {
            let (offset, len) = chunk.put(&message(2));
            chunk.entries.update(2, |entry| (entry.offset, entry.len) = (offset, len));
            chunk.leave_out_unused(200, 1_500);
            assert!(chunk.bytes.len() <= 1_500);
            assert!((0..10).all(|n| carried(&chunk, n) == expected[n]));
        }
    }

    /// A full chunk expects no more messages, and yet one of its messages may be introduced anew any number of times.
    #[test]
    fn contents_of_a_full_chunk_are_seldom_copied() {
        let message = |n: u8| Message::text(MessageId::from_bytes([n; 16]), "x".repeat(100));
        let mut chunk = Chunk::default();
        for n in 0..CHUNK as u8 {
            let (offset, len) = chunk.put(&message(n));
            chunk.push(Entry { offset, len, ..entry(n.into()) });
        }
        let mut capacities = vec![chunk.bytes.len() + chunk.bytes.room()];
        for _ in 0..100 * CHUNK {
            chunk.put(&message(7));
            capacities.push(chunk.bytes.len() + chunk.bytes.room());
        }
        capacities.dedup();
        assert!(capacities.len() < 100, "{} times", capacities.len());
    }

    #[test]
    fn entries_are_the_same_whether_packed_open_or_both() {
        for packed in [0, 1, FEW as u32, 100] {
            let mut plain: Vec<Entry> = (0..packed).map(entry).collect();
            let mut entries = Entries::from(plain.clone());
            entries.pack();
            holds(&entries, &plain);
            for n in packed..packed + 20 {
                entries.push(entry(n));
                plain.push(entry(n));
                holds(&entries.clone(), &plain);
            }
            // Of those changed one is packed and fits, one is packed and does not, one stands open.
            for (at, first) in [(0, 0), (packed as usize / 2, 1 << 50), (plain.len() - 1, -3)] {
                let change = |entry: &mut Entry| (entry.first, entry.bits) = (first, entry.bits | 1 << 16);
                let mut both = entries.clone();
                entries.update(at, change);
                change(&mut plain[at]);
                holds(&entries, &plain);
                both.renumber(&|author| author + at as u32);
                assert!(both.iter().zip(&plain).all(|(a, b)| a.author == b.author + at as u32));
            }
            entries.pack();
            holds(&entries, &plain);
            entries.open().push(entry(500));
            plain.push(entry(500));
            holds(&entries, &plain);
        }
    }
}
