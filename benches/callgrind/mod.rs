//! Counting instructions under valgrind, so that no other work on the machine is seen.
#![allow(unreachable_pub, clippy::expect_used)]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

/// What is counted: everything inside, nothing outside.
#[inline(never)]
pub fn measured<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// Runs this program once more with these arguments, under callgrind: the instructions within [`measured`], and what it
/// printed. The profile is kept as `name` in the folder that `CHATFOLD_PROFILES` names, if it is set.
pub fn count(name: &str, args: &[&str]) -> (u64, String) {
    let folder = std::env::temp_dir().join(format!("chatfold-instructions-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let out = folder.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*callgrind*measured*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().unwrap())
        .args(args)
        .output()
        .expect("valgrind is installed");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let profile = std::fs::read_to_string(&out).unwrap();
    // Kept by name where somebody wants to see where the instructions go.
    if let Some(kept) = std::env::var_os("CHATFOLD_PROFILES") {
        std::fs::copy(&out, Path::new(&kept).join(name.replace('/', "-"))).unwrap();
    }
    std::fs::remove_dir_all(folder).unwrap();
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    (total.trim().parse().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}
