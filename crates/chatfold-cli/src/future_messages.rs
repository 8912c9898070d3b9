//! Messages of a clock that was ahead: they stand beyond everything that came after them in the log.

use std::collections::BTreeSet;

use chatfold::event::{Body, Fact};
use chatfold::{Event, Timestamp};

use crate::log::count;

/// How far clocks may differ without a word.
const TOLERANCE_MS: i64 = 120_000;

/// Looks through a log, event by event. Complexity: O(log n) an event.
#[derive(Debug, Default)]
pub struct Ahead {
    /// The messages that stand beyond all that came after them so far, by instant.
    beyond: BTreeSet<(Timestamp, u64)>,
    /// The number of the last event.
    last: u64,
}

impl Ahead {
    /// Takes the next event, on this line of the log.
    pub fn note(&mut self, line: u64, event: &Event) {
        self.last = line;
        let at = event.at();
        while self.beyond.first().is_some_and(|(first, _)| first.as_millis() - at.as_millis() <= TOLERANCE_MS)
        {
            self.beyond.pop_first();
        }
        let Body::Conversation(_, fact) = event.body() else { return };
        if let Fact::MessageReceived(_) | Fact::MessageQueued(_) | Fact::MessageImported { .. } = fact {
            self.beyond.insert((at, line));
        }
    }

    /// What is to be said of them, if there are any.
    pub fn summary(&self) -> Option<String> {
        let messages = count(self.lines().len() as u64, "message");
        let text = format!("{messages} more than 2 min beyond everything that came after");
        Some(text).filter(|_| !self.lines().is_empty())
    }

    /// The lines of the messages that stand more than two minutes beyond everything behind them.
    pub fn lines(&self) -> Vec<u64> {
        let mut lines: Vec<u64> =
            self.beyond.iter().map(|(_, line)| *line).filter(|line| *line != self.last).collect();
        lines.sort_unstable();
        lines
    }
}
