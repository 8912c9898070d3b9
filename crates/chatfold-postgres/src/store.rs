//! Everything but appending.

use std::collections::BTreeMap;

use chatfold::snapshot::LogPrefix;
use chatfold::store::{Head, OutboxChange, Page, RewriteError, StoredEvent, StoredSnapshot};
use chatfold::{EventId, UserId};
use futures_util::future::{try_join3, try_join5};
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::outbox::Told;
use crate::pool::{PostgresStore, Taken};
use crate::rows::{self, HEAD, INBOX, LOCK, MAKE, signed};
use crate::session::{Session, Sql};
use crate::snapshots::keep_snapshot;

/// How many events are held at once while the hashes of a log are computed anew.
const CHUNK: i64 = 4_000;

const READ: Sql = Sql {
    text: "SELECT position, id, command, hash, bytes FROM @chatfold_event \
           WHERE inbox = $1 AND position > $2 ORDER BY position LIMIT $3",
    types: &[Type::TEXT, Type::INT8, Type::INT8],
};
const BYTES: Sql = Sql {
    text: "SELECT position, bytes FROM @chatfold_event \
           WHERE inbox = $1 AND position > $2 ORDER BY position LIMIT $3",
    types: &[Type::TEXT, Type::INT8, Type::INT8],
};
const HASH: Sql = Sql {
    text: "UPDATE @chatfold_event AS e SET hash = n.hash \
           FROM unnest($2::bigint[], $3::bytea[]) AS n (position, hash) \
           WHERE e.inbox = $1 AND e.position = n.position",
    types: &[Type::TEXT, Type::INT8_ARRAY, Type::BYTEA_ARRAY],
};
const CHANGE: Sql = Sql {
    text: "UPDATE @chatfold_event AS e SET bytes = n.bytes \
           FROM unnest($2::bigint[], $3::bytea[]) AS n (position, bytes) \
           WHERE e.inbox = $1 AND e.position = n.position",
    types: &[Type::TEXT, Type::INT8_ARRAY, Type::BYTEA_ARRAY],
};
const CLOSED: Sql =
    Sql { text: "SELECT closed, moved_to FROM @chatfold_inbox WHERE inbox = $1", types: &[Type::TEXT] };
const CLOSE: Sql = Sql {
    text: "UPDATE @chatfold_inbox SET closed = $2, moved_to = $3 WHERE inbox = $1",
    types: &[Type::TEXT, Type::TEXT, Type::TEXT],
};
const ERASE: Sql = Sql {
    text: "UPDATE @chatfold_inbox SET closed = 'erased' WHERE inbox = $1 AND closed IS NULL",
    types: &[Type::TEXT],
};
const EMPTY: Sql = Sql { text: "DELETE FROM @chatfold_event WHERE inbox = $1", types: &[Type::TEXT] };
const FORGET: Sql = Sql { text: "DELETE FROM @chatfold_snapshot WHERE inbox = $1", types: &[Type::TEXT] };
const AT: Sql = Sql {
    text: "SELECT position, hash FROM @chatfold_event WHERE inbox = $1 AND position = $2",
    types: &[Type::TEXT, Type::INT8],
};
const FIND: Sql = Sql {
    text: "SELECT position, id, command, hash, bytes FROM @chatfold_event WHERE inbox = $1 AND id = $2",
    types: &[Type::TEXT, Type::UUID],
};
const INBOXES: Sql = Sql {
    text: "SELECT inbox FROM @chatfold_inbox WHERE inbox > $1 ORDER BY inbox LIMIT $2",
    types: &[Type::TEXT, Type::INT8],
};
const LATEST: Sql = Sql {
    text: "SELECT position, hash, bytes FROM @chatfold_snapshot \
           WHERE inbox = $1 AND position <= $2 ORDER BY position DESC LIMIT 1",
    types: &[Type::TEXT, Type::INT8],
};

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
            let session = &taken.session()?;
            let prepared =
                try_join3(session.prepare(&CLOSED), session.prepare(&HEAD), session.prepare(&READ));
            let (closed, head, read) = prepared.await?;
            let (owner, after, limit) =
                (inbox.as_str(), signed(after), i64::try_from(limit).unwrap_or(i64::MAX));
            // Head and events are of one moment.
            let ((), closed, head, events, ()) = try_join5(
                session.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"),
                session.query_opt(&closed, &[&owner]),
                session.query_opt(&head, &[&owner]),
                session.query(&read, &[&owner, &after, &limit]),
                session.batch_execute("COMMIT"),
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
            let session = &taken.session()?;
            let find = session.prepare(&FIND).await?;
            let row = session.query_opt(&find, &[&inbox.as_str(), &id.uuid()]).await?;
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
            let (after, limit) = (after.map_or("", UserId::as_str), i64::try_from(limit).unwrap_or(i64::MAX));
            let rows = taken.session()?.query_once(&INBOXES, &[&after, &limit]).await?;
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
            let (taken, outbox) = self.begin(inbox).await?;
            let session = &taken.session()?;
            let owner = inbox.as_str();
            let head = session.prepare(&HEAD).await.map_err(PostgresError::from)?;
            let head = session.query_opt(&head, &[&owner]).await.map_err(PostgresError::from)?;
            let last = head.as_ref().map_or(Ok(LogPrefix::EMPTY), rows::prefix)?.events;
            if let Some((position, _)) = events.iter().find(|(at, _)| !(1..=last).contains(at)) {
                return Err(RewriteError::NoSuchEvent { position: *position });
            }
            let changes: Changes<'_> = events.iter().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
            if let Some((first, _)) = changes.first_key_value() {
                hash_anew(session, owner, *first, &changes).await?;
            }
            drop_snapshots(session, owner).await?;
            let change = OutboxChange::of_rewriting(changes.keys().copied());
            Told::of(inbox, change).write(session, outbox).await?;
            let head = commit(taken, inbox).await?;
            self.tell(inbox, u64::MAX);
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
            let (taken, outbox) = self.begin(inbox).await?;
            let session = &taken.session()?;
            let owner = inbox.as_str();
            session.execute_once(&ERASE, &[&owner]).await?;
            session.execute_once(&EMPTY, &[&owner]).await?;
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
        inbox: &UserId,
        closed: Option<&str>,
        to: Option<&str>,
    ) -> Result<Head, PostgresError> {
        self.bounded(async {
            let (taken, outbox) = self.begin(inbox).await?;
            let session = &taken.session()?;
            session.execute_once(&CLOSE, &[&inbox.as_str(), &closed, &to]).await?;
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
    async fn begin(&self, inbox: &UserId) -> Result<(Taken, bool), PostgresError> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        let owner = inbox.as_str();
        session.batch_execute("BEGIN").await?;
        session.execute_once(&MAKE, &[&owner]).await?;
        let locked = session.query_once(&LOCK, &[&owner]).await?;
        let outbox = locked.first().map(|row| row.try_get("outbox")).transpose()?;
        Ok((taken, outbox.unwrap_or(false)))
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
            let session = &taken.session()?;
            let latest = session.prepare(&LATEST).await?;
            let row = session.query_opt(&latest, &[&inbox.as_str(), &signed(through)]).await?;
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
            let session = &taken.session()?;
            let (closed, at) = (session.prepare(&INBOX).await?, session.prepare(&AT).await?);
            let (owner, position) = (inbox.as_str(), signed(snapshot.prefix.events));
            session.batch_execute("BEGIN").await?;
            // What rewrites the log waits until the snapshot is kept, and then drops it.
            session.query_opt(&closed, &[&owner]).await?;
            let row = session.query_opt(&at, &[&owner, &position]).await?;
            let prefix = match snapshot.prefix.events {
                0 => Some(LogPrefix::EMPTY),
                _ => row.as_ref().map(rows::prefix).transpose()?,
            };
            let kept = prefix == Some(snapshot.prefix);
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

/// Commits, and tells where the log stands.
async fn commit(taken: Taken, inbox: &UserId) -> Result<Head, PostgresError> {
    let session = &taken.session()?;
    let (closed, head) = (session.prepare(&CLOSED).await?, session.prepare(&HEAD).await?);
    let owner = inbox.as_str();
    let (closed, head, ()) = try_join3(
        session.query_opt(&closed, &[&owner]),
        session.query_opt(&head, &[&owner]),
        session.batch_execute("COMMIT"),
    )
    .await?;
    let closed = closed.as_ref().map_or(Ok(None), rows::closed)?;
    let prefix = head.as_ref().map_or(Ok(LogPrefix::EMPTY), rows::prefix)?;
    taken.give_back();
    Ok(Head::new(prefix, closed))
}

async fn drop_snapshots(session: &Session<'_>, owner: &str) -> Result<(), PostgresError> {
    session.execute_once(&FORGET, &[&owner]).await?;
    Ok(())
}

/// What is to stand in the place of events, by position.
type Changes<'a> = BTreeMap<u64, &'a [u8]>;

/// Changes events and computes the hashes of a log anew from position `first` on: page by page, each with one statement
/// for the hashes of its rows and one for those whose bytes change.
async fn hash_anew(
    session: &Session<'_>,
    owner: &str,
    first: u64,
    changes: &Changes<'_>,
) -> Result<(), PostgresError> {
    let before = signed(first.saturating_sub(1));
    let (at, read) = (session.prepare(&AT).await?, session.prepare(&BYTES).await?);
    let mut prefix = match session.query_opt(&at, &[&owner, &before]).await? {
        Some(row) => rows::prefix(&row)?,
        None if before == 0 => LogPrefix::EMPTY,
        None => return Err(PostgresError::Damaged(format!("there is no event at position {before}"))),
    };
    let (hash, change) = (session.prepare(&HASH).await?, session.prepare(&CHANGE).await?);
    loop {
        let events = session.query(&read, &[&owner, &signed(prefix.events), &CHUNK]).await?;
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
        session.execute(&hash, &[&owner, &positions, &hashes]).await?;
        if !changed.is_empty() {
            session.execute(&change, &[&owner, &changed, &others]).await?;
        }
    }
}
