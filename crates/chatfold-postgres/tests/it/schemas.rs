//! Stores in schemas of their own.

use chatfold_postgres::{Layout, Options, PostgresError, PostgresStore};
use postgres_scratch::Server;
use tokio_postgres::{Config, NoTls};

/// Tables of their own in a schema of this name.
pub(crate) async fn open(server: &Server, schema: &str, layout: Layout) -> PostgresStore {
    let options = Options { layout, ..Options::default() };
    open_with(server, schema, options).await.unwrap()
}

pub(crate) async fn open_with(
    server: &Server,
    schema: &str,
    options: Options,
) -> Result<PostgresStore, PostgresError> {
    let mut config: Config = server.config().parse().unwrap();
    let (client, connection) = config.connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    // Two may make it at once: then it is there.
    let _ = client.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await;
    drop(client);
    driver.await.unwrap()?;
    config.options(format!("-c search_path={schema}"));
    PostgresStore::open(config, NoTls, options).await
}
