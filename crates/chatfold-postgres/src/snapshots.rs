//! Keeping snapshots within a transaction.

use chatfold::UserId;
use chatfold::store::{SNAPSHOTS_KEPT, StoredSnapshot};
use deadpool_postgres::ClientWrapper;

use crate::error::PostgresError;
use crate::rows::signed;

/// Keeps a snapshot and drops those that it makes superfluous, within the transaction that is open.
pub(crate) async fn keep_snapshot(
    client: &ClientWrapper,
    inbox: &UserId,
    snapshot: &StoredSnapshot,
) -> Result<(), PostgresError> {
    let StoredSnapshot { prefix, bytes } = snapshot;
    let (owner, position, hash) = (inbox.as_str(), signed(prefix.events), prefix.hash.to_be_bytes());
    let sql = "INSERT INTO chatfold_snapshot (inbox, position, hash, bytes) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (inbox, position) DO UPDATE SET hash = excluded.hash, bytes = excluded.bytes";
    let keep = client.prepare_cached(sql).await?;
    client.execute(&keep, &[&owner, &position, &hash.as_slice(), bytes]).await?;
    let sql = "SELECT position FROM chatfold_snapshot WHERE inbox = $1 ORDER BY position DESC LIMIT $2";
    let newest = client.prepare_cached(sql).await?;
    let newest = client.query(&newest, &[&owner, &(SNAPSHOTS_KEPT as i64)]).await?;
    if let Some(oldest) = newest.last() {
        let oldest: i64 = oldest.try_get(0)?;
        let sql = "DELETE FROM chatfold_snapshot WHERE inbox = $1 AND position < $2";
        let forget = client.prepare_cached(sql).await?;
        client.execute(&forget, &[&owner, &oldest]).await?;
    }
    Ok(())
}
