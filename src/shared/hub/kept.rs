//! What connected accounts took out of their numbers, where that is much: kept, and carried over as it changes.

use rustc_hash::FxHashMap;

use crate::inbox::conversation::state::Conversation;
use crate::model::id::MessageId;
use crate::shared::row::Look;
use crate::shared::taken::Taken;

/// So many messages that a member named are looked at one by one; one in debug builds, so that random histories have more.
const FEW: usize = if cfg!(debug_assertions) { 1 } else { 64 };

/// What may be otherwise than before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Changed<'a> {
    /// Everything.
    All,
    /// These messages, and what does not depend on messages.
    Messages(&'a [MessageId]),
}

/// What one account took out, by the number of the conversation among its own facts.
#[derive(Debug, Default)]
pub(crate) struct Kept(FxHashMap<u32, Taken>);

/// Whether so many messages are named that they are kept.
pub(crate) fn are_many(look: &Look<'_>) -> bool {
    look.named().is_some_and(|own| own.arena.len() > FEW)
}

impl Kept {
    /// What was taken out of a conversation, after something changed; `None` where it is so little that it is not kept. Complexity: O(log n)
    /// for each message that changed; all that the account named there, where everything did.
    pub(crate) fn follow(&mut self, number: u32, look: &Look<'_>, changed: Changed<'_>) -> Option<&Taken> {
        let own = look.own.filter(|_| are_many(look))?;
        match (self.0.get_mut(&number), changed) {
            (Some(taken), Changed::Messages(ids)) => {
                taken.read(&own.reads);
                ids.iter().for_each(|id| follow_one(taken, look, own, *id));
            }
            _ => {
                let gives = own.facts().arena.iter().map(|(slot, _)| (slot, look.gives(slot)));
                let taken = Taken::of(look.all_taken().collect(), &own.reads, gives);
                self.0.insert(number, taken);
            }
        }
        self.0.get(&number)
    }
}

fn follow_one(taken: &mut Taken, look: &Look<'_>, own: &Conversation, id: MessageId) {
    let Some(named) = own.facts().slot(id) else { return };
    taken.give(&own.reads, named, look.gives(named));
    if let Some(slot) = look.facts.slot(id) {
        taken.take(slot, look.taken(slot));
    }
}
