//! Hearing and telling of appends as they happen.

use std::sync::Arc;

use chatfold::shared::StreamId;
use tokio_postgres::types::Type;

use crate::channel::{self, CHANNELS};
use crate::error::PostgresError;
use crate::heard::{Heard, Queue, Teller};
use crate::listen::Listener;
use crate::pool::PostgresStore;
use crate::session::Sql;

/// How many inboxes one statement tells of.
const AT_ONCE: usize = 1_024;

/// How often telling is tried.
const ATTEMPTS: u32 = 3;

const NOTIFY: Sql = Sql {
    text: "SELECT pg_notify(channel, said) FROM unnest($1::text[], $2::text[]) AS told (channel, said)",
    types: &[Type::TEXT_ARRAY, Type::TEXT_ARRAY],
};

impl PostgresStore {
    /// The channel that appends to an inbox are told on: below [`CHANNELS`], and the same for all servers.
    pub fn channel_of(inbox: &StreamId) -> u16 {
        channel::of(inbox)
    }

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
        self.listen_to((0..CHANNELS).collect()).await
    }

    /// The same for the inboxes of some [channels](Self::channel_of).
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::listen`].
    pub async fn listen_to(&self, channels: Vec<u16>) -> Result<Listener, PostgresError> {
        match &self.listen {
            Some(listen) => listen.listen(channels).await,
            None => Err(PostgresError::CannotListen),
        }
    }

    /// Tells listeners, soon, that the log of an inbox has so many events.
    pub(crate) fn tell(&self, inbox: &StreamId, events: u64) {
        if let Some(teller) = &self.teller {
            // The task ends with the runtime; then nobody listens through it either.
            teller.tell(inbox, events);
        }
    }

    /// Tells listeners that an inbox was appended to, soon: after the commit of a transaction in which
    /// [`PostgresStore::append_in`] was. Nothing where [`Options::notify`](crate::Options::notify) is false.
    ///
    /// Has the rows of the inbox sealed too, if there are enough of them: without it, what is appended so stays as rows until
    /// another append comes.
    pub fn announce(&self, inbox: &StreamId) {
        self.tell(inbox, u64::MAX);
        if let Some(sealer) = &self.sealer {
            sealer.tell(inbox, u64::MAX);
        }
    }

    /// Tells listeners of these, now.
    pub(crate) async fn tell_all(&self, told: &[Heard]) -> Result<(), PostgresError> {
        for told in told.chunks(AT_ONCE) {
            self.tell_some(told).await?;
        }
        Ok(())
    }

    async fn tell_some(&self, told: &[Heard]) -> Result<(), PostgresError> {
        let (mut channels, mut said) = (Vec::new(), Vec::new());
        for told in told {
            match told {
                Heard::Inbox { inbox, .. } => {
                    channels.push(channel::name(channel::of(inbox)));
                    said.push(channel::said(told));
                }
                Heard::All => (0..CHANNELS).for_each(|n| {
                    channels.push(channel::name(n));
                    said.push(channel::said(told));
                }),
            }
        }
        self.bounded(async {
            let taken = self.client_whoever_waits().await?;
            let session = &taken.session()?;
            let notify = session.prepare(&NOTIFY).await?;
            session.execute(&notify, &[&channels, &said]).await?;
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
pub(crate) fn begin_telling(store: PostgresStore) -> Arc<Teller> {
    let queue = Arc::new(Queue::default());
    let told = Arc::clone(&queue);
    tokio::spawn(async move {
        while let Some(Ok(first)) = told.next().await {
            let mut all = vec![first];
            all.extend(told.take());
            // A connection of the pool may turn out broken. Telling is worth no failure: followers ask for the head, too.
            for _ in 0..ATTEMPTS {
                if store.tell_all(&all).await.is_ok() {
                    break;
                }
            }
        }
    });
    Arc::new(Teller::new(queue))
}
