//! What can fail: an outage, or a file that is not what it should be.

use chatfold::UserId;
use rusqlite::ErrorCode;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// SQLite could not do it.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file was written by a newer version of this crate.
    #[error("the file has schema {found}, this version knows up to {newest}")]
    NewerSchema {
        /// The newest schema this version knows.
        newest: usize,
        /// The schema of the file.
        found: i64,
    },
    /// The file is a database, but of another application.
    #[error("the file is a database of another application (application_id {application_id})")]
    Alien {
        /// What it says it is.
        application_id: i32,
    },
    /// The file is empty or not there, and was to be read only.
    #[error("the file holds no chatfold store, and is opened for reading only")]
    Nothing,
    /// The file cannot be in WAL mode: it is on a network file system, for instance.
    #[error("the file cannot be in WAL mode, its journal is {0:?}")]
    NoWal(String),
    /// A row is not what this crate writes.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// A row of an inbox's log is not what this crate wrote. What is before it is sound.
    #[error("the log of {inbox} is damaged in table {table} at position {position}: {what}")]
    DamagedAt {
        /// Whose log.
        inbox: UserId,
        /// The table that the row is in.
        table: &'static str,
        /// The first position of the log that cannot be read.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl SqliteError {
    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether another writer held the file for longer than the timeout: try again.
    pub fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether the disk is full. Nothing was written; there is room again, it works again.
    pub fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    /// Whether the file may only be read.
    pub fn is_read_only(&self) -> bool {
        self.code() == Some(ErrorCode::ReadOnly)
    }

    /// Whether the file is damaged, or no database.
    pub fn is_damaged(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            || matches!(self, Self::Damaged(_) | Self::DamagedAt { .. })
    }
}
