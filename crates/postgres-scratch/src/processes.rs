//! A server's processes, and killing them.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Server;

/// How long killed processes may take until they are gone.
const GONE: Duration = Duration::from_secs(60);

impl Server {
    /// Kills the server and all its processes at once (SIGKILL), as a machine does that loses power: nothing is shut
    /// down, and what was not synced is not written. [`Server::up`] starts it again.
    pub fn kill(&self) {
        let processes = self.processes();
        let ids: Vec<String> = processes.iter().map(u32::to_string).collect();
        // Some may have ended by themselves meanwhile.
        let _ = Command::new("kill").arg("-KILL").args(&ids).status();
        let since = Instant::now();
        while processes.iter().any(|process| runs(*process)) {
            assert!(since.elapsed() < GONE, "killed processes are still there: {processes:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        // It names a process that may be another one by then.
        let _ = fs::remove_file(self.data().join("postmaster.pid"));
    }

    /// The server's process, and then its children.
    fn processes(&self) -> Vec<u32> {
        let file = self.data().join("postmaster.pid");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parent = text.lines().next().and_then(|line| line.trim().parse().ok());
        let parent: u32 = parent.unwrap_or_else(|| panic!("{}: no process id", file.display()));
        let all: Vec<_> =
            fs::read_dir("/proc").map(|entries| entries.flatten().collect()).unwrap_or_default();
        let ids = all.iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let children = ids.filter(|id| status(*id).is_some_and(|(_, of)| of == parent));
        [parent].into_iter().chain(children).collect()
    }
}

/// The state of a process and its parent; `None` if it is gone.
fn status(process: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Its name stands in parentheses and may have any in it.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether a process runs; one that nobody has waited for yet does not.
fn runs(process: u32) -> bool {
    status(process).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}
