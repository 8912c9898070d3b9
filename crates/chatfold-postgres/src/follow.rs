//! Hearing and telling of appends as they happen.

use std::collections::BTreeSet;

use chatfold::UserId;
use tokio::sync::mpsc;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::listen::{CHANNEL, Listener};
use crate::pool::PostgresStore;
use crate::session::Sql;

/// How often telling is tried.
const ATTEMPTS: u32 = 3;

const NOTIFY: Sql = Sql {
    text: "SELECT pg_notify($1, inbox) FROM unnest($2::text[]) AS inbox",
    types: &[Type::TEXT, Type::TEXT_ARRAY],
};

impl PostgresStore {
    /// Listens on a connection of its own: from when this returns, appends to any inbox are heard of.
    ///
    /// Appends are told right after they were committed, by the process that made them. If that dies in between,
    /// nobody is told, so ask for the head now and then as well.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where no connection can be had; [`PostgresError::CannotListen`] through a pooler, if
    /// [`Options::listen`](crate::Options::listen) does not name the server itself.
    pub async fn listen(&self) -> Result<Listener, PostgresError> {
        match &self.listen {
            Some(listen) => listen.listen().await,
            None => Err(PostgresError::CannotListen),
        }
    }

    /// Tells listeners of an append, soon.
    pub(crate) fn tell(&self, inbox: &UserId) {
        if let Some(teller) = &self.teller {
            // The task ends with the runtime; then nobody listens through it either.
            let _ = teller.send(inbox.clone());
        }
    }

    /// Tells listeners that an inbox was appended to, soon: after the commit of a transaction in which
    /// [`PostgresStore::append_in`] was. Nothing where [`Options::notify`](crate::Options::notify) is false.
    pub fn announce(&self, inbox: &UserId) {
        self.tell(inbox);
    }

    /// Tells listeners of appends to these inboxes, now.
    pub(crate) async fn tell_all(&self, inboxes: &BTreeSet<UserId>) -> Result<(), PostgresError> {
        self.bounded(async {
            let taken = self.client_whoever_waits().await?;
            let session = &taken.session()?;
            let inboxes: Vec<&str> = inboxes.iter().map(UserId::as_str).collect();
            let notify = session.prepare(&NOTIFY).await?;
            session.execute(&notify, &[&CHANNEL, &inboxes]).await?;
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
            // A connection of the pool may turn out broken. Telling is worth no failure: followers ask for the head, too.
            for _ in 0..ATTEMPTS {
                if store.tell_all(&inboxes).await.is_ok() {
                    break;
                }
            }
        }
    });
    teller
}
