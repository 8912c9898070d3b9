//! What is read: files, standard input, packed logs, and the options that choose from them.

use crate::support::{Files, gzip, json, line, listed, log, long_log, run, team, zstd};

fn unread(args: &[&str], input: &str) -> u64 {
    json(&[&["inbox", "-", "--json"], args].concat(), input)["totalUnreadCount"].as_u64().unwrap()
}

#[test]
fn a_log_is_read_the_same_from_a_file_from_standard_input_and_packed() {
    let files = Files::new();
    let log = team();
    let plain = run(&["inbox", "-"], log.as_str()).ok();
    let (head, tail) = log.split_at(log.len() / 2);
    let both = |pack: fn(&[u8]) -> Vec<u8>| [pack(head.as_bytes()), pack(tail.as_bytes())].concat();
    for (name, bytes) in [
        ("team.jsonl", log.clone().into_bytes()),
        // Told by content: the names say nothing, or something wrong.
        ("packed", gzip(log.as_bytes())),
        ("gzip.zst", gzip(log.as_bytes())),
        ("zstd.jsonl", zstd(log.as_bytes())),
        ("members.gz", both(gzip)),
        ("frames.zst", both(zstd)),
        (
            "skippable.zst",
            [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(log.as_bytes())].concat(),
        ),
    ] {
        let path = files.write(name, &bytes);
        assert_eq!(run(&["inbox", path.to_str().unwrap()], "").ok(), plain, "{name}");
        assert_eq!(run(&["inbox", "-"], bytes).ok(), plain, "{name} on standard input");
    }
}

#[test]
fn line_ends_do_not_matter() {
    let log = team();
    let plain = run(&["inbox", "-"], log.as_str()).ok();
    assert_eq!(run(&["inbox", "-"], log.trim_end()).ok(), plain);
    assert_eq!(run(&["inbox", "-"], log.replace('\n', "\r\n")).ok(), plain);
}

#[test]
fn first_counts_every_event_line() {
    let log = format!(
        "{}{}\n{}\n",
        log(
            "alice",
            r#"bob 09:00:00 c2c_bob message_received {"message":{"id":"M1"}}
               bob 09:00:00 c2c_bob poll_opened {"options":3}"#
        ),
        line(3, r#"bob 09:00:01 c2c_bob message_received {"message":{"id":"M2"}}"#),
        "this is not read",
    );
    for (first, unread_now, skipped) in [("0", 0, 0), ("1", 1, 0), ("2", 1, 1), ("3", 2, 1)] {
        let ran = run(&["inbox", "-", "--json", "--first", first], log.as_str());
        let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(
            (ran.code, object["totalUnreadCount"].as_u64(), object["skippedEvents"].as_u64()),
            (0, Some(unread_now), Some(skipped)),
            "--first {first}: {ran:?}"
        );
    }
    assert_eq!(run(&["inbox", "-", "--first", "4"], log.as_str()).code, 1);
    // Faulty lines count too where they are passed over.
    let faulty = log.replacen(",\"type\":\"poll_opened\"", "", 1);
    let ran = run(&["inbox", "-", "--json", "--keep-going", "--first", "2"], faulty);
    assert!(ran.code == 1 && ran.out.contains("\"totalUnreadCount\":1,"), "{ran:?}");
}

#[test]
fn what_is_skipped_is_said() {
    let log = log(
        "alice",
        r#"bob 09:00:00 c2c_bob poll_opened {"options":3}
           bob 09:00:01 c2c_bob poll_opened {"options":4}
           bob 09:00:02 c2c_bob message_received {"message":{"id":"M1"}}"#,
    ) + "{\"v\":2,\"something\":\"else\"}\n";
    let ran = run(&["inbox", "-"], log.as_str());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("standard input: 3 lines skipped:"), "{ran:?}");
    assert!(ran.err.contains("unknown type \"poll_opened\" (2)") && ran.err.contains("version 2"), "{ran:?}");
    assert!(ran.out.contains("1 event read, 3 skipped"), "{ran:?}");
}

#[test]
fn at_reads_events_up_to_then_whatever_their_order() {
    let log = log(
        "alice",
        r#"bob 2026-03-02T00:00:00.000Z c2c_bob message_received {"message":{"id":"M1"}}
           bob 2026-03-01T23:59:59.999Z c2c_bob message_received {"message":{"id":"M2"}}
           bob 2026-03-01T09:00:05.000Z c2c_bob message_received {"message":{"id":"M3"}}
           bob 2026-03-01T09:00:05.001Z c2c_bob message_received {"message":{"id":"M4"}}
           bob 2026-03-01T09:01:00.000Z c2c_bob message_received {"message":{"id":"M5"}}"#,
    );
    for (at, expected) in [
        ("2026-03-01T09:00:05.000Z", 1),
        ("2026-03-01T09:00:05", 2),
        ("2026-03-01 09:00:05Z", 2),
        ("2026-03-01T17:00:05+08:00", 2),
        ("2026-03-01T09:00", 2),
        ("2026-03-01T09:01", 3),
        ("2026-03-01", 4),
        ("2026-03-02", 5),
        ("2026-02-28", 0),
    ] {
        assert_eq!(unread(&["--at", at], &log), expected, "{at}");
    }
    let ran = run(&["inbox", "-", "--at", "2026-03-01"], log.as_str()).ok();
    assert!(ran.contains("4 events read, 1 later") && ran.contains("as of 2026-03-01 23:59 UTC"), "{ran}");
}

#[test]
fn policy_decides_how_the_fold_counts() {
    let log = log(
        "alice",
        r#"bob 08:00:00 - profile_changed {"group":"m","group_type":"meeting"}
           bob 09:00:00 group_m message_received {"message":{"id":"M1","seq":1}}
           bob 09:00:00 c2c_bob message_received {"message":{"id":"M2"}}
           alice 09:00:01 c2c_bob message_received {"message":{"id":"M3"}}"#,
    );
    for (policy, expected) in [
        (&[][..], 1),
        (&["--policy", "meeting_unread"], 2),
        (&["--policy", "own_message_reads"], 0),
        (&["--policy", "own_message_reads,meeting_unread"], 1),
        (&["--policy", "own_message_reads", "--policy", "meeting_unread"], 1),
    ] {
        assert_eq!(unread(policy, &log), expected, "{policy:?}");
    }
}

#[test]
fn as_reads_the_log_for_another_owner() {
    let log = log("alice", r#"bob 09:00:00 c2c_alice message_received {"message":{"id":"M1","text":"Hi"}}"#);
    let object = json(&["inbox", "-", "--json", "--as", "bob"], &log);
    assert_eq!(object["owner"], "bob");
    assert_eq!(object["conversationList"][0]["lastMessage"]["isSelf"], true);
    assert_eq!(object["totalUnreadCount"], 0);
}

#[test]
fn a_long_log_is_read_whole() {
    let log = long_log(3_000);
    assert_eq!(unread(&[], &log), 3_000);
    let object = json(&["inbox", "-", "--json", "--first", "1234"], &log);
    assert_eq!(object["totalUnreadCount"], 1234);
    assert_eq!(listed(&[], &log), ["c2c_bob"]);
}
