//! Which inboxes were appended to and nobody has taken yet: each once, however often it was told, in bounded memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatfold::shared::StreamId;
use tokio::sync::Notify;

use crate::error::PostgresError;

/// How many inboxes wait at most; where more are told of, all count as told of.
const LIMIT: usize = 1 << 16;

/// What a listener has heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// An inbox was appended to, or rewritten, fenced, opened or erased. Several appends in short order may be told as one.
    Inbox {
        /// The stream: whose inbox it is, or what accounts share.
        inbox: StreamId,
        /// How many events its log has at least: who has as many needs to read nothing. `u64::MAX` where something
        /// else than an append changed it.
        events: u64,
    },
    /// More was told than could be held: any inbox may have changed.
    All,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Those of `events`, the one that waits longest first.
    order: VecDeque<StreamId>,
    events: HashMap<StreamId, u64>,
    all: bool,
    /// Nothing more will come; why not, until that was told.
    ended: Option<Option<PostgresError>>,
}

impl Waiting {
    fn next(&mut self) -> Option<Heard> {
        if std::mem::take(&mut self.all) {
            return Some(Heard::All);
        }
        let inbox = self.order.pop_front()?;
        let events = self.events.remove(&inbox).unwrap_or(u64::MAX);
        Some(Heard::Inbox { inbox, events })
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked while it held this left a queue that is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An inbox has so many events now.
    pub(crate) fn put(&self, inbox: &StreamId, events: u64) {
        let mut waiting = self.waiting();
        if let Some(known) = waiting.events.get_mut(inbox) {
            *known = events.max(*known);
            return;
        }
        if waiting.order.len() < LIMIT {
            waiting.order.push_back(inbox.clone());
            waiting.events.insert(inbox.clone(), events);
        } else {
            waiting.order.clear();
            waiting.events.clear();
            waiting.all = true;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Any inbox may have changed.
    pub(crate) fn put_all(&self) {
        self.waiting().all = true;
        self.changed.notify_one();
    }

    /// Nothing more will come, for this reason if there is one.
    pub(crate) fn end(&self, reason: Option<PostgresError>) {
        self.waiting().ended.get_or_insert(reason);
        self.changed.notify_one();
    }

    /// The next, once there is one; `None` after the end, an error where it had a reason that was not told before.
    pub(crate) async fn next(&self) -> Option<Result<Heard, PostgresError>> {
        loop {
            {
                let mut waiting = self.waiting();
                if let Some(heard) = waiting.next() {
                    return Some(Ok(heard));
                }
                if let Some(reason) = &mut waiting.ended {
                    return reason.take().map(Err);
                }
            }
            self.changed.notified().await;
        }
    }

    /// Takes all that wait.
    pub(crate) fn take(&self) -> Vec<Heard> {
        let mut waiting = self.waiting();
        std::iter::from_fn(|| waiting.next()).collect()
    }
}

/// Has a task tell listeners until it is dropped, with the last store.
#[derive(Debug)]
pub(crate) struct Teller(Arc<Queue>);

impl Teller {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self(queue)
    }

    /// An inbox has so many events now.
    pub(crate) fn tell(&self, inbox: &StreamId, events: u64) {
        self.0.put(inbox, events);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(n: usize) -> StreamId {
        StreamId::from_key(&format!("owner{n}")).unwrap()
    }

    #[tokio::test]
    async fn each_inbox_waits_once_with_the_most_that_was_told_of_it() {
        let queue = Queue::default();
        for (n, events) in [(1, 5), (2, 1), (1, 7), (1, 6)] {
            queue.put(&owner(n), events);
        }
        let heard = |n, events| Heard::Inbox { inbox: owner(n), events };
        assert_eq!(queue.next().await.unwrap().unwrap(), heard(1, 7));
        queue.put(&owner(1), 8);
        assert_eq!(queue.take(), [heard(2, 1), heard(1, 8)]);
        queue.end(Some(PostgresError::CannotListen));
        assert!(queue.next().await.unwrap().is_err());
        assert!(queue.next().await.is_none());
    }

    #[tokio::test]
    async fn more_than_can_wait_are_all() {
        let queue = Queue::default();
        (0..LIMIT + 3).for_each(|n| queue.put(&owner(n), 1));
        let told = queue.take();
        assert_eq!(told.first(), Some(&Heard::All));
        assert_eq!(told.len(), 3, "and those that came after");
    }
}
