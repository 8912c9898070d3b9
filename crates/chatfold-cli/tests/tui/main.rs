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

/// A text log, a binary one, an inbox in a store.
const FORMS: [&str; 3] = ["jsonl", "chatfold", "sqlite"];

/// Where such a log of an owner is kept.
fn log(folder: &TempDir, form: &str, owner: &str) -> PathBuf {
    let path = folder.path().join(format!("log.{form}"));
    if form == "sqlite" { format!("sqlite:{}#{owner}", path.display()).into() } else { path }
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
fn a_terminal_that_is_resized_is_filled_again() {
    let mut program = Program::start(&arguments(&fixture("team-at-work.jsonl")), &[]);
    program.shows("event 200 of 200");
    program.resize(40, 132);
    program.shows("Ruben (CEO) 🔵");
    program.shows("Dele Adeyemi: @all last call for blockers, I sign off");
    program.resize(24, 80);
    program.ends_in("p pin  f follow");
    program.hides("Ruben (CEO) 🔵");
    for (rows, columns) in [(1, 1), (5, 20), (2, 200), (100, 2)] {
        program.resize(rows, columns);
        program.waits();
    }
    program.resize(5, 20);
    program.shows("too small");
    program.resize(24, 80);
    program.shows("event 200 of 200");
    program.ends_in("p pin  f follow");
    // A key that comes while the size changes is taken, and the last size is the one that is filled.
    for step in 1..=20 {
        for (rows, columns) in [(30, 90), (12, 60), (40, 132)] {
            program.resize(rows, columns);
        }
        program.keys("\u{1b}[D");
        program.resize(24 + step, 100);
        program.shows(&format!("event {} of 200 · the past", 200 - step));
        program.ends_in("[ ] an hour  { } a day  Home End  ? why");
    }
    program.resize(40, 132);
    program.keys("q");
    assert_eq!(program.ends(), 0);
}

#[test]
fn a_terminal_that_vanishes_takes_the_program_with_it() {
    // Only the terminal's own session is sent a signal.
    for is_told in [true, false] {
        let mut program = Program::start_on(&arguments(&fixture("family.jsonl")), &[], is_told);
        program.shows("event 146 of 146");
        program.hangs_up();
        program.ends_unread();
    }
}

#[test]
fn a_terminal_that_takes_nothing_more_does_not_keep_a_signal_from_ending_it() {
    let mut program = Program::start(&arguments(&fixture("family.jsonl")), &[]);
    program.shows("event 146 of 146");
    program.stalls();
    // The page of keys comes and goes, until there is no room for another picture.
    for _ in 0..40 {
        program.keys("h");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    program.signal("TERM");
    program.ends_unread();
}

#[test]
fn what_is_done_is_appended_to_the_log() {
    for form in FORMS {
        let (folder, text) = copy("team-at-work.jsonl");
        let log = log(&folder, form, "mara");
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
    for form in FORMS {
        let (folder, text) = copy("family.jsonl");
        let log = log(&folder, form, "miriam");
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
        append(&["draft", "--new", "c2c_sam", "from elsewhere"]);
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
    program.shows("149,");
    program.hides("following");
    program.keys("q");
    assert_eq!(program.ends(), 0);
}

/// Appends to a file.
fn write_behind(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_is_followed_is_read_as_the_whole_log_is() {
    // Another header of the owner may stand in the middle; another owner's may not, whoever was chosen as the owner.
    for (more, owner) in [(&[][..], "miriam"), (&["--as", "sam"], "sam")] {
        let (_folder, log) = copy("family.jsonl");
        let whole = fs::read_to_string(&log).unwrap();
        let (header, last) = (whole.lines().next().unwrap(), whole.lines().last().unwrap());
        let mut arguments = [&arguments(&log)[..], &["--follow".to_owned()]].concat();
        arguments.extend(more.iter().map(|&more| more.to_owned()));
        let mut program = Program::start(&arguments, &[]);
        program.shows(&format!(" {owner} "));
        program.shows("event 146 of 146 · following");
        write_behind(&log, &format!("{header}\n{last}\n"));
        program.shows("event 147 of 147 · following");
        // What stands before a fault is shown, and the fault told with its line.
        write_behind(&log, &format!("{last}\n{}\n{last}\n", header.replace("miriam", "sam")));
        program.shows("event 148 of 148");
        program.hides("following");
        program.shows("151,");
        program.shows("owner of this log");
        program.keys("q");
        assert_eq!(program.ends(), 0);
    }
    // A log of an older version goes on in that version, or in this one.
    let (folder, new) = copy("two-devices.jsonl");
    let old = fixture("../v0/two-devices.jsonl");
    let log = folder.path().join("old.jsonl");
    fs::copy(&old, &log).unwrap();
    let events = fs::read_to_string(&log).unwrap().lines().count() - 1;
    let mut program = Program::start(&[&arguments(&log)[..], &["--follow".to_owned()]].concat(), &[]);
    program.shows(&format!("event {events} of {events}"));
    for (more, log_of_it) in [(1, &old), (2, &new)] {
        let last = fs::read_to_string(log_of_it).unwrap().lines().last().unwrap().to_owned();
        write_behind(&log, &format!("{last}\n"));
        program.shows(&format!("event {0} of {0}", events + more));
    }
    program.shows("following");
    program.keys("q");
    assert_eq!(program.ends(), 0);
}

#[test]
fn what_stands_before_damage_in_a_store_is_shown_to_who_follows_it() {
    let (folder, text) = copy("family.jsonl");
    let log = log(&folder, "sqlite", "miriam");
    let done = |arguments: &[&str]| {
        let done = Command::new(chatfold()).args(arguments).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let (text, name) = (text.to_str().unwrap(), log.to_str().unwrap());
    done(&["convert", text, name]);
    let mut program = Program::start(&arguments(&log), &[]);
    program.shows("event 146 of 146");
    for text in ["one", "two", "three"] {
        done(&["do", name, "draft", "--new", "c2c_sam", text]);
    }
    let connection = rusqlite::Connection::open(folder.path().join("log.sqlite")).unwrap();
    connection.execute_batch("UPDATE chatfold_event SET bytes = x'00' WHERE position = 148").unwrap();
    program.keys("f");
    program.shows("event 147 of 147");
    program.shows("position 148");
    program.keys("q");
    assert_eq!(program.ends(), 0);
}

/// Another log that gets the followed one's name is told, whatever it holds: one that is longer and does not follow, and
/// one that says the same.
#[test]
fn a_followed_log_that_is_replaced_is_told() {
    for form in ["jsonl", "chatfold"] {
        for other in ["team-at-work.jsonl", "family.jsonl"] {
            let (folder, text) = copy("family.jsonl");
            let (log, new) = (log(&folder, form, "miriam"), folder.path().join(format!("new.{form}")));
            for (from, to) in [(&text, &log), (&fixture(other), &new)] {
                let done = Command::new(chatfold()).arg("convert").arg(from).arg(to).output().unwrap();
                assert!(done.status.success(), "{done:?}");
            }
            let mut program = Program::start(&[&arguments(&log)[..], &["--follow".to_owned()]].concat(), &[]);
            program.shows("event 146 of 146 · following");
            fs::rename(&new, &log).unwrap();
            program.shows("was replaced by another");
            program.hides("following");
            program.keys("q");
            assert_eq!(program.ends(), 0);
        }
    }
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
fn the_mouse_is_taken_where_it_is_wanted_and_given_back() {
    let log = arguments(&fixture("team-at-work.jsonl"));
    let mut program = Program::start(&log, &[]);
    program.shows("event 200 of 200");
    assert!(!program.has_mouse(), "text can be selected");
    program.keys("q");
    assert_eq!(program.ends(), 0);
    for end in ["q", "a signal"] {
        let mut program = Program::start(&[&log[..], &["--mouse".to_owned()]].concat(), &[]);
        program.shows("event 200 of 200");
        assert!(program.has_mouse());
        // Pressed and let go at the beginning of the time line.
        program.keys("\u{1b}[<0;2;21M\u{1b}[<0;2;21m");
        program.shows("the past");
        match end {
            "q" => program.keys("q"),
            _ => program.signal("TERM"),
        }
        program.ends();
        assert!(!program.has_mouse(), "{end}");
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
