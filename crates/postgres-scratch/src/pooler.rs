//! PgBouncer in front of a server, in transaction mode.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::Server;

/// How long it may take until it takes connections.
const LONGEST: Duration = Duration::from_secs(60);

/// A running PgBouncer. It is stopped when dropped.
#[derive(Debug)]
pub struct Pooler {
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// Starts PgBouncer in transaction mode with two connections to the server for each database, or says why there is
    /// none: then `None`, or a failure if `CHATFOLD_REQUIRE_PGBOUNCER` is set.
    pub fn pooler(&self) -> Option<Pooler> {
        let mut folders = vec![PathBuf::from("/usr/sbin")];
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let program = folders.iter().map(|folder| folder.join("pgbouncer")).find(|program| program.is_file());
        let Some(program) = program else {
            let what = "PgBouncer is not installed (Debian: apt-get install pgbouncer)";
            assert!(std::env::var_os("CHATFOLD_REQUIRE_PGBOUNCER").is_none(), "{what}");
            eprintln!("skipped: {what}");
            return None;
        };
        let made = tempfile::Builder::new().prefix("pgb-").tempdir();
        let folder = made.unwrap_or_else(|error| panic!("a temporary folder: {error}"));
        self.own(folder.path());
        let settings = folder.path().join("pgbouncer.ini");
        let (own, server) = (folder.path().display(), self.socket_folder().display());
        let text = format!(
            "[databases]\npostgres = host={server} port={} dbname=postgres user=chatfold\n\
             [pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {own}\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\nlogfile = {own}/log\n",
            self.port
        );
        fs::write(&settings, text).unwrap_or_else(|error| panic!("{}: {error}", settings.display()));
        self.own(&settings);
        let mut command = self.command(&program);
        command.arg("-q").arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut pooler = Pooler { folder, child };
        pooler.until_there();
        Some(pooler)
    }
}

impl Pooler {
    /// How to connect to it, as a list of keys and values.
    pub fn config(&self) -> String {
        format!("host={} port=6432 user=chatfold dbname=postgres", self.folder.path().display())
    }

    fn until_there(&mut self) {
        let (since, socket) = (Instant::now(), self.folder.path().join(".s.PGSQL.6432"));
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            let ended = self.child.try_wait().ok().flatten();
            if let Some(status) = ended.or_else(|| (since.elapsed() > LONGEST).then(Default::default)) {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("pgbouncer takes no connections ({status}):\n{log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
