//! Opening a store.

use std::sync::Arc;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use crate::error::PostgresError;
use crate::listen::Endpoint;
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
        let listen = Arc::new(Endpoint { config: config.clone(), tls: tls.clone() });
        // Whether a connection is closed is known without asking the server.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, tls, recycling);
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(options.connect_timeout))
            .wait_timeout(Some(options.connect_timeout))
            .build()
            .map_err(|error| PostgresError::Pool(error.to_string()))?;
        let teller = options.notify.then(|| follow::begin_telling(pool.clone()));
        let store = Self { pool, options, listen, teller };
        store.bounded(schema::prepare(&store)).await?;
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
