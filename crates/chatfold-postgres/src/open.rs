//! Opening a store.

use std::sync::Arc;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use crate::connect::Connector;
use crate::error::PostgresError;
use crate::options::Options;
use crate::pool::PostgresStore;
use crate::{follow, schema};

impl PostgresStore {
    /// Opens a store, making its tables if they are not there. Several may do so at once.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached, or a newer version of this crate made the tables.
    pub async fn open<T>(mut config: Config, tls: T, options: Options) -> Result<Self, PostgresError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        bound(&mut config, &options);
        let connector = Connector::new(&config, tls.clone(), options.connect_timeout);
        let longest = connector.longest();
        let listen = Connector::new(&config, tls, options.connect_timeout);
        // Whether a connection is closed is known without asking the server.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(config, connector, recycling);
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(longest))
            .wait_timeout(Some(options.connect_timeout))
            .build()
            .map_err(|error| PostgresError::Pool(error.to_string()))?;
        let mut store = Self { pool, options, listen: Arc::new(listen), teller: None };
        store.bounded(schema::prepare(&store)).await?;
        if options.notify {
            store.teller = Some(follow::begin_telling(store.clone()));
        }
        Ok(store)
    }
}

/// Sets the bounds of a connection where the address has set none of its own.
fn bound(config: &mut Config, options: &Options) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(options.connect_timeout);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(options.network_timeout);
    }
    if config.get_keepalives_idle() > options.network_timeout {
        config.keepalives_idle(options.network_timeout);
    }
}
