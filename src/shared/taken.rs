//! Messages that a member's own facts take out of its numbers, and places that they name, where these are many: counted and
//! held by position, so that no row costs all that its member ever named (R125, R126).
//!
//! Everything here follows from the member's facts and the timeline. Whoever keeps it says which messages either of them
//! changed.

use rustc_hash::FxHashMap;

use crate::inbox::conversation::resolved::{Gives, Resolved};
use crate::inbox::conversation::row::Derived;
use crate::inbox::conversation::shared::Reads;
use crate::inbox::timeline::order::contribution::{Contribution, Sum};
use crate::inbox::timeline::order::range::Range;
use crate::shared::ranked::{Elements, Key, Ranked};

/// The list of messages that everybody knows.
pub(crate) const SHARED: u64 = 0;

/// The list of messages that are targeted at some.
pub(crate) const TARGETED: u64 = 1;

/// Where the messages stand that are taken out, and what each takes away, by slot of the timeline.
pub(crate) type Places = FxHashMap<u32, (Key, Contribution)>;

/// What reads and marks give, by slot of the message that they name.
type Gifts = FxHashMap<u32, Gives>;

impl Elements<u32> for &Places {
    fn key(&self, slot: u32) -> Key {
        self.get(&slot).map_or(Key::start_of(SHARED), |(key, _)| *key)
    }

    fn slot(&self, slot: u32) -> u32 {
        slot
    }

    fn contribution(&self, slot: u32) -> Contribution {
        self.get(&slot).map_or(Contribution::NONE, |(_, contribution)| *contribution)
    }
}

/// The messages of one conversation that its member named.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    places: Places,
    ranked: Ranked<u32>,
    /// By slot among the member's own facts.
    gives: Gifts,
    /// The marker, of which these are a part.
    derived: Derived,
}

impl Taken {
    /// These: by slot of the timeline where each stands and what it takes away, by slot among the member's own facts what
    /// reads and marks give that name it. Complexity: O(n log n).
    pub(crate) fn of(places: Places, reads: &Reads, gives: impl Iterator<Item = (u32, Gives)>) -> Self {
        let mut slots: Vec<u32> = places.keys().copied().collect();
        slots.sort_unstable_by_key(|slot| (&places).key(*slot));
        let ranked = Ranked::of(&slots, &&places);
        let mut taken = Self { places, ranked, gives: Gifts::default(), derived: Derived::default() };
        taken.derived.resolve(reads, Resolved::default());
        gives.for_each(|(slot, now)| taken.give(reads, slot, now));
        taken
    }

    /// Says where a message of the timeline stands now, and what it takes away. Complexity: O(log n).
    pub(crate) fn take(&mut self, slot: u32, now: Option<(Key, Contribution)>) {
        let before = self.places.get(&slot).copied();
        if before == now {
            return;
        }
        if let Some((key, contribution)) = before {
            self.ranked.remove(slot, key, &contribution, &&self.places);
            self.places.remove(&slot);
        }
        if let Some(now) = now {
            self.places.insert(slot, now);
            self.ranked.insert(slot, &&self.places);
        }
    }

    /// Says what reads and marks give now that name the message at a slot among the member's own facts. Complexity: O(log n).
    pub(crate) fn give(&mut self, reads: &Reads, slot: u32, now: Gives) {
        let before = self.gives.get(&slot).copied().unwrap_or_default();
        if before != now {
            self.derived.change(reads, slot, &before, &now);
            self.gives.insert(slot, now);
        }
    }

    /// Takes in the reads that name no message.
    pub(crate) fn read(&mut self, reads: &Reads) {
        self.derived.rebase(reads);
    }

    /// What is taken out of a range: of the messages that everybody knows, and of those targeted at some. Complexity: O(log n).
    pub(crate) fn within(&self, range: Range) -> [Sum; 2] {
        [SHARED, TARGETED].map(|list| self.ranked.sum_within(list, range, &&self.places))
    }

    /// The marker (R42), as a first field; -1 for none. Complexity: O(log² n).
    pub(crate) fn marker(&self) -> i64 {
        self.derived.marker()
    }
}
