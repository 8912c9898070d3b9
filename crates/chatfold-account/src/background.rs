//! A thread that makes and keeps snapshots, beside the account whose they are.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use chatfold::store::SnapshotStore;

use crate::outcome::Report;
use crate::snapshot_job::SnapshotJob;

/// The thread, which ends with this: dropping waits until a snapshot that is being kept is there.
#[derive(Debug)]
pub(crate) struct Background {
    /// `None` once the thread is to end.
    jobs: Option<Sender<SnapshotJob>>,
    outcomes: Receiver<Result<(), Report>>,
    thread: Option<JoinHandle<()>>,
    is_busy: bool,
}

impl Background {
    /// Starts the thread, with a handle of the store for itself.
    ///
    /// # Errors
    ///
    /// Where the system starts no thread.
    pub(crate) fn start<S: SnapshotStore + Send + 'static>(mut store: S) -> std::io::Result<Self> {
        let (jobs, given) = channel::<SnapshotJob>();
        let (told, outcomes) = channel();
        let work = move || {
            for job in given {
                if told.send(job.run(&mut store)).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new().name("chatfold-snapshots".into()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), outcomes, thread: Some(thread), is_busy: false })
    }

    /// Whether a snapshot is being made; if not any more, `report` hears of one that was not kept.
    pub(crate) fn is_busy(&mut self, mut report: impl FnMut(Report)) -> bool {
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.is_busy = false;
            outcome.err().into_iter().for_each(&mut report);
        }
        self.is_busy
    }

    /// Gives the thread a snapshot to make.
    pub(crate) fn give(&mut self, job: SnapshotJob) {
        self.is_busy = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told of it, and its snapshot is lost and no more.
            let _ = thread.join();
        }
    }
}
