//! What can fail.

use std::time::Duration;

use chatfold::store::{AppendError, RewriteError};
use tokio_postgres::error::SqlState;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The server refused, or cannot be reached, or the connection broke.
    #[error("PostgreSQL: {}", told(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// No connection could be had.
    #[error("no connection: {0}")]
    Pool(String),
    /// A newer version of this crate made the tables.
    #[error("the tables have schema {found}, this version knows up to {newest}")]
    NewerSchema {
        /// The newest schema this version knows.
        newest: i32,
        /// The schema of the tables.
        found: i32,
    },
    /// A row is not what this crate writes.
    #[error("the tables are damaged: {0}")]
    Damaged(String),
    /// The server did not answer in time ([`Options::answer_timeout`](crate::Options::answer_timeout)). Whether
    /// anything was written is not known: append the same again.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// Transactions of others came in between, time after time.
    #[error("other transactions came in between {0} times")]
    Contention(u32),
}

/// The driver's error alone does not say what the server said.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => {
            std::error::Error::source(error).map_or(error.to_string(), |source| format!("{error}: {source}"))
        }
    }
}

impl PostgresError {
    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }

    /// Whether another transaction came in between: look again.
    pub(crate) fn is_contention(&self) -> bool {
        let codes = [
            SqlState::UNIQUE_VIOLATION,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ];
        self.code().is_some_and(|code| codes.contains(code))
    }

    /// Whether the server takes no writes: it is a standby, or was made read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
    }

    /// Whether somebody else made the same table at the same moment.
    pub(crate) fn is_made_already(&self) -> bool {
        let codes = [SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT, SqlState::UNIQUE_VIOLATION];
        self.code().is_some_and(|code| codes.contains(code))
    }
}

/// An error that may be the store's own.
pub(crate) trait StoreFailure: From<PostgresError> {
    /// The store's own error, if it is one.
    fn of_store(&self) -> Option<&PostgresError>;
}

impl StoreFailure for PostgresError {
    fn of_store(&self) -> Option<&PostgresError> {
        Some(self)
    }
}

impl StoreFailure for AppendError<PostgresError> {
    fn of_store(&self) -> Option<&PostgresError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl StoreFailure for RewriteError<PostgresError> {
    fn of_store(&self) -> Option<&PostgresError> {
        match self {
            Self::Store(error) => Some(error),
            Self::NoSuchEvent { .. } => None,
        }
    }
}
