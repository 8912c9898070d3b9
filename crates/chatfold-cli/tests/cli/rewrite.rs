//! Logs written anew: `chatfold convert`, `recover`, `redact`, and what is read of binary logs.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Files, log, message_id, run, team};

/// A folder with a log in both forms, and their paths.
fn both(text: &str) -> (Files, String, String) {
    let files = Files::new();
    let old = files.write("a.jsonl", text).to_str().unwrap().to_owned();
    let new = files.path().join("a.chatfold").to_str().unwrap().to_owned();
    let told = run(&["convert", &old, &new], "").out;
    assert!(told.contains("events"), "{told}");
    (files, old, new)
}

fn path(files: &Files, name: &str) -> String {
    files.path().join(name).to_str().unwrap().to_owned()
}

fn skipping() -> String {
    log(
        "alice",
        r#"
        bob 09:00:00 c2c_bob message_received {"message":{"id":"M1","text":"Lunch?"}}
        bob 09:00:30 c2c_bob mood_set {"mood": [1, 2]}
        bob 09:01:00 c2c_bob message_received {"message":{"id":"M2","text":"Now?"}}
        "#,
    )
}

#[test]
fn every_command_reads_either_form() {
    let (_files, text, binary) = both(&team());
    for args in [
        vec!["inbox", "LOG"],
        vec!["inbox", "LOG", "--json"],
        vec!["inbox", "LOG", "--json", "--first", "12"],
        vec!["inbox", "LOG", "--at", "2026-02-27"],
        vec!["stats", "LOG", "--json"],
        vec!["cloud", "LOG", "--json"],
        vec!["merge", "LOG"],
        vec!["diff", "LOG", &text],
    ] {
        let with = |log: &str| -> String {
            let args: Vec<&str> = args.iter().map(|arg| if *arg == "LOG" { log } else { arg }).collect();
            run(&args, "").ok().replace(&binary, "LOG").replace(&text, "LOG")
        };
        assert_eq!(with(&binary), with(&text), "{args:?}");
    }
    let from_input = |log: &str| run(&["show", "-", "group_design"], fs::read(log).unwrap()).ok();
    assert_eq!(from_input(&binary), from_input(&text));
    let shown = run(&["show", &binary, "group_design"], "").ok();
    assert!(shown.contains("in event 23: message_received by bob"), "{shown}");
    let check = run(&["check", &binary], "").ok();
    assert!(check.contains("sound"), "{check}");
    let from_input = run(&["inbox", "-", "--json"], fs::read(&binary).unwrap()).ok();
    assert_eq!(from_input, run(&["inbox", &text, "--json"], "").ok());
    let packed = crate::support::gzip(&fs::read(&binary).unwrap());
    assert_eq!(run(&["inbox", "-", "--json"], packed).ok(), from_input);
}

#[test]
fn a_snapshot_fits_either_form() {
    let (files, text, binary) = both(&team());
    let kept = path(&files, "a.snapshot");
    run(&["snapshot", &binary, "--out", &kept, "--first", "20"], "").ok();
    let whole = run(&["inbox", &text, "--json"], "").ok();
    for log in [&text, &binary] {
        assert_eq!(run(&["inbox", log, "--snapshot", &kept, "--json"], "").ok(), whole);
    }
}

#[test]
fn there_and_back_every_byte_is_the_same() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1");
    for name in ["support-desk", "names-and-drafts"] {
        let text = fs::read_to_string(fixtures.join(name).with_extension("jsonl")).unwrap();
        let (files, _, binary) = both(&text);
        let back = path(&files, "back.jsonl");
        run(&["convert", &binary, &back], "");
        assert_eq!(fs::read_to_string(back).unwrap(), text);
        let golden =
            |version| fixtures.join("../../binary").join(version).join(name).with_extension("chatfold");
        assert!(fs::read(&binary).unwrap() == fs::read(golden("v2")).unwrap());
        let of_old = run(&["convert", golden("v1").to_str().unwrap(), "-", "--to", "text"], "");
        assert_eq!((of_old.code, of_old.out.as_str()), (0, text.as_str()), "version 1 is read for ever");
        let packed = path(&files, "packed.chatfold");
        run(&["convert", &binary, &packed, "--pack"], "");
        assert!(fs::metadata(&packed).unwrap().len() < fs::metadata(&binary).unwrap().len());
        let printed = run(&["convert", &packed, "-", "--to", "text"], "");
        assert_eq!((printed.code, printed.out), (0, text));
    }
}

#[test]
fn an_older_version_is_converted_to_this_one() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs");
    let old = fixtures.join("v0/two-devices.jsonl");
    let printed = run(&["convert", old.to_str().unwrap(), "-", "--to", "text"], "").ok();
    assert_eq!(printed, fs::read_to_string(fixtures.join("v1/two-devices.jsonl")).unwrap());
}

#[test]
fn nothing_is_replaced_unasked() {
    let (files, text, binary) = both(&skipping());
    let before = fs::read(&binary).unwrap();
    assert!(run(&["convert", &text, &binary], "").refused(2).contains("is there already"));
    assert!(run(&["convert", &text, &text, "--force"], "").refused(2).contains("not written over itself"));
    assert!(run(&["convert", &text, &path(&files, "a.log")], "").refused(2).contains("--to"));
    let nowhere = path(&files, "no/such/folder/b.chatfold");
    assert!(run(&["convert", &text, &nowhere], "").refused(4).contains("cannot be written"));
    assert_eq!(fs::read(&binary).unwrap(), before);
    run(&["convert", &text, &binary, "--force", "--first", "1"], "").ok();
    assert!(fs::read(&binary).unwrap().len() < before.len());
}

#[test]
fn a_faulty_log_is_not_converted_in_silence() {
    let files = Files::new();
    let broken = skipping().replace("mood_set", "draft_set");
    let old = files.write("a.jsonl", &broken).to_str().unwrap().to_owned();
    let new = path(&files, "a.chatfold");
    assert!(run(&["convert", &old, &new], "").refused(1).contains("line 3"));
    assert!(!files.path().join("a.chatfold").exists());
    assert!(run(&["convert", &old, "-", "--to", "binary"], "").refused(1).contains("line 3"));
    let ran = run(&["convert", &old, &new, "--keep-going"], "");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("a.chatfold: 2 events"), "{ran:?}");
}

/// A binary log of three records, and where each begins.
fn three_records(files: &Files) -> (String, Vec<u8>, Vec<usize>) {
    let log = path(files, "live.chatfold");
    for text in ["one", "two", "three"] {
        let args = ["do", &log, "--as", "alice", "--now", "2026-03-01T09:00:00Z", "draft", "c2c_bob", text];
        assert_eq!(run(&args, "").code, 0);
    }
    let bytes = fs::read(&log).unwrap();
    let mark = [0xc4, b'F', b'R', 0x0a];
    let begins: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&mark)).collect();
    assert_eq!(begins.len(), 3);
    (log, bytes, begins)
}

#[test]
fn do_appends_records_and_sets_a_torn_one_aside() {
    let files = Files::new();
    let (log, bytes, begins) = three_records(&files);
    let shown = run(&["show", &log, "c2c_bob", "--json"], "").ok();
    assert!(shown.contains("three"), "{shown}");
    let torn = &bytes[..bytes.len() - 7];
    fs::write(&log, torn).unwrap();
    let ran = run(&["do", &log, "--now", "2026-03-01T10:00:00Z", "pin", "c2c_bob"], "");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains(&format!(
        "the last record is torn, {} bytes from byte {}",
        torn.len() - begins[2],
        begins[2]
    )));
    assert_eq!(fs::read(path(&files, "live.chatfold.torn")).unwrap(), &torn[begins[2]..]);
    let list: Value = serde_json::from_str(&run(&["inbox", &log, "--json"], "").ok()).unwrap();
    assert_eq!(list["conversationList"][0]["draftText"], "two");
    assert_eq!(list["conversationList"][0]["isPinned"], true);
    assert!(run(&["do", &log, "--as", "bob", "pin", "c2c_x"], "").refused(2).contains("belongs to alice"));
    // A header torn when the log was made.
    fs::write(&log, &bytes[..20]).unwrap();
    assert!(run(&["do", &log, "pin", "c2c_bob"], "").refused(2).contains("--as OWNER"));
    assert_eq!(run(&["do", &log, "--as", "alice", "pin", "c2c_bob"], "").code, 0);
    assert!(run(&["check", &log], "").ok().contains("1 event"));
}

#[test]
fn r99_corruption_is_told_with_its_place_and_recovered_from() {
    let files = Files::new();
    let (log, mut bytes, begins) = three_records(&files);
    bytes[begins[1] + 40] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let told = format!(
        "byte {}, event 1: expected a record, found a record whose checksum does not fit; the next valid record begins at byte {}, 1 events on",
        begins[1], begins[2]
    );
    for args in [vec!["inbox", &log], vec!["check", &log], vec!["do", &log, "pin", "c2c_bob"]] {
        let ran = run(&args, "");
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{args:?}");
        assert!(ran.err.contains(&told), "{}", ran.err);
    }
    let out = path(&files, "sound.chatfold");
    let ran = run(&["recover", &log, "--out", &out], "");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains(&told) && ran.out.contains("2 events") && ran.out.contains("1 fault"),
        "{ran:?}"
    );
    assert_eq!(fs::read(&log).unwrap(), bytes, "the damaged log is not touched");
    assert!(run(&["check", &out], "").ok().contains("2 events"));
    // Without a header the owner has to be named.
    bytes[12] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let out = path(&files, "headless.chatfold");
    assert!(run(&["recover", &log, "--out", &out], "").refused(1).contains("header"));
    let ran = run(&["recover", &log, "--out", &out, "--as", "alice"], "");
    assert!(ran.code == 1 && ran.out.contains("2 events") && ran.out.contains("2 faults"), "{ran:?}");
    // A chain that is broken though every record is valid.
    let moved = [&bytes[..begins[1]], &bytes[begins[2]..]].concat();
    bytes[12] ^= 1;
    fs::write(&log, [&bytes[..begins[0]], &moved[begins[0]..]].concat()).unwrap();
    let ran = run(&["check", &log], "");
    assert!(ran.err.contains("event 1: expected the record that follows the one before, found one that follows another record and begins with event 2"), "{ran:?}");
}

#[test]
fn a_text_log_is_recovered_too() {
    let files = Files::new();
    let broken = skipping().replace(&message_id(1), "17") + "{\"v\":1,\"id\":\"018f";
    let old = files.write("a.jsonl", &broken).to_str().unwrap().to_owned();
    let out = path(&files, "b.jsonl");
    let ran = run(&["recover", &old, "--out", &out], "");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("line 2") && ran.err.contains("line 5") && ran.out.contains("2 faults"),
        "{ran:?}"
    );
    assert_eq!(run(&["check", &out], "").code, 0);
    assert!(fs::read_to_string(&out).unwrap().contains("mood_set"));
    let again = path(&files, "c.jsonl");
    assert!(run(&["recover", &out, "--out", &again], "").out.contains("sound, nothing was lost"));
    assert_eq!(fs::read(&out).unwrap(), fs::read(&again).unwrap());
}

#[test]
fn redaction_takes_content_and_nothing_else() {
    let (files, text, binary) = both(&team());
    for (log, out) in [(&text, path(&files, "r.jsonl")), (&binary, path(&files, "r.chatfold"))] {
        let message = format!("group_design/{}", message_id(8));
        let args = ["redact", log, "--author", "bob", "--message", &message, "--out", &out];
        let told = run(&args, "").ok();
        assert!(told.contains("27 events") && told.contains("4 events without their content"), "{told}");
        let before: Value = serde_json::from_str(&run(&["inbox", log, "--json"], "").ok()).unwrap();
        let after: Value = serde_json::from_str(&run(&["inbox", &out, "--json"], "").ok()).unwrap();
        let (mut before, mut after) = (before, after);
        assert!(!after.to_string().contains("far too long") && before.to_string().contains("far too long"));
        for list in [&mut before, &mut after] {
            list["digest"].take();
            for row in list["conversationList"].as_array_mut().unwrap() {
                row["lastMessage"]["textElem"].take();
            }
        }
        assert_eq!(before, after);
    }
    let nobody = path(&files, "n.jsonl");
    let told = run(&["redact", &text, "--author", "nobody", "--out", &nobody], "").refused(3);
    assert!(told.contains("nothing that was chosen"), "{told}");
    assert!(!files.path().join("n.jsonl").exists());
    // What it was made of stays named when it is written anew.
    let (redacted, dense) = (path(&files, "r.chatfold"), path(&files, "d.chatfold"));
    run(&["convert", &redacted, &dense], "").ok();
    assert!(fs::read(&redacted).unwrap() == fs::read(&dense).unwrap());
    let told = run(&["redact", "-", "--author", "bob", "--out", "x.jsonl"], "").refused(2);
    assert!(told.contains("standard input"), "{told}");
    assert_eq!(run(&["redact", &text, "--out", "x.jsonl"], "").code, 2, "nothing is chosen");
    assert_eq!(run(&["redact", &text, "--message", "c2c_bob", "--out", "x.jsonl"], "").code, 2);
}

#[test]
fn do_goes_on_with_a_log_of_an_older_version() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs");
    let files = Files::new();
    let old = fs::read_to_string(fixtures.join("v0/two-devices.jsonl")).unwrap();
    let log = files.write("a.jsonl", &old).to_str().unwrap().to_owned();
    let ran = run(&["do", &log, "pin", "--new", "c2c_zed"], "");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(fs::read_to_string(&log).unwrap().starts_with(&old), "nothing was cut off");
    assert_eq!(run(&["check", &log], "").code, 0);
    let (text, binary) = (path(&files, "b.jsonl"), path(&files, "b.chatfold"));
    let unknown = old.replace("\"type\":\"receive_option_set\",\"option\"", "\"type\":\"mood_set\",\"mood\"");
    assert_ne!(unknown, old);
    let log = files.write("u.jsonl", &unknown).to_str().unwrap().to_owned();
    for new in [&text, &binary] {
        assert_eq!(run(&["convert", &log, new], "").code, 0);
        assert_eq!(run(&["check", new], "").code, 0, "what was converted can be read");
    }
}

#[test]
fn r99_a_damaged_header_is_not_a_torn_one() {
    let files = Files::new();
    let (log, mut bytes, _) = three_records(&files);
    bytes[10] ^= 0x80;
    fs::write(&log, &bytes[..160]).unwrap();
    let before = fs::read(&log).unwrap();
    let told = run(&["do", &log, "--as", "alice", "pin", "c2c_bob"], "").refused(1);
    assert!(told.contains("header"), "{told}");
    assert_eq!(fs::read(&log).unwrap(), before);
}

#[test]
fn r99_what_was_lost_counts_and_keeps_the_numbers_of_the_rest() {
    let files = Files::new();
    let (log, mut bytes, begins) = three_records(&files);
    bytes[begins[0] + 40] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let ran = run(&["inbox", &log, "--json", "--keep-going", "--first", "2"], "");
    assert!(ran.code == 1 && ran.out.contains("\"two\""), "{ran:?}");
    let packed = crate::support::gzip(&fs::read(&log).unwrap());
    let cut = path(&files, "cut.chatfold.gz");
    fs::write(&cut, &packed[..packed.len() - 20]).unwrap();
    let ran = run(&["recover", &cut, "--out", &path(&files, "new.chatfold")], "");
    assert!(ran.code == 1 && ran.err.contains("gzip"), "{ran:?}");
}

#[test]
fn a_snapshot_replaces_nothing_but_a_snapshot() {
    let (files, text, binary) = both(&team());
    for log in [&text, &binary] {
        let before = fs::read(log).unwrap();
        assert!(run(&["snapshot", &text, "--out", log], "").refused(2).contains("no snapshot"));
        assert_eq!(fs::read(log).unwrap(), before);
    }
    let kept = path(&files, "a.snapshot");
    run(&["snapshot", &text, "--out", &kept, "--first", "3"], "").ok();
    run(&["snapshot", &text, "--out", &kept], "").ok();
    assert_eq!(run(&["recover", &text, "--out", "-"], "").code, 2);
}
