//! Which of a server's streams an event goes to (R121, R122).

use crate::model::event::{AccountFact, Body, Envelope, Event, Fact, Through};
use crate::model::id::{DERIVED_EVENTS, EventId, UserId};
use crate::model::stream::{SharedId, StreamId};
use uuid::Uuid;

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
        Fact::Read { through } if shared.lesser().is_some() && id.target() != owner.as_str() => {
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
        Body::Conversation(id, fact) if id != shared.conversation() => {
            let body = Body::Conversation(shared.conversation().clone(), fact.clone());
            Event::new(event.envelope().clone(), body).ok()
        }
        _ => Some(event.clone()),
    }
}

/// What the other of a direct chat is shown of a read.
fn read_by(event: &Event, shared: &SharedId, through: Through) -> Option<Event> {
    let mut envelope: Envelope = event.envelope().clone();
    let of = format!("\n{}\npeer_read\n{}", shared.conversation(), envelope.id);
    envelope.id = EventId::from_bytes(Uuid::new_v5(&DERIVED_EVENTS, of.as_bytes()).into_bytes());
    envelope.peer_read(shared.conversation().clone(), through).ok()
}
