//! A PostgreSQL of a test's own: started in a temporary folder on a socket, stopped and gone afterwards.
//!
//! It needs PostgreSQL's server programs (Debian's package `postgresql`). Where there are none, [`server`] returns
//! `None` and says so; with `CHATFOLD_REQUIRE_POSTGRES` set that is a failure.
#![allow(clippy::print_stderr, clippy::panic)]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A running server. It is stopped when dropped.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    programs: PathBuf,
    /// Its programs refuse to run as root: another user's ids, then.
    user: Option<(u32, u32)>,
}

/// Starts a server, or says why there is none.
pub fn server() -> Option<Server> {
    let Some(programs) = programs() else {
        let what = "PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)";
        assert!(std::env::var_os("CHATFOLD_REQUIRE_POSTGRES").is_none(), "{what}");
        eprintln!("skipped: {what}");
        return None;
    };
    Some(Server::start(programs))
}

/// Where `initdb` and `postgres` are.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
        folders.sort();
        folders.reverse();
    }
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

/// The user `postgres`, else `nobody`: user and group.
fn unprivileged() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse::<u32>);
        Some((ids.next()?.ok()?, ids.next()?.ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

impl Server {
    fn start(programs: PathBuf) -> Self {
        let made = tempfile::Builder::new().prefix("pg-").tempdir();
        let folder = made.unwrap_or_else(|error| panic!("a temporary folder: {error}"));
        let root = fs::metadata(folder.path()).is_ok_and(|metadata| metadata.uid() == 0);
        let user = root.then(unprivileged).flatten();
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), mode).unwrap_or_else(|error| panic!("permissions: {error}"));
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).unwrap_or_else(|error| panic!("chown: {error}"));
        }
        let server = Self { folder, programs, user };
        let data = server.data();
        let args =
            ["--auth=trust", "--username=chatfold", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"];
        server.run("initdb", args.iter().map(OsString::from).chain([data.into_os_string()]));
        server.up();
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder that has its socket.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// How to connect to it, as a list of keys and values.
    pub fn config(&self) -> String {
        format!("host={} user=chatfold dbname=postgres", self.folder.path().display())
    }

    /// Starts it; commits are synced as in service.
    pub fn up(&self) {
        let socket = self.folder.path().display();
        let options =
            format!("-c listen_addresses='' -c unix_socket_directories='{socket}' -c max_connections=200");
        let log = self.folder.path().join("log");
        self.pg_ctl(&["start", "-w", "-t", "60", "-o", &options, "-l", &log.to_string_lossy()]);
    }

    /// Stops it: `fast` rolls back what is under way, `immediate` is a crash.
    pub fn down(&self, mode: &str) {
        self.pg_ctl(&["stop", "-w", "-t", "60", "-m", mode]);
    }

    fn pg_ctl(&self, args: &[&str]) {
        let data = self.data();
        let given = args.iter().map(OsString::from);
        self.run("pg_ctl", given.chain(["-D".into(), data.into_os_string()]));
    }

    fn run(&self, program: &str, args: impl Iterator<Item = OsString>) {
        let program = self.programs.join(program);
        let mut command = match self.user {
            // `setpriv` gives up root's groups too, which a bare setuid would keep.
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
                command.arg("--clear-groups").arg("--").arg(&program);
                command
            }
            None => Command::new(&program),
        };
        // The server keeps what it inherits: not the pipes that a test's runner waits for.
        let output = self.folder.path().join("output");
        let file =
            || fs::File::create(&output).unwrap_or_else(|error| panic!("{}: {error}", output.display()));
        command.args(args).current_dir(self.folder.path()).stdout(file()).stderr(file());
        let ran: Output = command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        if !ran.status.success() {
            let told = fs::read_to_string(&output).unwrap_or_default();
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("{}: {}\n{told}\n{log}", program.display(), ran.status);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.pg_ctl(&["stop", "-w", "-t", "60", "-m", "immediate"]);
        }
    }
}
