//! Hearing and telling of appends as they happen.

use std::collections::BTreeSet;

use chatfold::UserId;
use tokio::sync::mpsc;

use crate::error::PostgresError;
use crate::listen::{CHANNEL, Listener};
use crate::pool::PostgresStore;

impl PostgresStore {
    /// Listens on a connection of its own: from when this returns, appends to any inbox are heard of.
    ///
    /// Appends are told right after they were committed, by the process that made them. If that dies in between,
    /// nobody is told, so ask for the head now and then as well.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where no connection can be had.
    pub async fn listen(&self) -> Result<Listener, PostgresError> {
        self.listen.listen().await
    }

    /// Tells listeners of an append, soon.
    pub(crate) fn tell(&self, inbox: &UserId) {
        if let Some(teller) = &self.teller {
            // The task ends with the runtime; then nobody listens through it either.
            let _ = teller.send(inbox.clone());
        }
    }

    /// Tells listeners of appends to these inboxes, now.
    pub(crate) async fn tell_all(&self, inboxes: &BTreeSet<UserId>) -> Result<(), PostgresError> {
        self.bounded(async {
            let taken = self.client().await?;
            let client = taken.client()?;
            let inboxes: Vec<&str> = inboxes.iter().map(UserId::as_str).collect();
            let sql = "SELECT pg_notify($1, inbox) FROM unnest($2::text[]) AS inbox";
            let notify = client.prepare_cached(sql).await?;
            client.execute(&notify, &[&CHANNEL, &inboxes]).await?;
            taken.give_back();
            Ok(())
        })
        .await
    }
}

/// Begins a task that tells listeners of appends, many at once where they come fast. It ends with the last store.
///
/// Not in the append's own transaction: PostgreSQL lets transactions that notify commit one behind the other, each
/// with its own sync, which cost 32 writers nine tenths of their throughput.
pub(crate) fn begin_telling(store: PostgresStore) -> mpsc::UnboundedSender<UserId> {
    let (teller, mut told) = mpsc::unbounded_channel::<UserId>();
    tokio::spawn(async move {
        while let Some(first) = told.recv().await {
            let mut inboxes = BTreeSet::from([first]);
            while let Ok(more) = told.try_recv() {
                inboxes.insert(more);
            }
            // Telling is worth no failure: followers ask for the head, too.
            let _ = store.tell_all(&inboxes).await;
        }
    });
    teller
}
