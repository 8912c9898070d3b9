//! Pages for whoever cannot wait for them in a task: a thread with a connection of its own, begun when it is first needed.
//!
//! A fold is no future. Where it comes to bytes that nobody fetched before, its thread waits here, as it would for a disk,
//! and for no more than [`Options::answer_timeout`](crate::Options::answer_timeout) for each answer.

use std::fmt;
use std::sync::mpsc::{self, Sender, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use chatfold::shared::StreamId;
use chatfold_layout::directory::Named;

use crate::error::PostgresError;
use crate::pages::{self, FetchPages, Pages};
use crate::pool::PostgresStore;

/// How often an answer is asked for: the connection may have been lost since it was last used.
const ATTEMPTS: u32 = 2;

struct Question {
    inbox: StreamId,
    named: Vec<Named>,
    answer: SyncSender<Pages>,
}

/// Who fetches.
pub(crate) struct Fetcher {
    /// A store that no task uses: its one connection lives on the thread.
    store: PostgresStore,
    thread: Mutex<Option<Sender<Question>>>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

impl Fetcher {
    pub(crate) fn new(store: PostgresStore) -> Self {
        Self { store, thread: Mutex::new(None) }
    }

    fn ask(&self, mut question: Question) -> Result<(), PostgresError> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = thread.as_ref() {
            match asked.send(question) {
                Ok(()) => return Ok(()),
                Err(mpsc::SendError(back)) => question = back,
            }
        }
        let begun = begin(self.store.clone()).map_err(|error| PostgresError::Pool(error.to_string()))?;
        let ended = |_| PostgresError::Pool("the thread that fetches pages has ended".into());
        begun.send(question).map_err(ended)?;
        *thread = Some(begun);
        Ok(())
    }
}

impl FetchPages for Fetcher {
    fn fetch(&self, inbox: &StreamId, named: &[Named]) -> Pages {
        let (answer, answered) = mpsc::sync_channel(1);
        let question = Question { inbox: inbox.clone(), named: named.to_vec(), answer };
        let ended = |_| PostgresError::Pool("the thread that fetches pages has ended".into());
        self.ask(question)?;
        answered.recv().map_err(ended)?
    }
}

/// Begins the thread. It ends with the last of those who ask it.
fn begin(store: PostgresStore) -> std::io::Result<Sender<Question>> {
    let (asked, questions) = mpsc::channel::<Question>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("chatfold-pages".into()).spawn(move || {
        for Question { inbox, named, answer } in questions {
            // Whoever asked may be gone.
            let _ = answer.send(runtime.block_on(fetched(&store, &inbox, &named)));
        }
        drop(runtime);
    })?;
    Ok(asked)
}

async fn fetched(store: &PostgresStore, inbox: &StreamId, named: &[Named]) -> Pages {
    let mut attempt = 1;
    loop {
        match fetch(store, inbox, named).await {
            Err(PostgresError::Postgres(_)) if attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

/// The pages that are named, as a task fetches them.
pub(crate) async fn fetch(store: &PostgresStore, inbox: &StreamId, named: &[Named]) -> Pages {
    store
        .bounded(async {
            let taken = store.client_whoever_waits().await?;
            let pages = pages::read(&taken.session()?, inbox.key(), named).await?;
            taken.give_back();
            Ok(pages)
        })
        .await
}
