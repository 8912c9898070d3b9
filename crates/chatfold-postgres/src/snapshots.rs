//! Keeping snapshots within a transaction.

use chatfold::UserId;
use chatfold::store::{SNAPSHOTS_KEPT, StoredSnapshot};
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::rows::signed;
use crate::session::{Session, Sql};

const KEEP: Sql = Sql {
    text: "INSERT INTO @chatfold_snapshot (inbox, position, hash, bytes) VALUES ($1, $2, $3, $4) \
           ON CONFLICT (inbox, position) DO UPDATE SET hash = excluded.hash, bytes = excluded.bytes",
    types: &[Type::TEXT, Type::INT8, Type::BYTEA, Type::BYTEA],
};
const NEWEST: Sql = Sql {
    text: "SELECT position FROM @chatfold_snapshot WHERE inbox = $1 ORDER BY position DESC LIMIT $2",
    types: &[Type::TEXT, Type::INT8],
};
const FORGET: Sql = Sql {
    text: "DELETE FROM @chatfold_snapshot WHERE inbox = $1 AND position < $2",
    types: &[Type::TEXT, Type::INT8],
};

/// Keeps a snapshot and drops those that it makes superfluous, within the transaction that is open.
pub(crate) async fn keep_snapshot(
    session: &Session<'_>,
    inbox: &UserId,
    snapshot: &StoredSnapshot,
) -> Result<(), PostgresError> {
    let StoredSnapshot { prefix, bytes } = snapshot;
    let (owner, position, hash) = (inbox.as_str(), signed(prefix.events), prefix.hash.to_be_bytes());
    let keep = session.prepare(&KEEP).await?;
    session.execute(&keep, &[&owner, &position, &hash.as_slice(), bytes]).await?;
    let newest = session.prepare(&NEWEST).await?;
    let newest = session.query(&newest, &[&owner, &(SNAPSHOTS_KEPT as i64)]).await?;
    if let Some(oldest) = newest.last() {
        let oldest: i64 = oldest.try_get(0)?;
        let forget = session.prepare(&FORGET).await?;
        session.execute(&forget, &[&owner, &oldest]).await?;
    }
    Ok(())
}
