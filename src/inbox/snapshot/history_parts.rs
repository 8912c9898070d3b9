//! The parts of a history: chunks of messages, buckets of the index, blocks of the order, and the trays and
//! roots that hold them.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::inbox::containers::lazy::{Extent, Lazy, Part, PartPlace};
use crate::inbox::containers::paged::{PagedVec, TRAY_LEN, Tray};
use crate::inbox::containers::sparse::Few;
use crate::inbox::snapshot::register_bytes::{put_aside, take_aside};
use crate::inbox::timeline::arena::Arena;
use crate::inbox::timeline::chunk::{ByName, CHUNK, Chunk, Entries};
use crate::inbox::timeline::entry::{Entry, Position};
use crate::inbox::timeline::facts::{Facts, Timeline};
use crate::inbox::timeline::id_index::{self, Bucket, Index, Pairs};
use crate::inbox::timeline::index_levels::{Level, Pair, UNIT, leaf_bits, ranges};
use crate::inbox::timeline::kept::Kept;
use crate::inbox::timeline::leaf::Leaf;
use crate::inbox::timeline::order::block::{Block, Slots};
use crate::inbox::timeline::order::contribution::Sum;
use crate::inbox::timeline::order::tree::{Blocks, Group, Order};
use crate::model::id::{ConversationKind, MessageId};
use crate::register::bytes::{In, Out};

/// What a part writes: its children behind one another, then, in what it returns, its own bytes.
trait Write: Part {
    fn write(&self, out: &mut Vec<u8>) -> Out;
}

/// Writes a part behind `out`: as it lies in the snapshot it came from, unless it was written since.
fn put<T: Write + ?Sized>(part: &Lazy<T>, out: &mut Vec<u8>) -> Extent {
    if let Some(place) = part.place()
        && let Some(raw) = place.raw()
    {
        out.extend_from_slice(&raw);
        return Extent { head_len: place.head_len, len: place.len, check: place.check };
    }
    let start = out.len();
    let head = part.get().write(out).0;
    out.extend_from_slice(&head);
    Extent {
        // A part's own bytes are far below 4 GiB: a chunk holds 128 messages.
        head_len: u32::try_from(head.len()).unwrap_or(u32::MAX),
        len: (out.len() - start) as u64,
        check: xxhash_rust::xxh3::xxh3_64(&head),
    }
}

/// Writes a whole history behind `out`.
pub(crate) fn put_history(timeline: &Lazy<Timeline>, out: &mut Vec<u8>) -> Extent {
    put(timeline, out)
}

/// Whether a history of this extent is one without messages. It need not be read: damage to its bytes changes nothing.
pub(crate) fn is_nothing(history: Extent) -> bool {
    static NOTHING: OnceLock<Extent> = OnceLock::new();
    // Of whichever kind: it does not say of which.
    let nothing = || put(&Lazy::new(Timeline::new(ConversationKind::Group)), &mut Vec::new());
    *NOTHING.get_or_init(nothing) == history
}

impl Out {
    fn extent(&mut self, extent: Extent) -> &mut Self {
        self.uint(extent.head_len).uint(extent.len).fixed(extent.check)
    }

    fn position(&mut self, position: &Position) -> &mut Self {
        self.int(position.first).u8(position.rank).int(position.second).raw(position.id.as_bytes())
    }

    fn sum(&mut self, sum: &Sum) -> &mut Self {
        self.uint(sum.unread).uint(sum.mentions).uint(sum.shown).uint(sum.present);
        self.fixed(sum.mention_sig).int(sum.activity)
    }
}

impl In<'_> {
    fn extent(&mut self) -> Option<Extent> {
        Some(Extent { head_len: self.number()?, len: self.uint()?, check: self.fixed()? })
    }

    fn child<T: ?Sized>(&mut self, place: &PartPlace, at: &mut u64) -> Option<Lazy<T>> {
        let extent = self.extent()?;
        place.child(at, extent).map(Lazy::cold)
    }

    fn position(&mut self) -> Option<Position> {
        let (first, rank, second) = (self.place()?, self.u8()?, self.place()?);
        Some(Position { first, rank, second, id: MessageId::from_bytes(self.array()?) })
    }

    fn sum(&mut self) -> Option<Sum> {
        let (unread, mentions, shown, present) =
            (self.number()?, self.number()?, self.number()?, self.number()?);
        let (mention_sig, activity) = (self.fixed()?, self.place()?);
        Some(Sum { unread, mentions, shown, present, mention_sig, activity })
    }

    /// As many values as there are entries, each as the difference to the one before.
    fn column(&mut self, count: usize) -> Option<Vec<i64>> {
        let mut last = 0i64;
        values(count, || {
            last = last.checked_add(self.int()?)?;
            (-1..=1 << 60).contains(&last).then_some(last)
        })
    }
}

/// So many values, for which there is room at once: a count that bytes say is one that they can stand for.
fn values<T>(count: usize, mut next: impl FnMut() -> Option<T>) -> Option<Vec<T>> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(next()?);
    }
    Some(all)
}

impl Write for Chunk {
    fn write(&self, _: &mut Vec<u8>) -> Out {
        let mut out = Out::default();
        let entries: Vec<Entry> = self.entries.iter().collect();
        let entries = entries.as_slice();
        out.len(entries.len());
        for entry in entries {
            out.raw(entry.id.as_bytes());
        }
        for entry in entries {
            out.raw(entry.event.as_bytes());
        }
        // Few combinations of bits occur in a chunk: a byte names which.
        let mut kinds: Vec<u32> = entries.iter().map(|e| e.bits).collect();
        kinds.sort_unstable();
        kinds.dedup();
        out.len(kinds.len());
        for bits in &kinds {
            out.uint(*bits);
        }
        if kinds.len() > 1 {
            for entry in entries {
                out.u8(kinds.partition_point(|bits| *bits < entry.bits) as u8);
            }
        }
        for entry in entries {
            out.uint(entry.author);
        }
        for field in [|e: &Entry| e.first, |e: &Entry| e.second] {
            let mut last = 0;
            for entry in entries {
                out.int(field(entry) - last);
                last = field(entry);
            }
        }
        for entry in entries {
            out.len(self.content_of(entry).len());
        }
        out.len(self.asides.len());
        for (place, aside) in &self.asides {
            put_aside(out.u8(*place), aside);
        }
        let nothing = ByName::default();
        let ByName { reads, put_away } = self.by_name.as_deref().unwrap_or(&nothing);
        out.len(reads.len());
        for (place, read) in reads {
            out.u8(*place).lww_flag(read);
        }
        out.len(put_away.len());
        for (place, stamp) in put_away {
            out.u8(*place).stamp(*stamp);
        }
        for entry in entries {
            out.raw(self.content_of(entry));
        }
        out
    }
}

impl ByName {
    /// Whether the places ascend and are those of so many messages.
    fn fits(&self, count: usize) -> bool {
        let Self { reads, put_away } = self;
        let last = reads.last().map(|(place, _)| *place).max(put_away.last().map(|(place, _)| *place));
        let ascend =
            reads.is_sorted_by(|(a, _), (b, _)| a < b) && put_away.is_sorted_by(|(a, _), (b, _)| a < b);
        ascend && last.is_none_or(|last| usize::from(last) < count)
    }
}

impl Part for Chunk {
    fn decode(bytes: &[u8], _: &PartPlace) -> Option<Arc<Self>> {
        let mut from = In(bytes);
        let count = from.count(32).filter(|count| *count <= CHUNK)?;
        let ids = values(count, || from.array().map(MessageId::from_bytes))?;
        let events = values(count, || from.event())?;
        let kinds: Vec<u32> = from.list(1, In::number)?;
        let bits: Vec<u32> = match *kinds.as_slice() {
            [] => Vec::new(),
            [bits] => vec![bits; count],
            _ => values(count, || kinds.get(usize::from(from.u8()?)).copied())?,
        };
        let authors: Vec<u32> = values(count, || from.number())?;
        let firsts = from.column(count)?;
        let seconds = from.column(count)?;
        let lens: Vec<u32> = values(count, || from.number())?;
        let asides: Vec<_> = from.list(2, |from| Some((from.u8()?, Arc::new(take_aside(from)?))))?;
        let ascending = asides.is_sorted_by(|(a, _), (b, _)| a < b);
        let fits = asides.last().is_none_or(|(place, _)| usize::from(*place) < count);
        let by_name = ByName {
            reads: from.list(19, |from| Some((from.u8()?, from.lww_flag()?)))?,
            put_away: from.list(18, |from| Some((from.u8()?, from.stamp()?)))?,
        };
        if bits.len() != count || !ascending || !fits || !by_name.fits(count) {
            return None;
        }
        let none = by_name.reads.is_empty() && by_name.put_away.is_empty();
        let by_name = if none { None } else { Some(Box::new(by_name)) };
        let mut entries = Vec::with_capacity(count);
        let mut offset = 0u32;
        let columns = ids.into_iter().zip(events).zip(bits).zip(authors).zip(firsts).zip(seconds).zip(lens);
        for ((((((id, event), bits), author), first), second), len) in columns {
            entries.push(Entry { id, event, first, second, author, bits, offset, len });
            offset = offset.checked_add(len)?;
        }
        let bytes = Kept::from(from.raw(offset as usize)?.to_vec());
        from.end()?;
        let mut entries = Entries::from(entries);
        // A full chunk grows no more.
        if count == CHUNK {
            entries.pack();
        }
        Some(Arc::new(Self { entries, bytes, asides, by_name }))
    }

    fn placeholder(_: &PartPlace) -> Arc<Self> {
        Arc::default()
    }
}

impl Write for Leaf {
    fn write(&self, _: &mut Vec<u8>) -> Out {
        Out(self.as_bytes().to_vec())
    }
}

impl Part for Leaf {
    fn decode(bytes: &[u8], _: &PartPlace) -> Option<Arc<Self>> {
        Self::read(bytes).map(Arc::new)
    }

    fn placeholder(_: &PartPlace) -> Arc<Self> {
        Arc::default()
    }
}

impl In<'_> {
    /// A hash and its slot, which is counted from the one before.
    fn pair(&mut self, last: &mut u32) -> Option<Pair> {
        let [a, b, c] = self.array()?;
        *last = last.wrapping_add(self.number()?);
        Some((u32::from_le_bytes([a, b, c, 0]), *last))
    }
}

/// The index of versions 5 and 6 was a table of these.
impl Part for Bucket {
    fn decode(bytes: &[u8], _: &PartPlace) -> Option<Arc<Self>> {
        let (mut from, mut last) = (In(bytes), 0u32);
        let mut pairs = Pairs::new();
        while from.end().is_none() {
            pairs.push(from.pair(&mut last)?);
        }
        Some(id_index::bucket_of(&pairs))
    }

    fn placeholder(_: &PartPlace) -> Arc<Self> {
        id_index::bucket_of(&[])
    }
}

impl<T: Write + ?Sized> Write for Tray<T> {
    fn write(&self, out: &mut Vec<u8>) -> Out {
        let mut head = Out::default();
        for part in &self.parts {
            head.extent(put(part, out));
        }
        head
    }
}

impl<T: Part + ?Sized> Part for Tray<T> {
    fn decode(bytes: &[u8], place: &PartPlace) -> Option<Arc<Self>> {
        let (mut from, mut at) = (In(bytes), 0);
        let mut parts = Vec::with_capacity((bytes.len() / 10).min(TRAY_LEN));
        while from.end().is_none() && parts.len() < TRAY_LEN {
            parts.push(from.child(place, &mut at)?);
        }
        from.end()?;
        Some(Arc::new(Self { parts }))
    }

    fn placeholder(_: &PartPlace) -> Arc<Self> {
        Arc::new(Self { parts: Vec::new() })
    }
}

/// Slots in runs: nearly always the messages came in order, and a block is a single run.
impl Write for Slots {
    fn write(&self, _: &mut Vec<u8>) -> Out {
        let mut out = Out::default();
        let mut last = -1;
        let mut run = |first: u32, len: usize| {
            out.int(i64::from(first) - last - 1).len(len.saturating_sub(1));
            last = i64::from(first) + len as i64 - 1;
        };
        match self {
            Self::Run { len: 0, .. } => {}
            Self::Run { first, len } => run(*first, *len as usize),
            Self::List(slots) => slots
                .chunk_by(|a, b| a.checked_add(1) == Some(*b))
                .for_each(|slots| run(slots.first().copied().unwrap_or(0), slots.len())),
        }
        out
    }
}

impl Part for Slots {
    fn decode(bytes: &[u8], _: &PartPlace) -> Option<Arc<Self>> {
        let (mut from, mut last, mut slots) = (In(bytes), -1i64, Self::default());
        while from.end().is_none() {
            let first = from.int()?.checked_add(last)?.checked_add(1)?;
            let more = from.number()?;
            let first = u32::try_from(first).ok()?;
            // A block never grows past twice its size.
            if more as usize + slots.len() >= 512 {
                return None;
            }
            let end = first.checked_add(more)?;
            slots = match slots.len() {
                0 => Self::Run { first, len: more.checked_add(1)? },
                _ => slots.iter().chain(first..=end).collect(),
            };
            last = i64::from(end);
        }
        Some(Arc::new(slots))
    }

    fn placeholder(_: &PartPlace) -> Arc<Self> {
        Arc::default()
    }
}

impl Write for Blocks {
    fn write(&self, out: &mut Vec<u8>) -> Out {
        let mut head = Out::default();
        for block in &self.0 {
            head.position(&block.min).sum(&block.sum).extent(put(&block.lazy(), out));
        }
        head
    }
}

impl Part for Blocks {
    fn decode(bytes: &[u8], place: &PartPlace) -> Option<Arc<Self>> {
        let (mut from, mut at, mut blocks) = (In(bytes), 0, Vec::new());
        while from.end().is_none() {
            let (min, sum) = (from.position()?, from.sum()?);
            blocks.push(Block::new(min, sum, from.child(place, &mut at)?));
        }
        Some(Arc::new(Self(blocks)))
    }

    fn placeholder(_: &PartPlace) -> Arc<Self> {
        Arc::default()
    }
}

fn put_paged<T>(paged: &PagedVec<T>, head: &mut Out, out: &mut Vec<u8>)
where
    T: Write + ?Sized,
{
    head.len(paged.len).len(paged.trays.len());
    for tray in paged.trays.iter() {
        head.extent(put(tray, out));
    }
}

fn take_paged<T: Part + ?Sized>(from: &mut In<'_>, place: &PartPlace, at: &mut u64) -> Option<PagedVec<T>> {
    let len = usize::try_from(from.number()?).ok()?;
    let trays: Few<_> = from.list(10, |from| from.child(place, at))?;
    (trays.len() == len.div_ceil(TRAY_LEN)).then_some(PagedVec { trays, len })
}

/// The index of so many slots: its levels, and the pairs behind them.
fn put_index(facts: &Facts, head: &mut Out, out: &mut Vec<u8>) {
    let slots = facts.arena.len() as u32;
    let (levels, behind) = facts.index.for_snapshot(slots, |slot| facts.arena.id(slot));
    // Versions 5 and 6 had the number of indexed messages here, which is never none.
    head.len(0).uint(slots);
    for level in &levels {
        put_paged(&level.leaves, head, out);
    }
    head.len(behind.len());
    let mut last = 0;
    for (hash, slot) in behind {
        let [a, b, c, _] = hash.to_le_bytes();
        head.raw(&[a, b, c]).uint(slot.wrapping_sub(last));
        last = slot;
    }
}

/// The index of a history that has so many full chunks.
fn take_index(from: &mut In<'_>, place: &PartPlace, at: &mut u64, full: usize) -> Option<Index> {
    let len = usize::try_from(from.number()?).ok()?;
    if len > 0 {
        return take_paged(from, place, at).map(|buckets| Index::of_buckets(buckets, len));
    }
    let slots = from.number()?;
    let in_full = full as u64 * CHUNK as u64;
    if !(in_full..=in_full + CHUNK as u64).contains(&u64::from(slots)) {
        return None;
    }
    let level = |slots: Range<u32>| {
        let leaves = take_paged(from, place, at)?;
        (leaves.len == 1 << leaf_bits(&slots)).then_some(Level { slots, leaves })
    };
    let levels: Vec<Level> = ranges(slots).map(level).collect::<Option<_>>()?;
    let mut last = 0;
    let behind: Vec<Pair> = from.list(4, |from| from.pair(&mut last))?;
    let are_behind = behind.is_sorted_by(|(_, a), (_, b)| a < b)
        && behind.first().is_none_or(|(_, first)| *first >= slots / UNIT * UNIT)
        && behind.last().is_none_or(|(_, last)| *last < slots);
    are_behind.then(|| Index::restored(levels, &behind))
}

impl Write for Timeline {
    fn write(&self, out: &mut Vec<u8>) -> Out {
        let mut head = Out::default();
        let Facts { arena, pinned, .. } = &self.facts;
        put_paged(&arena.full, &mut head, out);
        head.extent(put(&arena.tail, out));
        // A history of one chunk is indexed again when it is loaded.
        if arena.full.len > 0 {
            put_index(&self.facts, &mut head, out);
        }
        head.len(pinned.len());
        for slot in pinned {
            head.uint(*slot);
        }
        let groups = self.order.clone().map(Order::into_groups).unwrap_or_default();
        head.len(groups.len());
        for group in groups.iter() {
            head.position(&group.min).sum(&group.sum).extent(put(group.lazy(), out));
        }
        head
    }
}

impl Part for Timeline {
    fn decode(bytes: &[u8], place: &PartPlace) -> Option<Arc<Self>> {
        let (mut from, mut at) = (In(bytes), 0);
        let full = take_paged(&mut from, place, &mut at)?;
        let arena = Arena::of(full, from.child(place, &mut at)?);
        let mut index = Index::default();
        if arena.full.len > 0 {
            index = take_index(&mut from, place, &mut at, arena.full.len)?;
        }
        let pinned: im::OrdSet<u32> = from.list(1, In::number)?;
        let groups: Few<_> = from.list(30, |from| {
            let (min, sum) = (from.position()?, from.sum()?);
            Some(Arc::new(Group::new(min, sum, from.child(place, &mut at)?)))
        })?;
        from.end()?;
        let mut facts = Facts { kind: place.kind()?, arena, index, pinned };
        if facts.arena.full.len == 0 {
            facts.index_all();
        }
        Some(Arc::new(Self { facts, order: Some(Order::of(groups)) }))
    }

    fn placeholder(place: &PartPlace) -> Arc<Self> {
        Arc::new(Self::new(place.kind().unwrap_or(ConversationKind::Group)))
    }
}
