//! Disks that are full and commands that are killed: what was there stays, what was acknowledged is there.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;

use crate::support::{Files, Ran, log, run, team};

/// Runs the program with files limited to so many blocks of 512 bytes, as a disk that has no room for more.
fn limited(blocks: u32, args: &[&str]) -> Ran {
    limited_by(&format!("trap '' XFSZ; ulimit -f {blocks}"), args)
}

/// Runs the program within a shell's limits.
pub fn limited_by(limits: &str, args: &[&str]) -> Ran {
    let script = format!("{limits}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    let output = command.args(["-c", &script]).arg(cargo_bin("chatfold")).args(args).output().unwrap();
    Ran {
        code: output.status.code().expect("ended by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The log as text and as binary file.
fn forms(files: &Files) -> [String; 2] {
    let text = files.write("a.jsonl", team()).to_str().unwrap().to_owned();
    let binary = files.path().join("a.chatfold").to_str().unwrap().to_owned();
    run(&["convert", &text, &binary], "").ok();
    [text, binary]
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn r99_what_does_not_fit_on_the_disk_is_not_half_appended() {
    let files = Files::new();
    for log in forms(&files) {
        let before = fs::read(&log).unwrap();
        // What is random packs badly.
        let long: String = (0..60_000_u32).map(|n| char::from(b'a' + (n * n / 7 % 26) as u8)).collect();
        let ran = limited(24, &["do", &log, "send", "c2c_bob", &long]);
        assert!(ran.code == 4 && ran.out.is_empty() && ran.err.contains("cannot be written: "), "{ran:?}");
        assert!(fs::read(&log).unwrap() == before, "{log}");
        // A torn end stays where it is if there is no room beside the log.
        let torn = [&before[..], &before[before.len() / 2..before.len() / 2 + 100]].concat();
        let torn = [&torn, &b"{\"v\":1,"[..]].concat();
        fs::write(&log, &torn).unwrap();
        let ran = limited(0, &["do", &log, "pin", "c2c_bob"]);
        assert!(ran.code == 4 && ran.err.contains("its torn end cannot be moved to"), "{ran:?}");
        assert!(fs::read(&log).unwrap() == torn, "{log}");
        let ran = run(&["do", &log, "send", "c2c_bob", &long], "");
        assert!(ran.code == 0 && ran.err.contains("is torn"), "{ran:?}");
        assert!(fs::read(&log).unwrap().starts_with(&before));
    }
}

#[test]
fn r99_a_log_is_replaced_whole_or_not_at_all() {
    let files = Files::new();
    let [text, binary] = forms(&files);
    let path = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    for (target, args) in [
        ("b.jsonl", &["convert", &binary, &path("b.jsonl"), "--force"][..]),
        ("b.chatfold", &["convert", &text, &path("b.chatfold"), "--force"]),
        ("b.jsonl.zst", &["convert", &text, &path("b.jsonl.zst"), "--force"]),
        ("b.jsonl", &["recover", &text, "--out", &path("b.jsonl"), "--force"]),
        ("b.jsonl", &["redact", &text, "--author", "bob", "--out", &path("b.jsonl"), "--force"]),
        ("b.snapshot", &["snapshot", &text, "--out", &path("b.snapshot")]),
    ] {
        // Only a snapshot is replaced by one.
        for there in [false, true].into_iter().take(if target.ends_with("snapshot") { 1 } else { 2 }) {
            if there {
                files.write(target, "what was there");
            }
            let before = names(files.path());
            let ran = limited(1, args);
            assert!(ran.code == 4 && ran.err.contains("cannot be written: "), "{args:?}: {ran:?}");
            assert_eq!(names(files.path()), before, "{args:?}");
            if there {
                assert_eq!(fs::read_to_string(path(target)).unwrap(), "what was there");
                fs::remove_file(path(target)).unwrap();
            }
        }
    }
    // A device is never replaced.
    let (link, pipe) = (path("link.jsonl"), path("pipe.jsonl"));
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for target in [&link, &pipe] {
        let err = run(&["convert", &text, target, "--force"], "").refused(4);
        assert!(err.contains("something that is no plain file bears this name"), "{err}");
        assert!(!fs::symlink_metadata(target).unwrap().is_file());
    }
    let ran = limited(1, &["demo", "--out", &path("demo.jsonl")]);
    assert!(ran.code == 4 && !Path::new(&path("demo.jsonl")).exists(), "{ran:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn r99_standard_output_that_is_full_is_told_by_every_command() {
    let files = Files::new();
    let [text, binary] = forms(&files);
    for args in [
        &["inbox", &text][..],
        &["inbox", &text, "--json"],
        &["show", &text, "c2c_bob"],
        &["check", &text],
        &["stats", &text],
        &["cloud", &text, "--now", "2026-03-08"],
        &["diff", &text, &binary],
        &["merge", &text, &binary],
        &["convert", &text, "-", "--to", "binary"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(cargo_bin("chatfold")).args(args).stdout(full).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(4) && err.contains("writing standard output failed"), "{err}");
    }
}

/// Lets a command run for a moment and kills it. Returns whether it had ended well by then.
fn killed_after(args: &[&str], moment: Duration) -> bool {
    let mut command = Command::new(cargo_bin("chatfold"));
    let mut child = command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(moment);
    let ended = child.try_wait().unwrap().is_some_and(|status| status.success());
    let _ = child.kill();
    child.wait().unwrap().success() || ended
}

/// How long a command takes that is left alone.
fn usual(args: &[&str]) -> Duration {
    let begun = std::time::Instant::now();
    assert_eq!(run(args, "").code, 0);
    begun.elapsed()
}

#[test]
fn r99_what_a_killed_command_acknowledged_is_in_the_log() {
    for form in ["jsonl", "chatfold"] {
        let files = Files::new();
        let name = files.path().join(format!("a.{form}"));
        let name = name.to_str().unwrap();
        let usual = usual(&["do", name, "--as", "alice", "send", "--new", "c2c_bob", "number 0."]);
        let mut acknowledged = vec![0];
        for n in 1..=100_u32 {
            let text = format!("number {n}.");
            // Moments from nothing to a little more than it takes.
            let moment = usual * (n * 37 % 130) / 100;
            if killed_after(&["do", name, "send", "c2c_bob", &text], moment) {
                acknowledged.push(n);
            }
        }
        // The next command finds what is torn.
        assert_eq!(run(&["do", name, "pin", "c2c_bob"], "").code, 0);
        let saved = run(&["convert", name, "-", "--to", "text"], "").ok();
        let texts: Vec<u32> = saved
            .lines()
            .filter_map(|line| line.split_once("\"number ")?.1.split_once('.')?.0.parse().ok())
            .collect();
        assert!(texts.is_sorted(), "{texts:?}");
        let lost: Vec<&u32> = acknowledged.iter().filter(|n| !texts.contains(n)).collect();
        assert!(lost.is_empty() && texts.len() < 101, "{lost:?} of {} lost", acknowledged.len());
        assert!(run(&["check", name], "").ok().contains("the same"));
    }
}

#[test]
fn r99_a_killed_command_leaves_the_old_log_or_the_new_one() {
    let files = Files::new();
    let rows: String = (1..=1_000)
        .map(|n| {
            format!(
                "bob 09:{:02}:{:02} c2c_bob message_received {{\"message\":{{\"id\":\"M{n}\"}}}}\n",
                n / 60,
                n % 60
            )
        })
        .collect();
    let source = files.write("source.jsonl", log("alice", &rows));
    let source = source.to_str().unwrap();
    for target in ["a.jsonl", "a.chatfold", "a.jsonl.zst"] {
        let path = files.path().join(target);
        let name = path.to_str().unwrap();
        let usual = usual(&["convert", source, name]);
        let whole = fs::read(&path).unwrap();
        let (mut old, mut new) = (0, 0);
        for n in 0..40_u32 {
            fs::write(&path, "what was there").unwrap();
            killed_after(&["convert", source, name, "--force"], usual * (n * 37 % 130) / 100);
            match fs::read(&path).unwrap() {
                bytes if bytes == b"what was there" => old += 1,
                bytes => {
                    assert!(bytes == whole, "{target}: {} bytes of {}", bytes.len(), whole.len());
                    new += 1;
                }
            }
        }
        assert!(old > 0, "{old} killed, {new} done");
        run(&["convert", source, name, "--force"], "");
        let left = names(files.path()).iter().filter(|name| name.ends_with(".tmp")).count();
        assert_eq!(left, 0, "{target}: the next command removes what was left");
    }
}
