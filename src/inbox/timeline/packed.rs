//! Entries of a chunk that grows no more, each in the bits it needs.
//!
//! What is told of messages that stand close together differs little: of each field only the difference to the
//! least in the chunk is kept, in as many bits as the greatest difference takes. A row is the two ids and those bits,
//! all rows are of one length, and any is read at once. In a group whose seqs are instants both fields of a position
//! lie far apart and close to each other: there the second is kept as its difference to the first.

use std::ops::Range;

use crate::inbox::timeline::entry::{Entry, bits};
use crate::model::id::{EventId, MessageId};

/// The two ids of a row.
const IDS_LEN_BYTES: usize = 32;

/// The bits of three fields lie in a word, of which only the bytes needed are kept.
const WORD_LEN_BYTES: usize = 8;

/// The bits of both words, one behind the other.
const WORDS_LEN_BYTES: usize = 2 * WORD_LEN_BYTES;

/// A row as it is made: two ids, two whole words.
const MAX_ROW_LEN_BYTES: usize = IDS_LEN_BYTES + WORDS_LEN_BYTES;

/// Three fields in one word: the least of each, the bits its differences take, and where they begin.
#[derive(Clone, Copy, Debug)]
struct PackedWord {
    least: [u64; 3],
    masks: [u64; 3],
    shifts: [u8; 3],
    /// How many bytes of the word are kept.
    len_bytes: u8,
}

impl PackedWord {
    /// Room for what lies between these; `None` if that takes more than a word.
    fn between(least: [u64; 3], greatest: [u64; 3]) -> Option<Self> {
        let (mut masks, mut shifts, mut sum) = ([0; 3], [0; 3], 0);
        for (((least, greatest), mask), shift) in least.iter().zip(greatest).zip(&mut masks).zip(&mut shifts)
        {
            let width = u64::BITS - greatest.saturating_sub(*least).leading_zeros();
            *mask = 1u64.checked_shl(width).unwrap_or(0).wrapping_sub(1);
            *shift = sum as u8;
            sum += width;
        }
        (sum <= u64::BITS).then_some(Self { least, masks, shifts, len_bytes: sum.div_ceil(8) as u8 })
    }

    /// Whether these values have room.
    fn fit(&self, values: [u64; 3]) -> bool {
        values.iter().zip(self.least).zip(self.masks).all(|((value, least), mask)| {
            value.checked_sub(least).is_some_and(|difference| difference & !mask == 0)
        })
    }

    /// The word of values that [`PackedWord::fit`]. A shift by a whole word moves a field of no bits.
    #[inline]
    fn word(&self, values: [u64; 3]) -> u64 {
        let ([a, b, c], [least_a, least_b, least_c], [_, shift_b, shift_c]) =
            (values, self.least, self.shifts);
        a.wrapping_sub(least_a)
            | b.wrapping_sub(least_b).wrapping_shl(shift_b.into())
            | c.wrapping_sub(least_c).wrapping_shl(shift_c.into())
    }

    #[inline]
    fn values(&self, word: u64) -> [u64; 3] {
        let ([least_a, least_b, least_c], [a, b, c]) = (self.least, self.masks);
        let [_, shift_b, shift_c] = self.shifts;
        [
            least_a.wrapping_add(word & a),
            least_b.wrapping_add(word.wrapping_shr(shift_b.into()) & b),
            least_c.wrapping_add(word.wrapping_shr(shift_c.into()) & c),
        ]
    }
}

/// Entries in rows.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    len: u32,
    row_len_bytes: u8,
    places: PackedWord,
    others: PackedWord,
    second: Second,
    /// Rows, and behind them what is read beyond the last.
    rows: Box<[u8]>,
}

/// An instant or a seq, so that the order of all of them is that of unsigned numbers.
#[inline]
fn unsigned(value: i64) -> u64 {
    value.cast_unsigned() ^ 1 << 63
}

/// PackedWord of a position that take no more bits than this are kept as they are.
const NARROW_BITS: u32 = 16;

/// As what the second field of a position is kept. The number is a mask over the first field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
enum Second {
    /// As it is.
    Itself = 0,
    /// As its difference to the first field.
    FromFirst = -1,
}

impl Second {
    /// Where a message stands, and where its content begins.
    #[inline]
    fn places(self, entry: &Entry) -> [u64; 3] {
        let second = entry.second.wrapping_sub(entry.first & self as i64);
        [unsigned(entry.first), unsigned(second), entry.offset.into()]
    }

    /// Returns as what the second field takes less room, and puts the bounds of that in place of its own.
    fn shorter(entries: &[Entry], (least, greatest): &mut ([u64; 3], [u64; 3])) -> Self {
        let width = |least: u64, greatest: u64| u64::BITS - greatest.saturating_sub(least).leading_zeros();
        let ([first, own, _], [last, own_greatest, _]) = (least, greatest);
        // Where one of the two is short as it is, a difference could hardly be shorter.
        if width(*first, *last).min(width(*own, *own_greatest)) <= NARROW_BITS {
            return Self::Itself;
        }
        let (mut least, mut greatest) = (u64::MAX, 0);
        for entry in entries {
            let [_, apart, _] = Self::FromFirst.places(entry);
            (least, greatest) = (apart.min(least), apart.max(greatest));
        }
        if width(least, greatest) >= width(*own, *own_greatest) {
            return Self::Itself;
        }
        (*own, *own_greatest) = (least, greatest);
        Self::FromFirst
    }

    /// The two fields of a position, of what is kept of them.
    #[inline]
    fn fields(self, first: u64, second: u64) -> (i64, i64) {
        let first = unsigned(first.cast_signed()).cast_signed();
        let second = unsigned(second.cast_signed()).cast_signed();
        (first, second.wrapping_add(first & self as i64))
    }
}

#[inline]
fn others(entry: &Entry) -> [u64; 3] {
    [entry.bits.into(), entry.author.into(), entry.len.into()]
}

/// Widens what lies between `least` and `greatest` so that `values` do.
#[inline]
fn widen(least: &mut [u64; 3], greatest: &mut [u64; 3], values: [u64; 3]) {
    for ((least, greatest), value) in least.iter_mut().zip(greatest).zip(values) {
        *least = (*least).min(value);
        *greatest = (*greatest).max(value);
    }
}

/// What the fields of entries need, as far as they were looked at.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    places: ([u64; 3], [u64; 3]),
    bits: u32,
    authors: u32,
    lens: (u32, u32),
}

impl Bounds {
    /// Bits may be set later, or taken away; authors may get other numbers. So both are kept as they are, and all of them
    /// together take as many bits as the greatest.
    const NONE: Self =
        Self { places: ([u64::MAX; 3], [0; 3]), bits: bits::ROOM, authors: 0, lens: (u32::MAX, 0) };

    #[inline]
    fn widen(&mut self, entry: &Entry) {
        widen(&mut self.places.0, &mut self.places.1, Second::Itself.places(entry));
        self.bits |= entry.bits;
        self.authors |= entry.author;
        self.lens = (entry.len.min(self.lens.0), entry.len.max(self.lens.1));
    }

    /// How the entries are packed, all of which were looked at; no row is there yet. `None` if they do not fit.
    fn layout(mut self, entries: &[Entry]) -> Option<Packed> {
        let Self { bits, authors, lens, .. } = self;
        let second = Second::shorter(entries, &mut self.places);
        let places = PackedWord::between(self.places.0, self.places.1)?;
        let others =
            PackedWord::between([0, 0, lens.0.into()], [bits.into(), authors.into(), lens.1.into()])?;
        let kept = usize::from(places.len_bytes) + usize::from(others.len_bytes);
        Some(Packed {
            len: u32::try_from(entries.len()).ok().filter(|len| *len > 0)?,
            row_len_bytes: (IDS_LEN_BYTES + kept) as u8,
            places,
            others,
            second,
            rows: Box::default(),
        })
    }
}

/// How many entries a step looks at …
const SEEN_AT_ONCE: usize = 16;
/// … and how many it writes.
const WRITTEN_AT_ONCE: usize = 4;

/// Entries being packed, some at a time: who adds messages to a conversation waits for no whole chunk.
#[derive(Debug)]
pub(crate) struct Unfinished {
    bounds: Bounds,
    seen: usize,
    packed: Option<Packed>,
    rows: Vec<u8>,
    written: usize,
}

/// What a step came to.
pub(crate) enum Step {
    More,
    /// Nothing if the entries do not fit.
    Done(Option<Packed>),
}

impl Default for Unfinished {
    fn default() -> Self {
        Self { bounds: Bounds::NONE, seen: 0, packed: None, rows: Vec::new(), written: 0 }
    }
}

impl Unfinished {
    /// Goes on with entries that are the same in every step.
    pub(crate) fn step(&mut self, entries: &[Entry]) -> Step {
        let unseen = entries.get(self.seen..).unwrap_or_default();
        if !unseen.is_empty() {
            unseen.iter().take(SEEN_AT_ONCE).for_each(|entry| self.bounds.widen(entry));
            self.seen += SEEN_AT_ONCE;
            return Step::More;
        }
        if self.packed.is_none() {
            self.packed = self.bounds.layout(entries);
            self.rows = self.packed.as_ref().map(Packed::room).unwrap_or_default();
        }
        let Some(packed) = &self.packed else { return Step::Done(None) };
        let end = entries.len().min(self.written + WRITTEN_AT_ONCE);
        packed.put(&mut self.rows, entries, self.written..end);
        self.written = end;
        if end < entries.len() {
            return Step::More;
        }
        let rows = std::mem::take(&mut self.rows).into_boxed_slice();
        Step::Done(self.packed.take().map(|packed| Packed { rows, ..packed }))
    }
}

impl Packed {
    /// The entries, if they fit.
    pub(crate) fn of(entries: &[Entry]) -> Option<Self> {
        let mut bounds = Bounds::NONE;
        entries.iter().for_each(|entry| bounds.widen(entry));
        let mut packed = bounds.layout(entries)?;
        let mut rows = packed.room();
        packed.put(&mut rows, entries, 0..entries.len());
        packed.rows = rows.into_boxed_slice();
        Some(packed)
    }

    /// Room for exactly the rows and what is read beyond the last.
    fn room(&self) -> Vec<u8> {
        let row_len_bytes = usize::from(self.row_len_bytes);
        Vec::with_capacity(self.len() * row_len_bytes + MAX_ROW_LEN_BYTES - row_len_bytes)
    }

    /// Writes the rows of some of the entries behind those of all before them.
    #[inline]
    fn put(&self, rows: &mut Vec<u8>, entries: &[Entry], which: Range<usize>) {
        let row_len_bytes = usize::from(self.row_len_bytes);
        let begin = which.start * row_len_bytes;
        let entries = entries.get(which).unwrap_or_default();
        for (entry, at) in entries.iter().zip((begin..).step_by(row_len_bytes)) {
            // Each is written over what of the one before is not kept: what is of one length is written fastest.
            rows.truncate(at);
            rows.extend_from_slice(entry.id.as_bytes());
            rows.extend_from_slice(entry.event.as_bytes());
            rows.extend_from_slice(&self.words(entry).to_le_bytes());
        }
    }

    /// What of the row of an entry that fits stands behind its ids, and then zeros.
    #[inline]
    fn words(&self, entry: &Entry) -> u128 {
        let places = u128::from(self.places.word(self.second.places(entry)));
        let others = u128::from(self.others.word(others(entry)));
        places | others << (u32::from(self.places.len_bytes) * u8::BITS)
    }

    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn get(&self, at: usize) -> Option<Entry> {
        if at >= self.len() {
            return None;
        }
        let row = self.rows.get(at * usize::from(self.row_len_bytes)..)?;
        let (id, row) = row.split_first_chunk()?;
        let (event, row) = row.split_first_chunk()?;
        let [first, second, offset] = self.places.values(u64::from_le_bytes(*row.first_chunk()?));
        let (first, second) = self.second.fields(first, second);
        let row = row.get(usize::from(self.places.len_bytes)..)?;
        let [bits, author, len] = self.others.values(u64::from_le_bytes(*row.first_chunk()?));
        Some(Entry {
            id: MessageId::from_bytes(*id),
            event: EventId::from_bytes(*event),
            first,
            second,
            author: author as u32,
            bits: bits as u32,
            offset: offset as u32,
            len: len as u32,
        })
    }

    pub(crate) fn id(&self, at: usize) -> Option<MessageId> {
        let row = self.rows.get(at * usize::from(self.row_len_bytes)..).filter(|_| at < self.len())?;
        row.first_chunk().map(|id| MessageId::from_bytes(*id))
    }

    /// Puts another entry in place of the one there. Returns whether it fits.
    #[must_use]
    pub(crate) fn set(&mut self, at: usize, entry: &Entry) -> bool {
        let len = usize::from(self.row_len_bytes);
        if at >= self.len() || !self.places.fit(self.second.places(entry)) || !self.others.fit(others(entry))
        {
            return false;
        }
        let row = [*entry.id.as_bytes(), *entry.event.as_bytes(), self.words(entry).to_le_bytes()];
        let row = row.as_flattened().get(..len);
        if let Some((place, row)) = self.rows.get_mut(at * len..(at + 1) * len).zip(row) {
            place.copy_from_slice(row);
        }
        true
    }
}

impl Packed {
    /// Gives the authors of known messages other numbers. Returns whether these fit, or else nothing is changed.
    #[must_use]
    pub(crate) fn renumber(&mut self, number: &impl Fn(u32) -> u32) -> bool {
        let PackedWord { least: [_, least, _], masks: [_, mask, _], shifts: [_, shift, _], .. } = self.others;
        // The bits lie lowest, so their class does.
        let author = |word: u64| {
            let is_known = word & u64::from(bits::CLASS) != 0;
            is_known.then(|| u64::from(number((word >> shift & mask).wrapping_add(least) as u32)))
        };
        let fits = |new: u64| new.checked_sub(least).is_some_and(|difference| difference & !mask == 0);
        let words = self.word_places().map(|at| word_at(&self.rows, at));
        if !words.filter_map(author).all(fits) {
            return false;
        }
        for at in self.word_places() {
            let word = word_at(&self.rows, at);
            if let (Some(new), Some(place)) = (author(word), self.rows.get_mut(at..at + WORD_LEN_BYTES)) {
                // What lies behind the row is written as it was.
                let word = word & !(mask << shift) | new.wrapping_sub(least) << shift;
                place.copy_from_slice(&word.to_le_bytes());
            }
        }
        true
    }

    /// Where the second words of all rows begin.
    fn word_places(&self) -> impl Iterator<Item = usize> + use<> {
        let first = IDS_LEN_BYTES + usize::from(self.places.len_bytes);
        (first..).step_by(usize::from(self.row_len_bytes)).take(self.len as usize)
    }
}

/// Eight bytes of rows, and of what is behind them.
fn word_at(rows: &[u8], at: usize) -> u64 {
    let bytes = rows.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u64) -> Entry {
        Entry {
            id: MessageId::from_bytes((u128::from(n) << 64 | 7).to_be_bytes()),
            event: EventId::from_bytes((u128::from(n) << 32 | 9).to_be_bytes()),
            first: n as i64,
            second: 1_700_000_000_000 + n as i64 * 977,
            author: n as u32 % 7,
            bits: bits::HAS_TEXT | 3,
            offset: n as u32 * 50,
            len: 50,
        }
    }

    fn words(entry: &Entry) -> ([u64; 3], [u64; 3], MessageId, EventId) {
        (Second::Itself.places(entry), others(entry), entry.id, entry.event)
    }

    fn in_steps(entries: &[Entry]) -> Option<Packed> {
        let mut unfinished = Unfinished::default();
        loop {
            if let Step::Done(packed) = unfinished.step(entries) {
                return packed;
            }
        }
    }

    fn holds(entries: &[Entry]) -> Packed {
        let packed = Packed::of(entries).unwrap();
        assert_eq!(format!("{packed:?}"), format!("{:?}", in_steps(entries).unwrap()));
        assert_eq!(packed.len(), entries.len());
        for (at, entry) in entries.iter().enumerate() {
            assert_eq!(words(&packed.get(at).unwrap()), words(entry), "{at}");
            assert_eq!(packed.id(at), Some(entry.id));
        }
        assert!(packed.get(entries.len()).is_none());
        packed
    }

    #[test]
    fn what_is_packed_is_given_back() {
        for count in [1, 2, 17, 128] {
            let entries: Vec<Entry> = (0..count).map(entry).collect();
            let packed = holds(&entries);
            assert!(packed.row_len_bytes <= 46, "{}", packed.row_len_bytes);
        }
        // Seqs that are instants, with messages a day apart.
        let instants = |n: u64| Entry { first: 1_700_000_000_000 + n as i64 * 86_400_000, ..entry(n) };
        let of_time = |n: u64| Entry { second: instants(n).first, ..instants(n) };
        let packed = holds(&(0..128).map(of_time).collect::<Vec<Entry>>());
        assert_eq!(packed.second, Second::FromFirst);
        assert!(packed.row_len_bytes <= 46, "{}", packed.row_len_bytes);
        // Extremes, as long as the differences are few enough.
        let far = Entry { first: -1, second: 0, author: u32::MAX, ..entry(1) };
        holds(&[far, Entry { second: 1 << 53, author: u32::MAX - 9, ..far }]);
        holds(&[Entry { first: i64::MIN, ..far }, Entry { first: i64::MAX, ..far }]);
        holds(&[Entry { second: i64::MIN, ..far }, Entry { second: i64::MAX, ..far }]);
        let both = |place| Entry { first: place, second: place, offset: 0, ..far };
        holds(&[both(i64::MIN), both(i64::MAX), both(0)]);
        holds(&[Entry { len: u32::MAX, bits: 0, ..entry(1) }, Entry { len: 0, author: 1, ..entry(1) }]);
    }

    #[test]
    fn what_does_not_fit_is_not_packed() {
        assert!(Packed::of(&[]).is_none() && in_steps(&[]).is_none());
        let low = Entry { first: i64::MIN, second: 0, ..entry(1) };
        assert!(Packed::of(&[low, Entry { first: i64::MAX, second: 1, ..low }]).is_none());
        let many = Entry { author: u32::MAX, len: u32::MAX, ..entry(1) };
        assert!(Packed::of(&[many, Entry { author: 0, len: 0, ..many }]).is_none());
    }

    #[test]
    fn an_entry_is_changed_where_it_lies_if_it_fits() {
        let mut entries: Vec<Entry> = (0..128).map(entry).collect();
        let mut packed = holds(&entries);
        for (at, bit) in [(0, bits::DELETED), (127, bits::ASIDE), (5, bits::RECALLED), (5, bits::NAMED)] {
            entries[at].bits |= bit;
            assert!(packed.set(at, &entries[at]));
        }
        assert!(packed.renumber(&|author| 6 - author));
        entries.iter_mut().for_each(|entry| entry.author = 6 - entry.author);
        assert!(!packed.renumber(&|author| author + 6), "six and six is more than there is room for");
        entries[9] = Entry { bits: 0, ..entries[9] };
        assert!(packed.set(9, &entries[9]));
        assert!(!packed.set(3, &Entry { author: 1_000, ..entries[3] }));
        assert!(!packed.set(3, &Entry { first: -1, ..entries[3] }));
        for (at, entry) in entries.iter().enumerate() {
            assert_eq!(words(&packed.get(at).unwrap()), words(entry), "{at}");
        }
    }
}
