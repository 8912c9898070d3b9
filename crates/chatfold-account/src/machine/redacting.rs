//! Redacting: the log is looked through for what is to be left out, in columns as far as the store keeps such, and folded
//! on the way as it stands afterwards.
//!
//! Up to the first event that changes nothing is needed of a sealed event but what it says; behind it every hash changes, so
//! that lines are made again.

use chatfold::binary::{Log, LogHead};
use chatfold::jsonl::{LoggedEvent, encode_event};
use chatfold::redact::Redaction;
use chatfold::snapshot::LogPrefix;
use chatfold::store::{LogCursor, Page, SealedPage};
use chatfold::{Policy, UserId};

use super::state::Loading;
use crate::decoded::decode;
use crate::error::Failure;

/// A redaction on its way. Where an author is chosen the log is read twice: an edit may stand before the message that it
/// edits.
pub(super) struct Redacting {
    owner: UserId,
    redaction: Redaction,
    pub(super) noted: bool,
    /// How far the log was read.
    pub(super) at: LogPrefix,
    pub(super) changes: Vec<(u64, Vec<u8>)>,
    /// The log as it stands once it is rewritten.
    pub(super) rewritten: Loading,
}

impl Redacting {
    pub(super) fn new(owner: &UserId, policy: Policy, redaction: Redaction) -> Self {
        Self {
            owner: owner.clone(),
            noted: !redaction.needs_notes(),
            redaction,
            at: LogPrefix::EMPTY,
            changes: Vec::new(),
            rewritten: Loading::whole(owner, policy),
        }
    }

    /// Notes or redacts the events of a page.
    pub(super) fn scan(&mut self, page: &Page) -> Result<(), Failure> {
        let mut cursor = LogCursor::after(self.at);
        cursor.take_in(page)?;
        self.at = cursor.prefix();
        for stored in &page.events {
            let event = decode(stored.id, &stored.bytes, stored.position())?;
            self.take(stored.position(), &event, &stored.bytes);
        }
        Ok(())
    }

    /// The same for events that lie in columns.
    pub(super) fn scan_sealed(&mut self, page: &SealedPage) -> Result<(), Failure> {
        let damaged = |behind: u64| Failure::Damaged { position: page.before.events + behind + 1 };
        if page.before != self.at {
            return Err(Failure::Damaged { position: self.at.events + 1 });
        }
        let log = Log::behind(&page.records, self.owner.clone(), LogHead { events: 0, check: 0 });
        let events: Result<Vec<_>, _> = log.events().collect();
        let events = events.map_err(|fault| damaged(fault.position))?;
        let count = events.len() as u64;
        if count == 0 || count != page.events() {
            return Err(damaged(count.min(page.events())));
        }
        self.at = page.last;
        let is_chosen =
            |event: &LoggedEvent| event.known().is_some_and(|event| self.redaction.redact(event).is_some());
        if !self.noted {
            events.iter().filter_map(LoggedEvent::known).for_each(|event| self.redaction.note(event));
        } else if self.changes.is_empty() && !events.iter().any(is_chosen) {
            self.rewritten.push_sealed(&events, page.records.len() as u64, page.last);
        } else {
            for (event, position) in events.iter().zip(page.before.events + 1..) {
                self.take(position, event, &line(event));
            }
        }
        Ok(())
    }

    /// Notes or redacts an event of this line.
    fn take(&mut self, position: u64, event: &LoggedEvent, line: &[u8]) {
        let known = event.known();
        if !self.noted {
            known.into_iter().for_each(|event| self.redaction.note(event));
            return;
        }
        match known.and_then(|event| self.redaction.redact(event)) {
            Some(redacted) => {
                let bytes = encode_event(&redacted).into_bytes();
                self.rewritten.push(Some(&redacted), &bytes);
                self.changes.push((position, bytes));
            }
            None => self.rewritten.push(known, line),
        }
    }
}

/// The line of an event, as it was before it lay in columns.
fn line(event: &LoggedEvent) -> Vec<u8> {
    match event {
        LoggedEvent::Known(event) => encode_event(event).into_bytes(),
        LoggedEvent::Skipped(skipped) => skipped.raw().as_bytes().to_vec(),
    }
}
