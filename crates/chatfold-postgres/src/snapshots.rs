//! Snapshots: found, and kept.

use std::sync::Arc;

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{FoundSnapshot, StoredSnapshot};

use crate::error::PostgresError;
use crate::pages::{self, Kept, NEWEST, PAGE};
use crate::pool::PostgresStore;
use crate::rows::{INBOX, signed};
use crate::segments::damaged;
use crate::session::Session;
use crate::source::SnapshotPages;

/// A snapshot that was found, to be read by range.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedSnapshot {
    /// The prefix of the log that it stands for.
    pub prefix: LogPrefix,
    /// Its bytes.
    pub pages: Arc<SnapshotPages>,
}

impl From<OpenedSnapshot> for FoundSnapshot {
    fn from(opened: OpenedSnapshot) -> Self {
        Self { prefix: opened.prefix, source: opened.pages }
    }
}

impl PostgresStore {
    /// The newest snapshot of no more than `through` events, whole. See
    /// [`SnapshotStore::latest`](chatfold::store::SnapshotStore::latest). One of which a page is damaged is passed over;
    /// that is told where no other is left.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses;
    /// [`PostgresError::DamagedAt`] where none is as it was written.
    pub async fn latest(
        &self,
        inbox: &StreamId,
        through: u64,
    ) -> Result<Option<StoredSnapshot>, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            session.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            let (mut found, mut fault) = (None, None);
            for (position, kept) in pages::kept(session, inbox, through).await? {
                let read = match kept {
                    Ok(kept) => pages::whole(session, inbox.key(), kept)
                        .await?
                        .map_err(|fault| damaged(inbox, PAGE, position, fault.what())),
                    Err(error) => Err(error),
                };
                match read {
                    Ok(snapshot) => {
                        found = Some(snapshot);
                        break;
                    }
                    Err(error) => {
                        self.suspects.put(inbox);
                        fault = fault.or(Some(error));
                    }
                }
            }
            session.batch_execute("COMMIT").await?;
            taken.give_back();
            match (found, fault) {
                (None, Some(fault)) => Err(fault),
                (found, _) => Ok(found),
            }
        })
        .await
    }

    /// The newest snapshot of no more than `through` events, to be read by range: what opening it reads comes with it, in one
    /// round trip, and each page when it is needed. See
    /// [`SnapshotStore::open_latest`](chatfold::store::SnapshotStore::open_latest).
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::latest`]; a page that is damaged fails the reads of it.
    pub async fn open_latest(
        &self,
        inbox: &StreamId,
        through: u64,
    ) -> Result<Option<OpenedSnapshot>, PostgresError> {
        let found = self.bounded(self.newest_list(inbox, through)).await?;
        let Some(fetcher) = self.fetcher.clone() else { return Ok(None) };
        Ok(found.map(|kept| {
            let prefix = kept.prefix;
            OpenedSnapshot { prefix, pages: Arc::new(SnapshotPages::new(self, fetcher, inbox.clone(), kept)) }
        }))
    }

    async fn newest_list(&self, inbox: &StreamId, through: u64) -> Result<Option<Kept>, PostgresError> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        let newest = session.prepare(&NEWEST).await?;
        let row = session.query_opt(&newest, &[&inbox.key(), &signed(through)]).await?;
        let mut kept = row.as_ref().map(|row| Kept::of(inbox, row)).transpose();
        if kept.is_err() {
            self.suspects.put(inbox);
            let all = pages::kept(session, inbox, through).await?;
            if let Some(sound) = all.into_iter().find_map(|(_, kept)| kept.ok()) {
                kept = Ok(Some(sound));
            }
        }
        taken.give_back();
        kept
    }

    /// Keeps a snapshot, if it is one of this log as it stands. Returns whether it was kept. See
    /// [`SnapshotStore::save`](chatfold::store::SnapshotStore::save). Written are the pages that are not there, and a list of all;
    /// in one transaction, so that a crash leaves the older snapshots as they were.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn save(&self, inbox: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            let closed = session.prepare(&INBOX).await?;
            session.batch_execute("BEGIN").await?;
            // What rewrites the log waits until the snapshot is kept, and then drops it.
            session.query_opt(&closed, &[&inbox.key()]).await?;
            let kept = self.prefix_at(session, inbox, snapshot.prefix.events).await? == Some(snapshot.prefix);
            let suspect = kept && self.suspects.contains(inbox);
            if kept {
                self.keep_snapshot(session, inbox, snapshot).await?;
            }
            session.batch_execute("COMMIT").await?;
            taken.give_back();
            if suspect {
                self.suspects.remove(inbox);
            }
            Ok(kept)
        })
        .await
    }

    /// Keeps a snapshot and drops those that it makes superfluous, within the transaction that is open.
    pub(crate) async fn keep_snapshot(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
        snapshot: &StoredSnapshot,
    ) -> Result<(), PostgresError> {
        pages::keep(session, inbox, snapshot, self.suspects.contains(inbox)).await
    }
}
