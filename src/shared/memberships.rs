//! What is one account's own of its conversations, folded from its personal stream.

use crate::inbox::Inbox;
use crate::inbox::MergeError;
use crate::model::event::{AccountFact, Body, Event, Fact, QuietHours};
use crate::model::id::{ConversationId, UserId};
use crate::model::policy::Policy;
use crate::shared::directory::Directory;
use crate::shared::member::Member;
use crate::shared::stream::{SharedId, is_of_a_device, is_shared};
use crate::shared::timeline::Timeline;

/// The personal facts of one account: how far it read, what it pinned, muted, deleted, its drafts, marks, folders and the
/// windows through which it sees shared histories. Folded from its personal stream; it holds no message of a shared one.
///
/// With a [`Timeline`] it gives a [`Member`], the account's view of that conversation. Cloning is O(1).
#[derive(Clone, Debug)]
pub struct Memberships {
    inbox: Inbox,
}

/// A policy that shared histories do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("own messages as reads are not known to shared histories")]
pub struct OwnMessagesRead;

impl Memberships {
    /// An account that did nothing yet.
    ///
    /// # Errors
    ///
    /// [`OwnMessagesRead`]: the policy takes own messages for reads (R39), which would make every member's marker depend on
    /// all it ever wrote.
    pub fn new(owner: UserId, policy: Policy) -> Result<Self, OwnMessagesRead> {
        Self::of(Inbox::new(owner, policy))
    }

    /// The same of an inbox that was folded from the personal stream alone, as one restored from a snapshot.
    ///
    /// # Errors
    ///
    /// [`OwnMessagesRead`]: as of [`Memberships::new`].
    pub fn of(inbox: Inbox) -> Result<Self, OwnMessagesRead> {
        if inbox.policy().own_message_reads { Err(OwnMessagesRead) } else { Ok(Self { inbox }) }
    }

    /// The account.
    pub fn owner(&self) -> &UserId {
        self.inbox.owner()
    }

    /// The inbox of the personal facts alone: what is kept as a snapshot, compared by digest, or joined. Its rows know nothing of
    /// shared messages.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Takes in an event of the personal stream. What is shared, or said by a device that is no server, says nothing here: see
    /// [`streams_of`](crate::shared::streams_of). Returns the conversation that it is about; `None` where it is about none, or
    /// about several.
    ///
    /// Complexity: O(log n).
    pub fn apply(&mut self, event: &Event) -> Option<ConversationId> {
        let about = match event.body() {
            Body::Account(
                AccountFact::UserProfileChanged { .. } | AccountFact::GroupProfileChanged { .. },
            ) => return None,
            Body::Account(_) => None,
            Body::Conversation(id, fact) => {
                if !is_personal(fact) {
                    return None;
                }
                Some(id.clone())
            }
        };
        self.inbox.apply(event);
        about
    }

    /// Joins what another copy of the account took in (R04).
    ///
    /// # Errors
    ///
    /// [`MergeError`]: it is of another account or policy, or a part of it is corrupt. Nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        self.inbox.merge(&other.inbox).map(drop)
    }

    /// The shared conversations that the account's own facts name, by id: those whose timelines its list is made of.
    pub fn conversations(&self) -> impl Iterator<Item = SharedId> {
        let ids = self.inbox.known_conversations().map(|view| view.id().clone());
        ids.map(|id| SharedId::of(self.owner(), &id))
    }

    /// The account's view of a shared conversation; `None` of a direct chat of others, and where a part of the timeline is
    /// corrupt.
    ///
    /// Complexity: O(log n) in the messages of the timeline; see [`Member`].
    pub fn member<'a>(&'a self, timeline: &'a Timeline, directory: &'a Directory) -> Option<Member<'a>> {
        Member::new(&self.inbox, timeline, directory)
    }

    /// The account's quiet hours, if any are set.
    pub fn quiet_hours(&self) -> Option<QuietHours> {
        self.inbox.quiet_hours()
    }
}

/// Whether a fact is one's own on a server.
fn is_personal(fact: &Fact) -> bool {
    match fact {
        Fact::Opened { group_type } => group_type.is_none(),
        fact => !is_shared(fact) && !is_of_a_device(fact),
    }
}
