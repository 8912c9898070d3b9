//! Snapshots that are made and kept in tasks, beside the commands of their accounts.

use std::sync::Arc;

use chatfold_postgres::PostgresStore;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

use crate::outcome::Report;
use crate::snapshot_job::{SnapshotJob, kept};

/// How many snapshots are made at once by accounts that take turns: each takes a core, memory for its bytes, and a
/// connection.
const AT_ONCE: usize = 4;

/// Who may make a snapshot now. A clone is the same turns.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Begins a task that waits for its turn, makes the snapshot where it keeps no other task waiting, and keeps it on a
    /// connection of its own.
    pub(super) fn begin(&self, job: SnapshotJob, store: PostgresStore) -> Saving {
        let (tell, told) = oneshot::channel();
        let turns = Arc::clone(&self.0);
        tokio::spawn(async move {
            // They are never closed.
            let turn = turns.acquire().await;
            let outcome = keep(job, &store).await;
            drop(turn);
            // The account may be gone by now.
            let _ = tell.send(outcome);
        });
        Saving(told)
    }
}

async fn keep(job: SnapshotJob, store: &PostgresStore) -> Result<(), Report> {
    let owner = job.owner().into();
    let snapshot = spawn_blocking(move || job.make()).await;
    let snapshot = snapshot.map_err(|error| Report::NotSaved(error.to_string()))??;
    kept(store.save(&owner, &snapshot).await)
}

/// A snapshot that a task makes.
#[derive(Debug)]
pub(super) struct Saving(oneshot::Receiver<Result<(), Report>>);

impl Saving {
    /// What came of it; `None` if it is not done.
    pub(super) fn poll(&mut self) -> Option<Result<(), Report>> {
        match self.0.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(given_up()),
        }
    }

    /// What came of it, once it is done.
    pub(super) async fn outcome(self) -> Result<(), Report> {
        self.0.await.unwrap_or_else(|_| given_up())
    }
}

fn given_up() -> Result<(), Report> {
    Err(Report::NotSaved("the task that made it was given up".into()))
}
