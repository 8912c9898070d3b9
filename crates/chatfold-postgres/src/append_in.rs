//! Appending within a transaction of the caller's own.

use chatfold::shared::StreamId;
use chatfold::store::{Append, AppendError, Appended, Plan};
use tokio_postgres::Transaction;

use crate::append::{Lookup, insert_rows, new_rows, told};
use crate::error::PostgresError;
use crate::pool::PostgresStore;
use crate::rows::{LOCK, MAKE};
use crate::session::Session;

impl PostgresStore {
    /// Appends a batch within a transaction that the caller began on a connection of its own to the same database: the
    /// events are there if and when that commits, with whatever else it writes, such as the token of a sync. After the
    /// commit, [`PostgresStore::announce`] tells listeners.
    ///
    /// The inbox's row is locked until the transaction ends: other appends to this inbox wait for it, so commit soon. A
    /// transaction that appends to several inboxes should do so in the order of their owners' ids, as
    /// [`PostgresStore::receive_many`] does, or two may wait for each other and the server ends one of them.
    ///
    /// What is returned is as final as the transaction. The laws are those of [`PostgresStore::append`]; nothing is tried
    /// again here, since what else the transaction read may have to be judged anew.
    ///
    /// ```no_run
    /// # use chatfold::shared::StreamId;
    /// # use chatfold::store::{Append, NewEvent};
    /// # use chatfold_postgres::PostgresStore;
    /// # async fn example(
    /// #     store: PostgresStore, client: &mut tokio_postgres::Client, alice: StreamId, events: Vec<NewEvent>, token: &str,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let expected = store.head(&alice).await?.prefix.events;
    /// let transaction = client.transaction().await?;
    /// store.append_in(&transaction, &alice, &Append::new(expected, &events)).await?;
    /// transaction.execute("UPDATE sync SET token = $1 WHERE owner = 'alice'", &[&token]).await?;
    /// transaction.commit().await?;
    /// store.announce(&alice);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`AppendError`] by which law it is refused: no event was written, and the transaction goes on. Where it is
    /// [`AppendError::Store`] the transaction can only be rolled back. For [`PostgresError::Aborted`] do all of it again:
    /// another one came in between, which happens where the transaction sees the database as it was when it began
    /// (`REPEATABLE READ`, `SERIALIZABLE`), or where two wait for each other.
    pub async fn append_in(
        &self,
        transaction: &Transaction<'_>,
        inbox: &StreamId,
        append: &Append<'_>,
    ) -> Result<Appended, AppendError<PostgresError>> {
        let session = &Session::within(transaction.client(), &self.schema);
        let appended = self.bounded(append_on(self, session, inbox, append)).await;
        appended.map_err(|error| match error {
            AppendError::Store(error) => AppendError::Store(error.within_transaction()),
            refused => refused,
        })
    }
}

async fn append_on(
    store: &PostgresStore,
    session: &Session<'_>,
    inbox: &StreamId,
    append: &Append<'_>,
) -> Result<Appended, AppendError<PostgresError>> {
    // Without its row there would be nothing to lock.
    session.execute_once(&MAKE, &[&inbox.key()]).await.map_err(PostgresError::from)?;
    let lookup = Lookup::new(session, &LOCK).await?;
    let known = lookup.run(store, session, inbox, append.command, append.events).await?;
    let Some((known, outbox)) = known else {
        let missing = format!("the inbox {inbox:#} has no row after it was made");
        return Err(PostgresError::Damaged(missing).into());
    };
    let (prefixes, keep) = match append.plan(&known)? {
        Plan::Write { prefixes, keep_snapshot } => (prefixes, keep_snapshot),
        Plan::Repeat { first, last } => return Ok(Appended::repeated(first, last, known.head.prefix)),
    };
    if let Some(snapshot) = append.snapshot.filter(|_| keep) {
        store.keep_snapshot(session, inbox, snapshot).await?;
    }
    let rows = new_rows(append, &prefixes);
    insert_rows(session, inbox, &rows).await?;
    told(inbox, &rows).write(session, outbox).await?;
    let prefix = prefixes.last().copied().unwrap_or(known.head.prefix);
    Ok(Appended::written(append.expected + 1, prefix.events, prefix))
}
