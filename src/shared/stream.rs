//! Streams, and which of them an event goes to (R121, R122).

use std::fmt;
use std::str::FromStr;

use crate::model::event::{AccountFact, Body, Envelope, Event, Fact, Through};
use crate::model::id::{ConversationId, ConversationKind, DERIVED_EVENTS, EventId, GroupId, IdError, UserId};
use uuid::Uuid;

/// The name of a conversation that has a stream of its own: a group, or the two of a direct chat.
///
/// Ordered and compared as text. In the stream of a direct chat events name the conversation as the lesser of the two, by
/// bytes, sees it: `c2c_<greater>` (R122).
///
/// ```
/// use chatfold::shared::SharedId;
/// use chatfold::UserId;
/// let [alice, bob] = [UserId::parse("alice")?, UserId::parse("bob")?];
/// let chat = SharedId::direct(&bob, &alice);
/// assert_eq!(chat, SharedId::direct(&alice, &bob), "one stream for the pair");
/// assert_eq!(chat.conversation().as_str(), "c2c_bob");
/// assert_eq!(chat.as_seen_by(&bob).map(|id| id.to_string()).as_deref(), Some("c2c_alice"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedId {
    conversation: ConversationId,
    /// The one of a direct chat whom the conversation's id does not name.
    lesser: Option<UserId>,
}

impl SharedId {
    /// The conversation of a group.
    pub fn group(group: &GroupId) -> Self {
        Self { conversation: ConversationId::group(group), lesser: None }
    }

    /// The direct chat of two users; both may be one, who then is its only member.
    pub fn direct(one: &UserId, other: &UserId) -> Self {
        let (lesser, greater) = if one < other { (one, other) } else { (other, one) };
        Self { conversation: ConversationId::direct(greater), lesser: Some(lesser.clone()) }
    }

    /// What `owner` calls `conversation`.
    pub fn of(owner: &UserId, conversation: &ConversationId) -> Self {
        match conversation.peer() {
            Some(peer) => Self::direct(owner, &peer),
            None => Self { conversation: conversation.clone(), lesser: None },
        }
    }

    /// The conversation's id as events of its stream have it.
    pub fn conversation(&self) -> &ConversationId {
        &self.conversation
    }

    /// The conversation's id as a user sees it; `None` where it is a direct chat of others.
    pub fn as_seen_by(&self, user: &UserId) -> Option<ConversationId> {
        match &self.lesser {
            Some(lesser) if user.as_str() == self.conversation.target() => {
                Some(ConversationId::direct(lesser))
            }
            Some(lesser) if user != lesser => None,
            _ => Some(self.conversation.clone()),
        }
    }

    /// The two of a direct chat, the lesser first.
    pub fn pair(&self) -> Option<(UserId, UserId)> {
        Some((self.lesser.clone()?, self.conversation.peer()?))
    }

    /// Whether it is a direct chat and a user one of its two.
    pub(crate) fn is_of_pair(&self, user: &UserId) -> bool {
        let lesser = self.lesser.as_ref();
        lesser.is_some_and(|lesser| lesser == user || user.as_str() == self.conversation.target())
    }

    /// The one of a direct chat whom the conversation's id does not name.
    pub(crate) fn lesser(&self) -> Option<&UserId> {
        self.lesser.as_ref()
    }
}

/// What stands between the two of a direct chat in a stream's text: no id has it.
const BETWEEN: char = '\t';

impl fmt::Display for SharedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lesser {
            Some(lesser) => write!(f, "{}{BETWEEN}{lesser}", self.conversation),
            None => write!(f, "{}", self.conversation),
        }
    }
}

impl FromStr for SharedId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once(BETWEEN) {
            None => {
                let conversation = ConversationId::parse(text)?;
                match conversation.kind() {
                    ConversationKind::Group => Ok(Self { conversation, lesser: None }),
                    ConversationKind::Direct => Err(IdError::Empty),
                }
            }
            Some((conversation, lesser)) => {
                let (conversation, lesser) = (ConversationId::parse(conversation)?, UserId::parse(lesser)?);
                let pair = conversation.peer().map(|greater| Self::direct(&lesser, &greater));
                pair.filter(|pair| pair.conversation == conversation).ok_or(IdError::Prefix)
            }
        }
    }
}

/// A stream of events, by what it is of: no order between streams is needed (R03).
///
/// As text, for keys: `a:` and the user, `c:` and the conversation (of a direct chat, a tab and the other user behind it), or
/// `d`; at most 264 bytes.
///
/// ```
/// use chatfold::shared::{SharedId, StreamId};
/// use chatfold::{GroupId, UserId};
/// let group = StreamId::Conversation(SharedId::group(&GroupId::parse("team")?));
/// assert_eq!(group.to_string(), "c:group_team");
/// assert_eq!("c:group_team".parse(), Ok(group));
/// assert_eq!("a:alice".parse(), Ok(StreamId::Account(UserId::parse("alice")?)));
/// # Ok::<(), chatfold::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// What is one account's own.
    Account(UserId),
    /// What all members of a conversation share.
    Conversation(SharedId),
    /// The profiles of users and groups.
    Directory,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(user) => write!(f, "a:{user}"),
            Self::Conversation(id) => write!(f, "c:{id}"),
            Self::Directory => f.write_str("d"),
        }
    }
}

impl FromStr for StreamId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match (text.split_once(':'), text) {
            (Some(("a", user)), _) => UserId::parse(user).map(Self::Account),
            (Some(("c", id)), _) => id.parse().map(Self::Conversation),
            (_, "d") => Ok(Self::Directory),
            _ => Err(IdError::Prefix),
        }
    }
}

/// Why an event has no place in the streams of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unplaced {
    /// It is what a device knows before, or instead of, a server: a message queued, sent, failed or imported, or a report
    /// of messages that are not held.
    #[error("{type_name} is said by a device that is no server, and shared histories have none")]
    OfADevice {
        /// The event's type.
        type_name: &'static str,
    },
    /// It is another's own: a personal fact that its owner did not write.
    #[error("a personal event is its owner's own, and this one is by another")]
    OfAnother,
}

/// Whether members share what a fact says (R121).
pub(crate) fn is_shared(fact: &Fact) -> bool {
    match fact {
        Fact::Opened { .. }
        | Fact::MessageReceived(_)
        | Fact::MessageModified { .. }
        | Fact::MessageRecalled { .. }
        | Fact::MessageReadBy { .. }
        | Fact::PeerRead { .. }
        | Fact::ReactionSet { .. }
        | Fact::ExtensionSet { .. }
        | Fact::ExtensionsCleared { .. }
        | Fact::MessagePinned { .. }
        | Fact::MembershipSet { .. } => true,
        // No `_` here: whoever adds a type must say, or it would be lost between the streams.
        Fact::MessageQueued(_)
        | Fact::MessageSent { .. }
        | Fact::MessageFailed { .. }
        | Fact::MessageImported { .. }
        | Fact::MessagesDeleted { .. }
        | Fact::HistoryCleared { .. }
        | Fact::Read { .. }
        | Fact::MarkedUnreadFrom { .. }
        | Fact::Pinned { .. }
        | Fact::DraftSet { .. }
        | Fact::MarkSet { .. }
        | Fact::CustomDataSet { .. }
        | Fact::ReceiveOptionSet { .. }
        | Fact::MessagesRead { .. }
        | Fact::Archived { .. }
        | Fact::FolderMemberSet { .. }
        | Fact::Deleted { .. }
        | Fact::UnreadReported(_)
        | Fact::HistoryComplete { .. }
        | Fact::HistoryWindow { .. } => false,
    }
}

/// Whether only a device that is no server says such a thing.
pub(crate) fn is_of_a_device(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::MessageQueued(_)
            | Fact::MessageSent { .. }
            | Fact::MessageFailed { .. }
            | Fact::MessageImported { .. }
            | Fact::UnreadReported(_)
            | Fact::HistoryComplete { .. }
    )
}

/// The streams that an event goes to, and the event as each has it, given as the log of `owner` alone would have it (R121,
/// R122).
///
/// Nearly always it is one stream and the event itself. In a direct chat a shared event names the conversation as the lesser
/// of the two sees it, and the owner's read is also a fact that the other is shown, a `peer_read` whose id follows from the
/// read's; an opening that gives a group's type is shared, any other is the owner's own.
///
/// # Errors
///
/// [`Unplaced`]: it is of a device that is no server, or a personal event of another account.
///
/// ```
/// use chatfold::shared::{StreamId, streams_of};
/// use chatfold::event::{Through, Watermark};
/// use chatfold::{ConversationId, Envelope, EventId, Timestamp, UserId};
/// let [alice, bob] = [UserId::parse("alice")?, UserId::parse("bob")?];
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::from_millis(5_000)?, bob.clone());
/// let read = envelope.conversation_read(ConversationId::direct(&alice), Through::Watermark(Watermark::Time(Timestamp::EPOCH)))?;
/// let placed = streams_of(&bob, &read)?;
/// assert_eq!(placed[0], (StreamId::Account(bob), read));
/// assert_eq!(placed[1].0.to_string(), "c:c2c_bob\talice");
/// assert_eq!(placed[1].1.type_name(), "peer_read");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn streams_of(owner: &UserId, event: &Event) -> Result<Vec<(StreamId, Event)>, Unplaced> {
    let personal = || match event.by() == owner {
        true => Ok(vec![(StreamId::Account(owner.clone()), event.clone())]),
        false => Err(Unplaced::OfAnother),
    };
    let (id, fact) = match event.body() {
        Body::Account(AccountFact::UserProfileChanged { .. } | AccountFact::GroupProfileChanged { .. }) => {
            return Ok(vec![(StreamId::Directory, event.clone())]);
        }
        Body::Account(_) => return personal(),
        Body::Conversation(id, fact) => (id, fact),
    };
    let shared = SharedId::of(owner, id);
    if is_of_a_device(fact) {
        return Err(Unplaced::OfADevice { type_name: event.type_name() });
    }
    let placed = |event: Event| (StreamId::Conversation(shared.clone()), event);
    match fact {
        Fact::Opened { group_type: None } => personal(),
        Fact::Read { through } if shared.lesser.is_some() && id.target() != owner.as_str() => {
            let mut streams = personal()?;
            streams.extend(read_by(event, &shared, *through).map(placed));
            Ok(streams)
        }
        fact if is_shared(fact) => Ok(written(event, &shared).map(placed).into_iter().collect()),
        _ => personal(),
    }
}

/// The event as the stream of its conversation has it.
fn written(event: &Event, shared: &SharedId) -> Option<Event> {
    match event.body() {
        Body::Conversation(id, fact) if *id != shared.conversation => {
            let body = Body::Conversation(shared.conversation.clone(), fact.clone());
            Event::new(event.envelope().clone(), body).ok()
        }
        _ => Some(event.clone()),
    }
}

/// What the other of a direct chat is shown of a read.
fn read_by(event: &Event, shared: &SharedId, through: Through) -> Option<Event> {
    let mut envelope: Envelope = event.envelope().clone();
    let of = format!("\n{}\npeer_read\n{}", shared.conversation, envelope.id);
    envelope.id = EventId::from_bytes(Uuid::new_v5(&DERIVED_EVENTS, of.as_bytes()).into_bytes());
    envelope.peer_read(shared.conversation.clone(), through).ok()
}
