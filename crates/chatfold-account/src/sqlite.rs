//! What the blocking driver adds over SQLite: waiting for other writers.

use std::thread;
use std::time::{Duration, Instant};

use chatfold_sqlite::{SqliteError, SqliteStore};

use crate::blocking::Account;
use crate::error::AccountError;
use crate::outcome::Changes;

/// How long between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Account<SqliteStore> {
    /// Waits until another connection has written to the file, then takes in what it wrote; after `timeout` returns
    /// with nothing.
    ///
    /// SQLite has no notifications: the file's counter is looked at every 20 ms, which costs microseconds.
    ///
    /// # Errors
    ///
    /// As [`Account::follow`].
    pub fn wait(&mut self, timeout: Duration) -> Result<Changes, AccountError<SqliteError>> {
        let until = Instant::now() + timeout;
        loop {
            let before = self.store().data_version().map_err(AccountError::Store)?;
            let changes = self.follow()?;
            if changes != Changes::default() {
                return Ok(changes);
            }
            while self.store().data_version().map_err(AccountError::Store)? == before {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(Changes::default());
                }
                thread::sleep(left.min(LOOK_EVERY));
            }
        }
    }
}
