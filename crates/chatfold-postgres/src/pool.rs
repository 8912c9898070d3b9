//! The pool of connections that a store is, and one of them taken for a transaction.

use std::fmt;
use std::sync::Arc;

use chatfold::UserId;
use deadpool_postgres::{Object, Pool};
use tokio::sync::mpsc;

use crate::error::{PostgresError, StoreFailure};
use crate::listen::Listen;
use crate::options::Options;

/// Logs and snapshots in PostgreSQL.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: Pool,
    pub(crate) options: Options,
    pub(crate) listen: Arc<dyn Listen>,
    pub(crate) teller: Option<mpsc::UnboundedSender<UserId>>,
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

    /// Takes a connection for one transaction.
    pub(crate) async fn client(&self) -> Result<Taken, PostgresError> {
        match self.pool.get().await {
            Ok(object) => Ok(Taken(Some(object))),
            Err(deadpool_postgres::PoolError::Backend(error)) => Err(error.into()),
            Err(error) => Err(PostgresError::Pool(error.to_string())),
        }
    }
}

/// A connection taken from the pool for one transaction. It goes back only when that ended well: one that was given
/// up in the middle (an error, a dropped future) is closed, and the server rolls back.
pub(crate) struct Taken(Option<Object>);

impl Taken {
    pub(crate) fn client(&self) -> Result<&deadpool_postgres::ClientWrapper, PostgresError> {
        self.0.as_deref().ok_or_else(|| PostgresError::Pool("the connection was given back".into()))
    }

    /// The transaction ended: the connection serves others.
    pub(crate) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
