//! `chatfold check`.

use crate::support::{event_id, log, run, team};

#[test]
fn a_sound_log_folds_to_one_inbox_in_every_way() {
    let out = run(&["check", "-", "--seed", "7"], team()).ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "standard input: inbox of alice, 27 events");
    let same = |label: &str| {
        let line = lines.iter().find(|line| line.trim_start().starts_with(label));
        assert!(line.is_some_and(|line| line.ends_with("the same")), "{label}: {out}");
    };
    for way in ["live, one by one", "backwards", "shuffled, seed 7", "doubled", "8 stretches merged"] {
        same(way);
    }
    same("8 parts merged");
    same("8 parts, other way");
    same("counted afresh");
    assert!(lines[1].trim_start().starts_with("forwards") && lines[1].contains("digest "), "{out}");
    assert_eq!(lines.last().unwrap().trim(), "sound                 every fold gives the same inbox");
}

#[test]
fn the_seed_is_printed_also_when_nobody_chose_one() {
    let out = run(&["check", "-"], team()).ok();
    assert!(out.contains("shuffled, seed 1 "), "{out}");
    assert_eq!(out, run(&["check", "-"], team()).ok());
}

#[test]
fn r07_an_id_borne_by_two_events_is_reported_and_does_not_break_the_law() {
    let mut log = log(
        "alice",
        r#"bob 09:00:00 c2c_bob message_received {"message":{"id":"M1","text":"one"}}
           bob 09:00:00 c2c_bob message_received {"message":{"id":"M1","text":"other"}}
           bob 09:00:01 c2c_bob message_received {"message":{"id":"M2"}}"#,
    )
    .replace(&event_id(2), &event_id(1));
    let last = log.lines().last().unwrap().to_owned();
    log.push_str(&last);
    let ran = run(&["check", "-"], log);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{ran:?}");
    assert!(ran.out.contains("1 event here more than once, word for word"), "{ran:?}");
    assert!(ran.out.contains(&format!("{}: line 3 differs from line 2", event_id(1))), "{ran:?}");
    assert!(ran.out.contains("NOT SOUND") && ran.out.contains("1 event id used twice"), "{ran:?}");
    assert!(!ran.out.contains("DIFFERENT"), "{ran:?}");
}

#[test]
fn skipped_lines_are_listed() {
    let log = log(
        "alice",
        r#"bob 09:00:00 c2c_bob poll_opened {"options":3}
           bob 09:00:01 c2c_bob message_received {"message":{"id":"M1"}}"#,
    );
    let out = run(&["check", "-"], log).ok();
    assert!(out.contains("1 line skipped: unknown type \"poll_opened\" (1)"), "{out}");
    assert!(out.contains("line 2: unknown type \"poll_opened\"") && out.contains("sound"), "{out}");
}

#[test]
fn an_empty_log_is_sound() {
    let out = run(&["check", "-"], log("alice", "")).ok();
    assert!(out.contains("0 events") && out.contains("sound"), "{out}");
}

#[test]
fn the_choice_of_events_holds_for_check_too() {
    let out =
        run(&["check", "-", "--first", "8", "--as", "bob", "--policy", "own_message_reads"], team()).ok();
    assert!(out.starts_with("standard input: inbox of bob, 8 events\n"), "{out}");
}
