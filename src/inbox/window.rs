//! What a bulk replay took in and has not folded yet, in the order it came.
//!
//! Writing here touches only the ends of a few arrays. The window is then taken apart by conversation, so that the
//! memory of a conversation is touched once a window and not once an event: with a hundred thousand conversations
//! hit at random that, not the fold, is what costs.

use super::arena::Entry;
use crate::event::Fact;
use crate::id::UserId;
use crate::time::Stamp;

/// How many messages and facts it holds at most …
const FULL_LEN: usize = 1 << 14;
/// … and how many bytes of content.
const FULL_LEN_BYTES: usize = 64 << 20;

/// A fact of a conversation, messages introduced apart.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) number: u32,
    pub(super) by: UserId,
    pub(super) stamp: Stamp,
    pub(super) fact: Fact,
}

/// Messages in a row that one conversation got, the content of each behind that of the one before.
#[derive(Clone, Copy, Debug)]
struct Run {
    number: u32,
    first: u32,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    /// Their contents lie in `bytes`.
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    /// Where the content of the last message ends.
    end: u32,
    runs: Vec<Run>,
    held: Vec<Held>,
}

/// All messages of one conversation in a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn<'w> {
    pub(super) number: u32,
    /// How many messages.
    pub(super) len: usize,
    window: &'w Window,
    /// Numbers of runs, in order of arrival.
    runs: &'w [u32],
}

impl Window {
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() + self.held.len() >= FULL_LEN || self.bytes.len() >= FULL_LEN_BYTES
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        self.runs.clear();
        self.held.clear();
    }

    /// Takes in a message of the conversation with this number; `put` appends its content, and `entry` need not
    /// say where that lies.
    #[inline]
    pub(super) fn push(&mut self, number: u32, entry: Entry, put: impl FnOnce(&mut Vec<u8>)) {
        // A content over 4 GiB cannot be kept; a log line of that size is refused long before.
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        put(&mut self.bytes);
        let len = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX).saturating_sub(offset);
        self.push_placed(number, Entry { offset, len, ..entry });
    }

    /// Takes in contents of messages that will be [placed](Window::push_placed); where they lie.
    pub(super) fn push_contents(&mut self, contents: &[u8]) -> u32 {
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(contents);
        offset
    }

    /// Takes in a message whose content is here.
    #[inline]
    pub(super) fn push_placed(&mut self, number: u32, entry: Entry) {
        if self.runs.last().is_none_or(|run| run.number != number) || self.end != entry.offset {
            self.runs.push(Run { number, first: self.entries.len() as u32 });
        }
        self.end = entry.offset.wrapping_add(entry.len);
        self.entries.push(entry);
    }

    /// Takes in a fact that names no message.
    pub(super) fn hold(&mut self, held: Held) {
        self.held.push(held);
    }

    /// The facts held, one conversation after the other, each in order of arrival.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        let mut turns: Vec<(u32, u32)> = self.held.iter().map(|held| held.number).zip(0..).collect();
        turns.sort_unstable();
        turns.into_iter().filter_map(|(_, at)| self.held.get(at as usize))
    }

    /// The numbers of the runs, one conversation after the other, each in order of arrival, where there are so many
    /// conversations.
    pub(super) fn order(&self, conversations: usize) -> Vec<u32> {
        let mut ends = vec![0u32; conversations + 1];
        for run in &self.runs {
            if let Some(end) = ends.get_mut(run.number as usize + 1) {
                *end += 1;
            }
        }
        let mut sum = 0;
        ends.iter_mut().for_each(|end| {
            sum += *end;
            *end = sum;
        });
        let mut order = vec![0; self.runs.len()];
        // Each begins where the one before it ends; what is placed moves that on to its own end.
        for (at, run) in (0u32..).zip(&self.runs) {
            if let Some(next) = ends.get_mut(run.number as usize)
                && let Some(place) = order.get_mut(*next as usize)
            {
                *place = at;
                *next += 1;
            }
        }
        order
    }

    /// The messages by conversation, in this [`Window::order`].
    pub(super) fn turns<'w>(&'w self, order: &'w [u32]) -> impl Iterator<Item = Turn<'w>> {
        let number = |run: &u32| self.runs.get(*run as usize).map_or(0, |run| run.number);
        order.chunk_by(move |a, b| number(a) == number(b)).map(move |runs| Turn {
            number: runs.first().map_or(0, number),
            len: runs.iter().map(|run| self.run(*run).len()).sum(),
            window: self,
            runs,
        })
    }

    fn run(&self, run: u32) -> &[Entry] {
        let at = run as usize;
        let end = self.runs.get(at + 1).map_or(self.entries.len(), |next| next.first as usize);
        self.runs.get(at).and_then(|run| self.entries.get(run.first as usize..end)).unwrap_or_default()
    }
}

impl<'w> Turn<'w> {
    /// Its messages in runs, in order of arrival.
    pub(super) fn runs(self) -> impl Iterator<Item = &'w [Entry]> {
        self.runs.iter().map(move |run| self.window.run(*run))
    }

    /// Where the contents of all messages lie.
    pub(super) fn bytes(&self) -> &'w [u8] {
        &self.window.bytes
    }
}
