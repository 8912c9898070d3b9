//! Logs that crashes, other writers and strangers leave: what is saved of them, and what is beside them.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::Duration;

use crate::support::{Files, Ran, chatfold, gzip, line, log, run, team, zstd};

const HEADER: &str = "{\"log\":\"chatfold\",\"v\":1,\"owner\":\"alice\"}\n";

/// A log of 59 events.
fn fifty_nine() -> Vec<String> {
    (1..=59)
        .map(|n| {
            line(n, &format!(r#"bob 09:00:{n:02} c2c_bob message_received {{"message":{{"id":"M{n}"}}}}"#))
        })
        .collect()
}

fn path(files: &Files, name: &str) -> String {
    files.path().join(name).to_str().unwrap().to_owned()
}

/// How many events `recover` saves.
fn recovered(log: impl AsRef<[u8]>, name: &str) -> (usize, String) {
    let files = Files::new();
    let (old, new) = (files.write(name, log), path(&files, "new.jsonl"));
    let ran = run(&["recover", old.to_str().unwrap(), "--out", &new], "");
    assert_eq!(ran.code, 1, "{ran:?}");
    (fs::read_to_string(&new).unwrap().lines().count() - 1, ran.err)
}

#[test]
fn r99_a_last_line_that_ends_is_never_cut_off() {
    let nested = format!(r#"{{"v":2,"k":{}{}}}"#, "[".repeat(127), "]".repeat(127));
    let lines = [
        r#"{"v":2,"id":"x","k":1e400}"#.to_owned(),
        r#"{"v":2,"id":"x","k":"\ud800"}"#.to_owned(),
        format!(r#"{{"v":2,"id":"x","k":{}}}"#, "9".repeat(400)),
        nested,
    ];
    for end in ["\n", ""] {
        for line in &lines {
            let files = Files::new();
            let before = format!("{HEADER}{line}{end}");
            let log = files.write("a.jsonl", &before);
            let ran = run(&["do", log.to_str().unwrap(), "open", "group_g"], "");
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
            let after = fs::read_to_string(&log).unwrap();
            assert!(after.starts_with(&format!("{HEADER}{line}\n{{")) && after.ends_with("}\n"), "{after}");
            assert!(!files.path().join("a.jsonl.torn").exists());
        }
    }
}

#[test]
fn r99_a_faulty_line_that_ends_is_refused_alike_everywhere() {
    for last in ["\n", "{\"v\":1,\n", "[]\n"] {
        let files = Files::new();
        let log = files.write("a.jsonl", team() + last);
        let log = log.to_str().unwrap();
        for args in [
            &["inbox", log][..],
            &["do", log, "pin", "c2c_bob"],
            &["stats", log],
            &["convert", log, "-", "--to", "text"],
        ] {
            let err = run(args, "").refused(1);
            assert!(err.contains("chatfold recover LOG --out NEW"), "{args:?}: {err}");
            assert_eq!(err.contains("--keep-going"), args[0] != "do", "{err}");
            assert_eq!(err.matches("recover").count(), 1, "the way out is named once: {err}");
        }
        let ran = run(&["check", log], "");
        assert!(ran.code == 1 && ran.err.contains("1 fault in 28 lines"), "{ran:?}");
        assert_eq!(fs::read_to_string(log).unwrap(), team() + last);
    }
}

#[test]
fn r99_two_events_on_a_line_and_nuls_before_one_are_saved() {
    let events = fifty_nine();
    let whole = events.join("\n");
    let glued = whole.replacen(&format!("\n{}", events[30]), &events[30], 1);
    assert_eq!(recovered(format!("{HEADER}{glued}\n"), "a.jsonl").0, 59);
    let nuls =
        whole.replacen(&format!("\n{}", events[30]), &format!("\n{}{}", "\0".repeat(600), events[30]), 1);
    assert_eq!(recovered(format!("{HEADER}{nuls}\n"), "a.jsonl").0, 59);
    assert_eq!(recovered(format!("\0\0{HEADER}{whole}\n"), "a.jsonl").0, 59);
    // An event within another that is torn is not believed.
    let torn = format!("{{\"v\":2,\"k\":{}", events[3]);
    let (count, err) = recovered(format!("{HEADER}{}\n{torn}\n{}\n", events[0], events[1]), "a.jsonl");
    assert!(count == 2 && err.contains("line 3"), "{err}");
}

#[test]
fn r99_a_packed_log_is_unpacked_up_to_a_bound() {
    let files = Files::new();
    let event = fifty_nine().remove(0) + "\n";
    let log = HEADER.to_owned() + &event.repeat(70 * (1 << 20) / event.len());
    for (name, packed) in [("a.gz", gzip(log.as_bytes())), ("a.zst", zstd(log.as_bytes()))] {
        let file = files.write(name, &packed);
        let file = file.to_str().unwrap();
        let bound = (64 << 20) + packed.len() * 100;
        if bound > log.len() {
            assert_eq!(name, "a.gz");
        } else {
            let err = run(&["stats", file, "--keep-going"], "").refused(4);
            assert!(err.contains("--max-unpacked") && err.contains(&bound.to_string()), "{err}");
        }
        let err = run(&["stats", file, "--max-unpacked", "1000000"], "").refused(4);
        assert!(err.contains("unpacks to more than 1000000 bytes"), "{err}");
        run(&["stats", file, "--max-unpacked", "100000000"], "").ok();
    }
}

#[test]
fn r99_a_packed_binary_log_is_read_by_record_and_on_behind_a_fault() {
    let files = Files::new();
    let text = files.write("a.jsonl", format!("{HEADER}{}\n", fifty_nine().join("\n")));
    let binary = path(&files, "a.chatfold");
    run(&["convert", text.to_str().unwrap(), &binary], "").ok();
    for n in 60..70 {
        let ran = run(
            &["do", &binary, "--now", "2026-03-02", "mark", &(1_u64 << (n - 28)).to_string(), "c2c_bob"],
            "",
        );
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let bytes = fs::read(&binary).unwrap();
    let expected = run(&["inbox", &binary, "--json"], "").ok();
    for (name, pack) in [("b.gz", gzip as fn(&[u8]) -> Vec<u8>), ("b.zst", zstd)] {
        let packed = files.write(name, pack(&bytes));
        assert_eq!(run(&["inbox", packed.to_str().unwrap(), "--json"], "").ok(), expected);
        let mut broken = bytes.clone();
        let at = broken.len() - 400;
        broken[at] ^= 1;
        let plain = files.write("broken.chatfold", &broken);
        let packed = files.write(name, pack(&broken));
        let of = |log: &std::path::Path| {
            let ran = run(&["inbox", log.to_str().unwrap(), "--json", "--keep-going"], "");
            (ran.code, ran.out, ran.err.replace(log.to_str().unwrap(), "LOG"))
        };
        let told = of(&plain);
        assert!(told.0 == 1 && told.2.contains("the next valid record begins at"), "{told:?}");
        assert_eq!(of(&packed), told);
    }
}

#[test]
fn r99_frames_without_a_checksum_are_told_and_ours_have_one() {
    let files = Files::new();
    let text = files.write("a.jsonl", team());
    let bare = files.write("bare.zst", zstd::encode_all(team().as_bytes(), 1).unwrap());
    let ran = run(&["inbox", bare.to_str().unwrap()], "");
    assert!(ran.code == 0 && ran.err.contains("1 zstd frame without a checksum"), "{ran:?}");
    let ran = run(&["check", bare.to_str().unwrap()], "");
    assert!(ran.code == 0 && ran.out.contains("unchecked"), "{ran:?}");
    let packed = path(&files, "a.jsonl.zst");
    run(&["convert", text.to_str().unwrap(), &packed], "").ok();
    let bytes = fs::read(&packed).unwrap();
    assert!(bytes.len() < team().len() / 2);
    assert_eq!(
        run(&["convert", &packed, "-", "--to", "text"], "").ok(),
        run(&["convert", text.to_str().unwrap(), "-", "--to", "text"], "").ok()
    );
    // Every flipped bit but those of the name before it, which say nothing of the log.
    for bit in (16 * 8..bytes.len() * 8).step_by(101) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let ran = run(&["inbox", "-"], flipped);
        assert_ne!(ran.code, 0, "bit {bit} of {}", bytes.len() * 8);
    }
    // A frame of another hand behind ours.
    let more = [bytes, zstd::encode_all(&b"\n"[..], 1).unwrap()].concat();
    assert_eq!(run(&["inbox", "-"], more).code, 1);
}

fn run_soon(args: Vec<String>) -> std::thread::JoinHandle<Ran> {
    std::thread::spawn(move || run(&args.iter().map(String::as_str).collect::<Vec<_>>(), ""))
}

/// A command that waits for the lock of a log that is replaced meanwhile appends to the one that bears the name then.
#[test]
fn r99_what_is_acknowledged_is_in_the_log_that_bears_the_name() {
    let files = Files::new();
    let file = files.write("a.jsonl", team());
    let (name, other) = (file.to_str().unwrap().to_owned(), files.write("b.jsonl", log("alice", "")));
    let held = File::open(&file).unwrap();
    held.lock().unwrap();
    let waiting = run_soon(["do", &name, "pin", "c2c_bob"].map(str::to_owned).to_vec());
    std::thread::sleep(Duration::from_millis(400));
    fs::rename(&other, &file).unwrap();
    drop(held);
    let ran = waiting.join().unwrap();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(
        fs::read_to_string(&file).unwrap().contains("conversation_pinned"),
        "appended to the log that is there"
    );
}

/// What replaces a log waits for who appends to it, and who comes meanwhile appends to the new one.
#[test]
fn r99_what_replaces_a_log_waits_for_its_lock() {
    let files = Files::new();
    let source = files.write("c.jsonl", team());
    let source = source.to_str().unwrap();
    for args in [
        &["convert", source, "LOG", "--force"][..],
        &["redact", source, "--author", "bob", "--out", "LOG", "--force"],
        &["recover", source, "--out", "LOG", "--force"],
    ] {
        let file = files.write("a.jsonl", log("alice", ""));
        let name = file.to_str().unwrap().to_owned();
        let held = File::open(&file).unwrap();
        held.lock().unwrap();
        let args: Vec<String> =
            args.iter().map(|arg| if *arg == "LOG" { name.clone() } else { (*arg).to_owned() }).collect();
        let replacing = run_soon(args.clone());
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(fs::read_to_string(&file).unwrap(), log("alice", ""), "{args:?} waits");
        let appending = run_soon(["do", &name, "pin", "--new", "c2c_bob"].map(str::to_owned).to_vec());
        std::thread::sleep(Duration::from_millis(300));
        drop(held);
        let (replaced, appended) = (replacing.join().unwrap(), appending.join().unwrap());
        assert_eq!((replaced.code, appended.code), (0, 0), "{replaced:?} {appended:?}");
        let after = fs::read_to_string(&file).unwrap();
        // Either was first; what was appended to the old log before it was replaced went with it.
        assert!(after.starts_with(HEADER) && after.lines().count() >= team().lines().count(), "{after}");
    }
}

#[cfg(unix)]
#[test]
fn r99_files_beside_a_log_carry_its_mode_and_follow_no_link() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let files = Files::new();
    let file = files.write("a.jsonl", team() + "{\"v\":1,");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (name, torn) = (file.to_str().unwrap(), files.path().join("a.jsonl.torn"));
    let victim = files.write("victim", "");
    symlink(&victim, &torn).unwrap();
    let ran = run(&["do", name, "pin", "c2c_bob"], "");
    assert!(ran.code == 4 && ran.err.contains("no plain file"), "{ran:?}");
    assert!(
        fs::read(&victim).unwrap().is_empty() && fs::read_to_string(&file).unwrap().ends_with("{\"v\":1,")
    );
    fs::remove_file(&torn).unwrap();
    assert_eq!(run(&["do", name, "pin", "c2c_bob"], "").code, 0);
    let mode = |name: &str| fs::metadata(files.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("a.jsonl.torn"), 0o600);
    run(&["convert", name, &path(&files, "b.chatfold")], "").ok();
    run(&["recover", name, "--out", &path(&files, "c.jsonl")], "").ok();
    run(&["snapshot", name, "--out", &path(&files, "d.snapshot")], "").ok();
    for name in ["b.chatfold", "c.jsonl", "d.snapshot"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    // What is replaced keeps the mode it had.
    fs::set_permissions(files.path().join("c.jsonl"), fs::Permissions::from_mode(0o640)).unwrap();
    run(&["recover", name, "--out", &path(&files, "c.jsonl"), "--force"], "").ok();
    assert_eq!(mode("c.jsonl"), 0o640);
}

#[cfg(unix)]
#[test]
fn r99_temporary_files_are_removed_at_a_signal_and_after_a_kill() {
    use std::process::{Command, Stdio};

    let files = Files::new();
    let new = path(&files, "new.jsonl");
    let temporary = || {
        fs::read_dir(files.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp"))
            .count()
    };
    for (signal, left) in [("TERM", 0), ("INT", 0), ("KILL", 1)] {
        let program = chatfold().get_program().to_owned();
        let mut child = Command::new(program)
            .args(["convert", "-", &new])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(team().as_bytes()).unwrap();
        let begun = std::time::Instant::now();
        while temporary() == 0 && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(temporary(), 1, "it waits for more input");
        std::thread::sleep(Duration::from_millis(200));
        let kill =
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(kill.success() && !child.wait().unwrap().success());
        assert_eq!((temporary(), fs::exists(&new).unwrap()), (left, false), "{signal}");
    }
    let ran = run(&["convert", "-", &new], team());
    assert!(ran.code == 0 && ran.err.contains("removed what a command that was killed left"), "{ran:?}");
    assert_eq!(temporary(), 0);
}

#[test]
fn a_clock_that_was_ahead_and_ids_that_are_shared_are_told() {
    let text = log(
        "alice",
        r#"
        bob 09:00:00 c2c_bob message_received {"message":{"id":"M1"}}
        bob 12:00:00 c2c_bob message_received {"message":{"id":"M2"}}
        bob 09:01:00 c2c_bob message_received {"message":{"id":"M3"}}
        bob 09:04:00 c2c_bob message_received {"message":{"id":"M4"}}
        bob 09:02:00 c2c_bob message_received {"message":{"id":"M5"}}
        "#,
    );
    let out = run(&["check", "-"], text.as_str()).ok();
    assert!(out.contains("1 message more than 2 min beyond everything that came after"), "{out}");
    assert!(out.contains("line 3"), "{out}");
    let out = run(&["stats", "-"], text.as_str()).ok();
    assert!(out.contains("1 message more than 2 min beyond everything that came after"), "{out}");
    let shared = text.clone() + &line(2, r#"bob 09:05:00 c2c_bob mood_set {"mood":1}"#) + "\n";
    let ran = run(&["check", "-"], shared);
    assert!(ran.code == 1 && ran.out.contains("1 event id used twice"), "{ran:?}");
}
