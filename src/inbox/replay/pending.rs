//! What a bulk replay took in and has not folded yet, in the order it came.
//!
//! Writing here touches only the ends of a few arrays. What is pending is then taken apart by conversation, so that the
//! memory of a conversation is touched once for some thousands of events and not once for each: with a hundred thousand conversations
//! hit at random that, not the fold, is what costs.

use crate::inbox::conversation::state::{Around, Conversation};
use crate::inbox::state::Inbox;
use crate::inbox::timeline::chunk::Contents;
use crate::inbox::timeline::entry::Entry;
use crate::model::event::Fact;
use crate::model::id::UserId;
use crate::model::time::Stamp;

/// How many messages and facts it holds at most …
const FULL_LEN: usize = 1 << 14;
/// … and how many bytes of content.
const FULL_LEN_BYTES: usize = 64 << 20;

/// A fact of a conversation, messages introduced apart.
#[derive(Debug)]
pub(crate) struct PendingFact {
    pub(crate) number: u32,
    pub(crate) by: UserId,
    pub(crate) stamp: Stamp,
    pub(crate) fact: Fact,
}

impl PendingFact {
    /// Folds it into its conversation, one of `inbox`.
    pub(crate) fn fold(&self, inbox: &mut Inbox, conversation: &mut Conversation) {
        let Inbox { owner, policy, users, .. } = inbox;
        let mut around =
            Around { owner, policy: *policy, users, number: self.number, cleared: None, trace: None };
        conversation.fold(&mut around, &self.by, self.stamp, &self.fact);
    }
}

/// The number of a conversation, and where in the order of arrival something of it stands, in one number: those are
/// sorted twice as fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrival(u64);

impl Arrival {
    pub(crate) fn number(self) -> u32 {
        (self.0 >> u32::BITS) as u32
    }

    pub(crate) fn at(self) -> usize {
        self.0 as u32 as usize
    }
}

/// What arrived for these conversations, one after the other, each in order of arrival. Complexity: O(n log n) in what
/// arrived, however many conversations there are.
pub(crate) fn by_conversation(numbers: impl Iterator<Item = u32>) -> Vec<Arrival> {
    let place = |(number, at): (u32, u32)| Arrival(u64::from(number) << u32::BITS | u64::from(at));
    let mut order: Vec<Arrival> = numbers.zip(0..).map(place).collect();
    if order.len() < DIGIT_LEN {
        order.sort_unstable();
        return order;
    }
    // Many are sorted faster by counting, digit after digit of their numbers from the lowest.
    let greatest = order.iter().map(|arrival| arrival.number()).max().unwrap_or_default();
    let mut sorted = order.clone();
    for shift in (0..u32::BITS - greatest.leading_zeros()).step_by(DIGIT_BITS as usize) {
        sort_by_digit(&order, &mut sorted, shift);
        std::mem::swap(&mut order, &mut sorted);
    }
    order
}

/// A digit of a number of a conversation: a thousand conversations take one, a million two.
const DIGIT_BITS: u32 = 10;
const DIGIT_LEN: usize = 1 << DIGIT_BITS;

/// Copies what arrived sorted by one digit, what is alike in it in the order in which it stands.
fn sort_by_digit(order: &[Arrival], sorted: &mut [Arrival], shift: u32) {
    let digit = |arrival: &Arrival| (arrival.number() >> shift) as usize % DIGIT_LEN;
    let mut places = [0u32; DIGIT_LEN];
    for arrival in order {
        if let Some(count) = places.get_mut(digit(arrival)) {
            *count += 1;
        }
    }
    let mut begin = 0;
    for place in &mut places {
        begin += std::mem::replace(place, begin);
    }
    for arrival in order {
        let Some(place) = places.get_mut(digit(arrival)) else { continue };
        if let Some(at) = sorted.get_mut(*place as usize) {
            *at = *arrival;
        }
        *place += 1;
    }
}

/// Messages in a row that one conversation got, the content of each behind that of the one before.
#[derive(Clone, Copy, Debug)]
struct Run {
    number: u32,
    first: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Their contents lie in `bytes`, or are lent when they are folded.
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    /// How many bytes of contents will be lent.
    lent: usize,
    /// Where the content of the last message ends.
    end: u32,
    runs: Vec<Run>,
    held: Vec<PendingFact>,
}

/// All messages of one conversation that is pending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn<'w> {
    pub(crate) number: u32,
    /// How many messages.
    pub(crate) len: usize,
    pending: &'w Pending,
    /// In order of arrival.
    runs: &'w [Arrival],
}

impl Pending {
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() + self.held.len() >= FULL_LEN || self.bytes.len() >= FULL_LEN_BYTES
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.lent = 0;
        self.runs.clear();
        self.held.clear();
    }

    /// Takes in a message of the conversation with this number; `put` appends its content, and `entry` need not
    /// say where that lies.
    #[inline]
    pub(crate) fn push(&mut self, number: u32, entry: Entry, put: impl FnOnce(&mut Vec<u8>)) {
        // A content over 4 GiB cannot be kept; a log line of that size is refused long before.
        let offset = self.end_of_contents();
        put(&mut self.bytes);
        let len = self.end_of_contents().saturating_sub(offset);
        self.push_placed(number, Entry { offset, len, ..entry });
    }

    /// Where the next content will lie.
    fn end_of_contents(&self) -> u32 {
        u32::try_from(Contents::base(self.lent) + self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// Takes in contents of messages that will be [placed](Pending::push_placed). Returns where they lie.
    #[cfg(feature = "binary")]
    pub(crate) fn push_contents(&mut self, contents: &[u8]) -> u32 {
        let offset = self.end_of_contents();
        self.bytes.extend_from_slice(contents);
        offset
    }

    /// Says that these contents will be lent when all is folded, at offset 0. Returns whether they may be: only the contents
    /// of one segment may, and before anything else.
    #[cfg(feature = "binary")]
    pub(crate) fn expect_contents(&mut self, contents: &[u8]) -> bool {
        let is_empty =
            self.entries.is_empty() && self.held.is_empty() && self.bytes.is_empty() && self.lent == 0;
        if is_empty {
            self.lent = contents.len();
        }
        is_empty
    }

    /// All contents, given those that are lent.
    pub(crate) fn contents<'w>(&'w self, lent: &'w [u8]) -> Contents<'w> {
        Contents { lent, copied: &self.bytes }
    }

    /// Takes in a message whose content is here.
    #[inline]
    pub(crate) fn push_placed(&mut self, number: u32, entry: Entry) {
        self.open_run(number, entry.offset).push(entry);
        self.end = entry.offset.wrapping_add(entry.len);
    }

    /// Where messages of a conversation are to be put whose contents are here, one behind the other from this offset.
    /// Then the run is to be [closed](Pending::close_run).
    #[inline]
    pub(crate) fn open_run(&mut self, number: u32, offset: u32) -> &mut Vec<Entry> {
        if self.runs.last().is_none_or(|run| run.number != number) || self.end != offset {
            self.runs.push(Run { number, first: self.entries.len() as u32 });
        }
        &mut self.entries
    }

    /// Notes where the contents end that were put. Returns how many messages are pending.
    #[cfg(feature = "binary")]
    #[inline]
    pub(crate) fn close_run(&mut self) -> usize {
        if let Some(entry) = self.entries.last() {
            self.end = entry.offset.wrapping_add(entry.len);
        }
        self.entries.len()
    }

    /// Takes in a fact that names no message.
    pub(crate) fn hold(&mut self, held: PendingFact) {
        self.held.push(held);
    }

    /// The facts held, one conversation after the other, each in order of arrival.
    pub(crate) fn held(&self) -> impl Iterator<Item = &PendingFact> {
        let order = by_conversation(self.held.iter().map(|held| held.number));
        order.into_iter().filter_map(|turn| self.held.get(turn.at()))
    }

    /// The runs, one conversation after the other, each in order of arrival.
    pub(crate) fn order(&self) -> Vec<Arrival> {
        by_conversation(self.runs.iter().map(|run| run.number))
    }

    /// The messages by conversation, in this [`Pending::order`].
    pub(crate) fn turns<'w>(&'w self, order: &'w [Arrival]) -> impl Iterator<Item = Turn<'w>> {
        order.chunk_by(|a, b| a.number() == b.number()).map(|runs| Turn {
            number: runs.first().map_or(0, |run| run.number()),
            len: runs.iter().map(|run| self.run(run.at()).len()).sum(),
            pending: self,
            runs,
        })
    }

    fn run(&self, at: usize) -> &[Entry] {
        let end = self.runs.get(at + 1).map_or(self.entries.len(), |next| next.first as usize);
        self.runs.get(at).and_then(|run| self.entries.get(run.first as usize..end)).unwrap_or_default()
    }
}

impl<'w> Turn<'w> {
    /// Its messages in runs, in order of arrival.
    pub(crate) fn runs(self) -> impl Iterator<Item = &'w [Entry]> {
        self.runs.iter().map(move |run| self.pending.run(run.at()))
    }
}
