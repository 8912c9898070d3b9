//! Events that are brought to many inboxes: hundreds of them in one transaction, in two round trips to the server.

use std::collections::{BTreeMap, BTreeSet};

use chatfold::EventId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Head, NewEvent, OutboxChange, Received, plan_receive};
use chatfold_layout::keys::Wanted;
use futures_util::future::{try_join_all, try_join3, try_join4};
use tokio_postgres::types::{ToSql, Type};

use crate::error::PostgresError;
use crate::keys::Question;
use crate::outbox::Told;
use crate::pool::PostgresStore;
use crate::rows::{self, is_on, signed};
use crate::session::{Session, Sql};

/// How many inboxes are written in one transaction: other writers of these inboxes wait for it.
const CHUNK: usize = 500;

/// How many such transactions run at once, each on its own connection, if the pool has so many. Each locks in order, so none waits for one that
/// waits for it.
const AT_ONCE: usize = 4;

/// About how many bytes are written in one transaction, of however many inboxes.
const CHUNK_LEN_BYTES: usize = 16 << 20;

/// How often a chunk is tried anew because of what another transaction did.
const ATTEMPTS: u32 = 20;

/// The rows of inboxes, locked against appends in one order for all, by bytes, so that no two wait for each other.
const LOCK: Sql = Sql {
    text: concat!(
        "SELECT inbox, closed, moved_to, sealed, ",
        is_on!(),
        " FROM @chatfold_inbox WHERE inbox = ANY($1) ORDER BY inbox COLLATE \"C\" FOR UPDATE"
    ),
    types: &[Type::TEXT_ARRAY],
};
// `OFFSET 0` keeps a subquery what it is: one look into an index for each inbox, however many the planner expects.
const HEADS: Sql = Sql {
    text: "SELECT i.inbox, h.position, h.hash FROM unnest($1::text[]) AS i (inbox) \
           CROSS JOIN LATERAL (SELECT position, hash FROM @chatfold_event AS e \
           WHERE e.inbox = i.inbox ORDER BY position DESC LIMIT 1) AS h",
    types: &[Type::TEXT_ARRAY],
};
const KNOWN: Sql = Sql {
    text: "SELECT i.inbox, k.id FROM unnest($1::text[]) AS i (inbox) \
           CROSS JOIN LATERAL (SELECT id FROM @chatfold_event AS e \
           WHERE e.inbox = i.inbox AND e.id = ANY($2) OFFSET 0) AS k",
    types: &[Type::TEXT_ARRAY, Type::UUID_ARRAY],
};
/// Rows of keys in which some of the events may stand.
const SEALED: Sql = Sql {
    text: "SELECT i.inbox, s.keys FROM unnest($1::text[]) AS i (inbox) \
           CROSS JOIN unnest($2::integer[], $3::bytea[]) AS w (slice, part) \
           CROSS JOIN LATERAL (SELECT keys FROM @chatfold_sealed AS k \
           WHERE k.inbox = i.inbox AND k.slice = w.slice OFFSET 0) AS s WHERE position(w.part IN s.keys) > 0",
    types: &[Type::TEXT_ARRAY, Type::INT4_ARRAY, Type::BYTEA_ARRAY],
};
/// An event is sent once, and named by its number for each inbox.
const INSERT: Sql = Sql {
    text: "INSERT INTO @chatfold_event (inbox, position, id, command, hash, encoded) \
           SELECT n.inbox, n.position, ($5::uuid[])[n.event], NULL, n.hash, ($6::bytea[])[n.event] \
           FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::integer[]) \
           AS n (inbox, position, hash, event)",
    types: &[
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::BYTEA_ARRAY,
        Type::INT4_ARRAY,
        Type::UUID_ARRAY,
        Type::BYTEA_ARRAY,
    ],
};
const MAKE: Sql = Sql {
    text: "INSERT INTO @chatfold_inbox (inbox) SELECT inbox FROM unnest($1::text[]) AS i (inbox) \
           ORDER BY inbox COLLATE \"C\" ON CONFLICT DO NOTHING",
    types: &[Type::TEXT_ARRAY],
};

/// What is known of some inboxes, their rows locked.
#[derive(Default)]
struct Found<'a> {
    heads: BTreeMap<&'a str, (Head, Vec<EventId>)>,
    /// Those that have no row to lock yet.
    missing: Vec<&'a str>,
    /// Whether the outbox is on.
    outbox: bool,
    /// Those of which events are sealed.
    sealed: Vec<&'a str>,
}

/// The rows to insert, by column.
#[derive(Default)]
struct NewRows<'a> {
    inboxes: Vec<&'a str>,
    positions: Vec<i64>,
    hashes: Vec<Vec<u8>>,
    /// The numbers of the events, from 1.
    events: Vec<i32>,
}

impl PostgresStore {
    /// Brings events to many inboxes, whatever else their logs hold: each gets those that it does not have. Returns
    /// what came of each, in the order of `inboxes`; durable when it returns. See
    /// [`EventStore::receive_many`](chatfold::store::EventStore::receive_many).
    ///
    /// Complexity: a transaction of two round trips to the server for five hundred inboxes, four of them at once.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses. Some of the inboxes may
    /// have the events then: bring them again.
    pub async fn receive_many(
        &self,
        inboxes: &[StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, PostgresError> {
        if events.is_empty() {
            return Ok(vec![Received::Known; inboxes.len()]);
        }
        let mut outcomes: BTreeMap<&StreamId, Received> =
            inboxes.iter().map(|inbox| (inbox, Received::Known)).collect();
        let owners: Vec<&StreamId> = outcomes.keys().copied().collect();
        let len_bytes: usize = events.iter().map(|event| event.bytes.len()).sum();
        let chunk_len = (CHUNK_LEN_BYTES / len_bytes.max(1)).clamp(1, CHUNK);
        let at_once = AT_ONCE.min(self.options.connections.max(1));
        for some in owners.chunks(chunk_len * at_once) {
            let chunks = some.chunks(chunk_len).map(|chunk| self.receive_chunk(chunk, events));
            let received = try_join_all(chunks).await?;
            for (owner, outcome) in some.iter().zip(received.into_iter().flatten()) {
                outcomes.insert(owner, outcome);
            }
        }
        // An inbox that is named again has them by then.
        let again = |outcome: &mut Received| match outcome {
            Received::Appended { .. } => std::mem::replace(outcome, Received::Known),
            other => other.clone(),
        };
        Ok(inboxes.iter().map(|inbox| outcomes.get_mut(inbox).map_or(Received::Known, again)).collect())
    }

    /// Brings events to inboxes in one transaction; `chunk` is in order and has none twice.
    async fn receive_chunk(
        &self,
        chunk: &[&StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, PostgresError> {
        self.bounded(async {
            for _ in 0..ATTEMPTS {
                if let Some(outcomes) = self.try_receive(chunk, events).await? {
                    return Ok(outcomes);
                }
            }
            Err(PostgresError::Contention(ATTEMPTS))
        })
        .await
    }

    /// `None`: some inboxes had no row, which they have now, or the server saw no way to let this one pass.
    async fn try_receive(
        &self,
        chunk: &[&StreamId],
        events: &[NewEvent],
    ) -> Result<Option<Vec<Received>>, PostgresError> {
        let taken = self.client().await?;
        let session = &taken.session()?;
        let mut found = match self.find_known(session, chunk, events).await {
            Ok(found) => found,
            Err(error) => return taken.again::<()>(error).await.map(|_| None),
        };
        if !found.missing.is_empty() {
            let make = session.prepare(&MAKE).await?;
            session.batch_execute("ROLLBACK").await?;
            session.execute(&make, &[&found.missing]).await?;
            taken.give_back();
            return Ok(None);
        }
        // From the last to the first, because of two events of one id the first counts.
        let numbers: BTreeMap<EventId, i32> = events.iter().rev().map(|event| event.id).zip(1..).collect();
        let (mut rows, mut told) = (NewRows::default(), Told::default());
        let mut outcomes = Vec::with_capacity(chunk.len());
        for owner in chunk {
            let (head, known) = found.heads.remove(owner.key()).unwrap_or((Head::EMPTY, Vec::new()));
            let (new, outcome) = plan_receive(&head, &known, events);
            for (event, prefix) in new {
                rows.inboxes.push(owner.key());
                rows.positions.push(signed(prefix.events));
                rows.hashes.push(prefix.hash.to_be_bytes().to_vec());
                rows.events.push(numbers.get(&event.id).copied().unwrap_or_default());
            }
            if let Received::Appended { first, last } = outcome {
                told.push(owner, OutboxChange::Appended { first, last });
            }
            outcomes.push(outcome);
        }
        if let Err(error) = insert(session, &rows, events, (&told, found.outbox)).await {
            return taken.again::<()>(error).await.map(|_| None);
        }
        taken.give_back();
        for (owner, outcome) in chunk.iter().zip(&outcomes) {
            if let Received::Appended { first, last } = outcome {
                self.tell(owner, *last);
                self.seal_if_due(owner, first.saturating_sub(1), *last);
            }
        }
        Ok(Some(outcomes))
    }

    /// Begins a transaction and looks up what the inboxes have, what is sealed too.
    async fn find_known<'a>(
        &self,
        session: &Session<'_>,
        chunk: &[&'a StreamId],
        events: &[NewEvent],
    ) -> Result<Found<'a>, PostgresError> {
        let mut found = find(session, chunk, events).await?;
        if found.sealed.is_empty() {
            return Ok(found);
        }
        // Asked behind the rows, and only where there are such: a server takes its time to plan it for hundreds.
        let question = Question::new(events.iter().map(|event| Wanted::Event(event.id)));
        let (sealed, slices, parts) = (session.prepare(&SEALED).await?, question.slices(), question.parts());
        let rows = session.query(&sealed, &[&found.sealed, &slices, &parts]).await?;
        let mut segments: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for row in &rows {
            question.answer(row.try_get(1)?, segments.entry(row.try_get(0)?).or_default())?;
        }
        let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
        for owner in chunk {
            let last = segments.remove(owner.key()).filter(|last| !last.is_empty());
            if let (Some(last), Some((_, known))) = (last, found.heads.get_mut(owner.key())) {
                let sealed = self.known_sealed(session, owner, &last, |event| ids.contains(&event.id));
                known.extend(sealed.await?.iter().map(|event| event.id));
            }
        }
        Ok(found)
    }
}

/// Begins a transaction, locks the rows of inboxes, and looks up where their logs end and what they have of the events:
/// one round trip.
async fn find<'a>(
    session: &Session<'_>,
    chunk: &[&'a StreamId],
    events: &[NewEvent],
) -> Result<Found<'a>, PostgresError> {
    let prepared = try_join3(session.prepare(&LOCK), session.prepare(&HEADS), session.prepare(&KNOWN));
    let (lock, heads, known) = prepared.await?;
    let owners: Vec<&str> = chunk.iter().map(|owner| owner.key()).collect();
    let ids: Vec<_> = events.iter().map(|event| event.id.uuid()).collect();
    // Each statement sees what was committed when it began, and so what was written before the lock was had.
    let ((), locked, ends, known) = try_join4(
        session.batch_execute("BEGIN"),
        session.query(&lock, &[&owners]),
        session.query(&heads, &[&owners]),
        session.query(&known, &[&owners, &ids]),
    )
    .await?;
    let mut found = Found::default();
    let mut closed = BTreeMap::new();
    for row in &locked {
        closed.insert(row.try_get::<_, &str>(0)?, (rows::closed(row)?, row.try_get::<_, i64>("sealed")?));
        found.outbox = row.try_get("outbox")?;
    }
    for owner in owners {
        match closed.remove(owner) {
            Some((closed, sealed)) => {
                found.sealed.extend((sealed > 0).then_some(owner));
                found.heads.insert(owner, (Head::new(LogPrefix::EMPTY, closed), Vec::new()));
            }
            None => found.missing.push(owner),
        }
    }
    for row in &ends {
        if let Some((head, _)) = found.heads.get_mut(row.try_get::<_, &str>(0)?) {
            head.prefix = rows::prefix(row)?;
        }
    }
    for row in &known {
        if let Some((_, known)) = found.heads.get_mut(row.try_get::<_, &str>(0)?) {
            known.push(EventId::new(row.try_get(1)?));
        }
    }
    Ok(found)
}

/// Inserts, tells the outbox if it is on, and commits, in one round trip.
async fn insert(
    session: &Session<'_>,
    rows: &NewRows<'_>,
    events: &[NewEvent],
    (told, outbox): (&Told<'_>, bool),
) -> Result<(), PostgresError> {
    if rows.inboxes.is_empty() {
        return Ok(session.batch_execute("COMMIT").await?);
    }
    let insert = session.prepare(&INSERT).await?;
    let ready = Told::ready(session, outbox).await?;
    let (ids, bytes): (Vec<_>, Vec<_>) =
        events.iter().rev().map(|event| (event.id.uuid(), event.bytes.as_slice())).unzip();
    let NewRows { inboxes, positions, hashes, events } = rows;
    let columns: [&(dyn ToSql + Sync); 6] = [inboxes, positions, hashes, events, &ids, &bytes];
    told.commit_with(session, ready.as_ref(), session.execute(&insert, &columns)).await
}
