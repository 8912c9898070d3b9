//! Accounts' own streams: what is written to them, with a command or by the server in their name.

use std::sync::Arc;

use chatfold::id::CommandId;
use chatfold::shared::{Memberships, StreamId, streams_of};
use chatfold::store::{Append, NewEvent, Received};
use chatfold::{Command, Context, ConversationId, Event, UserId, decide};

use super::desk::{Desk, Inner};
use super::error::SharedError;
use super::line::{Line, Own, Tried};
use crate::encode;

/// How often a command is judged anew because others came first.
const ATTEMPTS: u32 = 64;

/// Refuses events that belong to another stream than the account's own (R121).
fn check_own(owner: &UserId, events: &[Event]) -> Result<(), SharedError> {
    let own = StreamId::from(owner);
    for event in events {
        if !streams_of(owner, event)?.iter().any(|(stream, _)| *stream == own) {
            return Err(SharedError::Misplaced { type_name: event.type_name() });
        }
    }
    Ok(())
}

/// The method of the desk that carries out a command that is about nothing shared; `None` where it is judged by the account's own
/// facts alone.
fn other_method(command: &Command) -> Option<&'static str> {
    match command {
        Command::Send { .. } => Some("send"),
        Command::MarkRead { .. } => Some("read"),
        Command::DeleteMessages { .. } => Some("delete_messages"),
        Command::ClearHistory { .. }
        | Command::MarkAllRead { .. }
        | Command::MarkUnreadFrom { .. }
        | Command::ReadMessages { .. }
        | Command::DeleteConversations { .. } => Some("append_own"),
        _ => None,
    }
}

impl Inner {
    /// An account's own stream, if it is held here.
    pub(crate) async fn held(&self, owner: &UserId) -> Option<Own> {
        let connected = self.sessions().own(owner);
        match connected {
            Some(own) => Some(own),
            None => self.accounts.get(owner).await,
        }
    }

    /// An account's own stream, loaded if it is not held here.
    pub(crate) async fn own(&self, owner: &UserId) -> Result<Own, SharedError> {
        if let Some(own) = self.held(owner).await {
            return Ok(own);
        }
        let load = async {
            let line = Line::open(self.store.clone(), owner.into(), self.options.policy).await?;
            Ok::<Own, SharedError>(Arc::new(tokio::sync::Mutex::new(line)))
        };
        self.accounts
            .try_get_with_by_ref(owner, load)
            .await
            .map_err(|error: Arc<SharedError>| (*error).clone())
    }

    /// Takes in what an account's own stream lacks of so many events, and tells of it.
    pub(crate) async fn follow_own(self: &Arc<Self>, own: &Own, events: u64) -> Result<(), SharedError> {
        let mut line = own.lock().await;
        if line.prefix.events < events {
            self.follow_line(&mut line).await?;
        }
        Ok(())
    }

    async fn follow_line(self: &Arc<Self>, line: &mut Line<Memberships>) -> Result<(), SharedError> {
        let followed = line.follow().await?;
        self.tell_own(&line.fold.owner().clone(), &followed.events, followed.is_new);
        line.keep_snapshot(self.options.snapshot_every);
        Ok(())
    }

    /// Brings events to a stream whatever else it holds, each once.
    pub(crate) async fn bring(&self, stream: &StreamId, events: &[NewEvent]) -> Result<(), SharedError> {
        match self.store.receive_many(std::slice::from_ref(stream), events).await?.pop() {
            Some(Received::Closed(closed)) => Err(SharedError::Closed(closed)),
            Some(Received::Contended { attempts }) => Err(SharedError::Contention { attempts }),
            _ => Ok(()),
        }
    }

    /// Writes events to an account's own stream, each once, in its name.
    pub(crate) async fn write_own(
        self: &Arc<Self>,
        owner: &UserId,
        events: &[Event],
    ) -> Result<(), SharedError> {
        check_own(owner, events)?;
        let encoded: Vec<_> = events.iter().map(encode).collect();
        self.bring(&owner.into(), &encoded).await?;
        match self.held(owner).await {
            Some(own) => self.follow_own(&own, u64::MAX).await,
            None => Ok(()),
        }
    }

    /// Whether an account has a draft in a conversation, as far as its stream is known here.
    pub(crate) async fn has_draft(
        &self,
        owner: &UserId,
        conversation: &ConversationId,
    ) -> Result<bool, SharedError> {
        let own = self.own(owner).await?;
        let line = own.lock().await;
        let view = line.fold.inbox().conversation(conversation);
        Ok(view.is_some_and(|view| view.draft().is_some()))
    }

    /// Carries out a command on an account's own stream. Returns its events: none where its outcome was true already, or it had
    /// been carried out before.
    pub(crate) async fn judge_own(
        self: &Arc<Self>,
        owner: &UserId,
        command: &Command,
        context: &Context,
    ) -> Result<Vec<Event>, SharedError> {
        let own = self.own(owner).await?;
        let mut line = own.lock().await;
        let mut is_newest = false;
        for _ in 0..ATTEMPTS {
            let judged = decide(line.fold.inbox(), command, context);
            // Refusals, and outcomes that are true already, are final on the newest state alone.
            let writes = judged.as_ref().is_ok_and(|decision| !decision.events.is_empty());
            if !writes && !is_newest {
                self.follow_line(&mut line).await?;
                is_newest = true;
                continue;
            }
            let events = judged?.events;
            if events.is_empty() {
                return Ok(events);
            }
            check_own(owner, &events)?;
            let mut fold = line.fold.clone();
            events.iter().for_each(|event| fold.apply(event));
            let encoded: Vec<_> = events.iter().map(encode).collect();
            let append = Append::new(line.prefix.events, &encoded)
                .with_command(Some(CommandId::from_bytes(context.seed)));
            match line.append(append, &events, fold).await? {
                Tried::Written(_) => {
                    self.tell_own(owner, &events, false);
                    line.keep_snapshot(self.options.snapshot_every);
                    return Ok(events);
                }
                Tried::Replaced(_) => {
                    self.tell_own(owner, &events, true);
                    return Ok(events);
                }
                Tried::Known => {
                    self.follow_line(&mut line).await?;
                    return Ok(Vec::new());
                }
                Tried::Conflict => {
                    self.follow_line(&mut line).await?;
                    is_newest = true;
                }
            }
        }
        Err(SharedError::Contention { attempts: ATTEMPTS })
    }
}

impl Desk {
    /// Appends events to an account's own stream, each once, whoever else writes there: what a product knows that no command
    /// says, as the clearing of a history.
    ///
    /// # Errors
    ///
    /// [`SharedError::Misplaced`] if one belongs to a stream that accounts share (R121), [`SharedError::Unplaced`] if one belongs to
    /// none; [`SharedError`] where the log is closed or the store fails.
    pub async fn append_own(&self, owner: &UserId, events: &[Event]) -> Result<(), SharedError> {
        self.inner.write_own(owner, events).await
    }

    /// Carries out a command of an account: on its own facts (pin, draft, marks, receive option, folders), or on what all share (recall,
    /// edit, reaction, extension, pinned message, receipts). Returns how many events that took: none where its outcome was true
    /// already, also because it was carried out before.
    ///
    /// # Errors
    ///
    /// [`SharedError::Rejected`] and [`SharedError::NotAMember`] where it is refused, [`SharedError::OtherMethod`] where another
    /// method does it, [`SharedError`] where it could not be written.
    pub async fn execute(
        &self,
        owner: &UserId,
        command: Command,
        context: Context,
    ) -> Result<usize, SharedError> {
        if let Some((id, command)) = super::writes::in_stream(owner, &command) {
            let wish = super::writes::Wish::Judge(Box::new((command, context)));
            let written = self.inner.write(&id, wish).await?;
            return Ok(usize::from(!written.repeated));
        }
        match other_method(&command) {
            Some(method) => Err(SharedError::OtherMethod(method)),
            None => Ok(self.inner.judge_own(owner, &command, &context).await?.len()),
        }
    }
}
