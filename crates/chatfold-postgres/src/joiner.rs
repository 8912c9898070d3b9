//! The appends that wait to be joined.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatfold::id::CommandId;
use chatfold::shared::StreamId;
use chatfold::store::{Append, Appended, NewEvent};
use tokio::sync::oneshot;

use crate::error::AppendResult;

/// The appends that wait to be joined, and how many transactions append.
#[derive(Debug, Default)]
pub(crate) struct Joiner(Mutex<Waiting>);

#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) requests: VecDeque<Request>,
    /// The inboxes of those that wait or are being written: none is in two.
    pub(crate) inboxes: HashSet<StreamId>,
    pub(crate) under_way: usize,
    /// The engine has no such statements.
    pub(crate) is_off: bool,
}

impl Joiner {
    pub(crate) fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked while it held this left it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An inbox of which an append waits or is being written, until it is dropped.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) inbox: StreamId,
    pub(crate) joiner: Arc<Joiner>,
}

impl Drop for Named {
    fn drop(&mut self) {
        self.joiner.waiting().inboxes.remove(&self.inbox);
    }
}

/// An append that waits for a transaction.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) named: Named,
    pub(crate) expected: u64,
    pub(crate) command: Option<CommandId>,
    pub(crate) events: Vec<NewEvent>,
    /// Whether somebody has taken it upon them: a transaction, or its caller, who waits no longer.
    pub(crate) is_taken: Arc<AtomicBool>,
    /// Dropped without an answer where it is to be appended alone.
    pub(crate) answer: oneshot::Sender<AppendResult<Appended>>,
}

impl Request {
    pub(crate) fn append(&self) -> Append<'_> {
        Append::new(self.expected, &self.events).with_command(self.command)
    }

    /// Whether a transaction may have it: nobody else has, and somebody waits for it.
    pub(crate) fn take(&self) -> bool {
        !self.answer.is_closed() && !self.is_taken.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn inbox(&self) -> &StreamId {
        &self.named.inbox
    }

    /// Gives up its inbox, and then answers: whoever is answered may append to it again at once.
    pub(crate) fn answered(self, outcome: Option<AppendResult<Appended>>) {
        let Self { named, answer, .. } = self;
        drop(named);
        if let Some(outcome) = outcome {
            // Whoever does not wait for it any more has given up.
            let _ = answer.send(outcome);
        }
    }
}
