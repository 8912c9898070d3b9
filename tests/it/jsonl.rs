//! The text log: what decodes, what is kept, what is written back. Faults and random lines have files of their own.

mod canonical;
mod faults;
mod lent;
mod random;
mod salvage;
mod written;

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use chatfold::event::{Body, Fact};
use chatfold::jsonl::{
    DecodeError, LogLine, LoggedEvent, ReadError, Reader, SkipReason, Writer, decode_line, encode_event,
};
use chatfold::{Message, UserId};

const HEADER: &str = r#"{"log":"chatfold","v":1,"owner":"alice"}"#;

/// A line from its short form: `D`, `G` and `A` begin an event in a direct chat, in a group, in the account;
/// `#2` is a UUID that ends in 2.
pub fn line(short: &str) -> String {
    let envelope = r#""v":1,"id":#e,"at":"2026-03-01T09:00:00.000Z","by":"alice","#;
    let (begin, rest) = match short.split_at_checked(2) {
        Some(("D ", rest)) => (format!(r#"{{{envelope}"conversation":"c2c_bob","type":"#), rest),
        Some(("G ", rest)) => (format!(r#"{{{envelope}"conversation":"group_g","type":"#), rest),
        Some(("A ", rest)) => (format!(r#"{{{envelope}"type":"#), rest),
        _ => return uuids(short),
    };
    uuids(&format!("{begin}{rest}}}"))
}

fn uuids(text: &str) -> String {
    let mut parts = text.split('#');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digit, rest) = part.split_at(1);
        format!("{text}\"018f0e2a-0000-7000-8000-00000000000{digit}\"{rest}")
    })
}

/// A log of these short lines, below a header.
fn log(lines: &[&str]) -> String {
    lines.iter().fold(format!("{HEADER}\n"), |log, short| log + &line(short) + "\n")
}

fn read(log: &str) -> Vec<Result<LogLine, String>> {
    let reader = Reader::new(log.as_bytes()).unwrap();
    reader.map(|record| record.map_err(|error| error.to_string())).collect()
}

/// One canonical line of every type and of every variant of its keys.
pub(crate) const CANONICAL: &[&str] = &[
    r#"D "conversation_opened""#,
    r#"G "conversation_opened","group_type":"work""#,
    r#"G "conversation_opened","group_type":"public""#,
    r#"G "conversation_opened","group_type":"meeting""#,
    r#"G "conversation_opened","group_type":"avchatroom""#,
    r#"G "conversation_opened","group_type":"community""#,
    r#"D "message_received","message":{"id":#a}"#,
    r#"D "message_received","message":{"id":#a,"seq":0,"text":""}"#,
    r#"G "message_received","message":{"id":#a,"seq":1,"text":"Lunch?"}"#,
    r#"G "message_received","message":{"id":#a,"seq":9007199254740992,"kind":"custom","text":"\"\\\n\u001f李","custom":"AP8=","cloud_custom":"","mentions":{"users":["bob","alice"],"all":true},"recipients":["alice"],"reply_to":#b,"online_only":true,"excluded_from_unread":true,"excluded_from_last":true,"need_receipt":true,"supports_extensions":true,"members":18446744073709551615}"#,
    r#"D "message_received","message":{"id":#a,"kind":"image","mentions":{"users":["bob"]}}"#,
    r#"D "message_received","message":{"id":#a,"kind":"sound","mentions":{"all":true}}"#,
    r#"D "message_received","message":{"id":#a,"kind":"video"}"#,
    r#"D "message_received","message":{"id":#a,"kind":"file"}"#,
    r#"D "message_received","message":{"id":#a,"kind":"location"}"#,
    r#"D "message_received","message":{"id":#a,"kind":"face"}"#,
    r#"D "message_received","message":{"id":#a,"kind":"merger"}"#,
    r#"D "message_received","message":{"id":#a,"kind":"group_tips"}"#,
    r#"D "message_modified","target":#a,"version":1"#,
    r#"G "message_modified","target":#a,"version":2,"text":"","custom":"AA==","cloud_custom":"/+8=""#,
    r#"D "message_recalled","target":#a"#,
    r#"D "message_recalled","target":#a,"reason":"typo""#,
    r#"G "message_read_by","targets":[#a,#b]"#,
    r#"G "message_read_by","targets":[]"#,
    r#"D "peer_read","through":{"time":"1970-01-01T00:00:00.000Z"}"#,
    r#"D "peer_read","through":{"message":#a}"#,
    r#"D "reaction_set","target":#a,"reaction":"👍","on":true"#,
    r#"D "extension_set","target":#a,"key":"k","value":"v","seq":3"#,
    r#"D "extension_set","target":#a,"key":"k","value":null,"seq":0"#,
    r#"D "extensions_cleared","target":#a,"seq":4"#,
    r#"G "message_pinned","target":#a,"on":false"#,
    r#"D "message_queued","message":{"id":#a,"text":"later"}"#,
    r#"G "message_queued","message":{"id":#a,"seq":0}"#,
    r#"D "message_sent","target":#a,"sent_at":"2026-03-01T09:00:01.000Z""#,
    r#"G "message_sent","target":#a,"sent_at":"9998-12-31T23:59:59.999Z","seq":5,"members":3"#,
    r#"D "message_failed","target":#a"#,
    r#"D "message_failed","target":#a,"reason":"offline""#,
    r#"D "message_imported","message":{"id":#a,"text":"old"}"#,
    r#"G "message_imported","message":{"id":#a,"sender":"carol","seq":0,"text":"old"}"#,
    r#"D "messages_deleted","targets":[#a]"#,
    r#"G "history_cleared","through":{"seq":0}"#,
    r#"D "history_cleared","through":{"time":"2026-03-01T09:00:01.000Z"}"#,
    r#"G "conversation_read","through":{"seq":9007199254740992}"#,
    r#"D "conversation_read","through":{"time":"2026-03-01T09:00:01.000Z"}"#,
    r#"G "conversation_read","through":{"message":#a}"#,
    r#"D "marked_unread_from","target":#a"#,
    r#"D "conversation_pinned","on":true"#,
    r#"D "draft_set","text":"See you""#,
    r#"D "draft_set","text":null,"replaces":#c"#,
    r#"D "draft_set","text":"""#,
    r#"D "mark_set","mark":1,"on":true"#,
    r#"D "mark_set","mark":9223372036854775808,"on":false"#,
    r#"D "custom_data_set","data":"""#,
    r#"D "custom_data_set","data":"+/8=""#,
    r#"D "receive_option_set","option":"receive""#,
    r#"D "receive_option_set","option":"not_receive""#,
    r#"D "receive_option_set","option":"receive_not_notify""#,
    r#"D "receive_option_set","option":"not_notify_except_at""#,
    r#"D "receive_option_set","option":"not_receive_except_at""#,
    r#"D "folder_member_set","folder":#f,"on":true"#,
    r#"G "conversation_deleted","through":{"seq":7}"#,
    r#"D "conversation_deleted","through":{"time":"2026-03-01T09:00:01.000Z"},"keep_messages":true"#,
    r#"A "profile_changed","user":"bob""#,
    r#"A "profile_changed","user":"bob","nickname":"Bob","remark":"","face_url":"https://x/1.png""#,
    r#"A "profile_changed","group":"g""#,
    r#"A "profile_changed","group":"g","name":"Hiking","face_url":"","group_type":"work""#,
    r#"A "folder_created","folder":#f,"name":"Work""#,
    r#"A "folder_renamed","folder":#f,"name":"Play""#,
    r#"A "folder_deleted","folder":#f"#,
    r#"A "quiet_hours_set""#,
    r#"A "quiet_hours_set","daily":{"start":"00:00:00","duration_s":0,"utc_offset_s":0}"#,
    r#"A "quiet_hours_set","daily":{"start":"23:59:59","duration_s":86399,"utc_offset_s":-86399}"#,
    r#"A "quiet_hours_set","once":{"start":"2026-03-01T09:00:01.000Z","duration_s":86400}"#,
    r#"D "conversation_pinned","on":true,"meta":{"":"","causation":"x","device":"phone\t1"}"#,
    r#"D "message_modified","target":#a,"version":3,"mentions":{}"#,
    r#"G "message_modified","target":#a,"version":3,"text":"x","mentions":{"users":["bob","carol"],"all":true}"#,
    r#"G "membership_set","state":"joined","user":"alice""#,
    r#"G "membership_set","state":"invited","user":"alice""#,
    r#"G "membership_set","state":"left","user":"bob""#,
    r#"G "membership_set","state":"removed","user":"alice""#,
    r#"G "membership_set","state":"dissolved""#,
    r#"D "messages_read","targets":[#a,#b],"on":true"#,
    r#"G "messages_read","targets":[],"on":false"#,
    r#"D "conversation_archived","on":true"#,
    r#"G "conversation_archived","on":true,"stay":true"#,
    r#"D "conversation_archived","on":false"#,
    r#"D "receive_option_set","option":"not_receive","until":"2026-03-01T10:00:00.000Z""#,
    r#"G "history_cleared","through":{"seq":0},"also":[#a]"#,
    r#"D "conversation_deleted","through":{"time":"2026-03-01T09:00:01.000Z"},"also":[#a,#b]"#,
    r#"G "conversation_deleted","through":{"seq":7},"keep_messages":true,"also":[#b]"#,
    r#"D "unread_reported","through":{"time":"2026-03-01T09:00:00.000Z"},"unread":0"#,
    r#"D "unread_reported","through":{"time":"1970-01-01T00:00:00.000Z"},"unread":9007199254740992,"read":{"message":#a},"at_least":true,"active_at":"2026-03-01T08:00:00.000Z""#,
    r#"G "unread_reported","through":{"seq":1},"unread":3,"read":{"seq":0},"mentions":2"#,
    r#"G "unread_reported","through":{"seq":9},"unread":3,"mentions":[{"seq":1,"type":3},{"seq":9,"type":1}]"#,
    r#"G "unread_reported","through":{"seq":9},"unread":3,"mentions":[]"#,
    r#"G "history_complete","from":{"seq":0},"through":{"seq":0}"#,
    r#"D "history_complete","from":{"time":"1970-01-01T00:00:00.000Z"},"through":{"time":"2026-03-01T09:00:00.000Z"}"#,
    r#"G "history_window","after":{"seq":0}"#,
    r#"G "history_window","after":{"seq":4},"through":{"seq":4}"#,
    r#"D "history_window","after":{"time":"1970-01-01T00:00:00.000Z"},"through":{"time":"2026-03-01T09:00:00.000Z"}"#,
    r#"A "quiet_hours_set","daily":{"start":"22:00:00","duration_s":32400,"zone":"Europe/Berlin"}"#,
];

#[test]
fn r99_every_type_is_written_back_as_it_was_read() {
    let mut types = BTreeSet::new();
    for short in CANONICAL {
        let line = line(short);
        let LoggedEvent::Known(event) =
            decode_line(line.as_bytes()).unwrap_or_else(|e| panic!("{e}\n{line}"))
        else {
            panic!("skipped: {line}");
        };
        assert_eq!(encode_event(&event), line);
        types.insert(event.type_name());
    }
    assert_eq!(types.len(), 36, "types without a line: {types:?}");
    let log = log(CANONICAL);
    let mut reader = Reader::new(log.as_bytes()).unwrap();
    let mut writer = Writer::new(Vec::new(), &reader.owner().clone()).unwrap();
    reader.try_for_each(|record| writer.write(&record?.event).map_err(|_| unreachable_io())).unwrap();
    writer.flush().unwrap();
    assert_eq!(String::from_utf8(writer.into_inner()).unwrap(), log);
}

fn unreachable_io() -> ReadError {
    panic!("writing to memory failed")
}

#[test]
fn r99_other_ways_to_write_the_same_are_read_alike() {
    for (other, canonical) in [
        (
            r#"D "message_received","message":{"id":#a,"kind":"text","mentions":{"users":[],"all":false},"recipients":[],"online_only":false,"excluded_from_unread":false,"excluded_from_last":false,"need_receipt":false,"supports_extensions":false},"meta":{}"#,
            r#"D "message_received","message":{"id":#a}"#,
        ),
        (
            r#"D "message_received","message":{"id":#a,"mentions":{}}"#,
            r#"D "message_received","message":{"id":#a}"#,
        ),
        (r#"D "conversation_archived","on":true,"stay":false"#, r#"D "conversation_archived","on":true"#),
        (
            r#"G "history_cleared","also":[],"through":{"seq":0}"#,
            r#"G "history_cleared","through":{"seq":0}"#,
        ),
        (
            r#"D "message_modified","target":#a,"version":3,"mentions":{"users":[],"all":false}"#,
            r#"D "message_modified","target":#a,"version":3,"mentions":{}"#,
        ),
        (
            r#"G "unread_reported","unread":3,"at_least":false,"through":{"seq":9}"#,
            r#"G "unread_reported","through":{"seq":9},"unread":3"#,
        ),
        (
            r#"G "conversation_deleted","keep_messages":false,"through":{"seq":7}"#,
            r#"G "conversation_deleted","through":{"seq":7}"#,
        ),
        (
            r#"{"message":{"text":"hi","id":#a},"type":"message_received","conversation":"c2c_bob","by":"alice","at":"2026-03-01T09:00:00.000Z","id":#e,"v":1}"#,
            r#"D "message_received","message":{"id":#a,"text":"hi"}"#,
        ),
        (
            "D \"message_received\" ,\t\"message\" : { \"id\" : #a , \"mentions\" : { \"users\" : [ \"bob\" , \"al\\u0069ce\" ] } } \r",
            r#"D "message_received","message":{"id":#a,"mentions":{"users":["bob","alice"]}}"#,
        ),
        (
            r#"D "message\u005freceived","\u006dessage":{"\u0069d":#a,"te\u0078t":"\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\"}"#,
            r#"D "message_received","message":{"id":#a,"text":"é😀/\b\f\n\r\t\"\\"}"#,
        ),
        (
            r#"D "conversation_pinned","meta":{"b":"2","a":"1"},"on":true"#,
            r#"D "conversation_pinned","on":true,"meta":{"a":"1","b":"2"}"#,
        ),
    ] {
        let event = decode_line(line(other).as_bytes()).unwrap_or_else(|e| panic!("{e}\n{}", line(other)));
        assert_eq!(encode_event(event.known().unwrap()), line(canonical));
    }
}

#[test]
fn a_line_becomes_the_event_it_says() {
    let short = r#"G "message_imported","message":{"id":#a,"sender":"carol","seq":3,"text":"old","mentions":{"users":["alice"]}}"#;
    let decoded = decode_line(line(short).as_bytes()).unwrap();
    let event = decoded.known().unwrap();
    assert_eq!(event.id().to_string(), "018f0e2a-0000-7000-8000-00000000000e");
    assert_eq!((event.at().as_millis(), event.by().as_str()), (1_772_355_600_000, "alice"));
    let Body::Conversation(conversation, Fact::MessageImported { sender, message }) = event.body() else {
        panic!("{event:?}");
    };
    assert_eq!((conversation.as_str(), sender.as_ref().unwrap().as_str()), ("group_g", "carol"));
    let id = "018f0e2a-0000-7000-8000-00000000000a".parse().unwrap();
    let expected = Message::text(id, "old").with_seq(3).with_mention(UserId::parse("alice").unwrap());
    assert_eq!(**message, expected);
}

#[test]
fn r99_unknown_types_and_newer_versions_are_kept_byte_for_byte() {
    let unknown = |name: &str| SkipReason::UnknownType(name.to_owned());
    let rows = [
        (
            r#"D "mood_set","mood":{"a":[1e9,-0.5,null,"\ud800",{"a":1,"a":2}]},"message":[]"#,
            unknown("mood_set"),
        ),
        (r#"A  "" ,  "log":1,"x":1,"x":2"#, unknown("")),
        (r#"A "Message_received","message":{"id":1}"#, unknown("Message_received")),
        (r#"{"v":2}"#, SkipReason::NewerVersion(2)),
        (r#" {"id":7,"v" : 18446744073709551615,"log":"x","type":[]} "#, SkipReason::NewerVersion(u64::MAX)),
        (r#"D "conversation_pinned","on":7,"u":"\u0000\uDFFF""#, unknown("never")),
    ];
    for (short, reason) in rows {
        let mut line = line(short);
        if reason == unknown("never") {
            line = line.replace(r#""v":1"#, r#""v":3"#);
        }
        let log = format!("{HEADER}\n{line}\r\n");
        let mut reader = Reader::new(log.as_bytes()).unwrap();
        let record = reader.next_record().unwrap().unwrap();
        let LoggedEvent::Skipped(skipped) = &record.event else { panic!("known: {line}") };
        assert_eq!((record.line, skipped.raw()), (2, &*format!("{line}\r")));
        if reason != unknown("never") {
            assert_eq!(*skipped.reason(), reason);
        }
        let mut writer = Writer::append(Vec::new());
        writer.write(&record.event).unwrap();
        assert_eq!(String::from_utf8(writer.into_inner()).unwrap(), format!("{line}\r\n"));
    }
    assert_eq!(SkipReason::NewerVersion(2).to_string(), "version 2, newer than 1");
    assert_eq!(unknown("x\n").to_string(), r#"unknown type "x\n""#);
}

#[test]
fn r99_reading_goes_on_after_a_fault_and_loses_nothing_valid() {
    let pin = r#"D "conversation_pinned","on":true"#;
    let log = log(&[
        pin,
        "",
        pin,
        "{\"v\":1",
        r#"{"log":"chatfold","v":1,"owner":"alice"}"#,
        r#"{"log":"chatfold","v":1,"owner":"bob"}"#,
        r#"{"v":9}"#,
        "\u{0}",
        pin,
    ]);
    let told: Vec<String> = read(&log)
        .into_iter()
        .map(|record| match record {
            Ok(LogLine { line, event: LoggedEvent::Known(event), .. }) => {
                format!("{line} {}", event.type_name())
            }
            Ok(LogLine { line, .. }) => format!("{line} skipped"),
            Err(error) => error,
        })
        .collect();
    let expected = [
        "2 conversation_pinned",
        "line 3, column 1: expected an object, found the end of the line",
        "4 conversation_pinned",
        "line 5, column 7: expected ',' or '}', found the end of the line",
        "line 7, column 33: expected \"alice\", the owner of this log, found \"bob\"",
        "8 skipped",
        "line 9, column 1: expected an object, found '\\0'",
        "10 conversation_pinned",
    ];
    assert_eq!(told, expected);
}

#[test]
fn line_ends_are_lf_crlf_or_the_end_of_the_input() {
    let pin = line(r#"D "conversation_pinned","on":true"#);
    for (log, records) in [
        (HEADER.to_owned(), 0),
        (format!("{HEADER}\n"), 0),
        (format!("{HEADER}\r\n{pin}\r\n"), 1),
        (format!("{HEADER}\n{pin}\n{pin}"), 2),
    ] {
        assert_eq!(read(&log).into_iter().map(Result::unwrap).count(), records, "{log}");
    }
    for (tail, told) in [
        ("\n", "line 3, column 1: expected an object, found the end of the line"),
        (" ", "line 3, column 2: expected an object, found the end of the line"),
        (
            "{\"v\":1,\"id\":\"018f",
            "line 3, column 18: expected the end of a string, found the end of the line",
        ),
    ] {
        let read = read(&format!("{HEADER}\n{pin}\n{tail}"));
        assert!(read[0].is_ok());
        assert_eq!((read[1].as_ref().unwrap_err().as_str(), read.len()), (told, 2));
    }
}

/// `len` bytes of text between two lines, made as they are read.
fn around_a_long_line(len: u64) -> impl BufRead {
    let pin = line(r#"D "conversation_pinned","on":true"#);
    let before = Cursor::new(format!("{HEADER}\n{{\"text\":\"").into_bytes());
    let after = Cursor::new(format!("\"}}\n{pin}\n").into_bytes());
    BufReader::new(before.chain(io::repeat(b'x').take(len)).chain(after))
}

#[test]
fn r99_a_line_over_the_limit_is_passed_over() {
    let mut reader = Reader::new(around_a_long_line(200 << 20)).unwrap();
    let fault = reader.next_record().unwrap().unwrap_err().to_string();
    assert_eq!(
        fault,
        "line 2, column 196083713: expected a line of at most 196083712 bytes, the limit, found a longer one"
    );
    assert_eq!(reader.next_record().unwrap().unwrap().line, 3);
    assert!(reader.next_record().is_none());

    let overhead = br#"{"text":""}"#.len();
    for (limit, told) in [(10_000 + overhead, "the key \"v\""), (9_999 + overhead, "the limit")] {
        let mut reader = Reader::with_line_limit(around_a_long_line(10_000), limit).unwrap();
        let fault = reader.next_record().unwrap().unwrap_err().to_string();
        assert!(fault.contains(told), "{fault}");
        assert!(reader.next_record().unwrap().is_ok());
    }
    let fault = Reader::with_line_limit(HEADER.as_bytes(), 10).unwrap_err().to_string();
    assert_eq!(
        fault,
        "line 1, column 11: expected a line of at most 10 bytes, the limit, found a longer one"
    );
}

/// What a writer writes a reader reads: a message of 20 MiB was acknowledged once, and its log refused from then on.
#[test]
fn r99_the_longest_message_has_room_in_a_line() {
    use chatfold::{Envelope, EventId, MessageId, Timestamp};
    let alice: UserId = "alice".parse().unwrap();
    // Each byte of it takes six in JSON.
    let text = "\u{1}".repeat(chatfold::event::MAX_MESSAGE_LEN_BYTES - 128);
    let custom = vec![7; chatfold::event::MAX_MESSAGE_LEN_BYTES - 128];
    for (text, custom) in [(Some(text), None), (None, Some(custom))] {
        let mut message = Message::new(MessageId::from_bytes([9; 16]));
        (message.text, message.custom) = (text, custom);
        let envelope = Envelope::new(EventId::from_bytes([8; 16]), Timestamp::EPOCH, alice.clone());
        let event = envelope.message_received("c2c_bob".parse().unwrap(), message).unwrap();
        let mut writer = Writer::new(Vec::new(), &alice).unwrap();
        writer.write_event(&event).unwrap();
        let log = writer.into_inner();
        let read = Reader::new(&log[..]).unwrap().next_record().unwrap().unwrap();
        assert!(read.event.known() == Some(&event), "{} bytes", log.len());
    }
}

#[test]
fn an_input_that_fails_ends_the_log() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let input = BufReader::new(Cursor::new(format!("{HEADER}\n{{\"v\":").into_bytes()).chain(Broken));
    let mut reader = Reader::new(input).unwrap();
    let error = reader.next_record().unwrap().unwrap_err();
    assert!(matches!(error, ReadError::Io { line: 2, .. }));
    assert_eq!(error.to_string(), "reading line 2 failed");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "unplugged");
    assert!(reader.next_record().is_none());
    assert!(matches!(Reader::new(BufReader::new(Broken)), Err(ReadError::Io { line: 1, .. })));
}

#[test]
fn a_log_begins_with_its_header() {
    for (log, fault) in [
        ("", "column 1: expected the header of a log, found the end of the input"),
        ("\n", "column 1: expected an object, found the end of the line"),
        ("[]", "column 1: expected an object, found '['"),
        ("\u{feff}{}", "column 1: expected an object, found '\\u{feff}'"),
        (
            "{}",
            "column 1: expected the header {\"log\":\"chatfold\",\"v\":1,\"owner\":…}, found an object that is no header",
        ),
        (r#"{"v":1,"type":"conversation_pinned"}"#, "column 1: expected the header"),
        (
            r#"{"log":"chatfold","v":2,"owner":"alice"}"#,
            "column 23: expected version 1 of the log's format, the newest known, found 2",
        ),
        (
            r#"{"log":"chatfold","v":1.0,"owner":"alice"}"#,
            "column 23: expected a version, an integer from 1, found 1.0",
        ),
        (
            r#"{"log":"chatfold","owner":"alice"}"#,
            "column 1: expected the key \"v\", found an object without it",
        ),
        (r#"{"log":"chatfold","v":1}"#, "column 1: expected the key \"owner\""),
        (r#"{"log":"chatfold","v":1,"owner":""}"#, "column 33: expected a user id"),
        (r#"{"log":"chatfold","v":1,"owner":null}"#, "column 33: expected a user id"),
        (r#"{"log":"other","v":1,"owner":"alice"}"#, "column 8: expected \"chatfold\", found \"other\""),
        (
            r#"{"log":"chatfold","v":1,"owner":"alice","x":1}"#,
            "column 41: expected a key of the header, found \"x\"",
        ),
        (
            r#"{"log":"chatfold","v":1,"v":1,"owner":"a"}"#,
            "column 25: expected each key once, found a second \"v\"",
        ),
    ] {
        let error = Reader::new(log.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("line 1, {fault}")), "{log}\n{error}\n{fault}");
    }
    let reader =
        Reader::new(r#" { "owner" : "\u0061lice" , "v" : 1 , "log" : "chatfold" } "#.as_bytes()).unwrap();
    assert_eq!(reader.owner().as_str(), "alice");
    let fault: DecodeError = decode_line(HEADER.as_bytes()).unwrap_err();
    assert_eq!(fault.to_string(), "line 1, column 33: expected an event, found a header");
}

#[test]
fn a_log_of_an_older_version_is_read_as_if_it_were_new() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs");
    let old = std::fs::read_to_string(folder.join("v0/two-devices.jsonl")).unwrap();
    let new = std::fs::read_to_string(folder.join("v1/two-devices.jsonl")).unwrap();
    assert!(old.contains(r#""v":0"#) && old.contains(r#""actor""#) && !old.contains(r#""by""#));
    let mut reader = Reader::new(old.as_bytes()).unwrap();
    let mut writer = Writer::new(Vec::new(), &reader.owner().clone()).unwrap();
    reader.try_for_each(|record| writer.write(&record?.event).map_err(|_| unreachable_io())).unwrap();
    assert_eq!(String::from_utf8(writer.into_inner()).unwrap(), new, "written back it is of this version");
}

#[test]
fn r99_older_lines_are_read_in_older_logs_only() {
    let old = r#"{"v":0,"id":#1,"at":"2026-03-01T09:00:00.000Z","actor":"alice","conversation":"c2c_bob","type":"conversation_pinned","on":true}"#;
    let (old, new) = (line(old), line(r#"D "conversation_pinned","on":true"#));
    let header = HEADER.replace("\"v\":1", "\"v\":0");
    let records = read(&format!("{header}\n{old}\n{new}\n{HEADER}\n{header}\n"));
    assert_eq!(records.len(), 2, "both versions and both headers: {records:?}");
    assert!(records.iter().all(Result::is_ok));
    let fault = |log: String| read(&log).remove(0).unwrap_err();
    let told = fault(format!("{HEADER}\n{old}\n"));
    assert_eq!(told, "line 2, column 6: expected a version, an integer from 1, found 0");
    let told = fault(format!("{HEADER}\n{header}\n"));
    assert_eq!(told, "line 2, column 23: expected a version, an integer from 1, found 0");
    assert!(decode_line(old.as_bytes()).is_err(), "a line alone is of this version");
    let at = old.find("\"alice\"").unwrap() + 1;
    let told = fault(format!("{header}\n{}\n", old.replace("\"actor\"", "\"by\"")));
    let expected = r#"expected the key "actor", as this version names "by", found "alice""#;
    assert_eq!(told, format!("line 2, column {}: {expected}", at - 3));
    let told = fault(format!("{header}\n{}\n", old.replace("\"actor\":\"alice\",", "")));
    assert_eq!(told, r#"line 2, column 1: expected the key "actor", found an object without it"#);
    let told = fault(format!("{header}\n{}\n", old.replace("\"alice\"", "\"\"")));
    assert!(told.starts_with(&format!("line 2, column {at}: expected a user id")), "{told}");
    let told = fault(format!("{HEADER}\n{}\n", new.replace("\"by\"", "\"actor\"")));
    assert!(told.contains("the key \"by\""), "{told}");
}

#[test]
fn an_older_line_of_unknown_type_is_kept_as_one_of_this_version() {
    let old = line(
        r#"{"v":0,"id":#1,"at":"2026-03-01T09:00:00.000Z","actor":"alice","type":"mood_set","mood": [1, "\u00e9"]}"#,
    );
    let records = read(&format!("{}\n{old}\n", HEADER.replace("\"v\":1", "\"v\":0")));
    let LoggedEvent::Skipped(kept) = &records[0].as_ref().unwrap().event else { panic!("{records:?}") };
    assert!(
        kept.raw().contains(r#""mood":[1, "\u00e9"]"#) && kept.raw().contains(r#""by":"alice""#),
        "{}",
        kept.raw()
    );
    // In a log of this version it is the same line, kept byte for byte from then on.
    assert_eq!(decode_line(kept.raw().as_bytes()).unwrap(), records[0].as_ref().unwrap().event);
}
