//! `chatfold cloud`, `diff` and `merge`.

use serde_json::json;

use crate::support::{Files, event_id, json, log, message_id, run, team, zstd};

fn two(files: &Files, left: &str, right: &str) -> (String, String) {
    let path = |name, log: &str| files.write(name, log).to_str().unwrap().to_owned();
    (path("a.jsonl", left), path("b.jsonl", right))
}

const LUNCH: &str = r#"bob 09:00:00 c2c_bob message_received {"message":{"id":"M1","text":"Lunch?"}}"#;
const READ: &str = r#"alice 09:01:00 c2c_bob conversation_read {"through":{"message":"M1"}}"#;

#[test]
fn r95_the_cloud_keeps_and_evicts_with_reasons() {
    let object = json(&["cloud", "-", "--json", "--max", "3"], &team());
    let ids = |rows: &serde_json::Value| -> Vec<String> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["conversationID"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&object["kept"]), ["c2c_bob", "group_design", "group_news"]);
    assert_eq!(ids(&object["evicted"]), ["c2c_li", "c2c_amira", "c2c_zoe"]);
    assert_eq!(object["evicted"][0]["reason"], "count");
    assert_eq!(object["evicted"][0]["place"], 4);
    assert_eq!(object["evicted"][2]["reason"], "age");
    assert_eq!(object["directUnread"], json!([{"conversationID": "c2c_bob", "unread": 1}]));
    assert_eq!(object["now"], "2026-03-01T09:00:10.000Z", "the newest event, never the clock");
}

#[test]
fn r95_plans_and_days_are_chosen() {
    let object = json(&["cloud", "-", "--json", "--plan", "ultimate", "--now", "2026-03-08"], &team());
    assert_eq!(object["policy"]["maxConversations"], 500);
    let week = json(&["cloud", "-", "--json", "--now", "2026-03-08T09:00:00.000Z"], &log("alice", LUNCH));
    assert_eq!(week["kept"].as_array().unwrap().len(), 1);
    let later = ["cloud", "-", "--json", "--now", "2026-03-08T09:00:00.001Z"];
    assert_eq!(json(&later, &log("alice", LUNCH))["evicted"][0]["idleMilliseconds"], 604_800_001);
    let month = json(&[&later[..], &["--idle-days", "30"]].concat(), &log("alice", LUNCH));
    assert_eq!(month["kept"].as_array().unwrap().len(), 1);
}

#[test]
fn r95_people_are_told_too() {
    let out = run(&["cloud", "-", "--max", "3", "--ascii"], team()).ok();
    assert!(out.starts_with("3 of 6 conversations kept\nstandard plan: 3 conversations, 7 days"), "{out}");
    for said in ["Bob  c2c_bob", "1 unread", "too many: number 4 by activity", "too old: idle for 59 d 23 h"]
    {
        assert!(out.contains(said), "{said}: {out}");
    }
    let draft = log("alice", r#"alice 09:00:00 c2c_bob draft_set {"text":"hm"}"#);
    let out = run(&["cloud", "-"], draft).ok();
    assert!(
        out.contains("Only on this device\n  c2c_bob") && out.contains("nothing of it was ever sent"),
        "{out}"
    );
}

#[test]
fn r96_equal_logs_do_not_differ() {
    let files = Files::new();
    let lines: Vec<String> = team().lines().map(str::to_owned).collect();
    let mut backwards = lines.clone();
    backwards[1..].reverse();
    let (a, b) = two(&files, &team(), &(backwards.join("\n") + "\n"));
    assert!(run(&["diff", &a, &b], "").ok().ends_with("The same: nothing differs.\n"));
    assert_eq!(json(&["diff", &a, "-", "--json"], &team())["same"], true);
}

#[test]
fn r96_a_person_reads_what_differs_and_what_is_lacking() {
    let files = Files::new();
    let (a, b) = two(&files, &log("alice", LUNCH), &log("alice", &format!("{LUNCH}\n{READ}")));
    let ran = run(&["diff", &a, &b], "");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{ran:?}");
    for said in [
        "inbox of alice, 1 event\n",
        "\nThe whole inbox\n  total unread        A 1   B 0\n",
        "\nc2c_bob\n  unread count        A 1   B 0\n",
        "  read marker         A nothing   B 2026-03-01T09:00:00.000Z\n",
        &format!(
            "\nA lacks 1 event\n  {}  2026-03-01T09:01:00.000Z  conversation_read by alice in c2c_bob\n",
            event_id(2)
        ),
    ] {
        assert!(ran.out.contains(said), "{said:?}: {}", ran.out);
    }
    assert!(!ran.out.contains("order key") && !ran.out.contains("B lacks"), "{}", ran.out);
}

#[test]
fn r96_a_program_reads_it_too() {
    let files = Files::new();
    let pin = "alice 09:02:00 group_dev conversation_pinned {\"on\":true}";
    let (a, b) = two(&files, &log("alice", &format!("{LUNCH}\n{READ}\n{pin}")), &log("alice", LUNCH));
    let ran = run(&["diff", &a, &b, "--json"], "");
    assert_eq!(ran.code, 1);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(object["same"], false);
    assert_eq!(object["conversations"][1]["conversationID"], "group_dev");
    assert_eq!(
        object["conversations"][1]["differences"][0],
        json!({"attribute": "listed", "a": "yes", "b": "no"})
    );
    assert_eq!(object["lacks"]["a"], json!([]));
    let lacked: Vec<&str> =
        object["lacks"]["b"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(lacked, [event_id(2), event_id(3)]);
}

#[test]
fn r96_what_waits_is_lacking_though_nothing_shows() {
    let files = Files::new();
    let recall = r#"bob 09:01:00 c2c_bob message_recalled {"target":"M9"}"#;
    let (a, b) = two(&files, &log("alice", LUNCH), &log("alice", &format!("{LUNCH}\n{recall}")));
    let ran = run(&["diff", &a, &b], "");
    assert!(ran.code == 1 && ran.out.contains("The inboxes show the same.\n\nA lacks 1 event\n"), "{ran:?}");
}

#[test]
fn r96_merging_ends_it() {
    let files = Files::new();
    let lines: Vec<String> = team().lines().map(str::to_owned).collect();
    let half = |keep: fn(usize) -> bool| -> String {
        let kept = lines.iter().enumerate().filter(|(n, _)| *n == 0 || keep(*n));
        kept.map(|(_, line)| format!("{line}\n")).collect()
    };
    let (a, b) = two(&files, &half(|n| n % 3 != 0), &half(|n| n % 3 == 0 || n > 20));
    let merged = run(&["merge", &a, &b], "").ok();
    assert_eq!(merged, run(&["merge", &b, &a, &a], "").ok(), "any order, any number of times");
    let whole = files.write("whole.jsonl", team());
    assert!(
        run(&["diff", whole.to_str().unwrap(), "-"], merged.clone()).ok().ends_with("nothing differs.\n")
    );
    let stamps: Vec<String> = merged.lines().skip(1).map(|line| line[57..81].to_owned()).collect();
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert_eq!(merged.lines().count(), lines.len());
}

#[test]
fn r07_merge_keeps_two_events_of_one_id_and_one_of_two_equal_ones() {
    let files = Files::new();
    let other = log("alice", &LUNCH.replace("Lunch?", "Dinner?"));
    let (a, b) = two(&files, &log("alice", LUNCH), &other);
    let merged = run(&["merge", &a, &b, &a], "").ok();
    assert_eq!(merged.lines().count(), 3, "{merged}");
    assert!(merged.contains("Lunch?") && merged.contains("Dinner?"));
    assert_eq!(merged.matches(&message_id(1)).count(), 2);
}

#[test]
fn r99_merge_keeps_skipped_lines_once_and_in_place() {
    let files = Files::new();
    let poll = "bob 08:59:00 c2c_bob poll_opened {\"options\":3}";
    let newer = "{\"v\":2,\"mood\":\"good\"}";
    let a = log("alice", &format!("{LUNCH}\n{poll}")) + newer + "\n";
    let path = files.write("a.jsonl.zst", zstd(a.as_bytes()));
    let ran = run(&["merge", path.to_str().unwrap(), "-"], a);
    assert_eq!(ran.code, 0);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(
        lines[1].contains("poll_opened") && lines[2] == newer && lines[3].contains("Lunch?"),
        "{lines:?}"
    );
    assert!(ran.err.contains("2 lines skipped"), "{}", ran.err);
}

/// A line without a stamp has no place of its own: it stands where it stands earliest, whichever log is read first.
#[test]
fn r99_merge_places_lines_without_a_stamp_alike_in_any_order() {
    let files = Files::new();
    let newer = "{\"v\":2,\"mood\":\"good\"}\n";
    let early = "bob 08:00:00 c2c_bob message_received {\"message\":{\"id\":\"M7\",\"text\":\"Up?\"}}";
    let late = log("alice", &format!("{early}\n{LUNCH}"));
    let header = late.lines().next().unwrap().to_owned() + "\n";
    let (a, b) = two(&files, &(late.clone() + newer), &late.replacen(&header, &(header.clone() + newer), 1));
    let merged = run(&["merge", &a, &b], "");
    let place = merged.out.lines().position(|line| line == newer.trim_end());
    assert_eq!((merged.code, place), (0, Some(1)), "{merged:?}");
    assert_eq!(merged.out, run(&["merge", &b, &a], "").out);
}

#[test]
fn merge_refuses_what_it_must() {
    let files = Files::new();
    let (a, b) = two(&files, &log("alice", LUNCH), &log("bob", ""));
    let err = run(&["merge", &a, &b], "").refused(1);
    assert!(err.contains("expected the log of \"alice\"") && err.contains("found that of \"bob\""), "{err}");
    assert!(
        run(&["merge", &a, &b, "--as", "carol"], "")
            .ok()
            .starts_with("{\"log\":\"chatfold\",\"v\":1,\"owner\":\"carol\"}\n")
    );
    run(&["merge", "-", "-"], "").refused(2);
    run(&["diff", "-", "-"], "").refused(2);
    run(&["merge"], "").refused(2);
    run(&["merge", "nowhere.jsonl"], "").refused(4);
    let faulty = files.write("faulty.jsonl", log("alice", LUNCH) + "{}\n");
    let faulty = faulty.to_str().unwrap();
    run(&["merge", &a, faulty], "").refused(1);
    let ran = run(&["merge", &a, faulty, "--keep-going"], "");
    assert!(ran.code == 1 && ran.out.lines().count() == 2 && ran.err.contains("line 3"), "{ran:?}");
}

#[test]
fn r96_two_owners_are_not_compared() {
    let files = Files::new();
    let (a, b) = two(&files, &log("alice", LUNCH), &log("bob", LUNCH));
    let err = run(&["diff", &a, &b], "").refused(1);
    assert!(err.contains("expected the log of \"alice\"") && err.contains("found that of \"bob\""), "{err}");
    assert_eq!(run(&["diff", &a, &b, "--as", "alice"], "").code, 0);
}

#[test]
fn r96_differences_are_said_in_words() {
    let files = Files::new();
    let set = r#"
        alice 09:02:00 - quiet_hours_set {"daily":{"start":"22:00:00","duration_s":32400,"utc_offset_s":3600}}
        alice 09:03:00 c2c_bob receive_option_set {"option":"not_receive_except_at"}
        bob 09:04:00 c2c_bob message_recalled {"target":"M1","reason":"typo"}"#;
    let (a, b) = two(&files, &log("alice", LUNCH), &log("alice", &format!("{LUNCH}\n{set}")));
    let out = run(&["diff", &a, &b], "").out;
    for said in [
        "every day from 22:00:00 for 9:00:00 hours, UTC+01:00",
        "A receive   B not receive except at",
        "A sent   B recalled",
        "by bob at 2026-03-01T09:04:00.000Z (event ",
    ] {
        assert!(out.contains(said), "{said:?}: {out}");
    }
    assert!(!out.contains("start_s"), "{out}");
}
