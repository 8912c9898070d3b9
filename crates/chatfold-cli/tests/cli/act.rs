//! `chatfold do`.

use std::process::Stdio;

use crate::support::{Files, Ran, event_id, gzip, json, log, message_id, run, team, zstd};

const NOW: &str = "2026-03-01T10:00:00.000Z";
const SEED: &str = "000102030405060708090a0b0c0d0e0f";

/// A log in a folder of its own.
struct Desk {
    files: Files,
    log: String,
}

impl Desk {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let files = Files::new();
        let log = files.write("my.jsonl", content).to_str().unwrap().to_owned();
        Self { files, log }
    }

    fn run(&self, args: &[&str]) -> Ran {
        run(&[&["do", &self.log, "--now", NOW, "--seed", SEED], args].concat(), "")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn row(&self, id: &str) -> serde_json::Value {
        json(&["show", &self.log, id, "--json"], "")["conversation"].take()
    }
}

#[test]
fn a_log_is_made_for_its_owner() {
    let files = Files::new();
    let path = files.path().join("new.jsonl");
    let path = path.to_str().unwrap();
    let err = run(&["do", path, "pin", "group_dev"], "").refused(2);
    assert!(err.contains("there is no such log (--as OWNER makes it)"), "{err}");
    assert!(!files.path().join("new.jsonl").exists());
    let out = run(&["do", path, "--as", "alice", "pin", "group_dev", "--dry-run"], "").ok();
    assert_eq!(out, "pinned group_dev\n1 event, not appended\n");
    assert!(!files.path().join("new.jsonl").exists());
    let out = run(&["do", path, "--as", "alice", "pin", "group_dev"], "").ok();
    assert_eq!(out, "pinned group_dev\n1 event appended\n");
    assert_eq!(json(&["inbox", path, "--json"], "")["conversationList"][0]["isPinned"], true);
    let out = run(&["do", path, "pin", "group_dev"], "").ok();
    assert_eq!(out, "nothing to do: it is so already\n");
    let err = run(&["do", path, "--as", "bob", "pin", "group_dev"], "").refused(2);
    assert!(err.contains("the log belongs to alice"), "{err}");
}

#[test]
fn one_seed_and_time_make_the_same_events() {
    let (one, two) = (Desk::new(team()), Desk::new(team()));
    for desk in [&one, &two] {
        desk.run(&["send", "group_design", "hello", "--mention", "bob"]).ok();
    }
    assert_eq!(one.text(), two.text());
    let last = one.text().lines().last().unwrap().to_owned();
    assert!(
        last.contains("\"text\":\"hello\"") && last.contains("\"at\":\"2026-03-01T10:00:00.000Z\""),
        "{last}"
    );
    let row = one.row("group_design");
    assert_eq!(row["lastMessage"]["status"], 1);
    let id = row["lastMessage"]["msgID"].as_str().unwrap();
    assert_eq!((&id[14..15], id.len()), ("7", 36));
    // Without them, clock and chance are read.
    run(&["do", &one.log, "send", "group_design", "hello"], "").ok();
    run(&["do", &two.log, "send", "group_design", "hello"], "").ok();
    assert_ne!(one.text(), two.text());
}

#[test]
fn commands_do_what_they_say() {
    let desk = Desk::new(team());
    let m9 = message_id(9);
    for (args, said) in [
        (&["read", "c2c_bob"][..], "read c2c_bob up to"),
        (&["unread", "c2c_bob", &m9], "made c2c_bob unread from"),
        (&["read-messages", "c2c_bob", &m9], "read 018f0e2a"),
        (&["unread-messages", "c2c_bob", &m9], "were read one by one"),
        (&["draft", "c2c_bob", "See {you}"], "wrote the draft \"See {you}\" for c2c_bob"),
        (&["mark", "fold", "c2c_bob", "group_news"], "marked group_news with fold"),
        (&["unmark", "star", "c2c_bob"], "took the mark star from c2c_bob"),
        (&["option", "not_notify_except_at", "c2c_bob"], "set the receive option of c2c_bob"),
        (&["data", "blue", "c2c_bob"], "set the custom data of c2c_bob, 4 bytes"),
        (&["folder", "create", "Play", "c2c_bob"], "created the folder \"Play\""),
        (&["folder", "add", "Work", "c2c_bob"], "put c2c_bob into \"Work\""),
        (&["folder", "rename", "Play", "Games"], "renamed the folder"),
        (&["quiet", "daily", "22:00", "540", "--utc-offset", "-300"], "set the quiet hours"),
        (&["remark", "bob", "Bobby"], "called bob \"Bobby\""),
        (&["recall", "group_design", "last", "--role", "admin"], "recalled"),
        (&["delete-messages", "group_news", "last"], "deleted"),
        (&["react", "c2c_bob", &m9, "+1"], "put the reaction \"+1\" on"),
        (&["delete", "c2c_amira"], "deleted c2c_amira"),
        (&["clear", "c2c_zoe"], "cleared c2c_zoe up to"),
        (&["read-all", "groups"], "read group_"),
        (&["unpin", "group_design"], "unpinned group_design"),
    ] {
        // Every command a seed of its own.
        let out = run(&[&["do", &desk.log, "--now", NOW], args].concat(), "");
        assert!(out.code == 0 && out.out.contains(said), "{args:?}: {out:?}");
    }
    let row = desk.row("c2c_bob");
    assert_eq!(row["draftText"], "See {you}");
    assert_eq!(row["showName"], "Bobby");
    assert_eq!(row["markList"], serde_json::json!([4]));
    assert_eq!(row["conversationGroupList"], serde_json::json!(["Games", "Work"]));
    assert_eq!(row["recvOpt"], 3);
    assert_eq!(row["unreadCount"], 1);
    assert!(run(&["check", &desk.log], "").ok().contains("sound"));
}

/// A message two hours ahead of the clock is read by name; what comes next is unread.
#[test]
fn r66_reading_names_what_is_ahead_of_the_clock() {
    let at = |time: &str| format!("2026-03-01T{time}.000Z");
    let message = |n: u64, time: &str| {
        format!(
            r#"{{"v":1,"id":"{}","at":"{}","by":"bob","conversation":"c2c_bob","type":"message_received","message":{{"id":"{}","text":"hi"}}}}"#,
            event_id(n),
            at(time),
            message_id(n)
        )
    };
    let header = r#"{"log":"chatfold","v":1,"owner":"alice"}"#;
    let desk = Desk::new(format!("{header}\n{}\n{}\n", message(1, "09:59:00"), message(2, "12:00:00")));
    let out = desk.run(&["read", "c2c_bob"]).ok();
    assert!(out.contains("read c2c_bob up to") && out.contains(&message_id(2)), "{out}");
    assert_eq!(desk.row("c2c_bob")["unreadCount"], 0);
    let shown = run(&["show", &desk.log, "c2c_bob"], "").ok();
    assert!(shown.matches("read by name").count() >= 2, "beside the message, and as a reason: {shown}");
    let text = desk.text() + &message(3, "10:00:30") + "\n";
    std::fs::write(&desk.log, text).unwrap();
    assert_eq!(desk.row("c2c_bob")["unreadCount"], 1);
}

#[test]
fn json_writes_the_events_as_the_log_has_them() {
    let desk = Desk::new(team());
    let out = desk.run(&["pin", "c2c_bob", "--json"]).ok();
    assert_eq!(desk.text(), team() + &out);
    let dry = desk.run(&["unpin", "c2c_bob", "--json", "--dry-run"]).ok();
    assert!(dry.contains("\"type\":\"conversation_pinned\",\"on\":false"), "{dry}");
    assert_eq!(desk.text(), team() + &out, "nothing was appended");
}

#[test]
fn refusals_end_with_3_and_name_the_limit() {
    let desk =
        Desk::new(log("alice", r#"bob 09:00:00 group_g message_received {"message":{"id":"M1","seq":1}}"#));
    let before = desk.text();
    let err = desk.run(&["recall", "group_g", "last"]).refused(3);
    assert!(err.starts_with("chatfold: refused: "), "{err}");
    let long = "x".repeat(33);
    let err = desk.run(&["folder", "create", &long]).refused(3);
    assert!(err.contains("1 to 32 bytes, this one has 33 (code 51011)"), "{err}");
    let err = desk.run(&["recall", "c2c_nobody", "last"]).refused(3);
    assert!(err.contains("no conversation \"c2c_nobody\"") && err.contains("--new makes it"), "{err}");
    desk.run(&["folder", "delete", "Play"]).refused(3);
    assert_eq!(desk.text(), before);
}

#[test]
fn what_is_no_plain_file_is_refused() {
    for packed in [gzip(team().as_bytes()), zstd(team().as_bytes())] {
        let desk = Desk::new(&packed);
        let err = desk.run(&["pin", "c2c_bob"]).refused(2);
        assert!(err.contains("events cannot be appended to a "), "{err}");
        assert_eq!(std::fs::read(&desk.log).unwrap(), packed);
    }
    run(&["do", "-", "pin", "c2c_bob"], team()).refused(2);
    run(&["do", Files::new().path().to_str().unwrap(), "--as", "alice", "pin", "c2c_bob"], "").refused(2);
    let desk = Desk::new(team());
    for args in [&[][..], &["pin"], &["mark", "3", "c2c_bob"], &["recall", "c2c_bob", "first"]] {
        desk.run(args).refused(2);
    }
    run(&["do", &desk.log, "--seed", "12", "pin", "c2c_bob"], "").refused(2);
}

#[test]
fn r99_a_torn_end_is_set_aside_never_glued_to() {
    let torn = &team()[team().len() - 90..team().len() - 20];
    let desk = Desk::new(team() + torn);
    let dry = desk.run(&["pin", "c2c_bob", "--dry-run"]);
    assert!(dry.code == 0 && dry.err.contains("the last line is torn, 70 bytes"), "{dry:?}");
    assert_eq!(desk.text(), team() + torn, "a dry run changes nothing");
    let idle = desk.run(&["unpin", "c2c_bob"]);
    assert!(idle.code == 0 && idle.err.contains("it is left there"), "{idle:?}");
    assert_eq!(desk.text(), team() + torn, "nor does a command without events");
    let ran = desk.run(&["pin", "c2c_bob", "--json"]);
    assert!(ran.code == 0 && ran.err.contains("my.jsonl.torn now"), "{ran:?}");
    assert_eq!(desk.text(), team() + &ran.out);
    let aside = || std::fs::read_to_string(desk.files.path().join("my.jsonl.torn")).unwrap();
    assert_eq!(aside(), format!("{torn}\n"));
    // A second one goes below it.
    std::fs::write(&desk.log, desk.text() + "{\"v\":1,").unwrap();
    desk.run(&["unpin", "c2c_bob"]);
    assert_eq!(aside(), format!("{torn}\n{{\"v\":1,\n"));
    assert!(run(&["check", &desk.log], "").ok().contains("sound"));
}

#[test]
fn r99_a_whole_last_line_without_its_end_is_kept() {
    let desk = Desk::new(team().trim_end());
    let out = desk.run(&["pin", "c2c_bob", "--json"]).ok();
    assert_eq!(desk.text(), team() + &out);
}

#[test]
fn r99_a_torn_header_is_set_aside_too() {
    let desk = Desk::new("{\"log\":\"chatf");
    let ran = desk.run(&["--as", "alice", "pin", "c2c_bob", "--json"]);
    assert!(ran.code == 0 && ran.err.contains("torn"), "{ran:?}");
    assert_eq!(desk.text(), log("alice", "") + &ran.out);
}

#[test]
fn r99_faults_within_the_log_are_not_appended_to() {
    let bad = team().replacen("\"type\":\"message_queued\"", "\"type\":7", 1);
    let desk = Desk::new(&bad);
    let err = desk.run(&["pin", "c2c_bob"]).refused(1);
    assert!(err.contains("line 16, column "), "{err}");
    assert_eq!(desk.text(), bad);
    let other = Desk::new("name,age\nbob,7\n");
    other.run(&["pin", "c2c_bob"]).refused(1);
    assert_eq!(other.text(), "name,age\nbob,7\n");
    for text in ["a note", "a note\n", "{\"log\":\"other\"", "{}\n{\"v\":1", "a note\nand an end"] {
        let other = Desk::new(text);
        other.run(&["--as", "alice", "pin", "c2c_bob"]).refused(1);
        assert_eq!(other.text(), text, "another file is left alone");
    }
}

#[test]
fn processes_appending_at_once_lose_nothing() {
    let files = Files::new();
    let path = files.path().join("shared.jsonl");
    let path = path.to_str().unwrap();
    let spawn = |n: usize| {
        std::process::Command::new(assert_cmd::cargo::cargo_bin("chatfold"))
            .args(["do", path, "--as", "alice", "send", "c2c_bob", &format!("text {n}")])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..12).map(spawn).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 13, "{text}");
    assert_eq!(text.matches("\"log\":").count(), 1);
    for n in 0..12 {
        assert!(text.contains(&format!("\"text\":\"text {n}\"")), "{n}");
    }
    assert!(run(&["check", path], "").ok().contains("sound"));
    assert!(!text.contains(&event_id(1)));
}

#[test]
fn a_conversation_is_named_as_in_show_and_made_only_when_asked_to() {
    let desk = Desk::new(team());
    for (name, id) in [("Bob", "c2c_bob"), ("bob", "c2c_bob"), ("李雷", "c2c_li"), ("news", "group_news")] {
        let out = desk.run(&["draft", name, name, "--dry-run"]).ok();
        assert!(out.contains(&format!("for {id}\n")), "{name}: {out}");
    }
    let out = desk.run(&["folder", "create", "Both", "News", "Bob", "--dry-run"]).ok();
    assert!(out.contains("put group_news into") && out.contains("put c2c_bob into"), "{out}");
    let out = desk.run(&["react", "Bob", &message_id(9), "+1", "--dry-run"]).ok();
    assert!(out.contains("in c2c_bob\n"), "{out}");
    for wish in [&["pin", "group_desgin"][..], &["send", "group_desgin", "hi"], &["read", "group_desgin"]] {
        let err = desk.run(wish).refused(3);
        assert!(err.contains("did you mean group_design (设计组 🎨)?") && err.contains("--new"), "{err}");
    }
    let err = desk.run(&["pin", "--new", "Desgin"]).refused(3);
    assert!(err.contains("c2c_USER or group_GROUP"), "{err}");
    assert_eq!(desk.text(), team(), "nothing was made");
    desk.run(&["pin", "--new", "group_desgin"]).ok();
    assert_eq!(desk.row("group_desgin")["isPinned"], true);
}

#[test]
fn r35_what_is_imported_or_sent_has_a_time_a_kind_and_stands_where_it_was_written() {
    let desk = Desk::new(team());
    let before = desk.row("c2c_bob")["orderkey"].clone();
    let import = ["import", "Bob", "An old photo", "--sender", "bob", "--time", "2026-02-01T12:00"];
    let out = desk.run(&[&import[..], &["--kind", "image", "--exclude-from-unread", "--json"]].concat()).ok();
    assert!(out.contains("\"at\":\"2026-02-01T12:00:00.000Z\""), "{out}");
    assert!(out.contains("\"kind\":\"image\"") && out.contains("\"excluded_from_unread\":true"), "{out}");
    assert_eq!(desk.row("c2c_bob")["orderkey"], before, "an old message moves nothing");
    desk.run(&["import", "Bob", "Now", "--exclude-from-last"]).ok();
    assert_eq!(desk.row("c2c_bob")["orderkey"], before, "nor does one that is excluded");
    let sent = desk.run(&["send", "Bob", "smile", "--kind", "face", "--time", "2026-03-02", "--json"]).ok();
    assert!(sent.contains("\"kind\":\"face\""), "{sent}");
    assert!(sent.contains("\"at\":\"2026-03-02T00:00:00.000Z\""), "{sent}");
}

#[test]
fn now_and_at_mean_the_same_instant() {
    let desk = Desk::new(team());
    let out = run(&["do", &desk.log, "--now", "2026-03-05", "pin", "Bob", "--json"], "").ok();
    assert!(out.contains("\"at\":\"2026-03-05T23:59:59.999Z\""), "{out}");
    let cloud = json(&["cloud", "-", "--json", "--now", "2026-03-05"], &team());
    assert_eq!(cloud["now"], "2026-03-05T23:59:59.999Z");
    let list = run(&["inbox", "-", "--now", "2026-03-05"], team()).ok();
    assert!(list.contains("as of 2026-03-05 23:59 UTC"), "{list}");
}

#[test]
fn the_demo_is_a_copy_that_goes_or_stays() {
    let out = run(&["demo"], "").ok();
    assert!(out.contains("Launch 2.0") && out.contains("unread"), "{out}");
    let files = Files::new();
    let path = files.path().join("my.jsonl");
    let path = path.to_str().unwrap();
    assert!(run(&["demo", "--out", path], "").ok().contains("200 events"));
    let out = run(&["do", path, "send", "Aiko Tanaka", "hello"], "").ok();
    assert!(out.contains("queued \"hello\" for c2c_aiko"), "{out}");
    let err = run(&["demo", "--out", path], "").refused(2);
    assert!(err.contains("is there already"), "{err}");
}

#[test]
fn r56_conversations_go_into_the_archive_and_out() {
    let desk = Desk::new(team());
    let list = |args: &[&str]| -> Vec<String> {
        let all = json(&[&["inbox", &desk.log, "--json"], args].concat(), "");
        let ids = all["conversationList"].as_array().unwrap().iter();
        ids.map(|row| row["conversationID"].as_str().unwrap().to_owned()).collect()
    };
    let everything = list(&[]);
    let out = desk.run(&["archive", "c2c_bob", "group_news", "--stay"]).ok();
    assert!(out.contains("archived c2c_bob, where it stays") && out.contains("2 events appended"), "{out}");
    let row = desk.row("c2c_bob");
    assert_eq!((&row["archived"], &row["badge"], &row["membership"]), (&true.into(), &0.into(), &().into()));
    assert_eq!(list(&["--archived"]), ["c2c_bob", "group_news"]);
    assert_eq!(list(&["--no-archived"]).len(), everything.len() - 2);
    assert_eq!(list(&[]), everything, "its place is what it was");
    assert!(run(&["show", &desk.log, "c2c_bob"], "").ok().contains("yes, whatever comes"));
    let shown = run(&["inbox", &desk.log, "--archived"], "").ok();
    assert!(shown.lines().any(|line| line.contains('\u{1f4e6}') && line.contains("Bob")), "{shown}");
    let out = run(&["do", &desk.log, "--now", NOW, "unarchive", "c2c_bob"], "").ok();
    assert!(out.contains("took c2c_bob out of the archive"), "{out}");
    assert_eq!(list(&["--archived"]), ["group_news"]);
}

#[test]
fn r57_a_mute_ends_when_it_is_due_and_asked_to() {
    let desk = Desk::new(team());
    let at = |now: &str, args: &[&str]| run(&[&["do", &desk.log, "--now", now], args].concat(), "").ok();
    let out = at(NOW, &["mute", "c2c_bob", "--until", "2026-03-01T12:00:00.000Z"]);
    assert!(out.contains("(muted) until 2026-03-01T12:00:00.000Z"), "{out}");
    let row = desk.row("c2c_bob");
    assert_eq!((&row["recvOpt"], &row["recvOptUntil"]), (&1.into(), &1_772_366_400.into()));
    assert!(run(&["show", &desk.log, "c2c_bob"], "").ok().contains(", until 2026-03-01T12:00:00.000Z"));
    assert_eq!(at("2026-03-01T11:59:59.999Z", &["end-timed"]), "nothing to do: it is so already\n");
    assert!(at("2026-03-01T12:00:00.000Z", &["end-timed"]).contains("1 event appended"));
    let row = desk.row("c2c_bob");
    assert_eq!((&row["recvOpt"], &row["recvOptUntil"]), (&0.into(), &0.into()));
    // Two devices that end it write one event: the id follows from what it ends.
    let last: serde_json::Value = serde_json::from_str(desk.text().lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["at"], &last["id"].as_str().unwrap()[14..15]),
        (&"2026-03-01T10:00:00.001Z".into(), "5")
    );
}

#[test]
fn r58_who_left_a_group_sends_nothing_there() {
    let left =
        r#"alice 2026-03-01T09:30:00.000Z group_design membership_set {"state":"left","user":"alice"}"#;
    let desk = Desk::new(format!("{}{}\n", team(), crate::support::line(99, left)));
    let err = desk.run(&["send", "group_design", "hello"]).refused(3);
    assert!(err.contains("the owner is no member of group_design: left"), "{err}");
    assert_eq!(desk.row("group_design")["membership"], "left");
    let left = json(&["inbox", &desk.log, "--json", "--member", "left"], "");
    assert_eq!(left["conversationList"].as_array().unwrap().len(), 1);
}

#[test]
fn r55_the_badge_is_told_by_the_rules_asked_for() {
    let desk = Desk::new(team());
    let badge = |rule: &str| {
        let out = run(&["inbox", &desk.log, rule], "").ok();
        let said = out.lines().find_map(|line| line.strip_prefix("badge ")).map(str::to_owned);
        said.unwrap_or_else(|| panic!("{out}"))
    };
    let all = json(&["inbox", &desk.log, "--json", "--all-keys"], "");
    assert_eq!(all["badgeCount"].to_string(), badge("--badge"));
    assert!(json(&["inbox", &desk.log, "--json"], "").get("badgeCount").is_none());
    assert_eq!(badge("--badge=chats"), "3");
    desk.run(&["archive", "c2c_bob"]).ok();
    assert_eq!((badge("--badge=chats"), badge("--badge=chats,archived")), ("2".to_owned(), "3".to_owned()));
}
