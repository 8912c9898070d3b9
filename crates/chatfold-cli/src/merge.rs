//! `chatfold merge`: the events of several logs of one owner as one log.
//!
//! All events are held in memory, since they are sorted.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write as _;

use chatfold::jsonl::{LoggedEvent, SkippedEvent, Writer, encode_event};
use chatfold::snapshot::LogPrefix;
use chatfold::time::Stamp;
use chatfold::{EventId, Timestamp};

use crate::args::MergeArgs;
use crate::failure::{Failure, Verdict};
use crate::input::Source;
use crate::log::{Choice, OpenLog};
use crate::output::stdout;

/// Runs the command.
pub fn run(args: &MergeArgs) -> Result<Verdict, Failure> {
    let sources: Vec<Source> = args.logs.iter().map(|path| Source::from(path.as_path())).collect();
    if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
        return Err(Failure::Usage("standard input (-) can be merged only once".to_owned()));
    }
    let choice = Choice { owner: args.owner.clone(), keep_going: args.keep_going, ..Choice::default() };
    let (mut merged, mut owner, mut faults) = (Merged::default(), None, 0);
    for source in &sources {
        let log = OpenLog::open(source, &choice)?;
        let first = owner.get_or_insert_with(|| (log.owner().clone(), source));
        if first.0 != *log.owner() {
            let what = format!(
                "expected the log of {:?}, the owner of {}, found that of {:?}: logs of two owners are not \
                 merged (--as OWNER overrides the headers)",
                first.0.as_str(),
                first.1,
                log.owner().as_str()
            );
            return Err(Failure::Unlike { place: source.to_string(), what });
        }
        let mut before = Stamp::new(Timestamp::EPOCH, EventId::from_bytes([0; 16]));
        let tally = log.read(|_, event| merged.add(event, &mut before))?;
        tally.report_skipped(source);
        faults += tally.faults;
    }
    let mut out = stdout();
    if let Some((owner, _)) = owner {
        let mut writer = Writer::new(&mut out, &owner)?;
        for placed in merged.sorted() {
            writer.write(&placed.event)?;
        }
    }
    out.flush()?;
    Ok(Verdict::of(faults == 0))
}

/// A line of the merged log and where it stands.
struct Placed {
    stamp: Stamp,
    /// It has no stamp of its own and stands after the line before it in its log.
    after: bool,
    event: LoggedEvent,
}

/// The lines of all logs, each once.
#[derive(Default)]
struct Merged {
    placed: Vec<Placed>,
    /// Where the events are that bear an id and whose text has a hash: nearly always one.
    known: HashMap<(EventId, u128), Vec<usize>>,
    /// Where the lines are that are skipped, by what they say.
    skipped: HashMap<Box<str>, usize>,
}

impl Merged {
    /// Takes a line in; `before` is the stamp of the one before it in its log.
    fn add(&mut self, event: LoggedEvent, before: &mut Stamp) {
        let (stamp, after) = match &event {
            LoggedEvent::Known(known) => (known.stamp(), false),
            LoggedEvent::Skipped(skipped) => match stamp_of(skipped) {
                Some(stamp) => (stamp, false),
                None => (*before, true),
            },
        };
        *before = stamp;
        let is_new = match &event {
            LoggedEvent::Known(known) => {
                let mut said = LogPrefix::EMPTY;
                said.push(encode_event(known).as_bytes());
                let bearers = self.known.entry((known.id(), said.hash)).or_default();
                let mut same = bearers.iter().filter_map(|index| self.placed.get(*index));
                let is_new = !same.any(|placed| placed.event.known() == Some(known));
                if is_new {
                    bearers.push(self.placed.len());
                }
                is_new
            }
            LoggedEvent::Skipped(skipped) => match self.skipped.entry(skipped.raw().into()) {
                Entry::Vacant(entry) => {
                    entry.insert(self.placed.len());
                    true
                }
                // One without a stamp stands where the log has it that has it first, in whatever order logs are read.
                Entry::Occupied(entry) => {
                    if let Some(placed) = self.placed.get_mut(*entry.get()) {
                        placed.stamp = placed.stamp.min(stamp);
                    }
                    false
                }
            },
        };
        if is_new {
            self.placed.push(Placed { stamp, after, event });
        }
    }

    /// By stamp; equal stamps by text, so that the order of the logs does not matter.
    fn sorted(mut self) -> Vec<Placed> {
        self.placed.sort_by(|a, b| match (a.stamp, a.after).cmp(&(b.stamp, b.after)) {
            Ordering::Equal => text(&a.event).cmp(&text(&b.event)),
            unlike => unlike,
        });
        self.placed
    }
}

fn text(event: &LoggedEvent) -> String {
    match event {
        LoggedEvent::Known(event) => encode_event(event),
        LoggedEvent::Skipped(skipped) => skipped.raw().to_owned(),
    }
}

/// The stamp of a line that is skipped, if it has one as version 1 does.
fn stamp_of(skipped: &SkippedEvent) -> Option<Stamp> {
    Some(Stamp::new(skipped.at()?, skipped.id()?))
}
