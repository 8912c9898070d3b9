//! A PostgreSQL of a test's own: started in a temporary folder on a socket, stopped and gone afterwards.
//!
//! It needs PostgreSQL's server programs (Debian's package `postgresql`). Where there are none, [`server`] returns
//! `None` and says so; with `CHATFOLD_REQUIRE_POSTGRES` set that is a failure.
#![allow(clippy::print_stderr, clippy::panic)]

#[cfg(feature = "certificates")]
mod certificates;
mod pooler;
mod processes;
mod replication;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub use self::pooler::Pooler;

/// A running server. It is stopped when dropped.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    programs: PathBuf,
    /// Its programs refuse to run as root: another user's ids, then.
    user: Option<(u32, u32)>,
    /// The port of its socket's name, and on the loopback interface if it listens there.
    port: u16,
    tcp: bool,
}

/// Starts a server on a socket alone, or says why there is none.
pub fn server() -> Option<Server> {
    programs_or_reason().map(|programs| Server::start(programs, 5432, false))
}

/// Starts a server that listens on a free port of the loopback interface too, or says why there is none.
pub fn server_on_tcp() -> Option<Server> {
    programs_or_reason().map(|programs| Server::start(programs, free_port(), true))
}

/// A port of the loopback interface that nobody listens on just now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    let address = listener.and_then(|listener| listener.local_addr());
    address.unwrap_or_else(|error| panic!("a free port: {error}")).port()
}

/// Where the programs are. Without them `None`, unless they are required.
fn programs_or_reason() -> Option<PathBuf> {
    let Some(programs) = programs() else {
        let what = "PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)";
        assert!(std::env::var_os("CHATFOLD_REQUIRE_POSTGRES").is_none(), "{what}");
        eprintln!("skipped: {what}");
        return None;
    };
    Some(programs)
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
    fn start(programs: PathBuf, port: u16, tcp: bool) -> Self {
        let server = Self::prepared(programs, port, tcp);
        let data = server.data();
        let args =
            ["--auth=trust", "--username=chatfold", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"];
        server.run("initdb", args.iter().map(OsString::from).chain([data.into_os_string()]));
        server.up();
        server
    }

    /// A folder for a server, with nothing in it.
    fn prepared(programs: PathBuf, port: u16, tcp: bool) -> Self {
        let made = tempfile::Builder::new().prefix("pg-").tempdir();
        let folder = made.unwrap_or_else(|error| panic!("a temporary folder: {error}"));
        let root = fs::metadata(folder.path()).is_ok_and(|metadata| metadata.uid() == 0);
        let user = root.then(unprivileged).flatten();
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), mode).unwrap_or_else(|error| panic!("permissions: {error}"));
        let server = Self { folder, programs, user, port, tcp };
        server.own(server.folder.path());
        server
    }

    /// Gives a file or folder to the user that the server's programs run as.
    fn own(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).unwrap_or_else(|error| panic!("chown: {error}"));
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder that has its socket.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// The port of the loopback interface that it listens on, which is in its socket's name too.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How to connect to it by its socket, as a list of keys and values.
    pub fn config(&self) -> String {
        format!("host={} port={} user=chatfold dbname=postgres", self.folder.path().display(), self.port)
    }

    /// Keeps a file in its data folder that it alone may read: a key, say.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.data().join(name);
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.own(&path);
    }

    /// Runs SQL as its superuser, several statements in one transaction, and returns the values of the rows, one a line.
    pub fn sql(&self, sql: &str) -> String {
        let port = self.port.to_string();
        let folder = self.folder.path().to_string_lossy();
        let mut args = vec!["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-U", "chatfold", "-p", &port];
        args.extend(["-h", &folder, "-d", "postgres", "-c", sql]);
        self.run("psql", args.iter().map(OsString::from)).trim().to_owned()
    }

    /// Changes settings that take effect without a restart, as `name = value`.
    pub fn set(&self, settings: &[&str]) {
        for setting in settings {
            self.sql(&format!("ALTER SYSTEM SET {setting}"));
        }
        self.sql("SELECT pg_reload_conf()");
    }

    /// Starts it; commits are synced as in service. It begins no transactions by itself, which others would wait for.
    pub fn up(&self) {
        let socket = self.folder.path().display();
        let (port, address) = (self.port, if self.tcp { "127.0.0.1" } else { "" });
        let options = format!(
            "-c listen_addresses='{address}' -c port={port} -c unix_socket_directories='{socket}' \
             -c max_connections=200 -c autovacuum=off"
        );
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

    /// A program that runs as the server does.
    fn command(&self, program: &Path) -> Command {
        match self.user {
            // `setpriv` gives up root's groups too, which a bare setuid would keep.
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
                command.arg("--clear-groups").arg("--").arg(program);
                command
            }
            None => Command::new(program),
        }
    }

    /// Runs a program and returns what it printed.
    fn run(&self, program: &str, args: impl Iterator<Item = OsString>) -> String {
        let program = self.programs.join(program);
        let mut command = self.command(&program);
        // The server keeps what it inherits: not the pipes that a test's runner waits for.
        let output = self.folder.path().join("output");
        let file =
            || fs::File::create(&output).unwrap_or_else(|error| panic!("{}: {error}", output.display()));
        command.args(args).current_dir(self.folder.path()).stdout(file()).stderr(file());
        let ran: Output = command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let told = fs::read_to_string(&output).unwrap_or_default();
        if !ran.status.success() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("{}: {}\n{told}\n{log}", program.display(), ran.status);
        }
        told
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.pg_ctl(&["stop", "-w", "-t", "60", "-m", "immediate"]);
        }
    }
}
