//! The rows of a view, in list order and counted.

use std::cmp::{Ordering, Reverse};

use crate::inbox::ListCursor;

/// How many rows a block holds before it is cut in two.
const BLOCK: usize = 256;

/// Rows in list order, in blocks: to find, put in or take out a row costs a block, and to tell its index a look at
/// the lengths of those before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// None is empty.
    blocks: Vec<Vec<ListCursor>>,
    len: usize,
}

/// Which of two rows stands first: order key descending, then id ascending (R50).
pub(crate) fn order(a: &ListCursor, b: &ListCursor) -> Ordering {
    (Reverse(a.order_key), &a.id).cmp(&(Reverse(b.order_key), &b.id))
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn last(&self) -> Option<&ListCursor> {
        self.blocks.last()?.last()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ListCursor> {
        self.blocks.iter().flatten()
    }

    /// Returns the rows from an index on.
    pub(crate) fn iter_from(&self, mut index: usize) -> impl Iterator<Item = &ListCursor> {
        let is_before = |block: &&Vec<ListCursor>| {
            let is_before = block.len() <= index;
            index -= if is_before { block.len() } else { 0 };
            is_before
        };
        let before = self.blocks.iter().take_while(is_before).count();
        self.blocks.iter().skip(before).flatten().skip(index)
    }

    /// The block a row is in or would be put into, and where in it.
    fn place(&self, row: &ListCursor) -> (usize, Result<usize, usize>) {
        let starts_after =
            |block: &Vec<ListCursor>| block.first().is_none_or(|first| order(first, row).is_gt());
        let block = self.blocks.partition_point(|block| !starts_after(block)).saturating_sub(1);
        let within = self.blocks.get(block).map_or(Err(0), |rows| rows.binary_search_by(|r| order(r, row)));
        (block, within)
    }

    fn index(&self, block: usize, within: usize) -> usize {
        self.blocks.iter().take(block).map(Vec::len).sum::<usize>() + within
    }

    pub(crate) fn contains(&self, row: &ListCursor) -> bool {
        self.place(row).1.is_ok()
    }

    /// The index of a row.
    pub(crate) fn find(&self, row: &ListCursor) -> Option<usize> {
        let (block, within) = self.place(row);
        Some(self.index(block, within.ok()?))
    }

    /// Puts in a row that is not there. Returns its index.
    pub(crate) fn insert(&mut self, row: ListCursor) -> usize {
        let (block, within) = self.place(&row);
        let (Ok(within) | Err(within)) = within;
        let index = self.index(block, within);
        match self.blocks.get_mut(block) {
            None => self.blocks.push(vec![row]),
            Some(rows) => {
                rows.insert(within, row);
                if rows.len() > BLOCK {
                    let half = rows.split_off(BLOCK / 2);
                    self.blocks.insert(block + 1, half);
                }
            }
        }
        self.len += 1;
        index
    }

    /// Takes out a row; the index it had.
    pub(crate) fn remove(&mut self, row: &ListCursor) -> Option<usize> {
        let (block, within) = self.place(row);
        let within = within.ok()?;
        let index = self.index(block, within);
        let rows = self.blocks.get_mut(block)?;
        rows.remove(within);
        if rows.is_empty() {
            self.blocks.remove(block);
        }
        self.len -= 1;
        Some(index)
    }

    /// Takes out the last row.
    pub(crate) fn pop(&mut self) -> Option<ListCursor> {
        let rows = self.blocks.last_mut()?;
        let row = rows.pop();
        if rows.is_empty() {
            self.blocks.pop();
        }
        self.len -= usize::from(row.is_some());
        row
    }
}

/// Rows in list order.
impl FromIterator<ListCursor> for Rows {
    fn from_iter<I: IntoIterator<Item = ListCursor>>(rows: I) -> Self {
        let mut made = Self::default();
        for row in rows {
            match made.blocks.last_mut() {
                Some(block) if block.len() < BLOCK / 2 => block.push(row),
                _ => made.blocks.push(vec![row]),
            }
            made.len += 1;
        }
        made
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::id::ConversationId;

    /// Thousands of rows put in, taken out and found, against a plain sorted vector.
    #[test]
    fn rows_are_a_sorted_vector() {
        let row = |n: u64| ListCursor {
            order_key: n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52,
            id: ConversationId::parse(&format!("c2c_{}", n % 1_500)).unwrap(),
        };
        let (mut rows, mut plain) = (Rows::default(), Vec::<ListCursor>::new());
        let mut longest = 0;
        for n in 0..12_000u64 {
            // Grows to thousands, then shrinks to nothing.
            let grows = if n < 6_000 { n % 4 != 3 } else { n % 4 == 3 };
            let row = row(n * n % 7_919);
            let at = plain.binary_search_by(|r| order(r, &row));
            assert_eq!(rows.find(&row), at.ok(), "{n}");
            assert_eq!(rows.contains(&row), at.is_ok());
            match at {
                Err(at) if grows => {
                    assert_eq!(rows.insert(row.clone()), at);
                    plain.insert(at, row);
                }
                Ok(at) => {
                    assert_eq!(rows.remove(&row), Some(at));
                    plain.remove(at);
                }
                Err(_) => assert_eq!(rows.pop(), plain.pop()),
            }
            assert_eq!((rows.len(), rows.last()), (plain.len(), plain.last()));
            longest = longest.max(rows.len());
            if n.is_multiple_of(500) {
                assert!(rows.iter().eq(&plain) && rows.blocks.iter().all(|block| !block.is_empty()));
                rows = plain.iter().cloned().collect();
            }
        }
        assert!(longest > 4 * BLOCK, "{longest} rows prove little");
        while let Some(row) = plain.pop() {
            assert_eq!(rows.pop(), Some(row));
        }
        assert!(rows.pop().is_none() && rows.len() == 0 && rows.blocks.is_empty());
    }
}
