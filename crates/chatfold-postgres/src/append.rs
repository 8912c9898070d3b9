//! Appending: two round trips to the server, and no lock between writers.

use chatfold::id::CommandId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{
    Append, AppendError, Appended, Head, Known, NewEvent, OutboxChange, Plan, StoredEvent, plan_import,
};
use chatfold::{EventId, UserId};
use futures_util::future::{TryFutureExt, join3, try_join, try_join_all, try_join4};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::outbox::Told;
use crate::pool::{PostgresStore, Taken};
use crate::rows::{self, HEAD, INBOX, MAKE, signed};
use crate::session::{Prepared, Session, Sql};
use crate::snapshots::keep_snapshot;

/// How often an append looks again because another transaction came in between.
const ATTEMPTS: u32 = 20;

const IDS: Sql = Sql {
    text: "SELECT id, position FROM @chatfold_event WHERE inbox = $1 AND id = ANY($2)",
    types: &[Type::TEXT, Type::UUID_ARRAY],
};
const COMMAND: Sql = Sql {
    text: "SELECT min(position), max(position) FROM @chatfold_event WHERE inbox = $1 AND command = $2",
    types: &[Type::TEXT, Type::UUID],
};
const INSERT: Sql = Sql {
    text: "INSERT INTO @chatfold_event (inbox, position, id, command, hash, bytes) \
           VALUES ($1, $2, $3, $4, $5, $6)",
    types: &[Type::TEXT, Type::INT8, Type::UUID, Type::UUID, Type::BYTEA, Type::BYTEA],
};

type AppendResult<T> = Result<T, AppendError<PostgresError>>;

/// What became of one try.
pub(crate) enum Tried<T> {
    Done(T),
    /// The inbox has no row to lock yet.
    NoInbox,
    /// Another transaction came in between.
    Again,
}

impl PostgresStore {
    /// Appends a batch, whole or not at all; durable when it returns. See
    /// [`EventStore::append`](chatfold::store::EventStore::append).
    ///
    /// # Errors
    ///
    /// [`AppendError`]: by which law it is refused, or that the store failed.
    pub async fn append(&self, inbox: &UserId, append: &Append<'_>) -> AppendResult<Appended> {
        self.until_done(inbox, || self.try_append(inbox, append)).await
    }

    /// Takes over events as another store kept them. See
    /// [`EventStore::import`](chatfold::store::EventStore::import).
    ///
    /// # Errors
    ///
    /// [`AppendError`]: by which law it is refused, or that the store failed.
    pub async fn import(&self, inbox: &UserId, events: &[StoredEvent]) -> AppendResult<Head> {
        self.until_done(inbox, || self.try_import(inbox, events)).await
    }

    /// Tries again until no other transaction comes in between, and returns what was done then.
    async fn until_done<T, F: Future<Output = AppendResult<Tried<T>>>>(
        &self,
        inbox: &UserId,
        attempt: impl Fn() -> F,
    ) -> AppendResult<T> {
        self.bounded(async {
            for _ in 0..ATTEMPTS {
                match attempt().await? {
                    Tried::Done(done) => return Ok(done),
                    Tried::NoInbox => self.make_inbox(inbox).await?,
                    Tried::Again => {}
                }
            }
            Err(PostgresError::Contention(ATTEMPTS).into())
        })
        .await
    }

    async fn make_inbox(&self, inbox: &UserId) -> Result<(), PostgresError> {
        let taken = self.client().await?;
        taken.session()?.execute_once(&MAKE, &[&inbox.as_str()]).await?;
        taken.give_back();
        Ok(())
    }

    async fn try_append(&self, inbox: &UserId, append: &Append<'_>) -> AppendResult<Tried<Appended>> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        let (known, outbox) = match begin(session, inbox, append.command, append.events).await {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(taken.roll_back(Tried::NoInbox).await?),
            Err(error) => return Ok(taken.again(error).await?),
        };
        let (prefixes, keep) = match append.plan(&known) {
            Ok(Plan::Write { prefixes, keep_snapshot }) => (prefixes, keep_snapshot),
            Ok(Plan::Repeat { first, last }) => {
                // It was seen before it was durable, perhaps: this commit, which wrote the lock, waits for what is
                // before it, on standbys too.
                session.batch_execute("COMMIT").await.map_err(PostgresError::from)?;
                taken.give_back();
                return Ok(Tried::Done(Appended::repeated(first, last, known.head.prefix)));
            }
            Err(refused) => return taken.roll_back(Err(refused)).await?,
        };
        let rows = new_rows(append, &prefixes);
        if let Some(snapshot) = append.snapshot.filter(|_| keep)
            && let Err(error) = keep_snapshot(session, inbox, snapshot).await
        {
            return Ok(taken.again(error).await?);
        }
        if let Err(error) = self.write(session, inbox, (&rows, outbox)).await {
            return Ok(taken.again(error).await?);
        }
        taken.give_back();
        let prefix = prefixes.last().copied().unwrap_or(known.head.prefix);
        let first = append.expected + 1;
        Ok(Tried::Done(Appended::written(first, prefix.events, prefix)))
    }

    async fn try_import(&self, inbox: &UserId, events: &[StoredEvent]) -> AppendResult<Tried<Head>> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        let (mut head, outbox) = match begin(session, inbox, None, &[]).await {
            Ok(Some((known, outbox))) => (known.head, outbox),
            Ok(None) => return Ok(taken.roll_back(Tried::NoInbox).await?),
            Err(error) => return Ok(taken.again(error).await?),
        };
        if let Err(refused) = plan_import(&head, events) {
            return taken.roll_back(Err(refused)).await?;
        }
        let rows: Vec<_> = events
            .iter()
            .map(|event| (event.id, event.command, event.prefix, event.bytes.as_slice()))
            .collect();
        if let Err(error) = self.write(session, inbox, (&rows, outbox)).await {
            return Ok(taken.again(error).await?);
        }
        taken.give_back();
        head.prefix = events.last().map_or(head.prefix, |event| event.prefix);
        Ok(Tried::Done(head))
    }

    /// Inserts, tells the outbox if it is on, and commits. With one event, as nearly always, that is one round trip: the commit is sent before the
    /// insert is answered. The commit of a transaction that failed rolls back and says nothing of it, but the insert
    /// that failed has said so.
    async fn write(
        &self,
        session: &Session<'_>,
        inbox: &UserId,
        (rows, outbox): (&[NewRow<'_>], bool),
    ) -> Result<(), PostgresError> {
        let insert = session.prepare(&INSERT).await?;
        let (told, ready) = (told(inbox, rows), Told::ready(session, outbox).await?);
        let told = told.send(session, ready.as_ref());
        let commit = session.batch_execute("COMMIT");
        match rows {
            [row] => {
                let inserted = insert_row(session, &insert, inbox.as_str(), *row);
                let (inserted, told, committed) = join3(inserted, told, commit).await;
                inserted?;
                told?;
                committed?;
            }
            rows => {
                insert_rows(session, inbox, rows).await?;
                told.await?;
                commit.await?;
            }
        }
        self.tell(inbox, rows.last().map_or(u64::MAX, |(_, _, prefix, _)| prefix.events));
        Ok(())
    }
}

/// The rows of an append whose log stands so after each event.
pub(crate) fn new_rows<'a>(append: &Append<'a>, prefixes: &[LogPrefix]) -> Vec<NewRow<'a>> {
    let rows = append.events.iter().zip(prefixes);
    rows.map(|(event, prefix)| (event.id, append.command, *prefix, event.bytes.as_slice())).collect()
}

/// What the outbox is told of these rows.
pub(crate) fn told<'a>(inbox: &'a UserId, rows: &[NewRow<'_>]) -> Told<'a> {
    let at = |row: Option<&NewRow<'_>>| row.map(|(_, _, prefix, _)| prefix.events);
    let range = at(rows.first()).zip(at(rows.last()));
    Told::of(inbox, range.map(|(first, last)| OutboxChange::Appended { first, last }))
}

/// Inserts rows within the transaction that is open, in one round trip.
pub(crate) async fn insert_rows(
    session: &Session<'_>,
    inbox: &UserId,
    rows: &[NewRow<'_>],
) -> Result<(), PostgresError> {
    let insert = session.prepare(&INSERT).await?;
    try_join_all(rows.iter().map(|row| insert_row(session, &insert, inbox.as_str(), *row))).await?;
    Ok(())
}

async fn insert_row(
    session: &Session<'_>,
    insert: &Prepared,
    owner: &str,
    (id, command, prefix, bytes): NewRow<'_>,
) -> Result<(), tokio_postgres::Error> {
    let (position, hash) = (signed(prefix.events), prefix.hash.to_be_bytes());
    let (id, command, hash) = (id.uuid(), command.map(CommandId::uuid), hash.as_slice());
    session.execute(insert, &[&owner, &position, &id, &command, &hash, &bytes]).await.map(|_| ())
}

/// An event's id, its command, the log up to it, its bytes.
pub(crate) type NewRow<'a> = (EventId, Option<CommandId>, LogPrefix, &'a [u8]);

impl Taken {
    /// Ends the transaction without having written, and gives the connection back.
    async fn roll_back<T>(self, outcome: T) -> Result<T, PostgresError> {
        self.session()?.batch_execute("ROLLBACK").await?;
        self.give_back();
        Ok(outcome)
    }

    /// Another transaction came in between: look again. Any other error is the store's.
    pub(crate) async fn again<T>(self, error: PostgresError) -> Result<Tried<T>, PostgresError> {
        if error.is_contention() { self.roll_back(Tried::Again).await } else { Err(error) }
    }
}

/// Begins a transaction and looks up what an append is judged by, in one round trip; `None` if nobody wrote the inbox.
async fn begin(
    session: &Session<'_>,
    inbox: &UserId,
    command: Option<CommandId>,
    events: &[NewEvent],
) -> Result<Option<(Known, bool)>, PostgresError> {
    let lookup = Lookup::new(session, &INBOX).await?;
    let ((), known) = try_join(
        session.batch_execute("BEGIN").map_err(PostgresError::from),
        lookup.run(session, inbox, command, events),
    )
    .await?;
    Ok(known)
}

/// The statements that look up what an append is judged by.
pub(crate) struct Lookup {
    closed: Prepared,
    head: Prepared,
    by_id: Prepared,
    by_command: Prepared,
}

impl Lookup {
    /// Makes them ready; `lock` locks the inbox's row and tells whether it is closed.
    pub(crate) async fn new(session: &Session<'_>, lock: &Sql) -> Result<Self, PostgresError> {
        let prepared = try_join4(
            session.prepare(lock),
            session.prepare(&HEAD),
            session.prepare(&IDS),
            session.prepare(&COMMAND),
        );
        let (closed, head, by_id, by_command) = prepared.await?;
        Ok(Self { closed, head, by_id, by_command })
    }

    /// Looks it up in one round trip, and whether the outbox is on; `None` if nobody wrote the inbox.
    pub(crate) async fn run(
        &self,
        session: &Session<'_>,
        inbox: &UserId,
        command: Option<CommandId>,
        events: &[NewEvent],
    ) -> Result<Option<(Known, bool)>, PostgresError> {
        let owner = inbox.as_str();
        let ids: Vec<_> = events.iter().map(|event| event.id.uuid()).collect();
        let uuid = command.map(CommandId::uuid);
        let (closed, head, ids, range): (Option<Row>, Option<Row>, Vec<Row>, Option<Row>) = try_join4(
            session.query_opt(&self.closed, &[&owner]),
            session.query_opt(&self.head, &[&owner]),
            session.query(&self.by_id, &[&owner, &ids]),
            async {
                match uuid {
                    Some(uuid) => session.query_opt(&self.by_command, &[&owner, &uuid]).await,
                    None => Ok(None),
                }
            },
        )
        .await?;
        let Some(closed) = closed else { return Ok(None) };
        let prefix = head.as_ref().map_or(Ok(LogPrefix::EMPTY), rows::prefix)?;
        let head = Head::new(prefix, rows::closed(&closed)?);
        let mut known = Vec::with_capacity(ids.len());
        for row in &ids {
            known.push((EventId::new(row.try_get(0)?), rows::unsigned(row.try_get(1)?)?));
        }
        let mut command = None;
        if let Some(row) = range
            && let (Some(first), Some(last)) = (row.try_get(0)?, row.try_get(1)?)
        {
            command = Some((rows::unsigned(first)?, rows::unsigned(last)?));
        }
        let known = Known::new(head).with_command(command).with_ids(known);
        Ok(Some((known, closed.try_get("outbox")?)))
    }
}
