//! Statements, and the connection or transaction that carries them out.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

/// A statement on the store's own tables.
pub(crate) struct Sql {
    /// Its text, in which `@` stands before the names of the store's tables and nowhere else.
    pub(crate) text: &'static str,
    /// The types of its parameters.
    pub(crate) types: &'static [Type],
}

/// What carries out statements: a connection of the pool, or a transaction that a caller began. A copy is the same one.
#[derive(Clone, Copy)]
pub(crate) struct Session<'a> {
    client: &'a Client,
    /// Where prepared statements are kept; statements are sent whole, without a name, where there is none.
    kept: Option<&'a ClientWrapper>,
    /// What stands before the names of the tables.
    schema: &'a str,
}

/// A statement that is ready to be sent: nothing has to be asked before it.
pub(crate) enum Prepared {
    Named(Statement),
    Unnamed(String, &'static [Type]),
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl<'a> Session<'a> {
    /// A connection that keeps prepared statements, unless it leads to a pooler.
    pub(crate) fn on(client: &'a ClientWrapper, schema: &'a str, pooled: bool) -> Self {
        Self { client, kept: (!pooled).then_some(client), schema }
    }

    /// The connection that a caller's transaction is on.
    pub(crate) fn within(client: &'a Client, schema: &'a str) -> Self {
        Self { client, kept: None, schema }
    }

    /// The same with tables that are elsewhere.
    pub(crate) fn within_schema(&self, schema: &'a str) -> Self {
        Self { schema, ..*self }
    }

    /// Makes a statement ready, which takes a round trip when it is first used on a connection.
    pub(crate) async fn prepare(&self, sql: &Sql) -> Result<Prepared, Error> {
        let text = in_schema(sql.text, self.schema);
        match self.kept {
            Some(kept) => kept.prepare_typed_cached(&text, sql.types).await.map(Prepared::Named),
            None => Ok(Prepared::Unnamed(text, sql.types)),
        }
    }

    pub(crate) async fn query(&self, prepared: &Prepared, of: Parameters<'_>) -> Result<Vec<Row>, Error> {
        match prepared {
            Prepared::Named(statement) => self.client.query(statement, of).await,
            Prepared::Unnamed(text, types) => self.client.query_typed(text, &typed(of, types)).await,
        }
    }

    pub(crate) async fn query_opt(
        &self,
        prepared: &Prepared,
        of: Parameters<'_>,
    ) -> Result<Option<Row>, Error> {
        match prepared {
            Prepared::Named(statement) => self.client.query_opt(statement, of).await,
            Prepared::Unnamed(text, types) => self.client.query_typed_opt(text, &typed(of, types)).await,
        }
    }

    pub(crate) async fn execute(&self, prepared: &Prepared, of: Parameters<'_>) -> Result<u64, Error> {
        match prepared {
            Prepared::Named(statement) => self.client.execute(statement, of).await,
            Prepared::Unnamed(text, types) => self.client.execute_typed(text, &typed(of, types)).await,
        }
    }

    /// Carries out what has no parameters and returns nothing: the bounds of transactions, and tables made.
    pub(crate) async fn batch_execute(&self, text: &str) -> Result<(), Error> {
        self.client.batch_execute(text).await
    }

    /// A statement that is not used often: made ready and carried out.
    pub(crate) async fn query_once(&self, sql: &Sql, of: Parameters<'_>) -> Result<Vec<Row>, Error> {
        self.client.query_typed(&in_schema(sql.text, self.schema), &typed(of, sql.types)).await
    }

    /// The same for one that returns no rows.
    pub(crate) async fn execute_once(&self, sql: &Sql, of: Parameters<'_>) -> Result<u64, Error> {
        self.client.execute_typed(&in_schema(sql.text, self.schema), &typed(of, sql.types)).await
    }
}

type Typed<'a> = Vec<(&'a (dyn ToSql + Sync), Type)>;

fn typed<'a>(of: Parameters<'a>, types: &[Type]) -> Typed<'a> {
    of.iter().copied().zip(types.iter().cloned()).collect()
}

/// A text whose tables are those of a schema.
pub(crate) fn in_schema(text: &str, schema: &str) -> String {
    text.replace('@', schema)
}

/// What stands before the names of tables that are in this schema; nothing if the connection's search path finds them.
pub(crate) fn before_names(schema: Option<&str>) -> String {
    schema.map(|name| format!("\"{}\".", name.replace('"', "\"\""))).unwrap_or_default()
}
