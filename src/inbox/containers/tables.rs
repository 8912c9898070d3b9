//! The tables of a snapshot's front, read in place: they were verified with it, and nothing of them is decoded
//! before somebody asks.
//!
//! Whoever writes checksums that fit can make a table say anything: every look into one is bounded and may
//! find nothing.

use std::ops::Range;
use std::sync::OnceLock;

use xxhash_rust::xxh3::xxh3_64;

use crate::model::id::{ConversationId, UserId};
use crate::register::bytes::Out;

/// How many tables there are; the account's own registers follow them.
const TABLES: usize = 5;

/// Bytes of one entry: where a history begins, the length and checksum of its root and of the registers behind it, where
/// the record ends.
const RECORD_LEN_BYTES: usize = 40;
/// A user's number, and where a profile ends.
const PROFILE_LEN_BYTES: usize = 12;
/// An order key and a conversation's number.
const RANK_LEN_BYTES: usize = 12;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

fn place(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64_at(bytes, at)?).ok()
}

/// How many slots are looked through for an id. Ids whose hashes collide may fill any number of slots in a row: what
/// is not found in so many is looked for in an order of the texts, which is made then.
const PROBES: usize = 64;

/// Ids by number, and their numbers by id.
#[derive(Clone, Debug)]
pub(crate) struct NameTable {
    /// All numbers, in the order of the texts, once an id was not found soon.
    by_text: OnceLock<Vec<u32>>,
    count: u32,
    ends_at: usize,
    slots_at: usize,
    texts: Range<usize>,
}

/// How many slots the way back from an id to its number has: never more than half of them are taken.
fn slots(count: u32) -> usize {
    if count == 0 { 0 } else { (count as usize * 2).next_power_of_two() }
}

impl NameTable {
    /// How many ids it has.
    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    pub(crate) fn text<'a>(&self, bytes: &'a [u8], number: u32) -> Option<&'a str> {
        if number >= self.count {
            return None;
        }
        let at = self.ends_at + number as usize * 8;
        let from = if number == 0 { 0 } else { place(bytes, at - 8)? };
        let text = bytes.get(self.texts.clone())?.get(from..place(bytes, at)?)?;
        std::str::from_utf8(text).ok()
    }

    pub(crate) fn find(&self, bytes: &[u8], text: &str) -> Option<u32> {
        let slots = slots(self.count);
        let mut slot = xxh3_64(text.as_bytes()) as usize;
        for _ in 0..slots.min(PROBES) {
            slot &= slots - 1;
            let number = u32_at(bytes, self.slots_at + slot * 4)?.checked_sub(1)?;
            if self.text(bytes, number) == Some(text) {
                return Some(number);
            }
            slot += 1;
        }
        if slots <= PROBES {
            return None;
        }
        let text_of = |number: &u32| self.text(bytes, *number);
        let by_text = self.by_text.get_or_init(|| {
            let mut numbers: Vec<u32> = (0..self.count).collect();
            numbers.sort_by_key(text_of);
            numbers
        });
        let at = by_text.partition_point(|number| text_of(number) < Some(text));
        by_text.get(at).copied().filter(|number| text_of(number) == Some(text))
    }

    /// The table, if all its texts are ids; `has_form` says so of a text without control characters.
    fn open(bytes: &[u8], at: Range<usize>, has_form: impl Fn(&str) -> bool) -> Option<Self> {
        let count = u32_at(bytes, at.start)?;
        let ends_at = at.start + 4;
        let slots_at = ends_at.checked_add((count as usize).checked_mul(8)?)?;
        let texts_at = slots_at.checked_add(slots(count).checked_mul(4)?)?;
        let texts = bytes.get(texts_at..at.end)?;
        let controls = texts.iter().fold(false, |any, byte| any | byte.is_ascii_control());
        let texts = std::str::from_utf8(texts).ok().filter(|_| !controls)?;
        let mut from = 0;
        for end in bytes.get(ends_at..slots_at)?.chunks_exact(8) {
            let end = place(end, 0)?;
            texts.get(from..end).filter(|text| has_form(text))?;
            from = end;
        }
        let table = Self { by_text: OnceLock::new(), count, ends_at, slots_at, texts: texts_at..at.end };
        (from == texts.len()).then_some(table)
    }
}

/// Puts down ids in order of their numbers.
fn put_names<'a>(out: &mut Out, texts: impl Iterator<Item = &'a str> + Clone) {
    let count = texts.clone().count() as u32;
    out.fixed32(count);
    let mut end = 0;
    for text in texts.clone() {
        end += text.len() as u64;
        out.fixed(end);
    }
    let mut table = vec![0u32; slots(count)];
    // From each slot on, one that is free or closer to one that is: no run of slots taken is gone through twice.
    let mut free: Vec<u32> = (0..table.len() as u32).collect();
    for (number, text) in (1u32..).zip(texts.clone()) {
        let mut slot = xxh3_64(text.as_bytes()) as usize & (table.len() - 1);
        while let Some(&next) = free.get(slot).filter(|next| **next as usize != slot) {
            let after = free.get(next as usize).copied().unwrap_or(next);
            if let Some(place) = free.get_mut(slot) {
                *place = after;
            }
            slot = after as usize;
        }
        if let Some((taken, next)) = table.get_mut(slot).zip(free.get_mut(slot)) {
            *taken = number;
            *next = (slot as u32 + 1) & (slots(count) as u32 - 1);
        }
    }
    for number in table {
        out.fixed32(number);
    }
    for text in texts {
        out.raw(text.as_bytes());
    }
}

/// The length and checksum of bytes that are verified by themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    pub(crate) len: u32,
    pub(crate) check: u64,
}

/// Of every conversation its row, and where its history and registers lie.
#[derive(Debug, Default)]
pub(crate) struct Records {
    entries: Out,
    records: Out,
}

impl Records {
    /// The next conversation, whose history begins so far after the first one: the root of that, then the registers.
    pub(crate) fn put(&mut self, history_at: u64, sealed: [Sealed; 2], record: &[u8]) {
        self.records.raw(record);
        self.entries.fixed(history_at);
        for Sealed { len, check } in sealed {
            self.entries.fixed32(len).fixed(check);
        }
        self.entries.fixed(self.records.0.len() as u64);
    }
}

/// What a front is made of.
pub(crate) struct Parts<'a, U, C, P, L> {
    pub(crate) users: U,
    pub(crate) ids: C,
    pub(crate) records: &'a Records,
    /// By user.
    pub(crate) profiles: P,
    /// Order keys and numbers, in list order.
    pub(crate) list: L,
    /// Totals, folders, quiet hours.
    pub(crate) account: &'a Out,
}

/// Puts down a front.
pub(crate) fn put<'a, U, C, P, L>(parts: Parts<'_, U, C, P, L>) -> Vec<u8>
where
    U: Iterator<Item = &'a str> + Clone,
    C: Iterator<Item = &'a str> + Clone,
    P: Iterator<Item = (u32, Vec<u8>)>,
    L: Iterator<Item = (u64, u32)>,
{
    let mut tables: [Out; TABLES] = Default::default();
    let [users, ids, records, profiles, list] = &mut tables;
    put_names(users, parts.users);
    put_names(ids, parts.ids);
    records.raw(&parts.records.entries.0).raw(&parts.records.records.0);
    let (mut count, mut data) = (0, Out::default());
    let mut entries = Out::default();
    for (user, profile) in parts.profiles {
        count += 1;
        data.raw(&profile);
        entries.fixed32(user).fixed(data.0.len() as u64);
    }
    profiles.fixed32(count).raw(&entries.0).raw(&data.0);
    for (order_key, number) in parts.list {
        list.fixed(order_key).fixed32(number);
    }
    let mut front = Out::default();
    for table in &tables {
        front.fixed(table.0.len() as u64);
    }
    for table in &tables {
        front.raw(&table.0);
    }
    front.raw(&parts.account.0);
    front.0
}

/// Where everything lies in a front; histories lie before it, from the beginning of the snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) users: NameTable,
    pub(crate) ids: NameTable,
    records: Range<usize>,
    profiles: Range<usize>,
    list: Range<usize>,
    account: Range<usize>,
    histories: Range<u64>,
}

/// A conversation's row, and where its history and registers lie.
#[derive(Clone, Debug)]
pub(crate) struct ConversationRecord<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where it begins in the snapshot.
    pub(crate) offset: u64,
    pub(crate) history: Range<u64>,
    /// What the root of the history says itself.
    pub(crate) root: Sealed,
    /// Where the registers lie, which is behind the history, and what they have to be.
    pub(crate) registers_at: u64,
    pub(crate) registers: Sealed,
}

impl Tables {
    /// The tables of a verified front, if they are such as a writer writes.
    pub(crate) fn open(bytes: &[u8], histories: Range<u64>) -> Option<Self> {
        let mut at = TABLES * 8;
        let mut ranges: [Range<usize>; TABLES] = Default::default();
        for (index, range) in ranges.iter_mut().enumerate() {
            let end = at.checked_add(place(bytes, index * 8)?)?;
            *range = at..end;
            at = end;
        }
        if at > bytes.len() {
            return None;
        }
        let [users, ids, records, profiles, list] = ranges;
        let users = NameTable::open(bytes, users, UserId::has_form)?;
        let ids = NameTable::open(bytes, ids, ConversationId::has_form)?;
        let tables = Self { users, ids, records, profiles, list, account: at..bytes.len(), histories };
        let records = tables.are_records_in_order(bytes);
        let profiles = records.and_then(|()| tables.are_profiles_in_order(bytes));
        let fits = profiles.is_some()
            && tables.list.len().is_multiple_of(RANK_LEN_BYTES)
            && tables.listed() <= tables.ids.len() as usize;
        fits.then_some(tables)
    }

    /// Histories and records lie one behind the other: none is anybody else's too, or a few bytes could be decoded
    /// again and again.
    fn are_records_in_order(&self, bytes: &[u8]) -> Option<()> {
        let len = (self.ids.len() as usize).checked_mul(RECORD_LEN_BYTES)?;
        let table = bytes.get(self.records.clone())?;
        let (entries, records) = table.split_at_checked(len)?;
        let (mut history_at, mut record_at) = (0, 0);
        for entry in entries.chunks_exact(RECORD_LEN_BYTES) {
            let (history, end) = (u64_at(entry, 0)?, place(entry, RECORD_LEN_BYTES - 8)?);
            if history < history_at || end < record_at {
                return None;
            }
            (history_at, record_at) = (history, end);
        }
        let all = self.histories.end - self.histories.start;
        let whole = record_at == records.len() && history_at <= all && (!entries.is_empty() || all == 0);
        whole.then_some(())
    }

    fn are_profiles_in_order(&self, bytes: &[u8]) -> Option<()> {
        let table = bytes.get(self.profiles.clone())?;
        let (count, rest) = table.split_at_checked(4)?;
        let len = (u32_at(count, 0)? as usize).checked_mul(PROFILE_LEN_BYTES)?;
        let (entries, records) = rest.split_at_checked(len)?;
        let (mut next_user, mut record_at) = (0, 0);
        for entry in entries.chunks_exact(PROFILE_LEN_BYTES) {
            let (user, end) = (u32_at(entry, 0)?, place(entry, 4)?);
            if user < next_user || end < record_at {
                return None;
            }
            (next_user, record_at) = (user.checked_add(1)?, end);
        }
        (record_at == records.len()).then_some(())
    }

    /// Where the last history ends and the front begins.
    pub(crate) fn histories_end(&self) -> u64 {
        self.histories.end
    }

    pub(crate) fn account<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(self.account.clone())
    }

    pub(crate) fn record<'a>(&self, bytes: &'a [u8], number: u32) -> Option<ConversationRecord<'a>> {
        let count = self.ids.len() as usize;
        let number = number as usize;
        if number >= count {
            return None;
        }
        let entry = self.records.start + number * RECORD_LEN_BYTES;
        let first = self.records.start + count * RECORD_LEN_BYTES;
        let from = if number == 0 { 0 } else { place(bytes, entry - 8)? };
        let from = first.checked_add(from)?;
        let to = first.checked_add(place(bytes, entry + RECORD_LEN_BYTES - 8)?)?;
        let sealed = |at: usize| Some(Sealed { len: u32_at(bytes, at)?, check: u64_at(bytes, at + 4)? });
        let (root, registers) = (sealed(entry + 8)?, sealed(entry + 20)?);
        let record = bytes.get(..self.records.end)?.get(from..to)?;
        let history_at = self.histories.start.checked_add(u64_at(bytes, entry)?)?;
        let next = entry + RECORD_LEN_BYTES;
        let region_end = match number + 1 < count {
            true => self.histories.start.checked_add(u64_at(bytes, next)?)?,
            false => self.histories.end,
        };
        let registers_at = region_end.checked_sub(u64::from(registers.len))?;
        let sound = history_at <= registers_at && region_end <= self.histories.end;
        let offset = self.histories.end.saturating_add(from as u64);
        let history = history_at..registers_at;
        sound.then_some(ConversationRecord { bytes: record, offset, history, root, registers_at, registers })
    }

    pub(crate) fn profile<'a>(&self, bytes: &'a [u8], user: u32) -> Option<&'a [u8]> {
        let count = u32_at(bytes, self.profiles.start)? as usize;
        let entries = self.profiles.start + 4;
        let user_at = |index: usize| u32_at(bytes, entries + index * PROFILE_LEN_BYTES);
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if user_at(middle)? < user { low = middle + 1 } else { high = middle }
        }
        if low >= count || user_at(low)? != user {
            return None;
        }
        let end_at = entries + low * PROFILE_LEN_BYTES + 4;
        let first = entries + count * PROFILE_LEN_BYTES;
        let from = if low == 0 { 0 } else { place(bytes, end_at - PROFILE_LEN_BYTES)? };
        bytes
            .get(..self.profiles.end)?
            .get(first.checked_add(from)?..first.checked_add(place(bytes, end_at)?)?)
    }

    /// How many conversations are listed.
    pub(crate) fn listed(&self) -> usize {
        self.list.len() / RANK_LEN_BYTES
    }

    /// The order key and number of a row of the list.
    pub(crate) fn ranked(&self, bytes: &[u8], row: usize) -> Option<(u64, u32)> {
        let at = self.list.start.checked_add(row.checked_mul(RANK_LEN_BYTES)?)?;
        let bytes = bytes.get(..self.list.end)?;
        Some((u64_at(bytes, at)?, u32_at(bytes, at + 8)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[String]) -> (Vec<u8>, NameTable) {
        let mut out = Out::default();
        put_names(&mut out, names.iter().map(String::as_str));
        let table = NameTable::open(&out.0, 0..out.0.len(), |_| true).unwrap();
        (out.0, table)
    }

    #[test]
    fn names_are_found_both_ways_and_no_others_are() {
        for count in [0, 1, 2, 3, 100, 5_000] {
            let names: Vec<String> = (0..count).map(|n| format!("name{}", n * 7)).collect();
            let (bytes, table) = table(&names);
            for (number, name) in names.iter().enumerate() {
                assert_eq!(table.text(&bytes, number as u32), Some(name.as_str()));
                assert_eq!(table.find(&bytes, name), Some(number as u32));
            }
            assert_eq!(table.text(&bytes, count), None);
            assert!((0..500).all(|n| table.find(&bytes, &format!("other{n}")).is_none()));
        }
    }

    #[test]
    fn names_that_collide_are_found_where_they_always_were() {
        let names = (0u32..).map(|n| format!("{n:x}"));
        let names: Vec<String> =
            names.filter(|name| xxh3_64(name.as_bytes()) & 0x1ff == 500).take(200).collect();
        let (bytes, table) = table(&names);
        // Each in the next free slot, the first of all behind the last.
        for number in 0..200 {
            let at = table.slots_at + ((500 + number) % 512) * 4;
            assert_eq!(u32_at(&bytes, at), Some(number as u32 + 1));
        }
        for (number, name) in names.iter().enumerate() {
            assert_eq!(table.find(&bytes, name), Some(number as u32));
        }
        assert!(table.by_text.get().is_some() && table.find(&bytes, "no name").is_none());
    }

    #[test]
    fn a_table_whose_slots_lie_is_searched_to_an_end() {
        let (mut bytes, table) = table(&["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        for slot in 0..slots(3) {
            let at = table.slots_at + slot * 4;
            bytes[at..at + 4].copy_from_slice(&1u32.to_le_bytes());
        }
        assert_eq!((table.find(&bytes, "a"), table.find(&bytes, "b")), (Some(0), None));
    }
}
