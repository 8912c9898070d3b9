//! What every adapter has, and how what it took is held against an inbox.

use std::collections::BTreeSet;

use chatfold::event::{Body, Fact, ReceiveOption, Through, Watermark};
use chatfold::foreign::{EventKey, ReactionKey};
use chatfold::{ConversationId, Envelope, Event, FolderId, Inbox, MessageId, Timestamp, UserId};

use crate::fault::Fault;
use crate::scope::{Scope, folder_of};
use crate::taken::{Taken, WholeList, WholeListOf};
use crate::waiting;

/// How many of the messages behind a marker are looked through for the first that can be marked unread.
const LOOKED_THROUGH: usize = 64;

/// How far two ends of being muted may be apart, in milliseconds, to be one: servers tell the whole seconds that are left.
const ONE_END_MS: u64 = 1_000;

/// What makes events of what a system's server says.
pub trait Adapter {
    /// Returns whose inbox it is, and in which network.
    fn scope(&self) -> &Scope;

    /// Returns what a payload says.
    ///
    /// `received_at` is the instant of the payload: where the server told when it answered (the `Date` of an HTTP response), that;
    /// else the clock of who received it. It is the instant of observations and reports, and of nothing whose instant the server says.
    ///
    /// # Errors
    ///
    /// A [`Fault`] where the payload is no JSON (or XML), or none of this system's. What is wrong in one event of it stands in
    /// [`Taken::faults`].
    fn take(&self, payload: &[u8], received_at: Timestamp) -> Result<Taken, Fault>;

    /// Learns from an event that this or another run of the adapter made what names that are no ids stand for; the module of each
    /// adapter says which. Of other events it learns nothing.
    fn learn(&mut self, event: &Event) {
        let _ = event;
    }

    /// Returns the events to append where the inbox is this one: what the server said, and of what was merely found that which says
    /// something new (R114). What is found of a message that is not held, or of a folder that is not there, is written too, unless the
    /// same waits already. A marker that goes back becomes `marked_unread_from` the first message behind it; a claim of another than a
    /// message's author is dropped.
    fn settle(&self, taken: Taken, inbox: &Inbox) -> Vec<Event> {
        let mut settled = Settled { scope: self.scope(), inbox: inbox.clone(), events: taken.events };
        settled.inbox.apply_batch(&settled.events);
        taken.claims.into_iter().for_each(|event| settled.claim(event));
        taken.observations.into_iter().for_each(|event| settled.observe(event));
        taken.markers.into_iter().for_each(|event| settled.mark(event));
        taken.whole.iter().for_each(|list| settled.hold_against(list));
        settled.events
    }
}

struct Settled<'a> {
    scope: &'a Scope,
    /// The inbox with the events so far.
    inbox: Inbox,
    events: Vec<Event>,
}

impl Settled<'_> {
    fn observe(&mut self, event: Event) {
        if !self.is_shown(&event) && waiting::is_new(&self.inbox, &event) {
            self.inbox.apply(&event);
            self.events.push(event);
        }
    }

    /// Whether the inbox shows already what was found, but for the instant at which it was: a draft of this text, or an option that ends
    /// in the same second.
    fn is_shown(&self, event: &Event) -> bool {
        let Body::Conversation(id, fact) = event.body() else { return false };
        let Some(row) = self.inbox.conversation(id) else { return false };
        match fact {
            Fact::DraftSet { text: Some(text), .. } => row.draft().is_some_and(|draft| draft.text == text),
            Fact::ReceiveOptionSet { option, until: Some(until) } => {
                let end = row.receive_option_until().filter(|_| row.receive_option() == *option);
                end.is_some_and(|end| end.as_millis().abs_diff(until.as_millis()) <= ONE_END_MS)
            }
            _ => false,
        }
    }

    /// Writes an edit by the author of the message.
    fn claim(&mut self, event: Event) {
        let Body::Conversation(conversation, Fact::MessageModified { target, .. }) = event.body() else {
            return;
        };
        let message = self.inbox.conversation(conversation).and_then(|row| row.message(*target));
        if message.is_some_and(|message| message.author() == event.by()) {
            self.inbox.apply(&event);
            self.events.push(event);
        }
    }

    fn mark(&mut self, event: Event) {
        match self.back(&event) {
            Some(back) => self.observe(back),
            None => self.observe(event),
        }
    }

    /// Returns the event that sets the marker back, if it goes back and a message is held behind it.
    fn back(&self, event: &Event) -> Option<Event> {
        let Body::Conversation(id, Fact::Read { through: Through::Watermark(through) }) = event.body() else {
            return None;
        };
        let row = self.inbox.conversation(id)?;
        let now = row.read_marker()?;
        if *through >= now {
            return None;
        }
        let behind = |message: &chatfold::MessageView<'_>| {
            let first_field = match through {
                Watermark::Seq(_) => i64::try_from(message.seq()).unwrap_or(i64::MAX),
                Watermark::Time(_) => message.time().as_millis(),
            };
            message.rank() == 0 && first_field > through.first_field()
        };
        let mut from = None;
        let mut found = None;
        // Newest first, since a marker goes back a little: what is found last is the oldest behind it.
        for _ in 0..LOOKED_THROUGH {
            let page = row.messages(chatfold::view::Direction::NewestFirst, from.as_ref(), LOOKED_THROUGH);
            let count =
                page.messages.iter().take_while(|message| behind(message) || message.rank() != 0).count();
            found =
                page.messages.iter().take(count).rfind(|message| behind(message)).map(|m| m.id()).or(found);
            if count < page.messages.len() || page.next.is_none() {
                break;
            }
            from = page.next;
        }
        let target = found?;
        let part = target.to_string();
        let key = EventKey::Other { type_name: "marked_unread_from", parts: &[&part], at: event.at() };
        self.event(key, id, event.at(), Fact::MarkedUnreadFrom { target })
    }

    fn hold_against(&mut self, list: &WholeList) {
        let taken_back: Vec<Event> = match &list.of {
            WholeListOf::Muted { options, conversations } => self.unmuted(options, conversations, list.at),
            WholeListOf::Reactions { conversation, message, actor, reactions } => {
                // Those on a message that is not held yet wait for it.
                let supposed = waiting::holding(&self.inbox, conversation, *message);
                let row = supposed.as_ref().unwrap_or(&self.inbox).conversation(conversation);
                let shown = row.and_then(|row| row.message(*message)).map(|message| message.reactions());
                let given = shown.into_iter().flatten().filter(|reaction| reaction.users.contains(&actor));
                let gone = given.filter(|reaction| !reactions.contains(reaction.name));
                gone.filter_map(|gone| self.taken_away((conversation, *message), gone.name, actor, list.at))
                    .collect()
            }
            WholeListOf::Folder { folder, conversations } => {
                let gone = self.inbox.known_conversations().filter(|row| !conversations.contains(row.id()));
                let gone = gone.filter(|row| row.folders().iter().any(|held| held.id == *folder));
                gone.filter_map(|row| self.taken_out(row.id(), *folder, list.at)).collect()
            }
            WholeListOf::MarksOf { conversation, marks } => {
                let row = self.inbox.conversation(conversation);
                let set = row.map(|row| row.marks()).unwrap_or_default().into_iter();
                let gone = set.filter(|mark| !marks.contains(mark));
                gone.filter_map(|mark| {
                    let key = EventKey::Marked { mark, on: false, at: list.at };
                    self.event(key, conversation, list.at, Fact::MarkSet { mark, on: false })
                })
                .collect()
            }
            WholeListOf::FoldersOf { conversation, folders, prefix } => {
                let row = self.inbox.conversation(conversation);
                let held = row.map(|row| row.folders()).unwrap_or_default();
                let told_of = |name: &str| folder_of(self.scope, &format!("{prefix}{name}"));
                let gone = held.iter().filter(|folder| !folders.contains(&folder.id));
                let gone = gone.filter(|folder| told_of(&folder.name) == Ok(folder.id));
                gone.filter_map(|folder| self.taken_out(conversation, folder.id, list.at)).collect()
            }
        };
        taken_back.into_iter().for_each(|event| self.observe(event));
    }

    fn unmuted(
        &self,
        options: &[ReceiveOption],
        muted: &BTreeSet<ConversationId>,
        at: Timestamp,
    ) -> Vec<Event> {
        let option = ReceiveOption::Receive;
        let others = self.inbox.known_conversations().filter(|row| !muted.contains(row.id()));
        let were = others.filter(|row| options.contains(&row.receive_option()));
        let key = EventKey::ReceiveOption { option, until: None, at };
        were.filter_map(|row| {
            self.event(key.clone(), row.id(), at, Fact::ReceiveOptionSet { option, until: None })
        })
        .collect()
    }

    fn taken_out(&self, conversation: &ConversationId, folder: FolderId, at: Timestamp) -> Option<Event> {
        let part = folder.to_string();
        let key = EventKey::Other { type_name: "folder_member_set", parts: &[&part, "false"], at };
        self.event(key, conversation, at, Fact::FolderMemberSet { folder, on: false })
    }

    fn taken_away(
        &self,
        (conversation, target): (&ConversationId, MessageId),
        reaction: &str,
        by: &UserId,
        at: Timestamp,
    ) -> Option<Event> {
        let (message, event) = (target.to_string(), at.as_millis().to_string());
        let key = ReactionKey { message: &message, reaction, actor: by, on: false, event: &event };
        let fact = Fact::ReactionSet { target, reaction: reaction.to_owned(), on: false };
        self.event_by(by, EventKey::Reacted(key), conversation, at, fact)
    }

    fn event(
        &self,
        key: EventKey<'_>,
        conversation: &ConversationId,
        at: Timestamp,
        fact: Fact,
    ) -> Option<Event> {
        self.event_by(self.scope.owner(), key, conversation, at, fact)
    }

    fn event_by(
        &self,
        by: &UserId,
        key: EventKey<'_>,
        conversation: &ConversationId,
        at: Timestamp,
        fact: Fact,
    ) -> Option<Event> {
        let id = key.id(self.scope.network(), Some(conversation));
        let envelope = Envelope::new(id, at, by.clone());
        // None of these facts can fail to fit its conversation.
        Event::new(envelope, Body::Conversation(conversation.clone(), fact)).ok()
    }
}
