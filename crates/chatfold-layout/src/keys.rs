//! Which segments hold an id or a command: a hash of it and the segment's number in one integer.
//!
//! ```text
//! 36 bits of hash | 28 bits of segment
//! ```
//!
//! Hashes may collide: what a key names is looked into before it counts, so a collision costs a look and nothing else.

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::StoredEvent;

/// The bits that name a segment.
pub const SEGMENT_BITS: u32 = 28;

/// No segment has a greater number: what would have one stays as rows.
pub const MAX_SEGMENT: i64 = (1 << SEGMENT_BITS) - 1;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The event of this id.
    Event(EventId),
    /// The events of this command.
    Command(CommandId),
}

/// Returns the key of what is wanted, without a segment. A store whose keys of all inboxes lie in one table gives the
/// number of the inbox, so that equal ids of two inboxes have other keys; any other gives 0.
pub fn key(inbox: i64, wanted: Wanted) -> i64 {
    let (kind, id) = match wanted {
        Wanted::Event(id) => (0_u128, *id.as_bytes()),
        Wanted::Command(id) => (1, *id.as_bytes()),
    };
    let mut hash = LogPrefix { hash: u128::from(inbox.cast_unsigned()) << 1 | kind, ..LogPrefix::EMPTY };
    hash.push(&id);
    // Truncation is meant: any bits of the hash do.
    (hash.hash as u64 >> SEGMENT_BITS << SEGMENT_BITS).cast_signed()
}

/// Returns the keys of the events of a segment and of their commands, in order, each once.
pub fn of_events(inbox: i64, segment: i64, events: &[StoredEvent]) -> Vec<i64> {
    let ids = events.iter().map(|event| event.id);
    of_ids(inbox, segment, ids, events.iter().filter_map(|event| event.command))
}

/// Returns the keys of ids and commands of a segment, in order, each once.
pub fn of_ids(
    inbox: i64,
    segment: i64,
    ids: impl Iterator<Item = EventId>,
    commands: impl Iterator<Item = CommandId>,
) -> Vec<i64> {
    let wanted = ids.map(Wanted::Event).chain(commands.map(Wanted::Command));
    let mut keys: Vec<_> = wanted.map(|wanted| key(inbox, wanted) | segment).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leaves_room_for_the_segment_and_tells_kinds_and_inboxes_apart() {
        let (id, command) = (EventId::from_bytes([7; 16]), CommandId::from_bytes([7; 16]));
        let keys = [
            key(1, Wanted::Event(id)),
            key(1, Wanted::Command(command)),
            key(2, Wanted::Event(id)),
            key(1, Wanted::Event(EventId::from_bytes([8; 16]))),
        ];
        for (n, one) in keys.iter().enumerate() {
            assert_eq!(one & MAX_SEGMENT, 0);
            assert!(keys.iter().skip(n + 1).all(|other| other != one));
            // A greater number of a segment never leaves the range of its hash.
            assert!(*one <= one | MAX_SEGMENT && (one | MAX_SEGMENT) >> SEGMENT_BITS == one >> SEGMENT_BITS);
        }
    }
}
