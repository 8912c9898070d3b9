//! `chatfold check`: are logs sound, and does the order of events not matter?
//!
//! The events of one log are kept packed, since they are folded many times: in memory while they are few, in a temporary
//! file beyond. Of the fold that the others are held against, what it shows is kept as a hash: one inbox at a time is in
//! memory, and an eighth of one that is merged into it. Where a fold differs the reference is folded anew beside it.

mod compare;
mod fold;
mod kept;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use chatfold::jsonl::{LoggedEvent, encode_event};
use chatfold::snapshot::LogPrefix;
use chatfold::{Event, EventId, Policy, UserId};

use self::compare::Seen;
use self::kept::{Keeper, Kept};
use crate::args::CheckArgs;
use crate::failure::{Failure, Verdict};
use crate::future_messages::Ahead;
use crate::input::Source;
use crate::list::{BOLD, DIM, PLAIN};
use crate::log::{Choice, OpenLog, Tally, count};
use crate::output::{Output, say, stdout};
use crate::text::{Line, Look, escape};

/// How many skipped lines, and how many ids borne twice, are listed one by one.
const MAX_LISTED: usize = 20;

/// Where the second column of the report begins.
const COLUMN: usize = 24;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Runs the command.
pub fn run(args: &CheckArgs) -> Result<Verdict, Failure> {
    let sources: Vec<Source> = args.logs.iter().map(|path| Source::from(path.as_path())).collect();
    if sources.iter().filter(|source| **source == Source::Stdin).count() > 1 {
        return Err(Failure::Usage("standard input (-) can be checked only once".to_owned()));
    }
    let mut report = Report { out: stdout(), look: args.looks.look() };
    let mut verdict = Verdict::Sound;
    for (index, source) in sources.iter().enumerate() {
        let found = match examine(source, args) {
            Ok(Some(log)) => report.log(source, &log, args, index > 0)?,
            Ok(None) => Verdict::Faulty,
            Err(failure) => {
                say(&failure.describe());
                failure.verdict()
            }
        };
        verdict = verdict.max(found);
    }
    report.out.flush()?;
    Ok(verdict)
}

/// A log that was read, and what is odd about it.
struct Examined {
    owner: UserId,
    policy: Policy,
    tally: Tally,
    /// What its records are counted in.
    unit: &'static str,
    events: Kept,
    oddities: Oddities,
}

/// What is no fault of form, but worth saying.
#[derive(Debug, Default)]
struct Oddities {
    /// Line and reason of what was skipped, the first of them.
    skipped: Vec<(u64, String)>,
    /// Events that are in the log more than once, word for word: doubled deliveries.
    repeated: u64,
    /// Event ids that two different events bear: the id, the line of the first and of the other.
    twice: Vec<(EventId, u64, u64)>,
    /// How many such there are.
    twice_count: u64,
    /// Messages of a clock that was ahead.
    ahead: Ahead,
}

/// Reads a log, every fault listed; nothing where it has faults and is not to be used all the same.
fn examine(source: &Source, args: &CheckArgs) -> Result<Option<Examined>, Failure> {
    let choice = Choice { keep_going: true, ..args.reading.choice() };
    let log = OpenLog::open(source, &choice)?;
    let (owner, unit) = (log.owner().clone(), log.unit());
    let failed = |error| not_kept("cannot be kept", error);
    let mut events = Keeper::new(owner.clone()).map_err(failed)?;
    let mut kept_all = Ok(());
    let mut oddities = Oddities::default();
    // The line of the first event of an id, and a hash of what it says.
    let mut first_by_id: HashMap<EventId, (u64, u64)> = HashMap::new();
    let mut kept_by_id: HashMap<EventId, (u64, Box<str>)> = HashMap::new();
    let tally = log.read(|line, event| match event {
        LoggedEvent::Known(event) => {
            let says = hash(&event);
            match first_by_id.entry(event.id()) {
                Entry::Vacant(entry) => {
                    entry.insert((line, says));
                }
                Entry::Occupied(entry) => match *entry.get() {
                    (_, same) if same == says => oddities.repeated += 1,
                    (known_line, _) => oddities.twice(event.id(), known_line, line),
                },
            }
            if let Some((kept_line, _)) = kept_by_id.get(&event.id()) {
                oddities.twice(event.id(), *kept_line, line);
            }
            oddities.ahead.note(line, &event);
            if kept_all.is_ok() {
                kept_all = events.push(&event);
            }
        }
        LoggedEvent::Skipped(skipped) => {
            if oddities.skipped.len() < MAX_LISTED {
                oddities.skipped.push((line, skipped.reason().to_string()));
            }
            let Some(id) = skipped.id() else { return };
            let known_line = first_by_id.get(&id).map(|(line, _)| line);
            let (kept_line, kept) = kept_by_id.entry(id).or_insert_with(|| (line, skipped.raw().into()));
            match known_line {
                Some(known_line) => oddities.twice(id, *known_line, line),
                None if **kept != *skipped.raw() => oddities.twice(id, *kept_line, line),
                None => oddities.repeated += u64::from(*kept_line != line),
            }
        }
    })?;
    if tally.faults > 0 && !args.reading.keep_going {
        say(&format!(
            "{source}: {} in {}; nothing was folded (--keep-going folds what is valid)",
            count(tally.faults, "fault"),
            count(tally.lines, "line"),
        ));
        return Ok(None);
    }
    let events = kept_all.and_then(|()| events.finish()).map_err(failed)?;
    Ok(Some(Examined { owner, policy: args.reading.policy(), tally, unit, events, oddities }))
}

/// The events, put away so that they can be folded many times, are not to be had.
fn not_kept(what: &str, error: io::Error) -> Failure {
    let place = format!("the events, in memory or a temporary file in {}", std::env::temp_dir().display());
    Failure::Input { place, what: what.to_owned(), source: Some(error) }
}

/// A hash of all that an event says.
fn hash(event: &Event) -> u64 {
    let mut one = LogPrefix::EMPTY;
    one.push(encode_event(event).as_bytes());
    // Truncation is meant: any bits of the hash do.
    one.hash as u64
}

impl Oddities {
    fn twice(&mut self, id: EventId, first: u64, other: u64) {
        self.twice_count += 1;
        if self.twice.len() < MAX_LISTED {
            self.twice.push((id, first, other));
        }
    }
}

/// What is written about logs.
struct Report {
    out: Output,
    look: Look,
}

impl Report {
    fn log(
        &mut self,
        source: &Source,
        log: &Examined,
        args: &CheckArgs,
        again: bool,
    ) -> Result<Verdict, Failure> {
        if again {
            writeln!(self.out)?;
        }
        let events = count(log.tally.events, "event");
        let title = format!("{source}: inbox of {}, {events}", escape(log.owner.as_str()));
        writeln!(self.out, "{}", self.look.paint(BOLD, &title))?;
        self.oddities(log)?;
        let differing = self.folds(log, args)?;
        let mut faults = Vec::new();
        if log.tally.faults > 0 {
            faults.push(format!("{} passed over", count(log.tally.faults, "faulty line")));
        }
        if log.oddities.twice_count > 0 {
            faults.push(format!("{} used twice", count(log.oddities.twice_count, "event id")));
        }
        if differing > 0 {
            faults.push(format!("{} with another result", count(differing, "fold")));
        }
        if faults.is_empty() {
            self.row("sound", GOOD, "every fold gives the same inbox")?;
        } else {
            self.row("NOT SOUND", BAD, &faults.join("; "))?;
        }
        Ok(Verdict::of(faults.is_empty()))
    }

    fn oddities(&mut self, log: &Examined) -> Result<(), Failure> {
        let (tally, oddities, unit) = (&log.tally, &log.oddities, log.unit);
        if tally.later > 0 {
            self.row("left out", PLAIN, &format!("{} later than --at", count(tally.later, "event")))?;
        }
        if tally.skipped > 0 {
            self.row("skipped", PLAIN, &tally.describe_skipped())?;
            for (line, reason) in &oddities.skipped {
                self.row("", DIM, &format!("{} {line}: {}", log.unit, escape(reason)))?;
            }
            self.more(tally.skipped, oddities.skipped.len())?;
        }
        if tally.unchecked_frames > 0 {
            let text = format!(
                "{} without a checksum: damage to them may not be noticed",
                count(tally.unchecked_frames, "zstd frame")
            );
            self.row("unchecked", PLAIN, &text)?;
        }
        if let Some(text) = oddities.ahead.summary() {
            let ahead = oddities.ahead.lines();
            self.row("a clock ahead", PLAIN, &text)?;
            let listed = ahead.get(..MAX_LISTED).unwrap_or(&ahead);
            for line in listed {
                self.row("", DIM, &format!("{unit} {line}"))?;
            }
            self.more(ahead.len() as u64, listed.len())?;
        }
        if oddities.repeated > 0 {
            let text = format!("{} here more than once, word for word", count(oddities.repeated, "event"));
            self.row("repeated", PLAIN, &text)?;
        }
        if oddities.twice_count > 0 {
            let text = format!("{} borne by different events", count(oddities.twice_count, "event id"));
            self.row("used twice", BAD, &text)?;
            for (id, first, other) in &oddities.twice {
                self.row("", PLAIN, &format!("{id}: {unit} {other} differs from {unit} {first}"))?;
            }
            self.more(oddities.twice_count, oddities.twice.len())?;
        }
        Ok(())
    }

    fn more(&mut self, all: u64, listed: usize) -> Result<(), Failure> {
        match all - listed as u64 {
            0 => Ok(()),
            more => self.row("", DIM, &format!("and {more} more")),
        }
    }

    /// Folds in every way and compares each with the first. Returns how many differ.
    fn folds(&mut self, log: &Examined, args: &CheckArgs) -> Result<u64, Failure> {
        let ways = fold::Ways::new(&log.owner, log.policy, &log.events, args.seed);
        let reference = ways.forwards();
        let read_back = || log.events.were_read().map_err(|error| not_kept("cannot be read back", error));
        read_back()?;
        self.row("forwards", PLAIN, &format!("digest {}", reference.digest()))?;
        let (expected, audited) = (Seen::of(&reference), reference.audit());
        drop(reference);
        let mut differing = 0;
        for way in ways.others() {
            let found = way.fold();
            read_back()?;
            if Seen::of(&found) == expected {
                self.row(&way.name, GOOD, "the same")?;
            } else {
                differing += 1;
                let difference = compare::difference(&ways.forwards(), &found);
                let difference = difference.unwrap_or_else(|| "something that is shown".to_owned());
                self.row(&way.name, BAD, &format!("DIFFERENT: {difference}"))?;
            }
            self.out.flush()?;
        }
        match audited {
            Ok(()) => self.row("counted afresh", GOOD, "the same")?,
            Err(error) => {
                differing += 1;
                self.row("counted afresh", BAD, &format!("DIFFERENT: {}", escape(&error.to_string())))?;
            }
        }
        Ok(differing)
    }

    fn row(&mut self, label: &str, style: Style, text: &str) -> Result<(), Failure> {
        // A report is read whole: nothing of it is cut.
        let mut line = Line::new(Look { width: usize::MAX, ..self.look });
        line.to(2).push(PLAIN, label).to(COLUMN).push(style, text);
        writeln!(self.out, "{}", line.finish())?;
        Ok(())
    }
}
