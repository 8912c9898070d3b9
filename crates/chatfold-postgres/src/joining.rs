//! Appends that are joined: what many callers append at the same time is written by one transaction.
//!
//! A server plans every statement and commits every transaction, which costs it several times what the rows do. So only few
//! transactions append at once ([`Options::appending`](crate::Options::appending)): whoever comes while fewer are under way
//! begins one of its own and waits for nobody, and those who come later wait until one ends. Are they eight then, or more, they are
//! written together; fewer go on alone.
//!
//! Each of them is judged by the same plan as one alone, with the row of its inbox locked. A row that anybody else holds is passed
//! over, so nobody waits for another one's inbox. Whoever was passed over, has no row yet, does not go on from where the log
//! ends, has an event or a command that may be there already, or was in a transaction that failed, appends alone after all:
//! that tells what is wrong, and finds by the ids of its events if they were written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chatfold::EventId;
use chatfold::id::CommandId;
use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Append, Appended, Head, Known, OutboxChange, Plan};
use chatfold_layout::keys::Wanted;
use futures_util::future::{try_join, try_join3};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_postgres::types::{ToSql, Type};

use crate::error::{AppendResult, PostgresError};
use crate::joiner::{Named, Request};
use crate::keys::Question;
use crate::outbox::Told;
use crate::pool::PostgresStore;
use crate::rows::{self, is_on, signed};
use crate::session::{Session, Sql};

/// So many appends are worth a transaction that they share; fewer cost less alone, each on a connection of its own.
const FEW: usize = 8;

/// How many appends one transaction writes at most.
const TOGETHER: usize = 64;

/// An append of more events than this, or of more bytes, has a transaction of its own.
const EVENTS: usize = 16;
const LEN_BYTES: usize = 64 << 10;

/// How often others have their turn before it is believed that nobody appends any more: those who were answered just now
/// may be about to.
const YIELDS: usize = 20;

/// Plans that are made within this transaction look into indexes, however small the tables are when they are made: such a plan is
/// kept while they grow. What has no index counts as very costly then, so that it would be compiled first.
const BEGIN: &str = "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

/// The rows of inboxes that nobody else holds, locked against all other writers of them.
const LOCK: Sql = Sql {
    text: concat!(
        "SELECT inbox, closed, moved_to, sealed, ",
        is_on!(),
        " FROM @chatfold_inbox WHERE inbox = ANY($1) FOR NO KEY UPDATE SKIP LOCKED"
    ),
    types: &[Type::TEXT_ARRAY],
};
/// Whatever there is of some events, of their commands, at the positions that their writers saw last, and at the next ones.
///
/// Each of the three is a look into one index, however many rows the planner expects.
const THERE: Sql = Sql {
    text: "SELECT w.inbox, k.position, k.hash, k.known FROM \
           unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[]) AS w (inbox, id, command, expected) CROSS JOIN LATERAL (\
           SELECT position, hash, true AS known FROM @chatfold_event AS e \
           WHERE e.inbox = w.inbox AND e.id = w.id UNION ALL \
           SELECT position, hash, true FROM @chatfold_event AS e \
           WHERE e.inbox = w.inbox AND e.command = w.command UNION ALL \
           SELECT position, hash, false FROM @chatfold_event AS e \
           WHERE e.inbox = w.inbox AND e.position = ANY (ARRAY[w.expected, w.expected + 1])) AS k",
    types: &[Type::TEXT_ARRAY, Type::UUID_ARRAY, Type::UUID_ARRAY, Type::INT8_ARRAY],
};
/// A position that no event has, nor the one behind it.
const NOWHERE: i64 = -1;

/// Rows of keys in which some of what is asked for may stand.
const SEALED: Sql = Sql {
    text: "SELECT w.inbox, s.keys FROM unnest($1::text[], $2::integer[], $3::bytea[]) AS w (inbox, slice, part) \
           CROSS JOIN LATERAL (SELECT keys FROM @chatfold_sealed AS k \
           WHERE k.inbox = w.inbox AND k.slice = w.slice OFFSET 0) AS s WHERE position(w.part IN s.keys) > 0",
    types: &[Type::TEXT_ARRAY, Type::INT4_ARRAY, Type::BYTEA_ARRAY],
};
const INSERT: Sql = Sql {
    text: "INSERT INTO @chatfold_event (inbox, position, id, command, hash, encoded) \
           SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bytea[], $6::bytea[])",
    types: &[
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::UUID_ARRAY,
        Type::UUID_ARRAY,
        Type::BYTEA_ARRAY,
        Type::BYTEA_ARRAY,
    ],
};

/// How an append goes on.
pub(crate) enum Entered<'a> {
    /// In a transaction of its own, which counts among those that are under way if there is a turn.
    Alone { turn: Option<Turn<'a>> },
    /// By one that others are in too.
    Joined(Waiter),
}

/// Who waits for a transaction that others are in too.
pub(crate) struct Waiter {
    is_taken: Arc<AtomicBool>,
    answer: oneshot::Receiver<AppendResult<Appended>>,
}

/// A place among the transactions that append. Once it is dropped those that wait have it.
pub(crate) struct Turn<'a>(&'a PostgresStore);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.joiner.waiting();
        match Handle::try_current() {
            Ok(runtime) if waiting.requests.len() >= FEW => {
                runtime.spawn(write_all(self.0.clone()));
            }
            _ => {
                // Those that wait find that they have no answer.
                waiting.under_way -= 1;
                let requests = std::mem::take(&mut waiting.requests);
                drop(waiting);
                drop(requests);
            }
        }
    }
}

/// Writes what waits, as long as it is worth it.
async fn write_all(store: PostgresStore) {
    let turn = Turn(&store);
    loop {
        for _ in 0..YIELDS {
            if store.joiner.waiting().requests.len() >= FEW {
                break;
            }
            tokio::task::yield_now().await;
        }
        if store.joiner.waiting().requests.len() < FEW {
            break;
        }
        let some = store.take_waiting();
        store.write_joined(some).await;
    }
    drop(turn);
}

impl PostgresStore {
    /// How an append begins: at once, or after those that are under way.
    pub(crate) fn enter(&self, inbox: &StreamId, append: &Append<'_>) -> Entered<'_> {
        let at_once = self.options.appending.max(1);
        if at_once >= self.options.connections {
            return Entered::Alone { turn: None };
        }
        let mut waiting = self.joiner.waiting();
        if waiting.under_way < at_once {
            waiting.under_way += 1;
            return Entered::Alone { turn: Some(Turn(self)) };
        }
        let len_bytes: usize = append.events.iter().map(|event| event.bytes.len()).sum();
        let is_small = append.events.len() <= EVENTS && len_bytes <= LEN_BYTES && append.snapshot.is_none();
        let is_full = waiting.requests.len() >= self.options.waiting;
        if waiting.is_off || is_full || !is_small || !waiting.inboxes.insert(inbox.clone()) {
            return Entered::Alone { turn: None };
        }
        let (answer, answered) = oneshot::channel();
        let is_taken = Arc::<AtomicBool>::default();
        waiting.requests.push_back(Request {
            named: Named { inbox: inbox.clone(), joiner: Arc::clone(&self.joiner) },
            expected: append.expected,
            command: append.command,
            events: append.events.to_vec(),
            is_taken: Arc::clone(&is_taken),
            answer,
        });
        Entered::Joined(Waiter { is_taken, answer: answered })
    }

    /// What became of an append that waited; `None` if it is to be appended alone. Whoever has waited for a thousandth of
    /// [`Options::answer_timeout`](crate::Options::answer_timeout) and is in no transaction yet waits no longer: those that are under way may
    /// wait for locks on inboxes of their own.
    pub(crate) async fn joined(&self, mut waiter: Waiter) -> AppendResult<Option<Appended>> {
        let patience = self.options.answer_timeout / 1000;
        let answered = match tokio::time::timeout(patience, &mut waiter.answer).await {
            Ok(answered) => answered,
            Err(_) if !waiter.is_taken.swap(true, Ordering::Relaxed) => return Ok(None),
            Err(_) => self.bounded(async { Ok::<_, PostgresError>(waiter.answer.await) }).await?,
        };
        answered.ok().transpose()
    }

    /// Those that have waited longest, without those that nobody waits for any more.
    fn take_waiting(&self) -> Vec<Request> {
        let mut waiting = self.joiner.waiting();
        let (mut some, mut given_up) = (Vec::new(), Vec::new());
        while some.len() < TOGETHER
            && let Some(request) = waiting.requests.pop_front()
        {
            if request.take() { some.push(request) } else { given_up.push(request) }
        }
        drop(waiting);
        given_up.into_iter().for_each(|request| request.answered(None));
        some
    }

    /// Writes some appends in one transaction and answers them.
    async fn write_joined(&self, requests: Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        let written = self.bounded(self.try_joined(&requests)).await;
        if let Err(error) = &written
            && error.is_unsupported()
        {
            self.joiner.waiting().is_off = true;
        }
        let mut outcomes = written.unwrap_or_default().into_iter();
        for request in requests {
            if let Some(Some(Ok(Appended { first, last, repeated: false, .. }))) = outcomes.as_slice().first()
            {
                self.tell(request.inbox(), *last);
                self.seal_if_due(request.inbox(), first.saturating_sub(1), *last);
            }
            request.answered(outcomes.next().flatten());
        }
    }

    /// Returns what became of each, durable; `None` for one that is to be appended alone. Without an outcome for any if another
    /// transaction came in between.
    async fn try_joined(
        &self,
        requests: &[Request],
    ) -> Result<Vec<Option<AppendResult<Appended>>>, PostgresError> {
        let taken = self.client_whoever_waits().await?;
        let session = &taken.session()?;
        let (mut known, outbox) = match find(session, requests).await {
            Ok(found) => found,
            Err(error) => return taken.again::<()>(error).await.map(|_| Vec::new()),
        };
        let (mut rows, mut told) = (NewRows::default(), Told::default());
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            let append = request.append();
            let planned = known.remove(request.inbox().key()).map(|known| (append.plan(&known), known));
            outcomes.push(match planned {
                Some((Ok(Plan::Write { prefixes, .. }), known)) => {
                    rows.push(request, &prefixes);
                    let (first, prefix) = (append.expected + 1, prefixes.last().copied());
                    let prefix = prefix.unwrap_or(known.head.prefix);
                    told.push(request.inbox(), OutboxChange::Appended { first, last: prefix.events });
                    Some(Ok(Appended::written(first, prefix.events, prefix)))
                }
                Some((Err(refused), _)) => Some(Err(refused)),
                // Of which something is known is appended alone.
                Some((Ok(Plan::Repeat { .. }), _)) | None => None,
            });
        }
        match rows.write(session, outbox, &told).await {
            Ok(()) => taken.give_back(),
            Err(error) => return taken.again::<()>(error).await.map(|_| Vec::new()),
        }
        Ok(outcomes)
    }
}

/// Begins a transaction and looks up what some appends are judged by, in one round trip, or two where events of their inboxes are
/// sealed; and whether the outbox is on. An append of which nothing is returned is to be written alone: nobody knows here
/// whether it follows what its log ends with.
async fn find<'a>(
    session: &Session<'_>,
    requests: &'a [Request],
) -> Result<(BTreeMap<&'a str, Known>, bool), PostgresError> {
    let (lock, there) = try_join(session.prepare(&LOCK), session.prepare(&THERE)).await?;
    let owners: Vec<&str> = requests.iter().map(|request| request.inbox().key()).collect();
    let (mut inboxes, mut ids, mut commands, mut expected) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for request in requests {
        for (n, event) in request.events.iter().enumerate() {
            inboxes.push(request.inbox().key());
            ids.push(event.id.uuid());
            // The command and where the log ends are looked up once.
            commands.push(request.command.filter(|_| n == 0).map(CommandId::uuid));
            // The server adds one to it.
            expected.push(if n == 0 { signed(request.expected).min(i64::MAX - 1) } else { NOWHERE });
        }
    }
    // Each statement sees what was committed when it began, and so what was written before the locks were had.
    let ((), locked, there) = try_join3(
        session.batch_execute(BEGIN),
        session.query(&lock, &[&owners]),
        session.query(&there, &[&inboxes, &ids, &commands, &expected]),
    )
    .await?;
    let (mut last, mut known): (BTreeMap<&str, Vec<LogPrefix>>, HashSet<&str>) = Default::default();
    for row in &there {
        let owner = row.try_get("inbox")?;
        if row.try_get("known")? {
            known.insert(owner);
        } else {
            last.entry(owner).or_default().push(rows::prefix(row)?);
        }
    }
    let (mut closed, mut sealed, mut outbox) = (BTreeMap::new(), HashSet::new(), false);
    for row in &locked {
        let owner: &str = row.try_get("inbox")?;
        closed.insert(owner, rows::closed(row)?);
        outbox = row.try_get("outbox")?;
        if row.try_get::<_, i64>("sealed")? > 0 {
            sealed.insert(owner);
        }
    }
    let maybe_known = maybe_sealed(session, requests, &sealed).await?;
    let mut found = BTreeMap::new();
    for request in requests {
        let owner = request.inbox().key();
        // The newest event is never sealed: a log without rows has no events.
        let end = match (request.expected, last.get(owner).map(Vec::as_slice)) {
            (0, None) if !sealed.contains(owner) => Some(LogPrefix::EMPTY),
            (expected, Some([end])) if end.events == expected => Some(*end),
            _ => None,
        };
        let is_new = !known.contains(owner) && !maybe_known.contains(owner);
        if let (Some(closed), Some(end), true) = (closed.remove(owner), end, is_new) {
            found.insert(owner, Known::new(Head::new(end, closed)));
        }
    }
    Ok((found, outbox))
}

/// Those of the inboxes with sealed events in which the append may be, by the keys of these.
async fn maybe_sealed(
    session: &Session<'_>,
    requests: &[Request],
    inboxes: &HashSet<&str>,
) -> Result<HashSet<String>, PostgresError> {
    let mut found = HashSet::new();
    if inboxes.is_empty() {
        return Ok(found);
    }
    let sealed = session.prepare(&SEALED).await?;
    let (mut owners, mut slices, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    let mut questions = BTreeMap::new();
    for request in requests.iter().filter(|request| inboxes.contains(request.inbox().key())) {
        let wanted = request.events.iter().map(|event| Wanted::Event(event.id));
        let question = Question::new(wanted.chain(request.command.map(Wanted::Command)));
        owners.extend(question.slices().iter().map(|_| request.inbox().key()));
        slices.extend_from_slice(question.slices());
        parts.extend_from_slice(question.parts());
        questions.insert(request.inbox().key(), question);
    }
    for row in &session.query(&sealed, &[&owners, &slices, &parts]).await? {
        let (owner, mut segments) = (row.try_get::<_, &str>(0)?, BTreeSet::new());
        if let Some(question) = questions.get(owner) {
            question.answer(row.try_get(1)?, &mut segments)?;
        }
        if !segments.is_empty() {
            found.insert(owner.to_owned());
        }
    }
    Ok(found)
}

/// The rows to insert, by column.
#[derive(Default)]
struct NewRows<'a> {
    inboxes: Vec<&'a str>,
    positions: Vec<i64>,
    ids: Vec<EventId>,
    commands: Vec<Option<CommandId>>,
    hashes: Vec<Vec<u8>>,
    bytes: Vec<&'a [u8]>,
}

impl<'a> NewRows<'a> {
    /// Adds the events of an append, after each of which its log stands so.
    fn push(&mut self, request: &'a Request, prefixes: &[LogPrefix]) {
        for (event, prefix) in request.events.iter().zip(prefixes) {
            self.inboxes.push(request.inbox().key());
            self.positions.push(signed(prefix.events));
            self.ids.push(event.id);
            self.commands.push(request.command);
            self.hashes.push(prefix.hash.to_be_bytes().to_vec());
            self.bytes.push(&event.bytes);
        }
    }

    /// Inserts, tells the outbox if it is on, and commits, in one round trip.
    async fn write(&self, session: &Session<'_>, outbox: bool, told: &Told<'_>) -> Result<(), PostgresError> {
        if self.inboxes.is_empty() {
            return Ok(session.batch_execute("COMMIT").await?);
        }
        let insert = session.prepare(&INSERT).await?;
        let ready = Told::ready(session, outbox).await?;
        let ids: Vec<_> = self.ids.iter().map(|id| id.uuid()).collect();
        let commands: Vec<_> = self.commands.iter().map(|command| command.map(CommandId::uuid)).collect();
        let Self { inboxes, positions, hashes, bytes, .. } = self;
        let columns: [&(dyn ToSql + Sync); 6] = [inboxes, positions, &ids, &commands, hashes, bytes];
        told.commit_with(session, ready.as_ref(), session.execute(&insert, &columns)).await
    }
}
