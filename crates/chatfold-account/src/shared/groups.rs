//! Messages, groups and reads: what is written to several streams, each part again under the same ids until it is done.

use std::collections::BTreeSet;

use chatfold::command::{ReadUpTo, Replaces};
use chatfold::event::{Body, Fact, GroupType, Membership, Through, Watermark};
use chatfold::shared::{SharedId, StreamId};
use chatfold::{
    Command, Context, ConversationId, Envelope, Event, GroupId, Message, MessageId, Timestamp, UserId,
};
use tokio::task::JoinSet;

use super::desk::Desk;
use super::error::SharedError;
use super::sequencer::Ask;
use super::writes::{Wish, Written, derived, event_of, later};

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
    let of = match through {
        None => "window".to_owned(),
        Some(_) => format!("window after {}", after.first_field()),
    };
    event_of(context, &of, user, Body::Conversation(id.clone(), fact))
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
        let mut seen = BTreeSet::new();
        let all = std::iter::once(&context.actor).chain(members);
        let all: Vec<UserId> = all.filter(|member| seen.insert(*member)).cloned().collect();
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
        let timeline = self.inner.ask(&id, |answer| Ask::Look { answer }).await?;
        for user in seen {
            if timeline.membership(user) != Some(Membership::Joined) {
                self.close_windows(context, conversation, user, 0).await?;
            }
        }
        Ok(())
    }

    /// A user joins a group, or is joined by the actor: a member from now on, who sees of its history what `history` says
    /// (R123, R124). Given again in the same context it is done once, and whatever of it had not been done is. Of one who is a
    /// member already, and has the group in its list, nothing is changed: [`Written::position`] is 0 then.
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
        let wish = Wish::Join { user: user.clone(), joined: Box::new(joined) };
        let written = self.inner.write(&id, wish).await?;
        if written.position == 0 && self.knows(user, conversation).await? {
            return Ok(written);
        }
        if written.repeated && !self.is_member(&id, user).await? {
            // Given again, late: the user has left since.
            return Ok(written);
        }
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
        if !self.is_member(&id, user).await? {
            // Removed between the two appends, when there was no window to be closed.
            self.close_windows(context, conversation, user, written.reached).await?;
        }
        Ok(written)
    }

    /// Writes events to an account's own stream, behind all that it says: of two windows the later one counts.
    async fn write_later(&self, user: &UserId, events: Vec<Event>) -> Result<(), SharedError> {
        let own = self.inner.newest_own(user).await?;
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
        if written.repeated && self.is_member(&id, user).await? {
            // Joined again since: what is open now was opened after this.
            return Ok(written);
        }
        self.close_windows(context, conversation, user, written.reached).await?;
        Ok(written)
    }

    /// Closes all windows through which a user sees what comes in a group: nothing behind a seq is seen from now on.
    async fn close_windows(
        &self,
        context: &Context,
        conversation: &ConversationId,
        user: &UserId,
        reached: u64,
    ) -> Result<(), SharedError> {
        let own = self.inner.newest_own(user).await?;
        let open: Vec<Watermark> = {
            let line = own.lock().await;
            let windows = line.fold.windows(conversation);
            // Without a window an account sees all of what it knows, and a stranger knows nothing.
            let is_known = line.fold.inbox().conversation(conversation).is_some();
            let all = Some(Watermark::Seq(0)).filter(|_| windows.is_empty() && is_known);
            let open = windows.iter().filter(|(_, through)| through.is_none()).map(|(after, _)| *after);
            open.chain(all).collect()
        };
        let through = Some(Watermark::Seq(reached));
        let closed = open.into_iter().map(|after| window(context, conversation, user, (after, through)));
        let closed = closed.collect::<Result<Vec<_>, _>>()?;
        if closed.is_empty() { Ok(()) } else { self.write_later(user, closed).await }
    }

    /// Whether an account's own stream says anything of a conversation.
    async fn knows(&self, user: &UserId, conversation: &ConversationId) -> Result<bool, SharedError> {
        let own = self.inner.newest_own(user).await?;
        let line = own.lock().await;
        Ok(line.fold.inbox().conversation(conversation).is_some())
    }

    /// Whether a user is a member of a group now.
    async fn is_member(&self, id: &SharedId, user: &UserId) -> Result<bool, SharedError> {
        let timeline = self.inner.ask(id, |answer| Ask::Look { answer }).await?;
        Ok(timeline.membership(user) == Some(Membership::Joined))
    }

    /// An account has read a conversation: up to a place that is there, or all of it, which takes off the mark UNREAD too (R66). In a direct
    /// chat the other is shown it. Given again in the same context it is done once, and whatever of it had not been done is.
    ///
    /// # Errors
    ///
    /// As of [`execute`](Desk::execute).
    pub async fn read(
        &self,
        context: &Context,
        conversation: &ConversationId,
        through: Option<Watermark>,
    ) -> Result<(), SharedError> {
        let up_to = through.map_or(ReadUpTo::Newest, ReadUpTo::Position);
        let command = Command::MarkRead { conversation: conversation.clone(), up_to };
        self.inner.judge_own(&context.actor, &command, context).await.map(drop)
    }

    /// An account deletes messages for itself (R37).
    ///
    /// # Errors
    ///
    /// As of [`execute`](Desk::execute).
    pub async fn delete_messages(
        &self,
        context: &Context,
        conversation: &ConversationId,
        messages: Vec<MessageId>,
    ) -> Result<(), SharedError> {
        let command = Command::DeleteMessages { conversation: conversation.clone(), messages };
        self.inner.judge_own(&context.actor, &command, context).await.map(drop)
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
