//! `chatfold tui`: the terminal inbox. This end of it reads the log and appends to it.

mod commands;
mod seen;
mod stored;
mod tail;

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use chatfold::binary::RecordPlace;
use chatfold::command::Role;
use chatfold::jsonl::LoggedEvent;
use chatfold::{Context, Event, Inbox, Policy, UserId, decide};
use chatfold_tui::{Access, App, Desk, Done, Ending, Opening, Past, RecordSource, Wish};

use self::commands::command;
use self::seen::seen;
use self::stored::StoreDesk;
use self::tail::Tail;
use crate::act::journal::Journal;
use crate::act::{now, seed};
use crate::args::TuiArgs;
use crate::failure::{Failure, Verdict};
use crate::input::Source;
use crate::log::{Choice, KeptLog, OpenLog, Tally};

/// How long a lock that another process holds is waited for while somebody looks at the screen.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs the command.
pub fn run(args: &TuiArgs) -> Result<Verdict, Failure> {
    if !io::stdout().is_terminal() {
        let text = "the terminal inbox needs a terminal (chatfold inbox LOG prints the list)";
        return Err(Failure::Usage(text.to_owned()));
    }
    let source = Source::from(args.log.as_path());
    let log = OpenLog::open(&source, &args.reading.choice())?;
    let (owner, form, is_packed) = (log.owner().clone(), log.form(), log.is_packed());
    let header = log.header().to_owned();
    let policy = args.reading.policy();
    let (past, tally) = match past_in_file(&source, &args.reading.choice(), policy) {
        Some(kept) => kept,
        None => {
            let mut opening = Opening::new(owner.clone(), policy);
            let tally = log.read(|_, event| {
                if let LoggedEvent::Known(event) = event {
                    opening.push(event);
                }
            })?;
            (opening.finish(), tally)
        }
    };
    let mut access = access(args, &source, is_packed, &tally);
    let mut desk: Box<dyn Desk> = match &source {
        Source::Store(place) if access.no_following().is_none() => {
            let (desk, closed) = StoreDesk::open(place, args.role.into(), tally.lines)?;
            access = closed.map_or(access, Access::ReadOnly);
            Box::new(desk)
        }
        _ => {
            let tail = Tail::new(&args.log, (form, header), owner.clone(), &tally);
            Box::new(FileDesk {
                path: args.log.clone(),
                owner,
                role: args.role.into(),
                tail,
                unseen: Vec::new(),
            })
        }
    };
    let mut app = App::open(past, access, args.looks.look());
    if args.mouse {
        app.use_mouse();
    }
    if args.follow {
        app.follow();
    }
    let ending = chatfold_tui::run(&mut app, &mut *desk).map_err(|error| Failure::Input {
        place: "the terminal".to_owned(),
        what: "failed".to_owned(),
        source: Some(error),
    })?;
    // Memory goes with the process: taking a large log apart would only make leaving slow.
    std::mem::forget(app);
    match ending {
        Ending::Signal(signal) => Ok(Verdict::Signal(signal)),
        _ => Ok(tally.verdict()),
    }
}

/// Folds a binary log that is a plain file and leaves its events there. Returns `None` where it has to be kept in memory:
/// it is another, or something is to be told of it.
fn past_in_file(source: &Source, choice: &Choice, policy: Policy) -> Option<(Past, Tally)> {
    let Source::File(path) = source else { return None };
    if !path.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    let log = OpenLog::open(source, &Choice { silent: true, keep_going: false, ..choice.clone() }).ok()?;
    let KeptLog { records, inbox, times, tally } = log.fold_kept(policy)?;
    Some((Past::of_binary_log(Box::new(FileRecords(file)), records, inbox, times), tally))
}

/// A binary log in a file, which stays the same file whatever its name comes to name.
#[derive(Debug)]
struct FileRecords(File);

impl RecordSource for FileRecords {
    fn record(&self, place: RecordPlace) -> Option<Vec<u8>> {
        let mut file = &self.0;
        file.seek(SeekFrom::Start(place.offset)).ok()?;
        let mut bytes = Vec::new();
        file.take(place.len_bytes).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 == place.len_bytes).then_some(bytes)
    }
}

/// What may be done with the log, and why not more.
fn access(args: &TuiArgs, source: &Source, is_packed: bool, tally: &Tally) -> Access {
    let fixed = |why: &str| Access::Fixed(why.to_owned());
    let read_only = |why: &str| Access::ReadOnly(why.to_owned());
    let reading = &args.reading;
    match source {
        Source::Stdin => fixed("it comes from standard input"),
        Source::File(path) if !path.is_file() => fixed("it is no plain file"),
        Source::File(_) if is_packed => fixed("it is packed"),
        _ if reading.first.is_some() || reading.at.is_some() => {
            fixed("a part of it is shown (--first, --at)")
        }
        _ if tally.faults > 0 => fixed("it has faults"),
        _ if args.read_only => read_only("--read-only says so"),
        _ if reading.owner.is_some() => read_only("its owner was chosen (--as)"),
        // All who write an inbox in a store fold it alike (R41).
        Source::Store(_) if reading.policy() != Policy::default() => read_only("--policy was given"),
        Source::Store(_) => Access::Full,
        Source::File(path) => match OpenOptions::new().append(true).open(path) {
            Ok(_) => Access::Full,
            Err(error) => read_only(&format!("it cannot be written: {error}")),
        },
    }
}

/// A log in a file.
struct FileDesk {
    path: PathBuf,
    owner: UserId,
    role: Role,
    tail: Tail,
    /// What was read, be it before an error, and was not returned yet.
    unseen: Vec<Event>,
}

impl FileDesk {
    fn look(&mut self) -> Result<Vec<Event>, Failure> {
        let read = self.tail.news(&mut self.unseen);
        seen(read, &mut self.unseen)
    }

    /// Locks the log, reads what others appended, decides, appends, and reads that back: what is shown is what is
    /// written.
    fn act(&mut self, inbox: &Inbox, wish: &Wish) -> Result<Done, Failure> {
        let mut journal = Journal::reopen(&self.path, &self.owner, PATIENCE)?;
        self.tail.news_up_to(journal.sound_len_bytes(), &mut self.unseen)?;
        let mut inbox = inbox.clone();
        inbox.apply_batch(&self.unseen);
        let context = Context::new(self.owner.clone(), self.role, now()?, seed()?);
        let command = command(wish, &context);
        let judged = decide(&inbox, &command, &context);
        let mut note = None;
        if let Ok(decision) = &judged
            && !decision.events.is_empty()
        {
            note = journal.append(&decision.events)?;
            self.tail.news(&mut self.unseen)?;
        }
        Ok(Done { events: std::mem::take(&mut self.unseen), judged, note })
    }
}

impl Desk for FileDesk {
    fn look(&mut self) -> Result<Vec<Event>, String> {
        FileDesk::look(self).map_err(|failure| failure.describe())
    }

    fn act(&mut self, inbox: &Inbox, wish: &Wish) -> Result<Done, String> {
        FileDesk::act(self, inbox, wish).map_err(|failure| failure.describe())
    }
}

impl Desk for StoreDesk {
    fn look(&mut self) -> Result<Vec<Event>, String> {
        StoreDesk::look(self).map_err(|failure| failure.describe())
    }

    fn act(&mut self, _inbox: &Inbox, wish: &Wish) -> Result<Done, String> {
        StoreDesk::act(self, wish).map_err(|failure| failure.describe())
    }
}
