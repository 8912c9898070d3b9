//! Long logs are folded on several cores where there are several: what is printed is what one core prints, to which
//! standard input is left, as nobody knows its length.

use std::fmt::Write as _;

use crate::support::{Files, log, run};

const EVENTS: usize = 20_000;

/// A log of many blocks: messages of 500 bytes in 40 groups, some of which are read, and lines of a type to come.
fn long() -> String {
    let text = "x".repeat(500);
    let mut rows = String::new();
    for n in 1..=EVENTS {
        let (group, time) =
            (n % 40, format!("2026-03-01T{:02}:{:02}:{:02}.000Z", n / 3_600, n / 60 % 60, n % 60));
        match n % 50 {
            0 => writeln!(rows, "alice {time} group_g{group} conversation_read {{\"through\":{{\"seq\":{n}}}}}"),
            1 => writeln!(rows, "bob {time} group_g{group} poll_opened {{\"poll\":{n}}}"),
            _ => writeln!(
                rows,
                "bob {time} group_g{group} message_received {{\"message\":{{\"id\":\"M{n}\",\"seq\":{n},\"text\":\"{text}\"}}}}"
            ),
        }
        .unwrap();
    }
    log("alice", &rows)
}

#[test]
fn several_cores_print_what_one_prints() {
    let files = Files::new();
    let text = long();
    let path = files.write("long.jsonl", text.as_str());
    let path = path.to_str().unwrap();
    let one = run(&["inbox", "-", "--json"], text.as_str());
    let several = run(&["inbox", path, "--json"], "");
    assert_eq!((several.code, &several.out), (0, &one.out));
    // What is skipped is told alike, the name of the log apart.
    let told = |err: &str| err.split_once("400 lines skipped").map(|(_, rest)| rest.to_owned());
    assert!(told(&one.err).is_some());
    assert_eq!(told(&one.err), told(&several.err));
    let until = ["--at", "2026-03-01T03:00:00Z"];
    let several = run(&[&["inbox", path, "--json"][..], &until].concat(), "");
    let one = run(&[&["inbox", "-", "--json"][..], &until].concat(), text.as_str());
    assert_eq!((several.code, &several.out), (0, &one.out));

    // A binary log is folded by record, one that has what is skipped event by event.
    let plain: String =
        text.lines().filter(|line| !line.contains("poll")).map(|line| format!("{line}\n")).collect();
    for (name, text) in [("plain", plain.as_str()), ("skipped", text.as_str())] {
        let (lines, binary) =
            (files.write(&format!("{name}.jsonl"), text), files.path().join(format!("{name}.chatfold")));
        assert_eq!(run(&["convert", lines.to_str().unwrap(), binary.to_str().unwrap()], "").code, 0);
        let json = |path: &std::path::Path| run(&["inbox", path.to_str().unwrap(), "--json"], "");
        let (of_binary, of_lines) = (json(&binary), json(&lines));
        assert_eq!((of_binary.code, &of_binary.out), (0, &of_lines.out), "{name}");
        assert_eq!(told(&of_binary.err), told(&of_lines.err), "{name}");
    }
}

#[test]
fn the_first_fault_is_told_whichever_core_finds_one() {
    let files = Files::new();
    let text = long();
    let mut lines: Vec<&str> = text.lines().collect();
    for fault in [EVENTS / 3, EVENTS / 3 + 2_500, EVENTS - 10] {
        lines[fault] = "{\"v\":1,\"id\":\"x\"}";
    }
    let text = lines.join("\n");
    let path = files.write("faulty.jsonl", text.as_str());
    let path = path.to_str().unwrap();
    let place = format!("line {}, column 13", EVENTS / 3 + 1);
    let one = run(&["inbox", "-"], text.as_str()).refused(1);
    // How far the others are when one finds it differs each time; nobody may wait for who has ended.
    for _ in 0..10 {
        let err = run(&["inbox", path], "").refused(1);
        assert!(err.contains(&place), "{err}");
        assert_eq!(err.split_once(&place).unwrap().1, one.split_once(&place).unwrap().1);
    }
    let (one, several) =
        (run(&["inbox", "-", "--keep-going"], text.as_str()), run(&["inbox", path, "--keep-going"], ""));
    assert_eq!((several.code, &several.out), (1, &one.out));
}
