//! Input that is no log: each fault is named with its place and reason, and nothing is printed.

use crate::support::{Files, gzip, line, log, run, team, zstd};

const HEADER: &str = "{\"log\":\"chatfold\",\"v\":1,\"owner\":\"alice\"}\n";
const GOOD: &str = r#"bob 09:00:00 c2c_bob message_received {"message":{"id":"M1"}}"#;

/// A log whose third line is `third`, between two good ones.
fn around(third: &[u8]) -> Vec<u8> {
    let before = format!("{HEADER}{}\n", line(1, GOOD));
    let after = line(3, r#"bob 09:00:01 c2c_bob message_received {"message":{"id":"M2"}}"#);
    [before.as_bytes(), third, b"\n", after.as_bytes(), b"\n"].concat()
}

fn row(row: &str) -> Vec<u8> {
    around(line(2, row).as_bytes())
}

#[track_caller]
fn check(name: &str, log: &[u8], place: &str, reason: &str) {
    for args in [
        &["inbox", "-"][..],
        &["inbox", "-", "--json"],
        &["stats", "-"],
        &["show", "-", "c2c_bob"],
        &["check", "-"],
    ] {
        let err = run(args, log).refused(1);
        let first = err.lines().next().unwrap_or_default();
        assert!(
            first.starts_with(&format!("chatfold: standard input: {place}: ")),
            "{name}, {args:?}: {err}"
        );
        assert!(first.contains("expected ") && first.contains("found "), "{name}, {args:?}: {err}");
        assert!(first.contains(reason), "{name}, {args:?}: {err}");
        assert!(first.len() < 400 && !err.contains("panicked"), "{name}, {args:?}: {err}");
    }
}

#[test]
fn a_log_needs_its_header() {
    check("an empty file", b"", "line 1, column 1", "found the end of the input");
    check("an empty line", b"\n", "line 1, column 1", "object");
    check("no header", format!("{}\n", line(1, GOOD)).as_bytes(), "line 1, column 1", "header");
    check(
        "of another program",
        b"{\"log\":\"other\",\"v\":1,\"owner\":\"alice\"}\n",
        "line 1, column 8",
        "chatfold",
    );
    check(
        "of a newer version",
        b"{\"log\":\"chatfold\",\"v\":2,\"owner\":\"alice\"}\n",
        "line 1, column 23",
        "1",
    );
    check("no text at all", &[0xff; 100], "line 1, column 1", "UTF-8");
    let second = format!("{HEADER}{}", HEADER.replace("alice", "bob"));
    check("a second owner", second.as_bytes(), "line 2, column 33", "bob");
}

#[test]
fn a_faulty_line_is_named() {
    let nul = [&line(2, GOOD).into_bytes()[..20], b"\0\0"].concat();
    let invalid = line(2, GOOD).replace("bob", "b@b").into_bytes();
    let invalid: Vec<u8> = invalid.into_iter().map(|byte| if byte == b'@' { 0xff } else { byte }).collect();
    for (name, third, reason) in [
        ("no JSON", b"hello".to_vec(), "expected"),
        ("cut short", line(2, GOOD).into_bytes()[..60].to_vec(), "expected"),
        ("an array", b"[1,2]".to_vec(), "object"),
        ("an empty line", Vec::new(), "expected"),
        ("NUL bytes", nul, "found"),
        ("invalid UTF-8", invalid, "0xFF"),
        ("deep nesting", b"[".repeat(100_000), "expected"),
    ] {
        let log = around(&third);
        let err = run(&["inbox", "-"], log.as_slice()).refused(1);
        assert!(
            err.starts_with("chatfold: standard input: line 3, column ") && err.contains(reason),
            "{name}: {err}"
        );
        assert!(err.len() < 400, "{name}: {err}");
        let ran = run(&["inbox", "-", "--json", "--keep-going"], log);
        assert!(ran.code == 1 && ran.out.contains("\"totalUnreadCount\":2,"), "{name}: {ran:?}");
        assert!(ran.err.contains("line 3, column "), "{name}: {ran:?}");
    }
}

#[test]
fn a_malformed_event_is_named() {
    for (name, log, reason) in [
        ("a missing key", row("bob 09:00:00 c2c_bob message_recalled {}"), "target"),
        ("an unknown key", row(r#"alice 09:00:00 c2c_bob conversation_pinned {"on":true,"of":1}"#), "of"),
        ("a wrong type", row(r#"alice 09:00:00 c2c_bob conversation_pinned {"on":"yes"}"#), "true"),
        (
            "a seq in a direct chat",
            row(r#"alice 09:00:00 c2c_bob conversation_read {"through":{"seq":7}}"#),
            "seq",
        ),
        (
            "a time in a group",
            row(
                r#"alice 09:00:00 group_g conversation_read {"through":{"time":"2026-03-01T09:00:00.000Z"}}"#,
            ),
            "time",
        ),
        ("peer_read in a group", row(r#"bob 09:00:00 group_g peer_read {"through":{"seq":7}}"#), "peer_read"),
        ("a mark of two bits", row(r#"alice 09:00:00 c2c_bob mark_set {"mark":3,"on":true}"#), "3"),
        (
            "a group message without seq",
            row(r#"bob 09:00:00 group_g message_received {"message":{"id":"M3"}}"#),
            "seq",
        ),
        ("the year 9999", row(&GOOD.replace("09:00:00", "9999-01-01T00:00:00.000Z")), "9998"),
        ("before 1970", row(&GOOD.replace("09:00:00", "1969-12-31T23:59:59.999Z")), "1970"),
        ("an id too long", row(&GOOD.replacen("bob", &"b".repeat(129), 1)), "128"),
        (
            "a control character in an id",
            row(&GOOD.replacen("bob", "b\\u0007b", 1)),
            "without control characters",
        ),
        (
            "a control character in a conversation id",
            row(&GOOD.replace("c2c_bob", "c2c_b\\u007fb")),
            "no control characters",
        ),
        ("no prefix", row(&GOOD.replace("c2c_bob", "bob")), "c2c_"),
    ] {
        let err = run(&["inbox", "-"], log.as_slice()).refused(1);
        assert!(err.starts_with("chatfold: standard input: line 3, column "), "{name}: {err}");
        assert!(err.contains(reason), "{name}: {err}");
        let ran = run(&["inbox", "-", "--keep-going"], log);
        assert!(ran.code == 1 && ran.out.contains("2 events read, 1 faulty"), "{name}: {ran:?}");
    }
}

#[test]
fn a_line_that_is_far_too_long_is_one_fault() {
    let mut long = line(2, GOOD).into_bytes();
    long.truncate(long.len() - 3);
    long.extend_from_slice(b",\"text\":\"");
    long.resize(40 << 20, b'x');
    long.extend_from_slice(b"\"}}");
    let ran = run(&["inbox", "-", "--json", "--keep-going"], around(&long));
    assert!(ran.code == 1 && ran.out.contains("\"totalUnreadCount\":2,"), "{} {}", ran.code, ran.err);
    assert!(ran.err.contains("line 3, column ") && ran.err.len() < 400, "{}", ran.err);
}

#[test]
fn check_lists_every_fault() {
    let log = log(
        "alice",
        r#"bob 09:00:00 c2c_bob message_received {"message":{"id":"M1"}}
           bob 09:00:00 c2c_bob message_recalled {}
           bob 09:00:00 c2c_bob message_received {"message":{"id":"M2"}}
           bob 09:00:00 c2c_bob message_recalled {"target":"nothing"}"#,
    );
    let err = run(&["check", "-"], log.as_str()).refused(1);
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 3, "{err}");
    assert!(lines[0].contains("line 3, column") && lines[1].contains("line 5, column"), "{err}");
    assert!(lines[2].contains("2 faults in 4 lines; nothing was folded"), "{err}");
    let ran = run(&["check", "-", "--keep-going"], log);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("2 faulty lines passed over") && ran.out.contains("doubled"), "{ran:?}");
}

#[test]
fn a_missing_header_can_be_made_good_for() {
    let events = team().split_once('\n').unwrap().1.to_owned();
    let err = run(&["inbox", "-", "--keep-going"], events.as_str()).refused(1);
    assert!(err.contains("line 1, column 1: expected the header"), "{err}");
    let ran = run(&["inbox", "-", "--keep-going", "--as", "alice"], events);
    assert!(ran.code == 1 && ran.err.contains("line 1, column 1"), "{ran:?}");
    // All but the fault mark is as with the header: the first event was on the first line.
    let whole = run(&["inbox", "-"], team()).ok();
    assert_eq!(ran.out.replace(", 1 faulty", ""), whole);
}

#[test]
fn damaged_packed_logs_are_faults_of_the_input() {
    let files = Files::new();
    let log = team();
    for (name, packed) in [("log.gz", gzip(log.as_bytes())), ("log.zst", zstd(log.as_bytes()))] {
        let cut = packed.len() - 9;
        let mut flipped = packed.clone();
        flipped[packed.len() / 2] ^= 0xff;
        let path = files.write(name, &packed[..cut]);
        let err = run(&["inbox", path.to_str().unwrap()], "").refused(1);
        assert!(err.contains("damaged or cut short") && err.contains(name), "{err}");
        run(&["inbox", "-"], flipped).refused(1);
        let trailing = [&packed[..], b"garbage after the end"].concat();
        run(&["inbox", "-"], trailing).refused(1);
        let ran = run(&["inbox", "-", "--keep-going"], &packed[..cut]);
        assert!(ran.code == 1 && ran.err.contains("damaged or cut short"), "{ran:?}");
    }
    run(&["inbox", "-"], gzip(b"")).refused(1);
    run(&["inbox", "-"], zstd(b"")).refused(1);
    run(&["inbox", "-"], &[0x1f, 0x8b][..]).refused(1);
}

#[test]
fn nothing_in_a_fault_drives_the_terminal() {
    let log = row("bob 09:00:00 c2c_bob message_recalled {\"target\":\"\u{9b}2J\u{202e}\u{7}\"}");
    let err = run(&["inbox", "-"], log).refused(1);
    assert!(!err.lines().any(|line| line.chars().any(|c| c.is_control() || c == '\u{202e}')), "{err:?}");
    let err = run(&["inbox", "no\u{1b}[31mfile"], "").refused(4);
    assert!(err.contains("no\\u{1b}[31mfile"), "{err:?}");
}

#[test]
fn a_refusal_names_the_way_out() {
    let files = Files::new();
    let damaged = files.write("damaged.jsonl", around(b"hello"));
    let damaged = damaged.to_str().unwrap();
    for args in [
        &["inbox", damaged][..],
        &["show", damaged, "c2c_bob"],
        &["stats", damaged],
        &["diff", damaged, damaged],
    ] {
        let err = run(args, "").refused(1);
        assert!(
            err.contains("--keep-going") && err.contains("chatfold recover LOG --out NEW"),
            "{args:?}: {err}"
        );
        assert!(!err.contains("this is no log"), "{err}");
    }
    let err = run(&["do", damaged, "pin", "c2c_bob"], "").refused(1);
    assert!(err.contains("chatfold recover LOG --out NEW") && !err.contains("--keep-going"), "{err}");
    for (name, content) in
        [("a note", "Buy milk\n"), ("a table", "name,age\nbob,7\n"), ("JSON", "{\"a\":1}\n")]
    {
        let err = run(&["inbox", "-"], content).refused(1);
        assert!(err.contains("this is no log of chatfold"), "{name}: {err}");
    }
    let newer = run(&["inbox", "-"], "{\"log\":\"chatfold\",\"v\":2,\"owner\":\"alice\"}\n").refused(1);
    assert!(!newer.contains("this is no log"), "{newer}");
}

#[test]
fn an_argument_that_an_error_repeats_is_escaped() {
    for (argument, shown) in [
        ("--\u{1b}[2Jx", "--\\u{1b}[2Jx"),
        ("--\u{9b}2Jx", "--\\u{9b}2Jx"),
        ("--al\u{200b}ice", "--al\\u{200b}ice"),
        ("--al\u{202e}ice", "--al\\u{202e}ice"),
    ] {
        let err = run(&["inbox", "-", argument], b"").refused(2);
        assert!(err.contains(shown), "{err}");
        assert!(!err.contains(argument), "{err}");
    }
}
