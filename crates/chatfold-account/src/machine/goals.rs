//! What is begun, step by step to its outcome.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use chatfold::command::{Refusal, Rejection};
use chatfold::id::CommandId;
use chatfold::snapshot::{HistoryFault, LogPrefix};
use chatfold::store::{AppendError, Appended, NewEvent, Page, SealedPage};
use chatfold::{ConversationId, Decision, Event, decide};

use super::state::{State, Trouble};
use super::{Batch, Goal, Keep, Machine, Request};
use crate::decoded::{decode, known};
use crate::error::Failure;
use crate::outcome::Report;
use crate::snapshot_job::kept as kept_or_not;

/// The longest wait before a command is judged anew.
const LONGEST_WAIT_MS: u64 = 256;

impl Machine {
    /// Takes, for an answer to [`Request::Read`], that the events asked for were moved elsewhere
    /// ([`EventStore::is_trimmed`](chatfold::store::EventStore::is_trimmed)): what is known is older than what the store
    /// begins with, and the newest snapshot takes its place. Returns `false` where that is no way out, and the store's error
    /// is the answer: of what is being loaded anew already, and of a redaction, which reads all events.
    pub fn trimmed(&mut self) -> bool {
        let asked = matches!(self.request, Some(Request::Read { .. }));
        if !asked || self.loading.is_some() || matches!(self.goal, Some(Goal::Redact(_))) {
            return false;
        }
        self.load_newest();
        true
    }

    /// The first step of what was begun; with nothing known, that is loading.
    pub(super) fn start(&mut self) {
        match self.goal {
            Some(Goal::Heal) => {
                self.goal = Some(Goal::Follow);
                self.replay();
            }
            Some(Goal::Redact(_)) => self.request = Some(Request::Sealed { after: 0 }),
            Some(Goal::Erase) => self.request = Some(Request::Erase),
            _ if self.reload => self.request = Some(Request::Snapshot { through: u64::MAX }),
            Some(Goal::Execute(_)) => self.judge(),
            Some(Goal::Receive(_)) => self.append_received(),
            Some(Goal::Save) => self.save_now(),
            Some(Goal::Follow) => self.read(self.prefix().events),
            None => {}
        }
    }

    /// The state is the newest.
    pub(super) fn caught_up(&mut self) {
        match &mut self.goal {
            Some(Goal::Execute(_)) if self.executed.repeated => self.done(),
            Some(Goal::Execute(wish)) => {
                wish.fresh = true;
                self.judge();
            }
            Some(Goal::Receive(_)) => self.append_received(),
            Some(Goal::Save) => self.save_now(),
            Some(Goal::Follow) => self.settle(),
            _ => self.done(),
        }
    }

    /// What was begun is done, but for a snapshot that is due and kept by the account.
    fn settle(&mut self) {
        let due = match self.options.keep {
            Keep::ByCaller => None,
            Keep::WithAppend | Keep::AfterAppend => self.state.due(self.options.snapshots),
        };
        match due {
            Some(Ok(snapshot)) => self.request = Some(Request::Save(snapshot)),
            Some(Err(report)) => {
                self.reports.push(report);
                self.state.counted();
                self.done();
            }
            None => self.done(),
        }
    }

    fn save_now(&mut self) {
        match self.state.snapshot() {
            Ok(snapshot) => self.request = Some(Request::Save(snapshot)),
            Err(report) => {
                self.reports.push(report);
                self.done();
            }
        }
    }

    /// Takes the answer to [`Request::Save`]: whether it was kept. An error costs no more than a snapshot.
    pub fn saved(&mut self, kept: Result<bool, String>) {
        let Some(Request::Save(_)) = self.request.take() else { return };
        // Where it was not kept, another one is due after as many events again, and not with each of them.
        self.state.counted();
        self.reports.extend(kept_or_not(kept).err());
        self.done();
    }

    pub(super) fn judge(&mut self) {
        if self.fetches_before_judging() {
            return;
        }
        let Some(Goal::Execute(wish)) = &self.goal else { return };
        let id = CommandId::from_bytes(wish.context.seed);
        let decided = decide(&self.state.inbox, &wish.command, &wish.context);
        if let Ok(Decision { refused, .. }) = &decided
            && let Some((conversation, fault)) = corrupt(refused)
        {
            // Of many conversations one is corrupt in the snapshot, and the log heals all of them.
            return self.trouble(Trouble::Corrupt(conversation, fault));
        }
        match decided {
            Ok(decision) if !decision.events.is_empty() => {
                let Decision { events, refused } = decision;
                self.executed.refused = refused;
                let new = events.iter().map(crate::encode).collect();
                self.propose(Some(id), events, new);
            }
            Err(Rejection::FaultyHistory { conversation, fault }) => {
                self.trouble(Trouble::Corrupt(conversation, fault));
            }
            // Nothing to do, or no: that is final on the newest state only.
            _ if !wish.fresh => self.read(self.prefix().events),
            Ok(decision) => {
                self.executed.refused = decision.refused;
                self.done();
            }
            Err(rejection) => self.fail(Failure::Rejected(rejection)),
        }
    }

    /// Asks for an append, with the snapshot that it makes due where that is to be kept with it.
    fn propose(&mut self, command: Option<CommandId>, events: Vec<Event>, new: Vec<NewEvent>) {
        let lines: Vec<&[u8]> = new.iter().map(|event| event.bytes.as_slice()).collect();
        let mut candidate = match self.state.with(events, &lines, self.untold.span.as_ref()) {
            Ok(candidate) => candidate,
            Err(trouble) => return self.trouble(trouble),
        };
        let due = match self.options.keep {
            Keep::WithAppend => candidate.state.due(self.options.snapshots),
            Keep::AfterAppend | Keep::ByCaller => None,
        };
        let snapshot = match due.transpose() {
            Ok(snapshot) => snapshot,
            Err(report) => {
                self.reports.push(report);
                candidate.state.counted();
                None
            }
        };
        let batch = Batch { expected: self.state.prefix.events, command, events: new, snapshot };
        self.candidate = Some(candidate);
        self.request = Some(Request::Append(Box::new(batch)));
    }

    pub(super) fn trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Failure(failure) => self.fail(failure),
            Trouble::Corrupt(_, fault) if fault.outage => self.unreadable(fault.to_string()),
            Trouble::Corrupt(conversation, fault) => {
                self.reports.push(Report::Corrupt { conversation, fault });
                self.replay();
            }
        }
    }

    pub(super) fn append_received(&mut self) {
        let Some(Goal::Receive(events)) = &self.goal else { return };
        if events.is_empty() {
            return self.follow_on();
        }
        let new = events.clone();
        let position = self.prefix().events;
        let decoded = new.iter().zip(position + 1..).map(|(e, position)| decode(e.id, &e.bytes, position));
        match decoded.collect::<Result<Vec<_>, _>>() {
            Ok(decoded) => {
                let events: Vec<_> = decoded.into_iter().filter_map(known).collect();
                let conversations: Vec<_> = events.iter().filter_map(Event::conversation).cloned().collect();
                if !self.fetches_before_proposing(&conversations) {
                    self.propose(None, events, new);
                }
            }
            Err(failure) => self.fail(failure),
        }
    }

    /// What was begun is done, but for being up to date.
    pub(super) fn follow_on(&mut self) {
        self.goal = Some(Goal::Follow);
        self.start();
    }

    /// Takes the answer to [`Request::Append`].
    pub fn appended(&mut self, answer: Result<Appended, AppendError<Infallible>>) {
        let Some(Request::Append(batch)) = self.request.take() else { return };
        match answer {
            Ok(appended) => self.written(appended, batch.snapshot.is_some()),
            Err(AppendError::Conflict { .. }) => self.conflict(),
            Err(AppendError::Closed(closed)) => self.fail(Failure::Closed(closed)),
            Err(AppendError::Known { known }) => match &mut self.goal {
                Some(Goal::Receive(events)) => {
                    let known: BTreeSet<_> = known.into_iter().collect();
                    events.retain(|event| !known.contains(&event.id));
                    self.candidate = None;
                    self.append_received();
                }
                _ => self.fail(Failure::SeedReused { ids: known }),
            },
            Err(other) => self.fail(Failure::Protocol(other.to_string())),
        }
    }

    fn written(&mut self, appended: Appended, with_snapshot: bool) {
        self.executed.positions = Some((appended.first, appended.last));
        let candidate = self.candidate.take();
        if appended.repeated {
            self.executed.repeated = true;
            return self.follow_on();
        }
        match candidate {
            Some(mut candidate) if candidate.state.prefix == appended.prefix => {
                if with_snapshot {
                    candidate.state.counted();
                }
                let positions = appended.first..=appended.last;
                self.untold.events += positions.count() as u64;
                self.untold.span = Some(candidate.span);
                self.executed.events = candidate.events;
                self.state = candidate.state;
                self.settle();
            }
            // It is there, but after another log than the one that was known.
            _ => {
                self.goal = Some(Goal::Follow);
                self.replaced();
            }
        }
    }

    fn conflict(&mut self) {
        self.candidate = None;
        self.executed.refused.clear();
        self.attempts += 1;
        if self.attempts >= self.options.attempts.max(1) {
            return self.fail(Failure::Contention { attempts: self.attempts });
        }
        if self.attempts == 1 {
            return self.read(self.prefix().events);
        }
        self.request = Some(Request::Wait(self.pause()));
    }

    /// Longer after each attempt, and another time for each writer: by the seed, so that chance stays outside.
    fn pause(&self) -> Duration {
        let seed = match &self.goal {
            Some(Goal::Execute(wish)) => wish.context.seed,
            Some(Goal::Receive(events)) => events.first().map_or([0; 16], |event| *event.id.as_bytes()),
            _ => [0; 16],
        };
        let folded = seed.iter().fold(u64::from(self.attempts), |mixed, byte| {
            (mixed ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let bound_ms = 1 << self.attempts.min(8);
        Duration::from_micros((folded >> 16) % (1_000 * LONGEST_WAIT_MS.min(bound_ms)))
    }

    /// Takes the answer to [`Request::Wait`].
    pub fn waited(&mut self) {
        if let Some(Request::Wait(_)) = self.request.take() {
            self.read(self.prefix().events);
        }
    }

    /// Takes the answer to [`Request::Rewrite`]: done, or the position that is not there.
    pub fn rewritten(&mut self, answer: Result<(), u64>) {
        let Some(Request::Rewrite(changes)) = self.request.take() else { return };
        if let Err(position) = answer {
            return self.fail(Failure::Damaged { position });
        }
        let Some(Goal::Redact(redacting)) = self.goal.take() else { return };
        // The inbox still holds what was redacted. If somebody rewrote the log besides, the next read tells.
        self.become_other(redacting.rewritten.finish());
        self.reload = false;
        self.untold.events = changes.len() as u64;
        self.untold.reset = true;
        self.follow_on();
    }

    /// Takes the answer to [`Request::Erase`].
    pub fn erased(&mut self) {
        let Some(Request::Erase) = self.request.take() else { return };
        self.become_other(State::empty(&self.owner, self.options.policy));
        self.reload = false;
        self.untold.reset = true;
        self.done();
    }
}

/// Returns the first conversation that was refused because its history is corrupt in the snapshot.
fn corrupt(refused: &[Refusal]) -> Option<(ConversationId, HistoryFault)> {
    refused.iter().find_map(|refusal| match &refusal.rejection {
        Rejection::FaultyHistory { conversation, fault } => Some((conversation.clone(), fault.clone())),
        _ => None,
    })
}

/// Redacting: see [`Redacting`](super::redacting::Redacting).
impl Machine {
    /// Looks through a page for what is to be redacted: to note which messages that is where authors are chosen, then to
    /// redact them.
    pub(super) fn scan(&mut self, page: &Page) {
        let Some(Goal::Redact(redacting)) = &mut self.goal else { return };
        match redacting.scan(page) {
            Err(failure) => self.fail(failure),
            Ok(()) if page.events.is_empty() => self.scanned(),
            Ok(()) => self.read(self.scanned_to()),
        }
    }

    /// The same for events in columns; behind them are rows where there are none.
    pub(super) fn scan_sealed(&mut self, page: Option<&SealedPage>) {
        let Some(Goal::Redact(redacting)) = &mut self.goal else { return };
        match page.map(|page| redacting.scan_sealed(page)) {
            None => self.read(self.scanned_to()),
            Some(Err(failure)) => self.fail(failure),
            Some(Ok(())) => self.request = Some(Request::Sealed { after: self.scanned_to() }),
        }
    }

    fn scanned_to(&self) -> u64 {
        match &self.goal {
            Some(Goal::Redact(redacting)) => redacting.at.events,
            _ => 0,
        }
    }

    /// The log was looked through to its end.
    fn scanned(&mut self) {
        let Some(Goal::Redact(redacting)) = &mut self.goal else { return };
        if !redacting.noted {
            (redacting.noted, redacting.at) = (true, LogPrefix::EMPTY);
            self.request = Some(Request::Sealed { after: 0 });
            return;
        }
        match std::mem::take(&mut redacting.changes) {
            changes if changes.is_empty() => self.follow_on(),
            changes => self.request = Some(Request::Rewrite(changes)),
        }
    }
}
