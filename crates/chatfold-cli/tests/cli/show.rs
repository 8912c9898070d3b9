//! `chatfold show`.

use crate::support::{Files, Ran, chatfold, event_id, json, log, message_id, run, run_in, team};

const HISTORY: &str = r#"
    bob 08:00:00 - profile_changed {"group":"g","name":"Book club","group_type":"work"}
    bob 08:00:01 - profile_changed {"user":"bob","nickname":"Bob"}
    bob 09:00:00 group_g message_received {"message":{"id":"M1","seq":1,"text":"First chapter?","members":5}}
    alice 09:00:30 group_g conversation_read {"through":{"seq":1}}
    bob 09:01:00 group_g message_received {"message":{"id":"M2","seq":2,"text":"Or the second","reply_to":"M1","mentions":{"users":["alice"]}}}
    carol 09:01:30 group_g message_recalled {"target":"M3","reason":"wrong club"}
    carol 09:02:00 group_g message_received {"message":{"id":"M3","seq":3,"text":"Buy milk"}}
    bob 09:03:00 group_g message_modified {"target":"M1","version":2,"text":"First two chapters?"}
    alice 09:03:10 group_g reaction_set {"target":"M1","reaction":"👍","on":true}
    carol 09:03:20 group_g message_read_by {"targets":["M1"]}
    alice 09:04:00 group_g message_queued {"message":{"id":"M4","seq":3,"text":"Tuesday"}}
    alice 09:04:01 group_g message_failed {"target":"M4","reason":"no network"}
    alice 09:05:00 group_g mark_set {"mark":1,"on":true}
    alice 09:06:00 group_g draft_set {"text":"Wednesday?"}
"#;

/// Runs on a terminal that is wide enough for every line.
fn run_wide(args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    let mut command = chatfold();
    command.env("COLUMNS", "300");
    run_in(command, args, input)
}

#[test]
fn everything_known_of_a_conversation_is_printed() {
    let out = run_wide(&["show", "-", "group_g", "--ids"], log("alice", HISTORY)).ok();
    for part in [
        "Book club  group_g  Work group\n",
        "  listed          yes, number 1 of 1\n",
        "  unread          1 (read up to seq 1)\n",
        "  mentions        1 (you in seq 2)\n",
        "  marks           star\n",
        "  draft           \"Wednesday?\" of 2026-03-01 09:06 UTC\n",
        "\n4 messages\n",
        "  2026-03-01 09:00  Bob: First two chapters?\n",
        "edited, version 2 · 👍 alice · read by carol, 3 to go · seq 1 · ",
        "  2026-03-01 09:01  Bob: Or the second\n",
        "answers Bob: First two chapters? · unread · mentions @alice",
        "  2026-03-01 09:02  carol recalled a message: wrong club\n",
        "  2026-03-01 09:04  You: Tuesday\n                    failed: no network · ",
        "\nWhy\n",
    ] {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    let why = out.split("\nWhy\n").nth(1).unwrap();
    for (label, event) in [
        ("unread", 5),
        ("mentions", 5),
        ("read up to", 4),
        ("last message", 11),
        ("draft", 14),
        ("mark", 13),
        ("name", 1),
    ] {
        let row = why.lines().find(|line| line.trim_start().starts_with(label)).unwrap_or_default();
        assert!(row.contains(&event_id(event)), "{label}: {why}");
    }
    assert!(why.contains(&format!("failed by {}", event_id(12))), "{why}");
}

#[test]
fn events_are_named_by_their_lines_where_the_log_can_be_read_again() {
    let files = Files::new();
    let path = files.write("club.jsonl", log("alice", HISTORY));
    let out = run_wide(&["show", path.to_str().unwrap(), "group_g", "--ids"], "").ok();
    assert!(out.contains(&format!("by {} (line 6: message_received by bob)", event_id(5))), "{out}");
    assert!(out.contains(&format!("by {} (line 15: draft_set by alice)", event_id(14))), "{out}");
}

#[test]
fn the_number_of_messages_and_of_reasons_is_chosen() {
    let log = crate::support::long_log(30);
    let out = run(&["show", "-", "c2c_bob", "-n", "3"], log.as_str()).ok();
    assert!(out.contains("\nLast 3 messages (there are older ones)\n"), "{out}");
    assert!(out.contains("bob: 28\n") && out.contains("bob: 30\n") && !out.contains("bob: 27\n"), "{out}");
    assert!(out.contains("  and 25 more\n"), "{out}");
    let out = run(&["show", "-", "c2c_bob", "--messages", "0", "--why", "100"], log.as_str()).ok();
    assert!(out.contains("\nNo messages\n") && !out.contains(" more\n"), "{out}");
    assert_eq!(out.matches("message_received").count(), 0, "{out}");
}

#[test]
fn the_object_holds_it_all() {
    let object = json(&["show", "-", "group_g", "--json", "-n", "2"], &log("alice", HISTORY));
    assert_eq!(object["conversation"]["conversationID"], "group_g");
    assert_eq!((&object["owner"], &object["listed"]), (&"alice".into(), &true.into()));
    let messages = object["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["msgID"], message_id(3).as_str());
    assert_eq!(
        (&messages[0]["status"], &messages[0]["text"]),
        (&"recalled".into(), &serde_json::Value::Null)
    );
    assert_eq!(messages[0]["recall"]["by"], "carol");
    assert_eq!(
        (&messages[1]["status"], &messages[1]["failureReason"]),
        (&"failed".into(), &"no network".into())
    );
    let why = &object["explanation"];
    assert_eq!(why["unread"], serde_json::json!([{"msgID": message_id(2), "event": event_id(5)}]));
    assert_eq!(why["readMarker"], serde_json::json!([{"because": "read", "event": event_id(4)}]));
    assert_eq!(why["draft"], event_id(14).as_str());
}

#[test]
fn a_conversation_is_found_by_what_only_one_is_called() {
    for (wanted, id) in [
        ("c2c_bob", "c2c_bob"),
        ("bob", "c2c_bob"),
        ("Bob", "c2c_bob"),
        ("李雷", "c2c_li"),
        ("设计组 🎨", "group_design"),
        ("design", "group_design"),
    ] {
        let out = run(&["show", "-", wanted], team()).ok();
        assert!(out.lines().next().unwrap().contains(&format!("  {id}  ")), "{wanted}: {out}");
    }
    let rows = r#"x 09:00:00 c2c_x message_received {"message":{"id":"M1"}}
                  bob 09:00:00 group_x message_received {"message":{"id":"M1","seq":1}}"#;
    let err = run(&["show", "-", "x"], log("alice", rows)).refused(3);
    assert!(
        err.contains("more than one conversation is called \"x\"") && err.contains("c2c_x, group_x"),
        "{err}"
    );
}

#[test]
fn a_conversation_that_is_not_listed_can_be_shown() {
    let log = log(
        "alice",
        r#"bob 09:00:00 c2c_bob message_received {"message":{"id":"M1","text":"Hi"}}
           alice 09:00:01 c2c_bob conversation_deleted {"through":{"time":"2026-03-01T09:00:00.000Z"}}"#,
    );
    let out = run_wide(&["show", "-", "c2c_bob", "--ids"], log).ok();
    assert!(out.contains("  listed          no: ") && out.contains("No messages"), "{out}");
    assert!(out.contains("deleted") && out.contains(&event_id(2)), "{out}");
}

#[test]
fn nothing_from_the_log_drives_the_terminal() {
    let log = log(
        "alice",
        "bob 09:00:00 - profile_changed {\"user\":\"bob\",\"nickname\":\"B\\u001b[31mb\\u202e\"}
         bob 09:00:00 c2c_bob message_received {\"message\":{\"id\":\"M1\",\"text\":\"\\u001b]0;title\\u0007\\u009b2J\"}}
         alice 09:00:00 c2c_bob draft_set {\"text\":\"\\u0008\\u0008\"}
         alice 09:00:00 c2c_bob custom_data_set {\"data\":\"G1szMW0=\"}
         bob 09:00:00 c2c_bob reaction_set {\"target\":\"M1\",\"reaction\":\"\\u001b[1m\",\"on\":true}",
    );
    for args in [&["inbox", "-"][..], &["show", "-", "c2c_bob"], &["stats", "-"], &["check", "-"]] {
        let out = run(args, log.as_str()).ok();
        let harmful = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!out.chars().any(harmful), "{args:?}: {out:?}");
        assert!(args[0] == "check" || out.contains("B\\u{1b}[31mb\\u{202"), "{args:?}: {out}");
    }
}

#[test]
fn a_page_fits_eighty_columns_and_names_nothing_by_uuid() {
    let files = Files::new();
    let path = files.write("team.jsonl", team());
    let path = path.to_str().unwrap();
    for id in ["c2c_bob", "c2c_zoe", "c2c_li", "group_design", "group_news", "c2c_amira"] {
        let out = run(&["show", path, id], "").ok();
        for line in out.lines() {
            assert!(chatfold_words::text::width(line) <= 80, "{line:?}");
            assert!(!line.contains("018f0e2a-"), "{line:?}");
        }
        assert!(out.contains(" in line "), "events are named by their lines: {out}");
        let ids = run(&["show", path, id, "--ids"], "").ok();
        assert!(ids.contains("018f0e2a-"), "{ids}");
        assert!(ids.lines().all(|line| chatfold_words::text::width(line) <= 80), "{ids}");
    }
    let out = run(&["show", path, "group_design"], "").ok();
    assert!(out.contains("  folder          Work in line "), "{out}");
    assert!(
        out.replace("\n                    ", " ").contains("far too long for any line of eighty cells"),
        "{out}"
    );
}

#[test]
fn r34_what_the_peer_has_read_stands_apart_from_its_label() {
    let rows = r#"alice 09:00:00 c2c_bob message_received {"message":{"id":"M1","text":"Hi"}}
                  bob 09:00:01 c2c_bob peer_read {"through":{"time":"2026-03-01T09:00:00.000Z"}}"#;
    let out = run(&["show", "-", "c2c_bob"], log("alice", rows)).ok();
    assert!(out.contains("  peer has read   up to 2026-03-01T09:00:00.000Z\n"), "{out}");
}

#[test]
fn r90_whether_a_message_notifies_is_told_with_its_reason() {
    let rows = r#"
        alice 08:00:00 - quiet_hours_set {"daily":{"start":"22:00:00","duration_s":32400,"utc_offset_s":0}}
        alice 08:00:01 group_g receive_option_set {"option":"not_notify_except_at"}
        bob 09:00:00 c2c_bob message_received {"message":{"id":"M1","text":"Hi"}}
        bob 09:00:01 group_g message_received {"message":{"id":"M2","seq":1,"text":"All?"}}
        bob 09:00:02 group_g message_received {"message":{"id":"M3","seq":2,"mentions":{"users":["alice"]}}}
        alice 09:00:03 c2c_bob messages_deleted {"targets":["M4"]}
        bob 09:00:04 c2c_bob message_received {"message":{"id":"M4","text":"gone"}}"#;
    for (message, now, said) in [
        (
            1,
            "2026-03-01T09:30",
            "push: nothing speaks against it\n  in bob (c2c_bob) at 2026-03-01T09:30:59.999Z\n",
        ),
        (1, "2026-03-01T23:00", "silent: quiet hours are in force\n"),
        (
            2,
            "2026-03-01T09:30",
            "silent: the receive option is not_notify_except_at, and it mentions neither",
        ),
        (3, "2026-03-01T09:30", "push: nothing speaks against it\n"),
        (4, "2026-03-01T09:30", "silent: it is deleted or cleared away\n"),
    ] {
        let out = run(&["notify", "-", &message_id(message), "--now", now], log("alice", rows)).ok();
        assert!(out.starts_with(said), "{message} at {now}: {out}");
    }
    let object = json(&["notify", "-", &message_id(1), "--json"], &log("alice", rows));
    assert_eq!(
        (&object["notification"], &object["now"]),
        (&"push".into(), &"2026-03-01T09:00:04.000Z".into())
    );
    run(&["notify", "-", &message_id(9)], log("alice", rows)).refused(3);
    run(&["notify", "-", "last"], log("alice", rows)).refused(2);
}

/// The server told of 20 unread messages, of which two are held, one of them recalled since.
const REPORTED: &str = r#"
    bob 09:00:00 group_g message_received {"message":{"id":"M1","seq":39,"text":"Lunch?"}}
    bob 09:00:01 group_g message_received {"message":{"id":"M2","seq":40,"text":"Hello?"}}
    alice 09:01:00 group_g unread_reported {"through":{"seq":40},"unread":20,"read":{"seq":2},"mentions":1}
    bob 09:02:00 group_g message_recalled {"target":"M1"}
    alice 09:03:00 group_g messages_deleted {"targets":["M5"]}
    alice 09:04:00 group_g history_complete {"from":{"seq":10},"through":{"seq":20}}"#;

#[test]
fn r43_what_a_server_reported_is_told_with_what_became_of_it() {
    let out = run_wide(&["show", "-", "group_g"], log("alice", REPORTED)).ok();
    for part in [
        "  unread          18+ (read up to seq 2)\n",
        "  not held        seq 21 to seq 38, which would settle the number\n",
        "  report          20 unread up to seq 40, read up to seq 2, reported\n",
        "                  a message, taken from it: removed or read since\n",
        "                  a message, not held, and perhaps taken from it: removed or read since\n",
        "                  so 18 to 19 unread\n",
        "                  and mentions: ",
    ] {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    let object = json(&["show", "-", "group_g", "--json"], &log("alice", REPORTED));
    let told = &object["explanation"]["report"];
    assert_eq!((&told["event"], &told["unread"]), (&event_id(3).into(), &20.into()));
    assert_eq!(told["left"], serde_json::json!([message_id(1)]));
    assert_eq!(told["mayHaveLeft"], serde_json::json!([message_id(5)]));
    assert_eq!(told["unreadBounds"]["least"], object["conversation"]["unreadCount"]);
    let object = json(&["show", "-", "group_g", "--json"], &log("alice", HISTORY));
    assert!(object["explanation"].get("report").is_none(), "without a report nothing tells of one");
}

#[test]
fn r43_a_contradiction_and_a_floor_are_told() {
    let rows = r#"
        bob 09:00:00 group_g message_received {"message":{"id":"M1","seq":3,"text":"Lunch?"}}
        bob 09:00:30 group_g message_recalled {"target":"M1"}
        alice 09:01:00 group_g unread_reported {"through":{"seq":3},"unread":2,"read":{"seq":1}}
        bob 09:00:00 c2c_bob message_received {"message":{"id":"M2","text":"Lunch?"}}
        alice 09:01:00 c2c_bob unread_reported {"through":{"time":"2026-03-01T09:00:00.000Z"},"unread":5,"at_least":true}
        alice 09:02:00 c2c_bob conversation_read {"through":{"message":"M9"}}"#;
    let out = run_wide(&["show", "-", "group_g"], log("alice", rows)).ok();
    assert!(out.contains("contradict each other") && out.contains("so at least 0 unread"), "{out}");
    let out = run_wide(&["show", "-", "c2c_bob"], log("alice", rows)).ok();
    assert!(out.contains("at least 5 unread up to 2026") && out.contains("nobody knows where"), "{out}");
    assert!(out.contains("a message, not held, and a read or mark waits for it"), "{out}");
}
