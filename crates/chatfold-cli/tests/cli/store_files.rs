//! Files of stores: brought to the newest schema, and their older events moved to an archive and back.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Files, run};

fn fixture(files: &Files, version: usize) -> (PathBuf, String) {
    let name = format!("schema{version}.db");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chatfold-sqlite/tests/fixtures").join(&name);
    let path = files.path().join(name);
    fs::copy(from, &path).unwrap();
    let store = format!("sqlite:{}", path.display());
    (path, store)
}

/// What a command says behind the name of the store.
fn said(out: &str) -> &str {
    out.split_once("#: ").or_else(|| out.split_once("#alice: ")).unwrap().1.trim_end()
}

#[test]
fn files_of_older_schemas_are_migrated() {
    let files = Files::new();
    let steps = [
        "0002-heads",
        "0003-segments",
        "0004-snapshots-by-pages",
        "0005-names-of-our-own",
        "0006-outbox",
        "0007-batches",
    ];
    let steps = (0..steps.len()).map(|first| steps[first..].join(", "));
    for (version, steps) in (1..).zip(steps) {
        let (path, store) = fixture(&files, version);
        let before = fs::read(&path).unwrap();
        let listed = run(&["inbox", &format!("{store}#alice"), "--json"], "");
        let out = run(&["store", "migrate", &store, "--dry-run"], "").ok();
        assert_eq!(said(&out), format!("schema {version}; to be migrated to schema 7 by {steps}"));
        assert_eq!(fs::read(&path).unwrap(), before, "nothing is done");
        let out = run(&["store", "migrate", &store], "").ok();
        assert_eq!(said(&out), format!("migrated from schema {version} to schema 7 by {steps}"));
        for dry_run in [&["--dry-run"][..], &[]] {
            let out = run(&[&["store", "migrate", &store], dry_run].concat(), "").ok();
            assert_eq!(said(&out), "schema 7, which is the newest");
        }
        assert!(run(&["store", "check", &store], "").ok().ends_with(": sound, 3 inboxes\n"));
        let now = run(&["inbox", &format!("{store}#alice"), "--json"], "");
        assert_eq!((now.code, now.out), (listed.code, listed.out));
    }
    let (_, store) = fixture(&files, 1);
    run(&["store", "migrate", &format!("{store}#alice")], "").refused(2);
    run(&["store", "migrate", "chat.db"], "").refused(2);
    run(&["store", "migrate", "sqlite:/no/such/chat.db"], "").refused(4);
    let empty = files.write("empty.db", "");
    let err = run(&["store", "migrate", &format!("sqlite:{}", empty.display())], "").refused(4);
    assert!(err.contains("holds no chatfold store"), "{err}");
    assert_eq!(fs::read(&empty).unwrap(), b"", "no tables are made");
    let (path, store) = fixture(&files, 4);
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let err = run(&["store", "migrate", &store], "").refused(4);
    assert!(err.contains("schema 99"), "{err}");
}

#[test]
fn tables_in_postgresql_are_made() {
    let Some(server) = postgres_scratch::server() else { return };
    let folder = server.socket_folder().display().to_string().replace('/', "%2F");
    let place = format!("postgres://chatfold@{folder}/postgres");
    let err = run(&["store", "migrate", "postgres://chatfold:secret@%2Fno%2Fsuch/postgres"], "").refused(4);
    assert!(!err.contains("secret"), "{err}");
    // Another test may have made them.
    run(&["store", "migrate", &place], "").ok();
    for dry_run in [&["--dry-run"][..], &[]] {
        let out = run(&[&["store", "migrate", &place], dry_run].concat(), "").ok();
        assert!(said(&out).starts_with("schema "), "{out}");
    }
}

/// What a server holds is looked at as a file is: segments, what finds their events, snapshots.
#[test]
fn tables_in_postgresql_are_checked_and_mended() {
    let Some(server) = postgres_scratch::server() else { return };
    let files = Files::new();
    let folder = server.socket_folder().display().to_string().replace('/', "%2F");
    let place = format!("postgres://chatfold@{folder}/postgres");
    let (_, store) = sealed_in(&files, &format!("{place}#alice"));
    assert_ne!(server.sql("SELECT count(*) FROM chatfold_segment"), "0");
    for place in [&place, &store] {
        assert!(run(&["store", "check", place], "").ok().ends_with(": sound, 1 inbox\n"));
    }
    let shown = run(&["inbox", &store, "--json"], "").ok();
    server.sql("DELETE FROM chatfold_sealed WHERE slice % 2 = 0");
    for place in [&place, &store] {
        let told = run(&["store", "check", place], "");
        assert!(
            told.out
                .contains("keys are missing in table chatfold_sealed of the events of alice from position 1"),
            "{told:?}"
        );
    }
    assert!(run(&["store", "check", &place, "--repair"], "").ok().contains("mended: "));
    assert!(run(&["store", "check", &place], "").ok().ends_with(": sound, 1 inbox\n"));
    server.sql("UPDATE chatfold_segment SET bytes = set_byte(bytes, 900, get_byte(bytes, 900) # 1)");
    let told = run(&["store", "check", &store], "");
    assert!(
        told.out.contains("the log of alice is damaged at position 1, in table chatfold_segment"),
        "{told:?}"
    );
    server.sql("UPDATE chatfold_segment SET bytes = set_byte(bytes, 900, get_byte(bytes, 900) # 1)");
    assert_eq!(run(&["inbox", &store, "--json"], "").ok(), shown);
}

/// A log long enough to be sealed, in a file.
fn sealed(files: &Files) -> (PathBuf, String) {
    sealed_in(files, &format!("sqlite:{}#alice", files.path().join("chat.db").display()))
}

/// The same in a store.
fn sealed_in(files: &Files, store: &str) -> (PathBuf, String) {
    let rows: String = (1..=5_000)
        .map(|n| {
            let (minute, second) = (n / 60 % 60, n % 60);
            format!("bob {:02}:{minute:02}:{second:02} c2c_bob message_queued {{\"message\":{{\"id\":\"M{n}\",\"text\":\"{n}\"}}}}\n", 9 + n / 3_600)
        })
        .collect();
    let log = files.write("log.jsonl", crate::support::log("alice", &rows));
    run(&["convert", log.to_str().unwrap(), store], "").ok();
    (log, store.to_owned())
}

/// What is said of one inbox that is named, and mended, is what is said of all and mended.
#[test]
fn a_check_of_one_inbox_in_sqlite_finds_what_the_check_of_the_file_finds() {
    let keys =
        "DELETE FROM chatfold_sealed; DELETE FROM chatfold_sealed_new; DELETE FROM chatfold_sealed_newest";
    let pages = "UPDATE chatfold_snapshot_page SET bytes = zeroblob(length(bytes))";
    for (sql, found) in [(keys, "keys are missing"), (pages, "are damaged in table")] {
        let files = Files::new();
        let (_, store) = sealed(&files);
        let shown = run(&["inbox", &store, "--json"], "").ok();
        rusqlite::Connection::open(files.path().join("chat.db")).unwrap().execute_batch(sql).unwrap();
        let told = |place: &str, more: &[&str]| {
            let ran = run(&[&["store", "check", place], more].concat(), "");
            assert_eq!(ran.err, "");
            (ran.code, ran.out.replace(&format!("{place}: "), "").replace(&format!("{place}#: "), ""))
        };
        let whole = told(store.trim_end_matches("#alice"), &[]);
        assert!(whole.0 == 1 && whole.1.contains(found), "{whole:?}");
        assert_eq!(told(&store, &[]), whole);
        let (code, out) = told(&store, &["--repair"]);
        assert!(code == 0 && out.contains("mended: ") && out.ends_with("sound, 1 inbox\n"), "{out}");
        assert_eq!(told(store.trim_end_matches("#alice"), &[]), (0, "sound, 1 inbox\n".to_owned()));
        assert_eq!(run(&["inbox", &store, "--json"], "").ok(), shown);
    }
}

#[test]
fn older_events_are_moved_and_put_back() {
    let files = Files::new();
    let (log, store) = sealed(&files);
    let archive = files.path().join("alice.chatfold");
    let archive = archive.to_str().unwrap();
    let shown = run(&["inbox", &store, "--json"], "").ok();

    let err = run(&["store", "trim", &store, "--archive", archive, "--through", "7"], "").refused(3);
    assert!(err.contains("no snapshot"), "{err}");
    let out = run(&["store", "trim", &store, "--archive", archive], "").ok();
    let expected = format!(
        "4096 events moved to {archive}; those through position 4096 are in an archive, and the snapshot at position 5000 stands for them"
    );
    assert_eq!(said(&out), expected);
    assert!(run(&["store", "trim", &store, "--archive", archive], "").ok().contains("0 events moved"));

    // It is shown and checked as before, what needs the events says where they are, and the archive is a log.
    assert_eq!(run(&["inbox", &store, "--json"], "").ok(), shown);
    assert!(run(&["store", "check", &store], "").ok().ends_with(": sound, 1 inbox\n"));
    let whole = store.trim_end_matches("#alice");
    assert!(run(&["store", "check", whole], "").ok().ends_with(": sound, 1 inbox\n"));
    let back = files.path().join("back.jsonl");
    let back = back.to_str().unwrap();
    for command in [&["convert", &store, back][..], &["check", &store], &["stats", &store]] {
        let err = run(command, "").refused(4);
        assert!(err.contains(archive) && err.contains("chatfold store unarchive"), "{err}");
    }
    assert!(run(&["stats", archive], "").ok().contains("4096"));
    let out = run(&["do", &store, "--now", "2026-03-02T10:00:00.000Z", "pin", "c2c_bob"], "").ok();
    assert!(out.contains("1 event appended"), "{out}");

    let err = run(&["store", "unarchive", &store, "--archive", log.to_str().unwrap()], "").refused(4);
    assert!(err.contains("log.jsonl"), "{err}");
    let out = run(&["store", "unarchive", &store, "--archive", archive], "").ok();
    assert!(said(&out).contains("events put back"), "{out}");
    let out = run(&["store", "unarchive", &store, "--archive", archive], "").ok();
    assert_eq!(said(&out), "nothing of it is in an archive");
    run(&["convert", &store, back], "").ok();
    let (back, log) = (fs::read_to_string(back).unwrap(), fs::read_to_string(log).unwrap());
    assert!(back.starts_with(&log), "byte for byte, and one event more");
    assert_eq!(back.lines().count(), log.lines().count() + 1);
}

#[test]
fn only_an_inbox_in_sqlite_has_an_archive() {
    let files = Files::new();
    let (log, store) = sealed(&files);
    let whole = store.trim_end_matches("#alice");
    for command in ["trim", "unarchive"] {
        run(&["store", command, whole, "--archive", "a"], "").refused(2);
        run(&["store", command, log.to_str().unwrap(), "--archive", "a"], "").refused(2);
        run(&["store", command, "sqlite:/no/such/chat.db#alice", "--archive", "a"], "").refused(4);
        run(&["store", command, &format!("{whole}#nobody"), "--archive", "a"], "").refused(4);
        let err = run(&["store", command, &store], "");
        assert_eq!(err.code, 2);
    }
    let notes = files.write("notes.txt", "what somebody wrote");
    run(&["store", "trim", &store, "--archive", notes.to_str().unwrap()], "").refused(4);
    assert_eq!(fs::read(notes).unwrap(), b"what somebody wrote");
    // A snapshot that is damaged stands for nothing.
    let path = files.path().join("chat.db");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("UPDATE chatfold_snapshot_page SET bytes = zeroblob(length(bytes))").unwrap();
    run(&["store", "trim", &store, "--archive", "a"], "").refused(3);
}

/// The cursor at the end of what a command wrote.
fn cursor(out: &str) -> &str {
    out.trim_end().rsplit(' ').next().unwrap()
}

/// What is shown of an outbox with one append each to two inboxes; `store` has none yet.
fn an_outbox_is_followed(store: &str) {
    let outbox = |more: &[&str]| run(&[&["store", "outbox", store], more].concat(), "");
    assert!(outbox(&[]).refused(3).contains("--on"));
    let on = outbox(&["--on"]).ok();
    let beginning = cursor(&on);
    assert_eq!(cursor(&outbox(&["--on"]).ok()), beginning);
    for owner in ["alice", "bob"] {
        let inbox = format!("{store}#{owner}");
        run(&["do", &inbox, "--as", owner, "send", "group_dev", "hello"], "").ok();
    }
    let out = outbox(&["--after", beginning]).ok();
    let [one, two, next] = out.lines().collect::<Vec<_>>()[..] else { panic!("{out}") };
    assert!(one.ends_with(" appended alice 1 to 1") && two.ends_with(" appended bob 1 to 1"), "{out}");
    assert_eq!(two.split(' ').next().unwrap(), cursor(next));
    assert_eq!(outbox(&[]).ok(), out, "from the oldest");
    let first = outbox(&["--limit", "1", "--json"]).ok();
    let objects: Vec<serde_json::Value> = first.lines().map(|line| line.parse().unwrap()).collect();
    let [entry, next] = objects.as_slice() else { panic!("{first}") };
    assert_eq!(entry["change"], "appended");
    assert_eq!((entry["inbox"].as_str(), entry["last"].as_u64()), (Some("alice"), Some(1)));
    assert_eq!(entry["cursor"], next["next"]);
    let taken = next["next"].as_str().unwrap();
    let status = outbox(&["--after", taken, "--status"]).ok();
    assert!(status.contains(": 1 entry to read, 0 held back"), "{status}");
    assert!(outbox(&["--forget", taken]).ok().ends_with(": 1 entry forgotten\n"));
    assert!(outbox(&["--after", beginning]).refused(3).contains("forgotten"));
    outbox(&["--after", "1.2.3.4"]).refused(2);
    outbox(&["--on", "--off"]).refused(2);
    outbox(&["--off"]).ok();
    outbox(&["--after", taken]).refused(3);
    outbox(&["--on"]).ok();
    assert!(outbox(&["--after", taken]).refused(3).contains("another outbox"));
    run(&["store", "outbox", &format!("{store}#alice")], "").refused(2);
    assert!(outbox(&["--off", "--json"]).ok().starts_with('{'));
}

#[test]
fn an_outbox_is_followed_and_forgotten() {
    let files = Files::new();
    let store = format!("sqlite:{}", files.path().join("chat.db").display());
    let inbox = format!("{store}#carol");
    run(&["do", &inbox, "--as", "carol", "send", "group_dev", "hello"], "").ok();
    an_outbox_is_followed(&store);
    run(&["store", "check", &store], "").ok();
    if let Some(server) = postgres_scratch::server() {
        let folder = server.socket_folder().display().to_string().replace('/', "%2F");
        an_outbox_is_followed(&format!("postgres://chatfold@{folder}/postgres"));
    }
}
