//! Hearing of appends as they happen.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;

use chatfold::UserId;
use deadpool_postgres::Pool;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Socket};

use crate::{PostgresError, PostgresStore};

/// What appends are told on.
const CHANNEL: &str = "chatfold";

type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Listener, PostgresError>> + Send + 'a>>;

/// Connects to listen, whatever the kind of encryption.
pub(crate) trait Connect: Send + Sync {
    fn listen(&self) -> Connecting<'_>;
}

/// Where to connect to, and how.
pub(crate) struct Endpoint<T> {
    pub(crate) config: Config,
    pub(crate) tls: T,
}

/// A connection of its own that hears which inboxes were appended to.
#[derive(Debug)]
pub struct Listener {
    heard: mpsc::UnboundedReceiver<Result<UserId, PostgresError>>,
    driver: JoinHandle<()>,
    _client: Client,
}

impl Listener {
    /// The next inbox that was appended to. Several appends in short order may be told as one.
    ///
    /// # Errors
    ///
    /// If the connection broke: listen anew, and take it that every inbox may have changed meanwhile.
    pub async fn next(&mut self) -> Result<UserId, PostgresError> {
        match self.heard.recv().await {
            Some(heard) => heard,
            None => Err(PostgresError::Pool("the connection was closed".into())),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl<T> Connect for Endpoint<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    fn listen(&self) -> Connecting<'_> {
        Box::pin(async {
            let (client, mut connection) = self.config.connect(self.tls.clone()).await?;
            let (tell, heard) = mpsc::unbounded_channel();
            let driver = tokio::spawn(async move {
                // Nobody listens any more: nothing is lost by not telling.
                while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                    let told = match message {
                        Ok(AsyncMessage::Notification(heard)) => match UserId::new(heard.payload()) {
                            Ok(owner) => tell.send(Ok(owner)),
                            Err(_) => Ok(()),
                        },
                        Ok(_) => Ok(()),
                        Err(error) => tell.send(Err(error.into())),
                    };
                    if told.is_err() {
                        break;
                    }
                }
            });
            client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
            Ok(Listener { heard, driver, _client: client })
        })
    }
}

impl PostgresStore {
    /// Listens on a connection of its own: from when this returns, appends to any inbox are heard of.
    ///
    /// Appends are told right after they were committed, by the process that made them. If that dies in between,
    /// nobody is told, so ask for the head now and then as well.
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
}

/// Begins a task that tells listeners of appends, many at once where they come fast. It ends with the last store.
///
/// Not in the append's own transaction: PostgreSQL lets transactions that notify commit one behind the other, each
/// with its own sync, which cost 32 writers nine tenths of their throughput.
pub(crate) fn begin_telling(pool: Pool) -> mpsc::UnboundedSender<UserId> {
    let (teller, mut told) = mpsc::unbounded_channel::<UserId>();
    tokio::spawn(async move {
        while let Some(first) = told.recv().await {
            let mut inboxes = BTreeSet::from([first]);
            while let Ok(more) = told.try_recv() {
                inboxes.insert(more);
            }
            // Telling is worth no failure: followers ask for the head, too.
            let _ = tell_all(&pool, &inboxes).await;
        }
    });
    teller
}

pub(crate) async fn tell_all(
    pool: &Pool,
    inboxes: &BTreeSet<UserId>,
) -> Result<(), deadpool_postgres::PoolError> {
    let client = pool.get().await?;
    let inboxes: Vec<&str> = inboxes.iter().map(UserId::as_str).collect();
    let sql = "SELECT pg_notify($1, inbox) FROM unnest($2::text[]) AS inbox";
    let notify = client.prepare_cached(sql).await?;
    client.execute(&notify, &[&CHANNEL, &inboxes]).await?;
    Ok(())
}
