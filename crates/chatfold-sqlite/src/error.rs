//! What can fail: an outage, or a file that is not what it should be.

use std::path::PathBuf;

use chatfold::shared::StreamId;
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
        newest: i64,
        /// The schema of the file.
        found: i64,
    },
    /// The file has an older schema, and was not to be migrated: see [`Options::migrate`](crate::Options::migrate).
    #[error(
        "the file has schema {found} and is to be brought to schema {newest} first: chatfold store migrate"
    )]
    OldSchema {
        /// The schema of the file.
        found: i64,
        /// The newest schema this version knows.
        newest: i64,
    },
    /// The file has an older schema, and it or its folder may not be written. Nothing was attempted; it can be read as it
    /// is.
    #[error(
        "the file has schema {found} and cannot be brought to schema {newest}, as it or its folder may not be written; \
         it can be opened for reading only"
    )]
    CannotMigrate {
        /// The schema of the file.
        found: i64,
        /// The newest schema this version knows.
        newest: i64,
    },
    /// The file is a database, but of another application.
    #[error("the file is a database of another application (application_id {application_id})")]
    Alien {
        /// What it says it is.
        application_id: i32,
    },
    /// The database holds no store, and none was to be made: it is opened for reading only, or not to be
    /// [migrated](crate::Options::migrate).
    #[error("the file holds no chatfold store, and none was to be made in it")]
    Nothing,
    /// The connection's transactions cannot be rolled back: its `journal_mode` is `OFF`.
    #[error(
        "the connection keeps no journal, so that what fails in the middle would stay half done: its journal_mode is OFF"
    )]
    NoJournal,
    /// The file cannot be in WAL mode: it is on a network file system, for instance.
    #[error("the file cannot be in WAL mode, its journal is {0:?}")]
    NoWal(String),
    /// The write-ahead log of the file is gone, and held commits that the file does not: it was removed after a process was
    /// killed. What it held was acknowledged.
    #[error(
        "the write-ahead log {} is gone, which held {frames} written pages that the file lacks: put it back; \
         to go on without what was in it, remove {} too", log.display(), index.display()
    )]
    WalMissing {
        /// What is gone.
        log: PathBuf,
        /// What tells so.
        index: PathBuf,
        /// How many pages it held that are not in the file; some of them more than once.
        frames: u32,
    },
    /// A row is not what this crate writes.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// The events were moved to an archive: [`SqliteStore::restore_archive`](crate::SqliteStore::restore_archive) puts them
    /// back.
    #[error(
        "the events of {inbox:#} through position {through} were moved to the archive {archive}: \
         put them back (chatfold store unarchive)"
    )]
    Trimmed {
        /// Whose log.
        inbox: StreamId,
        /// The position of the last event that was moved.
        through: u64,
        /// Where to, as it was named then.
        archive: String,
    },
    /// The snapshot that stands for trimmed events stands in the way of what was asked, or is damaged itself: put the
    /// events back first.
    #[error(
        "the snapshot of {inbox:#} at position {position} stands for events that were moved to the archive {archive}, \
         and {what}: put them back first (chatfold store unarchive)"
    )]
    Base {
        /// Whose log.
        inbox: StreamId,
        /// What the snapshot stands for.
        position: u64,
        /// Where the events are, as it was named when they were moved.
        archive: String,
        /// What cannot be.
        what: &'static str,
    },
    /// No snapshot was held against the events that it stands for, so that none of them was moved.
    #[error(
        "no events of {inbox:#} were moved: the snapshot at or before position {position} is not verified: {what}"
    )]
    Unverified {
        /// Whose log.
        inbox: StreamId,
        /// What the snapshot stands for, or was to stand for at most.
        position: u64,
        /// Why.
        what: String,
    },
    /// An archive cannot be read or written, or is not the one that is needed.
    #[error("the archive {}: {what}", path.display())]
    Archive {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A row of an inbox's log is not what this crate wrote. What is before it is sound.
    #[error("the log of {inbox:#} is damaged in table {table} at position {position}: {what}")]
    DamagedAt {
        /// Whose log.
        inbox: StreamId,
        /// The table that the row is in.
        table: &'static str,
        /// The first position of the log that cannot be read.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl SqliteError {
    /// The error of a file that may only be read.
    pub(crate) fn read_only() -> Self {
        let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        rusqlite::Error::SqliteFailure(error, None).into()
    }

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

    /// Whether a file that SQLite needs cannot be opened or made.
    pub(crate) fn cannot_open(&self) -> bool {
        self.code() == Some(ErrorCode::CannotOpen)
    }

    /// Whether the file is damaged, or no database.
    pub fn is_damaged(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            || matches!(
                self,
                Self::Damaged(_) | Self::DamagedAt { .. } | Self::Base { .. } | Self::WalMissing { .. }
            )
    }
}
