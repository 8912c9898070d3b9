//! Lines as the library writes them are read in one pass; a space before one is enough to have it read in the general
//! way. Both have to say the same of every line, what is wrong with it and where included.

use chatfold::jsonl::{DecodeError, LoggedEvent, decode_line, encode_event};
use chatfold::testing::{Random, Workload};

/// What a line says, read in both ways.
fn both(line: &[u8]) -> Result<LoggedEvent, DecodeError> {
    let general = decode_line(&[b" ", line].concat());
    let read = decode_line(line);
    match (&read, &general) {
        (Ok(read), Ok(general)) if same(read, general) => {}
        (Err(read), Err(general)) => {
            let told = |fault: &DecodeError| (fault.expected.clone(), fault.found.clone());
            assert_eq!(read.column + 1, general.column, "{}", String::from_utf8_lossy(line));
            assert_eq!(told(read), told(general));
        }
        _ => panic!("{read:?}\n{general:?}\n{}", String::from_utf8_lossy(line)),
    }
    read
}

/// What is skipped is kept as it stands, the space before it too.
fn same(read: &LoggedEvent, general: &LoggedEvent) -> bool {
    match (read, general) {
        (LoggedEvent::Known(read), LoggedEvent::Known(general)) => read == general,
        (LoggedEvent::Skipped(read), LoggedEvent::Skipped(general)) => {
            general.raw().strip_prefix(' ') == Some(read.raw()) && read.reason() == general.reason()
        }
        _ => false,
    }
}

/// Lines of every workload.
fn lines() -> Vec<String> {
    let workloads = [Workload::phone(), Workload::desk(), Workload::hall(), Workload::whale()];
    let events = workloads.into_iter().flat_map(|workload| {
        workload.with_events(1_500).iter().map(|event| encode_event(&event)).collect::<Vec<_>>()
    });
    events.collect()
}

#[test]
fn lines_of_all_workloads_say_the_same_in_both_ways() {
    for line in lines() {
        assert!(both(line.as_bytes()).is_ok());
    }
}

/// Every byte of a line may be another one, be missing or be there twice.
#[test]
fn whatever_a_line_becomes_both_ways_agree() {
    let mut random = Random::new(11);
    let odd = br#""\{}[]:,0123456789abcdefgzAF-TZ.+ "#;
    let (mut good, mut faulty) = (0, 0);
    for line in lines().into_iter().step_by(11) {
        for at in 0..line.len() {
            let mut bytes = line.clone().into_bytes();
            match random.below(4) {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, bytes[at]),
                2 => bytes[at] = odd[random.below(odd.len() as u64) as usize],
                _ => bytes[at] = random.below(256) as u8,
            }
            match both(&bytes) {
                Ok(_) => good += 1,
                Err(_) => faulty += 1,
            }
        }
    }
    assert!(good > 10_000 && faulty > 10_000, "{good} and {faulty}");
}

#[test]
fn numbers_and_ends_at_their_bounds_are_the_same_in_both_ways() {
    let id = "018f0e2a-0000-7000-8000-000000000001";
    let event = |conversation: &str, rest: &str| {
        format!(
            r#"{{"v":1,"id":"{id}","at":"2026-03-01T09:00:00.000Z","by":"bob","conversation":"{conversation}","type":{rest}"#
        )
    };
    let message = |fields: &str| {
        event("group_x", &format!(r#""message_received","message":{{"id":"{id}"{fields}}}}}"#))
    };
    let through = |place: &str| event("group_x", &format!(r#""conversation_read","through":{{{place}}}}}"#));
    let seqs = [
        "0",
        "1",
        "01",
        "-1",
        "9007199254740992",
        "9007199254740993",
        "9999999999999999",
        "10000000000000000",
        "18446744073709551615",
        "18446744073709551616",
        "1.0",
        "1e3",
        "",
    ];
    let mut lines: Vec<String> = seqs.iter().map(|seq| message(&format!(r#","seq":{seq}"#))).collect();
    lines.extend(seqs.iter().map(|seq| through(&format!(r#""seq":{seq}"#))));
    lines.extend([
        message(r#","seq":1,"text":"""#),
        message(r#","seq":1,"text":"a\n""#),
        message(r#","seq":1,"text":"李 雷","seq":2"#),
        message(r#","text":"a","seq":1"#),
        message(r#","seq":1,"text":null"#),
        message(r#","seq":1,"kind":"text""#),
        message(r#","seq":1}},"on":true,"x":{"y":1"#),
        through(r#""time":"2026-03-01T09:00:00.000Z""#),
        through(&format!(r#""message":"{id}""#)),
        through(&format!(r#""message":"{id}","seq":1"#)),
        through(""),
        event("group_x", r#""message_read_by","targets":[]}"#),
        event("group_x", &format!(r#""message_read_by","targets":["{id}","{id}"]}}"#)),
        event("c2c_x", &format!(r#""message_read_by","targets":["{id}"]}}"#)),
        event("c2c_x", r#""message_received","message":[]}"#),
        event("c2c_x", r#""message_received","message":null}"#),
        event("x", r#""conversation_pinned","on":true}"#),
        event("c2c_", r#""conversation_pinned","on":true}"#),
        event("c2c_x", r#""conversation_pinned","on":1}"#),
        event("c2c_x", r#""conversation_pinned","on":true,"meta":{}}"#),
        event("c2c_x", r#""conversation_pinned","on":true} "#),
        event("c2c_x", r#""conversation_pinned","on":true}{"#),
        event("c2c_x", r#""never_heard_of","on":true}"#),
    ]);
    let good = lines.iter().filter(|line| both(line.as_bytes()).is_ok()).count();
    assert!((10..lines.len() - 10).contains(&good), "{good} of {}", lines.len());
}

const ID: &str = "018f0e2a-0000-7000-8000-000000000001";

fn event_at(at: &str, conversation: &str, rest: &str) -> String {
    format!(r#"{{"v":1,"id":"{ID}","at":"{at}","by":"bob","conversation":"{conversation}","type":{rest}}}"#)
}

fn event(conversation: &str, rest: &str) -> String {
    event_at("2026-03-01T09:00:00.000Z", conversation, rest)
}

/// Types that are read in one pass, each as it may stand and nearly so.
#[test]
fn near_misses_of_every_type_are_the_same_in_both_ways() {
    let rests = [
        r#""draft_set","text":null"#,
        r#""draft_set","text":"""#,
        r#""draft_set","text":"See you""#,
        r#""draft_set","text":"a\u0000b""#,
        r#""draft_set","text":"李 雷 says that it is noon""#,
        r#""draft_set","text":"a\"#,
        r#""draft_set","text":nulls"#,
        r#""draft_set","text":true"#,
        r#""draft_set","text":null,"replaces":"$""#,
        r#""draft_set","text":"a","replaces":"$""#,
        r#""draft_set","text":"a","replaces":"$","on":true"#,
        r#""draft_set","replaces":"$","text":"a""#,
        r#""draft_set""#,
        r#""message_modified","target":"$","version":1"#,
        r#""message_modified","target":"$","version":0,"text":"a""#,
        r#""message_modified","target":"$","version":12,"text":"a""#,
        r#""message_modified","target":"$","version":12,"text":null"#,
        r#""message_modified","target":"$","version":12,"text":"a","custom":"AA==""#,
        r#""message_modified","target":"$","version":12,"mentions":{}"#,
        r#""message_modified","target":"$","version":12345678901234567,"text":"a""#,
        r#""message_modified","target":"$","version":01"#,
        r#""message_modified","target":"$","text":"a""#,
        r#""messages_deleted","targets":["$"]"#,
        r#""messages_deleted","targets":["$","$"]"#,
        r#""messages_deleted","targets":[]"#,
        r#""messages_deleted","targets":["$",]"#,
        r#""messages_deleted","targets":["$","$]"#,
        r#""messages_deleted","target":"$""#,
        r#""mark_set","mark":1,"on":true"#,
        r#""mark_set","mark":4503599627370496,"on":false"#,
        r#""mark_set","mark":9223372036854775808,"on":false"#,
        r#""mark_set","mark":3,"on":true"#,
        r#""mark_set","mark":0,"on":true"#,
        r#""mark_set","mark":1,"on":truer"#,
        r#""mark_set","mark":1"#,
        r#""message_recalled","target":"$","reason":"typo""#,
        r#""message_received","message":{"id":"$","seq":1,"mentions":{"users":["bob"]}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"users":["bob","李"],"all":true}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"all":true}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"all":false}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"users":[]}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"users":[""]}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"users":["b\n"]}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"users":["bob"],"all":false}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"users":["bob","all":true}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{}}"#,
        r#""message_received","message":{"id":"$","seq":1,"text":"a","mentions":{"users":["bob"]},"reply_to":"$"}"#,
        r#""message_queued","message":{"id":"$","seq":1,"text":"a","mentions":{"all":true}}"#,
    ];
    let mut good = 0;
    for rest in rests.map(|rest| rest.replace('$', ID)) {
        for line in [event("group_x", &rest), event("c2c_x", &rest)] {
            good += usize::from(both(line.as_bytes()).is_ok());
            // Every text and every number cut, and something else in its place.
            for at in line.len() - rest.len()..line.len() {
                for odd in [&b"\""[..], b"\\", b"}", b"\x1f", b"\x7f", b"9", b"\xff", "é".as_bytes()] {
                    let bytes = line.as_bytes();
                    good += usize::from(both(&[&bytes[..at], odd, &bytes[at + 1..]].concat()).is_ok());
                }
            }
        }
    }
    assert!(good > 1_000, "{good}");
}

/// The length of a text and of what stands behind it decide how it is read.
#[test]
fn texts_of_every_length_are_the_same_in_both_ways() {
    for len in 0..70 {
        for character in ["a", "é", "李", "😀", "\u{7f}"] {
            let text = character.repeat(len);
            let rest = format!(r#""message_received","message":{{"id":"{ID}","seq":1,"text":"{text}"}}"#);
            let line = event("group_x", &rest);
            assert!(both(line.as_bytes()).is_ok());
            // A byte of the last character is missing, or one too many.
            let end = line.len() - 4;
            let bytes = line.as_bytes();
            let cut = both(&[&bytes[..end], &bytes[end + 1..]].concat());
            assert_eq!(cut.is_ok(), len > 0 && character.len() == 1);
            assert!(both(&[&bytes[..=end], b"\xbf", &bytes[end + 1..]].concat()).is_err());
        }
    }
}

#[test]
fn times_are_the_same_in_both_ways() {
    let times = [
        "2026-03-01T09:00:00.000Z",
        "2024-02-29T23:59:59.999Z",
        "2023-02-29T00:00:00.000Z",
        "2026-03-01T24:00:00.000Z",
        "2026-03-01T23:60:00.000Z",
        "2016-12-31T23:59:60.000Z",
        "1969-12-31T23:59:59.999Z",
        "9998-12-31T23:59:59.999Z",
        "9999-01-01T00:00:00.000Z",
        "2026-03-01 09:00:00.000Z",
        "2026-03-01T09.00:00.000Z",
        "2026-03-01T09:00:00,000Z",
        "2026-03-01T09:00:00.000z",
        "2026-03-01T0a:00:00.000Z",
        "2026-03-01T09:0/:00.000Z",
        "2026-03-01T09:00:00.00:Z",
        "2026/03/01T09:00:00.000Z",
        "2026-03-01T09:00:00.00Z",
        "2026-03-01T09:00:00.0000Z",
    ];
    let good = times.map(|at| both(event_at(at, "c2c_x", r#""conversation_pinned","on":true"#).as_bytes()));
    assert_eq!(good.iter().filter(|read| read.is_ok()).count(), 3);
}
