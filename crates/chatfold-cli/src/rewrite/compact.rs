//! `chatfold compact`: a smaller log that shows the same, with a report in the place of a conversation's old messages.

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use chatfold::ConversationId;
use chatfold::compact::{Compacted, Compaction};
use chatfold::event::{Body, Fact, Watermark};
use chatfold::id::ConversationKind;
use chatfold::jsonl::LoggedEvent;

use super::{Target, say_written};
use crate::args::CompactArgs;
use crate::failure::{Failure, Verdict};
use crate::input::Source;
use crate::instant::Span;
use crate::log::{Choice, OpenLog, count};
use crate::output::stdout;
use crate::show::find;
use crate::text::escape;

/// Runs `compact`.
pub fn run(args: &CompactArgs) -> Result<Verdict, Failure> {
    let source = Source::from(args.log.as_path());
    if source == Source::Stdin {
        let what = "a log is read several times to be compacted: name a file, not standard input (-)";
        return Err(Failure::Usage(what.to_owned()));
    }
    let choice = Choice::default();
    let log = OpenLog::open(&source, &choice)?;
    let (owner, form, policy) = (log.owner().clone(), log.form(), args.policy());
    let mut target = Target::new(&source, &args.out, &args.writing, Some(form))?;
    target.redacted_from = log.redacted_from();
    let (inbox, folded) = log.fold(policy)?;
    let conversation = find::find(&inbox, &args.conversation)?.id().clone();
    drop(inbox);
    let through = position(&conversation, &args.through)?;
    // What was appended meanwhile was not looked at.
    let choice = Choice { first: Some(folded.lines), silent: true, ..choice };
    let mut compaction = Compaction::new(owner.clone(), policy, conversation.clone(), through);
    OpenLog::open(&source, &choice)?.read(|_, event| {
        if let Some(event) = event.known() {
            compaction.note(event);
        }
    })?;
    let named = escape(conversation.as_str()).into_owned();
    let refused = |what: &dyn std::fmt::Display| Failure::Refused(format!("{source}: {named}: {what}"));
    let plan = compaction.plan().map_err(|error| refused(&error))?;
    let Some(report) = plan.report() else {
        return Err(refused(&"there is nothing to be given up; nothing was written"));
    };
    let (left_out, log) = (Cell::new(0), OpenLog::open(&source, &choice)?);
    let tally = target.replace(&owner, |sink| {
        let tally = log.read(|_, event| match event.known().map(|event| plan.rewrite(event)) {
            Some(Some(kept)) => sink(LoggedEvent::Known(kept.into_owned())),
            Some(None) => left_out.set(left_out.get() + 1),
            None => sink(event),
        })?;
        sink(LoggedEvent::Known(report.clone()));
        Ok(tally)
    })?;
    let mut written = tally.clone();
    written.events = tally.events + 1 - left_out.get();
    say_written(&args.out, &written)?;
    say_given_up(&plan, &named, left_out.get(), tally.skipped)?;
    say_sizes(&source, &args.out)?;
    Ok(tally.verdict())
}

/// The position that was named: a seq in a group, in a direct chat an instant, the end of what was written.
fn position(conversation: &ConversationId, text: &str) -> Result<Watermark, Failure> {
    let wrong = |what: String| Failure::Usage(format!("--through {text:?}: {what}"));
    match conversation.kind() {
        ConversationKind::Group => {
            let seq = text.strip_prefix("seq ").unwrap_or(text).parse();
            seq.map(Watermark::Seq).map_err(|_| wrong("expected a seq, as in a group".to_owned()))
        }
        ConversationKind::Direct => Span::parse(text).map(|span| Watermark::Time(span.to)).map_err(wrong),
    }
}

/// What was given up, and what the report says in its place.
fn say_given_up(plan: &Compacted, conversation: &str, left_out: u64, skipped: u64) -> Result<(), Failure> {
    let mut out = stdout();
    let messages = count(plan.given_up() as u64, "message");
    let through = plan.through();
    writeln!(
        out,
        "{conversation}: {messages} up to {through} given up, {} left out",
        count(left_out, "event")
    )?;
    if let Some(Body::Conversation(_, Fact::UnreadReported(said))) = plan.report().map(chatfold::Event::body)
    {
        let more = if said.at_least { "at least " } else { "" };
        writeln!(out, "a report says that {more}{} up to {} are unread", said.unread, said.through)?;
    }
    if skipped > 0 {
        writeln!(out, "{} of unknown type or version kept as they are", count(skipped, "line"))?;
    }
    out.flush()?;
    Ok(())
}

fn say_sizes(source: &Source, new: &Path) -> Result<(), Failure> {
    let Source::File(old) = source else { return Ok(()) };
    if let (Ok(old), Ok(new)) = (fs::metadata(old), fs::metadata(new)) {
        let mut out = stdout();
        writeln!(out, "{} before, {} after", count(old.len(), "byte"), count(new.len(), "byte"))?;
        out.flush()?;
    }
    Ok(())
}
