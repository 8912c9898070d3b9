//! Snapshots: found, and kept within a transaction.

use chatfold::UserId;
use chatfold::store::{SNAPSHOTS_KEPT, StoredSnapshot};
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::pool::PostgresStore;
use crate::rows::{self, INBOX, signed};
use crate::session::{Session, Sql};

const KEEP: Sql = Sql {
    text: "INSERT INTO @chatfold_snapshot (inbox, position, hash, bytes) VALUES ($1, $2, $3, $4) \
           ON CONFLICT (inbox, position) DO UPDATE SET hash = excluded.hash, bytes = excluded.bytes",
    types: &[Type::TEXT, Type::INT8, Type::BYTEA, Type::BYTEA],
};
const NEWEST: Sql = Sql {
    text: "SELECT position FROM @chatfold_snapshot WHERE inbox = $1 ORDER BY position DESC LIMIT $2",
    types: &[Type::TEXT, Type::INT8],
};
const FORGET: Sql = Sql {
    text: "DELETE FROM @chatfold_snapshot WHERE inbox = $1 AND position < $2",
    types: &[Type::TEXT, Type::INT8],
};

/// Keeps a snapshot and drops those that it makes superfluous, within the transaction that is open.
pub(crate) async fn keep_snapshot(
    session: &Session<'_>,
    inbox: &UserId,
    snapshot: &StoredSnapshot,
) -> Result<(), PostgresError> {
    let StoredSnapshot { prefix, bytes } = snapshot;
    let (owner, position, hash) = (inbox.as_str(), signed(prefix.events), prefix.hash.to_be_bytes());
    let keep = session.prepare(&KEEP).await?;
    session.execute(&keep, &[&owner, &position, &hash.as_slice(), bytes]).await?;
    let newest = session.prepare(&NEWEST).await?;
    let newest = session.query(&newest, &[&owner, &(SNAPSHOTS_KEPT as i64)]).await?;
    if let Some(oldest) = newest.last() {
        let oldest: i64 = oldest.try_get(0)?;
        let forget = session.prepare(&FORGET).await?;
        session.execute(&forget, &[&owner, &oldest]).await?;
    }
    Ok(())
}

const LATEST: Sql = Sql {
    text: "SELECT position, hash, bytes FROM @chatfold_snapshot \
           WHERE inbox = $1 AND position <= $2 ORDER BY position DESC LIMIT 1",
    types: &[Type::TEXT, Type::INT8],
};

impl PostgresStore {
    /// The newest snapshot of no more than `through` events. See
    /// [`SnapshotStore::latest`](chatfold::store::SnapshotStore::latest).
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn latest(
        &self,
        inbox: &UserId,
        through: u64,
    ) -> Result<Option<StoredSnapshot>, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            let latest = session.prepare(&LATEST).await?;
            let row = session.query_opt(&latest, &[&inbox.as_str(), &signed(through)]).await?;
            taken.give_back();
            let whole = |row| Ok(StoredSnapshot::new(rows::prefix(row)?, row.try_get("bytes")?));
            row.as_ref().map(whole).transpose()
        })
        .await
    }

    /// Keeps a snapshot, if it is one of this log as it stands. Returns whether it was kept. See
    /// [`SnapshotStore::save`](chatfold::store::SnapshotStore::save).
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn save(&self, inbox: &UserId, snapshot: &StoredSnapshot) -> Result<bool, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            let closed = session.prepare(&INBOX).await?;
            session.batch_execute("BEGIN").await?;
            // What rewrites the log waits until the snapshot is kept, and then drops it.
            session.query_opt(&closed, &[&inbox.as_str()]).await?;
            let kept = self.prefix_at(session, inbox, snapshot.prefix.events).await? == Some(snapshot.prefix);
            if kept {
                keep_snapshot(session, inbox, snapshot).await?;
            }
            session.batch_execute("COMMIT").await?;
            taken.give_back();
            Ok(kept)
        })
        .await
    }
}
