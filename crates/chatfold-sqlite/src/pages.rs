//! Snapshots by pages: cut where their content says, each page kept once for all snapshots of an inbox.
//!
//! A snapshot is cut by content-defined chunking, so that bytes that merely moved make the same pages as before, and a
//! page is known by the hash of its content. So the next snapshot writes the pages that changed and a list of all. Pages
//! are shared within an inbox and not beyond: what is erased of one is then gone, whoever else said the same.
//!
//! Pages that no kept snapshot names are put down as stale in the transaction that drops the last snapshot that named
//! them, and removed by later ones, some at a time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chatfold::shared::StreamId;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{SNAPSHOTS_KEPT, StoredSnapshot};
use chatfold_layout::directory::{Directory, Named};
use chatfold_layout::pages::{self as layout, Fault, Lengths, list_checksum};
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteError;
use crate::rows::{self, Number, signed};
use crate::trimmed;

/// The table of pages, as errors name it.
pub(crate) const PAGE: &str = "chatfold_snapshot_page";

/// The table of the lists of pages, as errors name it.
pub(crate) const LIST: &str = "chatfold_kept_snapshot";

/// How many bytes a page has: at least (but the last), about, and at most. Of a desk of a million events a thousand more
/// change 1.3 % of the snapshot so, and half as long 0.95 %: but SQLite then writes no less, and the file is a tenth longer.
const LENGTHS: Lengths =
    Lengths { min_len_bytes: 1 << 10, average_len_bytes: 4 << 10, max_len_bytes: 16 << 10 };

/// How many pages a transaction writes at most where more than one is needed: about two megabytes.
pub(crate) const AT_ONCE: usize = 512;

/// How many stale pages keeping a snapshot removes beside as many as it writes, at least, and which part of those that wait.
/// What is removed is overwritten: that costs nothing where the room is filled in the same transaction, and as much as writing
/// it elsewhere.
const SPARE: usize = 32;

/// A snapshot cut into pages, which is done before a transaction begins.
#[derive(Debug)]
pub(crate) struct Cut<'a> {
    pub(crate) prefix: LogPrefix,
    cut: layout::Cut<'a>,
}

impl<'a> Cut<'a> {
    /// Cuts a snapshot into pages and hashes each.
    pub(crate) fn new(snapshot: &'a StoredSnapshot) -> Self {
        Self { prefix: snapshot.prefix, cut: layout::Cut::new(&snapshot.bytes, LENGTHS) }
    }

    /// The pages that are not known, each once.
    pub(crate) fn missing(&self, known: &Known) -> Vec<(u128, &'a [u8])> {
        self.cut.missing(|hash| known.pages.contains_key(&hash))
    }
}

/// The pages that the file has of an inbox at some moment, by the hash of their content.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The version of the file's data as this connection counts it; `None`: nothing was looked up.
    version: Option<i64>,
    verified: bool,
    pages: HashMap<u128, i64>,
    /// Stale pages that may make room for those of the snapshot that is being written ahead; `None`: not looked up.
    spare: Option<VecDeque<i64>>,
}

impl Known {
    /// Looks up the pages of an inbox within a transaction. With `verified` each is read and held against its hash, and
    /// one that is damaged is not known: it will be written anew.
    pub(crate) fn read(connection: &Connection, number: Number, verified: bool) -> Result<Self, SqliteError> {
        let version = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        let bytes = if verified { "bytes" } else { "NULL" };
        // Of two pages with one hash the later is the sound one: it was written because the other was not.
        let sql = format!("SELECT hash, page, {bytes} AS bytes FROM {PAGE} WHERE inbox = ? ORDER BY page");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([number])?;
        let mut pages = HashMap::new();
        while let Some(row) = rows.next()? {
            let hash = u128::from_be_bytes(rows::sixteen(row, "hash")?);
            if !verified || layout::hash(row.get_ref("bytes")?.as_blob().unwrap_or_default()) == hash {
                pages.insert(hash, row.get("page")?);
            }
        }
        Ok(Self { version: Some(version), verified, pages, spare: None })
    }

    /// The same as of now: looked up again if another connection has written since.
    pub(crate) fn refreshed(self, connection: &Connection, number: Number) -> Result<Self, SqliteError> {
        let version = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if self.version == Some(version) { Ok(self) } else { Self::read(connection, number, self.verified) }
    }

    /// Writes a page, which is known from then on.
    fn write(
        &mut self,
        connection: &Connection,
        number: Number,
        (hash, bytes): (u128, &[u8]),
    ) -> Result<i64, SqliteError> {
        let sql = "INSERT INTO chatfold_snapshot_page (inbox, hash, bytes) VALUES (?, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![number, hash.to_be_bytes(), bytes])?;
        let page = connection.last_insert_rowid();
        self.pages.insert(hash, page);
        Ok(page)
    }

    /// The numbers of those pages of a snapshot that are known.
    fn named(&self, cut: &Cut<'_>) -> HashSet<i64> {
        cut.cut.pages().iter().filter_map(|(hash, _)| self.pages.get(hash)).copied().collect()
    }

    /// Writes pages that no snapshot names yet. They are stale until one does, so that a crash leaves nothing behind
    /// that is not removed later. As many that are stale already, but are none of the snapshot's, make room for them.
    pub(crate) fn write_ahead(
        &mut self,
        connection: &Connection,
        (owner, number): (&StreamId, Number),
        cut: &Cut<'_>,
        pages: &[(u128, &[u8])],
    ) -> Result<(), SqliteError> {
        let mut spare = match self.spare.take() {
            Some(spare) => spare,
            None => {
                let mut named = self.named(cut);
                named.extend(kept(connection, owner, number, u64::MAX)?.iter().flat_map(Kept::pages));
                let stale = stale(connection, number)?;
                stale.into_iter().filter(|page| !named.contains(page)).collect()
            }
        };
        let room = spare.drain(..pages.len().min(spare.len()));
        remove(connection, number, room)?;
        self.spare = Some(spare);
        for page in pages {
            if !self.pages.contains_key(&page.0) {
                let page = self.write(connection, number, *page)?;
                set_stale(connection, number, page)?;
            }
        }
        Ok(())
    }
}

/// The table that a fault is in.
pub(crate) fn table(fault: Fault) -> &'static str {
    match fault {
        Fault::List => LIST,
        Fault::Missing | Fault::Altered => PAGE,
    }
}

/// Returns the bytes of a page, which are what was written.
pub(crate) fn page(
    connection: &Connection,
    number: Number,
    named: &Named,
) -> Result<Result<Arc<[u8]>, Fault>, SqliteError> {
    let sql = "SELECT hash, bytes FROM chatfold_snapshot_page WHERE page = ? AND inbox = ?";
    let mut find = connection.prepare_cached(sql)?;
    // Compared where SQLite has it, and copied once.
    let row = |row: &rusqlite::Row<'_>| {
        let (hash, bytes) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        Ok(if layout::is_named(named, hash, bytes) { Ok(bytes.into()) } else { Err(Fault::Altered) })
    };
    Ok(find.query_row([named.page, number], row).optional()?.unwrap_or(Err(Fault::Missing)))
}

/// A snapshot as the table of lists has it.
#[derive(Debug)]
pub(crate) struct Kept {
    /// What it stands for: so many events.
    pub(crate) position: i64,
    /// The prefix that it stands for, and its pages; `None` if they are not what was written.
    pub(crate) list: Option<(LogPrefix, Directory)>,
}

/// Returns the snapshots of an inbox that stand for no more than so many events, the newest first.
pub(crate) fn kept(
    connection: &Connection,
    owner: &StreamId,
    number: Number,
    through: u64,
) -> Result<Vec<Kept>, SqliteError> {
    kept_until(connection, owner, number, through, |_| false)
}

/// The same down to the first that is such; the lists of those behind it are not read.
pub(crate) fn kept_until(
    connection: &Connection,
    owner: &StreamId,
    number: Number,
    through: u64,
    is_such: impl Fn(&Kept) -> bool,
) -> Result<Vec<Kept>, SqliteError> {
    let sql = "SELECT position, hash, pages, checksum FROM chatfold_kept_snapshot \
               WHERE inbox = ? AND position <= ? ORDER BY position DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number, signed(through)])?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        let pages: Vec<u8> = row.get("pages")?;
        let found: Vec<u8> = row.get("checksum")?;
        let fits =
            |prefix: &LogPrefix| list_checksum(owner, *prefix, &pages).to_be_bytes() == found.as_slice();
        let prefix = rows::prefix(row).ok().filter(fits);
        let list = prefix.zip(Directory::decode(&pages));
        kept.push(Kept { position: row.get("position")?, list });
        if kept.last().is_some_and(&is_such) {
            break;
        }
    }
    Ok(kept)
}

/// Returns all bytes of a snapshot, if all of its pages are there as they were written.
pub(crate) fn whole(
    connection: &Connection,
    number: Number,
    directory: &Directory,
) -> Result<Result<Vec<u8>, Fault>, SqliteError> {
    let mut bytes = Vec::new();
    for named in directory.pages() {
        match page(connection, number, named)? {
            Ok(page) => bytes.extend_from_slice(&page),
            Err(fault) => return Ok(Err(fault)),
        }
    }
    Ok(Ok(bytes))
}

/// Keeps a snapshot of a log within a transaction, and drops those that are too many or whose list is damaged.
///
/// Pages are removed before others are written, which then take their place: the file is written once.
pub(crate) fn keep(
    connection: &Connection,
    (owner, number): (&StreamId, Number),
    cut: &Cut<'_>,
    known: Known,
) -> Result<(), SqliteError> {
    let mut known = known.refreshed(connection, number)?;
    let missing = cut.missing(&known).len();
    let waited = stale(connection, number)?.len();
    let position = signed(cut.prefix.events);
    // The snapshot that stands for trimmed events stays as it was verified, and is none of those that are counted.
    let base = trimmed::cut(connection, number)?.map(|cut| signed(cut.base.events));
    if base == Some(position) {
        return Ok(());
    }
    let all = kept(connection, owner, number, u64::MAX)?;
    let others = all
        .iter()
        .filter(|kept| kept.position != position && Some(kept.position) != base && kept.list.is_some());
    let newest: Vec<_> = others.take(SNAPSHOTS_KEPT).map(|kept| kept.position).collect();
    if newest.len() == SNAPSHOTS_KEPT && newest.iter().all(|kept| *kept > position) {
        return Ok(());
    }
    let stays = |kept: &Kept| {
        Some(kept.position) == base || newest.iter().take(SNAPSHOTS_KEPT - 1).any(|at| *at == kept.position)
    };
    let (stay, drop): (Vec<_>, Vec<_>) = all.into_iter().partition(stays);
    let mut named: HashSet<i64> = stay.iter().flat_map(Kept::pages).collect();
    named.extend(known.named(cut));
    for dropped in &drop {
        let sql = "DELETE FROM chatfold_kept_snapshot WHERE inbox = ? AND position = ?";
        connection.prepare_cached(sql)?.execute([number, dropped.position])?;
        let gone = match dropped.list {
            Some(_) => dropped.pages().collect(),
            None => numbers(connection, number)?,
        };
        gone.iter()
            .filter(|page| !named.contains(page))
            .try_for_each(|page| set_stale(connection, number, *page))?;
    }
    remove_stale(connection, number, &named, missing + SPARE.max(waited / SPARE))?;
    let mut directory = Directory::default();
    for (hash, bytes) in cut.cut.pages() {
        let page = match known.pages.get(hash) {
            Some(page) => *page,
            None => known.write(connection, number, (*hash, bytes))?,
        };
        directory.push(page, bytes.len(), *hash);
    }
    let pages = directory.encode();
    let sql =
        "INSERT INTO chatfold_kept_snapshot (inbox, position, hash, pages, checksum) VALUES (?, ?, ?, ?, ?)";
    let checksum = list_checksum(owner, cut.prefix, &pages).to_be_bytes();
    let row = params![number, position, cut.prefix.hash.to_be_bytes(), pages, checksum];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

impl Kept {
    /// The numbers of its pages; none if its list is damaged.
    pub(crate) fn pages(&self) -> impl Iterator<Item = i64> {
        self.list.iter().flat_map(|(_, directory)| directory.pages()).map(|named| named.page)
    }
}

/// The numbers of all pages of an inbox.
fn numbers(connection: &Connection, number: Number) -> Result<Vec<i64>, SqliteError> {
    let mut statement =
        connection.prepare_cached("SELECT page FROM chatfold_snapshot_page WHERE inbox = ?")?;
    let pages = statement.query_map([number], |row| row.get(0))?;
    Ok(pages.collect::<Result<_, _>>()?)
}

/// Puts a page down to be removed.
fn set_stale(connection: &Connection, number: Number, page: i64) -> Result<(), SqliteError> {
    let sql = "INSERT OR IGNORE INTO chatfold_stale_page (inbox, page) VALUES (?, ?)";
    connection.prepare_cached(sql)?.execute([number, page])?;
    Ok(())
}

/// The pages that are put down to be removed.
fn stale(connection: &Connection, number: Number) -> Result<Vec<i64>, SqliteError> {
    let mut statement =
        connection.prepare_cached("SELECT page FROM chatfold_stale_page WHERE inbox = ? ORDER BY page")?;
    let pages = statement.query_map([number], |row| row.get(0))?;
    Ok(pages.collect::<Result<_, _>>()?)
}

/// Removes so many of the pages that are put down for it, but none that is named: that is put down no more.
fn remove_stale(
    connection: &Connection,
    number: Number,
    named: &HashSet<i64>,
    limit: usize,
) -> Result<(), SqliteError> {
    let (after_all, gone): (Vec<_>, Vec<_>) =
        stale(connection, number)?.into_iter().partition(|page| named.contains(page));
    after_all.into_iter().try_for_each(|page| cross_out(connection, number, page))?;
    remove(connection, number, gone.into_iter().take(limit))
}

/// Removes pages that are put down for it.
fn remove(
    connection: &Connection,
    number: Number,
    pages: impl Iterator<Item = i64>,
) -> Result<(), SqliteError> {
    let mut remove =
        connection.prepare_cached("DELETE FROM chatfold_snapshot_page WHERE page = ? AND inbox = ?")?;
    for page in pages {
        remove.execute([page, number])?;
        cross_out(connection, number, page)?;
    }
    Ok(())
}

/// Puts a page down no more.
fn cross_out(connection: &Connection, number: Number, page: i64) -> Result<(), SqliteError> {
    let sql = "DELETE FROM chatfold_stale_page WHERE page = ? AND inbox = ?";
    connection.prepare_cached(sql)?.execute([page, number])?;
    Ok(())
}

/// Returns the pages of an inbox that none of its snapshots names and that are not put down to be removed.
pub(crate) fn unnamed(
    connection: &Connection,
    number: Number,
    kept: &[Kept],
) -> Result<Vec<i64>, SqliteError> {
    let mut known: HashSet<i64> = kept.iter().flat_map(Kept::pages).collect();
    known.extend(stale(connection, number)?);
    let mut pages = numbers(connection, number)?;
    pages.retain(|page| !known.contains(page));
    pages.sort_unstable();
    Ok(pages)
}

/// Drops some snapshots of an inbox, by position, and every page that no other names.
pub(crate) fn drop_some(
    connection: &Connection,
    (owner, number): (&StreamId, Number),
    positions: &[i64],
) -> Result<(), SqliteError> {
    let mut delete =
        connection.prepare_cached("DELETE FROM chatfold_kept_snapshot WHERE inbox = ? AND position = ?")?;
    for position in positions {
        delete.execute([number, *position])?;
    }
    let named: HashSet<_> = kept(connection, owner, number, u64::MAX)?.iter().flat_map(Kept::pages).collect();
    let mut delete = connection.prepare_cached("DELETE FROM chatfold_snapshot_page WHERE page = ?")?;
    for page in numbers(connection, number)?.into_iter().filter(|page| !named.contains(page)) {
        delete.execute([page])?;
    }
    connection.prepare_cached("DELETE FROM chatfold_stale_page WHERE inbox = ?")?.execute([number])?;
    Ok(())
}

/// Drops all snapshots of an inbox and all of their pages.
pub(crate) fn drop_all(connection: &Connection, number: Number) -> Result<(), SqliteError> {
    for sql in [
        "DELETE FROM chatfold_kept_snapshot WHERE inbox = ?",
        "DELETE FROM chatfold_snapshot_page WHERE inbox = ?",
        "DELETE FROM chatfold_stale_page WHERE inbox = ?",
    ] {
        connection.prepare_cached(sql)?.execute([number])?;
    }
    Ok(())
}
