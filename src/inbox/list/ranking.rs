//! The order of the list: a map from lower bounds to leaves of some dozens of rows.
//!
//! The first leaf is kept beside the map, because most changes concern rows at the top of the list. Pinned rows have a
//! first leaf and a map of their own, before the rest. A leaf of a restored inbox is decoded from the snapshot when it is
//! first read, so neither opening an inbox nor its first change costs the length of the list.

use std::ops::{Bound, Range};
use std::sync::{Arc, OnceLock};

use crate::inbox::containers::lazy::Source;
use crate::inbox::conversation::row::PINNED;
use crate::model::id::ConversationId;
use crate::model::impossible::impossible;

/// Rows of a leaf when it is made; at twice as many it is split.
const LEAF: usize = 64;

/// Where a conversation stands: order key descending, then id ascending (R50).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListKey {
    descending: u64,
    id: ConversationId,
}

impl ListKey {
    pub(crate) fn new(order_key: u64, id: ConversationId) -> Self {
        Self { descending: u64::MAX - order_key, id }
    }

    pub(crate) fn order_key(&self) -> u64 {
        u64::MAX - self.descending
    }

    pub(crate) fn id(&self) -> &ConversationId {
        &self.id
    }

    fn is_pinned(&self) -> bool {
        self.order_key() >= PINNED
    }

    /// The activity in it, in milliseconds.
    pub(crate) fn activity(&self) -> u64 {
        self.order_key() % PINNED
    }
}

/// A row: where it stands, and the number of its conversation.
type RankedRow = (ListKey, u32);
type RankedRows = Arc<Vec<RankedRow>>;

/// Some rows next to each other.
#[derive(Clone, Debug)]
struct Leaf {
    rows: OnceLock<RankedRows>,
    /// The snapshot and the rows, while nobody has looked.
    cold: Option<(Arc<Source>, Range<usize>)>,
}

impl Leaf {
    fn new(rows: Vec<RankedRow>) -> Self {
        Self { rows: OnceLock::from(Arc::new(rows)), cold: None }
    }

    fn rows(&self) -> &RankedRows {
        self.rows.get_or_init(|| {
            let cold = self.cold.iter();
            let rows = cold.flat_map(|(source, rows)| rows.clone().filter_map(|row| take_row(source, row)));
            Arc::new(rows.collect())
        })
    }

    fn rows_mut(&mut self) -> Option<&mut Vec<RankedRow>> {
        self.rows();
        self.cold = None;
        self.rows.get_mut().map(Arc::make_mut)
    }
}

fn take_row(source: &Source, row: usize) -> Option<RankedRow> {
    let (order_key, number) = source.tables().ranked(source.front(), row)?;
    let id = source.tables().ids.text(source.front(), number)?;
    Some((ListKey::new(order_key, ConversationId::parse(id).ok()?), number))
}

/// The listed conversations in list order. A clone is O(1), a change O(log n).
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranking(Arc<Sections>);

#[derive(Clone, Debug, Default)]
struct Sections {
    pinned: Section,
    rest: Section,
}

impl Sections {
    /// Where rows with this order key stand.
    fn of(&mut self, order_key: u64) -> &mut Section {
        if order_key >= PINNED { &mut self.pinned } else { &mut self.rest }
    }
}

impl Ranking {
    /// The ranking of rows in list order.
    pub(crate) fn of(mut rows: Vec<RankedRow>) -> Self {
        let rest = rows.split_off(rows.partition_point(|(key, _)| key.is_pinned()));
        Self(Arc::new(Sections { pinned: Section::of(&rows), rest: Section::of(&rest) }))
    }

    /// The list of a snapshot; `None` if it names what is not there.
    pub(crate) fn cold(source: &Arc<Source>) -> Option<Self> {
        let tables = source.tables();
        let (mut pinned, mut listed) = (0, tables.listed());
        while pinned < listed {
            let middle = pinned.midpoint(listed);
            match tables.ranked(source.front(), middle)? {
                (order_key, _) if order_key >= PINNED => pinned = middle + 1,
                _ => listed = middle,
            }
        }
        let listed = tables.listed();
        let (pinned, rest) = (Section::cold(source, 0..pinned)?, Section::cold(source, pinned..listed)?);
        Some(Self(Arc::new(Sections { pinned, rest })))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.pinned.len + self.0.rest.len
    }

    /// Moves the row of a conversation from the place of one order key to that of another; without one it is not
    /// listed.
    pub(crate) fn shift(&mut self, id: &ConversationId, number: u32, keys: (Option<u64>, Option<u64>)) {
        let (old, new) = keys;
        if old == new {
            return;
        }
        let sections = Arc::make_mut(&mut self.0);
        if let (Some(old), Some(new)) = keys
            && (old >= PINNED) == (new >= PINNED)
            && sections.of(old).shift_in_front(id, old, new).is_some()
        {
            return;
        }
        if let Some(old) = old {
            sections.of(old).remove(&ListKey::new(old, id.clone()));
        }
        if let Some(new) = new {
            sections.of(new).insert(ListKey::new(new, id.clone()), number);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RankedRow> {
        self.after(None)
    }

    /// The first of the pinned rows and the first of the others: the most recently active of each.
    pub(crate) fn firsts(&self) -> impl Iterator<Item = &RankedRow> {
        [&self.0.pinned, &self.0.rest].into_iter().filter_map(|section| section.after(None).next())
    }

    /// The rows after a place, or all. Complexity: O(log n) to find it.
    pub(crate) fn after<'a>(
        &'a self,
        key: Option<&ListKey>,
    ) -> impl Iterator<Item = &'a RankedRow> + use<'a> {
        let behind_pinned = key.filter(|key| !key.is_pinned());
        let pinned = behind_pinned.is_none().then(|| self.0.pinned.after(key));
        pinned.into_iter().flatten().chain(self.0.rest.after(behind_pinned))
    }
}

/// Rows all of which are pinned, or none.
#[derive(Clone, Debug)]
struct Section {
    front: FirstLeaf,
    /// Keyed by a lower bound: `previous leaf < key <= every row of this leaf`.
    leaves: im::OrdMap<ListKey, Leaf>,
    len: usize,
}

/// The first rows.
#[derive(Clone, Debug)]
struct FirstLeaf {
    leaf: Leaf,
    /// The least key of the other leaves: what is before it stands here.
    end: Option<ListKey>,
}

impl Default for Section {
    fn default() -> Self {
        Self::from_leaves(std::iter::empty(), 0)
    }
}

impl Section {
    fn of(rows: &[RankedRow]) -> Self {
        let leaf = |rows: &[RankedRow]| Some((rows.first()?.0.clone(), Leaf::new(rows.to_vec())));
        Self::from_leaves(rows.chunks(LEAF).filter_map(leaf), rows.len())
    }

    fn cold(source: &Arc<Source>, rows: Range<usize>) -> Option<Self> {
        let leaf = |first: usize| {
            let (key, _) = take_row(source, first)?;
            let rows = first..rows.end.min(first + LEAF);
            Some((key, Leaf { rows: OnceLock::new(), cold: Some((Arc::clone(source), rows)) }))
        };
        let leaves: Vec<_> = rows.clone().step_by(LEAF).map(leaf).collect::<Option<_>>()?;
        Some(Self::from_leaves(leaves.into_iter(), rows.len()))
    }

    fn from_leaves(mut leaves: impl Iterator<Item = (ListKey, Leaf)>, len: usize) -> Self {
        let leaf = leaves.next().map_or_else(|| Leaf::new(Vec::new()), |(_, leaf)| leaf);
        let mut leaves = leaves.peekable();
        let end = leaves.peek().map(|(least, _)| least.clone());
        Self { front: FirstLeaf { leaf, end }, leaves: leaves.collect(), len }
    }

    fn is_in_front(&self, key: &ListKey) -> bool {
        self.front.end.as_ref().is_none_or(|end| key < end)
    }

    /// The rows among which `key` stands or would stand, and the key of their leaf if that is not the front.
    fn rows_mut(&mut self, key: &ListKey) -> Option<(Option<ListKey>, &mut Vec<RankedRow>)> {
        if self.is_in_front(key) {
            return Some((None, self.front.leaf.rows_mut()?));
        }
        let least = self.leaves.get_prev(key)?.0.clone();
        let rows = self.leaves.get_mut(&least)?.rows_mut()?;
        Some((Some(least), rows))
    }

    /// Moves a row where both places are in the first leaf, as nearly always; `None`, and nothing was done, if not.
    fn shift_in_front(&mut self, id: &ConversationId, old: u64, new: u64) -> Option<()> {
        let before = |key: &ListKey, order_key: u64| (key.descending, &key.id) < (u64::MAX - order_key, id);
        let least = new.min(old);
        let end = self.front.end.as_ref();
        if end.is_some_and(|end| (end.descending, &end.id) <= (u64::MAX - least, id)) {
            return None;
        }
        let rows = self.front.leaf.rows_mut()?;
        let place = |rows: &[RankedRow], order_key| rows.partition_point(|(key, _)| before(key, order_key));
        // Most often it comes to the very top, or is there.
        let is_top =
            |rows: &[RankedRow], order_key| !rows.first().is_some_and(|(key, _)| before(key, order_key));
        let place =
            |rows: &[RankedRow], order_key| if is_top(rows, order_key) { 0 } else { place(rows, order_key) };
        let (from, to) = (place(rows, old), place(rows, new));
        rows.get(from).filter(|(key, _)| key.order_key() == old && key.id == *id)?;
        // What stands between the two moves up or down by one.
        let to = if to > from {
            rows.get_mut(from..to)?.rotate_left(1);
            to - 1
        } else {
            rows.get_mut(to..=from)?.rotate_right(1);
            to
        };
        rows.get_mut(to)?.0.descending = u64::MAX - new;
        Some(())
    }

    fn insert(&mut self, key: ListKey, number: u32) {
        let Some((_, rows)) = self.rows_mut(&key) else {
            impossible!("a row that is not in the first leaf has a leaf that begins before it");
            return;
        };
        let added = match rows.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(at) => {
                if let Some(row) = rows.get_mut(at) {
                    row.1 = number;
                }
                0
            }
            Err(at) => {
                rows.insert(at, (key, number));
                1
            }
        };
        let upper = if rows.len() > 2 * LEAF { rows.split_off(LEAF) } else { Vec::new() };
        self.len += added;
        if let Some((least, _)) = upper.first().cloned() {
            if self.is_in_front(&least) {
                self.front.end = Some(least.clone());
            }
            self.leaves.insert(least, Leaf::new(upper));
        }
    }

    fn remove(&mut self, key: &ListKey) {
        let Some((least, rows)) = self.rows_mut(key) else {
            impossible!("a row that is not in the first leaf has a leaf that begins before it");
            return;
        };
        let found = rows.binary_search_by(|(other, _)| other.cmp(key));
        if let Ok(at) = found {
            rows.remove(at);
        }
        let emptied = if rows.is_empty() { least } else { None };
        self.len -= usize::from(found.is_ok());
        if let Some(least) = emptied {
            self.leaves.remove(&least);
            if self.front.end.as_ref() == Some(&least) {
                self.front.end = self.leaves.get_min().map(|(least, _)| least.clone());
            }
        }
    }

    fn after<'a>(&'a self, key: Option<&ListKey>) -> impl Iterator<Item = &'a RankedRow> + use<'a> {
        let behind = key.filter(|key| !self.is_in_front(key)).and_then(|key| self.leaves.get_prev(key));
        let (first, from) = match behind {
            Some((least, leaf)) => (leaf, Bound::Excluded(least)),
            None => (&self.front.leaf, Bound::Unbounded),
        };
        let skipped = key.map_or(0, |key| first.rows().partition_point(|(other, _)| other <= key));
        let rest = self.leaves.range::<_, ListKey>((from, Bound::Unbounded));
        std::iter::once(first)
            .chain(rest.map(|(_, leaf)| leaf))
            .flat_map(|leaf| leaf.rows().iter())
            .skip(skipped)
    }
}

/// A place in the list: pages go on after it (R51).
///
/// It names the order key and the id of a row, not an index. Within one frozen copy, pages neither skip nor repeat a row; on
/// a live inbox a row that moves between two pages may be missed or come again, so page over a clone, which costs O(1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListCursor {
    /// The row's order key.
    pub order_key: u64,
    /// The row's conversation.
    pub id: ConversationId,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A ranking and a plain map, changed alike, hold the same rows in the same order.
    #[test]
    fn it_orders_as_a_plain_map_does() {
        let mut seed = 0x9e37_79b9_u64;
        let mut draw = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let id = |number: u64| format!("c2c_{number}").parse::<ConversationId>().unwrap();
        for start in [0, 1, 1_000] {
            // The order key of each row listed, and the list.
            let pin = |n: u64| if n.is_multiple_of(3) { PINNED } else { 0 };
            let mut keys: BTreeMap<u64, u64> = (0..start).map(|n| (n, n % 7 * 100 + pin(n))).collect();
            let key =
                |(number, order_key): (&u64, &u64)| (ListKey::new(*order_key, id(*number)), *number as u32);
            let mut map: BTreeMap<ListKey, u32> = keys.iter().map(key).collect();
            let mut ranking = Ranking::of(map.iter().map(|(key, number)| (key.clone(), *number)).collect());
            let mut highest = 1_000;
            for _ in 0..6_000 {
                let number = draw(300);
                let old = keys.remove(&number);
                let new = match draw(8) {
                    0 => None,
                    1 | 2 => Some(draw(9) + draw(2) * PINNED),
                    _ => {
                        highest += draw(2);
                        Some(highest + pin(draw(30)))
                    }
                };
                ranking.shift(&id(number), number as u32, (old, new));
                old.map(|old| map.remove(&ListKey::new(old, id(number))));
                if let Some(new) = new {
                    keys.insert(number, new);
                    map.insert(ListKey::new(new, id(number)), number as u32);
                }
                assert_eq!(ranking.len(), map.len());
                let at = ListKey::new(new.unwrap_or(draw(2) * PINNED), id(number));
                let after: Vec<_> = ranking.after(Some(&at)).take(3).cloned().collect();
                let expected = map.range((Bound::Excluded(&at), Bound::Unbounded)).take(3);
                assert_eq!(after, expected.map(|(k, n)| (k.clone(), *n)).collect::<Vec<_>>());
            }
            assert!(ranking.iter().map(|(key, number)| (key, number)).eq(map.iter()));
            keys.iter()
                .for_each(|(number, key)| ranking.shift(&id(*number), *number as u32, (Some(*key), None)));
            assert!(ranking.len() == 0 && ranking.iter().next().is_none());
            for section in [&ranking.0.pinned, &ranking.0.rest] {
                assert!(section.leaves.is_empty() && section.front.end.is_none());
            }
        }
    }
}
