//! What stands behind a fault of a binary log, and why it is believed.
//!
//! A damaged record holds bytes that a stranger chose: a message's payload may carry whole records whose checksums
//! fit, or heads that claim 64 MiB. So a record behind a fault is believed to be this log's only if
//!
//! 1. it begins where a record ends whose head is sound and stands where this log's next record stands: nobody who
//!    writes a message decides what stands there; or
//! 2. it follows the last record before the fault, by position and checksum; the checksum of the header does not
//!    count, because who knows the owner can compute it; or
//! 3. it belongs to the log's own continuation: an unbroken chain of records that ends with the last byte; or
//! 4. what lies between is one record of which only the head is damaged: with the head that it must have had, its
//!    checksum is the one that the record behind it names.
//!
//! Other whole records are **unproven**. They are counted, left where they are, and never called a torn tail.
//!
//! One budget holds for all faults of a log: eight times its length is hashed at most. A head is hashed only if the
//! record it claims fits into the log; what the budget does not reach counts as unproven.

use crate::log::binary::LogHead;
use crate::log::binary::frame::{
    self, CHECK_LEN_BYTES, Frame, HEAD_LEN_BYTES, MARK, MAX_PAYLOAD_LEN_BYTES, PACKED, RecordHead, number,
    record,
};

/// A record's bytes beside its payload.
const AROUND_LEN_BYTES: usize = HEAD_LEN_BYTES + CHECK_LEN_BYTES;

/// How many times the log's length is hashed at most.
const BUDGET_PER_BYTE: usize = 8;

/// The sound heads of a log from some place on, and what looking at them may still cost.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    bytes: &'a [u8],
    /// Where heads begin whose record fits into the log, ascending.
    heads: Vec<(usize, RecordHead)>,
    /// Where the chain begins that ends with the log's last byte; the log's end if there is none.
    last_chain: usize,
    budget: usize,
    take_unproven: bool,
}

/// What stands behind a fault.
#[derive(Debug)]
pub(crate) struct Behind {
    /// The next record that is believed, and where it begins.
    pub(crate) found: Option<(usize, Frame)>,
    /// How many whole records before it are not.
    pub(crate) unproven: u64,
}

/// Where this log's next record stands, as far as sound heads tell.
struct NextRecord {
    from: usize,
    state: LogHead,
    /// No sound head stands there.
    open: bool,
}

impl<'a> Scan<'a> {
    /// Looks for heads from `from` on. Complexity: O(bytes).
    pub(crate) fn new(bytes: &'a [u8], from: usize, take_unproven: bool) -> Self {
        let mut heads = Vec::new();
        let mut at = from;
        while let Some(rest) = bytes.get(at..) {
            let Some(next) = rest.windows(MARK.len()).position(|window| window == MARK) else { break };
            at += next;
            if let Some(Ok(head)) = bytes.get(at..).map(RecordHead::read)
                && end_of(at, &head) <= bytes.len()
            {
                heads.push((at, head));
            }
            at += 1;
        }
        let budget = bytes.len().saturating_mul(BUDGET_PER_BYTE);
        let mut scan = Self { bytes, heads, last_chain: bytes.len(), budget, take_unproven };
        scan.last_chain = scan.walk_back();
        scan
    }

    /// Where the unbroken chain of records that ends with the last byte begins.
    fn walk_back(&mut self) -> usize {
        let mut by_end: Vec<(usize, usize)> =
            self.heads.iter().enumerate().map(|(index, (at, head))| (end_of(*at, head), index)).collect();
        by_end.sort_unstable();
        let (mut begin, mut behind) = (self.bytes.len(), None::<RecordHead>);
        'back: loop {
            let first = by_end.partition_point(|(end, _)| *end < begin);
            let ending = by_end.get(first..).unwrap_or_default();
            for (_, index) in ending.iter().take_while(|(end, _)| *end == begin) {
                let Some((at, head)) = self.heads.get(*index).copied() else { continue };
                let leads = behind.is_none_or(|behind| {
                    frame::check_before(self.bytes, begin) == Some(behind.previous)
                        && head.position + u64::from(head.events) == behind.position
                });
                if leads && self.valid(at, &head).is_some_and(|frame| frame.is_some()) {
                    (begin, behind) = (at, Some(head));
                    continue 'back;
                }
            }
            return begin;
        }
    }

    /// Where a log without a header begins: with the chain that ends with its last byte; or, if nothing but unproven
    /// records stand in it, at its first byte.
    pub(crate) fn begin(&self) -> usize {
        if self.last_chain < self.bytes.len() || self.heads.is_empty() { self.last_chain } else { 0 }
    }

    /// The record there, if its checksum fits; `None` where the budget is used up.
    fn valid(&mut self, at: usize, head: &RecordHead) -> Option<Option<Frame>> {
        self.budget = self.budget.checked_sub(head.len as usize + AROUND_LEN_BYTES)?;
        Some(record(self.bytes, at).ok())
    }

    /// What stands behind the fault at `at`, where the record that follows `state` should begin.
    pub(crate) fn behind(&mut self, at: usize, state: LogHead) -> Behind {
        let mut place = NextRecord { from: at, state, open: true };
        let mut unproven = 0;
        if let Some(found) = self.along(&mut place) {
            return Behind { found: Some(found), unproven };
        }
        let mut next = self.heads.partition_point(|(head_at, _)| *head_at <= at);
        while let Some((x, head)) = self.heads.get(next).copied() {
            next += 1;
            let follows = state.events > 0 && (head.position, head.previous) == (state.events, state.check);
            let is_last_chain = x == self.last_chain;
            if is_last_chain || follows {
                if let Ok(frame) = record(self.bytes, x) {
                    return Behind { found: Some((x, frame)), unproven };
                }
                continue;
            }
            // Within a damaged record whose end is known, and into what is proven, nothing else is this log's.
            let into_chain = x < self.last_chain && end_of(x, &head) > self.last_chain;
            if x < place.from || into_chain {
                continue;
            }
            if place.open && self.is_bridged(&place, x, &head) {
                if let Ok(frame) = record(self.bytes, x) {
                    return Behind { found: Some((x, frame)), unproven };
                }
                (place.from, place.open) = (x, true);
                if let Some(found) = self.along(&mut place) {
                    return Behind { found: Some(found), unproven };
                }
                continue;
            }
            match self.valid(x, &head) {
                Some(Some(frame)) if self.take_unproven => {
                    return Behind { found: Some((x, frame)), unproven };
                }
                Some(Some(frame)) => {
                    unproven += 1;
                    // What is within it is not counted again; the last chain begins within no valid record.
                    let end = frame.end.min(self.last_chain.max(x + 1));
                    next = next.max(self.heads.partition_point(|(head_at, _)| *head_at < end));
                }
                Some(None) => {}
                None => unproven += 1,
            }
        }
        Behind { found: None, unproven }
    }

    /// Goes from damaged record to damaged record as long as their heads are sound. Returns the valid record behind them.
    fn along(&self, place: &mut NextRecord) -> Option<(usize, Frame)> {
        while let Some(head) = self.bytes.get(place.from..).and_then(|rest| RecordHead::read(rest).ok()) {
            let end = end_of(place.from, &head);
            place.open = false;
            if end > self.bytes.len() {
                // Torn: all that is there is within it.
                place.from = usize::MAX;
                return None;
            }
            if place.from < self.last_chain && self.last_chain < end {
                return None;
            }
            if let Ok(frame) = record(self.bytes, end) {
                return Some((end, frame));
            }
            let check = frame::check_before(self.bytes, end).unwrap_or_default();
            let events = head.position + u64::from(head.events);
            *place = NextRecord { from: end, state: LogHead { events, check }, open: true };
        }
        None
    }

    /// Whether what lies between is one record of which only the head is damaged.
    fn is_bridged(&mut self, place: &NextRecord, to: usize, next: &RecordHead) -> bool {
        let len = to.checked_sub(place.from + AROUND_LEN_BYTES).filter(|len| *len <= MAX_PAYLOAD_LEN_BYTES);
        let events = next.position.checked_sub(place.state.events).and_then(|n| u32::try_from(n).ok());
        let (Some(len), Some(events)) = (len, events) else { return false };
        if number(self.bytes, to - CHECK_LEN_BYTES) != Some(next.previous) {
            return false;
        }
        let payload = self.bytes.get(place.from + HEAD_LEN_BYTES..to - CHECK_LEN_BYTES).unwrap_or_default();
        let Ok(len) = u32::try_from(len) else { return false };
        [0, PACKED].into_iter().any(|flags| {
            let Some(budget) = self.budget.checked_sub(payload.len() + AROUND_LEN_BYTES) else {
                return false;
            };
            self.budget = budget;
            let LogHead { events: position, check: previous } = place.state;
            // All records of a log are of one kind.
            let head = RecordHead { kind: next.kind, flags, len, events, position, previous };
            frame::check_of(&head, payload) == next.previous
        })
    }
}

/// Where the record ends whose head stands at `at`.
fn end_of(at: usize, head: &RecordHead) -> usize {
    at.saturating_add(head.len as usize + AROUND_LEN_BYTES)
}
