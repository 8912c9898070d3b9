//! Each commit is synced before it is acknowledged: the system calls of a process that appends, looked at in order.
//!
//! Killing a process shows nothing about a loss of power, because the system still writes what the process gave it.
//! What shows it is the order of calls: after the last write to the write-ahead log there is a sync of it, and only
//! then the acknowledgement.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::killed::{WRITER, child_process};

const COMMANDS: u64 = 30;

fn strace() -> bool {
    // Tracing may be forbidden where the program is there.
    let traced =
        Command::new("strace").args(["-f", "true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = traced.is_ok_and(|status| status.success());
    if !there {
        let what = "strace is not installed or not allowed (Debian: apt-get install strace)";
        assert!(std::env::var_os("CHATFOLD_REQUIRE_STRACE").is_none(), "{what}");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {what}\n").as_bytes());
    }
    there
}

/// How many acknowledgements there were of something written, and how many of them came after a sync.
fn acknowledgements(path: &Path, synchronous: &str) -> (u32, u32) {
    let trace = path.with_extension("trace");
    let child = child_process(path, WRITER, (0, COMMANDS), synchronous);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-s", "64", "-e", "trace=write,writev,pwrite64,pwritev,fsync,fdatasync", "-o"]);
    traced.arg(&trace).arg("--").arg(child.get_program()).args(child.get_args());
    traced.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = traced.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut written, mut unsynced, mut all, mut synced) = (false, false, 0, 0);
    for line in std::fs::read_to_string(trace).unwrap().lines() {
        let of_log = line.contains("chat.db-wal>");
        if of_log && line.contains("write") {
            (written, unsynced) = (true, true);
        } else if of_log && line.contains("sync(") {
            unsynced = false;
        } else if line.contains("\"ack ") {
            all += u32::from(written);
            synced += u32::from(written && !unsynced);
            (written, unsynced) = (false, false);
        }
    }
    (all, synced)
}

#[test]
fn every_acknowledged_commit_was_synced() {
    if !strace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (all, synced) = acknowledgements(&folder.path().join("chat.db"), "full");
    assert!(all >= COMMANDS as u32 / 2, "{all} acknowledgements of something written were seen");
    assert_eq!(synced, all, "each after a sync of the write-ahead log");
    // And this would show if it were not so.
    let folder = tempfile::tempdir().unwrap();
    let (all, synced) = acknowledgements(&folder.path().join("chat.db"), "normal");
    assert!(synced < all, "without syncs, {synced} of {all} were synced");
}
