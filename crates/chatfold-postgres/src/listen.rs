//! A connection of its own that hears of appends.

use std::future::{Future, poll_fn};
use std::pin::Pin;

use chatfold::UserId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Socket};

use crate::connect::Connector;
use crate::error::PostgresError;

/// What appends are told on.
pub(crate) const CHANNEL: &str = "chatfold";

type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Listener, PostgresError>> + Send + 'a>>;

/// Connects to listen, whatever the kind of encryption.
pub(crate) trait Listen: Send + Sync {
    fn listen(&self) -> Connecting<'_>;
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

impl<T> Listen for Connector<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    fn listen(&self) -> Connecting<'_> {
        Box::pin(async {
            let longest = self.longest();
            let connecting = tokio::time::timeout(longest, self.connect());
            let unheard = |_| PostgresError::Pool(format!("no host let it in within {longest:?}"));
            let (client, mut connection) = connecting.await.map_err(unheard)??;
            let (tell, heard) = mpsc::unbounded_channel();
            let driver = tokio::spawn(async move {
                // Nobody listens any more: nothing is lost by not telling.
                while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
                    let told = match message {
                        Ok(AsyncMessage::Notification(heard)) => match UserId::parse(heard.payload()) {
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
