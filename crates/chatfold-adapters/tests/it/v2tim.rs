//! V2TIM: the list says what the callbacks said, however they came; and payloads of the wrong shape.

use chatfold::event::{Body, Fact, Watermark};
use chatfold::testing::Random;
use chatfold::{ConversationId, Inbox, Policy};
use chatfold_adapters::Fault;
use serde_json::{Value, json};

use crate::story::{Story, adapter, at, shown};

const STORIES: [&str; 2] = ["native", "web"];

/// The conversations that a payload tells of, each as the client had it.
fn told_of(payload: &Value) -> Vec<Value> {
    let args = payload["args"].as_array().unwrap();
    let list = match payload["callback"].as_str().unwrap() {
        "onNewConversation" | "onConversationChanged" => args[0].clone(),
        "TIMConvEventCallback" => serde_json::from_str(args[1].as_str().unwrap()).unwrap(),
        "onConversationListUpdated" => args[0]["data"].clone(),
        _ => json!([]),
    };
    list.as_array().unwrap().clone()
}

fn id_of(told: &Value) -> Option<ConversationId> {
    let text = match (told["conv_type"].as_u64(), told["conversationID"].as_str()) {
        (Some(1), _) => format!("c2c_{}", told["conv_id"].as_str().unwrap()),
        (Some(2), _) => format!("group_{}", told["conv_id"].as_str().unwrap()),
        (_, Some(id)) if id.starts_with("C2C") => id.replacen("C2C", "c2c_", 1),
        (_, Some(id)) if id.starts_with("GROUP") => id.replacen("GROUP", "group_", 1),
        _ => return None,
    };
    Some(text.parse().unwrap())
}

/// What the inbox shows of what a client had: each key by its name there.
fn differs(inbox: &Inbox, told: &Value) -> Vec<String> {
    let Some(id) = id_of(told) else { return Vec::new() };
    let row = inbox.conversation(&id).unwrap();
    let web = told.get("conversationID").is_some();
    let key = |native: &str, of_web: &str| told[if web { of_web } else { native }].clone();
    let mut found = Vec::new();
    let mut hold = |what: &str, told: Value, shown: Value| {
        if told != shown {
            found.push(format!("{id} {what}: told {told}, shows {shown}"));
        }
    };
    hold("unread", key("conv_unread_num", "unreadCount"), json!(row.unread_count()));
    hold("pinned", key("conv_is_pinned", "isPinned"), json!(row.is_pinned()));
    let option = row.receive_option() as usize;
    if web {
        let names = [
            "AcceptAndNotify",
            "Discard",
            "AcceptNotNotify",
            "AcceptNotNotifyExceptAt",
            "NotReceiveMsgExceptAt",
        ];
        hold("option", told["messageRemindType"].clone(), json!(names[option]));
    } else {
        hold("option", told["conv_recv_opt"].clone(), json!(option));
        hold("name", told["conv_show_name"].clone(), json!(row.show_name()));
        let (time, seq) = match row.read_marker() {
            Some(Watermark::Time(time)) => (time.as_secs(), 0),
            Some(Watermark::Seq(seq)) => (0, seq),
            None => (0, 0),
        };
        hold("read time", told["conv_c2c_read_timestamp"].clone(), json!(time));
        hold("read seq", told["conv_group_read_sequence"].clone(), json!(seq));
    }
    let marks: Vec<u64> = row.marks().into_iter().map(|mark| mark.bits()).collect();
    hold("marks", key("conv_mark_array", "markList"), json!(marks));
    let data = String::from_utf8(row.custom_data().unwrap_or_default().to_vec()).unwrap();
    hold("custom data", key("conv_custom_data", "customData"), json!(data));
    let folders: Vec<String> = row.folders().into_iter().map(|folder| folder.name).collect();
    let mut told_folders: Vec<String> =
        serde_json::from_value(key("conv_conversation_group_array", "conversationGroupList")).unwrap();
    told_folders.sort_unstable();
    hold("folders", json!(told_folders), json!(folders));
    let mentions: Vec<Value> =
        row.mentions().iter().map(|mention| json!([mention.seq, mention.kind as u8])).collect();
    let told_mentions: Vec<Value> = key("conv_group_at_info_array", "groupAtInfoList")
        .as_array()
        .unwrap()
        .iter()
        .map(|item| match web {
            true => json!([item["messageSequence"], item["atTypeArray"][0]]),
            false => json!([item["conv_group_at_info_seq"], item["conv_group_at_info_at_type"]]),
        })
        .collect();
    hold("mentions", json!(told_mentions), json!(mentions));
    let draft = row.draft().map(|draft| draft.text.to_owned()).unwrap_or_default();
    let told_draft = match web {
        true => {
            let text = told["draftText"].as_str().unwrap();
            let draft: Value = serde_json::from_str(text).unwrap_or(json!({"abstract": text}));
            draft["abstract"].clone()
        }
        false => {
            let text = &told["conv_draft"]["draft_msg"]["message_elem_array"][0]["text_elem_content"];
            if text.is_null() { json!("") } else { text.clone() }
        }
    };
    hold("draft", told_draft, json!(draft));
    found
}

/// After each callback the list says of the conversations that it told of what it said.
#[test]
fn the_list_says_what_the_callback_said() {
    let mut compared = 0;
    for name in STORIES {
        let story = Story::read("v2tim", name);
        let mut inbox = Inbox::new(story.adapter.scope().owner().clone(), Policy::default());
        for (received_at, payload) in &story.payloads {
            let taken = story.adapter.take(payload, *received_at).unwrap();
            let events = story.adapter.settle(taken, &inbox);
            inbox.apply_batch(&events);
            for told in told_of(&serde_json::from_slice(payload).unwrap()) {
                assert_eq!(differs(&inbox, &told), Vec::<String>::new(), "{name} at {received_at}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 10, "{compared}");
}

/// The events that a client appended, in any order and doubled, on another device: the list says the same.
#[test]
fn what_was_appended_says_the_same_in_any_order_and_doubled() {
    for name in STORIES {
        let story = Story::read("v2tim", name);
        let mut inbox = Inbox::new(story.adapter.scope().owner().clone(), Policy::default());
        let mut log = Vec::new();
        for (received_at, payload) in &story.payloads {
            let taken = story.adapter.take(payload, *received_at).unwrap();
            let events = story.adapter.settle(taken, &inbox);
            inbox.apply_batch(&events);
            log.extend(events);
        }
        let mut random = Random::new(7);
        for _ in 0..40 {
            let mut order: Vec<_> = log.iter().chain(&log).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, random.below(at as u64 + 1) as usize);
            }
            let again = Inbox::replay(inbox.owner().clone(), Policy::default(), order);
            assert_eq!(shown(&again), shown(&inbox), "{name}");
            assert_eq!(again.digest(), inbox.digest(), "{name}");
        }
    }
}

/// A list of messages in one call, or one call a message, or cut anywhere: the same events.
#[test]
fn a_list_cut_into_calls_makes_the_same_events() {
    let message = |n: u64| {
        let (conversation, kind) = if n.is_multiple_of(3) { ("b", 1) } else { ("g", 2) };
        json!({"message_msg_id": format!("m{n}"), "message_conv_id": conversation,
            "message_conv_type": kind, "message_sender": "b", "message_server_time": 1_000 + n / 2,
            "message_seq": n, "message_elem_array": [{"elem_type": 0, "text_elem_content": format!("t{n}")}]})
    };
    let v2tim = adapter("v2tim", "alice", "tim", &Value::Null);
    let events = |messages: &[u64]| {
        let list: Vec<Value> = messages.iter().map(|n| message(*n)).collect();
        let payload = json!({"callback": "TIMRecvNewMsgCallback", "args": [Value::from(list).to_string()]});
        let taken = v2tim.take(payload.to_string().as_bytes(), at("2026-03-01T09:00:00.000Z")).unwrap();
        assert_eq!(taken.faults, []);
        taken.events
    };
    let all: Vec<u64> = (1..=30).collect();
    let whole = events(&all);
    assert_eq!(whole.len(), 30);
    for cut in 0..=30 {
        let (front, back) = all.split_at(cut);
        assert_eq!([events(front), events(back)].concat(), whole);
    }
    assert_eq!(all.iter().flat_map(|n| events(&[*n])).collect::<Vec<_>>(), whole);
}

/// A message is the same fact whichever client tells of it.
#[test]
fn both_clients_tell_of_a_message_alike() {
    let native = json!({"callback": "onRecvNewMessage", "args": [{"message_msg_id": "144-1-2", "message_conv_id": "g", "message_conv_type": 2,
        "message_sender": "bob", "message_server_time": 1_000, "message_client_time": 999, "message_seq": 7, "message_status": 2,
        "message_group_at_user_array": ["alice", "__kImSDK_MessageAtALL__"], "message_cloud_custom_str": "c",
        "message_elem_array": [{"elem_type": 3, "custom_elem_data": "d"}]}]});
    let web = json!({"callback": "onMessageReceived", "args": [{"name": "onMessageReceived", "data": [{"ID": "144-1-2", "type": "TIMCustomElem",
        "payload": {"data": "d", "description": "", "extension": ""}, "conversationID": "GROUPg", "from": "bob", "time": 1_000, "sequence": 7,
        "atUserList": ["alice", "__kImSDK_MesssageAtALL__"], "cloudCustomData": "c"}]}]});
    let v2tim = adapter("v2tim", "alice", "tim", &Value::Null);
    let take = |payload: &Value| {
        v2tim.take(payload.to_string().as_bytes(), at("2026-03-01T09:00:00.000Z")).unwrap().events
    };
    assert_eq!(take(&native), take(&web));
    let [event] = take(&native).try_into().unwrap();
    let Body::Conversation(_, Fact::MessageReceived(message)) = event.body() else { panic!("{event:?}") };
    assert_eq!((message.seq, message.custom.as_deref()), (Some(7), Some(&b"d"[..])));
}

/// A recall of which only the id is said finds its message once that was learned, and is the fact that the message itself tells.
#[test]
fn a_recall_by_id_needs_its_message() {
    let mut v2tim = adapter("v2tim", "alice", "tim", &Value::Null);
    let message = |status: u8| {
        json!({"callback": "onRecvNewMessage", "args": [{"message_msg_id": "m", "message_conv_id": "bob", "message_conv_type": 1,
            "message_sender": "bob", "message_server_time": 1_000, "message_status": status, "message_revoker_user_id": "bob",
            "message_revoke_reason": "why", "message_elem_array": [{"elem_type": 0, "text_elem_content": "secret"}]}]})
    };
    let recall =
        json!({"callback": "onRecvMessageRevoked", "args": ["m", {"user_profile_identifier": "bob"}, "why"]});
    let when = at("2026-03-01T09:00:00.000Z");
    let fault = v2tim.take(recall.to_string().as_bytes(), when).unwrap_err();
    assert_eq!(fault.to_string(), r#"/args/0: expected a message that was learned, found "m""#);
    let taken = v2tim.take(message(2).to_string().as_bytes(), when).unwrap();
    taken.all().for_each(|event| v2tim.learn(event));
    let by_id = v2tim.take(recall.to_string().as_bytes(), when).unwrap().events;
    let by_message = v2tim.take(message(6).to_string().as_bytes(), when).unwrap().events;
    assert!(by_message.contains(&by_id[0]), "{by_id:?} {by_message:?}");
    assert!(!format!("{by_message:?}").contains("secret"));
}

fn faults(payload: &str) -> Vec<String> {
    let taken = adapter("v2tim", "alice", "tim", &Value::Null)
        .take(payload.as_bytes(), at("2026-03-01T09:00:00.000Z"));
    match taken {
        Ok(taken) => taken.faults.iter().map(Fault::to_string).collect(),
        Err(fault) => vec![fault.to_string()],
    }
}

#[test]
fn payloads_of_the_wrong_shape_are_refused_with_their_place() {
    let message = |rest: &str| {
        format!(
            r#"{{"callback":"onRecvNewMessage","args":[{{"message_msg_id":"m","message_conv_id":"g","message_conv_type":2,"message_sender":"b","message_server_time":1,"message_seq":1{rest}}}]}}"#
        )
    };
    let row = |rest: &str| {
        format!(r#"{{"callback":"onConversationChanged","args":[[{{"conv_id":"g","conv_type":2,{rest}}}]]}}"#)
    };
    let web = |rest: &str| {
        format!(
            r#"{{"callback":"onConversationListUpdated","args":[[{{"conversationID":"GROUPg",{rest}}}]]}}"#
        )
    };
    assert_eq!(faults(&message("")), Vec::<String>::new());
    for (payload, fault) in [
        (r#"{"callback":7,"args":[]}"#.to_owned(), "/callback: expected a text, found 7"),
        (r#"{"callback":"onRecvNewMessage"}"#.to_owned(), "/args: expected a value, found nothing"),
        (
            r#"{"callback":"onRecvNewMessage","args":{}}"#.to_owned(),
            "/args: expected an array, found an object",
        ),
        (
            r#"{"callback":"onRecvNewMessage","args":[]}"#.to_owned(),
            "/args: expected an argument at 0, found an array",
        ),
        (
            r#"{"callback":"TIMRecvNewMsgCallback","args":["[{"]}"#.to_owned(),
            "/args/0: expected an object, found \"[{\"",
        ),
        (
            message(r#","message_elem_array":[{"elem_type":"text"}]"#),
            "/args/0/message_elem_array/0/elem_type: expected a number from 0 to 2^53, found \"text\"",
        ),
        (
            message(r#","message_group_at_user_array":["a",7]"#),
            "/args/0/message_group_at_user_array/1: expected a text, found 7",
        ),
        (row(r#""conv_recv_opt":5"#), "/args/0/0/conv_recv_opt: expected a number from 0 to 4, found 5"),
        (
            row(r#""conv_group_type":3"#),
            "/args/0/0/conv_group_type: expected the number of a type of groups, found 3",
        ),
        (
            row(r#""conv_mark_array":[3]"#),
            "/args/0/0/conv_mark_array/0: expected a number with one bit, found 3",
        ),
        (
            row(
                r#""conv_group_at_info_array":[{"conv_group_at_info_seq":1,"conv_group_at_info_at_type":4}]"#,
            ),
            "/args/0/0/conv_group_at_info_array/0/conv_group_at_info_at_type: expected a number from 1 to 3, found 4",
        ),
        (
            web(r#""messageRemindType":"Loud""#),
            "/args/0/0/messageRemindType: expected how messages remind, such as AcceptAndNotify, found \"Loud\"",
        ),
        (
            r#"{"callback":"onMessageReceived","args":[[{"conversationID":"bob"}]]}"#.to_owned(),
            "/args/0/0/conversationID: expected the id of a conversation, C2C or GROUP before what it is with, found \"bob\"",
        ),
    ] {
        assert_eq!(faults(&payload), [fault], "{payload}");
    }
}

/// What the adapter has no event for is told by name.
#[test]
fn what_is_left_out_is_named() {
    let of = |name| {
        let story = Story::read("v2tim", name);
        let all = story.taken().into_iter().flat_map(|taken| taken.left_out);
        all.map(|(name, _)| name).collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        of("native"),
        [
            "how many of a group have read",
            "messages that no server has",
            "onConversationDeleted",
            "onTotalUnreadMessageCountChanged"
        ]
    );
    assert_eq!(
        of("web"),
        [
            "conversations of the system",
            "how many of a group have read",
            "onMessageReactionsUpdated",
            "onTotalUnreadMessageCountUpdated"
        ]
    );
}

fn taken_in(payloads: &[(&str, Value)]) -> (Vec<chatfold::Event>, Inbox) {
    let v2tim = adapter("v2tim", "alice", "tim", &Value::Null);
    let mut inbox = Inbox::new(v2tim.scope().owner().clone(), Policy::default());
    let mut log = Vec::new();
    for (when, payload) in payloads {
        let taken = v2tim.take(payload.to_string().as_bytes(), at(when)).unwrap();
        assert_eq!(taken.faults, []);
        let events = v2tim.settle(taken, &inbox);
        inbox.apply_batch(&events);
        log.extend(events);
    }
    (log, inbox)
}

/// Modifications without a version are told apart by what they say.
#[test]
fn no_two_modifications_have_one_id() {
    let web = |text: &str, cloud: &str| {
        json!({"callback": "onMessageModified", "args": [{"name": "onMessageModified", "data": [{"ID": "m", "type": "TIMTextElem", "payload": {"text": text},
            "conversationID": "GROUPg", "from": "bob", "time": 1_000, "sequence": 7, "cloudCustomData": cloud}]}]})
    };
    let native = |text: &str, cloud: &str| {
        json!({"callback": "onRecvMessageModified", "args": [{"message_msg_id": "m", "message_conv_id": "g", "message_conv_type": 2,
            "message_sender": "bob", "message_server_time": 1_000, "message_seq": 7, "message_cloud_custom_str": cloud,
            "message_elem_array": [{"elem_type": 0, "text_elem_content": text}]}]})
    };
    type Modified = fn(&str, &str) -> Value;
    let clients: [Modified; 2] = [web, native];
    for payload in clients {
        let when = "2026-03-01T09:00:00.000Z";
        let payloads = [("b", "1"), ("c", "1"), ("c", "2"), ("c", "1")]
            .map(|(text, cloud)| (when, payload(text, cloud)));
        let (mut log, _) = taken_in(&payloads);
        log.sort_by_key(chatfold::Event::id);
        for pair in log.windows(2) {
            assert!(pair[0].id() != pair[1].id() || pair[0] == pair[1], "{pair:#?}");
        }
    }
}

/// A row whose last message no server has still says how far the owner has read.
#[test]
fn the_marker_of_a_row_counts_without_a_last_message() {
    let message = json!({"callback": "onRecvNewMessage", "args": [{"message_msg_id": "m", "message_conv_id": "g", "message_conv_type": 2,
        "message_sender": "bob", "message_server_time": 1_000, "message_seq": 7, "message_elem_array": []}]});
    let row = |read: u64| {
        json!({"callback": "onConversationChanged", "args": [[{"conv_id": "g", "conv_type": 2, "conv_unread_num": 0, "conv_group_read_sequence": read,
            "conv_last_msg": {"message_msg_id": "n", "message_conv_id": "g", "message_conv_type": 2, "message_sender": "alice",
                "message_server_time": 1_001, "message_seq": 0, "message_status": 1, "message_elem_array": []}}]]})
    };
    for (read, unread, marker) in [(7, 0, Some(Watermark::Seq(7))), (0, 1, None)] {
        let (_, inbox) = taken_in(&[
            ("2026-03-01T09:00:00.000Z", message.clone()),
            ("2026-03-01T09:00:01.000Z", row(read)),
            ("2026-03-01T09:00:02.000Z", row(read)),
        ]);
        let row = inbox.conversation(&"group_g".parse().unwrap()).unwrap();
        assert_eq!((row.unread_count(), row.read_marker()), (unread, marker));
    }
}

/// What an edit no longer has is taken away.
#[test]
fn an_edit_takes_data_away() {
    let message = |version: u64, custom: &str, cloud: &str| {
        json!({"callback": "onRecvMessageModified", "args": [{"message_msg_id": "m", "message_conv_id": "g", "message_conv_type": 2,
            "message_sender": "bob", "message_server_time": 1_000, "message_seq": 7, "message_version": version, "message_cloud_custom_str": cloud,
            "message_elem_array": [{"elem_type": 3, "custom_elem_data": custom}]}]})
    };
    let when = "2026-03-01T09:00:00.000Z";
    let (_, inbox) = taken_in(&[(when, message(1, "a", "b")), (when, message(2, "", ""))]);
    let row = inbox.conversation(&"group_g".parse().unwrap()).unwrap();
    let last = row.last_message().unwrap();
    let data = [last.custom(), last.cloud_custom()].map(|data| data.unwrap_or_default());
    assert_eq!((data, last.edit_version()), ([&b""[..]; 2], Some(2)));
}
