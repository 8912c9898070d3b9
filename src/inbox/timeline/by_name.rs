//! What names single messages and decides whether they count: reads by name, deletions, clearings, recalls.

use crate::inbox::timeline::entry::bits;
use crate::inbox::timeline::facts::Facts;
use crate::model::time::Stamp;
use crate::register::lattice::Lww;

impl Facts {
    /// Joins what was said of whether a message is read by name (R59).
    pub(crate) fn join_named_read(&mut self, slot: u32, said: &Lww<bool>) {
        let on = self.arena.join_named_read(slot, said);
        let read = if on { bits::READ } else { 0 };
        self.put_bits(slot, bits::READ_SAID | bits::READ, bits::READ_SAID | read);
    }

    /// The message was put away, in the ways that these bits say.
    pub(crate) fn put_away(&mut self, slot: u32, stamp: Stamp, bits: u32) {
        // Looked at once: in a long history an entry has to be unpacked.
        let before = self.arena.get(slot).map_or(0, |entry| entry.bits);
        self.arena.put_away(slot, stamp, before & bits::PUT_AWAY != 0);
        if before & bits != bits {
            self.arena.update(slot, |entry| entry.bits |= bits);
        }
    }

    /// The earliest recall or putting away of a message, known or not.
    pub(crate) fn removed_at(&self, slot: u32) -> Option<Stamp> {
        let put_away = self.arena.put_away_at(slot);
        put_away.into_iter().chain(self.recall_at(slot)).min()
    }

    fn recall_at(&self, slot: u32) -> Option<Stamp> {
        Some(self.aside(slot)?.recall.as_deref()?.entry()?.0)
    }
}
