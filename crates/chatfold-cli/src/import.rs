//! `chatfold import`: a log of what another system's server or listeners said, recorded one payload a line.
//!
//! All payloads are held in memory, since what a name stands for may be said behind where it is used.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::io::{BufRead as _, Read as _, Write as _};

use chatfold::jsonl::{LoggedEvent, Writer};
use chatfold::{Event, EventId, Inbox, Policy, Timestamp};
use chatfold_adapters::matrix::Matrix;
use chatfold_adapters::slack::Slack;
use chatfold_adapters::telegram::Telegram;
use chatfold_adapters::v2tim::V2tim;
use chatfold_adapters::xmpp::Xmpp;
use chatfold_adapters::{Adapter, Scope, Taken};
use serde_json::Value;

use crate::args::{AdapterArgs, ImportArgs, ImportFrom, PayloadArgs, SystemFlag, V2timArgs};
use crate::failure::{Failure, Verdict};
use crate::input::{Input, Source};
use crate::instant::Span;
use crate::output::{say, stdout};

/// The longest line that is read, in bytes.
const MAX_LINE_LEN_BYTES: u64 = 256 << 20;

/// How many names of what was left out are told.
const MAX_LEFT_OUT: usize = 20;

/// A payload and where it stands.
struct Payload<'a> {
    source: &'a Source,
    line: u64,
    /// When it came, and what it is; or why the line says neither.
    told: Result<(Timestamp, Vec<u8>), String>,
}

/// Runs the command.
pub fn run(args: &ImportArgs) -> Result<Verdict, Failure> {
    match &args.from {
        ImportFrom::Adapter(args) => import(adapter(args)?, &args.payloads),
        ImportFrom::V2tim(args) => import(v2tim(args)?, &args.payloads),
    }
}

/// Writes the log of what the payloads say.
fn import(mut adapter: Box<dyn Adapter>, args: &PayloadArgs) -> Result<Verdict, Failure> {
    let now = match args.at {
        Some(span) => span.to,
        None => Span::parse_or_now("now").map(|span| span.to).map_err(Failure::Usage)?,
    };
    let sources: Vec<Source> = args.files.iter().map(|path| Source::from(path.as_path())).collect();
    let mut payloads = Vec::new();
    for source in &sources {
        if let Source::Store(place) = source {
            return Err(Failure::Usage(format!("{place}: payloads are read from files, not from a store")));
        }
        read(source, now, &mut payloads)?;
    }
    for payload in &payloads {
        if let Ok((received_at, bytes)) = &payload.told
            && let Ok(taken) = adapter.take(bytes, *received_at)
        {
            taken.all().for_each(|event| adapter.learn(event));
        }
    }
    let mut import = Import::new(adapter, args.keep_going);
    for payload in &payloads {
        import.take(payload)?;
    }
    import.write()
}

/// Returns the adapter of V2TIM.
fn v2tim(args: &V2timArgs) -> Result<Box<dyn Adapter>, Failure> {
    let scope = Scope::new(&args.payloads.owner, &args.network);
    Ok(Box::new(V2tim::new(scope.map_err(|error| Failure::Usage(error.to_string()))?)))
}

/// Returns the adapter that the options ask for.
fn adapter(args: &AdapterArgs) -> Result<Box<dyn Adapter>, Failure> {
    let usage = |error: &dyn std::error::Error| Failure::Usage(error.to_string());
    let network = match (&args.network, args.system) {
        (Some(network), _) => network.as_str(),
        (None, SystemFlag::Matrix) => "matrix",
        (None, SystemFlag::Telegram) => "telegram",
        (None, SystemFlag::Xmpp) => "xmpp",
        (None, SystemFlag::Slack) => {
            let what = "ids of Slack are unique inside a workspace: say which, as --network slack/t024";
            return Err(Failure::Usage(what.to_owned()));
        }
    };
    let scope = Scope::new(&args.payloads.owner, network).map_err(|error| usage(&error))?;
    for (given, option, system) in [
        (args.username.is_some(), "--username", SystemFlag::Telegram),
        (!args.directs.is_empty(), "--direct", SystemFlag::Slack),
        (!args.occupants.is_empty(), "--occupant", SystemFlag::Xmpp),
    ] {
        if given && args.system != system {
            return Err(Failure::Usage(format!("{option} says nothing of this system")));
        }
    }
    Ok(match args.system {
        SystemFlag::Matrix => Box::new(Matrix::new(scope)),
        SystemFlag::Slack => {
            let mut slack = Slack::new(scope);
            for (channel, user) in &args.directs {
                slack = slack.with_direct(channel, user).map_err(|error| usage(&error))?;
            }
            Box::new(slack)
        }
        SystemFlag::Telegram => {
            let telegram = Telegram::new(scope);
            Box::new(match &args.username {
                Some(name) => telegram.with_username(name.strip_prefix('@').unwrap_or(name)),
                None => telegram,
            })
        }
        SystemFlag::Xmpp => {
            let occupants = args.occupants.iter();
            Box::new(occupants.fold(Xmpp::new(scope), |xmpp, (room, name)| xmpp.with_occupant(room, name)))
        }
    })
}

/// Reads the payloads of a file, one a line; empty lines are none.
fn read<'a>(source: &'a Source, now: Timestamp, payloads: &mut Vec<Payload<'a>>) -> Result<(), Failure> {
    let (mut reader, watch) = Input::open(source)?.into_parts();
    for line in 1.. {
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(MAX_LINE_LEN_BYTES).read_until(b'\n', &mut bytes);
        if read.map_err(|error| watch.judge(line, error))? == 0 {
            return Ok(());
        }
        if bytes.len() as u64 >= MAX_LINE_LEN_BYTES && bytes.last() != Some(&b'\n') {
            let what = format!("line {line}: expected at most {MAX_LINE_LEN_BYTES} bytes, found more");
            return Err(Failure::Fault { place: source.to_string(), what });
        }
        let bytes = bytes.trim_ascii();
        if !bytes.is_empty() {
            payloads.push(Payload { source, line, told: unwrap(bytes, now) });
        }
    }
    Ok(())
}

/// Returns when the payload of a line came, and the payload: the line says both, or is the payload. A text in JSON is the payload that it
/// holds, as XML in a line of JSON is. Fails where the line says both and when is no time.
fn unwrap(line: &[u8], now: Timestamp) -> Result<(Timestamp, Vec<u8>), String> {
    let plain =
        |payload: &Value| payload.as_str().map_or_else(|| payload.to_string(), str::to_owned).into_bytes();
    match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(object)) if object.len() == 2 => {
            let (Some(received_at), Some(payload)) = (object.get("received_at"), object.get("payload"))
            else {
                return Ok((now, line.to_vec()));
            };
            let span = received_at.as_str().and_then(|text| Span::parse(text).ok());
            let span = span.ok_or_else(|| format!("/received_at: expected a time, found {received_at}"))?;
            Ok((span.to, plain(payload)))
        }
        Ok(Value::String(text)) => Ok((now, text.into_bytes())),
        _ => Ok((now, line.to_vec())),
    }
}

/// What becomes of the payloads.
struct Import {
    adapter: Box<dyn Adapter>,
    keep_going: bool,
    inbox: Inbox,
    events: Vec<Event>,
    known: HashSet<EventId>,
    left_out: BTreeMap<String, u64>,
    faults: u64,
}

impl Import {
    fn new(adapter: Box<dyn Adapter>, keep_going: bool) -> Self {
        let inbox = Inbox::new(adapter.scope().owner().clone(), Policy::default());
        let (events, known, left_out) = (Vec::new(), HashSet::new(), BTreeMap::new());
        Self { adapter, keep_going, inbox, events, known, left_out, faults: 0 }
    }

    fn take(&mut self, payload: &Payload<'_>) -> Result<(), Failure> {
        let (received_at, bytes) = match &payload.told {
            Ok(told) => told,
            Err(fault) => return self.fault(payload, fault),
        };
        let taken = match self.adapter.take(bytes, *received_at) {
            Ok(taken) => taken,
            Err(fault) => return self.fault(payload, &fault),
        };
        taken.faults.iter().try_for_each(|fault| self.fault(payload, fault))?;
        let Taken { left_out, .. } = &taken;
        for (name, count) in left_out {
            *self.left_out.entry(name.clone()).or_default() += count;
        }
        let events = self.adapter.settle(taken, &self.inbox);
        // What a server said twice is one event: the first, in the log and in what the next are held against.
        let new: Vec<Event> = events.into_iter().filter(|event| self.known.insert(event.id())).collect();
        self.inbox.apply_batch(&new);
        self.events.extend(new);
        Ok(())
    }

    /// Tells of a fault, or ends with it.
    fn fault(&mut self, payload: &Payload<'_>, fault: &dyn Display) -> Result<(), Failure> {
        let (place, what) = (payload.source.to_string(), format!("line {}: {fault}", payload.line));
        if !self.keep_going {
            return Err(Failure::Fault { place, what });
        }
        self.faults += 1;
        say(&format!("{place}: {what}"));
        Ok(())
    }

    fn write(self) -> Result<Verdict, Failure> {
        let mut out = stdout();
        let mut writer = Writer::new(&mut out, self.adapter.scope().owner())?;
        for event in self.events {
            writer.write(&LoggedEvent::Known(event))?;
        }
        writer.flush()?;
        drop(writer);
        out.flush()?;
        if !self.left_out.is_empty() {
            let told =
                self.left_out.iter().take(MAX_LEFT_OUT).map(|(name, count)| format!("{name} ({count})"));
            let more = self.left_out.len().saturating_sub(MAX_LEFT_OUT);
            let more = if more > 0 { format!(", and {more} others") } else { String::new() };
            say(&format!("left out: {}{more}", told.collect::<Vec<_>>().join(", ")));
        }
        Ok(Verdict::of(self.faults == 0))
    }
}
