//! What is one account's own of its conversations, folded from its personal stream.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::inbox::Inbox;
use crate::inbox::MergeError;
use crate::inbox::effects::names;
use crate::inbox::timeline::entry::timestamp;
use crate::model::change::{Attribute, Attributes, FolderChange};
use crate::model::event::{AccountFact, Body, Event, Fact, QuietHours, Watermark};
use crate::model::id::{ConversationId, ConversationKind, MessageId, UserId};
use crate::model::policy::Policy;
use crate::model::stream::SharedId;
use crate::shared::directory::Directory;
use crate::shared::member::Member;
use crate::shared::stream::{is_of_a_device, is_shared};
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
    /// [`streams_of`](crate::shared::streams_of).
    ///
    /// Complexity: O(log n).
    pub fn apply(&mut self, event: &Event) {
        if is_taken(event) {
            self.inbox.apply(event);
        }
    }

    /// The same of several, given in one go; returns what they changed.
    pub(crate) fn take_in(&mut self, events: &[Event]) -> PersonalChange {
        let told = match events {
            [event] if is_taken(event) => self.inbox.apply(event),
            _ => self.inbox.apply_batch(events.iter().filter(|event| is_taken(event))),
        };
        let own: Attributes = OWN.into_iter().collect();
        let mut conversations: BTreeMap<ConversationId, OwnChange> = BTreeMap::new();
        for event in events.iter().filter(|event| is_taken(event)) {
            if let Body::Conversation(id, fact) = event.body() {
                let change = conversations.entry(id.clone()).or_default();
                change.messages.extend_from_slice(names(fact));
                change.windows |= matches!(fact, Fact::HistoryWindow { .. });
            }
        }
        for change in &told.conversations {
            let attributes = change.attributes.and(own);
            conversations.entry(change.id.clone()).or_default().attributes = attributes;
        }
        PersonalChange { conversations, folders: told.folders, quiet_hours: told.quiet_hours }
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

    /// The windows through which the account sees a conversation (R123), as its stream names them, ascending: behind the first
    /// place and, where it is closed, up to the second. Without one it sees all of the conversation.
    pub fn windows(&self, conversation: &ConversationId) -> Vec<(Watermark, Option<Watermark>)> {
        let number = self.inbox.number_of(conversation);
        let Some(own) = number.and_then(|number| self.inbox.numbered(number)) else { return Vec::new() };
        let place = |first: i64| match conversation.kind() {
            ConversationKind::Group => Watermark::Seq(first.max(0).unsigned_abs()),
            ConversationKind::Direct => Watermark::Time(timestamp(first)),
        };
        let windows = own.personal.windows.iter();
        windows.map(|(after, through)| (place(after), through.get().copied().flatten().map(place))).collect()
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

/// What shows of a conversation by personal facts alone, whatever the timeline says.
const OWN: [Attribute; 7] = [
    Attribute::ReceiveOption,
    Attribute::Draft,
    Attribute::Pinned,
    Attribute::Marks,
    Attribute::CustomData,
    Attribute::Folders,
    Attribute::History,
];

/// What events of the personal stream changed of a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnChange {
    /// What of the personal attributes.
    pub(crate) attributes: Attributes,
    /// The messages that they name.
    pub(crate) messages: SmallVec<[MessageId; 1]>,
    /// Whether other parts of the history may be seen since.
    pub(crate) windows: bool,
}

/// What events of the personal stream changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct PersonalChange {
    /// The conversations whose rows it may concern.
    pub(crate) conversations: BTreeMap<ConversationId, OwnChange>,
    pub(crate) folders: Vec<FolderChange>,
    pub(crate) quiet_hours: bool,
}

/// Whether an event says something of one's own on a server.
fn is_taken(event: &Event) -> bool {
    match event.body() {
        Body::Account(AccountFact::UserProfileChanged { .. } | AccountFact::GroupProfileChanged { .. }) => {
            false
        }
        Body::Account(_) => true,
        Body::Conversation(_, Fact::Opened { group_type }) => group_type.is_none(),
        Body::Conversation(_, fact) => !is_shared(fact) && !is_of_a_device(fact),
    }
}
