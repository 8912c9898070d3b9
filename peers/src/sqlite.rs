//! The tables in SQLite: in process, in a file, with a write-ahead log.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};

use crate::measure::{Done, Outcome, Peak, Row, Work, spent};
use crate::tables::{Database, LIST, Statement, TOTAL, Value, done, fold};

const SCHEMA: &str = "
    CREATE TABLE conversation (
        name TEXT PRIMARY KEY,
        unread INTEGER NOT NULL DEFAULT 0,
        read_through INTEGER NOT NULL DEFAULT 0,
        last_id BLOB, last_position INTEGER,
        active_at INTEGER NOT NULL DEFAULT 0,
        sort_at INTEGER NOT NULL DEFAULT 0,
        draft TEXT,
        pinned BOOLEAN NOT NULL DEFAULT FALSE,
        starred BOOLEAN NOT NULL DEFAULT FALSE
    );
    CREATE INDEX conversation_order ON conversation (pinned DESC, sort_at DESC, name);
    CREATE TABLE message (
        conversation TEXT NOT NULL,
        id BLOB NOT NULL,
        position INTEGER NOT NULL,
        own BOOLEAN NOT NULL,
        author TEXT NOT NULL,
        text TEXT NOT NULL,
        version INTEGER NOT NULL DEFAULT 0,
        recalled BOOLEAN NOT NULL DEFAULT FALSE,
        deleted BOOLEAN NOT NULL DEFAULT FALSE,
        PRIMARY KEY (conversation, id)
    );
    CREATE INDEX message_position ON message (conversation, position);";

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Bool(value) => ValueRef::Integer((*value).into()),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

struct Sqlite {
    connection: Connection,
    /// The statements in SQLite's dialect.
    statements: Vec<String>,
}

fn dialect(sql: &str) -> String {
    sql.replace('$', "?").replace("greatest(", "max(")
}

impl Sqlite {
    fn open(path: &Path) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.set_prepared_statement_cache_capacity(32);
        let statements = Statement::ALL.iter().map(|statement| dialect(statement.sql())).collect();
        Ok(Self { connection, statements })
    }

    fn sql(&self, statement: Statement) -> &str {
        &self.statements[statement as usize]
    }
}

impl Database for Sqlite {
    fn run(&mut self, statement: Statement, values: &[Value<'_>]) -> Outcome<u64> {
        let mut prepared = self.connection.prepare_cached(self.sql(statement))?;
        Ok(prepared.execute(params_from_iter(values))? as u64)
    }

    fn hide(&mut self, statement: Statement, values: &[Value<'_>]) -> Outcome<Option<(bool, i64)>> {
        let mut prepared = self.connection.prepare_cached(self.sql(statement))?;
        let told = prepared.query_row(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(told.optional()?)
    }

    fn transaction(&mut self, word: &str) -> Outcome<()> {
        Ok(self.connection.prepare_cached(word)?.execute([]).map(drop)?)
    }

    fn list(&mut self, most: i64) -> Outcome<Vec<Row>> {
        let mut prepared = self.connection.prepare_cached(&dialect(LIST))?;
        let rows = prepared
            .query_map([most], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn total(&mut self) -> Outcome<i64> {
        Ok(self.connection.prepare_cached(TOTAL)?.query_row([], |row| row.get(0))?)
    }
}

/// So many events in a transaction.
pub fn run(work: &Work, in_one: usize) -> Outcome<Done> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("inbox.sqlite");
    let peak = Peak::start()?;
    let mut sqlite = Sqlite::open(&path)?;
    sqlite.connection.execute_batch(SCHEMA)?;
    let ((), spent) = spent(|| fold(&mut sqlite, work, in_one))?;
    done(work, sqlite, (spent, &peak), || Sqlite::open(&path))
}
