//! `chatfold store migrate`: the tables of a store in the newest schema.

use std::io::Write as _;
#[cfg(feature = "sqlite")]
use std::path::Path;

#[cfg(feature = "sqlite")]
use chatfold_sqlite::{MIGRATIONS, Options, SqliteError, SqliteStore};

use super::{At, StoreAddress};
use crate::args::StoreMigrateArgs;
use crate::failure::{Failure, Verdict};
use crate::output::stdout;

/// Runs the command.
pub fn run(args: &StoreMigrateArgs) -> Result<Verdict, Failure> {
    let place = StoreAddress::of_store(&args.store)?;
    if !place.owner.is_empty() {
        let what = "a store is migrated as a whole: name it without #OWNER";
        return Err(Failure::Usage(format!("{place}: {what}")));
    }
    let said = match &place.at {
        At::Sqlite(path) => place.migrate_sqlite(path, args.dry_run)?,
        At::Postgres(url) => place.migrate_postgres(url, args.dry_run)?,
    };
    let mut out = stdout();
    writeln!(out, "{place}: {said}")?;
    out.flush()?;
    Ok(Verdict::Sound)
}

#[cfg(feature = "sqlite")]
impl StoreAddress {
    /// Migrates a file, and says what was done.
    fn migrate_sqlite(&self, path: &Path, dry_run: bool) -> Result<String, Failure> {
        let failed = |error: SqliteError| self.failed("cannot be migrated", error.into());
        let options = Options::default();
        let found = SqliteStore::schema_of(path, &options).map_err(failed)?;
        let newest = MIGRATIONS.last().map_or(0, |last| last.version);
        if found == 0 {
            return Err(failed(SqliteError::Nothing));
        }
        if found > newest {
            return Err(failed(SqliteError::NewerSchema { newest, found }));
        }
        let pending = MIGRATIONS.iter().filter(|migration| migration.version > found);
        let names: Vec<_> = pending.map(|migration| migration.name).collect();
        if names.is_empty() {
            return Ok(format!("schema {found}, which is the newest"));
        }
        let names = names.join(", ");
        if dry_run {
            return Ok(format!("schema {found}; to be migrated to schema {newest} by {names}"));
        }
        drop(SqliteStore::open(path, &options).map_err(failed)?);
        let now = SqliteStore::schema_of(path, &options).map_err(failed)?;
        Ok(format!("migrated from schema {found} to schema {now} by {names}"))
    }
}

#[cfg(not(feature = "sqlite"))]
impl StoreAddress {
    fn migrate_sqlite(&self, _: &std::path::Path, _: bool) -> Result<String, Failure> {
        Err(Failure::not_built("inboxes in SQLite", "sqlite"))
    }
}

#[cfg(feature = "postgres")]
impl StoreAddress {
    /// Makes the tables, and says what was done.
    fn migrate_postgres(&self, url: &str, dry_run: bool) -> Result<String, Failure> {
        let found = self.postgres_schema(url)?;
        if dry_run {
            return Ok(match found {
                Some(found) => format!("schema {found}"),
                None => "no tables yet; to be made".to_owned(),
            });
        }
        // Opening makes the tables, and refuses those of a newer version.
        drop(self.open_postgres(url)?);
        let now = self.postgres_schema(url)?.unwrap_or_default();
        Ok(match found {
            Some(found) if found == now => format!("schema {now}, which is the newest"),
            Some(found) => format!("migrated from schema {found} to schema {now}"),
            None => format!("made the tables, schema {now}"),
        })
    }

    /// The schema of the tables; `None` if there are none.
    fn postgres_schema(&self, url: &str) -> Result<Option<i32>, Failure> {
        let config = self.postgres_config(url)?;
        let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::unread(self, error))?;
        let found = async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
            let connection = tokio::spawn(connection);
            let there = client.query_one("SELECT to_regclass('chatfold_schema') IS NOT NULL", &[]).await?;
            let found = match there.try_get(0)? {
                true => {
                    client.query_one("SELECT max(version) FROM chatfold_schema", &[]).await?.try_get(0)?
                }
                false => None,
            };
            drop(client);
            // The answer is there: how the connection ends says nothing more.
            let _ = connection.await;
            Ok::<Option<i32>, tokio_postgres::Error>(found)
        };
        runtime.block_on(found).map_err(|error| Failure::Input {
            place: self.to_string(),
            what: "cannot be reached".to_owned(),
            source: Some(std::io::Error::other(error)),
        })
    }
}

#[cfg(not(feature = "postgres"))]
impl StoreAddress {
    fn migrate_postgres(&self, _: &str, _: bool) -> Result<String, Failure> {
        Err(Failure::not_built("inboxes in PostgreSQL", "postgres"))
    }
}
