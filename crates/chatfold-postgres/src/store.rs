//! Everything but appending.

use chatfold::UserId;
use chatfold::shared::StreamId;
use chatfold::store::{Head, OutboxChange};
use futures_util::future::try_join3;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::keys;
use crate::outbox::Told;
use crate::pool::{PostgresStore, Taken};
use crate::rows::{self, CLOSED, HEAD, LOCK, MAKE};
use crate::session::{Session, Sql};

const CLOSE: Sql = Sql {
    text: "UPDATE @chatfold_inbox SET closed = $2, moved_to = $3 WHERE inbox = $1",
    types: &[Type::TEXT, Type::TEXT, Type::TEXT],
};
const ERASE: Sql = Sql {
    text: "UPDATE @chatfold_inbox SET closed = coalesce(closed, 'erased'), sealed = 0 WHERE inbox = $1",
    types: &[Type::TEXT],
};
const EMPTY: Sql = Sql { text: "DELETE FROM @chatfold_event WHERE inbox = $1", types: &[Type::TEXT] };
const NO_SEGMENTS: Sql = Sql { text: "DELETE FROM @chatfold_segment WHERE inbox = $1", types: &[Type::TEXT] };
/// What is dropped with the snapshots of an inbox.
const DROPPED: [&Sql; 2] = [
    &Sql { text: "DELETE FROM @chatfold_snapshot WHERE inbox = $1", types: &[Type::TEXT] },
    &Sql { text: "DELETE FROM @chatfold_snapshot_page WHERE inbox = $1", types: &[Type::TEXT] },
];
/// Keys of streams that accounts share begin with a tab, those of accounts stand behind all control characters.
const SHARED_END: &str = "\n";
const INBOXES: Sql = Sql {
    text: "SELECT inbox FROM @chatfold_inbox WHERE inbox > $1 ORDER BY inbox LIMIT $2",
    types: &[Type::TEXT, Type::INT8],
};

impl PostgresStore {
    /// Where a log stands; [`Head::EMPTY`] for one that nobody has written.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn head(&self, inbox: &StreamId) -> Result<Head, PostgresError> {
        Ok(self.read(inbox, u64::MAX, 0).await?.head)
    }

    /// The owners of the inboxes after `after`, in order, at most `limit` of them: whoever has a stream of its own.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn inboxes(&self, after: Option<&UserId>, limit: usize) -> Result<Vec<UserId>, PostgresError> {
        let streams = self.streams_behind(after.map_or(SHARED_END, UserId::as_str), limit).await?;
        Ok(streams.iter().filter_map(StreamId::account).cloned().collect())
    }

    /// The streams after `after`, in the order of the bytes of their keys, at most `limit` of them: those that accounts share,
    /// then those of accounts.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn streams(
        &self,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamId>, PostgresError> {
        self.streams_behind(after.map_or("", StreamId::key), limit).await
    }

    async fn streams_behind(&self, after: &str, limit: usize) -> Result<Vec<StreamId>, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = taken.session()?.query_once(&INBOXES, &[&after, &limit]).await?;
            taken.give_back();
            let owner = |row: &tokio_postgres::Row| {
                let text: &str = row.try_get(0)?;
                StreamId::from_key(text)
                    .map_err(|_| PostgresError::Damaged(format!("{text:?} is no owner's id")))
            };
            rows.iter().map(owner).collect()
        })
        .await
    }

    /// Refuses appends from now on. See [`EventStore::fence`](chatfold::store::EventStore::fence).
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn fence(&self, inbox: &StreamId, to: &str) -> Result<Head, PostgresError> {
        self.close(inbox, Some("moved"), Some(to)).await
    }

    /// Takes appends again. See [`EventStore::reopen`](chatfold::store::EventStore::reopen).
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn reopen(&self, inbox: &StreamId) -> Result<Head, PostgresError> {
        self.close(inbox, None, None).await
    }

    /// Erases the events and all snapshots. See [`EventStore::erase`](chatfold::store::EventStore::erase).
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn erase(&self, inbox: &StreamId) -> Result<Head, PostgresError> {
        self.bounded(async {
            let (taken, outbox) = self.begin(inbox).await?;
            let session = &taken.session()?;
            let owner = inbox.key();
            session.execute_once(&ERASE, &[&owner]).await?;
            session.execute_once(&EMPTY, &[&owner]).await?;
            session.execute_once(&NO_SEGMENTS, &[&owner]).await?;
            keys::remove_all(session, owner).await?;
            drop_snapshots(session, owner).await?;
            Told::of(inbox, Some(OutboxChange::Erased)).write(session, outbox).await?;
            let head = commit(taken, inbox).await?;
            self.tell(inbox, u64::MAX);
            Ok(head)
        })
        .await
    }

    async fn close(
        &self,
        inbox: &StreamId,
        closed: Option<&str>,
        to: Option<&str>,
    ) -> Result<Head, PostgresError> {
        self.bounded(async {
            let (taken, outbox) = self.begin(inbox).await?;
            let session = &taken.session()?;
            session.execute_once(&CLOSE, &[&inbox.key(), &closed, &to]).await?;
            let change = closed.map_or(OutboxChange::Reopened, |_| OutboxChange::Fenced);
            Told::of(inbox, Some(change)).write(session, outbox).await?;
            let head = commit(taken, inbox).await?;
            self.tell(inbox, u64::MAX);
            Ok(head)
        })
        .await
    }

    /// Begins a transaction that concerns the whole of a log: appends under way are waited for, later ones wait. Returns
    /// whether the outbox is on, too.
    pub(crate) async fn begin(&self, inbox: &StreamId) -> Result<(Taken, bool), PostgresError> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        let owner = inbox.key();
        session.batch_execute("BEGIN").await?;
        session.execute_once(&MAKE, &[&owner]).await?;
        let locked = session.query_once(&LOCK, &[&owner]).await?;
        let outbox = locked.first().map(|row| row.try_get("outbox")).transpose()?;
        Ok((taken, outbox.unwrap_or(false)))
    }
}

/// Commits, and tells where the log stands.
pub(crate) async fn commit(taken: Taken, inbox: &StreamId) -> Result<Head, PostgresError> {
    let session = &taken.session()?;
    let (closed, head) = (session.prepare(&CLOSED).await?, session.prepare(&HEAD).await?);
    let owner = inbox.key();
    let (closed, head, ()) = try_join3(
        session.query_opt(&closed, &[&owner]),
        session.query_opt(&head, &[&owner]),
        session.batch_execute("COMMIT"),
    )
    .await?;
    taken.give_back();
    rows::standing(closed.as_ref(), head.as_ref()).map(|(head, _)| head)
}

pub(crate) async fn drop_snapshots(session: &Session<'_>, owner: &str) -> Result<(), PostgresError> {
    for table in DROPPED {
        session.execute_once(table, &[&owner]).await?;
    }
    Ok(())
}
