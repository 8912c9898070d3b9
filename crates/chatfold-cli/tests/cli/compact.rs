//! `chatfold compact`.

use std::fs;

use serde_json::Value;

use crate::support::{Files, line, long_log, run, team};

/// A direct chat of many messages, read up to one of them.
fn chat(files: &Files) -> String {
    let mut text = long_log(300);
    let read = r#"alice 23:59:00 c2c_bob conversation_read {"through":{"time":"2026-03-01T04:10:00.000Z"}}"#;
    text.push_str(&line(301, read));
    text.push('\n');
    files.write("a.jsonl", &text).to_str().unwrap().to_owned()
}

fn path(files: &Files, name: &str) -> String {
    files.path().join(name).to_str().unwrap().to_owned()
}

fn list(log: &str) -> Value {
    let mut list: Value = serde_json::from_str(&run(&["inbox", log, "--json"], "").ok()).unwrap();
    list["digest"].take();
    list
}

#[test]
fn r49_a_compacted_log_is_smaller_and_lists_the_same() {
    let files = Files::new();
    let text = chat(&files);
    let binary = path(&files, "a.chatfold");
    run(&["convert", &text, &binary], "").ok();
    for (log, out) in [(&text, path(&files, "b.jsonl")), (&binary, path(&files, "b.chatfold"))] {
        let through = "2026-03-01T04:55";
        let told = run(&["compact", log, "bob", "--through", through, "--out", &out], "").ok();
        let size = |path: &str| fs::metadata(path).unwrap().len();
        for part in [
            "c2c_bob: 295 messages up to 2026-03-01T04:55:00.000Z given up, 295 events left out\n".to_owned(),
            "a report says that 45 up to 2026-03-01T04:55:00.000Z are unread\n".to_owned(),
            format!("{} bytes before, {} bytes after\n", size(log), size(&out)),
        ] {
            assert!(told.contains(&part), "{part} is not in {told}");
        }
        assert!(size(&out) * 4 < size(log), "{told}");
        assert_eq!(list(log), list(&out));
        assert_eq!(run(&["check", &out], "").code, 0);
        let again = path(&files, "again.jsonl");
        let told =
            run(&["compact", &out, "c2c_bob", "--through", through, "--output", &again], "").refused(3);
        assert!(
            told.contains("nothing to be given up") && !files.path().join("again.jsonl").exists(),
            "{told}"
        );
        let shown = run(&["show", &out, "bob"], "").ok();
        assert!(shown.contains("not held"), "{shown}");
    }
}

#[test]
fn r49_what_cannot_be_compacted_is_refused_and_nothing_is_written() {
    let files = Files::new();
    let text = chat(&files);
    let out = path(&files, "b.jsonl");
    let asked = |conversation: &str, through: &str| {
        run(&["compact", &text, conversation, "--through", through, "--out", &out], "")
    };
    assert!(asked("zoe", "2026-03-01T04:55").refused(3).contains("no conversation"));
    assert!(
        asked("bob", "2026-03-02").refused(3).contains("not held: the last one is 2026-03-01T05:00:00.000Z")
    );
    assert!(asked("bob", "5").refused(2).contains("--through \"5\": expected a time"));
    let group = files.write("team.jsonl", team()).to_str().unwrap().to_owned();
    let told = run(&["compact", &group, "design", "--through", "2026-03-01", "--out", &out], "").refused(2);
    assert!(told.contains("expected a seq"), "{told}");
    let told = run(&["compact", &group, "li", "--through", "2026-03-01T08:00", "--out", &out], "").refused(3);
    assert!(told.contains("position is not held"), "{told}");
    assert!(
        run(&["compact", "-", "bob", "--through", "1", "--out", &out], "")
            .refused(2)
            .contains("standard input")
    );
    assert!(!files.path().join("b.jsonl").exists());
    // What is there is not written over, nor the log itself; --force replaces what is there.
    fs::write(&out, "kept").unwrap();
    assert!(asked("bob", "2026-03-01T04:55").refused(2).contains("is there already"));
    assert_eq!(fs::read_to_string(&out).unwrap(), "kept");
    let args = ["compact", &text, "bob", "--through", "2026-03-01T04:55", "--out"];
    assert!(run(&[&args[..], &[&text, "--force"]].concat(), "").refused(2).contains("over itself"));
    run(&[&args[..], &[&out, "--force"]].concat(), "").ok();
    assert_eq!(list(&text), list(&out));
}

#[test]
fn r49_damage_stops_it_and_what_is_not_known_stays() {
    let files = Files::new();
    let text = fs::read_to_string(chat(&files)).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let unknown = lines[7].replace("message_received", "mood_set");
    lines[7] = &unknown;
    let strange = files.write("s.jsonl", format!("{}\n", lines.join("\n"))).to_str().unwrap().to_owned();
    let out = path(&files, "b.jsonl");
    let ran = |log: &str| run(&["compact", log, "bob", "--through", "2026-03-01T04:55", "--out", &out], "");
    let told = ran(&strange).ok();
    assert!(told.contains("1 line of unknown type or version kept as they are"), "{told}");
    assert!(fs::read_to_string(&out).unwrap().contains(&unknown));
    fs::remove_file(&out).unwrap();
    lines[9] = "{\"v\":1,";
    let broken = files.write("d.jsonl", format!("{}\n", lines.join("\n"))).to_str().unwrap().to_owned();
    let told = ran(&broken).refused(1);
    assert!(told.contains("line 10") && told.contains("chatfold recover"), "{told}");
    assert!(!files.path().join("b.jsonl").exists());
}
