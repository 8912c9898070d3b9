//! `chatfold import`.

use serde_json::Value;

use crate::support::{Files, json, run};

/// The payloads of a story, one a line, with when each came; and the story's owner and network.
fn story(system: &str, name: &str) -> (String, String, String) {
    let path = format!("{}/../../fixtures/adapters/{system}/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let story: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let lines: Vec<String> = story["payloads"].as_array().unwrap().iter().map(Value::to_string).collect();
    let text = |key: &str| story[key].as_str().unwrap().to_owned();
    (lines.join("\n") + "\n", text("owner"), text("network"))
}

/// Imports a story; returns the log and what was said beside it.
fn import(system: &str, name: &str, more: &[&str]) -> (String, String) {
    let (lines, owner, network) = story(system, name);
    let args = ["import", "adapter", system, "-", "--owner", &owner, "--network", &network];
    let ran = run(&[&args, more].concat(), lines);
    assert_eq!(ran.code, 0, "{ran:?}");
    (ran.out, ran.err)
}

#[test]
fn what_servers_said_becomes_a_sound_log() {
    for (system, name, more) in [
        ("slack", "story", &[][..]),
        ("telegram", "bot", &["--username", "@alice_bot"]),
        ("telegram", "tdlib", &["--username", "alice"]),
        ("matrix", "story", &[]),
        ("xmpp", "story", &["--occupant", "cell@chat.example=occ-juliet"]),
    ] {
        let (log, _) = import(system, name, more);
        let checked = run(&["check", "-"], log.clone()).ok();
        assert!(checked.ends_with("every fold gives the same inbox\n"), "{system}: {checked}");
        let listed = json(&["inbox", "-", "--json"], &log);
        assert!(listed["conversationList"].as_array().unwrap().len() >= 3, "{system}: {listed}");
    }
}

#[test]
fn the_list_is_that_of_the_story() {
    let (log, err) = import("slack", "story", &[]);
    assert_eq!(err, "chatfold: left out: user_typing (1)\n");
    let list = run(&["inbox", "-", "--time", "absolute"], log).ok();
    for shown in ["general", "Bob Baker", "builds", "plan.png"] {
        assert!(list.contains(shown), "{shown}: {list}");
    }
    // The same payloads again are the same log.
    let (lines, owner, network) = story("slack", "story");
    let args = ["import", "adapter", "slack", "-", "--owner", &owner, "--network", &network];
    assert_eq!(run(&args, lines.clone()).out, run(&args, lines.clone() + &lines).out);
}

const MESSAGE: &str = r#"{"update_id":1,"message":{"message_id":7,"date":1772355600,"text":"Lunch?","chat":{"id":5002,"type":"private"},"from":{"id":5002}}}"#;

#[test]
fn a_fault_is_told_with_file_line_and_place() {
    let files = Files::new();
    let path = files.write("updates.jsonl", format!("{MESSAGE}\n\n{}\n", MESSAGE.replace(":7,", ":-7,")));
    let path = path.to_str().unwrap();
    let args = ["import", "adapter", "telegram", path, "--owner", "4001"];
    let fault = format!(
        "chatfold: {path}: line 3: /message/message_id: expected the number of a message, found -7\n"
    );
    assert!(run(&args, "").refused(1).starts_with(&fault));
    let ran = run(&[&args[..], &["--keep-going"]].concat(), "");
    assert_eq!((ran.code, ran.err.as_str()), (1, fault.as_str()));
    assert_eq!(json(&["inbox", "-", "--json"], &ran.out)["totalUnreadCount"], 1);
    let err = run(&["import", "adapter", "telegram", "-", "--owner", "4001"], "{\"a\":\n").refused(1);
    assert!(
        err.starts_with("chatfold: standard input: line 1: line 1, column 5: expected JSON, found "),
        "{err}"
    );
}

#[test]
fn stanzas_come_as_xml_or_as_a_text_in_json() {
    let xml = "<message from='bob@hs' type='chat'><body>Lunch &amp; tea?</body><stanza-id xmlns='urn:xmpp:sid:0' by='alice@hs' id='1'/></message>";
    let args = ["import", "adapter", "xmpp", "-", "--owner", "alice@hs", "--at", "2026-03-01T09:00:00Z"];
    let plain = run(&args, xml).ok();
    assert!(plain.contains("Lunch & tea?"), "{plain}");
    assert_eq!(run(&args, Value::from(xml).to_string()).ok(), plain);
    let told = serde_json::json!({"received_at": "2026-03-01T09:00:00Z", "payload": xml}).to_string();
    let without = ["import", "adapter", "xmpp", "-", "--owner", "alice@hs"];
    assert_eq!(run(&without, told).ok(), plain);
}

#[test]
fn when_a_payload_came_is_a_time_where_a_line_says_it() {
    let line = |when: &str| format!("{{\"received_at\":{when},\"payload\":{MESSAGE}}}\n");
    let args = ["import", "adapter", "telegram", "-", "--owner", "4001"];
    for when in ["\"yesterday at nine\"", "1772355600"] {
        let lines = line(when) + &line("\"2026-03-01T09:00:00Z\"");
        let fault =
            format!("chatfold: standard input: line 1: /received_at: expected a time, found {when}\n");
        assert!(run(&args, lines.clone()).refused(1).starts_with(&fault));
        let ran = run(&[&args[..], &["--keep-going"]].concat(), lines);
        assert_eq!((ran.code, ran.err.as_str()), (1, fault.as_str()));
        assert_eq!(json(&["inbox", "-", "--json"], &ran.out)["totalUnreadCount"], 1);
    }
}

#[test]
fn options_that_make_no_sense_end_with_2_and_files_that_are_not_there_with_4() {
    let err = run(&["import", "adapter", "slack", "-", "--owner", "U1"], "").refused(2);
    assert!(err.contains("--network slack/t024"), "{err}");
    for args in [
        &["import"][..],
        &["import", "adapter"],
        &["import", "adapter", "irc", "-", "--owner", "a"],
        &["import", "adapter", "matrix", "-"],
        &["import", "adapter", "matrix", "--owner", "@a:hs"],
        &["import", "adapter", "matrix", "-", "--owner", ""],
        &["import", "adapter", "matrix", "-", "--owner", "@a:hs", "--network", "Matrix"],
        &["import", "adapter", "matrix", "-", "--owner", "@a:hs", "--username", "a"],
        &["import", "adapter", "slack", "-", "--owner", "U1", "--network", "slack/t1", "--direct", "D1"],
        &["import", "adapter", "matrix", "sqlite:chat.db#alice", "--owner", "@a:hs"],
    ] {
        assert!(!run(args, "").refused(2).is_empty(), "{args:?}");
    }
    let err = run(&["import", "adapter", "matrix", "missing.jsonl", "--owner", "@a:hs"], "").refused(4);
    assert!(err.contains("missing.jsonl: cannot be read"), "{err}");
}

#[test]
fn what_listeners_of_v2tim_were_called_with_becomes_a_sound_log() {
    for name in ["native", "web"] {
        let (lines, owner, _) = story("v2tim", name);
        let args = ["import", "v2tim", "-", "--owner", &owner];
        let ran = run(&args, lines.clone());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let log = ran.out;
        assert!(log.starts_with("{\"log\":\"chatfold\",\"v\":1,\"owner\":\"alice\"}\n"), "{log}");
        let checked = run(&["check", "-"], log.clone()).ok();
        assert!(checked.ends_with("every fold gives the same inbox\n"), "{name}: {checked}");
        let expected = std::fs::read_to_string(format!(
            "{}/../../fixtures/adapters/v2tim/{name}.txt",
            env!("CARGO_MANIFEST_DIR")
        ));
        let listed = json(&["inbox", "-", "--json"], &log);
        for row in listed["conversationList"].as_array().unwrap() {
            let begin = format!(
                "{} {:?} unread {}",
                row["conversationID"].as_str().unwrap(),
                row["showName"].as_str().unwrap(),
                row["unreadCount"]
            );
            assert!(expected.as_ref().unwrap().contains(&begin), "{name}: {begin}");
        }
        assert_eq!(run(&args, lines.clone() + &lines).out, log, "the same twice is the same log");
    }
    // A recall finds its message whatever line it stands on; a fault has its place.
    let recall = r#"{"received_at":"2026-03-01T09:00:00Z","payload":{"callback":"onRecvMessageRevoked","args":["m"]}}"#;
    let ran = run(&["import", "v2tim", "-", "--owner", "alice"], recall.to_owned());
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("line 1: /args/0: expected a message that was learned, found \"m\""),
        "{}",
        ran.err
    );
    let message = r#"{"callback":"onRecvNewMessage","args":[{"message_msg_id":"m","message_conv_id":"bob","message_conv_type":1,"message_sender":"bob","message_server_time":1}]}"#;
    let log = run(
        &["import", "v2tim", "-", "--owner", "alice", "--at", "2026-03-01"],
        format!("{recall}\n{message}\n"),
    )
    .ok();
    assert!(log.contains("message_recalled"), "{log}");
}
