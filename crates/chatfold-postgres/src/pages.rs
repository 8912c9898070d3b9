//! Snapshots by pages: the rows of pages and the lists that name them, within a transaction.
//!
//! What opening a snapshot reads lies with its list, in one value; the histories are cut into pages, each kept once for all
//! snapshots of an inbox. Pages are shared within an inbox and not beyond: what is erased of one is then gone, whoever else
//! said the same. Who keeps a snapshot locks the inbox's row of page numbers, so that of two one waits, and removes in the
//! same transaction what no kept snapshot names any more. Numbers are never given again: who reads a snapshot that was
//! dropped finds the page that was there, or none.

use std::collections::{HashMap, HashSet};

use chatfold::shared::StreamId;
use chatfold::snapshot::{LogPrefix, read_later};
use chatfold::store::{SNAPSHOTS_KEPT, StoredSnapshot};
use chatfold_layout::directory::{Directory, Named};
use chatfold_layout::pages::{self as layout, Cut, Fault, Lengths, list_checksum};
use chatfold_layout::uint::{self, take, uint};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::error::PostgresError;
use crate::rows::{self, signed, unsigned};
use crate::segments::damaged;
use crate::session::{Session, Sql};

/// The table of pages, as errors name it.
pub(crate) const PAGE: &str = "chatfold_snapshot_page";

/// The table of the lists of pages, as errors name it.
pub(crate) const LIST: &str = "chatfold_snapshot";

/// How many bytes a page has. Twice as many as in a file: each page is a row here, and what a round trip brings.
const LENGTHS: Lengths =
    Lengths { min_len_bytes: 2 << 10, average_len_bytes: 8 << 10, max_len_bytes: 32 << 10 };

/// How many pages one statement writes or removes.
const AT_ONCE: usize = 256;

const MAKE: Sql = Sql {
    text: "INSERT INTO @chatfold_paging (inbox, next) VALUES ($1, 1) ON CONFLICT DO NOTHING",
    types: &[Type::TEXT],
};
const LOCK: Sql =
    Sql { text: "SELECT next FROM @chatfold_paging WHERE inbox = $1 FOR UPDATE", types: &[Type::TEXT] };
const ADVANCE: Sql =
    Sql { text: "UPDATE @chatfold_paging SET next = $2 WHERE inbox = $1", types: &[Type::TEXT, Type::INT8] };
const KNOWN: Sql =
    Sql { text: "SELECT page, hash FROM @chatfold_snapshot_page WHERE inbox = $1", types: &[Type::TEXT] };
const LISTS: Sql = Sql {
    text: "SELECT position, pages FROM @chatfold_snapshot WHERE inbox = $1 ORDER BY position DESC",
    types: &[Type::TEXT],
};
const INSERT: Sql = Sql {
    text: "INSERT INTO @chatfold_snapshot_page (inbox, page, hash, bytes) \
           SELECT $1, n.page, n.hash, n.bytes FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS n (page, hash, bytes)",
    types: &[Type::TEXT, Type::INT8_ARRAY, Type::BYTEA_ARRAY, Type::BYTEA_ARRAY],
};
const REMOVE: Sql = Sql {
    text: "DELETE FROM @chatfold_snapshot_page WHERE inbox = $1 AND page = ANY($2)",
    types: &[Type::TEXT, Type::INT8_ARRAY],
};
const KEEP: Sql = Sql {
    text: "INSERT INTO @chatfold_snapshot (inbox, position, hash, bytes, pages, checksum) VALUES ($1, $2, $3, $4, $5, $6)",
    types: &[Type::TEXT, Type::INT8, Type::BYTEA, Type::BYTEA, Type::BYTEA, Type::BYTEA],
};
const DROP: Sql = Sql {
    text: "DELETE FROM @chatfold_snapshot WHERE inbox = $1 AND position = ANY($2)",
    types: &[Type::TEXT, Type::INT8_ARRAY],
};
const PAGES: Sql = Sql {
    text: "SELECT page, hash, bytes FROM @chatfold_snapshot_page WHERE inbox = $1 AND page = ANY($2)",
    types: &[Type::TEXT, Type::INT8_ARRAY],
};

/// Pages by their number, or what is wrong with one.
pub(crate) type Pages = Result<Result<HashMap<i64, Vec<u8>>, Fault>, PostgresError>;

/// Fetches pages for whoever cannot wait for them in a task.
pub(crate) trait FetchPages: Send + Sync {
    /// The pages that are named. Blocks until they are there.
    fn fetch(&self, inbox: &StreamId, named: &[Named]) -> Pages;
}

/// A snapshot as the table of lists has it: what opening it reads, and the list of the pages of all else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) prefix: LogPrefix,
    /// The bytes before those that lie in pages, and those behind.
    pub(crate) ends: [Vec<u8>; 2],
    pub(crate) directory: Directory,
}

impl Kept {
    /// Reads a row.
    ///
    /// # Errors
    ///
    /// If it is not what was written.
    pub(crate) fn of(inbox: &StreamId, row: &Row) -> Result<Self, PostgresError> {
        let prefix = rows::prefix(row)?;
        let bytes: &[u8] = row.try_get("bytes")?;
        let Some(pages) = row.try_get::<_, Option<&[u8]>>("pages")? else {
            // As version 2 kept it: whole.
            return Ok(Self { prefix, ends: [bytes.to_vec(), Vec::new()], directory: Directory::default() });
        };
        let is_written = rows::sixteen(row, "checksum")? == checksum(inbox, prefix, pages, bytes);
        let kept = is_written.then(|| Self::decode(prefix, bytes, pages)).flatten();
        kept.ok_or_else(|| damaged(inbox, LIST, prefix.events, Fault::List.what()))
    }

    fn decode(prefix: LogPrefix, mut bytes: &[u8], pages: &[u8]) -> Option<Self> {
        let len = usize::try_from(uint(&mut bytes)?).ok()?;
        let head = take(&mut bytes, len)?.to_vec();
        Some(Self { prefix, ends: [head, bytes.to_vec()], directory: Directory::decode(pages)? })
    }

    /// Where the bytes that lie in pages begin and end.
    pub(crate) fn paged(&self) -> std::ops::Range<u64> {
        let start = self.ends[0].len() as u64;
        start..start + self.directory.len_bytes()
    }
}

/// Of whose a list is, what it stands for, its bytes and those that lie beside it.
fn checksum(inbox: &StreamId, prefix: LogPrefix, pages: &[u8], beside: &[u8]) -> u128 {
    let mut list = pages.to_vec();
    list.extend_from_slice(&layout::hash(beside).to_be_bytes());
    list_checksum(inbox, prefix, &list)
}

/// The pages that are named, each held against its hash; a fault of the first that is not what was written.
pub(crate) async fn read(session: &Session<'_>, owner: &str, named: &[Named]) -> Pages {
    let numbers: Vec<_> = named.iter().map(|named| named.page).collect();
    let pages = session.prepare(&PAGES).await?;
    let mut found = HashMap::new();
    for row in session.query(&pages, &[&owner, &numbers]).await? {
        found.insert(row.try_get::<_, i64>("page")?, row);
    }
    let mut pages = HashMap::new();
    for named in named {
        let Some(row) = found.get(&named.page) else { return Ok(Err(Fault::Missing)) };
        let bytes: Vec<u8> = row.try_get("bytes")?;
        if !layout::is_named(named, row.try_get("hash")?, &bytes) {
            return Ok(Err(Fault::Altered));
        }
        pages.insert(named.page, bytes);
    }
    Ok(Ok(pages))
}

/// All bytes of a snapshot, if all of its pages are there as they were written.
pub(crate) async fn whole(
    session: &Session<'_>,
    owner: &str,
    kept: Kept,
) -> Result<Result<StoredSnapshot, Fault>, PostgresError> {
    let Kept { prefix, ends: [mut bytes, end], directory } = kept;
    for named in directory.pages().chunks(AT_ONCE) {
        let pages = match read(session, owner, named).await? {
            Ok(pages) => pages,
            Err(fault) => return Ok(Err(fault)),
        };
        named
            .iter()
            .filter_map(|named| pages.get(&named.page))
            .for_each(|page| bytes.extend_from_slice(page));
    }
    bytes.extend_from_slice(&end);
    Ok(Ok(StoredSnapshot::new(prefix, bytes)))
}

/// What is there of an inbox when a snapshot is to be kept.
struct There {
    next: i64,
    known: HashMap<u128, i64>,
    all: Vec<i64>,
    lists: Vec<(i64, Option<Directory>)>,
}

async fn there(session: &Session<'_>, owner: &str) -> Result<There, PostgresError> {
    session.execute_once(&MAKE, &[&owner]).await?;
    let next = session.query_once(&LOCK, &[&owner]).await?;
    let next = next.first().map_or(Ok(1), |row| row.try_get(0))?;
    let (mut known, mut all) = (HashMap::new(), Vec::new());
    for row in session.query_once(&KNOWN, &[&owner]).await? {
        let page = row.try_get("page")?;
        known.insert(rows::sixteen(&row, "hash")?, page);
        all.push(page);
    }
    Ok(There { next, known, all, lists: lists(session, owner).await? })
}

/// The lists of an inbox by the position that each stands for, the newest first; `None` for one that cannot be read.
async fn lists(session: &Session<'_>, owner: &str) -> Result<Vec<(i64, Option<Directory>)>, PostgresError> {
    let mut lists = Vec::new();
    for row in session.query_once(&LISTS, &[&owner]).await? {
        let pages: Option<&[u8]> = row.try_get("pages")?;
        lists.push((row.try_get("position")?, pages.map_or(Some(Directory::default()), Directory::decode)));
    }
    Ok(lists)
}

/// Keeps a snapshot within the transaction that is open, and drops those that it makes superfluous with all pages that no
/// other names. With `is_suspect` nothing that is there is relied on: all is written anew, and no other is kept.
pub(crate) async fn keep(
    session: &Session<'_>,
    inbox: &StreamId,
    snapshot: &StoredSnapshot,
    is_suspect: bool,
) -> Result<(), PostgresError> {
    let StoredSnapshot { prefix, bytes } = snapshot;
    let (owner, position) = (inbox.key(), signed(prefix.events));
    let There { mut next, mut known, all, mut lists } = there(session, owner).await?;
    if is_suspect {
        known.clear();
        let dropped: Vec<_> = lists.drain(..).map(|(position, _)| position).collect();
        session.execute_once(&DROP, &[&owner, &dropped]).await?;
    }
    let others = lists.iter().filter(|(at, list)| *at != position && list.is_some());
    let newest: Vec<_> = others.map(|(at, _)| *at).take(SNAPSHOTS_KEPT).collect();
    if newest.len() == SNAPSHOTS_KEPT && newest.iter().all(|at| *at > position) {
        return Ok(());
    }
    let newest = newest.get(..newest.len().min(SNAPSHOTS_KEPT - 1)).unwrap_or_default();
    let (stay, dropped): (Vec<_>, Vec<_>) = lists.into_iter().partition(|(at, _)| newest.contains(at));
    let paged = read_later(bytes).unwrap_or(0..bytes.len());
    let cut = Cut::new(bytes.get(paged.clone()).unwrap_or_default(), LENGTHS);
    let mut new = Vec::new();
    for (hash, page) in cut.missing(|hash| known.contains_key(&hash)) {
        known.insert(hash, next);
        new.push((next, hash, page));
        next += 1;
    }
    let mut directory = Directory::default();
    for (hash, page) in cut.pages() {
        directory.push(known.get(hash).copied().unwrap_or_default(), page.len(), *hash);
    }
    let lists = stay.iter().filter_map(|(_, list)| list.as_ref()).chain([&directory]);
    let named: HashSet<i64> = lists.flat_map(Directory::pages).map(|named| named.page).collect();
    let gone: Vec<_> = all.into_iter().filter(|page| !named.contains(page)).collect();
    let dropped: Vec<_> = dropped.iter().map(|(position, _)| *position).collect();
    session.execute_once(&DROP, &[&owner, &dropped]).await?;
    for gone in gone.chunks(AT_ONCE) {
        session.execute_once(&REMOVE, &[&owner, &gone]).await?;
    }
    for some in new.chunks(AT_ONCE) {
        let numbers: Vec<_> = some.iter().map(|(number, ..)| *number).collect();
        let hashes: Vec<_> = some.iter().map(|(_, hash, _)| hash.to_be_bytes().to_vec()).collect();
        let pages: Vec<_> = some.iter().map(|(.., page)| *page).collect();
        session.execute_once(&INSERT, &[&owner, &numbers, &hashes, &pages]).await?;
    }
    session.execute_once(&ADVANCE, &[&owner, &next]).await?;
    let (beside, pages) = (beside(bytes, paged), directory.encode());
    let checksum = checksum(inbox, *prefix, &pages, &beside).to_be_bytes();
    let (hash, checksum) = (prefix.hash.to_be_bytes(), checksum.as_slice());
    session.execute_once(&KEEP, &[&owner, &position, &hash.as_slice(), &beside, &pages, &checksum]).await?;
    Ok(())
}

/// What lies beside the list: how many bytes stand before those in pages, these, and those behind.
fn beside(bytes: &[u8], paged: std::ops::Range<usize>) -> Vec<u8> {
    let mut beside = Vec::new();
    uint::put(&mut beside, paged.start as u64);
    beside.extend_from_slice(bytes.get(..paged.start).unwrap_or_default());
    beside.extend_from_slice(bytes.get(paged.end..).unwrap_or_default());
    beside
}

/// The pages of an inbox that no snapshot names, of which there are none unless rows were lost.
pub(crate) async fn unnamed(session: &Session<'_>, owner: &str) -> Result<Vec<i64>, PostgresError> {
    let lists = lists(session, owner).await?;
    let lists = lists.iter().filter_map(|(_, list)| list.as_ref());
    let named: HashSet<i64> = lists.flat_map(Directory::pages).map(|named| named.page).collect();
    let mut pages = Vec::new();
    for row in session.query_once(&KNOWN, &[&owner]).await? {
        pages.push(row.try_get("page")?);
    }
    pages.retain(|page| !named.contains(page));
    Ok(pages)
}

/// Drops some snapshots of an inbox, by the positions that they stand for, and every page that no other names.
pub(crate) async fn drop_some(
    session: &Session<'_>,
    owner: &str,
    positions: &[i64],
) -> Result<(), PostgresError> {
    session.execute_once(&DROP, &[&owner, &positions]).await?;
    for gone in unnamed(session, owner).await?.chunks(AT_ONCE) {
        session.execute_once(&REMOVE, &[&owner, &gone]).await?;
    }
    Ok(())
}

/// The lists of an inbox, the newest first, each as it was written or not; by the position that it stands for.
pub(crate) async fn kept(
    session: &Session<'_>,
    inbox: &StreamId,
    through: u64,
) -> Result<Vec<(u64, Result<Kept, PostgresError>)>, PostgresError> {
    let lists = session.prepare(&KEPT).await?;
    let rows = session.query(&lists, &[&inbox.key(), &signed(through)]).await?;
    let kept = |row: &Row| Ok((unsigned(row.try_get("position")?)?, Kept::of(inbox, row)));
    rows.iter().map(kept).collect()
}

const KEPT: Sql = Sql {
    text: "SELECT position, hash, bytes, pages, checksum FROM @chatfold_snapshot \
           WHERE inbox = $1 AND position <= $2 ORDER BY position DESC",
    types: &[Type::TEXT, Type::INT8],
};

/// The newest list that stands for no more than so many events.
pub(crate) const NEWEST: Sql = Sql {
    text: "SELECT position, hash, bytes, pages, checksum FROM @chatfold_snapshot \
           WHERE inbox = $1 AND position <= $2 ORDER BY position DESC LIMIT 1",
    types: &[Type::TEXT, Type::INT8],
};
