//! Parts that are loaded from the bytes of a snapshot when they are first touched.
//!
//! A history is a tree of parts. A restored one is a reference into the snapshot; each part is read, verified
//! against its checksum and decoded when it is first touched, for all clones at once, and becomes an ordinary
//! part when it is written. A part that is corrupt or cannot be read is replaced by a placeholder, and its conversation
//! is marked in the [`Source`]: nothing of it is shown that was not verified (R99).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::inbox::containers::tables::{ConversationRecord, Tables};
use crate::model::id::{ConversationId, ConversationKind};
use crate::model::impossible::impossible;
use crate::store::snapshot::HistoryFault;
use crate::store::snapshot::source::{SnapshotSource, SourceError, exactly};

/// The bytes of a snapshot, however their owner keeps them.
pub(crate) enum Bytes {
    /// All at hand; where the front lies in them.
    Held(Arc<dyn AsRef<[u8]> + Send + Sync>, Range<usize>),
    /// The front at hand, everything else by range.
    Served(Vec<u8>, Arc<dyn SnapshotSource>),
}

/// The snapshot that parts are loaded from, and which of its conversations turned out corrupt or could not be read.
pub(crate) struct Source {
    bytes: Bytes,
    tables: Tables,
    faults: Mutex<BTreeMap<u32, HistoryFault>>,
    any: AtomicBool,
    /// Why the first range was not to be had.
    outage: OnceLock<SourceError>,
    /// The lengths, as they lie here, of the parts that are loaded and not written, whichever clones hold them.
    loaded_len_bytes: AtomicU64,
    /// Parts that could not be let go of are not tried again before there is as much: see [`Source::is_beyond`].
    again_len_bytes: AtomicU64,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("any", &self.any).finish_non_exhaustive()
    }
}

impl Source {
    pub(crate) fn new(bytes: Bytes, tables: Tables) -> Self {
        let (faults, any, outage) = (Mutex::default(), AtomicBool::new(false), OnceLock::new());
        let (loaded_len_bytes, again_len_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { bytes, tables, faults, any, outage, loaded_len_bytes, again_len_bytes }
    }

    /// How many bytes of parts are loaded and not written.
    pub(crate) fn loaded_len_bytes(&self) -> u64 {
        self.loaded_len_bytes.load(Ordering::Relaxed)
    }

    /// Whether more than so much is loaded that letting go is worth a try. Where others held the parts the last time, it is
    /// again once half as much more has come: each try looks at whatever is at hand.
    #[inline]
    pub(crate) fn is_beyond(&self, len_bytes: u64) -> bool {
        let loaded = self.loaded_len_bytes();
        if loaded <= len_bytes {
            // Whoever held them has let go.
            self.again_len_bytes.store(0, Ordering::Relaxed);
            return false;
        }
        loaded >= self.again_len_bytes.load(Ordering::Relaxed)
    }

    /// What could be let go of was.
    pub(crate) fn let_go(&self, bound_len_bytes: u64) {
        let more = self.loaded_len_bytes().saturating_add(bound_len_bytes / 2);
        self.again_len_bytes.store(more, Ordering::Relaxed);
    }

    /// The front, in which the tables lie.
    pub(crate) fn front(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Held(bytes, front) => (**bytes).as_ref().get(front.clone()).unwrap_or_default(),
            Bytes::Served(front, _) => front,
        }
    }

    /// Why a range could not be read, if that ever happened.
    pub(crate) fn outage(&self) -> Option<&SourceError> {
        self.outage.get()
    }

    /// Where everything of the front lies.
    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(crate) fn record(&self, number: u32) -> Option<ConversationRecord<'_>> {
        self.tables.record(self.front(), number)
    }

    /// A history and the registers behind it as they lie there: nothing of them is verified.
    pub(crate) fn region(&self, number: u32, record: &ConversationRecord<'_>) -> Option<Cow<'_, [u8]>> {
        let end = record.registers_at.checked_add(u64::from(record.registers.len))?;
        self.range(number, record.history.start..end)
    }

    /// The registers of a conversation, if they can be had and are as they were written. Otherwise it is marked.
    pub(crate) fn registers(&self, number: u32, record: &ConversationRecord<'_>) -> Option<Cow<'_, [u8]>> {
        let end = record.registers_at.saturating_add(u64::from(record.registers.len));
        let bytes = self.range(number, record.registers_at..end)?;
        if xxhash_rust::xxh3::xxh3_64(&bytes) != record.registers.check {
            self.mark_corrupt(number, record.registers_at, "the checksum of its registers does not fit");
            return None;
        }
        Some(bytes)
    }

    /// A range that belongs to a conversation, which is marked if the range cannot be had.
    fn range(&self, number: u32, range: Range<u64>) -> Option<Cow<'_, [u8]>> {
        let offset = range.start;
        if range.start > range.end || range.end > self.tables.histories_end() {
            self.mark_corrupt(number, offset, "it ends after the snapshot does");
            return None;
        }
        match &self.bytes {
            Bytes::Held(bytes, _) => {
                let at = |end: u64| usize::try_from(end).ok();
                let bytes = (**bytes).as_ref().get(at(range.start)?..at(range.end)?);
                bytes.map(Cow::Borrowed)
            }
            Bytes::Served(_, source) => {
                let read = exactly(&**source, range);
                read.map_err(|error| self.mark_unreadable(number, offset, error)).ok()
            }
        }
    }

    /// Has something done that loads many parts.
    pub(crate) fn together(&self, work: &mut dyn FnMut()) {
        match &self.bytes {
            Bytes::Held(..) => work(),
            Bytes::Served(_, source) => source.together(work),
        }
    }

    /// The conversation with this number in the snapshot.
    pub(crate) fn id(&self, number: u32) -> Option<ConversationId> {
        ConversationId::parse(self.tables.ids.text(self.front(), number)?).ok()
    }

    /// The conversations in which a fault was found.
    pub(crate) fn faulty(&self) -> Vec<u32> {
        if !self.any.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// The fault found in a conversation, if any was.
    pub(crate) fn fault(&self, number: u32) -> Option<HistoryFault> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    pub(crate) fn mark_corrupt(&self, number: u32, offset: u64, reason: &'static str) {
        self.mark(number, HistoryFault { offset, reason, outage: false });
    }

    fn mark_unreadable(&self, number: u32, offset: u64, error: SourceError) {
        self.outage.get_or_init(|| error);
        self.mark(number, HistoryFault { offset, reason: "whatever keeps it does not answer", outage: true });
    }

    fn mark(&self, number: u32, fault: HistoryFault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_insert(fault);
        self.any.store(true, Ordering::Release);
    }
}

/// Where a part lies in its source: its children first, its own bytes, which name them, behind them.
#[derive(Clone, Debug)]
pub(crate) struct PartPlace {
    pub(crate) source: Arc<Source>,
    /// The conversation it belongs to.
    pub(crate) number: u32,
    pub(crate) offset: u64,
    /// The length of its own bytes, which `check` covers.
    pub(crate) head_len: u32,
    /// The length with all its children.
    pub(crate) len: u64,
    /// The hash of its own bytes.
    pub(crate) check: u64,
}

impl PartPlace {
    fn range(&self, from: u64, len: u64) -> Option<Cow<'_, [u8]>> {
        self.source.range(self.number, from..from.saturating_add(len))
    }

    /// The part with its children, as it lies there: nothing of it is verified.
    pub(crate) fn raw(&self) -> Option<Cow<'_, [u8]>> {
        self.range(self.offset, self.len)
    }

    /// Its own bytes, not verified.
    fn head(&self) -> Option<Cow<'_, [u8]>> {
        let head_len = u64::from(self.head_len);
        let before = self.len.saturating_sub(head_len);
        self.range(self.offset.saturating_add(before), head_len)
    }

    /// The kind of the conversation it belongs to.
    pub(crate) fn kind(&self) -> Option<ConversationKind> {
        self.source.id(self.number).map(|id| id.kind())
    }

    /// The place of the child that begins `at` bytes after the part; moves `at` behind it.
    pub(crate) fn child(&self, at: &mut u64, child: Extent) -> Option<Self> {
        let offset = self.offset.checked_add(*at)?;
        *at = at.checked_add(child.len)?;
        let fits = u64::from(child.head_len) <= child.len
            && at.checked_add(u64::from(self.head_len)).is_some_and(|end| end <= self.len);
        let (source, number) = (Arc::clone(&self.source), self.number);
        let Extent { head_len, len, check } = child;
        fits.then_some(Self { source, number, offset, head_len, len, check })
    }

    fn mark_corrupt(&self, reason: &'static str) {
        self.source.mark_corrupt(self.number, self.offset, reason);
    }

    fn load<T: Part + ?Sized>(&self) -> Arc<T> {
        // Whoever finds no bytes says why.
        let Some(bytes) = self.head() else { return T::placeholder(self) };
        if xxhash_rust::xxh3::xxh3_64(&bytes) != self.check {
            self.mark_corrupt("its checksum does not fit");
            return T::placeholder(self);
        }
        T::decode(&bytes, self).unwrap_or_else(|| {
            self.mark_corrupt("its checksum fits, but it cannot be decoded");
            T::placeholder(self)
        })
    }
}

/// How far a part reaches and the hash of its own bytes, as whoever holds it writes them down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The length of its own bytes, which `check` covers.
    pub(crate) head_len: u32,
    /// The length with all its children.
    pub(crate) len: u64,
    /// The hash of its own bytes.
    pub(crate) check: u64,
}

/// What a snapshot keeps and loads by itself.
pub(crate) trait Part {
    /// The part from its own bytes, which are verified; its children lie at `place`.
    fn decode(bytes: &[u8], place: &PartPlace) -> Option<Arc<Self>>;

    /// What stands for a part that is corrupt.
    fn placeholder(place: &PartPlace) -> Arc<Self>;
}

/// A part at hand, or one that is loaded when it is first touched.
#[derive(Debug)]
pub(crate) enum Lazy<T: ?Sized> {
    Warm(Arc<T>),
    Cold(Box<Cold<T>>),
}

#[derive(Debug)]
pub(crate) struct Cold<T: ?Sized> {
    place: PartPlace,
    loaded: OnceLock<Arc<T>>,
}

impl<T: ?Sized> Cold<T> {
    /// The part, if it was loaded, which is not here any more. Whoever has it last says so to the source.
    fn take(&mut self) -> Option<Arc<T>> {
        let loaded = self.loaded.take()?;
        if Arc::strong_count(&loaded) == 1 {
            self.place.source.loaded_len_bytes.fetch_sub(u64::from(self.place.head_len), Ordering::Relaxed);
        }
        Some(loaded)
    }
}

impl<T: ?Sized> Drop for Cold<T> {
    fn drop(&mut self) {
        self.take();
    }
}

impl<T: Part + ?Sized> Cold<T> {
    fn get(&self) -> &Arc<T> {
        self.loaded.get_or_init(|| {
            let len_bytes = u64::from(self.place.head_len);
            self.place.source.loaded_len_bytes.fetch_add(len_bytes, Ordering::Relaxed);
            self.place.load()
        })
    }
}

impl<T: ?Sized> Clone for Lazy<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Warm(part) => Self::Warm(Arc::clone(part)),
            Self::Cold(cold) => {
                Self::Cold(Box::new(Cold { place: cold.place.clone(), loaded: cold.loaded.clone() }))
            }
        }
    }
}

impl<T: Default> Default for Lazy<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Lazy<T> {
    pub(crate) fn new(part: T) -> Self {
        Self::Warm(Arc::new(part))
    }
}

impl<T: ?Sized> Lazy<T> {
    /// A part that others hold too: whoever writes to it has a copy of its own from then on.
    pub(crate) fn shared(part: Arc<T>) -> Self {
        Self::Warm(part)
    }

    pub(crate) fn cold(place: PartPlace) -> Self {
        Self::Cold(Box::new(Cold { place, loaded: OnceLock::new() }))
    }

    /// Lets go of what was loaded and not written: it is loaded again when it is next touched. `within` does the same for
    /// the parts of one that was written, if nobody else holds it.
    pub(crate) fn release(&mut self, within: impl FnOnce(&mut T)) {
        match self {
            Self::Cold(cold) => drop(cold.take()),
            Self::Warm(part) => {
                if let Some(part) = Arc::get_mut(part) {
                    within(part);
                }
            }
        }
    }

    /// Where it lies in a snapshot, if it was not written since.
    pub(crate) fn place(&self) -> Option<&PartPlace> {
        match self {
            Self::Warm(_) => None,
            Self::Cold(cold) => Some(&cold.place),
        }
    }
}

impl<T: Part + ?Sized> Lazy<T> {
    pub(crate) fn get(&self) -> &T {
        match self {
            Self::Warm(part) => part,
            Self::Cold(cold) => cold.get(),
        }
    }

    /// The part, to be written once it is nobody else's. Always `Some`.
    pub(crate) fn part_mut(&mut self) -> Option<&mut Arc<T>> {
        if let Self::Cold(cold) = self {
            cold.get();
            let loaded = cold.take()?;
            *self = Self::Warm(loaded);
        }
        match self {
            Self::Warm(part) => Some(part),
            Self::Cold(_) => {
                impossible!("a part that is to be written was loaded just before");
                None
            }
        }
    }
}

impl<T: Part + Clone> Lazy<T> {
    /// The part, to be written: a copy of its own if others hold it too. Always `Some`.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.part_mut().map(Arc::make_mut)
    }
}
