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
    /// Makes the tables or brings them to the newest version, and says what was done.
    fn migrate_postgres(&self, url: &str, dry_run: bool) -> Result<String, Failure> {
        let (address, runtime) = self.postgres_address(url)?;
        let may_encrypt = address.may_encrypt();
        let options = chatfold_postgres::Options { connections: 1, notify: false, ..Default::default() };
        let failed = |error| self.unopened("cannot be migrated", error);
        let (from, to) = if may_encrypt {
            let tls = self.connector(&address)?;
            runtime.block_on(migrated(address.config, tls, options, dry_run)).map_err(failed)?
        } else {
            let tls = tokio_postgres::NoTls;
            runtime.block_on(migrated(address.config, tls, options, dry_run)).map_err(failed)?
        };
        Ok(match (from, dry_run) {
            (from, _) if from == to => format!("schema {to}, which is the newest"),
            (0, true) => format!("no tables yet; to be made with schema {to}"),
            (0, false) => format!("made the tables, schema {to}"),
            (from, true) => format!("schema {from}; to be migrated to schema {to}"),
            (from, false) => format!("migrated from schema {from} to schema {to}"),
        })
    }
}

/// The schema that the tables had, 0 for none, and the one that they have now, or would have.
#[cfg(feature = "postgres")]
async fn migrated<T>(
    config: tokio_postgres::Config,
    tls: T,
    options: chatfold_postgres::Options,
    dry_run: bool,
) -> Result<(i32, i32), chatfold_postgres::PostgresError>
where
    T: chatfold_postgres::Encrypt,
{
    if dry_run {
        let pending = chatfold_postgres::PostgresStore::pending(config, tls, options).await?;
        return Ok((pending.from, pending.to));
    }
    let migrated = chatfold_postgres::PostgresStore::migrate(config, tls, options).await?;
    Ok((migrated.from, migrated.to))
}

#[cfg(not(feature = "postgres"))]
impl StoreAddress {
    fn migrate_postgres(&self, _: &str, _: bool) -> Result<String, Failure> {
        Err(Failure::not_built("inboxes in PostgreSQL", "postgres"))
    }
}
