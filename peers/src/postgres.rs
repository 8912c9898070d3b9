//! The tables in PostgreSQL, over a connection.

use std::error::Error;

use ::postgres::types::private::BytesMut;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, NoTls};

use crate::measure::{Done, Outcome, Peak, Row, Work, spent};
use crate::tables::{Database, LIST, Statement, TOTAL, Value, done, fold};

/// Where the server is, as a connection string or address.
pub const WHERE: &str = "PEERS_POSTGRES";

const SCHEMA: &str = "
    CREATE TABLE conversation (
        name text COLLATE \"C\" PRIMARY KEY,
        unread bigint NOT NULL DEFAULT 0,
        read_through bigint NOT NULL DEFAULT 0,
        last_id bytea, last_position bigint,
        active_at bigint NOT NULL DEFAULT 0,
        sort_at bigint NOT NULL DEFAULT 0,
        draft text,
        pinned boolean NOT NULL DEFAULT false,
        starred boolean NOT NULL DEFAULT false
    );
    CREATE INDEX conversation_order ON conversation (pinned DESC, sort_at DESC, name);
    CREATE TABLE message (
        conversation text COLLATE \"C\" NOT NULL,
        id bytea NOT NULL,
        position bigint NOT NULL,
        own boolean NOT NULL,
        author text NOT NULL,
        text text NOT NULL,
        version bigint NOT NULL DEFAULT 0,
        recalled boolean NOT NULL DEFAULT false,
        deleted boolean NOT NULL DEFAULT false,
        PRIMARY KEY (conversation, id)
    );
    CREATE INDEX message_position ON message (conversation, position);";

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Value::Int(value) => value.to_sql(kind, out),
            Value::Bool(value) => value.to_sql(kind, out),
            Value::Text(value) => value.to_sql(kind, out),
            Value::Bytes(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::BOOL, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

struct Postgres {
    client: Client,
    statements: Vec<::postgres::Statement>,
    list: ::postgres::Statement,
    total: ::postgres::Statement,
}

impl Postgres {
    fn connect(schema: &str, is_new: bool) -> Outcome<Self> {
        let mut client = Client::connect(&std::env::var(WHERE)?, NoTls)?;
        if is_new {
            client.batch_execute(&format!("CREATE SCHEMA {schema}"))?;
        }
        client.batch_execute(&format!("SET search_path TO {schema}"))?;
        if is_new {
            client.batch_execute(SCHEMA)?;
        }
        let statements = Statement::ALL
            .iter()
            .map(|statement| client.prepare(statement.sql()))
            .collect::<Result<_, _>>()?;
        let (list, total) = (client.prepare(LIST)?, client.prepare(TOTAL)?);
        Ok(Self { client, statements, list, total })
    }
}

fn values<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl Database for Postgres {
    fn run(&mut self, statement: Statement, given: &[Value<'_>]) -> Outcome<u64> {
        Ok(self.client.execute(&self.statements[statement as usize], &values(given))?)
    }

    fn hide(&mut self, statement: Statement, given: &[Value<'_>]) -> Outcome<Option<(bool, i64)>> {
        let row = self.client.query_opt(&self.statements[statement as usize], &values(given))?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
    }

    fn transaction(&mut self, word: &str) -> Outcome<()> {
        Ok(self.client.batch_execute(word)?)
    }

    fn list(&mut self, most: i64) -> Outcome<Vec<Row>> {
        let rows = self.client.query(&self.list, &[&most])?;
        rows.iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.cast_unsigned(), row.try_get(2)?)))
            .collect()
    }

    fn total(&mut self) -> Outcome<i64> {
        Ok(self.client.query_one(&self.total, &[])?.try_get(0)?)
    }
}

/// So many events in a transaction; in a schema of its own, which is dropped afterwards.
pub fn run(work: &Work, in_one: usize) -> Outcome<Done> {
    let schema = format!("peers_{}", std::process::id());
    let peak = Peak::start()?;
    let postgres = Postgres::connect(&schema, true)?;
    let told = measure(postgres, &schema, work, in_one, &peak);
    Client::connect(&std::env::var(WHERE)?, NoTls)?
        .batch_execute(&format!("DROP SCHEMA {schema} CASCADE"))?;
    told
}

fn measure(mut postgres: Postgres, schema: &str, work: &Work, in_one: usize, peak: &Peak) -> Outcome<Done> {
    let ((), spent) = spent(|| fold(&mut postgres, work, in_one))?;
    done(work, postgres, (spent, peak), || Postgres::connect(schema, false))
}
