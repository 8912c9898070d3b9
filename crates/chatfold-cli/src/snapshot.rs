//! `chatfold snapshot`, and reading a snapshot in place of a log or before one.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use chatfold::jsonl::{LoggedEvent, encode_event};
use chatfold::snapshot::{LogPrefix, SnapshotError, SnapshotInfo, is_snapshot};
use chatfold::{Inbox, Policy, Replay};

use crate::args::SnapshotArgs;
use crate::atomic_file::write_whole;
use crate::failure::{Failure, Verdict};
use crate::input::Source;
use crate::log::{Choice, OpenLog, Tally, count, fold_whole};
use crate::output::{named, say, stdout};
use crate::snapshot_file::SnapshotFile;

/// Runs the command.
pub fn run(args: &SnapshotArgs) -> Result<Verdict, Failure> {
    let source = Source::from(args.log.as_path());
    let there = Source::from(args.out.as_path());
    if there == Source::Stdin || args.out.exists() && !is_one(&there) {
        let what = "is there already and is no snapshot: only a snapshot is replaced";
        let what = if there == Source::Stdin { "a snapshot goes into a file" } else { what };
        return Err(Failure::Usage(format!("{}: {what}", named(&args.out))));
    }
    let log = OpenLog::open(&source, &Choice { placed: true, ..args.reading.choice() })?;
    let mut replay = Replay::new(log.owner().clone(), args.reading.policy());
    let mut prefix = LogPrefix::EMPTY;
    let tally = log.read(|_, event| {
        push(&mut prefix, &event);
        if let LoggedEvent::Known(event) = &event {
            replay.push(event);
        }
    })?;
    let inbox = replay.finish();
    let bytes = match tally.place {
        Some(place) => inbox.snapshot_at(prefix, place),
        None => inbox.snapshot(prefix),
    };
    let bytes = bytes.map_err(|error| fault(&args.out, &error))?;
    let like = if let Source::File(log) = &source { Some(log.as_path()) } else { None };
    write_whole(&args.out, true, like, |file| file.write_all(&bytes))?;
    tally.report_skipped(&source);
    let mut out = stdout();
    let place = named(&args.out);
    writeln!(out, "{place}: {} as {}", count(prefix.events, "event"), count(bytes.len() as u64, "byte"))?;
    out.flush()?;
    Ok(tally.verdict())
}

/// Takes the next event of a log into its prefix.
fn push(prefix: &mut LogPrefix, event: &LoggedEvent) {
    match event {
        LoggedEvent::Known(event) => prefix.push(encode_event(event).as_bytes()),
        LoggedEvent::Skipped(skipped) => prefix.push_skipped(skipped.raw().as_bytes()),
    }
}

fn fault(path: &Path, error: &SnapshotError) -> Failure {
    Failure::Fault { place: named(path), what: error.to_string() }
}

/// Whether a source is a snapshot, told by how it begins; standard input is always a log.
pub fn is_one(source: &Source) -> bool {
    let Source::File(path) = source else { return false };
    let mut head = [0; 8];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && is_snapshot(&head)
}

fn unread(path: &Path, error: io::Error) -> Failure {
    Failure::Input { place: named(path), what: "cannot be read".to_owned(), source: Some(error) }
}

/// The inbox of a snapshot alone, of which what is shown is read. It has to be printed by
/// [`folded::print`](crate::folded::print), which tells what is corrupt of that.
pub fn open(source: &Source, choice: &Choice, policy: Policy) -> Result<(Inbox, Tally), Failure> {
    let Source::File(path) = source else { return fold_whole(source, choice, policy) };
    if choice.first.is_some() || choice.until.is_some() {
        let what = "a snapshot holds no events: --first and --at need its log";
        return Err(Failure::Usage(what.to_owned()));
    }
    let unread = |error| unread(path, error);
    let file = SnapshotFile::open(path).map_err(unread)?;
    let info = SnapshotInfo::read(&file.head().map_err(unread)?).map_err(|error| fault(path, &error))?;
    let owner = choice.owner.as_ref().unwrap_or(&info.owner);
    // Without a wish of the caller's, a snapshot's own policy is as good as any.
    let policy = if policy == Policy::default() { info.policy } else { policy };
    let restored = Inbox::restore_from(Arc::new(file), owner, policy);
    let (inbox, prefix) = restored.map_err(|error| fault(path, &error))?;
    Ok((inbox, Tally::of(prefix)))
}

/// The inbox of a log that begins as a snapshot says; where it does not, or the snapshot is damaged, the reason is told and
/// the log is folded from its first event. Of the snapshot what is shown is read: it has to be printed by
/// [`folded::print`](crate::folded::print), which tells what is corrupt of that.
pub fn resume(
    source: &Source,
    snapshot: &Path,
    choice: &Choice,
    policy: Policy,
) -> Result<(Inbox, Tally), Failure> {
    if *source == Source::Stdin {
        let what = "--snapshot needs a log that can be read twice, not standard input";
        return Err(Failure::Usage(what.to_owned()));
    }
    let unread = |error| unread(snapshot, error);
    let file = SnapshotFile::open(snapshot).map_err(unread)?;
    let head = file.head().map_err(unread)?;
    let log = OpenLog::open(source, choice)?;
    let restored = Inbox::restore_from(Arc::new(file), log.owner(), policy);
    let (info, inbox) = match (SnapshotInfo::read(&head), restored) {
        (Ok(info), Ok((inbox, _))) => (info, inbox),
        (Err(error), _) | (_, Err(error)) => {
            return refold(source, (snapshot, &error.to_string()), choice, policy);
        }
    };
    let behind = info.place.filter(|_| choice.is_all());
    let behind = behind.and_then(|place| OpenLog::behind(source, choice, info.prefix, place));
    let resumed = match behind.filter(|behind| behind.owner() == inbox.owner()) {
        Some(behind) => Some(behind_place(behind, inbox)?),
        None => behind_events(log, info.prefix, inbox)?,
    };
    let before = count(info.prefix.events, "event");
    let Some((inbox, tally)) = resumed else {
        let reason = format!("the log does not begin with the {before} it stands for");
        return refold(source, (snapshot, &reason), choice, policy);
    };
    if choice.verbose {
        let behind = count(tally.lines.saturating_sub(info.prefix.events), "event");
        let bytes = count(tally.len_bytes, "byte");
        say(&format!("{source}: read the snapshot of {before} and {behind} behind it, {bytes} of the log"));
    }
    Ok((inbox, tally))
}

/// Says why a snapshot is not used, and folds the whole log.
pub fn refold(
    source: &Source,
    (snapshot, reason): (&Path, &str),
    choice: &Choice,
    policy: Policy,
) -> Result<(Inbox, Tally), Failure> {
    say(&format!("{}: not used: {reason}; folding the whole log", named(snapshot)));
    fold_whole(source, choice, policy)
}

/// The inbox with what stands in the log behind the place that its snapshot names.
fn behind_place(behind: OpenLog, mut inbox: Inbox) -> Result<(Inbox, Tally), Failure> {
    let tally = behind.read(|_, event| apply(&mut inbox, &event))?;
    Ok((inbox, tally))
}

/// The inbox with what stands in the log behind the events that its snapshot stands for, each of which is held against the
/// hash. Returns `None` where they are not those.
fn behind_events(
    log: OpenLog,
    stands_for: LogPrefix,
    mut inbox: Inbox,
) -> Result<Option<(Inbox, Tally)>, Failure> {
    let mut prefix = LogPrefix::EMPTY;
    let mut fits = stands_for == prefix;
    let tally = log.read(|_, event| {
        if prefix.events < stands_for.events {
            push(&mut prefix, &event);
            fits = prefix == stands_for;
        } else if fits {
            apply(&mut inbox, &event);
        }
    })?;
    Ok(fits.then_some((inbox, tally)))
}

fn apply(inbox: &mut Inbox, event: &LoggedEvent) {
    if let LoggedEvent::Known(event) = event {
        inbox.apply(event);
    }
}
