//! A connection of its own that hears of appends.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

use crate::channel;
use crate::connect::Connector;
use crate::encrypt::Encrypt;
use crate::error::PostgresError;
use crate::heard::{Heard, Queue};

type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Listener, PostgresError>> + Send + 'a>>;

/// Connects to listen, whatever the kind of encryption.
pub(crate) trait Listen: Send + Sync {
    fn listen(&self, channels: Vec<u16>) -> Connecting<'_>;
}

/// A connection of its own that hears which inboxes were appended to.
#[derive(Debug)]
pub struct Listener {
    heard: Arc<Queue>,
    driver: JoinHandle<()>,
    _client: Client,
}

impl Listener {
    /// The next inbox that was appended to, or that more were than this held: it holds 65,536, each once. Dropping the future
    /// loses nothing.
    ///
    /// # Errors
    ///
    /// If the connection broke: listen anew, and take it that every inbox may have changed meanwhile.
    pub async fn next(&mut self) -> Result<Heard, PostgresError> {
        match self.heard.next().await {
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

impl<T> Listen for Connector<T>
where
    T: Encrypt,
{
    fn listen(&self, channels: Vec<u16>) -> Connecting<'_> {
        Box::pin(async move {
            let longest = self.longest();
            let connecting = tokio::time::timeout(longest, self.connect());
            let unheard = |_| PostgresError::Pool(format!("no host let it in within {longest:?}"));
            let (client, mut connection) = connecting.await.map_err(unheard)??;
            let queue = Arc::new(Queue::default());
            let told = Arc::clone(&queue);
            let driver = tokio::spawn(async move {
                while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                    match message {
                        Ok(AsyncMessage::Notification(said)) => match channel::heard(said.payload()) {
                            Some(Heard::Inbox { inbox, events }) => told.put(&inbox, events),
                            Some(Heard::All) => told.put_all(),
                            None => {}
                        },
                        Ok(_) => {}
                        Err(error) => return told.end(Some(error.into())),
                    }
                }
                told.end(None);
            });
            let listen: Vec<_> =
                channels.into_iter().map(|channel| format!("LISTEN {}", channel::name(channel))).collect();
            client.batch_execute(&listen.join("; ")).await?;
            Ok(Listener { heard: queue, driver, _client: client })
        })
    }
}
