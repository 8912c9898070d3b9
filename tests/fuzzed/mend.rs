//! Makes the checksums of a snapshot fit whatever it says: for tests and fuzzers that want to get past them.
//!
//! Written from `docs/FORMAT.md` and shares nothing with the library.

use xxhash_rust::xxh3::xxh3_64;

const TRAILER_LEN_BYTES: usize = 32;
const RECORD_LEN_BYTES: usize = 40;

#[derive(Clone, Copy)]
enum Kind {
    Timeline,
    Tray,
    Group,
    /// Chunk, bucket or block.
    Leaf,
}

/// Recomputes every checksum that can be found, innermost first, and the length of all.
pub fn mend(bytes: &mut [u8]) {
    let len = bytes.len() as u64;
    let _ = header(bytes);
    let Some(trailer) = bytes.len().checked_sub(TRAILER_LEN_BYTES) else { return };
    if let Some(front_at) = number(bytes, trailer, 8).filter(|at| *at <= trailer) {
        let _ = histories(bytes, front_at, trailer);
        let check = xxh3_64(&bytes[front_at..trailer]);
        put(bytes, trailer + 8, check);
    }
    put(bytes, trailer + 16, len);
    let check = xxh3_64(&bytes[trailer..trailer + 24]);
    put(bytes, trailer + 24, check);
}

/// Where the header ends, its checksum included.
fn header(bytes: &mut [u8]) -> Option<usize> {
    let end = number(bytes, 10, 4)?.checked_add(14)?;
    let check = xxh3_64(bytes.get(..end)?);
    put(bytes, end, check);
    Some(end + 8)
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let mut wide = [0; 8];
    wide[..width].copy_from_slice(bytes.get(at..at.checked_add(width)?)?);
    usize::try_from(u64::from_le_bytes(wide)).ok()
}

fn put(bytes: &mut [u8], at: usize, value: u64) {
    if let Some(place) = bytes.get_mut(at..at.saturating_add(8)) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

fn histories(bytes: &mut [u8], front_at: usize, trailer: usize) -> Option<()> {
    let first = number(bytes, 10, 4)?.checked_add(22)?;
    let lens: Vec<usize> = (0..3).filter_map(|table| number(bytes, front_at + table * 8, 8)).collect();
    let [users, ids, records] = lens[..] else { return None };
    let ids_at = front_at.checked_add(40)?.checked_add(users)?;
    let records_at = ids_at.checked_add(ids)?;
    if records_at.checked_add(records)? > trailer {
        return None;
    }
    let count = number(bytes, ids_at, 4)?.min(records / RECORD_LEN_BYTES);
    for index in 0..count {
        let entry = records_at + index * RECORD_LEN_BYTES;
        let from = first.checked_add(number(bytes, entry, 8)?)?;
        let to = match index + 1 < count {
            true => first.checked_add(number(bytes, entry + RECORD_LEN_BYTES, 8)?)?,
            false => front_at,
        };
        let (head_len, registers_len) = (number(bytes, entry + 8, 4)?, number(bytes, entry + 20, 4)?);
        let Some(registers_at) = to.checked_sub(registers_len) else { continue };
        if from > registers_at || to > front_at {
            continue;
        }
        let check = xxh3_64(&bytes[registers_at..to]);
        put(bytes, entry + 24, check);
        if let Some(check) = part(bytes, from, head_len, registers_at - from, Kind::Timeline) {
            put(bytes, entry + 12, check);
        }
    }
    Some(())
}

/// Mends the children of a part; its own checksum then.
fn part(bytes: &mut [u8], at: usize, head_len: usize, len: usize, kind: Kind) -> Option<u64> {
    let head_at = at.checked_add(len)?.checked_sub(head_len).filter(|head_at| *head_at >= at)?;
    let head = bytes.get(head_at..head_at + head_len)?.to_vec();
    let mut children = Children { bytes, head: &head, pos: 0, head_at, at };
    let _ = children.mend(kind);
    Some(xxh3_64(&bytes[head_at..head_at + head_len]))
}

struct Children<'a> {
    bytes: &'a mut [u8],
    head: &'a [u8],
    pos: usize,
    head_at: usize,
    /// Where the next child begins.
    at: usize,
}

impl Children<'_> {
    fn mend(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::Leaf => {}
            Kind::Tray => {
                while self.pos < self.head.len() {
                    self.child(Kind::Leaf)?;
                }
            }
            Kind::Group => {
                while self.pos < self.head.len() {
                    self.place()?;
                    self.child(Kind::Leaf)?;
                }
            }
            Kind::Timeline => {
                let chunks = self.uint()?;
                self.trays()?;
                self.child(Kind::Leaf)?;
                if chunks > 0 {
                    self.uint()?;
                    self.uint()?;
                    self.trays()?;
                }
                for _ in 0..self.uint()? {
                    self.uint()?;
                }
                for _ in 0..self.uint()? {
                    self.place()?;
                    self.child(Kind::Group)?;
                }
            }
        }
        Some(())
    }

    fn trays(&mut self) -> Option<()> {
        (0..self.uint()?).try_for_each(|_| self.child(Kind::Tray))
    }

    fn uint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.head.get(self.pos)?;
            self.pos += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Passes over a position and a sum.
    fn place(&mut self) -> Option<()> {
        self.uint()?;
        self.pos += 1;
        self.uint()?;
        self.pos += 16;
        (0..4).try_for_each(|_| self.uint().map(drop))?;
        self.pos += 8;
        self.uint().map(drop)
    }

    fn child(&mut self, kind: Kind) -> Option<()> {
        let head_len = usize::try_from(self.uint()?).ok()?;
        let len = usize::try_from(self.uint()?).ok()?;
        let check_at = self.pos;
        self.pos = self.pos.checked_add(8).filter(|pos| *pos <= self.head.len())?;
        let from = self.at;
        self.at = from.checked_add(len).filter(|end| *end <= self.head_at)?;
        let check = part(self.bytes, from, head_len, len, kind)?;
        put(self.bytes, self.head_at + check_at, check);
        Some(())
    }
}
