//! Messages, groups and reads: what is written to several streams, each part again under the same ids until it is done.

use chatfold::command::Replaces;
use chatfold::event::{Body, Fact, GroupType, Membership, Through, Watermark};
use chatfold::shared::{SharedId, StreamId, streams_of};
use chatfold::snapshot::LogPrefix;
use chatfold::{
    Command, Context, ConversationId, Envelope, Event, EventId, GroupId, Message, MessageId, Timestamp,
    UserId,
};
use tokio::task::JoinSet;

use super::desk::Desk;
use super::error::SharedError;
use super::writes::{Wish, Written, later};

/// How many members' own streams are written at once.
const AT_ONCE: usize = 8;

/// How many members one event each is written of in one append.
const MEMBERS: usize = 1_000;

/// What of a group's history one who joins sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// All of it, and nothing of it counts as unread.
    Whole,
    /// What comes after joining.
    FromNow,
}

/// An event id that follows from what it is of.
fn derived(parts: &[&[u8]]) -> EventId {
    let mut hash = LogPrefix::EMPTY;
    parts.iter().for_each(|part| hash.push(part));
    EventId::from_bytes(hash.hash.to_be_bytes())
}

/// An event of a command: its id follows from the command's seed and from what the event is of.
fn event_of(context: &Context, of: &str, by: &UserId, body: Body) -> Result<Event, SharedError> {
    let id = derived(&[&context.seed, of.as_bytes(), by.as_str().as_bytes()]);
    Ok(Event::new(Envelope::new(id, context.time, by.clone()), body)?)
}

fn membership(
    context: &Context,
    id: &ConversationId,
    user: &UserId,
    state: Membership,
) -> Result<Event, SharedError> {
    let fact = Fact::MembershipSet { state, user: Some(user.clone()) };
    event_of(context, &format!("member {user}"), &context.actor, Body::Conversation(id.clone(), fact))
}

/// A window through which an account sees a conversation, written in its name.
fn window(
    context: &Context,
    id: &ConversationId,
    user: &UserId,
    (after, through): (Watermark, Option<Watermark>),
) -> Result<Event, SharedError> {
    let fact = Fact::HistoryWindow { after, through };
    event_of(context, "window", user, Body::Conversation(id.clone(), fact))
}

impl Desk {
    /// Sends a message: it has its seq and is durable when this returns. The author's draft in the conversation goes with it. Given again under the same
    /// message id it is done once, and whatever of it had not been done is; `context` says the time, and whose it is.
    ///
    /// # Errors
    ///
    /// [`SharedError::NotAMember`], [`SharedError::IdTaken`] and [`SharedError::Rejected`] where it is refused;
    /// [`SharedError::Overloaded`] where too much waits; [`SharedError`] where it could not be written.
    pub async fn send(
        &self,
        context: &Context,
        conversation: &ConversationId,
        message: Message,
    ) -> Result<Written, SharedError> {
        let by = &context.actor;
        let found = message.mentions.users.len();
        if found > context.limits.mentions {
            let limit = context.limits.mentions;
            return Err(chatfold::command::Rejection::TooManyMentions { found, limit }.into());
        }
        let id = SharedId::of(by, conversation);
        self.begin_direct(context, &id).await?;
        let seed = *message.id.as_bytes();
        let wish = Wish::Send { by: by.clone(), at: context.time, message: Box::new(message) };
        let written = self.inner.write(&id, wish).await?;
        if !self.inner.has_draft(by, conversation).await? {
            return Ok(written);
        }
        let draft = Command::SetDraft {
            conversation: conversation.clone(),
            text: String::new(),
            replaces: Replaces::default(),
        };
        let mut clearing = context.clone();
        clearing.seed = seed;
        self.inner.judge_own(by, &draft, &clearing).await?;
        Ok(written)
    }

    /// Gives the two of a direct chat, in which nobody wrote yet, the windows that list it.
    async fn begin_direct(&self, context: &Context, id: &SharedId) -> Result<(), SharedError> {
        let Some((one, other)) = id.pair() else { return Ok(()) };
        let of_others = id.as_seen_by(&context.actor).is_none();
        if of_others || one == other {
            let (user, conversation) = (context.actor.clone(), id.conversation().clone());
            return Err(SharedError::NoConversation { user, conversation });
        }
        if self.inner.begun.contains_key(id) {
            return Ok(());
        }
        if self.inner.reached(id).await?.seq == 0 {
            for user in [&one, &other] {
                let Some(seen) = id.as_seen_by(user) else { continue };
                let fact = Fact::HistoryWindow { after: Watermark::Time(Timestamp::EPOCH), through: None };
                let event =
                    derived(&[b"direct", StreamId::from(id).key().as_bytes(), user.as_str().as_bytes()]);
                let envelope = Envelope::new(event, context.time, user.clone());
                self.inner.write_own(user, &[Event::new(envelope, Body::Conversation(seen, fact))?]).await?;
            }
        }
        self.inner.begun.insert(id.clone(), ()).await;
        Ok(())
    }

    /// Creates a group with its first members, the actor among them; they see all of it. Given again in the same context it is
    /// done once, and whatever of it had not been done is.
    ///
    /// # Errors
    ///
    /// [`SharedError`] where it could not be written.
    pub async fn create_group(
        &self,
        context: &Context,
        group: &GroupId,
        group_type: GroupType,
        members: &[UserId],
    ) -> Result<(), SharedError> {
        let id = SharedId::group(group);
        let conversation = id.conversation();
        let opened = Body::Conversation(conversation.clone(), Fact::Opened { group_type: Some(group_type) });
        let opened = event_of(context, "opened", &context.actor, opened)?;
        self.inner.write(&id, Wish::Events(vec![opened])).await?;
        let mut all = vec![context.actor.clone()];
        all.extend(members.iter().filter(|member| **member != context.actor).cloned());
        for some in all.chunks(MEMBERS) {
            let joined = some.iter().map(|user| membership(context, conversation, user, Membership::Joined));
            self.inner.write(&id, Wish::Events(joined.collect::<Result<_, _>>()?)).await?;
        }
        let mut tasks = JoinSet::new();
        for user in all {
            if tasks.len() >= AT_ONCE {
                joined(tasks.join_next().await)?;
            }
            let event = window(context, conversation, &user, (Watermark::Seq(0), None))?;
            let inner = std::sync::Arc::clone(&self.inner);
            tasks.spawn(async move { inner.write_own(&user, &[event]).await });
        }
        while !tasks.is_empty() {
            joined(tasks.join_next().await)?;
        }
        Ok(())
    }

    /// A user joins a group, or is joined by the actor: a member from now on, who sees of its history what `history` says
    /// (R123, R124). Given again in the same context it is done once, and whatever of it had not been done is.
    ///
    /// # Errors
    ///
    /// [`SharedError`] where it could not be written.
    pub async fn join_group(
        &self,
        context: &Context,
        group: &GroupId,
        user: &UserId,
        history: History,
    ) -> Result<Written, SharedError> {
        let id = SharedId::group(group);
        let conversation = id.conversation();
        let joined = membership(context, conversation, user, Membership::Joined)?;
        let written = self.inner.write(&id, Wish::Events(vec![joined])).await?;
        let now = Watermark::Seq(written.reached);
        let after = match history {
            History::Whole => Watermark::Seq(0),
            History::FromNow => now,
        };
        let mut own = vec![window(context, conversation, user, (after, None))?];
        if history == History::Whole && written.reached > 0 {
            let read = Fact::Read { through: Through::Watermark(now) };
            own.push(event_of(context, "read", user, Body::Conversation(conversation.clone(), read))?);
        }
        self.write_later(user, own).await?;
        Ok(written)
    }

    /// Writes events to an account's own stream, behind all that it says: of two windows the later one counts.
    async fn write_later(&self, user: &UserId, events: Vec<Event>) -> Result<(), SharedError> {
        let own = self.inner.own(user).await?;
        self.inner.follow_own(&own, u64::MAX).await?;
        let least_ms = own.lock().await.reached.at_ms + 1;
        let events = events.iter().map(|event| later(event, least_ms));
        self.inner.write_own(user, &events.collect::<Result<Vec<_>, _>>()?).await
    }

    /// A user leaves a group, or is removed by the actor: what comes from now on is not seen any more (R124). Given again in the same
    /// context it is done once, and whatever of it had not been done is.
    ///
    /// # Errors
    ///
    /// [`SharedError`] where it could not be written.
    pub async fn leave_group(
        &self,
        context: &Context,
        group: &GroupId,
        user: &UserId,
    ) -> Result<Written, SharedError> {
        let id = SharedId::group(group);
        let conversation = id.conversation();
        let state = if context.actor == *user { Membership::Left } else { Membership::Removed };
        let left = membership(context, conversation, user, state)?;
        let written = self.inner.write(&id, Wish::Events(vec![left])).await?;
        let own = self.inner.own(user).await?;
        self.inner.follow_own(&own, u64::MAX).await?;
        let windows = own.lock().await.fold.windows(conversation);
        let open = windows.iter().find(|(_, through)| through.is_none()).map(|(after, _)| *after);
        let after = match open {
            Some(after) => after,
            // Closed already, by the same given before.
            None if !windows.is_empty() => return Ok(written),
            None => Watermark::Seq(0),
        };
        let closed = window(context, conversation, user, (after, Some(Watermark::Seq(written.reached))))?;
        self.write_later(user, vec![closed]).await?;
        Ok(written)
    }

    /// An account has read a conversation: up to a place, or all of it. In a direct chat the other is shown it. Given again in the
    /// same context it is done once, and whatever of it had not been done is.
    ///
    /// # Errors
    ///
    /// [`SharedError`] where it could not be written.
    pub async fn read(
        &self,
        context: &Context,
        conversation: &ConversationId,
        through: Option<Watermark>,
    ) -> Result<(), SharedError> {
        let (owner, id) = (&context.actor, SharedId::of(&context.actor, conversation));
        let through = match through {
            Some(through) => through,
            None => {
                let reached = self.inner.reached(&id).await?;
                match id.pair() {
                    None => Watermark::Seq(reached.seq),
                    Some(_) => Watermark::Time(Timestamp::from_millis(reached.at_ms).unwrap_or(context.time)),
                }
            }
        };
        let fact = Fact::Read { through: Through::Watermark(through) };
        let read = event_of(context, "read", owner, Body::Conversation(conversation.clone(), fact))?;
        for (stream, event) in streams_of(owner, &read)? {
            match stream {
                StreamId::Account(owner) => self.inner.write_own(&owner, &[event]).await?,
                StreamId::Conversation(id) => {
                    self.inner.write(&id, Wish::Events(vec![event])).await?;
                }
                StreamId::Directory => {}
            }
        }
        Ok(())
    }

    /// An account deletes messages for itself (R37).
    ///
    /// # Errors
    ///
    /// [`SharedError`] where it could not be written.
    pub async fn delete_messages(
        &self,
        context: &Context,
        conversation: &ConversationId,
        messages: Vec<MessageId>,
    ) -> Result<(), SharedError> {
        let fact = Fact::MessagesDeleted { targets: messages };
        let body = Body::Conversation(conversation.clone(), fact);
        let event = event_of(context, "deleted", &context.actor, body)?;
        self.inner.write_own(&context.actor, &[event]).await
    }
}

/// What came of a task.
fn joined(done: Option<Result<Result<(), SharedError>, tokio::task::JoinError>>) -> Result<(), SharedError> {
    match done {
        Some(Ok(outcome)) => outcome,
        Some(Err(_)) => Err(SharedError::Gone),
        None => Ok(()),
    }
}
