//! What is known of a log, and how pages of it are taken in: verified whole before anything is applied.

use std::fmt;
use std::sync::Arc;

use chatfold::binary::{Log, LogHead};
use chatfold::change::ChangeSpan;
use chatfold::jsonl::LoggedEvent;
use chatfold::snapshot::{HistoryFault, LogPrefix, SnapshotPolicy, SnapshotSource};
use chatfold::store::{FoundSnapshot, LogCursor, Page, SealedPage, StoredSnapshot};
use chatfold::{ConversationId, Event, Inbox, Policy, Replay, UserId};

use crate::decoded::{decode, known};
use crate::error::Failure;
use crate::outcome::Report;
use crate::snapshot_job::{SnapshotJob, made};

/// Why a page was not taken in, or not for good.
#[derive(Debug)]
pub(super) enum Trouble {
    Failure(Failure),
    /// What it touched is corrupt in the snapshot that the inbox came from.
    Corrupt(ConversationId, HistoryFault),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// An inbox, and what prefix of the log it is.
#[derive(Clone)]
pub(super) struct State {
    pub(super) inbox: Inbox,
    pub(super) prefix: LogPrefix,
    pub(super) skipped: u64,
    /// Of the events since the snapshot.
    pub(super) len_bytes: u64,
    /// The snapshot that the inbox was restored from.
    pub(super) source: Option<Arc<dyn SnapshotSource>>,
    /// Events and bytes since the newest snapshot.
    since: (u64, u64),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// What a state becomes once an append succeeds.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) state: State,
    /// What of it is told when it is there, with what was not told before.
    pub(super) span: ChangeSpan,
    pub(super) events: Vec<Event>,
}

/// A page decoded: the events that are known, and how many are not.
struct Decoded {
    events: Vec<Event>,
    skipped: u64,
    len_bytes: u64,
    prefix: LogPrefix,
    /// Whether the log ended here.
    end: bool,
}

impl Decoded {
    /// Verifies that a page goes on from `prefix`, and decodes it.
    fn of(page: &Page, prefix: LogPrefix) -> Result<Self, Failure> {
        let mut cursor = LogCursor::after(prefix);
        let end = cursor.take_in(page)?;
        let (mut events, mut skipped, mut len_bytes) = (Vec::with_capacity(page.events.len()), 0, 0);
        for event in &page.events {
            len_bytes += event.bytes.len() as u64;
            match decode(event.id, &event.bytes, event.position()).map(known)? {
                Some(event) => events.push(event),
                None => skipped += 1,
            }
        }
        Ok(Self { events, skipped, len_bytes, prefix: cursor.prefix(), end })
    }

    /// The same of events that lie in columns.
    fn of_sealed(page: &SealedPage, prefix: LogPrefix, owner: &UserId) -> Result<Self, Failure> {
        let damaged = |behind: u64| Failure::Damaged { position: prefix.events + behind + 1 };
        if page.before != prefix {
            return Err(damaged(0));
        }
        let log = Log::behind(&page.records, owner.clone(), LogHead { events: 0, check: 0 });
        let (mut events, mut skipped) = (Vec::new(), 0);
        for event in log.events() {
            let count = events.len() as u64 + skipped;
            match event.map(known).map_err(|_| damaged(count))? {
                Some(event) => events.push(event),
                None => skipped += 1,
            }
        }
        let end = ends(page, prefix, events.len() as u64 + skipped)?;
        Ok(Self { events, skipped, len_bytes: page.records.len() as u64, prefix: page.last, end })
    }
}

/// Whether the log ended with a page in columns behind `known`, in which so many events were found.
fn ends(page: &SealedPage, known: LogPrefix, found: u64) -> Result<bool, Failure> {
    let head = page.head.prefix;
    let end = head.events <= page.last.events;
    if found != page.events() || found == 0 || (end && head != page.last) {
        return Err(Failure::Damaged { position: known.events + found.min(page.events()) + 1 });
    }
    Ok(end)
}

impl State {
    /// The state of an empty log.
    pub(super) fn empty(owner: &UserId, policy: Policy) -> Self {
        let inbox = Inbox::new(owner.clone(), policy);
        Self { inbox, prefix: LogPrefix::EMPTY, skipped: 0, len_bytes: 0, source: None, since: (0, 0) }
    }

    /// Takes in a page, with the span of what is to be told, if anybody is. Returns whether the log ended there.
    pub(super) fn take_in(&mut self, page: &Page, span: Option<&mut ChangeSpan>) -> Result<bool, Trouble> {
        let decoded = Decoded::of(page, self.prefix)?;
        let end = decoded.end;
        if !page.events.is_empty() {
            match span {
                Some(span) => self.inbox.apply_untold(&decoded.events, span),
                None => self.inbox.catch_up(&decoded.events),
            }
            self.count(&decoded, page.events.len());
            self.corrupt(&decoded.events)?;
        }
        Ok(end)
    }

    /// Takes in events that lie in columns, of which nobody is told. Returns whether the log ended there.
    fn take_in_sealed(&mut self, page: &SealedPage, owner: &UserId) -> Result<bool, Trouble> {
        let decoded = Decoded::of_sealed(page, self.prefix, owner)?;
        let end = decoded.end;
        self.inbox.catch_up(&decoded.events);
        // All of them: it does not go on from less.
        self.count(&decoded, usize::try_from(page.events()).unwrap_or(usize::MAX));
        self.corrupt(&decoded.events)?;
        Ok(end)
    }

    /// Whether nothing of the snapshot has to be fetched before it is read.
    pub(super) fn is_at_hand(&self) -> bool {
        self.source.as_ref().is_none_or(|source| source.is_at_hand(0..source.len_bytes()))
    }

    fn count(&mut self, decoded: &Decoded, events: usize) {
        self.prefix = decoded.prefix;
        self.skipped += decoded.skipped;
        self.len_bytes += decoded.len_bytes;
        self.since.0 += events as u64;
        self.since.1 += decoded.len_bytes;
    }

    /// Whether what events touched is corrupt.
    pub(super) fn corrupt(&self, events: &[Event]) -> Result<(), Trouble> {
        if self.inbox.faults().next().is_none() {
            return Ok(());
        }
        let fault = |id: &ConversationId| Some((id.clone(), self.inbox.conversation(id)?.fault()?));
        match events.iter().filter_map(Event::conversation).find_map(fault) {
            Some((conversation, fault)) => Err(Trouble::Corrupt(conversation, fault)),
            None => Ok(()),
        }
    }

    /// What it becomes by events that are about to be appended.
    pub(super) fn with(
        &self,
        events: Vec<Event>,
        lines: &[&[u8]],
        span: Option<&ChangeSpan>,
    ) -> Result<Candidate, Trouble> {
        let mut state = self.clone();
        let mut span = span.cloned().unwrap_or_else(|| ChangeSpan::new(&self.inbox));
        state.inbox.apply_untold(&events, &mut span);
        for line in lines {
            state.prefix.push(line);
            state.len_bytes += line.len() as u64;
            state.since.0 += 1;
            state.since.1 += line.len() as u64;
        }
        state.skipped += lines.len().saturating_sub(events.len()) as u64;
        state.corrupt(&events)?;
        Ok(Candidate { state, span, events })
    }

    /// Whether a snapshot is due.
    pub(super) fn is_due(&self, policy: SnapshotPolicy) -> bool {
        policy.due_in(self.prefix.events, self.since.0, self.since.1)
    }

    /// A snapshot, if one is due.
    pub(super) fn due(&self, policy: SnapshotPolicy) -> Option<Result<StoredSnapshot, Report>> {
        self.is_due(policy).then(|| self.snapshot())
    }

    pub(super) fn snapshot(&self) -> Result<StoredSnapshot, Report> {
        made(&self.inbox, self.prefix, self.skipped)
    }

    /// What makes a snapshot of it elsewhere.
    pub(super) fn job(&self, owner: &UserId) -> SnapshotJob {
        SnapshotJob::new(owner.clone(), self.inbox.clone(), self.prefix, self.skipped)
    }

    /// From here on is counted until the next snapshot is due.
    pub(super) fn counted(&mut self) {
        self.since = (0, 0);
    }
}

/// An inbox on its way from the store.
#[derive(Debug)]
pub(super) struct Loading {
    fold: Fold,
    /// All but the inbox.
    state: State,
    snapshot: Option<u64>,
}

#[derive(Debug)]
enum Fold {
    /// The whole log, in bulk.
    Whole(Box<Replay>),
    /// A snapshot, which is in the state, and what came after it.
    Tail,
}

impl Loading {
    /// From the first event on.
    pub(super) fn whole(owner: &UserId, policy: Policy) -> Self {
        let fold = Fold::Whole(Box::new(Replay::new(owner.clone(), policy)));
        Self { fold, state: State::empty(owner, policy), snapshot: None }
    }

    /// From a snapshot on.
    pub(super) fn restore(snapshot: FoundSnapshot, owner: &UserId, policy: Policy) -> Result<Self, Report> {
        let FoundSnapshot { prefix, source } = snapshot;
        let position = prefix.events;
        let (inbox, inside) = Inbox::restore_from(Arc::clone(&source), owner, policy)
            .map_err(|error| Report::Snapshot { position, error })?;
        // The store counts nothing as skipped; the snapshot knows.
        let skipped = inside.skipped;
        if (LogPrefix { skipped: 0, ..inside }) != prefix {
            return Err(Report::AlienSnapshot { position });
        }
        let state = State { inbox, prefix, skipped, source: Some(source), ..State::empty(owner, policy) };
        Ok(Self { fold: Fold::Tail, state, snapshot: Some(position) })
    }

    pub(super) fn prefix(&self) -> LogPrefix {
        self.state.prefix
    }

    /// The state as far as it goes, where it goes on from a snapshot.
    pub(super) fn tail(&self) -> Option<&State> {
        matches!(self.fold, Fold::Tail).then_some(&self.state)
    }

    /// The snapshot it began from.
    pub(super) fn snapshot(&self) -> Option<u64> {
        self.snapshot
    }

    /// Takes in a page. Returns whether the log ended there.
    pub(super) fn take_in(&mut self, page: &Page) -> Result<bool, Trouble> {
        match &mut self.fold {
            // Nobody has seen this inbox yet.
            Fold::Tail => self.state.take_in(page, None),
            Fold::Whole(replay) => {
                let decoded = Decoded::of(page, self.state.prefix)?;
                decoded.events.iter().for_each(|event| replay.push(event));
                self.state.count(&decoded, page.events.len());
                Ok(decoded.end)
            }
        }
    }

    /// Takes in the next event of a log from the first on, as its line says; `None` where that is not known.
    pub(super) fn push(&mut self, event: Option<&Event>, line: &[u8]) {
        if let (Fold::Whole(replay), Some(event)) = (&mut self.fold, event) {
            replay.push(event);
        }
        self.state.prefix.push(line);
        self.state.skipped += u64::from(event.is_none());
        self.state.len_bytes += line.len() as u64;
        self.state.since.0 += 1;
        self.state.since.1 += line.len() as u64;
    }

    /// Takes in events of a log from the first on whose lines nobody has, and which lie up to `last`.
    pub(super) fn push_sealed(&mut self, events: &[LoggedEvent], len_bytes: u64, last: LogPrefix) {
        if let Fold::Whole(replay) = &mut self.fold {
            events.iter().filter_map(LoggedEvent::known).for_each(|event| replay.push(event));
        }
        self.state.skipped += events.iter().filter(|event| event.known().is_none()).count() as u64;
        self.state.prefix = last;
        self.state.len_bytes += len_bytes;
        self.state.since.0 += events.len() as u64;
        self.state.since.1 += len_bytes;
    }

    /// Whether it is the whole log that is loaded, in bulk.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.fold, Fold::Whole(_))
    }

    /// Whether what comes next may be read as columns: behind a snapshot, if there is nothing to be fetched before it is
    /// touched, for which its events have to be known.
    pub(super) fn takes_columns(&self) -> bool {
        self.is_whole() || self.state.is_at_hand()
    }

    /// Lets go of parts of the snapshot beyond so many bytes.
    pub(super) fn release_parts_beyond(&mut self, len_bytes: u64) {
        self.state.inbox.release_parts_beyond(len_bytes);
    }

    /// Takes in events that lie in columns, those of a whole log without making events of them. Returns whether the log
    /// ended there.
    pub(super) fn take_in_sealed(&mut self, page: &SealedPage, owner: &UserId) -> Result<bool, Trouble> {
        let Fold::Whole(replay) = &mut self.fold else { return self.state.take_in_sealed(page, owner) };
        let known = self.state.prefix;
        let damaged = |behind: u64| Failure::Damaged { position: known.events + behind + 1 };
        if page.before != known {
            return Err(damaged(0).into());
        }
        let log = Log::behind(&page.records, owner.clone(), LogHead { events: 0, check: 0 });
        let folded = log.fold(replay).map_err(|fault| damaged(fault.position))?;
        let end = ends(page, known, folded.events)?;
        let len_bytes = page.records.len() as u64;
        self.state.prefix = page.last;
        self.state.skipped += folded.skipped;
        self.state.len_bytes += len_bytes;
        self.state.since.0 += folded.events;
        self.state.since.1 += len_bytes;
        Ok(end)
    }

    pub(super) fn finish(self) -> State {
        match self.fold {
            Fold::Tail => self.state,
            Fold::Whole(replay) => State { inbox: replay.finish(), ..self.state },
        }
    }
}
