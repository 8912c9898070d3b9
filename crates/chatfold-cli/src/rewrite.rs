//! `chatfold convert`, `recover`, `redact` and `compact`: a log written anew. What is read is never touched.

pub mod compact;
mod stored;

use std::cell::Cell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chatfold::UserId;
use chatfold::binary::{self, Header, LogHead, Packing};
use chatfold::jsonl::{self, LoggedEvent};
use chatfold::redact::Redaction;

use crate::args::{ConvertArgs, FormFlag, RecoverArgs, RedactArgs, WriteArgs};
use crate::atomic_file::write_whole;
use crate::failure::{Failure, Verdict};
#[cfg(feature = "zstd")]
use crate::input::OURS;
use crate::input::Source;
use crate::log::{Choice, Form, OpenLog, Tally, count};
use crate::output::{named, stdout};
use crate::store::StoreAddress;

/// Runs `convert`.
pub fn convert(args: &ConvertArgs) -> Result<Verdict, Failure> {
    let source = Source::from(args.log.as_path());
    let reading = &args.reading;
    let choice = Choice {
        first: reading.first,
        owner: reading.owner.clone(),
        keep_going: reading.keep_going,
        ..Choice::default()
    };
    if let Some(place) = StoreAddress::of_name(&args.new) {
        return stored::convert(args, &place, OpenLog::open(&source, &choice)?);
    }
    let mut target = Target::new(&source, &args.new, &args.writing, None)?;
    let log = OpenLog::open(&source, &choice)?;
    target.redacted_from = log.redacted_from();
    let owner = log.owner().clone();
    let tally = if args.new.as_os_str() == "-" {
        // Nothing is printed of a log that turns out faulty.
        let mut bytes = Vec::new();
        let tally = target.write(&mut bytes, &owner, |sink| log.read(|_, event| sink(event)))??;
        let mut out = stdout();
        out.write_all(&bytes)?;
        out.flush()?;
        return Ok(tally.verdict());
    } else {
        target.replace(&owner, |sink| log.read(|_, event| sink(event)))?
    };
    say_written(&args.new, &tally)?;
    tally.report_skipped(&source);
    Ok(tally.verdict())
}

/// Runs `recover`.
pub fn recover(args: &RecoverArgs) -> Result<Verdict, Failure> {
    let source = Source::from(args.log.as_path());
    let (owner, unproven) = (args.owner.clone(), args.unproven);
    let choice = Choice { owner, keep_going: true, unproven, ..Choice::default() };
    let log = OpenLog::open(&source, &choice)?;
    let (owner, form) = (log.owner().clone(), log.form());
    let mut target = Target::new(&source, &args.out, &args.writing, Some(form))?;
    target.redacted_from = log.redacted_from();
    let tally = target.replace(&owner, |sink| log.read(|_, event| sink(event)))?;
    say_written(&args.out, &tally)?;
    let mut out = stdout();
    match tally.faults {
        0 => writeln!(out, "{source}: sound, nothing was lost")?,
        faults => writeln!(out, "{source}: {}, listed above; it was not touched", count(faults, "fault"))?,
    }
    out.flush()?;
    Ok(tally.verdict())
}

/// Runs `redact`.
pub fn redact(args: &RedactArgs) -> Result<Verdict, Failure> {
    let source = Source::from(args.log.as_path());
    if source == Source::Stdin {
        let what = "a log is read twice to be redacted: name a file, not standard input (-)";
        return Err(Failure::Usage(what.to_owned()));
    }
    let mut redaction = Redaction::default();
    args.authors.iter().for_each(|author| redaction.choose_author(author.clone()));
    for (conversation, message) in &args.messages {
        redaction.choose_message(conversation.clone(), *message);
    }
    let choice = Choice::default();
    let log = OpenLog::open(&source, &choice)?;
    let (owner, form) = (log.owner().clone(), log.form());
    let mut target = Target::new(&source, &args.out, &args.writing, Some(form))?;
    let noted = log.read(|_, event| {
        if let Some(event) = event.known() {
            redaction.note(event);
        }
    })?;
    target.redacted_from = noted.head;
    let redacted = Cell::new(0);
    // What was appended meanwhile was not looked at.
    let choice = Choice { first: Some(noted.lines), silent: true, ..choice };
    let log = OpenLog::open(&source, &choice)?;
    let tally = target.replace(&owner, |sink| {
        let tally = log.read(|_, event| match event.known().and_then(|event| redaction.redact(event)) {
            Some(event) => {
                redacted.set(redacted.get() + 1);
                sink(LoggedEvent::Known(event));
            }
            None => sink(event),
        })?;
        // Whoever asks for erasure and mistypes an id has to know.
        let what = "nothing that was chosen has content in this log; nothing was written";
        let found = redacted.get() > 0;
        found.then_some(tally).ok_or_else(|| Failure::NotFound(format!("{source}: {what}")))
    })?;
    say_written(&args.out, &tally)?;
    let mut out = stdout();
    writeln!(out, "{} without their content", count(redacted.get(), "event"))?;
    if tally.skipped > 0 {
        writeln!(out, "{} of unknown type or version kept as they are", count(tally.skipped, "line"))?;
    }
    out.flush()?;
    Ok(tally.verdict())
}

fn say_written(path: &Path, tally: &Tally) -> Result<(), Failure> {
    let mut out = stdout();
    writeln!(out, "{}: {}", named(path), count(tally.events + tally.skipped, "event"))?;
    out.flush()?;
    Ok(())
}

/// The log to be written.
struct Target<'a> {
    path: &'a Path,
    form: Form,
    packing: Packing,
    force: bool,
    redacted_from: Option<LogHead>,
    /// The file it is made of.
    like: Option<PathBuf>,
}

/// Where events go.
type Sink<'a> = dyn FnMut(LoggedEvent) + 'a;

impl<'a> Target<'a> {
    /// The form is that of the option, else of the name, else `otherwise`.
    fn new(
        source: &Source,
        path: &'a Path,
        args: &WriteArgs,
        otherwise: Option<Form>,
    ) -> Result<Self, Failure> {
        if let Some(place) = StoreAddress::of_name(path) {
            return Err(Failure::Usage(format!("{place}: only convert writes into a store")));
        }
        let asked = args.to.map(|to| match to {
            FormFlag::Text => Form::Text,
            FormFlag::Binary => Form::Binary,
        });
        let is_packed_text = path.to_str().is_some_and(|path| path.ends_with(".jsonl.zst"));
        let named_form = Form::of_name(path).or(is_packed_text.then_some(Form::Text));
        let form = asked.or(named_form).or(otherwise).ok_or_else(|| {
            let what = "which form it shall have cannot be told by its name: call it .jsonl or .chatfold, or say --to";
            Failure::Usage(format!("{}: {what}", named(path)))
        })?;
        if path.as_os_str() == "-" && otherwise.is_some() {
            return Err(Failure::Usage("a new log goes into a file, not to standard output (-)".to_owned()));
        }
        if let Source::File(old) = source
            && let (Ok(old), Ok(new)) = (old.canonicalize(), path.canonicalize())
            && old == new
        {
            return Err(Failure::Usage(format!("{}: a log is not written over itself", named(path))));
        }
        if path.as_os_str() != "-" && !args.force && path.exists() {
            return Err(Failure::Usage(format!("{}: is there already (--force replaces it)", named(path))));
        }
        let pack = args.pack || is_packed_text && form == Form::Text;
        #[cfg(feature = "zstd")]
        let packing = if pack { Packing::Zstd } else { Packing::Plain };
        #[cfg(not(feature = "zstd"))]
        let packing = if pack { return Err(Failure::not_built("zstd", "zstd")) } else { Packing::Plain };
        let like = match source {
            Source::File(old) => Some(old.clone()),
            _ => None,
        };
        Ok(Self { path, form, packing, force: args.force, redacted_from: None, like })
    }

    /// Writes the file whole, or leaves what is there as it is.
    fn replace(
        &self,
        owner: &UserId,
        fill: impl FnOnce(&mut Sink<'_>) -> Result<Tally, Failure>,
    ) -> Result<Tally, Failure> {
        // What failed on the reader's side must not leave a file behind.
        let mut failed = None;
        let written = write_whole(self.path, self.force, self.like.as_deref(), |file| {
            match self.write(file, owner, fill)? {
                Ok(tally) => Ok(tally),
                Err(failure) => {
                    failed = Some(failure);
                    Err(io::Error::other("not written"))
                }
            }
        });
        match failed {
            Some(failure) => Err(failure),
            None => written,
        }
    }

    /// Writes a log of what `fill` hands over.
    fn write<W: Write>(
        &self,
        output: W,
        owner: &UserId,
        fill: impl FnOnce(&mut Sink<'_>) -> Result<Tally, Failure>,
    ) -> io::Result<Result<Tally, Failure>> {
        let mut failed = None;
        let tally = match self.form {
            #[cfg(feature = "zstd")]
            Form::Text if self.packing != Packing::Plain => {
                let mut output = output;
                output.write_all(OURS)?;
                let mut packer = zstd::Encoder::new(output, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                packer.include_checksum(true)?;
                let mut writer = jsonl::Writer::new(&mut packer, owner)?;
                let tally = fill(&mut |event| note(&mut failed, |()| writer.write(&event)));
                note(&mut failed, |()| writer.flush());
                note(&mut failed, |()| packer.finish()?.flush());
                tally
            }
            Form::Text => {
                let mut writer = jsonl::Writer::new(output, owner)?;
                let tally = fill(&mut |event| note(&mut failed, |()| writer.write(&event)));
                note(&mut failed, |()| writer.flush());
                tally
            }
            Form::Binary => {
                let mut header = Header::new(owner.clone());
                header.redacted_from = self.redacted_from;
                let mut writer = binary::Writer::new(output, &header)?.with_packing(self.packing);
                let tally = fill(&mut |event| note(&mut failed, |()| writer.write(&event)));
                note(&mut failed, |()| writer.flush());
                tally
            }
        };
        match failed {
            Some(error) => Err(error),
            None => Ok(tally),
        }
    }
}

/// Writes unless something failed before; keeps the first error.
fn note(failed: &mut Option<io::Error>, write: impl FnOnce(()) -> io::Result<()>) {
    if failed.is_none() {
        *failed = write(()).err();
    }
}
