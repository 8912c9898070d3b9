//! `chatfold do`: carries out a command on a log.
//!
//! What is decided follows from the log, the command, the clock and one draw of chance.

mod clock;
mod command;
pub mod journal;
pub mod stored;

use std::io::Write as _;

use chatfold::jsonl::encode_event;
use chatfold::{Decision, Inbox, decide};

pub use self::clock::{now, seed};
#[cfg(feature = "tui")]
pub use self::command::fresh_message;
use self::journal::Journal;
use crate::args::DoArgs;
use crate::failure::{Failure, Verdict};
use crate::log::count;
use crate::output::{say, stdout};
use crate::sentence::{refusal, sentence};
use crate::store::StoreAddress;
use crate::text::escape;

/// Runs the command.
pub fn run(args: &DoArgs) -> Result<Verdict, Failure> {
    let (inbox, decision) = match StoreAddress::of_name(&args.log) {
        Some(place) => stored::run(args, &place)?,
        None => on_file(args)?,
    };
    tell(args, &inbox, &decision)?;
    for refused in &decision.refused {
        say(&format!("{}: {}", refused.conversation, refusal(&refused.rejection)));
    }
    Ok(if decision.refused.is_empty() { Verdict::Sound } else { Verdict::Refused })
}

/// Decides and, unless in a dry run, appends: the inbox before, and what was decided.
fn on_file(args: &DoArgs) -> Result<(Inbox, Decision), Failure> {
    let mut journal = Journal::open(&args.log, args.owner.as_ref(), args.dry_run)?;
    let inbox = journal.fold()?;
    let now = args.instant(now)?;
    let seed = args.seed.map_or_else(seed, Ok)?;
    let command = command::command(args, &inbox, now, seed)?;
    let context = args.context(inbox.owner().clone(), now, seed);
    let decision = decide(&inbox, &command, &context).map_err(|why| Failure::Refused(refusal(&why)))?;
    let note = if args.dry_run { journal.left() } else { journal.append(&decision.events)? };
    note.iter().for_each(|note| say(note));
    Ok((inbox, decision))
}

fn tell(args: &DoArgs, inbox: &Inbox, decision: &Decision) -> Result<(), Failure> {
    let mut out = stdout();
    for event in &decision.events {
        let line = if args.json { encode_event(event) } else { sentence(event, inbox) };
        writeln!(out, "{}", if args.json { line.into() } else { escape(&line) })?;
    }
    if !args.json {
        let events = count(decision.events.len() as u64, "event");
        match (decision.events.is_empty(), args.dry_run) {
            (true, _) if decision.refused.is_empty() => writeln!(out, "nothing to do: it is so already")?,
            (true, _) => {}
            (false, true) => writeln!(out, "{events}, not appended")?,
            (false, false) => writeln!(out, "{events} appended")?,
        }
    }
    out.flush()?;
    Ok(())
}
