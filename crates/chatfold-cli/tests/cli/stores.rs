//! Logs in stores, wherever a command takes a log.

use chatfold::shared::StreamId;
use chatfold::store::EventStore as _;
use chatfold_sqlite::SqliteStore;

use crate::support::{Files, json, run, team};

const NOW: &str = "2026-03-01T10:00:00.000Z";

/// Everything that is done with a log, done with one in a store: `place` names an inbox of any owner.
fn every_command(files: &Files, place: impl Fn(&str) -> String) {
    let log = files.write("team.jsonl", team());
    let log = log.to_str().unwrap();
    let owner = json(&["inbox", log, "--json"], "")["owner"].as_str().unwrap().to_owned();
    let stored = place(&owner);
    let (log, stored) = (log, stored.as_str());

    let err = run(&["inbox", stored], "").refused(4);
    assert!(err.contains(&owner), "not there yet: {err}");
    let out = run(&["convert", log, stored], "").ok();
    assert!(out.contains("event"), "{out}");
    let err = run(&["convert", log, stored], "").refused(2);
    assert!(err.contains("is there already"), "{err}");

    assert_eq!(json(&["inbox", stored, "--json"], ""), json(&["inbox", log, "--json"], ""));
    assert_eq!(run(&["check", stored], "").code, 0);
    let sound = run(&["store", "check", stored], "").ok();
    assert_eq!(sound, format!("{}: sound, 1 inbox\n", sound.split(": sound").next().unwrap()));
    let said = run(&["inbox", stored, "-v"], "");
    assert!(said.code == 0 && said.err.contains("read the snapshot of"), "{said:?}");
    assert_eq!(run(&["stats", stored], "").code, 0);
    assert_eq!(run(&["diff", log, stored], "").code, 0);
    assert_eq!(run(&["merge", log, stored], "").ok(), run(&["merge", log, log], "").ok());
    let back = files.path().join("back.jsonl");
    run(&["convert", stored, back.to_str().unwrap(), "--force"], "").ok();
    assert_eq!(std::fs::read(back).unwrap(), std::fs::read(log).unwrap(), "byte for byte");

    let out = run(&["do", stored, "--now", NOW, "pin", "--new", "group_new", "--dry-run"], "").ok();
    assert_eq!(out, "pinned group_new\n1 event, not appended\n");
    let out = run(&["do", stored, "--now", NOW, "pin", "--new", "group_new"], "").ok();
    assert_eq!(out, "pinned group_new\n1 event appended\n");
    let out = run(&["do", stored, "--now", NOW, "pin", "group_new"], "").ok();
    assert_eq!(out, "nothing to do: it is so already\n");
    assert_eq!(json(&["show", stored, "group_new", "--json"], "")["conversation"]["isPinned"], true);
    assert_eq!(run(&["diff", log, stored], "").code, 1);

    // `do` makes an inbox that is not there; nothing else does.
    let fresh = place("carol#of'the \"team\"");
    assert_eq!(run(&["show", &fresh, "group_new"], "").code, 4);
    let out = run(&["do", &fresh, "--now", NOW, "pin", "group_new"], "").ok();
    assert_eq!(out, "pinned group_new\n1 event appended\n");
    assert_eq!(run(&["do", &fresh, "--as", "dave", "pin", "group_x"], "").code, 2);
    let err = run(&["convert", log, &place("eve")], "").refused(2);
    assert!(err.contains("--as eve"), "{err}");
    let as_eve = run(&["convert", log, &place("eve"), "--as", "eve"], "");
    assert_eq!((as_eve.code, as_eve.err.as_str()), (0, ""));
    let err = run(&["inbox", &place("")], "").refused(2);
    let who = err.split_once("whose inbox? Name it behind #: ").map(|(_, who)| who);
    assert!(who.is_some_and(|who| who.contains("alice") && who.contains("eve")), "{err}");
    let err = run(&["redact", stored, "--author", "bob", "--out", &place("bob")], "");
    assert_eq!(err.code, 2, "{err:?}");
}

#[test]
fn sqlite_is_a_log() {
    let files = Files::new();
    let path = files.path().join("chat.db").to_str().unwrap().to_owned();
    every_command(&files, |owner| format!("sqlite:{path}#{owner}"));
    let err = run(&["inbox", "sqlite:/no/such/folder/chat.db#alice"], "").refused(4);
    assert!(err.contains("cannot be opened"), "{err}");
    let text = files.write("text.db", team());
    let err = run(&["inbox", &format!("sqlite:{}#alice", text.display())], "").refused(1);
    assert!(err.contains("not a database"), "{err}");
}

#[test]
fn postgres_is_a_log() {
    let Some(server) = postgres_scratch::server() else { return };
    let files = Files::new();
    // A folder as host stands in the query part of an address.
    let folder = server.socket_folder().display().to_string().replace('/', "%2F");
    every_command(&files, |owner| format!("postgres://chatfold@{folder}/postgres#{owner}"));
    let err = run(&["inbox", "postgres://chatfold:secret@%2Fno%2Fsuch/postgres#alice"], "").refused(4);
    assert!(!err.contains("secret"), "a password is not told: {err}");
}

/// A server that encrypts is spoken to as the address says, and its certificate is verified.
#[test]
fn postgres_is_a_log_over_an_encrypted_connection() {
    let Some(server) = postgres_scratch::server_on_tcp() else { return };
    let authority = server.encrypt("localhost").display().to_string().replace('/', "%2F");
    let files = Files::new();
    let log = files.write("team.jsonl", team());
    let at = |host: &str, rest: &str| {
        format!("postgres://chatfold@{host}:{}/postgres?{rest}#alice", server.port())
    };
    let trusted = format!("sslrootcert={authority}&sslmode=require");
    let stored = at("localhost", &trusted);
    run(&["convert", log.to_str().unwrap(), &stored, "--as", "alice"], "").ok();
    let listed = run(&["inbox", &stored], "").ok();
    for (place, code, expected) in [
        (at("localhost", ""), 4, "sslrootcert="),
        (at("127.0.0.1", &trusted), 4, "for another host"),
        (
            at("localhost", "sslmode=verify-ca"),
            2,
            "sslmode: expected disable, prefer, require or verify-full",
        ),
        (at("localhost", "sslkey=x"), 2, "sslkey is not supported"),
        (at("localhost", "sslrootcert=/no/such.pem"), 2, "/no/such.pem: expected certificates as PEM"),
    ] {
        let err = run(&["inbox", &place], "").refused(code);
        assert!(err.contains(expected), "{place}: {err}");
    }
    assert_eq!(run(&["inbox", &at("127.0.0.1", "sslmode=disable")], "").ok(), listed);
}

/// A file of 419 events with a byte of its trees changed: all of them are shown, or it is an error. A page without
/// events before the head was taken for the end: 234 events, exit code 0, and `check` said sound.
#[test]
fn a_damaged_file_is_no_shorter_log() {
    const PAGE: usize = 4_096;
    let files = Files::new();
    let rows: String = (1..=419)
        .map(|n| format!("bob 09:{:02}:{:02} c2c_bob message_queued {{\"message\":{{\"id\":\"M{n}\",\"text\":\"{n}\"}}}}\n", n / 60, n % 60))
        .collect();
    let log = files.write("log.jsonl", crate::support::log("alice", &rows));
    let path = files.path().join("chat.db");
    let place = format!("sqlite:{}#alice", path.display());
    let at_once = files.path().join("at_once.db");
    run(&["convert", log.to_str().unwrap(), &format!("sqlite:{}#alice", at_once.display())], "").ok();
    {
        // As rows, which lie in a tree of several pages: what is imported in a few events at a time.
        let [mut from, mut to] =
            [&at_once, &path].map(|path| SqliteStore::open(path, &Default::default()).unwrap());
        let alice = StreamId::from_key("alice").unwrap();
        let events = from.read(&alice, 0, usize::MAX).unwrap().events;
        events.chunks(20).for_each(|some| drop(to.import(&alice, some).unwrap()));
    }
    let right = run(&["inbox", &place, "--json"], "").ok();
    let whole = std::fs::read(&path).unwrap();
    // Headers and first pointers of inner pages: how many children they have, and which.
    let inner = |page: &usize| matches!(whole[page * PAGE], 2 | 5);
    let pages: Vec<usize> = (1..whole.len() / PAGE).filter(inner).collect();
    assert!(!pages.is_empty());
    let mut told = 0;
    for at in pages.iter().flat_map(|page| [3, 4, 11, 12, 13, 15].map(|byte| page * PAGE + byte)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 5;
        std::fs::write(&path, &bytes).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
        let ran = run(&["inbox", &place, "--json"], "");
        told += usize::from(ran.code != 0);
        assert!(matches!(ran.code, 0 | 1), "byte {at}: damage has the exit code of a fault: {ran:?}");
        assert!(ran.code != 0 || ran.out == right, "byte {at}: fewer events, and nothing said");
    }
    assert!(told > 0);
}

/// What is wrong with a store is told by inbox, table and position, and what follows from the logs is mended.
#[test]
fn a_store_is_checked_and_mended() {
    let files = Files::new();
    let log = files.write("team.jsonl", team());
    let log = log.to_str().unwrap();
    let path = files.path().join("chat.db");
    let store = format!("sqlite:{}", path.display());
    run(&["convert", log, &format!("{store}#alice"), "--as", "alice"], "").ok();
    let right = run(&["inbox", &format!("{store}#alice"), "--json"], "").ok();
    assert!(run(&["store", "check", &store], "").ok().ends_with(": sound, 1 inbox\n"));
    let damage = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();

    damage("UPDATE chatfold_snapshot_page SET bytes = zeroblob(length(bytes))");
    let told = run(&["store", "check", &store], "");
    assert_eq!(told.code, 1);
    assert!(told.out.contains("the snapshot of alice at position"), "{told:?}");
    assert!(told.out.contains("in table chatfold_snapshot_page"), "{told:?}");
    let shown = run(&["inbox", &format!("{store}#alice"), "--json"], "");
    assert_eq!((shown.code, &shown.out), (0, &right), "it is folded from the log: {shown:?}");
    let mended = run(&["store", "check", &store, "--repair"], "").ok();
    assert!(mended.contains("mended: ") && mended.ends_with(": sound, 1 inbox\n"), "{mended}");
    assert!(run(&["store", "check", &store], "").ok().ends_with(": sound, 1 inbox\n"));

    damage("UPDATE chatfold_event SET hash = zeroblob(16) WHERE position = 3");
    for place in [store.clone(), format!("{store}#alice")] {
        let told = run(&["store", "check", &place, "--repair"], "");
        assert_eq!(told.code, 1, "nothing mends a log: {told:?}");
        assert!(told.out.contains("position 3"), "{told:?}");
    }
    assert_eq!(run(&["store", "check", log], "").code, 2);
    assert_eq!(run(&["store", "check", "sqlite:/no/such/chat.db"], "").code, 4);
}

#[test]
fn errors_tell_no_password() {
    for place in [
        "postgres://u:secret@127.0.0.1:1/db#alice",
        "postgres://127.0.0.1:1/db?user=u&password=secret#alice",
        "postgres://u:a#secret@127.0.0.1:1/db#alice",
        "postgres://u:1%23secret@127.0.0.1:1/db#alice",
        "postgres://u:secret@127.0.0.1:nowhere/db#alice",
        "postgres://127.0.0.1:1/db?password=a&secret=b#alice",
    ] {
        for command in [
            &["inbox", place][..],
            &["check", place],
            &["store", "check", place],
            &["do", place, "pin", "c2c_bob"],
        ] {
            let ran = run(command, "");
            assert!(ran.code != 0 && !ran.err.contains("secret") && !ran.out.contains("secret"), "{ran:?}");
        }
    }
}
