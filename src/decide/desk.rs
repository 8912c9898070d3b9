//! What a command is judged with: the inbox, the context, and the events so far.

use std::collections::BTreeSet;

use crate::decide::command::Context;
use crate::decide::decision::{Decision, Refusal};
use crate::decide::fresh_ids::{Fresh, Purpose};
use crate::decide::rejection::Rejection;
use crate::inbox::{ConversationView, Inbox, Registers};
use crate::model::event::{AccountFact, Body, Envelope, Event, Fact, Membership};
use crate::model::id::{ConversationId, ConversationKind, EventId, FolderId, MessageId};
use crate::model::time::{Stamp, Timestamp};

/// What comes of judging: nothing beside the events put down.
pub(crate) type Verdict = Result<(), Rejection>;

#[derive(Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) inbox: &'a Inbox,
    pub(crate) context: &'a Context,
    fresh: Fresh,
    events: Vec<Event>,
    refused: Vec<Refusal>,
}

/// So many messages are named by one event, where a command names what it finds (R66).
const NAMED_AT_ONCE: usize = 200;

/// The first instant in milliseconds after all of `stamps` (R65).
pub(crate) fn after<const N: usize>(stamps: [Option<Stamp>; N]) -> i64 {
    stamps.into_iter().flatten().map(|stamp| stamp.at.as_millis() + 1).max().unwrap_or(0)
}

/// `found` as an error of `refuse` when it is over `limit`.
pub(crate) fn at_most(limit: usize, found: usize, refuse: impl FnOnce(usize, usize) -> Rejection) -> Verdict {
    if found <= limit { Ok(()) } else { Err(refuse(found, limit)) }
}

impl<'a> Desk<'a> {
    pub(crate) fn new(inbox: &'a Inbox, context: &'a Context) -> Self {
        let fresh = Fresh::new(context.seed);
        Self { inbox, context, fresh, events: Vec::new(), refused: Vec::new() }
    }

    pub(crate) fn decision(self) -> Decision {
        Decision { events: self.events, refused: self.refused }
    }

    pub(crate) fn registers(&self, id: &ConversationId) -> Registers<'a> {
        self.inbox.registers(id)
    }

    pub(crate) fn view(&self, id: &ConversationId) -> Option<ConversationView<'a>> {
        self.inbox.conversation(id)
    }

    pub(crate) fn message_id(&self, n: u32) -> MessageId {
        MessageId::from_bytes(self.fresh.bytes(Purpose::Message, self.context.time, n))
    }

    pub(crate) fn folder_id(&self) -> FolderId {
        FolderId::from_bytes(self.fresh.bytes(Purpose::Folder, self.context.time, 0))
    }

    /// The context's time, or `least` where that is later.
    pub(crate) fn at(&self, least: i64) -> Result<Timestamp, Rejection> {
        let at = self.context.time.as_millis().max(least);
        Timestamp::from_millis(at).map_err(|_| Rejection::EndOfTime { limit: Timestamp::MAX })
    }

    /// The greatest first field of a message that is no outlier: see [`Context::horizon`].
    pub(crate) fn horizon(&self, id: &ConversationId) -> i64 {
        self.context.horizon(id.kind())
    }

    /// Puts down facts that name these messages, a few at a time, at `least` or later.
    pub(crate) fn put_named(
        &mut self,
        least: i64,
        id: &ConversationId,
        messages: &[MessageId],
        fact: impl Fn(Vec<MessageId>) -> Fact,
    ) -> Verdict {
        messages.chunks(NAMED_AT_ONCE).try_for_each(|some| self.put(least, id, fact(some.to_vec())))
    }

    /// Puts down a fact about a conversation, at `least` or later.
    pub(crate) fn put(&mut self, least: i64, id: &ConversationId, fact: Fact) -> Verdict {
        self.put_body(least, Body::Conversation(id.clone(), fact))
    }

    /// Puts down a fact about the account, at `least` or later.
    pub(crate) fn put_account(&mut self, least: i64, fact: AccountFact) -> Verdict {
        self.put_body(least, Body::Account(fact))
    }

    /// Puts down a fact under an id and at an instant of its own, whatever the context says.
    pub(crate) fn put_as(&mut self, event: EventId, at_ms: i64, id: &ConversationId, fact: Fact) -> Verdict {
        let at = Timestamp::from_millis(at_ms).map_err(|_| Rejection::EndOfTime { limit: Timestamp::MAX })?;
        let envelope = Envelope::new(event, at, self.context.actor.clone());
        self.events.push(Event::new(envelope, Body::Conversation(id.clone(), fact))?);
        Ok(())
    }

    fn put_body(&mut self, least: i64, body: Body) -> Verdict {
        let at = self.at(least)?;
        let envelope = Envelope::new(self.fresh.event(at), at, self.context.actor.clone());
        self.events.push(Event::new(envelope, body)?);
        Ok(())
    }

    /// The conversations of a request, each once, in the order given (R72).
    pub(crate) fn request(&self, ids: &'a [ConversationId]) -> Result<Vec<&'a ConversationId>, Rejection> {
        let mut seen = BTreeSet::new();
        let distinct: Vec<_> = ids.iter().filter(|id| seen.insert(*id)).collect();
        let refuse = |found, limit| Rejection::TooManyConversations { found, limit };
        at_most(self.context.limits.request_conversations, distinct.len(), refuse)?;
        Ok(distinct)
    }

    /// Refuses a conversation whose history is corrupt, as far as anybody looked (R99).
    pub(crate) fn is_sound(&self, id: &ConversationId) -> Verdict {
        match self.view(id).and_then(|view| view.fault()) {
            Some(fault) => Err(Rejection::FaultyHistory { conversation: id.clone(), fault }),
            None => Ok(()),
        }
    }

    /// Judges each conversation by itself: the events of those accepted stay, the others are noted.
    pub(crate) fn each(
        &mut self,
        ids: &[&ConversationId],
        mut judge: impl FnMut(&mut Self, &ConversationId) -> Verdict,
    ) {
        for id in ids {
            let before = self.events.len();
            if let Err(rejection) = judge(self, id) {
                self.events.truncate(before);
                self.refused.push(Refusal { conversation: (*id).clone(), rejection });
            }
        }
    }

    /// Like [`Desk::each`], and a conversation whose history is corrupt is refused.
    pub(crate) fn each_sound(
        &mut self,
        ids: &[&ConversationId],
        mut judge: impl FnMut(&mut Self, &ConversationId) -> Verdict,
    ) {
        self.each(ids, |desk, id| {
            let verdict = judge(desk, id);
            desk.is_sound(id).and(verdict)
        });
    }

    /// Like [`Desk::each_sound`], and a conversation that no event named is refused.
    pub(crate) fn each_known(
        &mut self,
        ids: &[&ConversationId],
        mut judge: impl FnMut(&mut Self, &ConversationId) -> Verdict,
    ) {
        self.each_sound(ids, |desk, id| {
            if desk.registers(id).is_known() {
                judge(desk, id)
            } else {
                Err(Rejection::UnknownConversation { conversation: id.clone() })
            }
        });
    }
}

/// Refuses what only members do where the owner is known to be none (R58). What another does is not refused for it, unless
/// the group is no more.
pub(crate) fn member(desk: &Desk<'_>, conversation: &ConversationId) -> Verdict {
    let membership = desk.view(conversation).and_then(|view| view.membership());
    let own = desk.context.actor == *desk.inbox.owner();
    match membership {
        None | Some(Membership::Joined) => Ok(()),
        Some(membership) if own || membership == Membership::Dissolved => {
            Err(Rejection::NotAMember { conversation: conversation.clone(), membership })
        }
        Some(_) => Ok(()),
    }
}

/// Refuses an actor who is neither the owner nor the peer of a direct chat; the inbox of a timeline stands for one of the two.
pub(crate) fn party(
    desk: &Desk<'_>,
    conversation: &ConversationId,
    user: &crate::model::id::UserId,
) -> Verdict {
    let direct = conversation.kind() == ConversationKind::Direct;
    let owner = desk.inbox.owner();
    if !direct || user == owner || owner.stands_for(user) || user.as_str() == conversation.target() {
        Ok(())
    } else {
        Err(Rejection::NotAParty { user: user.clone(), conversation: conversation.clone() })
    }
}
