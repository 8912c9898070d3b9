//! A snapshot that is read by range, over a connection of its own.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatfold::snapshot::{SnapshotSource, SourceError};
use chatfold_layout::directory::{Directory, Named};
use chatfold_layout::pages::Fault;
use lru::LruCache;
use rusqlite::Connection;

use crate::pages;
use crate::rows::Number;

/// How many bytes of pages one source holds.
const CACHE_LEN_BYTES: usize = 4 << 20;

/// How much of the file the connection keeps in memory, beside the pages that a source holds: the way to them.
const READER_CACHE_KIB: i64 = 256;

/// The connection that the sources of one store read over.
#[derive(Debug)]
pub(crate) struct Reader {
    connection: Mutex<Connection>,
    /// Told where a page is found damaged: see [`SqliteStore`](crate::SqliteStore).
    suspect: Arc<AtomicBool>,
}

impl Reader {
    pub(crate) fn new(connection: Connection, suspect: Arc<AtomicBool>) -> Self {
        // Whatever comes of it: a larger one is no more than memory that nobody needs.
        let _ = connection.pragma_update(None, "cache_size", -READER_CACHE_KIB);
        Self { connection: Mutex::new(connection), suspect }
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        // Whoever panicked left a statement at most, which is reset when it is used again.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection without a transaction that many reads share: what it reads is of this moment.
    pub(crate) fn connection_of_now(&self) -> MutexGuard<'_, Connection> {
        let connection = self.connection();
        end(&connection);
        connection
    }
}

/// Ends the transaction that many reads share, if there is one. Those that are still to come are read without it.
fn end(connection: &Connection) {
    if !connection.is_autocommit() {
        // Nothing was written, and what cannot be ended is told by the next statement.
        let _ = connection.execute_batch("COMMIT");
    }
}

/// A transaction that many reads share, so that not each takes and gives back the file's locks.
struct Shared<'r>(&'r Reader);

impl<'r> Shared<'r> {
    /// One, unless there is one already. Without one each read has its own.
    fn begin(reader: &'r Reader) -> Option<Self> {
        let connection = reader.connection();
        let begun = connection.is_autocommit() && connection.execute_batch("BEGIN").is_ok();
        begun.then(|| Self(reader))
    }
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        end(&self.0.connection());
    }
}

/// The pages that were read last, by index.
struct Cache {
    pages: LruCache<usize, Arc<[u8]>>,
    len_bytes: usize,
}

impl Cache {
    fn put(&mut self, index: usize, page: &Arc<[u8]>) {
        self.len_bytes += page.len();
        let before = self.pages.put(index, Arc::clone(page));
        self.len_bytes -= before.map_or(0, |page| page.len());
        while self.len_bytes > CACHE_LEN_BYTES {
            let Some((_, page)) = self.pages.pop_lru() else { break };
            self.len_bytes -= page.len();
        }
    }
}

/// A snapshot in the file. Each page is held against its hash when it is read.
pub(crate) struct Paged {
    reader: Arc<Reader>,
    inbox: Number,
    directory: Directory,
    cache: Mutex<Cache>,
}

impl fmt::Debug for Paged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paged").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}

impl Paged {
    pub(crate) fn new(reader: Arc<Reader>, inbox: Number, directory: Directory) -> Self {
        let cache = Mutex::new(Cache { pages: LruCache::unbounded(), len_bytes: 0 });
        Self { reader, inbox, directory, cache }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page of an index.
    fn page(&self, index: usize, named: &Named) -> Result<Arc<[u8]>, SourceError> {
        if let Some(page) = self.cache().pages.get(&index) {
            return Ok(Arc::clone(page));
        }
        let read = pages::page(&self.reader.connection(), self.inbox, named).map_err(SourceError::new)?;
        let page = read.map_err(|fault| self.fault(index, fault))?;
        self.cache().put(index, &page);
        Ok(page)
    }

    fn fault(&self, index: usize, fault: Fault) -> SourceError {
        if fault == Fault::Missing {
            return SourceError::new(format_args!(
                "page {index} is not there any more: a newer snapshot has taken the place of this one"
            ));
        }
        self.reader.suspect.store(true, Ordering::Relaxed);
        SourceError::new(format_args!("the file is damaged at page {index}: {fault}"))
    }
}

impl SnapshotSource for Paged {
    fn len_bytes(&self) -> u64 {
        self.directory.len_bytes()
    }

    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let there = self.len_bytes();
        if range.start > range.end || range.end > there {
            let Range { start, end } = range;
            let what = format_args!("the bytes {start} to {end} were asked for, and there are {there}");
            return Err(SourceError::new(what));
        }
        if range.is_empty() {
            return Ok(Cow::Borrowed(&[]));
        }
        let (first, pages) = self.directory.covering(&range);
        let mut bytes = Vec::new();
        for (index, named) in (first..).zip(pages) {
            let page = self.page(index, named)?;
            // Both lie within a page, which is no longer than memory.
            let from = range.start.saturating_sub(named.start) as usize;
            let to = (range.end.min(named.end) - named.start) as usize;
            bytes.extend_from_slice(page.get(from..to).unwrap_or_default());
        }
        Ok(Cow::Owned(bytes))
    }

    fn together(&self, work: &mut dyn FnMut()) {
        let _shared = Shared::begin(&self.reader);
        work();
    }
}
