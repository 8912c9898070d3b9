//! The inbox as JSON.

use serde_json::{Value, json as object};

use crate::support::{json, line, listed, log, run, team};

const KEYS: [&str; 20] = [
    "conversationID",
    "type",
    "userID",
    "groupID",
    "showName",
    "faceUrl",
    "groupType",
    "unreadCount",
    "lastMessage",
    "draftText",
    "draftTimestamp",
    "isPinned",
    "recvOpt",
    "groupAtInfoList",
    "orderkey",
    "markList",
    "customData",
    "conversationGroupList",
    "c2cReadTimestamp",
    "groupReadSequence",
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_object_has_exactly_the_keys_of_the_format() {
    let text = run(&["inbox", "-", "--json"], team()).ok();
    assert!(text.starts_with("{\"owner\":\"alice\",\"totalUnreadCount\":4,\"totalUnreadCountAll\":6,\"skippedEvents\":0,\"digest\":\""), "{text}");
    assert!(text.ends_with("}\n") && text.lines().count() == 1, "{text}");
    let inbox: Value = serde_json::from_str(&text).unwrap();
    let digest = inbox["digest"].as_str().unwrap();
    assert!(digest.len() >= 32 && digest.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
    for row in inbox["conversationList"].as_array().unwrap() {
        let (mut found, mut expected) = (keys(row), KEYS.to_vec());
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert!(row["markList"].is_array() && row["groupAtInfoList"].is_array(), "{row}");
    }
    let design = &inbox["conversationList"][0];
    assert_eq!(design["conversationID"], "group_design");
    assert_eq!((&design["type"], &design["groupType"]), (&object!(2), &object!("Work")));
    assert_eq!(design["showName"], "设计组 🎨");
    assert_eq!(design["groupAtInfoList"], object!([{"seq":"1","atType":1},{"seq":"2","atType":2}]));
    assert_eq!(design["conversationGroupList"], object!(["Work"]));
    let bob = &inbox["conversationList"][1];
    assert_eq!((&bob["userID"], &bob["groupID"]), (&object!("bob"), &Value::Null));
    assert_eq!(bob["lastMessage"]["status"], 6);
    assert_eq!(bob["lastMessage"]["revokeReason"], "wrong chat");
    assert_eq!(bob["lastMessage"]["textElem"], Value::Null);
}

#[test]
fn equal_sets_of_events_have_equal_digests() {
    let log = team();
    let (header, events) = log.split_once('\n').unwrap();
    let mut lines: Vec<&str> = events.lines().collect();
    let whole = json(&["inbox", "-", "--json"], &log);
    lines.reverse();
    let reversed = format!("{header}\n{}\n{}\n", lines.join("\n"), lines[3]);
    assert_eq!(json(&["inbox", "-", "--json"], &reversed), whole);
    lines.pop();
    let fewer = json(&["inbox", "-", "--json"], &format!("{header}\n{}\n", lines.join("\n")));
    assert_ne!(fewer["digest"], whole["digest"]);
}

#[test]
fn filters_conjoin() {
    let rows = r#"
        alice 08:00:00 - folder_created {"folder":"F1","name":"Work"}
        alice 08:00:01 - folder_created {"folder":"F2","name":"Play"}
        alice 08:00:02 group_a folder_member_set {"folder":"F1","on":true}
        alice 08:00:03 c2c_bob folder_member_set {"folder":"F2","on":true}
        alice 08:00:04 group_b mark_set {"mark":1,"on":true}
        alice 08:00:05 c2c_bob mark_set {"mark":4294967296,"on":true}
        bob 09:00:00 c2c_bob message_received {"message":{"id":"M1"}}
        carl 09:00:01 c2c_carl message_received {"message":{"id":"M2"}}
        alice 09:00:02 c2c_carl conversation_read {"through":{"message":"M2"}}
        bob 09:00:03 group_a message_received {"message":{"id":"M3","seq":1,"mentions":{"all":true}}}
        bob 09:00:04 group_b message_received {"message":{"id":"M4","seq":1}}
    "#;
    let log = log("alice", rows);
    let id = crate::support::folder_id(1);
    for (args, expected) in [
        (&[][..], &["group_b", "group_a", "c2c_carl", "c2c_bob"][..]),
        (&["--type", "direct"], &["c2c_carl", "c2c_bob"]),
        (&["--type", "group"], &["group_b", "group_a"]),
        (&["--folder", "Work"], &["group_a"]),
        (&["--folder", &id], &["group_a"]),
        (&["--no-folder"], &["group_b", "c2c_carl"]),
        (&["--mark", "star"], &["group_b"]),
        (&["--mark", "1"], &["group_b"]),
        (&["--mark", "1<<32"], &["c2c_bob"]),
        (&["--mark", "hide"], &[]),
        (&["--no-mark"], &["group_a", "c2c_carl"]),
        (&["--unread"], &["group_b", "group_a", "c2c_bob"]),
        (&["--mention"], &["group_a"]),
        (&["--unread", "--type", "direct"], &["c2c_bob"]),
        (&["--unread", "--no-mark", "--type", "direct"], &[]),
        (&["--limit", "2"], &["group_b", "group_a"]),
        (&["--limit", "1", "--type", "direct"], &["c2c_carl"]),
        (&["--limit", "0"], &[]),
    ] {
        assert_eq!(listed(args, &log), expected, "{args:?}");
    }
    let (all, some) = (
        run(&["inbox", "-", "--json"], log.clone()).ok(),
        run(&["inbox", "-", "--json", "--limit", "1"], log).ok(),
    );
    let end = all.find(r#"},{"conversationID""#).unwrap();
    assert_eq!(some.get(..end), all.get(..end), "a limit changes neither keys nor their order");
}

#[test]
fn two_folders_of_one_name_are_told_apart_by_id() {
    let log = log(
        "alice",
        r#"alice 08:00:00 - folder_created {"folder":"F1","name":"Work"}
           alice 08:00:01 - folder_created {"folder":"F2","name":"Work"}
           alice 08:00:02 group_a folder_member_set {"folder":"F2","on":true}
           bob 09:00:00 group_a message_received {"message":{"id":"M1","seq":1}}"#,
    );
    let id = crate::support::folder_id(2);
    let err = run(&["inbox", "-", "--folder", "Work"], log.as_str()).refused(3);
    assert!(err.contains("more than one folder") && err.contains(&id), "{err}");
    assert_eq!(listed(&["--folder", &id], &log), ["group_a"]);
    let gone = log.clone() + &line(5, r#"alice 09:00:01 - folder_deleted {"folder":"F2"}"#);
    run(&["inbox", "-", "--folder", &id], gone.as_str()).refused(3);
    assert!(listed(&["--folder", "Work"], &gone).is_empty());
}

#[test]
fn rows_are_written_in_the_dialect_asked_for() {
    let flutter = json(&["inbox", "-", "--json", "--dialect", "flutter"], &team());
    assert_eq!(flutter, json(&["inbox", "-", "--json"], &team()));
    let rows = |args: &[&str]| {
        json(&[&["inbox", "-", "--json"], args].concat(), &team())["conversationList"].clone()
    };
    let native = rows(&["--dialect", "native"]);
    assert_eq!((&native[0]["conv_id"], &native[0]["conv_type"]), (&object!("design"), &object!(2)));
    let web = rows(&["--dialect", "web", "--all-keys"]);
    assert_eq!((&web[0]["conversationID"], &web[0]["archived"]), (&object!("GROUPdesign"), &object!(false)));
    assert_eq!(web.as_array().unwrap().len(), flutter["conversationList"].as_array().unwrap().len());
    let shown = json(&["show", "-", "c2c_bob", "--json", "--dialect", "native"], &team());
    assert_eq!((&shown["conversation"]["conv_id"], &shown["owner"]), (&object!("bob"), &object!("alice")));
}

#[test]
fn options_of_a_dialect_reach_its_rows() {
    let rows = r#"
        alice 08:00:00 c2c_bob custom_data_set {"data":"eyJhIjoxfQ=="}
        bob 08:00:01 c2c_bob message_received {"message":{"id":"M1","kind":"image"}}
        "#;
    let log = log("alice", rows);
    let row = |args: &[&str]| {
        json(&[&["inbox", "-", "--json"], args].concat(), &log)["conversationList"][0].clone()
    };
    assert_eq!(row(&[])["customData"], "eyJhIjoxfQ==");
    assert_eq!(row(&["--data", "text"])["customData"], "{\"a\":1}");
    assert_eq!(row(&["--dialect", "web"])["lastMessage"]["messageForShow"], "[图片]");
    assert_eq!(row(&["--dialect", "web", "--language", "en"])["lastMessage"]["messageForShow"], "[Image]");
    for wrong in [
        &["--dialect", "web", "--data", "text"][..],
        &["--dialect", "native", "--language", "en"],
        &["--language", "en"],
        &["--dialect", "swift"],
    ] {
        assert_eq!(run(&[&["inbox", "-", "--json"], wrong].concat(), log.clone()).code, 2, "{wrong:?}");
    }
    assert_eq!(run(&["inbox", "-", "--dialect", "web"], log.clone()).code, 2, "rows are JSON");
}
