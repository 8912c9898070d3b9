//! A stream as this node knows it: what was folded of it, and how far.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chatfold::event::{Body, Fact};
use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::shared::{Memberships, StreamId, Timeline};
use chatfold::snapshot::LogPrefix;
use chatfold::store::{Append, AppendError, Appended, LogCursor, StoredEvent, StoredSnapshot};
use chatfold::{Event, EventId, Inbox, Policy};
use chatfold_postgres::{PostgresError, PostgresStore};

use super::error::SharedError;

/// How many events are read at once.
const PAGE: usize = 1_000;

/// How many events before a snapshot are looked through at first for what its stream came to.
const TAIL: u64 = 32;

/// Of how many stretches of a stream a line remembers what was found; of more, it begins anew.
const LOOKED: usize = 65_536;

/// Stretches of a stream without a message but at their beginning, by their first position: the last one, and what the stream
/// had come to there.
type Looked = BTreeMap<u64, (u64, Reached)>;

/// What a stream is folded into.
pub(crate) trait Folded: Clone + Send + Sync + 'static {
    /// What an empty stream is folded into; `None` where the stream is of another kind.
    fn empty(stream: &StreamId, policy: Policy) -> Option<Self>;
    /// Takes in an event.
    fn take_in(&mut self, event: &Event);
    /// It as bytes; `None` where a part of it is corrupt.
    fn to_bytes(&self, prefix: LogPrefix) -> Option<Vec<u8>>;
    /// It from bytes; `None` where they are not sound, or are of something else.
    fn of_bytes(stream: &StreamId, policy: Policy, bytes: Vec<u8>) -> Option<Self>;
}

impl Folded for Timeline {
    fn empty(stream: &StreamId, _: Policy) -> Option<Self> {
        match stream {
            StreamId::Conversation(id) => Some(Self::new(id)),
            _ => None,
        }
    }

    fn take_in(&mut self, event: &Event) {
        self.apply(event);
    }

    fn to_bytes(&self, prefix: LogPrefix) -> Option<Vec<u8>> {
        self.snapshot(prefix).ok()
    }

    fn of_bytes(stream: &StreamId, _: Policy, bytes: Vec<u8>) -> Option<Self> {
        match stream {
            StreamId::Conversation(id) => Self::restore(bytes, id).ok().map(|(timeline, _)| timeline),
            _ => None,
        }
    }
}

impl Folded for Memberships {
    fn empty(stream: &StreamId, policy: Policy) -> Option<Self> {
        Self::new(stream.account()?.clone(), policy).ok()
    }

    fn take_in(&mut self, event: &Event) {
        self.apply(event);
    }

    fn to_bytes(&self, prefix: LogPrefix) -> Option<Vec<u8>> {
        self.inbox().snapshot(prefix).ok()
    }

    fn of_bytes(stream: &StreamId, policy: Policy, bytes: Vec<u8>) -> Option<Self> {
        let (inbox, _) = Inbox::restore(bytes, stream.account()?, policy).ok()?;
        inbox.verify().ok()?;
        Self::of(inbox).ok()
    }
}

/// What the events of a stream came to, whatever they are folded into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The greatest seq of a message.
    pub(crate) seq: u64,
    /// The latest instant of an event, in milliseconds.
    pub(crate) at_ms: i64,
}

impl Reached {
    fn take_in(&mut self, event: &Event) {
        self.at_ms = self.at_ms.max(event.stamp().at.as_millis());
        self.seq = self.seq.max(seq_of(event).unwrap_or(0));
    }

    /// With what came before.
    fn or_before(self, before: Self) -> Self {
        Self { seq: self.seq.max(before.seq), at_ms: self.at_ms.max(before.at_ms) }
    }
}

/// A stream, what this node folded of it, and how far that is.
#[derive(Clone)]
pub(crate) struct Line<F> {
    store: PostgresStore,
    pub(crate) stream: StreamId,
    policy: Policy,
    pub(crate) fold: F,
    pub(crate) prefix: LogPrefix,
    pub(crate) reached: Reached,
    /// The events since a snapshot was made last.
    since: u64,
    /// What was found at positions that were looked up: no event is read back twice.
    looked: Arc<Mutex<Looked>>,
    /// What was taken in, be it before an error or on the way of a caller who went away, stays here until somebody tells it.
    untold: News,
    /// The log is another one than was known, and is not wholly loaded yet.
    is_replaced: bool,
}

/// The line of an account's own stream, one writer at a time.
pub(crate) type Own = Arc<tokio::sync::Mutex<Line<Memberships>>>;

/// What an append came to that was not refused.
pub(crate) enum Tried {
    /// It is there, and the line is what follows from it; where the log was another one than was known, all of it was loaded.
    Written(Appended),
    /// Some or all of it was there before.
    Known,
    /// Another writer came first: follow, and decide anew.
    Conflict,
}

/// What a line took in and nobody was told of yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    pub(crate) events: Vec<Event>,
    /// The log was another one than before, so all of it was loaded anew.
    pub(crate) is_new: bool,
}

impl<F: Folded> Line<F> {
    /// Loads a stream: the newest snapshot that is sound, and the events after it.
    pub(crate) async fn open(
        store: PostgresStore,
        stream: StreamId,
        policy: Policy,
    ) -> Result<Self, SharedError> {
        let empty = F::empty(&stream, policy).ok_or(SharedError::Gone)?;
        let (prefix, reached) = (LogPrefix::EMPTY, Reached::default());
        let (looked, untold) = Default::default();
        #[rustfmt::skip]
        let mut line = Self { store, stream, policy, fold: empty, prefix, reached, since: 0, looked, untold, is_replaced: false };
        line.load().await?;
        Ok(line)
    }

    /// Loads it anew, from a snapshot if one is sound and of this very log.
    async fn load(&mut self) -> Result<(), SharedError> {
        self.looked = Arc::default();
        // A snapshot is a cache: whatever is wrong with it, the log says the same.
        if let Ok(Some(kept)) = self.store.latest(&self.stream, u64::MAX).await
            && let Some(fold) = F::of_bytes(&self.stream, self.policy, kept.bytes)
        {
            (self.fold, self.prefix, self.since) = (fold, kept.prefix, 0);
            self.reached = self.reached_at(kept.prefix.events).await?;
            match self.read_on(false).await {
                Err(SharedError::Damaged { .. }) => {}
                read => return read,
            }
        }
        self.looked = Arc::default();
        self.fold = F::empty(&self.stream, self.policy).ok_or(SharedError::Gone)?;
        (self.prefix, self.reached, self.since) = (LogPrefix::EMPTY, Reached::default(), 0);
        self.read_on(false).await
    }

    /// Takes in what was appended since; [`news`](Line::news) has it then, and what was taken in before an error too.
    pub(crate) async fn follow(&mut self) -> Result<(), SharedError> {
        if !self.is_replaced {
            match self.read_on(true).await {
                // Erased, rewritten or put back: another log than the one that was known.
                Err(SharedError::Damaged { .. }) => {}
                read => return read,
            }
        }
        self.reload().await
    }

    /// Loads another log than the one that was known.
    async fn reload(&mut self) -> Result<(), SharedError> {
        self.is_replaced = true;
        self.untold = News::default();
        self.load().await?;
        self.is_replaced = false;
        self.untold = News { events: Vec::new(), is_new: true };
        Ok(())
    }

    /// What was taken in since this was asked last, to be told to whoever follows the stream; nothing while another log is
    /// being loaded.
    pub(crate) fn news(&mut self) -> News {
        if self.is_replaced { News::default() } else { std::mem::take(&mut self.untold) }
    }

    /// Takes in what comes behind what is known, and keeps it to be told or not.
    async fn read_on(&mut self, is_told: bool) -> Result<(), SharedError> {
        let mut cursor = LogCursor::after(self.prefix);
        loop {
            let page = self.store.read(&self.stream, cursor.position(), PAGE).await?;
            let end = cursor.take_in(&page).map_err(|damaged| self.damaged(damaged.position))?;
            let events = page.events.iter().filter_map(|stored| decoded(&self.stream, stored).transpose());
            for event in events.collect::<Result<Vec<_>, _>>()? {
                self.fold.take_in(&event);
                self.reached.take_in(&event);
                if is_told {
                    self.untold.events.push(event);
                }
            }
            self.since += page.events.len() as u64;
            self.prefix = cursor.prefix();
            if end {
                return Ok(());
            }
        }
    }

    /// What the stream had come to at a position: read backwards until a message says its seq, or to a stretch that was read
    /// before, so that whoever asks of many positions has no event read twice.
    pub(crate) async fn reached_at(&self, position: u64) -> Result<Reached, SharedError> {
        let (mut reached, mut first, mut step) = (Reached::default(), position, TAIL);
        let known = self.looked_up(position);
        while first > 0 && reached.seq == 0 {
            if let Some((begin, end, before)) = known.filter(|(_, end, _)| *end >= first) {
                let reached = reached.or_before(before);
                self.remember(begin, position.max(end), reached);
                return Ok(reached);
            }
            let after = first.saturating_sub(step).max(known.map_or(0, |(_, end, _)| end));
            let limit = usize::try_from(first - after).unwrap_or(usize::MAX);
            let events = self.store.read(&self.stream, after, limit).await?.events;
            if events.len() < limit {
                // It is another log by now, which whoever reads on is told; nothing is known of this one.
                return Ok(reached);
            }
            first = after;
            for stored in &events {
                if let Some(event) = decoded(&self.stream, stored)? {
                    if seq_of(&event).is_some() {
                        first = stored.position();
                    }
                    reached.take_in(&event);
                }
            }
            step = (step * 2).min(PAGE as u64);
        }
        self.remember(first, position, reached);
        Ok(reached)
    }

    /// The last stretch that begins no later than this position.
    fn looked_up(&self, position: u64) -> Option<(u64, u64, Reached)> {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.range(..=position).next_back().map(|(begin, (end, reached))| (*begin, *end, *reached))
    }

    fn remember(&self, begin: u64, end: u64, reached: Reached) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.len() >= LOOKED {
            looked.clear();
        }
        looked.insert(begin, (end, reached));
    }

    fn damaged(&self, position: u64) -> SharedError {
        SharedError::Damaged { stream: self.stream.clone(), position }
    }

    /// Appends events to the stream as it is known. `fold` is what they make of it, and becomes the line's if they are written.
    pub(crate) async fn append(
        &mut self,
        append: Append<'_>,
        events: &[Event],
        fold: F,
    ) -> Result<Tried, SharedError> {
        let appended = match self.store.append(&self.stream, &append).await {
            Ok(appended) if appended.repeated => return Ok(Tried::Known),
            Ok(appended) => appended,
            Err(AppendError::Known { .. }) => return Ok(Tried::Known),
            Err(AppendError::Conflict { .. }) => return Ok(Tried::Conflict),
            Err(AppendError::Closed(closed)) => return Err(SharedError::Closed(closed)),
            Err(AppendError::Store(error)) => return Err(error.into()),
            Err(_) => return Err(SharedError::Gone),
        };
        let mut prefix = LogPrefix { skipped: 0, ..self.prefix };
        append.events.iter().for_each(|event| prefix.push(&event.bytes));
        if self.is_replaced || prefix != appended.prefix {
            self.reload().await?;
            return Ok(Tried::Written(appended));
        }
        (self.fold, self.prefix) = (fold, prefix);
        self.since += events.len() as u64;
        events.iter().for_each(|event| self.reached.take_in(event));
        self.untold.events.extend_from_slice(events);
        Ok(Tried::Written(appended))
    }

    /// Takes in events that are about to be appended, for whoever decides what follows them.
    pub(crate) fn expect(&mut self, events: &[Event]) {
        for event in events {
            self.fold.take_in(event);
            self.reached.take_in(event);
        }
    }

    /// The event of an id, as it was appended first, and its position.
    pub(crate) async fn find(&self, id: EventId) -> Result<Option<(u64, Event)>, SharedError> {
        let Some(stored) = self.store.find(&self.stream, id).await? else { return Ok(None) };
        Ok(decoded(&self.stream, &stored)?.map(|event| (stored.position(), event)))
    }

    /// Has a task make and keep a snapshot, if so many events came since the last one.
    pub(crate) fn keep_snapshot(&mut self, every: u64) {
        if self.since < every.max(1) {
            return;
        }
        self.since = 0;
        let (store, stream, prefix) = (self.store.clone(), self.stream.clone(), self.prefix);
        let fold = Arc::new(self.fold.clone());
        tokio::spawn(async move {
            let made = tokio::task::spawn_blocking(move || fold.to_bytes(prefix)).await;
            if let Ok(Some(bytes)) = made {
                // Without it loading takes longer, and no more.
                let _: Result<bool, PostgresError> =
                    store.save(&stream, &StoredSnapshot::new(prefix, bytes)).await;
            }
        });
    }
}

/// The seq of the message that an event introduces.
pub(crate) fn seq_of(event: &Event) -> Option<u64> {
    match event.body() {
        Body::Conversation(_, Fact::MessageReceived(message)) => message.seq,
        _ => None,
    }
}

/// An event as it was appended; `None` of a type that this version does not know.
pub(crate) fn decoded(stream: &StreamId, stored: &StoredEvent) -> Result<Option<Event>, SharedError> {
    match decode_line(&stored.bytes) {
        Ok(LoggedEvent::Known(event)) => Ok(Some(event)),
        Ok(_) => Ok(None),
        Err(error) => {
            let (stream, position) = (stream.clone(), stored.position());
            Err(SharedError::Undecodable { stream, position, error: Box::new(error) })
        }
    }
}
