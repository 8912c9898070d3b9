//! The pool of connections that a store is, and one of them taken for a transaction.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatfold::shared::StreamId;
use deadpool_postgres::{Object, Pool, PoolError, TimeoutType};

use crate::error::{PostgresError, StoreFailure};
use crate::heard::Teller;
use crate::joiner::Joiner;
use crate::listen::Listen;
use crate::options::Options;
use crate::pages::FetchPages;
use crate::segments::Decoded;
use crate::session::Session;

/// Logs and snapshots in PostgreSQL.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: Pool,
    pub(crate) options: Arc<Options>,
    /// What stands before the names of the tables.
    pub(crate) schema: Arc<str>,
    /// How many callers wait for a connection just now.
    pub(crate) waiting: Arc<AtomicUsize>,
    /// The appends that wait to be written together.
    pub(crate) joiner: Arc<Joiner>,
    /// `None` where nothing can be heard.
    pub(crate) listen: Option<Arc<dyn Listen>>,
    pub(crate) teller: Option<Arc<Teller>>,
    /// `None` where rows are not sealed in a task.
    pub(crate) sealer: Option<Arc<Teller>>,
    pub(crate) decoded: Arc<Decoded>,
    /// The inboxes of which a snapshot was found damaged.
    pub(crate) suspects: Arc<Suspects>,
    /// `None` for the store that a fetcher has.
    pub(crate) fetcher: Option<Arc<dyn FetchPages>>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("options", &self.options).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Waits for an answer no longer than [`Options::answer_timeout`]. What is given up closes its connection; where
    /// the server turned out to be read-only, those that nobody uses are closed too, since they lead to the same one.
    pub(crate) async fn bounded<T, E: StoreFailure>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let bound = self.options.answer_timeout;
        let answered = tokio::time::timeout(bound, answer).await;
        let answered = answered.unwrap_or_else(|_| Err(PostgresError::NoAnswer(bound).into()));
        if let Err(error) = &answered
            && error.of_store().is_some_and(PostgresError::is_read_only)
        {
            self.pool.retain(|_, _| false);
        }
        answered
    }

    /// Takes a connection for one transaction: one that is free or can be made, else the next that comes free, if no
    /// more than [`Options::waiting`] wait for that.
    pub(crate) async fn client(&self) -> Result<Taken, PostgresError> {
        let mut at_once = self.pool.timeouts();
        at_once.wait = Some(Duration::ZERO);
        match self.pool.timeout_get(&at_once).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                let _turn = Turn::take(&self.waiting, self.options.waiting)?;
                self.client_whoever_waits().await
            }
            other => self.taken(other),
        }
    }

    /// The same for what the store does by itself, which nobody may refuse: however many wait.
    pub(crate) async fn client_whoever_waits(&self) -> Result<Taken, PostgresError> {
        self.taken(self.pool.get().await)
    }

    fn taken(&self, object: Result<Object, PoolError>) -> Result<Taken, PostgresError> {
        let object = object.map_err(|error| match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(TimeoutType::Wait) => PostgresError::PoolTimeout {
                waited: self.options.connect_timeout,
                connections: self.options.connections.max(1),
            },
            error => PostgresError::Pool(error.to_string()),
        })?;
        Ok(Taken { object: Some(object), schema: Arc::clone(&self.schema), pooled: self.options.pooled })
    }
}

/// Inboxes of which a snapshot was found damaged: the next one that is kept relies on no page that is there.
#[derive(Debug, Default)]
pub(crate) struct Suspects(Mutex<HashSet<StreamId>>);

impl Suspects {
    fn inboxes(&self) -> MutexGuard<'_, HashSet<StreamId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, inbox: &StreamId) {
        self.inboxes().insert(inbox.clone());
    }

    pub(crate) fn contains(&self, inbox: &StreamId) -> bool {
        self.inboxes().contains(inbox)
    }

    pub(crate) fn remove(&self, inbox: &StreamId) {
        self.inboxes().remove(inbox);
    }
}

/// A place among those who wait, until it is dropped.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn take(waiting: &'a AtomicUsize, limit: usize) -> Result<Self, PostgresError> {
        let more = |waiting: usize| (waiting < limit).then(|| waiting + 1);
        match waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self(waiting)),
            Err(waiting) => Err(PostgresError::Overloaded { waiting, limit }),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection taken from the pool for one transaction. It goes back only when that ended well: one that was given
/// up in the middle (an error, a dropped future) is closed, and the server rolls back.
pub(crate) struct Taken {
    object: Option<Object>,
    schema: Arc<str>,
    pooled: bool,
}

impl Taken {
    pub(crate) fn session(&self) -> Result<Session<'_>, PostgresError> {
        let client = self.object.as_deref();
        let client = client.ok_or_else(|| PostgresError::Pool("the connection was given back".into()))?;
        Ok(Session::on(client, &self.schema, self.pooled))
    }

    /// The transaction ended: the connection serves others.
    pub(crate) fn give_back(mut self) {
        drop(self.object.take());
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
