//! What the stretches of a log have of a conversation, until it is finished.

use std::ops::Range;
use std::sync::Arc;

use crate::inbox::containers::interner::Interner;
use crate::inbox::containers::lazy::Lazy;
use crate::inbox::containers::paged::PagedVec;
use crate::inbox::conversation::state::Conversation;
use crate::inbox::replay::pending::PendingFact;
use crate::inbox::timeline::arena::Arena;
use crate::inbox::timeline::chunk::{CHUNK, Chunk, Contents};
use crate::inbox::timeline::facts::hash_ids;
use crate::model::id::UserId;

/// What one stretch of a log has of a conversation, facts that wait apart.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) tail: Chunk,
    /// The numbers that its users have where the piece came to; `None` where they are its own.
    pub(crate) users: Option<Arc<[u32]>>,
}

/// Facts that name messages of the conversations of one stretch, of which a part has some.
#[derive(Debug)]
pub(crate) struct Dealt {
    pub(crate) held: Arc<Vec<PendingFact>>,
    /// By the number of a conversation in its stretch, where it went.
    pub(crate) destinations: Arc<Vec<Destination>>,
    pub(crate) part: usize,
}

impl Dealt {
    /// Those of the part, with the number of their conversation there.
    pub(crate) fn held(&self) -> impl Iterator<Item = (u32, &PendingFact)> {
        self.held.iter().filter_map(|held| {
            let destination = self.destinations.get(held.number as usize)?;
            (destination.part == self.part).then_some((destination.number, held))
        })
    }
}

/// Not given yet.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// Where a conversation goes: to which part, and its number there once it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) part: usize,
    pub(crate) number: u32,
}

impl Piece {
    /// The same, users numbered as where it came to.
    pub(crate) fn renumbered(mut self) -> Self {
        if let Some(users) = self.users.take() {
            let number = |user: u32| users.get(user as usize).copied().unwrap_or(user);
            self.tail.entries.renumber(&number);
            Arc::make_mut(&mut self.conversation).renumber(&number);
        }
        self
    }
}

impl Conversation {
    /// Puts behind its messages those that other stretches have of it, all of them not finished, and indexes all of
    /// them. Returns in which runs of slots they stand, if their stretches are taken one after the other.
    pub(crate) fn append_pieces(
        &mut self,
        pieces: impl Iterator<Item = Piece>,
        users: &Interner<UserId>,
    ) -> Vec<Range<u32>> {
        let mut others = Vec::new();
        for mut piece in pieces {
            // Nothing names a message yet.
            self.join_registers(&piece.conversation, |slot| slot);
            if let Some(timeline) = Arc::make_mut(&mut piece.conversation).timeline.get_mut() {
                others.push((std::mem::take(&mut timeline.facts.arena.full), piece.tail, piece.users));
            }
        }
        let Some(timeline) = self.timeline.get_mut() else { return Vec::new() };
        let (runs, hashes) = timeline.facts.arena.append(others);
        timeline.facts.build_index_of(&hashes, users);
        runs
    }
}

/// Chunks that are full, the one being filled, and which numbers their authors have now.
pub(crate) type Chunks = (PagedVec<Chunk>, Chunk, Option<Arc<[u32]>>);

impl Arena {
    /// Puts behind its chunks those of others. The full ones go first, so that only what the last of each has is
    /// copied. Returns in which runs of slots the entries stand in the order in which they came, and the hashes of their ids by
    /// slot.
    fn append(&mut self, others: Vec<Chunks>) -> (Vec<Range<u32>>, Vec<u32>) {
        let slots = |chunks: usize| (chunks * CHUNK) as u32;
        let mut full: Vec<Range<u32>> = std::iter::once(0..slots(self.full.len())).collect();
        let mut tails = vec![self.tail.get_mut().map(std::mem::take).unwrap_or_default()];
        let chunks = self.full.len() + others.iter().map(|(full, ..)| full.len() + 1).sum::<usize>();
        let mut hashes = Vec::with_capacity((chunks + 1) * CHUNK);
        self.full.iter().for_each(|chunk| hash_ids(&chunk.entries, &mut hashes));
        for (mut chunks, mut tail, users) in others {
            let renumber = |chunk: &mut Chunk| {
                if let Some(users) = &users {
                    chunk.entries.renumber(&|user| users.get(user as usize).copied().unwrap_or(user));
                }
            };
            for at in 0..chunks.len() {
                // Both at once: a long history does not fit into the processor's caches.
                if let Some(chunk) = chunks.get_mut(at) {
                    renumber(chunk);
                    hash_ids(&chunk.entries, &mut hashes);
                }
            }
            renumber(&mut tail);
            let from = slots(self.full.len());
            self.full.append(chunks);
            full.push(from..slots(self.full.len()));
            tails.push(tail);
        }
        let mut runs = Vec::new();
        let mut at = slots(self.full.len());
        let mut last = Chunk::default();
        for (full, tail) in full.into_iter().zip(tails) {
            let from = at;
            at += tail.entries.len() as u32;
            runs.extend([full, from..at].into_iter().filter(|run| !run.is_empty()));
            hash_ids(&tail.entries, &mut hashes);
            self.add_tail(&mut last, tail);
        }
        self.tail = Lazy::new(last);
        (runs, hashes)
    }

    fn add_tail(&mut self, last: &mut Chunk, mut tail: Chunk) {
        if last.entries.len() == 0 {
            *last = tail;
            return;
        }
        let mut entries = tail.entries.open().as_slice();
        while !entries.is_empty() {
            if last.is_full() {
                let next = last.successor();
                self.full.push(Lazy::new(std::mem::replace(last, next)));
            }
            last.reserve(entries.len());
            entries = last.extend(entries, Contents::of(tail.bytes.whole()));
        }
    }
}
