//! R99: every fault is refused with its place, what was expected and what was found.

use chatfold::jsonl::decode_line;

use super::line;

/// Rows of a line with `«` before the byte at fault, and how the error goes on after the place.
fn check(rows: &[(&str, &str)]) {
    for (marked, told) in rows {
        let marked = line(marked);
        let column = marked.find('«').unwrap_or_else(|| panic!("no mark in {marked}")) + 1;
        let error = decode_line(marked.replacen('«', "", 1).as_bytes()).expect_err(&marked).to_string();
        let expected = format!("line 1, column {column}: expected {told}");
        assert!(error.starts_with(&expected), "{marked}\n  error: {error}\nexpected: {expected}");
    }
}

#[test]
fn r99_malformed_json_is_refused_where_it_breaks() {
    check(&[
        ("«", "an object, found the end of the line"),
        ("«null", "an object, found 'n'"),
        ("{«", "a key, found the end of the line"),
        ("«{}", "the key"),
        (r#"{«v":1}"#, "a key, found 'v'"),
        (r#"{"v"«1}"#, "':', found '1'"),
        (r#"{"v":«}"#, "a value, found '}'"),
        (r#"{"v":1,«}"#, "a key, found '}'"),
        (r#"{"v":1 «"id":1}"#, "',' or '}', found '\"'"),
        (r#"{"v":2}«}"#, "the end of the line, found '}'"),
        (r#"{"v":2}«x"#, "the end of the line, found 'x'"),
        ("{\"v\":2,«\n\"x\":1}", "a key, found '\\n'"),
        (r#"{"v":«+2}"#, "a value, found '+'"),
        (r#"{"v":2,"x":0«1}"#, "',' or '}', found '1'"),
        (r#"{"v":2,"x":-«}"#, "a digit, found '}'"),
        (r#"{"v":2,"x":1.«}"#, "a digit, found '}'"),
        (r#"{"v":2,"x":1e+«}"#, "a digit, found '}'"),
        (r#"{"v":2,"x":«.5}"#, "a value, found '.'"),
        (r#"{"v":2,"x":«NaN}"#, "a value, found 'N'"),
        (r#"{"v":2,"x":«tru}"#, "a value, found 't'"),
        (r#"{"v":2,"x":[1«}"#, "',' or ']', found '}'"),
        (r#"{"v":2,"x":[1,«]}"#, "a value, found ']'"),
        (r#"{"v":2,"x":"\«x"}"#, "one of \"\\/bfnrtu after a backslash, found 'x'"),
        (r#"{"v":2,"x":"\u12«g4"}"#, "four hexadecimal digits, found 'g'"),
        ("{\"v\":2,\"x\":\"12345678«\u{0}\"}", "no raw control character in a string, found '\\0'"),
        ("{\"v\":2,\"x\":\"«\u{1f}\"}", "no raw control character in a string, found '\\u{1f}'"),
        (r#"{"v":2,"x":"12345678«"#, "the end of a string, found the end of the line"),
        (r#"{"v":2,"x":"é\"«"#, "the end of a string, found the end of the line"),
    ]);
    let deep = |levels: usize| format!("{{\"v\":2,\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(decode_line(deep(128).as_bytes()).is_ok());
    for levels in [129, 1_000_000] {
        let error = decode_line(deep(levels).as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "line 1, column 140: expected less nesting: 128 levels at most, found '['");
    }
    let error = decode_line(b"{\"v\":2,\"x\":\"\xc3\x28\"}").unwrap_err().to_string();
    assert_eq!(error, "line 1, column 13: expected UTF-8, found byte 0xC3");
}

#[test]
fn r99_a_bad_envelope_is_refused() {
    let uuid = "the id of an event, a lower-case hyphenated UUID, found";
    let time = "a time as \"YYYY-MM-DDTHH:MM:SS.mmmZ\" in the years 1970 to 9998, found";
    check(&[
        (r#"«{"id":#e}"#, "the key \"v\", found an object without it"),
        (r#"{"v":«0}"#, "a version, an integer from 1, found 0"),
        (r#"{"v":«-1}"#, "a version, an integer from 1, found -1"),
        (r#"{"v":«1.0}"#, "a version, an integer from 1, found 1.0"),
        (r#"{"v":«1e0}"#, "a version, an integer from 1, found 1e0"),
        (r#"{"v":«"1"}"#, "a version, an integer from 1, found \"1\""),
        (r#"{"v":«18446744073709551616}"#, "a version, an integer from 1, found 18446744073709551616"),
        (r#"{"v":1,«"v":1}"#, "each key once, found a second \"v\""),
        (r#"{"v":2,«"\u0076":1}"#, "each key once, found a second \"\\u0076\""),
        (r#"«{"v":1}"#, "the key \"id\", found an object without it"),
        (r#"{"v":1,"id":«null}"#, &format!("{uuid} null")),
        (r#"{"v":1,"id":«"018F0E2A-0000-7000-8000-000000000001"}"#, &format!("{uuid} \"018F")),
        (r#"{"v":1,"id":«"018f0e2a000070008000000000000001"}"#, &format!("{uuid} \"018f")),
        (r#"«{"v":1,"id":#e}"#, "the key \"at\", found an object without it"),
        (r#"{"v":1,"id":#e,"at":«1772355600000}"#, &format!("{time} 1772355600000")),
        (r#"{"v":1,"id":#e,"at":«"2026-03-01T09:00:00Z"}"#, &format!("{time} \"2026-03-01T09:00:00Z\"")),
        (r#"{"v":1,"id":#e,"at":«"2026-03-01T09:00:00.000+00:00"}"#, time),
        (r#"{"v":1,"id":#e,"at":«"2026-02-29T09:00:00.000Z"}"#, time),
        (r#"{"v":1,"id":#e,"at":«"1969-12-31T23:59:59.999Z"}"#, time),
        (r#"{"v":1,"id":#e,"at":«"9999-01-01T00:00:00.000Z"}"#, time),
        (r#"«{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","type":"x"}"#, "the key \"by\""),
        (r#"«{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":"a"}"#, "the key \"type\""),
        (
            r#"{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":«""}"#,
            "a user id of 1 to 128 bytes without control characters, found \"\"",
        ),
        (r#"{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":«"a\u0000"}"#, "a user id of 1 to 128 bytes"),
        (
            r#"{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":"a«\ud800\u0061"}"#,
            "two surrogates that belong together, found \\ud800\\u0061",
        ),
        (
            r#"{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":"a","conversation":«"bob"}"#,
            "a conversation id, c2c_<user id> or group_<group id>, found \"bob\"",
        ),
        (
            r#"{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":"a","conversation":«"c2c_"}"#,
            "a conversation id with 1 to 128 bytes after its prefix",
        ),
        (
            r#"{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":"a","conversation":«null,"type":"x"}"#,
            "a conversation id",
        ),
        (r#"A «7"#, "a string, found 7"),
        (r#"A "x","meta":«null"#, "an object of strings, found null"),
        (r#"A "x","meta":{"a":«1}"#, "a string, found 1"),
        (r#"A "x","meta":{"a":"",«"\u0061":""}"#, "each key once, found a second \"\\u0061\""),
        (
            r#"«{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":"a","type":"conversation_pinned","on":true}"#,
            "the key \"conversation\"",
        ),
        (
            r#"{"v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":"a","conversation":«"c2c_bob","type":"quiet_hours_set"}"#,
            "no conversation, for quiet_hours_set is about the whole account, found \"c2c_bob\"",
        ),
        (r#"D "conversation_pinned","on":true,«"at":"""#, "each key once, found a second \"at\""),
        (r#"D "conversation_pinned","on":true,«"On":true"#, "a key of conversation_pinned, found \"On\""),
        (r#"D "conversation_pinned","on":true,«"log":true"#, "a key of conversation_pinned, found \"log\""),
        (
            r#"D "conversation_pinned",«"target":#a,"on":true"#,
            "a key of conversation_pinned, found \"target\"",
        ),
    ]);
    let long = "x".repeat(129);
    let by = line(r#"D "x""#).replace(r#""alice""#, &format!("\"{long}\""));
    let error = decode_line(by.as_bytes()).unwrap_err().to_string();
    let cut = format!("found \"{}… (131 bytes)", "x".repeat(59));
    assert!(error.ends_with(&cut), "{error}");
    let group = line(r#"G "x""#).replace("group_g", &format!("group_{long}"));
    assert!(decode_line(group.as_bytes()).is_err());
}

#[test]
fn r99_a_bad_message_is_refused() {
    let seq = "an integer from 0 to 2^53, found";
    let base64 = "base64 in the standard alphabet, padded, found";
    let kind = "one of text, image, sound, video, file, location, face, custom, merger and group_tips, found";
    check(&[
        (r#"D "message_received","message":«null"#, "a message, found null"),
        (r#"D "message_received","message":«[]"#, "a message, found []"),
        (r#"D "message_received","message":«{}"#, "the key \"id\", found an object without it"),
        (
            r#"D "message_received","message":{"id":«"a"}"#,
            "the id of a message, a lower-case hyphenated UUID, found \"a\"",
        ),
        (r#"D "message_received","message":{"id":#a,«"id":#a}"#, "each key once, found a second \"id\""),
        (
            r#"D "message_received","message":{"id":#a},«"message":{"id":#a}"#,
            "each key once, found a second \"message\"",
        ),
        (
            r#"D "message_received","message":{"id":#a,«"sender":"bob"}"#,
            "a key of a message, found \"sender\"",
        ),
        (r#"D "message_queued","message":{"id":#a,«"sender":"bob"}"#, "a key of a message, found \"sender\""),
        (r#"D "message_imported","message":{"id":#a,"sender":«""}"#, "a user id"),
        (
            r#"D "message_imported","message":{"id":#a,«"status":1}"#,
            "a key of an imported message, found \"status\"",
        ),
        (
            r#"G "message_received","message":«{"id":#a}"#,
            "the key \"seq\", for this is a group, found an object without it",
        ),
        (r#"G "message_queued","message":«{"id":#a}"#, "the key \"seq\", for this is a group"),
        (r#"G "message_imported","message":«{"id":#a}"#, "the key \"seq\", for this is a group"),
        (
            r#"G "message_received","message":{"id":#a,"seq":«0}"#,
            "a seq of at least 1, for this message was delivered, found 0",
        ),
        (
            r#"G "message_received","message":{"id":#a,"seq":«9007199254740993}"#,
            &format!("{seq} 9007199254740993"),
        ),
        (r#"D "message_received","message":{"id":#a,"seq":«9007199254740993}"#, seq),
        (r#"D "message_received","message":{"id":#a,"seq":«-1}"#, &format!("{seq} -1")),
        (r#"D "message_received","message":{"id":#a,"seq":«1.0}"#, &format!("{seq} 1.0")),
        (r#"D "message_received","message":{"id":#a,"seq":«"1"}"#, &format!("{seq} \"1\"")),
        (r#"D "message_received","message":{"id":#a,"seq":«null}"#, &format!("{seq} null")),
        (r#"D "message_received","message":{"id":#a,"kind":«"Text"}"#, &format!("{kind} \"Text\"")),
        (r#"D "message_received","message":{"id":#a,"kind":«null}"#, kind),
        (r#"D "message_received","message":{"id":#a,"text":«null}"#, "a string, found null"),
        (
            r#"D "message_received","message":{"id":#a,"text":"12«\udc00"}"#,
            "two surrogates that belong together, found \\udc00",
        ),
        (r#"D "message_received","message":{"id":#a,"custom":«"AP8"}"#, base64),
        (r#"D "message_received","message":{"id":#a,"custom":«"-_8="}"#, base64),
        (r#"D "message_received","message":{"id":#a,"cloud_custom":«"AB=="}"#, base64),
        (r#"D "message_received","message":{"id":#a,"cloud_custom":«[0]}"#, base64),
        (
            r#"D "message_received","message":{"id":#a,"mentions":«["bob"]}"#,
            "an object of users and all, found [\"bob\"]",
        ),
        (
            r#"D "message_received","message":{"id":#a,"mentions":{«"user":[]}}"#,
            "a key of mentions, found \"user\"",
        ),
        (
            r#"D "message_received","message":{"id":#a,"mentions":{"users":«"bob"}}"#,
            "a list of user ids, found \"bob\"",
        ),
        (r#"D "message_received","message":{"id":#a,"mentions":{"users":["bob",«null]}}"#, "a user id"),
        (r#"D "message_received","message":{"id":#a,"mentions":{"all":«1}}"#, "true or false, found 1"),
        (r#"D "message_received","message":{"id":#a,"recipients":«{}}"#, "a list of user ids, found {}"),
        (r#"D "message_received","message":{"id":#a,"recipients":[«""]}"#, "a user id"),
        (r#"D "message_received","message":{"id":#a,"reply_to":«null}"#, "the id of a message"),
        (r#"D "message_received","message":{"id":#a,"online_only":«0}"#, "true or false, found 0"),
        (
            r#"D "message_received","message":{"id":#a,"need_receipt":«"true"}"#,
            "true or false, found \"true\"",
        ),
        (
            r#"D "message_received","message":{"id":#a,"members":«-1}"#,
            "an integer from 0 to 2^64-1, found -1",
        ),
        (
            r#"D "conversation_pinned","on":true,«"message":{"id":#a}"#,
            "a key of conversation_pinned, found \"message\"",
        ),
    ]);
}

#[test]
fn r99_a_bad_fact_about_a_conversation_is_refused() {
    let through = "an object of one key: seq in a group, time in a direct chat, or message, found";
    let version = "the version of an edit, an integer from 1, found";
    let mark = "a mark, an integer with a single bit set, found";
    let seq = "an integer from 0 to 2^53, found";
    check(&[
        (
            r#"D «"message_pinned","target":#a,"on":true"#,
            "a type that a direct chat has, found \"message_pinned\"",
        ),
        (
            r#"D «"message_read_by","targets":[#a]"#,
            "a type that a direct chat has, found \"message_read_by\"",
        ),
        (r#"G «"peer_read","through":{"message":#a}"#, "a type that a group has, found \"peer_read\""),
        (
            r#"D "conversation_opened","group_type":«"work""#,
            "no group_type, for this is a direct chat, found \"work\"",
        ),
        (
            r#"G "conversation_opened","group_type":«"Work""#,
            "one of work, public, meeting, avchatroom and community, found \"Work\"",
        ),
        (r#"D "message_modified","target":#a,"version":«0"#, &format!("{version} 0")),
        (r#"D "message_modified","target":#a,"version":«"2""#, &format!("{version} \"2\"")),
        (r#"D "message_modified","target":#a,"version":1,"text":«null"#, "a string, found null"),
        (r#"D "message_modified","target":#a,"version":1,"custom":«"*""#, "base64"),
        (r#"D "message_recalled","target":«null"#, "the id of a message"),
        (r#"D "message_recalled","target":#a,"reason":«null"#, "a string, found null"),
        (r#"G "message_read_by","targets":«#a"#, "a list of message ids"),
        (
            r#"G "message_read_by","targets":[#a,«1]"#,
            "the id of a message, a lower-case hyphenated UUID, found 1",
        ),
        (r#"D "peer_read","through":«{"seq":1}"#, "a time, for this is a direct chat, found {\"seq\":1}"),
        (r#"D "conversation_read","through":«{"seq":1}"#, "a time, for this is a direct chat"),
        (r#"D "history_cleared","through":«{"seq":1}"#, "a time, for this is a direct chat"),
        (
            r#"G "conversation_read","through":«{"time":"2026-03-01T09:00:00.000Z"}"#,
            "a seq, for this is a group",
        ),
        (
            r#"G "conversation_deleted","through":«{"time":"2026-03-01T09:00:00.000Z"}"#,
            "a seq, for this is a group",
        ),
        (r#"G "conversation_read","through":«{}"#, &format!("{through} {{}}")),
        (r#"G "conversation_read","through":«{"seq":1,"message":#a}"#, through),
        (r#"G "conversation_read","through":«{"seq":1,"x":1}"#, through),
        (r#"G "conversation_read","through":«{"seq":1,"seq":1}"#, through),
        (r#"G "conversation_read","through":«7"#, &format!("{through} 7")),
        (r#"G "conversation_read","through":{"seq":«9007199254740993}"#, &format!("{seq} 9007199254740993")),
        (r#"G "conversation_read","through":{"seq":«null}"#, &format!("{seq} null")),
        (
            r#"G "history_cleared","through":«{"message":#a}"#,
            "a seq in a group or a time in a direct chat, not a message, found",
        ),
        (
            r#"D "conversation_deleted","through":«{"message":#a}"#,
            "a seq in a group or a time in a direct chat, not a message",
        ),
        (r#"D "reaction_set","target":#a,"reaction":«null,"on":true"#, "a string, found null"),
        (r#"D "reaction_set","target":#a,"reaction":"+1","on":«null"#, "true or false, found null"),
        (r#"D "extension_set","target":#a,"key":"k","value":«1,"seq":1"#, "a string or null, found 1"),
        (
            r#"D "extension_set","target":#a,"key":"k","value":null,"seq":«9007199254740993"#,
            &format!("{seq} 9007199254740993"),
        ),
        (r#"D "extensions_cleared","target":#a,"seq":«"1""#, &format!("{seq} \"1\"")),
        (
            r#"G "message_sent","target":#a,"sent_at":"2026-03-01T09:00:00.000Z","seq":«0"#,
            "a seq of at least 1, for this message was delivered, found 0",
        ),
        (r#"D "message_sent","target":#a,"sent_at":«null"#, "a time as"),
        (r#"D "messages_deleted","targets":«{}"#, "a list of message ids, found {}"),
        (r#"D "draft_set","text":«7"#, "a string or null, found 7"),
        (r#"D "draft_set","text":null,"replaces":«null"#, "the id of an event"),
        (r#"D "mark_set","mark":«3,"on":true"#, &format!("{mark} 3")),
        (r#"D "mark_set","mark":«0,"on":true"#, &format!("{mark} 0")),
        (r#"D "mark_set","mark":«18446744073709551616,"on":true"#, mark),
        (r#"D "custom_data_set","data":«null"#, "base64"),
        (
            r#"D "receive_option_set","option":«"mute""#,
            "one of receive, not_receive, receive_not_notify, not_notify_except_at and not_receive_except_at, found \"mute\"",
        ),
        (r#"D "receive_option_set","option":«0"#, "one of receive"),
        (
            r#"D "folder_member_set","folder":«"f","on":true"#,
            "the id of a folder, a lower-case hyphenated UUID, found \"f\"",
        ),
        (
            r#"G "conversation_deleted","through":{"seq":1},"keep_messages":«null"#,
            "true or false, found null",
        ),
    ]);
    facts_of_what_people_expect();
    // A key that is missing: the fault is where its object begins, at column 1.
    for (short, key) in [
        (r#"D "message_received""#, "message"),
        (r#"D "message_modified","target":#a"#, "version"),
        (r#"D "message_recalled""#, "target"),
        (r#"G "message_read_by""#, "targets"),
        (r#"D "conversation_read""#, "through"),
        (r#"D "reaction_set","target":#a,"on":true"#, "reaction"),
        (r#"D "reaction_set","target":#a,"reaction":"x""#, "on"),
        (r#"D "extension_set","target":#a,"key":"k","seq":1"#, "value"),
        (r#"D "extension_set","target":#a,"value":"v","seq":1"#, "key"),
        (r#"D "extension_set","target":#a,"key":"k","value":null"#, "seq"),
        (r#"D "message_sent","target":#a"#, "sent_at"),
        (r#"G "message_sent","target":#a,"sent_at":"2026-03-01T09:00:00.000Z""#, "seq"),
        (r#"D "draft_set""#, "text"),
        (r#"D "mark_set","on":true"#, "mark"),
        (r#"D "custom_data_set""#, "data"),
        (r#"D "receive_option_set""#, "option"),
        (r#"G "membership_set","user":"bob""#, "state"),
        (r#"G "membership_set","state":"left""#, "user"),
        (r#"D "messages_read","targets":[]"#, "on"),
        (r#"D "conversation_archived","stay":true"#, "on"),
        (r#"G "unread_reported","through":{"seq":1}"#, "unread"),
        (r#"G "history_complete","through":{"seq":1}"#, "from"),
        (r#"G "history_window","through":{"seq":1}"#, "after"),
        (r#"D "folder_member_set","on":true"#, "folder"),
        (r#"A "profile_changed""#, "user"),
        (r#"A "folder_created","folder":#f"#, "name"),
    ] {
        let error = decode_line(line(short).as_bytes()).unwrap_err().to_string();
        let expected = format!("line 1, column 1: expected the key \"{key}\"");
        assert!(error.starts_with(&expected), "{short}\n{error}");
    }
}

/// Archives, memberships, options that end, messages read by name, and what servers report.
fn facts_of_what_people_expect() {
    let count = "an integer from 0 to 2^53, found";
    let mentions = "rising seqs from 1 up to that of through, and types from 1 to 3, found";
    let unread = |rest: &str| format!(r#"G "unread_reported","through":{{"seq":9}},"unread":1,{rest}"#);
    let lists = [
        r#""mentions":«[{"seq":2,"type":1},{"seq":2,"type":1}]"#,
        r#""mentions":«[{"seq":0,"type":1}]"#,
        r#""mentions":«[{"seq":10,"type":1}]"#,
        r#""mentions":«[{"seq":9,"type":4}]"#,
        r#""mentions":«[{"seq":9,"type":0}]"#,
    ];
    lists.iter().for_each(|list| check(&[(&unread(list), mentions)]));
    check(&[
        (r#"D «"membership_set","state":"left","user":"alice""#, "a type that a direct chat has"),
        (
            r#"G "membership_set","state":«"gone","user":"alice""#,
            "one of joined, invited, left, removed and dissolved, found \"gone\"",
        ),
        (
            r#"G "membership_set","state":"dissolved","user":«"alice""#,
            "no user, for a dissolved group is so for all, found \"alice\"",
        ),
        (r#"D "messages_read","targets":«7,"on":true"#, "a list of message ids, found 7"),
        (r#"D "messages_read","targets":[],"on":«1"#, "true or false, found 1"),
        (r#"D "conversation_archived","on":true,"stay":«null"#, "true or false, found null"),
        (
            r#"D "receive_option_set","option":"receive","until":«"2026-03-01T10:00:00.000Z""#,
            "no until, for the option receive has no end, found",
        ),
        (r#"D "receive_option_set","option":"not_receive","until":«7"#, "a time as"),
        (r#"G "history_cleared","through":{"seq":1},"also":«{}"#, "a list of message ids, found {}"),
        (r#"G "conversation_deleted","through":{"seq":1},"also":[«null]"#, "the id of a message"),
        (r#"D "message_modified","target":#a,"version":1,"mentions":«null"#, "an object of users and all"),
        (
            r#"D "message_modified","target":#a,"version":1,"mentions":{«"some":1}"#,
            "a key of mentions, found \"some\"",
        ),
        (r#"G "unread_reported","through":«{"seq":0},"unread":1"#, "a seq of at least 1, found"),
        (r#"G "unread_reported","through":«{"message":#a},"unread":1"#, "a seq in a group or a time"),
        (r#"G "unread_reported","through":{"seq":1},"unread":«9007199254740993"#, count),
        (r#"G "unread_reported","through":{"seq":1},"unread":0,"mentions":«9007199254740993"#, count),
        (
            r#"G "unread_reported","through":{"seq":1},"unread":0,"mentions":«null"#,
            "a number of mentions, or a",
        ),
        (
            r#"G "unread_reported","through":{"seq":1},"unread":0,"read":«{"time":"2026-03-01T10:00:00.000Z"}"#,
            "a seq, for this is a group",
        ),
        (
            r#"D "unread_reported","through":{"time":"2026-03-01T10:00:00.000Z"},"unread":0,"mentions":«1"#,
            "no mentions, for this is a direct chat, found 1",
        ),
        (
            r#"G "history_complete","from":«{"seq":2},"through":{"seq":1}"#,
            "a place not behind that of through",
        ),
        (
            r#"G "history_window","after":«{"seq":2},"through":{"seq":1}"#,
            "a place not behind that of through",
        ),
        (
            r#"D "history_complete","from":«{"seq":2},"through":{"seq":3}"#,
            "a time, for this is a direct chat",
        ),
        (r#"G "history_complete","from":«{"message":#a},"through":{"seq":3}"#, "a seq in a group or a time"),
    ]);
}

#[test]
fn r99_a_bad_fact_about_the_account_is_refused() {
    let hours =
        "quiet hours that start within a day, last less than a day and lie less than a day from UTC, found";
    let start = "a time of day as \"HH:MM:SS\", found";
    check(&[
        (r#"A "profile_changed","user":"bob",«"name":"x""#, "a key of profile_changed, found \"name\""),
        (
            r#"A "profile_changed","group":"g",«"nickname":"x""#,
            "a key of profile_changed, found \"nickname\"",
        ),
        (r#"A "profile_changed","user":«"bob","group":"g""#, "either user or group, found \"bob\""),
        (r#"A "profile_changed","user":«"""#, "a user id"),
        (
            r#"A "profile_changed","group":«"""#,
            "a group id of 1 to 128 bytes without control characters, found \"\"",
        ),
        (r#"A "profile_changed","user":"bob","remark":«null"#, "a string, found null"),
        (r#"A "profile_changed","group":"g","group_type":«"x""#, "one of work"),
        (r#"A "folder_created","folder":#f,"name":«null"#, "a string, found null"),
        (r#"A "folder_deleted","folder":#f,«"name":"x""#, "a key of folder_deleted, found \"name\""),
        (
            r#"A "quiet_hours_set","daily":«null"#,
            "an object of start, duration_s and utc_offset_s or zone, found null",
        ),
        (
            r#"A "quiet_hours_set","daily":{"start":"22:00:00","duration_s":1,"utc_offset_s":0},"once":«{}"#,
            "either daily or once",
        ),
        (r#"A "quiet_hours_set","daily":«{"start":"22:00:00","duration_s":1}"#, "the key \"utc_offset_s\""),
        (r#"A "quiet_hours_set","daily":«{"start":"22:00:00","duration_s":86400,"utc_offset_s":0}"#, hours),
        (r#"A "quiet_hours_set","daily":«{"start":"22:00:00","duration_s":1,"utc_offset_s":-86400}"#, hours),
        (r#"A "quiet_hours_set","daily":«{"start":"22:00:00","duration_s":86400,"zone":"UTC"}"#, hours),
        (
            r#"A "quiet_hours_set","daily":{"start":"22:00:00","duration_s":1,"zone":«"Europe//Berlin"}"#,
            "the name of a time zone such as Europe/Berlin, found \"Europe//Berlin\"",
        ),
        (
            r#"A "quiet_hours_set","daily":{"start":"22:00:00","duration_s":1,"zone":«"../etc"}"#,
            "the name of",
        ),
        (
            r#"A "quiet_hours_set","daily":{"start":"22:00:00","duration_s":1,"zone":"UTC",«"utc_offset_s":0}"#,
            "a key of quiet hours, found \"utc_offset_s\"",
        ),
        (
            r#"A "quiet_hours_set","daily":{"start":"22:00:00","duration_s":«-1,"utc_offset_s":0}"#,
            "a number of seconds, less than a day, found -1",
        ),
        (
            r#"A "quiet_hours_set","daily":{"start":"22:00:00","duration_s":1,"utc_offset_s":«0.5}"#,
            "a number of seconds, less than a day, found 0.5",
        ),
        (
            r#"A "quiet_hours_set","daily":{"start":«"24:00:00","duration_s":1,"utc_offset_s":0}"#,
            &format!("{start} \"24:00:00\""),
        ),
        (r#"A "quiet_hours_set","daily":{"start":«"22:60:00","duration_s":1,"utc_offset_s":0}"#, start),
        (r#"A "quiet_hours_set","daily":{"start":«"22:00","duration_s":1,"utc_offset_s":0}"#, start),
        (r#"A "quiet_hours_set","daily":{"start":«"2a:00:00","duration_s":1,"utc_offset_s":0}"#, start),
        (
            r#"A "quiet_hours_set","daily":{"start":"22:00:00","duration_s":1,"utc_offset_s":0,«"x":1}"#,
            "a key of quiet hours, found \"x\"",
        ),
        (r#"A "quiet_hours_set","once":«7"#, "an object of start and duration_s, found 7"),
        (r#"A "quiet_hours_set","once":{"start":«"22:00:00","duration_s":1}"#, "a time as"),
        (
            r#"A "quiet_hours_set","once":{"start":"2026-03-01T09:00:00.000Z","duration_s":«null}"#,
            "an integer from 0 to 2^64-1, found null",
        ),
    ]);
}
