//! One log of the store in memory, and its snapshots.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::model::id::{CommandId, EventId};
use crate::store::snapshot::LogPrefix;
use crate::store::{
    Append, AppendError, Appended, Closed, Head, Known, NewEvent, Plan, Received, RewriteError,
    SNAPSHOTS_KEPT, StoredEvent, StoredSnapshot, plan_receive,
};

/// A log.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) events: Vec<StoredEvent>,
    pub(super) positions: BTreeMap<EventId, u64>,
    pub(super) commands: BTreeMap<CommandId, (u64, u64)>,
    pub(super) snapshots: Vec<StoredSnapshot>,
    pub(super) closed: Option<Closed>,
}

impl Log {
    pub(super) fn head(&self) -> Head {
        let prefix = self.events.last().map_or(LogPrefix::EMPTY, |event| event.prefix);
        Head { prefix, closed: self.closed.clone() }
    }

    fn known(&self, append: &Append<'_>) -> Known {
        let known = |event: &NewEvent| Some((event.id, *self.positions.get(&event.id)?));
        Known {
            head: self.head(),
            command: append.command.and_then(|command| self.commands.get(&command).copied()),
            ids: append.events.iter().filter_map(known).collect(),
        }
    }

    pub(super) fn push(&mut self, event: StoredEvent) {
        let position = event.position();
        self.positions.insert(event.id, position);
        if let Some(command) = event.command {
            self.commands.entry(command).or_insert((position, position)).1 = position;
        }
        self.events.push(event);
    }

    /// The prefix of so many events.
    pub(super) fn prefix(&self, events: u64) -> Option<LogPrefix> {
        match usize::try_from(events).ok()?.checked_sub(1) {
            None => Some(LogPrefix::EMPTY),
            Some(last) => self.events.get(last).map(|event| event.prefix),
        }
    }

    pub(super) fn keep(&mut self, snapshot: &StoredSnapshot) {
        self.snapshots.retain(|kept| kept.prefix.events != snapshot.prefix.events);
        self.snapshots.push(snapshot.clone());
        self.snapshots.sort_unstable_by_key(|kept| kept.prefix.events);
        let excess = self.snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        self.snapshots.drain(..excess);
    }

    pub(super) fn append(&mut self, append: &Append<'_>) -> Result<Appended, AppendError<Infallible>> {
        let known = self.known(append);
        match append.plan(&known)? {
            Plan::Repeat { first, last } => {
                Ok(Appended { first, last, prefix: known.head.prefix, repeated: true })
            }
            Plan::Write { prefixes, keep_snapshot } => {
                for (event, prefix) in append.events.iter().zip(prefixes) {
                    let (id, bytes) = (event.id, event.bytes.clone());
                    self.push(StoredEvent { id, command: append.command, prefix, bytes });
                }
                if let Some(snapshot) = append.snapshot.filter(|_| keep_snapshot) {
                    self.keep(snapshot);
                }
                let prefix = self.head().prefix;
                Ok(Appended { first: append.expected + 1, last: prefix.events, prefix, repeated: false })
            }
        }
    }

    pub(super) fn receive(&mut self, events: &[NewEvent]) -> Received {
        let ids = events.iter().map(|event| event.id);
        let known: Vec<_> = ids.filter(|id| self.positions.contains_key(id)).collect();
        let (rows, outcome) = plan_receive(&self.head(), &known, events);
        for (event, prefix) in rows {
            self.push(StoredEvent { id: event.id, command: None, prefix, bytes: event.bytes.clone() });
        }
        outcome
    }

    pub(super) fn rewrite(&mut self, changes: &[(u64, Vec<u8>)]) -> Result<Head, RewriteError<Infallible>> {
        let index = |position: u64| usize::try_from(position).ok()?.checked_sub(1);
        let there = |position| index(position).is_some_and(|at| at < self.events.len());
        if let Some((position, _)) = changes.iter().find(|(position, _)| !there(*position)) {
            return Err(RewriteError::NoSuchEvent { position: *position });
        }
        for (position, bytes) in changes {
            if let Some(event) = index(*position).and_then(|at| self.events.get_mut(at)) {
                event.bytes.clone_from(bytes);
            }
        }
        let mut prefix = LogPrefix::EMPTY;
        for event in &mut self.events {
            prefix.push(&event.bytes);
            event.prefix = prefix;
        }
        self.snapshots.clear();
        Ok(self.head())
    }
}
