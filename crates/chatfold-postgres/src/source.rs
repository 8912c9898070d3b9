//! A snapshot that is read by range, page by page as its bytes are needed.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatfold::shared::StreamId;
use chatfold::snapshot::{SnapshotSource, SourceError};
use chatfold_layout::directory::Named;
use chatfold_layout::pages::Fault;
use lru::LruCache;

use crate::error::PostgresError;
use crate::fetching;
use crate::pages::{FetchPages, Kept, PAGE, Pages};
use crate::pool::{PostgresStore, Suspects};
use crate::segments::damaged;

/// How many bytes of pages one source holds.
const HELD_LEN_BYTES: usize = 1 << 20;

/// How many bytes are fetched at once where reads follow one another, as whoever writes a snapshot reads.
const AHEAD_LEN_BYTES: u64 = 256 << 10;

/// The pages that were read last, by index.
struct Held {
    pages: LruCache<usize, Arc<[u8]>>,
    len_bytes: usize,
    /// How many bytes were served in all: what was decoded of them is held elsewhere.
    served_len_bytes: u64,
    /// Behind the last page that somebody waited for.
    next: usize,
}

impl Held {
    fn put(&mut self, index: usize, page: Arc<[u8]>) {
        self.len_bytes += page.len();
        let before = self.pages.put(index, page);
        self.len_bytes -= before.map_or(0, |page| page.len());
        while self.len_bytes > HELD_LEN_BYTES {
            let Some((_, page)) = self.pages.pop_lru() else { break };
            self.len_bytes -= page.len();
        }
    }
}

/// A snapshot in the tables. What opening it reads is at hand; each page of all else is fetched when it is needed, or
/// before ([`SnapshotPages::fetch`]), and held against its hash.
///
/// A read of what nobody fetched blocks its thread until a connection that is used for nothing else has brought it; about a
/// mebibyte of what was read last is held.
pub struct SnapshotPages {
    store: PostgresStore,
    fetcher: Arc<dyn FetchPages>,
    suspects: Arc<Suspects>,
    inbox: StreamId,
    kept: Kept,
    paged: Range<u64>,
    held: Mutex<Held>,
}

impl fmt::Debug for SnapshotPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("SnapshotPages");
        f.field("inbox", &self.inbox).field("prefix", &self.kept.prefix).finish_non_exhaustive()
    }
}

impl SnapshotPages {
    pub(crate) fn new(
        store: &PostgresStore,
        fetcher: Arc<dyn FetchPages>,
        inbox: StreamId,
        kept: Kept,
    ) -> Self {
        // What tells and seals ends with the last store, and this is none.
        let mut store = store.clone();
        (store.teller, store.sealer) = (None, None);
        let held = Held { pages: LruCache::unbounded(), len_bytes: 0, served_len_bytes: 0, next: usize::MAX };
        let (suspects, paged) = (Arc::clone(&store.suspects), kept.paged());
        Self { store, fetcher, suspects, inbox, kept, paged, held: Mutex::new(held) }
    }

    /// Fetches the pages of some ranges, so that a read of them waits for nothing. No more than the first of them are
    /// fetched that can be held at once.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] where the server cannot be reached, does not answer in time or refuses;
    /// [`PostgresError::DamagedAt`] where a page is not what was written. A page that is not there any more, because newer
    /// snapshots have taken the place of this one, is none: reading it says so.
    pub async fn fetch(&self, ranges: &[Range<u64>]) -> Result<(), PostgresError> {
        let (mut wanted, mut len_bytes) = (Vec::new(), 0);
        for (index, named) in ranges.iter().flat_map(|range| self.lacking(range)) {
            len_bytes += named.end - named.start;
            if len_bytes > HELD_LEN_BYTES as u64 {
                break;
            }
            wanted.push((index, named));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = wanted.iter().map(|(_, named)| *named).collect();
        match self.take_in(&wanted, fetching::fetch(&self.store, &self.inbox, &named).await)? {
            Ok(()) | Err(Fault::Missing) => Ok(()),
            Err(fault) => Err(damaged(&self.inbox, PAGE, self.kept.prefix.events, fault.what())),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part of a range that lies in pages, as the pages count.
    fn within(&self, range: &Range<u64>) -> Range<u64> {
        let at = |end: u64| end.clamp(self.paged.start, self.paged.end) - self.paged.start;
        at(range.start)..at(range.end)
    }

    /// The pages of a range that are not held.
    fn lacking(&self, range: &Range<u64>) -> Vec<(usize, Named)> {
        let within = self.within(range);
        if within.is_empty() {
            return Vec::new();
        }
        let (first, pages) = self.kept.directory.covering(&within);
        let held = self.held();
        (first..).zip(pages.iter().copied()).filter(|(index, _)| !held.pages.contains(index)).collect()
    }

    /// Holds pages that were fetched.
    fn take_in(&self, wanted: &[(usize, Named)], fetched: Pages) -> Result<Result<(), Fault>, PostgresError> {
        let mut pages = match fetched? {
            Ok(pages) => pages,
            Err(fault) => {
                if fault != Fault::Missing {
                    self.suspects.put(&self.inbox);
                }
                return Ok(Err(fault));
            }
        };
        let mut held = self.held();
        for (index, named) in wanted {
            if let Some(page) = pages.remove(&named.page) {
                held.put(*index, page.into());
            }
        }
        Ok(Ok(()))
    }

    /// The page of an index, which is fetched if it is not held, with those behind it where reads follow one another.
    fn page(&self, index: usize, named: &Named) -> Result<Arc<[u8]>, SourceError> {
        if let Some(page) = self.held().pages.get(&index) {
            return Ok(Arc::clone(page));
        }
        let follows = self.held().next == index;
        let ahead = if follows { AHEAD_LEN_BYTES } else { 0 };
        let range = self.paged.start + named.start..self.paged.start + named.end + ahead;
        let mut wanted = self.lacking(&range);
        if !wanted.iter().any(|(lacking, _)| *lacking == index) {
            wanted.insert(0, (index, *named));
        }
        let numbers: Vec<_> = wanted.iter().map(|(_, named)| *named).collect();
        let fetched = self.take_in(&wanted, self.fetcher.fetch(&self.inbox, &numbers));
        if let Err(fault) = fetched.map_err(SourceError::new)? {
            let what = match fault {
                Fault::Missing => {
                    "it is not there any more: newer snapshots have taken the place of this one"
                }
                fault => fault.what(),
            };
            return Err(SourceError::new(format_args!(
                "page {index} of the snapshot of {}: {what}",
                self.inbox
            )));
        }
        let mut held = self.held();
        held.next = wanted.last().map_or(index, |(last, _)| *last) + 1;
        let page = held.pages.get(&index).map(Arc::clone);
        page.ok_or_else(|| SourceError::new(format_args!("page {index} came and was let go at once")))
    }
}

impl SnapshotSource for SnapshotPages {
    fn len_bytes(&self) -> u64 {
        self.paged.end + self.kept.ends[1].len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let there = self.len_bytes();
        if range.start > range.end || range.end > there {
            let Range { start, end } = range;
            let what = format_args!("the bytes {start} to {end} were asked for, and there are {there}");
            return Err(SourceError::new(what));
        }
        let [head, front] = &self.kept.ends;
        // All of these lie within what is held, which is no longer than memory.
        let part = |bytes: &'_ [u8], begins: u64| -> Range<usize> {
            let at = |end: u64| end.saturating_sub(begins).min(bytes.len() as u64) as usize;
            at(range.start)..at(range.end)
        };
        if range.start >= self.paged.end {
            return Ok(Cow::Borrowed(front.get(part(front, self.paged.end)).unwrap_or_default()));
        }
        if range.end <= self.paged.start {
            return Ok(Cow::Borrowed(head.get(part(head, 0)).unwrap_or_default()));
        }
        let mut bytes = head.get(part(head, 0)).unwrap_or_default().to_vec();
        let within = self.within(&range);
        let (first, pages) = self.kept.directory.covering(&within);
        for (index, named) in (first..).zip(pages) {
            let page = self.page(index, named)?;
            let from = within.start.saturating_sub(named.start) as usize;
            let to = (within.end.min(named.end) - named.start) as usize;
            bytes.extend_from_slice(page.get(from..to).unwrap_or_default());
        }
        bytes.extend_from_slice(front.get(part(front, self.paged.end)).unwrap_or_default());
        self.held().served_len_bytes += bytes.len() as u64;
        Ok(Cow::Owned(bytes))
    }

    fn is_at_hand(&self, range: Range<u64>) -> bool {
        self.lacking(&range).is_empty()
    }

    fn held_len_bytes(&self) -> u64 {
        let held = self.held();
        let ends: usize = self.kept.ends.iter().map(Vec::len).sum();
        // The front is held twice: here, and by the inbox that was restored from it.
        2 * ends as u64 + held.len_bytes as u64 + held.served_len_bytes.min(self.paged.end)
    }
}
