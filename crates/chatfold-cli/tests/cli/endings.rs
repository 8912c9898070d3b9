//! How the program ends: exit codes, a reader that goes away, options that make no sense.

use std::io::Write as _;
use std::process::{Command as Process, Stdio};

use assert_cmd::cargo::cargo_bin;
use predicates::prelude::*;

use crate::support::{Files, chatfold, long_log, run, team};

#[test]
fn help_and_version_are_output_not_errors() {
    chatfold().arg("--help").assert().code(0).stdout(predicate::str::contains("Exit codes:"));
    chatfold().args(["inbox", "--help"]).assert().code(0).stdout(
        predicate::str::contains("--folder <FOLDER>")
            .and(predicate::str::contains("Examples:"))
            .and(predicate::str::starts_with("Print the conversation list\n")),
    );
    for command in ["show", "check", "stats", "cloud", "diff", "merge", "import", "do"] {
        chatfold().args([command, "--help"]).assert().code(0).stdout(predicate::str::contains("Examples:"));
    }
    chatfold().arg("--version").assert().code(0).stdout(predicate::str::starts_with("chatfold 0."));
}

#[test]
fn usage_ends_with_2_and_prints_nothing() {
    for args in [
        &[][..],
        &["inbox"],
        &["fold", "-"],
        &["inbox", "-", "--first", "many"],
        &["inbox", "-", "--first", "-1"],
        &["inbox", "-", "--at", "yesterday"],
        &["inbox", "-", "--at", "now"],
        &["inbox", "-", "--at", "9999-01-01"],
        &["inbox", "-", "--now", "soon"],
        &["inbox", "-", "--policy", "generous"],
        &["inbox", "-", "--as", ""],
        &["inbox", "-", "--as", "tab\there"],
        &["inbox", "-", "--mark", "3"],
        &["inbox", "-", "--mark", "star", "--no-mark"],
        &["inbox", "-", "--folder", "Work", "--no-folder"],
        &["inbox", "-", "--type", "channel"],
        &["inbox", "-", "--color", "sometimes"],
        &["show", "-"],
        &["check"],
        &["check", "-", "-"],
        &["check", "-", "--seed", "x"],
        &["check", "sqlite:/no/such/chat.db"],
        &["stats", "-", "--top", "x"],
    ] {
        let err = run(args, team()).refused(2);
        assert!(!err.is_empty(), "{args:?}");
    }
}

#[test]
fn what_does_not_exist_ends_with_3() {
    let err = run(&["show", "-", "c2c_bbo"], team()).refused(3);
    assert!(err.contains("no conversation \"c2c_bbo\"; did you mean c2c_bob (Bob)"), "{err}");
    let err = run(&["show", "-", "Xylophone quartet"], team()).refused(3);
    assert_eq!(err, "chatfold: no conversation \"Xylophone quartet\"\n");
    let err = run(&["inbox", "-", "--folder", "Play"], team()).refused(3);
    assert_eq!(err, "chatfold: no folder \"Play\": there are \"Work\"\n");
}

#[test]
fn input_that_cannot_be_read_ends_with_4() {
    let files = Files::new();
    let missing = files.path().join("missing.jsonl");
    let (missing, directory) = (missing.to_str().unwrap(), files.path().to_str().unwrap());
    for command in [&["inbox"][..], &["check"], &["stats"]] {
        let err = run(&[command, &[missing]].concat(), "").refused(4);
        assert!(err.contains("missing.jsonl: cannot be read: "), "{err}");
        let err = run(&[command, &[directory]].concat(), "").refused(4);
        assert!(err.contains("is a directory, not a log"), "{err}");
    }
    run(&["show", missing, "c2c_bob"], "").refused(4);
}

#[test]
fn one_unreadable_log_does_not_keep_the_others_from_being_checked() {
    let files = Files::new();
    let good = files.write("good.jsonl", team());
    let good = good.to_str().unwrap();
    let ran = run(&["check", "nowhere.jsonl", good], "");
    assert!(ran.code == 4 && ran.err.contains("nowhere.jsonl") && ran.out.contains("sound"), "{ran:?}");
    let ran = run(&["check", "sqlite:chat.db", good], "");
    assert!(ran.code == 2 && ran.err.contains("whose inbox?") && ran.out.contains("sound"), "{ran:?}");
    let faulty = files.write("faulty.jsonl", team() + "{}\n");
    let ran = run(&["check", faulty.to_str().unwrap(), good], "");
    assert!(ran.code == 1 && ran.err.contains("line 29") && ran.out.contains("sound"), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    for args in [&["inbox", "-"][..], &["inbox", "-", "--json"], &["stats", "-"], &["check", "-"]] {
        let mut child = Process::new(cargo_bin("chatfold"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Nobody reads any more before the program has anything to say.
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(long_log(100).as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), err.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_ends_with_4() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = Process::new(cargo_bin("chatfold"))
        .args(["inbox", "-"])
        .stdin(Stdio::piped())
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(team().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(4) && err.contains("writing standard output failed: "), "{err}");
}
