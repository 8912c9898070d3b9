//! Opening a store, and making its tables.

use std::sync::Arc;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::Config;

use crate::connect::Connector;
use crate::encrypt::Encrypt;
use crate::error::PostgresError;
use crate::fetching::Fetcher;
use crate::follow;
use crate::listen::Listen;
use crate::migrating::{self, Migrated, Pending};
use crate::options::Options;
use crate::pool::PostgresStore;
use crate::sealing;
use crate::session::before_names;

impl PostgresStore {
    /// Opens a store, making its tables if they are not there and bringing those of an older version to this one, if
    /// [`Options::migrate`] says so. Several may do so at once.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] if the server cannot be reached; [`PostgresError::MigrationNeeded`] if the tables are not there
    /// or of an older version, and the role may not make or change them; [`PostgresError::NewerSchema`] if a newer
    /// version of this crate made them.
    pub async fn open<T>(config: Config, tls: T, options: Options) -> Result<Self, PostgresError>
    where
        T: Encrypt,
    {
        let mut store = Self::new(config, tls, options)?;
        store.bounded(migrating::bring_up(&store, store.options.migrate)).await?;
        if store.options.notify {
            store.teller = Some(follow::begin_telling(store.clone()));
        }
        store.sealer = Some(sealing::begin_sealing(store.clone()));
        Ok(store)
    }

    /// Makes the tables, or brings those of an older version to this one, in one transaction: done whole or not at
    /// all. For a role that may make and change tables, where the one that a server runs as may not; [`Options::migrate`]
    /// is not looked at. Several may do so at once.
    ///
    /// The tables are locked meanwhile, and servers that run go on afterwards. From version 2 to 3 those of the outbox are
    /// made, with owner and rights of the table of inboxes, and nothing else. From version 1 to 2 the indexes of keys are
    /// made anew and each partition is read once; no row is written. Partitioned tables are made anew around their
    /// partitions: owner and rights are given to them again; what else hangs on them (policies, publications) has to
    /// be made again, and views of others have to be dropped before.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, refuses, or does not answer within
    /// [`Options::answer_timeout`]: nothing is changed then. [`PostgresError::MigrationNeeded`] if the role may not make
    /// or change the tables, [`PostgresError::NewerSchema`] if a newer version of this crate made them.
    pub async fn migrate<T>(config: Config, tls: T, options: Options) -> Result<Migrated, PostgresError>
    where
        T: Encrypt,
    {
        let store = Self::new(config, tls, options)?;
        store.bounded(migrating::bring_up(&store, true)).await
    }

    /// What [`PostgresStore::migrate`] would do, without doing it.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, refuses or does not answer in time;
    /// [`PostgresError::NewerSchema`] if a newer version of this crate made the tables.
    pub async fn pending<T>(config: Config, tls: T, options: Options) -> Result<Pending, PostgresError>
    where
        T: Encrypt,
    {
        let store = Self::new(config, tls, options)?;
        store.bounded(migrating::pending(&store)).await
    }

    /// A store that has not been connected yet.
    fn new<T>(mut config: Config, tls: T, options: Options) -> Result<Self, PostgresError>
    where
        T: Encrypt,
    {
        bound(&mut config, &options);
        let mut listen = options.listen.clone().or_else(|| (!options.pooled).then(|| config.clone()));
        if let Some(listen) = &mut listen {
            bound(listen, &options);
        }
        let listen = listen.map(|listen| Connector::new(&listen, tls.clone(), options.connect_timeout));
        // One that is used for nothing but pages that nobody fetched before lives on a thread of its own.
        let beside = pool(&config, tls.clone(), &options, 1)?;
        let pool = pool(&config, tls, &options, options.connections.max(1))?;
        let mut store = Self {
            pool: beside,
            schema: before_names(options.schema.as_deref()).into(),
            options: Arc::new(options),
            waiting: Arc::default(),
            joiner: Arc::default(),
            listen: None,
            teller: None,
            sealer: None,
            decoded: Arc::default(),
            suspects: Arc::default(),
            fetcher: None,
        };
        store.fetcher = Some(Arc::new(Fetcher::new(store.clone())));
        store.listen = listen.map(|listen| Arc::new(listen) as Arc<dyn Listen>);
        store.pool = pool;
        Ok(store)
    }
}

/// A pool of so many connections at most.
fn pool<T>(config: &Config, tls: T, options: &Options, connections: usize) -> Result<Pool, PostgresError>
where
    T: Encrypt,
{
    let connector = Connector::new(config, tls, options.connect_timeout);
    let longest = connector.longest();
    // Whether a connection is closed is known without asking the server.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_connect(config.clone(), connector, recycling);
    Pool::builder(manager)
        .max_size(connections)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(longest))
        .wait_timeout(Some(options.connect_timeout))
        .build()
        .map_err(|error| PostgresError::Pool(error.to_string()))
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
