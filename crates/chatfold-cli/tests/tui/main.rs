//! The terminal inbox as a program, driven in a pseudo-terminal and read through a terminal emulator.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing test panics")]

mod program;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use self::program::{Program, chatfold};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1").join(name)
}

/// A copy of a fixture that may be written.
fn copy(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::copy(fixture(name), &path).unwrap();
    (folder, path)
}

fn arguments(path: &Path) -> Vec<String> {
    vec!["tui".to_owned(), path.to_string_lossy().into_owned()]
}

#[test]
fn a_log_is_opened_scrubbed_filtered_searched_explained_and_left() {
    let mut program = Program::start(&arguments(&fixture("team-at-work.jsonl")), &[]);
    program.shows("event 200 of 200");
    program.shows("Launch 2.0");
    program.keys("\u{1b}[D\u{1b}[D");
    program.shows("event 198 of 200 · the past");
    program.keys("{");
    program.shows("2026-03-04");
    program.keys("\u{1b}[H");
    program.shows("before the first event");
    program.keys("\u{1b}[F");
    program.shows("event 200 of 200");
    program.keys("u");
    program.shows("7 shown");
    program.keys("c/backpack\r");
    program.shows("1 shown");
    program.shows("Aiko Tanaka");
    program.keys("c");
    program.shows("16 shown");
    program.keys("?");
    program.shows("stands so");
    program.shows("event 170 by mara: conversation_read");
    program.keys("\u{1b}");
    program.hides("stands so");
    program.keys("q");
    assert_eq!(program.ends(), 0);
}

#[test]
fn what_is_done_is_appended_to_the_log() {
    for form in ["jsonl", "chatfold"] {
        let (folder, text) = copy("team-at-work.jsonl");
        let log = folder.path().join(format!("log.{form}"));
        let converted = Command::new(chatfold()).arg("convert").arg(&text).arg(&log).output().unwrap();
        assert!(converted.status.success(), "{converted:?}");
        let mut program = Program::start(&arguments(&log), &[]);
        program.shows("event 200 of 200");
        program.keys("\u{1b}[B\u{1b}[B\u{1b}[Bp");
        program.shows("pinned c2c_jonas");
        program.shows("event 201 of 201");
        program.keys("ion my way\r");
        program.shows("queued \"on my way\" for c2c_jonas");
        program.keys("esoon\r");
        program.shows("wrote the draft \"soon\" for c2c_jonas");
        program.keys("\rR");
        program.shows("recall this message?");
        program.keys("y");
        program.shows("refused: ");
        program.keys("q");
        assert_eq!(program.ends(), 0);
        let shown = Command::new(chatfold())
            .args(["show", "--why", "1"])
            .arg(&log)
            .arg("c2c_jonas")
            .output()
            .unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains("on my way") && shown.contains("soon"), "{shown}");
        assert!(
            shown.lines().any(|line| line.trim_start().starts_with("pinned") && line.ends_with("yes")),
            "{shown}"
        );
        let checked = Command::new(chatfold()).arg("check").arg(&log).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
}

#[test]
fn what_another_process_appends_comes_in() {
    for form in ["jsonl", "chatfold"] {
        let (folder, text) = copy("family.jsonl");
        let log = folder.path().join(format!("log.{form}"));
        assert!(
            Command::new(chatfold()).arg("convert").arg(&text).arg(&log).output().unwrap().status.success()
        );
        let mut program = Program::start(&arguments(&log), &[]);
        program.shows("event 146 of 146");
        program.keys("f");
        program.shows("following");
        let append = |wish: &[&str]| {
            let done = Command::new(chatfold()).arg("do").arg(&log).args(wish).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        append(&["draft", "c2c_sam", "from elsewhere"]);
        program.shows("event 147 of 147");
        program.shows("Draft: from elsewhe");
        append(&["send", "c2c_sam", "and sent"]);
        // Sending clears the draft.
        program.shows("event 149 of 149");
        program.shows("You: and sent");
        // And while somebody acts here, what came meanwhile counts.
        program.keys("f");
        program.hides("following");
        append(&["pin", "c2c_sam"]);
        program.keys("s");
        program.shows("event 151 of 151");
        program.keys("q");
        assert_eq!(program.ends(), 0);
    }
}

#[test]
fn a_line_that_is_half_written_waits_for_its_end() {
    let (_folder, log) = copy("family.jsonl");
    let whole = fs::read_to_string(fixture("family.jsonl")).unwrap();
    // The last event once more: it changes nothing that shows, but it is an event of the log.
    let last = whole.lines().last().unwrap();
    let mut program = Program::start(&[&arguments(&log)[..], &["--follow".to_owned()]].concat(), &[]);
    program.shows("event 146 of 146 · following");
    let mut file = OpenOptions::new().append(true).open(&log).unwrap();
    let (begin, end) = last.split_at(last.len() / 2);
    file.write_all(begin.as_bytes()).unwrap();
    program.waits();
    program.shows("event 146 of 146 · following");
    file.write_all(end.as_bytes()).unwrap();
    file.write_all(b"\n").unwrap();
    program.shows("event 147 of 147 · following");
    file.write_all(b"{\"v\":1,\"no\"\n").unwrap();
    program.shows("byte ");
    program.hides("following");
    program.keys("q");
    assert_eq!(program.ends(), 0);
}

#[test]
fn the_terminal_is_as_it_was_after_quitting_and_after_a_signal() {
    for signal in [None, Some("TERM"), Some("INT"), Some("HUP")] {
        let mut program = Program::start(&arguments(&fixture("family.jsonl")), &[]);
        program.shows("event 146 of 146");
        assert!(program.is_raw() && program.has_other_screen());
        match signal {
            None => program.keys("q"),
            Some(signal) => program.signal(signal),
        }
        let code = program.ends();
        assert_eq!(code == 0, signal.is_none(), "{signal:?}: {code}");
        assert!(!program.is_raw() && !program.has_other_screen(), "{signal:?}");
    }
}

#[test]
fn no_colour_is_written_where_none_is_wanted() {
    let colours = |environment: &[(&str, &str)]| {
        let mut program = Program::start(&arguments(&fixture("team-at-work.jsonl")), environment);
        program.shows("event 200 of 200");
        let colours = program.colours();
        program.keys("q");
        assert_eq!(program.ends(), 0);
        colours
    };
    assert_eq!(colours(&[("NO_COLOR", "1")]), 0);
    assert!(colours(&[]) > 0);
}

#[test]
fn what_cannot_be_shown_is_said_with_an_exit_code() {
    let run = |arguments: &[&str]| {
        let out = Command::new(chatfold()).args(arguments).output().unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, said) = run(&["tui", "team.jsonl"]);
    assert_eq!(code, Some(2), "no terminal here");
    assert!(said.contains("needs a terminal"), "{said}");
    let mut program = Program::start(&["tui".to_owned(), "/nowhere/log.jsonl".to_owned()], &[]);
    assert_eq!(program.ends(), 4);
    program.shows("cannot be read");
}

#[test]
fn a_log_that_another_process_holds_is_not_waited_for_for_ever() {
    let (_folder, log) = copy("family.jsonl");
    let mut program = Program::start(&arguments(&log), &[]);
    program.shows("event 146 of 146");
    let held = OpenOptions::new().append(true).open(&log).unwrap();
    held.lock().unwrap();
    program.keys("p");
    program.shows("another process holds the lock");
    held.unlock().unwrap();
    program.keys("p");
    program.shows("event 147 of 147");
    program.keys("q");
    assert_eq!(program.ends(), 0);
}

#[test]
fn what_is_only_read_is_left_alone() {
    let (_folder, log) = copy("family.jsonl");
    let before = fs::read(&log).unwrap();
    let mut program = Program::start(&[&arguments(&log)[..], &["--read-only".to_owned()]].concat(), &[]);
    program.shows("read only");
    program.keys("p");
    program.shows("this log is only read: --read-only says so");
    program.keys("q");
    assert_eq!(program.ends(), 0);
    assert_eq!(fs::read(&log).unwrap(), before);
}
