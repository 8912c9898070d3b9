//! `chatfold stats`.

use serde_json::json as object;

use crate::support::{json, log, run, team};

#[test]
fn the_object_counts_everything() {
    let stats = json(&["stats", "-", "--json", "--top", "2"], &team());
    assert_eq!(stats["owner"], "alice");
    assert_eq!((&stats["events"], &stats["skippedEvents"]), (&object!(27), &object!(0)));
    assert_eq!(stats["eventsByType"]["message_received"], 9);
    assert_eq!(stats["eventsByType"]["profile_changed"], 6);
    assert_eq!(stats["messages"], 10);
    assert_eq!(stats["from"], "2025-12-31T10:00:00.000Z");
    assert_eq!(stats["to"], "2026-03-01T09:00:10.000Z");
    assert_eq!(stats["conversations"], object!({"direct": 4, "group": 2, "listed": 6}));
    assert_eq!(stats["people"], 6);
    assert_eq!(
        stats["busiestConversations"],
        object!([
            {"conversationID": "c2c_bob", "showName": "Bob", "messages": 2},
            {"conversationID": "c2c_zoe", "showName": "Zoë from the climbing gym, the tall one", "messages": 2},
        ])
    );
    assert_eq!(stats["busiestPeople"][0], object!({"userID": "bob", "showName": "Bob", "messages": 4}));
    assert_eq!(stats["messagesByHour"][8], 6);
    assert_eq!(
        stats["unread"],
        object!([
            {"conversationID": "group_design", "showName": "设计组 🎨", "unreadCount": 2},
            {"conversationID": "group_news", "showName": "News", "unreadCount": 2},
        ])
    );
    assert_eq!((&stats["totalUnreadCount"], &stats["totalUnreadCountAll"]), (&object!(4), &object!(6)));
}

#[test]
fn an_own_message_counts_once_however_it_comes() {
    let log = log(
        "alice",
        r#"alice 09:00:00 c2c_bob message_queued {"message":{"id":"M1"}}
           alice 09:00:01 c2c_bob message_sent {"target":"M1","sent_at":"2026-03-01T09:00:01.000Z"}
           alice 09:00:01 c2c_bob message_received {"message":{"id":"M1"}}
           carol 09:00:01 c2c_bob poll_opened {}"#,
    );
    let ran = run(&["stats", "-", "--json"], log.as_str());
    let stats: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&stats["messages"], &stats["people"], &stats["skippedEvents"]),
        (&object!(1), &object!(1), &object!(1))
    );
}

#[test]
fn people_get_charts() {
    let out = run(&["stats", "-", "--top", "3"], team()).ok();
    for part in [
        "Owner          alice\n",
        "Time           2025-12-31T10:00:00.000Z to 2026-03-01T09:00:10.000Z (59 days)\n",
        "Events         27, 10 of them messages\n",
        "Conversations  6 (4 direct, 2 groups), 6 listed\n",
        "People         6\n",
        "Unread         4 (6 with muted)\n",
        "\nEvents by type\n  message_received     9  ████████████████████████████████████████\n",
        "\nBusiest conversations, by messages\n  Bob (bob)                         2  ████",
        "\nBusiest people, by messages\n  Bob (bob)",
        "\n  08:00  6  ████",
        "\nUnread by conversation\n  设计组 🎨  2  ████",
        "and 1 more\n",
    ] {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    let ascii = run(&["stats", "-", "--ascii"], team()).ok();
    assert!(ascii.contains("message_received     9  ########################################\n"), "{ascii}");
}

#[test]
fn an_empty_log_has_nothing_to_chart() {
    let out = run(&["stats", "-"], log("alice", "")).ok();
    assert!(out.contains("no events") && !out.contains("Busiest"), "{out}");
}
