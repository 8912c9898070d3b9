//! `chatfold snapshot`, and what is read of a snapshot.

use std::fs;

use assert_cmd::Command;
use predicates::prelude::*;
use tempfile::TempDir;

use crate::support::log;

const ROWS: &str = r#"
    bob 09:00:00 c2c_bob message_received {"message":{"id":"M1","text":"Lunch?"}}
    alice 09:00:05 c2c_bob conversation_read {"through":{"message":"M1"}}
    bob 09:01:00 c2c_bob message_received {"message":{"id":"M2","text":"Now?"}}
    bob 09:02:00 c2c_bob poll_started {"question":"where"}
    bob 09:03:00 c2c_bob message_received {"message":{"id":"M3","text":"Hungry!"}}
"#;

fn chatfold() -> Command {
    Command::cargo_bin("chatfold").unwrap()
}

/// A folder with a log and its snapshot after so many events.
fn folder(first: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.jsonl"), log("alice", ROWS)).unwrap();
    chatfold()
        .current_dir(&folder)
        .args(["snapshot", "a.jsonl", "--out", "a.snapshot", "--first", first])
        .assert()
        .success()
        .stdout(predicate::str::contains(format!("a.snapshot: {first} events as")));
    folder
}

fn json(folder: &TempDir, args: &[&str]) -> String {
    let run = chatfold().current_dir(folder).args(args).arg("--json").assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value.to_string()
}

#[test]
fn r06_a_snapshot_and_the_rest_of_the_log_are_the_log() {
    for first in ["2", "4", "5"] {
        let folder = folder(first);
        let whole = json(&folder, &["inbox", "a.jsonl"]);
        assert_eq!(json(&folder, &["inbox", "a.jsonl", "--snapshot", "a.snapshot"]), whole);
        let alone = json(&folder, &["inbox", "a.snapshot"]);
        assert_eq!(alone, json(&folder, &["inbox", "a.jsonl", "--first", first]));
    }
}

/// R99: what was skipped before the snapshot is reported with it.
#[test]
fn r99_a_snapshot_remembers_how_many_events_were_skipped() {
    for (first, skipped) in [("3", 0), ("5", 1)] {
        let folder = folder(first);
        let run = chatfold().current_dir(&folder).args(["inbox", "a.snapshot"]).assert().success();
        let told = predicate::str::contains("a.snapshot: 1 line skipped: before the snapshot (1)");
        let run = if skipped == 1 { run.stderr(told) } else { run.stderr(predicate::str::is_empty()) };
        let read = ["3 events read", "4 events read, 1 skipped"][skipped];
        run.stdout(predicate::str::contains(read));
        assert!(json(&folder, &["inbox", "a.snapshot"]).contains(&format!("\"skippedEvents\":{skipped}")));
    }
}

#[test]
fn r99_a_snapshot_of_another_log_costs_a_replay() {
    let folder = folder("3");
    let other = ROWS.replace("Lunch?", "Dinner?");
    fs::write(folder.path().join("b.jsonl"), log("alice", &other)).unwrap();
    let whole = json(&folder, &["inbox", "b.jsonl"]);
    let args = ["inbox", "b.jsonl", "--snapshot", "a.snapshot"];
    assert_eq!(json(&folder, &args), whole);
    let told = "a.snapshot: not used: the log does not begin with the 3 events it stands for";
    chatfold().current_dir(&folder).args(args).assert().success().stderr(predicate::str::contains(told));
}

#[test]
fn r99_a_damaged_snapshot_is_told_and_costs_a_replay() {
    let folder = folder("5");
    let path = folder.path().join("a.snapshot");
    let whole = json(&folder, &["inbox", "a.jsonl"]);
    let healthy = fs::read(&path).unwrap();
    let mut refused = Vec::new();
    for at in [3, 20, 90, healthy.len() / 2, healthy.len() - 40, healthy.len() - 1] {
        let mut corrupt = healthy.clone();
        corrupt[at] ^= 4;
        fs::write(&path, corrupt).unwrap();
        let args = ["inbox", "a.jsonl", "--snapshot", "a.snapshot"];
        assert_eq!(json(&folder, &args), whole, "byte {at}");
        let told = predicate::str::contains("not used");
        chatfold().current_dir(&folder).args(args).assert().success().stderr(told);
        // Of a snapshot alone what is shown is read, and verified.
        let run = chatfold().current_dir(&folder).args(["inbox", "a.snapshot", "--json"]).output().unwrap();
        let shown = String::from_utf8(run.stdout).unwrap();
        match run.status.code() {
            Some(0) => {
                assert_eq!(shown.parse::<serde_json::Value>().unwrap().to_string(), whole, "byte {at}")
            }
            code => assert_eq!((code, shown.as_str()), (Some(1), ""), "byte {at}"),
        }
        refused.extend((run.status.code() == Some(1)).then_some(at));
    }
    assert!(refused.len() >= 4, "{refused:?} of {} bytes", healthy.len());
}

#[test]
fn a_snapshot_has_no_events_to_choose_from() {
    let folder = folder("5");
    chatfold().current_dir(&folder).args(["inbox", "a.snapshot", "--first", "2"]).assert().code(2);
    let args = ["inbox", "-", "--snapshot", "a.snapshot"];
    chatfold().current_dir(&folder).args(args).assert().code(2);
    let nowhere = ["snapshot", "a.jsonl", "--out", "no/such/folder/a.snapshot"];
    chatfold().current_dir(&folder).args(nowhere).assert().code(4);
}
