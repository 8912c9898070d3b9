//! The desk: what a server asks of shared histories, and what keeps them up to date.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatfold::list::ListCursor;
use chatfold::list::Totals;
use chatfold::redact::Redaction;
use chatfold::shared::{Directory, Member, MemberList, Memberships, Session, SharedId, StreamId, Timeline};
use chatfold::store::{LogCursor, NewEvent, RewriteError};
use chatfold::{ConversationId, Event, Filter, UserId};
use chatfold_postgres::{Heard, PostgresStore};
use moka::future::Cache;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::error::SharedError;
use super::line::{Line, Own, Reached, decoded};
use super::options::DeskOptions;
use super::sequencer::{self, Around, Ask, Asks, FIRST_PAUSE, LONGEST_PAUSE};
use super::sessions::{Deliveries, Sessions};
use super::writes::{Wish, Written};
use crate::encode;

/// How many events are read at once.
const PAGE: usize = 1_000;

/// How often what a task was asked is asked anew, where the task ended meanwhile.
const ASKS: u32 = 8;

/// How many accounts take in at once what was heard of them.
const TAKING_IN: usize = 8;

/// How often what was heard of, or what a hub lacks, is read anew where that fails: half a minute in all.
const READS: u32 = 10;

/// What all handles of a desk, and its tasks, share.
pub(crate) struct Inner {
    pub(crate) store: PostgresStore,
    pub(crate) options: DeskOptions,
    sessions: Mutex<Sessions>,
    sequencers: Mutex<HashMap<SharedId, Asks>>,
    pub(crate) accounts: Cache<UserId, Own>,
    /// How far the directory's stream was read.
    directory: tokio::sync::Mutex<LogCursor>,
    /// The direct chats used last of which both are known to have a window; of any other it is asked again.
    pub(crate) begun: Cache<SharedId, ()>,
    taking_in: Semaphore,
}

/// Connected accounts over shared histories, and all that writes to these. See the [module](super). A clone is the same desk.
#[derive(Clone)]
pub struct Desk {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

/// A connection of an account; it ends when this is dropped.
pub struct Connection {
    inner: Arc<Inner>,
    owner: UserId,
    session: Session,
    /// What it is told.
    pub deliveries: Deliveries,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Connection {
    /// The session, by which the desk is asked what it shows.
    pub fn session(&self) -> Session {
        self.session
    }

    /// Whose it is.
    pub fn owner(&self) -> &UserId {
        &self.owner
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.inner.sessions().disconnect(self.session, &self.owner);
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole between statements, whoever panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Around for Inner {
    fn store(&self) -> &PostgresStore {
        &self.store
    }

    fn options(&self) -> &DeskOptions {
        &self.options
    }

    fn tell(&self, id: &SharedId, events: &[Event]) {
        self.sessions().shared(id, events);
    }

    fn provide(&self, timeline: Timeline) {
        self.sessions().provide(timeline);
    }

    fn replace(&self, timeline: Timeline) {
        self.sessions().replace_timeline(timeline);
    }

    fn gives_up(&self, id: &SharedId) -> bool {
        let hub = &mut self.sessions().hub;
        hub.timeline(id).is_none() || hub.evict(id).is_some()
    }

    fn end_of(&self, id: &SharedId) {
        locked(&self.sequencers).remove(id);
    }
}

impl Inner {
    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        locked(&self.sessions)
    }

    fn sequencer(self: &Arc<Self>, id: &SharedId) -> Asks {
        let mut sequencers = locked(&self.sequencers);
        match sequencers.get(id) {
            Some(asks) => asks.clone(),
            None => {
                let asks = sequencer::begin(Arc::<Self>::clone(self), id.clone());
                sequencers.insert(id.clone(), asks.clone());
                asks
            }
        }
    }

    /// Asks the task of a conversation and waits for its answer.
    pub(crate) async fn ask<T>(
        self: &Arc<Self>,
        id: &SharedId,
        ask: impl Fn(oneshot::Sender<Result<T, SharedError>>) -> Ask,
    ) -> Result<T, SharedError> {
        for _ in 0..ASKS {
            let (answer, answered) = oneshot::channel();
            match self.sequencer(id).asks.try_send(ask(answer)) {
                Ok(()) => match answered.await {
                    Ok(Err(SharedError::Gone)) | Err(_) => {}
                    Ok(answer) => return answer,
                },
                Err(mpsc::error::TrySendError::Full(_)) => return Err(SharedError::Overloaded(id.clone())),
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
            // It ended meanwhile, so another one is begun.
            tokio::task::yield_now().await;
        }
        Err(SharedError::Gone)
    }

    /// Has something written to a conversation's stream.
    pub(crate) async fn write(self: &Arc<Self>, id: &SharedId, wish: Wish) -> Result<Written, SharedError> {
        self.ask(id, |answer| Ask::Write { wish: wish.clone(), answer }).await
    }

    /// What a conversation's stream has come to.
    pub(crate) async fn reached(self: &Arc<Self>, id: &SharedId) -> Result<Reached, SharedError> {
        self.ask(id, |answer| Ask::Reached { answer }).await
    }

    /// Has the hub given the timelines that it lacks.
    async fn provide_all(self: &Arc<Self>, needs: Vec<SharedId>) -> Result<(), SharedError> {
        for id in needs {
            self.ask(&id, |answer| Ask::Provide { answer }).await?;
        }
        Ok(())
    }

    /// Tells the sessions of an account what was taken in of its own stream, which whoever calls this holds.
    pub(crate) fn tell_own(self: &Arc<Self>, line: &mut Line<Memberships>) {
        let news = line.news();
        let lacking = match news.is_new {
            true => self.sessions().replace_own(&line.fold),
            false if news.events.is_empty() => return,
            false => self.sessions().personal(line.fold.owner(), &news.events),
        };
        if !lacking.is_empty() {
            let inner = Arc::clone(self);
            // Its rows are told once the timelines are there.
            tokio::spawn(async move {
                // What cannot be loaded by then is with the next connection.
                drop(again(|| inner.provide_all(lacking.clone())).await);
            });
        }
    }

    /// Loads an account's own stream and the timelines that it sees, if they are not here, and opens a session.
    pub(crate) async fn connect(self: &Arc<Self>, owner: &UserId) -> Result<Connection, SharedError> {
        let own = self.own(owner).await?;
        let (session, deliveries, needs) = {
            let mut line = own.lock().await;
            let followed = line.follow().await;
            self.tell_own(&mut line);
            followed?;
            self.sessions().connect((&line.fold, &own), self.options.session_len)?
        };
        let connection = Connection { inner: Arc::clone(self), owner: owner.clone(), session, deliveries };
        self.provide_all(needs).await?;
        Ok(connection)
    }

    /// The directory's stream from where it was read to on; from its beginning where it is another log than the one that was known.
    async fn follow_directory(&self) -> Result<(), SharedError> {
        let mut known = self.directory.lock().await;
        match self.read_directory(&mut known, |event| self.sessions().profile(event)).await {
            Err(SharedError::Damaged { .. }) if known.position() > 0 => {}
            read => return read,
        }
        let (mut cursor, mut directory) = (LogCursor::default(), Directory::new());
        self.read_directory(&mut cursor, |event| drop(directory.apply(event))).await?;
        self.sessions().replace_directory(directory);
        *known = cursor;
        Ok(())
    }

    async fn read_directory(
        &self,
        cursor: &mut LogCursor,
        mut take_in: impl FnMut(&Event),
    ) -> Result<(), SharedError> {
        loop {
            let page = self.store.read(&StreamId::Directory, cursor.position(), PAGE).await?;
            let damaged = |position| SharedError::Damaged { stream: StreamId::Directory, position };
            let mut behind = *cursor;
            let end = behind.take_in(&page).map_err(|at| damaged(at.position))?;
            let events =
                page.events.iter().filter_map(|stored| decoded(&StreamId::Directory, stored).transpose());
            events.collect::<Result<Vec<_>, _>>()?.iter().for_each(&mut take_in);
            *cursor = behind;
            if end {
                return Ok(());
            }
        }
    }

    /// Takes in what the store told of a stream, or what may be there of it; tries again where it cannot be read.
    async fn heard(self: Arc<Self>, stream: StreamId, events: u64) -> Result<(), SharedError> {
        match &stream {
            StreamId::Conversation(id) => {
                let asks = locked(&self.sequencers).get(id).cloned();
                if let Some(asks) = asks {
                    asks.heard(events);
                }
                Ok(())
            }
            StreamId::Account(owner) => {
                again(|| async {
                    let Some(own) = self.held(owner).await else { return Ok(()) };
                    let Ok(_permit) = self.taking_in.acquire().await else { return Ok(()) };
                    self.follow_own(&own, events).await
                })
                .await
            }
            StreamId::Directory => again(|| self.follow_directory()).await,
        }
    }
}

/// Does something anew as long as it fails, at most [`READS`] times, and longer after each.
async fn again<F: Future<Output = Result<(), SharedError>>>(done: impl Fn() -> F) -> Result<(), SharedError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..READS {
        if done().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
    done().await
}

impl Desk {
    /// Opens a desk, and reads the directory.
    ///
    /// # Errors
    ///
    /// [`SharedError`] where the store cannot be read.
    pub async fn open(store: PostgresStore, options: DeskOptions) -> Result<Self, SharedError> {
        let inner = Arc::new(Inner {
            store,
            options,
            sessions: Mutex::new(Sessions::new(Directory::new())),
            sequencers: Mutex::default(),
            accounts: Cache::new(options.accounts.max(1)),
            directory: tokio::sync::Mutex::default(),
            begun: Cache::new(options.accounts.max(1)),
            taking_in: Semaphore::new(TAKING_IN),
        });
        inner.follow_directory().await?;
        Ok(Self { inner })
    }

    /// Connects an account: loads its own stream and the timelines that it sees, if they are not here. Rows of other connected
    /// accounts are told meanwhile as ever.
    ///
    /// # Errors
    ///
    /// [`SharedError`] where the store cannot be read.
    pub async fn connect(&self, owner: &UserId) -> Result<Connection, SharedError> {
        self.inner.connect(owner).await
    }

    /// Asks what a conversation shows to a session; `None` where it shows nothing. Nothing else is told or written meanwhile, so
    /// take what is needed and no more.
    pub fn member<T>(
        &self,
        session: Session,
        id: &ConversationId,
        ask: impl FnOnce(&Member<'_>) -> T,
    ) -> Option<T> {
        self.inner.sessions().hub.member(session, id).map(|member| ask(&member))
    }

    /// Asks for rows of a session's list; see [`Hub::list`](chatfold::shared::Hub::list).
    pub fn list<T>(
        &self,
        session: Session,
        filter: &Filter,
        after: Option<&ListCursor>,
        limit: usize,
        ask: impl FnOnce(&MemberList<'_>) -> T,
    ) -> Option<T> {
        self.inner.sessions().hub.list(session, filter, after, limit).map(|list| ask(&list))
    }

    /// Unread messages over the whole list of a session's account (R53).
    pub fn totals(&self, session: Session) -> Option<Totals> {
        self.inner.sessions().hub.totals(session)
    }

    /// Takes in what other nodes write, as it happens, until the connection to the store is lost. Run it beside everything else and
    /// begin it again after an error: it takes in first what was missed. What the store tells of and cannot be read at once is
    /// tried again; a conversation until it can be read.
    ///
    /// A writer that ends between its commit and its telling is heard of with the next write to the same stream.
    ///
    /// # Errors
    ///
    /// [`SharedError`] when the connection is lost, or an account or the directory cannot be read for half a minute.
    pub async fn keep_up(&self) -> Result<Infallible, SharedError> {
        let mut listener = self.inner.store.listen().await?;
        let mut tasks = JoinSet::new();
        self.all(&mut tasks);
        loop {
            tokio::select! {
                heard = listener.next() => match heard? {
                    Heard::Inbox { inbox, events } => {
                        tasks.spawn(Arc::clone(&self.inner).heard(inbox, events));
                    }
                    _ => self.all(&mut tasks),
                },
                Some(done) = tasks.join_next() => done.map_err(|_| SharedError::Gone)??,
            }
        }
    }

    /// Anything held here may have changed.
    fn all(&self, tasks: &mut JoinSet<Result<(), SharedError>>) {
        let shared: Vec<StreamId> = locked(&self.inner.sequencers).keys().map(StreamId::from).collect();
        let mut own: BTreeSet<UserId> = self.inner.sessions().connected().into_iter().collect();
        own.extend(self.inner.accounts.iter().map(|(owner, _)| UserId::clone(&owner)));
        let own = own.into_iter().map(StreamId::Account);
        for stream in shared.into_iter().chain(own).chain([StreamId::Directory]) {
            tasks.spawn(Arc::clone(&self.inner).heard(stream, u64::MAX));
        }
    }

    /// Appends a profile of a user or a group to the directory, and tells the rows in which it shows.
    ///
    /// # Errors
    ///
    /// [`SharedError::Misplaced`] if the event is no profile; [`SharedError`] where the store fails or the log is closed.
    pub async fn set_profile(&self, event: &Event) -> Result<(), SharedError> {
        let placed = chatfold::shared::streams_of(event.by(), event)?;
        if !placed.iter().all(|(stream, _)| *stream == StreamId::Directory) {
            return Err(SharedError::Misplaced { type_name: event.type_name() });
        }
        self.inner.bring(&StreamId::Directory, &[encode(event)]).await?;
        self.inner.follow_directory().await
    }

    /// Redacts events of a stream: of an account's own or of a conversation. What is held here is loaded anew, and other nodes
    /// notice when they are told; sessions that see it hear that they lag.
    ///
    /// # Errors
    ///
    /// [`SharedError`] where the log is damaged or the store fails. Nothing is changed then.
    pub async fn redact(&self, stream: &StreamId, mut redaction: Redaction) -> Result<(), SharedError> {
        let events = self.whole(stream).await?;
        events.iter().for_each(|(_, event)| redaction.note(event));
        let changes = events.iter().filter_map(|(position, event)| {
            let NewEvent { bytes, .. } = encode(&redaction.redact(event)?);
            Some((*position, bytes))
        });
        let changes: Vec<_> = changes.collect();
        match self.inner.store.rewrite(stream, &changes).await {
            Ok(_) => {}
            Err(RewriteError::NoSuchEvent { position }) => {
                return Err(SharedError::Damaged { stream: stream.clone(), position });
            }
            Err(RewriteError::Store(error)) => return Err(error.into()),
        }
        self.notice(stream).await;
        Ok(())
    }

    /// All events of a stream, with their positions.
    async fn whole(&self, stream: &StreamId) -> Result<Vec<(u64, Event)>, SharedError> {
        let (mut cursor, mut events) = (LogCursor::default(), Vec::new());
        loop {
            let page = self.inner.store.read(stream, cursor.position(), PAGE).await?;
            let damaged = |position| SharedError::Damaged { stream: stream.clone(), position };
            let end = cursor.take_in(&page).map_err(|at| damaged(at.position))?;
            for stored in &page.events {
                events.extend(decoded(stream, stored)?.map(|event| (stored.position(), event)));
            }
            if end {
                return Ok(events);
            }
        }
    }

    /// Erases a stream: an account's own, or all of a conversation. It takes no more events.
    ///
    /// # Errors
    ///
    /// [`SharedError::Store`] where the store fails.
    pub async fn erase(&self, stream: &StreamId) -> Result<(), SharedError> {
        self.inner.store.erase(stream).await?;
        self.notice(stream).await;
        Ok(())
    }

    /// Loads anew what is held here of a stream that is another one now. What cannot be read now is read when it is asked for.
    async fn notice(&self, stream: &StreamId) {
        drop(Arc::clone(&self.inner).heard(stream.clone(), u64::MAX).await);
    }
}
