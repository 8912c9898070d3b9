//! A history cut into pages: wherever it is cut, the inbox is the same, and together the pages prove what the whole does.

use std::collections::BTreeSet;

use chatfold::Event;
use chatfold::event::{Body, Fact};
use chatfold::testing::Random;
use serde_json::{Value, json};

use crate::story::{adapter, at, folded, shown};

const MESSAGES: u64 = 40;

/// The instant of a message in milliseconds. Some share a second, and of those some a millisecond.
fn millis(n: u64) -> i64 {
    1_700_000_000_000 + (n / 3) as i64 * 1_000 + (n % 3 / 2) as i64
}

/// A page of one system: messages `oldest..newest` of a history, asked for from the message `newest`, which is held.
type Page = fn(oldest: u64, newest: u64) -> Vec<u8>;

fn slack(oldest: u64, newest: u64) -> Vec<u8> {
    let ts = |n: u64| format!("{}.{:03}{:03}", millis(n) / 1_000, millis(n) % 1_000, n % 3);
    let messages: Vec<Value> = (oldest..newest)
        .rev()
        .map(|n| json!({"type": "message", "user": "U2", "text": format!("m{n}"), "ts": ts(n)}))
        .collect();
    json!({"method": "conversations.history", "arguments": {"channel": "C1", "latest": ts(newest)},
           "response": {"ok": true, "has_more": oldest > 0, "messages": messages}})
    .to_string()
    .into_bytes()
}

fn matrix(oldest: u64, newest: u64) -> Vec<u8> {
    let chunk: Vec<Value> = (oldest..newest)
        .rev()
        .map(|n| {
            json!({"type": "m.room.message", "event_id": format!("${n}"), "sender": "@b:hs",
                        "origin_server_ts": millis(n), "content": {"body": format!("m{n}")}})
        })
        .collect();
    let mut response = json!({"start": "p", "chunk": chunk});
    if oldest > 0 {
        response["end"] = json!("q");
    }
    json!({"room_id": "!r:hs", "through": millis(newest), "response": response}).to_string().into_bytes()
}

/// A supergroup, where numbers count.
fn telegram(oldest: u64, newest: u64) -> Vec<u8> {
    messages_of(-1_000_000_000_005, oldest, newest)
}

/// A private chat, where seconds do.
fn telegram_direct(oldest: u64, newest: u64) -> Vec<u8> {
    messages_of(5, oldest, newest)
}

fn messages_of(chat: i64, oldest: u64, newest: u64) -> Vec<u8> {
    let id = |n: u64| (n + 1) << 20;
    // TDLib says that there are no more with a page of its own that is empty.
    let messages: Vec<Value> = (oldest..newest)
        .rev()
        .map(|n| {
            json!({"@type": "message", "id": id(n), "chat_id": chat, "date": millis(n) / 1_000,
                        "sender_id": {"@type": "messageSenderUser", "user_id": 5},
                        "content": {"@type": "messageText", "text": {"text": format!("m{n}")}}})
        })
        .collect();
    json!({"request": {"@type": "getChatHistory", "chat_id": chat, "from_message_id": id(newest)},
           "response": {"messages": messages}, "through": millis(newest) / 1_000 * 1_000})
    .to_string()
    .into_bytes()
}

fn xmpp(oldest: u64, newest: u64) -> Vec<u8> {
    let stamp = |n: u64| chatfold::Timestamp::from_millis(millis(n)).unwrap().to_string();
    let results: String = (oldest..newest)
        .map(|n| {
            format!(
                "<message><result xmlns='urn:xmpp:mam:2' id='{n}'><forwarded xmlns='urn:xmpp:forward:0'>\
                 <delay xmlns='urn:xmpp:delay' stamp='{}'/><message xmlns='jabber:client' from='b@hs/x' to='a@hs' type='chat'>\
                 <body>m{n}</body></message></forwarded></result></message>",
                stamp(n)
            )
        })
        .collect();
    // The history goes on before its first message here, so that every page says so.
    format!(
        "<page with='b@hs' through='{}'>{results}<iq><fin xmlns='urn:xmpp:mam:2'/></iq></page>",
        stamp(newest)
    )
    .into_bytes()
}

/// The stretches that events prove, joined where they meet.
fn proven(events: &[Event]) -> Vec<(i64, i64)> {
    let mut stretches: Vec<(i64, i64)> = events
        .iter()
        .filter_map(|event| match event.body() {
            Body::Conversation(_, Fact::HistoryComplete { from, through }) => {
                Some((from.first_field(), through.first_field()))
            }
            _ => None,
        })
        .collect();
    stretches.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, through) in stretches {
        match joined.last_mut() {
            Some(last) if from <= last.1 + 1 => last.1 = last.1.max(through),
            _ => joined.push((from, through)),
        }
    }
    joined
}

/// Whether every message of the proven stretches is among these.
fn is_sound(events: &[Event], position: impl Fn(u64) -> i64) -> bool {
    let held: BTreeSet<String> = events
        .iter()
        .filter_map(|event| match event.body() {
            Body::Conversation(_, Fact::MessageReceived(message)) => message.text.clone(),
            _ => None,
        })
        .collect();
    let missing: Vec<u64> = (0..MESSAGES).filter(|n| !held.contains(&format!("m{n}"))).collect();
    let stretches = proven(events);
    missing
        .iter()
        .all(|n| !stretches.iter().any(|(from, through)| (*from..=*through).contains(&position(*n))))
}

#[test]
fn pages_cut_anywhere_give_one_inbox_and_prove_what_the_whole_does() {
    let seconds = |n| millis(n) / 1_000 * 1_000;
    type Position = fn(u64) -> i64;
    let systems: [(&str, &str, &str, Page, Position); 5] = [
        ("slack", "U1", "slack/t1", slack, millis),
        ("matrix", "@a:hs", "matrix", matrix, millis),
        ("telegram", "4001", "telegram", telegram, |n| n as i64 + 1),
        ("telegram", "4001", "telegram", telegram_direct, seconds),
        ("xmpp", "a@hs", "xmpp", xmpp, millis),
    ];
    let mut random = Random::new(18);
    for (system, owner, network, page, position) in systems {
        let adapter = adapter(system, owner, network, &Value::Null);
        let take = |oldest, newest| {
            let taken = adapter.take(&page(oldest, newest), at("2026-03-01T09:00:00.000Z")).unwrap();
            assert_eq!(taken.faults, []);
            taken.events
        };
        let mut whole = take(0, MESSAGES);
        if system == "telegram" {
            whole.extend(take(0, 0));
        }
        let expected = folded(&*adapter, &whole);
        for _ in 0..40 {
            let mut cuts: BTreeSet<u64> = (0..random.below(6)).map(|_| random.below(MESSAGES)).collect();
            cuts.extend([0, MESSAGES]);
            let cuts: Vec<u64> = cuts.into_iter().collect();
            let mut events = Vec::new();
            for pair in cuts.windows(2).rev() {
                events.extend(take(pair[0], pair[1]));
                // What is not held yet is not proven.
                assert!(
                    is_sound(&events, |n| if n < pair[0] { position(n) } else { -1 }),
                    "{system}: {cuts:?}"
                );
            }
            if system == "telegram" {
                events.extend(take(0, 0));
            }
            let inbox = folded(&*adapter, &events);
            assert_eq!(shown(&inbox), shown(&expected), "{system}: {cuts:?}");
            assert_eq!(proven(&events), proven(&whole), "{system}: {cuts:?}");
            assert_eq!(proven(&events).len(), 1, "{system}: {cuts:?} leave no gap");
            assert_eq!(inbox.digest(), expected.digest(), "{system}: {cuts:?}");
        }
    }
}

/// A page without a message proves the history only where it is the end (R45).
#[test]
fn an_empty_page_proves_the_history_where_it_is_the_end() {
    let slack = |end: bool| {
        json!({"method": "conversations.history", "arguments": {"channel": "C1", "latest": "5.000000"},
            "response": {"ok": true, "has_more": !end, "messages": []}})
    };
    let matrix = |end: bool| {
        let response = if end { json!({"chunk": []}) } else { json!({"chunk": [], "end": "q"}) };
        json!({"room_id": "!r:hs", "through": 5_000, "response": response})
    };
    let xmpp = |end: bool| {
        json!({"with": "b@hs", "through": "1970-01-01T00:00:05Z", "stanzas": [{"name": "iq", "attrs": {}, "children": [
        {"name": "fin", "attrs": {"xmlns": "urn:xmpp:mam:2", "complete": end.to_string()}, "children": []}]}]})
    };
    let telegram = |request: Value, messages: Value| {
        let mut request = request;
        request["@type"] = json!("getChatHistory");
        request["chat_id"] = json!(5);
        json!({"request": request, "response": {"messages": messages}, "through": 5_000})
    };
    let unsent = json!([{"id": 7 << 20 | 1, "chat_id": 5, "date": 4, "is_outgoing": true, "sending_state": {},
        "content": {"@type": "messageText", "text": {"text": "x"}}}]);
    for (system, owner, network, payload, is_end) in [
        ("slack", "U1", "slack/t1", slack(true), true),
        ("slack", "U1", "slack/t1", slack(false), false),
        ("matrix", "@a:hs", "matrix", matrix(true), true),
        ("matrix", "@a:hs", "matrix", matrix(false), false),
        ("xmpp", "a@hs", "xmpp", xmpp(true), true),
        ("xmpp", "a@hs", "xmpp", xmpp(false), false),
        ("telegram", "4001", "telegram", telegram(json!({}), json!([])), true),
        ("telegram", "4001", "telegram", telegram(json!({"only_local": true}), json!([])), false),
        ("telegram", "4001", "telegram", telegram(json!({}), json!([null])), false),
        ("telegram", "4001", "telegram", telegram(json!({}), unsent), false),
    ] {
        let adapter = adapter(system, owner, network, &Value::Null);
        let taken = adapter.take(payload.to_string().as_bytes(), at("2026-03-01T09:00:00.000Z")).unwrap();
        assert_eq!(taken.faults, []);
        let expected = if is_end { vec![(0, 5_000)] } else { vec![] };
        assert_eq!(proven(&taken.events), expected, "{payload}");
    }
}
