//! One task a conversation: numbers what is written to it, appends what waits in one append, and tells who is connected.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chatfold::shared::{SharedId, StreamId, Timeline};
use chatfold::store::{Append, NewEvent};
use chatfold::{Event, EventId};
use chatfold_postgres::PostgresStore;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::error::SharedError;
use super::line::{Line, Reached, Tried, seq_of};
use super::options::DeskOptions;
use super::writes::{Wish, Written, introduction_of};
use crate::encode;

/// How often a batch is tried anew because other nodes came first.
const ATTEMPTS: u32 = 64;

/// The longest wait before a batch is tried anew.
const LONGEST_WAIT_MS: u64 = 32;

/// How long to wait before what the store told of is read anew, where that failed: so long, then twice as long each time.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// No such wait is longer.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a sequencer is asked.
pub(crate) enum Ask {
    /// To write.
    Write { wish: Wish, answer: oneshot::Sender<Result<Written, SharedError>> },
    /// To give its timeline to the hub, for an account that connected.
    Provide { answer: oneshot::Sender<Result<(), SharedError>> },
    /// To tell what the stream has come to.
    Reached { answer: oneshot::Sender<Result<Reached, SharedError>> },
    /// To give its timeline as it is now.
    Look { answer: oneshot::Sender<Result<Timeline, SharedError>> },
}

/// How the task of a conversation is reached.
#[derive(Clone)]
pub(crate) struct Asks {
    pub(crate) asks: mpsc::Sender<Ask>,
    heard: Arc<Heard>,
}

impl Asks {
    /// The stream has so many events by now, as the store tells. Takes no room of what waits.
    pub(crate) fn heard(&self, events: u64) {
        self.heard.events.fetch_max(events, Ordering::AcqRel);
        self.heard.told.notify_one();
    }
}

/// What the store told of the stream, and the task has not looked at.
#[derive(Default)]
struct Heard {
    events: AtomicU64,
    told: Notify,
}

/// A wish that waits.
struct Waiting {
    wish: Wish,
    /// It was refused, or true already, on a state that may not have been the newest: its next outcome is final.
    is_doubted: bool,
    answer: oneshot::Sender<Result<Written, SharedError>>,
}

/// A wish that is being appended: its events, encoded.
struct Placed {
    waiting: Waiting,
    events: Vec<Event>,
    encoded: Vec<NewEvent>,
}

/// A wish that needs nothing appended, and what is answered.
type Settled = (Waiting, Result<Written, SharedError>);

/// What became of wishes that waited.
struct Decided {
    placed: Vec<Placed>,
    /// Those that are refused, or true already, once those before them are appended.
    settled: Vec<Settled>,
    /// What the timeline becomes with what was placed.
    fold: Timeline,
}

/// What a sequencer needs around it: a store, and whoever is to be told.
pub(crate) trait Around: Send + Sync + 'static {
    fn store(&self) -> &PostgresStore;
    fn options(&self) -> &DeskOptions;
    /// Takes in what was appended to a conversation.
    fn tell(&self, id: &SharedId, events: &[Event]);
    /// Takes a timeline.
    fn provide(&self, timeline: Timeline);
    /// Takes a timeline of another log in the place of the one that it has.
    fn replace(&self, timeline: Timeline);
    /// Whether a conversation may be given up, and gives it up: no connected account sees it.
    fn gives_up(&self, id: &SharedId) -> bool;
    /// The task of a conversation ends: whoever asks next begins another one.
    fn end_of(&self, id: &SharedId);
}

struct Sequencer {
    around: Arc<dyn Around>,
    id: SharedId,
    line: Line<Timeline>,
    /// Whether the hub has the timeline, and so is told of every event.
    is_provided: bool,
    /// Something that waits is to be judged on the newest state.
    must_follow: bool,
    heard: Arc<Heard>,
    /// What the store told of could not be read: how long to wait before it is tried anew.
    pause: Option<Duration>,
}

/// Begins the task of a conversation and returns how to ask it. It ends once nobody asked for a while and no connected account
/// sees the conversation.
pub(crate) fn begin(around: Arc<dyn Around>, id: SharedId) -> Asks {
    let (asks, asked) = mpsc::channel(around.options().queue_len.max(1));
    let heard = Arc::new(Heard::default());
    let given = Asks { asks, heard: Arc::clone(&heard) };
    tokio::spawn(async move {
        let stream = StreamId::Conversation(id.clone());
        match Line::open(around.store().clone(), stream, around.options().policy).await {
            Ok(line) => {
                let (is_provided, must_follow) = (false, false);
                let pause = None;
                Sequencer { around, id, line, is_provided, must_follow, heard, pause }.run(asked).await;
            }
            Err(error) => {
                around.end_of(&id);
                refuse_all(asked, &error).await;
            }
        }
    });
    given
}

/// Answers everything with an error: the stream cannot be loaded.
async fn refuse_all(mut asked: mpsc::Receiver<Ask>, error: &SharedError) {
    asked.close();
    while let Some(ask) = asked.recv().await {
        match ask {
            Ask::Write { answer, .. } => drop(answer.send(Err(error.clone()))),
            Ask::Provide { answer } => drop(answer.send(Err(error.clone()))),
            Ask::Reached { answer } => drop(answer.send(Err(error.clone()))),
            Ask::Look { answer } => drop(answer.send(Err(error.clone()))),
        }
    }
}

impl Sequencer {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        let mut waiting = VecDeque::new();
        let mut asked_at = Instant::now();
        loop {
            let idle_at = asked_at + self.around.options().idle;
            let ask = tokio::select! {
                ask = asked.recv() => match ask {
                    Some(ask) => ask,
                    None => return,
                },
                () = self.heard.told.notified() => {
                    if self.heard.events.swap(0, Ordering::AcqRel) > self.line.prefix.events {
                        self.catch_up().await;
                    }
                    continue;
                }
                () = tokio::time::sleep(self.pause.unwrap_or_default()), if self.pause.is_some() => {
                    self.catch_up().await;
                    continue;
                }
                () = tokio::time::sleep_until(idle_at) => {
                    if !self.around.gives_up(&self.id) {
                        asked_at = Instant::now();
                        continue;
                    }
                    // Whoever has asked meanwhile asks another task, as does whoever comes after.
                    self.around.end_of(&self.id);
                    return refuse_all(asked, &SharedError::Gone).await;
                }
            };
            asked_at = Instant::now();
            self.take(ask, &mut waiting).await;
            while waiting.len() < self.around.options().batch
                && let Ok(ask) = asked.try_recv()
            {
                self.take(ask, &mut waiting).await;
            }
            while !waiting.is_empty() {
                self.write(&mut waiting).await;
            }
            self.line.keep_snapshot(self.around.options().snapshot_every);
        }
    }

    async fn take(&mut self, ask: Ask, waiting: &mut VecDeque<Waiting>) {
        match ask {
            Ask::Write { wish, answer } => {
                waiting.push_back(Waiting { wish, is_doubted: false, answer });
            }
            Ask::Provide { answer } => {
                let followed = self.follow().await;
                if followed.is_ok() && !self.is_provided {
                    self.is_provided = true;
                    self.around.provide(self.line.fold.clone());
                }
                drop(answer.send(followed));
            }
            Ask::Reached { answer } => {
                let followed = self.follow().await;
                drop(answer.send(followed.map(|()| self.line.reached)));
            }
            Ask::Look { answer } => {
                let followed = self.follow().await;
                drop(answer.send(followed.map(|()| self.line.fold.clone())));
            }
        }
    }

    /// Takes in what the store told of; where that fails it is tried anew, until it does not.
    async fn catch_up(&mut self) {
        if self.follow().await.is_err() {
            let pause = self.pause.map_or(FIRST_PAUSE, |pause| (2 * pause).min(LONGEST_PAUSE));
            self.pause = Some(pause);
        }
    }

    /// Takes in what others wrote, and tells of it.
    async fn follow(&mut self) -> Result<(), SharedError> {
        let followed = self.line.follow().await;
        if followed.is_ok() {
            self.pause = None;
        }
        self.tell();
        followed
    }

    /// Tells what was taken in, if the hub has the timeline.
    fn tell(&mut self) {
        let news = self.line.news();
        match news.is_new {
            _ if !self.is_provided => {}
            true => self.around.replace(self.line.fold.clone()),
            false if news.events.is_empty() => {}
            false => self.around.tell(&self.id, &news.events),
        }
    }

    /// Writes of what waits as much as goes into one append, and answers it. What could not be done now waits on.
    async fn write(&mut self, waiting: &mut VecDeque<Waiting>) {
        let batch: Vec<Waiting> = waiting.drain(..).collect();
        if std::mem::take(&mut self.must_follow)
            && let Err(error) = self.follow().await
        {
            return refuse(batch, &error);
        }
        let mut settled = Vec::new();
        self.append(batch, waiting, &mut settled).await;
        // What is written waits for nobody who is refused.
        for (waiting, outcome) in settled {
            let outcome = self.first_of(&waiting.wish, outcome).await;
            drop(waiting.answer.send(outcome));
        }
    }

    /// Appends what waits and answers it, but what needs nothing appended.
    async fn append(
        &mut self,
        mut batch: Vec<Waiting>,
        waiting: &mut VecDeque<Waiting>,
        settled: &mut Vec<Settled>,
    ) {
        for attempt in 0..ATTEMPTS {
            let decided = self.place(batch, waiting);
            let Decided { placed, fold, .. } = decided;
            if placed.is_empty() {
                settled.extend(decided.settled);
                return;
            }
            // What was judged as if these were appended is judged anew unless they are.
            let others = |settled: Vec<Settled>| settled.into_iter().map(|(waiting, _)| waiting);
            let events: Vec<Event> = placed.iter().flat_map(|placed| placed.events.clone()).collect();
            let encoded: Vec<NewEvent> = placed.iter().flat_map(|placed| placed.encoded.clone()).collect();
            let append = Append::new(self.line.prefix.events, &encoded);
            let before = self.line.reached.seq;
            let tried = self.line.append(append, &events, fold).await;
            batch = match tried {
                Ok(Tried::Written(appended)) => {
                    self.tell();
                    settled.extend(decided.settled);
                    return answer_written(placed, appended.first, before);
                }
                Ok(Tried::Known) => {
                    let mut batch = self.answer_known(placed).await;
                    batch.extend(others(decided.settled));
                    batch
                }
                Ok(Tried::Conflict) => {
                    let placed = placed.into_iter().map(|placed| placed.waiting);
                    let batch: Vec<_> = placed.chain(others(decided.settled)).collect();
                    if let Err(error) = self.follow().await {
                        return refuse(batch, &error);
                    }
                    pause(attempt, &self.id).await;
                    batch
                }
                Err(error) => {
                    let placed = placed.into_iter().map(|placed| placed.waiting);
                    return refuse(placed.chain(others(decided.settled)), &error);
                }
            };
        }
        refuse(batch, &SharedError::Contention { attempts: ATTEMPTS });
    }

    /// Decides what waits, each on what those before it come to. What is refused, or true already, is answered once that was judged on
    /// the newest state, and waits for it until then; what has an id of one before it waits on, too.
    fn place(&mut self, batch: Vec<Waiting>, waiting: &mut VecDeque<Waiting>) -> Decided {
        let mut line = self.line.clone();
        let (mut ids, mut placed, mut settled) = (BTreeSet::<EventId>::new(), Vec::new(), Vec::new());
        for mut one in batch {
            let events = one.wish.events(&line.fold, &line.reached);
            let writes = events.as_ref().is_ok_and(|events| !events.is_empty());
            if !writes && !one.is_doubted {
                (self.must_follow, one.is_doubted) = (true, true);
                waiting.push_back(one);
                continue;
            }
            let events = match events {
                Ok(events) => events,
                Err(error) => {
                    settled.push((one, Err(error)));
                    continue;
                }
            };
            if events.is_empty() {
                let reached = line.reached.seq;
                let nothing = Written { position: 0, seq: None, reached, at: None, repeated: true };
                settled.push((one, Ok(nothing)));
                continue;
            }
            if events.iter().any(|event| ids.contains(&event.id())) {
                waiting.push_back(one);
                continue;
            }
            ids.extend(events.iter().map(Event::id));
            line.expect(&events);
            let encoded = events.iter().map(encode).collect();
            placed.push(Placed { waiting: one, events, encoded });
        }
        Decided { placed, settled, fold: line.fold }
    }

    /// What came of a wish the first time that needs nothing now: of a message that is refused now and was sent before, as by an author
    /// who has left meanwhile and never heard of it, and of somebody's joining. Of anything else, and where it is the first
    /// time, what was judged.
    async fn first_of(
        &self,
        wish: &Wish,
        outcome: Result<Written, SharedError>,
    ) -> Result<Written, SharedError> {
        let found = match (wish, &outcome) {
            // Nothing is looked up for a stranger.
            (Wish::Send { by, message, .. }, Err(_)) if self.line.fold.membership(by).is_some() => {
                let found = self.line.find(introduction_of(message)).await?;
                found.filter(|(_, first)| first.by() == by && seq_of(first).is_some())
            }
            (Wish::Join { joined, .. }, Ok(_)) => self.line.find(joined.id()).await?,
            _ => None,
        };
        match found {
            Some((position, first)) => self.outcome_of(position, &first).await,
            None => outcome,
        }
    }

    /// Answers those of which the log has the events already, with what came of them first. Returns the others.
    async fn answer_known(&mut self, placed: Vec<Placed>) -> Vec<Waiting> {
        let mut others = Vec::new();
        // What is there and not known yet came from elsewhere.
        if let Err(error) = self.follow().await {
            refuse(placed.into_iter().map(|placed| placed.waiting), &error);
            return others;
        }
        for Placed { waiting, events, encoded } in placed {
            let found = match encoded.first() {
                Some(first) => self.line.find(first.id).await,
                None => Ok(None),
            };
            let outcome = match found {
                Ok(None) => {
                    others.push(waiting);
                    continue;
                }
                Ok(Some((position, first))) => self.first_outcome(position, &first, &events).await,
                Err(error) => Err(error),
            };
            drop(waiting.answer.send(outcome));
        }
        others
    }

    /// What came of a wish that was fulfilled before.
    async fn first_outcome(
        &self,
        position: u64,
        first: &Event,
        again: &[Event],
    ) -> Result<Written, SharedError> {
        let same = again
            .first()
            .is_some_and(|event| event.type_name() == first.type_name() && event.by() == first.by());
        if !same {
            let message = chatfold::MessageId::from_bytes(*first.id().as_bytes());
            return Err(SharedError::IdTaken { message });
        }
        self.outcome_of(position, first).await
    }

    async fn outcome_of(&self, position: u64, first: &Event) -> Result<Written, SharedError> {
        let reached = self.line.reached_at(position).await?.seq;
        let at = Some(first.stamp().at);
        Ok(Written { position, seq: seq_of(first), reached, at, repeated: true })
    }
}

/// Longer after each attempt, and another time for each conversation.
async fn pause(attempt: u32, id: &SharedId) {
    if attempt == 0 {
        return;
    }
    let mixed =
        id.to_string().bytes().fold(u64::from(attempt) + u64::from(std::process::id()), |mixed, byte| {
            (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let bound_ms = LONGEST_WAIT_MS.min(1 << attempt.min(8));
    tokio::time::sleep(Duration::from_micros((mixed >> 16) % (1_000 * bound_ms))).await;
}

fn refuse(waiting: impl IntoIterator<Item = Waiting>, error: &SharedError) {
    for Waiting { answer, .. } in waiting {
        drop(answer.send(Err(error.clone())));
    }
}

fn answer_written(placed: Vec<Placed>, first: u64, mut reached: u64) {
    let mut position = first;
    for Placed { waiting, events, .. } in placed {
        let seq = events.iter().filter_map(seq_of).max();
        reached = reached.max(seq.unwrap_or(0));
        let at = events.first().map(|event| event.stamp().at);
        let written = Written { position, seq, reached, at, repeated: false };
        position += events.len() as u64;
        drop(waiting.answer.send(Ok(written)));
    }
}
