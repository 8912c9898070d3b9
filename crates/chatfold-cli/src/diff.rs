//! `chatfold diff`: in what two logs of one owner differ, and which events each lacks.
//!
//! The events of both are held in memory, to be compared one by one.

mod found;
mod json;

use std::collections::BTreeSet;
use std::io::Write as _;

use chatfold::divergence::{ConversationDivergence, Difference, compare, compare_logs};
use chatfold::jsonl::LoggedEvent;
use chatfold::{Event, Inbox, UserId};

use self::found::{Device, Found};
use crate::args::DiffArgs;
use crate::failure::{Failure, Verdict};
use crate::input::Source;
use crate::list::{BOLD, DIM, PLAIN};
use crate::log::{OpenLog, count};
use crate::output::{Output, stdout};
use crate::text::{Line, Look, escape, width};

/// Where the values of attributes begin.
const COLUMN: usize = 22;

/// Two values stand on one line where they take at most this many cells.
const MAX_VALUES: usize = 56;

/// Runs the command.
pub fn run(args: &DiffArgs) -> Result<Verdict, Failure> {
    let sources = [&args.left, &args.right].map(|path| Source::from(path.as_path()));
    if sources.iter().all(|source| *source == Source::Stdin) {
        return Err(Failure::Usage("standard input (-) can be compared only once".to_owned()));
    }
    let [left, right] = sources;
    let (left, right) = (read(left, args)?, read(right, args)?);
    let (expected, owner) = (left.inbox.owner(), right.inbox.owner());
    if expected != owner {
        let what = format!(
            "expected the log of {:?}, the owner of {}, found that of {:?}: inboxes of two owners are not compared \
             (--as OWNER reads both as OWNER's)",
            expected.as_str(),
            left.source,
            owner.as_str(),
        );
        return Err(Failure::Unlike { place: right.source.to_string(), what });
    }
    let found = Found {
        left: &left,
        right: &right,
        shown: compare(&left.inbox, &right.inbox),
        lacked: compare_logs(&left.events, &right.events),
        skipped: [
            right.skipped.difference(&left.skipped).count(),
            left.skipped.difference(&right.skipped).count(),
        ],
    };
    let mut out = stdout();
    if args.json {
        crate::output::write_json(&mut out, &json::object(&found))?;
        out.write_all(b"\n")?;
    } else {
        Report { out: &mut out, look: args.looks.look(), limit: args.limit, found: &found }.all()?;
    }
    out.flush()?;
    let sound = left.tally.faults == 0 && right.tally.faults == 0;
    Ok(Verdict::of(sound && found.is_empty()))
}

fn read(source: Source, args: &DiffArgs) -> Result<Device, Failure> {
    let log = OpenLog::open(&source, &args.reading.choice())?;
    let owner: UserId = log.owner().clone();
    let (mut events, mut skipped) = (Vec::new(), BTreeSet::new());
    let tally = log.read(|_, event| match event {
        LoggedEvent::Known(event) => events.push(event),
        LoggedEvent::Skipped(line) => {
            skipped.insert(line.raw().to_owned());
        }
    })?;
    tally.report_skipped(&source);
    let inbox = Inbox::replay(owner, args.reading.policy(), &events);
    Ok(Device { source, tally, events, skipped, inbox })
}

/// Text for people about two logs. It is read whole, so its lines are not cut: a terminal wraps them.
struct Report<'o, 'f> {
    out: &'o mut Output,
    look: Look,
    limit: usize,
    found: &'f Found<'f>,
}

impl Report<'_, '_> {
    fn all(&mut self) -> Result<(), Failure> {
        let found = self.found;
        for (letter, device) in [("A", found.left), ("B", found.right)] {
            let (source, owner) = (&device.source, escape(device.inbox.owner().as_str()).into_owned());
            let events = count(device.tally.events, "event");
            self.title(&format!("{letter}  {source}: inbox of {owner}, {events}"))?;
        }
        if found.is_empty() {
            writeln!(self.out, "\nThe same: nothing differs.")?;
            return Ok(());
        }
        self.group("The whole inbox", &found.shown.account)?;
        for user in &found.shown.users {
            self.group(&escape(user.user.as_str()), &user.differences)?;
        }
        for differs in &found.shown.conversations {
            self.conversation(differs)?;
        }
        if found.shown.is_empty() {
            writeln!(self.out, "\nThe inboxes show the same.")?;
        }
        self.lacked("A", &found.lacked.left, found.skipped[0])?;
        self.lacked("B", &found.lacked.right, found.skipped[1])?;
        Ok(())
    }

    fn title(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", self.look.paint(BOLD, text))?;
        Ok(())
    }

    fn group(&mut self, title: &str, differences: &[Difference]) -> Result<(), Failure> {
        if !differences.is_empty() {
            writeln!(self.out)?;
            self.title(title)?;
        }
        differences.iter().try_for_each(|difference| self.difference(difference))
    }

    fn conversation(&mut self, differs: &ConversationDivergence) -> Result<(), Failure> {
        writeln!(self.out)?;
        self.title(&self.found.name(differs))?;
        // The order key follows from activity and pin, which are told.
        for difference in differs.differences.iter().filter(|one| one.attribute != "order_key") {
            self.difference(difference)?;
        }
        for message in differs.messages.iter().take(self.limit) {
            let alone = message.differences.iter().any(|difference| difference.attribute == "message");
            if !alone {
                self.line(DIM, &format!("message {}", message.id))?;
            }
            message.differences.iter().try_for_each(|difference| self.difference(difference))?;
        }
        self.more(differs.messages.len(), "message")
    }

    /// An attribute and both values, on one line where they are short.
    fn difference(&mut self, difference: &Difference) -> Result<(), Failure> {
        let name = difference.attribute.replace('_', " ");
        let said = |value: &Option<String>| {
            value.as_deref().map_or("nothing".to_owned(), |value| escape(value).into_owned())
        };
        let (left, right) =
            (format!("A {}", said(&difference.left)), format!("B {}", said(&difference.right)));
        if width(&left) + width(&right) <= MAX_VALUES {
            return self.row(&name, &format!("{left}   {right}"));
        }
        self.row(&name, &left)?;
        self.row("", &right)
    }

    fn row(&mut self, label: &str, text: &str) -> Result<(), Failure> {
        let mut line = Line::new(Look { width: usize::MAX, ..self.look });
        line.to(2).push(DIM, label).to(COLUMN).push(PLAIN, text);
        writeln!(self.out, "{}", line.finish())?;
        Ok(())
    }

    fn line(&mut self, style: anstyle::Style, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "  {}", self.look.paint(style, text))?;
        Ok(())
    }

    fn more(&mut self, all: usize, thing: &str) -> Result<(), Failure> {
        match all.saturating_sub(self.limit) {
            0 => Ok(()),
            more => self.line(DIM, &format!("and {} more", count(more as u64, thing))),
        }
    }

    fn lacked(&mut self, letter: &str, events: &[&Event], skipped: usize) -> Result<(), Failure> {
        if events.is_empty() && skipped == 0 {
            return Ok(());
        }
        writeln!(self.out)?;
        self.title(&format!("{letter} lacks {}", count(events.len() as u64, "event")))?;
        for event in events.iter().take(self.limit) {
            let place = event.conversation().map(|id| format!(" in {id}")).unwrap_or_default();
            let about = format!("{} by {}{place}", event.type_name(), event.by());
            self.line(PLAIN, &format!("{}  {}  {}", event.id(), event.at(), escape(&about)))?;
        }
        self.more(events.len(), "event")?;
        if skipped > 0 {
            self.line(DIM, &format!("{} of unknown type or newer version", count(skipped as u64, "line")))?;
        }
        Ok(())
    }
}
