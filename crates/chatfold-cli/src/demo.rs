//! `chatfold demo`: a log to try things on, which is part of the program.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use clap::Parser as _;

use crate::args::{Cli, Command, DemoArgs};
use crate::atomic_file::write_whole;
use crate::failure::{Failure, Verdict};
use crate::output::{named, stdout};

/// Two hundred events of a team at work. A test holds it to be the fixture of that name.
const LOG: &str = include_str!("demo.jsonl");

/// What a copy that is opened is called.
const NAME: &str = "team-at-work.jsonl";

/// Runs the command.
pub fn run(args: &DemoArgs) -> Result<Verdict, Failure> {
    if let Some(path) = &args.out {
        return keep(path);
    }
    let failed = |error| Failure::Input {
        place: "a temporary folder".to_owned(),
        what: "cannot be made".to_owned(),
        source: Some(error),
    };
    // The copy goes with the folder, when this function returns.
    let folder = tempfile::Builder::new().prefix("chatfold-demo-").tempdir().map_err(failed)?;
    let copy = folder.path().join(NAME);
    fs::write(&copy, LOG).map_err(failed)?;
    let opens = cfg!(feature = "tui") && io::stdout().is_terminal();
    let verdict = again(if opens { "tui" } else { "inbox" }, &copy)?;
    if !cfg!(feature = "tui") {
        crate::output::say(&Failure::not_built("the terminal inbox", "tui").describe());
    }
    Ok(verdict)
}

/// Writes a copy that stays.
fn keep(path: &Path) -> Result<Verdict, Failure> {
    if path.exists() {
        return Err(Failure::Usage(format!("{}: is there already", named(path))));
    }
    write_whole(path, false, None, |file| file.write_all(LOG.as_bytes()))?;
    let mut out = stdout();
    writeln!(out, "{}: {} events", named(path), LOG.lines().count() - 1)?;
    out.flush()?;
    Ok(Verdict::Sound)
}

/// Runs another command on the copy, with nothing but its defaults.
fn again(command: &str, copy: &Path) -> Result<Verdict, Failure> {
    let words = ["chatfold".as_ref(), command.as_ref(), copy.as_os_str()];
    match Cli::try_parse_from(words).map(|cli| cli.command) {
        Ok(Command::Inbox(args)) => crate::inbox::run(&args),
        Ok(Command::Tui(args)) => crate::terminal_inbox(&args),
        Ok(_) | Err(_) => Err(Failure::Usage(format!("{command} cannot be run on {}", named(copy)))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_demo_is_the_fixture() -> std::io::Result<()> {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logs/v1/team-at-work.jsonl");
        assert_eq!(std::fs::read_to_string(fixture)?, super::LOG);
        Ok(())
    }
}
