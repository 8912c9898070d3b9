//! `chatfold`: the conversation list of a chat on the command line, folded from a log of events.
//!
//! In reading order: [`args`] says what can be asked; [`inbox`], [`show`], [`check`], [`stats`], [`cloud`],
//! [`diff`], [`merge`], [`snapshot`], `import`, [`rewrite`], [`notify`], [`demo`], `tui` and [`act`] answer, one module a command or a few that are alike;
//! [`log`] reads events from an [`input`], a file or a [`store`], and [`list`] lays rows out as text. Exit codes and
//! errors are in [`failure`]; [`beside`] is about the files beside a log; [`output`] and [`text`] are what stands
//! between a log and the terminal.
//!
//! This is a library only so that the program's own tests can ask for every feature; it has one function, [`main`].

#![cfg_attr(
    not(feature = "tui"),
    allow(dead_code, reason = "the terminal inbox uses more of what commands share")
)]
#![allow(unreachable_pub, reason = "a program has no API: pub says that another module uses it")]

mod act;
mod args;
mod atomic_file;
mod check;
mod cloud;
mod demo;
mod diff;
mod failure;
mod folded;
mod future_messages;
#[cfg(feature = "adapters")]
mod import;
mod inbox;
mod input;
mod list;
mod log;
mod merge;
mod notify;
mod output;
mod progress;
mod rewrite;
mod show;
mod sidecar_files;
mod snapshot;
mod snapshot_file;
mod stats;
mod store;
#[cfg(feature = "tui")]
mod tui;

use std::process::ExitCode;

use chatfold_words::{instant, sentence, text, words};
use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::failure::{Failure, Verdict};

/// Carries out what the arguments of this process say, and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            output::usage::<Cli>(&error);
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match run(&cli) {
        Ok(verdict) => verdict.exit_code(),
        Err(failure) => {
            output::say(&failure.describe());
            if let Some(way_out) = way_out(&cli.command, &failure) {
                output::say(way_out);
            }
            failure.exit_code()
        }
    }
}

/// What can be done about input that was refused, if anything.
fn way_out(command: &Command, failure: &Failure) -> Option<&'static str> {
    match (failure, command) {
        (Failure::NoLog { .. }, _) => Some(
            "this is no log of chatfold: one begins with a line such as {\"log\":\"chatfold\",\"v\":1,\"owner\":\"alice\"} \
             (where only that is lost, --as OWNER --keep-going reads the rest)",
        ),
        (Failure::Fault { .. }, Command::Recover(_)) => None,
        (Failure::Fault { .. }, Command::Do(_) | Command::Redact(_) | Command::Compact(_)) => {
            Some("chatfold recover LOG --out NEW writes what is valid as a new log")
        }
        (Failure::Fault { .. }, _) => Some(
            "--keep-going uses what is valid all the same; chatfold recover LOG --out NEW writes it as a new log",
        ),
        _ => None,
    }
}

fn run(cli: &Cli) -> Result<Verdict, Failure> {
    if let Some(len_bytes) = cli.max_unpacked {
        input::set_max_unpacked(len_bytes);
    }
    match &cli.command {
        Command::Inbox(args) => inbox::run(args),
        Command::Show(args) => show::run(args),
        Command::Check(args) => check::run(args),
        Command::Stats(args) => stats::run(args),
        Command::Cloud(args) => cloud::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Import(args) => imported(args),
        Command::Convert(args) => rewrite::convert(args),
        Command::Recover(args) => rewrite::recover(args),
        Command::Redact(args) => rewrite::redact(args),
        Command::Compact(args) => rewrite::compact::run(args),
        Command::Tui(args) => terminal_inbox(args),
        Command::Notify(args) => notify::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Store(args) => match &args.action {
            args::StoreAction::Check(args) => store::check::run(args),
            args::StoreAction::Migrate(args) => store::migrate::run(args),
            args::StoreAction::Outbox(args) => store::outbox::run(args),
            args::StoreAction::Trim(args) => store::trim::run(args),
            args::StoreAction::Unarchive(args) => store::trim::put_back(args),
        },
        Command::Do(args) => act::run(args),
    }
}

#[cfg(feature = "tui")]
fn terminal_inbox(args: &args::TuiArgs) -> Result<Verdict, Failure> {
    tui::run(args)
}

#[cfg(not(feature = "tui"))]
fn terminal_inbox(_: &args::TuiArgs) -> Result<Verdict, Failure> {
    Err(Failure::not_built("the terminal inbox", "tui"))
}

#[cfg(feature = "adapters")]
fn imported(args: &args::ImportArgs) -> Result<Verdict, Failure> {
    import::run(args)
}

#[cfg(not(feature = "adapters"))]
fn imported(_: &args::ImportArgs) -> Result<Verdict, Failure> {
    Err(Failure::not_built("the adapters of other systems", "adapters"))
}
