//! The outbox: a row a change, written in the transaction of that change, and shown once none can come before it.
//!
//! A row is ordered by three columns. `transaction` is the greatest of the writer's own transaction id and of all that had
//! ended when the row was written. Whoever is still under way has a greater one than the oldest of those that are
//! (`pg_snapshot_xmin`), so what stands below that is complete: a gap there is of a transaction that was rolled back, and
//! nothing comes late. By its own id alone a writer that began first and wrote last would stand before what it saw;
//! so it stands behind. `number` is of a sequence, and orders what has one `transaction` as it was written. `history` is the
//! server's timeline, which a standby that is promoted raises: transaction ids begin there where the standby had come to.

use chatfold::shared::StreamId;
use chatfold::store::{
    Outbox, OutboxChange, OutboxCursor, OutboxEntry, OutboxError, OutboxPage, OutboxStatus,
};
use futures_util::future::{join3, try_join5};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::blocking::Blocking;
use crate::error::PostgresError;
use crate::pool::PostgresStore;
use crate::rows::{signed, unsigned};
use crate::session::{Prepared, Session, Sql, in_schema};

/// The timeline of the server.
macro_rules! history {
    () => {
        "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint"
    };
}
/// The oldest transaction that is under way.
macro_rules! oldest {
    () => {
        "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    };
}
/// What an entry that is written now is ordered by, before its number.
macro_rules! now {
    () => {
        concat!(
            history!(),
            ", greatest(pg_current_xact_id()::text::bigint, \
             pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)"
        )
    };
}
/// What tells a server, with its data, from any other.
macro_rules! server {
    () => {
        "(SELECT system_identifier FROM pg_control_system())"
    };
}

/// Writes entries of one change each.
const TELL: Sql = Sql {
    text: concat!(
        "INSERT INTO @chatfold_outbox (history, transaction, inbox, change, first, last) SELECT ",
        now!(),
        ", told.inbox, $4, told.first, told.last \
         FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS told (inbox, first, last)"
    ),
    types: &[Type::TEXT_ARRAY, Type::INT8_ARRAY, Type::INT8_ARRAY, Type::TEXT],
};
const PREPARED: Sql = Sql { text: "SELECT count(*) FROM pg_prepared_xacts", types: &[] };
const READ: Sql = Sql {
    text: concat!(
        "SELECT history, transaction, number, inbox, change, first, last, transaction < ",
        oldest!(),
        " AS settled, history < ",
        history!(),
        " AS older FROM @chatfold_outbox WHERE (history, transaction, number) > ($1, $2, $3) \
         ORDER BY history, transaction, number LIMIT $4"
    ),
    types: &[Type::INT8, Type::INT8, Type::INT8, Type::INT8],
};
const COUNT: Sql = Sql {
    text: concat!(
        "SELECT count(*) FILTER (WHERE transaction < ",
        oldest!(),
        ") AS behind, count(*) FILTER (WHERE transaction >= ",
        oldest!(),
        ") AS held FROM @chatfold_outbox WHERE (history, transaction, number) > ($1, $2, $3)"
    ),
    types: &[Type::INT8, Type::INT8, Type::INT8],
};
const SWITCH: Sql = Sql {
    text: concat!(
        "SELECT is_on, replace(mark::text, '-', '') AS mark, server = ",
        server!(),
        " AS same, history, transaction, number, ",
        history!(),
        " AS now, ",
        oldest!(),
        " AS oldest FROM @chatfold_outbox_switch CROSS JOIN @chatfold_outbox_forgotten"
    ),
    types: &[],
};
/// No writer of any inbox is under way once this is had, and none begins before the transaction ends.
const LOCK: &str = "SET LOCAL lock_timeout = '10s'; LOCK TABLE @chatfold_inbox IN EXCLUSIVE MODE";
const SET: Sql = Sql {
    text: concat!(
        "UPDATE @chatfold_outbox_switch SET is_on = $1, mark = gen_random_uuid(), server = ",
        server!()
    ),
    types: &[Type::BOOL],
};
const EMPTY: Sql = Sql { text: "DELETE FROM @chatfold_outbox", types: &[] };
const FORGOTTEN: Sql = Sql {
    text: "UPDATE @chatfold_outbox_forgotten SET history = $1, transaction = $2, number = $3",
    types: &[Type::INT8, Type::INT8, Type::INT8],
};
const FORGET: Sql = Sql {
    text: "DELETE FROM @chatfold_outbox WHERE (history, transaction, number) <= ($1, $2, $3)",
    types: &[Type::INT8, Type::INT8, Type::INT8],
};
/// Keeps others from forgetting, until the transaction ends.
const HOLD: Sql = Sql { text: "SELECT 1 FROM @chatfold_outbox_forgotten FOR UPDATE", types: &[] };

/// Changes of logs, to be written in the transaction that makes them.
#[derive(Debug, Default)]
pub(crate) struct Told<'a> {
    inboxes: Vec<&'a str>,
    first: Vec<i64>,
    last: Vec<i64>,
    word: &'static str,
}

impl<'a> Told<'a> {
    /// What happened to one log, if anything did.
    pub(crate) fn of(inbox: &'a StreamId, change: Option<OutboxChange>) -> Self {
        let mut told = Self::default();
        change.into_iter().for_each(|change| told.push(inbox, change));
        told
    }

    /// Adds a change of the same kind as those before it.
    pub(crate) fn push(&mut self, inbox: &'a StreamId, change: OutboxChange) {
        let (word, first, last) = change.parts();
        self.word = word;
        self.inboxes.push(inbox.key());
        self.first.push(signed(first));
        self.last.push(signed(last));
    }

    /// Makes ready to write them, if the outbox is on: before anything is sent that must not be carried out before they are
    /// written, such as the commit.
    pub(crate) async fn ready(session: &Session<'_>, is_on: bool) -> Result<Option<Prepared>, PostgresError> {
        Ok(if is_on { Some(session.prepare(&TELL).await?) } else { None })
    }

    /// Writes them with what was made ready.
    pub(crate) async fn send(
        &self,
        session: &Session<'_>,
        ready: Option<&Prepared>,
    ) -> Result<(), PostgresError> {
        if let Some(tell) = ready.filter(|_| !self.inboxes.is_empty()) {
            session.execute(tell, &[&self.inboxes, &self.first, &self.last, &self.word]).await?;
        }
        Ok(())
    }

    /// Inserts, writes them with what was made ready, and commits, in one round trip: the commit is sent before the insert is answered.
    /// The commit of a transaction that failed rolls back and says nothing of it, but the insert that failed has said so.
    pub(crate) async fn commit_with<T>(
        &self,
        session: &Session<'_>,
        ready: Option<&Prepared>,
        insert: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<(), PostgresError> {
        let commit = session.batch_execute("COMMIT");
        let (inserted, told, committed) = join3(insert, self.send(session, ready), commit).await;
        inserted?;
        told?;
        Ok(committed?)
    }

    /// Writes them, if the outbox is on.
    pub(crate) async fn write(&self, session: &Session<'_>, is_on: bool) -> Result<(), PostgresError> {
        self.send(session, Self::ready(session, is_on).await?.as_ref()).await
    }
}

/// The outbox, as of a moment.
#[derive(Clone, Copy, Debug)]
struct Switch {
    is_on: bool,
    mark: u128,
    /// Whether it was switched on on this very server.
    is_same: bool,
    /// Up to where entries were forgotten.
    first: OutboxCursor,
    /// The timeline of the server now.
    history: u64,
    /// Where nothing is shown yet.
    end: OutboxCursor,
}

impl Switch {
    fn of(row: Option<&Row>) -> Result<Self, PostgresError> {
        let row = row.ok_or_else(|| PostgresError::Damaged("the outbox has no switch".into()))?;
        let mark = u128::from_str_radix(row.try_get("mark")?, 16);
        let mark = mark.map_err(|_| PostgresError::Damaged("the outbox has no mark".into()))?;
        let history = unsigned(row.try_get("now")?)?;
        let first = cursor(mark, row)?;
        let end = OutboxCursor::new(mark, history, unsigned(row.try_get("oldest")?)?, 0);
        let (is_on, is_same) = (row.try_get("is_on")?, row.try_get("same")?);
        Ok(Self { is_on, mark, is_same, first, history, end })
    }

    /// Judges a cursor.
    fn judge(&self, after: &OutboxCursor) -> Result<(), OutboxError<PostgresError>> {
        if !self.is_on {
            return Err(OutboxError::Off);
        }
        if !self.is_same {
            return Err(OutboxError::Other);
        }
        after.judge(&self.first, &self.end)
    }
}

fn cursor(mark: u128, row: &Row) -> Result<OutboxCursor, PostgresError> {
    let number = |column| unsigned(row.try_get::<_, i64>(column)?);
    Ok(OutboxCursor::new(mark, number("history")?, number("transaction")?, number("number")?))
}

fn entry(mark: u128, row: &Row) -> Result<OutboxEntry, PostgresError> {
    let cursor = cursor(mark, row)?;
    let damaged = |what: &str| PostgresError::Damaged(format!("entry {cursor} of the outbox {what}"));
    let inbox = StreamId::from_key(row.try_get("inbox")?).map_err(|_| damaged("names no inbox"))?;
    let (first, last) = (unsigned(row.try_get("first")?)?, unsigned(row.try_get("last")?)?);
    let change = OutboxChange::of_parts(row.try_get("change")?, first, last);
    let change = change.ok_or_else(|| damaged("tells of no change that there is"))?;
    Ok(OutboxEntry::new(cursor, inbox, change))
}

/// The three columns that a cursor stands for.
fn columns(cursor: &OutboxCursor) -> [i64; 3] {
    [cursor.history(), cursor.transaction(), cursor.number()].map(signed)
}

/// Each statement sees what was committed before it: what is looked up last is the newest.
const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED";

type OutboxResult<T> = Result<T, OutboxError<PostgresError>>;

impl PostgresStore {
    /// Switches the outbox on, and returns the cursor before the oldest entry that is kept. See
    /// [`Outbox::outbox_on`](chatfold::store::Outbox::outbox_on).
    ///
    /// All transactions that write to an inbox are waited for, up to ten seconds, and others wait meanwhile.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses: also where a transaction
    /// is held open for longer.
    pub async fn outbox_on(&self) -> Result<OutboxCursor, PostgresError> {
        self.bounded(async {
            let switch = self.look().await?;
            if switch.is_on && switch.is_same {
                return Ok(switch.first);
            }
            self.switch(true).await
        })
        .await
    }

    /// Switches the outbox off and removes all entries. See
    /// [`Outbox::outbox_off`](chatfold::store::Outbox::outbox_off).
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::outbox_on`].
    pub async fn outbox_off(&self) -> Result<(), PostgresError> {
        self.bounded(async { self.switch(false).await.map(|_| ()) }).await
    }

    async fn look(&self) -> Result<Switch, PostgresError> {
        let taken = self.client().await?;
        let rows = taken.session()?.query_once(&SWITCH, &[]).await?;
        taken.give_back();
        Switch::of(rows.first())
    }

    async fn switch(&self, is_on: bool) -> Result<OutboxCursor, PostgresError> {
        let taken = self.client().await?;
        let session = taken.session()?;
        session.batch_execute(&format!("{BEGIN}; {}", in_schema(LOCK, &self.schema))).await?;
        let found = Switch::of(session.query_once(&SWITCH, &[]).await?.first())?;
        // Another may have switched it on meanwhile.
        if found.is_on != is_on || !found.is_same {
            session.execute_once(&SET, &[&is_on]).await?;
            session.execute_once(&EMPTY, &[]).await?;
            session.execute_once(&FORGOTTEN, &[&0_i64, &0_i64, &0_i64]).await?;
        }
        let switch = Switch::of(session.query_once(&SWITCH, &[]).await?.first())?;
        session.batch_execute("COMMIT").await?;
        taken.give_back();
        Ok(switch.first)
    }

    /// At most `limit` entries behind `after`, and where to go on. One round trip. See
    /// [`Outbox::outbox_after`](chatfold::store::Outbox::outbox_after).
    ///
    /// # Errors
    ///
    /// [`OutboxError`]: why there is nothing behind this cursor, or that the store failed.
    pub async fn outbox_after(&self, after: &OutboxCursor, limit: usize) -> OutboxResult<OutboxPage> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            let (rows, prepared, switch) = read(session, after, limit).await?;
            taken.give_back();
            switch.judge(after)?;
            // Of an older timeline none is under way but transactions that were prepared there.
            let is_shown = |row: &Row| {
                let (settled, older): (bool, bool) = (row.try_get("settled")?, row.try_get("older")?);
                Ok::<_, PostgresError>(settled || (older && prepared == 0))
            };
            let (mut entries, mut all) = (Vec::new(), rows.len() < limit);
            for row in &rows {
                if !is_shown(row)? {
                    all = false;
                    break;
                }
                entries.push(entry(switch.mark, row)?);
            }
            let mut next = entries.last().map_or(*after, |last| last.cursor);
            if all && prepared == 0 {
                // Nothing comes any more of the server that was before this one.
                next = next.max(OutboxCursor::new(switch.mark, switch.history, 0, 0));
            }
            Ok(OutboxPage::new(entries, next))
        })
        .await
    }

    /// Removes all entries up to this cursor. See [`Outbox::outbox_forget`](chatfold::store::Outbox::outbox_forget).
    ///
    /// # Errors
    ///
    /// [`OutboxError`]: why the cursor is none of this outbox, or that the store failed.
    pub async fn outbox_forget(&self, through: &OutboxCursor) -> OutboxResult<u64> {
        self.bounded(async {
            let taken = self.client().await?;
            let session = &taken.session()?;
            session.batch_execute(BEGIN).await.map_err(PostgresError::from)?;
            session.query_once(&HOLD, &[]).await.map_err(PostgresError::from)?;
            let rows = session.query_once(&SWITCH, &[]).await.map_err(PostgresError::from)?;
            let removed = match Switch::of(rows.first())?.judge(through) {
                Ok(()) => {
                    let [history, transaction, number] = columns(through);
                    let named: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                        [&history, &transaction, &number];
                    session.execute_once(&FORGOTTEN, &named).await.map_err(PostgresError::from)?;
                    Ok(session.execute_once(&FORGET, &named).await.map_err(PostgresError::from)?)
                }
                Err(OutboxError::Forgotten { .. }) => Ok(0),
                Err(refused) => Err(refused),
            };
            session.batch_execute("COMMIT").await.map_err(PostgresError::from)?;
            taken.give_back();
            removed
        })
        .await
    }

    /// How far a consumer is behind, and how much is held back. See
    /// [`Outbox::outbox_status`](chatfold::store::Outbox::outbox_status).
    ///
    /// # Errors
    ///
    /// [`OutboxError`]: why there is nothing behind this cursor, or that the store failed.
    pub async fn outbox_status(&self, after: Option<&OutboxCursor>) -> OutboxResult<OutboxStatus> {
        self.bounded(async {
            let switch = self.look().await?;
            let after = after.copied().unwrap_or(switch.first);
            switch.judge(&after)?;
            let [history, transaction, number] = columns(&after);
            let taken = self.client().await?;
            let rows = taken.session()?.query_once(&COUNT, &[&history, &transaction, &number]).await;
            let rows = rows.map_err(PostgresError::from)?;
            taken.give_back();
            let counted = |column| match rows.first() {
                Some(row) => unsigned(row.try_get::<_, i64>(column)?),
                None => Ok(0),
            };
            Ok(OutboxStatus::new(switch.first, counted("behind")?, counted("held")?))
        })
        .await
    }
}

/// Reads entries, in one round trip: how many transactions wait that were prepared, the entries, and then the switch, which is
/// newer than they, so that what was forgotten or switched in between is seen.
async fn read(
    session: &Session<'_>,
    after: &OutboxCursor,
    limit: usize,
) -> Result<(Vec<Row>, i64, Switch), PostgresError> {
    let [history, transaction, number] = columns(after);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (prepared, entries, switch) =
        (session.prepare(&PREPARED).await?, session.prepare(&READ).await?, session.prepare(&SWITCH).await?);
    let ((), prepared, rows, switch, ()) = try_join5(
        session.batch_execute(BEGIN),
        session.query_opt(&prepared, &[]),
        session.query(&entries, &[&history, &transaction, &number, &limit]),
        session.query_opt(&switch, &[]),
        session.batch_execute("COMMIT"),
    )
    .await?;
    let prepared = prepared.map_or(Ok(0), |row| row.try_get(0))?;
    Ok((rows, prepared, Switch::of(switch.as_ref())?))
}

impl Outbox for Blocking {
    fn outbox_on(&mut self) -> Result<OutboxCursor, PostgresError> {
        self.wait(self.store().outbox_on())
    }

    fn outbox_off(&mut self) -> Result<(), PostgresError> {
        self.wait(self.store().outbox_off())
    }

    fn outbox_after(&mut self, after: &OutboxCursor, limit: usize) -> OutboxResult<OutboxPage> {
        self.wait(self.store().outbox_after(after, limit))
    }

    fn outbox_forget(&mut self, through: &OutboxCursor) -> OutboxResult<u64> {
        self.wait(self.store().outbox_forget(through))
    }

    fn outbox_status(&mut self, after: Option<&OutboxCursor>) -> OutboxResult<OutboxStatus> {
        self.wait(self.store().outbox_status(after))
    }
}
