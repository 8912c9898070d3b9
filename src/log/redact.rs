//! Erasing what people wrote from a log, for a person's right to erasure.

use std::collections::{BTreeSet, HashSet};

use crate::model::event::{Body, Edit, Event, Fact, Message};
use crate::model::id::{ConversationId, MessageId, UserId};

/// Which content is to be left out of a log, and how an event looks without it.
///
/// Chosen are messages, by conversation and id, or all messages of an author. Of a chosen message the text, the
/// custom payload and the data riding on it become empty, in every event that introduces or edits it, whoever
/// edited it; an author's edits of other people's messages become empty too. Everything else stays: ids, instants,
/// kinds, mentions, sizes of groups, recalls with their reasons, and so every position, count and order. A fold of
/// the redacted log differs from one of the whole log only in the content shown, unless two different events bear one
/// id and instant: which of them counts is settled by their values (R07), content too.
///
/// Drafts, names and custom data of conversations are not content of messages and stay, as do lines that this
/// library does not know: it cannot tell what is in them.
///
/// An edit may stand before the message it edits, so where an author is chosen all events are [noted](Self::note) before
/// the first is [redacted](Self::redact).
///
/// ```
/// use chatfold::redact::Redaction;
/// use chatfold::{ConversationId, Envelope, EventId, Message, MessageId, Timestamp, UserId};
/// let bob = UserId::parse("bob")?;
/// let envelope = Envelope::new(EventId::from_bytes([1; 16]), Timestamp::EPOCH, bob.clone());
/// let secret = Message::text(MessageId::from_bytes([2; 16]), "my address is …");
/// let event = envelope.message_received(ConversationId::direct(&bob), secret)?;
///
/// let mut redaction = Redaction::default();
/// redaction.choose_author(bob);
/// redaction.note(&event);
/// let redacted = redaction.redact(&event).expect("it is bob's");
/// assert_eq!((redacted.id(), redacted.stamp()), (event.id(), event.stamp()));
/// assert!(!format!("{redacted:?}").contains("address"));
/// assert!(redaction.redact(&redacted).is_none(), "nothing is left to leave out");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    authors: BTreeSet<UserId>,
    messages: HashSet<(ConversationId, MessageId)>,
}

impl Redaction {
    /// Chooses a message.
    pub fn choose_message(&mut self, conversation: ConversationId, message: MessageId) {
        self.messages.insert((conversation, message));
    }

    /// Chooses everything an author wrote.
    pub fn choose_author(&mut self, author: UserId) {
        self.authors.insert(author);
    }

    /// Returns whether events are to be noted before the first is redacted: an author was chosen, so what an edit edits
    /// may be told later.
    pub fn needs_notes(&self) -> bool {
        !self.authors.is_empty()
    }

    /// Notes which messages a chosen author wrote. Complexity: O(log authors).
    pub fn note(&mut self, event: &Event) {
        let Body::Conversation(conversation, fact) = event.body() else { return };
        if let Some((author, message)) = introduced(event, fact)
            && self.authors.contains(author)
        {
            self.messages.insert((conversation.clone(), message.id));
        }
    }

    /// The event without the content chosen; `None` if it has none of it.
    pub fn redact(&self, event: &Event) -> Option<Event> {
        let Body::Conversation(conversation, fact) = event.body() else { return None };
        let by_author = introduced(event, fact).is_some_and(|(author, _)| self.authors.contains(author));
        let chosen = |id: MessageId| by_author || self.messages.contains(&(conversation.clone(), id));
        let fact = match fact {
            Fact::MessageModified { target, edit }
                if chosen(*target) || self.authors.contains(event.by()) =>
            {
                let edit = without_content_of_edit(edit)?;
                Fact::MessageModified { target: *target, edit }
            }
            Fact::MessageReceived(message) if chosen(message.id) => {
                Fact::MessageReceived(without_content(message)?)
            }
            Fact::MessageQueued(message) if chosen(message.id) => {
                Fact::MessageQueued(without_content(message)?)
            }
            Fact::MessageImported { sender, message } if chosen(message.id) => {
                Fact::MessageImported { sender: sender.clone(), message: without_content(message)? }
            }
            _ => return None,
        };
        Event::new(event.envelope().clone(), Body::Conversation(conversation.clone(), fact)).ok()
    }
}

/// The message that an event introduces, and its author.
fn introduced<'a>(event: &'a Event, fact: &'a Fact) -> Option<(&'a UserId, &'a Message)> {
    match fact {
        Fact::MessageReceived(message) | Fact::MessageQueued(message) => Some((event.by(), message)),
        Fact::MessageImported { sender, message } => Some((sender.as_ref().unwrap_or(event.by()), message)),
        _ => None,
    }
}

/// Empties what is there. Returns whether anything was.
fn empty<T: Default + PartialEq>(contents: [&mut Option<T>; 2]) -> bool {
    let mut any = false;
    for content in contents.into_iter().flatten() {
        any |= *content != T::default();
        *content = T::default();
    }
    any
}

fn without_content(message: &Message) -> Option<Box<Message>> {
    let mut message = Box::new(message.clone());
    let bytes = empty([&mut message.custom, &mut message.cloud_custom]);
    (empty([&mut message.text, &mut None]) || bytes).then_some(message)
}

fn without_content_of_edit(edit: &Edit) -> Option<Edit> {
    let mut edit = edit.clone();
    let bytes = empty([&mut edit.custom, &mut edit.cloud_custom]);
    (empty([&mut edit.text, &mut None]) || bytes).then_some(edit)
}
