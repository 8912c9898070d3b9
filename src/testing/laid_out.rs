//! The store in memory, laid out as files are: events in columns, snapshots in pages, of which reads are counted and may fail.

use std::borrow::Cow;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log::binary::Writer;
use crate::log::binary::header::{Header, LogHead};
use crate::log::jsonl::{LoggedEvent, decode_line, encode_event};
use crate::model::id::EventId;
use crate::model::stream::StreamId;
use crate::store::snapshot::LogPrefix;
use crate::store::snapshot::source::{SnapshotSource, SourceError};
use crate::store::{
    Append, AppendError, Appended, EventStore, FoundSnapshot, Head, MemoryStore, NewEvent, Outbox,
    OutboxCursor, OutboxError, OutboxPage, OutboxStatus, Page, Received, RewriteError, SealedPage,
    SnapshotStore, StoredEvent, StoredSnapshot,
};

/// How long the pages of a snapshot are.
const PAGE_LEN_BYTES: u64 = 4 << 10;

/// The [store in memory](MemoryStore), laid out as a file is: it gives events in columns, so many a segment
/// ([`EventStore::read_sealed`]), and serves snapshots by range from pages, whose reads are counted and may fail. For tests of
/// whatever reads from a store without a file. A clone is another handle of the same store.
///
/// ```
/// use chatfold::store::{MemoryStore, SnapshotStore};
/// use chatfold::testing::{LaidOutStore, check_outbox, check_store};
///
/// // Segments of three events, and every second read of a page fails once.
/// let store = LaidOutStore::new(MemoryStore::new(), 3).with_failure_every(2);
/// check_store(|| store.clone());
/// check_outbox(|| store.clone());
/// assert!(store.pages_read() > 0);
/// ```
#[derive(Clone, Debug)]
pub struct LaidOutStore {
    store: MemoryStore,
    seal_events: u64,
    reads: Arc<Reads>,
}

/// The reads of all pages.
#[derive(Debug, Default)]
struct Reads {
    pages: AtomicU64,
    asked: AtomicU64,
    /// One in so many fails; 0: none.
    failure_every: u64,
}

impl LaidOutStore {
    /// Returns a store laid out so: segments of `seal_events` events, at least one; no read fails.
    pub fn new(store: MemoryStore, seal_events: u64) -> Self {
        Self { store, seal_events: seal_events.max(1), reads: Arc::default() }
    }

    /// Returns the same store, of which one in so many reads of snapshots fails; 0: none. The counts begin anew.
    #[must_use]
    pub fn with_failure_every(self, reads: u64) -> Self {
        Self { reads: Arc::new(Reads { failure_every: reads, ..Reads::default() }), ..self }
    }

    /// Returns how many pages of snapshots were read.
    pub fn pages_read(&self) -> u64 {
        self.reads.pages.load(Ordering::Relaxed)
    }
}

/// The bytes of a snapshot, by pages.
struct Pages {
    bytes: Vec<u8>,
    reads: Arc<Reads>,
}

impl SnapshotSource for Pages {
    fn len_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        let Reads { pages, asked, failure_every } = &*self.reads;
        let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
        if *failure_every > 0 && number % failure_every == 0 {
            return Err(SourceError::new("the page does not answer"));
        }
        let touched = range.end.div_ceil(PAGE_LEN_BYTES).saturating_sub(range.start / PAGE_LEN_BYTES);
        let read = self.bytes.read(range)?;
        pages.fetch_add(touched, Ordering::Relaxed);
        Ok(read)
    }
}

/// Events as records; `None` if one is no line as this library writes it.
fn records(stream: &StreamId, events: &[StoredEvent]) -> Option<Vec<u8>> {
    let mut writer =
        Writer::resume(Vec::new(), &Header::new(stream.columns_owner()), LogHead { events: 0, check: 0 });
    for event in events {
        let logged = decode_line(&event.bytes).ok()?;
        let LoggedEvent::Known(known) = &logged else { return None };
        (encode_event(known).as_bytes() == event.bytes).then_some(())?;
        writer.write(&logged).ok()?;
    }
    writer.flush().ok()?;
    Some(writer.into_inner())
}

impl EventStore for LaidOutStore {
    type Error = Infallible;

    fn append(
        &mut self,
        stream: &StreamId,
        append: &Append<'_>,
    ) -> Result<Appended, AppendError<Infallible>> {
        self.store.append(stream, append)
    }

    fn import(&mut self, stream: &StreamId, events: &[StoredEvent]) -> Result<Head, AppendError<Infallible>> {
        self.store.import(stream, events)
    }

    fn receive_many(
        &mut self,
        streams: &[StreamId],
        events: &[NewEvent],
    ) -> Result<Vec<Received>, Infallible> {
        self.store.receive_many(streams, events)
    }

    fn read(&mut self, stream: &StreamId, after: u64, limit: usize) -> Result<Page, Infallible> {
        self.store.read(stream, after, limit)
    }

    fn read_sealed(&mut self, stream: &StreamId, after: u64) -> Result<Option<SealedPage>, Infallible> {
        if !after.is_multiple_of(self.seal_events) {
            return Ok(None);
        }
        let first = after.saturating_sub(1);
        let page = self.store.read(stream, first, usize::MAX)?;
        let skip = usize::try_from(after - first).unwrap_or_default();
        let before = match page.events.first() {
            Some(event) if after > 0 => event.prefix,
            _ => LogPrefix::EMPTY,
        };
        let length = usize::try_from(self.seal_events).unwrap_or(usize::MAX);
        let segment = page.events.get(skip..skip.saturating_add(length)).unwrap_or_default();
        let last = segment.last().map(|event| event.prefix);
        let sealed = last.zip(records(stream, segment));
        Ok(sealed.map(|(last, records)| SealedPage::new(page.head, before, last, records)))
    }

    fn find(&mut self, stream: &StreamId, id: EventId) -> Result<Option<StoredEvent>, Infallible> {
        self.store.find(stream, id)
    }

    fn rewrite(
        &mut self,
        stream: &StreamId,
        events: &[(u64, Vec<u8>)],
    ) -> Result<Head, RewriteError<Infallible>> {
        self.store.rewrite(stream, events)
    }

    fn fence(&mut self, stream: &StreamId, to: &str) -> Result<Head, Infallible> {
        self.store.fence(stream, to)
    }

    fn erase(&mut self, stream: &StreamId) -> Result<Head, Infallible> {
        self.store.erase(stream)
    }

    fn reopen(&mut self, stream: &StreamId) -> Result<Head, Infallible> {
        self.store.reopen(stream)
    }
}

impl SnapshotStore for LaidOutStore {
    fn latest(&mut self, stream: &StreamId, through: u64) -> Result<Option<StoredSnapshot>, Infallible> {
        self.store.latest(stream, through)
    }

    fn open_latest(&mut self, stream: &StreamId, through: u64) -> Result<Option<FoundSnapshot>, Infallible> {
        let found = self.store.latest(stream, through)?;
        Ok(found.map(|StoredSnapshot { prefix, bytes }| {
            let source = Arc::new(Pages { bytes, reads: Arc::clone(&self.reads) });
            FoundSnapshot { prefix, source }
        }))
    }

    fn save(&mut self, stream: &StreamId, snapshot: &StoredSnapshot) -> Result<bool, Infallible> {
        self.store.save(stream, snapshot)
    }
}

impl Outbox for LaidOutStore {
    fn outbox_on(&mut self) -> Result<OutboxCursor, Infallible> {
        self.store.outbox_on()
    }

    fn outbox_off(&mut self) -> Result<(), Infallible> {
        self.store.outbox_off()
    }

    fn outbox_after(
        &mut self,
        after: &OutboxCursor,
        limit: usize,
    ) -> Result<OutboxPage, OutboxError<Infallible>> {
        self.store.outbox_after(after, limit)
    }

    fn outbox_forget(&mut self, through: &OutboxCursor) -> Result<u64, OutboxError<Infallible>> {
        self.store.outbox_forget(through)
    }

    fn outbox_status(
        &mut self,
        after: Option<&OutboxCursor>,
    ) -> Result<OutboxStatus, OutboxError<Infallible>> {
        self.store.outbox_status(after)
    }
}
