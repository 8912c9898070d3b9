//! Everything but appending.

use std::collections::BTreeMap;

use chatfold::snapshot::LogPrefix;
use chatfold::store::{Head, Page, RewriteError, StoredEvent, StoredSnapshot};
use chatfold::{EventId, UserId};
use deadpool_postgres::ClientWrapper;
use futures_util::future::{try_join3, try_join5};

use crate::error::PostgresError;
use crate::pool::{PostgresStore, Taken};
use crate::rows::{self, HEAD, INBOX, signed};
use crate::snapshots::keep_snapshot;

/// How many events are held at once while the hashes of a log are computed anew.
const CHUNK: i64 = 4_000;

const READ: &str = "SELECT position, id, command, hash, bytes FROM chatfold_event \
                    WHERE inbox = $1 AND position > $2 ORDER BY position LIMIT $3";
const BYTES: &str = "SELECT position, bytes FROM chatfold_event \
                     WHERE inbox = $1 AND position > $2 ORDER BY position LIMIT $3";
const HASH: &str = "UPDATE chatfold_event AS e SET hash = n.hash \
                    FROM unnest($2::bigint[], $3::bytea[]) AS n (position, hash) \
                    WHERE e.inbox = $1 AND e.position = n.position";
const CHANGE: &str = "UPDATE chatfold_event AS e SET bytes = n.bytes \
                      FROM unnest($2::bigint[], $3::bytea[]) AS n (position, bytes) \
                      WHERE e.inbox = $1 AND e.position = n.position";
const CLOSED: &str = "SELECT closed, moved_to FROM chatfold_inbox WHERE inbox = $1";
const AT: &str = "SELECT position, hash FROM chatfold_event WHERE inbox = $1 AND position = $2";

impl PostgresStore {
    /// At most `limit` events after position `after`, and where the log stood at that moment. See
    /// [`EventStore::read`](chatfold::store::EventStore::read). One round trip.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn read(&self, inbox: &UserId, after: u64, limit: usize) -> Result<Page, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let client = taken.client()?;
            let prepared = try_join3(
                client.prepare_cached(CLOSED),
                client.prepare_cached(HEAD),
                client.prepare_cached(READ),
            );
            let (closed, head, read) = prepared.await?;
            let (owner, after, limit) =
                (inbox.as_str(), signed(after), i64::try_from(limit).unwrap_or(i64::MAX));
            // Head and events are of one moment.
            let ((), closed, head, events, ()) = try_join5(
                client.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"),
                client.query_opt(&closed, &[&owner]),
                client.query_opt(&head, &[&owner]),
                client.query(&read, &[&owner, &after, &limit]),
                client.batch_execute("COMMIT"),
            )
            .await?;
            taken.give_back();
            let closed = closed.as_ref().map_or(Ok(None), rows::closed)?;
            let prefix = head.as_ref().map_or(Ok(LogPrefix::EMPTY), rows::prefix)?;
            let events = events.iter().map(rows::event).collect::<Result<Vec<StoredEvent>, _>>()?;
            Ok(Page::new(Head::new(prefix, closed), events))
        })
        .await
    }

    /// The event of this id, as the store has it; `None` where the log has none. See
    /// [`EventStore::find`](chatfold::store::EventStore::find). One round trip.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn find(&self, inbox: &UserId, id: EventId) -> Result<Option<StoredEvent>, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let client = taken.client()?;
            let sql =
                "SELECT position, id, command, hash, bytes FROM chatfold_event WHERE inbox = $1 AND id = $2";
            let find = client.prepare_cached(sql).await?;
            let row = client.query_opt(&find, &[&inbox.as_str(), &id.uuid()]).await?;
            taken.give_back();
            row.as_ref().map(rows::event).transpose()
        })
        .await
    }

    /// Where a log stands; [`Head::EMPTY`] for one that nobody has written.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn head(&self, inbox: &UserId) -> Result<Head, PostgresError> {
        Ok(self.read(inbox, u64::MAX, 0).await?.head)
    }

    /// The owners of the inboxes after `after`, in order, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn inboxes(&self, after: Option<&UserId>, limit: usize) -> Result<Vec<UserId>, PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let sql = "SELECT inbox FROM chatfold_inbox WHERE inbox > $1 ORDER BY inbox LIMIT $2";
            let (after, limit) = (after.map_or("", UserId::as_str), i64::try_from(limit).unwrap_or(i64::MAX));
            let rows = taken.client()?.query(sql, &[&after, &limit]).await?;
            taken.give_back();
            let owner = |row: &tokio_postgres::Row| {
                let text: &str = row.try_get(0)?;
                UserId::parse(text).map_err(|_| PostgresError::Damaged(format!("{text:?} is no owner's id")))
            };
            rows.iter().map(owner).collect()
        })
        .await
    }

    /// Puts other bytes in the place of events and drops all snapshots. See
    /// [`EventStore::rewrite`](chatfold::store::EventStore::rewrite).
    ///
    /// # Errors
    ///
    /// [`RewriteError::NoSuchEvent`] if a position has no event, [`RewriteError::Store`] if the store failed. Nothing
    /// is changed then.
    pub async fn rewrite(
        &self,
        inbox: &UserId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<PostgresError>> {
        self.bounded(async {
            let taken = self.begin(inbox).await?;
            let client = taken.client()?;
            let owner = inbox.as_str();
            let head = client.prepare_cached(HEAD).await.map_err(PostgresError::from)?;
            let head = client.query_opt(&head, &[&owner]).await.map_err(PostgresError::from)?;
            let last = head.as_ref().map_or(Ok(LogPrefix::EMPTY), rows::prefix)?.events;
            if let Some((position, _)) = events.iter().find(|(at, _)| !(1..=last).contains(at)) {
                return Err(RewriteError::NoSuchEvent { position: *position });
            }
            let changes: Changes<'_> = events.iter().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
            if let Some((first, _)) = changes.first_key_value() {
                hash_anew(client, owner, *first, &changes).await?;
            }
            drop_snapshots(client, owner).await?;
            let head = commit(taken, inbox).await?;
            self.tell(inbox);
            Ok(head)
        })
        .await
    }

    /// Refuses appends from now on. See [`EventStore::fence`](chatfold::store::EventStore::fence).
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn fence(&self, inbox: &UserId, to: &str) -> Result<Head, PostgresError> {
        self.close(inbox, Some("moved"), Some(to)).await
    }

    /// Takes appends again. See [`EventStore::reopen`](chatfold::store::EventStore::reopen).
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn reopen(&self, inbox: &UserId) -> Result<Head, PostgresError> {
        self.close(inbox, None, None).await
    }

    /// Erases the events and all snapshots. See [`EventStore::erase`](chatfold::store::EventStore::erase).
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses.
    pub async fn erase(&self, inbox: &UserId) -> Result<Head, PostgresError> {
        self.bounded(async {
            let taken = self.begin(inbox).await?;
            let client = taken.client()?;
            let owner = inbox.as_str();
            let sql = "UPDATE chatfold_inbox SET closed = 'erased' WHERE inbox = $1 AND closed IS NULL";
            client.execute(sql, &[&owner]).await?;
            client.execute("DELETE FROM chatfold_event WHERE inbox = $1", &[&owner]).await?;
            drop_snapshots(client, owner).await?;
            let head = commit(taken, inbox).await?;
            self.tell(inbox);
            Ok(head)
        })
        .await
    }

    async fn close(
        &self,
        inbox: &UserId,
        closed: Option<&str>,
        to: Option<&str>,
    ) -> Result<Head, PostgresError> {
        self.bounded(async {
            let taken = self.begin(inbox).await?;
            let sql = "UPDATE chatfold_inbox SET closed = $2, moved_to = $3 WHERE inbox = $1";
            taken.client()?.execute(sql, &[&inbox.as_str(), &closed, &to]).await?;
            let head = commit(taken, inbox).await?;
            self.tell(inbox);
            Ok(head)
        })
        .await
    }

    /// Begins a transaction that concerns the whole of a log: appends under way are waited for, later ones wait.
    async fn begin(&self, inbox: &UserId) -> Result<Taken, PostgresError> {
        let taken = self.client().await?;
        let client = taken.client()?;
        let owner = inbox.as_str();
        client.batch_execute("BEGIN").await?;
        let sql = "INSERT INTO chatfold_inbox (inbox) VALUES ($1) ON CONFLICT DO NOTHING";
        client.execute(sql, &[&owner]).await?;
        client.query_one("SELECT inbox FROM chatfold_inbox WHERE inbox = $1 FOR UPDATE", &[&owner]).await?;
        Ok(taken)
    }

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
            let client = taken.client()?;
            let sql = "SELECT position, hash, bytes FROM chatfold_snapshot \
                   WHERE inbox = $1 AND position <= $2 ORDER BY position DESC LIMIT 1";
            let latest = client.prepare_cached(sql).await?;
            let row = client.query_opt(&latest, &[&inbox.as_str(), &signed(through)]).await?;
            taken.give_back();
            row.as_ref().map(rows::snapshot).transpose()
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
            let client = taken.client()?;
            let (closed, at) = (client.prepare_cached(INBOX).await?, client.prepare_cached(AT).await?);
            let (owner, position) = (inbox.as_str(), signed(snapshot.prefix.events));
            client.batch_execute("BEGIN").await?;
            // What rewrites the log waits until the snapshot is kept, and then drops it.
            client.query_opt(&closed, &[&owner]).await?;
            let row = client.query_opt(&at, &[&owner, &position]).await?;
            let prefix = match snapshot.prefix.events {
                0 => Some(LogPrefix::EMPTY),
                _ => row.as_ref().map(rows::prefix).transpose()?,
            };
            let kept = prefix == Some(snapshot.prefix);
            if kept {
                keep_snapshot(client, inbox, snapshot).await?;
            }
            client.batch_execute("COMMIT").await?;
            taken.give_back();
            Ok(kept)
        })
        .await
    }
}

/// Commits, and tells where the log stands.
async fn commit(taken: Taken, inbox: &UserId) -> Result<Head, PostgresError> {
    let client = taken.client()?;
    let (closed, head) = (client.prepare_cached(CLOSED).await?, client.prepare_cached(HEAD).await?);
    let owner = inbox.as_str();
    let (closed, head, ()) = try_join3(
        client.query_opt(&closed, &[&owner]),
        client.query_opt(&head, &[&owner]),
        client.batch_execute("COMMIT"),
    )
    .await?;
    let closed = closed.as_ref().map_or(Ok(None), rows::closed)?;
    let prefix = head.as_ref().map_or(Ok(LogPrefix::EMPTY), rows::prefix)?;
    taken.give_back();
    Ok(Head::new(prefix, closed))
}

async fn drop_snapshots(client: &ClientWrapper, owner: &str) -> Result<(), PostgresError> {
    client.execute("DELETE FROM chatfold_snapshot WHERE inbox = $1", &[&owner]).await?;
    Ok(())
}

/// What is to stand in the place of events, by position.
type Changes<'a> = BTreeMap<u64, &'a [u8]>;

/// Changes events and computes the hashes of a log anew from position `first` on: page by page, each with one statement
/// for the hashes of its rows and one for those whose bytes change.
async fn hash_anew(
    client: &ClientWrapper,
    owner: &str,
    first: u64,
    changes: &Changes<'_>,
) -> Result<(), PostgresError> {
    let before = signed(first.saturating_sub(1));
    let (at, read) = (client.prepare_cached(AT).await?, client.prepare_cached(BYTES).await?);
    let mut prefix = match client.query_opt(&at, &[&owner, &before]).await? {
        Some(row) => rows::prefix(&row)?,
        None if before == 0 => LogPrefix::EMPTY,
        None => return Err(PostgresError::Damaged(format!("there is no event at position {before}"))),
    };
    let (hash, change) = (client.prepare_cached(HASH).await?, client.prepare_cached(CHANGE).await?);
    loop {
        let events = client.query(&read, &[&owner, &signed(prefix.events), &CHUNK]).await?;
        if events.is_empty() {
            return Ok(());
        }
        let (mut positions, mut hashes) = (Vec::new(), Vec::new());
        let (mut changed, mut others) = (Vec::new(), Vec::new());
        for row in &events {
            let position = prefix.events + 1;
            let other = changes.get(&position).copied();
            prefix.push(other.map_or_else(|| row.try_get("bytes"), Ok)?);
            if rows::unsigned(row.try_get("position")?)? != position {
                return Err(PostgresError::Damaged(format!("there is no event at position {position}")));
            }
            positions.push(signed(position));
            hashes.push(prefix.hash.to_be_bytes().to_vec());
            if let Some(other) = other {
                changed.push(signed(position));
                others.push(other);
            }
        }
        client.execute(&hash, &[&owner, &positions, &hashes]).await?;
        if !changed.is_empty() {
            client.execute(&change, &[&owner, &changed, &others]).await?;
        }
    }
}
