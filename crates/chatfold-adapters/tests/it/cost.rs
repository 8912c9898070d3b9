//! What strangers write costs no more than its length.

use cpu_time::ThreadTime;
use serde_json::{Value, json};

use crate::story::{adapter, at};

/// Payloads that try to cost much, each of about so many items.
fn hostile(items: usize) -> Vec<(&'static str, &'static str, &'static str, Vec<u8>)> {
    let long = "k".repeat(items * 20);
    let bad: Vec<Value> = (0..items).map(|_| json!(7)).collect();
    let matrix = json!({"next_batch": "s", "rooms": {"join": {format!("!{long}"): {}, "!r:hs": {"timeline": {"events": bad}}}}});
    let mut under = serde_json::Map::new();
    under.insert(long.clone(), json!(bad));
    let direct =
        json!({"next_batch": "s", "account_data": {"events": [{"type": "m.direct", "content": under}]}});
    let text = format!("{}@u", "<@U2>".repeat(items));
    let slack = json!({"type": "message", "channel": "C1", "user": "U2", "ts": "1.000000", "text": text});
    let entities: Vec<Value> =
        (0..items).map(|n| json!({"type": "mention", "offset": n, "length": items * 4})).collect();
    let telegram = json!({"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 5}, "from": {"id": 5},
        "text": "@".repeat(items * 5), "entities": entities}});
    let declared: String = (0..items).map(|n| format!(" xmlns:p{n}='{n}'")).collect();
    let inside = "<p0:x/>".repeat(items);
    let prefixes = format!("<message from='b@hs'{declared}>{inside}</message>");
    let namespace = format!("<message from='b@hs' xmlns='{long}'>{}</message>", "<x/>".repeat(items));
    let nested =
        format!("{}{}", "<message from='b@hs'>".to_owned() + &"<x>".repeat(60), "<y/>".repeat(items));
    let nested = format!("{nested}{}</message>", "</x>".repeat(60));
    let at: Vec<Value> = (0..items).map(|n| json!(format!("u{n}"))).collect();
    let mentioning = json!({"callback": "onRecvNewMessage", "args": [{"message_msg_id": "m", "message_conv_id": "g", "message_conv_type": 2,
        "message_seq": 1, "message_sender": "b", "message_server_time": 1, "message_group_at_user_array": at}]});
    let at: Vec<Value> = (0..items)
        .map(|n| json!({"conv_group_at_info_seq": items - n, "conv_group_at_info_at_type": 1}))
        .collect();
    let names: Vec<Value> = (0..items / 20).map(|n| json!(format!("f{n}"))).collect();
    let row = json!({"callback": "onConversationChanged", "args": [[{"conv_id": "g", "conv_type": 2, "conv_group_at_info_array": at,
        "conv_conversation_group_array": names, "conv_last_msg": {"message_msg_id": "m", "message_conv_id": "g", "message_conv_type": 2,
        "message_seq": items, "message_sender": "b", "message_server_time": 1}}]]});
    vec![
        ("v2tim", "a", "tim", mentioning.to_string().into_bytes()),
        ("v2tim", "a", "tim", row.to_string().into_bytes()),
        ("matrix", "@a:hs", "matrix", matrix.to_string().into_bytes()),
        ("matrix", "@a:hs", "matrix", direct.to_string().into_bytes()),
        ("slack", "U1", "slack/t1", slack.to_string().into_bytes()),
        ("telegram", "4001", "telegram", telegram.to_string().into_bytes()),
        ("xmpp", "a@hs", "xmpp", prefixes.into_bytes()),
        ("xmpp", "a@hs", "xmpp", namespace.into_bytes()),
        ("xmpp", "a@hs", "xmpp", nested.into_bytes()),
    ]
}

/// What a payload makes is no longer than a small multiple of it, and four times the payload takes about four times as long, in
/// time of the processor.
#[test]
fn four_times_the_payload_costs_four_times_as_much() {
    let took = |items: usize| -> Vec<f64> {
        hostile(items)
            .into_iter()
            .map(|(system, owner, network, payload)| {
                let adapter = adapter(system, owner, network, &Value::Null);
                let runs = (0..5).map(|_| {
                    let began = ThreadTime::now();
                    let taken = adapter.take(&payload, at("2026-03-01T09:00:00.000Z"));
                    let seconds = began.elapsed().as_secs_f64();
                    if let Ok(taken) = taken {
                        let told: usize = taken.faults.iter().map(|fault| fault.to_string().len()).sum();
                        let held: usize = taken
                            .all()
                            .map(|event| event.meta().values().map(String::len).sum::<usize>() + 600)
                            .sum();
                        assert!(told + held <= 64 * payload.len() + (1 << 20), "{system}: {told} and {held}");
                    }
                    seconds
                });
                runs.fold(f64::INFINITY, f64::min)
            })
            .collect()
    };
    // Neither fits into the processor's caches, whose misses would look like a greater power.
    let (short, long) = (took(10_000), took(40_000));
    for (index, (short, long)) in short.iter().zip(&long).enumerate() {
        // A square would be 16 times; short ones are measured in fractions of a millisecond.
        assert!(*long <= 12.0 * short.max(0.001), "payload {index}: {short} s and {long} s");
    }
}
