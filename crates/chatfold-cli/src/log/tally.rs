//! What of a log is read, and what was read.

use std::collections::BTreeMap;

use chatfold::binary::LogHead;
use chatfold::jsonl::{LoggedEvent, SkippedEvent};
use chatfold::snapshot::{LogPlace, LogPrefix};
use chatfold::{Timestamp, UserId};

use crate::failure::Verdict;
use crate::input::Source;
use crate::output::say;

/// How many reasons for skipping are told apart.
const MAX_REASONS: usize = 20;

/// What of a log is read, and what becomes of its faults.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only this many event lines, skipped and faulty ones counted too.
    pub first: Option<u64>,
    /// Only events up to this instant, inclusive.
    pub until: Option<Timestamp>,
    /// The owner, whatever the header says.
    pub owner: Option<UserId>,
    /// Faults are listed on standard error and passed over.
    pub keep_going: bool,
    /// Faults that are passed over were told before.
    pub silent: bool,
    /// Whole records behind a fault of a binary log are read too, though nothing proves that they are the log's.
    pub unproven: bool,
    /// What was read is told on standard error.
    pub verbose: bool,
    /// Where what is read ends is told, so that a snapshot can name the place.
    pub placed: bool,
}

impl Choice {
    /// Whether every event is chosen, for its own owner, and nothing is passed over.
    pub fn is_all(&self) -> bool {
        let Self { first, until, owner, keep_going, unproven, .. } = self;
        first.is_none() && until.is_none() && owner.is_none() && !keep_going && !unproven
    }
}

/// What was read of a log.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Event lines, all of them.
    pub lines: u64,
    /// Events handed on.
    pub events: u64,
    /// Events left out because they are later than [`Choice::until`].
    pub later: u64,
    /// Lines of unknown type or newer version.
    pub skipped: u64,
    /// Why they were skipped, and how many for each reason.
    pub reasons: BTreeMap<String, u64>,
    /// Malformed lines that were passed over.
    pub faults: u64,
    /// The latest instant of an event handed on.
    pub newest: Option<Timestamp>,
    /// How many lines a text log has, headers among them, if all of it was read.
    #[cfg(feature = "tui")]
    pub text_lines: u64,
    /// How many bytes of the file were read, where all of its records were asked for.
    pub len_bytes: u64,
    /// Where a binary log ends, if all of it was read and is sound.
    pub head: Option<LogHead>,
    /// Where what was read ends in the log, if that was [asked for](Choice::placed), all of it was handed on, and it ends
    /// between two records.
    pub place: Option<LogPlace>,
    /// How many frames of a log packed with zstd have no checksum.
    pub unchecked_frames: u64,
}

impl Tally {
    /// What was read of a log before a snapshot of its inbox was taken.
    pub fn of(prefix: LogPrefix) -> Self {
        let LogPrefix { events: lines, skipped, .. } = prefix;
        let reasons = (skipped > 0).then(|| ("before the snapshot".to_owned(), skipped));
        let events = lines.saturating_sub(skipped);
        Self { lines, events, skipped, reasons: reasons.into_iter().collect(), ..Self::default() }
    }

    /// Takes note that a text log ends before a line of this number.
    #[cfg(feature = "tui")]
    pub(super) fn is_at_line(&mut self, line: u64) {
        self.text_lines = line.saturating_sub(1);
    }

    fn skip(&mut self, skipped: &SkippedEvent) {
        self.skipped += 1;
        self.give_reason(skipped.reason().to_string(), 1);
    }

    fn give_reason(&mut self, mut reason: String, count: u64) {
        if self.reasons.len() >= MAX_REASONS && !self.reasons.contains_key(&reason) {
            "other reasons".clone_into(&mut reason);
        }
        *self.reasons.entry(reason).or_default() += count;
    }

    /// Sound unless faults were passed over.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.faults == 0)
    }

    /// Tells on standard error what was skipped, if anything.
    pub fn report_skipped(&self, source: &Source) {
        if self.skipped > 0 {
            say(&format!("{source}: {}", self.describe_skipped()));
        }
    }

    /// Such as `2 lines skipped: unknown type "poll" (2)`.
    pub fn describe_skipped(&self) -> String {
        let reasons: Vec<String> =
            self.reasons.iter().map(|(why, count)| format!("{why} ({count})")).collect();
        format!("{} skipped: {}", count(self.skipped, "line"), reasons.join(", "))
    }

    /// Adds what was read of another part of the log.
    pub(super) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.events += other.events;
        self.later += other.later;
        self.skipped += other.skipped;
        for (reason, count) in &other.reasons {
            self.give_reason(reason.clone(), *count);
        }
        self.newest = self.newest.max(other.newest);
    }

    /// Counts a record and hands it on, if it is chosen.
    pub(super) fn take(
        &mut self,
        choice: &Choice,
        line: u64,
        event: LoggedEvent,
        sink: &mut impl FnMut(u64, LoggedEvent),
    ) {
        self.lines += 1;
        let at = match &event {
            LoggedEvent::Known(event) => Some(event.at()),
            LoggedEvent::Skipped(skipped) => choice.until.and_then(|_| skipped.at()),
        };
        if at.is_some_and(|at| choice.until.is_some_and(|until| at > until)) {
            self.later += 1;
            return;
        }
        match &event {
            LoggedEvent::Known(event) => {
                self.events += 1;
                self.newest = self.newest.max(Some(event.at()));
            }
            LoggedEvent::Skipped(skipped) => self.skip(skipped),
        }
        sink(line, event);
    }
}

/// `1 line`, `2 lines`, `2 inboxes`.
pub fn count(number: u64, thing: &str) -> String {
    let ending = match number {
        1 => "",
        _ if thing.ends_with('x') => "es",
        _ => "s",
    };
    format!("{number} {thing}{ending}")
}
