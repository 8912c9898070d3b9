//! Standbys of a server: copies that receive what it writes, and take its place.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use crate::Server;

/// How long a standby may take to do what is waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// The replication slot of the standby.
const SLOT: &str = "scratch";

impl Server {
    /// Makes a standby that receives everything through a replication slot, and starts it: asynchronous until
    /// [`Server::wait_for_standby`] is called.
    pub fn standby(&self) -> Self {
        let port = if self.tcp { crate::free_port() } else { self.port };
        let standby = Self::prepared(self.programs.clone(), port, self.tcp);
        let data = standby.data();
        let from = self.config();
        let args = ["-R", "-C", "-S", SLOT, "-X", "stream", "-c", "fast", "--no-sync", "-d", &from, "-D"];
        standby.run("pg_basebackup", args.iter().map(OsString::from).chain([data.into_os_string()]));
        standby.up();
        self.until("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", "1");
        standby
    }

    /// From now on a commit waits until its standby has it on disk.
    pub fn wait_for_standby(&self) {
        self.set(&["synchronous_commit = 'on'", "synchronous_standby_names = '*'"]);
        self.until("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1");
    }

    /// Waits until its standby has all that was written until now.
    pub fn standby_has_all(&self) {
        let now = self.sql("SELECT pg_current_wal_lsn()");
        self.until(&format!("SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= '{now}'"), "1");
    }

    /// The standby receives nothing from now on, and what the primary writes is lost with it.
    pub fn stop_receiving(&self) {
        self.set(&["primary_conninfo = ''"]);
        self.until("SELECT count(*) FROM pg_stat_wal_receiver", "0");
    }

    /// Makes a primary of the standby. It has no standby of its own, so it must wait for none, whatever it copied of
    /// the old primary's settings: its commits would wait for ever.
    pub fn promote(&self) {
        self.pg_ctl(&["promote", "-w", "-t", "60"]);
        self.sql("ALTER SYSTEM RESET synchronous_standby_names");
        self.sql("SELECT pg_reload_conf()");
    }

    /// Asks again until the answer is this one.
    pub(crate) fn until(&self, sql: &str, expected: &str) {
        let since = Instant::now();
        loop {
            let answer = self.sql(sql);
            if answer == expected {
                return;
            }
            assert!(since.elapsed() < LONGEST, "{sql}: expected {expected}, found {answer}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
