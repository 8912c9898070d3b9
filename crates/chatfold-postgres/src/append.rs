//! Appending: two round trips to the server, and no lock between writers. Where many append at once they are joined (`joining`).

use std::collections::BTreeSet;

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Append, Appended, Known, NewEvent, OutboxChange, Plan, StoredEvent};
use chatfold_layout::keys::Wanted;
use futures_util::future::{TryFutureExt, try_join, try_join_all, try_join5};
use tokio_postgres::types::Type;

use crate::error::{AppendResult, PostgresError};
use crate::joining::Entered;
use crate::keys::{self, Question};
use crate::outbox::Told;
use crate::pool::{PostgresStore, Taken};
use crate::rows::{self, HEAD, INBOX, MAKE, signed};
use crate::session::{Prepared, Session, Sql};

/// How often an append looks again because another transaction came in between.
const ATTEMPTS: u32 = 20;

pub(crate) const IDS: Sql = Sql {
    text: "SELECT id, position FROM @chatfold_event WHERE inbox = $1 AND id = ANY($2)",
    types: &[Type::TEXT, Type::UUID_ARRAY],
};
const COMMAND: Sql = Sql {
    text: "SELECT min(position), max(position) FROM @chatfold_event WHERE inbox = $1 AND command = $2",
    types: &[Type::TEXT, Type::UUID],
};
const INSERT: Sql = Sql {
    text: "INSERT INTO @chatfold_event (inbox, position, id, command, hash, encoded) \
           VALUES ($1, $2, $3, $4, $5, $6)",
    types: &[Type::TEXT, Type::INT8, Type::UUID, Type::UUID, Type::BYTEA, Type::BYTEA],
};
/// Many rows in one statement.
const INSERT_MANY: Sql = Sql {
    text: "INSERT INTO @chatfold_event (inbox, position, id, command, hash, encoded) \
           SELECT $1, n.position, n.id, n.command, n.hash, n.encoded \
           FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::bytea[], $6::bytea[]) \
           AS n (position, id, command, hash, encoded)",
    types: &[
        Type::TEXT,
        Type::INT8_ARRAY,
        Type::UUID_ARRAY,
        Type::UUID_ARRAY,
        Type::BYTEA_ARRAY,
        Type::BYTEA_ARRAY,
    ],
};

/// From how many rows on one statement inserts all.
const MANY: usize = 8;

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
    /// [`AppendError`](chatfold::store::AppendError): by which law it is refused, or that the store failed.
    pub async fn append(&self, inbox: &StreamId, append: &Append<'_>) -> AppendResult<Appended> {
        let _turn = match self.enter(inbox, append) {
            Entered::Alone { turn } => turn,
            Entered::Joined(waiter) => match self.joined(waiter).await? {
                Some(appended) => return Ok(appended),
                None => None,
            },
        };
        // In memory of its own: what waits for an append would else be as large as all that an append may do.
        Box::pin(self.until_done(inbox, || self.try_append(inbox, append))).await
    }

    /// Tries again until no other transaction comes in between, and returns what was done then.
    pub(crate) async fn until_done<T, F: Future<Output = AppendResult<Tried<T>>>>(
        &self,
        inbox: &StreamId,
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

    async fn make_inbox(&self, inbox: &StreamId) -> Result<(), PostgresError> {
        let taken = self.client().await?;
        taken.session()?.execute_once(&MAKE, &[&inbox.key()]).await?;
        taken.give_back();
        Ok(())
    }

    async fn try_append(&self, inbox: &StreamId, append: &Append<'_>) -> AppendResult<Tried<Appended>> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        let (known, outbox) = match self.begin_append(session, inbox, append.command, append.events).await {
            Ok(Some(found)) => found,
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
            && let Err(error) = self.keep_snapshot(session, inbox, snapshot).await
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

    /// Inserts, tells the outbox if it is on, and commits. With one event, as nearly always, that is one round trip.
    async fn write(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
        (rows, outbox): (&[NewRow<'_>], bool),
    ) -> Result<(), PostgresError> {
        let insert = session.prepare(&INSERT).await?;
        let (told, ready) = (told(inbox, rows), Told::ready(session, outbox).await?);
        match rows {
            [row] => {
                let inserted = insert_row(session, &insert, inbox.key(), *row);
                told.commit_with(session, ready.as_ref(), inserted).await?;
            }
            rows => {
                insert_rows(session, inbox, rows).await?;
                told.send(session, ready.as_ref()).await?;
                session.batch_execute("COMMIT").await?;
            }
        }
        if let (Some((_, _, first, _)), Some((_, _, last, _))) = (rows.first(), rows.last()) {
            self.tell(inbox, last.events);
            self.seal_if_due(inbox, first.events.saturating_sub(1), last.events);
        }
        Ok(())
    }

    /// Begins a transaction and looks up what an append is judged by, and whether the outbox is on, in one round trip; `None` if
    /// nobody wrote the inbox.
    async fn begin_append(
        &self,
        session: &Session<'_>,
        inbox: &StreamId,
        command: Option<CommandId>,
        events: &[NewEvent],
    ) -> Result<Option<(Known, bool)>, PostgresError> {
        let lookup = Lookup::new(session, &INBOX).await?;
        let ((), known) = try_join(
            session.batch_execute("BEGIN").map_err(PostgresError::from),
            lookup.run(self, session, inbox, command, events),
        )
        .await?;
        Ok(known)
    }
}

/// The rows of an append whose log stands so after each event.
pub(crate) fn new_rows<'a>(append: &Append<'a>, prefixes: &[LogPrefix]) -> Vec<NewRow<'a>> {
    let rows = append.events.iter().zip(prefixes);
    rows.map(|(event, prefix)| (event.id, append.command, *prefix, event.bytes.as_slice())).collect()
}

/// What the outbox is told of these rows.
pub(crate) fn told<'a>(inbox: &'a StreamId, rows: &[NewRow<'_>]) -> Told<'a> {
    let at = |row: Option<&NewRow<'_>>| row.map(|(_, _, prefix, _)| prefix.events);
    let range = at(rows.first()).zip(at(rows.last()));
    Told::of(inbox, range.map(|(first, last)| OutboxChange::Appended { first, last }))
}

/// Inserts rows within the transaction that is open, in one round trip.
pub(crate) async fn insert_rows(
    session: &Session<'_>,
    inbox: &StreamId,
    rows: &[NewRow<'_>],
) -> Result<(), PostgresError> {
    if rows.len() >= MANY {
        return insert_many(session, inbox, rows).await;
    }
    let insert = session.prepare(&INSERT).await?;
    try_join_all(rows.iter().map(|row| insert_row(session, &insert, inbox.key(), *row))).await?;
    Ok(())
}

async fn insert_many(
    session: &Session<'_>,
    inbox: &StreamId,
    rows: &[NewRow<'_>],
) -> Result<(), PostgresError> {
    let insert = session.prepare(&INSERT_MANY).await?;
    let positions: Vec<_> = rows.iter().map(|(_, _, prefix, _)| signed(prefix.events)).collect();
    let ids: Vec<_> = rows.iter().map(|(id, ..)| id.uuid()).collect();
    let commands: Vec<_> = rows.iter().map(|(_, command, ..)| command.map(CommandId::uuid)).collect();
    let hashes: Vec<_> = rows.iter().map(|(_, _, prefix, _)| prefix.hash.to_be_bytes().to_vec()).collect();
    let bytes: Vec<_> = rows.iter().map(|(.., bytes)| *bytes).collect();
    session.execute(&insert, &[&inbox.key(), &positions, &ids, &commands, &hashes, &bytes]).await?;
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
    pub(crate) async fn roll_back<T>(self, outcome: T) -> Result<T, PostgresError> {
        self.session()?.batch_execute("ROLLBACK").await?;
        self.give_back();
        Ok(outcome)
    }

    /// Another transaction came in between: look again. Any other error is the store's.
    pub(crate) async fn again<T>(self, error: PostgresError) -> Result<Tried<T>, PostgresError> {
        if error.is_contention() { self.roll_back(Tried::Again).await } else { Err(error) }
    }
}

/// The statements that look up what an append is judged by.
pub(crate) struct Lookup {
    closed: Prepared,
    head: Prepared,
    by_id: Prepared,
    by_command: Prepared,
    sealed: Prepared,
}

impl Lookup {
    /// Makes them ready; `lock` locks the inbox's row and tells whether it is closed.
    pub(crate) async fn new(session: &Session<'_>, lock: &Sql) -> Result<Self, PostgresError> {
        let prepared = try_join5(
            session.prepare(lock),
            session.prepare(&HEAD),
            session.prepare(&IDS),
            session.prepare(&COMMAND),
            keys::prepare(session),
        );
        let (closed, head, by_id, by_command, sealed) = prepared.await?;
        Ok(Self { closed, head, by_id, by_command, sealed })
    }

    /// Looks it up in one round trip, and whether the outbox is on; `None` if nobody wrote the inbox. What is known of sealed events
    /// takes two more.
    ///
    /// Rows are looked at before keys, in the order in which events go from one to the other.
    pub(crate) async fn run(
        &self,
        store: &PostgresStore,
        session: &Session<'_>,
        inbox: &StreamId,
        command: Option<CommandId>,
        events: &[NewEvent],
    ) -> Result<Option<(Known, bool)>, PostgresError> {
        let owner = inbox.key();
        let ids: Vec<_> = events.iter().map(|event| event.id.uuid()).collect();
        let uuid = command.map(CommandId::uuid);
        let wanted = events.iter().map(|event| Wanted::Event(event.id));
        let question = Question::new(wanted.chain(command.map(Wanted::Command)));
        let (closed, head, ids, range, sealed) = try_join5(
            session.query_opt(&self.closed, &[&owner]),
            session.query_opt(&self.head, &[&owner]),
            session.query(&self.by_id, &[&owner, &ids]),
            async {
                match uuid {
                    Some(uuid) => session.query_opt(&self.by_command, &[&owner, &uuid]).await,
                    None => Ok(None),
                }
            },
            keys::rows(session, &self.sealed, owner, &question),
        )
        .await?;
        let Some(locked) = &closed else { return Ok(None) };
        let outbox = locked.try_get("outbox")?;
        let (head, _) = rows::standing(closed.as_ref(), head.as_ref())?;
        let mut known = Vec::with_capacity(ids.len());
        for row in &ids {
            known.push((EventId::new(row.try_get(0)?), rows::unsigned(row.try_get(1)?)?));
        }
        let mut positions = BTreeSet::new();
        if let Some(row) = range
            && let (Some(first), Some(last)) = (row.try_get(0)?, row.try_get(1)?)
        {
            positions.extend([rows::unsigned(first)?, rows::unsigned(last)?]);
        }
        let segments = keys::segments(&question, &sealed)?;
        if !segments.is_empty() {
            let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
            let is_wanted = |event: &StoredEvent| {
                ids.contains(&event.id) || (command.is_some() && event.command == command)
            };
            for event in store.known_sealed(session, inbox, &segments, is_wanted).await? {
                if command.is_some() && event.command == command {
                    positions.insert(event.position());
                }
                if ids.contains(&event.id) {
                    known.push((event.id, event.position()));
                }
            }
        }
        let command = positions.first().copied().zip(positions.last().copied());
        let known = Known::new(head).with_command(command).with_ids(known);
        Ok(Some((known, outbox)))
    }
}
