//! Where what a server says ends: which message is the last that was read, which instant the last that is muted, whose claim counts.

use chatfold::event::{ReceiveOption, Watermark};
use chatfold::{ConversationId, Inbox, Policy, Timestamp};
use chatfold_adapters::{Adapter, Fault};
use serde_json::{Value, json};

use crate::story::{adapter, at};

const NOW: &str = "2026-03-01T09:00:00.000Z";

/// The inbox of a client that takes these payloads, and the faults in them.
fn taken(adapter: &mut dyn Adapter, payloads: &[String]) -> (Inbox, Vec<Fault>) {
    let mut inbox = Inbox::new(adapter.scope().owner().clone(), Policy::default());
    let mut faults = Vec::new();
    for payload in payloads {
        let taken = match adapter.take(payload.as_bytes(), at(NOW)) {
            Ok(taken) => taken,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        taken.all().for_each(|event| adapter.learn(event));
        faults.extend(taken.faults.clone());
        let events = adapter.settle(taken, &inbox);
        inbox.apply_batch(&events);
    }
    (inbox, faults)
}

/// The same of payloads without a fault.
fn sound(system: &str, owner: &str, network: &str, payloads: &[Value]) -> Inbox {
    let payloads: Vec<String> = payloads.iter().map(Value::to_string).collect();
    let (inbox, faults) = taken(&mut *adapter(system, owner, network, &Value::Null), &payloads);
    assert_eq!(faults, []);
    inbox
}

fn id(text: &str) -> ConversationId {
    text.parse().unwrap()
}

fn matrix(timeline: Value) -> Value {
    json!({"next_batch": "s2", "rooms": {"join": {"!r:hs": {
        "unread_notifications": {"notification_count": 9, "highlight_count": 0}, "timeline": timeline}}}})
}

fn matrix_event(n: i64, kind: &str, content: Value) -> Value {
    json!({"type": kind, "event_id": format!("${n}"), "sender": "@b:hs", "origin_server_ts": n, "content": content})
}

fn matrix_message(n: i64) -> Value {
    matrix_event(n, "m.room.message", json!({"body": format!("m{n}")}))
}

#[test]
fn matrix_a_limited_timeline_leaves_a_gap_unless_the_room_begins_in_it() {
    let events = json!([matrix_message(1_000), matrix_message(1_001)]);
    let gaps = |timeline: Value| {
        let inbox = sound("matrix", "@a:hs", "matrix", &[matrix(timeline)]);
        let row = inbox.conversation(&id("group_!r:hs")).unwrap();
        let gaps: Vec<_> = row.gaps().map(|gap| (gap.from, gap.through)).collect();
        (gaps, row.unread_count(), row.unread_is_lower_bound())
    };
    let limited = |prev_batch: Value| json!({"limited": true, "prev_batch": prev_batch, "events": events});
    // Another message may stand in the very millisecond of the first; it is held itself.
    assert_eq!(gaps(limited(json!("p"))), (vec![(Watermark::Seq(1), Watermark::Seq(999))], 9, true));
    assert_eq!(gaps(limited(Value::Null)), (vec![], 2, false), "there is nothing before it");
    assert_eq!(gaps(json!({"limited": false, "prev_batch": "p", "events": events})), (vec![], 2, false));
}

#[test]
fn matrix_a_redaction_waits_for_its_target() {
    let mut redaction = matrix_event(2_000, "m.room.redaction", json!({"reason": "oops"}));
    redaction["redacts"] = json!("$1000");
    let [first, then] = [redaction, matrix_message(1_000)].map(|event| matrix(json!({"events": [event]})));
    let inbox = sound("matrix", "@a:hs", "matrix", &[first, then]);
    let last = inbox.conversation(&id("group_!r:hs")).unwrap().last_message().unwrap();
    assert_eq!(last.recall().and_then(|recall| recall.reason), Some("oops"));
    assert_eq!(inbox.totals().unread, 0);
}

#[test]
fn slack_the_message_of_last_read_is_read() {
    let message = |n: u64| json!({"type": "message", "channel": "C1", "user": "U2", "ts": format!("{n}.000100"), "text": "hello"});
    let info = json!({"method": "conversations.info", "arguments": {"channel": "C1"},
        "response": {"ok": true, "channel": {"id": "C1", "name": "general", "last_read": "2.000100"}}});
    let inbox = sound("slack", "U1", "slack/t1", &[message(1), message(2), message(3), info]);
    let row = inbox.conversation(&id("group_C1")).unwrap();
    assert_eq!((row.unread_count(), row.read_marker()), (1, Some(Watermark::Seq(2_000))));
    assert_eq!(row.unread().next().map(|message| message.seq()), Some(3_000));
}

fn telegram_message(n: u64) -> Value {
    json!({"@type": "updateNewMessage", "message": {"id": n << 20, "chat_id": -1_000_000_000_005_i64, "date": n,
        "sender_id": {"@type": "messageSenderUser", "user_id": 5},
        "content": {"@type": "messageText", "text": {"text": "hello"}}}})
}

#[test]
fn telegram_the_message_up_to_which_an_inbox_is_read_is_read() {
    let read = json!({"@type": "updateChatReadInbox", "chat_id": -1_000_000_000_005_i64,
        "last_read_inbox_message_id": 2_u64 << 20, "unread_count": 0});
    let payloads = [telegram_message(1), telegram_message(2), telegram_message(3), read];
    let inbox = sound("telegram", "4001", "telegram", &payloads);
    let row = inbox.conversation(&id("group_-1000000000005")).unwrap();
    assert_eq!((row.unread_count(), row.read_marker()), (1, Some(Watermark::Seq(2))));
}

#[test]
fn telegram_a_chat_is_muted_for_so_many_seconds_from_now_on() {
    let muted = |seconds: u64| {
        let settings = json!({"mute_for": seconds, "disable_mention_notifications": true});
        let update = json!({"@type": "updateChatNotificationSettings", "chat_id": 5, "notification_settings": settings});
        let inbox = sound("telegram", "4001", "telegram", &[update]);
        let row = inbox.conversation(&id("c2c_5"));
        row.map(|row| (row.receive_option(), row.receive_option_until()))
    };
    let muted_until = |ms: i64| {
        let end = Timestamp::from_millis(at(NOW).as_millis() + ms).unwrap();
        Some((ReceiveOption::ReceiveNotNotify, Some(end)))
    };
    assert_eq!(muted(1), muted_until(1_000));
    assert_eq!(muted(366 * 86_400), muted_until(366 * 86_400_000));
    assert_eq!(muted(366 * 86_400 + 1), Some((ReceiveOption::ReceiveNotNotify, None)), "for ever");
    assert_eq!(muted(0), None, "what holds already is not said again");
}

fn xmpp_said(by: &str, id: &str, inner: &str) -> String {
    format!(
        "<message xmlns='jabber:client' from='{by}' to='a@hs/x' type='groupchat' id='{id}'>{inner}\
         <stanza-id xmlns='urn:xmpp:sid:0' by='room@hs' id='s-{id}'/></message>"
    )
}

fn xmpp(payloads: &[String]) -> (Inbox, Vec<Fault>) {
    taken(&mut *adapter("xmpp", "a@hs", "xmpp", &Value::Null), payloads)
}

#[test]
fn xmpp_what_was_displayed_counts_in_the_archive_of_its_conversation() {
    let message = xmpp_said("room@hs/Bob", "1", "<body>hello</body>");
    let displayed = |conversation: &str, archive: &str| {
        format!(
            "<message xmlns='jabber:client' from='a@hs' to='a@hs/x' type='headline'>\
             <event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:mds:displayed:0'>\
             <item id='{conversation}'><displayed xmlns='urn:xmpp:mds:displayed:0'>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='{archive}' id='s-1'/></displayed></item></items></event></message>"
        )
    };
    let (inbox, faults) = xmpp(&[message.clone(), displayed("room@hs", "room@hs")]);
    assert_eq!((inbox.totals().unread, faults.len()), (0, 0));
    // An id that another archive gave names nothing there.
    let (inbox, faults) = xmpp(&[message.clone(), displayed("room@hs", "other@hs")]);
    assert_eq!((inbox.totals().unread, faults.len()), (1, 1));
    assert!(faults[0].to_string().contains("other@hs"), "{faults:?}");
    let (inbox, faults) = xmpp(&[message, displayed("other@hs", "other@hs")]);
    assert_eq!((inbox.totals().unread, faults.len()), (1, 0), "that of another room is not this room's");
    assert!(inbox.conversation(&id("group_room@hs")).unwrap().read_marker().is_none());
}

#[test]
fn xmpp_nobody_corrects_what_another_said() {
    let message = xmpp_said("room@hs/Bob", "1", "<body>hello</body>");
    let correction = |by: &str| {
        let replace = "<replace xmlns='urn:xmpp:message-correct:0' id='1'/><body>good bye</body>";
        xmpp_said(by, "2", replace)
    };
    let shown = |by: &str| {
        let (inbox, faults) = xmpp(&[message.clone(), correction(by)]);
        let row = inbox.conversation(&id("group_room@hs")).unwrap();
        let last = row.last_message().and_then(|last| last.text().map(str::to_owned));
        (last.unwrap_or_default(), faults.len())
    };
    assert_eq!(shown("room@hs/Bob"), ("good bye".to_owned(), 0));
    assert_eq!(shown("room@hs/Eve"), ("hello".to_owned(), 1));
}

/// What is no message is no recall of one, which would lower the number that the server reported.
#[test]
fn matrix_a_redaction_of_what_is_no_message_recalls_none() {
    // A removal from before the report is counted in it.
    let since_ms = at(NOW).as_millis() + 1_000;
    let because = json!({"sender": "@b:hs", "origin_server_ts": since_ms, "content": {}});
    let redacted = |n: i64, kind: &str| {
        let mut event = matrix_event(n, kind, json!({}));
        event["unsigned"] = json!({"redacted_because": because});
        event["state_key"] = json!("");
        event
    };
    let redaction = |of: i64| {
        let mut event = matrix_event(since_ms, "m.room.redaction", json!({}));
        event["redacts"] = json!(format!("${of}"));
        event
    };
    let edit = matrix_event(
        3_000,
        "m.room.message",
        json!({"body": "* b", "m.new_content": {"body": "b"}, "m.relates_to": {"rel_type": "m.replace", "event_id": "$1000"}}),
    );
    let limited = |events: Value| matrix(json!({"limited": true, "prev_batch": "p", "events": events}));
    let since = |events: Value| matrix(json!({"events": events}));
    let first = limited(json!([matrix_message(1_000)]));
    for (payloads, unread) in [
        (vec![since(json!([redacted(2_000, "m.room.topic"), redaction(2_000)]))], 9),
        (vec![since(json!([redacted(2_000, "m.reaction"), redaction(2_000)]))], 9),
        (vec![since(json!([edit, redaction(3_000)]))], 9),
        (vec![since(json!([edit])), since(json!([redaction(3_000)]))], 9),
        (vec![since(json!([edit])), since(json!([redacted(3_000, "m.room.message")]))], 9),
        (
            vec![
                json!({"room_id": "!r:hs", "response": {"chunk": [], "state": [redacted(2_000, "m.room.topic")]}}),
            ],
            9,
        ),
        // A message that is not held may be one of those that were reported.
        (vec![since(json!([redaction(900)]))], 8),
    ] {
        let payloads = [vec![first.clone()], payloads].concat();
        let inbox = sound("matrix", "@a:hs", "matrix", &payloads);
        let row = inbox.conversation(&id("group_!r:hs")).unwrap();
        let messages = row.messages(chatfold::view::Direction::OldestFirst, None, 9).messages;
        assert_eq!((row.unread_count(), messages.len()), (unread, 1), "{payloads:?}");
        assert!(messages[0].recall().is_none(), "{payloads:?}");
    }
}

/// Devices number what they have not sent yet each by itself.
#[test]
fn telegram_devices_tell_their_unsent_messages_apart() {
    let message = json!({"@type": "updateNewMessage", "message": {"id": 7 << 20 | 1, "chat_id": 5, "date": 9, "is_outgoing": true,
        "sending_state": {}, "content": {"@type": "messageText", "text": {"text": "x"}}}});
    let mut sent = message["message"].clone();
    sent["id"] = json!(8 << 20);
    let sent = json!({"@type": "updateMessageSendSucceeded", "old_message_id": 7 << 20 | 1, "message": sent});
    let scope = || chatfold_adapters::Scope::new("4001", "telegram").unwrap();
    let telegram = || chatfold_adapters::telegram::Telegram::new(scope());
    let take = |telegram: &dyn Adapter, payload: &Value| {
        telegram.take(payload.to_string().as_bytes(), at(NOW)).unwrap().events
    };
    let [none, phone, tablet] =
        [telegram(), telegram().with_device("phone"), telegram().with_device("tablet")];
    let queued = |telegram| take(telegram, &message).remove(0);
    // Without a name the id is the one that it always was.
    assert_eq!(queued(&none).id().to_string(), "b2b2af70-92ed-52fe-ba2f-9a1f110866d6");
    let ids: std::collections::BTreeSet<_> = [&none, &phone, &tablet].map(|of| queued(of).id()).into();
    assert_eq!(ids.len(), 3);
    let mut inbox = Inbox::new(none.scope().owner().clone(), Policy::default());
    inbox.apply_batch(&[queued(&phone), queued(&tablet)]);
    inbox.apply_batch(&take(&phone, &sent));
    let row = inbox.conversation(&id("c2c_5")).unwrap();
    let messages = row.messages(chatfold::view::Direction::OldestFirst, None, 9).messages;
    let ranks: Vec<u8> = messages.iter().map(|message| message.rank()).collect();
    assert_eq!(ranks, [0, 2], "that of the other device is still being sent");
}
