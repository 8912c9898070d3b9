//! `chatfold`: the conversation list of a chat on the command line, folded from a log of events.
//!
//! In reading order: [`args`] says what can be asked; [`inbox`], [`show`], [`check`], [`stats`], [`cloud`],
//! [`diff`], [`merge`], [`snapshot`], [`rewrite`], [`tui`] and [`act`] answer, one module a command or a few that are alike;
//! [`log`] reads events from an [`input`], a file or a [`store`], and [`list`] lays rows out as text. Exit codes and
//! errors are in [`failure`]; [`output`] and [`text`] are what stands between a log and the terminal.

#![allow(unreachable_pub, reason = "a program has no API: pub says that another module uses it")]

mod act;
mod args;
mod check;
mod cloud;
mod diff;
mod failure;
mod inbox;
mod input;
mod list;
mod log;
mod merge;
mod output;
mod progress;
mod rewrite;
mod show;
mod snapshot;
mod stats;
mod store;
mod tui;

use std::process::ExitCode;

use chatfold_words::{instant, sentence, text, words};
use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::failure::{Failure, Verdict};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is to be done where neither help nor error can be printed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match run(&cli) {
        Ok(verdict) => verdict.exit_code(),
        Err(failure) => {
            output::say(&failure.describe());
            failure.exit_code()
        }
    }
}

fn run(cli: &Cli) -> Result<Verdict, Failure> {
    match &cli.command {
        Command::Inbox(args) => inbox::run(args),
        Command::Show(args) => show::run(args),
        Command::Check(args) => check::run(args),
        Command::Stats(args) => stats::run(args),
        Command::Cloud(args) => cloud::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Convert(args) => rewrite::convert(args),
        Command::Recover(args) => rewrite::recover(args),
        Command::Redact(args) => rewrite::redact(args),
        Command::Tui(args) => tui::run(args),
        Command::Do(args) => act::run(args),
    }
}
