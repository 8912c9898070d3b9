//! The same events through chatfold and through its peers, as one table.
//!
//! `peers [phone|desk|storm] [EVENTS] [--csv FILE]`; PostgreSQL takes part where `PEERS_POSTGRES` says where one is, or
//! its programs are installed. Each peer runs in a process of its own, so that none disturbs
//! another's memory, and its list is compared with chatfold's before its time is shown.

mod chat;
mod cqrs;
mod engine;
mod facts;
mod maps;
#[cfg(feature = "matrix")]
mod matrix;
mod measure;
mod postgres;
mod sqlite;
mod tables;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use chatfold::testing::Workload;
use serde::{Deserialize, Serialize};

use crate::measure::{Done, Outcome, Spent, Work};

/// A way to do the work.
struct Peer {
    name: &'static str,
    /// How many events it is given at most: what takes longer tells nothing more.
    most: u64,
    /// Another process works for it, so its time is the wall's.
    is_remote: bool,
    run: fn(&Work) -> Outcome<Done>,
}

const fn peer(name: &'static str, most: u64, run: fn(&Work) -> Outcome<Done>) -> Peer {
    Peer { name, most, is_remote: false, run }
}

const PEERS: &[Peer] = &[
    peer("chatfold, binary log replayed", u64::MAX, engine::binary),
    peer("chatfold, events replayed", u64::MAX, engine::replay),
    peer("chatfold, one event at a time", u64::MAX, engine::live),
    peer("hash maps and counters", u64::MAX, maps::run),
    peer("cqrs-es, rehydrated", u64::MAX, cqrs::rehydrate),
    peer("cqrs-es, a command an event", 5_000, cqrs::commands),
    #[cfg(feature = "matrix")]
    peer("matrix-sdk-base, 200 a sync", 20_000, |work| matrix::run(work, 200)),
    #[cfg(feature = "matrix")]
    peer("matrix-sdk-base, one a sync", 2_000, |work| matrix::run(work, 1)),
    peer("SQLite, 10,000 a transaction", u64::MAX, |work| sqlite::run(work, 10_000)),
    peer("SQLite, 1,000 a transaction", u64::MAX, |work| sqlite::run(work, 1_000)),
    peer("SQLite, one a transaction", 20_000, |work| sqlite::run(work, 1)),
    Peer {
        name: "PostgreSQL, 1,000 a transaction",
        most: 20_000,
        is_remote: true,
        run: |work| postgres::run(work, 1_000),
    },
    Peer {
        name: "PostgreSQL, one a transaction",
        most: 5_000,
        is_remote: true,
        run: |work| postgres::run(work, 1),
    },
];

/// What a child tells of a peer.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    events: u64,
    fold: Spent,
    page: Duration,
    cold: Option<Duration>,
    peak_bytes: u64,
    rows: usize,
    differ: usize,
}

impl Told {
    /// Nanoseconds an event: on the wall, or of the processor.
    fn each(&self, by_wall: bool) -> f64 {
        let spent = if by_wall { self.fold.wall } else { self.fold.cpu };
        spent.as_nanos() as f64 / self.events as f64
    }
}

fn workload(name: &str, events: Option<u64>) -> Option<Workload> {
    let workload = match name {
        "phone" => Workload::phone(),
        "desk" | "storm" => Workload::desk(),
        _ => return None,
    };
    Some(events.map_or(workload, |events| workload.with_events(events)))
}

/// Runs one peer and writes what is to be told of it to a file: some peers print.
fn child(peer: &Peer, name: &str, events: u64, told: &Path) -> Outcome<()> {
    let workload = workload(name, Some(events.min(peer.most))).ok_or("no such workload")?;
    let events = if name == "storm" { workload.storm() } else { workload.iter().collect() };
    let done = (peer.run)(&Work { owner: workload.owner(), events })?;
    let same = done.list.iter().zip(&done.expected).filter(|(ours, theirs)| ours == theirs).count();
    let rows = done.list.len().max(done.expected.len());
    let Done { fold, events, page, cold, peak_bytes, .. } = done;
    let events = events as u64;
    let line = Told { events, fold, page, cold, peak_bytes, rows, differ: rows - same };
    Ok(std::fs::write(told, serde_json::to_string(&line)?)?)
}

fn measured(peer: &Peer, workload: &str, events: u64, server: Option<&str>) -> Outcome<Option<Told>> {
    if peer.is_remote && server.is_none() {
        return Ok(None);
    }
    let told = tempfile::NamedTempFile::new()?;
    let status = Command::new(std::env::current_exe()?)
        .args(["--child", peer.name, workload, &events.to_string()])
        .arg(told.path())
        .envs(server.map(|server| (postgres::WHERE, server)))
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("{} failed", peer.name).into());
    }
    Ok(Some(serde_json::from_str(&std::fs::read_to_string(told.path())?)?))
}

const HEAD: [&str; 12] = [
    "peer",
    "events",
    "events/s",
    "ns an event",
    "ns (cpu)",
    "ns (wall)",
    "x replay",
    "x live",
    "peak MiB",
    "page",
    "cold start",
    "list",
];

fn in_units(time: Duration) -> String {
    let ns = time.as_nanos() as f64;
    match ns {
        ..1e3 => format!("{ns:.0} ns"),
        ..1e6 => format!("{:.1} us", ns / 1e3),
        _ => format!("{:.1} ms", ns / 1e6),
    }
}

/// Prints the table; whether a list differed that should not.
fn table(name: &str, events: u64, csv: Option<&str>) -> Outcome<bool> {
    // The server that is running, else one of our own where its programs are installed.
    let given = std::env::var(postgres::WHERE).ok();
    let own = if given.is_none() { postgres_scratch::server() } else { None };
    let server = given.or_else(|| own.as_ref().map(postgres_scratch::Server::config));
    let mut rows = Vec::new();
    for peer in PEERS {
        match measured(peer, name, events, server.as_deref())? {
            Some(told) => rows.push((peer, told)),
            None => println!("{}: not run, there is no server", peer.name),
        }
    }
    println!(
        "\n{name}, {events} events. x: times what chatfold takes for an event, replayed from decoded events and live.\n"
    );
    // What works in another process is compared by the wall, everything else by processor time.
    let ours = |name: &str, by_wall: bool| {
        let found = rows.iter().find(|(peer, _)| peer.name == name);
        found.map_or(f64::NAN, |(_, told)| told.each(by_wall))
    };
    let mut failed = false;
    let mut table = vec![HEAD.map(str::to_owned)];
    for (peer, told) in &rows {
        let each = told.each(peer.is_remote);
        let list = match told.differ {
            0 => "the same".to_owned(),
            differ => format!("{differ} of {} rows differ", told.rows),
        };
        // Only chatfold promises anything of a shuffled log.
        failed |= told.differ > 0 && (name != "storm" || peer.name.starts_with("chatfold"));
        table.push([
            peer.name.replace(',', ""),
            told.events.to_string(),
            format!("{:.0}", 1e9 / each),
            format!("{each:.0}"),
            format!("{:.0}", told.each(false)),
            format!("{:.0}", told.each(true)),
            format!("{:.1}", each / ours("chatfold, events replayed", peer.is_remote)),
            format!("{:.2}", each / ours("chatfold, one event at a time", peer.is_remote)),
            format!("{:.1}", told.peak_bytes as f64 / f64::from(1 << 20)),
            in_units(told.page),
            told.cold.map_or("none".to_owned(), in_units),
            list,
        ]);
    }
    for (n, row) in table.iter().enumerate() {
        let [name, cells @ ..] = row;
        print!("| {name:<31} |");
        cells.iter().for_each(|cell| print!(" {cell:>11} |"));
        println!(
            "{}",
            if n == 0 { format!("\n|---|{}", "--:|".repeat(HEAD.len() - 1)) } else { String::new() }
        );
    }
    if let Some(path) = csv {
        let mut writer = csv::Writer::from_path(path)?;
        table.iter().try_for_each(|row| writer.write_record(row))?;
        writer.flush()?;
    }
    Ok(failed)
}

fn run(args: &[String]) -> Outcome<ExitCode> {
    if let [flag, name, workload, events, told] = args
        && flag == "--child"
    {
        let peer = PEERS.iter().find(|peer| peer.name == name).ok_or("no such peer")?;
        child(peer, workload, events.parse()?, Path::new(told))?;
        return Ok(ExitCode::SUCCESS);
    }
    let csv = args.iter().position(|arg| arg == "--csv");
    let (args, csv) = match csv {
        Some(at) => (&args[..at], Some(args.get(at + 1).ok_or("--csv wants a file")?.as_str())),
        None => (args, None),
    };
    let name = args.first().map_or("desk", String::as_str);
    let events = args.get(1).map(|events| events.parse()).transpose()?;
    let Some(workload) = workload(name, events) else {
        eprintln!("{name}: no such workload; there are phone, desk and storm");
        return Ok(ExitCode::from(2));
    };
    let failed = table(name, workload.events, csv)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    run(&args).unwrap_or_else(|error| {
        eprintln!("peers: {error}");
        ExitCode::from(4)
    })
}
