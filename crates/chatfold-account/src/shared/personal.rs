//! Accounts' own streams: what is written to them, with a command or by the server in their name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chatfold::event::{Body, Fact, Mark, Through, Watermark};
use chatfold::id::{CommandId, ConversationKind};
use chatfold::shared::{Member, Memberships, SharedId, StreamId, Timeline, streams_of};
use chatfold::store::{Append, NewEvent, Received};
use chatfold::{Command, Context, ConversationId, Event, Filter, UserId};

use super::desk::{Desk, Inner};
use super::error::SharedError;
use super::line::{Line, Own, Tried};
use super::sequencer::Ask;
use super::writes::{Wish, event_of, in_stream};
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

    /// The same, with all that its stream has now.
    pub(crate) async fn newest_own(self: &Arc<Self>, owner: &UserId) -> Result<Own, SharedError> {
        let own = self.own(owner).await?;
        self.follow_own(&own, u64::MAX).await?;
        Ok(own)
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
        let followed = line.follow().await;
        self.tell_own(line);
        line.keep_snapshot(self.options.snapshot_every);
        followed
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

    /// The listed conversations of an account in which reading all of it would do anything, or show the other of a direct chat anything.
    async fn open_to_reads(self: &Arc<Self>, owner: &UserId) -> Result<BTreeSet<SharedId>, SharedError> {
        let connection = self.connect(owner).await?;
        let sessions = self.sessions();
        let rows = sessions.hub.list(connection.session(), &Filter::default(), None, usize::MAX);
        let is_open = |row: &Member<'_>| {
            let shown = row.read_shown_to_peer().map(Watermark::Time);
            let is_told = row.kind() == ConversationKind::Group || shown >= row.read_marker();
            !is_told || !row.is_read_wholly() || row.marks().contains(&Mark::UNREAD)
        };
        let rows = rows.into_iter().flat_map(|list| list.members).filter(is_open);
        Ok(rows.map(|row| SharedId::of(owner, row.id())).collect())
    }

    /// The timelines over which a command of an account is judged, as they are now, by conversation.
    async fn judged_over(
        self: &Arc<Self>,
        owner: &UserId,
        command: &Command,
        context: &Context,
    ) -> Result<BTreeMap<SharedId, Timeline>, SharedError> {
        let open = match command {
            Command::MarkAllRead { .. } => Some(self.open_to_reads(owner).await?),
            _ => None,
        };
        let mut needs = self.own(owner).await?.lock().await.fold.judges_over(command);
        match open {
            Some(open) => needs.retain(|id| open.contains(id)),
            // What is over the limit is refused whatever the timelines say (R72).
            None if needs.len() > context.limits.request_conversations => needs.clear(),
            None => {}
        }
        let mut timelines = BTreeMap::new();
        for id in needs {
            let timeline = self.ask(&id, |answer| Ask::Look { answer }).await?;
            timelines.insert(id, timeline);
        }
        Ok(timelines)
    }

    /// Carries out a command of an account that changes its own stream. Returns its events: none where its outcome was true already,
    /// or it had been carried out before.
    pub(crate) async fn judge_own(
        self: &Arc<Self>,
        owner: &UserId,
        command: &Command,
        context: &Context,
    ) -> Result<Vec<Event>, SharedError> {
        let timelines = self.judged_over(owner, command, context).await?;
        let own = self.own(owner).await?;
        let mut line = own.lock().await;
        let events = self.judge(&mut line, command, context, &timelines).await?;
        let reads = match command {
            Command::MarkRead { .. } | Command::MarkAllRead { .. } => {
                self.reads_to_show(&line.fold, context, &timelines)?
            }
            _ => Vec::new(),
        };
        drop(line);
        let mut shown = Ok(());
        for (id, read) in reads {
            // One that cannot be told now keeps none of the others from being told.
            shown = self.write(&id, Wish::Events(vec![read])).await.map(drop).and(shown);
        }
        shown.map(|()| events)
    }

    /// Of direct chats whose other is not shown yet how far the account has read them (R122), the events that show it: also where the
    /// read itself had been written before, and this had not.
    fn reads_to_show(
        &self,
        own: &Memberships,
        context: &Context,
        timelines: &BTreeMap<SharedId, Timeline>,
    ) -> Result<Vec<(SharedId, Event)>, SharedError> {
        let directory = self.sessions().hub.directory().clone();
        let mut reads = Vec::new();
        for (id, timeline) in timelines.iter().filter(|(id, _)| id.pair().is_some()) {
            let Some(member) = own.member(timeline, &directory) else { continue };
            let Some(Watermark::Time(marker)) = member.read_marker() else { continue };
            if member.read_shown_to_peer() >= Some(marker) {
                continue;
            }
            let fact = Fact::Read { through: Through::Watermark(Watermark::Time(marker)) };
            let read = Body::Conversation(member.id().clone(), fact);
            let read = event_of(context, &format!("read {id}"), own.owner(), read)?;
            let streams = streams_of(own.owner(), &read)?;
            let shown = streams.into_iter().filter(|(stream, _)| *stream == StreamId::from(id));
            reads.extend(shown.map(|(_, event)| (id.clone(), event)));
        }
        Ok(reads)
    }

    async fn judge(
        self: &Arc<Self>,
        line: &mut Line<Memberships>,
        command: &Command,
        context: &Context,
        timelines: &BTreeMap<SharedId, Timeline>,
    ) -> Result<Vec<Event>, SharedError> {
        let directory = self.sessions().hub.directory().clone();
        let mut is_newest = false;
        for _ in 0..ATTEMPTS {
            let judged = line.fold.decide(command, context, |id| timelines.get(id), &directory);
            // Refusals, and outcomes that are true already, are final on the newest state alone.
            let writes = judged.as_ref().is_ok_and(|decision| !decision.events.is_empty());
            if !writes && !is_newest {
                self.follow_line(line).await?;
                is_newest = true;
                continue;
            }
            let events = judged?.events;
            if events.is_empty() {
                return Ok(events);
            }
            check_own(line.fold.owner(), &events)?;
            let mut fold = line.fold.clone();
            events.iter().for_each(|event| fold.apply(event));
            let encoded: Vec<_> = events.iter().map(encode).collect();
            let append = Append::new(line.prefix.events, &encoded)
                .with_command(Some(CommandId::from_bytes(context.seed)));
            match line.append(append, &events, fold).await? {
                Tried::Written(_) => {
                    self.tell_own(line);
                    line.keep_snapshot(self.options.snapshot_every);
                    return Ok(events);
                }
                Tried::Known => {
                    self.follow_line(line).await?;
                    return Ok(Vec::new());
                }
                Tried::Conflict => {
                    self.follow_line(line).await?;
                    is_newest = true;
                }
            }
        }
        Err(SharedError::Contention { attempts: ATTEMPTS })
    }
}

impl Desk {
    /// Appends events to an account's own stream, each once, whoever else writes there: what a product knows that no command
    /// says, as what was read elsewhere before the account came here.
    ///
    /// # Errors
    ///
    /// [`SharedError::Misplaced`] if one belongs to a stream that accounts share (R121), [`SharedError::Unplaced`] if one belongs to
    /// none; [`SharedError`] where the log is closed or the store fails.
    pub async fn append_own(&self, owner: &UserId, events: &[Event]) -> Result<(), SharedError> {
        self.inner.write_own(owner, events).await
    }

    /// Carries out a command of an account: on what is its own (read, unread from, cleared, deleted, archived, pin, draft, marks,
    /// receive option, folders), judged as over an inbox of all that the account may see, or on what all share (recall, edit,
    /// reaction, extension, pinned message, receipts). Returns how many events that appended to the account's own stream, or 1 where it
    /// appended to a shared one: 0 where its outcome was true already, also because it was carried out before.
    ///
    /// Where it reads a direct chat the other is shown it (R122).
    ///
    /// # Errors
    ///
    /// [`SharedError::Rejected`] and [`SharedError::NotAMember`] where it is refused, [`SharedError::OtherMethod`] where another
    /// method does it, [`SharedError::Misplaced`] where it is for an inbox of one's own alone, as importing a message;
    /// [`SharedError`] where it could not be written.
    pub async fn execute(
        &self,
        owner: &UserId,
        command: Command,
        context: Context,
    ) -> Result<usize, SharedError> {
        if let Some((id, command)) = in_stream(owner, &command) {
            let wish = Wish::Judge(Box::new((command, context)));
            let written = self.inner.write(&id, wish).await?;
            return Ok(usize::from(!written.repeated));
        }
        match command {
            Command::Send { .. } => Err(SharedError::OtherMethod("send")),
            _ => Ok(self.inner.judge_own(owner, &command, &context).await?.len()),
        }
    }
}
