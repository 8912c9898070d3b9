//! Facts that wait: those of messages that are not held and of folders that are not there yet (R03, R14, R54).

use chatfold::event::{AccountFact, Body, Fact, MAX_SEQ, Through};
use chatfold::foreign::observe;
use chatfold::id::ConversationKind;
use chatfold::{ConversationId, Envelope, Event, EventId, Inbox, Message, MessageId, Timestamp, UserId};

/// The text of a message that is only supposed to be there: no edit makes a message say this.
const SUPPOSED: &str = "\u{fffd}";

/// Whether the event says something new: it changes what the inbox shows, or will once the messages that it names are held and
/// its folder is there. The same fact that waits already makes it say nothing.
pub(crate) fn is_new(inbox: &Inbox, event: &Event) -> bool {
    let changes = |inbox: &Inbox| observe(inbox, event.clone()).is_some();
    changes(inbox) || supposing(inbox, event).as_ref().is_some_and(changes)
}

/// Returns the inbox as if it held the message, with all that waits for it; `None` where it holds the message.
pub(crate) fn holding(inbox: &Inbox, conversation: &ConversationId, message: MessageId) -> Option<Inbox> {
    let fact = Fact::ReactionSet { target: message, reaction: String::new(), on: false };
    introduced(inbox, conversation, &fact, false)
}

/// Returns the inbox as if what the event names were there: the messages behind all others, and the folder. `None` where it
/// names nothing that is missing.
fn supposing(inbox: &Inbox, event: &Event) -> Option<Inbox> {
    let Body::Conversation(conversation, fact) = event.body() else { return None };
    let Fact::FolderMemberSet { folder, .. } = fact else {
        return introduced(inbox, conversation, fact, event.by() == inbox.owner());
    };
    if inbox.folders().iter().any(|held| held.id == *folder) {
        return None;
    }
    let created = AccountFact::FolderCreated { folder: *folder, name: SUPPOSED.to_owned() };
    with(inbox, [Event::new(envelope(inbox.owner()), Body::Account(created)).ok()?])
}

/// Returns the inbox with the messages that the fact names and that it does not hold. They are by the other side of who the fact
/// is by, since it is theirs that one reads, and the owner's own where the fact is about sending.
fn introduced(inbox: &Inbox, conversation: &ConversationId, fact: &Fact, by_owner: bool) -> Option<Inbox> {
    let row = inbox.conversation(conversation);
    let is_held = |id: &MessageId| row.as_ref().is_some_and(|row| row.message(*id).is_some());
    let is_queued = matches!(fact, Fact::MessageFailed { .. });
    let author = if by_owner && !is_queued { other(inbox, conversation)? } else { inbox.owner().clone() };
    let missing = named(fact).iter().filter(|id| !is_held(id));
    let introductions = missing.filter_map(|id| {
        let mut message = Message::new(*id);
        message.text = Some(SUPPOSED.to_owned());
        message.seq = Some(MAX_SEQ).filter(|_| conversation.kind() == ConversationKind::Group);
        let message = Box::new(message);
        let fact = if is_queued { Fact::MessageQueued(message) } else { Fact::MessageReceived(message) };
        Event::new(envelope(&author), Body::Conversation(conversation.clone(), fact)).ok()
    });
    with(inbox, introductions)
}

/// Returns somebody else who may write in the conversation; in one with oneself nobody else does.
fn other(inbox: &Inbox, conversation: &ConversationId) -> Option<UserId> {
    match conversation.peer() {
        Some(peer) => Some(peer),
        None => ["a", "b"].iter().filter_map(|id| UserId::parse(id).ok()).find(|id| id != inbox.owner()),
    }
}

/// Returns the messages that wait for their introduction to be given this fact.
fn named(fact: &Fact) -> &[MessageId] {
    match fact {
        Fact::Read { through: Through::Message(target) }
        | Fact::PeerRead { through: Through::Message(target) }
        | Fact::MessageFailed { target, .. }
        | Fact::MessageModified { target, .. }
        | Fact::MessageRecalled { target, .. }
        | Fact::MessagePinned { target, .. }
        | Fact::ReactionSet { target, .. } => std::slice::from_ref(target),
        Fact::MessageReadBy { targets }
        | Fact::MessagesDeleted { targets }
        | Fact::MessagesRead { targets, .. } => targets,
        _ => &[],
    }
}

/// The envelope of what is only supposed: later than all that a log may say.
fn envelope(by: &UserId) -> Envelope {
    Envelope::new(EventId::from_bytes([0xff; 16]), Timestamp::MAX, by.clone())
}

/// Returns the inbox with these events, if there are any.
fn with(inbox: &Inbox, events: impl IntoIterator<Item = Event>) -> Option<Inbox> {
    let events: Vec<Event> = events.into_iter().collect();
    let mut supposed = inbox.clone();
    supposed.apply_batch(&events);
    Some(supposed).filter(|_| !events.is_empty())
}
