//! Joining the registers of two conversations (R04).

use crate::inbox::conversation::state::{Conversation, raise_stamp};
use crate::register::lattice::{Join, raise};

impl Conversation {
    /// Joins everything but messages, whose slots `ours` maps to ours.
    pub(crate) fn join_registers(&mut self, theirs: &Self, ours: impl Fn(u32) -> u32) {
        self.reads.own.join(&theirs.reads.own);
        raise(&mut self.reads.peer, theirs.reads.peer);
        if let Some(theirs) = theirs.personal.written() {
            self.personal.join(theirs);
            for (slot, stamp) in &theirs.named_reads {
                raise_stamp(&mut self.personal.named_reads, ours(*slot), *stamp);
            }
            for (slot, stamp) in &theirs.unread_marks {
                raise_stamp(&mut self.personal.unread_marks, ours(*slot), *stamp);
            }
        }
        if let Some(theirs) = theirs.shared.written() {
            self.shared.named_peer_reads.extend(theirs.named_peer_reads.iter().map(|slot| ours(*slot)));
            self.shared.group_type.join(&theirs.group_type);
            self.shared.name.join(&theirs.name);
            self.shared.face_url.join(&theirs.face_url);
        }
    }
}
