//! What a driver is asked to do.

use std::ops::Range;
use std::time::Duration;

use chatfold::id::CommandId;
use chatfold::store::{Append, NewEvent, StoredSnapshot};

/// An append, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The version of the log that it was decided on.
    pub expected: u64,
    /// The command it came of.
    pub command: Option<CommandId>,
    /// The events.
    pub events: Vec<NewEvent>,
    /// The snapshot to keep with them, if one is due and [`Keep::WithAppend`](super::Keep::WithAppend) asks for it.
    pub snapshot: Option<StoredSnapshot>,
}

impl Batch {
    /// The same as the ports take it.
    pub fn as_append(&self) -> Append<'_> {
        let Self { expected, command, events, snapshot } = self;
        Append::new(*expected, events).with_command(*command).with_snapshot(snapshot.as_ref())
    }
}

/// What a driver is to do next, and which method takes the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Find the newest snapshot of no more than so many events: [`Machine::snapshot_found`](super::Machine::snapshot_found).
    Snapshot {
        /// Of no more events than these.
        through: u64,
    },
    /// Read events: [`Machine::page_read`](super::Machine::page_read).
    Read {
        /// After this position.
        after: u64,
        /// No more than these.
        limit: usize,
    },
    /// Read the events after this position as columns, where the store keeps them so:
    /// [`Machine::sealed_read`](super::Machine::sealed_read). A store that keeps none answers with none.
    Sealed {
        /// After this position.
        after: u64,
    },
    /// Fetch ranges of the snapshot that was found last, if they lie elsewhere, so that nobody waits for them later:
    /// [`Machine::fetched`](super::Machine::fetched). A driver whose sources fetch nothing answers at once.
    Fetch(Vec<Range<u64>>),
    /// Append: [`Machine::appended`](super::Machine::appended).
    Append(Box<Batch>),
    /// Keep a snapshot: [`Machine::saved`](super::Machine::saved).
    Save(StoredSnapshot),
    /// Wait before trying again: [`Machine::waited`](super::Machine::waited).
    Wait(Duration),
    /// Rewrite events: [`Machine::rewritten`](super::Machine::rewritten).
    Rewrite(Vec<(u64, Vec<u8>)>),
    /// Erase the log: [`Machine::erased`](super::Machine::erased).
    Erase,
}

impl Request {
    /// Its name, for whoever watches.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Snapshot { .. } => "snapshot",
            Self::Read { .. } => "read",
            Self::Sealed { .. } => "read_sealed",
            Self::Fetch(_) => "fetch",
            Self::Append(_) => "append",
            Self::Save(_) => "save",
            Self::Wait(_) => "wait",
            Self::Rewrite(_) => "rewrite",
            Self::Erase => "erase",
        }
    }
}
