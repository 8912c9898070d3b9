//! The JSON view: exactly the keys of V2TIM, in their order.

use chatfold::jsonl::{LoggedEvent, decode_line};
use chatfold::list::FolderFilter;
use chatfold::{Event, Filter, Inbox, Policy, UserId, v2tim};

use crate::jsonl::line;

/// Events of a short log: who, the second and milliseconds after nine, and the short form of [`line`].
fn events(log: &[(&str, &str, &str)]) -> Vec<Event> {
    let event = |(n, (by, second, short)): (usize, &(&str, &str, &str))| {
        let line = line(short)
            .replacen("\"alice\"", &format!("\"{by}\""), 1)
            .replacen("09:00:00.000Z", &format!("09:00:{second}Z"), 1)
            .replacen("-00000000000e", &format!("-0000000000{n:02}"), 1);
        match decode_line(line.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{line}")) {
            LoggedEvent::Known(event) => event,
            skipped => panic!("{skipped:?}"),
        }
    };
    log.iter().enumerate().map(event).collect()
}

/// The inbox of a short log: see [`events`].
pub fn inbox(log: &[(&str, &str, &str)]) -> Inbox {
    Inbox::replay(UserId::parse("alice").unwrap(), Policy::default(), &events(log))
}

/// The JSON of `log` without the digest, whose algorithm may change.
fn json(log: &[(&str, &str, &str)], filter: &Filter) -> String {
    let inbox = inbox(log);
    let json = v2tim::InboxJson::new(&inbox, 2, filter).to_string();
    let digest = format!("\"digest\":\"{}\",", inbox.digest());
    assert!(json.contains(&digest), "{json}");
    json.replacen(&digest, "", 1)
}

/// The row of the only conversation of `log`.
fn row(log: &[(&str, &str, &str)]) -> String {
    let inbox = inbox(log);
    let rows: Vec<String> =
        inbox.conversations().map(|row| v2tim::ConversationJson::new(row).to_string()).collect();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    row.clone()
}

#[test]
fn an_empty_inbox() {
    let expected = r#"{"owner":"alice","totalUnreadCount":0,"totalUnreadCountAll":0,"skippedEvents":2,"conversationList":[]}"#;
    assert_eq!(json(&[], &Filter::default()), expected);
}

#[test]
fn a_row_has_the_keys_of_v2tim_in_their_order() {
    let direct = row(&[
        (
            "alice",
            "00.000",
            r#"A "profile_changed","user":"bob","nickname":"Bob","remark":"Bobby","face_url":"https://x/bob.png""#,
        ),
        ("alice", "00.000", r#"A "folder_created","folder":#f,"name":"Friends""#),
        ("alice", "00.000", r#"D "folder_member_set","folder":#f,"on":true"#),
        ("alice", "00.000", r#"D "mark_set","mark":4294967296,"on":true"#),
        ("alice", "00.000", r#"D "mark_set","mark":1,"on":true"#),
        ("alice", "00.000", r#"D "custom_data_set","data":"+/8=""#),
        ("alice", "00.000", r#"D "receive_option_set","option":"receive_not_notify""#),
        (
            "bob",
            "01.999",
            r#"D "message_received","message":{"id":#a,"seq":9,"text":"Lunch?","cloud_custom":"AP8="}"#,
        ),
        ("alice", "02.000", r#"D "conversation_read","through":{"time":"2026-03-01T09:00:01.998Z"}"#),
        ("alice", "03.500", r#"D "draft_set","text":"Yes""#),
        ("alice", "04.000", r#"D "conversation_pinned","on":true"#),
    ]);
    let expected = concat!(
        r#"{"conversationID":"c2c_bob","type":1,"userID":"bob","groupID":null,"showName":"Bobby","faceUrl":"https://x/bob.png","groupType":null,"unreadCount":1,"#,
        r#""lastMessage":{"msgID":"018f0e2a-0000-7000-8000-00000000000a","timestamp":1772355601,"sender":"bob","nickName":"Bob","friendRemark":"Bobby","faceUrl":"https://x/bob.png","#,
        r#""status":2,"elemType":1,"textElem":{"text":"Lunch?"},"customElem":null,"cloudCustomData":"AP8=","groupID":null,"userID":"bob","seq":"9","isSelf":false,"isPeerRead":false,"#,
        r#""groupAtUserList":[],"isExcludedFromUnreadCount":false,"isExcludedFromLastMessage":false},"#,
        r#""draftText":"Yes","draftTimestamp":1772355603,"isPinned":true,"recvOpt":2,"groupAtInfoList":[],"orderkey":4505371982973996,"markList":[1,4294967296],"customData":"+/8=","#,
        r#""conversationGroupList":["Friends"],"c2cReadTimestamp":1772355601,"groupReadSequence":0}"#,
    );
    assert_eq!(direct, expected);

    let group = row(&[
        (
            "alice",
            "00.000",
            r#"A "profile_changed","group":"g","name":"Hiking","face_url":"https://x/g.png","group_type":"avchatroom""#,
        ),
        ("alice", "00.000", r#"A "profile_changed","group":"g","group_type":"public""#),
        ("bob", "01.000", r#"G "message_received","message":{"id":#a,"seq":1}"#),
        ("alice", "01.000", r#"G "conversation_read","through":{"seq":1}"#),
        (
            "bob",
            "02.000",
            r#"G "message_received","message":{"id":#b,"seq":2,"mentions":{"users":["alice"]}}"#,
        ),
        ("bob", "03.000", r#"G "message_received","message":{"id":#c,"seq":3,"mentions":{"all":true}}"#),
        (
            "bob",
            "04.000",
            r#"G "message_received","message":{"id":#d,"seq":4,"kind":"custom","text":"[poll]","custom":"AQI=","mentions":{"users":["carol","alice"],"all":true},"excluded_from_unread":true}"#,
        ),
    ]);
    let expected = concat!(
        r#"{"conversationID":"group_g","type":2,"userID":null,"groupID":"g","showName":"Hiking","faceUrl":"https://x/g.png","groupType":"Public","unreadCount":2,"#,
        r#""lastMessage":{"msgID":"018f0e2a-0000-7000-8000-00000000000d","timestamp":1772355604,"sender":"bob","nickName":null,"friendRemark":null,"faceUrl":null,"#,
        r#""status":2,"elemType":2,"textElem":{"text":"[poll]"},"customElem":{"data":"AQI="},"cloudCustomData":null,"groupID":"g","userID":null,"seq":"4","isSelf":false,"isPeerRead":false,"#,
        r#""groupAtUserList":["carol","alice","__kImSDK_MesssageAtALL__"],"isExcludedFromUnreadCount":true,"isExcludedFromLastMessage":false},"#,
        r#""draftText":null,"draftTimestamp":0,"isPinned":false,"recvOpt":0,"groupAtInfoList":[{"seq":"2","atType":1},{"seq":"3","atType":2},{"seq":"4","atType":3}],"#,
        r#""orderkey":1772355604000,"markList":[],"customData":null,"conversationGroupList":[],"c2cReadTimestamp":0,"groupReadSequence":1}"#,
    );
    assert_eq!(group, expected);

    let pinned = row(&[("alice", "00.000", r#"D "conversation_pinned","on":true"#)]);
    assert!(pinned.contains(r#""showName":"bob","faceUrl":null,"groupType":null,"unreadCount":0,"lastMessage":null,"draftText":null,"draftTimestamp":0,"isPinned":true,"#));
}

/// The part of the row's last message from its status to its reader.
fn last(log: &[(&str, &str, &str)]) -> String {
    let row = row(log);
    let last =
        row.split_once(r#""lastMessage":{"#).unwrap().1.split_once("},\"draftText\"").unwrap().0.to_owned();
    last.split_once("\"status\"").unwrap().1.to_owned()
}

#[test]
fn a_last_message_has_the_numbers_of_v2tim() {
    let queued = ("alice", "01.000", r#"D "message_queued","message":{"id":#a,"text":"x"}"#);
    let sent = ("alice", "02.000", r#"D "message_sent","target":#a,"sent_at":"2026-03-01T09:00:02.500Z""#);
    for (log, part) in [
        (vec![queued], r#":1,"elemType":1"#),
        (vec![queued, ("alice", "02.000", r#"D "message_failed","target":#a"#)], r#":3,"elemType":1"#),
        (vec![queued, sent], r#":2,"elemType":1"#),
        (vec![queued, sent], r#""isSelf":true,"isPeerRead":false"#),
        (
            vec![queued, sent, ("bob", "03.000", r#"D "peer_read","through":{"message":#a}"#)],
            r#""isPeerRead":true"#,
        ),
        (
            vec![
                ("bob", "01.000", r#"D "message_imported","message":{"id":#a,"text":"x"}"#),
                ("alice", "01.000", r#"D "message_imported","message":{"id":#b,"sender":"bob"}"#),
            ],
            r#":5,"elemType":1,"textElem":null"#,
        ),
        (
            vec![
                (
                    "bob",
                    "01.000",
                    r#"G "message_received","message":{"id":#a,"seq":1,"excluded_from_last":true}"#,
                ),
                ("alice", "02.000", r#"G "message_received","message":{"id":#b,"seq":2}"#),
                ("bob", "02.000", r#"G "message_read_by","targets":[#b]"#),
            ],
            r#""isSelf":true,"isPeerRead":false"#,
        ),
    ] {
        assert!(last(&log).contains(part), "{part} not in {}", last(&log));
    }
    for (kind, number) in [
        ("text", 1),
        ("custom", 2),
        ("image", 3),
        ("sound", 4),
        ("video", 5),
        ("file", 6),
        ("location", 7),
        ("face", 8),
        ("group_tips", 9),
        ("merger", 10),
    ] {
        let short = r#"D "message_received","message":{"id":#a,"kind":"$","text":"x"}"#.replace('$', kind);
        let custom = if kind == "custom" { r#","customElem":null"# } else { "" };
        let expected = format!(r#":2,"elemType":{number},"textElem":{{"text":"x"}}{custom}"#);
        assert!(last(&[("bob", "01.000", &short)]).starts_with(&expected), "{kind}");
    }
}

#[test]
fn r25_a_recalled_message_shows_who_and_why_and_not_what() {
    let message = (
        "bob",
        "01.000",
        r#"G "message_received","message":{"id":#a,"seq":1,"kind":"custom","text":"x","custom":"AQI=","cloud_custom":"AP8=","mentions":{"users":["alice"]}}"#,
    );
    let begin = r#":6,"elemType":2,"textElem":null,"customElem":null,"cloudCustomData":null,"groupID":"g","userID":null,"seq":"1","isSelf":false,"isPeerRead":false,"groupAtUserList":["alice"],"isExcludedFromUnreadCount":false,"isExcludedFromLastMessage":false,"#;
    for (recall, end) in [
        (r#"G "message_recalled","target":#a"#, r#""revokeReason":null,"revokerInfo":{"userID":"carol"}"#),
        (
            r#"G "message_recalled","target":#a,"reason":"spam""#,
            r#""revokeReason":"spam","revokerInfo":{"userID":"carol"}"#,
        ),
    ] {
        assert_eq!(last(&[message, ("carol", "02.000", recall)]), format!("{begin}{end}"));
    }
}

#[test]
fn r53_a_filter_narrows_the_list_and_not_the_totals() {
    let log = [
        ("bob", "01.000", r#"D "message_received","message":{"id":#a}"#),
        ("bob", "02.000", r#"G "message_received","message":{"id":#b,"seq":1}"#),
        ("alice", "02.000", r#"D "receive_option_set","option":"not_receive""#),
    ];
    let begin = r#"{"owner":"alice","totalUnreadCount":1,"totalUnreadCountAll":2,"skippedEvents":2,"conversationList":["#;
    let all = json(&log, &Filter::default());
    assert!(all.starts_with(begin));
    let ids = |json: &str| json.matches(r#"{"conversationID":"#).count();
    let place = |id: &str| all.find(id).unwrap();
    assert!(ids(&all) == 2 && place("group_g") < place("c2c_bob"));
    let folder = "018f0e2a-0000-7000-8000-00000000000f".parse().unwrap();
    let none = json(&log, &Filter::default().with_folder(FolderFilter::In(folder)));
    assert!(none.starts_with(begin) && none.ends_with("[]}"), "{none}");
}

#[test]
fn a_long_list_is_written_whole_and_in_order() {
    let messages: Vec<String> =
        (0..1_000).map(|n| format!(r#"D "conversation_pinned","on":{}"#, n % 2 == 0)).collect();
    let events: Vec<Event> = messages
        .iter()
        .enumerate()
        .flat_map(|(n, short)| {
            let opened = line(r#"D "conversation_opened""#);
            [opened, line(short)].map(|line| line.replace("c2c_bob", &format!("c2c_user{n}")))
        })
        .map(|line| decode_line(line.as_bytes()).unwrap().known().unwrap().clone())
        .collect();
    let inbox = Inbox::replay(UserId::parse("alice").unwrap(), Policy::default(), &events);
    let json = v2tim::InboxJson::new(&inbox, 0, &Filter::default()).to_string();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let listed = value["conversationList"].as_array().unwrap();
    let ids: Vec<&str> = listed.iter().map(|row| row["conversationID"].as_str().unwrap()).collect();
    let expected: Vec<String> = inbox.conversations().map(|row| row.id().to_string()).collect();
    assert_eq!((ids.len(), ids), (1_000, expected.iter().map(String::as_str).collect()));
}
