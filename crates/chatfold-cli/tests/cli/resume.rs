//! Going on from a snapshot of a log: by the place that it names, or by a look at every event; never to a wrong list.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use chatfold::binary::{Header, Log, Writer};
use chatfold::jsonl::{LoggedEvent, encode_event};
use chatfold::snapshot::{LogPrefix, SnapshotInfo};
use chatfold::{Policy, Replay};

use crate::support::{Files, Ran, chatfold, gzip, line, log, zstd};

/// Events: those of the snapshot, and what comes behind. The latest is not the last.
fn rows(count: usize) -> String {
    let row = |n: usize| match n % 7 {
        0 => format!("bob 11:{n:02}:00 c2c_bob poll_started {{\"question\":\"where\"}}"),
        1 => "alice 09:30:00 c2c_carol conversation_pinned {\"on\":true}".to_owned(),
        2 => format!(
            "alice 10:{n:02}:30 c2c_bob conversation_read {{\"through\":{{\"message\":\"M{}\"}}}}",
            n - 1
        ),
        3 => format!(
            "carol 12:{:02}:00 c2c_carol message_received {{\"message\":{{\"id\":\"M{n}\",\"text\":\"{n}\"}}}}",
            59 - n
        ),
        _ => format!(
            "bob 10:{n:02}:00 c2c_bob message_received {{\"message\":{{\"id\":\"M{n}\",\"text\":\"no {n}\"}}}}"
        ),
    };
    (1..=count).map(row).collect::<Vec<_>>().join("\n")
}

/// A text log of the first so many of its lines behind the header.
fn text(count: usize) -> Vec<u8> {
    log("alice", &rows(count)).into_bytes()
}

/// The same as a binary log, a record after every fifth event.
fn binary(count: usize) -> Vec<u8> {
    binary_of(&text(count))
}

fn binary_of(text: &[u8]) -> Vec<u8> {
    let reader = chatfold::jsonl::Reader::new(text).unwrap();
    let mut writer = Writer::new(Vec::new(), &Header::new(reader.owner().clone())).unwrap();
    for (number, line) in (1..).zip(reader) {
        writer.write(&line.unwrap().event).unwrap();
        if number % 5 == 0 {
            writer.flush().unwrap();
        }
    }
    writer.flush().unwrap();
    writer.into_inner()
}

fn ran(folder: &Path, args: &[&str]) -> Ran {
    let output = chatfold().current_dir(folder).args(args).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder in which these bytes had a snapshot taken of them, as `a.snapshot`.
fn snapshot_of(bytes: &[u8]) -> Files {
    let files = Files::new();
    files.write("a", bytes);
    let made = ran(files.path(), &["snapshot", "a", "--out", "a.snapshot"]);
    assert_eq!(made.code, 0, "{made:?}");
    files
}

fn has_place(files: &Files) -> bool {
    let bytes = fs::read(files.path().join("a.snapshot")).unwrap();
    SnapshotInfo::read(&bytes).unwrap().place.is_some()
}

/// Folded from the snapshot on, the log shows the same and ends alike as folded from its beginning.
fn same_as_whole(files: &Files, case: &str) -> Ran {
    let whole = ran(files.path(), &["inbox", "a"]);
    let resumed = ran(files.path(), &["inbox", "a", "--snapshot", "a.snapshot"]);
    assert_eq!(
        (resumed.code, &resumed.out),
        (whole.code, &whole.out),
        "{case}: {resumed:?}, whole {whole:?}"
    );
    if whole.code != 0 {
        assert!(resumed.err.contains(whole.err.trim()), "{case}: {resumed:?}, whole {whole:?}");
    }
    resumed
}

/// How many bytes of the log were read, from what `--verbose` says.
fn bytes_read(files: &Files) -> usize {
    let ran = ran(files.path(), &["inbox", "a", "--snapshot", "a.snapshot", "-v"]);
    let said =
        ran.err.lines().find(|line| line.contains("read the snapshot of")).expect("it says what was read");
    let number = said.split("behind it, ").nth(1).unwrap().split(' ').next().unwrap();
    number.parse().unwrap()
}

/// R06: an appended log shows the same from its snapshot on, in every form.
#[test]
fn r06_an_appended_log_goes_on_behind_the_place() {
    for (before, after) in [(0, 0), (0, 5), (5, 5), (10, 12), (20, 21), (40, 45)] {
        let case = format!("{before} events, then {after}");
        // What was appended to a binary log is a record of its own.
        let (old, new) = (binary(before), binary(after));
        let is_prefix = new.starts_with(&old);
        assert!(is_prefix, "{case}");
        let forms = [
            ("text", text(before), text(after)),
            ("binary", old.clone(), new.clone()),
            ("gzipped text", gzip(&text(before)), gzip(&text(after))),
            ("gzipped binary", gzip(&old), gzip(&new)),
            ("zstd binary", zstd(&old), zstd(&new)),
            // One may be packed since.
            ("binary, then zstd", old.clone(), zstd(&new)),
            ("gzipped text, then plain", gzip(&text(before)), text(after)),
        ];
        for (form, old, new) in forms {
            let files = snapshot_of(&old);
            assert!(has_place(&files), "{form}, {case}");
            files.write("a", &new);
            let resumed = same_as_whole(&files, &format!("{form}, {case}"));
            assert!(!resumed.err.contains("not used"), "{form}, {case}: {resumed:?}");
            let json = |args: &[&str]| ran(files.path(), &[&["inbox", "a", "--json"], args].concat()).out;
            assert_eq!(json(&["--snapshot", "a.snapshot"]), json(&[]), "{form}, {case}");
        }
    }
}

#[test]
fn verbose_says_that_what_is_before_the_place_of_a_binary_log_is_not_read() {
    let long = |count: usize| {
        let mut bytes = log("alice", "").into_bytes();
        let row = |n| {
            format!(
                "bob 10:00:00 c2c_bob message_received {{\"message\":{{\"id\":\"M{n}\",\"text\":\"{}\"}}}}",
                "x".repeat(900)
            )
        };
        (1..=count).for_each(|n| writeln!(bytes, "{}", line(n as u64, &row(n))).unwrap());
        bytes
    };
    let files = snapshot_of(&binary_of(&long(500)));
    files.write("a", binary_of(&long(505)));
    assert!(bytes_read(&files) < 140_000, "the header, the checksum and what is behind");
    let files = snapshot_of(&long(500));
    files.write("a", long(505));
    assert_eq!(bytes_read(&files), long(505).len());
}

/// Snapshots of version 5, and those that a store made, name no place: every event is held against the hash.
#[test]
fn r06_a_snapshot_without_a_place_goes_on_too() {
    for (old, new) in [(text(10), text(13)), (binary(10), binary(13))] {
        let files = snapshot_of(&old);
        let mut prefix = LogPrefix::EMPTY;
        let mut replay = Replay::new("alice".parse().unwrap(), Policy::default());
        for line in chatfold::jsonl::Reader::new(&*text(10)).unwrap() {
            match line.unwrap().event {
                LoggedEvent::Known(event) => {
                    prefix.push(encode_event(&event).as_bytes());
                    replay.push(&event);
                }
                LoggedEvent::Skipped(skipped) => prefix.push_skipped(skipped.raw().as_bytes()),
            }
        }
        let named = SnapshotInfo::read(&fs::read(files.path().join("a.snapshot")).unwrap()).unwrap().prefix;
        assert_eq!(prefix, named, "the same, whatever the form");
        files.write("a.snapshot", replay.finish().snapshot(prefix).unwrap());
        assert!(!has_place(&files));
        files.write("a", &new);
        let resumed = same_as_whole(&files, "version 5");
        assert!(!resumed.err.contains("not used"), "{resumed:?}");
    }
}

/// A log of the other form says the same events, one that was redacted others, and another log others too.
#[test]
fn r99_a_log_that_is_not_as_it_was_is_held_against_its_events() {
    let other = String::from_utf8(text(15)).unwrap().replace("no 5", "no 6").into_bytes();
    for (form, old) in [("text", text(15)), ("binary", binary(15))] {
        let files = snapshot_of(&old);
        for (kind, new, fits) in [
            ("as text", text(20), true),
            ("as binary", binary(20), true),
            ("another text", other.clone(), false),
            ("another binary", binary_of(&other), false),
            ("a shorter text", text(10), false),
            ("a shorter binary", binary(10), false),
            ("nothing but the header, text", text(0), false),
            ("nothing but the header, binary", binary(0), false),
        ] {
            files.write("a", &new);
            let resumed = same_as_whole(&files, &format!("{form}, then {kind}"));
            assert_eq!(!resumed.err.contains("not used"), fits, "{form}, then {kind}: {resumed:?}");
        }
        files.write("a", &old);
        let redact = ["redact", "a", "--author", "bob", "--out", "redacted"];
        assert_eq!(ran(files.path(), &redact).code, 0);
        fs::rename(files.path().join("redacted"), files.path().join("a")).unwrap();
        let resumed = same_as_whole(&files, "redacted");
        assert!(resumed.err.contains("not used") && !resumed.out.contains("no 5"), "{resumed:?}");
    }
    let files = snapshot_of(&binary(15));
    files.write("a", log("bob", ""));
    assert!(same_as_whole(&files, "another owner's").err.contains("not used"));
    files.write("a", "no log at all");
    same_as_whole(&files, "no log");
}

/// R99: cut anywhere, a log shows or tells what it does without a snapshot.
#[test]
fn r99_a_log_cut_at_any_byte_ends_as_without_a_snapshot() {
    for (old, new) in [(text(5), text(7)), (binary(5), binary(7))] {
        let files = snapshot_of(&old);
        for len in (0..new.len()).filter(|len| len % 5 == 0 || len.abs_diff(old.len()) < 12) {
            files.write("a", &new[..len]);
            same_as_whole(&files, &format!("{len} of {} bytes, {} before the place", new.len(), old.len()));
        }
    }
}

/// R99: a byte that changed behind the place is told as it is without a snapshot. One before it is told of a text log;
/// of a binary log it is not looked at, and the list is that of the log as it was.
#[test]
fn r99_a_changed_byte_never_gives_a_wrong_list() {
    for (form, old, new) in [("text", text(5), text(7)), ("binary", binary(5), binary(7))] {
        let files = snapshot_of(&old);
        let begin = if form == "binary" { Log::open(&new).unwrap().index()[0].offset as usize } else { 0 };
        files.write("a", &new);
        let healthy = same_as_whole(&files, "healthy");
        for at in (0..new.len()).filter(|at| at % 5 == 0 || at.abs_diff(old.len()) < 12) {
            let case = format!("{form}, byte {at} of {}, {} before the place", new.len(), old.len());
            let mut changed = new.clone();
            changed[at] ^= 0x10;
            files.write("a", &changed);
            let is_unseen = form == "binary" && (begin..old.len() - 8).contains(&at);
            if is_unseen {
                let resumed = ran(files.path(), &["inbox", "a", "--snapshot", "a.snapshot"]);
                assert_eq!((resumed.code, &resumed.out), (0, &healthy.out), "{case}");
                assert_eq!(ran(files.path(), &["check", "a"]).code, 1, "{case}");
            } else {
                same_as_whole(&files, &case);
            }
        }
    }
}

/// A last line without its end may be torn, so what is behind it has no place; neither has what is not all of a record.
#[test]
fn a_place_is_between_two_records() {
    let whole = text(5);
    let files = snapshot_of(&whole[..whole.len() - 1]);
    assert!(!has_place(&files));
    files.write("a", text(9));
    assert!(!same_as_whole(&files, "its last line has an end now").err.contains("not used"));
    for (name, bytes, first, placed) in [
        ("text", text(12), "7", true),
        ("binary", binary(12), "7", false),
        ("binary", binary(12), "10", true),
        ("binary", binary(12), "0", true),
    ] {
        let files = Files::new();
        files.write("a", bytes);
        let args = ["snapshot", "a", "--out", "a.snapshot", "--first", first];
        assert_eq!(ran(files.path(), &args).code, 0);
        assert_eq!(has_place(&files), placed, "{name}, {first}");
        assert!(!same_as_whole(&files, name).err.contains("not used"));
    }
    // Events that are left out are in nothing that the snapshot stands for.
    let files = Files::new();
    files.write("a", text(12));
    let args = ["snapshot", "a", "--out", "a.snapshot", "--at", "2026-03-01T10:59"];
    assert_eq!(ran(files.path(), &args).code, 0);
    assert!(!has_place(&files));
    assert!(same_as_whole(&files, "--at").err.contains("not used"));
}

/// With a part of the log chosen, or its faults passed over, every event is looked at.
#[test]
fn what_is_chosen_of_a_log_is_chosen_behind_a_snapshot_too() {
    for (old, new) in [(text(5), text(12)), (binary(5), binary(12))] {
        let files = snapshot_of(&old);
        files.write("a", &new);
        for args in [
            &["--first", "9"][..],
            &["--first", "3"],
            &["--at", "2026-03-01T11:30"],
            &["--keep-going"],
            &["--as", "alice"],
        ] {
            let whole = ran(files.path(), &[&["inbox", "a"], args].concat());
            let resumed = ran(files.path(), &[&["inbox", "a", "--snapshot", "a.snapshot"], args].concat());
            assert_eq!((resumed.code, resumed.out), (whole.code, whole.out), "{args:?}");
        }
    }
}

/// R99: whatever byte of a snapshot changed, the list is right: by the parts of it that were read, or by the whole log.
#[test]
fn r99_a_changed_byte_of_the_snapshot_never_gives_a_wrong_list() {
    let files = snapshot_of(&binary(10));
    files.write("a", binary(12));
    let healthy = fs::read(files.path().join("a.snapshot")).unwrap();
    let whole = ran(files.path(), &["inbox", "a"]).out;
    let mut refused = 0;
    for at in (0..healthy.len()).step_by(7) {
        let mut changed = healthy.clone();
        changed[at] ^= 4;
        files.write("a.snapshot", changed);
        let resumed = ran(files.path(), &["inbox", "a", "--snapshot", "a.snapshot"]);
        assert_eq!((resumed.code, &resumed.out), (0, &whole), "byte {at}: {resumed:?}");
        refused += usize::from(resumed.err.contains("a.snapshot: not used: "));
    }
    assert!(refused > 20, "{refused} of {} bytes", healthy.len());
}
