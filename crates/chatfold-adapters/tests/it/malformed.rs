//! Payloads of the wrong shape: each fault has its place, what was expected and what was found, and loses no other event.

use chatfold::event::{Body, Fact};
use chatfold_adapters::{Fault, Taken};
use serde_json::json;

use crate::story::{adapter, at};

const OWNERS: [(&str, &str, &str); 5] = [
    ("slack", "U01", "slack/t024"),
    ("telegram", "4001", "telegram"),
    ("matrix", "@a:hs", "matrix"),
    ("xmpp", "a@hs", "xmpp"),
    ("v2tim", "alice", "tim"),
];

fn take(system: &str, payload: &str) -> Result<Taken, Fault> {
    let (_, owner, network) = OWNERS.into_iter().find(|(name, ..)| *name == system).unwrap();
    adapter(system, owner, network, &json!({})).take(payload.as_bytes(), at("2026-03-01T09:00:00.000Z"))
}

/// Every fault of a payload, the one for which it is refused among them.
fn faults(system: &str, payload: &str) -> Vec<String> {
    match take(system, payload) {
        Ok(taken) => taken.faults.iter().map(Fault::to_string).collect(),
        Err(fault) => vec![fault.to_string()],
    }
}

fn refused(system: &str, cases: &[(&str, &str)]) {
    for (payload, expected) in cases {
        assert_eq!(faults(system, payload), [*expected], "{system}: {payload}");
    }
}

#[test]
fn what_is_no_payload_is_refused_with_its_place() {
    for (system, ..) in OWNERS {
        let not_json = faults(system, "{\"type\":\n  oops}");
        assert_eq!(not_json.len(), 1, "{system}");
        assert!(not_json[0].starts_with("line 2, column 3: expected JSON, found "), "{system}: {not_json:?}");
        for payload in ["", "[", "7", "null", "\"text\"", "{}", "{\"type\":7}", "\u{feff}{}"] {
            assert_eq!(faults(system, payload).len(), 1, "{system}: {payload}");
            assert!(take(system, payload).is_err(), "{system}: {payload}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(take(system, &deep).is_err(), "{system}");
        assert!(
            adapter(system, "a", "n", &json!({})).take(b"\xff\xfe", at("2026-03-01T09:00:00.000Z")).is_err()
        );
    }
}

#[test]
fn slack_payloads_of_the_wrong_shape() {
    let message =
        |rest: &str| format!(r#"{{"type":"message","channel":"C1","user":"U2","text":"x",{rest}}}"#);
    refused(
        "slack",
        &[
            (
                &message(r#""ts":"1772355600""#),
                "/ts: expected a ts such as 1700000000.000100, found \"1772355600\"",
            ),
            (&message(r#""ts":1772355600.0001"#), "/ts: expected a text, found 1772355600.0001"),
            (
                &message(r#""ts":"99999999999999999999.000000""#),
                "/ts: expected a ts such as 1700000000.000100, found \"99999999999999999999.000000\"",
            ),
            (
                &message(r#""ts":"999999999999.000000""#),
                "/ts: expected a ts of the years 1970 to 9998, found \"999999999999.000000\"",
            ),
            (
                r#"{"type":"message","channel":"C1","text":"x","ts":"1.000000"}"#,
                "/user: expected a value, found nothing",
            ),
            (
                r#"{"type":"message","channel":"C1","user":"U\u0001","ts":"1.000000"}"#,
                "/user: expected an id, found an id has no control characters, this one has U+0001 at byte 1",
            ),
            (
                r#"{"type":"message","channel":7,"user":"U2","ts":"1.000000"}"#,
                "/channel: expected a text, found 7",
            ),
            (
                r#"{"type":"message","channel":"D9","user":"U01","ts":"1.000000"}"#,
                "/channel: expected a direct channel whose user was learned, found \"D9\"",
            ),
            (
                r#"{"method":"conversations.list","arguments":{},"response":{"ok":false,"error":"not_authed"}}"#,
                "/response: expected an answer that is ok, found not_authed",
            ),
            (
                r#"{"method":"conversations.list","arguments":{},"response":{"ok":true,"channels":{"a/b":1}}}"#,
                "/response/channels: expected an array, found an object",
            ),
            (
                r#"{"method":"conversations.history","arguments":{},"response":{"ok":true,"messages":[]}}"#,
                "/arguments/channel: expected a value, found nothing",
            ),
        ],
    );
    let long =
        format!(r#"{{"type":"message","channel":"C1","user":"{}","ts":"1.000000"}}"#, "U".repeat(4_097));
    refused(
        "slack",
        &[(
            &long,
            "/user: expected an id, found an id of another system has at most 4096 bytes, this one has 4097",
        )],
    );
    for (count, found) in [
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ("9007199254740993", "9007199254740993"),
        ("\"5\"", "\"5\""),
    ] {
        let payload = format!(
            r#"{{"method":"conversations.info","arguments":{{}},"response":{{"ok":true,"channel":
            {{"id":"C1","unread_count":{count},"latest":"5.000000"}}}}}}"#
        );
        let expected =
            format!("/response/channel/unread_count: expected a number from 0 to 2^53, found {found}");
        refused("slack", &[(&payload, &expected)]);
    }
}

#[test]
fn telegram_payloads_of_the_wrong_shape() {
    let message = |id: &str, date: &str, chat: &str| {
        format!(
            r#"{{"update_id":1,"message":{{"message_id":{id},"date":{date},"text":"x","chat":{{"id":{chat}}},"from":{{"id":5}}}}}}"#
        )
    };
    refused(
        "telegram",
        &[
            (&message("0", "5", "5"), "/message/message_id: expected the number of a message, found 0"),
            (&message("-7", "5", "5"), "/message/message_id: expected the number of a message, found -7"),
            (
                &message("18446744073709551616", "5", "5"),
                "/message/message_id: expected the number of a message, found 1.8446744073709552e+19",
            ),
            (&message("7", "-5", "5"), "/message/date: expected seconds of the years 1970 to 9998, found -5"),
            (
                &message("7", "9223372036854775807", "5"),
                "/message/date: expected seconds of the years 1970 to 9998, found 9223372036854775807",
            ),
            (&message("7", "5", "0"), "/message/chat/id: expected the number of a chat, found 0"),
            (
                &message("7", "5", "-9223372036854775808"),
                "/message/chat/id: expected the number of a chat, found -9223372036854775808",
            ),
            (
                &message("7", "5", "\"5\""),
                "/message/chat/id: expected an integer of at most 63 bits, found \"5\"",
            ),
            (
                r#"{"@type":"updateChatReadInbox","chat_id":5,"last_read_inbox_message_id":-1048576}"#,
                "/last_read_inbox_message_id: expected the number of a message, found -1048576",
            ),
            (
                r#"{"@type":"updateChatReadInbox","chat_id":5,"last_read_inbox_message_id":1048576,"unread_count":-3}"#,
                "/unread_count: expected a number from 0 to 2^53, found -3",
            ),
            (
                r#"{"@type":"updateChatPosition","chat_id":5,"position":{"list":{"@type":"chatListMain"},"order":"9999999999999999999"}}"#,
                "/position/order: expected an integer of at most 63 bits, found \"9999999999999999999\"",
            ),
            (
                r#"{"@type":"updateChatNotificationSettings","chat_id":5,"notification_settings":{"mute_for":-1}}"#,
                "/notification_settings/mute_for: expected seconds from 0 on, found -1",
            ),
            (
                r#"{"request":{"@type":"getChatHistory","chat_id":5},"response":{"messages":[{"@type":"message","chat_id":6}]}}"#,
                "/response/messages/0: expected a message of the chat that was asked for, found one of another",
            ),
        ],
    );
}

#[test]
fn matrix_payloads_of_the_wrong_shape() {
    let sync = |room: &str, event: &str| {
        format!(
            r#"{{"next_batch":"s","rooms":{{"join":{{"{room}":{{"timeline":{{"events":[{event}]}}}}}}}}}}"#
        )
    };
    let event = |id: &str, sender: &str, ts: &str, content: &str| {
        format!(
            r#"{{"type":"m.room.message","event_id":"{id}","sender":"{sender}","origin_server_ts":{ts},"content":{content}}}"#
        )
    };
    let place = "/rooms/join/!r:hs/timeline/events/0";
    refused(
        "matrix",
        &[
            (
                sync("r:hs", "").as_str(),
                "/rooms/join/r:hs: expected a room id, which begins with !, found r:hs",
            ),
            (
                &sync("!a~b/c:hs", &event("x", "@b:hs", "5", "{}")),
                "/rooms/join/!a~0b~1c:hs/timeline/events/0/event_id: expected an event id, which begins with $, found x",
            ),
            (
                &sync("!r:hs", &event("$1", "@b:hs", "18446744073709551616", "{}")),
                &format!(
                    "{place}/origin_server_ts: expected an integer of at most 63 bits, found 1.8446744073709552e+19"
                ),
            ),
            (
                &sync("!r:hs", &event("$1", "", "5", "{}")),
                &format!("{place}/sender: expected an id, found an id must have at least one byte"),
            ),
            (
                &sync("!r:hs", &event("$1", "@b:hs", "5", "7")),
                &format!("{place}/content: expected an object, found 7"),
            ),
        ],
    );
    assert_eq!(
        faults("matrix", &sync("!r:hs", &event("$1", "@b:hs", "5", r#"{"body":{}}"#))),
        [format!("{place}/content/body: expected a text, found an object")]
    );
    let limited = |counts: &str| {
        format!(
            r#"{{"next_batch":"s","rooms":{{"join":{{"!r:hs":{{"timeline":{{"limited":true,"events":[{}]}},"unread_notifications":{counts}}}}}}}}}"#,
            event("$1", "@b:hs", "5", "{}")
        )
    };
    for (counts, expected) in [
        (r#"{"notification_count":-1}"#, "notification_count: expected a number from 0 to 2^53, found -1"),
        (r#"{"highlight_count":1e300}"#, "highlight_count: expected a number from 0 to 2^53, found 1e+300"),
    ] {
        assert_eq!(
            faults("matrix", &limited(counts)),
            [format!("/rooms/join/!r:hs/unread_notifications/{expected}")]
        );
    }
}

#[test]
fn xmpp_payloads_of_the_wrong_shape() {
    refused(
        "xmpp",
        &[
            ("<message>", "line 1, column 10: expected the end of message, found the end of the payload"),
            ("<a/>", "/name: expected message, presence or iq, found \"a\""),
            ("<message a='1' a='2'/>", "line 1, column 1: expected an element, found the attribute a twice"),
            ("<x:message/>", "line 1, column 1: expected an element, found the prefix x of no namespace"),
            (
                "<!DOCTYPE a [<!ENTITY b 'c'>]><message/>",
                "line 1, column 1: expected stanzas, found a document type",
            ),
            (
                "<message>\n<body>&b;</body></message>",
                "line 2, column 7: expected one of the five entities, found b",
            ),
            (
                "<message from='a@hs'><sent xmlns='urn:xmpp:carbons:2'/></message>",
                "/children/0: expected an element forwarded, found none",
            ),
            (
                "<message from='evil@hs'><sent xmlns='urn:xmpp:carbons:2'/></message>",
                "the payload: expected a carbon from the account itself, found evil@hs",
            ),
            (
                "<message from='evil@hs'><result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-03-01T08:00:00Z'/><message from='b@hs' type='chat'><body>x</body></message></forwarded></result></message>",
                "the payload: expected an archive of the account or of the room, found evil@hs",
            ),
            (
                "<message from='b@hs'><body>x</body><delay xmlns='urn:xmpp:delay' from='a@hs' stamp='yesterday'/></message>",
                "/children/1: expected a stamp such as 2026-03-01T09:00:00Z in the attribute stamp, found \"yesterday\"",
            ),
            (
                "<message from='b@hs' type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='q'/></message>",
                "/children/0: expected the id of a message that was learned, found q",
            ),
            (
                "<message from='b@hs' type='chat'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='a@hs' id=''/></message>",
                "the payload: expected an id, found an id must have at least one byte",
            ),
        ],
    );
    let deep = "<a>".repeat(100_000);
    refused(
        "xmpp",
        &[(&deep, "line 1, column 193: expected at most 64 elements in each other, found one more")],
    );
}

/// A retraction or correction by another than the author does nothing.
#[test]
fn xmpp_only_authors_correct_and_retract() {
    let room = |nick: &str, id: &str, inner: &str| {
        format!(
            "<message from='r@hs/{nick}' type='groupchat' id='{id}'>{inner}<stanza-id xmlns='urn:xmpp:sid:0' by='r@hs' id='s{id}'/></message>"
        )
    };
    let page = |second: &str| format!("{}{second}", room("bob", "1", "<body>hello</body>"));
    let retract = "<retract xmlns='urn:xmpp:message-retract:1' id='s1'/>";
    let correct = "<body>no</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>";
    for (nick, inner, made) in
        [("bob", retract, 2), ("eve", retract, 1), ("bob", correct, 2), ("eve", correct, 1)]
    {
        let taken = take("xmpp", &page(&room(nick, "2", inner))).unwrap();
        assert_eq!((taken.events.len(), taken.faults.len()), (made, 2 - made), "{nick}: {inner}");
    }
    // The room itself speaks for its moderators.
    let moderated = format!("<message from='r@hs' type='groupchat' id='3'>{retract}</message>");
    assert_eq!(take("xmpp", &page(&moderated)).unwrap().events.len(), 2);
}

/// A stanza-id counts only from one's own archive or the room's.
#[test]
fn xmpp_believes_no_foreign_stanza_id() {
    let message = |by: &str| {
        format!(
            "<message from='b@hs' type='chat'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='1'/></message>"
        )
    };
    assert_eq!(take("xmpp", &message("a@hs")).unwrap().events.len(), 1);
    let taken = take("xmpp", &message("b@hs")).unwrap();
    assert_eq!(taken.events, []);
    assert_eq!(taken.left_out.get("message without stanza-id"), Some(&1));
}

#[test]
fn a_fault_in_one_event_loses_no_other() {
    let slack = |bad: &str| {
        format!(
            r#"{{"method":"conversations.history","arguments":{{"channel":"C1"}},"response":{{"ok":true,"messages":[
            {{"type":"message","user":"U2","text":"one","ts":"3.000000"}},{bad},
            {{"type":"message","user":"U2","text":"two","ts":"1.000000"}}]}}}}"#
        )
    };
    let matrix = |bad: &str| {
        format!(
            r#"{{"room_id":"!r:hs","response":{{"chunk":[
            {{"type":"m.room.message","event_id":"$1","sender":"@b:hs","origin_server_ts":3,"content":{{"body":"one"}}}},{bad},
            {{"type":"m.room.message","event_id":"$3","sender":"@b:hs","origin_server_ts":1,"content":{{"body":"two"}}}}]}}}}"#
        )
    };
    let telegram = |bad: &str| {
        let one = |id: u64| {
            format!(
                r#"{{"id":{},"chat_id":5,"date":5,"sender_id":{{"user_id":5}},"content":{{"@type":"messageText"}}}}"#,
                id << 20
            )
        };
        format!(
            r#"{{"request":{{"@type":"getChatHistory","chat_id":5}},"response":{{"messages":[{},{bad},{}]}}}}"#,
            one(3),
            one(1)
        )
    };
    let xmpp = |bad: &str| {
        let one = |id: u64| {
            json!({"name": "message", "attrs": {"from": "b@hs"}, "children": [
            {"name": "body", "children": ["x"]},
            {"name": "stanza-id", "attrs": {"xmlns": "urn:xmpp:sid:0", "by": "a@hs", "id": id.to_string()}}]})
        };
        format!("[{},{bad},{}]", one(3), one(1))
    };
    let v2tim = |bad: &str| {
        let one = |id: u64| {
            format!(
                r#"{{"message_msg_id":"m{id}","message_conv_id":"b","message_conv_type":1,"message_sender":"b","message_server_time":{id}}}"#
            )
        };
        format!(r#"{{"callback":"TIMRecvNewMsgCallback","args":[[{},{bad},{}]]}}"#, one(3), one(1))
    };
    type Page<'a> = &'a dyn Fn(&str) -> String;
    let pages: [(&str, Page<'_>); 5] =
        [("slack", &slack), ("matrix", &matrix), ("telegram", &telegram), ("xmpp", &xmpp), ("v2tim", &v2tim)];
    for (system, page) in pages {
        for bad in ["{}", "[]", "7", "\"x\"", "{\"ts\":[]}", "{\"id\":-1}"] {
            let taken = take(system, &page(bad)).unwrap();
            let messages = |event: &&chatfold::Event| {
                matches!(event.body(), Body::Conversation(_, Fact::MessageReceived(_)))
            };
            assert_eq!(taken.events.iter().filter(messages).count(), 2, "{system}: {bad}");
            assert_eq!(taken.faults.len(), 1, "{system}: {bad}");
            // A page of which a message is missing proves nothing.
            let proves = |event: &chatfold::Event| {
                matches!(event.body(), Body::Conversation(_, Fact::HistoryComplete { .. }))
            };
            assert!(!taken.events.iter().any(proves), "{system}: {bad}");
        }
    }
}

/// A page that says it ends before it begins proves nothing; its messages are taken.
#[test]
fn a_page_that_ends_before_it_begins_proves_nothing() {
    let matrix = json!({"room_id": "!r:hs", "through": 5, "response": {"end": "e", "chunk": [
        {"type": "m.room.message", "event_id": "$1", "sender": "@b:hs", "origin_server_ts": 9, "content": {"body": "x"}}]}});
    let slack = json!({"method": "conversations.history", "arguments": {"channel": "C1", "latest": "1.000000", "oldest": "9.000000"},
        "response": {"ok": true, "messages": []}});
    let telegram = json!({"request": {"@type": "getChatHistory", "chat_id": 5}, "through": 5, "response": {"messages": [
        {"id": 1 << 20, "chat_id": 5, "date": 9, "sender_id": {"user_id": 5}, "content": {"@type": "messageText"}}]}});
    for (system, payload, made) in [("matrix", matrix, 1), ("slack", slack, 0), ("telegram", telegram, 1)] {
        let taken = take(system, &payload.to_string()).unwrap();
        assert_eq!((taken.events.len(), taken.faults.len()), (made, 0), "{system}");
    }
}
