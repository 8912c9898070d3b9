//! Making the tables, and bringing those of older versions to this one.

use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::options::Layout;
use crate::pool::PostgresStore;
use crate::script::{self, NEWEST};
use crate::session::{Session, Sql, before_names, in_schema};

/// How often making the tables is tried while others make them too.
const ATTEMPTS: u32 = 10;

/// In which schema the tables are.
const FOUND: Sql = Sql {
    text: "SELECT n.nspname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
           WHERE c.oid = to_regclass($1)",
    types: &[Type::TEXT],
};
const VERSION: Sql = Sql { text: "SELECT max(version) FROM @chatfold_schema", types: &[] };
const LOCK: Sql = Sql { text: "SELECT version FROM @chatfold_schema FOR UPDATE", types: &[] };
const IS_SCHEMA: Sql = Sql { text: "SELECT to_regnamespace($1) IS NOT NULL", types: &[Type::TEXT] };
/// How many partitions a table has; no row of one that is not partitioned.
const PARTITIONS: Sql = Sql {
    text: "SELECT (SELECT count(*) FROM pg_inherits WHERE inhparent = c.oid) FROM pg_class AS c \
           WHERE c.oid = to_regclass($1) AND c.relkind = 'p'",
    types: &[Type::TEXT],
};
/// What gives a table to its owner again, and others their rights to it: one that is made anew has neither.
const RIGHTS: Sql = Sql {
    text: "SELECT format('ALTER TABLE %s OWNER TO %s', c.oid::regclass, c.relowner::regrole) AS given, 0 AS number \
           FROM pg_class AS c WHERE c.oid = to_regclass($1) UNION ALL \
           SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, c.oid::regclass, \
           CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, \
           CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), 1 \
           FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a \
           WHERE c.oid = to_regclass($1) AND a.grantee <> c.relowner ORDER BY number",
    types: &[Type::TEXT],
};
/// The same for a table that is not there yet: its owner and rights are those of another.
const RIGHTS_TO: Sql = Sql {
    text: "SELECT format('ALTER TABLE %s OWNER TO %s', $2, c.relowner::regrole) AS given, 0 AS number \
           FROM pg_class AS c WHERE c.oid = to_regclass($1) UNION ALL \
           SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, $2, \
           CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, \
           CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), 1 \
           FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a \
           WHERE c.oid = to_regclass($1) AND a.grantee <> c.relowner ORDER BY number",
    types: &[Type::TEXT, Type::TEXT],
};

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migrated {
    /// The schema version of the tables before; 0 where there were none.
    pub from: i32,
    /// The schema version of the tables now; the same where nothing was to be done.
    pub to: i32,
}

/// What a migration would do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// The schema version of the tables; 0 where there are none.
    pub from: i32,
    /// The schema version that this crate works with; the same where nothing is to be done.
    pub to: i32,
    /// The statements that would be run, in one transaction; empty where nothing is to be done.
    pub sql: String,
}

/// Makes the tables, or brings them to the newest version, where that is allowed.
pub(crate) async fn bring_up(store: &PostgresStore, allowed: bool) -> Result<Migrated, PostgresError> {
    let mut attempt = 0;
    let mut first = None;
    loop {
        attempt += 1;
        let (found, _) = tables(store).await?;
        let from = *first.get_or_insert(found);
        if found == NEWEST {
            return Ok(Migrated { from, to: found });
        }
        let needed = |why: String| PostgresError::MigrationNeeded { found, newest: NEWEST, why };
        if !allowed {
            return Err(needed("opening the store is not to change that".into()));
        }
        match run(store).await {
            Err(error) if error.is_denied() => return Err(needed(error.to_string())),
            // Another makes the same at the same moment, which is seen only then.
            Err(error) if (error.is_made_already() || error.is_contention()) && attempt < ATTEMPTS => {}
            other => other?,
        }
    }
}

/// What [`bring_up`] would do.
pub(crate) async fn pending(store: &PostgresStore) -> Result<Pending, PostgresError> {
    let taken = store.client().await?;
    let pending = plan(&taken.session()?, store).await?;
    taken.give_back();
    Ok(pending)
}

/// Does what is to be done, in one transaction.
async fn run(store: &PostgresStore) -> Result<(), PostgresError> {
    let taken = store.client().await?;
    let session = taken.session()?;
    session.batch_execute("BEGIN").await?;
    let (found, schema) = version(&session, store).await?;
    if found > 0 {
        // Whoever else migrates waits here, and then finds it done.
        session.within_schema(&schema).query_once(&LOCK, &[]).await?;
    }
    let Pending { sql, .. } = plan(&session, store).await?;
    session.batch_execute(&sql).await?;
    session.batch_execute("COMMIT").await?;
    taken.give_back();
    Ok(())
}

async fn plan(session: &Session<'_>, store: &PostgresStore) -> Result<Pending, PostgresError> {
    let (found, schema) = version(session, store).await?;
    let session = &session.within_schema(&schema);
    let pending = |sql| Pending { from: found, to: NEWEST, sql };
    if found == NEWEST {
        return Ok(pending(String::new()));
    }
    if found == 0 {
        let partitions = match store.options.layout {
            Layout::Partitioned(count) => Some(count.max(1)),
            Layout::Plain => None,
        };
        let make = match &store.options.schema {
            Some(name) if !is_schema(session, &schema).await? => {
                format!("CREATE SCHEMA IF NOT EXISTS \"{}\";\n", name.replace('"', "\"\""))
            }
            _ => String::new(),
        };
        return Ok(pending(make + &script::from(found, partitions, &schema)));
    }
    let partitions = partitions(session, &schema).await?;
    let mut sql = script::from(found, partitions, &schema);
    // What a table that was not there before is used for, whoever uses the events does.
    for table in script::MADE_SINCE.iter().filter(|(version, _)| *version > found).map(|(_, table)| table) {
        let (like, table) = (in_schema("@chatfold_event", &schema), in_schema(table, &schema));
        for row in session.query_once(&RIGHTS_TO, &[&like, &table]).await? {
            sql.push_str(row.try_get(0)?);
            sql.push_str(";\n");
        }
    }
    for table in ["@chatfold_event", "@chatfold_snapshot", "@chatfold_event_text"] {
        for row in session.query_once(&RIGHTS, &[&in_schema(table, &schema)]).await? {
            sql.push_str(row.try_get(0)?);
            sql.push_str(";\n");
        }
    }
    Ok(pending(sql))
}

/// The version of the tables, 0 where there are none, and what stands before their names.
async fn tables(store: &PostgresStore) -> Result<(i32, String), PostgresError> {
    let taken = store.client().await?;
    let found = version(&taken.session()?, store).await?;
    taken.give_back();
    Ok(found)
}

/// The same, as a session sees it.
async fn version(session: &Session<'_>, store: &PostgresStore) -> Result<(i32, String), PostgresError> {
    let own = before_names(store.options.schema.as_deref());
    let rows = session.query_once(&FOUND, &[&in_schema("@chatfold_schema", &own)]).await?;
    let Some(row) = rows.first() else { return Ok((0, own)) };
    let schema = before_names(Some(row.try_get(0)?));
    let rows = session.within_schema(&schema).query_once(&VERSION, &[]).await?;
    let found: Option<i32> = rows.first().map(|row| row.try_get(0)).transpose()?.flatten();
    match found.unwrap_or_default() {
        found if found > NEWEST => Err(PostgresError::NewerSchema { newest: NEWEST, found }),
        found => Ok((found, schema)),
    }
}

async fn is_schema(session: &Session<'_>, schema: &str) -> Result<bool, PostgresError> {
    let rows = session.query_once(&IS_SCHEMA, &[&schema.trim_end_matches('.')]).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
}

/// How many partitions the tables have; `None` of such that are not partitioned.
async fn partitions(session: &Session<'_>, schema: &str) -> Result<Option<u16>, PostgresError> {
    let rows = session.query_once(&PARTITIONS, &[&in_schema("@chatfold_event", schema)]).await?;
    let count: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?;
    let many = |count| PostgresError::Damaged(format!("the tables have {count} partitions"));
    count.map(|count| u16::try_from(count).map_err(|_| many(count))).transpose()
}
