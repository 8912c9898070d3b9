//! What is to be written to a conversation's stream, and how it becomes events.

use chatfold::event::{Body, Membership};
use chatfold::shared::{SharedId, Timeline};
use chatfold::snapshot::LogPrefix;
use chatfold::{Command, Context, Envelope, Event, EventId, Message, Timestamp, UserId, decide};

use super::error::SharedError;
use super::line::Reached;

/// What came of something that was written to a conversation's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The position of its first event in the stream; 0 where nothing had to be written.
    pub position: u64,
    /// The seq of the message, of a message.
    pub seq: Option<u64>,
    /// The greatest seq in the stream at that position.
    pub reached: u64,
    /// The instant of its first event, if there is one.
    pub at: Option<Timestamp>,
    /// It had been written before, and nothing was written now.
    pub repeated: bool,
}

/// Something to be written.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// A message, known by its id.
    Send { by: UserId, at: Timestamp, message: Box<Message> },
    /// Events about things that have nothing to do with one another, each known by its id.
    Events(Vec<Event>),
    /// That a user is a member from now on; true already of one who is.
    Join { user: UserId, joined: Box<Event> },
    /// A command about what all share, known by the seed of its context.
    Judge(Box<(Command, Context)>),
}

impl Wish {
    /// The events that it comes to, on a timeline and what it has reached. None: it is true already.
    pub(crate) fn events(&self, timeline: &Timeline, reached: &Reached) -> Result<Vec<Event>, SharedError> {
        let id = timeline.id();
        match self {
            Self::Send { by, at, message } => {
                may_write(timeline, by)?;
                // In a direct chat instants are places, so no two messages have one.
                let least = reached.at_ms + i64::from(id.pair().is_some());
                let envelope = Envelope::new(introduction_of(message), no_earlier(*at, least), by.clone());
                let message = Message::clone(message).with_seq(reached.seq + 1);
                Ok(vec![envelope.message_received(id.conversation().clone(), message)?])
            }
            // One instant for all, so that the clock of a large group does not run ahead.
            Self::Events(events) => events.iter().map(|event| later(event, reached.at_ms + 1)).collect(),
            Self::Join { user, .. } if timeline.membership(user) == Some(Membership::Joined) => {
                Ok(Vec::new())
            }
            Self::Join { joined, .. } => Ok(vec![later(joined, reached.at_ms + 1)?]),
            Self::Judge(judged) => {
                let (command, context) = &**judged;
                may_write(timeline, &context.actor)?;
                let events = decide(timeline.inbox(), command, context)?.events;
                Ok(events)
            }
        }
    }
}

/// The event that introduces a message bears the message's id: given again it is the same.
pub(crate) fn introduction_of(message: &Message) -> EventId {
    EventId::from_bytes(*message.id.as_bytes())
}

/// An event id that follows from what it is of.
pub(crate) fn derived(parts: &[&[u8]]) -> EventId {
    let mut hash = LogPrefix::EMPTY;
    parts.iter().for_each(|part| hash.push(part));
    EventId::from_bytes(hash.hash.to_be_bytes())
}

/// An event of a command: its id follows from the command's seed and from what the event is of.
pub(crate) fn event_of(context: &Context, of: &str, by: &UserId, body: Body) -> Result<Event, SharedError> {
    let id = derived(&[&context.seed, of.as_bytes(), by.as_str().as_bytes()]);
    Ok(Event::new(Envelope::new(id, context.time, by.clone()), body)?)
}

/// Refuses whoever is no member of a group, or none of the two of a direct chat.
fn may_write(timeline: &Timeline, user: &UserId) -> Result<(), SharedError> {
    let id = timeline.id();
    let may = match id.pair() {
        Some(_) => id.as_seen_by(user).is_some(),
        None => timeline.membership(user) == Some(Membership::Joined),
    };
    let refused = || SharedError::NotAMember { user: user.clone(), conversation: id.clone() };
    may.then_some(()).ok_or_else(refused)
}

fn no_earlier(at: Timestamp, least_ms: i64) -> Timestamp {
    Timestamp::from_millis(at.as_millis().max(least_ms)).unwrap_or(at)
}

/// The same event no earlier than an instant, so that of two writes to one register the later one counts.
pub(crate) fn later(event: &Event, least_ms: i64) -> Result<Event, SharedError> {
    let mut envelope = event.envelope().clone();
    envelope.at = no_earlier(envelope.at, least_ms);
    Ok(Event::new(envelope, event.body().clone())?)
}

/// A command about what all members share, as the stream of its conversation names that; `None` of any other.
pub(crate) fn in_stream(owner: &UserId, command: &Command) -> Option<(SharedId, Command)> {
    let mut command = command.clone();
    let conversation = match &mut command {
        Command::Modify { conversation, .. }
        | Command::Recall { conversation, .. }
        | Command::React { conversation, .. }
        | Command::SetExtensions { conversation, .. }
        | Command::ClearExtensions { conversation, .. }
        | Command::PinMessage { conversation, .. }
        | Command::SendReceipts { conversation, .. } => conversation,
        _ => return None,
    };
    let id = SharedId::of(owner, conversation);
    conversation.clone_from(id.conversation());
    Some((id, command))
}
